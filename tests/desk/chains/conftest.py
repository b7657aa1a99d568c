"""A small made universe: sixty regions, the codes of the gold chain, names that say what a firm does."""

from pathlib import Path

import pytest

import zhaoyin.packs
from zhaoyin.desk.accounts.actions import system_user
from zhaoyin.desk.chains import actions
from zhaoyin.desk.sites.models import Region
from zhaoyin.packs import load_pack
from zhaoyin.universe import synthesise
from zhaoyin.valuechain import Chain

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
