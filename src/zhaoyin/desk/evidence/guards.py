"""Database triggers that refuse what no code path may do, on SQLite and PostgreSQL alike."""

from __future__ import annotations

from typing import Any


def append_only(table: str) -> dict[str, tuple[list[str], list[str]]]:
    """vendor → (statements that install, statements that remove) triggers refusing UPDATE and DELETE on the table."""
    words = f"{table} is append-only"
    sqlite_up, sqlite_down = [], []
    for act in ("UPDATE", "DELETE"):
        name = f"{table}_no_{act.lower()}"
        sqlite_up.append(
            f"CREATE TRIGGER {name} BEFORE {act} ON {table} BEGIN SELECT RAISE(ABORT, '{words}'); END"
        )
        sqlite_down.append(f"DROP TRIGGER IF EXISTS {name}")
    function = f"{table}_append_only"
    return {
        "sqlite": (sqlite_up, sqlite_down),
        "postgresql": (
            [
                f"CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS "
                f"$$ BEGIN RAISE EXCEPTION '{words}'; END $$",
                f"CREATE TRIGGER {function} BEFORE UPDATE OR DELETE ON {table} "
                f"FOR EACH ROW EXECUTE FUNCTION {function}()",
            ],
            [f"DROP TRIGGER IF EXISTS {function} ON {table}", f"DROP FUNCTION IF EXISTS {function}()"],
        ),
    }


def installer(guard: dict[str, tuple[list[str], list[str]]], *, remove: bool = False) -> Any:
    """A function for migrations.RunPython that installs (or removes) the guard."""

    def run(apps: Any, schema_editor: Any) -> None:
        for statement in guard[schema_editor.connection.vendor][int(remove)]:
            schema_editor.execute(statement)

    return run
