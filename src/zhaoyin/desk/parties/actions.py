"""What is done to organisations and the people in them."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.utils import timezone

from zhaoyin.base import uscc as codes
from zhaoyin.base.errors import Refusal
from zhaoyin.desk.accounts.models import User
from zhaoyin.desk.actions import action
from zhaoyin.desk.evidence.actions import PERSON, From, Source, audit, change, create, prove, remove
from zhaoyin.desk.evidence.models import Mark
from zhaoyin.desk.evidence.personal import destroy, seal
from zhaoyin.desk.parties import merging
from zhaoyin.desk.parties.models import (
    Alias,
    Contact,
    Interaction,
    Judgement,
    Link,
    Merge,
    Organisation,
)


@action("organisation.edit")
def save_organisation(
    actor: User,
    organisation: Organisation | None = None,
    *,
    mark: str = Mark.CLAIMED,
    source: From = PERSON,
    seen: int | None = None,
    **values: Any,
) -> Organisation:
    """Make an organisation or change it, with provenance for what was given."""
    if values.get("uscc"):
        values["uscc"] = codes.normalise(values["uscc"])
    elif "uscc" in values:
        values["uscc"] = None
    if organisation is None:
        organisation = create(actor, "organisation.create", Organisation, **values)
        named = {name for name, value in values.items() if value not in (None, "", [])} - {"owner"}
    else:
        named = set(change(actor, "organisation.change", organisation, seen=seen, **values)) - {"owner"}
    prove(actor, organisation, {name: values[name] for name in named}, mark, source)
    return organisation


@action("organisation.edit")
def add_alias(
    actor: User,
    organisation: Organisation,
    *,
    name: str,
    kind: str = Alias.Kind.OTHER,
    mark: str = Mark.CLAIMED,
    source: From = PERSON,
    **values: Any,
) -> Alias:
    """Remember another spelling; the same spelling twice is one alias."""
    found = organisation.aliases.filter(name=name).first()
    if found:
        return found
    alias = create(actor, "alias.create", Alias, organisation=organisation, name=name, kind=kind, **values)
    prove(actor, alias, {"name": name}, mark, source)
    return alias


@action("organisation.edit")
def remove_alias(actor: User, alias: Alias, *, reason: str = "") -> None:
    remove(actor, "alias.remove", alias, reason=reason)


@action("contact.edit")
def save_contact(
    actor: User,
    contact: Contact | None = None,
    *,
    mark: str = Mark.CLAIMED,
    source: From = PERSON,
    **values: Any,
) -> Contact:
    """Make a contact or change it. Phone, mail and WeChat are sealed in the audit with the person's own key."""
    personal = {name: values.pop(name) for name in Contact.PERSONAL if name in values}
    if contact is None:
        contact = create(
            actor,
            "contact.create",
            Contact,
            **values,
            owner_department=values.pop("owner_department", actor.department),
        )
        named = {name for name, value in values.items() if value not in (None, "", [])}
    else:
        named = set(change(actor, "contact.change", contact, **values))
    subject = f"contact:{contact.pk}"
    changed = {name: value for name, value in personal.items() if getattr(contact, name) != value}
    if changed:
        before = {name: seal(subject, getattr(contact, name)) for name in changed}
        for name, value in changed.items():
            setattr(contact, name, value)
        contact.full_clean()
        contact.version += 1
        contact.save()
        audit(
            actor,
            "contact.change",
            contact,
            before=before,
            after={name: seal(subject, value) for name, value in changed.items()},
        )
    prove(actor, contact, {name: values[name] for name in named - {"owner_department"}}, mark, source)
    return contact


@action("contact.reveal")
def reveal_contact(actor: User, contact: Contact) -> dict[str, str]:
    """Phone, mail and WeChat of a contact; that they were looked at is recorded."""
    audit(actor, "contact.reveal", contact)
    return {name: getattr(contact, name) for name in Contact.PERSONAL}


@action("organisation.edit")
def rename(
    actor: User, organisation: Organisation, *, name: str, on: dt.date | None = None, seen: int | None = None,
    mark: str = Mark.CLAIMED, source: From = PERSON,
) -> Organisation:  # fmt: skip
    """A change of name: the old one stays as a former name, in use until the day before ``on``."""
    old = organisation.name
    changed = change(actor, "organisation.rename", organisation, seen=seen, name=name)
    if not changed:
        return organisation
    prove(actor, organisation, {"name": name}, mark, source)
    # going back to a name that was a former one: it is no alias any more
    for alias in organisation.aliases.filter(name=name):
        remove(actor, "alias.remove", alias)
    until = on - dt.timedelta(days=1) if on else None
    known = organisation.aliases.filter(name=old).first()
    if known:
        change(actor, "alias.change", known, kind=Alias.Kind.FORMER, valid_to=until)
    else:
        add_alias(
            actor, organisation, name=old, kind=Alias.Kind.FORMER, mark=mark, source=source, valid_to=until
        )
    return organisation


@action("organisation.edit")
def add_link(
    actor: User,
    organisation: Organisation,
    *,
    other: Organisation,
    kind: str,
    mark: str = Mark.CLAIMED,
    source: From = PERSON,
    **values: Any,
) -> Link:
    """Say how two organisations stand to each other: group, shares, membership."""
    if other.pk == organisation.pk:
        raise Refusal(
            "link.self",
            f"“{organisation}”不能与自己建立关系。另选一家单位。",
            f"“{organisation}” cannot be linked with itself. Choose another organisation.",
        )
    if kind == Link.Kind.MEMBER and other.kind != Organisation.Kind.ASSOCIATION:
        raise Refusal(
            "link.no_association",
            f"“{other}”不是商协会，不能有会员。先把它的类型改为商协会，或换一种关系。",
            f"“{other}” is no association and has no members. Change its kind first, or choose another relation.",
        )
    if kind == Link.Kind.GROUP and above(other, organisation):
        raise Refusal(
            "link.circle",
            f"“{other}”已在“{organisation}”旗下，不能倒过来再属于它。",
            f"“{other}” already belongs to “{organisation}”; it cannot be the other way round as well.",
        )
    link = create(actor, "link.create", Link, organisation=organisation, other=other, kind=kind, **values)
    shown = {name: value for name, value in values.items() if value not in (None, "")}
    prove(actor, link, {"kind": kind, **shown}, mark, source)
    return link


def above(organisation: Organisation, group: Organisation) -> bool:
    """Whether the organisation belongs to the group, through any number of steps."""
    seen: set[int] = set()
    level = {organisation.pk}
    while level:
        if group.pk in level:
            return True
        seen |= level
        level = set(
            Link.objects.filter(organisation__in=level, kind=Link.Kind.GROUP).values_list("other", flat=True)
        )
        level -= seen
    return False


@action("organisation.edit")
def remove_link(actor: User, link: Link, *, reason: str = "") -> None:
    remove(actor, "link.remove", link, reason=reason)


@action("interaction.add")
def add_interaction(
    actor: User,
    organisation: Organisation,
    *,
    note: str,
    kind: str = Interaction.Kind.CALL,
    on: dt.date | None = None,
    contact: Contact | None = None,
    **values: Any,
) -> Interaction:
    """Note an exchange. Only what was said is asked for; how and when have defaults."""
    on = on or timezone.localdate()
    if on > timezone.localdate():
        raise Refusal(
            "interaction.future",
            f"跟进日期 {on} 还没到。已约好的事写在“下一步”。",
            f"{on} is in the future. Put what is arranged under “next step”.",
            where="on",
        )
    if contact and contact.organisation_id != organisation.pk:
        raise Refusal(
            "interaction.contact",
            f"“{contact}”不是“{organisation}”的联系人。",
            f"“{contact}” is not a contact at “{organisation}”.",
            where="contact",
        )
    made = create(
        actor, "interaction.create", Interaction,
        organisation=organisation, note=note.strip(), kind=kind, on=on, contact=contact, by=actor, **values,
    )  # fmt: skip
    prove(actor, made, {"note": made.note}, Mark.CLAIMED, PERSON)
    from zhaoyin.desk.projects import actions as projects

    projects.contacted(actor, organisation, on)
    return made


@action("organisation.edit")
def judge(
    actor: User,
    organisation: Organisation,
    *,
    same: bool,
    name: str = "",
    other: Organisation | None = None,
    source: From = PERSON,
) -> Judgement:
    """Decide whether a name (or another record) means this organisation. It teaches: a name that does becomes an alias,
    what does not is not proposed again."""
    if bool(name) == bool(other):
        raise Refusal(
            "judgement.what",
            "判定要么针对一个名称，要么针对另一条记录。",
            "Judge either a name or another record.",
        )
    if other and other.pk == organisation.pk:
        merging.guard(organisation, other)
    if other and other.pk < organisation.pk:
        organisation, other = other, organisation
    verdict = Judgement.Verdict.SAME if same else Judgement.Verdict.DIFFERENT
    if name and same and name != organisation.name:
        add_alias(actor, organisation, name=name, kind=Alias.Kind.OTHER, mark=Mark.CLAIMED, source=source)
    known = Judgement.objects.filter(organisation=organisation, other=other, name=name).first()
    if known:
        change(actor, "judgement.change", known, verdict=verdict, by=actor)
        return known
    return create(
        actor, "judgement.create", Judgement,
        organisation=organisation, other=other, name=name, verdict=verdict, by=actor,
    )  # fmt: skip


@action("organisation.merge")
def merge(actor: User, kept: Organisation, *, absorbed: Organisation, reason: str = "") -> Merge:
    """Two records are one organisation: everything of ``absorbed`` moves to ``kept``, its name becomes an alias, and the
    record itself stays, out of sight, so that ``split`` can take it all back."""
    kept = Organisation.everyone.select_for_update().get(pk=kept.pk)
    absorbed = Organisation.everyone.select_for_update().get(pk=absorbed.pk)
    merging.guard(kept, absorbed)
    found = merging.join(kept, absorbed)
    filled = {
        name: getattr(absorbed, name)
        for name in merging.FILLED
        if getattr(kept, name) in (None, "") and getattr(absorbed, name) not in (None, "")
    }
    before = {name: getattr(kept, name) for name in filled}
    code = absorbed.uscc
    if "uscc" in filled:  # unique: it cannot stand on both at once
        change(actor, "organisation.change", absorbed, uscc=None)
    change(actor, "organisation.merge", absorbed, reason=reason, merged_into=kept)
    if filled:
        change(actor, "organisation.merge", kept, reason=reason, **filled)
        note = f"并入 {absorbed.name} / merged from {absorbed.name}"
        prove(actor, kept, filled, Mark.CLAIMED, _said(note))
    alias = None
    if absorbed.name != kept.name and not kept.aliases.filter(name=absorbed.name).exists():
        alias = add_alias(actor, kept, name=absorbed.name, kind=Alias.Kind.OTHER)
    made = create(
        actor, "organisation.merge", Merge, kept=kept, absorbed=absorbed, by=actor, reason=reason,
        moved=found["moved"], dropped=found["dropped"],
        changed={"filled": {name: _plain(before[name]) for name in filled}, "uscc": code if "uscc" in filled else None, "alias": alias.pk if alias else None},
    )  # fmt: skip
    return made


@action("organisation.merge")
def split(actor: User, merge: Merge, *, reason: str = "") -> Organisation:
    """Take a merge back: every row returns to where it stood. What was written since stays with the kept record."""
    merge = Merge.objects.select_for_update().get(pk=merge.pk)
    if merge.undone_at:
        raise Refusal("split.stale", "这次合并已经拆开。", "This merge has already been taken back.")
    absorbed, kept = merge.absorbed, merge.kept
    if absorbed.merged_into_id != kept.pk or kept.merged_into_id:
        raise Refusal(
            "split.order",
            f"“{kept}”后来又并入了“{kept.merged_into}”。先拆开后一次。",
            f"“{kept}” was itself merged into “{kept.merged_into}” since. Take that one back first.",
        )
    alias = Alias.objects.filter(pk=merge.changed.get("alias") or 0, organisation=kept).first()
    if alias:
        remove(actor, "alias.remove", alias, reason=reason)
    back: dict[str, Any] = {}
    for name, value in merge.changed["filled"].items():
        attribute = Organisation._meta.get_field(name).attname  # type: ignore[union-attr]
        was_filled = _plain(getattr(kept, attribute))
        given = merge.changed["uscc"] if name == "uscc" else _plain(getattr(absorbed, attribute))
        if was_filled == given:  # somebody's later correction of the kept record stays
            back[attribute] = value
    if back:
        change(actor, "organisation.split", kept, reason=reason, **back)
    change(actor, "organisation.split", absorbed, reason=reason, merged_into=None)
    if merge.changed["uscc"] and "uscc" in back:
        change(actor, "organisation.change", absorbed, uscc=merge.changed["uscc"])
    merging.part(merge)
    change(actor, "organisation.split", merge, reason=reason, undone_at=timezone.now())
    judge(actor, kept, same=False, other=absorbed)
    absorbed.refresh_from_db()
    return absorbed


def _plain(value: Any) -> Any:
    return getattr(value, "pk", value)


def _said(note: str) -> Source:
    return Source(note=note)


@action("contact.edit")
def forget_contact(actor: User, contact: Contact, *, reason: str = "") -> Contact:
    """Erase phone, mail and WeChat, and the key that sealed what audit and provenance hold of them."""
    for name in Contact.PERSONAL:
        setattr(contact, name, "")
    contact.version += 1
    contact.save()
    destroy(f"contact:{contact.pk}")
    audit(actor, "contact.forget", contact, reason=reason)
    return contact
