"""A small made universe: sixty regions, the codes of the gold chain, names that say what a firm does."""

import csv
from pathlib import Path

import pytest

import zhaoyin.packs
from zhaoyin.base import uscc
from zhaoyin.desk.accounts.actions import system_user
from zhaoyin.desk.chains import actions
from zhaoyin.desk.sites.models import Region
from zhaoyin.packs import load_pack
from zhaoyin.universe import ingest, synthesise
from zhaoyin.valuechain import Chain

HOME = "370685"
GOLD = Path(zhaoyin.packs.__file__).parent / "zhaoyuan" / "chains" / "gold"


@pytest.fixture
def gold(db):
    """The gold chain of the pack, loaded for the region."""
    Region.objects.create(code="zhaoyuan", name="招远市", title="招远经济技术开发区", adcode="370685")
    assert actions.load_pack_chains(system_user(), load_pack("zhaoyuan")) == 1
    return actions.ValueChain.objects.get()


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    home = tmp_path_factory.mktemp("universe")
    codes = sorted({c.code for c in Chain.load(GOLD).codes} | {f"{10 + i}11" for i in range(40)})
    regions = [
        "370685",
        "440303",
        *(f"{province}01{d:02d}" for province in (31, 33, 37) for d in range(1, 20)),
    ]
    synthesise(40_000, home / "universe", seed=3, regions=regions, industries=codes)
    return home


@pytest.fixture
def universe(made, settings):
    settings.DATA = made


@pytest.fixture
def no_universe(tmp_path, settings):
    settings.DATA = tmp_path


@pytest.fixture
def demo(people):
    """The people are demo accounts, who may see what a synthetic universe says."""
    for person in people.values():
        person.is_demo = True
        person.save()
    return people


def firm_code(region: str, number: int) -> str:
    head = f"91{region}{number:09d}"
    return head + uscc.check_character(head)


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """A register of firms as a file would bring it, small and not synthetic: forty regions, what each firm says it does."""
    rows, number = [], 0

    def add(region, industry, *, name="", scope="批发、零售", staff="20", count=1):
        nonlocal number
        for _ in range(count):
            number += 1
            rows.append(
                [
                    name or f"河山{number}有限公司", firm_code(region, number), "存续", "100万元人民币", "2012-03-01",
                    region, industry, staff, "1", scope,
                ]
            )  # fmt: skip

    others = [f"{10 + i}11" for i in range(20)]
    regions = [HOME, "370614", "370683", "440303", *(f"3301{d:02d}" for d in range(1, 19)), *(f"3203{d:02d}" for d in range(1, 19))]  # fmt: skip
    for k, region in enumerate(regions):
        for i, industry in enumerate(others):
            add(region, industry, count=1 + (k * 7 + i * 3) % 5)
        for industry in ("3221", "2438", "5146", "0921", "3985"):
            if region != HOME:
                add(region, industry, count=1 + (k + int(industry)) % 4)
    add(HOME, "0921", count=12, staff="300", scope="黄金开采、选矿")
    add(HOME, "3985", name="招远甲电子材料有限公司", scope="键合丝生产、销售")
    add(HOME, "1011", name="招远乙化工有限公司", scope="金盐、氰化亚金钾生产")
    add("440303", "2438", name="深圳丙珠宝有限公司", scope="首饰加工", staff="900")
    add("440303", "2438", name="深圳丁首饰有限公司", scope="首饰加工", staff="800")
    for industry in others[:3]:
        add("110106", industry)  # a region of three firms
    header = ["企业名称", "统一社会信用代码", "登记状态", "注册资本", "成立日期", "行政区划代码", "行业代码", "参保人数", "专利数量", "经营范围"]  # fmt: skip
    home = tmp_path_factory.mktemp("written")
    file = home / "firms.csv"
    with file.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows([header, *rows])
    ingest([file], home / "universe")
    return home


@pytest.fixture
def register(written, settings):
    settings.DATA = written
