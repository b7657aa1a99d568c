"""How far two regions are apart: by their centroids where a table gives them, else by what the code itself says.

A GB/T 2260 code names province, prefecture and county. Without centroids two counties of one prefecture count as 60 km,
of one province as 250 km (usual distances, not measured ones), and others as far as the seats of their provinces. The
basis is part of the answer, so that an estimate is never read as a measurement.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

Place = tuple[float, float]  # latitude, longitude in degrees
EARTH_KM = 6371.0
SAME_PREFECTURE_KM, SAME_PROVINCE_KM = 60.0, 250.0


@dataclass(frozen=True, slots=True)
class Distance:
    """``km`` and what it rests on, in Chinese and English."""

    km: float
    basis: tuple[str, str]


@cache
def _seats() -> dict[str, Place]:
    """Province → its seat, to a hundredth of a degree."""
    text = resources.files("zhaoyin.valuechain").joinpath("data/seats.csv").read_text(encoding="utf-8")
    return {row["code"]: (float(row["lat"]), float(row["lon"])) for row in csv.DictReader(text.splitlines())}


def great_circle(a: Place, b: Place) -> float:
    """Kilometres along the sphere (haversine)."""
    (p, k), (q, m) = ((math.radians(x), math.radians(y)) for x, y in (a, b))
    h = math.sin((q - p) / 2) ** 2 + math.cos(p) * math.cos(q) * math.sin((m - k) / 2) ** 2
    return 2 * EARTH_KM * math.asin(math.sqrt(min(1.0, h)))


def distance(a: str, b: str, centroids: Mapping[str, Place] | None = None) -> Distance | None:
    """Between two region codes of 2, 4 or 6 digits, or None when a code says nothing (no province has it)."""
    table = centroids or {}
    here, there = (next((table[c] for c in _above(code) if c in table), None) for code in (a, b))
    if here and there:
        return Distance(great_circle(here, there), ("按两地坐标", "between the two centroids"))
    seats = _seats()
    if a[:2] not in seats or b[:2] not in seats:
        return None
    if a[:2] == b[:2]:
        if a == b:
            return Distance(0.0, ("同一地区", "the same region"))
        if len(a) >= 4 and a[:4] == b[:4]:
            return Distance(SAME_PREFECTURE_KM, ("同一地级市，粗估", "the same prefecture, a rough estimate"))
        return Distance(SAME_PROVINCE_KM, ("同省，粗估", "the same province, a rough estimate"))
    return Distance(
        great_circle(here or seats[a[:2]], there or seats[b[:2]]),
        ("按省会粗估", "by provincial seats, rough"),
    )


def _above(code: str) -> tuple[str, ...]:
    """The code and the prefecture it lies in, written short and long; a province is too wide to be a place."""
    return (code, code[:4], f"{code[:4]}00") if len(code) >= 4 else (code,)
