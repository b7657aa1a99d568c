from __future__ import annotations

import datetime as dt
import io
import re
from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST
from openpyxl import Workbook
from openpyxl.styles import Font

from zhaoyin.base.dates import today
from zhaoyin.base.errors import Refusal
from zhaoyin.desk.accounts.models import User
from zhaoyin.desk.accounts.policy import may, needs, who
from zhaoyin.desk.chains import actions, ground, queries
from zhaoyin.desk.chains.models import Errand, Membership, SegmentOwner, Standing, ValueChain
from zhaoyin.desk.details import detail
from zhaoyin.desk.evidence.actions import audit
from zhaoyin.desk.lists import Column, List, _safe, list_view
from zhaoyin.desk.words import say, sentence, t
from zhaoyin.resolution.tables import place_name
from zhaoyin.valuechain import Shortlist, diff
from zhaoyin.valuechain.shortlist import GATES, NAMES

CHAINS = List(
    verb="chain.view",
    title=t("产业链", "Value chains"),
    columns=[
        Column("name", t("名称", "Name"), show=str, order="name"),
        Column(
            "version", t("版本", "Version"), show=lambda c: c.current.number if c.current else "", number=True
        ),
        Column("leader", t("链长", "Chain leader"), show=lambda c: c.leader or say("未设", "not set")),
        Column(
            "open_leads",
            t("在跟线索", "Open leads"),
            show=lambda c: c.open_leads,
            order="open_leads",
            number=True,
        ),
        Column("overdue", t("已过期", "Overdue"), show=lambda c: c.overdue, order="overdue", number=True),
    ],
    rows=lambda request: queries.chains_with_counts(),
    url=ValueChain.get_absolute_url,
    search=("name", "name_en", "code"),
    empty=t(
        "还没有产业链。载入地区包，就有黄金产业链。",
        "No chains yet. Load the region pack to have the gold chain.",
    ),
)
chains = list_view(CHAINS)


def _chain(pk: int) -> ValueChain:
    return get_object_or_404(ValueChain.objects.select_related("current", "leader"), pk=pk)


def _segments(pk: int) -> tuple[ValueChain, Standing | None, list[queries.Segment]]:
    obj = _chain(pk)
    standing = queries.standing_of(obj)
    return obj, standing, queries.segments(obj, standing)


def _one(rows: Sequence[queries.Segment], node_id: str) -> queries.Segment:
    found = next((r for r in rows if r.node.node_id == node_id), None)
    if found is None:
        raise Http404
    return found


def _page(
    request: HttpRequest, template: str, obj: ValueChain, standing: Standing | None, **context: Any
) -> HttpResponse:
    return detail(
        request,
        template,
        obj,
        list_name="chains:list",
        list_words=t("产业链", "Value chains"),
        code=say("第 {n} 版，{d}", "version {n}, {d}", n=obj.current.number, d=f"{obj.current.made_at:%F}")
        if obj.current
        else "",
        standing=standing,
        is_demo_page=bool(standing and standing.synthetic),
        synthetic=bool(standing and standing.synthetic),
        universe_home=ground.home(),
        **context,
    )


@needs("chain.view")
def chain(request: HttpRequest, pk: int) -> HttpResponse:
    obj, standing, rows = _segments(pk)
    ordered = queries.by_severity(rows)
    chosen = request.GET.get("segment") or ordered[0].node.node_id
    return _page(
        request,
        "chains/chain.html",
        obj,
        standing,
        rows=rows,
        ordered=ordered,
        heads=queries.columns(rows),
        drawing=queries.drawing(obj, rows),
        flows=queries.flows(obj, rows),
        tally=queries.tally(rows),
        duties=queries.duties(rows),
        leads_open=sum(r.open_leads for r in rows),
        leads_overdue=sum(r.overdue for r in rows),
        segment=next((r for r in rows if r.node.node_id == chosen), ordered[0]),
        outdated=bool(obj.current and ground.stale(standing, obj.current)),
        errand=Errand.objects.filter(chain=obj).first(),
        people=User.objects.filter(is_active=True, is_system=False)
        if may(request.user, "chain.edit")
        else (),
    )


@needs("chain.view")
def why(request: HttpRequest, pk: int, node_id: str) -> HttpResponse:
    """Why a segment is judged so: the panel beside the map."""
    obj, standing, rows = _segments(pk)
    return render(
        request,
        "chains/_why.html",
        {"object": obj, "standing": standing, "segment": _one(rows, node_id), "universe_home": ground.home()},
    )


@needs("chain.view")
def position(request: HttpRequest, pk: int) -> HttpResponse:
    return _position(request, pk)


def _position(
    request: HttpRequest, pk: int, *, written: str | None = None, problem: str = ""
) -> HttpResponse:
    """``written``: the rivals as typed, when they were refused for ``problem``."""
    obj, standing, rows = _segments(pk)
    absent = (standing.report.get("rivals_absent") or []) if standing else []
    page = _page(
        request,
        "chains/position.html",
        obj,
        standing,
        rows=rows,
        stated=[s for r in rows for s in r.statements],
        rivals=queries.rivals_of(standing) if standing else [],
        written="\n".join(obj.rivals) if written is None else written,
        problem=problem,
        named=[(c, place_name(c)) for c in obj.rivals],
        absent=[place_name(c) for c in absent],
        firms_in_all=f"{standing.firms:,}" if standing else "",
    )
    if problem:
        page.status_code = 422
    return page


@needs("chain.shortlist")
@require_POST
def reckon(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for a reckoning: the worker does it, the page shows how far it is."""
    obj = _chain(pk)
    actions.ask_reckoning(who(request), obj)
    return redirect(obj)


@needs("chain.view")
def reckoning(request: HttpRequest, pk: int) -> HttpResponse:
    """How far a reckoning is; asked again and again until there is none under way."""
    errand = Errand.objects.filter(chain=_chain(pk)).first()
    if errand and errand.under_way:
        return render(request, "chains/_reckoning.html", {"errand": errand})
    return HttpResponse(headers={"HX-Refresh": "true"})


@needs("chain.view")
def segment(request: HttpRequest, pk: int, node_id: str) -> HttpResponse:
    """A gap and whom to approach for it. The page comes at once, its shortlist by itself: the universe may have to be opened."""
    obj, standing, rows = _segments(pk)
    one = _one(rows, node_id)
    members = queries.members_of(obj, node_id, standing)
    here = "list" in request.GET and may(request.user, "chain.shortlist")  # for who has no scripts
    return _page(
        request,
        "chains/segment.html",
        obj,
        standing,
        segment=one,
        members=members,
        members_more=len(members) - 10,
        loaded=ground.loaded(),
        roles=SegmentOwner.Role.choices,
        owners=_people(),
        listed=here,
        **(_shortlist(obj, standing, one) if here else {}),
    )


@needs("chain.shortlist")
def shortlist(request: HttpRequest, pk: int, node_id: str) -> HttpResponse:
    """The shortlist of a segment's page."""
    obj, standing, rows = _segments(pk)
    one = _one(rows, node_id)
    shown = {"object": obj, "segment": one, "owners": _people(), "universe_home": ground.home()}
    return render(request, "chains/_shortlist.html", shown | _shortlist(obj, standing, one))


def _people() -> Any:
    return User.objects.filter(is_active=True, is_system=False).order_by("name")


def _shortlist(obj: ValueChain, standing: Standing | None, one: queries.Segment) -> dict[str, Any]:
    assert obj.current is not None
    found, problem = None, ""
    try:
        found = ground.shortlisted(obj.current, one.node.node_id, standing)
    except Refusal as refusal:  # an unreadable universe takes the list, not the page
        problem = sentence(refusal)
    return {
        "found": found,
        "problem": problem,
        "entries": _entries(found, one),
        "removed": [(queries.pick(GATES[k]), n) for k, n in found.removed.items()] if found else [],
        "terms": [(i, queries.pick(words), found.weights[k]) for i, (k, words) in enumerate(NAMES.items())]
        if found
        else [],
        "expires_on": ground.default_expiry(today()),
        "today": today(),
    }


def _entries(found: Shortlist | None, one: queries.Segment) -> list[dict[str, Any]]:
    taken = {a.firm_id: a for a in one.approaches}
    return [
        {
            "entry": e,
            "parts": [
                (i, queries.pick(NAMES[k]), v, k in e.unknown)
                for i, (k, v) in enumerate(e.contributions.items())
            ],
            "why": queries.pick(e.why),
            "why_not": queries.pick(e.why_not),
            "not_known": queries.pick(e.not_known),
            "taken": taken.get(e.firm_id),
            "place": place_name(str(e.row.get("region") or "")),
            "away": f"{e.row['distance_km']:,.0f}" if e.row.get("distance_km") is not None else "",
            "basis": queries.pick(e.row.get("distance_said")),
            "door": queries.pick(e.row.get("tie_said")),
        }
        for e in (found.entries if found else ())
    ]


@needs("project.create")
@require_POST
def leads(request: HttpRequest, pk: int, node_id: str) -> HttpResponse:
    obj, standing, rows = _segments(pk)
    one = _one(rows, node_id)
    assert obj.current is not None
    found = ground.shortlisted(obj.current, node_id, standing)
    if found is None:
        raise Refusal(
            "chains.no_universe", "没有企业库，也就没有清单。", "There is no universe, and so no list."
        )
    owner = get_object_or_404(User, pk=request.POST.get("owner") or 0, is_active=True)
    try:
        until = dt.date.fromisoformat(request.POST.get("expires_on", ""))
    except ValueError as error:
        raise Refusal(
            "chains.expiry",
            "到期日要写成 2026-12-31 这样。",
            "Write the date as 2026-12-31.",
            where="expires_on",
        ) from error
    made = actions.make_leads(
        request.user,  # type: ignore[arg-type]
        obj,
        node_id=node_id,
        firm_ids=request.POST.getlist("firm"),
        found=found,
        owner=owner,
        expires_on=until,
    )
    messages.success(
        request,
        say(
            "已转 {n} 条线索，{who}，{d} 前联系。",
            "{n} leads made, {who}, contact by {d}.",
            n=len(made),
            who=owner,
            d=until,
        ),
    )
    return redirect("chains:segment", pk=pk, node_id=one.node.node_id)


@needs("chain.edit")
@require_POST
def add_owner(request: HttpRequest, pk: int, node_id: str) -> HttpResponse:
    obj = _chain(pk)
    user = get_object_or_404(User, pk=request.POST.get("user") or 0, is_active=True)
    actions.set_owner(request.user, obj, node_id=node_id, user=user, role=request.POST.get("role", "team"))  # type: ignore[arg-type]
    return redirect("chains:segment", pk=pk, node_id=node_id)


@needs("chain.edit")
@require_POST
def remove_owner(request: HttpRequest, pk: int) -> HttpResponse:
    owner = get_object_or_404(SegmentOwner, pk=pk)
    chain_id, node_id = owner.chain_id, owner.node_id  # type: ignore[attr-defined]
    actions.remove_owner(request.user, owner)  # type: ignore[arg-type]
    return redirect("chains:segment", pk=chain_id, node_id=node_id)


@needs("chain.judge")
@require_POST
def judge(request: HttpRequest, pk: int) -> HttpResponse:
    """A person says whether a firm is of a segment."""
    member = get_object_or_404(Membership.objects.select_related("chain"), pk=pk)
    belongs = request.POST.get("belongs") == "1"
    actions.judge_member(request.user, member, belongs=belongs, seen=int(request.POST.get("seen") or 0))  # type: ignore[arg-type]
    messages.success(
        request,
        say(
            "已认定{f}{v}本环节，重新测算后计入。",
            "{f}: {v}. It counts from the next reckoning on.",
            f=member,
            v=say("属于", "of this segment") if belongs else say("不属于", "not of this segment"),
        ),
    )
    return redirect("chains:segment", pk=member.chain.pk, node_id=member.node_id)


@needs("chain.edit")
@require_POST
def rivals(request: HttpRequest, pk: int) -> HttpResponse:
    """Regions a person names as rivals, one a line or between commas."""
    obj = _chain(pk)
    written = request.POST.get("rivals", "")
    try:
        actions.set_rivals(request.user, obj, re.split(r"[\n,，、;；]+", written))  # type: ignore[arg-type]
    except Refusal as refusal:
        if refusal.code != "chains.region":
            raise
        return _position(request, pk, written=written, problem=sentence(refusal))
    messages.success(
        request, say("对手地区已改，重新测算后用上。", "Rivals changed; reckon again to use them.")
    )
    return redirect("chains:position", pk=pk)


@needs("chain.edit")
@require_POST
def leader(request: HttpRequest, pk: int) -> HttpResponse:
    obj = _chain(pk)
    user = User.objects.filter(pk=request.POST.get("user") or 0, is_active=True).first()
    actions.set_leader(request.user, obj, user)  # type: ignore[arg-type]
    return redirect(obj)


TABLES = (
    ("node", t("环节", "Segments")),
    ("edge", t("上下游", "Flows")),
    ("node_code", t("行业代码", "Industry codes")),
    ("node_term", t("用词", "Terms")),
    ("claim", t("所称", "Statements")),
)


@needs("chain.edit")
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """The tables as text; first a preview of what would change, then the new version."""
    obj = _chain(pk)
    graph = queries.graph_of(obj)
    texts, problem, changes = queries.as_csv(graph), "", None
    note = request.POST.get("note", "").strip()[:200]
    seen = obj.version
    if request.method == "POST":
        texts = {name: request.POST.get(name, "") for name, _ in TABLES}
        seen = int(request.POST.get("seen") or 0)
        try:
            edited = queries.from_csv(graph, texts)
            changes = diff(graph, edited)
            if request.POST.get("act") == "save" and changes:
                actions.save_version(request.user, obj, graph=edited, note=note, seen=seen)  # type: ignore[arg-type]
                messages.success(
                    request,
                    say("已存为新版本，旧版可退回。", "Saved as a new version; the old one can be restored."),
                )
                return redirect(obj)
        except Refusal as refusal:
            if refusal.code == "stale":
                raise
            problem, changes = sentence(refusal), None
    return _page(
        request,
        "chains/edit.html",
        obj,
        None,
        tables=[(name, words, texts.get(name, "")) for name, words in TABLES],
        problem=problem,
        changes=_readable(changes),
        previewed=changes is not None,
        note=note,
        seen=seen,
    )


def _readable(changes: Any) -> list[dict[str, str]]:
    words = dict(TABLES)

    def text(value: Any) -> str:
        if isinstance(value, dict):
            return "，".join(f"{k}={v}" for k, v in value.items() if v not in ("", None, False))
        return "" if value is None else str(value)

    return [
        {
            "table": str(words.get(c.table, c.table)),
            "key": c.key,
            "field": c.field,
            "old": text(c.old),
            "new": text(c.new),
        }
        for c in changes or []
    ]


@needs("chain.edit")
def versions(request: HttpRequest, pk: int) -> HttpResponse:
    """All versions; ``?from=3`` shows what going back to version 3 would change."""
    obj = _chain(pk)
    graph = queries.graph_of(obj)
    wanted = request.GET.get("from", "")
    old = obj.versions.filter(number=int(wanted)).first() if wanted.isdigit() else None
    return _page(
        request,
        "chains/versions.html",
        obj,
        None,
        versions=obj.versions.select_related("made_by").defer("tables"),
        old=old,
        changes=_readable(diff(graph, old.graph)) if old else [],
    )


@needs("chain.edit")
@require_POST
def restore(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    obj = _chain(pk)
    actions.roll_back(request.user, obj, number)  # type: ignore[arg-type]
    messages.success(
        request, say("已退回第 {n} 版，记为新版本。", "Back to version {n}, kept as a new version.", n=number)
    )
    return redirect(obj)


@needs("list.export")
def export(request: HttpRequest, pk: int) -> HttpResponse:
    """Segments, figures, verdicts, statements as a workbook; permitted and logged."""
    obj, standing, rows = _segments(pk)
    head = [
        say("环节", "Segment"), say("判定", "Verdict"), say("严重度", "Severity"), say("企业", "Firms"), "LQ", say("LQ 下限", "LQ low"),
        say("LQ 上限", "LQ high"), say("相近度", "Density"), say("有效供方", "Effective suppliers"), say("外依", "Dependence"),
        say("同类地区有效供方下四分位", "Lower quartile of peers' suppliers"), say("更近且已有的对手", "Rivals ahead"), say("争抢", "Contested"),
        say("负责", "Owners"), say("依据", "Rule and numbers"), say("所称", "Stated"), say("出处", "Source"), say("在跟线索", "Open leads"), say("已过期", "Overdue"),
    ]  # fmt: skip
    lines = []
    for r in queries.by_severity(rows):
        f = r.found
        lines.append(
            [
                r.name, "、".join(name for _, name in r.tags), f.get("severity"), f.get("firms"), *((None, None, None) if r.empty else (f.get("lq"), f.get("lq_low"), f.get("lq_high"))),
                f.get("density"), f.get("n_eff"), f.get("dependence"), f.get("peer_quartile"), "、".join(v["name"] for v in r.ahead),
                (say("是", "yes") if r.contested else say("否", "no")) if f.get("contested") else None,
                "、".join(str(o) for o in r.owners), "；".join(text for _, _, text in r.verdicts),
                "；".join(str(s) for s in r.statements), "；".join(dict.fromkeys(s.cited for s in r.statements)),
                r.open_leads, r.overdue,
            ]
        )  # fmt: skip
    rests = (
        standing.universe
        if standing
        else say("没有载入企业库，只有所称", "no universe loaded: statements only")
    )
    return _workbook(request, str(obj), head, lines, rests)


@needs("list.export")
def export_shortlist(request: HttpRequest, pk: int, node_id: str) -> HttpResponse:
    obj, standing, rows = _segments(pk)
    one = _one(rows, node_id)
    assert obj.current is not None
    found = ground.shortlisted(obj.current, node_id, standing)
    if found is None:
        raise Refusal(
            "chains.no_universe", "没有企业库，也就没有清单。", "There is no universe, and so no list."
        )
    head = [
        "#", say("企业", "Firm"), say("代码", "Code"), say("所在地", "Place"), say("公里（粗估）", "km (rough)"), say("谁开门", "Who opens the door"), say("分（估计）", "Score (estimate)"),
        *(queries.pick(words) for words in NAMES.values()), say("为什么", "Why"), say("不利", "Why not"), say("不知道", "Not known"),
    ]  # fmt: skip
    lines = [
        [e.rank, e.name, e.firm_id, place_name(str(e.row.get("region") or "")), e.row.get("distance_km"),
         queries.pick(e.row.get("tie_said")), round(e.score, 1), *(round(v, 1) for v in e.contributions.values()),
         queries.pick(e.why), queries.pick(e.why_not), queries.pick(e.not_known)]
        for e in found.entries
    ]  # fmt: skip
    label = (
        say("合成数据 synthetic，不作依据", "synthetic data, proves nothing")
        if found.synthetic
        else found.formula
    )
    return _workbook(request, f"{obj} {one.name}", head, lines, label)


def _workbook(
    request: HttpRequest, title: str, head: list[str], lines: list[list[Any]], rests: str
) -> HttpResponse:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "".join(ch for ch in title if ch not in "[]:*?/\\")[:31]
    sheet.append(head)
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    for line in lines:
        sheet.append([_safe(v) for v in line])
    sheet.append([])
    sheet.append(
        [
            say(
                "依据：{r}。分数和测算是估计，不是事实。",
                "Rests on: {r}. Scores and reckonings are estimates, not facts.",
                r=rests,
            )
        ]
    )
    sheet.freeze_panes = "B2"
    footer = sheet.oddFooter
    assert footer is not None
    footer.center.text = say(
        "导出人 {who}，{at}",
        "Exported by {who}, {at}",
        who=request.user,
        at=dt.datetime.now().strftime("%F %T"),
    )
    audit(request.user, "list.export", after={"list": title, "rows": len(lines)})  # type: ignore[arg-type]
    out = io.BytesIO()
    book.save(out)
    response = HttpResponse(
        out.getvalue(), content_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    )
    response["Content-Disposition"] = f'attachment; filename="zhaoyin-chain-{dt.date.today():%Y%m%d}.xlsx"'
    return response
