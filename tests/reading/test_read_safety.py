"""Whatever text comes: no exception, evidence exact, bounded work."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zhaoyin.reading import read

TEXTS = Path(__file__).parent / "texts"
SCRAPS = [
    "县委书记王", "总投资", "3.5亿元", "的", "项目", "、", "等12个项目", "有限公司", "与", "签订", "《", "》", "“", "”",
    "（", "）", "\n", "\t", "|", "序号\t项目名称\t投资方\t总投资", "9月31日", "举行", "推介会", "经济开发区", "规划面积",
    "平方公里", "基金", "第一条", "記者", "項(xiàng)目", "等", "分别", "一是", "；", "。", "公司", "集团", "局", "会",
    "\u200b", "１２", "R&D", "占", "六成", "就", "达成", "落户", "镇", "片区", "在", "由", "投资建设",
]  # fmt: skip


def check(text: str) -> None:
    reading = read(text)
    assert reading.source == text
    for fact in reading.facts:
        start, end = fact.evidence
        assert 0 <= start < end <= len(text)
        for spans in fact.proofs.values():
            assert all(0 <= left < right <= len(text) for left, right in spans)
    schema = reading.to_schema()
    for section in ("events", "projects", "carriers", "people", "policies", "industry_claims"):
        for item in schema[section]:
            assert item["evidence"] in text
            assert item["evidence"].strip()
    assert all(name in text for name in schema["organisations"])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(SCRAPS), max_size=60).map("".join))
def test_scraps_of_announcements_never_break_it(text):
    check(text)


@settings(max_examples=80, deadline=None)
@given(st.text(max_size=300))
def test_any_text_never_breaks_it(text):
    check(text)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(sorted(TEXTS.glob("*.txt"))), st.data())
def test_cut_and_shuffled_texts_never_break_it(path, data):
    text = path.read_text(encoding="utf-8")
    left = data.draw(st.integers(0, len(text)))
    right = data.draw(st.integers(0, len(text)))
    noise = data.draw(st.sampled_from(SCRAPS))
    check(text[min(left, right) : max(left, right)] + noise + text[:left])


@pytest.mark.parametrize("path", sorted(TEXTS.glob("*.txt")), ids=lambda path: path.stem)
def test_every_stated_name_is_the_characters_of_its_proof(path):
    text = path.read_text(encoding="utf-8")
    reading = read(text)
    assert reading.facts
    for fact in reading.facts:
        for field in ("name", "title", "org", "venue", "place", "local_party", "amount_text", "area_text"):
            if field in fact.fields:
                assert text[slice(*fact.proofs[field][0])] == fact.fields[field], (field, fact)


@pytest.mark.parametrize(
    "text", ["", " ", "\n\n", "。", "\ufeff", "x" * 5000, "、" * 3000, "（" * 3000, "项目" * 3000]
)
def test_degenerate_texts(text):
    check(text)


def test_a_long_text_is_read_in_pieces_and_keeps_its_places():
    piece = (TEXTS / "promotion.txt").read_text(encoding="utf-8")
    text = piece * 40
    reading = read(text)
    assert len(reading.projects) >= 14
    last = max(fact.evidence.end for fact in reading.facts)
    assert last > len(text) // 2
    check(text)
