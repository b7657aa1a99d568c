"""What one kind's loader hands back, and the small writer that loaders build their source text with."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

from zhaoyin.reading.load.document import Block, BlockKind, Box, Notice, Page, Table, Value


@dataclass
class Draft:
    """The source text of a file with its structure; ``drop`` are spans that normalising leaves out."""

    kind: str
    source: str = ""
    blocks: list[Block] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)
    warnings: list[Notice] = field(default_factory=list)
    drop: list[tuple[int, int]] = field(default_factory=list)
    encoding: str | None = None
    title: str | None = None
    wraps: bool = True


class Full(Exception):
    """The text has reached the limit of characters."""


class Writer:
    """Collects the source text piece by piece and notes the blocks."""

    def __init__(self, limit: int) -> None:
        self._pieces: list[str] = []
        self._limit = limit
        self.size = 0
        self.blocks: list[Block] = []
        self.tables: list[Table] = []

    @property
    def text(self) -> str:
        return "".join(self._pieces)

    def write(self, text: str) -> tuple[int, int]:
        """Append as it is; the span it took. Raises `Full` at the limit, after what still fitted."""
        room = self._limit - self.size
        piece = text if len(text) <= room else text[:room]
        self._pieces.append(piece)
        start = self.size
        self.size += len(piece)
        if len(piece) < len(text):
            raise Full
        return start, self.size

    def replace_last(self, char: str) -> None:
        """Put another character in the place of the last one written."""
        self._pieces[-1] = self._pieces[-1][:-1] + char

    def block(
        self, text: str, kind: BlockKind = "paragraph", *, page: int | None = None, box: Box | None = None
    ) -> Block | None:
        """Append a block and a line end. Empty text is no block."""
        if not text.strip():
            return None
        start = self.size
        try:
            self.write(text)
        finally:
            if self.size > start:
                block = Block(kind, start, self.size, page, box)
                self.blocks.append(block)
        self.write("\n")
        return block

    def table(
        self,
        name: str,
        rows: Sequence[Sequence[str]],
        values: Sequence[Sequence[Value]] | None = None,
        *,
        merged: Sequence[tuple[int, int, int, int]] = (),
        first_row: int = 0,
        first_column: int = 0,
        page: int | None = None,
        box: Box | None = None,
        boxes: Sequence[Box | None] = (),
    ) -> Table | None:
        """Append a table as lines of cells between tabs.

        ``rows`` are texts, "" where a merge covers; ``values`` the values where they are not the texts; ``merged``
        are (top, left, bottom, right), inclusive, within ``rows``.
        """
        from zhaoyin.reading.load.tables import finish

        if not any(any(cell.strip() for cell in row) for row in rows):
            return None
        width = max(map(len, rows))
        starts, ends = array("q"), array("q")
        begin = self.size
        full = False
        done = 0
        for row in rows:
            at = self.size
            cells = [" ".join(cell.split()) if cell else "" for cell in row]
            try:
                self.write("\t".join(cells) + "\n")
            except Full:
                full = True
            for cell in cells:
                starts.append(at)
                at += len(cell)
                ends.append(at)
                at += 1
            short = width - len(cells)
            if short:
                starts.extend([at - 1] * short)
                ends.extend([at - 1] * short)
            done += 1
            if full:
                starts = array("q", (min(place, self.size) for place in starts))
                ends = array("q", (min(place, self.size) for place in ends))
                break
        plain = values if values is not None else rows
        found: list[tuple[Value, ...]] = [
            tuple((v if v != "" else None) for v in row) + (None,) * (width - len(row))
            for row in plain[:done]
        ]
        table = finish(
            Table(
                name,
                found,
                width,
                starts,
                ends,
                first_row=first_row,
                first_column=first_column,
                merged=tuple(merged),
                page=page,
                boxes=tuple(boxes),
            )
        )
        self.blocks.append(Block("table", begin, self.size, page, box, len(self.tables)))
        self.tables.append(table)
        if full:
            raise Full
        return table


CUT = "text-cut"


def cut_notice(limit: int) -> Notice:
    """The text was longer than is read at once."""
    return Notice(
        CUT,
        f"文本过长，只读了前 {limit:,} 个字符；请拆分文件后分别导入。",
        f"The text is too long: only the first {limit:,} characters were read. Split the file and import the parts.",
        partial=True,
    )
