# ruff: noqa: S608  names are quoted, values are numbers
"""`policy run`: a Parquet file of firms → a Parquet file of what each gets, by numpy, DuckDB or Spark."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from zhaoyin.base.errors import Refusal
from zhaoyin.incentives import fields as f
from zhaoyin.incentives import sql
from zhaoyin.incentives.book import Book
from zhaoyin.incentives.columns import _HEADER

ENGINES = ("numpy", "duckdb", "spark")


@dataclass(frozen=True, slots=True)
class Summary:
    """Per clause: (id, title, eligible, pending, to decide, fen paid); totals in fen."""

    rows: int
    policies: tuple[tuple[str, str, int, int, int, int], ...]
    total: int
    final: int
    due: int


def run(
    book: Book,
    source: Path,
    target: Path,
    on: dt.date,
    *,
    engine: str = "numpy",
    progress: Callable[[int, int], None] | None = None,
) -> Summary:
    """Assess every row of ``source``. ``progress`` is called with (done, of all)."""
    if engine not in ENGINES:
        raise Refusal(
            "run.engine", f"没有引擎“{engine}”。用 numpy、duckdb 或 spark。", f"no engine “{engine}”."
        )
    if not source.exists():
        raise Refusal(
            "run.file", f"没有文件 {source}。检查路径。", f"There is no file {source}.", where=str(source)
        )
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(source)
    except (pa.ArrowException, OSError):
        raise Refusal(
            "run.file", f"{source} 不是 Parquet 文件。", f"{source} is no Parquet file.", where=str(source)
        ) from None
    if engine == "numpy":
        return _numpy(book, source, target, on, schema, progress)
    return (_duckdb if engine == "duckdb" else _spark)(book, source, target, on, schema, progress)


Progress = Callable[[int, int], None] | None


def _keys(schema: Any, dictionary: f.Dictionary) -> list[str]:
    """Columns that are no fields: they name the firm and pass through."""
    return [
        n
        for n in schema.names
        if n not in dictionary and not ((h := _HEADER.match(n)) and h["name"].strip() in dictionary)
    ]


def _numpy(book: Book, source: Path, target: Path, on: dt.date, schema: Any, progress: Progress) -> Summary:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(source)
    done = 0

    def step(rows: int) -> None:
        nonlocal done
        done += rows
        if progress:
            progress(done, table.num_rows)

    batch = book.assess_many(table, on, progress=step)
    out = batch.to_table()
    for name in reversed(_keys(schema, book.dictionary)):
        out = out.add_column(0, name, table.column(name))
    pq.write_table(pa.table(out), target)
    rows = [
        (p.id, p.title, yes, pending, decide, fen)
        for p, (yes, pending, decide, fen) in zip(batch.rules.policies, batch.counts(), strict=True)
    ]
    return Summary(batch.n, tuple(rows), int(batch.total.sum()), int(batch.final.sum()), int(batch.due.sum()))


def present(schema: Any, dictionary: f.Dictionary, quote: str) -> dict[str, str]:
    """{field: SQL of its canonical value} for the columns of a file, by the same rules as for tables in memory."""
    import pyarrow as pa

    found: dict[str, str] = {}
    for header in schema.names:
        name, unit = header, ""
        if name not in dictionary and (match := _HEADER.match(header)):
            name, unit = match["name"].strip(), match["unit"].strip()
        if name not in dictionary:
            continue
        if name in found:
            raise Refusal(
                "table.column", f"“{name}”有两列。留一列。", f"two columns for “{name}”.", where=name
            )
        entry, kind = dictionary[name], schema.field(header).type
        column = quote + header.replace(quote, quote * 2) + quote
        if entry.type == f.DATE:
            column = (
                f"datediff('day', DATE '1970-01-01', CAST({column} AS DATE))"
                if quote == '"'
                else f"unix_date(CAST({column} AS DATE))"
            )
        elif entry.type in f.NUMERIC:
            factor = Fraction(1)
            if unit:
                type_, currency, factor = f.UNITS.get(unit, ("", "", factor))
                if type_ != entry.type or (currency and entry.unit and currency != entry.unit):
                    raise Refusal(
                        "table.column",
                        f"“{header}”列的单位与字段不合。",
                        f"“{header}” has another unit.",
                        where=header,
                    )
            if not pa.types.is_integer(kind):
                if not unit and entry.type in (f.MONEY, f.AREA, f.RATIO):
                    raise Refusal(
                        "table.column",
                        f"“{header}”列是小数而没有单位。在表头写明，例如 {name}({entry.unit_name})。",
                        f"column “{header}” holds decimals without a unit. Write it in the header.",
                        where=header,
                    )
                column = f"CAST(ROUND(CAST({column} AS DOUBLE) * {float(factor)!r}) AS BIGINT)"
            elif factor != 1:
                column = f"(CAST({column} AS BIGINT) * {factor.numerator})"
        found[name] = column
    return found


def _select(book: Book, on: dt.date, keys: list[str], query: sql.Query, quote: str) -> str:
    """Result columns with the names of the other engines."""
    columns = [f"k.{quote}{k}{quote}" for k in keys]
    for n, policy in enumerate(book.rules(on).policies):
        columns.append(f"CAST(r.s{n} AS TINYINT) AS {quote}{policy.id}·状态{quote}")
        if policy.payable:
            columns.append(f"CAST(r.p{n} AS BIGINT) AS {quote}{policy.id}·金额(分){quote}")
    for name, title in (("total", "合计(分)"), ("final", "资金盘后合计(分)"), ("due", "本期应付(分)")):
        columns.append(f"CAST(r.{name} AS BIGINT) AS {quote}{title}{quote}")
    return ", ".join(columns)


def _summary(book: Book, on: dt.date, found: dict[str, Any]) -> Summary:
    policies: list[tuple[str, str, int, int, int, int]] = []
    for n, p in enumerate(book.rules(on).policies):
        yes, pending, decide, fen = (int(found[f"{c}{n}"] or 0) for c in "yudp")
        policies.append((p.id, p.title, yes, pending, decide, fen))
    totals = {name: int(found[name] or 0) for name in ("rows", "total", "final", "due")}
    return Summary(totals["rows"], tuple(policies), totals["total"], totals["final"], totals["due"])


def _counts(book: Book, on: dt.date) -> str:
    parts = ["COUNT(*) AS rows"]
    for n in range(len(book.rules(on).policies)):
        for mark, state in (("y", 1), ("u", 2), ("d", 3)):
            parts.append(f"SUM(CASE WHEN s{n} = {state} THEN 1 ELSE 0 END) AS {mark}{n}")
        parts.append(f"SUM(p{n}) AS p{n}")
    return ", ".join([*parts, *(f"SUM({name}) AS {name}" for name in ("total", "final", "due"))])


def _duckdb(book: Book, source: Path, target: Path, on: dt.date, schema: Any, progress: Progress) -> Summary:
    import threading

    import duckdb

    keys = _keys(schema, book.dictionary)
    columns = present(schema, book.dictionary, '"')
    writer = sql.Writer(book.rules(on), book.dictionary, sql.DUCKDB)
    con = duckdb.connect(config={"preserve_insertion_order": True})
    quoted = "'" + str(source).replace("'", "''") + "'"
    con.execute(
        f"CREATE VIEW firms AS SELECT file_row_number AS {sql.ROW}, * FROM read_parquet({quoted}, file_row_number = true)"
    )
    text, entries = sql.bounds_query(writer, "firms", columns)
    found = con.execute(text).fetchone()
    if entries and found:
        sql.check_bounds(found, entries)
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(0.2):
            if progress:
                progress(max(int(con.query_progress()), 0), 100)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        con.execute("SET enable_progress_bar = true; SET enable_progress_bar_print = false")
        query = writer.query("firms", columns)
        con.execute(f"CREATE TEMP TABLE answer AS {query.text}")
        out = "'" + str(target).replace("'", "''") + "'"
        select = _select(book, on, keys, query, '"')
        con.execute(
            f"COPY (SELECT {select} FROM answer r JOIN firms k USING ({sql.ROW}) ORDER BY r.{sql.ROW}) TO {out} (FORMAT parquet)"
        )
        answer = con.execute(f"SELECT {_counts(book, on)} FROM answer").fetchnumpy()
    finally:
        stop.set()
        watcher.join()
        con.close()
    if progress:
        progress(100, 100)
    return _summary(book, on, {k: v[0] for k, v in answer.items()})


def _spark(book: Book, source: Path, target: Path, on: dt.date, schema: Any, progress: Progress) -> Summary:
    from pyspark.sql import SparkSession
    from pyspark.sql import functions as fn

    spark = (
        SparkSession.builder.config("spark.sql.session.timeZone", "UTC")
        .config("spark.ui.enabled", "false")
        .getOrCreate()
    )
    keys = _keys(schema, book.dictionary)
    columns = present(schema, book.dictionary, "`")
    firms = spark.read.parquet(str(source)).withColumn(sql.ROW, fn.monotonically_increasing_id())
    firms.createOrReplaceTempView("firms")
    writer = sql.Writer(book.rules(on), book.dictionary, sql.SPARK)
    text, entries = sql.bounds_query(writer, "firms", columns)
    if entries:
        sql.check_bounds(tuple(spark.sql(text).first() or ()), entries)
    if progress:
        progress(1, 3)  # bounds checked, counted, written
    query = writer.query("firms", columns)
    answer = spark.sql(query.text).cache()
    answer.createOrReplaceTempView("answer")
    found = spark.sql(f"SELECT {_counts(book, on)} FROM answer").first()
    if progress:
        progress(2, 3)
    select = _select(book, on, keys, query, "`")
    spark.sql(
        f"SELECT {select} FROM answer r JOIN firms k ON r.{sql.ROW} = k.{sql.ROW} ORDER BY r.{sql.ROW}"
    ).write.mode("overwrite").parquet(str(target))
    if progress:
        progress(3, 3)
    return _summary(book, on, found.asDict() if found else {})
