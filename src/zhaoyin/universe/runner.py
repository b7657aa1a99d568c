"""DuckDB over a universe's Parquet parts, and what any engine has to be able to do."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import duckdb
import pyarrow as pa

from zhaoyin.universe import query
from zhaoyin.universe.cards import Cards
from zhaoyin.universe.folder import Manifest
from zhaoyin.universe.intake import sql_list
from zhaoyin.universe.score import Ask, Places

FEW = 1_000  # rows up to which an answer comes as Python rows


class Runner(Protocol):
    """What runs SQL over the firms: names the table that holds some codes, keeps a region table, gives back Arrow."""

    dialect: query.Dialect
    places: Places

    def rank(self, ask: Ask) -> pa.Table: ...
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
    places = Places(pa.table({"place_code": pa.array([], pa.string())}))

    def __init__(self, path: Path, manifest: Manifest, threads: int | None) -> None:
        self.path, self.manifest = path, manifest
        self.cards = Cards(path, manifest)
        self.con = duckdb.connect(config={"threads": threads} if threads else {})
        self.con.execute("set parquet_metadata_cache = true; set TimeZone = 'UTC'")

    def rank(self, ask: Ask) -> pa.Table:
        """The best rows: HELD and their score, in order."""
        shape = (ask.filter.shape(), tuple(term.shape() for term in ask.terms), ("place",))
        sql = query.fill(
            query.template(self.dialect, "ranked", *shape),
            ask.marks,
            {**ask.tables, "param_firms": self.firms(ask.codes)},
            ask.limit,
        )
        ranked = self.run(sql, query.ranked_schema(("place",)) if ask.limit <= FEW else None)
        return beside(self.cards.of(ranked["place"].to_pylist()), ranked)

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
        self.places = Places(regions)
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


def beside(firms: pa.Table, ranked: pa.Table) -> pa.Table:
    """Firms with the columns of their ranking, row by row."""
    for name in ranked.column_names:
        if name != "place":
            firms = firms.append_column(name, ranked[name])
    return firms
