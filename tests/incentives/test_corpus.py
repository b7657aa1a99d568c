"""Real shapes of clauses, at the bound − 1 fen, at it, and 1 fen above."""

import datetime as dt
from pathlib import Path

import pytest
import yaml

from zhaoyin.incentives import Book

HERE = Path(__file__).parent / "corpus"
ON = dt.date(2020, 6, 1)
YI, WAN = 10**10, 10**6


@pytest.fixture(scope="module")
def book():
    return Book.parse({"clauses.yaml": (HERE / "clauses.yaml").read_text()})


def test_every_clause_is_in_data_or_in_the_list_with_the_reason(book):
    data = {int(p.id[1:]) for p in book.rules(ON).policies}
    listed = yaml.safe_load((HERE / "left_out.yaml").read_text())
    out = {*listed["cut_off"], *listed["no_stated_amount"], *listed["not_yet_in_data"]}
    assert data | out == set(range(1, 68))
    assert not data & out


# clause, the field at its bound, the bound in fen, other facts, amounts below / at / above (None: does not apply)
CASES = [
    ("c01", "项目投资", YI, {"设备技术软件投入": 2 * YI, "行业档": "二"}, (None, 2000 * WAN, 2000 * WAN)),
    ("c03", "总投资", 5 * YI, {"固定资产投资": YI}, (None, 400 * WAN, 400 * WAN)),
    ("c03", "总投资", 10 * YI, {"固定资产投资": 5 * YI}, (2000 * WAN, 3000 * WAN, 3000 * WAN)),
    ("c03", "总投资", 20 * YI, {"固定资产投资": 10 * YI}, (5000 * WAN, 8000 * WAN, 8000 * WAN)),
    ("c05", "固定资产投资", 5000 * WAN, {}, (None, 150 * WAN, 150 * WAN)),
    ("c12", "购房价", 4000 * WAN, {"建筑面积": 100_000}, (200 * WAN - 1, 200 * WAN, 200 * WAN)),
    ("c18", "当年融资额", 1000 * WAN, {}, (50 * WAN - 1, 50 * WAN, 50 * WAN)),
    ("c21", "实缴资本", 500 * WAN, {"子公司数": 3, "名录总部": False}, (None, 300 * WAN, 300 * WAN)),
    ("c21", "实缴资本", YI, {"子公司数": 0, "名录总部": True}, (600 * WAN, 1000 * WAN, 1000 * WAN)),
    ("c22", "上年纳税", 4000 * WAN, {}, (600 * WAN, 1000 * WAN, 1000 * WAN)),
    ("c24", "地方贡献增量", 30 * WAN, {"上年地方贡献": 100 * WAN}, (18 * WAN - 1, 21 * WAN, 21 * WAN)),
    ("c28", "地方贡献", 200 * WAN, {"上年纳税": 100 * WAN}, (180 * WAN - 1, 180 * WAN, 180 * WAN)),
    ("c53", "年租金", 10 * WAN, {}, (5 * WAN - 1, 5 * WAN, 5 * WAN)),
    (
        "c57",
        "首期固投",
        5 * YI,
        {},
        (50 * WAN - 1, 50 * WAN, 60 * WAN),
    ),  # the upper bound belongs to the lower band
    ("c58", "首期固投", YI, {}, (10 * WAN, 20 * WAN, 20 * WAN)),  # the lower bound belongs to the upper band
    ("c60", "到账金额", 1000 * WAN, {}, (3 * WAN - 1, 3 * WAN, 3 * WAN)),
]


@pytest.mark.parametrize(("clause", "field", "bound", "facts", "amounts"), CASES)
def test_one_fen_below_at_and_above_the_bound(book, clause, field, bound, facts, amounts):
    engine = book.engine(ON)
    for shift, wanted in zip((-1, 0, 1), amounts, strict=True):
        assert engine.assess({**facts, field: bound + shift}, ON)[clause].amount == wanted, shift


def test_what_has_no_single_figure_gives_a_range_a_rate_or_a_decision(book):
    found = book.assess(
        {
            "设备技术软件投入": "1亿元",
            "总投资": "30亿元",
            "固定资产投资": "1亿元",
            "到账外资": "6000万美元",
            "到账金额": "4亿元",
        },
        ON,
    )
    assert (found["c04"].range, found["c04"].amount) == ((100 * WAN, 500 * WAN), None)
    assert found["c08"].range == (0, 1000 * WAN)
    assert found["c34"].range == (800 * WAN, YI)
    assert found["c03"].status == "需审批"
    relief = found["c39"].policy.relief
    assert [relief.in_year(y) and float(relief.in_year(y)[1]) for y in (1, 5, 6, 10, 11)] == [
        0,
        0,
        0.5,
        0.5,
        None,
    ]


def test_climbing_a_list_pays_the_difference(book):
    assert book.assess({"榜单": "中国五百强", "已领奖励": "200万元"}, ON)["c25"].amount == 300 * WAN
