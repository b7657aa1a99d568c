"""Figures of a reckoning: the number with its mark, or the reason why it is unknown."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from zhaoyin.desk.chains.models import FIGURE_WORDS, Standing
from zhaoyin.desk.chains.queries import Segment, pick
from zhaoyin.desk.chains.queries import amount as plain_amount
from zhaoyin.desk.templatetags.desk import _provenance_url, proof_button
from zhaoyin.desk.words import say

register = template.Library()
DIGITS = {"firms": 0, "diversity": 0, "n_eff": 1, "lq": 1}
REASONS = {"severity": "shortfall", "firms": "lq"}


@register.simple_tag
def chain_figure(standing: Standing | None, segment: Segment, name: str) -> SafeString:
    """A figure of a segment with its mark; unknown says why, never 0."""
    value = segment.found.get(name)
    if standing is None or value is None:
        return _unknown(segment.reason(name) or segment.reason(REASONS.get(name, "")), bool(standing))
    if name == "lq" and segment.empty:
        return _unknown(say("没有企业，不比", "no firm, no quotient"), True, word="")
    number = segment.firms if name == "firms" else f"{value:.{DIGITS.get(name, 2)}f}"
    unit = say("家", "") if name in ("firms", "n_eff") else ""
    return _shown(
        standing,
        f"{segment.node.node_id}.{name}",
        number,
        unit,
        f"{segment.name} {FIGURE_WORDS[name]} {number}",
    )


@register.simple_tag
def region_figure(standing: Standing, name: str) -> SafeString:
    value = standing.report.get(name)
    if value is None:
        return _unknown(pick((standing.report.get("why") or {}).get(name)), True)
    number = f"{value:.{DIGITS.get(name, 2)}f}"
    return _shown(standing, name, number, "", f"{FIGURE_WORDS[name]} {number}")


def _shown(standing: Standing, field: str, number: str, unit: str, words: str) -> SafeString:
    mark: Any = ""
    if found := getattr(standing, "proofs", {}).get(field):
        mark = proof_button(found.mark, _provenance_url(standing, field), words)
    return format_html(
        '<span class="zy-fig"><span class="zy-fig__n">{}</span><span class="zy-fig__u">{}</span>{}</span>',
        number,
        unit,
        mark,
    )


def _unknown(reason: str, reckoned: bool, word: str | None = None) -> SafeString:
    if word is None:
        word = say("不知道", "unknown") if reckoned else say("未测算", "not reckoned")
    if not word:
        return format_html('<span class="zy-small zy-mute">{}</span>', reason)
    if not reason:
        return format_html('<span class="zy-mute">{}</span>', word)
    return format_html(
        '<span class="zy-mute">{}</span><span class="zy-small zy-mute zy-block">{}</span>', word, reason
    )


@register.simple_tag
def percent(value: float | None) -> str:
    return "" if value is None else f"{value:.0%}"


@register.simple_tag
def amount(value: float, estimated: bool) -> str:
    return plain_amount(value, bool(estimated))
