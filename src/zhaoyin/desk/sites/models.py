"""Places the region offers: the tree of zones, parks, functional zones, bases and towns."""

from __future__ import annotations

from django.db import models
from django.urls import reverse

from zhaoyin.desk.evidence.models import Row
from zhaoyin.desk.words import english, t


class Region(models.Model):
    """Who we are: the region whose pack was loaded; its title stands beside the brand."""

    code = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=120)
    name_en = models.CharField(max_length=160, blank=True)
    title = models.CharField(max_length=120)
    title_en = models.CharField(max_length=160, blank=True)
    adcode = models.CharField(max_length=6)  # GB/T 2260

    def __str__(self) -> str:
        return self.title_en if english() and self.title_en else self.title


class Carrier(Row):
    """A node of the tree of places (载体). Area in square metres."""

    class Kind(models.TextChoices):
        REGION = "region", t("地区", "Region")
        ZONE = "zone", t("开发区", "Zone")
        PARK = "park", t("园区", "Park")
        FUNCTIONAL_ZONE = "functional_zone", t("功能区", "Functional zone")
        BASE = "base", t("基地", "Base")
        SITE = "site", t("场地", "Site")
        PLATFORM = "platform", t("平台", "Platform")
        TOWN = "town", t("镇街", "Town")

    code = models.SlugField(max_length=60, unique=True)
    name = models.CharField(t("名称", "Name"), max_length=120)
    name_en = models.CharField(max_length=160, blank=True)
    kind = models.CharField(t("类型", "Kind"), max_length=20, choices=Kind.choices)
    parent = models.ForeignKey(
        "self",
        verbose_name=t("上级", "Parent"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="children",
    )
    aliases = models.JSONField(t("别名", "Also written"), default=list, blank=True)
    area_m2 = models.DecimalField(t("面积", "Area"), max_digits=16, decimal_places=2, null=True, blank=True)
    focus = models.JSONField(t("产业", "Focus"), default=list, blank=True)
    note = models.TextField(t("说明", "Note"), blank=True)

    class Meta:
        ordering = ["kind", "name"]

    def get_absolute_url(self) -> str:
        return reverse("sites:detail", args=[self.pk])

    def __str__(self) -> str:
        return self.name
