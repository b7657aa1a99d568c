"""What is done to materials and to the facts read from them."""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
import logging
import os
import tempfile
import uuid
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.utils import timezone

from zhaoyin import reading
from zhaoyin.base.errors import Refusal
from zhaoyin.desk.accounts.models import User
from zhaoyin.desk.actions import action
from zhaoyin.desk.evidence import actions as evidence
from zhaoyin.desk.evidence.actions import audit
from zhaoyin.desk.materials import acceptance, tasks
from zhaoyin.desk.materials.models import Fact, Material, MaterialText
from zhaoyin.packs import load_pack, pack_names
from zhaoyin.reading.choose import Choice
from zhaoyin.reading.proposers import Proposer

log = logging.getLogger("zhaoyin.materials")

MAX_BYTES = 50 * 2**20
MAX_FACTS = 2000
LEASE = dt.timedelta(minutes=10)
# kinds of a reading → kinds of the review; a clause of a notice is reviewed as a policy
KINDS = {
    "event": Fact.Kind.EVENT,
    "project": Fact.Kind.DEAL,
    "organisation": Fact.Kind.ORGANISATION,
    "person": Fact.Kind.PERSON,
    "carrier": Fact.Kind.CARRIER,
    "policy": Fact.Kind.POLICY,
    "clause": Fact.Kind.POLICY,
    "claim": Fact.Kind.CLAIM,
}
ORDER = list(Fact.Kind.values)


def stored_at(sha256: str) -> Path:
    """Where the bytes lie: MATERIALS_ROOT/ab/cdef…"""
    return Path(settings.MATERIALS_ROOT) / sha256[:2] / sha256[2:]


def _store(data: bytes, sha256: str) -> None:
    """Whole or not at all: written aside, synced, renamed."""
    path = stored_at(sha256)
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, aside = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    Path(aside).replace(path)


def demo_hashes() -> set[str]:
    """The announcements that packs ship for demonstration; they never count as proof."""
    paths = [load_pack(name).demo_announcement for name in pack_names()]
    return {hashlib.sha256(path.read_bytes()).hexdigest() for path in paths if path}


def add_material(
    actor: User, data: bytes, file_name: str, *, title: str = "", address: str = ""
) -> tuple[Material, bool]:
    """Bring a document in and queue its reading; (material, whether it is new). The same bytes are one material."""
    if not data.strip():
        raise Refusal(
            "material.empty",
            "文件是空的，没有可读的内容。换一份再传。",
            "The file is empty. Choose another one.",
            where="file",
        )
    if len(data) > MAX_BYTES:
        raise Refusal(
            "material.large",
            f"文件有 {len(data) / 2**20:.0f} MB，最多 {MAX_BYTES // 2**20} MB。拆成几份，或只传有用的页。",
            f"The file has {len(data) / 2**20:.0f} MB; the limit is {MAX_BYTES // 2**20} MB. Split it or send the pages that matter.",
            where="file",
        )
    sha256 = hashlib.sha256(data).hexdigest()
    _store(data, sha256)
    return _record(
        actor,
        sha256=sha256,
        file_name=Path(file_name).name[:255],
        title=(title or _title(data, file_name))[:200],
        size=len(data),
        address=address,
        is_demo=sha256 in demo_hashes(),
    )


def keep_file(actor: User, file_name: str, data: bytes) -> Material:
    """Keep a file as evidence, unread: people look at it, nothing is proposed from it. The same bytes are one material."""
    if not data:
        raise Refusal(
            "material.empty",
            "文件是空的。换一份再传。",
            "The file is empty. Choose another one.",
            where="file",
        )
    if len(data) > MAX_BYTES:
        raise Refusal(
            "material.large",
            f"文件有 {len(data) / 2**20:.0f} MB，最多 {MAX_BYTES // 2**20} MB。拆成几份再传。",
            f"The file has {len(data) / 2**20:.0f} MB; the limit is {MAX_BYTES // 2**20} MB. Split it.",
            where="file",
        )
    sha256 = hashlib.sha256(data).hexdigest()
    _store(data, sha256)
    return _keep(
        actor,
        sha256=sha256,
        file_name=Path(file_name).name[:255],
        title=Path(file_name).stem[:200],
        size=len(data),
    )


keep_file.policy_verb = "file.keep"  # type: ignore[attr-defined]  # asked when the row is written


@action("file.keep")
def _keep(actor: User, *, sha256: str, **values: Any) -> Material:
    found = Material.objects.filter(sha256=sha256).first()
    if found:
        return found
    return evidence.create(
        actor,
        "material.add",
        Material,
        sha256=sha256,
        added_by=actor,
        state=Material.State.REVIEWED,
        **values,
    )


@action("material.add")
def _record(actor: User, *, sha256: str, **values: Any) -> tuple[Material, bool]:
    found = Material.objects.filter(sha256=sha256).first()
    if found:
        return found, False
    material = evidence.create(actor, "material.add", Material, sha256=sha256, added_by=actor, **values)
    transaction.on_commit(lambda: tasks.read_material.enqueue(material.pk))
    return material, True


def _title(data: bytes, file_name: str) -> str:
    if file_name and not file_name.startswith("pasted"):
        return Path(file_name).stem
    first = next((line.strip() for line in data.decode("utf-8", "replace").splitlines() if line.strip()), "")
    return first[:40] or file_name


def read(material_id: int) -> None:
    """Read one material and store its facts. Called by the worker; a second call of a finished one does nothing."""
    now = timezone.now()
    taken = (
        Material.objects.filter(pk=material_id, state__in=[Material.State.QUEUED, Material.State.READING])
        .exclude(lease_until__gt=now)
        .update(state=Material.State.READING, lease_until=now + LEASE, progress=5)
    )
    if not taken:
        return
    material = Material.objects.get(pk=material_id)
    try:
        document = reading.load(stored_at(material.sha256).read_bytes(), name=material.file_name)
        Material.objects.filter(pk=material_id).update(progress=40, kind=document.kind)
        found = reading.read(document, lexicon=acceptance.lexicon(), proposers=_proposers())
        Material.objects.filter(pk=material_id).update(progress=80)
        facts = _facts(material, document, found)
        _finish(material, document, found, facts)
    except Refusal as refusal:
        _fail(material, refusal.zh, refusal.en)
    except Exception:
        log.exception("reading material %s failed", material_id)
        _fail(
            material,
            f"读“{material.title}”时出了意外，没有记下任何事实。重读一次；还不行，把这份材料交给系统管理员。",
            f"Reading “{material.title}” failed unexpectedly and nothing was recorded. Try again; if it persists, give the material to an administrator.",
        )


@functools.cache
def _proposers() -> list[Proposer]:
    """The rules, and what the operator switched on (docs/operators.md). Made once a process."""
    return Choice.of_environment(cache=Path(settings.DATA) / "llm").proposers()


def _facts(material: Material, document: reading.Document, found: reading.Reading) -> list[Fact]:
    """The reading's facts as rows of the review, in the order people review them."""
    rows: dict[str, Fact] = {}
    for fact in found.facts:
        kind = KINDS.get(fact.kind)
        if kind is None:
            continue
        start, end = fact.evidence
        spans = {"": [[start, end]]} | {
            name: [list(span) for span in places] for name, places in fact.proofs.items()
        }
        data = {name: value for name, value in fact.fields.items() if value not in (None, "", [], ())}
        if "heading" in data and "name" not in data:
            data["name"] = data.pop("heading")
        data = {name: list(value) if isinstance(value, tuple) else value for name, value in data.items()}
        rows.setdefault(
            fact.key,
            Fact(
                material=material,
                key=fact.key,
                kind=kind,
                ordinal=0,
                data=data,
                spans=spans,
                start=start,
                end=end,
                confidence=fact.confidence,
                locator=document.locate(start, end).as_dict(),
                is_demo=material.is_demo,
            ),
        )
    ordered = sorted(rows.values(), key=lambda row: (ORDER.index(row.kind), row.start, row.end))[:MAX_FACTS]
    for place, row in enumerate(ordered, start=1):
        row.ordinal = place
    return ordered


@transaction.atomic
def _finish(
    material: Material, document: reading.Document, found: reading.Reading, facts: list[Fact]
) -> None:
    material = Material.objects.select_for_update().get(pk=material.pk)
    if material.state != Material.State.READING:
        return
    MaterialText.objects.update_or_create(material=material, defaults={"source": _storable(document.source)})
    Fact.objects.bulk_create(facts, batch_size=200, ignore_conflicts=True)
    notes = [{"zh": notice.zh, "en": notice.en} for notice in document.warnings]
    notes += [{"zh": zh, "en": en} for _, zh, en in found.notices]
    if len(found.facts) > MAX_FACTS:
        notes.append(
            {
                "zh": f"读出 {len(found.facts)} 条，只列前 {MAX_FACTS} 条。把材料拆开再读。",
                "en": f"{len(found.facts)} facts were read, the first {MAX_FACTS} are listed. Split the material.",
            }
        )
    is_ledger = found.kind == "ledger" or any(_names_projects(table.rows[:5]) for table in document.tables)
    if is_ledger:
        notes.append(
            {
                "zh": "这像一张项目台账。用“导入台账”整批导入更合适。",
                "en": "This looks like a ledger of projects. “Import a ledger” brings it in as a whole.",
            }
        )
    material.state = Material.State.READ if facts else Material.State.REVIEWED
    material.kind, material.genre, material.notes, material.progress = (
        document.kind,
        "ledger" if is_ledger else found.genre,
        notes,
        100,
    )
    material.problem_zh = material.problem_en = ""
    material.lease_until = None
    material.save()
    audit(None, "material.read", material, after={"facts": len(facts)})


def _names_projects(rows: Any) -> bool:
    """Whether the first rows of a table hold the head of a ledger: a project's name and its investor or amount."""
    heads = ["".join(str(cell or "") for cell in row) for row in rows]
    return any("项目" in head and ("投资" in head or "金额" in head or "企业" in head) for head in heads)


def _storable(source: str) -> str:
    # PostgreSQL stores no NUL; one character for one keeps every offset true.
    return source.replace("\x00", "\ufffd")


@transaction.atomic
def _fail(material: Material, zh: str, en: str) -> None:
    Material.objects.filter(pk=material.pk).update(
        state=Material.State.FAILED, problem_zh=zh, problem_en=en, lease_until=None, progress=0
    )
    audit(None, "material.fail", material, reason=zh)


def requeue_lost() -> int:
    """Queue again what a killed worker left behind; how many. The supervisor calls this."""
    lost = Material.objects.filter(state=Material.State.READING, lease_until__lt=timezone.now())
    count = 0
    for material in lost:
        with transaction.atomic():
            taken = Material.objects.filter(
                pk=material.pk, state=Material.State.READING, lease_until=material.lease_until
            )
            if taken.update(state=Material.State.QUEUED, lease_until=None, progress=0):
                transaction.on_commit(lambda pk=material.pk: tasks.read_material.enqueue(pk))  # type: ignore[misc]
                count += 1
    return count


def release_leases() -> None:
    """At start no worker is alive: whatever is half read is free to be read again."""
    Material.objects.filter(state=Material.State.READING).update(
        lease_until=timezone.now() - dt.timedelta(seconds=1)
    )
    requeue_lost()


@action("material.add")
def read_again(actor: User, material: Material) -> None:
    """Queue a failed material once more."""
    if material.state != Material.State.FAILED:
        return
    evidence.change(
        actor, "material.add", material, state=Material.State.QUEUED, problem_zh="", problem_en=""
    )
    transaction.on_commit(lambda: tasks.read_material.enqueue(material.pk))


@action("material.withdraw")
def withdraw(actor: User, material: Material, *, reason: str) -> None:
    """Take a material's content away; hash, title and what rests on it remain."""
    if not reason.strip():
        raise Refusal("material.reason", "写明为什么撤下。", "Say why it is withdrawn.", where="reason")
    evidence.change(actor, "material.withdraw", material, reason=reason, state=Material.State.WITHDRAWN)
    MaterialText.objects.filter(material=material).delete()
    stored_at(material.sha256).unlink(missing_ok=True)


# ---------------------------------------------------------------- review


def _take(fact: Fact) -> Fact:
    """The fact as it is now, still open; somebody quicker is named."""
    fresh = (
        Fact.objects.select_for_update(of=("self",)).select_related("material", "decided_by").get(pk=fact.pk)
    )
    if fresh.state != Fact.State.OPEN:
        who = fresh.decided_by.name if fresh.decided_by else ""
        raise Refusal(
            "fact.stale",
            f"{who}刚刚处理过“{fresh}”（{fresh.get_state_display()}）。页面已更新，没有重复记账。",
            f"{who} has just dealt with “{fresh}” ({fresh.get_state_display()}). The page is up to date; nothing was recorded twice.",
        )
    return fresh


@transaction.atomic
def _decide(
    actor: User,
    fact: Fact,
    state: str,
    batch: str,
    *,
    corrected: dict[str, Any] | None = None,
    reason: str = "",
) -> Fact:
    fact = _take(fact)
    fact.state, fact.decided_by, fact.decided_at = state, actor, timezone.now()
    fact.batch, fact.reason, fact.corrected = batch, reason[:200], corrected
    if state != Fact.State.REJECTED:
        with evidence.recording(is_demo=fact.material.is_demo) as made:
            target = acceptance.accept(actor, fact)
        fact.steps = [list(step) for step in made.steps]
        if target is not None:
            fact.content_type, fact.object_id = ContentType.objects.get_for_model(target), target.pk
    fact.version += 1
    fact.save()
    verb = {
        Fact.State.ACCEPTED: "fact.accept",
        Fact.State.CORRECTED: "fact.correct",
        Fact.State.REJECTED: "fact.reject",
    }
    audit(
        actor,
        verb[Fact.State(state)],
        fact,
        before=fact.data if corrected else {},
        after=corrected or {},
        reason=reason,
        batch=batch,
    )
    _close(fact.material)
    return fact


def _close(material: Material) -> None:
    """A material is reviewed when no fact is open, and open again when one is."""
    left = material.facts.filter(state=Fact.State.OPEN).exists()
    state = Material.State.READ if left else Material.State.REVIEWED
    Material.objects.filter(pk=material.pk).exclude(state__in=[state, Material.State.WITHDRAWN]).update(
        state=state
    )


@action("fact.review")
def accept(actor: User, fact: Fact) -> Fact:
    """Accept a fact as read: the ledger takes it over with its place in the source."""
    return _decide(actor, fact, Fact.State.ACCEPTED, str(uuid.uuid4()))


@action("fact.review")
def correct(actor: User, fact: Fact, values: dict[str, Any]) -> Fact:
    """Accept a fact with corrected values; what the source said is kept beside them."""
    corrected = {
        name: value for name, value in {**fact.data, **values}.items() if value not in (None, "", [])
    }
    if not corrected.get("name") and not corrected.get("subject"):
        raise Refusal(
            "fact.name",
            "名称不能空。填上，或驳回这一条。",
            "The name must not be empty. Fill it in, or reject the fact.",
            where="name",
        )
    return _decide(actor, fact, Fact.State.CORRECTED, str(uuid.uuid4()), corrected=corrected)


@action("fact.review")
def reject(actor: User, fact: Fact, reason: str = "") -> Fact:
    """Put a fact aside; it stays visible, with the reason."""
    return _decide(actor, fact, Fact.State.REJECTED, str(uuid.uuid4()), reason=reason)


@action("fact.review", atomic=False)
def accept_kind(actor: User, material: Material, kind: str) -> list[Fact]:
    """Accept all open facts of a kind, each in its own short transaction; they are undone in one go."""
    batch = str(uuid.uuid4())
    return [
        _decide(actor, fact, Fact.State.ACCEPTED, batch)
        for fact in material.facts.filter(kind=kind, state=Fact.State.OPEN).order_by("ordinal")
    ]


@action("fact.review")
def undo(actor: User, material: Material) -> list[Fact]:
    """Take back my last decision in this material, whole; the facts that are open again."""
    last = (
        material.facts.filter(decided_by=actor)
        .exclude(state=Fact.State.OPEN)
        .order_by("-decided_at", "-ordinal")
        .first()
    )
    if last is None:
        raise Refusal("fact.nothing", "没有可以撤销的。", "There is nothing to undo.")
    facts = list(material.facts.filter(batch=last.batch, decided_by=actor).order_by("-ordinal"))
    for fact in facts:
        evidence.undo(actor, fact.steps)
        fact.state, fact.decided_by, fact.decided_at, fact.batch = Fact.State.OPEN, None, None, ""
        fact.corrected, fact.reason, fact.steps, fact.content_type, fact.object_id = None, "", [], None, None
        fact.version += 1
        fact.save()
        audit(actor, "fact.undo", fact)
    _close(material)
    return facts
