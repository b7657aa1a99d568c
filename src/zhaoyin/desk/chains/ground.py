"""The desk asks the engines: the universe for counts and firms, the value chain for what they mean. Writes nothing."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings

from zhaoyin.base.errors import Refusal
from zhaoyin.desk.chains.models import ChainVersion, Standing
from zhaoyin.desk.sites.models import Region
from zhaoyin.valuechain import (
    Counts,
    GapReport,
    Landscape,
    Shortlist,
    TermClassifier,
    gaps,
    shortlist,
    suppliers,
)

if TYPE_CHECKING:
    from zhaoyin.universe import Universe

CANDIDATES = 400  # how many firms of the universe are read and classified for one shortlist
LOCAL = 5_000  # local firms read for the concentration of suppliers


def home() -> Path:
    return Path(settings.DATA) / "universe"


def opened() -> Universe | None:
    """The loaded universe, or None when none has been imported."""
    from zhaoyin.universe import open as open_universe  # brings pandas and ibis: only for who asks it

    try:
        return open_universe(home())
    except Refusal as refusal:
        if refusal.code == "universe.absent":
            return None
        raise


def region_code() -> str:
    """GB/T 2260 code of the region of this desk."""
    region = Region.objects.first()
    if region is None:
        raise Refusal(
            "chains.no_region",
            "还没有载入地区包，不知道是哪个地区。先运行 zhaoyin pack load。",
            "No region pack is loaded, so the region is unknown. Run zhaoyin pack load first.",
        )
    return region.adcode


def about(universe: Universe) -> str:
    made = sorted({str(s.get("name") or s.get("file") or "") for s in universe.manifest.sources})
    return f"企业库第 {universe.manifest.generation} 代，{len(universe):,} 家" + (
        f"（{'、'.join(made)[:120]}）" if any(made) else ""
    )


@dataclass(frozen=True)
class Reckoning:
    region: str
    universe: str
    firms: int
    synthetic: bool
    report: dict[str, Any]


def reckon(version: ChainVersion) -> Reckoning:
    """Where the region stands by the loaded universe. Seconds on tens of millions of firms: call it outside transactions."""
    code = region_code()
    universe = opened()
    if universe is None:
        raise Refusal(
            "chains.no_universe",
            "还没有载入企业库，算不出位势。运行 zhaoyin universe import 文件，再来测算。",
            "No universe of firms is loaded, so no position can be reckoned. Run zhaoyin universe import FILE, then reckon.",
        )
    from zhaoyin.universe import Filter

    with universe:
        table = universe.count_by("region:6", "industry:4", filter=Filter(live=True)).to_pydict()
        counts = Counts.of_table(table, synthetic=universe.synthetic)
        codes = tuple({c.code for c in version.graph.codes})
        local = universe.candidates(Filter(industries=codes, regions=(code,)), limit=LOCAL).to_pylist()
        sizes = suppliers(version.graph, ((code, str(f["industry"] or ""), f["employees"]) for f in local))
        landscape = Landscape(version.graph, counts, suppliers=sizes)
        report = gaps(landscape, code)
        return Reckoning(
            code, about(universe), len(universe), universe.synthetic, _plain(report, landscape, local)
        )


def _plain(report: GapReport, landscape: Landscape, local: list[dict[str, Any]]) -> dict[str, Any]:
    position, chain = asdict(report.position), landscape.chain
    rivals = [landscape.counts.region_index[r] for r, _ in report.position.rivals]
    nodes = {}
    for a in report.nodes:
        codes = tuple(c.code for c in chain.codes_of(a.node_id))
        here = [f for f in local if str(f["industry"] or "").startswith(codes)]
        here.sort(key=lambda f: -(f["employees"] or 0))
        nodes[a.node_id] = {
            **asdict(a.position),
            "kinds": list(a.kinds),
            "kind": a.kind,
            "verdicts": [asdict(v) for v in a.verdicts],
            "severity": a.severity,
            "contested": None if a.contested is None else asdict(a.contested),
            "why_kind": a.why,
            "rival_density": _largest(landscape.node_density[rivals, landscape.at[a.node_id]]),
            "local": [
                {"firm_id": f["firm_id"], "name": f["name"], "employees": f["employees"]} for f in here[:30]
            ],
        }
    position["nodes"] = nodes
    position["rules"] = report.rules
    return position


def _largest(values: Any) -> float | None:
    known = [float(v) for v in values if math.isfinite(v)]
    return max(known, default=None)


def shortlisted(
    version: ChainVersion, node_id: str, standing: Standing | None, limit: int = 40
) -> Shortlist | None:
    """Whom to approach for a segment, or None without a universe."""
    universe = opened()
    if universe is None:
        return None
    chain, code = version.graph, region_code()
    node = chain.node(node_id)
    shares = {c.code: c.share for c in chain.codes_of(node_id)}
    classifier = TermClassifier(chain)
    from zhaoyin.universe import Filter

    with universe:
        wanted = Filter(industries=tuple(shares), not_regions=(code,))
        found = universe.candidates(wanted, fit=shares, limit=CANDIDATES).to_pylist()
        texts = (
            {t["place"]: t["text"] or "" for t in universe.texts([f["place"] for f in found]).to_pylist()}
            if found
            else {}
        )
        synthetic = universe.synthetic
    rows = []
    for f in found:
        share = max((s for c, s in shares.items() if str(f["industry"] or "").startswith(c)), default=0.0)
        hit = next(
            (
                c
                for c in classifier.classify(f"{f['name']} {texts.get(f['place'], '')}").candidates
                if c.node_id == node_id
            ),
            None,
        )
        evidence = "、".join(dict.fromkeys(s.term for s in hit.spans if s.weight > 0)) if hit else ""
        rows.append(
            {
                "firm_id": f["firm_id"],
                "name": f["name"],
                "region": f["region"],
                "city": str(f["region"] or "")[:4],
                "live": f["live"],
                "employees": f["employees"],
                "capital_wan": f["capital_wan"],
                "patents": f["patents"],
                "mobility": f["mobility"],
                # a code that belongs to the segment wholly is as sure as a word of its scope
                "membership": max(hit.score if hit else 0.0, 0.8 * share),
                "evidence": evidence,
            }
        )
    place = (standing.report["nodes"].get(node_id) or {}) if standing else {}
    return shortlist(
        rows,
        node_id=node_id,
        region=code,
        is_core=node.is_core,
        density=place.get("density"),
        rival_density=place.get("rival_density"),
        limit=limit,
        synthetic=synthetic,
    )


def stale(standing: Standing | None, version: ChainVersion) -> bool:
    """Whether the chain changed since the standing was reckoned."""
    return standing is not None and standing.of_version_id != version.pk


def default_expiry(today: dt.date) -> dt.date:
    return today + dt.timedelta(days=30)
