import json
import shutil
from pathlib import Path

import pytest

from zhaoyin.base.errors import Refusal
from zhaoyin.packs import load_pack, pack_names


@pytest.fixture(scope="module")
def zhaoyuan():
    return load_pack("zhaoyuan")


@pytest.fixture
def copy(tmp_path) -> Path:
    """A region that started from the template, as another city would."""
    return Path(shutil.copytree(load_pack("template").folder, tmp_path / "city"))


def test_the_template_is_a_pack_but_not_one_that_ships_as_a_region():
    assert "template" not in pack_names()
    assert load_pack("template").departments


def test_the_tree_of_places(zhaoyuan):
    kinds = {}
    for place in zhaoyuan.places:
        kinds.setdefault(place.kind, []).append(place.name)
    assert kinds["zone"] == ["招远经济技术开发区"]
    assert {"中德新材料产业园", "生物医药产业园", "双创示范园区", "国际黄金创意产业园"} == set(kinds["park"])
    assert kinds["functional_zone"] == ["东部功能区", "西部功能区", "沿海功能区"]
    assert set(kinds["base"]) == {"珠宝城", "矿山机械产业集群"}
    areas = {p.code: (p.area_m2, p.area_text) for p in zhaoyuan.places if p.area_m2}
    assert areas["gold-creative"] == (pytest.approx(1000 * 2000 / 3, abs=0.01), "1000亩")
    assert areas["machinery-cluster"] == (2_000_000, "两平方公里")


def test_damaged_spellings_are_unverified_aliases_of_the_right_name(zhaoyuan):
    found = {
        alias.name: row.name
        for row in (*zhaoyuan.places, *zhaoyuan.organisations, *zhaoyuan.policy_names, *zhaoyuan.events)
        for alias in row.aliases
        if alias.kind == "damaged"
    }
    for damaged, right in {
        "赵晋集团": "招金集团",
        "赵金矿业": "招金矿业",
        "赵晋银楼": "招金银楼",
        "赵晋立夫": "招金励福",
        "赵晋力富": "招金励福",
        "卢新贵金属": "鲁鑫贵金属",
        "罗丰街道": "罗峰街道",
        "碧果镇": "毕郭镇",
        "中国矿业集团": "中矿集团",
        "中德高新技术产业园区": "中德新材料产业园",
        "金都聚财计划": "金都聚才计划",
        "第十三届黄金周": "招远黄金节",
    }.items():
        assert found[damaged] == right
    aliases = [a for row in (*zhaoyuan.places, *zhaoyuan.organisations) for a in row.aliases]
    assert aliases
    assert not any(alias.verified for alias in aliases)


def test_nothing_rests_on_more_than_one_unverified_report(zhaoyuan):
    assert zhaoyuan.citation("article").standing_text("en") == "one press report, unverified"
    for table in ("places", "organisations", "events", "claims", "policy_names", "instruments", "corridors"):
        for row in getattr(zhaoyuan, table):
            assert zhaoyuan.citation(row.cite).standing in {"press", "general", "official"}, row.code
    assert {zhaoyuan.citation(d.cite).standing for d in zhaoyuan.departments} == {"written"}


def test_what_the_report_counts(zhaoyuan):
    festival = zhaoyuan.events[0]
    assert (festival.editions_held, festival.month, festival.next_edition) == (12, 8, 13)
    shares = {c.product: (c.bound, c.value, c.unit) for c in zhaoyuan.claims if c.measure == "market_share"}
    assert shares == {"金盐": ("at_least", 40, "%"), "键合丝": ("at_least", 60, "%")}
    assert zhaoyuan.corridors[0].source_adcode == "440300"


def test_the_demo_announcement_has_the_shape_of_the_real_one(zhaoyuan):
    text = zhaoyuan.demo_announcement.read_text(encoding="utf-8")
    gold = json.loads(zhaoyuan.demo_announcement.with_suffix(".json").read_text(encoding="utf-8"))
    assert text.startswith("【演示材料】")
    assert [p["agreement"] for p in gold["projects"]] == ["strategic"] * 3 + ["project"] * 3 + [None] * 6
    assert (gold["events"][0]["attendees"], gold["events"][0]["signed_count"]) == (200, 12)
    assert all(p["amount_wan"] is None for p in gold["projects"])
    kinds = [c["kind"] for c in gold["carriers"]]
    assert kinds.count("functional_zone") == 3
    assert len(gold["people"]) == 2
    items = [
        i
        for key in ("events", "projects", "carriers", "people", "policies", "industry_claims")
        for i in gold[key]
    ]
    for item in items:
        assert item["evidence"] in text
    for name in gold["organisations"]:
        assert name in text
    # Invented from end to end: none of the pack's own organisations may appear in it.
    assert not [o.name for o in zhaoyuan.organisations if o.name in text]


BROKEN = [
    # file, what is written there, code, line, words of the Chinese sentence
    ("places.yaml", "- code: a\n  kind: zone\n  name: 甲\n", "pack_value", 1, "cite"),
    ("places.yaml", "- {code: a, kind: zone, name: 甲, cite: zone-website}\n- {code: b, kind: zome, name: 乙, cite: zone-website}\n", "pack_value", 2, "zome"),
    ("places.yaml", "- code: a\n  kind: zone\n  name: 甲\n  cite: zone-website\n  aera_m2: 3\n", "pack_value", 5, "aera_m2"),
    ("places.yaml", "- code: a\n  kind: zone\n  name: 甲\n  cite: nobody\n", "pack_reference", 4, "nobody"),
    ("places.yaml", "- {code: a, kind: zone, name: 甲, cite: zone-website}\n- {code: a, kind: park, name: 乙, cite: zone-website}\n", "pack_duplicate", 2, "两次"),
    ("places.yaml", "- {code: b, kind: park, name: 乙, parent: a, cite: zone-website}\n- {code: a, kind: zone, name: 甲, cite: zone-website}\n", "pack_reference", 1, "上面"),
    ("places.yaml", "- code: a\n  code: b\n", "pack_duplicate", 2, "写了两次"),
    ("places.yaml", "- code: a\n  name: [甲\n", "pack_syntax", 3, "YAML"),
    ("places.yaml", "code: a\n", "pack_value", 1, "列表"),
    ("places.yaml", "- code: a\n  kind: park\n  name: 甲\n  cite: zone-website\n  area_m2: -4\n", "pack_value", 5, "-4"),
    ("places.yaml", "- code: A城\n  kind: park\n  name: 甲\n  cite: zone-website\n", "pack_value", 1, "code"),
    ("places.yaml", "- code: a\n  kind: park\n  name: 甲\n  cite: zone-website\n  aliases: [{name: 乙, cite: gone}]\n", "pack_reference", 5, "gone"),
    ("pack.yaml", "code: x\nname: 甲\nname_en: A\nadcode: 3706\ntitle: t\ntitle_en: t\n", "pack_value", 4, "adcode"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "text", "code", "line", "words"), BROKEN)
def test_a_slip_is_refused_with_file_and_line(copy, file, text, code, line, words):
    (copy / file).write_text(text, encoding="utf-8")
    with pytest.raises(Refusal) as caught:
        load_pack(copy)
    assert caught.value.code == code
    assert caught.value.where == f"{copy / file}:{line}"
    assert f"第 {line} 行" in caught.value.zh
    assert words in caught.value.zh
    assert f"line {line}" in caught.value.en


def test_wrong_encoding_names_the_line(copy):
    (copy / "places.yaml").write_bytes("# 第一行\n- {code: a, name: 甲}\n".encode("gb18030"))
    with pytest.raises(Refusal) as caught:
        load_pack(copy)
    assert caught.value.code == "pack_encoding"


def test_absent_tables_are_empty_and_absent_citations_are_not_forgiven(copy):
    (copy / "departments.yaml").unlink()
    assert load_pack(copy).departments == ()
    (copy / "citations.yaml").unlink()
    with pytest.raises(Refusal, match=r"citations.yaml"):
        load_pack(copy)


def test_an_unknown_name_lists_the_packs_there_are():
    with pytest.raises(Refusal) as caught:
        load_pack("atlantis")
    assert "zhaoyuan" in caught.value.zh


@pytest.mark.shared
def test_the_names_match_the_real_report(zhaoyuan, shared):
    text = (shared / "seed" / "article.txt").read_text(encoding="utf-8")
    for row in (*zhaoyuan.places, *zhaoyuan.organisations, *zhaoyuan.policy_names, *zhaoyuan.instruments):
        written = [row.name] if row.cite == "article" else []
        written += [alias.name for alias in row.aliases if alias.cite == "article"]
        for name in written:
            assert name in text, (row.code, name)
