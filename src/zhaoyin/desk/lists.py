"""Lists as data: a room says which columns, filters and search fields; search, paging, cards on a phone and Excel come along."""

from __future__ import annotations

import datetime as dt
import io
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from html import unescape
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.html import strip_tags
from django.utils.safestring import SafeString
from openpyxl import Workbook
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from zhaoyin.base.errors import Refusal
from zhaoyin.desk.accounts import policy
from zhaoyin.desk.accounts.policy import who
from zhaoyin.desk.evidence.actions import audit
from zhaoyin.desk.evidence.models import Row
from zhaoyin.desk.evidence.queries import attach_marks
from zhaoyin.desk.templatetags.desk import proof, show_field
from zhaoyin.desk.words import say

PAGE_SIZE = 25
EXPORT_LIMIT = 50_000


@dataclass(frozen=True)
class Column:
    """One column. ``show`` renders the cell (escaped unless SafeString); without it the model field is shown.

    ``plain`` gives the value for Excel where it differs. ``order`` is the field to sort by.
    """

    name: str
    words: Any
    show: Callable[[Any], Any] | None = None
    plain: Callable[[Any], Any] | None = None
    order: str = ""
    number: bool = False
    lead: bool = False

    def cell(self, row: Any) -> Any:
        return self.show(row) if self.show else show_field(row, self.name)

    @property
    def head(self) -> str:
        """Its words above a column of a workbook, with the unit of an amount."""
        words = str(self.words)
        return say("{w}（元）", "{w} (yuan)", w=words) if self.name.endswith("_fen") else words

    def value(self, row: Any) -> Any:
        """The cell of a workbook: numbers and dates as such, an amount in yuan (a foreign one with its currency), words
        without markup."""
        if self.plain:
            value = self.plain(row)
        elif self.name.endswith("_fen") and not self.show:
            fen, currency = getattr(row, self.name), getattr(row, "currency", "CNY")
            value = fen if fen is None else fen / 100 if currency == "CNY" else f"{fen / 100:,.2f} {currency}"
        else:
            value = self.cell(row)
        if isinstance(value, int | float | dt.date) and not isinstance(value, bool):
            return value
        return unescape(strip_tags(value)) if isinstance(value, SafeString) else str(value or "")


@dataclass(frozen=True)
class Filter:
    """A choice above the list. ``choices``: (value, words) pairs, or a callable giving them. ``apply`` narrows the rows."""

    name: str
    words: Any
    choices: Sequence[tuple[str, Any]] | Callable[[], Iterable[tuple[str, Any]]]
    apply: Callable[[QuerySet[Any], str], QuerySet[Any]] | None = None

    def options(self) -> list[tuple[str, Any]]:
        return list(self.choices() if callable(self.choices) else self.choices)

    def narrow(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return self.apply(rows, value) if self.apply else rows.filter(**{self.name: value})


@dataclass(frozen=True)
class List:
    """A whole list page as data. ``verb`` guards it; ``empty`` says what to do when there is nothing."""

    verb: str
    title: Any
    columns: Sequence[Column]
    rows: Callable[[HttpRequest], QuerySet[Any]]
    url: Callable[[Any], str]
    search: Sequence[str] = ()
    filters: Sequence[Filter] = ()
    empty: Any = ""
    lead: str = ""  # a template above the list
    actions: str = ""  # a template for the buttons at the right of the title
    context: Callable[[HttpRequest], dict[str, Any]] = field(default=lambda request: {})

    def narrowed(self, request: HttpRequest) -> tuple[QuerySet[Any], list[dict[str, Any]], str]:
        """The rows as filtered, searched and sorted by the request; the filters' state; the search text."""
        rows = self.rows(request)
        state = []
        if (
            issubclass(rows.model, Row)
            and rows.filter(is_demo=True).exists()
            and rows.filter(is_demo=False).exists()
        ):
            nature = request.GET.get("nature", "")
            rows = rows.filter(is_demo=nature == "demo")
            options = [("demo", say("只看演示", "demonstration only"))]
            state.append(
                {
                    "name": "nature",
                    "words": say("性质：实际", "Nature: real"),
                    "options": options,
                    "chosen": nature,
                    "bare": True,
                }
            )
        for one in self.filters:
            options = one.options()
            chosen = request.GET.get(one.name, "")
            if chosen and chosen not in {str(value) for value, _ in options}:
                chosen = ""
            if chosen:
                rows = one.narrow(rows, chosen)
            state.append({"name": one.name, "words": one.words, "options": options, "chosen": chosen})
        text = request.GET.get("q", "").strip()[:100]
        if text and self.search:
            condition = Q()
            for name in self.search:
                condition |= Q(**{f"{name}__icontains": text})
            rows = rows.filter(condition)
            if any("__" in name for name in self.search):
                rows = rows.distinct()
        sort = request.GET.get("sort", "")
        orders = {column.order for column in self.columns if column.order}
        if sort.lstrip("-") in orders:
            rows = rows.order_by(sort, "pk")
        return rows, state, text

    def respond(self, request: HttpRequest) -> HttpResponse:
        rows, state, text = self.narrowed(request)
        if request.GET.get("as") == "xlsx":
            return self.export(request, rows)
        if not rows.ordered:  # pages of an unordered list may repeat and skip rows
            rows = rows.order_by("pk")
        page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
        # first which rows, then all that is shown of them: a late page does not compute what it skips
        shown: Any = page.object_list
        ids = list(shown.values_list("pk", flat=True))
        found = {row.pk: row for row in rows.filter(pk__in=ids)}
        members = attach_marks(found[pk] for pk in ids if pk in found)
        table = [
            {
                "row": row,
                "url": self.url(row),
                "cells": [(c, c.cell(row), proof(row, c.name)) for c in self.columns],
            }
            for row in members
        ]
        context = {
            "list": self,
            "page": page,
            "table": table,
            "filters": state,
            "text": text,
            "narrowed": bool(text or any(one["chosen"] for one in state)),
            "may_export": policy.may(request.user, "list.export"),
            **self.context(request),
        }
        template = "desk/_list.html" if request.headers.get("HX-Target") == "list" else "desk/list.html"
        return render(request, template, context)

    def export(self, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse:
        """The list as shown (filters, search, order) as a workbook; asked for, permitted and logged."""
        head = [column.head for column in self.columns]
        body = ([column.value(row) for column in self.columns] for row in attach_marks(rows))
        return workbook(request, str(self.title), head, body, rows.count())


def workbook(
    request: HttpRequest, title: str, head: Sequence[str], rows: Iterable[Sequence[Any]], total: int
) -> HttpResponse:
    """A list as an Excel file: permission-checked, bounded, logged, with who exported it and when at the foot."""
    policy.demand(request.user, "list.export")
    if total > EXPORT_LIMIT:
        raise Refusal(
            "export.too_many",
            f"这张表有 {total:,} 行，一次最多导出 {EXPORT_LIMIT:,} 行。先筛选再导出。",
            f"This list has {total:,} rows; {EXPORT_LIMIT:,} can be exported at once. Filter first.",
        )
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = re.sub(r"[\[\]:*?/\\]", " ", title)[:31]
    sheet.append(list(head))
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    for row in rows:
        sheet.append([_safe(value) for value in row])
    for place in range(1, len(head) + 1):
        sheet.column_dimensions[get_column_letter(place)].width = 22
    sheet.freeze_panes = "A2"
    stamp = say(
        "导出人 {who}，{at}",
        "Exported by {who}, {at}",
        who=request.user,
        at=dt.datetime.now().strftime("%F %T"),
    )
    sheet.oddFooter.center.text = stamp  # type: ignore[union-attr]
    audit(
        who(request),
        "list.export",
        after={"list": title, "rows": total, "query": request.GET.urlencode()},
    )
    out = io.BytesIO()
    book.save(out)
    response = HttpResponse(
        out.getvalue(), content_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    )
    response["Content-Disposition"] = f'attachment; filename="zhaoyin-{dt.date.today():%Y%m%d}.xlsx"'
    return response


def _safe(value: Any) -> Any:
    """A text that Excel would run as a formula is kept as text."""
    return "'" + value if isinstance(value, str) and value.startswith(tuple("=+-@\t\r")) else value


def list_view(spec: List) -> Callable[[HttpRequest], HttpResponse]:
    """The view of a list: ``path("", list_view(AGREEMENTS), name="list")``."""

    @policy.needs(spec.verb)
    def view(request: HttpRequest) -> HttpResponse:
        return spec.respond(request)

    return view


def link(url: str, words: Any) -> Any:
    from django.utils.html import format_html

    return format_html('<a href="{}">{}</a>', url, words)


__all__ = ["Column", "Filter", "List", "link", "list_view", "workbook"]
