"""What people ask about events."""

from __future__ import annotations

from collections.abc import Iterable

from zhaoyin.desk.events.models import Event, Series


def same_event(name: str, date_text: str) -> Event | None:
    """The event of this name and date, if the ledger has it."""
    return Event.objects.filter(name=name, date_text=date_text).first()


def by_names(names: Iterable[str]) -> dict[tuple[str, str], Event]:
    """(name, date as written) → the event."""
    return {(event.name, event.date_text): event for event in Event.objects.filter(name__in=set(names))}


def series_by_name(name: str) -> Series | None:
    """The series called so, or whose name or spelling the text's name contains."""
    exact = Series.objects.filter(name=name).first()
    if exact:
        return exact
    for series in Series.objects.all():
        if any(
            spelling and (spelling == name or spelling in name) for spelling in [series.name, *series.aliases]
        ):
            return series
    return None
