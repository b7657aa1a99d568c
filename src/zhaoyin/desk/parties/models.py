"""Organisations, their names over time, the people in them, and what was said with whom."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.urls import reverse

from zhaoyin.base import uscc
from zhaoyin.desk.accounts.models import Department
from zhaoyin.desk.evidence.models import Row
from zhaoyin.desk.words import t


def valid_uscc(code: str) -> None:
    words = {
        "length": t(
            "统一社会信用代码应为 18 位。对照营业执照补全。",
            "A unified social credit code has 18 characters. Complete it from the licence.",
        ),
        "alphabet": t(
            "统一社会信用代码只用数字和大写字母，不含 I、O、S、V、Z。",
            "The code uses digits and capital letters without I, O, S, V, Z.",
        ),
        "check": t(
            "统一社会信用代码的校验位不对，多半有一位抄错。对照营业执照。",
            "The check character is wrong; one character is probably miscopied. Compare with the licence.",
        ),
    }
    fault = uscc.fault(code)
    if fault:
        raise ValidationError(words[fault], code=f"uscc.{fault}")


class Standing(models.Manager["Organisation"]):
    """Organisations that stand for themselves: those merged into another are out of sight, not gone."""

    def get_queryset(self) -> models.QuerySet[Organisation]:
        return super().get_queryset().filter(merged_into=None)


class Organisation(Row):
    """A company, government body, association or school. The key is the USCC where it is known."""

    class Kind(models.TextChoices):
        COMPANY = "company", t("企业", "Company")
        GOVERNMENT = "government", t("政府机构", "Government body")
        ASSOCIATION = "association", t("商协会", "Association")
        SCHOOL = "school", t("院校", "School")
        INSTITUTE = "institute", t("事业单位、研究机构", "Institute")
        OTHER = "other", t("其他", "Other")

    name = models.CharField(t("名称", "Name"), max_length=200, db_index=True)
    name_en = models.CharField(t("英文名", "English name"), max_length=200, blank=True)
    kind = models.CharField(t("类型", "Kind"), max_length=20, choices=Kind.choices, default=Kind.COMPANY)
    uscc = models.CharField(
        t("统一社会信用代码", "USCC"),
        max_length=18,
        null=True,
        blank=True,
        unique=True,
        validators=[valid_uscc],
    )
    place = models.CharField(t("所在地", "Place"), max_length=120, blank=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=t("负责人", "Owner"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    note = models.TextField(t("备注", "Note"), blank=True)
    industry = models.CharField(t("行业", "Industry"), max_length=120, blank=True)
    merged_into = models.ForeignKey(
        "self", null=True, blank=True, editable=False, on_delete=models.PROTECT, related_name="absorbed"
    )

    objects = Standing()
    everyone: models.Manager[Organisation] = models.Manager()

    class Meta:
        ordering = ["name", "id"]
        default_manager_name = "everyone"
        base_manager_name = "everyone"

    def get_absolute_url(self) -> str:
        return reverse("parties:detail", args=[self.pk])

    def __str__(self) -> str:
        return self.name


class Alias(Row):
    """Another way the organisation is or was written. Dated where known; damaged spellings are aliases too."""

    class Kind(models.TextChoices):
        SHORT = "short", t("简称", "Short name")
        FORMER = "former", t("曾用名", "Former name")
        DAMAGED = "damaged", t("误写", "Damaged spelling")
        ENGLISH = "english", t("英文名", "English")
        OTHER = "other", t("其他写法", "Other spelling")

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="aliases")
    name = models.CharField(t("写法", "Spelling"), max_length=200, db_index=True)
    kind = models.CharField(t("类型", "Kind"), max_length=12, choices=Kind.choices, default=Kind.OTHER)
    valid_from = models.DateField(null=True, blank=True)
    valid_to = models.DateField(null=True, blank=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["organisation", "name"], name="alias_once_per_organisation")
        ]

    def __str__(self) -> str:
        return self.name


class Contact(Row):
    """A person at an organisation. Phone, mail and WeChat show only through ``reveal_contact``, which is audited."""

    name = models.CharField(t("姓名", "Name"), max_length=60)
    title = models.CharField(t("职务", "Title"), max_length=120, blank=True)
    organisation = models.ForeignKey(
        Organisation,
        verbose_name=t("单位", "Organisation"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="contacts",
    )
    phone = models.CharField(t("电话", "Phone"), max_length=40, blank=True)
    email = models.EmailField(t("邮箱", "E-mail"), blank=True)
    wechat = models.CharField(t("微信", "WeChat"), max_length=60, blank=True)
    purpose = models.CharField(t("用途", "Purpose"), max_length=120, blank=True)
    consent_on = models.DateField(t("同意日期", "Consent on"), null=True, blank=True)
    expires_on = models.DateField(t("保存到", "Kept until"), null=True, blank=True)
    owner_department = models.ForeignKey(
        Department, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    PERSONAL = ("phone", "email", "wechat")

    class Meta:
        ordering = ["name"]

    def get_absolute_url(self) -> str:
        return reverse("parties:contact", args=[self.pk])

    def __str__(self) -> str:
        return self.name


class Link(Row):
    """How one organisation stands to another: ``organisation`` belongs to, holds or is a member of ``other``."""

    class Kind(models.TextChoices):
        GROUP = "group", t("属于集团", "Belongs to the group")
        HOLDS = "holds", t("持有股权", "Holds shares of")
        MEMBER = "member", t("是会员", "Is a member of")

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="links")
    other = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="linked_from")
    kind = models.CharField(t("关系", "Relation"), max_length=10, choices=Kind.choices)
    share_percent = models.DecimalField(
        t("股比（%）", "Share (%)"), max_digits=5, decimal_places=2, null=True, blank=True
    )
    role = models.CharField(t("身份", "Role"), max_length=60, blank=True)
    since = models.DateField(t("起", "Since"), null=True, blank=True)
    until = models.DateField(t("止", "Until"), null=True, blank=True)

    class Meta:
        ordering = ["kind", "id"]
        constraints = [
            models.UniqueConstraint(fields=["organisation", "other", "kind"], name="link_once_per_kind"),
            models.CheckConstraint(
                condition=~models.Q(organisation=models.F("other")), name="link_to_another_organisation"
            ),
            models.CheckConstraint(
                condition=models.Q(share_percent=None)
                | models.Q(share_percent__gt=0, share_percent__lte=100),
                name="link_share_is_a_percentage",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.organisation} {self.get_kind_display()} {self.other}"


class Interaction(Row):
    """One dated exchange with an organisation."""

    class Kind(models.TextChoices):
        CALL = "call", t("电话", "Call")
        MESSAGE = "message", t("微信、邮件", "Message")
        VISIT_OUT = "visit_out", t("上门拜访", "Visit to them")
        VISIT_IN = "visit_in", t("来访接待", "Visit to us")
        MEETING = "meeting", t("会谈", "Meeting")
        EVENT = "event", t("活动上见面", "Met at an event")

    organisation = models.ForeignKey(
        Organisation,
        verbose_name=t("单位", "Organisation"),
        on_delete=models.PROTECT,
        related_name="interactions",
    )
    contact = models.ForeignKey(
        Contact,
        verbose_name=t("联系人", "Contact"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="interactions",
    )
    kind = models.CharField(t("方式", "How"), max_length=12, choices=Kind.choices, default=Kind.CALL)
    on = models.DateField(t("日期", "Date"))
    note = models.TextField(t("说了什么", "What was said"))
    next_step = models.CharField(t("下一步", "Next step"), max_length=200, blank=True)
    next_on = models.DateField(t("下一步日期", "Next on"), null=True, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["-on", "-id"]
        indexes = [models.Index(fields=["next_on"])]

    def __str__(self) -> str:
        return f"{self.on:%F} {self.get_kind_display()} {self.organisation}"


class Judgement(Row):
    """What a person decided about a name and an organisation, or about two organisations: it is not asked again."""

    class Verdict(models.TextChoices):
        SAME = "same", t("是同一家", "The same")
        DIFFERENT = "different", t("不是同一家", "Not the same")

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="judgements")
    other = models.ForeignKey(
        Organisation, null=True, blank=True, on_delete=models.CASCADE, related_name="judged_as_other"
    )
    name = models.CharField(max_length=200, blank=True)
    verdict = models.CharField(max_length=10, choices=Verdict.choices)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organisation", "other", "name"], name="judged_once"),
        ]

    def __str__(self) -> str:
        return f"{self.organisation} / {self.other or self.name}: {self.get_verdict_display()}"


class Merge(Row):
    """Two records found to be one. ``moved``: what pointed at ``absorbed`` and points at ``kept`` since, as
    [model, field, [ids]]; ``dropped``: rows that would have stood twice, with all their values; ``changed``: fields of
    ``kept`` filled from ``absorbed``. Enough to take it back."""

    kept = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="merges")
    absorbed = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="merged_by")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=300, blank=True)
    moved = models.JSONField(default=list, blank=True)
    dropped = models.JSONField(default=list, blank=True)
    changed = models.JSONField(default=dict, blank=True)
    undone_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.absorbed} → {self.kept}"
