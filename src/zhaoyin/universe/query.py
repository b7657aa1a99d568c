"""Questions to a universe, written once in ibis and compiled once for each shape and dialect.

A shape is what changes the SQL: which filters are set, which terms are summed, which keys are grouped. Values are not
part of it; they stand in the compiled text as marked literals and are put in, quoted, for every run. So a query costs
no compilation after the first of its shape, and DuckDB and Spark run the same expression.
"""

from __future__ import annotations

import datetime as dt
import functools
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from zhaoyin.base.errors import Refusal
from zhaoyin.universe.arrays import mark
from zhaoyin.universe.schema import HELD, LIVE, SCHEMA

Dialect = Literal["duckdb", "pyspark"]
# The columns of an answer: firm_id is the USCC, the one key that outlives an import; live is null when unknown.
SHOWN = (
    "firm_id", "name", "region", "industry", "status", "live", "established", "capital_wan", "employees", "patents",
    "branches", "high_tech", "listed", "mobility", "place",
)  # fmt: skip
UNKNOWN = 0.5  # a missing input is neither good nor bad, and is flagged
_FLAGS = ("high_tech", "listed")
_NUMERIC = ("employees", "patents", "branches", "capital_fen", "mobility", *_FLAGS)
_PRIME = 2_147_483_647
_LIMIT, _MANY = 987_654_321, 876_543_219_876  # stand in the SQL for the limit and for a list of places
_TYPES = {
    "int64": "int64",
    "int32": "int32",
    "string": "string",
    "date32[day]": "date",
    "bool": "boolean",
    "double": "float64",
}


@dataclass(frozen=True, slots=True)
class Filter:
    """Which firms. Codes and regions are prefixes: "39" is a division, "3706" a city with its counties.

    ``live`` leaves out firms known to be closed, revoked, moved or suspended; those of unknown status stay.
    Bounds leave out firms whose value is unknown. ``min_capital_fen`` is in fen and looks at CNY alone.
    """

    industries: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    not_regions: tuple[str, ...] = ()
    live: bool = True
    established_from: dt.date | None = None
    established_until: dt.date | None = None
    min_employees: int | None = None
    min_capital_fen: int | None = None
    min_patents: int | None = None
    high_tech: bool | None = None
    listed: bool | None = None

    def shape(self) -> tuple[str, ...]:
        """Names of the filters that are set; flags with their value."""
        names = [name for name in self.__slots__ if getattr(self, name) not in ((), None)]
        return tuple(f"{n}={getattr(self, n)}" if n in ("live", "high_tech", "listed") else n for n in names)


@dataclass(frozen=True, slots=True)
class Term:
    """One part of a score: ``weight`` times a value in [0, 1]; a missing value counts 0.5 and is flagged.

    kind      value
    fit       the weight of the firm's code in ``fit`` of the question (1 when none is given)
    log       ln(1 + x) / ln(1 + cap), at most 1; capital in 万元
    flag      1 when true, 0 when false
    share     the column as it is
    near      exp(-d / cap), d the distance in km between the region and (lat, lon); needs a region table
    region    a column in [0, 1] of the region table
    """

    name: str
    kind: Literal["fit", "log", "flag", "share", "near", "region"]
    weight: float
    column: str = ""
    cap: float = 1.0
    lat: float = 0.0
    lon: float = 0.0

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z_0-9]*", self.name) or (
            self.column and not self.column.isidentifier()
        ):
            raise ValueError(f"not a name: {self.name!r} {self.column!r}")
        able = _FLAGS if self.kind == "flag" else _NUMERIC
        if self.kind in ("log", "flag", "share") and self.column not in able:
            raise ValueError(f"a {self.kind} term needs one of {', '.join(able)}, not {self.column!r}")
        if not all(math.isfinite(v) for v in (self.weight, self.cap, self.lat, self.lon)) or self.cap <= 0:
            raise ValueError(f"term {self.name}: weight, cap, lat and lon must be finite and cap positive")

    def shape(self) -> tuple[str, str, str]:
        return self.name, self.kind, self.column


# Priors, not findings: what a universe alone can say of a firm. Reweight once outcomes are known.
DEFAULT_SCORE: tuple[Term, ...] = (
    Term("fit", "fit", 0.35),
    Term("size", "log", 0.20, "employees", 5_000),
    Term("capital", "log", 0.15, "capital_fen", 100_000),
    Term("patents", "log", 0.10, "patents", 400),
    Term("high_tech", "flag", 0.10, "high_tech"),
    Term("mobility", "share", 0.10, "mobility"),
)


def _number(name: str) -> ir.FloatingValue:
    return ibis.literal(mark(name)).cast("float64")


def firms(columns: Sequence[str] = HELD) -> ir.Table:
    return ibis.table({name: _TYPES[str(SCHEMA.field(name).type)] for name in columns}, name="param_firms")


def kept(table: ir.Table, shape: Sequence[str]) -> list[ir.BooleanValue]:
    """The conditions of a filter's shape: a firm is asked about when all of them are true."""
    found: list[ir.BooleanValue] = []
    for one in shape:
        name, _, value = one.partition("=")
        if name == "live":
            if value == "True":
                found.append(table.status.isin(LIVE))
        elif name in ("high_tech", "listed"):
            found.append(table[name] == (value == "True"))
        elif name == "industries":
            found.append(table.industry.isin([mark("industries")]))
        elif name == "regions":
            found.append(table.region.isin([mark("regions")]))
        elif name == "not_regions":
            found.append(table.region.notin([mark("not_regions")]))
        elif name == "established_from":
            found.append(table.established >= ibis.literal(mark(name)).cast("date"))
        elif name == "established_until":
            found.append(table.established <= ibis.literal(mark(name)).cast("date"))
        elif name == "min_capital_fen":
            enough = table.capital_fen >= ibis.literal(mark(name)).cast("int64")
            found.append((table.capital_currency == "CNY") & enough)
        else:
            column = table[name.removeprefix("min_")]
            found.append(column >= ibis.literal(mark(name)).cast("int64"))
    return found


def _filtered(table: ir.Table, shape: Sequence[str]) -> ir.Table:
    for condition in kept(table, shape):
        table = table.filter(condition)
    return table


def derived(table: ir.Table) -> dict[str, ir.Value]:
    """What follows from a firm's own columns alone: ``live``, null when unknown, and ``capital_wan``, null unless in CNY."""
    return {
        "live": ibis.ifelse(table.status == "unknown", ibis.null("boolean"), table.status == "open"),
        "capital_wan": ibis.ifelse(
            table.capital_currency == "CNY", table.capital_fen.cast("float64") / 1e6, ibis.null("float64")
        ),
    }


def ranked_schema(columns: Sequence[str]) -> pa.Schema:
    """The types of a ranking's rows: the fetched columns and the score."""
    return pa.schema([*(SCHEMA.field(name) for name in columns), pa.field("score", pa.float64())])


def value(table: ir.Table, name: str, kind: str, column: str) -> ir.FloatingValue:
    """A term's value, null where its input is missing. ``table`` is of firms ``beside_places``."""
    if kind == "fit":  # one branch here, one for each weight when it is filled in
        branch = (table.industry.isin([mark("fit")]), _number("fit"))
        return ibis.cases(branch, else_=_number("fit.else"))
    if kind == "near":
        # Equirectangular: within 1% of the great circle at the distances that matter here.
        north = table.lat.cast("float64") - _number(f"{name}.lat")
        east = (table.lon.cast("float64") - _number(f"{name}.lon")) * _number(f"{name}.cos")
        return ((north * north + east * east).sqrt() * -111.195 / _number(f"{name}.cap")).exp()
    if kind == "region":
        return table[f"region_{column}"].cast("float64")
    if kind == "log":
        x = derived(table)["capital_wan"] if column == "capital_fen" else table[column].cast("float64")
        # A missing x stays missing: the comparison is null, and so the other branch is taken.
        most = _number(f"{name}.most")
        return (ibis.ifelse(x > most, most, x) + 1.0).ln() / _number(f"{name}.cap")
    if kind == "flag":
        return table[column].cast("int32").cast("float64")
    return table[column].cast("float64")


def filled(value: ir.FloatingValue) -> ir.FloatingValue:
    """A term's value as it counts and is shown: UNKNOWN where its input is missing."""
    return value.fill_null(UNKNOWN)


def part(table: ir.Table, name: str, kind: str, column: str) -> ir.FloatingValue:
    """What a term adds to the total, never null."""
    return filled(value(table, name, kind, column)) * _number(f"{name}.weight")


def total(parts: Sequence[ir.FloatingValue]) -> ir.FloatingValue:
    found: Any = ibis.literal(0.0)
    for one in parts:
        found = found + one
    return found


def rounded(total: ir.FloatingValue) -> ir.FloatingValue:
    """A total as it is ordered. Nine places: the last bits of ln and exp differ between engines and must not decide."""
    return total.round(9)


def beside_places(table: ir.Table, terms: Sequence[tuple[str, str, str]]) -> ir.Table:
    """Firms, and beside each what the region table says of its region if a term reads it."""
    if not {kind for _, kind, _ in terms} & {"near", "region"}:
        return table
    columns = {"place_code": "string", "lat": "float64", "lon": "float64"}
    columns |= {f"region_{column}": "float64" for _, kind, column in terms if kind == "region"}
    places = ibis.table(columns, name="param_regions")
    return table.join(places, table.region == places.place_code, how="left")


def _ranked(
    filters: tuple[str, ...], terms: tuple[tuple[str, str, str], ...], wanted: tuple[str, ...]
) -> ir.Table:
    table = beside_places(_filtered(firms(), filters), terms)
    score = rounded(total([part(table, *term) for term in terms]))
    return table.select(*wanted, score=score).order_by([ibis.desc("score"), "place"]).limit(_LIMIT)


def _counted(filters: tuple[str, ...], keys: tuple[str, ...], sums: tuple[str, ...]) -> ir.Table:
    table = _filtered(firms(), filters)
    groups = {}
    for key in keys:
        column, _, length = key.partition(":")
        groups[column] = table[column].substr(0, int(length)) if length else table[column]
    return table.group_by(**groups).aggregate(
        firms=table.count(), **{column: table[column].cast("int64").sum().cast("int64") for column in sums}
    )


def _sampled(filters: tuple[str, ...]) -> ir.Table:
    table = _filtered(firms(), filters)
    # A permutation of the ids by two rounds of arithmetic that fits 64 bits, the same on every engine.
    mixed = (table.place * 48_271 + ibis.literal(mark("seed")).cast("int64")) % _PRIME
    mixed = (mixed * 69_621 + table.place) % _PRIME
    drawn = table.select(*HELD, lot=mixed).order_by(["lot", "place"]).limit(_LIMIT)
    return drawn.drop("lot")


def _told() -> ir.Table:
    table = firms(("place", "uscc", "address", "scope"))
    return table.filter(table.place.isin([_MANY])).select(
        "place", firm_id=table.uscc, address=table.address, text=table.scope
    )


@functools.lru_cache(maxsize=256)
def template(dialect: Dialect, what: str, *shape: Any) -> str:
    """The SQL of a question's shape, its values still marked."""
    written: dict[str, Callable[..., ir.Table]] = {
        "ranked": _ranked, "counted": _counted, "sampled": _sampled, "told": _told
    }  # fmt: skip
    expression = written[what](*shape)
    if dialect == "pyspark":
        _ = ibis.pyspark  # registers the options its compiler reads
    return str(ibis.to_sql(expression, dialect=dialect))


def _double(value: Any) -> str:
    """A number both dialects read as a double, never as a decimal."""
    text = repr(float(value))
    if not math.isfinite(float(value)):
        raise ValueError(f"not a finite number: {value}")
    return f"({text})" if "e" in text else f"({text}e0)"


def quoted(value: object) -> str:
    """A value as an SQL string literal. Codes, numbers and dates only: no quote or backslash can be in it."""
    text = repr(float(value)) if isinstance(value, float) else str(value)
    if re.search(r"['\\\n]", text):
        raise Refusal(
            "universe.value",
            f"条件“{text}”里有不能用的字符（引号、反斜杠）。去掉它。",
            f"The condition “{text}” holds a character that cannot be used (quote, backslash). Remove it.",
        )
    return f"'{text}'"


def fill(
    sql: str,
    marks: Mapping[str, Sequence[object] | object],
    tables: Mapping[str, str],
    limit: int | None = None,
    places: Sequence[int] = (),
) -> str:
    """A template with its values and tables put in."""

    def value(found: re.Match[str]) -> str:
        given = marks[found[1]]
        if isinstance(given, (list, tuple)):
            return ", ".join(quoted(one) for one in given)
        return quoted(given)

    given: Any = marks.get("fit", ())

    def branches(found: re.Match[str]) -> str:
        return " ".join(
            f"WHEN {found[1]} IN ({', '.join(quoted(code) for code in codes)}) THEN {_double(weight)}"
            for codes, weight in given
        )

    def number(found: re.Match[str]) -> str:
        return _double(marks[found[1]])

    if "fit" in marks:
        sql = re.sub(r"WHEN\s+(\S+)\s+IN\s+\('§fit§'\)\s+THEN\s+CAST\('§fit§' AS DOUBLE\)", branches, sql)
    sql = re.sub(r"CAST\('§([^§]+)§' AS DOUBLE\)", number, sql)
    sql = re.sub(r"'§([^§]+)§'", value, sql)
    sql = re.sub(r'["`](param_firms|param_regions)["`]', lambda found: tables[found[1]], sql)
    if places:
        sql = sql.replace(str(_MANY), ", ".join(str(int(place)) for place in places))
    return sql.replace(str(_LIMIT), str(int(limit))) if limit is not None else sql


def marks_of(filter: Filter, terms: Sequence[Term] = ()) -> dict[str, object]:
    """The values a template of this filter and these terms asks for, codes and regions apart."""
    marks: dict[str, object] = {name: getattr(filter, name) for name in filter.__slots__}
    for term in terms:
        marks[f"{term.name}.weight"] = float(term.weight)
        marks[f"{term.name}.cap"] = float(math.log1p(term.cap) if term.kind == "log" else term.cap)
        marks[f"{term.name}.most"] = float(term.cap)
        marks[f"{term.name}.lat"] = float(term.lat)
        marks[f"{term.name}.lon"] = float(term.lon)
        marks[f"{term.name}.cos"] = math.cos(math.radians(term.lat))
    return marks
