"""One line at the foot of the page after an HTMX write, with undo where the step can be taken back."""

from __future__ import annotations

import json

from django.http import HttpResponse


def toast(response: HttpResponse, text: str, undo: str = "") -> HttpResponse:
    """Ask the page to show ``text``; ``undo`` is the address that takes the step back (POST)."""
    said = {"text": text, "undo": undo} if undo else {"text": text}
    response["HX-Trigger"] = json.dumps({"toast": said})
    return response
