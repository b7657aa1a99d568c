"""Who proposes facts. The rules always do; a sequence labeller and a language model may join them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from zhaoyin.reading.draft import Draft
from zhaoyin.reading.people import people
from zhaoyin.reading.scan import Scan


@dataclass
class Proposal:
    """What one proposer found in one text; ``notices`` (code, Chinese, English) say what it could not do."""

    drafts: list[Draft] = field(default_factory=list)
    notices: list[tuple[str, str, str]] = field(default_factory=list)
    genre: str | None = None
    region: str | None = None
    kind: str = "text"


class Proposer(Protocol):
    """Proposes facts about a scanned text. Places in a draft are places in ``scan.text``."""

    name: str

    def propose(self, scan: Scan, earlier: Sequence[Draft]) -> Proposal:
        """New facts, given those that proposers before this one found."""


class Rules:
    """Lexicons and grammars; always there, nothing to install."""

    name = "rules"

    def propose(self, scan: Scan, earlier: Sequence[Draft]) -> Proposal:
        drafts = people(scan)
        drafts += organisations(scan)
        return Proposal(drafts)


def organisations(scan: Scan) -> list[Draft]:
    """One fact for every distinct name, at its first mention."""
    found: dict[str, Draft] = {}
    for org in scan.orgs:
        name = scan.quote(org.start, org.end)
        if name in found:
            found[name].signals["times"] = found[name].signals.get("times", 1.0) + 1.0
            continue
        draft = Draft("organisation", org.start, org.end, signals={"times": 1.0})
        draft.put("name", name, (org.start, org.end))
        found[name] = draft
    return list(found.values())
