"""Many rows in one statement hold what the same rows saved one by one would hold; writers stand in line and lose nothing."""

import datetime as dt
import threading

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.db.utils import OperationalError

from zhaoyin.desk.evidence.models import Mark, Provenance
from zhaoyin.desk.parties.models import Organisation
from zhaoyin.desk.pour import Pour
from zhaoyin.desk.projects.models import Milestone, Profile, Project


@pytest.mark.django_db
def test_poured_rows_are_the_rows_the_model_would_save():
    said = {"name": "恒“和”\n二期", "reported_on": dt.date(2026, 3, 2), "need": "it's 100% \\ 两栋"}
    saved = Project.objects.create(code="P-2026-000001", **said)
    pour = Pour(Project, ["id", "code", *said])
    with transaction.atomic():
        ids = pour.ids(3)
        pour.into((pk, f"P-2026-00001{n}", *pour.ready(*said.values())) for n, pk in enumerate(ids))
    made = Project.objects.filter(pk__in=ids)
    assert len(made) == 3 and saved.pk not in ids
    own = {"id", "code", "created_at", "updated_at"}
    for project in made:
        for field in Project._meta.concrete_fields:
            if field.name not in own:
                assert getattr(project, field.attname) == getattr(saved, field.attname), field.name
    assert Project.objects.create(code="P-2026-000099", name="下一个").pk > max(ids)


@pytest.mark.django_db
def test_links_json_and_empty_values_are_poured():
    project = Project.objects.create(code="P-2026-000001", name="甲")
    milestones = Pour(
        Milestone, ["project", "kind", "fact_on"], mark=Mark.SAID, recorded_on=dt.date(2026, 5, 1)
    )
    milestones.into(
        (project.pk, *milestones.ready(kind, day))
        for kind, day in [("signed", dt.date(2026, 4, 1)), ("landed", None)]
    )
    profiles = Pour(Profile, ["project", "investment_fen", "jobs"])
    profiles.into([(project.pk, *profiles.ready(12 * 10**12, None))])
    proofs = Pour(
        Provenance,
        ["object_id", "locator"],
        content_type_id=ContentType.objects.get_for_model(Project).pk,
        field="name",
        mark=Mark.SAID,
        locator_kind="cell",
    )
    proofs.into([(project.pk, *proofs.ready({"row": 3, "column": 0, "head": "名称"}))])
    proofs.into([])
    assert list(project.milestones.values_list("kind", "fact_on")) == [
        ("signed", dt.date(2026, 4, 1)),
        ("landed", None),
    ]
    assert (project.profile.investment_fen, project.profile.jobs) == (12 * 10**12, None)
    assert Provenance.objects.get().locator == {"row": 3, "column": 0, "head": "名称"}


@pytest.mark.django_db(transaction=True)
def test_writers_in_line_lose_nothing_and_leave_the_line_whatever_happens():
    kept = Organisation.objects.create(name="0", kind="company")
    failed: list[Exception] = []

    def work(name: str) -> None:
        try:
            for n in range(5):
                try:
                    with transaction.atomic():
                        row = Organisation.objects.select_for_update().get(pk=kept.pk)
                        row.name = str(int(row.name) + 1)
                        row.save()
                        Organisation.objects.create(name=f"{name}{n}", kind="company")
                        if n == 3:
                            raise ValueError
                except ValueError:
                    continue
        except OperationalError as error:
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcdef"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept.refresh_from_db()
    assert not failed and kept.name == "24" and Organisation.objects.count() == 25


@pytest.mark.django_db(transaction=True)
def test_who_finds_the_ledger_taken_for_too_long_is_told(monkeypatch):
    """On PostgreSQL nobody waits for another's rows at all."""
    from zhaoyin.desk.sqlite import base

    monkeypatch.setattr(base, "PATIENCE", 0.05)
    told: list[str] = []

    def late() -> None:
        try:
            with transaction.atomic():
                Organisation.objects.create(name="迟", kind="company")
            told.append("")
        except OperationalError as error:
            told.append(str(error))
        finally:
            connection.close()

    with transaction.atomic():
        Organisation.objects.create(name="先", kind="company")
        thread = threading.Thread(target=late)
        thread.start()
        thread.join()
    assert told == (["database is locked"] if connection.vendor == "sqlite" else [""])
    late()
    assert told[1] == ""
