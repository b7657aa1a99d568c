"""The register on disk: arrays in segments, memory-mapped, named by one manifest that is replaced in one step.

A folder holds ``manifest.json`` and segments (``seg-000001/*.npy``). A segment is never changed: adding writes a new one,
and what it replaces is marked in a new ``dead`` array; when the added parts grow, all are compacted into one. Everything is
written beside, flushed to disk and renamed, then the manifest is replaced: killed at any moment, the old register or the
new one stands, never half. Writers take turns by a file lock; readers need none.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from zhaoyin.base.errors import Refusal
from zhaoyin.resolution import loops, tables
from zhaoyin.resolution.features import N_FEATURES, Segment, candidates
from zhaoyin.resolution.model import Candidates, Model
from zhaoyin.resolution.text import characters, codes, normalise

FORMAT = 1
PRIOR_NAMES = (
    20_000  # weight of the shipped character statistics, in names: what makes ten names enough to start with
)


def budget_for(rows: int) -> int:
    """Postings read per written name: fewer in a large register, where each read misses the cache (measured at 1.1 M
    names: a quarter fewer reads costs 0.3 % of self-recall)."""
    return int(np.clip(30_000 * (300_000 / max(1, rows)) ** 0.75, 8_000, 30_000))


TOP = 40
ROOM = 64
CHUNK = 1024
SPARE = 64  # dead rows of a segment tolerated before counting them towards compaction

Progress = Callable[[int, int], None]


class Alias(NamedTuple):
    """Another name of the same organisation. ``since``/``until`` are ISO dates (inclusive) or empty; ``source`` says who says so."""

    name: str
    since: str = ""
    until: str = ""
    source: str = ""


class Entry(NamedTuple):
    """One organisation. ``place``: any text that names its province, city or county; ``code``: its USCC."""

    id: str
    name: str
    place: str = ""
    industry: str = ""
    aliases: tuple[Alias, ...] = ()
    code: str = ""


@dataclass(frozen=True)
class Part:
    """A segment opened: its loops' view and the texts beside it."""

    name: str
    view: Segment
    arrays: dict[str, npt.NDArray[Any]]

    @property
    def rows(self) -> int:
        return len(self.arrays["entry_of"])

    def text(self, kind: str, at: int) -> str:
        offsets = self.arrays[f"{kind}_at"]
        return bytes(self.arrays[kind][offsets[at] : offsets[at + 1]]).decode("utf-8")


def sounds() -> loops.Sounds:
    table = characters()
    return loops.Sounds(table.sound, table.sound2, table.coarse, table.coarse2, table.parts, tables.kinds())


def grammar(suffixes: npt.NDArray[np.uint64]) -> loops.Grammar:
    where = tables.places()
    return loops.Grammar(
        where.hashes, where.canonical, where.province, where.longest,
        *tables.packed_forms(), *tables.packed_branches(), suffixes,
    )  # fmt: skip


def parse_names(names: Sequence[str], suffixes: npt.NDArray[np.uint64]) -> loops.Parses:
    """Parse normalised names."""
    source, offsets = codes(names)
    if not len(source):
        source = np.zeros(1, np.uint16)
    return loops.Parses(*loops.parse_all(source, offsets, grammar(suffixes)))


def _texts(values: Sequence[str]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    encoded = [value.encode("utf-8", "replace") for value in values]
    offsets = np.zeros(len(encoded) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, encoded), np.int64, len(encoded)), out=offsets[1:])
    blob = np.frombuffer(b"".join(encoded) or b"\0", np.uint8)
    return blob, offsets


def hashes(names: Sequence[str]) -> npt.NDArray[np.uint64]:
    source, offsets = codes(names)
    if not len(source):
        source = np.zeros(1, np.uint16)
    found: npt.NDArray[np.uint64] = _hash_all(source, offsets)
    return found


@loops.njit
def _hash_all(source, offsets):
    out = np.zeros(len(offsets) - 1, np.uint64)
    for k in range(len(out)):
        out[k] = loops.hash_span(source, offsets[k], offsets[k + 1])
    return out


@loops.njit
def _character_counts(offsets, chars):
    counts = np.zeros(65536, np.int64)
    last = np.full(65536, -1, np.int64)
    for name in range(len(offsets) - 1):
        for k in range(offsets[name], offsets[name + 1]):
            if last[chars[k]] != name:
                last[chars[k]] = name
                counts[chars[k]] += 1
    return counts


def place_numbers(text: str) -> list[int]:
    """Canonical numbers of the places a free text names, the finest last; at most two are kept."""
    where = tables.places()
    found: list[int] = []
    at = 0
    while at < len(text):
        for size in range(min(where.longest, len(text) - at), 1, -1):
            if text[at : at + size] in where.province_of:
                found.append(where.number[tables.short_place(text[at : at + size])])
                at += size
                break
        else:
            at += 1
    return found[-2:]


def make_segment(
    entries: Iterable[Entry], base: Part | None, model: Model, progress: Progress | None = None
) -> dict[str, npt.NDArray[Any]]:
    """The arrays of one segment. With ``base``, its statistics are used instead of those of these few entries."""
    ids: list[str] = []
    names: list[str] = []
    where: list[str] = []
    trade: list[str] = []
    code: list[str] = []
    alias_rows: list[tuple[int, Alias]] = []
    last: dict[str, int] = {}
    for entry in entries:
        if not normalise(entry.name):
            raise Refusal(
                "entry-without-name",
                f"第 {len(ids) + 1} 条（编号 {entry.id}）没有可用的名称；请补上名称后再入册。",
                f"Entry {len(ids) + 1} (id {entry.id}) has no usable name; give it one and add it again.",
                where=entry.id,
            )
        last[entry.id] = len(ids)
        alias_rows.extend((len(ids), alias) for alias in entry.aliases if normalise(alias.name))
        ids.append(entry.id)
        names.append(entry.name)
        where.append(entry.place)
        trade.append(entry.industry)
        code.append(entry.code)
        if progress and not len(ids) % 20_000:
            progress(len(ids), 0)
    if len(last) < len(ids):  # the same id twice: the later one stands
        keep = sorted(last.values())
        number = {old: new for new, old in enumerate(keep)}
        ids, names, where, trade, code = (
            [column[i] for i in keep] for column in (ids, names, where, trade, code)
        )
        alias_rows = [(number[i], alias) for i, alias in alias_rows if i in number]
    own = len(ids)
    normal = [normalise(name) for name in names] + [normalise(alias.name) for _, alias in alias_rows]
    entry_of = np.concatenate([np.arange(own), [i for i, _ in alias_rows]]).astype(np.int32)
    parses, suffixes = _parses(normal, base)
    table = sounds()
    keys, starts, posts = loops.build_postings(parses.offsets, parses.chars, parses.roles, table)
    rows = len(normal)
    frequency = np.diff(starts)
    if base is None:
        weights = np.log((rows + 1) / (frequency + 0.5)).astype(np.float32)
        weights[keys >= loops.BIGRAM] *= np.float32(0.6)
        counts = _character_counts(parses.offsets, parses.chars).astype(np.float64)
        for point, share in model.background.items():
            counts[point] += PRIOR_NAMES * share
        prior = PRIOR_NAMES if model.background else 0
        idf = (np.log((rows + prior + 1) / (counts + 1)) / 4).astype(np.float32)
    else:
        weights = np.full(len(keys), np.log(base.rows + 1) + 0.7, np.float32)
        weights[keys >= loops.BIGRAM] *= np.float32(0.6)
        at = np.searchsorted(base.arrays["keys"], keys).clip(0, len(base.arrays["keys"]) - 1)
        known = base.arrays["keys"][at] == keys
        weights[known] = base.arrays["weights"][at[known]]
        idf = base.arrays["idf"]
    lengths = np.diff(parses.offsets)
    extra = np.full((rows, 2), -1, np.int16)
    seen: dict[str, list[int]] = {}
    for row, text in enumerate(where):
        if text:
            numbers = seen.get(text)
            if numbers is None:
                numbers = seen[text] = place_numbers(normalise(text))
            extra[row, : len(numbers)] = numbers
    extra[own:] = extra[entry_of[own:]]
    province = parses.province.copy()
    of_number = _province_of_number()
    unknown = province < 0
    province[unknown] = np.where(extra[unknown, 0] >= 0, of_number[extra[unknown, 0]], -1)
    exact = hashes(normal + [c for c in code if c])
    exact_row = np.concatenate([np.arange(rows), [i for i, c in enumerate(code) if c]]).astype(np.int32)
    order = np.lexsort((exact_row, exact))
    id_hash = hashes_of_ids(ids)
    id_order = np.argsort(id_hash, kind="stable")
    arrays: dict[str, npt.NDArray[Any]] = {
        "offsets": parses.offsets, "chars": parses.chars, "roles": parses.roles, "form": parses.form,
        "flags": parses.flags, "province": province.astype(np.int8), "places": parses.places, "core": parses.core,
        "whole": parses.whole, "keys": keys, "starts": starts, "posts": posts, "weights": weights,
        "norm": (1 / (6 + lengths) ** 0.35).astype(np.float32),
        "bearers": _same(parses.core, base, "core"), "namesakes": _same(parses.whole, base, "whole"),
        "extra": extra, "entry_of": entry_of, "exact": exact[order], "exact_row": exact_row[order],
        "id_hash": id_hash[id_order], "id_entry": id_order.astype(np.int32), "idf": idf, "suffixes": suffixes,
        "own": np.array([own], np.int64),
    }  # fmt: skip
    for kind, values in (
        ("names", names + [alias.name for _, alias in alias_rows]),
        ("ids", ids),
        ("place_text", where),
        ("trade", trade),
        ("uscc", code),
        ("since", [alias.since for _, alias in alias_rows]),
        ("until", [alias.until for _, alias in alias_rows]),
        ("source", [alias.source for _, alias in alias_rows]),
    ):
        arrays[kind], arrays[f"{kind}_at"] = _texts(values)
    return arrays


def _province_of_number() -> npt.NDArray[np.int8]:
    where = tables.places()
    out = np.full(len(where.names) + 1, -1, np.int8)
    for name, number in where.number.items():
        out[number] = where.province_of.get(name, -1)
    return out


def _parses(normal: list[str], base: Part | None) -> tuple[loops.Parses, npt.NDArray[np.uint64]]:
    if base is not None:
        suffixes = base.arrays["suffixes"]
        return parse_names(normal, suffixes), suffixes
    shipped = tables.industry_hashes()
    parses = parse_names(normal, shipped)
    rows = len(normal)
    buckets = 1 << int(np.clip(np.ceil(np.log2(4 * rows + 1)), 12, 23))
    counts = loops.count_suffixes(parses.offsets, parses.chars, parses.roles, buckets)
    least = max(6, rows * 2e-5)
    own = loops.frequent_suffixes(parses.offsets, parses.chars, parses.roles, counts, least)
    suffixes = np.union1d(shipped, own)
    loops.set_boundaries(parses.offsets, parses.chars, parses.roles, suffixes, parses.core, parses.whole)
    return parses, suffixes


def _same(values: npt.NDArray[np.uint64], base: Part | None, kind: str) -> npt.NDArray[np.int32]:
    """How many names of the register share each value."""
    distinct, inverse, count = np.unique(values, return_inverse=True, return_counts=True)
    if base is not None:
        old = base.arrays[kind]
        found, more = np.unique(old[np.isin(old, distinct)], return_counts=True)
        count[np.searchsorted(distinct, found)] += more
    return count[inverse].astype(np.int32)


def hashes_of_ids(ids: Sequence[str]) -> npt.NDArray[np.uint64]:
    """Ids are not names: hashed as they are, every character of them."""
    raw = np.fromiter((zlib.crc32(i.encode()) for i in ids), np.uint64, len(ids))
    more = np.fromiter((zlib.adler32(i.encode()[::-1]) for i in ids), np.uint64, len(ids))
    return (raw << np.uint64(32)) | more


# ---------------------------------------------------------------- the folder


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.mkdir(parents=True, exist_ok=True)
    with (path / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _write_arrays(folder: Path, arrays: dict[str, npt.NDArray[Any]]) -> dict[str, int]:
    sizes = {}
    for name, array in arrays.items():
        target = folder / f"{name}.npy"
        with target.open("wb") as handle:
            np.save(
                handle,
                array if array.size else np.zeros((1, *array.shape[1:]), array.dtype),
                allow_pickle=False,
            )
            handle.flush()
            os.fsync(handle.fileno())
        sizes[name] = target.stat().st_size
    _flush(folder)
    return sizes


def _damaged(path: Path, what: str, what_en: str) -> Refusal:
    return Refusal(
        "register-damaged",
        f"名册 {path} 已损坏：{what}。请从备份恢复，或用 zhaoyin names build 重建。",
        f"The register {path} is damaged: {what_en}. Restore it from a backup or rebuild it with `zhaoyin names build`.",
        where=str(path),
    )


@dataclass
class Manifest:
    generation: int = 0
    segments: list[dict[str, Any]] = field(
        default_factory=list
    )  # name, rows, entries, sizes, dead (file or ""), dead_size

    @classmethod
    def read(cls, path: Path) -> Manifest:
        file = path / "manifest.json"
        try:
            raw = json.loads(file.read_text("utf-8"))
        except FileNotFoundError:
            raise Refusal(
                "register-missing",
                f"{path} 不是名册（没有 manifest.json）。请先运行 zhaoyin names build。",
                f"{path} is not a register (no manifest.json). Run `zhaoyin names build` first.",
                where=str(path),
            ) from None
        except (OSError, ValueError):
            raise _damaged(path, "清单 manifest.json 读不出来", "its manifest.json cannot be read") from None
        if (
            not isinstance(raw, dict)
            or raw.get("format") != FORMAT
            or not isinstance(raw.get("segments"), list)
        ):
            raise _damaged(path, "清单格式不符", "its manifest has another format")
        return cls(raw["generation"], raw["segments"])

    def write(self, path: Path) -> None:
        temporary = path / f".manifest-{os.getpid()}"
        with temporary.open("w", encoding="utf-8") as handle:
            json.dump({"format": FORMAT, "generation": self.generation, "segments": self.segments}, handle)
            handle.flush()
            os.fsync(handle.fileno())
        temporary.replace(path / "manifest.json")
        _flush(path)


def load_part(path: Path, row: dict[str, Any]) -> Part:
    folder = path / row["name"]
    arrays: dict[str, npt.NDArray[Any]] = {}
    sizes = dict(row["sizes"])
    for name, size in sizes.items():
        file = folder / f"{name}.npy"
        try:
            found = file.stat().st_size
        except FileNotFoundError:
            raise FileNotFoundError(str(file)) from None
        if found != size:
            raise _damaged(
                path,
                f"{row['name']}/{name}.npy 应为 {size} 字节，实为 {found} 字节",
                f"{row['name']}/{name}.npy should hold {size} bytes and holds {found}",
            )
        try:
            # copy-on-write: shared between processes, and of the one array type the loops are compiled for
            arrays[name] = np.asarray(np.load(file, mmap_mode="c", allow_pickle=False))
        except (ValueError, OSError):
            raise _damaged(
                path,
                f"{row['name']}/{name}.npy 不是完好的数组文件",
                f"{row['name']}/{name}.npy is no sound array file",
            ) from None
    dead = np.zeros(row["rows"], np.uint8)
    if row.get("dead"):
        file = path / row["dead"]
        if file.stat().st_size != row["dead_size"]:
            raise _damaged(path, f"{row['dead']} 长度不符", f"{row['dead']} has the wrong length")
        dead = np.load(file, allow_pickle=False)
    return Part(row["name"], _view(arrays, dead), arrays)


def _view(arrays: dict[str, npt.NDArray[Any]], dead: npt.NDArray[np.uint8]) -> Segment:
    rows = len(arrays["entry_of"])
    parses = loops.Parses(*(arrays[name] for name in loops.Parses._fields))
    index = loops.Index(*(arrays[name] for name in loops.Index._fields))
    if not len(dead):
        dead = np.zeros(rows, np.uint8)
    return Segment(parses, index, arrays["bearers"], arrays["namesakes"], arrays["extra"], dead)


class Store:
    """Reads and writes the folder of a register."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def open(self) -> tuple[int, list[Part]]:
        for attempt in range(6):
            manifest = Manifest.read(self.path)
            try:
                return manifest.generation, [load_part(self.path, row) for row in manifest.segments]
            except FileNotFoundError as gone:  # compacted between the two reads: read the new manifest
                if attempt == 5 or Manifest.read(self.path).generation == manifest.generation:
                    raise _damaged(
                        self.path,
                        f"缺少文件 {Path(gone.args[0]).name}",
                        f"the file {Path(gone.args[0]).name} is missing",
                    ) from None
        raise AssertionError

    def _segment(self, manifest: Manifest, arrays: dict[str, npt.NDArray[Any]]) -> dict[str, Any]:
        manifest.generation += 1
        name = f"seg-{manifest.generation:06d}"
        working = self.path / f".making-{os.getpid()}"
        shutil.rmtree(working, ignore_errors=True)
        working.mkdir()
        sizes = _write_arrays(working, arrays)
        shutil.rmtree(self.path / name, ignore_errors=True)
        working.rename(self.path / name)
        _flush(self.path)
        return {
            "name": name,
            "rows": len(arrays["entry_of"]),
            "entries": int(arrays["own"][0]),
            "sizes": sizes,
            "dead": "",
            "dead_size": 0,
        }

    def _sweep(self, manifest: Manifest) -> None:
        """Remove what no manifest names any more; readers keep what they have mapped."""
        keep = {row["name"] for row in manifest.segments} | {row["dead"] for row in manifest.segments}
        for found in self.path.iterdir():
            if (
                re.fullmatch(r"seg-\d+|dead-\d+-\d+\.npy|\.making-\d+|\.manifest-\d+", found.name)
                and found.name not in keep
            ):
                if found.is_dir():
                    shutil.rmtree(found, ignore_errors=True)
                else:
                    found.unlink(missing_ok=True)

    def build(self, entries: Iterable[Entry], model: Model, progress: Progress | None = None) -> None:
        with _locked(self.path):
            arrays = make_segment(entries, None, model, progress)
            try:
                manifest = Manifest.read(self.path)
            except Refusal:
                manifest = Manifest()
            manifest.segments = [self._segment(manifest, arrays)]
            manifest.write(self.path)
            self._sweep(manifest)

    def change(self, added: Sequence[Entry], removed: Iterable[str], model: Model) -> None:
        """Add entries (replacing those of the same id) and remove ids, then compact if the parts have grown."""
        with _locked(self.path):
            _, parts = self.open()
            manifest = Manifest.read(self.path)
            gone = [entry.id for entry in added] + list(removed)
            manifest.generation += 1
            for position, (part, row) in enumerate(zip(parts, manifest.segments, strict=True)):
                dead = mark_dead(part, gone)
                if dead is None:
                    continue
                name = f"dead-{manifest.generation:06d}-{position}.npy"
                with (self.path / name).open("wb") as handle:
                    np.save(handle, dead, allow_pickle=False)
                    handle.flush()
                    os.fsync(handle.fileno())
                row["dead"], row["dead_size"] = name, (self.path / name).stat().st_size
            if added:
                manifest.segments.append(
                    self._segment(manifest, make_segment(added, parts[0] if parts else None, model))
                )
            manifest.write(self.path)
            grown = sum(row["rows"] for row in manifest.segments[1:]) + self._dead_rows(manifest)
            if len(manifest.segments) > 8 or grown > max(2000, 0.2 * manifest.segments[0]["rows"]):
                self._compact(manifest, model)
            self._sweep(manifest)

    def _dead_rows(self, manifest: Manifest) -> int:
        return sum(int(np.load(self.path / row["dead"]).sum()) for row in manifest.segments if row["dead"])

    def compact(self, model: Model) -> None:
        with _locked(self.path):
            manifest = Manifest.read(self.path)
            self._compact(manifest, model)
            self._sweep(manifest)

    def _compact(self, manifest: Manifest, model: Model) -> None:
        parts = [load_part(self.path, row) for row in manifest.segments]
        arrays = make_segment((entry for part in parts for entry in entries_of(part)), None, model)
        manifest.segments = [self._segment(manifest, arrays)]
        manifest.write(self.path)


def mark_dead(part: Part, ids: Sequence[str]) -> npt.NDArray[np.uint8] | None:
    """The segment's dead rows with those of ``ids`` added, or None when it holds none of them alive."""
    own = int(part.arrays["own"][0])
    if not own or not ids:
        return None
    wanted = hashes_of_ids(ids)
    table = part.arrays["id_hash"]
    hit: set[int] = set()
    for value, text in zip(wanted, ids, strict=True):
        at = int(np.searchsorted(table, value))
        while at < len(table) and table[at] == value:
            entry = int(part.arrays["id_entry"][at])
            if part.text("ids", entry) == text:
                hit.add(entry)
            at += 1
    dead = part.view.dead
    rows = np.isin(part.arrays["entry_of"], list(hit)) & (dead == 0)
    if not rows.any():
        return None
    marked: npt.NDArray[np.uint8] = (dead | rows).astype(np.uint8)
    return marked


def entries_of(part: Part) -> Iterator[Entry]:
    own = int(part.arrays["own"][0])
    aliases: dict[int, list[Alias]] = {}
    for row in range(own, part.rows):
        entry = int(part.arrays["entry_of"][row])
        aliases.setdefault(entry, []).append(
            Alias(
                part.text("names", row),
                *(part.text(kind, row - own) for kind in ("since", "until", "source")),
            )
        )
    for entry in range(own):
        if not part.view.dead[entry]:
            yield entry_at(part, entry, tuple(aliases.get(entry, ())))


def entry_at(part: Part, entry: int, aliases: tuple[Alias, ...] = ()) -> Entry:
    return Entry(
        part.text("ids", entry), part.text("names", entry), part.text("place_text", entry), part.text("trade", entry),
        aliases, part.text("uscc", entry),
    )  # fmt: skip


class Searcher:
    """Finds and measures candidates over all segments; holds the scratch arrays of one thread."""

    def __init__(self, parts: list[Part]) -> None:
        self.parts = parts
        self.first_row = np.cumsum([0, *(part.rows for part in parts)])
        self._scratch = [np.zeros(max(1, part.rows), np.float32) for part in parts]
        self._sounds = sounds()

    def exact_rows(self, names: Sequence[str]) -> list[list[int]]:
        """Register-wide rows whose name, alias or USCC is exactly each normalised name."""
        wanted = hashes(names)
        found: list[list[int]] = [[] for _ in names]
        for part, first in zip(self.parts, self.first_row, strict=False):
            table, rows, dead = part.arrays["exact"], part.arrays["exact_row"], part.view.dead
            left = np.searchsorted(table, wanted, "left")
            right = np.searchsorted(table, wanted, "right")
            for i in np.flatnonzero(right > left):
                found[i].extend(int(first) + int(row) for row in rows[left[i] : right[i]] if not dead[row])
        return found

    def candidates(
        self, names: Sequence[str], exact: Sequence[Sequence[int]], budget: int = 0
    ) -> tuple[Candidates, loops.Parses]:
        """Candidates of normalised names (at most CHUNK at once)."""
        budget = budget or budget_for(int(self.first_row[-1]))
        heads = [match.group(1) if (match := tables.BRANCH.match(name)) else "" for name in names]
        extended = [*names, *(head for head in heads if head)]
        head_of = np.full(len(names), -1, np.int32)
        with_head = [i for i, head in enumerate(heads) if head]
        head_of[with_head] = np.arange(len(names), len(extended))
        total = len(names)
        found = []
        parses = parse_names(extended, self.parts[0].arrays["suffixes"]) if self.parts else None
        if parses is None:
            empty = np.zeros((total, 1), np.int64) - 1
            nothing = Candidates(
                np.zeros(total, np.int32),
                empty,
                empty.astype(np.uint64),
                np.zeros((total, 1, N_FEATURES), np.float32),
            )
            return nothing, parse_names(extended, tables.industry_hashes())
        for number, part in enumerate(self.parts):
            first, last = self.first_row[number], self.first_row[number + 1]
            here = np.full(total, -1, np.int64)
            for i, rows in enumerate(exact):
                for row in rows:
                    if first <= row < last:
                        here[i] = row - first
                        break
            touched = np.empty(10 * budget + TOP, np.int32)
            count, ids, features = candidates(
                parses, head_of, here, self.parts[0].arrays["idf"], self._sounds, part.view, budget, TOP,
                self._scratch[number], touched, ROOM,
            )  # fmt: skip
            rows_wide = np.where(ids >= 0, ids + first, -1)
            cores = part.arrays["core"][np.where(ids >= 0, ids, 0)]
            found.append((count, rows_wide, cores, features))
        if len(found) == 1:
            count, rows_wide, cores, features = found[0]
            return Candidates(count, rows_wide, cores, features), parses
        return _merged(found), parses

    def locate(self, row: int) -> tuple[Part, int]:
        number = int(np.searchsorted(self.first_row, row, "right")) - 1
        return self.parts[number], row - int(self.first_row[number])


def _merged(found: list[tuple[Any, ...]]) -> Candidates:
    """Candidates of several segments side by side, strongest retrieval first, with the relative measures made common."""
    total = len(found[0][0])
    count = np.sum([part[0] for part in found], axis=0).astype(np.int32)
    room = max(1, int(count.max(initial=1)))
    rows = np.full((total, room), -1, np.int64)
    cores = np.zeros((total, room), np.uint64)
    features = np.zeros((total, room, N_FEATURES), np.float32)
    for i in range(total):
        r = np.concatenate([part[1][i, : part[0][i]] for part in found])
        c = np.concatenate([part[2][i, : part[0][i]] for part in found])
        f = np.concatenate([part[3][i, : part[0][i]] for part in found])
        order = np.argsort(-f[:, 34], kind="stable")
        rows[i, : len(r)], cores[i, : len(r)] = r[order], c[order]
        features[i, : len(r)] = f[order]
        if len(r):
            share = features[i, : len(r), 34]
            features[i, : len(r), 35] = features[i, : len(r), 54] = share / max(float(share.max()), 1e-6)
    return Candidates(count, rows, cores, features)
