"""People and ready-made projects for the tests of projects, deals and reports."""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools

from zhaoyin.desk.accounts.models import Department, User
from zhaoyin.desk.deals import actions as deals
from zhaoyin.desk.deals.models import Agreement, Commitment
from zhaoyin.desk.parties.models import Organisation
from zhaoyin.desk.projects import actions
from zhaoyin.desk.projects.models import GateFile, Member, Milestone, Profile, Project
from zhaoyin.desk.projects.rules import rules

D = dt.date
START, SIGNED = D(2026, 1, 5), D(2026, 3, 2)
_number = itertools.count(1)
ORDER = ("lead", "talks", "review", "signed", "landed", "started", "producing", "capacity")


class People:
    """One person per role; ``officer2`` is in another department, ``verifier2`` a second verifier."""

    def __init__(self):
        self.bureau, _ = Department.objects.get_or_create(code="bureau", defaults={"name": "商务局"})
        for name, roles in {
            "officer": ["officer"],
            "officer2": ["officer"],
            "head": ["head"],
            "park": ["park_manager"],
            "verifier": ["verifier"],
            "verifier2": ["verifier"],
            "leader": ["leader"],
            "department": ["department"],
            "auditor": ["auditor"],
        }.items():
            user = User(username=name, name=name, roles=roles, department=self.bureau, password="!")
            user.save()
            setattr(self, name, user)

    def verifies(self, kind):
        return getattr(self, rules().gates[kind].verifies[0])

    def proposes(self, kind):
        return {"officer": self.officer, "park_manager": self.park, "department": self.department}[
            rules().gates[kind].proposes[0]
        ]


PROFILE = {
    "contact_name": "陈工", "chain_node": "尾矿利用", "need_profile": "厂房 5000 ㎡", "investment_fen": 1_200_000_000_00,
    "fixed_assets_fen": 900_000_000_00, "site_area_m2": "5000", "utilities": "6300 kVA", "emissions": "无废水", "jobs": 85,
    "output_fen": 2_000_000_000_00, "tax_fen": 48_000_000_00, "funding_plan": "自有", "requested_incentives": "设备补助",
    "signing_unit": "玲珑镇政府", "capital_schedule": "三期", "local_entity": "招远恒和", "registered_capital_fen": 1_000_000_00,
    "carrier_contract": "租约 3 号", "filing_code": "2026-370685", "contractor": "某建", "year_investment_fen": 30_000_000_00,
    "statistics_entry": "入统 1", "completion_on": D(2026, 6, 1), "first_product": "微粉", "staff": 80, "power_use": "1 万度",
    "output_12m_fen": 1, "tax_12m_fen": 1, "jobs_actual": 80, "rd_actual_fen": 1, "per_mu": "1", "scale_code": "G1",
}  # fmt: skip


def new_project(people, name="金尾矿", on=START, track="lease", **values):
    """A lead with everything the first gate asks for, claimed on ``on``."""
    given = {
        "sector": "黄金", "reported_by": "officer", "company_as_said": f"{name}公司", "need": "厂房", "duplicate_checked": True,
        "reported_on": on, "came_from": "推介会", "track": track,
    } | values  # fmt: skip
    return actions.create_project(people.officer, name=name, **given)


def fill(people, project, kind):
    """Fields and files the gate asks for, short of the claim itself."""
    if kind == "talks":
        org = Organisation.objects.create(name=f"投资方{next(_number)}")
        if not project.investors.exists():
            actions.set_investor(people.officer, project, org)
        row = None
        if not project.first_talks.exists():
            row = actions.register_first_talks(people.officer, project, D(2026, 1, 6), org)
        if row and row.state == "claimed":
            actions.decide_first_talks(people.head, row, True, "先谈")
    Profile.objects.get_or_create(project=project, defaults=PROFILE)
    asked = [r for r in rules().gates[kind].evidence if r.how == "opinion" and r.applies(project.track)]
    if asked and not project.opinions.exists() and not Project.objects.get(pk=project.pk).exit_code:
        of = {r.code: people.bureau for r in asked}
        for opinion in actions.ask_opinions(people.officer, project, kind, of):
            actions.give_opinion(people.department, opinion, "agreed", "")
    for need in rules().gates[kind].evidence:
        if need.how == "visit":
            visit(people, project, kind)
        elif need.how != "opinion" and need.applies(project.track):
            data = f"{project.pk}{kind}{need.code}".encode()
            GateFile.objects.get_or_create(
                project=project, gate=kind, kind=need.code, sha256=hashlib.sha256(data).hexdigest(),
                defaults={"title": need.zh, "added_by": people.officer},
            )  # fmt: skip


def photo(people, text):
    from zhaoyin.desk.materials import actions as materials

    return materials.keep_file(people.verifier, "现场.jpg", b"\xff\xd8\xff" + text.encode())


def visit(people, project, kind):
    """The second verifier goes and looks, unless somebody has, or the gate is verified, or the project has left."""
    fresh = Project.objects.get(pk=project.pk)
    shut = fresh.milestones.filter(kind=kind, mark__in=["verified", "locked"]).exists() or fresh.exit_code
    if not shut and not fresh.visits.filter(gate=kind).exists():
        actions.record_visit(
            people.verifier2, fresh, kind, on=fresh.created_at.date(), place="玲珑镇 3 号", note="设备已到",
            photos=[photo(people, f"{fresh.pk}{kind}")],
        )  # fmt: skip


def contract(people, project, amount_fen=12_000 * 10**6, on=SIGNED, **values):
    local = Organisation.objects.create(name=f"镇政府{next(_number)}")
    investor = project.investors.first() or Organisation.objects.create(name=f"投资方{next(_number)}")
    paper = deals.create_agreement(
        people.officer, name="合同", kind=Agreement.Kind.CONTRACT, local=[local], investors=[investor], projects=[project],
        signed_on=on, amount_fen=amount_fen, **values,
    )  # fmt: skip
    for side in Commitment.Side.values:
        if not project.commitments.filter(side=side).exists():
            deals.save_commitment(
                people.officer,
                project=project,
                agreement=paper,
                side=side,
                text=f"{side} 答应",
                due_on=D(2026, 10, 31),
            )
    return paper


def pass_gate(people, project, kind, on):
    """Fill, claim and verify one gate."""
    fill(people, project, kind)
    if kind == "signed":
        if not project.agreements.filter(kind="contract").exists():
            contract(people, project, on=on)
        actions.plan(people.officer, project, "started", planned_on=on + dt.timedelta(days=60))
        actions.plan(people.officer, project, "producing", planned_on=on + dt.timedelta(days=200))
    standing = Milestone.objects.filter(project=project, kind=kind, mark="claimed").first()
    row = standing or actions.claim(people.proposes(kind), Project.objects.get(pk=project.pk), kind, on)
    return actions.verify(people.verifies(kind), row)


def bring_to(people, project, kind, start=START, step=20):
    """Pass every gate up to ``kind``, one every ``step`` days."""
    for n, code in enumerate(ORDER[: ORDER.index(kind) + 1]):
        if not Milestone.objects.filter(project=project, kind=code, mark__in=["verified", "locked"]).exists():
            pass_gate(people, project, code, start + dt.timedelta(days=step * n))
    project.refresh_from_db()
    return project


__all__ = ["ORDER", "D", "Member", "People", "bring_to", "contract", "fill", "new_project", "pass_gate"]
