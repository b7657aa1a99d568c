"""Code tables a universe is checked against: a CSV of ``code,name,parent,level`` (and ``lat,lon`` for regions)."""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from zhaoyin.base.errors import Refusal

Kind = Literal["industry", "region"]

# GB/T 2260: the first two digits of every region. Without a loaded table this is all that can be checked.
PROVINCES = frozenset(map(str, (11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46, 50, 51, 52, 53, 54, 61, 62, 63, 64, 65, 71, 81, 82)))  # fmt: skip
_SUFFIX = re.compile(
    r"(特别行政区|维吾尔自治区|壮族自治区|回族自治区|自治区|自治州|自治县|地区|省|市|区|县|盟|旗)$"
)
_WORD = {"industry": ("行业代码", "industry code"), "region": ("行政区划代码", "region code")}
_TABLE = {"industry": ("行业代码表", "industry table"), "region": ("行政区划代码表", "region table")}


@dataclass(frozen=True)
class CodeTable:
    """Valid codes of one kind, with names where known. ``label`` names the table in messages and in the manifest."""

    kind: Kind
    names: dict[str, str]
    parents: dict[str, str] = field(default_factory=dict)
    places: dict[str, tuple[float, float]] = field(default_factory=dict)
    label: str = ""

    @classmethod
    def of(cls, kind: Kind, codes: Iterable[str], label: str = "") -> CodeTable:
        """A table of bare codes."""
        return cls(kind, dict.fromkeys(codes, ""), label=label)

    @classmethod
    def load(cls, kind: Kind, path: str | Path) -> CodeTable:
        """Read a CSV (UTF-8) with the columns code and name, and where there are any parent, level, lat, lon."""
        path = Path(path)
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                rows = list(csv.DictReader(file))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise Refusal(
                "universe.codes",
                f"代码表 {path.name} 读不出来：须是 UTF-8 的 CSV，列为 code,name,parent,level。（{error}）",
                f"The code table {path.name} cannot be read: a UTF-8 CSV with code,name,parent,level is needed. ({error})",
                where=str(path),
            ) from None
        if not rows or "code" not in rows[0] or "name" not in rows[0]:
            raise Refusal(
                "universe.codes",
                f"代码表 {path.name} 没有 code、name 两列或没有行。",
                f"The code table {path.name} lacks the columns code and name, or has no rows.",
                where=str(path),
            )
        bare = _bare_industry if kind == "industry" else str.strip
        names = {bare(row["code"]): (row["name"] or "").strip() for row in rows if row["code"]}
        parents = {
            bare(row["code"]): bare(row["parent"]) for row in rows if row["code"] and row.get("parent")
        }
        places = {}
        for line, row in enumerate(rows, 2):
            if not (row["code"] and row.get("lat") and row.get("lon")):
                continue
            try:
                places[bare(row["code"])] = float(row["lat"]), float(row["lon"])
            except ValueError:
                raise Refusal(
                    "universe.codes",
                    f"代码表 {path.name} 第 {line} 行的经纬度“{row['lat']}, {row['lon']}”不是数。改正后再用。",
                    f"The code table {path.name}, line {line}: lat and lon “{row['lat']}, {row['lon']}” are no numbers. Correct them.",
                    where=str(path),
                ) from None
        return cls(kind, names, parents, places, path.stem)

    def fingerprint(self) -> str:
        text = "\n".join(f"{code},{name}" for code, name in sorted(self.names.items()))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def by_name(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for code, name in self.names.items():
            if name:
                found.setdefault(name, []).append(code)
        return found


def _bare_industry(code: str) -> str:
    """A GB/T 4754 code as stored: "C3985" and "3985.0" are "3985"; a lone section letter stays."""
    text = code.strip().upper().removesuffix(".0")
    return text[1:] if re.fullmatch(r"[A-T]\d{2,4}", text) else text


class Resolver:
    """Turns written values into codes, one distinct value at a time and each once."""

    def __init__(self, kind: Kind, table: CodeTable | None) -> None:
        self.kind, self.table = kind, table
        self._label = (table and table.label) or _TABLE[kind][0]
        self._names = table.by_name() if table else {}
        self._known: dict[str, tuple[str | None, str | None]] = {}
        self._short: dict[str, list[str]] = {}
        for name, codes in self._names.items():
            self._short.setdefault(_SUFFIX.sub("", name), []).extend(codes)

    def __call__(self, written: str | None) -> tuple[str | None, str | None]:
        """(code, None) or (None, the reason in Chinese)."""
        if not written:
            return None, f"缺{_WORD[self.kind][0]}"
        if written not in self._known:
            if len(self._known) > 500_000:
                self._known.clear()
            find = self._industry if self.kind == "industry" else self._region
            self._known[written] = find(written)
        return self._known[written]

    def _absent(self, written: str) -> tuple[None, str]:
        return None, f"{_WORD[self.kind][0]}“{written}”不在代码表 {self._label} 中"

    def _industry(self, written: str) -> tuple[str | None, str | None]:
        code = _bare_industry(written)
        if self.table is None:
            if re.fullmatch(r"[A-T]|\d{2,4}", code):
                return code, None
            return None, f"行业“{written}”是名称不是代码，而没有载入行业代码表"
        if code in self.table.names:
            return code, None
        if re.fullmatch(r"\d{1,3}", code) and "0" + code in self.table.names:
            return "0" + code, None  # spreadsheets eat leading zeros
        if re.fullmatch(r"[A-T]?\d+", code):
            return self._absent(written)
        deepest = sorted(self._names.get(written, []), key=len)
        if not deepest:
            return None, f"行业名称“{written}”不在代码表 {self._label} 中"
        # A group with one class repeats its name: the deepest code is the same thing, said more precisely.
        longest = [code for code in deepest if len(code) == len(deepest[-1])]
        if len(longest) > 1:
            return None, f"行业名称“{written}”对应多个代码：{'、'.join(longest)}"
        return longest[0], None

    def _region(self, written: str) -> tuple[str | None, str | None]:
        text = written.strip().strip("|").removesuffix(".0")
        if re.fullmatch(r"\d+", text):
            code = text[:6].ljust(6, "0") if len(text) in (2, 4, 6, 9, 12) else text
            if self.table is None:
                good = len(code) == 6 and code[:2] in PROVINCES
                return (code, None) if good else (None, f"行政区划代码“{written}”不是 6 位代码")
            return (code, None) if code in self.table.names else self._absent(written)
        if self.table is None:
            return None, f"地区“{written.replace('|', '')}”是名称不是代码，而没有载入行政区划代码表"
        return self._region_by_name([part.strip() for part in re.split(r"[|/\-—\s]+", text) if part.strip()])

    def _region_by_name(self, parts: list[str]) -> tuple[str | None, str | None]:
        at: list[str] = []
        if len(parts) == 1 and parts[0] not in self._names:
            parts = self._cut(parts[0])
        for part in parts:
            codes = self._names.get(part) or self._short.get(_SUFFIX.sub("", part)) or []
            under = [
                code for code in codes if not at or any(code != one and self._within(code, one) for one in at)
            ]
            if not under and set(codes) & set(at):  # 北京市|北京市|东城区
                continue
            if not under and part in ("市辖区", "县", "省直辖县级行政区划"):
                continue
            if not under:
                return None, f"地区“{'/'.join(parts)}”不在代码表 {self._label} 中"
            at = under
        if len(at) > 1:  # 吉林 the province and 吉林 the city: the wider one, if it holds the others
            wide = [code for code in at if all(code == other or self._within(other, code) for other in at)]
            if len(wide) != 1:
                return None, f"地区“{'/'.join(parts)}”对应多个代码：{'、'.join(at[:5])}"
            at = wide
        return (at[0], None) if at else (None, "缺行政区划代码")

    def _cut(self, text: str) -> list[str]:
        """山东省烟台市招远市 as its parts: the longest known name each time; the whole when that does not come out."""
        parts, rest = [], text
        while rest:
            name = next((rest[:end] for end in range(len(rest), 1, -1) if rest[:end] in self._names), None)
            if name is None:
                return [text]
            parts.append(name)
            rest = rest[len(name) :]
        return parts

    def _within(self, code: str, parent: str) -> bool:
        stem = parent[:2] if parent.endswith("0000") else parent[:4] if parent.endswith("00") else parent
        return code.startswith(stem)
