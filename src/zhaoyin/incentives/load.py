"""Policy files → rules in force on a day. Nine amount kinds are lowered to the tree here and nowhere else."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path

from zhaoyin.base.errors import Refusal
from zhaoyin.incentives import expr as x
from zhaoyin.incentives import fields as f
from zhaoyin.incentives import model as m
from zhaoyin.incentives import parse as p
from zhaoyin.incentives.source import Node, parse, read

FILE_KEYS = (
    "schema", "document", "valid", "fields", "lists", "parameters", "defaults", "policies", "groups", "caps", "budgets",
    "tests", "combine", "note",
)  # fmt: skip
POLICY_KEYS = (
    "id", "title", "clause", "kind", "text", "level", "matter", "when", "amount", "cap", "less", "floor", "let", "share",
    "discretion", "documents", "instalments", "commitments", "quota", "nature", "gate", "relief", "instrument", "payee",
    "draft", "legal_basis", "barred", "superseded_by", "valid", "note", "rounding",
)  # fmt: skip
AMOUNT_KINDS = ("fixed", "rate", "tiers", "step", "per_item", "match", "clamp", "top_up", "table")
_AMOUNT_KEYS = (
    *AMOUNT_KINDS,
    "of",
    "value",
    "first",
    "range",
    "plus",
    "times",
    "floor",
    "ceiling",
    "count",
    "limit",
)
_ROUNDING = {
    "分": (1, False), "元舍去": (100, False), "元四舍五入": (100, True), "百元舍去": (10_000, False),
    "千元舍去": (100_000, False), "万元舍去": (1_000_000, False), "万元四舍五入": (1_000_000, True),
    "分四舍五入": (1, True),
}  # fmt: skip
NATURES = (m.EXACT, m.UP_TO, m.AT_LEAST)


@dataclass(frozen=True)
class File:
    """One policy file: its document and its tree."""

    source: m.Source
    root: Node

    def nodes(self, key: str) -> list[Node]:
        found = self.root.get(key)
        return list(found.items()) if found else []


@dataclass(frozen=True, slots=True)
class Parameter:
    """A dated value: (first day, exact value), newest last; the last may end."""

    name: str
    type: str
    unit: str
    currency: str
    values: tuple[tuple[dt.date, Fraction], ...]
    ends: dt.date | None
    place: str

    def on(self, day: dt.date) -> p.Rate:
        value = None
        for start, number in self.values:
            if start <= day:
                value = number
        if self.ends and day > self.ends:
            value = None
        return p.Rate(value, self.type, self.unit, self.currency)


@dataclass(frozen=True)
class Library:
    """All files of a folder: the dictionary, the parameters and the documents in order."""

    dictionary: f.Dictionary
    parameters: dict[str, Parameter]
    files: tuple[File, ...]

    @cached_property
    def changes(self) -> tuple[dt.date, ...]:
        """Days on which the rules in force change."""
        days: set[dt.date] = set()
        for file in self.files:
            spans = [(file.source.starts, file.source.ends)]
            spans += [_span(v) for n in file.nodes("policies") if (v := n.get("valid"))]
            for starts, ends in spans:
                days |= {starts} if starts else set()
                days |= {ends + dt.timedelta(days=1)} if ends and ends < dt.date.max else set()
        for parameter in self.parameters.values():
            days |= {day for day, _ in parameter.values}
            if parameter.ends:
                days.add(parameter.ends + dt.timedelta(days=1))
        return tuple(sorted(days))


def from_folder(folder: Path) -> Library:
    folder = Path(folder)
    if not folder.is_dir():
        raise Refusal(
            "policy.folder",
            f"没有文件夹 {folder}。检查路径。",
            f"There is no folder {folder}. Check the path.",
            where=str(folder),
        )
    paths = sorted(path for path in folder.rglob("*.y*ml") if path.suffix in (".yaml", ".yml"))
    if not paths:
        raise Refusal(
            "policy.folder",
            f"{folder} 里没有政策文件（*.yaml）。",
            f"There are no policy files (*.yaml) in {folder}.",
            where=str(folder),
        )
    return library([read(path, path.relative_to(folder).as_posix()) for path in paths])


def from_texts(texts: dict[str, str]) -> Library:
    """The same from texts by file name (the editor, tests)."""
    return library([parse(text, name) for name, text in sorted(texts.items())])


def library(roots: list[Node]) -> Library:
    entries: dict[str, f.Field] = {}
    lists: dict[str, tuple[str, ...]] = {}
    parameters: dict[str, Parameter] = {}
    files: list[File] = []
    for root in roots:
        root.map(FILE_KEYS, of="政策文件")
        schema = root.need("schema", of="文件")
        if schema.one_of(("policy/1", "fields/1")) == "policy/1":
            files.append(File(_source(root), root))
        node = root.get("fields")
        if node and node.is_map:
            for name, entry in f.read_fields(node).items():
                if name in entries and entries[name] != entry:
                    node.map()[name].refuse(
                        "duplicate",
                        f"字段“{name}”在别处已有不同定义。留一处。",
                        f"field “{name}” is defined elsewhere. Keep one.",
                    )
                entries[name] = entry
        elif node and not any(
            other.file == node.text() or other.file.endswith("/" + node.text()) for other in roots
        ):
            node.refuse(
                "fields", f"找不到字段字典 {node.text()}。", f"the dictionary {node.text()} is missing."
            )
        if node := root.get("lists"):
            lists.update(f.read_lists(node))
        if node := root.get("parameters"):
            for name, entry_node in node.map().items():
                parameters[name] = _parameter(name, entry_node)
    dictionary = f.Dictionary(entries, lists)
    for name, parameter in parameters.items():
        if name in dictionary:
            raise Refusal(
                "policy.duplicate",
                f"{parameter.place}：“{name}”既是字段又是参数。改一个名字。",
                f"{parameter.place}: “{name}” is both a field and a parameter. Rename one.",
                where=parameter.place,
            )
    ids: dict[str, Node] = {}
    for file in files:
        if file.source.id in ids:
            file.root.refuse(
                "duplicate",
                f"文件编号“{file.source.id}”重复。",
                f"document id “{file.source.id}” is used twice.",
            )
        ids[file.source.id] = file.root
    return Library(dictionary, parameters, tuple(files))


def _source(root: Node) -> m.Source:
    node = root.need("document", of="文件")
    node.map(
        ("id", "title", "issuer", "level", "number", "supersedes", "example", "review", "url", "note"),
        of="document",
    )
    starts = ends = None
    window = None
    if valid := root.get("valid"):
        valid.map(("from", "to", "apply_window"), of="valid")
        starts, ends = _span(valid)
        if at := valid.get("apply_window"):
            days = [_month_day(n) for n in at.members()]
            if len(days) != 2:
                at.refuse("window", "申报期写成 [03-01, 04-30]。", "write the window as [03-01, 04-30].")
            window = (days[0], days[1])

    def word(key: str) -> str:
        return n.text() if (n := node.get(key)) else ""

    example = node.get("example")
    return m.Source(
        id=node.need("id", of="document").text(),
        title=node.need("title", of="document").text(),
        issuer=word("issuer"),
        level=word("level"),
        number=word("number"),
        starts=starts,
        ends=ends,
        window=window,
        supersedes=word("supersedes"),
        file=root.file,
        example=example.boolean() if example else False,
        review=word("review"),
    )


def _span(valid: Node) -> tuple[dt.date | None, dt.date | None]:
    starts = n.date() if (n := valid.get("from")) else None
    ends = n.date() if (n := valid.get("to")) else None
    if starts and ends and ends < starts:
        valid.refuse(
            "dates", f"有效期止 {ends} 早于起 {starts}。", f"valid.to {ends} is before valid.from {starts}."
        )
    return starts, ends


def _month_day(node: Node) -> tuple[int, int]:
    try:
        month, day = (int(part) for part in node.text().split("-"))
        dt.date(2024, month, day)
    except ValueError:
        node.refuse(
            "window",
            f"“{node.text()}”不是月日。写成 03-01。",
            f"“{node.text()}” is no month-day. Write 03-01.",
        )
    return month, day


def _parameter(name: str, node: Node) -> Parameter:
    node.map(("unit", "values", "to", "note", "source"), of=f"参数“{name}”")
    unit = n.text() if (n := node.get("unit")) else ""
    currency, kind, money_unit = "", p.NUMBER, ""
    if unit.startswith("元/"):
        currency = f.CURRENCIES.get(unit[2:], "")
        if not currency:
            node.need("unit").refuse(
                "currency", f"汇率单位“{unit}”不认识。写 元/美元。", f"unknown rate unit “{unit}”."
            )
    values: list[tuple[dt.date, Fraction]] = []
    for pair in node.need("values", of=f"参数“{name}”").members():
        two = pair.members()
        if len(two) != 2:
            pair.refuse("parameter", "每行写 [起始日, 值]。", "write each row as [first day, value].")
        day, text = two[0].date(), two[1].text()
        if values and day <= values[-1][0]:
            two[0].refuse("parameter", "起始日要依次往后。", "first days must ascend.")
        found = f.QUANTITY.fullmatch(text)
        if found:
            type_, unit_, factor = f.UNITS[found["unit"]]
            value = Fraction(found["number"].replace(",", "")) * factor
            if type_ == f.RATIO:
                value /= 1_000_000
            elif type_ == f.MONEY:
                kind, money_unit = f.MONEY, unit_
            else:
                two[1].refuse(
                    "parameter", "参数只能是比例、金额或数。", "a parameter is a rate, an amount or a number."
                )
        elif f.NUMBER.fullmatch(text):
            value = Fraction(text.replace(",", ""))
        else:
            two[1].refuse("parameter", f"“{text}”不是数。", f"“{text}” is no number.")
        values.append((day, value))
    ends = n.date() if (n := node.get("to")) else None
    return Parameter(name, kind, money_unit, currency, tuple(values), ends, node.place)


# -- rules on a day ---------------------------------------------------------------------------------------------------


def rules_on(lib: Library, on: dt.date) -> m.Rules:
    """What is in force on a day. Of two versions of one policy in force, the one that started later rules."""
    rates = {name: parameter.on(on) for name, parameter in lib.parameters.items()}
    chosen: dict[str, tuple[dt.date, File, Node]] = {}
    closed: dict[str, tuple[str, str, m.Source, str]] = {}
    order: dict[str, tuple[int, int]] = {}
    for n, file in enumerate(lib.files):
        seen: set[str] = set()
        for k, node in enumerate(file.nodes("policies")):
            node.map(POLICY_KEYS, of="条款")
            id_ = node.need("id", of="条款").text()
            if id_ in seen:
                node.refuse(
                    "duplicate",
                    f"条款编号“{id_}”在本文件重复。",
                    f"policy id “{id_}” is used twice in this file.",
                )
            seen.add(id_)
            starts, ends = file.source.starts, file.source.ends
            if valid := node.get("valid"):
                valid.map(("from", "to"), of="valid")
                first, last = _span(valid)
                starts, ends = first or starts, last or ends
            state = replace(file.source, starts=starts, ends=ends).state(on)
            if state:
                title = t.text() if (t := node.get("title")) else id_
                if closed.get(id_, ("", "", None, m.OFF_BEFORE))[3] == m.OFF_BEFORE:
                    closed[id_] = (id_, title, file.source, state)
                continue
            since = starts or dt.date.min
            if id_ in chosen and chosen[id_][0] == since and chosen[id_][1] is not file:
                node.refuse(
                    "overlap",
                    f"条款“{id_}”同日有两个版本有效（另见 {chosen[id_][2].place}）。给旧版写上止期。",
                    f"policy “{id_}” has two versions in force at once (also {chosen[id_][2].place}). End the older one.",
                )
            if id_ not in chosen or chosen[id_][0] < since:
                chosen[id_] = (since, file, node)
                order[id_] = (n, k)
    policies: list[m.Policy] = []
    for id_ in sorted(chosen, key=order.__getitem__):
        _, file, node = chosen[id_]
        policies.append(_PolicyReader(lib, file, node, rates).policy())
    index = {policy.id: n for n, policy in enumerate(policies)}
    known = {i.text() for file in lib.files for n in file.nodes("policies") if (i := n.get("id"))}
    groups: list[m.Group] = []
    caps: list[m.FirmCap] = []
    budgets: list[m.Budget] = []
    for file in lib.files:
        if file.source.state(on):
            continue
        own = [n for n, policy in enumerate(policies) if policy.source.id == file.source.id]
        scope = _scope(lib, rates, {})
        for node in file.nodes("groups"):
            groups.append(_group(node, index, known, own, scope))
        if combine := file.root.get("combine"):
            groups.extend(_combined(combine, policies, own, groups))
        for node in file.nodes("caps"):
            caps.append(_firm_cap(node, index, known, own, scope))
        for node in file.nodes("budgets"):
            budgets.append(_budget(node, index, known, own, scope))
    _one_place(groups, policies, "组合规则", "combination rule")
    _one_place(budgets, policies, "资金盘", "budget")
    missing = tuple(entry for id_, entry in closed.items() if id_ not in index)
    return m.Rules(tuple(policies), tuple(groups), tuple(caps), tuple(budgets), missing)


def _one_place(rows: list[m.Group] | list[m.Budget], policies: list[m.Policy], zh: str, en: str) -> None:
    taken: dict[int, str] = {}
    for row in rows:
        if row.rule == "stack":
            continue
        for member in row.members:
            if member in taken:
                policy = policies[member]
                raise Refusal(
                    "policy.group",
                    f"{policy.place}：条款“{policy.id}”同时在{zh}“{taken[member]}”和“{row.name}”里。留一处。",
                    f"{policy.place}: policy “{policy.id}” is in two {en}s, “{taken[member]}” and “{row.name}”. Keep one.",
                    where=policy.place,
                )
            taken[member] = row.name


def _members(node: Node, index: dict[str, int], known: set[str], own: list[int]) -> tuple[int, ...]:
    at = node.need("members", of="这一组")
    if not at.is_list and at.text() == "all":
        return tuple(own)
    found: list[int] = []
    for item in at.members():
        name = item.text()
        if name not in known:
            item.refuse("member", f"没有编号为“{name}”的条款。", f"there is no policy “{name}”.")
        if name in index:
            if index[name] in found:
                item.refuse("member", f"“{name}”写了两次。", f"“{name}” is listed twice.")
            found.append(index[name])
    return tuple(found)


def _group(node: Node, index: dict[str, int], known: set[str], own: list[int], scope: p.Scope) -> m.Group:
    node.map(("name", "rule", "members", "tie", "already"), of="组合规则")
    rule = node.need("rule", of="组合规则").one_of(m.GROUP_RULES)
    if tie := node.get("tie"):
        tie.one_of(("document_order",))
    already = None
    if at := node.get("already"):
        already = _whole(p.money(at, scope))
    if (rule == "top_up") != (already is not None):
        node.refuse(
            "already",
            "晋级补差（top_up）要写 already：已经领过的金额；别的规则不写。",
            "top_up needs already (the amount received so far); other rules do not.",
        )
    name = node.need("name", of="组合规则").text()
    return m.Group(name, rule, tuple(sorted(_members(node, index, known, own))), already)


def _combined(
    node: Node, policies: list[m.Policy], own: list[int], groups: list[m.Group]
) -> Iterator[m.Group]:
    """“同级同类就高”: one group for each level and matter, but for members that already stand in a group."""
    node.map(("rule", "by", "name"), of="combine")
    rule = node.need("rule", of="combine").one_of(("highest",))
    by = [k.one_of(("level", "matter")) for k in node.need("by", of="combine").items()]
    taken = {member for group in groups for member in group.members}
    heaps: dict[tuple[str, ...], list[int]] = {}
    for n in own:
        if n not in taken and policies[n].payable:
            heaps.setdefault(tuple(str(getattr(policies[n], k)) for k in by), []).append(n)
    for key, members in heaps.items():
        if len(members) > 1:
            yield m.Group("·".join(filter(None, key)) or "同类", rule, tuple(members))


def _firm_cap(
    node: Node, index: dict[str, int], known: set[str], own: list[int], scope: p.Scope
) -> m.FirmCap:
    node.map(("name", "per", "members", "max", "allocate", "paid"), of="总封顶")
    node.need("per", of="总封顶").one_of(("firm_year", "firm_total"))
    if at := node.get("allocate"):
        at.one_of(("document_order",))
    limit = _whole(p.money(node.need("max", of="总封顶"), scope))
    if at := node.get("paid"):
        limit = x.positive(x.sub(limit, _whole(p.money(at, scope))))
    name = n.text() if (n := node.get("name")) else "每户每年"
    return m.FirmCap(name, tuple(sorted(_members(node, index, known, own))), limit)


def _budget(node: Node, index: dict[str, int], known: set[str], own: list[int], scope: p.Scope) -> m.Budget:
    node.map(("name", "year", "members", "amount", "on_excess", "ratio_digits", "order_by"), of="资金盘")
    at = node.need("amount", of="资金盘")
    typed = p.money(at, scope)
    if not isinstance(typed.node, x.Const):
        at.refuse("budget", "资金总盘要写确定的金额。", "a budget must be a fixed amount.")
    amount = typed.node.value // typed.den
    if amount <= 0:
        at.refuse(
            "budget",
            "资金总盘是 0。没有资金就把条款停用（写上止期），不要写 0。",
            "the budget is zero. If there is no money, end the policy instead of writing 0.",
        )
    rule = node.need("on_excess", of="资金盘").one_of(m.BUDGET_RULES)
    order = None
    key = node.get("order_by")
    if key and rule != "pro_rata":
        typed = p.number(key, scope)
        order = typed.node if not isinstance(typed.node, x.Bool) else None
    elif rule in ("first_come", "stop", "ranked"):
        node.refuse("order", f"{rule} 要写 order_by：按什么先后。", f"{rule} needs order_by.")
    digits = n.integer() if (n := node.get("ratio_digits")) else 6
    if not 0 <= digits <= 8:
        node.need("ratio_digits").refuse(
            "digits", "比例位数在 0 到 8 之间。", "ratio_digits is between 0 and 8."
        )
    year = n.integer() if (n := node.get("year")) else None
    name = n.text() if (n := node.get("name")) else f"资金盘{year or ''}"
    return m.Budget(name, year, _members(node, index, known, own), amount, rule, digits, order)


def _scope(lib: Library, rates: dict[str, p.Rate], lets: dict[str, Callable[[], p.Typed]]) -> p.Scope:
    return p.Scope(lib.dictionary, rates, lets)


def _whole(typed: p.Typed, unit: int = 1, half_up: bool = False) -> x.Num:
    """The amount as int fen: rounded only when there is something to round."""
    node = p._num(typed)
    if isinstance(node, x.Const):
        q = typed.den * unit
        value = max(node.value, 0)
        return x.Const(((2 * value + q) // (2 * q) if half_up else value // q) * unit)
    if typed.den == 1 and unit == 1:
        return node if typed.low >= 0 else x.positive(node)
    return x.Round(node, typed.den, unit, half_up)


def _zero() -> p.Typed:
    return p.Typed(x.Const(0), f.MONEY, "CNY")


class _PolicyReader:
    """Reads one clause on one day."""

    def __init__(self, lib: Library, file: File, node: Node, rates: dict[str, p.Rate]) -> None:
        self.lib, self.file, self.node = lib, file, node
        self.lets: dict[str, Callable[[], p.Typed]] = {}
        self.scope = _scope(lib, rates, self.lets)
        self.id = node.need("id", of="条款").text()
        self.gates: list[x.Bool] = []  # conditions the amount adds: the lowest band
        self.tiers: list[m.Tier] = []
        defaults = file.root.get("defaults")
        if defaults:
            defaults.map(("require", "rounding", "currency", "inclusive", "let"), of="defaults")
        self.defaults = defaults
        self._read_lets()
        at = node.get("rounding") or (defaults.get("rounding") if defaults else None)
        self.unit, self.half_up = _ROUNDING[at.one_of(_ROUNDING)] if at else (1, False)

    def _read_lets(self) -> None:
        open_: list[str] = []
        ready: dict[str, p.Typed] = {}
        entries: dict[str, Node] = {}
        for holder in (self.defaults, self.node):
            if holder and (lets := holder.get("let")):
                entries |= lets.map(of="let")

        def resolver(name: str, node: Node) -> Callable[[], p.Typed]:
            def resolve() -> p.Typed:
                if name in open_:
                    circle = " → ".join([*open_[open_.index(name) :], name])
                    node.refuse(
                        "cycle",
                        f"let 循环引用：{circle}。拆开它。",
                        f"let refers to itself: {circle}. Break the circle.",
                    )
                if name not in ready:
                    open_.append(name)
                    ready[name] = p._read(node, self.scope)[0]
                    open_.pop()
                return ready[name]

            return resolve

        for name, node in entries.items():
            if name in self.lib.dictionary:
                node.refuse(
                    "duplicate", f"let 的名字“{name}”与字段重名。", f"let “{name}” has the name of a field."
                )
            self.lets[name] = resolver(name, node)
        for resolve in list(self.lets.values()):
            resolve()

    # -- conditions

    def bool(self, node: Node) -> x.Bool:
        """A text, a list (all), or {all: …}, {any: …}, {not: …}."""
        if node.is_list:
            return x.both(*(self.bool(n) for n in node.members()))
        if node.is_map:
            parts = node.map(("all", "any", "not"), of="条件")
            found = []
            for key, inner in parts.items():
                terms = [self.bool(n) for n in inner.items()]
                found.append(
                    x.both(*terms)
                    if key == "all"
                    else x.either(*terms)
                    if key == "any"
                    else x.negate(x.both(*terms))
                )
            return x.both(*found)
        return p.condition(node, self.scope)

    # -- amounts

    def money(self, node: Node) -> p.Typed:
        return p.money(node, self.scope)

    def amount(self, node: Node) -> p.Typed:
        """The amount before rounding and caps."""
        if not node.is_map:
            return self.money(node)
        parts = node.map(_AMOUNT_KEYS, of="amount")
        kinds = [k for k in (*AMOUNT_KINDS, "value", "first", "range") if k in parts]
        kinds = [k for k in kinds if not (k == "rate" and "clamp" in kinds)]
        if len(kinds) != 1:
            node.refuse(
                "amount",
                f"金额写一种算法，现在有 {'、'.join(kinds) or '零种'}。可用 {'、'.join(AMOUNT_KINDS)}、value。",
                f"write one kind of amount, found {', '.join(kinds) or 'none'}.",
            )
        kind = kinds[0]
        at = parts[kind]
        result: p.Typed = getattr(self, "_" + kind)(at, node)
        if extra := node.get("times"):  # an uplift: 加成 10% is times: 110%
            result = self._rated(extra, result)
        if extra := node.get("plus"):
            result = self._sum(extra, result, self.money(extra))
        if extra := node.get("floor"):
            result = self._pick(extra, "max", result, self.money(extra))
        if extra := node.get("ceiling"):
            result = self._pick(extra, "min", result, self.money(extra))
        return result

    def _checked(self, node: Node, typed: p.Typed) -> p.Typed:
        if max(abs(typed.low), abs(typed.high)) * 2 > x.INT64:
            node.refuse(
                "overflow",
                "结果可能超出可算范围。在字段字典里写明相关字段的最大值（max）。",
                "the result may overflow. State the largest value (max) of its fields in the dictionary.",
            )
        return typed

    def _common(self, node: Node, a: p.Typed, b: p.Typed) -> tuple[p.Typed, p.Typed]:
        from math import lcm

        den = lcm(a.den, b.den)
        return (
            self._checked(node, p._times(a, den // a.den, den)),
            self._checked(node, p._times(b, den // b.den, den)),
        )

    def _fen(self, typed: p.Typed) -> p.Typed:
        """Rounded to fen now: the same as rounding later, since adding or comparing whole fen commutes with it."""
        if typed.den == 1:
            return typed
        half_up = self.half_up and self.unit == 1
        low, high = (max(-(-end // typed.den), 0) for end in (typed.low, typed.high))
        return p.Typed(_whole(typed, 1, half_up), f.MONEY, typed.unit, 1, low, high)

    def _sum(self, node: Node, a: p.Typed, b: p.Typed) -> p.Typed:
        if b.den == 1:
            a = self._fen(a)
        a, b = self._common(node, a, b)
        total = replace(a, node=x.add(p._num(a), p._num(b)), low=a.low + b.low, high=a.high + b.high)
        return self._checked(node, total)

    def _pick(self, node: Node, which: str, a: p.Typed, b: p.Typed) -> p.Typed:
        if b.den == 1:
            a = self._fen(a)
        a, b = self._common(node, a, b)
        make, pick = (x.Min, min) if which == "min" else (x.Max, max)
        return replace(
            a, node=make((p._num(a), p._num(b))), low=pick(a.low, b.low), high=pick(a.high, b.high)
        )

    def _rated(self, node: Node, base: p.Typed) -> p.Typed:
        """base × the rate at ``node`` (a rate or a rate-valued expression)."""
        typed = p.number(node, self.scope)
        if typed.type == p.NUMBER:
            return self._checked(node, p.product(base, typed, base.unit))
        node.refuse(
            "rate", f"“{node.text()}”应是比例，写成 5% 这样。", f"“{node.text()}” must be a rate such as 5%."
        )

    def _fixed(self, at: Node, _: Node) -> p.Typed:
        return self.money(at)

    def _value(self, at: Node, _: Node) -> p.Typed:
        return self.money(at)

    def _rate(self, at: Node, node: Node) -> p.Typed:
        return self._rated(at, self.money(node.need("of", of="amount")))

    def _match(self, at: Node, node: Node) -> p.Typed:
        """配套: a share of an upper-level grant."""
        at.map(("of", "ratio"), of="match")
        return self._rated(at.need("ratio", of="match"), self.money(at.need("of", of="match")))

    def _clamp(self, at: Node, node: Node) -> p.Typed:
        at.map(("rate", "of", "floor", "ceiling"), of="clamp")
        base = self._rated(at.need("rate", of="clamp"), self.money(at.need("of", of="clamp")))
        low, high = at.need("floor", of="clamp"), at.need("ceiling", of="clamp")
        return self._pick(high, "min", self._pick(low, "max", base, self.money(low)), self.money(high))

    def _top_up(self, at: Node, node: Node) -> p.Typed:
        at.map(("to", "already"), of="top_up")
        to, already = self.money(at.need("to", of="top_up")), self.money(at.need("already", of="top_up"))
        a, b = self._common(at, to, already)
        return replace(a, node=x.positive(x.sub(p._num(a), p._num(b))), low=0, high=max(a.high, 0))

    def _step(self, at: Node, node: Node) -> p.Typed:
        """每满一档: base + whole steps of ``each`` in (of − above) × pay."""
        at.map(("of", "each", "pay", "above", "base"), of="step")
        of = p.number(at.need("of", of="step"), self.scope)
        each = p.number(at.need("each", of="step"), self.scope)
        if (
            each.type != of.type
            or (each.unit and of.unit and each.unit != of.unit)
            or not isinstance(each.node, x.Const)
        ):
            at.need("each").refuse(
                "unit", "each 要是与 of 同单位的确定数。", "each must be a fixed number in the unit of “of”."
            )
        above = p.number(a, self.scope) if (a := at.get("above")) else None
        if above and (above.type != of.type or above.den != 1):
            at.need("above").refuse("unit", "above 要与 of 同单位。", "above must be in the unit of “of”.")
        if each.node.value <= 0:
            at.need("each").refuse("step", "每档必须大于 0。", "each must be above 0.")
        arg = x.sub(p._num(of), p._num(above)) if above else p._num(of)
        size = Fraction(each.node.value, each.den) * of.den
        if size.denominator != 1:
            at.need("each").refuse("step", "每档不是整数。", "each is not whole.")
        pay = self.money(at.need("pay", of="step"))
        count = max(of.high - (above.low if above else 0), 0) // int(size)
        steps = p.Typed(x.Step(arg, int(size)), f.COUNT, "", 1, 0, count)
        result = self._checked(
            at,
            p.Typed(x.mul(p._num(pay), p._num(steps)), f.MONEY, "CNY", pay.den, 0, max(pay.high, 0) * count),
        )
        self.tiers.append(m.Tier(arg, int(size), each=True))
        return self._sum(at, result, self.money(b)) if (b := at.get("base")) else result

    def _per_item(self, at: Node, node: Node) -> p.Typed:
        """每人、每件、每平方米: pay × count, the count cut at ``limit``, one item's pay cut by a cap per item."""
        at.map(("pay", "count", "limit", "cap"), of="per_item")
        pay = self.money(at.need("pay", of="per_item"))
        if cap := at.get("cap"):
            pay = self._pick(cap, "min", pay, self.money(cap))
        count_node = at.need("count", of="per_item")
        count = p.number(count_node, self.scope)
        if count.type not in (f.COUNT, f.AREA):
            count_node.refuse(
                "unit", "count 要是个数、人数、月数或面积。", "count must be a count or an area."
            )
        if limit_node := at.get("limit"):
            limit = p.number(limit_node, self.scope)
            if limit.type == p.NUMBER and limit.exact is not None and count.type == f.COUNT:
                limit = p.Typed(x.Const(int(limit.exact)), f.COUNT, "", 1, int(limit.exact), int(limit.exact))
            if limit.type != count.type:
                limit_node.refuse("unit", "limit 要与 count 同单位。", "limit must be in the unit of count.")
            count, limit = self._common(limit_node, count, limit)
            count = replace(
                count, node=x.Min((p._num(count), p._num(limit))), high=min(count.high, limit.high)
            )
        den = pay.den * count.den * (100 if count.type == f.AREA else 1)
        result = p.Typed(
            x.mul(p._num(pay), p._num(count)),
            f.MONEY,
            "CNY",
            den,
            min(pay.low, 0) * count.high,
            pay.high * count.high,
        )
        return self._checked(at, p._reduce(result))

    def _table(self, at: Node, node: Node) -> p.Typed:
        """决策表: the first row whose condition holds. With no row left over, not reaching any row is not eligible."""
        rows = at.members(of="table")
        branches: list[tuple[x.Bool, p.Typed]] = []
        otherwise: p.Typed | None = None
        for n, row in enumerate(rows):
            row.map(("when", "value", "rate", "of"), of="table")
            if row.get("rate"):
                value = self._rated(
                    row.need("rate"), self.money(row.get("of") or node.need("of", of="amount"))
                )
            else:
                value = self.money(row.need("value", of="table"))
            if when := row.get("when"):
                branches.append((self.bool(when), value))
            elif n == len(rows) - 1:
                otherwise = value
            else:
                row.refuse("table", "只有最后一行可以没有 when。", "only the last row may lack when.")
        if otherwise is None:
            self.gates.append(x.either(*(c for c, _ in branches)))
        if not branches:
            at.refuse("table", "表里至少要有一行条件。", "a table needs at least one condition.")
        return self._cases(at, branches, otherwise or _zero())

    def _first(self, at: Node, node: Node) -> p.Typed:
        return self._table(at, node)

    def _cases(self, at: Node, branches: list[tuple[x.Bool, p.Typed]], otherwise: p.Typed) -> p.Typed:
        values = [otherwise, *(v for _, v in branches)]
        if len({v.den for v in values}) > 1:  # one branch is taken, so each may be rounded by itself
            values = [self._fen(v) for v in values]
        rest, *worths = values
        tree = x.Case(tuple((c, p._num(v)) for (c, _), v in zip(branches, worths, strict=True)), p._num(rest))
        low, high = min(v.low for v in values), max(v.high for v in values)
        return p.Typed(tree, f.MONEY, "CNY", rest.den, low, high)

    def _tiers(self, at: Node, node: Node) -> p.Typed:
        """分档: fixed sum per band, whole amount at the band's rate, or marginal slices."""
        at.map(("mode", "of", "by", "table", "inclusive"), of="tiers")
        mode = at.need("mode", of="tiers").one_of(("whole", "marginal", "fixed"))
        by_node = at.get("by") or at.need("of", of="tiers")
        by = p.number(by_node, self.scope)
        base = self.money(at.need("of", of="tiers")) if mode != "fixed" else None
        inclusive = at.get("inclusive") or (self.defaults.get("inclusive") if self.defaults else None)
        strict = bool(inclusive) and inclusive is not None and inclusive.one_of(("lower", "upper")) == "upper"
        rows = at.need("table", of="tiers").members()
        bounds: list[int] = []
        values: list[Node] = []
        ends: list[int] = []
        for row in rows:
            pair = row.members()
            if len(pair) not in (2, 3):
                row.refuse(
                    "tiers",
                    "每档写 [起点, 值]，或 [起点, 止点, 值]。",
                    "write each band as [from, value] or [from, to, value].",
                )
            low = self._bound(pair[0], by)
            if bounds and low <= bounds[-1]:
                row.refuse(
                    "tiers",
                    f"分档重叠：起点“{pair[0].text()}”不大于上一档。按从低到高写，每档不重叠。",
                    f"bands overlap: “{pair[0].text()}” is not above the band before. Write them ascending.",
                )
            if ends and low < ends[-1]:
                row.refuse(
                    "tiers",
                    f"分档重叠：“{pair[0].text()}”在上一档的止点之内。",
                    f"bands overlap at “{pair[0].text()}”.",
                )
            if len(pair) == 3:
                ends = [self._bound(pair[1], by)]
                if ends[0] <= low:
                    row.refuse("tiers", "止点要大于起点。", "the end of a band must be above its start.")
            else:
                ends = []
            bounds.append(low)
            values.append(pair[-1])
        if not bounds:
            at.refuse("tiers", "至少写一档。", "write at least one band.")
        number = p._num(by)
        op = ">" if strict else ">="
        self.tiers.extend(m.Tier(number, b, strict) for b in bounds)
        if mode == "marginal":
            sliced = self.money(at.need("of"))
            if at.get("by"):
                at.need("by").refuse(
                    "tiers", "超额累进按 of 自己分档，不写 by。", "marginal bands go by “of”; drop “by”."
                )
            total = _zero()
            for n, (low, value) in enumerate(zip(bounds, values, strict=True)):
                top = bounds[n + 1] - low if n + 1 < len(bounds) else None
                part: x.Num = x.positive(x.sub(number, x.Const(low)))
                high = max(by.high - low, 0)
                if top is not None:
                    part, high = x.Min((part, x.Const(top))), min(high, top)
                rated = self._rated(value, p.Typed(part, f.MONEY, sliced.unit, by.den, 0, high))
                total = rated if n == 0 else self._sum(value, total, rated)
            if bounds[0] > 0:
                self.gates.append(x.Cmp(">=" if not strict else ">", number, x.Const(bounds[0])))
            return total
        branches: list[tuple[x.Bool, p.Typed]] = []
        for low, value in zip(bounds, values, strict=True):
            worth = self.money(value) if base is None else self._rated(value, base)
            branches.insert(0, (x.Cmp(op, number, x.Const(low)), worth))
        self.gates.append(x.Cmp(op, number, x.Const(bounds[0])))
        lowest = branches.pop()[1]
        return self._cases(at, branches, lowest) if branches else lowest

    def _bound(self, node: Node, by: p.Typed) -> int:
        typed = p.number(node, self.scope)
        if (
            typed.type == p.NUMBER
            and typed.exact is not None
            and (by.type in (f.COUNT, f.RATIO) or typed.exact == 0)
        ):
            value = typed.exact * (1_000_000 if by.type == f.RATIO else 1)
        elif typed.type != by.type or (typed.unit and by.unit and typed.unit != by.unit):
            node.refuse(
                "unit",
                f"档位“{node.text()}”的单位与分档依据不合。",
                f"band “{node.text()}” is in another unit.",
            )
        elif not isinstance(typed.node, x.Const):
            node.refuse("tiers", "档位要是确定的数。", "a band's bound must be fixed.")
        else:
            value = Fraction(typed.node.value, typed.den)
        value *= by.den
        return -(-value.numerator // value.denominator)

    # -- the whole clause

    def caps(self) -> Iterator[m.Cap]:
        at = self.node.get("cap")
        for node in at.items() if at else ():
            node.map(("per", "max", "paid"), of="cap")
            scope = node.need("per", of="cap").one_of(m.CAP_SCOPES)
            if scope == "budget":
                node.refuse("cap", "资金总盘写在 budgets 里。", "write a budget cap under budgets.")
            if scope == "item" and "per_item" not in (
                self.node.need("amount").map() if self.node.get("amount") else {}
            ):
                node.refuse("cap", "每项封顶只用于 per_item。", "a cap per item goes with per_item only.")
            top = node.need("max", of="cap")
            if scope == "item":
                continue  # applied inside per_item by policy()
            limit = self._limit(top)
            if paid := node.get("paid"):
                already = _whole(self.money(paid))
                limit = x.positive(x.sub(limit, already))
            yield m.Cap(scope, limit, node.place)

    def _limit(self, top: Node) -> x.Num:
        if not top.is_list:
            return _whole(self.money(top))
        branches: list[tuple[x.Bool, x.Num]] = []
        for row in top.members():
            row.map(("when", "max"), of="max")
            value = _whole(self.money(row.need("max", of="max")))
            if not (when := row.get("when")):
                return x.Case(tuple(branches), value) if branches else value
            branches.append((self.bool(when), value))
        return x.Case(tuple(branches), x.Const(x.NO_CAP))

    def policy(self) -> m.Policy:
        node, source = self.node, self.file.source
        require = self.bool(n) if self.defaults and (n := self.defaults.get("require")) else x.TRUE
        when = self.bool(n) if (n := node.get("when")) else x.TRUE
        nature, raw, low, high = self._worth()
        caps = tuple(self.caps())
        award = x.Min((raw, *(c.node for c in caps))) if caps else raw
        if nature == m.RANGE and high is not None:
            award = x.Min((high, *(c.node for c in caps))) if caps else high
        when = x.both(when, *self.gates)

        def word(key: str) -> str:
            return n.text() if (n := node.get(key)) else ""

        discretion = label = None
        bound: x.Num | None = None
        if at := node.get("discretion"):
            at.map(("when", "label", "max_rate", "max", "of"), of="discretion")
            discretion = self.bool(at.need("when", of="discretion"))
            label = n.text() if (n := at.get("label")) else "一事一议"
            if n := at.get("max"):
                bound = _whole(self.money(n))
            elif n := at.get("max_rate"):
                of = at.get("of") or (
                    amount.get("of") if (amount := node.get("amount")) and amount.is_map else None
                )
                if of is None:
                    n.refuse(
                        "discretion",
                        "写明 of：上限比例按什么算。",
                        "state “of”: what the highest rate applies to.",
                    )
                bound = _whole(self._rated(n, self.money(of)))
        quota = rank_by = None
        if at := node.get("quota"):
            at.map(("top", "rank_by", "then"), of="quota")
            quota = at.need("top", of="quota").integer()
            if quota <= 0:
                at.need("top").refuse("quota", "名额要大于 0。", "a quota must be above 0.")
            typed = p.number(at.need("rank_by", of="quota"), self.scope)
            rank_by = None if isinstance(typed.node, x.Bool) else typed.node
            if n := at.get("then"):
                raw = award = _whole(self.money(n))
        return m.Policy(
            id=self.id,
            title=word("title") or self.id,
            source=source,
            clause=word("clause"),
            kind=word("kind"),
            text=word("text"),
            place=node.place,
            level=word("level") or source.level,
            matter=word("matter"),
            nature=nature,
            require=require,
            when=when,
            raw=raw,
            award=award,
            low=low,
            caps=caps,
            tiers=tuple(self.tiers),
            base=tuple(x.fields(award)),
            discretion=discretion,
            discretion_label=label or "",
            discretion_max=bound,
            instalments=tuple(self._instalments()),
            commitments=tuple(self._commitments()),
            documents=tuple(self._documents()),
            share=tuple(self._share()),
            payees=tuple(n.texts()) if (n := node.get("payee")) else (),
            quota=quota,
            rank_by=rank_by,
            relief=self._relief(),
            instrument=word("instrument"),
            draft=n.boolean() if (n := node.get("draft")) else False,
            barred=tuple(i.one_of(f.TOUCHES) for i in n.items()) if (n := node.get("barred")) else (),
            basis=self._basis(),
            superseded_by=word("superseded_by"),
            wording=word("text"),
            note=word("note"),
        )

    def _worth(self) -> tuple[str, x.Num, x.Num | None, x.Num | None]:
        """(nature, raw amount, low end, high end)."""
        node = self.node
        amount = node.get("amount")
        nature_node = node.get("nature")
        nature = nature_node.one_of((*NATURES, "上限", "下限")) if nature_node else m.EXACT
        nature = {"上限": m.UP_TO, "下限": m.AT_LEAST}.get(nature, nature)
        gate = node.get("gate")
        if node.get("relief"):
            return m.RELIEF, x.Const(0), None, None
        if gate and gate.boolean():
            if amount:
                amount.refuse("gate", "门槛条款（gate）没有金额。", "a gate has no amount.")
            return m.GATE, x.Const(0), None, None
        if amount is None or (not amount.is_map and amount.text() == "未载明"):
            return m.UNSTATED, x.Const(0), None, None
        if amount.is_map and (span := amount.get("range")):
            ends = span.members()
            if len(ends) != 2:
                span.refuse("range", "区间写成 [100万元, 500万元]。", "write a range as [100万元, 500万元].")
            low, high = (_whole(self.money(e)) for e in ends)
            if isinstance(low, x.Const) and isinstance(high, x.Const) and low.value > high.value:
                span.refuse("range", "区间的下限大于上限。", "the low end is above the high end.")
            return m.RANGE, high, low, high
        if amount.is_map and (inner := amount.get("per_item")):
            self._push_item_caps(inner)
        typed = self.amount(amount)
        if at := node.get("floor"):
            typed = self._pick(at, "max", typed, self.money(at))
        if at := node.get("less"):
            prior = self.money(at)
            a, b = self._common(at, self._fen(typed) if prior.den == 1 else typed, prior)
            typed = self._checked(
                at, replace(a, node=x.sub(p._num(a), p._num(b)), low=a.low - b.high, high=a.high - b.low)
            )
        if max(abs(typed.low), abs(typed.high)) * 2 + typed.den * self.unit > x.INT64:
            self._checked(amount, replace(typed, high=x.INT64))
        return nature, _whole(typed, self.unit, self.half_up), None, None

    def _push_item_caps(self, inner: Node) -> None:
        cap = self.node.get("cap")
        for entry in cap.items() if cap else ():
            if (
                entry.is_map
                and (per := entry.get("per"))
                and per.text() == "item"
                and isinstance(inner.value, dict)
            ):
                inner.value.setdefault("cap", entry.need("max"))

    def _instalments(self) -> Iterator[m.Instalment]:
        at = self.node.get("instalments")
        total = Fraction(0)
        for node in at.members() if at else ():
            node.map(("pct", "when", "due", "label"), of="instalments")
            share = p.rate(node.need("pct", of="instalments"), self.scope)
            if share is None or not 0 < share <= 1:
                node.need("pct").refuse(
                    "share", "每期比例在 0 与 100% 之间。", "a share lies between 0 and 100 %."
                )
            total += share
            when = node.get("when")
            label = (
                n.text()
                if (n := node.get("label"))
                else (when.text() if when and not when.is_map and not when.is_list else "")
            )
            due = _months(n) if (n := node.get("due")) else None
            yield m.Instalment(share, self.bool(when) if when else x.TRUE, label, due)
        if at and total != 1:
            at.refuse(
                "share",
                f"各期合计 {_percent(total)}，应是 100%。",
                f"the instalments add up to {_percent(total)}, not 100 %.",
            )

    def _commitments(self) -> Iterator[m.Commitment]:
        at = self.node.get("commitments")
        for node in at.members() if at else ():
            node.map(("id", "test", "by", "until", "else", "label"), of="commitments")
            test = node.need("test", of="承诺")
            then = node.need("else", of="承诺")
            then.map(("recover", "withhold", "interest"), of="else")
            action = "recover" if then.get("recover") else "withhold"
            part = then.need(action, of="else")
            share = (
                Fraction(1) if part.text() in ("剩余", "全部", "rest", "all") else p.rate(part, self.scope)
            )
            if share is None or not 0 < share <= 1:
                part.refuse(
                    "share",
                    "写 剩余、全部 或 0 与 100% 之间的比例。",
                    "write a share between 0 and 100 %, or 剩余.",
                )
            yield m.Commitment(
                id=node.need("id", of="承诺").text(),
                test=self.bool(test),
                words=n.text()
                if (n := node.get("label"))
                else (test.text() if not test.is_map and not test.is_list else ""),
                by_months=_months(n) if (n := node.get("by")) else None,
                until_months=_months(n) if (n := node.get("until")) else None,
                action=action,
                share=share,
                interest=n.text() if (n := then.get("interest")) else "",
            )

    def _documents(self) -> Iterator[m.Document]:
        at = self.node.get("documents")
        for node in at.members() if at else ():
            if not node.is_map:
                yield m.Document(node.text())
                continue
            node.map(("id", "proves", "from"), of="documents")
            proves = tuple(n.texts()) if (n := node.get("proves")) else ()
            for name in proves:
                if name not in self.lib.dictionary:
                    node.need("proves").refuse(
                        "field", f"字段字典里没有“{name}”。", f"no field “{name}” in the dictionary."
                    )
            yield m.Document(
                node.need("id", of="材料").text(), proves, n.text() if (n := node.get("from")) else ""
            )

    def _share(self) -> Iterator[tuple[str, Fraction]]:
        at = self.node.get("share")
        total = Fraction(0)
        for payer, node in at.map(of="share").items() if at else ():
            share = p.rate(node, self.scope)
            if share is None or not 0 < share <= 1:
                node.refuse("share", "分担比例在 0 与 100% 之间。", "a share lies between 0 and 100 %.")
            total += share
            yield payer, share
        if at and total != 1:
            at.refuse(
                "share",
                f"分担合计 {_percent(total)}，应是 100%。",
                f"the shares add up to {_percent(total)}, not 100 %.",
            )

    def _relief(self) -> m.Relief | None:
        at = self.node.get("relief")
        if at is None:
            return None
        at.map(("tax", "clock", "years"), of="relief")
        spans: list[tuple[int, int, str, Fraction]] = []
        for row in at.need("years", of="relief").members():
            row.map(("from", "to", "rate", "of_rate"), of="years")
            first = row.need("from").integer()
            last = n.integer() if (n := row.get("to")) else 999
            kind = "rate" if row.get("rate") else "of_rate"
            value = p.rate(row.need(kind, of="years"), self.scope)
            if value is None or last < first or (spans and first <= spans[-1][1]):
                row.refuse("relief", "年份要依次往后、不重叠。", "the years must ascend and not overlap.")
            spans.append((first, last, kind, value))
        return m.Relief(at.need("tax").text(), at.need("clock").text(), tuple(spans))

    def _basis(self) -> m.Basis | None:
        at = self.node.get("legal_basis")
        if at is None:
            return None
        at.map(("kind", "title", "number"), of="legal_basis")
        kind = at.need("kind", of="legal_basis").one_of(("法律", "行政法规", "国务院批准"))
        return m.Basis(
            kind, at.need("title", of="legal_basis").text(), at.need("number", of="legal_basis").text()
        )


def _months(node: Node) -> int:
    found = re.fullmatch(r"(\d+)\s*(年|个月|月|months?|years?)", node.text())
    if not found:
        node.refuse(
            "period", f"“{node.text()}”写成 36个月 或 3年。", f"write “{node.text()}” as 36个月 or 3年."
        )
    return int(found[1]) * (12 if found[2].startswith(("年", "year")) else 1)


def _percent(value: Fraction) -> str:
    return f"{float(value * 100):g}%"
