"""Provenance of every value, and the append-only audit."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models

from zhaoyin.desk.words import t


class Mark(models.TextChoices):
    """What a value rests on, weakest first: a computed figure carries the weakest of its inputs."""

    REJECTED = "rejected", t("退回", "Returned")
    ESTIMATE = "estimate", t("估计", "Estimate")
    SAID = "said", t("所称", "Said")
    CLAIMED = "claimed", t("申报", "Claimed")
    VERIFIED = "verified", t("核验", "Verified")
    LOCKED = "locked", t("锁定", "Locked")


class Row(models.Model):
    """What every ledger row carries. ``version`` grows with each change, for two people editing the same row."""

    version = models.PositiveIntegerField(default=1, editable=False)
    is_demo = models.BooleanField(default=False, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True


class Provenance(models.Model):
    """Who says so: one value of one field of one object, with the place that proves it."""

    class Locator(models.TextChoices):
        CHARACTERS = "characters", t("原文", "Text")
        CELL = "cell", t("单元格", "Cell")
        PAGE_BOX = "page_box", t("页面", "Page")
        FILE = "file", t("文件", "File")
        PERSON = "person", t("经手人", "Person")
        CITATION = "citation", t("引用", "Citation")

    content_type = models.ForeignKey(ContentType, on_delete=models.PROTECT)
    object_id = models.PositiveBigIntegerField()
    object = GenericForeignKey("content_type", "object_id")
    field = models.CharField(max_length=60)
    value = models.TextField(blank=True)
    mark = models.CharField(max_length=10, choices=Mark.choices)
    material = models.ForeignKey(
        "materials.Material", null=True, blank=True, on_delete=models.PROTECT, related_name="provenance"
    )
    locator_kind = models.CharField(max_length=12, choices=Locator.choices)
    locator = models.JSONField(default=dict)
    quote = models.TextField(blank=True)
    citation = models.TextField(blank=True)
    note = models.TextField(blank=True)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)
    superseded_by = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="supersedes"
    )

    class Meta:
        indexes = [models.Index(fields=["content_type", "object_id", "field"])]
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.field}={self.value} ({self.mark})"


class AuditEntry(models.Model):
    """One write, or one look at contact details. Database triggers refuse to change or delete it."""

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    actor_name = models.CharField(max_length=60)
    verb = models.CharField(max_length=60, db_index=True)
    content_type = models.ForeignKey(ContentType, null=True, on_delete=models.PROTECT)
    object_id = models.PositiveBigIntegerField(null=True)
    label = models.CharField(max_length=200, blank=True)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    reason = models.TextField(blank=True)
    batch = models.CharField(max_length=40, blank=True, db_index=True)

    class Meta:
        indexes = [models.Index(fields=["content_type", "object_id"])]
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.at:%F %T} {self.actor_name} {self.verb} {self.label}"


class PersonKey(models.Model):
    """The key that seals one person's values in audit and provenance; destroying it erases them."""

    subject = models.CharField(max_length=60, unique=True)
    key = models.BinaryField()
    destroyed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.subject


def weakest(marks: Any) -> str:
    """The weakest of the marks, by the order above; of none, said."""
    order = {mark: place for place, mark in enumerate(Mark.values)}
    return min(marks, key=order.__getitem__, default=Mark.SAID)
