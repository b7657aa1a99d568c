"""Plain text in any Chinese encoding."""

from __future__ import annotations

import re

from zhaoyin.base.errors import Refusal
from zhaoyin.reading.load import encoding, furniture
from zhaoyin.reading.load.document import Block, Notice
from zhaoyin.reading.load.draft import CUT, Draft, cut_notice
from zhaoyin.reading.load.limits import Limits

LINES = 1_000_000

_DAMAGE = {
    "lost": (
        "文本里有成片的乱码（“锟斤拷”“????”或�），原来的字已经丢失；请从原始来源重新取得这份材料。",
        "Parts of the text are destroyed (replacement characters); what stood there is lost. Get the material again "
        "from its source.",
    ),
    "utf8-as-gbk": (
        "文本是乱码：UTF-8 的内容曾被当作 GBK 保存；请从原始来源重新取得，或用原编码另存后再导入。",
        "The text is garbled: UTF-8 was once saved as if it were GBK. Get it again from its source, or save it in its "
        "own encoding.",
    ),
    "utf8-as-latin": (
        "文本是乱码：UTF-8 的内容曾被当作西文编码保存；请从原始来源重新取得，或用原编码另存后再导入。",
        "The text is garbled: UTF-8 was once saved as a Western encoding. Get it again from its source, or save it in "
        "its own encoding.",
    ),
}


def decoded(data: bytes, limits: Limits, name: str) -> tuple[str, str, list[Notice]]:
    """The text, its encoding, and notices about damage. Refuses what is no text."""
    notices: list[Notice] = []
    # Four bytes are the longest character of any encoding here: more bytes than that cannot be needed.
    if len(data) > limits.characters * 4:
        data = data[: limits.characters * 4]
        notices.append(cut_notice(limits.characters))
    try:
        found = encoding.decode(data)
    except encoding.NotText:
        raise Refusal(
            "binary",
            f"{name or '这个文件'}不是文本：内容是二进制数据，与扩展名不符；请确认文件没有损坏，按真实格式导入。",
            f"{name or 'This file'} is not text: it holds binary data. Check that it is whole and import it under its "
            "real format.",
            where=name,
        ) from None
    text = found.text
    if len(text) > limits.characters:
        text = text[: limits.characters]
        if not notices:
            notices.append(cut_notice(limits.characters))
    if found.bad > len(notices):  # the cut itself may have gone through one character
        notices.append(
            Notice(
                "bad-bytes",
                f"有 {found.bad} 处字节不能按 {found.encoding} 解码，已标为�；文件可能被截断或混用了编码。",
                f"{found.bad} bytes are not {found.encoding} and stand as U+FFFD; the file may be cut or mix encodings.",
                partial=True,
            )
        )
    if damage := encoding.mojibake(text):
        zh, en = _DAMAGE[damage]
        notices.append(Notice("mojibake", zh, en))
    return text, found.encoding, notices


def load(data: bytes, name: str, limits: Limits) -> Draft:
    text, codec, notices = decoded(data, limits, name)
    draft = Draft("txt", text, encoding=codec, warnings=notices)
    for count, match in enumerate(re.finditer(r"[^\r\n\f\v\x85\u2028\u2029]+", text)):
        if count >= LINES:
            draft.source = text[: match.start()]
            draft.warnings = [n for n in notices if n.code != CUT] + [cut_notice(match.start())]
            break
        if not match[0].isspace():
            kind = furniture.of_line(match[0])
            draft.blocks.append(Block(kind or "paragraph", match.start(), match.end()))
            if kind == "furniture":
                draft.drop.append((match.start(), match.end()))
    return draft
