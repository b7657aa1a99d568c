"""Pictures of text: photographs, screenshots, scans saved as images (also TIFF of several pages)."""

from __future__ import annotations

import io
import warnings
from typing import Any

import numpy as np

from zhaoyin.base.errors import Refusal
from zhaoyin.reading.load import ocr
from zhaoyin.reading.load.document import Notice
from zhaoyin.reading.load.draft import Draft, Full, cut_notice
from zhaoyin.reading.load.limits import Deadline, Limits
from zhaoyin.reading.load.lines import Item, Sheet, write

_SIDE = 5_000
"""A JPEG is decoded at the smallest of its scales that still has this side: A3 at 300 dpi."""


def load(data: bytes, name: str, limits: Limits) -> Draft:
    from PIL import Image, UnidentifiedImageError

    deadline = Deadline(limits.seconds)
    draft = Draft("image", wraps=False)
    sheets: list[Sheet] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            image = Image.open(io.BytesIO(data))
            frames = (
                min(int(getattr(image, "n_frames", 1)), limits.ocr_pages) if image.format == "TIFF" else 1
            )
            for index in range(frames):
                if deadline.over:
                    break
                if index:
                    image.seek(index)
                grey = _grey(image, name, limits)
                found = ocr.read(grey)
                height, width = grey.shape
                if found.turned in {90, 270}:
                    height, width = width, height
                items: list[Item] = list(found.lines)
                sheets.append(Sheet(index + 1, width, height, items, True, found.score, found.turned))
                draft.warnings.extend(ocr.notices(found, index + 1 if frames > 1 else None))
            total = int(getattr(image, "n_frames", 1)) if image.format == "TIFF" else 1
        except (
            UnidentifiedImageError,
            Image.DecompressionBombError,
            OSError,
            SyntaxError,
            ValueError,
            EOFError,
        ) as error:
            if isinstance(error, Refusal):
                raise
            if isinstance(error, Image.DecompressionBombError):
                raise _huge(name, limits) from None
            raise Refusal(
                "damaged",
                f"图片“{name or ''}”已损坏或不完整，无法打开；请重新取得后再导入。",
                f'The picture "{name}" is damaged or incomplete. Get it again.',
                where=name,
            ) from error
    if len(sheets) < total:
        draft.warnings.append(
            Notice(
                "ocr-cut",
                f"共 {total} 页，只识别了前 {len(sheets)} 页；请拆分后分别导入。",
                f"Of {total} pages only the first {len(sheets)} were read. Split the file.",
                partial=True,
            )
        )
    try:
        write(sheets, draft, limits.characters)
    except Full:
        draft.warnings.append(cut_notice(limits.characters))
    return draft


def _huge(name: str, limits: Limits) -> Refusal:
    return Refusal(
        "bomb",
        f"图片“{name or ''}”过大，超过 {limits.pixels / 1e6:.0f} 百万像素，没有打开；请缩小后再导入。",
        f'The picture "{name}" has more than {limits.pixels / 1e6:.0f} million pixels and was not opened. Shrink it.',
        where=name,
    )


def _grey(image: Any, name: str, limits: Limits) -> ocr.Image:
    """The picture in grey, upright by its own note (EXIF), on white where it is transparent."""
    from PIL import Image, ImageOps

    image.draft("L", (_SIDE, _SIDE))
    width, height = image.size
    if width * height > limits.pixels:
        raise _huge(name, limits)
    orientation = image.getexif().get(0x0112, 1)
    if image.mode in {"RGBA", "LA", "PA"} or "transparency" in image.info:
        layer = image.convert("RGBA")
        ground = Image.new("RGBA", layer.size, "white")
        grey = Image.alpha_composite(ground, layer).convert("L")
    else:
        grey = image.convert("L") if not image.mode.startswith("I") else _sixteen(image)
    if orientation != 1:
        exif = Image.Exif()
        exif[0x0112] = orientation
        grey.info["exif"] = exif.tobytes()
        grey = ImageOps.exif_transpose(grey)
    if max(grey.size) > 1.2 * _SIDE and max(grey.size) < 2.2 * min(grey.size):
        grey.thumbnail((_SIDE, _SIDE))  # long pictures keep their width: they are read in pieces
    pixels: ocr.Image = np.asarray(grey, dtype=np.uint8)
    if pixels.size and float(np.median(pixels)) < 100:
        pixels = 255 - pixels  # light text on a dark ground
    return np.ascontiguousarray(pixels)


def _sixteen(image: Any) -> Any:
    from PIL import Image

    values = np.asarray(image, dtype=np.float64)
    top = max(float(values.max()), 1.0)
    return Image.fromarray((values * (255.0 / top)).astype(np.uint8))
