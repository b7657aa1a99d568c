"""Claiming a milestone, and the files that prove it."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from zhaoyin import lifecycle
from zhaoyin.base.dates import today
from zhaoyin.base.errors import Refusal
from zhaoyin.desk.accounts.policy import needs, who
from zhaoyin.desk.asking import form_page
from zhaoyin.desk.projects import actions, forms
from zhaoyin.desk.projects import rules as in_force
from zhaoyin.desk.projects.models import GateFile, Project
from zhaoyin.desk.projects.views._common import back, language
from zhaoyin.desk.words import say


@needs("milestone.claim")
def claim(request: HttpRequest, pk: int, kind: str) -> HttpResponse:
    """Claim a milestone: the date of the fact, and the evidence the gate asks for, on one page."""
    obj = get_object_or_404(Project, pk=pk)
    book = in_force.rules()
    if kind not in book.gates:
        raise Http404
    state, gate = in_force.state(obj), book.gates[kind]
    word = gate.text(language())
    form = forms.Claim(request.POST or None, initial={"fact_on": today()})

    def act() -> HttpResponse:
        actions.claim(who(request), obj, kind, form.cleaned_data["fact_on"])
        return back(
            request, pk, say("已申报{g}，待核验。", "{g} claimed; it waits for verification.", g=word)
        )

    return form_page(
        request, form, act, template="projects/claim.html", object=obj, gate=gate, gate_word=word,
        needs=[{"need": n, "words": n.text(language())} for n in lifecycle.needs(state, kind, book)],
        who=say("、", ", ").join(book.roles[r].text(language()) for r in gate.verifies),
        kinds=[
            {"code": r.code, "words": r.text(language())}
            for r in gate.evidence
            if r.applies(state.track, state.flags)
        ],
        dragged=request.GET.get("from") == "board",
    )  # fmt: skip


@needs("milestone.claim")
@require_POST
def upload(request: HttpRequest, pk: int, gate: str) -> HttpResponse:
    obj = get_object_or_404(Project, pk=pk)
    file = request.FILES.get("file")
    if not file:
        raise Refusal(
            "file.none", "没有选文件。选一个再传。", "No file was chosen. Choose one.", where="file"
        )
    material = forms.store(who(request), file)
    actions.attach_file(
        who(request),
        obj,
        gate,
        request.POST.get("kind", ""),
        title=str(file.name)[:200],
        material=material,
    )
    messages.info(request, say("已收 {f}。", "{f} filed.", f=file.name))
    if request.POST.get("back") == "claim":
        return redirect("projects:claim", pk=pk, kind=gate)
    return redirect("projects:detail", pk=pk)


@needs("project.view")
def gate_file(request: HttpRequest, pk: int) -> HttpResponse:
    """The file itself, through the materials room."""
    row = get_object_or_404(GateFile, pk=pk)
    if row.material_id:
        return redirect("materials:review", row.material_id)
    raise Http404
