"""What people ask about places."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import QuerySet

from zhaoyin.desk.sites.models import Carrier


def by_name(name: str) -> Carrier | None:
    """The place called so, or also written so."""
    return by_names([name]).get(name) if name else None


def by_names(names: Iterable[str]) -> dict[str, Carrier]:
    """Each name a place has, by its own name first, then by another spelling."""
    wanted = set(names)
    found: dict[str, Carrier] = {}
    for carrier in Carrier.objects.order_by("id"):
        for spelling in carrier.aliases:
            if spelling in wanted:
                found.setdefault(spelling, carrier)
        if carrier.name in wanted:
            found[carrier.name] = carrier
    return found


def tree() -> list[tuple[int, Carrier]]:
    """(depth, place) in reading order of the tree."""
    children: dict[int | None, list[Carrier]] = {}
    for carrier in Carrier.objects.order_by("kind", "name"):
        children.setdefault(carrier.parent_id, []).append(carrier)
    out: list[tuple[int, Carrier]] = []

    def walk(parent: int | None, depth: int) -> None:
        for carrier in children.get(parent, []):
            out.append((depth, carrier))
            walk(carrier.pk, depth + 1)

    walk(None, 0)
    return out


def below(carrier: Carrier) -> QuerySet[Carrier]:
    return Carrier.objects.filter(parent=carrier)
