"""Gaps of a region in a chain: the kind, the rule that says so with its numbers, the severity, and who contests it.

Rules (``gap@1``), every number printed with the verdict:

- ``missing`` 缺链: nobody here, while a neighbour along the chain is here.
- ``weak`` 弱链: the upper bound of the LQ is under 1, or the effective suppliers are under the 25th percentile of
  regions of a similar size.
- ``single`` 单点: effective suppliers under 2, or one firm has over half; said more sharply where the segment is the
  only way from raw input to a core segment.
- ``dependence`` 外依: over half of the weighted inputs have no local supply.
- ``extend`` 延链: nobody here, directly downstream of a strength.
- ``strong`` 强链: a core segment whose lower bound of the LQ is over 1, with 3 firms or more. Not a gap.

Severity = criticality (share of chain paths) × shortfall (1 - min(1, x / need)) × feasibility (percentile of density).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from zhaoyin.valuechain.complexity import shrunk_lq
from zhaoyin.valuechain.position import Landscape, NodePosition, Position, Said

RULES = "gap@1"
KINDS = ("missing", "extend", "single", "weak", "dependence")
NAMES: dict[str, Said] = {
    "missing": ("缺链", "Missing"),
    "weak": ("弱链", "Weak"),
    "single": ("单点", "Single supplier"),
    "dependence": ("外依", "Dependent"),
    "extend": ("延链", "Extend"),
    "strong": ("强链", "Strong"),
}
ACTIONS: dict[str, Said] = {
    "missing": ("补链", "fill"),
    "weak": ("补链", "fill"),
    "dependence": ("补链", "fill"),
    "single": ("补链", "fill"),
    "extend": ("延链", "extend"),
    "strong": ("强链", "strengthen"),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """One rule that applies, as a sentence with its numbers."""

    kind: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Rival:
    """A rival at one segment: ``kind`` why it is one (see Position), ``firms`` its size there, ``lq`` shrunk.

    ``ahead``: it stands as near to the segment as we do or nearer (density), and has it.
    """

    region: str
    kind: str
    cosine: float
    density: float | None
    firms: float
    lq: float | None
    ahead: bool


@dataclass(frozen=True, slots=True)
class Contested:
    """Contested when at least half the rivals stand as near to the segment and have it already.

    ``who``: every rival, those ahead first, then by density.
    """

    contested: bool
    rivals: int
    ahead: tuple[str, ...]
    who: tuple[Rival, ...] = ()


@dataclass(frozen=True)
class Assessment:
    """A segment judged. ``kinds`` in order of weight, empty when no rule applies or nothing is known (see ``why``)."""

    node_id: str
    position: NodePosition
    verdicts: tuple[Verdict, ...]
    severity: float | None
    contested: Contested | None
    why: dict[str, Said] = field(default_factory=dict)

    @property
    def kinds(self) -> tuple[str, ...]:
        return tuple(v.kind for v in self.verdicts)

    @property
    def is_gap(self) -> bool:
        return any(k in KINDS for k in self.kinds)

    @property
    def kind(self) -> str:
        """The leading kind, or an empty text."""
        return next((k for k in (*KINDS, "strong") if k in self.kinds), "")


@dataclass(frozen=True)
class GapReport:
    region: str
    rules: str
    position: Position
    nodes: tuple[Assessment, ...]

    @property
    def gaps(self) -> tuple[Assessment, ...]:
        """The gaps, gravest first; those of unknown severity last."""
        found = [a for a in self.nodes if a.is_gap]
        return tuple(sorted(found, key=lambda a: (a.severity is None, -(a.severity or 0.0), a.node_id)))

    def of(self, node_id: str) -> Assessment:
        return next(a for a in self.nodes if a.node_id == node_id)


def gaps(landscape: Landscape, region: str, *, rivals: Sequence[str] = ()) -> GapReport:
    """Judge every segment of the chain for one region."""
    position = landscape.position(region, rivals=rivals)
    return GapReport(region, RULES, position, tuple(_assess(landscape, position, n) for n in position.nodes))


def _assess(landscape: Landscape, position: Position, node: NodePosition) -> Assessment:
    chain = landscape.chain
    by_id = {n.node_id: n for n in position.nodes}

    def zh(node_id: str) -> str:
        return chain.node(node_id).name

    def en(node_id: str) -> str:
        return chain.node(node_id).name_en or chain.node(node_id).name

    verdicts: list[Verdict] = []
    why: dict[str, Said] = {}
    known = node.lq is not None
    if not known:
        why["kind"] = node.why.get("lq", ("不知道", "unknown"))
    if known and node.absent:
        around = [
            by_id[other]
            for e in chain.edges
            if node.node_id in (e.source, e.target)
            and (other := e.target if e.source == node.node_id else e.source) in by_id
            and not by_id[other].absent
        ]
        if around:
            near = max(around, key=lambda n: n.firms)
            verdicts.append(
                Verdict(
                    "missing",
                    f"本地 {_firms(node)} 家，而相邻的{zh(near.node_id)}有 {_firms(near)} 家",
                    f"{_firms(node)} firms here, while the neighbouring {en(near.node_id)} has {_firms(near)}",
                )
            )
        else:
            why["kind"] = (
                "本地没有企业，相邻环节也没有，不算缺链",
                "nobody here and nobody in the neighbouring segments, so it counts as no gap",
            )
        strengths = [
            e.source
            for e in chain.edges
            if e.target == node.node_id
            and e.relation != "recycles"
            and e.source in by_id
            and by_id[e.source].strong
        ]
        for s in strengths[:1]:
            strong = by_id[s]
            verdicts.append(
                Verdict(
                    "extend",
                    f"上游{zh(s)}强（LQ {strong.lq:.1f}，下限 {strong.lq_low:.1f} > 1），此处本地没有企业",
                    f"{en(s)} upstream is strong (LQ {strong.lq:.1f}, lower bound {strong.lq_low:.1f} > 1) and nobody here takes it further",
                )
            )
    if known and node.estimated and 0 < node.firms < 1:
        why["kind"] = (
            f"有同代码的企业，按份额只合 {node.firms:.1f} 家，是不是做这个环节要看经营范围或人工认定",
            f"firms share its code and come to {node.firms:.1f} by share; whether any does this needs their texts or a person",
        )
    if known and not node.absent:
        verdicts += _weak(node)
        verdicts += _single(node, zh, en)
        if node.dependence is not None and node.dependence > 0.5:
            lacking = [i for i in node.inputs if i.have < i.need]
            verdicts.append(
                Verdict(
                    "dependence",
                    f"外依度 {node.dependence:.2f} > 0.5："
                    + "、".join(f"{zh(i.source)}有 {i.have:.1f}，需 {i.need:.1f}" for i in lacking),
                    f"dependence {node.dependence:.2f} > 0.5: "
                    + ", ".join(f"{en(i.source)} has {i.have:.1f}, needs {i.need:.1f}" for i in lacking),
                )
            )
        if node.strong and chain.node(node.node_id).is_core:
            verdicts.append(
                Verdict(
                    "strong",
                    f"核心环节，LQ {node.lq:.1f}，区间 {node.lq_low:.1f}–{node.lq_high:.1f}，下限大于 1，{_firms(node)} 家",
                    f"core segment, LQ {node.lq:.1f}, interval {node.lq_low:.1f}–{node.lq_high:.1f} above 1, {_firms(node)} firms",
                )
            )
    severity: float | None = None
    if node.shortfall is None or node.density_rank is None:
        why["severity"] = node.why.get("shortfall") or node.why.get("density") or ("不知道", "unknown")
    else:
        severity = node.criticality * node.shortfall * node.density_rank
    verdicts.sort(key=lambda v: (*KINDS, "strong").index(v.kind))
    return Assessment(
        node.node_id, node, tuple(verdicts), severity, _contested(landscape, position, node), why
    )


def _firms(node: NodePosition) -> str:
    """A size as printed: whole firms, or an estimate from code shares with its sign."""
    return f"≈{node.firms:.1f}" if node.estimated and node.firms % 1 else f"{node.firms:.0f}"


def _weak(node: NodePosition) -> list[Verdict]:
    if node.lq_high is not None and node.lq_high < 1:
        return [
            Verdict(
                "weak",
                f"LQ {node.lq:.2f}，区间 {node.lq_low:.2f}–{node.lq_high:.2f}，上限小于 1",
                f"LQ {node.lq:.2f}, interval {node.lq_low:.2f}–{node.lq_high:.2f}, upper bound under 1",
            )
        ]
    if node.n_eff is None or node.peer_quartile is None or node.n_eff >= node.peer_quartile:
        return []
    return [
        Verdict(
            "weak",
            f"有效供方 {node.n_eff:.1f}，低于 {node.peers} 个规模相近地区的下四分位 {node.peer_quartile:.1f}",
            f"{node.n_eff:.1f} effective suppliers, under the lower quartile {node.peer_quartile:.1f} of {node.peers} regions of similar size",
        )
    ]


def _single(node: NodePosition, zh: Callable[[str], str], en: Callable[[str], str]) -> list[Verdict]:
    if node.n_eff is None or node.top is None or not (node.n_eff < 2 or node.top > 0.5):
        return []
    chokes_zh = f"；断了它，{'、'.join(zh(c) for c in node.cuts_off)}就没有来路" if node.cuts_off else ""
    chokes_en = f"; without it {', '.join(en(c) for c in node.cuts_off)} is cut off" if node.cuts_off else ""
    return [
        Verdict(
            "single",
            f"有效供方 {node.n_eff:.1f}，最大一家占 {node.top:.0%}{chokes_zh}",
            f"{node.n_eff:.1f} effective suppliers, the largest has {node.top:.0%}{chokes_en}",
        )
    ]


def _contested(landscape: Landscape, position: Position, node: NodePosition) -> Contested | None:
    """None when there are no rivals or the density is unknown."""
    if not position.rivals or node.density is None:
        return None
    j = landscape.at[node.node_id]
    p = landscape.national[j] / landscape.totals.sum()
    who = []
    for region, cosine in position.rivals:
        r = landscape.counts.region_index[region]
        w, x = float(landscape.node_density[r, j]), float(landscape.sizes[r, j])
        lq = shrunk_lq(np.asarray(x), landscape.totals[r], p, landscape.shrink) if p > 0 else np.nan
        who.append(
            Rival(
                region=region,
                kind=position.rival_kinds.get(region, "alike"),
                cosine=cosine,
                density=w if np.isfinite(w) else None,
                firms=x,
                lq=float(lq) if np.isfinite(lq) else None,
                ahead=bool(np.isfinite(w) and w >= node.density and x > 0),
            )
        )
    who.sort(key=lambda v: (not v.ahead, -(v.density or 0.0), v.region))
    ahead = tuple(v.region for v in who if v.ahead)
    return Contested(2 * len(ahead) >= len(who), len(who), ahead, tuple(who))
