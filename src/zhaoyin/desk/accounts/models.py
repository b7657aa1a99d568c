"""People and the departments they belong to."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.core.exceptions import ValidationError
from django.db import models

from zhaoyin.desk.words import english, t


class Department(models.Model):
    """A node of the tree of departments. ``path`` is the chain of ids, so that "below" is a prefix test."""

    code = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=100)
    name_en = models.CharField(max_length=100, blank=True)
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="children"
    )
    path = models.CharField(max_length=255, editable=False, db_index=True)

    class Meta:
        ordering = ["path"]

    def __str__(self) -> str:
        return self.name_en if english() and self.name_en else self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        super().save(*args, **kwargs)
        path = f"{self.parent.path if self.parent else '/'}{self.pk}/"
        if path != self.path:
            old = self.path
            self.path = path
            Department.objects.filter(pk=self.pk).update(path=path)
            if old:
                for below in Department.objects.filter(path__startswith=old).exclude(pk=self.pk):
                    Department.objects.filter(pk=below.pk).update(path=path + below.path[len(old) :])


def _known_roles(codes: list[str]) -> None:
    from zhaoyin.desk.accounts.policy import roles

    if not isinstance(codes, list) or set(codes) - set(roles()):
        raise ValidationError(str(t("角色代码不认识。", "Unknown role code.")))


class UserManager(BaseUserManager["User"]):
    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(username=username)


class User(AbstractBaseUser):
    """A person with an account. ``roles`` holds role codes of policy.toml."""

    username = models.CharField(max_length=60, unique=True)
    name = models.CharField(max_length=60)
    department = models.ForeignKey(
        Department, null=True, blank=True, on_delete=models.PROTECT, related_name="people"
    )
    roles = models.JSONField(default=list, blank=True, validators=[_known_roles])
    language = models.CharField(max_length=10, blank=True)
    is_active = models.BooleanField(default=True)
    is_demo = models.BooleanField(default=False)
    is_system = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = UserManager()
    USERNAME_FIELD = "username"
    REQUIRED_FIELDS = ["name"]

    class Meta:
        ordering = ["username"]

    def __str__(self) -> str:
        return self.name

    def get_short_name(self) -> str:
        return self.name
