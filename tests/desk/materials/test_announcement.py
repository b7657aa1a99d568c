"""The main job, without a browser: an announcement of twelve signings becomes a reviewed ledger."""

import pytest

from zhaoyin.desk import region
from zhaoyin.desk.deals import queries as deals
from zhaoyin.desk.deals.models import Agreement
from zhaoyin.desk.events.models import Event
from zhaoyin.desk.evidence.queries import attach_marks
from zhaoyin.desk.materials import actions
from zhaoyin.desk.materials.models import Fact
from zhaoyin.desk.parties.models import Organisation
from zhaoyin.packs import load_pack

# agreements, framework, contracts, of those reported, kind not stated, candidate projects, signing reported, without amount
TWELVE = (12, 3, 3, 3, 6, 9, 9, 9)


def enter(officer, read_now, data, name, order=None):
    region.load("zhaoyuan")
    material = read_now(officer, data, name)
    for kind in order or Fact.Kind.values:
        actions.accept_kind(officer, material, kind)
    material.refresh_from_db()
    return material


def counted(tally):
    return (
        tally.total, tally.framework, tally.contract, tally.contract_said, tally.unstated, tally.candidates,
        tally.signing_reported, tally.amount_unstated,
    )  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize(
    "order", [None, list(reversed(Fact.Kind.values))], ids=["events first", "events last"]
)
def test_demonstration_announcement(officer, read_now, order):
    path = load_pack("zhaoyuan").demo_announcement
    material = enter(officer, read_now, path.read_bytes(), path.name, order)
    assert material.is_demo and material.state == material.State.REVIEWED
    conference = Event.objects.get(signed_count=12, kind=Event.Kind.PROMOTION)
    assert conference.attendees == 200
    tally = deals.tally(conference)
    assert counted(tally) == TWELVE
    assert tally.verified_fen == 0
    assert all(agreement.is_demo for agreement in Agreement.objects.all())
    for agreement in attach_marks(conference.agreements.all()):
        proof = agreement.proofs["name"]
        assert proof.quote in material.text.source and agreement.name == proof.quote


@pytest.mark.django_db
@pytest.mark.shared
def test_the_real_announcement(officer, read_now, shared):
    material = enter(officer, read_now, (shared / "seed" / "article.txt").read_bytes(), "article.txt")
    assert not material.is_demo
    conference = Event.objects.get(name="深圳招商引资推介会")
    assert (conference.attendees, conference.signed_count, conference.date_text) == (200, 12, "--07-28")
    assert counted(deals.tally(conference)) == TWELVE
    # damaged spellings are aliases of the pack's organisations, so no second one is made
    assert not Organisation.objects.filter(name__startswith="赵晋").exists()
    jewellery = conference.agreements.get(parties__name="深圳金银珠宝创意产业协会")
    assert jewellery.parties.filter(name="招金集团").exists()


@pytest.mark.django_db
def test_undoing_everything_leaves_the_ledger_as_it_was(officer, read_now):
    region.load("zhaoyuan")
    models = [Agreement, Event, Organisation]
    before = [model.objects.count() for model in models]
    path = load_pack("zhaoyuan").demo_announcement
    material = read_now(officer, path.read_bytes(), path.name)
    for kind in Fact.Kind.values:
        actions.accept_kind(officer, material, kind)
    for _ in Fact.Kind.values:
        if not material.facts.exclude(state=Fact.State.OPEN).exists():
            break
        actions.undo(officer, material)
    assert not material.facts.exclude(state=Fact.State.OPEN).exists()
    assert [model.objects.count() for model in models] == before
