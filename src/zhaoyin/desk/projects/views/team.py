"""Who works on a project: its team, a hold, handing it over."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect

from zhaoyin.desk.accounts.policy import needs, who
from zhaoyin.desk.asking import form_page
from zhaoyin.desk.projects import actions, forms
from zhaoyin.desk.projects.models import Member, Project
from zhaoyin.desk.projects.views._common import back
from zhaoyin.desk.words import say


@needs("project.assign")
def assign(request: HttpRequest, pk: int) -> HttpResponse:
    """Team, and a hold."""
    obj = get_object_or_404(Project, pk=pk)
    form = forms.Assign(request.POST or None)

    def act() -> HttpResponse:
        if end := request.POST.get("end"):
            actions.end_member(who(request), obj, get_object_or_404(Member, pk=end, project=obj))
            return back(request, pk, say("已离队。", "Off the team."))
        given = form.cleaned_data
        if given["user"]:
            actions.add_member(who(request), obj, given["user"], given["role"], given["from_on"])
        if given["until"]:
            actions.pause(who(request), obj, given["until"], given["note"])
        return back(request, pk, say("已存。", "Saved."))

    return form_page(
        request, form, act, title=say("团队与暂缓", "Team and hold"), do=say("存", "Save"), object=obj,
        members=obj.members.select_related("user"),
    )  # fmt: skip


@needs("project.assign")
def hand_over(request: HttpRequest, pk: int) -> HttpResponse:
    obj = get_object_or_404(Project, pk=pk)
    form = forms.HandOver(request.POST or None)

    def act() -> HttpResponse:
        to = form.cleaned_data["to"]
        actions.hand_over(who(request), obj, to, form.cleaned_data["reason"])
        return back(request, pk, say("已移交给{u}。", "Handed over to {u}.", u=to))

    title, do = say("移交项目", "Hand over"), say("移交", "Hand over")
    return form_page(request, form, act, title=title, do=do, object=obj)


@needs("project.assign")
def hand_over_all(request: HttpRequest) -> HttpResponse:
    """Somebody leaves: everything open they are in charge of passes on."""
    form = forms.HandOverAll(request.POST or None)

    def act() -> HttpResponse:
        given = form.cleaned_data
        n = actions.hand_over_all(who(request), given["leaving"], given["to"], given["reason"])
        messages.info(request, say("已移交 {n} 个项目。", "{n} projects handed over.", n=n))
        return redirect("projects:list")

    title = say("移交名下全部项目", "Hand over all of a person's projects")
    return form_page(request, form, act, title=title, do=say("移交", "Hand over"))
