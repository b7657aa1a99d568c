"""Cleaning a text for reading without losing where each character stood.

Every step either swaps characters one for one (no change of places) or drops and replaces short spans through
`MappedText.rewrite`. What is cleaned: character forms, invisible characters, pinyin glosses, half-width punctuation
beside Han, lines broken in mid-sentence, page furniture that the loader found, traditional script.
"""

from __future__ import annotations

import functools
import html
import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from zhaoyin.base.text import MappedText

HAN = "\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"


def normalise(
    text: str | MappedText,
    *,
    simplify: bool = True,
    wraps: bool = True,
    drop: Sequence[tuple[int, int]] = (),
) -> MappedText:
    """Clean ``text``; the result's ``source`` is the text given (or the given map's own source).

    ``simplify``: traditional characters become simplified ones, one for one. ``wraps``: join lines broken inside a
    sentence. ``drop``: half-open spans of the given text to leave out (page furniture), ascending.
    """
    mapped = MappedText.of(text) if isinstance(text, str) else text
    if drop:
        mapped = mapped.rewrite((left, right, "") for left, right in drop)
    mapped = _swap(mapped, _forms(mapped.text))
    mapped = _apply(mapped, _invisible(mapped.text))
    mapped = _apply(mapped, _markup(mapped.text))
    mapped = _apply(mapped, _glosses(mapped.text))
    mapped = _swap(mapped, _punctuation(mapped.text))
    if wraps:
        mapped = _apply(mapped, broken_lines(mapped.text))
    mapped = _apply(mapped, _spaced(mapped.text))
    if simplify:
        mapped = _swap(mapped, simplified(mapped.text))
    return mapped


def _swap(mapped: MappedText, text: str) -> MappedText:
    return mapped if text == mapped.text else MappedText(text, mapped.source, mapped.starts, mapped.ends)


def _apply(mapped: MappedText, edits: Sequence[tuple[int, int, str]]) -> MappedText:
    return mapped.rewrite(edits) if edits else mapped


# Character forms: one for one.


@functools.cache
def _form_table() -> dict[int, int]:
    table: dict[int, int] = {}
    for code in (*range(0xFF10, 0xFF1A), *range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B)):
        table[code] = code - 0xFEE0
    table[0xFF05] = ord("%")
    table[0xFF0B], table[0xFF0F], table[0xFF20], table[0xFF06] = map(ord, "+/@&")
    # Spaces of every width; the line ends that are not "\n". A form feed ends a page, so it ends a line.
    for code in (0x09, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000):
        table[code] = 0x20
    table[0x09] = 0x09
    for code in (0x0B, 0x0C, 0x85, 0x2028, 0x2029):
        table[code] = 0x0A
    # Radicals and compatibility forms that PDF fonts give in the place of the character itself.
    for code in (*range(0x2E80, 0x2FE0), *range(0xF900, 0xFB00), *range(0x2F800, 0x2FA20)):
        plain = unicodedata.normalize("NFKC", chr(code))
        if len(plain) == 1 and ord(plain) != code:
            table[code] = ord(plain)
    table.update(
        {0x2EA0: ord("民"), 0x2ED3: ord("长"), 0x2ECB: ord("车"), 0x2EC5: ord("见"), 0x2ED4: ord("门")}
    )
    # Vertical and small punctuation.
    for code in (*range(0xFE10, 0xFE20), *range(0xFE30, 0xFE70)):
        plain = unicodedata.normalize("NFKC", chr(code))
        if len(plain) == 1:
            table[code] = ord(plain)
    table[0xFF61] = ord("。")
    table[0xFF64] = ord("、")
    table[0x2027] = table[0x30FB] = table[0xFF65] = table[0x2022] = ord("·")
    return table


_ODD_FORMS = re.compile(
    "[\x0b\x0c\x85\xa0\u1680\u2000-\u200a\u2022\u2027-\u2029\u202f\u205f\u2e80-\u2fdf\u3000\u30fb\uf900-\ufaff"
    "\ufe10-\ufe1f\ufe30-\ufe6f\uff05\uff06\uff0b\uff0f\uff10-\uff19\uff20-\uff3a\uff41-\uff5a\uff61\uff64\uff65"
    "\U0002f800-\U0002fa1f]"
)


def _forms(text: str) -> str:
    return text.translate(_form_table()) if _ODD_FORMS.search(text) else text


# Invisible characters.

_INVISIBLE = re.compile(
    "\r(?=\n)|[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u034f\u061c\u115f\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064"
    "\u2066-\u206f\ufe00-\ufe0f\ufeff\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e01ef]+"
)


def _invisible(text: str) -> list[tuple[int, int, str]]:
    edits = [(m.start(), m.end(), "") for m in _INVISIBLE.finditer(text)]
    if "\r" in text:
        edits += [(m.start(), m.end(), "\n") for m in re.finditer("\r(?!\n)", text)]
        edits.sort()
    return edits


# Markup that was left in a copied text: &nbsp; <br>.

_ENTITY = re.compile(
    r"&(?:nbsp|ensp|emsp|ldquo|rdquo|lsquo|rsquo|hellip|mdash|ndash|middot|amp|lt|gt|quot|#\d{2,5}|#x[0-9a-fA-F]{2,5});"
)
_TAG = re.compile(
    r"</?(?P<name>br|p|div|tr|li|h[1-6]|span|strong|em|b|i|u|font|a|img|td|th|table|tbody|o:p|section)\b[^<>\n]{0,300}>",
    re.IGNORECASE,
)


def _markup(text: str) -> list[tuple[int, int, str]]:
    edits: list[tuple[int, int, str]] = []
    if "&" in text:
        for match in _ENTITY.finditer(text):
            char = html.unescape(match[0]).replace("\xa0", " ").replace("\u2002", " ").replace("\u2003", " ")
            # A code that names a control character or no character at all stays as it is written.
            if len(char) == 1 and (char.isprintable() or char == "\n"):
                edits.append((match.start(), match.end(), char))
    if "<" in text:
        for match in _TAG.finditer(text):
            breaks = match["name"].lower() in {"br", "p", "div", "tr", "li"} or match["name"][0] in "hH"
            edits.append((match.start(), match.end(), "\n" if breaks else ""))
        edits.sort()
    return edits


# Pinyin glosses: 項(xiàng)目.

_TONED = "āáǎàēéěèīíǐìōóǒòūúǔùǖǘǚǜńňǹḿ"
_GLOSS = re.compile(rf"(?<=[{HAN}])\s?[(（\[]\s?([a-zü{_TONED}]{{1,6}}[1-5]?)\s?[)）\]]", re.IGNORECASE)
_HAS_TONE = re.compile(rf"[{_TONED}]|[a-zü][1-5]$", re.IGNORECASE)
_SYLLABLE = re.compile(
    "(?:[bpmf]?(?:a|o|ai|ei|ao|ou|an|en|ang|eng|i|ie|iao|iu|ian|in|ing|u)|[dtnlgkhzcs]h?(?:a|e|ai|ei|ao|ou|an|en|ang|"
    "eng|ong|i|u|ua|uo|uai|ui|uan|un|uang|ia|ie|iao|iu|ian|in|iang|ing|v|ü|ve|üe)|[jqxyr](?:i|ia|ie|iao|iu|ian|in|"
    "iang|ing|iong|u|ue|uan|un|a|ao|ou|an|ang|en|eng|o|ong|e|ui|uo)|w(?:a|o|ai|ei|an|en|ang|eng|u)|er)$"
)


def _glosses(text: str) -> list[tuple[int, int, str]]:
    found = list(_GLOSS.finditer(text)) if "(" in text or "（" in text or "[" in text else []
    toned = [m for m in found if _HAS_TONE.search(m[1])]
    if len(toned) < 1:
        return []
    # A syllable without a tone mark (們(men)) is a gloss only where the text is glossed throughout.
    plain = len(toned) >= 3
    return [
        (m.start(), m.end(), "")
        for m in found
        if _HAS_TONE.search(m[1]) or (plain and m[1].islower() and _SYLLABLE.match(m[1]))
    ]


# Half-width punctuation beside Han: one for one.

_SIDE = rf"{HAN}“”‘’《》（）【】「」"
_PUNCTUATION = re.compile(
    rf"(?<=[{_SIDE}%])[,;:?!]|[,;:?!](?=[{_SIDE}])"
    rf"|(?<=[{_SIDE}])\.(?=[\s{_SIDE}\"']|$)|(?<=[\"'])\.(?=[{HAN}])|(?<=[0-9%A-Za-z])\.(?=[”’」])"
    rf"|(?<=[{_SIDE}0-9a-zA-Z%])\((?=[{_SIDE}])|(?<=[{_SIDE}])\((?=[^\s()]{{1,30}}\))|\((?=[{_SIDE}])"
    rf"|(?<=[{_SIDE}])\)|\)(?=[{_SIDE}，。；：、])|(?<=[^\s()])\)(?=[,;:.]?[{_SIDE}])"
    "|．(?![0-9])|(?<=[0-9])．(?=[0-9])"
)
_FULL = {
    ",": "，",
    ";": "；",
    ":": "：",
    "?": "？",
    "!": "！",
    ".": "。",
    "(": "（",
    ")": "）",
}


def _punctuation(text: str) -> str:
    def swap(match: re.Match[str]) -> str:
        char = match[0]
        if char == "．":
            at = match.end()
            return "." if at < len(text) and text[at] in "0123456789" else "。"
        return _FULL[char]

    return _PUNCTUATION.sub(swap, text)


# Letters set apart: 通 知 书.

_SPACED = re.compile(rf"(?<![^\s])[{HAN}](?:[ ]{{1,4}}[{HAN}]){{2,}}(?![^\s])")


def _spaced(text: str) -> list[tuple[int, int, str]]:
    edits: list[tuple[int, int, str]] = []
    for match in _SPACED.finditer(text):
        edits += [
            (match.start() + gap.start(), match.start() + gap.end(), "")
            for gap in re.finditer(" +", match[0])
        ]
    return edits


# Broken lines.

_LINE = re.compile(r"[^\n]*\n?")
_ENDS = re.compile(r"[。！？!?…；;：:.][”’」』）)\]]?\s*$")
_OPENS = re.compile(
    r"\s*(?:[一二三四五六七八九十百]{1,4}[、.．]|[（(][一二三四五六七八九十\d]{1,3}[)）]|\d{1,3}[、.．)）](?!\d)|第[一二三四五六七八九十百\d]{1,4}[章节条款部分]"
    r"|[①-⑳●○■□◆◇★☆▲△·•\-—*#>]|\|)"
)
_CARRIES = re.compile(r"[，、,“‘《（(【\[]\s*$")
_CARRIED = re.compile(r"\s*[，。、；：！？）》”’】」』,;)%％]")


def ends_sentence(line: str) -> bool:
    """Whether a line ends where a sentence, a clause of a list or a heading ends."""
    return _ENDS.search(line) is not None


def begins_item(line: str) -> bool:
    """Whether a line begins like an item of a list or a numbered clause."""
    return _OPENS.match(line) is not None


def _width(line: str) -> int:
    """Columns a line takes on paper: a Han character takes two."""
    return len(line) + sum(1 for c in line if c > "\u2e7f")


def broken_lines(text: str) -> list[tuple[int, int, str]]:
    """The line ends inside sentences, as edits that take them away.

    Joined are: a line that stops at the paper's edge (where the text was set to a width: many lines end at nearly the
    same column) without ending a sentence; a line that stops after a comma or an opening mark; a line whose successor
    begins with a closing mark. A next line that is indented, empty, or begins like an item stays where it is.
    """
    spans: list[tuple[int, int]] = []
    at = 0
    for piece in text.split("\n"):
        spans.append((at, at + len(piece)))
        at += len(piece) + 1
    if len(spans) < 2:
        return []
    edge = _edge([text[left:right] for left, right in spans[:5000]])
    edits: list[tuple[int, int, str]] = []
    for (left, right), (next_left, next_right) in itertools.pairwise(spans):
        if left == right or next_left == next_right:
            continue
        tail, head = text[max(left, right - 3) : right], text[next_left : min(next_right, next_left + 12)]
        if not tail.strip() or not head.strip() or text.find("\t", left, next_right) != -1:
            continue  # a row of a table stays a row
        if not _CARRIED.match(head):
            if _ENDS.search(tail) or _OPENS.match(head):
                continue
            carries = _CARRIES.search(tail) is not None
            if head[0] == " " and (not carries or head.startswith("  ")) and edge is None:
                continue
            if not carries and (edge is None or head.startswith("  ")):
                continue
            if (
                not carries
                and edge is not None
                and not edge[0] <= _width(text[left:right].rstrip()) <= edge[1]
            ):
                continue
        stop = right - (len(tail) - len(tail.rstrip()))
        go = next_left + (len(head) - len(head.lstrip()))
        both = (
            text[stop - 1].isascii()
            and text[stop - 1].isalpha()
            and text[go].isascii()
            and text[go].isalpha()
        )
        edits.append((stop, go, " " if both else ""))
    return edits


def _edge(lines: Iterable[str]) -> tuple[int, int] | None:
    """The columns between which full lines end, when the text was set to a width; else None."""
    widths = [_width(line.rstrip()) for line in lines if line.strip()]
    long = [width for width in widths if 24 <= width <= 240]
    if len(long) < 4:
        return None
    counts = Counter(long)
    best, total = None, 0
    for width in counts:
        inside = sum(counts[near] for near in range(width - 3, width + 1))
        if (inside, width) > (total, best or 0):
            best, total = width, inside
    assert best is not None
    # Full lines must be the rule: most long lines stop here, hardly any goes beyond.
    beyond = sum(1 for width in widths if width > best + 4)
    if total >= max(3, 0.4 * len(long)) and beyond <= 0.1 * len(widths):
        return best - 5, best + 4
    return None


# Script.


@functools.cache
def _converter(name: str) -> Any:
    import opencc

    return opencc.OpenCC(name)


def simplified(text: str) -> str:
    """Traditional characters as simplified ones, character for character (the length never changes)."""
    if text.isascii():
        return text
    whole: str = _converter("t2s").convert(text)
    if len(whole) == len(text):
        return whole
    # A phrase rule changed a length somewhere: keep that line as characters alone give it.
    lines = []
    for line in text.split("\n"):
        plain: str = _converter("t2s").convert(line)
        if len(plain) != len(line):
            plain = "".join(_one(char) for char in line)
        lines.append(plain)
    return "\n".join(lines)


@functools.lru_cache(maxsize=20_000)
def _one(char: str) -> str:
    plain: str = _converter("t2s").convert(char)
    return plain if len(plain) == 1 else char


def script(text: str) -> str:
    """ "hant" when the text is written in traditional characters, else "hans"."""
    head = text[:20_000]
    han = len(re.findall(f"[{HAN}]", head))
    changed = sum(a != b for a, b in zip(head, simplified(head), strict=True))
    return "hant" if han and changed > 0.05 * han else "hans"
