"""Fair competition: what a reward may not hinge on, and what alone lifts the bar.

Rule: 《公平竞争审查条例》（国务院令第783号，2024-08-01 起施行）第十条: without a basis in law or administrative
regulation, or the State Council's approval, a measure may not grant particular operators tax advantages or selective,
differential fiscal rewards or subsidies. A review record alone is no basis.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from zhaoyin.incentives import expr as x
from zhaoyin.incentives import fields as f
from zhaoyin.incentives import model as m

SINCE = dt.date(2024, 8, 1)
_REASONS = {
    "本地纳税": ("奖补与在本地缴的税或留成的贡献挂钩", "the reward hinges on tax paid or contributed here"),
    "迁移注册": (
        "奖补以迁入注册、不得迁出登记为条件",
        "the reward hinges on moving or keeping the registration here",
    ),
    "本地统计": ("奖补以在本地入统、纳统为条件", "the reward hinges on being counted in local statistics"),
    "指定企业": ("奖补只给点名的企业", "the reward is for a named firm"),
}
# names that give a concern away when the dictionary does not say so
_NAMES = (
    ("本地纳税", re.compile("纳税|税收|税额|地方贡献|综合贡献|地方财力|留成|入库")),
    ("迁移注册", re.compile("迁入|迁出|迁移|注册地|本地注册|本地登记")),
    ("本地统计", re.compile("入统|纳统|统计关系|本地统计")),
)


@dataclass(frozen=True, slots=True)
class Concern:
    """One thing the reward hinges on: which, where it is read, and the reason in both languages."""

    kind: str
    fields: tuple[str, ...]
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Lawfulness:
    """``offerable``: may enter an offer of that day. ``basis`` lifts the bar."""

    concerns: tuple[Concern, ...]
    barred: bool
    basis: m.Basis | None
    offerable: bool

    def text(self, language: str = "zh") -> str:
        english = language == "en"
        if not self.concerns:
            return "No concern found" if english else "未发现公平竞争问题"
        said = "; ".join(c.en for c in self.concerns) if english else "；".join(c.zh for c in self.concerns)
        if self.basis:
            proof = f"{self.basis.kind}《{self.basis.title}》{self.basis.number}"
            return f"{said}; lifted by {proof}" if english else f"{said}；已登记依据：{proof}"
        if self.offerable:
            return f"{said} (before 2024-08-01)" if english else f"{said}（2024-08-01 前）"
        if english:
            return f"{said}. Not offerable from 2024-08-01: record the law, regulation or State Council approval, or drop it."
        return f"{said}。2024-08-01 起不得列入报价：登记法律、行政法规或国务院批准依据，或者删去这一条件。"


def concerns(policy: m.Policy, dictionary: f.Dictionary) -> tuple[Concern, ...]:
    """What the clause hinges on, from its condition, amount and caps, and from what the file itself declares."""
    found: dict[str, list[str]] = {kind: [] for kind in policy.barred}
    read = [*x.fields(policy.condition), *policy.base, *(x.fields(policy.low) if policy.low else [])]
    for name in dict.fromkeys(read):
        entry = dictionary[name]
        kinds = [entry.touches] if entry.touches else [kind for kind, rx in _NAMES if rx.search(name)]
        for kind in kinds:
            found.setdefault(kind, []).append(name)
    return tuple(
        Concern(kind, tuple(names), _REASONS[kind][0] + _named(names), _REASONS[kind][1] + _named(names))
        for kind, names in found.items()
    )


def _named(names: list[str]) -> str:
    return f"（{'、'.join(names)}）" if names else ""


def judge(policy: m.Policy, dictionary: f.Dictionary, on: dt.date) -> Lawfulness:
    """Whether a clause may enter an offer dated ``on``. A fair-competition review record does not change the answer."""
    found = concerns(policy, dictionary)
    barred = bool(found)
    return Lawfulness(found, barred, policy.basis, not barred or policy.basis is not None or on < SINCE)
