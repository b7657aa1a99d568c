from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import login, logout, update_session_auth_hash
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from zhaoyin.desk.accounts import actions, policy
from zhaoyin.desk.accounts.forms import Password, Person, SignIn
from zhaoyin.desk.accounts.middleware import LANGUAGE_COOKIE
from zhaoyin.desk.accounts.models import User
from zhaoyin.desk.accounts.policy import needs, public, who
from zhaoyin.desk.evidence.actions import audit
from zhaoyin.desk.lists import Column, Filter, List, list_view
from zhaoyin.desk.words import say, t


def _back(request: HttpRequest, default: str) -> str:
    target = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return target if safe else default


@public
def sign_in(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        return redirect("work:today")
    form = SignIn(request.POST or None)
    if request.method == "POST" and form.is_valid():
        assert isinstance(form.user, User)
        login(request, form.user)
        audit(form.user, "account.sign_in", form.user)
        return redirect(_back(request, "/"))
    status = 422 if form.errors else 200
    return render(
        request, "accounts/sign_in.html", {"form": form, "next": request.GET.get("next", "")}, status=status
    )


@needs("account.own")
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return redirect("accounts:sign-in")


@public
@require_POST
def language(request: HttpRequest) -> HttpResponse:
    response = redirect(_back(request, "/"))
    wanted = "en" if request.POST.get("language") == "en" else "zh-hans"
    response.set_cookie(
        LANGUAGE_COOKIE,
        wanted,
        max_age=365 * 86400,
        samesite="Lax",
        httponly=True,
        secure=request.is_secure(),
    )
    return response


@needs("account.own")
def own(request: HttpRequest) -> HttpResponse:
    form = Password(request.POST or None)
    if request.method == "POST" and form.is_valid():
        actions.set_own_password(who(request), form.cleaned_data["new"])
        update_session_auth_hash(request, who(request))
        messages.info(request, say("密码已换。", "Password changed."))
        return redirect("accounts:own")
    notes = [
        (words, policy.role_notes()[role])
        for role, words in policy.roles().items()
        if role in who(request).roles
    ]
    return render(
        request, "accounts/own.html", {"form": form, "role_notes": notes}, status=422 if form.errors else 200
    )


PEOPLE = List(
    verb="account.manage",
    title=t("账号", "Accounts"),
    columns=[
        Column("username", t("账号", "Account"), order="username"),
        Column("name", t("姓名", "Name")),
        Column("roles", t("角色", "Roles"), show=policy.role_names),
        Column("department", t("部门", "Department")),
        Column(
            "is_active",
            t("状态", "State"),
            show=lambda user: say("可登录", "Active") if user.is_active else say("已停用", "Disabled"),
        ),
    ],
    rows=lambda request: User.objects.filter(is_system=False).select_related("department"),
    url=lambda user: f"/accounts/{user.pk}/",
    search=("username", "name"),
    filters=[
        Filter(
            "is_active",
            t("状态", "State"),
            [("True", t("可登录", "Active")), ("False", t("已停用", "Disabled"))],
        )
    ],
    empty=t("还没有账号。", "No accounts yet."),
    actions="accounts/_new.html",
)
people = list_view(PEOPLE)


@needs("account.manage")
def edit(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    person = get_object_or_404(User, pk=pk, is_system=False) if pk else None
    form = Person(request.POST or None, instance=person)
    password = Password(request.POST if request.POST.get("new") else None)
    if request.method == "POST" and form.is_valid() and (not request.POST.get("new") or password.is_valid()):
        values = {
            name: form.cleaned_data[name] for name in ("username", "name", "department", "is_active", "roles")
        }
        fresh = User.objects.get(pk=pk) if pk else None
        actions.save_person(who(request), fresh, password=request.POST.get("new", ""), **values)
        messages.info(request, say("已存。", "Saved."))
        return redirect("accounts:list")
    context = {"form": form, "password": password, "person": person}
    return render(request, "accounts/edit.html", context, status=422 if request.method == "POST" else 200)
