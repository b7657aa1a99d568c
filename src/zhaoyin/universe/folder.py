"""A universe's folder: the manifest, and the one moment at which a new generation of files becomes the universe.

universe.json        the manifest; replacing it is what makes an import visible, all of it or nothing
firms-NNNNNN/        Parquet parts in order of industry, region, code; under _cards what an answer shows of each firm
rejected/            one CSV an import: rows left out and fields left empty, each with its reason
.import/             an import under way, found again after a kill
"""

from __future__ import annotations

import json
import os
from bisect import bisect_left
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from zhaoyin.base.errors import Refusal

MANIFEST = "universe.json"
FORMAT = 2


@dataclass
class Part:
    """One Parquet file: rows ``first`` to ``first + rows`` of the universe, industries ``low`` to ``high``."""

    file: str
    first: int
    rows: int
    low: str
    high: str


@dataclass
class Manifest:
    """What a folder holds. ``industries`` maps a code to its half-open range of places; ``regions`` to its count."""

    synthetic: bool = False
    generation: int = 0
    rows: int = 0
    parts: list[Part] = field(default_factory=list)
    industries: dict[str, tuple[int, int]] = field(default_factory=dict)
    regions: dict[str, int] = field(default_factory=dict)
    layouts: dict[str, dict[str, str]] = field(default_factory=dict)
    sources: list[dict[str, Any]] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    made: dict[str, Any] = field(default_factory=dict)
    format: int = FORMAT

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """The manifest of a folder. Raises Refusal when there is none or it is of another format."""
        path = folder / MANIFEST
        if not path.is_file():
            raise Refusal(
                "universe.absent",
                f"{folder} 里还没有企业库。先用 zhaoyin universe import 导入。",
                f"There is no universe in {folder}. Import one with zhaoyin universe import.",
                where=str(folder),
            )
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            if data["format"] != FORMAT:
                raise KeyError("format")
            data["parts"] = [Part(**part) for part in data["parts"]]
            data["industries"] = {code: tuple(span) for code, span in data["industries"].items()}
            return cls(**data)
        except (ValueError, KeyError, TypeError) as error:
            raise Refusal(
                "universe.manifest",
                f"{path} 读不出来或是别的版本（{error}）。用写它的版本打开，或重新导入。",
                f"{path} cannot be read or is of another version ({error}). Open it with that version, or import again.",
                where=str(path),
            ) from None

    def save(self, folder: Path) -> None:
        """Replace the manifest in one step."""
        whole = folder / (MANIFEST + ".new")
        with whole.open("w", encoding="utf-8") as file:
            json.dump(asdict(self), file, ensure_ascii=False, indent=1)
            file.flush()
            os.fsync(file.fileno())
        whole.replace(folder / MANIFEST)

    def home(self, folder: Path) -> Path:
        return folder / f"firms-{self.generation:06d}"

    def files(self, folder: Path, codes: tuple[str, ...] | None = None) -> list[str]:
        """Paths of the parts, or of those that may hold one of the codes."""
        wanted = sorted(codes) if codes is not None else None
        home = self.home(folder)
        return [
            str(home / part.file)
            for part in self.parts
            if wanted is None or bisect_left(wanted, part.low) < _after(wanted, part.high)
        ]


def _after(codes: list[str], high: str) -> int:
    at = bisect_left(codes, high)
    return at + (at < len(codes) and codes[at] == high)


def index(home: Path) -> tuple[list[Part], dict[str, tuple[int, int]], dict[str, int]]:
    """Parts, industry ranges and region counts of a generation, read from the two code columns of its files."""
    parts: list[Part] = []
    industries: dict[str, tuple[int, int]] = {}
    regions: dict[str, int] = {}
    first = 0
    for path in sorted(home.glob("part-*.parquet")):
        table = pq.read_table(path, columns=["industry", "region"])
        counts = table.group_by("industry").aggregate([([], "count_all")]).sort_by("industry")
        at = first
        for code, count in zip(counts["industry"].to_pylist(), counts["count_all"].to_pylist(), strict=True):
            start = industries[code][0] if code in industries else at
            at += count
            industries[code] = (start, at)
        for row in table.group_by("region").aggregate([([], "count_all")]).to_pylist():
            regions[row["region"]] = regions.get(row["region"], 0) + row["count_all"]
        codes = counts["industry"].to_pylist()
        parts.append(Part(path.name, first, table.num_rows, codes[0], codes[-1]))
        first += table.num_rows
    return parts, industries, dict(sorted(regions.items()))
