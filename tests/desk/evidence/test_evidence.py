import pytest
from django.db import DatabaseError, connection, transaction

from zhaoyin.base.errors import Refusal
from zhaoyin.desk.evidence import actions, personal, queries
from zhaoyin.desk.evidence.models import AuditEntry, Mark, PersonKey, Provenance, weakest
from zhaoyin.desk.parties.actions import reveal_contact, save_contact, save_organisation

pytestmark = pytest.mark.django_db


def test_audit_can_be_added_but_not_changed_or_deleted(officer):
    entry = actions.audit(officer, "account.sign_in", officer)
    for statement in ("UPDATE evidence_auditentry SET verb = 'x'", "DELETE FROM evidence_auditentry"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    with pytest.raises(DatabaseError), transaction.atomic():
        AuditEntry.objects.filter(pk=entry.pk).update(verb="x")


def test_a_write_leaves_before_and_after(officer):
    firm = save_organisation(officer, name="云屿海洋生物有限公司")
    save_organisation(officer, firm, place="云屿市")
    entry = queries.history_of(firm)[0]
    assert (entry.before, entry.after, entry.actor) == ({"place": ""}, {"place": "云屿市"}, officer)


def test_the_second_of_two_editors_is_told_what_changed(officer, head):
    firm = save_organisation(officer, name="云屿海洋生物有限公司")
    save_organisation(head, type(firm).objects.get(pk=firm.pk), seen=1, place="云屿市")
    with pytest.raises(Refusal) as refused:
        save_organisation(officer, firm, seen=1, place="青澜市")
    assert refused.value.code == "stale"
    assert head.name in refused.value.zh and "云屿市" in refused.value.zh


def test_a_newer_proof_supersedes_and_keeps_the_older(officer):
    firm = save_organisation(officer, name="云屿海洋生物有限公司")
    actions.prove(officer, firm, {"name": firm.name}, Mark.VERIFIED)
    current = queries.attach_marks([firm])[0].proofs["name"]
    assert current.mark == Mark.VERIFIED
    assert [proof.mark for proof in queries.provenance_of(firm, "name")] == [Mark.VERIFIED, Mark.CLAIMED]
    assert Provenance.objects.filter(superseded_by=current).count() == 1


def test_contact_details_are_sealed_in_the_audit_and_looking_is_recorded(officer):
    contact = save_contact(officer, name="江予安", phone="13800000000")
    assert not [e for e in AuditEntry.objects.all() if "13800000000" in str(e.before) + str(e.after)]
    sealed = AuditEntry.objects.filter(verb="contact.change").first().after["phone"]
    subject = f"contact:{contact.pk}"
    assert personal.unseal(subject, sealed) == "13800000000"
    personal.destroy(subject)
    assert "13800000000" not in personal.unseal(subject, sealed)
    assert PersonKey.objects.get(subject=subject).destroyed_at
    assert reveal_contact(officer, contact)["phone"] == "13800000000"
    assert AuditEntry.objects.filter(verb="contact.reveal", object_id=contact.pk).count() == 1


@pytest.mark.parametrize(
    ("marks", "expected"),
    [(["verified", "said"], "said"), (["locked", "verified"], "verified"), ([], "said")],
)
def test_weakest_mark(marks, expected):
    assert weakest(marks) == expected


def test_every_audit_verb_has_words_and_every_action_is_guarded():
    import importlib
    import inspect
    import pkgutil
    import re

    import zhaoyin.desk as desk
    from zhaoyin.desk.evidence.verbs import VERBS

    unguarded, unknown = [], set()
    for module in pkgutil.walk_packages(desk.__path__, "zhaoyin.desk."):
        if not module.name.endswith(".actions") or module.name in {
            "zhaoyin.desk.actions",
            "zhaoyin.desk.evidence.actions",
        }:
            continue
        loaded = importlib.import_module(module.name)
        source = inspect.getsource(loaded)
        unknown |= set(
            re.findall(
                r'(?:create|change|remove|audit)\(\s*(?:actor|None|user|person|self)\s*,\s*"([a-z_.]+)"',
                source,
            )
        ) - set(VERBS)
        for name, function in inspect.getmembers(loaded, inspect.isfunction):
            takes_actor = next(iter(inspect.signature(function).parameters), "") == "actor"
            if (
                function.__module__ == module.name
                and takes_actor
                and not name.startswith("_")
                and name != "add_material"
                and not hasattr(function, "policy_verb")
            ):
                unguarded.append(f"{module.name}.{name}")
    assert not unguarded, f"actions without @action: {unguarded}"
    assert not unknown, f"verbs without words in evidence/verbs.py: {sorted(unknown)}"
