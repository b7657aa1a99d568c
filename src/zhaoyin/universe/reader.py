"""Files of firms as blocks of text columns: CSV by byte ranges, workbooks and Parquet by rows.

A block is what is staged, counted and resumed as one. Its bounds depend on the file alone, never on timing, so that an
import that was killed finds its place again.
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import datetime as dt
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from zhaoyin.base.errors import Refusal
from zhaoyin.universe.schema import Layout, recognised, signature

BLOCK_BYTES = 12 << 20
BLOCK_ROWS = 100_000
_HEAD_BYTES = 1 << 20
_HEAD_RECORDS = 30
_TRIES = 10_000
_WIDEST = 2_000  # columns of a sheet
_ENCODINGS = {"utf-8": "utf-8", "utf8": "utf-8", "gb18030": "gb18030", "gbk": "gb18030", "gb2312": "gb18030"}
SYNTHETIC_KEY = b"zhaoyin.synthetic"


@dataclass(frozen=True, slots=True)
class Bad:
    """A row that could not be split into the columns of its header."""

    row: int
    reason: str
    text: str


@dataclass
class Block:
    """Rows of one source as strings, one column per mapped field, plus ``_row`` (int32, the header counted, from 1)."""

    number: int
    table: pa.Table
    bad: list[Bad] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class RawBlock:
    """A stretch of a source before parsing: bytes of a CSV, or rows already split."""

    number: int
    first_row: int
    end: int  # where the next block starts: a byte of a CSV, else a row
    payload: Any


@dataclass
class Source:
    """One file, looked into: its format, encoding, header and where its data starts."""

    path: Path
    format: str
    header: list[str]
    header_row: int  # from 1
    data_start: int  # byte for CSV, else row
    encoding: str = ""
    delimiter: str = ","
    size: int = 0
    synthetic: bool = False
    sheet: str = ""  # of a workbook
    label: str = ""  # a further sheet is named with its workbook

    @property
    def name(self) -> str:
        return self.label or self.path.name

    def fingerprint(self) -> list[object]:
        status = self.path.stat()
        return [str(self.path.resolve()), status.st_size, status.st_mtime_ns, self.sheet]


def look(path: Path, encoding: str | None = None) -> list[Source]:
    """Open a file far enough to know its layout: one source, or one for each sheet of a workbook under one header.

    Raises Refusal when it is absent, empty, binary, of another kind, or holds no row of known headers.
    """
    if not path.is_file():
        raise _refuse("absent", path, "文件不存在。检查路径", "the file does not exist. Check the path")
    if path.stat().st_size == 0:
        raise _refuse(
            "empty", path, "文件是空的。换一个有数据的文件", "the file is empty. Choose one with data"
        )
    suffix = path.suffix.lower()
    if suffix in (".xlsx", ".xlsm", ".xls"):
        return _look_workbook(path)
    if suffix == ".parquet":
        return [_look_parquet(path)]
    if suffix in (".csv", ".txt", ".tsv"):
        return [_look_csv(path, encoding)]
    raise _refuse(
        "kind", path, "只收 .csv、.xlsx、.parquet。另存为其中一种", "only .csv, .xlsx and .parquet are read. Save it as one"
    )  # fmt: skip


def _refuse(code: str, path: Path, zh: str, en: str) -> Refusal:
    return Refusal(f"universe.file_{code}", f"{path.name}：{zh}。", f"{path.name}: {en}.", where=str(path))


def _header_of(rows: list[list[str]], path: Path) -> int:
    """Index of the header among the first records: the one with most known headers, since exports put titles above."""
    if not rows:
        raise _refuse("empty", path, "没有一行数据", "there is no row in it")
    best = max(range(len(rows)), key=lambda i: (recognised(rows[i]), -i))
    if recognised(rows[best]) == 0:
        return next((i for i, row in enumerate(rows) if sum(bool(cell.strip()) for cell in row) > 1), 0)
    return best


# --- CSV ---------------------------------------------------------------------------------------------------------


def _look_csv(path: Path, encoding: str | None) -> Source:
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
        samples = [head]
        for at in (size // 2, max(size - _HEAD_BYTES, 0)):
            file.seek(at)
            samples.append(file.read(_HEAD_BYTES // 4).partition(b"\n")[2])
    start = 0
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or _unmarked_utf16(head):
        raise _refuse(
            "encoding", path, "是 UTF-16 编码。另存为“CSV UTF-8”", "it is UTF-16. Save it as “CSV UTF-8”"
        )
    if b"\0" in head or head.startswith((b"PK\x03\x04", b"%PDF", b"\xd0\xcf\x11\xe0", b"PAR1")):
        raise _refuse(
            "binary", path, "不是文本文件，读不成 CSV。检查是否选错文件或改错了扩展名",
            "it is a binary file, not CSV. Check that it is the right file and extension",
        )  # fmt: skip
    if head.startswith(codecs.BOM_UTF8):
        start = 3
    encoding = _encoding(path, samples, encoding)
    lines: list[tuple[int, str]] = []  # end byte, text of a record
    at = begin = start
    while at < len(head) and len(lines) < _HEAD_RECORDS:
        end = head.find(b"\n", at) + 1 or len(head)
        if head.count(b'"', begin, end) % 2 == 0 or end == len(head) or end - begin > 65_536:
            lines.append((end, head[begin:end].decode(encoding, "replace").rstrip("\r\n")))
            begin = end
        at = end
    delimiter = max(",\t;|", key=lambda mark: max((text.count(mark) for _, text in lines), default=0))
    rows = [next(csv.reader(io.StringIO(text), delimiter=delimiter), []) for _, text in lines]
    place = _header_of(rows, path)
    header = [cell.strip() for cell in rows[place]]
    if not recognised(header) and any("\ufffd" in text for _, text in lines):
        raise _refuse(
            "binary", path, "读不成文字。检查编码（UTF-8 或 GB18030）和文件本身",
            "it does not decode as text. Check the encoding (UTF-8 or GB18030) and the file itself",
        )  # fmt: skip
    return Source(path, "csv", header, place + 1, lines[place][0], encoding, delimiter, size)


def _unmarked_utf16(head: bytes) -> bool:
    """Whether the head reads as UTF-16 without its mark and then holds a header known here."""
    if b"\0" not in head:
        return False
    words = re.split(r"[\s,;|\"]+", head[:4_096].decode("utf-16-le", "replace"))
    words += re.split(r"[\s,;|\"]+", head[:4_096].decode("utf-16-be", "replace"))
    return recognised(words) > 0


def _encoding(path: Path, samples: list[bytes], wanted: str | None) -> str:
    if wanted:
        if wanted.lower() not in _ENCODINGS:
            raise _refuse("encoding", path, f"编码 {wanted} 不支持，用 utf-8 或 gb18030", f"encoding {wanted} is not supported; use utf-8 or gb18030")  # fmt: skip
        return _ENCODINGS[wanted.lower()]
    broken = {}
    for name in ("utf-8", "gb18030"):
        text = "".join(sample[: sample.rfind(b"\n") + 1].decode(name, "replace") for sample in samples)
        broken[name] = text.count("\ufffd")
    return min(broken, key=lambda name: broken[name])


def _csv_blocks(source: Source, start: int, number: int, row: int, block_bytes: int) -> Iterator[RawBlock]:
    """Cut at line ends outside quotes. Bytes suffice: no quote, comma or line end is part of a GB18030 character."""
    with source.path.open("rb") as file:
        file.seek(start)
        left = b""
        while True:
            read = file.read(block_bytes)
            data = left + read
            if not data:
                return
            cut = len(data) if len(read) < block_bytes else _cut(data)
            if not cut:
                left = data
                continue
            payload, left = data[:cut], data[cut:]
            start += cut
            yield RawBlock(number, row, start, payload)
            number, row = number + 1, row + payload.count(b"\n")
            if len(read) < block_bytes:
                return


def _cut(data: bytes) -> int:
    """Where the last record ends; a line end all the same when a stray quote leaves no other."""
    last = at = data.rfind(b"\n")
    quotes = data.count(b'"', 0, at + 1)
    for _ in range(_TRIES):
        if at < 0 or quotes % 2 == 0:
            break
        before = data.rfind(b"\n", 0, at)
        quotes -= data.count(b'"', before + 1, at + 1)
        at = before
    return (at if at > 0 and quotes % 2 == 0 else last) + 1


def _parse_csv(source: Source, layout: Layout, raw: RawBlock) -> Block:
    data: bytes = raw.payload
    try:
        text = data.decode(source.encoding)
        data = data if source.encoding == "utf-8" else text.encode()
    except UnicodeDecodeError:
        data = data.decode(source.encoding, "replace").encode()
    text = ""
    if b'"' in data:
        data = _mended(data, source)
    bad: list[Bad] = []
    try:
        table = _split(data, source, layout, raw.first_row, bad, quoted=True)
    except pa.ArrowInvalid:  # quotes beyond repair: take the lines as they are
        bad.clear()
        table = _split(data, source, layout, raw.first_row, bad, quoted=False)
    return Block(raw.number, table, bad)


def _mended(data: bytes, source: Source) -> bytes:
    """A stray quote would swallow the lines after it: a quoted field that holds a whole row is none.

    Lines with an odd number of quotes open or close a field of several lines. When a line between has as many cells as
    the header, when the closing line opens a field itself, or when nothing closes it, the opening line loses its
    quotes. Nothing is changed without line breaks inside quotes.
    """
    mark = source.delimiter.encode()
    lines = data.split(b"\n")
    odd = [number for number, line in enumerate(lines) if line.count(b'"') % 2]
    at = 0
    while at < len(odd):
        opening, closing = odd[at], odd[at + 1] if at + 1 < len(odd) else len(lines)
        inside = lines[opening + 1 : min(closing + 1, len(lines))]
        if (
            closing == len(lines)
            or _opens(lines[closing], mark)
            or any(_whole_row(x, source) for x in inside)
        ):
            lines[opening] = lines[opening].replace(b'"', b"")
            at += 1
        else:
            at += 2
    return b"\n".join(lines) if odd else data


def _opens(line: bytes, mark: bytes) -> bool:
    """Whether the first quote of a line stands where a cell begins and not where one ends."""
    at = line.find(b'"')
    return (at == 0 or line[at - 1 : at] == mark) and line[at + 1 : at + 2] not in (mark, b'"', b"\r", b"")


def _whole_row(line: bytes, source: Source) -> bool:
    if line.count(source.delimiter.encode()) < len(source.header) - 1 or len(source.header) < 2:
        return False
    cells = next(csv.reader([line.decode("utf-8", "replace")], delimiter=source.delimiter), [])
    return len(cells) == len(source.header)


def _row_numbers(data: bytes, count: int, first_row: int, *, quoted: bool) -> npt.NDArray[np.int32]:
    """The line of the file on which each record starts."""
    if not quoted or b'"' not in data:
        return np.arange(first_row, first_row + count, dtype=np.int32)
    letters = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(letters == ord("\n"))
    quotes = np.searchsorted(np.flatnonzero(letters == ord('"')), ends)
    starts = np.concatenate([[0], np.flatnonzero(quotes % 2 == 0) + 1])[:count] + first_row
    if len(starts) < count:  # quotes inside cells that open nothing: count records
        starts = np.arange(first_row, first_row + count)
    return starts.astype(np.int32)


def _split(
    data: bytes, source: Source, layout: Layout, first_row: int, bad: list[Bad], *, quoted: bool
) -> pa.Table:
    numbers: list[int] = []
    ragged_rows: list[tuple[int, str, str]] = []
    columns = [f"c{place}" for place in range(len(source.header))]

    def ragged(row: pa_csv.InvalidRow) -> str:
        numbers.append(row.number)
        if row.text.strip(" \t\r\n" + source.delimiter):
            why = f"列数不对：表头 {row.expected_columns} 列，这一行 {row.actual_columns} 列"
            ragged_rows.append((row.number, why, row.text))
        return "skip"

    wanted = {columns[place]: name for name, place in layout.columns.items()}
    table = pa_csv.read_csv(
        io.BytesIO(data),
        pa_csv.ReadOptions(use_threads=False, column_names=columns, block_size=len(data) + 16),
        pa_csv.ParseOptions(
            delimiter=source.delimiter,
            quote_char='"' if quoted else False,
            newlines_in_values=quoted,
            ignore_empty_lines=False,
            invalid_row_handler=ragged,
        ),
        pa_csv.ConvertOptions(
            column_types={name: pa.string() for name in columns}, include_columns=list(wanted)
        ),
    )
    # Rows left out are counted too, so that a number is the row a spreadsheet shows.
    count = table.num_rows + len(numbers)
    keep = np.ones(count, bool)
    keep[np.array(numbers, np.int64) - 1] = False
    places = _row_numbers(data, count, first_row, quoted=quoted)
    bad.extend(Bad(int(places[number - 1]), why, text) for number, why, text in ragged_rows)
    named = table.rename_columns([wanted[name] for name in table.column_names])
    return named.append_column("_row", pa.array(places[keep]))


# --- workbooks and Parquet ---------------------------------------------------------------------------------------


def _look_workbook(path: Path) -> list[Source]:
    """The first sheet with data, and those after it that bear the same header: exports go on there after a million rows."""
    found: list[Source] = []
    size = path.stat().st_size
    with _book(path) as book:
        for name in book.sheet_names:
            rows = []
            for row in islice(_rows(book, name, path), _HEAD_RECORDS):
                rows.append([_text(cell) or "" for cell in row])
            if not any(any(row) for row in rows):
                continue
            place = _header_of(rows, path)
            header = [cell.strip() for cell in rows[place]]
            if not found:
                found.append(Source(path, "workbook", header, place + 1, place + 1, size=size, sheet=name))
            elif signature(header) == signature(found[0].header):
                label = f"{path.name}〔{name}〕"
                more = Source(path, "workbook", header, place + 1, place + 1, size=0, sheet=name, label=label)
                found.append(more)
    if not found:
        raise _refuse("empty", path, "工作簿里没有一行数据", "the workbook has no row")
    return found


@contextlib.contextmanager
def _book(path: Path) -> Iterator[Any]:
    import python_calamine

    try:
        with python_calamine.CalamineWorkbook.from_path(str(path)) as book:
            yield book
    except (python_calamine.CalamineError, OSError) as error:
        raise _refuse(
            "binary", path, f"打不开这个工作簿（{error}）。用电子表格软件打开后另存为 .xlsx",
            f"the workbook cannot be opened ({error}). Open it in a spreadsheet program and save it as .xlsx",
        ) from None  # fmt: skip


def _rows(book: Any, name: str, path: Path) -> Iterator[list[Any]]:
    """Rows of a sheet, from its first row on."""
    sheet = book.get_sheet_by_name(name)
    if sheet.end is None:
        return
    if sheet.width > _WIDEST:
        raise _refuse(
            "wide", path, f"工作表“{name}”有 {sheet.width:,} 列，不像企业名单。删去空列后另存",
            f"the sheet “{name}” has {sheet.width:,} columns and is no list of firms. Delete the empty ones and save it",
        )  # fmt: skip
    for _ in range(sheet.start[0] if sheet.start else 0):
        yield []
    yield from sheet.iter_rows()


def _text(value: Any) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, dt.datetime):
        return value.date().isoformat()
    return str(value)


def _workbook_blocks(
    source: Source, start: int, number: int, _row: int, block_rows: int
) -> Iterator[RawBlock]:
    batch: list[list[str | None]] = []
    first = at = start
    with _book(source.path) as book:
        for at, cells in enumerate(_rows(book, source.sheet, source.path), 1):
            if at <= start:
                continue
            batch.append([_text(cell) for cell in cells])
            if len(batch) == block_rows:
                yield RawBlock(number, first + 1, at, batch)
                number, first, batch = number + 1, at, []
    if batch:
        yield RawBlock(number, first + 1, at, batch)


def _parse_workbook(source: Source, layout: Layout, raw: RawBlock) -> Block:
    rows: list[list[str | None]] = raw.payload
    arrays = [
        pa.array([row[place] if place < len(row) else None for row in rows], pa.string())
        for place in layout.columns.values()
    ]
    numbers = pa.array(range(raw.first_row, raw.first_row + len(rows)), pa.int32())
    return Block(raw.number, pa.Table.from_arrays([*arrays, numbers], [*layout.columns, "_row"]))


def _look_parquet(path: Path) -> Source:
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise _refuse(
            "binary", path, f"不是完好的 Parquet 文件（{str(error)[:80]}）。重新导出",
            f"it is not a sound Parquet file ({str(error)[:80]}). Export it again",
        ) from None  # fmt: skip
    with file:
        if file.metadata.num_rows == 0:
            raise _refuse("empty", path, "没有一行数据", "there is no row in it")
        made = (file.schema_arrow.metadata or {}).get(SYNTHETIC_KEY) is not None
        return Source(
            path, "parquet", file.schema_arrow.names, 0, 0, size=path.stat().st_size, synthetic=made
        )


def _parquet_blocks(
    source: Source, start: int, number: int, _row: int, block_rows: int
) -> Iterator[RawBlock]:
    with pq.ParquetFile(source.path) as file:
        at = 0
        for batch in file.iter_batches(block_rows):
            at += batch.num_rows
            if at <= start:
                continue
            yield RawBlock(number, at - batch.num_rows + 1, at, batch)
            number += 1


def _parse_parquet(source: Source, layout: Layout, raw: RawBlock) -> Block:
    batch: pa.RecordBatch = raw.payload
    arrays = []
    for place in layout.columns.values():
        column = batch.column(place)
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.date32(), safe=False)
        arrays.append(column.cast(pa.string()))
    numbers = pa.array(range(raw.first_row, raw.first_row + batch.num_rows), pa.int32())
    return Block(raw.number, pa.Table.from_arrays([*arrays, numbers], [*layout.columns, "_row"]))


def raw_blocks(
    source: Source,
    *,
    after: RawBlock | None = None,
    block_bytes: int = BLOCK_BYTES,
    block_rows: int = BLOCK_ROWS,
) -> Iterator[RawBlock]:
    """The source in stretches, from the start or after one that is already done (its payload is not looked at)."""
    start = after.end if after else source.data_start
    number = after.number + 1 if after else 0
    row = after.first_row if after else source.header_row + 1
    if source.format == "csv":
        return _csv_blocks(source, start, number, row, block_bytes)
    if source.format == "workbook":
        return _workbook_blocks(source, start, number, row, block_rows)
    return _parquet_blocks(source, start, number, row, block_rows)


def parse(source: Source, layout: Layout, raw: RawBlock) -> Block:
    """A stretch as columns of text; rows that do not fit the header are in ``bad``."""
    return {"csv": _parse_csv, "workbook": _parse_workbook, "parquet": _parse_parquet}[source.format](
        source, layout, raw
    )
