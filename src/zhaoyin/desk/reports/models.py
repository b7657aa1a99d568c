"""Months, what each counts, the figures published from them. Database triggers guard a closed month (guards.py)."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from zhaoyin.desk.words import t


class Month(models.Model):
    """A calendar month of the books. A month without a row is open."""

    class State(models.TextChoices):
        OPEN = "open", t("未锁", "Open")
        CLOSING = "closing", t("锁定中", "Closing")
        CLOSED = "closed", t("已锁", "Closed")

    number = models.PositiveIntegerField(primary_key=True)  # yyyymm
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    closed_at = models.DateTimeField(null=True, blank=True)
    rules_version = models.CharField(max_length=40, blank=True)

    class Meta:
        ordering = ["-number"]

    def __str__(self) -> str:
        return f"{self.number // 100}-{self.number % 100:02}"


class Entry(models.Model):
    """One counted fact: a project counts ``quantity`` (1, or fen) on an account in a month.

    Never changed: a mistake is reversed by another entry. ``adjusts`` names the closed month the fact belongs to.
    """

    class Source(models.TextChoices):
        MILESTONE = "projects.milestone", t("里程碑", "Milestone")
        AGREEMENT = "deals.agreement", t("协议", "Agreement")
        CAPITAL = "deals.capital", t("到位资金", "Capital")
        COMMITMENT = "deals.commitment", t("承诺", "Promise")
        PLAN = "projects.plandate", t("计划", "Plan")

    project = models.ForeignKey("projects.Project", on_delete=models.PROTECT, related_name="entries")
    account = models.CharField(max_length=16)
    period = models.PositiveIntegerField()
    quantity = models.BigIntegerField()
    cohort = models.PositiveIntegerField(default=0)
    adjusts = models.PositiveIntegerField(null=True, blank=True)
    origin = models.CharField(max_length=16, blank=True)
    use = models.CharField(max_length=8, blank=True)
    fact_on = models.DateField()
    source = models.CharField(max_length=20, choices=Source.choices)
    source_id = models.PositiveBigIntegerField()
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [
            # one month's figures, and one account over months, are answered from the index alone
            models.Index(
                fields=["period", "account", "cohort", "origin", "use", "quantity", "project"],
                name="entry_by_month",
            ),
            models.Index(fields=["project", "account", "period", "quantity"], name="entry_by_project"),
            models.Index(fields=["source", "source_id"], name="entry_by_source"),
        ]
        ordering = ["period", "id"]

    def __str__(self) -> str:
        return f"{self.period} {self.account} {self.quantity}"


class Rollup(models.Model):
    """A closed month's entries summed, so that a cohort's figure reads sums of closed months and entries of open ones."""

    period = models.PositiveIntegerField()
    account = models.CharField(max_length=16)
    cohort = models.PositiveIntegerField()
    origin = models.CharField(max_length=16, blank=True)
    use = models.CharField(max_length=8, blank=True)
    quantity = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["period", "account", "cohort", "origin", "use"], name="rollup_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.period} {self.account} {self.quantity}"


class Published(models.Model):
    """A figure as published at the close of a month: definition, numerator, denominator, cohort, list."""

    month = models.ForeignKey(Month, on_delete=models.PROTECT, related_name="figures")
    indicator = models.CharField(max_length=40)  # id@version
    view = models.CharField(max_length=8)
    cohort = models.CharField(max_length=20, blank=True)
    numerator = models.BigIntegerField(null=True)
    denominator = models.BigIntegerField(null=True)
    measured = models.BooleanField(default=True)
    parts = models.JSONField(default=dict)
    ids = models.BinaryField(
        null=True
    )  # project ids behind the numerator, sorted, zlib of 8-byte little-endian

    class Meta:
        constraints = [models.UniqueConstraint(fields=["month", "indicator", "view"], name="published_once")]
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.month} {self.indicator}"


class Target(models.Model):
    """The year's target of capital in place, in fen, with the paper that sets it."""

    year = models.PositiveIntegerField(t("年度", "Year"), primary_key=True)
    amount_fen = models.BigIntegerField(t("目标", "Target"))
    citation = models.CharField(t("依据", "Paper"), max_length=200)

    def __str__(self) -> str:
        return str(self.year)
