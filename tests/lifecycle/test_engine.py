import datetime as dt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhaoyin.base.errors import Refusal
from zhaoyin.lifecycle import (
    Book,
    Entry,
    Milestone,
    Month,
    Project,
    Rules,
    booked_in,
    check_dates,
    check_exit,
    contracted,
    figure,
    lights,
    may_propose,
    may_verify,
    missing,
    needs,
    origin_of,
    schedule,
    stage,
    stages_many,
)

RULES = Rules.load()
D = dt.date
NEW_YEAR = D(2026, 1, 5)


def verified(*codes, start=NEW_YEAR):
    return tuple(
        Milestone(code, "verified", start + dt.timedelta(days=30 * n), start, start)
        for n, code in enumerate(codes)
    )


def full_project(gate, track):
    """A project with everything the rules ask for at a gate."""
    order = RULES.tracks[track].milestones
    rule = RULES.gates[gate]
    return Project(
        track,
        verified(*order[: order.index(gate)]),
        values={r.code: "x" for r in rule.fields},
        evidence={(gate, r.code) for r in rule.evidence},
    )


# --- stage


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ([], "lead"),
        (["lead"], "lead"),
        (["lead", "talks"], "talks"),
        (["lead", "talks", "review"], "talks"),
        (["lead", "talks", "review", "signed"], "signed"),
        (
            ["lead", "talks", "review", "signed", "started"],
            "signed",
        ),  # a gap: later ones show, but do not advance
        (["signed", "landed"], "lead"),
        (list(RULES.milestones), "capacity"),
    ],
)
def test_stage_is_the_unbroken_verified_prefix(codes, expected):
    assert stage(verified(*codes)) == expected


@pytest.mark.parametrize("state", ["said", "claimed", "rejected"])
def test_what_is_not_verified_does_not_count(state):
    assert stage([*verified("lead", "talks"), Milestone("review", state)]) == "talks"
    assert stage([Milestone("lead", state)]) == "lead"


def test_columns_agree_with_one_by_one():
    rng = np.random.default_rng(7)
    n = 400
    ids = np.sort(rng.choice(10_000, n, replace=False)).astype(np.int64)
    tracks = rng.integers(0, len(RULES.tracks), n).astype(np.int8)
    owner = rng.choice(np.append(ids, 20_000), 3_000).astype(np.int64)
    code = rng.integers(0, len(RULES.milestones), 3_000).astype(np.int8)
    got = stages_many(ids, tracks, owner, code)
    names, track_names = list(RULES.stages), list(RULES.tracks)
    for i, project in enumerate(ids):
        mine = [Milestone(RULES.milestones[c], "verified") for c in code[owner == project]]
        assert names[got[i]] == stage(mine, track_names[tracks[i]])


def test_columns_of_nothing():
    empty = np.array([], dtype=np.int64)
    assert (
        stages_many(empty, empty.astype(np.int8), np.array([5]), np.array([0], dtype=np.int8)).tolist() == []
    )


# --- gates


GATES = [(gate, track) for gate in RULES.gates for track in RULES.tracks]


@pytest.mark.parametrize(("gate", "track"), GATES)
def test_every_requirement_of_every_gate_blocks_alone(gate, track):
    project = full_project(gate, track)
    assert missing(project, gate) == []
    for need in needs(project, gate):
        if need.kind == "field":
            values = {k: v for k, v in project.values.items() if k != need.code}
            less = Project(track, project.milestones, values, project.evidence)
        else:
            evidence = {e for e in project.evidence if e != (gate, need.code)}
            less = Project(track, project.milestones, project.values, evidence)
        blocked = missing(less, gate)
        assert [b.code for b in blocked] == [need.code]
        rule = next(
            r for r in (*RULES.gates[gate].fields, *RULES.gates[gate].evidence) if r.code == need.code
        )
        assert blocked[0].zh and blocked[0].en and blocked[0].who == (rule.by or RULES.gates[gate].proposes)


@pytest.mark.parametrize(("gate", "track"), GATES)
def test_evidence_of_another_gate_does_not_count(gate, track):
    project = full_project(gate, track)
    moved = Project(
        track, project.milestones, project.values, {("other", kind) for _, kind in project.evidence}
    )
    assert [n.kind for n in missing(moved, gate)] == ["evidence"] * len(
        [r for r in RULES.gates[gate].evidence if r.applies(track)]
    )


def test_missing_names_the_earlier_milestones():
    blocked = missing(Project("lease", verified("lead")), "signed")
    assert [n.zh for n in blocked if n.kind == "milestone"] == ["先核验洽谈", "先核验评审"]


def test_a_conditional_requirement_counts_only_when_its_flag_is_set():
    project = full_project("landed", "lease")
    less = Project(
        "lease", project.milestones, project.values, {e for e in project.evidence if e[1] != "first_transfer"}
    )
    assert missing(less, "landed") == []
    due = Project(
        "lease", less.milestones, less.values, less.evidence, flags=frozenset({"first_transfer_due"})
    )
    assert [n.code for n in missing(due, "landed")] == ["first_transfer"]


ROLES = list(RULES.roles)


@pytest.mark.parametrize("gate", RULES.gates)
@pytest.mark.parametrize("role", ROLES)
def test_roles_of_every_gate(gate, role):
    rule = RULES.gates[gate]
    assert (may_propose(gate, [role]) is None) == (role in rule.proposes)
    assert (may_verify(gate, 1, [role], team={2}, claimant=2) is None) == (role in rule.verifies)


@pytest.mark.parametrize("gate", RULES.gates)
def test_nobody_on_the_team_verifies(gate):
    refusal = may_verify(gate, 1, ROLES, team={1, 2})
    assert refusal and refusal.code == "lifecycle.verify.team"
    assert may_verify(gate, 3, ROLES, team={1, 2}, claimant=3).code == "lifecycle.verify.own"


@pytest.mark.parametrize(
    ("code", "fact", "recorded", "error"),
    [
        ("landed", D(2026, 5, 1), D(2026, 4, 30), "lifecycle.date.future"),
        ("landed", D(2026, 4, 4), D(2026, 6, 1), "lifecycle.date.order"),
        ("talks", D(2026, 4, 6), D(2026, 6, 1), "lifecycle.date.order"),
    ],
)
def test_dates_in_the_wrong_order_are_refused(code, fact, recorded, error):
    project = Project("lease", verified("lead", "talks", "review", "signed"))
    with pytest.raises(Refusal) as caught:
        check_dates(project, code, fact, recorded)
    assert caught.value.code == error
    assert "改" in caught.value.zh or "核对" in caught.value.zh


def test_dates_in_order_pass():
    check_dates(
        Project("lease", verified("lead", "talks", "review", "signed")),
        "landed",
        D(2026, 4, 5),
        D(2026, 4, 5),
    )


# --- lights


@pytest.mark.parametrize(
    ("today", "level"),
    [(D(2026, 2, 27), None), (D(2026, 3, 1), "yellow"), (D(2026, 4, 4), "yellow"), (D(2026, 4, 5), "red")],
)
def test_land_clock_goes_yellow_at_60_percent_and_red_at_the_end(today, level):
    signed = (*verified("lead", "talks", "review"), Milestone("signed", "verified", D(2026, 1, 5)))
    burning = [x for x in lights(Project("land", signed), today) if x.rule == "land"]
    assert [x.level for x in burning] == ([level] if level else [])
    if level == "red":
        assert burning[0].who == "park_manager" and burning[0].days == 0


def test_lights_say_rule_days_and_who():
    signed = (*verified("lead", "talks", "review"), Milestone("signed", "verified", D(2026, 1, 5)))
    light = lights(Project("land", signed), D(2026, 5, 16))[0]
    assert (light.level, light.rule, light.days, light.zh) == ("red", "land", 41, "取得土地：超 41 天")
    assert light.en == "land obtained: 41 days over"


def test_planned_month_missed_is_yellow_then_red_after_three_months():
    project = Project(
        "service", verified("lead", "talks", "review", "signed"), plan={"started": D(2026, 6, 1)}
    )
    level = {
        day: [x.level for x in lights(project, day) if x.rule == "planned_start"]
        for day in (D(2026, 5, 31), D(2026, 6, 1), D(2026, 8, 31), D(2026, 9, 1))
    }
    assert list(level.values()) == [[], ["yellow"], ["yellow"], ["red"]]


def test_working_days_skip_the_holiday():
    # recorded on the last working day before National Day 2026; three working days later is after the holiday
    lead = (Milestone("lead", "claimed", D(2026, 9, 30), D(2026, 9, 30)),)
    alarm = next(a for a in schedule(Project("lease", lead)) if a.rule == "triage")
    assert alarm.red_on is not None and alarm.red_on >= D(2026, 10, 9)


def test_past_the_published_calendar_a_deadline_is_provisional():
    lead = (Milestone("lead", "claimed", D(2040, 1, 2), D(2040, 1, 2)),)
    light = next(x for x in lights(Project("lease", lead), D(2040, 2, 2)) if x.rule == "triage")
    assert light.provisional and light.zh.endswith("（暂估）")


@pytest.mark.parametrize(
    ("until", "today", "level"),
    [
        (D(2026, 6, 30), D(2026, 6, 30), "hold"),
        (D(2026, 6, 30), D(2026, 7, 1), "red"),
        (D(2027, 12, 31), D(2026, 6, 30), "hold"),
        (D(2027, 12, 31), D(2026, 7, 1), "red"),  # no pause outlasts 180 days
    ],
)
def test_pause_is_a_light_with_an_end(until, today, level):
    project = Project("lease", verified("lead"), paused=(D(2026, 1, 1), until))
    assert lights(project, today)[0].level == level


@pytest.mark.parametrize(("gap", "level"), [(9, []), (10, ["yellow"]), (30, ["yellow"]), (31, ["red"])])
def test_progress_behind_plan(gap, level):
    started = verified("lead", "talks", "review", "signed", "landed", "started")
    project = Project("lease", started, numbers={"progress_planned": 50 + gap, "progress_actual": 50})
    assert [x.level for x in lights(project, D(2026, 6, 1)) if x.rule == "progress"] == level


def test_a_project_that_left_burns_no_light():
    project = Project("land", verified("lead"), dates={"last_progress_on": D(2020, 1, 1)}, exited="lost")
    assert lights(project, D(2026, 1, 1)) == [] == schedule(project)


@given(st.dates(D(2020, 1, 1), D(2026, 12, 31)), st.integers(0, 400), st.sampled_from(list(RULES.tracks)))
@settings(max_examples=60, deadline=None)
def test_stored_dates_give_the_same_lights_as_asking(day, ahead, track):
    project = Project(
        track,
        verified("lead", "talks", "review", "signed", start=day),
        plan={"started": day + dt.timedelta(days=100)},
    )
    today = day + dt.timedelta(days=ahead)
    due = {
        a.rule: ("red" if a.red_on and today >= a.red_on else "yellow")
        for a in schedule(project)
        if today >= a.yellow_on
    }
    assert {x.rule: x.level for x in lights(project, today)} == due


# --- exits


def exit_values(code):
    rule = RULES.exits[code]
    values = {"on": D(2030, 1, 1), "decider": "林", "note": "说明", "reason": rule.reasons[0]}
    return values | {need: {"A": 60, "B": 40} if need == "credit_split" else "x" for need in rule.needs}


def at_stage(code):
    order = RULES.tracks["lease"].milestones
    upto = max(i for i, m in enumerate(order) if RULES.gates[m].stage == code)
    return Project("lease", verified(*order[: upto + 1]))


@pytest.mark.parametrize("code", RULES.exits)
@pytest.mark.parametrize("at", RULES.stages)
def test_every_exit_only_from_its_stages(code, at):
    rule = RULES.exits[code]
    if at in rule.stages:
        check_exit(at_stage(at), code, exit_values(code), rule.decides)
        for need in exit_values(code):
            with pytest.raises(Refusal, match=r"needs the") as caught:
                check_exit(at_stage(at), code, {**exit_values(code), need: None}, rule.decides)
            assert caught.value.where == need
        with pytest.raises(Refusal) as caught:
            check_exit(at_stage(at), code, exit_values(code), ["officer"])
        assert caught.value.code == "lifecycle.exit.role"
        with pytest.raises(Refusal) as caught:
            check_exit(at_stage(at), code, exit_values(code) | {"reason": "mood"}, rule.decides)
        assert caught.value.code == "lifecycle.exit.reason"
    else:
        with pytest.raises(Refusal) as caught:
            check_exit(at_stage(at), code, exit_values(code), rule.decides)
        assert caught.value.code == "lifecycle.exit.stage"


def test_clearing_out_waits_two_years():
    with pytest.raises(Refusal) as caught:
        check_exit(at_stage("signed"), "cleared", exit_values("cleared") | {"on": D(2027, 12, 1)}, ["leader"])
    assert caught.value.code == "lifecycle.exit.early" and "2028-04-05" in caught.value.zh


def test_credit_adds_up_and_nobody_leaves_twice():
    with pytest.raises(Refusal) as caught:
        check_exit(
            at_stage("talks"),
            "transferred",
            exit_values("transferred") | {"credit_split": {"A": 60}},
            ["head"],
        )
    assert caught.value.code == "lifecycle.exit.split"
    gone = Project("lease", verified("lead"), exited="lost")
    with pytest.raises(Refusal) as caught:
        check_exit(gone, "invalid", exit_values("invalid"), ["head"])
    assert caught.value.code == "lifecycle.exit.twice"


# --- figures


YI = 10_000_000_000
YEAR = 2017


def xuchang():
    """A city's published year: 247 signed, 244 performed, 222 started, 370 of 1,077 亿元 in place."""
    rows = []
    for n in range(247):
        at = YEAR * 100 + n % 12 + 1
        rows.append(Entry(n, "signed", at, 1, at))
        rows.append(Entry(n, "contracted", at, 4 * YI + (89 * YI if n == 0 else 0), at))
        if n < 244:
            rows.append(Entry(n, "performed", 201712, 1, at))
        if n < 222:
            rows.append(Entry(n, "started", 201712, 1, at))
        if n < 185:
            rows.append(
                Entry(n, "capital", 201712, 2 * YI, at, tags={"origin": "other_province", "use": "fixed"})
            )
    return Book(rows)


@pytest.mark.parametrize(
    ("indicator", "top", "bottom", "percent"),
    [
        ("performed_ratio@1", 244, 247, "98.8"),
        ("started_ratio@1", 222, 247, "89.9"),
        ("capital_ratio@2", 370 * YI, 1077 * YI, "34.4"),
    ],
)
def test_xuchang(indicator, top, bottom, percent):
    got = figure(indicator, xuchang(), Month(YEAR, 12), view="cohort")
    assert (got.numerator, got.denominator, got.percent) == (top, bottom, percent)
    assert got.cohort == "2017-01..2017-12" and got.indicator == indicator
    assert len(got.base_ids) == 247


def test_period_and_cohort_differ():
    book = xuchang()
    period = figure("signed_projects", book, Month(YEAR, 12))
    assert period.numerator == len(period.ids) == 20
    assert figure("signed_projects", book, Month(YEAR, 12), view="cohort").numerator == 247


def test_capital_in_place_is_held_against_all_that_was_contracted_so_far():
    rows = [
        Entry(1, "contracted", 202601, 100, 202601),
        Entry(1, "capital", 202602, 30, 202601),
        Entry(1, "capital", 202603, 20, 202601),
    ]
    shares = [figure("capital_ratio", Book(rows), Month(2026, month)).percent for month in (1, 2, 3)]
    assert shares == ["0.0", "30.0", "50.0"]


def test_nothing_to_divide_by_is_not_zero():
    got = figure("landed_ratio", Book(), Month(2026, 1))
    assert (got.numerator, got.denominator, got.value, got.percent) == (0, 0, None, None)


def test_a_true_zero_is_zero():
    assert figure("contracted_amount", Book(), Month(2026, 7)).value == 0


@pytest.mark.parametrize(
    "code", [i.code for i in RULES.indicators.values() if i.needs] + ["target_completion"]
)
def test_absent_data_is_not_yet_measured(code):
    got = figure(code, xuchang(), Month(YEAR, 12))
    assert not got.measured and got.value is None


def test_a_late_fact_is_an_adjustment_of_the_first_open_month():
    # a fact of 27 February, verified on 3 March, February locked on 1 March
    assert booked_in(D(2026, 2, 27), {202601, 202602}) == (Month(2026, 3), Month(2026, 2))
    assert booked_in(D(2026, 3, 2), {202601, 202602}) == (Month(2026, 3), None)
    assert booked_in(D(2025, 12, 31), {202512, 202601, 202602}) == (Month(2026, 3), Month(2025, 12))


def test_supplement_and_termination_count_in_their_own_month():
    book = Book(
        [
            Entry(1, "signed", 202601, 1, 202601),
            Entry(1, "contracted", 202601, 5 * YI, 202601),
            Entry(1, "contracted", 202603, 2 * YI, 202601),
            Entry(1, "contracted", 202605, -7 * YI, 202601),
        ],
        closed={202601, 202602},
    )
    by_month = {m: figure("contracted_amount", book, Month(2026, m)).value for m in range(1, 6)}
    assert by_month == {1: 5 * YI, 2: 0, 3: 2 * YI, 4: 0, 5: -7 * YI}
    assert figure("contracted_amount", book, Month(2026, 5), view="cohort").value == 0
    assert figure("signed_projects", book, Month(2026, 5), view="cohort").value == 1
    assert figure("contracted_amount", book, Month(2026, 1)).locked
    assert not figure("contracted_amount", book, Month(2026, 3)).locked


@pytest.mark.parametrize(
    ("signings", "steps"),
    [
        ([("framework", 9), ("intent", 5), ("unstated", 3)], [0, 0, 0]),
        ([("contract", 5), ("contract", 5)], [5, 0]),  # the same project at two ceremonies counts once
        ([("intent", 5), ("contract", 6), ("supplement", 2), ("termination", 0)], [0, 6, 2, -8]),
        ([("contract", 5), ("supplement", -1), ("termination", 0)], [5, -1, -4]),
        ([("termination", 0)], [0]),
    ],
)
def test_what_an_agreement_counts(signings, steps):
    already, got = 0, []
    for kind, amount in signings:
        got.append(contracted(kind, amount, already))
        already += got[-1]
    assert got == steps


def test_due_started_and_overdue():
    rows = []
    for n in range(11):
        rows += [Entry(n, "signed", 202601, 1, 202601), Entry(n, "start_due", 202603 + n % 3, 1, 202601)]
        if n < 9:
            rows.append(Entry(n, "started_due", 202606, 1, 202601))
    book = Book(rows)
    got = figure("due_started_ratio", book, Month(2026, 10), view="cohort")
    assert (got.numerator, got.denominator, got.percent) == (9, 11, "81.8")
    late = figure("overdue_not_started", book, Month(2026, 10))
    assert (late.value, late.ids) == (2, (9, 10))


def test_capital_is_split_by_origin_and_use():
    rows = [
        Entry(1, "capital", 202610, 300, tags={"origin": "abroad", "use": "fixed"}),
        Entry(2, "capital", 202610, 200, tags={"origin": "other_city", "use": "working"}),
        Entry(2, "capital", 202609, 50, tags={"origin": "other_city", "use": "working"}),
    ]
    got = figure("capital_in_place", Book(rows), Month(2026, 10))
    assert got.value == 500 and got.parts["origin"] == {"abroad": 300, "other_city": 200}
    assert figure("foreign_capital", Book(rows), Month(2026, 10)).value == 300


@pytest.mark.parametrize(
    ("payer", "origin"),
    [
        ("440300", "other_province"),
        ("370102", "other_city"),
        ("370602", "other_county"),
        ("370685", "local"),
        ("810000", "abroad"),
        ("US", "abroad"),
    ],
)
def test_origin_by_prefix(payer, origin):
    assert origin_of(payer, "370685") == origin


@pytest.mark.parametrize("payer", ["", "广东", "3706", "CN", "abcdef"])
def test_an_unreadable_region_is_refused(payer):
    with pytest.raises(Refusal) as caught:
        origin_of(payer, "370685")
    assert caught.value.where == "payer_region"


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(202601, 202612), st.integers(-9, 9)), max_size=30))
def test_months_add_up_to_the_year(rows):
    book = Book([Entry(p, "capital", m, q, 202601) for p, m, q in rows])
    months = sum(figure("capital_in_place", book, Month(2026, m)).value for m in range(1, 13))
    assert months == figure("capital_in_place", book, Month(2026, 12), view="cohort").value


# --- rules as data


def test_a_pack_replaces_extends_and_drops_rows(tmp_path):
    (tmp_path / "rules.yaml").write_text(
        "id: demo\nversion: 3\n"
        "tracks:\n- {code: lease, milestones: [lead, talks, signed, landed]}\n"
        "lights:\n- {code: contact, drop: true}\n- {code: triage, red: {n: 5, unit: working}}\n"
        "reasons:\n  weather: {zh: 天气, en: weather}\n",
        encoding="utf-8",
    )
    rules = Rules.load(tmp_path)
    assert rules.ref == "demo@3" and "contact" not in rules.lights and rules.lights["triage"].red.n == 5
    assert stage(verified("lead", "talks", "signed"), "lease", rules) == "signed"
    assert rules.reasons["weather"].zh == "天气"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("tracks: [", "lifecycle.rules.yaml"),
        ("- 1", "lifecycle.rules.yaml"),
        ("colour: red", "lifecycle.rules.key"),
        ("tracks:\n- {code: x, zh: 甲, en: x, milestones: [nowhere]}", "lifecycle.gate"),
        ("tracks:\n- {code: x, zh: 甲, en: x}", "lifecycle.rules.field"),
    ],
)
def test_a_bad_pack_is_refused_with_a_sentence(tmp_path, text, code):
    path = tmp_path / "rules.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(Refusal) as caught:
        Rules.load(path)
    assert caught.value.code == code and caught.value.zh.endswith("。")


def test_unknown_codes_and_versions_are_refused():
    for ask in (
        lambda: RULES.tracks["boat"],
        lambda: RULES.indicator("signed_projects@9"),
        lambda: Rules.load("/nowhere/rules.yaml"),
        lambda: figure("signed_projects", Book(), Month(2026, 1), view="side"),
    ):
        with pytest.raises(Refusal):
            ask()
