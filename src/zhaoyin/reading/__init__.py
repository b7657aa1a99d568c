"""A document → facts, each with the characters that prove it."""

from zhaoyin.reading.engine import read
from zhaoyin.reading.lexicon import Lexicon
from zhaoyin.reading.load import Document, load, normalise
from zhaoyin.reading.model import Fact, FactKind, Reading, Span

__all__ = ["Document", "Fact", "FactKind", "Lexicon", "Reading", "Span", "load", "normalise", "read"]
