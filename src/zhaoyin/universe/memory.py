"""A universe held in memory: rankings by the expressions of ``query`` over columns, all else by DuckDB over the same columns.

A column is held as the place of each row's value among the column's values. What an expression says of every value is
reckoned once a question and looked up by rows, so that most rows cost a few look-ups and no logarithm. Columns of very
many values are held in bins, whose ends say what a row can reach at most.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from zhaoyin.universe.arrays import Column, Columns, Compiled, arrow, column
from zhaoyin.universe.folder import Manifest
from zhaoyin.universe.runner import DuckRunner, beside
from zhaoyin.universe.score import DERIVED, KINDS, NOWHERE, Ask, Rows

FIRST, BLOCK = (
    1 << 12,
    1 << 16,
)  # rows ranked at a time, at first and at most: their columns stay in the cache
POINTS = 1 << 15  # a column of more values than these is held in bins
BINS = 1 << 11
SOME = 1 << 20  # rows for which a derived column is reckoned at a time
_LEAST = -sys.float_info.max
# Rounding may lift a score by half of the ninth place, and sums differ in their last bits.
_SLACK = 2e-9

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Held:
    """One column: for each row its bin, and for each bin its least and its greatest value; the last bin is the nulls'.

    A bin is one value where there are few, and always of strings: a region brings its own columns along.
    ``share`` is of all rows in each bin; ``values`` are those of the rows, and None when every bin is one value.
    """

    bins: npt.NDArray[np.unsignedinteger[Any]]
    low: Column
    high: Column
    share: Floats
    values: Any

    @classmethod
    def of(cls, data: pa.ChunkedArray) -> Held:
        coded = data.combine_chunks().dictionary_encode()
        points = coded.dictionary
        order = pc.sort_indices(points).to_numpy()
        count = len(points)
        place = np.empty(count + 1, np.int64)
        place[order], place[count] = np.arange(count), count
        known = np.append(np.ones(count, np.bool_), False)
        ends = pa.concat_arrays([points.take(pa.array(order)), pa.nulls(1, points.type)])
        codes = coded.indices.fill_null(count).to_numpy(zero_copy_only=False)
        if count <= POINTS or pa.types.is_string(points.type):
            low, bins = Column(column(ends).values, known), place.astype(np.min_scalar_type(count))[codes]
            return cls(bins, low, low, _shares(bins, count + 1), None)
        ranks = place[codes]
        # Bins of about equally many rows; a value with more than its share has one to itself.
        much = np.cumsum(np.bincount(ranks, minlength=count + 1)[:count])
        _, first, of = np.unique(
            (much - 1) * BINS // max(int(much[-1]), 1), return_index=True, return_inverse=True
        )
        last = np.append(first[1:] - 1, count - 1)
        sorted_points = column(ends).values
        none = np.append(np.ones(len(first), np.bool_), False)
        low, high = (Column(sorted_points[np.append(at, count)], none) for at in (first, last))
        bins = np.append(of, len(first)).astype(np.min_scalar_type(len(first)))[ranks]
        return cls(bins, low, high, _shares(bins, len(first) + 1), column(data).values)

    def at(self, rows: Any) -> Column:
        """The values of some rows: places or a slice."""
        bins = self.bins[rows]
        if self.values is None:
            return Column(self.low.values[bins], self.low.known[bins])
        return Column(self.values[rows], self.low.known[bins])


class MemoryRunner(DuckRunner):
    """Columns in memory; a ranking reads the rows of the wanted codes and of those the columns it needs."""

    def __init__(self, path: Path, manifest: Manifest, threads: int | None) -> None:
        super().__init__(path, manifest, threads)
        self.table = self.cards.all()
        self._slice = self.table
        self._batches = self.table.to_batches()
        self._firsts = np.cumsum([0, *(batch.num_rows for batch in self._batches)])
        self._held: dict[str, Held] = {}
        self._beside: dict[str, Column] = {}

    def set_regions(self, regions: pa.Table) -> str:
        name = super().set_regions(regions)
        self._beside = self.places.of(self.held("region").low.values.tolist())
        return name

    def held(self, name: str) -> Held:
        """A stored or derived column, laid out when a question first reads it."""
        if name not in self._held:
            derived = [
                arrow(DERIVED[name](Rows(some, NOWHERE), {}), KINDS[name], some.num_rows)
                for some in (self.table.slice(at, SOME) for at in range(0, self.table.num_rows, SOME))
                if name in DERIVED
            ]
            self._held[name] = Held.of(pa.chunked_array(derived) if derived else self.table[name])
        return self._held[name]

    def source(self, one: Compiled) -> tuple[str, ...]:
        """The held columns an expression reads; what the region table says hangs on the region."""
        return tuple(sorted({"region" if name in self._beside else name for name in one.reads}))

    def ends(self, name: str) -> tuple[Columns, Columns]:
        """The columns that hang on a held one, at the least and at the greatest value of each bin."""
        held = self.held(name)
        more = self._beside if name == "region" else {}
        return {name: held.low, **more}, {name: held.high, **more}

    def rows(self, names: Sequence[str], at: Any) -> dict[str, Column]:
        """Held columns, and what hangs on them, of some rows."""
        found = {name: self.held(name).at(at) for name in names}
        if "region" in names and self._beside:
            bins = self.held("region").bins[at]
            found |= {name: Column(one.values[bins], one.known[bins]) for name, one in self._beside.items()}
        return found

    def firms(self, codes: tuple[str, ...] | None) -> str:
        if codes is None:
            self._slice = self.table
        else:
            spans = [self.manifest.industries[code] for code in sorted(codes)]
            self._slice = pa.concat_tables(
                [self.table.slice(start, end - start) for start, end in spans] or [self.table.slice(0, 0)]
            )
        return "firms_in_memory"

    def run(self, sql: str, schema: pa.Schema | None = None) -> pa.Table:
        self.con.register("firms_in_memory", self._slice)
        return super().run(sql, schema)

    def rank(self, ask: Ask) -> pa.Table:
        places, scores = _Ranker(self, ask).best()
        numbers = np.searchsorted(self._firsts, places, "right") - 1
        rows = (places - self._firsts[numbers]).tolist()
        cards = [
            self._batches[number].slice(row, 1) for number, row in zip(numbers.tolist(), rows, strict=True)
        ]
        found = pa.Table.from_batches(cards, self.table.schema).combine_chunks()
        return beside(found, pa.table({"score": scores}))


class _Ranker:
    """One ranking: what each bin of each column says, and the best rows so far."""

    def __init__(self, memory: MemoryRunner, ask: Ask) -> None:
        self.memory, self.ask, self.ranking = memory, ask, ask.ranking
        self.industries: Any = np.array(list(memory.manifest.industries), object)  # those asked about
        self.constants: dict[int, Floats] = {}  # parts that read the industry alone: by industry
        self.looked_up: dict[int, tuple[str, Floats]] = {}  # parts of one column of single values: by bin
        self.runs: list[tuple[str, list[tuple[int, int]]]] = []  # bins that fit, where they are few stretches
        self.tests: list[tuple[Compiled, tuple[str, ...]]] = []  # conditions that need the rows' own values
        self.bounded = True  # whether every part is known to stay under what is reckoned for it
        reach: dict[
            str, Floats
        ] = {}  # what the parts of a column add at most; -inf where no firm is asked about
        for one in self.ranking.conditions:
            names = memory.source(one)
            if names == ("industry",):
                known = {"industry": Column(self.industries, np.True_)}
                self.industries = self.industries[one.true(known, ask.marks)]
            elif len(names) == 1 and memory.held(names[0]).values is None:
                fits = one.true(memory.ends(names[0])[0], ask.marks)
                runs = _runs(fits)
                if len(runs) <= 2:
                    self.runs.append((names[0], runs))
                else:
                    reach[names[0]] = reach.get(names[0], 0.0) + np.where(fits, 0.0, -np.inf)
            else:
                self.tests.append((one, names))
        industries = {"industry": Column(self.industries, np.True_)}
        for at, one in enumerate(self.ranking.parts):
            names = memory.source(one)
            if set(names) <= {"industry"}:
                found = one(industries, ask.marks).values
                self.constants[at] = np.broadcast_to(found, len(self.industries))
                continue
            single = len(names) == 1 and memory.held(names[0]).values is None
            if single or (len(names) == 1 and one.steady):
                low, high = memory.ends(names[0])
                most = one(low, ask.marks).values
                if single:
                    self.looked_up[at] = names[0], most
                else:
                    most = np.maximum(most, one(high, ask.marks).values)
                reach[names[0]] = reach.get(names[0], 0.0) + most
            else:
                self.bounded = False
        self.most = sum(float(one.max()) for one in reach.values())
        # How much a row falls short of the most, the columns that tell rows apart best first.
        short = {name: one - one.max() for name, one in reach.items()} if self.most > -np.inf else {}
        worst = sum(float(one.min(where=np.isfinite(one), initial=0.0)) for one in short.values())
        typical = {
            name: float(memory.held(name).share @ np.maximum(one, worst)) for name, one in short.items()
        }
        self.short = sorted(short.items(), key=lambda item: typical[item[0]])
        self.places: list[Ints] = [np.empty(0, np.int64)]
        self.totals: list[Floats] = [np.empty(0)]
        self.leading = np.empty(0)  # the best totals so far
        self.floor = _LEAST

    def best(self) -> tuple[Ints, Floats]:
        """(places, scores) of the best rows, in order."""
        limit = self.ask.limit
        # The best codes first, and few rows of them: what they reach spares looking at most rows of the others.
        size = FIRST
        for start, end, constants in sorted(self._stretches(), key=lambda one: -sum(one[2])):
            while start < end:
                self._block(start, min(start + size, end), dict(zip(self.constants, constants, strict=True)))
                start, size = start + size, min(size * 2, BLOCK)
        totals, places = np.concatenate(self.totals), np.concatenate(self.places)
        near = totals >= self.floor
        places = places[near]
        scores = self.ranking.score({"total": Column(totals[near], np.True_)}, {}).values
        order = np.lexsort((places, -scores))[:limit]
        return places[order], scores[order]

    def _stretches(self) -> Iterator[tuple[int, int, tuple[float, ...]]]:
        """Stretches of rows: (first, end, constants). Neighbouring industries of the same constants go together."""
        if self.most == -np.inf or self.ask.limit < 1:
            return
        start = end = 0
        constants: tuple[float, ...] = ()
        for at in [*range(len(self.industries)), None]:
            first, last = self.memory.manifest.industries[self.industries[at]] if at is not None else (0, 0)
            mine = tuple(float(one[at]) for one in self.constants.values()) if at is not None else ()
            if at is not None and first == end and mine == constants:
                end = last
                continue
            yield start, end, constants
            start, end, constants = first, last, mine

    def _block(self, start: int, end: int, constants: dict[int, float]) -> None:
        most = self.most + sum(constants.values())
        if most < self.floor:
            return
        rows = self._fitting(start, end)
        bound: Any = np.full(len(rows), most, np.float64)
        for name, short in self.short:
            bound += short.take(self.memory.held(name).bins.take(rows))
            may = bound >= self.floor
            rows, bound = rows.compress(may), bound.compress(may)
        limit = self.ask.limit
        if self.bounded and len(rows) > 2 * limit:
            # Those that may reach most first, as they leave few of the others.
            first = np.argpartition(bound, len(bound) - limit)[len(bound) - limit :]
            self._take(rows[first], constants)
            bound[first] = -np.inf
            rows = rows.compress(bound >= self.floor)
        self._take(rows, constants)

    def _take(self, rows: Ints, constants: dict[int, float]) -> None:
        """Reckon rows' totals; keep those that may be among the best."""
        if not len(rows):
            return
        parts: dict[str, Column] = {}
        for at, one in enumerate(self.ranking.parts):
            if at in constants:
                found = Column(constants[at], np.True_)
            elif at in self.looked_up:
                name, table = self.looked_up[at]
                found = Column(table.take(self.memory.held(name).bins.take(rows)), np.True_)
            else:
                found = one(self.memory.rows(self.memory.source(one), rows), self.ask.marks)
            parts[f"part_{at}"] = found
        totals = np.broadcast_to(self.ranking.total(parts, {}).values, len(rows))
        may = totals >= self.floor
        self.places.append(rows[may])
        self.totals.append(totals[may])
        self.leading = np.concatenate([self.leading, totals[may]])
        if self.bounded and len(self.leading) >= self.ask.limit:
            at = len(self.leading) - self.ask.limit
            self.leading = np.partition(self.leading, at)[at:]
            self.floor = float(self.leading[0]) - _SLACK

    def _fitting(self, start: int, end: int) -> Ints:
        """The rows that fit as far as is not told by what they reach."""
        here, fits = slice(start, end), np.ones(end - start, np.bool_)
        for name, runs in self.runs:
            bins = self.memory.held(name).bins[here]
            within: Any = np.zeros(end - start, np.bool_)
            for low, high in runs:
                within |= bins == low if low == high else (bins >= low) & (bins <= high)
            fits &= within
        for condition, names in self.tests:
            fits &= condition.true(self.memory.rows(names, here), self.ask.marks)
        rows: Ints = np.flatnonzero(fits)
        rows += start
        return rows


def _shares(bins: npt.NDArray[np.unsignedinteger[Any]], count: int) -> Floats:
    return np.bincount(bins, minlength=count) / max(len(bins), 1)


def _runs(fits: Bools) -> list[tuple[int, int]]:
    """The stretches of bins that fit, as (first, last)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], fits, [False]]).astype(np.int8)))
    return [(int(first), int(after) - 1) for first, after in edges.reshape(-1, 2)]
