import csv
import json

import pytest
from click.testing import CliRunner

from zhaoyin.cli.chain import chain
from zhaoyin.cli.codes import codes


@pytest.fixture
def counts_file(counts, tmp_path):
    file = tmp_path / "counts.csv"
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["region", "industry", "firms"])
        coo = counts.matrix.tocoo()
        for r, i, v in zip(coo.row, coo.col, coo.data, strict=True):
            writer.writerow([counts.regions[r], counts.industries[i], int(v)])
    return str(file)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ZHAOYIN_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("ZHAOYIN_LANG", "zh")


def run(command, *args):
    return CliRunner().invoke(command, [str(a) for a in args])


def test_position_prints_nulls_with_their_reason(counts_file):
    done = run(chain, "position", "--counts", counts_file, "--region", "110007", "--json")
    data = json.loads(done.stdout)
    assert data["eci"] is None and "3 家" in data["why"]["lq"][0]
    assert all(n["lq"] is None for n in data["nodes"])


def test_gaps_in_json_and_as_a_table(counts_file):
    done = run(chain, "gaps", "--counts", counts_file, "--region", "370685", "--json")
    nodes = {n["node_id"]: n for n in json.loads(done.stdout)["nodes"]}
    assert "strong" in nodes["mining"]["kinds"] and "missing" in nodes["deep_processing"]["kinds"]
    shown = run(chain, "gaps", "--counts", counts_file, "--region", "370685")
    assert shown.exit_code == 0 and "缺链" in shown.stdout


def test_shortlist_classifies_texts_and_counts_the_removed(counts_file, tmp_path):
    firms = tmp_path / "firms.csv"
    firms.write_text(
        "firm_id,name,text,live,city\n1,甲,黄金首饰加工、珠宝加工,1,深圳\n2,乙,餐饮,1,广州\n3,丙,首饰制造,0,深圳\n",
        encoding="utf-8",
    )
    done = run(
        chain,
        "shortlist",
        "--counts",
        counts_file,
        "--region",
        "370685",
        "--node",
        "jewellery",
        "--candidates",
        firms,
        "--json",
    )
    data = json.loads(done.stdout)
    assert [e["firm_id"] for e in data["entries"]] == ["1"]
    assert data["removed"] == {"uncertain": 1, "not_live": 1}
    assert "珠宝加工" in data["entries"][0]["evidence"]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("gaps", "--region", "9", "--counts", "COUNTS"), "没有地区 9"),
        (("gaps", "--region", "9", "--counts", "nowhere.csv"), "没有文件"),
        (("position", "--region", "370685", "--counts", "COUNTS", "--chain", "."), "chain.yaml"),
        (
            (
                "shortlist",
                "--region",
                "370685",
                "--counts",
                "COUNTS",
                "--node",
                "gems",
                "--candidates",
                "COUNTS",
            ),
            "没有环节 gems",
        ),
        (("train", "COUNTS", "--out", "m"), "--text"),
    ],
)
def test_refusals_are_one_line_and_exit_one(counts_file, args, said):
    done = run(chain, *(counts_file if a == "COUNTS" else a for a in args))
    assert done.exit_code == 1 and said in done.stderr and "Traceback" not in done.stderr


def test_counts_may_be_a_universe_and_say_that_it_is_synthetic(gold, tmp_path):
    from zhaoyin.universe import synthesise

    codes = sorted({c.code for c in gold.codes})
    synthesise(
        4_000, tmp_path / "u", seed=2, regions=["370685", "370683", "440303", "330102"], industries=codes
    )
    done = run(chain, "gaps", "--counts", tmp_path / "u", "--region", "370685")
    assert done.exit_code == 0 and "合成数据" in done.stdout


def test_codes_are_loaded_whole_and_then_check_the_chain(counts_file, tmp_path):
    table = tmp_path / "t.csv"
    table.write_text("code,name\n0921,金矿采选\n", encoding="utf-8")
    assert run(codes, "load", table).exit_code == 0
    done = run(chain, "position", "--counts", counts_file, "--region", "370685")
    assert done.exit_code == 1 and "3221" in done.stderr
    table.write_text("code,name\n0921,\n", encoding="utf-8")
    bad = run(codes, "load", table)
    assert bad.exit_code == 1 and "第 2 行" in bad.stderr


def test_train_writes_a_model_with_its_card(tmp_path):
    file = tmp_path / "own.jsonl"
    rows = [{"text": "金矿开采" + "一二三"[i % 3], "label": "采矿"} for i in range(15)]
    rows += [{"text": "软件开发" + "一二三"[i % 3], "label": "软件"} for i in range(15)]
    file.write_text("\n".join(json.dumps(r, ensure_ascii=False) for r in rows), encoding="utf-8")
    done = run(chain, "train", file, "--out", tmp_path / "m", "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["texts"] == 30 and (tmp_path / "m" / "weights.npz").exists()
    texts = tmp_path / "texts.csv"
    texts.write_text("text\n金矿开采\n天空\n", encoding="utf-8")
    said = run(chain, "classify", texts, "--model", tmp_path / "m", "--json")
    first, second = map(json.loads, said.stdout.splitlines())
    assert first["decision"] == "采矿" and "".join(first["evidence"]) and second["decision"] is None


def test_classify_by_terms_shows_evidence_and_abstains(tmp_path):
    texts = tmp_path / "texts.csv"
    texts.write_text("text\n键合丝生产、销售\n合金材料销售\n", encoding="utf-8")
    first, second = map(json.loads, run(chain, "classify", texts, "--json").stdout.splitlines())
    assert (first["decision"], first["evidence"]) == ("bonding_wire", ["键合丝"])
    assert second["decision"] is None and second["why"]
    assert "弃权" in run(chain, "classify", texts).stdout
    assert run(chain, "classify", texts, "--text", "scope").exit_code == 1


def test_candidates_of_a_universe_are_sure_by_their_code_and_have_distances(counts_file, tmp_path):
    firms = tmp_path / "firms.csv"
    firms.write_text("firm_id,name,industry,region\n1,甲,2438,440303\n2,乙,6120,440303\n", encoding="utf-8")
    args = ("--counts", counts_file, "--region", "370685", "--node", "jewellery", "--candidates", firms)
    data = json.loads(run(chain, "shortlist", *args, "--json").stdout)
    assert [e["firm_id"] for e in data["entries"]] == ["1"] and data["removed"] == {"uncertain": 1}
    assert data["entries"][0]["terms"]["fit"] == pytest.approx(0.8)
    assert 1500 < data["entries"][0]["row"]["distance_km"] < 1600
    shown = run(chain, "shortlist", *args).stdout
    assert "深圳 罗湖区" in shown and "不知道：" in shown


def test_rules_and_rivals_are_printed_in_full(counts_file):
    shown = run(chain, "gaps", "--counts", counts_file, "--region", "370685", "--rival", "110001").stdout
    assert "上限小于 1" in shown or "本地 0 家，而相邻的" in shown
    assert "更近且已有" in shown
