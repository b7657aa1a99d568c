import json
import multiprocessing as mp
import os
import signal
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhaoyin.base.errors import Refusal
from zhaoyin.resolution import Alias, Context, Entry, Register

ENTRIES = [
    Entry(
        "1",
        "山东招金集团有限公司",
        "山东省招远市",
        "黄金",
        (Alias("招远黄金工业集团", until="2002-06-30", source="工商变更登记"),),
        "91370685165236899X",
    ),
    Entry("2", "招金矿业股份有限公司", "山东省招远市", "黄金"),
    Entry("3", "招金银楼有限公司", "山东省招远市", "珠宝"),
    Entry("4", "山东招金励福贵金属股份有限公司", "山东省招远市", "贵金属"),
    Entry("5", "山东鲁鑫贵金属有限公司", "山东省招远市", "贵金属"),
    Entry("6", "第一建筑工程有限公司", "山东省烟台市", "建筑"),
    Entry("7", "宏达机械有限公司", "山东省烟台市", "机械"),
    Entry("8", "宏达机械有限公司", "江苏省无锡市", "机械"),
    Entry("9", "重庆宏声印务有限责任公司", "重庆市", "印刷"),
    Entry("10", "烟台恒邦集团有限公司", "山东省烟台市", "冶炼"),
    Entry("11", "深圳市梅朵珠宝有限公司", "广东省深圳市", "珠宝"),
]


@pytest.fixture(scope="session")
def register(tmp_path_factory) -> Register:
    return Register.build(ENTRIES, tmp_path_factory.mktemp("register") / "r")


def codes(resolution):
    return {reason.code for c in resolution.candidates[:1] for reason in c.reasons} | {
        r.code for r in resolution.reasons
    }


@pytest.mark.parametrize(
    ("written", "meant", "why"),
    [
        ("山东招金集团有限公司", "1", "exact"),
        ("赵晋集团", "1", "sound"),
        ("招金集团", "1", "same-core"),
        ("赵金矿业", "2", "sound"),
        ("赵晋银楼", "3", "sound"),
        ("赵晋立夫", "4", "sound"),
        ("卢新贵金属", "5", "sound"),
        ("山東鲁鑫貴金屬有限公司", "5", "exact"),
        ("崇庆宏声印务", "9", "sound"),
        ("91370685165236899X", "1", "code"),
    ],
)
def test_the_right_one_comes_first_and_says_why(register, written, meant, why):
    found = register.resolve(written)
    assert found.candidates[0].id == meant
    assert why in codes(found)
    assert all(reason.zh and reason.en for c in found for reason in c.reasons)


def test_an_alias_beats_all_within_its_dates(register):
    found = register.resolve("招远黄金工业集团")
    assert (found.decision, found.candidates[0].id) == ("match", "1")
    assert "工商变更登记" in found.why()
    assert register.resolve("招远黄金工业集团", context=Context(on="2001-01-01")).decision == "match"
    later = register.resolve("招远黄金工业集团", context=Context(on="2010-01-01"))
    assert later.decision != "match"
    assert "alias-expired" in codes(later)


def test_a_numeral_that_differs_is_never_a_match(register):
    found = register.resolve("第九建筑工程有限公司")
    assert found.decision != "match"


def test_two_of_the_same_name_are_told_apart_by_context_and_it_says_so(register):
    assert register.resolve("宏达机械有限公司").decision == "review"
    found = register.resolve("宏达机械有限公司", context=Context(place="无锡"))
    assert found.candidates[0].id == "8"
    assert "context-place" in codes(found)
    assert register.resolve("宏达机械有限公司", context=Context(place="山东烟台")).candidates[0].id == "7"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("金", "one-character"),
        ("😀😀", "no-name"),
        ("\x00\x01", "no-name"),
        ("37068519800101123X", "person-id"),
        ("招" * 400, "too-long"),
        ("20240101", "only-digits"),
    ],
)
def test_what_cannot_be_a_name_is_new_with_the_reason(register, text, code):
    found = register.resolve(text)
    assert found.decision == "new"
    assert [r.code for r in found.reasons] == [code]
    assert text[:6] not in found.reasons[0].zh or code != "person-id"


@pytest.mark.parametrize(
    "text",
    [
        "ABB",
        "Siemens AG 西门子（中国）",
        "ＡＢＣ公司",
        "（）（",
        "招金）集团（",
        "公司",
        "有限公司",
        "山东",
        "集团股份",
    ],
)
def test_odd_text_gets_an_answer(register, text):
    assert register.resolve(text).decision in {"match", "review", "new"}


@given(st.text(max_size=120))
@settings(max_examples=150, deadline=None)
def test_no_text_raises_and_probabilities_are_probabilities(register, text):
    found = register.resolve(text)
    assert 0 <= found.probability <= 1
    assert all(0 <= c.probability <= 1 for c in found)
    assert register.resolve_many([text]).decision[0] in {"match", "review", "new"}


def test_many_agree_with_one(register):
    texts = ["赵晋集团", "卢新贵金属", "海港区人民医院", "", "宏达机械有限公司"]
    many = register.resolve_many(texts)
    for i, text in enumerate(texts):
        one = register.resolve(text)
        assert many.decision[i] == one.decision
        assert many.ids[i][:1] == [c.id for c in one.candidates[:1]]


def test_add_replace_remove_and_compact(tmp_path):
    register = Register.build(ENTRIES, tmp_path / "r")
    register.add([Entry("20", "招远罗山食品有限公司")])
    assert register.resolve("招远罗山食品").candidates[0].id == "20"
    assert len(register) == len(ENTRIES) + 1
    register.add(
        [Entry("20", "龙口罗山食品有限公司", aliases=(Alias("招远罗山食品有限公司", until="2020-01-01"),))]
    )
    found = register.resolve("招远罗山食品有限公司")
    assert (found.decision, found.candidates[0].name) == ("match", "龙口罗山食品有限公司")
    assert len(register) == len(ENTRIES) + 1
    before = [register.resolve(e.name).candidates[0].id for e in ENTRIES]
    register.compact()
    assert [register.resolve(e.name).candidates[0].id for e in ENTRIES] == before
    assert register.resolve("招远罗山食品有限公司").candidates[0].matched == "招远罗山食品有限公司"
    register.add([], remove=["20"])
    assert len(register) == len(ENTRIES)
    assert all(c.id != "20" for c in register.resolve("龙口罗山食品有限公司"))


def test_a_register_with_a_third_duplicates_asks_a_person(tmp_path):
    doubled = ENTRIES + [e._replace(id=f"{e.id}b") for e in ENTRIES[:4]]
    register = Register.build(doubled, tmp_path / "r")
    found = register.resolve("招金矿业股份有限公司")
    assert found.decision == "review"
    assert "same-name" in codes(found)
    assert {c.id for c in found.candidates[:2]} == {"2", "2b"}


def test_an_empty_register_answers_new(tmp_path):
    register = Register.build([], tmp_path / "r")
    assert register.resolve("招金集团").decision == "new"
    register.add([Entry("1", "招金矿业股份有限公司")])
    assert register.resolve("招金矿业股份有限公司").decision == "match"


def test_entry_without_a_name_is_refused(tmp_path):
    with pytest.raises(Refusal, match="no usable name"):
        Register.build([Entry("1", "😀")], tmp_path / "r")
    with pytest.raises(Refusal) as missing:
        Register.open(tmp_path / "nowhere")
    assert missing.value.code == "register-missing"


@pytest.mark.parametrize("victim", ["posts.npy", "names.npy", "keys.npy"])
def test_a_file_cut_in_half_is_refused(tmp_path, victim):
    Register.build(ENTRIES, tmp_path / "r")
    file = next((tmp_path / "r").glob(f"seg-*/{victim}"))
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(Refusal) as refused:
        Register.open(tmp_path / "r")
    assert refused.value.code == "register-damaged"
    assert victim in refused.value.zh


def test_a_cut_manifest_or_a_missing_file_is_refused(tmp_path):
    Register.build(ENTRIES, tmp_path / "r")
    next((tmp_path / "r").glob("seg-*/roles.npy")).unlink()
    with pytest.raises(Refusal) as gone:
        Register.open(tmp_path / "r")
    assert gone.value.code == "register-damaged"
    manifest = tmp_path / "r" / "manifest.json"
    manifest.write_text(manifest.read_text()[:20])
    with pytest.raises(Refusal) as cut:
        Register.open(tmp_path / "r")
    assert cut.value.code == "register-damaged"


def _add(path, first, count):
    register = Register.open(path)
    for k in range(first, first + count):
        register.add(
            [Entry(f"p{k}", f"招远市{'甲乙丙丁戊己庚辛壬癸'[k % 10]}{'东南西北中'[k // 10]}山粮油有限公司")]
        )


def test_two_processes_adding_at_once_lose_nothing(tmp_path):
    Register.build(ENTRIES, tmp_path / "r")
    fork = mp.get_context("fork")
    workers = [fork.Process(target=_add, args=(tmp_path / "r", first, 5)) for first in (0, 10)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    register = Register.open(tmp_path / "r")
    assert len(register) == len(ENTRIES) + 10
    assert register.resolve("招远市甲南山粮油有限公司").decision == "match"


@pytest.mark.parametrize("delay", [0.0, 0.01, 0.03, 0.08])
def test_killed_while_adding_leaves_the_old_or_the_new(tmp_path, delay):
    Register.build(ENTRIES, tmp_path / "r")
    worker = mp.get_context("fork").Process(target=_add, args=(tmp_path / "r", 0, 40))
    worker.start()
    time.sleep(delay)
    os.kill(worker.pid, signal.SIGKILL)
    worker.join()
    register = Register.open(tmp_path / "r")
    assert len(ENTRIES) <= len(register) <= len(ENTRIES) + 40
    assert register.resolve("招金矿业股份有限公司").decision == "match"
    register.add([Entry("after", "招远市事后食品有限公司")])
    named = {row["name"] for row in json.loads((tmp_path / "r" / "manifest.json").read_text())["segments"]}
    assert {p.name for p in (tmp_path / "r").glob("seg-*")} == named
    assert not list((tmp_path / "r").glob(".making-*"))


def test_a_reader_takes_up_what_another_added(tmp_path):
    reader = Register.build(ENTRIES, tmp_path / "r")
    Register.open(tmp_path / "r").add([Entry("30", "蓬莱仙阁旅游有限公司")])
    assert reader.resolve("蓬莱仙阁旅游有限公司").decision != "match"
    assert reader.refresh()
    assert not reader.refresh()
    assert reader.resolve("蓬莱仙阁旅游有限公司").decision == "match"
