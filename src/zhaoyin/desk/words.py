"""Words in both languages, side by side where they are used: nothing can be left untranslated.

``t("项目", "Projects")`` is lazy, so it may stand in a table at import; ``t("共 {n} 件", "{n} items", n=3)`` fills in.
In templates the tag is ``{% t "项目" "Projects" %}``.
"""

from __future__ import annotations

from typing import Any

from django.utils.functional import lazy
from django.utils.translation import get_language

from zhaoyin.base.errors import Refusal


def english() -> bool:
    return (get_language() or "zh").startswith("en")


def say(zh: str, en: str, **values: Any) -> str:
    """The phrase in the language of now."""
    phrase = en if english() else zh
    return phrase.format(**values) if values else phrase


def t(zh: str, en: str, **values: Any) -> Any:
    """The phrase in the language of whoever reads it, decided when it is shown."""
    return _lazy(zh, en, values)


class _Lazy:
    __slots__ = ("en", "values", "zh")

    def __init__(self, zh: str, en: str, values: dict[str, Any]) -> None:
        self.zh, self.en, self.values = zh, en, values

    def __str__(self) -> str:
        return say(self.zh, self.en, **self.values)


_shown = lazy(str, str)  # made once: Django builds a class for each call of lazy


def _lazy(zh: str, en: str, values: dict[str, Any]) -> Any:
    return _shown(_Lazy(zh, en, values))


def sentence(refusal: Refusal) -> str:
    """A refusal's sentence in the language of now."""
    return refusal.en if english() else refusal.zh
