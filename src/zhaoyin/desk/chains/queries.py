"""What people ask about chains."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, Q

from zhaoyin.base.dates import today
from zhaoyin.base.errors import Refusal
from zhaoyin.desk.chains import ground
from zhaoyin.desk.chains.models import (
    OPEN,
    Approach,
    Membership,
    SegmentOwner,
    Standing,
    Statement,
    ValueChain,
)
from zhaoyin.desk.evidence.queries import attach_marks
from zhaoyin.desk.words import english, say, t
from zhaoyin.resolution.tables import place_name
from zhaoyin.valuechain import Chain, Node
from zhaoyin.valuechain.chain import SHAPES, Row, parse_csv
from zhaoyin.valuechain.gaps import KINDS, NAMES

COLUMN, WIDE, ROW, TALL = 192, 156, 124, 96  # the map's grid in pixels


@dataclass
class Segment:
    """A segment as the pages show it. ``found`` is the engine's report of it, empty when nothing is reckoned."""

    node: Node
    name: str
    found: dict[str, Any]
    statements: list[Statement]
    owners: list[SegmentOwner]
    approaches: list[Approach]
    x: int = 0
    y: int = 0
    tags: list[tuple[str, str]] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)

    @property
    def shares(self) -> list[Statement]:
        return [s for s in self.statements if s.value is not None]

    @property
    def open_leads(self) -> int:
        return sum(a.open for a in self.approaches)

    @property
    def overdue(self) -> int:
        return sum(a.overdue for a in self.approaches)

    @property
    def is_gap(self) -> bool:
        return any(k in KINDS for k in self.found.get("kinds", []))

    @property
    def firms(self) -> str:
        return amount(self.found.get("firms"), bool(self.found.get("estimated")))

    @property
    def firms_words(self) -> str:
        return say("{n} 家", "{n} firm" if self.firms == "1" else "{n} firms", n=self.firms)

    @property
    def rank(self) -> str:
        """Percentile of the density among the region's industries."""
        return f"{self.found['density_rank']:.0%}"

    @property
    def inputs(self) -> str:
        """What comes in, there and needed."""
        return say("；", "; ").join(
            say(
                "{s} 有 {h}，需 {n}",
                "{s} has {h}, needs {n}",
                s=self.names.get(i["source"], i["source"]),
                h=f"{i['have']:.1f}",
                n=f"{i['need']:.1f}",
            )
            for i in self.found.get("inputs", [])
            if i["have"] < i["need"]
        )

    @property
    def verdicts(self) -> list[tuple[str, str, str]]:
        """(kind, its name, the sentence)."""
        return [
            (v["kind"], pick(NAMES[v["kind"]]), say(v["zh"], v["en"])) for v in self.found.get("verdicts", [])
        ]

    def reason(self, name: str) -> str:
        """Why a figure is unknown."""
        return pick((self.found.get("why") or {}).get(name))

    @property
    def reason_peers(self) -> str:
        return self.reason("peer_quartile")

    @property
    def empty(self) -> bool:
        """Nobody here: the shrunk quotient would say nothing but the size of the region."""
        return self.found.get("firms") == 0

    @property
    def rivals(self) -> list[dict[str, Any]]:
        """Every rival at this segment, those ahead first, with its name and why it is one."""
        who = (self.found.get("contested") or {}).get("who", [])
        return [{**v, "name": place_name(v["region"]), "why": str(RIVAL_KINDS[v["kind"]])} for v in who]

    @property
    def ahead(self) -> list[dict[str, Any]]:
        return [v for v in self.rivals if v["ahead"]]

    @property
    def contested(self) -> bool:
        return bool((self.found.get("contested") or {}).get("contested"))

    @property
    def rival_firms(self) -> list[dict[str, Any]]:
        """The largest firms of the segment in the rivals that are ahead."""
        return [{**f, "place": place_name(f["region"])} for f in self.found.get("rival_firms", [])]

    @property
    def reason_kind(self) -> str:
        return pick((self.found.get("why_kind") or {}).get("kind"))


RIVAL_KINDS: dict[str, Any] = {
    "alike": t("产业结构相似", "alike in trades"),
    "neighbour": t("同一地级市", "same prefecture"),
    "named": t("点名", "named"),
}


def pick(said: Any) -> str:
    return "" if not said else str(said[1 if english() else 0])


def amount(value: float | None, estimated: bool) -> str:
    """Firms as printed: whole, or an estimate with its sign."""
    if value is None:
        return ""
    if estimated and value % 1:
        return f"≈{value:.1f}" if value >= 0.1 else f"≈{value:.2g}"
    return f"{value:,.0f}"


def graph_of(chain: ValueChain) -> Chain:
    if chain.current is None:
        raise Refusal("chains.empty", f"{chain} 还没有版本。", f"{chain} has no version yet.")
    return chain.current.graph


def standing_of(chain: ValueChain) -> Standing | None:
    """The newest reckoning, with its marks; one on real firms before any on synthetic ones."""
    standing = chain.standings.select_related("of_version").order_by("is_demo", "-id").first()
    if standing:
        attach_marks([standing])
    return standing


def segments(chain: ValueChain, standing: Standing | None) -> list[Segment]:
    graph = graph_of(chain)
    nodes = (standing.report["nodes"] if standing else {}) or {}
    statements: dict[str, list[Statement]] = {}
    for s in attach_marks(chain.statements.all()):
        statements.setdefault(s.node_id, []).append(s)
    owners: dict[str, list[SegmentOwner]] = {}
    for o in chain.owners.select_related("user"):
        owners.setdefault(o.node_id, []).append(o)
    approaches: dict[str, list[Approach]] = {}
    for a in chain.approaches.select_related("project", "owner"):
        approaches.setdefault(a.node_id, []).append(a)
    places = graph.layout()
    per_column: dict[int, int] = {}
    for column, _ in places.values():
        per_column[column] = per_column.get(column, 0) + 1
    height = max(per_column.values(), default=1)
    names = {n.node_id: say(n.name, n.name_en or n.name) for n in graph.nodes}
    found = []
    for node in graph.leaves:
        column, row = places[node.node_id]
        found.append(
            Segment(
                node=node,
                name=names[node.node_id],
                names=names,
                found=nodes.get(node.node_id, {}),
                statements=statements.get(node.node_id, []),
                owners=owners.get(node.node_id, []),
                approaches=approaches.get(node.node_id, []),
                x=column * COLUMN,
                y=LANE + int((height - per_column[column]) * ROW / 2 + row * ROW),
                tags=[(k, pick(NAMES[k])) for k in nodes.get(node.node_id, {}).get("kinds", [])],
            )
        )
    return found


LANE = 40  # room above and below the segments for flows that skip columns


def drawing(chain: ValueChain, rows: list[Segment]) -> dict[str, Any]:
    """What the map's script draws: the place of each segment and the flows between them."""
    graph = graph_of(chain)
    width = max((r.x for r in rows), default=0) + WIDE
    height = max((r.y for r in rows), default=0) + TALL + LANE
    column = {r.node.node_id: r.x // COLUMN for r in rows}
    inside = set(column)
    flows = [
        {
            "source": e.source,
            "target": e.target,
            "relation": e.relation,
            "weight": e.weight,
            "evidence": e.evidence,
            "skips": abs(column[e.target] - column[e.source]) > 1,
        }
        for e in graph.edges
        if e.source in inside and e.target in inside
    ]
    return {
        "width": width,
        "height": height,
        "wide": WIDE,
        "tall": TALL,
        "nodes": [
            {"id": r.node.node_id, "name": r.name, "x": r.x, "y": r.y, "kind": r.found.get("kind", "")}
            for r in rows
        ],
        "flows": flows,
        "sankey": [
            f for f in flows if f["relation"] != "recycles" and (f["source"], f["target"]) in acyclic(graph)
        ],
        "synthetic": False,
    }


RELATIONS: dict[str, Any] = {
    "supplies": t("供料", "supplies"),
    "equips": t("供设备", "equips"),
    "serves": t("提供服务", "serves"),
    "recycles": t("回收利用", "recycles"),
}


def flows(chain: ValueChain, rows: list[Segment]) -> list[dict[str, Any]]:
    """The flows as the table behind the drawings."""
    names = {r.node.node_id: r.name for r in rows}
    return [
        {
            "from": names[e.source],
            "to": names[e.target],
            "words": RELATIONS[e.relation],
            "weight": e.weight,
            "evidence": e.evidence,
        }
        for e in graph_of(chain).edges
        if e.source in names and e.target in names
    ]


def acyclic(graph: Chain) -> set[tuple[str, str]]:
    """Flows that close no cycle: what a sankey can draw."""
    component = graph.components
    return {(e.source, e.target) for e in graph.edges if component[e.source] != component[e.target]}


def columns(rows: list[Segment]) -> list[tuple[str, int, int]]:
    """(stage, left, width in pixels) of the heads over the map; a stage spans the columns its segments stand in."""
    words = {
        "upstream": say("上游", "Upstream"),
        "midstream": say("中游", "Midstream"),
        "downstream": say("下游", "Downstream"),
    }
    heads = []
    for stage, word in words.items():
        xs = [r.x for r in rows if r.node.stage == stage]
        if xs:
            heads.append((word, min(xs), max(xs) - min(xs) + WIDE))
    return heads


def tally(rows: list[Segment]) -> list[tuple[str, str, int]]:
    """(kind, its name, how many segments) of the leading kinds, gravest first."""
    counted = {k: sum(r.found.get("kind") == k for r in rows) for k in (*KINDS, "strong")}
    return [(k, pick(NAMES[k]), n) for k, n in counted.items() if n]


def by_severity(rows: list[Segment]) -> list[Segment]:
    """Gaps first, gravest first; then the rest in the chain's order."""

    def weight(r: Segment) -> tuple[int, float]:
        return (0, -(r.found.get("severity") or 0.0)) if r.is_gap else (1, r.node.order)

    return sorted(rows, key=weight)


@dataclass
class Duty:
    """What a person looks after in a chain: (part, segment), and the leads under the person's name."""

    person: Any
    segments: list[tuple[str, Segment]] = field(default_factory=list)
    open: int = 0
    overdue: int = 0


def duties(rows: list[Segment]) -> list[Duty]:
    """By person: segments led or teamed, leads open and overdue; who is most overdue first."""
    found: dict[int, Duty] = {}
    for r in rows:
        for o in r.owners:
            duty = found.setdefault(o.user.pk, Duty(o.user))
            duty.segments.append((str(o.get_role_display()), r))
        for a in r.approaches:
            if a.open:
                duty = found.setdefault(a.owner.pk, Duty(a.owner))
                duty.open += 1
                duty.overdue += a.overdue
                if r not in [s for _, s in duty.segments]:
                    duty.segments.append(("", r))
    return sorted(found.values(), key=lambda d: (-d.overdue, -d.open, str(d.person)))


def as_csv(graph: Chain) -> dict[str, str]:
    """The tables as an author edits them."""
    texts = {}
    for table, rows in graph.to_tables().items():
        if table not in SHAPES:
            continue
        out = io.StringIO()
        names = list(SHAPES[table][0].__dataclass_fields__)  # type: ignore[attr-defined]
        writer = csv.DictWriter(out, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(
            {k: int(v) if isinstance(v, bool) else ("" if v is None else v) for k, v in r.items()}
            for r in rows
        )
        texts[table] = out.getvalue()
    return texts


def from_csv(graph: Chain, texts: dict[str, str]) -> Chain:
    """The chain with edited tables; a Refusal names table and line of every fault."""
    tables: dict[str, list[Row]] = {"chain": graph.to_tables()["chain"]}
    for table in SHAPES:
        tables[table] = parse_csv(texts.get(table, ""), table)
    loaded = ground.code_table()
    written = {str(row.get("code", "")) for row in tables["node_code"]}
    names = dict(graph.code_names) | {c: loaded.names[c] for c in written if loaded and c in loaded}
    return Chain.from_tables(tables, codes=loaded, code_names=names)


def members_of(chain: ValueChain, node_id: str, standing: Standing | None) -> list[Membership]:
    """Local firms of a segment as of the shown reckoning: those that count, then those a person should judge."""
    rows = chain.members.filter(node_id=node_id, is_demo=bool(standing and standing.synthetic))
    found = attach_marks(rows.select_related("decided_by"))
    return sorted(found, key=lambda m: (not m.counted, not m.belongs, -m.score, -(m.employees or 0), m.name))


def rivals_of(standing: Standing) -> list[dict[str, Any]]:
    """Rival regions of a reckoning: name, why, how alike."""
    kinds = standing.report.get("rival_kinds") or {}
    return [
        {
            "region": region,
            "name": place_name(region),
            "why": str(RIVAL_KINDS[kinds.get(region, "alike")]),
            "cosine": cosine,
        }
        for region, cosine in standing.report.get("rivals", [])
    ]


def chains_with_counts() -> Any:
    """Chains with how many leads are open and how many of them are overdue."""
    alive = Q(approaches__project__stage__in=OPEN, approaches__project__exit_code="")
    return ValueChain.objects.select_related("leader", "current").annotate(
        open_leads=Count("approaches", filter=alive, distinct=True),
        overdue=Count(
            "approaches",
            filter=alive
            & (Q(approaches__expires_on__lt=today()) | Q(approaches__project__next_due_on__lt=today())),
            distinct=True,
        ),
    )


def overdue_of(user: Any) -> list[Approach]:
    """Leads of a person that ran past their date without leaving the first stages."""
    return list(
        Approach.objects.filter(
            owner=user, project__stage__in=OPEN, project__exit_code="", expires_on__lt=today()
        ).select_related("project", "chain")[:20]
    )
