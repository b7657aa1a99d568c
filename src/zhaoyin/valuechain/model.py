"""Text → label, fitted on the user's own labelled texts: character TF-IDF and a linear classifier.

Characters and pairs of characters (no word list to keep), one-against-rest linear SVM with balanced classes; the names
of the labels stand among the training documents, so a rare label still has words. Where labels have parents (SW3 in
SW2 in SW1, or a code table) a classifier per level is fitted and their weights are added, which leaves one linear model.

Abstention is by margin: what the best label leads the second by. The margin for a wanted precision comes from
cross-validation at fitting and is kept in the model card. A model is a folder of ``card.json`` and ``weights.npz``;
nothing in it is executed on loading.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix, vstack

from zhaoyin.base.errors import Refusal

FORMAT = 1
LEVEL_WEIGHTS = (1.0, 0.5, 0.3)  # the label itself, its parent, its grandparent
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Guess:
    """``label`` with its margin over the next; ``decided`` False is an abstention. ``spans``: (start, end) of the text."""

    label: str
    score: float
    margin: float
    decided: bool
    others: tuple[str, ...]
    spans: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class TextModel:
    """A fitted model: vocabulary and idf of V n-grams, ``coef`` V × L (float32), ``intercept`` L, labels, card."""

    vocabulary: Mapping[str, int]
    idf: Floats
    coef: Floats
    intercept: Floats
    labels: tuple[str, ...]
    margin: float
    card: Mapping[str, Any] = field(default_factory=dict)

    # ---- fitting -------------------------------------------------------------------------------------------

    @classmethod
    def fit(
        cls,
        texts: Sequence[str],
        labels: Sequence[str],
        *,
        names: Mapping[str, str] | None = None,
        parents: Mapping[str, str] | None = None,
        precision: float = 0.8,
        folds: int = 5,
        seed: int = 7,
        note: str = "",
        on_step: Callable[[int, int], None] | None = None,
    ) -> TextModel:
        """Fit on texts and labels of equal length.

        ``names``: label → words that name it (default: the label itself); labels without a text may be among them.
        ``parents``: label → label one level up. ``precision``: what the abstention aims at, on cross-validation.
        Refuses fewer than two labels or fewer than 20 texts.
        """
        x = [t or "" for t in texts]
        y = np.asarray([str(v) for v in labels])
        named = {str(k): v for k, v in (names or {}).items()}
        all_labels = sorted({*map(str, y), *_bottom(named, parents, y)})
        if len(x) < 20 or len(set(y)) < 2:
            raise Refusal(
                "train.too_few",
                f"有标签的文本只有 {len(x)} 条、{len(set(y))} 类。至少要 20 条、2 类。",
                f"There are {len(x)} labelled texts of {len(set(y))} labels. At least 20 of 2 are needed.",
            )
        steps = folds + 1
        rng = np.random.default_rng(seed)
        fold = rng.permutation(len(x)) % folds
        predicted = np.empty(len(x), dtype=object)
        margins = np.zeros(len(x))
        for k in range(folds):
            train, test = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
            part = _fit([x[i] for i in train], y[train], all_labels, named, parents, seed=seed)
            predicted[test], margins[test] = part.decide([x[i] for i in test])
            if on_step:
                on_step(k + 1, steps)
        hit = predicted == y
        order = np.argsort(-margins, kind="stable")
        running = np.cumsum(hit[order]) / np.arange(1, len(order) + 1)
        enough = np.flatnonzero(running >= precision)
        margin = float(margins[order[enough[-1]]]) if enough.size else float("inf")
        if enough.size and enough[-1] == len(order) - 1:
            margin = 0.0  # precise enough without abstaining
        model = _fit(x, y, all_labels, named, parents, seed=seed)
        if on_step:
            on_step(steps, steps)
        curve = {
            f"{c:.1f}": round(float(running[max(0, int(len(order) * c) - 1)]), 4)
            for c in (0.2, 0.4, 0.5, 0.6, 0.8, 1.0)
        }
        card = {
            "format": FORMAT,
            "kind": "character 1-2-gram TF-IDF, linear SVM, label names as documents",
            "made_at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            "texts": len(x),
            "labels": len(all_labels),
            "labels_without_text": len(set(all_labels) - set(y)),
            "levels": len(_levels(all_labels, parents)),
            "data_sha256": hashlib.sha256(
                "\n".join(f"{a}\t{b}" for a, b in zip(x, y, strict=True)).encode()
            ).hexdigest(),
            "folds": folds,
            "seed": seed,
            "macro_f1": round(macro_f1(list(y), list(predicted)), 4),
            "top1": round(float(hit.mean()), 4),
            "precision_at_coverage": curve,
            "aimed_precision": precision,
            "margin": margin if np.isfinite(margin) else None,
            "coverage_at_margin": round(float(enough[-1] + 1) / len(order), 4) if enough.size else 0.0,
            "limits": "Trained on the user's own labels; figures are cross-validated on the same source. "
            "Shows candidates; a person decides.",
            "note": note,
        }
        return cls(model.vocabulary, model.idf, model.coef, model.intercept, model.labels, margin, card)

    # ---- use -----------------------------------------------------------------------------------------------

    def features(self, texts: Sequence[str]) -> csr_matrix:
        return _tfidf(texts, self.vocabulary, self.idf)

    def scores(self, texts: Sequence[str]) -> Floats:
        """Texts × labels."""
        result: Floats = np.asarray(self.features(texts) @ self.coef) + self.intercept
        return result

    def decide(
        self, texts: Sequence[str], *, chunk: int = 2000
    ) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.float64]]:
        """(best label, margin to the second) of each text, in chunks to keep memory flat."""
        names = np.asarray(self.labels, dtype=object)
        best = np.empty(len(texts), dtype=object)
        margin = np.zeros(len(texts))
        for at in range(0, len(texts), chunk):
            s = self.scores(texts[at : at + chunk])
            rows = np.arange(len(s))
            first = s.argmax(1)
            top = s[rows, first].copy()
            s[rows, first] = -np.inf
            best[at : at + chunk] = names[first]
            margin[at : at + chunk] = top - s.max(1)
        return best, margin

    def guess(self, text: str, *, limit: int = 3) -> Guess:
        """The best labels of one text with the words that weigh most for the first."""
        if not self.features([text]).nnz:
            return Guess("", 0.0, 0.0, False, ())
        s = self.scores([text])[0]
        order = np.argsort(-s, kind="stable")[: max(2, limit)]
        margin = float(s[order[0]] - s[order[1]])
        return Guess(
            label=self.labels[int(order[0])],
            score=float(s[order[0]]),
            margin=margin,
            decided=margin >= self.margin,
            others=tuple(self.labels[int(i)] for i in order[1:limit]),
            spans=self.evidence(text, self.labels[int(order[0])]),
        )

    def evidence(self, text: str, label: str, *, limit: int = 3) -> tuple[tuple[int, int], ...]:
        """Up to ``limit`` spans of ``text`` that weigh most for ``label``, strongest first."""
        column = self.coef[:, self.labels.index(label)]
        weight = np.zeros(len(text))
        lowered = text.lower()
        for n in (1, 2):
            for i in range(len(lowered) - n + 1):
                j = self.vocabulary.get(lowered[i : i + n])
                if j is not None:
                    weight[i : i + n] += column[j] * self.idf[j] / n
        strong = weight > max(float(weight.max(initial=0.0)) * 0.35, 0.0)
        spans: list[tuple[int, int]] = []
        start: int | None = None
        for i in range(len(text) + 1):
            inside = i < len(text) and bool(strong[i])
            if inside and start is None:
                start = i
            elif not inside and start is not None:
                spans.append((start, i))
                start = None
        spans.sort(key=lambda s: (-float(weight[s[0] : s[1]].sum()), s[0]))
        return tuple(spans[:limit])

    # ---- files ---------------------------------------------------------------------------------------------

    def save(self, folder: str | Path) -> None:
        home = Path(folder)
        home.mkdir(parents=True, exist_ok=True)
        grams = sorted(self.vocabulary, key=self.vocabulary.__getitem__)
        np.savez_compressed(
            home / "weights.npz",
            idf=self.idf,
            coef=self.coef.astype(np.float16),
            intercept=self.intercept,
            grams=np.asarray(grams),
            labels=np.asarray(self.labels),
        )
        (home / "card.json").write_text(
            json.dumps(dict(self.card), ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
        )

    @classmethod
    def load(cls, folder: str | Path) -> TextModel:
        home = Path(folder)
        try:
            card = json.loads((home / "card.json").read_text(encoding="utf-8"))
            with np.load(home / "weights.npz", allow_pickle=False) as data:
                grams = [str(g) for g in data["grams"]]
                labels = tuple(str(v) for v in data["labels"])
                idf, coef, intercept = data["idf"], data["coef"].astype(np.float32), data["intercept"]
        except (OSError, ValueError, KeyError) as error:
            raise Refusal(
                "model.unreadable",
                f"{home} 不是分类模型（要有 card.json 和 weights.npz）。先运行 zhaoyin chain train。",
                f"{home} is no text model (card.json and weights.npz). Run zhaoyin chain train first.",
                where=str(home),
            ) from error
        margin = card.get("margin")
        return cls(
            {g: i for i, g in enumerate(grams)},
            idf,
            coef,
            intercept,
            labels,
            float("inf") if margin is None else float(margin),
            card,
        )


def macro_f1(truth: Sequence[str], predicted: Sequence[str]) -> float:
    """Mean F1 over the labels that occur in the truth."""
    total = 0.0
    pairs = list(zip(truth, predicted, strict=True))
    labels = sorted(set(truth))
    right = dict.fromkeys(labels, 0)
    said = dict.fromkeys(labels, 0)
    true = dict.fromkeys(labels, 0)
    for t, p in pairs:
        true[t] += 1
        if p in said:
            said[p] += 1
        right[t] += t == p
    for label in labels:
        if right[label]:
            precision, recall = right[label] / said[label], right[label] / true[label]
            total += 2 * precision * recall / (precision + recall)
    return total / len(labels) if labels else 0.0


# ---- parts -------------------------------------------------------------------------------------------------------


def clean_name(name: str) -> str:
    """A label's name as a document: levels and 其他 say nothing about content."""
    return re.sub("[ⅠⅡⅢ]|其他|其它|未列明", "", name)


def _bottom(names: Mapping[str, str], parents: Mapping[str, str] | None, y: npt.NDArray[Any]) -> set[str]:
    """Named labels of the same level as those in use: a code table holds its upper levels too."""
    if not parents:
        return set(names)
    depths = {_depth(v, parents) for v in set(y)}
    return {k for k in names if _depth(k, parents) in depths}


def _depth(label: str, parents: Mapping[str, str]) -> int:
    depth, at = 0, label
    while at in parents and depth < 20:
        at = parents[at]
        depth += 1
    return depth


def _levels(labels: Sequence[str], parents: Mapping[str, str] | None) -> list[list[str]]:
    """The labels themselves, then their parents, then grandparents; a label without a parent stands for itself."""
    levels = [list(labels)]
    while parents and len(levels) < len(LEVEL_WEIGHTS):
        above = [parents.get(v, v) for v in levels[-1]]
        if above == levels[-1] or len(set(above)) < 2:
            break
        levels.append(above)
    return levels


def _tfidf(texts: Sequence[str], vocabulary: Mapping[str, int], idf: Floats) -> csr_matrix:
    """Rows of sublinear tf × idf over characters and pairs, length 1."""
    from sklearn.feature_extraction.text import CountVectorizer

    counter = CountVectorizer(analyzer="char", ngram_range=(1, 2), vocabulary=vocabulary, dtype=np.float32)
    x = counter.transform(texts)
    x.data = (1 + np.log(x.data)) * idf[x.indices]
    norm = np.sqrt(np.asarray(x.multiply(x).sum(1)).ravel())
    rows = np.repeat(np.arange(x.shape[0]), np.diff(x.indptr))
    x.data /= np.where(norm > 0, norm, 1)[rows]
    return csr_matrix(x)


def _fit(
    texts: Sequence[str],
    y: npt.NDArray[Any],
    labels: Sequence[str],
    names: Mapping[str, str],
    parents: Mapping[str, str] | None,
    *,
    seed: int,
) -> TextModel:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.svm import LinearSVC

    titles = [clean_name(names.get(v, v)) for v in labels]
    vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(1, 2), sublinear_tf=True, dtype=np.float32)
    vectorizer.fit([*texts, *titles])
    x, t = vectorizer.transform(texts), vectorizer.transform(titles)
    documents = vstack([x, t, t])
    place = {v: i for i, v in enumerate(labels)}
    coef = np.zeros((len(labels), x.shape[1]), dtype=np.float32)
    intercept = np.zeros(len(labels), dtype=np.float32)
    for weight, level in zip(LEVEL_WEIGHTS, _levels(labels, parents), strict=False):
        up = np.asarray(level)
        targets = np.concatenate([up[[place[v] for v in y]], up, up])
        svm = LinearSVC(C=1.0, class_weight="balanced", random_state=seed).fit(documents, targets)
        known = {str(c): i for i, c in enumerate(svm.classes_)}
        if len(known) == 2:  # one hyperplane stands for both sides
            w, b = np.vstack([-svm.coef_, svm.coef_]), np.concatenate([-svm.intercept_, svm.intercept_])
        else:
            w, b = svm.coef_, svm.intercept_
        pick = [known[v] for v in level]
        coef += weight * w[pick].astype(np.float32)
        intercept += weight * b[pick].astype(np.float32)
    return TextModel(
        vectorizer.vocabulary_,
        vectorizer.idf_.astype(np.float32),
        np.ascontiguousarray(coef.T),
        intercept,
        tuple(labels),
        0.0,
    )
