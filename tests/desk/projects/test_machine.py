"""No sequence of permitted actions reaches a stage without its proofs, changes a closed month, or lets a team member verify."""

import datetime as dt

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from tests.desk.projects.house import ORDER, People, bring_to, contract, fill, new_project
from zhaoyin import lifecycle
from zhaoyin.base.errors import Refusal
from zhaoyin.desk.deals import actions as deals
from zhaoyin.desk.deals.models import Capital
from zhaoyin.desk.projects import actions, corrections, counting, derive
from zhaoyin.desk.projects import rules as in_force
from zhaoyin.desk.projects.models import Milestone, Project
from zhaoyin.desk.reports import actions as reports
from zhaoyin.desk.reports.models import Entry, Month, Published

WHO = ["officer", "officer2", "head", "park", "verifier", "verifier2", "leader", "department"]
JUDGES = st.sampled_from(["verifier2", "verifier", "head"])
DAYS = st.integers(0, 200).map(lambda n: dt.date(2026, 1, 5) + dt.timedelta(days=n))


class Desk(RuleBasedStateMachine):
    """People pressing every button in any order; a Refusal is a fine answer, a broken promise is not."""

    projects = Bundle("projects")

    def __init__(self):
        super().__init__()
        self.transaction = transaction.atomic()  # every example is rolled back
        self.transaction.__enter__()
        self.people = People()
        self.closed = {}
        self.vouchers = 0

    def teardown(self):
        transaction.set_rollback(True)
        self.transaction.__exit__(None, None, None)

    def who(self, name):
        return getattr(self.people, name)

    def attempt(self, act, *args, **kwargs):
        try:
            with transaction.atomic():
                return act(*args, **kwargs)
        except Refusal as refusal:
            assert refusal.zh.endswith("。") or refusal.code == "invalid"
            return None

    @rule(target=projects, track=st.sampled_from(["lease", "land", "research"]))
    def bring(self, track):
        return new_project(self.people, name=f"项目{Project.objects.count()}", track=track).pk

    @rule(pk=projects, kind=st.sampled_from(ORDER))
    def prepare(self, pk, kind):
        fill(self.people, Project.objects.get(pk=pk), kind)

    @rule(pk=projects, on=DAYS)
    def sign_paper(self, pk, on):
        project = Project.objects.get(pk=pk)
        self.attempt(contract, self.people, project, 1000 * 10**6, on)
        self.attempt(
            actions.plan, self.people.officer, project, "started", planned_on=on + dt.timedelta(days=30)
        )
        self.attempt(
            actions.plan, self.people.officer, project, "producing", planned_on=on + dt.timedelta(days=90)
        )

    @rule(pk=projects, who=st.sampled_from(WHO), kind=st.sampled_from(ORDER), on=DAYS)
    def claim(self, pk, who, kind, on):
        self.attempt(actions.claim, self.who(who), Project.objects.get(pk=pk), kind, on)

    @rule(pk=projects, on=DAYS)
    def claim_the_next(self, pk, on):
        project = Project.objects.get(pk=pk)
        gate = lifecycle.next_gate(in_force.state(project))
        if gate:
            fill(self.people, project, gate.code)
            self.attempt(actions.claim, self.people.proposes(gate.code), project, gate.code, on)

    @rule(pk=projects, kind=st.sampled_from(ORDER[3:7]), on=DAYS)
    def walk(self, pk, kind, on):
        """Pass gate after gate as one should, so that what comes after a signing is tried as well."""
        self.attempt(bring_to, self.people, Project.objects.get(pk=pk), kind, start=on, step=5)

    @rule(pk=projects, who=st.sampled_from(WHO))
    def verify(self, pk, who):
        for row in Milestone.objects.filter(project=pk, mark="claimed"):
            before = in_force.team(row.project) | {row.recorded_by_id}
            done = self.attempt(actions.verify, self.who(who), row)
            if done:
                assert self.who(who).pk not in before

    @rule(pk=projects)
    def verify_as_one_should(self, pk):
        for row in Milestone.objects.filter(project=pk, mark="claimed"):
            self.attempt(actions.verify, self.people.verifies(row.kind), row)

    @rule(pk=projects, who=st.sampled_from(WHO))
    def take_back(self, pk, who):
        for row in Milestone.objects.filter(project=pk, mark__in=["verified", "locked"]).order_by("-id")[:2]:
            locked = row.mark == "locked"
            done = self.attempt(corrections.unverify, self.who(who), row, "看错了原件")
            assert not (done and locked)
        for row in Capital.objects.filter(project=pk, mark__in=["verified", "locked"])[:1]:
            self.attempt(corrections.unverify_booked, self.who(who), row, "回单看错")

    @rule(pk=projects, who=st.sampled_from(WHO), fen=st.integers(0, 1200 * 10**6), on=DAYS)
    def correct(self, pk, who, fen, on):
        project = Project.objects.get(pk=pk)
        for row in [*Capital.objects.filter(project=pk)[:1], *project.agreements.all()[:1]]:
            done = self.attempt(corrections.correct_amount, self.who(who), project, row, fen, "回单看错")
            assert not (done and self.who(who).pk in in_force.team(project))
        for row in Milestone.objects.filter(project=pk, mark__in=["verified", "locked"])[:1]:
            self.attempt(corrections.correct_date, self.who(who), project, row, on, "落款看错")

    @rule(pk=projects)
    def pass_on(self, pk):
        self.attempt(
            actions.hand_over, self.people.head, Project.objects.get(pk=pk), self.people.officer2, "调岗"
        )

    @rule(pk=projects, who=st.sampled_from(WHO))
    def join(self, pk, who):
        self.attempt(
            actions.add_member, self.people.head, Project.objects.get(pk=pk), self.who(who), "officer"
        )

    @rule(pk=projects, who=st.sampled_from(WHO), on=DAYS, fen=st.integers(1, 1200 * 10**6))
    def pay(self, pk, who, on, fen):
        self.vouchers += 1
        row = self.attempt(
            deals.claim_capital, self.people.officer, Project.objects.get(pk=pk), received_on=on, amount_fen=fen, payer="x",
            payer_region="440300", voucher=str(self.vouchers % 7).encode(),
        )  # fmt: skip
        if row:
            self.attempt(deals.verify_capital, self.who(who), row)

    @rule(pk=projects, code=st.sampled_from(["lost", "invalid", "terminated"]))
    def leave(self, pk, code):
        values = {
            "on": dt.date(2026, 8, 1), "decider": "局长", "note": "说明", "to_place": "邻县", "breach": "x", "recovery": "x",
            "reason": in_force.rules().exits[code].reasons[0],
        }  # fmt: skip
        for who in (self.people.head, self.people.leader):
            self.attempt(actions.leave, who, Project.objects.get(pk=pk), code, values)

    @rule(pk=projects, who=JUDGES, code=st.sampled_from(["own_area", "public_funds"]))
    def leave_out(self, pk, who, code):
        project = Project.objects.get(pk=pk)
        if self.attempt(counting.leave_out, self.who(who), project, code, "搬迁，不是新投资"):
            assert self.who(who).pk not in in_force.team(project) and "verifier" in self.who(who).roles

    @rule(pk=projects, who=JUDGES)
    def take_in(self, pk, who):
        project = Project.objects.get(pk=pk)
        if self.attempt(counting.take_in, self.who(who), project, "查明是新投资"):
            assert self.who(who).pk not in in_force.team(project) and project.left_out

    @rule(month=st.integers(1, 8))
    def close(self, month):
        if self.attempt(reports.close_month, self.people.verifier, 202600 + month):
            self.closed[202600 + month] = self.print_of(202600 + month)

    def print_of(self, number):
        return (
            list(
                Entry.objects.filter(period=number)
                .order_by("pk")
                .values_list("pk", "account", "quantity", "cohort")
            ),
            list(Milestone.objects.filter(period=number).order_by("pk").values_list("pk", "mark", "fact_on")),
            list(Capital.objects.filter(period=number).order_by("pk").values_list("pk", "mark", "cny_fen")),
            list(
                Published.objects.filter(month=number)
                .order_by("pk")
                .values_list("pk", "numerator", "denominator")
            ),
        )

    @invariant()
    def closed_months_stay(self):
        assert self.closed == {number: self.print_of(number) for number in self.closed}
        assert set(Month.objects.filter(state="closed").values_list("number", flat=True)) == set(self.closed)

    @invariant()
    def every_stage_has_its_proofs(self):
        book = in_force.rules()
        for project in Project.objects.all():
            have = set(
                project.milestones.filter(mark__in=["verified", "locked"]).values_list("kind", flat=True)
            )
            order = book.tracks[project.track].milestones
            for kind in order:
                if book.gates[kind].stage == project.stage and kind in have:
                    assert set(order[: order.index(kind)]) <= have
            if project.stage != "lead":
                files = set(project.files.values_list("gate", "kind"))
                given = set(project.opinions.exclude(state="asked").values_list("kind", flat=True))
                for kind in have:
                    for need in book.gates[kind].evidence:
                        proof = need.code in given if need.how == "opinion" else (kind, need.code) in files
                        assert proof or not need.applies(project.track)

    @invariant()
    def what_is_stored_is_what_follows(self):
        assert list(derive.check()) == []

    @invariant()
    def money_stays_within_the_contract_and_each_voucher_counts_once(self):
        for project in Project.objects.filter(cohort__gt=0):
            assert project.capital_fen <= project.contracted_fen
            signed = [e.quantity for e in project.entries.filter(account__in=["signed", "!signed"])]
            assert sum(signed) == 1
        vouchers = list(Capital.objects.exclude(mark="rejected").values_list("voucher_sha256", flat=True))
        assert len(vouchers) == len(set(vouchers))

    @invariant()
    def a_project_counts_here_or_there_and_never_in_both(self):
        for project in Project.objects.all():
            sums = {}
            for e in project.entries.all():
                key = (e.account.startswith("!"), e.account.lstrip("!"), e.cohort)
                sums[key] = sums.get(key, 0) + e.quantity
            assert not [key for key, n in sums.items() if n and key[0] != bool(project.left_out)]


@pytest.mark.django_db
def test_no_sequence_of_actions_breaks_a_promise():
    run_state_machine_as_test(
        Desk,
        settings=settings(
            max_examples=10, stateful_step_count=32, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
        ),
    )  # fmt: skip
