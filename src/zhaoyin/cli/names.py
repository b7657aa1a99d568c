"""`zhaoyin names …`: build a register of organisations, ask it, link a table to it, tune it on confirmed links."""

from __future__ import annotations

import json
from pathlib import Path

import click

from zhaoyin.cli._common import json_option, language, out, progress, refusals_are_one_line, speak

_REGISTER = click.option("--register", "-r", "folder", type=click.Path(path_type=Path), required=True, help=speak("名册文件夹", "folder of the register"))  # fmt: skip


@click.group(
    help=speak(
        "单位名称：建名册、查询、批量匹配、按本局确认结果调优。",
        "Names of organisations: register, resolve, link, tune.",
    )
)
def names() -> None:
    pass


@names.command(
    help=speak(
        "由表格（CSV 或 XLSX，须有 name 或 名称 列）建名册。",
        "Build a register from a table (CSV or XLSX with a name column).",
    )
)
@click.argument("table", type=click.Path(path_type=Path))
@_REGISTER
@refusals_are_one_line
def build(table: Path, folder: Path) -> None:
    from zhaoyin.resolution import Register
    from zhaoyin.resolution.tables_io import entries_from, read_table

    rows = read_table(table)
    with progress(speak("建名册", "Building")) as bar:
        task = bar.add_task("", total=len(rows))
        register = Register.build(
            entries_from(rows, table), folder, progress=lambda done, _: bar.update(task, completed=done)
        )
    out().print(
        speak(
            f"名册 {folder}：{len(register):,} 家单位。",
            f"Register {folder}: {len(register):,} organisations.",
        )
    )


_DECISIONS = {"match": ("匹配", "match"), "review": ("待复核", "review"), "new": ("新单位", "new")}


@names.command(
    help=speak("查一个名称是哪家单位，并说明理由。", "Say which organisation a name means, and why.")
)
@click.argument("name")
@_REGISTER
@click.option("--limit", default=5, show_default=True)
@click.option("--place", default="", help=speak("上下文地名", "place in the context"))
@click.option("--industry", default="", help=speak("上下文行业", "industry in the context"))
@click.option("--on", default="", help=speak("文中日期 YYYY-MM-DD", "date of the text"))
@json_option
@refusals_are_one_line
def resolve(name: str, folder: Path, limit: int, place: str, industry: str, on: str, as_json: bool) -> None:
    from rich.table import Table

    from zhaoyin.resolution import Context, Register, resolve_place

    found = Register.open(folder).resolve(name, limit, Context(place, industry, (), on))
    tongue = language()
    if as_json:
        rows = [
            {"id": c.id, "name": c.name, "matched": c.matched, "probability": c.probability, "branch": c.branch, "reasons": [{"code": r.code, "zh": r.zh, "en": r.en} for r in c.reasons]}
            for c in found
        ]  # fmt: skip
        answer = {
            "query": name,
            "decision": found.decision,
            "probability": round(found.probability, 4),
            "candidates": rows,
            "reasons": [r._asdict() for r in found.reasons],
        }
        click.echo(json.dumps(answer, ensure_ascii=False))
        return
    zh, en = _DECISIONS[found.decision]
    out().print(
        f"[b]{speak(zh, en)}[/b] {found.probability:.0%}  "
        + "；".join(r.en if tongue == "en" else r.zh for r in found.reasons)
    )
    if len(found):
        table = Table(
            speak("编号", "id"),
            speak("名称", "name"),
            speak("可能性", "probability"),
            speak("理由", "reasons"),
        )
        for c in found:
            table.add_row(c.id, c.name, f"{c.probability:.0%}", c.why(tongue))
        out().print(table)
    if found.decision != "match":
        division = resolve_place(name)
        if division.divisions:
            first = division.divisions[0]
            out().print(
                speak("行政区划：", "Division: ")
                + " ".join([*first.path, division.organ])
                + f" ({first.code})"
            )


@names.command(
    help=speak(
        "把表格中的名称批量匹配到名册，输出带批注的工作簿。",
        "Link the names of a table to the register; writes an annotated workbook.",
    )
)
@click.argument("table", type=click.Path(path_type=Path))
@_REGISTER
@click.option("--column", default="", help=speak("名称所在列", "column that holds the names"))
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    help=speak("输出工作簿（默认在原表旁）", "workbook to write (default: beside the table)"),
)
@json_option
@refusals_are_one_line
def link(table: Path, folder: Path, column: str, output: Path | None, as_json: bool) -> None:
    from zhaoyin.resolution import Register
    from zhaoyin.resolution.tables_io import link_table, read_table

    rows = read_table(table)
    target = output or table.with_name(table.stem + speak("-匹配结果", "-linked") + ".xlsx")
    with progress(speak("匹配", "Linking")) as bar:
        task = bar.add_task("", total=len(rows))
        counts = link_table(
            rows,
            Register.open(folder),
            target,
            column,
            lambda done, _: bar.update(task, completed=done),
            language(),
        )
    if as_json:
        click.echo(json.dumps({"output": str(target), **counts}, ensure_ascii=False))
    else:
        said = "，".join(f"{speak(*_DECISIONS[key])} {counts[key]:,}" for key in _DECISIONS)
        out().print(f"{target}: {said}")


@names.command(
    help=speak(
        "按已确认的匹配（CSV：query,id；无对应者 id 留空）重新拟合排序与接受阈值。",
        "Re-fit ranking and acceptance on confirmed links (CSV: query,id; id empty where nobody is meant).",
    )
)
@click.argument("links", type=click.Path(path_type=Path))
@_REGISTER
@refusals_are_one_line
def tune(links: Path, folder: Path) -> None:
    from zhaoyin.resolution.tables_io import read_table
    from zhaoyin.resolution.tuning import confirmed, tune_register

    rows = read_table(links)
    with progress(speak("拟合", "Fitting")) as bar:
        bar.add_task("", total=None)
        report = tune_register(folder, confirmed(rows, links))
    out().print(
        speak(
            f"已用 {report.links:,} 条确认结果拟合。交叉验证：精确率 {report.precision:.1%}，召回率 {report.recall:.1%}，F1 {report.f1:.3f}"
            f"（拟合前 F1 {report.before_f1:.3f}）。"
            + ("已启用。" if report.kept else "没有更好，保留原模型。"),
            f"Fitted on {report.links:,} confirmed links. Cross-validated: precision {report.precision:.1%}, recall {report.recall:.1%}, "
            f"F1 {report.f1:.3f} (before: {report.before_f1:.3f}). "
            + ("In use." if report.kept else "No better: the old model stays."),
        )
    )
