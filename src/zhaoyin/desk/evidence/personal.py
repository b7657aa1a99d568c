"""Personal values sealed with a key per person, so that erasing a person is destroying a key."""

from __future__ import annotations

from cryptography.fernet import Fernet, InvalidToken
from django.utils import timezone

from zhaoyin.desk.evidence.models import PersonKey
from zhaoyin.desk.words import say

PREFIX = "sealed:"


def seal(subject: str, value: str) -> str:
    """The value encrypted for the subject (such as "contact:12"); empty stays empty."""
    if not value:
        return value
    row, _ = PersonKey.objects.get_or_create(subject=subject, defaults={"key": Fernet.generate_key()})
    if row.destroyed_at:
        return PREFIX
    return PREFIX + Fernet(bytes(row.key)).encrypt(value.encode()).decode()


def unseal(subject: str, value: str) -> str:
    """The value in clear; a note that it is erased when the key is gone."""
    if not value.startswith(PREFIX):
        return value
    row = PersonKey.objects.filter(subject=subject, destroyed_at=None).first()
    try:
        if row is None:
            raise InvalidToken
        return Fernet(bytes(row.key)).decrypt(value[len(PREFIX) :].encode()).decode()
    except InvalidToken:
        return say("（已抹去）", "(erased)")


def destroy(subject: str) -> None:
    """Erase the person: the key is overwritten and marked destroyed."""
    PersonKey.objects.filter(subject=subject).update(key=b"", destroyed_at=timezone.now())
