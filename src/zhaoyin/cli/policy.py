"""`zhaoyin policy …`: check a folder of policies, assess one firm, run a file of firms."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from zhaoyin.base.dates import today
from zhaoyin.base.errors import Refusal
from zhaoyin.cli._common import fail, json_option, language, out, progress, refusals_are_one_line, speak
from zhaoyin.incentives import Book
from zhaoyin.incentives import check as checks
from zhaoyin.incentives.fields import MONEY, show
from zhaoyin.incentives.files import ENGINES, run
from zhaoyin.incentives.model import STATUS_WORDS

_FOLDER = click.Path(path_type=Path)
_on = click.option(
    "--on",
    "day",
    type=click.DateTime(["%Y-%m-%d"]),
    default=None,
    help=speak("哪一天的政策，默认今天", "on which day; default today"),
)


def _day(given: dt.datetime | None) -> dt.date:
    return given.date() if given else today()


def _money(fen: int) -> str:
    return show(fen, MONEY, language=language())


def _state(state: str) -> str:
    return speak(state, STATUS_WORDS[state])


@click.group(help=speak("政策：检查、测算、批量运行", "Policies: check, assess, run"))
def policy() -> None:
    pass


@policy.command(
    help=speak("检查一个文件夹：写法、测试、公平竞争", "Check a folder: form, tests, fair competition")
)
@click.argument("folder", type=_FOLDER)
@_on
@json_option
@refusals_are_one_line
def check(folder: Path, day: dt.datetime | None, as_json: bool) -> None:
    report = checks.check(Book.load(folder), _day(day))
    if as_json:
        rows = [
            {"level": f.level, "place": f.place, "policy": f.policy, "zh": f.zh, "en": f.en}
            for f in report.findings
        ]
        click.echo(
            json.dumps(
                {"policies": report.policies, "tests": report.tests, "findings": rows}, ensure_ascii=False
            )
        )
    else:
        words = {
            "error": speak("错误", "error"),
            "warning": speak("警示", "warning"),
            "note": speak("提示", "note"),
        }
        style = {"error": "red", "warning": "yellow", "note": "dim"}
        for f in report.findings:
            out().print(
                f"{words[f.level]} {f.place} {f.policy}  {speak(f.zh, f.en)}",
                style=style[f.level],
                markup=False,
            )
        failed = sum(f.level == "error" for f in report.findings)
        out().print(
            speak(
                f"有效条款 {report.policies} 条，测试 {report.tests} 个，不符 {failed} 处。",
                f"{report.policies} policies in force, {report.tests} tests, {failed} mismatches.",
            )
        )
    if not report.passed:
        raise SystemExit(1)


def _applicant(path: Path) -> dict[str, Any]:
    try:
        given = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise Refusal(
            "applicant.file",
            f"读不到 {path}（{error.strerror}）。",
            f"Cannot read {path} ({error.strerror}).",
        ) from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        line = getattr(error, "lineno", 1)
        raise Refusal(
            "applicant.json",
            f"{path} 第 {line} 行：不是合法的 JSON。",
            f"{path}, line {line}: not valid JSON.",
        ) from None
    except RecursionError:
        raise Refusal("applicant.json", f"{path} 嵌套太深。", f"{path} is nested too deep.") from None
    if not isinstance(given, dict):
        raise Refusal("applicant.json", f"{path} 应是 {{字段: 值}}。", f"{path} must be {{field: value}}.")
    return given


@policy.command(help=speak("测算一户", "Assess one firm"))
@click.argument("folder", type=_FOLDER)
@click.option(
    "--input",
    "source",
    type=_FOLDER,
    required=True,
    help=speak("{字段: 值} 的 JSON", "JSON of {field: value}"),
)
@_on
@click.option(
    "--explain", is_flag=True, help=speak("写出理由、缺口和材料", "with reasons, gaps and documents")
)
@json_option
@refusals_are_one_line
def assess(folder: Path, source: Path, day: dt.datetime | None, explain: bool, as_json: bool) -> None:
    found = Book.load(folder).assess(_applicant(source), _day(day))
    if as_json:
        click.echo(json.dumps(found.json(language()), ensure_ascii=False))
        return
    table = Table(box=None, pad_edge=False)
    for column in (
        speak("条款", "Policy"),
        speak("结果", "State"),
        speak("金额", "Amount"),
        speak("说明", "Note"),
    ):
        table.add_column(column)
    lang = language()
    for r in found.results:
        amount = ""
        if r.amount is not None:
            amount = _money(r.amount)
        elif r.range:
            high = r.range[1]
            amount = f"{_money(r.range[0])}–{speak('不限', 'open') if high is None else _money(high)}"
        notes = [r.why(lang)] if r.reason else []
        if explain:
            notes += [g.text(lang) for g in r.missing]
            notes += [change.text(lang) for change in (r.change, r.next_tier) if change]
            papers = [p.id for p in r.papers if not p.held and not p.source]
            if papers:
                notes.append(speak("材料：", "Documents: ") + "、".join(papers))
        elif r.missing:
            notes.append(r.missing[0].text(lang))
        table.add_row(r.policy.title, _state(r.status), amount, "\n".join(notes))
    for _, title, document, state in found.closed:
        table.add_row(title, _state(state), "", document.title)
    out().print(table)
    out().print(
        speak(
            f"合计 {_money(found.total)}，本期应付 {_money(found.due)}。测算不是承诺。",
            f"Total {_money(found.total)}, due now {_money(found.due)}. An estimate, no promise.",
        )
    )
    if found.question:
        worth = _money(found.question.worth)
        out().print(
            speak(
                f"最值得补的一项：{found.question.field}（关系到至多 {worth}）",
                f"Ask next: {found.question.field} (up to {worth})",
            )
        )


@policy.command("run", help=speak("批量测算 Parquet 文件里的企业", "Assess every firm of a Parquet file"))
@click.argument("folder", type=_FOLDER)
@click.argument("firms", type=_FOLDER)
@click.option(
    "--out", "target", type=_FOLDER, required=True, help=speak("结果文件（Parquet）", "result file (Parquet)")
)
@click.option("--engine", type=click.Choice(ENGINES), default="numpy", show_default=True)
@_on
@json_option
@refusals_are_one_line
def run_(
    folder: Path, firms: Path, target: Path, engine: str, day: dt.datetime | None, as_json: bool
) -> None:
    book = Book.load(folder)
    with progress(speak("测算", "assessing")) as bar:
        task = bar.add_task("", total=None)
        try:
            summary = run(
                book,
                firms,
                target,
                _day(day),
                engine=engine,
                progress=lambda n, of: bar.update(task, completed=n, total=of),
            )
        except ImportError as error:
            fail(
                speak(
                    f"没有装 {error.name}。装 zhaoyin[spark]。",
                    f"{error.name} is not installed. Install zhaoyin[spark].",
                )
            )
    if as_json:
        click.echo(
            json.dumps(
                {
                    "rows": summary.rows,
                    "total": summary.total,
                    "final": summary.final,
                    "due": summary.due,
                    "policies": summary.policies,
                },
                ensure_ascii=False,
            )
        )
        return
    table = Table(box=None, pad_edge=False)
    for column in (
        speak("条款", "Policy"),
        speak("可享受", "Eligible"),
        speak("待补充", "Pending"),
        speak("需审批", "To decide"),
        speak("金额", "Amount"),
    ):
        table.add_column(column, justify="left" if not table.columns else "right")
    for _, title, yes, pending, decide, fen in summary.policies:
        table.add_row(title, f"{yes:,}", f"{pending:,}", f"{decide:,}", _money(fen))
    out().print(table)
    out().print(
        speak(
            f"{summary.rows:,} 户，合计 {_money(summary.total)}，资金盘后 {_money(summary.final)}，本期应付 {_money(summary.due)}。",
            f"{summary.rows:,} firms, total {_money(summary.total)}, after budgets {_money(summary.final)}, due now {_money(summary.due)}.",
        )
    )
