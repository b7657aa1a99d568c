"""`zhaoyin read FILE…`: the facts of documents, as a table, as JSON, or one JSON file each."""

from __future__ import annotations

import functools
import glob
import json
import os
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from zhaoyin.base.errors import Refusal
from zhaoyin.cli._common import complain, json_option, language, out, progress, refusals_are_one_line, speak
from zhaoyin.reading.choose import Choice
from zhaoyin.reading.proposers import Proposer

KINDS = {
    "events": ("活动", "Events"),
    "projects": ("项目与协议", "Projects and agreements"),
    "carriers": ("载体", "Carriers"),
    "organisations": ("机构", "Organisations"),
    "people": ("人员", "People"),
    "policies": ("政策", "Policies"),
    "industry_claims": ("产业数据", "Claims"),
}
COLUMNS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "events": (
        ("name", "名称", "name"),
        ("kind", "类型", "kind"),
        ("date", "日期", "date"),
        ("venue", "地点", "venue"),
        ("attendees", "人数", "people"),
        ("signed_count", "签约数", "signed"),
        ("signed_amount_text", "签约额", "amount"),
    ),
    "projects": (
        ("name", "名称", "name"),
        ("stage", "阶段", "stage"),
        ("local_party", "本地方", "local party"),
        ("investors", "投资方", "investors"),
        ("place", "落地", "place"),
        ("amount_text", "金额", "amount"),
        ("agreement", "协议", "agreement"),
    ),
    "carriers": (
        ("name", "名称", "name"),
        ("kind", "类型", "kind"),
        ("area_text", "面积", "area"),
        ("focus", "产业", "focus"),
    ),
    "people": (("name", "姓名", "name"), ("title", "职务", "title"), ("org", "机构", "organisation")),
    "policies": (("name", "名称", "name"), ("amount_text", "额度", "amount")),
    "industry_claims": (
        ("subject", "对象", "subject"),
        ("measure", "类别", "measure"),
        ("value_text", "数值", "value"),
    ),
}


@click.command(
    help=speak(
        "读一份或多份文件，列出其中的活动、项目与协议、载体、机构、人员、政策，每条都有原文为证。"
        "PATH 可以是文件、文件夹、通配符，或 -（标准输入）。\n\n"
        "退出码：0 全部读出；1 有文件读不出（逐个说明，其余照读）；2 命令用法有误。",
        "Read documents and list the events, projects and agreements, carriers, organisations, people and policies "
        "they state, each with its evidence. PATH is a file, a folder, a pattern, or - (standard input).\n\n"
        "Exit codes: 0 all were read; 1 some could not be read (one line each, the others go on); 2 wrong usage.",
    )
)
@click.argument("paths", nargs=-1, required=True, metavar="PATH…")
@json_option
@click.option(
    "--out",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help=speak("每份文件写一个 名称.json 到此文件夹", "write STEM.json for every file into this folder"),
)
@click.option(
    "--jobs", type=click.IntRange(1, 64), default=1, show_default=True, help=speak("并行进程数", "processes")
)
@click.option(
    "--facts", is_flag=True, help=speak("JSON 附逐条事实与位置", "JSON with every fact and its place")
)
@click.option(
    "--labeller",
    is_flag=True,
    help=speak(
        "加用序列标注模型（需装 zhaoyin[labeller]）", "also use the sequence labeller (zhaoyin[labeller])"
    ),
)
@click.option(
    "--llm",
    "llm_url",
    default="",
    metavar="URL",
    help=speak(
        "加用语言模型：OpenAI 兼容地址 …/v1；密钥取自 ZHAOYIN_LLM_KEY",
        "also use a language model: an OpenAI-compatible address …/v1; the key comes from ZHAOYIN_LLM_KEY",
    ),
)
@click.option(
    "--llm-model", default="", metavar="NAME", help=speak("语言模型的名称", "the language model's name")
)
@refusals_are_one_line
def read(
    paths: tuple[str, ...],
    as_json: bool,
    folder: Path | None,
    jobs: int,
    facts: bool,
    labeller: bool,
    llm_url: str,
    llm_model: str,
) -> None:
    choice = Choice(labeller, llm_url, llm_model, os.environ.get("ZHAOYIN_LLM_KEY", ""))
    choice.proposers()  # what is not there is said before the first file is read
    files = list(dict.fromkeys(_expand(paths)))
    if folder is not None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            complain(speak(f"无法使用文件夹 {folder}：{error}", f"cannot use the folder {folder}: {error}"))
            sys.exit(1)
    names = _names(files)
    failed = False
    with progress(speak("阅读", "Reading")) as bar:
        task = bar.add_task("", total=len(files))
        for file, (reading, trouble) in zip(files, _readings(files, jobs, facts, choice), strict=True):
            bar.advance(task)
            if reading is None:
                failed = True
                complain(f"{file}：{trouble}" if language() == "zh" else f"{file}: {trouble}")
                continue
            if trouble:
                complain(f"{file}：{trouble}" if language() == "zh" else f"{file}: {trouble}")
            reading["id"] = names[file]
            if folder is not None:
                text = json.dumps(reading, ensure_ascii=False, indent=1) + "\n"
                (folder / f"{names[file]}.json").write_text(text, encoding="utf-8", errors="replace")
            elif as_json:
                click.echo(json.dumps(reading, ensure_ascii=False).encode("utf-8", "replace").decode("utf-8"))
            else:
                _show(file, reading)
    sys.exit(1 if failed else 0)


def _expand(paths: Iterable[str]) -> Iterator[str]:
    """Files of folders (all below, hidden ones left out) and of patterns; what does not exist stays, to be refused."""
    for path in paths:
        if path == "-":
            yield path
        elif Path(path).is_dir():
            yield from sorted(
                str(file)
                for file in Path(path).rglob("*")
                if file.is_file() and not any(part.startswith(".") for part in file.relative_to(path).parts)
            )
        elif not Path(path).exists() and any(mark in path for mark in "*?["):
            hits = glob.glob(path, recursive=True)  # noqa: PTH207 - patterns may be absolute
            yield from sorted(hit for hit in hits if Path(hit).is_file()) or [path]
        else:
            yield path


def _names(files: Iterable[str]) -> dict[str, str]:
    """The stem of every file; a stem that comes twice takes a number."""
    names: dict[str, str] = {}
    used: set[str] = set()
    for file in files:
        stem = "stdin" if file == "-" else Path(file).stem
        name, number = stem, 2
        while name in used:
            name, number = f"{stem}-{number}", number + 1
        used.add(name)
        names[file] = name
    return names


def _readings(
    files: list[str], jobs: int, facts: bool, choice: Choice
) -> Iterator[tuple[dict[str, Any] | None, str]]:
    if jobs == 1 or len(files) < 2:
        yield from (_one(file, facts, language(), choice) for file in files)
        return
    with ProcessPoolExecutor(max_workers=min(jobs, len(files))) as pool:
        for future in [pool.submit(_one, file, facts, language(), choice) for file in files]:
            try:
                yield future.result()
            except Exception as error:  # a worker that died takes one file with it, not the run
                yield (
                    None,
                    speak(
                        f"阅读进程中断（{type(error).__name__}）",
                        f"the reader stopped ({type(error).__name__})",
                    ),
                )


@functools.cache
def _proposers(choice: Choice) -> list[Proposer]:
    """Made once a process: a model takes its time to load."""
    return choice.proposers()


def _one(file: str, facts: bool, tongue: str, choice: Choice) -> tuple[dict[str, Any] | None, str]:
    """The reading of one file in the exchange schema, or None; and what the person should be told."""
    from zhaoyin.reading import load
    from zhaoyin.reading import read as read_document

    try:
        document = load(sys.stdin.buffer.read(), name="stdin.txt") if file == "-" else load(file)
        reading = read_document(document, proposers=_proposers(choice))
    except Refusal as refusal:
        return None, refusal.text(tongue)
    result = reading.to_schema()
    if facts:
        result["kind"] = reading.kind
        result["facts"] = [
            {
                "key": fact.key,
                "kind": fact.kind,
                "fields": dict(fact.fields),
                "evidence": list(fact.evidence),
                "proofs": {name: [list(span) for span in spans] for name, spans in fact.proofs.items()},
                "confidence": fact.confidence,
                "proposer": fact.proposer,
            }
            for fact in reading.facts
        ]
    warnings = [notice.text(tongue) for notice in document.warnings]
    warnings += [en if tongue == "en" else zh for _, zh, en in reading.notices]
    return result, " ".join(warnings)


def _show(file: str, reading: dict[str, Any]) -> None:
    console = out()
    console.print(f"{file}  {reading['genre']}  {reading['region'] or ''}", style="bold", markup=False)
    for section, (zh, en) in KINDS.items():
        items = reading[section]
        if not items:
            continue
        if section == "organisations":
            console.print(f"{speak(zh, en)} ({len(items)}): " + speak("、", ", ").join(items), markup=False)
            continue
        table = Table(title=f"{speak(zh, en)} ({len(items)})", title_justify="left")
        for _, head_zh, head_en in COLUMNS[section]:
            table.add_column(speak(head_zh, head_en), overflow="fold")
        for item in items:
            table.add_row(*(_cell(item[field]) for field, _, _ in COLUMNS[section]))
        console.print(table, markup=False)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return "、".join(map(str, value)) if isinstance(value, list) else str(value).replace("[", "\\[")
