"""A universe opened for questions, on DuckDB or on Spark."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from zhaoyin.base.errors import Refusal
from zhaoyin.universe import query
from zhaoyin.universe.folder import Manifest
from zhaoyin.universe.ingest import sql_list
from zhaoyin.universe.query import DEFAULT_SCORE, Filter, Term

KEYS = ("region", "industry", "status", "high_tech", "listed", "capital_currency")
SUMS = ("employees", "patents", "branches", "capital_fen")
FEW = 1_000  # rows up to which an answer comes as Python rows
Engine = Literal["duckdb", "spark"]


class Runner(Protocol):
    """What runs SQL over the firms: names the table that holds some codes, keeps a region table, gives back Arrow."""

    dialect: query.Dialect
    wanted: tuple[str, ...]  # columns a ranking fetches itself

    def whole(self, ranked: pa.Table) -> pa.Table: ...
    def firms(self, codes: tuple[str, ...] | None) -> str: ...
    def parts(self, places: Sequence[int]) -> str: ...
    def set_regions(self, regions: pa.Table) -> str: ...
    def run(self, sql: str, schema: pa.Schema | None = None) -> pa.Table: ...
    def close(self) -> None: ...


class DuckRunner:
    """DuckDB over the Parquet parts; only parts that may hold a wanted code are opened.

    A ranking fetches places and scores; the rest of the best rows is looked up by place.
    """

    dialect: query.Dialect = "duckdb"
    wanted: tuple[str, ...] = ("place",)

    def __init__(self, path: Path, manifest: Manifest, threads: int | None) -> None:
        self.path, self.manifest = path, manifest
        self.con = duckdb.connect(config={"threads": threads} if threads else {})
        self.con.execute("set parquet_metadata_cache = true; set TimeZone = 'UTC'")

    def whole(self, ranked: pa.Table) -> pa.Table:
        if not ranked.num_rows:
            return _beside(query.SCHEMA_HELD.empty_table(), ranked)
        places = ranked["place"].to_pylist()
        rows = self.con.execute(
            f"select {', '.join(query.HELD)} from {self.parts(places)} where place in ({', '.join(map(str, places))})"
        ).fetchall()
        by_place = {row[0]: row for row in rows}
        ordered = [by_place[place] for place in places]
        columns = [
            pa.array(column, one.type)
            for column, one in zip(zip(*ordered, strict=True), query.SCHEMA_HELD, strict=True)
        ]
        return _beside(pa.table(columns, query.SCHEMA_HELD), ranked)

    def firms(self, codes: tuple[str, ...] | None) -> str:
        return f"read_parquet({sql_list(self.manifest.files(self.path, codes) or self.manifest.files(self.path)[:1])})"

    def parts(self, places: Sequence[int]) -> str:
        """The Parquet parts that hold some rows."""
        home = self.manifest.home(self.path)
        firsts = [part.first for part in self.manifest.parts]
        held = {max(bisect_right(firsts, place) - 1, 0) for place in places}
        return (
            f"read_parquet({sql_list([str(home / self.manifest.parts[one].file) for one in sorted(held)])})"
        )

    def set_regions(self, regions: pa.Table) -> str:
        self.con.register("regions_given", regions)
        self.con.execute("create or replace temp table regions as select * from regions_given")
        self.con.unregister("regions_given")
        return "regions"

    def run(self, sql: str, schema: pa.Schema | None = None) -> pa.Table:
        """The answer as Arrow; with a schema, by way of Python rows, which is quicker to plan and fit for a few."""
        if schema is None:
            return self.con.sql(sql).to_arrow_table()
        rows = self.con.execute(sql).fetchall()
        columns = list(zip(*rows, strict=True)) or [()] * len(schema)
        return pa.table(
            [pa.array(column, one.type) for column, one in zip(columns, schema, strict=True)], schema
        )

    def close(self) -> None:
        self.con.close()


def _beside(firms: pa.Table, ranked: pa.Table) -> pa.Table:
    """Firms with the columns of their ranking, row by row."""
    for name in ranked.column_names:
        if name != "place":
            firms = firms.append_column(name, ranked[name])
    return firms


class MemoryRunner(DuckRunner):
    """DuckDB over columns held in memory; a question about some codes sees their rows alone, cut out by place."""

    def __init__(self, path: Path, manifest: Manifest, threads: int | None, columns: Sequence[str]) -> None:
        super().__init__(path, manifest, threads)
        self.table = pa.concat_tables(
            pq.read_table(file, columns=list(columns)) for file in manifest.files(path)
        )
        self._lock = threading.Lock()
        self._slice = self.table

    def firms(self, codes: tuple[str, ...] | None) -> str:
        if codes is None:
            self._slice = self.table
        else:
            spans = [self.manifest.industries[code] for code in sorted(codes)]
            self._slice = pa.concat_tables(
                [self.table.slice(start, end - start) for start, end in spans] or [self.table.slice(0, 0)]
            )
        return "firms_in_memory"

    def whole(self, ranked: pa.Table) -> pa.Table:
        # One slice a row: take() would first join all chunks of the text columns.
        rows = [self.table.slice(place, 1) for place in ranked["place"].to_pylist()]
        return _beside(pa.concat_tables(rows or [self.table.slice(0, 0)]), ranked)

    def run(self, sql: str, schema: pa.Schema | None = None) -> pa.Table:
        self.con.register("firms_in_memory", self._slice)
        return super().run(sql, schema)


class Universe:
    """A universe of firms. Every answer is an Arrow table; ``.to_pandas()`` makes it a frame.

    The generation of files is fixed when it is opened: an import that ends later is seen by opening again.
    """

    def __init__(self, path: Path, manifest: Manifest, runner: Runner) -> None:
        self.path, self.manifest, self._runner = path, manifest, runner
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
        extra = [name for name in names if name not in ("region", "lat", "lon")]
        table = table.select(["region", "lat", "lon", *extra])
        table = table.rename_columns(["place_code", "lat", "lon", *(f"region_{name}" for name in extra)])
        self._places = self._runner.set_regions(table)
        self._place_columns = set(extra)
        return self

    def codes(self, prefixes: Iterable[str]) -> tuple[str, ...]:
        """Stored industry codes that begin with one of the prefixes."""
        wanted = tuple(prefixes)
        return tuple(code for code in self.manifest.industries if code.startswith(wanted)) if wanted else ()

    def _regions(self, prefixes: tuple[str, ...]) -> list[str]:
        return [code for code in self.manifest.regions if code.startswith(prefixes)] or ["-"]

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
                marks[name] = self._regions(tuple(getattr(filter, name)))
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
        marks["fit"], marks["fit.else"] = self._weights(codes, fit)
        tables = {}
        if any(term.kind in ("near", "region") for term in score):
            tables["param_regions"] = self._need_places(score)
        shape = (filter.shape(), tuple(term.shape() for term in score), self._runner.wanted)
        sql = query.template(self._runner.dialect, "ranked", *shape)
        schema = query.ranked_schema(self._runner.wanted, score) if limit <= FEW else None
        return query.shown(self._runner.whole(self._run(sql, marks, tables, codes, limit, schema)), score)

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
        rest = [(held, weight) for weight, held in by_weight.items() if weight != most]
        return rest or [(["-"], most)], most

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
        return query.shown(self._run(sql, marks, {}, codes, size))

    def _run(
        self,
        sql: str,
        marks: Mapping[str, Any],
        tables: dict[str, str],
        codes: tuple[str, ...] | None,
        limit: int | None,
        schema: pa.Schema | None = None,
    ) -> pa.Table:
        with self._lock:
            tables["param_firms"] = self._runner.firms(codes)
            return self._runner.run(query.fill(sql, marks, tables, limit), schema)


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
        return Universe(home, manifest, MemoryRunner(home, manifest, threads, query.HELD))
    return Universe(home, manifest, DuckRunner(home, manifest, threads))
