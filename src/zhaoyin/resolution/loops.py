"""The compiled loops: parse, index, retrieve, align, score. Arrays in, arrays out; no Python objects.

Roles of a character in a parsed name: 0 place, 1 name core 字号, 2 industry, 4 hint (集团, 控股, 股份).
Marks of an aligned character: 0 unmatched, 1 same, 2 same sound, 3 near sound, 4 look-alike, 9 another character.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

njit: Any = numba.njit(cache=True, nogil=True)

PLACE, CORE, INDUSTRY, HINT = 0, 1, 2, 4
PLACES = 4  # place tokens kept per name
GAP = 5  # furthest two syllables that make a pair
BODY = 64

PAIR, BIGRAM, ANCHOR = np.uint32(0), np.uint32(1 << 30), np.uint32(1 << 31)


class Grammar(NamedTuple):
    """What parsing needs: hashed places, legal forms, branch tails, frequent suffixes of names."""

    place_hash: npt.NDArray[np.uint64]
    place_number: npt.NDArray[np.int16]
    place_province: npt.NDArray[np.int8]
    longest_place: int
    form_chars: npt.NDArray[np.uint16]
    form_offsets: npt.NDArray[np.int32]
    form_codes: npt.NDArray[np.int8]
    branch_chars: npt.NDArray[np.uint16]
    branch_offsets: npt.NDArray[np.int32]
    suffixes: npt.NDArray[np.uint64]


class Parses(NamedTuple):
    """Parsed names: ``offsets`` N+1; ``chars`` and ``roles`` per character; the rest per name.

    ``flags``: 1 集团, 2 控股, 4 股份 as a hint, 8 a branch, 16 several places were written.
    ``core``/``whole``: 64-bit hashes of the 字号 and of everything but places and forms.
    """

    offsets: npt.NDArray[np.int64]
    chars: npt.NDArray[np.uint16]
    roles: npt.NDArray[np.uint8]
    form: npt.NDArray[np.int8]
    flags: npt.NDArray[np.uint8]
    province: npt.NDArray[np.int8]
    places: npt.NDArray[np.int16]
    core: npt.NDArray[np.uint64]
    whole: npt.NDArray[np.uint64]


class Sounds(NamedTuple):
    sound: npt.NDArray[np.uint16]
    sound2: npt.NDArray[np.uint16]
    coarse: npt.NDArray[np.uint16]
    coarse2: npt.NDArray[np.uint16]
    parts: npt.NDArray[np.uint16]
    kinds: npt.NDArray[np.uint8]


class Index(NamedTuple):
    """Inverted lists of one segment: ``keys`` ascending, ``posts[starts[k]:starts[k+1]]`` the names that hold key k."""

    keys: npt.NDArray[np.uint32]
    starts: npt.NDArray[np.int64]
    posts: npt.NDArray[np.int32]
    weights: npt.NDArray[np.float32]
    norm: npt.NDArray[np.float32]


@njit
def hash_span(chars, start, end):
    value = np.uint64(14695981039346656037)
    for at in range(start, end):
        value = (value ^ np.uint64(chars[at])) * np.uint64(1099511628211)
        value ^= value >> np.uint64(29)
    return value


@njit
def find(sorted_values, value):
    low, high = 0, len(sorted_values)
    while low < high:
        middle = (low + high) >> 1
        if sorted_values[middle] < value:
            low = middle + 1
        else:
            high = middle
    if low < len(sorted_values) and sorted_values[low] == value:
        return low
    return -1


@njit
def _ends_with(chars, start, end, words, offsets, least):
    """Index of the first word that ends chars[start:end] leaving at least ``least`` characters, or -1."""
    for word in range(len(offsets) - 1):
        a, b = offsets[word], offsets[word + 1]
        size = b - a
        if end - start - size < least:
            continue
        same = True
        for k in range(size):
            if chars[end - size + k] != words[a + k]:
                same = False
                break
        if same:
            return word
    return -1


@njit
def _place_at(chars, at, end, least, grammar):
    """(row of the place table, length) of the longest place at ``at`` that leaves ``least`` characters, else (-1, 0)."""
    most = min(grammar.longest_place, end - at - least)
    for size in range(most, 1, -1):
        row = find(grammar.place_hash, hash_span(chars, at, at + size))
        if row >= 0:
            return row, size
    return -1, 0


@njit
def _hint_at_end(body, count, least):
    if count >= 2 + least:
        a, b = body[count - 2], body[count - 1]
        if a == 0x96C6 and b == 0x56E2:
            return 1
        if a == 0x63A7 and b == 0x80A1:
            return 2
        if a == 0x80A1 and b == 0x4EFD:
            return 4
    return 0


@njit
def _boundary(core, size, suffixes):
    """Length of the 字号: it ends where the rest is a frequent suffix of names."""
    for cut in range(2, 6):
        if size > cut + 1 and find(suffixes, hash_span(core, cut, size)) >= 0:
            return cut
    return min(size, 3)


@njit
def parse_into(source, start, end, grammar, body, role, places):
    """Parse source[start:end]; fills body, role, places; returns (length, form, flags, province, core hash, whole hash)."""
    flags = 0
    form = 0
    province = -1
    written = 0
    for k in range(PLACES):
        places[k] = -1
    if _ends_with(source, start, end, grammar.branch_chars, grammar.branch_offsets, 2) >= 0:
        flags |= 8
    tail_start, tail_end = 0, 0
    stripped = 0
    for _ in range(4):
        found = _ends_with(source, start, end, grammar.form_chars, grammar.form_offsets, 2)
        if found >= 0:
            end -= grammar.form_offsets[found + 1] - grammar.form_offsets[found]
            stripped += 1
            form = grammar.form_codes[found] if stripped == 1 else (form if form == 6 else 5)
            continue
        if stripped == 0 and tail_end == 0 and end - start > 4 and source[end - 1] == 0xFF09:  # X公司（北京）
            opening = end - 2
            while opening > start and source[opening] != 0xFF08:
                opening -= 1
            if (
                opening > start + 2
                and 2 <= end - 2 - opening <= 8
                and _ends_with(source, start, opening, grammar.form_chars, grammar.form_offsets, 2) >= 0
            ):
                tail_start, tail_end = opening + 1, end - 1
                end = opening
                continue
        break

    count = 0
    at = start
    while at < end - 1:
        row, size = _place_at(source, at, end, 2, grammar)
        if size == 0:
            c = source[at]
            if written > 0 and end - at > 3 and c in (0x7701, 0x5E02, 0x53BF, 0x533A, 0x9547):
                body[count], role[count] = c, PLACE
                count += 1
                at += 1
                continue
            break
        if written < PLACES:
            places[written] = grammar.place_number[row]
        written += 1
        if province < 0:
            province = grammar.place_province[row]
        for k in range(size):
            body[count], role[count] = source[at + k], PLACE
            count += 1
        at += size
    while at < end or tail_end > 0:
        if at >= end:  # the bracket after the legal form
            inner, closing = tail_start, tail_end
            tail_end = 0
            at = end
        elif source[at] == 0xFF08:
            inner = at + 1
            closing = inner
            while closing < end and source[closing] != 0xFF09:
                closing += 1
            at = closing + 1
        elif source[at] == 0xFF09:
            at += 1
            continue
        else:
            if count < BODY:
                body[count], role[count] = source[at], CORE
                count += 1
            at += 1
            continue
        size = closing - inner
        kind = CORE
        if 2 <= size <= grammar.longest_place:
            row = find(grammar.place_hash, hash_span(source, inner, closing))
            if row >= 0:
                kind = PLACE
                if written < PLACES:
                    places[written] = grammar.place_number[row]
                written += 1
                if province < 0:
                    province = grammar.place_province[row]
        if kind == CORE and size == 2:
            if source[inner] == 0x96C6 and source[inner + 1] == 0x56E2:
                kind = HINT
                flags |= 1
            elif source[inner] == 0x63A7 and source[inner + 1] == 0x80A1:
                kind = HINT
                flags |= 2
        for k in range(inner, closing):
            if count < BODY:
                body[count], role[count] = source[k], kind
                count += 1
    for _ in range(3):
        size = 0
        while size < count and role[count - 1 - size] in (HINT, PLACE):
            size += 1
        hint = _hint_at_end(body, count - size, 2)
        if hint == 0 or role[count - size - 1] != CORE or role[count - size - 2] != CORE:
            break
        flags |= hint
        role[count - size - 1] = HINT
        role[count - size - 2] = HINT
    core = np.empty(BODY, np.uint16)
    where = np.empty(BODY, np.int64)
    size = 0
    for k in range(count):
        if role[k] == CORE:
            core[size] = body[k]
            where[size] = k
            size += 1
    cut = _boundary(core, size, grammar.suffixes)
    for k in range(cut, size):
        role[where[k]] = INDUSTRY
    if written > 1:
        flags |= 16
    return count, form, flags, province, hash_span(core, 0, cut), hash_span(core, 0, size)


@njit
def parse_all(source, offsets, grammar):
    total = len(offsets) - 1
    out_offsets = np.zeros(total + 1, np.int64)
    chars = np.empty(max(1, len(source)), np.uint16)
    roles = np.empty(max(1, len(source)), np.uint8)
    form = np.zeros(total, np.int8)
    flags = np.zeros(total, np.uint8)
    province = np.zeros(total, np.int8)
    places = np.full((total, PLACES), -1, np.int16)
    core = np.zeros(total, np.uint64)
    whole = np.zeros(total, np.uint64)
    body = np.empty(BODY + 4, np.uint16)
    role = np.empty(BODY + 4, np.uint8)
    here = np.empty(PLACES, np.int16)
    filled = 0
    for name in range(total):
        count, a, b, c, h1, h2 = parse_into(
            source, offsets[name], offsets[name + 1], grammar, body, role, here
        )
        for k in range(count):
            chars[filled + k] = body[k]
            roles[filled + k] = role[k]
        filled += count
        out_offsets[name + 1] = filled
        form[name], flags[name], province[name], core[name], whole[name] = a, b, c, h1, h2
        for k in range(PLACES):
            places[name, k] = here[k]
    return (
        out_offsets,
        chars[: max(1, filled)].copy(),
        roles[: max(1, filled)].copy(),
        form,
        flags,
        province,
        places,
        core,
        whole,
    )


@njit
def count_suffixes(offsets, chars, roles, buckets):
    """How many names end (places and forms aside) in each hashed suffix of 2 to 8 characters, shorter than the core by 2."""
    counts = np.zeros(buckets, np.uint32)
    core = np.empty(BODY + 4, np.uint16)
    for name in range(len(offsets) - 1):
        size = 0
        for k in range(offsets[name], offsets[name + 1]):
            if roles[k] == CORE or roles[k] == INDUSTRY:
                core[size] = chars[k]
                size += 1
        for length in range(2, min(9, size - 1)):
            counts[hash_span(core, size - length, size) % np.uint64(buckets)] += np.uint32(1)
    return counts


@njit
def frequent_suffixes(offsets, chars, roles, counts, least):
    """The hashes (with repeats) of suffixes whose bucket holds at least ``least`` names."""
    out = np.empty(1024, np.uint64)
    filled = 0
    core = np.empty(BODY + 4, np.uint16)
    seen = np.zeros(1 << 20, np.uint64)
    for name in range(len(offsets) - 1):
        size = 0
        for k in range(offsets[name], offsets[name + 1]):
            if roles[k] == CORE or roles[k] == INDUSTRY:
                core[size] = chars[k]
                size += 1
        for length in range(2, min(9, size - 1)):
            value = hash_span(core, size - length, size)
            if counts[value % np.uint64(len(counts))] < least:
                continue
            slot = value % np.uint64(1 << 20)
            if seen[slot] == value:
                continue
            seen[slot] = value
            if filled == len(out):
                bigger = np.empty(2 * filled, np.uint64)
                bigger[:filled] = out
                out = bigger
            out[filled] = value
            filled += 1
    return out[:filled].copy()


@njit
def set_boundaries(offsets, chars, roles, suffixes, core_hash, whole_hash):
    """Redraw 字号/industry with the register's own suffixes, in place."""
    core = np.empty(BODY + 4, np.uint16)
    where = np.empty(BODY + 4, np.int64)
    for name in range(len(offsets) - 1):
        size = 0
        for k in range(offsets[name], offsets[name + 1]):
            if roles[k] == CORE or roles[k] == INDUSTRY:
                core[size] = chars[k]
                where[size] = k
                size += 1
        cut = _boundary(core, size, suffixes)
        for k in range(size):
            roles[where[k]] = CORE if k < cut else INDUSTRY
        core_hash[name] = hash_span(core, 0, cut)
        whole_hash[name] = hash_span(core, 0, size)


@njit
def pair_key(a, b):
    return np.uint32(np.uint32(a) * np.uint32(512) + np.uint32(b))


@njit
def bigram_key(a, b):
    mixed = (np.uint64(a) * np.uint64(0x9E3779B97F4A7C15)) ^ (np.uint64(b) * np.uint64(0xC2B2AE3D27D4EB4F))
    mixed ^= mixed >> np.uint64(31)
    return np.uint32((mixed * np.uint64(0x165667B19E3779F9)) >> np.uint64(42)) | np.uint32(1 << 30)


@njit
def name_keys(chars, roles, start, end, sounds, out):
    """The distinct keys of one parsed name, ascending, into ``out``; returns how many."""
    count = 0
    for i in range(start, end):
        a1, a2 = sounds.coarse[chars[i]], sounds.coarse2[chars[i]]
        for j in range(i + 1, min(end, i + 1 + GAP)):
            if roles[i] == HINT and roles[j] == HINT:
                continue
            b1, b2 = sounds.coarse[chars[j]], sounds.coarse2[chars[j]]
            out[count] = pair_key(a1, b1)
            count += 1
            if a2 > 0:
                out[count] = pair_key(a2, b1)
                count += 1
            if b2 > 0:
                out[count] = pair_key(a1, b2)
                count += 1
        if i + 1 < end and not (roles[i] == HINT and roles[i + 1] == HINT):
            out[count] = bigram_key(chars[i], chars[i + 1])
            count += 1
    first = start
    while first < end and roles[first] == PLACE:
        first += 1
    if end - first >= 2:
        a, b = chars[first], chars[first + 1]
        anchor = np.uint32(1 << 31)
        out[count] = anchor | pair_key(sounds.sound[a], sounds.sound[b])
        count += 1
        if sounds.sound2[a] > 0:
            out[count] = anchor | pair_key(sounds.sound2[a], sounds.sound[b])
            count += 1
        if sounds.sound2[b] > 0:
            out[count] = anchor | pair_key(sounds.sound[a], sounds.sound2[b])
            count += 1
    out[:count].sort()
    kept = 0
    for k in range(count):
        if k == 0 or out[k] != out[k - 1]:
            out[kept] = out[k]
            kept += 1
    return kept


@njit
def _slot(key):
    """Keys lie in three ranges; this packs them into one table of 2^18 + 2^22 + 2^18 places."""
    if key & np.uint32(1 << 31):
        return np.int64(key & np.uint32((1 << 18) - 1)) + np.int64((1 << 18) + (1 << 22))
    if key & np.uint32(1 << 30):
        return np.int64(key & np.uint32((1 << 22) - 1)) + np.int64(1 << 18)
    return np.int64(key)


@njit
def _unslot(slot):
    if slot >= (1 << 18) + (1 << 22):
        return np.uint32(slot - ((1 << 18) + (1 << 22))) | np.uint32(1 << 31)
    if slot >= 1 << 18:
        return np.uint32(slot - (1 << 18)) | np.uint32(1 << 30)
    return np.uint32(slot)


@njit
def build_postings(offsets, chars, roles, sounds):
    """Counting sort of (key, name): two passes, no comparison. Returns keys, starts, posts."""
    table = (1 << 18) + (1 << 22) + (1 << 18)
    counts = np.zeros(table + 1, np.int64)
    out = np.empty(BODY * (3 * GAP + 1) + 8, np.uint32)
    total = len(offsets) - 1
    for name in range(total):
        found = name_keys(chars, roles, offsets[name], offsets[name + 1], sounds, out)
        for k in range(found):
            counts[_slot(out[k]) + 1] += 1
    used = 0
    for slot in range(table):
        if counts[slot + 1] > 0:
            used += 1
        counts[slot + 1] += counts[slot]
    keys = np.empty(max(1, used), np.uint32)
    starts = np.zeros(max(1, used) + 1, np.int64)
    keys[0] = 0
    at = 0
    for slot in range(table):
        if counts[slot + 1] > counts[slot]:
            keys[at] = _unslot(slot)
            starts[at + 1] = counts[slot + 1]
            at += 1
    posts = np.empty(max(1, counts[table]), np.int32)
    posts[0] = 0
    for name in range(total):
        found = name_keys(chars, roles, offsets[name], offsets[name + 1], sounds, out)
        for k in range(found):
            slot = _slot(out[k])
            posts[counts[slot]] = name
            counts[slot] += 1
    return keys, starts, posts


@njit
def _sift(ids, values, count):
    i = 0
    while True:
        child = 2 * i + 1
        if child >= count:
            return
        if child + 1 < count and values[child + 1] < values[child]:
            child += 1
        if values[child] >= values[i]:
            return
        values[child], values[i] = values[i], values[child]
        ids[child], ids[i] = ids[i], ids[child]
        i = child


@njit
def retrieve(
    chars,
    roles,
    start,
    end,
    form,
    hints,
    sounds,
    index,
    forms,
    dead,
    budget,
    top,
    score,
    touched,
    ids,
    values,
):
    """The ``top`` names by summed key weights, rarest lists first until ``budget`` postings were read.

    Fills ids and values (descending) and returns (how many, the weight of all keys known to the register).
    ``score`` must be all zero and is left so.
    """
    keys = np.empty(BODY * (3 * GAP + 1) + 8, np.uint32)
    count = name_keys(chars, roles, start, end, sounds, keys)
    row = np.empty(count, np.int64)
    size = np.empty(count, np.int64)
    known = 0
    full = np.float32(0.0)
    for k in range(count):
        at = find(index.keys, keys[k])
        if at >= 0:
            row[known] = at
            size[known] = index.starts[at + 1] - index.starts[at]
            full += index.weights[at]
            known += 1
    order = np.argsort(size[:known], kind="mergesort")
    met = 0
    read = 0
    for o in order:
        length = size[o]
        if read > 0 and read + length > budget:
            break
        if read == 0 and length > 8 * budget:
            length = 8 * budget
        read += length
        k = row[o]
        weight = index.weights[k]
        begin = index.starts[k]
        for p in range(begin, begin + length):
            name = index.posts[p]
            if score[name] == 0:
                touched[met] = name
                met += 1
            score[name] += weight
    stock = hints & 4
    filled = 0
    for t in range(met):
        name = touched[t]
        value = score[name] * index.norm[name]
        score[name] = 0
        if dead[name]:
            continue
        if stock and forms[name] == 3:
            value *= np.float32(1.15)
        if filled < top:
            i = filled
            ids[i], values[i] = name, value
            filled += 1
            while i > 0 and values[(i - 1) // 2] > values[i]:
                parent = (i - 1) // 2
                values[i], values[parent] = values[parent], values[i]
                ids[i], ids[parent] = ids[parent], ids[i]
                i = parent
        elif value > values[0]:
            ids[0], values[0] = name, value
            _sift(ids, values, filled)
    for last in range(filled - 1, 0, -1):
        values[0], values[last] = values[last], values[0]
        ids[0], ids[last] = ids[last], ids[0]
        _sift(ids, values, last)
    return filled, full


@njit
def relation(a, b, sounds):
    """Mark of two characters: 1 same, 2 same sound, 3 near sound, 4 look-alike, 0 none of these."""
    if a == b:
        return 1
    s, t = sounds.sound[a], sounds.sound[b]
    s2, t2 = sounds.sound2[a], sounds.sound2[b]
    if s > 0 and s in (t, t2):
        return 2
    if s2 > 0 and s2 == t:
        return 2
    s, t = sounds.coarse[a], sounds.coarse[b]
    if s > 0 and (s == t or s == sounds.coarse2[b]):
        return 3
    s2 = sounds.coarse2[a]
    if s2 > 0 and s2 == t:
        return 3
    for i in range(4):
        part = sounds.parts[a, i]
        if part > 0:
            for j in range(4):
                if sounds.parts[b, j] == part:
                    return 4
    return 0


@njit
def align(q, m, d, n, idf, sounds, q_mark, d_mark):
    """Best alignment of q[:m] and d[:n]; fills the marks, returns the number of unbroken runs."""
    best = np.zeros((m + 1, n + 1), np.float32)
    back = np.zeros((m + 1, n + 1), np.uint8)
    kind = np.zeros((m + 1, n + 1), np.uint8)
    for i in range(1, m + 1):
        for j in range(1, n + 1):
            mark = relation(q[i - 1], d[j - 1], sounds)
            kind[i, j] = mark
            gain = np.float32(-1.0)
            if mark > 0:
                weight = idf[d[j - 1]]
                if mark == 1:
                    gain = weight + np.float32(0.5)
                elif mark == 2:
                    gain = np.float32(0.8) * weight
                elif mark == 3:
                    gain = np.float32(0.6) * weight
                else:
                    gain = np.float32(0.45) * weight
                gain += best[i - 1, j - 1]
                if i > 1 and j > 1 and back[i - 1, j - 1] == 1:
                    gain += np.float32(0.8)
                elif i == 1 or j == 1:
                    gain += np.float32(0.3)
            value = best[i - 1, j - 1]
            step = 4
            if best[i - 1, j] > value:
                value = best[i - 1, j]
                step = 2
            if best[i, j - 1] > value:
                value = best[i, j - 1]
                step = 3
            if gain > value:
                value = gain
                step = 1
            best[i, j] = value
            back[i, j] = step
    for i in range(m):
        q_mark[i] = 0
    for j in range(n):
        d_mark[j] = 0
    i, j, runs, last = m, n, 0, 0
    while i > 0 and j > 0:
        step = back[i, j]
        if step == 1:
            q_mark[i - 1] = kind[i, j]
            d_mark[j - 1] = kind[i, j]
            if last != 1:
                runs += 1
            i -= 1
            j -= 1
        elif step == 4:
            q_mark[i - 1] = 9
            d_mark[j - 1] = 9
            i -= 1
            j -= 1
        elif step == 2:
            i -= 1
        else:
            j -= 1
        last = step
    return runs
