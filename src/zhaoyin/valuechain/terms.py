"""Text → segment by the chain's own terms and names: ranked candidates, each with the words that say so, or none.

A term counts where it stands; an exclude term voids every term it overlaps (金材 in 合金材料) and takes its weight from
the segment where it stands alone; a term after 不含, 不得, 除 in the same clause does not count. Nothing is guessed:
below the threshold, or with two segments too close, ``decision`` is None and the candidates stay visible.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from zhaoyin.valuechain.chain import Chain, Membership

VERSION = "terms@1"
BY_CODE = 0.8  # how sure a code makes that belongs to its segment wholly
_NEGATED = re.compile(r"(不含|不得|不包括|除外|禁止|未经.{0,6}不)[^，。；;、)）的]{0,10}$")


@dataclass(frozen=True, slots=True)
class Span:
    """``text[start:end]`` is ``term``; weight is negative for an exclude term."""

    start: int
    end: int
    term: str
    weight: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """``score`` in 0..1 (1 - exp(-sum of weights)); ``spans`` are the evidence."""

    node_id: str
    score: float
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Classification:
    """Best first. ``decision`` is the segment stated as a fact, or None with ``why`` (zh, en)."""

    candidates: tuple[Candidate, ...]
    decision: str | None
    why: tuple[str, str] | None = None


class TermClassifier:
    """Made from a chain; immutable. ``threshold`` and ``margin`` are for the decision only."""

    def __init__(self, chain: Chain, *, threshold: float = 0.35, margin: float = 0.1) -> None:
        self.chain, self.threshold, self.margin = chain, threshold, margin
        include: dict[str, dict[str, float]] = {}
        exclude: dict[str, dict[str, float]] = {}
        for term in chain.terms:
            target = include if term.polarity == "include" else exclude
            target.setdefault(term.term, {})[term.node_id] = term.weight
        for node in chain.leaves:
            for label in re.split(r"[：:与和及]", node.name):
                if len(label) >= 3:
                    include.setdefault(label, {}).setdefault(node.node_id, 1.0)
        self._include, self._exclude = include, exclude
        self._find_include, self._find_exclude = _finder(include), _finder(exclude)

    def classify(self, text: str) -> Classification:
        hits: dict[str, list[Span]] = {}
        excluded = [(m.start(1), m.end(1), m.group(1)) for m in self._find_exclude(text)]
        for match in self._find_include(text):
            start, term = match.start(1), match.group(1)
            end = start + len(term)
            if _NEGATED.search(text[max(0, start - 20) : start]):
                continue
            for node_id, weight in self._include[term].items():
                if any(a < end and start < b and node_id in self._exclude[t] for a, b, t in excluded):
                    continue
                hits.setdefault(node_id, []).append(Span(start, end, term, weight))
        candidates = []
        for node_id, spans in hits.items():
            kept = _longest(spans)
            best = {s.term: s.weight for s in kept}
            against = [
                Span(a, b, t, -self._exclude[t][node_id])
                for a, b, t in excluded
                if node_id in self._exclude[t] and not any(s.start < b and a < s.end for s in spans)
            ]
            total = sum(best.values()) + sum({s.term: s.weight for s in against}.values())
            if total > 0:
                candidates.append(Candidate(node_id, 1 - math.exp(-total), (*kept, *against)))
        candidates.sort(key=lambda c: (-c.score, c.node_id))
        return self._decide(tuple(candidates))

    def _decide(self, candidates: tuple[Candidate, ...]) -> Classification:
        if not candidates:
            return Classification((), None, ("没有一个环节的用词", "no word of any segment"))
        first = candidates[0]
        if first.score < self.threshold:
            return Classification(
                candidates,
                None,
                (
                    f"依据太弱（{first.score:.2f} < {self.threshold}）",
                    f"too weak ({first.score:.2f} < {self.threshold})",
                ),
            )
        if len(candidates) > 1 and first.score - candidates[1].score < self.margin:
            a, b = (self.chain.node(c.node_id) for c in candidates[:2])
            return Classification(
                candidates,
                None,
                (
                    f"{a.name}和{b.name}分不开",
                    f"{a.name_en or a.name} and {b.name_en or b.name} are too close",
                ),
            )
        return Classification(candidates, first.node_id)

    def surety(self, node_id: str, industry: str, text: str) -> tuple[float, str]:
        """How surely a firm is of a segment (0 to 1) and the words that say so: by its text, or by its code.

        A code that belongs to the segment wholly is as sure (0.8) as a word of its scope.
        """
        hit = next((c for c in self.classify(text).candidates if c.node_id == node_id), None)
        words = "、".join(dict.fromkeys(s.term for s in hit.spans if s.weight > 0)) if hit else ""
        return max(hit.score if hit else 0.0, BY_CODE * self.chain.share_of(node_id, industry)[0]), words

    def memberships(self, firms: Iterable[tuple[str, str]], *, at_least: float = 0.35) -> list[Membership]:
        """(firm id, text) → memberships with score >= ``at_least``, each quoting its evidence."""
        return [
            Membership(firm_id, c.node_id, c.score, rank, "term", _quote(c), VERSION)
            for firm_id, text in firms
            for rank, c in enumerate(self.classify(text or "").candidates, 1)
            if c.score >= at_least
        ]


def _quote(candidate: Candidate) -> str:
    return "；".join(f"{s.term}@{s.start}-{s.end}" for s in candidate.spans if s.weight > 0)


def _longest(spans: list[Span]) -> list[Span]:
    """Overlapping hits of one segment count once, by the longest."""
    kept: list[Span] = []
    for span in sorted(spans, key=lambda s: (-(s.end - s.start), s.start)):
        if all(span.end <= k.start or k.end <= span.start for k in kept):
            kept.append(span)
    return sorted(kept, key=lambda s: s.start)


def _finder(terms: Iterable[str]):  # type: ignore[no-untyped-def]
    """Every place a term begins: a lookahead, so that overlapping terms are all seen, longest first at one place."""
    ordered = sorted(terms, key=lambda t: (-len(t), t))
    if not ordered:
        return lambda text: ()
    return re.compile("(?=(" + "|".join(map(re.escape, ordered)) + "))").finditer
