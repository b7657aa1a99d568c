"""The command line: check, assess with reasons, run on each engine with the same answer."""

import datetime as dt
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import zhaoyin.packs
from zhaoyin.cli.policy import policy
from zhaoyin.incentives import Book, files

EXAMPLES = Path(zhaoyin.packs.__file__).parent / "example-policies"
ON = "2026-11-23"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def call(monkeypatch):
    monkeypatch.setenv("ZHAOYIN_LANG", "zh")
    return lambda *arguments: CliRunner().invoke(policy, [str(a) for a in arguments])


@pytest.fixture
def firm(tmp_path):
    path = tmp_path / "firm.json"
    values = {"行业": "C2438", "设备投资": "725万元", "总投资": "3000万元"}
    path.write_text(json.dumps(values, ensure_ascii=False))
    return path


@pytest.fixture(scope="module")
def firms(tmp_path_factory):
    """2,000 invented firms with units in their headers and holes in their data."""
    r, n = np.random.default_rng(3), 2_000
    path = tmp_path_factory.mktemp("firms") / "firms.parquet"
    pq.write_table(
        pa.table({
            "统一代码": [f"F{i:05d}" for i in range(n)],
            "行业": np.array(["C2438", "C13", "A01"])[r.integers(3, size=n)],
            "设备投资(万元)": pa.array(np.round(r.random(n) * 2000, 2), mask=r.random(n) < 0.1),
            "总投资(亿元)": np.round(r.random(n) * 5, 4),
            "成立年限": r.integers(0, 9, n),
            "固定资产投资(万元)": pa.array(np.round(r.random(n) * 30000, 2), mask=r.random(n) < 0.1),
            "租用面积(平方米)": r.integers(0, 9000, n),
            "年租金(元)": r.integers(0, 900_000, n),
            "发明专利": r.integers(0, 9, n),
            "高层次人才": r.integers(0, 9, n),
            "失信": pa.array(r.random(n) < 0.05, mask=r.random(n) < 0.3),
        }),
        path,
    )  # fmt: skip
    return path


def test_check_runs_the_tests_beside_the_policies(call, tmp_path):
    good = call("check", EXAMPLES, "--on", ON)
    assert good.exit_code == 0 and "测试 3 个，不符 0 处" in good.output
    for source in EXAMPLES.glob("*.yaml"):
        (tmp_path / source.name).write_text(source.read_text().replace("[500万元, 4%]", "[500万元, 3%]"))
    bad = call("check", tmp_path, "--on", ON, "--json")
    found = json.loads(bad.output)
    assert bad.exit_code == 1 and found["tests"] == 3
    assert any("应是 20万元，实为 15万元" in f["zh"] for f in found["findings"] if f["level"] == "error")


def test_assess_says_what_why_and_what_next(call, firm, monkeypatch):
    said = call("assess", EXAMPLES, "--input", firm, "--on", ON, "--explain").output
    for words in (
        "29万元",
        "设备投资再加 275万元",
        "成立年限 ≤ 3年：还不知道",
        "设备发票与付款回单",
        "最值得补的一项：成立年限",
    ):
        assert words.replace(" ", "") in "".join(said.split()), words  # fmt: skip
    found = json.loads(call("assess", EXAMPLES, "--input", firm, "--on", ON, "--json").output)
    assert found["total"] == 29_000_000 and found["results"][0]["next_tier"].startswith("设备投资再加")
    monkeypatch.setenv("ZHAOYIN_LANG", "en")
    english = json.loads(call("assess", EXAMPLES, "--input", firm, "--on", ON, "--json").output)
    assert english["results"][0]["next_tier"].startswith("CNY 2,750,000 more of 设备投资 → CNY 500,000")


def same_as_numpy(engine, firms, tmp_path):
    """The command itself in a process of its own; the results beside those of numpy."""
    answers = {}
    for name in ("numpy", engine):
        out = tmp_path / name
        command = [
            sys.executable,
            "-m",
            "zhaoyin.cli",
            "policy",
            "run",
            EXAMPLES,
            firms,
            "--out",
            out,
            "--on",
            ON,
        ]
        environment = os.environ | {"PYTHONPATH": str(ROOT / "src"), "SPARK_LOCAL_IP": "127.0.0.1"}
        done = subprocess.run(
            [*map(str, command), "--engine", name, "--json"], capture_output=True, text=True, env=environment
        )
        assert done.returncode == 0, done.stderr[-2000:]
        table = pq.read_table(out)
        columns = {c: table.column(c).to_pylist() for c in table.column_names}
        answers[name] = columns, json.loads(done.stdout.splitlines()[-1])
    assert answers[engine] == answers["numpy"]
    table, summary = answers["numpy"]
    assert summary["rows"] == 2_000 and summary["total"] == sum(table["合计(分)"]) > 0
    assert table["统一代码"][1999] == "F01999"


def test_run_gives_the_same_file_on_duckdb(firms, tmp_path):
    same_as_numpy("duckdb", firms, tmp_path)


@pytest.mark.spark
def test_run_gives_the_same_file_on_spark(firms, tmp_path):
    same_as_numpy("spark", firms, tmp_path)


@pytest.mark.parametrize("engine", ["numpy", "duckdb"])
def test_run_tells_how_far_it_is(firms, tmp_path, engine):
    seen = []
    files.run(
        Book.load(EXAMPLES),
        firms,
        tmp_path / "out.parquet",
        dt.date.fromisoformat(ON),
        engine=engine,
        progress=lambda n, of: seen.append((n, of)),
    )
    assert seen and seen[-1][0] == seen[-1][1] and [n for n, _ in seen] == sorted(n for n, _ in seen)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("check", "/nowhere"), "/nowhere"),
        (("run", EXAMPLES, "/nowhere.parquet", "--out", "x"), "没有文件 /nowhere.parquet"),
        (("run", EXAMPLES, __file__, "--out", "x"), "不是 Parquet 文件"),
        (("assess", EXAMPLES, "--input", "/nowhere.json"), "读不到 /nowhere.json"),
        (("assess", EXAMPLES, "--input", __file__), "第 1 行：不是合法的 JSON"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(call, arguments, words):
    done = call(*arguments)
    assert done.exit_code == 1 and words in done.output and "Traceback" not in done.output
