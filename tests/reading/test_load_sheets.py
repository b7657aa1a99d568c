"""Workbooks and CSV."""

import datetime as dt
import importlib.util
import io
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhaoyin.base.errors import Refusal
from zhaoyin.reading.load import Limits, load

_spec = importlib.util.spec_from_file_location("making", Path(__file__).with_name("making.py"))
making = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(making)


def saved(book) -> bytes:
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def ledger() -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "重点项目"
    sheet.append(["2024年重点项目台账"])
    sheet.merge_cells("A1:E1")
    sheet.append(["序号", "项目名称", "投资方", "总投资（万元）", "签约日期"])
    sheet.append([1, "新材料产业园", "甲有限公司", 32000, dt.date(2024, 6, 27)])
    sheet.append([2, "云仓", "甲有限公司", 1900.5, dt.datetime(2024, 6, 28, 9, 30)])
    sheet.merge_cells("C3:C4")
    second = book.create_sheet("备注")
    second["C5"] = "说明：金额为协议数"
    book.create_sheet("空")
    return saved(book)


def test_a_ledger_with_titles_headers_merges_and_addresses():
    found = load(ledger(), name="台账.xlsx")
    assert [table.name for table in found.tables] == ["重点项目", "备注"]
    table = found.tables[0]
    assert (table.title_rows, table.header_rows) == (1, 1)
    assert table.header == ("序号", "项目名称", "投资方", "总投资（万元）", "签约日期")
    assert table.body == [
        (1, "新材料产业园", "甲有限公司", 32000, dt.date(2024, 6, 27)),
        (2, "云仓", "甲有限公司", 1900.5, dt.datetime(2024, 6, 28, 9, 30)),
    ]
    assert table.address(3, 1) == "B4"


def test_every_cell_is_found_from_its_place_in_the_text():
    found = load(ledger(), name="台账.xlsx")
    for name, cell, text in [
        ("重点项目", "B4", "云仓"),
        ("重点项目", "D3", "32000"),
        ("重点项目", "A1", "2024年重点项目台账"),
        ("重点项目", "E3", "2024-06-27"),
        ("备注", "C5", "说明：金额为协议数"),
    ]:
        at = found.source.index(text)
        locator = found.locate(at, at + len(text))
        assert (locator.kind, locator.sheet, locator.cell) == ("cell", name, cell)
    at = found.source.index("1\t新材料")
    assert found.locate(at, at + 6).cell == "A3:B3"


def test_formulas_give_the_value_they_had():
    xml = (
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData><row r="1">'
        '<c r="A1"><v>2</v></c><c r="B1"><f>A1*3</f><v>6</v></c></row></sheetData></worksheet>'
    )
    data = workbook({"xl/worksheets/sheet1.xml": xml})
    assert load(data, name="a.xlsx").tables[0].rows == [(2, 6)]


def workbook(entries) -> bytes:
    base = "http://schemas.openxmlformats.org/"
    return making.zipped(
        {
            "[Content_Types].xml": f'<Types xmlns="{base}package/2006/content-types"/>',
            "_rels/.rels": f'<Relationships xmlns="{base}package/2006/relationships"><Relationship Id="r1" Target="xl/workbook.xml" '
            f'Type="{base}officeDocument/2006/relationships/officeDocument"/></Relationships>',
            "xl/workbook.xml": f'<workbook xmlns="{base}spreadsheetml/2006/main" xmlns:r="{base}officeDocument/2006/relationships">'
            '<sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>',
            "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{base}package/2006/relationships"><Relationship Id="r1" '
            f'Target="worksheets/sheet1.xml" Type="{base}officeDocument/2006/relationships/worksheet"/></Relationships>',
            **entries,
        }
    )


def test_a_sheet_with_two_far_corners_is_refused():
    xml = (
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
        "</sheetData></worksheet>"
    )
    with pytest.raises(Refusal) as caught:
        load(workbook({"xl/worksheets/sheet1.xml": xml}), name="a.xlsx")
    assert caught.value.code == "bomb"


def test_a_workbook_that_inflates_too_far_is_refused():
    xml = b"<worksheet>" + b" " * (50 * 2**20)
    with pytest.raises(Refusal) as caught:
        load(workbook({"xl/worksheets/sheet1.xml": xml}), name="a.xlsx")
    assert caught.value.code == "bomb"


def test_a_truncated_workbook_is_refused():
    with pytest.raises(Refusal) as caught:
        load(ledger()[:3000], name="a.xlsx")
    assert caught.value.code == "damaged"


def test_an_empty_workbook_is_refused():
    with pytest.raises(Refusal) as caught:
        load(saved(openpyxl.Workbook()), name="a.xlsx")
    assert caught.value.code == "no-text"


CSV = '序号,项目名称,总投资,日期,代码\n1,"甲,乙""丙""项目",3.5,2024-06-27,00123\n2,云仓,1900,2024/7/1,913706851234567890\n'


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_csv_in_every_encoding(codec):
    found = load(CSV.encode(codec), name="a.csv")
    table = found.tables[0]
    assert found.source == CSV
    assert table.header == ("序号", "项目名称", "总投资", "日期", "代码")
    assert table.body == [
        (1, '甲,乙"丙"项目', 3.5, dt.date(2024, 6, 27), "00123"),
        (2, "云仓", 1900, dt.date(2024, 7, 1), "913706851234567890"),
    ]
    at = found.source.index("云仓")
    assert found.locate(at, at + 2).cell == "B3"


@pytest.mark.parametrize(("mark", "name"), [("\t", "a.tsv"), (";", "a.csv"), ("|", "a.csv"), ("\t", "a.csv")])
def test_other_separators(mark, name):
    text = mark.join(["项目名称", "金额"]) + "\n" + mark.join(["云仓", "5"]) + "\n"
    assert load(text.encode(), name=name).tables[0].rows == [("项目名称", "金额"), ("云仓", 5)]


def test_a_csv_with_an_open_quote_is_read_to_the_end():
    found = load(b'a,b\n"x,1\ny,2\n', name="a.csv")
    assert "y" in str(found.tables[0].rows)


def test_too_many_cells_are_cut_and_marked():
    found = load(b"a,b\n" * 100, name="a.csv", limits=Limits(cells=50))
    assert len(found.tables[0].rows) == 25
    assert found.partial


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.lists(st.text(st.sampled_from('项目ab1 ,"\n'), max_size=5), min_size=2, max_size=4),
        min_size=1,
        max_size=6,
    )
)
def test_csv_cells_are_what_the_writer_wrote(rows):
    import csv

    out = io.StringIO()
    csv.writer(out).writerows(rows)
    try:
        table = load(out.getvalue().encode(), name="a.csv").tables
    except Refusal:
        return
    for row, (written, read) in enumerate(zip(rows, table[0].rows if table else [], strict=False)):
        for column, text in enumerate(written):
            if table[0].width == max(map(len, rows)):
                start, end = table[0].span(row, column)
                assert out.getvalue()[start:end].replace('""', '"') == text or not text
            assert (
                str(read[column] if read[column] is not None else "") == text.strip()
                or text.strip().isdigit()
            )


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 4000))
def test_a_damaged_workbook_is_refused_or_read(noise, at):
    data = bytearray(ledger_bytes)
    at %= len(data)
    data[at : at + len(noise)] = noise
    try:
        load(bytes(data), name="a.xlsx")
    except Refusal as refusal:
        assert refusal.zh and refusal.en


ledger_bytes = ledger()
