"""Organisations: a note within eight taps on a phone, a warning while typing, a merge that can be taken back."""

from __future__ import annotations

import re

from playwright.sync_api import expect

COUNT_TAPS = """() => addEventListener("pointerdown", () =>
    sessionStorage.setItem("taps", Number(sessionStorage.getItem("taps") || 0) + 1), true)"""


def taps(page) -> int:
    return int(page.evaluate("sessionStorage.getItem('taps') || 0"))


def test_an_exchange_is_noted_within_eight_taps_on_a_phone(phone):
    """From Today to a saved note: how and when have defaults, only what was said is typed."""
    phone.sign_in("officer")
    page = phone.page
    page.add_init_script(f"({COUNT_TAPS})()")
    phone.open("/")
    assert taps(page) == 0
    page.get_by_role("searchbox").first.tap()
    page.keyboard.type("招金")
    page.keyboard.press("Enter")  # the phone's own search key: counted below
    page.get_by_role("main").get_by_role("link", name="招金集团", exact=True).first.tap()
    expect(page.get_by_role("heading", level=1)).to_have_text("招金集团")
    assert phone.fits()
    form = page.locator("form", has=page.locator("[name=note]"))
    required = form.locator("[required]")
    assert required.count() <= 3
    form.locator("[name=note]").tap()
    page.keyboard.type("问了键合丝产线的用电需求，下周带园区的人上门。")
    form.get_by_role("button", name="记下").tap()
    expect(page.get_by_text("问了键合丝产线的用电需求")).to_be_visible()
    assert 3 <= taps(page) + 1 <= 8
    assert phone.axe() == []
    phone.shot("organisation-phone")


def test_a_new_record_that_sounds_like_an_old_one_is_warned_of_queued_merged_and_taken_back(
    desk, another_desk
):
    desk.sign_in("officer")
    desk.open("/organisations/new/")
    page = desk.page
    page.locator("#id_name").press_sequentially("赵进集团")
    warning = page.locator("#near")
    expect(warning).to_contain_text("招金集团")
    expect(warning).to_contain_text("同音")
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("赵进集团")

    another_desk.sign_in("head")
    another_desk.open("/organisations/duplicates/")
    queue = another_desk.page
    pair = queue.locator("section", has=queue.get_by_role("heading", name=re.compile("赵进集团")))
    expect(pair).to_contain_text("同音")
    assert another_desk.axe() == []
    another_desk.shot("duplicates")
    into = "并入左边" if pair.locator("thead a").first.inner_text() == "招金集团" else "并入右边"
    pair.get_by_role("button", name=into).click()
    expect(queue.get_by_role("heading", level=1)).to_have_text("招金集团")
    expect(queue.get_by_role("main")).to_contain_text("赵进集团")
    queue.get_by_role("button", name="拆开").click()
    expect(queue.get_by_role("heading", level=1)).to_have_text("赵进集团")
    another_desk.open("/organisations/duplicates/")
    expect(queue.get_by_role("heading", name=re.compile("赵进集团"))).to_have_count(0)
