from __future__ import annotations

from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from zhaoyin.base import dates
from zhaoyin.desk.accounts.policy import may, needs, public, who
from zhaoyin.desk.deals import queries as deals
from zhaoyin.desk.events.models import Event
from zhaoyin.desk.materials.models import Material
from zhaoyin.desk.work import queries


@needs("today.view")
def today(request: HttpRequest) -> HttpResponse:
    user = who(request)
    staff = may(user, "material.view")
    latest = (
        Event.objects.filter(agreements__isnull=False).order_by("is_demo", "-id").first() if staff else None
    )
    context = {
        "today": dates.today(),
        "tasks": queries.waiting(user),
        "counts": queries.ledger_counts(user),
        "materials": Material.objects.select_related("added_by")[:6] if staff else [],
        "object": latest,
        "tally": deals.tally(event=latest) if latest else None,
        "is_demo_page": bool(latest and latest.is_demo),
    }
    return render(request, "work/today.html", context)


@needs("search.view")
def search(request: HttpRequest) -> HttpResponse:
    text = request.GET.get("q", "").strip()[:100]
    found = queries.find(who(request), text) if text else []
    return render(request, "work/search.html", {"search_text": text, "found": found})


@needs("help.view")
def help_page(request: HttpRequest) -> HttpResponse:
    return render(request, "work/help.html")


@needs("help.view")
def more(request: HttpRequest) -> HttpResponse:
    """All rooms as a list, for the phone."""
    return render(request, "work/more.html")


@public
def health(request: HttpRequest) -> JsonResponse:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return JsonResponse({"ok": True})


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render(request, "work/not_found.html", status=404)


def broken(request: HttpRequest) -> HttpResponse:
    return render(request, "work/broken.html", status=500)
