"""What people ask of the books: a figure, the list behind it, whether a month can be closed."""

from __future__ import annotations

import copy
import datetime as dt
import struct
import zlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, Max, Q, QuerySet, Sum

from zhaoyin import lifecycle
from zhaoyin.base import dates
from zhaoyin.desk.deals.models import Capital
from zhaoyin.desk.evidence.models import Mark
from zhaoyin.desk.projects.models import Milestone, Project
from zhaoyin.desk.projects.rules import rules
from zhaoyin.desk.reports.models import Entry, Month, Published, Rollup, Target
from zhaoyin.desk.words import english, say


def today() -> dt.date:
    return dates.today()


# (demonstration, left out) → how the accounts of such a project begin, so that no sum ever mixes them
PREFIXES = {(False, False): "", (True, False): "~", (False, True): "!", (True, True): "?"}

LEFT_OUT = (PREFIXES[False, True], PREFIXES[True, True])


def real(account: str) -> list[str]:
    """The accounts of projects that are no demonstration, whether they count or are left out."""
    return [PREFIXES[False, out] + account for out in (False, True)]


def account_of(project: Project, account: str) -> str:
    """The account a project books on: demonstration projects and those left out of the figures have their own."""
    return PREFIXES[project.is_demo, bool(project.left_out)] + account


def bare(account: str) -> str:
    """What an account counts, whoever's it is."""
    return account.lstrip("".join(PREFIXES.values()))


def only_demo() -> bool:
    """Whether the books hold demonstration entries and nothing else."""
    rows = Entry.objects.order_by()
    demo = Q(account__startswith=PREFIXES[True, False]) | Q(account__startswith=PREFIXES[True, True])
    return rows.exists() and not rows.exclude(demo).exists()


class Books:
    """The ledger in the database, as the engine asks for it.

    Sums of closed months come from their rollups, of open months from their entries; all accounts of a scope are read
    at once and remembered for this object's life, so that a page of figures costs a constant number of queries.
    ``out``: not what counts, but what was left out.
    """

    def __init__(self, demo: bool | None = None, *, out: bool = False) -> None:
        self.demo = only_demo() if demo is None else demo
        self.prefix = PREFIXES[self.demo, out]
        self._months: dict[int, str] | None = None
        self._targets: dict[int, int] = {}
        self._sums: dict[lifecycle.Scope, dict[tuple[str, str, str], int]] = {}
        self._open: dict[int, list[tuple[int, int, str, str, str, int]]] = {}

    def left_out(self) -> Books:
        """The same ledger, read once, with what was left out."""
        _ = self.months
        other = copy.copy(self)
        other.prefix = PREFIXES[self.demo, True]
        return other

    @property
    def months(self) -> dict[int, str]:
        if self._months is None:
            self._months = dict(Month.objects.values_list("number", "state"))
        return self._months

    def _read(self, scope: lifecycle.Scope) -> dict[tuple[str, str, str], int]:
        bare = lifecycle.Scope(scope.start, scope.end, scope.cohort_start, scope.cohort_end)
        if bare not in self._sums:
            shut = [
                n for n, state in self.months.items() if state == "closed" and bare.start <= n <= bare.end
            ]
            found: dict[tuple[str, str, str], int] = defaultdict(int)
            if shut:
                rows = (
                    Rollup.objects.filter(cohort__range=(bare.cohort_start, bare.cohort_end), period__in=shut)
                    .order_by()
                    .values_list("account", "origin", "use")
                    .annotate(n=Sum("quantity"))
                )
                for account, origin, use, n in rows:
                    found[account, origin, use] += n
            for period, cohort, account, origin, use, n in self._of_open_months(bare.end):
                if bare.start <= period <= bare.end and bare.cohort_start <= cohort <= bare.cohort_end:
                    found[account, origin, use] += n
            self._sums[bare] = found
        return self._sums[bare]

    def _of_open_months(self, end: int) -> list[tuple[int, int, str, str, str, int]]:
        """Sums by (period, cohort, account, origin, use) of the months up to ``end`` that are not closed: their
        entries are read once, whatever cohorts are asked for."""
        if end not in self._open:
            months = [n for n, state in self.months.items() if state != "closed" and n <= end]
            rows = Entry.objects.filter(period__in=months).order_by() if months else Entry.objects.none()
            groups = rows.values_list("period", "cohort", "account", "origin", "use")
            self._open[end] = list(groups.annotate(n=Sum("quantity")))
        return self._open[end]

    def total(self, account: str, scope: lifecycle.Scope) -> int:
        if account == "target":
            year = scope.end // 100
            if year not in self._targets:
                target = Target.objects.filter(year=year).first()
                self._targets[year] = target.amount_fen if target else 0
            return self._targets[year]
        account = self.prefix + account
        where = dict(scope.where)
        return sum(
            n
            for (a, origin, use), n in self._read(scope).items()
            if a == account and where.get("origin", origin) == origin and where.get("use", use) == use
        )

    def split(self, account: str, scope: lifecycle.Scope, by: str) -> Mapping[str, int]:
        parts: dict[str, int] = {}
        account = self.prefix + account
        for (a, origin, use), n in self._read(scope).items():
            if a == account:
                key = origin if by == "origin" else use
                parts[key] = parts.get(key, 0) + n
        return parts

    def rows(self, account: str, scope: lifecycle.Scope) -> QuerySet[Entry]:
        found = Entry.objects.filter(
            account=self.prefix + account,
            period__range=(scope.start, scope.end),
            cohort__range=(scope.cohort_start, scope.cohort_end),
        )
        return found.filter(**dict(scope.where)) if scope.where else found

    def projects(self, account: str, scope: lifecycle.Scope) -> Sequence[int]:
        rows = self.rows(account, scope).order_by().values("project").annotate(n=Sum("quantity")).exclude(n=0)
        return sorted(rows.values_list("project", flat=True))

    def measured(self, needs: str) -> bool:
        return False  # events, tax and statistics-office data have no place in these books yet

    def closed(self, period: int) -> bool:
        return self.months.get(period) == "closed"


@dataclass(frozen=True)
class Line:
    """One indicator on the page: this period and the cohort side by side, and the cohort as last closed. ``left`` holds
    what was left out of the two; of a closed month it is summed anew from rollups, which never change either."""

    indicator: lifecycle.Indicator
    period: lifecycle.Figure
    cohort: lifecycle.Figure
    before: Published | None
    left: tuple[lifecycle.Figure, lifecycle.Figure]


def lines(month: lifecycle.Month, books: Books | None = None) -> list[Line]:
    """Every indicator for a month: published figures where it is closed, live ones where it is open."""
    books = books or Books()
    others = books.left_out()
    published = {
        (p.month_id, p.indicator, p.view): p
        for p in Published.objects.filter(month__in=[month.number, month.before.number]).defer("ids")
    }
    found = []
    for ind in rules().indicators.values():
        both, left = [], []
        for view in ("period", "cohort"):
            left.append(lifecycle.figure(ind, others, month, view=view, rules=rules(), lists=False))
            old = published.get((month.number, ind.ref, view))
            if old is not None and books.closed(month.number):
                both.append(_figure(old, month))
            else:
                both.append(lifecycle.figure(ind, books, month, view=view, rules=rules(), lists=False))
        before = published.get((month.before.number, ind.ref, "cohort"))
        found.append(Line(ind, both[0], both[1], before, (left[0], left[1])))
    return found


def _figure(p: Published, month: lifecycle.Month) -> lifecycle.Figure:
    from fractions import Fraction

    value: Any = p.numerator
    if p.denominator is not None and p.numerator is not None:
        value = Fraction(p.numerator, p.denominator) if p.denominator else None
    return lifecycle.Figure(
        p.indicator, str(month), p.view, p.cohort, p.numerator, p.denominator, value, (), parts=p.parts,
        measured=p.measured, locked=True,
    )  # fmt: skip


def published_ids(p: Published) -> tuple[int, ...]:
    raw = zlib.decompress(bytes(p.ids)) if p.ids else b""
    return struct.unpack(f"<{len(raw) // 8}q", raw)


def behind(
    ind: lifecycle.Indicator, month: lifecycle.Month, view: str, part: str = "top", *, out: bool = False
) -> QuerySet[Entry]:
    """The entries a figure sums: the list behind the number, each leading to its proof.

    ``part``: top (numerator), base (denominator), or rest (in the base and not in the top). ``out``: what was left out.
    """
    scope = lifecycle.scope_of(ind, month, view)
    books = Books(out=out)
    account = ind.denominator if part in {"base", "rest"} and ind.denominator else ind.numerator
    rows = books.rows(account, scope)
    if ind.kind == "net":
        rows |= books.rows(ind.minus, scope)
    if part == "rest" or ind.kind == "difference":
        gone = ind.minus if ind.kind == "difference" else ind.numerator
        done = (
            books.rows(gone, scope).order_by().values("project").annotate(n=Sum("quantity")).filter(n__gt=0)
        )
        rows = rows.exclude(project__in=done.values("project"))
    return rows.select_related("project").order_by("-fact_on", "-id")


@dataclass(frozen=True)
class Check:
    """One check before a close. ``blocks``: the month cannot be closed while it fails."""

    code: str
    passed: bool
    zh: str
    en: str
    url: str = ""
    blocks: bool = True

    def __str__(self) -> str:
        return say(self.zh, self.en)


def checks(number: int) -> list[Check]:
    """What must be settled before a month closes."""
    month = lifecycle.Month.of(number)
    waiting = (
        Milestone.objects.filter(mark=Mark.CLAIMED, fact_on__range=(month.first, month.last)).count()
        + Capital.objects.filter(mark=Mark.CLAIMED, received_on__range=(month.first, month.last)).count()
    )
    rateless = Capital.objects.filter(
        mark=Mark.CLAIMED, cny_fen=None, received_on__range=(month.first, month.last)
    ).count()
    over = (
        Entry.objects.filter(
            period=number,
            account__in=real("capital"),
            project__capital_fen__gt=F("project__contracted_fen"),
        )
        .values("project")
        .distinct()
        .count()
    )
    twice = (
        Entry.objects.filter(
            account__in=real("signed"),
            project__in=Entry.objects.filter(period=number, account__in=real("signed")).values("project"),
        )
        .order_by()
        .values("project")
        .annotate(n=Sum("quantity"))
        .filter(n__gt=1)
        .count()
    )
    vouchers = (
        Capital.objects.filter(period=number)
        .order_by()
        .values("voucher_sha256")
        .annotate(n=Count("id"))
        .filter(n__gt=1)
        .count()
    )
    return [
        Check("waiting", not waiting, *_words(waiting, "条申报待核", "claims to verify", "待核申报已清", "no claim is waiting"), "verification"),
        Check("rates", not rateless, *_words(rateless, "笔外币没有当日汇率", "payments lack the rate of the day", "外币都有当日汇率", "every foreign payment has its rate"), "rates"),
        Check("vouchers", not vouchers, *_words(vouchers, "张凭证重复", "vouchers used twice", "同一凭证未重复", "no voucher is used twice")),
        Check("over", not over, *_words(over, "个项目到位超合同额", "projects with capital above the contract", "到位不超合同额", "capital stays within the contract")),
        Check("twice", not twice, *_words(twice, "个项目重复计签约", "projects counted as signed twice", "同一签约只计一次", "each signing counts once")),
    ]  # fmt: skip


def _words(n: int, zh: str, en: str, zh_good: str, en_good: str) -> tuple[str, str]:
    return (f"{n} {zh}", f"{n} {en}") if n else (zh_good, en_good)


def earliest_open(number: int) -> int | None:
    """The earliest month before ``number`` that has bookings and is not closed."""
    row = Month.objects.filter(number__lt=number).exclude(state=Month.State.CLOSED)
    with_entries = list(row.order_by("number").values_list("number", flat=True))
    for n in with_entries:
        if Entry.objects.filter(period=n).exists():
            return n
    return None


def sums(number: int) -> list[Rollup]:
    rows = (
        Entry.objects.filter(period=number)
        .order_by()
        .values_list("account", "cohort", "origin", "use")
        .annotate(n=Sum("quantity"))
    )
    return [Rollup(period=number, account=a, cohort=c, origin=o, use=u, quantity=n) for a, c, o, u, n in rows]


def account_words(account: str) -> tuple[str, bool]:
    """(what an account counts in words, whether it counts money), after the first indicator that sums it."""
    name = bare(account)
    for ind in rules().indicators.values():
        if ind.numerator == name and not ind.where:
            return ind.text("en" if english() else "zh"), ind.unit == "分"
    return name, False


def adjustments(number: int, limit: int = 12) -> list[Entry]:
    """What was booked in this month for months closed before, in words; a corridor's other part is left to its page."""
    found = Entry.objects.filter(period=number).exclude(adjusts=None).exclude(account__endswith="_away")
    rows = list(found.select_related("project").order_by("-id")[:limit])
    for e in rows:
        e.words, e.money = account_words(e.account)  # type: ignore[attr-defined]
        e.out = e.account.startswith(LEFT_OUT)  # type: ignore[attr-defined]
        e.month = lifecycle.Month.of(e.adjusts or e.period)  # type: ignore[attr-defined]
    return rows


def current_month() -> lifecycle.Month:
    """The month that should be closed next: after the last closed one, else the one before this."""
    last = Month.objects.filter(state=Month.State.CLOSED).aggregate(n=Max("number"))["n"]
    return lifecycle.Month.of(last).next if last else lifecycle.Month.of(today()).before
