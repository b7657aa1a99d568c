"""The rules in force for this desk, and a project as the rules see it."""

from __future__ import annotations

import datetime as dt
import os
from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from django.db.models import Q

from zhaoyin import lifecycle
from zhaoyin.desk.evidence.models import Mark
from zhaoyin.desk.projects.models import (
    FirstTalks,
    GateFile,
    Investor,
    Member,
    Milestone,
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


@cache
def rules() -> lifecycle.Rules:
    """The shipped rules with the region's pack (ZHAOYIN_RULES: a rules.yaml or a folder with one) laid over them."""
    place = os.environ.get("ZHAOYIN_RULES")
    return lifecycle.Rules.load(Path(place) if place else None)


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
    for m in Milestone.objects.filter(project__in=ids).exclude(mark=Mark.REJECTED):
        milestones[m.project_id].append(m)
    profiles = {p.project_id: p for p in Profile.objects.filter(project__in=ids)}
    plans: dict[int, list[PlanDate]] = defaultdict(list)
    for plan in PlanDate.objects.filter(project__in=ids):
        plans[plan.project_id].append(plan)
    files: dict[int, set[tuple[str, str]]] = defaultdict(set)
    for project, gate, kind in GateFile.objects.filter(project__in=ids).values_list(
        "project", "gate", "kind"
    ):
        files[project].add((gate, kind))
    talks = set(
        FirstTalks.objects.filter(project__in=ids, state="registered").values_list("project", flat=True)
    )
    investors = set(Investor.objects.filter(project__in=ids).values_list("project", flat=True))
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
        )
        for pk in ids
    }


def state(project: Project) -> lifecycle.Project:
    return states([project])[project.pk]


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
    dates: dict[str, dt.date] = {}
    for name in ("last_contact_on", "last_progress_on"):
        if day := getattr(project, name):
            dates[name] = day
    if isinstance(due := money["promise_due_on"], dt.date):
        dates["promise_due_on"] = due
    if isinstance(quarter := money["quarter_capital_on"], dt.date):
        dates["quarter_capital_on"] = quarter
    if profile and profile.statistics_on:
        dates["statistics_on"] = profile.statistics_on
    paused = (
        (project.paused_from, project.paused_until) if project.paused_from and project.paused_until else None
    )
    slips = next((p.slips for p in plans if p.kind == "producing"), 0)
    return lifecycle.Project(
        project.track or DEFAULT_TRACK,
        tuple(
            lifecycle.Milestone(m.kind, m.mark, m.fact_on, m.recorded_on, m.verified_on) for m in milestones
        ),
        values,
        files,
        dates,
        plan,
        {"production_slips": slips} if slips else {},
        frozenset(),
        paused,
        project.exit_code,
    )


def team(project: Project) -> set[int]:
    """Everybody who is or was on the project's team, the officer included."""
    found = set(Member.objects.filter(project=project).values_list("user", flat=True))
    return found | ({project.officer_id} if project.officer_id else set())


def on_team(user_id: int) -> Q:
    return Q(officer=user_id) | Q(members__user=user_id)
