"""Whether a verified project counts: left out by the rules when its signing is verified or it leaves as a duplicate, or by a
verifier with a reason.

Nothing booked is changed. What stands for the project moves to accounts of its own by opposite entries in open months, so
that a closed month keeps its figures and the list behind a figure can show what was left out, why and by whom.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from django.contrib.contenttypes.models import ContentType
from django.db.models import Min

from zhaoyin import lifecycle
from zhaoyin.base.errors import Refusal
from zhaoyin.desk.actions import action
from zhaoyin.desk.deals import queries as deals
from zhaoyin.desk.evidence.actions import Source, change, prove
from zhaoyin.desk.evidence.models import Mark, Provenance
from zhaoyin.desk.projects import rules as in_force
from zhaoyin.desk.projects.models import Project
from zhaoyin.desk.words import english, say

if TYPE_CHECKING:
    from zhaoyin.desk.accounts.models import User

BY_RULE = Provenance.Locator.CITATION  # such a judgement cites the rules; every other one is a person's


@dataclass(frozen=True)
class Judgement:
    """Who left a project out, when and why; or took it in again (``code`` is blank)."""

    code: str
    words: str
    why: str
    who: str
    at: dt.datetime


# --- what the rules decide


def by_rule(project: Project) -> lifecycle.Word | None:
    """The rule that leaves this project out when its signing is verified, with the reason; None when it will count.

    A person's judgement stands: the rules decide only where nobody has.
    """
    last = _judged([project.pk]).get(project.pk, [])
    if last and last[-1].locator_kind != BY_RULE:
        return None
    own = lifecycle.industry_code(project.sector)
    signed = project.milestones.filter(kind="signed")
    standing = signed.exclude(mark__in=[Mark.SAID, Mark.REJECTED]).first()
    facts = lifecycle.Signing(
        industries=(own,) if own else tuple(project.investors.values_list("industry", flat=True)),
        sector=project.sector,
        amount=deals.signed_fen(project.pk),
        fact_on=standing.fact_on if standing else None,
        recorded_on=signed.aggregate(on=Min("recorded_on"))["on"],
    )
    return lifecycle.exclusion(facts, in_force.rules())


def decide(actor: User, project: Project) -> None:
    """At the verification of a signing, before anything of it is booked."""
    found = by_rule(project)
    if found and found.code != project.left_out:
        source = Source(kind=BY_RULE, citation=in_force.rules().ref, note=found.zh, locator={"why": found.en})
        _judge(actor, project, found.code, source)


def undecide(actor: User, project: Project) -> None:
    """The signing is taken back: so is what the rules decided with it, once its bookings are answered."""
    last = _judged([project.pk]).get(project.pk, [])
    if project.left_out and last and last[-1].locator_kind == BY_RULE:
        source = Source(kind=BY_RULE, citation=in_force.rules().ref, note="签约核验已撤回")
        _judge(actor, project, "", source)


def merged(actor: User, project: Project, into: Project) -> None:
    """The project leaves as a duplicate: it was signed before, under the other one, and counts once."""
    row = in_force.rules().exclusions.get("duplicate")
    if row and row.active and not project.left_out:
        why = {"why": f"merged into {into.code}"}
        source = Source(kind=BY_RULE, citation=in_force.rules().ref, note=f"并入 {into.code}", locator=why)
        _judge(actor, project, row.code, source)


# --- what a verifier decides


@action("project.count")
def leave_out(actor: User, project: Project, code: str, reason: str, *, seen: int | None = None) -> Project:
    """From now on the project counts in no figure. Open months show it at once, closed ones never change."""
    project = _ready(actor, project, reason)
    row = in_force.rules().exclusions[code]
    if not row.active:
        raise Refusal(
            "count.inactive",
            f"本地规则不按“{row.zh}”排除，照常计入。选别的理由。",
            f"The rules here leave nothing out as “{row.en}”. Choose another reason.",
            where="code",
        )
    if project.left_out == code:
        raise Refusal(
            "count.same",
            f"“{project}”已按“{row.zh}”不计入。",
            f"“{project}” is left out as “{row.en}” already.",
            where="code",
        )
    _judge(actor, project, code, Source(note=reason.strip()), seen=seen)
    return project


@action("project.count")
def take_in(actor: User, project: Project, reason: str, *, seen: int | None = None) -> Project:
    """The project counts again, from the first open month on."""
    project = _ready(actor, project, reason)
    if not project.left_out:
        raise Refusal(
            "count.same", f"“{project}”本来就计入统计。", f"“{project}” counts in the figures already."
        )
    _judge(actor, project, "", Source(note=reason.strip()), seen=seen)
    return project


def _ready(actor: User, project: Project, reason: str) -> Project:
    project = Project.objects.select_for_update().get(pk=project.pk)
    if actor.pk in in_force.team(project):
        raise Refusal(
            "count.team",
            "你在项目团队里，不能定它计不计入。转给团队以外的核验员。",
            "You are on the project's team and may not decide whether it counts. Pass it to a verifier outside the team.",
        )
    if len(reason.strip()) < 4:
        raise Refusal(
            "count.reason",
            "写明理由：凭什么不计入或重新计入。",
            "Say why it is left out or counts again.",
            where="reason",
        )
    return project


def _judge(actor: User, project: Project, code: str, source: Source, *, seen: int | None = None) -> None:
    from zhaoyin.desk.reports.books import recount

    verb = "project.leave_out" if code else "project.take_in"
    change(actor, verb, project, seen=seen, reason=source.note, left_out=code)
    shown = in_force.rules().exclusions[code].zh if code else "计入统计"
    source = replace(source, locator={**source.locator, "code": code})
    prove(actor, project, {"left_out": shown}, Mark.VERIFIED, source)
    recount(actor, project)


# --- what people ask


def _judged(ids: Iterable[int]) -> dict[int, list[Provenance]]:
    """Every judgement of some projects, the oldest first."""
    found: dict[int, list[Provenance]] = defaultdict(list)
    kind = ContentType.objects.get_for_model(Project)
    rows = Provenance.objects.filter(content_type=kind, object_id__in=list(ids), field="left_out")
    for row in rows.select_related("actor").order_by("pk"):
        found[row.object_id].append(row)
    return found


def judgements(ids: Iterable[int]) -> dict[int, list[Judgement]]:
    """Who judged each project, when and why, the oldest first, in the language of the reader."""
    return {project: [_in_words(row) for row in rows] for project, rows in _judged(ids).items()}


def _in_words(row: Provenance) -> Judgement:
    code = row.locator.get("code", "")
    word = in_force.rules().exclusions.get(code)  # a pack may have dropped it since
    said = row.locator.get("why", row.note) if english() else row.note
    what = word.text("en" if english() else "zh") if word else row.value if code else ""
    person = str(row.actor or "")
    if row.locator_kind == BY_RULE:
        person = say("按规则 {r}，{w} 经手", "by the rules {r}, at the hand of {w}", r=row.citation, w=person)
    return Judgement(code, what, said, person, row.at)
