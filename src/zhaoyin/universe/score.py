"""The terms of a score by columns, in numpy: for the rows of an answer on every engine, and for ranking in memory.

The same arithmetic in the same order as the SQL of ``query``; a test holds the two together.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from zhaoyin.universe import query
from zhaoyin.universe.query import Filter, Term

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Ask:
    """A ranking to run: the filter, the terms, and what they mean in the opened universe."""

    filter: Filter
    terms: Sequence[Term]
    limit: int
    codes: tuple[str, ...] | None  # stored industry codes that are wanted; None when all are
    marks: Mapping[str, object]  # values of the SQL template
    weights: Mapping[str, float]  # of codes whose weight is not ``other``
    other: float
    tables: dict[str, str]


class Places:
    """The region table by columns: numbers per region code, NaN where none is given."""

    def __init__(self, table: pa.Table) -> None:
        """From a table whose first column is the region's code."""
        codes = table.column(0).to_pylist()
        self.at = {code: row for row, code in enumerate(codes)}
        # A last, missing row stands for the regions the table lacks.
        self.columns: dict[str, Floats] = {
            name: np.append(table[name].cast(pa.float64()).to_numpy(zero_copy_only=False), math.nan)
            for name in table.column_names[1:]
        }

    def rows(self, codes: Sequence[str]) -> npt.NDArray[np.int64]:
        """The row of each region code, -1 for those the table lacks."""
        return np.array([self.at.get(code, -1) for code in codes], np.int64)


def logarithm(x: Floats, term: Term) -> Floats:
    """ln(1 + x) / ln(1 + cap), at most 1."""
    result: Floats = np.log(np.minimum(x, term.cap) + 1.0) / math.log1p(term.cap)
    return result


def of_region(term: Term, places: Places, rows: npt.NDArray[np.int64]) -> Floats:
    """A ``near`` or ``region`` term for some rows of the region table."""
    if term.kind == "region":
        return places.columns[f"region_{term.column}"][rows]
    north = places.columns["lat"][rows] - term.lat
    east = (places.columns["lon"][rows] - term.lon) * math.cos(math.radians(term.lat))
    result: Floats = np.exp(np.sqrt(north * north + east * east) * -111.195 / term.cap)
    return result


def values(table: pa.Table, ask: Ask, places: Places) -> dict[str, pa.Array]:
    """Each term's value for the rows of a table (columns of SCHEMA), null where its input is missing."""
    found = {}
    for term in ask.terms:
        if term.kind == "fit":
            value = np.array([ask.weights.get(code, ask.other) for code in table["industry"].to_pylist()])
        elif term.kind in ("near", "region"):
            value = of_region(term, places, places.rows(table["region"].to_pylist()))
        else:
            wan = term.column == "capital_fen" and term.kind == "log"
            column = query.capital_wan(table) if wan else table[term.column]
            if pa.types.is_boolean(column.type):
                column = column.cast(pa.int8())
            value = column.cast(pa.float64()).to_numpy(zero_copy_only=False).astype(np.float64)
            if term.kind == "log":
                value = logarithm(value, term)
        found[term.name] = pa.array(value, pa.float64(), mask=np.isnan(value))
    return found
