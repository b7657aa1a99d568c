"""What was verified wrongly: taken back while its month is open, corrected by a record once it is locked.

Nothing that was booked is changed: an entry is answered by another one. A closed month keeps its figures; the difference
counts in the first open month and names the month it adjusts.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from zhaoyin import lifecycle
from zhaoyin.base.dates import today
from zhaoyin.base.errors import Refusal
from zhaoyin.base.money import show_money
from zhaoyin.desk.actions import action
from zhaoyin.desk.deals.models import Agreement, Capital, Commitment
from zhaoyin.desk.evidence.actions import Source, change, create, prove
from zhaoyin.desk.evidence.models import Mark
from zhaoyin.desk.projects import counting
from zhaoyin.desk.projects import rules as in_force
from zhaoyin.desk.projects.derive import derive
from zhaoyin.desk.projects.models import Correction, Milestone, Profile, Project
from zhaoyin.desk.reports import books
from zhaoyin.desk.reports.models import Entry, Month
from zhaoyin.desk.reports.queries import account_of

if TYPE_CHECKING:
    from zhaoyin.desk.accounts.models import User

COUNTED = (Mark.VERIFIED, Mark.LOCKED)


def _why(reason: str) -> None:
    if len(reason.strip()) < 4:
        raise Refusal(
            "correction.reason",
            "写明为什么：原来错在哪里。",
            "Say why: what was wrong before.",
            where="reason",
        )


def _outside(actor: User, project: Project) -> None:
    if actor.pk in in_force.team(project):
        raise Refusal(
            "correction.team",
            "你在项目团队里，不能更正核验过的值。转给核验员。",
            "You are on the project's team and may not correct a verified value. Pass it to a verifier.",
        )


def _still_open(row: Milestone | Capital | Agreement, seen: int | None) -> None:
    """Only what is verified and whose month is open can be taken back."""
    if seen is not None and row.version != seen:
        raise Refusal("claim.stale", "这条刚被改过。刷新再看。", "This was just changed. Reload.")
    shut = Month.objects.filter(number=row.period or 0).exclude(state=Month.State.OPEN).exists()
    if row.mark == Mark.LOCKED or shut:
        month = lifecycle.Month.of(row.period) if row.period else ""
        raise Refusal(
            "undo.locked",
            f"{month} 已锁定，核验不能撤回。用更正，差额计入下一期。",
            f"{month} is closed; the verification stays. Record a correction, the difference counts in the next period.",
        )
    if row.mark != Mark.VERIFIED:
        raise Refusal(
            "undo.stale",
            f"这条现在是{row.get_mark_display()}，没有可撤回的核验。",
            f"This is {row.get_mark_display()}; there is no verification to take back.",
        )


# --- taken back before the lock


@action("milestone.verify")
def unverify(actor: User, milestone: Milestone, reason: str, *, seen: int | None = None) -> Milestone:
    """Take a verification back while its month is open: the claim waits again, its bookings are answered by opposite ones."""
    project = Project.objects.select_for_update().get(pk=milestone.project_id)
    milestone = Milestone.objects.select_for_update().get(pk=milestone.pk)
    _why(reason)
    book = in_force.rules()
    refusal = lifecycle.may_verify(
        milestone.kind, actor.pk, actor.roles, team=in_force.team(project), rules=book
    )
    if refusal:
        raise refusal
    _still_open(milestone, seen)
    order = book.tracks[project.track or in_force.DEFAULT_TRACK].milestones
    after = order[order.index(milestone.kind) + 1 :]
    later = Milestone.objects.filter(project=project, kind__in=after, mark__in=COUNTED).first()
    if later:
        word, gate = book.gates[later.kind], book.gates[milestone.kind]
        raise Refusal(
            "undo.later",
            f"后面的{word.zh}已核验，{gate.zh}不能单独撤回。先撤回{word.zh}。",
            f"{word.en} was verified after it; take that back first, then {gate.en}.",
        )
    if milestone.kind == "signed":
        _unsign(actor, project)
    else:
        books.reverse(
            actor, Entry.objects.filter(project=project, source="projects.milestone", source_id=milestone.pk)
        )
        books.perform_again(actor, project)
    change(
        actor, "milestone.undo", milestone, reason=reason, mark=Mark.CLAIMED, verified_on=None, verified_by=None,
        period=None, adjusts=None,
    )  # fmt: skip
    prove(actor, milestone, {"fact_on": milestone.fact_on}, Mark.CLAIMED, Source(note=reason))
    derive([Project.objects.get(pk=project.pk)])
    return milestone


def _unsign(actor: User, project: Project) -> None:
    """The signing is taken back: so is all that was booked because of it."""
    if Capital.objects.filter(project=project, mark__in=COUNTED).exists():
        raise Refusal(
            "undo.capital",
            "这个项目已有核验过的到位资金。先撤回到位资金，再撤回签约。",
            "Capital of this project is verified. Take that back first, then the signing.",
        )
    papers = list(project.agreements.filter(mark__in=COUNTED))
    promises = Commitment.objects.filter(agreement__in=papers)
    if any(p.mark == Mark.LOCKED for p in papers) or promises.filter(mark=Mark.LOCKED).exists():
        raise Refusal(
            "undo.locked",
            "随签约计入的协议或承诺已锁定，签约不能撤回。用更正或终止协议。",
            "An agreement or promise counted with the signing is locked. Record a correction or a termination.",
        )
    if promises.filter(state=Commitment.State.KEPT).exists():
        raise Refusal(
            "undo.kept",
            "已有承诺确认兑现，签约不能撤回。用更正或终止协议。",
            "A promise was confirmed as kept; the signing stays. Record a correction or a termination.",
        )
    books.reverse(actor, Entry.objects.filter(project=project))
    for paper in papers:
        if paper.projects.filter(cohort__gt=0).exclude(pk=project.pk).exists():
            continue  # another project's signing stands on it
        for promise in paper.commitments.filter(mark=Mark.VERIFIED):
            change(
                actor,
                "commitment.undo",
                promise,
                mark=Mark.CLAIMED,
                verified_by=None,
                verified_on=None,
                period=None,
            )
        change(
            actor,
            "agreement.undo",
            paper,
            mark=Mark.CLAIMED,
            verified_by=None,
            verified_on=None,
            period=None,
            adjusts=None,
        )
        prove(actor, paper, ["amount_fen", "kind", "signed_on"], Mark.CLAIMED)
    Project.objects.filter(pk=project.pk).update(cohort=0)
    counting.undecide(actor, project)


@action("capital.verify")
def unverify_booked(
    actor: User, row: Capital | Agreement, reason: str, *, seen: int | None = None
) -> Capital | Agreement:
    """Take the verification of a payment, a supplement or a termination back while its month is open."""
    row = type(row)._default_manager.select_for_update().get(pk=row.pk)
    _why(reason)
    projects = [row.project] if isinstance(row, Capital) else list(row.projects.all())
    rows = list(Project.objects.select_for_update().filter(pk__in=[p.pk for p in projects]))
    for project in rows:
        _outside(actor, project)
    _still_open(row, seen)
    label = "deals.capital" if isinstance(row, Capital) else "deals.agreement"
    if isinstance(row, Agreement) and row.kind == Agreement.Kind.CONTRACT:
        raise Refusal(
            "undo.contract",
            "合同随签约计入。撤回签约的核验，合同随之撤回。",
            "A contract counts with the signing. Take the verification of the signing back.",
        )
    books.reverse(actor, Entry.objects.filter(source=label, source_id=row.pk))
    change(
        actor, f"{row._meta.model_name}.undo", row, reason=reason, mark=Mark.CLAIMED, verified_by=None, verified_on=None,
        period=None, adjusts=None,
    )  # fmt: skip
    prove(actor, row, ["amount_fen"], Mark.CLAIMED, Source(note=reason))
    for project in derive(rows):
        if project.capital_fen > project.contracted_fen:
            raise _above(project)
        books.perform_again(actor, project)
    return row


def _above(project: Project) -> Refusal:
    have, limit = ("".join(show_money(n)) for n in (project.capital_fen, project.contracted_fen))
    return Refusal(
        "capital.over",
        f"这样一来累计到位 {have}，超过合同额 {limit}。先处理到位资金。",
        f"{have} would be in place, above the contract's {limit}. Settle the capital first.",
        where="amount",
    )


# --- corrected by a record


@action("correction.make")
def correct_profile(actor: User, project: Project, field: str, value: Any, reason: str) -> Correction:
    """Correct a value that was verified: the record keeps both values and the reason; closed figures do not change."""
    _why(reason)
    _outside(actor, project)
    profile = Profile.objects.select_for_update().get(project=project)
    before = getattr(profile, field)
    change(actor, "profile.correct", profile, reason=reason, **{field: value})
    prove(actor, profile, {field: value}, Mark.VERIFIED, Source(note=reason))
    row = _record(actor, project, f"projects.profile:{profile.pk}", field, before, value, reason)
    derive([Project.objects.select_for_update().get(pk=project.pk)])
    return row


@action("correction.make")
def correct_amount(
    actor: User, project: Project, subject: Capital | Agreement, amount_fen: int, reason: str
) -> Correction:
    """Correct what a counted payment or agreement amounts to for a project, in fen of its currency.

    The row itself stays as it was verified; the difference is booked, in its own month or the first open one after it.
    """
    _why(reason)
    project = Project.objects.select_for_update().get(pk=project.pk)
    _outside(actor, project)
    subject = type(subject)._default_manager.get(pk=subject.pk)
    if subject.mark not in COUNTED:
        raise Refusal(
            "correction.uncounted",
            "这条还没有核验，不用更正。退回或直接改。",
            "This is not verified yet; return it or change it.",
        )
    if amount_fen < 0:
        raise Refusal("correction.value", "金额不能小于 0。", "The amount may not be below 0.", where="value")
    money = isinstance(subject, Capital)
    label = "deals.capital" if money else "deals.agreement"
    measure = "capital" if money else "contracted"
    own = Entry.objects.filter(
        project=project, source=label, source_id=subject.pk, account=account_of(project, measure)
    )
    booked = sum(own.values_list("quantity", flat=True))
    rate = getattr(subject, "rate", None)
    wanted = int((amount_fen * rate / 100).quantize(1, rounding="ROUND_HALF_UP")) if rate else amount_fen
    if getattr(subject, "kind", "") == Agreement.Kind.TERMINATION or wanted == booked:
        raise Refusal(
            "correction.same",
            "和现在计入的一样，或不是可以更正金额的协议。",
            "It equals what counts now, or it is no agreement with an amount to correct.",
            where="value",
        )
    fact_on = subject.received_on if isinstance(subject, Capital) else subject.signed_on
    assert fact_on is not None
    origin, use = (subject.origin, subject.use) if isinstance(subject, Capital) else ("", "")
    entry = books.book(
        actor,
        project,
        measure,
        wanted - booked,
        fact_on,
        (label, subject.pk),
        origin=origin,
        use=use,
    )
    derive([project])
    if project.capital_fen > project.contracted_fen:
        raise _above(project)
    return _record(
        actor,
        project,
        f"{label}:{subject.pk}",
        "amount_fen",
        booked,
        wanted,
        reason,
        entry.period if entry else None,
    )


@action("correction.make")
def correct_date(
    actor: User, project: Project, milestone: Milestone, fact_on: dt.date, reason: str
) -> Correction:
    """Correct the date of a verified milestone. What it counted moves by opposite entries; a new signing date moves the
    project to the cohort of its month."""
    _why(reason)
    project = Project.objects.select_for_update().get(pk=project.pk)
    _outside(actor, project)
    milestone = Milestone.objects.get(pk=milestone.pk)
    if milestone.mark not in COUNTED or milestone.project_id != project.pk:
        raise Refusal(
            "correction.uncounted",
            "这条还没有核验，不用更正。退回重报。",
            "This is not verified yet; return it.",
        )
    before = in_force.corrected_dates([project.pk]).get(milestone.pk, milestone.fact_on)
    if before == fact_on:
        raise Refusal("correction.same", "日期没有变。", "The date is the same.", where="value")
    lifecycle.check_dates(in_force.state(project), milestone.kind, fact_on, today(), in_force.rules())
    source = ("projects.milestone", milestone.pk)
    rows = Entry.objects.filter(project=project, source=source[0], source_id=milestone.pk)
    period = books.redate(actor, rows, fact_on)
    if milestone.kind == "signed":
        books.join_cohort(actor, Project.objects.get(pk=project.pk), fact_on)
        project.refresh_from_db()
    prove(actor, milestone, {"fact_on": fact_on}, Mark.VERIFIED, Source(note=reason))
    row = _record(
        actor, project, f"projects.milestone:{milestone.pk}", "fact_on", before, fact_on, reason, period
    )
    derive([Project.objects.get(pk=project.pk)])
    return row


def _record(
    actor: User,
    project: Project,
    subject: str,
    field: str,
    before: Any,
    after: Any,
    reason: str,
    period: int | None = None,
) -> Correction:
    return create(
        actor, "correction.make", Correction, project=project, subject=subject, field=field,
        before="" if before is None else str(before)[:200], after=str(after)[:200], note=reason.strip(), made_by=actor,
        period=period,
    )  # fmt: skip
