import datetime as dt
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhaoyin.base import dates, uscc
from zhaoyin.base.area import parse_area, to_mu
from zhaoyin.base.errors import Refusal
from zhaoyin.base.money import Money, parse_money, show_money, to_fen
from zhaoyin.base.text import MappedText


@pytest.mark.parametrize(
    ("text", "fen", "currency"),
    [
        ("1.2亿元", 12_000_000_000, "CNY"),
        ("3,000 万元", 3_000_000_000, "CNY"),
        ("500万美元", 500_000_000, "USD"),
        ("￥0.01", None, None),
        ("12元整", 1_200, "CNY"),
        ("2亿", 20_000_000_000, "CNY"),
    ],
)
def test_parse_money(text, fen, currency):
    if fen is None:
        with pytest.raises(Refusal) as refused:
            parse_money(text)
        assert refused.value.code == "money.unit"
    else:
        assert parse_money(text) == Money(fen, currency)


@pytest.mark.parametrize("bad", ["", "约", "1e9元", "万元", "3,000（元？）", "NaN"])
def test_parse_money_refuses(bad):
    with pytest.raises(Refusal):
        parse_money(bad)


@given(st.integers(min_value=0, max_value=10**15))
def test_fen_survive_a_round_trip_in_yuan(fen):
    assert to_fen(f"{fen // 100}.{fen % 100:02d}") == fen


@pytest.mark.parametrize(
    ("fen", "shown"),
    [
        (0, ("0", "元")),
        (12_000_000_000, ("1.2", "亿元")),
        (3_000_000_000, ("3,000", "万元")),
        (-55_000, ("-550", "元")),
    ],
)
def test_show_money(fen, shown):
    assert show_money(fen) == shown


def test_overflow_is_refused():
    with pytest.raises(Refusal):
        to_fen("9" * 30, "亿元")


def test_area():
    assert parse_area("1000亩") == Fraction(2_000_000, 3)
    assert to_mu(parse_area("2平方公里")) == 3000
    with pytest.raises(Refusal):
        parse_area("很大")


def test_working_days_skip_national_day_and_count_make_up_days():
    assert not dates.is_working_day(dt.date(2024, 10, 1))
    assert dates.is_working_day(dt.date(2024, 10, 12))  # a Saturday worked in exchange
    assert dates.add_working_days(dt.date(2024, 9, 30), 1) == dates.Deadline(dt.date(2024, 10, 8))


def test_deadline_past_the_published_calendar_is_provisional():
    assert dates.add_working_days(dt.date(dates.LAST_YEAR + 1, 3, 3), 5).provisional


@given(st.dates(dt.date(2015, 1, 1), dt.date(2024, 12, 31)), st.integers(0, 60))
def test_adding_and_counting_working_days_agree(start, days):
    assert dates.working_days_between(start, dates.add_working_days(start, days).on) == days


@given(
    st.text(alphabet=uscc.ALPHABET, min_size=17, max_size=17),
    st.integers(0, 16),
    st.sampled_from(uscc.ALPHABET),
)
def test_uscc_detects_every_single_wrong_character(first17, at, other):
    code = first17 + uscc.check_character(first17)
    assert uscc.is_valid(code)
    if code[at] != other:
        assert uscc.fault(code[:at] + other + code[at + 1 :]) == "check"


def test_uscc_faults_by_name():
    assert uscc.fault("123") == "length"
    assert uscc.fault("I" * 18) == "alphabet"


@given(st.text(max_size=40), st.data())
def test_offsets_lead_back_to_the_source(source, data):
    mapped = MappedText.of(source)
    for _ in range(3):
        cuts = sorted(data.draw(st.lists(st.integers(0, len(mapped.text)), max_size=6)))
        edits = [(cuts[i], cuts[i + 1], data.draw(st.text(max_size=3))) for i in range(0, len(cuts) - 1, 2)]
        mapped = mapped.rewrite(edits)
        assert len(mapped.starts) == len(mapped.ends) == len(mapped.text)
        assert list(mapped.starts) == sorted(mapped.starts)
        assert all(a <= b <= len(source) for a, b in zip(mapped.starts, mapped.ends, strict=True))
    untouched = MappedText.of(source)
    assert all(untouched.quote(i, i + 1) == source[i] for i in range(len(source)))
