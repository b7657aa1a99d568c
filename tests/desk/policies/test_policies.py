import datetime as dt
from pathlib import Path

import pytest

import zhaoyin.packs
from zhaoyin.base.errors import Refusal
from zhaoyin.desk.accounts.actions import system_user
from zhaoyin.desk.deals.models import Commitment
from zhaoyin.desk.parties.models import Organisation
from zhaoyin.desk.policies import actions, queries
from zhaoyin.desk.policies.models import Offer, Text
from zhaoyin.desk.projects.models import Investor, Project
from zhaoyin.packs import load_pack

EXAMPLES = Path(zhaoyin.packs.__file__).parent / "example-policies"
FACTS = {
    "行业": "C2438",
    "设备投资": "725万元",
    "总投资": "3000万元",
    "成立年限": "1年",
    "固定资产投资": "900万元",
}
ON = dt.date(2026, 11, 23)


@pytest.fixture
def book(head):
    files = {path.name: path.read_text() for path in EXAMPLES.glob("*.yaml")}
    assert actions.load_texts(head, files, "示例") == 2
    return queries.book()


@pytest.fixture
def project(head):
    return Project.objects.create(code="P-1", name="金银珠宝加工", officer=head)


def test_pack_policies_are_loaded_once_and_state_no_amounts(db):
    pack = load_pack("zhaoyuan")
    assert actions.load_pack_policies(system_user(), pack) == 1
    assert actions.load_pack_policies(system_user(), pack) == 0
    found = queries.book().assess({}, ON)
    assert found.total == 0
    assert {r.status for r in found.results} == {"待补充信息", "起草中"}
    assert all(r.amount is None and r.range is None for r in found.results)


def test_library_clause_and_calculator_pages(book, as_role):
    browser = as_role("officer")
    page = browser.get("/policies/clauses/").content.decode()
    assert "设备投资补助（示例）" in page and "示例市人民政府" in page
    assert "第四条" in browser.get("/policies/clauses/ex-equipment/").content.decode()
    assert browser.get("/policies/clauses/nothing/").status_code == 404
    empty = browser.get("/policies/calculator/").content.decode()
    assert "未具名企业" in empty and "先答这一项" in empty
    query = {f"f-{k}": v for k, v in FACTS.items()} | {"on": ON.isoformat()}
    page = browser.get("/policies/calculator/", query).content.decode()
    assert "再加 275万元 → 50万元" in page  # the next band
    part = browser.get("/policies/calculator/", query, headers={"hx-request": "true"}).content.decode()
    assert "<html" not in part and "合计可得" in part


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("设备投资", "很多"),
        ("设备投资", "-5"),
        ("成立年限", "3亩"),
        ("行业", "x" * 3000),
        ("设备投资", "9" * 40 + "亿元"),
    ],
)
def test_answers_that_do_not_read_never_break_the_page(book, as_role, name, text):
    page = as_role("officer").get(
        "/policies/calculator/", {f"f-{name}": text, "on": "not a day", "project": "9" * 30}
    )
    assert page.status_code == 200


def test_editor_checks_while_writing_and_keeps_versions(book, as_role, head):
    browser = as_role("head")
    body = Text.objects.get(name="example.yaml").body
    wrong = body.replace("[500万元, 4%]", "[500, 4%]")
    shown = browser.post("/policies/files/example.yaml/check/", {"body": wrong}).content.decode()
    assert "第 20 行" in shown or "example.yaml" in shown
    assert browser.post("/policies/files/example.yaml/", {"body": wrong, "seen": 1}).status_code == 200
    assert Text.objects.filter(name="example.yaml").count() == 1
    failing = body.replace("[500万元, 4%]", "[500万元, 3%]")
    assert (
        "应是 20万元"
        in browser.post("/policies/files/example.yaml/check/", {"body": failing}).content.decode()
    )
    better = body.replace("最高 5 万元", "最高 6 万元").replace("max: 5万元", "max: 6万元")
    assert (
        browser.post("/policies/files/example.yaml/", {"body": better, "seen": 1, "note": "提高"}).status_code
        == 302
    )
    page = browser.get("/policies/files/example.yaml/versions/").content.decode()
    assert "+   cap: {per: firm_year, max: 6万元}" in page and "提高" in page
    with pytest.raises(Refusal, match="just saved"):
        actions.save_text(head, "example.yaml", better + "# more\n", seen=1)
    assert queries.book().assess({"高层次人才": "9人"}, ON)["ex-talent"].amount == 6_000_000


def test_an_accepted_offer_becomes_promises_of_both_sides(book, project, people, as_role):
    browser = as_role("head")
    page = browser.get(
        "/policies/calculator/", {"project": project.pk, **{f"f-{k}": v for k, v in FACTS.items()}}
    )
    assert "写入拟承诺" in page.content.decode()
    sent = {
        "project": project.pk,
        "on": ON.isoformat(),
        "clause": ["ex-equipment"],
        **{f"f-{k}": v for k, v in FACTS.items()},
    }
    done = browser.post("/policies/offers/new/", sent)
    offer = Offer.objects.get()
    assert done.status_code == 302 and [line["fen"] for line in offer.lines] == [29_000_000]
    assert offer.facts["总投资"] == "3,000万元" and offer.facts["成立年限"] == "1年"
    asked_again = browser.get("/policies/calculator/", {"project": project.pk}).content.decode()
    assert "的报价" in asked_again and "3,000万元" in asked_again and 'hx-swap="innerHTML"' in asked_again
    assert browser.get(offer.get_absolute_url()).status_code == 200
    browser.post(f"/policies/offers/{offer.pk}/accept/")
    ours = Commitment.objects.filter(project=project, side=Commitment.Side.REGION).order_by("due_on")
    assert [(c.amount_fen, c.due_on) for c in ours] == [
        (11_600_000, ON), (17_400_000, dt.date(2028, 11, 23)),
    ]  # fmt: skip
    assert (
        Commitment.objects.get(project=project, side=Commitment.Side.INVESTOR).text
        == "两年内累计投资不少于承诺"
    )
    with pytest.raises(Refusal, match="already accepted"):
        actions.accept_offer(people["head"], offer)


def test_a_barred_clause_enters_no_offer_without_its_basis(book, project, head):
    barred = (
        "schema: policy/1\ndocument: {id: barred, title: 旧办法}\nfields: {地方贡献: {type: 金额, touches: 本地纳税}}\n"
        "policies:\n- {id: share, title: 贡献奖励, amount: {rate: 50%, of: 地方贡献}, cap: {per: firm_year, max: 100万元}BASIS}\n"
    )
    actions.save_text(head, "barred.yaml", barred.replace("BASIS", ""))
    with pytest.raises(Refusal) as refused:
        actions.make_offer(head, project, ON, {"地方贡献": "80万元"}, ["share"])
    assert refused.value.code == "offer.barred" and "2024-08-01" in refused.value.zh
    basis = ", legal_basis: {kind: 国务院批准, title: 某批复, number: 国函〔2025〕1号}"
    actions.save_text(head, "barred.yaml", barred.replace("BASIS", basis), seen=1)
    offer = actions.make_offer(head, project, ON, {"地方贡献": "80万元"}, ["share"])
    assert offer.lines[0]["fen"] == 40_000_000


def test_who_may(book, project, as_role):
    assert as_role("officer").post("/policies/files/example.yaml/check/", {"body": ""}).status_code == 403
    assert as_role("auditor").post("/policies/offers/new/", {"project": project.pk}).status_code == 403


def test_known_values_fill_the_calculator_and_say_where_from(book, project, as_role):
    firm = Organisation.objects.create(name="金饰加工有限公司", industry="C2438 珠宝首饰制造")
    Investor.objects.create(project=project, organisation=firm)
    Project.objects.filter(pk=project.pk).update(contracted_fen=3 * 10**11, capital_fen=10**9)
    browser = as_role("officer")
    page = browser.get(
        "/policies/calculator/", {"project": project.pk, "on": ON.isoformat()}
    ).content.decode()
    assert 'value="C2438"' in page and "取自客商登记" in page
    assert 'value="30亿元"' in page and "取自核验的签约额" in page
    page = browser.get("/policies/calculator/", {"organisation": firm.pk}).content.decode()
    assert 'value="C2438"' in page and "金饰加工有限公司" in page
    found = browser.get("/policies/calculator/", {"who": "金"}).content.decode()
    assert f"?project={project.pk}" in found and f"?organisation={firm.pk}" in found
    assert "没有叫“乌有”的" in browser.get("/policies/calculator/", {"who": "乌有"}).content.decode()


def test_reasons_and_delivery_speak_english_to_an_english_reader(book, as_role, client):
    browser = as_role("officer")
    browser.cookies["zhaoyin_language"] = "en"
    query = {f"f-{k}": v for k, v in (FACTS | {"成立年限": "9年"}).items()} | {"on": ON.isoformat()}
    page = browser.get("/policies/calculator/", query).content.decode()
    assert "CNY 2,750,000 more of 设备投资 → CNY 500,000" in page
    assert "9 years: 6 years over (cannot be changed)" in page and "short form" in page
    assert "the text states no amount" not in page and "快申快享" not in page
    clause = browser.get("/policies/clauses/ex-equipment/").content.decode()
    assert "not “失信”" in clause and "holds" in clause and "No concern found" in clause


def test_a_clause_page_runs_its_tests_and_examples_load_once(db, as_role):
    browser = as_role("head")
    assert browser.post("/policies/examples/").status_code == 302
    browser.post("/policies/examples/")
    assert Text.objects.filter(name="example.yaml").count() == 1
    page = browser.get("/policies/clauses/ex-equipment/").content.decode()
    assert "设备刚到档" in page and "相符" in page and "不符</span>" not in page
    assert (
        "设备差一分不到档"
        in browser.post(
            "/policies/files/example.yaml/check/", {"body": Text.objects.get(name="example.yaml").body}
        ).content.decode()
    )
    assert as_role("auditor").post("/policies/examples/").status_code == 403


def test_a_firm_picks_one_clause_of_a_group_and_the_offer_keeps_to_it(book, project, as_role):
    body = (
        "schema: policy/1\ndocument: {id: pick, title: 用房办法（示例）}\nfields: {购房款: {type: 金额}}\n"
        "policies:\n- {id: rent, title: 租金补助, amount: {rate: 30%, of: 年租金}}\n"
        "- {id: buy, title: 购房补助, amount: {rate: 2%, of: 购房款}}\n"
        "groups:\n- {name: 用房择一, rule: choose_one, members: [rent, buy]}\n"
    )
    browser = as_role("head")
    actions.save_text(project.officer, "pick.yaml", body)
    page = browser.get(
        "/policies/calculator/", {"project": project.pk, "on": ON.isoformat()}
    ).content.decode()
    assert "还没有可以承诺的条款" in page and "写入拟承诺" not in page
    query = {"project": project.pk, "f-年租金": "10万元", "f-购房款": "500万元", "on": ON.isoformat()}
    page = browser.get("/policies/calculator/", query).content.decode()
    assert "只能选一项" in page and "租金补助 3万元" in page and "已由“购房补助”取代" in page
    page = browser.get("/policies/calculator/", query | {"g-用房择一": "rent"}).content.decode()
    assert "已由“租金补助”取代" in page and '<option value="rent" selected>' in page
    browser.post("/policies/offers/new/", query | {"g-用房择一": "rent", "clause": "rent"})
    assert [(line["policy"], line["fen"]) for line in Offer.objects.get().lines] == [("rent", 3_000_000)]
    page = browser.get("/policies/calculator/", query | {"g-用房择一": "nothing"}).content.decode()
    assert "已由“购房补助”取代" in page  # what is no clause of the group picks nothing
