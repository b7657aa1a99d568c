import pytest

from zhaoyin.resolution import resolve_place


@pytest.mark.parametrize(
    ("written", "within", "code", "organ", "decision"),
    [
        ("招远市", "", "370685", "", "match"),
        ("山东省烟台市招远市罗峰街道", "", "370685001", "", "match"),
        ("罗峰街道", "370685", "370685001", "", "match"),
        ("罗丰街道", "370685", "370685001", "", "match"),
        ("碧果镇", "370685", "370685104", "", "match"),
        ("招远市商务局", "", "370685", "商务局", "match"),
        ("招远市罗丰街道办事处", "", "370685001", "办事处", "match"),
        ("烟台市人民政府", "", "370600", "人民政府", "match"),
    ],
)
def test_places_and_their_organs(written, within, code, organ, decision):
    found = resolve_place(written, within)
    assert found.decision == decision
    assert (found.divisions[0].code, found.organ) == (code, organ)
    assert found.reasons


@pytest.mark.parametrize("text", ["", "招金集团", "😀", "山", "某某公司有限", "中国"])
def test_what_is_no_place_is_new(text):
    assert resolve_place(text).decision == "new"


def test_a_name_borne_by_many_is_for_a_person():
    found = resolve_place("城关镇")
    assert found.decision == "review"
    assert "several-divisions" in {r.code for r in found.reasons}
