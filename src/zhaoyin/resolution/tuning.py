"""Re-fit ranking and acceptance on links that people confirmed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from zhaoyin.base.errors import Refusal
from zhaoyin.resolution.model import Candidates, fit, pick
from zhaoyin.resolution.resolve import Register
from zhaoyin.resolution.tables_io import Row, column_of, name_column
from zhaoyin.resolution.text import normalise
from zhaoyin.resolution.train import labels

Link = tuple[str, frozenset[str]]  # what was written, the ids it means (empty: nobody in the register)


@dataclass(frozen=True)
class Tuned:
    """Cross-validated figures of the new model and of the old on the same links; ``kept`` says the new one is in use."""

    links: int
    precision: float
    recall: float
    f1: float
    before_f1: float
    kept: bool


def confirmed(rows: Sequence[Row], path: Path) -> list[Link]:
    written, ids = name_column(rows), column_of(rows, "id")
    if not ids:
        raise Refusal(
            "no-id-column",
            f"{path.name} 缺少 id 列（确认的单位编号，无对应者留空）。",
            f"{path.name} lacks an id column (the organisation confirmed, empty where nobody is meant).",
            where=path.name,
        )
    return [(row[written], frozenset({row[ids].strip()} - {""})) for row in rows]


def f1_of(
    matched: npt.NDArray[np.bool_], right: npt.NDArray[np.bool_], answerable: int
) -> tuple[float, float, float]:
    """Precision, recall and F1; an answer to a name nobody bears is an error."""
    hit = int((matched & right).sum())
    precision = hit / max(1, int(matched.sum()))
    recall = hit / max(1, answerable)
    return precision, recall, 2 * precision * recall / max(1e-9, precision + recall)


@dataclass(frozen=True)
class CrossValidated:
    """Out-of-fold answers: ``order``, ``probability`` and whether each would be given (``matched``)."""

    order: npt.NDArray[np.int32]
    probability: npt.NDArray[np.float32]
    matched: npt.NDArray[np.bool_]


def cross_validate(
    candidates: Candidates,
    right: npt.NDArray[np.bool_],
    answerable: npt.NDArray[np.bool_],
    *,
    folds: int = 5,
    listed_prior: bool = True,
    seed: int = 0,
) -> CrossValidated:
    """Every link answered by a model that has not seen it; threshold and calibration are fitted inside each fold too."""
    total = len(candidates.count)
    fold = np.random.default_rng(seed).permutation(total) % folds
    order = np.full(candidates.rows.shape, -1, np.int32)
    probability = np.zeros(total, np.float32)
    matched = np.zeros(total, np.bool_)
    for part in range(folds):
        inside, outside = np.flatnonzero(fold != part), np.flatnonzero(fold == part)
        model = fit(
            pick(candidates, inside),
            right[inside],
            answerable[inside],
            trained_on="",
            background={},
            listed_prior=listed_prior,
        )
        order[outside], _, probability[outside] = model.score(pick(candidates, outside))
        matched[outside] = probability[outside] >= model.match_at
    return CrossValidated(order, probability, matched)


def winners(
    candidates: Candidates, right: npt.NDArray[np.bool_], order: npt.NDArray[np.int32]
) -> npt.NDArray[np.bool_]:
    return np.array([candidates.count[i] > 0 and right[i, order[i, 0]] for i in range(len(order))], np.bool_)


def tune_register(folder: Path, links: Sequence[Link]) -> Tuned:
    """Fit on the links and put the model beside the register, if cross-validation says that it is better."""
    register = Register.open(folder)
    candidates, _ = register.measure([normalise(text) for text, _ in links])
    right = labels(register, candidates, [ids for _, ids in links])
    answerable = np.array([bool(ids) for _, ids in links])
    old = register.model
    old_order, _, old_probability = old.score(candidates)
    before = f1_of(
        old_probability >= old.match_at, winners(candidates, right, old_order), int(answerable.sum())
    )[2]
    tried = cross_validate(candidates, right, answerable)
    precision, recall, f1 = f1_of(
        tried.matched, winners(candidates, right, tried.order), int(answerable.sum())
    )
    kept = f1 > before
    if kept:
        model = fit(
            candidates,
            right,
            answerable,
            trained_on=f"{len(links)} confirmed links",
            background=old.background,
        )
        model.save(folder / "model.npz")
    return Tuned(len(links), precision, recall, f1, before, kept)
