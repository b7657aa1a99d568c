"""Leads and projects, their milestones, and the stage that follows from verified ones."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import F, Q
from django.urls import reverse

from zhaoyin.desk.accounts.models import Department
from zhaoyin.desk.evidence.models import Mark, Row
from zhaoyin.desk.words import t

_told: dict[str, tuple[Any, list[tuple[str, Any]]]] = {}


def _choices(what: str) -> list[tuple[str, Any]]:
    """Words of the rules in force, made once for these rules: a list asks for them in every cell."""
    from zhaoyin.desk.projects.rules import rules

    book = rules()
    if what not in _told or _told[what][0] is not book:
        _told[what] = book, [(word.code, t(word.zh, word.en)) for word in getattr(book, what).values()]
    return _told[what][1]


def stages() -> list[tuple[str, Any]]:
    """The stages of the rules in force, as choices."""
    return _choices("stages")


def tracks() -> list[tuple[str, Any]]:
    """The tracks of the rules in force, as choices: a pack may add one."""
    return _choices("tracks")


def exclusions() -> list[tuple[str, Any]]:
    """Why the rules in force may leave a project out of the figures, as choices."""
    return _choices("exclusions")


def gates() -> list[tuple[str, Any]]:
    """The milestones of the rules in force, as choices."""
    return _choices("gates")


class VisibleManager(models.Manager["Project"]):
    """Projects as people see them: those of a batch that is loading or was reversed are not there."""

    def get_queryset(self) -> models.QuerySet[Project]:
        hidden = Batch.objects.filter(state__in=[Batch.State.LOADING, Batch.State.REVERSED]).values("pk")
        return super().get_queryset().exclude(batch__in=hidden)


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
    track = models.CharField(t("类别", "Track"), max_length=12, choices=tracks, blank=True)
    stage = models.CharField(
        t("阶段", "Stage"),
        max_length=10,
        choices=stages,
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
    company_as_said = models.CharField(t("所称企业", "Company as said"), max_length=200, blank=True)
    reported_by = models.CharField(t("报告人", "Reported by"), max_length=60, blank=True)
    reported_on = models.DateField(t("报告日期", "Reported on"), null=True, blank=True)
    need = models.TextField(t("大致需求", "Rough need"), blank=True)
    duplicate_checked = models.BooleanField(t("查过重", "Duplicates checked"), default=False)
    department = models.ForeignKey(
        Department,
        verbose_name=t("部门", "Department"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    corridor = models.ForeignKey(
        "Corridor",
        verbose_name=t("协作", "Corridor"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="projects",
    )
    enquired_on = models.DateField(t("客商来问", "Enquired on"), null=True, blank=True)
    first_reply_on = models.DateField(t("首次答复", "First reply"), null=True, blank=True)
    last_contact_on = models.DateField(t("最近联系", "Last contact"), null=True, blank=True)
    last_progress_on = models.DateField(t("最近进展", "Last progress"), null=True, blank=True)
    paused_from = models.DateField(t("暂缓自", "On hold from"), null=True, blank=True)
    paused_until = models.DateField(t("暂缓到", "On hold until"), null=True, blank=True)
    episode_of = models.ForeignKey(
        "self",
        verbose_name=t("前一段", "Earlier episode"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="episodes",
    )
    batch = models.ForeignKey(
        "Batch", null=True, blank=True, on_delete=models.PROTECT, related_name="projects", editable=False
    )
    objects = VisibleManager()
    all_objects = models.Manager()  # with what a batch still hides; migrations and relations use it

    # written by derive() with the stage, from the rules and the books; never typed
    exit_code = models.CharField(max_length=16, blank=True, editable=False, db_index=True)
    due_rule = models.CharField(max_length=24, blank=True, editable=False)
    due_who = models.CharField(max_length=16, blank=True, editable=False)
    yellow_on = models.DateField(null=True, blank=True, editable=False)
    red_on = models.DateField(null=True, blank=True, editable=False)
    missing = models.PositiveSmallIntegerField(default=0, editable=False)
    cohort = models.PositiveIntegerField(default=0, editable=False)
    # an exclusion of the rules; blank: the project counts. Only projects.counting writes it, with the books
    left_out = models.CharField(
        t("不计入", "Left out"), max_length=16, choices=exclusions, blank=True, editable=False
    )
    contracted_fen = models.BigIntegerField(t("签约额", "Contracted"), default=0, editable=False)
    capital_fen = models.BigIntegerField(t("到位资金", "Capital in place"), default=0, editable=False)

    class Meta:
        ordering = ["-id"]
        base_manager_name = "all_objects"
        indexes = [
            models.Index(fields=["exit_code", "stage", "red_on", "id"], name="project_board"),
            # the board's counts, sums and lights come from this index alone
            models.Index(
                fields=[
                    "exit_code",
                    "stage",
                    "batch",
                    "is_demo",
                    "paused_until",
                    "red_on",
                    "yellow_on",
                    "contracted_fen",
                    "left_out",
                ],
                name="project_counts",
            ),
            models.Index(fields=["name"], name="project_name"),
            models.Index(fields=["company_as_said"], name="project_company"),
            models.Index(fields=["is_demo"], condition=Q(is_demo=True), name="project_demo"),
            models.Index(fields=["left_out"], condition=~Q(left_out=""), name="project_left_out"),
            models.Index(fields=["exit_code", "red_on"], name="project_red"),
            models.Index(fields=["exit_code", "yellow_on"], name="project_yellow"),
            models.Index(fields=["stage", "track", "place"], name="project_filters"),
        ]

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
    """A dated fact that moves a project: said by the press, claimed, verified, locked. Three dates.

    ``period`` is the month (yyyymm) it counts in, set when verified; ``adjusts`` the closed month it belongs to.
    """

    class Kind(models.TextChoices):
        LEAD = "lead", t("线索", "Lead")
        TALKS = "talks", t("洽谈", "Talks")
        REVIEW = "review", t("评审", "Review")
        SIGNED = "signed", t("签约", "Signed")
        LANDED = "landed", t("落地", "Landed")
        STARTED = "started", t("开工", "Started")
        PRODUCING = "producing", t("投产", "Producing")
        CAPACITY = "capacity", t("达产", "At capacity")

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="milestones")
    kind = models.CharField(t("里程碑", "Milestone"), max_length=10, choices=gates)
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
    return_note = models.CharField(t("退回原因", "Reason of return"), max_length=300, blank=True)
    period = models.PositiveIntegerField(null=True, blank=True, editable=False)
    adjusts = models.PositiveIntegerField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["project", "id"]
        indexes = [
            models.Index(fields=["project", "kind", "mark"]),
            models.Index(
                fields=["mark", "recorded_on"], condition=Q(mark="claimed"), name="milestone_claimed"
            ),
            models.Index(fields=["period", "mark"], name="milestone_period"),
        ]
        constraints = [
            # what was returned stays as history; of what stands there is one
            models.UniqueConstraint(
                fields=["project", "kind"],
                condition=Q(mark__in=["claimed", "verified", "locked"]),
                name="milestone_stands_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.project} {self.get_kind_display()}"


class PlanDate(Row):
    """Plan, first plan (baseline) and forecast of one milestone; the actual date is the milestone's own."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="plan_dates")
    kind = models.CharField(t("里程碑", "Milestone"), max_length=10, choices=gates)
    baseline_on = models.DateField(t("原计划", "Baseline"), null=True, blank=True)
    planned_on = models.DateField(t("计划", "Plan"), null=True, blank=True)
    forecast_on = models.DateField(t("预测", "Forecast"), null=True, blank=True)
    slips = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "kind"], name="plan_once_per_milestone")]

    def __str__(self) -> str:
        return f"{self.project} {self.get_kind_display()}"


class Profile(Row):
    """What the gates after talks ask a project to state; one row a project, empty until stated."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="profile")
    contact_name = models.CharField(t("联系人", "Contact"), max_length=60, blank=True)
    chain_node = models.CharField(t("产业链环节", "Chain segment"), max_length=80, blank=True)
    need_profile = models.TextField(t("需求说明", "Need profile"), blank=True)
    investment_fen = models.BigIntegerField(t("总投资", "Total investment"), null=True, blank=True)
    fixed_assets_fen = models.BigIntegerField(t("固定资产投资", "Fixed assets"), null=True, blank=True)
    site_area_m2 = models.DecimalField(
        t("用地或厂房面积", "Land or floor area"), max_digits=14, decimal_places=2, null=True, blank=True
    )
    utilities = models.CharField(t("水电能耗", "Utilities"), max_length=200, blank=True)
    emissions = models.CharField(t("排放", "Emissions"), max_length=200, blank=True)
    jobs = models.PositiveIntegerField(t("用工", "Jobs"), null=True, blank=True)
    output_fen = models.BigIntegerField(t("年产值", "Output a year"), null=True, blank=True)
    tax_fen = models.BigIntegerField(t("年税收", "Tax a year"), null=True, blank=True)
    funding_plan = models.CharField(t("资金计划", "Funding plan"), max_length=300, blank=True)
    requested_incentives = models.CharField(
        t("要求的政策", "Requested incentives"), max_length=300, blank=True
    )
    signing_unit = models.CharField(t("签约单位", "Signing unit"), max_length=120, blank=True)
    capital_schedule = models.CharField(t("出资计划", "Capital schedule"), max_length=300, blank=True)
    local_entity = models.CharField(t("本地企业", "Local entity"), max_length=200, blank=True)
    registered_capital_fen = models.BigIntegerField(
        t("注册资本", "Registered capital"), null=True, blank=True
    )
    carrier_contract = models.CharField(t("载体合同", "Carrier contract"), max_length=120, blank=True)
    filing_code = models.CharField(t("备案代码", "Filing code"), max_length=60, blank=True)
    new_land = models.BooleanField(t("用新增用地", "On newly released land"), default=False)
    land_filed_on = models.DateField(t("新增用地上报", "New land filed on"), null=True, blank=True)
    hold_until = models.DateField(t("载体预留到", "Carrier held until"), null=True, blank=True)
    contractor = models.CharField(t("施工单位", "Contractor"), max_length=120, blank=True)
    year_investment_fen = models.BigIntegerField(
        t("本年计划投资", "Investment this year"), null=True, blank=True
    )
    statistics_entry = models.CharField(
        t("入统编码或原因", "Statistics code or reason"), max_length=120, blank=True
    )
    statistics_on = models.DateField(t("入统日期", "Entered in statistics on"), null=True, blank=True)
    completion_on = models.DateField(t("竣工日期", "Completed on"), null=True, blank=True)
    first_product = models.CharField(t("首个产品", "First product"), max_length=120, blank=True)
    staff = models.PositiveIntegerField(t("在岗人数", "Staff"), null=True, blank=True)
    power_use = models.CharField(t("用电量", "Power use"), max_length=60, blank=True)
    progress_planned = models.PositiveSmallIntegerField(
        t("计划进度 %", "Planned progress %"), null=True, blank=True, validators=[MaxValueValidator(100)]
    )
    progress_actual = models.PositiveSmallIntegerField(
        t("实际进度 %", "Actual progress %"), null=True, blank=True, validators=[MaxValueValidator(100)]
    )
    output_12m_fen = models.BigIntegerField(t("12 个月产值", "12-month output"), null=True, blank=True)
    tax_12m_fen = models.BigIntegerField(t("12 个月税收", "12-month tax"), null=True, blank=True)
    jobs_actual = models.PositiveIntegerField(t("实际用工", "Actual jobs"), null=True, blank=True)
    rd_actual_fen = models.BigIntegerField(t("研发投入", "Research spending"), null=True, blank=True)
    per_mu = models.CharField(t("亩均值", "Values per mu"), max_length=120, blank=True)
    scale_code = models.CharField(t("入规编码", "Above-scale code"), max_length=60, blank=True)

    def __str__(self) -> str:
        return str(self.project)


class Member(Row):
    """Somebody on the project's team, from when to when. Whoever is or was on it never verifies it."""

    class Role(models.TextChoices):
        LEAD_OFFICIAL = "lead_official", t("挂帅领导", "Lead official")
        OFFICER = "officer", t("专班", "Officer")
        PARK = "park", t("园区", "Park")
        DEPARTMENT = "department", t("部门", "Department")

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(t("角色", "Role"), max_length=14, choices=Role.choices, default=Role.OFFICER)
    from_on = models.DateField(t("自", "From"))
    to_on = models.DateField(t("至", "To"), null=True, blank=True)

    class Meta:
        ordering = ["from_on", "id"]
        constraints = [
            models.UniqueConstraint(fields=["project", "user"], condition=Q(to_on=None), name="member_once")
        ]

    def __str__(self) -> str:
        return f"{self.user}"


class FirstTalks(Row):
    """首谈: who talked to this investor about this first. A conflict is decided by the head, not by overwriting."""

    class State(models.TextChoices):
        CLAIMED = "claimed", t("待定", "To decide")
        REGISTERED = "registered", t("已登记", "Registered")
        REFUSED = "refused", t("未认定", "Not recognised")

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="first_talks")
    organisation = models.ForeignKey(
        "parties.Organisation", null=True, blank=True, on_delete=models.PROTECT, related_name="first_talks"
    )
    officer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    talked_on = models.DateField(t("首谈日期", "First talks on"))
    state = models.CharField(max_length=10, choices=State.choices, default=State.CLAIMED)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    note = models.CharField(t("理由", "Reason"), max_length=300, blank=True)

    class Meta:
        ordering = ["talked_on", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["project"], condition=Q(state="registered"), name="first_talks_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.project} {self.talked_on}"


class Opinion(Row):
    """会签: what one department says about a project before its review, asked on a day and due by its own clock."""

    class State(models.TextChoices):
        ASKED = "asked", t("待答", "Asked")
        AGREED = "agreed", t("同意", "Agrees")
        CONDITIONAL = "conditional", t("有条件同意", "Agrees with conditions")
        OBJECTED = "objected", t("不同意", "Objects")

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="opinions")
    kind = models.CharField(max_length=30)  # a kind of evidence of the rules that comes as an opinion
    department = models.ForeignKey(
        Department, verbose_name=t("会办部门", "Department"), on_delete=models.PROTECT, related_name="+"
    )
    asked_on = models.DateField(t("送办", "Asked on"))
    due_on = models.DateField(t("期限", "Due"))
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(t("意见", "Opinion"), max_length=12, choices=State.choices, default=State.ASKED)
    text = models.TextField(t("理由与条件", "Grounds and conditions"), blank=True)
    answered_on = models.DateField(t("答复", "Answered"), null=True, blank=True)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    material = models.ForeignKey(
        "materials.Material", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        ordering = ["due_on", "id"]
        indexes = [
            models.Index(fields=["department", "due_on"], condition=Q(state="asked"), name="opinion_open")
        ]
        constraints = [models.UniqueConstraint(fields=["project", "kind"], name="opinion_once")]

    def get_absolute_url(self) -> str:
        return reverse("projects:opinion", args=[self.pk])

    def __str__(self) -> str:
        return f"{self.project} {self.department}"


class SiteVisit(Row):
    """A verifier went and looked: when, where, what was seen. The photos are files of the gate."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="visits")
    gate = models.CharField(max_length=10, choices=gates)
    on = models.DateField(t("日期", "Date"))
    place = models.CharField(t("地点", "Place"), max_length=200)
    note = models.TextField(t("看到什么", "What was seen"))
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["-on", "-id"]

    def __str__(self) -> str:
        return f"{self.on} {self.place}"


class GateFile(Row):
    """A file bound to a gate as one kind of evidence the rules name."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="files")
    gate = models.CharField(max_length=10, choices=gates)
    kind = models.CharField(max_length=30)  # a kind of evidence of the rules
    material = models.ForeignKey(
        "materials.Material", null=True, blank=True, on_delete=models.PROTECT, related_name="gate_files"
    )
    title = models.CharField(t("标题", "Title"), max_length=200)
    sha256 = models.CharField(max_length=64)
    visit = models.ForeignKey(
        SiteVisit, null=True, blank=True, on_delete=models.PROTECT, related_name="photos"
    )
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["project", "gate", "kind", "sha256"], name="gate_file_once")
        ]

    def __str__(self) -> str:
        return self.title


class Exit(Row):
    """How a project left; the record stays. ``credit`` maps a place to per cent when it was passed on (流转)."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="exit")
    code = models.CharField(t("种类", "Kind"), max_length=16)
    on = models.DateField(t("日期", "Date"))
    decider = models.CharField(t("决定人", "Decided by"), max_length=60)
    cause = models.CharField(t("原因", "Reason"), max_length=24)
    note = models.TextField(t("说明", "Note"))
    to_place = models.CharField(t("去向", "Went to"), max_length=120, blank=True)
    merged_into = models.ForeignKey(
        Project, null=True, blank=True, on_delete=models.PROTECT, related_name="merged"
    )
    opinion = models.CharField(t("哪条意见", "Which opinion"), max_length=200, blank=True)
    breach = models.CharField(t("谁违反哪一条", "Who broke which clause"), max_length=200, blank=True)
    recovery = models.CharField(t("收回", "Recovery"), max_length=200, blank=True)
    credit = models.JSONField(default=dict, blank=True)

    def __str__(self) -> str:
        return f"{self.project} {self.code}"


class Correction(Row):
    """A mistake in a value that was verified: what it said, what is right, why, and the month the difference counts in."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="corrections")
    subject = models.CharField(max_length=40)  # app_label.model:id
    field = models.CharField(max_length=40)
    before = models.CharField(max_length=200, blank=True)
    after = models.CharField(max_length=200, blank=True)
    note = models.CharField(t("原因", "Reason"), max_length=300)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    period = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.subject}.{self.field}"


class Corridor(Row):
    """A lasting link (飞地/协作) between a source city and the region."""

    code = models.SlugField(max_length=40, unique=True)
    name = models.CharField(t("名称", "Name"), max_length=120)
    source_city = models.CharField(t("孵化地", "Incubated in"), max_length=60)
    home_place = models.CharField(t("产业化地", "Industrialised in"), max_length=60)
    enclave = models.ForeignKey(
        "sites.Carrier",
        verbose_name=t("飞地园区", "Enclave park"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )

    class Meta:
        ordering = ["code"]

    def get_absolute_url(self) -> str:
        return reverse("projects:corridor", args=[self.pk])

    def __str__(self) -> str:
        return self.name


class Split(Row):
    """From a day on, how a measure counts: for the source city, the enclave park and the region, together 100 %.

    A row is never changed: a new day makes a new version, and what was booked keeps the one of its day.
    """

    class Measure(models.TextChoices):
        CONTRACTED = "contracted", t("签约额", "Contracted amount")
        CAPITAL = "capital", t("到位资金", "Capital in place")
        OUTPUT = "output", t("产值", "Output")
        TAX = "tax", t("税收", "Tax")

    corridor = models.ForeignKey(Corridor, on_delete=models.CASCADE, related_name="splits")
    measure = models.CharField(t("指标", "Measure"), max_length=10, choices=Measure.choices)
    from_on = models.DateField(t("自", "From"))
    source_share = models.DecimalField(t("孵化地 %", "Source city %"), max_digits=5, decimal_places=2)
    enclave_share = models.DecimalField(
        t("飞地园区 %", "Enclave park %"), max_digits=5, decimal_places=2, default=0
    )
    home_share = models.DecimalField(t("本地 %", "The region %"), max_digits=5, decimal_places=2, default=0)
    citation = models.CharField(t("依据", "Paper"), max_length=200, blank=True)

    class Meta:
        ordering = ["corridor", "measure", "-from_on"]
        constraints = [
            models.UniqueConstraint(fields=["corridor", "measure", "from_on"], name="split_once_a_day"),
            models.CheckConstraint(
                condition=Q(source_share__gte=0)
                & Q(enclave_share__gte=0)
                & Q(home_share__gte=0)
                # exact for two decimals, also where a database keeps them as floating point
                & Q(source_share__gt=99.999 - F("enclave_share") - F("home_share"))
                & Q(source_share__lt=100.001 - F("enclave_share") - F("home_share")),
                name="split_adds_up",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.corridor} {self.measure} {self.from_on}"


class SavedView(models.Model):
    """A person's own filters of the ledger, under a name."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(t("名称", "Name"), max_length=40)
    query = models.CharField(max_length=400)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["owner", "name"], name="view_once_per_name")]

    def __str__(self) -> str:
        return self.name


class Batch(Row):
    """One import: staged rows, checked, then visible at once, and reversible as long as nothing was built on it."""

    class State(models.TextChoices):
        STAGED = "staged", t("待导入", "Staged")
        LOADING = "loading", t("导入中", "Loading")
        VISIBLE = "visible", t("已导入", "Imported")
        REVERSED = "reversed", t("已撤回", "Reversed")

    file_name = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=64)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, choices=State.choices, default=State.STAGED)
    mapping = models.JSONField(default=dict)
    heads = models.CharField(
        max_length=64, blank=True
    )  # digest of the header row, to remember the mapping by
    rows = models.PositiveIntegerField(default=0)
    bad = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    material = models.ForeignKey("materials.Material", null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "batches"

    def __str__(self) -> str:
        return self.file_name
