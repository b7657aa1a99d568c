"""HTML: the main text without the page's furniture, and its tables.

The source text is what is kept, in reading order: one block a paragraph, heading or list item, tables as rows.
"""

from __future__ import annotations

import re
from typing import Any

from zhaoyin.reading.load import furniture
from zhaoyin.reading.load.document import BlockKind
from zhaoyin.reading.load.draft import Draft, Full, Writer, cut_notice
from zhaoyin.reading.load.limits import Limits
from zhaoyin.reading.load.plain import decoded

_GONE = frozenset(
    [
        "script",
        "style",
        "noscript",
        "template",
        "iframe",
        "object",
        "embed",
        "applet",
        "svg",
        "math",
        "canvas",
        "audio",
        "video",
        "source",
        "track",
        "map",
        "area",
        "form",
        "button",
        "select",
        "textarea",
        "input",
        "option",
        "nav",
        "dialog",
        "link",
        "meta",
        "base",
        "head",
    ]
)
_BLOCKS = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "center",
        "dd",
        "details",
        "dialog",
        "dir",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "html",
        "li",
        "main",
        "menu",
        "nav",
        "ol",
        "p",
        "pre",
        "section",
        "summary",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "tr",
        "ul",
    ]
)
_BAD_NAME = re.compile(
    r"(?:^|[\s_-])(?:nav|navbar|menu|sidebar|side|aside|footer|foot|header|topbar|top-?bar|breadcrumb|crumb|share|social|"
    r"comment|comments|related|recommend|hot|ad|ads|advert|banner|copyright|login|search|toolbar|tools?|pager|pagination|"
    r"prev|next|links?|friend|qrcode|weixin|popup|modal|cookie|subscribe|tag|tags|toc)(?:$|[\s_\d-])",
    re.IGNORECASE,
)
_GOOD_NAME = re.compile(
    r"article|content|main|text|body|zoom|detail|news|post|entry|trs_editor|ucapcontent|vsb_content|pages_content|xxgk|info|con\b",
    re.IGNORECASE,
)
_META = re.compile(rb"<meta[^>]+charset\s*=\s*[\"']?\s*([\w-]+)", re.IGNORECASE)


def load(data: bytes, name: str, limits: Limits) -> Draft:
    text, codec, notices = _text(data, name, limits)
    draft = Draft("html", warnings=notices, encoding=codec)
    root = _parse(text)
    if root is None:
        return draft
    title = root.find(".//title")
    if title is not None and title.text_content().strip():
        draft.title = " ".join(title.text_content().split())
    _prune(root)
    writer = Writer(limits.characters)
    try:
        main = _main(root)
        heading = _heading(root, main)
        if heading is not None:
            writer.block(_inline(heading), "heading")
        _Walk(writer).walk(main)
    except Full:
        draft.warnings.append(cut_notice(limits.characters))
    draft.source, draft.blocks, draft.tables = writer.text, writer.blocks, writer.tables
    for index, block in enumerate(draft.blocks):
        if block.kind == "table":
            continue
        if kind := furniture.of_line(draft.source[block.start : block.end]):
            draft.blocks[index] = type(block)(kind, block.start, block.end)
            if kind == "furniture":
                draft.drop.append((block.start, block.end))
    return draft


def _text(data: bytes, name: str, limits: Limits) -> tuple[str, str, list[Any]]:
    """Decoded by its own statement where that holds, else as plain text is."""
    declared = _META.search(data[:4096])
    if declared:
        stated = declared[1].decode("ascii").lower()
        codec = {"gb2312": "gb18030", "gbk": "gb18030", "big5": "big5hkscs"}.get(stated, stated)
        if codec in {"utf-8", "utf8", "gb18030", "big5hkscs"} and len(data) <= limits.characters * 4:
            try:
                return data.decode("utf-8-sig" if codec.startswith("utf") else codec), codec, []
            except UnicodeDecodeError:
                pass
    return decoded(data, limits, name)


def _parse(text: str) -> Any:
    import lxml.html
    from lxml import etree

    text = re.sub(r"^\s*<\?xml[^>]*\?>", "", text).replace("\0", "")
    if not text.strip():
        return None
    parser = lxml.html.HTMLParser(no_network=True, remove_comments=True, remove_pis=True, huge_tree=False)
    try:
        root = lxml.html.document_fromstring(text, parser=parser)
    except (etree.ParserError, ValueError):
        return None
    return root


def _hidden(node: Any) -> bool:
    style = (node.get("style") or "").replace(" ", "").lower()
    return "display:none" in style or "visibility:hidden" in style or node.get("hidden") is not None


def _size(text: str | None) -> int:
    return len("".join(text.split())) if text else 0


def _prune(root: Any) -> None:
    """Take away what is never the main text."""
    total = _size(root.text_content())
    for node in list(root.iter()):
        if not isinstance(node.tag, str) or node.getparent() is None:
            continue
        tag = node.tag
        if tag in {"html", "body"}:
            continue
        names = f"{node.get('class') or ''} {node.get('id') or ''} {node.get('role') or ''}"
        if tag == "form" and any(
            _size(_own(part)) >= 30 for part in node.iter("p", "div", "td", "span", "form")
        ):
            continue  # pages built around one form (ASP.NET) hold everything in it
        gone = tag in _GONE or _hidden(node)
        if not gone and tag in {"header", "footer", "aside"} and node.find(".//article") is None:
            gone = _size(node.text_content()) < 0.4 * total and not (
                tag == "header" and node.find(".//h1") is not None
            )
        if not gone and _BAD_NAME.search(names) and not _GOOD_NAME.search(names):
            gone = _size(node.text_content()) < 0.3 * total or _link_share(node) > 0.6
        if gone:
            node.drop_tree()


def _link_share(node: Any) -> float:
    size = _size(node.text_content())
    return sum(_size(link.text_content()) for link in node.iter("a")) / size if size else 0.0


def _main(root: Any) -> Any:
    """The smallest element that holds nearly all of the running text."""
    body = root.find("body")
    body = root if body is None else body
    scores: dict[Any, float] = {}
    for node in body.iter():
        if node.tag in {"p", "td", "li", "pre", "div", "section", "article", "span", "blockquote", "dd"}:
            own = _own(node)
            size = _size(own)
            if size < 8:
                continue
            links = sum(_size(link.text_content()) for link in node.iterchildren("a"))
            worth = (size - 1.5 * links) * (
                1 + 0.2 * min(own.count("，") + own.count("。") + own.count(","), 10)
            )
            holder, share = node, 1.0
            while holder is not None and share > 0.05:
                scores[holder] = scores.get(holder, 0.0) + worth * share
                if holder is body:
                    break
                holder, share = holder.getparent(), share * 0.9
    if not scores:
        return body
    for node in scores:
        names = f"{node.get('class') or ''} {node.get('id') or ''}"
        if node.tag in {"article", "main"} or _GOOD_NAME.search(names):
            scores[node] *= 1.15
    best = max(scores, key=lambda node: scores[node])
    # Climb while the parent adds running text or tables and not links.
    while best is not body and (parent := best.getparent()) is not None and parent.tag not in {"html"}:
        more = _size(parent.text_content()) - _size(best.text_content())
        rest = sum(_size(c.text_content()) for c in parent if c is not best and _link_share(c) < 0.4)
        if best.tag in {"p", "td", "tr", "tbody", "li", "span", "ul", "ol", "table"} or (
            more and rest > 0.7 * more and rest > 0.15 * _size(best.text_content())
        ):
            best = parent
        else:
            break
    return best


def _own(node: Any) -> str:
    """The text directly in a node and in its inline children."""
    parts = [node.text or ""]
    for child in node:
        if isinstance(child.tag, str) and child.tag not in _BLOCKS:
            parts.append(child.text_content())
        parts.append(child.tail or "")
    return "".join(parts)


def _heading(root: Any, main: Any) -> Any:
    """The page's title line when it stands outside the main text."""
    for tag in ("h1", "h2"):
        for node in root.iter(tag):
            text = _inline(node)
            if 5 <= len(text) <= 80 and _link_share(node) < 0.5:
                return None if main in node.iterancestors() else node
    return None


def _inline(node: Any) -> str:
    return " ".join("".join(node.itertext()).split())


class _Walk:
    """Writes blocks in reading order; text between block elements makes paragraphs."""

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self.buffer: list[str] = []
        self.kind: BlockKind = "paragraph"

    def flush(self) -> None:
        text = re.sub(r"[ \t\r\n\f\xa0\u3000]+", " ", "".join(self.buffer))
        # A space between two Han characters is a line end of the markup.
        text = re.sub(r"(?<=[\u3400-\u9fff，。；：、）”]) (?=[\u3400-\u9fff（“])", self._gap, text).strip()
        self.buffer.clear()
        if text:
            self.writer.block(text, self.kind)
        self.kind = "paragraph"

    @staticmethod
    def _gap(_: re.Match[str]) -> str:
        return " "

    def walk(self, root: Any) -> None:
        # An own stack: markup may be nested deeper than Python recurses.
        stack: list[tuple[Any, bool]] = [(root, False)]
        while stack:
            node, leaving = stack.pop()
            if leaving:
                if node.tag in _BLOCKS:
                    self.flush()
                if node is not root and node.tail:
                    self.buffer.append(node.tail)
                continue
            if not isinstance(node.tag, str) or (node.tag in _GONE and node.tag != "form"):
                if node is not root and node.tail:
                    self.buffer.append(node.tail)
                continue
            tag = node.tag
            if tag == "table" and self.table(node):
                if node is not root and node.tail:
                    self.buffer.append(node.tail)
                continue
            if tag in _BLOCKS:
                self.flush()
                if tag in {"h1", "h2", "h3", "h4", "h5", "h6"}:
                    self.kind = "heading"
                elif tag in {"li", "dd", "dt"}:
                    self.kind = "item"
            elif tag == "br":
                self.flush()
            if node.text:
                self.buffer.append(node.text)
            stack.append((node, True))
            stack.extend((child, False) for child in reversed(node))
        self.flush()

    def table(self, node: Any) -> bool:
        """Write a table of data; False for one that only lays out the page."""
        if node.find(".//table") is not None:
            return False
        rows = list(node.iter("tr"))
        cells = [[cell for cell in row if cell.tag in {"td", "th"}] for row in rows]
        cells = [row for row in cells if row]
        if len(cells) < 2 or max(map(len, cells)) < 2:
            return False
        longest = max(_size(cell.text_content()) for row in cells for cell in row)
        if longest > 600:
            return False
        self.flush()
        texts, merged = _grid(cells)
        if not texts:
            return False
        caption = node.find("caption")
        name = _inline(caption) if caption is not None else ""
        if name:
            self.writer.block(name, "heading")
        self.writer.table(name or f"表{len(self.writer.tables) + 1}", texts, merged=merged)
        return True


def _grid(cells: list[list[Any]]) -> tuple[list[list[str]], list[tuple[int, int, int, int]]]:
    """Lay cells with their spans out on a grid of texts."""
    taken: set[tuple[int, int]] = set()
    texts: list[list[str]] = []
    merged: list[tuple[int, int, int, int]] = []
    for r, row in enumerate(cells):
        line: list[str] = []
        column = 0
        for cell in row:
            while (r, column) in taken:
                line.append("")
                column += 1
            across, down = _number(cell.get("colspan")), min(_number(cell.get("rowspan")), len(cells) - r)
            line.append(_inline(cell))
            if across > 1 or down > 1:
                merged.append((r, column, r + down - 1, column + across - 1))
                taken.update((r + i, column + j) for i in range(down) for j in range(across) if i or j)
            column += 1
        while (r, column) in taken:
            line.append("")
            column += 1
        texts.append(line)
    return texts, merged


def _number(text: str | None) -> int:
    return min(max(int(text), 1), 200) if text and text.strip().isdigit() and len(text) < 5 else 1
