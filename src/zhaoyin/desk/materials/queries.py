"""What people ask about materials: the text with its spans, the facts with what the ledger already has."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from zhaoyin.desk.events import queries as events
from zhaoyin.desk.materials.models import Fact, Material, MaterialText
from zhaoyin.desk.parties import queries as parties
from zhaoyin.desk.policies import queries as policies
from zhaoyin.desk.sectors import SECTORS
from zhaoyin.desk.sites import queries as sites
from zhaoyin.desk.templatetags.desk import said_date
from zhaoyin.desk.words import say, t

FACTS_PER_PAGE = 200
WHOLE_TEXT = 60_000  # characters; of a longer text only the paragraphs that facts come from are shown

# kind → (colour of the visual language, one-character tag, in English)
KIND_SHOW: dict[str, tuple[str, str, str]] = {
    Fact.Kind.EVENT: ("event", "活", "E"),
    Fact.Kind.DEAL: ("deal", "签", "S"),
    Fact.Kind.ORGANISATION: ("org", "主", "O"),
    Fact.Kind.PERSON: ("person", "人", "P"),
    Fact.Kind.CARRIER: ("place", "载", "L"),
    Fact.Kind.POLICY: ("policy", "策", "I"),
    Fact.Kind.CLAIM: ("claim", "数", "N"),
}

# kind → (field, label): what a fact says, in the order people read it; also the fields of a correction
FIELDS: dict[str, tuple[tuple[str, Any], ...]] = {
    Fact.Kind.EVENT: (
        ("name", t("名称", "Name")),
        ("kind", t("类型", "Kind")),
        ("date", t("日期", "Date")),
        ("venue", t("地点", "Venue")),
        ("attendees", t("到会人数", "Attendees")),
        ("signed_count", t("宣布签约数", "Signings announced")),
        ("signed_amount_text", t("宣布签约额", "Amount announced")),
    ),
    Fact.Kind.DEAL: (
        ("name", t("名称", "Name")),
        ("local_party", t("本地方", "Local side")),
        ("investors", t("投资方", "Investors")),
        ("agreement", t("协议类型", "Agreement")),
        ("stage", t("进展", "Progress")),
        ("place", t("落地", "Place")),
        ("amount_text", t("金额原话", "Amount as written")),
        ("amount_wan", t("金额（万元）", "Amount (CNY 10k)")),
        ("sector", t("产业", "Sector")),
    ),
    Fact.Kind.ORGANISATION: (("name", t("名称", "Name")),),
    Fact.Kind.PERSON: (
        ("name", t("姓名", "Name")),
        ("title", t("职务", "Title")),
        ("org", t("单位", "Organisation")),
    ),
    Fact.Kind.CARRIER: (
        ("name", t("名称", "Name")),
        ("kind", t("类型", "Kind")),
        ("area_text", t("面积原话", "Area as written")),
        ("area_mu", t("面积（亩）", "Area (mu)")),
        ("focus", t("产业", "Focus")),
    ),
    Fact.Kind.POLICY: (("name", t("名称", "Name")), ("amount_text", t("金额原话", "Amount as written"))),
    Fact.Kind.CLAIM: (
        ("subject", t("说的是", "Subject")),
        ("measure", t("量的是", "Measure")),
        ("value_text", t("数值", "Value")),
    ),
}
LIST_FIELDS = {"investors", "focus"}
NUMBER_FIELDS = {"attendees", "signed_count", "amount_wan", "area_mu", "signed_amount_wan"}

# read from the sentence as a whole: lighting all of it would hide who and what
WHOLE_SENTENCE = {"stage", "agreement", "sector", "kind", "measure"}

# codes of a reading in words
CODES: dict[tuple[str, str], dict[str, Any]] = {
    (Fact.Kind.DEAL, "agreement"): {
        "strategic": t("框架协议", "Framework"),
        "project": t("正式合同", "Contract"),
        "other": t("意向协议", "Letter of intent"),
    },
    (Fact.Kind.DEAL, "stage"): {
        "negotiating": t("洽谈", "Talks"), "signed": t("签约", "Signed"), "construction": t("在建", "Under construction"),
        "production": t("投产", "Producing"), "planned": t("计划", "Planned"), "other": t("其他", "Other"),
    },
    (Fact.Kind.DEAL, "sector"): SECTORS,
    (Fact.Kind.EVENT, "kind"): {
        "promotion": t("推介会", "Promotion"), "signing": t("签约会", "Signing"), "festival": t("节会", "Festival"), "forum": t("论坛", "Forum"),
        "visit": t("考察", "Visit"), "groundbreaking": t("开工仪式", "Groundbreaking"), "other": t("其他", "Other"),
    },
    (Fact.Kind.CARRIER, "kind"): {
        "zone": t("开发区", "Zone"), "park": t("园区", "Park"), "functional_zone": t("功能区", "Functional zone"), "base": t("基地", "Base"),
        "site": t("场地", "Site"), "platform": t("平台", "Platform"),
    },
    (Fact.Kind.CLAIM, "measure"): {
        "market_share": t("市场份额", "Market share"), "rank": t("位次", "Rank"), "output": t("产量产值", "Output"), "capacity": t("产能", "Capacity"),
        "companies": t("企业数", "Companies"), "talent": t("人才", "Talent"), "other": t("其他", "Other"),
    },
}  # fmt: skip


def shown(kind: str, field: str, value: Any) -> str:
    """A value of a fact in words; empty when the text does not say."""
    if value in (None, "", []):
        return ""
    if isinstance(value, list):
        return say("、", ", ").join(str(one) for one in value)
    codes = CODES.get((kind, field))
    if codes and value in codes:
        return str(codes[value])
    if field == "date":
        return said_date(str(value))
    return f"{value:,}" if isinstance(value, int) else str(value)


@dataclass(frozen=True)
class Piece:
    """A run of the source: plain, or lit by facts. ``tag`` stands where a fact begins."""

    text: str
    facts: str = ""
    kind: str = ""
    tag: str = ""
    label: str = ""
    start: int = 0


def paragraphs(source: str, facts: Iterable[Fact]) -> list[list[Piece]]:
    """The source cut into paragraphs of pieces. Lit are the places that prove a fact's fields."""
    lit: list[tuple[int, int, Fact, bool]] = []
    for fact in facts:
        name = (
            "subject"
            if fact.kind == Fact.Kind.CLAIM and "value_text" not in fact.spans
            else ("value_text" if fact.kind == Fact.Kind.CLAIM else "name")
        )
        main = fact.spans.get(name) or fact.spans[""]
        for field, places in fact.spans.items():
            if (field == "" and fact.spans.get(name)) or not places:
                continue
            if field in WHOLE_SENTENCE and fact.spans.get(name):
                continue
            for place, (start, end) in enumerate(places[:1] if field != name else places):
                lit.append((start, end, fact, [start, end] == main[0] and place == 0))
    lit.sort(key=lambda one: (one[0], one[1] - one[0]))
    cuts = {0, len(source)}
    for start, end, _, _ in lit:
        cuts |= {start, end}
    at = -1
    while (at := source.find("\n", at + 1)) >= 0:
        cuts |= {at, at + 1}
    edges = sorted(cut for cut in cuts if 0 <= cut <= len(source))
    english = say("zh", "en") == "en"
    out: list[list[Piece]] = [[]]
    active: list[tuple[int, int, Fact, bool]] = []
    upcoming = 0
    long = len(source) > WHOLE_TEXT
    for left, right in itertools.pairwise(edges):
        while upcoming < len(lit) and lit[upcoming][0] <= left:
            active.append(lit[upcoming])
            upcoming += 1
        active = [one for one in active if one[1] > left]
        if source[left:right] == "\n":
            out.append([])
            continue
        if not active:
            out[-1].append(Piece(source[left:right], start=left))
            continue
        ids = list(dict.fromkeys(str(one[2].pk) for one in active))
        narrow = min(active, key=lambda one: one[1] - one[0])[2]
        begins = next((one[2] for one in active if one[3] and one[0] == left), None)
        kind, zh, en = KIND_SHOW[(begins or narrow).kind]
        out[-1].append(
            Piece(
                source[left:right],
                " ".join(ids),
                kind,
                (en if english else zh) if begins else "",
                str(narrow.get_kind_display()),
                left,
            )
        )
    kept = [paragraph for paragraph in out if any(piece.text.strip() for piece in paragraph)]
    if not long:
        return kept
    short: list[list[Piece]] = []
    for paragraph in kept:
        if any(piece.facts for piece in paragraph):
            short.append(
                [
                    piece
                    if piece.facts or len(piece.text) < 400
                    else Piece(piece.text[:200] + "……" + piece.text[-200:])
                    for piece in paragraph
                ]
            )
        elif short and short[-1] and short[-1][0].text != "……":
            short.append([Piece("……")])
    return short


def excerpt(material_id: int, start: int, end: int, around: int = 40) -> dict[str, str]:
    """The characters of a material with some text on both sides; empty when the text is withdrawn."""
    source = MaterialText.objects.filter(material_id=material_id).values_list("source", flat=True).first()
    if source is None:
        return {}
    left, right = max(0, start - around), min(len(source), end + around)
    before = source[left:start].rsplit("\n", 1)[-1]
    after = source[end:right].split("\n", 1)[0]
    return {
        "before": ("……" if left and len(before) == start - left else "") + before,
        "quote": source[start:end],
        "after": after + ("……" if right < len(source) and len(after) == right - end else ""),
    }


def annotate(facts: list[Fact]) -> list[Fact]:
    """Give each fact what its card shows: rows of label and value, and what the ledger already has of it."""
    names = {str(f.values.get("name")) for f in facts if f.kind == Fact.Kind.ORGANISATION}
    for fact in facts:
        if fact.kind == Fact.Kind.DEAL:
            names |= {str(one) for one in fact.values.get("investors") or []} | {
                str(fact.values.get("local_party") or "")
            }  # type: ignore[union-attr]
    known = parties.by_names(names - {""})
    ledger = {kind: lookup([f for f in facts if f.kind == kind]) for kind, lookup in EXISTING.items()}
    candidates = parties.candidates_for(sorted(names - set(known) - {""}))
    for fact in facts:
        values = fact.values
        kind, zh, en = KIND_SHOW[fact.kind]
        fact.colour, fact.tag = kind, say(zh, en)  # type: ignore[attr-defined]
        fact.rows = [  # type: ignore[attr-defined]
            (
                label,
                shown(fact.kind, name, values.get(name)),
                fact.corrected is not None and values.get(name) != fact.data.get(name),
            )
            for name, label in FIELDS[fact.kind]
            if values.get(name) not in (None, "", [])
            or name in {"local_party", "investors", "agreement", "amount_text"}
        ]
        fact.summary = _summary(fact)  # type: ignore[attr-defined]
        fact.existing = _existing(fact, known, ledger) if fact.state == Fact.State.OPEN else None  # type: ignore[attr-defined]
        fact.unknown = (  # type: ignore[attr-defined]
            [n for n in _party_names(fact) if n not in known] if fact.kind == Fact.Kind.DEAL else []
        )
        wanted = [str(values.get("name"))] if fact.kind == Fact.Kind.ORGANISATION else _party_names(fact)
        fact.candidates = [(n, one) for n in wanted for one in candidates.get(n, [])]  # type: ignore[attr-defined]
    return facts


def _party_names(fact: Fact) -> list[str]:
    if fact.kind != Fact.Kind.DEAL:
        return []
    values: dict[str, Any] = fact.values
    return [str(one) for one in [values.get("local_party"), *(values.get("investors") or [])] if one]


def _summary(fact: Fact) -> str:
    values: dict[str, Any] = fact.values
    if fact.kind == Fact.Kind.DEAL:
        parties_words = " × ".join(_party_names(fact)) or say("双方未写", "parties not stated")
        kind = shown(fact.kind, "agreement", values.get("agreement")) or say("类型未载明", "kind not stated")
        amount = values.get("amount_text") or say("金额未写", "no amount stated")
        return " · ".join([parties_words, kind, str(amount)])
    parts = [shown(fact.kind, name, values.get(name)) for name, _ in FIELDS[fact.kind][1:]]
    return " · ".join(part for part in parts if part)


def _named(by_names: Any) -> Any:
    return lambda facts: by_names({str(fact.values.get("name") or "") for fact in facts}) if facts else {}


# kind → what the ledger has of these names; accepting adds proof to it and makes nothing new
EXISTING: dict[str, Any] = {
    Fact.Kind.CARRIER: _named(sites.by_names),
    Fact.Kind.POLICY: _named(policies.by_names),
    Fact.Kind.EVENT: _named(events.by_names),
}


def _existing(fact: Fact, known: dict[str, Any], ledger: dict[str, Any]) -> Any:
    name = str(fact.values.get("name") or "")
    if fact.kind == Fact.Kind.ORGANISATION:
        return known.get(name)
    if fact.kind == Fact.Kind.EVENT:
        return ledger[fact.kind].get((name, str(fact.values.get("date") or "")))
    return ledger.get(fact.kind, {}).get(name)


def counts(material: Material) -> tuple[int, int, list[dict[str, Any]]]:
    """(decided, all, per kind: code, colour, tag, words, open, all)."""
    total: Counter[str] = Counter()
    left: Counter[str] = Counter()
    for kind, state in material.facts.values_list("kind", "state"):
        total[kind] += 1
        left[kind] += state == Fact.State.OPEN
    kinds = [
        {
            "code": kind.value,
            "colour": KIND_SHOW[kind][0],
            "tag": say(*KIND_SHOW[kind][1:]),
            "words": kind.label,
            "open": left[kind],
            "all": total[kind],
        }
        for kind in Fact.Kind
        if total[kind]
    ]
    return sum(total.values()) - sum(left.values()), sum(total.values()), kinds
