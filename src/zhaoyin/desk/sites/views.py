from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from zhaoyin.desk.accounts.policy import needs
from zhaoyin.desk.details import detail
from zhaoyin.desk.evidence.queries import attach_marks
from zhaoyin.desk.lists import Column, Filter, List, list_view
from zhaoyin.desk.sites import queries
from zhaoyin.desk.sites.models import Carrier
from zhaoyin.desk.words import t

CARRIERS = List(
    verb="site.view",
    title=t("载体", "Places"),
    columns=[
        Column("name", t("名称", "Name"), order="name"),
        Column("kind", t("类型", "Kind"), order="kind"),
        Column("parent", t("上级", "Parent")),
        Column("area_m2", t("面积", "Area"), number=True, order="area_m2"),
        Column("focus", t("产业", "Focus")),
    ],
    rows=lambda request: Carrier.objects.select_related("parent"),
    url=Carrier.get_absolute_url,
    search=("name", "name_en"),
    filters=[Filter("kind", t("类型", "Kind"), Carrier.Kind.choices)],
    empty=t(
        "还没有载体。载入地区包，或从材料里采纳。",
        "No places yet. Load a region pack, or accept some from a material.",
    ),
    actions="sites/_actions.html",
)
carriers = list_view(CARRIERS)


@needs("site.view")
def tree(request: HttpRequest) -> HttpResponse:
    rows = queries.tree()
    attach_marks(carrier for _, carrier in rows)
    return render(request, "sites/tree.html", {"rows": rows})


@needs("site.view")
def carrier(request: HttpRequest, pk: int) -> HttpResponse:
    obj = get_object_or_404(Carrier.objects.select_related("parent"), pk=pk)
    return detail(
        request,
        "sites/carrier.html",
        obj,
        list_name="sites:list",
        list_words=t("载体", "Places"),
        below=queries.below(obj),
        projects=obj.projects.all()[:50],
        agreements=obj.agreements.all()[:50],
    )
