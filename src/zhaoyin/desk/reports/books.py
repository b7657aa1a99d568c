"""Booking what counts: called by the actions that verify, inside their transaction."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from django.db.models import Sum

from zhaoyin import lifecycle
from zhaoyin.desk.projects.models import Project
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
    cohort: int | None = None,
) -> Entry | None:
    """Book one counted fact in its month, or in the first open month when that one is closed. Nothing is booked for 0.

    A demonstration project has accounts of its own (``~name``), so that its figures never mix with real ones.
    """
    if not quantity:
        return None
    account = queries.account_of(project, account)
    period, adjusts = place(fact_on)
    if period < not_before:
        period, adjusts = place(lifecycle.Month.of(not_before).first)
    return Entry.objects.create(
        project=project,
        account=account,
        quantity=quantity,
        period=period,
        adjusts=adjusts,
        cohort=project.cohort if cohort is None else cohort,
        fact_on=fact_on,
        origin=origin,
        use=use,
        source=source[0],
        source_id=source[1],
        made_by=actor,
    )


def booked(project: Project, account: str) -> int:
    account = queries.account_of(project, account)
    return Entry.objects.filter(project=project, account=account).aggregate(n=Sum("quantity"))["n"] or 0


def join_cohort(actor: User | None, project: Project, source: tuple[str, int], signed_on: dt.date) -> None:
    """The project is signed for the first time: what was booked for it before moves into its cohort, in an open month."""
    project.cohort = lifecycle.Month.of(signed_on).number
    Project.objects.filter(pk=project.pk).update(cohort=project.cohort)
    earlier = Entry.objects.filter(project=project, cohort=0).values_list("account", "origin", "use")
    for account, origin, use, quantity in earlier.annotate(n=Sum("quantity")):
        if quantity:
            for cohort, sign in ((0, -1), (project.cohort, 1)):
                book(
                    actor,
                    project,
                    account,
                    sign * quantity,
                    signed_on,
                    source,
                    origin=origin,
                    use=use,
                    cohort=cohort,
                )


def performed(actor: User, project: Project, fact_on: dt.date, source: tuple[str, int]) -> None:
    """The first verified act after signing (entity, carrier contract or capital) makes a project 履约."""
    if project.cohort and not booked(project, "performed"):
        book(actor, project, "performed", 1, fact_on, source)
