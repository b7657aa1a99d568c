"""Ranking and acceptance: two boosted models and a monotone calibration, fitted together, shipped as one small file."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from zhaoyin.base.errors import Refusal
from zhaoyin.resolution.features import LISTED_PRIOR, N_FEATURES
from zhaoyin.resolution.trees import Trees, flatten, predict

njit: Any = numba.njit(cache=True, nogil=True)

F32 = npt.NDArray[np.float32]
GROUP_FEATURES = (
    "score", "margin to second", "close rivals", "best explained minus winner's", "margin to third",
    "rivals with the same core", "second explained", "candidates", "cores of rivals among the close", "score share",
)  # fmt: skip

RANK = {
    "objective": "lambdarank", "num_leaves": 31, "learning_rate": 0.08, "min_data_in_leaf": 30, "verbose": -1,
    "num_threads": 1, "lambdarank_truncation_level": 5, "seed": 7, "deterministic": True, "force_row_wise": True,
    "feature_fraction": 0.8,
}  # fmt: skip
ACCEPT = {
    "objective": "binary", "num_leaves": 15, "learning_rate": 0.05, "min_data_in_leaf": 25, "verbose": -1,
    "num_threads": 1, "seed": 7, "deterministic": True, "force_row_wise": True, "feature_fraction": 0.6,
    "bagging_fraction": 0.8, "bagging_freq": 1, "lambda_l2": 2.0,
}  # fmt: skip
TRAIN_FIRST, TRAIN_SHARE = (
    10,
    0.35,
)  # candidates learnt from: the first of the retrieval, a share of the rest, the right one


@dataclass(frozen=True)
class Candidates:
    """For Q written names: ``count[Q]``, ``rows[Q, K]`` (register-wide row or -1), ``cores[Q, K]``, ``features[Q, K, F]``."""

    count: npt.NDArray[np.int32]
    rows: npt.NDArray[np.int64]
    cores: npt.NDArray[np.uint64]
    features: F32


@njit
def _order(count, scores, rows):
    """Candidates of each name by descending score; ``rows`` breaks exact ties so that runs agree."""
    order = np.full(scores.shape, -1, np.int32)
    for i in range(len(count)):
        k = count[i]
        if k > 0:
            order[i, :k] = np.argsort(-scores[i, :k], kind="mergesort")
    return order


@njit
def _group_rows(count, order, scores, features, cores, out):
    """The acceptance features of each name: those of its winner, and how the winner stands among the rest."""
    width = features.shape[2]
    for i in range(len(count)):
        k = count[i]
        if k == 0:
            continue
        first = order[i, 0]
        for f in range(width):
            out[i, f] = features[i, first, f]
        top = scores[i, first]
        second = scores[i, order[i, 1]] if k > 1 else top - 10
        third = scores[i, order[i, 2]] if k > 2 else top - 10
        close, rivals, close_cores = 0, 0, 0
        best = np.float32(0.0)
        for o in range(k):
            c = order[i, o]
            best = max(best, features[i, c, 0])
            if o > 0 and cores[i, c] == cores[i, first]:
                rivals += 1
            if scores[i, c] > top - 1:
                close += 1
                if cores[i, c] != cores[i, first]:
                    close_cores += 1
        out[i, width] = top
        out[i, width + 1] = top - second
        out[i, width + 2] = close
        out[i, width + 3] = best - features[i, first, 0]
        out[i, width + 4] = top - third
        out[i, width + 5] = rivals
        out[i, width + 6] = features[i, order[i, 1], 0] if k > 1 else 0.0
        out[i, width + 7] = k
        out[i, width + 8] = close_cores
        share = np.float32(0.0)
        for o in range(k):
            share += np.exp(scores[i, order[i, o]] - top)
        out[i, width + 9] = 1.0 / share


@dataclass(frozen=True)
class Model:
    """``ranker`` orders the candidates; ``acceptor`` and the calibration (``raw`` → ``probability``, both ascending) say how
    likely the winner is right; at ``match_at`` or above it is a match, below ``review_at`` the name is new."""

    ranker: Trees
    acceptor: Trees
    raw: F32
    probability: F32
    match_at: float
    review_at: float
    listed_prior: bool = True
    trained_on: str = ""
    background: dict[int, float] = field(default_factory=dict)  # code point → share of names that hold it

    def score(self, candidates: Candidates) -> tuple[npt.NDArray[np.int32], F32, F32]:
        """(order[Q, K], scores[Q, K], probability[Q]) of the candidates."""
        features = candidates.features if self.listed_prior else without_prior(candidates.features)
        total, room, _ = features.shape
        mask = np.arange(room) < candidates.count[:, None]
        scores = np.full((total, room), -1e9, np.float32)
        scores[mask] = predict(self.ranker, np.ascontiguousarray(features[mask]))
        order = _order(candidates.count, scores, candidates.rows)
        rows = group_rows(candidates, order, scores, features)
        raw = predict(self.acceptor, rows)
        probability = np.interp(raw, self.raw, self.probability).astype(np.float32)
        probability[candidates.count == 0] = 0.0
        return order, scores, probability

    def save(self, path: Path) -> None:
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer,
            **{f"ranker_{k}": v for k, v in self.ranker._asdict().items()},
            **{f"acceptor_{k}": v for k, v in self.acceptor._asdict().items()},
            raw=self.raw,
            probability=self.probability,
            thresholds=np.array([self.match_at, self.review_at, float(self.listed_prior)], np.float64),
            trained_on=np.array(self.trained_on),
            background_codes=np.array(list(self.background), np.int32),
            background_shares=np.array(list(self.background.values()), np.float32),
            features=np.array(N_FEATURES),
        )
        temporary = path.with_name(path.name + ".new")
        temporary.write_bytes(buffer.getvalue())
        temporary.replace(path)

    @classmethod
    def load(cls, path: Path | None = None) -> Model:
        """The shipped model, or the one at ``path``."""
        if path is None:
            return _shipped()
        try:
            return _read(path.read_bytes())
        except (OSError, ValueError, KeyError, EOFError) as problem:
            raise Refusal(
                "model-unreadable",
                f"模型文件 {path} 读不出来（{problem}）。请用 zhaoyin names tune 重新生成，或不指定模型以使用随附的模型。",
                f"The model file {path} cannot be read ({problem}). Make it again with `zhaoyin names tune`, or leave it out to use the shipped one.",
                where=str(path),
            ) from problem


def _read(data: bytes) -> Model:
    with np.load(io.BytesIO(data), allow_pickle=False) as found:
        if int(found["features"]) != N_FEATURES:
            raise ValueError("made by another version")
        match_at, review_at, prior = found["thresholds"].tolist()
        return Model(
            Trees(*(found[f"ranker_{name}"] for name in Trees._fields)),
            Trees(*(found[f"acceptor_{name}"] for name in Trees._fields)),
            found["raw"],
            found["probability"],
            match_at,
            review_at,
            bool(prior),
            str(found["trained_on"]),
            dict(zip(found["background_codes"].tolist(), found["background_shares"].tolist(), strict=True)),
        )


@cache
def _shipped() -> Model:
    return _read(resources.files("zhaoyin.resolution").joinpath("data/model.npz").read_bytes())


def without_prior(features: F32) -> F32:
    """The features with those blanked that say "a short name usually means the listed firm"."""
    blank = features.copy()
    blank[..., list(LISTED_PRIOR)] = 0
    return blank


def group_rows(candidates: Candidates, order: npt.NDArray[np.int32], scores: F32, features: F32) -> F32:
    rows = np.zeros((len(candidates.count), N_FEATURES + len(GROUP_FEATURES)), np.float32)
    _group_rows(candidates.count, order, scores, features, candidates.cores, rows)
    return rows


def _training_rows(
    candidates: Candidates, features: F32, right: npt.NDArray[np.bool_], names: npt.NDArray[np.int64]
) -> tuple[F32, npt.NDArray[np.int8], list[int]]:
    taken, labels, groups = [], [], []
    chance = np.random.default_rng(11).random(right.shape) < TRAIN_SHARE
    for i in names:
        count = int(candidates.count[i])
        if not right[i, :count].any():
            continue
        keep = np.flatnonzero((np.arange(count) < TRAIN_FIRST) | chance[i, :count] | right[i, :count])
        taken.append(features[i, keep])
        labels.append(right[i, keep].astype(np.int8))
        groups.append(len(keep))
    return np.concatenate(taken), np.concatenate(labels), groups


def fit_ranker(
    candidates: Candidates,
    features: F32,
    right: npt.NDArray[np.bool_],
    names: npt.NDArray[np.int64],
    rounds: int = 180,
) -> Trees:
    import lightgbm

    rows, labels, groups = _training_rows(candidates, features, right, names)
    data = lightgbm.Dataset(rows, labels, group=groups, params={"verbose": -1})
    return flatten(lightgbm.train(RANK, data, rounds))


def _rank(ranker: Trees, candidates: Candidates, features: F32) -> tuple[npt.NDArray[np.int32], F32]:
    mask = np.arange(features.shape[1]) < candidates.count[:, None]
    scores = np.full(mask.shape, -1e9, np.float32)
    scores[mask] = predict(ranker, np.ascontiguousarray(features[mask]))
    return _order(candidates.count, scores, candidates.rows), scores


def pick(candidates: Candidates, names: npt.NDArray[np.int64]) -> Candidates:
    return Candidates(
        candidates.count[names], candidates.rows[names], candidates.cores[names], candidates.features[names]
    )


def fit(
    candidates: Candidates,
    right: npt.NDArray[np.bool_],
    answerable: npt.NDArray[np.bool_],
    *,
    trained_on: str,
    background: dict[int, float],
    listed_prior: bool = True,
    folds: int = 3,
    seed: int = 7,
    match_at: float | None = None,
) -> Model:
    """Fit both models on confirmed links.

    ``right[Q, K]``: the candidate is the organisation meant; ``answerable[Q]``: the register holds it at all. The acceptor
    learns on out-of-fold rankings, and calibration and threshold on out-of-fold acceptance, so that neither flatters itself.
    The threshold maximises F1 with answers to unanswerable names counted as errors, unless given.
    """
    import lightgbm
    from sklearn.isotonic import IsotonicRegression

    features = candidates.features if listed_prior else without_prior(candidates.features)
    total = len(candidates.count)
    if total < 50 or not right.any():
        raise Refusal(
            "too-few-links",
            f"只有 {total} 条可用的确认结果，至少要 50 条（其中要有匹配上的）才能重新拟合。请继续复核后再试。",
            f"Only {total} usable confirmed links; at least 50 are needed, some of them matches. Confirm more and try again.",
        )
    fold = np.random.default_rng(seed).permutation(total) % folds
    everyone = np.arange(total)
    rows = np.zeros((total, N_FEATURES + len(GROUP_FEATURES)), np.float32)
    hit = np.zeros(total, np.int8)
    for part in range(folds):
        inside, outside = everyone[fold != part], everyone[fold == part]
        ranker = fit_ranker(candidates, features, right, inside)
        held = pick(candidates, outside)
        order, scores = _rank(ranker, held, features[outside])
        rows[outside] = group_rows(held, order, scores, features[outside])
        hit[outside] = [held.count[k] > 0 and right[i, order[k, 0]] for k, i in enumerate(outside)]
    raw = np.zeros(total, np.float64)
    for part in range(folds):
        inside, outside = everyone[fold != part], everyone[fold == part]
        data = lightgbm.Dataset(rows[inside], hit[inside], params={"verbose": -1})
        raw[outside] = lightgbm.train(ACCEPT, data, 220).predict(rows[outside], raw_score=True)
    calibration = IsotonicRegression(y_min=0.001, y_max=0.999, out_of_bounds="clip").fit(raw, hit)
    # a plateau would hide the order within it from the threshold, so one part in a hundred keeps rising
    at = np.unique(np.quantile(raw, np.linspace(0, 1, 400)))
    knots = (
        at.astype(np.float32),
        (0.99 * calibration.predict(at) + 0.01 / (1 + np.exp(-at))).astype(np.float32),
    )
    if match_at is None:
        match_at = best_threshold(np.interp(raw, *knots), hit, int(answerable.sum()))
    acceptor = flatten(lightgbm.train(ACCEPT, lightgbm.Dataset(rows, hit, params={"verbose": -1}), 220))
    return Model(
        fit_ranker(candidates, features, right, everyone),
        acceptor,
        *knots,
        match_at=float(match_at),
        review_at=min(0.1, float(match_at) / 2),
        listed_prior=listed_prior,
        trained_on=trained_on,
        background=background,
    )


def best_threshold(
    probability: Sequence[float] | npt.NDArray[np.float64], hit: npt.NDArray[np.int8], answerable: int
) -> float:
    """The probability at which F1 is highest: precision over the answers given, recall over the ``answerable``."""
    order = np.argsort(-np.asarray(probability), kind="mergesort")
    right = np.cumsum(hit[order])
    given = np.arange(1, len(order) + 1)
    f1 = 2 * right / (given + answerable)
    values = np.asarray(probability)[order]
    f1[:-1][values[:-1] == values[1:]] = -1  # a threshold cannot cut between equal values
    return float(values[int(np.argmax(f1))])
