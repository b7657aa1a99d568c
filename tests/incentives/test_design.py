"""The worked example of the documentation, by hand."""

import datetime as dt
from pathlib import Path

import numpy as np
import pytest

from zhaoyin.incentives import Book

ON = dt.date(2020, 6, 1)
FIRM = {
    "成立年限": "1年", "总投资": "2000万元", "行业": "C39", "固定资产投资": "3000万元", "生产设备投资": "400万元",
    "智能化投资": "0元", "设备投资": "2725万元", "上年度综合贡献": "9000万元",
}  # fmt: skip


@pytest.fixture(scope="module")
def book():
    return Book.parse({"design.yaml": (Path(__file__).parent / "design.yaml").read_text()})


def test_gap_counterfactual_and_next_tier(book):
    found = book.assess(FIRM, ON)
    new = found["new-industry"]
    assert new.status == "不符合"
    assert [g.text() for g in new.missing] == ["要 总投资 ≥ 3,000万元，现为 2,000万元，还差 1,000万元"]
    assert new.change.amount == 150_000_000  # 3,000万 x 5 %
    upgrade = found["tech-upgrade"]
    assert (upgrade.status, upgrade.amount) == ("可享受", 40_875_000)  # 2,725万 x 1.5 %
    assert upgrade.next_tier.text() == "设备投资再加 275万元 → 54万元（合计 +13.125万元）"


def test_unknown_is_asked_for_with_the_most_valuable_first(book):
    found = book.assess(FIRM, ON)
    assert found["little-giant"].status == "待补充信息"
    assert found.question.field == "专精特新等级"
    assert found["interest"].range == (0, 28_875_000)  # 1,500万 x 3.85 % x 50 %
    assert found.provisional


def test_highest_of_a_group_replaces_the_other(book):
    found = book.assess({**FIRM, "总投资": "5000万元"}, ON)
    assert found["new-industry"].amount == 150_000_000
    assert found["tech-upgrade"].amount == 0
    assert found["tech-upgrade"].before == 40_875_000
    assert found["tech-upgrade"].replaced_by == "new-industry"
    assert dict(found["new-industry"].shares) == {"市": 75_000_000, "县": 75_000_000}


def test_discretion_gives_a_bound_and_no_figure(book):
    found = book.assess({**FIRM, "总投资": "5亿元", "固定资产投资": "4亿元"}, ON)
    assert found["new-industry"].status == "需审批"
    assert found["new-industry"].range == (0, 8_000_000_000)
    assert found["new-industry"].amount is None


@pytest.mark.parametrize(
    ("day", "state"),
    [(dt.date(2018, 9, 30), "未生效"), (dt.date(2021, 10, 1), "已失效"), (dt.date(2018, 10, 1), None)],
)
def test_versions_in_time(book, day, state):
    found = book.assess(FIRM, day)
    assert {entry[3] for entry in found.closed} == ({state} if state else set())
    assert bool(found.results) is (state is None)


def test_a_rate_without_a_value_on_the_day_is_unknown(book):
    firm = {
        "科技型企业": "是",
        "净资产": "500万元",
        "销售收入": "100万元",
        "年均贷款余额": "100万元",
        "实付利息": "9万元",
    }
    assert (
        book.assess({**firm, "上年度综合贡献": "1亿元"}, dt.date(2019, 1, 1))["interest"].status
        == "待补充信息"
    )
    assert book.assess({**firm, "上年度综合贡献": "1亿元"}, ON)["interest"].amount == 1_925_000  # 1.925万


def test_columns_give_the_same(book):
    table = {
        "成立年限": np.array([1, 3]), "行业": np.array(["C39", "C39"]), "总投资": np.array([5 * 10**9] * 2),
        "固定资产投资": np.array([3 * 10**9] * 2), "生产设备投资": np.array([4 * 10**8] * 2),
        "设备投资": np.array([272_500 * 10**4] * 2), "上年度综合贡献": np.array([10**8] * 2),
    }  # fmt: skip
    batch = book.assess_many(table, ON)
    assert batch.total.tolist() == [10**8, 40_875_000]  # the firm's cap of 100万 binds the first
