"""One project against the rules: its stage, what blocks the next gate, its lights, and whether it may leave."""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from zhaoyin.base.dates import add_working_days
from zhaoyin.base.errors import Refusal
from zhaoyin.lifecycle.rules import Gate, LightRule, Rules, Span

SAID, CLAIMED, VERIFIED, LOCKED, REJECTED = "said", "claimed", "verified", "locked", "rejected"
COUNTED = frozenset({VERIFIED, LOCKED})


@dataclass(frozen=True, slots=True)
class Milestone:
    """A dated fact: its milestone code, proof state, and the dates of fact, record and verification."""

    code: str
    state: str
    fact_on: dt.date | None = None
    recorded_on: dt.date | None = None
    verified_on: dt.date | None = None


@dataclass(frozen=True, slots=True)
class Project:
    """What the rules need to know of a project.

    ``values``: requirement code → value; absent, None or "" is missing. ``evidence``: (gate, kind) pairs on file.
    ``dates``: named dates a light compares (last_contact_on, hold_until, promise_due_on …). ``plan``: milestone → date.
    ``numbers``: named numbers. ``flags``: conditions such as new_land. ``paused``: (from, until).
    """

    track: str
    milestones: tuple[Milestone, ...] = ()
    values: Mapping[str, object] = field(default_factory=dict)
    evidence: Collection[tuple[str, str]] = ()
    dates: Mapping[str, dt.date] = field(default_factory=dict)
    plan: Mapping[str, dt.date] = field(default_factory=dict)
    numbers: Mapping[str, float] = field(default_factory=dict)
    flags: frozenset[str] = frozenset()
    paused: tuple[dt.date, dt.date] | None = None
    exited: str = ""


@dataclass(frozen=True, slots=True)
class Need:
    """One thing a gate asks for, whether it is there, and who brings it."""

    kind: str  # milestone | field | evidence
    code: str
    zh: str
    en: str
    have: bool
    who: tuple[str, ...] = ()
    how: str = ""  # of evidence: "" a file, opinion, visit

    def text(self, language: str = "zh") -> str:
        return self.en if language.lower().startswith("en") else self.zh


@dataclass(frozen=True, slots=True)
class Alarm:
    """When a rule turns yellow and red, before any "today": what a ledger may store and compare later."""

    rule: str
    zh: str
    en: str
    yellow_on: dt.date
    red_on: dt.date | None
    due_on: dt.date
    who: str
    provisional: bool = False


@dataclass(frozen=True, slots=True)
class Light:
    """A burning light: which rule, how many days over (+) or left (-), and who acts next."""

    level: str  # yellow | red | hold
    rule: str
    zh: str
    en: str
    days: int
    due_on: dt.date | None
    who: str
    provisional: bool = False

    def text(self, language: str = "zh") -> str:
        return self.en if language.lower().startswith("en") else self.zh


def _verified(milestones: Iterable[Milestone]) -> dict[str, Milestone]:
    return {m.code: m for m in milestones if m.state in COUNTED}


def reached(milestones: Iterable[Milestone], track: str, rules: Rules) -> tuple[str, ...]:
    """The unbroken verified prefix of the track's milestones."""
    have = _verified(milestones)
    prefix: list[str] = []
    for code in rules.tracks[track].milestones:
        if code not in have:
            break
        prefix.append(code)
    return tuple(prefix)


def stage(milestones: Iterable[Milestone], track: str = "land", rules: Rules | None = None) -> str:
    """The stage: that of the last milestone of the unbroken verified prefix; the first stage when nothing is verified.

    Later verified milestones show but do not advance it.
    """
    rules = rules or default()
    prefix = reached(milestones, track, rules)
    return rules.gates[prefix[-1]].stage if prefix else next(iter(rules.stages))


def next_gate(project: Project, rules: Rules | None = None) -> Gate | None:
    """The gate the project stands before; None when it has passed them all."""
    rules = rules or default()
    prefix = reached(project.milestones, project.track, rules)
    order = rules.tracks[project.track].milestones
    return rules.gates[order[len(prefix)]] if len(prefix) < len(order) else None


def needs(project: Project, gate: str | None = None, rules: Rules | None = None) -> list[Need]:
    """Everything ``gate`` (the next one by default) asks for, each with whether it is there."""
    rules = rules or default()
    found = next_gate(project, rules) if gate is None else rules.gates[gate]
    if found is None:
        return []
    have = _verified(project.milestones)
    order = rules.tracks[project.track].milestones
    if found.code not in order:
        zh, en = rules.tracks[project.track].zh, rules.tracks[project.track].en
        raise Refusal(
            "lifecycle.gate.track",
            f"“{zh}”没有“{found.zh}”这一关。",
            f"The track {en} has no gate {found.en}.",
            where=found.code,
        )
    rows = [
        Need(
            "milestone",
            code,
            f"先核验{rules.gates[code].zh}",
            f"verify {rules.gates[code].en} first",
            code in have,
        )
        for code in order[: order.index(found.code)]
    ]
    rows = [row for row in rows if not row.have]
    files = set(project.evidence)
    for r in found.fields:
        if not r.optional and r.applies(project.track, project.flags):
            there = project.values.get(r.code) not in (None, "", False, (), [])
            rows.append(Need("field", r.code, r.zh, r.en, there, r.by or found.proposes))
    for r in found.evidence:
        if not r.optional and r.applies(project.track, project.flags):
            there = (found.code, r.code) in files
            rows.append(Need("evidence", r.code, r.zh, r.en, there, r.by or found.proposes, r.how))
    return rows


def missing(project: Project, gate: str | None = None, rules: Rules | None = None) -> list[Need]:
    """What blocks ``gate``: earlier milestones, fields and kinds of evidence that are not there."""
    return [row for row in needs(project, gate, rules) if not row.have]


def check_dates(
    project: Project, code: str, fact_on: dt.date, recorded_on: dt.date, rules: Rules | None = None
) -> None:
    """Refuse a fact in the future of its record, or out of order with the milestones before and after it."""
    rules = rules or default()
    gate = rules.gates[code]
    if fact_on > recorded_on:
        raise Refusal(
            "lifecycle.date.future",
            f"{gate.zh}日期 {fact_on} 晚于记录日 {recorded_on}。改成已发生的日期。",
            f"The date of {gate.en}, {fact_on}, is after the day of the record, {recorded_on}. Give a past date.",
            where="fact_on",
        )
    order = rules.tracks[project.track].milestones
    if code not in order:
        needs(project, code, rules)
    at = order.index(code)
    for other in project.milestones:
        if (
            other.fact_on is None
            or other.code == code
            or other.code not in order
            or other.state not in COUNTED
        ):
            continue
        before = order.index(other.code) < at
        if (before and other.fact_on > fact_on) or (not before and other.fact_on < fact_on):
            word = rules.gates[other.code]
            raise Refusal(
                "lifecycle.date.order",
                f"{gate.zh}日期 {fact_on} {'早' if before else '晚'}于{word.zh}日期 {other.fact_on}。核对两个日期，改掉错的一个。",
                f"The date of {gate.en}, {fact_on}, is {'before' if before else 'after'} that of {word.en}, "
                f"{other.fact_on}. Check both and mend the wrong one.",
                where="fact_on",
            )


def may_propose(code: str, roles: Collection[str], rules: Rules | None = None) -> Refusal | None:
    """Why a person with ``roles`` may not claim milestone ``code``; None when they may."""
    rules = rules or default()
    gate = rules.gates[code]
    if set(roles) & set(gate.proposes):
        return None
    who, whom = _roles(rules, gate.proposes)
    return Refusal(
        "lifecycle.propose.role",
        f"{gate.zh}由{who}申报。",
        f"{gate.en} is claimed by: {whom}.",
        where=code,
    )


def may_verify(
    code: str,
    person: object,
    roles: Collection[str],
    *,
    team: Collection[object],
    claimant: object = None,
    rules: Rules | None = None,
) -> Refusal | None:
    """Why ``person`` may not verify milestone ``code``; None when they may. Nobody verifies their own team's claim."""
    rules = rules or default()
    gate = rules.gates[code]
    if person in team:
        return Refusal(
            "lifecycle.verify.team",
            "你在项目团队里，不能核验。转给团队以外的核验员。",
            "You are on the project's team and may not verify. Pass it to a verifier outside the team.",
            where=code,
        )
    if claimant is not None and person == claimant:
        return Refusal(
            "lifecycle.verify.own",
            "这是你自己申报的，不能核验。转给别的核验员。",
            "You made this claim and may not verify it. Pass it to another verifier.",
            where=code,
        )
    if not set(roles) & set(gate.verifies):
        who, whom = _roles(rules, gate.verifies)
        return Refusal(
            "lifecycle.verify.role",
            f"{gate.zh}由{who}核验。",
            f"{gate.en} is verified by: {whom}.",
            where=code,
        )
    return None


def _roles(rules: Rules, codes: Iterable[str]) -> tuple[str, str]:
    words = [rules.roles[code] for code in codes]
    return "、".join(w.zh for w in words), ", ".join(w.en for w in words)


def _add_months(day: dt.date, months: int) -> dt.date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return dt.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def _add(day: dt.date, span: Span) -> tuple[dt.date, bool]:
    if span.unit == "working":
        deadline = add_working_days(day, span.n)
        return deadline.on, deadline.provisional
    if span.unit == "months":
        return _add_months(day, span.n), False
    return day + dt.timedelta(days=span.n), False


def _dates(project: Project) -> dict[str, dt.date]:
    found = dict(project.dates)
    for m in project.milestones:
        if m.state in COUNTED and m.fact_on:
            found[f"milestone.{m.code}"] = m.fact_on
        if m.recorded_on:
            found[f"recorded.{m.code}"] = m.recorded_on
    found.update({f"plan.{code}": day for code, day in project.plan.items()})
    return found


def _alarm(rule: LightRule, start: dt.date) -> Alarm:
    red, provisional = _add(start, rule.red)
    if isinstance(rule.yellow, Span):
        yellow, _ = _add(start, rule.yellow)
    elif rule.yellow is None:
        yellow = red
    elif rule.red.unit == "working":
        # the share is taken in working days and rounded up, so a clock of 3 days warns on its third day, not its first
        yellow, _ = _add(start, Span(-int(-rule.red.n * rule.yellow // 1), "working"))
    else:
        yellow = start + dt.timedelta(days=-int(-(red - start).days * rule.yellow // 1))
    due = yellow if isinstance(rule.yellow, Span) and rule.since.startswith("plan.") else red
    return Alarm(
        rule.code,
        rule.zh,
        rule.en,
        yellow,
        None if rule.level == "yellow" else red,
        due,
        rule.who,
        provisional,
    )


def schedule(project: Project, rules: Rules | None = None) -> list[Alarm]:
    """When each date rule turns yellow and red, soonest first; needs no "today". Empty for a project that has left."""
    rules = rules or default()
    if project.exited:
        return []
    at, dates = stage(project.milestones, project.track, rules), _dates(project)
    found = []
    for rule in rules.lights.values():
        if rule.kind != "since" or (rule.stages and at not in rule.stages):
            continue
        if (rule.tracks and project.track not in rule.tracks) or (
            rule.when and rule.when not in project.flags
        ):
            continue
        if rule.since in dates and not any(code in dates for code in rule.until):
            found.append(_alarm(rule, dates[rule.since]))
    return sorted(found, key=lambda a: (a.red_on or dt.date.max, a.yellow_on, a.rule))


def lights(project: Project, today: dt.date, rules: Rules | None = None) -> list[Light]:
    """Every light that burns today, worst first. A pause shows as ``hold`` until its end, then red; comparisons only."""
    rules = rules or default()
    if project.exited:
        return []
    if project.paused and project.paused[0] <= today:
        start, until = project.paused
        end = min(until, start + dt.timedelta(days=rules.pause_days))
        if today <= end:
            zh, en = f"暂缓到 {until}", f"on hold until {until}"
            return [Light("hold", "pause", zh, en, (today - end).days, end, rules.pause_who)]
        over = (today - end).days
        late = Light(
            "red", "pause", f"暂缓已过期 {over} 天", f"hold ended {over} days ago", over, end, rules.pause_who
        )
        return [late, *_burning(project, today, rules)]
    return _burning(project, today, rules)


def _burning(project: Project, today: dt.date, rules: Rules) -> list[Light]:
    found: list[Light] = []
    for a in schedule(project, rules):
        if today < a.yellow_on:
            continue
        red = a.red_on is not None and today >= a.red_on
        over = (today - a.due_on).days
        zh = f"{a.zh}：" + (f"超 {over} 天" if over > 0 else "今天到期" if over == 0 else f"还剩 {-over} 天")
        en = f"{a.en}: " + (
            f"{over} days over" if over > 0 else "due today" if over == 0 else f"{-over} days left"
        )
        if a.provisional:
            zh, en = zh + "（暂估）", en + " (provisional)"
        found.append(Light("red" if red else "yellow", a.rule, zh, en, over, a.due_on, a.who, a.provisional))
    at = stage(project.milestones, project.track, rules)
    for rule in rules.lights.values():
        if (
            rule.kind != "number"
            or rule.value not in project.numbers
            or (rule.stages and at not in rule.stages)
        ):
            continue
        gap = project.numbers[rule.value] - (project.numbers.get(rule.minus, 0) if rule.minus else 0)
        low = rule.yellow.n if isinstance(rule.yellow, Span) else rule.red.n
        # a difference turns red above its bound, a count of events at it
        red = gap > rule.red.n if rule.minus else gap >= rule.red.n
        if gap >= low:
            shown = f"{gap:g}"
            found.append(
                Light(
                    "red" if red else "yellow",
                    rule.code,
                    f"{rule.zh} {shown}",
                    f"{rule.en} {shown}",
                    0,
                    None,
                    rule.who,
                )
            )
    return sorted(found, key=lambda x: (x.level != "red", -x.days, x.rule))


def check_exit(
    project: Project,
    code: str,
    values: Mapping[str, object],
    roles: Collection[str],
    rules: Rules | None = None,
) -> None:
    """Refuse an exit that its rule does not allow: wrong stage, wrong decider, too early, or something not written down.

    ``values`` holds on (date), decider, note, reason and what the exit needs; credit_split maps a place to percent.
    """
    rules = rules or default()
    rule = rules.exits[code]
    if project.exited:
        raise Refusal(
            "lifecycle.exit.twice",
            f"项目已退出（{rules.exits[project.exited].zh}）。要再办，先重开一段。",
            f"The project has already left ({rules.exits[project.exited].en}). Re-open an episode first.",
        )
    at = stage(project.milestones, project.track, rules)
    if at not in rule.stages:
        allowed = [rules.stages[s] for s in rule.stages]
        raise Refusal(
            "lifecycle.exit.stage",
            f"“{rule.zh}”只用于{'、'.join(s.zh for s in allowed)}阶段，项目在{rules.stages[at].zh}。",
            f"{rule.en} is for projects at {', '.join(s.en for s in allowed)}; this one is at {rules.stages[at].en}.",
            where="code",
        )
    if not set(roles) & set(rule.decides):
        who, whom = _roles(rules, rule.decides)
        raise Refusal(
            "lifecycle.exit.role",
            f"“{rule.zh}”由{who}决定。",
            f"{rule.en} is decided by: {whom}.",
            where="decider",
        )
    for need in ("on", "decider", "note", "reason", *rule.needs):
        if values.get(need) in (None, "", {}, ()):
            word = rules.exit_needs[need]
            raise Refusal(
                "lifecycle.exit.need",
                f"“{rule.zh}”须写明{word.zh}。",
                f"{rule.en} needs the {word.en}.",
                where=need,
            )
    if values["reason"] not in rule.reasons:
        known = [rules.reasons[r] for r in rule.reasons]
        raise Refusal(
            "lifecycle.exit.reason",
            f"“{rule.zh}”的原因只能是：{'、'.join(r.zh for r in known)}。",
            f"The reason of {rule.en} is one of: {', '.join(r.en for r in known)}.",
            where="reason",
        )
    split = values.get("credit_split")
    if "credit_split" in rule.needs and isinstance(split, Mapping) and sum(split.values()) != 100:
        raise Refusal(
            "lifecycle.exit.split",
            f"成果分成合计 {sum(split.values())}%，须为 100%。",
            f"The split of the credit adds up to {sum(split.values())} %, it must be 100 %.",
            where="credit_split",
        )
    on = values["on"]
    if rule.after and isinstance(on, dt.date):
        since, span = rule.after
        start = _dates(project).get(since)
        first = _add(start, span)[0] if start else None
        if first is None or on < first:
            raise Refusal(
                "lifecycle.exit.early",
                f"“{rule.zh}”须满 {span.n} 个月，最早 {first or '签约之后'}。",
                f"{rule.en} needs {span.n} months; the earliest day is {first or 'after signing'}.",
                where="on",
            )


_DEFAULT: list[Rules] = []


def default() -> Rules:
    """The shipped rules, loaded once."""
    if not _DEFAULT:
        _DEFAULT.append(Rules.load())
    return _DEFAULT[0]
