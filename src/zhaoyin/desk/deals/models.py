"""Agreements, and what each side promised in them."""

from __future__ import annotations

from django.db import models
from django.urls import reverse

from zhaoyin.desk.accounts.models import Department
from zhaoyin.desk.evidence.models import Mark, Row
from zhaoyin.desk.words import t


class Agreement(Row):
    """A paper that was signed, or is said to be. Frameworks never count as 签约额; an amount is in fen."""

    class Kind(models.TextChoices):
        FRAMEWORK = "framework", t("框架协议", "Framework")
        INTENT = "intent", t("意向协议", "Letter of intent")
        CONTRACT = "contract", t("正式合同", "Contract")
        SUPPLEMENT = "supplement", t("补充协议", "Supplement")
        TERMINATION = "termination", t("终止协议", "Termination")
        UNSTATED = "unstated", t("类型未载明", "Kind not stated")

    name = models.CharField(t("名称", "Name"), max_length=200)
    kind = models.CharField(
        t("类型", "Kind"), max_length=12, choices=Kind.choices, default=Kind.UNSTATED, db_index=True
    )
    mark = models.CharField(max_length=10, choices=Mark.choices, default=Mark.SAID, db_index=True)
    signed_on = models.DateField(t("签订日", "Signed on"), null=True, blank=True)
    signed_text = models.CharField(t("签订日期原话", "Signing date as written"), max_length=40, blank=True)
    event = models.ForeignKey(
        "events.Event",
        verbose_name=t("活动", "Event"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="agreements",
    )
    amount_fen = models.BigIntegerField(t("金额", "Amount"), null=True, blank=True)
    currency = models.CharField(max_length=3, default="CNY")
    amount_text = models.CharField(t("金额原话", "Amount as written"), max_length=60, blank=True)
    place_text = models.CharField(t("落地原话", "Place as written"), max_length=120, blank=True)
    place = models.ForeignKey(
        "sites.Carrier",
        verbose_name=t("落地", "Place"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="agreements",
    )
    parties = models.ManyToManyField("parties.Organisation", through="Party", related_name="agreements")
    projects = models.ManyToManyField("projects.Project", related_name="agreements", blank=True)
    amends = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="amendments"
    )

    class Meta:
        ordering = ["-signed_on", "id"]

    def get_absolute_url(self) -> str:
        return reverse("deals:detail", args=[self.pk])

    def __str__(self) -> str:
        return self.name


class Party(Row):
    """An organisation that signs, and on which side."""

    class Side(models.TextChoices):
        LOCAL = "local", t("本地方", "Local side")
        INVESTOR = "investor", t("投资方", "Investor side")

    agreement = models.ForeignKey(Agreement, on_delete=models.CASCADE, related_name="party_rows")
    organisation = models.ForeignKey(
        "parties.Organisation", on_delete=models.PROTECT, related_name="party_rows"
    )
    side = models.CharField(max_length=10, choices=Side.choices)

    class Meta:
        verbose_name_plural = "parties"
        constraints = [
            models.UniqueConstraint(fields=["agreement", "organisation", "side"], name="party_once_per_side")
        ]

    def __str__(self) -> str:
        return f"{self.organisation}"


class Commitment(Row):
    """A promise of either side: clause, owner, condition, due, proof."""

    class Side(models.TextChoices):
        INVESTOR = "investor", t("对方答应", "Investor's promise")
        REGION = "region", t("我方答应", "Our promise")

    class State(models.TextChoices):
        OPEN = "open", t("未兑现", "Open")
        KEPT = "kept", t("已兑现", "Kept")
        BROKEN = "broken", t("未履行", "Broken")
        WAIVED = "waived", t("已免除", "Waived")

    project = models.ForeignKey(
        "projects.Project", null=True, blank=True, on_delete=models.CASCADE, related_name="commitments"
    )
    agreement = models.ForeignKey(
        Agreement, null=True, blank=True, on_delete=models.PROTECT, related_name="commitments"
    )
    side = models.CharField(max_length=10, choices=Side.choices)
    text = models.CharField(t("内容", "What"), max_length=300)
    clause = models.CharField(t("条款", "Clause"), max_length=120, blank=True)
    amount_fen = models.BigIntegerField(t("金额", "Amount"), null=True, blank=True)
    condition = models.CharField(t("条件", "Condition"), max_length=300, blank=True)
    owner_department = models.ForeignKey(
        Department,
        verbose_name=t("责任部门", "Owner"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    owner_text = models.CharField(t("责任方", "Responsible"), max_length=120, blank=True)
    due_on = models.DateField(t("期限", "Due"), null=True, blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    settled_on = models.DateField(null=True, blank=True)
    mark = models.CharField(max_length=10, choices=Mark.choices, default=Mark.CLAIMED)

    class Meta:
        ordering = ["due_on", "id"]

    def __str__(self) -> str:
        return self.text
