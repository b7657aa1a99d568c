"""The text of a condition or amount → a typed tree. Units are checked; nothing is ever evaluated as code.

A small tokenizer rewrites what Python's grammar does not know (3,000万元, 5%, 2026-11-22, ≥, 且) into names and
operators while keeping every place, then the standard ``ast`` reads it, then each node is typed. Bounds travel with
every number, so that a product that could leave int64 is refused when the policy is read, not when it is paid.
"""

from __future__ import annotations

import ast
import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil, floor, lcm
from typing import NoReturn, cast

from zhaoyin.base.text import MappedText
from zhaoyin.incentives import expr as x
from zhaoyin.incentives import fields as f
from zhaoyin.incentives.source import Node

MAX_TEXT = 2_000
MAX_DEPTH = 40

NUMBER = "数"  # a pure number: an exact rational, or a rate whose value is not known yet
_WORDS = {
    "且": "and",
    "并且": "and",
    "或": "or",
    "或者": "or",
    "非": "not",
    "属于": "in",
    "是": "True",
    "否": "False",
}
_SIGNS = {
    "≥": ">=",
    "≤": "<=",
    "≠": "!=",
    "＞": ">",
    "＜": "<",
    "×": "*",
    "÷": "/",
    "（": "(",
    "）": ")",
    "，": ",",
    "＝": "==",
}
_TOKEN = re.compile(
    r"(?P<space>\s+)|(?P<text>'[^'\n]*'|\"[^\"\n]*\"|“[^”\n]*”)|(?P<date>\d{4}-\d{2}-\d{2})"
    r"|(?P<quantity>"
    + f.QUANTITY.pattern
    + r")|(?P<plain>(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?)|(?P<word>[^\W\d]\w*)|(?P<other>.)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Typed:
    """A tree with its type. A number's true value is ``node`` / ``den``; ``low``/``high`` bound ``node``."""

    node: x.Node
    type: str  # one of fields.TYPES, or NUMBER
    unit: str = ""
    den: int = 1
    low: int = 0
    high: int = 0
    exact: Fraction | None = None  # of a NUMBER: its value; None for a rate that is unknown today
    name: str = ""  # the field's, when the tree is one field


@dataclass(frozen=True, slots=True)
class Rate:
    """A dated parameter on the day: an interest rate, an exchange rate (``currency`` → CNY), an amount."""

    value: Fraction | None
    type: str = NUMBER
    unit: str = ""
    currency: str = ""


@dataclass(frozen=True)
class Scope:
    """What names mean: fields and lists, parameters on the day, and the file's own ``let``."""

    dictionary: f.Dictionary
    rates: Mapping[str, Rate]
    lets: Mapping[str, Callable[[], Typed]]


def condition(node: Node, scope: Scope) -> x.Bool:
    """The condition written at ``node``."""
    typed, reader = _read(node, scope)
    return reader.boolean(typed, reader.tree)


def number(node: Node, scope: Scope) -> Typed:
    """The number written at ``node``: a typed quantity, or NUMBER."""
    typed, reader = _read(node, scope)
    if typed.type not in (*f.NUMERIC, NUMBER):
        reader.refuse(reader.tree, "type", "这里要一个数或金额。", "a number or an amount is needed here.")
    return typed


def money(node: Node, scope: Scope, *, currency: str = "CNY") -> Typed:
    """The amount of money written at ``node``; a bare number is refused."""
    typed = number(node, scope)
    if typed.type != f.MONEY:
        if typed.type == NUMBER and typed.exact == 0:
            return Typed(x.Const(0), f.MONEY, currency)
        text = node.text()
        node.refuse(
            "unit",
            f"“{text}”不是金额，缺少单位。写成 {text}万元 这样。"
            if typed.type == NUMBER
            else f"“{text}”是{typed.type}，不是金额。",
            f"“{text}” is no amount of money. State the unit, such as {text}万元.",
        )
    if typed.unit != currency:
        node.refuse(
            "currency",
            f"“{node.text()}”是 {typed.unit}，这里要 {currency}。乘以登记的汇率。",
            f"“{node.text()}” is in {typed.unit}, {currency} is needed. Multiply by a registered exchange rate.",
        )
    return typed


def rate(node: Node, scope: Scope) -> Fraction | None:
    """The rate written at ``node`` (5%, 1.5‰, a parameter); None when a parameter has no value on the day."""
    typed = number(node, scope)
    if typed.type == NUMBER:
        return typed.exact
    node.refuse(
        "rate", f"“{node.text()}”应是比例，写成 5% 这样。", f"“{node.text()}” must be a rate such as 5%."
    )


def _read(node: Node, scope: Scope) -> tuple[Typed, _Reader]:
    reader = _Reader(node, scope)
    return reader.typed(reader.tree), reader


class _Reader:
    def __init__(self, node: Node, scope: Scope) -> None:
        self.at, self.scope = node, scope
        source = node.text()
        if len(source) > MAX_TEXT:
            node.refuse(
                "length",
                f"式子超过 {MAX_TEXT} 字。拆成几个 let。",
                "the expression is too long. Split it with let.",
            )
        self.quantities: dict[str, Typed] = {}
        self.mapped = MappedText.of(source).rewrite(self._rewrite(source))
        try:
            self.tree: ast.expr = ast.parse(self.mapped.text, mode="eval").body
        except SyntaxError as error:
            near = self._text(error.lineno or 1, max((error.offset or 1) - 1, 0), None)
            node.refuse(
                "syntax",
                f"式子读不懂，在“{near}”附近。检查括号、引号和运算符。",
                f"the expression does not read, near “{near}”. Check brackets, quotes and operators.",
            )
        except (RecursionError, MemoryError, ValueError):
            node.refuse(
                "depth",
                "式子嵌套太深。拆成几个 let。",
                "the expression is nested too deep. Split it with let.",
            )

    def _rewrite(self, source: str) -> list[tuple[int, int, str]]:
        edits, depth = [], 0
        for token in _TOKEN.finditer(source):
            span, text = token.span(), token[0]
            match token.lastgroup:
                case "quantity" | "unit" | "number":
                    edits.append((*span, self._placeholder(token["number"], token["unit"])))
                case "plain" if "," in text or "." in text:
                    value = Fraction(text.replace(",", ""))
                    edits.append((*span, self._place(_number(value))))
                case "plain" if len(text) > 18:
                    self.at.refuse("overflow", f"数字 {text} 太大。", f"the number {text} is too large.")
                case "plain":
                    edits.append((*span, self._place(_number(Fraction(int(text))))))
                case "date":
                    try:
                        day = (dt.date.fromisoformat(text) - f.EPOCH).days
                    except ValueError:
                        self.at.refuse(
                            "date", f"“{text}”不是日期。写成 2026-11-22。", f"“{text}” is not a date."
                        )
                    edits.append((*span, self._place(Typed(x.Const(day), f.DATE, low=day, high=day))))
                case "text" if text[0] == "“":
                    edits.append((*span, repr(text[1:-1])))
                case "word" if text in _WORDS and text not in self.scope.dictionary:
                    edits.append((*span, f" {_WORDS[text]} "))
                case "other":
                    depth += (text in "([（") - (text in ")]）")
                    if depth > MAX_DEPTH:
                        self.at.refuse(
                            "depth",
                            "括号嵌套太深。拆成几个 let。",
                            "brackets nested too deep. Split with let.",
                        )
                    if text in _SIGNS:
                        edits.append((*span, _SIGNS[text]))
                case "space" if "\n" in text:
                    edits.append((*span, " "))
        return edits

    def _placeholder(self, digits: str, unit: str) -> str:
        kind, name, factor = f.UNITS[unit]
        value = Fraction(digits.replace(",", "")) * factor
        if kind == f.RATIO:
            return self._place(_number(value / 1_000_000))
        if value.denominator != 1 and kind != f.AREA:
            self.at.refuse(
                "fraction",
                f"“{digits}{unit}”不足一{'分' if kind == f.MONEY else unit}。",
                f"“{digits}{unit}” is not whole.",
            )
        if value > 9 * 10**17:
            self.at.refuse(
                "overflow",
                f"“{digits}{unit}”太大。检查单位。",
                f"“{digits}{unit}” is too large. Check the unit.",
            )
        return self._place(
            Typed(x.Const(value.numerator), kind, name, value.denominator, value.numerator, value.numerator)
        )

    def _place(self, typed: Typed) -> str:
        name = f"_q{len(self.quantities)}"
        self.quantities[name] = typed
        return name

    def _text(self, line: int, start: int, end: int | None) -> str:
        text = self.mapped.text
        start = min(start, max(len(text) - 1, 0))
        end = min(start + 8, len(text)) if end is None else min(end, len(text))
        return self.mapped.quote(start, max(end, start)) or self.mapped.source

    def written(self, tree: ast.expr) -> str:
        """The author's own characters behind a node."""
        raw = self.mapped.text.encode()
        start = len(raw[: tree.col_offset].decode())
        end = len(raw[: tree.end_col_offset or tree.col_offset].decode())
        return self._text(1, start, end)

    def refuse(self, tree: ast.expr, code: str, zh: str, en: str) -> NoReturn:
        piece = self.written(tree)
        self.at.refuse(code, f"“{piece}”：{zh}", f"“{piece}”: {en}")

    # -- typing ------------------------------------------------------------------------------------------------

    def typed(self, tree: ast.expr) -> Typed:
        result = self._typed(tree)
        if max(abs(result.low), abs(result.high)) > x.INT64:
            self.refuse(
                tree,
                "overflow",
                "结果可能超出可算范围。在字段字典里写明相关字段的最大值（max）。",
                "the result may overflow. State the largest value (max) of its fields in the dictionary.",
            )
        return result

    def _typed(self, tree: ast.expr) -> Typed:
        match tree:
            case ast.Name(id=name):
                return self._name(tree, name)
            case ast.Constant(value=bool(value)):
                return Typed(x.Truth(value), f.BOOL)
            case ast.Constant(value=str(value)):
                return Typed(x.Truth(True), f.CATEGORY, name=value)
            case ast.BoolOp(op=op, values=values):
                parts = [self.boolean(self.typed(v), v) for v in values]
                return Typed((x.both if isinstance(op, ast.And) else x.either)(*parts), f.BOOL)
            case ast.UnaryOp(op=ast.Not(), operand=arg):
                return Typed(x.negate(self.boolean(self.typed(arg), arg)), f.BOOL)
            case ast.UnaryOp(op=ast.USub(), operand=arg):
                return self._combine(tree, ast.Sub(), _zero(self.typed(arg)), self.typed(arg))
            case ast.Compare(left=left, ops=signs, comparators=rights):
                parts = []
                for sign, right in zip(signs, rights, strict=True):
                    parts.append(self._compare(tree, left, sign, right))
                    left = right
                return Typed(x.both(*parts), f.BOOL)
            case ast.BinOp(left=left, op=op, right=right):
                return self._combine(tree, op, self.typed(left), self.typed(right))
            case ast.Call(func=ast.Name(id="min" | "max" as name), args=args, keywords=[]) if args:
                return self._extreme(tree, name, [self.typed(a) for a in args])
            case ast.IfExp(test=test, body=body, orelse=orelse):
                when = self.boolean(self.typed(test), test)
                (a, b) = self._align(tree, [self.typed(body), self.typed(orelse)])
                node = x.Case(((when, _num(a)),), _num(b))
                return replace(
                    a, node=node, low=min(a.low, b.low), high=max(a.high, b.high), exact=None, name=""
                )
        self.refuse(
            tree,
            "syntax",
            "只可用 比较、and/or/not、in、加减乘、整除 //、min、max、A if 条件 else B。",
            "only comparisons, and/or/not, in, + - *, //, min, max and A if C else B are allowed.",
        )

    def _name(self, tree: ast.expr, name: str) -> Typed:
        if name in self.quantities:
            return self.quantities[name]
        if name in self.scope.lets:
            return self.scope.lets[name]()
        if name in self.scope.rates:
            return _of_rate(name, self.scope.rates[name])
        if name in self.scope.dictionary:
            entry = self.scope.dictionary[name]
            if entry.type == f.BOOL:
                return Typed(x.Flag(name), f.BOOL, name=name)
            return Typed(x.Field(name), entry.type, entry.unit, low=entry.low, high=entry.high, name=name)
        near = self.scope.dictionary.near(name)
        self.refuse(
            tree,
            "field",
            "字段字典里没有这个字段。" + (f"是不是“{near}”？" if near else "先在字典里登记。"),
            "no such field in the dictionary. "
            + (f"Did you mean “{near}”?" if near else "Enter it there first."),
        )

    def boolean(self, typed: Typed, tree: ast.expr) -> x.Bool:
        if typed.type != f.BOOL or not isinstance(typed.node, x.Bool):
            self.refuse(tree, "type", "这里要一个条件（是/否）。", "a condition (yes/no) is needed here.")
        return typed.node

    def _compare(self, tree: ast.expr, left: ast.expr, op: ast.cmpop, right: ast.expr) -> x.Bool:
        if isinstance(op, ast.In | ast.NotIn):
            return self._member(left, right, isinstance(op, ast.In))
        sign = {ast.GtE: ">=", ast.Gt: ">", ast.LtE: "<=", ast.Lt: "<", ast.Eq: "==", ast.NotEq: "!="}.get(
            type(op)
        )
        if sign is None:
            self.refuse(tree, "syntax", "不能用 is。用 ==。", "use == rather than is.")
        a, b = self.typed(left), self.typed(right)
        if f.BOOL in (a.type, b.type):
            if a.type == b.type == f.BOOL and isinstance(b.node, x.Truth) and sign in ("==", "!="):
                node = self.boolean(a, left)
                return node if b.node.value == (sign == "==") else x.negate(node)
            self.refuse(
                tree,
                "type",
                "是/否 不能这样比较。直接写字段名，或 not 字段名。",
                "compare yes/no fields by name or not name.",
            )
        if a.type in (f.CATEGORY, f.INDUSTRY) or b.type in (f.CATEGORY, f.INDUSTRY):
            if sign not in ("==", "!="):
                self.refuse(
                    tree,
                    "type",
                    "类别只能比 == 或 !=，或用 in。",
                    "categories compare with == or != only, or in.",
                )
            return self._category(tree, a, [b.name] if isinstance(b.node, x.Truth) else [], sign == "==")
        a, b = self._align(tree, [a, b])
        return _tighten(sign, a, b)

    def _member(self, left: ast.expr, right: ast.expr, want: bool) -> x.Bool:
        a = self.typed(left)
        if isinstance(right, ast.Name):
            values = self.scope.dictionary.lists.get(right.id)
            if values is None:
                near = self.scope.dictionary.near(right.id)
                self.refuse(
                    right,
                    "list",
                    "没有这个名录。" + (f"是不是“{near}”？" if near else "先登记。"),
                    "no such list.",
                )
            return self._category(left, a, list(values), want)
        if not isinstance(right, ast.Tuple | ast.List | ast.Set):
            self.refuse(
                right, "type", "in 后面写名录，或 {'甲', '乙'}。", "write a list name or {'a', 'b'} after in."
            )
        items = [self.typed(e) for e in right.elts]
        if a.type in (f.CATEGORY, f.INDUSTRY):
            return self._category(left, a, [i.name for i in items], want)
        aligned = [self._align(left, [a, i])[1] for i in items]
        if not isinstance(a.node, x.Field) or any(
            not isinstance(i.node, x.Const) or i.den != 1 for i in aligned
        ):
            self.refuse(
                left,
                "type",
                "in 左边是字段，右边是确定的数。",
                "in needs a field on the left and fixed numbers.",
            )
        return x.In(a.name, tuple(i.node.value for i in aligned if isinstance(i.node, x.Const)), want=want)

    def _category(self, tree: ast.expr, a: Typed, values: list[str], want: bool) -> x.Bool:
        if a.type not in (f.CATEGORY, f.INDUSTRY) or not isinstance(a.node, x.Field) or not values:
            self.refuse(
                tree,
                "type",
                "左边应是类别或行业字段，右边是引号里的值。",
                "a category field on the left, quoted values right.",
            )
        options = self.scope.dictionary[a.name].options
        for value in values:
            if options and value not in options:
                self.refuse(
                    tree,
                    "option",
                    f"“{a.name}”没有“{value}”这一类，只有 {'、'.join(options)}。",
                    f"“{a.name}” has no option “{value}”; it has {', '.join(options)}.",
                )
        return x.In(a.name, tuple(values), a.type == f.INDUSTRY, want)

    def _align(self, tree: ast.expr, sides: list[Typed]) -> list[Typed]:
        """Sides of one comparison, sum, min or max: same type and unit, over one denominator."""
        lead = next((s for s in sides if s.type != NUMBER), sides[0])
        ready = []
        for side in sides:
            if side.type == NUMBER and lead.type in (f.COUNT, f.RATIO):
                if side.exact is None:
                    scale = 1_000_000 if lead.type == f.RATIO else 1
                    side = replace(_reduce(_times(side, scale, side.den)), type=lead.type, unit=lead.unit)
                else:
                    value = side.exact * (1_000_000 if lead.type == f.RATIO else 1)
                    n = value.numerator
                    side = Typed(x.Const(n), lead.type, lead.unit, value.denominator, n, n)
            elif side.type == NUMBER and lead.type == f.MONEY and side.exact == 0:
                side = Typed(x.Const(0), f.MONEY, lead.unit)
            if side.type == NUMBER and lead.type == f.MONEY:
                self.refuse(
                    tree,
                    "unit",
                    "金额缺少单位。写成 3000万元 这样。",
                    "an amount lacks its unit. Write 3000万元.",
                )
            if side.type != lead.type or (side.unit != lead.unit and side.unit and lead.unit):
                left, right = _words(lead), _words(side)
                self.refuse(
                    tree,
                    "unit",
                    f"单位不合：{left} 与 {right} 不能比较或相加。",
                    f"units differ: {left} against {right}.",
                )
            ready.append(side)
        return self._common(ready)

    def _common(self, sides: list[Typed]) -> list[Typed]:
        den = lcm(*(s.den for s in sides))
        return [_times(s, den // s.den, den) if s.den != den else s for s in sides]

    def _extreme(self, tree: ast.expr, name: str, args: list[Typed]) -> Typed:
        sides = self._align(tree, args)
        pick = min if name == "min" else max
        known = [a.exact for a in args if a.type == NUMBER and a.exact is not None]
        if len(known) == len(args):
            return _number(pick(known))
        nodes = tuple(_num(s) for s in sides)
        node: x.Num = nodes[0] if len(nodes) == 1 else x.Min(nodes) if name == "min" else x.Max(nodes)
        low, high = pick(s.low for s in sides), pick(s.high for s in sides)
        return replace(sides[0], node=node, low=low, high=high, exact=None, name="")

    def _combine(self, tree: ast.expr, op: ast.operator, a: Typed, b: Typed) -> Typed:
        for side in (a, b):
            if side.type not in (*f.NUMERIC, NUMBER):
                self.refuse(
                    tree, "type", "只有数和金额能运算。", "only numbers and amounts can be computed with."
                )
        match op:
            case ast.Add() | ast.Sub():
                if a.exact is not None and b.exact is not None and a.type == b.type == NUMBER:
                    return _number(a.exact + b.exact if isinstance(op, ast.Add) else a.exact - b.exact)
                a, b = self._align(tree, [a, b])
                if isinstance(op, ast.Add):
                    node, low, high = x.add(_num(a), _num(b)), a.low + b.low, a.high + b.high
                else:
                    node, low, high = x.sub(_num(a), _num(b)), a.low - b.high, a.high - b.low
                return replace(a, node=node, low=low, high=high, exact=None, name="")
            case ast.Mult():
                return self._product(tree, a, b)
            case ast.FloorDiv():
                return self._steps(tree, a, b)
            case ast.Div() if b.type == NUMBER and b.exact:
                return self._product(tree, a, _number(1 / b.exact))
        self.refuse(
            tree,
            "division",
            "不能除以会变的数。改写成乘法，例如 税收 >= 用地亩数 * 30万元。",
            "cannot divide by a value that varies. Rewrite it as a product.",
        )

    def _product(self, tree: ast.expr, a: Typed, b: Typed) -> Typed:
        if a.type == NUMBER and b.type != NUMBER:
            a, b = b, a
        if b.type == NUMBER:
            if a.type == NUMBER and a.exact is not None and b.exact is not None:
                return _number(a.exact * b.exact)
            unit = a.unit
            if b.unit.startswith("→"):  # an exchange rate: from this currency to CNY
                if a.type != f.MONEY or b.unit[1:] != a.unit:
                    self.refuse(
                        tree,
                        "currency",
                        "汇率的币种与金额不合。",
                        "the exchange rate is of another currency.",
                    )
                unit = "CNY"
            return product(a, b, unit)
        pair = {a.type, b.type}
        if b.type == f.MONEY:
            a, b = b, a
        if f.DATE in pair or pair in ({f.MONEY}, {f.AREA}, {f.RATIO}):
            self.refuse(
                tree,
                "unit",
                f"{_words(a)} 与 {_words(b)} 不能相乘。",
                f"{_words(a)} and {_words(b)} do not multiply.",
            )
        den = a.den * b.den * {f.AREA: 100, f.RATIO: 1_000_000}.get(b.type, 1)
        corners = [p * q for p in (a.low, a.high) for q in (b.low, b.high)]
        unit = a.unit if a.type == f.MONEY else ""
        kind = f.MONEY if f.MONEY in pair else f.AREA if f.AREA in pair else f.COUNT
        if kind == f.AREA and a.type != f.AREA:
            den = a.den * b.den
        return _reduce(Typed(x.mul(_num(a), _num(b)), kind, unit, den, min(corners), max(corners)))

    def _steps(self, tree: ast.expr, a: Typed, b: Typed) -> Typed:
        if b.type == NUMBER and b.exact is not None and a.type in (f.COUNT, f.AREA):
            a, b = self._align(tree, [a, b]) if a.type == f.COUNT else [a, b]
        if b.type == a.type and a.type != NUMBER:
            a, b = self._align(tree, [a, b])
            if isinstance(b.node, x.Const) and b.node.value > 0:
                each = b.node.value
                return Typed(x.Step(_num(a), each), f.COUNT, "", 1, 0, max(a.high, 0) // each)
        self.refuse(
            tree,
            "division",
            "整除 // 的右边要是确定的、大于 0 的同单位数，例如 // 1000万元。",
            "// needs a fixed amount > 0 of the same unit.",
        )


def _num(typed: Typed) -> x.Num:
    return cast(x.Num, typed.node)


def _number(value: Fraction) -> Typed:
    return Typed(
        x.Const(value.numerator), NUMBER, "", value.denominator, value.numerator, value.numerator, value
    )


def _zero(like: Typed) -> Typed:
    return _number(Fraction(0)) if like.type == NUMBER else Typed(x.Const(0), like.type, like.unit)


def product(a: Typed, b: Typed, unit: str) -> Typed:
    """``a`` × the pure number ``b``, which may be a rate that is chosen by a condition or not known yet."""
    for side in (b, a):
        if isinstance(side.node, x.Unknown):
            return Typed(side.node, a.type, unit)
    if b.exact is not None:
        return replace(_reduce(_times(a, b.exact.numerator, a.den * b.exact.denominator)), unit=unit, name="")
    corners = [p * q for p in (a.low, a.high) for q in (b.low, b.high)]
    node = x.mul(_num(a), _num(b))
    return _reduce(Typed(node, a.type, unit, a.den * b.den, min(corners), max(corners)))


def _times(typed: Typed, factor: int, den: int) -> Typed:
    ends = (typed.low * factor, typed.high * factor)
    return replace(
        typed, node=x.mul(_num(typed), x.Const(factor)), den=den, low=min(ends), high=max(ends), exact=None
    )


def _reduce(typed: Typed) -> Typed:
    """Cancel a common factor of a constant multiplier and the denominator."""
    node = typed.node
    if isinstance(node, x.Mul) and isinstance(node.right, x.Const) and node.right.value > 0:
        share = Fraction(node.right.value, typed.den)
        cut = node.right.value // share.numerator
        if cut > 1:
            smaller = x.mul(node.left, x.Const(share.numerator))
            return replace(
                typed, node=smaller, den=share.denominator, low=typed.low // cut, high=-(-typed.high // cut)
            )
    elif isinstance(node, x.Const) and typed.den > 1:
        value = Fraction(node.value, typed.den)
        n = value.numerator
        return replace(typed, node=x.Const(n), den=value.denominator, low=n, high=n)
    elif typed.den > 1 and not isinstance(node, x.Mul):
        return typed
    return typed


def _of_rate(name: str, rate: Rate) -> Typed:
    unit = f"→{rate.currency}" if rate.currency else rate.unit
    if rate.value is None:
        return Typed(x.Unknown(name), rate.type, unit)
    if rate.type == NUMBER:
        return replace(_number(rate.value), unit=unit)
    value = int(rate.value)
    return Typed(x.Const(value), rate.type, unit, low=value, high=value)


def _tighten(sign: str, a: Typed, b: Typed) -> x.Bool:
    """A comparison over whole numbers: a bound with a fraction moves to the next whole number."""
    left, right = _num(a), _num(b)
    flip = {">=": "<=", ">": "<", "<=": ">=", "<": ">", "==": "==", "!=": "!="}
    if isinstance(left, x.Const) and not isinstance(right, x.Const):
        left, right, sign = right, left, flip[sign]
    if (
        isinstance(left, x.Mul)
        and isinstance(left.right, x.Const)
        and left.right.value > 0
        and isinstance(right, x.Const)
    ):
        bound = Fraction(right.value, left.right.value)
        if bound.denominator == 1:
            return x.Cmp(sign, left.left, x.Const(int(bound)))
        whole = {
            ">=": (">=", ceil(bound)),
            ">": (">", floor(bound)),
            "<=": ("<=", floor(bound)),
            "<": ("<", ceil(bound)),
        }
        if sign in whole:
            return x.Cmp(whole[sign][0], left.left, x.Const(whole[sign][1]))
        return x.TRUE if sign == "!=" else x.FALSE
    if isinstance(left, x.Const) and isinstance(right, x.Const):
        p, q = left.value, right.value
        held = {">=": p >= q, ">": p > q, "<=": p <= q, "<": p < q, "==": p == q, "!=": p != q}[sign]
        return x.Truth(held)
    return x.Cmp(sign, left, right)


def _words(typed: Typed) -> str:
    if typed.type == NUMBER:
        return "没有单位的数"
    return typed.type + (f"（{typed.unit}）" if typed.unit else "")
