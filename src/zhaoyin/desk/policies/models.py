"""Policies and financing instruments. Names first; clauses and amounts as data come with the incentive engine."""

from __future__ import annotations

from django.conf import settings
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


class Text(Row):
    """One version of one policy file: the data the incentive engine reads. The newest of a name is in use."""

    name = models.CharField(t("文件", "File"), max_length=80, db_index=True)
    number = models.PositiveIntegerField(t("版本", "Version"))
    body = models.TextField(t("内容", "Content"))
    note = models.CharField(t("为什么改", "Why"), max_length=200, blank=True)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        ordering = ["name", "-number"]
        constraints = [models.UniqueConstraint(fields=["name", "number"], name="policy_text_version")]

    def get_absolute_url(self) -> str:
        return reverse("policies:edit", args=[self.name])

    def __str__(self) -> str:
        return f"{self.name} #{self.number}"


class Offer(Row):
    """What a project is offered: chosen clauses with their amounts on a day, and the facts they were computed from."""

    class State(models.TextChoices):
        DRAFT = "draft", t("拟承诺", "Draft")
        ACCEPTED = "accepted", t("已接受", "Accepted")

    project = models.ForeignKey("projects.Project", on_delete=models.PROTECT, related_name="offers")
    on = models.DateField(t("按哪天的条款", "Clauses as of"))
    facts = models.JSONField(t("依据", "Facts"), default=dict)
    lines = models.JSONField(t("条款", "Clauses"), default=list)
    texts = models.JSONField(t("条款版本", "Versions of the clauses"), default=dict)
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["-id"]

    def get_absolute_url(self) -> str:
        return reverse("policies:offer", args=[self.pk])

    def __str__(self) -> str:
        return f"{self.project} · {self.on}"
