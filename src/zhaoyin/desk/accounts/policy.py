"""The one place that decides who sees and does what.

``policy.toml`` says which roles may do which verb; ``SCOPES`` says on whose objects. Views name their verb with
``@needs``, actions with ``@action``; the middleware refuses a view that names none.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from zhaoyin.base.errors import Refusal
from zhaoyin.desk.words import say, t

if TYPE_CHECKING:
    from zhaoyin.desk.accounts.models import User

View = TypeVar("View", bound=Callable[..., Any])
PUBLIC = "public"


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / "policy.toml").read_text())


@cache
def verbs() -> dict[str, frozenset[str]]:
    """verb → the roles that may do it."""
    table = _table()
    groups: dict[str, list[str]] = table["groups"]
    known = set(table["roles"])
    resolved = {}
    for verb, names in table["verbs"].items():
        roles = frozenset(role for name in names for role in groups.get(name, [name]))
        if unknown := roles - known:
            raise ValueError(f"policy.toml: {verb} names unknown roles {sorted(unknown)}")
        resolved[verb] = roles
    return resolved


@cache
def roles() -> dict[str, Any]:
    """role code → its lazy name in the reader's language."""
    return {code: t(row["zh"], row["en"]) for code, row in _table()["roles"].items()}


@cache
def role_notes() -> dict[str, Any]:
    return {code: t(row["what_zh"], row["what_en"]) for code, row in _table()["roles"].items()}


def _same_team(user: User, obj: Any) -> bool:
    """Whether the object's owner sits in the user's department or below it; an object without owner is everybody's."""
    owner_department = getattr(obj, "owner_department", None)
    if owner_department is None:
        return True
    return user.department is not None and owner_department.path.startswith(user.department.path)


def _reveal(user: User, obj: Any) -> bool:
    return bool({"leader", "auditor"} & set(user.roles)) or _same_team(user, obj)


def _asked(user: User, obj: Any) -> bool:
    """Whether the opinion was asked of the user's department or one above it."""
    department = getattr(obj, "department", None)
    return (
        department is not None
        and user.department is not None
        and user.department.path.startswith(department.path)
    )


# verb → whose objects; a verb not named here has no limit beyond the role
SCOPES: dict[str, Callable[[User, Any], bool]] = {
    "contact.reveal": _reveal,
    "contact.edit": _same_team,
    "opinion.give": _asked,
}


def may(user: Any, verb: str, obj: Any = None) -> bool:
    """Whether the user may do the verb (on the object, where the verb has a scope)."""
    allowed = verbs()[verb]
    if not getattr(user, "is_authenticated", False) or not user.is_active:
        return False
    if user.is_system:
        return True
    if not allowed & set(user.roles):
        return False
    scope = SCOPES.get(verb)
    return scope is None or obj is None or scope(user, obj)


def demand(user: Any, verb: str, obj: Any = None) -> None:
    """Raise Forbidden unless the user may."""
    if not may(user, verb, obj):
        raise Forbidden(verb)


def _who_may(verb: str, language: str) -> str:
    table = _table()["roles"]
    joint = "、" if language == "zh" else ", "
    return joint.join(table[role][language] for role in table if role in verbs()[verb])


class Forbidden(Refusal):
    """Not allowed; the sentence names who may."""

    def __init__(self, verb: str) -> None:
        super().__init__(
            "forbidden",
            f"这件事由{_who_may(verb, 'zh')}办。转给他们，或找系统管理员调整角色。",
            f"This is done by: {_who_may(verb, 'en')}. Pass it on to them, or ask an administrator to change your role.",
        )
        self.verb = verb


def needs(verb: str) -> Callable[[View], View]:
    """Mark a view with the verb it needs; the middleware enforces it."""
    if verb not in verbs():
        raise ValueError(f"policy.toml has no verb {verb}")

    def mark(view: View) -> View:
        view.policy_verb = verb  # type: ignore[attr-defined]
        return view

    return mark


def public(view: View) -> View:
    """Mark a view as open to anybody."""
    view.policy_verb = PUBLIC  # type: ignore[attr-defined]
    return view


def who(request: Any) -> User:
    """The signed-in person of a request; the middleware lets nobody else reach a guarded view."""
    return cast("User", request.user)


def role_names(user: User) -> str:
    return say("、", ", ").join(str(roles()[role]) for role in user.roles if role in roles())
