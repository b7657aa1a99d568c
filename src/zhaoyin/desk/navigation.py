"""The shell around every page: navigation as a table, and what the person may see of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from zhaoyin.desk.accounts import policy
from zhaoyin.desk.sites.models import Region
from zhaoyin.desk.words import t


@dataclass(frozen=True)
class Link:
    """One word of the navigation. ``prefix``: paths below it mark the link as current."""

    words: Any
    url_name: str
    verb: str
    tab: bool = False  # also in the phone's tab bar


@dataclass(frozen=True)
class Group:
    words: Any
    links: tuple[Link, ...]


NAVIGATION: tuple[Group, ...] = (
    Group(
        "",
        (
            Link(t("今日", "Today"), "work:today", "today.view", tab=True),
            Link(t("材料", "Materials"), "materials:list", "material.view", tab=True),
            Link(t("客商", "Organisations"), "parties:list", "organisation.view"),
            Link(t("活动", "Events"), "events:list", "event.view"),
        ),
    ),
    Group(
        t("项目", "Projects"),
        (
            Link(t("看板", "Board"), "projects:board", "project.view"),
            Link(t("台账", "Ledger"), "projects:list", "project.view", tab=True),
            Link(t("晚与因", "Late and why"), "projects:late", "project.view"),
            Link(t("会办意见", "Opinions"), "projects:opinions", "project.view"),
            Link(t("协议", "Agreements"), "deals:list", "agreement.view", tab=True),
            Link(t("承诺", "Promises"), "deals:commitments", "commitment.view"),
            Link(t("协作", "Corridors"), "projects:corridors", "project.view"),
        ),
    ),
    Group(
        t("招商依据", "Grounds"),
        (
            Link(t("载体", "Places"), "sites:list", "site.view"),
            Link(t("产业链", "Value chains"), "chains:list", "chain.view"),
            Link(t("政策", "Policies"), "policies:list", "policy.view"),
            Link(t("条款库", "Clauses"), "policies:library", "policy.view"),
            Link(t("政策测算", "Calculator"), "policies:calculator", "policy.assess"),
        ),
    ),
    Group(
        t("数字", "Figures"),
        (
            Link(t("核验台", "Verification desk"), "projects:verification", "milestone.verify"),
            Link(t("指标", "Indicators"), "reports:indicators", "indicator.view"),
            Link(t("月度锁定", "Month close"), "reports:close", "month.close"),
            Link(t("改动记录", "Audit trail"), "evidence:audit", "audit.view"),
        ),
    ),
    Group("", (Link(t("账号", "Accounts"), "accounts:list", "account.manage"),)),
)


def shell(request: HttpRequest) -> dict[str, Any]:
    """Template context: the groups and links this person may use, and where they are now."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"navigation": (), "tabs": ()}
    match = request.resolver_match
    here = match.view_name if match else ""
    room = match.app_name if match else ""
    groups, tabs, current = [], [], None
    for group in NAVIGATION:
        links = []
        for link in group.links:
            if not policy.may(user, link.verb):
                continue
            try:
                url = reverse(link.url_name)
            except NoReverseMatch:
                continue  # a room that is not built in
            item = {"words": link.words, "url": url, "name": link.url_name, "current": link.url_name == here}
            current = item if item["current"] else current
            links.append(item)
            if link.tab:
                tabs.append(item)
        if links:
            groups.append({"words": group.words, "links": links})
    if current is None:  # a detail page: its room's list, or first link
        candidates = [
            item for group in groups for item in group["links"] if item["name"].startswith(f"{room}:")
        ]
        exact = [item for item in candidates if item["name"] == f"{room}:list"]
        for item in (exact or candidates)[:1]:
            item["current"] = True
    return {
        "navigation": groups,
        "tabs": tabs[:4],
        "role_names": policy.role_names(user),
        "region": _region(),
    }


_seen: dict[str, Any] = {}


def _region() -> Region | None:
    """The region of this desk. Asked once: it changes only by loading a pack, at start."""
    if not _seen.get("region"):
        _seen["region"] = Region.objects.first()
    return _seen["region"]  # type: ignore[no-any-return]
