"""What people ask about organisations."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db.models import Count, F, Max, Q, QuerySet

from zhaoyin.base.errors import Refusal
from zhaoyin.desk.accounts.models import User
from zhaoyin.desk.deals.models import Commitment
from zhaoyin.desk.parties import register
from zhaoyin.desk.parties.models import Alias, Contact, Interaction, Judgement, Link, Organisation
from zhaoyin.desk.parties.twins import Twins, look_safely
from zhaoyin.desk.words import english, say
from zhaoyin.resolution import Register, Resolution, normalise

SHOWN = 3


def by_name(name: str) -> Organisation | None:
    """The organisation called so or also written so; None where none is, or where several are."""
    return by_names([name]).get(name)


def by_names(names: Iterable[str]) -> dict[str, Organisation]:
    """Each name that means exactly one organisation, by its own name first, then by alias."""
    wanted = set(names)
    found: dict[str, list[Organisation]] = {}
    for organisation in Organisation.objects.filter(name__in=wanted):
        found.setdefault(organisation.name, []).append(organisation)
    for alias in Alias.objects.filter(name__in=wanted - set(found)).select_related("organisation"):
        if alias.organisation not in found.setdefault(alias.name, []):
            found[alias.name].append(alias.organisation)
    return {name: members[0] for name, members in found.items() if len(members) == 1}


def contact_named(name: str, organisation: Organisation | None) -> Contact | None:
    return Contact.objects.filter(name=name, organisation=organisation).first()


@dataclass(frozen=True)
class Candidate:
    """An organisation a name may mean, with the reason in words and the probability (0 to 1)."""

    organisation: Organisation
    reason: str
    probability: float
    decision: str = "review"

    @property
    def percent(self) -> str:
        return f"{self.probability:.0%}"


def candidates_for(names: Iterable[str]) -> dict[str, list[Candidate]]:
    """Who each unknown name may mean, best first; names nobody resembles are left out.

    What a person has judged to be somebody else is not proposed again. A damaged register never stops a review: it is
    rebuilt from the ledger.
    """
    wanted = [name for name in dict.fromkeys(names) if name]
    if not wanted or not Organisation.objects.exists():
        return {}
    book = _register()
    language = "en" if english() else "zh"
    answers: dict[str, Resolution] = {name: book.resolve(name, limit=SHOWN + 2) for name in wanted}
    plausible = {name: found for name, found in answers.items() if found.decision != "new"}
    ids = {int(c.id) for found in plausible.values() for c in found}
    rows = Organisation.objects.select_related("owner").in_bulk(ids)
    refused = {
        (j.name, j.organisation_id)
        for j in Judgement.objects.filter(name__in=list(plausible), verdict=Judgement.Verdict.DIFFERENT)
    }
    out: dict[str, list[Candidate]] = {}
    for name, found in plausible.items():
        kept = [
            Candidate(rows[int(c.id)], c.why(language), c.probability, found.decision if first else "review")
            for first, c in ((k == 0, c) for k, c in enumerate(found))
            if int(c.id) in rows
            and (name, int(c.id)) not in refused
            and c.probability >= found.probability / 20
        ]
        if kept:
            out[name] = kept[:SHOWN]
    return out


def _register() -> Register:
    try:
        return register.register()
    except Refusal as broken:
        if broken.code not in {"register-damaged", "register-missing"}:
            raise
        register.forget()
        return register.register()


@dataclass(frozen=True)
class Near:
    """What a person typing a new organisation is told: the organisation itself, or only that it exists and who owns it."""

    organisation: Organisation
    reason: str
    open: bool


def may_see(user: User, organisation: Organisation) -> bool:
    """Whether the warning may name it: nobody owns it, or the owner sits in the person's department or below."""
    owner = organisation.owner
    if owner is None or owner.pk == user.pk or {"leader", "auditor", "head"} & set(user.roles):
        return True
    if owner.department is None or user.department is None:
        return False
    return owner.department.path.startswith(user.department.path)


def near(user: User, name: str, uscc: str = "", but: int | None = None) -> list[Near]:
    """Organisations that the name being typed may already mean."""
    found: dict[int, Near] = {}
    exact = Organisation.objects.select_related("owner__department").filter(
        Q(name=name) | Q(aliases__name=name) | (Q(uscc=uscc) if uscc else Q(pk=None))
    )
    for organisation in exact.distinct():
        same = (
            say("信用代码相同", "the same credit code")
            if uscc and organisation.uscc == uscc
            else say("名称相同", "the same name")
        )
        found[organisation.pk] = Near(organisation, same, may_see(user, organisation))
    if len(normalise(name)) >= 2:
        for candidate in candidates_for([name]).get(name, []):
            organisation = candidate.organisation
            found.setdefault(
                organisation.pk, Near(organisation, candidate.reason, may_see(user, organisation))
            )
    found.pop(but or 0, None)
    return list(found.values())[:SHOWN]


@dataclass(frozen=True)
class Pair:
    """Two records that may be one: what speaks for it, and their fields side by side."""

    left: Organisation
    right: Organisation
    reason: str
    probability: float
    rows: list[tuple[str, str, str, bool]] = field(default_factory=list)


def duplicates(limit: int = 50) -> tuple[list[Pair], Twins]:
    """Pairs of organisations that may be one, likeliest first, without those a person has judged or linked; and how
    far the search has come."""
    found = look_safely()
    settled = {
        frozenset((a, b))
        for a, b in Judgement.objects.exclude(other=None).values_list("organisation", "other")
    }
    settled |= {frozenset((a, b)) for a, b in Link.objects.values_list("organisation", "other")}
    open_pairs = ((pair, best) for pair, best in found.pairs().items() if pair not in settled)
    ranked = sorted(open_pairs, key=lambda item: (-item[1][1], sorted(item[0])))[: limit * 2]
    rows = _counted().in_bulk({pk for pair, _ in ranked for pk in pair})
    language = "en" if english() else "zh"
    out = []
    for pair, (_, probability, why) in ranked:
        left, right = sorted(pair)
        if pair <= set(rows) and _comparable(rows[left], rows[right]):
            out.append(_pair(rows[left], rows[right], why[language], probability))
    return out[:limit], found


def _comparable(left: Organisation, right: Organisation) -> bool:
    """A firm and an association alike in name are two; under the very same name one of the kinds may be wrong."""
    return left.kind == right.kind or normalise(left.name) == normalise(right.name)


def _counted() -> QuerySet[Organisation]:
    return Organisation.objects.annotate(
        n_agreements=Count("party_rows", distinct=True), n_projects=Count("investor_rows", distinct=True),
        n_contacts=Count("contacts", distinct=True), n_interactions=Count("interactions", distinct=True),
    ).prefetch_related("aliases")  # fmt: skip


def _pair(left: Organisation, right: Organisation, reason: str, probability: float) -> Pair:
    def cells(row: Organisation) -> list[str]:
        return [
            row.name, row.uscc or "", str(row.get_kind_display()), row.place, row.industry,
            "、".join(a.name for a in row.aliases.all()),
            *(str(getattr(row, name) or "") for name in ("n_agreements", "n_projects", "n_contacts", "n_interactions")),
        ]  # fmt: skip

    labels = [
        say("名称", "Name"), say("统一社会信用代码", "USCC"), say("类型", "Kind"), say("所在地", "Place"),
        say("行业", "Industry"), say("也写作", "Also written"), say("协议", "Agreements"), say("项目", "Projects"),
        say("联系人", "Contacts"), say("跟进", "Interactions"),
    ]  # fmt: skip
    table = [
        (label, a, b, bool(a) and bool(b) and a != b)
        for label, a, b in zip(labels, cells(left), cells(right), strict=True)
        if a or b
    ]
    return Pair(left, right, reason, probability, table)


def members(association: Organisation) -> QuerySet[Organisation]:
    """The members of an association as leads: who was spoken to last, and who has no project yet."""
    return (
        Organisation.objects.filter(links__other=association, links__kind=Link.Kind.MEMBER, links__until=None)
        .annotate(
            last_on=Max("interactions__on"), project_count=Count("investor_rows__project", distinct=True)
        )
        .select_related("owner")
        .order_by("project_count", F("last_on").asc(nulls_first=True), "name")
    )


def expiring(days: int = 30) -> QuerySet[Contact]:
    """Contacts whose keeping ends within so many days or has ended, and that still hold personal values."""
    return (
        Contact.objects.filter(expires_on__lte=dt.date.today() + dt.timedelta(days=days))
        .exclude(phone="", email="", wechat="")
        .order_by("expires_on")
    )


def to_follow_up(user: User) -> QuerySet[Interaction]:
    """Next steps this person has promised themselves, soonest first, where nothing was said since."""
    return (
        Interaction.objects.filter(by=user, next_on__isnull=False)
        .select_related("organisation")
        .order_by("next_on")
    )


def names_over_time(organisation: Organisation) -> list[Alias]:
    """All spellings, the dated ones first by when they ended."""
    rows = list(organisation.aliases.all())
    return sorted(rows, key=lambda a: (a.valid_to is None, a.valid_to or dt.date.max, a.name))


def by_kind(organisation: Organisation) -> dict[str, list[Link]]:
    """Links of the organisation, in and out, by what they are to it: group, subsidiaries, holdings, owners, members, memberships."""
    out: dict[str, list[Link]] = defaultdict(list)
    names = {
        Link.Kind.GROUP: ("group", "subsidiaries"),
        Link.Kind.HOLDS: ("holdings", "owners"),
        Link.Kind.MEMBER: ("memberships", "members"),
    }
    for link in organisation.links.select_related("other"):
        out[names[Link.Kind(link.kind)][0]].append(link)
    for link in organisation.linked_from.select_related("organisation"):
        out[names[Link.Kind(link.kind)][1]].append(link)
    return dict(out)


def commitments(organisation: Organisation) -> list[Commitment]:
    """Promises in the agreements and projects that the organisation is part of."""
    return list(
        Commitment.objects.filter(
            Q(agreement__party_rows__organisation=organisation)
            | Q(project__investor_rows__organisation=organisation)
        )
        .select_related("agreement", "project")
        .distinct()
    )
