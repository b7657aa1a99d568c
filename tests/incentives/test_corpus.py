"""Real shapes of clauses, at the bound − 1 fen, at it, and 1 fen above."""

import datetime as dt
import re
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
import yaml

from zhaoyin.incentives import Book, sql
from zhaoyin.incentives.check import check
from zhaoyin.incentives.ledger import Award, due, settle

HERE = Path(__file__).parent / "corpus"
ON = dt.date(2020, 6, 1)
LATER = dt.date(2024, 6, 1)  # the clauses of 2023
YI, WAN = 10**10, 10**6
PARK = {"园区企业": True}
OF_2023 = {"c47", "c48", "c49", "c53", "c55"}
YOUTH = {"港澳青年企业": True, "实际经营年数": 1, "享受年次": 1}


@pytest.fixture(scope="module")
def book():
    return Book.parse({p.name: p.read_text() for p in HERE.glob("*.yaml") if p.stem != "left_out"})


def test_every_clause_is_in_data_or_in_the_list_with_the_reason(book):
    written = {p.id for day in (ON, LATER) for p in book.rules(day).policies}
    data = {int(re.match(r"c(\d+)", id_)[1]) for id_ in written}
    listed = yaml.safe_load((HERE / "left_out.yaml").read_text())
    out = {*listed["cut_off"], *listed["within"]}
    assert data | out == set(range(1, 68))
    assert not data & out
    assert set(listed["partly"]) <= data
    assert all(reason for part in listed.values() for reason in part.values())


def test_eligibility_combination_ranges_and_years(book):
    report = check(book, ON)
    assert report.tests > 100
    assert [f.zh for f in report.findings if f.level == "error"] == []


# clause, the field at its bound, the bound in fen, other facts, amounts below / at / above (None: does not apply)
CASES = [
    ("c01", "项目投资", YI, {"设备技术软件投入": 2 * YI, "行业档": "二"}, (None, 2000 * WAN, 2000 * WAN)),
    ("c03", "总投资", 5 * YI, {"固定资产投资": YI}, (None, 400 * WAN, 400 * WAN)),
    ("c03", "总投资", 10 * YI, {"固定资产投资": 5 * YI}, (2000 * WAN, 3000 * WAN, 3000 * WAN)),
    ("c03", "总投资", 20 * YI, {"固定资产投资": 10 * YI}, (5000 * WAN, 8000 * WAN, 8000 * WAN)),
    ("c05", "固定资产投资", 5000 * WAN, {}, (None, 150 * WAN, 150 * WAN)),
    ("c12", "购房价", 4000 * WAN, {"建筑面积": 100_000}, (200 * WAN - 1, 200 * WAN, 200 * WAN)),
    ("c18", "当年融资额", 1000 * WAN, PARK, (50 * WAN - 1, 50 * WAN, 50 * WAN)),
    ("c21", "实缴资本", 500 * WAN, {"子公司数": 3, "名录总部": False}, (None, 300 * WAN, 300 * WAN)),
    ("c21", "实缴资本", YI, {"子公司数": 0, "名录总部": True}, (600 * WAN, 1000 * WAN, 1000 * WAN)),
    ("c22", "上年纳税", 4000 * WAN, {}, (600 * WAN, 1000 * WAN, 1000 * WAN)),
    ("c24", "地方贡献增量", 30 * WAN, {"上年地方贡献": 100 * WAN}, (18 * WAN - 1, 21 * WAN, 21 * WAN)),
    ("c28", "地方贡献", 200 * WAN, {"上年纳税": 100 * WAN}, (180 * WAN - 1, 180 * WAN, 180 * WAN)),
    ("c53", "年租金", 10 * WAN, YOUTH, (5 * WAN - 1, 5 * WAN, 5 * WAN)),
    (
        "c57",
        "首期固投",
        5 * YI,
        {"到位月数": 12},
        (50 * WAN - 1, 50 * WAN, 60 * WAN),
    ),  # the upper bound belongs to the lower band
    ("c58", "首期固投", YI, {}, (10 * WAN, 20 * WAN, 20 * WAN)),  # the lower bound belongs to the upper band
    ("c21", "实缴资本", 5000 * WAN, {"子公司数": 3, "名录总部": False}, (300 * WAN, 600 * WAN, 600 * WAN)),
    (
        "c21",
        "实缴资本",
        100000 * WAN,
        {"子公司数": 3, "名录总部": False},
        (1000 * WAN, 1500 * WAN, 1500 * WAN),
    ),
    (
        "c21",
        "实缴资本",
        200000 * WAN,
        {"子公司数": 3, "名录总部": False},
        (1500 * WAN, 2000 * WAN, 2000 * WAN),
    ),
    ("c22", "上年纳税", 1000 * WAN, {}, (None, 300 * WAN, 300 * WAN)),
    ("c22", "上年纳税", 2000 * WAN, {}, (300 * WAN, 600 * WAN, 600 * WAN)),
    ("c22", "上年纳税", 8000 * WAN, {}, (1000 * WAN, 1500 * WAN, 1500 * WAN)),
    ("c22", "上年纳税", 10000 * WAN, {}, (1500 * WAN, 2000 * WAN, 2000 * WAN)),
    ("c24", "地方贡献增量", 10 * WAN, {"上年地方贡献": 100 * WAN}, (None, 6 * WAN, 6 * WAN)),
    ("c24", "地方贡献增量", 60 * WAN, {"上年地方贡献": 100 * WAN}, (42 * WAN - 1, 48 * WAN, 48 * WAN)),
    ("c24", "地方贡献增量", 625 * WAN, {"上年地方贡献": 100 * WAN}, (500 * WAN - 1, 500 * WAN, 500 * WAN)),
    ("c28", "上年纳税", 100 * WAN, {"地方贡献": 10 * WAN}, (None, 9 * WAN, 9 * WAN)),
    ("c28", "地方贡献", 500 * WAN, {"上年纳税": 100 * WAN}, (465 * WAN - 1, 465 * WAN, 465 * WAN)),
    (
        "c01",
        "设备技术软件投入",
        3 * YI,
        {"项目投资": YI, "行业档": "二"},
        (3000 * WAN - 1, 3000 * WAN, 3000 * WAN),
    ),
    ("c05", "固定资产投资", 2_000 * WAN * 100 // 3 + 1, {}, (1_999_999_999, 2000 * WAN, 2000 * WAN)),
    ("c10", "建筑面积", 10_000_000, {"建设成本": YI}, (None, 1000 * WAN, 1000 * WAN)),
    ("c11", "建筑面积", 5_000_000, {"建设成本": YI}, (None, 800 * WAN, 800 * WAN)),
    ("c11", "建筑面积", 10_000_000, {"建设成本": YI}, (800 * WAN, None, None)),
    ("c12", "建筑面积", 100_000, {"购房价": YI}, (None, 200 * WAN, 200 * WAN)),
    ("c55", "引进户数", 10, {"实际经营年数": 1}, (9 * WAN, 10 * WAN, 10 * WAN)),
    ("c46", "月数", 60, {**PARK, "全职毕业生": True}, (295 * 10**4, 3 * WAN, 3 * WAN)),
    ("c47", "月数", 6, {"港澳实习生": True, "名录内基地": True}, (15 * 10**5, 18 * 10**5, 18 * 10**5)),
    (
        "c48",
        "月数",
        24,
        {"港澳青年满一年": True, "符合人才公寓条件": True, "住人才公寓": False},
        (345 * 10**4, 360 * 10**4, 360 * 10**4),
    ),
    (
        "c49",
        "人数",
        5,
        {"港澳青年满一年": True, "指定一处基地": True, "年数": 2},
        (240 * 10**4, 3 * WAN, 3 * WAN),
    ),
    (
        "c49",
        "年数",
        2,
        {"港澳青年满一年": True, "指定一处基地": True, "人数": 5},
        (150 * 10**4, 3 * WAN, 3 * WAN),
    ),
    ("c07", "月数", 36, {"规上企业": True, "租用面积": 100_000}, (35 * WAN, 36 * WAN, 36 * WAN)),
    ("c57", "首期固投", YI, {"到位月数": 12}, (None, 10 * WAN, 10 * WAN)),
    ("c57", "首期固投", 10 * YI, {"到位月数": 18}, (120 * WAN - 1, 120 * WAN, 150 * WAN)),
    ("c58", "首期固投", 5000 * WAN, {}, (None, 10 * WAN, 10 * WAN)),
    ("c58", "首期固投", 15 * YI // 10, {}, (20 * WAN, None, None)),
    ("c60", "到账金额", YI, {}, (39 * WAN - 1, 39 * WAN, 39 * WAN)),
    ("c60", "到账金额", 1000 * WAN, {}, (3 * WAN - 1, 3 * WAN, 3 * WAN)),
    (
        "c06",
        "固定资产投资",
        5000 * WAN,
        {
            "亩均投资": 2,
            "省亩均投资标准": 2,
            "亩均税收": 1,
            "省亩均税收标准": 1,
            "投产年次": 1,
            "地方贡献": 9,
        },
        (None, 9, 9),
    ),
    (
        "c06",
        "亩均税收",
        20 * WAN,
        {
            "固定资产投资": YI,
            "亩均投资": 2,
            "省亩均投资标准": 2,
            "省亩均税收标准": 20 * WAN,
            "投产年次": 5,
            "地方贡献": 9,
        },
        (None, 4, 4),
    ),
    ("c15", "固定资产投资", 1000 * WAN, {"行业": "C39", "投产年次": 1, "县级所得税": 7}, (None, 7, 7)),
    ("c19", "基准利息", YI // 30, {**PARK, "贴息年次": 2}, (99_999_999, 99_999_999, 100 * WAN)),
    ("c26", "地方贡献", 20 * WAN, {"自用面积": 300_000}, (20 * WAN - 1, 20 * WAN, 20 * WAN)),
    (
        "c27",
        "地方贡献",
        25 * WAN,
        {"平方米月租金": 5000, "月数": 18, "租用面积": 100_000, "人数": 100},
        (25 * WAN - 1, 25 * WAN, 25 * WAN + 1),
    ),
    (
        "c29",
        "上年财力",
        6_700_000_000,
        {"前年财力": 33_333_333, "大前年财力": 0},
        (1_999_999_999, 2000 * WAN, 2000 * WAN),
    ),
    (
        "c31",
        "营业收入",
        100 * YI,
        {"世界五百强成员": True, "子公司级次": 2, "上年纳税": 2 * YI},
        (None, None, 5000 * WAN),
    ),
    (
        "c31",
        "上年纳税",
        2 * YI,
        {"世界五百强成员": True, "子公司级次": 0, "营业收入": 101 * YI},
        (None, 5000 * WAN, 5000 * WAN),
    ),
    (
        "c32",
        "上年纳税",
        500 * WAN,
        {"民营制造业": True, "亩均税收": 30 * WAN, "县级增值税": 300, "上年县级增值税": 200},
        (None, 20, 20),
    ),
    (
        "c32",
        "上年纳税",
        1000 * WAN,
        {"民营制造业": True, "亩均税收": 30 * WAN, "县级增值税": 300, "上年县级增值税": 200},
        (20, 25, 25),
    ),
    (
        "c32",
        "上年纳税",
        YI,
        {"民营制造业": True, "亩均税收": 30 * WAN, "县级增值税": 300, "上年县级增值税": 200},
        (25, 30, 30),
    ),
    (
        "c32",
        "亩均税收",
        30 * WAN,
        {"民营制造业": True, "上年纳税": YI, "县级增值税": 300, "上年县级增值税": 200},
        (None, 30, 30),
    ),
    (
        "c32-top50",
        "县级增值税",
        1100 * WAN,
        {"民营制造业": True, "五十强": True, "上年县级增值税": 1000 * WAN, "前三年县级增值税合计": 300 * WAN},
        (None, 400 * WAN, 400 * WAN),
    ),
    ("c35", "省级贡献", YI, {"外资总部": True}, (None, None, 3000 * WAN)),
    ("c59", "到账金额", 5000 * WAN, {}, (None, 25_000 * 100, 25_000 * 100)),
    ("c59", "到账金额", 300 * YI // 10, {}, (150 * WAN - 1, 150 * WAN, 150 * WAN)),
    ("c60", "到账金额", 1000 * WAN, {"高技术引进": True}, (3_299_999, 33 * WAN // 10, 33 * WAN // 10)),
    ("c60-funds", "引进无偿资金", 1000 * WAN, {"引进贷款": 0}, (100 * WAN - 1, 100 * WAN, 100 * WAN)),
]


@pytest.mark.parametrize(("clause", "field", "bound", "facts", "amounts"), CASES)
def test_one_fen_below_at_and_above_the_bound(book, clause, field, bound, facts, amounts):
    on = LATER if clause in OF_2023 else ON
    engine = book.engine(on)
    for shift, wanted in zip((-1, 0, 1), amounts, strict=True):
        assert engine.assess({**facts, field: bound + shift}, on)[clause].amount == wanted, shift


RANGES = [
    (
        "c08",
        "设备技术软件投入",
        3 * YI,
        {"制造业项目": True},
        [(0, 3000 * WAN - 1), (0, 3000 * WAN), (0, 3000 * WAN)],
    ),
    ("c09", "技改投入", 1500 * WAN, {}, [(0, 300 * WAN - 1), (0, 300 * WAN), (0, 300 * WAN)]),
    (
        "c30",
        "营业收入",
        30 * YI,
        {"五百强区域总部": True, "地方贡献": 0},
        [(0, 1000 * WAN), (0, 2000 * WAN), (0, 2000 * WAN)],
    ),
    (
        "c30",
        "地方贡献",
        2000 * WAN,
        {"五百强区域总部": True, "营业收入": 0},
        [None, (0, 1000 * WAN), (0, 1000 * WAN)],
    ),
    (
        "c34",
        "到账外资",
        5000 * WAN,
        {"外资方式": "新设", "到账金额": 3 * YI},
        [None, None, (600 * WAN, YI)],
    ),
    (
        "c34",
        "到账外资",
        3000 * WAN,
        {"外资方式": "增资", "到账金额": 2 * YI},
        [None, None, (400 * WAN, YI)],
    ),
]


@pytest.mark.parametrize(("clause", "field", "bound", "facts", "ranges"), RANGES)
def test_a_range_one_fen_below_at_and_above_the_bound(book, clause, field, bound, facts, ranges):
    engine = book.engine(ON)
    found = [engine.assess({**facts, field: bound + shift}, ON)[clause] for shift in (-1, 0, 1)]
    assert [r.range for r in found] == ranges
    assert all(r.amount is None for r in found)


def test_what_has_no_single_figure_gives_a_range_a_rate_or_a_decision(book):
    found = book.assess(
        {
            "设备技术软件投入": "1亿元",
            "制造业项目": True,
            "总投资": "30亿元",
            "固定资产投资": "1亿元",
            "外资方式": "新设",
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


def test_a_quota_of_ten_goes_by_the_order_of_application(book):
    table = pa.table({"赛事获奖": [True] * 12, "落户本区": [True] * 12, "申请次序": list(range(12, 0, -1))})
    done = book.assess_many(table, LATER)
    assert done.final.tolist() == [0, 0] + [10 * WAN] * 10


def test_a_broken_promise_is_paid_back(book):
    granted = dt.date(2020, 1, 1)
    for clause, fact, broken in (
        ("c38", "已撤资", True),
        ("c66-a", "骗取资金", True),
        ("c37", "外汇目标达成", False),
    ):
        rules = book.rules(ON)
        award = Award(rules.policies[rules.index(clause)], granted, 30 * WAN, 30 * WAN)
        judged = dt.date(2021, 1, 1)
        assert [(e.kind, e.amount) for e in settle(award, {fact: broken}, judged)] == [("recover", 30 * WAN)]
        assert settle(award, {fact: not broken}, judged) == []
    rules = book.rules(ON)
    award = Award(rules.policies[rules.index("c38")], granted, 30 * WAN, 30 * WAN)
    assert settle(award, {"已撤资": True}, dt.date(2025, 1, 2)) == []  # five years are over


def test_what_was_granted_in_time_is_still_paid_after_the_policy_ended(book):
    rules = book.rules(LATER)
    award = Award(rules.policies[rules.index("c53")], LATER, 5 * WAN)
    after = dt.date(2026, 12, 1)
    assert due(award, {}, after).amount == 5 * WAN
    assert [
        (e.kind, e.amount)
        for e in settle(Award(award.policy, LATER, 5 * WAN, 5 * WAN), {"违背书面承诺": True}, after)
    ] == [("recover", 5 * WAN)]


def test_money_for_another_party_names_it(book):
    rules = book.rules(ON)
    payee = {
        id_: rules.policies[rules.index(id_)].payees for id_ in ("c20", "c20-newcomer", "c32", "c36-refund")
    }
    assert payee == {
        "c20": ("链主",),
        "c20-newcomer": ("新企业",),
        "c32": ("乡镇",),
        "c36-refund": ("设区市",),
    }


def test_columns_and_duckdb_give_the_same_to_the_fen(book):
    """Every written case as one table, clause by clause."""
    inputs = [
        {k: v.text() for k, v in case.need("input").map().items()}
        for file in book.library.files
        for case in file.nodes("tests")
    ]
    rows = [book.dictionary.applicant(i) for i in inputs]
    kinds = {"是否": pa.bool_(), "类别": pa.string(), "行业": pa.string()}
    table = pa.table(
        {"_row": pa.array(range(len(rows)))}
        | {
            n: pa.array([r.get(n) for r in rows], kinds.get(e.type, pa.int64()))
            for n, e in book.dictionary.fields.items()
        }
    )
    for day in (ON, LATER):
        rules, engine = book.rules(day), book.engine(day)
        batch = book.assess_many(table, day)
        with duckdb.connect(config={"threads": 1}) as con:
            con.register("firms", table)
            names = {n: f'"{n}"' for n in book.dictionary.fields}
            query = sql.Writer(rules, book.dictionary, sql.DUCKDB).query("firms", names).text
            answer = con.execute(f"{query} ORDER BY {sql.ROW}").fetchnumpy()
        hand = [engine.pay(row) for row in rows]
        for k, policy in enumerate(rules.policies):
            states = [codes[k] for codes, _ in hand]
            paid = [fen.get(k, 0) for _, fen in hand]
            granted = [0] * batch.n
            for row, fen in zip(batch.rows[k].tolist(), batch.granted[k].tolist(), strict=True):
                granted[row] = fen
            assert states == batch.status(k).tolist() == answer[f"s{k}"].tolist(), policy.id
            assert paid == granted == answer[f"g{k}"].tolist(), policy.id


CHOSEN = """schema: policy/1
document: {id: chosen, title: 按条件选用的比例}
fields: {投资: {type: 金额}, 增速: {type: 比例}, 人数: {type: 整数, unit: 人}, 高新: {type: 是否}}
parameters: {利率: {values: [[2010-01-01, 4%]]}}
policies:
- {id: rate, amount: {rate: "3‰ if 高新 else 2‰", of: 投资}}
- {id: least, amount: {value: "投资 * min(利率, 5%)"}}
- {id: half, amount: {rate: "max(利率, 5%) * 50%", of: 投资}}
- {id: mixed, amount: {rate: "(5% if 高新 else 利率) - 1%", of: 投资}}
- {id: ratio, when: "增速 >= (10% if 高新 else 20.5%)", amount: 1元}
- {id: count, when: "人数 >= (1.5 if 高新 else 2)", amount: 1元}
"""


@pytest.mark.parametrize(
    ("new", "wanted"),
    [
        (True, [75 * 10**4, 10**7, 625 * 10**4, 10**7, 100, None]),
        (False, [5 * 10**5, 10**7, 625 * 10**4, 75 * 10**5, None, None]),
    ],
)
def test_a_rate_chosen_by_a_condition_multiplies(new, wanted):
    book = Book.parse({"chosen.yaml": CHOSEN})
    firm = {"投资": "250万元", "增速": "10%", "人数": 1, "高新": new}
    assert [r.amount for r in book.assess(firm, ON).results] == wanted
    early = book.assess(firm, dt.date(2005, 1, 1))  # the rate has no value yet
    assert early["least"].status == early["half"].status == "待补充信息"
    assert early["mixed"].amount == (10**7 if new else None)


def test_no_clause_stands_without_a_case(book):
    written = {p.id for day in (ON, LATER) for p in book.rules(day).policies}
    cased = {clause for clause, *_ in (*CASES, *RANGES)}
    for file in book.library.files:
        for case in file.nodes("tests"):
            cased |= set(case.need("expect").map())
    assert written - cased == set()
