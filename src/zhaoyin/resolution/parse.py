"""A name taken apart: place, 字号, industry, legal form, branch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from zhaoyin.resolution import loops, tables
from zhaoyin.resolution.register import parse_names
from zhaoyin.resolution.text import normalise


@dataclass(frozen=True)
class Parsed:
    """The parts of a name; each "" when absent. ``province`` is derived from the places; ``head`` is the parent of a branch."""

    name: str
    place: str
    core: str
    industry: str
    form: str
    province: str = ""
    hints: tuple[str, ...] = ()
    head: str = ""
    branch: str = ""


def parse(name: str, suffixes: npt.NDArray[np.uint64] | None = None) -> Parsed:
    """Parse any text; ``suffixes`` are a register's own statistics (hashes of frequent endings), else the shipped words."""
    text = normalise(name)
    if not text:
        return Parsed("", "", "", "", "")
    match = tables.BRANCH.match(text)
    head, branch = match.groups() if match else ("", "")
    found = parse_names([head or text], tables.industry_hashes() if suffixes is None else suffixes)
    parts = dict.fromkeys((loops.PLACE, loops.CORE, loops.INDUSTRY, loops.HINT), "")
    for code, role in zip(found.chars[: found.offsets[1]], found.roles[: found.offsets[1]], strict=True):
        parts[int(role)] += chr(int(code))
    province = int(found.province[0])
    flags = int(found.flags[0])
    return Parsed(
        text,
        parts[loops.PLACE],
        parts[loops.CORE],
        parts[loops.INDUSTRY],
        tables.LEGAL_NAMES[int(found.form[0])],
        tables.places().provinces[province] if province >= 0 else "",
        tuple(hint for bit, hint in ((1, "集团"), (2, "控股"), (4, "股份")) if flags & bit),
        head,
        branch,
    )
