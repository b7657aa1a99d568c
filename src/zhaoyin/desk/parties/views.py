from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_POST

from zhaoyin.desk.accounts.policy import may, needs, who
from zhaoyin.desk.details import detail
from zhaoyin.desk.evidence.queries import attach_marks
from zhaoyin.desk.lists import Column, Filter, List, list_view
from zhaoyin.desk.parties import actions
from zhaoyin.desk.parties.models import Contact, Organisation
from zhaoyin.desk.words import say, t

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
    empty=t(
        "还没有联系人。采纳材料里的人员，或在客商页面上记一位。",
        "No contacts yet. Accept people from a material, or add one on an organisation.",
    ),
)
contacts = list_view(CONTACTS)


@needs("organisation.view")
def organisation(request: HttpRequest, pk: int) -> HttpResponse:
    obj = get_object_or_404(Organisation, pk=pk)
    return detail(
        request,
        "parties/organisation.html",
        obj,
        list_name="parties:list",
        list_words=t("客商", "Organisations"),
        aliases=attach_marks(obj.aliases.all()),
        contacts=obj.contacts.all(),
        agreements=obj.agreements.distinct(),
        projects=obj.projects.distinct(),
    )


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
    )


@needs("contact.reveal")
@require_POST
def reveal(request: HttpRequest, pk: int) -> HttpResponse:
    obj = get_object_or_404(Contact, pk=pk)
    details = actions.reveal_contact(who(request), obj)
    return render(request, "parties/_details.html", {"details": details})
