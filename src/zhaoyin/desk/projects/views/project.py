"""One project's page, and all that happened to it."""

from __future__ import annotations

from itertools import zip_longest

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from zhaoyin import lifecycle
from zhaoyin.base.dates import today
from zhaoyin.desk.accounts.policy import needs, who
from zhaoyin.desk.deals.models import Commitment
from zhaoyin.desk.details import detail
from zhaoyin.desk.evidence.models import Mark
from zhaoyin.desk.evidence.queries import attach_marks
from zhaoyin.desk.evidence.views import with_words
from zhaoyin.desk.projects import counting, queries
from zhaoyin.desk.projects import rules as in_force
from zhaoyin.desk.projects.models import Opinion, Project
from zhaoyin.desk.projects.views._common import language as reader
from zhaoyin.desk.projects.views._common import opinion_light, profile_of
from zhaoyin.desk.words import say, t


@needs("project.view")
def project(request: HttpRequest, pk: int) -> HttpResponse:
    obj = get_object_or_404(
        Project.objects.select_related(
            "place", "officer", "local_party", "episode_of", "corridor", "department"
        ),
        pk=pk,
    )
    user = who(request)
    book, language = in_force.rules(), reader()
    state = in_force.state(obj)
    gate = None if obj.exit_code else lifecycle.next_gate(state, book)
    needs_ = lifecycle.needs(state, gate.code, book) if gate else []
    burning = lifecycle.lights(state, today(), book)
    standing = obj.milestones.filter(kind=gate.code, mark=Mark.CLAIMED).first() if gate else None
    agreements = attach_marks(obj.agreements.order_by("signed_on", "id"))
    counted: dict[int, int] = {}
    for e in obj.entries.filter(source="deals.agreement", account__in=["contracted", "~contracted"]):
        counted[e.source_id] = counted.get(e.source_id, 0) + e.quantity
    for a in agreements:
        a.counted_fen = counted.get(a.pk, 0)
    capital = attach_marks(obj.capital_rows.select_related("verified_by").order_by("received_on", "id"))
    commitments = attach_marks(obj.commitments.select_related("owner_department"))
    day = today()
    for c in commitments:
        c.over = (day - c.due_on).days if c.due_on and c.state == "open" else None
    talks = list(obj.first_talks.select_related("officer", "decided_by", "organisation"))
    asked = {o.kind: (o, opinion_light(o)) for o in queries.opinions(obj) if o.state == Opinion.State.ASKED}
    files = [f for f in obj.files.select_related("material") if not gate or f.gate == gate.code]
    (marked,) = attach_marks([obj])
    return detail(
        request,
        "projects/project.html",
        obj,
        list_name="projects:list",
        list_words=t("台账", "Ledger"),
        code=obj.code,
        track=queries.track(obj),
        gate=gate,
        gate_word=gate.text(language) if gate else "",
        needs=[
            {
                "need": n,
                "words": n.text(language),
                "who": say("、", ", ").join(book.roles[r].text(language) for r in n.who),
                "asked": asked.get(n.code),
            }
            for n in needs_
        ],
        missing=[n for n in needs_ if not n.have],
        standing=standing,
        may_claim=bool(gate and not standing and lifecycle.may_propose(gate.code, user.roles, book) is None),
        lights=[
            {"light": x, "words": x.text(language), "who": book.roles[x.who].text(language)} for x in burning
        ],
        money=queries.money(obj),
        capital=capital,
        agreements=agreements,
        commitments=commitments,
        promises=_promises(commitments),
        talks=talks,
        rivals=queries.first_talks_rivals(obj, None)
        if any(x.state == "claimed" for x in talks) or not talks
        else [],
        investors=attach_marks(obj.investor_rows.select_related("organisation")),
        members=obj.members.select_related("user"),
        corrections=queries.corrections(obj),
        judgements=counting.judgements([pk])[pk][::-1] if "left_out" in marked.proofs else [],
        exit=getattr(obj, "exit", None) if obj.exit_code else None,
        exit_word=book.exits[obj.exit_code].text(language) if obj.exit_code else "",
        episodes=obj.episodes.all(),
        profile=profile_of(obj),
        opinions=[(o, queries.opinion_word(o.kind), opinion_light(o)) for o in queries.opinions(obj)],
        visits=obj.visits.select_related("made_by").prefetch_related("photos"),
        files=files,
        kinds=[
            {"code": r.code, "words": r.text(language)}
            for r in gate.evidence
            if r.applies(state.track, state.flags)
        ]
        if gate
        else [],
        day=day,
    )


@needs("project.view")
def history(request: HttpRequest, pk: int) -> HttpResponse:
    """All that happened to a project: its words, milestones, money, papers, promises, files, team."""
    obj = get_object_or_404(Project, pk=pk)
    return render(
        request, "evidence/history.html", {"object": obj, "history": with_words(queries.history(obj))}
    )


def _promises(rows: list[Commitment]) -> list[tuple[Commitment | None, Commitment | None, str]]:
    """Theirs beside ours, in order of due date, with the condition between them."""
    theirs = [c for c in rows if c.side == "investor"]
    ours = [c for c in rows if c.side == "region"]
    pairs = zip_longest(theirs, ours)
    return [(a, b, (b.condition if b else "") or (a.condition if a else "")) for a, b in pairs]
