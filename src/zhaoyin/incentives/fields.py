"""The field dictionary: what an applicant can be asked, in which unit, from whom, and whether it can be changed.

Every value has one canonical integer form: money in fen, area in 0.01 ㎡, ratios in millionths, dates in days since
1970-01-01, counts as they are; yes/no as bool; categories and industry codes as text. ``None`` is "not known".
"""

from __future__ import annotations

import datetime as dt
import difflib
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

from zhaoyin.base.area import SQUARE_METRES_PER
from zhaoyin.base.errors import Refusal
from zhaoyin.base.money import FEN_PER, Money
from zhaoyin.incentives.source import Node

EPOCH = dt.date(1970, 1, 1)
MONEY, COUNT, AREA, RATIO, DATE, BOOL, CATEGORY, INDUSTRY = (
    "金额", "整数", "面积", "比例", "日期", "是否", "类别", "行业",
)  # fmt: skip
TYPES = (MONEY, COUNT, AREA, RATIO, DATE, BOOL, CATEGORY, INDUSTRY)
NUMERIC = (MONEY, COUNT, AREA, RATIO, DATE)
TOUCHES = ("本地纳税", "迁移注册", "本地统计", "指定企业")  # what a reward may not hinge on
# The widest |value| a column may hold; keeps every product inside int64. A dictionary may narrow it with `max`.
LIMIT = {MONEY: 10**15, COUNT: 10**7, AREA: 10**11, RATIO: 10**9, DATE: 10**6}

CURRENCIES = {"元": "CNY", "美元": "USD", "港元": "HKD", "欧元": "EUR", "日元": "JPY"}
_SCALE = {"": 1, "千": 10**3, "万": 10**4, "百万": 10**6, "千万": 10**7, "亿": 10**8, "万亿": 10**12}
AREA_UNITS = {**SQUARE_METRES_PER, "万平方米": Fraction(10_000), "m²": Fraction(1), "m2": Fraction(1)}
COUNT_UNITS = (
    "个月",
    "个百分点",
    "人次",
    "年",
    "月",
    "人",
    "家",
    "个",
    "次",
    "项",
    "台",
    "天",
    "户",
    "套",
    "件",
    "级",
)


def _units() -> dict[str, tuple[str, str, Fraction]]:
    """unit as written: (type, currency or count unit, canonical integers per one)."""
    table: dict[str, tuple[str, str, Fraction]] = {"分": (MONEY, "CNY", Fraction(1))}
    for name, factor in FEN_PER.items():
        table[name] = (MONEY, "CNY", Fraction(factor))
    for name, code in CURRENCIES.items():
        for scale, factor in _SCALE.items():
            table[scale + name] = (MONEY, code, Fraction(100 * factor))
    for name, metres in AREA_UNITS.items():
        table[name] = (AREA, "", metres * 100)
    for name in COUNT_UNITS:
        table[name] = (COUNT, "月" if name == "个月" else name, Fraction(1))
    table["%"] = table["％"] = (RATIO, "", Fraction(10_000))
    table["‰"] = (RATIO, "", Fraction(1_000))
    table["个百分点"] = (RATIO, "", Fraction(10_000))
    return table


UNITS = _units()
QUANTITY = re.compile(
    r"(?P<number>(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?)\s*(?P<unit>"
    + "|".join(sorted(map(re.escape, UNITS), key=len, reverse=True))
    + ")"
)
NUMBER = re.compile(r"[+-]?\d[\d,，]*(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class Field:
    """One entry of the dictionary. ``low``/``high`` bound the canonical integer form, both included."""

    name: str
    type: str
    unit: str = ""  # currency code of money, unit of counts
    options: tuple[str, ...] = ()
    changeable: bool = (
        False  # can the applicant still change it (invest more), or is it what it is (age, industry)
    )
    source: str = ""  # the register it can be fetched from; empty = only the applicant can say
    evidence: str = ""  # the document that proves it
    touches: str = ""  # a lawfulness concern, one of TOUCHES
    note: str = ""
    low: int = 0
    high: int = 0
    absent: int | bool | str | None = None  # what a missing value is declared to mean; None = unknown

    def refuse(self, code: str, zh: str, en: str) -> Refusal:
        return Refusal("applicant." + code, f"“{self.name}”{zh}", f"“{self.name}” {en}", where=self.name)

    def canonical(self, value: Any) -> int | bool | str | None:
        """``value`` as the canonical form of this field. Money and areas must carry a unit; None stays unknown."""
        if (
            value is None
            or (isinstance(value, str) and not value.strip())
            or (isinstance(value, float) and math.isnan(value))
        ):
            return None
        match self.type:
            case "是否":
                return self._yes_no(value)
            case "类别":
                text = str(value).strip()
                if self.options and text not in self.options:
                    raise self.refuse(
                        "option",
                        f"写成“{text}”，只能是 {'、'.join(self.options)}。",
                        f"is “{text}”; it must be one of {', '.join(self.options)}.",
                    )
                return text
            case "行业":
                return str(value).strip().upper()
            case "日期":
                return self._within(self._date(value))
            case _:
                return self._within(self._number(value))

    def _within(self, number: int) -> int:
        if not self.low <= number <= self.high:
            raise self.refuse(
                "range",
                f"的值 {self.show(number)} 超出范围（{self.show(self.low)} 至 {self.show(self.high)}）。检查数字和单位。",
                f"is {self.show(number)}, outside {self.show(self.low)} to {self.show(self.high)}. Check number and unit.",
            )
        return number

    def _yes_no(self, value: Any) -> bool:
        if isinstance(value, bool):
            return value
        text = str(value).strip().lower()
        if text in ("是", "true", "yes", "有", "1"):
            return True
        if text in ("否", "false", "no", "无", "0"):
            return False
        raise self.refuse(
            "boolean", f"写成“{value}”，应是 是 或 否。", f"is “{value}”; it must be yes or no."
        )

    def _date(self, value: Any) -> int:
        if isinstance(value, dt.datetime):
            value = value.date()
        if isinstance(value, str):
            try:
                value = dt.date.fromisoformat(value.strip())
            except ValueError:
                raise self.refuse(
                    "date",
                    f"写成“{value}”，不是日期。写成 2026-11-22。",
                    f"is “{value}”, no date. Write 2026-11-22.",
                ) from None
        if not isinstance(value, dt.date):
            raise self.refuse("date", "应是日期，写成 2026-11-22。", "must be a date such as 2026-11-22.")
        return (value - EPOCH).days

    def _number(self, value: Any) -> int:
        if isinstance(value, Money):
            if self.type != MONEY or value.currency != self.unit:
                raise self.refuse("unit", f"应以 {self.unit_name} 计。", f"must be in {self.unit_name}.")
            return value.fen
        if isinstance(value, bool):
            raise self.refuse("number", "应是数字，不是 是/否。", "must be a number, not yes/no.")
        if isinstance(value, int | float | Decimal):
            if self.type in (MONEY, AREA, RATIO):
                raise self.refuse(
                    "unit",
                    f"写成 {value}，没有单位。写成 {value}{self.unit_name} 这样。",
                    f"is {value} without a unit. Write it like {value}{self.unit_name}.",
                )
            text, unit = str(value), ""
        else:
            text = str(value).strip()
            sign = text[:1] if text[:1] in "+-" else ""
            found = QUANTITY.fullmatch(text.removeprefix(sign).strip())
            if found:
                text, unit = sign + found["number"], found["unit"]
            elif NUMBER.fullmatch(text):
                unit = ""
                if self.type in (MONEY, AREA, RATIO):
                    raise self.refuse(
                        "unit",
                        f"写成“{text}”，没有单位。写成 {text}{self.unit_name} 这样。",
                        f"is “{text}” without a unit. Write it like {text}{self.unit_name}.",
                    )
            else:
                raise self.refuse(
                    "number",
                    f"写成“{text}”，读不成数字。写成 1,200{self.unit_name}。",
                    f"“{text}” does not read as a number.",
                )
        factor = Fraction(1)
        if unit:
            kind, name, factor = UNITS[unit]
            if kind != self.type or (name and self.unit and name != self.unit):
                raise self.refuse(
                    "unit",
                    f"应以 {self.unit_name} 计，写的是 {unit}。",
                    f"must be in {self.unit_name}, not {unit}.",
                )
        exact = Fraction(text.replace(",", "").replace("，", "")) * factor
        if exact.denominator != 1:
            if self.type == AREA:  # 亩 is no whole number of square metres
                return round(exact)
            raise self.refuse("number", f"的值 {value} 小数位太多。", f"is {value}: too many decimals.")
        return int(exact)

    @property
    def unit_name(self) -> str:
        if self.type == MONEY:
            currency = next((name for name, code in CURRENCIES.items() if code == self.unit), self.unit)
            return "万" + currency
        return {AREA: "平方米", RATIO: "%"}.get(self.type, self.unit)

    @property
    def unit_name_en(self) -> str:
        """The same for an English reader; amounts are still typed in yuan or with 万 or 亿."""
        named = {"平方米": "m²", "元": "CNY", "%": "%"} | _ENGLISH
        return named.get(self.unit_name, self.unit_name)

    def show(self, number: int | bool | str | None, language: str = "zh") -> str:
        """A canonical value as a person writes it."""
        return show(number, self.type, self.unit, language)


_ENGLISH = {
    "年": "years",
    "月": "months",
    "个月": "months",
    "人": "people",
    "件": "items",
    "户": "firms",
    "个": "",
}


def show(number: int | bool | str | None, kind: str, unit: str = "", language: str = "zh") -> str:
    """A canonical value of a type as a person writes it, exactly (no rounding)."""
    english = language == "en"
    if number is None:
        return "not known" if english else "未知"
    if isinstance(number, bool):
        return ("yes" if number else "no") if english else ("是" if number else "否")
    if isinstance(number, str):
        return number
    if kind == MONEY:
        if english:
            return f"{unit or 'CNY'} {_plain(Decimal(number) / 100)}"
        name = next(
            (n for n, code in CURRENCIES.items() if code == unit), "元" if unit in ("", "CNY") else unit
        )
        size = abs(number)
        scale, word = (10**10, "亿") if size >= 10**10 else (10**6, "万") if size >= 10**6 else (100, "")
        return f"{_plain(Decimal(number) / scale)}{word}{name}"
    if kind == AREA:
        return f"{_plain(Decimal(number) / 100)}{' m²' if english else '平方米'}"
    if kind == RATIO:
        return f"{_plain(Decimal(number) / 10_000)}%"
    if kind == DATE:
        return (EPOCH + dt.timedelta(days=number)).isoformat()
    if english:
        return f"{number:,} {_ENGLISH.get(unit, unit)}".rstrip()
    return f"{number:,}{'个' if unit == '月' else ''}{unit}"


def _plain(value: Decimal) -> str:
    text = f"{value:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


@dataclass(frozen=True, slots=True)
class Dictionary:
    """The fields by name, and the lists a condition can name (产业目录)."""

    fields: dict[str, Field] = field(default_factory=dict)
    lists: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Field:
        return self.fields[name]

    def __contains__(self, name: object) -> bool:
        return name in self.fields

    def near(self, name: str) -> str | None:
        found = difflib.get_close_matches(name, [*self.fields, *self.lists], 1, 0.5)
        return found[0] if found else None

    def applicant(self, values: Mapping[str, Any]) -> dict[str, int | bool | str | None]:
        """``values`` as canonical values by field; a field that is not in the dictionary is refused."""
        row: dict[str, int | bool | str | None] = {}
        for name, value in values.items():
            entry = self.fields.get(name)
            if entry is None:
                near = self.near(name)
                raise Refusal(
                    "applicant.field",
                    f"没有“{name}”这个字段。" + (f"是不是“{near}”？" if near else "先在字段字典里登记。"),
                    f"There is no field “{name}”. "
                    + (f"Did you mean “{near}”?" if near else "Enter it in the field dictionary first."),
                    where=name,
                )
            row[name] = entry.canonical(value)
        return row


_KEYS = (
    "type", "unit", "currency", "options", "changeable", "source", "evidence", "touches", "note", "signed", "min", "max",
    "absent",
)  # fmt: skip


def read_fields(node: Node) -> dict[str, Field]:
    """The ``fields`` mapping of a dictionary file."""
    return {name: _read_field(name, entry) for name, entry in node.map(of="字段字典").items()}


def _read_field(name: str, node: Node) -> Field:
    if not name.isidentifier():
        node.refuse(
            "name",
            f"字段名“{name}”不能用：只用汉字、字母、数字和下划线，不以数字开头。",
            f"“{name}” cannot be a field name.",
        )
    node.map(_KEYS, of=f"字段“{name}”")
    kind = node.need("type", of=f"字段“{name}”").one_of(TYPES)
    at = node.get("currency") or node.get("unit")
    unit = at.text() if at else ("CNY" if kind == MONEY else "")
    if kind == MONEY:
        unit = CURRENCIES.get(unit, unit)
        if unit not in CURRENCIES.values() and at:
            at.refuse(
                "currency",
                f"币种“{unit}”不认识。写 CNY、USD、HKD、EUR 或 JPY。",
                f"unknown currency “{unit}”.",
            )
    elif kind == COUNT and unit == "个月":
        unit = "月"
    signed = node.get("signed")
    limit = LIMIT.get(kind, 0)
    entry = Field(
        name=name,
        type=kind,
        unit=unit,
        options=tuple(n.texts()) if (n := node.get("options")) else (),
        changeable=n.boolean() if (n := node.get("changeable")) else False,
        source=n.text() if (n := node.get("source")) else "",
        evidence=n.text() if (n := node.get("evidence")) else "",
        touches=n.one_of(TOUCHES) if (n := node.get("touches")) else "",
        note=n.text() if (n := node.get("note")) else "",
        low=-limit if (signed and signed.boolean()) or kind in (DATE, RATIO) else 0,
        high=limit,
    )
    bounds = {}
    for key, slot in (("min", "low"), ("max", "high")):
        if bound := node.get(key):
            bounds[slot] = _bound(entry, bound)
    if bounds:
        entry = _replace(entry, **bounds)
    if absent := node.get("absent"):
        try:
            entry = _replace(entry, absent=entry.canonical(absent.text()))
        except Refusal as refusal:
            absent.refuse("absent", refusal.zh, refusal.en)
    return entry


def _bound(entry: Field, node: Node) -> int:
    try:
        value = _replace(entry, low=-(2**62), high=2**62).canonical(node.text())
    except Refusal as refusal:
        node.refuse("bound", refusal.zh, refusal.en)
    if not isinstance(value, int) or abs(value) > 9 * 10**17:
        node.refuse("bound", "这个界限太大或不是数。", "this bound is too large or no number.")
    return value


def _replace(entry: Field, **changes: Any) -> Field:
    import dataclasses

    return dataclasses.replace(entry, **changes)


def read_lists(node: Node) -> dict[str, tuple[str, ...]]:
    """The ``lists`` mapping: name → codes or categories."""
    return {name: tuple(entry.texts()) for name, entry in node.map(of="名录").items()}


def names_of(values: Iterable[str]) -> str:
    return "、".join(values)
