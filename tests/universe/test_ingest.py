import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from itertools import pairwise
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.universe.conftest import HEADER, as_csv, code, listed, row
from zhaoyin import universe
from zhaoyin.base.errors import Refusal
from zhaoyin.universe import cards, intake


def firms(home: Path):
    return pq.read_table(str(universe.open(home).manifest.home(home))).to_pylist()


def test_a_gb18030_export_with_a_title_ragged_rows_and_bad_values(tmp_path, industries, regions):
    rows = [row(n) for n in range(40)]
    rows[3] = rows[3][:4]
    rows[5] = row(5, 行业代码="9999")
    rows[7] = row(7, 行业代码="金矿采选")
    rows[8] = row(8, 行业代码="某某业")
    rows[9] = row(9, 统一社会信用代码=code(9)[:17] + ("0" if code(9)[17] != "0" else "1"))
    rows[11] = row(11, 统一社会信用代码=code(10))
    rows[13] = row(13, 行政区划代码="990000")
    rows[15] = row(15, 注册资本="很多钱", 参保人数="不详")
    rows[17] = row(17, 企业名称="")
    file = tmp_path / "导出.csv"
    file.write_bytes(("某平台导出，仅供参考\r\n" + as_csv(rows)).encode("gb18030"))
    done = universe.ingest([file], tmp_path / "u", industries=industries, regions=regions)
    assert (done.read, done.accepted, done.rejected, done.left_empty) == (40, 33, 7, 1)
    why = {int(one["row"]): (one["outcome"], one["reason"]) for one in listed(done.rejects)}
    # Rows as a spreadsheet shows them: a title, the header, then row 0 on line 3.
    assert why[6] == ("rejected", "列数不对：表头 10 列，这一行 4 列")
    assert why[8] == ("rejected", "行业代码“9999”不在代码表 测试行业表 中")
    assert why[11] == ("rejected", "行业名称“某某业”不在代码表 测试行业表 中")
    assert why[12][1].endswith("校验位不对")
    assert why[14] == ("rejected", "与 导出.csv 第 13 行的统一社会信用代码重复")
    assert why[16] == ("rejected", "行政区划代码“990000”不在代码表 测试区划表 中")
    assert why[18] == ("kept", "注册资本“很多钱”读不成金额；参保人数“不详”读不成个数")
    assert why[20] == ("rejected", "缺企业名称")
    stored = firms(tmp_path / "u")
    assert [one["place"] for one in stored] == list(range(33))
    keys = [(one["industry"], one["region"], one["uscc"]) for one in stored]
    assert keys == sorted(keys)
    by_code = {one["uscc"]: one for one in stored}
    assert by_code[code(7)]["industry"] == "0921"
    assert by_code[code(15)]["capital_fen"] is None
    assert by_code[code(4)] | {"place": 0} == {
        "place": 0, "uscc": code(4), "name": "金山4有限公司", "region": "370602", "industry": "2613", "status": "open",
        "kind": None, "established": by_code[code(4)]["established"], "capital_fen": 14_000_000,
        "capital_currency": "CNY", "employees": 4, "patents": 4, "branches": None, "high_tech": None, "listed": None,
        "mobility": None, "address": None, "scope": "电子材料制造", "source": 0, "source_row": 7,
    }  # fmt: skip


@pytest.mark.parametrize("block_bytes", [300, 1_000, 1 << 20])
def test_blocks_of_any_size_give_the_same_universe(tmp_path, industries, block_bytes):
    rows = [row(n, 经营范围='黄金"加工"，\n白银,销售') for n in range(60)]
    file = tmp_path / "a.csv"
    file.write_text(as_csv(rows), encoding="utf-8-sig", newline="")
    done = universe.ingest(
        [file], tmp_path / "u", industries=industries, block_bytes=block_bytes, part_rows=7
    )
    assert (done.read, done.rejected) == (60, 0)
    stored = firms(tmp_path / "u")
    assert {one["uscc"] for one in stored} == {code(n) for n in range(60)}
    assert {one["scope"] for one in stored} == {'黄金"加工"，\n白银,销售'}


@pytest.mark.parametrize("how", [("电子材料制造", '"电子材料'), ("金山", '"金山'), ("有限", '有"限')])
@pytest.mark.parametrize("strays", [[6], [6, 7], [3, 20], [30], [1, 15, 16]])
def test_stray_quotes_swallow_no_row(tmp_path, industries, strays, how):
    lines = as_csv([row(n) for n in range(30)]).split("\r\n")
    for stray in strays:
        lines[stray] = lines[stray].replace(*how)
    file = tmp_path / "a.csv"
    file.write_text("\r\n".join(lines), encoding="utf-8", newline="")
    done = universe.ingest([file], tmp_path / "u", industries=industries)
    assert (done.read, done.accepted) == (30, 30)
    assert sorted(one["source_row"] for one in firms(tmp_path / "u")) == list(range(2, 32))


def test_a_second_import_renews_known_firms_and_remembers_the_mapping(tmp_path, industries):
    header = ["单位", "代码", *HEADER[2:]]
    first, second = tmp_path / "1.csv", tmp_path / "2.csv"
    first.write_text(as_csv([row(n) for n in range(10)], header), encoding="utf-8", newline="")
    second.write_text(
        as_csv([row(n, 参保人数="777") for n in range(5, 15)], header), encoding="utf-8", newline=""
    )
    with pytest.raises(Refusal, match="--map"):
        universe.ingest([first], tmp_path / "u", industries=industries)
    assert not (tmp_path / "u").exists()
    universe.ingest([first], tmp_path / "u", industries=industries, mapping={"name": "单位", "uscc": "#2"})
    done = universe.ingest([second], tmp_path / "u", industries=industries)
    assert (done.accepted, done.replaced, done.rows) == (10, 5, 15)
    stored = {one["uscc"]: one for one in firms(tmp_path / "u")}
    assert len(stored) == 15
    assert {number: stored[code(number)]["employees"] for number in (0, 5, 14)} == {0: 0, 5: 777, 14: 777}
    assert [source["file"] for source in universe.open(tmp_path / "u").manifest.sources] == ["1.csv", "2.csv"]
    assert stored[code(5)]["source"] == 1


def test_workbook_and_parquet_give_what_the_csv_gives(tmp_path, industries):
    import datetime as dt

    rows = [row(n) for n in range(20)]
    (tmp_path / "a.csv").write_text(as_csv(rows), encoding="utf-8", newline="")
    book = openpyxl.Workbook()
    book.active.append(["导出说明"])
    book.active.append(HEADER)
    for cells in rows:
        typed = [*cells]
        typed[4] = dt.datetime(2010, 3, 1)
        typed[7] = int(cells[7])
        book.active.append(typed)
    book.save(tmp_path / "b.xlsx")
    universe.ingest([tmp_path / "a.csv"], tmp_path / "ua", industries=industries)
    universe.ingest([tmp_path / "b.xlsx"], tmp_path / "ub", industries=industries, block_rows=6)
    again = universe.open(tmp_path / "ua").manifest.files(tmp_path / "ua")
    universe.ingest(again, tmp_path / "uc", industries=industries)
    leave_out = ("source_row", "capital_currency")
    a, b, c = (
        [{key: value for key, value in one.items() if key not in leave_out} for one in firms(tmp_path / name)]
        for name in ("ua", "ub", "uc")
    )
    assert a == b == c


@pytest.mark.parametrize(
    ("name", "content", "code_"),
    [
        ("a.csv", b"", "universe.file_empty"),
        ("a.csv", os.urandom(5_000) + b"\0", "universe.file_binary"),
        ("a.csv", "企业名称,统一社会信用代码\n".encode("utf-16"), "universe.file_encoding"),
        ("a.csv", "企业名称\t统一社会信用代码\r\n甲\t1\r\n".encode("utf-16-le"), "universe.file_encoding"),
        ("a.csv", "序号,企业名称,统一社会信用代码\n".encode("utf-16-be"), "universe.file_encoding"),
        ("a.xlsx", b"PK\x03\x04 not a workbook", "universe.file_binary"),
        ("a.parquet", b"PAR1 no", "universe.file_binary"),
        ("a.pdf", b"%PDF-1.7", "universe.file_kind"),
        ("a.csv", "甲,乙\n1,2\n".encode(), "universe.header"),
        ("a.csv", "企业名称,企业名称,统一社会信用代码\n1,2,3\n".encode(), "universe.header_twice"),
        ("a.csv", "企业名称,统一社会信用代码,行业代码,行政区划代码\n".encode(), "universe.nothing"),
        (
            "a.csv",
            "企业名称,统一社会信用代码,行业代码,行政区划代码\n甲,1,0921,370685\n".encode(),
            "universe.nothing",
        ),
    ],
)
def test_what_cannot_be_read_is_one_sentence_and_leaves_no_universe(
    tmp_path, industries, name, content, code_
):
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(Refusal) as caught:
        universe.ingest([file], tmp_path / "u", industries=industries)
    assert caught.value.code == code_
    assert name in caught.value.zh
    assert name in caught.value.en
    with pytest.raises(Refusal, match="no universe"):
        universe.open(tmp_path / "u")


def test_killed_in_the_middle_nothing_shows_and_the_same_command_goes_on(tmp_path, industries):
    file = tmp_path / "a.csv"
    file.write_text(as_csv([row(n) for n in range(3_000)]), encoding="utf-8", newline="")
    home = tmp_path / "u"
    universe.ingest([_small(tmp_path)], home, industries=industries)
    before = firms(home)
    script = textwrap.dedent(f"""
        import time
        from zhaoyin import universe
        from zhaoyin.universe import ingest
        def slow(stage, done, total):
            print(stage, flush=True)
            time.sleep(0.05)
        table = universe.CodeTable.of("industry", ["3985", "2613", "0921"], "测试行业表")
        universe.ingest([{str(file)!r}], {str(home)!r}, industries=table, block_bytes=4_000, progress=slow)
    """)
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, env=_env())
    deadline = time.monotonic() + 300  # a busy machine starts slowly
    while len(list(home.glob(".import/s*.json"))) < 5 and time.monotonic() < deadline:
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    staged = {path: path.stat().st_mtime_ns for path in home.glob(".import/s*.json")}
    assert len(staged) >= 5
    assert firms(home) == before
    table = universe.CodeTable.of("industry", ["3985", "2613", "0921"], "测试行业表")
    with pytest.raises(Refusal) as caught:
        universe.ingest([_small(tmp_path)], home, industries=table, block_bytes=4_000)
    assert caught.value.code == "universe.unfinished"
    kept = []

    def look(stage, _done, _total):
        if stage == "sort":
            kept.extend(path for path, at in staged.items() if path.stat().st_mtime_ns == at)

    done = universe.ingest([file], home, industries=table, block_bytes=4_000, progress=look)
    assert done.resumed
    assert set(kept) == set(staged)  # what was done before the kill was not done again
    assert (done.read, done.accepted, done.rejected) == (3_000, 3_000, 0)
    assert {one["uscc"] for one in firms(home)} == {code(n) for n in range(3_000)} | {code(9_999)}
    rows = [one["source_row"] for one in firms(home) if one["source"] == 1]
    assert sorted(rows) == list(range(2, 3_002))
    assert not (home / ".import").exists()


@pytest.mark.parametrize("moment", ["sorting", "switching"])
def test_killed_at_the_end_nothing_shows_and_the_same_command_goes_on(tmp_path, industries, moment):
    file = tmp_path / "a.csv"
    file.write_text(as_csv([row(n) for n in range(300)]), encoding="utf-8", newline="")
    home = tmp_path / "u"
    universe.ingest([_small(tmp_path)], home, industries=industries)
    before = firms(home)
    script = textwrap.dedent(f"""
        import os, signal
        from zhaoyin import universe
        from zhaoyin.universe.folder import Manifest
        die = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        def look(stage, done, total):
            if {moment!r} == "sorting" and stage == "sort" and done == 3:
                die()
        if {moment!r} == "switching":
            Manifest.save = die
        table = universe.CodeTable.of("industry", ["3985", "2613", "0921"], "测试行业表")
        universe.ingest([{str(file)!r}], {str(home)!r}, industries=table, part_rows=40, progress=look)
    """)
    assert (
        subprocess.run([sys.executable, "-c", script], env=_env(), check=False).returncode == -signal.SIGKILL
    )
    assert firms(home) == before
    table = universe.CodeTable.of("industry", ["3985", "2613", "0921"], "测试行业表")
    done = universe.ingest([file], home, industries=table, part_rows=40)
    assert done.resumed
    assert (done.read, done.accepted, done.rows) == (300, 300, 301)
    assert {one["uscc"] for one in firms(home)} == {code(n) for n in (*range(300), 9_999)}
    with universe.open(home) as opened:
        found = opened.candidates(universe.Filter(industries=("3985",)), limit=400).to_pylist()
    assert {one["firm_id"] for one in found} == {
        one["uscc"] for one in firms(home) if one["industry"] == "3985"
    }
    assert not (home / ".import").exists()


def test_a_workbook_goes_on_in_sheets_of_the_same_header(tmp_path, industries):
    book = openpyxl.Workbook()
    for title, numbers in (("名单", range(5)), ("名单续", range(4, 9))):
        sheet = book.create_sheet(title)
        sheet.append(HEADER)
        for number in numbers:
            sheet.append(row(number))
    book.create_sheet("说明").append(["数据来源：某平台", "仅供参考"])
    book.save(tmp_path / "b.xlsx")
    done = universe.ingest([tmp_path / "b.xlsx"], tmp_path / "u", industries=industries)
    assert (done.read, done.accepted, done.rejected) == (10, 9, 1)
    only = listed(done.rejects)[0]
    assert (only["file"], only["row"]) == ("b.xlsx〔名单续〕", "2")
    assert only["reason"] == "与 b.xlsx 第 6 行的统一社会信用代码重复"
    assert {one["uscc"] for one in firms(tmp_path / "u")} == {code(n) for n in range(9)}


def test_a_sheet_with_a_far_corner_is_refused(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(HEADER)
    book.active.cell(2, 16_000, "x")
    book.save(tmp_path / "b.xlsx")
    with pytest.raises(Refusal, match="columns"):
        universe.ingest([tmp_path / "b.xlsx"], tmp_path / "u")


def test_a_full_disk_is_one_sentence_and_changes_nothing(tmp_path, industries, monkeypatch):
    import errno

    file = tmp_path / "a.csv"
    file.write_text(as_csv([row(n) for n in range(30)]), encoding="utf-8", newline="")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(cards, "write", full)
        with pytest.raises(Refusal) as caught:
            universe.ingest([file], tmp_path / "u", industries=industries)
    assert caught.value.code == "universe.full"
    assert not (tmp_path / "u" / "universe.json").exists()
    done = universe.ingest([file], tmp_path / "u", industries=industries)
    assert done.resumed
    assert done.rows == 30


def test_row_groups_begin_where_an_industry_does(tmp_path):
    sizes = [1_000, 1_500, 100, 4_000, 45_000, 10, 20, 7_000]
    column = pa.chunked_array([[f"{n:04d}" for n, size in enumerate(sizes) for _ in range(size)]])
    starts = intake.group_starts(column)
    groups = [end - start for start, end in pairwise([*starts, len(column)])]
    assert groups == [2_600, 4_000, 15_000, 15_000, 15_000, 30, 7_000]


def test_a_folder_of_another_format_is_refused(tmp_path, industries):
    universe.ingest([_small(tmp_path)], tmp_path / "u", industries=industries)
    manifest = tmp_path / "u" / "universe.json"
    manifest.write_text(manifest.read_text().replace('"format": 2', '"format": 1'))
    with pytest.raises(Refusal, match="another version"):
        universe.open(tmp_path / "u")


def _small(tmp_path: Path) -> Path:
    file = tmp_path / "small.csv"
    file.write_text(as_csv([row(9_999)]), encoding="utf-8", newline="")
    return file


def _env() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}


def test_synthetic_firms_never_enter_a_real_universe(tmp_path, industries):
    universe.synthesise(500, tmp_path / "syn", seed=3)
    part = universe.open(tmp_path / "syn").manifest.files(tmp_path / "syn")[0]
    with pytest.raises(Refusal) as caught:
        universe.ingest([part], tmp_path / "real")
    assert caught.value.code == "universe.synthetic"
    # With mark and metadata lost, the names still tell.
    stripped = tmp_path / "stripped.csv"
    table = pq.read_table(part).to_pandas()
    table["region"] = "370685"
    table.to_csv(stripped, index=False)
    with pytest.raises(Refusal) as caught:
        universe.ingest([stripped], tmp_path / "real")
    assert caught.value.code == "universe.synthetic"
    with pytest.raises(Refusal):
        universe.open(tmp_path / "real")
    real = tmp_path / "real.csv"
    real.write_text(as_csv([row(1)]), encoding="utf-8", newline="")
    with pytest.raises(Refusal) as caught:
        universe.ingest([real], tmp_path / "syn")
    assert caught.value.code == "universe.synthetic"
    assert len(universe.open(tmp_path / "syn")) == 500


CELL = st.sampled_from(["", "-", "3985", "9999", "C2613", "金矿采选", "370685", "370602", "什么", '"', "1,2", "存续", "2020-02-30", "\ufffd"])  # fmt: skip


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.integers(0, 8), st.dictionaries(st.sampled_from(HEADER), CELL, max_size=3), st.integers(-3, 2)
        ),
        min_size=1,
        max_size=25,
    ),
    st.integers(120, 2_000),
)
def test_read_is_accepted_plus_rejected_and_both_are_accounted_for(
    tmp_path_factory, industries, rows, block_bytes
):
    tmp_path = tmp_path_factory.mktemp("h")
    made = []
    for number, changes, trim in rows:
        cells = row(number, **changes)
        made.append(cells[:trim] if trim < 0 else cells + ["x"] * trim)
    file = tmp_path / "a.csv"
    file.write_text(as_csv(made), encoding="utf-8", newline="")
    try:
        done = universe.ingest(
            [file], tmp_path / "u", industries=industries, block_bytes=block_bytes, part_rows=3
        )
    except Refusal as refusal:
        assert refusal.code == "universe.nothing"
        assert not (tmp_path / "u" / "universe.json").exists()
        return
    assert done.read == len(made)
    assert done.read == done.accepted + done.rejected
    stored = firms(tmp_path / "u")
    assert len(stored) == done.accepted == done.rows
    assert len({one["uscc"] for one in stored}) == len(stored)
    lines = listed(done.rejects) if done.rejects else []
    out = sorted(int(one["row"]) for one in lines if one["outcome"] == "rejected")
    assert len(out) == done.rejected
    assert sorted(out + [one["source_row"] for one in stored]) == list(range(2, len(made) + 2))
    manifest = json.loads((tmp_path / "u" / "universe.json").read_text())
    assert sum(part["rows"] for part in manifest["parts"]) == done.rows
    assert sum(end - start for start, end in manifest["industries"].values()) == done.rows
