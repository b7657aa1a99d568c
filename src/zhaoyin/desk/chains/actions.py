"""What is done to chains: versions, owners, reckoning, leads."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.db import models, transaction
from django.utils import timezone

from zhaoyin.base.dates import today
from zhaoyin.base.errors import Refusal
from zhaoyin.base.uscc import fault
from zhaoyin.desk.accounts.models import User
from zhaoyin.desk.actions import action
from zhaoyin.desk.chains import ground, tasks
from zhaoyin.desk.chains.ground import Reckoning
from zhaoyin.desk.chains.models import (
    Approach,
    ChainVersion,
    Errand,
    Membership,
    SegmentOwner,
    Standing,
    Statement,
    ValueChain,
)
from zhaoyin.desk.evidence.actions import PERSON, Source, audit, change, create, prove, recording, remove
from zhaoyin.desk.evidence.models import Mark, Provenance
from zhaoyin.desk.parties import actions as parties
from zhaoyin.desk.parties import queries as parties_queries
from zhaoyin.desk.projects import actions as projects
from zhaoyin.valuechain import Chain, Entry, Shortlist

log = logging.getLogger("zhaoyin.chains")
LEASE = dt.timedelta(minutes=10)
_STATED = ("subject", "likely_name", "statement_en", "value", "bound", "year", "citation", "citation_en")


@action("chain.edit")
def save_version(
    actor: User,
    chain: ValueChain | None = None,
    *,
    graph: Chain,
    note: str = "",
    seen: int | None = None,
) -> ValueChain:
    """A new current version (and the chain itself, the first time). ``seen``: the row version the editor started from."""
    if chain is None:
        chain = create(
            actor, "chain.create", ValueChain, code=graph.chain_id, name=graph.name, name_en=graph.name_en
        )
    last = chain.versions.aggregate(n=models.Max("number"))["n"] or 0
    version = ChainVersion.objects.create(
        chain=chain,
        number=last + 1,
        tables=graph.to_tables(),
        code_names=dict(graph.code_names),
        note=note,
        made_by=actor,
    )
    change(
        actor,
        "chain.change",
        chain,
        seen=seen,
        reason=note,
        current=version,
        name=graph.name,
        name_en=graph.name_en,
    )
    _keep_statements(actor, chain, graph)
    return chain


def _keep_statements(actor: User, chain: ValueChain, graph: Chain) -> None:
    known = {(s.node_id, s.kind, s.subject, s.statement): s for s in chain.statements.all()}
    for claim in graph.claims:
        key = (claim.node_id, claim.kind, claim.subject, claim.statement)
        values = {name: getattr(claim, name) for name in _STATED}
        row = known.pop(key, None)
        if row is None:
            row = create(
                actor, "chain.statement", Statement, chain=chain,
                node_id=claim.node_id, kind=claim.kind, statement=claim.statement, **values,
            )  # fmt: skip
        elif not change(actor, "chain.statement", row, **values):
            continue
        note = f"可能是{claim.likely_name}，未核实" if claim.likely_name else ""
        source = Source(
            kind=Provenance.Locator.CITATION, quote=claim.statement, citation=claim.citation, note=note
        )
        prove(actor, row, {"statement": claim.statement}, Mark.SAID, source)
    for gone in known.values():
        remove(actor, "chain.statement", gone)


@action("chain.edit")
def roll_back(actor: User, chain: ValueChain, number: int) -> ValueChain:
    """Make an earlier version current again, as a new version: nothing is lost."""
    old = chain.versions.filter(number=number).first()
    if old is None:
        raise Refusal(
            "chains.no_version",
            f"{chain} 没有第 {number} 版。",
            f"{chain} has no version {number}.",
            where=str(number),
        )
    return save_version(actor, chain, graph=old.graph, note=f"退回第 {number} 版")


@action("chain.edit")
def set_leader(actor: User, chain: ValueChain, leader: User | None) -> None:
    change(actor, "chain.owner", chain, leader=leader)


@action("chain.edit")
def set_owner(actor: User, chain: ValueChain, *, node_id: str, user: User, role: str) -> SegmentOwner:
    """Put a person in charge of a segment, or change the part they play."""
    _graph(chain).node(node_id)
    found = chain.owners.filter(node_id=node_id, user=user).first()
    if found:
        change(actor, "chain.owner", found, role=role)
        return found
    return create(actor, "chain.owner", SegmentOwner, chain=chain, node_id=node_id, user=user, role=role)


@action("chain.edit")
def remove_owner(actor: User, owner: SegmentOwner) -> None:
    remove(actor, "chain.owner", owner)


@action("chain.shortlist")
def ask_reckoning(actor: User, chain: ValueChain) -> Errand:
    """Queue a reckoning of the chain as it stands; one that waits or runs is not doubled. Refused at once without a universe."""
    _fit_for(actor, ground.manifest().synthetic)
    errand, made = Errand.objects.select_for_update().get_or_create(chain=chain, defaults={"asked_by": actor})
    if made or not errand.under_way:
        errand.asked_by, errand.state, errand.progress = actor, Errand.State.QUEUED, 0
        errand.problem_zh = errand.problem_en = ""
        errand.save()
        transaction.on_commit(lambda: tasks.reckon.enqueue(errand.pk))
    return errand


def carry_out(errand_id: int) -> None:
    """Reckon what was asked for and keep it. Called by the worker; a second call of a finished errand does nothing."""
    now = timezone.now()
    mine = Errand.objects.filter(pk=errand_id)
    waiting = mine.filter(state__in=[Errand.State.QUEUED, Errand.State.RUNNING]).exclude(lease_until__gt=now)
    if not waiting.update(state=Errand.State.RUNNING, lease_until=now + LEASE, progress=5):
        return
    errand = Errand.objects.select_related("chain__current", "asked_by").get(pk=errand_id)
    chain, version = errand.chain, errand.chain.current
    assert version is not None
    try:
        found = ground.reckon(version, lambda done: mine.update(progress=done))
        with transaction.atomic():
            if mine.select_for_update().filter(state=Errand.State.RUNNING).delete()[0]:
                keep_standing(errand.asked_by, chain, version, found)
    except Refusal as refusal:
        _fail(errand, refusal.zh, refusal.en)
    except Exception:
        log.exception("reckoning chain %s failed", chain.pk)
        _fail(
            errand,
            "测算时出了意外，没有记下任何数字。再测算一次；还不行，告诉系统管理员。",
            "The reckoning failed unexpectedly and no figure was kept. Reckon again; if it persists, tell an administrator.",
        )


def _fail(errand: Errand, zh: str, en: str) -> None:
    Errand.objects.filter(pk=errand.pk).update(
        state=Errand.State.FAILED, problem_zh=zh, problem_en=en, lease_until=None, progress=0
    )


def requeue_lost(*, every: bool = False) -> int:
    """Queue again what a killed worker left behind; how many. ``every``: no worker is alive, so every lease is void."""
    lost = Errand.objects.filter(state=Errand.State.RUNNING)
    count = 0
    for errand in lost if every else lost.filter(lease_until__lt=timezone.now()):
        same = Errand.objects.filter(pk=errand.pk, state=Errand.State.RUNNING, lease_until=errand.lease_until)
        if same.update(state=Errand.State.QUEUED, lease_until=None, progress=0):
            tasks.reckon.enqueue(errand.pk)
            count += 1
    return count


def _fit_for(actor: User, synthetic: bool) -> None:
    if synthetic and not actor.is_demo:
        raise Refusal(
            "chains.synthetic",
            "载入的是合成企业库，只供演示账号和测速；真实地区不用合成数据。",
            "The loaded universe is synthetic: it serves demo accounts and speed tests, never a real region.",
        )


@action("chain.shortlist")
def keep_standing(actor: User, chain: ValueChain, version: ChainVersion, found: Reckoning) -> Standing:
    """Keep what was reckoned (outside this transaction), every figure with its formula and the universe it rests on."""
    _fit_for(actor, found.synthetic)
    with recording(is_demo=found.synthetic):
        standing = create(
            actor, "chain.reckon", Standing, chain=chain, of_version=version, region=found.region,
            universe=found.universe, firms=found.firms, synthetic=found.synthetic, report=found.report,
        )  # fmt: skip
    shown: dict[str, Any] = {}
    for node_id, node in found.report["nodes"].items():
        shown |= {f"{node_id}.{name}": _figure(node[name]) for name in FIGURES if node[name] is not None}
    for name in ("diversity", "related_variety", "eci"):
        if found.report[name] is not None:
            shown[name] = _figure(found.report[name])
    label = f"合成 synthetic；{found.universe}" if found.synthetic else found.universe

    def place(field: str) -> Source:
        note = FORMULAS.get(field.rsplit(".", 1)[-1], "")
        return Source(
            kind=Provenance.Locator.CITATION, citation=f"{label}；{found.report['rules']}", note=note
        )

    prove(actor, standing, shown, Mark.ESTIMATE, place)
    _keep_members(actor, chain, found)
    return standing


def _keep_members(actor: User, chain: ValueChain, found: Reckoning) -> None:
    """The machine's memberships anew; what persons decided stays as it is."""
    machine = chain.members.exclude(method=Membership.Method.HUMAN)
    machine.filter(is_demo=found.synthetic).delete()
    taken = set(chain.members.values_list("node_id", "firm_id"))
    rows = [
        Membership(chain=chain, is_demo=found.synthetic, **m)
        for m in found.members
        if (m["node_id"], m["firm_id"]) not in taken
    ]
    Membership.objects.bulk_create(rows, batch_size=500)
    audit(actor, "chain.members", chain, after={"firms": len(rows), "universe": found.universe})


@action("chain.judge")
def judge_member(actor: User, member: Membership, *, belongs: bool, seen: int | None = None) -> Membership:
    """A person says whether a firm is of a segment. It counts from the next reckoning on."""
    if member.is_demo and not actor.is_demo:
        raise Refusal(
            "chains.synthetic",
            "这是合成企业，只供演示账号认定。",
            "This firm is synthetic; only demo accounts judge it.",
        )
    change(
        actor, "chain.judge", member, seen=seen,
        belongs=belongs, method=Membership.Method.HUMAN, score=1.0 if belongs else 0.0,
        decided_by=actor, decided_at=timezone.now(),
    )  # fmt: skip
    prove(actor, member, {"belongs": "是" if belongs else "不是"}, Mark.CLAIMED, PERSON)
    return member


@action("chain.edit")
def set_rivals(actor: User, chain: ValueChain, written: Sequence[str]) -> list[str]:
    """Regions that a person names as rivals, by code or by name; what is no region, or is several, is refused by name."""
    codes = [ground.region_named(one) for one in dict.fromkeys(w.strip() for w in written) if one]
    change(
        actor, "chain.rivals", chain, rivals=[c for c in dict.fromkeys(codes) if c != ground.region_code()]
    )
    return list(chain.rivals)


FIGURES = ("firms", "lq", "density", "n_eff", "dependence", "severity")
FORMULAS = {
    "firms": "在业企业数；代码只部分属于本环节时按份额估计",
    "lq": "((x + 50p) / (X + 50)) / p，95% 区间按泊松分布",
    "density": "本地优势行业与本环节的相近度之和 ÷ 全部相近度之和，不含自身",
    "n_eff": "1 ÷ 赫芬达尔指数，按职工人数",
    "dependence": "Σ 投入权重 × (1 − min(1, 本地 ÷ 需要))",
    "severity": "关键 × 短缺 × 可行",
    "diversity": "本地达到优势（RCA ≥ 1 且 ≥ 3 家）的行业数",
    "related_variety": "两位行业内部的熵，比特",
    "eci": "地区—行业矩阵第二特征向量，标准化",
}


def _figure(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


@action("project.create")
def make_leads(
    actor: User,
    chain: ValueChain,
    *,
    node_id: str,
    firm_ids: Sequence[str],
    found: Shortlist,
    owner: User,
    expires_on: dt.date,
) -> list[Approach]:
    """Take ticked firms of a shortlist up as leads. All or none; a firm taken up before is refused by name."""
    node = _graph(chain).node(node_id)
    if not firm_ids:
        raise Refusal(
            "chains.nobody", "还没有勾选企业。勾选后再转线索。", "No firm is ticked. Tick some first."
        )
    if expires_on <= today():
        raise Refusal(
            "chains.expiry",
            f"到期日 {expires_on} 不在今天之后。",
            f"The date {expires_on} is not after today.",
            where="expires_on",
        )
    if found.synthetic and not actor.is_demo:
        raise Refusal(
            "chains.synthetic",
            "这张清单出自合成企业库，不能转成真实线索。",
            "This list rests on a synthetic universe; it makes no real leads.",
        )
    by_id = {e.firm_id: e for e in found.entries}
    taken = {a.firm_id: a for a in chain.approaches.filter(node_id=node_id).select_related("owner")}
    made = []
    with recording(is_demo=found.synthetic):
        for firm_id in dict.fromkeys(firm_ids):
            if firm_id in taken:
                who = taken[firm_id].owner
                raise Refusal(
                    "chains.taken",
                    f"{taken[firm_id]} 已由{who}跟进。去掉它再试。",
                    f"{taken[firm_id]} is already with {who}. Untick it and try again.",
                    where=firm_id,
                )
            if firm_id not in by_id:
                raise Refusal(
                    "chains.stale",
                    f"清单变了，{firm_id} 已不在其中。刷新后再勾选。",
                    f"The list has changed and no longer holds {firm_id}. Reload and tick again.",
                    where=firm_id,
                )
            made.append(_lead(actor, chain, node, by_id[firm_id], found, owner, expires_on))
    return made


def _lead(
    actor: User,
    chain: ValueChain,
    node: Any,
    entry: Entry,
    found: Shortlist,
    owner: User,
    expires_on: dt.date,
) -> Approach:
    source = Source(
        kind=Provenance.Locator.CITATION,
        citation=f"{chain.name}·{node.name} 目标企业清单（{found.formula}，{entry.score:.0f} 分，估计）",
        note=f"为什么：{entry.why[0]}；不利：{entry.why_not[0]}；不知道：{entry.not_known[0]}",
    )
    organisation = parties_queries.by_name(entry.name)
    if organisation is None:
        code = entry.firm_id if not fault(entry.firm_id) else None
        organisation = parties.save_organisation(
            actor, name=entry.name, uscc=code, mark=Mark.SAID, source=source
        )
    project = projects.create_project(
        actor,
        name=f"{entry.name} · {node.name}",
        investors=[organisation],
        officer=owner,
        sector=node.name[:40],
        came_from=f"{chain.name}目标企业清单",
        source=source,
    )
    return create(
        actor, "chain.lead", Approach, chain=chain, node_id=node.node_id, firm_id=entry.firm_id, project=project,
        owner=owner, expires_on=expires_on, formula=found.formula, score=entry.score,
        contributions=dict(entry.contributions),
    )  # fmt: skip


def _graph(chain: ValueChain) -> Chain:
    assert chain.current is not None
    return chain.current.graph


@action("pack.load", atomic=False)
def load_pack_chains(actor: User, pack: Any) -> int:
    """The chains of a region pack: only those the desk does not have; what people edited since is never overwritten."""
    import zhaoyin.packs

    home = Path(zhaoyin.packs.__file__).parent / pack.region.code / "chains"
    count = 0
    for folder in sorted(home.glob("*/chain.yaml")) if home.is_dir() else []:
        graph = Chain.load(folder.parent)
        if not ValueChain.objects.filter(code=graph.chain_id).exists():
            save_version(actor, graph=graph, note="地区包")
            count += 1
    return count
