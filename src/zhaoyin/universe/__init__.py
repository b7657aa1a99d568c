"""The company universe: millions of firms in a folder of sorted Parquet, asked on DuckDB or on Spark."""

from zhaoyin.universe.codes import CodeTable
from zhaoyin.universe.ingest import Imported, ingest
from zhaoyin.universe.query import DEFAULT_SCORE, Filter, Term
from zhaoyin.universe.store import Universe, open
from zhaoyin.universe.synth import synthesise

__all__ = [
    "DEFAULT_SCORE",
    "CodeTable",
    "Filter",
    "Imported",
    "Term",
    "Universe",
    "ingest",
    "open",
    "synthesise",
]
