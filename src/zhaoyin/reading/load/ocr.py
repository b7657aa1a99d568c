"""Reading a picture of text: RapidOCR, the right way up, with what it may have missed.

The models lie inside the rapidocr wheel; nothing is downloaded. A detector that overlooks a line says nothing, so the
ink outside its boxes is looked at afterwards: a run of it that is shaped like a line of text is read by itself, and
what still cannot be read is reported.
"""

from __future__ import annotations

import functools
import logging
import os
import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zhaoyin.reading.load.document import Box, Notice
from zhaoyin.reading.load.lines import Line

Image = NDArray[np.uint8]
"""A greyscale picture, rows by columns, 0 black to 255 white."""

SURE = 0.5
"""Lines the recogniser is less sure of than this are reported as not read."""

_SIDE = 2000
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Found:
    """What was read of one picture.

    ``lines`` in reading order with boxes in pixels of the upright picture, ``score`` their mean confidence, ``turned``
    degrees clockwise the picture was turned, ``missed`` boxes where text stands that could not be read, ``recovered``
    boxes of lines that the detector overlooked and that were read afterwards.
    """

    lines: list[Line]
    score: float
    turned: int
    missed: list[Box]
    recovered: list[Box]


@functools.cache
def _engine() -> Any:
    from rapidocr import RapidOCR

    engine = RapidOCR(
        params={
            "Global.log_level": "critical",
            "Global.text_score": 0.0,
            "Global.max_side_len": 4000,
            # Half the cores: reading runs in the background, beside people at work. More threads than free cores
            # spin against each other and read several times slower.
            "EngineConfig.onnxruntime.intra_op_num_threads": max(1, len(os.sched_getaffinity(0)) // 2),
        }
    )
    logging.getLogger("RapidOCR").setLevel(logging.CRITICAL)
    return engine


def read(image: Image) -> Found:
    """Read one greyscale picture of any size and orientation."""
    with _lock:
        turned, image, quads = upright(image)
        lines: list[tuple[str, float, NDArray[np.float64]]] = []
        missed: list[Box] = []
        recovered: list[Box] = []
        for top, piece in _slices(image):
            got, lost, saved = _read_piece(piece, quads)
            down = np.array([0.0, top])
            lines += [(text, score, quad + down) for text, score, quad in got]
            missed += [(b[0], b[1] + top, b[2], b[3] + top) for b in lost]
            recovered += [(b[0], b[1] + top, b[2], b[3] + top) for b in saved]
    scores = [score for _, score, _ in lines]
    return Found(_ordered(lines), float(np.mean(scores)) if scores else 0.0, turned, missed, recovered)


def notices(found: Found, page: int | None = None) -> list[Notice]:
    """What the person who reviews should look at."""
    where = f"第 {page} 页" if page else "图片"
    where_en = f"Page {page}" if page else "The picture"
    key = f"page {page}" if page else ""
    said: list[Notice] = []
    if found.turned:
        said.append(
            Notice(
                "turned",
                f"{where}方向不正，已旋转 {found.turned}° 后识别。",
                f"{where_en} was turned by {found.turned}° to be read.",
                key,
            )
        )
    if found.missed:
        places = "、".join(f"({int(b[0])},{int(b[1])})" for b in found.missed[:8])
        said.append(
            Notice(
                "line-missing",
                f"{where}可能有 {len(found.missed)} 处文字没有识别出来，位置约在 {places}；请对照原件补录。",
                f"{where_en} may hold {len(found.missed)} lines that were not read, near {places}. Compare with the original.",
                key,
                partial=True,
            )
        )
    if found.recovered:
        said.append(
            Notice(
                "line-recovered",
                f"{where}有 {len(found.recovered)} 行是补充识别的，请重点核对。",
                f"{where_en} has {len(found.recovered)} lines that were only found on a second look. Check them.",
                key,
            )
        )
    if found.lines and found.score < 0.85:
        said.append(
            Notice(
                "ocr-unsure",
                f"{where}识别把握较低（{found.score:.0%}），请对照原件核对。",
                f"{where_en} was read with little confidence ({found.score:.0%}). Compare with the original.",
                key,
            )
        )
    return said


# Which way up


def upright(image: Image) -> tuple[int, Image, NDArray[np.float64] | None]:
    """Turn a picture so that its text stands upright.

    Returns the degrees clockwise (0, 90, 180, 270), the picture turned, and the quadrilaterals of its lines in
    ``_bounded(picture, _SIDE)`` when it is read in one piece (so that it need not be looked over twice), else None.
    """
    whole = not _is_long(image) and not _is_long(image.T)
    small = _bounded(image, _SIDE if whole else 1200)
    quads = _detect(small)
    sides = _sizes(quads)
    tall = int((sides[:, 1] > 1.5 * sides[:, 0]).sum())
    wide = int((sides[:, 0] > 1.5 * sides[:, 1]).sum())
    quarter = 0
    if tall > 1.5 * wide and tall >= 3:
        quarter = 90
        small = np.ascontiguousarray(np.rot90(small, -1))
        quads = _detect(small)
        sides = _sizes(quads)
    turn = quarter
    crops = [crop for i in np.argsort(-sides[:, 0])[:10] if (crop := _crop(small, quads[i])).size]
    if crops:
        labels = _engine()._load_cls_model()([_colour(crop) for crop in crops]).cls_res
        flipped = sum(1 for label, score in labels if label == "180" and score > 0.7)
        if flipped > 0.25 * len(crops):
            # The classifier is not to be trusted alone: read a few lines both ways.
            few = crops[:5]
            up = _recognise(few)
            down = _recognise([np.ascontiguousarray(np.rot90(crop, 2)) for crop in few])
            if np.mean([score for _, score in down]) > np.mean([score for _, score in up]) + 0.05:
                turn = quarter + 180
                far = np.array([small.shape[1], small.shape[0]], np.float64)
                quads = (far - quads)[:, [2, 3, 0, 1]][::-1]
    if turn:
        image = np.ascontiguousarray(np.rot90(image, -turn // 90))
    return turn, image, quads if whole else None


# One piece


def _is_long(image: Image) -> bool:
    height, width = image.shape
    return bool(height > 2.2 * width and height > _SIDE)


def _slices(image: Image) -> list[tuple[int, Image]]:
    """Long pictures (of a whole chat, a whole web page) in pieces, cut where no ink is."""
    height, width = image.shape
    if not _is_long(image):
        return [(0, image)]
    step = int(1.5 * max(width, 800))
    ink = (image < np.median(image[:: max(1, height // 500)]) - 40).sum(axis=1)
    pieces: list[tuple[int, Image]] = []
    top = 0
    while top < height:
        bottom = min(top + step, height)
        if height - bottom < step // 4:
            bottom = height
        if bottom < height:
            window = ink[bottom - step // 4 : bottom]
            quiet = np.flatnonzero(window == window.min())
            bottom = bottom - step // 4 + int(quiet[len(quiet) // 2])
        pieces.append((top, image[top:bottom]))
        top = bottom
    return pieces


def _read_piece(
    image: Image, quads: NDArray[np.float64] | None
) -> tuple[list[tuple[str, float, NDArray[np.float64]]], list[Box], list[Box]]:
    work = _bounded(image, _SIDE)
    scale = image.shape[0] / work.shape[0]
    if quads is None:
        quads = _detect(work)
    # Crops come from the full picture: the recogniser profits from every pixel.
    read = _recognise([_crop(image, quad * scale) for quad in quads])
    lines = [
        (text, score, quad * scale) for (text, score), quad in zip(read, quads, strict=True) if text.strip()
    ]
    good = [line for line in lines if line[1] >= SURE]
    heights = _sizes(np.array([quad for _, _, quad in good]))[:, 1] if good else np.array([])
    missed = [
        _box(quad)
        for text, score, quad in lines
        if score < SURE and len(text.strip()) >= 2 and _looks_like_text(image, quad, heights)
    ]
    recovered: list[Box] = []
    for box in gaps(image, [quad for _, _, quad in lines]):
        left, top, right, bottom = (int(v) for v in box)
        pad = max(2, (bottom - top) // 8)
        crop = image[max(0, top - pad) : bottom + pad, max(0, left - pad) : right + pad]
        quad = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], dtype=np.float64)
        text, score = _recognise([crop])[0]
        if score >= 0.8 and text.strip():
            good.append((text, score, quad))
            recovered.append(box)
        else:
            missed.append(box)
    return good, missed, recovered


def _looks_like_text(image: Image, quad: NDArray[np.float64], heights: NDArray[np.float64]) -> bool:
    """Whether an unread box has the size of the page's other lines: seals and drawings do not."""
    if not heights.size:
        return True
    size = _sizes(quad[None])[0]
    return bool(0.4 * np.median(heights) < size[1] < 3 * np.median(heights))


def gaps(image: Image, quads: list[NDArray[np.float64]]) -> list[Box]:
    """Where ink shaped like a line of text stands outside all detected quadrilaterals.

    Boxes in the picture's pixels. Ruled lines, photographs, seals and specks are left aside.
    """
    import cv2

    if not quads:
        return []
    shrink = min(1.0, _SIDE / max(image.shape))
    work = (
        cv2.resize(image, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA) if shrink < 1 else image
    )
    boxes = [quad * shrink for quad in quads]
    line = float(np.median(_sizes(np.array(boxes))[:, 1]))
    size = max(line * 0.8, 6.0)
    span = int(size * 3) | 1
    ink = cv2.adaptiveThreshold(
        cv2.medianBlur(work, 3), 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, max(span, 15), 18
    )
    # Rules: long thin runs, both ways.
    long = max(int(size * 4), 30)
    for shape in ((long, 1), (1, long)):
        rules = cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones((shape[1], shape[0]), np.uint8))
        ink = cv2.subtract(ink, cv2.dilate(rules, np.ones((3, 3), np.uint8)))
    for quad in boxes:
        height = _sizes(quad[None])[0][1]
        centre = quad.mean(axis=0)
        grown = centre + (quad - centre) * (1.0 + 0.3 * height / np.maximum(np.ptp(quad, axis=0), 1.0))
        cv2.fillPoly(ink, [grown.astype(np.int32)], 0)
    ink = _without_specks(np.asarray(ink, np.uint8), size)
    joined = cv2.morphologyEx(
        ink, cv2.MORPH_CLOSE, np.ones((max(3, int(size * 0.25)), max(3, int(size * 1.1))), np.uint8)
    )
    count, labels, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    found: list[Box] = []
    for index in range(1, count):
        left, top, width, height, _ = (int(v) for v in stats[index])
        if not 0.45 * size <= height <= 2.6 * size or width < 1.6 * height * 0.9 or width < 1.5 * size:
            continue
        inside = ink[top : top + height, left : left + width][
            labels[top : top + height, left : left + width] == index
        ]
        density = float((inside > 0).sum()) / (width * height)
        if 0.08 <= density <= 0.75:
            found.append((left / shrink, top / shrink, (left + width) / shrink, (top + height) / shrink))
    return found


def _without_specks(ink: Image, size: float) -> Image:
    """Only connected runs that may be (parts of) characters: neither dust nor pictures."""
    import cv2

    count, labels, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    if count > 200_000:
        return np.zeros_like(ink)
    keep = np.zeros(count, np.uint8)
    width, height, area = stats[:, 2], stats[:, 3], stats[:, 4]
    keep[
        (np.maximum(width, height) >= 0.2 * size) & (height <= 2.2 * size) & (width <= 4 * size) & (area >= 4)
    ] = 255
    keep[0] = 0
    kept: Image = keep[labels]
    return kept


# The engine's steps


def _detect(image: Image) -> NDArray[np.float64]:
    """Quadrilaterals of lines, shape (n, 4, 2), in the picture's pixels."""
    height, width = image.shape
    # The detector enlarges whatever has a side under 736: a strip of text gets a margin instead.
    short = 736 if max(height, width) >= 736 else 64
    down, right = max(0, short - height) // 2, max(0, short - width) // 2
    if down or right:
        image = np.pad(image, ((down, down), (right, right)), constant_values=int(np.median(image)))
    boxes = _engine()._load_det_model()(_colour(image)).boxes
    if boxes is None or len(boxes) == 0:
        return np.zeros((0, 4, 2))
    quads: NDArray[np.float64] = np.asarray(boxes, dtype=np.float64) - np.array([right, down])
    return quads


def _recognise(crops: list[Image]) -> list[tuple[str, float]]:
    """Text and confidence of each crop."""
    if not crops:
        return []
    from rapidocr.ch_ppocr_rec.typings import TextRecInput

    usable = [
        crop if crop.size and min(crop.shape) > 2 else np.full((32, 32), 255, np.uint8) for crop in crops
    ]
    result = _engine()._load_rec_model()(
        TextRecInput(img=[_colour(crop) for crop in usable], return_word_box=False)
    )
    return [(str(text), float(score)) for text, score in zip(result.txts, result.scores, strict=True)]


def _crop(image: Image, quad: NDArray[np.float64]) -> Image:
    from rapidocr.utils.process_img import get_rotate_crop_image

    crop: Image = get_rotate_crop_image(image, quad.astype(np.float32).copy())
    return crop


def _colour(image: Image) -> NDArray[np.uint8]:
    return np.repeat(image[:, :, None], 3, axis=2)


def _bounded(image: Image, side: int) -> Image:
    import cv2

    longest = max(image.shape)
    if longest <= side:
        return image
    scale = side / longest
    return np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


def _sizes(quads: NDArray[np.float64]) -> NDArray[np.float64]:
    """Width and height of each quadrilateral, shape (n, 2)."""
    if len(quads) == 0:
        return np.zeros((0, 2))
    width = np.linalg.norm(quads[:, 1] - quads[:, 0], axis=1)
    height = np.linalg.norm(quads[:, 3] - quads[:, 0], axis=1)
    return np.stack([width, height], axis=1)


def _box(quad: NDArray[np.float64]) -> Box:
    left, top = quad.min(axis=0)
    right, bottom = quad.max(axis=0)
    return float(left), float(top), float(right), float(bottom)


# Reading order


def _ordered(found: list[tuple[str, float, NDArray[np.float64]]]) -> list[Line]:
    """Lines top to bottom; those side by side form a row, left to right; two columns of running text stay apart."""
    if not found:
        return []
    quads = np.array([quad for _, _, quad in found])
    sizes = _sizes(quads)
    long = sizes[:, 0] > 4 * sizes[:, 1]
    run = quads[:, 1] - quads[:, 0]
    slope = float(np.median(run[long, 1] / np.maximum(run[long, 0], 1))) if long.any() else 0.0
    centres = quads.mean(axis=1)
    level = centres[:, 1] - slope * centres[:, 0]
    boxes = [_box(quad) for quad in quads]
    ordered: list[Line] = []
    row_number = 0
    for group in _columns(boxes, sizes):
        rows: list[list[int]] = []
        for index in sorted(group, key=lambda i: level[i]):
            if rows:
                last = rows[-1]
                near = abs(level[index] - np.mean([level[i] for i in last])) < 0.5 * min(
                    sizes[i, 1] for i in (index, *last)
                )
                apart = all(
                    min(boxes[index][2], boxes[i][2]) - max(boxes[index][0], boxes[i][0])
                    < 0.2 * sizes[index, 1]
                    for i in last
                )
                if near and apart:
                    last.append(index)
                    continue
            rows.append([index])
        for row in rows:
            row_number += 1
            for index in sorted(row, key=lambda i: boxes[i][0]):
                ordered.append(
                    Line(found[index][0].strip(), boxes[index], row_number if len(row) > 1 else None)
                )
    return ordered


def _columns(boxes: list[Box], sizes: NDArray[np.float64]) -> list[list[int]]:
    """Indices in groups: everything, or heading, left column and right column where a gutter parts running text."""
    everything = list(range(len(boxes)))
    if len(boxes) < 12:
        return [everything]
    left, right = min(b[0] for b in boxes), max(b[2] for b in boxes)
    width = right - left
    for share in np.arange(0.35, 0.66, 0.01):
        x = left + share * width
        crossing = [i for i in everything if boxes[i][0] < x - 3 and boxes[i][2] > x + 3]
        if len(crossing) > 0.2 * len(boxes):
            continue
        floor = max((boxes[i][3] for i in crossing), default=0.0)
        top = [i for i in everything if boxes[i][1] < floor]
        rest = [i for i in everything if i not in set(top)]
        sides = ([i for i in rest if boxes[i][2] <= x + 3], [i for i in rest if boxes[i][0] >= x - 3])
        if all(
            len(side) >= 5 and float(np.median([boxes[i][2] - boxes[i][0] for i in side])) > 0.3 * width
            for side in sides
        ):
            return [group for group in (top, *sides) if group]
    return [everything]
