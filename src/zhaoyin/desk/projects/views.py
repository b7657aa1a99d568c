from __future__ import annotations

import datetime as dt
from itertools import zip_longest
from typing import Any

from django.contrib import messages
from django.db.models import Exists, OuterRef, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.views.decorators.http import require_POST

from zhaoyin import lifecycle
from zhaoyin.base.dates import today
from zhaoyin.base.errors import Refusal
from zhaoyin.desk.accounts import policy
from zhaoyin.desk.accounts.policy import needs, who
from zhaoyin.desk.deals import actions as deals
from zhaoyin.desk.deals.models import Agreement, Capital, Commitment
from zhaoyin.desk.details import detail
from zhaoyin.desk.evidence.models import Mark
from zhaoyin.desk.evidence.queries import attach_marks
from zhaoyin.desk.evidence.views import with_words
from zhaoyin.desk.lists import Column, Filter, List, list_view, workbook
from zhaoyin.desk.parties.models import Organisation
from zhaoyin.desk.projects import actions, corrections, counting, forms, queries
from zhaoyin.desk.projects import rules as in_force
from zhaoyin.desk.projects.models import (
    Corridor,
    FirstTalks,
    GateFile,
    Member,
    Milestone,
    Opinion,
    Profile,
    Project,
    SavedView,
    exclusions,
    gates,
    stages,
    tracks,
)
from zhaoyin.desk.words import english, say, sentence, t


def _language() -> str:
    return "en" if english() else "zh"


# --- table


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
            plain=lambda p: p.contracted_fen / 100,
        ),
        Column(
            "capital_fen",
            t("到位资金", "Capital in place"),
            number=True,
            order="capital_fen",
            plain=lambda p: p.capital_fen / 100,
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


# --- board, late and why


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


# --- one project


@needs("project.view")
def project(request: HttpRequest, pk: int) -> HttpResponse:
    obj = get_object_or_404(
        Project.objects.select_related(
            "place", "officer", "local_party", "episode_of", "corridor", "department"
        ),
        pk=pk,
    )
    user = who(request)
    book, language = in_force.rules(), _language()
    state = in_force.state(obj)
    gate = None if obj.exit_code else lifecycle.next_gate(state, book)
    needs_ = lifecycle.needs(state, gate.code, book) if gate else []
    burning = lifecycle.lights(state, today(), book)
    standing = obj.milestones.filter(kind=gate.code, mark=Mark.CLAIMED).first() if gate else None
    agreements = attach_marks(obj.agreements.order_by("signed_on", "id"))
    counted: dict[int, int] = {}
    for e in obj.entries.filter(source="deals.agreement", account__in=["contracted", "~contracted"]):
        counted[e.source_id] = counted.get(e.source_id, 0) + e.quantity
    for a in agreements:
        a.counted_fen = counted.get(a.pk, 0)
    capital = attach_marks(obj.capital_rows.select_related("verified_by").order_by("received_on", "id"))
    commitments = attach_marks(obj.commitments.select_related("owner_department"))
    day = today()
    for c in commitments:
        c.over = (day - c.due_on).days if c.due_on and c.state == "open" else None
    talks = list(obj.first_talks.select_related("officer", "decided_by", "organisation"))
    asked = {o.kind: (o, _opinion_light(o)) for o in queries.opinions(obj) if o.state == Opinion.State.ASKED}
    files = [f for f in obj.files.select_related("material") if not gate or f.gate == gate.code]
    (marked,) = attach_marks([obj])
    return detail(
        request,
        "projects/project.html",
        obj,
        list_name="projects:list",
        list_words=t("台账", "Ledger"),
        code=obj.code,
        track=queries.track(obj),
        gate=gate,
        gate_word=gate.text(language) if gate else "",
        needs=[
            {
                "need": n,
                "words": n.text(language),
                "who": say("、", ", ").join(book.roles[r].text(language) for r in n.who),
                "asked": asked.get(n.code),
            }
            for n in needs_
        ],
        missing=[n for n in needs_ if not n.have],
        standing=standing,
        may_claim=bool(gate and not standing and lifecycle.may_propose(gate.code, user.roles, book) is None),
        lights=[
            {"light": x, "words": x.text(language), "who": book.roles[x.who].text(language)} for x in burning
        ],
        money=queries.money(obj),
        capital=capital,
        agreements=agreements,
        commitments=commitments,
        promises=_promises(commitments),
        talks=talks,
        rivals=queries.first_talks_rivals(obj, None)
        if any(x.state == "claimed" for x in talks) or not talks
        else [],
        investors=attach_marks(obj.investor_rows.select_related("organisation")),
        members=obj.members.select_related("user"),
        corrections=queries.corrections(obj),
        judgements=counting.judgements([pk])[pk][::-1] if "left_out" in marked.proofs else [],
        exit=getattr(obj, "exit", None) if obj.exit_code else None,
        exit_word=book.exits[obj.exit_code].text(language) if obj.exit_code else "",
        episodes=obj.episodes.all(),
        profile=_profile(obj),
        opinions=[(o, queries.opinion_word(o.kind), _opinion_light(o)) for o in queries.opinions(obj)],
        visits=obj.visits.select_related("made_by").prefetch_related("photos"),
        files=files,
        kinds=[
            {"code": r.code, "words": r.text(language)}
            for r in gate.evidence
            if r.applies(state.track, state.flags)
        ]
        if gate
        else [],
        day=day,
    )


@needs("project.view")
def history(request: HttpRequest, pk: int) -> HttpResponse:
    """All that happened to a project: its words, milestones, money, papers, promises, files, team."""
    obj = get_object_or_404(Project, pk=pk)
    return render(
        request, "evidence/history.html", {"object": obj, "history": with_words(queries.history(obj))}
    )


def _profile(obj: Project) -> Profile | None:
    found = Profile.objects.filter(project=obj).first()
    if found:
        attach_marks([found])
    return found


def _promises(rows: list[Commitment]) -> list[tuple[Commitment | None, Commitment | None, str]]:
    """Theirs beside ours, in order of due date, with the condition between them."""
    theirs = [c for c in rows if c.side == "investor"]
    ours = [c for c in rows if c.side == "region"]
    pairs = zip_longest(theirs, ours)
    return [(a, b, (b.condition if b else "") or (a.condition if a else "")) for a, b in pairs]


def _back(request: HttpRequest, pk: int, words: str) -> HttpResponse:
    messages.info(request, words)
    return redirect("projects:detail", pk=pk)


@needs("project.create")
def new(request: HttpRequest) -> HttpResponse:
    asked = request.GET.get("organisation", "")
    known = Organisation.objects.filter(pk=int(asked) if asked.isdecimal() and len(asked) < 18 else 0).first()
    told = {"name": known.name, "company_as_said": known.name, "organisation": known.pk} if known else {}
    form = forms.Lead(request.POST or None, initial={**told, "source": request.GET.get("source", "")[:120]})
    if request.method == "POST" and form.is_valid():
        made = actions.create_project(who(request), **form.values())
        return _back(request, made.pk, say("已记线索 {c}。", "Lead {c} recorded.", c=made.code))
    similar = []
    if request.method == "POST" and form.data.get("name"):
        similar = list(Project.objects.filter(name__icontains=form.data["name"][:40])[:5])
    context = {
        "form": form,
        "title": say("新线索", "New lead"),
        "similar": similar,
        "do": say("记下线索", "Record the lead"),
    }
    return render(request, "projects/form.html", context, status=422 if form.errors else 200)


@needs("project.edit")
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """The project's words. Somebody quicker is shown with what they changed; what was typed stays in the form."""
    obj = get_object_or_404(Project, pk=pk)
    form = forms.ProjectWords(request.POST or None, instance=obj, initial={"seen": obj.version})
    note, status = "", 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            values = form.values()
            seen = int(request.POST.get("seen") or 0)
            try:
                fresh = Project.objects.get(pk=pk)
                actions.edit_project(who(request), fresh, seen=seen, **values)
                return _back(request, pk, say("已存。", "Saved."))
            except Refusal as refusal:
                note, status = sentence(refusal), 409
                form.data = request.POST.copy()
                form.data["seen"] = str(Project.objects.get(pk=pk).version)
    context = {
        "form": form,
        "title": str(obj),
        "note": note,
        "object": obj,
        "do": say("存", "Save"),
        "fresh": Project.objects.get(pk=pk),
    }
    return render(request, "projects/form.html", context, status=status)


@needs("project.edit")
def facts(request: HttpRequest, pk: int, gate: str) -> HttpResponse:
    """What one gate asks to be stated."""
    obj = get_object_or_404(Project, pk=pk)
    if gate not in in_force.rules().gates:
        raise Http404
    form = forms.gate_form(gate, obj, request.POST or None)
    note, status = "", 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                actions.state_facts(who(request), obj, seen=form.seen(), **form.values())
                return _back(request, pk, say("已存。", "Saved."))
            except Refusal as refusal:
                note, status = sentence(refusal), 409
    word = in_force.rules().gates[gate].text(_language())
    context = {
        "form": form,
        "title": say("{g}：填写", "{g}: facts", g=word),
        "note": note,
        "object": obj,
        "do": say("存", "Save"),
    }
    return render(request, "projects/form.html", context, status=status)


@needs("milestone.claim")
def claim(request: HttpRequest, pk: int, kind: str) -> HttpResponse:
    """Claim a milestone: the date of the fact, and the evidence the gate asks for, on one page."""
    obj = get_object_or_404(Project, pk=pk)
    book = in_force.rules()
    if kind not in book.gates:
        raise Http404
    state = in_force.state(obj)
    gate = book.gates[kind]
    form = forms.Claim(request.POST or None, initial={"fact_on": today()})
    note, status = "", 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                actions.claim(who(request), obj, kind, form.cleaned_data["fact_on"])
                return _back(
                    request,
                    pk,
                    say(
                        "已申报{g}，待核验。",
                        "{g} claimed; it waits for verification.",
                        g=gate.text(_language()),
                    ),
                )
            except Refusal as refusal:
                note = sentence(refusal)
    rows = lifecycle.needs(state, kind, book)
    context = {
        "form": form, "object": obj, "gate": gate, "gate_word": gate.text(_language()), "note": note,
        "needs": [{"need": n, "words": n.text(_language())} for n in rows],
        "who": say("、", ", ").join(book.roles[r].text(_language()) for r in gate.verifies),
        "kinds": [{"code": r.code, "words": r.text(_language())} for r in gate.evidence if r.applies(state.track, state.flags)],
        "dragged": request.GET.get("from") == "board",
    }  # fmt: skip
    return render(request, "projects/claim.html", context, status=status)


@needs("milestone.claim")
@require_POST
def upload(request: HttpRequest, pk: int, gate: str) -> HttpResponse:
    obj = get_object_or_404(Project, pk=pk)
    file = request.FILES.get("file")
    if not file:
        raise Refusal(
            "file.none", "没有选文件。选一个再传。", "No file was chosen. Choose one.", where="file"
        )
    material = forms.store(who(request), file)
    actions.attach_file(
        who(request),
        obj,
        gate,
        request.POST.get("kind", ""),
        title=str(file.name)[:200],
        material=material,
    )
    messages.info(request, say("已收 {f}。", "{f} filed.", f=file.name))
    if request.POST.get("back") == "claim":
        return redirect("projects:claim", pk=pk, kind=gate)
    return redirect("projects:detail", pk=pk)


upload.policy_verb = "milestone.claim"  # type: ignore[attr-defined]


# --- opinions of departments, visits to the site


@needs("opinion.ask")
def ask(request: HttpRequest, pk: int, gate: str) -> HttpResponse:
    """Send the project to the departments whose opinions the gate asks for."""
    obj = get_object_or_404(Project, pk=pk)
    if gate not in in_force.rules().gates:
        raise Http404
    form = forms.Ask(obj, gate, request.POST or None)
    note, status = "", 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                asked = actions.ask_opinions(who(request), obj, gate, form.cleaned_data)
                return _back(
                    request, pk, say("已送 {n} 个部门会办。", "Sent to {n} departments.", n=len(asked))
                )
            except Refusal as refusal:
                note = sentence(refusal)
    context = {
        "form": form,
        "title": say("送会办", "Ask the departments"),
        "note": note,
        "object": obj,
        "do": say("送办", "Send"),
    }
    return render(request, "projects/form.html", context, status=status)


def _opinion_light(row: Any) -> Any:
    level, words = queries.opinion_light(row)
    if level == "no":  # its clock runs and nothing is wrong
        return format_html('<span class="zy-small zy-mute">{}</span>', words)
    return format_html('<span class="zy-light" data-light="{}">{}</span>', level, words)


def _opinion_filter(rows: Any, value: str) -> Any:
    return (
        rows.filter(state=Opinion.State.ASKED, due_on__lt=today())
        if value == "late"
        else rows.filter(state=value)
    )


OPINIONS = List(
    verb="project.view",
    title=t("会办意见", "Department opinions"),
    columns=[
        Column("project", t("项目", "Project")),
        Column("kind", t("哪一项", "Which"), show=lambda o: queries.opinion_word(o.kind)),
        Column("department", t("会办部门", "Department")),
        Column("asked_on", t("送办", "Asked on"), order="asked_on"),
        Column("due_on", t("期限", "Due"), order="due_on"),
        Column(
            "state", t("意见", "Opinion"), show=_opinion_light, plain=lambda o: queries.opinion_light(o)[1]
        ),
    ],
    rows=lambda request: queries.opinions_of(who(request)),
    url=Opinion.get_absolute_url,
    search=("project__name", "department__name"),
    filters=[
        Filter(
            "state",
            t("状态", "State"),
            [("asked", t("待答", "Asked")), ("late", t("超期", "Late")), *Opinion.State.choices[1:]],
            apply=_opinion_filter,
        )
    ],
    empty=t("没有送来会办的项目。", "No project was sent for an opinion."),
)
opinions = list_view(OPINIONS)


@needs("project.view")
def opinion(request: HttpRequest, pk: int) -> HttpResponse:
    """What the department is asked about, and its answer."""
    row = get_object_or_404(Opinion.objects.select_related("project", "department", "answered_by"), pk=pk)
    user = who(request)
    may = policy.may(user, "opinion.give", row)
    initial = {"seen": row.version, "text": row.text} | (
        {"state": row.state} if row.state != Opinion.State.ASKED else {}
    )
    form = forms.Give(request.POST or None, request.FILES or None, initial=initial)
    note, status = "", 200
    if request.method == "POST":
        policy.demand(user, "opinion.give", row)
        status = 422
        if form.is_valid():
            given = form.cleaned_data
            try:
                paper = forms.store(user, given["paper"]) if given["paper"] else None
                actions.give_opinion(
                    user, row, given["state"], given["text"], material=paper, seen=given["seen"]
                )
                messages.info(request, say("意见已记。", "The opinion is recorded."))
                return redirect("projects:opinions")
            except Refusal as refusal:
                note = sentence(refusal)
    obj = row.project
    context = {
        "row": row, "object": obj, "form": form, "note": note, "may_give": may, "word": queries.opinion_word(row.kind),
        "light": _opinion_light(row), "profile": _profile(obj), "others": queries.opinions(obj),
        "investors": obj.investor_rows.select_related("organisation"),
    }  # fmt: skip
    return render(request, "projects/opinion.html", context, status=status)


@needs("visit.record")
def visit(request: HttpRequest, pk: int, gate: str) -> HttpResponse:
    """The verifier records a visit to the site with its photos."""
    obj = get_object_or_404(Project.objects.select_related("place"), pk=pk)
    if gate not in in_force.rules().gates:
        raise Http404
    place = obj.place.name if obj.place else obj.place_text
    form = forms.Visit(request.POST or None, request.FILES or None, initial={"on": today(), "place": place})
    note, status = "", 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            given = form.cleaned_data
            try:
                user = who(request)
                photos = [forms.store(user, one) for one in given["photos"]]
                actions.record_visit(
                    user, obj, gate, on=given["on"], place=given["place"], note=given["note"], photos=photos
                )
                return _back(request, pk, say("现场核验已记。", "The visit is recorded."))
            except Refusal as refusal:
                note = sentence(refusal)
    word = in_force.rules().gates[gate].text(_language())
    context = {
        "form": form, "title": say("{g}：现场核验", "{g}: site visit", g=word), "note": note, "object": obj,
        "do": say("记下", "Record"),
    }  # fmt: skip
    return render(request, "projects/form.html", context, status=status)


@needs("project.edit")
def plan(request: HttpRequest, pk: int) -> HttpResponse:
    obj = get_object_or_404(Project, pk=pk)
    form = forms.Plan(obj, request.POST or None)
    note, status = "", 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                for kind, planned, forecast in form.changes():
                    actions.plan(who(request), obj, kind, planned_on=planned, forecast_on=forecast)
                return _back(request, pk, say("计划已存。", "Plan saved."))
            except Refusal as refusal:
                note = sentence(refusal)
    context = {
        "form": form,
        "title": say("计划与预测", "Plan and forecast"),
        "note": note,
        "object": obj,
        "do": say("存", "Save"),
    }
    return render(request, "projects/form.html", context, status=status)


@needs("project.edit")
@require_POST
def first_talks(request: HttpRequest, pk: int) -> HttpResponse:
    obj = get_object_or_404(Project, pk=pk)
    form = forms.Claim(request.POST)
    if not form.is_valid():
        raise Refusal(
            "talks.date", "首谈日期写成 2026-11-22 这样。", "Write the day of first talks like 2026-11-22."
        )
    row = actions.register_first_talks(who(request), obj, form.cleaned_data["fact_on"], obj.investors.first())
    words = (
        say("首谈已登记。", "First talks registered.")
        if row.state == "registered"
        else say(
            "有别的项目像是同一家，等部门负责人定。",
            "Another project looks like the same investor; the head decides.",
        )
    )
    return _back(request, pk, words)


first_talks.policy_verb = "project.edit"  # type: ignore[attr-defined]


@needs("talks.decide")
@require_POST
def decide_talks(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(FirstTalks, pk=pk)
    actions.decide_first_talks(
        who(request), row, request.POST.get("as") == "yes", request.POST.get("reason", "")
    )
    return _back(request, row.project_id, say("已定。", "Decided."))


decide_talks.policy_verb = "talks.decide"  # type: ignore[attr-defined]


@needs("project.exit")
def leave(request: HttpRequest, pk: int) -> HttpResponse:
    obj = get_object_or_404(Project, pk=pk)
    form = forms.Leave(obj, request.POST or None)
    note, status = "", 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                actions.leave(who(request), obj, form.cleaned_data["code"], form.values())
                return _back(
                    request, pk, say("已退出，记录保留。", "The project has left; its record stays.")
                )
            except Refusal as refusal:
                note = sentence(refusal)
    context = {
        "form": form,
        "title": say("退出", "Exit"),
        "note": note,
        "object": obj,
        "do": say("办理退出", "Record the exit"),
    }
    return render(request, "projects/form.html", context, status=status)


@needs("project.create")
@require_POST
def reopen(request: HttpRequest, pk: int) -> HttpResponse:
    again = actions.reopen(who(request), get_object_or_404(Project, pk=pk), request.POST.get("note", ""))
    return _back(request, again.pk, say("已重开一段：{c}。", "A new episode: {c}.", c=again.code))


reopen.policy_verb = "project.create"  # type: ignore[attr-defined]


@needs("project.assign")
def assign(request: HttpRequest, pk: int) -> HttpResponse:
    """Team, and a hold."""
    obj = get_object_or_404(Project, pk=pk)
    form = forms.Assign(request.POST or None)
    note, status = "", 200
    if request.method == "POST":
        status = 422
        try:
            if end := request.POST.get("end"):
                actions.end_member(who(request), obj, get_object_or_404(Member, pk=end, project=obj))
                return _back(request, pk, say("已离队。", "Off the team."))
            if form.is_valid():
                given = form.cleaned_data
                if given["user"]:
                    actions.add_member(who(request), obj, given["user"], given["role"], given["from_on"])
                if given["until"]:
                    actions.pause(who(request), obj, given["until"], given["note"])
                return _back(request, pk, say("已存。", "Saved."))
        except Refusal as refusal:
            note = sentence(refusal)
    context = {
        "form": form,
        "title": say("团队与暂缓", "Team and hold"),
        "note": note,
        "object": obj,
        "members": obj.members.select_related("user"),
        "do": say("存", "Save"),
    }
    return render(request, "projects/form.html", context, status=status)


@needs("correction.make")
def correct(request: HttpRequest, pk: int) -> HttpResponse:
    """Correct what was verified: the record keeps both values; what counted differently is booked in an open month."""
    obj = get_object_or_404(Project, pk=pk)
    form = forms.Correct(obj, request.POST or None)
    note, status = "", 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            given = form.cleaned_data
            subject, user = form.subjects.get(given["field"]), who(request)
            try:
                if isinstance(subject, Milestone):
                    day = forms.typed_day(given["value"])
                    corrections.correct_date(user, obj, subject, day, given["reason"])
                elif subject is not None:
                    fen = forms.typed_amount(given["value"])
                    corrections.correct_amount(user, obj, subject, fen, given["reason"])
                else:
                    value = forms.typed(given["field"], given["value"])
                    corrections.correct_profile(user, obj, given["field"], value, given["reason"])
                return _back(
                    request, pk, say("已更正，前后两值都留着。", "Corrected; both values stay on record.")
                )
            except Refusal as refusal:
                note = sentence(refusal)
    context = {
        "form": form,
        "title": say("更正核验过的值", "Correct a verified value"),
        "note": note,
        "object": obj,
        "do": say("更正", "Correct"),
    }
    return render(request, "projects/form.html", context, status=status)


@needs("project.count")
def count(request: HttpRequest, pk: int) -> HttpResponse:
    """Leave a project out of the figures or take it in again, with the reason."""
    obj = get_object_or_404(Project, pk=pk)
    form = forms.Counting(obj, request.POST or None)
    note, status = "", 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            given, user = form.cleaned_data, who(request)
            try:
                if given["code"]:
                    counting.leave_out(user, obj, given["code"], given["reason"], seen=given["seen"])
                    words = say(
                        "已不计入统计，已锁月份不变。",
                        "Left out of the figures; closed months stay as they are.",
                    )
                else:
                    counting.take_in(user, obj, given["reason"], seen=given["seen"])
                    words = say(
                        "已重新计入统计，已锁月份不变。", "It counts again; closed months stay as they are."
                    )
                return _back(request, pk, words)
            except Refusal as refusal:
                note, status = sentence(refusal), 409 if refusal.code.endswith("stale") else 422
    title = (
        say("重新计入统计", "Take into the figures again")
        if obj.left_out
        else say("不计入统计", "Leave out of the figures")
    )
    context = {"form": form, "title": title, "note": note, "object": obj, "do": say("记下", "Record")}
    return render(request, "projects/form.html", context, status=status)


@needs("milestone.verify")
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Verifications that can still be taken back: their month is open."""
    obj = get_object_or_404(Project, pk=pk)
    note, status = "", 200
    if request.method == "POST":
        model, _, number = request.POST.get("what", "").partition("-")
        reason = request.POST.get("reason", "")
        try:
            if model == "milestone":
                corrections.unverify(who(request), get_object_or_404(obj.milestones, pk=number or 0), reason)
            elif model == "capital":
                row = get_object_or_404(obj.capital_rows, pk=number or 0)
                corrections.unverify_booked(who(request), row, reason)
            elif model == "agreement":
                paper = get_object_or_404(obj.agreements, pk=number or 0)
                corrections.unverify_booked(who(request), paper, reason)
            else:
                raise Http404
            return _back(
                request, pk, say("核验已撤回，回到待核。", "Taken back; it waits for verification again.")
            )
        except policy.Forbidden:
            raise
        except Refusal as refusal:
            note, status = sentence(refusal), 409 if refusal.code.endswith("stale") else 422
    context = {"object": obj, "rows": queries.undoable(obj, who(request)), "note": note}
    return render(request, "projects/undo.html", context, status=status)


@needs("project.assign")
def hand_over(request: HttpRequest, pk: int) -> HttpResponse:
    obj = get_object_or_404(Project, pk=pk)
    form = forms.HandOver(request.POST or None)
    note, status = "", 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                actions.hand_over(who(request), obj, form.cleaned_data["to"], form.cleaned_data["reason"])
                return _back(
                    request, pk, say("已移交给{u}。", "Handed over to {u}.", u=form.cleaned_data["to"])
                )
            except Refusal as refusal:
                note = sentence(refusal)
    context = {
        "form": form, "title": say("移交项目", "Hand over"), "note": note, "object": obj, "do": say("移交", "Hand over"),
    }  # fmt: skip
    return render(request, "projects/form.html", context, status=status)


@needs("project.assign")
def hand_over_all(request: HttpRequest) -> HttpResponse:
    """Somebody leaves: everything open they are in charge of passes on."""
    form = forms.HandOverAll(request.POST or None)
    note, status = "", 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            given = form.cleaned_data
            try:
                n = actions.hand_over_all(who(request), given["leaving"], given["to"], given["reason"])
                messages.info(request, say("已移交 {n} 个项目。", "{n} projects handed over.", n=n))
                return redirect("projects:list")
            except Refusal as refusal:
                note = sentence(refusal)
    context = {
        "form": form, "title": say("移交名下全部项目", "Hand over all of a person's projects"), "note": note,
        "do": say("移交", "Hand over"),
    }  # fmt: skip
    return render(request, "projects/form.html", context, status=status)


@needs("project.edit")
def investors(request: HttpRequest, pk: int) -> HttpResponse:
    """Who invests and with which share; the same name again changes the share."""
    from zhaoyin.desk.parties import queries as parties

    obj = get_object_or_404(Project, pk=pk)
    form = forms.Share(request.POST or None)
    note, status = "", 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            text = form.cleaned_data["organisation"].strip()
            try:
                found = Organisation.objects.filter(uscc=text.upper()).first() or parties.by_name(text)
                if found is None:
                    raise Refusal(
                        "investor.unknown",
                        f"客商里没有“{text}”。先在客商里新建，再来加。",
                        f"No organisation “{text}”. Make it among the organisations first.",
                        where="organisation",
                    )
                actions.set_investor(who(request), obj, found, form.cleaned_data["share"])
                return _back(request, pk, say("投资方已记。", "Investor recorded."))
            except Refusal as refusal:
                note = sentence(refusal)
    context = {
        "form": form, "title": say("投资方与比例", "Investors and shares"), "note": note, "object": obj,
        "do": say("记下", "Record"), "shares": obj.investor_rows.select_related("organisation"),
    }  # fmt: skip
    return render(request, "projects/form.html", context, status=status)


# --- corridors


CORRIDORS = List(
    verb="project.view",
    title=t("协作", "Corridors"),
    columns=[
        Column("name", t("名称", "Name"), order="name"),
        Column("source_city", t("孵化地", "Incubated in"), order="source_city"),
        Column("home_place", t("产业化地", "Industrialised in"), order="home_place"),
        Column("enclave", t("飞地园区", "Enclave park")),
        Column("n", t("项目", "Projects"), show=lambda c: c.n, number=True, order="n"),
    ],
    rows=lambda request: queries.corridors(),
    url=Corridor.get_absolute_url,
    search=("name", "source_city"),
    empty=t(
        "还没有协作。一座城市孵化、这里产业化的，记成一条协作，写明分成。",
        "No corridors yet. Where another city incubates and this region industrialises, record it with its split.",
    ),
    actions="projects/_do_corridors.html",
)
corridors = list_view(CORRIDORS)


@needs("project.view")
def corridor(request: HttpRequest, pk: int) -> HttpResponse:
    """One corridor: its split table with all versions, and what each project counts here and elsewhere."""
    obj = get_object_or_404(Corridor.objects.select_related("enclave"), pk=pk)
    found = queries.corridor_books(obj)
    return detail(
        request, "projects/corridor.html", obj, list_name="projects:corridors", list_words=t("协作", "Corridors"),
        code=obj.code, splits=attach_marks(obj.splits.all()), rows=found["rows"], totals=found["totals"], today=today(),
        in_force=queries.splits_in_force(obj, today()),
    )  # fmt: skip


@needs("corridor.edit")
def edit_corridor(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    obj = get_object_or_404(Corridor, pk=pk) if pk else None
    form = forms.CorridorWords(
        request.POST or None, instance=obj, initial={"seen": obj.version if obj else None}
    )
    note, status = "", 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                if obj:
                    fresh = Corridor.objects.get(pk=obj.pk)
                    actions.change_corridor(
                        who(request), fresh, seen=form.cleaned_data.get("seen"), **form.values()
                    )
                else:
                    fresh = actions.create_corridor(who(request), **form.values())
                return redirect(fresh.get_absolute_url())
            except Refusal as refusal:
                note, status = sentence(refusal), 409 if refusal.code.endswith("stale") else 422
    context = {
        "form": form, "title": say("协作", "Corridor"), "note": note, "object": Corridor.objects.get(pk=obj.pk) if obj else None,
        "do": say("存", "Save"),
    }  # fmt: skip
    return render(request, "projects/form.html", context, status=status)


@needs("corridor.edit")
def split(request: HttpRequest, pk: int) -> HttpResponse:
    """A new version of the split, from a day on."""
    obj = get_object_or_404(Corridor, pk=pk)
    form = forms.SplitRow(request.POST or None, initial={"from_on": today()})
    note, status = "", 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            given = dict(form.cleaned_data)
            try:
                actions.set_split(who(request), obj, given.pop("measure"), given.pop("from_on"), **given)
                messages.info(
                    request, say("分成已记，旧的不变。", "The split is recorded; earlier ones stay.")
                )
                return redirect(obj.get_absolute_url())
            except Refusal as refusal:
                note = sentence(refusal)
    context = {
        "form": form, "title": say("加一版分成", "Add a version of the split"), "note": note, "object": obj,
        "do": say("记下", "Record"),
    }  # fmt: skip
    return render(request, "projects/form.html", context, status=status)


# --- a person's own views of the ledger


@needs("project.view")
@require_POST
def views_(request: HttpRequest) -> HttpResponse:
    if drop := request.POST.get("drop"):
        actions.drop_view(who(request), int(drop) if drop.isdigit() else 0)
        return redirect("projects:list")
    row = actions.save_view(who(request), request.POST.get("name", ""), request.POST.get("query", ""))
    messages.info(request, say("已存为“{n}”。", "Saved as “{n}”.", n=row.name))
    return redirect(f"{reverse('projects:list')}?{row.query}")


views_.policy_verb = "project.view"  # type: ignore[attr-defined]


# --- verification desk

_MODELS: dict[str, Any] = {
    "milestone": Milestone,
    "capital": Capital,
    "agreement": Agreement,
    "commitment": Commitment,
}


@needs("milestone.verify")
def verification(request: HttpRequest) -> HttpResponse:
    return _desk(request, request.GET.get("at", ""))


def _desk(
    request: HttpRequest, at: str, *, toast: str = "", status: int = 200, stop: str = "", undo: str = ""
) -> HttpResponse:
    user = who(request)
    everything = queries.waiting(user)
    claims = [c for c in everything if not c.mine]
    current = next((c for c in claims if c.key == at), claims[0] if claims else None)
    context: dict[str, Any] = {
        "claims": claims, "others": len(everything) - len(claims), "current": current, "toast_words": toast, "stop": stop, "undo_url": undo,
        "oldest": max((c.days for c in claims), default=0),
    }  # fmt: skip
    if current:
        context |= _compare(current)
        place = claims.index(current)
        context["next_key"] = claims[(place + 1) % len(claims)].key
        context["previous_key"] = claims[place - 1].key
    template = (
        "projects/_verification.html" if request.headers.get("HX-Request") else "projects/verification.html"
    )
    return render(request, template, context, status=status)


def _compare(claim_: queries.Claim) -> dict[str, Any]:
    """What is claimed beside what the ledger and the files say."""
    row, obj = claim_.row, claim_.project
    if claim_.model == "milestone":
        assert obj is not None
        state = in_force.state(obj)
        rows = lifecycle.needs(state, row.kind, in_force.rules())
        files = {f.kind: f for f in queries.evidence_of(obj, row.kind)}
        given = {o.kind: o for o in queries.opinions(obj)}
        lines = [
            {
                "what": n.text(_language()), "said": _said(state, n), "file": files.get(n.code), "have": n.have,
                "opinion": given.get(n.code), "opinion_light": given.get(n.code) and _opinion_light(given[n.code]),
                "visit": n.how == "visit" and not n.have,
            }
            for n in rows
        ]  # fmt: skip
        objections = [o for o in given.values() if o.state == Opinion.State.OBJECTED]
        lines.insert(
            0,
            {
                "what": say("事实日期", "Date of the fact"),
                "said": row.fact_on and row.fact_on.isoformat(),
                "file": None,
                "have": bool(row.fact_on),
            },
        )
        shown = list(queries.evidence_of(obj, row.kind))
        left_out = None
        if row.kind == "signed" and (found := counting.by_rule(obj)):
            word = in_force.rules().exclusions[found.code]
            left_out = (word.text(_language()), found.text(_language()))
        return {
            "left_out": left_out,
            "lines": lines, "files": [queries.exhibit(f.title, f.sha256, f.material) for f in shown], "lacking": sum(not n.have for n in rows), "gate_code": row.kind,
            "objections": objections if row.kind == "review" else [],
        }  # fmt: skip
    if claim_.model == "capital":
        assert obj is not None
        held = queries.money(obj)
        total = held["counted"] + held["claimed"]
        used = (
            Capital.objects.filter(voucher_sha256=row.voucher_sha256)
            .exclude(pk=row.pk)
            .exclude(mark=Mark.REJECTED)
            .exists()
        )
        lines = [
            {"what": say("金额", "Amount"), "money": row.amount_fen, "currency": row.currency, "have": True},
            {"what": say("到账日", "Received on"), "said": row.received_on.isoformat(), "have": True},
            {"what": say("付款人", "Payer"), "said": f"{row.payer} · {in_force.rules().origins[row.origin].text(_language())}", "have": True},
            {"what": say("收款人", "Payee"), "said": row.payee, "have": bool(row.payee)},
            {"what": say("凭证未在别处用过", "Voucher not used elsewhere"), "said": row.voucher_sha256[:4], "have": not used},
            {"what": say("累计不超合同额", "Within the contract"), "money": total, "currency": "CNY", "have": total <= obj.contracted_fen},
        ]  # fmt: skip
        if row.currency != "CNY":
            lines.append(
                {
                    "what": say("当日汇率", "Rate of the day"),
                    "said": row.rate or "",
                    "have": row.cny_fen is not None,
                }
            )
        return {
            "lines": lines,
            "files": [queries.exhibit(row.voucher_name, row.voucher_sha256, row.material)],
            "lacking": sum(not x["have"] for x in lines if x["what"] != say("收款人", "Payee")),
        }
    fields = (
        ("signed_on", "kind", "amount_fen")
        if claim_.model == "agreement"
        else ("text", "due_on", "settled_on", "proof_text")
    )
    lines = []
    for name in fields:
        value = getattr(row, name)
        label = str(row._meta.get_field(name).verbose_name)
        if name.endswith("_fen"):
            lines.append(
                {
                    "what": label,
                    "money": value,
                    "currency": "CNY",
                    "have": value is not None or getattr(row, "kind", "") == "termination",
                }
            )
        else:
            display = getattr(row, f"get_{name}_display", None)
            said = display() if display else value.isoformat() if hasattr(value, "isoformat") else value
            lines.append({"what": label, "said": said, "have": bool(value)})
    return {"lines": lines, "files": [], "lacking": 0}


def _said(state: lifecycle.Project, need: lifecycle.Need) -> Any:
    value = state.values.get(need.code) if need.kind == "field" else ""
    if value is True:
        return say("有", "yes")
    column = in_force.column_of(need.code)
    if isinstance(value, int) and column.endswith("_fen"):
        from zhaoyin.base.money import show_money

        return " ".join(show_money(value))
    if isinstance(value, dt.date):
        return value.isoformat()
    return "" if value in (None, False) else value


@needs("milestone.verify")
@require_POST
def decide(request: HttpRequest, model: str, pk: int) -> HttpResponse:
    """Verify or return the claim on the desk; the next one takes its place."""
    if model not in _MODELS:
        raise Http404
    row = get_object_or_404(_MODELS[model], pk=pk)
    user = who(request)
    seen = int(request.POST.get("seen") or 0) or None
    reason = request.POST.get("reason", "")
    title = str(row)
    try:
        if request.POST.get("as") == "return":
            if model == "milestone":
                actions.send_back(user, row, reason, seen=seen)
            else:
                deals.send_back(user, row, reason, seen=seen)
            words = say("已退回“{t}”。", "Returned “{t}”.", t=title)
        else:
            done = {
                "milestone": actions.verify,
                "capital": deals.verify_capital,
                "agreement": deals.verify_agreement,
                "commitment": deals.confirm_kept,
            }[model]
            noted = {"note": reason} if model in {"milestone", "capital"} else {}
            done(user, row, seen=seen, **noted)  # type: ignore[operator]
            words = say("已核验“{t}”。", "Verified “{t}”.", t=title)
    except policy.Forbidden:
        raise
    except Refusal as refusal:
        return _desk(
            request,
            f"{model}-{pk}",
            stop=sentence(refusal),
            status=409 if refusal.code.endswith("stale") else 422,
        )
    of = row.projects.first() if model == "agreement" else row.project
    way_back = reverse("projects:undo", args=[of.pk]) if of and model != "commitment" else ""
    if request.POST.get("as") == "return":
        way_back = ""
    return _desk(request, request.POST.get("next", ""), toast=words, undo=way_back)


decide.policy_verb = "milestone.verify"  # type: ignore[attr-defined]


def gate_file(request: HttpRequest, pk: int) -> HttpResponse:
    """The file itself, through the materials room."""
    row = get_object_or_404(GateFile, pk=pk)
    if row.material_id:
        return redirect("materials:review", row.material_id)
    raise Http404


gate_file = needs("project.view")(gate_file)
