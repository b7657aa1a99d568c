"""`read`: a document → the facts it states."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import cast

from zhaoyin.base.text import MappedText
from zhaoyin.reading.confidence import confidence
from zhaoyin.reading.draft import Draft
from zhaoyin.reading.lexicon import Lexicon
from zhaoyin.reading.load import Document, normalise
from zhaoyin.reading.model import Fact, Genre, Reading, Span
from zhaoyin.reading.proposers import Proposer, Rules
from zhaoyin.reading.scan import Scan

WINDOW = 16_000
"""Characters read as one text. A longer one is read in pieces cut between lines, so time and memory stay linear."""

_ORDER = {
    kind: at
    for at, kind in enumerate(
        ("event", "project", "carrier", "organisation", "person", "policy", "clause", "claim")
    )
}


def read(
    document: Document | str, lexicon: Lexicon | None = None, proposers: Sequence[Proposer] | None = None
) -> Reading:
    """The facts of a document (or of a text), each with the exact characters of the source that prove it.

    ``lexicon``: names the caller knows. ``proposers``: who proposes; the rules alone when not given. Every fact whose
    evidence or values cannot be shown in the source is dropped, whoever proposed it. Never raises on any text.
    """
    mapped = normalise(document) if isinstance(document, str) else document.mapped
    mapped = _joined(mapped)
    lexicon = lexicon or Lexicon()
    facts: list[Fact] = []
    notices: list[tuple[str, str, str]] = []
    genre, region, kind = "other", None, "text"
    for at, (start, end) in enumerate(_pieces(mapped.text)):
        piece = _slice(mapped, start, end)
        scan = Scan(piece, lexicon)
        proposed: list[tuple[Draft, str]] = []
        for proposer in proposers or (Rules(),):
            proposal = proposer.propose(scan, [draft for draft, _ in proposed])
            proposed += [(draft, proposer.name) for draft in proposal.drafts]
            notices += [notice for notice in proposal.notices if notice not in notices]
            if at == 0:
                genre = proposal.genre or genre
                region = region or proposal.region
                kind = proposal.kind if proposal.kind != "text" else kind
        # Only now: a later proposer may have confirmed what an earlier one said.
        facts += [
            fact
            for draft, name in proposed
            if grounded(fact := draft.fact(scan, name, confidence(draft)), mapped.source)
        ]
    return Reading(
        source=mapped.source,
        facts=tuple(_tidy(facts)),
        genre=cast(Genre, genre),
        kind="ledger" if kind == "ledger" else "text",
        region=region,
        notices=tuple(notices),
    )


def scanned(text: str, lexicon: Lexicon | None = None) -> Scan:
    """A text cleaned and scanned whole, as the proposers see it (for measuring and fitting)."""
    return Scan(_joined(normalise(text)), lexicon or Lexicon())


def grounded(fact: Fact, source: str) -> bool:
    """Whether the evidence is there: a span inside the source, not empty, with every field's proof inside the source."""
    size = len(source)

    def inside(span: Span) -> bool:
        return 0 <= span.start < span.end <= size

    return (
        bool(fact.fields)
        and inside(fact.evidence)
        and bool(source[fact.evidence.start : fact.evidence.end].strip())
        and all(inside(span) for spans in fact.proofs.values() for span in spans)
    )


def _tidy(facts: list[Fact]) -> Iterator[Fact]:
    """In the order of kinds and of the text, each key and each name of an organisation once."""
    seen: set[str] = set()
    for fact in sorted(facts, key=lambda f: (_ORDER[f.kind], f.evidence)):
        mark = f"organisation:{fact.fields.get('name')}" if fact.kind == "organisation" else fact.key
        if mark not in seen:
            seen.add(mark)
            yield fact


def _pieces(text: str) -> Iterator[tuple[int, int]]:
    """Runs of at most `WINDOW` characters, cut after a line or a sentence where there is one."""
    at, size = 0, len(text)
    while at < size:
        end = min(at + WINDOW, size)
        if end < size:
            for mark in ("\n\n", "\n", "。", "，", " "):
                cut = text.rfind(mark, at + WINDOW // 2, end)
                if cut > 0:
                    end = cut + len(mark)
                    break
        yield at, end
        at = end


_BROKEN = re.compile(r"(?<=[^\n。！？；：:!?;…”」』）)】\]>|\t*])\n(?=[\u4e00-\u9fff])")
_OPENS = re.compile(
    r"[一二三四五六七八九十]{1,3}[、.]|第[一二三四五六七八九十]+[条章]|附[：:件]|来源|责任|记者|联系|地址|电话|投资方|总投资|签约|序号|说明"
)


def _columns(line: str) -> int:
    """Columns a line takes on paper: a Han character takes two."""
    line = line.rstrip()
    return len(line) + sum(1 for char in line if char > "\u2e7f")


def _joined(mapped: MappedText) -> MappedText:
    """Lines that stop in mid-sentence, joined to the next: those at the edge of the paper, and long ones of running text."""
    text = mapped.text
    if "\n" not in text:
        return mapped
    widths = Counter(_columns(line) for line in text.split("\n"))
    edge = max((width for width in widths if 40 <= width <= 120), default=0)
    full = sum(widths[width] for width in range(edge - 3, edge + 1)) if edge else 0
    edits = []
    for match in _BROKEN.finditer(text):
        at = match.start()
        left = text.rfind("\n", 0, at) + 1
        right = text.find("\n", at + 1)
        line, following = text[left:at], text[at + 1 : right if right >= 0 else min(len(text), at + 400)]
        if "|" in line or "\t" in line or _OPENS.match(following) or re.search(r"\S .{2,20} \S", line):
            continue
        at_edge = full >= 2 and edge - 3 <= _columns(line) <= edge and _columns(following) <= edge
        long = len(line) >= 40 and re.search(r"[，。；]", line)
        if (at_edge and re.search(r"[，。；]", line + following)) or (
            long and re.search(r"[，。；]", following) and len(following) >= 10
        ):
            edits.append((at, at + 1, ""))
    return mapped.rewrite(edits) if edits else mapped


def _slice(mapped: MappedText, start: int, end: int) -> MappedText:
    if start == 0 and end == len(mapped.text):
        return mapped
    return MappedText(mapped.text[start:end], mapped.source, mapped.starts[start:end], mapped.ends[start:end])
