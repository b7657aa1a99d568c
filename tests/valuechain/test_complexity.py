import csv

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from zhaoyin.base.errors import Refusal
from zhaoyin.valuechain import (
    Counts,
    complexity,
    concentration,
    entry_scores,
    expected,
    poisson_interval,
    related_variety,
    shrunk_lq,
)
from zhaoyin.valuechain.complexity import (
    co_occurrence,
    density,
    eci_pci,
    presence,
    proximity,
    rca,
    split_half,
)


def nested(regions: int = 12, industries: int = 10) -> csr_matrix:
    """A triangle: richer regions do everything poorer ones do, and more."""
    x = np.zeros((regions, industries))
    for r in range(regions):
        for i in range(industries):
            if i <= r % industries + 1:
                x[r, i] = 10 + (r * 7 + i * 3) % 5
    return csr_matrix(x)


matrices = (
    st.integers(3, 8)
    .flatmap(lambda n: st.lists(st.lists(st.integers(0, 9), min_size=n, max_size=n), min_size=3, max_size=9))
    .map(lambda rows: csr_matrix(np.array(rows, dtype=float)))
)


@settings(max_examples=60, deadline=None)
@given(matrices)
def test_dense_textbook_formulas_agree(x):
    dense = x.toarray()
    if not dense.any():
        return
    rows, columns = dense.sum(1, keepdims=True), dense.sum(0, keepdims=True)
    with np.errstate(all="ignore"):
        lq = np.nan_to_num((dense / rows) / (columns / dense.sum()))
    np.testing.assert_allclose(rca(x).toarray(), lq, atol=1e-12)
    m = presence(x)
    np.testing.assert_array_equal(m.toarray(), (lq >= 1) & (dense > 0))
    mm = m.toarray()
    np.testing.assert_array_equal(co_occurrence(m), mm.T @ mm)
    phi = proximity(m)
    assert (phi.diagonal() == 0).all() and phi.min() >= 0 and phi.max() <= 1
    np.testing.assert_allclose(phi, phi.T)
    w = density(m, phi)
    known = w[np.isfinite(w)]
    assert known.size == 0 or (known.min() >= 0 and known.max() <= 1 + 1e-12)


@settings(max_examples=40, deadline=None)
@given(matrices, st.randoms(use_true_random=False))
def test_order_of_regions_does_not_matter(x, random):
    order = list(range(x.shape[0]))
    random.shuffle(order)
    w, v = (complexity(m, region_floor=0, present_at=0, check_halves=False) for m in (x, x[order]))
    np.testing.assert_allclose(v.density, w.density[order], atol=1e-12)
    if w.second_eigenvalue is not None and w.withheld is None and v.withheld is None:
        s = np.linalg.svd(_normalised(w.m), compute_uv=False)
        if (
            len(s) > 2 and s[1] - s[2] > 1e-3 and np.isfinite(w.eci).sum() > 3
        ):  # a repeated eigenvalue has no order
            assert (
                abs(np.corrcoef(v.eci[np.isfinite(v.eci)], w.eci[order][np.isfinite(w.eci[order])])[0, 1])
                > 0.999
            )


def _normalised(m):
    m = m.toarray()
    m = m[m.sum(1) > 0][:, m.sum(0) > 0]
    return m / np.sqrt(m.sum(1))[:, None] / np.sqrt(m.sum(0))[None]


def test_eci_is_the_second_eigenvector_of_the_plain_matrix():
    m = presence(nested())
    eci, pci, second, parts = eci_pci(m)
    dense = m.toarray()
    values, vectors = np.linalg.eig((dense / dense.sum(1)[:, None]) @ (dense / dense.sum(0)[None]).T)
    order = np.argsort(-values.real)
    plain = vectors[:, order[1]].real
    plain = (plain - plain.mean()) / plain.std()
    plain *= np.sign(np.corrcoef(plain, dense.sum(1))[0, 1])
    np.testing.assert_allclose(eci, plain, atol=1e-9)
    assert second == pytest.approx(values.real[order[1]]) and parts == 1
    assert np.corrcoef(eci, dense.sum(1))[0, 1] > 0
    assert np.isfinite(pci).all()


def test_a_graph_in_two_parts_has_no_complexity():
    block = nested(6, 6).toarray()
    x = np.block([[block, np.zeros_like(block)], [np.zeros_like(block), block]])
    c = complexity(csr_matrix(x), region_floor=0, present_at=0)
    assert np.isnan(c.eci).all() and "2 块" in c.withheld[0] and "2 parts" in c.withheld[1]


def test_noise_fails_the_test_of_halves_and_structure_passes():
    rng = np.random.default_rng(1)
    noise = csr_matrix(rng.poisson(1.0, (60, 40)).astype(float))
    assert complexity(noise, region_floor=0, present_at=0).withheld
    clear = csr_matrix(nested(60, 40).toarray() * 40)
    c = complexity(clear, region_floor=0, present_at=0)
    assert c.withheld is None and c.reliability > 0.9 and np.isfinite(c.eci).all()


def test_halving_leaves_the_counts_as_they_were():
    x = nested()
    before = x.copy()
    split_half(x)
    assert (x != before).nnz == 0 and (x.indices == before.indices).all()


def test_small_regions_take_no_part_and_get_nan():
    x = nested().toarray()
    x[3] = 0
    x[3, 2] = 3
    c = complexity(csr_matrix(x), region_floor=30, present_at=0, check_halves=False)
    assert np.isnan(c.density[3]).all() and np.isnan(c.eci[3]) and c.diversity[3] == 0
    assert np.isfinite(c.density[5]).all()


@settings(max_examples=50, deadline=None)
@given(st.floats(0, 500), st.floats(1, 5000), st.floats(1e-5, 0.5))
def test_shrinking_pulls_towards_one_and_the_interval_holds_the_value(x, total, p):
    raw = x / total / p
    lq = float(shrunk_lq(np.asarray(x), total, p))
    assert min(raw, 1) - 1e-9 <= lq <= max(raw, 1) + 1e-9
    low, high = poisson_interval(x)
    assert low <= x <= high
    assert float(shrunk_lq(low, total, p)) <= lq <= float(shrunk_lq(high, total, p))


def test_known_poisson_interval_and_an_industry_nobody_has():
    low, high = poisson_interval(10)
    assert (float(low), float(high)) == (pytest.approx(4.795, abs=1e-3), pytest.approx(18.390, abs=1e-3))
    assert np.isnan(shrunk_lq(np.asarray(0.0), 100, 0.0))


def test_related_variety_splits_entropy():
    counts = Counts.of(
        ["a"] * 4 + ["b"] * 2, ["0111", "0112", "2011", "2012", "0111", "2011"], [1, 1, 1, 1, 5, 5]
    )
    related, unrelated = related_variety(counts)
    assert related == pytest.approx([1, 0]) and unrelated == pytest.approx([1, 1])


@pytest.mark.parametrize(
    ("sizes", "n_eff", "top"),
    [
        ([10, 10, 10, 10], 4, 0.25),
        ([97, 1, 1, 1], 100**2 / (97**2 + 3), 0.97),
        ([5], 1, 1),
        ([], None, None),
        ([None, None, 3], None, None),
    ],
)
def test_concentration(sizes, n_eff, top):
    found = concentration(sizes)
    assert found.n_eff == (None if n_eff is None else pytest.approx(n_eff)) and found.top == (
        None if top is None else pytest.approx(top)
    )


def test_counts_refuse_what_is_no_size(tmp_path):
    with pytest.raises(Refusal, match="row 2"):
        Counts.of(["a", "b"], ["1", "2"], [1, -1])
    file = tmp_path / "c.csv"
    file.write_text("place,industry,firms\na,1,2\n", encoding="utf-8")
    with pytest.raises(Refusal) as caught:
        Counts.load(file)
    assert "region" in caught.value.zh
    file.write_text("region,industry,firms\n370685,0921,x\n", encoding="utf-8")
    with pytest.raises(Refusal) as caught:
        Counts.load(file)
    assert caught.value.code == "counts.value"


def test_firms_in_no_county_or_no_trade_are_left_out():
    columns = {"region": ["370685", "3706", None], "industry": ["0921", "0921", "3221"], "firms": [4, 9, 9]}
    counts = Counts.of_table(columns)
    assert counts.regions == ("370685",) and counts.matrix.sum() == 4


def test_codes_keep_their_leading_zero(tmp_path):
    file = tmp_path / "c.csv"
    file.write_text("region,industry,firms\n370685,0921,2\n370685,0921,3\n", encoding="utf-8")
    counts = Counts.load(file)
    assert counts.industries == ("0921",) and counts.matrix.sum() == 5


def test_entry_favours_related_industries_of_the_same_size():
    x = nested(40, 8).toarray()
    counts = Counts(tuple(map(str, range(40))), tuple(f"{i}1" for i in range(8)), csr_matrix(x))
    scores = entry_scores(counts, [["a"] * 4 + ["b"] * 4])
    assert scores.shape == x.shape and np.nanmin(scores) >= 0
    assert (expected(counts, [["a"] * 4 + ["b"] * 4]) >= expected(counts)).all()


@pytest.mark.shared
def test_ecomplexity_definitions_on_trade(shared):
    with (shared / "chain" / "world_trade_1998_2000.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    counts = Counts.of(
        [r["country"] for r in rows], [r["product"] for r in rows], [float(r["value"]) for r in rows]
    )
    c = complexity(counts, include_self=True, region_floor=0, present_at=0, check_halves=False)
    m = c.m.toarray()
    m = m[m.sum(1) > 0]
    values = np.sort(np.linalg.svd(_normalised(c.m), compute_uv=False) ** 2)[::-1]
    assert values[0] == pytest.approx(1) and c.second_eigenvalue == pytest.approx(values[1])
    assert c.eci[counts.region_index["deu"]] > c.eci[counts.region_index["nga"]]
