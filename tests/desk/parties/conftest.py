import pytest

from zhaoyin.desk.parties import actions


@pytest.fixture(autouse=True)
def own_register(settings, tmp_path):
    settings.REGISTER_ROOT = tmp_path / "register"


@pytest.fixture
def firms(officer):
    """Four organisations of the demonstration kind, by a short key."""
    rows = {
        "group": ("招金集团", "company"),
        "mining": ("招金矿业", "company"),
        "luxin": ("鲁鑫贵金属", "company"),
        "guild": ("招远黄金珠宝首饰行业协会", "association"),
    }
    return {
        key: actions.save_organisation(officer, name=name, kind=kind) for key, (name, kind) in rows.items()
    }
