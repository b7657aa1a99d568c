"""Whatever belongs to a project is written under audit and shows in its history: found by walking the relations, not a list."""

import ast
import itertools
from pathlib import Path

import pytest
from django.db.models.signals import post_save

import zhaoyin.desk
from tests.desk.projects.house import D, People, bring_to, contract, fill, new_project
from zhaoyin.desk.deals import actions as deals
from zhaoyin.desk.evidence.models import AuditEntry
from zhaoyin.desk.projects import actions, corrections, queries
from zhaoyin.desk.projects.models import Project

RELATED = {r.related_model.__name__: r.related_model for r in Project._meta.related_objects} | {
    "Project": Project
}
# rows of other rooms' own: made by those rooms' actions, audited there
ELSEWHERE = {"Offer", "Approach"}
# the books say themselves who booked what, and are append-only by trigger
BOOKS = {"Entry"}

WRITES = {
    "create",
    "bulk_create",
    "update",
    "bulk_update",
    "update_or_create",
    "get_or_create",
    "delete",
    "save",
}
# where a write goes past `evidence.actions`, and why that is no hole; (file, function): models
ALLOWED = {
    ("projects/derive.py", "derive"): "only columns that follow from audited rows",
    ("projects/actions.py", "verify"): "the date of the last progress, which is the verified milestone's own",
    ("projects/corrections.py", "_unsign"): "the cohort, which follows from the audited undo",
    ("projects/loading.py", "load"): "an import is audited as one batch and leaves provenance row by row",
    ("reports/books.py", "join_cohort"): "the cohort, which follows from the audited signing",
    ("reports/actions.py", "_lock_some"): "verified to locked, audited as the close of the month",
    (
        "deals/actions.py",
        "confirm_kept",
    ): "audited in the next line; the trigger guards the rest of a locked row",
    (
        "deals/actions.py",
        "set_shares",
    ): "shares of an unverified paper are replaced; the new ones are audited",
}


def root(node):
    """The name a chain of attributes and calls starts with."""
    while isinstance(node, ast.Attribute | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def test_no_code_writes_past_the_audit():
    home, found = Path(zhaoyin.desk.__file__).parent, set()
    for path in home.rglob("*.py"):
        if "migrations" in path.parts:
            continue
        for function in ast.walk(ast.parse(path.read_text())):
            if not isinstance(function, ast.FunctionDef):
                continue
            for call in ast.walk(function):
                if (
                    isinstance(call, ast.Call)
                    and isinstance(call.func, ast.Attribute)
                    and call.func.attr in WRITES
                ):
                    chain = ast.unparse(call.func)
                    if root(call.func) in RELATED.keys() - BOOKS and (
                        "objects" in chain or "_default_manager" in chain
                    ):
                        found.add((str(path.relative_to(home)), function.name))
    unknown = {f"{file}: {name}" for file, name in found - set(ALLOWED) if not _loader(file)}
    assert not unknown, f"writes past evidence.actions: {unknown}"


def _loader(file):
    return file == "projects/loading.py"  # one batch, one audit entry, provenance for every row


@pytest.mark.django_db
def test_every_relation_to_a_project_is_audited_and_shown():
    people, written = People(), []

    def watch(sender, instance, **_):
        if sender in RELATED.values() and sender.__name__ not in BOOKS:
            written.append((sender, instance.pk))

    post_save.connect(watch)
    try:
        project = bring_to(people, new_project(people), "signed")
        other = bring_to(people, new_project(people, name="旁的"), "review")
        paper = contract(people, project, 2 * 10**9, on=D(2026, 3, 9))
        deals.change_agreement(people.officer, paper, projects=[project, other])
        deals.set_shares(people.officer, paper, {project.pk: 10**9, other.pk: 10**9})
        row = deals.claim_capital(
            people.officer, project, received_on=D(2026, 4, 20), amount_fen=10**9, payer="x", payer_region="440300",
            voucher=b"slip", voucher_name="回单.pdf",
        )  # fmt: skip
        deals.verify_capital(people.verifier, row)
        corrections.correct_amount(people.verifier, project, row, 9 * 10**8, "回单看错")
        fill(people, project, "started")  # its site visit
        actions.hand_over(people.head, project, people.officer2, "调岗")
        values = {
            "on": D(2026, 6, 1),
            "decider": "局长",
            "note": "并过来",
            "reason": "same_project",
            "merged_into": project,
        }
        actions.leave(people.head, other, "duplicate", values)
        again = actions.reopen(people.officer, other, "又来谈")
    finally:
        post_save.disconnect(watch)
    bare = {
        (model.__name__, pk)
        for model, pk in written
        if not AuditEntry.objects.filter(content_type__model=model._meta.model_name, object_id=pk).exists()
    }
    # the helper of these tests writes files and facts past the actions
    assert {name for name, _ in bare} <= {"GateFile", "Profile"}
    shown = {
        entry.content_type.model_class().__name__
        for one in (project, other, again)
        for entry in queries.history(one, limit=10_000)
    }
    for relation in Project._meta.related_objects:
        name = relation.related_model.__name__
        if name in ELSEWHERE | BOOKS | {"Profile"}:
            continue
        held = relation.related_model._default_manager.filter(
            **{f"{relation.field.name}__in": [project.pk, other.pk]}
        )
        assert held.exists(), f"{name}.{relation.field.name}: extend this test so that one exists"
        assert name in shown, f"{name} does not show in a project's history"
    assert {model.__name__ for model in queries.OUTSIDE_HISTORY} == {"Entry", "Project"}


@pytest.mark.django_db
def test_history_of_one_project_holds_nothing_of_another():
    people = People()
    one, two = new_project(people), new_project(people, name="旁的")
    labels = {e.label for e in queries.history(one)}
    assert not any("旁的" in label for label in labels)
    assert len(set(itertools.chain(queries.history(one), queries.history(two)))) == len(
        queries.history(one)
    ) + len(queries.history(two))
