"""Zipped formats: which one it is, and guards before anything is inflated."""

from __future__ import annotations

import io
import zipfile

from zhaoyin.base.errors import Refusal
from zhaoyin.reading.load import sniff
from zhaoyin.reading.load.limits import Limits

_SMALL = 8 * 2**20


def opened(data: bytes, name: str, limits: Limits) -> zipfile.ZipFile:
    """The archive, once its directory is known to be harmless: entries, sizes, ratios, no password."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, EOFError) as error:
        raise damaged(name) from error
    if len(entries) > limits.entries:
        raise bomb(name, f"{len(entries):,} 个条目", f"{len(entries):,} entries")
    if any(entry.flag_bits & 1 for entry in entries):
        raise Refusal(
            "password",
            f"“{name or '文件'}”有密码保护，无法打开；请去掉密码另存后再导入。",
            f'"{name or "The file"}" is protected by a password. Save it without one and import that.',
            where=name,
        )
    total = 0
    for entry in entries:
        if not entry.filename.lower().endswith((".xml", ".rels", ".bin", ".vml")):
            continue  # pictures and fonts are never inflated
        total += entry.file_size
        if entry.file_size > _SMALL and entry.file_size > limits.ratio * max(entry.compress_size, 1):
            raise bomb(
                name,
                f"“{entry.filename}”解压后 {entry.file_size / 2**20:,.0f} MB",
                f"{entry.filename} inflates to {entry.file_size / 2**20:,.0f} MB",
            )
    if total > limits.inflated:
        raise bomb(name, f"解压后 {total / 2**20:,.0f} MB", f"it inflates to {total / 2**20:,.0f} MB")
    return archive


def part(archive: zipfile.ZipFile, entry: str, name: str, most: int) -> bytes:
    """One entry, inflated to at most ``most`` bytes, whatever its header says."""
    try:
        with archive.open(entry) as stream:
            data = stream.read(most + 1)
    except (
        zipfile.BadZipFile,
        KeyError,
        NotImplementedError,
        OSError,
        EOFError,
        ValueError,
        RuntimeError,
    ) as error:
        raise damaged(name) from error
    except Exception as error:  # zlib.error, lzma.LZMAError and their like share no base
        raise damaged(name) from error
    if len(data) > most:
        raise bomb(
            name,
            f"“{entry}”超过 {most / 2**20:,.0f} MB",
            f"{entry} inflates to more than {most / 2**20:,.0f} MB",
        )
    return data


def kind_of(data: bytes, name: str, limits: Limits) -> str:
    """ "docx", "xlsx" or "ofd"; raises the refusal of any other zipped format."""
    archive = opened(data, name, limits)
    names = {entry.lstrip("/").lower() for entry in archive.namelist()}
    if "word/document.xml" in names or any(
        n.startswith("word/document") and n.endswith(".xml") for n in names
    ):
        return "docx"
    if "xl/workbook.xml" in names:
        return "xlsx"
    if "xl/workbook.bin" in names:
        raise sniff.refusal("xlsb", name)
    if "ofd.xml" in names:
        return "ofd"
    if any(n.startswith("ppt/") for n in names):
        raise sniff.refusal("ppt", name)
    if "mimetype" in names and "content.xml" in names:
        kind = part(archive, "mimetype", name, 1000)
        raise sniff.refusal("ods" if b"spreadsheet" in kind else "odt", name)
    if name.lower().endswith((".docx", ".xlsx", ".ofd", ".docm", ".xlsm")):
        raise damaged(name)
    raise sniff.refusal("zip", name)


def damaged(name: str) -> Refusal:
    return Refusal(
        "damaged",
        f"“{name or '文件'}”已损坏或不完整，无法打开；请重新取得或另存后再导入。",
        f'"{name or "The file"}" is damaged or incomplete. Get it again or save it anew.',
        where=name,
    )


def bomb(name: str, zh: str, en: str) -> Refusal:
    return Refusal(
        "bomb",
        f"“{name or '文件'}”展开后过大（{zh}），为保护系统没有打开；请确认来源，或拆分后再导入。",
        f'"{name or "The file"}" was not opened because it expands too far ({en}). Check where it came from, or split it.',
        where=name,
    )
