"""Make the shipped model: ``python -m zhaoyin.resolution.train SHORT_FORMS [OUT]``.

SHORT_FORMS is the Company-Names-Corpus list of short names (Apache-2.0), one a line; it lends name cores and brands. No
other real name is used: the register and what was written about it are made up by ``synthetic``, seed fixed.
"""

from __future__ import annotations

import random
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from zhaoyin.resolution import tables
from zhaoyin.resolution.model import Candidates, Model, fit
from zhaoyin.resolution.register import Entry, Store
from zhaoyin.resolution.resolve import Register
from zhaoyin.resolution.synthetic import Written, training_set
from zhaoyin.resolution.text import normalise
from zhaoyin.resolution.trees import Trees

NAMES, QUERIES, SEED = 120_000, 30_000, 5
_HAN = re.compile(r"[\u4e00-\u9fff]{2,8}")


def cores_of(shorts: Sequence[str]) -> list[str]:
    """The name cores within short names: 鑫源果业 lends 鑫源."""
    trades = set(tables.INDUSTRIES)
    places = tables.places().province_of
    out = []
    for short in shorts:
        if not _HAN.fullmatch(short):
            continue
        core = short
        for cut in (2, 3, 4):
            if short[cut:] in trades:
                core = short[:cut]
                break
        if (
            len(core) <= 4
            and core not in places
            and core not in trades
            and not any(core.endswith(t) for t in ("集团", "股份"))
        ):
            out.append(core)
    return out


def empty_model(background: dict[int, float]) -> Model:
    """A model that ranks nothing yet: enough to build a register and measure."""
    leaf = Trees(
        np.zeros(1, np.int32),
        np.full(1, -1, np.int16),
        np.zeros(1, np.float32),
        np.full(1, -1, np.int32),
        np.full(1, -1, np.int32),
    )
    line = np.array([0, 1], np.float32)
    return Model(leaf, leaf, line, line, 0.5, 0.1, background=background)


def background_of(entries: Sequence[Entry]) -> dict[int, float]:
    counts: dict[int, int] = {}
    for entry in entries:
        for character in set(normalise(entry.name)):
            counts[ord(character)] = counts.get(ord(character), 0) + 1
    return {point: count / len(entries) for point, count in counts.items() if count > 2 and point < 65536}


def labels(
    register: Register, candidates: Candidates, right: Sequence[frozenset[str]]
) -> npt.NDArray[np.bool_]:
    """Which candidates are the organisation meant; ``right[Q]`` holds the ids that are."""
    out = np.zeros(candidates.rows.shape, np.bool_)
    for i, ids in enumerate(right):
        if ids:
            for k in range(int(candidates.count[i])):
                out[i, k] = register.id_of(int(candidates.rows[i, k])) in ids
    return out


def train(
    shorts: Sequence[str],
    folder: Path,
    *,
    names: int = NAMES,
    queries: int = QUERIES,
    seed: int = SEED,
    drop: str = "",
) -> Model:
    """Fit on made-up names; ``drop`` leaves one family of mistakes out (to see what is owed to the generator)."""
    chance = random.Random(seed)
    brands = [short for short in shorts if _HAN.fullmatch(short)]
    chance.shuffle(brands)
    entries, written = training_set(names, queries, seed, cores_of(shorts), brands[:20_000])
    return fit_on(entries, [w for w in written if w.family != drop], folder)


def fit_on(entries: list[Entry], written: Sequence[Written], folder: Path) -> Model:
    background = background_of(entries)
    start = empty_model(background)
    Store(folder).build(entries, start)
    register = Register(folder, start)
    candidates, _ = register.measure([normalise(w.text) for w in written])
    right = labels(register, candidates, [frozenset({w.id} if w.id else ()) for w in written])
    answerable = np.array([w.id is not None for w in written])
    return fit(
        candidates,
        right,
        answerable,
        trained_on="made-up names (synthetic, seed fixed)",
        background=background,
    )


def main() -> None:
    shorts = Path(sys.argv[1]).read_text("utf-8").split("\n")
    out = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).parent / "data" / "model.npz"
    with tempfile.TemporaryDirectory() as folder:
        model = train(shorts, Path(folder) / "register")
    model.save(out)
    print(f"{out}: match at {model.match_at:.3f}, {out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
