"""`make test`: every check in turn, all of them even when one fails; pytest's closing lines come last."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
PYTEST = [str(BIN / "python"), "-m", "pytest", "-q", "-p", "no:cacheprovider"]
WORKERS = ["-n", "2", "--dist", "loadfile"]
POSTGRES = [str(BIN / "python"), "tests/postgres.py"]

# name, command, whether it is pytest
STEPS: list[tuple[str, list[str], bool]] = [
    ("ruff", [str(BIN / "ruff"), "check", "."], False),
    ("format", [str(BIN / "ruff"), "format", "--check", "."], False),
    ("imports", [str(BIN / "lint-imports"), "--no-cache"], False),
    ("types", [str(BIN / "mypy")], False),
    ("unit and integration, SQLite", [*PYTEST, *WORKERS, "-m", "not browser and not spark"], True),
    (
        "integration, PostgreSQL",
        [*POSTGRES, *PYTEST, *WORKERS, "-m", "not browser and not spark", "tests/desk"],
        True,
    ),
    # one process each: a Spark keeps the heap of whoever started it first
    ("Spark, universe", [*PYTEST, "-m", "spark", "tests/universe"], True),
    ("Spark, incentives", [*PYTEST, "-m", "spark", "tests/incentives"], True),
    ("browser", [*PYTEST, "-m", "browser"], True),
]
CLOSING = re.compile(r"^=* ?((?:\d+ \w+,? ?)+) in ([\d.]+)s.*$")


def closing_line(lines: list[str]) -> str:
    return next((line for line in reversed(lines) if CLOSING.match(line)), "")


def run(name: str, command: list[str]) -> tuple[int, list[str], float]:
    print(
        f"\n── {name}: {' '.join(Path(command[0]).name if i == 0 else a for i, a in enumerate(command))}",
        flush=True,
    )
    began = time.monotonic()
    lines: list[str] = []
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        for line in process.stdout or []:
            print(line, end="", flush=True)
            lines.append(line.rstrip())
    return process.returncode, lines, time.monotonic() - began


def main() -> int:
    only = sys.argv[1:]
    results: list[tuple[str, bool, float]] = []
    closings: list[str] = []
    for name, command, is_pytest in STEPS:
        if only and not any(word in name for word in only):
            continue
        code, lines, seconds = run(name, command)
        results.append((name, code == 0, seconds))
        if is_pytest:
            closings.append(closing_line(lines) or f"{name}: no closing line")
    print("\n── summary")
    for name, fine, seconds in results:
        print(f"{'ok    ' if fine else 'FAILED'} {seconds:7.1f} s  {name}")
    counted: dict[str, int] = {}
    for line in closings:
        print(line)
        if found := CLOSING.match(line):
            for number, word in re.findall(r"(\d+) (\w+)", found[1]):
                counted[word] = counted.get(word, 0) + int(number)
    failed = [name for name, fine, _ in results if not fine]
    if counted:
        total = sum(seconds for *_, seconds in results)
        print(f"{', '.join(f'{n} {word}' for word, n in counted.items())} in {total:.2f}s")
    if failed:
        print(f"FAILED: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
