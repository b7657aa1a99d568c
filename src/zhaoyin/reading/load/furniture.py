"""Lines that belong to the page and not to what it says: page numbers, running heads, share buttons, bylines."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Literal

_PAGE_NUMBER = re.compile(
    r"\s*(?:[-—–－·]{1,3}\s*\d{1,4}\s*[-—–－·]{1,3}|第\s*\d{1,4}\s*页(?:[\s,，/／]*[共总]\s*\d{1,4}\s*页)?|\d{1,4}\s*[/／]\s*\d{1,4}"
    r"|[共总]\s*\d{1,4}\s*页[\s,，]*第\s*\d{1,4}\s*页|Page\s+\d+(?:\s+of\s+\d+)?)\s*",
    re.IGNORECASE,
)
_BARE_NUMBER = re.compile(r"\s*\d{1,4}\s*")
_WEB = re.compile(
    r"\s*(?:(?:当前位置|您的位置|您现在的位置|你的位置|所在位置|首页)\s*[:：>＞»→\-].{0,60}"
    r"|\S{2,10}\s*(?:>|＞|»|->|→)\s*\S{2,12}(?:\s*(?:>|＞|»|->|→)\s*\S{0,12}){0,4}"
    r"|【?\s*(?:字号|字体|字体大小)\s*[:：].{0,40}"
    r"|(?:分享到|分享至|扫一扫|扫码|微信扫|收藏|打印本页|打印|关闭窗口|关闭|返回顶部|返回首页|回到顶部|回首页|加入收藏|设为首页)(?:[\s:：|｜,，].{0,40}|)"
    r"|(?:【|\[)?(?:上一篇|下一篇|上一条|下一条|相关链接|相关阅读|相关新闻|延伸阅读|热点推荐|推荐阅读)(?:】|\])?(?:\s*[:：].{0,80}|\s*)"
    r"|(?:版权所有|Copyright|©|\(c\)|主办单位\s*[:：].{2,30}承办|网站标识码|备案号|[\u4e00-\u9fff]ICP备|[\u4e00-\u9fff]公网安备|技术支持\s*[:：]).{0,120}"
    r"|(?:免责)?声明\s*[:：]\s*(?:凡|本[网站文]).{0,200}|凡本网注明.{0,200}"
    r"|(?:点击|阅读|浏览)(?:数|量|次数|人次)?\s*[:：]\s*\d*\s*次?)\s*",
    re.IGNORECASE,
)
_LABEL = re.compile(
    r"(?:来源|作者|发布时间|发布日期|时间|点击|浏览次数|编辑|责编|责任编辑|审核|信息来源|供稿|稿源|记者|通讯员)\s*[:：]\s*\S"
)
_BYLINE = re.compile(
    r"\s*[（(【]?\s*(?:责任编辑|责编|编辑|审核|校对|编审|终审|初审|来源|信息来源|作者|供稿|撰稿|摄影|发布时间|发布日期|字数)\s*[:：]\s*[^。！？]{1,40}[)）】]?\s*",
)


def of_line(line: str) -> Literal["furniture", "byline"] | None:
    """Whether one line by itself is page furniture or a byline."""
    if len(line) > 220:
        return None
    if _PAGE_NUMBER.fullmatch(line) or _WEB.fullmatch(line):
        return "furniture"
    labels = len(_LABEL.findall(line))
    if _BYLINE.fullmatch(line) or (labels >= 2 and len(line) <= 40 + 35 * labels and "。" not in line):
        return "byline"
    return None


def running(pages: Sequence[Sequence[str]]) -> set[tuple[int, int]]:
    """The (page, line) places of running heads, feet and page numbers.

    ``pages`` are the lines of each page, top to bottom. A running line stands among the first or last three lines of
    at least three pages and of a third of them, the same but for its digits.
    """

    def key(line: str) -> str:
        return re.sub(r"[\d\s]+", "#", line.strip())

    edges: list[dict[int, str]] = []
    seen: Counter[str] = Counter()
    for lines in pages:
        places = {
            i: key(lines[i]) for i in (*range(min(3, len(lines))), *range(max(0, len(lines) - 3), len(lines)))
        }
        edges.append(places)
        seen.update(set(places.values()))
    enough = max(3, len(pages) / 3)
    found: set[tuple[int, int]] = set()
    for number, places in enumerate(edges):
        last = len(pages[number]) - 1
        for index, said in places.items():
            line = pages[number][index]
            if not line.strip():
                continue
            numbered = _PAGE_NUMBER.fullmatch(line) or (index in {0, last} and _BARE_NUMBER.fullmatch(line))
            if numbered or (seen[said] >= enough and len(said) <= 80):
                found.add((number, index))
    return found
