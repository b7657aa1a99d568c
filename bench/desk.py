"""The desk at a bureau's scale: pages, month close and imports on 100,000 projects with 1,000,000 milestones.

On SQLite and on PostgreSQL, each in a process of its own. Server time is what a request takes inside Django, template
included; a wait is how long one writer's whole action took while a close or an import ran, in one process with them (in service an
import has a process of its own). Half seen: looks that found some of a batch and not all of it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
import _ledger
from _common import Report, arguments

WRITERS = 10


def p95(times: list[float]) -> float:
    return sorted(times)[max(int(len(times) * 0.95) - 1, 0)] * 1000


def pages(people: dict[str, Any], projects: int, rounds: int) -> dict[str, float]:
    """p95 of each page in ms, and how many queries it takes at most."""
    import random

    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    random.seed(3)
    client = Client()
    client.force_login(people["verifier"])
    stages, tracks = ["lead", "talks", "signed", "landed", "started"], ["land", "lease", "upgrade", "service"]
    ways = {
        "board": lambda: "/projects/board/",
        "table": lambda: (
            f"/projects/?stage={random.choice(stages)}&track={random.choice(tracks)}&place={random.randint(1, 40)}"
        ),
        "project": lambda: f"/projects/{random.randint(1, projects)}/",
        "figures": lambda: f"/figures/?month={_ledger.OPEN}",
    }
    found: dict[str, float] = {}
    for name, way in ways.items():
        client.get(way())
        times, queries = [], set()
        for _ in range(rounds):
            url = way()
            began = time.perf_counter()
            answer = client.get(url)
            times.append(time.perf_counter() - began)
            assert answer.status_code == 200, (url, answer.status_code)
        for _ in range(5):
            with CaptureQueriesContext(
                connection,
            ) as caught:
                client.get(way())
            queries.add(len(caught))
        found[f"{name} p95"] = p95(times)
        found[f"{name} queries"] = max(queries)
    return found


class Writers:
    """Ten people, each saving a project once a second, one thread and connection each, until told to stop."""

    def __init__(self, officer: Any) -> None:
        self.officer, self.stop = officer, threading.Event()
        self.waits: list[float] = []
        self.done: dict[int, int] = {}
        self.threads = [threading.Thread(target=self._work, args=(n,)) for n in range(WRITERS)]

    def _work(self, n: int) -> None:
        from django.db import connection

        from zhaoyin.desk.projects import actions
        from zhaoyin.desk.projects.models import Project

        count = 0
        try:
            while not self.stop.is_set():
                project = Project.objects.get(pk=n + 1)
                began = time.perf_counter()
                actions.edit_project(self.officer, project, seen=project.version, need=f"第 {count + 1} 次")
                self.waits.append(time.perf_counter() - began)
                count += 1
                self.done[n + 1] = count
                self.stop.wait(1.0)
        finally:
            connection.close()

    def __enter__(self) -> Writers:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *exc: Any) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def longest(self) -> float:
        return max(self.waits)

    def lost(self) -> int:
        from zhaoyin.desk.projects.models import Project

        kept = dict(Project.objects.filter(pk__in=list(self.done)).values_list("pk", "need"))
        return sum(kept[pk] != f"第 {n} 次" for pk, n in self.done.items())


def measure(vendor: str, projects: int, rounds: int, rows: int) -> dict[str, float]:
    found: dict[str, float] = {}
    with _ledger.desk(vendor):
        began = time.perf_counter()
        people = _ledger.build(projects)
        found["build"] = time.perf_counter() - began
        found |= pages(people, projects, rounds)

        from zhaoyin.desk.projects import derive

        began = time.perf_counter()
        ids, tracks, stored = derive.read_projects()
        owner, code = derive.read_milestones()
        from zhaoyin import lifecycle

        got = lifecycle.stages_many(ids, tracks, owner, code)
        found["derive all"] = time.perf_counter() - began
        found["derive differs"] = float((got != stored).sum())

        from zhaoyin.desk.reports import actions as reports

        with Writers(people["officer"]) as writers:
            began = time.perf_counter()
            reports.close_month(people["verifier"], _ledger.OPEN)
            found["close"] = time.perf_counter() - began
        found["close: longest wait"], found["close: lost writes"] = writers.longest(), float(writers.lost())
        found["close: writes"] = float(len(writers.waits))

        text = "项目名称,投资方,总投资（万元）,产业,签约日期\n" + "".join(
            f"合成导入{i},合成企业{i % 5000},{i % 900 + 100},黄金,2026-0{i % 9 + 1}-11\n" for i in range(rows)
        )
        found |= bring(people, "import", text.encode(), "合成台账.csv", rows)
        book = _ledger.workbook(rows * 2)
        found |= bring(people, "xlsx", book, "合成台账.xlsx", rows * 2, back=True)
    return found


def bring(
    people: dict[str, Any], name: str, data: bytes, file: str, rows: int, *, back: bool = False
) -> dict[str, float]:
    """Import a ledger while people write and look; with ``back`` reverse it afterwards. Half a batch is never seen."""
    from django.db import connection

    from zhaoyin.desk.projects import loading
    from zhaoyin.desk.projects.models import Project

    found: dict[str, float] = {}
    before, over, half = Project.objects.count(), threading.Event(), []

    def look() -> None:
        while not over.wait(1.5):
            if Project.objects.count() not in {before, before + rows}:
                half.append(1)
        connection.close()

    began = time.perf_counter()
    batch = loading.stage(people["officer"], data, file)
    problems, _, count = loading.check(batch)
    assert not problems and count == rows
    found[f"{name} checked"] = time.perf_counter() - began
    loading.start(people["officer"], batch)
    looker = threading.Thread(target=look)
    looker.start()
    with Writers(people["officer"]) as writers:
        began = time.perf_counter()
        loading.load(batch.pk)
        found[name] = time.perf_counter() - began
    over.set()
    looker.join()
    assert Project.objects.count() == before + rows
    found[f"{name}: longest wait"], found[f"{name}: lost writes"] = writers.longest(), float(writers.lost())
    found[f"{name}: writes"], found[f"{name}: half seen"] = float(len(writers.waits)), float(len(half))
    if back:
        batch.refresh_from_db()
        began = time.perf_counter()
        loading.reverse(people["officer"], batch, "bench")
        found[f"{name} reversed"] = time.perf_counter() - began
        assert Project.objects.count() == before
    return found


UNITS = {"p95": "ms", "queries": "", "wait": "s", "writes": "", "differs": "", "half": ""}


def main() -> int:
    options = arguments(__doc__ or "")
    options.add_argument(
        "--vendor", choices=["sqlite", "postgresql"], help="measure one, print JSON (for itself)"
    )
    args = options.parse_args()
    projects, rounds, rows = (3_000, 12, 2_000) if args.quick else (100_000, 60, 100_000)
    if args.vendor:
        print("\x1e" + json.dumps(measure(args.vendor, projects, rounds, rows)))
        return 0
    report = Report("desk", args, "django", "psycopg", "python-calamine")
    for vendor in ("sqlite", "postgresql"):
        command = [sys.executable, __file__, "--vendor", vendor, *(["--quick"] if args.quick else [])]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        if answer.returncode:
            print(answer.stderr[-3000:], file=sys.stderr)
            found = {}
        else:
            found = json.loads(answer.stdout.rsplit("\x1e", 1)[1])
        size = f"{projects:,} projects, {projects * 10:,} milestones"
        for name in NAMES:
            unit = next((u for word, u in UNITS.items() if word in name), "s")
            report.add(
                f"{vendor} {name}",
                found.get(name),
                unit,
                size=f"{rows:,} rows"
                if "import" in name
                else f"{rows * 2:,} rows"
                if "xlsx" in name
                else size,
            )
    return report.close()


NAMES = [
    "board p95", "table p95", "project p95", "figures p95", "board queries", "table queries", "project queries",
    "figures queries", "derive all", "derive differs", "close", "close: writes", "close: longest wait",
    "close: lost writes", "import checked", "import", "import: writes", "import: longest wait", "import: lost writes",
    "import: half seen", "xlsx checked", "xlsx", "xlsx: writes", "xlsx: longest wait", "xlsx: lost writes",
    "xlsx: half seen", "xlsx reversed",
]  # fmt: skip

if __name__ == "__main__":
    raise SystemExit(main())
