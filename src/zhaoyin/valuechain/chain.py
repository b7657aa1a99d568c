"""A value chain as data: segments (nodes), flows (edges), industry codes, terms, and what others state about it.

A chain is a folder: ``chain.yaml`` (who, which version) and CSV tables an author can keep in a spreadsheet:
``node``, ``edge``, ``node_code``, ``node_term`` and, optionally, ``claim`` and ``code``. The same tables as plain rows
(``to_tables`` / ``from_tables``) are what an editor changes; there is one validator for both.

A chain is a directed graph, not a tree: ``recycles`` edges close legal cycles, so every order along the chain is taken
on the graph without them, with whatever strongly connected parts remain condensed.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from zhaoyin.base.errors import Refusal
from zhaoyin.valuechain.codes import CodeTable

STAGES = ("upstream", "midstream", "downstream", "support")
RELATIONS = ("supplies", "equips", "serves", "recycles")
POLARITIES = ("include", "exclude")
CLAIM_KINDS = ("share", "firm", "fact")
SCHEME = "GB/T 4754-2017"

Row = dict[str, Any]
Tables = dict[str, list[Row]]


@dataclass(frozen=True, slots=True)
class Node:
    """One segment. ``parent_id`` groups segments (a tree); ``order`` only sorts them on a page."""

    node_id: str
    name: str
    name_en: str = ""
    stage: str = "midstream"
    parent_id: str = ""
    order: int = 0
    is_core: bool = False


@dataclass(frozen=True, slots=True)
class Edge:
    """A flow from ``source`` to ``target``; ``weight`` and ``confidence`` in 0..1."""

    source: str
    target: str
    relation: str = "supplies"
    weight: float = 1.0
    evidence: str = ""
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class NodeCode:
    """``share`` (0..1): how much of the code's firms belong to the segment."""

    node_id: str
    code: str
    scheme: str = SCHEME
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class NodeTerm:
    node_id: str
    term: str
    polarity: str = "include"
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Claim:
    """What a source says about a segment, in the source's spelling; never counted, always shown with its citation.

    ``value`` is a fraction for a share; ``bound`` says how it is stated (``>=``, ``=``); ``year`` None: not stated.
    """

    node_id: str
    kind: str
    subject: str
    statement: str
    statement_en: str = ""
    likely_name: str = ""
    value: float | None = None
    bound: str = ""
    year: int | None = None
    citation: str = ""
    citation_en: str = ""


@dataclass(frozen=True, slots=True)
class Membership:
    """A firm belongs to a segment: by code, by term, by a model or by a person, with the words that say so."""

    firm_id: str
    node_id: str
    score: float
    rank: int
    method: str
    evidence: str = ""
    model_version: str = ""
    decided_at: str = ""


# table: (row type, required columns, key columns)
SHAPES: dict[str, tuple[type, tuple[str, ...], tuple[str, ...]]] = {
    "node": (Node, ("node_id", "name", "stage"), ("node_id",)),
    "edge": (Edge, ("source", "target"), ("source", "target")),
    "node_code": (NodeCode, ("node_id", "code"), ("node_id", "scheme", "code")),
    "node_term": (NodeTerm, ("node_id", "term"), ("node_id", "term")),
    "claim": (Claim, ("node_id", "kind", "statement"), ("node_id", "kind", "subject", "statement")),
}
_ENUMS: dict[tuple[str, str], tuple[str, ...]] = {
    ("node", "stage"): STAGES,
    ("edge", "relation"): RELATIONS,
    ("node_term", "polarity"): POLARITIES,
    ("claim", "kind"): CLAIM_KINDS,
}
_UNIT = {("edge", "weight"), ("edge", "confidence"), ("node_code", "share"), ("node_term", "weight")}
_LINE = re.compile(r" 第 (\d+) 行")  # how a place is written; English says line
_TRUE, _FALSE = {"1", "true", "yes", "是"}, {"", "0", "false", "no", "否"}


@dataclass(slots=True)
class _Problems:
    """Everything wrong in one pass, so that an author mends a file once."""

    lines: list[tuple[str, str, str, str]] = field(default_factory=list)

    def add(self, code: str, where: str, zh: str, en: str) -> None:
        self.lines.append((code, where, zh, en))

    def raise_if_any(self) -> None:
        if not self.lines:
            return
        code, where, _, _ = self.lines[0]
        shown, more = self.lines[:20], len(self.lines) - 20
        zh = "\n".join(f"{w}：{z}" for _, w, z, _ in shown) + (f"\n另有 {more} 处" if more > 0 else "")
        en = "\n".join(f"{w}: {e}" for _, w, _, e in shown) + (f"\nand {more} more" if more > 0 else "")
        raise Refusal(code, zh, _LINE.sub(r" line \1", en), where=where)


@dataclass(frozen=True)
class Chain:
    """One version of one chain. Build it with :meth:`load` or :meth:`from_tables`; both validate everything."""

    chain_id: str
    name: str
    version: str
    author: str
    updated: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    codes: tuple[NodeCode, ...]
    terms: tuple[NodeTerm, ...]
    claims: tuple[Claim, ...] = ()
    name_en: str = ""
    code_names: Mapping[str, str] = field(default_factory=dict)

    # ---- reading and writing -------------------------------------------------------------------------------

    @classmethod
    def load(cls, path: str | Path, codes: CodeTable | None = None) -> Chain:
        """Read a chain folder. Raises Refusal with file and line for everything wrong in it.

        ``codes``: a full code table; with it a code it does not hold is refused by name.
        """
        folder = Path(path)
        head = folder / "chain.yaml"
        if not head.is_file():
            raise Refusal(
                "chain.absent",
                f"{folder} 里没有 chain.yaml，不是产业链文件夹。指向含 chain.yaml、node.csv 的文件夹。",
                f"{folder} holds no chain.yaml, so it is no chain folder. Point at one with chain.yaml and node.csv.",
                where=str(folder),
            )
        tables: Tables = {"chain": [read_yaml(head)]}
        for table in SHAPES:
            file = folder / f"{table}.csv"
            if file.is_file():
                tables[table] = read_csv(file)
            elif table in ("node", "node_code"):
                raise Refusal(
                    "chain.table_absent",
                    f"{folder} 里缺 {table}.csv。补上这张表。",
                    f"{folder} lacks {table}.csv. Add that table.",
                    where=str(file),
                )
        names = read_csv(folder / "code.csv") if (folder / "code.csv").is_file() else []
        return cls.from_tables(
            tables, codes=codes, code_names={str(r["code"]): str(r["name"]) for r in names}
        )

    @classmethod
    def from_tables(
        cls,
        tables: Mapping[str, Sequence[Row]],
        *,
        codes: CodeTable | None = None,
        code_names: Mapping[str, str] | None = None,
    ) -> Chain:
        """Build from plain rows (as :meth:`to_tables` gives). A row may carry ``_at``, its place, for messages."""
        problems = _Problems()
        head = dict(tables.get("chain", [{}])[0])
        at = str(head.get("_at", "chain"))
        for key in ("chain_id", "name", "version"):
            if not str(head.get(key, "") or "").strip():
                problems.add("chain.head", at, f"缺 {key}，补上。", f"{key} is missing; add it.")
        parsed: dict[str, list[Any]] = {}
        places: dict[int, str] = {}
        for table, (kind, required, key_columns) in SHAPES.items():
            parsed[table] = []
            seen: dict[tuple[Any, ...], str] = {}
            for number, raw in enumerate(tables.get(table, []), 1):
                place = str(raw.get("_at", f"{table} 第 {number} 行"))
                row = _parse(table, kind, required, raw, place=place, problems=problems)
                if row is None:
                    continue
                identity = tuple(getattr(row, k) for k in key_columns)
                if identity in seen:
                    problems.add(
                        "chain.duplicate",
                        place,
                        f"{' / '.join(map(str, identity))} 与 {seen[identity]} 重复，删去一行。",
                        f"{' / '.join(map(str, identity))} repeats {seen[identity]}; delete one of the two rows.",
                    )
                    continue
                seen[identity] = place
                places[id(row)] = place
                parsed[table].append(row)
        _check(parsed, places, codes, problems)
        problems.raise_if_any()
        return cls(
            chain_id=str(head["chain_id"]),
            name=str(head["name"]),
            name_en=str(head.get("name_en", "") or ""),
            version=str(head["version"]),
            author=str(head.get("author", "") or ""),
            updated=str(head.get("updated", "") or ""),
            nodes=tuple(sorted(parsed["node"], key=lambda n: n.order)),
            edges=tuple(parsed["edge"]),
            codes=tuple(parsed["node_code"]),
            terms=tuple(parsed["node_term"]),
            claims=tuple(parsed["claim"]),
            code_names=dict(code_names or {}),
        )

    def to_tables(self) -> Tables:
        head = {k: getattr(self, k) for k in ("chain_id", "name", "name_en", "version", "author", "updated")}
        return {
            "chain": [head],
            "node": [asdict(n) for n in self.nodes],
            "edge": [asdict(e) for e in self.edges],
            "node_code": [asdict(c) for c in self.codes],
            "node_term": [asdict(t) for t in self.terms],
            "claim": [asdict(c) for c in self.claims],
        }

    # ---- looking things up ---------------------------------------------------------------------------------

    @cached_property
    def index(self) -> dict[str, int]:
        return {n.node_id: i for i, n in enumerate(self.nodes)}

    def node(self, node_id: str) -> Node:
        """The node, or a Refusal that names the ones there are."""
        if node_id in self.index:
            return self.nodes[self.index[node_id]]
        known = "、".join(n.node_id for n in self.nodes[:30])
        raise Refusal(
            "chain.no_such_node",
            f"{self.name} 没有环节 {node_id}。现有：{known}。",
            f"{self.name_en or self.name} has no segment {node_id}. There are: {known}.",
            where=node_id,
        )

    @cached_property
    def leaves(self) -> tuple[Node, ...]:
        """Segments that are no group of others: the ones positions and gaps are about."""
        parents = {n.parent_id for n in self.nodes if n.parent_id}
        return tuple(n for n in self.nodes if n.node_id not in parents)

    def codes_of(self, node_id: str) -> tuple[NodeCode, ...]:
        return tuple(c for c in self.codes if c.node_id == node_id)

    def share_of(self, node_id: str, industry: str) -> tuple[float, str]:
        """How much of an industry belongs to a segment, and the code that says so: the longest that covers it."""
        covering = (c for c in self.codes_of(node_id) if industry.startswith(c.code))
        best = max(covering, key=lambda c: len(c.code), default=None)
        return (best.share, best.code) if best and industry else (0.0, "")

    def claims_of(self, node_id: str) -> tuple[Claim, ...]:
        return tuple(c for c in self.claims if c.node_id == node_id)

    def upstream_of(self, node_id: str) -> tuple[Edge, ...]:
        """Flows into the segment, by-products that return (``recycles``) left out."""
        return tuple(e for e in self.edges if e.target == node_id and e.relation != "recycles")

    def downstream_of(self, node_id: str) -> tuple[Edge, ...]:
        return tuple(e for e in self.edges if e.source == node_id and e.relation != "recycles")

    # ---- the graph -----------------------------------------------------------------------------------------

    @cached_property
    def _condensed(self) -> tuple[list[int], list[set[int]], list[int]]:
        """(component of each node, successors of each component, components in topological order)."""
        n = len(self.nodes)
        flows = [(self.index[e.source], self.index[e.target]) for e in self.edges if e.relation != "recycles"]
        rows, columns = [s for s, _ in flows], [t for _, t in flows]
        graph = csr_matrix(([1] * len(flows), (rows, columns)), shape=(n, n))
        count, labels = connected_components(graph, directed=True, connection="strong")
        component = [int(c) for c in labels]
        after: list[set[int]] = [set() for _ in range(count)]
        before = [0] * count
        for s, t in flows:
            a, b = component[s], component[t]
            if a != b and b not in after[a]:
                after[a].add(b)
                before[b] += 1
        order = [c for c in range(count) if before[c] == 0]
        for c in order:
            for b in sorted(after[c]):
                before[b] -= 1
                if before[b] == 0:
                    order.append(b)
        return component, after, order

    @cached_property
    def components(self) -> dict[str, int]:
        """Which strongly connected part each segment lies in, by-products that return left out."""
        component, _, _ = self._condensed
        return {n.node_id: component[i] for i, n in enumerate(self.nodes)}

    @cached_property
    def criticality(self) -> dict[str, float]:
        """Share (0..1) of all paths from a raw input to an end product that run through each segment.

        A segment without any flow lies on its own path of one; groups (parents) get no value.
        """
        component, after, order = self._condensed
        down = [0] * len(after)
        for c in reversed(order):
            down[c] = sum(down[b] for b in after[c]) or 1
        up = [0] * len(after)
        for c in order:
            up[c] = up[c] or 1
            for b in after[c]:
                up[b] += up[c]
        connected = {
            self.index[x] for e in self.edges if e.relation != "recycles" for x in (e.source, e.target)
        }
        starts = set(range(len(after))) - {b for nexts in after for b in nexts}
        alive = {component[i] for i in connected}
        total = sum(down[c] for c in starts & alive) or 1
        result = {}
        for leaf in self.leaves:
            i = self.index[leaf.node_id]
            result[leaf.node_id] = up[component[i]] * down[component[i]] / total if i in connected else 0.0
        return result

    @cached_property
    def chokepoints(self) -> dict[str, tuple[str, ...]]:
        """Segments whose removal cuts every path from raw input to a core segment: {segment: core segments cut}.

        These are the dominators of the core segments (Lengauer & Tarjan 1979); a chain is small, so each is found by
        leaving it out and walking.
        """
        flows = [(e.source, e.target) for e in self.edges if e.relation != "recycles"]
        targets = {t for _, t in flows}
        raw = [n.node_id for n in self.leaves if n.node_id not in targets]
        core = [n.node_id for n in self.leaves if n.is_core and n.node_id in targets]
        reach = _reachable(raw, flows, None)
        result: dict[str, tuple[str, ...]] = {}
        for node in self.leaves:
            still = _reachable([r for r in raw if r != node.node_id], flows, node.node_id)
            cut = tuple(c for c in core if c != node.node_id and c in reach and c not in still)
            if cut:
                result[node.node_id] = cut
        return result

    def layout(self) -> dict[str, tuple[int, int]]:
        """(column, row) of each leaf, left to right: depth along the flows, downstream segments in the last column."""
        component, after, order = self._condensed
        depth = [0] * len(after)
        for c in order:
            for b in after[c]:
                depth[b] = max(depth[b], depth[c] + 1)
        column = {n.node_id: depth[component[self.index[n.node_id]]] for n in self.leaves}
        inner = [column[n.node_id] for n in self.leaves if n.stage != "downstream"]
        last = max(inner, default=-1) + 1
        rows: dict[int, int] = {}
        placed = {}
        for n in self.leaves:
            c = last if n.stage == "downstream" else column[n.node_id]
            placed[n.node_id] = (c, rows.get(c, 0))
            rows[c] = rows.get(c, 0) + 1
        return placed


def _reachable(starts: Iterable[str], flows: Sequence[tuple[str, str]], without: str | None) -> set[str]:
    nexts: dict[str, list[str]] = {}
    for s, t in flows:
        if without not in (s, t):
            nexts.setdefault(s, []).append(t)
    found = set(starts)
    stack = list(found)
    while stack:
        for t in nexts.get(stack.pop(), []):
            if t not in found:
                found.add(t)
                stack.append(t)
    return found


# ---- parsing and checking ------------------------------------------------------------------------------------


def read_yaml(file: Path) -> Row:
    """One YAML mapping; a fault is refused with file and line."""
    try:
        loaded = yaml.safe_load(file.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise Refusal(
            "chain.encoding",
            f"{file.name} 不是 UTF-8 编码，另存为 UTF-8。",
            f"{file.name} is not UTF-8; save it as UTF-8.",
            where=str(file),
        ) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        reason = getattr(error, "problem", None) or "not YAML"
        raise Refusal(
            "chain.yaml",
            f"{file.name} 第 {line} 行不是合法的 YAML（{reason}）。检查缩进、冒号和引号。",
            f"{file.name} line {line} is not valid YAML ({reason}). Check indentation, colons and quotes.",
            where=f"{file}:{line}",
        ) from error
    if not isinstance(loaded, dict):
        raise Refusal(
            "chain.yaml",
            f"{file.name} 第 1 行应是“键: 值”的清单。",
            f"{file.name} line 1 should begin a list of “key: value”.",
            where=f"{file}:1",
        )
    return {**{str(k): v for k, v in loaded.items()}, "_at": file.name}


def read_csv(file: Path) -> list[Row]:
    """Rows of a UTF-8 CSV with a header; ragged rows are refused with file and line."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refusal(
            "chain.encoding",
            f"{file.name} 不是 UTF-8 编码，另存为“CSV UTF-8”。",
            f"{file.name} is not UTF-8; save it as “CSV UTF-8”.",
            where=str(file),
        ) from error
    return parse_csv(text, file.name)


def parse_csv(text: str, name: str) -> list[Row]:
    reader = csv.reader(io.StringIO(text))
    header: list[str] = []
    rows: list[Row] = []
    problems = _Problems()
    for cells in reader:
        if not any(c.strip() for c in cells):
            continue
        if not header:
            header = [c.strip() for c in cells]
            continue
        place = f"{name} 第 {reader.line_num} 行"
        if len(cells) > len(header):
            problems.add(
                "chain.ragged",
                place,
                f"有 {len(cells)} 格，表头只有 {len(header)} 列；含逗号的文字加引号。",
                f"has {len(cells)} cells under {len(header)} columns; quote texts that hold commas.",
            )
            continue
        cells += [""] * (len(header) - len(cells))
        rows.append({**dict(zip(header, (c.strip() for c in cells), strict=True)), "_at": place})
    problems.raise_if_any()
    return rows


def _parse(
    table: str, kind: type, required: tuple[str, ...], raw: Row, *, place: str, problems: _Problems
) -> Any | None:
    missing = [c for c in required if str(raw.get(c, "") if raw.get(c) is not None else "").strip() == ""]
    if missing:
        problems.add(
            "chain.empty",
            place,
            f"{'、'.join(missing)} 是空的，填上。",
            f"{', '.join(missing)} is empty; fill it in.",
        )
        return None
    values: Row = {}
    for name, spec in kind.__dataclass_fields__.items():  # type: ignore[attr-defined]
        if name not in raw or raw[name] is None or raw[name] == "":
            continue
        given = raw[name]
        text = str(given).strip()
        wanted = spec.type
        try:
            if wanted == "bool":
                lowered = text.lower()
                if lowered not in _TRUE | _FALSE:
                    raise ValueError(text)
                values[name] = lowered in _TRUE
            elif wanted.startswith("int"):
                values[name] = int(text)
            elif wanted.startswith("float"):
                values[name] = float(text)
            else:
                values[name] = text
        except ValueError:
            problems.add(
                "chain.value",
                place,
                f"{name} 写成“{text}”，应是{'是/否' if wanted == 'bool' else '数字'}。",
                f"{name} says “{text}”; it should be {'true or false' if wanted == 'bool' else 'a number'}.",
            )
            return None
        allowed = _ENUMS.get((table, name))
        if allowed and values[name] not in allowed:
            problems.add(
                "chain.value",
                place,
                f"{name} 写成“{text}”，只能是 {'、'.join(allowed)}。",
                f"{name} says “{text}”; it can be {', '.join(allowed)}.",
            )
            return None
        if (table, name) in _UNIT and not 0 <= values[name] <= 1:
            problems.add(
                "chain.value",
                place,
                f"{name} 是 {text}，应在 0 到 1 之间。",
                f"{name} is {text}; it should lie between 0 and 1.",
            )
            return None
    return kind(**values)


def _check(
    parsed: dict[str, list[Any]], places: dict[int, str], codes: CodeTable | None, problems: _Problems
) -> None:
    nodes: dict[str, Node] = {n.node_id: n for n in parsed["node"]}
    if not nodes:
        problems.add(
            "chain.no_nodes",
            "node",
            "一个环节也没有，至少写一行。",
            "there is no segment; write one row at least.",
        )
    for node in nodes.values():
        if node.parent_id and node.parent_id not in nodes:
            problems.add(
                "chain.parent",
                places[id(node)],
                f"环节 {node.node_id} 的上级 {node.parent_id} 不存在。",
                f"segment {node.node_id} has a parent {node.parent_id} that does not exist.",
            )
    reported: set[str] = set()
    for node in nodes.values():
        trail, at = [node.node_id], node.parent_id
        while at in nodes and at not in trail:
            trail.append(at)
            at = nodes[at].parent_id
        if at == node.node_id and not reported & set(trail):
            reported |= set(trail)
            loop = " → ".join([*trail, at])
            problems.add(
                "chain.parent_cycle",
                places[id(node)],
                f"parent_id 绕成一圈：{loop}。去掉其中一个上级。",
                f"parent_id runs in a circle: {loop}. Remove one of these parents.",
            )
    for table, columns in (
        ("edge", ("source", "target")),
        ("node_code", ("node_id",)),
        ("node_term", ("node_id",)),
        ("claim", ("node_id",)),
    ):
        for row in parsed[table]:
            for column in columns:
                if getattr(row, column) not in nodes:
                    problems.add(
                        "chain.unknown_node",
                        places[id(row)],
                        f"{column} 的 {getattr(row, column)} 不是 node 表里的环节。",
                        f"{column} {getattr(row, column)} is no segment of the node table.",
                    )
    for edge in parsed["edge"]:
        if edge.source == edge.target:
            problems.add(
                "chain.self_edge",
                places[id(edge)],
                f"{edge.source} 连到自己。",
                f"{edge.source} flows into itself.",
            )
    groups = {n.parent_id for n in nodes.values()}
    coded = {c.node_id for c in parsed["node_code"]}
    for node in nodes.values():
        if node.node_id not in coded and node.node_id not in groups:
            problems.add(
                "chain.no_code",
                places[id(node)],
                f"环节 {node.node_id}（{node.name}）没有行业代码，数不出企业。在 node_code 里加至少一行。",
                f"segment {node.node_id} ({node.name_en or node.name}) has no industry code, so no firm can be counted. Add a row to node_code.",
            )
    if codes is not None:
        for row in parsed["node_code"]:
            if row.scheme == codes.scheme and row.code not in codes:
                problems.add(
                    "codes.unknown",
                    places[id(row)],
                    f"代码 {row.code} 不在 {codes.scheme} 里{codes.hint(row.code, 'zh')}。",
                    f"code {row.code} is not in {codes.scheme}{codes.hint(row.code, 'en')}.",
                )


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between two versions; ``old`` None: added, ``new`` None: removed."""

    table: str
    key: str
    field: str
    old: Any
    new: Any


def diff(old: Chain, new: Chain) -> list[Change]:
    """What changed from ``old`` to ``new``, row by row and field by field, in the order of the tables."""
    before, after = old.to_tables(), new.to_tables()
    changes: list[Change] = []
    for column in before["chain"][0]:
        a, b = before["chain"][0][column], after["chain"][0][column]
        if a != b:
            changes.append(Change("chain", "", column, a, b))
    for table, (_, _, key_columns) in SHAPES.items():
        rows_a = {" / ".join(str(r[k]) for k in key_columns): r for r in before[table]}
        rows_b = {" / ".join(str(r[k]) for k in key_columns): r for r in after[table]}
        for key in [*rows_a, *(k for k in rows_b if k not in rows_a)]:
            if key not in rows_b:
                changes.append(Change(table, key, "", rows_a[key], None))
            elif key not in rows_a:
                changes.append(Change(table, key, "", None, rows_b[key]))
            else:
                changes.extend(
                    Change(table, key, c, rows_a[key][c], rows_b[key][c])
                    for c in rows_a[key]
                    if rows_a[key][c] != rows_b[key][c]
                )
    return changes
