"""What a reading says: facts, each with the characters of the source that prove it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

FactKind = Literal["event", "project", "carrier", "organisation", "person", "policy", "clause", "claim"]
Genre = Literal["promotion", "signing", "festival", "park_intro", "policy", "visit", "briefing", "other"]

# Section of the exchange schema, and its fields in their order, for every kind that has one.
SECTIONS: Mapping[str, tuple[str, tuple[str, ...]]] = MappingProxyType(
    {
        "event": (
            "events",
            (
                "name",
                "kind",
                "date",
                "venue",
                "attendees",
                "signed_count",
                "signed_amount_wan",
                "signed_amount_text",
            ),
        ),
        "project": (
            "projects",
            (
                "name",
                "stage",
                "local_party",
                "investors",
                "place",
                "amount_wan",
                "amount_text",
                "agreement",
                "sector",
            ),
        ),
        "carrier": ("carriers", ("name", "kind", "area_mu", "area_text", "focus")),
        "person": ("people", ("name", "title", "org")),
        "policy": ("policies", ("name", "amount_text")),
        "claim": ("industry_claims", ("subject", "measure", "value_text")),
    }
)
LISTS = frozenset({"investors", "focus"})


class Span(NamedTuple):
    """Half-open run of characters of the source."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Fact:
    """One proposed fact.

    ``fields`` holds what the fact states (absent values are absent); ``proofs`` names, for every field, the spans of
    the source that prove it; ``evidence`` is the run that shows the whole fact. ``confidence`` is the calibrated
    probability (0 to 1) that a person accepts the item. ``proposer`` says who proposed it.
    ``key`` is stable: the same kind, values and place give the same key in every run.
    """

    kind: FactKind
    fields: Mapping[str, Any]
    evidence: Span
    proofs: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)
    confidence: float = 0.5
    proposer: str = "rules"

    @property
    def key(self) -> str:
        stated = json.dumps(
            [self.kind, {name: self.fields[name] for name in sorted(self.fields)}, list(self.evidence)],
            ensure_ascii=False,
            sort_keys=True,
            separators=(",", ":"),
        )
        return hashlib.sha256(stated.encode("utf-8", "surrogatepass")).hexdigest()[:20]

    @property
    def name(self) -> str:
        """What to call the fact in a list."""
        return str(self.fields.get("name") or self.fields.get("subject") or self.fields.get("heading") or "")

    def with_fields(self, **changes: Any) -> Fact:
        return replace(self, fields={**self.fields, **changes})


@dataclass(frozen=True)
class Reading:
    """The facts read from one source text.

    ``kind`` is "ledger" for a table of projects that belongs to the import, otherwise "text". ``genre`` is one of the
    exchange schema's. ``region`` is the region that attracts, as written, or None. Facts stand in the order of the
    text within their kind. ``notices`` say what a proposer could not do (code, Chinese, English).
    """

    source: str
    facts: tuple[Fact, ...]
    genre: Genre = "other"
    kind: Literal["text", "ledger"] = "text"
    region: str | None = None
    notices: tuple[tuple[str, str, str], ...] = ()

    def of(self, kind: FactKind) -> tuple[Fact, ...]:
        return tuple(fact for fact in self.facts if fact.kind == kind)

    @property
    def events(self) -> tuple[Fact, ...]:
        return self.of("event")

    @property
    def projects(self) -> tuple[Fact, ...]:
        return self.of("project")

    @property
    def carriers(self) -> tuple[Fact, ...]:
        return self.of("carrier")

    @property
    def people(self) -> tuple[Fact, ...]:
        return self.of("person")

    @property
    def organisations(self) -> tuple[Fact, ...]:
        return self.of("organisation")

    @property
    def policies(self) -> tuple[Fact, ...]:
        return self.of("policy")

    @property
    def clauses(self) -> tuple[Fact, ...]:
        return self.of("clause")

    @property
    def claims(self) -> tuple[Fact, ...]:
        return self.of("claim")

    def quote(self, span: Span) -> str:
        """The exact characters of the source in a span."""
        return self.source[span.start : span.end]

    def to_schema(self, *, id: str = "", url: str | None = None) -> dict[str, Any]:
        """The reading in the exchange schema: sections of items, each with its evidence; null where not stated."""
        out: dict[str, Any] = {"id": id, "url": url, "genre": self.genre, "region": self.region}
        for kind, (section, names) in SECTIONS.items():
            items = []
            for fact in self.facts:
                if fact.kind != kind:
                    continue
                item: dict[str, Any] = {
                    name: list(fact.fields.get(name) or ()) if name in LISTS else fact.fields.get(name)
                    for name in names
                }
                item["evidence"] = self.quote(fact.evidence)
                items.append(item)
            out[section] = items
            if section == "carriers":
                out["organisations"] = _distinct(fact.fields["name"] for fact in self.organisations)
        return out


def _distinct(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
