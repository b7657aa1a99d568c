"""The verification desk: claims beside their evidence, verified or returned with a reason."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from zhaoyin import lifecycle
from zhaoyin.base.errors import Refusal
from zhaoyin.desk.accounts import policy
from zhaoyin.desk.accounts.policy import needs, who
from zhaoyin.desk.deals import actions as deals
from zhaoyin.desk.deals.models import Agreement, Capital, Commitment
from zhaoyin.desk.evidence.models import Mark
from zhaoyin.desk.projects import actions, counting, queries
from zhaoyin.desk.projects import rules as in_force
from zhaoyin.desk.projects.models import Milestone, Opinion
from zhaoyin.desk.projects.views._common import language, opinion_light
from zhaoyin.desk.words import say, sentence

_MODELS: dict[str, Any] = {
    "milestone": Milestone,
    "capital": Capital,
    "agreement": Agreement,
    "commitment": Commitment,
}


@needs("milestone.verify")
def verification(request: HttpRequest) -> HttpResponse:
    return _desk(request, request.GET.get("at", ""))


def _desk(
    request: HttpRequest, at: str, *, toast: str = "", status: int = 200, stop: str = "", undo: str = ""
) -> HttpResponse:
    user = who(request)
    everything = queries.waiting(user)
    claims = [c for c in everything if not c.mine]
    current = next((c for c in claims if c.key == at), claims[0] if claims else None)
    context: dict[str, Any] = {
        "claims": claims, "others": len(everything) - len(claims), "current": current, "toast_words": toast, "stop": stop, "undo_url": undo,
        "oldest": max((c.days for c in claims), default=0),
    }  # fmt: skip
    if current:
        context |= _compare(current)
        place = claims.index(current)
        context["next_key"] = claims[(place + 1) % len(claims)].key
        context["previous_key"] = claims[place - 1].key
    template = (
        "projects/_verification.html" if request.headers.get("HX-Request") else "projects/verification.html"
    )
    return render(request, template, context, status=status)


def _compare(claim_: queries.Claim) -> dict[str, Any]:
    """What is claimed beside what the ledger and the files say."""
    row, obj = claim_.row, claim_.project
    if claim_.model == "milestone":
        assert obj is not None
        state = in_force.state(obj)
        rows = lifecycle.needs(state, row.kind, in_force.rules())
        files = {f.kind: f for f in queries.evidence_of(obj, row.kind)}
        given = {o.kind: o for o in queries.opinions(obj)}
        lines = [
            {
                "what": n.text(language()), "said": _said(state, n), "file": files.get(n.code), "have": n.have,
                "opinion": given.get(n.code), "opinion_light": given.get(n.code) and opinion_light(given[n.code]),
                "visit": n.how == "visit" and not n.have,
            }
            for n in rows
        ]  # fmt: skip
        objections = [o for o in given.values() if o.state == Opinion.State.OBJECTED]
        lines.insert(
            0,
            {
                "what": say("事实日期", "Date of the fact"),
                "said": row.fact_on and row.fact_on.isoformat(),
                "file": None,
                "have": bool(row.fact_on),
            },
        )
        shown = list(queries.evidence_of(obj, row.kind))
        left_out = None
        if row.kind == "signed" and (found := counting.by_rule(obj)):
            word = in_force.rules().exclusions[found.code]
            left_out = (word.text(language()), found.text(language()))
        return {
            "left_out": left_out,
            "lines": lines, "files": [queries.exhibit(f.title, f.sha256, f.material) for f in shown], "lacking": sum(not n.have for n in rows), "gate_code": row.kind,
            "objections": objections if row.kind == "review" else [],
        }  # fmt: skip
    if claim_.model == "capital":
        assert obj is not None
        held = queries.money(obj)
        total = held["counted"] + held["claimed"]
        used = (
            Capital.objects.filter(voucher_sha256=row.voucher_sha256)
            .exclude(pk=row.pk)
            .exclude(mark=Mark.REJECTED)
            .exists()
        )
        lines = [
            {"what": say("金额", "Amount"), "money": row.amount_fen, "currency": row.currency, "have": True},
            {"what": say("到账日", "Received on"), "said": row.received_on.isoformat(), "have": True},
            {"what": say("付款人", "Payer"), "said": f"{row.payer} · {in_force.rules().origins[row.origin].text(language())}", "have": True},
            {"what": say("收款人", "Payee"), "said": row.payee, "have": bool(row.payee)},
            {"what": say("凭证未在别处用过", "Voucher not used elsewhere"), "said": row.voucher_sha256[:4], "have": not used},
            {"what": say("累计不超合同额", "Within the contract"), "money": total, "currency": "CNY", "have": total <= obj.contracted_fen},
        ]  # fmt: skip
        if row.currency != "CNY":
            lines.append(
                {
                    "what": say("当日汇率", "Rate of the day"),
                    "said": row.rate or "",
                    "have": row.cny_fen is not None,
                }
            )
        return {
            "lines": lines,
            "files": [queries.exhibit(row.voucher_name, row.voucher_sha256, row.material)],
            "lacking": sum(not x["have"] for x in lines if x["what"] != say("收款人", "Payee")),
        }
    fields = (
        ("signed_on", "kind", "amount_fen")
        if claim_.model == "agreement"
        else ("text", "due_on", "settled_on", "proof_text")
    )
    lines = []
    for name in fields:
        value = getattr(row, name)
        label = str(row._meta.get_field(name).verbose_name)
        if name.endswith("_fen"):
            lines.append(
                {
                    "what": label,
                    "money": value,
                    "currency": "CNY",
                    "have": value is not None or getattr(row, "kind", "") == "termination",
                }
            )
        else:
            display = getattr(row, f"get_{name}_display", None)
            said = display() if display else value.isoformat() if hasattr(value, "isoformat") else value
            lines.append({"what": label, "said": said, "have": bool(value)})
    return {"lines": lines, "files": [], "lacking": 0}


def _said(state: lifecycle.Project, need: lifecycle.Need) -> Any:
    value = state.values.get(need.code) if need.kind == "field" else ""
    if value is True:
        return say("有", "yes")
    column = in_force.column_of(need.code)
    if isinstance(value, int) and column.endswith("_fen"):
        from zhaoyin.base.money import show_money

        return " ".join(show_money(value))
    if isinstance(value, dt.date):
        return value.isoformat()
    return "" if value in (None, False) else value


@needs("milestone.verify")
@require_POST
def decide(request: HttpRequest, model: str, pk: int) -> HttpResponse:
    """Verify or return the claim on the desk; the next one takes its place."""
    if model not in _MODELS:
        raise Http404
    row = get_object_or_404(_MODELS[model], pk=pk)
    user = who(request)
    seen = int(request.POST.get("seen") or 0) or None
    reason = request.POST.get("reason", "")
    title = str(row)
    try:
        if request.POST.get("as") == "return":
            if model == "milestone":
                actions.send_back(user, row, reason, seen=seen)
            else:
                deals.send_back(user, row, reason, seen=seen)
            words = say("已退回“{t}”。", "Returned “{t}”.", t=title)
        else:
            done = {
                "milestone": actions.verify,
                "capital": deals.verify_capital,
                "agreement": deals.verify_agreement,
                "commitment": deals.confirm_kept,
            }[model]
            noted = {"note": reason} if model in {"milestone", "capital"} else {}
            done(user, row, seen=seen, **noted)  # type: ignore[operator]
            words = say("已核验“{t}”。", "Verified “{t}”.", t=title)
    except policy.Forbidden:
        raise
    except Refusal as refusal:
        return _desk(
            request,
            f"{model}-{pk}",
            stop=sentence(refusal),
            status=409 if refusal.code.endswith("stale") else 422,
        )
    of = row.projects.first() if model == "agreement" else row.project
    way_back = reverse("projects:undo", args=[of.pk]) if of and model != "commitment" else ""
    if request.POST.get("as") == "return":
        way_back = ""
    return _desk(request, request.POST.get("next", ""), toast=words, undo=way_back)
