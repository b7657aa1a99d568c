# ruff: noqa: S608  names here are generated or quoted, values are numbers or escaped texts
"""The same rules as SQL, for tables that stay where they are: DuckDB and Spark.

SQL's own three-valued logic is Kleene's, so conditions translate word for word; only LEAST and GREATEST, which skip
NULL, are guarded. Every step of the evaluation is one common table expression.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from zhaoyin.base.errors import Refusal
from zhaoyin.incentives import expr as x
from zhaoyin.incentives import fields as f
from zhaoyin.incentives import model as m
from zhaoyin.incentives.single import DECISION, NO, UNKNOWN, YES

ROW = "_row"


@dataclass(frozen=True, slots=True)
class Dialect:
    name: str
    quote: str
    divide: Callable[[str, str], str]
    wide: str  # a type for sums beyond int64


DUCKDB = Dialect("duckdb", '"', lambda a, b: f"({a} // {b})", "HUGEINT")
SPARK = Dialect("spark", "`", lambda a, b: f"({a} DIV {b})", "DECIMAL(38,0)")


@dataclass(frozen=True, slots=True)
class Query:
    """``text`` selects, per row: s<k> state, g<k> granted, p<k> paid after budgets, total, final, due."""

    text: str
    columns: tuple[str, ...]


class Writer:
    def __init__(self, rules: m.Rules, dictionary: f.Dictionary, dialect: Dialect) -> None:
        self.rules, self.dictionary, self.dialect = rules, dictionary, dialect
        read: dict[str, None] = {}
        for node in _nodes(rules):
            read.update(dict.fromkeys(x.fields(node)))
        self.fields = list(read)
        self.alias = {name: f"f{n}" for n, name in enumerate(self.fields)}

    def quoted(self, name: str) -> str:
        q = self.dialect.quote
        return q + name.replace(q, q + q) + q

    def number(self, node: x.Num) -> str:
        match node:
            case x.Const(value):
                return f"CAST({value} AS BIGINT)"
            case x.Field(name):
                return self.alias[name]
            case x.Unknown():
                return "CAST(NULL AS BIGINT)"
            case x.Add(a, b):
                return f"({self.number(a)} + {self.number(b)})"
            case x.Sub(a, b):
                return f"({self.number(a)} - {self.number(b)})"
            case x.Mul(a, b):
                return f"({self.number(a)} * {self.number(b)})"
            case x.Step(a, each):
                return self.dialect.divide(
                    self._extreme("GREATEST", (a, x.Const(0))), f"CAST({each} AS BIGINT)"
                )
            case x.Round(a, den, unit, half_up):
                positive, step = self._extreme("GREATEST", (a, x.Const(0))), den * unit
                if half_up:
                    positive = f"(2 * {positive} + CAST({step} AS BIGINT))"
                    step *= 2
                quotient = self.dialect.divide(positive, f"CAST({step} AS BIGINT)") if step > 1 else positive
                return quotient if unit == 1 else f"({quotient} * CAST({unit} AS BIGINT))"
            case x.Min(args):
                return self._extreme("LEAST", args)
            case x.Max(args):
                return self._extreme("GREATEST", args)
            case x.Case(branches, otherwise):
                parts = []
                for when, worth in branches:
                    held = self.condition(when)
                    parts.append(f"WHEN {held} THEN {self.number(worth)} WHEN ({held}) IS NULL THEN NULL")
                return f"(CASE {' '.join(parts)} ELSE {self.number(otherwise)} END)"
        raise TypeError(node)

    def _extreme(self, name: str, args: tuple[x.Num, ...]) -> str:
        texts = [self.number(a) for a in args]
        loose = [t for t, a in zip(texts, args, strict=True) if not isinstance(a, x.Const)]
        call = texts[0]
        for text in texts[1:]:
            call = f"{name}({call}, {text})"
        if not loose:
            return call
        return f"(CASE WHEN {' OR '.join(f'({t}) IS NULL' for t in loose)} THEN NULL ELSE {call} END)"

    def condition(self, node: x.Bool) -> str:
        match node:
            case x.Truth(value):
                return "TRUE" if value else "FALSE"
            case x.Flag(name, want):
                return self.alias[name] if want else f"(NOT {self.alias[name]})"
            case x.Cmp(op, a, b):
                sign = {"==": "=", "!=": "<>"}.get(op, op)
                return f"({self.number(a)} {sign} {self.number(b)})"
            case x.In(name, values, prefix, want):
                column = self.alias[name]
                if prefix:
                    tests = [f"substr({column}, 1, {len(str(v))}) = {_text(str(v))}" for v in values]
                    found = f"({' OR '.join(tests)})"
                else:
                    found = f"({column} IN ({', '.join(_text(v) if isinstance(v, str) else str(v) for v in values)}))"
                return found if want else f"(NOT {found})"
            case x.And(args):
                return f"({' AND '.join(self.condition(a) for a in args)})"
            case x.Or(args):
                return f"({' OR '.join(self.condition(a) for a in args)})"

    def _source(self, table: str, present: Mapping[str, str]) -> str:
        columns = [ROW]
        for name, alias in self.alias.items():
            entry = self.dictionary[name]
            kind = "BOOLEAN" if entry.type == f.BOOL else "BIGINT" if entry.type in f.NUMERIC else "VARCHAR"
            if kind == "VARCHAR" and self.dialect is SPARK:
                kind = "STRING"
            value = f"CAST({present[name]} AS {kind})" if name in present else f"CAST(NULL AS {kind})"
            if entry.absent is not None:
                default = _text(entry.absent) if isinstance(entry.absent, str) else str(entry.absent).upper()
                value = f"COALESCE({value}, CAST({default} AS {kind}))"
            columns.append(f"{value} AS {alias}")
        return f"SELECT {', '.join(columns)} FROM {table}"

    def query(self, table: str, present: Mapping[str, str]) -> Query:
        """``table`` has ``_row`` (0, 1, …); ``present``: {field: SQL of its canonical value}."""
        steps = [self._source(table, present)]
        policies = self.rules.policies
        every = range(len(policies))

        def step(columns: Iterable[str]) -> None:
            listed = list(columns)
            if listed:
                steps.append(f"SELECT *, {', '.join(listed)} FROM t{len(steps) - 1}")

        # conditions shared by every clause of a document once, then each clause's own
        shared = {c: f"q{n}" for n, c in enumerate(dict.fromkeys(p.require for p in policies))}
        step(f"{self.condition(c)} AS {name}" for c, name in shared.items())
        step(f"({shared[p.require]} AND {self.condition(p.when)}) AS c{k}" for k, p in enumerate(policies))
        step(f"CASE WHEN c{k} THEN {self.number(p.award)} END AS w{k}" for k, p in enumerate(policies))
        states = []
        for k, p in enumerate(policies):
            parts = [f"WHEN NOT c{k} THEN {NO}", f"WHEN c{k} IS NULL THEN {UNKNOWN}"]
            if p.nature == m.UNSTATED or p.draft:
                parts.append(f"WHEN c{k} THEN {UNKNOWN}")
            if p.discretion is not None:
                asked = self.condition(p.discretion)
                parts += [f"WHEN {asked} THEN {DECISION}", f"WHEN ({asked}) IS NULL THEN {UNKNOWN}"]
            states.append(f"CASE {' '.join(parts)} WHEN w{k} IS NULL THEN {UNKNOWN} ELSE {YES} END AS r{k}")
        step(states)
        step(
            f"CASE WHEN r{k} = {YES} THEN {f'w{k}' if p.payable else '0'} END AS a{k}"
            for k, p in enumerate(policies)
        )
        self._groups(step)
        amounts = [f"h{k}" for k in every]
        marks = [f"u{k}" for k in every]
        for n, cap in enumerate(self.rules.caps):
            inside = [k for k in cap.members if policies[k].payable]
            step([f"{self.number(cap.node)} AS l{n}"])
            # each running sum reads the one before it, which both dialects allow within one SELECT
            running = ["0", *(f"x{n}_{k}" for k in inside)]
            step(
                f"{last} + COALESCE({amounts[k]}, 0) AS {now}"
                for k, (last, now) in zip(inside, itertools.pairwise(running), strict=True)
            )
            columns, before = [], "CAST(0 AS BIGINT)"
            for k in inside:
                columns.append(
                    f"CASE WHEN {marks[k]} = {YES} AND l{n} IS NULL THEN {UNKNOWN} ELSE {marks[k]} END AS u{n}_{k}"
                )
                columns.append(
                    f"CASE WHEN {amounts[k]} IS NOT NULL AND l{n} IS NOT NULL"
                    f" THEN LEAST(x{n}_{k}, l{n}) - LEAST({before}, l{n}) END AS h{n}_{k}"
                )
                before, amounts[k], marks[k] = f"x{n}_{k}", f"h{n}_{k}", f"u{n}_{k}"
            step(columns)
        paid = self._budgets(steps, step, amounts)
        out = [ROW]
        for k in every:
            out += [
                f"{marks[k]} AS s{k}",
                f"COALESCE({amounts[k]}, 0) AS g{k}",
                f"COALESCE({paid[k]}, 0) AS p{k}",
            ]
        out += [f"{_sum(amounts)} AS total", f"{_sum(paid)} AS final"]
        out.append(f"{' + '.join(self._due(k, paid[k]) for k in every) or '0'} AS due")
        ctes = ",\n".join(f"t{n} AS ({text})" for n, text in enumerate(steps))
        names = tuple(part.rsplit(" AS ", 1)[-1] for part in out)
        return Query(f"WITH {ctes}\nSELECT {', '.join(out)} FROM t{len(steps) - 1}", names)

    def _groups(self, step: Callable[[Iterable[str]], None]) -> None:
        policies = self.rules.policies
        group_of = {k: g for g in self.rules.groups if g.rule != "stack" for k in g.members}
        columns = []
        for k, policy in enumerate(policies):
            group = group_of.get(k)
            if group is None or not policy.payable:
                columns += [f"r{k} AS u{k}", f"a{k} AS h{k}"]
                continue
            others = [j for j in group.members if j != k and policies[j].payable]
            tests = []
            for j in others:
                if group.rule == "exclude":
                    tests += [f"a{j} IS NULL"] if j < k else []
                else:
                    tests.append(f"a{k} {'>' if j < k else '>='} COALESCE(a{j}, -1)")
            won = " AND ".join(tests) or "TRUE"
            if group.already is None:
                columns += [
                    f"r{k} AS u{k}",
                    f"CASE WHEN a{k} IS NULL THEN NULL WHEN {won} THEN a{k} ELSE 0 END AS h{k}",
                ]
                continue
            already = self.number(group.already)
            columns.append(
                f"CASE WHEN r{k} = {YES} AND ({already}) IS NULL THEN {UNKNOWN} ELSE r{k} END AS u{k}"
            )
            columns.append(
                f"CASE WHEN a{k} IS NULL OR ({already}) IS NULL THEN NULL"
                f" WHEN {won} THEN GREATEST(a{k} - {already}, 0) ELSE 0 END AS h{k}"
            )
        step(columns)

    def _order(self, node: x.Num, descending: bool) -> str:
        key = self.number(node)
        return f"CASE WHEN ({key}) IS NULL THEN 1 ELSE 0 END, {key} {'DESC' if descending else 'ASC'}, {ROW}"

    def _budgets(
        self, steps: list[str], step: Callable[[Iterable[str]], None], amounts: list[str]
    ) -> list[str]:
        paid = list(amounts)
        policies = self.rules.policies
        ranks, kept = [], []
        for k, policy in enumerate(policies):
            if policy.quota is None or policy.rank_by is None or not policy.payable:
                continue
            order = self._order(policy.rank_by, True)
            ranks.append(
                f"ROW_NUMBER() OVER (ORDER BY CASE WHEN {amounts[k]} IS NULL THEN 1 ELSE 0 END, {order}) AS n{k}"
            )
            kept.append(
                f"CASE WHEN n{k} > {policy.quota} AND {amounts[k]} IS NOT NULL THEN 0 ELSE {amounts[k]} END AS v{k}"
            )
            paid[k] = f"v{k}"
        step(ranks)
        step(kept)
        if not self.rules.budgets:
            return paid
        wide = self.dialect.wide
        sums = [
            f"SUM(CAST({_sum([paid[k] for k in b.members])} AS {wide})) AS m{n}"
            for n, b in enumerate(self.rules.budgets)
        ]
        last = len(steps) - 1
        steps.append(f"SELECT {', '.join(sums)} FROM t{last}")
        steps.append(f"SELECT * FROM t{last} CROSS JOIN t{last + 1}")
        first, second = [], []
        for n, budget in enumerate(self.rules.budgets):
            worth = _sum([paid[k] for k in budget.members])
            if budget.rule == "pro_rata":
                scale = 10**budget.digits
                ratio = self.dialect.divide(f"CAST({budget.amount * scale} AS {wide})", f"m{n}")
                first.append(
                    f"CASE WHEN m{n} <= {budget.amount} THEN {scale} ELSE CAST({ratio} AS BIGINT) END AS o{n}"
                )
                for k in budget.members:
                    whole = self.dialect.divide(paid[k], str(scale))
                    part = self.dialect.divide(f"({paid[k]} % {scale} * o{n})", str(scale))
                    second.append(
                        f"CASE WHEN o{n} = {scale} THEN {paid[k]} ELSE {whole} * o{n} + {part} END AS z{k}"
                    )
                    paid[k] = f"z{k}"
                continue
            order = self._order(budget.order_by or x.Const(0), budget.rule == "ranked")
            window = f"OVER (ORDER BY {order} ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)"
            first.append(f"CAST(SUM(CAST({worth} AS {wide})) {window} AS {wide}) AS o{n}")
            start = f"(o{n} - ({worth}))"
            for k in budget.members:
                if budget.rule == "stop":
                    second.append(
                        f"CASE WHEN {paid[k]} IS NULL THEN NULL WHEN o{n} <= {budget.amount} THEN {paid[k]} ELSE 0 END AS z{k}"
                    )
                else:
                    end = f"({start} + COALESCE({paid[k]}, 0))"
                    second.append(
                        f"CASE WHEN {paid[k]} IS NOT NULL THEN CAST(LEAST({end}, {budget.amount}) - LEAST({start}, {budget.amount})"
                        f" AS BIGINT) END AS z{k}"
                    )
                    start = end
                paid[k] = f"z{k}"
        step(first)
        step(second)
        return paid

    def _due(self, k: int, paid: str) -> str:
        policy = self.rules.policies[k]
        if not policy.instalments:
            return f"COALESCE({paid}, 0)"
        conditions: list[str] = []
        cases: list[str] = []
        share = Fraction(0)
        for instalment in policy.instalments:
            conditions.append(self.condition(instalment.when))
            share += instalment.share
            up, down = share.numerator, share.denominator
            whole = self.dialect.divide(paid, str(down))
            part = self.dialect.divide(f"({paid} % {down} * {up})", str(down))
            cases.insert(0, f"WHEN {' AND '.join(conditions)} THEN {whole} * {up} + {part}")
        return f"COALESCE(CASE {' '.join(cases)} ELSE 0 END, 0)"


def _sum(columns: Iterable[str]) -> str:
    return " + ".join(f"COALESCE({c}, 0)" for c in columns) or "0"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _nodes(rules: m.Rules) -> Iterable[x.Node]:
    for p in rules.policies:
        yield from (p.require, p.when, p.award)
        yield from (n for n in (p.discretion, p.rank_by) if n is not None)
        yield from (i.when for i in p.instalments)
    yield from (g.already for g in rules.groups if g.already is not None)
    yield from (c.node for c in rules.caps)
    yield from (b.order_by for b in rules.budgets if b.order_by is not None)


def bounds_query(writer: Writer, table: str, present: Mapping[str, str]) -> tuple[str, list[f.Field]]:
    """A query for the least and greatest value of every numeric field read, to refuse what could overflow."""
    entries = [
        writer.dictionary[n] for n in writer.fields if n in present and writer.dictionary[n].type in f.NUMERIC
    ]
    columns = ", ".join(f"MIN({present[e.name]}), MAX({present[e.name]})" for e in entries)
    return f"SELECT {columns or '1'} FROM {table}", entries


def check_bounds(found: tuple[int | None, ...], entries: list[f.Field]) -> None:
    for n, entry in enumerate(entries):
        low, high = found[2 * n], found[2 * n + 1]
        if low is not None and high is not None and (low < entry.low or high > entry.high):
            worst = high if high > entry.high else low
            raise Refusal(
                "table.range",
                f"“{entry.name}”列有值 {entry.show(int(worst))} 超出范围（{entry.show(entry.low)} 至"
                f" {entry.show(entry.high)}）。检查数字和单位。",
                f"column “{entry.name}” holds {entry.show(int(worst))}, outside its range. Check number and unit.",
                where=entry.name,
            )
