"""What is done to organisations and the people in them."""

from __future__ import annotations

from typing import Any

from zhaoyin.base import uscc as codes
from zhaoyin.desk.accounts.models import User
from zhaoyin.desk.actions import action
from zhaoyin.desk.evidence.actions import PERSON, From, audit, change, create, prove, remove
from zhaoyin.desk.evidence.models import Mark
from zhaoyin.desk.evidence.personal import seal
from zhaoyin.desk.parties.models import Alias, Contact, Organisation


@action("organisation.edit")
def save_organisation(
    actor: User,
    organisation: Organisation | None = None,
    *,
    mark: str = Mark.CLAIMED,
    source: From = PERSON,
    seen: int | None = None,
    **values: Any,
) -> Organisation:
    """Make an organisation or change it, with provenance for what was given."""
    if values.get("uscc"):
        values["uscc"] = codes.normalise(values["uscc"])
    elif "uscc" in values:
        values["uscc"] = None
    if organisation is None:
        organisation = create(actor, "organisation.create", Organisation, **values)
        named = {name for name, value in values.items() if value not in (None, "", [])} - {"owner"}
    else:
        named = set(change(actor, "organisation.change", organisation, seen=seen, **values)) - {"owner"}
    prove(actor, organisation, {name: values[name] for name in named}, mark, source)
    return organisation


@action("organisation.edit")
def add_alias(
    actor: User,
    organisation: Organisation,
    *,
    name: str,
    kind: str = Alias.Kind.OTHER,
    mark: str = Mark.CLAIMED,
    source: From = PERSON,
    **values: Any,
) -> Alias:
    """Remember another spelling; the same spelling twice is one alias."""
    found = organisation.aliases.filter(name=name).first()
    if found:
        return found
    alias = create(actor, "alias.create", Alias, organisation=organisation, name=name, kind=kind, **values)
    prove(actor, alias, {"name": name}, mark, source)
    return alias


@action("organisation.edit")
def remove_alias(actor: User, alias: Alias, *, reason: str = "") -> None:
    remove(actor, "alias.remove", alias, reason=reason)


@action("contact.edit")
def save_contact(
    actor: User,
    contact: Contact | None = None,
    *,
    mark: str = Mark.CLAIMED,
    source: From = PERSON,
    **values: Any,
) -> Contact:
    """Make a contact or change it. Phone, mail and WeChat are sealed in the audit with the person's own key."""
    personal = {name: values.pop(name) for name in Contact.PERSONAL if name in values}
    if contact is None:
        contact = create(
            actor,
            "contact.create",
            Contact,
            **values,
            owner_department=values.pop("owner_department", actor.department),
        )
        named = {name for name, value in values.items() if value not in (None, "", [])}
    else:
        named = set(change(actor, "contact.change", contact, **values))
    subject = f"contact:{contact.pk}"
    changed = {name: value for name, value in personal.items() if getattr(contact, name) != value}
    if changed:
        before = {name: seal(subject, getattr(contact, name)) for name in changed}
        for name, value in changed.items():
            setattr(contact, name, value)
        contact.full_clean()
        contact.version += 1
        contact.save()
        audit(
            actor,
            "contact.change",
            contact,
            before=before,
            after={name: seal(subject, value) for name, value in changed.items()},
        )
    prove(actor, contact, {name: values[name] for name in named - {"owner_department"}}, mark, source)
    return contact


@action("contact.reveal")
def reveal_contact(actor: User, contact: Contact) -> dict[str, str]:
    """Phone, mail and WeChat of a contact; that they were looked at is recorded."""
    audit(actor, "contact.reveal", contact)
    return {name: getattr(contact, name) for name in Contact.PERSONAL}
