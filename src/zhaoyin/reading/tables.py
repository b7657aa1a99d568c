"""Tables in running text: rows by tabs, bars or blanks under a header; forms of "key: value" lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from zhaoyin.reading.scan import Scan

Span = tuple[int, int]

COLUMNS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("index", re.compile(r"^(?:序号|编号|No\.?|#|序)$", re.I)),
    (
        "amount",
        re.compile(
            r"总投资|投资额|投资总额|意向投资|计划投资|合同金额|协议金额|投资规模|金额|协议投资|签约额|引资额|拟投资"
        ),
    ),
    (
        "investor",
        re.compile(
            r"投资方|投资主体|投资单位|投资企业|投资商|投资人|投资者|企业名称|公司名称|单位名称|乙方|客商|签约企业|建设单位|合作方|合作企业|承建|签约方|项目单位|项目业主|业主|企业$"
        ),
    ),
    (
        "local",
        re.compile(
            r"责任单位|引进单位|承接单位|跟进单位|甲方|责任部门|牵头单位|引资单位|服务单位|责任主体|签约单位|洽谈单位|属地|对接单位"
        ),
    ),
    (
        "name",
        re.compile(r"^(?:签约|招商|重点|合作|在谈)?项目(?:名称)?$|^名称$|项目名称|^签约项目$|^项目内容$"),
    ),
    ("place", re.compile(r"落户|拟落户|建设地点|选址|落地|项目地址|地点|园区|板块|建设地址|地址")),
    ("stage", re.compile(r"进展|状态|阶段|进度|现状")),
    ("content", re.compile(r"建设内容|主要内容|项目简介|项目概况|内容|建设规模")),
    ("note", re.compile(r"备注|说明")),
    ("sector", re.compile(r"产业|行业|类别|领域")),
    ("date", re.compile(r"时间|日期")),
)
POLICY_COLUMNS = re.compile(
    r"^(?:类别|奖补类别|政策名称|奖补项目|扶持项目|项目类别|条款|政策|奖项|补贴名称)$"
)
POLICY_MARKS = re.compile(r"标准|上限|支持对象|奖励|补贴|扶持|额度|金额")
_SPLIT = re.compile(r"\t|\s*\|\s*|\s{2,}")


@dataclass
class Row:
    start: int
    end: int
    cells: list[Span]


@dataclass
class Table:
    """``columns`` names each column's meaning, None where it has none; ``unit`` is the wan of one unit of amount."""

    start: int
    header: list[str]
    columns: list[str | None]
    rows: list[Row] = field(default_factory=list)
    unit: float | None = None

    @property
    def end(self) -> int:
        return self.rows[-1].end if self.rows else self.start


def cells_of(text: str, start: int, end: int, single: bool) -> list[Span]:
    """The cells of a line; ``single``: one blank parts them too."""
    spans: list[Span] = []
    line = text[start:end]
    bar = "|" in line
    pattern = (
        re.compile(r"\s*\|\s*")
        if bar
        else re.compile(r"\t")
        if "\t" in line
        else re.compile(r"\s+")
        if single
        else _SPLIT
    )
    at = 0
    for match in pattern.finditer(line):
        spans.append((start + at, start + match.start()))
        at = match.end()
    spans.append((start + at, end))
    if bar:
        spans = spans[1:] if spans and spans[0][0] == spans[0][1] else spans
        spans = spans[:-1] if spans and spans[-1][0] == spans[-1][1] else spans
    out = []
    for left, right in spans:
        while left < right and text[left] in " \t*":
            left += 1
        while right > left and text[right - 1] in " \t*":
            right -= 1
        out.append((left, right))
    return out if bar or "\t" in line else [cell for cell in out if cell[0] < cell[1]]


def meaning(cell: str) -> str | None:
    if len(cell) > 16:
        return None
    return next((name for name, pattern in COLUMNS if pattern.search(cell)), None)


def unit_of(text: str) -> float | None:
    match = re.search(r"[（(:：]?\s*(?:单位[：:])?\s*(亿元|万元|千万元|元)[）)]?", text)
    return {"亿元": 10_000.0, "万元": 1.0, "千万元": 1000.0, "元": 0.0001}[match[1]] if match else None


def tables(scan: Scan) -> Iterator[Table]:
    """Every table with a header that names projects (or incentives) and at least one row."""
    text, lines = scan.text, scan.lines
    at = 0
    while at < len(lines):
        start, end = lines[at]
        if end - start > 200 or end - start < 4:
            at += 1
            continue
        header = cells_of(text, start, end, single=True)
        names = [text[left:right] for left, right in header]
        columns = [meaning(name) for name in names]
        known = [column for column in columns if column]
        policy = (
            bool(names)
            and bool(POLICY_COLUMNS.match(names[0]))
            and sum(bool(POLICY_MARKS.search(name)) for name in names[1:]) >= 1
        )
        projects = "name" in known and ("investor" in known or "amount" in known or "place" in known)
        ledger = "investor" in known and "amount" in known
        if len(names) < 3 or not (policy or projects or ledger) or sum(map(len, names)) > 90:
            at += 1
            continue
        table = Table(start, names, ["policy", *columns[1:]] if policy else columns)
        table.unit = next(
            (
                unit
                for name, column in zip(names, columns, strict=True)
                if column == "amount" and (unit := unit_of(name))
            ),
            None,
        )
        if table.unit is None:
            before = text[max(0, start - 120) : start]
            if (match := re.search(r"单位[：:]\s*(亿元|万元)", before)) is not None:
                table.unit = unit_of(match[1])
        single = "\t" not in text[start:end] and "|" not in text[start:end]
        at += 1
        while at < len(lines):
            left, right = lines[at]
            line = text[left:right]
            if re.fullmatch(r"[\s|:\-—]+", line):
                at += 1
                continue
            cells = cells_of(text, left, right, single)
            if len(cells) < max(2, min(3, len(names) - 2)) or (right - left > 400):
                break
            if not single and len(cells) < 3:
                break
            if single and re.search(r"[。；]", line) and len(cells) < len(names) - 1:
                break
            table.rows.append(Row(left, right, _align(cells, names, table.columns, text)))
            at += 1
        if table.rows:
            yield table


def _align(cells: list[Span], names: list[str], columns: list[str | None], text: str) -> list[Span]:
    """As many cells as the header names: too many are joined where a name may hold a blank, too few filled up."""
    if len(cells) == len(names):
        return cells
    if len(cells) > len(names):
        extra = len(cells) - len(names)
        for at, column in enumerate(columns):
            if column in ("name", "content", "policy"):
                joined = (cells[at][0], cells[at + extra][1])
                return [*cells[:at], joined, *cells[at + extra + 1 :]]
        return cells[: len(names)]
    if (
        columns
        and columns[0] == "index"
        and cells
        and not re.match(r"[\d①-⑳一二三四五六七八九十]+$", text[slice(*cells[0])])
    ):
        cells = [(cells[0][0], cells[0][0]), *cells]
    while len(cells) < len(names):
        cells = [*cells, (cells[-1][1], cells[-1][1])]
    return cells
