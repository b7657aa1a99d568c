"""What the reading knows beforehand: words of the language (shipped as data) and names of this desk (an argument)."""

from __future__ import annotations

import functools
import gzip
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from importlib.resources import files
from typing import Any

_DATA = files("zhaoyin.reading") / "data"


@dataclass(frozen=True)
class Lexicon:
    """Names a desk knows already; all are optional and all are spelled as they appear in texts.

    ``organisations`` full names; ``aliases`` another spelling → the full name; ``places`` places of the region below
    the county; ``titles`` posts; ``industries`` a word → the sector code of the exchange schema.
    """

    organisations: frozenset[str] = frozenset()
    aliases: Mapping[str, str] = field(default_factory=dict)
    places: frozenset[str] = frozenset()
    titles: frozenset[str] = frozenset()
    industries: Mapping[str, str] = field(default_factory=dict)

    def with_alias(self, alias: str, name: str) -> Lexicon:
        """A lexicon that also knows ``alias`` as another spelling of ``name``."""
        return replace(self, aliases={**self.aliases, alias: name}, organisations=self.organisations | {name})

    def with_organisations(self, names: Iterable[str]) -> Lexicon:
        return replace(self, organisations=self.organisations | frozenset(names))

    @functools.cached_property
    def known(self) -> re.Pattern[str] | None:
        """Every known name and alias of two characters or more, longest first."""
        names = {name for name in (*self.organisations, *self.aliases) if len(name) >= 2}
        return re.compile(trie(names)) if names else None


def trie(words: Iterable[str]) -> str:
    """A regular expression that matches the longest of ``words``, shaped as a tree so that it stays fast."""
    root: dict[str, Any] = {}
    for word in words:
        node = root
        for char in word:
            node = node.setdefault(char, {})
        node[""] = {}
    return _branch(root)


def _branch(node: Mapping[str, Any]) -> str:
    ends = "" in node
    singles: list[str] = []
    parts: list[str] = []
    for char in sorted(key for key in node if key):
        rest = _branch(node[char])
        if rest:
            parts.append(re.escape(char) + rest)
        else:
            singles.append(re.escape(char))
    if singles:
        parts.append(singles[0] if len(singles) == 1 else "[" + "".join(singles) + "]")
    if not parts:
        return ""
    body = parts[0] if len(parts) == 1 and not ends else "(?:" + "|".join(parts) + ")"
    return body + "?" if ends else body


@functools.cache
def words() -> Mapping[str, Mapping[str, Any]]:
    return tomllib.loads((_DATA / "words.toml").read_text(encoding="utf-8"))


@functools.cache
def sectors() -> Mapping[str, tuple[str, ...]]:
    table = tomllib.loads((_DATA / "sectors.toml").read_text(encoding="utf-8"))
    return {sector: tuple(terms) for sector, terms in table.items()}


@dataclass(frozen=True, slots=True)
class Place:
    """A division of GB/T 2260: its code (2, 4 or 6 digits) and its full name."""

    code: str
    name: str

    @property
    def level(self) -> int:
        return len(self.code)


_PEOPLES = [
    "蒙古",
    "回",
    "藏",
    "维吾尔",
    "苗",
    "彝",
    "壮",
    "布依",
    "朝鲜",
    "满",
    "侗",
    "瑶",
    "白",
    "土家",
    "哈尼",
    "哈萨克",
    "傣",
    "黎",
    "傈僳",
    "佤",
    "畲",
    "高山",
    "拉祜",
    "水",
    "东乡",
    "纳西",
    "景颇",
    "柯尔克孜",
    "土",
    "达斡尔",
    "仫佬",
    "羌",
    "布朗",
    "撒拉",
    "毛南",
    "仡佬",
    "锡伯",
    "阿昌",
    "普米",
    "塔吉克",
    "怒",
    "乌孜别克",
    "俄罗斯",
    "鄂温克",
    "德昂",
    "保安",
    "裕固",
    "京",
    "塔塔尔",
    "独龙",
    "鄂伦春",
    "赫哲",
    "门巴",
    "珞巴",
    "基诺",
    "各",
]
_LONG_ENDS = re.compile(
    rf"(?:(?:{'|'.join(f'{people}族?' for people in _PEOPLES)})*自治[县州旗区]|特别行政区|地区|林区|特区|[省市县区旗盟])$"
)

_REGIONS = {
    "内蒙古自治区": "内蒙古",
    "广西壮族自治区": "广西",
    "西藏自治区": "西藏",
    "宁夏回族自治区": "宁夏",
    "新疆维吾尔自治区": "新疆",
}


@functools.cache
def places() -> Mapping[str, Place]:
    """Every name of a division, full and short, → the division. Short forms that are common words are left out."""
    found: dict[str, Place] = {}
    short: dict[str, list[Place]] = {}
    ambiguous = frozenset(words()["places"]["ambiguous"])
    for line in (_DATA / "places.csv").read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        code, name = line.split(",")
        # A few rows carry six digits for a province; trailing zeros say the level.
        code = re.sub(r"(?:0000|00)$", "", code) if len(code) == 6 else code
        place = Place(code, name)
        if name not in found or found[name].level > place.level:
            found[name] = place
        stem = _REGIONS.get(name) or _LONG_ENDS.sub("", name)
        if len(stem) >= 2 and stem != name and stem not in ambiguous:
            short.setdefault(stem, []).append(place)
    for stem, meant in short.items():
        if stem not in found:
            found[stem] = min(meant, key=lambda place: (place.level, place.code))
    for name in words()["places"]["countries"]:
        found.setdefault(name, Place("99", name))
    return found


@functools.cache
def place_pattern() -> re.Pattern[str]:
    return re.compile(trie(places()))


@functools.cache
def towns() -> frozenset[str]:
    """Names of towns, townships and streets, with their ending."""
    return frozenset(gzip.decompress((_DATA / "towns.txt.gz").read_bytes()).decode().split("\n")) - {""}


@functools.cache
def surnames() -> tuple[frozenset[str], frozenset[str]]:
    """Surnames of one character, and of two."""
    lines = [
        line
        for line in (_DATA / "surnames.txt").read_text(encoding="utf-8").splitlines()
        if not line.startswith("#")
    ]
    unlikely = frozenset("有年和由那后海不都於")
    return frozenset(lines[0]) - unlikely, frozenset(" ".join(lines[1:]).split())
