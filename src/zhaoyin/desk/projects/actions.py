"""What people do with leads and projects. Nobody types a stage: they claim a milestone, somebody else verifies it."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.db import connection, transaction
from django.db.models import Max

from zhaoyin import lifecycle
from zhaoyin.base.dates import add_working_days, today
from zhaoyin.base.errors import Refusal
from zhaoyin.desk.actions import action
from zhaoyin.desk.evidence.actions import PERSON, From, Source, audit, change, create, prove
from zhaoyin.desk.evidence.models import Mark
from zhaoyin.desk.projects import rules as in_force
from zhaoyin.desk.projects.derive import derive
from zhaoyin.desk.projects.models import (
    Corridor,
    Exit,
    FirstTalks,
    GateFile,
    Investor,
    Member,
    Milestone,
    Opinion,
    PlanDate,
    Profile,
    Project,
    SavedView,
    SiteVisit,
    Split,
)

if TYPE_CHECKING:
    from zhaoyin.desk.accounts.models import Department, User
    from zhaoyin.desk.materials.models import Material
    from zhaoyin.desk.parties.models import Organisation

COUNTED = (Mark.VERIFIED, Mark.LOCKED)
NUMBERS = 0x7A79  # the advisory lock under which PostgreSQL hands out project numbers


def next_code() -> str:
    """P-2026-000031: the next free number of the year, nobody else's until this transaction ends."""
    if (
        connection.vendor == "postgresql"
    ):  # SQLite has one writer anyway; here numbers are taken one after the other
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [NUMBERS])
    prefix = f"P-{today().year}-"
    # a range, because SQLite reads no index for "begins with"
    year = Project.all_objects.filter(code__range=(f"{prefix}000000", f"{prefix}999999"))
    last = year.aggregate(m=Max("code"))["m"]
    return f"{prefix}{(int(last.removeprefix(prefix)) if last else 0) + 1:06}"


@action("project.create")
def create_project(
    actor: User,
    *,
    name: str,
    investors: Iterable[Organisation] = (),
    source: From = PERSON,
    came_from: str = "",
    mark: str = Mark.CLAIMED,
    **values: Any,
) -> Project:
    """A new lead, with its investors and provenance for what was given.

    A lead an officer brings is claimed by them; one that a text reports (mark said) stays a report until somebody
    stands for it. ``came_from`` fills the project's own source field.
    """
    values.setdefault("officer", actor)
    if came_from:
        values["source"] = came_from
    if mark != Mark.SAID:
        values.setdefault("department", actor.department)
        values.setdefault("reported_by", actor.name)
        values.setdefault("reported_on", today())
    project = create(actor, "project.create", Project, code=next_code(), name=name, **values)
    given = {"name": name, **{key: value for key, value in values.items() if value not in (None, "")}}
    prove(actor, project, given, mark, source)
    for organisation in investors:
        row = create(actor, "project.change", Investor, project=project, organisation=organisation)
        prove(actor, row, {"organisation": organisation}, mark, source)
    if project.officer:
        create(actor, "member.add", Member, project=project, user=project.officer, from_on=today())
    if mark != Mark.SAID:
        create(
            actor, "milestone.claim", Milestone, project=project, kind="lead", mark=Mark.CLAIMED,
            fact_on=values["reported_on"], recorded_on=today(), recorded_by=actor,
        )  # fmt: skip
    derive([project])
    return project


@action("project.create")
def note_reported(
    actor: User,
    project: Project,
    *,
    kind: str,
    fact_on: dt.date | None = None,
    fact_text: str = "",
    source: From = PERSON,
) -> Milestone:
    """Note that a text says the project reached a milestone; said, so it moves nothing."""
    milestone = create(
        actor, "milestone.said", Milestone, project=project, kind=kind, mark=Mark.SAID, fact_on=fact_on,
        fact_text=fact_text, recorded_on=today(), recorded_by=actor,
    )  # fmt: skip
    prove(actor, milestone, {"kind": milestone.get_kind_display()}, Mark.SAID, source)
    return milestone


def _open(project: Project) -> None:
    if project.exit_code:
        word = in_force.rules().exits[project.exit_code]
        raise Refusal(
            "project.exited",
            f"“{project}”已退出（{word.zh}）。要继续，先重开一段。",
            f"“{project}” has left ({word.en}). Re-open it as a new episode first.",
        )


def _locked(project: Project) -> Project:
    """The project's fresh row, held until the action ends: what is checked is what is written."""
    return Project.objects.select_for_update().get(pk=project.pk)


@action("project.edit")
def edit_project(actor: User, project: Project, *, seen: int | None = None, **values: Any) -> list[str]:
    """Change the project's own words; ``seen`` is the version the person had before them."""
    _open(project)
    if values.get("officer"):
        _join_team(actor, project, values["officer"], Member.Role.OFFICER)
    changed = change(actor, "project.change", project, seen=seen, **values)
    prove(actor, project, {name: getattr(project, name) for name in changed}, Mark.CLAIMED)
    if changed:
        derive([_locked(project)])
    return changed


@action("project.edit")
def state_facts(actor: User, project: Project, *, seen: int | None = None, **values: Any) -> list[str]:
    """Fill in what the gates ask for. A value that a verified gate rests on is not typed over: it is corrected."""
    _open(project)
    profile = Profile.objects.filter(project=project).first()
    if profile is None:
        profile = create(actor, "profile.create", Profile, project=project)
        seen = None
    held = _held(project)
    for name, value in values.items():
        if name in held and getattr(profile, name) not in (None, "") and getattr(profile, name) != value:
            gate = in_force.rules().gates[held[name]]
            raise Refusal(
                "profile.verified",
                f"“{_label(name)}”已随{gate.zh}核验。要改，用更正并写明原因。",
                f"“{_label(name)}” was verified with {gate.en}. "
                "To change it, record a correction with its reason.",
                where=name,
            )
    changed = change(actor, "profile.change", profile, seen=seen, **values)
    prove(actor, profile, {name: getattr(profile, name) for name in changed}, Mark.CLAIMED)
    if changed:
        derive([_locked(project)])
    return changed


def _label(column: str) -> str:
    return str(getattr(Profile._meta.get_field(column), "verbose_name", column))


def _held(project: Project) -> dict[str, str]:
    """Profile columns that a verified milestone rests on → its gate."""
    done = Milestone.objects.filter(project=project, mark__in=COUNTED).values_list("kind", flat=True)
    return {
        column: gate
        for gate in done
        for need in in_force.rules().gates[gate].fields
        if (column := in_force.column_of(need.code))
    }


def _join_team(actor: User, project: Project, user: User, role: str) -> None:
    if not Member.objects.filter(project=project, user=user, to_on=None).exists():
        create(actor, "member.add", Member, project=project, user=user, role=role, from_on=today())


@action("project.assign")
def add_member(
    actor: User, project: Project, user: User, role: str, from_on: dt.date | None = None
) -> Member:
    _open(project)
    if Member.objects.filter(project=project, user=user, to_on=None).exists():
        raise Refusal("member.twice", f"{user} 已在团队里。", f"{user} is on the team already.", where="user")
    return create(
        actor, "member.add", Member, project=project, user=user, role=role, from_on=from_on or today()
    )


@action("project.assign")
def end_member(actor: User, project: Project, member: Member, on: dt.date | None = None) -> None:
    day = on or today()
    if day < member.from_on:
        raise Refusal(
            "member.dates",
            f"结束日 {day} 早于加入日 {member.from_on}。改结束日。",
            f"The end, {day}, is before the start, {member.from_on}. Mend the end.",
            where="to_on",
        )
    change(actor, "member.end", member, to_on=day)


@action("project.edit")
def set_investor(actor: User, project: Project, organisation: Organisation, share: Any = None) -> Investor:
    """Add an investor or change its share; the shares of a project never exceed 100 per cent."""
    _open(project)
    others = Investor.objects.filter(project=project).exclude(organisation=organisation)
    total = sum(i.share or 0 for i in others) + (share or 0)
    if total > 100:
        raise Refusal(
            "investor.share",
            f"各投资方合计 {total}%，超过 100%。核对比例。",
            f"The investors' shares add up to {total} %, more than 100 %. Check them.",
            where="share",
        )
    found = Investor.objects.filter(project=project, organisation=organisation).first()
    if found:
        change(actor, "investor.change", found, share=share)
    else:
        found = create(
            actor, "investor.add", Investor, project=project, organisation=organisation, share=share
        )
    derive([_locked(project)])
    return found


# --- files, plans


@action("milestone.claim")
def attach_file(
    actor: User,
    project: Project,
    gate: str,
    kind: str,
    *,
    title: str,
    data: bytes | None = None,
    material: Material | None = None,
) -> GateFile:
    """Bind a file to a gate as one of the kinds of evidence the rules name."""
    _open(project)
    book = in_force.rules()
    kinds = {r.code for r in book.gates[gate].evidence}
    if kind not in kinds:
        known = "、".join(r.zh for r in book.gates[gate].evidence)
        raise Refusal(
            "file.kind",
            f"{book.gates[gate].zh}不认这种证据。可用：{known}。",
            f"{book.gates[gate].en} takes: {', '.join(r.en for r in book.gates[gate].evidence)}.",
            where="kind",
        )
    how = next(r.how for r in book.gates[gate].evidence if r.code == kind)
    if how == "opinion":
        raise Refusal(
            "file.opinion",
            "会办意见由部门自己给。在项目页送会办。",
            "The opinion is given by the department itself. Ask for it on the project's page.",
            where="kind",
        )
    if how == "visit":
        raise Refusal(
            "file.visit",
            "现场记录由核验员记：日期、地点、照片。",
            "The site visit is recorded by the verifier: date, place, photos.",
            where="kind",
        )
    if Milestone.objects.filter(project=project, kind=gate, mark__in=COUNTED).exists():
        raise Refusal(
            "file.verified",
            f"{book.gates[gate].zh}已核验，证据不再增减。有错用更正。",
            f"{book.gates[gate].en} is verified; its evidence stays. Record a correction if it is wrong.",
        )
    digest = material.sha256 if material else hashlib.sha256(data or b"").hexdigest()
    same = GateFile.objects.filter(project=project, gate=gate, kind=kind, sha256=digest).first()
    if same:
        return same
    found = create(
        actor, "file.attach", GateFile, project=project, gate=gate, kind=kind, title=title, material=material,
        sha256=digest, added_by=actor,
    )  # fmt: skip
    derive([_locked(project)])
    return found


# --- opinions of departments, visits to the site, contacts


@action("opinion.ask")
def ask_opinions(actor: User, project: Project, gate: str, of: Mapping[str, Department]) -> list[Opinion]:
    """Send a project to the departments a gate asks for opinions; each has its own clock in working days.

    ``of``: kind of opinion → the department asked. One that was asked before and has not answered may go to another.
    """
    project = _locked(project)
    _open(project)
    state = in_force.state(project)
    asked = []
    for need in in_force.rules().gates[gate].evidence:
        department = of.get(need.code)
        if need.how != "opinion" or department is None or not need.applies(state.track, state.flags):
            continue
        due = add_working_days(today(), need.days).on
        found = Opinion.objects.filter(project=project, kind=need.code).first()
        if found is None:
            asked.append(
                create(
                    actor, "opinion.ask", Opinion, project=project, kind=need.code, department=department,
                    asked_on=today(), due_on=due, asked_by=actor,
                )
            )  # fmt: skip
        elif found.state == Opinion.State.ASKED and found.department != department:
            change(
                actor,
                "opinion.ask",
                found,
                department=department,
                asked_on=today(),
                due_on=due,
                asked_by=actor,
            )
            asked.append(found)
    if not asked:
        raise Refusal(
            "opinion.none",
            "没有要送的会办。都已送出或答复。",
            "There is no opinion to ask for; all were asked or given.",
        )
    derive([project])
    return asked


@action("opinion.give")
def give_opinion(
    actor: User,
    opinion: Opinion,
    state: str,
    text: str,
    *,
    material: Material | None = None,
    seen: int | None = None,
) -> Opinion:
    """A department's answer; conditions and objections need their grounds. It may be changed until the review is verified."""
    project = _locked(opinion.project)
    _open(project)
    kinds = {
        gate.code
        for gate in in_force.rules().gates.values()
        if any(r.code == opinion.kind for r in gate.evidence)
    }
    if Milestone.objects.filter(project=project, kind__in=kinds, mark__in=COUNTED).exists():
        raise Refusal(
            "opinion.late",
            "评审已经定了，意见不再改。另有情况写给主办人。",
            "The review is decided; the opinion stays. Tell the officer in charge what else there is.",
        )
    if state not in {Opinion.State.AGREED, Opinion.State.CONDITIONAL, Opinion.State.OBJECTED}:
        raise Refusal(
            "opinion.state", "选同意、有条件同意或不同意。", "Choose agrees, with conditions, or objects."
        )
    if state != Opinion.State.AGREED and len(text.strip()) < 4:
        raise Refusal(
            "opinion.grounds",
            "有条件同意、不同意须写明条件或理由。",
            "Conditions and objections need their grounds.",
            where="text",
        )
    if actor.pk in in_force.team(project):
        raise Refusal(
            "opinion.team",
            "你在项目团队里，不能替部门给意见。转给同事。",
            "You are on the project's team and may not give the opinion. Pass it to a colleague.",
        )
    more: dict[str, Any] = {"material": material} if material else {}
    change(
        actor, "opinion.give", opinion, seen=seen, state=state, text=text.strip(), answered_on=today(),
        answered_by=actor, **more,
    )  # fmt: skip
    prove(actor, opinion, {"state": opinion.get_state_display()}, Mark.VERIFIED, Source(note=text.strip()))
    derive([project])
    return opinion


@action("visit.record")
def record_visit(
    actor: User,
    project: Project,
    gate: str,
    *,
    on: dt.date,
    place: str,
    note: str,
    photos: Iterable[Material],
) -> SiteVisit:
    """The verifier was on the site: the day, the place, what was seen, photos as evidence of the gate."""
    project = _locked(project)
    _open(project)
    pictures = list(photos)
    need = next((r for r in in_force.rules().gates[gate].evidence if r.how == "visit"), None)
    if need is None:
        word = in_force.rules().gates[gate]
        raise Refusal(
            "visit.gate", f"{word.zh}不要求现场核验。", f"{word.en} asks for no site visit.", where="gate"
        )
    if actor.pk in in_force.team(project):
        raise Refusal(
            "visit.team",
            "你在项目团队里，不能记现场核验。转给团队以外的核验员。",
            "You are on the project's team and may not record the visit. Pass it to a verifier outside the team.",
        )
    if on > today():
        raise Refusal(
            "visit.date",
            f"现场核验日期 {on} 还没到。改成去过的日期。",
            f"The day of the visit, {on}, has not come. Give a past date.",
            where="on",
        )
    if not pictures:
        raise Refusal(
            "visit.photos",
            "没有照片。至少传一张现场照片。",
            "There is no photo. Add at least one taken on the site.",
            where="photos",
        )
    if Milestone.objects.filter(project=project, kind=gate, mark__in=COUNTED).exists():
        raise Refusal(
            "file.verified",
            "这一关已核验，证据不再增减。有错用更正。",
            "This gate is verified; its evidence stays. Record a correction if it is wrong.",
        )
    row = create(
        actor, "visit.record", SiteVisit, project=project, gate=gate, on=on, place=place.strip(), note=note.strip(),
        made_by=actor,
    )  # fmt: skip
    prove(actor, row, {"on": on, "place": row.place, "note": row.note}, Mark.VERIFIED)
    for picture in pictures:
        used = (
            GateFile.objects.filter(kind=need.code, sha256=picture.sha256).select_related("project").first()
        )
        if used:
            raise Refusal(
                "visit.photo.used",
                f"照片“{picture.title}”已用于“{used.project}”的现场记录。换成这次拍的。",
                f"The photo “{picture.title}” was used for a visit to “{used.project}”. Add one taken this time.",
                where="photos",
            )
        create(
            actor, "file.attach", GateFile, project=project, gate=gate, kind=need.code, title=picture.file_name,
            material=picture, sha256=picture.sha256, added_by=actor, visit=row,
        )  # fmt: skip
    derive([project])
    return row


@action("interaction.add")
def contacted(actor: User, organisation: Organisation, on: dt.date) -> None:
    """An exchange with an investor was noted: the contact clocks of its open projects start anew."""
    rows = Project.objects.select_for_update(of=("self",)).filter(
        investors=organisation, exit_code="", stage__in=["lead", "talks"]
    )
    moved = []
    for project in rows:
        values: dict[str, Any] = {}
        if project.last_contact_on is None or project.last_contact_on < on:
            values["last_contact_on"] = on
        if project.enquired_on and project.first_reply_on is None and project.enquired_on <= on:
            values["first_reply_on"] = on
        if values:
            change(actor, "project.change", project, **values)
            moved.append(project)
    derive(moved)


@action("project.edit")
def plan(
    actor: User,
    project: Project,
    kind: str,
    *,
    planned_on: dt.date | None = None,
    forecast_on: dt.date | None = None,
) -> PlanDate:
    """Plan or forecast a milestone. The first plan stays as the baseline; a later forecast counts as a slip."""
    _open(project)
    row = PlanDate.objects.filter(project=project, kind=kind).first()
    if row is None:
        row = create(actor, "plan.set", PlanDate, project=project, kind=kind)
    before = row.planned_on
    values: dict[str, Any] = {}
    if planned_on:
        values["planned_on"] = planned_on
        values["baseline_on"] = row.baseline_on or planned_on
    if forecast_on:
        known = row.forecast_on or row.planned_on
        values["forecast_on"] = forecast_on
        values["slips"] = row.slips + (1 if known and forecast_on > known else 0)
    _plan_order(project, kind, planned_on)
    change(actor, "plan.set", row, **values)
    if kind == "started" and planned_on and planned_on != before and project.cohort:
        _rebook_due(actor, project, row)
    derive([_locked(project)])
    return row


def _plan_order(project: Project, kind: str, day: dt.date | None) -> None:
    """Planned dates follow the order of the milestones."""
    if day is None:
        return
    book = in_force.rules()
    order = book.milestones
    for other, on in (
        PlanDate.objects.filter(project=project).exclude(kind=kind).values_list("kind", "planned_on")
    ):
        if on and (order.index(other) < order.index(kind)) != (on <= day) and on != day:
            raise Refusal(
                "plan.order",
                f"计划{book.gates[kind].zh} {day} 与计划{book.gates[other].zh} {on} 先后颠倒。改其中一个。",
                f"The plan for {book.gates[kind].en}, {day}, and for {book.gates[other].en}, {on}, are in the wrong order.",
                where="planned_on",
            )


def _rebook_due(actor: User, project: Project, row: PlanDate) -> None:
    from zhaoyin.desk.reports.books import book, booked

    source = ("projects.plandate", row.pk)
    if row.planned_on is None or booked(project, "started_due"):
        return
    if booked(project, "start_due"):
        from zhaoyin.desk.reports.models import Entry
        from zhaoyin.desk.reports.queries import account_of

        account = account_of(project, "start_due")
        last = Entry.objects.filter(project=project, account=account, quantity=1).latest("id")
        book(actor, project, "start_due", -1, last.fact_on, source)
    book(actor, project, "start_due", 1, row.planned_on, source)


# --- claim, verify, return


@action("milestone.claim")
def claim(actor: User, project: Project, kind: str, fact_on: dt.date, *, source: From = PERSON) -> Milestone:
    """Say that a milestone happened. It counts for nothing until somebody outside the team has verified it."""
    project = _locked(project)
    _open(project)
    book = in_force.rules()
    refusal = lifecycle.may_propose(kind, actor.roles, book)
    if refusal:
        raise refusal
    standing = Milestone.objects.filter(project=project, kind=kind, mark__in=[Mark.CLAIMED, *COUNTED]).first()
    if standing:
        gate = book.gates[kind]
        raise Refusal(
            "milestone.twice",
            f"{gate.zh}已{'核验' if standing.mark in COUNTED else '申报，待核验'}，不用再报。",
            f"{gate.en} is already {'verified' if standing.mark in COUNTED else 'claimed and waits for verification'}.",
        )
    lifecycle.check_dates(in_force.state(project), kind, fact_on, today(), book)
    row = create(
        actor, "milestone.claim", Milestone, project=project, kind=kind, mark=Mark.CLAIMED, fact_on=fact_on,
        recorded_on=today(), recorded_by=actor,
    )  # fmt: skip
    prove(actor, row, {"fact_on": fact_on}, Mark.CLAIMED, source)
    if actor.pk != project.officer_id and "officer" in actor.roles:
        _join_team(actor, project, actor, Member.Role.OFFICER)
    derive([project])
    return row


@action("milestone.verify")
def verify(actor: User, milestone: Milestone, *, note: str = "", seen: int | None = None) -> Milestone:
    """Check a claim against its evidence and let it count. Refused to the team, and while anything is missing."""
    project = _locked(milestone.project)
    _open(project)
    milestone = Milestone.objects.select_for_update().get(pk=milestone.pk)
    book = in_force.rules()
    gate = book.gates[milestone.kind]
    if milestone.mark != Mark.CLAIMED or (seen is not None and milestone.version != seen):
        raise Refusal(
            "milestone.stale",
            f"{gate.zh}刚被处理过，现在是{milestone.get_mark_display()}。刷新再看。",
            f"{gate.en} was just dealt with; it is now {milestone.get_mark_display()}. Reload.",
        )
    refusal = lifecycle.may_verify(
        milestone.kind,
        actor.pk,
        actor.roles,
        team=in_force.team(project),
        claimant=milestone.recorded_by_id,
        rules=book,
    )
    if refusal:
        raise refusal
    state = in_force.state(project)
    lacking = lifecycle.missing(state, milestone.kind, book)
    if lacking:
        raise Refusal(
            "milestone.missing",
            f"{gate.zh}还缺 {len(lacking)} 件：{'、'.join(n.zh for n in lacking)}。补齐再核验，或退回。",
            f"{gate.en} lacks {len(lacking)}: {', '.join(n.en for n in lacking)}. Complete it or return it.",
        )
    against = Opinion.objects.filter(
        project=project, state=Opinion.State.OBJECTED, kind__in=[r.code for r in gate.evidence]
    ).select_related("department")
    if len(note.strip()) < 4 and (names := [str(o.department) for o in against]):
        raise Refusal(
            "milestone.objection",
            f"{'、'.join(names)}不同意。要通过，写明为什么不采纳。",
            f"{', '.join(names)} objects. To let it pass, write why the objection is not followed.",
            where="reason",
        )
    if milestone.fact_on is None:
        raise Refusal(
            "milestone.date",
            f"{gate.zh}没有事实日期。退回补日期。",
            f"{gate.en} has no date of the fact. Return it for its date.",
        )
    lifecycle.check_dates(state, milestone.kind, milestone.fact_on, today(), book)
    from zhaoyin.desk.reports.books import place

    period, adjusts = place(milestone.fact_on)
    change(
        actor, "milestone.verify", milestone, reason=note, mark=Mark.VERIFIED, verified_on=today(), verified_by=actor,
        period=period, adjusts=adjusts,
    )  # fmt: skip
    prove(actor, milestone, {"fact_on": milestone.fact_on}, Mark.VERIFIED, Source(note=note))
    _count(actor, project, milestone)
    project.last_progress_on = milestone.fact_on
    Project.objects.filter(pk=project.pk).update(last_progress_on=milestone.fact_on)
    derive([project])
    return milestone


def _count(actor: User, project: Project, milestone: Milestone) -> None:
    """Book what a verified milestone counts for."""
    from zhaoyin.desk.deals import actions as deals
    from zhaoyin.desk.projects import counting
    from zhaoyin.desk.reports.books import book, booked, join_cohort, performed
    from zhaoyin.desk.reports.models import Entry
    from zhaoyin.desk.reports.queries import account_of

    fact_on, source = milestone.fact_on, ("projects.milestone", milestone.pk)
    assert fact_on is not None
    if milestone.kind == "signed":
        first = deals.first_signing(project) or fact_on
        counting.decide(actor, project)
        if not booked(project, "signed"):
            join_cohort(actor, project, first)
            book(actor, project, "signed", 1, first, source)
        deals.count_contracts(project, actor)
        start = PlanDate.objects.filter(project=project, kind="started").exclude(planned_on=None).first()
        if start:
            _rebook_due(actor, project, start)
    elif milestone.kind in {"landed", "started", "producing", "capacity"}:
        book(actor, project, milestone.kind, 1, fact_on, source)
        if milestone.kind == "landed":
            performed(actor, project, fact_on, source)
        if milestone.kind == "started" and booked(project, "start_due"):
            account = account_of(project, "start_due")
            due = Entry.objects.filter(project=project, account=account, quantity=1).latest("id")
            book(actor, project, "started_due", 1, fact_on, source, not_before=due.period)
        if milestone.kind == "producing":
            book(actor, project, "capacity_due", 1, _months_on(fact_on, 24), source)


def _months_on(day: dt.date, months: int) -> dt.date:
    month = lifecycle.Month.of(day)
    for _ in range(months):
        month = month.next
    return min(month.last, month.first + dt.timedelta(days=day.day - 1))


@action("milestone.verify")
def send_back(actor: User, milestone: Milestone, reason: str, *, seen: int | None = None) -> Milestone:
    """Return a claim with what is wrong and how to mend it."""
    _locked(milestone.project)
    milestone = Milestone.objects.select_for_update().get(pk=milestone.pk)
    if milestone.mark != Mark.CLAIMED or (seen is not None and milestone.version != seen):
        raise Refusal(
            "milestone.stale",
            f"这条刚被处理过，现在是{milestone.get_mark_display()}。刷新再看。",
            f"This was just dealt with; it is now {milestone.get_mark_display()}. Reload.",
        )
    if len(reason.strip()) < 4:
        raise Refusal(
            "milestone.reason",
            "退回须写：哪里不符、怎么补。",
            "Say what does not agree and how to mend it.",
            where="reason",
        )
    change(
        actor, "milestone.return", milestone, reason=reason, mark=Mark.REJECTED, return_note=reason.strip()
    )
    prove(actor, milestone, {"fact_on": milestone.fact_on}, Mark.REJECTED, Source(note=reason))
    derive([_locked(milestone.project)])
    return milestone


# --- first talks, exits, episodes, holds, corrections


@action("project.edit")
def register_first_talks(
    actor: User, project: Project, talked_on: dt.date, organisation: Organisation | None = None
) -> FirstTalks:
    """Claim 首谈. Without a rival it is registered at once; with one it waits for the head to decide."""
    from zhaoyin.desk.projects import queries

    _open(project)
    if talked_on > today():
        raise Refusal(
            "talks.date",
            f"首谈日期 {talked_on} 还没到。改成已谈的日期。",
            f"The day of first talks, {talked_on}, has not come. Give a past day.",
            where="talked_on",
        )
    if FirstTalks.objects.filter(project=project, state="registered").exists():
        raise Refusal(
            "talks.twice", "这个项目已有首谈登记。", "First talks are registered for this project already."
        )
    rivals = queries.first_talks_rivals(project, organisation)
    row = create(
        actor, "talks.claim", FirstTalks, project=project, organisation=organisation, officer=actor,
        talked_on=talked_on, state="claimed" if rivals else "registered",
    )  # fmt: skip
    derive([_locked(project)])
    return row


@action("talks.decide")
def decide_first_talks(actor: User, talks: FirstTalks, recognised: bool, reason: str) -> FirstTalks:
    if not reason.strip():
        raise Refusal(
            "talks.reason", "写明认定或不认定的理由。", "Say why it is or is not recognised.", where="reason"
        )
    state = "registered" if recognised else "refused"
    change(actor, "talks.decide", talks, reason=reason, note=reason.strip(), state=state, decided_by=actor)
    derive([_locked(talks.project)])
    return talks


@action("project.exit")
def leave(actor: User, project: Project, code: str, values: Mapping[str, Any]) -> Exit:
    """End a project otherwise: coded, dated, decided and explained. The record stays."""
    from zhaoyin.desk.projects import counting

    project = _locked(project)
    lifecycle.check_exit(
        in_force.state(project),
        code,
        {**values, "credit_split": values.get("credit") or None},
        actor.roles,
        in_force.rules(),
    )
    merged = values.get("merged_into")
    if merged is not None and merged.pk == project.pk:
        raise Refusal(
            "exit.itself",
            "不能并入自己。选另一个项目。",
            "A project cannot merge into itself.",
            where="merged_into",
        )
    given = {name: value for name, value in values.items() if name != "reason"}
    row = create(actor, "project.exit", Exit, project=project, code=code, cause=values["reason"], **given)
    for waiting in Milestone.objects.filter(project=project, mark=Mark.CLAIMED):
        change(actor, "milestone.return", waiting, mark=Mark.REJECTED)
    if merged is not None and project.cohort:
        counting.merged(actor, project, merged)
    derive([project])
    return row


@action("project.create")
def reopen(actor: User, project: Project, note: str) -> Project:
    """A new episode of a project that left, linked to the earlier one; it passes every gate again."""
    project = _locked(project)
    if not project.exit_code:
        raise Refusal(
            "project.open",
            f"“{project}”没有退出，不用重开。",
            f"“{project}” has not left; there is nothing to re-open.",
        )
    again = create_project(
        actor,
        name=project.name,
        track=project.track,
        sector=project.sector,
        place=project.place,
        local_party=project.local_party,
        company_as_said=project.company_as_said,
        need=project.need,
        came_from=project.source,
        episode_of=project,
        corridor=project.corridor,
    )
    for investor in project.investor_rows.all():
        create(
            actor,
            "investor.add",
            Investor,
            project=again,
            organisation=investor.organisation,
            share=investor.share,
        )
    audit(actor, "project.reopen", again, after={"episode_of": project.pk}, reason=note)
    return again


@action("project.assign")
def pause(actor: User, project: Project, until: dt.date, note: str) -> None:
    """Put on hold: a light with an end, at most the days the rules allow."""
    _open(project)
    limit = today() + dt.timedelta(days=in_force.rules().pause_days)
    if not today() < until <= limit:
        raise Refusal(
            "pause.until",
            f"暂缓到 {until} 不行，最晚 {limit}。改日期。",
            f"A hold until {until} is not possible; the latest is {limit}.",
            where="until",
        )
    change(actor, "project.pause", project, reason=note, paused_from=today(), paused_until=until)
    derive([_locked(project)])


@action("project.assign")
def resume(actor: User, project: Project) -> None:
    change(actor, "project.resume", project, paused_from=None, paused_until=None)
    derive([_locked(project)])


@action("project.assign")
def hand_over(actor: User, project: Project, to: User, reason: str) -> None:
    """The project passes to another officer: the old one leaves the team today, what was claimed and noted stays theirs."""
    project = _locked(project)
    _open(project)
    if len(reason.strip()) < 2:
        raise Refusal("handover.reason", "写明为什么移交。", "Say why it is handed over.", where="reason")
    if to.pk == project.officer_id:
        raise Refusal("handover.same", f"已由{to}主办，不用移交。", f"{to} is in charge already.", where="to")
    if "officer" not in to.roles or not to.is_active:
        raise Refusal(
            "handover.role",
            f"{to}不是在岗的招商专员，不能主办。换一个人。",
            f"{to} is no officer in service. Choose somebody else.",
            where="to",
        )
    for member in Member.objects.filter(
        project=project, user=project.officer_id, role=Member.Role.OFFICER, to_on=None
    ):
        change(actor, "member.end", member, to_on=max(today(), member.from_on))
    if not Member.objects.filter(project=project, user=to, to_on=None).exists():
        create(
            actor, "member.add", Member, project=project, user=to, role=Member.Role.OFFICER, from_on=today()
        )
    change(
        actor,
        "project.handover",
        project,
        reason=reason,
        officer=to,
        department=to.department or project.department,
    )
    prove(actor, project, {"officer": to}, Mark.CLAIMED, Source(note=reason))
    derive([_locked(project)])


@action("project.assign", atomic=False)
def hand_over_all(actor: User, leaving: User, to: User, reason: str) -> int:
    """Everything open that one officer is in charge of passes to another; one transaction a project."""
    rows = list(Project.objects.filter(officer=leaving, exit_code="").order_by("pk"))
    for project in rows:
        hand_over(actor, project, to, reason)
    return len(rows)


# --- corridors


@action("corridor.edit")
def create_corridor(
    actor: User, *, mark: str = Mark.CLAIMED, source: From = PERSON, **values: Any
) -> Corridor:
    made = create(actor, "corridor.create", Corridor, **values)
    prove(actor, made, {k: v for k, v in values.items() if v not in (None, "")}, mark, source)
    return made


@action("corridor.edit")
def change_corridor(actor: User, corridor: Corridor, *, seen: int | None = None, **values: Any) -> list[str]:
    changed = change(actor, "corridor.change", corridor, seen=seen, **values)
    prove(actor, corridor, changed, Mark.CLAIMED)
    return changed


@action("corridor.edit")
def set_split(
    actor: User,
    corridor: Corridor,
    measure: str,
    from_on: dt.date,
    *,
    source_share: Decimal,
    enclave_share: Decimal,
    home_share: Decimal,
    citation: str,
) -> Split:
    """From a day on, a measure splits so; earlier days keep their share, and so does what is booked."""
    from zhaoyin.desk.reports.models import Month

    total = source_share + enclave_share + home_share
    if total != 100 or min(source_share, enclave_share, home_share) < 0:
        raise Refusal(
            "split.sum",
            f"三方合计 {total.normalize():f}%，须为 100%，且都不小于 0。",
            f"The three shares add up to {total.normalize():f} %; they must be 100 % in all and none below 0.",
            where="home_share",
        )
    if Split.objects.filter(corridor=corridor, measure=measure, from_on=from_on).exists():
        raise Refusal(
            "split.twice",
            f"{from_on} 起的分成已有一行。换一个日期，旧的不改。",
            f"There is a row from {from_on} already. Choose another day; old rows stay.",
            where="from_on",
        )
    shut = Month.objects.filter(number=lifecycle.Month.of(from_on).number).exclude(state=Month.State.OPEN)
    if shut.exists():
        raise Refusal(
            "split.closed",
            f"{from_on:%Y-%m} 已锁定，分成不能从那时起改。从未锁的月份起。",
            f"{from_on:%Y-%m} is closed; a split cannot begin there. Begin in an open month.",
            where="from_on",
        )
    if not citation.strip():
        raise Refusal("split.citation", "写明依据哪份文件。", "Name the paper it rests on.", where="citation")
    row = create(
        actor, "split.set", Split, corridor=corridor, measure=measure, from_on=from_on, source_share=source_share,
        enclave_share=enclave_share, home_share=home_share, citation=citation.strip(),
    )  # fmt: skip
    prove(
        actor, row, ["source_share", "enclave_share", "home_share"], Mark.CLAIMED, Source(citation=citation)
    )
    return row


@action("pack.load", atomic=False)
def load_pack_rules(actor: User, pack: Any) -> int:
    """A pack's rules.yaml comes into force: checked, kept beside the ledger, every stage and clock derived by it."""
    from django.conf import settings

    given = pack.folder / "rules.yaml"
    kept = Path(settings.DATA) / "rules.yaml"
    if not given.is_file() or (kept.is_file() and kept.read_bytes() == given.read_bytes()):
        return 0
    in_force.fits(lifecycle.Rules.load(given))
    fresh = kept.with_suffix(".new")
    fresh.write_bytes(given.read_bytes())
    fresh.replace(kept)
    ids = list(Project.all_objects.order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(ids), 200):  # short transactions: nobody waits
        with transaction.atomic():
            derive(Project.all_objects.select_for_update().filter(pk__in=ids[start : start + 200]))
    audit(actor, "rules.load", after={"rules": in_force.rules().ref})
    return 1


@action("pack.load", atomic=False)
def load_pack_corridors(actor: User, pack: Any) -> int:
    """The corridors a region's pack names, as far as they are new; what they split is for people to state."""
    from zhaoyin.desk.region import source_of

    places = {row.code: row.name for row in pack.places} | {pack.region.code: pack.region.name}
    count = 0
    for row in pack.corridors:
        if not Corridor.objects.filter(code=row.code).exists():
            create_corridor(
                actor, code=row.code, name=row.name, source_city=row.source, home_place=places.get(row.region, row.region),
                mark=Mark.SAID, source=source_of(pack, row.cite),
            )  # fmt: skip
            count += 1
    return count


# --- a person's own views


@action("project.view")
def save_view(actor: User, name: str, query: str) -> SavedView:
    """Keep the filters of the ledger under a name; the same name again replaces them."""
    name = name.strip()[:40]
    if not name:
        raise Refusal("view.name", "给这组筛选起个名。", "Give these filters a name.", where="name")
    return SavedView.objects.update_or_create(owner=actor, name=name, defaults={"query": query[:400]})[0]


@action("project.view")
def drop_view(actor: User, pk: int) -> None:
    SavedView.objects.filter(owner=actor, pk=pk).delete()
