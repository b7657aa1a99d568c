"""Agreements, and what each side promised in them."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
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
    outside_fen = models.BigIntegerField(t("区外资金", "Outside capital"), null=True, blank=True)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    verified_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    verified_on = models.DateField(t("核验", "Verification"), null=True, blank=True)
    period = models.PositiveIntegerField(null=True, blank=True, editable=False)
    adjusts = models.PositiveIntegerField(null=True, blank=True, editable=False)
    return_note = models.CharField(t("退回原因", "Reason of return"), max_length=300, blank=True)
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
    settled_on = models.DateField(t("兑现", "Kept on"), null=True, blank=True)
    proof_text = models.CharField(t("证明", "Proof"), max_length=200, blank=True)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    verified_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    verified_on = models.DateField(t("核验", "Verification"), null=True, blank=True)
    period = models.PositiveIntegerField(null=True, blank=True, editable=False)
    mark = models.CharField(max_length=10, choices=Mark.choices, default=Mark.CLAIMED)

    class Meta:
        ordering = ["due_on", "id"]

    def __str__(self) -> str:
        return self.text


class Share(Row):
    """What part of an agreement's amount one of its several projects carries, in fen."""

    agreement = models.ForeignKey(Agreement, on_delete=models.CASCADE, related_name="shares")
    project = models.ForeignKey("projects.Project", on_delete=models.CASCADE, related_name="agreement_shares")
    amount_fen = models.BigIntegerField(t("金额", "Amount"))

    class Meta:
        constraints = [models.UniqueConstraint(fields=["agreement", "project"], name="share_once")]

    def __str__(self) -> str:
        return f"{self.agreement} {self.project}"


class Rate(models.Model):
    """CNY for 100 units of a currency on a day, with the source that published it."""

    currency = models.CharField(t("币种", "Currency"), max_length=3)
    on = models.DateField(t("日期", "Date"))
    per_100 = models.DecimalField(t("每 100 单位折人民币", "CNY per 100"), max_digits=14, decimal_places=6)
    source = models.CharField(t("来源", "Source"), max_length=120)

    class Meta:
        ordering = ["currency", "-on"]
        constraints = [models.UniqueConstraint(fields=["currency", "on"], name="rate_once_a_day")]

    def __str__(self) -> str:
        return f"{self.currency} {self.on} {self.per_100}"


class Capital(Row):
    """One payment in, with its voucher. Foreign money keeps its currency; ``cny_fen`` is at the rate of the day."""

    class Use(models.TextChoices):
        FIXED = "fixed", t("固定资产", "Fixed assets")
        WORKING = "working", t("流动", "Working capital")

    project = models.ForeignKey("projects.Project", on_delete=models.CASCADE, related_name="capital_rows")
    received_on = models.DateField(t("到账", "Received on"))
    amount_fen = models.BigIntegerField(t("金额", "Amount"))
    currency = models.CharField(t("币种", "Currency"), max_length=3, default="CNY")
    rate = models.DecimalField(max_digits=14, decimal_places=6, null=True, blank=True)
    cny_fen = models.BigIntegerField(t("折人民币", "In CNY"), null=True, blank=True)
    payer = models.CharField(t("付款人", "Payer"), max_length=200)
    payer_region = models.CharField(t("付款方地区", "Payer's region"), max_length=6)
    payee = models.CharField(t("收款人", "Payee"), max_length=200, blank=True)
    origin = models.CharField(max_length=16)
    use = models.CharField(t("用途", "Use"), max_length=8, choices=Use.choices, default=Use.FIXED)
    summary = models.CharField(t("摘要", "Summary"), max_length=200, blank=True)
    voucher_sha256 = models.CharField(max_length=64)
    voucher_name = models.CharField(t("凭证", "Voucher"), max_length=200)
    material = models.ForeignKey(
        "materials.Material", null=True, blank=True, on_delete=models.PROTECT, related_name="vouchers"
    )
    mark = models.CharField(max_length=10, choices=Mark.choices, default=Mark.CLAIMED)
    recorded_on = models.DateField(t("记录", "Record"))
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    verified_on = models.DateField(t("核验", "Verification"), null=True, blank=True)
    verified_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    return_note = models.CharField(t("退回原因", "Reason of return"), max_length=300, blank=True)
    period = models.PositiveIntegerField(null=True, blank=True, editable=False)
    adjusts = models.PositiveIntegerField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["received_on", "id"]
        indexes = [
            models.Index(fields=["mark", "recorded_on"], condition=Q(mark="claimed"), name="capital_claimed"),
            models.Index(fields=["period", "mark"], name="capital_period"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["voucher_sha256"], condition=~Q(mark="rejected"), name="voucher_once"
            ),
            models.CheckConstraint(condition=Q(amount_fen__gt=0), name="capital_is_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.project} {self.received_on} {self.amount_fen}"
