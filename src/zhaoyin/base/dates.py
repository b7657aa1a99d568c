"""Dates as documents write them, and working days by the Chinese calendar.

The calendar is chinesecalendar's table of the State Council's yearly notices. Past its last published year a deadline
counts weekends only and is marked provisional (暂估).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import chinese_calendar
from chinese_calendar import constants as _constants

TIME_ZONE = ZoneInfo("Asia/Shanghai")
FIRST_YEAR: int = min(day.year for day in _constants.holidays)
LAST_YEAR: int = max(day.year for day in _constants.holidays)


@dataclass(frozen=True, slots=True)
class Deadline:
    """A day reached by counting working days; ``provisional`` when the calendar of that year is not published."""

    on: dt.date
    provisional: bool = False


def today() -> dt.date:
    """Today in Asia/Shanghai, whatever the machine's zone."""
    return dt.datetime.now(TIME_ZONE).date()


def published(day: dt.date) -> bool:
    """Whether the working-day calendar of that day's year is published."""
    return FIRST_YEAR <= day.year <= LAST_YEAR


def is_working_day(day: dt.date) -> bool:
    return chinese_calendar.is_workday(day) if published(day) else day.weekday() < 5


def add_working_days(start: dt.date, days: int) -> Deadline:
    """The working day that is ``days`` working days after ``start`` (the day itself does not count). ``days`` >= 0."""
    if days < 0:
        raise ValueError("days must not be negative")
    day, left, provisional = start, days, not published(start)
    while left:
        day += dt.timedelta(days=1)
        provisional = provisional or not published(day)
        left -= is_working_day(day)
    return Deadline(day, provisional)


def working_days_between(start: dt.date, end: dt.date) -> int:
    """Working days after ``start`` up to and including ``end``; negative when ``end`` is before ``start``."""
    if end < start:
        return -working_days_between(end, start)
    return sum(is_working_day(start + dt.timedelta(days=n)) for n in range(1, (end - start).days + 1))
