"""Text with an offset map: a cleaned text whose every character still knows where it stood in its source."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MappedText:
    """``text`` after cleaning, ``source`` before it.

    ``starts[i]`` and ``ends[i]`` are the half-open span in ``source`` that ``text[i]`` came from.
    Spans never run backwards: starts and ends are both non-decreasing.
    """

    text: str
    source: str
    starts: array[int]
    ends: array[int]

    @classmethod
    def of(cls, source: str) -> MappedText:
        return cls(source, source, array("q", range(len(source))), array("q", range(1, len(source) + 1)))

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The half-open span of ``source`` that covers ``text[start:end]``."""
        if not 0 <= start <= end <= len(self.text):
            raise IndexError(f"span {start}:{end} outside a text of {len(self.text)} characters")
        if start == end:
            at = self.starts[start] if start < len(self.text) else len(self.source)
            return at, at
        return self.starts[start], self.ends[end - 1]

    def quote(self, start: int, end: int) -> str:
        """The exact characters of ``source`` behind ``text[start:end]``."""
        left, right = self.span(start, end)
        return self.source[left:right]

    def rewrite(self, edits: Iterable[tuple[int, int, str]]) -> MappedText:
        """Replace half-open spans of ``text`` (ascending, not overlapping) by other strings.

        A replacement of the same length keeps character-by-character places; any other takes the whole replaced span
        for each of its characters.
        """
        pieces: list[str] = []
        starts, ends = array("q"), array("q")
        at = 0
        for left, right, new in edits:
            if left < at or right < left or right > len(self.text):
                raise ValueError(f"edit {left}:{right} overlaps or runs backwards")
            pieces.append(self.text[at:left])
            starts.extend(self.starts[at:left])
            ends.extend(self.ends[at:left])
            if len(new) == right - left:
                starts.extend(self.starts[left:right])
                ends.extend(self.ends[left:right])
            elif new:
                low, high = self.span(left, right)
                starts.extend([low] * len(new))
                ends.extend([high] * len(new))
            pieces.append(new)
            at = right
        pieces.append(self.text[at:])
        starts.extend(self.starts[at:])
        ends.extend(self.ends[at:])
        return MappedText("".join(pieces), self.source, starts, ends)

    def translate(self, table: Callable[[str], str]) -> MappedText:
        """Map each character to one character (or to "" to drop it)."""
        edits = [(i, i + 1, new) for i, old in enumerate(self.text) if (new := table(old)) != old]
        return self.rewrite(edits) if edits else self
