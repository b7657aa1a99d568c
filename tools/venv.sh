#!/bin/sh
# venv.sh LOCK: .venv/ holds what the lock file says, each file checked by its hash, and zhaoyin itself from src/.
set -eu
lock=$1
# A folder that was moved, or whose Python is gone, cannot be mended; nothing of value lives in it.
.venv/bin/python -c '' >/dev/null 2>&1 || {
    rm -rf .venv
    "$(tools/needs.sh python)" -m venv .venv
}
echo "安装依赖（第一次约一两分钟）… / installing what is needed (a minute or two the first time)…"
install() {
    if command -v uv >/dev/null 2>&1 && UV_PYTHON_DOWNLOADS=never uv pip install -q --python .venv/bin/python --require-hashes -r "$1"; then
        return 0
    fi
    .venv/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r "$1"
}
install "$lock"
.venv/bin/python -c 'import hatch_build, sys; sys.exit(hatch_build.node_on_path() is None)' || install requirements.node.lock
.venv/bin/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
