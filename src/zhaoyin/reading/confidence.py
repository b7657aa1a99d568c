"""How sure: a logistic model a kind, over what is known of a fact when it is proposed.

Fitted on the project's own annotated texts (`bench/reading.py --fit`); the weights ship as data/confidence.json.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping
from importlib.resources import files

from zhaoyin.reading.draft import Draft

PLAIN = 0.5
"""Of a kind that was never fitted."""


def features(draft: Draft) -> dict[str, float]:
    """Which fields are stated, which signals the proposer gave, how long name and evidence are."""
    found = {f"has:{name}": 1.0 for name in draft.fields if name not in {"name", "kind", "stage", "sector"}}
    found |= {
        f"sig:{name}": min(value, 3.0) for name, value in draft.signals.items() if name not in {"end", "part"}
    }
    found["name"] = min(len(draft.name), 30) / 10
    found["evidence"] = min(draft.end - draft.start, 300) / 100
    return found


@functools.cache
def _models() -> Mapping[str, Mapping[str, float]]:
    path = files("zhaoyin.reading") / "data" / "confidence.json"
    models: Mapping[str, Mapping[str, float]] = json.loads(path.read_text(encoding="utf-8"))
    return models


def confidence(draft: Draft) -> float:
    """The probability that a careful reader accepts the fact."""
    weights = _models().get(draft.kind)
    if weights is None:
        return PLAIN
    z = weights["bias"] + sum(weights.get(name, 0.0) * value for name, value in features(draft).items())
    return round(1 / (1 + math.exp(-max(-30.0, min(30.0, z)))), 4)
