import numpy as np
import pytest
from scipy.sparse import csr_matrix

from zhaoyin.base.errors import Refusal
from zhaoyin.valuechain import Chain, Counts, Landscape, concentration, gaps, suppliers

HOME = "370685"


@pytest.fixture(scope="module")
def ground(gold, counts):
    return Landscape(gold, counts)


@pytest.fixture(scope="module")
def report(ground):
    return gaps(ground, HOME)


def test_kinds_follow_the_rules_and_print_their_numbers(report):
    assert report.rules == "gap@1"
    assert "strong" in report.of("mining").kinds
    assert "missing" in report.of("deep_processing").kinds
    assert report.of("tourism").kinds == ("missing", "extend")
    assert "weak" in report.of("jewellery").kinds
    for assessment in report.nodes:
        for verdict in assessment.verdicts:
            assert any(ch.isdigit() for ch in verdict.zh) and any(ch.isdigit() for ch in verdict.en)
    jewellery = report.of("jewellery").position
    assert jewellery.lq_high < 1
    assert f"{jewellery.lq_high:.2f}" in next(
        v.zh for v in report.of("jewellery").verdicts if v.kind == "weak"
    )


def test_severity_is_the_product_it_says(report):
    for a in report.nodes:
        p = a.position
        assert a.severity == pytest.approx(p.criticality * p.shortfall * p.density_rank)
        assert 0 <= a.severity <= 1
    order = [a.severity for a in report.gaps]
    assert order == sorted(order, reverse=True)


def test_missing_has_full_shortfall_and_is_a_true_zero(report):
    p = report.of("deep_processing").position
    assert p.firms == 0 and p.shortfall == 1 and p.lq is not None and p.n_eff is None and "n_eff" in p.why


def test_a_segment_with_shared_codes_is_never_called_missing(gold, counts):
    """2613 is 2 % gold salts: firms with the code may or may not make them."""
    x = counts.matrix.toarray()
    for code in ("2613", "2669"):
        x[30, counts.industry_index[code]] = 5
    a = gaps(Landscape(gold, Counts(counts.regions, counts.industries, csr_matrix(x))), HOME).of("gold_salts")
    assert a.position.estimated and a.position.firms == pytest.approx(0.2)
    assert "missing" not in a.kinds and "经营范围" in a.why["kind"][0]


def test_a_region_of_three_firms_gets_nulls_with_the_reason(ground):
    report = gaps(ground, "110007")
    assert report.gaps == ()
    for a in report.nodes:
        assert (a.position.lq, a.position.density, a.severity) == (None, None, None)
        assert "3 家" in a.position.why["lq"][0] and "3 firms" in a.position.why["lq"][1]
    assert report.position.eci is None and report.position.diversity is None and report.position.rivals == ()


def test_an_unknown_region_and_an_empty_universe_are_refused(ground, gold, counts):
    with pytest.raises(Refusal) as caught:
        ground.position("999999")
    assert "999999" in caught.value.zh
    with pytest.raises(Refusal):
        Landscape(gold, Counts(("a",), ("0921",), csr_matrix((1, 1))))


def test_nobody_in_the_nation_is_unknown_not_zero(gold, counts):
    x = counts.matrix.toarray()
    x[:, counts.industry_index["3221"]] = 0
    p = (
        Landscape(gold, Counts(counts.regions, counts.industries, csr_matrix(x)))
        .position(HOME)
        .node("smelting")
    )
    assert p.lq is None and p.shortfall is None and "全库" in p.why["lq"][0]


def test_single_supplier_names_what_it_cuts_off(gold, counts):
    firms = [(HOME, "3221", 900), (HOME, "3221", 50), (HOME, "3221", 50)]
    report = gaps(Landscape(gold, counts, suppliers=suppliers(gold, firms)), HOME)
    verdict = next(v for v in report.of("smelting").verdicts if v.kind == "single")
    assert "90%" in verdict.zh and "贵金属压延与材料" in verdict.zh


def test_suppliers_of_a_shared_code_are_not_the_segments(gold):
    found = suppliers(gold, [(HOME, "3985", 10), (HOME, "3221", 10), (HOME, "3221", None)])
    assert (HOME, "bonding_wire") not in found
    assert found[(HOME, "smelting")].firms == 2 and found[(HOME, "smelting")].unknown == 1


def test_few_effective_suppliers_among_peers_is_weak(gold, counts):
    firms = [(HOME, "0921", s) for s in (30, 20, 25)]
    for region in counts.regions:
        if region not in (HOME, "110007"):
            firms += [(region, "0921", 10)] * 8
    report = gaps(Landscape(gold, counts, suppliers=suppliers(gold, firms)), HOME)
    assert any("下四分位 8.0" in v.zh for v in report.of("mining").verdicts if v.kind == "weak")


def test_dependence_weighs_inputs_and_a_start_has_none(ground):
    position = ground.position(HOME)
    assert position.node("exploration").dependence is None
    d = position.node("jewellery")
    assert sum(i.weight for i in d.inputs) == pytest.approx(1)
    assert d.dependence == pytest.approx(sum(i.weight * (1 - min(1, i.have / i.need)) for i in d.inputs))
    assert position.node("deep_processing").dependence is None  # nobody there to depend


def test_a_need_of_nothing_is_unknown_not_met(gold, counts):
    x = counts.matrix.toarray()
    for code in (
        "3221",
        "3253",
    ):  # nobody in the nation refines or rolls: what jewellery takes in cannot be reckoned
        x[:, counts.industry_index[code]] = 0
    p = Landscape(gold, Counts(counts.regions, counts.industries, csr_matrix(x))).position(HOME)
    jewellery = p.node("jewellery")
    assert jewellery.firms == 1 and jewellery.dependence is None and "全库" in jewellery.why["dependence"][0]


def test_rivals_are_alike_named_ones_are_added_and_contested_is_counted(ground):
    rivals = {region: kind for region, _, kind in ground.rivals(HOME, 3, named=["110001"])}
    assert len(rivals) in (3, 4) and "110001" in rivals and HOME not in rivals
    assert "110007" not in {region for region, _, _ in ground.rivals(HOME, 59)}
    for a in gaps(ground, HOME).nodes:
        assert a.contested.contested == (2 * len(a.contested.ahead) >= a.contested.rivals)
        assert [v.region for v in a.contested.who if v.ahead] == list(a.contested.ahead)
        for v in a.contested.who:
            assert v.ahead == (v.density >= a.position.density and v.firms > 0)


def test_neighbours_are_the_same_prefecture(gold, counts):
    regions = tuple("370683" if r == "110001" else r for r in counts.regions)
    found = Landscape(gold, Counts(regions, counts.industries, counts.matrix)).rivals(HOME, 0)
    assert [(region, kind) for region, _, kind in found] == [("370683", "neighbour")]


def test_too_few_regions_of_similar_size_are_not_compared(gold, counts):
    firms = [(HOME, "0921", s) for s in (30, 20, 25)] + [("110001", "0921", 10)] * 3
    p = Landscape(gold, counts, suppliers=suppliers(gold, firms)).position(HOME).node("mining")
    assert (p.peers, p.peer_quartile) == (1, None) and "少于 8 个" in p.why["peer_quartile"][0]


def test_firms_named_by_texts_or_persons_are_the_least_there_are(gold, counts):
    named = {(HOME, "gold_salts"): 3.0}
    ground = Landscape(
        gold, counts, confirmed=named, suppliers={(HOME, "gold_salts"): concentration([9, 5, 5])}
    )
    p = ground.position(HOME).node("gold_salts")
    assert p.firms == 3 and not p.estimated and p.n_eff == pytest.approx(361 / 131)
    taken_out = Landscape(gold, counts, denied={(HOME, "mining"): 60.0}).position(HOME).node("mining")
    assert taken_out.firms == 0


def test_classified_firms_replace_shares_of_codes(gold, counts):
    members = Counts.of([HOME, HOME, "110001"], ["gold_salts", "bonding_wire", "gold_salts"], [4, 2, 6])
    p = Landscape(gold, counts, members=members).position(HOME).node("gold_salts")
    assert p.firms == 4 and not p.estimated


def test_a_code_covers_its_children(gold, counts):
    tables = gold.to_tables()
    for row in tables["node_code"]:
        if row["code"] == "0921":
            row["code"] = "09"
    wide = Landscape(Chain.from_tables(tables), counts).position(HOME).node("mining")
    assert wide.firms == 60


def test_density_ranks_are_percentiles_and_nan_never_leaks(ground):
    position = ground.position(HOME)
    for node in position.nodes:
        for value in (node.lq, node.density, node.density_rank, node.shortfall):
            assert value is None or np.isfinite(value)
        assert 0 <= node.density_rank <= 1
