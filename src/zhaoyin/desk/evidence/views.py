from __future__ import annotations

from typing import Any

from django.apps import apps
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from zhaoyin.desk.accounts.policy import needs
from zhaoyin.desk.evidence import queries
from zhaoyin.desk.evidence.models import AuditEntry, Row
from zhaoyin.desk.evidence.verbs import VERBS, in_words
from zhaoyin.desk.lists import Column, Filter, List, list_view
from zhaoyin.desk.templatetags.desk import _label
from zhaoyin.desk.words import t


def _object(model: str, pk: int) -> models.Model:
    try:
        found = apps.get_model(model)
    except (LookupError, ValueError):
        raise Http404 from None
    if not issubclass(found, Row):
        raise Http404
    return get_object_or_404(found, pk=pk)


@needs("provenance.view")
def provenance(request: HttpRequest, model: str, pk: int, field: str) -> HttpResponse:
    """Who says so: the newest proof of the value with its sentence, the earlier ones below."""
    obj = _object(model, pk)
    proofs = list(queries.provenance_of(obj, field))
    if not proofs:
        raise Http404
    context = {
        "object": obj,
        "label": _label(obj, field),
        "proof": proofs[0],
        "earlier": proofs[1:6],
        "excerpt": _excerpt(proofs[0]),
    }
    template = (
        "evidence/_provenance.html" if request.headers.get("HX-Request") else "evidence/provenance.html"
    )
    return render(request, template, context)


def _excerpt(proof: Any) -> dict[str, str]:
    """The quoted characters with some text around them, from the stored source."""
    if not proof.material or proof.locator_kind != "characters" or "start" not in proof.locator:
        return {}
    from zhaoyin.desk.materials.queries import excerpt

    return excerpt(proof.material_id, proof.locator["start"], proof.locator["end"])


@needs("history.view")
def history(request: HttpRequest, model: str, pk: int) -> HttpResponse:
    obj = _object(model, pk)
    return render(
        request, "evidence/history.html", {"object": obj, "history": with_words(queries.history_of(obj, 200))}
    )


def with_words(entries: Any) -> list[Any]:
    """Audit entries with their sentence in the language of now."""
    rows = list(entries)
    for entry in rows:
        entry.sentence = f"{in_words(entry.verb)} {entry.label}".strip()
    return rows


def _changes(entry: AuditEntry) -> str:
    parts = [
        f"{name}: {entry.before.get(name, '')} → {value}"
        for name, value in entry.after.items()
        if value not in ("", None, [])
    ]
    return "; ".join(parts)[:300]


AUDIT = List(
    verb="audit.view",
    title=t("改动记录", "Audit trail"),
    columns=[
        Column("label", t("对象", "Object"), show=lambda e: e.label or "·"),
        Column("verb", t("做了什么", "What"), show=lambda e: in_words(e.verb)),
        Column("changes", t("前 → 后", "Before → after"), show=_changes),
        Column("actor_name", t("谁", "Who")),
        Column("at", t("何时", "When"), order="at"),
        Column("reason", t("原因", "Reason")),
    ],
    rows=lambda request: AuditEntry.objects.select_related("content_type"),
    url=lambda e: f"/audit/?q={e.label}",
    search=("label", "actor_name"),
    filters=[Filter("verb", t("做了什么", "What"), lambda: list(VERBS.items()))],
    empty=t("还没有记录。", "Nothing recorded yet."),
)
audit_list = list_view(AUDIT)
