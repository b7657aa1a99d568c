"""The region's own rules: from a pack or a file, checked, picked up without a restart, everything derived by them."""

import shutil

import pytest

from tests.desk.projects.house import D, bring_to, new_project
from zhaoyin.base.errors import Refusal
from zhaoyin.desk import region
from zhaoyin.desk.accounts.actions import system_user
from zhaoyin.desk.projects import actions, derive, queries
from zhaoyin.desk.projects import rules as in_force
from zhaoyin.desk.projects.models import Project
from zhaoyin.packs import HERE, load_pack

pytestmark = pytest.mark.django_db
OWN = """
id: cloudy
version: 4
tracks:
- {code: trial, zh: 中试基地, en: Pilot plant, milestones: [lead, talks, signed, landed, producing]}
gates:
- {code: talks, evidence: []}
lights:
- {code: contact, red: {n: 3, unit: days}}
indicators:
- {id: landed_ratio, version: 2, formula_zh: 拿到土地的项目 ÷ 签约项目}
"""


@pytest.fixture
def pack(tmp_path, settings):
    settings.DATA = tmp_path / "data"
    settings.DATA.mkdir()
    folder = tmp_path / "cloudy"
    shutil.copytree(HERE / "template", folder)
    (folder / "rules.yaml").write_text(OWN, encoding="utf-8")
    return folder


def test_a_packs_rules_come_into_force_when_it_is_loaded(people, pack, client):
    project = bring_to(people, new_project(people, last_contact_on=D(2026, 1, 5)), "talks")
    before = project.rules_version
    region.load(str(pack))
    book = in_force.rules()
    assert book.ref == "cloudy@4" and book.indicators["landed_ratio"].ref == "landed_ratio@2"
    project.refresh_from_db()
    assert before == "default@2" and project.rules_version == "cloudy@4"  # every clock was derived anew
    assert D(2026, 1, 8) >= project.yellow_on and list(derive.check()) == []
    assert region.load(str(pack))["zhaoyin.desk.projects.actions:load_pack_rules"] == 0

    made = new_project(people, name="中试", track="trial")
    assert made.get_track_display() == "中试基地"
    assert [step["code"] for step in queries.track(made)] == [
        "lead",
        "talks",
        "signed",
        "landed",
        "producing",
    ]
    client.force_login(people.officer)
    assert "中试基地" in client.get("/projects/?track=trial").content.decode()
    client.force_login(people.leader)
    assert "landed_ratio@2" in client.get("/figures/").content.decode()


def test_a_changed_file_is_picked_up_at_once(tmp_path, monkeypatch):
    file = tmp_path / "rules.yaml"
    file.write_text(OWN, encoding="utf-8")
    monkeypatch.setenv("ZHAOYIN_RULES", str(tmp_path))
    assert in_force.rules().ref == "cloudy@4"
    file.write_text(OWN.replace("version: 4", "version: 5"), encoding="utf-8")
    import os

    os.utime(file, ns=(1, 1))
    assert in_force.rules().ref == "cloudy@5"
    monkeypatch.delenv("ZHAOYIN_RULES")
    assert in_force.rules().ref == "default@2"


@pytest.mark.parametrize(
    ("rules", "where"),
    [
        ("lights:\n- {code: moon, zh: 月, en: moon, since: full_moon_on, red: {n: 1}, who: head}", "moon"),
        (
            "lights:\n- {code: moon, zh: 月, en: moon, since: recorded.lead, when: lunar, red: {n: 1}, who: head}",
            "moon",
        ),
        (
            "lights:\n- {code: moon, kind: number, zh: 月, en: moon, value: phases, red: {n: 1}, who: head}",
            "moon",
        ),
        ("gates:\n- {code: talks, fields: [{code: horoscope, zh: 星座, en: horoscope}]}", "talks"),
        (
            "tracks:\n- {code: much_too_long_a_code, zh: 长, en: long, milestones: [lead]}",
            "much_too_long_a_code",
        ),
    ],
)
def test_rules_over_what_nobody_fills_are_refused_and_nothing_changes(people, pack, rules, where):
    (pack / "rules.yaml").write_text(rules, encoding="utf-8")
    with pytest.raises(Refusal) as caught:
        actions.load_pack_rules(system_user(), load_pack(pack))
    assert caught.value.where == where and caught.value.zh.endswith("。")
    assert in_force.rules().ref == "default@2"
    assert Project.objects.count() == 0
