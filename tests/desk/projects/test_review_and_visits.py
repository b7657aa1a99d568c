"""Opinions of departments with their own clocks, the verifier's visit, and lights whose dates the desk really fills."""

import datetime as dt

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction

from tests.desk.projects.house import D, bring_to, contract, fill, new_project, photo
from zhaoyin import lifecycle
from zhaoyin.base.dates import add_working_days
from zhaoyin.base.errors import Refusal
from zhaoyin.desk.accounts.models import Department
from zhaoyin.desk.deals import actions as deals
from zhaoyin.desk.events.models import Event
from zhaoyin.desk.parties import actions as parties
from zhaoyin.desk.projects import actions, queries
from zhaoyin.desk.projects import rules as in_force
from zhaoyin.desk.projects.models import GateFile, Milestone, Opinion, Project

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("a_day")]
SOON = D(2026, 11, 30)


@pytest.fixture
def project(people):
    return bring_to(people, new_project(people), "talks")


def refused(code, act, *args, **kwargs):
    with pytest.raises(Refusal) as caught, transaction.atomic():
        act(*args, **kwargs)
    assert caught.value.code == code, caught.value.zh
    assert caught.value.zh.endswith("。") and caught.value.en.endswith(".")
    return caught.value


def asked_of(people, project, *codes):
    return {
        o.kind: o
        for o in actions.ask_opinions(people.officer, project, "review", dict.fromkeys(codes, people.bureau))
    }


# --- opinions


def test_each_department_has_its_own_clock(people, project, a_day):
    land = Department.objects.create(code="land", name="自然资源局")
    first = actions.ask_opinions(people.officer, project, "review", {"opinion_planning": land})[0]
    a_day(D(2026, 12, 3))
    later = asked_of(people, project, "opinion_finance")["opinion_finance"]
    assert (
        first.due_on == add_working_days(SOON, 5).on
        and later.due_on == add_working_days(D(2026, 12, 3), 5).on
    )
    assert queries.opinion_light(first, first.due_on + dt.timedelta(days=3)) == ("red", "超 3 天")
    assert queries.opinion_light(later, first.due_on)[0] != "red"
    fresh = Project.objects.get(pk=project.pk)
    burning = {
        x.rule: x for x in lifecycle.lights(in_force.state(fresh), first.due_on + dt.timedelta(days=1))
    }
    assert burning["opinions"].level == "red" and burning["opinions"].who == "department"
    a_day(D(2026, 12, 7))
    first.refresh_from_db()
    people.department.department = land
    people.department.save()
    actions.give_opinion(people.department, first, "agreed", "")
    fresh.refresh_from_db()
    assert in_force.state(fresh).dates["opinion_due_on"] == later.due_on


def test_a_missing_opinion_is_named_and_blocks_the_review(people, project):
    fill(people, project, "review")
    Opinion.objects.filter(project=project, kind="opinion_finance").update(state="asked")
    row = actions.claim(people.officer, project, "review", D(2026, 8, 1))
    refusal = refused("milestone.missing", actions.verify, people.leader, row)
    assert "财政意见" in refusal.zh


def test_an_objection_is_not_passed_over_in_silence(people, project):
    fill(people, project, "review")
    finance = Opinion.objects.get(project=project, kind="opinion_finance")
    actions.give_opinion(people.department, finance, "objected", "补助超出年度预算")
    row = actions.claim(people.officer, project, "review", D(2026, 8, 1))
    refusal = refused("milestone.objection", actions.verify, people.leader, row)
    assert "商务局不同意" in refusal.zh
    actions.verify(people.leader, row, note="分两年安排，已报财经委")
    refused("opinion.late", actions.give_opinion, people.department, finance, "agreed", "")


def test_who_may_give_an_opinion_and_how(people, project):
    land = Department.objects.create(code="land", name="自然资源局")
    row = actions.ask_opinions(people.officer, project, "review", {"opinion_planning": land})[0]
    refused("forbidden", actions.give_opinion, people.department, row, "agreed", "")  # of another department
    refused("forbidden", actions.give_opinion, people.officer, row, "agreed", "")
    refused(
        "file.opinion",
        actions.attach_file,
        people.officer,
        project,
        "review",
        "opinion_planning",
        title="x",
        data=b"x",
    )
    people.department.department = land
    people.department.save()
    refused("opinion.grounds", actions.give_opinion, people.department, row, "conditional", " ")
    actions.add_member(people.head, project, people.department, "department")
    refused("opinion.team", actions.give_opinion, people.department, row, "agreed", "")
    refused(
        "opinion.none", actions.ask_opinions, people.officer, project, "review", {"opinion_planning": land}
    )


def test_a_department_finds_what_it_is_asked_and_answers_on_the_page(client, people, project):
    row = asked_of(people, project, "opinion_finance")["opinion_finance"]
    client.force_login(people.department)
    assert "给意见" in client.get("/").content.decode()
    page = client.get(f"/projects/opinions/{row.pk}/").content.decode()
    assert "财政意见" in page and "给意见" in page
    answer = client.post(
        f"/projects/opinions/{row.pk}/", {"state": "conditional", "text": "先缴保证金", "seen": row.version}
    )
    assert answer.status_code == 302
    row.refresh_from_db()
    assert (row.state, row.answered_by) == ("conditional", people.department)
    client.force_login(people.officer)
    assert "先缴保证金" in client.get(f"/projects/{project.pk}/").content.decode()
    assert client.post(f"/projects/opinions/{row.pk}/", {"state": "agreed"}).status_code == 403
    page = client.get(f"/projects/{project.pk}/opinions/review/").content.decode()
    assert "资规意见" in page and "财政意见" not in page.split("<form")[-1]


# --- visits


@pytest.fixture
def landed(people):
    project = bring_to(people, new_project(people), "landed")
    project.refresh_from_db()
    return project


def seen(people, project, **more):
    given = {
        "on": D(2026, 6, 1),
        "place": "玲珑镇 3 号厂房",
        "note": "两条线已装",
        "photos": [photo(people, "a")],
    } | more
    return actions.record_visit(people.verifier, project, "started", **given)


def test_works_started_needs_the_visit_of_a_verifier(people, landed):
    need = next(n for n in lifecycle.needs(in_force.state(landed), "started") if n.how == "visit")
    assert not need.have and need.who == ("verifier",)
    visit = seen(people, landed)
    file = visit.photos.get()
    assert len(file.sha256) == 64 and file.material.sha256 == file.sha256
    need = next(n for n in lifecycle.needs(in_force.state(landed), "started") if n.how == "visit")
    assert need.have


def test_bad_visits_are_refused(people, landed):
    refused("visit.photos", seen, people, landed, photos=[])
    refused("visit.date", seen, people, landed, on=D(2027, 1, 1))
    refused(
        "file.visit",
        actions.attach_file,
        people.officer,
        landed,
        "started",
        "site_visit",
        title="x",
        data=b"x",
    )
    refused(
        "visit.gate",
        actions.record_visit,
        people.verifier,
        landed,
        "producing",
        on=SOON,
        place="x",
        note="y",
        photos=[],
    )
    other = bring_to(people, new_project(people, name="别的"), "landed")
    seen(people, other)
    refusal = refused("visit.photo.used", seen, people, landed)
    assert "别的" in refusal.zh
    actions.add_member(people.head, landed, people.verifier, "department")
    refused("visit.team", seen, people, landed, photos=[photo(people, "b")])
    refused(
        "forbidden",
        actions.record_visit,
        people.officer,
        landed,
        "started",
        on=SOON,
        place="x",
        note="y",
        photos=[],
    )


def test_a_visit_is_recorded_on_its_page_with_several_photos(client, people, landed):
    client.force_login(people.verifier)
    url = f"/projects/{landed.pk}/visit/started/"
    assert client.get(url).status_code == 200
    form = {"on": "2026-06-01", "place": "3 号厂房", "note": "打桩"}
    wrong = client.post(url, {**form, "photos": [SimpleUploadedFile("a.pdf", b"%PDF-1.7")]})
    assert wrong.status_code == 422 and "不是照片" in wrong.content.decode()
    photos = [SimpleUploadedFile(f"{n}.jpg", b"\xff\xd8\xff" + n.encode()) for n in "ab"]
    assert client.post(url, {**form, "photos": photos}).status_code == 302
    assert GateFile.objects.filter(visit__project=landed).count() == 2
    assert "打桩" in client.get(f"/projects/{landed.pk}/").content.decode()


# --- lights


def test_every_light_compares_what_the_desk_really_fills():
    book = in_force.rules()
    milestones = {f"{kind}.{code}" for kind in ("milestone", "recorded", "plan") for code in book.milestones}
    for rule in book.lights.values():
        asked = {rule.value, rule.minus} - {""} if rule.kind == "number" else {rule.since, *rule.until}
        known = in_force.NUMBERS if rule.kind == "number" else in_force.DATES | milestones
        assert asked <= known, (rule.code, asked - known)
        assert not rule.when or rule.when in in_force.FLAGS, rule.code
    needs = [r for gate in book.gates.values() for r in (*gate.fields, *gate.evidence) if r.when]
    assert {r.when for r in needs} <= in_force.FLAGS


def test_every_named_date_number_and_flag_reaches_the_rules(people):
    """The vocabulary above is no promise: one project whose lights have all their inputs."""
    project = bring_to(people, new_project(people, track="land", enquired_on=D(2026, 1, 2)), "review")
    event = Event.objects.create(name="推介会", held_on=D(2026, 2, 27))
    contract(people, project, on=D(2026, 3, 2), event=event)
    fill(people, project, "signed")
    bring_to(people, project, "signed")
    Opinion.objects.filter(project=project, kind="opinion_finance").update(state="asked")
    deals.save_commitment(
        people.officer, project=project, side="investor", text="首笔", amount_fen=10**8, due_on=D(2026, 4, 1)
    )
    row = deals.claim_capital(
        people.officer, project, received_on=D(2026, 4, 20), amount_fen=12_000 * 10**6, payer="x", payer_region="440300",
        voucher=b"slip", voucher_name="回单.pdf",
    )  # fmt: skip
    deals.verify_capital(people.verifier, row)
    parties.add_interaction(
        people.officer, project.investors.get(), note="来访", kind="visit_in", on=D(2026, 1, 5)
    )
    actions.edit_project(
        people.officer,
        Project.objects.get(pk=project.pk),
        first_reply_on=D(2026, 1, 3),
        last_contact_on=D(2026, 5, 1),
    )
    actions.state_facts(
        people.officer, project, new_land=True, land_filed_on=D(2026, 4, 1), hold_until=D(2026, 5, 1),
        statistics_on=D(2026, 6, 1), progress_planned=60, progress_actual=20,
    )  # fmt: skip
    actions.plan(people.officer, project, "producing", forecast_on=D(2027, 12, 1))
    actions.claim(people.officer, project, "landed", D(2026, 5, 1))
    state = in_force.state(Project.objects.get(pk=project.pk))
    assert set(state.dates) == in_force.DATES
    assert set(state.numbers) == in_force.NUMBERS
    assert state.flags == in_force.FLAGS


def test_a_noted_exchange_restarts_the_contact_clock_and_is_a_record_of_both_sides(people, monkeypatch):
    project = new_project(people, enquired_on=D(2026, 1, 5))
    investor = parties.save_organisation(people.officer, name="恒和", kind="company")
    actions.set_investor(people.officer, project, investor)
    parties.add_interaction(people.officer, investor, note="回电", kind="call", on=D(2026, 1, 6))
    project.refresh_from_db()
    assert (project.first_reply_on, project.last_contact_on) == (D(2026, 1, 6), D(2026, 1, 6))
    need = next(
        n for n in lifecycle.needs(in_force.state(project), "talks") if n.code == "interaction_record"
    )
    assert need.have


def test_triage_ends_when_the_lead_is_verified(people):
    project = new_project(people)
    day = D(2026, 12, 20)
    assert "triage" in {x.rule for x in lifecycle.lights(in_force.state(project), day)}
    actions.verify(people.head, Milestone.objects.get(project=project, kind="lead"))
    assert "triage" not in {x.rule for x in lifecycle.lights(in_force.state(project), day)}
