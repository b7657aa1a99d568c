"""The API: the same actions and queries as the pages, signed in by the same session. Schema at /api/openapi.json.

A room adds a ``Router`` in its own api.py and a line in ROUTERS; every operation declares its refusals.
"""

from __future__ import annotations

import importlib
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI, Schema
from ninja.security import SessionAuth

from zhaoyin.base.errors import Refusal
from zhaoyin.desk.accounts.policy import Forbidden

ROUTERS: tuple[tuple[str, str], ...] = (
    ("materials", "zhaoyin.desk.materials.api:router"),
    ("ledger", "zhaoyin.desk.work.api:router"),
    ("projects", "zhaoyin.desk.projects.api:router"),
    ("figures", "zhaoyin.desk.projects.api:books"),
)


class Problem(Schema):
    """A refusal: a stable code, the place, and the sentence in both languages."""

    code: str
    where: str = ""
    zh: str
    en: str


# responses every operation may give beside its own
REFUSALS: dict[int, Any] = {401: Problem, 403: Problem, 404: Problem, 409: Problem, 422: Problem}


class _Signed(SessionAuth):
    """Like the pages: the session cookie, and the CSRF token for writes."""

    def authenticate(self, request: HttpRequest, key: str | None) -> Any:
        return request.user if request.user.is_authenticated and request.user.is_active else None


api = NinjaAPI(title="Zhaoyin", version="1", auth=_Signed(csrf=True), urls_namespace="api", docs_url=None)


@api.exception_handler(Refusal)
def refused(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    status = 403 if isinstance(refusal, Forbidden) else 409 if refusal.code.endswith("stale") else 422
    body = {"code": refusal.code, "where": refusal.where, "zh": refusal.zh, "en": refusal.en}
    return api.create_response(request, body, status=status)


@api.exception_handler(Http404)
def missing(request: HttpRequest, error: Http404) -> HttpResponse:
    body = {
        "code": "missing",
        "where": "",
        "zh": "没有这一条。核对编号。",
        "en": "There is no such row. Check its number.",
    }
    return api.create_response(request, body, status=404)


for _prefix, _address in ROUTERS:
    _module, _name = _address.split(":")
    api.add_router(_prefix, getattr(importlib.import_module(_module), _name))
