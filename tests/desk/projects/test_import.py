"""A bureau's ledger from Excel: whole or not at all, remembered, annotated, reversible."""

import datetime as dt
import io

import pytest
from openpyxl import Workbook, load_workbook

from zhaoyin.base.errors import Refusal
from zhaoyin.desk.evidence.models import AuditEntry, Provenance
from zhaoyin.desk.projects import actions, loading, sheets
from zhaoyin.desk.projects.models import Batch, Milestone, Profile, Project

HEADS = ["项目名称", "投资方", "总投资（万元）", "产业", "签约日期", "开工日期"]


def book(rows, heads=HEADS, above=(), merge=()):
    work = Workbook()
    sheet = work.active
    for line in (*above, heads, *rows):
        sheet.append(line)
    for area in merge:
        sheet.merge_cells(area)
    out = io.BytesIO()
    work.save(out)
    return out.getvalue()


GOOD = [
    ["金尾矿", "恒和", 12000, "黄金", dt.date(2026, 3, 2), dt.date(2026, 6, 1)],
    ["柔性电路", "某电子", "1.2亿元", "电子", "2026年4月5日", None],
]


def parsed(data, name="台账.xlsx"):
    table = sheets.read(data, name)
    mapping = sheets.guess(table.heads)
    return table, mapping, list(sheets.rows(table, mapping))


# --- the sheet alone


def test_units_of_head_and_cell_are_read_exactly():
    _, _, rows = parsed(book(GOOD))
    assert [r[1]["investment"] for r in rows] == [12_000 * 10**6, 12_000 * 10**6]
    assert [r[1]["signed_on"] for r in rows] == [dt.date(2026, 3, 2), dt.date(2026, 4, 5)]
    assert [r[2] for r in rows] == [[], []]


def test_a_unit_stated_above_the_table_counts_for_bare_numbers():
    heads = ["项目名称", "总投资", "产业"]
    _, _, rows = parsed(book([["甲", 1.5, "x"]], heads, above=[["招商项目台账"], ["单位：亿元"]]))
    assert rows[0][1]["investment"] == 15_000 * 10**6 and rows[0][0] == 4


@pytest.mark.parametrize(
    ("row", "column", "says"),
    [
        (["甲", "乙", 3000, "x", None, None], "总投资", "元？万元？"),
        (["甲", "乙", "很多", "x", None, None], "总投资", "读不成金额"),
        (["甲", "乙", -5, "x", None, None], "总投资", "元？万元？"),
        (["甲", "乙", None, "x", "明年", None], "签约日期", "读不成日期"),
        (["甲", "乙", None, "x", "2026-02-30", None], "签约日期", "读不成日期"),
        (["甲", "乙", None, "x", "2026-05-01", "2026-04-01"], "开工日期", "早于签约日期"),
        (["", "乙", None, "x", None, None], "项目名称", "没有“项目名称”"),
        (["甲", "乙", "=1+1", "x", None, None], "总投资", "公式没有算出值"),
        (["甲", "乙", "#REF!", "x", None, None], "总投资", "公式错误"),
    ],
)
def test_a_bad_cell_is_named_by_row_and_column_with_its_mend(row, column, says):
    heads = ["项目名称", "投资方", "总投资", "产业", "签约日期", "开工日期"]
    _, _, rows = parsed(book([["好", "x", "1亿元", "x", None, None], row], heads))
    problems = rows[1][2]
    assert [(p.row, p.column) for p in problems] == [(3, column)]
    assert says in problems[0].zh and problems[0].zh.endswith("。") and "3" in problems[0].en


def test_merged_cells_repeat_their_value_and_blank_rows_are_no_rows():
    rows = [
        ["甲", "集团", 1, "x", None, None],
        ["乙", None, 2, "x", None, None],
        [None] * 6,
        ["丙", "别家", 3, "x", None, None],
    ]
    _, _, got = parsed(book(rows, merge=["B2:B3"]))
    assert [r[1]["company"] for r in got] == ["集团", "集团", "别家"] and [r[0] for r in got] == [2, 3, 5]


@pytest.mark.parametrize(
    ("merge", "column", "says"),
    [("A2:A3", "项目名称", "一行写一个项目"), ("C2:C3", "总投资（万元）", "把金额分到各行")],
)
def test_a_name_or_an_amount_merged_over_rows_is_not_guessed(merge, column, says):
    rows = [
        ["甲", "乙", 1, "x", None, None],
        ["丙", "丁", 2, "x", None, None],
        ["戊", "己", 3, "x", None, None],
    ]
    _, _, got = parsed(book(rows, merge=[merge]))
    problem = next(p for _, _, found in got for p in found if "合并" in p.zh)
    assert (
        (problem.row, problem.column) == (3, column) and "与第 2 行合并" in problem.zh and says in problem.zh
    )


def test_units_mixed_in_one_column_are_read_or_refused_by_cell():
    rows = [
        ["甲", "x", 1200, "x", None, None], ["乙", "x", "1.2亿元", "x", None, None], ["丙", "x", "800万", "x", None, None],
        ["丁", "x", "12,000,000元", "x", None, None], ["戊", "x", 120_000_000, "x", None, None],
    ]  # fmt: skip
    _, _, got = parsed(book(rows))
    assert [r[1].get("investment") for r in got] == [
        1_200 * 10**6,
        12_000 * 10**6,
        800 * 10**6,
        1_200 * 10**6,
        None,
    ]
    problem = got[4][2][0]
    assert (
        (problem.row, problem.column) == (6, "总投资（万元）")
        and "12,000 亿元" in problem.zh
        and "写明单位" in problem.zh
    )


def test_a_table_beyond_the_limit_is_refused_whole(monkeypatch):
    monkeypatch.setattr(sheets, "MAX_ROWS", 3)
    with pytest.raises(Refusal) as caught:
        parsed(book([["甲", "x", n, "x", None, None] for n in range(4)]))
    assert caught.value.code == "import.rows" and "4 行" in caught.value.zh and "拆成几份" in caught.value.zh


def test_the_same_project_twice_in_a_sheet_is_a_problem():
    _, _, got = parsed(book([GOOD[0], GOOD[0]]))
    assert "第 3 行与第 2 行是同一个项目" in got[1][2][0].zh


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
def test_csv_in_either_encoding(encoding):
    text = "项目名称,投资方,总投资（亿元）\n甲\0,乙,1.5\n"  # a NUL is no text and is dropped
    _, _, got = parsed(text.encode(encoding), "台账.csv")
    assert got[0][1] == {"name": "甲", "company": "乙", "investment": 15_000 * 10**6}


@pytest.mark.parametrize(
    ("data", "name", "code"),
    [
        (b"PK\x03\x04 broken", "x.xlsx", "import.broken"),
        (b"\xd0\xcf\x11\xe0", "x.xls", "import.kind"),
        (book([["a", "b"]], ["一", "二"]), "x.xlsx", "import.heads"),
    ],
)
def test_files_that_are_no_ledger_are_refused(data, name, code):
    with pytest.raises(Refusal) as caught:
        sheets.read(data, name)
    assert caught.value.code == code


# --- into the ledger


def brought(people, rows=GOOD, **more):
    return loading.stage(people.officer, book(rows, **more), "台账.xlsx")


@pytest.mark.django_db
def test_a_batch_becomes_visible_at_once_and_counts_for_nothing(people, monkeypatch):
    batch = brought(
        people, [[f"项目{n}", f"企业{n}", n + 1, "x", dt.date(2026, 3, 2), None] for n in range(950)]
    )
    assert loading.check(batch)[0] == [] and Project.objects.count() == 0
    loading.start(people.officer, batch)
    seen = []
    real = loading._put

    def watched(*args):
        seen.append(Project.objects.count())
        return real(*args)

    monkeypatch.setattr(loading, "_put", watched)
    loading.load(batch.pk)
    assert len(seen) > 1 and set(seen) == {0} and Project.objects.count() == 950
    assert set(Project.objects.values_list("stage", flat=True)) == {"lead"}
    assert set(Milestone.objects.values_list("kind", "mark")) == {("signed", "said")}
    assert Profile.objects.filter(investment_fen=10**6).count() == 1
    proof = Provenance.objects.filter(locator_kind="cell").order_by("pk").first()
    assert proof.mark == "said" and proof.locator["row"] == 2
    assert AuditEntry.objects.filter(verb="batch.import", batch=str(batch.pk)).exists()
    assert len(set(Project.objects.values_list("code", flat=True))) == 950


@pytest.mark.django_db
def test_a_load_that_was_killed_is_taken_up_where_it_stopped(people, monkeypatch):
    batch = brought(people, [[f"项目{n}", "x", 1, "x", None, None] for n in range(900)])
    loading.start(people.officer, batch)
    real, calls = loading._put, []

    def dies(*args):
        calls.append(1)
        if len(calls) == 2:
            raise RuntimeError("power cut")
        return real(*args)

    monkeypatch.setattr(loading, "_put", dies)
    with pytest.raises(RuntimeError):
        loading.load(batch.pk)
    assert Project.objects.count() == 0
    monkeypatch.setattr(loading, "_put", real)
    loading.load(batch.pk)
    assert Project.objects.count() == 900


@pytest.mark.django_db
def test_columns_are_remembered_for_the_same_heads(people):
    first = brought(people)
    loading.remap(people.officer, first, {"name": 0, "company": 1, "need": 3})
    second = brought(people, [["别的", "x", 1, "y", None, None]])
    assert second.mapping == {"name": 0, "company": 1, "need": 3}


@pytest.mark.django_db
def test_what_the_ledger_has_already_is_a_problem(people):
    actions.create_project(people.officer, name="金尾矿", company_as_said="恒和")
    problems, _, _ = loading.check(brought(people))
    assert len(problems) == 1 and "台账里已有" in problems[0].zh


@pytest.mark.django_db
def test_the_same_file_twice_is_refused_and_a_batch_can_be_reversed(people):
    batch = brought(people)
    loading.start(people.officer, batch)
    loading.load(batch.pk)
    with pytest.raises(Refusal) as caught:
        brought_again = Batch.objects.get()
        loading._stage(people.officer, loading.table_of(batch), brought_again.material, "台账.xlsx")
    assert caught.value.code == "import.twice"
    batch.refresh_from_db()
    loading.reverse(people.officer, batch, "传错了")
    assert Project.objects.count() == 0 and Project.all_objects.count() == 2


@pytest.mark.django_db
def test_a_batch_somebody_works_on_is_not_reversed(people):
    batch = brought(people)
    loading.start(people.officer, batch)
    loading.load(batch.pk)
    project = Project.objects.get(name="金尾矿")
    actions.edit_project(people.officer, project, need="两栋")
    batch.refresh_from_db()
    with pytest.raises(Refusal) as caught:
        loading.reverse(people.officer, batch, "传错了")
    assert caught.value.code == "import.used" and project.code in caught.value.zh


@pytest.mark.django_db
def test_pages_refuse_half_an_import_and_return_an_annotated_workbook(people, client):
    from django.core.files.uploadedfile import SimpleUploadedFile

    client.force_login(people.officer)
    data = book([GOOD[0], ["乙", "x", "很多", "y", None, None]])
    answer = client.post("/projects/import/", {"file": SimpleUploadedFile("台账.xlsx", data)})
    batch = Batch.objects.get()
    page = client.get(answer.url).content.decode()
    assert "第 3 行“总投资（万元）”" in page and "1 处要改" in page
    assert client.post(answer.url, {"as": "import"}).status_code == 422 and Project.objects.count() == 0
    sheet = load_workbook(io.BytesIO(client.get(f"{answer.url}errors.xlsx").content)).active
    assert [c.value for c in sheet[2]][:2] == [3, "乙"] and "读不成金额" in sheet.cell(2, 8).value
    assert sheet.cell(2, 4).fill.fgColor.rgb.endswith("FCEBD3")
    assert batch.state == "staged"
