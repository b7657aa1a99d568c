"""Policies and financing instruments. Names first; clauses and amounts as data come with the incentive engine."""

from __future__ import annotations

from django.db import models
from django.urls import reverse

from zhaoyin.desk.evidence.models import Row
from zhaoyin.desk.words import t


class Policy(Row):
    """A named programme, fund, plan, measure or incentive."""

    class Kind(models.TextChoices):
        INCENTIVE = "incentive", t("奖补", "Incentive")
        PROGRAMME = "programme", t("计划", "Programme")
        FUND = "fund", t("基金", "Fund")
        INSTRUMENT = "instrument", t("融资工具", "Financing instrument")
        PLAN = "plan", t("规划", "Plan")
        OTHER = "other", t("其他", "Other")

    class Status(models.TextChoices):
        DRAFTING = "drafting", t("起草中", "In drafting")
        IN_FORCE = "in_force", t("有效", "In force")
        ENDED = "ended", t("已失效", "Ended")
        UNSTATED = "unstated", t("未载明", "Not stated")

    name = models.CharField(t("名称", "Name"), max_length=200)
    aliases = models.JSONField(t("别名", "Also written"), default=list, blank=True)
    kind = models.CharField(t("类型", "Kind"), max_length=20, choices=Kind.choices, default=Kind.OTHER)
    status = models.CharField(
        t("状态", "Status"), max_length=20, choices=Status.choices, default=Status.UNSTATED
    )
    amount_text = models.CharField(t("金额原话", "Amount as written"), max_length=120, blank=True)

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "policies"

    def get_absolute_url(self) -> str:
        return reverse("policies:detail", args=[self.pk])

    def __str__(self) -> str:
        return self.name
