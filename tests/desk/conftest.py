"""The desk under test: people of every role, the guards that survive a flush, a reader without a queue."""

from __future__ import annotations

import pytest
from django.db.backends.sqlite3.base import DatabaseOperations

_flush = DatabaseOperations.sql_flush


def _flush_past_guards(self, style, tables, **options):
    """A test's clean-up may empty guarded tables: the triggers are set aside and put back."""
    statements = _flush(self, style, tables, **options)
    if not statements:
        return statements
    with self.connection.cursor() as cursor:
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        triggers = cursor.fetchall()
    return [*(f"DROP TRIGGER {name}" for name, _ in triggers), *statements, *(sql for _, sql in triggers)]


DatabaseOperations.sql_flush = _flush_past_guards


@pytest.fixture
def people(db):
    """role → a person of that role; all in one department."""
    from zhaoyin.desk.accounts.models import Department, User
    from zhaoyin.desk.accounts.policy import roles

    department = Department.objects.create(code="investment", name="招商中心", name_en="Investment centre")
    return {
        role: User.objects.create(
            username=role, name=f"{role}一", roles=[role], department=department, password="!"
        )
        for role in roles()
    }


@pytest.fixture
def officer(people):
    return people["officer"]


@pytest.fixture
def head(people):
    return people["head"]


@pytest.fixture
def verifier(people):
    return people["verifier"]


@pytest.fixture
def as_role(people, client):
    """A browser signed in as a role: ``as_role("officer").get("/")``."""

    def sign_in(role):
        client.force_login(people[role])
        return client

    return sign_in


@pytest.fixture
def read_now(settings, monkeypatch, django_capture_on_commit_callbacks):
    """Bring a text in as somebody and read it at once, without the queue."""
    from zhaoyin.desk.materials import actions

    def bring(actor, text, name="announcement.txt"):
        data = text if isinstance(text, bytes) else text.encode()
        material, _ = actions.add_material(actor, data, name)
        actions.read(material.pk)
        material.refresh_from_db()
        return material

    return bring
