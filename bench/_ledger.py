"""A synthetic ledger at scale for the benches of the desk, on SQLite or on a throwaway PostgreSQL. Marked synthetic."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
OPEN = 202610  # the month that is still open, and closed by the bench
DAY0 = dt.date(2021, 11, 1)


@contextlib.contextmanager
def desk(vendor: str) -> Iterator[None]:
    """Django on an empty database of that vendor, migrated. One vendor a process: settings are read once."""
    sys.path[:0] = [str(ROOT / "src"), str(ROOT)]
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="zhaoyin-bench-"))
        os.environ["ZHAOYIN_DATA"] = folder
        os.environ.pop("ZHAOYIN_DATABASE", None)
        if vendor == "postgresql":
            from tests.postgres import server

            os.environ["ZHAOYIN_DATABASE"] = stack.enter_context(server())
        os.environ["DJANGO_SETTINGS_MODULE"] = "zhaoyin.desk.settings"
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0, interactive=False)
        yield
        from django.db import connections

        connections.close_all()


def insert(model: Any, names: list[str], rows: Iterable[tuple[Any, ...]]) -> None:
    """Rows of the named columns; the others get their field's default. One statement prepared, or COPY."""
    from django.db import connection, transaction
    from django.utils import timezone

    now = timezone.now()
    blank = model()
    fields = [f for f in model._meta.concrete_fields if f.attname not in names]
    fields = [f for f in fields if not (f.primary_key and f.get_internal_type() == "BigAutoField")]
    fixed = tuple(
        f.get_db_prep_save(
            now if f.name in {"created_at", "updated_at", "made_at", "at"} else getattr(blank, f.attname),
            connection,
        )
        for f in fields
    )
    columns = ", ".join(f'"{c}"' for c in [*names, *(f.attname for f in fields)])
    table = model._meta.db_table
    lines = ((*row, *fixed) for row in rows)
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.cursor.copy(f'COPY "{table}" ({columns}) FROM STDIN') as copy:
                for line in lines:
                    copy.write_row(line)
            cursor.execute(
                f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))"
                if "id" in names
                else "SELECT 1"
            )
        else:
            marks = ", ".join("?" * (len(names) + len(fields)))
            cursor.cursor.executemany(f'INSERT INTO "{table}" ({columns}) VALUES ({marks})', lines)


def build(projects: int, seed: int = 7) -> dict[str, Any]:
    """``projects`` projects with ten milestones each, agreements, capital and the entries they are booked as."""
    from django.db import connection

    from zhaoyin.desk.accounts.models import Department, User
    from zhaoyin.desk.deals.models import Agreement, Capital
    from zhaoyin.desk.parties.models import Organisation
    from zhaoyin.desk.projects.models import Investor, Milestone, Project
    from zhaoyin.desk.reports.models import Entry, Month, Rollup
    from zhaoyin.desk.sites.models import Carrier

    rng = np.random.default_rng(seed)
    bureau = Department.objects.create(code="bench", name="合成数据科")
    people = {}
    for name, roles in {"officer": ["officer"], "verifier": ["verifier"], "head": ["head"]}.items():
        people[name] = User.objects.create(
            username=name, name=name, roles=roles, department=bureau, password="!"
        )
    insert(
        Carrier, ["id", "code", "name", "kind"], ((i, f"p{i}", f"合成园区{i}", "park") for i in range(1, 41))
    )
    organisations = max(projects // 5, 10)
    insert(
        Organisation,
        ["id", "name", "kind"],
        ((i, f"合成企业{i}", "company") for i in range(1, organisations + 1)),
    )

    kinds = ["lead", "talks", "review", "signed", "landed", "started", "producing", "capacity"]
    stages = ["lead", "talks", "talks", "signed", "landed", "started", "producing", "capacity"]
    tracks = ["land", "lease", "upgrade", "service", "research", "acquisition"]
    reached = rng.choice(9, projects, p=[0.05, 0.1, 0.1, 0.1, 0.2, 0.15, 0.15, 0.1, 0.05])
    start = rng.integers(0, 365 * 5 - 60, projects)
    step = rng.integers(10, 60, projects)
    track, place = rng.integers(0, 6, projects), rng.integers(1, 41, projects)
    late = rng.integers(-60, 240, projects)
    today = dt.date(2026, 11, 22)

    def day(i: int, n: int) -> dt.date:
        return min(DAY0 + dt.timedelta(days=int(start[i] + step[i] * n)), dt.date(2026, 10, 31))

    def month(d: dt.date) -> int:
        return d.year * 100 + d.month

    signed = [month(day(i, 3)) if reached[i] > 3 else 0 for i in range(projects)]
    amount = rng.integers(5, 900, projects) * 10**10 // 100
    share = rng.uniform(0.05, 0.8, projects)

    def project_rows() -> Iterator[tuple[Any, ...]]:
        for i in range(projects):
            r = int(reached[i])
            red = today + dt.timedelta(days=int(late[i]))
            yield (
                i + 1, f"P-2026-{i + 1:06}", f"合成项目{i + 1}", tracks[track[i]], stages[r - 1] if r else "lead", int(place[i]),
                people["officer"].pk, bureau.pk, signed[i], int(amount[i]) if signed[i] else 0,
                int(amount[i] * share[i]) // 3 * 3 if signed[i] else 0, red - dt.timedelta(days=20), red, red, "planned_start", "park_manager", int(rng.integers(0, 9)),
            )  # fmt: skip

    insert(Project, ["id", "code", "name", "track", "stage", "place_id", "officer_id", "department_id", "cohort",
                     "contracted_fen", "capital_fen", "yellow_on", "red_on", "next_due_on", "due_rule", "due_who", "missing"], project_rows())  # fmt: skip
    insert(
        Investor,
        ["project_id", "organisation_id"],
        ((i + 1, int(rng.integers(1, organisations + 1))) for i in range(projects)),
    )

    def milestone_rows() -> Iterator[tuple[Any, ...]]:
        for i in range(projects):
            r = int(reached[i])
            for n in range(10):
                d = day(i, min(n, 7))
                if n < r:
                    m = month(d)
                    yield (
                        i + 1,
                        kinds[n],
                        "verified" if m == OPEN else "locked",
                        d,
                        d,
                        d,
                        people["verifier"].pk,
                        people["officer"].pk,
                        m,
                    )
                else:
                    yield i + 1, kinds[min(n, 7)], "said", d, d, None, None, people["officer"].pk, None

    insert(
        Milestone,
        [
            "project_id",
            "kind",
            "mark",
            "fact_on",
            "recorded_on",
            "verified_on",
            "verified_by_id",
            "recorded_by_id",
            "period",
        ],
        milestone_rows(),
    )

    with_contract = [i for i in range(projects) if signed[i]]
    insert(Agreement, ["id", "name", "kind", "mark", "signed_on", "amount_fen", "period"],
           ((i + 1, f"合成合同{i + 1}", "contract", "locked" if signed[i] != OPEN else "verified", day(i, 3), int(amount[i]), signed[i]) for i in with_contract))  # fmt: skip
    insert(
        Agreement.projects.through, ["agreement_id", "project_id"], ((i + 1, i + 1) for i in with_contract)
    )

    def capital_rows() -> Iterator[tuple[Any, ...]]:
        for i in with_contract:
            for k in range(3):
                d = day(i, 4 + k)
                fen = int(amount[i] * share[i]) // 3
                m = month(d)
                yield (
                    i + 1,
                    d,
                    fen,
                    fen,
                    "合成付款人",
                    "440300",
                    "other_province" if k else "abroad",
                    f"{i:032x}{k:032x}",
                    "locked" if m != OPEN else "verified",
                    d,
                    m,
                )

    insert(
        Capital,
        [
            "project_id",
            "received_on",
            "amount_fen",
            "cny_fen",
            "payer",
            "payer_region",
            "origin",
            "voucher_sha256",
            "mark",
            "recorded_on",
            "period",
        ],
        capital_rows(),
    )

    def entry_rows() -> Iterator[tuple[Any, ...]]:
        v = people["verifier"].pk
        for i in with_contract:
            d, c = day(i, 3), signed[i]
            yield i + 1, "signed", c, 1, c, "", "", d, "projects.milestone", i, v
            yield i + 1, "contracted", c, int(amount[i]), c, "", "", d, "deals.agreement", i + 1, v
            for n in range(4, int(reached[i])):
                d = day(i, n)
                yield i + 1, kinds[n], month(d), 1, c, "", "", d, "projects.milestone", i, v
                if n == 4:
                    yield i + 1, "performed", month(d), 1, c, "", "", d, "projects.milestone", i, v
            for k in range(3):
                d = day(i, 4 + k)
                yield (
                    i + 1,
                    "capital",
                    month(d),
                    int(amount[i] * share[i]) // 3,
                    c,
                    "other_province" if k else "abroad",
                    "fixed",
                    d,
                    "deals.capital",
                    i,
                    v,
                )

    insert(
        Entry,
        [
            "project_id",
            "account",
            "period",
            "quantity",
            "cohort",
            "origin",
            "use",
            "fact_on",
            "source",
            "source_id",
            "made_by_id",
        ],
        entry_rows(),
    )
    months = sorted(set(Entry.objects.order_by().values_list("period", flat=True).distinct()))
    from zhaoyin.desk.reports import queries

    for m in months:
        Month.objects.create(number=m, state="open")
        if m < OPEN:
            Rollup.objects.bulk_create(queries.sums(m))
    from django.utils import timezone

    Month.objects.filter(number__lt=OPEN).update(
        state="closed", closed_by=people["verifier"], closed_at=timezone.now()
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return people


def workbook(rows: int) -> bytes:
    """A bureau's ledger as an .xlsx of that many rows. Written as text: a library takes a minute for 200,000."""
    import io
    import zipfile

    heads = ["项目名称", "投资方", "总投资（万元）", "产业", "签约日期"]

    def line(number: int, cells: list[object]) -> str:
        found = "".join(
            f'<c r="{"ABCDE"[i]}{number}"><v>{v}</v></c>'
            if isinstance(v, int)
            else f'<c r="{"ABCDE"[i]}{number}" t="inlineStr"><is><t>{v}</t></is></c>'
            for i, v in enumerate(cells)
        )
        return f'<row r="{number}">{found}</row>'

    body = (
        line(i + 2, [f"合成表{i}", f"合成企业{i % 5000}", i % 900 + 100, "黄金", f"2026-0{i % 9 + 1}-11"])
        for i in range(rows)
    )
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    kinds = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>'
        '<Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>'
        "</Types>",
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships">'
        f'<Relationship Id="r1" Type="{kinds}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{kinds}">'
        '<sheets><sheet name="台账" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships">'
        f'<Relationship Id="r1" Type="{kinds}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>'
        + "".join([line(1, list(heads)), *body])
        + "</sheetData></worksheet>",
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return out.getvalue()
