from __future__ import annotations

from typing import Any

from django import forms

from zhaoyin.base import uscc as codes
from zhaoyin.desk.parties import queries
from zhaoyin.desk.parties.models import Alias, Contact, Interaction, Link, Organisation
from zhaoyin.desk.words import say, t


def _dress(form: forms.BaseForm) -> None:
    for field in form.fields.values():
        kind = "form-select" if isinstance(field.widget, forms.Select) else "form-control"
        field.widget.attrs.setdefault("class", kind)


class Dressed(forms.ModelForm):  # type: ignore[type-arg]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _dress(self)


class _Day(forms.DateInput):
    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class OrganisationForm(Dressed):
    renamed_on = forms.DateField(
        label=t("更名日期", "Name changed on"),
        required=False,
        widget=_Day(),
        help_text=t(
            "改了名称才填；旧名称留作曾用名。",
            "Only for a change of name; the old one stays as a former name.",
        ),
    )
    version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    class Meta:
        model = Organisation
        fields = ["name", "uscc", "kind", "place", "industry", "owner", "name_en", "note"]
        widgets = {"note": forms.Textarea(attrs={"rows": 3})}

    def clean_uscc(self) -> str | None:
        code = self.cleaned_data.get("uscc")
        return codes.normalise(code) if code else None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["uscc"].widget.attrs["maxlength"] = (
            40  # spaces and full-width letters are folded, not cut
        )
        self.fields["uscc"].max_length = None  # type: ignore[attr-defined]
        self.fields["uscc"].validators = []
        if self.instance.pk is None:
            del self.fields["renamed_on"]


class AliasForm(Dressed):
    class Meta:
        model = Alias
        fields = ["name", "kind", "valid_from", "valid_to"]
        labels = {"valid_from": t("起", "From"), "valid_to": t("止", "To")}
        widgets = {"valid_from": _Day(), "valid_to": _Day()}


class LinkForm(Dressed):
    """The other side is typed, not chosen from thousands; a spelling the ledger knows is enough."""

    other_name = forms.CharField(label=t("对方单位", "Other organisation"), max_length=200)

    class Meta:
        model = Link
        fields = ["kind", "share_percent", "role", "since", "until"]
        widgets = {"since": _Day(), "until": _Day()}

    field_order = ["kind", "other_name"]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        name = str(data.pop("other_name", "")).strip()
        if name:
            data["other"] = queries.by_name(name)
            if data["other"] is None:
                near = [c.organisation.name for c in queries.candidates_for([name]).get(name, [])]
                self.add_error(
                    "other_name",
                    say("台账没有“{n}”。", "The ledger has no “{n}”.", n=name)
                    + (
                        say("是不是：{c}？", " Is it: {c}?", c="、".join(near))
                        if near
                        else say("先新建它。", " Make it first.")
                    ),
                )
        return data


class InteractionForm(Dressed):
    class Meta:
        model = Interaction
        fields = ["kind", "on", "note", "contact", "next_step", "next_on"]
        widgets = {"note": forms.Textarea(attrs={"rows": 3}), "on": _Day(), "next_on": _Day()}

    def __init__(self, *args: Any, organisation: Organisation, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["contact"].queryset = organisation.contacts.all()  # type: ignore[attr-defined]


class ContactForm(Dressed):
    class Meta:
        model = Contact
        fields = ["name", "title", "purpose", "consent_on", "expires_on", "phone", "email", "wechat"]
        widgets = {"consent_on": _Day(), "expires_on": _Day()}

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        personal = any(data.get(name) for name in Contact.PERSONAL)
        if personal and not (data.get("purpose") and data.get("consent_on") and data.get("expires_on")):
            raise forms.ValidationError(
                t(
                    "留电话、邮箱或微信，须写明用途、对方同意的日期和保存到哪天。",
                    "Phone, mail or WeChat may be kept only with the purpose, the date of consent and how long.",
                )
            )
        if data.get("consent_on") and data.get("expires_on") and data["expires_on"] <= data["consent_on"]:
            raise forms.ValidationError(
                t("“保存到”要晚于“同意日期”。", "“Kept until” must be later than “Consent on”.")
            )
        return data
