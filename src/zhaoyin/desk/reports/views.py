from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from zhaoyin import lifecycle
from zhaoyin.base.errors import Refusal
from zhaoyin.base.money import show_money
from zhaoyin.desk.accounts.policy import may, needs, who
from zhaoyin.desk.deals.models import Capital
from zhaoyin.desk.lists import workbook
from zhaoyin.desk.projects import counting
from zhaoyin.desk.projects import rules as in_force
from zhaoyin.desk.projects.forms import Amount
from zhaoyin.desk.reports import actions, queries
from zhaoyin.desk.reports.models import Entry, Month
from zhaoyin.desk.words import english, say

AS_MONEY = ("capital_ratio", "target_completion")  # ratios of two amounts


def _month(request: HttpRequest) -> lifecycle.Month:
    text = request.GET.get("month") or request.POST.get("month") or ""
    if text.isdigit() and len(text) == 6 and 1 <= int(text[4:]) <= 12 and int(text[:4]) >= 1990:
        return lifecycle.Month.of(int(text))
    return queries.current_month()


def _language() -> str:
    return "en" if english() else "zh"


def _amount(fen: int) -> str:
    number, unit = show_money(fen)
    return f"CNY {fen / 10**8:,.2f}m" if english() else number + unit  # 10**8 fen are a million yuan


def _cell(figure: lifecycle.Figure, unit: str) -> dict[str, Any]:
    """A figure as the table shows it: number, unit, fraction, mark."""
    if not figure.measured:
        return {"measured": False}
    mark = "locked" if figure.locked else "verified"
    fraction = ""
    if figure.denominator is not None:
        money = figure.indicator.partition("@")[0] in AS_MONEY
        top, bottom = (
            (_amount(n) if money else f"{n:,}") for n in (figure.numerator or 0, figure.denominator)
        )
        fraction = f"{top} ÷ {bottom}"
        return {
            "measured": True, "none": figure.percent is None, "n": figure.percent, "u": "%", "fraction": fraction,
            "mark": mark,
        }  # fmt: skip
    if unit == "分":
        return {"measured": True, "fen": figure.numerator or 0, "mark": mark}
    return {
        "measured": True,
        "n": f"{figure.numerator or 0:,}",
        "u": unit if not english() else "",
        "mark": mark,
    }


def _left_out(left: lifecycle.Figure, ind: lifecycle.Indicator) -> dict[str, str] | None:
    """What was left out of a figure, in words, and which list shows it; None when nothing was."""
    ratio = bool(ind.denominator) and ind.denominator != "target"
    top, bottom = left.numerator or 0, (left.denominator or 0) if ratio else 0
    if not top and not bottom:
        return None
    money = ind.unit == "分" or ind.code in AS_MONEY
    words = " ÷ ".join(_amount(n) if money else f"{n:,}" for n in ((top, bottom) if ratio else (top,))) + (
        "" if money and not ratio else " "
    )
    if ind.unit == "个" and not english():
        words += "个"
    return {"words": words, "part": "top" if top else "base"}


def _table(month: lifecycle.Month) -> list[dict[str, Any]]:
    language = _language()
    rows = []
    for line in queries.lines(month):
        ind = line.indicator
        before = queries._figure(line.before, month.before) if line.before else None
        rows.append(
            {
                "code": ind.code,
                "ref": ind.ref,
                "words": ind.text(language),
                "formula": ind.formula.text(language),
                "needs": ind.needs,
                "period": _cell(line.period, ind.unit),
                "cohort": _cell(line.cohort, ind.unit) if ind.cohort else None,
                "before": _cell(before, ind.unit) if before and ind.cohort else None,
                "left": {"period": _left_out(line.left[0], ind), "cohort": _left_out(line.left[1], ind)},
            }
        )
    return rows


def _shell(request: HttpRequest, month: lifecycle.Month) -> dict[str, Any]:
    state = dict(
        Month.objects.filter(number__in=[month.before.number, month.number, month.next.number]).values_list(
            "number", "state"
        )
    )
    around = [
        {"month": m, "number": m.number, "state": state.get(m.number, "open"), "current": m == month}
        for m in (month.before, month, month.next)
    ]
    return {
        "month": month, "around": around, "closed": state.get(month.number) == "closed", "rules": in_force.rules().ref,
        "rows": _table(month),
        "is_demo_page": queries.only_demo(), "year": month.year,
    }  # fmt: skip


@needs("indicator.view")
def indicators(request: HttpRequest) -> HttpResponse:
    month = _month(request)
    context = _shell(request, month)
    if request.GET.get("indicator"):
        context |= _behind(request, month)
    return render(request, "reports/indicators.html", context)


def _behind(request: HttpRequest, month: lifecycle.Month) -> dict[str, Any]:
    ind = in_force.rules().indicator(request.GET.get("indicator", ""))
    view = "cohort" if request.GET.get("view") == "cohort" and ind.cohort else "period"
    part = request.GET.get("part", "top")
    if part not in {"top", "base", "rest"} or not ind.denominator:
        part = "top"
    out = request.GET.get("out") == "1"
    rows = queries.behind(ind, month, view, part, out=out)
    page = Paginator(rows, 25).get_page(request.GET.get("page"))
    entries = _signed(page.object_list, ind)
    if out:
        _with_judgements(entries)
    books = queries.Books(out=out)
    figure = lifecycle.figure(ind, books, month, view=view, rules=in_force.rules(), lists=False)
    return {
        "ind": ind, "ind_words": ind.text(_language()), "formula": ind.formula.text(_language()), "view": view,
        "part": part, "page": page, "entries": entries, "figure": _cell(figure, ind.unit), "money": ind.unit == "分" or ind.code == "capital_ratio",
        "as_money": (ind.unit == "分" or ind.code in AS_MONEY),
        "splits": _splits(ind, books, month, view), "out": out, "may_export": may(request.user, "list.export"),
    }  # fmt: skip


def _splits(
    ind: lifecycle.Indicator, books: queries.Books, month: lifecycle.Month, view: str
) -> list[dict[str, Any]]:
    found = []
    origins = in_force.rules().origins
    for by in ind.split:
        for key, fen in sorted(books.split(ind.numerator, lifecycle.scope_of(ind, month, view), by).items()):
            words = (
                origins[key].text(_language())
                if by == "origin" and key in origins
                else str(dict(Capital.Use.choices).get(key, key))
            )
            found.append({"words": words, "fen": fen})
    return found


def _signed(entries: Iterable[Entry], ind: lifecycle.Indicator) -> list[Entry]:
    rows = _with_proof(entries)
    if ind.kind == "net":  # what counts elsewhere is taken off
        for e in rows:
            if queries.bare(e.account) == ind.minus:
                e.quantity = -e.quantity
    return rows


def _with_proof(entries: Iterable[Entry]) -> list[Entry]:
    """Each entry with the fact it was booked for: its mark and what proves it, in one query a kind of source."""
    from django.apps import apps

    from zhaoyin.desk.projects.models import GateFile, Milestone

    rows = list(entries)
    language = _language()
    for label in {e.source for e in rows}:
        mine = [e for e in rows if e.source == label]
        found = apps.get_model(label)._default_manager.in_bulk([e.source_id for e in mine])
        for e in mine:
            e.fact = found.get(e.source_id)  # type: ignore[attr-defined]
    gates = {(e.project_id, e.fact.kind) for e in rows if isinstance(getattr(e, "fact", None), Milestone)}  # type: ignore[attr-defined]
    files: dict[tuple[int, str], list[str]] = {}
    kinds = {r.code: r.text(language) for g in in_force.rules().gates.values() for r in g.evidence}
    for project, gate, kind in GateFile.objects.filter(project__in={p for p, _ in gates}).values_list(
        "project", "gate", "kind"
    ):
        files.setdefault((project, gate), []).append(kinds.get(kind, kind))
    for e in rows:
        fact = getattr(e, "fact", None)
        e.mark = getattr(fact, "mark", "verified")  # type: ignore[attr-defined]
        proof: list[str] = []
        if isinstance(fact, Milestone):
            proof = files.get((e.project_id, fact.kind), [])
        elif fact is not None:
            proof = [getattr(fact, "voucher_name", "") or str(fact)]
        e.proof_words = say("、", ", ").join(dict.fromkeys(proof))  # type: ignore[attr-defined]
    return rows


def _with_judgements(entries: Iterable[Entry]) -> None:
    """Each entry that was left out with the judgement it was booked under: a later one does not rewrite the list."""
    rows = list(entries)
    found = counting.judgements({e.project_id for e in rows})
    for e in rows:
        under = [j for j in found.get(e.project_id, []) if j.code and j.at <= e.made_at]
        e.judgement = under[-1] if under else None  # type: ignore[attr-defined]


@needs("indicator.view")
def behind(request: HttpRequest) -> HttpResponse:
    """The list behind one number, for the page or as a swap."""
    month = _month(request)
    context = {"month": month, **_behind(request, month)}
    if request.GET.get("as") == "xlsx":
        return _behind_workbook(request, context)
    if request.headers.get("HX-Request"):
        return render(request, "reports/_behind.html", context)
    return render(request, "reports/indicators.html", {**_shell(request, month), **context})


@needs("month.close")
def close(request: HttpRequest) -> HttpResponse:
    month = _month(request)
    if request.method == "POST":
        actions.close_month(who(request), month.number)
        messages.info(
            request,
            say("{m} 已锁定，此后只可调整。", "{m} is closed; only adjustments from now on.", m=month),
        )
        return redirect(f"{request.path}?month={month.number}")
    checks = queries.checks(month.number)
    over = month.last < queries.today()
    earlier = queries.earliest_open(month.number)
    context = _shell(request, month) | {
        "checks": checks,
        "failing": sum(not c.passed for c in checks),
        "may_close": over and earlier is None and all(c.passed for c in checks),
        "over": over,
        "earlier": lifecycle.Month.of(earlier) if earlier else None,
        "adjustments": queries.adjustments(month.number),
        "sealed": Month.objects.filter(number=month.number, state="closed")
        .select_related("closed_by")
        .first(),
    }
    return render(request, "reports/close.html", context)


@needs("target.edit")
def target(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        try:
            fen = Amount().to_python(request.POST.get("amount", ""))
            year = int(request.POST.get("year", ""))
        except Exception:
            raise Refusal(
                "target.value",
                "年度写四位数，目标写成 5 亿元 这样。",
                "Write the year in four digits and the target like 5 亿元.",
            ) from None
        if not fen or not request.POST.get("citation", "").strip():
            raise Refusal(
                "target.value", "目标和依据都要写。", "Give both the target and the paper that sets it."
            )
        actions.set_target(who(request), year, fen, request.POST["citation"])
        messages.info(request, say("目标已记。", "Target recorded."))
    return redirect("reports:indicators")


def _behind_workbook(request: HttpRequest, shown: dict[str, Any]) -> HttpResponse:
    """The list behind one number, whole: project, fact, proof and what it counts, so that anybody can add it up again."""
    money = bool((shown["as_money"] and shown["part"] == "top") or shown["ind"].code == "capital_ratio")
    head = [
        say("编号", "Code"), say("项目", "Project"), say("事实日期", "Date of the fact"), say("调整", "Adjusts"),
        say("凭什么", "Proof"), say("计入（元）", "Counts (yuan)") if money else say("计入", "Counts"),
    ]  # fmt: skip
    if shown["out"]:
        head[-1] = say("不计入（元）", "Left out (yuan)") if money else say("不计入", "Left out")
        head += [say("为何不计入", "Why left out"), say("谁", "Who"), say("何时", "When")]
    rows = shown["page"].paginator.object_list

    def lines() -> Iterable[list[Any]]:
        for start in range(0, shown["page"].paginator.count, 1000):
            some = _signed(rows[start : start + 1000], shown["ind"])
            if shown["out"]:
                _with_judgements(some)
            row: Any
            for row in some:
                counts = row.quantity / 100 if money else row.quantity
                line = [
                    row.project.code,
                    row.project.name,
                    row.fact_on,
                    str(row.adjusts or ""),
                    row.proof_words,
                    counts,
                ]
                if shown["out"] and (j := row.judgement):
                    line += [f"{j.words}{say('：', ': ')}{j.why}", j.who, j.at.date()]
                yield line

    title = shown["ind_words"] + (say("，不计入", ", left out") if shown["out"] else "")
    return workbook(request, title, head, lines(), shown["page"].paginator.count)
