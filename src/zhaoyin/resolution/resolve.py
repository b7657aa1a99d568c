"""The register as its users meet it: build, open, resolve, add."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from zhaoyin.base import uscc
from zhaoyin.resolution import tables
from zhaoyin.resolution.features import AT
from zhaoyin.resolution.government import place_for_firm
from zhaoyin.resolution.loops import Parses
from zhaoyin.resolution.model import Candidates, Model
from zhaoyin.resolution.register import (
    CHUNK,
    Entry,
    Manifest,
    Progress,
    Searcher,
    Store,
    entry_at,
    place_numbers,
)
from zhaoyin.resolution.text import LONGEST, normalise
from zhaoyin.resolution.words import Reason, joined, reasons

MATCH, REVIEW, NEW = "match", "review", "new"
SHORT_OF_A_NAME = 2
SURE_DESPITE = 0.75  # a 字号 character that differs is outweighed from here on (a scan has worse look-alikes than any table)
_PERSON_ID = re.compile(r"\d{6}(?:19|20)?\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dX]?")


@dataclass(frozen=True)
class Context:
    """What is known around the name: a place, an industry, firms named beside it, the date of the text (ISO)."""

    place: str = ""
    industry: str = ""
    firms: tuple[str, ...] = ()
    on: str = ""


@dataclass(frozen=True)
class Candidate:
    """One organisation a name may mean. ``name`` is the registered name, ``matched`` the name or alias that answered,
    ``probability`` in 0..1 that it is the one meant."""

    id: str
    name: str
    matched: str
    probability: float
    score: float
    reasons: tuple[Reason, ...]
    branch: bool = False

    def why(self, language: str = "zh") -> str:
        return joined(self.reasons, language)


@dataclass(frozen=True)
class Resolution(Sequence[Candidate]):
    """The answer for one written name: a sequence of candidates, best first, with the decision over them."""

    query: str
    decision: str
    probability: float
    candidates: tuple[Candidate, ...]
    reasons: tuple[Reason, ...] = ()

    def __len__(self) -> int:
        return len(self.candidates)

    def __getitem__(self, at):  # type: ignore[no-untyped-def]
        return self.candidates[at]

    def __iter__(self) -> Iterator[Candidate]:
        return iter(self.candidates)

    def why(self, language: str = "zh") -> str:
        own = joined(self.reasons, language)
        best = self.candidates[0].why(language) if self.candidates else ""
        return ("；" if language == "zh" else "; ").join(part for part in (best, own) if part)


@dataclass(frozen=True)
class Matches:
    """Many answers as columns. ``ids[Q][≤ limit]`` best first; ``decision[Q]``; ``probability[Q]`` of the first."""

    queries: list[str]
    decision: list[str]
    probability: npt.NDArray[np.float32]
    ids: list[list[str]]
    names: list[list[str]]

    def __len__(self) -> int:
        return len(self.queries)


def unfit(name: str) -> Reason | None:
    """Why a text cannot be an organisation's name at all, or None."""
    text = normalise(name)
    if not text.strip("（）"):
        if not name.strip():
            return Reason("empty", "名称为空", "the name is empty")
        return Reason(
            "no-name",
            "没有可作名称的字（只有符号、表情或控制字符）",
            "nothing in it can be a name (only symbols, emoji or controls)",
        )
    if len(text) in (15, 18) and _PERSON_ID.fullmatch(text) and not uscc.is_valid(text):
        return Reason(
            "person-id",
            "这是身份证号，不是单位名称；请勿填在名称栏",
            "this is a personal identity number, not a name; do not keep it here",
        )
    if len(text) < SHORT_OF_A_NAME:
        return Reason(
            "one-character", "只有一个字，无法判断是哪家单位", "one character cannot tell an organisation"
        )
    if text.isdigit() and len(text) != 18:
        return Reason("only-digits", "只有数字，不是单位名称", "only digits: not a name")
    if len(text) > 2 * LONGEST:
        return Reason(
            "too-long",
            f"有 {len(text)} 个字，不像单位名称；请只填名称",
            f"{len(text)} characters: not a name; give the name alone",
        )
    return None


_NEW_TO_REGISTER = Reason("no-candidate", "名册中没有相近的单位", "nothing near it in the register")


class Register:
    """Organisations by name. Reading is safe from many processes at once; each holds its own ``Register``, sharing the pages."""

    def __init__(self, path: Path, model: Model) -> None:
        self.path, self.model = path, model
        self._store = Store(path)
        self._load()

    def _load(self) -> None:
        self.generation, parts = self._store.open()
        self._searcher = Searcher(parts)

    @classmethod
    def build(
        cls,
        entries: Iterable[Entry],
        path: Path | str,
        *,
        model: Model | None = None,
        progress: Progress | None = None,
    ) -> Register:
        """Build (or replace) the register at ``path``. The later of two entries with one id stands."""
        model = model or Model.load()
        Store(Path(path)).build(entries, model, progress)
        return cls(Path(path), model)

    @classmethod
    def open(cls, path: Path | str, *, model: Model | None = None) -> Register:
        """Open the register at ``path``; refuses one that is missing or damaged. Uses the model tuned for it, if there is one."""
        tuned = Path(path) / "model.npz"
        return cls(Path(path), model or Model.load(tuned if tuned.exists() else None))

    def __len__(self) -> int:
        return sum(
            int((part.view.dead[: int(part.arrays["own"][0])] == 0).sum()) for part in self._searcher.parts
        )

    def add(self, entries: Iterable[Entry], *, remove: Iterable[str] = ()) -> None:
        """Add entries, replacing those with the same id, and drop the ids in ``remove``; durable when it returns."""
        self._store.change(list(entries), remove, self.model)
        self._load()

    def compact(self) -> None:
        self._store.compact(self.model)
        self._load()

    def refresh(self) -> bool:
        """Take up what other processes added since; True if there was something."""
        if Manifest.read(self.path).generation == self.generation:
            return False
        self._load()
        return True

    # -------------------------------------------------------------- asking

    def measure(self, names: Sequence[str]) -> tuple[Candidates, list[list[int]]]:
        """Candidates with features for normalised names: what fitting and benches work on."""
        found, exact = [], []
        for start in range(0, len(names), CHUNK):
            some = names[start : start + CHUNK]
            rows = self._searcher.exact_rows(some)
            found.append(self._searcher.candidates(some, rows)[0])
            exact.extend(rows)
        return _stack(found), exact

    def id_of(self, row: int) -> str:
        part, at = self._searcher.locate(row)
        return part.text("ids", int(part.arrays["entry_of"][at]))

    def resolve(self, name: str, limit: int = 5, context: Context | None = None) -> Resolution:
        """Who is meant by ``name``. Never raises for a text: what cannot be a name is ``new`` with the reason."""
        problem = unfit(name)
        if problem:
            return Resolution(name, NEW, 0.0, (), (problem,))
        text = normalise(name)
        exact = self._searcher.exact_rows([text])
        found, parses = self._searcher.candidates([text], exact)
        order, scores, probability = self.model.score(found)
        return self._answer(
            name, text, found, parses, exact[0], order[0], scores[0], float(probability[0]), limit, context
        )

    def twins(
        self, least: float, progress: Progress | None = None, only: Container[str] | None = None
    ) -> Iterator[tuple[str, Candidate]]:
        """(id, the likeliest other organisation) for every organisation (or those ids that are in ``only``) whose name
        may mean that other one too, with at least the probability ``least``."""
        keys: list[tuple[str, str]] = []
        for part in self._searcher.parts:
            own = int(part.arrays["own"][0])
            keys += [
                (part.text("ids", at), normalise(part.text("names", at)))
                for at in range(own)
                if not part.view.dead[at] and (only is None or part.text("ids", at) in only)
            ]
        for start in range(0, len(keys), CHUNK):
            some = keys[start : start + CHUNK]
            texts = [text for _, text in some]
            exact = self._searcher.exact_rows(texts)
            found, parses = self._searcher.candidates(texts, exact)
            found = self._without_own(found, [key for key, _ in some])
            order, scores, probability = self.model.score(found)
            for i, (key, text) in enumerate(some):
                slot = int(order[i, 0])
                if slot < 0:
                    continue
                row = int(found.rows[i, slot])
                same = self.id_of(row) != key and any(row == other for other in exact[i])
                p = max(float(probability[i]), 0.9 if same else 0.0)
                if p < least or (self.vetoes(found.features[i, slot], p) and not same):
                    continue
                one = Candidates(found.count[[i]], found.rows[[i]], found.cores[[i]], found.features[[i]])
                yield key, self._candidate(row, slot, float(scores[i, slot]), p, one, parses, text, i)
            if progress:
                progress(min(start + CHUNK, len(keys)), len(keys))

    def _without_own(self, found: Candidates, ids: Sequence[str]) -> Candidates:
        count, rows, cores, features = (
            found.count.copy(),
            found.rows.copy(),
            found.cores.copy(),
            found.features.copy(),
        )
        for i, own in enumerate(ids):
            keep = [k for k in range(int(count[i])) if self.id_of(int(rows[i, k])) != own]
            rows[i, : len(keep)], cores[i, : len(keep)] = rows[i, keep], cores[i, keep]
            features[i, : len(keep)] = features[i, keep]
            rows[i, len(keep) :] = -1
            count[i] = len(keep)
        return Candidates(count, rows, cores, features)

    def resolve_many(self, names: Sequence[str], limit: int = 5, progress: Progress | None = None) -> Matches:
        """Decisions for many names at once, without reasons (ask ``resolve`` for those of one)."""
        out = Matches([], [], np.zeros(len(names), np.float32), [], [])
        for start in range(0, len(names), CHUNK):
            some = list(names[start : start + CHUNK])
            texts = [normalise(name) for name in some]
            exact = self._searcher.exact_rows(texts)
            found, _ = self._searcher.candidates(texts, exact)
            order, _, probability = self.model.score(found)
            for i, name in enumerate(some):
                decision, p = NEW, 0.0
                rows: list[int] = []
                if not unfit(name):
                    p = float(probability[i])
                    decision, rows, p = self._decide(found, i, order[i], exact[i], p, limit)
                cells = [self._cell(row) for row in rows]
                if decision == MATCH and not exact[i] and place_for_firm(name, cells[0][1]):
                    decision = REVIEW
                out.queries.append(name)
                out.decision.append(decision)
                out.probability[start + i] = p
                out.ids.append([cell[0] for cell in cells])
                out.names.append([cell[1] for cell in cells])
            if progress:
                progress(min(start + CHUNK, len(names)), len(names))
        return out

    def _cell(self, row: int) -> tuple[str, str]:
        part, at = self._searcher.locate(row)
        entry = int(part.arrays["entry_of"][at])
        return part.text("ids", entry), part.text("names", entry)

    def _entry_key(self, row: int) -> tuple[int, int]:
        part, at = self._searcher.locate(row)
        return id(part), int(part.arrays["entry_of"][at])

    def _decide(
        self, found: Candidates, i: int, order: npt.NDArray[np.int32], exact: list[int], p: float, limit: int
    ) -> tuple[str, list[int], float]:
        """(decision, register-wide rows of distinct organisations, probability) of one name."""
        rows: list[int] = []
        seen: set[tuple[int, int]] = set()
        ranked = [int(found.rows[i, k]) for k in order if k >= 0]
        own = [row for row in exact if self._alive_alias(row, "")]
        for row in [*own, *ranked] if len(exact) == 1 else ranked:
            key = self._entry_key(row)
            if key not in seen:
                seen.add(key)
                rows.append(row)
                if len(rows) == limit:
                    break
        if not rows:
            return NEW, [], 0.0
        organisations = {self._entry_key(row) for row in own}
        if len(organisations) > 1:
            return REVIEW, rows, min(p, 0.98 / len(organisations))
        if len(organisations) == 1 and rows[0] == own[0]:
            return MATCH, rows, max(p, 0.99)
        top = int(order[0])
        if p >= self.model.match_at and not self.vetoes(found.features[i, top], p):
            return MATCH, rows, p
        return (REVIEW if p >= self.model.review_at else NEW), rows, p

    @staticmethod
    def vetoes(features: npt.NDArray[np.float32], probability: float) -> bool:
        """A numeral or compass word stands against another; or a 字号 character stands against one that neither sounds
        nor looks like it, and the rest of the name does not make up for it."""
        if features[AT["exact"]]:
            return False
        if features[AT["numeral or compass conflict"]] > 0:
            return True
        return bool(features[AT["core substituted"]] > 0) and probability < SURE_DESPITE

    def _alive_alias(self, row: int, on: str) -> bool:
        """A registered name always holds; an alias only within its dates."""
        part, at = self._searcher.locate(row)
        own = int(part.arrays["own"][0])
        if at < own:
            return True
        day = on or dt.date.today().isoformat()
        since, until = part.text("since", at - own), part.text("until", at - own)
        # without a date of the text, a former name still tells who was meant
        return (not since or since <= day) and (not until or not on or day <= until)

    def _answer(
        self, name: str, text: str, found: Candidates, parses: Parses, exact: list[int],
        order: npt.NDArray[np.int32], scores: npt.NDArray[np.float32], p: float, limit: int, context: Context | None,
    ) -> Resolution:  # fmt: skip
        context = context or Context()
        own = [row for row in exact if self._alive_alias(row, context.on)]
        expired = [row for row in exact if row not in own]
        notes: list[Reason] = []
        ranked: list[tuple[int, float, int]] = []  # row, score, candidate slot
        seen: set[tuple[int, int]] = set()
        for row in own:
            key = self._entry_key(row)
            if key not in seen:
                seen.add(key)
                slot = next((int(k) for k in order if k >= 0 and found.rows[0, k] == row), -1)
                ranked.append((row, float(scores.max()) + 5, slot))
        exact_organisations = len(ranked)
        for k in order:
            row = int(found.rows[0, k]) if k >= 0 else -1
            if row < 0 or row in expired or len(ranked) >= max(limit, 12):
                continue
            key = self._entry_key(row)
            if key not in seen:
                seen.add(key)
                ranked.append((row, float(scores[k]), int(k)))
        if not ranked:
            return Resolution(name, NEW, 0.0, (), tuple(notes) or (_NEW_TO_REGISTER,))
        ear = expired and not own
        if exact_organisations == 1:
            p, decision = max(p, 0.99), MATCH
        elif exact_organisations > 1:
            p, decision = min(p, 0.98 / exact_organisations), REVIEW
            notes.append(
                Reason(
                    "same-name",
                    f"{exact_organisations} 家单位用过这个名称",
                    f"{exact_organisations} organisations bear this name",
                )
            )
        else:
            decision = MATCH if p >= self.model.match_at else (REVIEW if p >= self.model.review_at else NEW)
        if ear:
            notes.append(
                Reason("alias-expired", "该名称已不在有效期内", "this alias was not in use on that date")
            )
            decision = NEW if decision == NEW else REVIEW
        bonuses, said = self._context(ranked, context)
        if any(bonuses) and exact_organisations != 1:
            ranked, p, moved = _weigh(ranked, bonuses, p)
            if moved is not None and said[moved[1]]:
                notes.extend(said[moved[1]])
                decision = (
                    MATCH
                    if p >= max(0.8, self.model.match_at)
                    else (REVIEW if p >= self.model.review_at else NEW)
                )
        top = ranked[0][2]
        if (
            decision == MATCH
            and exact_organisations != 1
            and top >= 0
            and self.vetoes(found.features[0, top], p)
        ):
            decision = REVIEW
            notes.append(
                Reason(
                    "veto",
                    "关键字不同且读音不同，需人工确认",
                    "a telling character differs in form and sound: a person decides",
                )
            )
        shown = []
        for position, (row, score, slot) in enumerate(ranked[:limit]):
            share = p if position == 0 else min(1 - p, p * float(np.exp(min(0.0, score - ranked[0][1]))))
            shown.append(self._candidate(row, slot, score, share, found, parses, text))
        if decision == MATCH and exact_organisations != 1 and place_for_firm(name, shown[0].name):
            decision = REVIEW
            notes.append(
                Reason(
                    "place",
                    "写的是一个地方或其机关，不是企业，需人工确认",
                    "the text names a place or an organ of one, not a firm: a person decides",
                )
            )
        if decision == NEW:
            notes.append(
                Reason(
                    "unlikely",
                    "相近的单位都不像是同一家",
                    "the nearest organisations are unlikely to be meant",
                )
            )
        return Resolution(name, decision, p, tuple(shown), tuple(notes))

    def _candidate(
        self,
        row: int,
        slot: int,
        score: float,
        p: float,
        found: Candidates,
        parses: Parses,
        text: str,
        asked: int = 0,
    ) -> Candidate:
        """``asked`` is the row of the query in ``parses``; ``found`` holds that query alone."""
        part, at = self._searcher.locate(row)
        entry = int(part.arrays["entry_of"][at])
        own = int(part.arrays["own"][0])
        matched = part.text("names", at)
        if normalise(part.text("uscc", entry)) == text:
            why: tuple[Reason, ...] = (
                Reason("code", "统一社会信用代码一致", "the same unified social credit code"),
            )
        elif at >= own and normalise(matched) == text:
            source, until = part.text("source", at - own), part.text("until", at - own)
            said = f"（{source}）" if source else ""
            until_zh, until_en = (f"，用至 {until}", f", in use until {until}") if until else ("", "")
            why = (
                Reason(
                    "alias",
                    f"曾用名或别名：{matched}{said}{until_zh}",
                    f"an alias: {matched}{f' ({source})' if source else ''}{until_en}",
                ),
            )
        elif slot >= 0:
            head = bool(found.features[0, slot, AT["head of branch"]])
            # the head of a branch was parsed after the names themselves; with several names, explain by the whole
            query_row = len(parses.form) - 1 if head and not asked else asked
            why = reasons(
                parses,
                query_row,
                part.view.parses,
                at,
                found.features[0, slot],
                self._searcher._sounds,
                self._searcher.parts[0].arrays["idf"],
            )
            if at >= own:
                why = (*why, Reason("through-alias", f"经别名 {matched}", f"through the alias {matched}"))
        else:
            why = (Reason("exact", "名称一致", "the same name"),)
        branch = slot >= 0 and bool(found.features[0, slot, AT["head of branch"]])
        return Candidate(
            part.text("ids", entry),
            part.text("names", entry),
            matched,
            round(p, 4),
            round(score, 3),
            why,
            branch,
        )

    def _context(
        self, ranked: list[tuple[int, float, int]], context: Context
    ) -> tuple[list[float], list[tuple[Reason, ...]]]:
        """For each candidate, how much the surroundings speak for it (in score) and in which words."""
        bonuses: list[float] = []
        said: list[tuple[Reason, ...]] = []
        wanted = set(place_numbers(normalise(context.place))) if context.place else set()
        where = tables.places()
        province = {where.province_of.get(where.names[n], -1) for n in wanted} - {-1}
        beside: set[int] = set()
        for firm in context.firms:
            rows = self._searcher.exact_rows([normalise(firm)])[0]
            for row in rows:
                part, at = self._searcher.locate(row)
                beside |= {int(n) for n in part.arrays["extra"][at] if n >= 0} | {
                    int(n) for n in part.arrays["places"][at] if n >= 0
                }
        for row, _, _ in ranked:
            part, at = self._searcher.locate(row)
            entry: Entry = entry_at(part, int(part.arrays["entry_of"][at]))
            here = {int(n) for n in part.arrays["extra"][at] if n >= 0} | {
                int(n) for n in part.arrays["places"][at] if n >= 0
            }
            bonus, words = 0.0, []
            if wanted & here:
                bonus += 2.0
                words.append(
                    Reason(
                        "context-place", f"上下文提到{context.place}", f"the text is about {context.place}"
                    )
                )
            elif province and int(part.arrays["province"][at]) in province:
                bonus += 1.0
                words.append(
                    Reason("context-province", "上下文提到同省", "the text is about the same province")
                )
            if context.industry and (
                context.industry in entry.name or (entry.industry and context.industry in entry.industry)
            ):
                bonus += 1.5
                words.append(
                    Reason(
                        "context-industry",
                        f"上下文行业：{context.industry}",
                        f"the industry in the text: {context.industry}",
                    )
                )
            if beside & here:
                bonus += 0.7
                words.append(
                    Reason(
                        "context-firms", "与同时提到的单位同地", "in the place of the firms named beside it"
                    )
                )
            bonuses.append(bonus)
            said.append(tuple(words))
        return bonuses, said


def _weigh(
    ranked: list[tuple[int, float, int]], bonuses: list[float], p: float
) -> tuple[list[tuple[int, float, int]], float, tuple[int, int] | None]:
    """Reorder close candidates by what the surroundings say. The names' own evidence bounds the result: a candidate far
    behind stays behind, and the mass that the close ones share is only divided anew."""
    top = ranked[0][1]
    close = [k for k, (_, score, _) in enumerate(ranked) if score > top - 2.5]
    weights = np.exp(np.array([ranked[k][1] - top for k in close]))
    mass = min(0.97, p * float(weights.sum()))
    after = np.array([ranked[k][1] - top + bonuses[k] for k in close])
    share = np.exp(after - after.max())
    share /= share.sum()
    best = close[int(np.argmax(after))]
    if not bonuses[best]:
        return ranked, p, None
    moved = [_with_score(ranked[k], ranked[k][1] + bonuses[k]) for k in range(len(ranked))]
    order = sorted(range(len(ranked)), key=lambda k: (k not in close, -moved[k][1]))
    return [moved[k] for k in order], max(p if best == 0 else 0.0, mass * float(share.max())), (0, best)


def _with_score(row: tuple[int, float, int], score: float) -> tuple[int, float, int]:
    return row[0], score, row[2]


def _stack(found: list[Candidates]) -> Candidates:
    room = max(part.rows.shape[1] for part in found)

    def wide(array: npt.NDArray[np.generic], fill: int) -> npt.NDArray[np.generic]:
        if array.shape[1] == room:
            return array
        width = [(0, 0), (0, room - array.shape[1]), *([(0, 0)] * (array.ndim - 2))]
        return np.pad(array, width, constant_values=fill)

    return Candidates(
        np.concatenate([part.count for part in found]),
        np.concatenate([wide(part.rows, -1) for part in found]),
        np.concatenate([wide(part.cores, 0) for part in found]),
        np.concatenate([wide(part.features, 0) for part in found]),
    )
