"""Policies as data: who gets what, why, what is missing. One rule text for one firm and for ten million.

>>> book = Book.load("packs/zhaoyuan/policies")
>>> book.assess({"固定资产投资": "3,200万元"}, on=date(2026, 11, 22)).json()
"""

from zhaoyin.incentives.book import Book
from zhaoyin.incentives.columns import Batch, Plan
from zhaoyin.incentives.fields import Dictionary, Field
from zhaoyin.incentives.model import Policy, Rules, Source
from zhaoyin.incentives.single import Assessment, Change, Gap, Question, Result

__all__ = [
    "Assessment", "Batch", "Book", "Change", "Dictionary", "Field", "Gap", "Plan", "Policy", "Question", "Result", "Rules",
    "Source",
]  # fmt: skip
