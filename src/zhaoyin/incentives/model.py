"""What a policy is after reading: frozen, typed, ready for every engine. Amounts are int fen."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from fractions import Fraction

from zhaoyin.incentives import expr as x

# states of one policy for one applicant
OPEN, CLOSED, ASK, DECIDE, OFF_BEFORE, OFF_AFTER, DRAFT = (
    "可享受", "不符合", "待补充信息", "需审批", "未生效", "已失效", "起草中",
)  # fmt: skip
EXACT, UP_TO, AT_LEAST, RANGE, RELIEF, GATE, UNSTATED = (
    "exact", "up_to", "at_least", "range", "relief", "gate", "unstated",
)  # fmt: skip
CAP_SCOPES = ("project", "item", "firm_year", "firm_total", "contract", "budget")
GROUP_RULES = ("highest", "choose_one", "top_up", "stack", "exclude")
BUDGET_RULES = ("first_come", "pro_rata", "ranked", "stop")
# 免申即享: the data is already in registers; 快申快享: a short form; 申报: someone must judge
DELIVERY = ("免申即享", "快申快享", "申报")
DELIVERY_WORDS = {
    "免申即享": "granted without applying", "快申快享": "short form", "申报": "full application",
}  # fmt: skip
STATUS_WORDS = {
    OPEN: "applies", CLOSED: "does not apply", ASK: "to complete", DECIDE: "somebody decides",
    OFF_BEFORE: "not in force yet", OFF_AFTER: "no longer in force", DRAFT: "in drafting",
}  # fmt: skip
RULE_WORDS = {
    "highest": ("就高不重复", "the highest only"), "choose_one": ("只选一项", "one of them only"),
    "top_up": ("晋级补差", "only the difference"), "exclude": ("不可同享", "not together"), "stack": ("可叠加", "together"),
}  # fmt: skip
SCOPE_WORDS = {
    "project": ("每个项目", "a project"), "item": ("每项", "an item"), "firm_year": ("每户每年", "a firm and year"),
    "firm_total": ("每户累计", "a firm in all"), "contract": ("每份合同", "a contract"), "budget": ("资金总盘", "the budget"),
    "floor": ("保底", "floor"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cap:
    """A ceiling in fen; ``node`` is already rounded down. ``paid`` fields were subtracted where the file says so."""

    scope: str
    node: x.Num
    place: str


@dataclass(frozen=True, slots=True)
class Tier:
    """One band of the amount: reached when ``by`` ≥ ``bound`` (or > it, when upper bounds are included).

    ``each``: the bound recurs at every multiple (每满一档).
    """

    by: x.Num
    bound: int
    strict: bool = False
    each: bool = False


@dataclass(frozen=True, slots=True)
class Instalment:
    share: Fraction
    when: x.Bool
    words: str
    due_months: int | None = None


@dataclass(frozen=True, slots=True)
class Commitment:
    """A dated test on later facts. ``action`` is recover (of what was paid) or withhold (of what was not)."""

    id: str
    test: x.Bool
    words: str
    by_months: int | None
    until_months: int | None
    action: str
    share: Fraction
    interest: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    id: str
    proves: tuple[str, ...] = ()
    source: str = ""  # the register it comes from without asking the applicant


@dataclass(frozen=True, slots=True)
class Basis:
    """What lifts a barred clause: a law, an administrative regulation or a State Council approval, with its number."""

    kind: str
    title: str
    number: str


@dataclass(frozen=True, slots=True)
class Relief:
    """A tax relief: for each span of years of its clock, the share of the tax (or the rate) that is left to pay."""

    tax: str
    clock: str
    years: tuple[tuple[int, int, str, Fraction], ...]  # first, last, "rate" or "of_rate", value

    def in_year(self, year: int) -> tuple[str, Fraction] | None:
        return next(((kind, value) for first, last, kind, value in self.years if first <= year <= last), None)


@dataclass(frozen=True, slots=True)
class Source:
    """One document: one version of a text in time."""

    id: str
    title: str
    issuer: str = ""
    level: str = ""
    number: str = ""
    starts: dt.date | None = None
    ends: dt.date | None = None
    window: tuple[tuple[int, int], tuple[int, int]] | None = None
    supersedes: str = ""
    file: str = ""
    example: bool = False
    review: str = ""

    def state(self, on: dt.date) -> str | None:
        """OFF_BEFORE, OFF_AFTER, or None when in force."""
        if self.starts and on < self.starts:
            return OFF_BEFORE
        return OFF_AFTER if self.ends and on > self.ends else None

    def window_open(self, on: dt.date) -> bool:
        if not self.window:
            return True
        first, last = self.window
        day = (on.month, on.day)
        return first <= day <= last if first <= last else day >= first or day <= last


@dataclass(frozen=True, slots=True)
class Policy:
    """One clause on one day. ``when`` includes the document's common requirements and the lowest band."""

    id: str
    title: str
    source: Source
    clause: str
    kind: str
    text: str
    place: str
    level: str
    matter: str
    nature: str
    require: x.Bool
    when: x.Bool
    raw: x.Num  # amount before caps, in fen, rounded
    award: x.Num  # after caps
    low: x.Num | None = None  # the lower end of a range
    caps: tuple[Cap, ...] = ()
    tiers: tuple[Tier, ...] = ()
    base: tuple[str, ...] = ()  # fields the amount reads
    discretion: x.Bool | None = None
    discretion_label: str = ""
    discretion_max: x.Num | None = None
    instalments: tuple[Instalment, ...] = ()
    commitments: tuple[Commitment, ...] = ()
    documents: tuple[Document, ...] = ()
    share: tuple[tuple[str, Fraction], ...] = ()
    payees: tuple[str, ...] = ()
    quota: int | None = None
    rank_by: x.Num | None = None
    relief: Relief | None = None
    instrument: str = ""
    draft: bool = False
    barred: tuple[str, ...] = ()
    basis: Basis | None = None
    superseded_by: str = ""
    wording: str = ""
    note: str = ""

    @property
    def condition(self) -> x.Bool:
        return x.both(self.require, self.when)

    @property
    def payable(self) -> bool:
        """Whether it yields one figure of money."""
        return self.nature == EXACT


@dataclass(frozen=True, slots=True)
class Group:
    name: str
    rule: str
    members: tuple[int, ...]
    already: x.Num | None = None


@dataclass(frozen=True, slots=True)
class FirmCap:
    name: str
    members: tuple[int, ...]
    node: x.Num


@dataclass(frozen=True, slots=True)
class Budget:
    name: str
    year: int | None
    members: tuple[int, ...]
    amount: int
    rule: str
    digits: int = 6
    order_by: x.Num | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """A test written beside a policy."""

    id: str
    input: dict[str, int | bool | str | None]
    on: dt.date
    expect: dict[str, dict[str, object]]
    total: int | None
    place: str
    choices: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Rules:
    """Everything in force on one day, in document order; ``closed`` are known policies that are not."""

    policies: tuple[Policy, ...]
    groups: tuple[Group, ...]
    caps: tuple[FirmCap, ...]
    budgets: tuple[Budget, ...]
    closed: tuple[tuple[str, str, Source, str], ...] = ()  # id, title, source, state

    def index(self, policy: str) -> int:
        return next(n for n, p in enumerate(self.policies) if p.id == policy)
