"""Who proposes facts. The rules always do; a sequence labeller and a language model may join them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from zhaoyin.reading.carriers import Carriers
from zhaoyin.reading.claims import claims
from zhaoyin.reading.context import genre_of, region_of
from zhaoyin.reading.draft import Draft
from zhaoyin.reading.events import Events
from zhaoyin.reading.people import people
from zhaoyin.reading.policies import Policies
from zhaoyin.reading.projects import Projects
from zhaoyin.reading.scan import Scan
from zhaoyin.reading.tables import Table, tables


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
        genre = genre_of(scan)
        region, division = region_of(scan)
        found = list(tables(scan))
        events = Events(scan, division, genre).read()
        persons = people(scan)
        projects = Projects(scan, division, found, genre, events, persons).read()
        drafts = [*events, *projects, *Carriers(scan, division, genre, projects).read(), *persons]
        drafts += Policies(scan, found, genre).read()
        drafts += claims(scan)
        drafts += organisations(scan)
        return Proposal(drafts, genre=genre, region=region, kind=kind_of(scan, found))


def kind_of(scan: Scan, found: Sequence[Table]) -> str:
    """ "ledger" when the text is a table of projects with little around it."""
    rows = [row for table in found if "policy" not in table.columns for row in table.rows]
    inside = sum(row.end - row.start for row in rows)
    written = sum(end - start for start, end in scan.lines)
    return "ledger" if len(rows) >= 2 and inside >= 0.4 * written else "text"


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
