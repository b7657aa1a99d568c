"""PDF with text; pages that are pictures are in test_load_ocr."""

import importlib.util
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhaoyin.base.errors import Refusal
from zhaoyin.reading.load import Limits, load

_spec = importlib.util.spec_from_file_location("making", Path(__file__).with_name("making.py"))
making = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(making)

FULL = "滨海新区举行第二季度招商引资项目集中签约仪式共签约项目十二个总投资五十亿"


def page(number, *, body=FULL):
    return [
        (72, 40, "招商工作简报"),
        (96, 150, body[:-2]),
        (72, 170, body),
        (72, 190, "元，涵盖生物医药。"),
        (96, 210, f"第{number}段另起一段，内容到此为止。"),
        (290, 810, f"— {number} —"),
    ]


def test_lines_are_joined_and_running_lines_left_out():
    found = load(making.pdf([page(i) for i in range(1, 5)]), name="a.pdf")
    assert found.text.count("招商工作简报") == 0
    assert "—" not in found.text
    assert FULL[:-2] + FULL + "元，涵盖生物医药。\n" in found.text
    assert found.text.count("段另起一段") == 4
    assert "招商工作简报" in found.source
    assert len(found.pages) == 4


def test_a_sentence_over_a_page_break_is_joined():
    first = [(72, 700, FULL), (72, 720, FULL)]
    second = [(72, 60, "元，涵盖生物医药。"), (72, 80, FULL)]
    found = load(making.pdf([first, second]), name="a.pdf")
    assert FULL + FULL + "元，涵盖生物医药。" in found.text


def test_a_place_in_the_text_is_a_box_on_its_page():
    found = load(making.pdf([page(1), page(2)]), name="a.pdf")
    at = found.source.rindex("第2段")
    locator = found.locate(at, at + 3)
    assert (locator.kind, locator.page) == ("page", 2)
    left, top, right, bottom = locator.box
    assert 90 < left < 100 and 190 < top < bottom < 220 and right > left


def test_a_ruled_table_becomes_cells():
    xs, ys = [70, 130, 330, 450], [200, 225, 250, 275]
    rules = [(xs[0], y, xs[-1], y) for y in ys] + [(x, ys[0], x, ys[-1]) for x in xs]
    rows = [("序号", "项目名称", "金额"), ("1", "新材料产业园", "3200"), ("2", "云仓", "1900")]
    words = [(xs[c] + 5, ys[r] + 17, text) for r, row in enumerate(rows) for c, text in enumerate(row)]
    found = load(
        making.pdf([[(72, 100, "签约项目如下："), *words, (72, 400, "以上。")]], lines=rules), name="a.pdf"
    )
    assert (
        found.source == "签约项目如下：\n序号\t项目名称\t金额\n1\t新材料产业园\t3200\n2\t云仓\t1900\n以上。\n"
    )
    at = found.source.index("云仓")
    locator = found.locate(at, at + 2)
    assert (locator.kind, locator.cell, locator.page) == ("cell", "B3", 1)
    assert locator.box == pytest.approx((130, 250, 330, 275), abs=2)


def test_a_password_is_said():
    pdfium = pytest.importorskip("pypdfium2")
    del pdfium
    data = making.pdf([page(1)]).replace(
        b"/Root",
        b"/Encrypt<</Filter/Standard/V 1/R 2/O<"
        + b"11" * 32
        + b">/U<"
        + b"22" * 32
        + b">/P -4>>/ID[<00><00>]/Root",
    )
    with pytest.raises(Refusal) as caught:
        load(data, name="a.pdf")
    assert caught.value.code == "password"
    assert "密码" in caught.value.zh


def test_a_truncated_file_is_refused_or_read_and_marked():
    data = making.pdf([page(i) for i in range(1, 6)])
    for share in (0.1, 0.3, 0.5, 0.8, 0.97):
        try:
            found = load(data[: int(len(data) * share)], name="a.pdf")
        except Refusal as refusal:
            assert refusal.code in {"truncated", "damaged", "no-text"}
        else:
            assert found.partial


def test_pages_beyond_the_limit_are_cut_and_marked():
    found = load(making.pdf([page(i) for i in range(1, 5)]), name="a.pdf", limits=Limits(pages=2))
    assert len(found.pages) == 2 and found.partial
    late = load(making.pdf([page(1)]), name="a.pdf", limits=Limits(characters=30))
    assert len(late.source) <= 30 and late.partial


whole = making.pdf([page(1), page(2)])


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=1, max_size=60), st.integers(0, 10_000))
def test_a_damaged_pdf_is_refused_or_read(noise, at):
    data = bytearray(whole)
    at %= len(data)
    data[at : at + len(noise)] = noise
    try:
        load(bytes(data), name="a.pdf", limits=Limits(ocr_pages=0))
    except Refusal as refusal:
        assert refusal.zh and refusal.en
