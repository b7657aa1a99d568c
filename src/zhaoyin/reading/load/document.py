"""What `load` returns: one text, where each of its characters stood, and the structure around it."""

from __future__ import annotations

import datetime as dt
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from zhaoyin.base.text import MappedText

Box = tuple[float, float, float, float]
"""left, top, right, bottom from the page's top left corner; points (1/72 inch) in a PDF or OFD, pixels in a picture."""

Value = str | int | float | bool | dt.date | dt.datetime | dt.time | None
"""What a cell holds. A date without a time of day is a ``date``; an empty cell is None."""

BlockKind = Literal["paragraph", "heading", "item", "line", "table", "byline", "furniture"]


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the reader of a document should know; the document was read all the same.

    ``partial`` is true when a part of the document is not in the text.
    """

    code: str
    zh: str
    en: str
    where: str = ""
    partial: bool = False

    def text(self, language: str = "zh") -> str:
        return self.en if language.lower().startswith("en") else self.zh


@dataclass(frozen=True, slots=True)
class Block:
    """A run of the source, ``source[start:end]``: a paragraph, a line of a page, a whole table, a page's furniture.

    ``page`` counts from 1. ``table`` is the index into ``Document.tables`` for a block of kind "table".
    """

    kind: BlockKind
    start: int
    end: int
    page: int | None = None
    box: Box | None = None
    table: int | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its run of the source, its size (as `Box` is measured), and whether its text came from OCR.

    ``score`` is the mean confidence of the OCR, 0 to 1. ``turned`` is how far (degrees, clockwise) the picture was
    turned to be read; boxes are those of the turned picture.
    """

    number: int
    start: int
    end: int
    width: float
    height: float
    ocr: bool = False
    score: float | None = None
    turned: int = 0


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table: its value, its text, its address (A1), its half-open span in the source."""

    value: Value
    text: str
    row: int
    column: int
    address: str
    start: int
    end: int


def column_letters(column: int) -> str:
    """The letters of a column counted from 0: 0 is A, 26 is AA."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


@dataclass(frozen=True)
class Table:
    """A sheet of a workbook, or a table in a document, a page or a PDF.

    ``rows[r][c]`` are values; all rows have ``width`` entries. Merged cells carry the value of their top left cell
    in every place they cover. ``first_row`` and ``first_column`` are what ``rows[0][0]`` is on the sheet, from 0.
    ``header_rows`` is how many rows at the top (from ``title_rows`` on) name the columns; rows before them are titles.
    ``starts`` and ``ends`` hold the span of every cell in the source, row by row.
    """

    name: str
    rows: list[tuple[Value, ...]]
    width: int
    starts: array[int]
    ends: array[int]
    title_rows: int = 0
    header_rows: int = 0
    first_row: int = 0
    first_column: int = 0
    merged: tuple[tuple[int, int, int, int], ...] = ()
    page: int | None = None
    boxes: tuple[Box | None, ...] = ()

    @property
    def header(self) -> tuple[str, ...]:
        """One name a column; names in several header rows are joined by "/"."""
        names: list[str] = []
        top = self.rows[self.title_rows : self.title_rows + self.header_rows]
        for column in range(self.width):
            parts: list[str] = []
            for row in top:
                part = "" if row[column] is None else "".join(str(row[column]).split())
                if part and part not in parts:
                    parts.append(part)
            names.append("/".join(parts))
        return tuple(names)

    @property
    def body(self) -> list[tuple[Value, ...]]:
        """The rows under the header."""
        return self.rows[self.title_rows + self.header_rows :]

    def address(self, row: int, column: int) -> str:
        """The A1 address of ``rows[row][column]``."""
        return f"{column_letters(self.first_column + column)}{self.first_row + row + 1}"

    def span(self, row: int, column: int) -> tuple[int, int]:
        """The half-open span of ``rows[row][column]`` in the source."""
        at = row * self.width + column
        return self.starts[at], self.ends[at]

    def at(self, start: int, end: int) -> tuple[tuple[int, int], tuple[int, int]] | None:
        """The first and the last cell (row, column) that ``source[start:end]`` touches."""
        if not self.starts:
            return None
        first = max(bisect_right(self.starts, start) - 1, 0)
        # Cells a merge covers have an empty span at the place of their row; the first that holds text is meant.
        while first and self.starts[first] == self.ends[first] and self.starts[first] == start:
            first -= 1
        last = max(bisect_left(self.starts, max(end, start + 1)) - 1, first)
        while last > first and self.starts[last] == self.ends[last]:
            last -= 1
        return divmod(first, self.width), divmod(last, self.width)


@dataclass(frozen=True, slots=True)
class Locator:
    """Where a span of the source stands in the file: characters, a cell, or a box on a page."""

    kind: Literal["characters", "cell", "page"]
    start: int
    end: int
    sheet: str | None = None
    cell: str | None = None
    page: int | None = None
    box: Box | None = None

    def as_dict(self) -> dict[str, Any]:
        """The locator for JSON, without what is absent."""
        found: dict[str, Any] = {"kind": self.kind, "start": self.start, "end": self.end}
        for key in ("sheet", "cell", "page"):
            if (value := getattr(self, key)) is not None:
                found[key] = value
        if self.box is not None:
            found["box"] = [round(side, 1) for side in self.box]
        return found


@dataclass(frozen=True)
class Document:
    """A file that was read.

    ``source``: the text as it was taken from the file (of a .txt file the decoded characters, all of them, verbatim).
    ``text``: the same, normalised for reading; ``mapped`` joins the two, so ``mapped.span(a, b)`` turns a place in
    ``text`` into a place in ``source``. Blocks, pages, tables and locators count characters of ``source``.
    ``sha256`` is of the file's bytes. ``script`` is "hans" or "hant": the script of the source.
    """

    kind: str
    mapped: MappedText
    sha256: str
    name: str = ""
    blocks: tuple[Block, ...] = ()
    tables: tuple[Table, ...] = ()
    pages: tuple[Page, ...] = ()
    warnings: tuple[Notice, ...] = ()
    encoding: str | None = None
    title: str | None = None
    script: str = "hans"
    _block_starts: list[int] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def text(self) -> str:
        return self.mapped.text

    @property
    def source(self) -> str:
        return self.mapped.source

    @property
    def partial(self) -> bool:
        """Whether a part of the file is known to be missing from the text."""
        return any(notice.partial for notice in self.warnings)

    def inner(self, start: int, end: int) -> tuple[int, int]:
        """The span of ``text`` that came from ``source[start:end]`` (empty when all of it was normalised away)."""
        left = bisect_right(self.mapped.ends, start)
        right = bisect_left(self.mapped.starts, end)
        return left, max(left, right)

    def paragraphs(self) -> Iterator[tuple[Block, int, int]]:
        """Every block with its span in ``text``; those that were normalised away are left out."""
        for block in self.blocks:
            left, right = self.inner(block.start, block.end)
            if right > left:
                yield block, left, right

    def block_at(self, at: int) -> Block | None:
        """The block of the source character ``at``."""
        if not self._block_starts and self.blocks:
            self._block_starts.extend(block.start for block in self.blocks)
        index = bisect_right(self._block_starts, at) - 1
        if index >= 0 and self.blocks[index].end > at:
            return self.blocks[index]
        return None

    def locate(self, start: int, end: int) -> Locator:
        """Where ``source[start:end]`` stands in the file."""
        if not 0 <= start <= end <= len(self.source):
            raise IndexError(f"span {start}:{end} outside a source of {len(self.source)} characters")
        block = self.block_at(start)
        if block is None:
            return Locator("characters", start, end)
        if block.table is not None:
            table = self.tables[block.table]
            if cells := table.at(start, min(end, block.end)):
                (row, column), (last_row, last_column) = cells
                address = table.address(row, column)
                if cells[0] != cells[1]:
                    address += ":" + table.address(last_row, last_column)
                box = block.box
                if table.boxes and cells[0] == cells[1]:
                    box = table.boxes[row * table.width + column] or box
                return Locator("cell", start, end, sheet=table.name, cell=address, page=block.page, box=box)
        if block.page is None:
            return Locator("characters", start, end)
        return Locator("page", start, end, page=block.page, box=self._box(block, start, end))

    def _box(self, first: Block, start: int, end: int) -> Box | None:
        """The box around all blocks of the first block's page that the span touches."""
        boxes = [first.box] if first.box else []
        index = bisect_right(self._block_starts, start)
        while index < len(self.blocks) and self.blocks[index].start < end:
            block = self.blocks[index]
            if block.page == first.page and block.box:
                boxes.append(block.box)
            index += 1
        if not boxes:
            return None
        lefts, tops, rights, bottoms = zip(*boxes, strict=True)
        return min(lefts), min(tops), max(rights), max(bottoms)
