"""Which proposers read a document: the rules always; a labeller and a language model where somebody asks for them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from zhaoyin.base.errors import Refusal
from zhaoyin.reading.proposers import Proposer, Rules


@dataclass(frozen=True)
class Choice:
    """What to read with besides the rules. ``llm_url`` is an OpenAI-compatible endpoint (…/v1); answers are cached in ``cache``."""

    labeller: bool = False
    llm_url: str = ""
    llm_model: str = ""
    llm_key: str = ""
    cache: Path | None = None

    @classmethod
    def of_environment(cls, environment: Mapping[str, str] = os.environ, cache: Path | None = None) -> Choice:
        """ZHAOYIN_LABELLER=1, ZHAOYIN_LLM_URL, ZHAOYIN_LLM_MODEL, ZHAOYIN_LLM_KEY; all off by default."""
        return cls(
            labeller=environment.get("ZHAOYIN_LABELLER") == "1",
            llm_url=environment.get("ZHAOYIN_LLM_URL", ""),
            llm_model=environment.get("ZHAOYIN_LLM_MODEL", ""),
            llm_key=environment.get("ZHAOYIN_LLM_KEY", ""),
            cache=cache,
        )

    def proposers(self) -> list[Proposer]:
        """The proposers in their order. A Refusal when the labeller is not installed or the model has no name."""
        chosen: list[Proposer] = [Rules()]
        if self.labeller:
            from zhaoyin.reading.labeller import Labeller

            chosen.append(Labeller())
        if self.llm_url:
            if not self.llm_model:
                raise Refusal(
                    "no-model",
                    "给了语言模型的地址，没有写用哪个模型。补上模型名。",
                    "The address of a language model is given but not which model. Name it.",
                    where="llm-model",
                )
            from zhaoyin.reading.llm import LanguageModel

            chosen.append(
                LanguageModel(self.llm_url, self.llm_model, key=self.llm_key or None, cache=self.cache)
            )
        return chosen
