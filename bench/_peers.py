"""Peers live in environments of their own: bench/peers/NAME/requirements.txt, locked with hashes, made when asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PEERS = Path(__file__).resolve().parent / "peers"


def python_of(name: str) -> Path:
    """The interpreter of the peer's environment, made on first use."""
    home = PEERS / name
    python = home / ".venv" / "bin" / "python"
    done = home / ".venv" / "done"
    if not done.exists():
        subprocess.run([sys.executable, "-m", "venv", home / ".venv"], check=True)
        subprocess.run(
            [python, "-m", "pip", "install", "-q", "--require-hashes", "-r", home / "requirements.txt"],
            check=True,
        )
        done.touch()
    return python
