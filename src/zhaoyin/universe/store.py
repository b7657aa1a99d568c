"""A universe opened for questions, on DuckDB or on Spark."""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from zhaoyin.base.errors import Refusal
from zhaoyin.universe import query
from zhaoyin.universe.folder import Manifest
from zhaoyin.universe.memory import MemoryRunner
from zhaoyin.universe.query import DEFAULT_SCORE, Filter, Term
from zhaoyin.universe.runner import DuckRunner, Runner
from zhaoyin.universe.score import Ask, shown, values

KEYS = ("region", "industry", "status", "employees", "high_tech", "listed", "capital_currency")
SUMS = ("employees", "patents", "branches", "capital_fen")
Engine = Literal["duckdb", "spark"]


class Universe:
    """A universe of firms. Every answer is an Arrow table; ``.to_pandas()`` makes it a frame.

    The generation of files is fixed when it is opened: an import that ends later is seen by opening again.
    """

    def __init__(self, path: Path, manifest: Manifest, runner: Runner) -> None:
        self.path, self.manifest, self._runner = path, manifest, runner
        self._industries, self._regions = sorted(manifest.industries), sorted(manifest.regions)
        self._places: str | None = None
        self._place_columns: set[str] = set()
        self._lock = threading.Lock()

    @property
    def synthetic(self) -> bool:
        """Whether the firms are made up; say so wherever any of them is shown."""
        return self.manifest.synthetic

    def __len__(self) -> int:
        return self.manifest.rows

    def close(self) -> None:
        self._runner.close()

    def __enter__(self) -> Universe:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def with_regions(self, regions: pa.Table) -> Universe:
        """Give the region table that ``near`` and ``region`` terms read: region (string), lat, lon, other numbers."""
        names = ["region", *(name for name in regions.column_names if name != "region")]
        table = regions.select(names)
        for wanted in ("lat", "lon"):
            if wanted not in names:
                table = table.append_column(wanted, pa.nulls(table.num_rows, pa.float64()))
        twice = pc.filter(*_counted(table["region"]))
        if len(twice):
            raise Refusal(
                "universe.regions",
                f"地区表里有重复的代码：{'、'.join(map(str, twice.to_pylist()[:5]))}。每个地区留一行。",
                f"The region table names some codes twice: {', '.join(map(str, twice.to_pylist()[:5]))}. Keep one row a region.",
            )
        extra = [name for name in names if name not in ("region", "lat", "lon")]
        table = table.select(["region", "lat", "lon", *extra])
        table = table.rename_columns(["place_code", "lat", "lon", *(f"region_{name}" for name in extra)])
        self._places = self._runner.set_regions(table)
        self._place_columns = set(extra)
        return self

    def codes(self, prefixes: Iterable[str]) -> tuple[str, ...]:
        """Stored industry codes that begin with one of the prefixes."""
        return tuple(_under(self._industries, prefixes))

    def _marks(
        self, filter: Filter, terms: Sequence[Term] = ()
    ) -> tuple[dict[str, object], tuple[str, ...] | None]:
        marks = query.marks_of(filter, terms)
        codes = None
        if filter.industries:
            codes = self.codes(filter.industries)
            marks["industries"] = codes or ("-",)
        for name in ("regions", "not_regions"):
            if getattr(filter, name):
                marks[name] = _under(self._regions, getattr(filter, name)) or ["-"]
        return marks, codes

    def candidates(
        self,
        filter: Filter,
        score: Sequence[Term] = DEFAULT_SCORE,
        *,
        fit: Mapping[str, float] | None = None,
        limit: int = 50,
    ) -> pa.Table:
        """The best firms under a filter: SHOWN columns, ``s_NAME`` in [0, 1] and ``unknown_NAME`` per term, ``score``.

        ``score`` of the answer is the sum of weight x s. ``fit`` weighs codes or prefixes (the longest one counts), 1
        when not given. In order of score, then place; the same rows in the same order on every engine.
        """
        names = [term.name for term in score]
        if len(set(names)) < len(names):
            raise ValueError("two terms of one name")
        marks, codes = self._marks(filter, score)
        branches, other = self._weights(codes, fit)
        marks["fit"], marks["fit.else"] = branches or [(["-"], other)], other
        tables = {}
        if any(term.kind in ("near", "region") for term in score):
            tables["param_regions"] = self._need_places(score)
        ask = Ask(filter, score, limit, codes, marks, tables)
        with self._lock:
            ranked = self._runner.rank(ask)
        return shown(ranked, values(ranked, ask, self._runner.places))

    def _weights(
        self, codes: tuple[str, ...] | None, fit: Mapping[str, float] | None
    ) -> tuple[list[tuple[list[str], float]], float]:
        """Codes by their weight, and the weight of all others: the one most codes have."""
        by_weight: dict[float, list[str]] = {}
        for code in codes if codes is not None else self.manifest.industries:
            prefix = max((one for one in fit if code.startswith(one)), key=len, default=None) if fit else None
            weight = 1.0 if fit is None else float(fit[prefix]) if prefix is not None else 0.0
            by_weight.setdefault(weight, []).append(code)
        most = max(by_weight, key=lambda weight: len(by_weight[weight]), default=1.0)
        return [(held, weight) for weight, held in by_weight.items() if weight != most], most

    def _need_places(self, score: Sequence[Term]) -> str:
        missing = {term.column for term in score if term.kind == "region"} - self._place_columns
        if self._places is None or missing:
            what = "、".join(sorted(missing)) or "lat、lon"
            raise Refusal(
                "universe.regions",
                f"评分要用地区表里的 {what}，而没有载入。用带 {what} 列的地区表。",
                f"The score needs {what} of a region table, and none was given. Give one with these columns.",
            )
        return self._places

    def count_by(self, *keys: str, filter: Filter | None = None, sums: Sequence[str] = ()) -> pa.Table:
        """Firms by ``region``, ``industry``, ``status`` …; "region:4" counts by city, "industry:2" by division.

        Columns: the keys, ``firms``, and the total of each column of ``sums`` (null where no firm states it). In no
        order. Without a filter every firm counts, live or not.
        """
        for one in (*keys, *sums):
            name, _, length = one.partition(":")
            if name not in (KEYS if one in keys else SUMS) or (length and not length.isdigit()):
                raise Refusal(
                    "universe.key",
                    f"不能按“{one}”计数。键可用 {'、'.join(KEYS)}（可加 :位数），合计可用 {'、'.join(SUMS)}。",
                    f"Firms cannot be counted by “{one}”. Keys: {', '.join(KEYS)} (with :DIGITS); totals: {', '.join(SUMS)}.",
                )
        sql = query.template(
            self._runner.dialect, "counted", (filter or Filter(live=False)).shape(), tuple(keys), tuple(sums)
        )
        marks, codes = self._marks(filter or Filter(live=False))
        return self._run(sql, marks, {}, codes, None)

    def texts(self, places: Sequence[int]) -> pa.Table:
        """Address and business scope (``text``) of firms by their ``place``, as columns place, firm_id, address, text."""
        sql = query.template(self._runner.dialect, "told")
        wanted = list(places) or [-1]
        with self._lock:
            table = self._runner.parts(wanted)
            return self._runner.run(query.fill(sql, {}, {"param_firms": table}, places=wanted))

    def sample(self, size: int, *, seed: int = 0, filter: Filter | None = None) -> pa.Table:
        """``size`` firms by lot, the same for the same seed, universe and filter, on every engine. Columns: SHOWN."""
        sql = query.template(self._runner.dialect, "sampled", (filter or Filter(live=False)).shape())
        marks, codes = self._marks(filter or Filter(live=False))
        marks["seed"] = seed % 1_000_003 * 1_009
        return shown(self._run(sql, marks, {}, codes, size))

    def _run(
        self,
        sql: str,
        marks: Mapping[str, Any],
        tables: dict[str, str],
        codes: tuple[str, ...] | None,
        limit: int | None,
    ) -> pa.Table:
        with self._lock:
            tables["param_firms"] = self._runner.firms(codes)
            return self._runner.run(query.fill(sql, marks, tables, limit))


def _under(codes: Sequence[str], prefixes: Iterable[str]) -> list[str]:
    """Those of the sorted codes that begin with one of the prefixes."""
    spans = [
        (bisect_left(codes, prefix), bisect_right(codes, prefix + chr(0x10FFFF))) for prefix in set(prefixes)
    ]
    return [codes[at] for at in sorted({at for low, high in spans for at in range(low, high)})]


def _counted(column: pa.ChunkedArray) -> tuple[pa.Array, pa.Array]:
    """The distinct values of a column, and whether each stands in it more than once."""
    counts = column.combine_chunks().value_counts()
    return counts.field("values"), pc.greater(counts.field("counts"), 1)


def open(
    path: str | Path,
    engine: Engine = "duckdb",
    *,
    master: str = "local[2]",
    threads: int | None = None,
    in_memory: bool = False,
    session: Any = None,
) -> Universe:
    """Open a universe's folder. ``master`` is Spark's, ``session`` a Spark session to share; ``in_memory`` is DuckDB's.

    Raises Refusal when there is no universe, or Spark, its Java or its master is not there.
    """
    home = Path(path)
    manifest = Manifest.read(home)
    if engine == "spark":
        from zhaoyin.universe.spark import SparkRunner

        return Universe(home, manifest, SparkRunner(home, manifest, master, session))
    if in_memory:
        return Universe(home, manifest, MemoryRunner(home, manifest, threads))
    return Universe(home, manifest, DuckRunner(home, manifest, threads))
