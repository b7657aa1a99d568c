"""Closing a month, and the year's target."""

from __future__ import annotations

import struct
import time
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from zhaoyin import lifecycle
from zhaoyin.base.errors import Refusal
from zhaoyin.desk.accounts import policy
from zhaoyin.desk.actions import action
from zhaoyin.desk.deals.models import Agreement, Capital, Commitment
from zhaoyin.desk.evidence.actions import audit
from zhaoyin.desk.evidence.models import Mark
from zhaoyin.desk.projects.models import Milestone
from zhaoyin.desk.projects.rules import rules
from zhaoyin.desk.reports import queries
from zhaoyin.desk.reports.models import Month, Published, Rollup, Target

if TYPE_CHECKING:
    from zhaoyin.desk.accounts.models import User

CHUNK = 1_500  # rows locked in one short transaction while a month closes
PAUSE = 0.02  # seconds between two of them, in which other processes find the ledger free


@action("month.close")
def start_close(actor: User, number: int) -> Month:
    """Shut the month to new bookings: facts verified from now on count in the next open month."""
    month = Month.objects.select_for_update().filter(number=number).first() or Month(number=number)
    if month.state == Month.State.CLOSED:
        raise Refusal(
            "month.closed",
            f"{month} 已锁定。晚到的事实计入下一期。",
            f"{month} is closed. Late facts count in the next period.",
        )
    month.state, month.rules_version = Month.State.CLOSING, rules().ref
    month.save()
    audit(actor, "month.closing", after={"month": number})
    return month


def close_month(actor: User, number: int, *, tell: Callable[[str], None] = lambda step: None) -> Month:
    """Close a month: check, shut it, lock its facts in short steps, sum it, publish its figures, seal it.

    Refused while a check fails or an earlier month with bookings is open. Nobody else waits: each step is a short
    transaction and the figures are computed between them. A close that was interrupted is taken up again.
    """
    policy.demand(actor, "month.close")
    month = lifecycle.Month.of(number)
    if month.last >= queries.today():
        raise Refusal(
            "month.not_over",
            f"{month} 还没有过完，{month.last} 之后才能锁定。",
            f"{month} is not over; it can be closed after {month.last}.",
        )
    before = queries.earliest_open(number)
    if before is not None:
        earlier = lifecycle.Month.of(before)
        raise Refusal(
            "month.order",
            f"{earlier} 还没有锁定。按月份先后锁定。",
            f"{earlier} is still open. Close the months in order.",
        )
    failed = [check for check in queries.checks(number) if not check.passed and check.blocks]
    if failed:
        raise Refusal(
            "month.checks",
            f"{month} 还差 {len(failed)} 项：{'；'.join(c.zh for c in failed)}。",
            f"{month} lacks {len(failed)}: {'; '.join(c.en for c in failed)}.",
        )
    start_close(actor, number)
    for model in (Milestone, Agreement, Capital, Commitment):
        tell(model._meta.model_name or "")
        while _lock_some(model, number):
            time.sleep(PAUSE)
    tell("sums")
    with transaction.atomic():
        Rollup.objects.filter(period=number).delete()
        Rollup.objects.bulk_create(queries.sums(number), batch_size=1000)
    tell("figures")
    rows = []
    for view in ("period", "cohort"):
        for ind in rules().indicators.values():
            f = lifecycle.figure(ind, queries.Books(), month, view=view, rules=rules())
            rows.append(
                Published(
                    month_id=number,
                    indicator=f.indicator,
                    view=view,
                    cohort=f.cohort,
                    numerator=f.numerator,
                    denominator=f.denominator,
                    measured=f.measured,
                    parts={k: dict(v) for k, v in f.parts.items()},
                    ids=zlib.compress(struct.pack(f"<{len(f.ids)}q", *f.ids), 1),
                )
            )
    with transaction.atomic():
        policy.demand(actor, "month.close")
        sealed = Month.objects.select_for_update().get(number=number)
        if sealed.state != Month.State.CLOSING:
            raise Refusal(
                "month.stale",
                f"{month} 刚被别人锁定。刷新看结果。",
                f"{month} was just closed by somebody else. Reload to see it.",
            )
        Published.objects.filter(month=sealed).delete()
        Published.objects.bulk_create(rows)
        sealed.state, sealed.closed_by, sealed.closed_at = Month.State.CLOSED, actor, timezone.now()
        sealed.save()
        audit(
            actor, "month.close", after={"month": number, "figures": len(rows), "rules": sealed.rules_version}
        )
    return sealed


def _lock_some(model: type[Milestone | Agreement | Capital | Commitment], number: int) -> int:
    """Turn up to CHUNK verified rows of the month to locked; how many there were."""
    with transaction.atomic():
        some = model._default_manager.filter(period=number, mark=Mark.VERIFIED).values_list("pk", flat=True)[
            :CHUNK
        ]
        return model._default_manager.filter(pk__in=list(some)).update(mark=Mark.LOCKED)


close_month.policy_verb = "month.close"  # type: ignore[attr-defined]  # it asks the policy itself, at both ends


@action("target.edit")
def set_target(actor: User, year: int, amount_fen: int, citation: str) -> Target:
    target, _ = Target.objects.update_or_create(
        year=year, defaults={"amount_fen": amount_fen, "citation": citation}
    )
    audit(actor, "target.set", after={"year": year, "amount_fen": amount_fen, "citation": citation})
    return target
