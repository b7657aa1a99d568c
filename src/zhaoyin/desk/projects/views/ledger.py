"""The table of projects, the board, late and why, and a person's own filters."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.views.decorators.http import require_POST

from zhaoyin.desk.accounts import policy
from zhaoyin.desk.accounts.policy import needs, who
from zhaoyin.desk.evidence.models import Mark
from zhaoyin.desk.lists import Column, Filter, List, list_view, workbook
from zhaoyin.desk.projects import actions, queries
from zhaoyin.desk.projects.models import Milestone, Project, SavedView, exclusions, gates, stages, tracks
from zhaoyin.desk.words import say, t


def _reported(rows: Any, value: str) -> Any:
    return rows.filter(Exists(Milestone.objects.filter(project=OuterRef("pk"), kind=value, mark=Mark.SAID)))


def _light(project: Any) -> Any:
    shown = queries.light(project)
    if shown.level == "ok":
        return ""
    words = {
        "red": say("红", "Red"),
        "yellow": say("黄", "Yellow"),
        "hold": say("暂缓", "On hold"),
        "no": "",
    }[shown.level]
    return format_html('<span class="zy-light" data-light="{}">{}</span>', shown.level, shown.words or words)


def _whose(request: HttpRequest) -> str:
    return request.GET.get("whose", "")


def _by_light(rows: Any, value: str) -> Any:
    return rows.filter(queries.burning(value))


def _state(rows: Any, value: str) -> Any:
    return rows.exclude(exit_code="") if value == "left" else rows.filter(exit_code="")


def _places() -> list[tuple[str, Any]]:
    from zhaoyin.desk.sites.models import Carrier

    return [(str(pk), name) for pk, name in Carrier.objects.order_by("name").values_list("pk", "name")[:200]]


def _counts(rows: Any, value: str) -> Any:
    if value in {"yes", "no"}:
        return rows.filter(left_out="") if value == "yes" else rows.exclude(left_out="")
    return rows.filter(left_out=value)


def _counting() -> list[tuple[str, Any]]:
    return [("yes", t("计入", "Counts")), ("no", t("不计入", "Left out")), *exclusions()]


LIGHTS = [("red", t("红", "Red")), ("yellow", t("黄", "Yellow")), ("hold", t("暂缓", "On hold"))]

PROJECTS = List(
    verb="project.view",
    title=t("项目台账", "Project ledger"),
    columns=[
        Column("name", t("名称", "Name"), order="name"),
        Column("code", t("编号", "Code"), order="code"),
        Column("stage", t("阶段", "Stage"), order="stage"),
        Column(
            "light", t("灯", "Light"), show=_light, plain=lambda p: queries.light(p).words, order="red_on"
        ),
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
        Column(
            "contracted_fen",
            t("签约额", "Contracted"),
            number=True,
            order="contracted_fen",
        ),
        Column(
            "capital_fen",
            t("到位资金", "Capital in place"),
            number=True,
            order="capital_fen",
        ),
        Column("left_out", t("不计入统计", "Left out"), show=lambda p: p.get_left_out_display()),
        Column("place", t("落地", "Place"), show=lambda p: p.place.name if p.place else p.place_text),
        Column("officer", t("主办", "Officer")),
    ],
    rows=lambda request: queries.scope(
        Project.objects.select_related("place", "officer")
        .prefetch_related("investors")
        .annotate(
            signing_reported=Exists(
                Milestone.objects.filter(project=OuterRef("pk"), kind="signed", mark=Mark.SAID)
            )
        ),
        who(request),
        _whose(request),
    ),
    url=Project.get_absolute_url,
    search=("name", "code", "company_as_said"),
    filters=[
        Filter("stage", t("阶段", "Stage"), stages),
        Filter("track", t("类别", "Track"), tracks),
        Filter("light", t("灯", "Light"), LIGHTS, apply=_by_light),
        Filter("place", t("园区", "Place"), _places),
        Filter("reported", t("报道", "Reported"), gates, apply=_reported),
        Filter(
            "state",
            t("在办", "State"),
            [("open", t("在办", "Open")), ("left", t("已退出", "Left"))],
            apply=_state,
        ),
        Filter("counts", t("统计", "Figures"), _counting, apply=_counts),
    ],
    empty=t(
        "还没有项目。录入一份通稿，采纳其中的签约，或导入台账。",
        "No projects yet. Bring in an announcement and accept its signings, or import a ledger.",
    ),
    actions="projects/_do.html",
    lead="projects/_views.html",
    context=lambda request: {
        "views": SavedView.objects.filter(owner=who(request)),
        "query_now": "&".join(
            part for part in request.GET.urlencode().split("&") if part and not part.startswith("page=")
        ),
    },
)
projects = list_view(PROJECTS)


@needs("project.view")
def board(request: HttpRequest) -> HttpResponse:
    whose = _whose(request)
    context = queries.board(
        who(request),
        whose=whose,
        place=request.GET.get("place", ""),
        event=request.GET.get("event", ""),
    )
    stage = request.GET.get("stage", "")
    known = [c.stage.code for c in context["columns"]]
    if stage not in known:
        stage = next((c.stage.code for c in context["columns"] if c.count), known[0])
    return render(request, "projects/board.html", {**context, "whose": whose, "stage": stage})


@needs("project.view")
def late(request: HttpRequest) -> HttpResponse:
    from django.core.paginator import Paginator

    found = queries.late(who(request), _whose(request))
    rule = request.GET.get("rule", "")
    rows = found["rows"].filter(due_rule=rule) if rule else found["rows"]
    rows = rows.select_related("officer", "place").order_by("red_on", "id")
    if request.GET.get("as") == "xlsx":
        return _late_workbook(request, rows)
    page = Paginator(rows, 25).get_page(request.GET.get("page"))
    for p in page.object_list:
        p.shown = queries.light(p)
    context = {
        "groups": found["groups"],
        "page": page,
        "rule": rule,
        "whose": _whose(request),
        "may_export": policy.may(request.user, "list.export"),
    }
    return render(request, "projects/late.html", context)


def _late_workbook(request: HttpRequest, rows: QuerySet[Project]) -> HttpResponse:
    """Late and why as it stands today, one project a row: what a department head takes into the meeting."""
    head = [
        say("编号", "Code"), say("项目", "Project"), say("阶段", "Stage"), say("灯", "Light"),
        say("轮到谁", "Who acts next"), say("应办日期", "Due on"), say("主办", "Officer"),
    ]  # fmt: skip

    def line(p: Project) -> list[Any]:
        shown = queries.light(p)
        return [
            p.code, p.name, str(p.get_stage_display()), shown.words, shown.who, p.next_due_on or "",
            str(p.officer or ""),
        ]  # fmt: skip

    body = (line(p) for p in rows.iterator(chunk_size=1000))
    return workbook(request, say("晚与因", "Late and why"), head, body, rows.count())


@needs("project.view")
@require_POST
def views_(request: HttpRequest) -> HttpResponse:
    if drop := request.POST.get("drop"):
        actions.drop_view(who(request), int(drop) if drop.isdigit() else 0)
        return redirect("projects:list")
    row = actions.save_view(who(request), request.POST.get("name", ""), request.POST.get("query", ""))
    messages.info(request, say("已存为“{n}”。", "Saved as “{n}”.", n=row.name))
    return redirect(f"{reverse('projects:list')}?{row.query}")
