from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.views.decorators.http import require_POST

from zhaoyin.base.errors import Refusal
from zhaoyin.desk.accounts.policy import may, needs, who
from zhaoyin.desk.lists import Column, Filter, List, list_view
from zhaoyin.desk.materials import actions, queries
from zhaoyin.desk.materials.models import Fact, Material, MaterialText
from zhaoyin.desk.toasts import toast
from zhaoyin.desk.words import say, sentence, t
from zhaoyin.packs import load_pack, pack_names


def _state(material: Material) -> Any:
    """The state in words; while it is being read, a cell that asks again."""
    if material.state in {Material.State.QUEUED, Material.State.READING}:
        return format_html(
            '<span hx-get="{}" hx-trigger="load delay:1s" hx-swap="outerHTML">{} <progress max="100" value="{}">{}%</progress></span>',
            reverse("materials:status", args=[material.pk]),
            material.get_state_display(),
            material.progress,
            material.progress,
        )
    return material.get_state_display()


MATERIALS = List(
    verb="material.view",
    title=t("材料", "Materials"),
    columns=[
        Column("title", t("标题", "Title"), order="title"),
        Column("code", t("编号", "Code"), show=lambda m: m.code),
        Column(
            "state", t("状态", "State"), show=_state, plain=lambda m: m.get_state_display(), order="state"
        ),
        Column(
            "is_demo", t("性质", "Nature"), show=lambda m: say("演示", "Demonstration") if m.is_demo else ""
        ),
        Column("added_by", t("录入", "Added by")),
        Column("created_at", t("录入时间", "Added"), order="created_at"),
    ],
    rows=lambda request: Material.objects.select_related("added_by"),
    url=Material.get_absolute_url,
    search=("title", "sha256"),
    filters=[Filter("state", t("状态", "State"), Material.State.choices)],
    empty=t(
        "还没有材料。录入一份通稿：读出来的每一条都带着原文出处，由你采纳。",
        "No materials yet. Bring in an announcement: every fact read from it shows its sentence, and you decide.",
    ),
    actions="materials/_actions.html",
)
materials = list_view(MATERIALS)


@needs("material.add")
def add(request: HttpRequest) -> HttpResponse:
    """Upload one or more files, or paste a text."""
    if request.method != "POST":
        return render(
            request,
            "materials/add.html",
            {"has_demo": any(load_pack(n).demo_announcement for n in pack_names())},
        )
    pasted = request.POST.get("text", "")
    sources = [(upload.read(), upload.name or "") for upload in request.FILES.getlist("file")]
    if pasted.strip():
        sources.append((pasted.replace("\r\n", "\n").encode(), "pasted.txt"))
    if not sources:
        words = say(
            "没有选文件，也没有贴文字。选一个，或贴上再录入。",
            "No file was chosen and no text pasted. Choose one, or paste.",
        )
        return render(request, "materials/add.html", {"problem": words, "text": pasted}, status=422)
    added: list[Material] = []
    problems: list[str] = []
    for data, name in sources:
        try:
            material, new = actions.add_material(
                who(request),
                data,
                name,
                title=request.POST.get("title", "").strip() if len(sources) == 1 else "",
                address=request.POST.get("address", "").strip(),
            )
        except Refusal as refusal:
            problems.append(f"{name}：{sentence(refusal)}" if len(sources) > 1 else sentence(refusal))
            continue
        added.append(material)
        if not new:
            messages.info(
                request,
                say(
                    "“{m}”早已录入过（{c}），没有再记一份。",
                    "“{m}” is here already ({c}); it was not recorded twice.",
                    m=material.title,
                    c=material.code,
                ),
            )
    if problems and not added:
        return render(
            request, "materials/add.html", {"problem": " ".join(problems), "text": pasted}, status=422
        )
    for words in problems:
        messages.error(request, words)
    return redirect(added[0]) if len(added) == 1 else redirect("materials:list")


@needs("material.add")
@require_POST
def add_demo(request: HttpRequest) -> HttpResponse:
    """Bring in the announcement a pack ships for demonstration."""
    for name in pack_names():
        path = load_pack(name).demo_announcement
        if path:
            material, _ = actions.add_material(
                who(request),
                path.read_bytes(),
                path.name,
                title=say("演示通稿", "Demonstration announcement"),
            )
            return redirect(material)
    raise Http404


@needs("material.view")
def status(request: HttpRequest, pk: int) -> HttpResponse:
    material = get_object_or_404(Material, pk=pk)
    if request.GET.get("page"):
        if material.state in {Material.State.QUEUED, Material.State.READING}:
            return render(request, "materials/_progress.html", {"material": material})
        return HttpResponse(headers={"HX-Refresh": "true"})
    return HttpResponse(_state(material))


@needs("material.view")
def review(request: HttpRequest, pk: int) -> HttpResponse:
    """Source on the left, facts on the right; while it is being read, its progress."""
    material = get_object_or_404(Material.objects.select_related("added_by"), pk=pk)
    text = MaterialText.objects.filter(material=material).first()
    context: dict[str, Any] = {
        "material": material,
        "is_demo_page": material.is_demo,
        "may_review": may(request.user, "fact.review"),
    }
    if text is None:
        return render(request, "materials/pending.html", context)
    page = max(1, int(request.GET.get("page", "1")) if request.GET.get("page", "1").isdigit() else 1)
    first = (page - 1) * queries.FACTS_PER_PAGE
    facts = list(
        material.facts.select_related("material", "decided_by")[first : first + queries.FACTS_PER_PAGE]
    )
    queries.annotate(facts)
    done, total, kinds = queries.counts(material)
    context |= {
        "facts": facts,
        "paragraphs": queries.paragraphs(text.source, facts),
        "long": len(text.source) > queries.WHOLE_TEXT,
        "done": done,
        "total": total,
        "kinds": kinds,
        "page": page,
        "more": total > first + queries.FACTS_PER_PAGE,
        "notes": [note["en"] if say("zh", "en") == "en" else note["zh"] for note in material.notes],
    }
    return render(request, "materials/review.html", context)


def _facts(request: HttpRequest, facts: list[Fact], *, words: str, material: Material) -> HttpResponse:
    """The changed facts as fragments that replace themselves, with a toast that offers undo."""
    queries.annotate(facts)
    context = {"facts": facts, "may_review": may(request.user, "fact.review")}
    response = render(request, "materials/_changed.html", context)
    return toast(response, words, undo=reverse("materials:undo", args=[material.pk]))


@needs("fact.review")
def decide(request: HttpRequest, pk: int, act: str) -> HttpResponse:
    """One fact: accept, correct (GET gives the form), reject, or show it as it is."""
    fact = get_object_or_404(Fact.objects.select_related("material", "decided_by"), pk=pk)
    actor = who(request)
    if act == "show" or (request.method != "POST" and act == "correct"):
        queries.annotate([fact])
        fields = [
            (n, label, _editable(fact, n), queries.CODES.get((fact.kind, n), {}).items())
            for n, label in queries.FIELDS[fact.kind]
        ]
        context = {"fact": fact, "fields": fields, "editing": act == "correct", "may_review": True}
        return render(request, "materials/_fact.html", context)
    if request.method != "POST" or act not in {"accept", "correct", "reject"}:
        raise Http404
    try:
        if act == "accept":
            fact = actions.accept(actor, fact)
        elif act == "reject":
            fact = actions.reject(actor, fact, request.POST.get("reason", ""))
        else:
            fact = actions.correct(actor, fact, _posted(request, fact))
    except Refusal as refusal:
        if refusal.code != "fact.stale":
            raise
        fresh = Fact.objects.select_related("material", "decided_by").get(pk=pk)
        return _facts(request, [fresh], words=sentence(refusal), material=fresh.material)
    done = {
        "accept": say("已采纳“{f}”", "Accepted “{f}”", f=fact),
        "correct": say("已更正“{f}”", "Corrected “{f}”", f=fact),
        "reject": say("已驳回“{f}”", "Rejected “{f}”", f=fact),
    }
    return _facts(request, [fact], words=done[act], material=fact.material)


def _editable(fact: Fact, name: str) -> str:
    value: Any = fact.values.get(name)
    if isinstance(value, list):
        return "、".join(str(one) for one in value)
    return "" if value is None else str(value)


def _posted(request: HttpRequest, fact: Fact) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, label in queries.FIELDS[fact.kind]:
        text = request.POST.get(name, "").strip()
        if name in queries.LIST_FIELDS:
            values[name] = [
                one.strip() for one in text.replace("，", "、").replace(",", "、").split("、") if one.strip()
            ]
        elif name in queries.NUMBER_FIELDS and text:
            try:
                number = float(text.replace(",", ""))
            except ValueError:
                raise Refusal(
                    "fact.number",
                    f"“{label}”写成了“{text}”，不是数字。只写数字。",
                    f"“{label}” is “{text}”, not a number. Write digits only.",
                    where=name,
                ) from None
            values[name] = int(number) if number.is_integer() else number
        else:
            values[name] = text
    return values


@needs("fact.review")
@require_POST
def accept_kind(request: HttpRequest, pk: int) -> HttpResponse:
    material = get_object_or_404(Material, pk=pk)
    kind = request.POST.get("kind", "")
    if kind not in Fact.Kind.values:
        raise Http404
    facts = actions.accept_kind(who(request), material, kind)
    words = say("已采纳 {n} 条“{k}”", "Accepted {n} of “{k}”", n=len(facts), k=Fact.Kind(kind).label)
    return _facts(request, facts, words=words, material=material)


@needs("fact.review")
@require_POST
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    material = get_object_or_404(Material, pk=pk)
    facts = actions.undo(who(request), material)
    return _facts(request, facts, words=say("已撤销 {n} 条", "Undone: {n}", n=len(facts)), material=material)


@needs("material.view")
def original(request: HttpRequest, pk: int) -> FileResponse:
    material = get_object_or_404(Material, pk=pk)
    path = actions.stored_at(material.sha256)
    if not path.exists():
        raise Http404
    # as a download: a stored HTML file must never run on our own address
    return FileResponse(
        path.open("rb"),
        as_attachment=True,
        filename=material.file_name,
        content_type="application/octet-stream",
    )


SHOWN = {
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG": "image/png",
    b"RIFF": "image/webp",
    b"%PDF": "application/pdf",
}


@needs("material.view")
def inline(request: HttpRequest, pk: int) -> FileResponse:
    """A picture or a PDF as it is, to be looked at beside a claim; by its first bytes, never by its name."""
    material = get_object_or_404(Material, pk=pk)
    path = actions.stored_at(material.sha256)
    if not path.exists():
        raise Http404
    with path.open("rb") as file:
        head = file.read(8)
    kind = next((kind for magic, kind in SHOWN.items() if head.startswith(magic)), None)
    if kind is None:
        raise Http404
    response = FileResponse(path.open("rb"), content_type=kind)
    response["X-Content-Type-Options"] = "nosniff"
    return response


@needs("material.add")
@require_POST
def again(request: HttpRequest, pk: int) -> HttpResponse:
    material = get_object_or_404(Material, pk=pk)
    actions.read_again(who(request), material)
    return redirect(material)


@needs("material.withdraw")
@require_POST
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    material = get_object_or_404(Material, pk=pk)
    actions.withdraw(who(request), material, reason=request.POST.get("reason", ""))
    messages.info(request, say("已撤下，只留指纹与标题。", "Withdrawn; only hash and title remain."))
    return redirect("materials:list")
