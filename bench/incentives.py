"""Incentives: thirty policies over many firms, beside openfisca-core and zen-engine on the same rules and firms.

Every engine runs in a process of its own, on the same columns, so that peak memory is its own. A figure is the best of
several processes, each assessing all firms once, from columns in memory to the answers: for openfisca this is handing
over the columns and calculating; ours reads the table, plans and assesses. Both run as shipped: ours on two threads,
openfisca on its one. The engines take turns. Medians, our one thread, and what either does when asked again in the same
process stand beside it. Density (eligible policies per firm) is stated with each figure: with few eligible, sparse
evaluation wins most.
"""

from __future__ import annotations

import datetime as dt
import functools
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from _common import HERE, Report, arguments
from _peers import PEERS, python_of

sys.path.insert(0, str(HERE.parent / "src"))
RULES = HERE / "data" / "incentives.yaml"
CACHE = HERE / ".cache" / "incentives"
ON = dt.date(2026, 1, 1)
NULLABLE = ("固定资产投资", "设备投资", "外资到账", "营业收入", "贷款", "净资产")


def firms(n: int, seed: int = 7) -> dict[str, np.ndarray]:
    """Invented firms: log-normal money in fen, rare flags; the same for every engine."""
    r = np.random.default_rng(seed)

    def money(share, mu, sigma):
        values = np.minimum(np.exp(r.standard_normal(n, dtype=np.float32) * sigma + mu), 9e10)
        values = (values * 100).astype(np.int64)
        if share < 1:
            values[r.random(n, dtype=np.float32) > share] = 0
        return values

    def part(values, low, span):
        return (values * (r.random(n, dtype=np.float32) * span + low)).astype(np.int64)

    def level(share, high, kind=np.int16):
        values = r.integers(1, high, n, dtype=kind)
        if share < 1:
            values[r.random(n, dtype=np.float32) > share] = 0
        return values

    d = {
        "地区": r.integers(1, 15, n, dtype=np.int16), "门类": r.integers(1, 21, n, dtype=np.int16),
        "成立日": r.integers(10000, 20500, n, dtype=np.int32), "落户年数": r.integers(0, 15, n, dtype=np.int16),
    }  # fmt: skip
    flags = {
        "失信": 0.02,
        "环保违法": 0.01,
        "五百强": 0.001,
        "总部企业": 0.02,
        "首次上规": 0.03,
        "规上": 0.15,
        "高新": 0.12,
    }
    for name, share in flags.items():
        d[name] = r.random(n, dtype=np.float32) < share
    d["固定资产投资"] = money(0.4, 15, 2.2)
    d["设备投资"] = part(d["固定资产投资"], 0, 0.8)
    d["外资到账"] = money(0.03, 14.5, 2)
    d["综合贡献"] = money(0.8, 13, 2)
    d["上年贡献"] = part(d["综合贡献"], 0.4, 1)
    d["营业收入"] = money(0.95, 16, 2.2)
    d["上年收入"] = part(d["营业收入"], 0.4, 1)
    d["租金"], d["贷款"] = money(0.3, 12, 1.2), money(0.2, 15, 1.5)
    d["贷款利息"] = d["贷款"] // 25
    d["担保费"] = np.where(r.random(n, dtype=np.float32) < 0.3, d["贷款"] // 80, 0)
    d["融资租赁"], d["净资产"], d["上级奖励"] = money(0.05, 15, 1.5), money(1, 15.5, 2), money(0.02, 14, 1.2)
    d["研发投入"], d["计划投资"], d["建设成本"] = (
        money(0.3, 14, 1.8),
        money(0.1, 16.5, 1.2),
        money(0.01, 18, 1),
    )
    for name, (share, mu) in {
        "历史累计": (0.1, 13),
        "历史晋级": (0.002, 14),
        "历史配套": (0.01, 12),
        "历史租赁": (0.01, 13),
    }.items():
        d[name] = money(share, mu, 1.5)
    for name, (share, high) in {
        "智能等级": (0.1, 4),
        "榜单等级": (0.002, 3),
        "临床期": (0.02, 4),
        "平台等级": (0.03, 4),
        "专精等级": (0.05, 4),
    }.items():
        d[name] = level(share, high)
    d["阶段"] = r.integers(0, 4, n, dtype=np.int16)
    for name, (share, high) in {
        "自建面积": (0.05, 20_000),
        "租用面积": (0.3, 20_000),
        "厂房面积": (0.01, 300_000),
        "职工": (1, 3_000),
        "博士": (0.05, 20),
        "硕士": (0.2, 60),
    }.items():
        d[name] = level(share, high, np.int32)
    return d


def folder(n: int) -> Path:
    """The firms as one .npy a column, made once."""
    home = CACHE / str(n)
    if not (home / "done").exists():
        home.mkdir(parents=True, exist_ok=True)
        for name, values in firms(n).items():
            np.save(home / f"{name}.npy", values)
        (home / "done").touch()
    return home


def load(home: Path) -> dict[str, np.ndarray]:
    return {path.stem: np.load(path) for path in sorted(home.glob("*.npy"))}


def book(dense: bool = False):
    """The rules; dense: every condition, and every lowest tier, replaced by one that every firm meets."""
    from zhaoyin.incentives import Book

    text = RULES.read_text()
    if dense:
        import re

        text = re.sub(
            r"when: (\[\"[^\n]*?\]|\{any: [^\n]*?\]\}|\[[^\]]*\]), (amount|let)",
            r'when: ["地区 >= 0"], \2',
            text,
        )
        text = re.sub(r"require: \[.*\]", 'require: ["地区 >= 0"]', text)
        text = re.sub(r"(table: \[\[)[\d.]+(万元|亿元|元)?,", r"\g<1>0\2,", text)
    return Book.parse({"bench.yaml": text})


# -- the same rules for the peers: a list of named steps over a neutral tree ---------------------------------------------


def tree(node) -> list:
    from zhaoyin.incentives import expr as x

    match node:
        case x.Const(value) | x.Truth(value):
            return ["c", value]
        case x.Field(name):
            return ["f", name]
        case x.Flag(name, want):
            return ["f", name] if want else ["not", ["f", name]]
        case x.Cmp(op, a, b):
            return [op, tree(a), tree(b)]
        case x.In(name, values, _, want):
            return ["in", ["f", name], list(values)] if want else ["not", ["in", ["f", name], list(values)]]
        case x.And(args) | x.Or(args):
            return ["and" if isinstance(node, x.And) else "or", *map(tree, args)]
        case x.Min(args) | x.Max(args):
            return ["min" if isinstance(node, x.Min) else "max", *map(tree, args)]
        case x.Add(a, b):
            return ["+", tree(a), tree(b)]
        case x.Sub(a, b):
            return ["-", tree(a), tree(b)]
        case x.Mul(a, b):
            return ["*", tree(a), tree(b)]
        case x.Step(a, each):
            return ["//", ["max", tree(a), ["c", 0]], each]
        case x.Round(x.Mul(a, x.Const(up)), den, 1, False):
            return ["rate", ["max", tree(a), ["c", 0]], up, den]
        case x.Round(a, den, 1, False):
            return ["//", ["max", tree(a), ["c", 0]], den]
        case x.Case(branches, otherwise):
            return ["case", [[tree(c), tree(v)] for c, v in branches], tree(otherwise)]
    raise TypeError(node)


def steps(rules) -> dict:
    """[(name, tree)] in order: e_ eligible, a_ amount, g_ after groups, c_ running sum, p_ paid, total, due, pools."""
    policies = rules.policies
    out: list[tuple[str, list]] = [("common", tree(policies[0].require))]
    ref = lambda name: ["f", name]  # noqa: E731
    for k, p in enumerate(policies):
        out.append((f"e_{k}", tree(p.when)))
    for k, p in enumerate(policies):
        out.append((f"a_{k}", ["case", [[["and", ref("common"), ref(f"e_{k}")], tree(p.award)]], ["c", 0]]))
    group = {k: g for g in rules.groups for k in g.members}
    for k in range(len(policies)):
        value = ref(f"a_{k}")
        if k in group:
            tests = []
            for j in group[k].members:
                if j != k and group[k].rule == "exclude":
                    tests += [["not", ["and", ref("common"), ref(f"e_{j}")]]] if j < k else []
                elif j != k:
                    tests.append([">" if j < k else ">=", ref(f"a_{k}"), ref(f"a_{j}")])
            if tests:
                value = ["case", [[["and", *tests] if len(tests) > 1 else tests[0], value]], ["c", 0]]
        out.append((f"g_{k}", value))
    cap = tree(rules.caps[0].node)
    for k in range(len(policies)):
        out.append((f"c_{k}", ["+", ref(f"c_{k - 1}"), ref(f"g_{k}")] if k else ref("g_0")))
    for k in range(len(policies)):
        paid = ["min", ref(f"c_{k}"), cap]
        out.append((f"p_{k}", ["-", paid, ["min", ref(f"c_{k - 1}"), cap]] if k else paid))
    total = due = None
    for k, p in enumerate(policies):
        part = ref(f"p_{k}")
        total = part if total is None else ["+", total, part]
        if p.instalments:
            from fractions import Fraction

            share, conditions, cases = Fraction(0), [], []
            for i in p.instalments:
                share += i.share
                conditions.append(tree(i.when))
                every = ["and", *conditions] if len(conditions) > 1 else conditions[0]
                cases.insert(0, [every, ["rate", ref(f"p_{k}"), share.numerator, share.denominator]])
            part = ["case", cases, ["c", 0]]
        due = part if due is None else ["+", due, part]
    for n, b in enumerate(rules.budgets):
        pool = ref(f"p_{b.members[0]}")
        for k in b.members[1:]:
            pool = ["+", pool, ref(f"p_{k}")]
        out.append((f"pool_{n}", pool))
    out += [("total", total), ("due", due)]
    return {
        "steps": out,
        "outputs": ["total", "due", *(f"pool_{n}" for n in range(len(rules.budgets)))],
        "budgets": [b.amount for b in rules.budgets],
    }


# -- workers ------------------------------------------------------------------------------------------------------------


def peak_gb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def batch_worker(n: int, mode: str, threads: int, repeat: int) -> dict:
    ours = book(mode == "dense")
    columns = load(folder(n))
    given = dict(columns)
    if mode == "unknown":
        r = np.random.default_rng(1)
        for name in NULLABLE:
            given[name] = (columns[name], r.random(n, dtype=np.float32) > 0.05)
    size = (
        sum((v[0].nbytes + v[1].nbytes) if isinstance(v, tuple) else v.nbytes for v in given.values()) / 2**30
    )
    before = peak_gb()
    walls = []
    for _ in range(repeat):
        start = time.perf_counter()
        batch = ours.assess_many(given, ON, threads=threads)
        total, final, due = batch.total, batch.final, batch.due
        walls.append(time.perf_counter() - start)
        memory = peak_gb()
        if len(walls) == repeat:
            (folder(n) / "out").mkdir(exist_ok=True)
            np.save(folder(n) / "out" / f"{mode}.npy", total)
        density = batch.density
        sums = [int(total.sum()), int(final.sum()), int(due.sum())]
        del batch, total, final, due
    return {
        "wall": walls[0],
        "again": min(walls),
        "memory": memory,
        "loaded": before,
        "input": size,
        "density": density,
        "sums": sums,
    }


def funnel_worker(n: int) -> dict:
    batch = book().assess_many(load(folder(n)), ON)
    start = time.perf_counter()
    near = sum(len(batch.near(k)[0]) for k in range(30))
    lists = [batch.funnel(k) for k in range(30)]
    return {"wall": time.perf_counter() - start, "near": near, "conditions": sum(map(len, lists))}


def single_worker(n: int) -> dict:
    ours = book()
    columns = load(folder(n))
    rows = [{k: v[i].item() for k, v in columns.items()} for i in range(600)]
    engine = ours.engine(ON)
    agree = ours.assess_many({k: v[:600] for k, v in columns.items()}, ON).total
    bare, explained, spelled = [], [], []
    for i, row in enumerate(rows):
        start = time.perf_counter()
        _, paid = engine.pay(row)
        bare.append(time.perf_counter() - start)
        start = time.perf_counter()
        found = engine.assess(row, ON)
        explained.append(time.perf_counter() - start)
        start = time.perf_counter()
        json.dumps(found.json(), ensure_ascii=False)
        spelled.append(time.perf_counter() - start)
        assert sum(paid.values()) == found.total == int(agree[i])
    ms = lambda values: statistics.median(values) * 1000  # noqa: E731
    return {
        "bare": ms(bare),
        "explained": ms(explained),
        "json": ms(spelled),
        "p99": sorted(explained)[-6] * 1000,
    }


def duckdb_worker(n: int) -> dict:
    import duckdb
    import pyarrow as pa
    import pyarrow.parquet as pq

    from zhaoyin.incentives import sql

    ours, home = book(), folder(n)
    path = home / "firms.parquet"
    if not path.exists():
        pq.write_table(pa.table({sql.ROW: np.arange(n), **load(home)}), path, row_group_size=250_000)
    con = duckdb.connect(config={"threads": 2})
    columns = {name: f'"{name}"' for name in ours.dictionary.fields}
    query = sql.Writer(ours.rules(ON), ours.dictionary, sql.DUCKDB).query(f"'{path}'", columns)
    start = time.perf_counter()
    con.execute(f"CREATE TEMP TABLE answer AS SELECT {sql.ROW}, total, final, due FROM ({query.text})")
    wall = time.perf_counter() - start
    total = con.execute(f"SELECT total FROM answer ORDER BY {sql.ROW}").fetchnumpy()["total"]
    return {
        "wall": wall,
        "memory": peak_gb(),
        "differ": int((total != np.load(home / "out" / "known.npy")).sum()),
    }


WORKERS = {"batch": batch_worker, "funnel": funnel_worker, "single": single_worker, "duckdb": duckdb_worker}


def run(worker: str, *values: object) -> dict:
    command = [sys.executable, __file__, "--worker", json.dumps([worker, *values])]
    return json.loads(
        subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1]
    )


def peer(script: str, *values: object, python: Path) -> dict:
    command = [str(python), str(PEERS / "incentives" / script), *map(str, values)]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return json.loads(done.stdout.splitlines()[-1])


def best(runs: list[dict]) -> dict:
    """Of several processes: the quickest first time and the median, the quickest again."""
    first = min(runs, key=lambda r: r["wall"] + r.get("load", 0.0))
    return {
        **first,
        "all": first["wall"] + first.get("load", 0.0),
        "median": statistics.median(r["wall"] + r.get("load", 0.0) for r in runs),
        "again": min(r["again"] for r in runs),
        "memory": min(r["memory"] for r in runs),
    }


def main() -> int:
    options = arguments(__doc__ or "").parse_args()
    report = Report("incentives", options, "numpy", "duckdb")
    n = 100_000 if options.quick else 1_000_000
    big = 1_000_000 if options.quick else 10_000_000
    repeat = 1 if options.quick else 7
    home = folder(n)
    rules, dense_rules = home / "rules.json", home / "dense.json"
    rules.write_text(json.dumps(steps(book().rules(ON)), ensure_ascii=False))
    dense_rules.write_text(json.dumps(steps(book(True).rules(ON)), ensure_ascii=False))
    python = python_of("incentives")

    # as shipped: ours on its two threads, openfisca on its one; ours on one thread stands beside it
    engines: dict[str, Callable[[], dict]] = {
        **{
            f"{mode} {threads}": functools.partial(run, "batch", n, mode, threads, 3)
            for mode in ("known", "unknown", "dense")
            for threads in (2, 1)
        },
        **{
            name: functools.partial(peer, "openfisca_run.py", home, at, kind, 3, python=python)
            for name, at, kind in (
                ("float32", rules, "float32"),
                ("float64", rules, "float64"),
                ("dense float32", dense_rules, "float32"),
            )
        },
    }
    rounds: dict[str, list[dict]] = {name: [] for name in engines}
    for _ in range(repeat):  # by turns, so that a slower minute of the machine is everybody's
        for name, engine in engines.items():
            rounds[name].append(engine())
    found = {name: best(runs) for name, runs in rounds.items()}
    known, f32, f64 = found["known 2"], found["float32"], found["float64"]
    size = f"{n:,} firms x 30, {known['density']:.2f} eligible a firm"
    sizes = {
        "known": size,
        "unknown": f"{n:,} x 30, 5 % unknown in 6 fields, {found['unknown 2']['density']:.2f} eligible a firm",
        "dense": f"{n:,} firms x 30, {found['dense 2']['density']:.2f} eligible a firm",
    }
    add = report.add

    def against(name: str, mode: str, theirs: str) -> None:
        """Once per process from columns to answers; then without the peer's handing over, and asked again."""
        kind = f"openfisca-core {theirs.rsplit(maxsplit=1)[-1]}" + (
            " (as shipped)" if theirs.endswith("32") else ""
        )
        beside = ", without handing over its columns"
        again = beside + ", again in the same process"
        measures = (
            ("", "all", "all", 2, ""),
            ("_median", "median", "median", 2, ", median"),
            ("_1_thread", "all", "all", 1, ""),
            ("_calculating", "wall", "wall", 2, beside),
            ("_again", "again", "again", 2, again),
            ("_again_1_thread", "again", "again", 1, again),
        )
        for suffix, their_key, our_key, threads, note in measures:
            their_s, our_s = found[theirs][their_key], found[f"{mode} {threads}"][our_key]
            where = f"{sizes[mode]}, {threads} thread{'s' if threads > 1 else ''}"
            add(name + suffix, their_s / our_s, "x", peer=f"{kind}{note}, s", peer_value=their_s, size=where)

    for mode, where in sizes.items():
        for threads in (2, 1):
            ours = found[f"{mode} {threads}"]
            add(f"{mode}_{threads}_threads_s", ours["wall"], "s", size=where)
            add(
                f"{mode}_{threads}_threads_again_s",
                ours["again"],
                "s",
                size=where + ", again in the same process",
            )
    against("batch_vs_openfisca_float32", "known", "float32")
    against("batch_vs_openfisca_float64", "known", "float64")
    against("three_valued_vs_openfisca_float32", "unknown", "float32")
    against("dense_vs_openfisca_float32", "dense", "dense float32")
    add(
        "memory_vs_openfisca_float32",
        known["memory"] / f32["memory"],
        "x",
        peer="openfisca-core float32 (as shipped), GB",
        peer_value=f32["memory"],
        size=size + ", 2 threads",
    )
    add("openfisca_float32_firms_off_over_1_fen", f32["off_fen"], "firms", size=size)
    add("openfisca_float32_worst_yuan", f32["worst"] / 100, "yuan", size=size)
    add("openfisca_float64_firms_off_over_1_fen", f64["off_fen"], "firms", size=size)
    add(
        "dense_openfisca_float32_firms_off_over_1_fen",
        found["dense float32"]["off_fen"],
        "firms",
        size=sizes["dense"],
    )
    funnel = run("funnel", n)
    add("funnel_and_near_misses_s", funnel["wall"], "s", size=f"{n:,} x 30, {funnel['near']:,} near misses")
    duck = run("duckdb", n)
    add("duckdb_parquet_s", duck["wall"], "s", size=size)
    add("duckdb_rows_that_differ", duck["differ"], "rows", size=size)
    rows = 2_000 if options.quick else 20_000
    zen = peer("zen_run.py", home, rules, rows, python=python)
    zen_all = zen["batch"] / rows * n
    add(
        "batch_vs_zen_batch",
        zen_all / known["wall"],
        "x",
        peer=f"zen-engine batch, s for all, from {rows:,} rows",
        peer_value=zen_all,
        size=size,
    )
    add("zen_rows_that_differ", zen["differ"], "rows", size=f"{rows:,} rows")
    single = run("single", n)
    add(
        "single_ms",
        single["bare"],
        "ms",
        peer="zen-engine, ms",
        peer_value=zen["single"],
        size="one firm, 30 policies",
    )
    add(
        "single_explained_ms",
        single["explained"],
        "ms",
        peer="zen-engine trace, ms",
        peer_value=zen["trace"],
        size="one firm, 30 policies",
    )
    add(
        "single_explained_vs_zen_trace", zen["trace"] / single["explained"], "x", size="one firm, 30 policies"
    )
    add(
        "single_explained_to_json_ms",
        single["json"],
        "ms",
        size="one firm, 30 policies, all sentences written",
    )
    folder(big)  # made here, so that the peak below is of the assessment alone
    many = run("batch", big, "known", 2, 3)
    many_size = (
        f"{big:,} firms x 30, {many['density']:.2f} eligible a firm, 2 threads, input {many['input']:.2f} GB"
    )
    add(
        "ten_million_s", many["again"] if not options.quick else None, "s", size=many_size
    ) if not options.quick else add("one_million_s", many["again"], "s", size=many_size)
    if not options.quick:
        add("ten_million_memory_over_input_gb", many["memory"] - many["input"], "GB", size=many_size)
        shutil.rmtree(CACHE / str(big), ignore_errors=True)
    return report.close()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        name, *values = json.loads(sys.argv[2])
        print(json.dumps(WORKERS[name](*values)))
        sys.exit(0)
    sys.exit(main())
