"""Ibis expressions over numpy columns: what ``query`` writes once, compiled to functions of arrays instead of SQL.

Every operation keeps SQL's meaning of null: what is computed of a null is null, a comparison with one is not true, and
``coalesce`` and ``case`` choose as they do in SQL. An operation that is not known here is a TypeError when it is
compiled, never a wrong number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa


class Column(NamedTuple):
    """Values and where they are known: arrays of one length, or one value for every row. The unknown ones are anything."""

    values: Any
    known: Any


Columns = Mapping[str, Column]
Marks = Mapping[str, object]
_Run = Callable[[Columns, Marks], Column]

_MARK = re.compile("§(.+)§")
_TYPES = {dt.Float64: np.float64, dt.Int64: np.int64, dt.Int32: np.int32, dt.Date: "datetime64[D]"}
_PLAIN: dict[type[ops.Node], Callable[..., Any]] = {
    ops.Add: np.add, ops.Subtract: np.subtract, ops.Multiply: np.multiply, ops.Divide: np.true_divide,
    ops.Equals: np.equal, ops.Greater: np.greater, ops.GreaterEqual: np.greater_equal,
    ops.LessEqual: np.less_equal, ops.Not: np.logical_not, ops.Exp: np.exp,
}  # fmt: skip
# Those that rise or fall with each of their arguments while the others stay.
_STEADY = (
    ops.Add, ops.Subtract, ops.Multiply, ops.Greater, ops.GreaterEqual, ops.LessEqual, ops.Not, ops.Exp, ops.Ln, ops.Sqrt,
    ops.Round, ops.Cast,
)  # fmt: skip


def mark(name: str) -> str:
    """A literal that stands for a value given with each question."""
    return f"§{name}§"


def _marked(value: object) -> str | None:
    found = _MARK.fullmatch(value) if isinstance(value, str) else None
    return found[1] if found else None


def column(data: pa.Array | pa.ChunkedArray) -> Column:
    """An Arrow column."""
    known = data.is_valid().to_numpy(zero_copy_only=False) if data.null_count else np.True_
    if data.null_count and not (pa.types.is_string(data.type) or pa.types.is_large_string(data.type)):
        some = False if pa.types.is_boolean(data.type) else pa.scalar(0, pa.int32()).cast(data.type)
        data = data.fill_null(some)
    return Column(data.to_numpy(zero_copy_only=False), known)


def arrow(one: Column, kind: pa.DataType, rows: int) -> pa.Array:
    """A column of ``rows`` rows as an Arrow array."""
    values = np.broadcast_to(one.values, rows)
    return pa.array(values, kind, mask=~np.broadcast_to(one.known, rows))


@dataclass(frozen=True, slots=True)
class Compiled:
    """A function of columns and of the values of the marks.

    ``reads`` names the columns it needs. ``steady`` says that it only rises or only falls with the one column it reads,
    so that between two inputs it is never above or below what it is at both.
    """

    run: _Run
    reads: frozenset[str]
    steady: bool

    def __call__(self, columns: Columns, marks: Marks) -> Column:
        with np.errstate(all="ignore"):
            return self.run(columns, marks)

    def true(self, columns: Columns, marks: Marks) -> Any:
        """Where a condition is true; null is not."""
        values, known = self(columns, marks)
        return values & known


def compiled(expression: ir.Value, given: Mapping[ir.Value, str] | None = None) -> Compiled:
    """Compile an expression. Parts of it that are ``given`` are read from the column of that name instead."""
    return _compile(expression.op(), {one.op(): name for one, name in (given or {}).items()})


def _compile(node: Any, given: Mapping[Any, str]) -> Compiled:
    if node in given or isinstance(node, ops.Field):
        name = given.get(node) or node.name
        return Compiled(lambda columns, _: columns[name], frozenset([name]), True)
    if isinstance(node, ops.Literal):
        return Compiled(_literal(node), frozenset(), True)
    if type(node) not in _SPECIAL and type(node) not in _PLAIN:
        raise TypeError(f"{type(node).__name__} is not known to zhaoyin.universe.arrays")
    of = [_compile(one, given) for one in _arguments(node)]
    if type(node) in _PLAIN:
        run = _plain(_PLAIN[type(node)], [one.run for one in of])
    else:
        run = _SPECIAL[type(node)](node, [one.run for one in of])
    varying = [one for one in of if one.reads]
    if _is_least(node):  # its condition and its two branches read the same column
        steady = len([one for one in of[1:] if one.reads]) == 1 and all(one.steady for one in of[1:])
    else:
        chain = isinstance(node, _STEADY) or (
            # Dividing by what varies passes through infinity; only the first of many may be null and vary.
            isinstance(node, (ops.Divide, ops.Coalesce)) and not any(one.reads for one in of[1:])
        )
        steady = not varying or (chain and len(varying) == 1 and varying[0].steady)
    return Compiled(run, frozenset().union(*(one.reads for one in of)), steady)


def _arguments(node: Any) -> list[Any]:
    """The values a node is computed of, lists of them laid flat."""
    found: list[Any] = []
    for one in node.args:
        found += [e for e in (one if isinstance(one, tuple) else (one,)) if isinstance(e, ops.Value)]
    return found


def _is_least(node: Any) -> bool:
    """Whether a node is ``ifelse(x > most, most, x)``: x, at most ``most``."""
    return (
        isinstance(node, ops.IfElse)
        and isinstance(node.bool_expr, ops.Greater)
        and node.bool_expr.left == node.false_null_expr
        and node.bool_expr.right == node.true_expr
    )


def _literal(node: Any) -> _Run:
    name = _marked(node.value)
    if name is not None:
        return lambda _, marks: Column(marks[name], np.True_)
    missing = False if node.dtype.is_boolean() else 0
    fixed = Column(missing if node.value is None else node.value, np.bool_(node.value is not None))
    return lambda *_: fixed


def _plain(function: Callable[..., Any], of: list[_Run]) -> _Run:
    def run(columns: Columns, marks: Marks) -> Column:
        found = [one(columns, marks) for one in of]
        known = found[0].known
        for one in found[1:]:
            known = known & one.known
        return Column(function(*(one.values for one in found)), known)

    return run


def _within(
    function: Callable[[Any], Any], inside: Callable[[Any], Any]
) -> Callable[[Any, list[_Run]], _Run]:
    """A function that is null outside of where it is defined."""

    def made(_: Any, of: list[_Run]) -> _Run:
        def run(columns: Columns, marks: Marks) -> Column:
            values, known = of[0](columns, marks)
            return Column(function(values), known & inside(values))

        return run

    return made


def _cast(node: Any, of: list[_Run]) -> _Run:
    to: Any = _TYPES.get(type(node.to))
    # A fraction made whole is rounded by one engine and cut by another.
    if to is None or (node.arg.dtype.is_floating() and not node.to.is_floating()):
        raise TypeError(f"a cast from {node.arg.dtype} to {node.to} is not known to zhaoyin.universe.arrays")

    def run(columns: Columns, marks: Marks) -> Column:
        values, known = of[0](columns, marks)
        return Column(np.asarray(values).astype(to, copy=False), known)

    return run


def _and(_: Any, of: list[_Run]) -> _Run:
    def run(columns: Columns, marks: Marks) -> Column:
        (a, a_known), (b, b_known) = (one(columns, marks) for one in of)
        return Column(a & b, (a_known & b_known) | (a_known & ~a) | (b_known & ~b))

    return run


def _in(_: Any, of: list[_Run]) -> _Run:
    def run(columns: Columns, marks: Marks) -> Column:
        values, known = of[0](columns, marks)
        wanted: set[Any] = set()
        for one in of[1:]:
            option = one(columns, marks).values
            wanted |= set(option) if isinstance(option, (list, tuple)) else {option}
        return Column(np.fromiter((v in wanted for v in values), np.bool_, len(values)), known)

    return run


def _choose(test: Column, then: Column, other: Column) -> Column:
    hit = test.values & test.known
    return Column(np.where(hit, then.values, other.values), np.where(hit, then.known, other.known))


def _ifelse(_: Any, of: list[_Run]) -> _Run:
    return lambda columns, marks: _choose(*(one(columns, marks) for one in of))


def _case(node: Any, of: list[_Run]) -> _Run:
    branches = list(zip(node.cases, of, of[len(node.cases) :], strict=False))

    def run(columns: Columns, marks: Marks) -> Column:
        found = of[-1](columns, marks)
        for condition, test, then in reversed(branches):
            for values in reversed(_repeated(condition, marks)):
                found = _choose(test(columns, values[0]), then(columns, values[1]), found)
        return found

    return run


def _repeated(condition: Any, marks: Marks) -> list[tuple[Marks, Marks]]:
    """The marks of a branch and of its result: one pair, or as many as ``fill`` writes branches for pairs of (options, result)."""
    name = _marked(condition.options[0].value) if isinstance(condition, ops.InValues) else None
    pairs: Any = marks[name] if name else ()
    if not (pairs and isinstance(pairs[0], tuple)):
        return [(marks, marks)]
    return [({**marks, str(name): options}, {**marks, str(name): result}) for options, result in pairs]


def _coalesce(_: Any, of: list[_Run]) -> _Run:
    def run(columns: Columns, marks: Marks) -> Column:
        values, known = of[-1](columns, marks)
        for one in reversed(of[:-1]):
            first = one(columns, marks)
            values, known = np.where(first.known, first.values, values), first.known | known
        return Column(values, known)

    return run


def _round(_: Any, of: list[_Run]) -> _Run:
    def run(columns: Columns, marks: Marks) -> Column:
        (values, known), (digits, _) = (one(columns, marks) for one in of)
        scale = 10.0**digits  # halves go away from zero, as in SQL
        return Column(np.copysign(np.floor(np.abs(values) * scale + 0.5), values) / scale, known)

    return run


_SPECIAL: dict[type[ops.Node], Callable[[Any, list[_Run]], _Run]] = {
    ops.Cast: _cast, ops.And: _and, ops.InValues: _in, ops.IfElse: _ifelse, ops.SearchedCase: _case,
    ops.Coalesce: _coalesce, ops.Round: _round, ops.Ln: _within(np.log, lambda x: x > 0),
    ops.Sqrt: _within(np.sqrt, lambda x: x >= 0),
}  # fmt: skip


def conditions(expressions: Iterable[ir.BooleanValue]) -> list[ir.BooleanValue]:
    """Conditions with each AND taken apart: a row is kept when every one of them is true."""
    found: list[ir.BooleanValue] = []
    for one in expressions:
        node: Any = one.op()
        sides = [node.left.to_expr(), node.right.to_expr()] if isinstance(node, ops.And) else []
        found += conditions(sides) if sides else [one]
    return found
