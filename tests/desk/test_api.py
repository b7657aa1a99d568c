import io
import json
from urllib.parse import quote, urlencode

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.core import NotSet

from zhaoyin.desk.materials import actions
from zhaoyin.desk.materials.models import Fact, Material
from zhaoyin.desk.projects.models import Project

TEXT = "云屿市商务局局长江予安介绍情况。云屿海洋生物有限公司到会。\n"


@pytest.mark.django_db
def test_signed_out_people_get_nothing(client):
    assert client.get("/api/ledger/agreements").status_code == 401


@pytest.mark.django_db
def test_a_role_without_the_verb_is_refused_in_words(as_role):
    response = as_role("admin").get("/api/materials")
    assert response.status_code == 403
    assert response.json()["zh"] and response.json()["en"]


@pytest.mark.django_db
def test_add_read_accept(as_role, officer):
    client = as_role("officer")
    upload = io.BytesIO(TEXT.encode())
    upload.name = "a.txt"
    made = client.post("/api/materials", {"file": upload})
    assert made.status_code == 201
    material = Material.objects.get(pk=made.json()["id"])
    actions.read(material.pk)
    facts = client.get(f"/api/materials/{material.pk}/facts").json()
    firm = next(fact for fact in facts if fact["data"].get("name") == "云屿海洋生物有限公司")
    assert client.post(f"/api/materials/facts/{firm['id']}/accept").json()["state"] == Fact.State.ACCEPTED
    assert client.post(f"/api/materials/facts/{firm['id']}/accept").status_code == 409
    found = client.get("/api/ledger/organisations", {"q": "海洋生物"}).json()
    assert found[0]["marks"]["name"] == "said"


@pytest.mark.django_db
def test_a_nul_is_dropped_on_the_way_in(as_role):
    client = as_role("officer")
    made = client.post(
        "/api/projects", {"name": "海\0藻", "came_from": "\0浙\0", "need": "\\u0000"}, "application/json"
    )
    assert made.status_code == 201 and made.json()["name"] == "海藻"
    kept = Project.objects.get()
    assert kept.source == "浙" and kept.need == "\\u0000"  # the letters as they were written are no NUL
    assert client.get("/api/projects?q=%00海%00").json()[0]["id"] == kept.pk
    client.post(f"/projects/{kept.pk}/edit/", "name=%E6%B5%B7%00&seen=1", "application/x-www-form-urlencoded")
    assert "\0" not in Project.objects.get().name
    assert client.post("/api/projects", b'{"name": "\\u0000', "application/json").status_code in {400, 422}


@pytest.mark.django_db
def test_no_request_breaks_the_api(as_role):
    client = as_role("officer")
    schema = schemathesis.openapi.from_dict(client.get("/api/openapi.json").json())
    operations = [found.ok() for found in schema.get_all_operations()]
    assert operations
    for operation in operations:

        @given(case=operation.as_strategy())
        @settings(max_examples=8, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        def ask(case):
            body = "" if isinstance(case.body, NotSet) else json.dumps(case.body, default=str)
            path = quote(case.formatted_path, safe="/%")
            query = urlencode(case.query or {}, doseq=True, errors="replace")
            response = client.generic(case.method, path, body, "application/json", QUERY_STRING=query)
            assert response.status_code < 500, response.content

        ask()
