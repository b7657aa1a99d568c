"""Pages of projects, deals and figures: every role and both languages, audit over every relation, a constant number of queries."""

import datetime as dt

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.desk.projects.house import D, bring_to, new_project
from zhaoyin.desk.deals import actions as deals
from zhaoyin.desk.deals.models import Capital
from zhaoyin.desk.evidence.models import AuditEntry
from zhaoyin.desk.projects import actions, queries
from zhaoyin.desk.projects.models import Milestone, Project
from zhaoyin.desk.sites.models import Carrier

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(people):
    found = bring_to(people, new_project(people), "signed", step=5)
    deals.claim_capital(
        people.officer, found, received_on=D(2026, 4, 20), amount_fen=10**8, payer="恒和", payer_region="440300",
        voucher=b"slip", voucher_name="回单.pdf",
    )  # fmt: skip
    actions.claim(people.officer, found, "landed", D(2026, 5, 1))
    return found


READ = [
    "/projects/", "/projects/board/", "/projects/late/", "/projects/{p}/", "/projects/{p}/history/", "/figures/",
    "/figures/list/?month=202601&indicator=signed_projects", "/figures/?month=202601&indicator=capital_ratio&view=cohort&part=rest",
    "/figures/list/?month=202601&indicator=signed_projects&out=1", "/projects/?counts=no",
    "/agreements/", "/agreements/promises/",
]  # fmt: skip
WRITE = {
    "officer": ["/projects/new/", "/projects/{p}/edit/", "/projects/{p}/facts/started/", "/projects/{p}/claim/started/",
                "/projects/{p}/plan/", "/agreements/project/{p}/new/", "/agreements/project/{p}/capital/",
                "/agreements/project/{p}/promise/", "/projects/import/"],
    "head": ["/projects/{p}/exit/", "/projects/{p}/assign/"],
    "verifier": ["/projects/verification/", "/projects/{p}/correct/", "/projects/{p}/count/", "/figures/close/", "/agreements/rates/"],
}  # fmt: skip


def test_every_page_answers_every_reader_in_both_languages(client, people, project):
    pages = [(role, url) for role in ("officer", "verifier", "auditor") for url in READ]
    pages += [(role, url) for role, urls in WRITE.items() for url in urls]
    for role, url in pages:
        client.force_login(getattr(people, role))
        for language in ("zh-hans", "en"):
            client.cookies["zhaoyin_language"] = language
            answer = client.get(url.format(p=project.pk))
            assert answer.status_code == 200, (role, url, answer.content.decode()[:400])


def test_verification_desk_verifies_returns_and_says_what_is_missing(client, people, project):
    client.force_login(people.verifier)
    money, landed = Capital.objects.get(), Milestone.objects.get(project=project, kind="landed")
    page = client.post(
        f"/projects/verification/capital/{money.pk}/", {"as": "verify", "seen": 1}, HTTP_HX_REQUEST="true"
    )
    assert page.status_code == 200 and Capital.objects.get().mark == "verified"
    refused = client.post(
        f"/projects/verification/milestone/{landed.pk}/", {"as": "verify", "seen": 1}, HTTP_HX_REQUEST="true"
    )
    assert refused.status_code == 422 and "落地还缺" in refused.content.decode()
    client.post(
        f"/projects/verification/milestone/{landed.pk}/",
        {"as": "return", "seen": 1, "reason": "租约没有盖章页"},
    )
    landed.refresh_from_db()
    assert landed.mark == "rejected" and landed.return_note == "租约没有盖章页"
    stale = client.post(
        f"/projects/verification/milestone/{landed.pk}/", {"as": "verify", "seen": 1}, HTTP_HX_REQUEST="true"
    )
    assert stale.status_code == 409


def test_files_are_bound_to_their_gate_by_upload(client, people, project):
    client.force_login(people.officer)
    file = SimpleUploadedFile("租约.pdf", b"a lease")
    assert (
        client.post(f"/projects/{project.pk}/files/landed/", {"kind": "lease", "file": file}).status_code
        == 302
    )
    assert project.files.filter(gate="landed", kind="lease").exists()
    wrong = SimpleUploadedFile("x.pdf", b"x")
    assert (
        client.post(f"/projects/{project.pk}/files/landed/", {"kind": "selfie", "file": wrong}).status_code
        == 422
    )


def test_two_editors_on_the_page(client, people, project):
    client.force_login(people.officer)
    form = {
        "name": project.name,
        "track": "lease",
        "officer": people.officer.pk,
        "need": "我的",
        "seen": project.version,
    }
    actions.edit_project(people.officer2, Project.objects.get(pk=project.pk), need="别人的")
    answer = client.post(f"/projects/{project.pk}/edit/", form)
    page = answer.content.decode()
    assert answer.status_code == 409 and "officer2" in page and "别人的" in page and "我的" in page
    assert Project.objects.get(pk=project.pk).need == "别人的"


def test_history_tells_of_claims_money_and_papers(people, project):
    verbs = set(queries.history(project).values_list("verb", flat=True))
    assert {
        "project.create",
        "milestone.verify",
        "capital.claim",
        "agreement.create",
        "commitment.create",
        "plan.set",
    } <= verbs
    assert AuditEntry.objects.filter(verb="milestone.verify").count() == 4


def test_the_number_of_queries_does_not_grow(client, people, project):
    client.force_login(people.verifier)

    def counted(url):
        client.get(url)
        with CaptureQueriesContext(connection) as caught:
            assert client.get(url).status_code == 200
        return len(caught)

    place = Carrier.objects.create(code="p1", name="园区", kind="park")
    new_project(people, name="线索", on=dt.date(2026, 1, 5), place=place)
    urls = [
        "/projects/board/",
        f"/projects/?stage=lead&track=lease&place={place.pk}",
        project.get_absolute_url(),
        "/projects/late/",
        "/figures/?month=202601",
    ]
    before = {url: counted(url) for url in urls}
    for n in range(8):
        new_project(people, name=f"多{n}", on=dt.date(2026, 1, 5), place=place)
    assert {url: counted(url) for url in urls if url != "/projects/late/"} == {
        url: n for url, n in before.items() if url != "/projects/late/"
    }
    assert counted("/projects/late/") <= before["/projects/late/"] + 2
