from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from zhaoyin.desk.accounts.policy import needs
from zhaoyin.desk.deals import queries as deals
from zhaoyin.desk.details import detail
from zhaoyin.desk.events.models import Event, Series
from zhaoyin.desk.lists import Column, Filter, List, list_view
from zhaoyin.desk.words import t

EVENTS = List(
    verb="event.view",
    title=t("活动", "Events"),
    columns=[
        Column("name", t("名称", "Name"), order="name"),
        Column("kind", t("类型", "Kind"), order="kind"),
        Column("date_text", t("日期", "Date"), order="date_text"),
        Column("venue", t("地点", "Venue")),
        Column("attendees", t("到会人数", "Attendees"), number=True, order="attendees"),
        Column("signed_count", t("宣布签约数", "Signings announced"), number=True, order="signed_count"),
    ],
    rows=lambda request: Event.objects.select_related("series"),
    url=Event.get_absolute_url,
    search=("name", "venue"),
    filters=[Filter("kind", t("类型", "Kind"), Event.Kind.choices)],
    empty=t(
        "还没有活动。录入一份通稿，采纳其中的活动。",
        "No events yet. Bring in an announcement and accept its event.",
    ),
    actions="events/_actions.html",
)
events = list_view(EVENTS)

SERIES = List(
    verb="event.view",
    title=t("系列活动", "Series of events"),
    columns=[
        Column("name", t("名称", "Name"), order="name"),
        Column("editions_held", t("已办届数", "Editions held"), number=True, order="editions_held"),
        Column("rhythm", t("周期", "Rhythm")),
        Column("venue", t("地点", "Venue")),
    ],
    rows=lambda request: Series.objects.all(),
    url=Series.get_absolute_url,
    search=("name",),
    empty=t("还没有系列活动。", "No series yet."),
)
series_list = list_view(SERIES)


@needs("event.view")
def event(request: HttpRequest, pk: int) -> HttpResponse:
    obj = get_object_or_404(Event.objects.select_related("series"), pk=pk)
    return detail(
        request,
        "events/event.html",
        obj,
        list_name="events:list",
        list_words=t("活动", "Events"),
        tally=deals.tally(event=obj),
        agreements=deals.rows_for(event=obj),
    )


@needs("event.view")
def series(request: HttpRequest, pk: int) -> HttpResponse:
    obj = get_object_or_404(Series, pk=pk)
    return detail(
        request,
        "events/series.html",
        obj,
        list_name="events:series-list",
        list_words=t("系列活动", "Series of events"),
        events=obj.events.all(),
    )
