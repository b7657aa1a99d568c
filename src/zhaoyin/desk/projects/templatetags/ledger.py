"""Tags of the project pages."""

from __future__ import annotations

from typing import Any

from django import template

from zhaoyin.desk.projects.rules import rules
from zhaoyin.desk.templatetags.desk import show_field
from zhaoyin.desk.words import english

register = template.Library()


@register.simple_tag
def origin(code: str) -> str:
    """Where capital comes from, in words."""
    found = rules().origins.get(code)
    return found.text("en" if english() else "zh") if found else ""


@register.simple_tag
def show_field_of(obj: Any, name: str) -> Any:
    """A field's value as people read it, without its mark."""
    return show_field(obj, name)
