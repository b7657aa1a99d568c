"""A batch of a bureau's ledger: staged, checked, loaded in chunks nobody waits for, visible at once, reversible.

What a spreadsheet says counts for nothing: every project comes in as a lead, its dates as *said* milestones. The rows of
a batch that is loading or was reversed are hidden by one row's state, so that all of them appear or vanish together.
"""

from __future__ import annotations

import time
from itertools import islice
from typing import TYPE_CHECKING, Any

from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction

from zhaoyin import lifecycle
from zhaoyin.base.dates import today
from zhaoyin.base.errors import Refusal
from zhaoyin.desk.actions import action
from zhaoyin.desk.evidence.actions import audit, change, create
from zhaoyin.desk.evidence.models import Mark, Provenance
from zhaoyin.desk.materials import actions as materials
from zhaoyin.desk.projects import rules as in_force
from zhaoyin.desk.projects import sheets
from zhaoyin.desk.projects.actions import next_code
from zhaoyin.desk.projects.derive import apply
from zhaoyin.desk.projects.models import Batch, Milestone, Profile, Project

if TYPE_CHECKING:
    from zhaoyin.desk.accounts.models import User

CHUNK = 250  # rows a transaction: well under the second another writer may wait
PAUSE = 0.12  # seconds; SQLite has no queue for its lock, a waiting writer asks every 0.1 s
SAID = {"signed_on": "signed", "landed_on": "landed", "started_on": "started", "producing_on": "producing"}
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
    batch = Batch.objects.select_related("made_by", "material").get(pk=batch_id)
    if batch.state != Batch.State.LOADING:
        return batch
    actor = batch.made_by
    source = sheets.rows(table_of(batch), batch.mapping)
    for _ in islice(source, batch.done):
        pass
    dues: dict[Any, Project] = {}
    content_type = ContentType.objects.get_for_model(Project)
    while chunk := list(islice(source, CHUNK)):
        with transaction.atomic():
            code, first = next_code(), int(next_code().rsplit("-", 1)[1])
            prefix = code.rsplit("-", 1)[0]
            made = [
                _project(actor, batch, values, f"{prefix}-{first + i:06}", dues)
                for i, (_, values, _) in enumerate(chunk)
            ]
            Project.all_objects.bulk_create(made)
            _around(actor, batch, content_type, chunk, made)
            Batch.objects.filter(pk=batch.pk).update(done=batch.done + len(chunk))
        batch.done += len(chunk)
        if connection.vendor == "sqlite":
            time.sleep(PAUSE)
    with transaction.atomic():
        Batch.objects.filter(pk=batch.pk, state=Batch.State.LOADING).update(
            state=Batch.State.VISIBLE, rows=batch.done
        )
        audit(actor, "batch.import", batch, after={"rows": batch.done}, batch=str(batch.pk))
    batch.state = Batch.State.VISIBLE
    return batch


def _project(
    actor: User, batch: Batch, values: dict[str, Any], code: str, dues: dict[Any, Project]
) -> Project:
    project = Project(
        code=code,
        name=values["name"][:200],
        track=_TRACKS.get(values.get("track") or "", ""),
        sector=(values.get("sector") or "")[:40],
        place_text=(values.get("place") or "")[:120],
        source=(values.get("source") or batch.file_name)[:120],
        company_as_said=(values.get("company") or "")[:200],
        reported_by=(values.get("reported_by") or actor.name)[:60],
        reported_on=values.get("reported_on") or today(),
        need=values.get("need") or "",
        department=actor.department,
        is_demo=actor.is_demo,
        batch=batch,
    )
    # thousands of rows share the same few situations; each is evaluated by the rules once
    key = (
        project.track,
        project.reported_on,
        bool(project.sector),
        bool(project.company_as_said),
        bool(project.need),
    )
    if key not in dues:
        state = lifecycle.Project(
            project.track or in_force.DEFAULT_TRACK,
            values={
                n: getattr(project, n)
                for n in ("source", "reported_on", "reported_by", "company_as_said", "sector", "need")
            },
        )
        apply(project, state)
        dues[key] = project
    else:
        like = dues[key]
        for name in (
            "stage",
            "yellow_on",
            "red_on",
            "next_due_on",
            "due_rule",
            "due_who",
            "missing",
            "rules_version",
        ):
            setattr(project, name, getattr(like, name))
    return project


def _around(
    actor: User, batch: Batch, content_type: ContentType, chunk: list[Any], made: list[Project]
) -> None:
    """What belongs to the projects of one chunk: said milestones, facts, and the cell that proves the name."""
    day = today()
    milestones, profiles, proofs = [], [], []
    for (number, values, _), project in zip(chunk, made, strict=True):
        for name, kind in SAID.items():
            if values.get(name):
                milestones.append(
                    Milestone(
                        project=project, kind=kind, mark=Mark.SAID, fact_on=values[name], recorded_on=day, recorded_by=actor,
                        is_demo=project.is_demo,
                    )
                )  # fmt: skip
        if any(values.get(n) for n in ("investment", "fixed_assets", "jobs")):
            profiles.append(
                Profile(
                    project=project, investment_fen=values.get("investment"), fixed_assets_fen=values.get("fixed_assets"),
                    jobs=values.get("jobs"), is_demo=project.is_demo,
                )
            )  # fmt: skip
        proofs.append(
            Provenance(
                content_type=content_type, object_id=project.pk, field="name", value=project.name, mark=Mark.SAID,
                material=batch.material, locator_kind=Provenance.Locator.CELL,
                locator={"row": number, "column": batch.mapping["name"]}, actor=actor,
            )
        )  # fmt: skip
    Milestone.objects.bulk_create(milestones)
    Profile.objects.bulk_create(profiles)
    Provenance.objects.bulk_create(proofs)


@action("import.run")
def reverse(actor: User, batch: Batch, reason: str) -> None:
    """Take a batch back, all of it at once; refused once somebody has built on one of its projects."""
    if not reason.strip():
        raise Refusal("import.reason", "写明为什么撤回。", "Say why it is reversed.", where="reason")
    fresh = Batch.objects.select_for_update().get(pk=batch.pk)
    if fresh.state != Batch.State.VISIBLE:
        raise Refusal("import.state", "这一批不在台账里，没有可撤的。", "This batch is not in the ledger.")
    touched = (
        Project.objects.filter(batch=fresh).filter(
            milestones__mark__in=[Mark.CLAIMED, Mark.VERIFIED, Mark.LOCKED]
        )
        | Project.objects.filter(batch=fresh, version__gt=1)
        | Project.objects.filter(batch=fresh, agreements__isnull=False)
    ).distinct()
    used = list(touched.values_list("code", flat=True)[:5])
    if used:
        raise Refusal(
            "import.used",
            f"这一批里 {'、'.join(used)} 已有人接着办，不能整批撤回。在项目页办退出。",
            f"Work has begun on {', '.join(used)} of this batch; it cannot be reversed whole. Record exits instead.",
        )
    change(actor, "batch.reverse", fresh, reason=reason, state=Batch.State.REVERSED)
