"""What people and the rules ask about agreements, money and promises."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Count, Min, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from zhaoyin.base.errors import Refusal
from zhaoyin.desk.deals.models import Agreement, Capital, Commitment, Party, Rate, Share
from zhaoyin.desk.events.models import Event
from zhaoyin.desk.evidence.models import Mark
from zhaoyin.desk.projects.models import Milestone, Project

PROVEN = (Mark.VERIFIED, Mark.LOCKED)
COUNTED = PROVEN
STANDING = (Mark.CLAIMED, Mark.VERIFIED, Mark.LOCKED)
# A framework or a letter of intent never counts as 签约额, so its missing amount is no gap either.
COUNTABLE = ~Q(kind__in=[Agreement.Kind.FRAMEWORK, Agreement.Kind.INTENT, Agreement.Kind.TERMINATION])
COUNTABLE_AT = ~Q(
    agreement__kind__in=[Agreement.Kind.FRAMEWORK, Agreement.Kind.INTENT, Agreement.Kind.TERMINATION]
)


@dataclass(frozen=True)
class Tally:
    """What a set of agreements says and what of it is proven. Amounts in fen."""

    total: int
    framework: int
    contract: int
    contract_said: int
    unstated: int
    other: int
    verified_fen: int
    amount_unstated: int
    candidates: int
    signing_reported: int
    is_demo: bool


def tally(event: Event | None = None) -> Tally:
    """Count the agreements of an event (or all) by kind, the verified amount, and how many state none."""
    if event is not None:
        rows, is_demo = Agreement.objects.filter(event=event), event.is_demo
    else:  # demonstration rows never mix with real ones
        is_demo = not Agreement.objects.filter(is_demo=False).exists()
        rows = Agreement.objects.filter(is_demo=is_demo)
    kinds = Agreement.Kind
    counts = rows.aggregate(
        total=Count("pk"),
        framework=Count("pk", filter=Q(kind=kinds.FRAMEWORK)),
        contract=Count("pk", filter=Q(kind=kinds.CONTRACT)),
        contract_said=Count("pk", filter=Q(kind=kinds.CONTRACT, mark=Mark.SAID)),
        unstated=Count("pk", filter=Q(kind=kinds.UNSTATED)),
        amount_unstated=Count("pk", filter=COUNTABLE & Q(amount_fen=None)),
        verified_fen=Coalesce(
            Sum(
                "amount_fen",
                filter=Q(
                    kind__in=[kinds.CONTRACT, kinds.SUPPLEMENT],
                    mark__in=PROVEN,
                    currency="CNY",
                    is_demo=False,
                )
                & ~Q(pk__in=_left_out()),
            ),
            0,
        ),
    )
    projects = (
        Project.objects.filter(agreements__in=rows).distinct()
        if event
        else Project.objects.filter(is_demo=is_demo)
    )
    reported = Milestone.objects.filter(project__in=projects, kind=Project.Stage.SIGNED, mark=Mark.SAID)
    named = counts["framework"] + counts["contract"] + counts["unstated"]
    return Tally(
        **counts,
        other=counts["total"] - named,
        candidates=projects.filter(stage=Project.Stage.LEAD).count(),
        signing_reported=reported.values("project").distinct().count(),
        is_demo=is_demo,
    )


def _left_out() -> QuerySet[Agreement, Any]:
    """Papers none of whose projects counts in the figures."""
    out = Project.all_objects.exclude(left_out="").values("pk")
    return Agreement.objects.filter(projects__in=out).exclude(projects__left_out="").values("pk")


def rows_for(event: Event) -> QuerySet[Agreement]:
    return event.agreements.prefetch_related("party_rows__organisation").order_by("id")


def same_agreement(name: str, kind: str, event: Event | None, organisations: set[int]) -> Agreement | None:
    """The same signing: same name, event and parties. A signing counts once."""
    for agreement in Agreement.objects.filter(name=name, kind=kind, event=event).prefetch_related(
        "party_rows"
    ):
        if {row.organisation_id for row in agreement.party_rows.all()} == organisations:
            return agreement
    return None


def for_rules(ids: Iterable[int]) -> dict[int, dict[str, object]]:
    """What the gates and lights need to know: is there a contract with parties and an amount, promises of both sides,
    the next promise due, when the investor's first money is due, when a quarter of the contract was in, the day of the
    ceremony that announced a signing."""
    ids = list(ids)
    found: dict[int, dict[str, object]] = {
        pk: dict.fromkeys(
            (
                "contract",
                "parties",
                "amount",
                "commitments",
                "promise_due_on",
                "quarter_capital_on",
                "money_due_on",
                "ceremony_on",
            )
        )
        for pk in ids
    }
    links = Agreement.projects.through.objects.filter(
        project__in=ids, agreement__kind=Agreement.Kind.CONTRACT, agreement__mark__in=STANDING
    ).values_list("project", "agreement", "agreement__amount_fen", "agreement__signed_on")
    contracts: dict[int, int] = {}
    amounts: dict[int, int] = defaultdict(int)
    for project, agreement, amount, signed_on in links:
        contracts[agreement] = project
        found[project]["contract"] = bool(signed_on)
        found[project]["amount"] = found[project]["amount"] or amount
        amounts[project] = max(amounts[project], amount or 0)
    sides: dict[int, set[str]] = defaultdict(set)
    for agreement, side in (
        Party.objects.filter(agreement__in=contracts).values_list("agreement", "side").distinct()
    ):
        sides[agreement].add(side)
    for agreement, project in contracts.items():
        if {"local", "investor"} <= sides[agreement]:
            found[project]["parties"] = True
    announced = Agreement.projects.through.objects.filter(COUNTABLE_AT, project__in=ids).values_list(
        "project", "agreement__event__held_on"
    )
    for project, held_on in announced.exclude(agreement__event__held_on=None):
        assert held_on is not None
        first = found[project]["ceremony_on"]
        found[project]["ceremony_on"] = min(first, held_on) if isinstance(first, dt.date) else held_on
    promised: dict[int, set[str]] = defaultdict(set)
    rows = (
        Commitment.objects.filter(project__in=ids)
        .exclude(mark=Mark.REJECTED)
        .values_list("project", "side")
        .annotate(due=Min("due_on", filter=Q(state="open")), money=Min("due_on", filter=Q(amount_fen__gt=0)))
    )
    for project, side, due, money in rows:
        promised[project].add(side)
        if side == Commitment.Side.INVESTOR:
            found[project]["money_due_on"] = money
        now = found[project]["promise_due_on"]
        if due and (not isinstance(now, dt.date) or due < now):
            found[project]["promise_due_on"] = due
    for project, both in promised.items():
        found[project]["commitments"] = both == {"investor", "region"}
    if amounts:
        running: dict[int, int] = defaultdict(int)
        for project, day, fen in (
            Capital.objects.filter(project__in=list(amounts), mark__in=COUNTED)
            .order_by("received_on", "id")
            .values_list("project", "received_on", "cny_fen")
        ):
            running[project] += fen or 0
            if not found[project]["quarter_capital_on"] and running[project] * 4 >= amounts[project]:
                found[project]["quarter_capital_on"] = day
    return found


def rate_on(currency: str, day: dt.date) -> Rate:
    """The published rate of that very day; a Refusal says which one to enter."""
    found = Rate.objects.filter(currency=currency, on=day).first()
    if found is None:
        raise Refusal(
            "rate.missing",
            f"没有 {day} 的 {currency} 汇率。补上当日中间价及来源，再核验。",
            f"There is no {currency} rate for {day}. Enter that day's central parity with its source, then verify.",
            where="rate",
        )
    return found


def in_cny(amount_fen: int, currency: str, day: dt.date) -> tuple[int, Decimal | None]:
    """(fen of CNY, rate per 100 used): CNY as it is, other money at the rate of the day, half up."""
    if currency == "CNY":
        return amount_fen, None
    rate = rate_on(currency, day).per_100
    return int((amount_fen * rate / 100).quantize(Decimal(1), rounding="ROUND_HALF_UP")), rate


def outside_fen(agreement: Agreement, project_id: int) -> int:
    """The outside capital one agreement brings to one project, in fen of CNY: its share where the agreement is shared."""
    share = (
        Share.objects.filter(agreement=agreement, project_id=project_id)
        .values_list("amount_fen", flat=True)
        .first()
    )
    if share is None:
        amount = agreement.outside_fen if agreement.outside_fen is not None else agreement.amount_fen
        if amount is None:
            return 0
        if agreement.projects.count() > 1 and agreement.kind != Agreement.Kind.TERMINATION:
            raise Refusal(
                "agreement.share",
                f"“{agreement}”管着几个项目，没有写各占多少。先填各项目金额。",
                f"“{agreement}” covers several projects without saying how much each carries. Enter the shares first.",
                where="shares",
            )
        share = amount
    if agreement.currency == "CNY" or agreement.signed_on is None:
        return share
    return in_cny(share, agreement.currency, agreement.signed_on)[0]


def signed_fen(project_id: int) -> int | None:
    """The outside capital of the contract a project signed first; None where it states no amount."""
    papers = Agreement.objects.filter(projects=project_id, kind=Agreement.Kind.CONTRACT, mark__in=STANDING)
    first = papers.exclude(signed_on=None).order_by("signed_on", "id").first()
    return outside_fen(first, project_id) or None if first else None


def capital_of(project_id: int) -> dict[str, int]:
    """Capital of a project by mark, in fen of CNY; foreign money not yet at a rate counts for nothing here."""
    rows = Capital.objects.filter(project=project_id).values_list("mark").annotate(fen=Sum("cny_fen"))
    return {mark: fen or 0 for mark, fen in rows}


def voucher_used(sha256: str) -> Capital | None:
    return (
        Capital.objects.filter(voucher_sha256=sha256)
        .exclude(mark=Mark.REJECTED)
        .select_related("project")
        .first()
    )
