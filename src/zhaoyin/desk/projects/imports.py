"""Pages of an import: the file, the columns, the preview with its problems, progress, the way back."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from zhaoyin.base.errors import Refusal
from zhaoyin.desk.accounts.policy import needs, who
from zhaoyin.desk.projects import loading, sheets, tasks
from zhaoyin.desk.projects.models import Batch
from zhaoyin.desk.words import english, say, sentence


@needs("import.run")
def start(request: HttpRequest) -> HttpResponse:
    note = ""
    if request.method == "POST":
        file = request.FILES.get("file")
        try:
            if file is None:
                raise Refusal("file.none", "没有选文件。选一个再传。", "No file was chosen. Choose one.")
            batch = loading.stage(who(request), file.read(), str(file.name))
            return redirect("projects:batch", pk=batch.pk)
        except Refusal as refusal:
            note = sentence(refusal)
    context = {"note": note, "batches": Batch.objects.select_related("made_by")[:20]}
    return render(request, "projects/import.html", context, status=422 if note else 200)


@needs("import.run")
def batch(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(Batch.objects.select_related("made_by"), pk=pk)
    if request.method == "POST":
        act = request.POST.get("as")
        if act == "columns":
            mapping = {n: int(v) for n in sheets.FIELDS if (v := request.POST.get(n, "")).isdigit()}
            loading.remap(who(request), row, mapping)
        elif act == "import":
            problems, _, _ = loading.check(row)
            if problems:
                raise Refusal(
                    "import.problems",
                    f"还有 {len(problems)} 处要改，一行都没有导入。改好再传。",
                    f"{len(problems)} places need mending; nothing was imported. Mend them and send the file again.",
                )
            loading.start(who(request), row)
            tasks.load_batch.enqueue(row.pk)
        elif act == "reverse":
            loading.reverse(who(request), row, request.POST.get("reason", ""))
            messages.info(request, say("已撤回这一批。", "The batch is reversed."))
        return redirect("projects:batch", pk=pk)
    context: dict[str, Any] = {"batch": row}
    if row.state == Batch.State.STAGED:
        table = loading.table_of(row)
        context["columns"] = [
            {
                "name": name, "words": en if english() else zh, "chosen": row.mapping.get(name),
                "options": [{"at": i, "words": h or f"#{i + 1}"} for i, h in enumerate(table.heads)],
            }
            for name, (zh, en, _) in sheets.FIELDS.items()
        ]  # fmt: skip
        try:
            problems, preview, count = loading.check(row, table)
            shown = [n for n in sheets.FIELDS if n in row.mapping]
            context |= {
                "problems": problems[:30], "bad": len(problems), "count": count,
                "heads": [FIELD[1] if english() else FIELD[0] for n in shown if (FIELD := sheets.FIELDS[n])],
                "preview": [[p["number"], *(_cell(n, p.get(n)) for n in shown)] for p in preview],
                "sentences": [p.en if english() else p.zh for p in problems[:30]],
            }  # fmt: skip
        except Refusal as refusal:
            context["note"] = sentence(refusal)
    return render(request, "projects/batch.html", context)


def _cell(name: str, value: Any) -> Any:
    from zhaoyin.base.money import show_money

    return (
        " ".join(show_money(value)) if name in {"investment", "fixed_assets"} and value is not None else value
    )


@needs("import.run")
def errors(request: HttpRequest, pk: int) -> HttpResponse:
    """The rows with problems, annotated, to mend and send again."""
    row = get_object_or_404(Batch, pk=pk)
    table = loading.table_of(row)
    problems, _, _ = loading.check(row, table)
    response = HttpResponse(
        sheets.annotated(table, problems, "en" if english() else "zh"),
        content_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    )
    response["Content-Disposition"] = f'attachment; filename="batch-{pk}-rows-to-mend.xlsx"'
    return response
