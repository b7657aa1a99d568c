"""`zhaoyin chain position|gaps|shortlist|train|classify`: where a region stands, what is missing, whom to approach."""

from __future__ import annotations

import csv
import importlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from itertools import repeat
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from zhaoyin.base.errors import Refusal
from zhaoyin.cli._common import json_option, language, out, progress, refusals_are_one_line, speak
from zhaoyin.cli.codes import loaded
from zhaoyin.resolution.tables import place_name
from zhaoyin.valuechain import (
    Chain,
    CodeTable,
    Concentration,
    Contested,
    Counts,
    GapReport,
    Landscape,
    NodePosition,
    TermClassifier,
    TextModel,
    distance,
    gaps,
    shortlist,
    suppliers,
)
from zhaoyin.valuechain.gaps import NAMES as GAP_NAMES
from zhaoyin.valuechain.shortlist import GATES, Shortlist
from zhaoyin.valuechain.shortlist import NAMES as TERM_NAMES

PACKS = Path(__file__).resolve().parents[1] / "packs"

chain_option = click.option(
    "--chain",
    "chain_path",
    type=click.Path(path_type=Path),
    default=PACKS / "zhaoyuan" / "chains" / "gold",
    help=speak("产业链文件夹（默认：包里的黄金链）", "chain folder (default: the pack's gold chain)"),
)
counts_option = click.option(
    "--counts",
    "counts_path",
    type=click.Path(path_type=Path),
    required=True,
    help=speak(
        "地区 × 行业的企业数（.csv/.parquet：region, industry, firms），或 zhaoyin universe 的文件夹",
        "firms by region and industry (.csv/.parquet: region, industry, firms), or a zhaoyin universe folder",
    ),
)
region_option = click.option(
    "--region", required=True, help=speak("地区代码，如 370685", "region code, such as 370685")
)
firms_option = click.option(
    "--firms",
    "firms_path",
    type=click.Path(path_type=Path),
    help=speak(
        "逐家企业（.csv/.parquet：region, industry, employees），用来看供方集中度",
        "single firms (.csv/.parquet: region, industry, employees), for the concentration of suppliers",
    ),
)
rival_option = click.option(
    "--rival", multiple=True, help=speak("另外点名的对手地区", "a rival region to add")
)


@click.group(help=speak("产业链：位势、缺口、目标企业。", "Value chains: position, gaps, whom to approach."))
def chain() -> None:
    pass


def _pick(said: tuple[str, str] | None) -> str:
    return "" if said is None else said[1 if language() == "en" else 0]


def _landscape(
    chain_path: Path, counts_path: Path, firms_path: Path | None, *, check_halves: bool = True
) -> Landscape:
    value_chain = Chain.load(chain_path, codes=loaded())
    counts, sizes = _counts(counts_path, value_chain)
    if firms_path is not None:
        rows = _rows(firms_path)
        needed = {"region", "industry"}
        if rows and not needed <= set(rows[0]):
            raise Refusal(
                "firms.columns",
                f"{firms_path.name} 要有 region、industry 两列，现在是：{'、'.join(rows[0])}。",
                f"{firms_path.name} needs the columns region and industry; it has: {', '.join(rows[0])}.",
                where=str(firms_path),
            )
        sizes = suppliers(
            value_chain, ((str(r["region"]), str(r["industry"]), _number(r.get("employees"))) for r in rows)
        )
    return Landscape(value_chain, counts, suppliers=sizes, check_halves=check_halves)


def _counts(path: Path, value_chain: Chain) -> tuple[Counts, Mapping[tuple[str, str], Concentration] | None]:
    """Counts and, of a universe folder, the concentration of suppliers by staff for segments with codes of their own."""
    if not path.is_dir():
        return Counts.load(path), None
    universe: Any = importlib.import_module("zhaoyin.universe")  # only when a folder is given
    live = universe.Filter(live=True)
    with universe.open(path) as opened:
        table = opened.count_by("region:6", "industry:4", filter=live).to_pydict()
        codes = tuple({c.code for c in value_chain.codes if c.share >= 1})
        sized = opened.count_by(
            "region:6", "industry:4", "employees", filter=universe.Filter(industries=codes, live=True)
        ).to_pydict()
        rows = zip(sized["region"], sized["industry"], sized["employees"], sized["firms"], strict=True)
        found = suppliers(
            value_chain, (one for r, i, size, n in rows for one in repeat((r, i or "", size), n))
        )
        return Counts.of_table(table, synthetic=opened.synthetic), found


def _rows(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        raise Refusal("file.absent", f"没有文件 {path}。", f"There is no file {path}.", where=str(path))
    if path.suffix == ".parquet":
        import pandas as pd

        return [{str(k): v for k, v in r.items()} for r in pd.read_parquet(path).to_dict("records")]
    if path.suffix == ".jsonl":
        rows = []
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if not line.strip():
                continue
            try:
                rows.append(json.loads(line))
            except json.JSONDecodeError as error:
                raise Refusal(
                    "file.json",
                    f"{path.name} 第 {number} 行不是 JSON。",
                    f"{path.name} line {number} is not JSON.",
                    where=f"{path}:{number}",
                ) from error
        return rows
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))
    except UnicodeDecodeError as error:
        raise Refusal(
            "file.encoding",
            f"{path.name} 不是 UTF-8，另存为“CSV UTF-8”。",
            f"{path.name} is not UTF-8; save it as “CSV UTF-8”.",
            where=str(path),
        ) from error


def _number(value: Any) -> float | None:
    try:
        return None if value in (None, "") else float(value)
    except (TypeError, ValueError):
        return None


def _f(value: float | None, digits: int = 2) -> str:
    return speak("未知", "unknown") if value is None else f"{value:.{digits}f}"


def _chain_name(value_chain: Chain) -> str:
    return speak(value_chain.name, value_chain.name_en or value_chain.name)


def _name(value_chain: Chain, node_id: str) -> str:
    node = value_chain.node(node_id)
    return speak(node.name, node.name_en or node.name)


def _lq(node: NodePosition) -> str:
    if node.absent:  # the shrunk quotient of nobody says nothing but the size of the region
        return speak("没有企业", "no firm") if node.lq is not None else _f(None)
    return _f(None) if node.lq is None else f"{node.lq:.2f} ({node.lq_low:.2f}–{node.lq_high:.2f})"


def _warn_synthetic(synthetic: bool) -> None:
    if synthetic:
        out().print(speak("合成数据 synthetic，不作依据", "synthetic data: proves nothing"), style="magenta")


def _notes(pairs: Iterable[tuple[str, tuple[str, str]]]) -> None:
    for field, said in pairs:
        out().print(f"  {field}: {_pick(said)}", style="dim", markup=False)


@chain.command(help=speak("一个地区在链上的位势。", "Where a region stands in a chain."))
@chain_option
@counts_option
@firms_option
@region_option
@rival_option
@json_option
@refusals_are_one_line
def position(
    *,
    chain_path: Path,
    counts_path: Path,
    firms_path: Path | None,
    region: str,
    rival: tuple[str, ...],
    as_json: bool,
) -> None:
    ground = _landscape(chain_path, counts_path, firms_path)
    found = ground.position(region, rivals=rival)
    if as_json:
        click.echo(json.dumps(asdict(found), ensure_ascii=False))
        return
    _warn_synthetic(found.synthetic)
    title = speak(
        f"{_chain_name(ground.chain)} · {place_name(region)} {region} · {found.firms:g} 家企业",
        f"{_chain_name(ground.chain)} · {place_name(region)} {region} · {found.firms:g} firms",
    )
    table = Table(title=title)
    for column in (
        speak("环节", "segment"),
        speak("企业", "firms"),
        speak("LQ（区间）", "LQ (interval)"),
        speak("相近度", "density"),
        speak("百分位", "percentile"),
        speak("有效供方", "n_eff"),
        speak("外依", "dependence"),
    ):
        table.add_column(column, overflow="fold")
    for node in found.nodes:
        firms = f"≈{node.firms:.1f}" if node.estimated else f"{node.firms:g}"
        rank = _f(None) if node.density_rank is None else f"{node.density_rank:.0%}"
        table.add_row(
            _name(ground.chain, node.node_id),
            firms,
            _lq(node),
            _f(node.density, 3),
            rank,
            _f(node.n_eff, 1),
            _f(node.dependence),
        )
    out().print(table)
    out().print(
        speak(
            f"多样性 {_f(found.diversity, 0)} · 相关多样性 {_f(found.related_variety)} · ECI {_f(found.eci)}",
            f"diversity {_f(found.diversity, 0)} · related variety {_f(found.related_variety)} · ECI {_f(found.eci)}",
        )
    )
    if found.rivals:
        out().print(
            speak("对手地区：", "rivals: ")
            + "、".join(f"{place_name(r)} {r} {c:.2f}" for r, c in found.rivals),
            markup=False,
        )
    _notes(found.why.items())


def _contested(found: Contested | None) -> str:
    """How many rivals are ahead, who they are, and whether that makes the gap contested."""
    if found is None:
        return _f(None)
    head = speak(
        f"{len(found.ahead)}/{found.rivals} 更近且已有", f"{len(found.ahead)} of {found.rivals} ahead"
    )
    if found.contested:
        head += speak("，争抢", ", contested")
    return "\n".join([head, *(place_name(r) for r in found.ahead[:4])])


def _gap_json(report: GapReport) -> dict[str, Any]:
    return {
        "region": report.region,
        "rules": report.rules,
        "position": asdict(report.position),
        "nodes": [
            {
                "node_id": a.node_id,
                "kinds": a.kinds,
                "verdicts": [asdict(v) for v in a.verdicts],
                "severity": a.severity,
                "criticality": a.position.criticality,
                "shortfall": a.position.shortfall,
                "feasibility": a.position.density_rank,
                "contested": None if a.contested is None else asdict(a.contested),
                "why": a.why,
            }
            for a in report.nodes
        ],
    }


@chain.command(
    "gaps",
    help=speak(
        "一个地区的缺链、弱链、单点、外依、延链。",
        "Missing, weak, single-supplier, dependent and to-be-extended segments.",
    ),
)
@chain_option
@counts_option
@firms_option
@region_option
@rival_option
@json_option
@refusals_are_one_line
def gaps_command(
    *,
    chain_path: Path,
    counts_path: Path,
    firms_path: Path | None,
    region: str,
    rival: tuple[str, ...],
    as_json: bool,
) -> None:
    ground = _landscape(chain_path, counts_path, firms_path)
    report = gaps(ground, region, rivals=rival)
    if as_json:
        click.echo(json.dumps(_gap_json(report), ensure_ascii=False))
        return
    _warn_synthetic(report.position.synthetic)
    table = Table(title=f"{_chain_name(ground.chain)} · {region} · {report.rules}")
    for column in (
        speak("环节", "segment"),
        speak("判定", "verdict"),
        speak("严重度", "severity"),
        speak("关键 × 短缺 × 可行", "critical × short × feasible"),
        speak("更近且已有的对手", "rivals ahead"),
    ):
        table.add_column(column, overflow="fold")
    ordered = [*report.gaps, *(n for n in report.nodes if not n.is_gap)]
    for a in ordered:
        p = a.position
        parts = (
            "" if a.severity is None else f"{p.criticality:.2f} × {p.shortfall:.2f} × {p.density_rank:.2f}"
        )
        table.add_row(
            _name(ground.chain, a.node_id),
            speak("、", ", ").join(_pick(GAP_NAMES[k]) for k in a.kinds) or "—",
            _f(a.severity) if a.is_gap else "",
            parts if a.is_gap else "",
            _contested(a.contested),
        )
    out().print(table)
    for a in ordered:
        said = [speak(v.zh, v.en) for v in a.verdicts] or [_pick(a.why.get("kind"))]
        if any(said):
            head = f"{_name(ground.chain, a.node_id)}{speak('：', ': ')}"
            out().print(head + speak("；", "; ").join(said) + speak("。", "."), markup=False, soft_wrap=True)
    _notes(report.position.why.items())


@chain.command(
    "shortlist", help=speak("为一个缺口排出该去见的企业。", "Rank the firms to approach for one gap.")
)
@chain_option
@counts_option
@firms_option
@region_option
@rival_option
@click.option(
    "--node", "node_id", required=True, help=speak("环节，如 jewellery", "segment, such as jewellery")
)
@click.option(
    "--candidates",
    "candidates_path",
    type=click.Path(path_type=Path),
    required=True,
    help=speak(
        "候选企业（.csv/.parquet/.jsonl，至少 firm_id、name）",
        "candidates (.csv/.parquet/.jsonl, at least firm_id, name)",
    ),
)
@click.option("--limit", default=50, show_default=True)
@json_option
@refusals_are_one_line
def shortlist_command(
    *,
    chain_path: Path,
    counts_path: Path,
    firms_path: Path | None,
    region: str,
    rival: tuple[str, ...],
    node_id: str,
    candidates_path: Path,
    limit: int,
    as_json: bool,
) -> None:
    ground = _landscape(chain_path, counts_path, firms_path, check_halves=False)
    segment = ground.chain.node(node_id)
    place = ground.position(region, rivals=rival)
    classifier = TermClassifier(ground.chain)
    rows = _rows(candidates_path)
    places = loaded("GB/T 2260")
    for row in rows:
        if row.get("distance_km") in (None, "") and row.get("region"):
            away = distance(region, str(row["region"]), places.places if places else None)
            if away:
                row |= {"distance_km": away.km, "distance_said": away.basis}
        told = row.get("text") or row.get("scope") or row.get("industry")
        if row.get("membership") in (None, "") and told:
            text = f"{row.get('name') or ''} {row.get('text') or row.get('scope') or ''}"
            row["membership"], row["evidence"] = classifier.surety(
                node_id, str(row.get("industry") or ""), text
            )
    at = ground.at[node_id]
    rival_densities = [float(ground.node_density[ground.counts.region_index[r], at]) for r, _ in place.rivals]
    ranked = shortlist(
        rows,
        node_id=node_id,
        region=region,
        is_core=segment.is_core,
        density=place.node(node_id).density,
        rival_density=max(rival_densities, default=None),
        limit=limit,
        synthetic=ground.counts.synthetic,
    )
    if as_json:
        click.echo(json.dumps(asdict(ranked), ensure_ascii=False, default=str))
        return
    _warn_synthetic(ranked.synthetic)
    _show_shortlist(ranked, _name(ground.chain, node_id))


def _show_shortlist(ranked: Shortlist, title: str) -> None:
    table = Table(title=f"{title} · {ranked.region} · {ranked.formula}")
    for column in ("#", speak("企业", "firm"), speak("分", "score"), speak("理由", "reasons")):
        table.add_column(column, overflow="fold")
    for e in ranked.entries:
        parts = " ".join(
            f"{_pick(TERM_NAMES[k])} {v:.0f}{'?' if k in e.unknown else ''}"
            for k, v in e.contributions.items()
        )
        reasons = (
            (speak("为什么", "why"), _pick(e.why)),
            (speak("不利", "why not"), _pick(e.why_not)),
            (speak("不知道", "not known"), _pick(e.not_known)),
            (speak("构成", "parts"), parts),
        )
        where = place_name(str(e.row.get("region") or ""))
        table.add_row(
            str(e.rank),
            f"{e.name}\n{where}".strip(),
            f"{e.score:.0f}",
            "\n".join(f"{k}{speak('：', ': ')}{v}" for k, v in reasons),
        )
    out().print(table)
    gone = speak("、", ", ").join(f"{_pick(GATES[k])} {v}" for k, v in ranked.removed.items())
    out().print(
        speak(
            f"候选 {ranked.considered} 家，剔除：{gone or '无'}。评分是估计，不是事实。",
            f"{ranked.considered} candidates, removed: {gone or 'none'}. The score is an estimate, not a fact.",
        ),
        markup=False,
    )


@chain.command(help=speak("用自己标注的文本训练分类模型。", "Fit a text model on your own labelled texts."))
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--out",
    "target",
    type=click.Path(path_type=Path),
    required=True,
    help=speak("模型文件夹", "folder of the model"),
)
@click.option("--text", "text_column", default="text", show_default=True)
@click.option("--label", "label_column", default="label", show_default=True)
@click.option(
    "--table",
    type=click.Path(path_type=Path),
    help=speak(
        "标签的代码表（code, name, parent），给出标签名称和上级",
        "code table of the labels (code, name, parent): names and levels",
    ),
)
@click.option(
    "--precision",
    default=0.8,
    show_default=True,
    help=speak("不弃权时要的准确率", "precision wanted of what is decided"),
)
@json_option
@refusals_are_one_line
def train(
    *,
    file: Path,
    target: Path,
    text_column: str,
    label_column: str,
    table: Path | None,
    precision: float,
    as_json: bool,
) -> None:
    rows = _rows(file)
    if rows and not {text_column, label_column} <= set(rows[0]):
        raise Refusal(
            "train.columns",
            f"{file.name} 没有 {text_column}、{label_column} 两列，现有：{'、'.join(rows[0])}。用 --text、--label 指明。",
            f"{file.name} lacks the columns {text_column} and {label_column}; it has: {', '.join(rows[0])}. Name them with --text and --label.",
            where=str(file),
        )
    pairs = [
        (str(r[text_column]), str(r[label_column]))
        for r in rows
        if r.get(text_column) and r.get(label_column)
    ]
    codes = CodeTable.load(table, table.stem) if table else None
    if codes is not None:
        codes.require(sorted({label for _, label in pairs}))
    with progress(speak("交叉验证与训练", "cross-validating and fitting")) as bar:
        task = bar.add_task("", total=None)

        def step(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        model = TextModel.fit(
            [t for t, _ in pairs],
            [v for _, v in pairs],
            names=codes.names if codes else None,
            parents=codes.parents if codes else None,
            precision=precision,
            note=f"{file.name}: {text_column} → {label_column}",
            on_step=step,
        )
    model.save(target)
    if as_json:
        click.echo(json.dumps(dict(model.card), ensure_ascii=False))
        return
    card = Table(title=speak(f"模型卡 · {target}", f"Model card · {target}"), show_header=False)
    for key, value in model.card.items():
        card.add_row(key, json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value))
    out().print(card)


@chain.command(
    help=speak(
        "把文本归到环节，带证据，没把握就弃权。用链的用词，或用 chain train 训练的模型。",
        "Sort texts into segments, with evidence, abstaining when unsure: by the chain's terms, or by a model of chain train.",
    )
)
@click.argument("file", type=click.Path(path_type=Path))
@chain_option
@click.option(
    "--model",
    type=click.Path(path_type=Path),
    help=speak("chain train 的模型文件夹", "a model of chain train"),
)
@click.option("--text", "text_column", default="text", show_default=True)
@json_option
@refusals_are_one_line
def classify(*, file: Path, chain_path: Path, model: Path | None, text_column: str, as_json: bool) -> None:
    rows = _rows(file)
    if rows and text_column not in rows[0]:
        raise Refusal(
            "classify.columns",
            f"{file.name} 没有 {text_column} 列，现有：{'、'.join(rows[0])}。用 --text 指明。",
            f"{file.name} lacks the column {text_column}; it has: {', '.join(rows[0])}. Name it with --text.",
            where=str(file),
        )
    texts = [str(r.get(text_column) or "") for r in rows]
    fitted = TextModel.load(model) if model else None
    if fitted:
        title, found = str(model), [_by_model(fitted, t) for t in texts]
    else:
        value_chain = Chain.load(chain_path, codes=loaded())
        title, found = _chain_name(value_chain), _by_terms(value_chain, texts)
    if as_json:
        for text, one in zip(texts, found, strict=True):
            click.echo(json.dumps({"text": text, **one}, ensure_ascii=False))
        return
    table = Table(title=title)
    for column in (
        speak("文本", "text"),
        speak("归到", "decided"),
        speak("候选", "candidates"),
        speak("证据", "evidence"),
    ):
        table.add_column(column, overflow="fold")
    for text, one in zip(texts, found, strict=True):
        decided = one["decision"] or speak("弃权", "abstained") + (
            f" {_pick(one['why'])}" if one["why"] else ""
        )
        near = speak("、", ", ").join(f"{c['label']} {c['score']:.2f}" for c in one["candidates"])
        table.add_row(text[:60], decided, near, speak("、", ", ").join(one["evidence"]))
    out().print(table)


def _by_terms(value_chain: Chain, texts: list[str]) -> list[dict[str, Any]]:
    classifier = TermClassifier(value_chain)
    done = []
    for text in texts:
        c = classifier.classify(text)
        first = c.candidates[0].spans if c.candidates else ()
        done.append(
            {
                "decision": c.decision,
                "why": c.why,
                "candidates": [{"label": x.node_id, "score": x.score} for x in c.candidates[:3]],
                "evidence": list(dict.fromkeys(s.term for s in first if s.weight > 0)),
            }
        )
    return done


def _by_model(model: TextModel, text: str) -> dict[str, Any]:
    guess = model.guess(text)
    doubt = (
        f"领先 {guess.margin:.2f}，不到 {model.margin:.2f}",
        f"a lead of {guess.margin:.2f}, under {model.margin:.2f}",
    )
    return {
        "decision": guess.label if guess.decided else None,
        "why": None if guess.decided else doubt,
        "candidates": [{"label": guess.label, "score": guess.score}] if guess.label else [],
        "others": list(guess.others),
        "evidence": [text[a:b] for a, b in guess.spans],
    }
