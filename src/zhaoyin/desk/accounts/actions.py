"""What is done to accounts."""

from __future__ import annotations

import secrets
from typing import Any

from zhaoyin.base.errors import Refusal
from zhaoyin.desk.accounts.models import Department, User
from zhaoyin.desk.actions import action
from zhaoyin.desk.evidence.actions import audit, change, create

SYSTEM = "system"


def system_user() -> User:
    """The actor of pack loads and repairs from the command line; nobody can sign in as it."""
    user, _ = User.objects.get_or_create(
        username=SYSTEM, defaults={"name": "系统", "is_system": True, "password": "!"}
    )
    return user


@action("account.manage")
def save_person(actor: User, person: User | None = None, *, password: str = "", **values: Any) -> User:
    """Make or change an account. A new one without a password cannot sign in yet."""
    if person is None:
        person = User(**values)
        person.set_password(password or secrets.token_urlsafe(24))
        person.full_clean()
        person.save()
        audit(actor, "account.create", person, after=values)
        return person
    if person == actor and not values.get("is_active", True):
        raise Refusal(
            "account.self",
            "不能停用自己的账号。让另一位管理员来做。",
            "You cannot disable your own account. Ask another administrator.",
        )
    change(actor, "account.change", person, **values)
    if password:
        person.set_password(password)
        person.save(update_fields=["password"])
        audit(actor, "account.password", person)
    return person


@action("account.own")
def set_own_password(actor: User, password: str) -> None:
    actor.set_password(password)
    actor.save(update_fields=["password"])
    audit(actor, "account.password", actor)


@action("account.manage")
def save_department(
    actor: User, *, code: str, name: str, name_en: str = "", parent: Department | None = None
) -> Department:
    """Make a department, or bring its name up to date."""
    found = Department.objects.filter(code=code).first()
    if found is None:
        return create(
            actor, "department.create", Department, code=code, name=name, name_en=name_en, parent=parent
        )
    change(actor, "department.change", found, name=name, name_en=name_en)
    return found
