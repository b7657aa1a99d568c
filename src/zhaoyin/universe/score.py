"""A ranking's expressions over columns: compiled once for each shape, for the rows of an answer and for ranking in memory."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import ibis
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from zhaoyin.universe import query
from zhaoyin.universe.arrays import Column, Compiled, arrow, column, compiled, conditions
from zhaoyin.universe.query import Filter, Term
from zhaoyin.universe.schema import SCHEMA


@dataclass(frozen=True, slots=True)
class Ask:
    """A ranking to run: the filter, the terms, and what they mean in the opened universe."""

    filter: Filter
    terms: Sequence[Term]
    limit: int
    codes: tuple[str, ...] | None  # stored industry codes that are wanted; None when all are
    marks: Mapping[str, object]  # values of the marks
    tables: dict[str, str]

    @property
    def ranking(self) -> Ranking:
        return ranking(self.filter.shape(), tuple(term.shape() for term in self.terms))


@dataclass(frozen=True, slots=True)
class Ranking:
    """The expressions of a shape. They read stored columns, derived ones and those of the region table by name."""

    conditions: tuple[Compiled, ...]  # all of them true for a firm that is asked about
    values: tuple[Compiled, ...]  # of each term, null when its input is missing
    parts: tuple[Compiled, ...]  # what each term adds to the total
    total: Compiled  # of columns part_0, part_1 …
    score: Compiled  # of the column total: what rows are ordered by


@functools.lru_cache(maxsize=256)
def ranking(filters: tuple[str, ...], terms: tuple[tuple[str, str, str], ...]) -> Ranking:
    table = query.beside_places(query.firms(), terms)
    given = {one: name for name, one in query.derived(table).items()}
    parts = [query.part(table, *term) for term in terms]
    total = query.total(parts)
    return Ranking(
        tuple(compiled(one, given) for one in conditions(query.kept(table, filters))),
        tuple(compiled(query.value(table, *term), given) for term in terms),
        tuple(compiled(one, given) for one in parts),
        compiled(total, {one: f"part_{at}" for at, one in enumerate(parts)}),
        compiled(query.rounded(total), {total: "total"}),
    )


FILLED = compiled(query.filled(ibis.table({"value": "float64"}, name="term").value))
DERIVED = {name: compiled(one) for name, one in query.derived(query.firms()).items()}
KINDS = {"live": pa.bool_(), "capital_wan": pa.float64()}


class Places:
    """The region table by columns. They hang on a firm's region."""

    def __init__(self, table: pa.Table) -> None:
        """From a table whose first column is the region's code."""
        codes = table.column(0).to_pylist()
        self.at = {code: row for row, code in enumerate(codes)}
        # A last, unknown row stands for the regions the table lacks.
        none = pa.table([pa.nulls(1, one.type) for one in table.schema], schema=table.schema)
        whole = pa.concat_tables([table, none])
        self.columns = {name: column(whole[name]) for name in whole.column_names}

    def of(self, regions: Sequence[str | None]) -> dict[str, Column]:
        """What the table says of some regions."""
        rows: npt.NDArray[np.int64] = np.array([self.at.get(code, -1) for code in regions], np.int64)
        return {
            name: Column(values[rows], np.broadcast_to(known, len(self.at) + 1)[rows])
            for name, (values, known) in self.columns.items()
        }


class Rows(dict[str, Column]):
    """The columns of a table of firms, each read when it is first needed."""

    def __init__(self, table: pa.Table, places: Places) -> None:
        super().__init__()
        self.table, self.places = table, places

    def __missing__(self, name: str) -> Column:
        if name in DERIVED:
            self[name] = DERIVED[name](self, {})
        elif name in self.places.columns:
            self |= self.places.of(self.table["region"].to_pylist())
        else:
            self[name] = column(self.table[name])
        return self[name]


def values(table: pa.Table, ask: Ask, places: Places) -> dict[str, pa.Array]:
    """Each term's value for the rows of a table (columns of SCHEMA), null where its input is missing."""
    rows = Rows(table, places)
    return {
        term.name: arrow(one(rows, ask.marks), pa.float64(), table.num_rows)
        for term, one in zip(ask.terms, ask.ranking.values, strict=True)
    }


def shown(table: pa.Table, values: Mapping[str, pa.Array] | None = None) -> pa.Table:
    """An engine's rows as an answer: SHOWN; for a ranking s_NAME and unknown_NAME per term (null: missing), the score."""
    rows = Rows(table, NOWHERE)
    columns = {
        name: arrow(rows[name], KINDS[name], table.num_rows) if name in DERIVED else table["uscc" if name == "firm_id" else name]
        for name in query.SHOWN
    }  # fmt: skip
    if values is not None:
        filled = {name: FILLED({"value": column(value)}, {}) for name, value in values.items()}
        columns |= {f"s_{name}": arrow(one, pa.float64(), table.num_rows) for name, one in filled.items()}
        columns |= {f"unknown_{name}": value.is_null() for name, value in values.items()}
        columns["score"] = table["score"]
    return pa.table(columns)


NOWHERE = Places(pa.table({"place_code": pa.array([], SCHEMA.field("region").type)}))
