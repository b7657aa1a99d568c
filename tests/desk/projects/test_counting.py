"""Left out of the figures and taken in again: closed months stay, the lists say why and by whom, nothing mixes."""

import io
import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from openpyxl import load_workbook

from tests.desk.projects.house import D, bring_to, contract, new_project, pass_gate
from tests.desk.projects.test_path import WAN, capital, refused, value
from zhaoyin.desk.deals import actions as deals
from zhaoyin.desk.deals import queries as papers
from zhaoyin.desk.evidence.models import AuditEntry
from zhaoyin.desk.parties.models import Organisation
from zhaoyin.desk.projects import actions, corrections, counting, derive, queries
from zhaoyin.desk.projects import rules as in_force
from zhaoyin.desk.projects.models import Milestone, Project
from zhaoyin.desk.reports import actions as reports
from zhaoyin.desk.reports import queries as figures
from zhaoyin.desk.reports.models import Entry, Published, Rollup
from zhaoyin.lifecycle import Month as M
from zhaoyin.lifecycle import figure

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("a_day")]
WHY = "区内老厂搬迁，不是新投资"


@pytest.fixture
def signed(people):
    """Signed in January, capital in January."""
    project = bring_to(people, new_project(people), "signed", step=5)
    row = capital(people, project, amount_fen=1_000 * WAN, voucher=b"slip", received_on=D(2026, 1, 28))
    deals.verify_capital(people.verifier, row)
    return Project.objects.get(pk=project.pk)


@pytest.fixture
def region(tmp_path, monkeypatch):
    """The region's own rules, written by the test."""

    def write(text):
        (tmp_path / "rules.yaml").write_text(text, encoding="utf-8")
        monkeypatch.setenv("ZHAOYIN_RULES", str(tmp_path))

    return write


def sums(project):
    found = {}
    for e in Entry.objects.filter(project=project):
        found[e.account] = found.get(e.account, 0) + e.quantity
    return {account: n for account, n in found.items() if n}


def left(code, month, view="period"):
    return figure(code, figures.Books(out=True), month, view=view).numerator


def everything(month):
    """The figures of a month as people see them."""
    return [(line.indicator.ref, line.period, line.cohort) for line in figures.lines(month)]


# --- an open month


def test_left_out_counts_nowhere_and_taken_in_again_counts_as_before(people, signed):
    before, shown = sums(signed), everything(M(2026, 1))
    counting.leave_out(people.verifier, signed, "own_area", WHY)
    assert sums(signed) == {f"!{account}": n for account, n in before.items()}
    for month in range(1, 12):
        for line in figures.lines(M(2026, month)):
            assert not line.period.numerator and not line.period.denominator, line.indicator.code
            assert not line.cohort.numerator and not line.cohort.denominator, line.indicator.code
    assert left("signed_projects", M(2026, 1)) == 1 and left("capital_in_place", M(2026, 1)) == 1_000 * WAN
    signed.refresh_from_db()
    assert (signed.stage, signed.contracted_fen, signed.capital_fen) == ("signed", 12_000 * WAN, 1_000 * WAN)
    counting.take_in(people.verifier, signed, "查明是新投资")
    assert sums(signed) == before and everything(M(2026, 1)) == shown
    assert left("signed_projects", M(2026, 1)) == 0 and list(derive.check()) == []


def test_what_happens_later_is_booked_where_the_project_counts_now(people, signed):
    counting.leave_out(people.verifier, signed, "public_funds", "全部为财政资金")
    signed.refresh_from_db()
    for n, kind in enumerate(("landed", "started", "producing")):
        pass_gate(people, signed, kind, D(2026, 3, 1 + n))
    paper = signed.agreements.get()
    more = deals.create_agreement(
        people.officer, name="补充", kind="supplement", projects=[signed], amends=paper, amount_fen=500 * WAN,
        signed_on=D(2026, 5, 1),
    )  # fmt: skip
    deals.verify_agreement(people.verifier, more)
    corrections.correct_amount(people.verifier, signed, more, 600 * WAN, "附件金额")
    corrections.correct_date(
        people.verifier, signed, signed.milestones.get(kind="landed"), D(2026, 2, 27), "照营业执照"
    )
    promise = signed.commitments.filter(side="investor").get()
    deals.settle(people.officer, promise, D(2026, 10, 1), "回单")
    deals.confirm_kept(people.verifier, promise)
    assert all(account.startswith("!") for account in sums(signed))
    signed.refresh_from_db()
    assert signed.contracted_fen == 12_600 * WAN and signed.stage == "producing"
    counting.take_in(people.verifier, signed, "查明有社会资本")
    assert not any(account.startswith("!") for account in sums(signed))
    assert sums(signed)["contracted"] == 12_600 * WAN and sums(signed)["promise_kept"] == 1
    assert value("landed_ratio", M(2026, 12), "cohort") == 1


def test_a_project_may_be_judged_before_it_signs(people):
    project = bring_to(people, new_project(people), "review", step=5)
    counting.leave_out(people.verifier, project, "second_phase", "合同第二期，同一份合同")
    pass_gate(people, project, "signed", D(2026, 1, 25))
    assert value("signed_projects", M(2026, 1)) == 0 and left("signed_projects", M(2026, 1)) == 1


# --- a closed month


def test_a_closed_month_never_changes_and_the_next_shows_the_adjustment(people, signed):
    reports.close_month(people.verifier, 202601)
    printed = [list(model.objects.order_by("pk").values()) for model in (Published, Rollup)]
    shown = everything(M(2026, 1))
    booked = list(Entry.objects.filter(period=202601).order_by("pk").values())
    counting.leave_out(people.verifier, signed, "own_area", WHY)
    assert printed == [list(model.objects.order_by("pk").values()) for model in (Published, Rollup)]
    assert shown == everything(M(2026, 1)) and value("signed_projects", M(2026, 1)) == 1
    assert booked == list(Entry.objects.filter(period=202601).order_by("pk").values())
    assert value("signed_projects", M(2026, 2)) == -1 and left("signed_projects", M(2026, 2)) == 1
    assert value("contracted_amount", M(2026, 2)) == -12_000 * WAN
    assert value("signed_projects", M(2026, 2), "cohort") == 0 and left("signed_projects", M(2026, 1)) == 0
    moved = Entry.objects.filter(period=202602, account__in=["signed", "!signed"]).order_by("pk")
    assert [(e.quantity, e.adjusts, e.cohort) for e in moved] == [(-1, 202601, 202601), (1, 202601, 202601)]
    reports.close_month(people.verifier, 202602)
    counting.take_in(people.verifier, signed, "查明是新投资")
    assert value("signed_projects", M(2026, 2)) == -1 and value("signed_projects", M(2026, 3)) == 1
    assert value("signed_projects", M(2026, 3), "cohort") == 1 and left("signed_projects", M(2026, 3)) == -1
    assert left("signed_projects", M(2026, 3), "cohort") == 0 and shown == everything(M(2026, 1))


def test_checks_before_a_close_see_what_is_left_out_too(people, signed):
    counting.leave_out(people.verifier, signed, "own_area", WHY)
    assert all(check.passed for check in figures.checks(202601))
    Project.objects.filter(pk=signed.pk).update(contracted_fen=1)
    assert [check.code for check in figures.checks(202601) if not check.passed] == ["over"]


# --- by the rules, when the signing is verified


def verified(people, **values):
    return bring_to(people, new_project(people, **values), "signed", step=5)


@pytest.mark.parametrize(
    ("sector", "code"), [("7010 房地产", "real_estate"), ("零售", "retail"), ("黄金", "")]
)
def test_the_rules_leave_out_what_they_can_see(people, sector, code):
    project = verified(people, sector=sector)
    assert project.left_out == code and value("signed_projects", M(2026, 1)) == (0 if code else 1)
    if code:
        (judged,) = counting.judgements([project.pk])[project.pk]
        assert (
            judged.code == code
            and judged.who == "按规则 default@2，verifier 经手"
            and sector.split()[0] in judged.why
        )
        counting.take_in(people.verifier, project, "实为厂房建设")
        assert value("signed_projects", M(2026, 1)) == 1
        again = project.milestones.get(kind="signed")
        corrections.unverify(people.verifier, again, "看错了原件")
        actions.verify(people.verifier, again)  # what a person judged stands: the rules do not judge again
        project.refresh_from_db()
        assert project.left_out == "" and value("signed_projects", M(2026, 1)) == 1


def test_an_investor_in_real_estate_and_its_partner(people):
    lead = new_project(people)
    actions.set_investor(people.officer, lead, Organisation.objects.create(name="地产公司", industry="7010"))
    assert bring_to(people, lead, "signed", step=5).left_out == "real_estate"
    other = new_project(people, name="尾矿二号")
    for name, code in (("地产二公司", "K7010"), ("矿业", "0921 金矿采选")):
        actions.set_investor(people.officer, other, Organisation.objects.create(name=name, industry=code))
    assert bring_to(people, other, "signed", step=5).left_out == ""


def test_what_the_rules_decided_is_taken_back_with_the_signing(people):
    project = verified(people, sector="房地产")
    row = project.milestones.get(kind="signed")
    corrections.unverify(people.verifier, row, "看错了原件")
    project.refresh_from_db()
    assert project.left_out == "" and sums(project) == {}
    actions.edit_project(people.officer, project, sector="黄金")
    actions.verify(people.verifier, row)
    project.refresh_from_db()
    assert project.left_out == "" and value("signed_projects", M(2026, 1)) == 1


def test_a_threshold_is_the_regions_own_and_changes_nothing_by_itself(people, region):
    small = verified(people)
    assert small.left_out == ""
    region("exclusions:\n- {code: threshold, below: 2亿元}\n")
    derive.derive([small])
    small.refresh_from_db()
    assert (
        small.left_out == "" and value("signed_projects", M(2026, 1)) == 1
    )  # judged by the rules of its day
    assert verified(people, name="尾矿二号").left_out == "threshold"
    assert "1.2亿元" in counting.judgements([Project.objects.latest("pk").pk]).popitem()[1][0].why


def test_a_rush_after_the_deadline(people, region):
    region("exclusions:\n- {code: rushed, recorded_after: 30}\n")
    project = bring_to(people, new_project(people), "review", step=5)
    actions.note_reported(people.officer, project, kind="signed")
    Milestone.objects.filter(project=project, kind="signed").update(recorded_on=D(2026, 1, 20))
    pass_gate(people, project, "signed", D(2026, 1, 19))
    project.refresh_from_db()
    assert project.left_out == ""  # it was in the ledger on the day after, as reported
    assert verified(people, name="尾矿二号").left_out == "rushed"


def test_a_switch_turned_off_counts_and_cannot_be_chosen(people, region, client):
    region("exclusions:\n- {code: real_estate, active: false}\n")
    project = verified(people, sector="房地产")
    assert project.left_out == "" and value("signed_projects", M(2026, 1)) == 1
    refused("count.inactive", counting.leave_out, people.verifier, project, "real_estate", WHY)
    refused("lifecycle.exclusion", counting.leave_out, people.verifier, project, "nothing", WHY)
    client.force_login(people.verifier)
    page = client.get(f"/projects/{project.pk}/count/").content.decode()
    assert "区内搬迁" in page and 'value="real_estate"' not in page


def test_a_signed_project_that_proves_a_duplicate_counts_once(people, signed):
    again = verified(people, name="金尾矿（又一次）")
    reports.close_month(people.verifier, 202601)
    assert value("signed_projects", M(2026, 1)) == 2
    actions.leave(
        people.head, again, "duplicate",
        {"on": D(2026, 2, 3), "decider": "陈局", "note": "同一项目两次签约", "reason": "same_project", "merged_into": signed},
    )  # fmt: skip
    again.refresh_from_db()
    assert again.left_out == "duplicate" and again.exit_code == "duplicate"
    assert (value("signed_projects", M(2026, 1)), value("signed_projects", M(2026, 2))) == (2, -1)
    assert value("signed_projects", M(2026, 2), "cohort") == 1 and left("signed_projects", M(2026, 2)) == 1
    (judged,) = counting.judgements([again.pk])[again.pk]
    assert judged.why == f"并入 {signed.code}" and "head" in judged.who
    assert list(derive.check()) == []


# --- who may


def test_only_a_verifier_outside_the_team_with_a_reason(people, signed):
    for name in ("officer", "head", "leader", "park", "department", "auditor"):
        refused("forbidden", counting.leave_out, getattr(people, name), signed, "own_area", WHY)
        refused("forbidden", counting.take_in, getattr(people, name), signed, WHY)
    actions.add_member(people.head, signed, people.verifier, "department")
    refused("count.team", counting.leave_out, people.verifier, signed, "own_area", WHY)
    refused("count.reason", counting.leave_out, people.verifier2, signed, "own_area", "不")
    refused("count.same", counting.take_in, people.verifier2, signed, WHY)
    counting.leave_out(people.verifier2, signed, "own_area", WHY)
    refused("count.same", counting.leave_out, people.verifier2, signed, "own_area", WHY)
    refused("count.team", counting.take_in, people.verifier, signed, WHY)
    refused("stale", counting.take_in, people.verifier2, signed, WHY, seen=signed.version)
    verbs = AuditEntry.objects.filter(object_id=signed.pk, verb__startswith="project.leave_out")
    assert [(e.actor_name, e.reason, e.after) for e in verbs] == [
        ("verifier2", WHY, {"left_out": "own_area"})
    ]


# --- nothing mixes


def test_demonstration_stays_apart(people, signed):
    demo = verified(people, name="演示")
    assert sums(demo)
    Project.objects.filter(pk=signed.pk).update(is_demo=True)
    other = new_project(people, name="演示二号", is_demo=True)
    other = bring_to(people, other, "started", step=5)
    held = sums(other)
    assert all(account.startswith("~") for account in held) and other.contracted_fen == 12_000 * WAN
    counting.leave_out(people.verifier, other, "own_area", WHY)
    assert sums(other) == {"?" + account[1:]: n for account, n in held.items()}
    assert (
        value("signed_projects", M(2026, 1)) == 2 and left("signed_projects", M(2026, 1)) == 0
    )  # of the real ones
    books = figures.Books(demo=True, out=True)
    assert figure("signed_projects", books, M(2026, 1)).numerator == 1
    other.refresh_from_db()
    assert other.contracted_fen == 12_000 * WAN
    counting.take_in(people.verifier, other, "查明是新投资")
    assert sums(other) == held


def test_books_of_demonstration_alone(people):
    project = bring_to(people, new_project(people, is_demo=True, sector="房地产"), "signed", step=5)
    assert {a[0] for a in sums(project)} == {"?"} and figures.only_demo()
    assert left("signed_projects", M(2026, 1)) == 1 and value("signed_projects", M(2026, 1)) == 0


def test_a_corridors_other_part_goes_along(people):
    corridor = actions.create_corridor(
        people.head, code="sz", name="深招", source_city="深圳", home_place="招远"
    )
    for measure in ("contracted", "capital"):
        actions.set_split(
            people.head, corridor, measure, D(2025, 1, 1), source_share=40, enclave_share=0, home_share=60, citation="协议"
        )  # fmt: skip
    project = bring_to(people, new_project(people, corridor=corridor), "signed", step=5)
    assert sums(project)["contracted_away"] == 4_800 * WAN
    counting.leave_out(people.verifier, project, "own_area", WHY)
    assert sums(project)["!contracted_away"] == 4_800 * WAN and "contracted_away" not in sums(project)
    assert value("contracted_own", M(2026, 1)) == 0 and left("contracted_own", M(2026, 1)) == 7_200 * WAN
    assert queries.corridor_books(corridor)["totals"]["contracted"] == 0
    assert (
        max(map(len, Entry.objects.values_list("account", flat=True)))
        <= Entry._meta.get_field("account").max_length
    )


def test_the_board_and_the_tally_of_papers(people, signed):
    def column():
        (found,) = (c for c in queries.board(people.verifier)["columns"] if c.stage.code == "signed")
        return found.count, found.contracted_fen, found.left_out

    assert column() == (1, 12_000 * WAN, 0) and papers.tally().verified_fen == 12_000 * WAN
    counting.leave_out(people.verifier, signed, "own_area", WHY)
    assert column() == (1, 0, 1) and papers.tally().verified_fen == 0


# --- pages


@pytest.fixture
def out(people, signed):
    bring_to(people, new_project(people, name="留下的"), "signed", step=5)
    counting.leave_out(people.verifier, signed, "own_area", WHY)
    return Project.objects.get(pk=signed.pk)


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("zh-hans", ["不计入统计：", "区内搬迁", "重新计入统计"]),
        ("en", ["Left out of the figures", "Move within the own area"]),
    ],
)
def test_the_project_page_says_so_plainly(client, people, out, language, words):
    client.force_login(people.verifier)
    client.cookies["zhaoyin_language"] = language
    page = client.get(f"/projects/{out.pk}/").content.decode()
    assert all(w in page for w in [*words, WHY, "verifier"])
    client.force_login(people.officer)
    assert f"/projects/{out.pk}/count/" not in client.get(f"/projects/{out.pk}/").content.decode()
    assert client.get(f"/projects/{out.pk}/count/").status_code == 403


def test_leave_out_and_take_in_on_the_page(client, people, signed):
    client.force_login(people.verifier)
    url = f"/projects/{signed.pk}/count/"
    assert client.post(url, {"code": "", "reason": WHY}).status_code == 422
    assert client.post(url, {"code": "own_area", "reason": "不"}).status_code == 422
    assert (
        client.post(url, {"code": "own_area", "reason": WHY, "seen": signed.version - 1}).status_code == 409
    )
    assert client.post(url, {"code": "own_area", "reason": WHY, "seen": signed.version}).status_code == 302
    page = client.get(url).content.decode()
    assert "重新计入" in page
    assert client.post(url, {"code": "", "reason": "查明是新投资"}).status_code == 302
    signed.refresh_from_db()
    assert signed.left_out == "" and len(counting.judgements([signed.pk])[signed.pk]) == 2


def test_the_table_filters_and_exports_it(client, people, out):
    client.force_login(people.verifier)
    assert "留下的" not in client.get("/projects/?counts=no").content.decode()
    assert str(out) in client.get("/projects/?counts=own_area").content.decode()
    assert out.get_absolute_url() not in client.get("/projects/?counts=yes").content.decode()
    book = load_workbook(io.BytesIO(client.get("/projects/?as=xlsx").content))
    rows = list(book.active.iter_rows(values_only=True))
    at = rows[0].index("不计入统计")
    assert {row[0]: row[at] for row in rows[1:]} == {out.name: "区内搬迁", "留下的": None}


def test_exported_amounts_carry_their_unit_and_no_cell_its_markup(client, people, out):
    investor = Organisation.objects.create(name="境外投资方")
    usd = deals.create_agreement(
        people.officer, name="外币合同", kind="contract", investors=[investor], projects=[out], signed_on=D(2026, 2, 1),
        amount_fen=3_000_000_00, currency="USD",
    )  # fmt: skip
    client.force_login(people.verifier)
    sheets = {}
    for url in ("/projects/", "/agreements/", "/agreements/promises/"):
        book = load_workbook(io.BytesIO(client.get(f"{url}?as=xlsx").content))
        sheets[url] = list(book.active.iter_rows(values_only=True))
        assert not [cell for row in sheets[url] for cell in row if "<" in str(cell)], url
    head, *rows = sheets["/projects/"]
    at = head.index("签约额（元）"), head.index("到位资金（元）")
    assert {row[0]: (row[at[0]], row[at[1]]) for row in rows}[out.name] == (120_000_000, 10_000_000)
    head, *rows = sheets["/agreements/"]
    amounts = {(row[0], row[head.index("金额（元）")]) for row in rows}
    assert (usd.name, "3,000,000.00 USD") in amounts and ("合同", 120_000_000) in amounts
    client.cookies["zhaoyin_language"] = "en"
    book = load_workbook(io.BytesIO(client.get("/projects/?as=xlsx").content))
    assert "Contracted (yuan)" in next(book.active.iter_rows(values_only=True))


def test_each_figure_shows_what_was_left_out_and_its_list_says_why(client, people, out):
    client.force_login(people.verifier)
    page = client.get("/figures/?month=202601").content.decode()
    assert page.count("另有 1 个不计入") == 2 and "另有 1.2亿元不计入" in page  # period and cohort
    for view in ("period", "cohort"):
        shown = client.get(
            f"/figures/list/?month=202601&indicator=signed_projects&view={view}&out=1"
        ).content.decode()
        assert (
            all(w in shown for w in (str(out), "区内搬迁", WHY, "verifier", "不计入的 1 条", "合同扫描件"))
            and "留下的" not in shown
        )
    book = load_workbook(
        io.BytesIO(
            client.get("/figures/list/?month=202601&indicator=contracted_amount&out=1&as=xlsx").content
        )
    )
    rows = list(book.active.iter_rows(values_only=True))
    assert rows[0][5:] == ("不计入（元）", "为何不计入", "谁", "何时")
    assert rows[1][5] == 120_000_000 and rows[1][6] == f"区内搬迁：{WHY}" and rows[1][7] == "verifier"


def test_a_list_of_a_closed_month_keeps_the_reason_of_its_day(client, people, out):
    reports.close_month(people.verifier, 202601)
    counting.take_in(people.verifier, out, "查明是新投资")
    counting.leave_out(people.verifier, out, "public_funds", "又查明全部为财政资金")
    client.force_login(people.verifier)
    page = client.get("/figures/list/?month=202601&indicator=signed_projects&out=1").content.decode()
    assert WHY in page and "又查明" not in page
    assert "另有 1 个不计入" in client.get("/figures/?month=202601").content.decode()


def test_the_verification_desk_says_it_beforehand(client, people):
    project = bring_to(people, new_project(people, sector="房地产"), "review", step=5)
    contract(people, project, on=D(2026, 1, 20))
    row = actions.claim(people.officer, project, "signed", D(2026, 1, 20))
    client.force_login(people.verifier)
    page = client.get(f"/projects/verification/?at=milestone-{row.pk}").content.decode()
    assert "核验后不计入统计：房地产" in page and Project.objects.get(pk=project.pk).left_out == ""


def test_the_figures_cost_the_same_however_many_are_left_out(client, people, signed):
    client.force_login(people.verifier)

    def cost(url):
        client.get(url)
        with CaptureQueriesContext(connection) as caught:
            assert client.get(url).status_code == 200
        return len(caught)

    for month in (202601, 202602):
        urls = [
            "/figures/?month=202601",
            f"/figures/?month={month}",
            f"/figures/list/?month={month}&indicator=signed_projects&out=1",
            "/projects/board/",
        ]
        others = [
            bring_to(people, new_project(people, name=f"另{month}{n}"), "signed", step=5) for n in range(2)
        ]
        none = [cost(url) for url in urls]
        counting.leave_out(people.verifier, others[0], "own_area", WHY)
        one = [cost(url) for url in urls]
        counting.leave_out(people.verifier, others[1], "own_area", WHY)
        assert [cost(url) for url in urls] == one
        assert (*one[:2], one[3]) == (*none[:2], none[3])
        if month == 202601:
            reports.close_month(people.verifier, 202601)


def test_through_the_api(client, people, signed):
    client.force_login(people.verifier)

    def post(what, **given):
        return client.post(
            f"/api/projects/{signed.pk}/{what}", json.dumps(given), content_type="application/json"
        )

    assert post("leave-out", code="own_area", reason="不").status_code == 422
    told = post("leave-out", code="own_area", reason=WHY).json()
    assert told["left_out"] == "own_area"
    assert [(j["code"], j["why"], j["who"]) for j in told["judgements"]] == [("own_area", WHY, "verifier")]
    shown = {(f["indicator"], f["view"]): f for f in client.get("/api/figures/202601").json()}
    figure_ = shown["signed_projects@1", "period"]
    assert (figure_["numerator"], figure_["left_out_numerator"]) == (0, 1)
    assert client.get("/api/figures/202601/list/signed_projects").json() == []
    assert [p["id"] for p in client.get("/api/figures/202601/list/signed_projects?out=true").json()] == [
        signed.pk
    ]
    assert post("take-in", reason="查明是新投资").json()["left_out"] == ""
    client.force_login(people.officer)
    assert post("leave-out", code="own_area", reason=WHY).status_code == 403


def test_rules_of_this_desk_fit_the_column():
    assert max(map(len, in_force.rules().exclusions)) <= Project._meta.get_field("left_out").max_length
