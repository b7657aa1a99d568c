"""The tags every page uses, loaded everywhere: words, figures with their proof mark, fields, assets."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from django import template
from django.db import models
from django.templatetags.static import static
from django.urls import reverse
from django.utils.dateformat import format as date_format
from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from zhaoyin.base.area import to_mu
from zhaoyin.base.money import show_money
from zhaoyin.desk.accounts import policy
from zhaoyin.desk.evidence.models import Mark
from zhaoyin.desk.sectors import sector_words
from zhaoyin.desk.words import english, say

register = template.Library()


@register.simple_tag
def t(zh: str, en: str, **values: Any) -> SafeString:
    """{% t "共 {n} 件" "{n} items" n=count %}; values are escaped."""
    phrase = conditional_escape(en if english() else zh)
    return format_html(phrase, **values) if values else SafeString(phrase)


_CHINESE = re.compile("[\u4e00-\u9fff]")


@register.filter
def spoken(value: Any) -> Any:
    """{{ cell|spoken }}: words of the ledger inside an English page carry their language, for screen readers."""
    if english() and _CHINESE.search(str(value)):
        return format_html('<span lang="zh-CN">{}</span>', value)
    return value


@register.filter
def may(user: Any, verb: str) -> bool:
    """{% if user|may:"material.add" %}"""
    return policy.may(user, verb)


@lru_cache(maxsize=1)
def _manifest(stamp: float) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads(_manifest_path().read_text())
    return manifest


def _manifest_path() -> Path:
    return Path(__file__).parents[1] / "static" / "dist" / "manifest.json"


@register.simple_tag
def asset(entry: str) -> SafeString:
    """Script and styles of a front-end entry (frontend/src/ENTRY.ts), by the build's manifest."""
    path = _manifest_path()
    if not path.exists():
        return mark_safe("<!-- front end not built: make frontend -->")
    manifest = _manifest(path.stat().st_mtime)
    chunk = manifest.get(f"src/entries/{entry}.ts")
    if chunk is None:
        return mark_safe(f"<!-- no front-end entry {conditional_escape(entry)} -->")  # noqa: S308
    seen: list[str] = list(chunk.get("css", []))
    for imported in chunk.get("imports", []):
        seen.extend(css for css in manifest[imported].get("css", []) if css not in seen)
    links = format_html_join(
        "", '<link rel="stylesheet" href="{}">', ((static(f"dist/{css}"),) for css in seen)
    )
    return links + format_html('<script type="module" src="{}"></script>', static(f"dist/{chunk['file']}"))


def mark_words(mark: str) -> str:
    return str(Mark(mark).label)


def _provenance_url(obj: models.Model, field: str) -> str:
    meta = obj._meta
    return reverse("evidence:provenance", args=[f"{meta.app_label}.{meta.model_name}", obj.pk, field])


@register.simple_tag
def proof(obj: Any, field: str, words: str = "") -> SafeString:
    """The proof mark of one field of an object whose marks were attached (evidence.queries.attach_marks).

    Opens "who says so?"; nothing where nothing was ever said of the field.
    """
    found = getattr(obj, "proofs", {}).get(field)
    if found is None:
        return SafeString("")
    return proof_button(found.mark, _provenance_url(obj, field), words or _label(obj, field))


def proof_button(mark: str, url: str, words: str) -> SafeString:
    return format_html(
        '<button type="button" class="zy-proof" data-proof="{}" aria-label="{}" aria-haspopup="dialog" '
        'hx-get="{}" hx-target="#prov" hx-swap="innerHTML"></button>',
        mark,
        say("{what}，{mark}，谁说的？", "{what}, {mark}. Who says so?", what=words, mark=mark_words(mark)),
        url,
    )


@register.simple_tag
def proof_mark(mark: str) -> SafeString:
    """The mark beside a word that already says the state."""
    return format_html('<span class="zy-proof" data-proof="{}" aria-hidden="true"></span>', mark)


@register.simple_tag
def proof_word(mark: str) -> SafeString:
    """Mark and word together."""
    return format_html(
        '<span class="zy-proofword"><span class="zy-proof" data-proof="{0}" aria-hidden="true"></span>{1}</span>',
        mark,
        mark_words(mark),
    )


@register.simple_tag
def figure(
    value: Any, unit: str = "", mark: str = "", url: str = "", words: str = "", size: str = ""
) -> SafeString:
    """A number, its unit and its proof. ``url`` opens who-says-so; None is said as not stated, never as 0."""
    if value is None or value == "":
        return format_html(
            '<span class="zy-fig zy-fig--none"><span class="zy-fig__n">{}</span></span>',
            say("未载明", "not stated"),
        )
    number = f"{value:,}" if isinstance(value, int) else str(value)
    button: str | SafeString = ""
    if mark:
        button = proof_button(mark, url, f"{words} {number} {unit}".strip()) if url else proof_mark(mark)
    return format_html(
        '<span class="zy-fig{}"><span class="zy-fig__n">{}</span><span class="zy-fig__u">{}</span>{}</span>',
        f" zy-fig--{size}" if size else "",
        number,
        unit,
        button,
    )


@register.simple_tag
def money(
    fen: int | None, mark: str = "", url: str = "", words: str = "", size: str = "", currency: str = "CNY"
) -> SafeString:
    """An amount in fen as a figure, in 万元 or 亿元."""
    if fen is None:
        return figure(None)
    number, unit = show_money(fen, currency=currency)
    return figure(number, unit if not english() else _english_unit(unit), mark, url, words, size)


def _english_unit(unit: str) -> str:
    return {"万元": "CNY 10k", "亿元": "CNY 100m", "元": "CNY"}.get(unit, unit)


@register.filter
def in_mu(square_metres: Any) -> str:
    """Square metres as 亩, at most one decimal."""
    if square_metres is None:
        return ""
    return f"{float(to_mu(square_metres)):,.1f}".removesuffix(".0")


def _label(obj: models.Model, field: str) -> str:
    if words_of := getattr(
        obj, "words_of", None
    ):  # a model that proves more than its own fields names them itself
        return str(words_of(field))
    try:
        return str(obj._meta.get_field(field).verbose_name)  # type: ignore[union-attr]
    except Exception:  # a proven name that is no model field, such as a count
        return field


@register.simple_tag
def field(obj: Any, name: str, label: Any = None, value: Any = None) -> SafeString:
    """A row of a description list: label, value, proof mark. An absent value says so."""
    shown = value if value is not None else show_field(obj, name)
    body = (
        shown
        if shown not in (None, "", [])
        else format_html('<span class="zy-mute">{}</span>', say("未载明", "not stated"))
    )
    return format_html(
        "<dt>{}</dt><dd>{} {}</dd>", label or _label(obj, name), spoken(body), proof(obj, name)
    )


def show_field(obj: Any, name: str) -> Any:
    """A field's value as people read it."""
    display = getattr(obj, f"get_{name}_display", None)
    if display is not None:
        return display()
    value = getattr(obj, name, None)
    if value is None:
        return ""
    if name in {"date_text", "signed_text", "fact_text"}:
        return said_date(value)
    if name == "sector":
        return sector_words(value)
    if name.endswith("_fen"):
        return money(value, currency=getattr(obj, "currency", "CNY"))
    if name.endswith("_m2"):
        return say("{n} 亩", "{n} mu", n=in_mu(value))
    if isinstance(value, list):
        return say("、", ", ").join(str(item) for item in value)
    if isinstance(value, models.Model) and hasattr(value, "get_absolute_url"):
        return format_html('<a href="{}">{}</a>', value.get_absolute_url(), value)
    if isinstance(value, dt.datetime):
        return date_format(value.astimezone(), "Y-m-d H:i")
    if isinstance(value, dt.date):
        return value.isoformat()
    return value


@register.simple_tag(takes_context=True)
def with_query(context: Mapping[str, Any], **changes: Any) -> str:
    """The present query string with some parameters changed; an empty value drops one. Paging starts over."""
    query = context["request"].GET.copy()
    if "page" not in changes:
        query.pop("page", None)
    for name, value in changes.items():
        query.pop(name, None)
        if value not in (None, ""):
            query[name] = value
    return f"?{query.urlencode()}"


@register.filter
def said_date(text: str) -> str:
    """A date as far as a text gives it: --07-28 has no year, 2026-07 no day."""
    if found := re.fullmatch(r"--(\d\d)(?:-(\d\d))?", text or ""):
        month, day = int(found[1]), found[2]
        if day:
            return say("{m}月{d}日（年份未写）", "{d}/{m} (year not stated)", m=month, d=int(day))
        return say("{m}月（年份未写）", "month {m} (year not stated)", m=month)
    return text


@register.filter
def get(mapping: Any, key: Any) -> Any:
    return mapping.get(key) if mapping else None


@register.filter
def model_name(obj: models.Model) -> str:
    """app_label.model, as the provenance and history addresses use it."""
    return f"{obj._meta.app_label}.{obj._meta.model_name}"
