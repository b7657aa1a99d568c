"""Merge and split: everything that points at an organisation, found by walking the registry, moves and moves back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.core import serializers
from django.db import IntegrityError, models, transaction

from zhaoyin.base.errors import Refusal
from zhaoyin.desk.parties.models import Judgement, Link, Merge, Organisation

# What says who was merged into whom stays as it was written.
KEPT = {(Merge, "kept"), (Merge, "absorbed"), (Organisation, "merged_into")}
FILLED = ("name_en", "uscc", "place", "industry", "owner", "note")


def relations() -> Iterator[tuple[type[models.Model], str]]:
    """Every (model, field) that points at an organisation, rows of many-to-many tables included."""
    for model in apps.get_models(include_auto_created=True):
        if model._meta.proxy or not model._meta.managed:
            continue
        for field in model._meta.local_fields:
            ours = isinstance(field, models.ForeignKey) and field.related_model is Organisation
            if ours and (model, field.name) not in KEPT:
                yield model, field.name


def _rows(model: type[models.Model], field: str, organisation: Organisation) -> list[int]:
    return list(
        model._base_manager.filter(**{field: organisation}).order_by("pk").values_list("pk", flat=True)
    )


def _point(model: type[models.Model], field: str, pk: int, at: Organisation) -> bool:
    """Point one row at another organisation; False where the database says that it would stand twice."""
    try:
        with transaction.atomic():
            model._base_manager.filter(pk=pk).update(**{field: at})
    except IntegrityError:
        return False
    return True


def guard(kept: Organisation, absorbed: Organisation) -> None:
    """Refuse what would make nonsense of the ledger."""
    if kept.pk == absorbed.pk:
        raise Refusal(
            "merge.self",
            f"“{kept}”不能与自己合并。请在查重队列里选另一条记录。",
            f"“{kept}” cannot be merged with itself. Choose the other record in the queue of duplicates.",
        )
    if kept.merged_into_id or absorbed.merged_into_id:
        gone = absorbed if absorbed.merged_into_id else kept
        raise Refusal(
            "merge.stale",
            f"“{gone}”已经并入“{gone.merged_into}”。刷新后再看。",
            f"“{gone}” has already been merged into “{gone.merged_into}”. Reload and look again.",
        )
    between = Link.objects.filter(
        models.Q(organisation=kept, other=absorbed) | models.Q(organisation=absorbed, other=kept)
    ).first()
    if between:
        raise Refusal(
            "merge.parent",
            f"“{between.organisation}”与“{between.other}”有“{between.get_kind_display()}”关系，是两家单位，不能合并。若关系记错，先删去关系。",
            f"“{between.organisation}” and “{between.other}” are linked ({between.get_kind_display()}): they are two organisations. If the link is wrong, remove it first.",
        )
    if kept.uscc and absorbed.uscc and kept.uscc != absorbed.uscc:
        raise Refusal(
            "merge.codes",
            f"两条记录的统一社会信用代码不同（{kept.uscc}，{absorbed.uscc}），是两家单位。若有一个抄错，先改正。",
            f"Their credit codes differ ({kept.uscc}, {absorbed.uscc}): two organisations. If one is miscopied, correct it first.",
        )


def join(kept: Organisation, absorbed: Organisation) -> dict[str, Any]:
    """Move everything; returns moved and dropped as ``Merge`` keeps them. Call inside a transaction."""
    moved: list[list[Any]] = []
    dropped: list[dict[str, Any]] = []
    for model, field in relations():
        ids = []
        for pk in _rows(model, field, absorbed):
            if model is Judgement and _between(model._base_manager.get(pk=pk), kept, absorbed):
                dropped.append(_store(model, pk))
            elif _point(model, field, pk, kept):
                ids.append(pk)
            else:
                dropped.append(_store(model, pk))
        if ids:
            moved.append([model._meta.label_lower, field, ids])
    return {"moved": moved, "dropped": dropped}


def _between(judgement: Any, kept: Organisation, absorbed: Organisation) -> bool:
    return {judgement.organisation_id, judgement.other_id} == {kept.pk, absorbed.pk}


def _store(model: type[models.Model], pk: int) -> dict[str, Any]:
    """Set a row aside with all its values; refused where others depend on it."""
    row = model._base_manager.get(pk=pk)
    kept: dict[str, Any] = json.loads(serializers.serialize("json", [row]))[0]
    try:
        with transaction.atomic():
            row.delete()
    except models.ProtectedError as problem:
        raise Refusal(
            "merge.twice",
            f"“{row}”在两条记录下各有一份，且已被引用，无法自动并成一份。先处理其中一份再合并。",
            f"“{row}” stands under both records and is referred to; it cannot be joined by itself. Settle one of the two first.",
        ) from problem
    return kept


def part(merge: Merge) -> None:
    """Take everything back to where it stood. Rows that others removed since stay removed."""
    for label, field, ids in merge.moved:
        model = apps.get_model(label)
        for pk in ids:
            if model._base_manager.filter(pk=pk, **{field: merge.kept}).exists() and not _point(
                model, field, pk, merge.absorbed
            ):
                raise Refusal(
                    "split.twice",
                    f"“{model._base_manager.get(pk=pk)}”回到“{merge.absorbed}”名下会重复。先处理后再拆开。",
                    f"“{model._base_manager.get(pk=pk)}” would stand twice under “{merge.absorbed}”. Settle it, then split.",
                )
    for row in merge.dropped:
        for item in serializers.deserialize("python", [row]):
            if not type(item.object)._base_manager.filter(pk=item.object.pk).exists():
                item.save(force_insert=True)
