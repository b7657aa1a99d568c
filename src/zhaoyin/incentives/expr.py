"""The expression tree: fifteen kinds of node, frozen; every meaning (one firm, columns, SQL, words) is read from it.

Booleans come in negation normal form: And, Or over leaves Cmp, In, Flag, Truth. Numbers are integers in canonical
units; a rate is exact because a product keeps its numerator and the denominator is divided out once, in Round.
``None`` (unknown) follows Kleene in booleans and spreads through numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

INT64 = 2**63 - 1
NO_CAP = 4 * 10**18  # a cap that never binds


@dataclass(frozen=True, slots=True)
class Const:
    value: int


@dataclass(frozen=True, slots=True)
class Field:
    name: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """A parameter without a value on the day (an interest rate not published yet)."""

    name: str


@dataclass(frozen=True, slots=True)
class Add:
    left: Num
    right: Num


@dataclass(frozen=True, slots=True)
class Sub:
    left: Num
    right: Num


@dataclass(frozen=True, slots=True)
class Mul:
    left: Num
    right: Num


@dataclass(frozen=True, slots=True)
class Step:
    """Whole steps of ``each`` in the positive part of ``arg``."""

    arg: Num
    each: int


@dataclass(frozen=True, slots=True)
class Round:
    """The positive part of ``arg`` divided by ``den``, rounded to a multiple of ``unit``; down, or half up."""

    arg: Num
    den: int
    unit: int = 1
    half_up: bool = False


@dataclass(frozen=True, slots=True)
class Min:
    args: tuple[Num, ...]


@dataclass(frozen=True, slots=True)
class Max:
    args: tuple[Num, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """The value of the first branch whose condition holds; an unknown condition on the way makes it unknown."""

    branches: tuple[tuple[Bool, Num], ...]
    otherwise: Num


@dataclass(frozen=True, slots=True)
class Truth:
    value: bool


@dataclass(frozen=True, slots=True)
class Flag:
    name: str
    want: bool = True


@dataclass(frozen=True, slots=True)
class Cmp:
    op: str  # >= > <= < == !=
    left: Num
    right: Num


@dataclass(frozen=True, slots=True)
class In:
    """Membership of a text or integer field; ``prefix``: an industry code belongs to every code it starts with."""

    name: str
    values: tuple[str, ...] | tuple[int, ...]
    prefix: bool = False
    want: bool = True


@dataclass(frozen=True, slots=True)
class And:
    args: tuple[Bool, ...]


@dataclass(frozen=True, slots=True)
class Or:
    args: tuple[Bool, ...]


Num = Const | Field | Unknown | Add | Sub | Mul | Step | Round | Min | Max | Case
Bool = Truth | Flag | Cmp | In | And | Or
Node = Num | Bool

TRUE, FALSE = Truth(True), Truth(False)
NEGATED = {">=": "<", ">": "<=", "<": ">=", "<=": ">", "==": "!=", "!=": "=="}


def children(node: Node) -> tuple[Node, ...]:
    match node:
        case Add(a, b) | Sub(a, b) | Mul(a, b) | Cmp(_, a, b):
            return (a, b)
        case Step(a) | Round(a):
            return (a,)
        case Min(args) | Max(args) | And(args) | Or(args):
            return args
        case Case(branches, otherwise):
            return (*(part for branch in branches for part in branch), otherwise)
    return ()


def walk(node: Node) -> Iterator[Node]:
    stack: list[Node] = [node]
    while stack:
        at = stack.pop()
        yield at
        stack.extend(reversed(children(at)))


def fields(node: Node) -> list[str]:
    """Names of the fields a node reads, each once, in reading order."""
    return list(dict.fromkeys(n.name for n in walk(node) if isinstance(n, Field | Flag | In)))


def negate(node: Bool) -> Bool:
    match node:
        case Truth(value):
            return FALSE if value else TRUE
        case Flag(name, want):
            return Flag(name, not want)
        case Cmp(op, a, b):
            return Cmp(NEGATED[op], a, b)
        case In(name, values, prefix, want):
            return In(name, values, prefix, not want)
        case And(args):
            return Or(tuple(negate(a) for a in args))
        case Or(args):
            return And(tuple(negate(a) for a in args))


def both(*parts: Bool) -> Bool:
    return _join(parts, And, TRUE, FALSE)


def either(*parts: Bool) -> Bool:
    return _join(parts, Or, FALSE, TRUE)


def _join(parts: tuple[Bool, ...], kind: type[And] | type[Or], neutral: Truth, absorbing: Truth) -> Bool:
    flat: dict[Bool, None] = {}
    for part in parts:
        for arg in part.args if isinstance(part, kind) else (part,):
            if arg == absorbing:
                return absorbing
            if arg != neutral:
                flat.setdefault(arg)
    args = tuple(flat)
    return neutral if not args else args[0] if len(args) == 1 else kind(args)


def add(a: Num, b: Num) -> Num:
    if isinstance(a, Const) and isinstance(b, Const):
        return Const(a.value + b.value)
    if isinstance(b, Const) and b.value == 0:
        return a
    return b if isinstance(a, Const) and a.value == 0 else Add(a, b)


def sub(a: Num, b: Num) -> Num:
    if isinstance(a, Const) and isinstance(b, Const):
        return Const(a.value - b.value)
    return a if isinstance(b, Const) and b.value == 0 else Sub(a, b)


def mul(a: Num, b: Num) -> Num:
    if isinstance(a, Const):
        a, b = b, a
    if isinstance(b, Const):
        if isinstance(a, Const):
            return Const(a.value * b.value)
        if b.value == 1:
            return a
        if isinstance(a, Mul) and isinstance(a.right, Const):
            return mul(a.left, Const(a.right.value * b.value))
    return Mul(a, b)


def positive(a: Num) -> Num:
    return Const(max(a.value, 0)) if isinstance(a, Const) else Max((a, Const(0)))
