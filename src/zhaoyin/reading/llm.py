"""A large language model beside the rules, through one OpenAI-compatible endpoint. Off unless a caller makes one.

Nothing it says is believed: a fact counts only when its evidence, its name and every other wording it gives stand in
the text, and its codes are among the schema's. What it says of numbers is read again from the wording.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, cast

import httpx
from pydantic import BaseModel, ValidationError

from zhaoyin.reading.draft import Draft, trimmed
from zhaoyin.reading.model import FactKind
from zhaoyin.reading.proposers import Proposal
from zhaoyin.reading.scan import MONEY, Scan, money_of

VERSION = "1"
MOST = 12_000
"""Characters of one text that are sent; the rest is left to the rules."""


class _Item(BaseModel):
    evidence: str


class _Event(_Item):
    name: str
    kind: Literal["promotion", "signing", "festival", "forum", "visit", "groundbreaking", "other"] | None = (
        None
    )
    venue: str | None = None


class _Project(_Item):
    name: str
    stage: Literal["negotiating", "signed", "construction", "production", "planned", "other"] | None = None
    local_party: str | None = None
    investors: list[str] = []
    place: str | None = None
    amount_text: str | None = None
    agreement: Literal["strategic", "project", "other"] | None = None


class _Person(_Item):
    name: str
    title: str | None = None
    org: str | None = None


class _Policy(_Item):
    name: str
    amount_text: str | None = None


class Answer(BaseModel):
    """What the endpoint is asked to fill in."""

    events: list[_Event] = []
    projects: list[_Project] = []
    people: list[_Person] = []
    policies: list[_Policy] = []


_KINDS: Mapping[str, FactKind] = {
    "events": "event",
    "projects": "project",
    "people": "person",
    "policies": "policy",
}
_CODES = frozenset({"kind", "stage", "agreement"})
_TASK = (
    "从下面的招商引资文本中抽取活动、项目与协议、人员、政策。只写文本里有的；每条附 evidence，必须是文本中逐字出现的一段；"
    "所有名称逐字照抄；没有的写 null。只返回 JSON。"
)


class LanguageModel:
    """A proposer that asks ``url`` (…/v1) for one JSON answer a text.

    ``timeout`` seconds for one try, ``tries`` at most; ``cache`` a folder that keeps answers by the hash of model,
    task and text. A failure gives a notice and no facts; it never stops the reading.
    """

    name = "llm"

    def __init__(
        self,
        url: str,
        model: str,
        *,
        key: str | None = None,
        timeout: float = 60.0,
        tries: int = 2,
        cache: Path | None = None,
    ) -> None:
        self.url, self.model, self.key = url.rstrip("/"), model, key
        self.timeout, self.tries, self.cache = timeout, max(1, tries), cache

    def propose(self, scan: Scan, earlier: Sequence[Draft]) -> Proposal:
        text = scan.text[:MOST]
        if not text.strip():
            return Proposal()
        try:
            answer = self._cached(text) or self._ask(text)
        except _Failure as failure:
            return Proposal(
                notices=[
                    (
                        "llm",
                        f"语言模型未作答：{failure.zh}。",
                        f"The language model gave no answer: {failure.en}.",
                    )
                ]
            )
        drafts = [
            draft
            for section, kind in _KINDS.items()
            for item in getattr(answer, section)
            if (draft := _grounded(scan, kind, item)) is not None and not _known(scan, draft, earlier)
        ]
        return Proposal(drafts)

    # The endpoint.

    def _ask(self, text: str) -> Answer:
        body = {
            "model": self.model,
            "temperature": 0,
            "messages": [{"role": "system", "content": _TASK}, {"role": "user", "content": text}],
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "reading", "schema": Answer.model_json_schema()},
            },
        }
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        last = _Failure("没有回应", "no response")
        for _ in range(self.tries):
            try:
                response = httpx.post(
                    f"{self.url}/chat/completions", json=body, headers=headers, timeout=self.timeout
                )
                if response.status_code != 200:
                    last = _Failure(f"状态 {response.status_code}", f"status {response.status_code}")
                    if response.status_code < 500 and response.status_code != 429:
                        break
                    continue
                content = response.json()["choices"][0]["message"]["content"]
                answer = Answer.model_validate_json(content)
            except httpx.TimeoutException:
                last = _Failure(f"超过 {self.timeout:g} 秒", f"more than {self.timeout:g} s")
            except httpx.HTTPError as error:
                last = _Failure(
                    f"连接失败（{type(error).__name__}）", f"connection failed ({type(error).__name__})"
                )
            except (ValidationError, ValueError, KeyError, IndexError, TypeError):
                last = _Failure("回答不是约定的 JSON", "the answer is not the JSON asked for")
            else:
                self._keep(text, answer)
                return answer
        raise last

    # The cache.

    def _path(self, text: str) -> Path | None:
        if self.cache is None:
            return None
        mark = hashlib.sha256(
            "\0".join((VERSION, self.url, self.model, _TASK, text)).encode("utf-8", "surrogatepass")
        )
        return self.cache / f"{mark.hexdigest()}.json"

    def _cached(self, text: str) -> Answer | None:
        path = self._path(text)
        try:
            return Answer.model_validate_json(path.read_bytes()) if path and path.is_file() else None
        except (OSError, ValidationError):
            return None

    def _keep(self, text: str, answer: Answer) -> None:
        path = self._path(text)
        if path is None:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=path.parent)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(json.dumps(answer.model_dump(), ensure_ascii=False))
            Path(name).replace(path)
        except OSError:
            return  # a cache that cannot be written costs a question, not the reading


class _Failure(Exception):
    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.zh, self.en = zh, en


def _grounded(scan: Scan, kind: FactKind, item: _Item) -> Draft | None:
    """The item as a draft when the text says it; None when its evidence or its name is not there."""
    evidence = item.evidence.strip()
    start = scan.text.find(evidence) if len(evidence) >= 2 else -1
    if start < 0:
        return None
    draft = Draft(kind, start, start + len(evidence), signals={"llm": 1.0})
    for field, value in item.model_dump(exclude={"evidence"}).items():
        if field in _CODES:
            draft.put(field, value, (start, start + len(evidence)))
            continue
        for word in cast(Iterable[Any], value if isinstance(value, list) else [value]):
            place = _place(scan, str(word), start, start + len(evidence)) if word else None
            if place is None:
                continue
            if isinstance(value, list):
                draft.add(field, scan.quote(*place), place)
            else:
                draft.put(field, scan.quote(*place), place)
    if "name" not in draft.fields:
        return None
    spans = draft.spans.get("amount_text")
    if kind == "project" and spans and (match := MONEY.search(scan.text, *spans[0])):
        money = money_of(match)
        if money.wan is not None:
            draft.put("amount_wan", money.wan, spans[0])
    return draft


def _place(scan: Scan, word: str, start: int, end: int) -> tuple[int, int] | None:
    """Where the wording stands: in the evidence, or in the sentences right around it."""
    word = word.strip()
    if not word:
        return None
    at = scan.text.find(word, start, end)
    if at < 0:
        at = scan.text.find(word, max(0, start - 200), min(len(scan.text), end + 200))
    return trimmed(scan, at, at + len(word)) if at >= 0 else None


def _known(scan: Scan, draft: Draft, earlier: Sequence[Draft]) -> bool:
    """Whether a proposer before named the same thing; it is then confirmed rather than said twice."""
    name = scan.text[slice(*draft.spans["name"][0])]
    for other in earlier:
        if other.kind != draft.kind or not other.spans.get("name"):
            continue
        theirs = scan.text[slice(*other.spans["name"][0])]
        if name == theirs or (min(len(name), len(theirs)) >= 4 and (name in theirs or theirs in name)):
            other.signals["confirmed"] = 1.0
            return True
    return False
