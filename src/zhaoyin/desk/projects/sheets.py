"""A bureau's ledger as a workbook or CSV: its table, what each column means, each row checked. No database here."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import itertools
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from charset_normalizer import from_bytes
from openpyxl import Workbook
from openpyxl.styles import Font, PatternFill
from python_calamine import CalamineWorkbook

from zhaoyin.base.errors import Refusal
from zhaoyin.base.money import FEN_PER, parse_money, to_fen

MAX_ROWS = 250_000
MAX_UNPACKED = 800 * 2**20
DATES = ("reported_on", "signed_on", "landed_on", "started_on", "producing_on")

# field → (what the page calls it, heads that mean it)
FIELDS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "name": ("项目名称", "Project", ("项目名称", "项目", "名称", "项目名")),
    "company": (
        "企业",
        "Company",
        ("投资方", "投资企业", "企业名称", "投资单位", "投资主体", "企业", "客商"),
    ),
    "investment": (
        "总投资",
        "Investment",
        ("总投资", "计划总投资", "投资额", "投资总额", "合同额", "签约额", "合同引资额"),
    ),
    "fixed_assets": ("固定资产", "Fixed assets", ("固定资产投资", "固定资产", "固投")),
    "sector": ("产业", "Sector", ("产业", "行业", "所属行业", "产业类别")),
    "place": ("落地", "Place", ("落地园区", "落地", "园区", "建设地点", "选址", "落户园区", "承接地")),
    "track": ("类别", "Track", ("类别", "项目类别", "建设方式", "用地方式")),
    "source": ("来源", "Source", ("来源", "信息来源", "项目来源")),
    "reported_by": ("报告人", "Reported by", ("报告人", "联系人", "责任人", "招商人员", "主办人")),
    "need": ("需求", "Need", ("建设内容", "项目内容", "需求", "主要内容", "项目概况")),
    "jobs": ("用工", "Jobs", ("用工", "就业人数", "用工人数")),
    "reported_on": ("报告日期", "Reported on", ("报告日期", "登记日期", "入库日期")),
    "signed_on": ("签约日期", "Signed on", ("签约日期", "签约时间", "签订日期")),
    "landed_on": ("落地日期", "Landed on", ("落地日期", "落地时间")),
    "started_on": ("开工日期", "Started on", ("开工日期", "开工时间")),
    "producing_on": ("投产日期", "Producing on", ("投产日期", "投产时间")),
}
_AMOUNTS = ("investment", "fixed_assets")
_UNIT = re.compile(r"(亿元|百万元|千万元|万元|千元|元|万|亿)")
_NO_VALUE = {"", "-", "—", "/", "无", "N/A", "n/a"}


@dataclass
class Problem:
    """What is wrong in one cell: row as the person sees it, the column's head, a sentence with the mend."""

    row: int
    column: str
    zh: str
    en: str
    at: int = 0


@dataclass
class Table:
    """The table of a sheet. ``units`` holds the unit a head (or the note above the table) states, by column."""

    heads: list[str]
    rows: list[list[Any]]
    first: int  # row number of rows[0] as the person sees it
    units: dict[int, str] = field(default_factory=dict)
    uncached: set[tuple[int, int]] = field(
        default_factory=set
    )  # formulas without a stored value: (row, column)
    joined: dict[tuple[int, int], int] = field(
        default_factory=dict
    )  # cells merged into one above: (row, column) → its row

    @property
    def digest(self) -> str:
        return hashlib.sha256("\x1f".join(self.heads).encode()).hexdigest()


def read(data: bytes, name: str) -> Table:
    """The first sheet's table. Merged cells repeat their value; formulas give the value they were saved with."""
    joined: dict[tuple[int, int], int] = {}
    if data[:2] == b"PK":
        grid, uncached, joined = _workbook(data)
    elif name.lower().endswith((".csv", ".txt")):
        grid, uncached = _csv(data), set()
    else:
        raise Refusal(
            "import.kind",
            f"“{name}”不是 .xlsx 或 .csv。另存为 .xlsx 再传。",
            f"“{name}” is neither .xlsx nor .csv. Save it as .xlsx and send it again.",
            where="file",
        )
    table = _table(grid, uncached)
    table.joined = joined
    return table


def _workbook(data: bytes) -> tuple[list[list[Any]], set[tuple[int, int]], dict[tuple[int, int], int]]:
    bad = Refusal(
        "import.broken",
        "文件打不开，可能没有传完。重新另存再传。",
        "The file does not open. Save it again and send it.",
        where="file",
    )
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        if sum(item.file_size for item in archive.infolist()) > MAX_UNPACKED:
            raise Refusal(
                "import.bomb",
                "文件展开后太大。只留要导入的那张表，再传。",
                "The file unpacks to too much. Keep only the sheet to import.",
                where="file",
            )
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        sheet = book.get_sheet_by_index(0)
        grid = sheet.to_python(skip_empty_area=False)
        merged = sheet.merged_cell_ranges or []
    except Refusal:
        raise
    except Exception:
        raise bad from None
    joined = {}
    for (top, left), (bottom, right) in merged:
        if (bottom - top + 1) * (right - left + 1) > 100_000:
            continue
        for r in range(top, min(bottom + 1, len(grid))):
            for c in range(left, min(right + 1, len(grid[r]))):
                grid[r][c] = grid[top][left]
                if r > top:
                    joined[r + 1, c] = top + 1
    return grid, _formulas(archive), joined


_FORMULA = re.compile(rb'<c r="([A-Z]+)(\d+)"[^>]*>\s*<f[^>]*>[^<]*</f>\s*(?:<v\s*/>|<v></v>)?\s*</c>')


_ERROR = re.compile(rb'<c r="([A-Z]+)(\d+)"[^>]*\bt="e"')


def _formulas(archive: zipfile.ZipFile) -> set[tuple[int, int]]:
    name = next((n for n in archive.namelist() if n.startswith("xl/worksheets/sheet1")), "")
    if not name:
        return set()
    found = set()
    text = archive.read(name)
    for letters, row in (*_FORMULA.findall(text), *_ERROR.findall(text)):
        column = 0
        for letter in letters:
            column = column * 26 + letter - 64
        found.add((int(row), column - 1))
    return found


def _csv(data: bytes) -> list[list[Any]]:
    data = data.replace(b"\0", b"")  # no text, and PostgreSQL stores none
    text = (
        data.decode("utf-8-sig")
        if _utf8(data)
        else str(from_bytes(data[:200_000]).best() and data.decode("gb18030", "replace"))
    )
    sample = text[:4096]
    delimiter = max(",\t;，", key=sample.count)
    return [list(row) for row in csv.reader(io.StringIO(text), delimiter=delimiter)]


def _utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return False
    return True


def _plain(head: Any) -> str:
    return re.sub(r"[（(].*?[)）]|\s|[*＊:：]", "", str(head or ""))


def _table(grid: list[list[Any]], uncached: set[tuple[int, int]]) -> Table:
    known = {word for _, _, words in FIELDS.values() for word in words}
    best, score = 0, 0
    for i, row in enumerate(grid[:20]):
        hits = len({_plain(cell) for cell in row} & known)
        if hits > score:
            best, score = i, hits
    if score < 1:
        raise Refusal(
            "import.heads",
            "没有找到表头。表头里要有“项目名称”一列。",
            "No row of heads was found. There must be a column 项目名称.",
            where="file",
        )
    heads = [str(cell).strip() if cell not in (None, "") else "" for cell in grid[best]]
    rows, start = grid[best + 1 :], best + 2
    if (
        rows and len({_plain(c) for c in rows[0]} & known) >= 2
    ):  # a head of two rows: the lower words are nearer
        heads = [
            f"{lower}".strip() or upper
            for upper, lower in zip(heads, rows[0] + [""] * len(heads), strict=False)
        ]
        rows, start = rows[1:], start + 1
    note = " ".join(str(c) for row in grid[:best] for c in row if isinstance(c, str))
    stated = re.search(r"(?:单位|金额单位)\s*[:：]\s*" + _UNIT.pattern, note)
    units = {}
    for i, head in enumerate(heads):
        unit = re.search(r"[（(]\s*" + _UNIT.pattern + r"\s*[)）]", head)
        if unit or stated:
            word = (unit or stated)[1]  # type: ignore[index]
            units[i] = {"万": "万元", "亿": "亿元"}.get(word, word)
    while rows and not any(c not in (None, "") for c in rows[-1]):
        rows.pop()
    if len(rows) > MAX_ROWS:
        raise Refusal(
            "import.rows",
            f"表有 {len(rows):,} 行，一次最多 {MAX_ROWS:,} 行。拆成几份。",
            f"The table has {len(rows):,} rows; {MAX_ROWS:,} at most. Split it.",
            where="file",
        )
    return Table(heads, rows, start, units, uncached)


def guess(heads: Sequence[str]) -> dict[str, int]:
    """Field → column, by the heads: exact words first, then a head that begins with one."""
    plain = [_plain(h) for h in heads]
    found: dict[str, int] = {}
    for name, (_, _, words) in FIELDS.items():
        for word in words:
            at = next((i for i, h in enumerate(plain) if h == word and i not in found.values()), None)
            if at is not None:
                found[name] = at
                break
    return found


def rows(table: Table, mapping: Mapping[str, int]) -> Iterator[tuple[int, dict[str, Any], list[Problem]]]:
    """(row number, values, problems) of every row that holds anything."""
    seen: dict[tuple[str, str], int] = {}
    for offset, raw in enumerate(table.rows):
        number = table.first + offset
        if not any(c not in (None, "") for c in raw):
            continue
        values: dict[str, Any] = {}
        problems: list[Problem] = []
        for name, at in mapping.items():
            cell = raw[at] if at < len(raw) else None
            head = table.heads[at] or FIELDS[name][0]

            def wrong(
                zh: str,
                en: str,
                head: str = head,
                at: int = at,
                number: int = number,
                problems: list[Problem] = problems,
            ) -> None:
                problems.append(
                    Problem(number, head, f"第 {number} 行“{head}”{zh}", f"Row {number}, “{head}”: {en}", at)
                )

            above = table.joined.get((number, at))
            if above is not None and name in ("name", *_AMOUNTS) and cell not in (None, ""):
                what = (
                    ("一行写一个项目", "one project a row")
                    if name == "name"
                    else ("把金额分到各行", "give each row its own amount")
                )
                wrong(
                    f"与第 {above} 行合并成一格。拆开合并，{what[0]}，再传。",
                    f"is merged with row {above}. Unmerge it, {what[1]}, and send it again.",
                )
                continue
            if (number, at) in table.uncached:
                wrong(
                    "是公式错误，或公式没有算出值。在 Excel 里打开、存一次，或改成数值。",
                    "is a formula error or a formula without a value. Open and save it in Excel, or type the value.",
                )
                continue
            try:
                values[name] = _value(name, cell, table.units.get(at))
            except Refusal as refusal:
                wrong(refusal.zh, refusal.en)
        if not values.get("name"):
            head = table.heads[mapping["name"]]
            if not any(p.column == head for p in problems):
                problems.append(
                    Problem(
                        number,
                        head,
                        f"第 {number} 行没有“{head}”。补上，或删掉这一行。",
                        f"Row {number} has no “{head}”. Fill it in or delete the row.",
                        mapping["name"],
                    )
                )
        else:
            key = (values["name"], values.get("company") or "")
            if key in seen:
                problems.append(
                    Problem(
                        number,
                        table.heads[mapping["name"]],
                        f"第 {number} 行与第 {seen[key]} 行是同一个项目。留一行。",
                        f"Row {number} is the same project as row {seen[key]}. Keep one.",
                        mapping["name"],
                    )
                )
            seen.setdefault(key, number)
        problems += _order(number, values, table, mapping)
        yield number, values, problems


def _order(number: int, values: Mapping[str, Any], table: Table, mapping: Mapping[str, int]) -> list[Problem]:
    found = []
    dated = [(name, values[name]) for name in DATES[1:] if values.get(name)]
    for (a, first), (b, second) in itertools.pairwise(dated):
        if second < first:
            head = table.heads[mapping[b]]
            found.append(
                Problem(number, head, f"第 {number} 行“{head}” {second} 早于{FIELDS[a][0]} {first}。核对两个日期。",
                        f"Row {number}, “{head}”: {second} is before {FIELDS[a][1]}, {first}. Check both dates.", mapping[b])
            )  # fmt: skip
    return found


def _value(name: str, cell: Any, unit: str | None) -> Any:
    if cell is None or (isinstance(cell, str) and cell.strip() in _NO_VALUE):
        return None
    if name in _AMOUNTS:
        if isinstance(cell, int | float) and not isinstance(cell, bool):
            return _amount(cell, unit)
        text = str(cell).strip()
        if re.fullmatch(r"[\d,，.]+", text):
            return _amount(text, unit)
        try:
            return parse_money(text).fen
        except Refusal:
            raise Refusal(
                "import.amount",
                f"写成“{text[:20]}”，读不成金额。写成 1,200 万元 这样。",
                f"“{text[:20]}” is no amount. Write it like 1,200 万元.",
            ) from None
    if name in DATES:
        return _day(cell)
    if name == "jobs":
        try:
            return int(float(str(cell).replace(",", "")))
        except ValueError:
            raise Refusal(
                "import.number", f"写成“{cell}”，不是数字。只写人数。", f"“{cell}” is not a number."
            ) from None
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return re.sub(r"\s+", " ", str(cell)).strip()


def _amount(number: Any, unit: str | None) -> int:
    if unit is None:
        raise Refusal(
            "import.unit",
            f"写成 {number}（元？万元？）。在表头注明单位，再传一次。",
            f"reads {number} (元? 万元?). State the unit in the head and send it again.",
        )
    assert unit in FEN_PER
    fen = to_fen(number if isinstance(number, str) else repr(number), unit)
    if fen < 0:
        raise Refusal("import.negative", f"是负数 {number}。核对。", f"is negative: {number}. Check it.")
    return _plausible(fen, number, unit)


def _plausible(fen: int, written: Any, unit: str) -> int:
    """Refuse what can only be a slip of the unit: yuan written into a column of 万元 makes hundreds of billions."""
    if fen > 1000 * FEN_PER["亿元"]:
        raise Refusal(
            "import.unit",
            f"写成 {written}，按“{unit}”算是 {fen // FEN_PER['亿元']:,} 亿元，像是混用了单位。在这一格写明单位，如 1.2 亿元。",
            f"reads {written}; in {unit} that is {fen // FEN_PER['亿元']:,} 亿元, as if units were mixed. State the unit in the cell.",
        )
    return fen


def _day(cell: Any) -> dt.date:
    if isinstance(cell, dt.datetime):
        return cell.date()
    if isinstance(cell, dt.date):
        return cell
    text = str(cell).strip()
    found = re.fullmatch(r"(\d{4})[-/.年](\d{1,2})(?:[-/.月](\d{1,2})日?)?月?", text)
    try:
        if found:
            return dt.date(int(found[1]), int(found[2]), int(found[3] or 1))
        if re.fullmatch(r"\d{5}(?:\.0)?", text):
            return dt.date(1899, 12, 30) + dt.timedelta(days=int(float(text)))
    except ValueError:
        pass
    raise Refusal(
        "import.date",
        f"写成“{text[:20]}”，读不成日期。写成 2026-11-22 这样。",
        f"“{text[:20]}” is no date. Write it like 2026-11-22.",
    )


def annotated(table: Table, problems: Sequence[Problem], language: str = "zh") -> bytes:
    """The rows with problems as a workbook: the cells marked, the sentences beside them."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("要改的行" if language == "zh" else "Rows to mend")
    from openpyxl.cell import WriteOnlyCell

    red, bold = PatternFill("solid", fgColor="FCEBD3"), Font(bold=True)
    heads = []
    for word in [
        "行号" if language == "zh" else "Row",
        *table.heads,
        "问题" if language == "zh" else "Problem",
    ]:
        cell = WriteOnlyCell(sheet, value=word)
        cell.font = bold
        heads.append(cell)
    sheet.append(heads)
    by_row: dict[int, list[Problem]] = {}
    for p in problems:
        by_row.setdefault(p.row, []).append(p)
    for number, found in by_row.items():
        raw = table.rows[number - table.first]
        marked = {p.at for p in found}
        line: list[Any] = [number]
        for at in range(len(table.heads)):
            value = raw[at] if at < len(raw) else None
            cell = WriteOnlyCell(
                sheet, value="'" + value if isinstance(value, str) and value[:1] in "=+-@" else value
            )
            if at in marked:
                cell.fill = red
            line.append(cell)
        line.append(" ".join(p.en if language == "en" else p.zh for p in found))
        sheet.append(line)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
