"""Text columns to firms: every row is accepted, or rejected with its reasons in words.

Columns of few distinct values (codes, dates, capital, counts, flags) are read one distinct value at a time; the two
that differ in every row, name and code, are checked as whole columns.
"""

from __future__ import annotations

import datetime as dt
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from zhaoyin.base import uscc
from zhaoyin.base.errors import Refusal
from zhaoyin.base.money import parse_money
from zhaoyin.universe.codes import CodeTable, Resolver
from zhaoyin.universe.reader import Block
from zhaoyin.universe.schema import SCHEMA, STATUSES, WORD

BLANKS = pa.array(
    ["", "-", "--", "—", "——", "/", "\\N", "null", "NULL", "None", "nan", "NaN", "暂无", "无", "未公开"]
)
REJECTS = pa.schema(
    [("row", pa.int32()), ("uscc", pa.string()), ("name", pa.string()), ("outcome", pa.string()), ("reason", pa.string())]
)  # fmt: skip
REJECTED, KEPT = "rejected", "kept"

Read = Callable[[str], tuple[Any, str | None]]
_FAULTS = {
    "length": "统一社会信用代码“{}”不是 18 位",
    "alphabet": "统一社会信用代码“{}”有不合法的字符",
    "check": "统一社会信用代码“{}”校验位不对",
}

_LUT = np.full(256, 255, np.uint8)
for _value, _character in enumerate(uscc.ALPHABET):
    _LUT[ord(_character)] = _value
_WEIGHTS = np.array([pow(3, n, 31) for n in range(17)], np.int32)


def uscc_sound(codes: pa.Array) -> npt.NDArray[np.bool_]:
    """Whether each string is a USCC with the right check character (GB 32100-2015): as base.uscc.is_valid, by columns."""
    sound = np.zeros(len(codes), bool)
    long = np.flatnonzero(
        pc.fill_null(pc.equal(pc.binary_length(codes), 18), False).to_numpy(zero_copy_only=False)
    )
    if not len(long):
        return sound
    picked = codes.take(pa.array(long)) if len(long) < len(codes) or codes.offset else codes
    _, offsets, data = picked.buffers()
    start = np.frombuffer(offsets, np.int32, 1, picked.offset * 4)[0]
    letters = np.frombuffer(data, np.uint8, 18 * len(long), start).reshape(-1, 18)
    values = _LUT[letters]
    # 31 * 30 * 17 fits easily; an illegal character is 255 and is caught on its own.
    expected = (31 - (values[:, :17].astype(np.int32) @ _WEIGHTS) % 31) % 31
    sound[long] = (values != 255).all(axis=1) & (expected == values[:, 17])
    return sound


_DATE = re.compile(r"^(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?(?:[ T].*)?$")


def read_date(text: str) -> tuple[dt.date | None, str | None]:
    """2005-01-31, 2005/1/31, 2005年1月31日, 20050131, each with or without a time; a spreadsheet's day number."""
    found = _DATE.match(text)
    try:
        if found:
            return dt.date(int(found[1]), int(found[2]), int(found[3])), None
        if re.fullmatch(r"(18|19|20)\d{6}", text):
            return dt.date(int(text[:4]), int(text[4:6]), int(text[6:])), None
        if re.fullmatch(r"\d{5}(\.\d+)?", text):
            return dt.date(1899, 12, 30) + dt.timedelta(days=int(text[:5])), None
    except ValueError:
        pass
    return None, f"“{text}”读不成日期"


def read_count(text: str) -> tuple[int | None, str | None]:
    found = re.fullmatch(r"([\d,，]+)(?:\.0+)?\s*(?:人|件|项|家|个)?", text)
    if found:
        number = int(re.sub("[,，]", "", found[1]) or 0)
        if number < 2**31:
            return number, None
    return None, f"“{text}”读不成个数"


def read_flag(text: str) -> tuple[bool | None, str | None]:
    if text.lower() in ("是", "有", "1", "true", "y", "yes", "t", "√"):
        return True, None
    if text.lower() in ("否", "不是", "0", "false", "n", "no", "f", "×", "非上市", "未上市"):
        return False, None
    if text in ("上市", "已上市", "A股", "主板", "创业板", "科创板", "北交所", "高新技术企业"):
        return True, None
    return None, f"“{text}”读不成是否"


def read_share(text: str) -> tuple[float | None, str | None]:
    try:
        number = float(text)
    except ValueError:
        return None, f"“{text}”读不成数"
    return (number, None) if 0 <= number <= 1 else (None, f"“{text}”不在 0 到 1 之间")


def read_status(text: str) -> tuple[str, None]:
    """The first key of STATUSES one of whose words the text holds; dead ends are looked for before 存续."""
    lowered = text.lower()
    for status in ("closed", "revoked", "moved", "suspended", "open"):
        if any(word in lowered for word in STATUSES[status]):
            return status, None
    return "unknown", None


_NUMBER = re.compile(r"\d+(\.\d+)?")


def capital_reader(unit: str | None) -> Read:
    """Reads an amount as (fen, ISO currency); a bare number is in ``unit``."""

    def read(text: str) -> tuple[tuple[int, str] | None, str | None]:
        text = text.replace("(", "").replace(")", "").replace("（", "").replace("）", "")
        # Registry texts write 1000万元人民币, 1000万人民币, 500万美元; zero means not stated.
        if _NUMBER.fullmatch(text) and not float(text):
            return None, None
        try:
            money = parse_money(text, default_unit=unit)
        except Refusal as refusal:
            if refusal.code == "money.unit" and unit is None:
                return None, f"“{text}”没有单位（用 --map capital=列名:万元 说明）"
            return None, f"“{text}”读不成金额"
        return (money.fen, money.currency), None

    return read


@dataclass
class Cleaned:
    """A block after checking. ``read`` == accepted rows + rejected rows, always."""

    number: int
    firms: pa.Table  # SCHEMA without place and source
    rejects: (
        pa.Table
    )  # REJECTS; outcome "rejected", or "kept" where an optional field was unreadable and left empty
    read: int
    rejected: int


@dataclass
class Cleaner:
    """Checks blocks of one source against the code tables; safe to share between threads."""

    industries: CodeTable | None
    regions: CodeTable | None
    capital_unit: str | None = None
    _memo: dict[str, dict[str, tuple[Any, str | None]]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.industry = Resolver("industry", self.industries)
        self.region = Resolver("region", self.regions)
        self.readers: dict[str, Read] = {
            "established": read_date, "capital": capital_reader(self.capital_unit), "employees": read_count,
            "patents": read_count, "branches": read_count, "high_tech": read_flag, "listed": read_flag,
            "mobility": read_share, "status": read_status,
        }  # fmt: skip

    def __call__(self, block: Block) -> Cleaned:
        table = block.table.combine_chunks()
        count = table.num_rows
        columns: dict[str, pa.Array] = {}
        for name in table.column_names:
            if name != "_row":
                columns[name] = _blanked(_flat(table[name]))
        rows = _flat(table["_row"]).to_numpy()
        filled = np.zeros(count, bool)
        for column in columns.values():
            filled |= column.is_valid().to_numpy(zero_copy_only=False)

        reasons: list[pa.Array] = []
        code = pc.utf8_upper(columns["uscc"])
        sound = uscc_sound(code)
        for at in np.flatnonzero(~sound & filled):  # full-width letters, inner spaces: seldom
            text = code[int(at)].as_py()
            if text and uscc.is_valid(uscc.normalise(text)):
                sound[at] = True
        if not sound.all():
            code = pa.array([text and uscc.normalise(text) for text in code.to_pylist()], pa.string())
            reasons.append(
                pa.array(
                    [None if ok else _uscc_fault(t) for ok, t in zip(sound, code.to_pylist(), strict=True)],
                    pa.string(),
                )
            )
        name = columns["name"]
        if name.null_count:
            reasons.append(pc.if_else(name.is_valid(), None, pa.scalar("缺企业名称")))
        garbled = pc.fill_null(
            pc.or_kleene(pc.match_substring(name, "\ufffd"), pc.match_substring(code, "\ufffd")), False
        )
        if pc.any(garbled).as_py():
            reasons.append(pc.if_else(garbled, pa.scalar("有读不出的字节（编码错误）"), None))
        industry, fault = self._resolve(self.industry, _deepest(columns, count))
        reasons += fault
        region, fault = self._resolve(self.region, _whole(columns, count))
        reasons += fault

        good = filled.copy()
        why = _join(reasons)
        if why is not None:
            good &= ~why.is_valid().to_numpy(zero_copy_only=False)
        notes: list[pa.Array] = []
        values: dict[str, pa.Array] = {}
        for name_, reader in self.readers.items():
            if name_ in columns:
                values[name_], note = self._each(name_, reader, columns[name_])
                if note is not None:
                    notes.append(note)

        firms = self._firms(
            columns=columns, code=code, industry=industry, region=region, values=values, rows=rows
        )
        rejects = _rejects(rows, code, columns["name"], why, filled & ~good, REJECTED)
        noted = _join(notes)
        kept = np.zeros(count, bool)
        if noted is not None:
            kept = good & noted.is_valid().to_numpy(zero_copy_only=False)
        parts = [rejects, _rejects(rows, code, columns["name"], noted, kept, KEPT)]
        if block.bad:
            parts.append(
                pa.table(
                    {
                        "row": [one.row for one in block.bad],
                        "uscc": [None] * len(block.bad),
                        "name": [one.text[:200] for one in block.bad],
                        "outcome": [REJECTED] * len(block.bad),
                        "reason": [one.reason for one in block.bad],
                    },
                    schema=REJECTS,
                )
            )
        read = int(filled.sum()) + len(block.bad)
        keep = np.flatnonzero(good)
        order = keep[np.lexsort((_rank(region, keep), _rank(industry, keep)))]
        return Cleaned(
            block.number, firms.take(pa.array(order)), pa.concat_tables(parts), read, read - len(keep)
        )

    def _firms(
        self,
        *,
        columns: dict[str, pa.Array],
        code: pa.Array,
        industry: pa.Array,
        region: pa.Array,
        values: dict[str, pa.Array],
        rows: npt.NDArray[np.int32],
    ) -> pa.Table:
        count = len(code)
        capital = values.get("capital")
        made: dict[str, pa.Array] = {
            "uscc": code,
            "industry": industry,
            "region": region,
            "source_row": pa.array(rows, pa.int32()),
            "status": pc.fill_null(values["status"], "unknown")
            if "status" in values
            else pa.array(["unknown"] * count),
        }
        if capital is not None:
            made["capital_fen"], made["capital_currency"] = (
                pc.struct_field(capital, [0]),
                pc.struct_field(capital, [1]),
            )
        arrays = []
        names = [one for one in SCHEMA if one.name not in ("place", "source")]
        for one in names:
            array = made.get(one.name)
            if array is None:
                array = values.get(one.name, columns.get(one.name))
            arrays.append(pa.nulls(count, one.type) if array is None else array.cast(one.type))
        return pa.Table.from_arrays(arrays, schema=pa.schema(names))

    def _resolve(self, resolver: Resolver, written: pa.Array) -> tuple[pa.Array, list[pa.Array]]:
        coded = written.dictionary_encode()
        with self._lock:
            found = [resolver(text) for text in coded.dictionary.to_pylist()]
            missing = resolver(None)[1]
        codes = pa.array([code for code, _ in found], pa.string()).take(coded.indices)
        if not codes.null_count:
            return codes, []
        faults = pa.array([fault for _, fault in found], pa.string()).take(coded.indices)
        return codes, [pc.if_else(written.is_valid(), faults, pa.scalar(missing))]

    def _each(self, name: str, reader: Read, column: pa.Array) -> tuple[pa.Array, pa.Array | None]:
        coded = column.dictionary_encode()
        memo = self._memo.setdefault(name, {})
        if len(memo) > 500_000:
            memo = self._memo[name] = {}
        found = []
        for text in coded.dictionary.to_pylist():
            known = memo.get(text)
            if known is None:
                known = memo[text] = reader(text)
            found.append(known)
        values = pa.array([value for value, _ in found], _TYPES[name]).take(coded.indices)
        if all(fault is None for _, fault in found):
            return values, None
        word = WORD[name]
        return values, pa.array([fault and f"{word}{fault}" for _, fault in found], pa.string()).take(
            coded.indices
        )


_TYPES: dict[str, pa.DataType] = {
    **{field.name: field.type for field in SCHEMA},
    "capital": pa.struct([("fen", pa.int64()), ("currency", pa.string())]),
}


def _flat(column: pa.ChunkedArray) -> pa.Array:
    return (
        column.chunk(0)
        if column.num_chunks == 1
        else pa.concat_arrays(column.chunks)
        if column.num_chunks
        else pa.array([], column.type)
    )


def _blanked(column: pa.Array) -> pa.Array:
    trimmed = pc.utf8_trim_whitespace(column)
    return pc.if_else(pc.is_in(trimmed, value_set=BLANKS), pa.scalar(None, pa.string()), trimmed)


def _deepest(columns: dict[str, pa.Array], count: int) -> pa.Array:
    """The most precise industry a row states: class, group, division, section, else the one column."""
    named = ("industry_class", "industry_group", "industry_division", "industry", "industry_section")
    have = [columns[name] for name in named if name in columns]
    return pc.coalesce(*have) if have else pa.nulls(count, pa.string())


def _whole(columns: dict[str, pa.Array], count: int) -> pa.Array:
    """The region's code, else province|city|county as written."""
    have = [columns[name] for name in ("province", "city", "county") if name in columns]
    names = _join(have, "|")
    if names is None:
        names = pa.nulls(count, pa.string())
    return pc.coalesce(columns["region"], names) if "region" in columns else names


def _uscc_fault(code: str | None) -> str:
    if not code:
        return "缺统一社会信用代码"
    return _FAULTS[uscc.fault(code) or "check"].format(code[:40])


def _join(columns: list[pa.Array], mark: str = "；") -> pa.Array | None:
    """What stands in each row, joined; null where nothing does. (pyarrow's own join with "skip" loses empty rows.)"""
    if not columns:
        return None
    joined = columns[0]
    for column in columns[1:]:
        both = pc.binary_join_element_wise(joined, column, mark)
        joined = pc.coalesce(both, joined, column)
    return joined


def _rejects(
    rows: npt.NDArray[np.int32],
    code: pa.Array,
    name: pa.Array,
    why: pa.Array | None,
    which: npt.NDArray[np.bool_],
    outcome: str,
) -> pa.Table:
    places = pa.array(np.flatnonzero(which))
    if why is None or not len(places):
        return REJECTS.empty_table()
    return pa.Table.from_arrays(
        [
            pa.array(rows[which], pa.int32()),
            code.take(places),
            name.take(places),
            pa.array([outcome] * len(places), pa.string()),
            why.take(places),
        ],
        schema=REJECTS,
    )


def _rank(codes: pa.Array, keep: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The order of each kept code among the distinct ones."""
    coded = codes.take(pa.array(keep)).dictionary_encode()
    words = np.array(coded.dictionary.to_pylist(), object)
    rank = np.empty(len(words), np.int64)
    rank[np.argsort(words)] = np.arange(len(words))
    result: npt.NDArray[np.int64] = rank[coded.indices.to_numpy()] if len(words) else np.zeros(0, np.int64)
    return result
