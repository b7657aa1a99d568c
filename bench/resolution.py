"""Name resolution: quality against four peers, cost at 200 k, 1.1 M and 10 M names, what is owed to the generator, calibration.

Quality on the names benchmark (``--data``/names): 200,000 real names, 10,359 written ones, 1,350 of which nobody bears.
"as shipped" uses the model in the package; "fitted" is 5-fold cross-validated: every written name is answered by a model
that has not seen it, threshold and calibration included. Growth runs on made-up names in processes of their own.
"""

from __future__ import annotations

import csv
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from _common import Report, arguments
from _peers import PEERS, python_of

from zhaoyin.resolution import Entry, Model, Register
from zhaoyin.resolution.model import pick
from zhaoyin.resolution.synthetic import Maker, Mistakes, made_names, training_set
from zhaoyin.resolution.text import normalise
from zhaoyin.resolution.train import cores_of, fit_on, labels
from zhaoyin.resolution.tuning import cross_validate, f1_of, winners

SOUND = ("homo1", "homo_zihao", "homo_short", "asr_full", "near_homo")
FAMILIES = {
    "sound": (*SOUND, "twin"),
    "scan and mixed": ("ocr", "mixed2", "mixed3"),
    "real short names": ("short_real",),
    "abbreviation": ("abbr", "zihao_group"),
    "loss": ("char_drop", "drop_place", "drop_legal", "drop_place_legal", "drop_industry"),
    "form": ("char_swap", "place_move", "trad", "legal_confuse", "branch"),
}
PEER_NAMES = {
    "tfidf-char": "TF-IDF characters 1-2 + sparse_dot_topn",
    "tfidf-pinyin": "TF-IDF toneless pinyin 1-2",
    "rapidfuzz": "rapidfuzz ratio",
    "tantivy": "tantivy bigrams BM25",
}


def rss_gib() -> float:
    """Resident memory now, mapped pages of the register included."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**30


def peak_gib() -> float:
    """Peak resident memory of this process alone (getrusage would carry over the parent's)."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 2**20


# ---------------------------------------------------------------- growth, in a process of its own


def grow_build(folder: Path) -> None:
    names = (folder / "names.txt").read_text("utf-8").split("\n")
    before = time.process_time()
    Register.build((Entry(f"S{i}", name) for i, name in enumerate(names)), folder / "register")
    print(json.dumps({"build": time.process_time() - before, "peak": peak_gib()}))


def grow_ask(folder: Path) -> None:
    asked = json.loads((folder / "asked.json").read_text("utf-8"))
    register = Register.open(folder / "register")
    register.resolve_many([text for text, _ in asked[:50]])
    before = time.process_time()
    found = register.resolve_many([text for text, _ in asked])
    spent = time.process_time() - before
    hit = float(np.mean([ids[:1] == [meant] for ids, (_, meant) in zip(found.ids, asked, strict=True)]))
    print(json.dumps({"qps": len(asked) / spent, "self_recall": hit, "steady": rss_gib()}))


def growth(size: int, label: str, report: Report, asked_count: int) -> None:
    with tempfile.TemporaryDirectory(dir=report.options.scratch) as work:
        folder = Path(work)
        maker = Maker(20261122)
        mistakes = Mistakes(maker.chance)
        asked: list[tuple[str, str]] = []
        every = max(1, size // asked_count)
        kinds = (
            "sound_one",
            "sound_core",
            "drop",
            "no_form",
            "near_sound",
            "swap",
            "other_form",
            "scan",
            "same",
        )
        with (folder / "names.txt").open("w", encoding="utf-8") as file:
            for number, made in enumerate(made_names(size, maker)):
                file.write(("\n" if number else "") + made.text)
                if number % every == 0:
                    asked.append((getattr(mistakes, maker.chance.choice(kinds))(made), f"S{number}"))
        (folder / "asked.json").write_text(json.dumps(asked, ensure_ascii=False), "utf-8")
        del maker, mistakes
        built, answered = (
            json.loads(
                subprocess.run(
                    [sys.executable, __file__, step, work], check=True, capture_output=True, text=True
                ).stdout
            )
            for step in ("grow-build", "grow-ask")
        )
    where = f"{label} made-up names"
    report.add(f"build seconds {label}", built["build"], "CPU s", size=where)
    report.add(f"queries per second {label}", answered["qps"], "/s core", size=where)
    report.add(f"peak memory {label}", built["peak"], "GiB", size=where)
    report.add(f"steady memory {label}", answered["steady"], "GiB", size=where)
    report.add(
        f"self-recall@1 {label}",
        answered["self_recall"],
        "",
        size=f"{len(asked)} damaged names of the register itself",
    )


# ---------------------------------------------------------------- quality


class Bench:
    """The benchmark's names measured once."""

    def __init__(self, data: Path, work: Path, share: int = 1) -> None:
        with (data / "names" / "registry.csv").open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        asked = [json.loads(line) for line in (data / "names" / "dev.jsonl").read_text("utf-8").splitlines()]
        self.asked = asked[::share]
        entries = [Entry(row["id"], row["name"], row["province"] + row["city"]) for row in rows]
        self.model = Model.load()
        Register.build(entries[:200], work / "warm").resolve_many(
            ["招金集团", "中国石化销售有限公司招远分公司"]
        )
        before = time.process_time()
        self.register = Register.build(entries, work / "register")
        self.build = time.process_time() - before
        texts = [q["query"] for q in self.asked]
        before = time.process_time()
        self.register.resolve_many(texts)
        self.qps = len(texts) / (time.process_time() - before)
        self.candidates, _ = self.register.measure([normalise(text) for text in texts])
        self.gold = [frozenset({q["gold"], *q.get("also", ())} - {None}) for q in self.asked]
        self.right = labels(self.register, self.candidates, self.gold)
        self.answerable = np.array([bool(ids) for ids in self.gold])
        self.types = np.array([q["type"] for q in self.asked])

    def vetoed(self, order: np.ndarray, probability: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        features = self.candidates.features
        return np.array(
            [
                order[k, 0] >= 0 and Register.vetoes(features[i, order[k, 0]], float(probability[k]))
                for k, i in enumerate(chosen)
            ]
        )

    def figures(self, order: np.ndarray, probability: np.ndarray, matched: np.ndarray) -> dict[str, float]:
        """The issue's row of figures for one way of answering; vetoes applied as ``resolve`` applies them."""
        everyone = np.arange(len(order))
        matched = matched & ~self.vetoed(order, probability, everyone)
        won = winners(self.candidates, self.right, order)
        five = np.array([any(k >= 0 and self.right[i, k] for k in order[i, :5]) for i in everyone])
        precision, recall, f1 = f1_of(matched, won, int(self.answerable.sum()))
        by = {kind: float(np.mean(won[self.types == kind])) for kind in set(self.types)}
        return {
            "F1": f1, "precision": precision, "recall": recall, "recall@1": float(won[self.answerable].mean()),
            "recall@5": float(five[self.answerable].mean()), "recall@1 short names": by["short_real"],
            "recall@1 sound": float(np.mean([by[kind] for kind in SOUND])),
            "twins refused": float(1 - matched[self.types == "null_twin"].mean()),
        }  # fmt: skip


def peers(report: Report, quick: bool, row: dict[str, float]) -> None:
    names = report.options.data / "names"
    keys = {"F1": "f1", "recall@1": "r1", "recall@5": "r5", "recall@1 short names": "short", "recall@1 sound": "sound", "twins refused": "twins", "queries per second": "qps"}  # fmt: skip
    python = python_of("resolution")
    sample = {"tfidf-char": 10**9, "tfidf-pinyin": 10**9, "rapidfuzz": 3000, "tantivy": 3000}
    for peer, title in PEER_NAMES.items():
        if quick and peer != "tfidf-char":
            continue
        count = 1000 if quick else sample[peer]
        done = subprocess.run(
            [python, PEERS / "resolution" / "peer.py", peer, names / "registry.csv", names / "dev.jsonl", str(count)],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        found = json.loads(done.stdout)
        for name, key in keys.items():
            report.add(
                f"{name} of {title}",
                found[key],
                size=f"200k, {found['n']} asked",
                peer="ours, as shipped",
                peer_value=row[name],
            )


def reliability(report: Report, label: str, probability: np.ndarray, won: np.ndarray) -> None:
    """How often the winner was right, by what was promised: ten bins, and the expected calibration error."""
    error = 0.0
    for low in np.arange(0, 1, 0.1):
        inside = (probability >= low) & (probability < low + 0.1 + (low > 0.85))
        if inside.any():
            said, was = float(probability[inside].mean()), float(won[inside].mean())
            error += abs(said - was) * inside.mean()
            report.add(
                f"right where {said:.2f} was promised, {label}", was, "", size=f"{int(inside.sum())} names"
            )
    report.add(f"expected calibration error, {label}", error)


def leave_out(report: Report, bench: Bench) -> None:
    """Each family of mistakes answered by models fitted without it: ranking and acceptance apart."""
    from zhaoyin.resolution.model import fit

    stranger = ~bench.answerable
    half = np.random.default_rng(3).random(len(bench.types)) < 0.5
    for family, kinds in FAMILIES.items():
        inside = np.isin(bench.types, kinds)
        learn = np.flatnonzero((~inside & bench.answerable) | (stranger & half))
        ask = np.flatnonzero(inside | (stranger & ~half))
        model = fit(
            pick(bench.candidates, learn),
            bench.right[learn],
            bench.answerable[learn],
            trained_on="",
            background={},
        )
        chosen = pick(bench.candidates, ask)
        order, _, probability = model.score(chosen)
        won = winners(chosen, bench.right[ask], order)
        matched = (probability >= model.match_at) & ~bench.vetoed(order, probability, ask)
        known = bench.answerable[ask]
        precision, recall, f1 = f1_of(matched, won, int(known.sum()))
        where = f"{int(known.sum())} of the family, {int((~known).sum())} strangers"
        report.add(f"recall@1 without having seen: {family}", float(won[known].mean()), size=where)
        report.add(f"F1 without having seen: {family}", f1, size=f"P {precision:.3f} R {recall:.3f}")


def made_up_without(report: Report, bench: Bench, data: Path, work: Path) -> None:
    """The same for the made-up training: smaller, one family of the generator left out, judged on the benchmark."""
    shorts = (data / "names" / "short_forms.txt").read_text("utf-8").split("\n")
    entries, written = training_set(20_000, 6_000, 5, cores_of(shorts), shorts[:20_000])
    for family in ("", "sound", "headline"):
        model = fit_on(entries, [w for w in written if w.family != family], work / "made")
        order, _, probability = model.score(bench.candidates)
        row = bench.figures(order, probability, probability >= model.match_at)
        label = f"without {family}" if family else "with all families"
        report.add(f"F1 of a small made-up training {label}", row["F1"], size="6,000 made-up names written")
        report.add(f"recall@1 of a small made-up training {label}", row["recall@1"])


def main() -> int:
    parser = arguments(__doc__ or "")
    parser.add_argument(
        "--scratch", type=Path, default=None, help="folder for the large registers (default: the system's)"
    )
    parser.add_argument(
        "--only", default="", help="shipped, fitted, peers, growth, without: some parts alone, by comma"
    )
    options = parser.parse_args()
    report = Report("resolution", options, "numpy", "numba", "lightgbm", "pypinyin", "opencc")
    parts = (
        set(options.only.split(",")) if options.only else {"shipped", "fitted", "peers", "growth", "without"}
    )
    if options.quick:
        parts -= {"without"}
    with tempfile.TemporaryDirectory(dir=options.scratch) as work:
        if parts - {"growth"}:
            bench = Bench(options.data, Path(work), 4 if options.quick else 1)
            size = f"200k names, {len(bench.asked)} asked"
            order, _, probability = bench.model.score(bench.candidates)
            row = bench.figures(order, probability, probability >= bench.model.match_at)
            row["queries per second"] = bench.qps
            for name, value in row.items():
                report.add(f"{name} as shipped", value, size=size)
            report.add("build seconds, real names", bench.build, "CPU s", size="200k names")
            won = winners(bench.candidates, bench.right, order)
            reliability(report, "as shipped", probability, won)
            if "fitted" in parts and not options.quick:
                tried = cross_validate(bench.candidates, bench.right, bench.answerable)
                for name, value in bench.figures(tried.order, tried.probability, tried.matched).items():
                    report.add(f"{name} fitted", value, size=size + ", 5-fold")
                reliability(
                    report, "fitted", tried.probability, winners(bench.candidates, bench.right, tried.order)
                )
                blind = cross_validate(bench.candidates, bench.right, bench.answerable, listed_prior=False)
                for name, value in bench.figures(blind.order, blind.probability, blind.matched).items():
                    if name in ("F1", "recall@1", "recall@1 short names"):
                        report.add(f"{name} fitted, without the listed-company prior", value, size=size)
            if "without" in parts:
                leave_out(report, bench)
                made_up_without(report, bench, options.data, Path(work))
            if "peers" in parts:
                peers(report, options.quick, row)
        if "growth" in parts:
            sizes = (
                ((20_000, "20k"),)
                if options.quick
                else ((200_000, "200k"), (1_100_000, "1.1M"), (10_000_000, "10M"))
            )
            for count, label in sizes:
                growth(count, label, report, 600 if options.quick else 5000)
    return report.close()


if __name__ == "__main__":
    if sys.argv[1:2] == ["grow-build"]:
        grow_build(Path(sys.argv[2]))
    elif sys.argv[1:2] == ["grow-ask"]:
        grow_ask(Path(sys.argv[2]))
    else:
        raise SystemExit(main())
