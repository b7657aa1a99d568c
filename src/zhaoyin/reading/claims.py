"""Measured claims: a share, a rank, an output, a number of companies."""

from __future__ import annotations

import re

from zhaoyin.reading.draft import Draft, trimmed
from zhaoyin.reading.scan import HAN, NUMERAL, Scan

_ABOUT = "(?:约|近|超过|超|逾|达到?|突破|接近|约占|不足)"
_RULES: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "market_share",
        re.compile(
            rf"(?P<subject>[{HAN}A-Za-z0-9]{{2,20}}?)(?:已|约|大约|就)?占(?:到)?(?P<value>(?:[{HAN}]{{0,8}}的)?{_ABOUT}?(?:\d+(?:\.\d+)?%|[{NUMERAL}]+成(?:以上|左右|多)?|[{NUMERAL}]+分之[{NUMERAL}]+|一半还?多?)(?:以上|左右)?)"
        ),
    ),
    (
        "market_share",
        re.compile(
            rf"(?P<subject>[{HAN}]{{2,14}}(?:占有率|份额))(?P<value>{_ABOUT}?(?:\d+(?:\.\d+)?%|[{NUMERAL}]+成)(?:以上|左右)?)"
        ),
    ),
    (
        "rank",
        re.compile(
            rf"(?P<subject>[{HAN}]{{2,14}})(?:稳|位)?居(?P<value>[{HAN}]{{2,8}}(?:首位|第[{NUMERAL}\d]+|榜首|前列))"
        ),
    ),
    (
        "capacity",
        re.compile(
            r"(?P<subject>)(?P<value>(?:年产|日产|年处理|日处理|年加工)[^，。；、\n]{1,16}?[\d.]+(?:万|亿)?(?:吨|只|台|套|辆|平方米|支|株|条|米|千瓦|GWh|件))"
        ),
    ),
    (
        "companies",
        re.compile(
            rf"(?P<subject>[{HAN}]{{2,16}}(?:企业|公司|商户|会员|单位|工商户))(?:现有|目前|已)?(?:有|达到?|发展到)?(?P<value>{_ABOUT}?[\d,.]+万?(?:多|余)?(?:家|户|个))"
        ),
    ),
    (
        "output",
        re.compile(
            rf"(?P<subject>[{HAN}]{{0,12}}?(?:产值|销售收入|主营业务收入|营业收入|税收|进出口总额|开票销售))(?P<value>{_ABOUT}?[\d,.]+(?:亿|万)?(?:美)?元)"
        ),
    ),
)


def claims(scan: Scan) -> list[Draft]:
    text = scan.text
    out: list[Draft] = []
    for start, end in scan.sentences:
        if scan.hidden(start) or not re.search(r"\d|成|分之|居|第", text[start:end]):
            continue
        for measure, pattern in _RULES:
            for match in pattern.finditer(text, start, end):
                value = trimmed(scan, match.start("value"), match.end("value"))
                subject = trimmed(scan, match.start("subject"), match.end("subject"), strip=" 的，。其中已约")
                if subject[0] >= subject[1]:
                    place = next(iter(scan.orgs_in(start, match.start())[-1:]), None)
                    if place is None:
                        continue
                    subject = (place.start, place.end)
                draft = Draft("claim", *trimmed(scan, start, end))
                draft.put("subject", scan.quote(*subject), subject)
                draft.put("measure", measure, value)
                draft.put("value_text", scan.quote(*value), value)
                out.append(draft)
    return out
