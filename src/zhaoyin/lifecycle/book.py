"""Indicators over a book of entries: every counted fact is booked once, a figure is a sum with the list behind it.

An entry says: this project counts ``quantity`` on ``account`` in month ``period``. A fact whose month is already closed
is booked in the first open month and remembers the month it ``adjusts``; a closed month's entries never change.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Protocol

from zhaoyin.base.errors import Refusal
from zhaoyin.lifecycle.rules import Indicator, Rules
from zhaoyin.lifecycle.state import default

FIRST, LAST = 190001, 999912


@dataclass(frozen=True, order=True, slots=True)
class Month:
    """A calendar month; ``number`` is yyyymm, which is how a ledger stores it."""

    year: int
    month: int

    @classmethod
    def of(cls, value: dt.date | int) -> Month:
        return cls(value.year, value.month) if isinstance(value, dt.date) else cls(*divmod(value, 100))

    @property
    def number(self) -> int:
        return self.year * 100 + self.month

    @property
    def first(self) -> dt.date:
        return dt.date(self.year, self.month, 1)

    @property
    def last(self) -> dt.date:
        return self.next.first - dt.timedelta(days=1)

    @property
    def next(self) -> Month:
        return Month(self.year + self.month // 12, self.month % 12 + 1)

    @property
    def before(self) -> Month:
        return Month(self.year, self.month - 1) if self.month > 1 else Month(self.year - 1, 12)

    def __str__(self) -> str:
        return f"{self.year}-{self.month:02}"


def booked_in(fact_on: dt.date, closed: Collection[int]) -> tuple[Month, Month | None]:
    """(the month a fact counts in, the closed month it adjusts or None): the month of the fact, or the first open one
    after it. ``closed`` holds yyyymm numbers."""
    own = month = Month.of(fact_on)
    while month.number in closed:
        month = month.next
    return month, (None if month == own else own)


@dataclass(frozen=True, slots=True)
class Entry:
    """``cohort`` is the yyyymm of the project's first signing (0 before one); tags are origin, use and the like."""

    project: int
    account: str
    period: int
    quantity: int
    cohort: int = 0
    adjusts: int | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scope:
    """Which entries: months from..to inclusive (yyyymm), and cohorts from..to (0 is every project)."""

    start: int
    end: int
    cohort_start: int = 0
    cohort_end: int = LAST
    where: tuple[tuple[str, str], ...] = ()


class Ledger(Protocol):
    """What `figure` asks of a ledger; one in memory is `Book`, a database answers the same questions."""

    def total(self, account: str, scope: Scope) -> int:
        """The sum of quantities."""

    def projects(self, account: str, scope: Scope) -> Sequence[int]:
        """Projects whose entries do not cancel out, in order of id."""

    def split(self, account: str, scope: Scope, by: str) -> Mapping[str, int]:
        """The sum per value of a tag."""

    def measured(self, needs: str) -> bool:
        """Whether the ledger holds that outside data (events, statistics, tax)."""

    def closed(self, period: int) -> bool: ...


class Book:
    """A ledger in memory."""

    def __init__(
        self, entries: Iterable[Entry] = (), *, closed: Collection[int] = (), measured: Collection[str] = ()
    ) -> None:
        self.entries = list(entries)
        self._closed, self._measured = set(closed), set(measured)

    def _in(self, account: str, scope: Scope) -> Iterable[Entry]:
        for e in self.entries:
            if (
                e.account == account
                and scope.start <= e.period <= scope.end
                and scope.cohort_start <= e.cohort <= scope.cohort_end
                and all(e.tags.get(name) == value for name, value in scope.where)
            ):
                yield e

    def total(self, account: str, scope: Scope) -> int:
        return sum(e.quantity for e in self._in(account, scope))

    def projects(self, account: str, scope: Scope) -> Sequence[int]:
        net: dict[int, int] = {}
        for e in self._in(account, scope):
            net[e.project] = net.get(e.project, 0) + e.quantity
        return sorted(project for project, quantity in net.items() if quantity)

    def split(self, account: str, scope: Scope, by: str) -> Mapping[str, int]:
        parts: dict[str, int] = {}
        for e in self._in(account, scope):
            key = e.tags.get(by, "")
            parts[key] = parts.get(key, 0) + e.quantity
        return parts

    def measured(self, needs: str) -> bool:
        return needs in self._measured

    def closed(self, period: int) -> bool:
        return period in self._closed


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with its definition, numerator, denominator, cohort and list. ``value`` is None when there is nothing to
    divide by or the indicator is not yet measured; a ratio is a fraction, ``percent`` rounds it half up to one decimal."""

    indicator: str  # id@version
    period: str
    view: str  # period | cohort
    cohort: str
    numerator: int | None
    denominator: int | None
    value: Fraction | int | None
    ids: tuple[int, ...]
    base_ids: tuple[int, ...] = ()
    parts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    measured: bool = True
    locked: bool = False

    @property
    def percent(self) -> str | None:
        """ "98.8" of 244 ÷ 247; None when not a ratio or nothing to divide by."""
        if self.denominator is None or self.value is None:
            return None
        tenths = self.value * 1000
        whole = int(tenths + Fraction(1, 2)) if tenths >= 0 else -int(-tenths + Fraction(1, 2))
        return f"{whole // 10}.{whole % 10}" if whole >= 0 else f"-{-whole // 10}.{-whole % 10}"


def scope_of(
    indicator: Indicator, period: Month, view: str = "period", cohort: tuple[Month, Month] | None = None
) -> Scope:
    """The entries an indicator sums. Period view: what was booked in the month (or year to date, or so far, by the
    indicator's span). Cohort view: all that is booked up to the month, of projects first signed in ``cohort``."""
    where = tuple(sorted(indicator.where.items()))
    if view == "cohort":
        first, last = cohort or (Month(period.year, 1), period)
        return Scope(FIRST, period.number, first.number, last.number, where)
    if view != "period":
        raise Refusal(
            "lifecycle.view",
            f"没有“{view}”这种看法。用 period（本期）或 cohort（队列）。",
            f"No view “{view}”. Use period or cohort.",
            where="view",
        )
    start = {"month": period.number, "year": period.year * 100 + 1, "all": FIRST}[indicator.span]
    return Scope(start, period.number, where=where)


def figure(
    indicator: str | Indicator,
    ledger: Ledger,
    period: Month,
    *,
    view: str = "period",
    cohort: tuple[Month, Month] | None = None,
    rules: Rules | None = None,
    lists: bool = True,
) -> Figure:
    """One indicator for one month: numerator, denominator, cohort and the list of project ids behind it.

    ``cohort`` is (first, last) month of first signing; the default is this year's. ``lists=False`` leaves the ids out
    (a page that shows many figures asks for a list only when a number is opened).
    """
    rules = rules or default()
    ind = rules.indicator(indicator) if isinstance(indicator, str) else indicator
    shown = ""
    if view == "cohort":
        first, last = cohort or (Month(period.year, 1), period)
        shown = f"{first}..{last}"
    if (ind.needs and not ledger.measured(ind.needs)) or (view == "cohort" and not ind.cohort):
        return Figure(ind.ref, str(period), view, shown, None, None, None, (), measured=False)
    scope = scope_of(ind, period, view, cohort)
    top = ledger.total(ind.numerator, scope)
    ids = tuple(ledger.projects(ind.numerator, scope)) if lists else ()
    bottom: int | None = None
    base: tuple[int, ...] = ()
    value: Fraction | int | None = top
    if ind.kind == "ratio":
        bottom = ledger.total(ind.denominator, scope)
        value = Fraction(top, bottom) if bottom else None
        base = tuple(ledger.projects(ind.denominator, scope)) if lists else ()
        if ind.denominator == "target" and not bottom:
            return Figure(ind.ref, str(period), view, shown, None, None, None, (), measured=False)
    elif ind.kind in {
        "difference",
        "net",
    }:  # projects of one account and not of the other; or sums, one less the other
        top -= ledger.total(ind.minus, scope)
        value = top
        if lists and ind.kind == "difference":
            gone = set(ledger.projects(ind.minus, scope))
            ids = tuple(i for i in ids if i not in gone)
    parts = {by: ledger.split(ind.numerator, scope, by) for by in ind.split} if lists else {}
    return Figure(
        ind.ref,
        str(period),
        view,
        shown,
        top,
        bottom,
        value,
        ids,
        base,
        parts,
        locked=ledger.closed(period.number),
    )


def contracted(kind: str, amount: int, already: int) -> int:
    """What a verified agreement adds to 签约额 of one project (fen), given what is already booked for it.

    Only the first contract counts its amount (a second ceremony adds 0); a supplement adds its change, a termination
    takes back what is booked; framework, intent and not stated never count.
    """
    if kind == "contract":
        return amount if not already else 0
    if kind == "supplement":
        return amount
    return -already if kind == "termination" else 0


def origin_of(payer_region: str, home_region: str) -> str:
    """Where capital comes from, by GB/T 2260 prefixes: six digits, or an ISO country code (two letters) for abroad.

    Hong Kong, Macao and Taiwan (81, 82, 71) count as 境外.
    """
    code = payer_region.strip().upper()
    if code.isascii() and code.isalpha() and len(code) == 2 and code != "CN":
        return "abroad"
    if not (code.isdigit() and len(code) == 6):
        raise Refusal(
            "lifecycle.origin",
            f"付款方地区“{payer_region}”不是六位区划代码或两位国家代码。照营业执照补上。",
            f"The payer's region “{payer_region}” is neither a six-digit division code nor a two-letter country code. "
            "Take it from the business licence.",
            where="payer_region",
        )
    if code[:2] in {"71", "81", "82"}:
        return "abroad"
    if code[:2] != home_region[:2]:
        return "other_province"
    if code[:4] != home_region[:4]:
        return "other_city"
    return "local" if code == home_region else "other_county"
