import json

import pytest
from click.testing import CliRunner

from tests.universe.conftest import as_csv, code, row
from zhaoyin.cli import main


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("ZHAOYIN_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("ZHAOYIN_LANG", "zh")
    return lambda *words: CliRunner().invoke(main, ["universe", *map(str, words)])


def test_import_count_candidates_and_what_the_shortlist_takes(run, tmp_path):
    file = tmp_path / "a.csv"
    rows = [row(n) for n in range(12)]
    rows[4] = row(4, 统一社会信用代码="123")
    file.write_bytes(as_csv(rows).encode("gb18030"))
    done = run("import", file)
    assert done.exit_code == 0, done.output
    assert "读 12 行 = 收 11 + 退 1" in done.output
    assert "没有载入行业代码表" in done.output
    assert "不是 18 位" in done.output
    assert json.loads(run("info", "--json").output)["firms"] == 11
    counted = [json.loads(line) for line in run("count", "industry:2", "--json").output.splitlines()]
    assert {one["industry"]: one["firms"] for one in counted} == {"39": 4, "26": 3, "09": 4}
    target = tmp_path / "c.parquet"
    found = run("candidates", "--industry", "3985=0.5", "--limit", "2", "--json", "--out", target)
    assert [json.loads(line)["industry"] for line in found.output.splitlines()] == ["3985", "3985"]
    import pandas as pd

    frame = pd.read_parquet(target)
    assert {"firm_id", "name", "live", "region", "capital_wan", "employees", "patents", "text"} <= set(
        frame.columns
    )
    assert frame["text"].tolist() == ["电子材料制造"] * 2
    assert set(frame["firm_id"]) <= {code(n) for n in range(12)}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["info"], "还没有企业库"),
        (["import", "none.csv"], "文件不存在"),
        (["import", "none.csv", "--map", "x"], "字段=列名"),
        (["candidates", "--industry", "39=much"], "不是数"),
        (["import"], "Missing argument"),
    ],
)
def test_one_clear_line(run, words, said):
    done = run(*words)
    assert done.exit_code != 0
    assert said in done.output
    assert "Traceback" not in done.output


def test_synthetic_is_said_wherever_it_is_shown(run, tmp_path):
    home = tmp_path / "syn"
    assert "合成" in run("synth", "--firms", 300, "--out", home).output
    for words in (["info"], ["count"], ["candidates", "--limit", "2"], ["sample", "3"]):
        assert "合成数据" in run(*words, "--universe", home).output
    assert all(
        json.loads(line)["synthetic"]
        for line in run("sample", "3", "--json", "--universe", home).output.splitlines()
    )
