import csv
import io

import pytest

from zhaoyin.base import uscc
from zhaoyin.universe import CodeTable

HEADER = ["企业名称", "统一社会信用代码", "登记状态", "注册资本", "成立日期", "行政区划代码", "行业代码", "参保人数", "专利数量", "经营范围"]  # fmt: skip


def code(number: int) -> str:
    head = f"91370685{number:09d}"
    return head + uscc.check_character(head)


def row(number: int, **changes: str) -> list[str]:
    """A sound row; `changes` by header."""
    made = dict(
        zip(
            HEADER,
            [f"金山{number}有限公司", code(number), "存续", f"{number % 90 + 10}万元人民币", "2010-03-01",
             ["370685", "370602", "110101"][number % 3], ["3985", "2613", "0921"][number % 3], str(number % 50),
             str(number % 7), "电子材料制造"],
            strict=True,
        )
    )  # fmt: skip
    return list({**made, **changes}.values())


def as_csv(rows: list[list[str]], header: list[str] = HEADER) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows([header, *rows])
    return text.getvalue()


def listed(path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="session")
def industries() -> CodeTable:
    names = {"A": "农业", "09": "有色金属矿采选业", "092": "贵金属矿采选", "0921": "金矿采选", "26": "化学原料和化学制品制造业",
             "261": "基础化学原料制造", "2613": "无机盐制造", "39": "计算机、通信和其他电子设备制造业", "398": "电子元件及电子专用材料制造",
             "3985": "电子专用材料制造", "5161": "批发", "5162": "批发"}  # fmt: skip
    return CodeTable("industry", names, label="测试行业表")


@pytest.fixture(scope="session")
def regions() -> CodeTable:
    names = {"110000": "北京市", "110101": "东城区", "370000": "山东省", "370600": "烟台市", "370602": "芝罘区",
             "370685": "招远市", "220000": "吉林省", "220200": "吉林市", "320000": "江苏省", "320500": "苏州市"}  # fmt: skip
    return CodeTable("region", names, label="测试区划表")
