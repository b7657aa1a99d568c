"""Booking what counts: called by the actions that verify, inside their transaction."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet, Sum

from zhaoyin import lifecycle
from zhaoyin.desk.projects.models import Project, Split
from zhaoyin.desk.reports import queries
from zhaoyin.desk.reports.models import Entry, Month

if TYPE_CHECKING:
    from zhaoyin.desk.accounts.models import User


def place(fact_on: dt.date) -> tuple[int, int | None]:
    """(month a fact counts in, closed month it adjusts). Makes the month's row, so that its state can be locked."""
    shut = set(Month.objects.exclude(state=Month.State.OPEN).values_list("number", flat=True))
    month, adjusts = lifecycle.booked_in(fact_on, shut)
    Month.objects.get_or_create(number=month.number)
    return month.number, adjusts.number if adjusts else None


def book(
    actor: User | None,
    project: Project,
    account: str,
    quantity: int,
    fact_on: dt.date,
    source: tuple[str, int],
    *,
    origin: str = "",
    use: str = "",
    not_before: int = 0,
    away: int | None = None,
) -> Entry | None:
    """Book one counted fact in its month, or in the first open month when that one is closed. Nothing is booked for 0.

    A demonstration project and one left out have accounts of their own (`queries.PREFIXES`), so that their figures never
    mix with those that count. Of a project in a corridor the part that counts elsewhere is booked beside it (``capital_away``), by the split of the day;
    ``away`` states that part where it is known otherwise.
    """
    if not quantity:
        return None
    measure, account = account, queries.account_of(project, account)
    period, adjusts = place(fact_on)
    if period < not_before:
        period, adjusts = place(lifecycle.Month.of(not_before).first)
    bare = Entry(
        project=project, account=account, quantity=quantity, period=period, adjusts=adjusts, cohort=project.cohort,
        fact_on=fact_on, origin=origin, use=use, source=source[0], source_id=source[1], made_by=actor,
    )  # fmt: skip
    bare.save(force_insert=True)
    if measure in SPLIT and project.corridor_id:
        if away is None:
            away = away_of(project.corridor_id, measure, quantity, fact_on)
        if away:
            _put(bare, account=f"{account}_away", quantity=away, made_by=actor)
    return bare


SPLIT = ("contracted", "capital")  # the measures of a corridor that the books hold


def away_of(corridor_id: int, measure: str, quantity: int, day: dt.date) -> int:
    """What of ``quantity`` (fen) counts for the source city and the enclave park by the split in force on ``day``; the
    region's own part is rounded half up, the rest goes away, so that the two always add up."""
    split = (
        Split.objects.filter(corridor=corridor_id, measure=measure, from_on__lte=day)
        .order_by("-from_on")
        .first()
    )
    if split is None:
        return 0
    home = (abs(quantity) * split.home_share / 100).quantize(Decimal(1), rounding="ROUND_HALF_UP")
    return (abs(quantity) - int(home)) * (1 if quantity > 0 else -1)


def _put(like: Entry, *, not_before: int = 0, **values: Any) -> Entry:
    """Another entry like one that stands, but for ``values``; placed by its own fact's day, or later."""
    names = (
        "project_id",
        "account",
        "quantity",
        "cohort",
        "fact_on",
        "origin",
        "use",
        "source",
        "source_id",
        "made_by",
    )
    row = Entry(**{name: getattr(like, name) for name in names} | values)
    row.period, row.adjusts = place(row.fact_on)
    row.period = max(row.period, not_before)
    row.save(force_insert=True)
    return row


def _net(rows: QuerySet[Entry]) -> list[Entry]:
    """One entry for each fact that still counts, with what it sums to."""
    found: dict[tuple[Any, ...], Entry] = {}
    for e in rows.order_by("id"):
        key = (e.account, e.cohort, e.origin, e.use, e.source, e.source_id)
        if key in found:
            found[key].quantity += e.quantity
        else:
            found[key] = e
    return [e for e in found.values() if e.quantity]


def reverse(actor: User, rows: QuerySet[Entry]) -> None:
    """Answer entries by opposite ones, so that nothing of them counts any more."""
    for e in _net(rows):
        _put(e, quantity=-e.quantity, made_by=actor, not_before=e.period)


def redate(actor: User, rows: QuerySet[Entry], fact_on: dt.date) -> int | None:
    """The facts behind these entries happened on another day: taken out where they count, put in where they belong. The
    month the change is booked in; None when nothing was booked."""
    period = None
    for e in _net(rows):
        _put(e, quantity=-e.quantity, made_by=actor, not_before=e.period)
        period = _put(e, fact_on=fact_on, made_by=actor).period
    return period


def booked(project: Project, account: str) -> int:
    account = queries.account_of(project, account)
    return Entry.objects.filter(project=project, account=account).aggregate(n=Sum("quantity"))["n"] or 0


def join_cohort(actor: User | None, project: Project, signed_on: dt.date) -> None:
    """The project is first signed in this month: whatever counts for it so far moves into that cohort, in open months."""
    before, project.cohort = project.cohort, lifecycle.Month.of(signed_on).number
    if before == project.cohort:
        return
    Project.objects.filter(pk=project.pk).update(cohort=project.cohort)
    for e in _net(Entry.objects.filter(project=project, cohort=before)):
        _move(actor, e, cohort=project.cohort)


def recount(actor: User, project: Project) -> None:
    """The project was left out or taken in again: whatever stands for it moves to the accounts it books on now, in open
    months, so that closed ones keep their figures and the next shows the adjustment."""
    for e in _net(Entry.objects.filter(project=project)):
        account = queries.account_of(project, queries.bare(e.account))
        if e.account != account:
            _move(actor, e, account=account)


def _move(actor: User | None, e: Entry, **values: Any) -> None:
    """Taken out where it counts and put in elsewhere, both in the same month."""
    _put(e, quantity=-e.quantity, made_by=actor, not_before=e.period)
    _put(e, made_by=actor, not_before=e.period, **values)


def performed(actor: User, project: Project, fact_on: dt.date, source: tuple[str, int]) -> None:
    """The first verified act after signing (entity, carrier contract or capital) makes a project 履约."""
    if project.cohort and not booked(project, "performed"):
        book(actor, project, "performed", 1, fact_on, source)


def perform_again(actor: User, project: Project) -> None:
    """After something was taken back: another verified act still makes the project 履约."""
    from zhaoyin.desk.deals.models import Capital
    from zhaoyin.desk.projects.models import Milestone

    done = ["verified", "locked"]
    landed = Milestone.objects.filter(project=project, kind="landed", mark__in=done).first()
    paid = Capital.objects.filter(project=project, mark__in=done).order_by("received_on", "id").first()
    if landed and landed.fact_on and booked(project, "landed"):
        performed(actor, project, landed.fact_on, ("projects.milestone", landed.pk))
    elif paid:
        performed(actor, project, paid.received_on, ("deals.capital", paid.pk))
