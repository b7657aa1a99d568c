"""Calculator → offer → promises: the example set is loaded, a project asks, the dearest question first, and accepts."""

from __future__ import annotations

from playwright.sync_api import expect

PREPARE = """
from zhaoyin.desk.accounts.models import User
from zhaoyin.desk.policies import actions
from zhaoyin.desk.projects.models import Project
head = User.objects.get(username="head")
actions.load_examples(head)
print(Project.objects.create(code="P-OFFER", name="演示：金饰加工", officer=head, is_demo=True).pk)
"""


def test_calculator_offer_and_promises(desk, site):
    pk = int(site.python(PREPARE).split()[-1])
    desk.sign_in("head")
    page = desk.page

    # by name to the project, and the dearest question first
    desk.open("/policies/calculator/?on=2026-11-23")
    page.locator("#who").fill("金饰加工")
    page.get_by_role("button", name="找").click()
    page.get_by_role("link", name="演示：金饰加工").click()
    expect(page.locator(".zy-calc__ask[data-now]")).to_contain_text("先答这一项")
    for name, value in (("行业", "C2438"), ("设备投资", "725"), ("总投资", "3000"), ("成立年限", "9")):
        box = page.locator(f".zy-calc__ask input[name='f-{name}']")
        box.fill(value)
        with page.expect_response(lambda r: "/policies/calculator/" in r.url):
            box.blur()
        expect(page.locator(f".zy-calc__ask input[name='f-{name}']")).to_have_value(value)
    lead = page.locator(".zy-sheet--lead")
    expect(lead.locator(".zy-sum")).to_contain_text("29")
    expect(lead).to_contain_text("设备投资再加 275万元 → 50万元")
    expect(lead).to_contain_text("要 成立年限 ≤ 3年，现为 9年，超出 6年，不可改变")
    expect(page.locator("main")).to_contain_text("设备发票与付款回单")
    assert desk.axe() == [] and desk.fits()
    desk.shot("calculator", full=True)

    # what applies goes into the offer; what the other side accepts becomes promises of both
    page.get_by_role("button", name="写入拟承诺").click()
    expect(page.locator("h1")).to_have_text("报价")
    expect(page.locator("main")).to_contain_text("未发现公平竞争问题")
    expect(page.locator("main")).to_contain_text("两年内累计投资不少于承诺")
    expect(page.locator("main")).to_contain_text("2028")
    assert desk.axe() == []
    desk.shot("offer", full=True)
    page.get_by_role("button", name="对方已接受，记为承诺").click()
    expect(page.locator("#notices")).to_contain_text("承诺已记入台账")
    desk.open(f"/projects/{pk}/")
    promises = page.locator(".zy-promise")
    expect(promises.filter(has_text="设备投资补助（示例）").first).to_contain_text("11.6")
    expect(promises.filter(has_text="两年内累计投资不少于承诺").first).to_be_visible()

    # the same project asked again knows what was said, and where it was said
    desk.open(f"/policies/calculator/?project={pk}&on=2026-11-23")
    expect(page.locator("main")).to_contain_text("取自2026-11-23 的报价")
    expect(page.locator("main")).to_contain_text("已接受")


def test_clause_and_editor_fit_a_phone_and_check_as_one_types(desk, phone, site):
    site.python(PREPARE.replace("P-OFFER", "P-PHONE"))
    desk.sign_in("head")
    page = desk.page
    desk.open("/policies/clauses/ex-equipment/")
    expect(page.locator("main")).to_contain_text("设备刚到档")
    assert desk.axe() == []
    desk.open("/policies/files/example.yaml/")
    expect(page.locator("#checked")).to_contain_text("相符")
    body = page.locator("#body").input_value()
    page.locator("#body").fill(body.replace("[500万元, 4%]", "[500万元, 3%]"))
    expect(page.locator("#checked")).to_contain_text("应是 20万元，实为 15万元")
    page.locator("#body").fill(body.replace("[500万元, 4%]", "[500, 4%]"))
    expect(page.locator("#checked .zy-stop")).to_contain_text("example.yaml")
    phone.sign_in("head")
    for path in (
        "clauses/",
        "clauses/ex-equipment/",
        "files/example.yaml/",
        "calculator/?f-设备投资=725万元",
    ):
        phone.open(f"/policies/{path}")
        assert phone.fits(), path
