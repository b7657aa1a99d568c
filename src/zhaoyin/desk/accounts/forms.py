from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth import authenticate
from django.contrib.auth.password_validation import validate_password

from zhaoyin.desk.accounts.models import Department, User
from zhaoyin.desk.accounts.policy import roles
from zhaoyin.desk.words import t


class SignIn(forms.Form):
    username = forms.CharField(
        label=t("账号", "Account"),
        max_length=60,
        widget=forms.TextInput(
            attrs={"class": "form-control", "autocomplete": "username", "autofocus": True}
        ),
    )
    password = forms.CharField(
        label=t("密码", "Password"),
        max_length=200,
        widget=forms.PasswordInput(attrs={"class": "form-control", "autocomplete": "current-password"}),
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("username") and data.get("password"):
            self.user = authenticate(username=data["username"], password=data["password"])
            if self.user is None:
                raise forms.ValidationError(
                    t(
                        "账号或密码不对。忘了密码，找系统管理员重设。",
                        "Account or password is wrong. An administrator can set a new password.",
                    )
                )
        return data


class Password(forms.Form):
    new = forms.CharField(
        label=t("新密码", "New password"),
        max_length=200,
        help_text=t("至少 10 位，不要太常见。", "At least 10 characters, and not a common one."),
        widget=forms.PasswordInput(attrs={"class": "form-control", "autocomplete": "new-password"}),
    )

    def clean_new(self) -> str:
        password: str = self.cleaned_data["new"]
        validate_password(password)
        return password


class Person(forms.ModelForm):  # type: ignore[type-arg]
    roles = forms.MultipleChoiceField(
        label=t("角色", "Roles"), required=False, widget=forms.CheckboxSelectMultiple
    )

    class Meta:
        model = User
        fields = ["username", "name", "department", "is_active"]
        labels = {
            "username": t("账号", "Account"),
            "name": t("姓名", "Name"),
            "department": t("部门", "Department"),
            "is_active": t("可以登录", "May sign in"),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["roles"].choices = list(roles().items())  # type: ignore[attr-defined]
        self.fields["department"].queryset = Department.objects.all()  # type: ignore[attr-defined]
        for name in ("username", "name"):
            self.fields[name].widget.attrs["class"] = "form-control"
        self.fields["department"].widget.attrs["class"] = "form-select"
        if self.instance.pk:
            self.initial["roles"] = self.instance.roles
