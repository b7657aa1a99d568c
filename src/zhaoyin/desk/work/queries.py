"""What waits for me, and what is found across the rooms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q
from django.urls import reverse

from zhaoyin.desk.accounts.models import User
from zhaoyin.desk.accounts.policy import may
from zhaoyin.desk.chains import queries as chains
from zhaoyin.desk.deals.models import Agreement
from zhaoyin.desk.events.models import Event
from zhaoyin.desk.evidence.queries import real
from zhaoyin.desk.materials.models import Fact, Material
from zhaoyin.desk.parties.models import Organisation
from zhaoyin.desk.policies.models import Policy
from zhaoyin.desk.projects import queries as projects
from zhaoyin.desk.projects.models import Project
from zhaoyin.desk.sites.models import Carrier
from zhaoyin.desk.words import say


@dataclass(frozen=True)
class Task:
    """One thing that waits for a person: what to do, with what, why, where."""

    verb: str
    what: str
    why: str
    url: str
    button: str
    light: str = ""  # ok, yellow, red
    due: str = ""


def waiting(user: User) -> list[Task]:
    """What waits for this person, most urgent first."""
    tasks: list[Task] = []
    if may(user, "fact.review"):
        materials = (
            Material.objects.filter(state=Material.State.READ)
            .annotate(left=Count("facts", filter=Q(facts__state=Fact.State.OPEN)), total=Count("facts"))
            .order_by("-id")[:20]
        )
        tasks += [
            Task(
                verb=say("审读", "Review"),
                what=material.title,
                url=material.get_absolute_url(),
                button=say("继续审", "Continue") if material.left < material.total else say("审读", "Review"),  # type: ignore[attr-defined]
                why=say(
                    "读出 {n} 条，已审 {d} 条",
                    "{n} facts read, {d} reviewed",
                    n=material.total,
                    d=material.total - material.left,
                ),  # type: ignore[attr-defined]
            )
            for material in materials
        ]
    if may(user, "material.add"):
        tasks += [
            Task(
                verb=say("重传", "Replace"),
                what=material.title,
                why=material.problem,
                url=material.get_absolute_url(),
                button=say("看原因", "See why"),
                light="red",
                due=say("读不了", "Not readable"),
            )
            for material in Material.objects.filter(state=Material.State.FAILED, added_by=user).order_by(
                "-id"
            )[:10]
        ]
    tasks += [
        Task(
            verb=say("联系", "Contact"),
            what=str(approach.project),
            why=say("{c}清单转的线索", "a lead from the shortlist of {c}", c=approach.chain),
            url=approach.project.get_absolute_url(),
            button=say("打开", "Open"),
            light="red",
            due=say("{d} 到期", "due {d}", d=approach.expires_on.isoformat()),
        )
        for approach in chains.overdue_of(user)
    ]
    tasks += _of_projects(user)
    return tasks


def _of_projects(user: User) -> list[Task]:
    """Claims to verify, first talks to decide, and this person's own projects that are late."""
    tasks: list[Task] = []
    if may(user, "milestone.verify"):
        claims = [claim for claim in projects.waiting(user) if not claim.mine]
        if claims:
            oldest = max(claim.days for claim in claims)
            tasks.append(
                Task(
                    verb=say("核验", "Verify"),
                    what=say("{n} 条申报", "{n} claims", n=len(claims)),
                    why=say("最久 {n} 天", "the oldest {n} days", n=oldest),
                    url=reverse("projects:verification"),
                    button=say("去核", "Verify"),
                    light="red" if oldest > 7 else "",
                    due="",
                )
            )
    if may(user, "opinion.give"):
        for opinion in projects.opinions_of(user).filter(state="asked")[:8]:
            level, words = projects.opinion_light(opinion)
            tasks.append(
                Task(
                    verb=say("给意见", "Give an opinion"),
                    what=opinion.project.name,
                    why=projects.opinion_word(opinion.kind),
                    url=opinion.get_absolute_url(),
                    button=say("看项目", "Look"),
                    light="" if level == "no" else level,
                    due=words,
                )
            )
    if may(user, "talks.decide"):
        tasks += [
            Task(
                verb=say("裁定首谈", "Decide"),
                what=talks.project.name,
                why=say(
                    "{o} 登记，与别的项目相近", "claimed by {o}; another project looks alike", o=talks.officer
                ),
                url=talks.project.get_absolute_url(),
                button=say("看两边", "Compare"),
            )
            for talks in projects.talks_to_decide()[:5]
        ]
    mine = Project.objects.filter(officer=user).filter(projects.burning("red") | projects.burning("yellow"))
    for project in mine.order_by("red_on", "pk")[:6]:
        shown = projects.light(project)
        tasks.append(
            Task(
                verb=say("推进", "Move on"),
                what=project.name,
                why=say("缺 {n} 件", "{n} missing", n=project.missing) if project.missing else "",
                url=project.get_absolute_url(),
                button=say("看缺什么", "See what is missing"),
                light=shown.level,
                due=shown.words,
            )
        )
    return tasks


def ledger_counts(user: User) -> list[tuple[str, int, str]]:
    """(words, how many, where the list is) of each room the person may see."""
    rooms: list[tuple[str, Any, str, str]] = [
        (say("协议", "Agreements"), Agreement, "deals:list", "agreement.view"),
        (say("项目", "Projects"), Project, "projects:list", "project.view"),
        (say("客商", "Organisations"), Organisation, "parties:list", "organisation.view"),
        (say("活动", "Events"), Event, "events:list", "event.view"),
        (say("载体", "Places"), Carrier, "sites:list", "site.view"),
        (say("政策", "Policies"), Policy, "policies:list", "policy.view"),
    ]
    return [
        (words, real(model.objects.all()).count(), reverse(url))
        for words, model, url, verb in rooms
        if may(user, verb)
    ]


def find(user: User, text: str, limit: int = 12) -> list[tuple[str, list[Any]]]:
    """(room in words, objects found) for a text, only in rooms the person may see."""
    rooms: list[tuple[str, str, Any]] = [
        (
            say("项目", "Projects"),
            "project.view",
            Project.objects.filter(Q(name__icontains=text) | Q(code__iexact=text)),
        ),
        (
            say("协议", "Agreements"),
            "agreement.view",
            Agreement.objects.filter(Q(name__icontains=text) | Q(parties__name__icontains=text)).distinct(),
        ),
        (
            say("客商", "Organisations"),
            "organisation.view",
            Organisation.objects.filter(
                Q(name__icontains=text) | Q(aliases__name__icontains=text) | Q(uscc=text.upper())
            ).distinct(),
        ),
        (say("载体", "Places"), "site.view", Carrier.objects.filter(name__icontains=text)),
        (say("活动", "Events"), "event.view", Event.objects.filter(name__icontains=text)),
        (say("政策", "Policies"), "policy.view", Policy.objects.filter(name__icontains=text)),
        (
            say("材料", "Materials"),
            "material.view",
            Material.objects.filter(Q(title__icontains=text) | Q(sha256__startswith=text.lower())),
        ),
    ]
    found = [(words, list(rows[:limit])) for words, verb, rows in rooms if may(user, verb)]
    return [(words, rows) for words, rows in found if rows]
