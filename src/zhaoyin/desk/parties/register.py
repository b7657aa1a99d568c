"""The ledger's organisations as a register of names, kept beside the database and brought up to date by difference."""

from __future__ import annotations

import json
import os
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from django.conf import settings
from django.db.models import Count, Max

from zhaoyin.desk.parties.models import Alias, Organisation
from zhaoyin.resolution import Alias as Name
from zhaoyin.resolution import Entry, Register, normalise


def folder() -> Path:
    """Where the register lies; a test run has its own."""
    if chosen := getattr(settings, "REGISTER_ROOT", None):
        return Path(chosen)
    return Path(settings.DATA) / (f"test-register-{os.getpid()}" if settings.TESTING else "register")


_open: dict[Path, tuple[object, Register]] = {}


def register() -> Register:
    """The register of now: what changed in the ledger since the last call is added first."""
    path = folder()
    stamp = _stamp()
    found = _open.get(path)
    if found and found[0] == stamp and (path / "manifest.json").exists():
        return found[1]
    book = _up_to_date(path)
    _open[path] = (stamp, book)
    return book


def _stamp() -> tuple[object, ...]:
    """Changes whenever an organisation or a spelling is made, changed or removed."""
    return (
        *Organisation.objects.aggregate(n=Count("pk"), at=Max("updated_at"), v=Max("version")).values(),
        *Alias.objects.aggregate(n=Count("pk"), at=Max("updated_at"), last=Max("pk")).values(),
    )


def _up_to_date(path: Path) -> Register:
    wanted = _rows()
    signs = {key: zlib.crc32(repr(row).encode()) for key, row in wanted.items()}
    signs_file = path / "ledger.json"
    known: dict[str, int] = {}
    if (path / "manifest.json").exists():
        try:
            known = json.loads(signs_file.read_text())
        except (OSError, ValueError):
            known = {}
    if not known:
        book = Register.build(_entries(wanted, wanted), path)
    else:
        book = Register.open(path)
        changed = [key for key, sign in signs.items() if known.get(key) != sign]
        gone = [key for key in known if key not in signs]
        if changed or gone:
            book.add(_entries(wanted, changed), remove=gone)
    temporary = path / f".ledger-{os.getpid()}"
    temporary.write_text(json.dumps(signs))
    temporary.replace(signs_file)
    return book


_Row = tuple[str, str, str, str | None, list[tuple[str, str, str, str]]]


def _rows() -> dict[str, _Row]:
    """Every organisation as plain values with its spellings: cheap enough to compare all of a large ledger at once."""
    aliases: dict[int, list[tuple[str, str, str, str]]] = defaultdict(list)
    spellings = Alias.objects.order_by("pk").values_list(
        "organisation_id", "name", "valid_from", "valid_to", "kind"
    )
    for owner, name, since, until, kind in spellings.iterator():
        aliases[owner].append(
            (name, since.isoformat() if since else "", until.isoformat() if until else "", kind)
        )
    rows = Organisation.objects.order_by("pk").values_list("pk", "name", "place", "industry", "uscc")
    return {
        str(pk): (name, place, industry, uscc, aliases.get(pk, []))
        for pk, name, place, industry, uscc in rows.iterator()
    }


def _entries(rows: dict[str, _Row], keys: Iterable[str]) -> Iterator[Entry]:
    """Those that have a name to be found by."""
    for key in keys:
        name, place, industry, uscc, aliases = rows[key]
        if normalise(name):
            spellings = (
                Name(spelling, since, until, str(Alias.Kind(kind).label))
                for spelling, since, until, kind in aliases
            )
            yield Entry(key, name, place, industry, tuple(spellings), uscc or "")


def signs() -> dict[str, int]:
    """What the register holds: organisation id → a sign that changes with its name, spellings, place or industry."""
    found: dict[str, int] = json.loads((folder() / "ledger.json").read_text())
    return found


def warm(actor: object, pack: object) -> int:
    """Build the register when a pack is loaded, so that nobody waits for it at the first review."""
    register().resolve("招远市招商中心")
    return 0


def forget() -> None:
    """Drop a register that cannot be read; the next call makes it again from the ledger."""
    path = folder()
    _open.pop(path, None)
    for file in (path / "ledger.json", path / "manifest.json"):
        file.unlink(missing_ok=True)
