import os
import sys
import tempfile
from pathlib import Path

import hypothesis
import pytest

# a busy machine is no failure: no test judges by the clock
hypothesis.settings.register_profile("house", deadline=None)
hypothesis.settings.load_profile("house")

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


@pytest.fixture(scope="session")
def spark_session():
    """One Spark for the whole run: a local cluster of two workers, started when the first test asks for it."""
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = pytest.importorskip("pyspark.sql").SparkSession.builder
    settings = {
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "4",
        "spark.sql.session.timeZone": "UTC",
        # Workers are processes of their own: they find the package by path, as the tests do.
        "spark.executorEnv.PYTHONPATH": str(ROOT / "src"),
    }
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.master("local-cluster[2,1,1024]").appName("tests").getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()
