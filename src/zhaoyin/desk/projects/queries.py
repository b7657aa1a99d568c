"""What people ask about projects: the board, what is late and why, what waits for verification, one project's page."""

from __future__ import annotations

import datetime as dt
import itertools
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.db.models import Count, Model, Q, QuerySet, Sum
from django.urls import reverse

from zhaoyin import lifecycle
from zhaoyin.base.dates import today
from zhaoyin.base.money import show_money
from zhaoyin.desk.deals.models import Agreement, Capital, Commitment
from zhaoyin.desk.evidence.models import AuditEntry, Mark
from zhaoyin.desk.evidence.queries import real
from zhaoyin.desk.parties.models import Organisation
from zhaoyin.desk.projects import rules as in_force
from zhaoyin.desk.projects.models import (
    Corridor,
    FirstTalks,
    GateFile,
    Investor,
    Member,
    Milestone,
    Opinion,
    PlanDate,
    Project,
)
from zhaoyin.desk.reports.models import Entry
from zhaoyin.desk.words import english, say

if TYPE_CHECKING:
    from zhaoyin.desk.accounts.models import User

CARDS = 6  # of a column of the board; the rest is a link to the table


def same_project(name: str, investors: list[Organisation]) -> Project | None:
    """A project of this name with one of these investors (or with none, when none is named)."""
    found = Project.objects.filter(name=name)
    if investors:
        return found.filter(investors__in=investors).first()
    return found.filter(investors=None).first()


def first_talks_rivals(project: Project, organisation: Organisation | None) -> list[Project]:
    """Open projects that may be the same investment: same investor, or the same name or company as said."""
    rows = Project.objects.filter(exit_code="").exclude(pk=project.pk)
    alike = [Q(name=project.name)]
    if project.company_as_said:
        alike.append(Q(company_as_said=project.company_as_said))
    investors = list(project.investors.values_list("pk", flat=True)) + (
        [organisation.pk] if organisation else []
    )
    if investors:
        alike.append(Q(investor_rows__organisation__in=investors))
    # each likeness by its own index: PostgreSQL would read every project for the three in one condition
    found: set[int] = set()
    for one in alike:
        found |= set(rows.filter(one).order_by("id").values_list("pk", flat=True)[:10])
    first = sorted(found)[:10]
    return list(rows.filter(pk__in=first).select_related("officer", "department").order_by("id"))


# --- lights, from the dates derive() stored


@dataclass(frozen=True)
class Shown:
    """A light as a card or a row shows it."""

    level: str  # red | yellow | hold | ok
    words: str
    who: str


def light(project: Project, day: dt.date | None = None) -> Shown:
    """The worst light of a project by comparing its stored dates with today; nothing is stored but dates."""
    day = day or today()
    if project.exit_code:
        return Shown(
            "no", str(in_force.rules().exits[project.exit_code].text("en" if english() else "zh")), ""
        )
    if project.paused_from and project.paused_until and day <= project.paused_until:
        return Shown("hold", say("暂缓到 {d}", "on hold until {d}", d=project.paused_until), "")
    level = (
        "red"
        if project.red_on and project.red_on <= day
        else "yellow"
        if project.yellow_on and project.yellow_on <= day
        else "ok"
    )
    if level == "ok" or not project.due_rule:
        return Shown(level, "", "")
    book = in_force.rules()
    language = "en" if english() else "zh"
    who = book.roles[project.due_who].text(language) if project.due_who else ""
    over = (day - project.next_due_on).days if project.next_due_on else 0
    rule = book.lights[project.due_rule].text(language)
    if over > 0:
        return Shown(level, say("{r} 超 {n} 天", "{r}: {n} days over", r=rule, n=over), who)
    if over == 0:
        return Shown(level, say("{r} 今天到期", "{r}: due today", r=rule), who)
    return Shown(level, say("{r} 剩 {n} 天", "{r}: {n} days left", r=rule, n=-over), who)


def burning(level: str, day: dt.date | None = None) -> Q:
    """Projects whose light is red, yellow or hold today."""
    day = day or today()
    held = Q(paused_until__gte=day)
    if level == "hold":
        return Q(exit_code="") & held
    red = Q(exit_code="", red_on__lte=day)
    if level == "red":
        return red & ~held_q(day)
    return Q(exit_code="", yellow_on__lte=day) & (Q(red_on=None) | Q(red_on__gt=day)) & ~held_q(day)


def held_q(day: dt.date) -> Q:
    return Q(paused_until__isnull=False) & Q(paused_until__gte=day)


def scope(rows: QuerySet[Project], user: User, whose: str) -> QuerySet[Project]:
    """mine: where I am the officer; department: my department's and those below it."""
    if whose == "mine":
        return rows.filter(officer=user)
    if whose == "department" and user.department:
        return rows.filter(department__path__startswith=user.department.path)
    return rows


@dataclass
class Column:
    """One stage on the board."""

    stage: lifecycle.Word
    count: int
    contracted_fen: int  # of those that count
    left_out: int  # how many count in no figure
    cards: list[Project]
    ghosts: list[Milestone]


def board(user: User, *, whose: str = "", place: str = "", event: str = "") -> dict[str, Any]:
    """Every stage with its count, sum and most urgent cards; claims stand as ghosts in the stage they ask for."""
    day = today()
    rows = scope(real(Project.objects.filter(exit_code="")), user, whose)
    if place.isdigit():
        rows = rows.filter(place=int(place))
    if event.isdigit():
        rows = rows.filter(agreements__event=int(event)).distinct()
    levels = {level: Count("id", filter=burning(level, day)) for level in ("red", "yellow", "hold")}
    counted: dict[str, dict[str, Any]] = {
        row["stage"]: dict(row)
        for row in rows.order_by()
        .values("stage")
        .annotate(
            n=Count("id"),
            fen=Sum("contracted_fen", filter=Q(left_out="")),
            out=Count("id", filter=~Q(left_out="")),
            **levels,
        )
    }
    ghosts: dict[str, list[Milestone]] = defaultdict(list)
    book = in_force.rules()
    claimed = Milestone.objects.filter(mark=Mark.CLAIMED, project__exit_code="").exclude(kind="lead")
    if whose or place or event:
        claimed = claimed.filter(project__in=rows.values("pk"))
    for m in claimed.select_related("project").order_by("recorded_on")[:200]:
        stage = book.gates[m.kind].stage
        if len(ghosts[stage]) < CARDS:
            ghosts[stage].append(m)
    columns = []
    for word in book.stages.values():
        row = counted.get(word.code, {})
        n, fen = row.get("n", 0), row.get("fen") or 0
        cards: list[Project] = []
        if n:
            cards = list(
                rows.filter(stage=word.code)
                .select_related("place", "local_party")
                .only(*CARD_FIELDS)
                .order_by("red_on", "id")[:CARDS]
            )
        columns.append(Column(word, n, fen, row.get("out", 0), cards, ghosts[word.code]))
    everything = [p for c in columns for p in c.cards]
    for p in everything:
        p.shown = light(p, day)  # type: ignore[attr-defined]
        p.where = p.place.name if p.place else p.place_text or (p.local_party.name if p.local_party else "")  # type: ignore[attr-defined]
    _investor_names(everything)
    total = sum(c.count for c in columns)
    lights = {level: sum(row[level] for row in counted.values()) for level in levels}
    return {"columns": columns, "total": total, "lights": lights}


CARD_FIELDS = (
    "name", "code", "stage", "exit_code", "contracted_fen", "left_out", "red_on", "yellow_on", "next_due_on", "due_rule", "due_who",
    "missing", "paused_from", "paused_until", "place_text", "place__name", "local_party__name", "company_as_said", "version",
)  # fmt: skip


def _investor_names(projects: list[Project]) -> None:
    names: dict[int, list[str]] = defaultdict(list)
    links = Investor.objects.filter(project__in=[p.pk for p in projects])
    for project, name in links.values_list("project", "organisation__name"):
        names[project].append(name)
    for p in projects:
        p.investor_names = names[p.pk]  # type: ignore[attr-defined]


def late(user: User, whose: str = "") -> dict[str, Any]:
    """What is late and why: how many by rule and by who acts next, the worst first."""
    day = today()
    rows = scope(real(Project.objects.filter(burning("red", day) | burning("yellow", day))), user, whose)
    by_rule = rows.order_by().values_list("due_rule", "due_who").annotate(n=Count("id")).order_by("-n")
    book, language = in_force.rules(), "en" if english() else "zh"
    groups = [
        {
            "rule": rule,
            "words": book.lights[rule].text(language) if rule in book.lights else rule,
            "who": book.roles[who].text(language) if who in book.roles else "",
            "n": n,
        }
        for rule, who, n in by_rule
    ]
    return {"groups": groups, "rows": rows}


# --- verification


@dataclass
class Claim:
    """Something that waits for a verifier: a milestone, a payment, a paper, a promise said to be kept."""

    model: str
    pk: int
    row: Any
    project: Project | None
    title: str
    who: str
    days: int
    mine: bool  # on my team or my own claim: somebody else verifies it

    @property
    def key(self) -> str:
        return f"{self.model}-{self.pk}"


def waiting(user: User, limit: int = 60) -> list[Claim]:
    """The oldest claims of each kind this person's roles verify, oldest first; those of their own team are marked."""
    day = today()
    book = in_force.rules()
    kinds = [code for code, gate in book.gates.items() if set(gate.verifies) & set(user.roles)]
    mine = set(Member.objects.filter(user=user).values_list("project", flat=True))
    mine |= set(Project.objects.filter(officer=user).values_list("pk", flat=True))
    language = "en" if english() else "zh"
    found: list[Claim] = []

    def add(model: str, row: Any, project: Project | None, title: str) -> None:
        by = row.recorded_by
        days = (day - getattr(row, "recorded_on", row.created_at.date())).days
        own = (project is not None and project.pk in mine) or (by is not None and by.pk == user.pk)
        found.append(Claim(model, row.pk, row, project, title, by.name if by else "", days, own))

    rows = Milestone.objects.filter(mark=Mark.CLAIMED, kind__in=kinds).select_related(
        "project", "recorded_by"
    )
    for m in rows.order_by("recorded_on", "id")[:limit]:
        add("milestone", m, m.project, book.gates[m.kind].text(language))
    if "verifier" in user.roles:
        money = Capital.objects.filter(mark=Mark.CLAIMED).select_related("project", "recorded_by")
        for c in money.order_by("recorded_on", "id")[:limit]:
            add("capital", c, c.project, say("到位资金", "Capital in place"))
        papers = (
            Agreement.objects.filter(mark=Mark.CLAIMED, projects__cohort__gt=0)
            .exclude(kind__in=[Agreement.Kind.FRAMEWORK, Agreement.Kind.INTENT, Agreement.Kind.UNSTATED])
            .select_related("recorded_by")
            .prefetch_related("projects")
            .distinct()
        )
        for a in papers.order_by("id")[:limit]:
            add("agreement", a, next(iter(a.projects.all()), None), a.get_kind_display())
        kept = (
            Commitment.objects.filter(state="open")
            .exclude(settled_on=None)
            .select_related("project", "recorded_by")
        )
        for p in kept.order_by("id")[:limit]:
            add("commitment", p, p.project, say("承诺兑现", "Promise kept"))
    found.sort(key=lambda claim: (-claim.days, claim.model, claim.pk))
    return found


@dataclass(frozen=True)
class Exhibit:
    """A file beside a claim: its name and hash, where it opens, and whether it can be looked at in place."""

    title: str
    sha256: str
    url: str = ""
    see: str = ""  # image, pdf, or nothing


def exhibit(title: str, sha256: str, material: Any) -> Exhibit:
    if material is None:
        return Exhibit(title, sha256)
    end = material.file_name.rsplit(".", 1)[-1].lower()
    see = "pdf" if end == "pdf" else "image" if end in {"jpg", "jpeg", "png", "webp"} else ""
    url = (
        reverse("materials:inline", args=[material.pk])
        if see
        else reverse("materials:original", args=[material.pk])
    )
    return Exhibit(title, sha256, url, see)


def evidence_of(project: Project, gate: str) -> list[GateFile]:
    return list(GateFile.objects.filter(project=project, gate=gate).select_related("material", "added_by"))


# --- opinions of departments


def opinions(project: Project) -> QuerySet[Opinion]:
    return project.opinions.select_related("department", "answered_by", "material").order_by("id")


def opinions_of(user: User) -> QuerySet[Opinion]:
    """What was asked of a department's people; everybody else sees all."""
    rows = Opinion.objects.select_related("project", "department").order_by("due_on", "id")
    if set(user.roles) == {"department"} and user.department:
        above = [int(n) for n in user.department.path.strip("/").split("/")]
        rows = rows.filter(department__in=above)
    return rows


def opinion_word(kind: str) -> str:
    for gate in in_force.rules().gates.values():
        for need in gate.evidence:
            if need.code == kind:
                return need.text("en" if english() else "zh")
    return kind


def opinion_light(row: Opinion, day: dt.date | None = None) -> tuple[str, str]:
    """(light, words) of one department's clock: late in red, its last day in yellow, an answer in its own word."""
    if row.state != Opinion.State.ASKED:
        level = {"agreed": "ok", "conditional": "yellow", "objected": "red"}[row.state]
        return level, str(row.get_state_display())
    left = (row.due_on - (day or today())).days
    if left < 0:
        return "red", say("超 {n} 天", "{n} days over", n=-left)
    if left <= 1:
        return "yellow", say("今天到期", "due today") if left == 0 else say("还剩 1 天", "1 day left")
    return "no", say("还剩 {n} 天", "{n} days left", n=left)


# --- what was verified: corrections, and what can be taken back


def corrections(project: Project) -> list[dict[str, Any]]:
    """Corrections of a project in words, newest first."""
    found = []
    for row in project.corrections.select_related("made_by")[:20]:
        label, _, pk = row.subject.partition(":")
        model = apps.get_model(label)
        column = model._meta.get_field(row.field)
        what = str(getattr(column, "verbose_name", row.field))
        before, after = row.before, row.after
        if row.field.endswith("_fen"):
            before, after = ("".join(show_money(int(n))) if n else "" for n in (before, after))
        if label != "projects.profile":
            what = f"{model._default_manager.filter(pk=int(pk)).first() or ''} {what}".removeprefix(
                f"{project} "
            )
        month = lifecycle.Month.of(row.period) if row.period else None
        found.append({"row": row, "what": what, "before": before, "after": after, "month": month})
    return found


def undoable(project: Project, user: User) -> list[dict[str, Any]]:
    """Verifications of a project whose month is open, the latest first, as far as this person's roles verify them."""
    book, language = in_force.rules(), "en" if english() else "zh"
    found: list[dict[str, Any]] = [
        {"key": f"milestone-{m.pk}", "words": book.gates[m.kind].text(language), "row": m, "on": m.fact_on}
        for m in project.milestones.filter(mark=Mark.VERIFIED).order_by("-fact_on", "-id")
        if set(book.gates[m.kind].verifies) & set(user.roles)
    ]
    if "verifier" in user.roles:
        found += [
            {
                "key": f"capital-{c.pk}",
                "words": f"{say('到位资金', 'Capital in place')} {c.payer}",
                "row": c,
                "on": c.received_on,
            }
            for c in project.capital_rows.filter(mark=Mark.VERIFIED).order_by("-received_on", "-id")
        ]
        found += [
            {"key": f"agreement-{a.pk}", "words": str(a), "row": a, "on": a.signed_on}
            for a in project.agreements.filter(mark=Mark.VERIFIED).exclude(kind=Agreement.Kind.CONTRACT)
        ]
    return found


# --- corridors


def corridors() -> QuerySet[Corridor]:
    return Corridor.objects.select_related("enclave").annotate(n=Count("projects"))


def splits_in_force(corridor: Corridor, day: dt.date) -> set[int]:
    """The split of each measure that holds on a day."""
    held: dict[str, int] = {}
    for row in corridor.splits.filter(from_on__lte=day).order_by("from_on"):
        held[row.measure] = row.pk
    return set(held.values())


def corridor_books(corridor: Corridor) -> dict[str, Any]:
    """What every project of a corridor counts in all, elsewhere and here, in fen."""
    from zhaoyin.desk.reports import queries as books

    sums: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    accounts = Entry.objects.filter(project__corridor=corridor).order_by().values_list("project", "account")
    for project, account, n in accounts.annotate(n=Sum("quantity")):
        if not account.startswith(books.LEFT_OUT):
            sums[project][books.bare(account)] += n
    rows, totals = [], dict.fromkeys(("contracted", "contracted_own", "capital", "capital_own"), 0)
    for p in corridor.projects.select_related("place").order_by("-contracted_fen", "id"):
        held = sums[p.pk]
        one = {
            "contracted": held["contracted"], "contracted_own": held["contracted"] - held["contracted_away"],
            "capital": held["capital"], "capital_own": held["capital"] - held["capital_away"],
        }  # fmt: skip
        for name, fen in one.items():
            totals[name] += fen
        rows.append({"project": p, **one})
    return {"rows": rows, "totals": totals}


# --- one project


def track(project: Project) -> list[dict[str, Any]]:
    """Every milestone of the project's track: its three dates, mark, plan and forecast, as the page draws it."""
    book, language = in_force.rules(), "en" if english() else "zh"
    rows: dict[str, Milestone] = {}
    order = list(Mark.values)
    for m in project.milestones.select_related("verified_by", "recorded_by"):
        if m.kind not in rows or order.index(m.mark) >= order.index(rows[m.kind].mark):
            rows[m.kind] = m
    plans = {p.kind: p for p in PlanDate.objects.filter(project=project)}
    done = set(
        lifecycle.reached(
            [lifecycle.Milestone(m.kind, m.mark) for m in rows.values()],
            project.track or in_force.DEFAULT_TRACK,
            book,
        )
    )
    corrected = in_force.corrected_dates([project.pk])
    steps: list[dict[str, Any]] = []
    for code in book.tracks[project.track or in_force.DEFAULT_TRACK].milestones:
        found, p = rows.get(code), plans.get(code)
        known = (p.forecast_on or p.planned_on) if p else None
        steps.append(
            {
                "code": code,
                "word": book.gates[code].text(language),
                "milestone": found,
                "mark": found.mark if found else "none",
                "corrected": corrected.get(found.pk) if found else None,
                "plan": p,
                "done": code in done,
                "line": "next",
                "late": (known - p.baseline_on).days if p and known and p.baseline_on else 0,
            }
        )
    for here, following in itertools.pairwise(steps):
        here["line"] = "done" if here["done"] and following["done"] else "next"
        if here["line"] == "done" and here["mark"] == following["mark"] == "locked":
            here["line"] = "locked"
    reached_codes = [s for s in steps if s["done"]]
    if reached_codes:
        reached_codes[-1]["here"] = True
    return steps


def money(project: Project) -> dict[str, Any]:
    """Capital by mark against the contract, for the proof bar. What counts is what is booked, corrections included."""
    held: dict[str, int] = defaultdict(int)
    for mark, fen in (
        Capital.objects.filter(project=project).order_by().values_list("mark").annotate(n=Sum("cny_fen"))
    ):
        held[mark] = fen or 0
    counted = project.capital_fen
    left = max(project.contracted_fen - counted - held["claimed"], 0)
    ratio = None
    if project.contracted_fen:
        ratio = f"{counted * 100 / project.contracted_fen:.1f}"
    return {
        "locked": held["locked"], "verified": max(counted - held["locked"], 0), "claimed": held["claimed"], "left": left,
        "counted": counted, "ratio": ratio, "corrected": counted - held["verified"] - held["locked"],
    }  # fmt: skip


def history(project: Project, limit: int = 200) -> QuerySet[AuditEntry]:
    """Everything that was done to a project and to whatever belongs to it, newest first.

    Every relation that points to a project is followed, so that a new kind of row shows here without being listed.
    """
    condition = Q(content_type=ContentType.objects.get_for_model(Project), object_id=project.pk)
    for relation in Project._meta.related_objects:
        model = relation.related_model
        if isinstance(model, str) or model in OUTSIDE_HISTORY or relation.many_to_many:
            continue
        ids = list(
            model._default_manager.filter(**{relation.field.name: project.pk}).values_list("pk", flat=True)[
                :500
            ]
        )
        if ids:
            condition |= Q(content_type=ContentType.objects.get_for_model(model), object_id__in=ids)
    papers = list(project.agreements.values_list("pk", flat=True))
    if papers:
        condition |= Q(content_type=ContentType.objects.get_for_model(Agreement), object_id__in=papers)
    return AuditEntry.objects.filter(condition).order_by("-id")[:limit]


# the books are append-only and say themselves who booked what; an episode is a project with a history of its own
OUTSIDE_HISTORY: tuple[type[Model], ...] = (Entry, Project)


def talks_to_decide() -> QuerySet[FirstTalks]:
    return FirstTalks.objects.filter(state="claimed").select_related("project", "officer", "organisation")
