"""Pages that ask with one form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from zhaoyin.base.errors import Refusal
from zhaoyin.desk.accounts.policy import Forbidden
from zhaoyin.desk.words import sentence


def form_page(
    request: HttpRequest,
    form: Any,
    act: Callable[[], HttpResponse],
    *,
    template: str = "projects/form.html",
    **context: Any,
) -> HttpResponse:
    """Show a form; once it is posted and valid, ``act`` does what it says and answers.

    A Refusal shows the page again with its sentence and everything that was typed: 422, or 409 when somebody was quicker.
    ``context``: title, do (the button's words), object (where it leads back), and what else the template shows.
    """
    note, status = "", 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                return act()
            except Forbidden:
                raise
            except Refusal as refusal:
                note = sentence(refusal)
                status = 409 if refusal.code.endswith("stale") else 422
    return render(request, template, {"form": form, "note": note, **context}, status=status)
