"""The desk asks the engines: the universe for counts and firms, the value chain for what they mean. Writes nothing."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings

from zhaoyin.base.errors import Refusal
from zhaoyin.desk.chains.models import SURE, ChainVersion, Membership, Standing
from zhaoyin.desk.parties.doors import doors
from zhaoyin.desk.sites.models import Carrier, Region
from zhaoyin.resolution.tables import divisions, place_codes, place_name, short_place
from zhaoyin.universe.folder import MANIFEST, Manifest
from zhaoyin.valuechain import (
    Chain,
    CodeTable,
    Concentration,
    Counts,
    GapReport,
    Landscape,
    Shortlist,
    TermClassifier,
    concentration,
    distance,
    gaps,
    shortlist,
    suppliers,
)
from zhaoyin.valuechain.terms import BY_CODE
from zhaoyin.valuechain.terms import VERSION as TERMS

if TYPE_CHECKING:
    from zhaoyin.universe import Universe

CANDIDATES = 400  # how many firms of the universe are read and classified for one shortlist
LOCAL = 5_000  # local firms with a code of the chain
SCANNED = 20_000  # local firms whose name and scope are read for the words of a segment
POSSIBLE = 30  # firms kept per segment that only share a code with it, for a person to judge
RIVAL_FIRMS = 5  # firms of the rivals named per segment


def home() -> Path:
    return Path(settings.DATA) / "universe"


def loaded() -> bool:
    """Whether a universe has been imported, readable or not."""
    return (home() / MANIFEST).is_file()


def manifest() -> Manifest:
    """What the loaded universe holds; cheap, the engine is not asked. A Refusal when there is none or it cannot be read."""
    if not loaded():
        raise Refusal(
            "chains.no_universe",
            "还没有载入企业库，算不出位势。运行 zhaoyin universe import 文件，再来测算。",
            "No universe of firms is loaded, so no position can be reckoned. Run zhaoyin universe import FILE, then reckon.",
        )
    return Manifest.read(home())


def opened() -> Universe | None:
    """The loaded universe, or None when none has been imported. Loads the engine: seconds, the first time in a process."""
    from zhaoyin.universe import open as open_universe

    return open_universe(home()) if loaded() else None


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


def region_named(written: str) -> str:
    """The code of a region written as code or name. A Refusal names what no table knows and what may be several."""
    text = written.replace(" ", "")
    if text.isdigit() and text.ljust(6, "0") in divisions():
        return text.ljust(6, "0")
    codes = place_codes().get(text, ())
    if len(codes) == 1:
        return codes[0]
    if codes:
        shown = "、".join(f"{place_name(c)} {c}" for c in codes[:6])
        raise Refusal(
            "chains.region", f"“{written}”有 {len(codes)} 个：{shown}。写代码或写全称。",
            f"“{written}” may be {len(codes)} regions: {shown}. Write the code or the full name.", where=written,
        )  # fmt: skip
    raise Refusal(
        "chains.region", f"没有“{written}”这个地区。写六位代码，或写全名，如 烟台市蓬莱区。",
        f"There is no region “{written}”. Write six digits, or the full name, such as 烟台市蓬莱区.", where=written,
    )  # fmt: skip


def code_table() -> CodeTable | None:
    """The industry codes loaded by ``zhaoyin codes load``, or None."""
    return CodeTable.kept_in(settings.DATA)


def centroids() -> Mapping[str, tuple[float, float]]:
    """Places of regions, where a table of regions with lat and lon was loaded."""
    table = CodeTable.kept_in(settings.DATA, "GB/T 2260")
    return table.places if table else {}


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
    members: list[dict[str, Any]]


def reckon(version: ChainVersion, tell: Callable[[int], object] = lambda done: None) -> Reckoning:
    """Where the region stands by the loaded universe; ``tell`` hears the per cent done.

    Seconds on tens of millions of firms, and when the engine is first loaded: for the worker, outside transactions.
    """
    code = region_code()
    manifest()
    universe = opened()
    assert universe is not None
    from zhaoyin.universe import Filter

    chain = version.graph
    tell(15)
    with universe:
        table = universe.count_by("region:6", "industry:4", filter=Filter(live=True)).to_pydict()
        counts = Counts.of_table(table, synthetic=universe.synthetic)
        tell(30)
        firms = _local(universe, chain, code)
        tell(50)
        members = _members(chain, firms, _judged(version))
        confirmed, denied = _sizes(chain, code, members)
        tell(60)
        landscape = Landscape(
            chain,
            counts,
            suppliers=_suppliers(universe, chain, counts, code, members),
            confirmed=confirmed,
            denied=denied,
        )
        named = [r for r in version.chain.rivals if r in counts.region_index]
        report = gaps(landscape, code, rivals=named)
        tell(85)
        plain = _plain(report, landscape)
        plain["read"] = len(firms)
        plain["rivals_absent"] = [r for r in version.chain.rivals if r not in counts.region_index]
        for node_id, node in plain["nodes"].items():
            node["rival_firms"] = _rival_firms(universe, chain, node_id, report)
        return Reckoning(code, about(universe), len(universe), universe.synthetic, plain, members)


def _local(universe: Universe, chain: Chain, code: str) -> list[dict[str, Any]]:
    """Live firms of the region: those with a code of the chain, and as many others as are read for words, with their texts."""
    from zhaoyin.universe import Filter

    codes = tuple({c.code for c in chain.codes})
    found = universe.candidates(Filter(industries=codes, regions=(code,)), limit=LOCAL).to_pylist()
    have = {f["firm_id"] for f in found}
    found += [
        f
        for f in universe.candidates(Filter(regions=(code,)), limit=SCANNED).to_pylist()
        if f["firm_id"] not in have
    ]
    texts = _texts(universe, found)
    return [{**f, "industry": str(f["industry"] or ""), "text": texts.get(f["place"], "")} for f in found]


def _texts(universe: Universe, firms: list[dict[str, Any]]) -> dict[int, str]:
    if not firms:
        return {}
    return {t["place"]: t["text"] or "" for t in universe.texts([f["place"] for f in firms]).to_pylist()}


def _judged(version: ChainVersion) -> dict[tuple[str, str], bool]:
    """(segment, firm) → whether a person says it belongs."""
    rows = version.chain.members.filter(method=Membership.Method.HUMAN)
    return {(m.node_id, m.firm_id): m.belongs for m in rows}


def _members(
    chain: Chain, firms: list[dict[str, Any]], judged: Mapping[tuple[str, str], bool]
) -> list[dict[str, Any]]:
    """Rows of Membership: by words first, then by code; a firm that only shares a code is kept for a person to judge."""
    classifier = TermClassifier(chain)
    rows, possible = [], dict.fromkeys((n.node_id for n in chain.leaves), 0)
    for f in firms:
        said = {
            c.node_id: (rank, c)
            for rank, c in enumerate(classifier.classify(f"{f['name']} {f['text']}").candidates, 1)
        }
        for node in chain.leaves:
            share, by = chain.share_of(node.node_id, f["industry"])
            rank, hit = said.get(node.node_id, (len(said) + 1, None))
            by_code = BY_CODE * share
            words = "、".join(dict.fromkeys(s.term for s in hit.spans if s.weight > 0)) if hit else ""
            if by_code >= SURE:
                method, score, evidence, version = "code", by_code, f"{by} {words}".strip()[:300], ""
            elif hit and hit.score >= SURE:
                method, score, evidence, version = "term", hit.score, words[:300], TERMS
            elif share > 0:
                method, score, evidence, version = "code", by_code, by, ""
            else:
                continue
            verdict = judged.get((node.node_id, f["firm_id"]))
            if verdict is not None:  # the row itself stays with the person; here it only counts
                method, score = "human", float(verdict)
            elif score < SURE:
                possible[node.node_id] += 1
                if possible[node.node_id] > POSSIBLE:
                    continue
            rows.append(
                {
                    "node_id": node.node_id, "firm_id": f["firm_id"], "name": f["name"], "industry": f["industry"][:8],
                    "employees": f["employees"], "rank": rank, "method": method, "score": score, "evidence": evidence,
                    "model_version": version, "belongs": verdict is not False,
                }
            )  # fmt: skip
    return rows


def _counted(members: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Those taken as firms of their segment: by a code that is the segment's own, or by a person. Words only propose:
    other regions are counted by code alone, and a scope names much that a firm does not do."""
    return (
        m
        for m in members
        if m.get("belongs", True)
        and (m["method"] == "human" or (m["method"] == "code" and m["score"] >= SURE))
    )


def _sizes(
    chain: Chain, code: str, members: list[dict[str, Any]]
) -> tuple[dict[tuple[str, str], float], dict[tuple[str, str], float]]:
    """What persons add to and take from the counts of the region's codes."""
    confirmed: dict[tuple[str, str], float] = {}
    denied: dict[tuple[str, str], float] = {}
    whole = {n.node_id for n in chain.leaves if all(c.share >= 1 for c in chain.codes_of(n.node_id))}
    for m in _counted(members):
        confirmed[code, m["node_id"]] = confirmed.get((code, m["node_id"]), 0.0) + 1
    for m in members:
        if (
            not m.get("belongs", True)
            and m["node_id"] in whole
            and chain.share_of(m["node_id"], m["industry"])[0]
        ):
            denied[code, m["node_id"]] = denied.get((code, m["node_id"]), 0.0) + 1
    return confirmed, denied


def _suppliers(
    universe: Universe, chain: Chain, counts: Counts, code: str, members: list[dict[str, Any]]
) -> dict[tuple[str, str], Concentration]:
    """Concentration here by firms that are named, and of regions of similar size by the staff of firms with whole codes."""
    from zhaoyin.universe import Filter

    whole = tuple(
        {
            c.code
            for n in chain.leaves
            if all(c.share >= 1 for c in chain.codes_of(n.node_id))
            for c in chain.codes_of(n.node_id)
        }
    )
    found: dict[tuple[str, str], Concentration] = {}
    totals = dict(zip(counts.regions, counts.matrix.sum(1).A1, strict=True))
    ours = float(totals.get(code, 0.0))
    peers = {r for r, n in totals.items() if r != code and ours / 2 <= n <= ours * 2}
    if whole and peers:
        grouped = universe.count_by(
            "region:6", "industry:4", "employees", filter=Filter(industries=whole, live=True)
        ).to_pydict()
        rows = zip(
            grouped["region"], grouped["industry"], grouped["employees"], grouped["firms"], strict=True
        )
        found = suppliers(
            chain,
            (one for r, i, size, n in rows if r in peers for one in repeat((r, i or "", size), n)),
        )
    sizes: dict[str, list[float | None]] = {}
    for m in _counted(members):
        sizes.setdefault(m["node_id"], []).append(m["employees"])
    return found | {(code, node_id): concentration(values) for node_id, values in sizes.items()}


def _rival_firms(universe: Universe, chain: Chain, node_id: str, report: GapReport) -> list[dict[str, Any]]:
    """The largest firms of the segment in the rivals that stand nearer to it."""
    from zhaoyin.universe import Filter, Term

    judged = report.of(node_id)
    ahead = judged.contested.ahead if judged.contested else ()
    if not ahead:
        return []
    shares = {c.code: c.share for c in chain.codes_of(node_id)}
    wanted = Filter(industries=tuple(shares), regions=tuple(ahead), min_employees=1)
    by_size = (Term("size", "log", 1.0, "employees", 50_000),)
    found = universe.candidates(wanted, by_size, limit=60).to_pylist()
    texts, classifier = _texts(universe, found), TermClassifier(chain)
    named = []
    for f in found:
        text = f"{f['name']} {texts.get(f['place'], '')}"
        sure, _ = classifier.surety(node_id, str(f["industry"] or ""), text)
        if sure >= SURE:
            named.append({"name": f["name"], "region": f["region"], "employees": f["employees"]})
    return named[:RIVAL_FIRMS]


def _plain(report: GapReport, landscape: Landscape) -> dict[str, Any]:
    position = asdict(report.position)
    rivals = [landscape.counts.region_index[r] for r, _ in report.position.rivals]
    position["nodes"] = {
        a.node_id: {
            **asdict(a.position),
            "kinds": list(a.kinds),
            "kind": a.kind,
            "verdicts": [asdict(v) for v in a.verdicts],
            "severity": a.severity,
            "contested": None if a.contested is None else asdict(a.contested),
            "why_kind": a.why,
            "rival_density": _largest(landscape.node_density[rivals, landscape.at[a.node_id]]),
        }
        for a in report.nodes
    }
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
        texts = _texts(universe, found)
        synthetic = universe.synthetic
    report: dict[str, Any] = standing.report if standing else {}
    rivals = [r for r, _ in report.get("rivals", [])]
    known = doors({f["firm_id"]: f["name"] for f in found}, code, _homes())
    points = centroids()
    rows = []
    for f in found:
        text = f"{f['name']} {texts.get(f['place'], '')}"
        sure, evidence = classifier.surety(node_id, str(f["industry"] or ""), text)
        region = str(f["region"] or "")
        away = distance(code, region, points)
        door = known.get(f["firm_id"])
        rows.append(
            {
                "firm_id": f["firm_id"],
                "name": f["name"],
                "region": region,
                "city": region[:4],
                "live": f["live"],
                "employees": f["employees"],
                "capital_wan": f["capital_wan"],
                "patents": f["patents"],
                "mobility": f["mobility"],
                "membership": sure,
                "evidence": evidence,
                "distance_km": away.km if away else None,
                "distance_said": away.basis if away else None,
                "tie": door.strength if door else None,
                "tie_said": (door.zh, door.en) if door and door.strength is not None else None,
                "group_id": door.group if door else "",
                "rivals_hosting": sum(region.startswith(r) for r in rivals) / len(rivals) if rivals else None,
            }
        )
    place = (report.get("nodes") or {}).get(node_id) or {}
    return shortlist(
        rows,
        node_id=node_id,
        region=code,
        is_core=node.is_core,
        density=place.get("density"),
        rival_density=place.get("rival_density"),
        limit=limit,
        synthetic=synthetic,
        pull_said=_around(chain, node_id, report.get("nodes") or {}),
    )


def _around(chain: Chain, node_id: str, nodes: Mapping[str, Any]) -> tuple[str, str] | None:
    """Who buys from and sells to the segment here, in words."""
    if not nodes:
        return None
    said: list[tuple[str, str]] = []
    for words, edges, end in (
        (("下游", "buyers"), chain.downstream_of(node_id), "target"),
        (("上游", "suppliers"), chain.upstream_of(node_id), "source"),
    ):
        there = [
            (chain.node(getattr(e, end)), nodes.get(getattr(e, end), {}).get("firms") or 0) for e in edges
        ]
        for n, firms in there:
            if firms >= 1:
                said.append(
                    (
                        f"本地{words[0]}{n.name} {firms:.0f} 家",
                        f"{words[1]} here: {n.name_en or n.name} {firms:.0f}",
                    )
                )
    if not said:
        return ("本地上下游都没有企业", "nobody up or down the chain here")
    return "，".join(s[0] for s in said), ", ".join(s[1] for s in said)


def _homes() -> list[str]:
    """Names by which a place is ours: the region and the carriers in it."""
    region = Region.objects.first()
    return [
        *([region.name, short_place(region.name)] if region else []),
        *Carrier.objects.values_list("name", flat=True),
    ]


def stale(standing: Standing | None, version: ChainVersion) -> bool:
    """Whether the chain changed since the standing was reckoned."""
    return standing is not None and standing.of_version_id != version.pk


def default_expiry(today: dt.date) -> dt.date:
    return today + dt.timedelta(days=30)
