"""Projects through the API: the same actions, the same refusals; and every way into a closed month is shut."""

import datetime as dt
import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, transaction

from tests.desk.projects.house import D, bring_to, fill, new_project
from tests.desk.projects.test_import import GOOD, brought
from tests.desk.projects.test_path import WAN, capital
from zhaoyin.desk.deals import actions as deals
from zhaoyin.desk.deals.models import Agreement, Capital
from zhaoyin.desk.projects import loading
from zhaoyin.desk.projects.models import Milestone, Project
from zhaoyin.desk.reports import actions as reports
from zhaoyin.desk.reports.models import Entry, Month, Published

pytestmark = pytest.mark.django_db


@pytest.fixture
def ask(client, people):
    """ask("officer", "post", "/projects/…", {…}) → (status, body)"""

    def call(role, method, path, body=None):
        client.force_login(getattr(people, role))
        more = (
            {}
            if body is None
            else {"data": json.dumps(body, default=str), "content_type": "application/json"}
        )
        answer = getattr(client, method)(f"/api{path}", **more)
        return answer.status_code, answer.json()

    return call


def test_from_a_lead_to_a_verified_milestone(ask, people):
    status, lead = ask("officer", "post", "/projects", {"name": "金尾矿", "came_from": "来电"})
    assert status == 201 and lead["stage"] == "lead" and lead["gate"] == "lead"
    row = lead["milestones"][0]
    status, refused = ask("head", "post", f"/projects/milestones/{row['id']}/verify", {})
    assert status == 422 and refused["code"] == "milestone.missing" and "行业判断" in refused["zh"]
    fields = {"sector": "黄金", "need": "厂房", "company_as_said": "恒和"}
    assert ask("officer", "patch", f"/projects/{lead['id']}", {"seen": lead["version"], **fields})[0] == 200
    status, stale = ask(
        "officer2", "patch", f"/projects/{lead['id']}", {"seen": lead["version"], "need": "一栋"}
    )
    assert status == 409 and "officer" in stale["zh"] and "厂房" in stale["zh"]
    Project.objects.filter(pk=lead["id"]).update(duplicate_checked=True)
    status, _ = ask("officer", "post", f"/projects/milestones/{row['id']}/verify", {})
    assert status == 403
    status, done = ask("head", "post", f"/projects/milestones/{row['id']}/verify", {"note": "核过"})
    assert status == 200 and done["mark"] == "verified" and done["period"]
    status, full = ask("auditor", "get", f"/projects/{lead['id']}")
    assert status == 200 and full["gate"] == "talks" and {n["have"] for n in full["needs"]} == {True, False}


def test_the_list_narrows_and_the_claim_and_return_walk(ask, people):
    one = bring_to(people, new_project(people), "signed")
    new_project(people, name="别的")
    assert [p["name"] for p in ask("leader", "get", "/projects?stage=signed")[1]] == ["金尾矿"]
    assert {p["name"] for p in ask("leader", "get", "/projects?q=别")[1]} == {"别的"}
    status, early = ask(
        "officer", "post", f"/projects/{one.pk}/milestones", {"kind": "landed", "fact_on": "2020-01-01"}
    )
    assert status == 422 and early["code"] == "lifecycle.date.order"
    status, claim = ask(
        "officer", "post", f"/projects/{one.pk}/milestones", {"kind": "landed", "fact_on": "2026-05-01"}
    )
    assert status == 201 and claim["mark"] == "claimed"
    assert ask("verifier", "post", f"/projects/milestones/{claim['id']}/return", {"reason": "缺"})[0] == 422
    status, back = ask(
        "verifier", "post", f"/projects/milestones/{claim['id']}/return", {"reason": "租约缺盖章页"}
    )
    assert status == 200 and back["mark"] == "rejected"
    status, none = ask(
        "officer", "post", f"/projects/{one.pk}/milestones", {"kind": "party", "fact_on": "2026-05-01"}
    )
    assert status == 422 and none["code"] == "lifecycle.gate"
    assert ask("officer", "get", "/projects/999999")[0] == 404


def test_money_with_its_voucher(client, ask, people):
    one = bring_to(people, new_project(people), "signed")
    client.force_login(people.officer)

    def pay():
        form = {
            "received_on": "2026-04-20",
            "amount_fen": 1000 * WAN,
            "payer": "恒和",
            "payer_region": "440300",
        }
        return client.post(
            f"/api/projects/{one.pk}/capital", {**form, "voucher": SimpleUploadedFile("回单.pdf", b"slip")}
        )

    made = pay()
    assert made.status_code == 201 and len(made.json()["voucher_sha256"]) == 64
    again = pay()
    assert (
        again.status_code == 422
        and again.json()["code"] == "capital.voucher.used"
        and "金尾矿" in again.json()["zh"]
    )
    status, done = ask("verifier", "post", f"/projects/capital/{made.json()['id']}/verify", {})
    assert status == 200 and done["mark"] == "verified"
    status, figures = ask("leader", "get", "/figures/202604")
    one_line = next(f for f in figures if f["indicator"] == "capital_in_place@1" and f["view"] == "period")
    assert status == 200 and one_line["numerator"] == 1000 * WAN
    status, behind = ask("leader", "get", "/figures/202604/list/capital_in_place")
    assert status == 200 and [p["id"] for p in behind] == [one.pk]
    assert ask("leader", "get", "/figures/202613")[0] == 422


# --- a closed month, by page, API and import (ORM and raw SQL: test_path)


@pytest.fixture
def closed(people):
    project = bring_to(people, new_project(people), "signed", step=5)
    deals.verify_capital(people.verifier, capital(people, project, received_on=D(2026, 1, 28)))
    reports.close_month(people.verifier, 202601)
    return Project.objects.get(pk=project.pk)


def print_of():
    return (
        list(Entry.objects.filter(period=202601).order_by("pk").values()),
        list(
            Milestone.objects.filter(period=202601)
            .order_by("pk")
            .values("pk", "mark", "fact_on", "verified_on")
        ),
        list(Capital.objects.filter(period=202601).values("pk", "mark", "amount_fen", "cny_fen")),
        list(Agreement.objects.filter(period=202601).values("pk", "mark", "amount_fen", "signed_on")),
        list(Published.objects.order_by("pk").values("pk", "numerator", "denominator")),
        list(Month.objects.filter(number=202601).values()),
    )


def test_the_api_never_changes_a_closed_month(ask, people, closed):
    before = print_of()
    milestone, money = closed.milestones.get(kind="signed"), Capital.objects.get()
    for role, path, body, code in (
        ("verifier", f"/projects/milestones/{milestone.pk}/undo", {"reason": "看错了原件"}, "undo.locked"),
        ("verifier", f"/projects/milestones/{milestone.pk}/verify", {}, "milestone.stale"),
        (
            "verifier",
            f"/projects/milestones/{milestone.pk}/return",
            {"reason": "看错了原件"},
            "milestone.stale",
        ),
        ("verifier", f"/projects/capital/{money.pk}/undo", {"reason": "看错了回单"}, "undo.locked"),
        ("verifier", f"/projects/capital/{money.pk}/verify", {}, "claim.stale"),
        ("verifier", "/figures/202601/close", None, "month.closed"),
        (
            "officer",
            f"/projects/{closed.pk}/milestones",
            {"kind": "signed", "fact_on": "2026-01-02"},
            "milestone.twice",
        ),
    ):
        status, body_back = ask(role, "post", path, body)
        assert status in {409, 422} and body_back["code"] == code, (path, body_back)
        assert body_back["zh"].endswith("。") and print_of() == before
    status, record = ask(
        "verifier",
        "post",
        f"/projects/capital/{money.pk}/correct",
        {"amount_fen": 900 * WAN, "reason": "回单看错"},
    )
    assert status == 201 and record["period"] == 202602
    paper = closed.agreements.get()
    status, record = ask(
        "verifier", "post", f"/projects/{closed.pk}/agreements/{paper.pk}/correct",
        {"amount_fen": 11_000 * WAN, "reason": "附件金额"},
    )  # fmt: skip
    assert status == 201 and record["period"] == 202602 and print_of() == before


def test_pages_never_change_a_closed_month(client, people, closed):
    before = print_of()
    milestone, money, paper = (
        closed.milestones.get(kind="signed"),
        Capital.objects.get(),
        closed.agreements.get(),
    )
    for person, url, form, words in (
        (people.verifier, f"/projects/{closed.pk}/undo/", {"what": f"milestone-{milestone.pk}", "reason": "看错了原件"}, "已锁定"),
        (people.verifier, f"/projects/{closed.pk}/undo/", {"what": f"capital-{money.pk}", "reason": "看错了回单"}, "已锁定"),
        (people.verifier, f"/projects/verification/milestone/{milestone.pk}/", {"as": "return", "reason": "看错了原件"}, "锁定"),
        (people.verifier, f"/projects/verification/capital/{money.pk}/", {"as": "verify"}, "锁定"),
        (people.verifier, "/figures/close/", {"month": "202601"}, "已锁定"),
        (people.officer, f"/agreements/{paper.pk}/edit/",
         {"name": "x", "kind": "contract", "signed_on": "2026-01-01", "amount": "1 亿元", "codes": closed.code}, "已核验"),
        (people.officer, f"/projects/{closed.pk}/claim/signed/", {"fact_on": "2026-01-02"}, "已核验"),
    ):  # fmt: skip
        client.force_login(person)
        answer = client.post(url, form)
        assert answer.status_code in {409, 422}, (url, answer.status_code)
        assert words in answer.content.decode(), url
        assert print_of() == before, url


def test_an_import_never_changes_a_closed_month(people, closed):
    before = print_of()
    batch = brought(
        people, [["早年的", "某企业", 1000, "x", dt.date(2026, 1, 3), dt.date(2026, 1, 20)], *GOOD[1:]]
    )
    assert loading.check(batch)[0] == []
    loading.start(people.officer, batch)
    loading.load(batch.pk)
    assert Milestone.objects.filter(fact_on=D(2026, 1, 3)).get().mark == "said" and print_of() == before
    reports.close_month(people.verifier, 202602) if Entry.objects.filter(period=202602).exists() else None
    loading.reverse(people.officer, batch.__class__.objects.get(pk=batch.pk), "传错了")
    assert print_of() == before


def test_the_database_says_which_month_is_closed(closed):
    with pytest.raises(DatabaseError, match="closed"), transaction.atomic():
        closed.milestones.update(fact_on=D(2026, 1, 1))


def test_nothing_is_claimed_for_a_gate_that_is_filled_by_others(people, ask):
    project = bring_to(people, new_project(people), "talks")
    fill(people, project, "review")
    status, _ = ask(
        "park", "post", f"/projects/{project.pk}/milestones", {"kind": "review", "fact_on": "2026-08-01"}
    )
    assert status == 422
