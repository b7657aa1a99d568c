"""What every bench shares: figures with targets, the machine, the readable table, one JSON line a figure."""

from __future__ import annotations

import argparse
import datetime as dt
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import tomllib
from dataclasses import asdict, dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent


def arguments(description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="a reduced size, under 50 s")
    parser.add_argument("--json", action="store_true", help="one line a figure")
    parser.add_argument(
        "--data", type=Path, default=HERE.parent.parent / "shared", help="measuring data (default: ../shared)"
    )
    parser.add_argument("--save", action="store_true", help="write bench/results/NAME.json")
    return parser


def versions(*packages: str) -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "absent"
    return found


def machine() -> dict[str, object]:
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "memory_gib": round(memory, 1),
        "system": platform.platform(),
        "load": os.getloadavg()[0],
    }


@dataclass
class Figure:
    """One measured figure. ``target`` as text from targets.toml, such as ">= 0.85"; ``met`` is None without a target."""

    name: str
    value: float | None
    unit: str = ""
    target: str | None = None
    met: bool | None = None
    peer: str | None = None
    peer_value: float | None = None
    size: str = ""
    versions: dict[str, str] = field(default_factory=dict)


class Report:
    """Collects a bench's figures, judges them by bench/targets.toml, prints and saves them."""

    def __init__(self, bench: str, options: argparse.Namespace, *packages: str) -> None:
        self.bench, self.options, self.versions = bench, options, versions(*packages)
        targets = HERE / "targets.toml"
        self.targets: dict[str, str] = (
            tomllib.loads(targets.read_text()).get(bench, {}) if targets.exists() else {}
        )
        self.figures: list[Figure] = []
        if not options.json:
            print(f"# {bench}{' (quick)' if options.quick else ''}  {machine()}\n# {self.versions}")

    def add(
        self,
        name: str,
        value: float | None,
        unit: str = "",
        *,
        peer: str | None = None,
        peer_value: float | None = None,
        size: str = "",
    ) -> Figure:
        """Record a figure; a value of None is one that was skipped, and so not met."""
        target = self.targets.get(name)
        met = None
        if target is not None:
            sign, bound = target.split()
            met = value is not None and (value >= float(bound) if sign == ">=" else value <= float(bound))
        figure = Figure(name, value, unit, target, met, peer, peer_value, size, self.versions)
        self.figures.append(figure)
        if self.options.json:
            print(json.dumps(asdict(figure), ensure_ascii=False), flush=True)
        else:
            shown = "skipped" if value is None else f"{value:,.4g}"
            beside = f"   {peer}: {peer_value:,.4g}" if peer and peer_value is not None else ""
            verdict = "" if met is None else ("   met" if met else "   NOT MET")
            print(
                f"{name:<58} {shown:>12} {unit:<10} {('target ' + target) if target else '':<18}{verdict}{beside}   {size}",
                flush=True,
            )
        return figure

    def close(self) -> int:
        """Save if asked; 1 when a target that was measured is missed, else 0."""
        if self.options.save and not self.options.quick:
            commit = subprocess.run(
                ["git", "rev-parse", "--short", "HEAD"], cwd=HERE, capture_output=True, text=True, check=False
            ).stdout.strip()
            record = {
                "bench": self.bench,
                "date": dt.date.today().isoformat(),
                "commit": commit,
                "machine": machine(),
                "figures": [asdict(f) for f in self.figures],
            }
            (HERE / "results").mkdir(exist_ok=True)
            (HERE / "results" / f"{self.bench}.json").write_text(
                json.dumps(record, ensure_ascii=False, indent=1) + "\n"
            )
        missed = [figure.name for figure in self.figures if figure.met is False]
        if missed:
            print("missed: " + ", ".join(missed), file=sys.stderr)
        return 1 if missed else 0
