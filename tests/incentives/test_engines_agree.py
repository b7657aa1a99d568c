"""One rule text, four engines, one answer to the fen: interpreter, numpy columns, DuckDB, Spark."""

import datetime as dt

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.incentives import random_rules
from zhaoyin.incentives import Book, columns, sql

ON = dt.date(2026, 11, 22)


def arrow(table):
    columns = {k: pa.array(v, mask=~ok) for k, (v, ok) in table.items()}
    return pa.table({"_row": pa.array(np.arange(len(next(iter(columns.values()))))), **columns})


def present(book, quote='"'):
    return {name: quote + name + quote for name in book.dictionary.fields}


@pytest.fixture(scope="module")
def connection():
    con = duckdb.connect(config={"threads": 1})
    yield con
    con.close()


def by_hand(book, rows):
    """Per clause (state, granted) and totals from the interpreter."""
    engine = book.engine(ON)
    answers = [engine.pay(row) for row in rows]
    states = np.array([codes for codes, _ in answers], np.int8).reshape(len(rows), -1)
    granted = np.zeros(states.shape, np.int64)
    for i, (_, paid) in enumerate(answers):
        for k, fen in paid.items():
            granted[i, k] = fen
    return states, granted


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 10**9), st.sampled_from([0.0, 0.08, 0.4]))
def test_interpreter_columns_and_duckdb_agree_to_the_fen(connection, seed, unknown):
    book = Book.parse({"r.yaml": random_rules.rule_set(seed)})
    table = random_rules.firms(seed + 1, 60, unknown)
    states, granted = by_hand(book, random_rules.rows(table))
    given = table if unknown else {k: v for k, (v, _) in table.items()}
    batch = book.assess_many(given, ON)
    for k in range(len(batch.rules.policies)):
        assert batch.status(k).tolist() == states[:, k].tolist(), k
        dense = np.zeros(batch.n, np.int64)
        dense[batch.rows[k]] = batch.granted[k]
        assert dense.tolist() == granted[:, k].tolist(), k
    assert batch.total.tolist() == granted.sum(axis=1).tolist()
    connection.register("firms", arrow(table))
    query = sql.Writer(book.rules(ON), book.dictionary, sql.DUCKDB).query("firms", present(book))
    answer = connection.execute(query.text + f" ORDER BY {sql.ROW}").fetchnumpy()
    for k in range(len(batch.rules.policies)):
        assert answer[f"s{k}"].tolist() == states[:, k].tolist(), k
        assert answer[f"g{k}"].tolist() == granted[:, k].tolist(), k
        dense = np.zeros(batch.n, np.int64)
        dense[batch.rows[k]] = batch.paid[k]
        assert answer[f"p{k}"].tolist() == dense.tolist(), k
    for name in ("total", "final", "due"):
        assert answer[name].tolist() == getattr(batch, name).tolist(), name


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**9), st.sampled_from([0.0, 0.2]))
def test_cutting_the_table_into_chunks_changes_nothing(seed, unknown):
    """Whole, in chunks of seven rows, and in chunks on two threads; every row eligible or few."""
    book = Book.parse({"r.yaml": random_rules.rule_set(seed)})
    table = random_rules.firms(seed, 45, unknown)
    given = table if unknown else {k: v for k, (v, _) in table.items()}
    whole = book.assess_many(given, ON, threads=1)
    kept = columns.CHUNK
    try:
        columns.CHUNK = 7
        parts = [book.assess_many(given, ON, threads=threads) for threads in (1, 2)]
    finally:
        columns.CHUNK = kept
    for batch in parts:
        for name in ("total", "final", "due"):
            assert getattr(batch, name).tolist() == getattr(whole, name).tolist(), name
        assert batch.counts() == whole.counts() and batch.ratios == whole.ratios
        for k in range(len(whole.rules.policies)):
            assert batch.status(k).tolist() == whole.status(k).tolist()
            assert batch.amounts(k).tolist() == whole.amounts(k).tolist()
            assert batch.rows[k].tolist() == whole.rows[k].tolist()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**9))
def test_the_explained_answer_is_the_bare_answer(seed):
    book = Book.parse({"r.yaml": random_rules.rule_set(seed)})
    engine = book.engine(ON)
    words = {0: "不符合", 1: "可享受", 2: "待补充信息", 3: "需审批"}
    for row in random_rules.rows(random_rules.firms(seed, 12)):
        codes, paid = engine.pay(row)
        found = engine.assess(row, ON)
        drafts = {n for n, r in enumerate(found.results) if r.policy.draft and codes[n] == 2}
        said = ["起草中" if n in drafts else words[c] for n, c in enumerate(codes)]
        assert [r.status for r in found.results] == said
        assert found.total == sum(paid.values())
        for n, result in enumerate(found.results):
            if result.status == "可享受" and result.policy.payable:
                assert result.amount == paid[n]
                assert result.before is not None and result.amount <= result.before
            if result.status == "不符合":
                assert result.ways and all(way for way in result.ways)
            if result.change:  # a promised change keeps its promise
                changed = engine.assess({**row, **{k: v for k, (_, v) in result.change.changes.items()}}, ON)
                after = changed.results[n]
                assert after.status == "可享受" and after.before == result.change.amount
                assert changed.total - found.total == result.change.gain


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**9))
def test_an_open_range_holds_whatever_is_found_out(seed):
    """Filling in what is unknown never leaves the range that was shown, nor reopens a clause that was closed."""
    book = Book.parse({"r.yaml": random_rules.rule_set(seed)})
    engine = book.engine(ON)
    full = random_rules.rows(random_rules.firms(seed, 15, 0.0))
    r = np.random.default_rng(seed)
    for row in full:
        part = {k: (v if r.random() > 0.3 else None) for k, v in row.items()}
        before, after = engine.assess(part, ON), engine.assess(row, ON)
        for a, b in zip(before.results, after.results, strict=True):
            filled = {k for k, v in part.items() if v is None and book.dictionary[k].absent is None}
            assumed = any(part[k] is None for k in row if book.dictionary[k].absent is not None)
            if a.status == "不符合" and not assumed:
                assert b.status == "不符合"
            if a.status == "待补充信息" and a.range and b.before is not None and not assumed:
                assert b.before <= (a.range[1] if a.range[1] is not None else b.before)
                assert not a.asks or set(a.asks) <= filled


@pytest.mark.spark
def test_spark_gives_the_same_in_one_job():
    """200 random rule sets as one union of queries over one table of firms, in one job."""
    from pyspark.sql import SparkSession

    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.driver.memory", "6g")
        # forty rows in two hundred plans: compiling and polishing each plan costs more than running it
        .config("spark.sql.codegen.wholeStage", "false")
        .config("spark.sql.codegen.factoryMode", "NO_CODEGEN")
        .config("spark.sql.adaptive.enabled", "false")
        .config(
            "spark.sql.optimizer.excludedRules",
            ",".join(
                f"org.apache.spark.sql.catalyst.optimizer.{rule}"
                for rule in (
                    "CollapseProject",
                    "ConstantFolding",
                    "NullPropagation",
                    "InferFiltersFromConstraints",
                )
            ),
        )
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    table = random_rules.firms(7, 40, 0.1)
    spark.createDataFrame(
        arrow(table).to_pandas().astype(object).where(lambda d: d.notna(), None)
    ).createOrReplaceTempView("firms")
    parts, wanted, count = [], {}, 200
    for seed in range(count):
        book = Book.parse({"r.yaml": random_rules.rule_set(seed, 4)})
        query = sql.Writer(book.rules(ON), book.dictionary, sql.SPARK).query("firms", present(book, "`"))
        parts.append(f"SELECT {seed} AS seed, {sql.ROW}, total, final, due FROM ({query.text})")
        batch = book.assess_many(table, ON)
        wanted[seed] = [batch.total.tolist(), batch.final.tolist(), batch.due.tolist()]
    found = spark.sql(" UNION ALL ".join(parts)).toPandas().sort_values(["seed", sql.ROW])
    for seed, group in found.groupby("seed"):
        assert [group[c].astype("int64").tolist() for c in ("total", "final", "due")] == wanted[seed], seed
    assert found.seed.nunique() == count
