"""Word documents (.docx, .docm): paragraphs with their automatic numbers, tables, text boxes.

Headers, footers, deleted text, comments and pictures are left out; macros are never looked at. Read with lxml straight
from ``word/document.xml``, so that ten thousand pictures beside it cost nothing.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from typing import Any

from lxml import etree

from zhaoyin.reading.load import archive, furniture
from zhaoyin.reading.load.document import Block, Notice
from zhaoyin.reading.load.draft import Draft, Full, Writer, cut_notice
from zhaoyin.reading.load.limits import Limits

XML = 120 * 2**20


def xml(data: bytes) -> Any:
    """Parse without entities, network or unbounded depth; None when it is not XML."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=True
    )
    try:
        return etree.fromstring(data, parser)
    except etree.XMLSyntaxError:
        return None


def local(node: Any) -> str:
    """The tag without its namespace; "" for comments."""
    tag = node.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def attribute(node: Any, name: str) -> str | None:
    """An attribute by its local name: transitional and strict documents differ in the namespace."""
    for key, value in node.attrib.items():
        if key.rpartition("}")[2] == name:
            return str(value)
    return None


def child(node: Any, *path: str) -> Any:
    for name in path:
        if node is None:
            return None
        node = next((found for found in node if local(found) == name), None)
    return node


def load(data: bytes, name: str, limits: Limits) -> Draft:
    package = archive.opened(data, name, limits)
    entries = {entry.lstrip("/").lower(): entry for entry in package.namelist()}
    main = entries.get("word/document.xml") or next(
        entry for key, entry in entries.items() if key.startswith("word/document") and key.endswith(".xml")
    )
    root = xml(archive.part(package, main, name, XML))
    if root is None:
        raise archive.damaged(name)
    draft = Draft("docx")
    writer = Writer(limits.characters)
    body = child(root, "body")
    pictures = 0
    if body is not None:
        numbers = _Numbers(package, entries, name)
        try:
            _write(body, writer, numbers)
        except Full:
            draft.warnings.append(cut_notice(limits.characters))
        pictures = sum(1 for node in body.iter() if local(node) == "blip")
    draft.source, draft.blocks, draft.tables = writer.text, writer.blocks, writer.tables
    for index, block in enumerate(draft.blocks):
        if block.kind != "table" and (kind := furniture.of_line(draft.source[block.start : block.end])):
            draft.blocks[index] = Block(kind, block.start, block.end)
            if kind == "furniture":
                draft.drop.append((block.start, block.end))
    if any(key.endswith("vbaproject.bin") for key in entries):
        draft.warnings.append(
            Notice(
                "macros",
                "文档含有宏，没有运行也没有读取；只读了正文。",
                "The document holds macros; they were neither run nor read, only its text was.",
            )
        )
    if pictures:
        draft.warnings.append(
            Notice(
                "pictures",
                f"文档里有 {pictures:,} 张图片，图片中的文字没有读取；如需要，请把图片单独导入。",
                f"The document holds {pictures:,} pictures; text inside them was not read. Import them as pictures.",
                partial=len(draft.source) < 200,
            )
        )
    return draft


def _write(body: Any, writer: Writer, numbers: _Numbers) -> None:
    for node in _blocks(body):
        if local(node) == "tbl":
            _table(node, writer)
            continue
        style = child(node, "pPr", "pStyle")
        heading = False
        if style is not None:
            heading = numbers.is_heading(attribute(style, "val") or "")
        heading = heading or child(node, "pPr", "outlineLvl") is not None
        number = numbers.of(node)
        text = _text(node)
        if text.strip():
            writer.block(
                number + text.strip("\n"), "heading" if heading else "item" if number else "paragraph"
            )
        for box in _boxes(node):
            for inner in _blocks(box):
                if local(inner) == "tbl":
                    _table(inner, writer)
                else:
                    writer.block(_text(inner).strip("\n"))


def _blocks(container: Any) -> Iterator[Any]:
    """Paragraphs and tables, also inside content controls and tracked insertions."""
    for node in container:
        name = local(node)
        if name in {"p", "tbl"}:
            yield node
        elif name in {"sdt", "sdtContent", "ins", "customXml", "moveTo", "smartTag"}:
            yield from _blocks(node)


_SKIP = frozenset(
    ["del", "moveFrom", "Fallback", "txbxContent", "instrText", "delText", "rPr", "pPr", "ruby"]
)


def _text(node: Any) -> str:
    """The text of a paragraph, without what was deleted and without its text boxes."""
    parts: list[str] = []
    for item in node:
        name = local(item)
        if name == "t":
            parts.append(item.text or "")
        elif name in {"tab", "ptab"}:
            parts.append(" ")
        elif name in {"br", "cr"}:
            parts.append("\n")
        elif name == "noBreakHyphen":
            parts.append("-")
        elif name == "ruby":  # a gloss over characters: keep the characters
            base = child(item, "rubyBase")
            if base is not None:
                parts.append(_text(base))
        elif name not in _SKIP:
            parts.append(_text(item))
    return "".join(parts)


def _boxes(node: Any) -> Iterator[Any]:
    for found in node.iter():
        if local(found) == "txbxContent" and not any(
            local(up) in {"Fallback", "del"} for up in found.iterancestors()
        ):
            yield found


def _cell_text(cell: Any) -> str:
    parts: list[str] = []
    for node in _blocks(cell):
        if local(node) == "tbl":
            parts += [_cell_text(inner) for row in _rows(node) for inner in _cells(row)]
        else:
            parts.append(_text(node))
    return " ".join(part for part in parts if part.strip())


def _rows(table: Any) -> Iterator[Any]:
    for node in table:
        if local(node) == "tr":
            yield node
        elif local(node) in {"sdt", "sdtContent", "ins", "customXml"}:
            yield from _rows(node)


def _cells(row: Any) -> Iterator[Any]:
    for node in row:
        if local(node) == "tc":
            yield node
        elif local(node) in {"sdt", "sdtContent", "ins", "customXml"}:
            yield from _cells(node)


def _table(node: Any, writer: Writer) -> None:
    texts: list[list[str]] = []
    merged: list[tuple[int, int, int, int]] = []
    open_merges: dict[int, int] = {}
    for r, row in enumerate(_rows(node)):
        before = child(row, "trPr", "gridBefore")
        column = _number(before)
        line = [""] * column
        for cell in _cells(row):
            width = max(_number(child(cell, "tcPr", "gridSpan")), 1)
            vertical = child(cell, "tcPr", "vMerge")
            covered = vertical is not None and attribute(vertical, "val") != "restart"
            if covered and column in open_merges:
                top, left, _, right = merged[open_merges[column]]
                merged[open_merges[column]] = (top, left, r, right)
                line += [""] * width
            else:
                open_merges.pop(column, None)
                line += [_cell_text(cell)] + [""] * (width - 1)
                if width > 1 or vertical is not None:
                    merged.append((r, column, r, column + width - 1))
                    if vertical is not None:
                        open_merges[column] = len(merged) - 1
            column += width
        texts.append(line)
    if texts and max(map(len, texts)) == 1:
        for line in texts:
            for cell_text in line:
                writer.block(cell_text)
        return
    if texts:
        writer.table(
            f"表{len(writer.tables) + 1}", texts, merged=[m for m in merged if m[0] != m[2] or m[1] != m[3]]
        )


def _number(node: Any) -> int:
    value = attribute(node, "val") if node is not None else None
    return min(int(value), 500) if value and value.isdigit() else 0


class _Numbers:
    """The automatic numbers of paragraphs (一、 （一） 1.), which the text itself does not hold."""

    def __init__(self, package: zipfile.ZipFile, entries: dict[str, str], name: str) -> None:
        self.levels: dict[str, dict[int, tuple[int, str, str]]] = {}
        self.counts: dict[tuple[str, int], int] = {}
        self.style_numbers: dict[str, tuple[str, int]] = {}
        self.headings: set[str] = set()
        self.abstract_of: dict[str, str] = {}
        if "word/styles.xml" in entries:
            root = xml(archive.part(package, entries["word/styles.xml"], name, XML))
            for style in root if root is not None else ():
                if local(style) != "style":
                    continue
                key = attribute(style, "styleId") or ""
                title = child(style, "name")
                label = (attribute(title, "val") or "") if title is not None else ""
                if re.match(r"(?:heading|title|标题)", label, re.IGNORECASE):
                    self.headings.add(key)
                found = child(style, "pPr", "numPr")
                if found is not None and child(found, "numId") is not None:
                    number = attribute(child(found, "numId"), "val") or ""
                    self.style_numbers[key] = (number, _number(child(found, "ilvl")))
        if "word/numbering.xml" in entries:
            self._read(xml(archive.part(package, entries["word/numbering.xml"], name, XML)))

    def _read(self, root: Any) -> None:
        abstract: dict[str, dict[int, tuple[int, str, str]]] = {}
        for node in root if root is not None else ():
            if local(node) == "abstractNum":
                levels: dict[int, tuple[int, str, str]] = {}
                for level in node:
                    if local(level) != "lvl":
                        continue
                    start = child(level, "start")
                    form, text = child(level, "numFmt"), child(level, "lvlText")
                    levels[int(attribute(level, "ilvl") or 0)] = (
                        _number(start) if start is not None else 1,
                        (attribute(form, "val") or "decimal") if form is not None else "decimal",
                        (attribute(text, "val") or "") if text is not None else "",
                    )
                abstract[attribute(node, "abstractNumId") or ""] = levels
            elif local(node) == "num":
                link = child(node, "abstractNumId")
                key = (attribute(link, "val") or "") if link is not None else ""
                number = attribute(node, "numId") or ""
                self.levels[number] = abstract.get(key, {})
                self.abstract_of[number] = key

    def is_heading(self, style: str) -> bool:
        return style in self.headings

    def of(self, paragraph: Any) -> str:
        """The number in front of a paragraph, "" when it has none; counts on."""
        found = child(paragraph, "pPr", "numPr")
        style = child(paragraph, "pPr", "pStyle")
        number, level = "", 0
        if style is not None:
            number, level = self.style_numbers.get(attribute(style, "val") or "", ("", 0))
        if found is not None:
            link = child(found, "numId")
            number = (attribute(link, "val") or "") if link is not None else number
            level = _number(child(found, "ilvl"))
        levels = self.levels.get(number)
        if not levels or level not in levels or number == "0" or not _text(paragraph).strip():
            return ""
        list_key = self.abstract_of.get(number, number)
        start, form, text = levels[level]
        self.counts[list_key, level] = self.counts.get((list_key, level), start - 1) + 1
        for deeper in [key for key in self.counts if key[0] == list_key and key[1] > level]:
            del self.counts[deeper]
        if form in {"bullet", "none"}:
            return ""

        def fill(match: re.Match[str]) -> str:
            at = int(match[1]) - 1
            begin, shape, _ = levels.get(at, (1, "decimal", ""))
            return _numeral(self.counts.get((list_key, at), begin), shape)

        shown = re.sub(r"%(\d)", fill, text)
        return shown + (" " if shown and shown[-1].isascii() else "")


_DIGITS = "零一二三四五六七八九"


def _numeral(value: int, shape: str) -> str:
    if "hinese" in shape or "japanese" in shape or "ideograph" in shape:
        if shape == "ideographTraditional":
            return "甲乙丙丁戊己庚辛壬癸"[(value - 1) % 10]
        if value < 10:
            return _DIGITS[value]
        if value < 100:
            tens, ones = divmod(value, 10)
            return ("" if tens == 1 else _DIGITS[tens]) + "十" + (_DIGITS[ones] if ones else "")
        return str(value)
    if shape in {"upperLetter", "lowerLetter"}:
        letter = chr(65 + (value - 1) % 26) * ((value - 1) // 26 + 1)
        return letter if shape == "upperLetter" else letter.lower()
    if shape in {"upperRoman", "lowerRoman"}:
        roman = ""
        for size, sign in zip(
            (1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1),
            ("M", "CM", "D", "CD", "C", "XC", "L", "XL", "X", "IX", "V", "IV", "I"),
            strict=True,
        ):
            while value >= size:
                roman, value = roman + sign, value - size
        return roman if shape == "upperRoman" else roman.lower()
    if shape.startswith("decimalEnclosedCircle") and 1 <= value <= 20:
        return chr(0x2460 + value - 1)
    return str(value)
