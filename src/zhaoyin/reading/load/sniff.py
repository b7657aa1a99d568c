"""What kind of file the bytes are. The content decides; the name only tells text formats apart."""

from __future__ import annotations

import re
from pathlib import PurePath

from zhaoyin.base.errors import Refusal

_SAVE_AS = {
    "doc": ("旧版 Word 文档（.doc）", "an old Word document (.doc)", ".docx"),
    "wps": ("WPS 文档（.wps）", "a WPS document (.wps)", ".docx"),
    "rtf": ("RTF 文档", "an RTF document", ".docx"),
    "odt": ("OpenDocument 文档（.odt）", "an OpenDocument text (.odt)", ".docx"),
    "mht": ("单个网页文件（.mht）", "a single-file web page (.mht)", ".docx"),
    "ppt": ("演示文稿", "a presentation", ".pdf"),
    "et": ("WPS 表格（.et）", "a WPS spreadsheet (.et)", ".xlsx"),
    "ods": ("OpenDocument 表格（.ods）", "an OpenDocument spreadsheet (.ods)", ".xlsx"),
    "xlsb": ("二进制工作簿（.xlsb）", "a binary workbook (.xlsb)", ".xlsx"),
    "ceb": ("方正 CEB 公文", "a Founder CEB document", ".pdf"),
    "caj": ("CAJ 文献", "a CAJ document", ".pdf"),
}
_OTHER = {
    "zip": ("压缩包", "an archive", "解压后逐个导入", "unpack it and import the files in it"),
    "rar": ("RAR 压缩包", "a RAR archive", "解压后逐个导入", "unpack it and import the files in it"),
    "7z": ("7z 压缩包", "a 7z archive", "解压后逐个导入", "unpack it and import the files in it"),
    "gz": ("gzip 压缩包", "a gzip archive", "解压后逐个导入", "unpack it and import the files in it"),
    "exe": ("程序文件", "a program", "请导入文档", "import a document"),
    "audio or video": ("音视频文件", "audio or video", "请导入其文字稿", "import its transcript"),
    "heic": ("HEIC 图片", "a HEIC picture", "另存为 .jpg 后再导入", "save it as .jpg and import that"),
}


def refusal(kind: str, name: str = "") -> Refusal:
    """The refusal of a kind that is not read, by its name, with the mend."""
    label = f"“{name}”" if name else "这个文件"
    label_en = f'"{name}"' if name else "This file"
    if kind in _SAVE_AS:
        zh, en, to = _SAVE_AS[kind]
        return Refusal(
            f"kind-{kind}",
            f"{label}是{zh}，不能直接读取；请在 Word 或 WPS 中另存为 {to} 后再导入。",
            f"{label_en} is {en}, which is not read. Save it as {to} (另存为 {to}) and import that.",
            where=name,
        )
    zh, en, mend, mend_en = _OTHER.get(
        kind,
        (
            "无法识别的文件",
            "of a kind that is not known",
            "请导入文本、网页、Word、PDF、表格或图片",
            "import text, HTML, Word, PDF, a spreadsheet or a picture",
        ),
    )
    return Refusal(
        f"kind-{kind}",
        f"{label}是{zh}，不能读取；{mend}。",
        f"{label_en} is {en}, which is not read: {mend_en}.",
        where=name,
    )


_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image"),
    (b"\xff\xd8\xff", "image"),
    (b"GIF87a", "image"),
    (b"GIF89a", "image"),
    (b"II*\0", "image"),
    (b"MM\0*", "image"),
    (b"Rar!\x1a\x07", "rar"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"\x1f\x8b\x08", "gz"),
    (b"\x7fELF", "exe"),
    (b"MZ\x90\0", "exe"),
    (b"ID3", "audio or video"),
    (b"OggS", "audio or video"),
    (b"\x1aE\xdf\xa3", "audio or video"),
    (b"Founder CEB", "ceb"),
    (b"CAJ", "caj"),
    (b"{\\rtf", "rtf"),
)
_HTML = re.compile(
    rb"^(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body|meta|title|div|p|table|article|section|h[1-6])\b",
    re.IGNORECASE | re.DOTALL,
)
_HTML_ANYWHERE = re.compile(rb"<(?:html|body|head)\b[^>]*>", re.IGNORECASE)


def kind_of(data: bytes, name: str = "") -> str:
    """One of the kinds that are read; raises `Refusal` for one that is not, or for an empty file."""
    suffix = PurePath(name).suffix.lower().lstrip(".")
    if not data or (len(data) < 4096 and not data.strip(b"\0 \t\r\n\xef\xbb\xbf\xff\xfe")):
        label = f"“{name}”" if name else "文件"
        raise Refusal(
            "empty",
            f"{label}是空的，没有可读的内容；请确认上传的是完整文件。",
            f"{name or 'The file'} is empty: there is nothing to read. Check that the whole file was sent.",
            where=name,
        )
    head = data[:4096]
    if b"%PDF-" in head[:1024]:
        return "pdf"
    for mark, kind in _MAGIC:
        if head.startswith(mark):
            return kind if kind == "image" else _refuse(kind, name)
    if head[:4] == b"RIFF":
        return "image" if head[8:12] == b"WEBP" else _refuse("audio or video", name)
    if head[4:8] == b"ftyp":
        return _refuse(
            "heic" if head[8:12] in {b"heic", b"heix", b"mif1", b"hevc"} else "audio or video", name
        )
    if (
        head[:2] == b"BM"
        and len(data) > 26
        and head[6:10] == b"\0\0\0\0"
        and head[14] in {12, 40, 52, 56, 108, 124}
    ):
        return "image"
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return _compound(data, suffix, name)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    if (
        re.match(rb"(?:[\w-]+:[^\r\n]*\r?\n){0,6}?MIME-Version:", head, re.IGNORECASE)
        and b"multipart/related" in head.lower()
    ):
        return _refuse("mht", name)
    wide = head.replace(b"\0", b"") if head.startswith((b"\xff\xfe", b"\xfe\xff")) else head
    if _HTML.search(wide.lstrip(b"\xff\xfe")):
        return "html"
    if suffix in {"html", "htm", "xhtml", "shtml"} or (
        suffix in {"doc", "xls"} and _HTML_ANYWHERE.search(wide)
    ):
        return "html"
    if suffix in {"csv", "tsv"}:
        return "csv"
    if suffix in _SAVE_AS:
        return _refuse(suffix, name)
    return "txt"


def _refuse(kind: str, name: str) -> str:
    raise refusal(kind, name)


def _compound(data: bytes, suffix: str, name: str) -> str:
    """The old Office container: the names in its directory tell who wrote it."""

    def holds(stream: str) -> bool:
        return stream.encode("utf-16-le") in data

    if holds("EncryptedPackage"):
        raise Refusal(
            "password",
            f"“{name or '文件'}”有密码保护，无法打开；请去掉密码另存后再导入。",
            f'"{name or "The file"}" is protected by a password. Save it without one and import that.',
            where=name,
        )
    if holds("WordDocument"):
        raise refusal("wps" if suffix == "wps" else "doc", name)
    if holds("PowerPoint Document"):
        raise refusal("ppt", name)
    if holds("Workbook") or holds("Book"):
        return "xls"
    raise refusal(suffix if suffix in _SAVE_AS else "doc", name)
