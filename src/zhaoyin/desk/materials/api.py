from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import File, Router, Schema, Status
from ninja.files import UploadedFile

from zhaoyin.desk.accounts.policy import demand, who
from zhaoyin.desk.api import REFUSALS
from zhaoyin.desk.materials import actions
from zhaoyin.desk.materials.models import Fact, Material

router = Router(tags=["materials"])


class MaterialOut(Schema):
    id: int
    title: str
    sha256: str
    state: str
    is_demo: bool
    problem_zh: str
    problem_en: str


class FactOut(Schema):
    """``spans``: field → half-open character places in the source; "" is the whole fact."""

    id: int
    kind: str
    state: str
    data: dict[str, Any]
    corrected: dict[str, Any] | None
    spans: dict[str, list[list[int]]]
    confidence: float | None


class Correction(Schema):
    values: dict[str, Any]


@router.get("", response={200: list[MaterialOut], **REFUSALS})
def materials(request: HttpRequest, limit: int = 50, offset: int = 0) -> Any:
    demand(request.user, "material.view")
    first = min(max(0, offset), 2**31)  # beyond it no list goes, and SQLite counts only so far
    return list(Material.objects.all()[first : first + min(max(1, limit), 200)])


@router.post("", response={201: MaterialOut, 200: MaterialOut, **REFUSALS})
def add(request: HttpRequest, file: File[UploadedFile], title: str = "") -> Any:
    """Bring a document in; 200 when these bytes are here already."""
    material, new = actions.add_material(who(request), file.read(), file.name or "file", title=title)
    return Status(201 if new else 200, material)


@router.get("{int:pk}/facts", response={200: list[FactOut], **REFUSALS})
def facts(request: HttpRequest, pk: int) -> Any:
    demand(request.user, "material.view")
    return list(get_object_or_404(Material, pk=pk).facts.all())


@router.post("facts/{int:pk}/accept", response={200: FactOut, **REFUSALS})
def accept(request: HttpRequest, pk: int) -> Any:
    return actions.accept(who(request), get_object_or_404(Fact, pk=pk))


@router.post("facts/{int:pk}/correct", response={200: FactOut, **REFUSALS})
def correct(request: HttpRequest, pk: int, correction: Correction) -> Any:
    return actions.correct(who(request), get_object_or_404(Fact, pk=pk), correction.values)


@router.post("facts/{int:pk}/reject", response={200: FactOut, **REFUSALS})
def reject(request: HttpRequest, pk: int, reason: str = "") -> Any:
    return actions.reject(who(request), get_object_or_404(Fact, pk=pk), reason)
