"""What people ask about policies."""

from __future__ import annotations

from zhaoyin.desk.policies.models import Policy


def by_name(name: str) -> Policy | None:
    exact = Policy.objects.filter(name=name).first()
    return exact or next((policy for policy in Policy.objects.all() if name in policy.aliases), None)
