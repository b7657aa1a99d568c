import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhaoyin.base.errors import Refusal
from zhaoyin.valuechain import shortlist
from zhaoyin.valuechain.shortlist import WEIGHTS


def ranked(rows, **about):
    return shortlist(
        rows, **{"node_id": "jewellery", "region": "370685", "density": 0.3, "rival_density": 0.4, **about}
    )


def test_gates_are_counted_by_name():
    rows = [
        {"firm_id": "1", "live": False},
        {"firm_id": "2", "region": "37068501"},
        {"firm_id": "3", "dishonest": True},
        {"firm_id": "4", "barred": "是"},
        {"firm_id": "5", "membership": 0.1},
        {"firm_id": "6", "group_id": "g"},
        {"firm_id": "7", "group_id": "g"},
        *({"firm_id": f"c{i}", "city": "深圳"} for i in range(5)),
    ]
    found = ranked(rows)
    assert found.removed == {
        "not_live": 1,
        "here": 1,
        "dishonest": 1,
        "barred": 1,
        "uncertain": 1,
        "group": 1,
        "city": 2,
    }
    assert found.considered == len(rows) == len(found.entries) + sum(found.removed.values())


values = st.one_of(st.none(), st.just(float("nan")), st.floats(0, 1e6))


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "employees": values,
                "patents": values,
                "membership": st.one_of(st.none(), st.floats(0.35, 1)),
                "branches_24m": values,
                "tie": st.one_of(st.none(), st.just("商会"), st.floats(0, 1)),
                "distance_km": values,
                "local_buyers": values,
            }
        ),
        min_size=1,
        max_size=12,
    )
)
def test_contributions_add_up_and_unknown_is_half(rows):
    found = ranked([{"firm_id": str(i), **r} for i, r in enumerate(rows)])
    assert len(found.entries) == len(rows)
    scores = [e.score for e in found.entries]
    assert scores == sorted(scores, reverse=True)
    for e in found.entries:
        assert e.score == pytest.approx(sum(e.contributions.values())) and 0 <= e.score <= 100
        for term in WEIGHTS:
            assert 0 <= e.terms[term] <= 1
            if term in e.unknown:
                assert e.terms[term] == 0.5
        assert all((*e.why, *e.why_not, *e.not_known))


def test_sentences_say_what_lies_behind_a_term_in_both_languages():
    row = {
        "firm_id": "1",
        "membership": 0.95,
        "evidence": "首饰加工",
        "tie": "珠宝协会会员",
        "distance_km": 1800,
        "employees": 300,
    }
    entry = ranked([row, {"firm_id": "2", "employees": 900}], is_core=True).entries[0]
    assert entry.firm_id == "1"
    assert "首饰加工" in entry.why[0] and "1,800 公里" in entry.why_not[0] and "1,800 km" in entry.why_not[1]
    assert "意愿" in entry.not_known[0] and "mobility" in entry.not_known[1]


def test_rivals_that_host_the_firm_take_the_edge_away():
    a, b = ranked([{"firm_id": "a"}, {"firm_id": "b", "rivals_hosting": 1.0}]).entries
    assert (a.firm_id, b.firm_id) == ("a", "b") and b.terms["edge"] == 0


@pytest.mark.parametrize(
    "weights", [{"fit": 1.0}, {**WEIGHTS, "fit": 0.5}, {**WEIGHTS, "fit": -0.25, "tie": 0.6}]
)
def test_weights_must_be_whole(weights):
    with pytest.raises(Refusal):
        ranked([], weights=weights)


def test_a_row_without_an_id_is_refused_by_number():
    with pytest.raises(Refusal, match="row 2"):
        ranked([{"firm_id": "1"}, {"name": "x"}])


def test_nobody_is_an_empty_list_not_an_error():
    assert ranked([]).entries == ()
