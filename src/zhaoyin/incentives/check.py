"""`policy check`: the tests written beside the policies, and what a careful reader would ask about."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from zhaoyin.base.errors import Refusal
from zhaoyin.incentives import expr as x
from zhaoyin.incentives import lawful
from zhaoyin.incentives import model as m
from zhaoyin.incentives.book import Book
from zhaoyin.incentives.fields import MONEY, QUANTITY, UNITS, show
from zhaoyin.incentives.load import File
from zhaoyin.incentives.single import Assessment, Result
from zhaoyin.incentives.source import Node

_STATES = (m.OPEN, m.CLOSED, m.ASK, m.DECIDE, m.OFF_BEFORE, m.OFF_AFTER, m.DRAFT)


@dataclass(frozen=True, slots=True)
class Finding:
    """``level``: error (a test failed), warning (lawfulness), note (worth a look)."""

    level: str
    place: str
    policy: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Ran:
    """A test written beside the policies, and what did not hold: ``expected`` by policy as written."""

    id: str
    file: str
    place: str
    on: dt.date
    inputs: dict[str, str]
    expected: dict[str, dict[str, str]]
    failed: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Report:
    policies: int
    cases: tuple[Ran, ...]
    findings: tuple[Finding, ...]

    @property
    def tests(self) -> int:
        return len(self.cases)

    @property
    def passed(self) -> bool:
        return not any(f.level == "error" for f in self.findings)


def check(book: Book, on: dt.date) -> Report:
    """Run every test of every file, and read every clause in force on ``on`` for lawfulness and likely slips."""
    cases = tuple(run_tests(book))
    findings = [finding for case in cases for finding in case.failed]
    rules = book.rules(on)
    for policy in rules.policies:
        judged = lawful.judge(policy, book.dictionary, on)
        if judged.concerns:
            level = "note" if judged.offerable else "warning"
            findings.append(Finding(level, policy.place, policy.id, judged.text("zh"), judged.text("en")))
        if policy.payable and not policy.caps and not isinstance(policy.raw, x.Const):
            findings.append(
                Finding(
                    "note",
                    policy.place,
                    policy.id,
                    "金额没有封顶，敞口无上限。",
                    "no cap: the exposure has no bound.",
                )
            )
        if policy.nature == m.UNSTATED and not policy.draft:
            findings.append(
                Finding("note", policy.place, policy.id, "文本未载明金额。", "the text states no amount.")
            )
    return Report(len(rules.policies), cases, tuple(findings))


def run_tests(book: Book) -> Iterator[Ran]:
    """Every test of every file."""
    for file in book.library.files:
        for node in file.nodes("tests"):
            failed = tuple(run_test(book, file, node))
            inputs = {k: "" if v.is_null else v.text() for k, v in node.need("input").map().items()}
            wanted = e.map() if (e := node.get("expect")) else {}
            expected = {id_: {k: _written(v) for k, v in row.map().items()} for id_, row in wanted.items()}
            on = node.need("as_of").date()
            yield Ran(node.need("id").text(), file.source.file, node.place, on, inputs, expected, failed)


def _written(node: Node) -> str:
    if node.is_map:
        return "，".join(f"{k} {_written(v)}" for k, v in node.map().items())
    if node.is_list:
        return "、".join(map(_written, node.members()))
    return "" if node.is_null else node.text()


def run_test(book: Book, file: File, node: Node) -> list[Finding]:
    """One test: {id, input, as_of, expect: {policy: {status, amount, …}}, total}."""
    node.map(("id", "input", "as_of", "expect", "total", "choices", "note"), of="测试")
    name = node.need("id", of="测试").text()
    on = node.need("as_of", of="测试").date()
    inputs = {k: (None if v.is_null else v.text()) for k, v in node.need("input", of="测试").map().items()}
    choices = {k: v.text() for k, v in c.map().items()} if (c := node.get("choices")) else None
    findings: list[Finding] = []

    def fail(place: Node, zh: str, en: str) -> None:
        findings.append(Finding("error", place.place, name, f"测试“{name}”：{zh}", f"test “{name}”: {en}"))

    try:
        found = book.assess(inputs, on, choices=choices)
    except Refusal as refusal:
        node.refuse("test", f"测试“{name}”的输入：{refusal.zh}", f"input of test “{name}”: {refusal.en}")
    expect = node.get("expect")
    for id_, wanted in (expect.map() if expect else {}).items():
        got = result_of(found, id_)
        if got is None:
            wanted.refuse("member", f"没有编号为“{id_}”的条款。", f"there is no policy “{id_}”.")
        state, result = got
        wanted.map(
            ("status", "amount", "before", "range", "binding", "replaced_by", "due", "gap", "asks", "relief"),
            of="expect",
        )
        for key, value in wanted.map().items():
            is_, should = _compare(key, value, state, result)
            if is_ != should:
                fail(
                    value,
                    f"{id_} 的 {key} 应是 {should}，实为 {is_}。",
                    f"{key} of {id_} should be {should}, is {is_}.",
                )
    if (total := node.get("total")) and found.total != _fen(total):
        fail(
            total,
            f"合计应是 {total.text()}，实为 {show(found.total, MONEY)}。",
            f"total is {show(found.total, MONEY)}.",
        )
    return findings


def result_of(found: Assessment, policy: str) -> tuple[str, Result | None] | None:
    for result in found.results:
        if result.policy.id == policy:
            return result.status, result
    return next(((state, None) for id_, _, _, state in found.closed if id_ == policy), None)


def _compare(key: str, node: Node, state: str, result: Result | None) -> tuple[str, str]:
    """(what is, what should be), as texts."""
    if key == "status":
        return state, node.one_of(_STATES)
    if result is None:
        return state, node.text()
    match key:
        case "amount" | "before" | "due":
            value = getattr(result, key)
            return ("无" if value is None else show(value, MONEY)), show(_fen(node), MONEY)
        case "range":
            ends = [("不限" if e.is_null else show(_fen(e), MONEY)) for e in node.members()]
            if result.range is None:
                return "无", " 至 ".join(ends)
            low, high = result.range
            return f"{show(low, MONEY)} 至 {'不限' if high is None else show(high, MONEY)}", " 至 ".join(ends)
        case "gap":
            return "；".join(g.text() for g in result.missing), node.text()
        case "asks":
            return "、".join(result.asks), "、".join(node.texts())
        case "relief":
            relief = result.policy.relief
            shown = []
            for row in node.members():
                year = row.need("year").integer()
                held = relief.in_year(year) if relief else None
                shown.append(f"{year}:{'无' if held is None else f'{float(held[1] * 100):g}%'}")
            return "、".join(shown), "、".join(
                f"{r.need('year').text()}:{r.need('rate').text()}" for r in node.members()
            )
    return str(getattr(result, key)), node.text()


def _fen(node: Node) -> int:
    text = node.text()
    found = QUANTITY.fullmatch(text)
    if not found or UNITS[found["unit"]][0] != MONEY:
        node.refuse(
            "unit",
            f"“{text}”不是金额。写成 40.875万元 这样。",
            f"“{text}” is no amount. Write it like 40.875万元.",
        )
    from fractions import Fraction

    value = Fraction(found["number"].replace(",", "")) * UNITS[found["unit"]][2]
    if value.denominator != 1:
        node.refuse("fraction", f"“{text}”不足一分。", f"“{text}” is finer than a fen.")
    return int(value)
