"""What people ask about projects."""

from __future__ import annotations

from zhaoyin.desk.parties.models import Organisation
from zhaoyin.desk.projects.models import Project


def same_project(name: str, investors: list[Organisation]) -> Project | None:
    """A project of this name with one of these investors (or with none, when none is named)."""
    found = Project.objects.filter(name=name)
    if investors:
        return found.filter(investors__in=investors).first()
    return found.filter(investors=None).first()
