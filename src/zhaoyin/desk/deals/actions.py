"""What is done to agreements and promises."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from zhaoyin.desk.accounts.models import User
from zhaoyin.desk.actions import action
from zhaoyin.desk.deals.models import Agreement, Commitment, Party
from zhaoyin.desk.events.models import Event
from zhaoyin.desk.evidence.actions import PERSON, From, change, create, prove
from zhaoyin.desk.evidence.models import Mark
from zhaoyin.desk.parties.models import Organisation
from zhaoyin.desk.projects.models import Project


@action("agreement.edit")
def create_agreement(
    actor: User,
    *,
    name: str,
    kind: str,
    local: Iterable[Organisation] = (),
    investors: Iterable[Organisation] = (),
    projects: Iterable[Project] = (),
    mark: str = Mark.CLAIMED,
    source: From = PERSON,
    **values: Any,
) -> Agreement:
    """A paper signed or said to be, with its parties on both sides and the projects it is about."""
    agreement = create(actor, "agreement.create", Agreement, name=name, kind=kind, mark=mark, **values)
    given = {"name": name, "kind": agreement.get_kind_display()}
    given |= {
        key: value for key, value in values.items() if value not in (None, "") and key not in {"currency"}
    }
    prove(actor, agreement, given, mark, source)
    for side, organisations in ((Party.Side.LOCAL, local), (Party.Side.INVESTOR, investors)):
        for organisation in organisations:
            row = create(
                actor, "agreement.change", Party, agreement=agreement, organisation=organisation, side=side
            )
            prove(actor, row, {"organisation": organisation}, mark, source)
    agreement.projects.set(list(projects))
    return agreement


@action("commitment.edit")
def save_commitment(
    actor: User,
    commitment: Commitment | None = None,
    *,
    mark: str = Mark.CLAIMED,
    source: From = PERSON,
    **values: Any,
) -> Commitment:
    """Make a promise of either side or change it, with provenance for what was given."""
    if commitment is None:
        commitment = create(actor, "commitment.create", Commitment, mark=mark, **values)
        named = {name for name, value in values.items() if value not in (None, "")}
    else:
        named = set(change(actor, "commitment.change", commitment, **values))
    prove(actor, commitment, {name: values[name] for name in named}, mark, source)
    return commitment


@action("agreement.edit")
def attach_event(actor: User, agreement: Agreement, event: Event) -> None:
    """Say at which event an agreement was announced, where nobody has yet; the dates follow."""
    if agreement.event_id:
        return
    change(
        actor,
        "agreement.change",
        agreement,
        event=event,
        signed_on=event.held_on,
        signed_text=event.date_text,
    )
