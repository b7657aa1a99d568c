"""Which verified projects count in no figure, as far as the machine can see it."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from zhaoyin.base.dates import working_days_between
from zhaoyin.base.money import show_money
from zhaoyin.lifecycle.rules import Exclusion, Rules, Word
from zhaoyin.lifecycle.state import default

_CODE = re.compile(r"[A-T]?(\d{2,4})(?!\d)")


@dataclass(frozen=True, slots=True)
class Signing:
    """What is known of a project when its signing is verified; what is not known excludes nothing.

    ``industries``: codes of GB/T 4754 as written ("7010", "K7010 房地产开发"), those of the project or of its investors.
    ``amount``: of the contract, in fen. ``recorded_on``: the first time the signing came into the ledger.
    """

    industries: tuple[str, ...] = ()
    sector: str = ""
    amount: int | None = None
    fact_on: dt.date | None = None
    recorded_on: dt.date | None = None


def exclusion(signing: Signing, rules: Rules | None = None) -> Word | None:
    """The first active rule that leaves this signing out: its code, and why in words. None: it counts."""
    for row in (rules or default()).exclusions.values():
        if row.active and (why := _why(row, signing)):
            return Word(row.code, *why)
    return None


def industry_code(text: str) -> str:
    """The digits of a GB/T 4754 code at the head of a text ("K7010 房地产开发" → "7010"); "" where there is none."""
    found = _CODE.match(text.strip())
    return found.group(1) if found else ""


def _why(row: Exclusion, signing: Signing) -> tuple[str, str] | None:
    codes = [code for one in signing.industries if (code := industry_code(one))]
    if row.industry and codes and all(code.startswith(row.industry) for code in codes):
        listed = sorted(set(codes))
        return f"行业代码 {'、'.join(listed)}", f"industry code {', '.join(listed)}"
    if signing.sector.strip() in row.sectors:
        return f"产业写的是“{signing.sector.strip()}”", f"the sector is “{signing.sector.strip()}”"
    if row.below is not None and signing.amount is not None and signing.amount < row.below:
        have, least = ("".join(show_money(fen)) for fen in (signing.amount, row.below))
        return f"合同额 {have}，门槛 {least}", f"contract of {have}, threshold {least}"
    if row.recorded_after is not None and signing.fact_on and signing.recorded_on:
        days = working_days_between(signing.fact_on, signing.recorded_on)
        if days > row.recorded_after:
            return (
                f"签约 {signing.fact_on}，{signing.recorded_on} 才记录，隔 {days} 个工作日",
                f"signed on {signing.fact_on}, recorded on {signing.recorded_on}, {days} working days later",
            )
    return None
