from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect

from zhaoyin.base.dates import today
from zhaoyin.desk.accounts.policy import needs, who
from zhaoyin.desk.asking import form_page
from zhaoyin.desk.deals import actions, forms, queries
from zhaoyin.desk.deals.models import Agreement, Capital, Commitment, Party, Rate
from zhaoyin.desk.details import detail
from zhaoyin.desk.events.models import Event
from zhaoyin.desk.evidence.queries import attach_marks
from zhaoyin.desk.lists import Column, Filter, List, list_view
from zhaoyin.desk.projects.forms import store
from zhaoyin.desk.projects.models import Project
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


# --- what officers write


def _done(request: HttpRequest, project: Project, words: str) -> HttpResponse:
    messages.info(request, words)
    return redirect(project.get_absolute_url())


@needs("agreement.edit")
def new(request: HttpRequest, pk: int) -> HttpResponse:
    project = get_object_or_404(Project, pk=pk)
    form = forms.Paper(project, request.POST or None)

    def act() -> HttpResponse:
        actions.create_agreement(who(request), projects=[project], **form.values())
        words = say("已记协议。框架、意向不计额。", "Agreement recorded. Frameworks and intents never count.")
        return _done(request, project, words)

    title = say("加一份协议", "Add an agreement")
    return form_page(request, form, act, title=title, do=say("记下", "Record"), object=project)


@needs("agreement.edit")
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    paper = get_object_or_404(Agreement, pk=pk)
    form = forms.PaperWords(request.POST or None, instance=paper, initial={"seen": paper.version})

    def act() -> HttpResponse:
        fresh = Agreement.objects.get(pk=pk)
        actions.change_agreement(who(request), fresh, seen=form.cleaned_data.get("seen"), **form.values())
        messages.info(request, say("已存。", "Saved."))
        return redirect(paper.get_absolute_url())

    return form_page(request, form, act, title=str(paper), do=say("存", "Save"))


@needs("agreement.edit")
def shares(request: HttpRequest, pk: int) -> HttpResponse:
    paper = get_object_or_404(Agreement, pk=pk)
    form = forms.Shares(paper, request.POST or None)

    def act() -> HttpResponse:
        actions.set_shares(who(request), paper, form.values())
        messages.info(request, say("份额已存。", "Shares saved."))
        return redirect(paper.get_absolute_url())

    title = say("各项目份额", "Shares of the projects")
    return form_page(request, form, act, title=title, do=say("存", "Save"))


@needs("capital.claim")
def capital(request: HttpRequest, pk: int) -> HttpResponse:
    """Record one payment with its voucher."""
    project = get_object_or_404(Project, pk=pk)
    form = forms.Payment(request.POST or None, request.FILES or None, initial={"received_on": today()})

    def act() -> HttpResponse:
        file = form.cleaned_data["voucher"]
        with transaction.atomic():  # a payment that is refused keeps no voucher
            paper = store(who(request), file)
            actions.claim_capital(
                who(request), project, material=paper, voucher_name=str(file.name)[:200], **form.values()
            )
        return _done(request, project, say("已登记，待核验。", "Recorded; it waits for verification."))

    title = say("登记一笔到位资金", "Record a payment")
    return form_page(request, form, act, title=title, do=say("登记", "Record"), object=project)


@needs("commitment.edit")
def new_commitment(request: HttpRequest, pk: int) -> HttpResponse:
    project = get_object_or_404(Project, pk=pk)
    form = forms.Promise(project, request.POST or None)

    def act() -> HttpResponse:
        actions.save_commitment(who(request), project=project, **form.values())
        return _done(request, project, say("已记承诺。", "Promise recorded."))

    title = say("加一条承诺", "Add a promise")
    return form_page(request, form, act, title=title, do=say("记下", "Record"), object=project)


def _promised(request: HttpRequest, promise: Commitment, words: str) -> HttpResponse:
    messages.info(request, words)
    return redirect(promise.project.get_absolute_url() if promise.project else "deals:commitments")


@needs("commitment.edit")
def settle(request: HttpRequest, pk: int) -> HttpResponse:
    promise = get_object_or_404(Commitment.objects.select_related("project"), pk=pk)
    form = forms.Settle(request.POST or None, initial={"settled_on": today()})

    def act() -> HttpResponse:
        given = form.cleaned_data
        actions.settle(who(request), promise, given["settled_on"], given["proof_text"])
        return _promised(request, promise, say("已记兑现，待确认。", "Recorded; somebody else confirms it."))

    do = say("记兑现", "Record as kept")
    return form_page(request, form, act, title=promise.text, do=do, object=promise.project)


@needs("commitment.conclude")
def conclude(request: HttpRequest, pk: int) -> HttpResponse:
    """A promise that was not kept, or is waived, with the reason."""
    promise = get_object_or_404(Commitment.objects.select_related("project"), pk=pk)
    form = forms.Conclude(request.POST or None)

    def act() -> HttpResponse:
        given = form.cleaned_data
        actions.conclude(who(request), promise, given["state"], given["reason"])
        return _promised(request, promise, say("承诺已了结。", "The promise is concluded."))

    do = say("了结", "Conclude")
    return form_page(request, form, act, title=promise.text, do=do, object=promise.project)


def _due(commitment: Any) -> Any:
    from django.utils.html import format_html

    if commitment.state == Commitment.State.KEPT:
        return format_html(
            '<span class="zy-light" data-light="ok">{}</span>',
            say("{d} 已兑现", "kept on {d}", d=commitment.settled_on),
        )
    if commitment.due_on is None:
        return say("未写期限", "no due date")
    over = (today() - commitment.due_on).days
    if over > 0:
        return format_html(
            '<span class="zy-light" data-light="red">{}</span>', say("欠 {n} 天", "{n} days over", n=over)
        )
    return str(commitment.due_on)


COMMITMENTS = List(
    verb="commitment.view",
    title=t("承诺", "Promises"),
    columns=[
        Column("text", t("内容", "What")),
        Column("side", t("哪一方", "Side")),
        Column("project", t("项目", "Project")),
        Column("amount_fen", t("金额", "Amount"), number=True, order="amount_fen"),
        Column("owner", t("责任", "Owner"), show=lambda c: c.owner_department or c.owner_text),
        Column("due_on", t("期限", "Due"), show=_due, plain=lambda c: c.due_on, order="due_on"),
        Column("mark", t("依据", "Proof"), show=lambda c: mark_words(c.mark)),
    ],
    rows=lambda request: Commitment.objects.select_related("project", "owner_department"),
    url=lambda c: c.project.get_absolute_url() if c.project else "/agreements/promises/",
    search=("text", "project__name"),
    filters=[
        Filter("side", t("哪一方", "Side"), Commitment.Side.choices),
        Filter("state", t("状态", "State"), Commitment.State.choices),
        Filter(
            "late",
            t("超期", "Late"),
            [("1", t("已超期", "Over"))],
            apply=lambda rows, value: rows.filter(state=Commitment.State.OPEN, due_on__lt=today()),
        ),
    ],
    empty=t(
        "还没有承诺。在项目页加，双方的都记。",
        "No promises yet. Add them on a project's page, those of both sides.",
    ),
)
commitments = list_view(COMMITMENTS)


@needs("rate.edit")
def rates(request: HttpRequest) -> HttpResponse:
    """Exchange rates by day, with their source; what waits for one is listed first."""
    form = forms.DayRate(request.POST or None)

    def act() -> HttpResponse:
        actions.set_rate(who(request), **form.cleaned_data)
        messages.info(request, say("汇率已记。", "Rate recorded."))
        return redirect("deals:rates")

    waiting = Capital.objects.filter(cny_fen=None, mark="claimed").values_list("currency", "received_on")
    return form_page(
        request, form, act, template="deals/rates.html", rates=Rate.objects.all()[:100],
        waiting=list(waiting.distinct()[:50]),
    )  # fmt: skip
