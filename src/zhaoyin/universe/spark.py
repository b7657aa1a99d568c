"""Universes on Spark: the same questions, any master. A master that is not there is told in a sentence, in bounded time."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import shutil
import socket
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from zhaoyin.base.errors import Refusal
from zhaoyin.universe import query
from zhaoyin.universe.folder import Manifest
from zhaoyin.universe.schema import HELD
from zhaoyin.universe.score import Ask, Places

KNOCK_SECONDS = 5.0  # to reach a master's port
START_SECONDS = 120.0  # for the cluster to do a first, empty job

SETTINGS = {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.shuffle.partitions": "4",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
}


def _no_master(master: str, zh: str, en: str) -> Refusal:
    return Refusal(
        "universe.spark",
        f"连不上 Spark 主节点 {master}：{zh}。检查地址，或不加 --engine spark 用本机 DuckDB。",
        f"The Spark master {master} cannot be used: {en}. Check the address, or leave out --engine spark to use DuckDB.",
        where=master,
    )


def knock(master: str, seconds: float = KNOCK_SECONDS) -> None:
    """Refuse a master that is malformed or whose port nobody opens, before any Java is started."""
    if re.fullmatch(r"local(\[[\d*,]+\])?|local-cluster\[\d+,\d+,\d+\]|yarn", master):
        return
    found = re.fullmatch(r"(?:spark|k8s)://(?:https?://)?(.+)", master)
    if not found:
        raise _no_master(master, "地址要写成 spark://主机:端口", "write it as spark://HOST:PORT")
    why = ""
    for address in found[1].split(","):
        host, _, port = address.rpartition(":")
        if not host or not port.isdigit():
            raise _no_master(master, "地址要写成 spark://主机:端口", "write it as spark://HOST:PORT")
        try:
            socket.create_connection((host, int(port)), timeout=seconds).close()
            return
        except (OSError, OverflowError) as error:
            why = str(error)
    raise _no_master(master, f"没有应答（{why}）", f"no answer ({why})")


def connect(master: str, seconds: float = START_SECONDS) -> Any:
    """A Spark session on ``master``, proven by an empty job within ``seconds``. Raises Refusal."""
    if importlib.util.find_spec("pyspark") is None:
        raise Refusal(
            "universe.spark",
            "没有装 pyspark。用 pip install zhaoyin[spark] 安装，或不加 --engine spark。",
            "pyspark is not installed. Install zhaoyin[spark], or leave out --engine spark.",
        )
    if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
        raise Refusal(
            "universe.spark",
            "没有找到 Java（需要 17 或更新）。安装后再用 --engine spark，或改用本机 DuckDB。",
            "Java (17 or later) was not found. Install it to use --engine spark, or use DuckDB.",
        )
    knock(master)
    from pyspark.sql import SparkSession

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName("zhaoyin").master(master)
    far = not master.startswith("local")
    for name, value in SETTINGS.items():
        if not (far and name.startswith("spark.driver.")):
            builder = builder.config(name, value)
    made: dict[str, Any] = {}

    def start() -> None:
        try:
            session = builder.getOrCreate()
            session.sparkContext.setLogLevel("ERROR")
            session.range(1).count()
            made["session"] = session
        except Exception as error:
            made["error"] = error

    # A master that takes the call but has no workers, or is no Spark master, would keep us waiting for ever.
    with _quiet():
        thread = threading.Thread(target=start, daemon=True)
        thread.start()
        thread.join(seconds)
    if "session" in made:
        return made["session"]
    if "error" in made:
        said = _java_says(made["error"])
        raise _no_master(
            master, f"连上了端口，但它不是能用的 Spark 主节点（{said}）", f"its port answers, but it is no Spark master that works ({said})"
        )  # fmt: skip
    raise _no_master(
        master,
        f"{seconds:.0f} 秒内没有工作节点接下任务，可能没有工作节点，或它们都忙着",
        f"no worker took a job within {seconds:.0f} s: it has none, or all are busy",
    )


def _java_says(error: Any) -> str:
    """The first line of what went wrong; of a Java error its own message, not that a call failed."""
    try:
        text = str(error.java_exception.getMessage())
    except Exception:  # any other error, or Java is gone
        text = str(error)
    return (text.strip().splitlines() or [type(error).__name__])[0][:160]


@contextlib.contextmanager
def _quiet() -> Any:
    """Java's start-up chatter goes nowhere: a person sees one line, ours."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.flush()
    kept = os.dup(2)
    void = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(void, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(void)


class SparkRunner:
    """Spark over the Parquet parts. Its workers must see the universe's folder under the same path."""

    dialect: query.Dialect = "pyspark"
    places = Places(pa.table({"place_code": pa.array([], pa.string())}))

    def __init__(self, path: Path, manifest: Manifest, master: str, session: Any = None) -> None:
        self._own = session is None
        self.session = session if session is not None else connect(master)
        files = [Path(file).resolve().as_uri() for file in manifest.files(path)]
        self.view = f"firms_{abs(hash((str(path.resolve()), manifest.generation)))}"
        self.session.read.parquet(*files).createOrReplaceTempView(self.view)

    def rank(self, ask: Ask) -> pa.Table:
        """The best rows: HELD and their score, in order."""
        shape = (ask.filter.shape(), tuple(term.shape() for term in ask.terms), HELD)
        tables = {**ask.tables, "param_firms": self.firms(ask.codes)}
        return self.run(
            query.fill(query.template(self.dialect, "ranked", *shape), ask.marks, tables, ask.limit)
        )

    def firms(self, codes: tuple[str, ...] | None) -> str:
        return f"`{self.view}`"

    def parts(self, places: Sequence[int]) -> str:
        return f"`{self.view}`"

    def set_regions(self, regions: pa.Table) -> str:
        self.places = Places(regions)
        name = f"{self.view}_regions"
        self.session.createDataFrame(regions.to_pandas()).createOrReplaceTempView(name)
        return f"`{name}`"

    def run(self, sql: str, schema: pa.Schema | None = None) -> pa.Table:
        return self.session.sql(sql).toArrow()

    def close(self) -> None:
        self.session.catalog.dropTempView(self.view)
        if self._own:
            self.session.stop()
