"""Plain text: every Chinese encoding, damage said in words, the source verbatim."""

import codecs

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhaoyin.base.errors import Refusal
from zhaoyin.reading.load import Limits, load

TEXT = (
    "6月27日，滨海新区举行第二季度招商引资项目集中签约仪式，共签约12个项目，总投资51.8亿元。\n"
    "会上，开发区管委会与深圳某某电子有限公司签订战略合作框架协议。\n"
)
TRADITIONAL = (
    "6月27日，濱海新區舉行第二季度招商引資項目集中簽約儀式，共簽約12個項目，總投資51.8億元。\n"
    "會上，開發區管委會與深圳某某電子有限公司簽訂戰略合作框架協議。\n"
)


@pytest.mark.parametrize(
    "codec",
    [
        "utf-8",
        "utf-8-sig",
        "utf-16",
        "utf-16-le",
        "utf-16-be",
        "utf-32",
        "gb18030",
        "gb2312",
        "hz",
    ],
)
def test_every_encoding_of_simplified_text_is_found(codec):
    document = load(TEXT.encode(codec), name="a.txt")
    assert document.source == TEXT
    assert not document.warnings


@pytest.mark.parametrize("codec", ["utf-8", "utf-16", "big5", "gb18030"])
def test_every_encoding_of_traditional_text_is_found_and_read_as_simplified(codec):
    document = load(TRADITIONAL.encode(codec), name="a.txt")
    assert document.source == TRADITIONAL
    assert document.script == "hant"
    assert document.text == TEXT


def test_source_of_a_text_file_is_the_decoded_file_verbatim():
    raw = "標題\r\n\r\n　　５月１日，甲公司(總部深圳)與乙方簽約。\r\n\tx\u200by\r\n"
    document = load(raw.encode(), name="a.txt")
    assert document.source == raw
    assert "5月1日，甲公司（总部深圳）与乙方签约" in document.text


def test_every_block_is_found_again_in_the_text():
    document = load("第一段。\n\n第二段(簡體)。\n".encode(), name="a.txt")
    found = [
        (document.source[b.start : b.end], document.text[left:right])
        for b, left, right in document.paragraphs()
    ]
    assert found == [("第一段。", "第一段。"), ("第二段(簡體)。", "第二段（简体）。")]


@pytest.mark.parametrize(
    ("data", "name", "code"),
    [
        (b"", "a.txt", "empty"),
        (b"  \r\n\t", "a.txt", "empty"),
        (codecs.BOM_UTF8, "a.txt", "empty"),
        (bytes(range(256)) * 40, "a.txt", "binary"),
        (b"\x00\x01\x02\x03" * 1000, "a.txt", "binary"),
        (b"\x7fELF\x02\x01" + b"\0" * 5000, "a.txt", "kind-exe"),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600 + "WordDocument".encode("utf-16-le"),
            "a.txt",
            "kind-doc",
        ),
        (b"{\\rtf1\\ansi abc}", "a.doc", "kind-rtf"),
        (b"anything at all", "a.wps", "kind-wps"),
        (b"Rar!\x1a\x07\x00aaaa", "a.rar", "kind-rar"),
    ],
)
def test_what_is_not_text_is_refused_by_name(data, name, code):
    with pytest.raises(Refusal) as caught:
        load(data, name=name)
    assert caught.value.code == code
    assert caught.value.zh and caught.value.en


def test_old_word_documents_are_refused_with_the_mend():
    data = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600 + "WordDocument".encode("utf-16-le")
    for name in ("a.doc", "a.wps"):
        with pytest.raises(Refusal) as caught:
            load(data, name=name)
        assert "另存为 .docx" in caught.value.zh
        assert ".docx" in caught.value.en


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(Refusal) as caught:
        load(tmp_path / "none.txt")
    assert caught.value.code == "no-file"
    with pytest.raises(Refusal):
        load(tmp_path)


def test_garbled_text_is_named_in_words():
    garbled = TEXT.encode("utf-8").decode("gb18030", errors="replace")
    assert [n.code for n in load(garbled.encode(), name="a.txt").warnings] == ["mojibake"]
    assert [n.code for n in load(("锟斤拷" * 30).encode(), name="a.txt").warnings] == ["mojibake"]
    assert [n.code for n in load(TEXT.encode().decode("latin-1").encode(), name="a.txt").warnings] == [
        "mojibake"
    ]


def test_a_text_cut_in_the_middle_of_a_character_is_read_and_marked():
    document = load(TEXT.encode()[:-5], name="a.txt")
    assert document.source == TEXT[:-3]
    assert document.partial
    assert [n.code for n in document.warnings] == ["bad-bytes"]


def test_text_beyond_the_limit_is_cut_and_marked():
    document = load(TEXT.encode(), name="a.txt", limits=Limits(characters=40))
    assert document.source == TEXT[:40]
    assert document.partial


def test_a_hundred_thousand_lines_are_read():
    document = load(("第一行，项目签约。\n" * 100_000).encode(), name="a.txt")
    assert len(document.blocks) == 100_000
    assert not document.partial


def test_too_large_a_file_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "large.txt"
    path.write_bytes(b"x" * 2000)
    with pytest.raises(Refusal) as caught:
        load(path, limits=Limits(file_bytes=1000))
    assert caught.value.code == "too-large"


def test_locating_in_plain_text_gives_characters():
    document = load(TEXT.encode(), name="a.txt")
    at = document.source.index("深圳某某电子有限公司")
    assert document.locate(at, at + 10).as_dict() == {"kind": "characters", "start": at, "end": at + 10}
    with pytest.raises(IndexError):
        document.locate(0, len(document.source) + 1)


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_any_text_keeps_every_character_findable(text):
    try:
        document = load(text.encode(), name="a.txt")
    except Refusal:
        return
    mapped = document.mapped
    assert len(mapped.starts) == len(mapped.ends) == len(mapped.text)
    assert all(a < b for a, b in zip(mapped.starts, mapped.ends, strict=True))
    assert list(mapped.starts) == sorted(mapped.starts)
    for block in document.blocks:
        assert document.locate(block.start, block.end).start == block.start


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400), st.sampled_from(["", "a.txt", "a.html", "a.csv", "a.docx", "a.pdf"]))
def test_any_bytes_give_a_document_or_a_refusal(data, name):
    try:
        document = load(data, name=name)
    except Refusal as refusal:
        assert refusal.zh and refusal.en and refusal.code
    else:
        assert document.source


@pytest.mark.parametrize(
    "line", ["时间:a" * 30 + "x" * 60 + "。", "首页>" * 50 + "。", "来源：" * 60, "（" * 200, "分享到 " * 50]
)
def test_lines_made_to_be_slow_are_not(line):
    # Each took exponential time with a careless pattern; a hang here is the failure.
    assert load(line.encode(), name="a.txt").source == line
