"""SQLite has no queue for its write lock: who finds it taken tries again ever more rarely, at last each tenth of a second,
and where many write may miss every gap. Here the threads of a process stand in line, and the first of each process
tries again within hundredths, so that nobody is passed over for long."""

from __future__ import annotations

import os
import threading
import time
from collections import defaultdict
from typing import Any

from django.db.backends.sqlite3 import base
from django.db.utils import OperationalError

PATIENCE = 20.0  # seconds; then "database is locked"
TURN = 10  # milliseconds SQLite itself waits, trying after 1, 3 and 8

_lines: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
os.register_at_fork(after_in_child=_lines.clear)  # whoever stood in line stayed in the parent


_Django: Any = base.DatabaseWrapper


class DatabaseWrapper(_Django):  # type: ignore[misc]
    _mine: threading.Lock | None = None  # the line of this database, while this connection is served

    def _start_transaction_under_autocommit(self) -> None:
        line = _lines[str(self.settings_dict["NAME"])]
        until = time.monotonic() + PATIENCE
        if not line.acquire(timeout=PATIENCE):
            raise OperationalError("database is locked")
        self._mine = line
        try:
            self._begin(until)
        except BaseException:
            self._leave()
            raise

    def _begin(self, until: float) -> None:
        self.connection.execute(f"PRAGMA busy_timeout = {TURN}")
        try:
            while True:
                try:
                    super()._start_transaction_under_autocommit()
                    return
                except OperationalError as busy:
                    if "locked" not in str(busy) or time.monotonic() > until:
                        raise
        finally:
            self.connection.execute(f"PRAGMA busy_timeout = {int(PATIENCE * 1000)}")

    def _leave(self) -> None:
        line, self._mine = self._mine, None
        if line is not None:
            line.release()

    def _commit(self) -> None:
        super()._commit()  # a commit that fails is followed by a rollback
        self._leave()

    def _rollback(self) -> None:
        try:
            super()._rollback()
        finally:
            self._leave()

    def _close(self) -> None:
        try:
            super()._close()
        finally:
            self._leave()
