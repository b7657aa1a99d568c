"""Reading own small texts: every form a signing comes in, with the facts a careful reader finds."""

from pathlib import Path

import pytest

from zhaoyin.reading import Lexicon, load, read

TEXTS = Path(__file__).parent / "texts"


def of(name: str):
    return read((TEXTS / f"{name}.txt").read_text(encoding="utf-8"))


def by_name(facts, part: str):
    found = [fact for fact in facts if part in fact.name]
    assert len(found) == 1, (part, [fact.name for fact in facts])
    return found[0].fields


@pytest.fixture(scope="module")
def promotion():
    return of("promotion")


def test_the_event_has_its_day_place_guests_and_signings(promotion):
    (event,) = promotion.events
    assert event.fields == {
        "name": "2024年江湾县（上海）智能装备产业招商推介会",
        "kind": "promotion",
        "date": "2024-09-12",
        "venue": "上海虹桥国际会议中心",
        "attendees": 180,
        "signed_count": 8,
        "signed_amount_wan": 364000,
        "signed_amount_text": "36.4亿元",
    }


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        (
            "高精密减速机",
            {
                "investors": ["苏州恒拓传动科技有限公司", "无锡方舟轴承有限公司"],
                "amount_wan": 65000,
                "place": "江湾经济开发区智造园",
                "stage": "signed",
                "agreement": "project",
                "sector": "equipment",
            },
        ),
        (
            "液流储能电池",
            {"investors": ["上海澄澈能源科技有限公司"], "amount_wan": 120000, "sector": "energy_environment"},
        ),
        (
            "战略合作协议",
            {"local_party": "江湾县人民政府", "investors": ["东湖理工大学"], "agreement": "strategic"},
        ),
        (
            "即食笋干加工",
            {"local_party": "江湾县青石镇人民政府", "investors": ["宁波远帆食品有限公司"], "place": "青石镇"},
        ),
        ("柔性传感器封装", {"stage": "signed", "sector": "electronics"}),
        ("废旧锂电池梯次利用", {"stage": "signed"}),
        ("江畔民宿集群", {"stage": "signed", "sector": "culture_tourism"}),
    ],
)
def test_each_signing_is_read(promotion, name, fields):
    found = by_name(promotion.projects, name)
    assert {key: found.get(key) for key in fields} == fields


def test_no_signing_is_invented(promotion):
    assert len(promotion.projects) == 7


def test_a_chamber_that_brought_the_parties_together_is_no_investor(promotion):
    assert "上海市江湾商会" in {fact.name for fact in promotion.organisations}
    assert all("商会" not in name for fact in promotion.projects for name in fact.fields.get("investors", ()))


def test_people_with_titles_and_no_byline(promotion):
    people = {fact.name: (fact.fields["title"], fact.fields.get("org")) for fact in promotion.people}
    assert people == {
        "梁文柏": ("县委书记", None),
        "沈一舟": ("县委副书记、县长", None),
        "顾念之": ("副会长", "上海市装备工业促进会"),
        "何叙白": ("董事长", "澄澈能源"),
    }


def test_short_forms_stand_beside_full_names(promotion):
    names = {fact.name for fact in promotion.organisations}
    assert {"上海澄澈能源科技有限公司", "澄澈能源"} <= names


def test_policies_and_funds(promotion):
    names = {fact.name for fact in promotion.policies}
    assert {"江湾县支持储能产业发展十二条", "江湾县智能装备产业基金"} <= names


def test_a_carrier_with_area_and_industries(promotion):
    zone = by_name(promotion.carriers, "江湾经济开发区")
    assert zone["area_mu"] == 31500
    assert zone["focus"] == ["智能装备", "新型储能", "绿色食品"]


def test_a_table_of_projects_is_a_ledger():
    reading = of("ledger")
    assert reading.kind == "ledger"
    rows = {fact.name: fact.fields for fact in reading.projects}
    assert list(rows) == ["工业机器人关节模组", "预制菜中央工厂", "海洋碳汇监测平台"]
    assert rows["工业机器人关节模组"]["amount_wan"] == 52000
    assert rows["工业机器人关节模组"]["local_party"] == "双溪经开区管委会"
    assert rows["预制菜中央工厂"]["investors"] == ["广州食间食品有限公司", "双溪区供销集团有限公司"]
    assert rows["预制菜中央工厂"]["stage"] == "construction"
    assert "investors" not in rows["海洋碳汇监测平台"]
    assert rows["海洋碳汇监测平台"]["amount_text"] == "1200万美元"
    assert "amount_wan" not in rows["海洋碳汇监测平台"]


def test_an_announcement_is_no_ledger(promotion):
    assert promotion.kind == "text"


def test_traditional_script_keeps_the_spelling_of_the_source():
    reading = of("traditional")
    (project,) = reading.projects
    assert project.fields["name"] == "微型馬達生產基地"
    assert project.fields["investors"] == ["香港晉輝（國際）電機有限公司"]
    assert project.fields["local_party"] == "雲安縣工業園管委會"
    assert project.fields["amount_text"] == "2.6億港元"
    assert "amount_wan" not in project.fields
    (person,) = reading.people
    assert (person.name, person.fields["title"]) == ("陸懷遠", "雲安縣副縣長")
    (event,) = reading.events
    assert event.fields["attendees"] == 200
    assert "date" not in event.fields


def test_a_policy_gives_its_clauses_as_drafts():
    reading = of("policy")
    assert reading.genre == "policy"
    assert [fact.fields["number"] for fact in reading.clauses] == [
        "第一条",
        "第二条",
        "第三条",
        "第四条",
        "第五条",
    ]
    assert by_name(reading.clauses, "落户奖励")["amount_text"] == "最高300万元"
    names = {fact.name for fact in reading.policies}
    assert {"青川市促进数字产业若干政策", "落户奖励", "算力补贴", "青川市数字产业引导基金"} <= names
    assert not reading.projects


def test_a_park_gives_carriers():
    reading = of("park")
    assert reading.genre == "park_intro"
    north = by_name(reading.carriers, "北岸片区")
    assert (north["kind"], north["area_mu"]) == ("functional_zone", 4200)
    assert north["focus"] == ["光电显示", "半导体材料", "精密模具"]
    assert by_name(reading.carriers, "南岸片区")["focus"] == ["医疗器械", "生物试剂"]
    assert by_name(reading.carriers, "临溪高新区")["kind"] == "zone"


def test_lines_broken_in_mid_word():
    reading = of("wrapped")
    (person,) = reading.people
    assert person.name == "苏见\n深"
    project = by_name(reading.projects, "园综合开发项目")
    assert project["amount_wan"] == 18000
    assert project["place"] == "白鹭镇"
    assert project["stage"] == "negotiating"
    assert project["investors"] == ["四川川\n岭生态农业有限公司"]


def test_a_taught_alias_is_found_next_time():
    text = "昨日，梅朵工坊与河口镇政府签订珠宝加工项目合同。"
    assert "梅朵工坊" not in {fact.name for fact in read(text).organisations}
    taught = Lexicon().with_alias("梅朵工坊", "深圳市梅朵珠宝有限公司")
    reading = read(text, taught)
    assert "梅朵工坊" in {fact.name for fact in reading.organisations}
    assert by_name(reading.projects, "珠宝加工")["investors"] == ["梅朵工坊"]


def test_an_industry_of_the_desk_decides_the_sector():
    text = "会上，苏州远山科技有限公司投资2亿元的蓝晶体项目签约。"
    own = Lexicon(industries={"蓝晶体": "new_materials"})
    assert by_name(read(text, own).projects, "蓝晶体")["sector"] == "new_materials"


def test_a_document_is_read_like_its_text():
    path = TEXTS / "promotion.txt"
    assert read(load(path)).to_schema() == read(path.read_text(encoding="utf-8")).to_schema()


def test_the_schema_has_every_section_and_null_for_what_is_not_said(promotion):
    schema = promotion.to_schema(id="p")
    assert set(schema) == {
        "id",
        "url",
        "genre",
        "region",
        "events",
        "projects",
        "carriers",
        "organisations",
        "people",
        "policies",
        "industry_claims",
    }
    listed = next(item for item in schema["projects"] if item["name"] == "柔性传感器封装")
    assert listed["amount_wan"] is None
    assert listed["investors"] == []


def test_keys_are_stable_and_tell_facts_apart(promotion):
    again = of("promotion")
    keys = [fact.key for fact in promotion.facts]
    assert keys == [fact.key for fact in again.facts]
    assert len(set(keys)) == len(keys)
