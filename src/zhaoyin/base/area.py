"""Land and floor area in square metres, shown in 亩 and ㎡ (1 亩 = 2000/3 ㎡, 1 公顷 = 15 亩)."""

from __future__ import annotations

import re
from fractions import Fraction

from zhaoyin.base.errors import Refusal

SQUARE_METRES_PER: dict[str, Fraction] = {
    "平方米": Fraction(1), "㎡": Fraction(1), "平米": Fraction(1), "亩": Fraction(2000, 3),
    "公顷": Fraction(10_000), "平方公里": Fraction(1_000_000), "平方千米": Fraction(1_000_000),
}  # fmt: skip
_TEXT = re.compile(
    r"^\s*([0-9][0-9,，]*(?:\.[0-9]+)?)\s*(万)?\s*(平方公里|平方千米|平方米|平米|公顷|㎡|亩)\s*$"
)


def parse_area(text: str) -> Fraction:
    """A written area ("1000亩", "2平方公里", "3.5万平方米") in square metres, exactly."""
    found = _TEXT.match(text)
    if not found:
        raise Refusal(
            "area.text",
            f"“{text}”读不成面积。写成 120 亩 或 3,000 平方米。",
            f"“{text}” does not read as an area. Write 120 亩 or 3,000 平方米.",
        )
    return Fraction(re.sub("[,，]", "", found[1])) * (10_000 if found[2] else 1) * SQUARE_METRES_PER[found[3]]


def to_mu(square_metres: Fraction | int | float) -> Fraction:
    """Square metres as 亩."""
    return Fraction(square_metres) * 3 / 2000
