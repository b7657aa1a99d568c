from __future__ import annotations

import re
from typing import Any

from django import forms

from zhaoyin.desk.accounts.models import Department
from zhaoyin.desk.deals.models import Agreement, Capital, Commitment
from zhaoyin.desk.parties.models import Organisation
from zhaoyin.desk.projects.forms import Amount, _style, day
from zhaoyin.desk.projects.models import Project
from zhaoyin.desk.words import say, t

CURRENCIES = [
    ("CNY", t("人民币 CNY", "Yuan CNY")),
    ("USD", t("美元 USD", "US dollar USD")),
    ("EUR", t("欧元 EUR", "Euro EUR")),
    ("HKD", t("港元 HKD", "Hong Kong dollar HKD")),
    ("JPY", t("日元 JPY", "Yen JPY")),
    ("KRW", t("韩元 KRW", "Won KRW")),
    ("SGD", t("新加坡元 SGD", "Singapore dollar SGD")),
]


class Paper(forms.Form):
    name = forms.CharField(label=t("名称", "Name"), max_length=200)
    kind = forms.ChoiceField(label=t("类型", "Kind"), choices=Agreement.Kind.choices)
    signed_on = day(t("签订日", "Signed on"))
    amount = Amount(label=t("金额", "Amount"), required=False)
    outside = Amount(label=t("其中区外资金", "Of it from outside"), required=False)
    currency = forms.ChoiceField(label=t("币种", "Currency"), choices=CURRENCIES, required=False)
    local = forms.ModelMultipleChoiceField(
        Organisation.objects.all()[:2000], label=t("本地方", "Local side"), required=False
    )
    investors = forms.ModelMultipleChoiceField(
        Organisation.objects.all()[:2000], label=t("投资方", "Investor side"), required=False
    )
    amends = forms.ModelChoiceField(
        Agreement.objects.none(),
        label=t("改的是哪份合同（补充、解除）", "Contract it changes (supplement, termination)"),
        required=False,
    )

    def __init__(self, project: Project, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        organisations = Organisation.objects.order_by("name")
        for name in ("local", "investors"):
            self.fields[name].queryset = organisations  # type: ignore[attr-defined]
        self.fields["amends"].queryset = project.agreements.filter(kind=Agreement.Kind.CONTRACT)  # type: ignore[attr-defined]
        self.initial.setdefault("investors", project.investors.all())
        if project.local_party:
            self.initial.setdefault("local", [project.local_party])
        _style(self)

    def values(self) -> dict[str, Any]:
        given = dict(self.cleaned_data)
        given["amount_fen"], given["outside_fen"] = given.pop("amount"), given.pop("outside")
        given["currency"] = given["currency"] or "CNY"
        return {k: v for k, v in given.items() if v is not None}


class PaperWords(forms.ModelForm):  # type: ignore[type-arg]
    seen = forms.IntegerField(widget=forms.HiddenInput, required=False)
    amount = Amount(label=t("金额", "Amount"), required=False)
    codes = forms.CharField(
        label=t("涉及项目的编号，用逗号分开", "Codes of its projects, with commas between"),
        required=False,
        max_length=400,
    )

    class Meta:
        model = Agreement
        fields = ["name", "kind", "signed_on", "event", "place"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["amount"] = self.instance.amount_fen
        self.initial["codes"] = ", ".join(self.instance.projects.values_list("code", flat=True))
        _style(self)

    def clean_codes(self) -> list[Project]:
        codes = [c for c in re.split(r"[\s,，、;；]+", self.cleaned_data["codes"]) if c]
        found = list(Project.objects.filter(code__in=codes))
        if missing := sorted(set(codes) - {p.code for p in found}):
            raise forms.ValidationError(
                say(
                    "台账里没有 {c}。核对编号。",
                    "The ledger has no {c}. Check the code.",
                    c="、".join(missing),
                )
            )
        return found

    def values(self) -> dict[str, Any]:
        given = {name: self.cleaned_data[name] for name in self.Meta.fields}
        return given | {"amount_fen": self.cleaned_data["amount"], "projects": self.cleaned_data["codes"]}


class Shares(forms.Form):
    def __init__(self, paper: Agreement, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        held = dict(paper.shares.values_list("project", "amount_fen"))
        for project in paper.projects.all():
            self.fields[str(project.pk)] = Amount(label=project.name, initial=held.get(project.pk))

    def values(self) -> dict[int, int]:
        return {int(name): value for name, value in self.cleaned_data.items()}


class Payment(forms.Form):
    received_on = day(t("到账日", "Received on"))
    amount = Amount(label=t("金额", "Amount"))
    currency = forms.ChoiceField(label=t("币种", "Currency"), choices=CURRENCIES)
    payer = forms.CharField(label=t("付款人", "Payer"), max_length=200)
    payer_region = forms.CharField(
        label=t(
            "付款方地区：六位区划代码，境外写两位国家代码",
            "Payer's region: six-digit code, or a two-letter country code",
        ),
        max_length=6,
    )
    payee = forms.CharField(label=t("收款人", "Payee"), max_length=200, required=False)
    use = forms.ChoiceField(label=t("用途", "Use"), choices=Capital.Use.choices)
    summary = forms.CharField(label=t("摘要", "What"), max_length=200, required=False)
    voucher = forms.FileField(label=t("凭证：银行回单或发票", "Voucher: bank slip or invoice"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _style(self)

    def values(self) -> dict[str, Any]:
        given = {k: v for k, v in self.cleaned_data.items() if k not in {"amount", "voucher"}}
        return given | {"amount_fen": self.cleaned_data["amount"]}


class Promise(forms.Form):
    side = forms.ChoiceField(label=t("哪一方", "Side"), choices=Commitment.Side.choices)
    text = forms.CharField(label=t("内容", "What"), max_length=300)
    clause = forms.CharField(label=t("条款", "Clause"), max_length=120, required=False)
    amount = Amount(label=t("金额", "Amount"), required=False)
    condition = forms.CharField(label=t("条件", "Condition"), max_length=300, required=False)
    due_on = day(t("期限", "Due"), required=False)
    owner_department = forms.ModelChoiceField(
        Department.objects.all(), label=t("责任部门", "Owner"), required=False
    )
    owner_text = forms.CharField(label=t("责任方", "Responsible"), max_length=120, required=False)
    agreement = forms.ModelChoiceField(
        Agreement.objects.none(), label=t("出自哪份协议", "From which agreement"), required=False
    )

    def __init__(self, project: Project, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["agreement"].queryset = project.agreements.all()  # type: ignore[attr-defined]
        _style(self)

    def values(self) -> dict[str, Any]:
        given = dict(self.cleaned_data)
        given["amount_fen"] = given.pop("amount")
        return {k: v for k, v in given.items() if v not in (None, "")}


class Settle(forms.Form):
    settled_on = day(t("兑现日", "Kept on"))
    proof_text = forms.CharField(label=t("凭什么", "Proof"), max_length=200)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _style(self)


class Conclude(forms.Form):
    state = forms.ChoiceField(label=t("怎么了结", "How it ends"), choices=Commitment.State.choices[2:])
    reason = forms.CharField(label=t("理由与依据", "Reason and ground"), max_length=200)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _style(self)


class DayRate(forms.Form):
    currency = forms.ChoiceField(label=t("币种", "Currency"), choices=CURRENCIES[1:])
    on = day(t("日期", "Date"))
    per_100 = forms.DecimalField(
        label=t("每 100 单位折人民币", "CNY per 100 units"), max_digits=14, decimal_places=6
    )
    source = forms.CharField(label=t("来源", "Source"), max_length=120)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _style(self)
