"""zhaoyin pack: region packs into the ledger."""

from __future__ import annotations

import click

from zhaoyin.cli._common import out, refusals_are_one_line, speak
from zhaoyin.cli._desk import migrate, setup


@click.group(help=speak("地区包：查看与载入", "Region packs: list and load"))
def pack() -> None:
    pass


@pack.command("list", help=speak("自带的地区包", "the packs that ship"))
def list_packs() -> None:
    from zhaoyin.packs import pack_names

    for name in pack_names():
        out().print(name)


@pack.command(
    "load",
    help=speak(
        "载入一个地区包（名称，或含 pack.yaml 的文件夹）；重复载入不改动已有内容",
        "load a pack (a name, or a folder with pack.yaml); loading again changes nothing",
    ),
)
@click.argument("name")
@refusals_are_one_line
def load_one(name: str) -> None:
    setup()
    migrate()
    from zhaoyin.desk import region

    new = region.load(name)
    for table, count in new.items():
        out().print(speak(f"{table}：新增 {count}", f"{table}: {count} new"))
