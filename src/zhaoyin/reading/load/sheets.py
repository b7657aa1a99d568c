"""Spreadsheets: .xlsx, .xlsm and .xls through calamine, .csv by an own scanner that knows where each cell stands.

A sheet becomes a `Table` whose values are strings, numbers, dates and booleans; formulas give the value they had when
the file was saved. The source text has a line a row, with tabs between cells.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from array import array
from typing import Any

from zhaoyin.base.errors import Refusal
from zhaoyin.reading.load import archive
from zhaoyin.reading.load.document import Block, Notice, Table, Value
from zhaoyin.reading.load.draft import Draft, Full, Writer, cut_notice
from zhaoyin.reading.load.limits import Limits
from zhaoyin.reading.load.plain import decoded
from zhaoyin.reading.load.tables import finish, shown


def load(data: bytes, name: str, limits: Limits) -> Draft:
    """A workbook."""
    import python_calamine as calamine

    draft = Draft("xls" if data.startswith(b"\xd0\xcf") else "xlsx", wraps=False)
    if draft.kind == "xlsx":
        _guard(data, name, limits)
    try:
        book = calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
    except calamine.PasswordError:
        raise Refusal(
            "password",
            f"“{name or '文件'}”有密码保护，无法打开；请去掉密码另存后再导入。",
            f'"{name or "The file"}" is protected by a password. Save it without one and import that.',
            where=name,
        ) from None
    # A ledger of 200,000 rows must be whole for the import that takes its table.
    writer = Writer(2 * limits.characters)
    hidden: list[str] = []
    failed: list[str] = []
    try:
        for meta in book.sheets_metadata:
            if meta.typ != calamine.SheetTypeEnum.WorkSheet:
                continue
            if meta.visible != calamine.SheetVisibleEnum.Visible:
                hidden.append(meta.name)
            try:
                sheet = book.get_sheet_by_name(meta.name)
                _sheet(sheet, meta.name, writer, limits, name)
            except (calamine.CalamineError, OSError):
                failed.append(meta.name)
    except Full:
        draft.warnings.append(cut_notice(2 * limits.characters))
    draft.source, draft.blocks, draft.tables = writer.text, writer.blocks, writer.tables
    if hidden and draft.tables:
        names = "、".join(hidden)
        draft.warnings.append(
            Notice(
                "hidden-sheets", f"隐藏的工作表也读了：{names}。", f"Hidden sheets were read too: {names}."
            )
        )
    if failed:
        names = "、".join(failed)
        draft.warnings.append(
            Notice(
                "sheet-damaged",
                f"这些工作表已损坏，没有读取：{names}；请另存后再导入。",
                f"These sheets are damaged and were not read: {names}. Save the workbook anew.",
                partial=True,
            )
        )
    return draft


def _sheet(sheet: Any, title: str, writer: Writer, limits: Limits, name: str) -> None:
    if sheet.height * sheet.width > limits.cells:
        raise _too_wide(name, title, sheet.height, sheet.width)
    start = sheet.start or (0, 0)
    raw: list[list[Value]] = sheet.to_python(skip_empty_area=True)
    # Empty rows and columns at the end are formatting, not data.
    while raw and not any(value not in {"", None} for value in raw[-1]):
        raw.pop()
    if not raw:
        return
    values = [[_value(cell) for cell in row] for row in raw]
    merged = []
    for (top, left), (bottom, right) in sheet.merged_cell_ranges or ():
        top, left, bottom, right = top - start[0], left - start[1], bottom - start[0], right - start[1]
        if 0 <= top < len(values) and 0 <= left < len(values[0]):
            merged.append((top, left, bottom, right))
    if title and len(writer.tables) + 1 and not re.fullmatch(r"(?i)sheet\d*|工作表\d*", title):
        writer.block(title, "heading")
    if not writer.table(
        title,
        [[shown(value) for value in row] for row in values],
        values,
        merged=merged,
        first_row=start[0],
        first_column=start[1],
    ):
        return
    writer.write("\n")


def _value(cell: Any) -> Value:
    if isinstance(cell, str):
        return cell.strip() or None
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return int(cell)
    if isinstance(cell, dt.datetime) and cell.time() == dt.time():
        return cell.date()
    if isinstance(cell, dt.timedelta):
        return str(cell)
    value: Value = cell
    return value


def _too_wide(name: str, sheet: str, rows: int, columns: int) -> Refusal:
    return Refusal(
        "bomb",
        f"“{name or '文件'}”的工作表“{sheet}”范围过大（{rows:,} 行 × {columns:,} 列）；请删去空白行列后另存再导入。",
        f'Sheet "{sheet}" of "{name or "the file"}" spans {rows:,} rows x {columns:,} columns. Delete the empty rows '
        "and columns and save it anew.",
        where=sheet,
    )


_ROW = re.compile(rb"<(?:\w+:)?row\b[^>]{0,300}?\br=\"(\d+)\"")
_CELL = re.compile(rb"<(?:\w+:)?c\b[^>]{0,300}?\br=\"([A-Z]{1,3})(\d+)\"")


def _guard(data: bytes, name: str, limits: Limits) -> None:
    """Refuse a sheet whose filled cells span more than may be laid out: two far corners are enough for a bomb.

    calamine lays a sheet out as a full rectangle before anything can be asked, so the corners are read here first.
    """
    package = archive.opened(data, name, limits)
    left = limits.inflated
    for entry in package.infolist():
        if not re.search(r"xl/worksheets/[^/]+\.xml$", entry.filename, re.IGNORECASE):
            continue
        columns: set[bytes] = set()
        low, high, count = 1 << 30, 0, 0
        tail = b""
        try:
            with package.open(entry) as stream:
                while chunk := stream.read(1 << 20):
                    left -= len(chunk)
                    if left < 0:
                        raise archive.bomb(name, "工作表过大", "its sheets inflate too far")
                    piece = tail + chunk
                    for row in _ROW.findall(piece):
                        low, high = min(low, int(row)), max(high, int(row))
                    count += piece.count(b"<c ")
                    if len(columns) < 20_000:
                        found = _CELL.findall(piece)
                        columns.update(letters for letters, _ in found)
                        if found:
                            rows = (int(found[0][1]), int(found[-1][1]))
                            low, high = min(low, *rows), max(high, *rows)
                    tail = piece[-200:]
        except Refusal:
            raise
        except Exception as error:  # zlib.error has no base it shares with BadZipFile
            raise archive.damaged(name) from error
        indices = [_index(letters) for letters in columns]
        width = max(indices) - min(indices) + 1 if indices else 1
        height = max(high - low + 1, 1)
        if width * height > limits.cells or count > 2 * limits.cells:
            raise _too_wide(name, entry.filename, height, width)


def _index(letters: bytes) -> int:
    value = 0
    for letter in letters:
        value = value * 26 + letter - 64
    return value


# CSV


def load_csv(data: bytes, name: str, limits: Limits) -> Draft:
    """Values separated by commas, tabs, semicolons or bars; the source is the decoded file verbatim."""
    text, codec, notices = decoded(data, limits, name)
    draft = Draft("csv", text, encoding=codec, warnings=notices, wraps=False)
    delimiter = _delimiter(text, name)
    rows: list[tuple[Value, ...]] = []
    spans: list[list[tuple[int, int]]] = []
    cells = 0
    for row in _scan(text, delimiter):
        cells += len(row)
        if cells > limits.cells:
            draft.source = text[: spans[-1][-1][1]] if spans else ""
            draft.warnings.append(
                Notice(
                    "table-cut",
                    f"单元格过多，只读了前 {len(rows):,} 行；请拆分后分别导入。",
                    f"Too many cells: only the first {len(rows):,} rows were read. Split the file.",
                    partial=True,
                )
            )
            break
        spans.append([(start, end) for start, end, _ in row])
        rows.append(tuple(_typed(value) for _, _, value in row))
    while rows and all(value is None for value in rows[-1]):
        rows.pop()
        spans.pop()
    if not rows:
        return draft
    width = max(map(len, rows))
    starts, ends = array("q"), array("q")
    for line in spans:
        for start, end in line:
            starts.append(start)
            ends.append(end)
        last = line[-1][1] if line else (ends[-1] if ends else 0)
        for _ in range(width - len(line)):
            starts.append(last)
            ends.append(last)
    table = Table(
        re.sub(r"\.\w+$", "", name) or "表1",
        [row + (None,) * (width - len(row)) for row in rows],
        width,
        starts,
        ends,
    )
    draft.tables = [finish(table)]
    draft.blocks = [Block("table", 0, len(draft.source), table=0)]
    return draft


def _delimiter(text: str, name: str) -> str:
    if name.lower().endswith(".tsv"):
        return "\t"
    head = text[:20_000]
    lines = [line for line in head.splitlines()[:30] if line.strip()]
    try:
        found = csv.Sniffer().sniff(head[:4000], delimiters=",\t;|，").delimiter
    except csv.Error:
        found = ","
    counts = {mark: sum(mark in line for line in lines) for mark in (",", "\t", ";", "|", "，")}
    return found if counts.get(found, 0) >= 0.7 * len(lines) else max(counts, key=lambda mark: counts[mark])


def _scan(text: str, delimiter: str) -> Any:
    """Rows of (start, end, value); quotes are outside the span, doubled quotes are one in the value."""
    mark = re.escape(delimiter)
    cell = re.compile(rf'(?:"((?:[^"]|"")*+)"[^\S\r\n{mark}]*|([^{mark}\r\n]*))({mark}|\r\n|\r|\n|\Z)')
    at, size = 0, len(text)
    row: list[tuple[int, int, str]] = []
    while at < size:
        match = cell.match(text, at)
        if match is None:  # a quote that nothing closes properly: take the line as it is
            stop = re.compile(rf"{mark}|\r\n|\r|\n|\Z").search(text, at)
            assert stop is not None
            row.append((at, stop.start(), text[at : stop.start()]))
            end, sign = stop.end(), stop[0]
        else:
            group = 1 if match[1] is not None else 2
            value = match[group].replace('""', '"') if group == 1 else match[group]
            row.append((match.start(group), match.end(group), value))
            end, sign = match.end(), match[3]
        if sign != delimiter:
            yield row
            row = []
        elif end >= size:
            row.append((size, size, ""))
        at = end
    if row:
        yield row


_PLAIN_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,14})(?:\.\d{1,12})?$")
_DATE = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})$")


def _typed(text: str) -> Value:
    """A number or a date where the text can be nothing else; codes with leading zeros stay text."""
    text = text.strip()
    if not text:
        return None
    if _PLAIN_NUMBER.match(text):
        return float(text) if "." in text else int(text)
    if match := _DATE.match(text):
        try:
            return dt.date(int(match[1]), int(match[2]), int(match[3]))
        except ValueError:
            return text
    return text
