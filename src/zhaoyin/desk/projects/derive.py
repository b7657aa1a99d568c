"""derive(): the only code that writes a project's stage, dues and sums; and the check that recomputes them all."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from django.db import connection
from django.db.models import Sum

from zhaoyin import lifecycle
from zhaoyin.desk.evidence.models import Mark
from zhaoyin.desk.projects.models import Exit, Milestone, Project
from zhaoyin.desk.projects.rules import DEFAULT_TRACK, rules, states

COLUMNS = (
    "stage", "next_due_on", "yellow_on", "red_on", "due_rule", "due_who", "missing", "exit_code",
    "contracted_fen", "capital_fen", "rules_version",
)  # fmt: skip
NEVER = dt.date(9999, 12, 31)


def derive(projects: Iterable[Project]) -> list[Project]:
    """Recompute the derived columns of some projects, inside the caller's transaction; the rows as written."""
    rows = list(projects)
    ids = [p.pk for p in rows]
    exits = dict(Exit.objects.filter(project__in=ids).values_list("project", "code"))
    for p in rows:
        p.exit_code = exits.get(p.pk, "")
    engine = states(rows)
    sums = _sums(ids)
    for p in rows:
        apply(p, engine[p.pk])
        p.contracted_fen = sums.get((p.pk, "contracted"), 0)
        p.capital_fen = sums.get((p.pk, "capital"), 0)
    if len(rows) == 1:  # nearly always; a bulk update weighs three times as much
        rows[0].save(update_fields=COLUMNS)
    else:
        Project.objects.bulk_update(rows, COLUMNS, batch_size=200)
    return rows


def apply(p: Project, state: lifecycle.Project) -> None:
    """Set stage, dues and what is missing on the (unsaved) row."""
    book = rules()
    p.stage = lifecycle.stage(state.milestones, state.track, book)
    alarms = lifecycle.schedule(state, book)
    p.yellow_on = min((a.yellow_on for a in alarms), default=None)
    p.red_on = min((a.red_on for a in alarms if a.red_on), default=None)
    first = min(alarms, key=lambda a: (a.red_on or NEVER, a.yellow_on), default=None)
    p.next_due_on = first.due_on if first else None
    p.due_rule, p.due_who = (first.rule, first.who) if first else ("", "")
    p.missing = 0 if p.exit_code else len(lifecycle.missing(state, None, book))
    p.rules_version = book.ref


def _sums(ids: list[int]) -> dict[tuple[int, str], int]:
    from zhaoyin.desk.reports.models import Entry
    from zhaoyin.desk.reports.queries import PREFIXES, bare

    rows = (
        Entry.objects.filter(
            project__in=ids, account__in=[p + a for p in PREFIXES.values() for a in ("contracted", "capital")]
        )
        .order_by()
        .values_list("project", "account")
        .annotate(n=Sum("quantity"))
    )
    found: dict[tuple[int, str], int] = {}
    for project, account, n in rows:  # of a project left out or taken in again, several accounts
        found[project, bare(account)] = found.get((project, bare(account)), 0) + n
    return found


def check() -> Iterator[tuple[int, str, str]]:
    """(project, stage as stored, stage as derived) wherever the two differ; silence means the ledger is true.

    Reads every project and every counted milestone once: about 20 bytes of memory a milestone.
    """
    ids, tracks, stored = read_projects()
    owner, code = read_milestones()
    book = rules()
    got = lifecycle.stages_many(ids, tracks, owner, code, book)
    names = list(book.stages)
    for i in np.flatnonzero(got != stored):
        yield int(ids[i]), names[stored[i]] if stored[i] >= 0 else "?", names[got[i]]


def read_projects() -> tuple[Any, Any, Any]:
    """ids (ascending), tracks and stored stages as arrays of indexes into the rules."""
    book = rules()
    track, stage = {c: i for i, c in enumerate(book.tracks)}, {c: i for i, c in enumerate(book.stages)}
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, track, stage FROM projects_project ORDER BY id")
        rows = cursor.fetchall()
    default = track[DEFAULT_TRACK]
    return (
        np.array([r[0] for r in rows], dtype=np.int64),
        np.array([track.get(r[1], default) for r in rows], dtype=np.int8),
        np.array([stage.get(r[2], -1) for r in rows], dtype=np.int8),
    )


def read_milestones() -> tuple[Any, Any]:
    """Owners and codes of every counted milestone. Asked kind by kind, so that only ids cross from the database."""
    owners, codes = [], []
    table = Milestone._meta.db_table
    with connection.cursor() as cursor:
        for index, kind in enumerate(rules().milestones):
            cursor.execute(
                f"SELECT project_id FROM {table} WHERE kind = %s AND mark IN (%s, %s)",  # noqa: S608
                [kind, Mark.VERIFIED, Mark.LOCKED],
            )
            found = np.fromiter((row[0] for row in cursor.fetchall()), dtype=np.int64)
            owners.append(found)
            codes.append(np.full(len(found), index, dtype=np.int8))
    return np.concatenate(owners), np.concatenate(codes)
