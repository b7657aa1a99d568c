"""The rules of a project's life as data: tracks, gates, lights, exits, indicators. See data/rules.yaml for the defaults."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any, Generic, TypeVar

import yaml

from zhaoyin.base.errors import Refusal
from zhaoyin.base.money import parse_money


@dataclass(frozen=True, slots=True)
class Word:
    """A stable code and what people call it."""

    code: str
    zh: str
    en: str

    def text(self, language: str = "zh") -> str:
        return self.en if language.lower().startswith("en") else self.zh


@dataclass(frozen=True, slots=True)
class Requirement(Word):
    """A field or a kind of evidence a gate asks for; for some tracks only, or only when a flag of the project is set.

    ``optional`` may be stated and never blocks. Evidence comes ``how``: "" a file, "opinion" of a department within
    ``days`` working days (``department`` is the usual one's code), "visit" of the verifier. ``by``: the roles that bring it.
    """

    tracks: tuple[str, ...] = ()
    when: str = ""
    optional: bool = False
    how: str = ""
    by: tuple[str, ...] = ()
    days: int = 0
    department: str = ""

    def applies(self, track: str, flags: Iterable[str] = ()) -> bool:
        return (not self.tracks or track in self.tracks) and (not self.when or self.when in set(flags))


@dataclass(frozen=True, slots=True)
class Track(Word):
    milestones: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Gate(Word):
    """What passing to milestone ``code`` requires. ``stage`` is the stage a verified one gives."""

    stage: str
    proposes: tuple[str, ...]
    verifies: tuple[str, ...]
    fields: tuple[Requirement, ...]
    evidence: tuple[Requirement, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """A length of time: ``n`` of working (days), days or months."""

    n: int
    unit: str = "days"


@dataclass(frozen=True, slots=True)
class LightRule(Word):
    """A comparison of dates (kind since) or of two numbers (kind number). ``level`` caps what it may show."""

    kind: str
    since: str
    until: tuple[str, ...]
    yellow: Span | float | None
    red: Span
    level: str
    stages: tuple[str, ...]
    tracks: tuple[str, ...]
    when: str
    who: str
    value: str = ""
    minus: str = ""


@dataclass(frozen=True, slots=True)
class Exit(Word):
    stages: tuple[str, ...]
    decides: tuple[str, ...]
    needs: tuple[str, ...]
    reasons: tuple[str, ...]
    after: tuple[str, Span] | None = None


@dataclass(frozen=True, slots=True)
class Exclusion(Word):
    """Verified projects that count in no figure. Without ``industry``, ``sectors``, ``below`` (fen) or ``recorded_after``
    (working days from the signing to its record) it is a verifier's judgement; ``active`` is the switch."""

    active: bool = True
    industry: tuple[str, ...] = ()
    sectors: tuple[str, ...] = ()
    below: int | None = None
    recorded_after: int | None = None


@dataclass(frozen=True, slots=True)
class Indicator(Word):
    """A definition. ``ref`` (id@version) is what a published figure keeps."""

    version: int
    kind: str
    unit: str
    formula: Word
    numerator: str
    denominator: str = ""
    minus: str = ""
    where: Mapping[str, str] = field(default_factory=dict)
    split: tuple[str, ...] = ()
    span: str = "month"
    cohort: bool = True
    needs: str = ""

    @property
    def ref(self) -> str:
        return f"{self.code}@{self.version}"


W = TypeVar("W", bound=Word)


class Table(dict[str, W], Generic[W]):
    """Rows by code, in order; an unknown code is a Refusal that lists the known ones."""

    def __init__(self, kind: str, rows: Iterable[W]) -> None:
        super().__init__((row.code, row) for row in rows)
        self.kind = kind

    def __missing__(self, code: str) -> W:
        known = "、".join(f"{row.zh} {row.code}" for row in self.values())
        raise Refusal(
            f"lifecycle.{self.kind}",
            f"规则里没有“{code}”。可用：{known}。",
            f"The rules have no {self.kind} “{code}”. Known: {', '.join(self)}.",
            where=code,
        )


@dataclass(frozen=True)
class Rules:
    """All rules, with the name and version every derived value keeps."""

    id: str
    version: int
    stages: Table[Word]
    tracks: Table[Track]
    roles: Table[Word]
    gates: Table[Gate]
    lights: Table[LightRule]
    exits: Table[Exit]
    exit_needs: Table[Word]
    reasons: Table[Word]
    origins: Table[Word]
    exclusions: Table[Exclusion]
    indicators: Table[Indicator]
    pause_days: int = 180
    pause_who: str = "head"

    @property
    def ref(self) -> str:
        return f"{self.id}@{self.version}"

    @cached_property
    def milestones(self) -> tuple[str, ...]:
        """Every milestone code, in the order of the gates."""
        return tuple(self.gates)

    def next_milestone(self, track: str, code: str) -> str | None:
        order = self.tracks[track].milestones
        at = order.index(code) + 1 if code in order else 0
        return order[at] if at < len(order) else None

    def indicator(self, ref: str) -> Indicator:
        """The definition of ``id`` or ``id@version``; another version than the one in force is refused."""
        code, _, version = ref.partition("@")
        found = self.indicators[code]
        if version and int(version) != found.version:
            raise Refusal(
                "lifecycle.indicator.version",
                f"指标 {ref} 不在现行规则里，现行是 {found.ref}。",
                f"The rules in force do not hold {ref}; they hold {found.ref}.",
                where=ref,
            )
        return found

    @staticmethod
    def load(path: str | Path | None = None) -> Rules:
        """The shipped rules, with a pack's rules.yaml (a file, or a folder holding one) laid over them.

        A list is merged row by row on its code: a row of the pack replaces ours, ``drop: true`` removes it.
        """
        data = _read(
            resources.files("zhaoyin.lifecycle").joinpath("data/rules.yaml").read_text("utf-8"), "rules.yaml"
        )
        if path is not None:
            file = Path(path)
            file = file / "rules.yaml" if file.is_dir() else file
            if not file.is_file():
                raise Refusal(
                    "lifecycle.rules.missing",
                    f"找不到规则文件 {file.name}。检查路径。",
                    f"No rules file {file.name}. Check the path.",
                    where=file.name,
                )
            data = _merge(data, _read(file.read_text("utf-8"), file.name))
        return _build(data)


def _read(text: str, name: str) -> dict[str, Any]:
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        row = mark.line + 1 if mark else 1
        raise Refusal(
            "lifecycle.rules.yaml",
            f"规则文件 {name} 第 {row} 行读不懂。改成合法的 YAML。",
            f"Line {row} of {name} is not valid YAML. Mend it.",
            where=f"{name}:{row}",
        ) from None
    if not isinstance(data, dict):
        raise Refusal(
            "lifecycle.rules.yaml",
            f"规则文件 {name} 应是一张键值表。",
            f"{name} must be a mapping.",
            where=name,
        )
    return data


def _key(row: Mapping[str, Any]) -> str:
    return str(row.get("code") or row.get("id") or "")


def _merge(ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    merged = dict(ours)
    for name, value in theirs.items():
        if name not in ours:
            raise Refusal(
                "lifecycle.rules.key",
                f"规则文件里的“{name}”不认识。可用：{'、'.join(ours)}。",
                f"Unknown key “{name}” in the rules. Known: {', '.join(ours)}.",
                where=name,
            )
        if isinstance(value, list):
            rows = {_key(row): row for row in ours[name]}
            for row in value:
                key = _key(row)
                if row.get("drop"):
                    rows.pop(key, None)
                else:
                    rows[key] = {**rows.get(key, {}), **row}
            merged[name] = list(rows.values())
        elif isinstance(value, dict):
            merged[name] = {**ours[name], **value}
        else:
            merged[name] = value
    return merged


def _span(row: Mapping[str, Any] | None) -> Span:
    return Span(int((row or {}).get("n", 0)), str((row or {}).get("unit", "days")))


def _light(row: Mapping[str, Any]) -> LightRule:
    yellow = row.get("yellow")
    return LightRule(
        row["code"],
        row["zh"],
        row["en"],
        kind=row.get("kind", "since"),
        since=row.get("since", ""),
        until=tuple(row.get("until", ())),
        yellow=None if yellow is None else float(yellow["at"]) if "at" in yellow else _span(yellow),
        red=_span(row["red"]),
        level=row.get("level", "red"),
        stages=tuple(row.get("stages", ())),
        tracks=tuple(row.get("tracks", ())),
        when=row.get("when", ""),
        who=row["who"],
        value=row.get("value", ""),
        minus=row.get("minus", ""),
    )


def _exit(row: Mapping[str, Any]) -> Exit:
    after = row.get("after")
    return Exit(
        row["code"],
        row["zh"],
        row["en"],
        stages=tuple(row["stages"]),
        decides=tuple(row["decides"]),
        needs=tuple(row.get("needs", ())),
        reasons=tuple(row["reasons"]),
        after=(after["since"], _span(after)) if after else None,
    )


def _exclusion(row: Mapping[str, Any]) -> Exclusion:
    """One row, with a sentence for whoever wrote it wrongly in a pack."""
    code = str(row["code"])

    def wrong(key: str, zh: str, en: str) -> Refusal:
        return Refusal(
            "lifecycle.exclusion.value",
            f"规则 exclusions 的“{code}”里 {key} 写错了：{zh}。",
            f"In exclusions, “{code}”, {key} is wrong: {en}.",
            where=f"{code}.{key}",
        )

    known = ("code", "zh", "en", "active", "industry", "sectors", "below", "recorded_after")
    for key in row:
        if key not in known:
            raise wrong(
                str(key), f"没有这一项，可用 {'、'.join(known)}", f"unknown; known are {', '.join(known)}"
            )
    active, below, after = row.get("active", True), row.get("below"), row.get("recorded_after")
    if not isinstance(active, bool):
        raise wrong("active", "只能写 true 或 false", "write true or false")
    lists: dict[str, tuple[str, ...]] = {}
    for key in ("industry", "sectors"):
        given = row.get(key) or ()
        if not isinstance(given, list | tuple):
            raise wrong(key, "写成一列，如 ['70']", "write a list such as ['70']")
        lists[key] = tuple(str(one).strip() for one in given)
    for one in lists["industry"]:
        if not (one.isascii() and one.isdigit() and 2 <= len(one) <= 4):
            raise wrong(
                "industry",
                f"“{one}”不是二到四位行业代码，写成 '70'",
                f"“{one}” is no code of two to four digits; write '70'",
            )
    fen = None
    if below is not None:
        try:
            money = parse_money(str(below))
        except Refusal as refusal:
            raise wrong("below", refusal.zh.rstrip("。"), refusal.en.rstrip(".")) from None
        if money.currency != "CNY" or money.fen <= 0:
            raise wrong(
                "below",
                "写大于 0 的人民币金额，如 3000万元",
                "write an amount in CNY above 0, such as 3000万元",
            )
        fen = money.fen
    if after is not None and (isinstance(after, bool) or not isinstance(after, int) or after < 1):
        raise wrong("recorded_after", "写大于 0 的工作日数", "write a number of working days above 0")
    return Exclusion(
        code, row["zh"], row["en"], active=active, industry=lists["industry"], sectors=lists["sectors"], below=fen,
        recorded_after=after,
    )  # fmt: skip


def _indicator(row: Mapping[str, Any]) -> Indicator:
    return Indicator(
        row["id"],
        row["zh"],
        row["en"],
        version=int(row["version"]),
        kind=row["kind"],
        unit=str(row["unit"]),
        formula=Word("formula", row["formula_zh"], row["formula_en"]),
        numerator=row["numerator"],
        denominator=row.get("denominator", ""),
        minus=row.get("minus", ""),
        where=row.get("where", {}),
        split=tuple(row.get("split", ())),
        span=row.get("span", "month"),
        cohort=row.get("cohort", True),
        needs=row.get("needs", ""),
    )


def _build(data: dict[str, Any]) -> Rules:
    def words(name: str) -> Table[Word]:
        return Table(name.rstrip("s"), (Word(r["code"], r["zh"], r["en"]) for r in data[name]))

    def needs(rows: Iterable[Mapping[str, Any]]) -> tuple[Requirement, ...]:
        return tuple(
            Requirement(
                r["code"],
                r["zh"],
                r["en"],
                tracks=tuple(r.get("tracks", ())),
                when=r.get("when", ""),
                optional=bool(r.get("optional", False)),
                how=r.get("how", ""),
                by=tuple(r.get("by", ())),
                days=int(r.get("days", 0)),
                department=r.get("department", ""),
            )
            for r in rows
        )

    try:
        rules = Rules(
            id=str(data["id"]),
            version=int(data["version"]),
            stages=words("stages"),
            tracks=Table(
                "track", (Track(r["code"], r["zh"], r["en"], tuple(r["milestones"])) for r in data["tracks"])
            ),
            roles=words("roles"),
            gates=Table(
                "gate",
                (
                    Gate(
                        r["code"],
                        r["zh"],
                        r["en"],
                        r["stage"],
                        tuple(r["proposes"]),
                        tuple(r["verifies"]),
                        needs(r["fields"]),
                        needs(r["evidence"]),
                    )
                    for r in data["gates"]
                ),
            ),
            lights=Table("light", map(_light, data["lights"])),
            exits=Table("exit", map(_exit, data["exits"])),
            exit_needs=words("exit_needs"),
            reasons=Table("reason", (Word(code, r["zh"], r["en"]) for code, r in data["reasons"].items())),
            origins=words("origins"),
            exclusions=Table("exclusion", map(_exclusion, data["exclusions"])),
            indicators=Table("indicator", map(_indicator, data["indicators"])),
            pause_days=int(data["pause"]["days"]),
            pause_who=str(data["pause"]["who"]),
        )
    except KeyError as error:
        raise Refusal(
            "lifecycle.rules.field",
            f"规则里有一行缺“{error.args[0]}”。补上再载入。",
            f"A row of the rules lacks “{error.args[0]}”. Add it and load again.",
            where=str(error.args[0]),
        ) from None
    _check(rules)
    return rules


def _check(rules: Rules) -> None:
    """Every code that a row mentions exists: a rule that could never fire is refused when loaded, not when needed."""
    for track in rules.tracks.values():
        for code in track.milestones:
            rules.gates[code]
    for gate in rules.gates.values():
        rules.stages[gate.stage]
        brought = [role for need in (*gate.fields, *gate.evidence) for role in need.by]
        for role in (*gate.proposes, *gate.verifies, *brought):
            rules.roles[role]
    for light in rules.lights.values():
        rules.roles[light.who]
        for stage in light.stages:
            rules.stages[stage]
        for code in light.tracks:
            rules.tracks[code]
    for leave in rules.exits.values():
        for stage in leave.stages:
            rules.stages[stage]
        for reason in leave.reasons:
            rules.reasons[reason]
        for need in leave.needs:
            rules.exit_needs[need]
