"""What a register of firms and the ledger say together: who is of a segment, who the rivals are, who opens the door."""

import datetime as dt
import re

import pytest

from zhaoyin.base.dates import today
from zhaoyin.base.errors import Refusal
from zhaoyin.desk.chains import actions, ground, queries
from zhaoyin.desk.chains.models import Membership, Standing
from zhaoyin.desk.evidence.models import AuditEntry, Provenance
from zhaoyin.desk.parties import actions as parties
from zhaoyin.desk.parties.models import Link
from zhaoyin.desk.sites.models import Region
from zhaoyin.valuechain import CodeTable


def reckoned(chain, actor):
    found = ground.reckon(chain.current)
    return actions.keep_standing(actor, chain, chain.current, found)


def member(chain, node_id, name):
    return chain.members.get(node_id=node_id, name=name)


# ---- membership --------------------------------------------------------------------------------------------------


def test_local_firms_are_kept_with_what_says_so(gold, people, register):
    standing = reckoned(gold, people["head"])
    mining = gold.members.filter(node_id="mining")
    assert mining.count() == 12 and {m.method for m in mining} == {"code"} and all(m.counted for m in mining)
    wire = member(gold, "bonding_wire", "招远甲电子材料有限公司")
    assert (wire.method, wire.evidence, wire.counted, wire.open) == ("term", "键合丝", False, True)
    salts = member(
        gold, "gold_salts", "招远乙化工有限公司"
    )  # by its words, though its code is of another trade
    assert "氰化亚金钾" in salts.evidence and salts.industry == "1011"
    assert standing.report["read"] > 12 and not gold.members.filter(is_demo=True).exists()
    assert AuditEntry.objects.filter(verb="chain.members").count() == 1


def test_a_person_has_the_last_word_and_it_counts(gold, people, register):
    before = reckoned(gold, people["head"]).report["nodes"]
    assert before["bonding_wire"]["estimated"] and before["bonding_wire"]["n_eff"] is None
    wire = member(gold, "bonding_wire", "招远甲电子材料有限公司")
    one_mine = gold.members.filter(node_id="mining").first()
    actions.judge_member(people["officer"], wire, belongs=True)
    actions.judge_member(people["officer"], one_mine, belongs=False)
    assert Provenance.objects.get(object_id=wire.pk, field="belongs").mark == "claimed"
    after = reckoned(gold, people["head"]).report["nodes"]
    assert after["bonding_wire"]["firms"] == 1 and not after["bonding_wire"]["estimated"]
    assert after["bonding_wire"]["n_eff"] == 1 and "single" in after["bonding_wire"]["kinds"]
    assert after["mining"]["firms"] == before["mining"]["firms"] - 1 == 11
    wire.refresh_from_db()
    assert wire.method == "human" and wire.belongs and wire.decided_by == people["officer"]
    assert gold.members.filter(node_id="bonding_wire", firm_id=wire.firm_id).count() == 1


def test_the_page_lists_them_and_takes_the_judgement(gold, people, register, as_role):
    reckoned(gold, people["head"])
    wire = member(gold, "bonding_wire", "招远甲电子材料有限公司")
    page = f"/chains/{gold.pk}/segments/bonding_wire/"
    assert "待认定，用词：" in as_role("officer").get(page).content.decode()
    done = as_role("officer").post(
        f"/chains/members/{wire.pk}/judge/", {"belongs": "1", "seen": wire.version}
    )
    assert done.status_code == 302 and "认定属于" in as_role("officer").get(page).content.decode()
    late = as_role("head").post(f"/chains/members/{wire.pk}/judge/", {"belongs": "0", "seen": wire.version})
    assert late.status_code == 409
    assert as_role("leader").post(f"/chains/members/{wire.pk}/judge/", {"belongs": "0"}).status_code == 403


def test_synthetic_firms_are_judged_by_demo_accounts_only(gold, people, universe):
    people["head"].is_demo = True
    people["head"].save()
    reckoned(gold, people["head"])
    made = Membership.objects.filter(is_demo=True).first()
    with pytest.raises(Refusal):
        actions.judge_member(people["officer"], made, belongs=True)


# ---- rivals and peers --------------------------------------------------------------------------------------------


def test_rivals_are_named_with_what_they_have(gold, people, register, as_role):
    standing = reckoned(gold, people["head"])
    rows = {r.node.node_id: r for r in queries.segments(gold, standing)}
    jewellery = rows["jewellery"]
    kinds = {v["region"]: v["kind"] for v in jewellery.found["contested"]["who"]}
    assert {"370614", "370683"} <= {r for r, k in kinds.items() if k in ("neighbour", "alike")}
    body = as_role("officer").get(f"/chains/{gold.pk}/segments/jewellery/").content.decode()
    assert "烟台 蓬莱区" in body and "更近且已有" in body
    assert jewellery.rival_firms and all(f["region"] in kinds for f in jewellery.found["rival_firms"])


def test_named_rivals_come_by_code_or_name_and_nonsense_is_refused_by_name(gold, people, register, as_role):
    client = as_role("head")
    url = f"/chains/{gold.pk}/rivals/"
    assert client.post(url, {"rivals": "440303\n烟台市莱州市、370685\n110107"}).status_code == 302
    gold.refresh_from_db()
    assert gold.rivals == ["440303", "370683", "110107"]  # the region itself is no rival of its own
    for wrong, said in (("没有市", "没有“没有市”"), ("鼓楼区", "有 4 个"), ("999999", "999999")):
        refused = client.post(url, {"rivals": wrong})
        body = refused.content.decode()
        assert refused.status_code == 422 and said in body and f">{wrong}</textarea>" in body, wrong
    standing = reckoned(gold, people["head"])
    assert standing.report["rival_kinds"]["440303"] == "named"
    assert standing.report["rivals_absent"] == ["110107"]
    assert "石景山区" in client.get(f"/chains/{gold.pk}/position/").content.decode()
    assert as_role("officer").post(url, {"rivals": ""}).status_code == 403


def test_suppliers_are_compared_with_regions_of_similar_size(gold, people, register, as_role):
    standing = reckoned(gold, people["head"])
    mining = standing.report["nodes"]["mining"]
    assert mining["n_eff"] == pytest.approx(12) and mining["peers"] >= 8
    assert 1 <= mining["peer_quartile"] <= 4
    body = as_role("officer").get(f"/chains/{gold.pk}/segments/mining/").content.decode()
    assert "个规模相近地区的下四分位" in body


def test_a_region_of_three_firms_gets_no_figures_but_the_reason(gold, people, register, as_role):
    Region.objects.update(adcode="110106")
    standing = reckoned(gold, people["head"])
    for node in standing.report["nodes"].values():
        assert node["lq"] is None and node["density"] is None and node["severity"] is None
    for page in ("", "position/", "segments/mining/"):
        body = as_role("officer").get(f"/chains/{gold.pk}/{page}").content.decode()
        assert "全地区只有 3 家企业，少于 30 家" in body, page
        assert "LQ 0" not in body and not re.search(r"\bnan\b", body, re.IGNORECASE)


# ---- the shortlist: doors and distances --------------------------------------------------------------------------


def listed(chain, standing, name="深圳丙珠宝有限公司"):
    found = ground.shortlisted(chain.current, "jewellery", standing)
    return next(e for e in found.entries if e.name == name)


def test_without_a_ledger_the_tie_is_unknown_and_the_distance_an_estimate(gold, people, register):
    entry = listed(gold, reckoned(gold, people["head"]))
    assert "tie" in entry.unknown and "reach" not in entry.unknown
    assert 1500 < entry.row["distance_km"] < 1600 and "粗估" in entry.row["distance_said"][0]


def test_centroids_make_the_distance_exact(gold, people, register, written):
    table = CodeTable("GB/T 2260", {"370685": "招远市", "440300": "深圳市"}, {}, {"370685": (37.36, 120.40), "440300": (22.54, 114.06)})  # fmt: skip
    file = CodeTable.file_in(written, "GB/T 2260")
    table.save(file)
    try:
        entry = listed(gold, None)
    finally:
        file.unlink()
    assert 1700 < entry.row["distance_km"] < 1800 and "坐标" in entry.row["distance_said"][0]


@pytest.fixture
def firms(people):
    """The same firm in the ledger, and a local one."""
    head = people["head"]
    theirs = parties.save_organisation(head, name="深圳丙珠宝有限公司")
    ours = parties.save_organisation(head, name="招远银楼有限公司", place="招远市")
    return theirs, ours


def by_shares(head, theirs, ours):
    parties.add_link(head, theirs, other=ours, kind=Link.Kind.HOLDS, share_percent=30)
    return "与本地招远银楼有限公司有股权关系 30%"


def by_group(head, theirs, ours):
    group = parties.save_organisation(head, name="戊集团")
    parties.add_link(head, theirs, other=group, kind=Link.Kind.GROUP)
    parties.add_link(head, ours, other=group, kind=Link.Kind.GROUP)
    return "与本地招远银楼有限公司同属戊集团"


def by_membership(head, theirs, ours):
    guild = parties.save_organisation(head, name="己商会", kind="association")
    parties.add_link(head, theirs, other=guild, kind=Link.Kind.MEMBER)
    return "是己商会会员"


def by_meeting(head, theirs, ours):
    parties.add_interaction(head, theirs, on=today() - dt.timedelta(days=3), note="谈了厂房", kind="visit_in")
    return "最近一次往来"


@pytest.mark.parametrize("tie", [by_shares, by_group, by_membership, by_meeting])
def test_the_ledger_says_who_opens_the_door(gold, people, register, firms, tie):
    said = tie(people["head"], *firms)
    entry = listed(gold, None)
    assert "tie" not in entry.unknown and said in entry.row["tie_said"][0]
    assert listed(gold, None, "深圳丁首饰有限公司").row["tie"] is None


def test_named_together_in_a_material(gold, people, register, read_now):
    material = read_now(
        people["officer"], "7月1日，招远银楼有限公司与深圳丙珠宝有限公司签订首饰加工项目合同。"
    )
    theirs = parties.save_organisation(people["head"], name="深圳丙珠宝有限公司")
    ours = parties.save_organisation(people["head"], name="招远银楼有限公司", place="招远市")
    for one in (theirs, ours):
        Provenance.objects.filter(object_id=one.pk, content_type__model="organisation").update(
            material=material
        )
    assert "与招远银楼有限公司同见于材料" in listed(gold, None).row["tie_said"][0]


def test_two_firms_of_one_group_are_one_approach(gold, people, register, firms):
    by_group(people["head"], *firms)
    other = parties.save_organisation(people["head"], name="深圳丁首饰有限公司")
    parties.add_link(people["head"], other, other=Link.objects.first().other, kind=Link.Kind.GROUP)
    found = ground.shortlisted(gold.current, "jewellery", None)
    names = [e.name for e in found.entries]
    assert "深圳丙珠宝有限公司" in names and "深圳丁首饰有限公司" not in names and found.removed["group"] == 1


def test_an_unreadable_universe_takes_the_list_and_not_the_page(gold, people, as_role, tmp_path, settings):
    settings.DATA = tmp_path
    (tmp_path / "universe").mkdir()
    (tmp_path / "universe" / "universe.json").write_text("{", encoding="utf-8")
    shown = as_role("officer").get(f"/chains/{gold.pk}/segments/gold_salts/")
    assert shown.status_code == 200 and "40%+" in shown.content.decode()
    assert f'hx-get="/chains/{gold.pk}/segments/gold_salts/shortlist/"' in shown.content.decode()
    for place in ("shortlist/", "?list=1"):  # by itself, and for who has no scripts
        listed = as_role("officer").get(f"/chains/{gold.pk}/segments/gold_salts/{place}")
        assert listed.status_code == 200 and "universe.json" in listed.content.decode()
    refused = as_role("officer").post(f"/chains/{gold.pk}/reckon/")
    assert refused.status_code == 422 and not Standing.objects.exists()


# ---- codes -------------------------------------------------------------------------------------------------------


def test_a_code_that_is_not_in_the_loaded_table_is_refused_by_name(gold, as_role, tmp_path, settings):
    settings.DATA = tmp_path
    texts = queries.as_csv(gold.current.graph)
    texts["node_code"] = texts["node_code"].replace("mining,0921,", "mining,9921,", 1)
    known = {c.code: c.code for c in gold.current.graph.codes}
    CodeTable("GB/T 4754-2017", {**known, "0921": "金矿采选"}).save(CodeTable.file_in(tmp_path))
    shown = as_role("head").post(f"/chains/{gold.pk}/edit/", {**texts, "act": "save", "seen": gold.version})
    assert "代码 9921 不在 GB/T 4754-2017 里" in shown.content.decode() and gold.versions.count() == 1
    assert not Standing.objects.exists()
