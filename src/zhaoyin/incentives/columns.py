"""Many firms in columns: eligibility over whole chunks, amounts only for the rows that are eligible.

Conditions run from the most selective to the least, and move from whole columns to the surviving rows as soon as few
survive. Rows with unknown values carry a validity mask; where no column has one, nothing is paid for it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from zhaoyin.base.errors import Refusal
from zhaoyin.incentives import expr as x
from zhaoyin.incentives import fields as f
from zhaoyin.incentives import model as m
from zhaoyin.incentives.single import DECISION, NO, UNKNOWN, YES, words

Array = npt.NDArray[Any]
Table = Any  # pyarrow.Table | pandas.DataFrame | Mapping[str, Array | tuple[Array, Array]]
CHUNK = 1 << 18
SAMPLE = 1024  # rows by which conditions are put in order
# below this share of surviving rows, for each pass of the next condition, that one looks at them alone
SPARSE = 0.07
_ENDS = {np.dtype(k): (int(np.iinfo(k).min), int(np.iinfo(k).max)) for k in "bBhHiIlLqQ"}
_HEADER = re.compile(r"^(?P<name>[^（(]+)[（(](?P<unit>[^）)]+)[）)]$")


@dataclass(slots=True)
class Column:
    """Values in canonical units; ``valid`` is None when every value is known; texts are codes into ``words``."""

    values: Array
    valid: Array | None = None
    words: tuple[str, ...] | None = None


def read_table(table: Table, dictionary: f.Dictionary) -> tuple[dict[str, Column], int]:
    """The fields of a table as columns, and its length.

    Arrow and pandas tables: the header is the field, with its unit in brackets (固定资产投资(万元)) unless the column
    already holds the canonical integers (fen, 0.01 ㎡, millionths). Mappings of numpy arrays: canonical, optionally
    (values, valid).
    """
    if isinstance(table, Mapping):
        columns: dict[str, Column] = {}
        for name, given in table.items():
            if name not in dictionary:
                continue
            values, valid = given if isinstance(given, tuple) else (given, None)
            columns[name] = _coded(dictionary[name], np.asarray(values), valid)
        lengths = {len(c.values) for c in columns.values()}
        if len(lengths) > 1:
            raise Refusal("table.length", "各列行数不一样。", "columns differ in length.")
        return columns, lengths.pop() if lengths else 0
    import pyarrow as pa

    if not isinstance(table, pa.Table):
        table = pa.Table.from_pandas(table, preserve_index=False)
    columns = {}
    for header in table.column_names:
        name, unit = header, ""
        if name not in dictionary and (found := _HEADER.match(header)):
            name, unit = found["name"].strip(), found["unit"].strip()
        if name not in dictionary:
            continue
        if name in columns:
            raise Refusal(
                "table.column", f"“{name}”有两列。留一列。", f"two columns for “{name}”.", where=name
            )
        columns[name] = _arrow(dictionary[name], header, table.column(header), unit)
    return columns, table.num_rows


def _arrow(entry: f.Field, header: str, chunked: Any, unit: str) -> Column:
    import pyarrow as pa
    import pyarrow.compute as pc

    column = chunked.combine_chunks() if chunked.num_chunks != 1 else chunked.chunk(0)
    kind = column.type

    def wrong(zh: str, en: str) -> Refusal:
        return Refusal("table.column", f"“{header}”列{zh}", f"column “{header}” {en}", where=header)

    valid = None
    if column.null_count:
        valid = np.asarray(column.is_valid())
    if entry.type in (f.CATEGORY, f.INDUSTRY):
        if not pa.types.is_dictionary(kind):
            if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
                raise wrong("应是文字。", "must be text.")
            column = column.dictionary_encode()
        codes = np.asarray(column.indices.fill_null(0)).astype(np.int32, copy=False)
        return Column(codes, valid, tuple(str(w) for w in column.dictionary.to_pylist()) or ("",))
    if entry.type == f.BOOL:
        if not pa.types.is_boolean(kind):
            raise wrong("应是 是/否（布尔）。", "must be boolean.")
        return Column(np.asarray(column.fill_null(False)), valid)
    if entry.type == f.DATE:
        if not (pa.types.is_date(kind) or pa.types.is_timestamp(kind)):
            raise wrong("应是日期。", "must be dates.")
        days = column.cast(pa.date32()).cast(pa.int32())
        return Column(np.asarray(days.fill_null(0)), valid)
    factor = Fraction(1)
    if unit:
        type_, name, factor = f.UNITS.get(unit, ("", "", factor))
        if type_ != entry.type or (name and entry.unit and name != entry.unit):
            raise wrong(
                f"的单位“{unit}”与字段不合，应以 {entry.unit_name} 计。",
                f"has unit “{unit}”, not of this field.",
            )
    if pa.types.is_integer(kind) and factor == 1:
        values = np.asarray(column.fill_null(0))
        if values.dtype == np.uint64:
            values = values.astype(np.int64)
        return Column(values, valid)
    if not unit and entry.type in (f.MONEY, f.AREA, f.RATIO):
        raise wrong(
            f"是小数而没有单位。在表头写明，例如 {entry.name}({entry.unit_name})。",
            f"holds decimals without a unit. Write it in the header: {entry.name}({entry.unit_name}).",
        )
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        raise wrong("应是数。", "must be numbers.")
    if pa.types.is_integer(kind):
        values = np.asarray(column.fill_null(0)).astype(np.int64)
        top = int(np.abs(values).max(initial=0))
        if top * factor > 9 * 10**18:
            raise wrong("的数太大。检查单位。", "is too large. Check the unit.")
        return Column(values * factor.numerator // factor.denominator, valid)
    scaled = pc.multiply(column.cast(pa.float64()), float(factor))
    if valid is None and pc.any(pc.is_nan(scaled)).as_py():
        valid = ~np.asarray(pc.is_nan(scaled))
    numbers = np.nan_to_num(np.asarray(scaled.fill_null(0.0)))
    if np.abs(numbers).max(initial=0) > 2**53:
        raise wrong("的小数太大，记不准。改用整数列。", "is too large to be exact as decimals. Use integers.")
    return Column(np.rint(numbers).astype(np.int64), valid)


def _coded(entry: f.Field, values: Array, valid: Array | None) -> Column:
    if entry.type not in (f.CATEGORY, f.INDUSTRY):
        if values.dtype.kind not in "iub":
            raise Refusal(
                "table.column",
                f"“{entry.name}”列应是整数（基本单位）或布尔。",
                f"column “{entry.name}” must be integers in the base unit, or boolean.",
                where=entry.name,
            )
        return Column(values, valid)
    if values.dtype == object and valid is None:
        missing = np.array([v is None for v in values], bool)
        valid = ~missing if missing.any() else None
        values = np.where(missing, "", values)
    known, codes = np.unique(values.astype(str), return_inverse=True)
    return Column(codes.astype(np.int32), valid, tuple(map(str, known)) or ("",))


class Frame:
    """A slice of the table, or the rows of a slice that survive."""

    __slots__ = ("cache", "columns", "n", "rows", "start", "stop")

    def __init__(self, columns: dict[str, Column], start: int, stop: int, rows: Array | None = None) -> None:
        self.columns, self.start, self.stop, self.rows = columns, start, stop, rows
        self.n = stop - start if rows is None else len(rows)
        self.cache: dict[Any, Array] = {}

    def take(self, rows: Array | None) -> Frame:
        """These rows of the frame; None is all of them."""
        if rows is None:
            return self
        return Frame(self.columns, self.start, self.stop, rows if self.rows is None else self.rows[rows])

    def raw(self, name: str) -> Array:
        found = self.columns[name].values[self.start : self.stop]
        if self.rows is None:
            return found
        kept = self.cache.get(name)
        if kept is None:
            kept = self.cache[name] = found.take(self.rows)
        return kept

    def valid(self, name: str) -> Array:
        mask = self.columns[name].valid
        mask = np.ones(0, bool) if mask is None else mask[self.start : self.stop]
        return mask if self.rows is None else mask.take(self.rows)


Fn = Callable[[Frame], Any]
ALWAYS, NEVER = True, False
Known = Fn | bool  # is the value known: a mask, always, or never


class Compiler:
    """Trees → closures over frames, for one table: which fields it has, and which of them have unknown values."""

    def __init__(self, columns: dict[str, Column], dictionary: f.Dictionary) -> None:
        self.columns, self.dictionary = columns, dictionary

    def field_known(self, name: str) -> Known:
        column = self.columns.get(name)
        if column is None:
            return NEVER if self.dictionary[name].absent is None else ALWAYS
        if column.valid is None or self.dictionary[name].absent is not None:
            return ALWAYS
        return lambda frame: frame.valid(name)

    def raw(self, name: str) -> Fn:
        """The column as it is, for comparing; a declared default stands where a value is absent."""
        column, absent = self.columns.get(name), self.dictionary[name].absent
        if column is None:
            constant = 0 if absent is None else absent
            return lambda frame: constant
        if column.valid is not None and absent is not None:
            return lambda frame: np.where(frame.valid(name), frame.raw(name), absent)
        return lambda frame: frame.raw(name)

    def owned(self, node: x.Num) -> bool:
        """Whether the closure of a number gives an array of its own, which the next step may write over."""
        if isinstance(node, x.Const | x.Unknown | x.Field):
            return False
        return isinstance(node, x.Case) or self._reads(node)

    def _reads(self, node: x.Node) -> bool:
        """Whether a number comes from a column that is there, so that it is an array."""
        if isinstance(node, x.Field):
            return node.name in self.columns
        return isinstance(node, x.Case) or any(map(self._reads, x.children(node)))

    def positive(self, node: x.Num) -> bool:
        """Whether a number is never below zero, whatever the row (fields keep to their declared bounds)."""
        match node:
            case x.Const(value):
                return value >= 0
            case x.Field(name):
                return self.dictionary[name].low >= 0
            case x.Add(a, b) | x.Mul(a, b):
                return self.positive(a) and self.positive(b)
            case x.Min(args):
                return all(map(self.positive, args))
            case x.Max(args):
                return any(map(self.positive, args))
            case x.Case(branches, otherwise):
                return all(self.positive(v) for _, v in branches) and self.positive(otherwise)
        return not isinstance(node, x.Sub)

    def _two(self, ufunc: Any, a: x.Num, b: x.Num) -> Fn:
        """A step of two numbers, written over the first or the second where one of them is nobody else's."""
        p, q = self.number(a), self.number(b)
        if self.owned(a):

            def over_first(frame: Frame) -> Any:
                value = p(frame)
                return ufunc(value, q(frame), out=value)

            return over_first
        if self.owned(b):

            def over_second(frame: Frame) -> Any:
                value = q(frame)
                return ufunc(p(frame), value, out=value)

            return over_second
        return lambda frame: ufunc(p(frame), q(frame))

    def _floor(self, node: x.Num) -> Fn:
        """The positive part of a number, in an array of its own where it is one."""
        p, owned = self.number(node), self.owned(node)
        if self.positive(node):
            return p
        if owned:

            def over(frame: Frame) -> Any:
                value = p(frame)
                return np.maximum(value, 0, out=value)

            return over
        return lambda frame: np.maximum(p(frame), 0)

    def number(self, node: x.Num) -> Fn:
        """int64 values; where unknown, anything. An array is the caller's to write over if ``owned`` says so."""
        match node:
            case x.Const(value):
                return lambda frame: value
            case x.Unknown():
                return lambda frame: 0
            case x.Field(name):
                return self._field(name)
            case x.Add(a, b):
                return self._two(np.add, a, b)
            case x.Sub(a, b):
                return self._two(np.subtract, a, b)
            case x.Mul(a, b):
                return self._two(np.multiply, a, b)
            case x.Step(a, each):
                return self._divided(a, each, 1, False)
            case x.Round(a, den, unit, half_up):
                return self._divided(a, den * unit, unit, half_up)
            case x.Min(args) | x.Max(args):
                return self._extreme(args, np.minimum if isinstance(node, x.Min) else np.maximum)
            case x.Case(branches, otherwise):
                return self._case(branches, otherwise)
        raise TypeError(node)

    def _field(self, name: str) -> Fn:
        raw, entry, column = self.raw(name), self.dictionary[name], self.columns.get(name)
        if column is None:
            return raw
        kind = column.values.dtype
        low, high = _ENDS.get(kind, (-x.INT64, x.INT64))
        held = entry.low <= low and high <= entry.high  # the type itself keeps the bounds
        # one look where below zero is out of bounds: as an unsigned number it is very large
        unsigned = np.dtype(f"u{kind.itemsize}") if entry.low == 0 and kind.kind == "i" else None
        seen = ("in bounds", name)

        def checked(frame: Frame) -> Array:
            values: Array = raw(frame)
            if not held and seen not in frame.cache:
                if values.size and (
                    values.view(unsigned).max() > entry.high
                    if unsigned is not None
                    else values.max() > entry.high or values.min() < entry.low
                ):
                    self._out_of_range(entry, values, frame)
                frame.cache[seen] = values
            return values.astype(np.int64, copy=False)

        return checked

    def _divided(self, node: x.Num, step: int, unit: int, half_up: bool) -> Fn:
        p = self._floor(node)
        owned = self.owned(node) or not self.positive(node)

        def divided(frame: Frame) -> Any:
            value = p(frame)
            out = value if owned and isinstance(value, np.ndarray) else None
            if half_up:
                value = out = np.multiply(value, 2, out=out)
                value = np.add(value, step, out=out if isinstance(out, np.ndarray) else None)
            whole = 2 * step if half_up else step
            if whole != 1 or out is None:
                value = np.floor_divide(value, whole, out=out if isinstance(out, np.ndarray) else None)
            if unit != 1:
                value = np.multiply(value, unit, out=value if isinstance(value, np.ndarray) else None)
            return value

        return divided

    def _extreme(self, args: tuple[x.Num, ...], pick: Any) -> Fn:
        # the one whose array may be written over goes first
        first, *rest = sorted(args, key=lambda a: not self.owned(a))
        p, parts, owned = self.number(first), [self.number(a) for a in rest], self.owned(first)

        def extreme(frame: Frame) -> Any:
            value = p(frame)
            mine = owned
            for part in parts:
                value = pick(value, part(frame), out=value) if mine else pick(value, part(frame))
                mine = isinstance(value, np.ndarray)
            return value

        return extreme

    def _case(self, branches: tuple[tuple[x.Bool, x.Num], ...], otherwise: x.Num) -> Fn:
        cases = [(self.true(c), self.number(v)) for c, v in branches]
        rest, owned = self.number(otherwise), self.owned(otherwise)

        def case(frame: Frame) -> Any:
            value, mine = rest(frame), owned
            for when, worth in reversed(cases):
                if mine:
                    np.copyto(value, worth(frame), where=when(frame))
                else:
                    value, mine = np.where(when(frame), worth(frame), value), True
            return value

        return case

    def _out_of_range(self, entry: f.Field, values: Array, frame: Frame) -> None:
        bad = (values > entry.high) | (values < entry.low)
        if (valid := self.columns[entry.name].valid) is not None:
            known = valid[frame.start : frame.stop]
            bad &= known if frame.rows is None else known.take(frame.rows)
        if not bad.any():
            return
        at = int(np.flatnonzero(bad)[0])
        row = frame.start + (at if frame.rows is None else int(frame.rows[at])) + 1
        shown = entry.show(int(values[at]))
        raise Refusal(
            "table.range",
            f"第 {row} 行“{entry.name}”的值 {shown} 超出范围（至 {entry.show(entry.high)}）。检查数字和单位。",
            f"row {row}: “{entry.name}” is {shown}, beyond {entry.show(entry.high)}. Check number and unit.",
            where=f"{row}:{entry.name}",
        )

    def known(self, node: x.Num) -> Known:
        match node:
            case x.Const():
                return ALWAYS
            case x.Unknown():
                return NEVER
            case x.Field(name):
                return self.field_known(name)
            case x.Case(branches, otherwise):
                known = self.known(otherwise)
                for when, value in reversed(branches):
                    known = self._case_known(when, self.known(value), known)
                return known
        return _all_known([self.known(c) for c in x.children(node) if not isinstance(c, x.Bool)])

    def _case_known(self, when: x.Bool, value: Known, rest: Known) -> Known:
        sure = self.sure(when)
        if value is ALWAYS and rest is ALWAYS:
            return sure
        held = self.true(when)
        p, q = _as_mask(value), _as_mask(rest)

        def chosen(frame: Frame) -> Any:
            return np.where(held(frame), p(frame), q(frame))

        return _all_known([sure, chosen])

    def sure(self, node: x.Bool) -> Known:
        """Whether a condition is known (certainly true or certainly false)."""
        if self.certain(node):
            return ALWAYS
        held, may = self.true(node), self.maybe(node)
        return lambda frame: held(frame) | ~np.asarray(may(frame))

    def certain(self, node: x.Node) -> bool:
        if isinstance(node, x.Unknown):
            return False
        if isinstance(node, x.Field | x.Flag | x.In):
            return self.field_known(node.name) is ALWAYS
        return all(self.certain(c) for c in x.children(node))

    def _leaf(self, node: x.Bool) -> tuple[Fn, Known]:
        match node:
            case x.Truth(value):
                return (lambda frame: np.full(frame.n, value)), ALWAYS
            case x.Flag(name, want):
                raw = self.raw(name)
                if name not in self.columns:
                    default = self.dictionary[name].absent
                    return (lambda frame: np.full(frame.n, bool(default) is want)), self.field_known(name)
                if want:
                    return raw, self.field_known(name)
                return (lambda frame: ~raw(frame)), self.field_known(name)
            case x.In(name, values, prefix, want):
                return self._member(name, values, prefix, want), self.field_known(name)
            case x.Cmp(op, a, b):
                compare: Any = {
                    ">=": np.greater_equal, ">": np.greater, "<=": np.less_equal, "<": np.less, "==": np.equal,
                    "!=": np.not_equal,
                }[op]  # fmt: skip
                # a column against a fixed bound needs no widening
                p = self.raw(a.name) if isinstance(a, x.Field) and isinstance(b, x.Const) else self.number(a)
                q = self.number(b)
                known = _all_known([self.known(a), self.known(b)])
                if all(n not in self.columns for n in x.fields(node)):
                    return (lambda frame: np.full(frame.n, bool(compare(p(frame), q(frame))))), known
                return (lambda frame: compare(p(frame), q(frame))), known
        raise TypeError(node)

    def _member(self, name: str, values: tuple[Any, ...], prefix: bool, want: bool) -> Fn:
        column = self.columns.get(name)
        texts = tuple(map(str, values))

        def holds(word: str) -> bool:
            return (word.startswith(texts) if prefix else word in texts) is want

        if column is None:
            absent = self.dictionary[name].absent
            fixed = (
                (holds(absent) if isinstance(absent, str) else (absent in values) is want)
                if absent is not None
                else False
            )
            return lambda frame: np.full(frame.n, fixed)
        if column.words is not None:
            table = np.array([holds(w) for w in column.words], bool)
            absent = self.dictionary[name].absent
            if column.valid is not None and isinstance(absent, str):
                fallback = holds(absent)
                return lambda frame: np.where(frame.valid(name), table[frame.raw(name)], fallback)
            return lambda frame: table[frame.raw(name)]
        raw = self.raw(name)
        low, high = min(values), max(values)
        if high - low + 1 == len(set(values)) > 2:  # a run of whole numbers is two comparisons

            def within(frame: Frame) -> Any:
                column_ = raw(frame)
                found = (column_ >= low) & (column_ <= high)
                return found if want else ~found

            return within

        def member(frame: Frame) -> Any:
            column_ = raw(frame)
            found = column_ == values[0]
            for value in values[1:]:
                found = found | (column_ == value)
            return found if want else ~found

        return member

    def true(self, node: x.Bool) -> Fn:
        """Certainly true."""
        return self._tree(node, True)

    def maybe(self, node: x.Bool) -> Fn:
        """True, or not known to be false."""
        return self._tree(node, False)

    def _tree(self, node: x.Bool, strict: bool) -> Fn:
        if isinstance(node, x.And | x.Or):
            parts = [self._tree(a, strict) for a in node.args]
            join: Any = np.logical_and if isinstance(node, x.And) else np.logical_or

            def joined(frame: Frame) -> Any:
                value = parts[0](frame)
                for part in parts[1:]:
                    value = join(value, part(frame))
                return value

            return joined
        value, known = self._leaf(node)
        if known is ALWAYS:
            return value
        if known is NEVER:
            return lambda frame: np.full(frame.n, not strict)
        sure = _as_mask(known)
        if strict:
            return lambda frame: value(frame) & sure(frame)
        return lambda frame: value(frame) | ~sure(frame)


def _all_known(parts: list[Known]) -> Known:
    if any(part is NEVER for part in parts):
        return NEVER
    masks = [part for part in parts if callable(part)]
    if not masks:
        return ALWAYS
    if len(masks) == 1:
        return masks[0]

    def every(frame: Frame) -> Any:
        value = masks[0](frame)
        for mask in masks[1:]:
            value = value & mask(frame)
        return value

    return every


def _as_mask(known: Known) -> Fn:
    if callable(known):
        return known
    return lambda frame: np.full(frame.n, known)


def _dense(value: Any, n: int) -> Array:
    if isinstance(value, np.ndarray) and value.ndim:
        return value
    return np.full(n, value, np.int64)


@dataclass(slots=True)
class _Hits:
    """One clause in one chunk: its rows (None: every row) with their amounts, the pending, those to be decided."""

    rows: Array | None
    paid: Array
    pending: Array
    decide: Array
    reached: Array | None = None


_NONE: Array = np.empty(0, np.int64)


class Plan:
    """Rules ready for tables."""

    def __init__(self, rules: m.Rules, dictionary: f.Dictionary) -> None:
        self.rules, self.dictionary = rules, dictionary

    def run(self, table: Table, *, threads: int = 2, progress: Callable[[int], None] | None = None) -> Batch:
        columns, n = read_table(table, self.dictionary)
        job = _Job(self.rules, self.dictionary, columns, n)
        starts = range(0, n, CHUNK)

        def one(start: int) -> list[_Hits]:
            hits = job.chunk(start, min(start + CHUNK, n))
            if progress:
                progress(min(CHUNK, n - start))
            return hits

        chunks = _each(one, starts, threads)
        return Batch(self.rules, self.dictionary, columns, job.sums, starts, chunks, threads)


def _each(one: Callable[[Any], Any], things: Iterable[Any], threads: int) -> list[Any]:
    """What ``one`` makes of each thing, in order; the caller's thread works along."""
    items = list(things)
    helpers = min(threads, len(items)) - 1
    if helpers < 1:
        return [one(item) for item in items]
    found: list[Any] = [None] * len(items)
    left = iter(enumerate(items))

    def work() -> None:
        for place, item in left:
            found[place] = one(item)

    with ThreadPoolExecutor(helpers) as pool:
        started = [pool.submit(work) for _ in range(helpers)]
        work()
        for other in started:
            other.result()
    return found


class _Job:
    def __init__(self, rules: m.Rules, dictionary: f.Dictionary, columns: dict[str, Column], n: int) -> None:
        self.rules, self.columns, self.n = rules, columns, n
        # total, final and due of every row, in one piece: the system backs a long one with large pages
        self.sums = np.empty((3, n), np.int64)
        self.total = self.sums[0]  # every chunk writes its part
        c = Compiler(columns, dictionary)
        sample = Frame(columns, 0, n, np.arange(0, n, max(n // SAMPLE, 1)))
        known: dict[x.Bool, _Term] = {}
        clauses: list[list[_Term]] = []
        self.strict: list[Fn | None] = []
        for policy in rules.policies:
            node = policy.condition
            self.strict.append(None if c.certain(node) else c.true(node))
            clauses.append([])
            for arg in node.args if isinstance(node, x.And) else (node,):
                if arg == x.TRUE:
                    continue
                if (term := known.get(arg)) is None:
                    test = c.maybe(arg)
                    term = known[arg] = _Term(test, np.asarray(test(sample)), _passes(arg))
                term.uses += 1
                clauses[-1].append(term)
        many = max(3, len(clauses) // 2)
        self.shared = [term.test for term in known.values() if term.uses >= many]
        # per clause: tests of whole columns (the shared ones are done if all are this clause's), tests of the rows left
        self.plans: list[tuple[bool, list[Fn], list[Fn]]] = []
        for clause in clauses:
            common = [term for term in clause if term.uses >= many]
            own = sorted((term for term in clause if term.uses < many), key=_Term.price)
            few = _from_here_few(common, own)
            all_shared = len(common) == len(self.shared)
            whole = own[:few] if all_shared else common + own[:few]
            tests = [_once(term.test) if 1 < term.uses < many else term.test for term in whole]
            self.plans.append((all_shared, tests, [term.test for term in own[few:]]))
        self.award = [c.number(p.award) for p in rules.policies]
        self.award_owned = [c.owned(p.award) for p in rules.policies]
        self.award_known = [c.known(p.award) for p in rules.policies]
        self.discretion = [
            (c.true(p.discretion), c.maybe(p.discretion)) if p.discretion is not None else None
            for p in rules.policies
        ]
        self.instalments = [[c.true(i.when) for i in p.instalments] for p in rules.policies]
        self.groups = [g for g in rules.groups if g.rule != "stack"]
        self.already = [
            (c.number(g.already), c.known(g.already)) if g.already is not None else None for g in self.groups
        ]
        self.caps = [(cap.members, c.number(cap.node), c.known(cap.node), cap.node) for cap in rules.caps]

    def chunk(self, start: int, stop: int) -> list[_Hits]:
        frame = Frame(self.columns, start, stop)
        n = stop - start
        shared: Array | None = None
        for fn in self.shared:
            mask = fn(frame)
            shared = mask if shared is None else shared & mask
        hits = [self._eligible(k, frame, shared, n) for k in range(len(self.rules.policies))]
        self._combine(hits, frame, n)
        summed = self._firm_caps(hits, frame, self.total[start:stop])
        for k, conditions in enumerate(self.instalments):
            if conditions:
                inner = frame.take(hits[k].rows)
                open_: Any = np.ones(inner.n, bool)
                reached = np.zeros(inner.n, np.int8)
                for condition in conditions:
                    open_ = open_ & condition(inner)
                    reached += open_
                hits[k].reached = reached
        if not summed:
            self._sum(hits, range(len(hits)), self.total[start:stop])
        for hit in hits:
            if hit.rows is not None and len(hit.rows):
                hit.rows = hit.rows.astype(np.int32)
            for name in ("pending", "decide"):
                rows = getattr(hit, name)
                if len(rows):
                    setattr(hit, name, rows.astype(np.int32))
        return hits

    def _eligible(self, k: int, frame: Frame, shared: Array | None, n: int) -> _Hits:
        all_shared, whole, few = self.plans[k]
        mask = shared if all_shared else None
        for test in whole:
            found = test(frame)
            mask = found if mask is None else mask & found
        rows: Array | None = None
        inner = frame
        if mask is not None and not mask.all():
            rows = np.flatnonzero(mask)
            inner = frame.take(rows)
        for test in few:
            if not inner.n:
                break
            rows = _pick(rows, test(inner))
            inner = frame.take(rows)
        pending = decide = _NONE
        strict = self.strict[k]
        if strict is not None and inner.n:
            held = strict(inner)
            if not held.all():
                pending, rows = _pick(rows, ~held), _pick(rows, held)
                inner = frame.take(rows)
        policy = self.rules.policies[k]
        if policy.nature == m.UNSTATED or policy.draft:
            return _Hits(_NONE, _NONE, np.concatenate([pending, _all(rows, n)]), _NONE)
        discretion = self.discretion[k]
        if discretion is not None and inner.n:
            asked, perhaps = np.asarray(discretion[0](inner)), np.asarray(discretion[1](inner))
            decide = _pick(rows, asked)
            unsure = perhaps & ~asked
            pending = np.concatenate([pending, _pick(rows, unsure)]) if unsure.any() else pending
            if perhaps.any():
                rows = _pick(rows, ~perhaps)
                inner = frame.take(rows)
        known = self.award_known[k]
        if known is not ALWAYS and inner.n:
            sure = _as_mask(known)(inner)
            if not sure.all():
                pending, rows = np.concatenate([pending, _pick(rows, ~sure)]), _pick(rows, sure)
                inner = frame.take(rows)
        if not inner.n:
            return _Hits(_NONE, _NONE, pending, decide)
        if not policy.payable:
            return _Hits(rows, np.zeros(inner.n, np.int64), pending, decide)
        paid = self.award[k](inner)
        if not self.award_owned[k]:  # a column itself, or one figure for all
            paid = np.array(np.broadcast_to(paid, inner.n), np.int64)
        return _Hits(rows, paid, pending, decide)

    def _combine(self, hits: list[_Hits], frame: Frame, n: int) -> None:
        policies = self.rules.policies
        best: Array | None = None
        for group, already in zip(self.groups, self.already, strict=True):
            members = [k for k in group.members if len(hits[k].paid) and policies[k].payable]
            if len(members) > 1:
                if all(hits[k].rows is None for k in members):
                    self._best_of_all(members, group.rule, hits)
                else:
                    if best is None:
                        best = np.zeros(n, np.int64)
                    self._best_of_some(members, group.rule, hits, best)
            if already is None:
                continue
            value, known = already
            for k in members:
                if known is not ALWAYS:
                    self._lose(hits[k], np.asarray(_as_mask(known)(frame.take(hits[k].rows))))
                paid = hits[k].paid
                np.subtract(paid, value(frame.take(hits[k].rows)), out=paid)
                np.maximum(paid, 0, out=paid)

    @staticmethod
    def _best_of_all(members: list[int], rule: str, hits: list[_Hits]) -> None:
        """Every row has every member: columns against columns."""
        if rule == "exclude":
            for k in members[1:]:
                hits[k].paid[:] = 0
            return
        best = hits[members[0]].paid.copy()
        who = np.ones(len(best), np.int16)
        for place, k in enumerate(members[1:], 2):
            paid = hits[k].paid
            np.copyto(who, place, where=paid > best)
            np.maximum(best, paid, out=best)
        for place, k in enumerate(members, 1):
            np.copyto(hits[k].paid, 0, where=who != place)

    @staticmethod
    def _best_of_some(members: list[int], rule: str, hits: list[_Hits], best: Array) -> None:
        """``best`` is room for one number a row: zero when it is lent, and zero again when it is given back."""
        kept = [(_at(hits[k].rows), hits[k].paid) for k in members]
        if rule == "exclude":
            for rows, paid in kept:
                np.copyto(paid, 0, where=best[rows] != 0)
                best[rows] = 1
        else:
            for rows, paid in kept:
                if isinstance(rows, slice):
                    np.maximum(best, paid, out=best)
                else:
                    np.maximum.at(best, rows, paid)
            last = len(kept) - 1
            for place, (rows, paid) in enumerate(kept):
                won = paid == best[rows]
                np.multiply(paid, won, out=paid)
                if place < last:  # the first of equals has it
                    best[_pick(None if isinstance(rows, slice) else rows, won)] = -1
        for rows, _ in kept:
            best[rows] = 0

    @staticmethod
    def _lose(hit: _Hits, sure: Array) -> None:
        """Rows whose limit is not known wait for it."""
        if not sure.all():
            hit.pending = np.concatenate([hit.pending, _pick(hit.rows, ~sure)])
            hit.rows, hit.paid = _pick(hit.rows, sure), hit.paid[sure]

    @staticmethod
    def _sum(hits: list[_Hits], members: Iterable[int], total: Array) -> None:
        total[:] = 0
        for k in members:
            _add(total, hits[k].rows, hits[k].paid)

    def _firm_caps(self, hits: list[_Hits], frame: Frame, total: Array) -> bool:
        """Apply the caps of the firm in order. True: ``total`` now holds what every row gets in all."""
        summed, n = False, len(total)
        for members, limit, known, node in self.caps:
            inside = [k for k in members if len(hits[k].paid) and self.rules.policies[k].payable]
            if not inside:
                continue
            top: Any
            if isinstance(node, x.Const):
                top = node.value
            else:
                top = np.zeros(n, np.int64)
                for k in inside:
                    if known is not ALWAYS:
                        self._lose(hits[k], np.asarray(_as_mask(known)(frame.take(hits[k].rows))))
                    top[_at(hits[k].rows)] = limit(frame.take(hits[k].rows))
            self._sum(hits, inside, total)
            over = total > top
            summed = len(inside) == sum(bool(len(hit.paid)) for hit in hits)
            cut = np.flatnonzero(over)  # only the rows above the cap are shared out again
            if not len(cut):
                continue
            cum = np.zeros(n, np.int64)
            for k in inside:
                rows = hits[k].rows
                if rows is None:
                    here = place = cut
                else:
                    place = _places(rows, cut, over)
                    here = rows.take(place)
                before = cum[here]
                after = before + hits[k].paid[place]
                cum[here] = after
                most = top if isinstance(top, int) else top[here]
                hits[k].paid[place] = np.minimum(after, most) - np.minimum(before, most)
            total[cut] = top if isinstance(top, int) else top[cut]
        return summed


def _add(total: Array, rows: Array | None, fen: Array) -> None:
    """total[rows] += fen, each row at most once."""
    if rows is None:
        total += fen
    elif len(rows):
        np.add.at(total, rows, fen)


def _places(rows: Array, cut: Array, over: Array) -> Array:
    """Where in ``rows`` the few rows of ``cut`` stand; ``over`` is the same as a mask."""
    if len(cut) * 16 > len(rows):
        return np.flatnonzero(over.take(rows))
    place = np.minimum(rows.searchsorted(cut), len(rows) - 1)
    return place.compress(rows.take(place) == cut)


def _at(rows: Array | None) -> Any:
    return slice(None) if rows is None else rows


def _all(rows: Array | None, n: int) -> Array:
    return np.arange(n) if rows is None else rows


def _pick(rows: Array | None, keep: Array) -> Array:
    return np.flatnonzero(keep) if rows is None else rows.compress(keep)


def _passes(node: x.Node) -> int:
    """Passes over the rows a condition takes, roughly."""
    return sum(not isinstance(n, x.Const | x.Truth) for n in x.walk(node))


def _share(held: Any) -> float:
    return float(np.mean(held)) if np.size(held) else 1.0


@dataclass(slots=True, eq=False)
class _Term:
    """One condition, however many clauses use it: its test, and what a sample of the rows says of it."""

    test: Fn
    held: Array
    passes: int
    uses: int = 0

    def price(self) -> float:
        """What a row that it turns away costs: the cheapest goes first."""
        return self.passes / max(1.0 - _share(self.held), 1e-6)


def _from_here_few(common: list[_Term], own: list[_Term]) -> int:
    """From which condition on so few rows are left, by the sample, that it is cheaper to look at them alone."""
    left: Any = True
    for term in common:
        left = left & term.held
    for place, term in enumerate(own):
        if place and _share(left) < min(SPARSE * term.passes, 0.25):
            return place
        left = left & term.held
    return len(own)


def _once(test: Fn) -> Fn:
    """A test of whole columns that several clauses share, made once per chunk."""

    def kept(frame: Frame) -> Any:
        found = frame.cache.get(test)
        if found is None:
            found = frame.cache[test] = test(frame)
        return found

    return kept


@dataclass(frozen=True, slots=True)
class Sieve:
    """One condition of a clause over a table: how many rows it turns away, and how many are left after it."""

    words: str
    failed: int
    unknown: int
    left: int


class Batch:
    """What every row gets: sparse per clause, in fen. ``paid`` is after budgets and quotas, ``granted`` before."""

    def __init__(
        self,
        rules: m.Rules,
        dictionary: f.Dictionary,
        columns: dict[str, Column],
        sums: Array,
        starts: range,
        chunks: list[list[_Hits]],
        threads: int,
    ) -> None:
        self.rules, self.dictionary, self.columns = rules, dictionary, columns
        self.n: int = sums.shape[1]
        self._sums = sums
        self.total = sums[0]  # what each row gets in all, before budgets and quotas
        self._starts, self._chunks, self._threads = starts, chunks, threads
        self._granted = [[chunk[k].paid for chunk in chunks] for k in range(len(rules.policies))]
        self.ratios: dict[str, float] = {}
        self._paid = self._budgets()

    def _size(self, i: int) -> int:
        return min(self._starts[i] + self._starts.step, self.n) - self._starts[i]

    def _global(self, name: str) -> list[Array]:
        """Row numbers of every clause over the whole table."""
        out = []
        for k in range(len(self.rules.policies)):
            parts = []
            for i, chunk in enumerate(self._chunks):
                rows = _all(getattr(chunk[k], name), self._size(i))
                if len(rows):
                    parts.append(rows.astype(np.int64 if self.n > 2**31 else np.int32) + self._starts[i])
            out.append(_joined(parts))
        return out

    @cached_property
    def rows(self) -> list[Array]:
        """Per clause: the eligible rows."""
        return self._global("rows")

    @cached_property
    def pending(self) -> list[Array]:
        return self._global("pending")

    @cached_property
    def decide(self) -> list[Array]:
        return self._global("decide")

    @cached_property
    def granted(self) -> list[Array]:
        """Per clause: fen of its eligible rows, before budgets and quotas."""
        return [_joined(parts) for parts in self._granted]

    @cached_property
    def paid(self) -> list[Array]:
        """Per clause: fen of its eligible rows, after budgets and quotas."""
        return [
            kept if new is old else _joined(new)
            for new, old, kept in zip(self._paid, self._granted, self.granted, strict=True)
        ]

    def _budgets(self) -> list[list[Array]]:
        """Quotas, then budgets over all rows. A clause without either keeps the very list it came with."""
        paid = list(self._granted)
        compiler = Compiler(self.columns, self.dictionary)
        for k, policy in enumerate(self.rules.policies):
            if policy.quota is None or policy.rank_by is None or not policy.payable:
                continue
            order = self._order(compiler, policy.rank_by, self.rows[k], descending=True)
            keep = np.zeros(len(self.rows[k]), bool)
            keep[order[: policy.quota]] = True
            paid[k] = self._cut(k, np.where(keep, _joined(paid[k]), 0))
        for budget in self.rules.budgets:
            members = [k for k in budget.members if any(map(len, paid[k]))]
            total = sum(int(part.sum()) for k in members for part in paid[k])
            if total <= budget.amount:
                self.ratios[budget.name] = 1.0
                continue
            if budget.rule == "pro_rata":
                scale = 10**budget.digits
                share = budget.amount * scale // total
                self.ratios[budget.name] = share / scale
                for k in members:
                    paid[k] = self._scaled_all(paid[k], share, scale)
                continue
            whole = {k: _joined(paid[k]) for k in members}
            self._by_order(budget, whole, compiler)
            for k in members:
                paid[k] = self._cut(k, whole[k])
            given = sum(int(part.sum()) for part in whole.values())
            self.ratios[budget.name] = given / total if total else 1.0
        return paid

    def _scaled_all(self, parts: list[Array], up: int, down: int) -> list[Array]:
        many = sum(map(len, parts)) > CHUNK  # for fewer rows a second thread costs more than it saves
        return _each(lambda part: _scaled(part, up, down), parts, self._threads if many else 1)

    def _by_order(self, budget: m.Budget, paid: dict[int, Array], compiler: Compiler) -> None:
        """First come, ranked or stop: rows in order until the pot is empty; the amounts are replaced."""
        rows = np.unique(np.concatenate([self.rows[k] for k in paid]))
        worth = np.zeros(len(rows), np.int64)
        for k, fen in paid.items():
            worth[np.searchsorted(rows, self.rows[k])] += fen
        order_by = budget.order_by or x.Const(0)
        order = self._order(compiler, order_by, rows, descending=budget.rule == "ranked")
        after = np.empty(len(rows), np.int64)
        after[order] = np.cumsum(worth[order])
        before = after - worth
        for k, fen in paid.items():
            at = np.searchsorted(rows, self.rows[k])
            if budget.rule == "stop":
                paid[k] = np.where((after <= budget.amount)[at], fen, 0)
                continue
            start = before[at]
            end = start + fen
            before[at] = end
            paid[k] = np.minimum(end, budget.amount) - np.minimum(start, budget.amount)

    def _cut(self, k: int, whole: Array) -> list[Array]:
        """A clause's amounts by chunk again."""
        return np.split(whole, np.cumsum([len(part) for part in self._granted[k]])[:-1])

    def _order(self, compiler: Compiler, node: x.Num, rows: Array, *, descending: bool) -> Array:
        """Rows by a key; a key that is not known comes last; ties keep the table's order."""
        frame = Frame(self.columns, 0, self.n, rows)
        key = _dense(compiler.number(node)(frame), len(rows))
        unknown = ~np.asarray(_as_mask(compiler.known(node))(frame))
        return np.lexsort((np.where(unknown, 0, -key if descending else key), unknown))

    def index(self, policy: str) -> int:
        return self.rules.index(policy)

    @cached_property
    def _settled(self) -> tuple[Array, Array]:
        """(after budgets and quotas, due now): both totals in one pass over the chunks."""
        _, final, due = self._sums
        shares = [_shares(policy) for policy in self.rules.policies]

        def one(i: int) -> None:
            inside = slice(self._starts[i], self._starts[i] + self._starts.step)
            last, now, chunk = final[inside], due[inside], self._chunks[i]
            last[:] = self.total[inside]
            for k, hit in enumerate(chunk):
                old, new = self._granted[k][i], self._paid[k][i]
                if new is not old and len(new):
                    _add(last, hit.rows, new - old)
            now[:] = last
            for k, hit in enumerate(chunk):
                paid, share = self._paid[k][i], shares[k]
                if share is not None and hit.reached is not None and len(paid):
                    _add(now, hit.rows, _scaled(paid, share[0][hit.reached], share[1]) - paid)

        _each(one, range(len(self._chunks)), self._threads)
        return final, due

    @property
    def final(self) -> Array:
        """What each row gets in all, after budgets and quotas."""
        return self._settled[0]

    @property
    def due(self) -> Array:
        """What is due now: paid × the share of instalments reached."""
        return self._settled[1]

    def status(self, k: int) -> Array:
        """The state of every row for clause ``k``: 0 no, 1 yes, 2 unknown, 3 somebody decides."""
        states = np.full(self.n, NO, np.int8)
        for i, chunk in enumerate(self._chunks):
            part = states[self._starts[i] :][: self._size(i)]
            part[_at(chunk[k].rows)] = YES
            part[chunk[k].pending] = UNKNOWN
            part[chunk[k].decide] = DECISION
        return states

    def amounts(self, k: int) -> Array:
        """Fen of every row for clause ``k``, after budgets and quotas."""
        out = np.zeros(self.n, np.int64)
        for i, chunk in enumerate(self._chunks):
            out[self._starts[i] :][: self._size(i)][_at(chunk[k].rows)] = self._paid[k][i]
        return out

    def counts(self) -> list[tuple[int, int, int, int]]:
        """Per clause: eligible rows, pending rows, rows to decide, fen paid."""
        return [
            (
                sum(map(len, self._granted[k])),
                sum(len(chunk[k].pending) for chunk in self._chunks),
                sum(len(chunk[k].decide) for chunk in self._chunks),
                sum(int(part.sum()) for part in self._paid[k]),
            )
            for k in range(len(self.rules.policies))
        ]

    @property
    def density(self) -> float:
        """Eligible clauses per row."""
        return sum(len(part) for parts in self._granted for part in parts) / self.n if self.n else 0.0

    def _terms(self, k: int) -> tuple[x.Bool, ...]:
        condition = self.rules.policies[k].condition
        return condition.args if isinstance(condition, x.And) else (condition,)

    def funnel(self, k: int) -> list[Sieve]:
        """Condition by condition: how many rows it alone turns away, and how many are left so far."""
        compiler = Compiler(self.columns, self.dictionary)
        terms = self._terms(k)
        fns = [(compiler.true(t), compiler.maybe(t)) for t in terms]
        failed, unknown, left = [0] * len(terms), [0] * len(terms), [0] * len(terms)
        for start in range(0, self.n, CHUNK):
            frame = Frame(self.columns, start, min(start + CHUNK, self.n))
            still: Any = np.ones(frame.n, bool)
            for i, (held, may) in enumerate(fns):
                maybe_, true_ = np.asarray(may(frame)), np.asarray(held(frame))
                failed[i] += frame.n - int(np.count_nonzero(maybe_))
                unknown[i] += int(np.count_nonzero(maybe_ & ~true_))
                still = still & maybe_
                left[i] += int(np.count_nonzero(still))
        return [
            Sieve(words(t, self.dictionary), *row)
            for t, row in zip(terms, zip(failed, unknown, left, strict=True), strict=True)
        ]

    def near(self, k: int) -> tuple[Array, Array]:
        """Near misses: rows where exactly one condition fails and all others hold; (rows, which condition)."""
        compiler = Compiler(self.columns, self.dictionary)
        fns = [(compiler.true(t), compiler.maybe(t)) for t in self._terms(k)]
        rows: list[Array] = []
        which: list[Array] = []
        for start in range(0, self.n, CHUNK):
            frame = Frame(self.columns, start, min(start + CHUNK, self.n))
            held, fell = np.zeros(frame.n, np.int16), np.zeros(frame.n, np.int16)
            at = np.zeros(frame.n, np.int16)
            for i, (true_, may) in enumerate(fns):
                held += np.asarray(true_(frame))
                no = ~np.asarray(may(frame))
                fell += no
                at[no] = i
            found = np.flatnonzero((fell == 1) & (held == len(fns) - 1))
            rows.append(found + start)
            which.append(at[found])
        return _joined(rows), _joined(which)

    def to_table(self) -> Any:
        """A pyarrow Table: per clause 状态 and 金额(分), with 合计, 盘子后合计 and 本期应付 in fen."""
        import pyarrow as pa

        columns: dict[str, Any] = {}
        for k, policy in enumerate(self.rules.policies):
            columns[f"{policy.id}·状态"] = pa.array(self.status(k))
            if policy.payable:
                columns[f"{policy.id}·金额(分)"] = pa.array(self.amounts(k))
        columns["合计(分)"] = pa.array(self.total)
        columns["资金盘后合计(分)"] = pa.array(self.final)
        columns["本期应付(分)"] = pa.array(self.due)
        return pa.table(columns)


def _joined(parts: list[Array]) -> Array:
    parts = [p for p in parts if len(p)]
    return np.concatenate(parts) if parts else _NONE


def _shares(policy: m.Policy) -> tuple[Array, int] | None:
    """Instalments reached → (numerators, one denominator) of what is then due."""
    if not policy.instalments:
        return None
    shares = [Fraction(0)]
    for instalment in policy.instalments:
        shares.append(shares[-1] + instalment.share)
    below = math.lcm(*(s.denominator for s in shares))
    return np.array([int(s * below) for s in shares], np.int64), below


def _scaled(paid: Array, up: Any, down: int) -> Array:
    """paid × up ÷ down, down to the fen; the product is split where it could leave int64."""
    if int(paid.max(initial=0)) * int(np.max(up)) < x.INT64:
        out: Array = paid * up
        return np.floor_divide(out, down, out=out)
    whole, part = np.divmod(paid, down)
    return whole * up + part * up // down  # type: ignore[no-any-return]
