"""`zhaoyin codes load FILE`: a full code table, kept beside the data so that chains and imports can be checked by it."""

from __future__ import annotations

import os
from pathlib import Path

import click

from zhaoyin.cli._common import out, refusals_are_one_line, speak
from zhaoyin.valuechain.codes import CodeTable


def data_home() -> Path:
    """Where this installation keeps its data: ZHAOYIN_DATA, or ./var."""
    return Path(os.environ.get("ZHAOYIN_DATA") or "var")


def table_file(scheme: str) -> Path:
    return CodeTable.file_in(data_home(), scheme)


def loaded(scheme: str = "GB/T 4754-2017") -> CodeTable | None:
    """The table loaded for a scheme, or None."""
    return CodeTable.kept_in(data_home(), scheme)


@click.group(
    help=speak("代码表：行业、地区等分类。", "Code tables: industries, regions and other classifications.")
)
def codes() -> None:
    pass


@codes.command(
    "load",
    help=speak(
        "载入整张代码表（CSV，含 code、name，可含 parent；地区表可含 lat、lon，用来算距离）。",
        "Load a whole table (CSV with code, name and perhaps parent; of regions also lat, lon, for distances).",
    ),
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--scheme", default="GB/T 4754-2017", show_default=True, help=speak("分类名", "the scheme"))
@refusals_are_one_line
def load(file: Path, scheme: str) -> None:
    table = CodeTable.load(file, scheme)
    target = table_file(scheme)
    table.save(target)
    out().print(
        speak(
            f"已载入 {scheme}：{len(table)} 个代码，存于 {target}",
            f"Loaded {scheme}: {len(table)} codes, kept in {target}",
        )
    )
