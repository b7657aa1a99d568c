"""Many rows of one table in one statement.

Whoever writes holds the ledger's lock for as long as Python turns objects into rows. Here that is done before the
transaction begins: ``ready`` makes a row's values fit for the database, ``into`` only hands them over.
"""

# Names of tables and columns are those of our models; values go in as parameters.
# ruff: noqa: S608
from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection, models

from zhaoyin.desk.evidence.actions import plain

SAFE = 20_000  # parameters of one statement; SQLite takes 32,766


class Pour:
    """Rows of ``model`` that differ in the columns ``differ``; the other columns hold ``same``, or their default.

    SQLite gets VALUES; PostgreSQL one JSON text, because its driver quotes thousands of parameters slowly.
    """

    def __init__(self, model: type[models.Model], differ: Sequence[str], **same: Any) -> None:
        fields = {f.name: f for f in model._meta.concrete_fields}
        rest = [f for f in fields.values() if f.name not in differ and not f.primary_key]
        like = model(**same)
        self.table = model._meta.db_table
        self.differ = [fields[name] for name in differ]
        self.columns = [f.column for f in (*self.differ, *rest)]
        self.same = tuple(_fit(f, f.pre_save(like, add=True)) for f in rest)

    def ready(self, *values: Any) -> tuple[Any, ...]:
        """One row as the database takes it; values in the order of ``differ`` (or of its last columns)."""
        fields = self.differ[len(self.differ) - len(values) :]
        return tuple(_fit(f, value) for f, value in zip(fields, values, strict=True))

    def ids(self, count: int) -> list[int]:
        """Primary keys for that many rows. On SQLite only inside the transaction that writes them."""
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                numbers = "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)"
                cursor.execute(numbers, [self.table, count])
                return [row[0] for row in cursor.fetchall()]
            cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [self.table])
            first = (cursor.fetchone() or [0])[0] + 1
            return list(range(first, first + count))

    def into(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Insert rows made by ``ready``."""
        waiting = list(rows)
        columns = ", ".join(f'"{column}"' for column in self.columns)
        head = f'INSERT INTO "{self.table}" ({columns}) '
        step = SAFE // len(self.columns)
        with connection.cursor() as cursor:
            for start in range(0, len(waiting), step):
                some = waiting[start : start + step]
                if connection.vendor == "postgresql":
                    text = json.dumps([dict(zip(self.columns, (*r, *self.same), strict=True)) for r in some])
                    source = f'SELECT {columns} FROM json_populate_recordset(NULL::"{self.table}", %s)'
                    cursor.execute(head + source, [text])
                else:
                    marks = f"({', '.join(['%s'] * len(self.columns))})"
                    values = [value for row in some for value in (*row, *self.same)]
                    cursor.execute(f"{head} VALUES {', '.join([marks] * len(some))}", values)


def _fit(field: Any, value: Any) -> Any:
    return plain(value) if connection.vendor == "postgresql" else field.get_db_prep_save(value, connection)
