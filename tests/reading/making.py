"""Files for the tests of loading, written here so that none is kept."""

import io
import zipfile
from pathlib import Path

FONTS = (
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/opentype/noto/NotoSerifCJK-Regular.ttc",
)
LINES = [
    "滨海新区举行招商引资项目集中签约仪式",
    "6月27日，滨海新区举行第二季度招商引资项目集中签约仪式，共签约",
    "12个项目，总投资51.8亿元，涵盖生物医药、新材料等产业领域。",
    "会上，开发区管委会与深圳某某电子有限公司签订战略合作协议。",
    "为加快建设人才强市，现面向海内外招引高层次创新创业人才。",
    "固定资产投资强度每亩达到200万元的，给予一次性奖励50万元。",
]


def font(size: int):
    from PIL import ImageFont

    path = next((path for path in FONTS if Path(path).exists()), None)
    assert path, "these tests draw Chinese text: apt-get install fonts-noto-cjk"
    return ImageFont.truetype(path, size, index=2)


def picture(lines=LINES, size=36, width=1240, gap=1.9, top=90, left=100):
    """A page as a greyscale picture, one line under the other."""
    from PIL import Image, ImageDraw

    image = Image.new("L", (width, int(top * 2 + len(lines) * size * gap)), 255)
    draw = ImageDraw.Draw(image)
    face = font(size)
    for number, line in enumerate(lines):
        draw.text((left, top + number * size * gap), line, font=face, fill=0)
    return image


def saved(image, kind="PNG", **options) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def zipped(entries: dict[str, bytes | str], *, stored=False) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return out.getvalue()


def pdf(
    pages: list[list[tuple[float, float, str]]], *, lines=(), size=12, compress=True, width=595, height=842
) -> bytes:
    """A small PDF with text: (x, y from the top, text) on each page, ``lines`` (x0, y0, x1, y1) ruled on every page.

    The text is set in a font of the Adobe-GB1 collection that is not embedded, as old office PDFs are.
    """
    import zlib

    objects: list[bytes] = []

    def add(body: bytes) -> int:
        objects.append(body)
        return len(objects)

    def stream(data: bytes) -> bytes:
        if compress:
            data = zlib.compress(data)
            return b"<</Length %d/Filter/FlateDecode>>\nstream\n" % len(data) + data + b"\nendstream"
        return b"<</Length %d>>\nstream\n" % len(data) + data + b"\nendstream"

    descriptor = add(
        b"<</Type/FontDescriptor/FontName/STSong-Light/Flags 6/FontBBox[-25 -254 1000 880]/ItalicAngle 0/Ascent 880"
        b"/Descent -120/CapHeight 880/StemV 93>>"
    )
    child = add(
        b"<</Type/Font/Subtype/CIDFontType0/BaseFont/STSong-Light/CIDSystemInfo<</Registry(Adobe)/Ordering(GB1)"
        b"/Supplement 2>>/FontDescriptor %d 0 R/DW 1000>>" % descriptor
    )
    face = add(
        b"<</Type/Font/Subtype/Type0/BaseFont/STSong-Light/Encoding/UniGB-UCS2-H/DescendantFonts[%d 0 R]>>"
        % child
    )
    parent = len(objects) + 2 * len(pages) + 1
    kids = []
    for page in pages:
        ops = [f"{x0} {height - y0} m {x1} {height - y1} l S" for x0, y0, x1, y1 in lines]
        for x, y, text in page:
            ops.append(f"BT /F1 {size} Tf {x} {height - y} Td <{text.encode('utf-16-be').hex()}> Tj ET")
        content = add(stream("\n".join(ops).encode()))
        kids.append(
            add(
                b"<</Type/Page/Parent %d 0 R/MediaBox[0 0 %d %d]/Resources<</Font<</F1 %d 0 R>>>>/Contents %d 0 R>>"
                % (parent, width, height, face, content)
            )
        )
    add(b"<</Type/Pages/Count %d/Kids[%s]>>" % (len(kids), b" ".join(b"%d 0 R" % kid for kid in kids)))
    root = add(b"<</Type/Catalog/Pages %d 0 R>>" % parent)
    out = io.BytesIO()
    out.write(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    places = []
    for number, body in enumerate(objects, 1):
        places.append(out.tell())
        out.write(b"%d 0 obj\n" % number + body + b"\nendobj\n")
    start = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    for place in places:
        out.write(b"%010d 00000 n \n" % place)
    out.write(
        b"trailer\n<</Size %d/Root %d 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, root, start)
    )
    return out.getvalue()


WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def docx(body: str, **more: bytes | str) -> bytes:
    """A Word file with this body markup; ``more`` are entries, "/" written as "__"."""
    return zipped(
        {
            "[Content_Types].xml": "<Types/>",
            "word/document.xml": f'<w:document xmlns:w="{WORD}"><w:body>{body}</w:body></w:document>',
            **{
                name.replace("__", "/").replace("_xml", ".xml").replace("_bin", ".bin"): data
                for name, data in more.items()
            },
        }
    )


def p(text: str, props: str = "") -> str:
    return f"<w:p>{f'<w:pPr>{props}</w:pPr>' if props else ''}<w:r><w:t>{text}</w:t></w:r></w:p>"
