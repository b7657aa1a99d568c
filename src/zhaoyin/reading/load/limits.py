"""How much a document may ask of the machine before it is cut or refused."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one `load`. The defaults keep it under 1.5 GB of memory.

    ``file_bytes`` of the file itself; ``characters`` of text kept (more is cut, with a notice); ``pages`` of a PDF
    or OFD; ``ocr_pages`` read through OCR; ``pixels`` of one picture; ``inflated`` bytes and ``entries`` of a zipped
    format, ``ratio`` between an entry's inflated and packed size; ``cells`` of a workbook, empty ones between filled
    ones included; ``seconds`` after which no further page is begun.
    """

    file_bytes: int = 200 * 2**20
    characters: int = 10_000_000
    pages: int = 2_000
    ocr_pages: int = 60
    pixels: int = 80_000_000
    inflated: int = 600 * 2**20
    entries: int = 50_000
    ratio: int = 300
    cells: int = 8_000_000
    seconds: float = 600.0


class Deadline:
    """A moment after which work stops where it stands."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def over(self) -> bool:
        return time.monotonic() > self._end
