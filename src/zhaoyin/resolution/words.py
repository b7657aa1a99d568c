"""Reasons in words: why two names were joined, or not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from zhaoyin.resolution import loops
from zhaoyin.resolution.features import AT
from zhaoyin.resolution.text import sounds


class Reason(NamedTuple):
    """A stable code and one clause in each language."""

    code: str
    zh: str
    en: str


def _aligned(
    query: loops.Parses, i: int, names: loops.Parses, d: int, table: loops.Sounds, idf: np.ndarray
) -> list[tuple[int, str, str, int]]:
    """(mark, query part, name part, role of the name part) of every run of equally marked characters."""
    q = [k for k in range(query.offsets[i], query.offsets[i + 1]) if query.roles[k] != loops.HINT]
    c = [k for k in range(names.offsets[d], names.offsets[d + 1]) if names.roles[k] != loops.HINT]
    qm, cm = np.zeros(loops.BODY, np.uint8), np.zeros(loops.BODY, np.uint8)
    qc, cc = query.chars[q].astype(np.uint16), names.chars[c].astype(np.uint16)
    loops.align(qc, len(q), cc, len(c), idf, table, qm, cm)
    runs: list[tuple[int, str, str, int]] = []
    a = b = 0
    while a < len(q) and b < len(c):
        if qm[a] == 0:
            a += 1
        elif cm[b] == 0:
            b += 1
        else:
            role = int(names.roles[c[b]])
            role = loops.CORE if role == loops.CORE else role
            mark = int(cm[b])
            if runs and runs[-1][0] == mark and runs[-1][3] == role:
                runs[-1] = (mark, runs[-1][1] + chr(qc[a]), runs[-1][2] + chr(cc[b]), role)
            else:
                runs.append((mark, chr(qc[a]), chr(cc[b]), role))
            a += 1
            b += 1
    return runs


def reasons(
    query: loops.Parses,
    i: int,
    names: loops.Parses,
    d: int,
    features: np.ndarray,
    table: loops.Sounds,
    idf: np.ndarray,
) -> tuple[Reason, ...]:
    """What speaks for and against one candidate, strongest first."""
    f = {name: float(features[at]) for name, at in AT.items()}
    if f["exact"]:
        return (Reason("exact", "名称一致", "the same name"),)
    out: list[Reason] = []
    runs = _aligned(query, i, names, d, table, idf)
    core_same = "".join(n for mark, _, n, role in runs if mark == 1 and role == loops.CORE)
    for mark, code, zh, en in (
        (2, "sound", "同音：{0}/{1}（{2}）", "sounds the same: {0}/{1} ({2})"),
        (3, "near-sound", "近音：{0}/{1}（{2}）", "sounds nearly the same: {0}/{1} ({2})"),
        (4, "look-alike", "形近：{0}/{1}", "looks alike: {0}/{1}"),
        (9, "differs", "用字不同：{0}/{1}", "differs: {0}/{1}"),
    ):
        for got, left, right, role in runs:
            if got == mark and not (mark == 9 and role == loops.PLACE):
                heard = " ".join(sounds(right))
                out.append(Reason(code, zh.format(left, right, heard), en.format(left, right, heard)))
    if core_same and f["core same share"] >= 0.99:
        out.insert(0, Reason("same-core", f"字号相同：{core_same}", f"the same name core: {core_same}"))
    if f["places missed"] < 0:
        out.append(
            Reason("place-differs", "所写地名与该单位不符", "the place written is not this organisation's")
        )
    elif f["query places"] > 0:
        out.append(Reason("same-place", "地名相符", "the same place"))
    industry = "".join(n for mark, _, n, role in runs if mark in (1, 2) and role == loops.INDUSTRY)
    if len(industry) >= 2:
        out.append(Reason("same-industry", f"行业词相同：{industry}", f"the same industry word: {industry}"))
    if f["query unmatched"] > 0:
        count = int(f["query unmatched"])
        out.append(
            Reason(
                "unexplained",
                f"有 {count} 个字在该名称中找不到对应",
                f"{count} characters have no counterpart in the name",
            )
        )
    bearers = round(float(np.expm1(f["bearers of the core"])))
    if bearers > 1:
        out.append(Reason("bearers", f"同字号共 {bearers} 家", f"one of {bearers} bearers of this name core"))
    if f["head of branch"]:
        out.append(
            Reason("branch-of", "所写为其分支机构，此为上级单位", "a branch was written; this is its parent")
        )
    return tuple(out)


def joined(found: Sequence[Reason], language: str = "zh") -> str:
    """The reasons as one line."""
    return ("；" if language == "zh" else "; ").join(
        reason.zh if language == "zh" else reason.en for reason in found
    )
