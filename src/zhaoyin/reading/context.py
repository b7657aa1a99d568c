"""What the whole text says of itself: its genre, its region, its year, its sectors."""

from __future__ import annotations

import functools
import re
from collections import Counter
from typing import cast

from zhaoyin.reading.lexicon import Lexicon, Place, places, sectors
from zhaoyin.reading.scan import Scan

_HOST = re.compile(
    r"[省市县区旗州]?(?:委书记|委副书记|委常委|委、|人民政府|政府|委|长|经济技术开发区|经济开发区|高新区|经开区|高新技术产业开发区|工业园|产业园|商务局|投资促进|招商|商务|人大|政协|“|成功|举[办行])"
)


def region_of(scan: Scan) -> tuple[str | None, Place | None]:
    """The region that attracts: the county (or city) the text speaks for. Its name as written, and the division."""
    text = scan.text
    head_end = scan.lines[min(2, len(scan.lines) - 1)][1] if scan.lines else 0
    votes: Counter[str] = Counter()
    meant: dict[str, Place] = {}
    first: dict[str, str] = {}
    for mention in scan.places:
        place = cast(Place, mention.value)
        if place.level not in (4, 6) or scan.hidden(mention.start):
            continue
        weight = 1.0
        if mention.start < head_end:
            weight += 2
        if _HOST.match(text, mention.end):
            weight += 2
        if text[mention.end : mention.end + 2] in {"商会", "籍"} or text[
            max(0, mention.start - 1) : mention.start
        ] in {"在", "赴"}:
            weight -= 0.9
        if place.level == 4:
            weight *= 0.55
        votes[place.code] += weight  # type: ignore[assignment]
        meant[place.code] = place
        if place.code not in first or mention.text == place.name:
            first[place.code] = mention.text
    if not votes:
        return None, None
    code, _ = max(votes.items(), key=lambda item: (item[1], item[0]))
    return first[code], meant[code]


@functools.cache
def province_names(code: str) -> frozenset[str]:
    """Names of the divisions above the county ``code``, and of itself."""
    found = set()
    for name, place in places().items():
        if code.startswith(place.code):
            found.add(name)
    return frozenset(found)


_GENRES: tuple[tuple[str, re.Pattern[str], float], ...] = (
    (
        "policy",
        re.compile(
            r"若干政策|优惠政策|实施细则|管理办法|激励办法|扶持办法|措施的通知|印发|第[一二三四五六七八九十]+条|政策解读|申报|公告|实施办法|条例"
        ),
        1.0,
    ),
    (
        "park_intro",
        re.compile(r"产业园|园区概况|园区介绍|投资指南|招商手册|板块|功能区|组团|规划面积|入驻企业|园区"),
        0.6,
    ),
    (
        "briefing",
        re.compile(r"简报|周报|月报|专报|调度|总结|通报|台账|工作动态|上半年|第一季度|一季度|排名"),
        1.2,
    ),
    ("visit", re.compile(r"率队|赴|考察|走访|拜访|座谈|考察团|访问团|一行"), 0.7),
    ("festival", re.compile(r"文化节|旅游节|艺术节|[\u4e00-\u9fff]节[在开，]|博览会|节会|开幕式|开幕"), 1.0),
    ("signing", re.compile(r"签约仪式|集中签约|签约|签订"), 0.6),
    ("promotion", re.compile(r"推介会|恳谈会|说明会|招商会|招商大会|投资环境|洽谈会|招商引资|招才引智"), 1.0),
)


def genre_of(scan: Scan) -> str:
    """The genre by its words, those of the title weighing most."""
    text = scan.text
    head = text[: scan.lines[min(1, len(scan.lines) - 1)][1]] if scan.lines else ""
    body = text[:8000]
    votes: Counter[str] = Counter()
    for genre, pattern, weight in _GENRES:
        inside = min(len(pattern.findall(body)), 8) * weight
        votes[genre] += inside + 6 * weight * min(len(pattern.findall(head)), 2)  # type: ignore[assignment]
    clauses = len(re.findall(r"^\s*第[一二三四五六七八九十百]+条", body, re.M))
    votes["policy"] += 4 * clauses
    if not votes or max(votes.values()) < 1.5:
        return "other"
    return max(votes.items(), key=lambda item: item[1])[0]


_YEAR = re.compile(r"((?:19|20)\d\d)")
_DATED_LINE = re.compile(
    r"^[^\n。]{0,30}?((?:19|20)\d\d)年(?:\d{1,2}月(?:\d{1,2}日)?)?[^\n。]{0,12}$|填报日期[：:]?\s*((?:19|20)\d\d)年"
)
_TITLE_YEAR = re.compile(
    r"(?<!\d)(20[012]\d)(?=年?[^\d亩家吨万元多余人个平套名\n年至—-]{0,26}(?:会|仪式|活动|节|专场|季度|总结|大赛|论坛|期|半年))"
)


def year_of(scan: Scan) -> str | None:
    """The year the text itself gives for what it tells: in the name of an event, in a title, in the line that dates it."""
    text = scan.text
    for index, (start, end) in enumerate(scan.lines):
        line = text[start:end]
        near_edge = index < 6 or index >= len(scan.lines) - 6
        if scan.hidden(start) or re.search(r"[Cc]opyright|浏览|点击|发布时间|来源", line):
            continue
        if near_edge and len(line) < 46 and (match := _DATED_LINE.search(line.strip())) and "元" not in line:
            return match[1] or match[2]
    match = _TITLE_YEAR.search(text)
    if match and "以来" not in text[match.end() : match.end() + 6]:
        return match[1]
    return None


@functools.cache
def _terms() -> dict[str, list[tuple[str, str, float]]]:
    """Terms by their first letter: (term, sector, weight)."""
    found: dict[str, list[tuple[str, str, float]]] = {}
    for sector, terms in sectors().items():
        modest = 0.6 if sector in {"other", "education_research", "digital"} else 1.0
        for term in terms:
            found.setdefault(term[0], []).append((term, sector, len(term) ** 1.5 * modest))
    return found


def _hits(text: str) -> dict[str, tuple[int, str, float]]:
    """Every term in the text, at its last place."""
    table = _terms()
    return {
        term: (at, sector, weight)
        for at, char in enumerate(text)
        for term, sector, weight in table.get(char, ())
        if text.startswith(term, at)
    }


def sector_of(name: str, around: str = "", lexicon: Lexicon | None = None, investors: str = "") -> str:
    """The sector of a project: by the words of its name (its end most), then of its investor, then around it."""
    votes: Counter[str] = Counter()
    plain = re.sub(r"(?:建设)?项目$|工程$|基地$|[（(][^）)]*[）)]", "", name)
    plain = (
        re.sub(
            r"(?:生产线|生产|加工|制造|研发|建设|产业化|一期|二期|三期|扩建|改造|\d+条|智能化|智慧|高端|新型)+$",
            "",
            plain,
        )
        or plain
    )
    for word, sector in (lexicon.industries if lexicon else {}).items():
        if word in name:
            votes[sector] += 20
    for term, (at, sector, weight) in _hits(name).items():
        last = plain.endswith(term) or at + len(term) >= len(plain)
        votes[sector] += weight * (1.6 if last else 1.0)  # type: ignore[assignment]
    for text, share, least in ((investors, 0.5, 2.0), (around, 0.3, 1.0)):
        if not votes or max(votes.values()) < least:
            for sector, weight in [(sector, weight) for _, sector, weight in _hits(text).values()]:
                votes[sector] += share * weight  # type: ignore[assignment]
    if not votes:
        return "other"
    return max(votes.items(), key=lambda item: item[1])[0]
