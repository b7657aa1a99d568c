"""What every table needs once its cells are known: merges filled, the header found."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace

from zhaoyin.reading.load.document import Table, Value

_HEADERISH = re.compile(
    "序号|编号|名称|项目|单位|金额|投资|面积|时间|日期|地点|地址|备注|联系|姓名|职务|电话|行业|产业|类别|类型|状态|进度|企业|内容|规模|合计|数量|阶段|负责人"
)


def finish(table: Table) -> Table:
    """Give covered places of merges their value and find title and header rows."""
    rows = [list(row) for row in table.rows] if table.merged else None
    if rows is not None:
        room = 4 * len(rows) * table.width  # merges that overlap over and over are an attack
        for top, left, bottom, right in table.merged:
            if top >= len(rows) or left >= table.width:
                continue
            room -= (min(bottom, len(rows)) - top + 1) * (right - left + 1)
            if room < 0:
                break
            value = rows[top][left]
            for row in range(top, min(bottom + 1, len(rows))):
                for column in range(left, min(right + 1, table.width)):
                    rows[row][column] = value
        table = replace(table, rows=[tuple(row) for row in rows])
    title, header = _header(table)
    return replace(table, title_rows=title, header_rows=header)


def _texty(value: Value) -> bool:
    return isinstance(value, str) and not re.fullmatch(r"[\d.,%\-/年月日\s]+", value)


def _header(table: Table) -> tuple[int, int]:
    """How many title rows and, after them, how many header rows a table begins with."""
    rows = table.rows[:12]
    title = 0
    wide = max(2, (table.width + 1) // 2)
    for row in rows:
        # Titles: one thing said across the sheet, or a line of unit and date.
        distinct = {str(value).strip() for value in row if value is not None}
        if len(distinct) <= 1 or (len(distinct) <= 2 and table.width >= 4 and not _named(row)):
            title += 1
        else:
            break
    if title >= len(rows):
        return (0, 0) if len(table.rows) <= 1 or table.width == 1 else (min(title, 1), 0)
    first = rows[title]
    filled = [value for value in first if value is not None]
    if len(filled) < min(wide, 2) or not all(map(_texty, filled)):
        return title, 0
    if not _named(first) and (
        title + 1 >= len(table.rows)
        or not any(_is_number(value) for row in rows[title + 1 :] for value in row)
    ):
        # Words over words: a header only when it says so in the field's usual terms.
        return title, 0
    header = 1
    spans = [m for m in table.merged if m[0] <= title <= m[2]]
    for top, left, bottom, right in spans:
        if top == title and bottom > top and right - left < table.width - 1:
            header = max(header, bottom - title + 1)
        elif (
            top == title
            and right > left
            and title + 1 < len(rows)
            and all(value is None or _texty(value) for value in rows[title + 1][left : right + 1])
        ):
            header = max(header, 2)
    return title, min(header, max(1, len(table.rows) - title - 1))


def _named(row: tuple[Value, ...]) -> bool:
    return sum(isinstance(v, str) and len(v) <= 16 and bool(_HEADERISH.search(v)) for v in row) >= 2


def _is_number(value: Value) -> bool:
    return (
        (isinstance(value, (int, float)) and not isinstance(value, bool))
        or isinstance(value, dt.date)
        or (isinstance(value, str) and re.fullmatch(r"[\d,]+(\.\d+)?%?", value.strip()) is not None)
    )


def shown(value: Value) -> str:
    """A value as the text of its cell: whole numbers without a point, dates as ISO dates."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        if value.is_integer() and abs(value) < 1e15:
            return str(int(value))
        return f"{value:.15g}"
    if isinstance(value, dt.datetime):
        return value.isoformat(" ") if value.time() != dt.time() else value.date().isoformat()
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    return str(value)
