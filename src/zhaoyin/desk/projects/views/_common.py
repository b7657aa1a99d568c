"""What the pages of a project share."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.html import format_html

from zhaoyin.desk.evidence.queries import attach_marks
from zhaoyin.desk.projects import queries
from zhaoyin.desk.projects.models import Profile, Project
from zhaoyin.desk.words import english


def language() -> str:
    return "en" if english() else "zh"


def back(request: HttpRequest, pk: int, words: str) -> HttpResponse:
    """To the project's page, with a word on what was done."""
    messages.info(request, words)
    return redirect("projects:detail", pk=pk)


def profile_of(obj: Project) -> Profile | None:
    found = Profile.objects.filter(project=obj).first()
    if found:
        attach_marks([found])
    return found


def opinion_light(row: Any) -> Any:
    level, words = queries.opinion_light(row)
    if level == "no":  # its clock runs and nothing is wrong
        return format_html('<span class="zy-small zy-mute">{}</span>', words)
    return format_html('<span class="zy-light" data-light="{}">{}</span>', level, words)
