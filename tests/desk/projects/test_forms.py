"""Every form of projects and deals, posted as a browser does: what it writes, and what a refusal keeps."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tests.desk.projects.house import D, bring_to, new_project
from zhaoyin.desk.deals.models import Agreement, Capital, Commitment, Rate
from zhaoyin.desk.materials.models import Material
from zhaoyin.desk.parties.models import Organisation
from zhaoyin.desk.projects import actions
from zhaoyin.desk.projects.models import Correction, Corridor, Project

pytestmark = pytest.mark.django_db


@pytest.fixture
def signed(people):
    return bring_to(people, new_project(people), "signed", step=5)


@pytest.fixture
def post(client, people):
    """post(who, url, **values) → (status, page)"""

    def send(who, url, **values):
        client.force_login(getattr(people, who))
        answer = client.post(url, values)
        return answer.status_code, answer.content.decode()

    return send


def slip(name="回单.pdf", data=b"%PDF-1.4 slip"):
    return SimpleUploadedFile(name, data)


def test_a_payment_comes_with_its_voucher_and_a_refused_one_leaves_none(people, signed, post):
    url = f"/agreements/project/{signed.pk}/capital/"
    given = {
        "received_on": "2026-04-20", "amount": "1,000 万元", "currency": "CNY", "payer": "恒和", "payer_region": "440300",
        "use": "fixed", "payee": "招远恒和",
    }  # fmt: skip
    assert post("officer", url, **given, voucher=slip())[0] == 302
    row = Capital.objects.get()
    assert (row.amount_fen, row.mark, row.voucher_name) == (1_000 * 10**6, "claimed", "回单.pdf")
    assert row.material and row.material.sha256 == row.voucher_sha256
    kept = Material.objects.count()
    status, page = post("officer", url, **given, voucher=slip())
    assert status == 422 and "这张凭证已用于" in page and 'value="恒和"' in page
    more = given | {"amount": "12 亿元"}
    status, page = post("officer", url, **more, voucher=slip("另一张.pdf", b"%PDF-1.4 other"))
    assert status == 422 and "超过合同额" in page and Material.objects.count() == kept
    assert post("officer", url, **given)[0] == 422  # no voucher
    assert Capital.objects.count() == 1


def test_agreements_their_words_and_shares(people, signed, post):
    other = new_project(people, name="尾矿二号")
    org = Organisation.objects.create(name="深圳恒和")
    url = f"/agreements/project/{signed.pk}/new/"
    assert (
        post("officer", url, name="框架", kind="framework", signed_on="2026-02-01", investors=[org.pk])[0]
        == 302
    )
    paper = Agreement.objects.get(name="框架")
    assert paper.mark == "claimed" and list(paper.projects.all()) == [signed]
    status, page = post("officer", url, name="补充", kind="supplement", signed_on="2026-02-01")
    assert status == 422 and "改的是哪一份合同" in page
    edit = f"/agreements/{paper.pk}/edit/"
    values = {
        "name": "合作框架", "kind": "contract", "signed_on": "2026-02-01", "amount": "3 亿元", "seen": paper.version,
        "codes": f"{signed.code}, {other.code}",
    }  # fmt: skip
    assert post("officer", edit, **values | {"codes": "P-1"})[0] == 422
    assert post("officer", edit, **values)[0] == 302
    status, page = post("officer", edit, **values | {"name": "迟到的"})
    assert status == 409 and "合作框架" in page
    paper.refresh_from_db()
    assert paper.name == "合作框架" and paper.amount_fen == 3 * 10**10 and paper.projects.count() == 2
    shares = f"/agreements/{paper.pk}/shares/"
    status, page = post("officer", shares, **{str(signed.pk): "1 亿元", str(other.pk): "1 亿元"})
    assert status == 422 and "两者须相等" in page
    assert post("officer", shares, **{str(signed.pk): "1 亿元", str(other.pk): "2 亿元"})[0] == 302
    assert sorted(paper.shares.values_list("amount_fen", flat=True)) == [10**10, 2 * 10**10]


def test_promises_are_made_kept_and_concluded(people, signed, post):
    url = f"/agreements/project/{signed.pk}/promise/"
    assert post("officer", url, side="region", text="道路接通", due_on="2026-09-30")[0] == 302
    row = Commitment.objects.get(text="道路接通")
    assert (
        post(
            "officer", f"/agreements/promises/{row.pk}/settle/", settled_on="2026-09-01", proof_text="验收单"
        )[0]
        == 302
    )
    row.refresh_from_db()
    assert str(row.settled_on) == "2026-09-01"
    other = signed.commitments.filter(side="investor").get()
    assert (
        post("verifier", f"/agreements/promises/{other.pk}/conclude/", state="broken", reason="不")[0] == 422
    )
    assert (
        post("verifier", f"/agreements/promises/{other.pk}/conclude/", state="broken", reason="设备没有到场")[
            0
        ]
        == 302
    )
    other.refresh_from_db()
    assert other.state == "broken"


def test_a_rate_of_the_day(people, post):
    given = {"currency": "USD", "on": "2026-04-20", "per_100": "690.00", "source": "外汇交易中心"}
    assert post("verifier", "/agreements/rates/", **given)[0] == 302
    status, page = post("verifier", "/agreements/rates/", **given)
    assert status == 422 and "汇率已有" in page and Rate.objects.count() == 1


def test_a_lead_its_words_facts_plans_investors(people, post, client):
    status, _ = post(
        "officer",
        "/projects/new/",
        name="靶材",
        company_as_said="某公司",
        source="展会",
        need="厂房",
        sector="电子",
    )
    assert status == 302
    project = Project.objects.get(name="靶材")
    assert project.source == "展会" and project.milestones.get().mark == "claimed"
    status, page = post("officer", "/projects/new/", name="")
    assert status == 422
    base = f"/projects/{project.pk}"
    client.force_login(people.officer)
    words = {"name": "靶材项目", "sector": "电子", "seen": project.version}
    assert post("officer", f"{base}/edit/", **words)[0] == 302
    status, page = post("officer", f"{base}/edit/", **words | {"name": "迟到的"})
    assert status == 409 and 'value="迟到的"' in page
    assert post("officer", f"{base}/facts/talks/", contact_name="陈工", need_profile="厂房 2000 ㎡")[0] == 302
    assert project.profile.contact_name == "陈工"
    assert post("officer", f"{base}/investors/", organisation="没有这家")[0] == 422
    Organisation.objects.create(name="深圳恒和")
    assert post("officer", f"{base}/investors/", organisation="深圳恒和", share="60")[0] == 302
    assert post("officer", f"{base}/investors/", organisation="深圳恒和", share="160")[0] == 422
    assert (
        post("officer", f"{base}/plan/", started_planned="2026-12-01", producing_planned="2026-11-01")[0]
        == 422
    )
    assert post("officer", f"{base}/plan/", started_planned="2026-12-01")[0] == 302
    assert str(project.plan_dates.get(kind="started").planned_on) == "2026-12-01"
    assert post("officer", f"{base}/talks/", fact_on="2026-01-06")[0] == 302 and project.first_talks.exists()


def test_team_hold_hand_over_and_exit(people, post):
    project = new_project(people)
    base = f"/projects/{project.pk}"
    assert post("head", f"{base}/assign/", user=people.park.pk, role="park", from_on="2026-01-05")[0] == 302
    assert post("head", f"{base}/assign/", user=people.park.pk, role="park")[0] == 422
    member = project.members.get(user=people.park)
    assert post("head", f"{base}/assign/", end=member.pk)[0] == 302
    assert post("head", f"{base}/assign/", until="2020-01-01", note="停")[0] == 422
    assert post("head", f"{base}/handover/", to=people.officer.pk, reason="调岗")[0] == 422
    assert post("head", f"{base}/handover/", to=people.officer2.pk, reason="调岗")[0] == 302
    assert (
        post("head", "/projects/handover/", leaving=people.officer2.pk, to=people.officer.pk, reason="离职")[
            0
        ]
        == 302
    )
    project.refresh_from_db()
    assert project.officer == people.officer
    leave = {"code": "lost", "reason": "price", "on": "2026-03-01", "decider": "陈局", "note": "去了邻县"}
    status, page = post("head", f"{base}/exit/", **leave)
    assert status == 422 and "去了哪里" in page
    assert post("head", f"{base}/exit/", **leave, to_place="邻县")[0] == 302
    assert (
        post("officer", f"{base}/reopen/", note="")[0] == 302
        and Project.objects.filter(episode_of=project).exists()
    )


def test_corrections_by_form(people, signed, post):
    base, row = f"/projects/{signed.pk}/correct/", signed.milestones.get(kind="signed")
    assert post("verifier", base, field="filing_code", value="2026-X", reason="看错一位")[0] == 302
    assert post("verifier", base, field=f"milestone-{row.pk}", value="一月底", reason="看错一位")[0] == 422
    assert (
        post("verifier", base, field=f"milestone-{row.pk}", value="2026-01-21", reason="看错一位")[0] == 302
    )
    paper = signed.agreements.get()
    assert (
        post("verifier", base, field=f"agreement-{paper.pk}", value="1.1 亿元", reason="合同附件")[0] == 302
    )
    assert set(Correction.objects.values_list("field", flat=True)) == {"filing_code", "fact_on", "amount_fen"}


def test_corridors_and_their_splits(people, post):
    given = {"code": "sz", "name": "深招", "source_city": "深圳", "home_place": "招远"}
    assert post("head", "/projects/corridors/new/", **given)[0] == 302
    row = Corridor.objects.get()
    edit = f"/projects/corridors/{row.pk}/edit/"
    assert post("head", edit, **given | {"name": "深招协作", "seen": row.version})[0] == 302
    status, page = post("head", edit, **given | {"name": "迟到的", "seen": row.version})
    assert status == 409 and "深招协作" in page
    split = {
        "measure": "capital",
        "from_on": "2026-01-01",
        "source_share": "40",
        "enclave_share": "0",
        "citation": "协议",
    }
    assert post("head", f"/projects/corridors/{row.pk}/split/", **split, home_share="50")[0] == 422
    assert post("head", f"/projects/corridors/{row.pk}/split/", **split, home_share="60")[0] == 302
    assert row.splits.count() == 1


def test_opinions_are_asked_by_form(people, post):
    project = bring_to(people, new_project(people), "talks", step=5)
    url = f"/projects/{project.pk}/opinions/review/"
    assert post("officer", url, opinion_finance=people.bureau.pk)[0] == 302
    status, page = post("officer", url, csrfmiddlewaretoken="x")
    assert status == 422 and "没有要送的会办" in page
    opinion = project.opinions.get()
    assert post("department", f"/projects/opinions/{opinion.pk}/", state="objected", text="不")[0] == 422
    assert (
        post(
            "department", f"/projects/opinions/{opinion.pk}/", state="agreed", text="", seen=opinion.version
        )[0]
        == 302
    )
    claim = f"/projects/{project.pk}/claim/review/"
    assert post("officer", claim, fact_on="2020-01-01")[0] == 422
    assert post("officer", claim, fact_on=str(D(2026, 2, 1)))[0] == 302
    assert actions.Milestone.objects.filter(project=project, kind="review", mark="claimed").exists()
