"""Word documents."""

import importlib.util
import io
from pathlib import Path

import pytest

from zhaoyin.base.errors import Refusal
from zhaoyin.reading.load import Limits, load

_spec = importlib.util.spec_from_file_location("making", Path(__file__).with_name("making.py"))
making = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(making)
docx, p, WORD = making.docx, making.p, making.WORD


def test_paragraphs_headings_and_tables_of_a_real_document():
    import docx as python_docx

    document = python_docx.Document()
    document.add_heading("滨海新区签约情况", level=1)
    document.add_paragraph("共签约12个项目，总投资51.8亿元。")
    table = document.add_table(rows=3, cols=3)
    for row, cells in enumerate(
        [("序号", "项目名称", "投资额（亿元）"), ("1", "新材料产业园", "3.2"), ("2", "云仓", "1.9")]
    ):
        for column, text in enumerate(cells):
            table.cell(row, column).text = text
    document.add_paragraph("特此通报。")
    document.sections[0].header.paragraphs[0].text = "内部资料"
    out = io.BytesIO()
    document.save(out)
    found = load(out.getvalue(), name="通报.docx")
    assert found.source == (
        "滨海新区签约情况\n共签约12个项目，总投资51.8亿元。\n序号\t项目名称\t投资额（亿元）\n1\t新材料产业园\t3.2\n2\t云仓\t1.9\n特此通报。\n"
    )
    assert [block.kind for block in found.blocks] == ["heading", "paragraph", "table", "paragraph"]
    assert found.tables[0].header == ("序号", "项目名称", "投资额（亿元）")
    at = found.source.index("云仓")
    locator = found.locate(at, at + 2)
    assert (locator.kind, locator.cell) == ("cell", "B3")
    assert not found.warnings


def test_what_was_deleted_is_not_read_and_what_was_inserted_is():
    body = (
        "<w:p><w:r><w:t>投资</w:t></w:r><w:del><w:r><w:delText>五</w:delText></w:r></w:del>"
        "<w:ins><w:r><w:t>六</w:t></w:r></w:ins><w:r><w:t>亿元</w:t></w:r></w:p>"
    )
    assert load(docx(body), name="a.docx").source == "投资六亿元\n"


def test_automatic_numbers_are_part_of_the_text():
    levels = "".join(
        f'<w:lvl w:ilvl="{i}"><w:start w:val="1"/><w:numFmt w:val="{form}"/><w:lvlText w:val="{text}"/></w:lvl>'
        for i, (form, text) in enumerate([("chineseCountingThousand", "%1、"), ("decimal", "%2.")])
    )
    numbering = (
        f'<w:numbering xmlns:w="{WORD}"><w:abstractNum w:abstractNumId="7">{levels}</w:abstractNum>'
        '<w:num w:numId="1"><w:abstractNumId w:val="7"/></w:num></w:numbering>'
    )

    def item(text, level):
        return p(text, f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="1"/></w:numPr>')

    body = item("税费方面", 0) + item("甲", 1) + item("乙", 1) + item("土地方面", 0) + item("丙", 1)
    found = load(docx(body, word__numbering_xml=numbering), name="a.docx")
    assert found.source.splitlines() == ["一、税费方面", "1. 甲", "2. 乙", "二、土地方面", "1. 丙"]


def test_merged_cells_carry_their_value():
    def cell(text, props=""):
        return f"<w:tc><w:tcPr>{props}</w:tcPr>{p(text)}</w:tc>"

    top, wide = '<w:vMerge w:val="restart"/>', '<w:gridSpan w:val="2"/>'
    rows = (
        f"<w:tr>{cell('类别', top)}{cell('项目', wide)}</w:tr>"
        f"<w:tr>{cell('', '<w:vMerge/>')}{cell('名称')}{cell('金额')}</w:tr>"
        f"<w:tr>{cell('工业')}{cell('云仓')}{cell('1.9')}</w:tr>"
    )
    table = load(docx(f"<w:tbl>{rows}</w:tbl>"), name="a.docx").tables[0]
    assert table.rows[1] == ("类别", "名称", "金额")
    assert table.header == ("类别", "项目/名称", "项目/金额")
    assert table.body == [("工业", "云仓", "1.9")]


def test_text_boxes_are_read_once():
    box = (
        '<w:p><w:r><w:t>正文</w:t></w:r><w:r><mc:AlternateContent xmlns:mc="m"><mc:Choice><w:txbxContent>'
        + p("框内文字")
        + "</w:txbxContent></mc:Choice><mc:Fallback><w:txbxContent>"
        + p("框内文字")
        + "</w:txbxContent></mc:Fallback></mc:AlternateContent></w:r></w:p>"
    )
    assert load(docx(box), name="a.docx").source == "正文\n框内文字\n"


def test_macros_and_ten_thousand_pictures_do_no_harm():
    pictures = {f"word__media__image{i}.png": b"\x89PNG" + bytes(100) for i in range(10_000)}
    body = p("正文。") + '<w:p><w:r><w:drawing><a:blip xmlns:a="a"/></w:drawing></w:r></w:p>' * 10_000
    found = load(docx(body, word__vbaProject_bin=b"\0" * 1000, **pictures), name="a.docm")
    assert found.source == "正文。\n"
    assert [notice.code for notice in found.warnings] == ["macros", "pictures"]


@pytest.mark.parametrize("name", ["a.docx", "a.zip", ""])
def test_a_zip_bomb_is_refused_before_it_is_inflated(name):
    data = making.zipped({"word/document.xml": bytes(60 * 2**20)})
    assert len(data) < 2**20
    with pytest.raises(Refusal) as caught:
        load(data, name=name)
    assert caught.value.code == "bomb"


def test_too_many_entries_are_refused():
    data = making.zipped({f"f{i}": b"" for i in range(300)} | {"word/document.xml": "<a/>"})
    with pytest.raises(Refusal) as caught:
        load(data, name="a.docx", limits=Limits(entries=200))
    assert caught.value.code == "bomb"


def test_entities_are_not_expanded():
    bomb = (
        '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
        '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY f SYSTEM "file:///etc/passwd">]>'
        f'<w:document xmlns:w="{WORD}"><w:body><w:p><w:r><w:t>正文&c;&f;</w:t></w:r></w:p></w:body></w:document>'
    )
    found = load(making.zipped({"word/document.xml": bomb}), name="a.docx")
    assert "root:" not in found.source and "aaaa" not in found.source


def test_deep_nesting_is_refused_or_read_but_never_crashes():
    body = "<w:tbl><w:tr><w:tc>" * 3000 + p("深") + "</w:tc></w:tr></w:tbl>" * 3000
    try:
        load(docx(body), name="a.docx")
    except Refusal as refusal:
        assert refusal.code in {"too-complex", "damaged", "no-text"}


@pytest.mark.parametrize("cut", [0.1, 0.5, 0.95])
def test_a_truncated_document_is_refused(cut):
    data = docx(p("正文。" * 200))
    with pytest.raises(Refusal) as caught:
        load(data[: int(len(data) * cut)], name="a.docx")
    assert caught.value.code == "damaged"


def test_other_zipped_kinds_are_refused_by_name():
    for entries, code in [
        ({"ppt/presentation.xml": "x"}, "kind-ppt"),
        ({"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": "x"}, "kind-odt"),
        ({"xl/workbook.bin": "x"}, "kind-xlsb"),
        ({"a.txt": "x"}, "kind-zip"),
    ]:
        with pytest.raises(Refusal) as caught:
            load(making.zipped(entries), name="file")
        assert caught.value.code == code


def test_ofd_text_objects_become_lines_with_their_page_box():
    def said(x, y, text):
        return f'<ofd:TextObject Boundary="{x} {y} {len(text) * 5} 5"><ofd:TextCode X="0" Y="4">{text}</ofd:TextCode></ofd:TextObject>'

    content = (
        said(30, 30, "滨海新区举行签约") + said(70, 30, "仪式") + said(30, 50, "云仓") + said(90, 50, "1900")
    )
    entries = {
        "OFD.xml": '<ofd:OFD xmlns:ofd="o"><ofd:DocBody><ofd:DocRoot>Doc_0/Document.xml</ofd:DocRoot></ofd:DocBody></ofd:OFD>',
        "Doc_0/Document.xml": '<ofd:Document xmlns:ofd="o"><ofd:CommonData><ofd:PageArea><ofd:PhysicalBox>0 0 210 297</ofd:PhysicalBox>'
        '</ofd:PageArea></ofd:CommonData><ofd:Pages><ofd:Page BaseLoc="Pages/Page_0/Content.xml"/></ofd:Pages></ofd:Document>',
        "Doc_0/Pages/Page_0/Content.xml": f'<ofd:Page xmlns:ofd="o"><ofd:Content><ofd:Layer>{content}</ofd:Layer></ofd:Content></ofd:Page>',
    }
    found = load(making.zipped(entries), name="a.ofd")
    assert found.source == "滨海新区举行签约仪式\n云仓\t1900\n"
    locator = found.locate(0, 4)
    assert (locator.kind, locator.page) == ("page", 1)
    assert locator.box == pytest.approx((85, 85, 227, 99.2), abs=1)
