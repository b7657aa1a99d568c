"""Many firms in columns: eligibility over whole chunks, amounts only for the rows that are eligible.

Conditions run from the most selective to the least, and move from whole columns to the surviving rows as soon as few
survive. Rows with unknown values carry a validity mask; where no column has one, nothing is paid for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
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
CHUNK = 1 << 16
SPARSE = 0.25  # below this share of surviving rows, the next condition looks at them alone
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

    def take(self, rows: Array) -> Frame:
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

    def number(self, node: x.Num) -> Fn:
        """int64 values; where unknown, anything."""
        match node:
            case x.Const(value):
                return lambda frame: value
            case x.Unknown():
                return lambda frame: 0
            case x.Field(name):
                raw, entry, column = self.raw(name), self.dictionary[name], self.columns.get(name)
                if column is None:
                    return raw

                def checked(frame: Frame) -> Array:
                    values: Array = raw(frame)
                    if values.size and (values.max() > entry.high or values.min() < entry.low):
                        self._out_of_range(entry, values, frame)
                    return values.astype(np.int64, copy=False)

                return checked
            case x.Add(a, b):
                p, q = self.number(a), self.number(b)
                return lambda frame: p(frame) + q(frame)
            case x.Sub(a, b):
                p, q = self.number(a), self.number(b)
                return lambda frame: p(frame) - q(frame)
            case x.Mul(a, b):
                p, q = self.number(a), self.number(b)
                return lambda frame: p(frame) * q(frame)
            case x.Step(a, each):
                p = self.number(a)
                return lambda frame: np.maximum(p(frame), 0) // each
            case x.Round(a, den, unit, half_up):
                p, step = self.number(a), den * unit
                if half_up:
                    return lambda frame: (2 * np.maximum(p(frame), 0) + step) // (2 * step) * unit
                if unit == 1:
                    return lambda frame: np.maximum(p(frame), 0) // step
                return lambda frame: np.maximum(p(frame), 0) // step * unit
            case x.Min(args) | x.Max(args):
                parts = [self.number(a) for a in args]
                pick: Any = np.minimum if isinstance(node, x.Min) else np.maximum

                def extreme(frame: Frame) -> Any:
                    value = parts[0](frame)
                    for part in parts[1:]:
                        value = pick(value, part(frame))
                    return value

                return extreme
            case x.Case(branches, otherwise):
                cases = [(self.true(c), self.number(v)) for c, v in branches]
                rest = self.number(otherwise)

                def case(frame: Frame) -> Any:
                    value = rest(frame)
                    for when, worth in reversed(cases):
                        value = np.where(when(frame), worth(frame), value)
                    return value

                return case
        raise TypeError(node)

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
    """One clause in one chunk: local rows with their amounts, the pending, those somebody must decide."""

    rows: Array
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

        if threads > 1 and n > CHUNK:
            with ThreadPoolExecutor(threads) as pool:
                chunks = list(pool.map(one, starts))
        else:
            chunks = [one(start) for start in starts]
        return Batch(self.rules, self.dictionary, columns, n, chunks)


class _Job:
    def __init__(self, rules: m.Rules, dictionary: f.Dictionary, columns: dict[str, Column], n: int) -> None:
        self.rules, self.columns, self.n = rules, columns, n
        self.compiler = c = Compiler(columns, dictionary)
        uses: dict[x.Bool, int] = {}
        terms = [
            p.condition.args if isinstance(p.condition, x.And) else (p.condition,) for p in rules.policies
        ]
        for args in terms:
            for arg in args:
                uses[arg] = uses.get(arg, 0) + 1
        many = max(3, len(terms) // 2)
        self.shared = [arg for arg, count in uses.items() if count >= many]
        self.shared_maybe = [c.maybe(arg) for arg in self.shared]
        shares = self._selectivity([arg for arg in uses if arg not in self.shared])
        common = frozenset(self.shared)
        self.terms: list[list[Fn]] = []
        self.strict: list[Fn | None] = []
        self.cold: list[bool] = []
        for policy, args in zip(rules.policies, terms, strict=True):
            own = sorted((a for a in args if a not in common and a != x.TRUE), key=lambda a: shares[a])
            self.terms.append([self._kept(a, uses[a], c.maybe(a)) for a in own])
            self.strict.append(None if c.certain(policy.condition) else c.true(policy.condition))
            self.cold.append(not set(common) <= set(args))
        self.own_shared = [
            [c.maybe(a) for a in args if a in common] if cold else []
            for args, cold in zip(terms, self.cold, strict=True)
        ]
        self.award = [c.number(p.award) for p in rules.policies]
        self.award_known = [c.known(p.award) for p in rules.policies]
        self.discretion = [
            (c.true(p.discretion), c.maybe(p.discretion)) if p.discretion is not None else None
            for p in rules.policies
        ]
        self.instalments = [[c.true(i.when) for i in p.instalments] for p in rules.policies]
        self.group: dict[int, int] = {}
        self.groups = [g for g in rules.groups if g.rule != "stack"]
        for k, group in enumerate(self.groups):
            for member in group.members:
                self.group[member] = k
        self.already = [
            (c.number(g.already), c.known(g.already)) if g.already is not None else None for g in self.groups
        ]
        self.caps = [(cap.members, c.number(cap.node), c.known(cap.node), cap.node) for cap in rules.caps]

    def _kept(self, node: x.Bool, uses: int, fn: Fn) -> Fn:
        """A whole-column condition that several clauses share is computed once per chunk."""
        if uses < 2:
            return fn

        def cached(frame: Frame) -> Any:
            if frame.rows is not None:
                return fn(frame)
            kept = frame.cache.get(node)
            if kept is None:
                kept = frame.cache[node] = fn(frame)
            return kept

        return cached

    def _selectivity(self, leaves: list[x.Bool]) -> dict[x.Bool, float]:
        """The share of rows each condition lets through, from a sample spread over the table."""
        step = max(self.n // 8192, 1)
        sample = {
            name: Column(c.values[::step], None if c.valid is None else c.valid[::step], c.words)
            for name, c in self.columns.items()
        }
        size = len(range(0, self.n, step))
        compiler, frame = Compiler(sample, self.compiler.dictionary), Frame(sample, 0, size)
        if not size:
            return dict.fromkeys(leaves, 1.0)
        return {leaf: float(np.count_nonzero(compiler.maybe(leaf)(frame))) / size for leaf in leaves}

    def chunk(self, start: int, stop: int) -> list[_Hits]:
        frame = Frame(self.columns, start, stop)
        n = stop - start
        shared: Array | None = None
        for fn in self.shared_maybe:
            mask = fn(frame)
            shared = mask if shared is None else shared & mask
        hits = [self._eligible(k, frame, shared, n) for k in range(len(self.rules.policies))]
        self._combine(hits, frame, n)
        self._firm_caps(hits, frame, n)
        for k, conditions in enumerate(self.instalments):
            if conditions:
                inner = frame.take(hits[k].rows)
                open_: Any = np.ones(len(hits[k].rows), bool)
                reached = np.zeros(len(hits[k].rows), np.int8)
                for condition in conditions:
                    open_ = open_ & condition(inner)
                    reached += open_
                hits[k].reached = reached
        for hit in hits:
            for name in ("rows", "pending", "decide"):
                rows = getattr(hit, name)
                if len(rows):
                    setattr(hit, name, (rows + start).astype(np.int32 if self.n < 2**31 else np.int64))
        return hits

    def _eligible(self, k: int, frame: Frame, shared: Array | None, n: int) -> _Hits:
        mask = None if self.cold[k] else shared
        for fn in self.own_shared[k]:
            mask = fn(frame) if mask is None else mask & fn(frame)
        rows: Array | None = None
        inner = frame
        for fn in self.terms[k]:
            if rows is None:
                found = fn(frame)
                mask = found if mask is None else mask & found
                if np.count_nonzero(mask) < SPARSE * n:
                    rows = np.flatnonzero(mask)
                    inner = frame.take(rows)
            else:
                if not len(rows):
                    break
                rows = rows[fn(inner)]
                inner = frame.take(rows)
        if rows is None:
            if mask is None or np.count_nonzero(mask) == n:
                rows = np.arange(n)  # everybody: the columns themselves, nothing to gather
            else:
                rows = np.flatnonzero(mask)
                inner = frame.take(rows)
        pending = decide = _NONE
        strict = self.strict[k]
        if strict is not None and len(rows):
            held = strict(inner)
            if not held.all():
                pending, rows = rows[~held], rows[held]
                inner = frame.take(rows)
        policy = self.rules.policies[k]
        if policy.nature == m.UNSTATED or policy.draft:
            return _Hits(_NONE, _NONE, np.concatenate([pending, rows]), _NONE)
        discretion = self.discretion[k]
        if discretion is not None and len(rows):
            asked, perhaps = np.asarray(discretion[0](inner)), np.asarray(discretion[1](inner))
            decide = rows[asked]
            unsure = perhaps & ~asked
            pending = np.concatenate([pending, rows[unsure]]) if unsure.any() else pending
            if perhaps.any():
                rows = rows[~perhaps]
                inner = frame.take(rows)
        known = self.award_known[k]
        if known is not ALWAYS and len(rows):
            sure = _as_mask(known)(inner)
            if not sure.all():
                pending, rows = np.concatenate([pending, rows[~sure]]), rows[sure]
                inner = frame.take(rows)
        if not len(rows):
            return _Hits(_NONE, _NONE, pending, decide)
        paid = _dense(self.award[k](inner), len(rows)) if policy.payable else np.zeros(len(rows), np.int64)
        return _Hits(rows, paid, pending, decide)

    def _combine(self, hits: list[_Hits], frame: Frame, n: int) -> None:
        policies = self.rules.policies
        for group, already in zip(self.groups, self.already, strict=True):
            members = [k for k in group.members if len(hits[k].rows) and policies[k].payable]
            if len(members) > 1:
                best, who = np.full(n, -1, np.int64), np.full(n, -1, np.int16)
                for k in members:
                    rows, paid = hits[k].rows, hits[k].paid
                    better = who[rows] < 0 if group.rule == "exclude" else paid > best[rows]
                    taken = rows[better]
                    best[taken], who[taken] = paid[better], k
                for k in members:
                    hits[k].paid = np.where(who[hits[k].rows] == k, hits[k].paid, 0)
            if already is None:
                continue
            value, known = already
            for k in members:
                inner = frame.take(hits[k].rows)
                if known is not ALWAYS:
                    self._lose(hits[k], np.asarray(_as_mask(known)(inner)))
                    inner = frame.take(hits[k].rows)
                hits[k].paid = np.maximum(hits[k].paid - value(inner), 0)

    @staticmethod
    def _lose(hit: _Hits, sure: Array) -> None:
        """Rows whose limit is not known wait for it."""
        if not sure.all():
            hit.pending = np.concatenate([hit.pending, hit.rows[~sure]])
            hit.rows, hit.paid = hit.rows[sure], hit.paid[sure]

    def _firm_caps(self, hits: list[_Hits], frame: Frame, n: int) -> None:
        for members, limit, known, node in self.caps:
            inside = [k for k in members if len(hits[k].rows) and self.rules.policies[k].payable]
            if not inside:
                continue
            top: Any
            if isinstance(node, x.Const):
                top = node.value
                total = np.zeros(n, np.int64)
                for k in inside:
                    total[hits[k].rows] += hits[k].paid
                if not (total > top).any():
                    continue
            else:
                top = np.zeros(n, np.int64)
                for k in inside:
                    if known is not ALWAYS:
                        self._lose(hits[k], np.asarray(_as_mask(known)(frame.take(hits[k].rows))))
                    inner = frame.take(hits[k].rows)
                    top[hits[k].rows] = limit(inner)
            cum = np.zeros(n, np.int64)
            for k in inside:
                rows = hits[k].rows
                before = cum[rows]
                after = before + hits[k].paid
                cum[rows] = after
                here = top if isinstance(top, int) else top[rows]
                hits[k].paid = np.minimum(after, here) - np.minimum(before, here)


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
        n: int,
        chunks: list[list[_Hits]],
    ) -> None:
        self.rules, self.dictionary, self.columns, self.n = rules, dictionary, columns, n
        self.rows: list[Array] = []
        self.granted: list[Array] = []
        self.pending: list[Array] = []
        self.decide: list[Array] = []
        self._reached: list[Array | None] = []
        for k in range(len(rules.policies)):
            parts = [chunk[k] for chunk in chunks]
            self.rows.append(_joined([p.rows for p in parts]))
            self.granted.append(_joined([p.paid for p in parts]))
            self.pending.append(_joined([p.pending for p in parts]))
            self.decide.append(_joined([p.decide for p in parts]))
            reached = [p.reached for p in parts if p.reached is not None]
            self._reached.append(_joined(reached) if rules.policies[k].instalments else None)
            for chunk in chunks:
                chunk[k] = _Hits(_NONE, _NONE, _NONE, _NONE)  # give the memory back
        self.ratios: dict[str, float] = {}
        self.paid = self._budgets()

    def _budgets(self) -> list[Array]:
        """Quotas, then budgets over all rows."""
        paid = list(self.granted)
        compiler = Compiler(self.columns, self.dictionary)
        for k, policy in enumerate(self.rules.policies):
            if policy.quota is None or policy.rank_by is None or not policy.payable:
                continue
            order = self._order(compiler, policy.rank_by, self.rows[k], descending=True)
            keep = np.zeros(len(self.rows[k]), bool)
            keep[order[: policy.quota]] = True
            paid[k] = np.where(keep, paid[k], 0)
        for budget in self.rules.budgets:
            members = [k for k in budget.members if len(self.rows[k])]
            total = sum(int(paid[k].sum()) for k in members)
            if total <= budget.amount:
                self.ratios[budget.name] = 1.0
                continue
            if budget.rule == "pro_rata":
                scale = 10**budget.digits
                share = budget.amount * scale // total
                self.ratios[budget.name] = share / scale
                for k in members:
                    whole, part = np.divmod(paid[k], scale)  # keeps the product inside int64
                    paid[k] = whole * share + part * share // scale
                continue
            rows = np.unique(np.concatenate([self.rows[k] for k in members]))
            worth = np.zeros(len(rows), np.int64)
            for k in members:
                worth[np.searchsorted(rows, self.rows[k])] += paid[k]
            order_by = budget.order_by or x.Const(0)
            order = self._order(compiler, order_by, rows, descending=budget.rule == "ranked")
            after = np.empty(len(rows), np.int64)
            after[order] = np.cumsum(worth[order])
            before = after - worth
            if budget.rule == "stop":
                whole_ = after <= budget.amount
                for k in members:
                    paid[k] = np.where(whole_[np.searchsorted(rows, self.rows[k])], paid[k], 0)
            else:
                for k in members:
                    at = np.searchsorted(rows, self.rows[k])
                    start = before[at]
                    end = start + paid[k]
                    before[at] = end
                    paid[k] = np.minimum(end, budget.amount) - np.minimum(start, budget.amount)
            given = sum(int(paid[k].sum()) for k in members)
            self.ratios[budget.name] = given / total if total else 1.0
        return paid

    def _order(self, compiler: Compiler, node: x.Num, rows: Array, *, descending: bool) -> Array:
        """Rows by a key; a key that is not known comes last; ties keep the table's order."""
        frame = Frame(self.columns, 0, self.n, rows)
        key = _dense(compiler.number(node)(frame), len(rows))
        unknown = ~np.asarray(_as_mask(compiler.known(node))(frame))
        return np.lexsort((np.where(unknown, 0, -key if descending else key), unknown))

    def index(self, policy: str) -> int:
        return self.rules.index(policy)

    @cached_property
    def total(self) -> Array:
        """What each row gets in all, before budgets and quotas."""
        total = np.zeros(self.n, np.int64)
        for rows, granted in zip(self.rows, self.granted, strict=True):
            if len(rows):
                total[rows] += granted
        return total

    def _moved(self, start: Array, before: list[Array], after: list[Array]) -> Array:
        """A total with some clauses' amounts replaced: only those are touched."""
        total = start.copy()
        for rows, old, new in zip(self.rows, before, after, strict=True):
            if new is not old and len(rows):
                total[rows] += new - old
        return total

    @cached_property
    def final(self) -> Array:
        """What each row gets in all, after budgets and quotas."""
        return self._moved(self.total, self.granted, self.paid)

    @cached_property
    def due(self) -> Array:
        """What is due now: paid × the share of instalments reached."""
        due = list(self.paid)
        for k, policy in enumerate(self.rules.policies):
            reached = self._reached[k]
            if reached is None or not len(self.rows[k]):
                continue
            shares = [Fraction(0)]
            for instalment in policy.instalments:
                shares.append(shares[-1] + instalment.share)
            up, down = (
                np.array([getattr(s, part) for s in shares], np.int64)
                for part in ("numerator", "denominator")
            )
            whole, part = np.divmod(self.paid[k], down[reached])
            due[k] = whole * up[reached] + part * up[reached] // down[reached]
        return self._moved(self.final, self.paid, due)

    def status(self, k: int) -> Array:
        """The state of every row for clause ``k``: 0 no, 1 yes, 2 unknown, 3 somebody decides."""
        states = np.full(self.n, NO, np.int8)
        states[self.rows[k]] = YES
        states[self.pending[k]] = UNKNOWN
        states[self.decide[k]] = DECISION
        return states

    def counts(self) -> list[tuple[int, int, int, int]]:
        """Per clause: eligible rows, pending rows, rows to decide, fen paid."""
        return [
            (len(self.rows[k]), len(self.pending[k]), len(self.decide[k]), int(self.paid[k].sum()))
            for k in range(len(self.rules.policies))
        ]

    @property
    def density(self) -> float:
        """Eligible clauses per row."""
        return sum(map(len, self.rows)) / self.n if self.n else 0.0

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
                paid = np.zeros(self.n, np.int64)
                paid[self.rows[k]] = self.paid[k]
                columns[f"{policy.id}·金额(分)"] = pa.array(paid)
        columns["合计(分)"] = pa.array(self.total)
        columns["资金盘后合计(分)"] = pa.array(self.final)
        columns["本期应付(分)"] = pa.array(self.due)
        return pa.table(columns)


def _joined(parts: list[Array]) -> Array:
    parts = [p for p in parts if len(p)]
    return np.concatenate(parts) if parts else _NONE
