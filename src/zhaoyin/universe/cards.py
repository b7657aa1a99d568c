"""Cards: what an answer shows of a firm, laid open beside each Parquet part and read by place without unpacking.

An Arrow file maps into memory as it lies on disk, so that fifty firms out of sixty million cost fifty small reads. A
universe held in memory maps the same files.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from zhaoyin.universe.folder import Manifest
from zhaoyin.universe.schema import HELD

BATCH = 4_096


def beside(part: str | Path) -> Path:
    """The cards of a Parquet part, in a folder that readers of the whole folder pass over."""
    part = Path(part)
    return part.parent / "_cards" / f"{part.stem}.arrow"


def write(table: pa.Table, part: Path) -> None:
    """Write the cards of a part's firms, in one step."""
    path = beside(part)
    path.parent.mkdir(exist_ok=True)
    new = path.with_name(path.name + ".new")
    held = table.select(HELD).combine_chunks()
    with pa.OSFile(str(new), "wb") as sink, pa.ipc.new_file(sink, held.schema) as out:
        out.write_table(held, max_chunksize=BATCH)
    new.replace(path)


class Cards:
    """The cards of a universe; a part's file is opened when it is first asked for."""

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self._files = manifest.files(path)
        self._firsts = [part.first for part in manifest.parts]
        self._open: dict[int, pa.ipc.RecordBatchFileReader] = {}

    def _part(self, number: int) -> pa.ipc.RecordBatchFileReader:
        if number not in self._open:
            self._open[number] = pa.ipc.open_file(pa.memory_map(str(beside(self._files[number]))))
        return self._open[number]

    def of(self, places: Sequence[int]) -> pa.Table:
        """The firms at some places, in that order."""
        rows = []
        for place in places:
            number = bisect_right(self._firsts, place) - 1
            batch, row = divmod(place - self._firsts[number], BATCH)
            rows.append(self._part(number).get_batch(batch).slice(row, 1))
        return pa.Table.from_batches(rows, self.schema).combine_chunks()

    @property
    def schema(self) -> pa.Schema:
        return self._part(0).schema

    def all(self) -> pa.Table:
        """Every firm, mapped, not copied."""
        return pa.concat_tables(self._part(number).read_all() for number in range(len(self._files)))
