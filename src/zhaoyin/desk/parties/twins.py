"""Which records may be one organisation, found a slice at a time and remembered beside the register.

A register of a hundred thousand names takes minutes to compare with itself; a page asks for the next slice, shows what is
known so far, and only names that changed since are asked again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass

from zhaoyin.base.errors import Refusal
from zhaoyin.desk.parties import register
from zhaoyin.resolution import Register

SLICE = 2_000  # names compared in one request: a second or two
LIKELY = 0.15  # a pair less likely than this is not worth a person's minute
SURE = 0.9


Best = tuple[int, float, dict[str, str]]  # the likeliest other record, probability 0 to 1, reason by language


@dataclass(frozen=True)
class Twins:
    """The likeliest other record of each, by id, and how many of all were asked about so far."""

    best: dict[int, Best]
    asked: int
    total: int

    @property
    def complete(self) -> bool:
        return self.asked >= self.total

    def pairs(self) -> dict[frozenset[int], Best]:
        """Records that may be one: each is the other's likeliest, or one is all but sure. In a family of like names
        (集团, 矿业, 银楼 under one 字号) a newcomer resembles all; only the one it resembles most is worth a question."""
        found: dict[frozenset[int], Best] = {}
        for key, best in self.best.items():
            back = self.best.get(best[0])
            mutual = back is not None and back[0] == key
            pair = frozenset((key, best[0]))
            if best[1] >= (LIKELY if mutual else SURE) and best[1] > found.get(pair, (0, 0.0, {}))[1]:
                found[pair] = best
        return found


def look(slice_size: int = SLICE) -> Twins:
    """Ask the register about the next names nobody asked about yet, and give all that is known."""
    book, signs = register.register(), register.signs()
    file = register.folder() / "twins.json"
    try:
        known = json.loads(file.read_text("utf-8"))
        asked, best = dict(known["asked"]), dict(known["best"])
    except (OSError, ValueError, KeyError, TypeError):
        asked, best = {}, {}
    stale = [
        key
        for key, sign in signs.items()
        if asked.get(key) != sign or (key in best and best[key][0] not in signs)
    ]
    gone = asked.keys() - signs.keys()
    now = set(stale[:slice_size])
    if now or gone:
        for key in now | gone:
            best.pop(key, None)
            asked.pop(key, None)
        met = dict(_ask(book, now))
        # a newcomer may be the likeliest other of those it resembles
        best |= met | dict(_ask(book, {other for other, _, _ in met.values()} - now))
        asked |= {key: signs[key] for key in now}
        temporary = file.with_name(f".twins-{os.getpid()}")
        temporary.write_text(json.dumps({"asked": asked, "best": best}, ensure_ascii=False), "utf-8")
        temporary.replace(file)
    found = {
        int(key): (int(other), float(p), why)
        for key, (other, p, why) in best.items()
        if key in signs and other in signs
    }
    return Twins(found, len(signs) - len(stale) + len(now), len(signs))


def _ask(book: Register, ids: set[str]) -> Iterator[tuple[str, tuple[str, float, dict[str, str]]]]:
    for key, answer in book.twins(0.0, only=ids):
        yield key, (answer.id, answer.probability, {code: answer.why(code) for code in ("zh", "en")})


def look_safely(slice_size: int = SLICE) -> Twins:
    """The same; a damaged register is made again from the ledger first."""
    try:
        return look(slice_size)
    except Refusal as broken:
        if broken.code not in {"register-damaged", "register-missing"}:
            raise
        register.forget()
        return look(slice_size)
