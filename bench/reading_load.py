"""Loading documents: encodings told apart, speed and memory of text, OCR of rendered pages, main text of web pages.

All texts, pages and pictures are generated here, from sentences of our own; nothing is read from the shared data.
Peers, in the same run: charset-normalizer for encodings, trafilatura for main text.
"""

from __future__ import annotations

import io
import random
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "src"))
from _common import Report, arguments

from zhaoyin.reading.load import load, normalise

FONTS = [
    ("/usr/share/fonts/opentype/noto/NotoSerifCJK-Regular.ttc", "serif"),
    ("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc", "sans"),
]
PLACES = [
    "滨海新区",
    "云峰县",
    "龙湾街道",
    "开发区",
    "高新区",
    "青禾镇",
    "白石镇",
    "临港产业园",
    "南湖片区",
    "松岭市",
    "柳泉区",
]
TRADES = [
    "生物医药",
    "新材料",
    "高端装备",
    "电子信息",
    "现代物流",
    "绿色食品",
    "文化旅游",
    "黄金珠宝",
    "数字经济",
    "节能环保",
    "汽车零部件",
]
FIRMS = ["华辰", "远拓", "恒信", "金岭", "博瑞", "天汇", "启明", "中沃", "鸿图", "安泰", "众诚", "联创"]
WORDS = ["科技", "环保", "置业", "药业", "食品", "装备制造", "新能源", "供应链管理", "实业", "珠宝", "投资"]
FRAMES = [
    "{m}月{d}日，{p}举行{t}产业招商推介会，来自各地的企业家代表{n}人参加了会议。",
    "现场签约{k}个项目，总投资{a}亿元，涉及{t}、{u}等产业领域。",
    "{p}管委会与{c}有限公司签订战略合作框架协议，双方将在{t}领域开展深度合作。",
    "{c}有限公司计划在{p}投资{a}亿元建设{t}生产基地，占地面积{n}亩，预计年产值{b}亿元。",
    "会议指出，要坚持把招商引资作为经济工作的“一号工程”，全力推动项目早开工、早投产、早见效。",
    "固定资产投资达到{n}万元以上的企业，按照设备投资额的{k}%给予一次性奖励，最高不超过{b}万元。",
    "对新引进的博士研究生，每人每月发放生活补贴{n}元，发放期限不超过{k}年；硕士研究生减半执行。",
    "截至{m}月底，{p}共有{t}企业{n}家，实现主营业务收入{a}亿元，同比增长{k}.{d}%。",
    "下一步，{p}将继续优化营商环境，为企业提供全方位、全流程的服务保障（具体办法另行制定）。",
    "考察团一行先后来到{p}、{q}，实地察看了{c}股份公司的车间和实验室。",
]


def sentence(rng: random.Random) -> str:
    return rng.choice(FRAMES).format(
        m=rng.randint(1, 12),
        d=rng.randint(1, 28),
        n=rng.randint(20, 5000),
        k=rng.randint(2, 30),
        a=round(rng.uniform(0.5, 120), 1),
        b=rng.randint(2, 400),
        p=rng.choice(PLACES),
        q=rng.choice(PLACES),
        t=rng.choice(TRADES),
        u=rng.choice(TRADES),
        c=rng.choice(FIRMS) + rng.choice(WORDS),
    )


def text_of(rng: random.Random, size: int) -> str:
    said = ""
    while len(said) < size:
        said += sentence(rng) + ("\n" if rng.random() < 0.3 else "")
    return said[:size]


# Encodings


def encodings(report: Report, quick: bool) -> None:
    import charset_normalizer
    import opencc

    to_traditional = opencc.OpenCC("s2t")
    rng = random.Random(11)
    codecs = [
        "utf-8",
        "utf-8-sig",
        "utf-16",
        "utf-16-le",
        "utf-16-be",
        "gb2312",
        "gb18030",
        "big5",
        "gb18030/t",
        "utf-8/t",
    ]
    for label, low, high in (("short", 12, 40), ("long", 150, 2000)):
        right = peer = total = 0
        by_codec: dict[str, list[int]] = {}
        for _ in range(15 if quick else 60):
            said = text_of(rng, rng.randint(low, high))
            for codec in codecs:
                name, _, script = codec.partition("/")
                wanted = to_traditional.convert(said) if script or name == "big5" else said
                try:
                    data = wanted.encode(name)
                except UnicodeEncodeError:
                    continue
                total += 1
                try:
                    ok = load(data, name="a.txt").source == wanted
                except ValueError:
                    ok = False
                right += ok
                by_codec.setdefault(codec, []).append(ok)
                best = charset_normalizer.from_bytes(data).best()
                peer += best is not None and str(best) == wanted
        report.add(
            f"encoding.{label}",
            right / total,
            "of texts",
            peer="charset-normalizer",
            peer_value=peer / total,
            size=f"{total} texts of {low}-{high} characters, {len(codecs)} encodings; worst "
            + min(by_codec, key=lambda c: sum(by_codec[c]) / len(by_codec[c])),
        )


# Text


def text(report: Report, quick: bool) -> None:
    rng = random.Random(5)
    plain = "".join(sentence(rng) + "\n" for _ in range(5000))
    dirty = plain.replace("，", ",").replace("。", ".").replace("项", "項(xiàng)").replace("亿", "億")
    for label, said in (("clean", plain), ("damaged", dirty)):
        said *= max(1, (1_000_000 if quick else 5_000_000) // len(said))
        begin = time.process_time()
        mapped = normalise(said)
        spent = time.process_time() - begin
        assert mapped.source == said
        report.add(
            f"normalise.{label}", len(said) / spent / 1e6, "M chars/s", size=f"{len(said):,} characters"
        )
    code = (
        "import sys,time,resource;sys.path.insert(0,sys.argv[1]);from zhaoyin.reading.load import load;"
        "d=open(sys.argv[2],'rb').read();t=time.process_time();x=load(d,name='a.txt');"
        "print(time.process_time()-t,int(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])/1024,x.partial,len(x.source))"
    )
    size = (5 if quick else 50) * 2**20
    for label, body in (
        ("chinese", plain.encode()),
        ("short-lines", "签约。\n".encode()),
        ("ascii", b"a, b. "),
    ):
        seconds, memory, partial, _ = _apart(code, (body * (size // len(body) + 1))[:size])
        report.add(
            f"text-50mb.{label}.seconds",
            float(seconds),
            "s cpu",
            size=f"{size / 2**20:.0f} MB, partial {partial}",
        )
        report.add(f"text-50mb.{label}.memory", float(memory), "MB")


def _apart(code: str, data: bytes) -> list[str]:
    path = Path("/tmp") / f"zhaoyin-bench-{random.randrange(10**9)}"
    path.write_bytes(data)
    try:
        src = str(Path(__file__).parents[1] / "src")
        return subprocess.run(
            [sys.executable, "-c", code, src, str(path)], capture_output=True, text=True, check=True
        ).stdout.split()
    finally:
        path.unlink()


def sheets(report: Report, quick: bool) -> None:
    import openpyxl

    rows = 20_000 if quick else 200_000
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("台账")
    sheet.append(["序号", "项目名称", "投资方", "总投资（万元）", "落户地", "行业", "联系人", "状态"])
    rng = random.Random(3)
    for row in range(rows):
        sheet.append(
            [
                row,
                f"{rng.choice(TRADES)}{row}号项目",
                rng.choice(FIRMS) + "有限公司",
                row * 1.5,
                rng.choice(PLACES),
                rng.choice(TRADES),
                "某某",
                "签约",
            ]
        )
    out = io.BytesIO()
    book.save(out)
    code = (
        "import sys,time,resource;sys.path.insert(0,sys.argv[1]);from zhaoyin.reading.load import load;"
        "d=open(sys.argv[2],'rb').read();t=time.process_time();x=load(d,name='a.xlsx');"
        "print(time.process_time()-t,int(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])/1024,len(x.tables[0].body))"
    )
    seconds, memory, read = _apart(code, out.getvalue())
    report.add(
        "xlsx.rows-per-second", int(read) / float(seconds), "rows/s", size=f"{read} rows x 8 of {rows}"
    )
    report.add("xlsx.memory", float(memory), "MB")


# Pictures


def rendered(
    rng: random.Random, *, size: int, path: str, lines: int
) -> tuple[object, list[tuple[str, float]]]:
    """An A4 page at 300 dpi and its lines with the height of their middle."""
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("L", (2480, 3508), 255)
    draw = ImageDraw.Draw(image)
    face = ImageFont.truetype(path, size, index=2)
    width = (2480 - 600) // size
    said = "".join(sentence(rng) for _ in range(60))
    truth: list[tuple[str, float]] = []
    at, y = 0, 300
    while len(truth) < lines and y < 3300:
        count = width if rng.random() < 0.8 else rng.randint(2, width)
        line = said[at : at + count]
        at += count
        draw.text((300, y), line, font=face, fill=0)
        _, top, _, bottom = draw.textbbox((300, y), line, font=face)
        if line.strip():
            truth.append((line, (top + bottom) / 2))
        y += int(size * rng.choice([1.5, 1.75, 2.0]))
    return image, truth


def degraded(image: object, rng: random.Random) -> tuple[object, float]:
    """The page as an office scanner or a telephone gives it; and by how many degrees it was turned."""
    from PIL import Image, ImageFilter

    angle = rng.uniform(-1.5, 1.5)
    turned = image.rotate(angle, resample=Image.Resampling.BICUBIC, fillcolor=255)
    turned = turned.filter(ImageFilter.GaussianBlur(rng.uniform(0.8, 2.2)))
    pixels = np.asarray(turned, np.float64)
    noise = np.random.default_rng(rng.randrange(10**6))
    shade = (
        np.linspace(0, rng.uniform(-60, 60), pixels.shape[1])[None]
        + np.linspace(0, rng.uniform(-30, 30), pixels.shape[0])[:, None]
    )
    pixels = (
        255
        - (255 - pixels) * rng.uniform(0.55, 0.9)
        - 25
        + shade * 0.6
        + noise.normal(0, rng.uniform(5, 22), pixels.shape)
    )
    out = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(out, "JPEG", quality=rng.randint(30, 70))
    return Image.open(io.BytesIO(out.getvalue())), angle


def pictures(report: Report, quick: bool) -> None:
    from rapidfuzz.distance import Levenshtein

    from zhaoyin.reading.load import ocr

    detect = ocr._detect
    pages = 1 if quick else 4
    for label in ("clean", "degraded"):
        rng = random.Random(21)
        lines = lost = flagged = wrong = chars = dropped = known = alarms = 0
        spent = 0.0
        for page in range(pages):
            path, _ = FONTS[page % 2]
            image, truth = rendered(
                rng, size=[42, 50, 58, 46][page % 4], path=path, lines=10 if quick else 40
            )
            angle = 0.0
            if label == "degraded":
                image, angle = degraded(image, rng)
            pixels = np.asarray(image)
            slope = -np.tan(np.radians(angle))

            def level(box, slope=slope):
                # Where the box's middle stood before the page was turned (about its centre).
                x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
                return y - slope * (x - 1240)

            begin = time.process_time()
            found = ocr.read(pixels)
            spent += time.process_time() - begin
            alarms += len(found.missed)
            for said, middle in truth:
                lines += 1
                near = [line for line in found.lines if abs(level(line.box) - middle) < 26]
                got = "".join(line.text for line in sorted(near, key=lambda line: line.box[0])).replace(
                    " ", ""
                )
                want = said.replace(" ", "")
                if not near:
                    lost += 1
                    hit = any(abs(level(box) - middle) < 40 for box in found.missed)
                    flagged += hit
                    alarms -= hit
                else:
                    chars += len(want)
                    wrong += Levenshtein.distance(_plain(got), _plain(want))
            # Take every fifth line from the detector: does the second look find or report it?
            taken: list[tuple[float, float, float, float]] = []

            def forget(picture, taken=taken, page=page):
                quads = detect(picture)
                if picture.shape[0] < 1500:
                    return quads
                gone = [i for i in range(len(quads)) if i % 5 == page % 5]
                scale = 3508 / picture.shape[0]
                taken.extend(ocr._box(quads[i] * scale) for i in gone)
                return np.delete(quads, gone, axis=0)

            ocr._detect = forget
            try:
                again = ocr.read(pixels)
            finally:
                ocr._detect = detect
            for box in taken:
                dropped += 1
                seen = [*again.missed, *again.recovered]
                known += any(_overlap(box, other) > 0.3 for other in seen)
        lines_said = f"{pages} pages, {lines} lines"
        report.add(
            f"ocr.{label}.cer",
            wrong / max(chars, 1) * 100,
            "%",
            size=f"{lines_said}, {chars} characters on detected lines",
        )
        report.add(f"ocr.{label}.lost", lost, "lines", size=lines_said)
        report.add(
            f"ocr.{label}.flagged",
            (known + flagged) / max(dropped + lost, 1),
            "of lost lines",
            size=f"{lost} lost by itself ({flagged} flagged), {dropped} taken from the detector ({known} found or flagged)",
        )
        report.add(f"ocr.{label}.false-alarms", alarms / pages, "a page")
        report.add(
            f"ocr.{label}.seconds",
            spent / pages,
            "s cpu a page",
            size=f"{ocr._engine().cfg.EngineConfig.onnxruntime.intra_op_num_threads} thread(s)",
        )
    turns = right = 0
    rng = random.Random(8)
    for case in range(1 if quick else 2):
        image, _ = rendered(rng, size=50, path=FONTS[case % 2][0], lines=14)
        if case % 2:
            image, _ = degraded(image, rng)
        for turn in (90, 180, 270) if quick else (0, 90, 180, 270):
            turns += 1
            right += ocr.upright(np.asarray(image.rotate(turn, expand=True)))[0] == turn
    report.add("ocr.upright", right / turns, "of pictures", size=f"{turns} pictures")
    report.add(
        "ocr.memory", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "MB", size="this whole run"
    )


def _plain(said: str) -> str:
    """Half- and full-width punctuation are the same to a reader: both are normalised afterwards."""
    table = str.maketrans("，；：！？（）", ",;:!?()")
    return said.translate(table).replace("“", '"').replace("”", '"').replace("‘", "'").replace("’", "'")


def _overlap(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """The share of ``a`` that ``b`` covers."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return max(width, 0) * max(height, 0) / max((a[2] - a[0]) * (a[3] - a[1]), 1)


# Web pages


def webs(report: Report, quick: bool) -> None:
    import trafilatura
    from rapidfuzz.distance import LCSseq

    rng = random.Random(2)
    shapes = ["p", "div", "br", "span", "td", "section"]
    ours = theirs = 0.0
    count = 12 if quick else 60
    for number in range(count):
        title = f"{rng.choice(PLACES)}举行{rng.choice(TRADES)}项目集中签约仪式"
        body = [text_of(rng, rng.randint(30, 260)).replace("\n", "") for _ in range(rng.randint(2, 12))]
        page = web(rng, shapes[number % len(shapes)], title, body, number)
        want = "".join(("".join([title, *body])).split())
        try:
            mine = load(page.encode(), name="a.html").source
        except ValueError:
            mine = ""
        theirs_text = trafilatura.extract(page, include_comments=False) or ""
        for index, got in enumerate((mine, theirs_text)):
            got = "".join(got.split())
            same = LCSseq.similarity(got, want)
            score = 2 * same / max(len(got) + len(want), 1)
            if index:
                theirs += score
            else:
                ours += score
    report.add(
        "html.f1",
        ours / count,
        "",
        peer="trafilatura",
        peer_value=theirs / count,
        size=f"{count} generated pages of {len(shapes)} shapes, characters in common",
    )


def web(rng: random.Random, shape: str, title: str, body: list[str], number: int) -> str:
    menu = "".join(
        f"<li><a href=/{i}>{word}</a></li>"
        for i, word in enumerate(["首页", "政务公开", "办事服务", "互动交流", *TRADES[:5]])
    )
    links = "".join(
        f"<li><a href=/n{i}>{text_of(rng, 18)}</a><span>{rng.randint(1, 12)}-{rng.randint(1, 28)}</span></li>"
        for i in range(rng.randint(6, 25))
    )
    name = rng.choice(["content", "article", "zoom", "TRS_Editor", "main-text", "c1", "left", "xl"])
    if shape == "p":
        main = "".join(f"<p>　　{t}</p>" for t in body)
    elif shape == "div":
        main = "".join(f"<div>{t}</div>" for t in body)
    elif shape == "br":
        main = "<br/><br/>".join(body)
    elif shape == "span":
        main = "".join(f"<p><span style='font-size:16px'>{t[:15]}</span><b>{t[15:]}</b></p>" for t in body)
    elif shape == "td":
        main = "<table width=100%><tr><td>" + "".join(f"<p>{t}</p>" for t in body) + "</td></tr></table>"
    else:
        main = "".join(f"<section><p>{t}</p></section>" for t in body)
    side = (
        f"<div class={rng.choice(['sidebar', 'right', 'hot', 'r2'])}><h3>最新动态</h3><ul>{links}</ul></div>"
    )
    head = "<div class=crumb>当前位置：<a href=/>首页</a> &gt; <a href=/x>新闻中心</a></div>"
    share = "<div class=share>分享到：<a href=#>微信</a> <a href=#>微博</a></div>"
    foot = "<div class=footer><p>主办：某某管委会　版权所有</p><p>鲁ICP备00000000号　网站标识码0000000000</p></div>"
    form = number % 7 == 3
    inner = f"{head}<h1>{title}</h1><div class={name}>{main}</div>{share}{side}{foot}"
    return (
        f"<html><head><meta charset=utf-8><title>{title}_某某网</title><script>var a=1;</script></head><body><div class=nav><ul>{menu}</ul></div>"
        + (f"<form id=form1 action=/s>{inner}</form>" if form else inner)
        + "</body></html>"
    )


def starting(report: Report) -> None:
    code = "import sys,time;sys.path.insert(0,sys.argv[1]);t=time.process_time();import zhaoyin.reading.load;print(time.process_time()-t)"
    best = min(float(_apart(code, b"")[0]) for _ in range(3))
    report.add("import.seconds", best, "s cpu", size="zhaoyin.reading.load")


def main() -> int:
    options = arguments(__doc__ or "").parse_args()
    report = Report(
        "reading_load",
        options,
        "rapidocr",
        "onnxruntime",
        "pypdfium2",
        "python-calamine",
        "lxml",
        "charset-normalizer",
        "trafilatura",
    )
    starting(report)
    encodings(report, options.quick)
    text(report, options.quick)
    sheets(report, options.quick)
    webs(report, options.quick)
    pictures(report, options.quick)
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
