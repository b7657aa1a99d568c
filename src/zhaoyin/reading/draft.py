"""A fact on its way: values with their places in the cleaned text, before they are tied to the source."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from zhaoyin.reading.model import Fact, FactKind, Span
from zhaoyin.reading.scan import Scan


@dataclass
class Draft:
    """``spans`` and ``start``/``end`` are places in the cleaned text; ``signals`` feed the confidence."""

    kind: FactKind
    start: int
    end: int
    fields: dict[str, Any] = field(default_factory=dict)
    spans: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    signals: dict[str, float] = field(default_factory=dict)

    def put(self, name: str, value: Any, *spans: tuple[int, int]) -> None:
        """State a field unless it is stated already; nothing is stated by an empty value."""
        if value in (None, "", [], ()) or name in self.fields:
            return
        self.fields[name] = value
        self.spans[name] = list(spans)

    def replace(self, name: str, value: Any, *spans: tuple[int, int]) -> None:
        self.fields.pop(name, None)
        self.put(name, value, *spans)

    def add(self, name: str, value: str, span: tuple[int, int]) -> None:
        """Add an entry to a list field."""
        entries = self.fields.setdefault(name, [])
        if value and value not in entries:
            entries.append(value)
            self.spans.setdefault(name, []).append(span)

    def cover(self, start: int, end: int) -> None:
        self.start, self.end = min(self.start, start), max(self.end, end)

    @property
    def name(self) -> str:
        return str(self.fields.get("name") or "")

    def fact(self, scan: Scan, proposer: str, confidence: float) -> Fact:
        def span(left: int, right: int) -> Span:
            return Span(*scan.mapped.span(left, right))

        return Fact(
            kind=self.kind,
            fields={name: value for name, value in self.fields.items() if value not in (None, "", [])},
            evidence=span(self.start, self.end),
            proofs={
                name: tuple(span(*at) for at in self.spans.get(name, []))
                for name, value in self.fields.items()
                if value not in (None, "", [])
            },
            confidence=confidence,
            proposer=proposer,
        )


def trimmed(
    scan: Scan, start: int, end: int, strip: str = " \n　“”\"'‘’《》，。、；：:;,."
) -> tuple[int, int]:
    """The run without blanks and marks at its ends."""
    text = scan.text
    while start < end and text[start] in strip:
        start += 1
    while end > start and text[end - 1] in strip:
        end -= 1
    return start, end
