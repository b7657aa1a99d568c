"""A milestone claimed on a page, verified by keyboard, locked with its month, and found again behind the number."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

ROOT = Path(__file__).resolve().parents[2]
PREPARE = f"""
import sys; sys.path.insert(0, {str(ROOT)!r})
from tests.desk.projects.house import D, People, bring_to, fill, new_project
from zhaoyin.desk.accounts.models import User
people = People.__new__(People)
for role in ("officer", "head", "verifier", "leader", "department", "auditor"):
    setattr(people, role, User.objects.get(username=role))
people.park = User.objects.get(username="park_manager")
people.verifier2 = people.verifier
people.bureau = people.department.department
project = new_project(people, name="演示：尾砂利用", on=D(2026, 8, 3))
bring_to(people, project, "signed", start=D(2026, 8, 3), step=5)
fill(people, project, "landed")
print(project.pk)
"""


def test_claim_verify_close_drill_down(desk, another_desk, site):
    pk = int(site.python(PREPARE).split()[-1])
    desk.sign_in("officer")
    page = desk.page

    # a drag proposes a claim: the card dropped on 落地 opens its claim, and the project stays where it is
    desk.open("/projects/board/")
    card = page.locator(f".zy-card[data-project='{pk}']")
    card.drag_to(page.locator(".zy-board__col[data-stage='landed']"))
    expect(page).to_have_url(f"{site.url}/projects/{pk}/claim/landed/?from=board")
    page.locator("input[name=fact_on]").fill("2026-09-01")
    page.get_by_role("button", name="申报落地").click()
    expect(page.locator("#notices")).to_contain_text("已申报落地，待核验")
    assert desk.axe() == []
    desk.open("/projects/board/")
    expect(page.locator(".zy-board__col[data-stage='signed'] .zy-card[data-project]")).to_contain_text(
        "尾砂利用"
    )
    expect(page.locator(".zy-board__col[data-stage='landed'] .zy-card--ghost")).to_contain_text("已申报落地")
    desk.shot("board")

    # the officer is on the team: the desk of verification is not theirs
    desk.open("/projects/verification/")
    expect(page.locator("main")).to_contain_text("没有办成")

    other = another_desk.page
    another_desk.sign_in("verifier")
    another_desk.open("/projects/verification/")
    expect(other.locator(".zy-q[aria-current]")).to_contain_text("落地")
    assert another_desk.axe() == []
    another_desk.shot("verification")
    other.keyboard.press("v")
    expect(other.locator("#desk")).to_contain_text("已核验")

    # months close in order; the numbers of a closed one are locked
    for month in ("202608", "202609"):
        another_desk.open(f"/figures/close/?month={month}")
        other.locator("summary.btn-primary").click()
        other.locator("[data-close-month]").click()
        expect(other.locator("#notices")).to_contain_text("已锁定")
    assert another_desk.axe() == []
    another_desk.shot("month-close", full=True)

    # number → list → proof in two clicks
    another_desk.open("/figures/?month=202609")
    row = other.locator("tr", has_text="landed_ratio@1")
    expect(row.locator("[data-proof='locked']").first).to_be_visible()
    row.locator("a.zy-figlink").first.click()
    expect(other.locator("#behind")).to_contain_text("营业执照")
    other.locator("#behind tbody th a").first.click()
    expect(other.locator(".zy-track [data-proof='locked']")).to_have_count(5)
    expect(other.locator("h1")).to_contain_text("尾砂利用")


def test_pages_fit_a_phone(phone):
    phone.sign_in("officer")
    for path in (
        "/projects/board/",
        "/projects/",
        "/projects/1/",
        "/figures/",
        "/projects/import/",
        "/projects/new/",
    ):
        phone.open(path)
        assert phone.fits(), path


REPORTED = f"""
import sys; sys.path.insert(0, {str(ROOT)!r})
from tests.desk.projects.house import D
from zhaoyin.desk.accounts.models import User
from zhaoyin.desk.projects import actions
officer = User.objects.get(username="officer")
project = actions.create_project(officer, name="演示：报道签约", reported_on=D(2026, 8, 3), track="lease")
actions.note_reported(officer, project, kind="signed", fact_on=D(2026, 8, 2))
actions.note_reported(officer, project, kind="started", fact_text="年底前")
print(project.pk)
"""


def test_a_reported_date_stands_whole_on_the_phones_stage_track(phone, site):
    pk = int(site.python(REPORTED).split()[-1])
    phone.sign_in("officer")
    phone.open(f"/projects/{pk}/")
    steps = phone.page.locator(".zy-track > li")
    signed, started = steps.filter(has_text="签约"), steps.filter(has_text="开工")
    expect(signed).to_contain_text("2026-08-02")
    expect(signed).to_contain_text("报道")
    expect(started).to_contain_text("年底前")
    for dated in signed.locator("dd").all() + started.locator("dd").all():
        cut, box = dated.evaluate("e => e.scrollWidth > e.clientWidth + 1"), dated.bounding_box()
        assert box and not cut and box["x"] >= 0 and box["x"] + box["width"] <= 375, dated.inner_text()
    assert phone.fits() and phone.axe() == []


LEFT_OUT = PREPARE.replace("演示：尾砂利用", "演示：老厂搬迁").replace("2026, 8, 3", "2026, 10, 8")


def test_left_out_and_from_the_figure_to_the_reason(desk, phone, site):
    pk = int(site.python(LEFT_OUT).split()[-1])
    desk.sign_in("verifier")
    page = desk.page
    desk.open(f"/projects/{pk}/")
    page.locator("summary", has_text="更多").click()
    page.get_by_role("link", name="不计入统计").click()
    page.locator("select[name=code]").select_option("own_area")
    page.locator("input[name=reason]").fill("开发区内搬迁，不是新投资")
    assert desk.axe() == []
    page.get_by_role("button", name="记下").click()
    expect(page.locator("main")).to_contain_text("不计入统计：区内搬迁（开发区内搬迁，不是新投资")

    desk.open("/figures/?month=202610")
    row = page.locator("tr", has_text="signed_projects@1")
    row.get_by_role("link", name="另有 1 个不计入").first.click()
    expect(page.locator("#behind")).to_contain_text("区内搬迁：开发区内搬迁，不是新投资")
    expect(page.locator("#behind")).to_contain_text("合同扫描件")
    assert desk.axe() == []
    page.locator("#behind tbody th a").first.click()
    expect(page.locator("h1")).to_contain_text("老厂搬迁")

    phone.sign_in("verifier")
    for path in (
        f"/projects/{pk}/",
        f"/projects/{pk}/count/",
        "/figures/?month=202610",
        "/projects/?counts=no",
    ):
        phone.open(path)
        assert phone.fits(), path


LATE = PREPARE.replace("演示：尾砂利用", "演示：迟开工").replace("2026, 8, 3", "2026, 3, 2")


def test_the_lights_of_a_late_project_fit_a_phone_in_english(phone, site):
    pk = int(site.python(LATE).split()[-1])
    phone.sign_in("verifier")
    phone.page.context.add_cookies([{"name": "zhaoyin_language", "value": "en", "url": site.url}])
    phone.open(f"/projects/{pk}/")
    expect(phone.page.locator(".zy-head__sub .zy-light").first).to_contain_text("days over")
    assert phone.fits()
