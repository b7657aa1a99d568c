"""zhaoyin serve: the desk and its background worker under one small supervisor."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from types import FrameType

import click

from zhaoyin.cli._common import complain, fail, out, refusals_are_one_line, speak
from zhaoyin.cli._desk import migrate, setup

REQUEUE_EVERY = 15.0  # seconds between looks for materials whose reader died


@click.command(help=speak("启动工作台与后台阅读", "run the desk and its background reading"))
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@click.option(
    "--web",
    default=2,
    show_default=True,
    type=click.IntRange(1, 64),
    help=speak("网页进程数", "web processes"),
)
@click.option(
    "--workers",
    default=1,
    show_default=True,
    type=click.IntRange(0, 16),
    help=speak("后台进程数", "background processes"),
)
@click.option(
    "--demo",
    is_flag=True,
    help=speak(
        "载入招远地区包，每个角色开一个演示账号", "load the Zhaoyuan pack and one demo account per role"
    ),
)
@refusals_are_one_line
def serve(host: str, port: int, web: int, workers: int, demo: bool) -> None:
    if not _free(host, port):
        fail(
            speak(
                f"{host}:{port} 已被占用。关掉占用它的程序，或用 --port 换一个。",
                f"{host}:{port} is in use. Stop what uses it, or choose another with --port.",
            )
        )
    setup()
    migrate()
    from zhaoyin.desk import region
    from zhaoyin.desk.chains import actions as chains
    from zhaoyin.desk.materials import actions as materials

    if demo:
        region.load("zhaoyuan")
        _tell(region.demo_accounts())
    materials.release_leases()
    chains.requeue_lost(every=True)
    _supervise(host, port, web, workers)


def _free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _tell(accounts: list[tuple[str, str, str]]) -> None:
    if not accounts:
        return
    out().print(
        speak(
            "演示账号（密码只显示这一次；重设用 zhaoyin user password 账号）：",
            "Demo accounts (shown this once; set a new password with zhaoyin user password NAME):",
        )
    )
    for username, name, password in accounts:
        out().print(f"  {username:<14}{password:<16}{name}", markup=False)


def _supervise(host: str, port: int, web: int, workers: int) -> None:
    """Keep the web server and the workers alive until told to stop."""
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": os.environ.get("DJANGO_SETTINGS_MODULE", "zhaoyin.desk.settings"),
    }
    # Arguments of ours only: a path the shell expanded never becomes a command.
    gunicorn = [
        sys.executable,
        "-m",
        "gunicorn",
        "zhaoyin.desk.wsgi",
        "--bind",
        f"{host}:{port}",
        "--workers",
        str(web),
        "--timeout",
        "120",
        "--log-level",
        "warning",
        "--no-control-socket",
    ]
    worker = [sys.executable, "-m", "django", "db_worker", "--interval", "0.5", "--verbosity", "0"]
    commands = [gunicorn] + [worker] * workers
    children = [subprocess.Popen(command, env=environment) for command in commands]
    stopping = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    address = f"http://{host}:{port}/"
    told = False
    looked = time.monotonic()
    try:
        while not stopping:
            time.sleep(0.3)
            if not told and not _free(host, port):
                out().print(speak(f"已就绪：{address}  （Ctrl-C 停止）", f"Ready: {address}  (Ctrl-C stops)"))
                told = True
            for place, child in enumerate(children):
                if child.poll() is not None and not stopping:
                    complain(speak("一个进程退出，正在重启。", "A process ended; starting it again."))
                    time.sleep(1)
                    children[place] = subprocess.Popen(commands[place], env=environment)
            if time.monotonic() - looked > REQUEUE_EVERY:
                looked = time.monotonic()
                _requeue()
    finally:
        for child in children:
            child.terminate()
        for child in children:
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()


def _requeue() -> None:
    from django.db import close_old_connections

    from zhaoyin.desk.chains import actions as chains
    from zhaoyin.desk.materials import actions as materials

    close_old_connections()
    try:
        materials.requeue_lost()
        chains.requeue_lost()
    except Exception as error:  # the supervisor outlives a busy database
        complain(f"requeue: {error}")
