"""`zhaoyin universe import|info|count|candidates|sample|synth`: the company universe from the command line."""

from __future__ import annotations

import datetime as dt
import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.table import Table

from zhaoyin.base.errors import Refusal
from zhaoyin.cli._common import err, json_option, out, progress, refusals_are_one_line, speak
from zhaoyin.cli.codes import data_home, table_file

SCHEMES = {"industry": "GB/T 4754-2017", "region": "GB/T 2260"}

folder_option = click.option(
    "--universe", "folder", type=click.Path(path_type=Path), default=None,
    help=speak("企业库目录（默认：数据目录下的 universe）", "the universe's folder (default: universe in the data folder)"),
)  # fmt: skip
engine_options = [
    click.option("--engine", type=click.Choice(["duckdb", "spark"]), default="duckdb", show_default=True),
    click.option(
        "--master", default="local[2]", show_default=True, help=speak("Spark 主节点", "Spark's master")
    ),
]
filter_options = [
    click.option("--industry", "industries", multiple=True, help=speak("行业代码，可只写前几位，可写 代码=权重", "code or its first digits, or CODE=WEIGHT")),
    click.option("--region", "regions", multiple=True, help=speak("地区代码，可只写前几位", "region code or its first digits")),
    click.option("--not-region", "not_regions", multiple=True, help=speak("不要这些地区", "leave these regions out")),
    click.option("--all-statuses", is_flag=True, help=speak("连同注销、吊销、迁出的", "closed, revoked and moved ones too")),
    click.option("--since", type=click.DateTime(["%Y-%m-%d", "%Y"]), help=speak("成立不早于", "established on or after")),
    click.option("--until", type=click.DateTime(["%Y-%m-%d", "%Y"]), help=speak("成立不晚于", "established on or before")),
    click.option("--min-employees", type=int, help=speak("参保人数不少于", "at least this many insured staff")),
    click.option("--min-capital", type=float, help=speak("注册资本不少于（万元）", "registered capital at least, 万元")),
    click.option("--high-tech", is_flag=True, help=speak("只要高新技术企业", "high-tech firms only")),
]  # fmt: skip


C = TypeVar("C", bound=Callable[..., Any])


def _with(options: list[Any]) -> Callable[[C], C]:
    def add(command: C) -> C:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def _engine() -> Any:
    return importlib.import_module("zhaoyin.universe")


def _home(folder: Path | None) -> Path:
    return folder or data_home() / "universe"


def _filter(given: dict[str, Any]) -> tuple[Any, dict[str, float] | None]:
    codes, weights = [], {}
    for one in given["industries"]:
        code, _, weight = one.partition("=")
        codes.append(code)
        try:
            weights[code] = float(weight) if weight else 1.0
        except ValueError:
            raise Refusal(
                "universe.weight", f"权重“{weight}”不是数。写成 3985=0.8。", f"The weight “{weight}” is no number. Write 3985=0.8."
            ) from None  # fmt: skip
    day = {name: given[name].date() if given[name] else None for name in ("since", "until")}
    capital = given["min_capital"]
    built = _engine().Filter(
        industries=tuple(codes),
        regions=given["regions"],
        not_regions=given["not_regions"],
        live=not given["all_statuses"],
        established_from=day["since"],
        established_until=day["until"],
        min_employees=given["min_employees"],
        min_capital_fen=None if capital is None else round(capital * 1_000_000),
        high_tech=True if given["high_tech"] else None,
    )
    return built, weights or None


def _open(folder: Path | None, given: dict[str, Any]) -> Any:
    return _engine().open(_home(folder), given["engine"], master=given["master"])


def _say_synthetic(synthetic: bool) -> None:
    if synthetic:
        err().print(
            speak("合成数据：下面的企业都是编造的，只供测速和演示。", "Synthetic: these firms are made up, for benches and demonstrations only."),
            style="yellow",
        )  # fmt: skip


def _rows(table: Any) -> list[dict[str, Any]]:
    return [
        {key: value.isoformat() if isinstance(value, dt.date) else value for key, value in row.items()}
        for row in table.to_pylist()
    ]


def _emit(rows: list[dict[str, Any]], synthetic: bool, as_json: bool, columns: dict[str, str]) -> None:
    if as_json:
        for row in rows:
            click.echo(json.dumps({**row, **({"synthetic": True} if synthetic else {})}, ensure_ascii=False))
        return
    _say_synthetic(synthetic)
    shown = Table(box=None, pad_edge=False)
    for key, title in columns.items():
        number = any(isinstance(row[key], (int, float)) and not isinstance(row[key], bool) for row in rows)
        shown.add_column(title, justify="right" if number else "left")
    for row in rows:
        shown.add_row(*(_cell(row[key]) for key in columns))
    out().print(shown)


def _cell(value: Any) -> str:
    if value is None or value == "":
        return "—"
    if isinstance(value, bool):
        return speak("是", "yes") if value else speak("否", "no")
    if isinstance(value, float):
        return f"{value:,.3f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


@click.group(
    help=speak("企业库：导入、计数、候选、抽样。", "The company universe: import, count, candidates, sample.")
)
def universe() -> None:
    pass


@universe.command("import", help=speak("导入 .csv、.xlsx、.parquet；全部成功或什么都不变。", "Import .csv, .xlsx and .parquet files; all of it or nothing."))  # fmt: skip
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@folder_option
@click.option("--map", "mapping", multiple=True, metavar="FIELD=HEADER", help=speak("字段=列名，如 name=单位全称、capital=资本:万元、uscc=#3", "FIELD=HEADER, such as name=单位全称, capital=资本:万元, uscc=#3"))  # fmt: skip
@click.option("--encoding", help="utf-8, gb18030")
@click.option("--industries", type=click.Path(path_type=Path), help=speak("行业代码表（默认：已载入的）", "industry table (default: the one loaded)"))  # fmt: skip
@click.option("--regions", type=click.Path(path_type=Path), help=speak("行政区划代码表（默认：已载入的）", "region table (default: the one loaded)"))  # fmt: skip
@click.option(
    "--synthetic", is_flag=True, help=speak("新建一个合成数据的企业库", "make a universe of synthetic firms")
)
@click.option("--discard", is_flag=True, help=speak("放弃上次没做完的导入", "drop an unfinished import"))
@json_option
@refusals_are_one_line
def import_(
    files: tuple[Path, ...], folder: Path | None, mapping: tuple[str, ...], encoding: str | None,
    industries: Path | None, regions: Path | None, synthetic: bool, discard: bool, as_json: bool,
) -> None:  # fmt: skip
    engine = _engine()
    wanted = {}
    for one in mapping:
        field, sign, header = one.partition("=")
        if not sign:
            raise Refusal(
                "universe.map", f"--map {one} 要写成 字段=列名。", f"--map {one}: write FIELD=HEADER."
            )
        wanted[field.strip()] = header.strip()
    tables = {}
    for kind, given in (("industry", industries), ("region", regions)):
        file = given or table_file(SCHEMES[kind])
        tables[kind] = engine.CodeTable.load(kind, file) if given or file.is_file() else None
    with progress(speak("导入", "Importing")) as bar:
        stages = {
            "read": speak("读取、核对", "reading, checking"),
            "sort": speak("排序、写入", "sorting, writing"),
        }
        task = bar.add_task(stages["read"], total=None)

        def show(stage: str, done: int, total: int) -> None:
            bar.update(task, description=stages[stage], completed=done, total=total)

        done = engine.ingest(
            files, _home(folder), industries=tables["industry"], regions=tables["region"], mapping=wanted,
            encoding=encoding, synthetic=synthetic, discard=discard, progress=show,
        )  # fmt: skip
    if as_json:
        click.echo(
            json.dumps(
                {name: getattr(done, name) for name in done.__slots__}, ensure_ascii=False, default=str
            )
        )
        return
    say = out().print
    if done.resumed:
        say(speak("接着上次没做完的导入继续。", "Went on with an import that had not been finished."))
    say(speak(
        f"读 {done.read:,} 行 = 收 {done.accepted:,} + 退 {done.rejected:,}；其中更新原有 {done.replaced:,} 家。库内现有 {done.rows:,} 家。",
        f"Read {done.read:,} rows = accepted {done.accepted:,} + rejected {done.rejected:,}; {done.replaced:,} known firms renewed. {done.rows:,} firms in the universe.",
    ))  # fmt: skip
    for kind in done.unchecked:
        zh = {"industry": "行业代码", "region": "行政区划代码"}[kind]
        say(speak(f"没有载入{zh}表，只查了格式。载入：zhaoyin codes load 文件 --scheme '{SCHEMES[kind]}'", f"No {kind} table is loaded: only the form of the codes was checked. Load one: zhaoyin codes load FILE --scheme '{SCHEMES[kind]}'"), style="yellow")  # fmt: skip
    if done.left_empty:
        say(speak(f"{done.left_empty:,} 行有读不出的可选字段，已留空。", f"{done.left_empty:,} rows have an optional field that could not be read; it was left empty."), style="yellow")  # fmt: skip
    for reason, count in done.reasons:
        say(f"  {count:>10,}  {reason}", markup=False)
    if done.rejects:
        say(speak(f"逐行清单：{done.rejects}", f"Row by row: {done.rejects}"), markup=False)


@universe.command(help=speak("库里有什么、从哪里来。", "What is in it and where it came from."))
@folder_option
@json_option
@refusals_are_one_line
def info(folder: Path | None, as_json: bool) -> None:
    opened = _engine().open(_home(folder))
    manifest = opened.manifest
    if as_json:
        facts = {"synthetic": manifest.synthetic, "firms": manifest.rows, "industries": len(manifest.industries), "regions": len(manifest.regions), "sources": manifest.sources, "codes": manifest.codes}  # fmt: skip
        click.echo(json.dumps(facts, ensure_ascii=False))
        return
    _say_synthetic(opened.synthetic)
    say = out().print
    say(speak(
        f"{manifest.rows:,} 家企业，{len(manifest.industries):,} 个行业代码，{len(manifest.regions):,} 个地区代码，第 {manifest.generation} 版",
        f"{manifest.rows:,} firms, {len(manifest.industries):,} industry codes, {len(manifest.regions):,} region codes, generation {manifest.generation}",
    ))  # fmt: skip
    titles = {"file": speak("文件", "file"), "read": speak("读", "read"), "accepted": speak("收", "accepted"), "rejected": speak("退", "rejected"), "imported_at": speak("时间", "at")}  # fmt: skip
    _emit([{key: source.get(key) for key in titles} for source in manifest.sources], False, False, titles)


@universe.command(
    help=speak("按地区、行业计数，如 region:4 industry:2。", "Count by keys such as region:4 industry:2.")
)
@click.argument("keys", nargs=-1)
@folder_option
@_with(filter_options)
@_with(engine_options)
@click.option("--limit", default=50, show_default=True, help=speak("最多几行", "rows at most"))
@json_option
@refusals_are_one_line
def count(keys: tuple[str, ...], folder: Path | None, limit: int, as_json: bool, **given: Any) -> None:
    chosen, _ = _filter(given)
    keys = keys or ("region:2", "industry:2")
    with _open(folder, given) as opened:
        rows = opened.count_by(*keys, filter=chosen).to_pylist()
        names = [key.partition(":")[0] for key in keys]
        rows.sort(key=lambda row: (-row["firms"], [row[name] or "" for name in names]))
        titles = {name: speak({"region": "地区", "industry": "行业", "status": "状态"}.get(name, name), name) for name in names}  # fmt: skip
        _emit(rows[:limit], opened.synthetic, as_json, {**titles, "firms": speak("企业数", "firms")})


@universe.command(help=speak("符合条件的企业，按分数排列。", "Firms that fit, in order of score."))
@folder_option
@_with(filter_options)
@_with(engine_options)
@click.option("--limit", default=50, show_default=True, help=speak("最多几家", "firms at most"))
@click.option("--out", "target", type=click.Path(path_type=Path), help=speak("另存 .parquet，附经营范围，供 zhaoyin chain shortlist", "also save as .parquet with the scope, for zhaoyin chain shortlist"))  # fmt: skip
@json_option
@refusals_are_one_line
def candidates(folder: Path | None, limit: int, target: Path | None, as_json: bool, **given: Any) -> None:
    chosen, weights = _filter(given)
    with _open(folder, given) as opened:
        table = opened.candidates(chosen, fit=weights, limit=limit)
        if target:
            frame = table.to_pandas()
            texts = opened.texts(table["place"].to_pylist()).to_pandas().set_index("place")
            frame["text"] = frame["place"].map(texts["text"])
            frame["synthetic"] = opened.synthetic
            frame.drop(columns="place").to_parquet(target, index=False)
        titles = {"firm_id": speak("统一社会信用代码", "USCC"), "name": speak("企业名称", "name"), "region": speak("地区", "region"), "industry": speak("行业", "industry"), "capital_wan": speak("注册资本万元", "capital 万元"), "employees": speak("参保", "staff"), "score": speak("分数", "score")}  # fmt: skip
        _emit(_rows(table), opened.synthetic, as_json, titles)


@universe.command(
    help=speak("抽签取几家，同一种子同一结果。", "Some firms by lot; the same seed, the same firms.")
)
@click.argument("size", type=click.IntRange(1, 100_000), default=20)
@folder_option
@_with(filter_options)
@_with(engine_options)
@click.option("--seed", type=int, default=0, show_default=True)
@json_option
@refusals_are_one_line
def sample(size: int, folder: Path | None, seed: int, as_json: bool, **given: Any) -> None:
    chosen, _ = _filter(given)
    with _open(folder, given) as opened:
        titles = {"firm_id": speak("统一社会信用代码", "USCC"), "name": speak("企业名称", "name"), "region": speak("地区", "region"), "industry": speak("行业", "industry"), "status": speak("状态", "status"), "established": speak("成立", "established")}  # fmt: skip
        _emit(_rows(opened.sample(size, seed=seed, filter=chosen)), opened.synthetic, as_json, titles)


@universe.command(help=speak("造一个合成企业库，供测速和演示。", "Make a synthetic universe for benches and demonstrations."))  # fmt: skip
@click.option("--firms", type=click.IntRange(1, 999_999_999), required=True)
@click.option("--seed", type=int, default=7, show_default=True)
@click.option(
    "--out", "target", type=click.Path(path_type=Path), required=True, help=speak("空目录", "an empty folder")
)
@refusals_are_one_line
def synth(firms: int, seed: int, target: Path) -> None:
    with progress(speak("合成", "Making")) as bar:
        task = bar.add_task("", total=firms)
        _engine().synthesise(
            firms, target, seed=seed, progress=lambda done, _: bar.update(task, completed=done)
        )
    _say_synthetic(True)
    out().print(
        speak(f"{firms:,} 家合成企业写入 {target}", f"{firms:,} synthetic firms written to {target}"),
        markup=False,
    )
