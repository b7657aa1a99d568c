"""A batch of a bureau's ledger: staged, checked, loaded in chunks nobody waits for, visible at once, reversible.

What a spreadsheet says counts for nothing: every project comes in as a lead, its dates as *said* milestones. The rows of
a batch that is loading or was reversed are hidden by one row's state, so that all of them appear or vanish together.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from django.contrib.contenttypes.models import ContentType
from django.db import transaction

from zhaoyin import lifecycle
from zhaoyin.base.dates import today
from zhaoyin.base.errors import Refusal
from zhaoyin.desk.actions import action
from zhaoyin.desk.evidence.actions import audit, change, create
from zhaoyin.desk.evidence.models import Mark, Provenance
from zhaoyin.desk.materials import actions as materials
from zhaoyin.desk.pour import Pour
from zhaoyin.desk.projects import rules as in_force
from zhaoyin.desk.projects import sheets
from zhaoyin.desk.projects.actions import next_code
from zhaoyin.desk.projects.derive import apply
from zhaoyin.desk.projects.models import Batch, Milestone, Profile, Project

if TYPE_CHECKING:
    from zhaoyin.desk.accounts.models import User

CHUNK = 250  # rows a transaction: some hundredths of a second that others wait
PAUSE = 0.03  # seconds; SQLite has no queue for its lock, a waiting writer asks ever more rarely, at last every 0.1 s
SAID = {"signed_on": "signed", "landed_on": "landed", "started_on": "started", "producing_on": "producing"}
DERIVED = ("stage", "yellow_on", "red_on", "next_due_on", "due_rule", "due_who", "missing", "rules_version")
_TRACKS = {str(label): value for value, label in Project.Track.choices}


def stage(actor: User, data: bytes, name: str) -> Batch:
    """Take a file in and read its heads; the columns as remembered from the last ledger with these heads, else guessed."""
    table = sheets.read(data, name)
    material = materials.keep_file(actor, name, data)
    return _stage(actor, table, material, name)


stage.policy_verb = "import.run"  # type: ignore[attr-defined]


@action("import.run")
def _stage(actor: User, table: sheets.Table, material: Any, name: str) -> Batch:
    same = Batch.objects.filter(
        sha256=material.sha256, state__in=[Batch.State.VISIBLE, Batch.State.LOADING]
    ).first()
    if same:
        raise Refusal(
            "import.twice",
            f"这份文件 {same.created_at:%Y-%m-%d} 已导入（第 {same.pk} 批）。要重来，先撤回那一批。",
            f"This file was imported on {same.created_at:%Y-%m-%d} (batch {same.pk}). Reverse that batch first.",
            where="file",
        )
    before = Batch.objects.filter(heads=table.digest).exclude(mapping={}).order_by("-id").first()
    mapping = before.mapping if before else sheets.guess(table.heads)
    return create(
        actor,
        "batch.stage",
        Batch,
        file_name=name[:255],
        sha256=material.sha256,
        made_by=actor,
        material=material,
        heads=table.digest,
        mapping=mapping,
        rows=len(table.rows),
    )


def table_of(batch: Batch) -> sheets.Table:
    return sheets.read(materials.stored_at(batch.sha256).read_bytes(), batch.file_name)


def check(
    batch: Batch, table: sheets.Table | None = None
) -> tuple[list[sheets.Problem], list[dict[str, Any]], int]:
    """(problems, the first rows as they would come in, how many rows). Compares with the ledger in one query."""
    table = table or table_of(batch)
    if "name" not in batch.mapping:
        raise Refusal(
            "import.mapping",
            "没有指定“项目名称”是哪一列。先选列。",
            "No column is chosen for the project's name.",
        )
    problems: list[sheets.Problem] = []
    preview: list[dict[str, Any]] = []
    names: dict[tuple[str, str], int] = {}
    count = 0
    for number, values, wrong in sheets.rows(table, batch.mapping):
        count += 1
        problems += wrong
        if len(preview) < 20:
            preview.append({"number": number, **values})
        if values.get("name"):
            names[values["name"], values.get("company") or ""] = number
    head = table.heads[batch.mapping["name"]]
    existing = Project.objects.filter(exit_code="").values_list("name", "company_as_said", "code")
    for name, company, code in existing.iterator(chunk_size=5000):
        found = names.get((name, company))
        if found is not None:
            problems.append(
                sheets.Problem(
                    found,
                    head,
                    f"第 {found} 行“{name}”台账里已有（{code}）。删掉这一行，到项目页改。",
                    f"Row {found}, “{name}” is in the ledger already ({code}). Delete the row and edit the project.",
                    batch.mapping["name"],
                )
            )
    return problems, preview, count


@action("import.run")
def remap(actor: User, batch: Batch, mapping: dict[str, int]) -> None:
    """Choose what the columns mean; the next ledger with these heads remembers it."""
    if batch.state != Batch.State.STAGED:
        raise Refusal("import.state", "这一批已导入，列不再改。", "This batch is imported; its columns stay.")
    change(actor, "batch.stage", batch, mapping=mapping)


@action("import.run")
def start(actor: User, batch: Batch) -> None:
    """Begin loading; refused while a row has a problem, so that nothing is half imported."""
    fresh = Batch.objects.select_for_update().get(pk=batch.pk)
    if fresh.state != Batch.State.STAGED:
        raise Refusal(
            "import.stale", "这一批已在导入或已导入。", "This batch is loading or imported already."
        )
    change(actor, "batch.import", fresh, state=Batch.State.LOADING)


def load(batch_id: int) -> Batch:
    """Put the rows in, chunk by chunk, then show them all at once. Taken up again where it stopped."""
    batch = Batch.objects.select_related("made_by__department", "material").get(pk=batch_id)
    if batch.state != Batch.State.LOADING:
        return batch
    source = sheets.rows(table_of(batch), batch.mapping)
    for _ in islice(source, batch.done):
        pass
    into = _Into(batch)
    with _giving_way():
        while chunk := [into.ready(number, values) for number, values, _ in islice(source, CHUNK)]:
            with transaction.atomic():
                _put(into, chunk)
                Batch.objects.filter(pk=batch.pk).update(done=batch.done + len(chunk))
            batch.done += len(chunk)
            time.sleep(PAUSE)
    with transaction.atomic():
        Batch.objects.filter(pk=batch.pk, state=Batch.State.LOADING).update(
            state=Batch.State.VISIBLE, rows=batch.done
        )
        audit(batch.made_by, "batch.import", batch, after={"rows": batch.done}, batch=str(batch.pk))
    batch.state = Batch.State.VISIBLE
    return batch


@contextmanager
def _giving_way() -> Iterator[None]:
    """Where people work in this very process, hand over to them every half millisecond instead of every five."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.0005)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


@dataclass
class _Ready:
    """One row of a ledger as the database takes it, but for the project's key and code."""

    project: tuple[Any, ...]
    milestones: list[tuple[Any, ...]]
    profile: tuple[Any, ...] | None
    proof: tuple[Any, ...]


class _Into:
    """Turns rows of a batch into what is written for them: the project as a lead, its dates and facts as *said*, and
    the cell that proves its name."""

    def __init__(self, batch: Batch) -> None:
        self.batch, self.actor = batch, batch.made_by
        demo = self.actor.is_demo
        self.projects = Pour(
            Project,
            ["id", "code", "name", "track", "sector", "place_text", "source", "company_as_said", "reported_by",
             "reported_on", "need", *DERIVED],
            department=self.actor.department, is_demo=demo, batch=batch,
        )  # fmt: skip
        self.milestones = Pour(
            Milestone, ["project", "kind", "fact_on"],
            mark=Mark.SAID, recorded_on=today(), recorded_by=self.actor, is_demo=demo,
        )  # fmt: skip
        self.profiles = Pour(Profile, ["project", "investment_fen", "fixed_assets_fen", "jobs"], is_demo=demo)
        self.proofs = Pour(
            Provenance, ["object_id", "value", "locator"],
            content_type=ContentType.objects.get_for_model(Project), field="name", mark=Mark.SAID,
            material=batch.material, locator_kind=Provenance.Locator.CELL, actor=self.actor,
        )  # fmt: skip
        self._derived: dict[Any, tuple[Any, ...]] = {}
        self._tracks = {word.zh: word.code for word in in_force.rules().tracks.values()}

    def ready(self, number: int, values: dict[str, Any]) -> _Ready:
        project = Project(
            name=values["name"][:200],
            track=self._tracks.get(values.get("track") or "", ""),
            sector=(values.get("sector") or "")[:40],
            place_text=(values.get("place") or "")[:120],
            source=(values.get("source") or self.batch.file_name)[:120],
            company_as_said=(values.get("company") or "")[:200],
            reported_by=(values.get("reported_by") or self.actor.name)[:60],
            reported_on=values.get("reported_on") or today(),
            need=values.get("need") or "",
        )
        derived = self._by_rules(project)
        facts = [values.get(n) for n in ("investment", "fixed_assets", "jobs")]
        return _Ready(
            (*self.projects.ready(
                project.name, project.track, project.sector, project.place_text, project.source, project.company_as_said,
                project.reported_by, project.reported_on, project.need, *derived,
            ),),
            [self.milestones.ready(kind, values[name]) for name, kind in SAID.items() if values.get(name)],
            self.profiles.ready(*facts) if any(facts) else None,
            self.proofs.ready(project.name, {"row": number, "column": self.batch.mapping["name"]}),
        )  # fmt: skip

    def _by_rules(self, project: Project) -> tuple[Any, ...]:
        """Stage and dues. Thousands of rows share the same few situations; each is put to the rules once."""
        asked = ("source", "reported_on", "reported_by", "company_as_said", "sector", "need")
        values = {n: getattr(project, n) for n in asked}
        key = (project.track, project.reported_on, *(bool(v) for v in values.values()))
        if key not in self._derived:
            apply(project, lifecycle.Project(project.track or in_force.DEFAULT_TRACK, values=values))
            self._derived[key] = tuple(getattr(project, name) for name in DERIVED)
        return self._derived[key]


def _put(into: _Into, chunk: list[_Ready]) -> None:
    """Write one chunk, inside the caller's transaction."""
    prefix, first = next_code().rsplit("-", 1)
    ids = into.projects.ids(len(chunk))
    into.projects.into(
        (pk, f"{prefix}-{int(first) + i:06}", *r.project)
        for i, (pk, r) in enumerate(zip(ids, chunk, strict=True))
    )
    into.milestones.into((pk, *m) for pk, r in zip(ids, chunk, strict=True) for m in r.milestones)
    into.profiles.into((pk, *r.profile) for pk, r in zip(ids, chunk, strict=True) if r.profile)
    into.proofs.into((pk, *r.proof) for pk, r in zip(ids, chunk, strict=True))


@action("import.run")
def reverse(actor: User, batch: Batch, reason: str) -> None:
    """Take a batch back, all of it at once; refused once somebody has built on one of its projects."""
    if not reason.strip():
        raise Refusal("import.reason", "写明为什么撤回。", "Say why it is reversed.", where="reason")
    fresh = Batch.objects.select_for_update().get(pk=batch.pk)
    if fresh.state != Batch.State.VISIBLE:
        raise Refusal("import.state", "这一批不在台账里，没有可撤的。", "This batch is not in the ledger.")
    rows = Project.objects.filter(batch=fresh)
    touched = (  # one after the other: all in one condition takes five times as long
        rows.filter(milestones__mark__in=[Mark.CLAIMED, Mark.VERIFIED, Mark.LOCKED]),
        rows.filter(version__gt=1),
        rows.filter(agreements__isnull=False),
    )
    used = sorted({code for some in touched for code in some.order_by().values_list("code", flat=True)[:5]})[
        :5
    ]
    if used:
        raise Refusal(
            "import.used",
            f"这一批里 {'、'.join(used)} 已有人接着办，不能整批撤回。在项目页办退出。",
            f"Work has begun on {', '.join(used)} of this batch; it cannot be reversed whole. Record exits instead.",
        )
    change(actor, "batch.reverse", fresh, reason=reason, state=Batch.State.REVERSED)
