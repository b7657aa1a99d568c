"""The error a person can cause: what is wrong, where, and the mend, in both languages."""

from __future__ import annotations


class Refusal(ValueError):
    """A refusal a person can act on.

    ``zh`` and ``en`` are whole sentences that say what is wrong, where, and the mend.
    ``code`` is stable, for tests and for callers that branch.
    ``where`` names the field, row or place, when there is one.
    """

    def __init__(self, code: str, zh: str, en: str, *, where: str = "") -> None:
        super().__init__(en)
        self.code = code
        self.zh = zh
        self.en = en
        self.where = where

    def text(self, language: str = "zh") -> str:
        return self.en if language.lower().startswith("en") else self.zh
