"""Documents brought in, their reading, and the review of what was read."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.urls import reverse

from zhaoyin.desk.evidence.models import Row
from zhaoyin.desk.words import english, t


class Material(Row):
    """An immutable document, addressed by the SHA-256 of its bytes; the bytes lie in MATERIALS_ROOT."""

    class State(models.TextChoices):
        QUEUED = "queued", t("排队", "Queued")
        READING = "reading", t("在读", "Being read")
        READ = "read", t("待审", "To review")
        REVIEWED = "reviewed", t("审完", "Reviewed")
        FAILED = "failed", t("读不了", "Not readable")
        WITHDRAWN = "withdrawn", t("已撤下", "Withdrawn")

    sha256 = models.CharField(max_length=64, unique=True)
    title = models.CharField(t("标题", "Title"), max_length=200)
    file_name = models.CharField(max_length=255)
    kind = models.CharField(max_length=12, blank=True)
    size = models.PositiveBigIntegerField()
    address = models.URLField(t("网址", "Address"), max_length=500, blank=True)
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="materials")
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED, db_index=True)
    progress = models.PositiveSmallIntegerField(default=0)
    problem_zh = models.TextField(blank=True)
    problem_en = models.TextField(blank=True)
    notes = models.JSONField(default=list, blank=True)  # warnings of the loader, [{zh, en}]
    genre = models.CharField(max_length=20, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)  # a reader that died leaves this behind

    class Meta:
        ordering = ["-id"]

    def get_absolute_url(self) -> str:
        return reverse("materials:review", args=[self.pk])

    def __str__(self) -> str:
        return self.title

    @property
    def problem(self) -> str:
        return self.problem_en if english() else self.problem_zh

    @property
    def code(self) -> str:
        return f"M-{self.pk:04d}"


class MaterialText(models.Model):
    """The source text that offsets count in; apart from Material so that lists stay light."""

    material = models.OneToOneField(Material, on_delete=models.CASCADE, related_name="text")
    source = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"{self.material_id}"


class Fact(Row):
    """A statement read from a material: proposed, never true by itself. A person accepts, corrects or rejects it."""

    class Kind(models.TextChoices):
        EVENT = "event", t("活动", "Event")
        DEAL = "deal", t("签约", "Signing")
        ORGANISATION = "organisation", t("主体", "Organisation")
        PERSON = "person", t("人员", "Person")
        CARRIER = "carrier", t("载体", "Place")
        POLICY = "policy", t("政策", "Policy")
        CLAIM = "claim", t("数字", "Figure")

    class State(models.TextChoices):
        OPEN = "open", t("待审", "To review")
        ACCEPTED = "accepted", t("已采纳", "Accepted")
        CORRECTED = "corrected", t("已更正", "Corrected")
        REJECTED = "rejected", t("已驳回", "Rejected")

    material = models.ForeignKey(Material, on_delete=models.CASCADE, related_name="facts")
    key = models.CharField(max_length=64)
    kind = models.CharField(max_length=12, choices=Kind.choices)
    ordinal = models.PositiveIntegerField()
    data = models.JSONField()  # the values as read
    corrected = models.JSONField(null=True, blank=True)  # the values as a person put them
    spans = models.JSONField()  # {field or "": [[start, end], …]} in MaterialText.source
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField()
    confidence = models.FloatField(null=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    reason = models.CharField(max_length=200, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    content_type = models.ForeignKey(ContentType, null=True, blank=True, on_delete=models.PROTECT)
    object_id = models.PositiveBigIntegerField(null=True, blank=True)
    target = GenericForeignKey("content_type", "object_id")
    locator = models.JSONField(
        default=dict, blank=True
    )  # the place of the whole fact: characters, cell or page box
    steps = models.JSONField(default=list, blank=True)  # what accepting wrote, for undo
    batch = models.CharField(
        max_length=36, blank=True, db_index=True
    )  # facts decided in one go are undone in one go

    class Meta:
        ordering = ["material", "ordinal"]
        constraints = [models.UniqueConstraint(fields=["material", "key"], name="fact_once_per_material")]

    def __str__(self) -> str:
        return str(self.values.get("name") or self.values.get("subject") or self.get_kind_display())

    @property
    def values(self) -> dict[str, Any]:
        return dict(self.corrected if self.corrected is not None else self.data)
