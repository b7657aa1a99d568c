from __future__ import annotations

import datetime as dt
from typing import cast

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from zhaoyin.base.dates import today
from zhaoyin.base.errors import Refusal
from zhaoyin.desk.accounts.models import User
from zhaoyin.desk.accounts.policy import may, needs
from zhaoyin.desk.details import detail
from zhaoyin.desk.lists import Column, Filter, List, list_view
from zhaoyin.desk.parties.models import Organisation
from zhaoyin.desk.policies import actions, queries
from zhaoyin.desk.policies.models import Offer, Policy, Text
from zhaoyin.desk.projects.models import Project
from zhaoyin.desk.words import say, sentence, t
from zhaoyin.incentives.check import check

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


def _day(request: HttpRequest) -> dt.date:
    try:
        return dt.date.fromisoformat(request.GET.get("on") or request.POST.get("on") or "")
    except ValueError:
        return today()


@needs("policy.view")
def library(request: HttpRequest) -> HttpResponse:
    """Every clause in force on a day, with what it gives, to whom, and whether it may be offered."""
    on, found, texts = _day(request), queries.book(), queries.texts()
    rules = found.rules(on) if found else None
    return render(
        request,
        "policies/library.html",
        {
            "on": on,
            "clauses": queries.clauses(found, on) if found else [],
            "closed": [
                (title, source.title, queries.state_words(state)) for _, title, source, state in rules.closed
            ]
            if rules
            else [],
            "texts": texts.values(),
            "has_examples": "example.yaml" in texts,
        },
    )


@needs("policy.edit")
@require_POST
def examples(request: HttpRequest) -> HttpResponse:
    added = actions.load_examples(cast(User, request.user))
    messages.success(
        request,
        say(
            "载入 {n} 个示例文件，金额都是虚构的。",
            "{n} example files loaded; every amount is invented.",
            n=added,
        )
        if added
        else say("示例已经在了。", "The examples are already here."),
    )
    return redirect("policies:library")


@needs("policy.view")
def clause(request: HttpRequest, code: str) -> HttpResponse:
    on, found = _day(request), queries.book()
    row = next((c for c in (queries.clauses(found, on) if found else []) if c.policy.id == code), None)
    if row is None:
        raise Http404
    tests = queries.tests_of(found, code) if found else []
    return render(request, "policies/clause.html", {"on": on, "row": row, "tests": tests})


@needs("policy.edit")
def edit(request: HttpRequest, name: str) -> HttpResponse:
    """The file with its tests, checked while it is written."""
    row = queries.texts().get(name)
    body, problem = request.POST.get("body", row.body if row else ""), ""
    note = request.POST.get("note", "")[:200]
    if request.method == "POST":
        try:
            seen = int(request.POST.get("seen") or 0)
            saved = actions.save_text(cast(User, request.user), name, body, note=note, seen=seen)
            messages.success(request, say("已存为第 {n} 版。", "Saved as version {n}.", n=saved.number))
            return redirect("policies:edit", name=name)
        except ValueError as error:
            if not isinstance(error, Refusal):
                raise Refusal("policy.seen", "页面过期。刷新再改。", "The page is stale. Reload.") from None
            if error.code.endswith("stale"):
                raise
            problem = sentence(error)
    return render(
        request,
        "policies/edit.html",
        {"name": name, "row": row, "body": body, "note": note, "problem": problem},
    )


@needs("policy.edit")
@require_POST
def check_text(request: HttpRequest, name: str) -> HttpResponse:
    """What is wrong with the text as it stands, and whether its tests pass."""
    body = request.POST.get("body", "")
    try:
        report, refusal = check(queries.with_text(name, body.replace("\r\n", "\n")), today()), None
    except Refusal as found:
        report, refusal = None, found
    row = queries.texts().get(name)
    return render(
        request,
        "policies/_check.html",
        {
            "report": report,
            "cases": [case for case in report.cases if case.file == name] if report else [],
            "problem": sentence(refusal) if refusal else "",
            "diff": queries.text_diff(row.body, body.replace("\r\n", "\n")) if row else [],
        },
    )


@needs("policy.view")
def versions(request: HttpRequest, name: str) -> HttpResponse:
    """All versions of a file, each with what it changed."""
    rows = list(Text.objects.filter(name=name).select_related("made_by").order_by("-number"))
    if not rows:
        raise Http404
    pairs = [
        (row, queries.text_diff(older.body if older else "", row.body) if older else [])
        for row, older in zip(rows, [*rows[1:], None], strict=True)
    ]
    return render(request, "policies/versions.html", {"name": name, "pairs": pairs})


def _answers(given: QueryDict) -> tuple[dict[str, str], dict[str, str]]:
    """(answers by field, the clause picked by group)."""
    facts = {k.removeprefix("f-"): str(v) for k, v in given.items() if k.startswith("f-")}
    return facts, {k.removeprefix("g-"): str(v) for k, v in given.items() if k.startswith("g-")}


@needs("policy.assess")
def calculator(request: HttpRequest) -> HttpResponse:
    """For a project, an organisation or a firm without a name: only the questions that matter, the dearest first."""
    on, found = _day(request), queries.book()
    answers, picked = _answers(request.GET)
    project = organisation = None
    known: dict[str, queries.Known] = {}
    if (number := request.GET.get("project", "")).isdigit():
        project = Project.objects.filter(pk=int(number)).first()
        known = queries.facts_of(project) if project else {}
    if (number := request.GET.get("organisation", "")).isdigit():
        organisation = Organisation.objects.filter(pk=int(number)).first()
        known = queries.facts_of_organisation(organisation) if organisation else {}
    calculation = queries.calculate(found, answers, on, known, picked) if found else None
    who = request.GET.get("who", "")[:100]
    projects, organisations = queries.find_applicants(who)
    context = {
        "on": on, "calc": calculation, "project": project, "organisation": organisation,
        "who": who, "projects": projects, "organisations": organisations,
        "offers": project.offers.select_related("made_by") if project else (),
        "may_offer": project is not None and may(request.user, "offer.edit"),
    }  # fmt: skip
    template = "policies/_calculation.html" if getattr(request, "htmx", None) else "policies/calculator.html"
    return render(request, template, context)


@needs("offer.edit")
@require_POST
def new_offer(request: HttpRequest) -> HttpResponse:
    number = request.POST.get("project", "")
    project = get_object_or_404(Project, pk=int(number) if number.isdigit() else 0)
    facts, picked = _answers(request.POST)
    clauses = request.POST.getlist("clause")
    made = actions.make_offer(cast(User, request.user), project, _day(request), facts, clauses, picked)
    return redirect(made)


@needs("policy.assess")
def offer(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(Offer.objects.select_related("project", "made_by"), pk=pk)
    years: dict[int, int] = {}
    for line in row.lines:
        for part in line["plan"]:
            year = int(part["on"][:4])
            years[year] = years.get(year, 0) + part["fen"]
    total = sum(line["fen"] for line in row.lines)
    return render(
        request, "policies/offer.html", {"offer": row, "years": sorted(years.items()), "total": total}
    )


@needs("offer.edit")
@require_POST
def accept(request: HttpRequest, pk: int) -> HttpResponse:
    row = actions.accept_offer(cast(User, request.user), get_object_or_404(Offer, pk=pk))
    messages.success(request, say("已接受，承诺已记入台账。", "Accepted; the promises are in the ledger."))
    return redirect(row)
