"""How an accepted fact enters the ledger: one function per kind, each through the rooms' own actions.

A fact that names what the ledger already has adds its proof to it; nothing is made twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.db import models

from zhaoyin import reading
from zhaoyin.base.money import to_fen
from zhaoyin.desk.accounts.models import User
from zhaoyin.desk.deals import actions as deals
from zhaoyin.desk.deals import queries as deals_queries
from zhaoyin.desk.deals.models import Agreement
from zhaoyin.desk.events import actions as events
from zhaoyin.desk.events import queries as events_queries
from zhaoyin.desk.events.models import Event
from zhaoyin.desk.evidence.actions import Source, prove
from zhaoyin.desk.evidence.models import Mark, Provenance
from zhaoyin.desk.materials.models import Fact, MaterialText
from zhaoyin.desk.parties import actions as parties
from zhaoyin.desk.parties import queries as parties_queries
from zhaoyin.desk.parties.models import Alias, Organisation
from zhaoyin.desk.policies import actions as policies
from zhaoyin.desk.policies import queries as policies_queries
from zhaoyin.desk.policies.models import Policy
from zhaoyin.desk.projects import actions as projects
from zhaoyin.desk.projects import queries as projects_queries
from zhaoyin.desk.projects.models import Project
from zhaoyin.desk.sites import actions as sites
from zhaoyin.desk.sites import queries as sites_queries
from zhaoyin.desk.sites.models import Carrier

# what a reading calls the agreement → the ledger's kind; "other" is a memorandum, a research or a talent deal
AGREEMENT_KINDS = {
    "strategic": Agreement.Kind.FRAMEWORK,
    "project": Agreement.Kind.CONTRACT,
    "other": Agreement.Kind.INTENT,
}
# what a reading says of the project → the milestone that is thereby reported
REPORTED = {
    "negotiating": Project.Stage.TALKS,
    "signed": Project.Stage.SIGNED,
    "construction": Project.Stage.STARTED,
    "production": Project.Stage.PRODUCING,
}
# by the name's ending, first match wins
ORGANISATION_KINDS: tuple[tuple[str, str], ...] = (
    (r"(协会|商会|学会|联合会|促进会|联盟)$", Organisation.Kind.ASSOCIATION),
    (r"(大学|学院|学校|职校)$", Organisation.Kind.SCHOOL),
    (r"(研究院|研究所|研究中心|实验室|医院|设计院)$", Organisation.Kind.INSTITUTE),
    (r"(公司|集团|银行|厂|店|企业|合作社|银楼|矿业)$", Organisation.Kind.COMPANY),
    (
        r"(政府|委员会|管委会|党委|局|厅|部|办事处|街道|招商中心|开发区|法院|检察院|[市县区镇乡])$",
        Organisation.Kind.GOVERNMENT,
    ),
)


def organisation_kind(name: str) -> str:
    return next(
        (kind for ending, kind in ORGANISATION_KINDS if re.search(ending, name)), Organisation.Kind.COMPANY
    )


def accept(actor: User, fact: Fact) -> models.Model | None:
    """Bring the fact's values into the ledger; the object they now belong to."""
    return ENTER[Fact.Kind(fact.kind)](actor, fact, dict(fact.values), _places(fact))


def _places(fact: Fact) -> Callable[..., Callable[[str], Source]]:
    """A maker of source functions: ``names`` maps a ledger field to the fact's field where they differ."""
    text = (
        MaterialText.objects.filter(material_id=fact.material_id).values_list("source", flat=True).first()
        or ""
    )

    def make(**names: str) -> Callable[[str], Source]:
        def source(field: str) -> Source:
            key = names.get(field, field)
            spans = fact.spans.get(key) or fact.spans[""]
            start, end = spans[0]
            note = ""
            if fact.corrected is not None and fact.corrected.get(key) != fact.data.get(key):
                note = f"更正：原文读作“{fact.data.get(key) or '未载明'}”"
            locator = dict(fact.locator) if key == "" or key not in fact.spans else {}
            kind = Provenance.Locator.CHARACTERS
            if fact.locator.get("kind") == "cell":
                kind, locator = Provenance.Locator.CELL, dict(fact.locator)
            elif fact.locator.get("kind") == "page":
                kind, locator = Provenance.Locator.PAGE_BOX, dict(fact.locator)
            locator |= {"start": start, "end": end}
            return Source(
                kind=kind, material=fact.material, locator=locator, quote=text[start:end][:500], note=note
            )

        return source

    return make


def _organisation(actor: User, name: str, source: Any) -> Organisation:
    """The organisation of this name, made when the ledger has none."""
    found = parties_queries.by_name(name)
    if found:
        return found
    return parties.save_organisation(
        actor, name=name, kind=organisation_kind(name), mark=Mark.SAID, source=source
    )


def _event(actor: User, fact: Fact, values: dict[str, Any], places: Any) -> models.Model:
    source = places(
        date_text="date",
        signed_amount_fen="signed_amount_wan",
        signed_amount_text="signed_amount_wan",
        held_on="date",
    )
    given = {
        "kind": values.get("kind", Event.Kind.OTHER),
        "date_text": values.get("date") or "",
        "venue": values.get("venue") or "",
        "attendees": values.get("attendees"),
        "signed_count": values.get("signed_count"),
        "signed_amount_fen": _fen(values.get("signed_amount_wan")),
        "signed_amount_text": values.get("signed_amount_text") or "",
        "series": events_queries.series_by_name(str(values["name"])),
    }
    if re.fullmatch(r"\d{4}-\d\d-\d\d", given["date_text"]):
        given["held_on"] = given["date_text"]
    given = {name: value for name, value in given.items() if value not in (None, "")}
    event = events_queries.same_event(str(values["name"]), given.get("date_text", ""))
    if event:
        new = {name: value for name, value in given.items() if getattr(event, name) in (None, "")}
        events.save_event(actor, event, mark=Mark.SAID, source=source, **new)
        prove(actor, event, {"name": values["name"]}, Mark.SAID, source)
    else:
        event = events.save_event(actor, name=str(values["name"]), mark=Mark.SAID, source=source, **given)
    # signings accepted before their event belong to it too
    if _announces(values):
        for other in fact.material.facts.filter(kind=Fact.Kind.DEAL).exclude(object_id=None):
            if isinstance(other.target, Agreement):
                deals.attach_event(actor, other.target, event)
    return event


def _announces(values: dict[str, Any]) -> bool:
    return bool(values.get("signed_count")) or values.get("kind") in {
        Event.Kind.PROMOTION,
        Event.Kind.SIGNING,
    }


def _conference(fact: Fact) -> Event | None:
    """The event of the same material at which its signings were announced, once it is in the ledger."""
    accepted = fact.material.facts.filter(kind=Fact.Kind.EVENT).exclude(object_id=None)
    found = [other for other in accepted if _announces(dict(other.values))]
    found.sort(key=lambda other: not other.values.get("signed_count"))
    return found[0].target if found else None  # type: ignore[return-value]


def _deal(actor: User, fact: Fact, values: dict[str, Any], places: Any) -> models.Model:
    source = places(
        amount_fen="amount_wan",
        place_text="place",
        signed_text="",
        event="",
        kind="agreement",
        company_as_said="investors",
    )
    stage = values.get("stage", "other")
    event = _conference(fact) if stage == "signed" else None
    name = str(values["name"])
    local = (
        [_organisation(actor, str(values["local_party"]), places(name="local_party"))]
        if values.get("local_party")
        else []
    )
    investors = [
        _organisation(actor, str(one), places(name="investors")) for one in values.get("investors") or []
    ]
    place = sites_queries.by_name(str(values.get("place") or ""))
    common: dict[str, Any] = {"place": place, "place_text": values.get("place") or ""}
    signed = stage == "signed" or values.get("agreement")
    kind = AGREEMENT_KINDS.get(str(values.get("agreement")), Agreement.Kind.UNSTATED)
    existing = None
    if signed:
        existing = deals_queries.same_agreement(name, kind, event, {o.pk for o in [*local, *investors]})
        if existing:
            prove(actor, existing, {"name": name}, Mark.SAID, source)
    project = None
    if kind != Agreement.Kind.FRAMEWORK and existing is None:
        project = projects_queries.same_project(name, investors)
        if project is None:
            project = projects.create_project(
                actor,
                name=name,
                investors=investors,
                local_party=local[0] if local else None,
                sector=values.get("sector") or "",
                came_from=fact.material.title[:120],
                reported_on=fact.material.created_at.date(),
                company_as_said="、".join(map(str, values.get("investors") or []))[:200],
                source=source,
                mark=Mark.SAID,
                **common,
            )
        milestone = REPORTED.get(str(stage))
        if milestone and not project.milestones.filter(kind=milestone).exists():
            projects.note_reported(
                actor,
                project,
                kind=milestone,
                fact_on=event.held_on if event else None,
                fact_text=event.date_text if event else "",
                source=source(""),
            )
    if existing:
        return existing
    if not signed:
        assert project is not None
        return project
    return deals.create_agreement(
        actor,
        name=name,
        kind=kind,
        local=local,
        investors=investors,
        projects=[project] if project else [],
        mark=Mark.SAID,
        source=source,
        event=event,
        signed_on=event.held_on if event else None,
        signed_text=event.date_text if event else "",
        amount_fen=_fen(values.get("amount_wan")),
        amount_text=values.get("amount_text") or "",
        **common,
    )


def _fen(wan: Any) -> int | None:
    return None if wan in (None, "") else to_fen(str(wan), "万元")


def _organisation_fact(actor: User, fact: Fact, values: dict[str, Any], places: Any) -> models.Model:
    name = str(values["name"])
    found = parties_queries.by_name(name)
    if found:
        if found.name == name:
            prove(actor, found, {"name": name}, Mark.SAID, places())
        else:
            prove(actor, parties.add_alias(actor, found, name=name), {"name": name}, Mark.SAID, places())
    else:
        found = _organisation(actor, name, places())
    as_read = str(fact.data.get("name") or "")
    if (
        fact.corrected is not None and as_read and as_read != name
    ):  # a correction teaches: the next document knows
        parties.add_alias(
            actor, found, name=as_read, kind=Alias.Kind.DAMAGED, mark=Mark.SAID, source=places()
        )
    return found


def _person(actor: User, fact: Fact, values: dict[str, Any], places: Any) -> models.Model:
    source = places(organisation="org")
    organisation = None
    if values.get("org"):
        organisation = _organisation(actor, str(values["org"]), places(name="org"))
    found = parties_queries.contact_named(str(values["name"]), organisation)
    given: dict[str, Any] = {"title": str(values.get("title") or "")[:120]}
    if found:
        new: dict[str, Any] = given if given["title"] and not found.title else {}
        contact = parties.save_contact(actor, found, mark=Mark.SAID, source=source, **new)
        prove(actor, contact, {"name": values["name"]}, Mark.SAID, source)
        return contact
    return parties.save_contact(
        actor,
        name=str(values["name"]),
        organisation=organisation,
        mark=Mark.SAID,
        source=source,
        purpose="公开报道",
        **given,
    )


def _carrier(actor: User, fact: Fact, values: dict[str, Any], places: Any) -> models.Model:
    source = places(area_m2="area_mu")
    name = str(values["name"])
    given: dict[str, Any] = {"focus": list(values.get("focus") or [])}
    if values.get("area_mu"):
        given["area_m2"] = Decimal(str(round(float(values["area_mu"]) * 2000 / 3, 2)))
    found = sites_queries.by_name(name)
    if found:
        new = {key: value for key, value in given.items() if value and not getattr(found, key)}
        carrier = sites.review_carrier(actor, found, mark=Mark.SAID, source=source, **new)
        prove(actor, carrier, {"name": name}, Mark.SAID, source)
        return carrier
    kind = values.get("kind") if values.get("kind") in Carrier.Kind.values else Carrier.Kind.SITE
    return sites.review_carrier(
        actor,
        name=name,
        kind=kind,
        code=f"m{fact.material_id}-{fact.key}",
        mark=Mark.SAID,
        source=source,
        **given,
    )


def _policy(actor: User, fact: Fact, values: dict[str, Any], places: Any) -> models.Model:
    name = str(values["name"])[:200]
    amount = str(values.get("amount_text") or "")[:120]
    found = policies_queries.by_name(name)
    if found:
        new = {"amount_text": amount} if amount and not found.amount_text else {}
        policy = policies.save_policy(actor, found, mark=Mark.SAID, source=places(), **new)
        prove(actor, policy, {"name": name}, Mark.SAID, places())
        return policy
    kind = next(
        (
            k
            for ending, k in (
                ("计划", Policy.Kind.PROGRAMME),
                ("基金", Policy.Kind.FUND),
                ("担保", Policy.Kind.INSTRUMENT),
            )
            if ending in name
        ),
        Policy.Kind.OTHER,
    )
    return policies.save_policy(
        actor, name=name, kind=kind, amount_text=amount, mark=Mark.SAID, source=places()
    )


def _claim(actor: User, fact: Fact, values: dict[str, Any], places: Any) -> models.Model | None:
    """A figure in a text stays a statement of that text; accepting says it was read rightly."""
    return None


ENTER: dict[Fact.Kind, Callable[[User, Fact, dict[str, Any], Any], models.Model | None]] = {
    Fact.Kind.EVENT: _event,
    Fact.Kind.DEAL: _deal,
    Fact.Kind.ORGANISATION: _organisation_fact,
    Fact.Kind.PERSON: _person,
    Fact.Kind.CARRIER: _carrier,
    Fact.Kind.POLICY: _policy,
    Fact.Kind.CLAIM: _claim,
}


def lexicon() -> reading.Lexicon:
    """What the ledger already knows, for the reader: organisations with their spellings, and places."""
    names = dict(Organisation.objects.values_list("pk", "name"))
    aliases = {name: names[pk] for pk, name in Alias.objects.values_list("organisation_id", "name")}
    places = frozenset(Carrier.objects.values_list("name", flat=True))
    return reading.Lexicon(organisations=frozenset(names.values()), aliases=aliases, places=places)
