"""What is done to events."""

from __future__ import annotations

from typing import Any

from zhaoyin.desk.accounts.models import User
from zhaoyin.desk.actions import action
from zhaoyin.desk.events.models import Event, Series
from zhaoyin.desk.evidence.actions import PERSON, From, change, create, prove
from zhaoyin.desk.evidence.models import Mark


@action("event.edit")
def save_event(
    actor: User, event: Event | None = None, *, mark: str = Mark.CLAIMED, source: From = PERSON, **values: Any
) -> Event:
    """Make an event or change it, with provenance for what was given."""
    if event is None:
        event = create(actor, "event.create", Event, **values)
        named = {name for name, value in values.items() if value not in (None, "", [])}
    else:
        named = set(change(actor, "event.change", event, **values))
    prove(actor, event, {name: values[name] for name in named}, mark, source)
    return event


@action("event.edit")
def save_series(
    actor: User,
    series: Series | None = None,
    *,
    mark: str = Mark.CLAIMED,
    source: From = PERSON,
    **values: Any,
) -> Series:
    """Make a series or change it, with provenance for what was given."""
    if series is None:
        series = create(actor, "series.create", Series, **values)
        named = {name for name, value in values.items() if value not in (None, "", [])} - {"code"}
    else:
        named = set(change(actor, "series.change", series, **values))
    prove(actor, series, {name: values[name] for name in named}, mark, source)
    return series
