"""Made-up universes for benches and demonstrations: heavy tails, a latent affinity of regions to industries.

Firms are drawn per cell of region x industry, so that they come out sorted and any size costs no sort. Names begin
with 合成企业, the manifest and every file say synthetic, and no real universe takes them in.
"""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from zhaoyin.base import dates, uscc
from zhaoyin.base.errors import Refusal
from zhaoyin.universe import folder as folders
from zhaoyin.universe.folder import Manifest
from zhaoyin.universe.intake import PART_ROWS, SYNTHETIC_NAME, write_part
from zhaoyin.universe.reader import SYNTHETIC_KEY
from zhaoyin.universe.schema import SCHEMA

_LETTERS = np.frombuffer(uscc.ALPHABET.encode(), np.uint8)
_VALUES = np.zeros(256, np.int32)
_VALUES[_LETTERS] = np.arange(31)
_WEIGHTS = np.array([pow(3, n, 31) for n in range(17)], np.int32)
_SCOPES = [
    "贵金属加工、销售", "电子专用材料制造", "机械设备制造、安装", "软件开发、技术服务", "食品生产、销售",
    "建筑材料批发、零售", "货物及技术进出口", "化工产品销售（不含危险化学品）",
]  # fmt: skip


@dataclass(frozen=True)
class World:
    """The shape of a synthetic universe: codes and the expected share of every region x industry cell."""

    regions: list[str]
    industries: list[str]
    shares: npt.NDArray[np.float64]  # industries x regions, sums to 1


def world(seed: int, regions: Sequence[str] | None = None, industries: Sequence[str] | None = None) -> World:
    """Pareto sizes of regions and industries, times exp(0.55 u.v) of six latent affinities; 3,000 x 1,400 by default."""
    rng = np.random.default_rng([seed, 0])
    region_codes = sorted(regions) if regions else [f"{n:06d}" for n in range(900_000, 903_000)]
    industry_codes = sorted(industries) if industries else [f"{n:04d}" for n in range(100, 1_500)]
    count_r, count_i = len(region_codes), len(industry_codes)
    affinity = rng.normal(size=(count_i, 6)) @ rng.normal(size=(6, count_r))
    sizes_r = rng.permutation(rng.pareto(1.2, count_r) + 0.05)
    sizes_i = rng.permutation(rng.pareto(1.1, count_i) + 0.05)
    shares = np.exp(0.55 * affinity) * sizes_i[:, None] * sizes_r[None, :]
    return World(region_codes, industry_codes, shares / shares.sum())


def _fixed(letters: npt.NDArray[np.uint8]) -> pa.Array:
    """Rows of as many bytes each as strings, without a copy in Python."""
    count, width = letters.shape
    offsets = np.arange(0, (count + 1) * width, width, dtype=np.int32)
    return pa.Array.from_buffers(
        pa.string(), count, [None, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(letters))]
    )


def _digits(numbers: npt.NDArray[np.int64], width: int) -> npt.NDArray[np.uint8]:
    powers = 10 ** np.arange(width - 1, -1, -1)
    return (numbers[:, None] // powers % 10 + ord("0")).astype(np.uint8)


def _codes(regions: npt.NDArray[np.int64], numbers: npt.NDArray[np.int64], codes: list[str]) -> pa.Array:
    """Sound USCCs: Y1, the region, a nine-digit serial and the check character."""
    heads = np.frombuffer("".join(code[:6].ljust(6, "0") for code in codes).encode(), np.uint8).reshape(-1, 6)
    letters = np.empty((len(numbers), 18), np.uint8)
    letters[:, :2] = np.frombuffer(b"Y1", np.uint8)
    letters[:, 2:8] = heads[regions]
    letters[:, 8:17] = _digits(numbers, 9)
    sums = _VALUES[letters[:, :17]] @ _WEIGHTS
    letters[:, 17] = _LETTERS[(31 - sums % 31) % 31]
    return _fixed(letters)


def _names(numbers: npt.NDArray[np.int64]) -> pa.Array:
    head = np.frombuffer(SYNTHETIC_NAME.encode(), np.uint8)
    tail = np.frombuffer("有限公司".encode(), np.uint8)
    letters = np.empty((len(numbers), len(head) + 9 + len(tail)), np.uint8)
    letters[:, : len(head)] = head
    letters[:, len(head) : -len(tail)] = _digits(numbers, 9)
    letters[:, -len(tail) :] = tail
    return _fixed(letters)


def _firms(shape: World, cells: npt.NDArray[np.int64], first: int, rng: np.random.Generator) -> pa.Table:
    """Firms of the given cells (index industry x region), numbered from ``first``."""
    count = len(cells)
    industry, region = np.divmod(cells, len(shape.regions))
    numbers = np.arange(first, first + count, dtype=np.int64)
    born = (dt.date(2026, 6, 30) - dt.date(1970, 1, 1)).days - (rng.gamma(1.6, 5, count) * 365.25).clip(
        1, 16_000
    )
    capital = np.round(np.exp(rng.normal(4.6, 1.8, count)), 1).clip(0.1, 5e7)
    statuses = pa.array(["open", "closed", "revoked"])
    kinds = pa.array(["有限责任公司", "股份有限公司", "有限合伙企业"])
    columns: dict[str, pa.Array] = {
        "place": pa.array(numbers),
        "uscc": _codes(region, numbers, shape.regions),
        "name": _names(numbers),
        "region": pa.array(shape.regions).take(pa.array(region)),
        "industry": pa.array(shape.industries).take(pa.array(industry)),
        "status": statuses.take(pa.array(np.searchsorted([0.72, 0.95], rng.random(count)))),
        "kind": kinds.take(pa.array(np.searchsorted([0.9, 0.95], rng.random(count)))),
        "established": pa.array(born.astype(np.int32)).cast(pa.date32()),
        "capital_fen": pa.array(np.round(capital * 1e6).astype(np.int64)),
        "capital_currency": pa.array(["CNY"]).take(pa.array(np.zeros(count, np.int8))),
        # A tenth of firms report no staff, as in registers.
        "employees": pa.array(
            np.exp(rng.normal(2, 1.4, count)).astype(np.int32), mask=rng.random(count) < 0.1
        ),
        "patents": pa.array((rng.pareto(1.5, count) * 0.6).clip(0, 5_000).astype(np.int32)),
        "branches": pa.array((rng.pareto(2.0, count) * 0.5).clip(0, 3_000).astype(np.int32)),
        "high_tech": pa.array(rng.random(count) < 0.02),
        "listed": pa.array(rng.random(count) < 0.0005),
        "mobility": pa.array(np.round(rng.random(count), 4), mask=rng.random(count) < 0.3),
        "scope": pa.array(_SCOPES).take(pa.array(rng.integers(0, len(_SCOPES), count))),
        "source": pa.array(np.zeros(count, np.int32)),
        "source_row": pa.array((numbers + 1).astype(np.int32)),
    }
    arrays = [columns.get(field.name, pa.nulls(count, field.type)) for field in SCHEMA]
    return pa.Table.from_arrays(arrays, schema=SCHEMA.with_metadata({SYNTHETIC_KEY: b"true"}))


def synthesise(
    firms: int,
    into: str | Path,
    *,
    seed: int = 7,
    regions: Sequence[str] | None = None,
    industries: Sequence[str] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Manifest:
    """Write a synthetic universe of ``firms`` firms to an empty folder. Same seed and codes, same firms.

    Raises Refusal when the folder already holds a universe or ``firms`` is not between 1 and 999,999,999.
    """
    home = Path(into)
    if not 1 <= firms < 10**9:
        raise Refusal(
            "universe.synth", "企业数要在 1 到 999,999,999 之间。", "Ask for 1 to 999,999,999 firms."
        )
    if (home / folders.MANIFEST).exists():
        raise Refusal(
            "universe.synth",
            f"{home} 里已有企业库，合成数据不能写进去。换一个空目录。",
            f"{home} already holds a universe; synthetic firms cannot be written there. Choose an empty folder.",
            where=str(home),
        )
    shape = world(seed, regions, industries)
    counts = np.random.default_rng([seed, 1]).multinomial(firms, shape.shares.ravel())
    target = home / "firms-000001"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for number, first in enumerate(range(0, firms, PART_ROWS)):
        size = min(PART_ROWS, firms - first)
        cells = _cells(counts, first, size)
        table = _firms(shape, cells, first, np.random.default_rng([seed, 2, number]))
        write_part(table, target / f"part-{number:05d}.parquet")
        if progress:
            progress(first + size, firms)
    parts, spans, places = folders.index(target)
    made = {
        "firms": firms,
        "seed": seed,
        "at": dt.datetime.now(dates.TIME_ZONE).isoformat(timespec="seconds"),
    }
    source = {"file": "synthetic", "read": firms, "accepted": firms, "rejected": 0, "imported_at": made["at"]}
    manifest = Manifest(True, 1, firms, parts, spans, places, {}, [source], {}, made)
    manifest.save(home)
    return manifest


def _cells(counts: npt.NDArray[np.int64], first: int, size: int) -> npt.NDArray[np.int64]:
    """The cell of each of the firms ``first`` to ``first + size`` in sorted order."""
    ends = np.cumsum(counts)
    low, high = np.searchsorted(ends, [first, first + size - 1], side="right")
    inside = np.minimum(ends[low : high + 1], first + size) - np.maximum(
        ends[low : high + 1] - counts[low : high + 1], first
    )
    return np.repeat(np.arange(low, high + 1), inside)


def export(
    firms: int,
    *,
    seed: int = 7,
    rows: int = 200_000,
    regions: Sequence[str] | None = None,
    industries: Sequence[str] | None = None,
) -> Iterator[pa.Table]:
    """The same kind of firms unsorted and in the columns of a vendor's export: what an import is measured on."""
    shape = world(seed, regions, industries)
    ends = np.cumsum(shape.shares.ravel())
    for number, first in enumerate(range(0, firms, rows)):
        rng = np.random.default_rng([seed, 3, number])
        cells = np.searchsorted(ends, rng.random(min(rows, firms - first)) * ends[-1]).astype(np.int64)
        table = _firms(shape, cells, first, rng)
        status = pa.array(["存续（在营、开业、在册）", "注销", "吊销，未注销"])
        codes = pc.index_in(table["status"], pa.array(["open", "closed", "revoked"]))
        capital = pc.divide(table["capital_fen"].cast(pa.float64()), 1e6)
        yield pa.table(
            {
                "企业名称": table["name"],
                "统一社会信用代码": table["uscc"],
                "登记状态": status.take(codes.combine_chunks()),
                "注册资本": pc.binary_join_element_wise(capital.cast(pa.string()), "万人民币", ""),
                "成立日期": table["established"].cast(pa.string()),
                "行政区划代码": table["region"],
                "行业代码": table["industry"],
                "企业类型": table["kind"],
                "参保人数": table["employees"].cast(pa.string()),
                "专利数量": table["patents"].cast(pa.string()),
                "高新技术企业": pc.if_else(table["high_tech"], "是", "否"),
                "经营范围": table["scope"],
                "合成数据": pa.array(["是"] * table.num_rows),
            }
        )
