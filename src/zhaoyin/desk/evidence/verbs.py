"""Audit verbs in words. A verb without words here shows as it is written in code; a test keeps the table complete."""

from __future__ import annotations

from typing import Any

from zhaoyin.desk.words import t

VERBS: dict[str, Any] = {
    "account.create": t("开了账号", "opened the account"),
    "account.change": t("改了账号", "changed the account"),
    "account.password": t("换了密码", "set a new password"),
    "account.sign_in": t("登录", "signed in"),
    "department.create": t("设了部门", "made the department"),
    "department.change": t("改了部门", "changed the department"),
    "list.export": t("导出了名单", "exported a list"),
    "material.add": t("录入了材料", "added the material"),
    "material.read": t("读完了材料", "read the material"),
    "material.fail": t("没有读成材料", "could not read the material"),
    "material.withdraw": t("撤下了材料", "withdrew the material"),
    "fact.accept": t("采纳了", "accepted"),
    "fact.correct": t("更正了", "corrected"),
    "fact.reject": t("驳回了", "rejected"),
    "fact.undo": t("撤销了", "undid"),
    "pack.load": t("载入了地区包", "loaded the region pack"),
    "organisation.create": t("新建了主体", "made the organisation"),
    "organisation.change": t("改了主体", "changed the organisation"),
    "organisation.remove": t("撤去了主体", "removed the organisation"),
    "alias.create": t("记了别名", "added a spelling"),
    "alias.remove": t("去了别名", "removed a spelling"),
    "contact.create": t("记了联系人", "added the contact"),
    "contact.change": t("改了联系人", "changed the contact"),
    "contact.reveal": t("看了联系方式", "looked at contact details"),
    "carrier.create": t("记了载体", "added the place"),
    "carrier.change": t("改了载体", "changed the place"),
    "series.create": t("记了系列活动", "added the series"),
    "series.change": t("改了系列活动", "changed the series"),
    "event.create": t("记了活动", "added the event"),
    "event.change": t("改了活动", "changed the event"),
    "policy.create": t("记了政策", "added the policy"),
    "policy.change": t("改了政策", "changed the policy"),
    "project.create": t("新建了项目", "made the project"),
    "project.change": t("改了项目", "changed the project"),
    "milestone.said": t("记下报道的里程碑", "noted a reported milestone"),
    "milestone.claim": t("申报了里程碑", "claimed a milestone"),
    "agreement.create": t("记了协议", "added the agreement"),
    "agreement.change": t("改了协议", "changed the agreement"),
    "commitment.create": t("记了承诺", "added the promise"),
    "commitment.change": t("改了承诺", "changed the promise"),
}


def in_words(verb: str) -> str:
    return str(VERBS.get(verb, verb))
