"""The only way a row changes: written, audited and proved together."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import models, transaction

from zhaoyin.base.errors import Refusal
from zhaoyin.desk.evidence.models import AuditEntry, Mark, Provenance, Row

if TYPE_CHECKING:
    from zhaoyin.desk.accounts.models import User
    from zhaoyin.desk.materials.models import Material

M = TypeVar("M", bound=models.Model)
R = TypeVar("R", bound=Row)


@dataclass(frozen=True)
class Source:
    """Where a value comes from: a place in a material, a file, a citation, or the person who typed it."""

    kind: str = Provenance.Locator.PERSON
    material: Material | None = None
    locator: Mapping[str, Any] = field(default_factory=dict)
    quote: str = ""
    citation: str = ""
    note: str = ""


PERSON = Source()
From = Source | Callable[[str], Source]  # one place for all fields, or a place for each


@dataclass
class Recording:
    """What one decision wrote, so that it can be undone: (act, model label, pk, values before)."""

    steps: list[tuple[str, str, int, dict[str, Any]]] = field(default_factory=list)
    is_demo: bool = False

    def note(self, act: str, obj: models.Model, before: Mapping[str, Any] | None = None) -> None:
        self.steps.append(
            (act, obj._meta.label_lower, obj.pk, {k: plain(v) for k, v in (before or {}).items()})
        )


_recording: ContextVar[Recording | None] = ContextVar("recording", default=None)


@contextmanager
def recording(*, is_demo: bool = False) -> Iterator[Recording]:
    """Remember every row created, changed or proved inside; rows made from demonstration material are marked so."""
    made = Recording(is_demo=is_demo)
    token = _recording.set(made)
    try:
        yield made
    finally:
        _recording.reset(token)


def undo(actor: User, steps: Iterable[tuple[str, str, int, dict[str, Any]]]) -> None:
    """Take back recorded steps, newest first. What others use by now stays; what others changed since stays."""
    newest = [(act, apps.get_model(label), pk, data) for act, label, pk, data in reversed(list(steps))]
    kept: set[tuple[Any, int]] = set()
    for act, model, pk, data in newest:
        obj = model._default_manager.filter(pk=pk).first()
        if obj is None or act == "prove":
            continue
        if act == "create":
            try:
                with transaction.atomic():
                    remove(actor, "fact.undo", obj)
            except models.ProtectedError:
                kept.add((model, pk))
        elif {name: plain(getattr(obj, name)) for name in data["after"]} == data["after"]:
            before = {obj._meta.get_field(name).attname: value for name, value in data["before"].items()}  # type: ignore[union-attr]
            change(actor, "fact.undo", obj, **before)
    for proof in Provenance.objects.filter(
        pk__in=[pk for act, _, pk, _ in newest if act == "prove"]
    ).order_by("-pk"):
        if (proof.content_type.model_class(), proof.object_id) not in kept:
            Provenance.objects.filter(superseded_by=proof).update(superseded_by=None)
            proof.delete()


def plain(value: Any) -> Any:
    """A field's value as JSON holds it."""
    if isinstance(value, models.Model):
        return value.pk
    if isinstance(value, dt.date | dt.datetime | dt.time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, bytes | memoryview):
        return None
    return value


def audit(
    actor: User | None,
    verb: str,
    obj: models.Model | None = None,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str = "",
    batch: str = "",
) -> AuditEntry:
    """Append one entry. Call it inside the action's transaction."""
    return AuditEntry.objects.create(
        actor=actor,
        actor_name=actor.name if actor else "",
        verb=verb,
        content_type=ContentType.objects.get_for_model(obj) if obj is not None else None,
        object_id=obj.pk if obj is not None else None,
        label=str(obj)[:200] if obj is not None else "",
        before={name: plain(value) for name, value in (before or {}).items()},
        after={name: plain(value) for name, value in (after or {}).items()},
        reason=reason,
        batch=batch,
    )


def create(actor: User, verb: str, model: type[M], *, reason: str = "", batch: str = "", **values: Any) -> M:
    """Make, validate and audit a row."""
    obj = model(**values)
    made = _recording.get()
    if made and made.is_demo and isinstance(obj, Row):
        obj.is_demo = True
    _clean(obj)
    obj.save(force_insert=True)
    if made:
        made.note("create", obj)
    audit(actor, verb, obj, after=values, reason=reason, batch=batch)
    return obj


def change(
    actor: User,
    verb: str,
    obj: M,
    *,
    seen: int | None = None,
    reason: str = "",
    batch: str = "",
    **values: Any,
) -> list[str]:
    """Change, validate and audit a row; the names of the fields that really changed.

    ``seen`` is the version the person looked at; when somebody else wrote since, a Refusal names who and what.
    """
    before = {name: getattr(obj, name) for name in values}
    if isinstance(obj, Row):
        fresh = type(obj)._default_manager.select_for_update().get(pk=obj.pk)
        if seen is not None and fresh.version != seen:
            raise _stale(fresh)
        before = {name: getattr(fresh, name) for name in values}
        obj.version = fresh.version + 1
    changed = [name for name, value in values.items() if before[name] != value]
    if not changed:
        if isinstance(obj, Row):
            obj.version -= 1
        return []
    for name in changed:
        setattr(obj, name, values[name])
    _clean(obj, changed)
    extra = ["version", "updated_at"] if isinstance(obj, Row) else []
    obj.save(update_fields=[*changed, *extra])
    if made := _recording.get():
        after = {name: plain(values[name]) for name in changed}
        made.note("change", obj, {"before": {name: plain(before[name]) for name in changed}, "after": after})
    audit(
        actor,
        verb,
        obj,
        before={name: before[name] for name in changed},
        after={name: values[name] for name in changed},
        reason=reason,
        batch=batch,
    )
    return changed


def remove(actor: User, verb: str, obj: models.Model, *, reason: str = "") -> None:
    """Delete and audit a row, with all its values kept in the entry."""
    before = {f.attname: getattr(obj, f.attname) for f in obj._meta.concrete_fields}
    audit(actor, verb, obj, before=before, reason=reason)
    obj.delete()


def prove(
    actor: User | None,
    obj: models.Model,
    values: Mapping[str, Any] | Iterable[str],
    mark: str = Mark.CLAIMED,
    source: From = PERSON,
) -> list[Provenance]:
    """Leave provenance for fields of an object; an earlier proof of the same field is superseded, never deleted.

    ``values``: field → value as shown, or just field names (their present values are taken).
    ``source`` may be a function of the field, where each field has a place of its own.
    """
    shown = dict(values) if isinstance(values, Mapping) else {name: getattr(obj, name) for name in values}
    content_type = ContentType.objects.get_for_model(obj)
    current = {
        proof.field: proof
        for proof in Provenance.objects.filter(
            content_type=content_type, object_id=obj.pk, field__in=list(shown), superseded_by=None
        )
    }
    proofs = []
    for name, value in shown.items():
        place = source if isinstance(source, Source) else source(name)
        proofs.append(
            Provenance(
                content_type=content_type,
                object_id=obj.pk,
                field=name,
                value="" if value is None else str(value),
                mark=mark,
                material=place.material,
                locator_kind=place.kind,
                locator=dict(place.locator),
                quote=place.quote,
                citation=place.citation,
                note=place.note,
                actor=actor,
            )
        )
    Provenance.objects.bulk_create(proofs)
    for proof in proofs:
        if proof.field in current:
            Provenance.objects.filter(pk=current[proof.field].pk).update(superseded_by=proof)
        if record := _recording.get():
            record.note("prove", proof)
    return proofs


def _clean(obj: models.Model, changed: Iterable[str] | None = None) -> None:
    """Validate a row; of one that was ``changed``, relations left as they were are not looked up again."""
    kept: set[str] = set()
    if changed is not None:
        kept = {f.name for f in obj._meta.concrete_fields if f.is_relation} - set(changed)
    try:
        obj.clean_fields(exclude=kept)
        obj.clean()
        obj.validate_unique()
        obj.validate_constraints()
    except ValidationError as error:
        where, messages = next(iter(error.message_dict.items()))
        name = where
        if where != "__all__":
            name = str(getattr(obj._meta.get_field(where), "verbose_name", where))
        raise Refusal(
            "invalid",
            f"“{name}”：{messages[0]}" if where != "__all__" else messages[0],
            f"“{name}”: {messages[0]}" if where != "__all__" else messages[0],
            where=where,
        ) from error


def _stale(fresh: Row) -> Refusal:
    content_type = ContentType.objects.get_for_model(fresh)
    last = AuditEntry.objects.filter(content_type=content_type, object_id=fresh.pk).order_by("-id").first()
    who = last.actor_name if last else ""
    what = "、".join(f"{name}: {value}" for name, value in (last.after if last else {}).items())
    return Refusal(
        "stale",
        f"“{fresh}”刚被{who}改过（{what}）。你的内容没有丢：核对后再存一次。",
        f"“{fresh}” was just changed by {who} ({what}). Nothing of yours is lost: compare and save again.",
    )
