"""OFD (GB/T 33190): the text objects of each page, put together into lines. Pictures in it are not read."""

from __future__ import annotations

import posixpath
from typing import Any

from zhaoyin.reading.load import archive
from zhaoyin.reading.load.document import Box, Notice
from zhaoyin.reading.load.draft import Draft, Full, cut_notice
from zhaoyin.reading.load.limits import Deadline, Limits
from zhaoyin.reading.load.lines import Item, Line, Sheet, write
from zhaoyin.reading.load.word import XML, attribute, child, local, xml

_POINTS = 72 / 25.4
"""OFD measures in millimetres."""


def load(data: bytes, name: str, limits: Limits) -> Draft:
    deadline = Deadline(limits.seconds)
    package = archive.opened(data, name, limits)
    entries = {entry.strip("/").lower(): entry for entry in package.namelist()}

    def part(path: str) -> Any:
        entry = entries.get(path.strip("/").lower())
        return xml(archive.part(package, entry, name, XML)) if entry else None

    draft = Draft("ofd", wraps=False)
    top = part("OFD.xml")
    sheets: list[Sheet] = []
    pictures = 0
    cut = False
    for body in top if top is not None else ():
        root = child(body, "DocRoot")
        if local(body) != "DocBody" or root is None or not root.text:
            continue
        path = root.text.strip()
        document = part(path)
        if document is None:
            continue
        home = posixpath.dirname(path)
        area = _area(child(document, "CommonData", "PageArea"))
        pages = child(document, "Pages")
        for page in pages if pages is not None else ():
            if len(sheets) >= limits.pages or deadline.over:
                cut = True
                break
            place = attribute(page, "BaseLoc") or ""
            content = part(
                place if place.startswith("/") else posixpath.normpath(posixpath.join(home, place))
            )
            if content is None:
                continue
            width, height = _area(child(content, "Area")) or area or (210.0, 297.0)
            items, seen = _items(content)
            pictures += seen
            sheets.append(Sheet(len(sheets) + 1, width * _POINTS, height * _POINTS, items))
    if cut:
        draft.warnings.append(
            Notice(
                "pages-cut",
                f"页数过多，只读了前 {len(sheets):,} 页；请拆分后分别导入。",
                f"Too many pages: only the first {len(sheets):,} were read. Split the file.",
                partial=True,
            )
        )
    if pictures:
        draft.warnings.append(
            Notice(
                "pictures",
                f"文档里有 {pictures:,} 张图片，图片中的文字没有读取；如需要，请另存为 .pdf 后再导入。",
                f"The document holds {pictures:,} pictures; text inside them was not read. Save it as .pdf to have it read.",
                partial=not any(sheet.items for sheet in sheets),
            )
        )
    try:
        write(sheets, draft, limits.characters)
    except Full:
        draft.warnings.append(cut_notice(limits.characters))
    return draft


def _numbers(text: str | None) -> list[float]:
    try:
        return [float(part) for part in (text or "").split()]
    except ValueError:
        return []


def _area(node: Any) -> tuple[float, float] | None:
    box = child(node, "PhysicalBox")
    sides = _numbers(box.text) if box is not None else []
    return (sides[2], sides[3]) if len(sides) == 4 and min(sides[2:]) > 0 else None


def _items(content: Any) -> tuple[list[Item], int]:
    """Lines from text objects that stand at one height, and how many pictures the page has."""
    pieces: list[tuple[Box, str]] = []
    pictures = 0
    for node in content.iter():
        if local(node) == "ImageObject":
            pictures += 1
        if local(node) != "TextObject":
            continue
        sides = _numbers(attribute(node, "Boundary"))
        if len(sides) != 4:
            continue
        said = "".join(code.text or "" for code in node if local(code) == "TextCode")
        if said.strip():
            left, top, width, height = (side * _POINTS for side in sides)
            pieces.append(((left, top, left + width, top + height), said))
    rows: list[list[tuple[Box, str]]] = []
    for box, said in sorted(pieces, key=lambda piece: ((piece[0][1] + piece[0][3]) / 2, piece[0][0])):
        middle = (box[1] + box[3]) / 2
        if rows:
            last = rows[-1][0][0]
            if abs((last[1] + last[3]) / 2 - middle) < 0.4 * min(last[3] - last[1], box[3] - box[1]):
                rows[-1].append((box, said))
                continue
        rows.append([(box, said)])
    items: list[Item] = []
    for number, row in enumerate(rows):
        row.sort(key=lambda piece: piece[0][0])
        runs: list[tuple[Box, str]] = []
        for box, said in row:
            # Pieces that touch make one line; a wide gap parts the cells of a table.
            if runs and box[0] - runs[-1][0][2] < 1.5 * (box[3] - box[1]):
                before, text = runs[-1]
                joined = (before[0], min(before[1], box[1]), max(before[2], box[2]), max(before[3], box[3]))
                runs[-1] = (joined, text + said)
            else:
                runs.append((box, said))
        items += [Line(said.strip(), box, number if len(runs) > 1 else None) for box, said in runs]
    return items, pictures
