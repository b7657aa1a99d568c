"""What a person can get wrong is a sentence with file, line and mend; never a silent zero, never another exception."""

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhaoyin.base.errors import Refusal
from zhaoyin.incentives import Book

ON = dt.date(2026, 1, 1)
HEAD = """schema: policy/1
document: {id: d, title: 办法}
fields: {投资: {type: 金额}, 产值: {type: 金额}, 人数: {type: 整数, unit: 人}, 类: {type: 类别, options: [甲, 乙]}}
"""


def policy(body, tail=""):
    return HEAD + "policies:\n- id: p\n" + body + tail


WRONG = {
    "a bare number for money": (policy("  when: 投资 >= 500\n  amount: 1万元\n"), "policy.unit", 6),
    "a count against money": (policy("  when: 投资 >= 500人\n  amount: 1万元\n"), "policy.unit", 6),
    "another unit of count": (policy("  when: 人数 >= 3年\n  amount: 1万元\n"), "policy.unit", 6),
    "an unknown field": (policy("  when: 投咨 >= 500万元\n  amount: 1万元\n"), "policy.field", 6),
    "an unknown option": (policy("  when: 类 == '丙'\n  amount: 1万元\n"), "policy.option", 6),
    "an unknown key": (policy("  amonut: 1万元\n"), "policy.key", 6),
    "a let in a circle": (policy('  let: {子: "丑 * 2", 丑: "子 + 1万元"}\n  amount: {value: 子}\n'), "policy.cycle", 6),
    "overlapping bands": (
        policy("  amount: {tiers: {mode: whole, of: 投资, table: [[500万元, 1%], [300万元, 2%]]}}\n"), "policy.tiers", 6,
    ),
    "bands that run into each other": (
        policy("  amount: {tiers: {mode: whole, of: 投资, table: [[1万元, 5万元, 1%], [3万元, 2%]]}}\n"), "policy.tiers", 6,
    ),
    "an amount that overflows": (policy('  amount: {value: "投资 * 人数"}\n'), "policy.overflow", 6),
    "a literal that overflows": (policy("  amount: {fixed: 99999999999999亿元}\n"), "policy.overflow", 6),
    "a budget of zero": (
        policy("  amount: 1万元\n", "budgets:\n- {members: [p], amount: 0元, on_excess: pro_rata}\n"), "policy.budget", 8,
    ),
    "instalments short of the whole": (policy("  amount: 1万元\n  instalments: [{pct: 40%}]\n"), "policy.share", 7),
    "an alias": (policy("  amount: &a 1万元\n"), "policy.alias", 6),
    "a tag": (policy("  amount: !!python/object:os.system x\n"), "policy.tag", 6),
    "code": (policy("  when: __import__('os').system('x')\n  amount: 1万元\n"), "policy.syntax", 6),
    "division by what varies": (policy('  amount: {value: "投资 / 人数"}\n'), "policy.division", 6),
    "brackets without end": (policy("  when: " + "(" * 5000 + "\n  amount: 1万元\n"), "policy.length", 6),
    "deep brackets": (policy("  when: " + "(" * 200 + "\n  amount: 1万元\n"), "policy.depth", 6),
    "a key twice": (policy("  amount: 1万元\n  amount: 2万元\n"), "policy.duplicate", 7),
    "dates backwards": (HEAD + "valid: {from: 2026-01-01, to: 2025-01-01}\npolicies: []\n", "policy.dates", 4),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_file_is_refused_with_file_line_and_mend(name):
    text, code, line = WRONG[name]
    with pytest.raises(Refusal) as refused:
        Book.parse({"办法.yaml": text})
    assert refused.value.code == code
    assert refused.value.where == f"办法.yaml:{line}"
    assert f"办法.yaml 第 {line} 行" in refused.value.zh and refused.value.en


def test_a_bomb_of_aliases_is_refused_before_it_grows():
    rows = ["a: &a [x, x]"] + [f"{b}: &{b} [*{a}, *{a}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True)]
    with pytest.raises(Refusal, match="anchors"):
        Book.parse({"bomb.yaml": "\n".join(rows)})


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="投资产值人数类甲 ><=+-*/()[]{}'\"万元%0123456789.andorint,：\n", max_size=40))
def test_any_text_as_a_condition_reads_or_is_refused(text):
    quoted = "'" + text.replace("'", "''").replace("\n", " ") + "'"
    try:
        Book.parse({"f.yaml": policy(f"  when: {quoted}\n  amount: 1万元\n")})
    except Refusal as refusal:
        assert refusal.zh and refusal.en and refusal.where.startswith("f.yaml:")


def test_half_the_data_missing_is_a_question_not_a_zero():
    book = Book.parse(
        {
            "f.yaml": policy(
                "  when: 人数 >= 3人\n  amount: {rate: 5%, of: 投资}\n  cap: {per: project, max: 9万元}\n"
            )
        }
    )
    found = book.assess({"投资": "100万元"}, ON)["p"]
    assert (found.status, found.amount, found.range, found.asks) == (
        "待补充信息",
        None,
        (0, 5_000_000),
        ("人数",),
    )
    assert book.assess({}, ON)["p"].range == (0, 9_000_000)


@pytest.mark.parametrize("value", [500, "500", "500人", "很多", "-3万元", "1e9万元", "0.001分", True])
def test_an_answer_that_does_not_read_names_the_field(value):
    book = Book.parse({"f.yaml": policy("  amount: {rate: 5%, of: 投资}\n")})
    with pytest.raises(Refusal) as refused:
        book.assess({"投资": value}, ON)
    assert refused.value.where == "投资"
