"""The company universe: millions of firms in a folder of sorted Parquet, asked on DuckDB or on Spark.

The engine is loaded when a name of it is first used: who only reads a manifest need not wait for it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zhaoyin.universe.codes import CodeTable
    from zhaoyin.universe.intake import Imported, ingest
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
_HOMES = {
    "CodeTable": "codes", "Imported": "intake", "ingest": "intake", "DEFAULT_SCORE": "query", "Filter": "query", "Term": "query",
    "Universe": "store", "open": "store", "synthesise": "synth",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = found
    return found
