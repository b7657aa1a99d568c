"""The company universe: aggregation, gap queries and import, beside a hand-written query and the unsorted file.

Everything is synthetic (heavy-tailed sizes, latent affinities, seed 7). Full size needs about 30 GB of disk and 20
minutes; the made files go to a temporary folder that is removed, or stay in --keep DIR for the next run.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import numpy as np
import pyarrow.csv as pa_csv
from _common import Report, arguments

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
import datetime as dt

import pyarrow as pa

from zhaoyin import universe
from zhaoyin.universe import query, schema, synth
from zhaoyin.universe.intake import ROW_GROUP, sql_list
from zhaoyin.universe.runner import DuckRunner

SEED = 7
THREADS = 2
ROUNDS = 3


def gap(shape: synth.World, k: int) -> tuple[universe.Filter, tuple[universe.Term, ...], dict[str, float]]:
    """A question as a gap asks it: 12 codes of one neighbourhood, weights, a home region and five rivals left out."""
    rng = np.random.default_rng(k)
    base = int(rng.integers(0, len(shape.industries) - 40))
    codes = sorted({shape.industries[i] for i in rng.integers(base, base + 40, 12)})
    fit = {
        code: float(weight)
        for code, weight in zip(codes, rng.uniform(0.4, 1, len(codes)).round(2), strict=True)
    }
    out = tuple(shape.regions[i] for i in rng.integers(0, len(shape.regions), 6))
    lat, lon = rng.uniform(0, 40, 2)
    chosen = universe.Filter(
        industries=tuple(codes), not_regions=out, established_until=dt.date(2021, 12, 31)
    )
    score = (
        universe.Term("fit", "fit", 0.35),
        universe.Term("capital", "log", 0.15, "capital_fen", 100_000),
        universe.Term("patents", "log", 0.15, "patents", 400),
        universe.Term("high_tech", "flag", 0.1, "high_tech"),
        universe.Term("mobility", "share", 0.1, "mobility"),
        universe.Term("near", "near", 0.15, cap=500, lat=float(lat), lon=float(lon)),
    )
    return chosen, score, fit


def places(shape: synth.World) -> pa.Table:
    rng = np.random.default_rng(3)
    spots = rng.random((len(shape.regions), 2)) * 40
    return pa.table({"region": shape.regions, "lat": spots[:, 0], "lon": spots[:, 1]})


def timed(ask, shape: synth.World, count: int, warm: int = 3) -> tuple[np.ndarray, list[list[str]]]:
    """Milliseconds and ids of `count` gap questions after `warm` others: all asked in turn, ROUNDS times over, and for
    each the median of its rounds, so that a figure speaks of the questions and not of what else the machine did."""
    for k in range(warm):
        ask(*gap(shape, 1_000 + k))
    times, ids = np.empty((ROUNDS, count)), []
    for turn in range(ROUNDS):
        for k in range(count):
            asked = gap(shape, k)
            start = time.perf_counter()
            found = ask(*asked)
            times[turn, k] = (time.perf_counter() - start) * 1e3
            if turn == 0:
                ids.append(found["firm_id"].to_pylist())
    return np.median(times, axis=0), ids


def asker(opened: universe.Universe):
    return lambda chosen, score, fit: opened.candidates(chosen, score, fit=fit)


class Unsorted(DuckRunner):
    """The same question in the same SQL over one shuffled file and nothing else: what there is without an import.

    ``alone`` ranks and fetches in one statement, which is quicker here than two; otherwise it ranks in the shuffled
    file and is lent the sorted universe's cards for its best fifty.
    """

    def __init__(self, of: universe.Universe, file: Path, alone: bool) -> None:
        super().__init__(of.path, of.manifest, THREADS)
        self.file, self.alone = file, alone

    def firms(self, codes: tuple[str, ...] | None) -> str:
        return f"read_parquet({sql_list([str(self.file)])})"

    def rank(self, ask):
        if not self.alone:
            return super().rank(ask)
        shape = (ask.filter.shape(), tuple(term.shape() for term in ask.terms), schema.HELD)
        tables = {**ask.tables, "param_firms": self.firms(ask.codes)}
        sql = query.fill(query.template(self.dialect, "ranked", *shape), ask.marks, tables, ask.limit)
        return self.run(sql, query.ranked_schema(schema.HELD))


def shuffle(opened: universe.Universe, to: Path) -> None:
    if to.exists():
        return
    with tempfile.TemporaryDirectory(dir=to.parent) as spill:
        con = duckdb.connect(config={"memory_limit": "6GB", "temp_directory": spill, "threads": THREADS})
        files = sql_list(opened.manifest.files(opened.path))
        columns = ", ".join(schema.HELD)
        con.execute(
            f"copy (select {columns} from read_parquet({files}) order by hash(place)) to '{to}.new' "
            f"(format parquet, compression snappy, row_group_size {ROW_GROUP})"
        )
        con.close()
    Path(f"{to}.new").rename(to)


def made(home: Path, firms: int) -> Path:
    target = home / f"synthetic-{firms}"
    if not (target / "universe.json").exists():
        shutil.rmtree(target, ignore_errors=True)
        universe.synthesise(firms, target, seed=SEED)
    return target


def aggregation(report: Report, home: Path, firms: int, label: str) -> None:
    folder = made(home, firms)
    opened = universe.open(folder, threads=THREADS)
    con = duckdb.connect(config={"threads": THREADS})
    con.execute("set parquet_metadata_cache = true")
    files = sql_list(opened.manifest.files(folder))
    hand = f"select region, industry, count(*) as firms from read_parquet({files}) group by region, industry"
    ours, theirs = [], []
    for _ in range(5):
        start = time.perf_counter()
        counted = opened.count_by("region", "industry")
        ours.append(time.perf_counter() - start)
        start = time.perf_counter()
        wanted = con.sql(hand).to_arrow_table()
        theirs.append(time.perf_counter() - start)
    order = [("region", "ascending"), ("industry", "ascending")]
    if not counted.sort_by(order).equals(wanted.sort_by(order)):
        raise SystemExit("the aggregation differs from the hand-written query")
    report.add(f"aggregation_{label}_s", float(np.median(ours)), "s", peer="hand-written", peer_value=float(np.median(theirs)), size=f"{firms:,} firms, {counted.num_rows:,} cells")  # fmt: skip
    report.add(
        f"aggregation_{label}_ratio", float(np.median(ours) / np.median(theirs)), "x", size=f"{firms:,} firms"
    )
    opened.close()


def gaps(report: Report, home: Path, firms: int, label: str, *, asked: int, unsorted_asked: int) -> None:
    folder = made(home, firms)
    shape = synth.world(SEED)
    opened = universe.open(folder, threads=THREADS).with_regions(places(shape))
    shuffle(opened, home / f"unsorted-{firms}.parquet")
    times, ids = timed(asker(opened), shape, asked)
    took = {}
    for alone in (True, False):
        runner = Unsorted(opened, home / f"unsorted-{firms}.parquet", alone)
        shuffled = universe.Universe(folder, opened.manifest, runner).with_regions(places(shape))
        took[alone], slow_ids = timed(asker(shuffled), shape, unsorted_asked, warm=1)
        shuffled.close()
        if ids[:unsorted_asked] != slow_ids:
            raise SystemExit("sorted and unsorted files give different firms")
    slow = took[True]
    size = f"{firms:,} firms, {asked} questions"
    p95, p95_slow = np.percentile(times, 95), np.percentile(slow, 95)
    report.add(f"gap_{label}_p50_ms", float(np.median(times)), "ms", peer="unsorted", peer_value=float(np.median(slow)), size=size)  # fmt: skip
    report.add(
        f"gap_{label}_p95_ms", float(p95), "ms", peer="unsorted", peer_value=float(p95_slow), size=size
    )
    report.add(f"gap_{label}_vs_unsorted", float(np.median(slow) / np.median(times)), "x", size=size)
    report.add(f"gap_{label}_vs_unsorted_ranking_only", float(np.median(took[False]) / np.median(times)), "x", peer="unsorted, ms", peer_value=float(np.median(took[False])), size=size)  # fmt: skip
    fresh, fresh_ids = timed(uncached(opened), shape, min(asked, 30))
    assert fresh_ids == ids[: len(fresh_ids)]
    report.add(f"gap_{label}_ibis_end_to_end_p95_ms", float(np.percentile(fresh, 95)), "ms", peer="compiled once", peer_value=float(p95), size=size)  # fmt: skip
    opened.close()
    if firms > 20_000_000:
        return
    held = universe.open(folder, threads=THREADS, in_memory=True).with_regions(places(shape))
    times, held_ids = timed(asker(held), shape, asked)
    if held_ids != ids:
        raise SystemExit("memory and file give different firms")
    report.add(f"gap_{label}_memory_p50_ms", float(np.median(times)), "ms", size=size)
    report.add(f"gap_{label}_memory_p95_ms", float(np.percentile(times, 95)), "ms", size=size)
    held.close()


def uncached(opened: universe.Universe):
    """ibis end to end: the expression is built and compiled for every question."""

    def ask(chosen, score, fit):
        query.template.cache_clear()
        return opened.candidates(chosen, score, fit=fit)

    return ask


def _high_water(process: int) -> int:
    """KiB of memory a process has held at most; 0 once it is gone."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)


def importing(report: Report, home: Path, firms: int, label: str) -> None:
    file = home / f"export-{firms}.csv"
    shape = synth.world(SEED)
    for kind, codes in (("industry", shape.industries), ("region", shape.regions)):
        (home / f"{kind}.csv").write_text("code,name\n" + "".join(f"{code},{code}\n" for code in codes))
    if not file.exists():
        writer = None
        for table in synth.export(firms, seed=SEED):
            writer = writer or pa_csv.CSVWriter(f"{file}.new", table.schema)
            writer.write_table(table)
        writer.close()
        Path(f"{file}.new").rename(file)
    target = home / "imported"
    shutil.rmtree(target, ignore_errors=True)
    command = [
        sys.executable, "-m", "zhaoyin.cli", "universe", "import", str(file), "--universe", str(target), "--synthetic",
        "--industries", str(home / "industry.csv"), "--regions", str(home / "region.csv"), "--json",
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1] / "src")}
    start = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True)
    os.sched_setaffinity(child.pid, sorted(os.sched_getaffinity(0))[:2])
    # The high-water mark of its own memory: what wait4 tells of a child includes the parent it was forked from.
    peak = 0
    while child.poll() is None:
        peak = max(peak, _high_water(child.pid))
        time.sleep(0.02)
    took = time.perf_counter() - start
    said, status = child.stdout.read(), child.returncode
    done = json.loads(said)
    if status or done["accepted"] != firms:
        raise SystemExit(f"the import failed: {said}")
    size = f"{firms:,} rows, {file.stat().st_size / 1e9:.2f} GB CSV, 2 cores"
    report.add(f"import_{label}_s", took, "s", size=size)
    report.add(f"import_{label}_peak_gb", peak / 2**20, "GB", size=size)
    shutil.rmtree(target)


def main() -> int:
    parser = arguments(__doc__)
    parser.add_argument("--keep", type=Path, help="keep the made files here")
    parser.add_argument("--only", choices=["aggregation", "gap", "import"], action="append")
    options = parser.parse_args()
    report = Report("universe", options, "duckdb", "ibis-framework", "pyarrow", "numpy")
    todo = options.only or ["aggregation", "gap", "import"]
    home = options.keep or Path(tempfile.mkdtemp(prefix="zhaoyin-bench-universe-"))
    home.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped: what was measured so far is kept"))
    missed = 1
    try:
        if options.quick:
            if "aggregation" in todo:
                aggregation(report, home, 6_000_000, "6m")
            if "gap" in todo:
                gaps(report, home, 1_000_000, "1m", asked=30, unsorted_asked=5)
            if "import" in todo:
                importing(report, home, 300_000, "300k")
        else:
            if "gap" in todo:
                gaps(report, home, 10_000_000, "10m", asked=60, unsorted_asked=8)
                if not options.keep:
                    (home / "unsorted-10000000.parquet").unlink()
            if "import" in todo:
                importing(report, home, 10_000_000, "10m")
                if not options.keep:
                    (home / "export-10000000.csv").unlink()
            if "aggregation" in todo:
                aggregation(report, home, 60_000_000, "60m")
            if "gap" in todo:
                gaps(report, home, 60_000_000, "60m", asked=40, unsorted_asked=4)
    finally:
        missed = report.close()
        if not options.keep:
            shutil.rmtree(home, ignore_errors=True)
    return missed


if __name__ == "__main__":
    raise SystemExit(main())
