"""Database triggers around a closed month, on SQLite and PostgreSQL alike: page, API, import, ORM and raw SQL all meet them.

While a month is closing its rows may only turn from verified to locked; once closed nothing in it changes. On PostgreSQL
a booking holds a share lock on its month's row, so a close waits for bookings under way and later ones see it closed.
"""

# Table and column names below are ours, written in the migration; nothing a person types enters the statements.
# ruff: noqa: S608
from __future__ import annotations

Guard = dict[str, tuple[list[str], list[str]]]
MONTH = "reports_month"


def month_rows(table: str, *, mark: str = "", keep: tuple[str, ...] = ()) -> Guard:
    """Refuse to insert into, change or delete from a month that is not open, by the column ``period`` of ``table``.

    ``mark`` names the proof-mark column: verified → locked is allowed while the month is closing. ``keep`` names the
    columns that make the fact; without it every column does. Rows with a NULL period are not counted and stay free.
    """
    words = f"{table}: the month is closed; book an adjustment in the next period"
    state = f"(SELECT state FROM {MONTH} WHERE number = %s.period)"
    shut_new, shut_old = f"{state % 'NEW'} <> 'open'", f"{state % 'OLD'} <> 'open'"
    changed = " OR ".join(f"NEW.{c} IS NOT OLD.{c}" for c in keep) or "1"
    changed_pg = changed.replace("IS NOT", "IS DISTINCT FROM") if keep else "true"
    locking = ""
    if mark:
        locking = (
            f" AND NOT (OLD.{mark} = 'verified' AND NEW.{mark} = 'locked' AND NEW.period IS OLD.period"
            f" AND {state % 'OLD'} = 'closing')"
        )
    locking_pg = locking.replace("NEW.period IS OLD.period", "NEW.period IS NOT DISTINCT FROM OLD.period")
    abort = f"BEGIN SELECT RAISE(ABORT, '{words}'); END"
    rules = {
        "insert": f"BEFORE INSERT ON {table} WHEN NEW.period IS NOT NULL AND {shut_new}",
        "update": f"BEFORE UPDATE ON {table} WHEN (OLD.period IS NOT NULL AND {shut_old} AND ({changed}){locking})"
        f" OR (NEW.period IS NOT NULL AND NEW.period IS NOT OLD.period AND {shut_new})",
        "delete": f"BEFORE DELETE ON {table} WHEN OLD.period IS NOT NULL AND {shut_old}",
    }
    name = f"{table}_month"
    body = f"""
DECLARE s text;
BEGIN
  IF TG_OP <> 'INSERT' AND OLD.period IS NOT NULL THEN
    SELECT state INTO s FROM {MONTH} WHERE number = OLD.period FOR SHARE;
    IF s <> 'open' AND (TG_OP = 'DELETE' OR (({changed_pg}){locking_pg})) THEN RAISE EXCEPTION '{words}'; END IF;
  END IF;
  IF TG_OP <> 'DELETE' AND NEW.period IS NOT NULL AND (TG_OP = 'INSERT' OR NEW.period IS DISTINCT FROM OLD.period) THEN
    SELECT state INTO s FROM {MONTH} WHERE number = NEW.period FOR SHARE;
    IF s <> 'open' THEN RAISE EXCEPTION '{words}'; END IF;
  END IF;
  IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
  RETURN NEW;
END"""
    return {
        "sqlite": (
            [f"CREATE TRIGGER {name}_{act} {rule} {abort}" for act, rule in rules.items()],
            [f"DROP TRIGGER IF EXISTS {name}_{act}" for act in rules],
        ),
        "postgresql": (
            [
                f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$",
                f"CREATE TRIGGER {name} BEFORE INSERT OR UPDATE OR DELETE ON {table}"
                f" FOR EACH ROW EXECUTE FUNCTION {name}()",
            ],
            [f"DROP TRIGGER IF EXISTS {name} ON {table}", f"DROP FUNCTION IF EXISTS {name}()"],
        ),
    }


def month_itself() -> Guard:
    """A closed month never opens again, is never deleted, and its number never changes."""
    words = f"{MONTH}: a closed month stays closed"
    update = "OLD.state = 'closed' OR NEW.number <> OLD.number"
    return {
        "sqlite": (
            [
                f"CREATE TRIGGER {MONTH}_stays BEFORE UPDATE ON {MONTH} WHEN {update}"
                f" BEGIN SELECT RAISE(ABORT, '{words}'); END",
                f"CREATE TRIGGER {MONTH}_kept BEFORE DELETE ON {MONTH} WHEN OLD.state <> 'open'"
                f" BEGIN SELECT RAISE(ABORT, '{words}'); END",
            ],
            [f"DROP TRIGGER IF EXISTS {MONTH}_stays", f"DROP TRIGGER IF EXISTS {MONTH}_kept"],
        ),
        "postgresql": (
            [
                f"CREATE FUNCTION {MONTH}_stays() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                f" IF TG_OP = 'DELETE' THEN IF OLD.state <> 'open' THEN RAISE EXCEPTION '{words}'; END IF; RETURN OLD;"
                f" END IF; IF {update} THEN RAISE EXCEPTION '{words}'; END IF; RETURN NEW; END $$",
                f"CREATE TRIGGER {MONTH}_stays BEFORE UPDATE OR DELETE ON {MONTH}"
                f" FOR EACH ROW EXECUTE FUNCTION {MONTH}_stays()",
            ],
            [f"DROP TRIGGER IF EXISTS {MONTH}_stays ON {MONTH}", f"DROP FUNCTION IF EXISTS {MONTH}_stays()"],
        ),
    }


def published(table: str, column: str) -> Guard:
    """Published figures and sums of a closed month are written while it closes and never change."""
    words = f"{table}: published figures never change"
    rule = f"(SELECT state FROM {MONTH} WHERE number = OLD.{column}) = 'closed'"
    name = f"{table}_published"
    return {
        "sqlite": (
            [
                f"CREATE TRIGGER {name}_{act.lower()} BEFORE {act} ON {table} WHEN {rule}"
                f" BEGIN SELECT RAISE(ABORT, '{words}'); END"
                for act in ("UPDATE", "DELETE")
            ],
            [f"DROP TRIGGER IF EXISTS {name}_{act}" for act in ("update", "delete")],
        ),
        "postgresql": (
            [
                f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                f" IF {rule} THEN RAISE EXCEPTION '{words}'; END IF;"
                f" IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW; END $$",
                f"CREATE TRIGGER {name} BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()",
            ],
            [f"DROP TRIGGER IF EXISTS {name} ON {table}", f"DROP FUNCTION IF EXISTS {name}()"],
        ),
    }
