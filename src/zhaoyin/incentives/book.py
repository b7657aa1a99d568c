"""A folder of policies, asked on a day."""

from __future__ import annotations

import bisect
import datetime as dt
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zhaoyin.incentives import load
from zhaoyin.incentives import model as m
from zhaoyin.incentives.columns import Batch, Plan, Table
from zhaoyin.incentives.fields import Dictionary
from zhaoyin.incentives.single import Assessment, Engine


class Book:
    """All policies of a folder through time. Every file is read, in every regime it knows, when the book is loaded."""

    def __init__(self, library: load.Library) -> None:
        self.library = library
        self._rules: dict[int, m.Rules] = {}
        self._engines: dict[int, Engine] = {}
        self._lock = threading.Lock()
        for day in (
            *library.changes,
            dt.date.min,
        ):  # every regime is checked now, not on the day it is asked for
            self.rules(day)

    @classmethod
    def load(cls, folder: Path | str) -> Book:
        """Read every YAML file under ``folder``. Raises Refusal with file, line and mend."""
        return cls(load.from_folder(Path(folder)))

    @classmethod
    def parse(cls, texts: dict[str, str]) -> Book:
        """The same from texts by file name."""
        return cls(load.from_texts(texts))

    @property
    def dictionary(self) -> Dictionary:
        return self.library.dictionary

    @property
    def sources(self) -> list[m.Source]:
        return [file.source for file in self.library.files]

    def _regime(self, on: dt.date) -> int:
        return bisect.bisect_right(self.library.changes, on)

    def rules(self, on: dt.date) -> m.Rules:
        """What is in force on a day."""
        key = self._regime(on)
        with self._lock:
            if key not in self._rules:
                self._rules[key] = load.rules_on(self.library, on)
            return self._rules[key]

    def engine(self, on: dt.date) -> Engine:
        key, rules = self._regime(on), self.rules(on)
        with self._lock:
            if key not in self._engines:
                self._engines[key] = Engine(rules, self.dictionary)
            return self._engines[key]

    def assess(
        self,
        applicant: Mapping[str, Any],
        on: dt.date,
        *,
        choices: Mapping[str, str] | None = None,
        held: frozenset[str] | set[str] = frozenset(),
        disbursed: Mapping[str, int] | None = None,
    ) -> Assessment:
        """One applicant: {field: "3,200万元" | Money | 3 | "是" | date | None}. Money without a unit is refused.

        ``choices``: {group: policy} where a firm picks; ``held``: documents already held; ``disbursed``: {policy: fen}.
        """
        row = self.dictionary.applicant(applicant)
        return self.engine(on).assess(row, on, choices=choices, held=frozenset(held), disbursed=disbursed)

    def assess_many(self, table: Table, on: dt.date, *, threads: int = 2, progress: Any = None) -> Batch:
        """Many applicants in columns: a pyarrow Table, a pandas frame or {field: numpy array} in canonical units.

        ``progress``: called with the number of rows done since the last call.
        """
        plan = Plan(self.rules(on), self.dictionary)
        return plan.run(table, threads=threads, progress=progress)
