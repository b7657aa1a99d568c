"""What is done to policies."""

from __future__ import annotations

from typing import Any

from zhaoyin.desk.accounts.models import User
from zhaoyin.desk.actions import action
from zhaoyin.desk.evidence.actions import PERSON, From, change, create, prove
from zhaoyin.desk.evidence.models import Mark
from zhaoyin.desk.policies.models import Policy


@action("fact.review")
def save_policy(
    actor: User,
    policy: Policy | None = None,
    *,
    mark: str = Mark.CLAIMED,
    source: From = PERSON,
    **values: Any,
) -> Policy:
    """Make a policy by name or change it, with provenance for what was given."""
    if policy is None:
        policy = create(actor, "policy.create", Policy, **values)
        named = {name for name, value in values.items() if value not in (None, "", [])}
    else:
        named = set(change(actor, "policy.change", policy, **values))
    prove(actor, policy, {name: values[name] for name in named}, mark, source)
    return policy
