"""Lines of a page with their boxes: which of them continue each other, and how they become source text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from zhaoyin.reading.load import furniture
from zhaoyin.reading.load.document import Box, Page
from zhaoyin.reading.load.draft import Draft, Writer
from zhaoyin.reading.load.normalise import begins_item, ends_sentence


@dataclass(frozen=True, slots=True)
class Line:
    """A line as it stands on its page; ``row`` numbers lines that stand beside each other (a table without rules)."""

    text: str
    box: Box
    row: int | None = None

    @property
    def height(self) -> float:
        return max(self.box[3] - self.box[1], 1e-6)


@dataclass(frozen=True, slots=True)
class Grid:
    """A ruled table on a page: texts row by row, the box of each cell, merges (top, left, bottom, right)."""

    rows: list[list[str]]
    boxes: list[list[Box | None]]
    box: Box
    merged: tuple[tuple[int, int, int, int], ...] = ()


Item = Line | Grid


@dataclass(slots=True)
class Sheet:
    """One page before it is written: its size and its lines and tables in reading order."""

    number: int
    width: float
    height: float
    items: list[Item]
    ocr: bool = False
    score: float | None = None
    turned: int = 0


def write(sheets: Sequence[Sheet], draft: Draft, limit: int) -> None:
    """Write pages into the draft: text, blocks, tables, pages; mark running lines and ends of lines to drop."""
    running = _running(sheets)
    writer = Writer(limit)
    try:
        previous: tuple[Sheet, Line, int] | None = None
        for index, sheet in enumerate(sheets):
            begin = writer.size
            columns = _Columns([item for item in sheet.items if isinstance(item, Line)])
            for place, item in enumerate(sheet.items):
                if isinstance(item, Grid):
                    previous = None
                    flat = [cell for row in item.boxes for cell in row]
                    writer.table(
                        f"表{len(writer.tables) + 1}",
                        item.rows,
                        merged=item.merged,
                        page=sheet.number,
                        box=item.box,
                        boxes=flat,
                    )
                    continue
                kind = "furniture" if (index, place) in running else furniture.of_line(item.text)
                if kind == "furniture":
                    start = writer.size
                    writer.block(item.text, "furniture", page=sheet.number, box=item.box)
                    draft.drop.append((start, writer.size))
                    continue
                if previous is not None:
                    before, line, at = previous
                    if line.row is not None and line.row == item.row and before is sheet:
                        # Beside each other: cells of one row; the line end becomes a tab.
                        writer.replace_last("\t")
                    elif _continues(before, line, sheet, item, columns):
                        draft.drop.append((at, at + 1))
                writer.block(item.text, kind or "line", page=sheet.number, box=item.box)
                previous = (sheet, item, writer.size - 1)
            draft.pages.append(
                Page(
                    sheet.number,
                    begin,
                    writer.size,
                    sheet.width,
                    sheet.height,
                    sheet.ocr,
                    sheet.score,
                    sheet.turned,
                )
            )
    finally:
        draft.source, draft.tables = writer.text, writer.tables
        draft.blocks = writer.blocks
        draft.drop = sorted(span for span in draft.drop if span[1] <= writer.size)


def _running(sheets: Sequence[Sheet]) -> set[tuple[int, int]]:
    """The places of running heads, feet and page numbers among the items, by where they stand on the page."""
    orders: list[list[int]] = []
    for sheet in sheets:
        places = [place for place, item in enumerate(sheet.items) if isinstance(item, Line)]
        places.sort(key=lambda place, items=sheet.items: items[place].box[1])  # type: ignore[misc]
        orders.append(places)
    texts = [
        [item.text for place in order if isinstance(item := sheet.items[place], Line)]
        for sheet, order in zip(sheets, orders, strict=True)
    ]
    found: set[tuple[int, int]] = set()
    for index, place in furniture.running(texts):
        item = sheets[index].items[orders[index][place]]
        height = sheets[index].height
        # Running lines keep to the margins; a repeated line in the middle of a page is content.
        if isinstance(item, Line) and not 0.14 * height < (item.box[1] + item.box[3]) / 2 < 0.86 * height:
            found.add((index, orders[index][place]))
    return found


class _Columns:
    """Where the column a line belongs to begins and ends, from the lines that share its width."""

    def __init__(self, lines: list[Line]) -> None:
        self.lines = lines
        self.height = median(line.height for line in lines) if lines else 0.0

    def of(self, line: Line) -> tuple[float, float]:
        left, _, right, _ = line.box
        sides = [
            (other.box[0], other.box[2])
            for other in self.lines
            if min(right, other.box[2]) - max(left, other.box[0])
            > 0.5 * min(right - left, other.box[2] - other.box[0])
        ]
        return (min(a for a, _ in sides), max(b for _, b in sides)) if sides else (left, right)


def _continues(before: Sheet, line: Line, sheet: Sheet, item: Line, columns: _Columns) -> bool:
    """Whether ``item`` goes on with the sentence that ``line`` broke off."""
    if ends_sentence(line.text) or begins_item(item.text):
        return False
    if line.row is not None or item.row is not None:
        return False
    if not 0.7 < line.height / item.height < 1.43:
        return False
    same = before is sheet
    left, right = (columns if same else _Columns([i for i in before.items if isinstance(i, Line)])).of(line)
    size = min(line.height, item.height)
    centre = sheet.width / 2
    if (
        same
        and line.height > 1.25 * columns.height
        and abs((line.box[0] + line.box[2]) / 2 - centre) < 0.04 * sheet.width
        and abs((item.box[0] + item.box[2]) / 2 - centre) < 0.04 * sheet.width
    ):
        return 0 < item.box[1] - line.box[1] < 2.6 * line.height  # a title set in two centred lines
    if line.box[2] < right - 2.2 * size:
        return False
    own_left, _ = columns.of(item)
    if item.box[0] > own_left + 1.2 * size:
        return False
    if same and abs(own_left - left) < 3 * size and not 0 < item.box[1] - line.box[1] < 3.2 * line.height:
        return False
    return re.search(r"[\w，、；“‘（《\-—/%)）”》]\s*$", line.text) is not None
