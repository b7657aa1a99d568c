"""What people ask about agreements and promises."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from zhaoyin.desk.deals.models import Agreement
from zhaoyin.desk.events.models import Event
from zhaoyin.desk.evidence.models import Mark
from zhaoyin.desk.projects.models import Milestone, Project

PROVEN = (Mark.VERIFIED, Mark.LOCKED)
# A framework or a letter of intent never counts as 签约额, so its missing amount is no gap either.
COUNTABLE = ~Q(kind__in=[Agreement.Kind.FRAMEWORK, Agreement.Kind.INTENT, Agreement.Kind.TERMINATION])


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
                ),
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
