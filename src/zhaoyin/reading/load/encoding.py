"""Which encoding a Chinese text is in: marks first, then what decodes at all, then which reading is likelier.

GB18030 and Big5 both decode most of each other's bytes. They are told apart by how the reading looks: real Chinese
text keeps to the first level of the standard (GB 2312: 3,755 characters, Big5: 5,401 characters, laid out by
frequency of use) and is rich in its few commonest characters, which a wrong reading is not.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

SAMPLE = 200_000

# The commonest characters of running Chinese and of this field, simplified and traditional.
_COMMON = frozenset(
    "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方后多定行学法"
    "所民得经十三之进着等部度家电力里如水化高自二理起小物现实加量都两体制机当使点从业本去把性好应开它合还因由其些然前外天政"
    "四日社义事平形相全表间样与关各重新线内数正心反你明看原又利比或但质气第向道命此变条只没结解问意建月公系最立想已通并提直"
    "题程展五果料象员入常文总次品式活设及管特件长求头基资路级少图山统接知将组见计别各市县区镇街道州省局委集团有限公司项目投资"
    "签约招商引园万亿元亩企业举行协议书记领导会议推介服务政策发展科技创新产业开发经济这過們個來時會說對國業產發學經進動電"
    "實種後於與為並將應關樣內數點題設總縣區鎮銀導萬億畝舉議書記領務開協簽約項資團發創濟員現機體無還間門問當長東車馬見貝"
    "，。、；：？！（）《》“”‘’「」『』—…％"
)
_WORDS = re.compile(
    "我们|可以|这个|公司|中国|发展|企业|项目|投资|建设|经济|工作|招商|有限|产业|一个|以及|进行|我們|這個|發展|企業|項目|投資|"
    "建設|經濟|產業|進行|招商|以及"
)


@dataclass(frozen=True, slots=True)
class Decoded:
    """``text`` as decoded by ``encoding`` (the name of a Python codec); ``bad`` bytes could not be decoded."""

    text: str
    encoding: str
    bad: int = 0


class NotText(ValueError):
    """The bytes are not text in any encoding that is known here."""


def decode(data: bytes) -> Decoded:
    """Decode ``data`` whole. Raises `NotText` when the bytes are no text."""
    if not data:
        return Decoded("", "utf-8")
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF32_LE, "utf-32"),
        (codecs.BOM_UTF32_BE, "utf-32"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if data.startswith(mark):
            return _checked(_tolerant(data, name))
    if (wide := _wide(data)) is not None:
        return _checked(_tolerant(data, wide))
    if b"\0" in data:
        raise NotText
    if not any(byte >= 0x80 for byte in data[:SAMPLE]) and data.isascii():
        if b"~{" in data and b"~}" in data:
            try:
                return Decoded(data.decode("hz"), "hz")
            except UnicodeDecodeError:
                pass
        return _checked(Decoded(data.decode("ascii"), "utf-8"))
    try:
        return _checked(Decoded(data.decode("utf-8"), "utf-8"))
    except UnicodeDecodeError:
        pass
    head = data[:SAMPLE]
    if _utf8_share(head) > 0.95:
        return _checked(_tolerant(data, "utf-8"))
    legacy = _legacy(head)
    if legacy is None:
        raise NotText
    return _checked(_tolerant(data, legacy))


def _checked(found: Decoded) -> Decoded:
    """Refuse a reading that is full of control characters or of holes."""
    head = found.text[:SAMPLE]
    controls = sum(map(head.count, map(chr, (*range(9), *range(14, 27), *range(28, 32), 0x7F))))
    if controls > max(2, len(head) * 0.02) or found.bad > max(4, len(found.text) * 0.1):
        raise NotText
    return found


def _tolerant(data: bytes, name: str) -> Decoded:
    """Decode; a bad byte becomes U+FFFD and is counted, a character cut at the very end is left out."""
    decoder = codecs.getincrementaldecoder(name)("strict")
    try:
        text = decoder.decode(data, final=False)
    except UnicodeDecodeError:
        text = data.decode(name, errors="replace")
        return Decoded(text, name, max(text.count("\ufffd"), 1))
    pending = decoder.getstate()[0]
    return Decoded(text, name, 1 if pending and name not in {"utf-16", "utf-32"} else 0)


def _wide(data: bytes) -> str | None:
    """UTF-16 without a mark: the byte order in which nearly every character is a usual one."""
    head = data[:20_000]
    if len(data) % 2 or len(data) < 4:
        return None
    if b"\0" not in head and (head.isascii() or _utf8_share(head) > 0.95):
        return None
    best: tuple[float, str] | None = None
    for name in ("utf-16-le", "utf-16-be"):
        if _fits(head, name):
            text = head.decode(name, errors="ignore")
            usual = sum(" " <= c <= "~" or c in "\r\n\t" or _first_level(c) > 0.6 for c in text) / len(text)
            if usual > 0.85 and (best is None or usual > best[0]):
                best = (usual, name)
    if best is None:
        return None
    # Nothing but Han: GB18030 bytes may look like UTF-16 and the other way round.
    legacy = _legacy(head) if b"\0" not in head else None
    if legacy is not None:
        wide, narrow = head.decode(best[1], errors="ignore"), head.decode(legacy, errors="replace")
        return best[1] if _score(wide) > _score(narrow) + 0.1 else None
    return best[1]


def _fits(data: bytes, name: str) -> bool:
    try:
        codecs.getincrementaldecoder(name)("strict").decode(data, final=False)
    except UnicodeDecodeError:
        return False
    return True


def _utf8_share(data: bytes) -> float:
    """The share of the bytes above 0x7F that stand in well-formed UTF-8."""
    high = sum(map(len, re.findall(rb"[\x80-\xff]+", data)))
    good = sum(
        map(
            len,
            re.findall(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}", data),
        )
    )
    return good / high if high else 0.0


def _legacy(head: bytes) -> str | None:
    """GB18030 or Big5 (with the Hong Kong supplement), whichever reads better; None when neither is credible."""
    best: tuple[float, str] | None = None
    for name in ("gb18030", "big5hkscs", "cp950"):
        text = head.decode(name, errors="replace")
        if text.count("\ufffd") > 1 + len(text) * 0.02:
            continue
        score = _score(text) - 5 * max(0, text.count("\ufffd") - 1) / max(len(text), 1)
        if best is None or score > best[0] + 1e-9:
            best = (score, name)
    if best is None or best[0] < 0.25:
        return None
    return best[1]


def _score(text: str) -> float:
    """How much the characters beyond ASCII look like running Chinese, about 0 to 1.5."""
    wide = [c for c in text if c > "\x7f" and c != "\ufffd"]
    if not wide:
        return 0.0
    first = sum(map(_first_level, wide))
    common = sum(c in _COMMON for c in wide)
    words = len(_WORDS.findall(text))
    return (first * 0.5 + common * 0.5) / len(wide) + min(0.3, words / len(wide) * 2)


_LEVEL: dict[str, float] = {}


def _first_level(char: str) -> float:
    """1 for a character of the first level of GB 2312 or Big5 and for usual punctuation, less for the rest."""
    if not _LEVEL:
        for high in range(0xB0, 0xD8):
            for low in range(0xA1, 0xFF):
                try:
                    _LEVEL[bytes((high, low)).decode("gb2312")] = 1.0
                except UnicodeDecodeError:
                    continue
        for high in range(0xA4, 0xC7):
            for low in (*range(0x40, 0x7F), *range(0xA1, 0xFF)):
                try:
                    _LEVEL.setdefault(bytes((high, low)).decode("big5"), 0.8)
                except UnicodeDecodeError:
                    continue
        _LEVEL.update(dict.fromkeys("，。、；：？！（）《》“”‘’「」『』—…％·　【】", 1.0))
        _LEVEL.update({chr(code): 0.7 for code in range(0xFF10, 0xFF5B)})
    found = _LEVEL.get(char)
    if found is not None:
        return found
    if "\u4e00" <= char <= "\u9fff":
        return 0.15
    return -0.3


_BAD_GBK = re.compile("锟斤拷|鐨[\u4e00-\u9fff]|鏄痋|浼佷笟|鍏徃|椤圭洰|鎶曡祫|鎷涘晢|涓\\S?浗|鈥|銆|锛|甯傚")
_BAD_LATIN = re.compile(
    "[\u00c3\u00e4-\u00e9][\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u2013-\u203a\u20ac\u2122]"
)


def mojibake(text: str) -> str | None:
    """Name the damage of a text that was decoded wrongly before it was stored; None when it looks sound.

    "utf8-as-gbk" (鎷涘晢), "utf8-as-latin" (æ‹›å•†), "lost" (锟斤拷, rows of question marks or U+FFFD: not recoverable).
    """
    head = text[:SAMPLE]
    size = max(len(head), 1)
    if head.count("锟斤拷") * 3 > 0.01 * size or head.count("\ufffd") > 0.02 * size:
        return "lost"
    if len(re.findall(r"\?{4,}", head)) * 6 > 0.05 * size and not re.search("[\u4e00-\u9fff]{20}", head):
        return "lost"
    if len(_BAD_GBK.findall(head)) * 2 > 0.02 * size:
        return "utf8-as-gbk"
    if len(_BAD_LATIN.findall(head)) * 3 > 0.2 * size:
        return "utf8-as-latin"
    return None
