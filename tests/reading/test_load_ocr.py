"""Pictures and scanned pages. The engine is real; each test reads as few pages as it can."""

import importlib.util
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zhaoyin.base.errors import Refusal
from zhaoyin.reading.load import Limits, load

_spec = importlib.util.spec_from_file_location("making", Path(__file__).with_name("making.py"))
making = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(making)
LINES = making.LINES[:4]


@pytest.fixture(scope="module")
def sheet():
    return making.picture(LINES, size=32, width=1060, gap=1.8, top=50, left=40)


@pytest.mark.parametrize("turned", [90, 180, 270])
def test_a_picture_is_read_whichever_way_it_lies(sheet, turned):
    found = load(making.saved(sheet.rotate(turned, expand=True)), name="a.png")
    assert found.kind == "image"
    assert found.source.split("\n")[:-1] == LINES
    assert found.pages[0].turned == turned
    assert [notice.code for notice in found.warnings] == ["turned"]


def test_broken_lines_of_a_scan_are_joined_and_found_by_their_box(sheet):
    found = load(making.saved(sheet, "PDF", resolution=150), name="scan.pdf")
    assert found.pages[0].ocr
    assert LINES[1] + LINES[2] in found.text
    at = found.source.index("深圳某某")
    locator = found.locate(at, at + 4)
    assert (locator.kind, locator.page) == ("page", 1)
    # The fourth line of the picture, in points: 150 pixels an inch.
    top = (50 + 3 * 32 * 1.8) * 72 / 150
    assert locator.box[1] == pytest.approx(top, abs=12)


def test_cells_beside_each_other_stay_in_one_row():
    from PIL import ImageDraw

    image = Image.new("L", (1200, 420), 255)
    draw = ImageDraw.Draw(image)
    for row, cells in enumerate(
        [("序号", "项目名称", "金额"), ("1", "新材料产业园", "3200"), ("2", "皖北医药云仓", "1900")]
    ):
        for column, text in enumerate(cells):
            draw.text((80 + column * 400, 60 + row * 110), text, font=making.font(40), fill=0)
    found = load(making.saved(image), name="a.png")
    assert found.source == "序号\t项目名称\t金额\n1\t新材料产业园\t3200\n2\t皖北医药云仓\t1900\n"


def test_lines_that_the_detector_overlooks_are_seen_as_gaps(sheet):
    from zhaoyin.reading.load import ocr

    pixels = np.asarray(sheet)
    quads = list(ocr._detect(pixels))
    assert len(quads) == len(LINES)
    assert ocr.gaps(pixels, quads) == []
    for lost in range(len(quads)):
        box = ocr._box(quads[lost])
        found = ocr.gaps(pixels, quads[:lost] + quads[lost + 1 :])
        assert any(
            left < box[2] and right > box[0] and top < box[3] and bottom > box[1]
            for left, top, right, bottom in found
        )


def test_an_overlooked_line_is_read_on_the_second_look(sheet, monkeypatch):
    from zhaoyin.reading.load import ocr

    detect = ocr._detect
    monkeypatch.setattr(ocr, "_detect", lambda image: detect(image)[:-1])
    found = load(making.saved(sheet), name="a.png")
    assert [notice.code for notice in found.warnings] == ["line-recovered"]
    assert sorted(found.source.split("\n")[:-1]) == sorted(LINES)


def test_what_cannot_be_read_is_reported(sheet, monkeypatch):
    from zhaoyin.reading.load import ocr

    pixels = np.asarray(sheet).copy()
    detect = ocr._detect
    top = int(50 + 3 * 32 * 1.8)
    smeared = Image.fromarray(pixels[top : top + 44, 40:840])
    pixels[top : top + 44, 40:840] = np.asarray(smeared.resize((100, 12)).rotate(180).resize((800, 44)))
    monkeypatch.setattr(ocr, "_detect", lambda image: detect(image)[:3])
    found = load(making.saved(Image.fromarray(pixels)), name="a.png")
    assert "line-missing" in [notice.code for notice in found.warnings]
    assert found.partial


def test_white_on_dark_and_transparent_pictures_are_read(sheet):
    lines = LINES[3:4]
    small = making.picture(lines, width=1000, top=50, left=40, size=30)
    dark = Image.fromarray(255 - np.asarray(small))
    assert load(making.saved(dark), name="a.png").source.strip() == lines[0]
    clear = Image.new("RGBA", small.size, (0, 0, 0, 0))
    clear.putalpha(Image.fromarray(255 - np.asarray(small)))
    assert load(making.saved(clear), name="a.png").source.strip() == lines[0]


def test_a_picture_with_too_many_pixels_is_refused_before_it_is_decoded():
    data = making.saved(Image.new("1", (20_000, 20_000)))
    assert len(data) < 100_000
    with pytest.raises(Refusal) as caught:
        load(data, name="a.png")
    assert caught.value.code == "bomb"


def test_a_blank_picture_has_no_text_and_a_truncated_one_is_damaged(sheet):
    with pytest.raises(Refusal) as caught:
        load(making.saved(Image.new("L", (300, 300), 255)), name="a.png")
    assert caught.value.code == "no-text"
    with pytest.raises(Refusal) as caught:
        load(making.saved(sheet)[:4000], name="a.png")
    assert caught.value.code == "damaged"


def test_scanned_pages_beyond_the_limit_are_left_out_and_marked():
    pages = [making.picture(LINES[i : i + 1]) for i in range(3)]
    out = io.BytesIO()
    pages[0].save(out, "PDF", save_all=True, append_images=pages[1:], resolution=150)
    found = load(out.getvalue(), name="a.pdf", limits=Limits(ocr_pages=1))
    assert found.source.strip() == LINES[0]
    assert [notice.code for notice in found.warnings] == ["ocr-cut"]
    assert found.partial


def test_long_pictures_are_cut_between_their_lines():
    from zhaoyin.reading.load import ocr

    pixels = np.asarray(making.picture(LINES * 20, size=32, width=1060, gap=1.8, top=50, left=40))
    pieces = ocr._slices(pixels)
    assert len(pieces) > 2
    assert np.array_equal(np.concatenate([piece for _, piece in pieces]), pixels)
    for top, piece in pieces:
        assert np.array_equal(pixels[top : top + len(piece)], piece)
        assert piece[0].min() == 255 and piece[-1].min() == 255
