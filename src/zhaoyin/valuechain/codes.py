"""Code tables: a classification loaded as data (GB/T 4754-2017 and the like), and what is said about a wrong code."""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from zhaoyin.base.errors import Refusal

_CODE = {"code", "代码", "编码", "行业代码"}
_NAME = {"name", "名称", "行业名称", "类别名称"}
_PARENT = {"parent", "上级", "上级代码", "父级"}
_LAT, _LON = {"lat", "latitude", "纬度"}, {"lon", "lng", "longitude", "经度"}


@dataclass(frozen=True)
class CodeTable:
    """Codes of one scheme with names; ``parents`` and, of regions, ``places`` (lat, lon) where the file gives them."""

    scheme: str
    names: Mapping[str, str]
    parents: Mapping[str, str] = field(default_factory=dict)
    places: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    @staticmethod
    def file_in(home: str | Path, scheme: str = "GB/T 4754-2017") -> Path:
        """Where an installation whose data lie in ``home`` keeps the table of a scheme."""
        return Path(home) / "codes" / (scheme.replace("/", "").replace(" ", "_") + ".csv")

    @classmethod
    def kept_in(cls, home: str | Path, scheme: str = "GB/T 4754-2017") -> CodeTable | None:
        """The table loaded for a scheme, or None when none was."""
        file = cls.file_in(home, scheme)
        return cls.load(file, scheme) if file.is_file() else None

    def __contains__(self, code: object) -> bool:
        return code in self.names

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    @classmethod
    def load(cls, path: str | Path, scheme: str = "GB/T 4754-2017") -> CodeTable:
        """Read a CSV (UTF-8 or GB18030) with a code and a name column. Refuses an unreadable table as a whole."""
        file = Path(path)
        if not file.is_file():
            raise Refusal("codes.absent", f"没有文件 {file}。", f"There is no file {file}.", where=str(file))
        data = file.read_bytes()
        for encoding in ("utf-8-sig", "gb18030"):
            try:
                text = data.decode(encoding)
                break
            except UnicodeDecodeError:
                continue
        else:
            raise Refusal(
                "codes.encoding",
                f"{file.name} 既不是 UTF-8 也不是 GB18030，另存为“CSV UTF-8”。",
                f"{file.name} is neither UTF-8 nor GB18030; save it as “CSV UTF-8”.",
                where=str(file),
            )
        reader = csv.reader(io.StringIO(text))
        header = [c.strip().lower() for c in next(reader, [])]
        places = {
            role: next((i for i, c in enumerate(header) if c in words), None)
            for role, words in (
                ("code", _CODE),
                ("name", _NAME),
                ("parent", _PARENT),
                ("lat", _LAT),
                ("lon", _LON),
            )
        }
        code_at, name_at, parent_at = places["code"], places["name"], places["parent"]
        if code_at is None or name_at is None:
            raise Refusal(
                "codes.columns",
                f"{file.name} 第 1 行要有“code/代码”和“name/名称”两列，现在是：{'、'.join(header) or '空'}。",
                f"{file.name} line 1 needs the columns code and name; it has: {', '.join(header) or 'nothing'}.",
                where=f"{file}:1",
            )
        names: dict[str, str] = {}
        parents: dict[str, str] = {}
        points: dict[str, tuple[float, float]] = {}
        bad: list[tuple[int, str, str]] = []
        for cells in reader:
            if not any(c.strip() for c in cells):
                continue
            code = cells[code_at].strip() if code_at < len(cells) else ""
            name = cells[name_at].strip() if name_at < len(cells) else ""
            line = reader.line_num
            if not code or not name:
                bad.append((line, "代码或名称是空的", "code or name is empty"))
            elif code in names:
                bad.append((line, f"代码 {code} 重复", f"code {code} repeats"))
            else:
                names[code] = name
                if parent_at is not None and parent_at < len(cells) and cells[parent_at].strip():
                    parents[code] = cells[parent_at].strip()
                try:
                    point = _point(cells, places["lat"], places["lon"])
                except ValueError:
                    bad.append(
                        (
                            line,
                            "纬度、经度不是度数（-90–90，-180–180）",
                            "latitude and longitude are no degrees",
                        )
                    )
                else:
                    points |= {code: point} if point else {}
        orphans = sorted({p for p in parents.values() if p not in names})
        if orphans:
            bad.append(
                (
                    1,
                    f"上级代码 {'、'.join(orphans[:5])} 不在表里",
                    f"parents {', '.join(orphans[:5])} are not in the table",
                )
            )
        if bad or not names:
            lines = bad or [(2, "一行代码也没有", "there is no code at all")]
            raise Refusal(
                "codes.rows",
                f"{file.name} 没有载入：\n" + "\n".join(f"第 {n} 行：{zh}" for n, zh, _ in lines[:20]),
                f"{file.name} was not loaded:\n" + "\n".join(f"line {n}: {en}" for n, _, en in lines[:20]),
                where=f"{file}:{lines[0][0]}",
            )
        return cls(scheme, names, parents, points)

    def save(self, path: str | Path) -> None:
        file = Path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out)
            writer.writerow(["code", "name", "parent", *(("lat", "lon") if self.places else ())])
            for code, name in self.names.items():
                point = self.places.get(code, ("", "")) if self.places else ()
                writer.writerow([code, name, self.parents.get(code, ""), *point])

    def hint(self, code: str, language: str = "zh") -> str:
        """“, did you mean …”: a name written for a code, or the nearest codes; empty when nothing is near."""
        for known, name in self.names.items():
            if name == code:
                return (
                    f"；名称“{name}”的代码是 {known}"
                    if language == "zh"
                    else f"; “{name}” has the code {known}"
                )
        near = difflib.get_close_matches(code, list(self.names), n=2, cutoff=0.6)
        if not near:
            return ""
        shown = [f"{c} {self.names[c]}" for c in near]
        return f"，相近的有 {'、'.join(shown)}" if language == "zh" else f"; near it: {', '.join(shown)}"

    def require(self, codes: list[str]) -> None:
        """Refuse, by name, codes the table does not hold."""
        unknown = [c for c in codes if c not in self.names]
        if unknown:
            raise Refusal(
                "codes.unknown",
                f"代码 {'、'.join(unknown[:10])} 不在 {self.scheme} 里{self.hint(unknown[0], 'zh')}。",
                f"Codes {', '.join(unknown[:10])} are not in {self.scheme}{self.hint(unknown[0], 'en')}.",
                where=unknown[0],
            )


def _point(cells: list[str], lat_at: int | None, lon_at: int | None) -> tuple[float, float] | None:
    """The place in a row, None where the row leaves it out. Raises ValueError for what is no place on earth."""
    if lat_at is None or lon_at is None or max(lat_at, lon_at) >= len(cells):
        return None
    if not cells[lat_at].strip() and not cells[lon_at].strip():
        return None
    lat, lon = float(cells[lat_at]), float(cells[lon_at])
    if not (-90 <= lat <= 90 and -180 <= lon <= 180):
        raise ValueError(lat, lon)
    return lat, lon
