"""What the rules leave out of the figures by themselves, row by row, and a pack that changes them."""

import datetime as dt

import pytest

from zhaoyin.base.errors import Refusal
from zhaoyin.lifecycle import Rules, Signing, exclusion, industry_code

RULES = Rules.load()
FIVE_THOUSAND_WAN = 5_000 * 10**6


def pack(tmp_path, text):
    (tmp_path / "rules.yaml").write_text(f"exclusions:\n{text}", encoding="utf-8")
    return Rules.load(tmp_path)


def signing(**known):
    return Signing(
        **{
            "sector": "黄金",
            "amount": FIVE_THOUSAND_WAN,
            "fact_on": dt.date(2026, 3, 2),
            "recorded_on": dt.date(2026, 3, 3),
        }
        | known
    )


def test_what_the_specification_names_is_left_out_by_default():
    assert list(RULES.exclusions) == [
        "own_area", "second_phase", "public_funds", "real_estate", "retail", "duplicate", "threshold", "rushed",
    ]  # fmt: skip
    assert all(row.active and row.zh and row.en for row in RULES.exclusions.values())
    assert (
        RULES.exclusions["threshold"].below is None
    )  # 3,000万, 5,000万, 1亿: no two places agree, so none is shipped


@pytest.mark.parametrize(
    ("known", "code", "why"),
    [
        ({}, None, ""),
        ({"industries": ("7010",)}, "real_estate", "7010"),
        ({"industries": ("K7010 房地产开发经营",)}, "real_estate", "7010"),
        ({"industries": ("7010", "7040")}, "real_estate", "7010、7040"),
        ({"industries": ("7010", "3061")}, None, ""),  # one of the investors builds something else
        ({"industries": ("房地产",)}, None, ""),  # words are no code
        ({"industries": ("5212", "")}, "retail", "5212"),
        ({"industries": ("2670",)}, None, ""),
        ({"sector": "房地产"}, "real_estate", "房地产"),
        ({"sector": " 零售 "}, "retail", "零售"),
        ({"sector": "房地产建材"}, None, ""),
        ({"amount": 1}, None, ""),  # no threshold is shipped
        ({"recorded_on": dt.date(2027, 6, 1)}, "rushed", "2026-03-02"),
        ({"recorded_on": dt.date(2027, 2, 1)}, None, ""),
        ({"recorded_on": None}, None, ""),
        ({"industries": ("7010",), "sector": "零售"}, "real_estate", "7010"),  # the first row that fits
    ],
)
def test_each_row_by_what_it_sees(known, code, why):
    found = exclusion(signing(**known), RULES)
    assert (found.code if found else None) == code
    if found:
        assert why in found.zh and found.en and "。" not in found.zh


def test_a_threshold_of_a_pack(tmp_path):
    rules = pack(tmp_path, "- {code: threshold, below: 5000万元}\n")
    found = exclusion(signing(amount=FIVE_THOUSAND_WAN - 1), rules)
    assert found.code == "threshold" and "5000万元" in found.zh.replace(",", "")
    assert exclusion(signing(amount=FIVE_THOUSAND_WAN), rules) is None
    assert exclusion(signing(amount=None), rules) is None  # unknown is not small


def test_a_clock_of_a_pack_counts_working_days(tmp_path):
    rules = pack(tmp_path, "- {code: rushed, recorded_after: 5}\n")
    monday = dt.date(2026, 3, 2)
    assert exclusion(signing(fact_on=monday, recorded_on=dt.date(2026, 3, 9)), rules) is None  # the fifth
    found = exclusion(signing(fact_on=monday, recorded_on=dt.date(2026, 3, 10)), rules)
    assert found.code == "rushed" and "6 个工作日" in found.zh and "6 working days" in found.en


def test_a_switch_turned_off_lets_it_count(tmp_path):
    rules = pack(tmp_path, "- {code: real_estate, active: false}\n")
    assert exclusion(signing(industries=("7010",)), rules) is None
    assert rules.exclusions["real_estate"].zh == "房地产" and rules.exclusions["retail"].active


@pytest.mark.parametrize(
    ("row", "where"),
    [
        ("{code: retail, active: maybe}", "retail.active"),
        ("{code: retail, on: false}", "retail.True"),  # YAML reads a bare `on` as true
        ("{code: retail, industry: 52}", "retail.industry"),
        ("{code: retail, industry: ['F']}", "retail.industry"),
        ("{code: threshold, below: 5000}", "threshold.below"),
        ("{code: threshold, below: 很多}", "threshold.below"),
        ("{code: threshold, below: 500万美元}", "threshold.below"),
        ("{code: threshold, below: 0万元}", "threshold.below"),
        ("{code: rushed, recorded_after: 0}", "rushed.recorded_after"),
        ("{code: rushed, recorded_after: soon}", "rushed.recorded_after"),
        ("{code: rushed, colour: red}", "rushed.colour"),
    ],
)
def test_a_row_written_wrongly_is_named_with_its_mend(tmp_path, row, where):
    with pytest.raises(Refusal) as caught:
        pack(tmp_path, f"- {row}\n")
    assert caught.value.code == "lifecycle.exclusion.value" and caught.value.where == where
    assert caught.value.zh.endswith("。") and where.split(".")[0] in caught.value.zh


@pytest.mark.parametrize(
    ("text", "code"),
    [("7010", "7010"), (" K70 房地产", "70"), ("C", ""), ("70101", ""), ("房地产 7010", ""), ("", "")],
)
def test_codes_as_people_write_them(text, code):
    assert industry_code(text) == code
