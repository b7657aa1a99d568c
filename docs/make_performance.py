"""Write docs/performance.md from bench/results/*.json: every figure beside its target, the peer and the machine."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def number(value: float | None) -> str:
    if value is None:
        return "skipped"
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.4g}"


def verdict(figure: dict[str, Any]) -> str:
    if not figure.get("target"):
        return ""
    return "met" if figure.get("met") else "**not met**"


def row(figure: dict[str, Any]) -> str:
    peer = ""
    if figure.get("peer"):
        peer = f"{figure['peer']}: {number(figure.get('peer_value'))}"
    cells = [
        figure["name"],
        f"{number(figure['value'])} {figure.get('unit', '')}".strip(),
        figure.get("target") or "",
        verdict(figure),
        peer,
        figure.get("size") or "",
    ]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def section(record: dict[str, Any]) -> list[str]:
    machine, figures = record["machine"], record["figures"]
    versions = {name: v for figure in figures for name, v in (figure.get("versions") or {}).items()}
    return [
        f"## {record['bench']}",
        "",
        f"{record['date']}, commit {record.get('commit') or 'unknown'} · {machine['cpu']}, {machine['cores']} cores, "
        f"{machine['memory_gib']} GiB, load {machine.get('load', 0):.1f}",
        "",
        "| figure | ours | target | | peer | size |",
        "|---|---:|---|---|---|---|",
        *(row(figure) for figure in figures),
        "",
        ", ".join(f"{name} {version}" for name, version in sorted(versions.items())),
        "",
    ]


def page() -> str:
    records = [json.loads(path.read_text()) for path in sorted((ROOT / "bench" / "results").glob("*.json"))]
    targets = tomllib.loads((ROOT / "bench" / "targets.toml").read_text())
    with_target = [f for record in records for f in record["figures"] if f.get("target")]
    met = sum(1 for figure in with_target if figure.get("met"))
    lines = [
        "# Performance",
        "",
        "Written by `python docs/make_performance.py` from `bench/results/*.json`; do not edit. Each figure was measured by the bench of its",
        "name (`python bench/NAME.py --save`), ours and the peer in one run on one machine. A skipped figure is not met.",
        "",
        f"{met} of {len(with_target)} figures with a target meet it.",
        "",
    ]
    for record in records:
        lines += section(record)
    measured = {(record["bench"], figure["name"]) for record in records for figure in record["figures"]}
    missing = [
        f"{bench}: {name}"
        for bench, table in targets.items()
        for name in table
        if (bench, name) not in measured
    ]
    if missing:
        lines += ["## Not measured yet", "", *(f"- {one}" for one in missing), ""]
    return "\n".join(lines)


if __name__ == "__main__":
    (ROOT / "docs" / "performance.md").write_text(page())
