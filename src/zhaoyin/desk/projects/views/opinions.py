"""Department opinions before a review, and a verifier's visit to the site."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect

from zhaoyin.base.dates import today
from zhaoyin.desk.accounts import policy
from zhaoyin.desk.accounts.policy import needs, who
from zhaoyin.desk.asking import form_page
from zhaoyin.desk.lists import Column, Filter, List, list_view
from zhaoyin.desk.projects import actions, forms, queries
from zhaoyin.desk.projects import rules as in_force
from zhaoyin.desk.projects.models import Opinion, Project
from zhaoyin.desk.projects.views._common import back, language, opinion_light, profile_of
from zhaoyin.desk.words import say, t


@needs("opinion.ask")
def ask(request: HttpRequest, pk: int, gate: str) -> HttpResponse:
    """Send the project to the departments whose opinions the gate asks for."""
    obj = get_object_or_404(Project, pk=pk)
    if gate not in in_force.rules().gates:
        raise Http404
    form = forms.Ask(obj, gate, request.POST or None)

    def act() -> HttpResponse:
        asked = actions.ask_opinions(who(request), obj, gate, form.cleaned_data)
        return back(request, pk, say("已送 {n} 个部门会办。", "Sent to {n} departments.", n=len(asked)))

    title = say("送会办", "Ask the departments")
    return form_page(request, form, act, title=title, do=say("送办", "Send"), object=obj)


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
            "state", t("意见", "Opinion"), show=opinion_light, plain=lambda o: queries.opinion_light(o)[1]
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
    initial = {"seen": row.version, "text": row.text} | (
        {"state": row.state} if row.state != Opinion.State.ASKED else {}
    )
    form = forms.Give(request.POST or None, request.FILES or None, initial=initial)
    if request.method == "POST":
        policy.demand(user, "opinion.give", row)

    def act() -> HttpResponse:
        given = form.cleaned_data
        paper = forms.store(user, given["paper"]) if given["paper"] else None
        actions.give_opinion(user, row, given["state"], given["text"], material=paper, seen=given["seen"])
        messages.info(request, say("意见已记。", "The opinion is recorded."))
        return redirect("projects:opinions")

    obj = row.project
    return form_page(
        request, form, act, template="projects/opinion.html", row=row, object=obj, light=opinion_light(row),
        may_give=policy.may(user, "opinion.give", row), word=queries.opinion_word(row.kind), profile=profile_of(obj),
        others=queries.opinions(obj), investors=obj.investor_rows.select_related("organisation"),
    )  # fmt: skip


@needs("visit.record")
def visit(request: HttpRequest, pk: int, gate: str) -> HttpResponse:
    """The verifier records a visit to the site with its photos."""
    obj = get_object_or_404(Project.objects.select_related("place"), pk=pk)
    if gate not in in_force.rules().gates:
        raise Http404
    place = obj.place.name if obj.place else obj.place_text
    form = forms.Visit(request.POST or None, request.FILES or None, initial={"on": today(), "place": place})

    def act() -> HttpResponse:
        given, user = form.cleaned_data, who(request)
        photos = [forms.store(user, one) for one in given["photos"]]
        actions.record_visit(
            user, obj, gate, on=given["on"], place=given["place"], note=given["note"], photos=photos
        )
        return back(request, pk, say("现场核验已记。", "The visit is recorded."))

    title = say("{g}：现场核验", "{g}: site visit", g=in_force.rules().gates[gate].text(language()))
    return form_page(request, form, act, title=title, do=say("记下", "Record"), object=obj)
