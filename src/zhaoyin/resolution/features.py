"""What is measured on a written name and a registered one; the compiled driver that fills it for many pairs."""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from zhaoyin.resolution.loops import (
    BODY,
    CORE,
    HINT,
    INDUSTRY,
    PLACE,
    PLACES,
    Index,
    Parses,
    align,
    retrieve,
)

njit: Any = numba.njit(cache=True, nogil=True)

FEATURES = (
    "query explained", "query explained without places", "place explained", "core explained", "industry explained",
    "name explained", "name explained without places", "same", "same sound", "near sound", "look-alike", "substituted",
    "query unmatched", "name unmatched", "runs", "query length", "name length", "core same share", "core same sound",
    "core near sound", "core look-alike", "core substituted", "core unmatched", "industry substituted", "core length",
    "first core mark", "query first matched", "query last matched", "query weight unexplained",
    "core weight unexplained", "numeral or compass conflict", "query core explained", "query core length",
    "cores equal", "retrieval share", "retrieval to best", "places missed", "province agrees", "form agrees",
    "bearers of the core", "bearers of the whole", "name form", "name is branch", "head of branch", "query says group",
    "query says holding", "query says joint stock", "exact", "query form", "query places", "heaviest unmatched of query",
    "heaviest unmatched of core", "industry unmatched", "name says group", "best of its lookup", "query is branch",
    "wholes equal", "core sounds equal",
)  # fmt: skip
N_FEATURES = len(FEATURES)
AT = {name: index for index, name in enumerate(FEATURES)}
EXACT, HEAD = AT["exact"], AT["head of branch"]
# Features that carry the prior "a short name usually means the listed firm".
LISTED_PRIOR = tuple(AT[name] for name in ("name form", "query says joint stock", "form agrees"))


class Segment(NamedTuple):
    """One immutable part of a register, ready for the loops. ``bearers``/``namesakes``: names with the same 字号/whole."""

    parses: Parses
    lists: Index
    bearers: npt.NDArray[np.int32]
    namesakes: npt.NDArray[np.int32]
    extra_places: npt.NDArray[np.int16]  # N x 2, what the register states beside the name, -1 none
    dead: npt.NDArray[np.uint8]


@njit
def _worth(mark):
    if mark == 1:
        return np.float32(1.0)
    if mark == 2:
        return np.float32(0.85)
    if mark == 3:
        return np.float32(0.65)
    if mark == 4:
        return np.float32(0.55)
    return np.float32(0.0)


@njit
def measure(query, i, names, d, idf, sounds, bearers, namesakes, extra, head, out):
    q, qr = np.empty(BODY, np.uint16), np.empty(BODY, np.uint8)
    c, cr = np.empty(BODY, np.uint16), np.empty(BODY, np.uint8)
    m = 0
    for k in range(query.offsets[i], query.offsets[i + 1]):
        if query.roles[k] != HINT:
            q[m], qr[m] = query.chars[k], query.roles[k]
            m += 1
    n = 0
    for k in range(names.offsets[d], names.offsets[d + 1]):
        if names.roles[k] != HINT:
            c[n], cr[n] = names.chars[k], names.roles[k]
            n += 1
    qm, cm = np.empty(BODY, np.uint8), np.empty(BODY, np.uint8)
    runs = align(q, m, c, n, idf, sounds, qm, cm)
    zero = np.float32(0.0)
    q_all, q_hit, q_body, q_body_hit, q_core, q_core_hit = zero, zero, zero, zero, zero, zero
    same, sound, near, look, heaviest = 0, 0, 0, 0, zero
    q_core_size = 0
    for k in range(m):
        weight = idf[q[k]]
        got = _worth(qm[k]) * weight
        q_all += weight
        q_hit += got
        if qr[k] != PLACE:
            q_body += weight
            q_body_hit += got
            if qm[k] == 0 or qm[k] == 9:
                heaviest = max(heaviest, weight)
        if qr[k] == CORE:
            q_core += weight
            q_core_hit += got
            q_core_size += 1
        if qm[k] == 1:
            same += 1
        elif qm[k] == 2:
            sound += 1
        elif qm[k] == 3:
            near += 1
        elif qm[k] == 4:
            look += 1
    total = np.zeros(3, np.float32)
    hit = np.zeros(3, np.float32)
    marks = np.zeros(10, np.float32)
    core_size, first_mark, core_heaviest = 0, -1, zero
    industry_substituted, industry_unmatched, substituted = 0, 0, 0
    for k in range(n):
        weight = idf[c[k]]
        where = 0 if cr[k] == PLACE else (1 if cr[k] == CORE else 2)
        total[where] += weight
        hit[where] += _worth(cm[k]) * weight
        if cm[k] == 9:
            substituted += 1
        if where == 1:
            if core_size == 0:
                first_mark = cm[k]
            core_size += 1
            marks[cm[k]] += 1
            if cm[k] == 0 or cm[k] == 9:
                core_heaviest = max(core_heaviest, weight)
        elif where == 2:
            if cm[k] == 9:
                industry_substituted += 1
            elif cm[k] == 0:
                industry_unmatched += 1
    # Numerals and compass words that stand against each other: walk the two marks in step.
    conflict = 0
    a, b = 0, 0
    while a < m and b < n:
        if qm[a] == 0:
            a += 1
        elif cm[b] == 0:
            b += 1
        else:
            ka, kb = sounds.kinds[q[a]], sounds.kinds[c[b]]
            if ka > 0 and ka == kb and (qm[a] == 9 or qm[a] == 4 or qm[a] == 3):
                conflict += 1
            a += 1
            b += 1
    matched = same + sound + near + look
    tiny = np.float32(1e-6)
    out[0] = q_hit / max(q_all, tiny)
    out[1] = q_body_hit / max(q_body, tiny)
    for k in range(3):
        out[2 + k] = hit[k] / total[k] if total[k] > 0 else -1.0
    out[5] = (hit[0] + hit[1] + hit[2]) / max(total[0] + total[1] + total[2], tiny)
    out[6] = (hit[1] + hit[2]) / max(total[1] + total[2], tiny)
    out[7], out[8], out[9], out[10], out[11] = same, sound, near, look, substituted
    out[12], out[13], out[14], out[15], out[16] = m - matched, n - matched, runs, m, n
    out[17] = marks[1] / max(1, core_size)
    out[18], out[19], out[20], out[21], out[22] = marks[2], marks[3], marks[4], marks[9], marks[0]
    out[23], out[24], out[25] = industry_substituted, core_size, first_mark
    out[26] = 1.0 if m > 0 and qm[0] >= 1 and qm[0] <= 4 else 0.0
    out[27] = 1.0 if m > 0 and qm[m - 1] >= 1 and qm[m - 1] <= 4 else 0.0
    out[28] = q_all - q_hit
    out[29] = total[1] - hit[1]
    out[30] = conflict
    out[31] = q_core_hit / max(q_core, tiny)
    out[32] = q_core_size
    out[33] = 1.0 if query.core[i] == names.core[d] else 0.0
    placed, agreed = 0, 0
    for x in range(PLACES):
        p = query.places[i, x]
        if p < 0:
            break
        placed += 1
        found = False
        for y in range(PLACES):
            if names.places[d, y] == p:
                found = True
        for y in range(extra.shape[1]):
            if extra[d, y] == p:
                found = True
        if found:
            agreed += 1
    out[36] = agreed - placed if placed > 0 else 1
    pq, pd = query.province[i], names.province[d]
    out[37] = -1 if pq < 0 or pd < 0 else (1 if pq == pd else 0)
    fq, fd = query.form[i], names.form[d]
    out[38] = -1 if fq == 0 else (1 if fq == fd else 0)
    out[39] = np.log1p(np.float32(bearers[d]))
    out[40] = np.log1p(np.float32(namesakes[d]))
    out[41] = fd
    out[42] = 1.0 if names.flags[d] & 8 else 0.0
    out[43] = head
    hq, hd = query.flags[i], names.flags[d]
    out[44] = (1.0 if hd & 1 else 0.0) if hq & 1 else -1.0
    out[45] = (1.0 if hd & 2 else 0.0) if hq & 2 else -1.0
    out[46] = (1.0 if fd == 3 or hd & 4 else 0.0) if hq & 4 else -1.0
    out[48], out[49] = fq, placed
    out[50], out[51], out[52] = heaviest, core_heaviest, industry_unmatched
    out[53] = 1.0 if hd & 1 else 0.0
    out[55] = 1.0 if hq & 8 else 0.0
    out[56] = 1.0 if query.whole[i] == names.whole[d] else 0.0
    out[57] = 1.0 if core_size > 0 and marks[1] + marks[2] == core_size else 0.0


@njit
def _lookup(
    query,
    i,
    first,
    last,
    head,
    hints,
    sounds,
    segment,
    budget,
    top,
    score,
    touched,
    ids,
    values,
    heads,
    shares,
    filled,
):
    got_ids = np.empty(top, np.int32)
    got = np.empty(top, np.float32)
    count, full = retrieve(
        query.chars, query.roles, first, last, query.form[i], hints, sounds, segment.lists, segment.parses.form,
        segment.dead, budget, top, score, touched, got_ids, got,
    )  # fmt: skip
    for k in range(count):
        known = False
        for o in range(filled):
            if ids[o] == got_ids[k]:
                known = True
                if got[k] / max(full, np.float32(1e-6)) > shares[o]:
                    shares[o] = got[k] / max(full, np.float32(1e-6))
                    values[o] = max(values[o], got[k])
                break
        if not known and filled < len(ids):
            ids[filled], values[filled], heads[filled] = got_ids[k], got[k], head
            shares[filled] = got[k] / max(full, np.float32(1e-6))
            filled += 1
    return filled


@njit
def candidates(query, head_of, exact, idf, sounds, segment, budget, top, score, touched, room):
    """For each of Q written names: up to ``room`` candidates of one segment with their features.

    ``query``: the Q names followed by the heads of branches; ``head_of[i]`` is the row of name i's head, or -1.
    ``exact[i]``: the row in this segment whose name is the same string, or -1.
    Returns (count[Q], ids[Q, room], features[Q, room, F]).
    """
    total = len(exact)
    count = np.zeros(total, np.int32)
    ids = np.full((total, room), -1, np.int32)
    features = np.zeros((total, room, 58), np.float32)
    values = np.empty(room, np.float32)
    shares = np.empty(room, np.float32)
    heads = np.empty(room, np.uint8)
    for i in range(total):
        filled = 0
        if exact[i] >= 0:
            ids[i, 0], values[0], shares[0], heads[0] = exact[i], 0.0, 0.0, 0
            filled = 1
        start, end = query.offsets[i], query.offsets[i + 1]
        filled = _lookup(
            query,
            i,
            start,
            end,
            0,
            query.flags[i],
            sounds,
            segment,
            budget,
            top,
            score,
            touched,
            ids[i],
            values,
            heads,
            shares,
            filled,
        )
        stem = end
        while stem > start and query.roles[stem - 1] == HINT:
            stem -= 1
        if stem < end and stem - start >= 2:
            filled = _lookup(
                query,
                i,
                start,
                stem,
                0,
                query.flags[i],
                sounds,
                segment,
                budget,
                top,
                score,
                touched,
                ids[i],
                values,
                heads,
                shares,
                filled,
            )
        if head_of[i] >= 0:
            h = head_of[i]
            filled = _lookup(
                query,
                h,
                query.offsets[h],
                query.offsets[h + 1],
                1,
                query.flags[h],
                sounds,
                segment,
                budget,
                top // 2,
                score,
                touched,
                ids[i],
                values,
                heads,
                shares,
                filled,
            )
        best, widest = np.float32(1e-6), np.float32(1e-6)
        for k in range(filled):
            best = max(best, values[k])
            widest = max(widest, shares[k])
        for k in range(filled):
            d = ids[i, k]
            row = head_of[i] if heads[k] else i
            measure(
                query,
                row,
                segment.parses,
                d,
                idf,
                sounds,
                segment.bearers,
                segment.namesakes,
                segment.extra_places,
                heads[k],
                features[i, k],
            )
            features[i, k, 34] = shares[k]
            features[i, k, 35] = values[k] / best
            features[i, k, 54] = shares[k] / widest
            features[i, k, 47] = 1.0 if d == exact[i] and exact[i] >= 0 else 0.0
        count[i] = filled
    return count, ids, features


__all__ = [
    "AT",
    "EXACT",
    "FEATURES",
    "HEAD",
    "INDUSTRY",
    "LISTED_PRIOR",
    "N_FEATURES",
    "Segment",
    "candidates",
]
