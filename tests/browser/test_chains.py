"""From the map to leads: a gap explained on focus, its shortlist, two firms ticked, and who has to go and see them."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

import zhaoyin.packs
from zhaoyin.universe import synthesise
from zhaoyin.valuechain import Chain

GOLD = Path(zhaoyin.packs.__file__).parent / "zhaoyuan" / "chains" / "gold"


@pytest.fixture(scope="module")
def universe(site):
    """A synthetic universe where `zhaoyin universe import` would put one; marked as such on every page."""

    def load() -> None:
        codes = sorted({c.code for c in Chain.load(GOLD).codes} | {f"{10 + i}11" for i in range(40)})
        regions = [
            "370685",
            "370614",
            "440303",
            *(f"{p}01{d:02d}" for p in (31, 33, 37) for d in range(1, 20)),
        ]
        synthesise(40_000, site.data / "universe", seed=3, regions=regions, industries=codes)

    return load


def test_from_the_map_to_leads(desk, another_desk, universe):
    page = desk.page
    desk.sign_in("officer")
    desk.open("/chains/")
    page.locator("tbody th a").first.click()
    home = page.url

    # without a universe: what sources state, with their marks, and what to load
    expect(page.locator("main")).to_contain_text("zhaoyin universe import")
    salts = page.locator(".zy-seg-node[data-id='gold_salts']")
    expect(salts).to_contain_text("40%+")
    expect(salts.locator("button.zy-proof[data-proof='said']")).to_be_visible()
    expect(salts).not_to_contain_text("LQ")
    page.get_by_role("link", name="位势", exact=True).click()
    expect(page.locator("main")).to_contain_text("zhaoyin universe import")
    expect(page.locator("main")).to_contain_text("年份未载明")

    universe()
    page.goto(home)
    page.get_by_role("button", name="测算位势").click()
    expect(page.locator("main progress")).to_be_visible()  # the worker's; the page comes anew when it is done
    expect(page.locator(".zy-demo")).to_be_visible(timeout=60_000)
    expect(page.locator("#chain-map canvas").first).to_be_attached()
    expect(page.locator("#chain-sankey svg")).to_be_visible()

    # by keyboard: a segment in focus explains itself beside the map
    node = page.locator(".zy-seg-node:has(.zy-gap[data-gap='missing'])").first
    name = node.locator(".zy-seg-node__t").inner_text()
    node.locator(".zy-seg-node__t").focus()
    expect(page.locator("#why h2")).to_have_text(f"{name}：为什么这样判")
    expect(page.locator("#why")).to_contain_text("本地 0 家")
    expect(node).to_have_attribute("aria-current", "true")
    assert desk.axe() == []
    assert desk.fits()
    desk.shot("chain", full=True)

    # the gap's page: rivals by name, and the firms to approach
    page.locator("#why a", has_text="找谁来补").click()
    expect(page.locator("#rivals")).to_be_visible()
    expect(page.locator("main")).to_contain_text("烟台 蓬莱区")
    firms = page.locator(".zy-short input[type=checkbox]")
    expect(page.get_by_role("button", name="转为线索")).to_be_disabled(
        timeout=60_000
    )  # the list comes after the page
    for place in (0, 1):
        firms.nth(place).check()
    page.locator("input[name=expires_on]").fill("2099-12-31")
    page.get_by_role("button", name="转 2 家为线索").click()
    expect(page.locator(".zy-head__sub")).to_contain_text("在跟 2 条")
    expect(page.locator("section[aria-labelledby='taken'] li")).to_have_count(2)
    assert desk.axe() == []
    desk.shot("segment", full=True)
    page.goto(home)
    expect(page.locator("section[aria-labelledby='who-title'] tbody")).to_contain_text("林晓")

    # the head of department edits: the difference first, then the version, and back again
    other = another_desk.page
    another_desk.sign_in("head")
    other.goto(home + "edit/")
    field = other.locator("#t-node")
    field.fill(field.input_value().replace("金矿采选", "金矿采掘"))
    other.get_by_role("button", name="预览差别").click()
    expect(other.locator("ins")).to_have_text("金矿采掘")
    assert another_desk.axe() == []
    other.get_by_role("button", name="存为新版本").click()
    expect(other.locator("main")).to_contain_text("重新测算后一致")
    expect(other.locator(".zy-seg-node[data-id='mining']")).to_contain_text("金矿采掘")
    other.goto(home + "versions/?from=1")
    expect(other.locator("del")).to_have_text("金矿采掘")
    other.get_by_role("button", name="退回第 1 版").click()
    expect(other.locator(".zy-seg-node[data-id='mining']")).to_contain_text("金矿采选")


def test_on_a_phone_the_map_is_a_list_that_fits(phone):
    phone.sign_in("officer")
    for path in ("/chains/", "/chains/1/", "/chains/1/position/", "/chains/1/segments/smelting/"):
        phone.open(path)
        assert phone.fits(), path
        assert phone.axe() == [], path
    phone.shot("phone-segment", full=True)
