"""Value chains of the region: versions of the graph, what sources state, who owns which segment, where we stand, whom we approach."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.conf import settings
from django.db import models
from django.urls import reverse

from zhaoyin.base.dates import today
from zhaoyin.desk.evidence.models import Row
from zhaoyin.desk.words import english, t
from zhaoyin.valuechain import Chain


class ValueChain(Row):
    """A chain. What it looks like is its current version; earlier ones stay and can be returned to."""

    code = models.SlugField(t("代码", "Code"), max_length=60, unique=True)
    name = models.CharField(t("名称", "Name"), max_length=120)
    name_en = models.CharField(t("英文名", "English name"), max_length=160, blank=True)
    leader = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=t("链长", "Chain leader"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    current = models.ForeignKey(
        "ChainVersion",
        verbose_name=t("现行版本", "Current version"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )

    rivals = models.JSONField(t("点名的对手地区", "Rivals named"), default=list, blank=True)

    class Meta:
        ordering = ["name", "id"]

    def get_absolute_url(self) -> str:
        return reverse("chains:detail", args=[self.pk])

    def __str__(self) -> str:
        return self.name_en if english() and self.name_en else self.name


class ChainVersion(models.Model):
    """One version of a chain's tables; a database trigger keeps it as it was written."""

    chain = models.ForeignKey(ValueChain, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    tables = models.JSONField()
    code_names = models.JSONField(default=dict)
    note = models.CharField(max_length=200, blank=True)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["chain", "number"], name="chain_version_once")]

    def __str__(self) -> str:
        return f"{self.chain} v{self.number}"

    @cached_property
    def graph(self) -> Chain:
        return Chain.from_tables(self.tables, code_names=self.code_names)


class Statement(Row):
    """What a source states about a segment, in its own spelling: a share, a firm, a fact. Said, never counted."""

    chain = models.ForeignKey(ValueChain, on_delete=models.CASCADE, related_name="statements")
    node_id = models.CharField(t("环节", "Segment"), max_length=60)
    kind = models.CharField(max_length=10)
    subject = models.CharField(t("主体", "Subject"), max_length=200, blank=True)
    likely_name = models.CharField(t("可能是", "Probably"), max_length=200, blank=True)
    statement = models.CharField(t("说法", "Statement"), max_length=300)
    statement_en = models.CharField(max_length=300, blank=True)
    value = models.FloatField(t("占比", "Share"), null=True, blank=True)
    bound = models.CharField(max_length=2, blank=True)
    year = models.PositiveIntegerField(t("年份", "Year"), null=True, blank=True)
    citation = models.CharField(t("出处", "Source"), max_length=300, blank=True)
    citation_en = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.statement_en if english() and self.statement_en else self.statement

    @property
    def share(self) -> str:
        """40%+ as the source puts it."""
        return "" if self.value is None else f"{self.value:.0%}{'+' if self.bound == '>=' else ''}"

    @property
    def cited(self) -> str:
        return self.citation_en if english() and self.citation_en else self.citation


class SegmentOwner(Row):
    """Who looks after a segment: the leader of its team, or a member (链长、专班)."""

    class Role(models.TextChoices):
        LEADER = "leader", t("链长", "Leader")
        TEAM = "team", t("专班", "Team")

    chain = models.ForeignKey(ValueChain, on_delete=models.CASCADE, related_name="owners")
    node_id = models.CharField(max_length=60)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="segments")
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.TEAM)

    class Meta:
        ordering = ["role", "id"]
        constraints = [
            models.UniqueConstraint(fields=["chain", "node_id", "user"], name="owner_once_per_segment")
        ]

    def __str__(self) -> str:
        return f"{self.get_role_display()} {self.user}"


FIGURE_WORDS: dict[str, Any] = {
    "firms": t("本地企业", "firms here"),
    "lq": t("区位商", "LQ"),
    "density": t("相近度", "density"),
    "n_eff": t("有效供方", "effective suppliers"),
    "dependence": t("外依度", "dependence"),
    "severity": t("严重度", "severity"),
    "diversity": t("多样性", "diversity"),
    "related_variety": t("相关多样性", "related variety"),
    "eci": t("ECI", "ECI"),
}


class Standing(Row):
    """Where the region stood in a chain when it was reckoned: the engine's report on one universe, kept whole."""

    chain = models.ForeignKey(ValueChain, on_delete=models.CASCADE, related_name="standings")
    of_version = models.ForeignKey(ChainVersion, on_delete=models.PROTECT, related_name="+")
    region = models.CharField(max_length=12)
    universe = models.CharField(max_length=200)
    firms = models.PositiveBigIntegerField()
    synthetic = models.BooleanField(default=False)
    report = models.JSONField()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.chain} {self.created_at:%F}"

    def words_of(self, field: str) -> str:
        """A proved figure in words: “mining.lq” is the LQ of gold mining."""
        node_id, _, name = field.rpartition(".")
        words = str(FIGURE_WORDS.get(name, name))
        if not node_id:
            return words
        node = self.of_version.graph.node(node_id)
        return f"{node.name_en if english() and node.name_en else node.name} {words}"


class Errand(models.Model):
    """A reckoning that was asked for, one a chain at a time: by whom, how far it is, or why there is none. Gone when done."""

    class State(models.TextChoices):
        QUEUED = "queued", t("等着测算", "Waiting to be reckoned")
        RUNNING = "running", t("正在测算", "Reckoning")
        FAILED = "failed", t("没有算成", "Not reckoned")

    chain = models.OneToOneField(ValueChain, on_delete=models.CASCADE, related_name="errand")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=8, choices=State.choices, default=State.QUEUED)
    progress = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    problem_zh = models.TextField(blank=True)
    problem_en = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"{self.chain} {self.get_state_display()}"

    @property
    def under_way(self) -> bool:
        return self.state != self.State.FAILED

    @property
    def problem(self) -> str:
        return self.problem_en if english() else self.problem_zh


SURE = 0.35  # a membership under this is a guess


class Membership(Row):
    """A local firm and a segment: by its code, by the words of its name and scope, or by a person, who has the last word."""

    class Method(models.TextChoices):
        CODE = "code", t("按行业代码", "by its code")
        TERM = "term", t("按经营范围用词", "by words of its scope")
        HUMAN = "human", t("人工认定", "by a person")

    chain = models.ForeignKey(ValueChain, on_delete=models.CASCADE, related_name="members")
    node_id = models.CharField(max_length=60)
    firm_id = models.CharField(max_length=40)
    name = models.CharField(t("企业", "Firm"), max_length=200)
    industry = models.CharField(t("行业代码", "Industry code"), max_length=8, blank=True)
    employees = models.PositiveIntegerField(t("职工", "Staff"), null=True, blank=True)
    method = models.CharField(t("依据", "How"), max_length=6, choices=Method.choices)
    score = models.FloatField()
    rank = models.PositiveSmallIntegerField(default=1)
    belongs = models.BooleanField(t("属于本环节", "Belongs"), default=True)
    evidence = models.CharField(t("证据", "Evidence"), max_length=300, blank=True)
    model_version = models.CharField(max_length=20, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-score", "-employees", "id"]
        constraints = [
            models.UniqueConstraint(fields=["chain", "node_id", "firm_id"], name="member_once_per_segment")
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def counted(self) -> bool:
        """Whether it is taken as a firm of the segment: by a code that is the segment's own, or by a person."""
        by_code = self.method == self.Method.CODE and self.score >= SURE
        return self.belongs and (self.method == self.Method.HUMAN or by_code)

    @property
    def open(self) -> bool:
        """Whether a person should still say yes or no."""
        return self.method != self.Method.HUMAN and not self.counted


OPEN = ("lead", "talks")  # stages in which a firm is still only talked to


class Approach(Row):
    """A firm of a shortlist taken up as a lead, with who goes and until when; the score and its parts as they were."""

    chain = models.ForeignKey(ValueChain, on_delete=models.PROTECT, related_name="approaches")
    node_id = models.CharField(max_length=60)
    firm_id = models.CharField(max_length=40)
    project = models.ForeignKey("projects.Project", on_delete=models.CASCADE, related_name="approaches")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="approaches")
    expires_on = models.DateField(t("到期", "Until"))
    formula = models.CharField(max_length=20)
    score = models.FloatField()
    contributions = models.JSONField(default=dict)

    class Meta:
        ordering = ["expires_on", "id"]
        constraints = [
            models.UniqueConstraint(fields=["chain", "node_id", "firm_id"], name="firm_once_per_segment")
        ]

    def __str__(self) -> str:
        return str(self.project)

    @property
    def open(self) -> bool:
        return self.project.stage in OPEN and not self.project.exit_code

    @property
    def overdue(self) -> bool:
        """Open, and past its date or past the next date of its project."""
        due = self.project.next_due_on
        return self.open and (self.expires_on < today() or (due is not None and due < today()))
