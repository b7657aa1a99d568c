"""Leads and projects, their milestones, and the stage that follows from verified ones."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.urls import reverse

from zhaoyin.desk.evidence.models import Mark, Row
from zhaoyin.desk.words import t


class Project(Row):
    """One investment by one or more investors at one place. ``stage`` and ``next_due_on`` are written by derive() only."""

    class Stage(models.TextChoices):
        LEAD = "lead", t("线索", "Lead")
        TALKS = "talks", t("洽谈", "Talks")
        SIGNED = "signed", t("签约", "Signed")
        LANDED = "landed", t("落地", "Landed")
        STARTED = "started", t("开工", "Started")
        PRODUCING = "producing", t("投产", "Producing")
        CAPACITY = "capacity", t("达产", "At capacity")

    class Track(models.TextChoices):
        LAND = "land", t("用地新建", "Land and build")
        LEASE = "lease", t("租赁厂房", "Leased workshop")
        UPGRADE = "upgrade", t("增资技改", "Expansion or upgrade")
        SERVICE = "service", t("服务业/总部", "Services or headquarters")
        RESEARCH = "research", t("研发/人才", "Research or talent")
        ACQUISITION = "acquisition", t("并购股权", "Acquisition")

    code = models.CharField(t("编号", "Code"), max_length=20, unique=True)
    name = models.CharField(t("名称", "Name"), max_length=200)
    track = models.CharField(t("类别", "Track"), max_length=12, choices=Track.choices, blank=True)
    stage = models.CharField(
        t("阶段", "Stage"),
        max_length=10,
        choices=Stage.choices,
        default=Stage.LEAD,
        editable=False,
        db_index=True,
    )
    next_due_on = models.DateField(t("下一期限", "Next due"), null=True, blank=True, editable=False)
    rules_version = models.CharField(max_length=40, blank=True, editable=False)
    sector = models.CharField(t("产业", "Sector"), max_length=40, blank=True)
    place_text = models.CharField(t("落地原话", "Place as written"), max_length=120, blank=True)
    place = models.ForeignKey(
        "sites.Carrier",
        verbose_name=t("落地", "Place"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="projects",
    )
    local_party = models.ForeignKey(
        "parties.Organisation",
        verbose_name=t("本地方", "Local party"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="hosted_projects",
    )
    investors = models.ManyToManyField("parties.Organisation", through="Investor", related_name="projects")
    officer = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=t("主办", "Officer"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="projects",
    )
    source = models.CharField(t("来源", "Source"), max_length=120, blank=True)

    class Meta:
        ordering = ["-id"]

    def get_absolute_url(self) -> str:
        return reverse("projects:detail", args=[self.pk])

    def __str__(self) -> str:
        return self.name


class Investor(Row):
    """An organisation's part in a project; ``share`` in per cent, where known."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="investor_rows")
    organisation = models.ForeignKey(
        "parties.Organisation", on_delete=models.PROTECT, related_name="investor_rows"
    )
    share = models.DecimalField(max_digits=6, decimal_places=3, null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "organisation"], name="investor_once_per_project")
        ]

    def __str__(self) -> str:
        return f"{self.organisation}"


class Milestone(Row):
    """A dated fact that moves a project: said by the press, claimed, verified, locked. Three dates."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="milestones")
    kind = models.CharField(t("里程碑", "Milestone"), max_length=10, choices=Project.Stage.choices)
    mark = models.CharField(max_length=10, choices=Mark.choices, default=Mark.SAID)
    fact_on = models.DateField(t("事实", "Fact"), null=True, blank=True)
    fact_text = models.CharField(max_length=40, blank=True)  # a date without a year, as written
    recorded_on = models.DateField(t("记录", "Record"))
    verified_on = models.DateField(t("核验", "Verification"), null=True, blank=True)
    verified_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        ordering = ["project", "id"]
        indexes = [models.Index(fields=["project", "kind", "mark"])]

    def __str__(self) -> str:
        return f"{self.project} {self.get_kind_display()}"
