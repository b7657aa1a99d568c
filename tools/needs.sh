#!/bin/sh
# What this machine must have. `needs.sh run` names what is missing; `needs.sh test` also installs it when root.
# `needs.sh python` prints the Python to use.
set -eu

python_fit() {
    "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    for candidate in python3.11 python3 python3.12 python3.13 python3.14; do
        if command -v "$candidate" >/dev/null 2>&1 && python_fit "$candidate"; then
            command -v "$candidate"
            return 0
        fi
    done
    return 1
}

missing=""
need() { missing="$missing $1"; }

run_needs() {
    command -v git >/dev/null 2>&1 || need git
    command -v make >/dev/null 2>&1 || need make
    find_python >/dev/null || need "python3 python3-venv"
}

test_needs() {
    run_needs
    command -v chromium >/dev/null 2>&1 || need chromium
    [ -e /usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc ] || need fonts-noto-cjk
    ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || need postgresql
    command -v java >/dev/null 2>&1 || need default-jre-headless
    ldconfig -p 2>/dev/null | grep -q 'libgomp\.so\.1' || need libgomp1
}

line() { echo "apt-get update && apt-get install -y --no-install-recommends$missing"; }

case "${1:-}" in
python)
    find_python
    ;;
run)
    run_needs
    if [ -n "$missing" ]; then
        echo "还缺：$missing。装上它们（要 root），再运行一次：" >&2
        echo "Missing:$missing. Install (as root), then run again:" >&2
        echo "    $(line)" >&2
        exit 1
    fi
    ;;
test)
    test_needs
    [ -n "$missing" ] || exit 0
    if [ "$(id -u)" != 0 ]; then
        echo "测试还缺：$missing。装上它们（要 root），再运行一次：" >&2
        echo "The tests also need:$missing. Install (as root), then run again:" >&2
        echo "    $(line)" >&2
        exit 1
    fi
    echo "apt-get install$missing"
    export DEBIAN_FRONTEND=noninteractive
    # A running cluster is not wanted: the tests start their own server.
    mkdir -p /etc/postgresql-common
    [ -e /etc/postgresql-common/createcluster.conf ] || echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf
    apt-get update -qq
    # shellcheck disable=SC2086
    apt-get install -y -qq --no-install-recommends $missing >/dev/null
    missing=""
    test_needs
    if [ -n "$missing" ]; then
        echo "apt 没有装上：$missing / apt did not install:$missing" >&2
        exit 1
    fi
    ;;
*)
    echo "usage: tools/needs.sh run|test|python" >&2
    exit 2
    ;;
esac
