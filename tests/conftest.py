import os
import tempfile
from pathlib import Path

import pytest

# before Django reads its settings: tests never touch the data of a desk that runs here
os.environ["ZHAOYIN_DATA"] = tempfile.mkdtemp(prefix="zhaoyin-test-")

ROOT = Path(__file__).resolve().parents[1]


def shared_dir() -> Path:
    """The measuring data beside the project; tests marked `shared` need it and say so when it is absent."""
    return Path(os.environ.get("ZHAOYIN_SHARED") or ROOT.parent / "shared")


def pytest_collection_modifyitems(items):
    if shared_dir().is_dir():
        return
    for item in items:
        if item.get_closest_marker("shared"):
            item.add_marker(pytest.mark.skip(reason="measuring data ../shared is not on this machine"))


@pytest.fixture(scope="session")
def shared() -> Path:
    return shared_dir()
