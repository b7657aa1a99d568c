"""Who opens the door to a firm: what the ledger holds between it and this region. Asked by the shortlists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.contrib.contenttypes.models import ContentType
from django.db.models import Q

from zhaoyin.base.dates import today
from zhaoyin.desk.deals.models import Party
from zhaoyin.desk.evidence.models import Provenance
from zhaoyin.desk.parties.models import Alias, Interaction, Link, Organisation
from zhaoyin.desk.parties.queries import by_names
from zhaoyin.desk.projects.models import Investor

# how wide a door stands open (0 to 1): judgements, not findings
PROJECT, SHARES, GROUP, SIGNED, MET, MEMBER, NAMED = 1.0, 1.0, 0.9, 0.9, 0.8, 0.6, 0.5


@dataclass(frozen=True)
class Door:
    """``zh``, ``en``: what stands between firm and region; ``group``: the enterprise group it belongs to, "" unknown."""

    organisation: int
    strength: float | None = None
    zh: str = ""
    en: str = ""
    group: str = ""


def doors(firms: Mapping[str, str], adcode: str, homes: Iterable[str]) -> dict[str, Door]:
    """Credit code → door, for (credit code → name) of firms the ledger knows. The widest door is named.

    ``adcode``: code of the region; ``homes``: names of its places, by which an organisation is local. A firm the ledger
    knows without any tie has a Door without strength; one it does not know is left out: both ties are unknown, not none.
    """
    by_code = {o.uscc: o for o in Organisation.objects.filter(uscc__in=list(firms))}
    named = by_names(set(firms.values()))
    known = {code: o for code, name in firms.items() if (o := by_code.get(code) or named.get(name))}
    if not known:
        return {}
    ids = {o.pk for o in known.values()}
    ledger = _Ledger(ids, adcode, tuple(homes))
    return {code: ledger.door(o) for code, o in known.items()}


class _Ledger:
    """Everything the ledger holds about some organisations, in a handful of queries."""

    def __init__(self, ids: set[int], adcode: str, homes: tuple[str, ...]) -> None:
        self.adcode, self.homes = adcode, homes
        self.found: dict[int, list[tuple[float, str, str]]] = {}
        self.group: dict[int, str] = {}
        self._links(ids)
        self._projects(ids)
        self._agreements(ids)
        self._met(ids)
        self._named(ids)

    def local(self, o: Organisation) -> bool:
        return (o.uscc or "")[2:8] == self.adcode or any(home in o.place for home in self.homes if home)

    def add(self, who: int, strength: float, zh: str, en: str) -> None:
        self.found.setdefault(who, []).append((strength, zh, en))

    def door(self, o: Organisation) -> Door:
        group = self.group.get(o.pk, "")
        best = max(self.found.get(o.pk, []), key=lambda f: f[0], default=None)
        return Door(o.pk, *best, group=group) if best else Door(o.pk, group=group)

    def _links(self, ids: set[int]) -> None:
        now = Q(until=None) | Q(until__gte=today())
        direct = list(
            Link.objects.filter(now, Q(organisation__in=ids) | Q(other__in=ids)).select_related(
                "organisation", "other"
            )
        )
        for link in direct:
            for one, two in ((link.organisation, link.other), (link.other, link.organisation)):
                if one.pk not in ids:
                    continue
                share = f" {float(link.share_percent):g}%" if link.share_percent is not None else ""
                if link.kind == Link.Kind.HOLDS and self.local(two):
                    self.add(
                        one.pk, SHARES, f"与本地{two}有股权关系{share}", f"shares with {two}, here{share}"
                    )
                elif link.kind == Link.Kind.GROUP and self.local(two):
                    self.add(one.pk, GROUP, f"与本地{two}同属一个集团", f"the same group as {two}, here")
                elif link.kind == Link.Kind.MEMBER and one.pk == link.organisation_id:  # type: ignore[attr-defined]
                    self.add(one.pk, MEMBER, f"是{two}会员", f"a member of {two}")
        heads = {link.organisation_id: link.other for link in direct if link.kind == Link.Kind.GROUP}  # type: ignore[attr-defined]
        sisters = Link.objects.filter(now, kind=Link.Kind.GROUP, other__in=[h.pk for h in heads.values()])
        by_head: dict[int, list[Organisation]] = {}
        for link in sisters.select_related("organisation"):
            by_head.setdefault(link.other_id, []).append(link.organisation)  # type: ignore[attr-defined]
        for who in ids:
            head = heads.get(who)
            if head is None:
                self.group[who] = str(who) if any(h.pk == who for h in heads.values()) else ""
                continue
            self.group[who] = str(head.pk)
            for sister in by_head.get(head.pk, []):
                if sister.pk != who and self.local(sister):
                    self.add(who, GROUP, f"与本地{sister}同属{head}", f"in {head}, as is {sister} here")

    def _projects(self, ids: set[int]) -> None:
        rows = Investor.objects.filter(organisation__in=ids, project__exit_code="").select_related("project")
        for row in rows.exclude(project__approaches__isnull=False):  # our own leads are no tie
            stage = row.project.get_stage_display()
            self.add(
                row.organisation_id,  # type: ignore[attr-defined]
                PROJECT,
                f"在本地已有项目“{row.project}”（{stage}）",
                f"has the project “{row.project}” here ({stage})",
            )

    def _agreements(self, ids: set[int]) -> None:
        rows = Party.objects.filter(organisation__in=ids, side=Party.Side.INVESTOR)
        for row in rows.select_related("agreement"):
            self.add(
                row.organisation_id,  # type: ignore[attr-defined]
                SIGNED,
                f"台账里有协议“{row.agreement}”",
                f"the ledger holds the agreement “{row.agreement}”",
            )

    def _met(self, ids: set[int]) -> None:
        seen: set[int] = set()
        for row in Interaction.objects.filter(organisation__in=ids).order_by("-on", "-id"):
            who = row.organisation_id  # type: ignore[attr-defined]
            if who not in seen:
                seen.add(who)
                how = f"{row.on:%F} {row.get_kind_display()}"
                self.add(who, MET, f"最近一次往来：{how}", f"last in touch: {how}")

    def _named(self, ids: set[int]) -> None:
        """Named beside a local organisation in one material."""
        kinds = {ContentType.objects.get_for_model(m): m for m in (Organisation, Alias)}
        owner = dict(Alias.objects.values_list("pk", "organisation_id"))
        alias = ContentType.objects.get_for_model(Alias).pk
        where: dict[int, dict[int, str]] = {}
        rows = Provenance.objects.filter(content_type__in=kinds, material__isnull=False)
        for kind, pk, material, title in rows.values_list(
            "content_type", "object_id", "material", "material__title"
        ):
            who = owner.get(pk) if kind == alias else pk
            if who is not None:
                where.setdefault(material, {})[who] = title
        together = {m: people for m, people in where.items() if ids & set(people)}
        others = Organisation.objects.in_bulk({w for people in together.values() for w in people})
        for people in together.values():
            here = [o for w in people if (o := others.get(w)) and self.local(o)]
            for who in ids & set(people):
                beside = next((o for o in here if o.pk != who), None)
                if beside:
                    title = people[who]
                    self.add(
                        who,
                        NAMED,
                        f"与{beside}同见于材料“{title}”",
                        f"named beside {beside} in the material “{title}”",
                    )
