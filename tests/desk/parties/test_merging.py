"""Merge and split cover every relation, whichever room made it."""

import datetime as dt

import pytest
from django.apps import apps
from django.db import models

from zhaoyin.base.errors import Refusal
from zhaoyin.desk.deals.models import Agreement, Party
from zhaoyin.desk.evidence.models import AuditEntry
from zhaoyin.desk.parties import actions, merging
from zhaoyin.desk.parties.models import Alias, Contact, Interaction, Judgement, Link, Merge, Organisation
from zhaoyin.desk.projects.models import Investor, Project

pytestmark = pytest.mark.django_db


def pointing():
    """Every foreign key and many-to-many in the registry that leads to an organisation, found the other way round."""
    found = set()
    for model in apps.get_models():
        for field in [*model._meta.local_fields, *model._meta.local_many_to_many]:
            if field.is_relation and field.related_model is Organisation:
                if field.many_to_many:
                    through = field.remote_field.through
                    found |= {
                        (through, f.name)
                        for f in through._meta.local_fields
                        if f.is_relation and f.related_model is Organisation
                    }
                else:
                    found.add((model, field.name))
    return found


def test_every_relation_to_an_organisation_is_moved_or_kept_on_purpose():
    assert pointing() == set(merging.relations()) | merging.KEPT
    reverse = {
        (rel.related_model, rel.field.name)
        for rel in Organisation._meta.related_objects
        if not rel.many_to_many
    }
    assert reverse <= pointing()


def _value(field, depth):
    """Some value a column accepts."""
    if field.choices:
        return field.choices[0][0]
    if isinstance(field, models.ForeignKey):
        return _made(field.related_model, depth + 1)
    if isinstance(field, models.JSONField):
        return {}
    if isinstance(field, models.DateTimeField):
        return dt.datetime.now(dt.UTC)
    if isinstance(field, models.DateField):
        return dt.date(2026, 1, 2)
    if isinstance(field, models.BooleanField):
        return False
    if isinstance(field, models.IntegerField | models.DecimalField | models.FloatField):
        return 1
    return f"x{field.name}{_made.count}"[: getattr(field, "max_length", None) or 60]


def _made(model, depth=0, **given):
    """A row of any model with its required columns filled; for moving, not for meaning."""
    _made.count += 1
    values = dict(given)
    for field in model._meta.local_fields:
        if field.name in values or field.primary_key or field.null or field.has_default():
            continue
        if getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False):
            continue
        if (
            getattr(field, "blank", False)
            and not field.is_relation
            and not isinstance(field, models.DateField)
        ):
            continue
        if depth > 6:
            raise AssertionError(f"{model} is too deep to make")
        values[field.name] = _value(field, depth)
    row = model(**values)
    models.Model.save_base(row, force_insert=True)
    return row


_made.count = 0


@pytest.mark.parametrize(
    "model, name", sorted(pointing() - merging.KEPT, key=str), ids=lambda v: getattr(v, "__name__", v)
)
def test_a_row_of_each_relation_moves_and_moves_back(firms, head, model, name):
    kept, absorbed = firms["group"], firms["mining"]
    row = _made(model, **{name: absorbed})
    merge = actions.merge(head, kept, absorbed=absorbed)
    assert getattr(model._base_manager.get(pk=row.pk), f"{name}_id") == kept.pk
    actions.split(head, merge)
    assert getattr(model._base_manager.get(pk=row.pk), f"{name}_id") == absorbed.pk


def test_merge_carries_everything_and_split_brings_it_back(firms, officer, head):
    kept, absorbed = firms["group"], firms["mining"]
    actions.save_organisation(
        officer, absorbed, uscc="91370685165236899X"[:17] + _check("91370685165236899"), place="招远市"
    )
    alias = actions.add_alias(officer, absorbed, name="招矿")
    actions.add_alias(officer, kept, name="招金")
    twice = actions.add_alias(officer, absorbed, name="招金")
    contact = actions.save_contact(officer, name="王某", organisation=absorbed)
    talk = actions.add_interaction(officer, absorbed, note="约了下周再谈", contact=contact)
    member = actions.add_link(officer, absorbed, other=firms["guild"], kind="member")
    agreement = Agreement.objects.create(name="战略合作", kind=Agreement.Kind.choices[0][0])
    own = Party.objects.create(agreement=agreement, organisation=absorbed, side="local")
    both = [
        Party.objects.create(agreement=agreement, organisation=o, side="investor") for o in (kept, absorbed)
    ]
    project = Project.objects.create(code="P-2026-000001", name="甲项目", local_party=absorbed)
    investor = Investor.objects.create(project=project, organisation=absorbed)
    code = Organisation.objects.get(pk=absorbed.pk).uscc

    merge = actions.merge(head, kept, absorbed=absorbed, reason="同一家")
    kept.refresh_from_db()
    assert not Organisation.objects.filter(pk=absorbed.pk).exists()
    assert (kept.uscc, kept.place) == (code, "招远市")
    assert set(kept.aliases.values_list("name", flat=True)) == {"招矿", "招金", "招金矿业"}
    assert [
        row.organisation_id for row in (Contact.objects.get(), Interaction.objects.get(), Link.objects.get())
    ] == [kept.pk] * 3
    assert Party.objects.filter(organisation=kept).count() == 2
    assert Project.objects.get().local_party == kept
    assert list(Project.objects.get().investors.all()) == [kept]
    later = actions.add_interaction(officer, kept, note="合并之后又谈了一次")

    back = actions.split(head, merge)
    kept.refresh_from_db()
    assert (kept.uscc, kept.place) == (None, "")
    assert (back.uscc, back.place, back.merged_into) == (code, "招远市", None)
    assert set(Alias.objects.filter(organisation=back).values_list("pk", flat=True)) == {alias.pk, twice.pk}
    assert list(kept.aliases.values_list("name", flat=True)) == ["招金"]
    assert {Contact.objects.get(pk=contact.pk).organisation, Link.objects.get(pk=member.pk).organisation} == {
        back
    }
    assert Interaction.objects.get(pk=talk.pk).organisation == back
    assert Interaction.objects.get(pk=later.pk).organisation == kept
    assert {Party.objects.get(pk=p.pk).organisation for p in (own, both[1])} == {back}
    assert Investor.objects.get(pk=investor.pk).organisation == back
    assert Project.objects.get().local_party == back
    assert {"organisation.merge", "organisation.split"} <= set(
        AuditEntry.objects.values_list("verb", flat=True)
    )
    assert (
        Judgement.objects.filter(verdict="different").count() == 1
    )  # a merge taken back is not proposed again


def _check(first17):
    from zhaoyin.base.uscc import check_character

    return check_character(first17)


def test_merge_with_itself_its_parent_or_another_code_is_refused(firms, officer, head):
    with pytest.raises(Refusal) as itself:
        actions.merge(head, firms["group"], absorbed=firms["group"])
    assert itself.value.code == "merge.self"
    link = actions.add_link(officer, firms["mining"], other=firms["group"], kind="group")
    for pair in (("group", "mining"), ("mining", "group")):
        with pytest.raises(Refusal) as parent:
            actions.merge(head, firms[pair[0]], absorbed=firms[pair[1]])
        assert parent.value.code == "merge.parent"
    actions.remove_link(officer, link)
    for key, first in (("group", "91370685165236899"), ("mining", "91370685165236800")):
        actions.save_organisation(officer, firms[key], uscc=first + _check(first))
    with pytest.raises(Refusal) as codes:
        actions.merge(head, firms["group"], absorbed=firms["mining"])
    assert codes.value.code == "merge.codes"
    assert not Merge.objects.exists()


def test_merges_are_taken_back_in_order(firms, head):
    first = actions.merge(head, firms["group"], absorbed=firms["mining"])
    second = actions.merge(head, firms["luxin"], absorbed=firms["group"])
    with pytest.raises(Refusal) as order:
        actions.split(head, first)
    assert order.value.code == "split.order"
    actions.split(head, second)
    actions.split(head, first)
    assert Organisation.objects.count() == 4
    with pytest.raises(Refusal) as again:
        actions.split(head, first)
    assert again.value.code == "split.stale"


def test_only_a_head_merges(firms, officer):
    with pytest.raises(Refusal):
        actions.merge(officer, firms["group"], absorbed=firms["mining"])
