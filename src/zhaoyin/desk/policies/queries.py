"""What people ask about policies."""

from __future__ import annotations

import datetime as dt
import difflib
import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import Max, Q

from zhaoyin import incentives
from zhaoyin.base.errors import Refusal
from zhaoyin.desk.parties.models import Organisation
from zhaoyin.desk.policies.models import Offer, Policy, Text
from zhaoyin.desk.projects.models import Project
from zhaoyin.desk.words import english, say, sentence, t
from zhaoyin.incentives import Book, expr, lawful, ledger, single
from zhaoyin.incentives import model as incentives_model
from zhaoyin.incentives.check import Ran, run_tests
from zhaoyin.incentives.fields import AREA, BOOL, MONEY, NUMBER, RATIO, show
from zhaoyin.incentives.single import words


def by_name(name: str) -> Policy | None:
    return by_names([name]).get(name)


def by_names(names: Iterable[str]) -> dict[str, Policy]:
    """Each name a policy has, by its own name first, then by another spelling."""
    wanted = set(names)
    found: dict[str, Policy] = {}
    for policy in Policy.objects.order_by("id"):
        for spelling in policy.aliases:
            if spelling in wanted:
                found.setdefault(spelling, policy)
        if policy.name in wanted:
            found[policy.name] = policy
    return found


def texts() -> dict[str, Text]:
    """The version in use of every policy file, by name."""
    found: dict[str, Text] = {}
    for text in Text.objects.order_by("name", "-number"):
        found.setdefault(text.name, text)
    return found


@functools.lru_cache(maxsize=4)
def _book(versions: tuple[tuple[str, int], ...]) -> Book:
    rows = [Text.objects.get(name=name, number=number) for name, number in versions]
    return Book.parse({row.name: row.body for row in rows})


def book() -> Book | None:
    """The clauses in use, or None before any are loaded. Read once per set of versions."""
    newest = Text.objects.values("name").annotate(number=Max("number")).order_by("name")
    versions = tuple((row["name"], row["number"]) for row in newest)
    if not any(name.endswith(".yaml") for name, _ in versions):
        return None
    return _book(versions)


def with_text(name: str, body: str) -> Book:
    """The book as it would be with one file changed. Raises Refusal with file, line and mend."""
    return Book.parse({**{n: row.body for n, row in texts().items()}, name: body})


@dataclass(frozen=True, slots=True)
class Clause:
    """A row of the library."""

    policy: incentives.Policy
    conditions: tuple[str, ...]
    lawful: lawful.Lawfulness
    delivery: str
    yaml: str
    line: int

    @property
    def law(self) -> str:
        return self.lawful.text("en" if english() else "zh")


def clauses(found: Book, on: dt.date) -> list[Clause]:
    engine = found.engine(on)
    return [
        Clause(
            policy,
            tuple(words(a, found.dictionary, language="en" if english() else "zh") for a in _terms(policy)),
            lawful.judge(policy, found.dictionary, on),
            delivery_words(engine.delivery(policy)),
            *_excerpt(policy),
        )
        for policy in engine.rules.policies
    ]


def tests_of(found: Book, policy: str) -> list[Ran]:
    """The tests that say something of a clause, run now."""
    return [case for case in run_tests(found) if policy in case.expected]


def _terms(policy: incentives.Policy) -> tuple[expr.Bool, ...]:
    condition = policy.condition
    if condition == expr.TRUE:
        return ()
    return condition.args if isinstance(condition, expr.And) else (condition,)


def _excerpt(policy: incentives.Policy) -> tuple[str, int]:
    """The lines of the file that hold the clause."""
    line = int(policy.place.rsplit(":", 1)[1])
    row = texts().get(policy.source.file)
    body = row.body.splitlines() if row else []
    end = line
    while end < len(body) and not body[end].startswith(("- ", "groups:", "caps:", "budgets:", "tests:")):
        end += 1
    return "\n".join(body[line - 1 : end]), line


@dataclass(frozen=True, slots=True)
class Known:
    """A value the desk already has, and where it comes from."""

    value: str
    where: str


def facts_of(project: Project) -> dict[str, Known]:
    """What the ledger knows of a project, under the names of the dictionary: counted money, and what an offer used."""
    found: dict[str, Known] = {}
    for investor in project.investors.all():
        found |= facts_of_organisation(investor)
    offer = project.offers.first()
    if offer:
        said = say("{d} 的报价", "the offer of {d}", d=offer.on)
        found |= {name: Known(value, said) for name, value in offer.facts.items()}
    if project.contracted_fen:
        found["总投资"] = Known(
            show(project.contracted_fen, MONEY), say("核验的签约额", "verified contracts")
        )
    if project.capital_fen:
        found["累计投资"] = Known(
            show(project.capital_fen, MONEY), say("核验的到位资金", "verified capital in place")
        )
    return found


_CODE = re.compile(r"[A-T]\d{0,4}|\d{2,4}")


def facts_of_organisation(organisation: Organisation) -> dict[str, Known]:
    """What is known of a firm: its industry where it is a code, and what its projects' offers used."""
    found: dict[str, Known] = {}
    offer = Offer.objects.filter(project__investors=organisation).first()
    if offer:
        said = say("{d} 的报价", "the offer of {d}", d=offer.on)
        found |= {name: Known(value, said) for name, value in offer.facts.items()}
    if code := _CODE.match(organisation.industry.strip()):
        found["行业"] = Known(code.group(), say("客商登记", "the organisation"))
    return found


def find_applicants(text: str) -> tuple[list[Project], list[Organisation]]:
    """Projects and organisations that are written like this."""
    if not (text := text.strip()):
        return [], []
    projects = Project.objects.filter(Q(code__iexact=text) | Q(name__icontains=text)).order_by("name")
    return list(projects[:8]), list(Organisation.objects.filter(name__icontains=text)[:8])


@dataclass(frozen=True, slots=True)
class Ask:
    """One question of the calculator."""

    field: incentives.Field
    value: str
    now: bool
    wrong: str
    worth: int = 0
    where: str = ""

    @property
    def choices(self) -> list[tuple[str, str]]:
        """What can be chosen, as (value, words); empty when it is typed."""
        if self.field.type == BOOL:
            return [("是", say("是", "yes")), ("否", say("否", "no"))]
        return [(option, option) for option in self.field.options]

    @property
    def unit(self) -> str:
        return self.field.unit_name_en if english() else self.field.unit_name


STATES = {
    "可享受": ("ok", t("可享受", "Applies")),
    "需审批": ("yellow", t("需审批", "Somebody decides")),
    "待补充信息": ("yellow", t("待补", "To complete")),
    "起草中": ("hold", t("起草中", "In drafting")),
    "不符合": ("no", t("不符合", "Does not apply")),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """One clause of a calculation, in the reader's language."""

    result: incentives.Result
    light: str
    state: str
    delivery: str
    law: lawful.Lawfulness
    why: list[tuple[str, str]]  # (y, n or q; sentence)
    changes: list[str]

    @property
    def offerable(self) -> bool:
        return self.result.status == "可享受" and bool(self.result.amount) and self.law.offerable


def delivery_words(delivery: str) -> str:
    return incentives_model.DELIVERY_WORDS.get(delivery, delivery) if english() else delivery


def state_words(state: str) -> str:
    return incentives_model.STATUS_WORDS.get(state, state) if english() else state


def _answer(result: incentives.Result, law: lawful.Lawfulness) -> Answer:
    lang = "en" if english() else "zh"
    light, state = STATES[result.status]
    why = [("y" if light == "ok" else "q", result.why(lang))] if result.reason else []
    why += [("n" if gap.need else "q", gap.text(lang)) for gap in result.missing]
    known = {gap.leaf.field for gap in result.missing}
    why += [
        ("q", say("还不知道：{f}", "not known yet: {f}", f=name)) for name in result.asks if name not in known
    ]
    if law.concerns:
        why.append(("n" if not law.offerable else "q", law.text(lang)))
    changes = [change.text(lang) for change in (result.change, result.next_tier) if change]
    return Answer(result, light, str(state), delivery_words(result.delivery), law, why, changes)


@dataclass(frozen=True, slots=True)
class Choice:
    """A group of which the firm takes one clause only: the clauses that apply, and the one it picked (or none yet)."""

    group: str
    clauses: list[tuple[str, str]]  # (id, title and amount)
    picked: str


def _choices(found: Book, assessment: incentives.Assessment, picked: Mapping[str, str]) -> list[Choice]:
    rows = []
    for group in found.rules(assessment.on).groups:
        if group.rule == "choose_one":
            members = [assessment.results[k] for k in group.members]
            open_ = [
                (
                    r.policy.id,
                    f"{r.policy.title} {show(r.before, MONEY, language='en' if english() else 'zh')}",
                )
                for r in members
                if r.status == "可享受" and r.before
            ]
            if len(open_) > 1:
                rows.append(Choice(group.name, open_, picked.get(group.name, "")))
    return rows


@dataclass(frozen=True)
class Calculation:
    """A calculation with what was asked, what was wrong with an answer, and what may be offered."""

    on: dt.date
    asks: list[Ask]
    assessment: incentives.Assessment
    laws: dict[str, lawful.Lawfulness]
    papers: list[single.Paper]
    years: dict[int, int]
    high: int | None
    given: dict[str, str]
    facts: dict[str, str]  # the same with units, as understood
    choices: list[Choice]

    @property
    def answers(self) -> list[Answer]:
        rows = sorted(self.assessment.results, key=lambda r: list(STATES).index(r.status))
        return [_answer(r, self.laws[r.policy.id]) for r in rows]

    @property
    def offerable(self) -> bool:
        return any(answer.offerable for answer in self.answers)

    def count(self, *states: str) -> int:
        return sum(r.status in states for r in self.assessment.results)

    @property
    def tally(self) -> tuple[int, int, int]:
        return self.count("可享受"), self.count("待补充信息", "需审批", "起草中"), self.count("不符合")


def calculate(
    found: Book,
    answers: Mapping[str, str],
    on: dt.date,
    known: Mapping[str, Known] | None = None,
    picked: Mapping[str, str] | None = None,
) -> Calculation:
    """Assess what was answered, over what is known. What does not read is reported beside its question and left out.

    ``picked``: {group: clause} where a firm takes one clause of several; without it the highest counts.
    """
    known, picked = known or {}, picked or {}
    answers = {name: fact.value for name, fact in known.items()} | dict(answers)
    given, wrong, row = {}, {}, {}
    for name, text in answers.items():
        if name not in found.dictionary or not text.strip():
            continue
        given[name] = text.strip()
        try:
            row[name] = found.dictionary[name].canonical(_with_unit(found.dictionary[name], text))
        except Refusal as refusal:
            wrong[name] = refusal
    assessment = found.engine(on).assess(row, on, choices=picked)
    asks = [
        Ask(
            found.dictionary[n],
            given[n],
            False,
            sentence(wrong[n]) if n in wrong else "",
            where=known[n].where if n in known and known[n].value == given[n] else "",
        )
        for n in given
    ]
    for position, question in enumerate(assessment.questions[:6]):
        if question.field not in given:
            asks.insert(
                position, Ask(found.dictionary[question.field], "", position == 0, "", question.worth)
            )
    open_ = [r for r in assessment.results if r.status in ("可享受", "需审批")]
    papers: dict[str, single.Paper] = {}
    for result in open_:
        for paper in result.papers:
            papers.setdefault(paper.id, paper)
    years = ledger.exposure(
        ledger.Award(r.policy, on, r.amount) for r in assessment.results if r.status == "可享受" and r.amount
    )
    pending = [r.range for r in assessment.results if r.status == "待补充信息" and r.range]
    tops = [top for _, top in pending]
    high = None if None in tops else assessment.total + sum(top for top in tops if top is not None)
    laws = {p.id: lawful.judge(p, found.dictionary, on) for p in found.rules(on).policies}
    facts = {name: found.dictionary[name].show(value) for name, value in row.items()}
    choices = _choices(found, assessment, picked)
    return Calculation(on, asks, assessment, laws, list(papers.values()), years, high, given, facts, choices)


def _with_unit(field: incentives.Field, text: str) -> str:
    """The page prints the unit beside the box, so a bare number there has that unit."""
    bare = NUMBER.fullmatch(text.strip())
    return text.strip() + field.unit_name if bare and field.type in (MONEY, AREA, RATIO) else text


def text_diff(before: str, after: str) -> list[tuple[str, str]]:
    """(mark, line) for two versions of a file: "+" added, "-" removed, " " near a change."""
    rows = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=2)
    return [(row[0], row[1:]) for row in rows if not row.startswith(("---", "+++"))]
