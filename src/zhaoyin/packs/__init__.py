"""What a region knows about itself, as data files: ``load_pack("zhaoyuan")`` or the folder of another region.

A pack is a folder of YAML files (docs/packs.md). Every row names the citation it rests on; a row without one, a code used
twice or a reference to nothing is refused with file and line. Pure: nothing is written, nothing is fetched.
"""

from __future__ import annotations

from pathlib import Path

from zhaoyin.base.errors import Refusal
from zhaoyin.packs._yaml import LinedFile
from zhaoyin.packs.models import (
    Alias,
    Citation,
    Claim,
    Corridor,
    Department,
    EventSeries,
    Instrument,
    Organisation,
    Pack,
    Place,
    PolicyName,
    Region,
    Row,
)

__all__ = [
    "Alias",
    "Citation",
    "Claim",
    "Corridor",
    "Department",
    "EventSeries",
    "Instrument",
    "Organisation",
    "Pack",
    "Place",
    "PolicyName",
    "Region",
    "Row",
    "load_pack",
    "pack_names",
]

HERE = Path(__file__).resolve().parent
SKELETON = "template"

# file of the pack: what its rows are. Only the first two must be there.
TABLES: dict[str, type[Row]] = {
    "places": Place,
    "organisations": Organisation,
    "events": EventSeries,
    "claims": Claim,
    "policy_names": PolicyName,
    "instruments": Instrument,
    "corridors": Corridor,
    "departments": Department,
}


def pack_names() -> list[str]:
    """Names of the packs that ship, without the template."""
    return sorted(p.parent.name for p in HERE.glob("*/pack.yaml") if p.parent.name != SKELETON)


def load_pack(name: str | Path) -> Pack:
    """Read and check one pack.

    ``name`` is one of ``pack_names()``, "template", or the path of a folder with a ``pack.yaml``.
    Raises ``Refusal`` (codes ``pack_*``) whose ``where`` is "file:line".
    """
    folder = HERE / name if isinstance(name, str) and (HERE / name / "pack.yaml").is_file() else Path(name)
    if not (folder / "pack.yaml").is_file():
        known = "、".join(pack_names())
        raise Refusal(
            "pack_missing",
            f"没有地区包“{name}”。自带的有：{known}；别的地区写出文件夹的路径，里面要有 pack.yaml。",
            f"There is no region pack “{name}”. Shipped: {known.replace('、', ', ')}; for another region give the path of "
            f"its folder, which holds a pack.yaml.",
            where=str(folder),
        )
    region = LinedFile.read(folder / "pack.yaml").one(Region)
    citations = LinedFile.read(folder / "citations.yaml").rows(Citation)
    files = {table: LinedFile.read(folder / f"{table}.yaml", optional=True) for table in TABLES}
    rows = {table: files[table].rows(model) for table, model in TABLES.items()}
    _check(rows, {c.code for c in citations}, files)
    return Pack.model_validate(
        {"folder": folder, "region": region, "citations": citations, **rows}, from_attributes=True
    )


def _check(rows: dict[str, list[Row]], citations: set[str], files: dict[str, LinedFile]) -> None:
    """References lead somewhere and a code stands once: what one row alone cannot know."""
    codes: dict[str, set[str]] = {
        table: {row.code for row in table_rows} for table, table_rows in rows.items()
    }
    for table, table_rows in rows.items():
        file = files[table]
        seen: set[str] = set()
        for at, row in enumerate(table_rows):
            if row.code in seen:
                raise file.refuse(
                    "pack_duplicate",
                    (at, "code"),
                    f"代码“{row.code}”用了两次，留一个",
                    f"the code “{row.code}” stands twice; keep one",
                )
            for path, citation in row.cited():
                if citation not in citations:
                    raise file.refuse(
                        "pack_reference",
                        (at, *path),
                        f"出处“{citation}”不在 citations.yaml 里，先在那里写上",
                        f"the citation “{citation}” is not in citations.yaml; add it there first",
                    )
            for field, target in row.references():
                for code in (
                    getattr(row, field) if isinstance(getattr(row, field), tuple) else [getattr(row, field)]
                ):
                    # a parent stands above its children, so that a tree can be loaded in one pass and has no ring
                    known = seen if target == table else codes[target]
                    if code and code not in known:
                        above = "，写在它上面" if target == table else ""
                        raise file.refuse(
                            "pack_reference",
                            (at, field),
                            f"“{field}”指向的“{code}”不在 {target}.yaml 里{above}",
                            f"“{field}” points at “{code}”, which is not in {target}.yaml"
                            + (" above this row" if above else ""),
                        )
            seen.add(row.code)
