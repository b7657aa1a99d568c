"""The announcement it all started from, where the measuring data is on this machine."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect


@pytest.mark.shared
def test_the_real_announcement_gives_its_twelve(desk, shared):
    desk.sign_in("officer")
    desk.bring_in(shared / "seed" / "article.txt")
    desk.accept_everything_by_keyboard()
    desk.open("/events/?q=深圳招商引资推介会")
    desk.page.locator("tbody th a").first.click()
    expect(desk.page.locator("[data-tally] .zy-fig__n")).to_have_text(["12", "9", "0"])
    desk.page.locator("[data-tally] a", has_text="框架 3").click()
    expect(desk.page.locator("tbody tr")).to_have_count(3)
