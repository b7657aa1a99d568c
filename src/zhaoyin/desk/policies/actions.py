"""What is done to policies."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from zhaoyin import packs
from zhaoyin.base.dates import today
from zhaoyin.base.errors import Refusal
from zhaoyin.desk.accounts.models import User
from zhaoyin.desk.actions import action
from zhaoyin.desk.deals.actions import save_commitment
from zhaoyin.desk.deals.models import Commitment
from zhaoyin.desk.evidence.actions import PERSON, From, change, create, prove
from zhaoyin.desk.evidence.models import Mark
from zhaoyin.desk.policies import queries
from zhaoyin.desk.policies.models import Offer, Policy, Text
from zhaoyin.desk.projects.models import Project
from zhaoyin.incentives import Book, ledger
from zhaoyin.incentives.check import check
from zhaoyin.incentives.model import Commitment as Promise
from zhaoyin.packs import Pack


@action("fact.review")
def save_policy(
    actor: User,
    policy: Policy | None = None,
    *,
    mark: str = Mark.CLAIMED,
    source: From = PERSON,
    **values: Any,
) -> Policy:
    """Make a policy by name or change it, with provenance for what was given."""
    if policy is None:
        policy = create(actor, "policy.create", Policy, **values)
        named = {name for name, value in values.items() if value not in (None, "", [])}
    else:
        named = set(change(actor, "policy.change", policy, **values))
    prove(actor, policy, {name: values[name] for name in named}, mark, source)
    return policy


@action("policy.edit")
def save_text(actor: User, name: str, body: str, *, note: str = "", seen: int = 0) -> Text:
    """A new version of a policy file. Refused, with file and line, unless the whole book reads and its tests pass."""
    if not re.fullmatch(r"[\w.-]{1,70}\.yaml", name):
        raise Refusal(
            "policy.name",
            f"文件名“{name}”不行。用字母、数字、横线，以 .yaml 结尾。",
            f"“{name}” is no file name ending in .yaml.",
        )
    newest = Text.objects.select_for_update().filter(name=name).order_by("-number").first()
    if newest and newest.number != seen:
        raise Refusal(
            "policy.stale",
            f"“{name}”刚有人存了第 {newest.number} 版。刷新后再改。",
            f"version {newest.number} was just saved. Reload.",
        )
    body = body.replace("\r\n", "\n").rstrip() + "\n"
    if newest and newest.body == body:
        return newest
    report = check(queries.with_text(name, body), today())
    failed = [f for f in report.findings if f.level == "error"]
    if failed:
        raise Refusal(
            "policy.tests", "；".join(f.zh for f in failed[:3]), "; ".join(f.en for f in failed[:3])
        )
    number = newest.number + 1 if newest else 1
    return create(actor, "policy.text", Text, name=name, number=number, body=body, note=note, made_by=actor)


@action("policy.edit")
def load_texts(actor: User, files: Mapping[str, str], note: str) -> int:
    """Add the policy files that are not known yet; what was edited here stays. How many are new."""
    return _add_texts(actor, files, note)


@action("policy.edit")
def load_examples(actor: User) -> int:
    """The example set: how amounts are filled in, every figure invented and marked 示例. Never a region's policy."""
    folder = Path(packs.__file__).parent / "example-policies"
    return _add_texts(
        actor, {p.name: p.read_text("utf-8") for p in sorted(folder.glob("*.yaml"))}, "示例，金额为虚构"
    )


def _add_texts(actor: User, files: Mapping[str, str], note: str) -> int:
    known = queries.texts()
    fresh = {name: body for name, body in files.items() if name not in known}
    if fresh:
        Book.parse({**{n: row.body for n, row in known.items()}, **fresh})
    for name, body in fresh.items():
        create(actor, "policy.text", Text, name=name, number=1, body=body, note=note, made_by=actor)
    return len(fresh)


@action("pack.load")
def load_pack_policies(actor: User, pack: Pack) -> int:
    """The policies of a region pack, as data."""
    folder = pack.folder / "policies"
    files = (
        {path.name: path.read_text("utf-8") for path in sorted(folder.glob("*.yaml"))}
        if folder.is_dir()
        else {}
    )
    return _add_texts(actor, files, "地区包") if files else 0


@action("offer.edit")
def make_offer(
    actor: User,
    project: Project,
    on: dt.date,
    facts: Mapping[str, str],
    chosen: Iterable[str],
    picked: Mapping[str, str] | None = None,
) -> Offer:
    """Put chosen clauses into an offer, with the amounts the engine gives on that day. A barred clause is refused.

    ``picked``: {group: clause} where the firm takes one of several.
    """
    found = queries.book()
    if found is None:
        raise Refusal(
            "offer.empty", "还没有条款。先载入政策。", "There are no clauses yet. Load policies first."
        )
    calculation = queries.calculate(found, facts, on, picked=picked)
    wrong = next((a for a in calculation.asks if a.wrong), None)
    if wrong:
        raise Refusal("offer.facts", wrong.wrong, wrong.wrong, where=wrong.field.name)
    wanted, lines = set(chosen), []
    for result in calculation.assessment.results:
        policy = result.policy
        if policy.id not in wanted:
            continue
        law = calculation.laws[policy.id]
        if not law.offerable:
            raise Refusal(
                "offer.barred", f"“{policy.title}”：{law.text('zh')}", f"“{policy.title}”: {law.text('en')}"
            )
        if result.status != "可享受" or not result.amount:
            raise Refusal(
                "offer.open",
                f"“{policy.title}”现在是“{result.status}”，没有确定的金额，不能列入。补全信息或走审批。",
                f"“{policy.title}” has no definite amount yet, so it cannot be offered. Complete the facts or get a decision.",
            )
        award = ledger.Award(policy, on, result.amount)
        plan = [{"on": day.isoformat(), "fen": fen, "words": words} for day, fen, words in ledger.plan(award)]
        lines.append({
            "policy": policy.id, "title": policy.title, "document": policy.source.title, "clause": policy.clause,
            "fen": result.amount, "plan": plan, "lawful": law.text("zh"), "lawful_en": law.text("en"),
            "promises": [{"words": c.words, "due": _due(on, c)} for c in policy.commitments],
        })  # fmt: skip
    if not lines:
        raise Refusal("offer.empty", "至少选一条可享受的条款。", "Choose at least one clause that applies.")
    versions = {name: row.number for name, row in queries.texts().items()}
    return create(
        actor, "offer.create", Offer, project=project, on=on, facts=calculation.facts, lines=lines, texts=versions,
        made_by=actor,
    )  # fmt: skip


def _due(on: dt.date, promise: Promise) -> str:
    """The day a promise of theirs is judged, or the last day it holds."""
    months = promise.by_months or promise.until_months
    return ledger.months_after(on, months).isoformat() if months else ""


@action("offer.edit")
def accept_offer(actor: User, offer: Offer, *, seen: int | None = None) -> Offer:
    """The investor accepted: every instalment becomes a promise of ours, every condition a promise of theirs."""
    offer = Offer.objects.select_for_update().select_related("project").get(pk=offer.pk)
    if offer.state != Offer.State.DRAFT:
        raise Refusal("offer.stale", "这份报价已经接受过了。", "This offer was already accepted.")
    for line in offer.lines:
        clause = f"{line['document']} {line['clause']}".strip()[:120]
        for part in line["plan"]:
            if part["fen"]:
                save_commitment(
                    actor, project=offer.project, side=Commitment.Side.REGION, text=line["title"], clause=clause,
                    amount_fen=part["fen"], condition=part["words"][:300], due_on=dt.date.fromisoformat(part["on"]),
                )  # fmt: skip
        for promise in line["promises"]:
            save_commitment(
                actor,
                project=offer.project,
                side=Commitment.Side.INVESTOR,
                text=promise["words"][:300] or line["title"],
                clause=clause,
                due_on=dt.date.fromisoformat(promise["due"]) if promise["due"] else None,
            )
    change(actor, "offer.accept", offer, seen=seen, state=Offer.State.ACCEPTED)
    return offer
