"""Value chains: a chain as data, a region's position in it, its gaps, and whom to approach.

>>> chain = Chain.load("packs/zhaoyuan/chains/gold")
>>> ground = Landscape(chain, Counts.load("counts.parquet"))
>>> report = gaps(ground, "370685")
"""

from zhaoyin.valuechain.chain import Chain, Change, Claim, Edge, Membership, Node, NodeCode, NodeTerm, diff
from zhaoyin.valuechain.codes import CodeTable
from zhaoyin.valuechain.complexity import (
    Complexity,
    Concentration,
    Counts,
    complexity,
    concentration,
    poisson_interval,
    related_variety,
    shrunk_lq,
)
from zhaoyin.valuechain.distance import Distance, distance
from zhaoyin.valuechain.entry import entry_scores, expected
from zhaoyin.valuechain.gaps import Assessment, Contested, GapReport, Rival, Verdict, gaps
from zhaoyin.valuechain.model import Guess, TextModel, macro_f1
from zhaoyin.valuechain.position import Input, Landscape, NodePosition, Position, suppliers
from zhaoyin.valuechain.shortlist import Entry, Shortlist, shortlist
from zhaoyin.valuechain.terms import Candidate, Classification, Span, TermClassifier

__all__ = [
    "Assessment",
    "Candidate",
    "Chain",
    "Change",
    "Claim",
    "Classification",
    "CodeTable",
    "Complexity",
    "Concentration",
    "Contested",
    "Counts",
    "Distance",
    "Edge",
    "Entry",
    "GapReport",
    "Guess",
    "Input",
    "Landscape",
    "Membership",
    "Node",
    "NodeCode",
    "NodePosition",
    "NodeTerm",
    "Position",
    "Rival",
    "Shortlist",
    "Span",
    "TermClassifier",
    "TextModel",
    "Verdict",
    "complexity",
    "concentration",
    "diff",
    "distance",
    "entry_scores",
    "expected",
    "gaps",
    "macro_f1",
    "poisson_interval",
    "related_variety",
    "shortlist",
    "shrunk_lq",
    "suppliers",
]
