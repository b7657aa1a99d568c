from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.db import models

from zhaoyin.base.errors import Refusal
from zhaoyin.base.money import parse_money, show_money
from zhaoyin.desk.accounts.models import Department, User
from zhaoyin.desk.parties.models import Organisation
from zhaoyin.desk.projects import rules as in_force
from zhaoyin.desk.projects.models import Corridor, Member, Opinion, PlanDate, Profile, Project, Split
from zhaoyin.desk.words import english, say, sentence, t

if TYPE_CHECKING:
    from zhaoyin.desk.materials.models import Material


def day(label: Any, *, required: bool = True) -> forms.DateField:
    return forms.DateField(
        label=label,
        required=required,
        widget=forms.DateInput(attrs={"type": "date", "class": "form-control"}, format="%Y-%m-%d"),
    )


class Amount(forms.CharField):
    """An amount as people write it; a bare number is 万元."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault(
            "help_text",
            t(
                "如 1,200 万元、1.2 亿元；只写数字算万元",
                "such as 1,200 万元 or 1.2 亿元; a bare number is 万元",
            ),
        )
        super().__init__(
            widget=forms.TextInput(attrs={"class": "form-control", "inputmode": "decimal"}), **kwargs
        )

    def prepare_value(self, value: Any) -> Any:
        return "".join(show_money(value)) if isinstance(value, int) else value

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not text:
            return None
        try:
            return parse_money(text, default_unit="万元").fen
        except Refusal as refusal:
            raise forms.ValidationError(sentence(refusal)) from None


def _style(form: forms.BaseForm) -> None:
    for field in form.fields.values():
        widget = field.widget
        kind = "form-select" if isinstance(widget, forms.Select) else "form-control"
        if not isinstance(widget, forms.CheckboxInput | forms.HiddenInput):
            widget.attrs.setdefault("class", kind)
        if isinstance(widget, forms.Textarea):
            widget.attrs["rows"] = 3
        if isinstance(widget, forms.DateInput):
            widget.input_type = "date"
            widget.format = "%Y-%m-%d"


class ProjectWords(forms.ModelForm):  # type: ignore[type-arg]
    seen = forms.IntegerField(widget=forms.HiddenInput, required=False)

    class Meta:
        model = Project
        fields = [
            "name", "track", "sector", "company_as_said", "need", "source", "reported_by", "reported_on", "duplicate_checked",
            "local_party", "place", "corridor", "department", "enquired_on", "first_reply_on", "last_contact_on",
        ]  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _style(self)

    def values(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in self.Meta.fields if name in self.cleaned_data}


class Lead(ProjectWords):
    organisation = forms.ModelChoiceField(
        Organisation.objects.all(), required=False, widget=forms.HiddenInput
    )

    class Meta(ProjectWords.Meta):
        fields = [
            "name",
            "company_as_said",
            "source",
            "reported_by",
            "reported_on",
            "sector",
            "need",
            "track",
            "local_party",
            "place",
            "enquired_on",
            "duplicate_checked",
        ]

    def values(self) -> dict[str, Any]:
        given = {name: value for name, value in super().values().items() if value not in (None, "")}
        given["came_from"] = given.pop("source", "")
        organisation = self.cleaned_data.get("organisation")
        given["investors"] = [organisation] if organisation else []
        return given


class Claim(forms.Form):
    fact_on = day(t("事实日期", "Date of the fact"))


class GateForm(forms.Form):
    """The Profile columns one gate asks for."""

    version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def seen(self) -> int | None:
        return self.cleaned_data.get("version") or None

    def values(self) -> dict[str, Any]:
        return {k: v for k, v in self.cleaned_data.items() if k != "version" and v not in (None, "")}


def gate_form(gate: str, project: Project, data: Any) -> GateForm:
    profile = Profile.objects.filter(project=project).first()
    fields: dict[str, forms.Field] = {}
    initial: dict[str, Any] = {"version": profile.version if profile else None}
    for need in in_force.rules().gates[gate].fields:
        name = in_force.column_of(need.code)
        if not name or not need.applies(project.track or in_force.DEFAULT_TRACK):
            continue
        column = Profile._meta.get_field(name)
        label = need.text("en" if english() else "zh")
        if name.endswith("_fen"):
            fields[name] = Amount(label=label, required=False)
        else:
            found = column.formfield(required=False, label=label)  # type: ignore[union-attr]
            if found is not None:
                fields[name] = found
        if profile:
            initial[name] = getattr(profile, name)
    form = type("GateForm", (GateForm,), fields)(data, initial=initial)
    _style(form)
    return form  # type: ignore[no-any-return]


def typed(name: str, text: str) -> Any:
    """A corrected value as its column holds it."""
    column = Profile._meta.get_field(name)
    try:
        if name.endswith("_fen"):
            return parse_money(text, default_unit="万元").fen
        if isinstance(column, models.DateField):
            return dt.date.fromisoformat(text)
        if isinstance(column, models.DecimalField):
            return Decimal(text)
        if isinstance(column, models.IntegerField):
            return int(text.replace(",", ""))
    except (ValueError, ArithmeticError):
        raise Refusal(
            "correction.value",
            f"“{text}”读不成“{column.verbose_name}”的值。照单位写。",  # type: ignore[union-attr]
            f"“{text}” is no value of “{column.verbose_name}”.",  # type: ignore[union-attr]
            where="value",
        ) from None
    return text


class Plan(forms.Form):
    def __init__(self, project: Project, data: Any = None) -> None:
        super().__init__(data)
        self.rows = {p.kind: p for p in PlanDate.objects.filter(project=project)}
        book = in_force.rules()
        for code in book.tracks[project.track or in_force.DEFAULT_TRACK].milestones[1:]:
            word, row = book.gates[code].text("en" if english() else "zh"), self.rows.get(code)
            self.fields[f"{code}_planned"] = day(say("{w}：计划", "{w}: plan", w=word), required=False)
            self.fields[f"{code}_forecast"] = day(say("{w}：预测", "{w}: forecast", w=word), required=False)
            if row:
                self.initial[f"{code}_planned"] = row.planned_on
                self.initial[f"{code}_forecast"] = row.forecast_on

    def changes(self) -> list[tuple[str, dt.date | None, dt.date | None]]:
        found = []
        for code in dict.fromkeys(name.rsplit("_", 1)[0] for name in self.fields):
            planned, forecast = (self.cleaned_data.get(f"{code}_{x}") for x in ("planned", "forecast"))
            row = self.rows.get(code)
            new = planned if planned and planned != (row.planned_on if row else None) else None
            later = forecast if forecast and forecast != (row.forecast_on if row else None) else None
            if new or later:
                found.append((code, new, later))
        return found


class Leave(forms.Form):
    def __init__(self, project: Project, data: Any = None) -> None:
        super().__init__(data)
        book, language = in_force.rules(), "en" if english() else "zh"
        self.fields["code"] = forms.ChoiceField(
            label=say("种类", "Kind"),
            choices=[(x.code, x.text(language)) for x in book.exits.values() if project.stage in x.stages],
        )
        self.fields["reason"] = forms.ChoiceField(
            label=say("原因", "Reason"), choices=[(r.code, r.text(language)) for r in book.reasons.values()]
        )
        self.fields["on"] = day(say("日期", "Date"))
        for name, words in (
            ("decider", say("决定人", "Decided by")), ("to_place", say("去了哪里（流转、流失、迁出）", "Where it went")),
            ("opinion", say("哪条意见（未过评审）", "Which opinion")), ("breach", say("谁违反哪一条（终止）", "Who broke which clause")),
            ("recovery", say("土地、补助如何收回", "Recovery of land and subsidies")),
            ("credit", say("成果分成（流转），如 本局 60，东区 40", "Split of the credit, such as: bureau 60, east 40")),
            ("merged", say("并入项目编号（重复）", "Code of the project it merges into")),
        ):  # fmt: skip
            self.fields[name] = forms.CharField(label=words, required=name == "decider", max_length=200)
        self.fields["note"] = forms.CharField(label=say("说明", "Note"), widget=forms.Textarea)
        _style(self)

    def values(self) -> dict[str, Any]:
        import re

        given = {
            k: self.cleaned_data[k]
            for k in ("on", "decider", "note", "reason", "to_place", "opinion", "breach", "recovery")
        }
        parts = re.findall(r"([^\s,，:：\d]+)[\s:：]*(\d+)", self.cleaned_data["credit"])
        given["credit"] = {place: int(n) for place, n in parts}
        if self.cleaned_data["merged"]:
            given["merged_into"] = Project.objects.filter(code=self.cleaned_data["merged"].strip()).first()
        return given


class Ask(forms.Form):
    """Which department is asked for each opinion the gate needs; the one asked last time is proposed."""

    def __init__(self, project: Project, gate: str, data: Any = None) -> None:
        super().__init__(data)
        self.standing = {o.kind: o for o in project.opinions.select_related("department")}
        state, language = in_force.state(project), "en" if english() else "zh"
        by_code = {d.code: d for d in Department.objects.all()}
        before = dict(Opinion.objects.order_by("id").values_list("kind", "department"))
        for need in in_force.rules().gates[gate].evidence:
            found = self.standing.get(need.code)
            if need.how != "opinion" or not need.applies(state.track, state.flags):
                continue
            if found and found.state != Opinion.State.ASKED:
                continue
            usual = by_code.get(need.department)
            self.fields[need.code] = forms.ModelChoiceField(
                Department.objects.order_by("path"),
                label=say(
                    "{w}，{n} 个工作日内", "{w}, within {n} working days", w=need.text(language), n=need.days
                ),
                required=False,
                initial=found.department_id if found else before.get(need.code, usual and usual.pk),
            )
        _style(self)


class Give(forms.Form):
    state = forms.ChoiceField(
        label=t("意见", "Opinion"), choices=Opinion.State.choices[1:], widget=forms.RadioSelect
    )
    text = forms.CharField(
        label=t("理由与条件（同意可不写）", "Grounds and conditions (not needed to agree)"),
        widget=forms.Textarea,
        required=False,
    )
    paper = forms.FileField(label=t("盖章的意见，如有", "The sealed paper, if there is one"), required=False)
    seen = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _style(self)


PHOTOS = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"RIFF", b"\x00\x00\x00")  # JPEG, PNG, WebP, HEIC


class Many(forms.ClearableFileInput):
    allow_multiple_selected = True


class Photos(forms.FileField):
    """Several pictures at once."""

    def clean(self, data: Any, initial: Any = None) -> Any:
        files = data if isinstance(data, list | tuple) else [data]
        found = [super(Photos, self).clean(one, initial) for one in files if one]
        for one in found:
            head = one.read(12)
            one.seek(0)
            if not head.startswith(PHOTOS):
                raise forms.ValidationError(
                    say(
                        "“{f}”不是照片。传 JPG、PNG、WebP 或 HEIC。",
                        "“{f}” is no photo. Send JPG, PNG, WebP or HEIC.",
                        f=one.name,
                    )
                )
        if not found and self.required:
            raise forms.ValidationError(
                say("至少传一张现场照片。", "Add at least one photo taken on the site.")
            )
        return found


class Visit(forms.Form):
    on = day(t("日期", "Date"))
    place = forms.CharField(
        label=t("地点（写到门牌或地块）", "Place (down to the number or the parcel)"), max_length=200
    )
    note = forms.CharField(label=t("看到什么", "What was seen"), widget=forms.Textarea)
    photos = Photos(label=t("现场照片", "Photos from the site"), widget=Many(attrs={"accept": "image/*"}))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _style(self)


class Assign(forms.Form):
    user = forms.ModelChoiceField(
        User.objects.filter(is_active=True, is_system=False), label=t("加入", "Add"), required=False
    )
    role = forms.ChoiceField(choices=Member.Role.choices, label=t("角色", "Role"), required=False)
    from_on = day(t("自", "From"), required=False)
    until = day(t("暂缓到", "On hold until"), required=False)
    note = forms.CharField(label=t("暂缓原因", "Reason of the hold"), required=False, max_length=200)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _style(self)


class Correct(forms.Form):
    """What of a project was verified and can be corrected: facts, dates of milestones, amounts of payments and papers."""

    def __init__(self, project: Project, data: Any = None) -> None:
        super().__init__(data)
        hidden = {"id", "project", "version", "is_demo", "created_at", "updated_at"}
        facts = [(f.name, f.verbose_name) for f in Profile._meta.concrete_fields if f.name not in hidden]
        self.subjects: dict[str, Any] = {}
        groups: list[tuple[Any, list[tuple[str, Any]]]] = []
        counted: dict[str, models.QuerySet[Any]] = {
            say("里程碑的日期", "Dates of milestones"): project.milestones.all(),
            say("到位资金", "Capital in place"): project.capital_rows.all(),
            say("协议金额", "Amounts of agreements"): project.agreements.exclude(kind="termination"),
        }
        for words, rows in counted.items():
            known = list(rows.filter(mark__in=["verified", "locked"]))
            self.subjects |= {f"{row._meta.model_name}-{row.pk}": row for row in known}
            if known:
                groups.append((words, [(f"{row._meta.model_name}-{row.pk}", _subject(row)) for row in known]))
        groups.append((say("项目要点", "Facts"), facts))
        self.fields["field"] = forms.ChoiceField(label=say("哪一项", "Which"), choices=groups)
        self.fields["value"] = forms.CharField(
            label=say("应为", "Should be"),
            max_length=200,
            help_text=say(
                "日期写成 2026-03-02，金额写成 1,200 万元。已锁定的月份不变，差额计入第一个未锁的月份。",
                "Dates like 2026-03-02, amounts like 1,200 万元. A closed month stays; the difference counts in the first open one.",
            ),
        )
        self.fields["reason"] = forms.CharField(label=say("为什么", "Why"), max_length=300)
        _style(self)


class Counting(forms.Form):
    """Whether a project counts, and why."""

    seen = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(self, project: Project, data: Any = None) -> None:
        super().__init__(data, initial={"seen": project.version})
        language = "en" if english() else "zh"
        rows = in_force.rules().exclusions.values()
        known = [
            (row.code, row.text(language)) for row in rows if row.active and row.code != project.left_out
        ]
        again = [("", say("重新计入", "Counts again"))] if project.left_out else []
        self.fields["code"] = forms.ChoiceField(
            label=say("按哪一条", "On which ground"), choices=again + known, required=not again
        )
        self.fields["reason"] = forms.CharField(
            label=say("理由", "Reason"),
            max_length=300,
            help_text=say(
                "留在数字背后的名单里，连同你的名字。已锁定的月份不变，差额计入第一个未锁的月份。",
                "Kept in the list behind each figure, with your name. A closed month stays; the difference counts in the first open one.",
            ),
        )
        _style(self)


def _subject(row: Any) -> str:
    """A counted row as the correction form names it."""
    if hasattr(row, "received_on"):
        return f"{row.received_on} {row.payer} {''.join(show_money(row.amount_fen, currency=row.currency))}"
    if hasattr(row, "fact_on"):
        return f"{row.get_kind_display()} {row.fact_on}"
    return f"{row} {''.join(show_money(row.amount_fen)) if row.amount_fen is not None else ''}"


def typed_amount(text: str) -> int:
    try:
        return parse_money(text, default_unit="万元").fen
    except Refusal as refusal:
        raise Refusal("correction.value", refusal.zh, refusal.en, where="value") from None


def typed_day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text.strip())
    except ValueError:
        raise Refusal(
            "correction.value",
            f"“{text}”读不成日期。写成 2026-03-02 这样。",
            f"“{text}” is no date. Write it like 2026-03-02.",
            where="value",
        ) from None


class HandOver(forms.Form):
    to = forms.ModelChoiceField(User.objects.none(), label=t("移交给", "To"))
    reason = forms.CharField(label=t("为什么", "Why"), max_length=200)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["to"].queryset = officers()  # type: ignore[attr-defined]
        _style(self)


class HandOverAll(HandOver):
    leaving = forms.ModelChoiceField(User.objects.none(), label=t("谁离开", "Who leaves"))
    field_order = ("leaving", "to", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        held = Project.objects.filter(exit_code="").exclude(officer=None).values("officer")
        self.fields["leaving"].queryset = User.objects.filter(pk__in=held).order_by("name")  # type: ignore[attr-defined]
        _style(self)


def officers() -> models.QuerySet[User]:
    """People who may be in charge of a project; roles are a list in JSON, so they are sifted here."""
    rows = User.objects.filter(is_active=True, is_system=False)
    return rows.filter(pk__in=[u.pk for u in rows if "officer" in u.roles]).order_by("name")


class Share(forms.Form):
    organisation = forms.CharField(
        label=t("投资方：名称或统一代码", "Investor: name or USCC"), max_length=200
    )
    share = forms.DecimalField(
        label=t("比例 %，不知道就空着", "Share in %, empty when not known"),
        max_digits=6,
        decimal_places=3,
        min_value=0,
        max_value=100,
        required=False,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _style(self)


class CorridorWords(forms.ModelForm):  # type: ignore[type-arg]
    seen = forms.IntegerField(widget=forms.HiddenInput, required=False)

    class Meta:
        model = Corridor
        fields = ["code", "name", "source_city", "home_place", "enclave"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].help_text = t("英文短码，如 shenzhen-lab", "a short code such as shenzhen-lab")
        if self.instance.pk:
            del self.fields["code"]
        _style(self)

    def values(self) -> dict[str, Any]:
        return {k: v for k, v in self.cleaned_data.items() if k != "seen"}


class SplitRow(forms.Form):
    measure = forms.ChoiceField(label=t("指标", "Measure"), choices=Split.Measure.choices)
    from_on = day(t("自", "From"))
    source_share = forms.DecimalField(label=t("孵化地 %", "Source city %"), max_digits=5, decimal_places=2)
    enclave_share = forms.DecimalField(
        label=t("飞地园区 %", "Enclave park %"), max_digits=5, decimal_places=2, initial=0
    )
    home_share = forms.DecimalField(label=t("本地 %", "The region %"), max_digits=5, decimal_places=2)
    citation = forms.CharField(label=t("依据", "Paper"), max_length=200)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _style(self)


def store(actor: User, file: UploadedFile) -> Material:
    """Keep an uploaded file as a material, unread: evidence is looked at by people."""
    from zhaoyin.desk.materials import actions as materials

    return materials.keep_file(actor, file.name or "file", file.read())
