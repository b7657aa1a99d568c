import datetime as dt
import io

import pytest
from django.db import DatabaseError, transaction
from openpyxl import load_workbook

from zhaoyin.base.dates import today
from zhaoyin.base.errors import Refusal
from zhaoyin.desk.accounts.actions import system_user
from zhaoyin.desk.chains import actions, ground, queries
from zhaoyin.desk.chains.models import Approach, ChainVersion, Standing, Statement, ValueChain
from zhaoyin.desk.evidence.models import AuditEntry, Provenance
from zhaoyin.desk.projects.models import Project
from zhaoyin.packs import load_pack
from zhaoyin.valuechain import Chain


def reckoned(chain, actor):
    found = ground.reckon(chain.current)
    return actions.keep_standing(actor, chain, chain.current, found)


# ---- the pack ----------------------------------------------------------------------------------------------------


def test_loading_the_pack_twice_changes_nothing(gold):
    assert actions.load_pack_chains(system_user(), load_pack("zhaoyuan")) == 0
    assert ChainVersion.objects.count() == 1 and Statement.objects.count() == len(gold.current.graph.claims)


def test_statements_are_said_and_cite_the_report(gold):
    share = gold.statements.get(node_id="gold_salts", kind="share")
    proof = Provenance.objects.get(object_id=share.pk, field="statement", content_type__model="statement")
    assert proof.mark == "said" and "未核实" in proof.citation and "招金励福" in proof.note
    assert share.share == "40%+" and share.year is None


# ---- without a universe ------------------------------------------------------------------------------------------


def test_without_a_universe_only_statements_show_and_the_page_says_what_to_load(gold, as_role, no_universe):
    client = as_role("officer")
    for page in ("", "position/", "segments/gold_salts/"):
        body = client.get(f"/chains/{gold.pk}/{page}").content.decode()
        assert "zhaoyin universe import" in body, page
        assert "LQ 0" not in body
    body = client.get(f"/chains/{gold.pk}/").content.decode()
    assert "40%+" in body and "60%+" in body and "年份未载明" in body
    refused = client.post(f"/chains/{gold.pk}/reckon/")
    assert refused.status_code == 422 and "企业库" in refused.content.decode()
    assert not Standing.objects.exists()


# ---- with one ----------------------------------------------------------------------------------------------------


def test_a_synthetic_universe_never_speaks_for_a_real_region(gold, officer, universe):
    with pytest.raises(Refusal) as caught:
        reckoned(gold, officer)
    assert caught.value.code == "chains.synthetic" and not Standing.objects.exists()


def test_reckoning_keeps_every_figure_with_its_formula(gold, demo, universe):
    standing = reckoned(gold, demo["officer"])
    assert standing.synthetic and standing.is_demo and standing.region == "370685"
    proof = Provenance.objects.get(
        object_id=standing.pk, field="mining.firms", content_type__model="standing"
    )
    assert proof.mark == "estimate" and "synthetic" in proof.citation and proof.note
    counted = standing.report["nodes"]
    assert set(counted) == {n.node_id for n in gold.current.graph.leaves}
    marked = {p.field for p in Provenance.objects.filter(content_type__model="standing")}
    for node_id, node in counted.items():
        for name in actions.FIGURES:
            assert (f"{node_id}.{name}" in marked) == (node[name] is not None)


def test_who_says_so_names_the_figure_in_words(gold, demo, universe, as_role):
    standing = reckoned(gold, demo["officer"])
    page = as_role("officer").get(f"/provenance/chains.standing/{standing.pk}/mining.firms/").content.decode()
    assert "金矿采选 本地企业" in page and "synthetic" in page


def test_real_firms_come_before_synthetic_ones(gold, demo, universe):
    real = reckoned(gold, demo["officer"])
    Standing.objects.filter(pk=real.pk).update(is_demo=False)
    reckoned(gold, demo["officer"])
    assert queries.standing_of(gold) == real


def test_pages_show_figures_marks_and_the_demo_line(gold, demo, universe, as_role):
    reckoned(gold, demo["officer"])
    client = as_role("officer")
    for page in ("", "position/", "segments/jewellery/", "segments/jewellery/why/"):
        response = client.get(f"/chains/{gold.pk}/{page}")
        body = response.content.decode()
        assert response.status_code == 200 and 'data-proof="estimate"' in body
        if not page.endswith("why/"):
            assert "演示数据" in body
    client.cookies["zhaoyin_language"] = "en"
    english = client.get(f"/chains/{gold.pk}/").content.decode()
    assert "Gold value chain" in english and "Gold mining" in english and "上游" not in english
    assert client.get(f"/chains/{gold.pk}/segments/nowhere/").status_code == 404


def test_the_number_of_queries_does_not_grow_with_the_chain(
    gold, demo, universe, as_role, django_assert_max_num_queries
):
    reckoned(gold, demo["officer"])
    client = as_role("officer")
    with django_assert_max_num_queries(24):
        client.get(f"/chains/{gold.pk}/")


def test_a_changed_chain_says_that_its_figures_are_old(gold, demo, universe, as_role):
    reckoned(gold, demo["officer"])
    tables = gold.current.graph.to_tables()
    tables["node"][0]["name"] = "找矿"
    actions.save_version(demo["head"], gold, graph=Chain.from_tables(tables))
    assert "重新测算后一致" in as_role("officer").get(f"/chains/{gold.pk}/").content.decode()


# ---- leads -------------------------------------------------------------------------------------------------------


def test_ticked_firms_become_leads_with_owner_and_date(gold, demo, universe, as_role):
    standing = reckoned(gold, demo["officer"])
    firms = [e.firm_id for e in ground.shortlisted(gold.current, "jewellery", standing).entries[:2]]
    until = today() + dt.timedelta(days=30)
    client = as_role("officer")
    url = f"/chains/{gold.pk}/segments/jewellery/leads/"
    done = client.post(url, {"firm": firms, "owner": demo["head"].pk, "expires_on": until.isoformat()})
    assert done.status_code == 302
    approaches = list(Approach.objects.all())
    assert [a.firm_id for a in approaches] == firms and {a.owner for a in approaches} == {demo["head"]}
    for a in approaches:
        assert a.project.stage == "lead" and a.project.officer == demo["head"] and a.project.is_demo
        assert sum(a.contributions.values()) == pytest.approx(a.score)
    body = client.get(f"/chains/{gold.pk}/segments/jewellery/").content.decode()
    assert "在跟 2 条" in body and approaches[0].project.name in body
    again = client.post(url, {"firm": firms[:1], "owner": demo["head"].pk, "expires_on": until.isoformat()})
    assert again.status_code == 422 and "已由" in again.content.decode()
    assert Project.objects.count() == 2


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"firm": []}, "还没有勾选"),
        ({"firm": ["nobody"]}, "已不在其中"),
        ({"expires_on": "soon"}, "2026-12-31"),
        ({"expires_on": "2020-01-01"}, "不在今天之后"),
    ],
)
def test_leads_are_all_or_none(gold, demo, universe, as_role, values, said):
    standing = reckoned(gold, demo["officer"])
    first = ground.shortlisted(gold.current, "jewellery", standing).entries[0].firm_id
    given = {
        "firm": [first],
        "owner": demo["officer"].pk,
        "expires_on": (today() + dt.timedelta(days=9)).isoformat(),
    }
    given |= {k: ([first, *v] if k == "firm" and v else v) for k, v in values.items()}
    refused = as_role("officer").post(f"/chains/{gold.pk}/segments/jewellery/leads/", given)
    assert refused.status_code in (409, 422) and said in refused.content.decode()
    assert not Project.objects.exists() and not Approach.objects.exists()


def test_overdue_leads_count_for_segment_chain_and_person(gold, demo, universe, as_role):
    standing = reckoned(gold, demo["officer"])
    found = ground.shortlisted(gold.current, "jewellery", standing)
    made = actions.make_leads(
        demo["officer"], gold, node_id="jewellery", firm_ids=[e.firm_id for e in found.entries[:3]], found=found,
        owner=demo["officer"], expires_on=today() + dt.timedelta(days=5),
    )  # fmt: skip
    Approach.objects.filter(pk=made[0].pk).update(expires_on=today() - dt.timedelta(days=1))
    Project.objects.filter(pk=made[1].project_id).update(stage="signed")
    segment = next(s for s in queries.segments(gold, standing) if s.node.node_id == "jewellery")
    assert (segment.open_leads, segment.overdue) == (2, 1)
    row = queries.chains_with_counts().get()
    assert (row.open_leads, row.overdue) == (2, 1)
    assert [a.pk for a in queries.overdue_of(demo["officer"])] == [made[0].pk]
    assert made[0].project.name in as_role("officer").get("/").content.decode()


# ---- owners, editor, versions ------------------------------------------------------------------------------------


def test_owners_of_a_segment(gold, people, as_role, no_universe):
    client = as_role("head")
    client.post(f"/chains/{gold.pk}/segments/mining/owners/", {"user": people["leader"].pk, "role": "leader"})
    client.post(f"/chains/{gold.pk}/leader/", {"user": people["leader"].pk})
    gold.refresh_from_db()
    assert gold.leader == people["leader"] and gold.owners.get().role == "leader"
    assert "链长 leader一" in client.get(f"/chains/{gold.pk}/segments/mining/").content.decode()
    client.post(f"/chains/owners/{gold.owners.get().pk}/remove/")
    assert not gold.owners.exists()
    assert (
        client.post(f"/chains/{gold.pk}/segments/no-such/owners/", {"user": people["leader"].pk}).status_code
        == 422
    )


def edited(gold, **replaced):
    texts = queries.as_csv(gold.current.graph)
    for table, (old, new) in replaced.items():
        assert old in texts[table]
        texts[table] = texts[table].replace(old, new, 1)
    return texts


def test_preview_changes_nothing_and_saving_makes_a_version(gold, as_role):
    client = as_role("head")
    texts = edited(gold, node=("金矿采选", "金矿采掘"), node_term=("mining,岩金,include,0.8\n", ""))
    shown = client.post(
        f"/chains/{gold.pk}/edit/", {**texts, "act": "preview", "seen": gold.version}
    ).content.decode()
    assert "<del>金矿采选</del>" in shown and "<ins>金矿采掘</ins>" in shown and "mining / 岩金" in shown
    assert gold.versions.count() == 1
    done = client.post(
        f"/chains/{gold.pk}/edit/", {**texts, "act": "save", "seen": gold.version, "note": "名称"}
    )
    assert done.status_code == 302
    gold.refresh_from_db()
    assert gold.current.number == 2 and gold.current.graph.node("mining").name == "金矿采掘"
    assert gold.versions.get(number=1).graph.node("mining").name == "金矿采选"
    assert AuditEntry.objects.filter(verb="chain.change", object_id=gold.pk, reason="名称").exists()


def test_unchanged_tables_are_no_new_version(gold, as_role):
    texts = queries.as_csv(gold.current.graph)
    shown = as_role("head").post(f"/chains/{gold.pk}/edit/", {**texts, "act": "save", "seen": gold.version})
    assert "没有差别" in shown.content.decode() and gold.versions.count() == 1


@pytest.mark.parametrize(
    ("replaced", "said"),
    [
        ({"node": ("upstream,,3,1", "upstream,mining,3,1")}, "绕成一圈"),
        ({"node_code": ("mining,0921,GB/T 4754-2017,1.0\n", "")}, "没有行业代码"),
        ({"edge": ("mining,smelting", "mining,moon")}, "edge 第"),
    ],
)
def test_a_fault_is_shown_with_its_line_and_the_text_is_kept(gold, as_role, replaced, said):
    texts = edited(gold, **replaced)
    shown = (
        as_role("head")
        .post(f"/chains/{gold.pk}/edit/", {**texts, "act": "save", "seen": gold.version})
        .content.decode()
    )
    assert said in shown and gold.versions.count() == 1
    assert next(iter(replaced.values()))[1][:20] in shown


def test_who_was_quicker_is_named(gold, as_role, people):
    seen = gold.version
    tables = gold.current.graph.to_tables()
    tables["node"][0]["name"] = "找矿"
    actions.save_version(people["head"], gold, graph=Chain.from_tables(tables))
    texts = queries.as_csv(gold.versions.get(number=1).graph) | {"edge": "source,target\nmining,smelting\n"}
    late = as_role("head").post(f"/chains/{gold.pk}/edit/", {**texts, "act": "save", "seen": seen})
    assert late.status_code == 409 and "head一" in late.content.decode()


def test_going_back_is_a_new_version_with_its_difference_shown_first(gold, people, as_role):
    tables = gold.current.graph.to_tables()
    tables["claim"] = [c for c in tables["claim"] if c["node_id"] != "gold_salts"]
    actions.save_version(people["head"], gold, graph=Chain.from_tables(tables))
    assert not gold.statements.filter(node_id="gold_salts").exists()
    client = as_role("head")
    assert "赵晋立夫" in client.get(f"/chains/{gold.pk}/versions/?from=1").content.decode()
    client.post(f"/chains/{gold.pk}/versions/1/restore/")
    gold.refresh_from_db()
    assert gold.current.number == 3 and gold.current.tables == gold.versions.get(number=1).tables
    assert gold.statements.filter(node_id="gold_salts", kind="share").exists()
    assert client.post(f"/chains/{gold.pk}/versions/9/restore/").status_code == 422


def test_a_version_cannot_be_rewritten(gold):
    with pytest.raises(DatabaseError), transaction.atomic():
        ChainVersion.objects.filter(pk=gold.current_id).update(note="x")


# ---- export and permission ---------------------------------------------------------------------------------------


def test_exports_are_permitted_logged_and_safe(gold, demo, universe, as_role):
    reckoned(gold, demo["officer"])
    assert as_role("officer").get(f"/chains/{gold.pk}/export/").status_code == 403
    client = as_role("head")
    sheet = load_workbook(io.BytesIO(client.get(f"/chains/{gold.pk}/export/").content)).active
    rows = list(sheet.values)
    assert (
        len(rows) >= 12 and rows[0][0] == "环节" and any("40%以上" in str(cell) for r in rows for cell in r)
    )
    assert "synthetic" in str(rows[-1][0])
    listed = client.get(f"/chains/{gold.pk}/segments/jewellery/export/")
    assert next(iter(load_workbook(io.BytesIO(listed.content)).active.values))[1] == "企业"
    assert AuditEntry.objects.filter(verb="list.export").count() == 2


@pytest.mark.parametrize(
    ("role", "method", "page", "status"),
    [
        ("department", "get", "", 200),
        ("department", "post", "reckon/", 403),
        ("auditor", "get", "edit/", 403),
        ("officer", "get", "edit/", 403),
        ("leader", "post", "segments/mining/leads/", 403),
        ("admin", "get", "", 403),
    ],
)
def test_who_may(gold, as_role, no_universe, role, method, page, status):
    assert getattr(as_role(role), method)(f"/chains/{gold.pk}/{page}").status_code == status


def test_the_map_has_a_place_for_every_segment_and_the_sankey_no_cycle(gold):
    rows = queries.segments(gold, None)
    drawing = queries.drawing(gold, rows)
    places = {(n["x"], n["y"]) for n in drawing["nodes"]}
    assert len(places) == 11
    assert {f["relation"] for f in drawing["flows"]} >= {"supplies", "recycles"}
    assert all(f["relation"] != "recycles" for f in drawing["sankey"])
    assert [word for word, _, _ in queries.columns(rows)] == ["上游", "中游", "下游"]


def test_a_region_that_is_not_known_is_a_refusal(db, people):
    with pytest.raises(Refusal):
        ground.region_code()
    assert not ValueChain.objects.exists()
