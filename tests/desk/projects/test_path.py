"""The path claim → verify → derive → close → figure, and what is refused on it."""

import datetime as dt
import io
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.utils import DatabaseError, InternalError
from openpyxl import load_workbook

from tests.desk.projects.house import ORDER, D, bring_to, contract, fill, new_project, pass_gate
from zhaoyin.base.errors import Refusal
from zhaoyin.desk.deals import actions as deals
from zhaoyin.desk.deals.models import Agreement, Capital
from zhaoyin.desk.projects import actions, corrections, derive
from zhaoyin.desk.projects.models import Exit, Milestone, Project
from zhaoyin.desk.reports import actions as reports
from zhaoyin.desk.reports import queries
from zhaoyin.desk.reports.models import Entry, Month, Published
from zhaoyin.lifecycle import Month as M
from zhaoyin.lifecycle import figure

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("a_day")]
WAN = 10**6


def refused(code, act, *args, **kwargs):
    with pytest.raises(Refusal) as caught, transaction.atomic():
        act(*args, **kwargs)
    assert caught.value.code == code, caught.value.zh
    assert caught.value.zh.endswith("。") and caught.value.en.endswith(".")
    return caught.value


def value(code, month, view="period"):
    return figure(code, queries.Books(), month, view=view).value


def test_a_project_walks_through_every_gate(people):
    project = new_project(people)
    stages = ["lead", "talks", "talks", "signed", "landed", "started", "producing", "capacity"]
    for n, kind in enumerate(ORDER):
        pass_gate(people, project, kind, D(2026, 1, 5) + dt.timedelta(days=20 * n))
        project.refresh_from_db()
        assert project.stage == stages[n]
    assert list(derive.check()) == []
    assert project.contracted_fen == 12_000 * WAN
    accounts = {e.account for e in Entry.objects.filter(project=project)}
    assert {
        "signed",
        "contracted",
        "landed",
        "performed",
        "started",
        "start_due",
        "started_due",
        "producing",
    } <= accounts


@pytest.mark.parametrize("kind", ORDER)
def test_no_gate_opens_while_something_is_missing(people, kind):
    project = new_project(people)
    if kind != "lead":
        bring_to(people, project, ORDER[ORDER.index(kind) - 1])
    row = Milestone.objects.filter(project=project, kind=kind).first()
    if kind == "lead":
        actions.edit_project(people.officer, project, need="")
    else:
        row = actions.claim(people.proposes(kind), project, kind, D(2026, 8, 1))
    before = Project.objects.get(pk=project.pk).stage
    refused("milestone.missing", actions.verify, people.verifies(kind), row)
    assert Project.objects.get(pk=project.pk).stage == before


def test_the_team_never_verifies(people):
    project = new_project(people)
    people.officer.roles = ["officer", "verifier", "head"]
    people.officer.save()
    row = project.milestones.get(kind="lead")
    refused("lifecycle.verify.team", actions.verify, people.officer, row)
    actions.add_member(people.head, project, people.verifier, "department")
    refused("lifecycle.verify.team", actions.verify, people.verifier, row)
    member = project.members.get(user=people.verifier)
    actions.end_member(people.head, project, member)
    refused("lifecycle.verify.team", actions.verify, people.verifier, row)  # was on it once: still refused


def test_claims_in_the_wrong_order_of_dates_are_refused(people):
    project = bring_to(people, new_project(people), "signed")
    refused("lifecycle.date.order", actions.claim, people.officer, project, "landed", D(2026, 1, 1))
    refused("lifecycle.date.future", actions.claim, people.officer, project, "landed", D(2027, 1, 1))
    actions.claim(people.officer, project, "landed", D(2026, 4, 1))
    refused("milestone.twice", actions.claim, people.officer, project, "landed", D(2026, 4, 1))
    refused("lifecycle.propose.role", actions.claim, people.head, project, "started", D(2026, 4, 1))


def test_a_return_needs_its_reason_and_the_claim_may_come_again(people):
    project = new_project(people)
    row = project.milestones.get(kind="lead")
    refused("milestone.reason", actions.send_back, people.verifier, row, "不")
    actions.send_back(people.verifier, row, "没有报告人，补上")
    assert project.milestones.get(kind="lead").mark == "rejected"
    again = actions.claim(people.officer, project, "lead", D(2026, 1, 5))
    actions.verify(people.head, again)
    refused("milestone.stale", actions.verify, people.head, again)


def test_signed_twice_counts_once_with_the_first_date(people):
    project = bring_to(people, new_project(people), "review")
    fill(people, project, "signed")
    contract(people, project, 12_000 * WAN, on=D(2026, 3, 2))
    contract(people, project, 12_000 * WAN, on=D(2026, 5, 8))
    pass_gate(people, project, "signed", D(2026, 5, 8))
    assert (
        value("signed_projects", M(2026, 3)) == 1 and value("contracted_amount", M(2026, 3)) == 12_000 * WAN
    )
    assert value("signed_projects", M(2026, 5)) == 0 and value("contracted_amount", M(2026, 5)) == 0


def test_supplement_and_termination_count_in_their_own_month(people):
    project = bring_to(people, new_project(people), "signed")
    first = project.agreements.get()
    month = M.of(first.signed_on)
    reports.close_month(people.verifier, 202601)
    for number in (202602, 202603):
        reports.close_month(people.verifier, number)
    add = deals.create_agreement(
        people.officer, name="补充", kind="supplement", projects=[project], amends=first, amount_fen=20_000 * WAN,
        signed_on=D(2026, 4, 10),
    )  # fmt: skip
    deals.verify_agreement(people.verifier, add)
    end = deals.create_agreement(
        people.officer,
        name="解除",
        kind="termination",
        projects=[project],
        amends=first,
        signed_on=D(2026, 6, 1),
    )
    deals.verify_agreement(people.verifier, end)
    got = {m: value("contracted_amount", M(2026, m)) for m in range(3, 8)}
    assert got == {3: 12_000 * WAN, 4: 20_000 * WAN, 5: 0, 6: -32_000 * WAN, 7: 0}
    assert (
        Published.objects.get(month=month.number, indicator="contracted_amount@1", view="period").numerator
        == 12_000 * WAN
    )


def test_a_fact_of_february_verified_in_march_is_an_adjustment_of_march(people, a_day):
    a_day(D(2026, 3, 1))
    project = bring_to(people, new_project(people), "review", start=D(2026, 1, 5), step=5)
    fill(people, project, "signed")
    contract(people, project, on=D(2026, 2, 27))
    actions.plan(people.officer, project, "started", planned_on=D(2026, 6, 1))
    actions.plan(people.officer, project, "producing", planned_on=D(2026, 12, 1))
    row = actions.claim(people.officer, project, "signed", D(2026, 2, 27))
    refused("month.checks", reports.close_month, people.verifier, 202602)
    reports.close_month(people.verifier, 202601)
    Milestone.objects.filter(pk=row.pk).update(mark="said")  # not claimed before the close
    reports.close_month(people.verifier, 202602)
    Milestone.objects.filter(pk=row.pk).update(mark="claimed")
    a_day(D(2026, 3, 3))
    actions.verify(people.verifier, row)
    row.refresh_from_db()
    assert (row.period, row.adjusts) == (202603, 202602)
    assert value("signed_projects", M(2026, 2)) == 0 and value("signed_projects", M(2026, 3)) == 1
    assert [e.adjusts for e in queries.adjustments(202603) if e.account == "signed"] == [202602]


# --- money


def capital(people, project, **values):
    given = {
        "received_on": D(2026, 4, 20), "amount_fen": 1_000 * WAN, "payer": "恒和", "payer_region": "440300",
        "voucher": b"slip 1", "voucher_name": "回单.pdf",
    } | values  # fmt: skip
    return deals.claim_capital(people.officer, project, **given)


def test_capital_counts_when_verified_with_its_origin(people):
    project = bring_to(people, new_project(people), "signed")
    row = capital(people, project)
    assert row.origin == "other_province" and value("capital_in_place", M(2026, 4)) == 0
    deals.verify_capital(people.verifier, row)
    got = figure("capital_in_place", queries.Books(), M(2026, 4))
    assert got.value == 1_000 * WAN and got.parts["origin"] == {"other_province": 1_000 * WAN}
    assert value("performed_ratio", M(2026, 4), "cohort") == 1
    project.refresh_from_db()
    assert project.capital_fen == 1_000 * WAN


def test_the_same_voucher_twice_is_refused_and_says_where(people):
    project = bring_to(people, new_project(people), "signed")
    other = bring_to(people, new_project(people, name="别的"), "signed")
    capital(people, project)
    refusal = refused("capital.voucher.used", capital, people, other, amount_fen=5)
    assert "金尾矿" in refusal.zh and "2026-04-20" in refusal.zh and "1,000 万元" in refusal.zh
    with pytest.raises(IntegrityError), transaction.atomic():
        Capital.objects.create(
            project=other, received_on=D(2026, 4, 20), amount_fen=1, payer="x", payer_region="440300", origin="local",
            voucher_sha256=Capital.objects.get().voucher_sha256, recorded_on=D(2026, 4, 20),
        )  # fmt: skip


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"amount_fen": 12_001 * WAN}, "capital.over"),
        ({"amount_fen": 0}, "capital.amount"),
        ({"received_on": D(2027, 1, 1)}, "capital.date"),
        ({"payer_region": "广东"}, "lifecycle.origin"),
        ({"voucher": b""}, "capital.voucher"),
    ],
)
def test_bad_capital_is_refused(people, values, code):
    project = bring_to(people, new_project(people), "signed")
    refused(code, capital, people, project, **values)
    assert not Capital.objects.exists()


def test_foreign_capital_waits_for_the_rate_of_its_day(people):
    project = bring_to(people, new_project(people), "signed")
    row = capital(people, project, currency="USD", amount_fen=100 * WAN, payer_region="US")
    assert row.cny_fen is None and row.origin == "abroad"
    refused("rate.missing", deals.verify_capital, people.verifier, row)
    deals.set_rate(people.verifier, "USD", D(2026, 4, 20), Decimal("712.34"), "外汇交易中心")
    deals.verify_capital(people.verifier, row)
    assert value("foreign_capital", M(2026, 4)) == 71234 * WAN // 100


def test_agreements_shared_by_projects_need_shares(people):
    a, b = (bring_to(people, new_project(people, name=n), "review") for n in "甲乙")
    for p in (a, b):
        fill(people, p, "signed")
    paper = contract(people, a, 10_000 * WAN)
    paper.projects.add(b)
    refused("agreement.shares", deals.set_shares, people.officer, paper, {a.pk: 1, b.pk: 2})
    deals.set_shares(people.officer, paper, {a.pk: 4_000 * WAN, b.pk: 6_000 * WAN})
    pass_gate(people, a, "signed", D(2026, 3, 9))
    a.refresh_from_db()
    assert a.contracted_fen == 4_000 * WAN


# --- exits and episodes


def test_an_exit_ends_the_project_and_a_new_episode_begins(people):
    project = bring_to(people, new_project(people), "talks")
    values = {
        "on": D(2026, 5, 1),
        "decider": "局长",
        "note": "去了邻县",
        "reason": "price",
        "to_place": "邻县",
    }
    refused("lifecycle.exit.need", actions.leave, people.head, project, "lost", {**values, "to_place": ""})
    actions.leave(people.head, project, "lost", values)
    project.refresh_from_db()
    assert project.exit_code == "lost" and project.red_on is None and Exit.objects.get().to_place == "邻县"
    refused("project.exited", actions.claim, people.officer, project, "review", D(2026, 5, 2))
    again = actions.reopen(people.officer, project, "又来谈")
    assert again.episode_of == project and again.stage == "lead" and again.investors.count() == 1


def test_credit_of_a_transfer_adds_up(people):
    project = bring_to(people, new_project(people), "talks")
    values = {
        "on": D(2026, 5, 1), "decider": "局长", "note": "到东区", "reason": "no_land", "to_place": "东区",
        "credit": {"本局": 60, "东区": 50},
    }  # fmt: skip
    refused("lifecycle.exit.split", actions.leave, people.head, project, "transferred", values)
    actions.leave(people.head, project, "transferred", {**values, "credit": {"本局": 60, "东区": 40}})


def test_first_talks_conflict_waits_for_the_head(people):
    one = new_project(people)
    two = actions.create_project(people.officer2, name="金尾矿", came_from="来电", track="lease")
    actions.register_first_talks(people.officer, one, D(2026, 1, 6))
    row = actions.register_first_talks(people.officer2, two, D(2026, 1, 9))
    assert row.state == "claimed"
    refused("talks.reason", actions.decide_first_talks, people.head, row, False, " ")
    actions.decide_first_talks(people.head, row, False, "officer 先谈")
    row.refresh_from_db()
    assert row.state == "refused" and row.decided_by == people.head


def test_investor_shares_stay_within_a_whole(people):
    from zhaoyin.desk.parties.models import Organisation

    project = new_project(people)
    a, b = (Organisation.objects.create(name=n) for n in "甲乙")
    actions.set_investor(people.officer, project, a, 70)
    refused("investor.share", actions.set_investor, people.officer, project, b, 40)
    actions.set_investor(people.officer, project, b, 30)


def test_the_second_editor_sees_what_changed_and_loses_nothing(people):
    project = new_project(people)
    seen = project.version
    actions.edit_project(people.officer, project, seen=seen, need="两栋厂房")
    refusal = refused("stale", actions.edit_project, people.officer2, project, seen=seen, need="一栋厂房")
    assert "officer" in refusal.zh and "两栋厂房" in refusal.zh
    assert Project.objects.get(pk=project.pk).need == "两栋厂房"


def test_a_verified_value_is_corrected_not_typed_over(people):
    project = bring_to(people, new_project(people), "review")
    refused("profile.verified", actions.state_facts, people.officer, project, jobs=500)
    refused("correction.reason", corrections.correct_profile, people.verifier, project, "jobs", 90, "")
    row = corrections.correct_profile(people.verifier, project, "jobs", 90, "申报表抄错")
    assert (row.before, row.after) == ("85", "90")


# --- closed months


@pytest.fixture
def closed(people):
    project = bring_to(people, new_project(people), "signed", step=5)
    row = capital(people, project, received_on=D(2026, 1, 28))
    deals.verify_capital(people.verifier, row)
    reports.close_month(people.verifier, 202601)
    return project


def test_a_closed_month_is_locked_and_published(people, closed):
    assert {m.mark for m in closed.milestones.all()} == {"locked"}
    assert Capital.objects.get().mark == "locked" and Month.objects.get(number=202601).state == "closed"
    published = Published.objects.get(month=202601, indicator="capital_in_place@1", view="period")
    assert published.numerator == 1_000 * WAN and queries.published_ids(published) == (closed.pk,)
    assert value("capital_in_place", M(2026, 1)) == 1_000 * WAN
    assert list(derive.check()) == []
    refused("month.closed", reports.close_month, people.verifier, 202601)


ATTACKS = {
    "orm save": lambda p: _save(p.milestones.get(kind="signed"), fact_on=D(2026, 1, 1)),
    "orm update": lambda p: p.milestones.update(fact_on=D(2026, 1, 1)),
    "bulk_update": lambda p: _bulk(p),
    "orm delete": lambda p: p.milestones.all().delete(),
    "project delete": lambda p: p.delete(),
    "unlock": lambda p: p.milestones.update(mark="verified"),
    "move period": lambda p: Capital.objects.update(period=None),
    "capital": lambda p: Capital.objects.update(cny_fen=1),
    "agreement": lambda p: Agreement.objects.update(amount_fen=1),
    "new entry": lambda p: Entry.objects.create(
        project=p,
        account="capital",
        period=202601,
        quantity=1,
        fact_on=D(2026, 1, 1),
        source="deals.capital",
        source_id=1,
    ),
    "entry": lambda p: Entry.objects.filter(period=202601).update(quantity=1),
    "entry away": lambda p: Entry.objects.filter(period=202601).delete(),
    "into": lambda p: Milestone.objects.create(
        project=p, kind="landed", mark="verified", recorded_on=D(2026, 1, 1), period=202601
    ),
    "figures": lambda p: Published.objects.update(numerator=1),
    "figures away": lambda p: Published.objects.all().delete(),
    "open again": lambda p: Month.objects.update(state="open"),
    "month away": lambda p: Month.objects.filter(number=202601).delete(),
    "raw update": lambda p: _raw("UPDATE projects_milestone SET fact_on = '2026-01-01'"),
    "raw delete": lambda p: _raw("DELETE FROM reports_entry WHERE period = 202601"),
    "raw insert": lambda p: _raw("UPDATE reports_month SET number = 209901 WHERE number = 202601"),
}


def _save(row, **values):
    for name, one in values.items():
        setattr(row, name, one)
    row.save()


def _bulk(project):
    rows = list(project.milestones.all())
    for row in rows:
        row.fact_on = D(2026, 1, 1)
    Milestone.objects.bulk_update(rows, ["fact_on"])


def _raw(sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_closed_month_refuses_every_way_in(people, closed, attack):
    def print_of():
        return (
            list(Entry.objects.filter(period=202601).order_by("pk").values()),
            list(Milestone.objects.order_by("pk").values("pk", "mark", "fact_on", "period")),
            list(Published.objects.order_by("pk").values("pk", "numerator")),
        )

    before = print_of()
    with pytest.raises((DatabaseError, InternalError)), transaction.atomic():
        ATTACKS[attack](closed)
    assert print_of() == before


def test_harmless_words_of_a_locked_row_may_change(people, closed):
    row = Capital.objects.get()
    Capital.objects.filter(pk=row.pk).update(summary="首笔实缴")


def test_months_close_in_order_and_only_when_over(people, a_day):
    bring_to(people, new_project(people), "signed")
    refused("month.order", reports.close_month, people.verifier, 202605)
    a_day(D(2026, 1, 31))
    refused("month.not_over", reports.close_month, people.verifier, 202601)
    refused("forbidden", reports.close_month, people.officer, 202601)


def test_a_closed_month_stays_as_published_whatever_comes_later(people, closed):
    before = list(
        Published.objects.filter(month=202601).values_list("indicator", "view", "numerator", "denominator")
    )
    more = bring_to(people, new_project(people, name="晚到"), "signed", step=5)
    assert {e.adjusts for e in more.entries.filter(account="signed")} == {202601}
    assert before == list(
        Published.objects.filter(month=202601).values_list("indicator", "view", "numerator", "denominator")
    )
    assert value("signed_projects", M(2026, 1)) == 1 and value("signed_projects", M(2026, 2)) == 1


def test_every_indicator_is_a_figure_or_not_yet_measured(people, closed):
    shown = queries.lines(M(2026, 2))
    unmeasured = {line.indicator.code for line in shown if not line.period.measured}
    assert {
        "event_conversion",
        "statistics_ratio",
        "scale_ratio",
        "tax_per_mu",
        "target_completion",
    } == unmeasured
    reports.set_target(people.verifier, 2026, 10_000 * WAN, "招发〔2026〕1 号")
    line = next(x for x in queries.lines(M(2026, 2)) if x.indicator.code == "target_completion")
    assert line.period.percent == "10.0"


def test_the_list_behind_a_number_is_the_number(people, closed):
    from zhaoyin.desk.projects.rules import rules

    for code in ("signed_projects", "contracted_amount", "capital_in_place"):
        ind = rules().indicators[code]
        rows = queries.behind(ind, M(2026, 1), "period")
        assert sum(e.quantity for e in rows) == value(code, M(2026, 1))


def test_the_list_behind_a_number_leaves_as_a_workbook_that_adds_up(client, people, closed):
    url = "/figures/list/?month=202601&indicator=contracted_amount&view=period&part=top"
    client.force_login(people.officer)
    assert client.get(url + "&as=xlsx").status_code == 403
    client.force_login(people.verifier)
    assert "as=xlsx" in client.get(url).content.decode()
    sheet = load_workbook(io.BytesIO(client.get(url + "&as=xlsx").content)).active
    head, *rows = sheet.iter_rows(values_only=True)
    assert "元" in head[-1]
    assert rows and round(sum(row[-1] for row in rows) * 100) == value("contracted_amount", M(2026, 1))


def test_late_and_why_leaves_as_a_workbook(client, people, closed):
    client.force_login(people.verifier)
    page = client.get("/projects/late/").context["page"]
    answer = client.get("/projects/late/?as=xlsx")
    assert answer.status_code == 200
    sheet = load_workbook(io.BytesIO(answer.content)).active
    assert [row[1] for row in sheet.iter_rows(min_row=2, values_only=True)][:25] == [
        p.name for p in page.object_list
    ]
