"""Whom to approach for a gap: hard gates with counts, seven scored terms with their contributions, and words for each row.

score(f | g, r) = sum_k w_k s_k, every s_k in 0..1, weights sum to 1. The weights are priors, not findings. A missing
input is 0.5 and flagged, never 0. Then one firm per enterprise group and at most three per source city.

Input rows are mappings; all keys but ``firm_id`` and ``name`` are optional, absent (or None, NaN) means unknown:

=================  =================================================================================================
live               is it trading (bool); gate
region             where it is registered (code); gate when it is here already
dishonest, barred  on a dishonesty list; barred by policy (bool); gates
membership         0..1 how surely it is of this segment, with ``evidence`` the words that say so; gate, fit
employees, capital_wan, patents, certificates   capability, each a percentile inside the list
branches_24m, financing_24m, capacity_news, cost_pressure   mobility: counts, or true/false
mobility           how likely to move, 0..1, where the data's owner gives one
local_buyers, local_suppliers   pull: how many along the chain are here
tie                who opens the door (text), or a score in 0..1 with ``tie_said`` the words (zh, en)
rivals_hosting     share (0..1) of the rivals that already host the firm or its group; edge
distance_km        reach, with ``distance_said`` what the distance rests on (zh, en)
group_id, city     for spreading the list
=================  =================================================================================================
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from zhaoyin.base.errors import Refusal
from zhaoyin.valuechain.position import Said

FORMULA = "shortlist@1"
WEIGHTS: dict[str, float] = {
    "fit": 0.25,
    "capability": 0.20,
    "mobility": 0.20,
    "pull": 0.15,
    "tie": 0.10,
    "edge": 0.07,
    "reach": 0.03,
}
NAMES: dict[str, Said] = {
    "fit": ("对口", "Fit"),
    "capability": ("能力", "Capability"),
    "mobility": ("意愿", "Mobility"),
    "pull": ("牵引", "Pull"),
    "tie": ("门路", "Tie"),
    "edge": ("胜面", "Edge over rivals"),
    "reach": ("距离", "Reach"),
}
GATES: dict[str, Said] = {
    "not_live": ("已注销或停业", "not trading"),
    "here": ("已在本地", "already here"),
    "dishonest": ("在失信名单", "on a dishonesty list"),
    "barred": ("负面清单或环保限制", "barred by policy"),
    "uncertain": ("是否属于本环节说不准", "not surely of this segment"),
    "group": ("同一集团只留一家", "one firm per group"),
    "city": ("同一城市最多三家", "at most three per city"),
}
_CAPABILITY: dict[str, Said] = {
    "employees": ("职工", "staff"),
    "capital_wan": ("注册资本", "capital"),
    "patents": ("专利", "patents"),
    "certificates": ("资质", "certificates"),
}
_MOBILITY: dict[str, Said] = {
    "branches_24m": ("近两年外地设点", "branches opened in 24 months"),
    "financing_24m": ("近两年融资", "financing in 24 months"),
    "capacity_news": ("扩产消息", "news of more capacity"),
    "cost_pressure": ("本地成本或用地压力", "land or cost pressure at home"),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One firm: ``score`` 0..100, ``contributions`` in points (sum = score), ``unknown`` terms taken as 0.5."""

    rank: int
    firm_id: str
    name: str
    score: float
    terms: Mapping[str, float]
    contributions: Mapping[str, float]
    unknown: tuple[str, ...]
    why: Said
    why_not: Said
    not_known: Said
    evidence: str
    row: Mapping[str, Any]


@dataclass(frozen=True)
class Shortlist:
    """``removed``: firms taken out per gate; ``considered`` all that came in."""

    node_id: str
    region: str
    formula: str
    weights: Mapping[str, float]
    entries: tuple[Entry, ...]
    considered: int
    removed: Mapping[str, int]
    synthetic: bool = False


def shortlist(
    candidates: Iterable[Mapping[str, Any]],
    *,
    node_id: str,
    region: str,
    is_core: bool = False,
    density: float | None = None,
    rival_density: float | None = None,
    limit: int = 50,
    per_city: int = 3,
    at_least: float = 0.35,
    weights: Mapping[str, float] | None = None,
    synthetic: bool = False,
    pull_said: Said | None = None,
) -> Shortlist:
    """Gate, score, spread and explain.

    ``density`` w_rj here, ``rival_density`` the largest among the rivals; ``pull_said``: who buys and sells here, in words.
    """
    w = dict(weights or WEIGHTS)
    if set(w) != set(WEIGHTS) or abs(sum(w.values()) - 1) > 1e-9 or min(w.values()) < 0:
        raise Refusal(
            "shortlist.weights",
            f"权重要恰好是 {'、'.join(WEIGHTS)} 七项，非负，合计为 1。",
            f"The weights must be exactly {', '.join(WEIGHTS)}, none negative, with sum 1.",
        )
    rows = [{"pull_said": pull_said, **c} if pull_said else dict(c) for c in candidates]
    for number, row in enumerate(rows, 1):
        if not str(row.get("firm_id") or "").strip():
            raise Refusal(
                "shortlist.firm_id",
                f"候选企业第 {number} 行没有 firm_id。",
                f"Candidate row {number} has no firm_id.",
                where=str(number),
            )
    removed: dict[str, int] = {}
    kept = []
    for row in rows:
        gate = _gate(row, region, at_least)
        if gate:
            removed[gate] = removed.get(gate, 0) + 1
        else:
            kept.append(row)
    percentiles = {
        k: _percentile([_number(r.get(k)) for r in kept])
        for k in (*_CAPABILITY, "local_buyers", "local_suppliers")
    }
    scored = []
    for i, row in enumerate(kept):
        terms, unknown = _terms(
            row, {k: v[i] for k, v in percentiles.items()}, is_core, density, rival_density
        )
        score = 100 * sum(w[k] * terms[k] for k in w)
        scored.append((score, row, terms, unknown))
    scored.sort(key=lambda s: (-s[0], str(s[1]["firm_id"])))
    groups: set[str] = set()
    cities: dict[str, int] = {}
    entries: list[Entry] = []
    for score, row, terms, unknown in scored:
        group = str(row.get("group_id") or "")
        city = str(row.get("city") or row.get("region") or "")
        if group and group in groups:
            removed["group"] = removed.get("group", 0) + 1
            continue
        if city and cities.get(city, 0) >= per_city:
            removed["city"] = removed.get("city", 0) + 1
            continue
        groups |= {group} if group else set()
        cities[city] = cities.get(city, 0) + 1
        if len(entries) < limit:
            entries.append(_entry(len(entries) + 1, score, row, terms, unknown=unknown, w=w))
    return Shortlist(node_id, region, FORMULA, w, tuple(entries), len(rows), removed, synthetic)


def _gate(row: Mapping[str, Any], region: str, at_least: float) -> str:
    if _truth(row.get("live")) is False:
        return "not_live"
    if region and str(row.get("region") or "").startswith(region):
        return "here"
    if _truth(row.get("dishonest")):
        return "dishonest"
    if _truth(row.get("barred")):
        return "barred"
    membership = _number(row.get("membership"))
    if membership is not None and membership < at_least:
        return "uncertain"
    return ""


def _number(value: Any) -> float | None:
    if value is None or value == "" or (isinstance(value, str) and not value.strip()):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _truth(value: Any) -> bool | None:
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return value.strip().lower() in {"1", "true", "yes", "是", "在业", "存续"}
    if isinstance(value, float) and math.isnan(value):
        return None
    return bool(value)


def _percentile(values: Sequence[float | None]) -> list[float | None]:
    """Mid-rank percentile among the known values; None stays None."""
    known = np.sort(np.asarray([v for v in values if v is not None], dtype=float))
    if known.size == 0:
        return [None] * len(values)
    return [
        None
        if v is None
        else float(
            (np.searchsorted(known, v, "left") + np.searchsorted(known, v, "right")) / (2 * known.size)
        )
        for v in values
    ]


def _mean(values: Iterable[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return sum(known) / len(known) if known else None


def _terms(
    row: Mapping[str, Any],
    percentile: Mapping[str, float | None],
    is_core: bool,
    density: float | None,
    rival_density: float | None,
) -> tuple[dict[str, float], tuple[str, ...]]:
    membership = _number(row.get("membership"))
    signals: list[float | None] = []
    for key in _MOBILITY:
        number = _number(row.get(key))
        truth = _truth(row.get(key))
        # each further branch or round adds less: 1 - 2^-n
        signals.append(
            None
            if number is None and truth is None
            else 1 - 2.0 ** -(number if number is not None else float(bool(truth)))
        )
    given = _number(row.get("mobility"))
    signals.append(None if given is None else min(1.0, max(0.0, given)))
    pull = _mean([percentile["local_buyers"], percentile["local_suppliers"], density])
    tie_number = _number(row.get("tie"))
    tie: float | None = None
    if tie_number is not None:
        tie = min(1.0, max(0.0, tie_number))
    elif isinstance(row.get("tie"), str) and row["tie"].strip():
        tie = 1.0
    edge: float | None = None
    if density is not None and rival_density is not None and rival_density > 0:
        edge = min(2.0, max(0.0, density / rival_density)) / 2
        hosting = _number(row.get("rivals_hosting"))
        edge = max(0.0, edge - (hosting or 0.0))
    distance = _number(row.get("distance_km"))
    found: dict[str, float | None] = {
        "fit": None if membership is None else min(1.0, membership) * (1.0 if is_core else 0.9),
        "capability": _mean(percentile[k] for k in _CAPABILITY),
        "mobility": _mean(signals),
        "pull": pull,
        "tie": tie,
        "edge": edge,
        "reach": None if distance is None else math.exp(-max(0.0, distance) / 500),
    }
    unknown = tuple(k for k, v in found.items() if v is None)
    return {k: 0.5 if v is None else v for k, v in found.items()}, unknown


def _entry(
    rank: int,
    score: float,
    row: Mapping[str, Any],
    terms: Mapping[str, float],
    *,
    unknown: tuple[str, ...],
    w: Mapping[str, float],
) -> Entry:
    contributions = {k: 100 * w[k] * terms[k] for k in w}
    known = [k for k in w if k not in unknown]
    best = sorted(known, key=lambda k: -contributions[k])[:2]
    worst = min(known, key=lambda k: terms[k], default=None)
    if worst is not None and (worst in best or terms[worst] >= 0.5):
        worst = None
    good = [_say(k, row, terms[k]) for k in best]
    bad = _say(worst, row, terms[worst]) if worst else ("没有一项明显偏低", "nothing stands out as low")
    lacking = [NAMES[k] for k in unknown]
    return Entry(
        rank=rank,
        firm_id=str(row["firm_id"]),
        name=str(row.get("name") or row["firm_id"]),
        score=score,
        terms=dict(terms),
        contributions=contributions,
        unknown=unknown,
        why=(
            "；".join(g[0] for g in good) or "没有已知的理由",
            "; ".join(g[1] for g in good) or "no known reason",
        ),
        why_not=bad,
        not_known=(
            "、".join(n[0] for n in lacking) + "（按 0.5 计）" if lacking else "各项都有数据",
            ", ".join(n[1].lower() for n in lacking) + " (taken as 0.5)"
            if lacking
            else "every term has data",
        ),
        evidence=str(row.get("evidence") or ""),
        row=dict(row),
    )


def _say(term: str, row: Mapping[str, Any], value: float) -> Said:
    """A term as a half sentence with what lies behind it."""
    zh, en = NAMES[term]
    details: list[Said] = []
    if term == "fit" and row.get("evidence"):
        details.append((f"“{row['evidence']}”", f"“{row['evidence']}”"))
    elif term == "capability":
        details = [
            (f"{n[0]} {_number(row[k]):g}", f"{n[1]} {_number(row[k]):g}")
            for k, n in _CAPABILITY.items()
            if _number(row.get(k)) is not None
        ]
    elif term == "mobility":
        details = [n for k, n in _MOBILITY.items() if _number(row.get(k)) or _truth(row.get(k))]
    elif term == "tie" and row.get("tie_said"):
        details.append(row["tie_said"])
    elif term == "tie" and isinstance(row.get("tie"), str):
        details.append((row["tie"], row["tie"]))
    elif term == "reach" and _number(row.get("distance_km")) is not None:
        how = row.get("distance_said")
        km = f"{_number(row['distance_km']):,.0f}"
        details.append((f"{km} 公里", f"{km} km"))
        details += [how] if how else []
    elif term == "edge" and _number(row.get("rivals_hosting")):
        share = f"{_number(row['rivals_hosting']):.0%}"
        details.append((f"{share} 的对手地区已有它", f"{share} of the rivals host it already"))
    elif term == "pull" and row.get("pull_said"):
        details.append(row["pull_said"])
    elif term == "pull":
        buyers, sellers = _number(row.get("local_buyers")), _number(row.get("local_suppliers"))
        if buyers is not None or sellers is not None:
            details.append(
                (
                    f"本地买家 {buyers or 0:g}、供方 {sellers or 0:g}",
                    f"{buyers or 0:g} buyers and {sellers or 0:g} suppliers here",
                )
            )
    inner_zh = "，".join(d[0] for d in details[:2])
    inner_en = ", ".join(d[1] for d in details[:2])
    return (
        f"{zh} {value:.2f}" + (f"（{inner_zh}）" if inner_zh else ""),
        f"{en.lower()} {value:.2f}" + (f" ({inner_en})" if inner_en else ""),
    )
