"""zhaoyin user: accounts from the command line."""

from __future__ import annotations

import secrets

import click

from zhaoyin.base.errors import Refusal
from zhaoyin.cli._common import out, refusals_are_one_line, speak
from zhaoyin.cli._desk import migrate, setup


@click.group(help=speak("账号：开设与重设密码", "Accounts: open one, set a new password"))
def user() -> None:
    pass


@user.command(
    "add", help=speak("开账号，打印一次随机密码", "open an account and print its random password once")
)
@click.argument("username")
@click.option("--name", required=True, help=speak("姓名", "the person's name"))
@click.option(
    "--role",
    "roles",
    multiple=True,
    required=True,
    help=speak("角色代码，可多次", "role code, may be repeated"),
)
@click.option("--department", default="", help=speak("部门代码", "department code"))
@refusals_are_one_line
def add(username: str, name: str, roles: tuple[str, ...], department: str) -> None:
    setup()
    migrate()
    from zhaoyin.desk.accounts import actions, policy
    from zhaoyin.desk.accounts.models import Department, User

    if unknown := set(roles) - set(policy.roles()):
        known = "、".join(policy.roles())
        raise Refusal(
            "user.role",
            f"角色“{'、'.join(unknown)}”不认识。可用：{known}。",
            f"Unknown role {', '.join(unknown)}. Known: {known}.",
        )
    if User.objects.filter(username=username).exists():
        raise Refusal(
            "user.exists",
            f"账号“{username}”已经有了。换一个，或用 zhaoyin user password 重设密码。",
            f"The account “{username}” exists. Choose another, or set a new password with zhaoyin user password.",
        )
    home = Department.objects.filter(code=department).first()
    if department and home is None:
        raise Refusal(
            "user.department",
            f"部门“{department}”不认识。先载入地区包。",
            f"Unknown department “{department}”. Load a region pack first.",
        )
    password = secrets.token_urlsafe(9)
    actions.save_person(
        actions.system_user(),
        username=username,
        name=name,
        roles=list(roles),
        department=home,
        password=password,
    )
    out().print(f"{username}  {password}")


@user.command("password", help=speak("重设密码，打印一次", "set a new random password and print it once"))
@click.argument("username")
@refusals_are_one_line
def password(username: str) -> None:
    setup()
    migrate()
    from zhaoyin.desk.accounts import actions
    from zhaoyin.desk.accounts.models import User

    person = User.objects.filter(username=username, is_system=False).first()
    if person is None:
        raise Refusal(
            "user.unknown",
            f"没有账号“{username}”。用 zhaoyin user add 开一个。",
            f"There is no account “{username}”. Open one with zhaoyin user add.",
        )
    new = secrets.token_urlsafe(9)
    actions.save_person(actions.system_user(), person, password=new)
    out().print(f"{username}  {new}")
