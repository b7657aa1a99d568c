"""Verifications taken back while a month is open, corrections after it is locked, corridors and their dated splits."""

from decimal import Decimal

import pytest
from django.db import DatabaseError, transaction

from tests.desk.projects.house import D, bring_to, contract, fill, new_project, pass_gate
from tests.desk.projects.test_path import WAN, capital, refused, value
from zhaoyin.desk.deals import actions as deals
from zhaoyin.desk.deals.models import Agreement, Capital, Commitment
from zhaoyin.desk.projects import actions, corrections, derive, queries
from zhaoyin.desk.projects.models import Correction, Member, Milestone, Project, Split
from zhaoyin.desk.reports import actions as reports
from zhaoyin.desk.reports.models import Entry, Published
from zhaoyin.lifecycle import Month as M

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("a_day")]
APRIL = D(2026, 4, 20)


@pytest.fixture
def signed(people):
    return bring_to(people, new_project(people), "signed")


def sums(project):
    found = {}
    for e in Entry.objects.filter(project=project):
        found[e.account] = found.get(e.account, 0) + e.quantity
    return {k: n for k, n in found.items() if n}


def paid(people, project, fen=1_000 * WAN, voucher=b"slip 1", on=APRIL):
    row = capital(people, project, amount_fen=fen, voucher=voucher, received_on=on)
    return deals.verify_capital(people.verifier, row)


# --- undo


def test_every_verification_can_be_taken_back_and_given_again(people):
    project = new_project(people)
    for n, kind in enumerate(("lead", "talks", "review", "signed", "landed", "started", "producing")):
        before = sums(project)
        row = pass_gate(people, project, kind, D(2026, 1, 5 + 2 * n))
        after = sums(project)
        corrections.unverify(people.verifies(kind), row, "看错了原件")
        row.refresh_from_db()
        assert (row.mark, row.period, row.verified_by) == ("claimed", None, None)
        assert sums(project) == before
        actions.verify(people.verifies(kind), row)
        assert sums(project) == after
        project.refresh_from_db()
    assert project.stage == "producing" and list(derive.check()) == []
    assert value("signed_projects", M(2026, 1)) == 1 and value("contracted_amount", M(2026, 3)) == 0
    assert sum(value("contracted_amount", M(2026, m)) for m in range(1, 12)) == 12_000 * WAN


def test_what_cannot_be_taken_back_says_why(people, signed):
    row = signed.milestones.get(kind="signed")
    refused("correction.reason", corrections.unverify, people.verifier, row, "错")
    refused(
        "undo.later", corrections.unverify, people.leader, signed.milestones.get(kind="review"), "看错了原件"
    )
    refused("lifecycle.verify.role", corrections.unverify, people.head, row, "看错了原件")
    money = paid(people, signed)
    refused("undo.capital", corrections.unverify, people.verifier, row, "看错了原件")
    corrections.unverify_booked(people.verifier, money, "回单日期不符")
    signed.refresh_from_db()
    assert signed.capital_fen == 0 and Capital.objects.get().mark == "claimed"
    refused("undo.stale", corrections.unverify_booked, people.verifier, Capital.objects.get(), "再撤一次")
    paper = signed.agreements.get()
    refused("undo.contract", corrections.unverify_booked, people.verifier, paper, "看错了原件")
    corrections.unverify(people.verifier, row, "看错了原件")
    signed.refresh_from_db()
    assert (signed.stage, signed.cohort, signed.contracted_fen) == ("talks", 0, 0)
    assert Agreement.objects.get().mark == "claimed" and {c.mark for c in Commitment.objects.all()} == {
        "claimed"
    }


def test_a_locked_verification_stays(people):
    project = bring_to(people, new_project(people), "signed", step=5)
    row = project.milestones.get(kind="signed")
    reports.close_month(people.verifier, 202601)
    row.refresh_from_db()
    refusal = refused("undo.locked", corrections.unverify, people.verifier, row, "看错了原件")
    assert "2026-01" in refusal.zh and "更正" in refusal.zh


def test_performed_moves_to_the_next_act_when_the_first_is_taken_back(people, signed):
    first, second = paid(people, signed), paid(people, signed, 5 * WAN, b"slip 2", D(2026, 5, 3))
    corrections.unverify_booked(people.verifier, first, "回单日期不符")
    rows = list(Entry.objects.filter(account="performed").order_by("id"))
    assert [e.quantity for e in rows] == [1, -1, 1] and rows[-1].source_id == second.pk


def test_taking_back_a_supplement_never_leaves_capital_above_the_contract(people, signed):
    paper = signed.agreements.get()
    add = deals.create_agreement(
        people.officer, name="补充", kind="supplement", projects=[signed], amends=paper, amount_fen=1_000 * WAN,
        signed_on=D(2026, 5, 1),
    )  # fmt: skip
    deals.verify_agreement(people.verifier, add)
    paid(people, signed, 12_500 * WAN, on=D(2026, 6, 1))
    refused("capital.over", corrections.unverify_booked, people.verifier, add, "没有盖章")


def test_undo_on_the_page(client, people, signed):
    client.force_login(people.verifier)
    page = client.get(f"/projects/{signed.pk}/undo/").content.decode()
    row = signed.milestones.get(kind="signed")
    assert f"milestone-{row.pk}" in page and "洽谈" not in page.split("zy-undo")[-1]
    bad = client.post(f"/projects/{signed.pk}/undo/", {"what": f"milestone-{row.pk}", "reason": ""})
    assert bad.status_code == 422
    assert (
        client.post(
            f"/projects/{signed.pk}/undo/", {"what": f"milestone-{row.pk}", "reason": "看错了"}
        ).status_code
        == 422
    )
    assert (
        client.post(
            f"/projects/{signed.pk}/undo/", {"what": f"milestone-{row.pk}", "reason": "看错了原件"}
        ).status_code
        == 302
    )
    row.refresh_from_db()
    assert row.mark == "claimed"


# --- corrections


@pytest.fixture
def closed(people):
    project = bring_to(people, new_project(people), "signed", step=5)
    paid(people, project, on=D(2026, 1, 28))
    reports.close_month(people.verifier, 202601)
    return Project.objects.get(pk=project.pk)


def test_a_locked_payment_is_corrected_in_the_next_period(people, closed):
    row = Capital.objects.get()
    published = list(Published.objects.values_list("pk", "numerator"))
    refused(
        "correction.same", corrections.correct_amount, people.verifier, closed, row, 1_000 * WAN, "回单看错"
    )
    record = corrections.correct_amount(people.verifier, closed, row, 800 * WAN, "回单是 800 万")
    assert (record.before, record.after, record.period) == (str(1_000 * WAN), str(800 * WAN), 202602)
    assert (
        value("capital_in_place", M(2026, 1)) == 1_000 * WAN
        and value("capital_in_place", M(2026, 2)) == -200 * WAN
    )
    assert published == list(Published.objects.values_list("pk", "numerator"))
    closed.refresh_from_db()
    assert closed.capital_fen == 800 * WAN and queries.money(closed)["corrected"] == -200 * WAN
    corrections.correct_amount(people.verifier, closed, row, 900 * WAN, "再核是 900 万")
    assert value("capital_in_place", M(2026, 2)) == -100 * WAN
    assert [e.adjusts for e in Entry.objects.filter(period=202602, account="capital")] == [202601, 202601]
    refused(
        "capital.over", corrections.correct_amount, people.verifier, closed, row, 12_001 * WAN, "更多一些"
    )
    row.refresh_from_db()
    assert (row.amount_fen, row.mark) == (1_000 * WAN, "locked")


def test_a_contract_is_corrected_and_never_below_what_is_in_place(people, closed):
    paper = closed.agreements.get()
    corrections.correct_amount(people.verifier, closed, paper, 11_000 * WAN, "合同附件金额")
    assert value("contracted_amount", M(2026, 2)) == -1_000 * WAN
    refused(
        "capital.over", corrections.correct_amount, people.verifier, closed, paper, 999 * WAN, "合同附件金额"
    )
    closed.refresh_from_db()
    assert closed.contracted_fen == 11_000 * WAN


def test_a_signing_date_is_corrected_and_the_project_moves_to_its_cohort(people):
    project = bring_to(
        people, new_project(people), "signed", start=D(2026, 1, 18), step=5
    )  # signed on 2 February
    for month in (202601, 202602):
        reports.close_month(people.verifier, month)
    project.refresh_from_db()
    assert project.cohort == 202602
    row = project.milestones.get(kind="signed")
    refused(
        "lifecycle.date.order",
        corrections.correct_date,
        people.verifier,
        project,
        row,
        D(2026, 1, 1),
        "合同落款",
    )
    corrections.correct_date(people.verifier, project, row, D(2026, 1, 30), "合同落款")
    project.refresh_from_db()
    assert project.cohort == 202601
    assert value("signed_projects", M(2026, 3), "cohort") == 1
    assert value("signed_projects", M(2026, 2)) == 1 and value("signed_projects", M(2026, 3)) == 0
    assert sum(e.quantity for e in Entry.objects.filter(account="signed", cohort=202601)) == 1
    assert sum(e.quantity for e in Entry.objects.filter(account="signed", cohort=202602)) == 0
    step = next(s for s in queries.track(project) if s["code"] == "signed")
    assert step["corrected"] == D(2026, 1, 30)


def test_only_an_outsider_corrects_and_only_what_counts(people, closed):
    row = Capital.objects.get()
    refused("forbidden", corrections.correct_amount, people.officer, closed, row, 1, "随便改改")
    actions.add_member(people.head, closed, people.verifier, "department")
    refused("correction.team", corrections.correct_amount, people.verifier, closed, row, 1, "回单看错")
    fresh = capital(people, closed, voucher=b"other")
    refused(
        "correction.uncounted", corrections.correct_amount, people.verifier2, closed, fresh, 1, "回单看错"
    )


def test_corrections_on_the_page(client, people, closed):
    client.force_login(people.verifier)
    url, row = f"/projects/{closed.pk}/correct/", Capital.objects.get()
    assert "到位资金" in client.get(url).content.decode()
    form = {"field": f"capital-{row.pk}", "value": "很多", "reason": "回单看错"}
    assert client.post(url, form).status_code == 422
    assert client.post(url, {**form, "value": "800 万元"}).status_code == 302
    assert client.post(url, {"field": "jobs", "value": "90", "reason": "抄错了数"}).status_code == 302
    page = client.get(f"/projects/{closed.pk}/").content.decode()
    assert "差额计入 2026-02" in page and "85 → 90" in page and Correction.objects.count() == 2


# --- corridors


def corridor(people, **shares):
    made = actions.create_corridor(
        people.head, code="sz", name="深圳—招远", source_city="深圳市", home_place="招远市"
    )
    if shares:
        split(people, made, D(2026, 1, 1), **shares)
    return made


def split(people, made, on, measure="capital", **shares):
    given = {k: Decimal(str(n)) for k, n in shares.items()}
    return actions.set_split(people.head, made, measure, on, citation="协议第 5 条", **given)


@pytest.mark.parametrize(
    ("shares", "code"),
    [
        ({"source_share": 30, "enclave_share": 10, "home_share": 50}, "split.sum"),
        ({"source_share": -10, "enclave_share": 10, "home_share": 100}, "split.sum"),
        ({"source_share": 30, "enclave_share": 10, "home_share": 60}, "split.twice"),
    ],
)
def test_a_bad_split_is_refused(people, shares, code):
    made = corridor(people, source_share="33.33", enclave_share="33.33", home_share="33.34")
    refused(code, split, people, made, D(2026, 1, 1), **shares)


def test_the_database_refuses_shares_that_do_not_add_up(people):
    made = corridor(people)
    with pytest.raises(DatabaseError), transaction.atomic():
        Split.objects.create(
            corridor=made, measure="tax", from_on=D(2026, 1, 1), source_share=30, home_share=60
        )


def test_money_counts_by_the_split_of_its_day(people, signed):
    made = corridor(people, source_share=30, enclave_share=10, home_share=60)
    actions.edit_project(people.officer, signed, corridor=made)
    paid(people, signed, 1_000 * WAN + 1, on=D(2026, 4, 20))
    split(people, made, D(2026, 5, 1), source_share=50, enclave_share=0, home_share=50)
    paid(people, Project.objects.get(pk=signed.pk), 100 * WAN, b"slip 2", D(2026, 5, 3))
    assert value("capital_in_place", M(2026, 4)) == 1_000 * WAN + 1
    assert value("capital_own", M(2026, 4)) == 600 * WAN + 1
    assert value("capital_own", M(2026, 5)) == 50 * WAN
    books = queries.corridor_books(made)
    assert books["totals"]["capital_own"] == 650 * WAN + 1 and books["totals"]["capital"] == 1_100 * WAN + 1
    row = Capital.objects.order_by("id").first()
    corrections.unverify_booked(people.verifier, row, "回单日期不符")
    assert value("capital_own", M(2026, 4)) == value("capital_in_place", M(2026, 4)) == 0


def test_a_split_never_reaches_into_a_closed_month(people, closed):
    made = corridor(people)
    refused(
        "split.closed", split, people, made, D(2026, 1, 15), source_share=30, enclave_share=0, home_share=70
    )


def test_a_termination_takes_back_what_went_elsewhere_too(people):
    made = corridor(people)
    split(people, made, D(2026, 1, 1), "contracted", source_share=30, enclave_share=0, home_share=70)
    project = bring_to(people, new_project(people, corridor=made), "signed")
    paper = project.agreements.get()
    split(people, made, D(2026, 5, 1), "contracted", source_share=90, enclave_share=0, home_share=10)
    end = deals.create_agreement(
        people.officer,
        name="解除",
        kind="termination",
        projects=[project],
        amends=paper,
        signed_on=D(2026, 6, 1),
    )
    deals.verify_agreement(people.verifier, end)
    assert (
        value("contracted_own", M(2026, 6), "cohort") == value("contracted_amount", M(2026, 6), "cohort") == 0
    )


def test_corridor_pages(client, people, signed):
    client.force_login(people.head)
    made = client.post(
        "/projects/corridors/new/",
        {"code": "sz", "name": "深圳—招远", "source_city": "深圳市", "home_place": "招远市"},
    )
    form = {
        "measure": "capital",
        "from_on": "2026-01-01",
        "source_share": "30",
        "enclave_share": "20",
        "home_share": "60",
        "citation": "协议",
    }
    bad = client.post(f"{made.url}split/", form)
    assert bad.status_code == 422 and "合计 110%" in bad.content.decode()
    assert client.post(f"{made.url}split/", {**form, "home_share": "50"}).status_code == 302
    page = client.get(made.url).content.decode()
    assert "现行" in page and "协议" in page
    assert "深圳—招远" in client.get("/projects/corridors/").content.decode()


# --- promises, agreements of several projects, handing over, investors, views


def test_promises_end_broken_or_waived_with_a_reason(people, signed):
    row = signed.commitments.filter(side="region").get()
    refused("commitment.reason", deals.conclude, people.verifier, row, "broken", "")
    refused("forbidden", deals.conclude, people.officer, row, "broken", "土地没有交")
    deals.conclude(people.verifier, row, "broken", "土地没有按期交")
    row.refresh_from_db()
    assert row.state == "broken"
    refused("commitment.state", deals.conclude, people.verifier, row, "waived", "对方放弃了")


def test_a_shared_contract_counts_for_each_project_when_it_signs(people):
    a, b = (bring_to(people, new_project(people, name=n), "review") for n in "甲乙")
    for p in (a, b):
        fill(people, p, "signed")
    paper = contract(people, a, 10_000 * WAN)
    for side in ("investor", "region"):
        deals.save_commitment(people.officer, project=b, side=side, text="答应", due_on=D(2026, 10, 31))
    deals.change_agreement(people.officer, paper, projects=[a, b])
    deals.set_shares(people.officer, paper, {a.pk: 4_000 * WAN, b.pk: 6_000 * WAN})
    for p in (a, b):
        pass_gate(people, p, "signed", D(2026, 3, 9))
    assert [Project.objects.get(pk=p.pk).contracted_fen for p in (a, b)] == [4_000 * WAN, 6_000 * WAN]


def test_a_project_passes_to_another_officer(people, signed):
    refused("handover.reason", actions.hand_over, people.head, signed, people.officer2, "")
    refused("handover.role", actions.hand_over, people.head, signed, people.verifier, "调岗")
    refused("forbidden", actions.hand_over, people.officer, signed, people.officer2, "调岗")
    actions.hand_over(people.head, signed, people.officer2, "调岗")
    signed.refresh_from_db()
    assert signed.officer == people.officer2
    assert Member.objects.get(project=signed, user=people.officer).to_on == D(2026, 11, 30)
    assert Member.objects.filter(project=signed, user=people.officer2, to_on=None).exists()
    people.officer.roles = ["officer", "verifier"]
    people.officer.save()
    row = actions.claim(people.park, signed, "landed", D(2026, 6, 1))
    refused(
        "lifecycle.verify.team", actions.verify, people.officer, row
    )  # was on the team: never verifies it
    refused("handover.same", actions.hand_over, people.head, signed, people.officer2, "调岗")


def test_everything_of_a_leaver_passes_on(people):
    for name in "甲乙丙":
        new_project(people, name=name)
    assert actions.hand_over_all(people.head, people.officer, people.officer2, "离职") == 3
    assert set(Project.objects.values_list("officer__username", flat=True)) == {"officer2"}


def test_pages_of_people_money_and_views(client, people, signed):
    client.force_login(people.officer)
    investor = signed.investors.get()
    url = f"/projects/{signed.pk}/investors/"
    assert client.post(url, {"organisation": "没有这家", "share": ""}).status_code == 422
    assert client.post(url, {"organisation": investor.name, "share": "60"}).status_code == 302
    assert signed.investor_rows.get().share == 60
    client.post("/projects/views/", {"name": "签约的", "query": "stage=signed"})
    assert "签约的" in client.get("/projects/").content.decode()
    client.force_login(people.head)
    assert client.get(f"/projects/{signed.pk}/handover/").status_code == 200
    assert "签约的" not in client.get("/projects/").content.decode()  # somebody else's view
    moved = client.post(f"/projects/{signed.pk}/handover/", {"to": people.officer2.pk, "reason": "调岗"})
    assert moved.status_code == 302
    assert client.get("/projects/handover/").status_code == 200
    promise = signed.commitments.filter(side="region").get()
    client.force_login(people.verifier)
    done = client.post(
        f"/agreements/promises/{promise.pk}/conclude/", {"state": "waived", "reason": "对方书面放弃"}
    )
    assert done.status_code == 302
    assert Milestone.objects.filter(project=signed).count() == 4
