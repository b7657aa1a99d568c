"""Conferences, festivals, visits: where agreements are announced."""

from __future__ import annotations

from django.db import models
from django.urls import reverse

from zhaoyin.desk.evidence.models import Row
from zhaoyin.desk.words import t


class Series(Row):
    """A recurring event, such as a festival, and how many editions it has had."""

    code = models.SlugField(max_length=60, unique=True)
    name = models.CharField(t("名称", "Name"), max_length=120)
    aliases = models.JSONField(t("别名", "Also written"), default=list, blank=True)
    editions_held = models.PositiveIntegerField(t("已办届数", "Editions held"), null=True, blank=True)
    rhythm = models.CharField(t("周期", "Rhythm"), max_length=60, blank=True)
    venue = models.CharField(t("地点", "Venue"), max_length=120, blank=True)

    class Meta:
        ordering = ["name"]

    def get_absolute_url(self) -> str:
        return reverse("events:series", args=[self.pk])

    def __str__(self) -> str:
        return self.name


class Event(Row):
    """One event. ``date_text`` keeps a date as far as it is known: 2026-07-28, --07-28 (no year), 2026-07."""

    class Kind(models.TextChoices):
        PROMOTION = "promotion", t("推介会", "Promotion")
        SIGNING = "signing", t("签约会", "Signing")
        FESTIVAL = "festival", t("节会", "Festival")
        FORUM = "forum", t("论坛", "Forum")
        VISIT = "visit", t("考察", "Visit")
        GROUNDBREAKING = "groundbreaking", t("开工仪式", "Groundbreaking")
        OTHER = "other", t("其他", "Other")

    name = models.CharField(t("名称", "Name"), max_length=200)
    kind = models.CharField(t("类型", "Kind"), max_length=20, choices=Kind.choices, default=Kind.OTHER)
    series = models.ForeignKey(
        Series,
        verbose_name=t("系列", "Series"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="events",
    )
    date_text = models.CharField(t("日期", "Date"), max_length=40, blank=True)
    held_on = models.DateField(t("举办日", "Held on"), null=True, blank=True)
    venue = models.CharField(t("地点", "Venue"), max_length=120, blank=True)
    attendees = models.PositiveIntegerField(t("到会人数", "Attendees"), null=True, blank=True)
    signed_count = models.PositiveIntegerField(t("宣布签约数", "Signings announced"), null=True, blank=True)
    signed_amount_fen = models.BigIntegerField(t("宣布签约额", "Amount announced"), null=True, blank=True)
    signed_amount_text = models.CharField(max_length=60, blank=True)

    class Meta:
        ordering = ["-held_on", "-id"]

    def get_absolute_url(self) -> str:
        return reverse("events:detail", args=[self.pk])

    def __str__(self) -> str:
        return self.name
