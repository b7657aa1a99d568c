"""Money: an integer of fen with an ISO 4217 currency, read from and shown in 元 / 万元 / 亿元."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from zhaoyin.base.errors import Refusal

FEN_PER = {
    "分": 1,
    "角": 10,
    "元": 100,
    "千元": 100_000,
    "万元": 1_000_000,
    "百万元": 100_000_000,
    "千万元": 1_000_000_000,
    "亿元": 10_000_000_000,
    "万亿元": 100_000_000_000_000,
}
MAX_FEN = 2**63 - 1

_CURRENCY = {
    "人民币": "CNY", "元": "CNY", "美元": "USD", "美金": "USD", "欧元": "EUR", "日元": "JPY", "港元": "HKD", "港币": "HKD",
    "英镑": "GBP", "韩元": "KRW", "新加坡元": "SGD", "新台币": "TWD", "澳元": "AUD", "加元": "CAD", "瑞士法郎": "CHF",
}  # fmt: skip
_SCALE = {
    "": 1,
    "千": 10**3,
    "万": 10**4,
    "十万": 10**5,
    "百万": 10**6,
    "千万": 10**7,
    "亿": 10**8,
    "十亿": 10**9,
    "百亿": 10**10,
    "千亿": 10**11,
    "万亿": 10**12,
}
_TEXT = re.compile(
    r"^\s*(?:人民币|RMB|CNY|[¥￥])?\s*(?P<number>[0-9][0-9,，]*(?:\.[0-9]+)?)\s*"
    r"(?P<scale>万亿|千亿|百亿|十亿|亿|千万|百万|十万|万|千)?\s*"
    r"(?P<unit>元人民币|人民币|美元|美金|欧元|日元|港元|港币|英镑|韩元|新加坡元|新台币|澳元|加元|瑞士法郎|元)?\s*(?:整)?\s*$",
)


@dataclass(frozen=True, order=True, slots=True)
class Money:
    """An exact amount. ``fen`` is hundredths of the currency's unit, for every currency."""

    fen: int
    currency: str = "CNY"

    def __post_init__(self) -> None:
        if not -MAX_FEN <= self.fen <= MAX_FEN:
            raise _out_of_range(f"{self.fen} 分")

    def __add__(self, other: Money) -> Money:
        if other.currency != self.currency:
            raise ValueError(f"cannot add {other.currency} to {self.currency}")
        return Money(self.fen + other.fen, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.fen, self.currency)

    @property
    def yuan(self) -> Decimal:
        return Decimal(self.fen) / 100


def _out_of_range(amount: str) -> Refusal:
    return Refusal(
        "money.overflow",
        f"金额 {amount} 超出可记范围。检查单位是否写大了。",
        f"The amount {amount} is out of range. Check the unit.",
    )


def to_fen(number: str | int | Decimal, unit: str = "元") -> int:
    """``number`` of ``unit`` (a key of FEN_PER) as fen; half a fen rounds up, never silently drops digits above that."""
    if unit not in FEN_PER:
        raise Refusal(
            "money.unit",
            f"单位“{unit}”不认识。写 元、万元 或 亿元。",
            f"Unknown unit “{unit}”. Write 元, 万元 or 亿元.",
        )
    try:
        value = Decimal(str(number).replace(",", "").replace("，", "").strip())
    except InvalidOperation:
        raise Refusal(
            "money.number",
            f"“{number}”不是数字。只写数字，例如 1,200.50。",
            f"“{number}” is not a number. Write digits such as 1,200.50.",
        ) from None
    if not value.is_finite():
        raise Refusal(
            "money.number",
            f"“{number}”不是数字。只写数字，例如 1,200.50。",
            f"“{number}” is not a number. Write digits such as 1,200.50.",
        )
    if abs(value) > MAX_FEN:
        raise _out_of_range(str(number) + unit)
    fen = int((value * FEN_PER[unit]).quantize(Decimal(1), rounding=ROUND_HALF_UP))
    return Money(fen).fen


def parse_money(text: str, *, default_unit: str | None = None) -> Money:
    """A written amount ("1.2亿元", "3,000 万元", "500万美元") as Money.

    A bare number is refused unless ``default_unit`` (a key of FEN_PER, such as a column head's 万元) is given.
    """
    found = _TEXT.match(text)
    if not found:
        raise Refusal(
            "money.text",
            f"“{text}”读不成金额。写成 1,200 万元 这样。",
            f"“{text}” does not read as an amount. Write it like 1,200 万元.",
        )
    number = Decimal(re.sub("[,，]", "", found["number"]))
    if not found["scale"] and not found["unit"]:
        if default_unit is None:
            raise Refusal(
                "money.unit",
                f"金额“{text.strip()}”没有单位（元？万元？）。写明单位。",
                f"The amount “{text.strip()}” has no unit (元? 万元?). State it.",
            )
        return Money(to_fen(number, default_unit))
    unit = (found["unit"] or "元").replace("元人民币", "元")
    if number > MAX_FEN:
        raise _out_of_range(text.strip())
    fen = (number * _SCALE[found["scale"] or ""] * 100).quantize(Decimal(1), rounding=ROUND_HALF_UP)
    return Money(int(fen), _CURRENCY.get(unit, "CNY"))


def show_money(fen: int, *, currency: str = "CNY") -> tuple[str, str]:
    """(number, unit) for a page: 万元 below 1 亿, 亿元 with two decimals above; 元 below 1 万, and 0 元. Other currencies in 万."""
    sign, value = ("-", -fen) if fen < 0 else ("", fen)
    name = (
        "元"
        if currency == "CNY"
        else next((zh for zh, code in _CURRENCY.items() if code == currency), currency)
    )
    if value >= FEN_PER["亿元"]:
        return sign + _trim(Decimal(value) / FEN_PER["亿元"], 2), "亿" + name
    if value >= FEN_PER["万元"]:
        return sign + _trim(Decimal(value) / FEN_PER["万元"], 2), "万" + name
    return sign + _trim(Decimal(value) / FEN_PER["元"], 2), name


def _trim(value: Decimal, places: int) -> str:
    text = f"{value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP):,}"
    return text.rstrip("0").rstrip(".") if "." in text else text
