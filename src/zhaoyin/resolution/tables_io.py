"""Tables in (CSV, XLSX) and the annotated workbook out."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font, PatternFill

from zhaoyin.base.errors import Refusal
from zhaoyin.resolution.register import Alias, Entry, Progress
from zhaoyin.resolution.resolve import Register
from zhaoyin.resolution.text import normalise


class Row(dict[str, str]):
    """A row of a table by its headers, and the line of the file it begins at."""

    __slots__ = ("line",)
    line: int


_COLUMNS = {
    "id": ("id", "编号", "代码", "统一社会信用代码", "uscc"),
    "name": ("name", "名称", "企业名称", "单位名称", "公司名称", "query", "机构名称", "客商名称"),
    "place": ("place", "所在地", "地区", "地址", "province", "省市"),
    "industry": ("industry", "行业", "所属行业"),
    "aliases": ("aliases", "别名", "曾用名", "简称"),
    "code": ("uscc", "统一社会信用代码", "信用代码", "code"),
}
LARGEST = 1_048_576


def read_table(path: Path) -> list[Row]:
    """Rows of the first sheet as text by column. CSV may be UTF-8 or GB 18030."""
    if not path.is_file():
        raise Refusal(
            "file-missing",
            f"找不到文件 {path}；请检查路径。",
            f"There is no file {path}; check the path.",
            where=str(path),
        )
    try:
        if path.suffix.lower() in (".xlsx", ".xlsm", ".xls", ".ods"):
            import python_calamine

            sheet = python_calamine.CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0)
            above = sheet.start[0] if sheet.start else 0  # empty rows over the first one are left out
            grid = [
                (number, ["" if cell is None else _plain(cell) for cell in line])
                for number, line in enumerate(sheet.to_python(skip_empty_area=True), above + 1)
            ]
        else:
            raw = path.read_bytes()
            try:
                text = raw.decode("utf-8-sig")
            except UnicodeDecodeError:
                text = raw.decode("gb18030")
            reader, grid, number = csv.reader(io.StringIO(text, newline="")), [], 1
            for cells in reader:
                grid.append((number, cells))
                number = reader.line_num + 1
    except Exception as problem:
        raise Refusal(
            "file-unreadable",
            f"文件 {path.name} 读不出来（{problem}）。请另存为 CSV（UTF-8）或 XLSX 再试。",
            f"The file {path.name} cannot be read ({problem}). Save it as CSV (UTF-8) or XLSX and try again.",
            where=str(path),
        ) from problem
    grid = [(number, line) for number, line in grid if any(cell.strip() for cell in line)]
    if len(grid) < 2:
        raise Refusal(
            "table-empty",
            f"文件 {path.name} 没有数据行；第一行须为列名。",
            f"{path.name} has no rows of data; its first line must name the columns.",
            where=str(path),
        )
    head = [cell.strip() or f"列{i + 1}" for i, cell in enumerate(grid[0][1])]
    rows = []
    for number, line in grid[1:]:
        row = Row(zip(head, [*line, *[""] * (len(head) - len(line))], strict=False))
        row.line = number
        rows.append(row)
    return rows


def _plain(cell: object) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def column_of(rows: Sequence[Row], kind: str, wanted: str = "") -> str:
    """The column that holds ``kind``, or "" ; a column asked for by name must exist."""
    head = list(rows[0])
    if wanted:
        if wanted not in head:
            raise Refusal(
                "no-such-column",
                f"没有名为“{wanted}”的列；现有：{'、'.join(head)}。",
                f"There is no column {wanted!r}; there are: {', '.join(head)}.",
                where=wanted,
            )
        return wanted
    lowered = {name.lower(): name for name in head}
    return next((lowered[name] for name in _COLUMNS[kind] if name in lowered), "")


def name_column(rows: Sequence[Row], wanted: str = "") -> str:
    found = column_of(rows, "name", wanted)
    if not found:
        head = "、".join(rows[0])
        raise Refusal(
            "no-name-column",
            f"找不到名称列（现有：{head}）；请用 --column 指明。",
            f"No column of names found (there are: {head}); say which with --column.",
        )
    return found


def entries_from(rows: Sequence[Row], path: Path) -> Iterator[Entry]:
    """Entries of a register; a row without an id is numbered by its line."""
    name = name_column(rows)
    columns = {kind: column_of(rows, kind) for kind in ("id", "place", "industry", "aliases", "code")}

    def cell(row: Row, kind: str) -> str:
        return row[columns[kind]].strip() if columns[kind] else ""

    for row in rows:
        if not normalise(row[name]):  # empty, or signs alone
            seen = row[name].strip()
            raise Refusal(
                "row-without-name",
                f"{path.name} 第 {row.line} 行" + (f"的“{seen}”不成名称" if seen else "没有名称") + "；请补上或删去该行。",
                f"{path.name}, line {row.line} " + (f"holds “{seen}”, which is no name" if seen else "has no name")
                + "; fill it in or delete the line.",
                where=f"{path.name}:{row.line}",
            )  # fmt: skip
        aliases = tuple(
            Alias(a.strip())
            for a in cell(row, "aliases").replace("、", ";").replace("；", ";").split(";")
            if a.strip()
        )
        yield Entry(
            cell(row, "id") or f"L{row.line}",
            row[name],
            cell(row, "place"),
            cell(row, "industry"),
            aliases,
            cell(row, "code"),
        )


_WORDS = {
    "zh": (
        ("匹配结论", "可能性", "匹配单位", "匹配编号", "理由", "其他可能"),
        {"match": "匹配", "review": "待复核", "new": "新单位"},
    ),
    "en": (
        ("decision", "probability", "organisation", "id", "reasons", "others"),
        {"match": "match", "review": "review", "new": "new"},
    ),
}
_FILLS = {"match": "E6F4EA", "review": "FFF4DC", "new": "EEF0F4"}


def link_table(
    rows: Sequence[Row],
    register: Register,
    target: Path,
    column: str = "",
    progress: Progress | None = None,
    language: str = "zh",
) -> dict[str, int]:
    """Write ``rows`` with the answer beside each to ``target`` (XLSX); returns how many of each decision."""
    name = name_column(rows, column)
    if len(rows) >= LARGEST:
        raise Refusal(
            "too-many-rows",
            f"表格有 {len(rows):,} 行，超过工作簿上限 {LARGEST:,}；请分成几份。",
            f"{len(rows):,} rows exceed what a workbook holds ({LARGEST:,}); split the table.",
        )
    titles, decisions = _WORDS["en" if language == "en" else "zh"]
    book = Workbook(write_only=True)
    sheet = book.create_sheet("links")
    sheet.freeze_panes = "A2"
    head = [*rows[0], *titles]
    titles_row = [WriteOnlyCell(sheet, title) for title in head]
    for cell in titles_row:
        cell.font = Font(bold=True)
    sheet.append(titles_row)
    fills = {key: PatternFill("solid", fgColor=colour) for key, colour in _FILLS.items()}
    counts: Counter[str] = Counter({"match": 0, "review": 0, "new": 0})
    remembered: dict[str, tuple[str, list[str | float]]] = {}
    for done, row in enumerate(rows, 1):
        text = row[name]
        if text not in remembered:
            found = register.resolve(text)
            best = found.candidates[0] if found.candidates and found.decision != "new" else None
            others = "；".join(
                f"{c.name}（{c.id}，{c.probability:.0%}）" for c in found.candidates[1 if best else 0 :][:3]
            )
            remembered[text] = (
                found.decision,
                [
                    decisions[found.decision],
                    round(found.probability, 3),
                    best.name if best else "",
                    best.id if best else "",
                    found.why(language),
                    others,
                ],
            )
        decision, answer = remembered[text]
        counts[decision] += 1
        line = [WriteOnlyCell(sheet, _safe(value)) for value in (*row.values(), *answer)]
        line[len(row)].fill = fills[decision]
        sheet.append(line)
        if progress and (done % 50 == 0 or done == len(rows)):
            progress(done, len(rows))
    book.save(target)
    return dict(counts)


def _safe(value: str | float) -> str | float:
    """Text that a spreadsheet would run as a formula stays text; controls that XML forbids are dropped."""
    if isinstance(value, str):
        value = "".join(c for c in value if c >= " " or c in "\t\n")
        return "'" + value if value[:1] in "=+-@" else value
    return value
