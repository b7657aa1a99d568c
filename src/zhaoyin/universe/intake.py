"""Bringing files into a universe: stage by blocks, find duplicates, write sorted parts, and switch over at once.

Every step leaves whole files under ``.import/``; the same command after a kill goes on where they end. Readers see the
old generation until the manifest is replaced, and the new one after.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import errno
import fcntl
import hashlib
import json
import re
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from zhaoyin.base import dates
from zhaoyin.base.errors import Refusal
from zhaoyin.universe import cards
from zhaoyin.universe import folder as folders
from zhaoyin.universe.clean import REJECTED, REJECTS, Cleaned, Cleaner
from zhaoyin.universe.codes import CodeTable
from zhaoyin.universe.folder import Manifest
from zhaoyin.universe.reader import (
    BLOCK_BYTES,
    BLOCK_ROWS,
    SYNTHETIC_KEY,
    RawBlock,
    Source,
    look,
    parse,
    raw_blocks,
)
from zhaoyin.universe.schema import SCHEMA, Layout, map_columns, signature

Progress = Callable[[str, int, int], None]  # stage ("read", "sort"), done, total
PART_ROWS = 500_000
ROW_GROUP = 20_000  # at most: a ranking looks its best rows up by place, each in one group
ROW_GROUP_LEAST = 3_000  # industries of fewer firms share one
STAGED_GROUP = 4_000  # rows are in order, so that a part of the new generation unpacks little else
SYNTHETIC_NAME = "合成企业"
_CODED = ["industry", "region", "status", "kind", "capital_currency", "source", "established", "employees", "patents", "branches", "capital_fen"]  # fmt: skip
_COLUMNS = ", ".join(name for name in SCHEMA.names if name != "place")


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did. ``read`` == ``accepted`` + ``rejected``; ``replaced`` are firms known before, now renewed."""

    read: int
    accepted: int
    rejected: int
    replaced: int
    left_empty: int  # accepted rows in which an optional field could not be read
    rows: int  # firms in the universe now
    reasons: list[tuple[str, int]]  # the most frequent, with their counts
    rejects: Path | None  # the list of rejected rows
    unchecked: tuple[str, ...]  # kinds of codes for which no table was given
    resumed: bool


def ingest(
    files: Sequence[str | Path],
    into: str | Path,
    *,
    industries: CodeTable | None = None,
    regions: CodeTable | None = None,
    mapping: Mapping[str, str] | None = None,
    encoding: str | None = None,
    synthetic: bool = False,
    discard: bool = False,
    progress: Progress | None = None,
    memory: str = "600MB",
    threads: int = 2,
    block_bytes: int = BLOCK_BYTES,
    block_rows: int = BLOCK_ROWS,
    part_rows: int = PART_ROWS,
) -> Imported:
    """Import ``files`` into the universe folder ``into``, made when absent. All of it happens or nothing.

    ``mapping`` is field -> header over what the folder remembers and what headers say (see ``schema.HEADERS``);
    ``industries`` and ``regions`` are the valid codes: without one only the form of a code is checked. ``synthetic``
    makes a new folder one for synthetic firms. ``discard`` drops an import of other files that was not finished.
    ``memory`` bounds the sorting engine alone. Raises Refusal; a rejected row is no refusal unless all are.
    """
    home = Path(into)
    known = Manifest.read(home) if (home / folders.MANIFEST).is_file() else Manifest(synthetic=synthetic)
    if synthetic and not known.synthetic:
        raise _mixed(home, "real")
    sources = [source for file in files for source in look(Path(file), encoding)]
    layouts = []
    for source in sources:
        wanted = {**known.layouts.get(signature(source.header), {}), **(mapping or {})}
        layouts.append(map_columns(source.header, wanted, source.name))
        if source.synthetic and not known.synthetic:
            raise _mixed(home, "synthetic", source.name)
    job = _Job(
        home, known, sources, layouts, industries, regions, progress or (lambda *_: None),
        memory, threads, block_bytes, block_rows, part_rows,
    )  # fmt: skip
    home.mkdir(parents=True, exist_ok=True)
    with _alone(home):
        try:
            resumed = job.prepare(discard)
            job.stage()
            return job.finish(resumed)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise _full(home) from None
        except duckdb.Error as error:
            if "No space left" not in str(error):
                raise
            raise _full(home) from None


def _full(home: Path) -> Refusal:
    return Refusal(
        "universe.full",
        f"{home} 所在的磁盘满了，导入停在中途，库没有变。腾出空间，再用同样的命令接着做。",
        f"The disk of {home} is full; the import stopped and the universe is as it was. Make room and give the same command to go on.",
        where=str(home),
    )


def _mixed(home: Path, what: str, where: str = "") -> Refusal:
    if what == "synthetic":
        return Refusal(
            "universe.synthetic",
            f"{where} 是合成数据，不能进入真实地区的企业库 {home}。合成数据另建一个库：--synthetic。",
            f"{where} is synthetic and cannot enter the universe of a real region, {home}. Make another with --synthetic.",
            where=where,
        )
    return Refusal(
        "universe.synthetic",
        f"{where or home} 不是合成数据，不能与合成数据放在一个库里。另选一个目录。",
        f"{where or home} is not synthetic; it cannot share a universe with synthetic firms. Choose another folder.",
        where=where,
    )


@contextlib.contextmanager
def _alone(home: Path) -> Iterator[None]:
    with (home / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Refusal(
                "universe.busy",
                f"另一个导入正在写 {home}。等它结束再试。",
                f"Another import is writing {home}. Try again when it has ended.",
                where=str(home),
            ) from None
        yield


@dataclass
class _Job:
    home: Path
    known: Manifest
    sources: list[Source]
    layouts: list[Layout]
    industries: CodeTable | None
    regions: CodeTable | None
    progress: Progress
    memory: str
    threads: int
    block_bytes: int
    block_rows: int
    part_rows: int

    def __post_init__(self) -> None:
        self.work = self.home / ".import"
        self.first_source = len(self.known.sources)
        self.key = hashlib.sha256(json.dumps(self._plan()).encode()).hexdigest()

    def _plan(self) -> list[object]:
        return [
            [source.fingerprint() for source in self.sources],
            [source.encoding for source in self.sources],
            [[sorted(layout.columns.items()), layout.capital_unit] for layout in self.layouts],
            [table.fingerprint() if table else "" for table in (self.industries, self.regions)],
            [self.known.generation, self.block_bytes, self.block_rows, self.part_rows],
        ]

    # --- staging

    def prepare(self, discard: bool) -> bool:
        """Find or make the working folder; True when an import that was cut short goes on."""
        plan = self.work / "plan.json"
        if plan.is_file():
            before = json.loads(plan.read_text(encoding="utf-8"))
            if before["key"] == self.key:
                return True
            if before["generation"] == self.known.generation and not discard:
                names = "、".join(before["files"])
                raise Refusal(
                    "universe.unfinished",
                    f"{self.home} 里有一次没有做完的导入（{names}）。用同样的命令继续，或加 --discard 放弃它。",
                    f"An import into {self.home} was not finished ({names}). Go on with the same command, or drop it with --discard.",
                    where=str(self.home),
                )
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir()
        record = {
            "key": self.key,
            "generation": self.known.generation,
            "files": [source.name for source in self.sources],
        }
        _write_json(plan, record)
        return False

    def stage(self) -> None:
        total = sum(source.size for source in self.sources)
        before = 0
        for place, (source, layout) in enumerate(zip(self.sources, self.layouts, strict=True)):
            self._stage_one(place, source, layout, before, total)
            before += source.size

    def _stage_one(self, place: int, source: Source, layout: Layout, before: int, total: int) -> None:
        cleaner = Cleaner(self.industries, self.regions, layout.capital_unit)
        done, after = 0, None
        while (mark := self._mark(place, done)).is_file():
            state = json.loads(mark.read_text())
            after = RawBlock(done, state["next_row"], state["end"], None)
            done += 1
        share = source.size if source.format == "csv" else 0

        def work(raw: RawBlock) -> None:
            end, first = raw.end, raw.first_row
            # A CSV counts lines, the others say where they are.
            following = first + raw.payload.count(b"\n") if source.format == "csv" else end + 1
            cleaned = cleaner(parse(source, layout, raw))
            self._check_synthetic(source, layout, cleaned)
            self._keep(place, cleaned, end, following)

        stop = threading.Event()
        blocks = raw_blocks(source, after=after, block_bytes=self.block_bytes, block_rows=self.block_rows)
        running: set[Future[None]] = set()
        with ThreadPoolExecutor(self.threads) as pool:
            try:
                for raw in blocks:
                    if self._mark(place, raw.number).is_file():
                        continue
                    running.add(pool.submit(work, raw))
                    if len(running) > self.threads:
                        finished, running = wait(running, return_when=FIRST_COMPLETED)
                        for future in finished:
                            future.result()
                    self.progress("read", before + (raw.end if share else 0), total)
                for future in running:
                    future.result()
            except BaseException:
                stop.set()
                for future in running:
                    future.cancel()
                raise
        self.progress("read", before + source.size, total)

    def _check_synthetic(self, source: Source, layout: Layout, cleaned: Cleaned) -> None:
        """Synthetic firms bear it in their names, so that no lost column or metadata lets them in."""
        if not cleaned.firms.num_rows:
            return
        marked = pc.starts_with(cleaned.firms["name"], SYNTHETIC_NAME)
        if pc.any(marked).as_py() and not self.known.synthetic:
            self._give_up()
            raise _mixed(self.home, "synthetic", source.name)
        if self.known.synthetic and not pc.all(marked).as_py():
            self._give_up()
            raise _mixed(self.home, "real", source.name)

    def _give_up(self) -> None:
        (self.work / "plan.json").unlink(missing_ok=True)

    def _mark(self, place: int, number: int) -> Path:
        return self.work / f"s{place:03d}-b{number:06d}.json"

    def _keep(self, place: int, cleaned: Cleaned, end: int, next_row: int) -> None:
        stem = self._mark(place, cleaned.number).with_suffix("")
        source = self.first_source + place
        firms = cleaned.firms.append_column("source", pa.array([source] * cleaned.firms.num_rows, pa.int32()))
        write_parquet(firms, Path(f"{stem}.firms"), STAGED_GROUP)
        if cleaned.rejects.num_rows:
            rejects = cleaned.rejects.append_column(
                "source", pa.array([source] * cleaned.rejects.num_rows, pa.int32())
            )
            write_parquet(rejects, Path(f"{stem}.rejects"), ROW_GROUP)
        state = {"end": end, "next_row": next_row, "read": cleaned.read, "rejected": cleaned.rejected}
        _write_json(Path(f"{stem}.json"), state)

    # --- the new generation

    def finish(self, resumed: bool) -> Imported:
        counts = self._counts()
        if counts["read"] == counts["rejected"]:
            raise self._nothing(counts["read"])
        generation = self.known.generation + 1
        target = self.home / f"firms-{generation:06d}"
        if target.exists():
            shutil.rmtree(target)  # left by a kill between the move and the manifest
        with _engine(self.work, self.memory, self.threads) as con:
            self._views(con)
            drops, replaced = self._duplicates(con)
            parts = self._parts(con)
            self._write_parts(con, parts)
            rejects, reasons, left_empty = self._list_rejects(con, generation)
        (self.work / "parts").rename(target)
        manifest = self._manifest(generation, target, drops)
        manifest.save(self.home)
        shutil.rmtree(self.work)
        for old in self.home.glob("firms-*"):
            if old.name < f"firms-{generation - 1:06d}":  # the one before may still be read
                shutil.rmtree(old)
        rejected = counts["rejected"] + sum(drops.values())
        unchecked = tuple(
            kind for kind, table in (("industry", self.industries), ("region", self.regions)) if table is None
        )
        return Imported(
            counts["read"], counts["read"] - rejected, rejected, replaced, left_empty, manifest.rows,
            reasons, rejects, unchecked, resumed,
        )  # fmt: skip

    def _counts(self, place: int | None = None) -> dict[str, int]:
        marks = self.work.glob("s*-b*.json" if place is None else f"s{place:03d}-b*.json")
        states = [json.loads(mark.read_text()) for mark in marks]
        return {name: sum(state[name] for state in states) for name in ("read", "rejected")}

    def _nothing(self, read: int) -> Refusal:
        with _engine(self.work, self.memory, self.threads) as con:
            con.execute(
                "create table drops(source int, source_row int, reason varchar, uscc varchar, name varchar)"
            )
            rejects, reasons, _ = self._list_rejects(con, self.known.generation + 1)
        shutil.rmtree(self.work)
        names = "、".join(source.name for source in self.sources)
        most = reasons[0][0] if reasons else "没有一行数据"
        listed = f"逐行原因见 {rejects}。" if rejects else ""
        see = f" Each row's reason is in {rejects}." if rejects else ""
        return Refusal(
            "universe.nothing",
            f"{names}：{read} 行里没有一行可用，什么都没有导入。最多的原因：{most}。{listed}",
            f"{names}: none of {read} rows is usable; nothing was imported. Most frequent reason: {most}.{see}",
            where=names,
        )

    def _views(self, con: duckdb.DuckDBPyConnection) -> None:
        staged = sorted(str(path) for path in self.work.glob("s*-b*.firms"))
        con.execute(f"create view staged as select * from read_parquet({sql_list(staged)})")
        old = self.known.files(self.home)
        if old:
            con.execute(f"create view old as select * from read_parquet({sql_list(old)})")
        else:
            con.execute("create view old as select 0::bigint as place, * from staged where false")

    def _duplicates(self, con: duckdb.DuckDBPyConnection) -> tuple[dict[int, int], int]:
        """Of rows with the same code the first stays; a firm known before is replaced. (drops per source, replaced)"""
        # Hashes first: 8 bytes a firm. Only firms whose hash comes twice are compared by code.
        con.execute(
            "create table twice as select h from (select hash(uscc) h from staged) group by h having count(*) > 1"
        )
        con.execute("""
            create table drops as
            select source, source_row, uscc, name, first_source, first_row from (
                select source, source_row, uscc, name,
                       first_value(source) over same as first_source, first_value(source_row) over same as first_row,
                       row_number() over same as turn
                from staged where hash(uscc) in (select h from twice)
                window same as (partition by uscc order by source, source_row)
            ) where turn > 1""")
        con.execute("drop table twice")
        con.execute("create table names(source int, file varchar)")
        con.executemany("insert into names values (?, ?)", [list(one) for one in self._names()])
        con.execute("""
            alter table drops add column reason varchar;
            update drops set reason = '与 ' || names.file || ' 第 ' || first_row || ' 行的统一社会信用代码重复'
            from names where names.source = first_source""")
        con.execute("create table gone as select place from old where uscc in (select uscc from staged)")
        replaced = con.execute("select count(*) from gone").fetchall()[0][0]
        found = con.execute("select source, count(*) from drops group by source").fetchall()
        sources = ["select * from staged", f"select {_COLUMNS} from old"]
        if found:
            sources[0] += " anti join drops using (source, source_row)"
        if replaced:
            sources[1] += " anti join gone using (place)"
        con.execute(
            "create view firms as " + " union all by name ".join(sources if self.known.rows else sources[:1])
        )
        return dict(found), replaced

    def _names(self) -> list[tuple[int, str]]:
        return [(self.first_source + place, source.name) for place, source in enumerate(self.sources)]

    def _parts(self, con: duckdb.DuckDBPyConnection) -> list[tuple[int, tuple[str, str], tuple[str, str]]]:
        """Stretches of (industry, region) of about ``part_rows`` firms: (first place, from, to), both inclusive."""
        cells = con.execute(
            "select industry, region, count(*) from firms group by all order by industry, region"
        ).fetchall()
        parts = []
        at = rows = 0
        start = None
        for industry, region, count in cells:
            start = start or (industry, region)
            rows += count
            if rows >= self.part_rows:
                parts.append((at, start, (industry, region)))
                at, rows, start = at + rows, 0, None
        if start:
            parts.append((at, start, cells[-1][:2]))
        return parts

    def _write_parts(
        self, con: duckdb.DuckDBPyConnection, parts: list[tuple[int, tuple[str, str], tuple[str, str]]]
    ) -> None:
        home = self.work / "parts"
        home.mkdir(exist_ok=True)
        schema = SCHEMA.with_metadata({SYNTHETIC_KEY: b"true"}) if self.known.synthetic else SCHEMA

        def write(number: int) -> None:
            path = home / f"part-{number:05d}.parquet"
            if path.is_file():
                return
            first, low, high = parts[number]
            with con.cursor() as cursor:
                table = cursor.sql(
                    f"""select {_COLUMNS} from firms where industry between ? and ?
                        and (industry > ? or region >= ?) and (industry < ? or region <= ?)
                        order by industry, region, uscc""",
                    params=[low[0], high[0], low[0], low[1], high[0], high[1]],
                ).to_arrow_table()
            ids = pa.array(range(first, first + table.num_rows), pa.int64())
            table = table.add_column(0, "place", ids).select(SCHEMA.names).cast(schema)
            write_part(table, path)

        with ThreadPoolExecutor(self.threads) as pool:
            for done, _ in enumerate(pool.map(write, range(len(parts))), 1):
                self.progress("sort", done, len(parts))

    def _list_rejects(
        self, con: duckdb.DuckDBPyConnection, generation: int
    ) -> tuple[Path | None, list[tuple[str, int]], int]:
        files = sorted(str(path) for path in self.work.glob("s*-b*.rejects"))
        if files:
            con.execute(f"create view rejects as select * from read_parquet({sql_list(files)})")
        else:
            con.register("rejects", REJECTS.empty_table().append_column("source", pa.array([], pa.int32())))
        con.execute(f"""
            create view listed as
            select source, row, uscc, name, outcome, reason from rejects
            union all select source, source_row, uscc, name, '{REJECTED}', reason from drops""")
        by_reason = con.execute(f"""
            select case when reason like '统一社会信用代码“%' then regexp_replace(reason, '“[^”]*”', '', 'g')
                        when reason like '与 %行的统一社会信用代码重复' then '统一社会信用代码重复' else reason end as why,
                   count(*) as n
            from listed where outcome = '{REJECTED}' group by why order by n desc, why limit 10""").fetchall()
        left_empty = con.execute(f"select count(*) from listed where outcome <> '{REJECTED}'").fetchall()[0][
            0
        ]
        if not by_reason and not left_empty:
            return None, [], 0
        names = dict(self._names())
        stamp = dt.datetime.now(dates.TIME_ZONE).strftime("%Y%m%d-%H%M%S")
        path = self.home / "rejected" / f"{generation:06d}-{stamp}.csv"
        path.parent.mkdir(exist_ok=True)
        reader = con.sql(
            "select source, row, uscc, name, outcome, reason from listed order by source, row"
        ).to_arrow_reader(50_000)
        words = pa.array([names.get(source, "") for source in range(max(names) + 1)], pa.string())
        head = pa.schema([("file", pa.string()), *[(field.name, field.type) for field in REJECTS]])
        with path.open("wb") as sink:
            sink.write(b"\xef\xbb\xbf")  # spreadsheets take it for UTF-8 by this mark alone
            with pa_csv.CSVWriter(sink, head) as out:
                for batch in reader:
                    columns = [words.take(batch.column(0)), *batch.columns[1:]]
                    out.write_table(pa.table(columns, names=head.names).cast(head))
        return path, by_reason, left_empty

    def _manifest(self, generation: int, target: Path, drops: dict[int, int]) -> Manifest:
        parts, industries, regions = folders.index(target)
        known = self.known
        sources = list(known.sources)
        for place, source in enumerate(self.sources):
            counts = self._counts(place)
            rejected = counts["rejected"] + drops.get(self.first_source + place, 0)
            sources.append(
                {
                    "file": source.name,
                    "bytes": source.size,
                    "read": counts["read"],
                    "accepted": counts["read"] - rejected,
                    "rejected": rejected,
                    "imported_at": dt.datetime.now(dates.TIME_ZONE).isoformat(timespec="seconds"),
                }
            )
        layouts = dict(known.layouts)
        for source, layout in zip(self.sources, self.layouts, strict=True):
            layouts[signature(source.header)] = layout.words(source.header)
        codes = dict(known.codes)
        for kind, table in (("industry", self.industries), ("region", self.regions)):
            codes[kind] = {"table": table.label, "fingerprint": table.fingerprint()} if table else {}
        return Manifest(
            known.synthetic, generation, sum(part.rows for part in parts), parts, industries, regions,
            layouts, sources, codes, known.made,
        )  # fmt: skip


@contextlib.contextmanager
def _engine(work: Path, memory: str, threads: int) -> Iterator[duckdb.DuckDBPyConnection]:
    con = duckdb.connect(
        config={"memory_limit": memory, "threads": threads, "temp_directory": str(work / "spill")}
    )
    try:
        con.execute("set preserve_insertion_order = false; set parquet_metadata_cache = true")
        yield con
    finally:
        con.close()


def write_parquet(table: pa.Table, path: Path, row_group: int) -> None:
    """Write in row groups of so many rows at most, in one step."""
    _write(table, path, list(range(0, table.num_rows, row_group)))


def write_part(table: pa.Table, path: Path) -> None:
    """Write firms in order of industry, the row groups cut where an industry begins: a question reads few strangers."""
    cards.write(table, path)
    _write(table, path, group_starts(table["industry"]))


def _write(table: pa.Table, path: Path, starts: Sequence[int]) -> None:
    new = path.with_name(path.name + ".new")
    coded = [name for name in _CODED if name in table.column_names]
    # Snappy: twice the size of zstd, but a question spends most of its time unpacking.
    with pq.ParquetWriter(new, table.schema, compression="snappy", use_dictionary=coded) as out:
        for start, end in pairwise([*starts, table.num_rows]):
            out.write_table(table.slice(start, end - start), row_group_size=max(end - start, 1))
    new.replace(path)


def group_starts(industry: pa.ChunkedArray) -> list[int]:
    """Where the row groups of a sorted part begin: at an industry, small ones together, large ones in equal pieces."""
    runs = pc.run_end_encode(industry.combine_chunks(), run_end_type=pa.int32()).run_ends.to_pylist()
    starts = [0]
    start = 0
    for end in runs:
        if start > starts[-1] and end - starts[-1] > ROW_GROUP_LEAST:
            starts.append(start)
        pieces = -(-(end - start) // ROW_GROUP)
        starts += [start + (end - start) * piece // pieces for piece in range(1, pieces)]
        if pieces > 1 and end < len(industry):
            starts.append(end)
        start = end
    return starts


def _write_json(path: Path, value: Any) -> None:
    new = path.with_name(path.name + ".new")
    new.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    new.replace(path)


def sql_list(paths: Sequence[str]) -> str:
    """Paths as a DuckDB list literal; a ``*`` or ``[`` in a folder's name is no pattern."""
    escaped = [re.sub(r"([*?\[])", r"[\1]", path).replace("'", "''") for path in paths]
    return "[" + ", ".join(f"'{path}'" for path in escaped) + "]"
