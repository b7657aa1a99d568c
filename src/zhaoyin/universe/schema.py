"""The columns of a universe and the headers under which exports of firm data write them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pyarrow as pa

from zhaoyin.base.errors import Refusal

# What a stored firm is. Signed integers and plain types only: Spark has no unsigned ones.
SCHEMA = pa.schema(
    [
        pa.field("place", pa.int64()),  # row of the sorted universe, from 0; changes with every import
        pa.field("uscc", pa.string()),  # 统一社会信用代码, the key
        pa.field("name", pa.string()),
        pa.field("region", pa.string()),  # GB/T 2260, as precise as the source
        pa.field("industry", pa.string()),  # GB/T 4754 without the section letter, as precise as the source
        pa.field("status", pa.string()),  # a key of STATUSES
        pa.field("kind", pa.string()),  # 企业类型, as written
        pa.field("established", pa.date32()),
        pa.field("capital_fen", pa.int64()),  # registered capital, fen of capital_currency
        pa.field("capital_currency", pa.string()),  # ISO 4217
        pa.field("employees", pa.int32()),  # 参保人数
        pa.field("patents", pa.int32()),
        pa.field("branches", pa.int32()),
        pa.field("high_tech", pa.bool_()),
        pa.field("listed", pa.bool_()),
        pa.field("mobility", pa.float64()),  # how likely to move or expand, 0 to 1, by the data's owner
        pa.field("address", pa.string()),
        pa.field("scope", pa.string()),  # 经营范围
        pa.field("source", pa.int32()),  # index into the manifest's sources
        pa.field("source_row", pa.int32()),  # row of that source, the header counted, from 1
    ]
)

# What a question may look at and an answer show; the long texts stay on disk until asked for by place.
HELD = tuple(
    name for name in SCHEMA.names if name not in ("address", "scope", "kind", "source", "source_row")
)

STATUSES = {
    "open": ("存续", "在业", "开业", "在营", "正常", "迁入", "登记成立", "设立", "open", "active"),
    "closed": ("注销", "closed"),
    "revoked": ("吊销", "撤销", "责令关闭", "revoked"),
    "moved": ("迁出", "moved"),
    "suspended": ("停业", "歇业", "清算", "suspended"),
}
LIVE = ("open", "unknown")

# Input field -> headers of registry, vendor and statistical exports; the first is the word used in messages.
HEADERS: dict[str, tuple[str, ...]] = {
    "name": ("企业名称", "公司名称", "单位名称", "单位详细名称", "机构名称", "市场主体名称", "主体名称", "名称", "name", "company_name", "company", "firm"),
    "uscc": ("统一社会信用代码", "社会信用代码", "信用代码", "统一信用代码", "统一社会信用代码/注册号", "uscc", "credit_code", "creditcode", "social_credit_code"),
    "status": ("登记状态", "经营状态", "企业状态", "存续状态", "登记经营状态", "营业状态", "状态", "status", "reg_status"),
    "kind": ("企业类型", "公司类型", "企业(机构)类型", "市场主体类型", "主体类型", "类型", "kind", "company_type"),
    "established": ("成立日期", "成立时间", "注册日期", "注册时间", "开业日期", "设立日期", "established", "established_on", "setup_date", "founded", "estiblish_time"),
    "capital": ("注册资本", "注册资金", "注册资本金", "认缴注册资本", "capital", "capital_fen", "reg_capital", "registered_capital"),
    "region": ("行政区划代码", "区划代码", "行政区划", "地区代码", "区县代码", "登记机关行政区划", "所在地行政区划", "region", "region_code", "district_code", "area_code"),
    "province": ("所属省份", "省份", "所属省", "省", "省市区", "所属地区", "province"),
    "city": ("所属城市", "城市", "所属市", "市", "地级市", "city"),
    "county": ("所属区县", "区县", "所属区", "县区", "区", "区/县", "county", "district"),
    "industry": ("行业代码", "国标行业代码", "国民经济行业代码", "国民经济行业分类代码", "国民经济行业", "行业小类代码", "所属行业", "行业", "国标行业", "行业名称", "industry", "industry_code", "gbt4754", "category"),
    "industry_section": ("国标行业门类", "行业门类", "门类", "industry_section"),
    "industry_division": ("国标行业大类", "行业大类", "大类", "industry_division"),
    "industry_group": ("国标行业中类", "行业中类", "中类", "industry_group"),
    "industry_class": ("国标行业小类", "行业小类", "小类", "industry_class"),
    "employees": ("参保人数", "社保人数", "从业人数", "员工人数", "从业人员", "从业人员期末人数", "人员规模", "employees", "insured", "social_staff_num"),
    "patents": ("专利数", "专利数量", "专利总数", "有效专利", "patents", "patent_count"),
    "branches": ("分支机构数", "分支机构", "分支机构数量", "branches"),
    "high_tech": ("高新技术企业", "是否高新技术企业", "高企", "是否高企", "high_tech", "hitech"),
    "listed": ("是否上市", "上市", "上市企业", "上市状态", "listed"),
    "mobility": ("迁移意愿", "扩张指数", "迁移指数", "mobility"),
    "address": ("企业地址", "注册地址", "地址", "住所", "经营场所", "企业注册地址", "address", "reg_location"),
    "scope": ("经营范围", "业务范围", "经营(业务)范围", "主要业务活动", "scope", "business_scope"),
    "synthetic": ("合成数据", "synthetic"),
}  # fmt: skip
WORD = {field: names[0] for field, names in HEADERS.items()}

# Personal data that vendors sell along; never read, so that the universe holds firms and no people.
PERSONAL = ("法定代表人", "法人", "电话", "手机", "邮箱", "email", "联系方式", "联系人", "股东", "高管")

_UNIT = re.compile(r"[(:：]\s*(分|元|千元|万元|百万元|千万元|亿元|万)\s*\)?$")


def tidy(header: object) -> str:
    """A header as it is compared: full-width forms folded, spaces and line breaks dropped, lower case."""
    text = "" if header is None else str(header)
    folded = (chr(ord(c) - 0xFEE0) if "！" <= c <= "～" else c for c in text if not c.isspace())
    return "".join(folded).lower().lstrip("\ufeff*")


_BY_HEADER = {tidy(name): field for field, names in HEADERS.items() for name in names}


@dataclass(frozen=True, slots=True)
class Layout:
    """Which column (by place, from 0) of a source holds each field, and the unit of bare capital figures."""

    columns: dict[str, int]
    capital_unit: str | None = None

    def words(self, header: list[str]) -> dict[str, str]:
        """Field -> header, with the unit behind a colon: what the folder remembers and ``--map`` accepts."""
        return {
            field: header[at] + (f":{self.capital_unit}" if field == "capital" and self.capital_unit else "")
            for field, at in self.columns.items()
        }


def _split_unit(header: str) -> tuple[str, str | None]:
    found = _UNIT.search(header)
    if not found:
        return header, None
    return header[: found.start()], "万元" if found[1] == "万" else found[1]


def recognised(header: Iterable[object]) -> int:
    """How many cells of a row are headers known here: how the header row is told from titles above it."""
    return len({f for cell in header if (f := _BY_HEADER.get(_split_unit(tidy(cell))[0]))})


def signature(header: Iterable[object]) -> str:
    """The key under which a folder remembers a layout."""
    return "|".join(tidy(cell) for cell in header)


def map_columns(header: list[str], wanted: Mapping[str, str], where: str) -> Layout:
    """Fields to columns: ``wanted`` (field -> header, ``#N`` for the Nth column, ``""`` for none) over the known headers.

    Raises Refusal for an unknown field, a header that is absent, a mapped header that stands twice, no name or no code.
    """
    tidied = [tidy(cell) for cell in header]
    columns: dict[str, int] = {}
    unit: str | None = None
    claimed: set[str] = set()
    for field, word in wanted.items():
        if field not in HEADERS:
            raise Refusal(
                "universe.field",
                f"--map 里的字段“{field}”不认识。可用：{'、'.join(HEADERS)}。",
                f"Unknown field “{field}” in --map. Known: {', '.join(HEADERS)}.",
                where=where,
            )
        claimed.add(field)
        if not word:
            continue
        bare, given = _split_unit(tidy(word))
        if field == "capital":
            unit = given or unit
        if re.fullmatch(r"#\d+", bare):
            at = int(bare[1:]) - 1
            if not 0 <= at < len(header):
                raise _absent(field, word, header, where)
            columns[field] = at
            continue
        places = [i for i, cell in enumerate(tidied) if cell == tidy(word)] or [
            i for i, cell in enumerate(tidied) if _split_unit(cell)[0] == bare
        ]
        if not places:
            raise _absent(field, word, header, where)
        columns[field] = _only(places, header, where)
    found: dict[str, dict[int, list[int]]] = {}
    for place, cell in enumerate(tidied):
        bare, _ = _split_unit(cell)
        known = _BY_HEADER.get(cell) or _BY_HEADER.get(bare)
        if known and known not in claimed and place not in columns.values():
            rank = [tidy(name) for name in HEADERS[known]].index(cell if cell in _BY_HEADER else bare)
            found.setdefault(known, {}).setdefault(rank, []).append(place)
    for known, ranks in found.items():
        columns[known] = _only(ranks[min(ranks)], header, where)
    if "capital" in columns and unit is None:
        own = tidied[columns["capital"]]
        unit = "分" if own == "capital_fen" else _split_unit(own)[1]
    for need in ("name", "uscc"):
        if need not in columns:
            seen = "、".join(cell for cell in header if cell)[:200] or "（空）"
            raise Refusal(
                "universe.header",
                f"{where}：没有找到“{WORD[need]}”列。见到的表头：{seen}。用 --map {need}=列名 指定。",
                f"{where}: no column for {need} ({WORD[need]}). Headers seen: {seen}. State it with --map {need}=HEADER.",
                where=where,
            )
    return Layout(columns, unit)


def _absent(field: str, word: str, header: list[str], where: str) -> Refusal:
    seen = "、".join(cell for cell in header if cell)[:200]
    return Refusal(
        "universe.header",
        f"{where}：--map {field}={word} 指的列不在表头里。见到的表头：{seen}。",
        f"{where}: the column of --map {field}={word} is not there. Headers seen: {seen}.",
        where=where,
    )


def _only(places: list[int], header: list[str], where: str) -> int:
    if len(places) > 1:
        field = _BY_HEADER.get(_split_unit(tidy(header[places[0]]))[0], "字段")
        which = "、".join(f"第 {place + 1} 列" for place in places)
        raise Refusal(
            "universe.header_twice",
            f"{where}：表头“{header[places[0]]}”出现 {len(places)} 次（{which}）。用 --map {field}=#{places[0] + 1} 指定用哪一列。",
            f"{where}: the header “{header[places[0]]}” stands {len(places)} times (columns "
            f"{', '.join(str(place + 1) for place in places)}). Choose with --map {field}=#{places[0] + 1}.",
            where=where,
        )
    return places[0]
