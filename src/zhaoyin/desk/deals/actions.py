"""What is done to agreements, capital in place and promises."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db.models import Sum

from zhaoyin import lifecycle
from zhaoyin.base.dates import today
from zhaoyin.base.errors import Refusal
from zhaoyin.base.money import show_money
from zhaoyin.desk.actions import action
from zhaoyin.desk.deals import queries
from zhaoyin.desk.deals.models import Agreement, Capital, Commitment, Party, Rate, Share
from zhaoyin.desk.evidence.actions import PERSON, From, Source, audit, change, create, prove
from zhaoyin.desk.evidence.models import Mark
from zhaoyin.desk.projects import rules as in_force
from zhaoyin.desk.projects.derive import derive
from zhaoyin.desk.projects.models import Project

if TYPE_CHECKING:
    from zhaoyin.desk.accounts.models import User
    from zhaoyin.desk.events.models import Event
    from zhaoyin.desk.materials.models import Material
    from zhaoyin.desk.parties.models import Organisation

COUNTED = (Mark.VERIFIED, Mark.LOCKED)
HOME_REGION = "370685"


@action("agreement.edit")
def create_agreement(
    actor: User,
    *,
    name: str,
    kind: str,
    local: Iterable[Organisation] = (),
    investors: Iterable[Organisation] = (),
    projects: Iterable[Project] = (),
    mark: str = Mark.CLAIMED,
    source: From = PERSON,
    **values: Any,
) -> Agreement:
    """A paper signed or said to be, with its parties on both sides and the projects it is about."""
    if mark != Mark.SAID:
        _check(kind, values)
        values.setdefault("recorded_by", actor)
    agreement = create(actor, "agreement.create", Agreement, name=name, kind=kind, mark=mark, **values)
    given = {"name": name, "kind": agreement.get_kind_display()}
    given |= {
        key: value
        for key, value in values.items()
        if value not in (None, "") and key not in {"currency", "recorded_by"}
    }
    prove(actor, agreement, given, mark, source)
    for side, organisations in ((Party.Side.LOCAL, local), (Party.Side.INVESTOR, investors)):
        for organisation in organisations:
            row = create(
                actor, "agreement.change", Party, agreement=agreement, organisation=organisation, side=side
            )
            prove(actor, row, {"organisation": organisation}, mark, source)
    rows = list(projects)
    agreement.projects.set(rows)
    if mark != Mark.SAID and rows:
        derive(Project.objects.select_for_update().filter(pk__in=[p.pk for p in rows]))
    return agreement


def _check(kind: str, values: Mapping[str, Any]) -> None:
    signed_on = values.get("signed_on")
    if signed_on and signed_on > today():
        raise Refusal(
            "agreement.date",
            f"签订日 {signed_on} 还没到。改成已签的日期，未签的不记。",
            f"The signing date, {signed_on}, has not come. Give a past date; what is not signed is not recorded.",
            where="signed_on",
        )
    amends = values.get("amends")
    if kind in {Agreement.Kind.SUPPLEMENT, Agreement.Kind.TERMINATION}:
        if amends is None:
            raise Refusal(
                "agreement.amends",
                "补充、解除协议须写明改的是哪一份合同。",
                "A supplement or termination must name the contract it changes.",
                where="amends",
            )
        if signed_on and amends.signed_on and signed_on < amends.signed_on:
            raise Refusal(
                "agreement.order",
                f"签订日 {signed_on} 早于原合同 {amends.signed_on}。核对日期。",
                f"The signing date, {signed_on}, is before that of the contract, {amends.signed_on}. Check it.",
                where="signed_on",
            )


@action("agreement.edit")
def attach_event(actor: User, agreement: Agreement, event: Event) -> None:
    """The agreement was announced at this event; a date the paper lacks is the event's."""
    if not isinstance(agreement, Agreement) or agreement.event_id:
        return
    change(
        actor, "agreement.change", agreement, event=event, signed_on=agreement.signed_on or event.held_on,
        signed_text=agreement.signed_text or event.date_text,
    )  # fmt: skip


@action("agreement.edit")
def change_agreement(
    actor: User,
    agreement: Agreement,
    *,
    seen: int | None = None,
    projects: Iterable[Project] | None = None,
    **values: Any,
) -> list[str]:
    """Change a paper that does not count yet, and which projects it is about; one that counts changes by a supplement."""
    if agreement.mark in COUNTED:
        raise Refusal(
            "agreement.verified",
            f"“{agreement}”已核验。变动记补充协议，写错的记更正。",
            f"“{agreement}” is verified. Record a supplement for a change, a correction for a mistake.",
        )
    _check(values.get("kind", agreement.kind), {"amends": agreement.amends, **values})
    if agreement.mark == Mark.SAID and values.get("kind") == Agreement.Kind.CONTRACT:
        values.setdefault("mark", Mark.CLAIMED)
        values.setdefault("recorded_by", actor)
    changed = change(actor, "agreement.change", agreement, seen=seen, **values)
    prove(
        actor,
        agreement,
        {n: getattr(agreement, n) for n in changed if n not in {"mark", "recorded_by"}},
        Mark.CLAIMED,
    )
    touched = set(agreement.projects.values_list("pk", flat=True))
    if projects is not None and (now := {p.pk for p in projects}) != touched:
        codes = {name: sorted(Project.all_objects.filter(pk__in=pks).values_list("code", flat=True))
                 for name, pks in (("before", touched), ("after", now))}  # fmt: skip
        agreement.projects.set(now)
        audit(
            actor,
            "agreement.change",
            agreement,
            before={"projects": codes["before"]},
            after={"projects": codes["after"]},
        )
        touched |= now
    derive(Project.objects.select_for_update().filter(pk__in=touched))
    return changed


@action("agreement.edit")
def set_shares(actor: User, agreement: Agreement, shares: Mapping[int, int]) -> None:
    """How much of a shared agreement each project carries; together exactly the agreement's amount."""
    if agreement.mark in COUNTED:
        raise Refusal(
            "agreement.verified",
            f"“{agreement}”已核验，份额不再改。",
            f"“{agreement}” is verified; its shares stay.",
        )
    total = agreement.outside_fen if agreement.outside_fen is not None else agreement.amount_fen
    if sum(shares.values()) != total:
        have, whole = ("".join(show_money(n or 0)) for n in (sum(shares.values()), total))
        raise Refusal(
            "agreement.shares",
            f"各项目合计 {have}，协议金额 {whole}。两者须相等。",
            f"The shares add up to {have}, the agreement says {whole}. They must agree.",
            where="shares",
        )
    agreement.shares.all().delete()
    agreement.projects.add(*shares)
    for project, fen in shares.items():
        create(actor, "agreement.share", Share, agreement=agreement, project_id=project, amount_fen=fen)


def first_signing(project: Project) -> dt.date | None:
    """The day the first contract was signed: a second ceremony changes nothing."""
    days = project.agreements.filter(kind=Agreement.Kind.CONTRACT, mark__in=queries.STANDING).exclude(
        signed_on=None
    )
    return days.order_by("signed_on").values_list("signed_on", flat=True).first()


def count_contracts(project: Project, actor: User) -> None:
    """The signing is verified: so are its contracts, which now count, the first with its amount and the others with 0.

    A paper that another project's signing has verified already counts its share for this one now.
    """
    papers = list(project.agreements.exclude(signed_on=None).order_by("signed_on", "id"))
    for agreement in papers:
        if agreement.mark == Mark.CLAIMED and agreement.kind == Agreement.Kind.CONTRACT:
            _count(actor, agreement)
        elif agreement.mark in COUNTED:
            _book(actor, agreement, project)


def _count(actor: User, agreement: Agreement) -> None:
    """Mark an agreement verified and book what it adds to 签约额 for each of its projects that has signed."""
    from zhaoyin.desk.reports.books import place

    assert agreement.signed_on is not None
    period, adjusts = place(agreement.signed_on)
    change(
        actor, "agreement.verify", agreement, mark=Mark.VERIFIED, verified_by=actor, verified_on=today(),
        period=period, adjusts=adjusts,
    )  # fmt: skip
    prove(actor, agreement, ["amount_fen", "kind", "signed_on"], Mark.VERIFIED)
    for project in agreement.projects.all():
        if project.cohort:
            _book(actor, agreement, project)
    for promise in agreement.commitments.filter(mark=Mark.CLAIMED):
        _count_promise(actor, promise)


def _book(actor: User, agreement: Agreement, project: Project) -> None:
    """What one agreement adds to the contracted amount of one project; a termination takes back all that counts."""
    from zhaoyin.desk.reports.books import book, booked
    from zhaoyin.desk.reports.models import Entry

    assert agreement.signed_on is not None
    source = ("deals.agreement", agreement.pk)
    if Entry.objects.filter(project=project, source=source[0], source_id=source[1]).aggregate(
        n=Sum("quantity")
    )["n"]:
        return
    amount = queries.outside_fen(agreement, project.pk)
    added = lifecycle.contracted(agreement.kind, amount, booked(project, "contracted"))
    ends = agreement.kind == Agreement.Kind.TERMINATION
    away = -booked(project, "contracted_away") if ends else None
    book(actor, project, "contracted", added, agreement.signed_on, source, away=away)


def _outsider(actor: User, projects: Iterable[Project], claimant: int | None) -> None:
    for project in projects:
        refusal = lifecycle.may_verify(
            "signed",
            actor.pk,
            actor.roles,
            team=in_force.team(project),
            claimant=claimant,
            rules=in_force.rules(),
        )
        if refusal:
            raise refusal


def _waiting(row: Agreement | Capital | Commitment, seen: int | None) -> None:
    if row.mark != Mark.CLAIMED or (seen is not None and row.version != seen):
        raise Refusal(
            "claim.stale",
            f"这条刚被处理过，现在是{row.get_mark_display()}。刷新再看。",
            f"This was just dealt with; it is now {row.get_mark_display()}. Reload.",
        )


@action("capital.verify")
def verify_agreement(actor: User, agreement: Agreement, *, seen: int | None = None) -> Agreement:
    """Verify a supplement, a termination or a further contract of a project that has signed."""
    agreement = Agreement.objects.select_for_update().get(pk=agreement.pk)
    _waiting(agreement, seen)
    projects = list(agreement.projects.select_for_update())
    _outsider(actor, projects, agreement.recorded_by_id)
    unsigned = [p for p in projects if not p.cohort]
    if agreement.kind not in {Agreement.Kind.FRAMEWORK, Agreement.Kind.INTENT} and (unsigned or not projects):
        who = "、".join(p.name for p in unsigned) or agreement.name
        raise Refusal(
            "agreement.unsigned",
            f"{who} 还没有核验签约。先核验签约，合同随之计入。",
            f"{who}: the signing is not verified yet. Verify it first; the contract counts with it.",
        )
    if agreement.signed_on is None:
        raise Refusal(
            "agreement.undated",
            "协议没有签订日。退回补日期。",
            "The agreement has no date. Return it for its date.",
            where="signed_on",
        )
    _count(actor, agreement)
    derive(projects)
    return agreement


# --- capital in place


@action("capital.claim")
def claim_capital(
    actor: User,
    project: Project,
    *,
    received_on: dt.date,
    amount_fen: int,
    payer: str,
    payer_region: str,
    voucher: bytes | None = None,
    voucher_name: str = "",
    material: Material | None = None,
    currency: str = "CNY",
    source: From = PERSON,
    **values: Any,
) -> Capital:
    """Claim one payment in, with its voucher. Uncounted until verified."""
    project = Project.objects.select_for_update().get(pk=project.pk)
    if project.exit_code:
        raise Refusal(
            "project.exited",
            f"“{project}”已退出，不再记到位资金。",
            f"“{project}” has left; no capital is recorded for it.",
        )
    if not voucher and material is None:
        raise Refusal(
            "capital.voucher",
            "没有凭证。上传银行回单或发票。",
            "There is no voucher. Add the bank slip or the invoice.",
            where="voucher",
        )
    if amount_fen <= 0:
        raise Refusal(
            "capital.amount",
            "金额须大于 0。退款另记更正。",
            "The amount must be above 0. A refund is a correction.",
            where="amount",
        )
    if received_on > today():
        raise Refusal(
            "capital.date",
            f"到账日 {received_on} 还没到。改成已到账的日期。",
            f"The day of receipt, {received_on}, has not come. Give a past date.",
            where="received_on",
        )
    digest = material.sha256 if material else hashlib.sha256(voucher or b"").hexdigest()
    used = queries.voucher_used(digest)
    if used:
        number, unit = show_money(used.amount_fen, currency=used.currency)
        raise Refusal(
            "capital.voucher.used",
            f"这张凭证已用于“{used.project}”{used.received_on} 的 {number} {unit}。换成这笔的凭证。",
            f"This voucher was used for “{used.project}”, {used.received_on}, {number} {unit}. Add the voucher of this payment.",
            where="voucher",
        )
    origin = lifecycle.origin_of(payer_region, home_region())
    cny, rate = amount_fen, None
    if currency != "CNY":
        try:
            cny, rate = queries.in_cny(amount_fen, currency, received_on)
        except Refusal:
            cny = None  # type: ignore[assignment]  # claimed all the same; verified when the day's rate is entered
    _within_contract(project, cny or 0)
    row = create(
        actor, "capital.claim", Capital, project=project, received_on=received_on, amount_fen=amount_fen,
        currency=currency, cny_fen=cny, rate=rate, payer=payer, payer_region=payer_region.upper(), origin=origin,
        voucher_sha256=digest, voucher_name=voucher_name or (material.title if material else ""), material=material,
        recorded_on=today(), recorded_by=actor, mark=Mark.CLAIMED, **values,
    )  # fmt: skip
    prove(
        actor,
        row,
        {"amount_fen": amount_fen, "received_on": received_on, "payer": payer},
        Mark.CLAIMED,
        source,
    )
    return row


def home_region() -> str:
    """The region's GB/T 2260 code, from the pack in force; without one, of the region the software grew up in."""
    from zhaoyin.desk.sites.models import Region

    return Region.objects.exclude(adcode="").values_list("adcode", flat=True).first() or HOME_REGION


def _within_contract(project: Project, more: int) -> None:
    # what counts is what is booked, corrections included
    total = project.capital_fen + queries.capital_of(project.pk).get(Mark.CLAIMED, 0) + more
    if not project.cohort:
        raise Refusal(
            "capital.unsigned",
            f"“{project}”还没有核验签约，到位资金没有合同可对。先核验签约。",
            f"The signing of “{project}” is not verified; there is no contract to hold capital against. Verify it first.",
        )
    if total > project.contracted_fen:
        have, limit = ("".join(show_money(n)) for n in (total, project.contracted_fen))
        raise Refusal(
            "capital.over",
            f"连这笔累计到位 {have}，超过合同额 {limit}。核对金额，或先记补充协议。",
            f"With this payment {have} is in place, above the contract's {limit}. Check the amount or record the supplement first.",
            where="amount",
        )


@action("capital.verify")
def verify_capital(actor: User, capital: Capital, *, note: str = "", seen: int | None = None) -> Capital:
    """Let a payment count, in CNY at the rate of its day."""
    project = Project.objects.select_for_update().get(pk=capital.project_id)
    capital = Capital.objects.select_for_update().get(pk=capital.pk)
    _waiting(capital, seen)
    _outsider(actor, [project], capital.recorded_by_id)
    from zhaoyin.desk.reports.books import book, performed, place

    cny, rate = queries.in_cny(capital.amount_fen, capital.currency, capital.received_on)
    _within_contract(project, cny - (capital.cny_fen or 0))
    period, adjusts = place(capital.received_on)
    change(
        actor, "capital.verify", capital, reason=note, mark=Mark.VERIFIED, verified_by=actor, verified_on=today(),
        period=period, adjusts=adjusts, cny_fen=cny, rate=rate,
    )  # fmt: skip
    prove(actor, capital, ["amount_fen", "received_on", "payer"], Mark.VERIFIED, Source(note=note))
    source = ("deals.capital", capital.pk)
    book(actor, project, "capital", cny, capital.received_on, source, origin=capital.origin, use=capital.use)
    performed(actor, project, capital.received_on, source)
    derive([project])
    return capital


@action("capital.verify")
def send_back(
    actor: User, row: Agreement | Capital | Commitment, reason: str, *, seen: int | None = None
) -> Agreement | Capital | Commitment:
    """Return a claim of money or paper with what is wrong and how to mend it."""
    row = type(row)._default_manager.select_for_update().get(pk=row.pk)
    _waiting(row, seen)
    if len(reason.strip()) < 4:
        raise Refusal(
            "claim.reason",
            "退回须写：哪里不符、怎么补。",
            "Say what does not agree and how to mend it.",
            where="reason",
        )
    note: dict[str, Any] = {} if isinstance(row, Commitment) else {"return_note": reason.strip()}
    change(actor, f"{row._meta.model_name}.return", row, reason=reason, mark=Mark.REJECTED, **note)
    return row


@action("rate.edit")
def set_rate(actor: User, currency: str, on: dt.date, per_100: Decimal, source: str) -> Rate:
    """Enter the published rate of a day; what was verified with another one is not touched."""
    if Rate.objects.filter(currency=currency, on=on).exists():
        raise Refusal(
            "rate.twice",
            f"{on} 的 {currency} 汇率已有。要改找审计留痕后由管理员处理。",
            f"There is a {currency} rate for {on} already; it stays.",
            where="on",
        )
    if per_100 <= 0 or not source.strip():
        raise Refusal(
            "rate.value",
            "汇率须大于 0，并写明来源。",
            "The rate must be above 0, with its source.",
            where="per_100",
        )
    rate = create(actor, "rate.set", Rate, currency=currency, on=on, per_100=per_100, source=source)
    for row in Capital.objects.filter(currency=currency, received_on=on, mark=Mark.CLAIMED, cny_fen=None):
        cny, used = queries.in_cny(row.amount_fen, currency, on)
        change(actor, "capital.rate", row, cny_fen=cny, rate=used)
    return rate


# --- promises


@action("commitment.edit")
def save_commitment(
    actor: User,
    commitment: Commitment | None = None,
    *,
    mark: str = Mark.CLAIMED,
    source: From = PERSON,
    **values: Any,
) -> Commitment:
    """Make a promise of either side or change it, with provenance for what was given."""
    if commitment is None:
        if mark != Mark.SAID:
            values.setdefault("recorded_by", actor)
        commitment = create(actor, "commitment.create", Commitment, mark=mark, **values)
        named = {name for name, value in values.items() if value not in (None, "")}
    else:
        if commitment.mark in COUNTED:
            raise Refusal(
                "commitment.verified",
                "承诺已随合同核验。变动记补充协议。",
                "The promise was verified with its contract. Record a supplement for a change.",
            )
        named = set(change(actor, "commitment.change", commitment, **values))
    prove(actor, commitment, {name: values[name] for name in named if name in values}, mark, source)
    if commitment.project:
        derive(Project.objects.select_for_update().filter(pk=commitment.project.pk))
    return commitment


def _count_promise(actor: User, promise: Commitment) -> None:
    from zhaoyin.desk.reports.books import book, place

    period = place(promise.due_on)[0] if promise.due_on else None
    change(
        actor,
        "commitment.verify",
        promise,
        mark=Mark.VERIFIED,
        verified_by=actor,
        verified_on=today(),
        period=period,
    )
    if promise.due_on and promise.project:
        book(actor, promise.project, "promise_due", 1, promise.due_on, ("deals.commitment", promise.pk))


@action("commitment.edit")
def settle(actor: User, commitment: Commitment, settled_on: dt.date, proof_text: str) -> Commitment:
    """Say a promise was kept, with its proof. It counts once somebody else confirms it."""
    if not proof_text.strip():
        raise Refusal(
            "commitment.proof", "写明凭什么算兑现。", "Say what proves it was kept.", where="proof_text"
        )
    if settled_on > today():
        raise Refusal(
            "commitment.date",
            f"兑现日 {settled_on} 还没到。",
            f"The day {settled_on} has not come.",
            where="settled_on",
        )
    if commitment.state != Commitment.State.OPEN:
        raise Refusal(
            "commitment.state",
            f"承诺已是{commitment.get_state_display()}。",
            f"The promise is {commitment.get_state_display()} already.",
        )
    change(
        actor,
        "commitment.settle",
        commitment,
        settled_on=settled_on,
        proof_text=proof_text,
        recorded_by=actor,
    )
    return commitment


@action("capital.verify")
def confirm_kept(actor: User, commitment: Commitment, *, seen: int | None = None) -> Commitment:
    """Confirm that a promise was kept; on time, it counts in the month it was due."""
    commitment = Commitment.objects.select_for_update().get(pk=commitment.pk)
    if commitment.settled_on is None or commitment.state != Commitment.State.OPEN:
        raise Refusal("commitment.state", "没有待确认的兑现。", "There is nothing to confirm.")
    if seen is not None and commitment.version != seen:
        raise Refusal("claim.stale", "这条刚被改过。刷新再看。", "This was just changed. Reload.")
    if commitment.project:
        _outsider(actor, [commitment.project], commitment.recorded_by_id)
    from zhaoyin.desk.reports.books import book

    row = commitment
    Commitment.objects.filter(pk=row.pk).update(state=Commitment.State.KEPT, version=row.version + 1)
    audit(
        actor,
        "commitment.kept",
        row,
        before={"state": row.state},
        after={"state": "kept", "settled_on": row.settled_on},
    )
    if row.project and row.due_on and row.settled_on and row.mark in COUNTED and row.settled_on <= row.due_on:
        book(actor, row.project, "promise_kept", 1, row.due_on, ("deals.commitment", row.pk))
    if row.project:
        derive(Project.objects.select_for_update().filter(pk=row.project.pk))
    row.refresh_from_db()
    return row


@action("commitment.conclude")
def conclude(actor: User, commitment: Commitment, state: str, reason: str) -> Commitment:
    """Say that a promise was not kept, or that the other side waives it; with the reason, by somebody outside the team."""
    commitment = Commitment.objects.select_for_update().get(pk=commitment.pk)
    if state not in {Commitment.State.BROKEN, Commitment.State.WAIVED}:
        raise Refusal("commitment.state", "选未履行或已免除。", "Choose broken or waived.", where="state")
    if commitment.state != Commitment.State.OPEN:
        raise Refusal(
            "commitment.state",
            f"承诺已是{commitment.get_state_display()}。",
            f"The promise is {commitment.get_state_display()} already.",
        )
    if len(reason.strip()) < 4:
        raise Refusal(
            "commitment.reason",
            "写明哪里没有履行，或谁凭什么免除。",
            "Say what was not kept, or who waives it and on what ground.",
            where="reason",
        )
    if commitment.project and actor.pk in in_force.team(commitment.project):
        raise Refusal(
            "commitment.team",
            "你在项目团队里，不能了结承诺。转给团队以外的人。",
            "You are on the project's team and may not conclude it. Pass it to somebody outside.",
        )
    change(
        actor, "commitment.conclude", commitment, reason=reason, state=state, proof_text=reason.strip()[:200],
        settled_on=commitment.settled_on or today(),
    )  # fmt: skip
    prove(actor, commitment, {"state": commitment.get_state_display()}, Mark.VERIFIED, Source(note=reason))
    if commitment.project:
        derive(Project.objects.select_for_update().filter(pk=commitment.project.pk))
    return commitment
