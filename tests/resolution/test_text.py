import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhaoyin.resolution import normalise, parse
from zhaoyin.resolution.text import coarse, sounds


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("ＡＢＢ（中国）有限公司", "ABB（中国）有限公司"),
        ("廈門維賽斯(集團) 有限公司", "厦门维赛斯（集团）有限公司"),
        ("招 金　集\t团\n", "招金集团"),
        ("招金集团😀", "招金集团"),
        ("招金\u200b集\x00团", "招金集团"),
        ("abb机器人【珠海】", "ABB机器人（珠海）"),
        ("", ""),
        ("——", ""),
    ],
)
def test_normalise(written, normal):
    assert normalise(written) == normal


@given(st.text(max_size=60))
def test_normalise_is_idempotent(text):
    once = normalise(text)
    assert normalise(once) == once


@given(st.text(st.characters(max_codepoint=0xFFFF), max_size=450))
def test_parse_loses_no_character_it_says_it_has(text):
    parts = parse(text)
    left = (parts.place + parts.core + parts.industry).replace("\ufffd", "")  # beyond the plane
    assert all(left.count(c) <= parts.name.count(c) for c in left)


@pytest.mark.parametrize(
    ("name", "place", "core", "industry", "form"),
    [
        ("山东招金集团有限公司", "山东", "招金", "", "有限公司"),
        ("招远市鲁鑫贵金属有限责任公司", "招远市", "鲁鑫", "贵金属", "有限责任公司"),
        ("恒和（广州）环保科技股份有限公司", "广州", "恒和", "环保科技", "股份有限公司"),
        ("梅朵珠宝", "", "梅朵", "珠宝", ""),
        ("烟台恒邦集团公司（招远）", "烟台招远", "恒邦", "", "公司"),
    ],
)
def test_parse(name, place, core, industry, form):
    parts = parse(name)
    assert (parts.place, parts.core, parts.industry, parts.form) == (place, core, industry, form)


def test_parse_branch():
    parts = parse("中国石化销售有限公司招远分公司")
    assert (parts.head, parts.branch) == ("中国石化销售有限公司", "招远分公司")


@pytest.mark.parametrize(
    ("a", "b"), [("zhong", "zong"), ("lan", "nan"), ("fu", "hu"), ("xin", "xing"), ("ren", "leng")]
)
def test_coarse_joins_what_dictation_confuses(a, b):
    assert coarse(a) == coarse(b)


def test_sounds():
    assert sounds("招金") == ["zhao", "jin"]
