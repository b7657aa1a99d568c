"""What people ask about values: who says so, and what happened to this row."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models import QuerySet

from zhaoyin.desk.evidence.models import AuditEntry, Provenance


def attach_marks(objects: Iterable[Any]) -> list[Any]:
    """Give every object ``.proofs`` (field → its current Provenance) in one query per model, for lists and pages."""
    rows = list(objects)
    by_model: dict[type[models.Model], list[Any]] = defaultdict(list)
    for row in rows:
        row.proofs = {}
        by_model[type(row)].append(row)
    for model, members in by_model.items():
        index = {row.pk: row for row in members}
        proofs = Provenance.objects.filter(
            content_type=ContentType.objects.get_for_model(model),
            object_id__in=list(index),
            superseded_by=None,
        )
        for proof in proofs:
            index[proof.object_id].proofs[proof.field] = proof
    return rows


def real(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Without the rows of demonstration material, unless there are no others: the two never mix in one figure."""
    kept = rows.filter(is_demo=False)
    return kept if kept.exists() else rows


def provenance_of(obj: models.Model, field: str) -> QuerySet[Provenance]:
    """All that was ever said of one field, newest first."""
    return Provenance.objects.filter(
        content_type=ContentType.objects.get_for_model(obj), object_id=obj.pk, field=field
    ).select_related("material", "actor", "content_type")


def history_of(obj: models.Model, limit: int = 50) -> QuerySet[AuditEntry]:
    """The newest audit entries of an object."""
    return AuditEntry.objects.filter(content_type=ContentType.objects.get_for_model(obj), object_id=obj.pk)[
        :limit
    ]
