"""One firm: every clause with its state, amount, reasons, gaps and what would change it.

Trees become closures once; a question about one firm is then a walk over small functions. The same order of
evaluation as the batch and the SQL: eligibility, amount, caps, groups, caps of the firm, instalments.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, cast

from zhaoyin.incentives import expr as x
from zhaoyin.incentives import fields as f
from zhaoyin.incentives import model as m

Value = int | bool | str | None
Row = Mapping[str, Value]
Number = Callable[[Row], int | None]
Test = Callable[[Row], bool | None]

NO, YES, UNKNOWN, DECISION = 0, 1, 2, 3
STATUS = {NO: m.CLOSED, YES: m.OPEN, UNKNOWN: m.ASK, DECISION: m.DECIDE}
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge, ">": operator.gt, "<=": operator.le, "<": operator.lt, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip
_SHOWN = {">=": "≥", ">": ">", "<=": "≤", "<": "<", "==": "=", "!=": "≠"}
ENDLESS = 10**17  # an upper end above this is no bound at all


def number(node: x.Num) -> Number:
    """The closure of a number: row → int, or None when unknown."""
    match node:
        case x.Const(value):
            return lambda row: value
        case x.Field(name):
            return lambda row: row.get(name)  # type: ignore[return-value]
        case x.Unknown():
            return lambda row: None
        case x.Add(a, b):
            return _binary(operator.add, a, b)
        case x.Sub(a, b):
            return _binary(operator.sub, a, b)
        case x.Mul(x.Field(name), x.Const(factor)):

            def scaled(row: Row) -> int | None:
                value = row.get(name)
                return None if value is None else cast(int, value) * factor

            return scaled
        case x.Mul(a, b):
            return _binary(operator.mul, a, b)
        case x.Step(a, each):
            arg = number(a)

            def step(row: Row) -> int | None:
                value = arg(row)
                return None if value is None else (value // each if value > 0 else 0)

            return step
        case x.Round(a, den, unit, half_up):
            arg, q = number(a), den * unit

            def rounded(row: Row) -> int | None:
                value = arg(row)
                if value is None:
                    return None
                if value <= 0:
                    return 0
                return ((2 * value + q) // (2 * q) if half_up else value // q) * unit

            return rounded
        case x.Min(args) | x.Max(args):
            parts, pick = [number(a) for a in args], min if isinstance(node, x.Min) else max

            def extreme(row: Row) -> int | None:
                values = [part(row) for part in parts]
                return None if None in values else pick(values)  # type: ignore[type-var]

            return extreme
        case x.Case(branches, otherwise):
            cases, rest = [(test(c), number(v)) for c, v in branches], number(otherwise)

            def case(row: Row) -> int | None:
                for when, value in cases:
                    held = when(row)
                    if held is None:
                        return None
                    if held:
                        return value(row)
                return rest(row)

            return case
    raise TypeError(node)


def _binary(op: Callable[[int, int], int], left: x.Num, right: x.Num) -> Number:
    if isinstance(right, x.Const):
        a, constant = number(left), right.value

        def half(row: Row) -> int | None:
            p = a(row)
            return None if p is None else op(p, constant)

        return half
    a, b = number(left), number(right)

    def binary(row: Row) -> int | None:
        p, q = a(row), b(row)
        return None if p is None or q is None else op(p, q)

    return binary


def test(node: x.Bool) -> Test:
    """The closure of a condition: row → True, False, or None when unknown (Kleene)."""
    match node:
        case x.Truth(value):
            return lambda row: value
        case x.Flag(name, want):

            def flag(row: Row) -> bool | None:
                value = row.get(name)
                return None if value is None else value is want

            return flag
        case x.Cmp(op, x.Field(name), x.Const(bound)):
            compare = _COMPARE[op]

            def leaf(row: Row) -> bool | None:
                value = row.get(name)
                return None if value is None else compare(value, bound)

            return leaf
        case x.Cmp(op, a, b):
            compare, left, right = _COMPARE[op], number(a), number(b)

            def between(row: Row) -> bool | None:
                p, q = left(row), right(row)
                return None if p is None or q is None else compare(p, q)

            return between
        case x.In(name, values, prefix, want):
            if prefix:
                starts = tuple(str(v) for v in values)

                def within(row: Row) -> bool | None:
                    value = row.get(name)
                    return None if value is None else str(value).startswith(starts) is want

                return within
            known = frozenset(values)

            def member(row: Row) -> bool | None:
                value = row.get(name)
                return None if value is None else (value in known) is want

            return member
        case x.And(args):
            parts = [test(a) for a in args]

            def every(row: Row) -> bool | None:
                result: bool | None = True
                for part in parts:
                    held = part(row)
                    if held is False:
                        return False
                    if held is None:
                        result = None
                return result

            return every
        case x.Or(args):
            parts = [test(a) for a in args]

            def some(row: Row) -> bool | None:
                result: bool | None = False
                for part in parts:
                    held = part(row)
                    if held:
                        return True
                    if held is None:
                        result = None
                return result

            return some


# -- what a leaf needs ------------------------------------------------------------------------------------------------


class Gap:
    """One leaf that does not hold, or is not known. ``need``: what it would take; ``ask``: which fields to find out."""

    __slots__ = ("actual", "bound", "leaf", "need")

    def __init__(self, leaf: Leaf, need: bool, actual: Value = None, bound: Value = None) -> None:
        self.leaf, self.need, self.actual, self.bound = leaf, need, actual, bound

    @property
    def field(self) -> str:
        return self.leaf.field

    @property
    def changeable(self) -> bool:
        return self.leaf.changeable

    @property
    def gap(self) -> int | None:
        """How far the value is from the bound, in canonical units; None where distance has no meaning."""
        if self.need and self.leaf.op and isinstance(self.actual, int) and isinstance(self.bound, int):
            return self.bound - self.actual
        return None

    def text(self, language: str = "zh") -> str:
        leaf, english = self.leaf, language == "en"
        said = leaf.said(language)
        if not self.need:
            return f"{said}: not known yet" if english else f"{said}：还不知道"
        now, gap = leaf.show(self.actual, language), self.gap
        fixed = (
            ("" if leaf.changeable else " (cannot be changed)")
            if english
            else ("" if leaf.changeable else "，不可改变")
        )
        if gap is None or leaf.op in ("==", "!="):
            return f"{said}, now {now}{fixed}" if english else f"要 {said}，现为 {now}{fixed}"
        missing = leaf.show(abs(gap), language)
        if english:
            return f"{said}, now {now}: {missing} {'short' if gap > 0 else 'over'}{fixed}"
        return f"要 {said}，现为 {now}，{'还差' if gap > 0 else '超出'} {missing}{fixed}"

    def json(self, language: str = "zh") -> dict[str, Any]:
        return {
            "field": self.leaf.field,
            "condition": self.leaf.said(language),
            "kind": "need" if self.need else "ask",
            "actual": self.actual,
            "bound": self.bound,
            "gap": self.gap,
            "changeable": self.leaf.changeable,
            "text": self.text(language),
        }


class Leaf:
    """What can be said about one leaf: its words, the field that moves it, how to reach its bound."""

    __slots__ = (
        "_dictionary",
        "_left",
        "_right",
        "_said",
        "asks",
        "changeable",
        "entry",
        "factor",
        "field",
        "node",
        "op",
        "scale",
        "test",
    )

    def __init__(self, node: x.Bool, dictionary: f.Dictionary) -> None:
        self.node, self.test, self.op = node, test(node), ""
        self.asks = x.fields(node)
        lever = None
        self.scale = 1
        if isinstance(node, x.Cmp):
            self.op = node.op
            lever = _lever(node.left)
            self._left, self._right = number(node.left), number(node.right)
            if isinstance(node.left, x.Mul) and isinstance(node.left.right, x.Const):
                self.scale = node.left.right.value
        self.field = lever[0] if lever else (self.asks[0] if self.asks else "")
        self.factor = lever[1] if lever else 0
        self.entry = dictionary.fields.get(self.field)
        self.changeable = bool(self.entry and self.entry.changeable)
        self._dictionary, self._said = dictionary, {"zh": words(node, dictionary)}

    def said(self, language: str) -> str:
        if language not in self._said:
            self._said[language] = words(self.node, self._dictionary, language=language)
        return self._said[language]

    def show(self, value: Value, language: str = "zh") -> str:
        return self.entry.show(value, language) if self.entry else str(value)

    def gap(self, row: Row, value: bool | None) -> Gap:
        if value is None:
            return Gap(self, False)
        if self.op:
            left, right = self._left(row), self._right(row)
            if left is None or right is None:
                return Gap(self, False)
            bound = right + (1 if self.op == ">" else -1 if self.op == "<" else 0)
            if self.scale > 1:
                left //= self.scale
                bound = -(-bound // self.scale) if self.op in (">", ">=") else bound // self.scale
            return Gap(self, True, left, bound)
        return Gap(self, True, row.get(self.field))

    def fix(self, row: Row) -> tuple[str, Value] | None:
        """The smallest change of one changeable field that would make the leaf hold."""
        if not self.changeable:
            return None
        node = self.node
        if isinstance(node, x.Flag):
            return node.name, node.want
        if isinstance(node, x.In):
            return (node.name, node.values[0]) if node.want else None
        if not isinstance(node, x.Cmp) or not self.factor or self.op == "!=":
            return None
        left, right, now = self._left(row), self._right(row), row.get(self.field)
        if left is None or right is None or not isinstance(now, int):
            return None
        short = right - left + (1 if self.op == ">" else -1 if self.op == "<" else 0)
        # away from zero, so that a lever with a factor still reaches the bound
        change = -(-short // self.factor) if short > 0 else short // self.factor
        value = now + change
        if self.entry and not self.entry.low <= value <= self.entry.high:
            return None
        return self.field, value


def _lever(node: x.Num) -> tuple[str, int] | None:
    """The field that moves a number one way, and by how much per unit."""
    match node:
        case x.Field(name):
            return name, 1
        case x.Mul(a, x.Const(factor)) if factor > 0:
            found = _lever(a)
            return (found[0], found[1] * factor) if found else None
        case x.Add(a, b):
            return _lever(a) or _lever(b)
        case x.Sub(a, _):
            return _lever(a)
    return None


Alternatives = list[list[Gap]]


def gaps(node: x.Bool, dictionary: f.Dictionary) -> Callable[[Row], tuple[bool | None, Alternatives]]:
    """The closure that gives a condition's value and, when it does not hold, the alternative ways to make it hold."""
    if isinstance(node, x.And | x.Or):
        parts = [gaps(a, dictionary) for a in node.args]
        return _every(parts) if isinstance(node, x.And) else _some(parts)
    leaf = Leaf(node, dictionary)
    check, gap = leaf.test, leaf.gap

    def single(row: Row) -> tuple[bool | None, Alternatives]:
        value = check(row)
        return value, ([] if value else [[gap(row, value)]])

    return single


def _every(
    parts: list[Callable[[Row], tuple[bool | None, Alternatives]]],
) -> Callable[[Row], tuple[bool | None, Alternatives]]:
    def every(row: Row) -> tuple[bool | None, Alternatives]:
        result: bool | None = True
        ways: Alternatives = [[]]
        for part in parts:
            value, fixes = part(row)
            if value:
                continue
            if value is False:
                result = False
            elif result:
                result = None
            ways = (
                [a + b for a in ways for b in fixes[:3]][:6]
                if len(fixes) > 1
                else [a + fixes[0] for a in ways]
            )
        return result, ([] if result else ways)

    return every


def _some(
    parts: list[Callable[[Row], tuple[bool | None, Alternatives]]],
) -> Callable[[Row], tuple[bool | None, Alternatives]]:
    def some(row: Row) -> tuple[bool | None, Alternatives]:
        result: bool | None = False
        ways: Alternatives = []
        for part in parts:
            value, fixes = part(row)
            if value:
                return True, []
            if value is None:
                result = None
            ways.extend(fixes)
        return result, sorted(ways, key=len)[:6]

    return some


def words(
    node: x.Node, dictionary: f.Dictionary, kind: f.Field | None = None, *, language: str = "zh"
) -> str:
    """A tree in the reader's words: 固定资产投资 ≥ 3,000万元."""
    english = language == "en"

    def say(node: x.Node, kind: f.Field | None = None) -> str:
        return words(node, dictionary, kind, language=language)

    match node:
        case x.Truth(value):
            return f.show(value, f.BOOL, language=language)
        case x.Flag(name, want):
            return name if want else f"not “{name}”" if english else f"不是“{name}”"
        case x.In(name, values, _, want):
            shown = (", " if english else "、").join(map(str, values[:6]))
            if english:
                return f"{name} {'in' if want else 'not in'} {shown}{' …' if len(values) > 6 else ''}"
            return f"{name} {'属于' if want else '不属于'} {shown}{'等' if len(values) > 6 else ''}"
        case x.And(args):
            return (" and " if english else " 且 ").join(map(say, args))
        case x.Or(args):
            return (" or " if english else " 或 ").join(map(say, args))
        case x.Cmp(op, a, b):
            entry = next((dictionary.fields[n] for n in x.fields(a) if n in dictionary.fields), None)
            if (
                isinstance(a, x.Mul)
                and isinstance(a.right, x.Const)
                and isinstance(b, x.Const | x.Field | x.Mul | x.Add | x.Sub)
            ):
                return f"{say(a.left)} {_SHOWN[op]} {say(b, entry)} ÷ {a.right.value}"
            return f"{say(a, entry)} {_SHOWN[op]} {say(b, entry)}"
        case x.Const(value):
            return kind.show(value, language) if kind else f"{value:,}"
        case x.Field(name) | x.Unknown(name):
            return name
        case x.Add(a, b):
            return f"{say(a, kind)} + {say(b, kind)}"
        case x.Sub(a, b):
            return f"({say(a, kind)} - {say(b, kind)})"
        case x.Mul(a, b):
            return f"{say(a, kind)} × {say(b)}"
        case x.Step(a, each):
            shown = kind.show(each, language) if kind else f"{each:,}"
            return f"(whole {shown} in {say(a, kind)})" if english else f"({say(a, kind)} 每满 {shown})"
        case x.Round(a, den, _, _):
            return say(a, kind) if den == 1 else f"{say(a, kind)} ÷ {den}"
        case x.Min(args) | x.Max(args):
            low = isinstance(node, x.Min)
            parts = [say(a, kind) for a in args]
            if english:
                return f"({'lower' if low else 'higher'} of {', '.join(parts)})"
            return f"({'、'.join(parts)} 取{'低' if low else '高'})"
        case x.Case(branches, otherwise):
            rows = [f"{say(c)} → {say(v, kind)}" for c, v in branches]
            rows.append(f"{'otherwise' if english else '其余'} → {say(otherwise, kind)}")
            return f"({('; ' if english else '；').join(rows)})"
    return str(node)


# -- bounds of what is unknown ------------------------------------------------------------------------------------------


def span(node: x.Num, row: Row, dictionary: f.Dictionary) -> tuple[int, int]:
    """The least and greatest value a number can still take."""
    match node:
        case x.Const(value):
            return value, value
        case x.Field(name):
            known = row.get(name)
            if isinstance(known, int):
                return known, known
            entry = dictionary.fields[name]
            return entry.low, entry.high
        case x.Unknown():
            return 0, ENDLESS
        case x.Add(a, b):
            p, q = span(a, row, dictionary), span(b, row, dictionary)
            return p[0] + q[0], p[1] + q[1]
        case x.Sub(a, b):
            p, q = span(a, row, dictionary), span(b, row, dictionary)
            return p[0] - q[1], p[1] - q[0]
        case x.Mul(a, b):
            p, q = span(a, row, dictionary), span(b, row, dictionary)
            corners = [i * j for i in p for j in q]
            return min(corners), max(corners)
        case x.Step(a, each):
            p = span(a, row, dictionary)
            return max(p[0], 0) // each, max(p[1], 0) // each
        case x.Round(a, den, unit, _):
            p, step = span(a, row, dictionary), den * unit
            return max(p[0], 0) // step * unit, -(-max(p[1], 0) // step) * unit
        case x.Min(args) | x.Max(args):
            pick = min if isinstance(node, x.Min) else max
            ends = [span(a, row, dictionary) for a in args]
            return pick(e[0] for e in ends), pick(e[1] for e in ends)
        case x.Case(branches, otherwise):
            ends = []
            for when, worth in branches:
                can, must = possible(when, row, dictionary)
                if can:
                    ends.append(span(worth, row, dictionary))
                if must:
                    break
            else:
                ends.append(span(otherwise, row, dictionary))
            return min(e[0] for e in ends), max(e[1] for e in ends)
    raise TypeError(node)


def possible(node: x.Bool, row: Row, dictionary: f.Dictionary) -> tuple[bool, bool]:
    """(can still hold, holds whatever is found out)."""
    match node:
        case x.And(args):
            found = [possible(a, row, dictionary) for a in args]
            return all(p for p, _ in found), all(q for _, q in found)
        case x.Or(args):
            found = [possible(a, row, dictionary) for a in args]
            return any(p for p, _ in found), any(q for _, q in found)
        case x.Cmp(op, a, b):
            (p, q), (r, s) = span(a, row, dictionary), span(b, row, dictionary)
            return {
                ">=": (q >= r, p >= s), ">": (q > r, p > s), "<=": (p <= s, q <= r), "<": (p < s, q < r),
                "==": (p <= s and r <= q, p == q == r == s), "!=": (not p == q == r == s, q < r or s < p),
            }[op]  # fmt: skip
    value = test(node)(row)
    return value is not False, value is True


# -- the assessment -----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Change:
    """What one change of the applicant's plans would bring. ``gain`` is of the total, in fen."""

    changes: dict[str, tuple[Value, Value]]
    amount: int
    gain: int
    entries: tuple[f.Field, ...]  # of ``changes``, in order

    def text(self, language: str = "zh") -> str:
        english = language == "en"
        moves = []
        for entry, (now, value) in zip(self.entries, self.changes.values(), strict=True):
            if isinstance(value, bool | str) or not isinstance(now, int) or not isinstance(value, int):
                shown = entry.show(value, language)
                moves.append(f"{entry.name} becomes {shown}" if english else f"{entry.name}改为 {shown}")
            else:
                shown = entry.show(abs(value - now), language)
                if english:
                    moves.append(f"{shown} {'more' if value >= now else 'less'} of {entry.name}")
                else:
                    moves.append(f"{entry.name}{'再加' if value >= now else '减'} {shown}")
        money, plus = (f.show(fen, f.MONEY, language=language) for fen in (self.amount, self.gain))
        sign = "+" if self.gain >= 0 else ""
        if english:
            return f"{'; '.join(moves)} → {money} (total {sign}{plus})"
        return f"{'；'.join(moves)} → {money}（合计 {sign}{plus}）"


@dataclass(slots=True)
class Paper:
    """A document to submit. ``held`` already; ``source``: fetched from this register, the applicant need not."""

    id: str
    proves: tuple[str, ...]
    source: str
    held: bool


@dataclass(slots=True)
class Result:
    """One clause for one applicant. Amounts in fen.

    ``amount`` is what it pays after combination and the firm's caps (None unless 可享受); ``before`` what it would pay
    alone; ``range`` the ends when no single figure can be given (None as upper end: open).
    """

    policy: m.Policy
    status: str
    amount: int | None = None
    before: int | None = None
    range: tuple[int, int | None] | None = None
    binding: str = ""
    replaced_by: str = ""
    reason: str = ""
    reason_en: str = ""
    ways: Alternatives = field(default_factory=list)
    asks: tuple[str, ...] = ()
    change: Change | None = None
    next_tier: Change | None = None
    papers: tuple[Paper, ...] = ()
    delivery: str = ""
    window_open: bool = True
    due: int | None = None
    shares: tuple[tuple[str, int], ...] = ()

    @property
    def missing(self) -> list[Gap]:
        """The shortest way to qualify."""
        return self.ways[0] if self.ways else []

    def because(self, zh: str, en: str) -> None:
        self.reason, self.reason_en = zh, en

    def why(self, language: str) -> str:
        return self.reason_en if language == "en" else self.reason

    def json(self, language: str = "zh") -> dict[str, Any]:
        return {
            "id": self.policy.id,
            "title": self.policy.title,
            "clause": self.policy.clause,
            "status": self.status,
            "amount": self.amount,
            "before": self.before,
            "range": self.range,
            "binding": self.binding,
            "replaced_by": self.replaced_by,
            "reason": self.why(language),
            "missing": [[gap.json(language) for gap in way] for way in self.ways],
            "asks": self.asks,
            "counterfactual": self.change.text(language) if self.change else None,
            "next_tier": self.next_tier.text(language) if self.next_tier else None,
            "documents": [
                {"id": p.id, "proves": p.proves, "source": p.source, "held": p.held} for p in self.papers
            ],
            "delivery": self.delivery,
            "window_open": self.window_open,
            "due": self.due,
            "shares": dict(self.shares),
        }


@dataclass(slots=True)
class Question:
    """The unknown field that decides the most. ``worth``: the money (fen) that still-open policies hang on it."""

    field: str
    worth: int
    policies: tuple[str, ...]


@dataclass(slots=True)
class Assessment:
    """What one applicant gets on one day, and why. ``total`` in fen, certain amounts only."""

    on: Any
    results: list[Result]
    total: int
    due: int
    questions: list[Question]
    assumed: dict[str, Value]
    closed: tuple[tuple[str, str, m.Source, str], ...] = ()
    provisional: bool = False  # an open question may still move another clause's amount

    def __getitem__(self, policy: str) -> Result:
        for result in self.results:
            if result.policy.id == policy:
                return result
        raise KeyError(policy)

    @property
    def question(self) -> Question | None:
        return self.questions[0] if self.questions else None

    def json(self, language: str = "zh") -> dict[str, Any]:
        """For files and programs; ``language`` of the sentences only, states keep their Chinese names."""
        return {
            "on": self.on.isoformat(),
            "total": self.total,
            "due": self.due,
            "provisional": self.provisional,
            "results": [r.json(language) for r in self.results],
            "questions": [
                {"field": q.field, "worth": q.worth, "policies": q.policies} for q in self.questions
            ],
            "assumed": self.assumed,
            "not_in_force": [
                {"id": i, "title": t, "document": s.title, "state": state} for i, t, s, state in self.closed
            ],
        }


@dataclass(slots=True)
class _Now:
    """The applicant as it stands, for comparing with changes."""

    row: Row
    states: list[tuple[int, int | None]]
    paid: dict[int, int]
    replaced: dict[int, int]
    total: int
    choices: Mapping[str, str] | None


class Engine:
    """The closures of one set of rules; safe to share between threads."""

    def __init__(self, rules: m.Rules, dictionary: f.Dictionary) -> None:
        self.rules, self.dictionary = rules, dictionary
        self.absent = {n: e.absent for n, e in dictionary.fields.items() if e.absent is not None}
        policies = rules.policies
        self._require = [test(p.require) for p in policies]
        self._when = [test(p.when) for p in policies]
        self._award = [number(p.award) for p in policies]
        self._raw = [number(p.raw) for p in policies]
        self._caps = [[(c.scope, number(c.node)) for c in p.caps] for p in policies]
        self._discretion = [test(p.discretion) if p.discretion else None for p in policies]
        self._low = [number(p.low) if p.low else None for p in policies]
        shared: dict[x.Bool, Callable[[Row], tuple[bool | None, Alternatives]]] = {}
        self._why_require = [shared.setdefault(p.require, gaps(p.require, dictionary)) for p in policies]
        self._why = [gaps(p.when, dictionary) for p in policies]
        self._group = {k: g for g in rules.groups if g.rule != "stack" for k in g.members}
        self._already = {g.name: number(g.already) for g in rules.groups if g.already is not None}
        self._firm_caps = [(frozenset(c.members), c.members, number(c.node)) for c in rules.caps]
        self._instalments = [[(test(i.when), i.share) for i in p.instalments] for p in policies]
        self._reads: dict[str, list[int]] = {}
        self._papers: list[list[tuple[str, tuple[str, ...], str]]] = []
        self._delivery: list[str] = []
        self._tiers = [[(number(t.by), t, _lever(t.by)) for t in p.tiers] for p in policies]
        for n, p in enumerate(policies):
            read = list(dict.fromkeys([*x.fields(p.require), *x.fields(p.when), *p.base]))
            for name in read + (x.fields(p.discretion) if p.discretion else []):
                users = self._reads.setdefault(name, [])
                if n not in users:
                    users.append(n)
            self._papers.append(self._paper_list(p, read))
            self._delivery.append(self.delivery(p))
        others = [c.node for c in rules.caps] + [g.already for g in rules.groups if g.already is not None]
        for node in (*others, *(i.when for p in policies for i in p.instalments)):
            for name in x.fields(node):
                self._reads.setdefault(name, [])

    def delivery(self, policy: m.Policy) -> str:
        """免申即享 when registers hold all data and nobody must judge; 申报 when somebody must; else 快申快享."""
        if policy.discretion or policy.quota or policy.nature not in (m.EXACT, m.RELIEF):
            return m.DELIVERY[2]
        read = [*x.fields(policy.condition), *policy.base]
        return m.DELIVERY[0] if all(self.dictionary[n].source for n in read) else m.DELIVERY[1]

    def _paper_list(self, policy: m.Policy, read: list[str]) -> list[tuple[str, tuple[str, ...], str]]:
        papers = [
            (d.id, d.proves, d.source) for d in policy.documents if not d.proves or set(d.proves) & set(read)
        ]
        proven = {name for _, proves, _ in papers for name in proves}
        more: dict[str, tuple[list[str], str]] = {}
        for name in read:
            entry = self.dictionary[name]
            if name not in proven and entry.evidence:
                more.setdefault(entry.evidence, ([], entry.source))[0].append(name)
        return papers + [(id_, tuple(proves), source) for id_, (proves, source) in more.items()]

    def fill(self, row: Row) -> tuple[dict[str, Value], dict[str, Value]]:
        """(row with declared defaults, the defaults that were used)."""
        assumed: dict[str, Value] = {
            n: v for n, v in self.absent.items() if row.get(n) is None and n in self._reads
        }
        filled: dict[str, Value] = {**row, **assumed}
        return filled, assumed

    def _one(self, n: int, row: Row) -> tuple[int, int | None]:
        """(state, award) of one clause before combination."""
        held = self._require[n](row)
        if held is False:
            return NO, None
        own = self._when[n](row)
        if own is False:
            return NO, None
        if held is None or own is None:
            return UNKNOWN, None
        policy = self.rules.policies[n]
        if policy.nature == m.UNSTATED or policy.draft:
            return UNKNOWN, None
        if (discretion := self._discretion[n]) is not None:
            asked = discretion(row)
            if asked is None:
                return UNKNOWN, None
            if asked:
                return DECISION, None
        award = self._award[n](row)
        if award is None:
            return UNKNOWN, None
        return YES, award

    def states(self, row: Row) -> list[tuple[int, int | None]]:
        return [self._one(n, row) for n in range(len(self.rules.policies))]

    def settle(
        self, states: list[tuple[int, int | None]], row: Row, choices: Mapping[str, str] | None = None
    ) -> tuple[dict[int, int], dict[int, int], set[int]]:
        """Groups, then the firm's caps: ({clause: paid}, {loser: winner}, clauses left unknown by a missing limit)."""
        policies = self.rules.policies
        paid = {
            n: award
            for n, (s, award) in enumerate(states)
            if s == YES and award is not None and policies[n].nature == m.EXACT
        }
        replaced: dict[int, int] = {}
        lost: set[int] = set()
        seen: set[str] = set()
        for n in list(paid):
            group = self._group.get(n)
            if group is None or group.name in seen:
                continue
            seen.add(group.name)
            members = [k for k in group.members if k in paid]
            best = members[0] if group.rule == "exclude" else max(members, key=lambda k: (paid[k], -k))
            if group.rule == "choose_one" and choices and (wanted := choices.get(group.name)):
                best = next((k for k in members if policies[k].id == wanted), best)
            for k in members:
                if k != best:
                    paid[k], replaced[k] = 0, best
            if group.already is not None:
                already = self._already[group.name](row)
                if already is None:
                    for k in members:
                        lost.add(k)
                        paid.pop(k)
                else:
                    paid[best] = max(paid[best] - already, 0)
        for _, members_, limit in self._firm_caps:
            due = [k for k in members_ if k in paid]
            if not due:
                continue
            top = limit(row)
            if top is None:
                for k in due:
                    lost.add(k)
                    paid.pop(k)
                continue
            cum = 0
            for k in due:
                before, cum = cum, cum + paid[k]
                paid[k] = min(cum, top) - min(before, top)
        return paid, replaced, lost

    def pay(self, row: Row) -> tuple[list[int], dict[int, int]]:
        """The bare answer: states by clause and {clause: paid}. The path without explanation."""
        row, _ = self.fill(row)
        states = self.states(row)
        paid, _, lost = self.settle(states, row)
        codes = [s for s, _ in states]
        for n in lost:
            codes[n] = UNKNOWN
        return codes, paid

    def due(self, n: int, paid: int, row: Row, disbursed: int = 0) -> int:
        """paid × the share reached − what was disbursed; the shares are reached in order."""
        share = Fraction(0)
        if not self._instalments[n]:
            share = Fraction(1)
        for reached, part in self._instalments[n]:
            if reached(row) is not True:
                break
            share += part
        return paid * share.numerator // share.denominator - disbursed

    def assess(
        self,
        values: Row,
        on: Any,
        *,
        choices: Mapping[str, str] | None = None,
        held: frozenset[str] = frozenset(),
        disbursed: Mapping[str, int] | None = None,
    ) -> Assessment:
        row, assumed = self.fill(values)
        policies = self.rules.policies
        states = self.states(row)
        paid, replaced, lost = self.settle(states, row, choices)
        total = sum(paid.values())
        now = _Now(row, states, paid, replaced, total, choices)
        results: list[Result] = []
        due_total = 0
        worth: dict[str, int] = {}
        askers: dict[str, list[str]] = {}
        pending: list[int] = []
        for n, policy in enumerate(policies):
            state = states[n][0]
            if n in lost:
                state = UNKNOWN
            result = Result(policy, STATUS[state], delivery=self._delivery[n])
            result.window_open = policy.source.window_open(on)
            results.append(result)
            if state == NO:
                _, ways = self._why_require[n](row)
                _, own = self._why[n](row)
                ways = [a + b for a in ways for b in own[:3]] if ways and own else ways or own
                result.ways = ways
                if ways:
                    result.change = self._change(ways[0], n, now)
            elif state == YES:
                self._yes(n, policy, result, now)
                if policy.nature == m.EXACT:
                    result.due = self.due(n, paid[n], row, (disbursed or {}).get(policy.id, 0))
                    due_total += result.due
                result.papers = tuple(Paper(i, p, s, i in held) for i, p, s in self._papers[n])
            elif state == UNKNOWN:
                pending.append(n)
                self._unknown(n, policy, result, row)
                top = result.range[1] if result.range else None
                for name in result.asks:
                    worth[name] = worth.get(name, 0) + (top if top is not None else 10**13)
                    askers.setdefault(name, []).append(policy.id)
                result.papers = tuple(Paper(i, p, s, i in held) for i, p, s in self._papers[n])
            else:
                bound = (
                    span(policy.discretion_max, row, self.dictionary)[1] if policy.discretion_max else None
                )
                result.range = (0, bound if bound is None or bound < ENDLESS else None)
                english = {"一事一议": "decided case by case"}
                label = policy.discretion_label
                result.because(label, english.get(label, f"somebody decides: {label}"))
                result.papers = tuple(Paper(i, p, s, i in held) for i, p, s in self._papers[n])
        questions = [
            Question(name, value, tuple(askers[name]))
            for name, value in sorted(worth.items(), key=lambda item: (-item[1], -len(askers[item[0]])))
        ]
        entangled = set(self._group) | {k for inside, _, _ in self._firm_caps for k in inside}
        provisional = bool(paid) and any(n in entangled and policies[n].nature == m.EXACT for n in pending)
        return Assessment(on, results, total, due_total, questions, assumed, self.rules.closed, provisional)

    def _yes(self, n: int, policy: m.Policy, result: Result, now: _Now) -> None:
        row, paid, replaced = now.row, now.paid, now.replaced
        award = now.states[n][1] or 0
        if policy.nature == m.EXACT:
            result.before, result.amount = award, paid[n]
            if len(self._caps[n]):
                raw = self._raw[n](row)
                if raw is not None and raw > award:
                    result.binding = next((scope for scope, cap in self._caps[n] if cap(row) == award), "")
            if n in replaced:
                winner = self.rules.policies[replaced[n]]
                result.replaced_by = winner.id
                rule = self._group[n].rule
                zh, en = m.RULE_WORDS[rule]
                result.because(f"{zh}，已由“{winner.title}”取代", f"{en}: replaced by “{winner.title}”")
            elif paid[n] < award:
                group = self._group.get(n)
                topped = group is not None and group.rule == "top_up"
                if topped:
                    result.because(
                        "晋级补差，已扣除领过的部分", "only the difference: what was received is taken off"
                    )
                else:
                    result.because("受每户总封顶限制", "cut by the cap of all a firm may get")
                result.binding = "top_up" if topped else "firm_year"
            result.shares = split(paid[n], policy.share)
            if self._tiers[n]:
                result.next_tier = self._next(n, now)
        elif policy.nature == m.UP_TO:
            result.range = (0, award)
            result.because("上限，由审批定额", "an upper bound; approval sets the amount")
        elif policy.nature == m.AT_LEAST:
            raw = self._raw[n](row) or 0
            tops = [cap(row) for _, cap in self._caps[n]]
            known = [t for t in tops if t is not None and t < x.NO_CAP]
            result.range = (min(raw, award), min(known) if known else None)
            result.because("下限，由审批定额", "a lower bound; approval sets the amount")
        elif policy.nature == m.RANGE:
            low = self._low[n]
            result.range = ((low(row) or 0) if low else 0, award)
            result.because("区间，由审批定额", "a range; approval sets the amount")

    def _unknown(self, n: int, policy: m.Policy, result: Result, row: Row) -> None:
        _, ways = self._why_require[n](row)
        _, own = self._why[n](row)
        ways = [a + b for a in ways for b in own[:3]] if ways and own else ways or own
        result.ways = ways
        asks: dict[str, None] = {}
        for way in ways:
            for gap in way:
                for name in gap.leaf.asks:
                    if row.get(name) is None:
                        asks.setdefault(name)
        extra = list(policy.base) + (x.fields(policy.discretion) if policy.discretion else [])
        group = self._group.get(n)
        if group and group.already is not None:
            extra += x.fields(group.already)
        extra += [name for cap in self.rules.caps if n in cap.members for name in x.fields(cap.node)]
        for name in extra:
            if row.get(name) is None:
                asks.setdefault(name)
        result.asks = tuple(asks)
        if policy.draft:
            result.status = m.DRAFT
            result.because("起草中，尚未印发", "in drafting, not issued yet")
        elif policy.nature == m.UNSTATED:
            result.because("文本未载明金额", "the text states no amount")
        elif policy.nature in (m.EXACT, m.UP_TO, m.AT_LEAST, m.RANGE):
            top = span(policy.award, row, self.dictionary)[1]
            result.range = (0, top if top < ENDLESS else None)

    def _retotal(self, changed: Mapping[str, Value], now: _Now) -> tuple[int, list[tuple[int, int | None]]]:
        """Total after a change: only the clauses that read a changed field are judged again, then all combined."""
        after = {**now.row, **changed}
        again = list(now.states)
        for n in {n for name in changed for n in self._reads.get(name, ())}:
            again[n] = self._one(n, after)
        paid, _, lost = self.settle(again, after, now.choices)
        for n in lost:
            again[n] = UNKNOWN, None
        return sum(paid.values()), again

    def _change(self, way: list[Gap], n: int, now: _Now) -> Change | None:
        row = now.row
        changed: dict[str, Value] = {}
        for gap in way:
            if not gap.need or (fix := gap.leaf.fix({**row, **changed})) is None:
                return None
            changed[fix[0]] = fix[1]
        after, again = self._retotal(changed, now)
        state, award = again[n]
        if state != YES or not award or self.rules.policies[n].nature != m.EXACT:
            return None
        return Change(
            {k: (row.get(k), v) for k, v in changed.items()},
            award,
            after - now.total,
            tuple(self.dictionary[name] for name in changed),
        )

    def _next(self, n: int, now: _Now) -> Change | None:
        row = now.row
        """The next band: what it takes to reach it and what it brings."""
        for by, tier, lever in self._tiers[n]:
            value_now = by(row)
            if value_now is None or lever is None:
                continue
            bound = (
                (max(value_now, 0) // tier.bound + 1) * tier.bound if tier.each else tier.bound + tier.strict
            )
            name, factor = lever
            if value_now >= bound or not self.dictionary[name].changeable:
                continue
            value = row.get(name)
            if not isinstance(value, int):
                continue
            target = value - (-(bound - value_now) // factor)
            if target > self.dictionary[name].high:
                continue
            changed: dict[str, Value] = {name: target}
            after, again = self._retotal(changed, now)
            state, award = again[n]
            if state != YES or award is None:
                continue
            return Change(
                {name: (value, target)},
                award,
                after - now.total,
                tuple(self.dictionary[name] for name in changed),
            )
        return None


def split(amount: int, shares: tuple[tuple[str, Fraction], ...]) -> tuple[tuple[str, int], ...]:
    """Who pays how much of an amount; the fen that do not divide go to the first payer."""
    if not shares:
        return ()
    parts = [(payer, amount * share.numerator // share.denominator) for payer, share in shares]
    rest = amount - sum(part for _, part in parts)
    return ((parts[0][0], parts[0][1] + rest), *parts[1:])
