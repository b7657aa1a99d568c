"""Corridors: where another city incubates and this region industrialises, with their dated splits."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect

from zhaoyin.base.dates import today
from zhaoyin.desk.accounts.policy import needs, who
from zhaoyin.desk.asking import form_page
from zhaoyin.desk.details import detail
from zhaoyin.desk.evidence.queries import attach_marks
from zhaoyin.desk.lists import Column, List, list_view
from zhaoyin.desk.projects import actions, forms, queries
from zhaoyin.desk.projects.models import Corridor
from zhaoyin.desk.words import say, t

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

    def act() -> HttpResponse:
        if obj is None:
            return redirect(actions.create_corridor(who(request), **form.values()).get_absolute_url())
        fresh = Corridor.objects.get(pk=obj.pk)
        actions.change_corridor(who(request), fresh, seen=form.cleaned_data.get("seen"), **form.values())
        return redirect(fresh.get_absolute_url())

    return form_page(request, form, act, title=say("协作", "Corridor"), do=say("存", "Save"), object=obj)


@needs("corridor.edit")
def split(request: HttpRequest, pk: int) -> HttpResponse:
    """A new version of the split, from a day on."""
    obj = get_object_or_404(Corridor, pk=pk)
    form = forms.SplitRow(request.POST or None, initial={"from_on": today()})

    def act() -> HttpResponse:
        given = dict(form.cleaned_data)
        actions.set_split(who(request), obj, given.pop("measure"), given.pop("from_on"), **given)
        messages.info(request, say("分成已记，旧的不变。", "The split is recorded; earlier ones stay."))
        return redirect(obj.get_absolute_url())

    title = say("加一版分成", "Add a version of the split")
    return form_page(request, form, act, title=title, do=say("记下", "Record"), object=obj)
