from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from zhaoyin.desk.accounts.policy import needs
from zhaoyin.desk.details import detail
from zhaoyin.desk.lists import Column, Filter, List, list_view
from zhaoyin.desk.policies.models import Policy
from zhaoyin.desk.words import t

POLICIES = List(
    verb="policy.view",
    title=t("政策", "Policies"),
    columns=[
        Column("name", t("名称", "Name"), order="name"),
        Column("kind", t("类型", "Kind"), order="kind"),
        Column("status", t("状态", "Status"), order="status"),
        Column("amount_text", t("金额原话", "Amount as written")),
    ],
    rows=lambda request: Policy.objects.all(),
    url=Policy.get_absolute_url,
    search=("name", "amount_text"),
    filters=[
        Filter("kind", t("类型", "Kind"), Policy.Kind.choices),
        Filter("status", t("状态", "Status"), Policy.Status.choices),
    ],
    empty=t(
        "还没有政策。载入地区包，或从材料里采纳。",
        "No policies yet. Load a region pack, or accept some from a material.",
    ),
)
policies = list_view(POLICIES)


@needs("policy.view")
def policy(request: HttpRequest, pk: int) -> HttpResponse:
    obj = get_object_or_404(Policy, pk=pk)
    return detail(
        request, "policies/policy.html", obj, list_name="policies:list", list_words=t("政策", "Policies")
    )
