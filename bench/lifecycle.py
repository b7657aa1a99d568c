"""The rules over a whole ledger in memory: stages of 100,000 projects from 1,000,000 milestones, and a month's figures.

Beside it, the same stages one project at a time, which is what a page does. Reading from a database is in bench/desk.py.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
from _common import Report, arguments

from zhaoyin.lifecycle import Book, Entry, Milestone, Month, Rules, figure, stage, stages_many


def main() -> int:
    options = arguments(__doc__ or "").parse_args()
    projects = 5_000 if options.quick else 100_000
    rules, rng = Rules.load(), np.random.default_rng(7)
    report = Report("lifecycle", options, "numpy")
    size = f"{projects:,} projects, {projects * 10:,} milestones"
    ids = np.arange(1, projects + 1, dtype=np.int64)
    tracks = rng.integers(0, len(rules.tracks), projects).astype(np.int8)
    owner = np.repeat(ids, 10)
    code = rng.integers(0, len(rules.milestones), projects * 10).astype(np.int8)
    order = rng.permutation(len(owner))
    owner, code = owner[order], code[order]
    began = time.perf_counter()
    got = stages_many(ids, tracks, owner, code, rules)
    report.add("stages of all projects", time.perf_counter() - began, "s", size=size)

    sample = rng.choice(ids, min(2_000, projects), replace=False)
    names, track_names = list(rules.stages), list(rules.tracks)
    by_owner = {int(p): [] for p in sample}
    wanted = np.isin(owner, sample)
    for p, c in zip(owner[wanted], code[wanted], strict=True):
        by_owner[int(p)].append(Milestone(rules.milestones[c], "verified"))
    began = time.perf_counter()
    one = {p: stage(rows, track_names[tracks[p - 1]], rules) for p, rows in by_owner.items()}
    each = (time.perf_counter() - began) / len(one)
    report.add("one project", each * 1e6, "µs", size=f"{len(one):,} projects")
    report.add(
        "differs from one by one",
        sum(names[got[p - 1]] != s for p, s in one.items()),
        size=f"{len(one):,} projects",
    )

    accounts = ["signed", "contracted", "landed", "started", "capital"]
    entries = projects // 2
    picks = rng.integers(0, len(accounts), entries)
    months = 202600 + rng.integers(1, 13, entries)
    book = Book(
        Entry(int(i), accounts[a], int(m), 1, int(m))
        for i, (a, m) in enumerate(zip(picks, months, strict=True))
    )
    began = time.perf_counter()
    for indicator in rules.indicators.values():
        for view in ("period", "cohort"):
            figure(indicator, book, Month(2026, 10), view=view, rules=rules)
    report.add(
        "figures of a month",
        time.perf_counter() - began,
        "s",
        size=f"{entries:,} entries, {len(rules.indicators)} indicators",
    )
    return report.close()


if __name__ == "__main__":
    raise SystemExit(main())
