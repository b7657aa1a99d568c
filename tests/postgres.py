"""A throwaway PostgreSQL for tests: `python tests/postgres.py COMMAND…` runs the command with ZHAOYIN_DATABASE set to it.

It lives in a temporary folder, listens on this machine only, keeps nothing, and is gone when the command ends.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

FAST = "fsync=off full_page_writes=off synchronous_commit=off autovacuum=off shared_buffers=256MB max_connections=60"


def binaries() -> Path | None:
    """The newest server on this machine."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: float(p.parts[-3]))
    if found:
        return found[-1].parent
    initdb = shutil.which("initdb")
    return Path(initdb).resolve().parent if initdb else None


@contextlib.contextmanager
def server() -> Iterator[str]:
    """Start one, give its address, stop it."""
    tools = binaries()
    if tools is None:
        raise SystemExit("PostgreSQL is missing: apt-get install -y --no-install-recommends postgresql")
    # The server refuses to run as root; Debian's package makes a user for it.
    root = os.geteuid() == 0
    who = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if root else []
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="zhaoyin-pg-", dir="/tmp") as name:
        folder = Path(name)
        if root:
            os.chown(folder, pwd.getpwnam("postgres").pw_uid, pwd.getpwnam("postgres").pw_gid)
        run = {"cwd": folder, "check": True, "stdout": subprocess.DEVNULL, "stdin": subprocess.DEVNULL}
        data = str(folder / "data")
        initdb = [tools / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8"]
        subprocess.run([*who, *initdb, "--locale=C.UTF-8", "--no-sync"], **run)
        settings = " ".join(f"-c {one}" for one in FAST.split())
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} {settings}"
        control = [*who, tools / "pg_ctl", "-D", data, "-w"]
        subprocess.run([*control, "-t", "60", "-l", folder / "log", "-o", options, "start"], **run)
        try:
            yield f"postgres://postgres@127.0.0.1:{port}/postgres"
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], **(run | {"check": False}))


def main() -> int:
    with server() as address:
        environment = {**os.environ, "ZHAOYIN_DATABASE": address}
        return subprocess.run(sys.argv[1:], env=environment, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main())
