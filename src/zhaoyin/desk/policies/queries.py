"""What people ask about policies."""

from __future__ import annotations

from collections.abc import Iterable

from zhaoyin.desk.policies.models import Policy


def by_name(name: str) -> Policy | None:
    return by_names([name]).get(name)


def by_names(names: Iterable[str]) -> dict[str, Policy]:
    """Each name a policy has, by its own name first, then by another spelling."""
    wanted = set(names)
    found: dict[str, Policy] = {}
    for policy in Policy.objects.order_by("id"):
        for spelling in policy.aliases:
            if spelling in wanted:
                found.setdefault(spelling, policy)
        if policy.name in wanted:
            found[policy.name] = policy
    return found
