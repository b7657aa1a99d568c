"""Normalising keeps the place of every character."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhaoyin.reading.load.normalise import normalise, simplified


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("項(xiàng)目總(zǒng)投資", "项目总投资"),
        ("項（xiàng）目，他們(men)舉(jǔ)行會(huì)議", "项目，他们举行会议"),
        ("采用(jit)模式", "采用（jit）模式"),
        ("协议总金额1,200万元,占50%.", "协议总金额1,200万元，占50%."),
        ("会议召开.任海波要求,加快", "会议召开。任海波要求，加快"),
        ("时间:10-13 16:40", "时间：10-13 16:40"),
        ("甲公司(深圳)签约", "甲公司（深圳）签约"),
        ("５０００万元，面积１２．５亩", "5000万元，面积12.5亩"),
        ("签约１４家． 十堰", "签约14家。 十堰"),
        ("⼀个⽬标", "一个目标"),
        ("甲&nbsp;与&ldquo;乙&rdquo;R&amp;D<br/>签约</p>", "甲 与“乙”R&D\n签约\n"),
        ("a<b且c>d，x&y;", "a<b且c>d，x&y;"),
        ("招\u200b远\ufeff市\xad", "招远市"),
        ("甲\xa0乙\u3000丙丁", "甲 乙 丙丁"),
        ("通 知 书\n正文", "通知书\n正文"),
        ("投资强度R&D,占比3.5%", "投资强度R&D，占比3.5%"),
        ("网址www.abc.com,电话010-1234", "网址www.abc.com，电话010-1234"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("著名企業家乾隆後來的頭髮", "著名企业家乾隆后来的头发"),
    ],
)
def test_cleaning(raw, clean):
    mapped = normalise(raw)
    assert mapped.text == clean
    assert mapped.source == raw


def test_traditional_script_may_be_kept():
    assert normalise("總投資", simplify=False).text == "總投資"


def test_evidence_behind_a_cleaned_span_is_exact():
    raw = "公司將(jiāng)投資５億元，建設(shè)項(xiàng)\n目。"
    mapped = normalise(raw)
    at = mapped.text.index("投资5亿元")
    assert mapped.quote(at, at + 5) == "投資５億元"
    at = mapped.text.index("建设项")
    assert mapped.quote(at, at + 3) == "建設(shè)項"


def test_lines_set_to_a_width_are_joined_and_paragraphs_are_not():
    raw = (
        "    本网讯 十月十二日，浙江省安徽商会会长\n"
        "某某某带领考察团一行十八人来我县考察洽谈，\n"
        "先后实地察看了某某光显科技有限公司、某某精\n"
        "密压铸有限公司，产生了浓厚的兴趣，表示满意\n"
        "    座谈会上，某某某说这里紧邻合肥，工作在合\n"
        "肥、居住在舒城已成常态，希望浙商抓住机遇。\n"
    )
    text = normalise(raw).text
    assert "会长某某某带领" in text
    assert "某某精密压铸" in text
    assert "满意\n    座谈会上" in text


def test_lists_stay_lists():
    raw = "一、项目名称\n二、投资金额\n三、建设地点\n（一）甲项目\n1.乙项目\n2.丙项目\n"
    assert normalise(raw).text == raw


def test_a_line_after_a_comma_continues():
    assert normalise("涉及黄金、\n新材料等产业。").text == "涉及黄金、新材料等产业。"
    assert normalise("涉及黄金\n、新材料等产业。").text == "涉及黄金、新材料等产业。"


def test_dropped_spans_are_gone_and_the_rest_keeps_its_place():
    raw = "正文一\n- 3 -\n正文二"
    mapped = normalise(raw, drop=[(4, 9)])
    assert "3" not in mapped.text
    at = mapped.text.index("正文二")
    assert mapped.quote(at, at + 3) == "正文二"


CHARS = st.one_of(
    st.characters(codec="utf-8"),
    st.sampled_from("項(xiàng)目，。,.:;()（）１２３ＡＢ \n\r\t\u200b\u3000\xad⼀們將“”、.．"),
)


@settings(max_examples=300, deadline=None)
@given(st.text(CHARS, max_size=300))
def test_the_map_never_runs_backwards_and_never_leaves_the_source(raw):
    mapped = normalise(raw)
    assert len(mapped.text) == len(mapped.starts) == len(mapped.ends)
    last = 0
    for start, end in zip(mapped.starts, mapped.ends, strict=True):
        assert last <= start < end <= len(raw)
        last = start


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200))
def test_simplifying_keeps_the_length(raw):
    assert len(simplified(raw)) == len(raw)


@settings(max_examples=100, deadline=None)
@given(st.text(CHARS, max_size=200))
def test_normalising_twice_changes_characters_no_further(raw):
    once = normalise(raw, wraps=False).text
    assert normalise(once, wraps=False, simplify=False).text.count("\u200b") == 0
    assert len(normalise(once, wraps=False).text) <= len(once)
