"""The permission matrix, generated from the policy over every address of the desk."""

import pytest
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from zhaoyin.desk.accounts import policy


def patterns(resolver=None, namespace=""):
    for entry in (resolver or get_resolver()).url_patterns:
        if isinstance(entry, URLResolver):
            if entry.app_name == "ninja" or str(entry.pattern).startswith("api/"):
                continue
            yield from patterns(entry, f"{entry.namespace}:" if entry.namespace else namespace)
        elif isinstance(entry, URLPattern):
            yield f"{namespace}{entry.name}", entry


ADDRESSES = list(patterns())
SAMPLES = {"pk": 987654, "model": "parties.organisation", "field": "name", "act": "show"}


def address(name, entry):
    converters = entry.pattern.converters
    values = {
        key: SAMPLES.get(key, 987654 if "Int" in type(conv).__name__ else "x")
        for key, conv in converters.items()
    }
    return reverse(name, kwargs=values)


@pytest.mark.parametrize(("name", "entry"), ADDRESSES, ids=[name for name, _ in ADDRESSES])
def test_every_view_names_a_known_verb(name, entry):
    verb = getattr(entry.callback, "policy_verb", None)
    assert verb == policy.PUBLIC or verb in policy.verbs()


@pytest.mark.django_db
@pytest.mark.parametrize("role", [None, *policy.roles()])
def test_matrix(role, people, client):
    if role:
        client.force_login(people[role])
    wrong = []
    for name, entry in ADDRESSES:
        verb = entry.callback.policy_verb
        response = client.get(address(name, entry), follow=False)
        if verb == policy.PUBLIC:
            ok = response.status_code in {200, 302, 404, 405}
        elif role is None:
            ok = response.status_code == 302 and "/sign-in/" in response["Location"]
        elif role in policy.verbs()[verb]:
            ok = response.status_code in {200, 302, 404, 405, 422}
        else:
            ok = response.status_code == 403
        if not ok:
            wrong.append((name, verb, response.status_code))
    assert not wrong


def test_a_disabled_account_may_nothing(people):
    people["officer"].is_active = False
    assert not policy.may(people["officer"], "material.view")


@pytest.mark.django_db
def test_refusal_names_who_may(as_role):
    response = as_role("auditor").get("/materials/add/")
    assert response.status_code == 403
    assert "招商专员" in response.content.decode()
