"""The rules in force for this desk, and a project as the rules see it."""

from __future__ import annotations

import datetime as dt
import os
from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from zhaoyin import lifecycle
from zhaoyin.base.errors import Refusal
from zhaoyin.desk.evidence.models import Mark
from zhaoyin.desk.projects.models import (
    Correction,
    FirstTalks,
    GateFile,
    Investor,
    Member,
    Milestone,
    Opinion,
    PlanDate,
    Profile,
    Project,
)

# requirement code → the Profile column that answers it (itself where the names agree)
_PROFILE = {
    "contact": "contact_name",
    "investment": "investment_fen",
    "fixed_assets": "fixed_assets_fen",
    "site_area": "site_area_m2",
    "output": "output_fen",
    "tax": "tax_fen",
    "registered_capital": "registered_capital_fen",
    "year_investment": "year_investment_fen",
    "output_12m": "output_12m_fen",
    "tax_12m": "tax_12m_fen",
    "rd_actual": "rd_actual_fen",
}
_OF_PROJECT = (
    "source",
    "reported_on",
    "reported_by",
    "company_as_said",
    "sector",
    "need",
    "duplicate_checked",
)
DEFAULT_TRACK = "land"  # of a lead nobody has classified yet
_DATES_OF_PROJECT = ("enquired_on", "first_reply_on", "last_contact_on", "last_progress_on")
_DATES_OF_PROFILE = ("statistics_on", "land_filed_on", "hold_until")
_DATES_OF_DEALS = ("promise_due_on", "quarter_capital_on", "ceremony_on")
_NUMBERS = ("progress_planned", "progress_actual")
# everything a light may compare beside milestones and plans; a rule that asks for something else can never burn
DATES = frozenset(
    {*_DATES_OF_PROJECT, *_DATES_OF_PROFILE, *_DATES_OF_DEALS, "opinion_due_on", "contract_filed_on"}
)
NUMBERS = frozenset({*_NUMBERS, "production_slips"})
TWO_SIDED = ("call", "visit_out", "visit_in", "meeting", "event")  # exchanges that are a record of both sides
FLAGS = frozenset({"new_land", "first_transfer_due"})
# every field a gate may ask for: facts of the profile, words of the project, and what other rows answer
ANSWERS = frozenset(
    {f.name for f in Profile._meta.concrete_fields}
    | set(_PROFILE)
    | set(_OF_PROJECT)
    | {"company", "officer", "first_talks", "planned_dates", "contract", "parties", "amount", "commitments"}
)


def place() -> Path | None:
    """Where the region's own rules lie: ZHAOYIN_RULES (a rules.yaml or a folder with one), else the rules.yaml that loading
    a pack left in ZHAOYIN_DATA; None when the shipped ones stand alone."""
    if named := os.environ.get("ZHAOYIN_RULES"):
        return Path(named)
    kept = Path(settings.DATA) / "rules.yaml"
    return kept if kept.is_file() else None


def rules() -> lifecycle.Rules:
    """The shipped rules with the region's laid over them; a changed file is read anew without a restart."""
    found = place()
    if found is None:
        return _load(None, 0)
    file = found / "rules.yaml" if found.is_dir() else found
    return _load(file, file.stat().st_mtime_ns if file.is_file() else 0)


@lru_cache(maxsize=4)
def _load(file: Path | None, stamp: int) -> lifecycle.Rules:
    found = lifecycle.Rules.load(file)
    fits(found)
    return found


def fits(found: lifecycle.Rules) -> None:
    """Refuse rules this desk cannot serve: a light or requirement over something it never fills, a code too long."""
    milestones = {f"{kind}.{code}" for kind in ("milestone", "recorded", "plan") for code in found.milestones}
    asked: list[tuple[str, str, frozenset[str] | set[str]]] = []
    for rule in found.lights.values():
        if rule.kind == "number":
            asked += [(rule.code, name, NUMBERS) for name in (rule.value, rule.minus) if name]
        else:
            asked += [(rule.code, name, DATES | milestones) for name in (rule.since, *rule.until)]
        asked += [(rule.code, rule.when, FLAGS)] if rule.when else []
    for gate in found.gates.values():
        asked += [(need.code, need.when, FLAGS) for need in (*gate.fields, *gate.evidence) if need.when]
        asked += [(gate.code, need.code, ANSWERS) for need in gate.fields]
    for code, name, known in asked:
        if name not in known:
            raise Refusal(
                "lifecycle.rules.unfilled",
                f"规则“{code}”用到“{name}”，这里没有人填它。可用：{'、'.join(sorted(known))}。",
                f"The rule {code} uses “{name}”, which nothing here fills. Known: {', '.join(sorted(known))}.",
                where=code,
            )
    for words, longest in (
        (found.stages, 10),
        (found.gates, 10),
        (found.tracks, 12),
        (found.exits, 16),
        (found.exclusions, 16),
    ):
        for code in words:
            if len(code) > longest:
                raise Refusal(
                    "lifecycle.rules.code",
                    f"代码“{code}”太长，最多 {longest} 个字符。",
                    f"The code “{code}” is too long; {longest} characters at most.",
                    where=code,
                )


def column_of(requirement: str) -> str:
    """The Profile column a requirement is typed into; "" when it is answered elsewhere."""
    name = _PROFILE.get(requirement, requirement)
    return name if name in {f.name for f in Profile._meta.concrete_fields} else ""


def states(projects: Iterable[Project]) -> dict[int, lifecycle.Project]:
    """Each project as the engine sees it, in a constant number of queries."""
    from zhaoyin.desk.deals import queries as deals

    rows = {p.pk: p for p in projects}
    ids = list(rows)
    milestones: dict[int, list[Milestone]] = defaultdict(list)
    corrected = corrected_dates(ids)
    for m in Milestone.objects.filter(project__in=ids).exclude(mark=Mark.REJECTED):
        m.fact_on = corrected.get(m.pk, m.fact_on)
        milestones[m.project_id].append(m)
    profiles = {p.project_id: p for p in Profile.objects.filter(project__in=ids)}
    plans: dict[int, list[PlanDate]] = defaultdict(list)
    for plan in PlanDate.objects.filter(project__in=ids):
        plans[plan.project_id].append(plan)
    files: dict[int, set[tuple[str, str]]] = defaultdict(set)
    filed: dict[int, dt.date] = {}
    for project, gate, kind, at in GateFile.objects.filter(project__in=ids).values_list(
        "project", "gate", "kind", "created_at"
    ):
        files[project].add((gate, kind))
        if kind == "signed_contract":
            filed.setdefault(project, timezone.localdate(at))
    asked: dict[int, dt.date] = {}
    for project, kind, state_, due_on in Opinion.objects.filter(project__in=ids).values_list(
        "project", "kind", "state", "due_on"
    ):
        if state_ == Opinion.State.ASKED:
            asked[project] = min(due_on, asked.get(project, due_on))
        else:
            files[project].update((gate, kind) for gate in _gates_of(kind))
    talks = set(
        FirstTalks.objects.filter(project__in=ids, state="registered").values_list("project", flat=True)
    )
    investors = set(Investor.objects.filter(project__in=ids).values_list("project", flat=True))
    met = Investor.objects.filter(
        project__in=ids, organisation__interactions__kind__in=TWO_SIDED
    ).values_list("project", flat=True)
    for project in met.distinct():
        files[project].add(("talks", "interaction_record"))
    money = deals.for_rules(ids)
    return {
        pk: _state(
            rows[pk],
            milestones[pk],
            profiles.get(pk),
            plans[pk],
            files[pk],
            talks=pk in talks,
            investor=pk in investors,
            money=money[pk],
            dates={"opinion_due_on": asked.get(pk), "contract_filed_on": filed.get(pk)},
        )
        for pk in ids
    }


def state(project: Project) -> lifecycle.Project:
    return states([project])[project.pk]


def corrected_dates(ids: Iterable[int]) -> dict[int, dt.date]:
    """Milestones whose verified date was corrected since → the date that holds."""
    found = {}
    rows = Correction.objects.filter(project__in=list(ids), field="fact_on").order_by("id")
    for subject, after in rows.values_list("subject", "after"):
        label, _, pk = subject.partition(":")
        if label == "projects.milestone":
            found[int(pk)] = dt.date.fromisoformat(after)
    return found


def _gates_of(kind: str) -> list[str]:
    return [gate.code for gate in rules().gates.values() if any(r.code == kind for r in gate.evidence)]


def _state(
    project: Project,
    milestones: list[Milestone],
    profile: Profile | None,
    plans: list[PlanDate],
    files: set[tuple[str, str]],
    *,
    talks: bool,
    investor: bool,
    money: dict[str, object],
    dates: dict[str, dt.date | None],
) -> lifecycle.Project:
    values: dict[str, object] = {name: getattr(project, name) for name in _OF_PROJECT}
    values |= {"company": investor, "officer": project.officer_id, "first_talks": talks}
    if profile:
        for field in Profile._meta.concrete_fields:
            values[field.name] = getattr(profile, field.name)
        values |= {code: getattr(profile, name) for code, name in _PROFILE.items()}
    plan = {p.kind: p.planned_on for p in plans if p.planned_on}
    values["planned_dates"] = {"started", "producing"} <= set(plan)
    values |= {k: money[k] for k in ("contract", "parties", "amount", "commitments")}
    known: dict[str, object] = {name: getattr(project, name) for name in _DATES_OF_PROJECT}
    known |= {name: getattr(profile, name) for name in _DATES_OF_PROFILE} if profile else {}
    known |= {name: money[name] for name in _DATES_OF_DEALS} | dates
    numbers: dict[str, float] = {}
    if profile and profile.progress_planned is not None and profile.progress_actual is not None:
        numbers = {name: getattr(profile, name) for name in _NUMBERS}
    if slips := next((p.slips for p in plans if p.kind == "producing"), 0):
        numbers["production_slips"] = slips
    flags = {"new_land"} if profile and profile.new_land else set()
    # the first money was promised for a day before the project says it landed
    landed = next((m.fact_on for m in milestones if m.kind == "landed" and m.fact_on), None)
    first = money["money_due_on"]
    if landed and isinstance(first, dt.date) and first <= landed:
        flags.add("first_transfer_due")
    paused = (
        (project.paused_from, project.paused_until) if project.paused_from and project.paused_until else None
    )
    return lifecycle.Project(
        project.track or DEFAULT_TRACK,
        tuple(
            lifecycle.Milestone(m.kind, m.mark, m.fact_on, m.recorded_on, m.verified_on) for m in milestones
        ),
        values,
        files,
        {name: day for name, day in known.items() if isinstance(day, dt.date)},
        plan,
        numbers,
        frozenset(flags),
        paused,
        project.exit_code,
    )


def team(project: Project) -> set[int]:
    """Everybody who is or was on the project's team, the officer included."""
    found = set(Member.objects.filter(project=project).values_list("user", flat=True))
    return found | ({project.officer_id} if project.officer_id else set())


def on_team(user_id: int) -> Q:
    return Q(officer=user_id) | Q(members__user=user_id)
