"""What is done to leads and projects."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from django.db.models import Max

from zhaoyin.base.dates import today
from zhaoyin.desk.accounts.models import User
from zhaoyin.desk.actions import action
from zhaoyin.desk.evidence.actions import PERSON, From, create, prove
from zhaoyin.desk.evidence.models import Mark
from zhaoyin.desk.parties.models import Organisation
from zhaoyin.desk.projects.models import Investor, Milestone, Project


def next_code() -> str:
    """P-YEAR-0001 and so on."""
    prefix = f"P-{today().year}-"
    last = Project.objects.filter(code__startswith=prefix).aggregate(last=Max("code"))["last"]
    return f"{prefix}{int(last.removeprefix(prefix)) + 1 if last else 1:04d}"


@action("project.create")
def create_project(
    actor: User,
    *,
    name: str,
    investors: Iterable[Organisation] = (),
    source: From = PERSON,
    mark: str = Mark.CLAIMED,
    **values: Any,
) -> Project:
    """A new lead, with its investors and provenance for what was given."""
    project = create(
        actor,
        "project.create",
        Project,
        code=next_code(),
        name=name,
        officer=values.pop("officer", actor),
        **values,
    )
    given = {"name": name, **{key: value for key, value in values.items() if value not in (None, "")}}
    prove(actor, project, given, mark, source)
    for organisation in investors:
        row = create(actor, "project.change", Investor, project=project, organisation=organisation)
        prove(actor, row, {"organisation": organisation}, mark, source)
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
        actor,
        "milestone.said",
        Milestone,
        project=project,
        kind=kind,
        mark=Mark.SAID,
        fact_on=fact_on,
        fact_text=fact_text,
        recorded_on=today(),
        recorded_by=actor,
    )
    prove(actor, milestone, {"kind": milestone.get_kind_display()}, Mark.SAID, source)
    return milestone
