"""Projects and figures through the API: the same actions as the pages, so the same refusals."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import File, Form, Router, Schema, Status
from ninja.files import UploadedFile
from pydantic import Field

from zhaoyin import lifecycle
from zhaoyin.base.dates import today
from zhaoyin.base.errors import Refusal
from zhaoyin.desk.accounts.policy import demand, who
from zhaoyin.desk.api import REFUSALS
from zhaoyin.desk.deals import actions as deals
from zhaoyin.desk.deals.models import Agreement, Capital
from zhaoyin.desk.projects import actions, corrections, counting, forms, queries
from zhaoyin.desk.projects import rules as in_force
from zhaoyin.desk.projects.models import Milestone, Project
from zhaoyin.desk.reports import actions as reports
from zhaoyin.desk.reports import queries as figures

router = Router(tags=["projects"])
books = Router(tags=["figures"])

Fen = Annotated[int, Field(gt=0, le=10**17)]
Word = Annotated[str, Field(max_length=200)]


class ProjectOut(Schema):
    """``light``: red, yellow, hold, ok or no (left). Amounts in fen, verified ones only. ``left_out``: the exclusion of the
    rules by which the project counts in no figure; blank when it counts."""

    id: int
    code: str
    name: str
    track: str
    stage: str
    exit_code: str
    light: str
    missing: int
    next_due_on: dt.date | None
    contracted_fen: int
    capital_fen: int
    left_out: str
    version: int
    is_demo: bool


class MilestoneOut(Schema):
    """Three dates; ``mark``: said, claimed, verified, locked, rejected. ``adjusts`` is the closed month it belongs to."""

    id: int
    kind: str
    mark: str
    fact_on: dt.date | None
    recorded_on: dt.date
    verified_on: dt.date | None
    period: int | None
    adjusts: int | None
    return_note: str
    version: int


class NeedOut(Schema):
    kind: str
    code: str
    zh: str
    en: str
    have: bool
    who: list[str]


class LightOut(Schema):
    level: str
    rule: str
    zh: str
    en: str
    days: int
    due_on: dt.date | None
    who: str


class CapitalOut(Schema):
    id: int
    received_on: dt.date
    amount_fen: int
    currency: str
    cny_fen: int | None
    origin: str
    mark: str
    voucher_sha256: str
    period: int | None
    version: int


class JudgementOut(Schema):
    """Left out by ``code`` (blank: taken in again), why, by whom, when; the newest last."""

    code: str
    words: str
    why: str
    who: str
    at: dt.datetime


class ProjectFull(ProjectOut):
    """One project: whether it counts and who said so, its milestones, what the next gate asks for, every burning light, its payments."""

    gate: str
    judgements: list[JudgementOut]
    milestones: list[MilestoneOut]
    needs: list[NeedOut]
    lights: list[LightOut]
    capital: list[CapitalOut]


class LeadIn(Schema):
    name: Annotated[str, Field(min_length=1, max_length=200)]
    came_from: Annotated[str, Field(max_length=120)] = ""
    company_as_said: Word = ""
    sector: Annotated[str, Field(max_length=40)] = ""
    need: str = ""
    track: str = ""
    reported_on: dt.date | None = None


class EditIn(Schema):
    """``seen`` is the version that was read; 409 names who was quicker and what they changed."""

    seen: int
    name: Word | None = None
    sector: Annotated[str, Field(max_length=40)] | None = None
    need: str | None = None
    company_as_said: Word | None = None


class ClaimIn(Schema):
    kind: str
    fact_on: dt.date


class DecideIn(Schema):
    note: Annotated[str, Field(max_length=300)] = ""
    seen: int | None = None


class ReasonIn(Schema):
    reason: Annotated[str, Field(max_length=300)]
    seen: int | None = None


class PaymentIn(Schema):
    received_on: dt.date
    amount_fen: Fen
    payer: Word
    payer_region: Annotated[str, Field(max_length=6)]
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = "CNY"


class AmountIn(Schema):
    amount_fen: Annotated[int, Field(ge=0, le=10**17)]
    reason: Annotated[str, Field(max_length=300)]


class LeaveOutIn(Schema):
    code: Annotated[str, Field(min_length=1, max_length=16)]
    reason: Annotated[str, Field(max_length=300)]
    seen: int | None = None


class CorrectionOut(Schema):
    id: int
    subject: str
    field: str
    before: str
    after: str
    note: str
    period: int | None


class FigureOut(Schema):
    """A ratio has numerator and denominator; ``percent`` is null where nothing can be divided or measured yet. ``left_out``
    is what projects that count in no figure would add to the two."""

    indicator: str
    period: str
    view: str
    cohort: str
    numerator: int | None
    denominator: int | None
    percent: str | None
    measured: bool
    locked: bool
    left_out_numerator: int | None
    left_out_denominator: int | None


class MonthOut(Schema):
    number: int
    state: str


def _row(project: Project) -> Project:
    project.light = queries.light(project).level  # type: ignore[attr-defined]
    return project


def _full(project: Project) -> Project:
    state, book = in_force.state(project), in_force.rules()
    gate = None if project.exit_code else lifecycle.next_gate(state, book)
    _row(project)
    project.gate = gate.code if gate else ""  # type: ignore[attr-defined]
    project.judgements = counting.judgements([project.pk]).get(project.pk, [])  # type: ignore[attr-defined]
    project.needs = lifecycle.needs(state, gate.code, book) if gate else []  # type: ignore[attr-defined]
    project.lights = lifecycle.lights(state, today(), book)  # type: ignore[attr-defined]
    project.capital = list(project.capital_rows.all())  # type: ignore[attr-defined]
    return project


def _project(pk: int) -> Project:
    return get_object_or_404(Project.objects.prefetch_related("milestones"), pk=pk)


@router.get("", response={200: list[ProjectOut], **REFUSALS})
def projects(
    request: HttpRequest,
    q: str = "",
    stage: str = "",
    light: str = "",
    state: str = "open",
    limit: int = 50,
    offset: int = 0,
) -> Any:
    """Projects by name or code, stage, light (red, yellow, hold) and state (open, left, all)."""
    demand(request.user, "project.view")
    rows = Project.objects.order_by("-id")
    if q:
        rows = rows.filter(name__icontains=q[:100]) | rows.filter(code__iexact=q[:20])
    if stage:
        rows = rows.filter(stage=stage[:10])
    if light in {"red", "yellow", "hold"}:
        rows = rows.filter(queries.burning(light))
    if state in {"open", "left"}:
        rows = rows.filter(exit_code="") if state == "open" else rows.exclude(exit_code="")
    first = min(max(0, offset), 2**31)
    return [_row(p) for p in rows[first : first + min(max(1, limit), 200)]]


@router.post("", response={201: ProjectFull, **REFUSALS})
def lead(request: HttpRequest, given: LeadIn) -> Any:
    """Record a lead; it is claimed by whoever records it."""
    values = {k: v for k, v in given.dict().items() if v not in (None, "")}
    made = actions.create_project(who(request), **values)
    return Status(201, _full(_project(made.pk)))


@router.get("{int:pk}", response={200: ProjectFull, **REFUSALS})
def project(request: HttpRequest, pk: int) -> Any:
    demand(request.user, "project.view")
    return _full(_project(pk))


@router.patch("{int:pk}", response={200: ProjectFull, **REFUSALS})
def edit(request: HttpRequest, pk: int, given: EditIn) -> Any:
    values = {k: v for k, v in given.dict().items() if v is not None and k != "seen"}
    actions.edit_project(who(request), _project(pk), seen=given.seen, **values)
    return _full(_project(pk))


@router.post("{int:pk}/milestones", response={201: MilestoneOut, **REFUSALS})
def claim(request: HttpRequest, pk: int, given: ClaimIn) -> Any:
    """Claim that a milestone happened; nothing counts until somebody outside the team verifies it."""
    return Status(201, actions.claim(who(request), _project(pk), given.kind, given.fact_on))


@router.post("milestones/{int:pk}/verify", response={200: MilestoneOut, **REFUSALS})
def verify(request: HttpRequest, pk: int, given: DecideIn) -> Any:
    return actions.verify(who(request), get_object_or_404(Milestone, pk=pk), note=given.note, seen=given.seen)


@router.post("milestones/{int:pk}/return", response={200: MilestoneOut, **REFUSALS})
def send_back(request: HttpRequest, pk: int, given: ReasonIn) -> Any:
    return actions.send_back(who(request), get_object_or_404(Milestone, pk=pk), given.reason, seen=given.seen)


@router.post("milestones/{int:pk}/undo", response={200: MilestoneOut, **REFUSALS})
def undo(request: HttpRequest, pk: int, given: ReasonIn) -> Any:
    """Take a verification back while its month is open."""
    return corrections.unverify(
        who(request), get_object_or_404(Milestone, pk=pk), given.reason, seen=given.seen
    )


@router.post("{int:pk}/capital", response={201: CapitalOut, **REFUSALS})
def payment(request: HttpRequest, pk: int, given: Form[PaymentIn], voucher: File[UploadedFile]) -> Any:
    """Claim one payment in, with its voucher."""
    user = who(request)
    material = forms.store(user, voucher)
    return Status(201, deals.claim_capital(user, _project(pk), material=material, **given.dict()))


@router.post("capital/{int:pk}/verify", response={200: CapitalOut, **REFUSALS})
def verify_payment(request: HttpRequest, pk: int, given: DecideIn) -> Any:
    return deals.verify_capital(
        who(request), get_object_or_404(Capital, pk=pk), note=given.note, seen=given.seen
    )


@router.post("capital/{int:pk}/undo", response={200: CapitalOut, **REFUSALS})
def undo_payment(request: HttpRequest, pk: int, given: ReasonIn) -> Any:
    return corrections.unverify_booked(
        who(request), get_object_or_404(Capital, pk=pk), given.reason, seen=given.seen
    )


@router.post("capital/{int:pk}/correct", response={201: CorrectionOut, **REFUSALS})
def correct_payment(request: HttpRequest, pk: int, given: AmountIn) -> Any:
    """Correct a counted payment by a record; a closed month keeps its figures."""
    row = get_object_or_404(Capital.objects.select_related("project"), pk=pk)
    made = corrections.correct_amount(who(request), row.project, row, given.amount_fen, given.reason)
    return Status(201, made)


@router.post("{int:project}/agreements/{int:pk}/correct", response={201: CorrectionOut, **REFUSALS})
def correct_agreement(request: HttpRequest, project: int, pk: int, given: AmountIn) -> Any:
    obj = _project(project)
    paper = get_object_or_404(Agreement, pk=pk, projects=obj)
    made = corrections.correct_amount(who(request), obj, paper, given.amount_fen, given.reason)
    return Status(201, made)


@router.post("{int:pk}/leave-out", response={200: ProjectFull, **REFUSALS})
def leave_out(request: HttpRequest, pk: int, given: LeaveOutIn) -> Any:
    """From now on the project counts in no figure; closed months never change."""
    counting.leave_out(who(request), _project(pk), given.code, given.reason, seen=given.seen)
    return _full(_project(pk))


@router.post("{int:pk}/take-in", response={200: ProjectFull, **REFUSALS})
def take_in(request: HttpRequest, pk: int, given: ReasonIn) -> Any:
    """The project counts again, from the first open month on."""
    counting.take_in(who(request), _project(pk), given.reason, seen=given.seen)
    return _full(_project(pk))


def _month(number: int) -> lifecycle.Month:
    if not (199001 <= number <= 209912 and 1 <= number % 100 <= 12):
        raise Refusal("month.number", "月份写成 202610 这样。", "Write the month like 202610.", where="month")
    return lifecycle.Month.of(number)


@books.get("{int:month}", response={200: list[FigureOut], **REFUSALS})
def month_figures(request: HttpRequest, month: int) -> Any:
    """Every indicator of a month, period view and cohort view."""
    demand(request.user, "indicator.view")
    return [
        {name: getattr(figure, name) for name in FigureOut.model_fields if not name.startswith("left_out")}
        | {"left_out_numerator": left.numerator, "left_out_denominator": left.denominator}
        for line in figures.lines(_month(month))
        for figure, left in zip((line.period, line.cohort), line.left, strict=True)
    ]


@books.get("{int:month}/list/{str:indicator}", response={200: list[ProjectOut], **REFUSALS})
def behind(request: HttpRequest, month: int, indicator: str, view: str = "period", out: bool = False) -> Any:
    """The projects behind one figure; ``out``: those left out of it."""
    demand(request.user, "indicator.view")
    found = lifecycle.figure(
        in_force.rules().indicators[indicator],
        figures.Books(out=out),
        _month(month),
        view=view,
        rules=in_force.rules(),
    )
    return [_row(p) for p in Project.objects.filter(pk__in=found.ids[:500]).order_by("pk")]


@books.post("{int:month}/close", response={200: MonthOut, **REFUSALS})
def close(request: HttpRequest, month: int) -> Any:
    return reports.close_month(who(request), _month(month).number)
