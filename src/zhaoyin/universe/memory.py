"""A universe held in memory: rankings by columns cut out at each code's rows, all else by DuckDB over the same columns."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from zhaoyin.universe.folder import Manifest
from zhaoyin.universe.query import UNKNOWN, Filter
from zhaoyin.universe.runner import DuckRunner, beside
from zhaoyin.universe.schema import LIVE
from zhaoyin.universe.score import Ask, Floats, logarithm, of_region

BLOCK = 1 << 16  # rows ranked at a time: their columns stay in the processor's cache
_EPOCH = dt.date(1970, 1, 1)
_NEVER = np.iinfo(np.int32).min  # an unknown day
_COUNTS = ("employees", "patents", "branches")
_FLAGS = ("high_tech", "listed")
_TABLE = 1_000_000  # counts up to here have their logarithms looked up

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


class MemoryRunner(DuckRunner):
    """Columns in memory; a ranking reads the rows of the wanted codes and of those the columns it needs."""

    def __init__(self, path: Path, manifest: Manifest, threads: int | None) -> None:
        super().__init__(path, manifest, threads)
        self.table = self.cards.all()
        self._slice = self.table
        self.regions = list(manifest.regions)
        where = pa.array(self.regions, pa.string())
        self.region = _numbers(pc.index_in(self.table["region"], where), np.int32, -1)
        self.live = _numbers(pc.is_in(self.table["status"], value_set=pa.array(LIVE)), np.bool_, False)
        self.day = _numbers(self.table["established"].cast(pa.int32()), np.int32, _NEVER)
        chinese = pc.fill_null(pc.equal(self.table["capital_currency"], "CNY"), False)
        fen = self.table["capital_fen"].cast(pa.float64())
        self.fen = _numbers(pc.if_else(chinese, fen, pa.scalar(None, pa.float64())), np.float64, np.nan)
        # -1 is a missing count or flag; the last entry of every lookup table stands for it.
        self.ints = {name: _numbers(self.table[name], np.int32, -1) for name in _COUNTS}
        self.ints |= {name: _numbers(self.table[name].cast(pa.int8()), np.int8, -1) for name in _FLAGS}
        self.mobility = _numbers(self.table["mobility"], np.float64, np.nan)

    def set_regions(self, regions: pa.Table) -> str:
        name = super().set_regions(regions)
        self.spots = self.places.rows(self.regions)
        return name

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
        ranker = _Ranker(self, ask)
        # The best codes first: what they reach spares looking at most rows of the others.
        blocks = sorted(self._blocks(ask), key=lambda block: -block[2])
        parts = [ranker(block) for block in blocks]
        places = np.concatenate([np.empty(0, np.int64), *(part[0] for part in parts)])
        scores = np.concatenate([np.empty(0, np.float64), *(part[1] for part in parts)])
        best = _best(scores, ask.limit)
        places, scores = places[best], np.round(scores[best], 9)
        order = np.lexsort((places, -scores))[: ask.limit]
        places, scores = places[order], scores[order]
        return beside(self.cards.of(places.tolist()), pa.table({"score": scores}))

    def _blocks(self, ask: Ask) -> Iterator[tuple[int, int, float]]:
        """Stretches of rows of one weight: (first, end, weight). Neighbouring codes of one weight go together."""
        codes = sorted(ask.codes) if ask.codes is not None else list(self.manifest.industries)
        start = end = 0
        weight = ask.other
        for code in [*codes, None]:
            first, last = self.manifest.industries[code] if code else (0, 0)
            mine = ask.weights.get(code, ask.other) if code else 0.0
            if first == end and mine == weight and code:
                end = last
                continue
            for at in range(start, end, BLOCK):
                yield at, min(at + BLOCK, end), weight
            start, end, weight = first, last, mine


class _Ranker:
    """One ranking's tables, and the best rows of a block by them."""

    def __init__(self, held: MemoryRunner, ask: Ask) -> None:
        self.held, self.ask = held, ask
        chosen: Filter = ask.filter
        self.regions = self._wanted_regions(ask.marks, chosen)
        self.low = (chosen.established_from - _EPOCH).days if chosen.established_from else _NEVER + 1
        self.high = (
            (chosen.established_until - _EPOCH).days if chosen.established_until else np.iinfo(np.int32).max
        )
        self.dated = chosen.established_from is not None or chosen.established_until is not None
        # Terms whose value is looked up: the column that says where, and weight x value with the missing one last.
        self._looked_up: dict[str, tuple[Any, Floats]] = {}
        self._most: dict[str, float] = {}
        for term in ask.terms:
            table = None
            if term.kind in ("near", "region"):
                table = np.append(_known(of_region(term, held.places, held.spots)), [UNKNOWN] * 2)
                column = held.region
            elif term.kind == "flag":
                table, column = np.array([0.0, 1.0, 1.0, UNKNOWN]), held.ints[term.column]
            elif term.kind == "log" and term.column in _COUNTS and term.cap <= _TABLE:
                table = logarithm(np.append(np.arange(int(term.cap) + 1.0), term.cap), term)
                table, column = np.append(table, UNKNOWN), held.ints[term.column]
            if table is not None:
                self._looked_up[term.name] = column, table * term.weight
            # A share or a logarithm is at most 1; other numbers have no bound.
            bounded = term.kind == "log" or term.column == "mobility"
            highest = float(np.max(table)) if table is not None else 1.0 if bounded else np.inf
            lowest = float(np.min(table)) if table is not None else 0.0 if bounded else -np.inf
            reach = max(highest * term.weight, lowest * term.weight)
            self._most[term.name] = reach if term.weight else 0.0
        self._scores = np.empty(0)
        self._floor = -np.inf

    def _wanted_regions(self, marks: Any, chosen: Filter) -> Bools | None:
        if not (chosen.regions or chosen.not_regions):
            return None
        wanted = np.ones(len(self.held.regions), bool)
        if chosen.regions:
            wanted &= np.isin(self.held.regions, marks["regions"])
        if chosen.not_regions:
            wanted &= ~np.isin(self.held.regions, marks["not_regions"])
        return wanted

    def __call__(self, block: tuple[int, int, float]) -> tuple[Ints, Floats]:
        """(places, scores) of the rows of a block that may be among the best, in no order."""
        start, end, fit = block
        floor = self._floor
        # What a row can reach at most: its terms that cost one look-up, and the whole weight of the others.
        most = sum(
            max(fit * t.weight, 0.0) if t.kind == "fit" else self._most[t.name] for t in self.ask.terms
        )
        if most < floor:
            return np.empty(0, np.int64), np.empty(0)
        rows = self._fitting(start, end)
        if floor > -np.inf:
            bound = np.full(len(rows), most)
            for name, (column, table) in self._looked_up.items():
                bound += table[np.minimum(column[rows], len(table) - 2)]
                bound -= self._most[name]
            rows = rows[bound >= floor]
        total: Any = np.zeros(len(rows))
        for term in self.ask.terms:
            if term.kind == "fit":
                total += fit * term.weight
            elif term.name in self._looked_up:
                column, table = self._looked_up[term.name]
                # Above the cap the last but one entry stands, which is the cap's own.
                total += table[np.minimum(column[rows], len(table) - 2)]
            else:
                total += self._plain(term, rows) * term.weight
        keep = _best(total, self.ask.limit)
        rows, total = rows[keep], total[keep]
        self._scores = np.concatenate([self._scores, total])
        self._scores = self._scores[_best(self._scores, self.ask.limit)]
        if len(self._scores) >= self.ask.limit:
            # Rounding may lift a score by half of the ninth place, and sums differ in their last bits.
            self._floor = float(self._scores.min()) - 2e-9
        return rows, total

    def _plain(self, term: Any, rows: Ints) -> Floats:
        held = self.held
        if term.column == "capital_fen":
            x = held.fen[rows] / 1e6 if term.kind == "log" else held.fen[rows]
        elif term.column == "mobility":
            x = held.mobility[rows]
        else:
            whole = held.ints[term.column][rows]
            x = np.where(whole < 0, np.nan, whole.astype(np.float64))
        return _known(logarithm(x, term) if term.kind == "log" else x)

    def _fitting(self, start: int, end: int) -> Ints:
        held, chosen = self.held, self.ask.filter
        here = slice(start, end)
        fits: Any = held.live[here] if chosen.live else np.ones(end - start, bool)
        if self.regions is not None:
            fits = fits & self.regions[held.region[here]]
        if self.dated:
            day = held.day[here]
            fits = fits & (day >= self.low) & (day <= self.high)
        for column, least in (("employees", chosen.min_employees), ("patents", chosen.min_patents)):
            if least is not None:
                count = held.ints[column][here]
                fits = fits & (count >= max(least, 0))
        if chosen.min_capital_fen is not None:
            fits = fits & (held.fen[here] >= chosen.min_capital_fen)
        for column in _FLAGS:
            flag = getattr(chosen, column)
            if flag is not None:
                fits = fits & (held.ints[column][here] == int(flag))
        rows: Ints = np.flatnonzero(fits)
        rows += start
        return rows


def _numbers(column: pa.ChunkedArray, kind: Any, missing: Any) -> Any:
    """A column as one numpy array, its nulls as ``missing``."""
    filled = pc.fill_null(column, pa.scalar(missing, column.type)) if column.null_count else column
    parts = [chunk.to_numpy(zero_copy_only=False).astype(kind, copy=False) for chunk in filled.chunks]
    return np.concatenate(parts) if parts else np.empty(0, kind)


def _known(x: Floats) -> Floats:
    """A missing value counts UNKNOWN."""
    result: Floats = np.where(np.isnan(x), UNKNOWN, x)
    return result


def _best(scores: Floats, limit: int) -> Any:
    """Which rows may be among the best: those not below the last of them, as scores are rounded later."""
    if len(scores) <= limit:
        return slice(None)
    return np.flatnonzero(scores >= np.partition(scores, len(scores) - limit)[len(scores) - limit] - 2e-9)
