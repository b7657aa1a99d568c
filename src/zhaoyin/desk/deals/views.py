from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from zhaoyin.desk.accounts.policy import needs
from zhaoyin.desk.deals import queries
from zhaoyin.desk.deals.models import Agreement, Party
from zhaoyin.desk.details import detail
from zhaoyin.desk.events.models import Event
from zhaoyin.desk.evidence.queries import attach_marks
from zhaoyin.desk.lists import Column, Filter, List, list_view
from zhaoyin.desk.templatetags.desk import mark_words
from zhaoyin.desk.words import say, t


def _side(agreement: Any, side: str) -> str:
    return say("、", ", ").join(
        str(row.organisation) for row in agreement.party_rows.all() if row.side == side
    )


AGREEMENTS = List(
    verb="agreement.view",
    title=t("协议", "Agreements"),
    columns=[
        Column("name", t("名称", "Name"), order="name"),
        Column("kind", t("类型", "Kind"), order="kind"),
        Column("local", t("本地方", "Local side"), show=lambda a: _side(a, Party.Side.LOCAL)),
        Column("investor", t("投资方", "Investor side"), show=lambda a: _side(a, Party.Side.INVESTOR)),
        Column("mark", t("依据", "Proof"), show=lambda a: mark_words(a.mark), order="mark"),
        Column("event", t("活动", "Event")),
        Column("amount_fen", t("金额", "Amount"), number=True, order="amount_fen"),
    ],
    rows=lambda request: Agreement.objects.select_related("event").prefetch_related(
        "party_rows__organisation"
    ),
    url=Agreement.get_absolute_url,
    search=("name", "parties__name"),
    filters=[
        Filter("kind", t("类型", "Kind"), Agreement.Kind.choices),
        Filter("event", t("活动", "Event"), lambda: [(str(e.pk), e.name) for e in Event.objects.all()[:200]]),
    ],
    empty=t(
        "还没有协议。录入一份通稿，采纳其中的签约。",
        "No agreements yet. Bring in an announcement and accept its signings.",
    ),
    lead="deals/_tally.html",
    context=lambda request: {"tally": queries.tally()},
)
agreements = list_view(AGREEMENTS)


@needs("agreement.view")
def agreement(request: HttpRequest, pk: int) -> HttpResponse:
    obj = get_object_or_404(Agreement.objects.select_related("event", "place"), pk=pk)
    return detail(
        request,
        "deals/agreement.html",
        obj,
        list_name="deals:list",
        list_words=t("协议", "Agreements"),
        parties=attach_marks(obj.party_rows.select_related("organisation")),
        projects=obj.projects.all(),
    )
