import datetime as dt

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.universe.conftest import code
from zhaoyin.base import uscc
from zhaoyin.base.errors import Refusal
from zhaoyin.universe import CodeTable, clean
from zhaoyin.universe.codes import Resolver
from zhaoyin.universe.schema import map_columns


@given(
    st.lists(st.none() | st.text(uscc.ALPHABET + "Iio招", max_size=19) | st.integers(0, 10**9 - 1).map(code))
)
def test_checking_by_columns_is_checking_one_by_one(codes):
    wanted = [text is not None and uscc.is_valid(text) for text in codes]
    assert clean.uscc_sound(pa.array(codes, pa.string())).tolist() == wanted
    assert clean.uscc_sound(pa.array(["x", *codes], pa.string())[1:]).tolist() == wanted


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2005-01-31", dt.date(2005, 1, 31)), ("2005/1/31", dt.date(2005, 1, 31)), ("2005年1月31日", dt.date(2005, 1, 31)),
        ("20050131", dt.date(2005, 1, 31)), ("2005-01-31 00:00:00", dt.date(2005, 1, 31)), ("38383", dt.date(2005, 1, 31)),
        ("2005.1.31", dt.date(2005, 1, 31)), ("2005-02-30", None), ("去年", None), ("20051331", None),
    ],
)  # fmt: skip
def test_dates(text, day):
    value, fault = clean.read_date(text)
    assert value == day
    assert (fault is None) == (day is not None)


@pytest.mark.parametrize(
    ("text", "unit", "wanted"),
    [
        ("1000万元人民币", None, (1_000_000_000, "CNY")), ("1000.5万人民币", None, (1_000_500_000, "CNY")),
        ("(人民币)1000万元", None, None), ("500万美元", None, (500_000_000, "USD")), ("1,200", "万元", (1_200_000_000, "CNY")),
        ("1200", None, None), ("0", None, None), ("很多", "万元", None), ("3亿元", "万元", (30_000_000_000, "CNY")),
    ],
)  # fmt: skip
def test_capital(text, unit, wanted):
    value, fault = clean.capital_reader(unit)(text)
    if text == "(人民币)1000万元":
        assert value == (1_000_000_000, "CNY") or fault
    elif text == "0":
        assert (value, fault) == (None, None)
    else:
        assert value == wanted
        assert (fault is None) == (wanted is not None)


@pytest.mark.parametrize(
    ("text", "status"),
    [("存续（在营、开业、在册）", "open"), ("吊销，未注销", "closed"), ("在业", "open"), ("迁出", "moved"), ("注销", "closed"), ("谜", "unknown")],
)  # fmt: skip
def test_status(text, status):
    assert clean.read_status(text)[0] == status


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("3985", "3985"), ("C3985", "3985"), ("3985.0", "3985"), ("921", "0921"), ("9", "09"), ("A", "A"), ("金矿采选", "0921"),
        ("9999", None), ("C9999", None), ("批发", None), ("无此行业", None), (None, None),
    ],
)  # fmt: skip
def test_industries(industries, text, found):
    value, fault = Resolver("industry", industries)(text)
    assert value == found
    assert (fault is None) == (found is not None)
    if text and found is None:
        assert text in fault


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("370685", "370685"), ("3706", "370600"), ("37", "370000"), ("370685001001", "370685"), ("山东省|烟台市|招远市", "370685"),
        ("山东|烟台|招远", "370685"), ("山东省烟台市招远市", "370685"), ("吉林", "220000"), ("吉林|吉林", "220200"), ("江苏省|烟台市", None),
        ("北京市|北京市|东城区", "110101"), ("北京|市辖区|东城", "110101"), ("火星", None), ("990101", None), ("37068", None),
    ],
)  # fmt: skip
def test_regions(regions, text, found):
    value, fault = Resolver("region", regions)(text)
    assert (value, fault is None) == (found, found is not None)


def test_without_a_table_only_the_form_is_checked():
    industry, region = Resolver("industry", None), Resolver("region", None)
    assert industry("9999")[0] == "9999"
    assert region("379999")[0] == "379999"
    assert "没有载入" in (industry("金矿采选")[1] or "")
    assert "没有载入" in (region("招远市")[1] or "")
    assert region("999999")[0] is None


def test_headers_find_their_fields_and_say_what_is_missing():
    header = [
        "序号",
        "企业名称",
        "统一社会信用代码",
        "注册资本（万元）",
        "国标行业门类",
        "国标行业小类",
        "所属省份",
        "电话",
    ]
    layout = map_columns(header, {}, "a.csv")
    assert layout.columns == {
        "name": 1,
        "uscc": 2,
        "capital": 3,
        "industry_section": 4,
        "industry_class": 5,
        "province": 6,
    }
    assert layout.capital_unit == "万元"
    assert map_columns(header, {"capital": "", "name": "#1"}, "a.csv").columns["name"] == 0
    for wanted in ({"nonsense": "x"}, {"name": "不在"}, {"name": "#99"}):
        with pytest.raises(Refusal):
            map_columns(header, wanted, "a.csv")


def test_a_code_table_that_is_none_is_refused(tmp_path):
    file = tmp_path / "t.csv"
    for content in (b"", b"a,b\n1,2\n", b"\xff\xfe\x00", b"code,name\n"):
        file.write_bytes(content)
        with pytest.raises(Refusal):
            CodeTable.load("industry", file)
    file.write_text("code,name,lat,lon\n370685,招远市,北纬,120\n", encoding="utf-8")
    with pytest.raises(Refusal, match="line 2"):
        CodeTable.load("region", file)
    file.write_text(
        "code,name,parent,level,lat,lon\n370685,招远市,370600,3,37.36,120.4\n", encoding="utf-8-sig"
    )
    assert CodeTable.load("region", file).places == {"370685": (37.36, 120.4)}
    assert np.isfinite(CodeTable.load("region", file).places["370685"][0])
