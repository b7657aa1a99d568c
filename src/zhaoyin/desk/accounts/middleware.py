"""The language of the page and the policy of the view, before any view runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation
from django.utils.http import urlencode

from zhaoyin.base.errors import Refusal
from zhaoyin.desk.accounts import policy
from zhaoyin.desk.words import sentence

LANGUAGE_COOKIE = "zhaoyin_language"
GetResponse = Callable[[HttpRequest], HttpResponse]


class LanguageMiddleware:
    """Chinese unless the person switched; the browser's own language is not asked, as screens are shared."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        language = "en" if request.COOKIES.get(LANGUAGE_COOKIE) == "en" else "zh-hans"
        with translation.override(language):
            request.LANGUAGE_CODE = language
            response = self.get_response(request)
        response.headers.setdefault("Content-Language", language)
        return response


class NulMiddleware:
    """A NUL is no text, nobody types one, and PostgreSQL would break on it: it is dropped on the way in."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "%00" in request.META.get("QUERY_STRING", ""):
            request.META["QUERY_STRING"] = request.META["QUERY_STRING"].replace("%00", "")
        if request.content_type == "application/x-www-form-urlencoded":
            request._body = request.body.replace(b"%00", b"").replace(b"\0", b"")
        elif request.content_type == "application/json" and b"\\u0000" in request.body:
            try:
                request._body = json.dumps(_without_nul(json.loads(request.body))).encode()
            except ValueError:
                pass  # no JSON: whoever reads it says so
        return self.get_response(request)


def _without_nul(given: Any) -> Any:
    if isinstance(given, str):
        return given.replace("\0", "")
    if isinstance(given, list):
        return [_without_nul(one) for one in given]
    if isinstance(given, dict):
        return {_without_nul(key): _without_nul(one) for key, one in given.items()}
    return given


class PolicyMiddleware:
    """Every view names its verb; signed-out people go to sign in; a Refusal becomes a page or an HTMX notice."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponse | None:
        if request.path_info.startswith("/api/"):
            return None  # the API signs in and demands verbs itself
        verb = getattr(view, "policy_verb", None)
        if verb is None:
            raise ImproperlyConfigured(
                f"{view.__module__}.{view.__qualname__} names no verb: use @needs or @public"
            )
        if verb == policy.PUBLIC:
            return None
        if not request.user.is_authenticated:
            target = f"{reverse('accounts:sign-in')}?{urlencode({'next': request.get_full_path()})}"
            if request.headers.get("HX-Request"):
                return HttpResponse(status=204, headers={"HX-Redirect": target})
            return HttpResponseRedirect(target)
        if not policy.may(request.user, verb):
            return self.process_exception(request, policy.Forbidden(verb))
        return None

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, Refusal):
            return None
        status = (
            403
            if isinstance(exception, policy.Forbidden)
            else 409
            if exception.code.endswith("stale")
            else 422
        )
        words = sentence(exception)
        if request.headers.get("HX-Request"):
            response = render(request, "desk/_notice.html", {"words": words}, status=status)
            response.headers["HX-Retarget"] = "#notices"
            response.headers["HX-Reswap"] = "innerHTML"
            return response
        return render(request, "desk/refused.html", {"words": words, "status": status}, status=status)
