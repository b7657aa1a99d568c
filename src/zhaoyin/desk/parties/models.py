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

    class Meta:
        ordering = ["name", "id"]

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
