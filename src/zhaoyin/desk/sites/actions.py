"""What is done to places."""

from __future__ import annotations

from typing import Any

from zhaoyin.desk.accounts.models import User
from zhaoyin.desk.actions import action
from zhaoyin.desk.evidence.actions import PERSON, From, change, create, prove
from zhaoyin.desk.evidence.models import Mark
from zhaoyin.desk.sites.models import Carrier


@action("site.edit")
def save_carrier(
    actor: User,
    carrier: Carrier | None = None,
    *,
    mark: str = Mark.CLAIMED,
    source: From = PERSON,
    **values: Any,
) -> Carrier:
    """Make a place or change it, with provenance for what was given."""
    return _save(actor, carrier, mark, source, values)


def _save(actor: User, carrier: Carrier | None, mark: str, source: From, values: dict[str, Any]) -> Carrier:
    if carrier is None:
        carrier = create(actor, "carrier.create", Carrier, **values)
        named = {name for name, value in values.items() if value not in (None, "", [])} - {"code"}
    else:
        named = set(change(actor, "carrier.change", carrier, **values))
    prove(actor, carrier, {name: values[name] for name in named}, mark, source)
    return carrier


@action("fact.review")
def review_carrier(
    actor: User,
    carrier: Carrier | None = None,
    *,
    mark: str = Mark.SAID,
    source: From = PERSON,
    **values: Any,
) -> Carrier:
    """The same, from the review of a material: what a text says of a place, said and no more."""
    return _save(actor, carrier, mark, source, values)
