import datetime as dt
import html
import re

import pytest

from zhaoyin.base.errors import Refusal
from zhaoyin.base.uscc import check_character
from zhaoyin.desk.accounts.models import Department
from zhaoyin.desk.evidence.models import PersonKey, Provenance
from zhaoyin.desk.parties import actions, queries, register, twins
from zhaoyin.desk.parties.models import Alias, Contact, Interaction, Judgement, Organisation
from zhaoyin.packs import load_pack

pytestmark = pytest.mark.django_db
CODE = "91370685165236899" + check_character("91370685165236899")


def first(name):
    found = queries.candidates_for([name]).get(name)
    return found[0] if found else None


@pytest.mark.parametrize(
    ("written", "meant", "why"),
    [
        ("赵晋集团", "招金集团", "同音：赵晋/招金"),
        ("赵金矿业", "招金矿业", "同音：赵/招"),
        ("卢新贵金属", "鲁鑫贵金属", "同音：卢新/鲁鑫"),
    ],
)
def test_names_heard_wrongly_find_their_organisation_and_say_why(firms, written, meant, why):
    found = first(written)
    assert found.organisation.name == meant
    assert why in found.reason


@pytest.mark.shared
def test_the_damaged_names_of_the_seed_find_the_organisations_of_the_pack(shared, officer):
    """The table of damaged names beside the seed article, against the pack's organisations without their damaged aliases."""
    pairs = []
    for line in (shared / "seed" / "README.md").read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) == 3:
            pairs.append((cells[0].split("、"), cells[1].split("、"), cells[2]))
    pack = {row.name: row for row in load_pack("zhaoyuan").organisations}
    for row in pack.values():
        made = actions.save_organisation(officer, name=row.name, kind=row.kind)
        for alias in row.aliases:
            if alias.kind != "damaged":
                actions.add_alias(officer, made, name=alias.name)
    asked = 0
    for damaged, right, why in pairs:
        for position, name in enumerate(damaged):
            meant = right[position] if len(right) == len(damaged) else right[0]
            if meant in pack and "same sound" in why:
                found = first(name)
                assert found is not None, name
                assert found.organisation.name == meant, name
                assert "同音" in found.reason or "近音" in found.reason
                asked += 1
    assert asked >= 6


def test_the_pack_itself_knows_the_damaged_names(officer):
    from zhaoyin.desk import region

    region.load("zhaoyuan")
    for row in load_pack("zhaoyuan").organisations:
        for alias in row.aliases:
            found = queries.by_name(alias.name)
            assert found is not None, alias.name
            assert found.name == row.name


def test_the_register_follows_the_ledger(firms, officer):
    assert first("罗山食品") is None
    made = actions.save_organisation(officer, name="龙口罗山食品有限公司")
    assert first("罗衫食品").organisation == made
    alias = actions.add_alias(officer, made, name="瑞雪粉丝")
    assert first("瑞雪粉絲厂").organisation == made
    actions.remove_alias(officer, alias)
    assert first("瑞雪粉絲厂") is None
    actions.rename(officer, made, name="龙口罗山粮油有限公司", on=dt.date(2024, 5, 1))
    assert register.register().resolve("龙口罗山粮油有限公司").decision == "match"


def test_a_damaged_register_is_made_again(firms):
    assert first("赵晋集团")
    for file in register.folder().glob("seg-*/posts.npy"):
        file.write_bytes(b"half")
    register._open.clear()
    assert first("赵晋集团").organisation == firms["group"]


def test_judgements_teach(firms, officer):
    actions.judge(officer, firms["group"], name="赵晋集团", same=True)
    assert queries.by_name("赵晋集团") == firms["group"]
    actions.judge(officer, firms["luxin"], name="卢新贵金属", same=False)
    assert first("卢新贵金属") is None
    actions.judge(officer, firms["luxin"], name="卢新贵金属", same=True)
    assert Judgement.objects.filter(name="卢新贵金属").count() == 1
    assert queries.by_name("卢新贵金属") == firms["luxin"]


def test_the_review_offers_candidates_and_learns(as_role, firms):
    page = as_role("officer").post(
        _url("judge"),
        {"organisation": firms["group"].pk, "name": "赵晋集团", "verdict": "same"},
        headers={"HX-Request": "true"},
    )
    assert page.status_code == 200
    assert "招金集团" in page.content.decode()
    assert Alias.objects.filter(organisation=firms["group"], name="赵晋集团").exists()


def _url(name, *args):
    from django.urls import reverse

    return reverse(f"parties:{name}", args=args)


def test_duplicates_are_queued_side_by_side_until_judged(firms, officer, as_role):
    twin = actions.save_organisation(officer, name="鲁新贵金属", place="招远")
    pairs, search = queries.duplicates()
    assert search.complete
    assert {(p.left.name, p.right.name) for p in pairs} >= {("鲁鑫贵金属", "鲁新贵金属")}
    pair = next(p for p in pairs if p.right == twin)
    assert "同音" in pair.reason
    assert ("名称", "鲁鑫贵金属", "鲁新贵金属", True) in pair.rows
    page = as_role("head").get(_url("duplicates")).content.decode()
    assert "并入左边" in page
    actions.judge(officer, firms["luxin"], other=twin, same=False)
    assert all(p.right != twin for p in queries.duplicates()[0])


def test_a_large_register_is_compared_by_slices_and_only_changed_names_again(firms, officer):
    actions.save_organisation(officer, name="鲁新贵金属")
    first = twins.look(slice_size=2)
    assert (first.asked, first.total, first.complete) == (2, 5, False)
    while not (found := twins.look(slice_size=2)).complete:
        pass
    assert found.best == twins.look(slice_size=2).best == twins.look(slice_size=5).best
    assert found.best
    twin = actions.save_organisation(officer, name="招金矿叶")
    assert twins.look(slice_size=0).asked == 5  # the new name alone is open
    assert frozenset((twin.pk, firms["mining"].pk)) in twins.look(slice_size=1).pairs()


def test_a_record_merged_away_or_a_broken_memory_leaves_the_queue_whole(firms, officer, head):
    twin = actions.save_organisation(officer, name="鲁新贵金属")
    assert frozenset((twin.pk, firms["luxin"].pk)) in twins.look().pairs()
    (register.folder() / "twins.json").write_text("{half")
    assert frozenset((twin.pk, firms["luxin"].pk)) in twins.look().pairs()
    actions.merge(head, firms["luxin"], absorbed=twin)
    found = twins.look()
    assert found.complete
    assert twin.pk not in found.best
    assert all(other != twin.pk for other, _, _ in found.best.values())


def test_a_newcomer_to_a_family_of_like_names_is_asked_about_once(firms, officer):
    for name in ("招金银楼", "招金励福"):
        actions.save_organisation(officer, name=name)
    twin = actions.save_organisation(officer, name="赵进集团")
    asked = [pair for pair in twins.look().pairs() if twin.pk in pair]
    assert asked == [frozenset((twin.pk, firms["group"].pk))]


def test_a_firm_and_an_association_alike_are_not_queued(firms, officer):
    other = actions.save_organisation(officer, name="招远黄金珠宝首饰集团", kind="company")
    pairs, _ = queries.duplicates()
    assert all(other not in (p.left, p.right) or p.left.kind == p.right.kind for p in pairs)


def test_the_queue_merges_and_takes_back(firms, officer, as_role):
    twin = actions.save_organisation(officer, name="鲁新贵金属")
    client = as_role("head")
    done = client.post(_url("merge"), {"kept": firms["luxin"].pk, "absorbed": twin.pk})
    assert done.url == firms["luxin"].get_absolute_url()
    assert client.get(twin.get_absolute_url()).url == firms["luxin"].get_absolute_url()
    merge = firms["luxin"].merges.get()
    client.post(_url("split", merge.pk))
    assert Organisation.objects.filter(pk=twin.pk).exists()
    assert client.post(_url("merge"), {"kept": twin.pk, "absorbed": twin.pk}).status_code == 422
    assert (
        as_role("officer").post(_url("merge"), {"kept": firms["luxin"].pk, "absorbed": twin.pk}).status_code
        == 403
    )


def test_typing_a_new_one_warns_and_masks_what_is_somebody_elses(firms, people, as_role):
    elsewhere = Department.objects.create(code="south", name="南方分局")
    owner = people["head"]
    owner.department = elsewhere
    owner.save()
    actions.save_organisation(people["officer"], firms["luxin"], owner=owner)
    client = as_role("officer")
    masked = client.get(_url("similar"), {"name": "鲁新贵金属"}).content.decode()
    assert "鲁鑫" not in masked
    assert owner.name in masked
    open_ = client.get(_url("similar"), {"name": "赵金矿业"}).content.decode()
    assert "招金矿业" in open_
    assert client.get(_url("similar"), {"name": "全然不同的新单位"}).content.decode().strip() == ""
    for odd in ("", "金", "😀", "招" * 400, "\x00"):
        assert client.get(_url("similar"), {"name": odd}).status_code == 200


def test_new_and_edit_through_the_page(as_role, people):
    client = as_role("officer")
    page = client.post(
        _url("new"),
        {
            "name": "龙口罗山食品有限公司",
            "kind": "company",
            "uscc": CODE[:-1] + ("0" if CODE[-1] != "0" else "1"),
        },
    )
    assert page.status_code == 422
    assert "校验位" in page.content.decode()
    spaced = f"{CODE[:8]} {CODE[8:]}"
    made = client.post(_url("new"), {"name": "龙口罗山食品有限公司", "kind": "company", "uscc": spaced})
    obj = Organisation.objects.get()
    assert made.url == obj.get_absolute_url()
    assert obj.uscc == CODE
    client.post(
        _url("edit", obj.pk),
        {
            "name": "山东罗山食品股份有限公司",
            "kind": "company",
            "uscc": CODE,
            "renamed_on": "2024-05-01",
            "version": obj.version,
        },
    )
    obj.refresh_from_db()
    former = obj.aliases.get()
    assert (obj.name, former.name, former.kind, former.valid_to) == (
        "山东罗山食品股份有限公司",
        "龙口罗山食品有限公司",
        "former",
        dt.date(2024, 4, 30),
    )
    stale = client.post(
        _url("edit", obj.pk), {"name": "别的名字公司", "kind": "company", "uscc": CODE, "version": 1}
    )
    assert stale.status_code == 409
    assert Provenance.objects.filter(object_id=obj.pk, field="name").count() >= 2


def test_an_exchange_asks_for_one_thing_and_defaults_the_rest(as_role, firms):
    client = as_role("officer")
    page = client.get(firms["group"].get_absolute_url()).content.decode()
    assert (
        page.count(" required") <= 3 + page.count('id="id_name" ') + 2
    )  # alias and link forms lie folded beside it
    client.post(
        _url("interact", firms["group"].pk),
        {"note": "电话里说下周来看地", "kind": "call", "on": dt.date.today().isoformat()},
    )
    made = Interaction.objects.get()
    assert (made.organisation, made.on) == (firms["group"], dt.date.today())
    tomorrow = (dt.date.today() + dt.timedelta(days=2)).isoformat()
    late = client.post(_url("interact", firms["group"].pk), {"note": "x", "kind": "call", "on": tomorrow})
    assert late.status_code == 422
    assert client.post(_url("interact", firms["group"].pk), {"kind": "call", "on": ""}).status_code == 422
    assert Interaction.objects.count() == 1


def test_required_fields_of_an_exchange(firms):
    from zhaoyin.desk.parties.forms import InteractionForm

    required = [
        name for name, field in InteractionForm(organisation=firms["group"]).fields.items() if field.required
    ]
    assert required == ["kind", "on", "note"]


def test_links_make_sense(firms, officer):
    actions.add_link(officer, firms["mining"], other=firms["group"], kind="group")
    with pytest.raises(Refusal) as circle:
        actions.add_link(officer, firms["group"], other=firms["mining"], kind="group")
    assert circle.value.code == "link.circle"
    with pytest.raises(Refusal) as itself:
        actions.add_link(officer, firms["group"], other=firms["group"], kind="holds")
    assert itself.value.code == "link.self"
    with pytest.raises(Refusal) as none:
        actions.add_link(officer, firms["group"], other=firms["luxin"], kind="member")
    assert none.value.code == "link.no_association"
    with pytest.raises(Refusal):
        actions.add_link(officer, firms["group"], other=firms["luxin"], kind="holds", share_percent=120)


def test_members_of_an_association_are_a_list_for_leads(firms, officer, as_role):
    for key in ("group", "luxin"):
        actions.add_link(officer, firms[key], other=firms["guild"], kind="member")
    actions.add_interaction(officer, firms["group"], note="见过")
    assert next(o.name for o in queries.members(firms["guild"])) == "鲁鑫贵金属"
    page = as_role("officer").get(_url("members", firms["guild"].pk)).content.decode()
    assert "招金集团" in page
    assert "鲁鑫贵金属" in page
    assert as_role("head").get(_url("members", firms["guild"].pk) + "?as=xlsx").status_code == 200


def test_a_member_becomes_a_lead_with_the_organisation_behind_it(firms, officer, as_role):
    actions.add_link(officer, firms["luxin"], other=firms["guild"], kind="member")
    client = as_role("officer")
    members = _url("members", firms["guild"].pk)
    page = client.get(members + "?projects=none").content.decode()
    found = re.search(r'href="(/projects/new/\?organisation=[^"]+)"', page)
    form = client.get(html.unescape(found.group(1)))
    assert form.context["form"].initial["source"] == firms["guild"].name
    client.post(
        "/projects/new/", {"name": "鲁鑫贵金属扩产", "organisation": firms["luxin"].pk, "source": "协会"}
    )
    assert [p.name for p in firms["luxin"].projects.all()] == ["鲁鑫贵金属扩产"]
    assert firms["luxin"].name not in client.get(members + "?projects=none").content.decode()
    assert client.get("/projects/new/?organisation=99999999999999999999").status_code == 200


def test_contact_details_need_purpose_consent_and_expiry(as_role, firms):
    client = as_role("officer")
    url = _url("new-contact", firms["group"].pk)
    refused = client.post(url, {"name": "王某", "phone": "0535-1234567"})
    assert refused.status_code == 422
    assert not Contact.objects.exists()
    client.post(
        url,
        {
            "name": "王某",
            "phone": "0535-1234567",
            "purpose": "项目洽谈",
            "consent_on": "2026-01-01",
            "expires_on": "2026-06-30",
        },
    )
    contact = Contact.objects.get()
    assert contact.organisation == firms["group"]
    assert list(queries.expiring()) == [contact] if dt.date.today() >= dt.date(2026, 5, 31) else True
    client.post(_url("forget-contact", contact.pk))
    contact.refresh_from_db()
    assert contact.phone == ""
    assert PersonKey.objects.get(subject=f"contact:{contact.pk}").destroyed_at


def test_pages_answer_for_every_role(as_role, firms, people):
    for role in people:
        client = as_role(role)
        expected = 403 if role == "admin" else 200
        assert client.get(firms["group"].get_absolute_url()).status_code == expected
        assert client.get(_url("duplicates")).status_code == expected


def test_a_link_is_typed_by_any_known_spelling_and_says_what_is_near(as_role, firms, officer):
    actions.add_alias(officer, firms["group"], name="招金")
    client = as_role("officer")
    wrong = client.post(_url("link", firms["mining"].pk), {"kind": "group", "other_name": "赵晋集团"})
    assert wrong.status_code == 422
    assert "是不是：招金集团" in wrong.content.decode()
    client.post(
        _url("link", firms["mining"].pk), {"kind": "holds", "other_name": "招金", "share_percent": "51"}
    )
    link = firms["mining"].links.get()
    assert (link.other, link.kind, link.share_percent) == (firms["group"], "holds", 51)
    page = client.get(firms["mining"].get_absolute_url()).content.decode()
    assert "51" in page


def test_a_material_arrives_with_candidates_for_its_organisations(firms, officer, as_role, read_now):
    material = read_now(
        officer, "招远市在深圳举办推介会，赵晋集团与卢新贵金属有限公司签订战略合作协议，项目总投资2亿元。"
    )
    page = as_role("officer").get(material.get_absolute_url()).content.decode()
    assert "疑为" in page
    assert "招金集团" in page
    assert "同音" in page
