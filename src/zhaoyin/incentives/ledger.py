"""After the award: instalments, who pays, and what a broken promise costs. Entries are added; awards never rewritten."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from zhaoyin.incentives import model as m
from zhaoyin.incentives.expr import TRUE
from zhaoyin.incentives.single import Row, split, test


@dataclass(frozen=True, slots=True)
class Award:
    """What was granted: ``paid`` fen under a policy on a day; ``disbursed`` fen so far."""

    policy: m.Policy
    granted: dt.date
    paid: int
    disbursed: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger in fen: pay, withhold or recover (positive amounts). ``pending``: the fact is not known."""

    kind: str
    on: dt.date
    amount: int
    reason: str
    shares: tuple[tuple[str, int], ...] = ()
    pending: bool = False


def months_after(day: dt.date, months: int) -> dt.date:
    """The same day of a later month, or that month's last day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    month += 1
    last = (dt.date(year + month // 12, month % 12 + 1, 1) - dt.timedelta(days=1)).day
    return dt.date(year, month, min(day.day, last))


def due(award: Award, facts: Row, on: dt.date) -> Entry:
    """What is to be paid now: ⌊paid × share reached⌋ − disbursed. Shares are reached in order."""
    share, words, pending = Fraction(0), [], False
    instalments = award.policy.instalments or (m.Instalment(Fraction(1), TRUE, ""),)
    for instalment in instalments:
        reached = test(instalment.when)(facts)
        if reached is not True:
            pending = reached is None
            break
        share += instalment.share
        words.append(instalment.words)
    amount = max(award.paid * share.numerator // share.denominator - award.disbursed, 0)
    return Entry(
        "pay", on, amount, "；".join(filter(None, words)), split(amount, award.policy.share), pending
    )


def plan(award: Award) -> list[tuple[dt.date, int, str]]:
    """When money may fall due at the latest, for exposure by year: (day, fen, condition). Sums to ``paid``."""
    rows: list[tuple[dt.date, int, str]] = []
    before, share = 0, Fraction(0)
    for instalment in award.policy.instalments or (m.Instalment(Fraction(1), TRUE, ""),):
        share += instalment.share
        upto = award.paid * share.numerator // share.denominator
        day = months_after(award.granted, instalment.due_months) if instalment.due_months else award.granted
        rows.append((day, upto - before, instalment.words))
        before = upto
    return rows


def settle(award: Award, facts: Row, on: dt.date) -> list[Entry]:
    """What the applicant's promises cost on a day: recover from what was paid, withhold from what was not.

    A promise ``by`` a month is judged from that day on; one ``until`` a month is judged on every day up to it. A fact
    that is not known gives a pending entry with its full amount, never silence.
    """
    entries: list[Entry] = []
    recovered, withheld = 0, 0
    for promise in award.policy.commitments:
        if promise.by_months is not None and on < months_after(award.granted, promise.by_months):
            continue
        if promise.until_months is not None and on > months_after(award.granted, promise.until_months):
            continue
        kept = test(promise.test)(facts)
        if kept:
            continue
        base = award.disbursed if promise.action == "recover" else award.paid - award.disbursed
        amount = base * promise.share.numerator // promise.share.denominator
        if kept is False:  # several broken promises together never take back more than there is
            left = base - (recovered if promise.action == "recover" else withheld)
            amount = min(amount, left)
            if promise.action == "recover":
                recovered += amount
            else:
                withheld += amount
        reason = promise.words + (f"（另计 {promise.interest}）" if promise.interest else "")
        entries.append(
            Entry(promise.action, on, amount, reason, split(amount, award.policy.share), kept is None)
        )
    return entries


def exposure(awards: Iterable[Award]) -> dict[int, int]:
    """What a region may owe by year, in fen."""
    years: dict[int, int] = {}
    for award in awards:
        for day, fen, _ in plan(award):
            years[day.year] = years.get(day.year, 0) + fen
    return dict(sorted(years.items()))
