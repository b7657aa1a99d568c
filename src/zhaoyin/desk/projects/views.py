from __future__ import annotations

from typing import Any

from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from zhaoyin.desk.accounts.policy import needs
from zhaoyin.desk.details import detail
from zhaoyin.desk.evidence.models import Mark
from zhaoyin.desk.evidence.queries import attach_marks
from zhaoyin.desk.lists import Column, Filter, List, list_view
from zhaoyin.desk.projects.models import Milestone, Project
from zhaoyin.desk.words import say, t


def _reported(rows: Any, value: str) -> Any:
    return rows.filter(milestones__kind=value, milestones__mark=Mark.SAID)


PROJECTS = List(
    verb="project.view",
    title=t("项目台账", "Project ledger"),
    columns=[
        Column("name", t("名称", "Name"), order="name"),
        Column("code", t("编号", "Code"), order="code"),
        Column("stage", t("阶段", "Stage"), order="stage"),
        Column(
            "reported",
            t("报道", "Reported"),
            show=lambda p: say("报道已签约", "signing reported") if p.signing_reported else "",
        ),
        Column(
            "investors",
            t("投资方", "Investors"),
            show=lambda p: say("、", ", ").join(str(o) for o in p.investors.all()),
        ),
        Column("place", t("落地", "Place")),
        Column("officer", t("主办", "Officer")),
    ],
    rows=lambda request: (
        Project.objects.select_related("place", "officer")
        .prefetch_related("investors")
        .annotate(
            signing_reported=Exists(
                Milestone.objects.filter(project=OuterRef("pk"), kind=Project.Stage.SIGNED, mark=Mark.SAID)
            )
        )
    ),
    url=Project.get_absolute_url,
    search=("name", "code", "investors__name"),
    filters=[
        Filter("stage", t("阶段", "Stage"), Project.Stage.choices),
        Filter("reported", t("报道", "Reported"), Project.Stage.choices, apply=_reported),
    ],
    empty=t(
        "还没有项目。录入一份通稿，采纳其中的签约。",
        "No projects yet. Bring in an announcement and accept its signings.",
    ),
)
projects = list_view(PROJECTS)


@needs("project.view")
def project(request: HttpRequest, pk: int) -> HttpResponse:
    obj = get_object_or_404(Project.objects.select_related("place", "officer", "local_party"), pk=pk)
    return detail(
        request,
        "projects/project.html",
        obj,
        list_name="projects:list",
        list_words=t("台账", "Ledger"),
        code=obj.code,
        milestones=attach_marks(obj.milestones.all()),
        investors=attach_marks(obj.investor_rows.select_related("organisation")),
        agreements=obj.agreements.all(),
    )
