"""The compiler from expressions to arrays: SQL's meaning, every expression of a ranking known, bounds that hold."""

import datetime as dt
import typing

import duckdb
import ibis
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhaoyin.universe import Filter, Term, query, score
from zhaoyin.universe.arrays import Column, arrow, column, compiled, mark

TABLE = pa.table(
    {
        "x": pa.array([None, -2.5, -1.0, 0.0, 0.25, 1.0, 3.0, 1e6], pa.float64()),
        "y": pa.array([1.0, None, 3.0, 0.5, -1.0, 1.0, None, 2.0], pa.float64()),
        "n": pa.array([None, 0, 1, -7, 5, 5, None, 9], pa.int32()),
        "b": pa.array([True, False, None, True, False, None, True, False]),
        "c": pa.array([None, False, False, True, True, None, None, False]),
        "s": pa.array(["CNY", None, "USD", "CNY", "", "CNY", "EUR", None]),
        "d": pa.array([None, dt.date(1969, 12, 31), dt.date(2020, 2, 29), dt.date(2021, 1, 1)] * 2, pa.date32()),
    }
)  # fmt: skip
T = ibis.table(
    {
        "x": "float64",
        "y": "float64",
        "n": "int32",
        "b": "boolean",
        "c": "boolean",
        "s": "string",
        "d": "date",
    },
    name="given",
)
EXPRESSIONS = {
    "sum": T.x + T.y * 2.0 - 1.0,
    "ratio": T.x / 4.0,
    "whole": T.n.cast("int64") + 1,
    "compare": (T.x > T.y),
    "three-valued and": T.b & T.c,
    "not": ~T.b,
    "equal": T.s == "CNY",
    "in": T.s.isin(["CNY", "EUR"]),
    "not in": T.s.notin(["CNY"]),
    "number in": T.n.isin([5, 9]),
    "ifelse of null": ibis.ifelse(T.b, T.x, T.y),
    "null branch": ibis.ifelse(T.s == "CNY", T.x, ibis.null("float64")),
    "at most": ibis.ifelse(T.x > 1.0, 1.0, T.x),
    "case": ibis.cases((T.x > 0, 1.0), (T.b, 2.0), (T.n == 5, T.y), else_=0.25),
    "coalesce": ibis.coalesce(T.x, T.y, 0.5),
    "fill": (T.x * T.y).fill_null(0.5),
    "exp": (T.y * -1.0).exp(),
    "ln": (ibis.ifelse(T.x > 1.0, T.x, 1.0) + 1.0).ln(),
    "sqrt": (T.x * T.x + T.y * T.y).sqrt(),
    "round": ((T.y + 0.25) / 10.0).round(1),
    "round down": (T.x * 1.0).round(0),
    "since": T.d >= ibis.literal("2020-02-29").cast("date"),
    "flag": T.b.cast("int32").cast("float64"),
}


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_what_an_expression_means_is_what_it_means_in_sql(name):
    expression = EXPRESSIONS[name]
    con = duckdb.connect()
    con.register("given", TABLE)
    expected = con.sql(str(ibis.to_sql(T.select(out=expression), dialect="duckdb"))).to_arrow_table()["out"]
    one = compiled(expression)
    found = arrow(one({n: column(TABLE[n]) for n in one.reads}, {}), expected.type, TABLE.num_rows)
    assert found.to_pylist() == pytest.approx(expected.to_pylist(), nan_ok=True)


def test_an_unknown_operation_is_refused_when_it_is_compiled():
    for expression in (
        T.s.upper(),
        T.x.sin(),
        T.n.cast("string"),
        T.x.cast("int64"),
        T.x.sum(),
        T.x.fill_null(0).abs(),
    ):
        with pytest.raises(TypeError, match="not known"):
            compiled(expression)


def test_a_function_outside_of_where_it_is_defined_is_unknown():
    rows = {"x": column(TABLE["x"])}
    for one in (T.x.ln(), T.x.sqrt() - 1.0, T.x.ln().fill_null(0.5)):
        found = arrow(compiled(one)(rows, {}), pa.float64(), 8).to_pylist()
        assert found[1:3] == ([0.5, 0.5] if found[0] == 0.5 else [None, None])
        assert None not in found[4:] and not any(map(np.isnan, found[4:]))


def test_only_what_rises_or_falls_with_one_column_is_steady():
    steady = (
        T.x,
        T.x * -2.0 + 1.0,
        3.0 - T.x,
        T.x / 7.0,
        (T.x * -1.0).exp(),
        ibis.ifelse(T.x > 1.0, 1.0, T.x),
        T.x.fill_null(1.0),
    )
    assert all(compiled(one).steady for one in steady)
    others = (
        T.x * T.x, T.x + T.y, 1.0 / T.x, ibis.ifelse(T.x > 1.0, 0.0, T.x), ibis.ifelse(T.b, T.x, 1.0), T.n.isin([1]), T.s == "CNY",
        ibis.coalesce(T.x, T.y), (T.x > 0) & (T.x <= 2.0), ibis.cases((T.x > 1.0, 0.5), else_=T.x),
    )  # fmt: skip
    assert not any(compiled(one).steady for one in others)


def test_marks_are_filled_in_and_a_marked_branch_is_repeated():
    wanted = compiled(T.s.isin([mark("codes")]))
    rows = {"s": column(TABLE["s"])}
    assert wanted.true(rows, {"codes": ("CNY", "EUR")}).tolist() == [
        True,
        False,
        False,
        True,
        False,
        True,
        True,
        False,
    ]
    weight = ibis.cases((T.s.isin([mark("fit")]), ibis.literal(mark("fit")).cast("float64")), else_=9.0)
    found = compiled(weight)(rows, {"fit": [(["CNY"], 0.5), (["EUR", "USD"], 0.25)]})
    assert found.values.tolist() == [0.5, 9.0, 0.25, 0.5, 9.0, 0.5, 0.25, 9.0]


def all_terms() -> list[Term]:
    """A term of every kind, and of every column the kind allows."""
    found = []
    for kind in typing.get_args(typing.get_type_hints(Term)["kind"]):
        for name in ("", "pull", *query.HELD):
            try:
                found.append(Term(f"t{len(found)}", kind, -0.5 if len(found) % 3 else 0.5, name, 40.0))
            except ValueError:
                continue
    assert {term.kind for term in found} == {"fit", "log", "flag", "share", "near", "region"}
    return [
        t
        for t in found
        if t.kind in ("log", "flag", "share") or t.column == ("pull" if t.kind == "region" else "")
    ]


EVERY = Filter(
    ("39",), ("37",), ("11",), True, dt.date(2000, 1, 1), dt.date(2020, 1, 1), 1, 2, 3, True, False
)  # fmt: skip


def test_every_filter_and_every_kind_of_term_compiles_for_memory():
    assert len(EVERY.shape()) == len(Filter.__slots__)
    terms = all_terms()
    made = score.ranking(EVERY.shape(), tuple(term.shape() for term in terms))
    assert len(made.parts) == len(made.values) == len(terms)
    assert len(made.conditions) == len(EVERY.shape()) + 1  # capital: its currency, and its amount
    assert made.total.reads == {f"part_{at}" for at in range(len(terms))}
    columns = {*query.HELD, *score.DERIVED, "lat", "lon", "region_pull"}
    for one in (*made.conditions, *made.values, *made.parts):
        assert one.reads and one.reads <= columns
        # All but the distance, which reads two columns, can be bounded by the ends of a bin; what reads codes need not be.
        assert one.steady or one.reads & {
            "lat",
            "industry",
            "region",
            "status",
            "capital_currency",
            "high_tech",
            "listed",
        }


numbers = st.one_of(
    st.integers(0, 10**6).map(float), st.floats(0, 1e6), st.sampled_from([39.0, 40.0, 41.0, 0.0])
)


@settings(max_examples=60, deadline=None)
@given(st.lists(numbers, min_size=3, max_size=3).map(sorted))
def test_between_two_values_a_steady_part_is_between_what_it_is_there(three):
    terms = [term for term in all_terms() if term.kind in ("log", "share", "region")]
    marks = query.marks_of(Filter(), terms)
    for term, part in zip(terms, score.ranking((), tuple(t.shape() for t in terms)).parts, strict=True):
        (name,) = part.reads
        assert part.steady, term
        low, mid, high = part({name: Column(np.array(three), np.True_)}, marks).values
        assert min(low, high) <= mid <= max(low, high)
