"""What every verb of the command line shares: the language, one-line refusals, progress on standard error."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from typing import NoReturn, ParamSpec, TypeVar

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from zhaoyin.base.errors import Refusal

P = ParamSpec("P")
R = TypeVar("R")


def language() -> str:
    """zh, unless ZHAOYIN_LANG or the locale says English."""
    wanted = os.environ.get("ZHAOYIN_LANG") or os.environ.get("LC_ALL") or os.environ.get("LANG") or ""
    return "en" if wanted.lower().startswith("en") else "zh"


def speak(zh: str, en: str) -> str:
    return en if language() == "en" else zh


def out() -> Console:
    return Console(highlight=False, soft_wrap=not sys.stdout.isatty())


def err() -> Console:
    return Console(stderr=True, highlight=False, soft_wrap=True)


def complain(message: str) -> None:
    err().print(message, style="red", markup=False)


def fail(message: str, exit_code: int = 1) -> NoReturn:
    complain(message)
    sys.exit(exit_code)


def refusals_are_one_line(command: Callable[P, R]) -> Callable[P, R]:
    """A Refusal raised by an engine or an action ends the command with its sentence and exit code 1."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except Refusal as refusal:
            fail(refusal.text(language()))

    return wrapped


def progress(description: str) -> Progress:
    """A progress bar on standard error that vanishes when done; silent when standard error is no terminal."""
    return Progress(
        TextColumn(description),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=err(),
        transient=True,
        disable=not sys.stderr.isatty(),
    )


json_option = click.option("--json", "as_json", is_flag=True, help=speak("输出 JSON", "print JSON"))
