"""A file → `Document`: its text with an offset map, its structure, and what the reader should be warned of.

`load` reads plain text in any Chinese encoding, HTML, .docx, PDF (with text or scanned), .xlsx, .xls, .csv, .ofd and
pictures. Everything it cannot read it refuses with one `Refusal`; no other exception leaves it.
"""

from __future__ import annotations

import hashlib
import importlib
from pathlib import Path

from zhaoyin.base.errors import Refusal
from zhaoyin.reading.load import archive, sniff
from zhaoyin.reading.load.document import Block, Box, Cell, Document, Locator, Notice, Page, Table, Value
from zhaoyin.reading.load.draft import Draft
from zhaoyin.reading.load.limits import Limits
from zhaoyin.reading.load.normalise import normalise, script

__all__ = [
    "Block",
    "Box",
    "Cell",
    "Document",
    "Limits",
    "Locator",
    "Notice",
    "Page",
    "Table",
    "Value",
    "load",
    "normalise",
]

# Imported when a file of the kind comes: most are heavy.
_LOADERS = {
    "txt": "plain:load",
    "html": "web:load",
    "docx": "word:load",
    "xlsx": "sheets:load",
    "xls": "sheets:load",
    "csv": "sheets:load_csv",
    "ofd": "ofd:load",
    "pdf": "pdf:load",
    "image": "picture:load",
}


def load(source: str | Path | bytes, *, name: str | None = None, limits: Limits | None = None) -> Document:
    """Read one file, given by its path or its bytes. ``name`` is the file's name when bytes are given.

    Raises `Refusal` (and nothing else) when the file cannot be read: what is wrong, and the mend. A file read in part
    gives a `Document` with ``partial`` true and a notice that says what is missing.
    """
    limits = limits or Limits()
    if isinstance(source, bytes):
        data = source
        name = Path(name).name if name else ""
    else:
        path = Path(source)
        name = name or path.name
        data = _bytes_of(path, limits)
    if len(data) > limits.file_bytes:
        raise _too_large(name, len(data), limits)
    kind = sniff.kind_of(data, name)
    if kind == "zip":
        kind = archive.kind_of(data, name, limits)
    module, _, function = _LOADERS[kind].partition(":")
    try:
        loader = getattr(importlib.import_module(f"zhaoyin.reading.load.{module}"), function)
        draft: Draft = loader(data, name, limits)
    except Refusal:
        raise
    except (MemoryError, RecursionError) as error:
        raise Refusal(
            "too-complex",
            f"“{name or '文件'}”过大或嵌套过深，无法在限定的内存内读取；请拆分后再导入。",
            f'"{name or "The file"}" is too large or too deeply nested to be read. Split it and import the parts.',
            where=name,
        ) from error
    except Exception as error:
        raise Refusal(
            "damaged",
            f"“{name or '文件'}”已损坏或不符合 {kind} 格式（{type(error).__name__}）；请重新取得或另存后再导入。",
            f'"{name or "The file"}" is damaged or not a proper {kind} file ({type(error).__name__}). Get it again or '
            "save it anew.",
            where=name,
        ) from error
    if not draft.source.strip() and not draft.tables:
        raise Refusal(
            "no-text",
            f"“{name or '文件'}”里没有读到文字；如果内容是图片，请确认图片清晰后再导入。",
            f'No text was found in "{name or "the file"}". If it holds pictures, check that they are legible.',
            where=name,
        )
    return Document(
        kind=draft.kind,
        mapped=normalise(draft.source, wraps=draft.wraps, drop=draft.drop),
        sha256=hashlib.sha256(data).hexdigest(),
        name=name,
        blocks=tuple(draft.blocks),
        tables=tuple(draft.tables),
        pages=tuple(draft.pages),
        warnings=tuple(draft.warnings),
        encoding=draft.encoding,
        title=draft.title,
        script=script(draft.source),
    )


def _bytes_of(path: Path, limits: Limits) -> bytes:
    try:
        if not path.is_file():
            raise Refusal(
                "no-file",
                f"找不到文件“{path}”，或它不是普通文件；请检查路径。",
                f'There is no file "{path}", or it is not a regular file. Check the path.',
                where=str(path),
            )
        if (size := path.stat().st_size) > limits.file_bytes:
            raise _too_large(path.name, size, limits)
        return path.read_bytes()
    except (OSError, ValueError) as error:
        if isinstance(error, Refusal):
            raise
        raise Refusal(
            "unreadable",
            f"无法打开文件“{path}”：{error}；请检查权限。",
            f'"{path}" cannot be opened: {error}. Check its permissions.',
            where=str(path),
        ) from error


def _too_large(name: str, size: int, limits: Limits) -> Refusal:
    mb, most = size / 2**20, limits.file_bytes / 2**20
    return Refusal(
        "too-large",
        f"“{name or '文件'}”有 {mb:.0f} MB，超过上限 {most:.0f} MB；请拆分或压缩图片后再导入。",
        f'"{name or "The file"}" has {mb:.0f} MB; at most {most:.0f} MB are read. Split it or shrink its pictures.',
        where=name,
    )
