"""What people state about a project: as a lead, its words, the facts of a gate, investors, plans, first talks, its end."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_POST

from zhaoyin.base.errors import Refusal
from zhaoyin.desk.accounts.policy import needs, who
from zhaoyin.desk.asking import form_page
from zhaoyin.desk.parties import queries as parties
from zhaoyin.desk.parties.models import Organisation
from zhaoyin.desk.projects import actions, forms
from zhaoyin.desk.projects import rules as in_force
from zhaoyin.desk.projects.models import FirstTalks, Project
from zhaoyin.desk.projects.views._common import back, language
from zhaoyin.desk.words import say


@needs("project.create")
def new(request: HttpRequest) -> HttpResponse:
    asked = request.GET.get("organisation", "")
    known = Organisation.objects.filter(pk=int(asked) if asked.isdecimal() and len(asked) < 18 else 0).first()
    told = {"name": known.name, "company_as_said": known.name, "organisation": known.pk} if known else {}
    form = forms.Lead(request.POST or None, initial={**told, "source": request.GET.get("source", "")[:120]})

    def act() -> HttpResponse:
        made = actions.create_project(who(request), **form.values())
        return back(request, made.pk, say("已记线索 {c}。", "Lead {c} recorded.", c=made.code))

    name = request.POST.get("name", "")[:40]
    similar = Project.objects.filter(name__icontains=name)[:5] if name else []
    return form_page(
        request,
        form,
        act,
        title=say("新线索", "New lead"),
        do=say("记下线索", "Record the lead"),
        similar=similar,
    )


@needs("project.edit")
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """The project's words. Somebody quicker is shown with what they changed; what was typed stays in the form."""
    obj = get_object_or_404(Project, pk=pk)
    form = forms.ProjectWords(request.POST or None, instance=obj, initial={"seen": obj.version})

    def act() -> HttpResponse:
        fresh = Project.objects.get(pk=pk)
        try:
            actions.edit_project(
                who(request), fresh, seen=int(request.POST.get("seen") or 0), **form.values()
            )
        except Refusal:  # the next attempt is against what stands now
            form.data = request.POST.copy()
            form.data["seen"] = str(Project.objects.get(pk=pk).version)
            raise
        return back(request, pk, say("已存。", "Saved."))

    return form_page(request, form, act, title=str(obj), do=say("存", "Save"), object=obj)


@needs("project.edit")
def facts(request: HttpRequest, pk: int, gate: str) -> HttpResponse:
    """What one gate asks to be stated."""
    obj = get_object_or_404(Project, pk=pk)
    if gate not in in_force.rules().gates:
        raise Http404
    form = forms.gate_form(gate, obj, request.POST or None)

    def act() -> HttpResponse:
        actions.state_facts(who(request), obj, seen=form.seen(), **form.values())
        return back(request, pk, say("已存。", "Saved."))

    title = say("{g}：填写", "{g}: facts", g=in_force.rules().gates[gate].text(language()))
    return form_page(request, form, act, title=title, do=say("存", "Save"), object=obj)


@needs("project.edit")
def investors(request: HttpRequest, pk: int) -> HttpResponse:
    """Who invests and with which share; the same name again changes the share."""
    obj = get_object_or_404(Project, pk=pk)
    form = forms.Share(request.POST or None)

    def act() -> HttpResponse:
        text = form.cleaned_data["organisation"].strip()
        found = Organisation.objects.filter(uscc=text.upper()).first() or parties.by_name(text)
        if found is None:
            raise Refusal(
                "investor.unknown",
                f"客商里没有“{text}”。先在客商里新建，再来加。",
                f"No organisation “{text}”. Make it among the organisations first.",
                where="organisation",
            )
        actions.set_investor(who(request), obj, found, form.cleaned_data["share"])
        return back(request, pk, say("投资方已记。", "Investor recorded."))

    return form_page(
        request, form, act, title=say("投资方与比例", "Investors and shares"), do=say("记下", "Record"), object=obj,
        shares=obj.investor_rows.select_related("organisation"),
    )  # fmt: skip


@needs("project.edit")
def plan(request: HttpRequest, pk: int) -> HttpResponse:
    obj = get_object_or_404(Project, pk=pk)
    form = forms.Plan(obj, request.POST or None)

    def act() -> HttpResponse:
        for kind, planned, forecast in form.changes():
            actions.plan(who(request), obj, kind, planned_on=planned, forecast_on=forecast)
        return back(request, pk, say("计划已存。", "Plan saved."))

    title = say("计划与预测", "Plan and forecast")
    return form_page(request, form, act, title=title, do=say("存", "Save"), object=obj)


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
    return back(request, pk, words)


@needs("talks.decide")
@require_POST
def decide_talks(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(FirstTalks, pk=pk)
    actions.decide_first_talks(
        who(request), row, request.POST.get("as") == "yes", request.POST.get("reason", "")
    )
    return back(request, row.project_id, say("已定。", "Decided."))


@needs("project.exit")
def leave(request: HttpRequest, pk: int) -> HttpResponse:
    obj = get_object_or_404(Project, pk=pk)
    form = forms.Leave(obj, request.POST or None)

    def act() -> HttpResponse:
        actions.leave(who(request), obj, form.cleaned_data["code"], form.values())
        return back(request, pk, say("已退出，记录保留。", "The project has left; its record stays."))

    title, do = say("退出", "Exit"), say("办理退出", "Record the exit")
    return form_page(request, form, act, title=title, do=do, object=obj)


@needs("project.create")
@require_POST
def reopen(request: HttpRequest, pk: int) -> HttpResponse:
    again = actions.reopen(who(request), get_object_or_404(Project, pk=pk), request.POST.get("note", ""))
    return back(request, again.pk, say("已重开一段：{c}。", "A new episode: {c}.", c=again.code))
