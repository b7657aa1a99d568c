"""Where a region stands in a chain: sizes, shrunk quotients with intervals, density, suppliers, dependence, rivals.

A :class:`Landscape` is one chain laid over one set of counts; everything about single regions is read from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from zhaoyin.base.errors import Refusal
from zhaoyin.valuechain.chain import Chain, Node
from zhaoyin.valuechain.complexity import (
    PRESENT_AT,
    REGION_FLOOR,
    SHRINK,
    Array,
    Complexity,
    Concentration,
    Counts,
    complexity,
    concentration,
    poisson_interval,
    related_variety,
    shrunk_lq,
)

PEERS_AT = 8  # fewer regions of similar size have no quartile worth the name
Said = tuple[str, str]  # the same sentence in Chinese and English


@dataclass(frozen=True, slots=True)
class Input:
    """One flow into a segment: ``weight`` a_ij normalised over the inputs, firms there are and would be needed."""

    source: str
    weight: float
    have: float
    need: float


@dataclass(frozen=True, slots=True)
class NodePosition:
    """A region at one segment. None is unknown, and ``why`` says so per field; 0 is a true 0.

    ``firms`` the size (an estimate when ``estimated``: code counts times shares), ``expected`` the size at LQ 1;
    ``lq`` shrunk with ``lq_low``..``lq_high`` at 95 %; ``density`` 0..1 and ``density_rank`` its percentile among the
    region's industries; ``n_eff`` effective suppliers, ``top`` the largest share; ``dependence`` 0..1.
    ``peer_quartile`` is the lower quartile of the effective suppliers of ``peers`` regions of similar size.
    """

    node_id: str
    firms: float
    estimated: bool
    expected: float | None
    lq: float | None
    lq_low: float | None
    lq_high: float | None
    density: float | None
    density_rank: float | None
    n_eff: float | None
    top: float | None
    dependence: float | None
    inputs: tuple[Input, ...]
    need: float | None
    shortfall: float | None
    criticality: float
    cuts_off: tuple[str, ...]
    strong: bool
    peers: int = 0
    peer_quartile: float | None = None
    why: Mapping[str, Said] = field(default_factory=dict)

    @property
    def absent(self) -> bool:
        """Nobody: not one firm with a code of the segment, or not one classified firm."""
        return self.firms <= 0


@dataclass(frozen=True)
class Position:
    """One region across the chain, with the figures of the region itself and what they rest on.

    ``rivals`` are (region, cosine of the shrunk log-LQ vectors); ``rival_kinds`` says why each is one: alike (the
    highest cosines), neighbour (the same prefecture), named (by a person).
    """

    region: str
    firms: float
    measure: str
    synthetic: bool
    as_of: str
    nodes: tuple[NodePosition, ...]
    diversity: float | None
    related_variety: float | None
    unrelated_variety: float | None
    eci: float | None
    reliability: float | None
    rivals: tuple[tuple[str, float], ...]
    rival_kinds: Mapping[str, str] = field(default_factory=dict)
    why: Mapping[str, Said] = field(default_factory=dict)

    def node(self, node_id: str) -> NodePosition:
        return next(n for n in self.nodes if n.node_id == node_id)


class Landscape:
    """A chain over the counts of all regions.

    ``members``: sizes by region and segment from classified firms (industries are node ids); without it sizes are
    code counts times the share of the code that belongs to the segment, and marked as estimates.
    ``suppliers``: concentration by (region, node id), see :func:`suppliers`.
    ``confirmed``: firms by (region, node id) that texts or persons put into a segment: the size is never under it;
    ``denied``: firms counted by their code that a person took out.
    """

    def __init__(
        self,
        chain: Chain,
        counts: Counts,
        *,
        members: Counts | None = None,
        suppliers: Mapping[tuple[str, str], Concentration] | None = None,
        confirmed: Mapping[tuple[str, str], float] | None = None,
        denied: Mapping[tuple[str, str], float] | None = None,
        check_halves: bool = True,
        region_floor: float = REGION_FLOOR,
        shrink: float = SHRINK,
    ) -> None:
        self.chain, self.counts, self.members = chain, counts, members
        self.suppliers, self.confirmed, self.denied = suppliers, dict(confirmed or {}), dict(denied or {})
        self.region_floor, self.shrink, self.check_halves = region_floor, shrink, check_halves
        self.leaves: tuple[Node, ...] = chain.leaves
        self.at = {n.node_id: j for j, n in enumerate(self.leaves)}
        if counts.matrix.nnz == 0:
            raise Refusal(
                "counts.empty",
                "载入的企业库里一家企业也没有。先载入企业数据。",
                "The loaded universe holds no firm. Load firms first.",
            )

    @cached_property
    def weights(self) -> csr_matrix:
        """Industries × segments: the share of each industry's firms that belongs to a segment (a code covers its children)."""
        rows, columns, data = [], [], []
        for j, node in enumerate(self.leaves):
            shares = {c.code: c.share for c in self.chain.codes_of(node.node_id)}
            for i, industry in enumerate(self.counts.industries):
                best = max((c for c in shares if industry.startswith(c)), key=len, default=None)
                if best is not None:
                    rows.append(i)
                    columns.append(j)
                    data.append(shares[best])
        return csr_matrix((data, (rows, columns)), shape=(len(self.counts.industries), len(self.leaves)))

    @cached_property
    def complexity(self) -> Complexity:
        return complexity(self.counts, region_floor=self.region_floor, check_halves=self.check_halves)

    @cached_property
    def totals(self) -> Array:
        return np.asarray(self.counts.matrix.sum(1)).ravel()

    @cached_property
    def sizes(self) -> Array:
        """Regions × segments."""
        if self.members is None:
            sizes = np.asarray((self.counts.matrix @ self.weights).todense())
            for region, node_id in {*self.confirmed, *self.denied}:
                if region in self.counts.region_index and node_id in self.at:
                    cell = self.counts.region_index[region], self.at[node_id]
                    left = sizes[cell] - self.denied.get((region, node_id), 0.0)
                    sizes[cell] = max(left, self.confirmed.get((region, node_id), 0.0), 0.0)
            return sizes
        sizes = np.zeros((len(self.counts.regions), len(self.leaves)))
        dense = self.members.matrix.toarray()
        for r, region in enumerate(self.members.regions):
            if region not in self.counts.region_index:
                continue
            for i, node_id in enumerate(self.members.industries):
                if node_id in self.at:
                    sizes[self.counts.region_index[region], self.at[node_id]] = dense[r, i]
        return sizes

    @cached_property
    def national(self) -> Array:
        return np.asarray(self.sizes.sum(0))

    @cached_property
    def node_density(self) -> Array:
        """Regions × segments: density of the segment's industries, weighted by their shares; NaN where none has one."""
        w = self.complexity.density
        known = np.asarray(np.isfinite(w).any(axis=0))
        filled = np.where(np.isfinite(w), w, 0.0)
        weights = self.weights.multiply(known[:, None].astype(float)).tocsr()
        total = np.asarray(weights.sum(0)).ravel()
        with np.errstate(invalid="ignore", divide="ignore"):
            result: Array = np.asarray(filled @ weights.toarray()) / np.where(total > 0, total, np.nan)
        result[~np.isfinite(w).any(1)] = np.nan
        return result

    @cached_property
    def _log_lq(self) -> Array:
        share = np.asarray(self.counts.matrix.sum(0)).ravel() / self.totals.sum()
        lq = shrunk_lq(self.counts.matrix.toarray(), self.totals[:, None], share[None, :], self.shrink)
        logs = np.log(np.where(np.isfinite(lq) & (lq > 0), lq, 1.0))
        norm = np.linalg.norm(logs, axis=1, keepdims=True)
        return np.asarray(logs / np.where(norm > 0, norm, 1.0), dtype=np.float64)

    def rivals(
        self, region: str, count: int = 5, named: Sequence[str] = (), neighbours: int = 3
    ) -> tuple[tuple[str, float, str], ...]:
        """(region, cosine, kind): the regions whose shrunk log-LQ vectors point the same way (``alike``), the nearest
        of those in the same prefecture by GB/T 2260 (``neighbour``), and those a person names (``named``)."""
        r = self.counts.region(region)
        cosine = self._log_lq @ self._log_lq[r]
        allowed = (self.totals >= self.region_floor) & np.isfinite(cosine)
        allowed[r] = False
        order = [int(i) for i in np.argsort(-cosine, kind="stable") if allowed[i]]
        near = [i for i in order if self.counts.regions[i][:4] == region[:4] and len(region) == 6]
        kinds = dict.fromkeys(order[:count], "alike")
        for i in near[:neighbours]:
            kinds.setdefault(i, "neighbour")
        for name in named:
            if (i := self.counts.region(name)) != r:
                kinds.setdefault(i, "named")
        return tuple((self.counts.regions[i], float(cosine[i]), kind) for i, kind in kinds.items())

    def position(self, region: str, *, rivals: Sequence[str] = ()) -> Position:
        """All figures of one region; Refusal when the counts do not hold it."""
        r = self.counts.region(region)
        total = float(self.totals[r])
        why: dict[str, Said] = {}
        large = total >= self.region_floor
        small: Said = (
            f"全地区只有 {total:g} 家企业，少于 {self.region_floor:g} 家，区位商没有意义",
            f"the region has only {total:g} firms, under {self.region_floor:g}, so quotients mean nothing",
        )
        c = self.complexity
        related, unrelated = related_variety(self.counts)
        found = self.rivals(region, named=rivals) if large else ()
        eci = float(c.eci[r]) if np.isfinite(c.eci[r]) else None
        if not large:
            why |= {"lq": small, "eci": small, "diversity": small, "related_variety": small}
        elif c.withheld:
            why["eci"] = c.withheld
        elif eci is None:
            why["eci"] = ("本地没有一个行业达到优势", "no industry of the region reaches an advantage")
        return Position(
            region=region,
            firms=total,
            measure=self.counts.measure,
            synthetic=self.counts.synthetic,
            as_of=self.counts.as_of,
            nodes=tuple(self._node(r, j, large, small) for j in range(len(self.leaves))),
            diversity=float(c.diversity[r]) if large else None,
            related_variety=float(related[r]) if large else None,
            unrelated_variety=float(unrelated[r]) if large else None,
            eci=eci if large else None,
            reliability=c.reliability,
            rivals=tuple((name, cosine) for name, cosine, _ in found),
            rival_kinds={name: kind for name, _, kind in found},
            why=why,
        )

    def _node(self, r: int, j: int, large: bool, small: Said) -> NodePosition:
        node = self.leaves[j]
        why: dict[str, Said] = {}
        x, total, national = float(self.sizes[r, j]), float(self.totals[r]), float(self.national[j])
        p = national / float(self.totals.sum())
        lq = low = high = expected = None
        if not large:
            why["lq"] = small
        elif p <= 0:
            why["lq"] = (
                "全库没有一家这个环节的企业，无从比较",
                "the whole universe has no firm of this segment, so there is nothing to compare with",
            )
        else:
            expected = p * total
            x_low, x_high = poisson_interval(x)
            lq, low, high = (
                float(shrunk_lq(np.asarray(v), total, p, self.shrink)) for v in (x, x_low, x_high)
            )
        w = self.node_density[r, j]
        density = rank = None
        if not large:
            why["density"] = small
        elif not np.isfinite(w):
            why["density"] = (
                "没有足够地区做这个环节的行业，算不出相近度",
                "too few regions have the industries of this segment, so relatedness is unknown",
            )
        else:
            density = float(w)
            others = self.complexity.density[r]
            others = others[np.isfinite(others)]
            rank = float((others <= w + 1e-12).mean())
        known, n_eff, top = self._suppliers(r, node, x, why)
        peers, quartile = self._peers(r, node, why)
        dependence, inputs = self._dependence(r, j, x, why)
        need, shortfall = self._need(r, j, x, expected, why)
        return NodePosition(
            node_id=node.node_id,
            firms=x,
            estimated=self._estimated(r, node, x),
            expected=expected,
            lq=lq,
            lq_low=low,
            lq_high=high,
            density=density,
            density_rank=rank,
            n_eff=n_eff if known else None,
            top=top if known else None,
            dependence=dependence,
            inputs=inputs,
            need=need,
            shortfall=shortfall,
            criticality=self.chain.criticality[node.node_id],
            cuts_off=self.chain.chokepoints.get(node.node_id, ()),
            strong=low is not None and low > 1 and x >= PRESENT_AT,
            peers=peers,
            peer_quartile=quartile,
            why=why,
        )

    def _estimated(self, r: int, node: Node, x: float) -> bool:
        """Whether a size is code counts times shares, and not firms that can be named."""
        named = self.confirmed.get((self.counts.regions[r], node.node_id))
        shared = any(s.share < 1 for s in self.chain.codes_of(node.node_id))
        return self.members is None and shared and (named is None or named < x)

    @cached_property
    def _suppliers_of(self) -> dict[str, tuple[npt.NDArray[np.int64], Array]]:
        """Segment → (regions as numbers, their effective suppliers), known ones only."""
        found: dict[str, tuple[list[int], list[float]]] = {}
        for (region, node_id), c in (self.suppliers or {}).items():
            if c.n_eff is not None and region in self.counts.region_index:
                places, values = found.setdefault(node_id, ([], []))
                places.append(self.counts.region_index[region])
                values.append(c.n_eff)
        return {n: (np.asarray(places), np.asarray(values)) for n, (places, values) in found.items()}

    def _peers(self, r: int, node: Node, why: dict[str, Said]) -> tuple[int, float | None]:
        """Regions with half to twice our firms whose effective suppliers are known, and their lower quartile."""
        places, values = self._suppliers_of.get(node.node_id, (np.zeros(0, int), np.zeros(0)))
        total = self.totals[r]
        peers = values[
            (places != r) & (self.totals[places] >= total / 2) & (self.totals[places] <= total * 2)
        ]
        if peers.size < PEERS_AT:
            why["peer_quartile"] = (
                f"规模相近（企业数在一半到两倍之间）、知道供方集中度的地区只有 {peers.size} 个，少于 {PEERS_AT} 个，不比",
                f"only {peers.size} regions of similar size (half to twice the firms) have known suppliers, under {PEERS_AT}: not compared",
            )
            return int(peers.size), None
        return int(peers.size), float(np.percentile(peers, 25))

    def _suppliers(
        self, r: int, node: Node, x: float, why: dict[str, Said]
    ) -> tuple[bool, float | None, float | None]:
        if x <= 0:
            why["n_eff"] = ("本地没有企业", "there is no firm here")
            return False, None, None
        if self._estimated(r, node, x):
            why["n_eff"] = (
                "行业代码与别的行业共用，数不出本环节的供方",
                "the industry code is shared with other trades, so its suppliers cannot be told apart",
            )
            return False, None, None
        found = (self.suppliers or {}).get((self.counts.regions[r], node.node_id))
        if found is None:
            why["n_eff"] = (
                "没有企业规模数据（职工数或注册资本）",
                "no sizes of firms (employees or capital) are loaded",
            )
            return False, None, None
        if found.n_eff is None:
            why["n_eff"] = (
                f"{found.firms} 家里有 {found.unknown} 家没有规模数据",
                f"{found.unknown} of {found.firms} firms have no size",
            )
            return False, None, None
        return True, found.n_eff, found.top

    def _dependence(
        self, r: int, j: int, x: float, why: dict[str, Said]
    ) -> tuple[float | None, tuple[Input, ...]]:
        """D_rj = sum_i a_ij (1 - min(1, x_ri / need_ri)), a_ij edge weights normalised over the inputs there are at all."""
        edges = [
            e for e in self.chain.upstream_of(self.leaves[j].node_id) if e.source in self.at and e.weight > 0
        ]
        if not edges:
            why["dependence"] = ("这是链上的起点，没有上游", "this is a start of the chain and has no input")
            return None, ()
        if x <= 0 or self.national[j] <= 0:
            why["dependence"] = (
                "本地没有企业，谈不上依赖",
                "there is no firm here that could depend on inputs",
            )
            return None, ()
        stated = sum(e.weight for e in edges)
        edges = [e for e in edges if self.national[self.at[e.source]] > 0]
        weight = sum(e.weight for e in edges)
        if weight <= stated / 2:  # a need of nothing is no need met
            why["dependence"] = (
                "全库几乎没有上游环节的企业，需要多少无从算起",
                "the whole universe has hardly a firm of its inputs, so the need is unknown",
            )
            return None, ()
        inputs = tuple(
            Input(
                e.source,
                e.weight / weight,
                float(self.sizes[r, self.at[e.source]]),
                float(self.national[self.at[e.source]] / self.national[j] * x),
            )
            for e in edges
        )
        return sum(i.weight * (1 - min(1.0, i.have / i.need)) for i in inputs), inputs

    def _need(
        self, r: int, j: int, x: float, expected: float | None, why: dict[str, Said]
    ) -> tuple[float | None, float | None]:
        """The larger of the size at LQ 1 and what local users would need at the national ratio; 1 - min(1, x/need)."""
        if expected is None:
            why["shortfall"] = why.get("lq", ("不知道", "unknown"))
            return None, None
        users = [
            float(self.national[j] / self.national[t] * self.sizes[r, t])
            for e in self.chain.downstream_of(self.leaves[j].node_id)
            if (t := self.at.get(e.target)) is not None and self.national[t] > 0
        ]
        need = max([expected, *users])
        return need, 1 - min(1.0, x / need)


def suppliers(
    chain: Chain, firms: Iterable[tuple[str, str, float | None]], *, by_node: bool = False
) -> dict[tuple[str, str], Concentration]:
    """Concentration by (region, node id) from (region, industry code, size) of single firms.

    Only segments whose codes belong to them wholly: the firms of a code that is shared with other trades are not the
    segment's suppliers. With ``by_node`` the second column is the node id of a classified firm.
    """
    own = {n.node_id: [c.code for c in chain.codes_of(n.node_id)] for n in chain.leaves}
    whole = {n: codes for n, codes in own.items() if all(c.share >= 1 for c in chain.codes_of(n))}
    sizes: dict[tuple[str, str], list[float | None]] = {}
    for region, code, size in firms:
        if by_node:
            nodes = [code] if code in own else []
        else:
            nodes = [n for n, codes in whole.items() if any(code.startswith(c) for c in codes)]
        for node in nodes:
            sizes.setdefault((region, node), []).append(size)
    return {key: concentration(values) for key, values in sizes.items()}
