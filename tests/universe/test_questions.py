import contextlib
import datetime as dt
import math
import os
import random
import socket
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.universe.conftest import as_csv, code, row
from zhaoyin import universe
from zhaoyin.base import uscc
from zhaoyin.base.errors import Refusal
from zhaoyin.universe import DEFAULT_SCORE, Filter, Term, folder, memory, query, score
from zhaoyin.universe.intake import write_part
from zhaoyin.universe.schema import SCHEMA

FIRMS = 4_000
REGIONS = [f"{province}{county:04d}" for province in (37, 11) for county in (101, 602, 685)]
INDUSTRIES = ["0921", "2613", "2614", "3981", "3985", "5161"]


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("universe") / "syn"
    universe.synthesise(FIRMS, home, seed=11, regions=REGIONS, industries=INDUSTRIES)
    return home


@pytest.fixture(scope="session")
def opened(home):
    with universe.open(home, threads=1) as one:
        yield one.with_regions(PLACES)


@pytest.fixture(scope="session")
def held(home):
    with universe.open(home, threads=1, in_memory=True) as one:
        yield one.with_regions(PLACES)


PLACES = pa.table(
    {"region": REGIONS[:-1], "lat": [36.0, 37.4, 37.3, 39.9, 40.1], "lon": [117.0, 121.4, 120.4, 116.4, 116.6],
     "pull": [0.1, 0.9, None, 0.4, 0.0]}
)  # fmt: skip
SCORE = (
    *DEFAULT_SCORE,
    Term("near", "near", 0.2, cap=300, lat=37.36, lon=120.4),
    Term("pull", "region", 0.1, "pull"),
)


def fits(one, chosen: Filter) -> bool:
    def least(column, bound):
        return bound is None or (one[column] is not None and one[column] >= bound)

    born = one["established"]
    return (
        (not chosen.industries or one["industry"].startswith(chosen.industries))
        and (not chosen.regions or one["region"].startswith(chosen.regions))
        and not (chosen.not_regions and one["region"].startswith(chosen.not_regions))
        and not (chosen.live and one["live"] is False)
        and not (chosen.established_from and not (born and born >= chosen.established_from))
        and not (chosen.established_until and not (born and born <= chosen.established_until))
        and least("employees", chosen.min_employees)
        and least("patents", chosen.min_patents)
        and least("capital_wan", None if chosen.min_capital_fen is None else chosen.min_capital_fen / 1e6)
        and (chosen.high_tech is None or one["high_tech"] is chosen.high_tech)
        and (chosen.listed is None or one["listed"] is chosen.listed)
    )


def worth(one, term: Term, place, fit) -> float | None:
    x = one["capital_wan"] if term.column == "capital_fen" else one.get(term.column)
    if term.kind == "fit":
        matching = [(len(p), w) for p, w in (fit or {}).items() if one["industry"].startswith(p)]
        return 1.0 if fit is None else max(matching, default=(0, 0.0))[1]
    if term.kind == "near":
        if place.get("lat") is None:
            return None
        north = place["lat"] - term.lat
        east = (place["lon"] - term.lon) * math.cos(math.radians(term.lat))
        return math.exp(-111.195 * math.hypot(north, east) / term.cap)
    if term.kind == "region":
        return place.get(term.column)
    if term.kind == "log":
        return None if x is None else min(math.log1p(x) / math.log1p(term.cap), 1)
    return None if x is None else float(x)


def by_hand(rows, chosen: Filter, score, fit, limit=50):
    """The same question in plain Python over every firm."""
    places = {one["region"]: one for one in PLACES.to_pylist()}
    found = []
    for one in rows:
        if fits(one, chosen):
            total = 0.0
            for term in score:
                value = worth(one, term, places.get(one["region"], {}), fit)
                total += term.weight * (0.5 if value is None else value)
            found.append((-round(total, 9), one["place"]))
    return [place for _, place in sorted(found)[:limit]]


def some(*values):
    """Mostly nothing, so that enough firms are left to be ranked."""
    return st.sampled_from([None] * 5 + list(values))


filters = st.builds(
    Filter,
    industries=st.sampled_from([(), (), ("3985",), ("39", "26"), ("2613", "09", "7"), ("7",)]),
    regions=st.sampled_from([(), (), (), ("37",), ("370685", "11")]),
    not_regions=st.sampled_from([(), (), (), ("3706",), ("11", "3701"), ("370101", "370685", "110602")]),
    live=st.booleans(),
    established_until=some(dt.date(2020, 1, 1)),
    established_from=some(dt.date(2015, 6, 1)),
    min_employees=some(0, 10),
    min_patents=some(0, 1),
    min_capital_fen=some(0, 100_000_000),
    high_tech=some(True, False),
    listed=some(True, False),
)
FITS = st.sampled_from([None, {"39": 0.5, "3985": 0.9}, {"2": 0.3}, {"09": -1.0, "3": 0.25, "26": 0.25}])
WEIGHTS = st.sampled_from([0.35, 0.2, 0.125, 1.0, 0.0, -0.1, -0.75])
COUNTS = ("employees", "patents", "branches", "capital_fen", "mobility", "high_tech", "listed")
a_term = st.one_of(
    st.builds(lambda w: ("fit", w), WEIGHTS),
    st.builds(lambda w, column, cap: ("log", w, column, cap), WEIGHTS, st.sampled_from(COUNTS), st.sampled_from([0.5, 3, 400, 100_000])),
    st.builds(lambda w, column: ("flag", w, column), WEIGHTS, st.sampled_from(["high_tech", "listed"])),
    st.builds(lambda w, column: ("share", w, column), WEIGHTS, st.sampled_from(["mobility", "high_tech", "patents"])),
    st.builds(lambda w, cap: ("near", w, "", cap, 37.36, 120.4), WEIGHTS, st.sampled_from([3, 300])),
    st.builds(lambda w: ("region", w, "pull"), WEIGHTS),
)  # fmt: skip
scores = st.lists(a_term, max_size=6).map(
    lambda terms: tuple(Term(f"t{at}", one[0], *one[1:]) for at, one in enumerate(terms))
)
LIMITS = st.sampled_from([1, 3, 7, 50, 5_000])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(filters, FITS)
def test_file_memory_and_plain_python_agree(opened, held, everything, chosen, fit):
    expected = by_hand(everything, chosen, SCORE, fit)
    from_file = opened.candidates(chosen, SCORE, fit=fit)
    assert from_file["place"].to_pylist() == expected
    assert held.candidates(chosen, SCORE, fit=fit).equals(from_file)
    counted = opened.count_by("region:2", "industry", filter=chosen)
    assert sum(counted["firms"].to_pylist()) == len(by_hand(everything, chosen, (), None, FIRMS))


@pytest.fixture(scope="session")
def ragged(tmp_path_factory):
    """A universe of ties and gaps: few values in each column, and none in a third of the cells."""
    home, rng = tmp_path_factory.mktemp("universe") / "ragged", random.Random(5)
    width = 1_500
    values = {
        "region": REGIONS, "industry": INDUSTRIES, "status": ["open", "unknown", "closed", "moved"],
        "established": [dt.date(2010, 1, 1), dt.date(2015, 6, 1), dt.date(2020, 1, 1), dt.date(2024, 2, 29), None],
        "capital_fen": [0, 100_000_000, 100_000_001, 9_999_999_999_999, 350_000_000, None],
        "capital_currency": ["CNY", "CNY", "USD", None], "employees": [0, 1, 9, 10, 250_000, None, None],
        "patents": [0, 0, 1, 399, 400, 401, None], "branches": [0, 3, None], "high_tech": [True, False, None],
        "listed": [True, False, False, None], "mobility": [0.0, 0.25, 1.0, 0.9999, None, None],
    }  # fmt: skip
    drawn = {name: [rng.choice(of) for _ in range(width)] for name, of in values.items()}
    # The stored order is by industry, then region.
    pairs = sorted(zip(drawn["industry"], drawn["region"], strict=True))
    drawn["industry"], drawn["region"] = ([pair[at] for pair in pairs] for at in (0, 1))
    drawn |= {"place": list(range(width)), "uscc": [code(n) for n in range(width)], "name": [f"{n}" for n in range(width)]}  # fmt: skip
    columns = [pa.array(drawn.get(one.name, [None] * width), one.type) for one in SCHEMA]
    table, target = pa.Table.from_arrays(columns, schema=SCHEMA), home / "firms-000001"
    target.mkdir(parents=True)
    for number, first in enumerate(range(0, width, 600)):
        write_part(table.slice(first, 600), target / f"part-{number:05d}.parquet")
    parts, industries, regions = folder.index(target)
    folder.Manifest(True, 1, width, parts, industries, regions).save(home)
    with (
        universe.open(home, threads=1) as file,
        universe.open(home, threads=1, in_memory=True) as fine,
        universe.open(home, threads=1, in_memory=True) as coarse,
    ):
        yield file.with_regions(PLACES), fine.with_regions(PLACES), coarse.with_regions(PLACES)


@pytest.fixture
def blocks(monkeypatch):
    """Blocks of a few rows, so that a floor is reached and rows are dropped by what they can reach."""
    monkeypatch.setattr(memory, "FIRST", 8)
    monkeypatch.setattr(memory, "BLOCK", 64)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(filters, scores, FITS, LIMITS)
def test_whatever_is_asked_of_gaps_and_ties(ragged, blocks, chosen, terms, fit, limit):
    """Any filter and any terms, weights below nothing too: the file, memory in single values, memory in bins, plain Python."""
    file, fine, coarse = ragged
    everything = file.sample(1_500).to_pylist()
    expected = by_hand(everything, chosen, terms, fit, limit)
    from_file = file.candidates(chosen, terms, fit=fit, limit=limit)
    assert from_file["place"].to_pylist() == expected
    assert fine.candidates(chosen, terms, fit=fit, limit=limit).equals(from_file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "POINTS", 2)
        patch.setattr(memory, "BINS", 2)
        assert coarse.candidates(chosen, terms, fit=fit, limit=limit).equals(from_file)
    for one in from_file.to_pylist():
        place = next((p for p in PLACES.to_pylist() if p["region"] == one["region"]), {})
        for term in terms:
            value = worth(one, term, place, fit)
            assert one[f"unknown_{term.name}"] == (value is None)
            assert one[f"s_{term.name}"] == pytest.approx(0.5 if value is None else value, abs=1e-12)


def test_what_cannot_be_bounded_is_reckoned_for_every_firm(ragged, blocks, monkeypatch):
    file, _, coarse = ragged
    monkeypatch.setattr(memory, "POINTS", 2)
    monkeypatch.setattr(memory, "BINS", 2)
    known = score.ranking

    def unsteady(*shape):
        made = known(*shape)
        return replace(made, parts=tuple(replace(one, steady=False) for one in made.parts))

    monkeypatch.setattr(score, "ranking", unsteady)
    for limit in (3, 50):
        assert coarse.candidates(Filter(), SCORE, limit=limit).equals(
            file.candidates(Filter(), SCORE, limit=limit)
        )


@pytest.fixture(scope="session")
def everything(opened):
    return opened.sample(FIRMS).to_pylist()


def test_contributions_add_up_and_the_unknown_is_half_and_flagged(opened):
    found = opened.candidates(Filter(live=False), SCORE, limit=200).to_pylist()
    assert len(found) == 200
    unknown = 0
    for one in found:
        total = sum(term.weight * one[f"s_{term.name}"] for term in SCORE)
        assert abs(total - one["score"]) < 1e-8
        for term in SCORE:
            if one[f"unknown_{term.name}"]:
                assert one[f"s_{term.name}"] == 0.5
                unknown += 1
            assert 0 <= one[f"s_{term.name}"] <= 1
        assert (one["mobility"] is None) == one["unknown_mobility"]
        assert (one["employees"] is None) == one["unknown_size"]
    assert unknown > 0


def test_counts_match_the_synthetic_draw_and_sums_add(opened, everything):
    counted = opened.count_by("region:4", "industry:2", sums=("employees", "patents")).to_pylist()
    assert sum(one["firms"] for one in counted) == FIRMS == len(opened)
    for one in counted:
        mine = [
            e for e in everything if e["region"][:4] == one["region"] and e["industry"][:2] == one["industry"]
        ]
        assert one["firms"] == len(mine)
        assert one["patents"] == sum(e["patents"] for e in mine)
    with pytest.raises(Refusal, match="cannot be counted by"):
        opened.count_by("scope")


def test_a_sample_is_the_same_for_a_seed_and_another_for_another(opened, held):
    first = opened.sample(50, seed=5)
    assert first.equals(held.sample(50, seed=5))
    assert len(set(first["firm_id"].to_pylist())) == 50
    assert first["place"].to_pylist() != opened.sample(50, seed=6)["place"].to_pylist()
    places = sorted(first["place"].to_pylist())
    assert places[0] < FIRMS / 4 and places[-1] > FIRMS * 3 / 4


def test_texts_of_chosen_firms(tmp_path, industries):
    file = tmp_path / "a.csv"
    file.write_text(as_csv([row(n, 经营范围=f"第{n}种") for n in range(30)]), encoding="utf-8", newline="")
    universe.ingest([file], tmp_path / "u", industries=industries, part_rows=8)
    with universe.open(tmp_path / "u") as opened:
        best = opened.candidates(Filter(), limit=5).to_pylist()
        texts = {
            one["firm_id"]: one["text"] for one in opened.texts([one["place"] for one in best]).to_pylist()
        }
    numbers = {code(n): f"第{n}种" for n in range(30)}
    assert texts == {one["firm_id"]: numbers[one["firm_id"]] for one in best}


def test_one_shape_is_compiled_once(opened):
    query.template.cache_clear()
    for industry, until in (("39", 2019), ("26", 2020), ("3985", 2021)):
        chosen = Filter(industries=(industry,), established_until=dt.date(until, 1, 1))
        opened.candidates(chosen, fit={industry: 0.5}, limit=until - 2000)
    assert query.template.cache_info().misses == 1


@pytest.mark.parametrize("value", ["39'", "a' or '1'='1", "\\", "x\n"])
def test_a_condition_cannot_break_out_of_its_quotes(opened, value):
    # Prefixes only choose among stored codes; what is not stored chooses none.
    assert opened.candidates(Filter(industries=(value,), regions=(value,))).num_rows == 0
    with pytest.raises(Refusal):
        query.quoted(value)


def test_a_score_that_reads_places_needs_them(home):
    with universe.open(home) as opened, pytest.raises(Refusal, match="region table"):
        opened.candidates(Filter(), SCORE)
    with universe.open(home) as opened, pytest.raises(Refusal, match="names some codes twice"):
        opened.with_regions(pa.concat_tables([PLACES, PLACES.slice(2, 1)]))
    for wrong in (
        ("a", "log", 1.0, "name"),
        ("a b", "fit", 1.0),
        ("a", "log", math.nan, "patents"),
        ("a", "flag", 1.0, "patents"),
    ):
        with pytest.raises(ValueError):
            Term(*wrong)


def test_synthetic_firms_say_so_and_are_reproducible(tmp_path, opened, everything):
    again = universe.synthesise(FIRMS, tmp_path / "again", seed=11, regions=REGIONS, industries=INDUSTRIES)
    assert again.synthetic and opened.synthetic
    with universe.open(tmp_path / "again") as other:
        assert other.sample(FIRMS).to_pylist() == everything
    assert all(uscc.is_valid(one["firm_id"]) and one["name"].startswith("合成企业") for one in everything)
    assert len({one["firm_id"] for one in everything}) == FIRMS
    with pytest.raises(Refusal, match="already holds"):
        universe.synthesise(10, tmp_path / "again")


def test_a_spark_master_that_is_not_there_is_one_line_soon(home):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start = time.monotonic()
    for master in (
        f"spark://127.0.0.1:{port}",
        "spark://127.0.0.1",
        "somewhere",
        "spark://no.such.host.invalid:7077",
    ):
        with pytest.raises(Refusal) as caught:
            universe.open(home, "spark", master=master)
        assert caught.value.code == "universe.spark"
        assert master in caught.value.zh and "\n" not in caught.value.zh
    assert time.monotonic() - start < 60  # bounded, not measured: Spark itself would wait for minutes


@pytest.mark.spark
def test_a_spark_master_without_workers_is_one_line(home, tmp_path):
    pyspark = pytest.importorskip("pyspark")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [
        "org.apache.spark.deploy.master.Master",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--webui-port",
        "0",
    ]
    with (tmp_path / "master.log").open("wb") as log:
        starter = str(Path(pyspark.__file__).parent / "bin" / "spark-class")
        master = subprocess.Popen([starter, *words], stdout=log, stderr=log)
        try:
            for _ in range(300):
                with contextlib.suppress(OSError):
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                time.sleep(0.2)
            script = textwrap.dedent(f"""
                from zhaoyin.base.errors import Refusal
                from zhaoyin.universe import spark
                try:
                    spark.connect("spark://127.0.0.1:{port}", 25)
                except Refusal as refusal:
                    print(refusal.zh)
            """)
            env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
            said = subprocess.run(
                [sys.executable, "-c", script], env=env, capture_output=True, text=True, check=False
            )
        finally:
            master.kill()
            master.wait()
    assert said.stdout.count("\n") == 1, said.stderr
    assert f"spark://127.0.0.1:{port}" in said.stdout
    assert "25 秒内没有工作节点接下任务" in said.stdout


@pytest.mark.spark
def test_spark_with_two_workers_gives_the_same_firms(spark_session, home, opened):
    with universe.open(home, "spark", session=spark_session) as far:
        far.with_regions(PLACES)
        questions = [
            (Filter(industries=("39", "26"), not_regions=("3706",), established_until=dt.date(2021, 1, 1)), {"39": 0.5, "3985": 0.9}),
            (Filter(regions=("37",), min_employees=5, high_tech=False), None),
            (Filter(live=False, min_capital_fen=1_000_000), {"0": 0.2}),
        ]  # fmt: skip
        for chosen, fit in questions:
            here = opened.candidates(chosen, SCORE, fit=fit, limit=200)
            there = far.candidates(chosen, SCORE, fit=fit, limit=200)
            assert there["firm_id"].to_pylist() == here["firm_id"].to_pylist()
            assert there["score"].to_pylist() == pytest.approx(here["score"].to_pylist(), abs=2e-9)
            assert there.schema.names == here.schema.names
        assert (
            far.sample(40, seed=2)["firm_id"].to_pylist() == opened.sample(40, seed=2)["firm_id"].to_pylist()
        )
        order = [("region", "ascending"), ("industry", "ascending")]
        counted = [one.count_by("region:4", "industry", sums=("employees",)).sort_by(order).to_pylist() for one in (far, opened)]  # fmt: skip
        assert counted[0] == counted[1]
        assert far.texts([3, 5])["firm_id"].to_pylist() == opened.texts([3, 5])["firm_id"].to_pylist()


@pytest.mark.spark
def test_spark_agrees_where_cells_are_empty_weights_negative_and_scores_tie(spark_session, ragged):
    file, fine, _ = ragged
    terms = (
        Term("size", "log", -0.4, "employees", 3), Term("capital", "log", 0.3, "capital_fen", 100_000), Term("listed", "flag", -1.0, "listed"),
        Term("mobility", "share", 0.25, "mobility"), Term("near", "near", 0.2, cap=300, lat=37.36, lon=120.4), Term("pull", "region", 0.5, "pull"),
    )  # fmt: skip
    questions = [
        (Filter(live=False), terms, {"39": -0.5, "3": 0.25}, 1_500),
        (Filter(not_regions=("3706",), min_patents=0), terms[:3], None, 300),
        (Filter(min_capital_fen=0, listed=False), (), None, 40),
        (
            Filter(established_from=dt.date(2015, 6, 1), high_tech=True, min_employees=1),
            terms[2:],
            {"2": 1.0},
            40,
        ),
    ]
    with universe.open(file.path, "spark", session=spark_session) as far:
        far.with_regions(PLACES)
        for chosen, score_, fit, limit in questions:
            here = file.candidates(chosen, score_, fit=fit, limit=limit)
            there = far.candidates(chosen, score_, fit=fit, limit=limit)
            assert there["place"].to_pylist() == here["place"].to_pylist()
            assert there.drop(["score"]).equals(
                here.drop(["score"])
            )  # what is shown of a term is the same bits
            assert fine.candidates(chosen, score_, fit=fit, limit=limit).equals(here)
