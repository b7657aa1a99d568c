"""`zhaoyin …`: a thin door to everything. One file per verb; a verb's module is imported only when it is asked for."""

from __future__ import annotations

import importlib

import click

from zhaoyin.cli._common import speak

# verb: (module:attribute, help in Chinese, help in English), in the order of the help page
VERBS: dict[str, tuple[str, str, str]] = {
    "read": (
        "zhaoyin.cli.read:read",
        "阅读文件，列出事实与出处",
        "read documents: facts with their evidence",
    ),
    "serve": ("zhaoyin.cli.serve:serve", "启动工作台与后台阅读", "run the desk and its background reading"),
    "pack": ("zhaoyin.cli.pack:pack", "地区包：查看、载入", "region packs: list, load"),
    "user": ("zhaoyin.cli.user:user", "账号：开设、重设密码", "accounts: open, set a new password"),
    "names": (
        "zhaoyin.cli.names:names",
        "单位名称：建名册、查询、批量匹配、调优",
        "names: build, resolve, link, tune",
    ),
    "chain": (
        "zhaoyin.cli.chain:chain",
        "产业链：位势、缺口、目标企业、训练",
        "value chains: position, gaps, shortlist, train",
    ),
    "universe": (
        "zhaoyin.cli.universe:universe",
        "企业库：导入、计数、候选、抽样、合成",
        "the company universe: import, count, candidates, sample, synth",
    ),
    "policy": (
        "zhaoyin.cli.policy:policy",
        "政策：检查、测算、批量运行",
        "policies: check, assess, run",
    ),
    "derive": (
        "zhaoyin.cli.derive:derive",
        "重算阶段；--check 只比对",
        "recompute stages; --check only compares",
    ),
    "codes": ("zhaoyin.cli.codes:codes", "载入代码表", "load code tables"),
}


class Door(click.Group):
    """A group that knows its verbs by name and loads one only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        module, attribute = VERBS[cmd_name][0].split(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section(speak("命令", "Commands")):
            formatter.write_dl([(verb, speak(zh, en)) for verb, (_, zh, en) in VERBS.items()])


@click.group(
    cls=Door,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    help=speak(
        "招引：数字有出处的双招双引平台。",
        "Zhaoyin: investment and talent attraction with figures you can defend.",
    ),
)
@click.version_option(package_name="zhaoyin", prog_name="zhaoyin")
def main() -> None:
    pass
