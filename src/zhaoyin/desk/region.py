"""Load a region pack into the ledger, through the rooms' own actions. Loading twice changes nothing.

Every value carries its citation as provenance, marked said: one press report proves nothing. What people have entered
since is never overwritten; only what is missing is filled.
"""

from __future__ import annotations

import importlib
from collections import Counter
from decimal import Decimal
from typing import Any

from zhaoyin.desk.accounts import actions as accounts
from zhaoyin.desk.accounts.models import Department, User
from zhaoyin.desk.events import actions as events
from zhaoyin.desk.events.models import Series
from zhaoyin.desk.evidence.actions import Source, audit
from zhaoyin.desk.evidence.models import Mark, Provenance
from zhaoyin.desk.parties import actions as parties
from zhaoyin.desk.parties import queries as parties_queries
from zhaoyin.desk.parties.models import Alias
from zhaoyin.desk.policies import actions as policies
from zhaoyin.desk.policies import queries as policies_queries
from zhaoyin.desk.policies.models import Policy
from zhaoyin.desk.sites import actions as sites
from zhaoyin.desk.sites.models import Carrier, Region
from zhaoyin.desk.words import say
from zhaoyin.packs import Pack, load_pack

# rooms that keep more of a pack: "module:function", called with (actor, pack) after the tables below
MORE: tuple[str, ...] = (
    "zhaoyin.desk.chains.actions:load_pack_chains",
    "zhaoyin.desk.policies.actions:load_pack_policies",
    "zhaoyin.desk.projects.actions:load_pack_rules",
    "zhaoyin.desk.projects.actions:load_pack_corridors",
    "zhaoyin.desk.parties.register:warm",
)

POLICY_KINDS = {
    "talent": Policy.Kind.PROGRAMME,
    "subsidy": Policy.Kind.INCENTIVE,
    "sector": Policy.Kind.INCENTIVE,
    "patent": Policy.Kind.INCENTIVE,
    "plan": Policy.Kind.PLAN,
}
ALIAS_KINDS = {"short": Alias.Kind.SHORT, "former": Alias.Kind.FORMER, "damaged": Alias.Kind.DAMAGED}

# demo accounts: one per role. The people are invented.
DEMO_PEOPLE = (
    ("officer", "林晓", "investment-south"),
    ("head", "陈默", "investment"),
    ("park_manager", "王海", "parks"),
    ("verifier", "周岚", "verification"),
    ("leader", "高原", "committee"),
    ("department", "孙立", "finance"),
    ("auditor", "吴静", "audit"),
    ("admin", "郑远", "office"),
)


def load(name: str) -> Counter[str]:
    """Bring a pack in; how many rows of each table were new."""
    pack = load_pack(name)
    actor = accounts.system_user()
    new: Counter[str] = Counter()
    region = pack.region
    Region.objects.update_or_create(
        code=region.code,
        defaults={
            "name": region.name,
            "name_en": region.name_en,
            "title": region.title,
            "title_en": region.title_en,
            "adcode": region.adcode,
        },
    )
    for table, loader in (
        ("departments", _departments),
        ("places", _places),
        ("organisations", _organisations),
        ("events", _events),
        ("policies", _policies),
    ):
        new[table] = loader(actor, pack)
    for address in MORE:
        module, function = address.split(":")
        new[function] = getattr(importlib.import_module(module), function)(actor, pack) or 0
    if any(new.values()):
        audit(actor, "pack.load", after={"pack": name, **new})
    return new


def source_of(pack: Pack, code: str, note: str = "") -> Source:
    """A citation of the pack as the source of a value: publisher, title, address, and what that is worth."""
    citation = pack.citation(code)
    parts = [citation.publisher, f"《{citation.title}》", citation.address, citation.standing_text("zh")]
    return Source(
        kind=Provenance.Locator.CITATION,
        citation="；".join(part for part in parts if part),
        note=note or citation.note,
    )


def _departments(actor: User, pack: Pack) -> int:
    known = {d.code: d for d in Department.objects.all()}
    count = 0
    for row in pack.departments:
        if row.code not in known:
            known[row.code] = accounts.save_department(
                actor, code=row.code, name=row.name, name_en=row.name_en, parent=known.get(row.parent or "")
            )
            count += 1
    return count


def _places(actor: User, pack: Pack) -> int:
    known = {c.code: c for c in Carrier.objects.all()}
    count = 0
    for row in pack.places:
        if row.code in known:
            continue
        values: dict[str, Any] = {
            "code": row.code,
            "name": row.name,
            "name_en": row.name_en,
            "kind": row.kind,
            "parent": known.get(row.parent or ""),
            "aliases": [alias.name for alias in row.aliases],
            "focus": list(row.focus),
            "note": " ".join(filter(None, [row.level, row.role, row.note])),
        }
        if row.area_m2 is not None:
            values["area_m2"] = Decimal(str(round(row.area_m2, 2)))
        known[row.code] = sites.save_carrier(
            actor, mark=Mark.SAID, source=source_of(pack, row.cite), **values
        )
        count += 1
    return count


def _organisations(actor: User, pack: Pack) -> int:
    count = 0
    places = {row.code: row.name for row in pack.places}
    for row in pack.organisations:
        organisation = parties_queries.by_name(row.name)
        if organisation is None:
            organisation = parties.save_organisation(
                actor,
                name=row.name,
                name_en=row.name_en,
                kind=row.kind,
                uscc=row.uscc or None,
                place=places.get(row.place or "", ""),
                note=row.note,
                mark=Mark.SAID,
                source=source_of(pack, row.cite),
            )
            count += 1
        known = set(organisation.aliases.values_list("name", flat=True))
        for alias in row.aliases:
            if alias.name not in known:
                parties.add_alias(
                    actor,
                    organisation,
                    name=alias.name,
                    kind=ALIAS_KINDS.get(alias.kind, Alias.Kind.OTHER),
                    mark=Mark.SAID,
                    source=source_of(
                        pack,
                        alias.cite,
                        note="；".join(filter(None, [alias.why, "" if alias.verified else "未核实"])),
                    ),
                )
    return count


def _events(actor: User, pack: Pack) -> int:
    count = 0
    for row in pack.events:
        if Series.objects.filter(code=row.code).exists():
            continue
        events.save_series(
            actor,
            code=row.code,
            name=row.name,
            aliases=[alias.name for alias in row.aliases],
            editions_held=row.editions_held,
            rhythm=say("每年 {m} 月", "each year in month {m}", m=row.month) if row.month else "",
            mark=Mark.SAID,
            source=source_of(pack, row.cite),
        )
        count += 1
    return count


def _policies(actor: User, pack: Pack) -> int:
    count = 0
    rows: list[Any] = [*pack.policy_names, *pack.instruments]
    for row in rows:
        if policies_queries.by_name(row.name):
            continue
        status = getattr(row, "status", "not_stated")
        kind = (
            Policy.Kind.FUND
            if row.kind == "fund"
            else Policy.Kind.INSTRUMENT
            if row in pack.instruments
            else POLICY_KINDS.get(row.kind, Policy.Kind.OTHER)
        )
        policies.save_policy(
            actor,
            name=row.name,
            aliases=[alias.name for alias in row.aliases],
            kind=kind,
            status=Policy.Status.UNSTATED if status == "not_stated" else status,
            mark=Mark.SAID,
            source=source_of(pack, row.cite),
        )
        count += 1
    return count


def demo_accounts() -> list[tuple[str, str, str]]:
    """One demo account per role where none exists; (account, name, password) of the new ones, told this once."""
    import secrets

    made = []
    for role, name, department in DEMO_PEOPLE:
        if User.objects.filter(username=role).exists():
            continue
        password = secrets.token_urlsafe(9)
        accounts.save_person(
            accounts.system_user(),
            username=role,
            name=name,
            roles=[role],
            is_demo=True,
            password=password,
            department=Department.objects.filter(code=department).first(),
        )
        made.append((role, name, password))
    return made
