from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_POST

from zhaoyin.base.errors import Refusal
from zhaoyin.desk.accounts.policy import Forbidden, may, needs, who
from zhaoyin.desk.details import detail
from zhaoyin.desk.evidence.queries import attach_marks
from zhaoyin.desk.lists import Column, Filter, List, list_view
from zhaoyin.desk.lists import link as link_to
from zhaoyin.desk.parties import actions, queries
from zhaoyin.desk.parties.forms import AliasForm, ContactForm, InteractionForm, LinkForm, OrganisationForm
from zhaoyin.desk.parties.models import Alias, Contact, Link, Merge, Organisation
from zhaoyin.desk.words import say, sentence, t

ORGANISATIONS = List(
    verb="organisation.view",
    title=t("客商", "Organisations"),
    columns=[
        Column("name", t("名称", "Name"), order="name"),
        Column("kind", t("类型", "Kind"), order="kind"),
        Column(
            "aliases",
            t("也写作", "Also written"),
            show=lambda o: say("、", ", ").join(a.name for a in o.aliases.all()),
        ),
        Column("uscc", t("统一社会信用代码", "USCC")),
        Column("place", t("所在地", "Place")),
    ],
    rows=lambda request: Organisation.objects.prefetch_related("aliases"),
    url=Organisation.get_absolute_url,
    search=("name", "name_en", "aliases__name", "uscc"),
    filters=[Filter("kind", t("类型", "Kind"), Organisation.Kind.choices)],
    empty=t(
        "还没有客商。录入材料并采纳其中的主体，或载入地区包。",
        "No organisations yet. Accept some from a material, or load a region pack.",
    ),
    actions="parties/_actions.html",
)
organisations = list_view(ORGANISATIONS)

CONTACTS = List(
    verb="contact.view",
    title=t("联系人", "Contacts"),
    columns=[
        Column("name", t("姓名", "Name"), order="name"),
        Column("title", t("职务", "Title")),
        Column("organisation", t("单位", "Organisation")),
        Column("owner_department", t("归口部门", "Owner")),
    ],
    rows=lambda request: Contact.objects.select_related("organisation", "owner_department"),
    url=Contact.get_absolute_url,
    search=("name", "title", "organisation__name"),
    filters=[
        Filter(
            "expires",
            t("保存期", "Keeping"),
            [("soon", t("30 天内到期或已到期", "ends within 30 days or ended"))],
            apply=lambda rows, value: rows.filter(pk__in=queries.expiring().values("pk")),
        )
    ],
    empty=t(
        "还没有联系人。采纳材料里的人员，或在客商页面上记一位。",
        "No contacts yet. Accept people from a material, or add one on an organisation.",
    ),
)
contacts = list_view(CONTACTS)


@needs("organisation.view")
def organisation(request: HttpRequest, pk: int) -> HttpResponse:
    obj = get_object_or_404(Organisation.everyone.select_related("owner", "merged_into"), pk=pk)
    if obj.merged_into:
        messages.info(
            request,
            say("“{a}”已并入“{b}”。", "“{a}” was merged into “{b}”.", a=obj.name, b=obj.merged_into.name),
        )
        return redirect(obj.merged_into)
    links = queries.by_kind(obj)
    agreements, projects = list(obj.agreements.distinct()), list(obj.projects.distinct())
    promises = queries.commitments(obj)
    sections = (
        (say("项目", "projects"), projects),
        (say("协议", "agreements"), agreements),
        (say("承诺", "promises"), promises),
    )
    return detail(
        request,
        "parties/organisation.html",
        obj,
        list_name="parties:list",
        list_words=t("客商", "Organisations"),
        aliases=attach_marks(queries.names_over_time(obj)),
        links=[
            (t("所属集团", "Group"), [(one, one.other) for one in links.get("group", [])]),
            (
                t("旗下单位", "Subsidiaries"),
                [(one, one.organisation) for one in links.get("subsidiaries", [])],
            ),
            (t("持股", "Holdings"), [(one, one.other) for one in links.get("holdings", [])]),
            (t("股东", "Owners"), [(one, one.organisation) for one in links.get("owners", [])]),
            (t("所在协会", "Associations"), [(one, one.other) for one in links.get("memberships", [])]),
            (t("会员", "Members"), [(one, one.organisation) for one in links.get("members", [])]),
        ],
        linked=bool(links),
        contacts=obj.contacts.all(),
        interactions=attach_marks(obj.interactions.select_related("by", "contact")[:10]),
        agreements=agreements,
        projects=projects,
        commitments=promises,
        none_yet=say("、", ", ").join(words for words, rows in sections if not rows),
        merges=obj.merges.filter(undone_at=None).select_related("absorbed", "by"),
        interaction_form=InteractionForm(organisation=obj, initial={"on": timezone.localdate()}),
        alias_form=AliasForm(),
        link_form=LinkForm(),
        may_edit=may(request.user, "organisation.edit", obj),
        may_note=may(request.user, "interaction.add", obj),
        may_merge=may(request.user, "organisation.merge", obj),
    )


@needs("organisation.edit")
def edit(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    obj = get_object_or_404(Organisation, pk=pk) if pk else None
    name = request.GET.get("name", "")[:200]
    initial: dict[str, Any] = {"version": obj.version} if obj else {"name": name, "owner": who(request).pk}
    form = OrganisationForm(request.POST or None, instance=obj, initial=initial)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                saved = _save(who(request), form, pk)
                messages.info(request, say("已存。", "Saved."))
                return redirect(saved)
            except Refusal as refusal:
                if refusal.code != "invalid":
                    raise
                form.add_error(None, sentence(refusal))
    near = queries.near(who(request), str(form["name"].value() or ""), but=pk) if not pk else []
    context = {"form": form, "object": obj, "near": near}
    return render(request, "parties/edit.html", context, status=status)


def _save(actor: Any, form: OrganisationForm, pk: int | None) -> Organisation:
    data = dict(form.cleaned_data)
    renamed_on, seen = data.pop("renamed_on", None), data.pop("version", None)
    if pk is None:
        return actions.save_organisation(actor, **data)
    obj = Organisation.objects.get(pk=pk)
    if data["name"] != obj.name:
        obj = actions.rename(actor, obj, name=data["name"], on=renamed_on, seen=seen)
        seen = obj.version
    data.pop("name")
    return actions.save_organisation(actor, obj, seen=seen, **data)


@needs("organisation.edit")
def similar(request: HttpRequest) -> HttpResponse:
    """What is said while a new organisation is being typed."""
    name, uscc = request.GET.get("name", "").strip()[:200], request.GET.get("uscc", "").strip()[:40]
    return render(request, "parties/_near.html", {"near": queries.near(who(request), name, uscc)})


@needs("interaction.add")
@require_POST
def interact(request: HttpRequest, pk: int) -> HttpResponse:
    obj = get_object_or_404(Organisation, pk=pk)
    form = InteractionForm(request.POST, organisation=obj)
    if not form.is_valid():
        return render(request, "parties/interact.html", {"form": form, "object": obj}, status=422)
    actions.add_interaction(who(request), obj, **form.cleaned_data)
    messages.info(request, say("已记。", "Noted."))
    return redirect(obj)


@needs("organisation.edit")
@require_POST
def alias(request: HttpRequest, pk: int) -> HttpResponse:
    obj = get_object_or_404(Organisation, pk=pk)
    form = AliasForm(request.POST)
    if not form.is_valid():
        return _refused(request, form, obj)
    actions.add_alias(who(request), obj, **form.cleaned_data)
    return redirect(obj)


@needs("organisation.edit")
@require_POST
def unalias(request: HttpRequest, pk: int) -> HttpResponse:
    obj = get_object_or_404(Alias.objects.select_related("organisation"), pk=pk)
    actions.remove_alias(who(request), obj)
    return redirect(obj.organisation)


@needs("organisation.edit")
@require_POST
def link(request: HttpRequest, pk: int) -> HttpResponse:
    obj = get_object_or_404(Organisation, pk=pk)
    form = LinkForm(request.POST)
    if not form.is_valid():
        return _refused(request, form, obj)
    actions.add_link(who(request), obj, **form.cleaned_data)
    return redirect(obj)


@needs("organisation.edit")
@require_POST
def unlink(request: HttpRequest, pk: int) -> HttpResponse:
    obj = get_object_or_404(Link.objects.select_related("organisation"), pk=pk)
    actions.remove_link(who(request), obj)
    return redirect(obj.organisation)


def _refused(request: HttpRequest, form: Any, obj: Organisation) -> HttpResponse:
    return render(request, "parties/interact.html", {"form": form, "object": obj}, status=422)


@needs("organisation.view")
def duplicates(request: HttpRequest) -> HttpResponse:
    """Pairs that may be one organisation, side by side with what speaks for it."""
    pairs, search = queries.duplicates()
    context = {
        "pairs": pairs,
        "search": search,
        "merges": Merge.objects.filter(undone_at=None).select_related("kept", "absorbed", "by")[:20],
        "may_merge": may(request.user, "organisation.merge"),
        "may_judge": may(request.user, "organisation.edit"),
    }
    return render(request, "parties/duplicates.html", context)


@needs("organisation.merge")
@require_POST
def merge(request: HttpRequest) -> HttpResponse:
    kept = get_object_or_404(Organisation.everyone, pk=_number(request, "kept"))
    absorbed = get_object_or_404(Organisation.everyone, pk=_number(request, "absorbed"))
    actions.merge(who(request), kept, absorbed=absorbed, reason=request.POST.get("reason", "")[:300])
    messages.info(request, say("已合并，可随时拆开。", "Merged. It can be taken back at any time."))
    return redirect(kept)


@needs("organisation.merge")
@require_POST
def split(request: HttpRequest, pk: int) -> HttpResponse:
    made = get_object_or_404(Merge, pk=pk)
    absorbed = actions.split(who(request), made, reason=request.POST.get("reason", "")[:300])
    messages.info(request, say("已拆开，各归各位。", "Taken back; everything is where it stood."))
    return redirect(absorbed)


@needs("organisation.edit")
@require_POST
def judge(request: HttpRequest) -> HttpResponse:
    """A review's or the queue's answer: the same, or not. It is remembered."""
    obj = get_object_or_404(Organisation, pk=_number(request, "organisation"))
    same = request.POST.get("verdict") == "same"
    name = request.POST.get("name", "").strip()[:200]
    other = get_object_or_404(Organisation, pk=_number(request, "other")) if not name else None
    actions.judge(who(request), obj, same=same, name=name, other=other)
    if request.headers.get("HX-Request"):
        return render(request, "parties/_judged.html", {"organisation": obj, "name": name, "same": same})
    return redirect("parties:duplicates")


def _number(request: HttpRequest, name: str) -> int:
    text = request.POST.get(name, "")
    return int(text) if text.isdecimal() and len(text) < 18 else 0


def _members(association: Organisation) -> List:
    """An association's members as a list for leads: those without a project, longest unspoken-to, come first."""
    return List(
        verb="organisation.view",
        title=t("会员名单：{name}", "Members of {name}", name=association.name),
        columns=[
            Column("name", t("名称", "Name"), order="name"),
            Column("industry", t("行业", "Industry")),
            Column("place", t("所在地", "Place")),
            Column(
                "last_on",
                t("最近联系", "Last contact"),
                order="last_on",
                show=lambda o: f"{o.last_on:%F}" if o.last_on else say("还没有", "never"),
            ),
            Column(
                "project_count",
                t("项目", "Projects"),
                order="project_count",
                number=True,
                show=lambda o: o.project_count,
            ),
            Column("owner", t("负责人", "Owner")),
            Column(
                "lead",
                t("线索", "Lead"),
                show=lambda o: link_to(
                    reverse("projects:new")
                    + "?"
                    + urlencode({"organisation": o.pk, "source": association.name}),
                    say("记为线索", "Record a lead"),
                ),
                plain=lambda o: "",
            ),
        ],
        rows=lambda request: queries.members(association),
        url=Organisation.get_absolute_url,
        search=("name", "industry", "place"),
        filters=[
            Filter(
                "projects",
                t("项目", "Projects"),
                [("none", t("还没有项目", "none yet")), ("some", t("已有项目", "has some"))],
                apply=lambda rows, value: rows.filter(
                    **{"project_count" if value == "none" else "project_count__gt": 0}
                ),
            )
        ],
        empty=t(
            "还没有会员。在会员单位的页面上记“是会员”关系。",
            "No members yet. Record the membership on the member's own page.",
        ),
        actions="parties/_back.html",
        context=lambda request: {"back": association},
    )


@needs("organisation.view")
def members(request: HttpRequest, pk: int) -> HttpResponse:
    return _members(get_object_or_404(Organisation, pk=pk)).respond(request)


@needs("contact.edit")
def edit_contact(
    request: HttpRequest, pk: int | None = None, organisation: int | None = None
) -> HttpResponse:
    obj = get_object_or_404(Contact, pk=pk) if pk else None
    home = get_object_or_404(Organisation, pk=organisation) if organisation else None
    if obj and not may(request.user, "contact.edit", obj):
        raise Forbidden("contact.edit")
    form = ContactForm(request.POST or None, instance=obj)
    if request.method == "POST" and form.is_valid():
        values = dict(form.cleaned_data)
        if home:
            values["organisation"] = home
        fresh = Contact.objects.get(pk=pk) if pk else None
        if fresh and not may(request.user, "contact.reveal", fresh):
            values = {name: value for name, value in values.items() if name not in Contact.PERSONAL}
        saved = actions.save_contact(who(request), fresh, **values)
        messages.info(request, say("已存。", "Saved."))
        return redirect(saved)
    context = {"form": form, "object": obj, "home": home or (obj.organisation if obj else None)}
    return render(
        request, "parties/edit_contact.html", context, status=422 if request.method == "POST" else 200
    )


@needs("contact.edit")
@require_POST
def forget_contact(request: HttpRequest, pk: int) -> HttpResponse:
    obj = get_object_or_404(Contact, pk=pk)
    actions.forget_contact(who(request), obj, reason=request.POST.get("reason", "")[:300])
    messages.info(request, say("联系方式已抹去，不可恢复。", "Contact details erased for good."))
    return redirect(obj)


@needs("contact.view")
def contact(request: HttpRequest, pk: int) -> HttpResponse:
    obj = get_object_or_404(Contact.objects.select_related("organisation", "owner_department"), pk=pk)
    return detail(
        request,
        "parties/contact.html",
        obj,
        list_name="parties:contacts",
        list_words=t("联系人", "Contacts"),
        may_reveal=may(request.user, "contact.reveal", obj),
        may_edit=may(request.user, "contact.edit", obj),
        expired=bool(obj.expires_on and obj.expires_on < timezone.localdate()),
    )


@needs("contact.reveal")
@require_POST
def reveal(request: HttpRequest, pk: int) -> HttpResponse:
    obj = get_object_or_404(Contact, pk=pk)
    details = actions.reveal_contact(who(request), obj)
    return render(request, "parties/_details.html", {"details": details})
