"""Government bodies and places: resolved against the administrative divisions, from provinces down to streets and towns."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from functools import cache

from zhaoyin.resolution.tables import divisions
from zhaoyin.resolution.text import characters, normalise
from zhaoyin.resolution.words import Reason

_KIND = re.compile(
    r"(特别行政区|维吾尔自治区|壮族自治区|回族自治区|自治区|自治[州县旗]|地区|街道|省|市|县|区|盟|旗|镇|乡)$"
)
_ORGAN = re.compile(
    r"(?P<organ>人民政府|政府|人民代表大会常务委员会|人大常委会|人大|政协|街道办事处|办事处|街道办|人民法院|法院|人民检察院|检察院|"
    r"[\u4e00-\u9fff]{0,14}?(?:局|委员会|管委会|委|厅|办公室|中心|总队|支队|大队|处))?$"
)


@dataclass(frozen=True)
class Division:
    """An administrative division: ``code`` (6 digits GB/T 2260, or 9 for streets and towns), its path from the province."""

    code: str
    name: str
    path: tuple[str, ...]


@dataclass(frozen=True)
class PlaceMatch:
    """``organ`` is what is left after the place ("商务局"), empty for the place itself; the first of ``divisions`` is the answer."""

    decision: str  # match, review, new
    divisions: tuple[Division, ...]
    organ: str
    reasons: tuple[Reason, ...]


def _parents(code: str) -> list[str]:
    chain = [code[:2] + "0000", code[:4] + "00", code[:6], code]
    return [c for i, c in enumerate(chain) if c in divisions() and c not in chain[:i]]


@cache
def division(code: str) -> Division:
    return Division(code, divisions()[code], tuple(divisions()[c] for c in _parents(code)))


def _stem(name: str) -> str:
    stem = _KIND.sub("", name)
    return stem if len(stem) >= 2 else name


def _ear(text: str, rough: bool) -> str:
    table = characters()
    column = table.coarse if rough else table.sound
    return "".join(chr(0x100 + int(column[min(ord(c), 0xFFFD)])) for c in text)


@cache
def _by(kind: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for code, name in divisions().items():
        for written in {name, _stem(name)}:
            key = written if kind == "written" else _ear(written, kind == "near")
            found[key].append(code)
    return dict(found)


_HOW = {
    "written": Reason("division", "与行政区划名称一致", "the name of an administrative division"),
    "sound": Reason("division-sound", "与行政区划同音：{0}/{1}", "sounds like a division: {0}/{1}"),
    "near": Reason("division-near", "与行政区划近音：{0}/{1}", "sounds nearly like a division: {0}/{1}"),
}


_PUBLIC = re.compile(_KIND.pattern[:-1] + r"(?:人民)?(?:政府|街道办事处|办事处|街道办)?$")


def place_for_firm(written: str, found: str) -> bool:
    """Whether ``written`` ends like a place or its government while ``found``, the register's name, does not."""
    return bool(_PUBLIC.search(normalise(written))) and not _PUBLIC.search(normalise(found))


def resolve_place(name: str, within: str = "") -> PlaceMatch:
    """Which division (and which organ of it) a name means. ``within``: a division code the answer should lie under.

    ``new`` when nothing fits or the text is no place; ``review`` when several fit equally.
    """
    text = normalise(name)
    prefix = within.rstrip("0") if len(within) == 6 else within
    prefix = prefix + "0" if len(prefix) % 2 else prefix
    chain: list[tuple[str, str, str]] = []  # (code, written, how)
    rest = text
    scope = prefix
    while len(rest) >= 2:
        step = _longest(rest, scope, first=not chain)
        if step is None:
            break
        codes, size, how = step
        chain.append(("|".join(codes), rest[:size], how))
        rest = rest[size:]
        if len(codes) > 1:
            break
        scope = codes[0].rstrip("0") if len(codes[0]) == 6 else codes[0]
        scope = scope + "0" if len(scope) % 2 and len(codes[0]) == 6 else scope
    if not chain or (rest and not _ORGAN.fullmatch(rest)):
        return PlaceMatch(
            "new",
            (),
            "",
            (
                Reason(
                    "no-division",
                    "不是已知的行政区划或其机关",
                    "not a known administrative division or an organ of one",
                ),
            ),
        )
    codes = chain[-1][0].split("|")
    reasons = []
    for found, written, how in chain:
        named = divisions()[found.split("|")[0]]
        reasons.append(
            Reason(_HOW[how].code, _HOW[how].zh.format(written, named), _HOW[how].en.format(written, named))
        )
    if len(codes) > 1:
        reasons.append(
            Reason(
                "several-divisions",
                f"全国有 {len(codes)} 个同名区划，请注明上级",
                f"{len(codes)} divisions bear this name; say which county",
            )
        )
    sure = len(codes) == 1 and all(how == "written" for *_, how in chain)
    decision = "match" if sure or (len(codes) == 1 and (prefix or len(chain) > 1)) else "review"
    return PlaceMatch(decision, tuple(division(code) for code in codes[:5]), rest, tuple(reasons))


def _longest(text: str, scope: str, first: bool) -> tuple[list[str], int, str] | None:
    for how in ("written", "sound", "near"):
        table = _by(how)
        for size in range(min(len(text), 12), 1, -1):
            written = text[:size]
            # by ear only whole words of a place: 罗丰街道, 碧果镇; a bare stem by ear would match anything
            if how != "written" and not _KIND.search(written):
                continue
            key = written if how == "written" else _ear(written, how == "near")
            codes = [c for c in table.get(key, ()) if c.startswith(scope)]
            if how != "written":
                tail = _KIND.search(written)
                codes = [c for c in codes if tail and divisions()[c].endswith(tail.group(1))]
            if codes and (how == "written" or scope or first):
                whole = [c for c in codes if divisions()[c] == written] or codes
                if scope and len(whole) > 1:
                    whole = [min(whole, key=len)] if len({c[:6] for c in whole}) == 1 else whole
                top = [c for c in whole if len(c) == 6]
                return (top or whole), size, how
    return None
