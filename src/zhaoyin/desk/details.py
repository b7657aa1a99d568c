"""Detail pages: the object with its marks, its history, its way back."""

from __future__ import annotations

from typing import Any

from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from zhaoyin.desk.evidence.queries import attach_marks, history_of
from zhaoyin.desk.evidence.views import with_words


def detail(
    request: HttpRequest, template: str, obj: Model, *, list_name: str, list_words: Any, **context: Any
) -> HttpResponse:
    """Render an object's page; ``object`` carries ``.proofs`` for {% field %} and {% proof %}."""
    attach_marks([obj])
    return render(
        request,
        template,
        {
            "object": obj,
            "history": with_words(history_of(obj, 8)),
            "list_url": reverse(list_name),
            "list_words": list_words,
            "is_demo_page": getattr(obj, "is_demo", False),
            **context,
        },
    )
