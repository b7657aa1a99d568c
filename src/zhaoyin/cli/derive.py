"""`zhaoyin derive`: recompute what follows from verified milestones and the books."""

from __future__ import annotations

import json

import click

from zhaoyin.cli._common import fail, json_option, out, progress, refusals_are_one_line, speak
from zhaoyin.cli._desk import setup

CHUNK = 200


@click.command(
    help=speak(
        "重算项目的阶段、期限与合计。--check 只比对，有一处不同就以 1 退出。",
        "Recompute stages, dues and sums of projects. --check only compares, and exits with 1 if any differs.",
    )
)
@click.option("--check", is_flag=True, help=speak("只比对，不写", "compare only, write nothing"))
@json_option
@refusals_are_one_line
def derive(check: bool, as_json: bool) -> None:
    setup()
    from django.db import transaction

    from zhaoyin.desk.projects import derive as engine
    from zhaoyin.desk.projects.models import Project

    if check:
        different = list(engine.check())
        if as_json:
            print(json.dumps([{"project": p, "stored": s, "derived": d} for p, s, d in different]))
        for project, stored, derived in different[:50] if not as_json else []:
            out().print(
                speak(
                    f"项目 {project}：存 {stored}，应为 {derived}", f"project {project}: {stored} → {derived}"
                )
            )
        if different:
            fail(
                speak(
                    f"{len(different)} 处不同。运行 zhaoyin derive 重算。",
                    f"{len(different)} differ. Run zhaoyin derive to recompute.",
                )
            )
        if not as_json:
            out().print(speak("处处相符。", "Nothing differs."))
        return
    ids = list(Project.objects.order_by("pk").values_list("pk", flat=True))
    with progress(speak("重算", "deriving")) as bar:
        task = bar.add_task("", total=len(ids))
        for start in range(0, len(ids), CHUNK):  # short transactions: nobody waits
            with transaction.atomic():
                engine.derive(Project.objects.select_for_update().filter(pk__in=ids[start : start + CHUNK]))
            bar.advance(task, CHUNK)
    out().print(speak(f"重算了 {len(ids)} 个项目。", f"{len(ids)} projects recomputed."))
