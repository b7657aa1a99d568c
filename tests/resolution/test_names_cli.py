import json

import openpyxl
import pytest
from click.testing import CliRunner

from zhaoyin.cli.names import names
from zhaoyin.resolution.synthetic import training_set

FIRMS = "编号,名称,所在地,别名\n1,山东招金集团有限公司,山东省招远市,招远黄金工业集团\n2,招金矿业股份有限公司,山东省招远市,\n3,山东鲁鑫贵金属有限公司,山东省招远市,\n"


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("ZHAOYIN_LANG", "zh")
    (tmp_path / "firms.csv").write_text(FIRMS, "utf-8")

    def call(*arguments):
        return CliRunner().invoke(names, [str(a) for a in arguments])

    return call


@pytest.fixture
def built(run, tmp_path):
    done = run("build", tmp_path / "firms.csv", "-r", tmp_path / "reg")
    assert done.exit_code == 0, done.output
    assert "3 家" in done.output
    return tmp_path / "reg"


def test_resolve_says_who_and_why(run, built):
    answer = json.loads(run("resolve", "赵晋集团", "-r", built, "--json").output)
    assert (answer["candidates"][0]["id"], answer["decision"]) == ("1", "match")
    assert answer["candidates"][0]["reasons"][0]["zh"].startswith("同音：赵晋/招金")
    assert "招远市 罗峰街道" in run("resolve", "招远市罗丰街道", "-r", built).output


def test_link_writes_an_annotated_workbook(run, built, tmp_path):
    (tmp_path / "guests.csv").write_bytes(
        "来宾单位,人数\n赵金矿业,3\n=1+1,1\n某某全新公司,2\n,1\n".encode("gb18030")
    )
    done = run(
        "link",
        tmp_path / "guests.csv",
        "-r",
        built,
        "--column",
        "来宾单位",
        "-o",
        tmp_path / "out.xlsx",
        "--json",
    )
    counts = json.loads(done.output)
    assert counts["match"] + counts["review"] + counts["new"] == 4
    sheet = openpyxl.load_workbook(tmp_path / "out.xlsx").active
    rows = list(sheet.values)
    assert rows[0][:4] == ("来宾单位", "人数", "匹配结论", "可能性")
    assert rows[1][2:6:2] == ("匹配", "招金矿业股份有限公司") or rows[1][4] == "招金矿业股份有限公司"
    assert rows[2][0] == "'=1+1"
    assert "名称为空" in rows[4][6]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("build", "missing.csv", "-r", "reg"), "找不到文件"),
        (("build", "nameless.csv", "-r", "reg"), "找不到名称列"),
        (("build", "gap.csv", "-r", "reg"), "第 3 行没有名称"),
        (("build", "empty.csv", "-r", "reg"), "没有数据行"),
        (("resolve", "招金", "-r", "nowhere"), "不是名册"),
        (("link", "firms.csv", "-r", "reg2", "--column", "没有这列"), "不是名册"),
        (("tune", "firms.csv", "-r", "nowhere"), "不是名册"),
    ],
)
def test_what_is_wrong_is_one_line_and_exit_code_1(run, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nameless.csv").write_text("甲,乙\n1,2\n", "utf-8")
    (tmp_path / "gap.csv").write_text("编号,名称\n1,招金矿业\n2,\n", "utf-8")
    (tmp_path / "empty.csv").write_text("编号,名称\n", "utf-8")
    done = run(*arguments)
    assert done.exit_code == 1
    assert said in done.output
    assert "Traceback" not in done.output


def test_tune_refits_on_confirmed_links_and_keeps_only_what_is_better(run, tmp_path):
    entries, written = training_set(1500, 500, 3, [])
    (tmp_path / "many.csv").write_text("id,name\n" + "".join(f"{e.id},{e.name}\n" for e in entries), "utf-8")
    (tmp_path / "links.csv").write_text(
        "query,id\n" + "".join(f"{w.text},{w.id or ''}\n" for w in written), "utf-8"
    )
    assert run("build", tmp_path / "many.csv", "-r", tmp_path / "many").exit_code == 0
    done = run("tune", tmp_path / "links.csv", "-r", tmp_path / "many")
    assert done.exit_code == 0, done.output
    assert "交叉验证" in done.output
    assert ("已启用" in done.output) == (tmp_path / "many" / "model.npz").exists()
    (tmp_path / "few.csv").write_text("query,id\n招金,1\n", "utf-8")
    few = run("tune", tmp_path / "few.csv", "-r", tmp_path / "many")
    assert few.exit_code == 1
    assert "至少要 50 条" in few.output


def test_a_row_that_holds_no_name_is_told_by_file_and_line(run, tmp_path):
    """Empty lines and cells of several lines count as a person counts them; a name of signs alone is none."""
    text = 'name,place\n招远甲有限公司,招远\n\n"招远乙\n有限公司",招远\n！！！,招远\n'
    (tmp_path / "signs.csv").write_text(text, encoding="utf-8")
    book = openpyxl.Workbook()
    for number, row in ((3, ("name", "place")), (4, ("招远甲有限公司", "招远")), (7, ("——", "招远"))):
        for column, value in enumerate(row, 1):
            book.active.cell(number, column, value)
    book.save(tmp_path / "signs.xlsx")
    for file, line, seen in (("signs.csv", 6, "！！！"), ("signs.xlsx", 7, "——")):
        refused = run("build", tmp_path / file, "-r", tmp_path / "reg")
        assert refused.exit_code == 1 and f"{file} 第 {line} 行的“{seen}”不成名称" in refused.output, (
            refused.output
        )
    assert "不是名册" in run("resolve", "招远甲", "-r", tmp_path / "reg").output  # nothing half built
