import threading

import pytest
from django.db import connection
from django.utils import timezone

from zhaoyin.base.errors import Refusal
from zhaoyin.desk.materials import actions, queries
from zhaoyin.desk.materials.models import Fact, Material, MaterialText
from zhaoyin.desk.parties.models import Alias, Organisation

TEXT = (
    "6月18日，云屿市成功举办杭州招商引资推介会。云屿市商务局局长江予安介绍情况。云屿海洋生物有限公司到会。\n"
)


@pytest.mark.django_db
def test_the_same_bytes_are_one_material(officer, read_now):
    first = read_now(officer, TEXT)
    second, new = actions.add_material(officer, TEXT.encode(), "again.txt")
    assert (second, new) == (first, False)
    assert Material.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("data", "code"),
    [(b"", "material.empty"), (b" \n\t", "material.empty"), (b"x" * (51 * 2**20), "material.large")],
)
def test_refused_before_it_is_recorded(officer, data, code):
    with pytest.raises(Refusal) as refused:
        actions.add_material(officer, data, "a.txt")
    assert refused.value.code == code
    assert not Material.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("data", "name"),
    [
        (bytes(range(256)) * 40, "notice.txt"),
        (b"\x89PNG\r\n\x1a\n" + b"\x00" * 64, "picture.txt"),
        (b"PK\x03\x04broken", "table.xlsx"),
    ],
)
def test_what_cannot_be_read_says_so_and_leaves_nothing(officer, read_now, data, name):
    material = read_now(officer, data, name)
    assert material.state == Material.State.FAILED
    assert material.problem_zh and material.problem_en
    assert not material.facts.exists()
    assert not MaterialText.objects.filter(material=material).exists()


@pytest.mark.django_db
def test_every_fact_keeps_the_exact_place_in_the_source(officer, read_now):
    material = read_now(officer, TEXT)
    source = material.text.source
    assert source == TEXT
    organisation = material.facts.get(kind=Fact.Kind.ORGANISATION, data__name="云屿海洋生物有限公司")
    (start, end), *_ = organisation.spans["name"] if "name" in organisation.spans else organisation.spans[""]
    assert source[start:end] == "云屿海洋生物有限公司"
    found = queries.excerpt(material.pk, start, end)
    assert found["quote"] == "云屿海洋生物有限公司"


@pytest.mark.django_db
def test_accept_leaves_provenance_and_undo_takes_all_of_it_back(officer, read_now):
    material = read_now(officer, TEXT)
    fact = material.facts.get(data__name="云屿海洋生物有限公司")
    actions.accept(officer, fact)
    firm = Organisation.objects.get(name="云屿海洋生物有限公司")
    from zhaoyin.desk.evidence.queries import provenance_of

    proof = provenance_of(firm, "name").get()
    assert (proof.mark, proof.quote, proof.material) == ("said", "云屿海洋生物有限公司", material)
    assert material.text.source[proof.locator["start"] : proof.locator["end"]] == proof.quote
    actions.undo(officer, material)
    assert not Organisation.objects.filter(name="云屿海洋生物有限公司").exists()
    assert not provenance_of(firm, "name").exists()
    fact.refresh_from_db()
    assert fact.state == Fact.State.OPEN


@pytest.mark.django_db
def test_what_the_ledger_has_is_not_made_twice(officer, read_now):
    first = read_now(officer, TEXT)
    actions.accept_kind(officer, first, Fact.Kind.ORGANISATION)
    before = Organisation.objects.count()
    second = read_now(officer, TEXT + "另讯。\n")
    facts = queries.annotate(list(second.facts.filter(kind=Fact.Kind.ORGANISATION)))
    assert all(fact.existing for fact in facts)
    actions.accept_kind(officer, second, Fact.Kind.ORGANISATION)
    assert Organisation.objects.count() == before


@pytest.mark.django_db
def test_a_correction_teaches_the_next_document(officer, read_now):
    material = read_now(officer, TEXT)
    fact = material.facts.get(data__name="云屿海洋生物有限公司")
    actions.correct(officer, fact, {"name": "云屿海洋生物科技有限公司"})
    alias = Alias.objects.get(name="云屿海洋生物有限公司")
    assert alias.organisation.name == "云屿海洋生物科技有限公司"
    again = read_now(officer, TEXT + "又讯。\n")
    taught = queries.annotate(list(again.facts.filter(data__name="云屿海洋生物有限公司")))
    assert [fact.existing for fact in taught] == [alias.organisation]


@pytest.mark.django_db
def test_reject_keeps_the_fact_and_says_who(officer, read_now):
    material = read_now(officer, TEXT)
    fact = actions.reject(officer, material.facts.first(), "不是我们要的")
    assert (fact.state, fact.decided_by, fact.reason) == (Fact.State.REJECTED, officer, "不是我们要的")


@pytest.mark.django_db
def test_a_second_decision_is_refused_by_name(officer, head, read_now):
    material = read_now(officer, TEXT)
    fact = material.facts.first()
    actions.accept(officer, fact)
    with pytest.raises(Refusal) as refused:
        actions.accept(head, fact)
    assert refused.value.code == "fact.stale" and officer.name in refused.value.zh


@pytest.mark.django_db(transaction=True)
def test_two_people_accepting_the_same_fact_at_once_record_it_once(people, read_now):
    officer, head = people["officer"], people["head"]
    material = read_now(officer, TEXT)
    fact = material.facts.get(data__name="云屿海洋生物有限公司")
    start, outcomes = threading.Barrier(2), []

    def decide(actor):
        start.wait()
        try:
            actions.accept(actor, fact)
            outcomes.append("accepted")
        except Refusal as refusal:
            outcomes.append(refusal.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=decide, args=(person,)) for person in (officer, head)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["accepted", "fact.stale"]
    assert Organisation.objects.filter(name="云屿海洋生物有限公司").count() == 1


@pytest.mark.django_db
def test_a_reader_that_died_is_found_and_read_again(officer):
    material, _ = actions.add_material(officer, TEXT.encode(), "a.txt")
    past = timezone.now() - timezone.timedelta(seconds=1)
    Material.objects.filter(pk=material.pk).update(
        state=Material.State.READING, lease_until=past, progress=40
    )
    assert actions.requeue_lost() == 1
    actions.read(material.pk)
    material.refresh_from_db()
    assert material.state == Material.State.READ
    facts = material.facts.count()
    actions.read(material.pk)  # a late second run changes nothing
    assert material.facts.count() == facts


@pytest.mark.django_db
def test_a_reader_at_work_is_not_disturbed(officer):
    material, _ = actions.add_material(officer, TEXT.encode(), "a.txt")
    later = timezone.now() + timezone.timedelta(minutes=5)
    Material.objects.filter(pk=material.pk).update(state=Material.State.READING, lease_until=later)
    actions.read(material.pk)
    assert not material.facts.exists()
    assert actions.requeue_lost() == 0


@pytest.mark.django_db
def test_withdrawn_material_keeps_hash_and_title_only(head, officer, read_now):
    material = read_now(officer, TEXT)
    actions.withdraw(head, material, reason="含个人信息")
    material.refresh_from_db()
    assert (material.state, len(material.sha256)) == (Material.State.WITHDRAWN, 64)
    assert not MaterialText.objects.filter(material=material).exists()
    assert not actions.stored_at(material.sha256).exists()


@pytest.mark.django_db
def test_lists_ask_a_constant_number_of_queries(as_role, officer, read_now, django_assert_max_num_queries):
    from django.test.utils import CaptureQueriesContext

    client = as_role("officer")
    addresses = [
        "/materials/",
        "/organisations/",
        "/agreements/",
        "/projects/",
        "/events/",
        "/places/",
        "/policies/",
        "/organisations/contacts/",
    ]

    def counts():
        found = {}
        for address in addresses:
            with CaptureQueriesContext(connection) as captured:
                assert client.get(address).status_code == 200
            found[address] = len(captured)
        return found

    material = read_now(officer, TEXT)
    for kind in Fact.Kind.values:
        actions.accept_kind(officer, material, kind)
    counts()  # content types are cached by the first round
    few = counts()
    more = read_now(
        officer,
        TEXT
        + "".join(f"云屿第{n}海洋生物有限公司到会，董事长王大{n}介绍。\n" for n in "一二三四五六七八九十"),
    )
    for kind in Fact.Kind.values:
        actions.accept_kind(officer, more, kind)
    assert counts() == few


@pytest.mark.django_db
def test_paragraphs_give_the_source_back(officer, read_now):
    material = read_now(officer, TEXT * 3)
    facts = list(material.facts.all())
    shown = "\n".join(
        "".join(piece.text for piece in paragraph)
        for paragraph in queries.paragraphs(material.text.source, facts)
    )
    assert shown == (TEXT * 3).strip()


@pytest.mark.django_db
def test_a_ledger_goes_to_the_import(as_role, officer, read_now):
    rows = "".join(f"{n},云屿第{n}海洋生物项目,云屿第{n}海洋生物有限公司,{n}000,签约\n" for n in range(1, 12))
    material = read_now(officer, "序号,项目名称,投资方,总投资（万元）,进展\n" + rows, "ledger.csv")
    page = as_role("officer").get(material.get_absolute_url()).content.decode()
    assert material.genre == "ledger"
    assert 'href="/projects/import/"' in page
