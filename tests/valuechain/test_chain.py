import shutil
from pathlib import Path

import pytest

import zhaoyin
from zhaoyin.base.errors import Refusal
from zhaoyin.valuechain import Chain, CodeTable, TermClassifier, diff

GOLD = Path(zhaoyin.__file__).parent / "packs" / "zhaoyuan" / "chains" / "gold"


@pytest.fixture
def folder(tmp_path) -> Path:
    shutil.copytree(GOLD, tmp_path / "gold")
    return tmp_path / "gold"


def test_the_gold_chain_has_eleven_coded_segments_and_every_code_is_named(gold):
    assert len(gold.nodes) == 11
    assert {c.node_id for c in gold.codes} == {n.node_id for n in gold.nodes}
    assert {c.code for c in gold.codes} == set(gold.code_names)


def test_claims_keep_the_source_spelling_their_citation_and_no_invented_year(gold):
    shares = {c.node_id: c for c in gold.claims if c.kind == "share"}
    assert (shares["gold_salts"].value, shares["gold_salts"].bound) == (0.4, ">=")
    assert (shares["bonding_wire"].value, shares["bonding_wire"].bound) == (0.6, ">=")
    assert shares["gold_salts"].subject == "赵晋立夫"
    for claim in gold.claims:
        assert "单一媒体报道，未核实" in claim.citation
        assert "one press report, unverified" in claim.citation_en
        assert claim.year is None


def test_order_ignores_recycling_and_paths_weigh_the_segments(gold):
    columns = {k: c for k, (c, _) in gold.layout().items()}
    for edge in gold.edges:
        if edge.relation != "recycles":
            assert columns[edge.source] <= columns[edge.target]
    # exploration|machinery → mining → {smelting → {deep → salts|wire|jewellery, jewellery}, tailings, tourism}
    assert gold.criticality["mining"] == 1
    assert gold.criticality["smelting"] == pytest.approx(4 / 6)
    assert gold.chokepoints["smelting"] == ("deep_processing", "jewellery")
    assert "deep_processing" not in gold.chokepoints  # jewellery is reached from smelting as well


def test_a_cycle_of_supplies_is_condensed_not_refused(gold):
    tables = gold.to_tables()
    tables["edge"].append({"source": "jewellery", "target": "mining", "relation": "supplies"})
    looped = Chain.from_tables(tables)
    assert looped.criticality["mining"] == looped.criticality["jewellery"]


def test_tables_round_trip_and_diff(gold):
    assert Chain.from_tables(gold.to_tables()).to_tables() == gold.to_tables()
    tables = gold.to_tables()
    tables["node"][0]["name"] = "地质找矿"
    tables["edge"] = tables["edge"][1:]
    tables["node_term"].append({"node_id": "tourism", "term": "金矿研学"})
    changes = diff(gold, Chain.from_tables(tables))
    assert [(c.table, c.field, c.old is None, c.new is None) for c in changes] == [
        ("node", "name", False, False),
        ("edge", "", False, True),
        ("node_term", "", True, False),
    ]
    assert diff(gold, gold) == []


def rewrite(folder: Path, name: str, old: str, new: str) -> None:
    file = folder / name
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "old", "new", "code", "place"),
    [
        ("chain.yaml", "name: 黄金产业链", "name: [黄金", "chain.yaml", "chain.yaml 第 5 行"),
        (
            "node.csv",
            "mining,金矿采选,Gold mining and dressing,upstream,",
            "mining,金矿采选,x,middle,",
            "chain.value",
            "node.csv 第 4 行",
        ),
        ("node.csv", "upstream,,1,0", "upstream,,first,0", "chain.value", "node.csv 第 2 行"),
        ("node.csv", "upstream,,3,1", "upstream,nowhere,3,1", "chain.parent", "node.csv 第 4 行"),
        ("edge.csv", "mining,smelting", "mining,melting", "chain.unknown_node", "edge.csv 第 4 行"),
        ("edge.csv", "supplies,0.9", "supplies,1.9", "chain.value", "edge.csv 第 4 行"),
        ("edge.csv", "mining,smelting", "mining,mining", "chain.self_edge", "edge.csv 第 4 行"),
        ("node_code.csv", "mining,GB/T 4754-2017,0921,1\n", "", "chain.no_code", "node.csv 第 4 行"),
        (
            "node_term.csv",
            "exploration,探矿,include,0.5",
            "exploration,探矿,include,0.5,多,余",
            "chain.ragged",
            "node_term.csv 第 8 行",
        ),
        (
            "node_term.csv",
            "exploration,探矿,include",
            "exploration,矿产勘查,include",
            "chain.duplicate",
            "node_term.csv 第 8 行",
        ),
    ],
)
def test_bad_files_are_refused_with_file_and_line(folder, name, old, new, code, place):
    rewrite(folder, name, old, new)
    with pytest.raises(Refusal) as caught:
        Chain.load(folder)
    assert caught.value.code == code
    assert place in caught.value.zh
    assert caught.value.en and " 第 " not in caught.value.en


def test_a_circle_of_parents_is_printed(gold):
    tables = gold.to_tables()
    for node in tables["node"]:
        node["parent_id"] = {"mining": "smelting", "smelting": "tailings", "tailings": "mining"}.get(
            node["node_id"], ""
        )
    with pytest.raises(Refusal) as caught:
        Chain.from_tables(tables)
    assert caught.value.code == "chain.parent_cycle"
    assert "mining → smelting → tailings → mining" in caught.value.zh
    assert caught.value.zh.count("→") == 3  # the circle once, not once per member


def test_a_code_outside_the_loaded_table_is_refused_by_name(tmp_path):
    table = tmp_path / "codes.csv"
    table.write_text(
        "代码,名称\n" + "\n".join(f"{c},{n}" for c, n in Chain.load(GOLD).code_names.items() if c != "3221"),
        "gb18030",
    )
    with pytest.raises(Refusal) as caught:
        Chain.load(GOLD, codes=CodeTable.load(table))
    assert caught.value.code == "codes.unknown"
    assert "3221" in caught.value.zh


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        ("code,title\n1,a\n", "codes.columns", "code/代码"),
        ("code,name\n01,农业\n01,林业\n", "codes.rows", "第 3 行：代码 01 重复"),
        ("code,name,parent\n01,农业,A\n", "codes.rows", "上级代码 A"),
        ("code,name\n", "codes.rows", "一行代码也没有"),
    ],
)
def test_bad_code_tables_load_nothing(tmp_path, content, code, said):
    file = tmp_path / "t.csv"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(Refusal) as caught:
        CodeTable.load(file)
    assert caught.value.code == code and said in caught.value.zh


def test_a_name_written_for_a_code_is_recognised(tmp_path):
    table = CodeTable("t", {"0921": "金矿采选", "3221": "金冶炼"})
    with pytest.raises(Refusal) as caught:
        table.require(["金冶炼"])
    assert "3221" in caught.value.zh
    assert "0921 金矿采选" in table.hint("0922")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("从事黄金采选、金精矿销售", {"mining"}),
        ("生产键合金丝和氰化亚金钾", {"bonding_wire", "gold_salts"}),
        ("合金材料、烫金箔的生产", set()),
        ("五金饰品、首饰盒批发", set()),
        ("金丝猴奶糖，金丝楠木家具", set()),
        ("一般项目（不含黄金开采）", set()),
        ("不含黄金开采的矿山机械制造", {"machinery"}),
        ("", set()),
    ],
)
def test_terms_find_segments_and_exclusions_void_them(gold, text, expected):
    found = TermClassifier(gold).classify(text)
    assert {c.node_id for c in found.candidates} == expected
    for candidate in found.candidates:
        for span in candidate.spans:
            assert text[span.start : span.end] == span.term
    if not expected:
        assert found.decision is None and found.why


def test_a_weak_or_split_text_is_not_decided(gold):
    classify = TermClassifier(gold).classify
    assert classify("黄金首饰加工、首饰制造").decision == "jewellery"
    assert classify("珠宝").decision is None  # 0.4 of one word
    split = classify("黄金冶炼，黄金旅游")
    assert split.decision is None and len(split.candidates) == 2
    assert "分不开" in split.why[0]


def test_memberships_quote_their_evidence(gold):
    rows = TermClassifier(gold).memberships([("a", "金矿开采"), ("b", "餐饮")])
    assert [(m.firm_id, m.node_id, m.method) for m in rows] == [("a", "mining", "term")]
    assert rows[0].evidence == "金矿开采@0-4"
