"""What people ask about places."""

from __future__ import annotations

from django.db.models import QuerySet

from zhaoyin.desk.sites.models import Carrier


def by_name(name: str) -> Carrier | None:
    """The place called so, or also written so; also when the text puts the town before or leaves it out."""
    if not name:
        return None
    exact = Carrier.objects.filter(name=name).first()
    if exact:
        return exact
    for carrier in Carrier.objects.all():
        if name in carrier.aliases:
            return carrier
    return None


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
