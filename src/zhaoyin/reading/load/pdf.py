"""PDF: text with its boxes through pypdfium2, ruled tables through pdfplumber, pages without text through OCR."""

from __future__ import annotations

import io
import re
from typing import Any

from zhaoyin.base.errors import Refusal
from zhaoyin.reading.load.document import Box, Notice
from zhaoyin.reading.load.draft import Draft, Full, cut_notice
from zhaoyin.reading.load.limits import Deadline, Limits
from zhaoyin.reading.load.lines import Grid, Item, Line, Sheet, write

_OCR_DPI = 220
_TABLE_PAGES = 200


def load(data: bytes, name: str, limits: Limits) -> Draft:
    import pypdfium2 as pdfium

    deadline = Deadline(limits.seconds)
    try:
        document = pdfium.PdfDocument(data)
        count = len(document)
    except pdfium.PdfiumError as error:
        raise _closed(name, str(error), data) from None
    draft = Draft("pdf", wraps=False)
    if b"%%EOF" not in data[-2048:]:
        draft.warnings.append(
            Notice(
                "truncated",
                f"PDF 文件尾不完整，可能被截断；读到 {count} 页，请与原件核对。",
                f"The PDF lacks its end and may be cut; {count} pages were found. Compare with the original.",
                partial=True,
            )
        )
    if count > limits.pages:
        draft.warnings.append(
            Notice(
                "pages-cut",
                f"共 {count:,} 页，只读了前 {limits.pages:,} 页；请拆分后分别导入。",
                f"Of {count:,} pages only the first {limits.pages:,} were read. Split the file.",
                partial=True,
            )
        )
    plumber = _Plumber(data)
    sheets: list[Sheet] = []
    scans: list[int] = []
    bad: list[int] = []
    size = 0
    try:
        for index in range(min(count, limits.pages)):
            if deadline.over:
                draft.warnings.append(_late(index, count))
                break
            try:
                page = document[index]
                sheet, scanned = _page(page, index, plumber)
                page.close()
            except pdfium.PdfiumError:
                bad.append(index + 1)
                continue
            if scanned:
                scans.append(len(sheets))
            sheets.append(sheet)
            size += sum(len(item.text) for item in sheet.items if isinstance(item, Line))
            if size > limits.characters:
                break
        _scan(document, sheets, scans, draft, limits=limits, deadline=deadline)
    finally:
        plumber.close()
        document.close()
    if bad:
        pages = "、".join(map(str, bad[:20]))
        draft.warnings.append(
            Notice(
                "page-damaged",
                f"第 {pages} 页已损坏，没有读取；请与原件核对。",
                f"Pages {pages} are damaged and were not read. Compare with the original.",
                partial=True,
            )
        )
    try:
        write(sheets, draft, limits.characters)
    except Full:
        draft.warnings.append(cut_notice(limits.characters))
    return draft


def _closed(name: str, said: str, data: bytes) -> Refusal:
    label, label_en = (f"“{name}”", f'"{name}"') if name else ("这个 PDF", "This PDF")
    if "assword" in said:
        return Refusal(
            "password",
            f"{label}有打开密码，无法读取；请去掉密码另存后再导入。",
            f"{label_en} needs a password to open. Save it without one and import that.",
            where=name,
        )
    if b"%%EOF" not in data[-2048:]:
        return Refusal(
            "truncated",
            f"{label}不完整：文件在中途被截断，无法打开；请重新下载或取得原件。",
            f"{label_en} is cut off in the middle and cannot be opened. Download it again or get the original.",
            where=name,
        )
    return Refusal(
        "damaged",
        f"{label}已损坏，无法打开；请重新取得，或用“打印为 PDF”另存后再导入。",
        f"{label_en} is damaged and cannot be opened. Get it again, or print it to PDF and import that.",
        where=name,
    )


def _late(index: int, count: int) -> Notice:
    return Notice(
        "time-cut",
        f"读取超过时限，只读了前 {index} 页（共 {count} 页）；请拆分后分别导入。",
        f"Reading took too long: only the first {index} of {count} pages were read. Split the file.",
        partial=True,
    )


def _page(page: Any, index: int, plumber: _Plumber) -> tuple[Sheet, bool]:
    """The lines and tables of a page, and whether it must be read by OCR."""
    width, height = page.get_size()
    textpage = page.get_textpage()
    try:
        lines = _lines(textpage, height)
        images, paths = _objects(page, width * height)
        text = "".join(line.text for line in lines)
        plain = "".join(text.split())
        broken = len(re.findall(r"[\ue000-\uf8ff\ufffd\x00-\x08\x0e-\x1f]", plain))
        scanned = (
            (len(plain) < 60 and images > 0.45)
            or (len(plain) < 8 and (images > 0.02 or paths >= 30))
            or (len(plain) >= 8 and broken > 0.3 * len(plain))
        )
        items: list[Item] = list(lines)
        if paths >= 6 and plain and not scanned:
            grids = plumber.tables(index, textpage, height)
            if grids:
                items = _placed(lines, grids)
    finally:
        textpage.close()
    return Sheet(index + 1, width, height, items), scanned


def _lines(textpage: Any, height: float) -> list[Line]:
    text = textpage.get_text_range()
    exact = len(text) == textpage.count_chars()
    lines: list[Line] = []
    for match in re.finditer(r"[^\r\n]+", text):
        said = match[0]
        if not said.strip():
            continue
        box: Box = (0.0, 0.0, 0.0, 0.0)
        rects = textpage.count_rects(match.start(), len(said)) if exact else 0
        if rects > 0:
            sides = [textpage.get_rect(i) for i in range(rects)]
            box = (
                min(s[0] for s in sides),
                height - max(s[3] for s in sides),
                max(s[2] for s in sides),
                height - min(s[1] for s in sides),
            )
            if box[3] - box[1] < 3:  # a font without glyphs here: take the room its characters are given
                _, low, _, high = textpage.get_charbox(match.start(), loose=True)
                box = (box[0], height - high, box[2], height - low)
        lines.append(Line(said.strip(), box))
    return lines


def _objects(page: Any, area: float) -> tuple[float, int]:
    """The share of the page that pictures cover, and how many drawn paths it has (counted up to 400)."""
    from pypdfium2 import raw

    covered, paths = 0.0, 0
    for seen, thing in enumerate(page.get_objects(max_depth=3)):
        if thing.type == raw.FPDF_PAGEOBJ_IMAGE:
            left, bottom, right, top = thing.get_bounds()
            covered += abs((right - left) * (top - bottom))
        elif thing.type == raw.FPDF_PAGEOBJ_PATH:
            paths += 1
        if paths >= 400 or seen > 20_000:
            break
    return covered / max(area, 1.0), paths


class _Plumber:
    """pdfplumber, opened only when a page has drawn lines, and given up for good when it fails."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._document: Any = None
        self._left = _TABLE_PAGES

    def tables(self, index: int, textpage: Any, height: float) -> list[Grid]:
        if self._left <= 0:
            return []
        self._left -= 1
        try:
            if self._document is None:
                import logging

                import pdfplumber

                logging.getLogger("pdfminer").setLevel(logging.CRITICAL)
                self._document = pdfplumber.open(io.BytesIO(self._data))
            page = self._document.pages[index]
            if len(page.objects.get("rect", ())) + len(page.objects.get("line", ())) > 8000:
                return []
            found = [grid for table in page.find_tables() if (grid := _grid(table, textpage, height))]
            page.close()
        except Exception:
            # pdfminer raises whatever a damaged file makes it raise; the text itself is already there.
            self._left = 0
            return []
        return found

    def close(self) -> None:
        if self._document is not None:
            self._document.close()


def _grid(table: Any, textpage: Any, height: float) -> Grid | None:
    """A table of at least two rows and columns, with pdfium's text in pdfplumber's cells."""
    rows = [row.cells for row in table.rows]
    if len(rows) < 2 or max(map(len, rows)) < 2:
        return None
    texts: list[list[str]] = []
    boxes: list[list[Box | None]] = []
    xs = sorted({round(cell[0], 1) for row in rows for cell in row if cell})
    merged: list[tuple[int, int, int, int]] = []
    ys = [min((cell[1] for cell in row if cell), default=0.0) for row in rows]
    for r, row in enumerate(rows):
        line: list[str] = []
        for c, cell in enumerate(row):
            if cell is None:
                line.append("")
                continue
            left, top, right, bottom = cell
            said = textpage.get_text_bounded(left, height - bottom, right, height - top)
            line.append("".join(said.split("\r\n")) if not said.isascii() else " ".join(said.split()))
            across = sum(1 for x in xs if left + 1 < x < right - 1)
            down = sum(1 for y in ys[r + 1 :] if y < bottom - 1)
            if across or down:
                merged.append((r, c, r + down, c + across))
        texts.append(line)
        boxes.append([tuple(cell) if cell else None for cell in row])
    if not any(cell.strip() for line in texts for cell in line):
        return None
    box: Box = tuple(table.bbox)
    return Grid(texts, boxes, box, tuple(merged))


def _placed(lines: list[Line], grids: list[Grid]) -> list[Item]:
    """Put each table where its first line stood and take its lines away."""
    items: list[Item] = []
    done: set[int] = set()
    for line in lines:
        x, y = (line.box[0] + line.box[2]) / 2, (line.box[1] + line.box[3]) / 2
        inside = next(
            (
                i
                for i, grid in enumerate(grids)
                if grid.box[0] - 2 <= x <= grid.box[2] + 2 and grid.box[1] - 2 <= y <= grid.box[3] + 2
            ),
            None,
        )
        if inside is None:
            items.append(line)
        elif inside not in done:
            done.add(inside)
            items.append(grids[inside])
    return items


def _scan(
    document: Any, sheets: list[Sheet], scans: list[int], draft: Draft, *, limits: Limits, deadline: Deadline
) -> None:
    """Read the pages that are pictures."""
    if not scans:
        return
    from zhaoyin.reading.load import ocr

    left_out: list[int] = []
    for done, at in enumerate(scans):
        sheet = sheets[at]
        if done >= limits.ocr_pages or deadline.over:
            left_out.append(sheet.number)
            continue
        page = document[sheet.number - 1]
        scale = min(_OCR_DPI / 72, (limits.pixels / 4 / max(sheet.width * sheet.height, 1)) ** 0.5)
        image = page.render(scale=scale, grayscale=True).to_numpy()
        page.close()
        found = ocr.read(image[:, :, 0] if image.ndim == 3 else image)
        sheet.items = [
            Line(line.text, (b[0] / scale, b[1] / scale, b[2] / scale, b[3] / scale), line.row)
            for line in found.lines
            for b in (line.box,)
        ]
        sheet.ocr, sheet.score, sheet.turned = True, found.score, found.turned
        if found.turned in {90, 270}:
            sheet.width, sheet.height = sheet.height, sheet.width
        draft.warnings.extend(ocr.notices(found, sheet.number))
    if left_out:
        span = f"{left_out[0]}—{left_out[-1]}" if len(left_out) > 1 else str(left_out[0])
        draft.warnings.append(
            Notice(
                "ocr-cut",
                f"扫描页过多，第 {span} 页（{len(left_out)} 页）没有识别；请拆分后分别导入。",
                f"Too many scanned pages: pages {span} ({len(left_out)} of them) were not read. Split the file.",
                partial=True,
            )
        )
