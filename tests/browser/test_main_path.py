"""The main job from end to end: bring an announcement in, review it by keyboard alone, find it in the ledger, ask who says so."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from zhaoyin.desk.region import DEMO_PEOPLE
from zhaoyin.packs import load_pack

DEMO = load_pack("zhaoyuan").demo_announcement


def assert_twelve_agreements(desk) -> None:
    page = desk.page
    desk.open("/agreements/")
    tally = page.locator("[data-tally]")
    figures = tally.locator(".zy-fig__n")
    expect(figures).to_have_text(["12", "9", "0"])
    expect(tally).to_contain_text("框架 3")
    expect(tally).to_contain_text("正式合同 3（报道 3）")
    expect(tally).to_contain_text("类型未载明 6")
    expect(tally).to_contain_text("9 个报道已签约")
    expect(tally).to_contain_text("9 项金额未载明")
    expect(page.locator("tbody tr")).to_have_count(12)
    desk.shot("agreements", docs=True)


def test_from_the_announcement_to_a_ledger_that_says_who_says_so(desk):
    desk.sign_in("officer")
    desk.bring_in(DEMO)
    page = desk.page
    assert desk.axe() == []

    # the current fact and its place in the text are lit together
    first = desk.current_fact().get_attribute("data-fact")
    expect(page.locator(f'#source [aria-current][data-fact~="{first}"]').first).to_be_visible()
    page.keyboard.press("j")
    second = desk.current_fact().get_attribute("data-fact")
    assert second != first
    page.keyboard.press("k")
    assert desk.current_fact().get_attribute("data-fact") == first

    # one accepted, taken back, accepted again
    page.keyboard.press("a")
    expect(page.locator(f"#fact-{first}")).to_have_attribute("data-state", "accepted")
    page.keyboard.press("u")
    expect(page.locator(f"#fact-{first}")).to_have_attribute("data-state", "open")

    while desk.current_fact().get_attribute("data-kind") != "deal":
        page.keyboard.press("j")
    for _ in range(3):
        page.keyboard.press("j")
    desk.shot("review", docs=True)
    desk.accept_everything_by_keyboard()
    assert_twelve_agreements(desk)

    # "who says so?" opens the sentence, and the focus comes back to the mark
    desk.open("/agreements/?q=贝壳资源综合利用")
    page.locator("tbody th a").first.click()
    mark = page.locator("dd button.zy-proof").first
    mark.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="谁说的？")
    expect(dialog.locator("blockquote")).to_contain_text("贝壳资源综合利用")
    expect(dialog.locator("mark")).not_to_be_empty()
    assert desk.axe() == []
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(mark).to_be_focused()

    # it is marked as written for demonstration wherever it shows
    expect(page.locator(".zy-demo")).to_be_visible()


def test_the_same_file_twice_is_one_material(desk):
    desk.sign_in("officer")
    desk.bring_in(DEMO)
    desk.open("/materials/")
    expect(desk.page.locator("tbody tr")).to_have_count(1)


def test_a_correction_by_keyboard_leaves_the_keys_to_the_field(desk, tmp_path):
    text = tmp_path / "two.txt"
    text.write_text(
        "7月1日，甲山市举办招商推介会。甲山市商务局与乙水科技有限公司签订乙水电池项目合同。", encoding="utf-8"
    )
    desk.sign_in("officer")
    desk.bring_in(text)
    page = desk.page
    while desk.current_fact().get_attribute("data-kind") != "deal":
        page.keyboard.press("j")
    fact = desk.current_fact().get_attribute("id")
    page.keyboard.press("e")
    field = page.locator(f"#{fact} form input:not([type=hidden])").first
    expect(field).to_be_focused()
    page.keyboard.press("Control+a")
    page.keyboard.type("jakur")  # letters of the keys, here only letters
    expect(field).to_have_value("jakur")
    page.keyboard.press("Enter")
    expect(page.locator(f"#{fact}")).to_have_attribute("data-state", "corrected")
    expect(page.locator(f"#{fact} .zy-fact__t")).to_contain_text("jakur")

    page.keyboard.press("?")
    keys = page.locator("dialog#keys")
    expect(keys).to_be_visible()
    keys.get_by_role("checkbox").uncheck()
    page.keyboard.press("Escape")
    here = desk.current_fact().get_attribute("id")
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("k")
    assert desk.current_fact().get_attribute("id") == here
    page.reload()
    page.keyboard.press("j")
    assert desk.current_fact().get_attribute("id") != "", "letters stay off after a reload, nothing breaks"


def test_two_people_press_accept_on_the_same_fact(desk, another_desk, tmp_path):
    text = tmp_path / "race.txt"
    text.write_text(
        "7月2日，丙河市举办招商推介会。丙河市商务局与丁山材料有限公司签订丁山薄膜项目合同。", encoding="utf-8"
    )
    desk.sign_in("officer")
    desk.bring_in(text)
    another_desk.sign_in("head")
    another_desk.page.goto(desk.page.url)
    fact = desk.page.locator('#facts .zy-fact[data-kind="deal"]').first.get_attribute("id")
    for one in (desk, another_desk):
        one.page.locator(f"#{fact}").click()
    desk.page.locator(f"#{fact} [data-act='accept']").click()
    expect(desk.page.locator(f"#{fact}")).to_have_attribute("data-state", "accepted")
    another_desk.page.locator(f"#{fact} [data-act='accept']").click()
    # the second sees what is true now and who was quicker; nothing is made twice
    expect(another_desk.page.locator(f"#{fact}")).to_have_attribute("data-state", "accepted")
    expect(another_desk.page.locator(".zy-toast")).to_contain_text("林晓")
    another_desk.open("/agreements/?q=丁山")
    expect(another_desk.page.locator("tbody tr")).to_have_count(1)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.txt", b"", "空"),
        ("photo.txt", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(400), "photo.txt"),
    ],
)
def test_a_file_that_cannot_be_read_says_so(desk, tmp_path, name, content, words):
    bad = tmp_path / name
    bad.write_bytes(content)
    desk.sign_in("officer")
    desk.open("/materials/add/")
    desk.page.locator("input[type=file]").set_input_files(bad)
    desk.page.get_by_role("button", name="录入并读").click()
    expect(desk.page.locator(".zy-stop").first).to_contain_text(words, timeout=30_000)
    assert desk.axe() == []


PAGES = ["/", "/materials/", "/materials/add/", "/organisations/", "/places/", "/places/tree/", "/events/", "/agreements/", "/projects/", "/policies/", "/help/"]  # fmt: skip


def test_every_room_is_clean_and_fits_on_a_desk(desk):
    desk.sign_in("officer")
    for path in PAGES:
        desk.open(path)
        assert desk.axe() == [], path
        assert desk.fits(), path


def test_every_room_is_clean_and_fits_on_a_phone(phone):
    phone.sign_in("officer")
    for path in [*PAGES, "/materials/1/", "/agreements/1/", "/organisations/1/"]:
        phone.open(path)
        assert phone.axe() == [], path
        assert phone.fits(), path
    phone.shot("phone-agreement")


def test_english_is_complete_where_the_interface_speaks(desk):
    desk.sign_in("leader")
    desk.page.get_by_role("button", name="English").first.click()
    expect(desk.page.locator("html")).to_have_attribute("lang", "en")
    for path in PAGES:
        desk.open(path)
        # what the ledger says stays in its own language and is marked so
        left = desk.page.evaluate(
            """() => { const found = []; const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
              while (walk.nextNode()) { const n = walk.currentNode, p = n.parentElement;
                if (/[\u4e00-\u9fff]/.test(n.data) && !p.closest('[lang="zh-CN"], script, style, option') && p.offsetParent) found.push(n.data.trim()); }
              return found }"""
        )
        names = {name for _, name, _ in DEMO_PEOPLE} | {name[0] for _, name, _ in DEMO_PEOPLE}
        assert [words for words in left if words not in names] == [], path
