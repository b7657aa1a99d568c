"""Policies, programmes, funds and incentives by name; the clauses of a notice as drafts."""

from __future__ import annotations

import re
from collections.abc import Sequence

from zhaoyin.reading.draft import Draft, trimmed
from zhaoyin.reading.scan import HAN, Scan
from zhaoyin.reading.tables import Table

Span = tuple[int, int]

_BOOK = re.compile(r"《([^《》\n]{3,60})》")
_BOOK_POLICY = re.compile(
    r"(?:办法|措施|意见|政策|方案|计划|规定|细则|条例|条|新政\d*(?:\.\d)?条?|清单|制度|机制|通知|纲要|指导意见|行动|规划|指南|决定)(?:[（(][^）)]*[）)])?(?:\d\.\d|\d+条)?$|新政|[一二三四五六七八九十百\d]+条(?:措施)?$|若干"
)
_BOOK_NOT = re.compile(
    r"协议|合同|日报|晚报|时报|时讯|简报|技术规程|图谱|名录|白皮书|报告|规程|标准|公报|读本|歌|章程|(?<!办)法$|刊|网"
)
_QUOTED = re.compile(
    rf"“([^“”\n]{{2,20}})”(?P<after>(?:[{HAN}]{{0,6}}?)(?:行动计划|计划|工程|行动方案|行动|制度|机制|基金|专项资金|资金池|奖补|补贴|补助|奖励|奖|贷|券|贴息|扶持|津贴|新政\d*条?|清单|方式|政策|措施|支持|模式|评审办法|十条|\d+条|[一二三四五六七八九十]+条|人才引进))"
)
_QUOTED_BARE = re.compile(
    r"(?:推出|享受|实行|采取|推行|实施|申请|可享|凭|享受到?|兑现|落实|开展|设立|评为|说明|提供)(?:[^“，。]{0,6})“([^“”\n]{2,14})”"
)
_BARE_NOT = re.compile(
    r"大单|名片|红包|阵|路|会$|国|城$|乡$|会议|精神|服务$|理念|时代|效应|先生|没想到|之|一(?:站|条)|谁|不(?!见面)|园中园|粉|标"
)
_FUND = re.compile(
    rf"(?P<name>[{HAN}A-Za-z0-9“”]{{2,24}}?(?:产业发展基金|投资基金|引导基金|产业基金|母基金|子基金|天使基金|创投基金|纾困基金|转换基金|转化基金|并购基金|发展基金|风险补偿资金|专项资金|资金池|发展资金|扶持资金|引导资金|奖补资金|扶持基金|基金))(?!业|会|公司|管理|协会|小镇|机构|单)"
)
_FUND_CUT = re.compile(
    r"的|设立了?|组建了?|发起了?|成立了?|由|安排了?|以及|和|及|规模|出资|管理|亿元|万元|设有|推出了?|还有|包括|将|对|为|是|在|与|拿出|整合|发起设立|共同|申请|总规模|用好|运用|发挥|依托|通过|优先|给予|其中|兑现|去年|今年|全市|共|每年|预付|有|利用|获得|争取|新设立|提供|帮助|享受|各类|支持|申报|转化"
)
_FUND_GENERIC = re.compile(
    r"^(?:该|本|此|这只?|各|一只|母|子|政府|国有|社会|产业|投资|天使|引导|专项|私募|股权|公募|发展|创投|合作|财政|奖补|扶持|省级|国家|市级|县级|募集|总|相关|“|”)*(?:基金|资金|专项资金|产业基金|投资基金|引导基金|母基金|子基金|扶持资金|奖补资金|资金池)$"
)
_CLAUSE = re.compile(
    r"^\s*(?:第[一二三四五六七八九十百\d]+条|[（(][一二三四五六七八九十\d]{1,3}[）)]|\d{1,2}[.．、](?!\d)|[①-⑳]|[一二三四五六七八九十]{1,3}[、.]|▍?关键词[一二三四五六七八九十][：:])[ 　]*(?P<head>[^。，；：:\n]{2,28})(?P<mark>[。，；：:]|\s*$)"
)
_HEAD_POLICY = re.compile(
    r"奖|补|贴|扶持|支持|激励|资助|贷|券|津贴|减免|优惠|零收费|清单|机制|计划|工程|行动|基金|安家|入学|公寓|制度|融资|标准地|减半|租金|保障|新政|政策|引荐|出让"
)
_HEAD_NOT = re.compile(
    r"适用|附则|总则|范围|条件|解释|时间|方式|联系|报名|咨询|说明|材料|地址|原则|对象|要求|程序|备注|组织|概况|特点|问题|打算|进展|情况|思路|做法|不足|岗位|考核|关于|简介|要闻|台账|数据|会办|重点引进方向|功能分区|配套平台|引才|招引重点|方面$|方向$|类别|标准$|与方式|专项支持|有关|登记注册|近三年|支持政策|引进待遇|事业编制|扶持政策|扶持方面|优惠政策|奖励政策|人才政策"
)
_AMOUNT = re.compile(
    r"(?:总规模|首期认缴|首期|最高(?:可获|可享|给予|可给予|不超过|可达|补助|奖励)?|封顶|上限|单户不超过|单个项目最高|不超过|每[^，。；]{1,6}(?:补贴|补助|奖励|不超过)|一次性(?:奖励|补助|给予)|规模)?(?:为)?[\d,.]+(?:亿|千万|百万|万)?元(?:/[年人套月])?|[\d.]+%(?:、[\d.]+%)*"
)
_REWARD = re.compile(
    r"(?P<name>(?:一次性开工奖|一次性安家费|安家补助|安家费|购房补贴|生活补贴|生活津贴|租房补贴|人才津贴|贷款贴息|上市奖励|上市奖补|装修补贴|物流补贴|运费补贴|技改补贴|研发补助|落户奖励|引荐奖励|项目建设资金补助|建设资金补助|厂房装修补贴))"
)
_ITEM = re.compile(
    rf"[一二三四五六]是(?P<name>(?:“[^”]{{2,10}}”)?[{HAN}]{{1,12}}?(?:奖励?|补助?|补贴|贷|券|基金|扶持|津贴|贴息))[，,]"
)
_INLINE = re.compile(
    rf"(?:推出|享受|在|等|、|落实)(?P<name>[{HAN}“”]{{2,14}}?(?:聚[才财]计划|英才计划|人才计划|三年行动计划|行动计划|行动方案|引才计划))"
)
_PLAN = re.compile(
    rf"(?:制定|编制|出台|实施|印发|推进|落实|研究制定)了?(?P<name>[{HAN}“”]{{4,24}}?(?:三年行动计划|五年行动计划|行动计划|行动方案|实施意见|扶持政策))"
)


class Policies:
    def __init__(self, scan: Scan, tables: Sequence[Table], genre: str) -> None:
        self.scan, self.text, self.tables, self.genre = scan, scan.text, tables, genre
        self.drafts: list[Draft] = []

    def read(self) -> list[Draft]:
        text = self.text
        for match in _BOOK.finditer(text):
            name = match[1]
            if (
                _BOOK_POLICY.search(name)
                and not _BOOK_NOT.search(name)
                and not self.scan.hidden(match.start())
            ):
                self._add(match.start(1), match.end(1), 3.0)
        self._title()
        for match in _QUOTED.finditer(text):
            if self.scan.hidden(match.start()) or self._in_book(match.start()):
                continue
            if re.search(r"[会节]$", match[1]) or (
                match["after"] in {"支持", "模式", "行动", "政策", "措施", "方式"} and self.genre != "policy"
            ):
                continue
            start, end = match.start(), match.end()
            if match["after"] in {"方式", "模式"}:
                start, end = match.start(1), match.end(1)
            lead = re.search(rf"(?:年度)?([{HAN}]{{2,4}}(?:人才)?)$", text[max(0, start - 4) : start])
            if lead and re.search(r"(?:青年|高端|顶尖)人才$", lead[1]):
                start -= len(re.search(r"(?:青年|高端|顶尖)人才$", lead[1])[0])  # type: ignore[index]
            self._add(start, end, 2.0)
        if self.genre == "policy" or re.search(r"政策|优惠|扶持", text):
            for match in _QUOTED_BARE.finditer(text):
                if (
                    not _BARE_NOT.search(match[1])
                    and not self._in_book(match.start())
                    and self._policy_line(match.start())
                ):
                    self._add(match.start(1), match.end(1), 1.0)
            for match in re.finditer(
                r"[“「](一事一议|一企一策|一人一策|标准地\+承诺制|先租后让、租让结合|拿地即开工|前两年免、后三年减半|转供改直供|[^“”「」\n，。]{2,8}两免三减半|五免五减半)[”」]",
                text,
            ):
                self._add(match.start(1), match.end(1), 1.5)
        for match in _FUND.finditer(text):
            if self.scan.hidden(match.start()) or self._in_book(match.start()):
                continue
            a, b = match.start("name"), match.end("name")
            for cut in _FUND_CUT.finditer(text, a, b - 2):
                if cut.end() <= b - 3:
                    a = cut.end()
            a, b = trimmed(self.scan, a, b)
            name = text[a:b]
            own = name == "专项资金" and re.search(r"安排[^，。]{0,8}$", text[max(0, a - 12) : a])
            own = own or (
                len(name) >= 7 and re.search(r"(?:组建|设立)[^，。]{0,6}[亿万]元$", text[max(0, a - 14) : a])
            )
            if _FUND_GENERIC.match(name) and not own:
                continue
            if len(name) >= 4:
                self._add(a, b, 2.0)
        for pattern in (_PLAN, _INLINE):
            for match in pattern.finditer(text):
                if not self._in_book(match.start()):
                    a, b = match.start("name"), match.end("name")
                    inner = max(text.rfind(c, a, b) for c in "，、的了")
                    if inner >= a and b - inner > 5:
                        a = inner + 1
                    self._add(a, b, 1.5)
        for match in _ITEM.finditer(text):
            self._add(match.start("name"), match.end("name"), 2.0)
        if self.genre in {"policy", "park_intro", "promotion", "other", "briefing"}:
            for match in _REWARD.finditer(text):
                if not self._in_book(match.start()):
                    self._add(match.start("name"), match.end("name"), 1.5)
        self._tables()
        clauses = self._clauses()
        return self._unique() + clauses

    def _policy_line(self, at: int) -> bool:
        left, right = self.scan.sentence_of(at)
        return bool(
            re.search(r"政策|奖|补|扶持|优惠|租金|贷|券|资金|享受|人才|税|费|元", self.text[left:right])
        )

    def _in_book(self, at: int) -> bool:
        left = self.text.rfind("《", max(0, at - 60), at + 1)
        return left >= 0 and self.text.rfind("》", left, at) < 0

    def _title(self) -> None:
        """A notice that is itself the policy: its headline names it."""
        scan, text = self.scan, self.text
        glued = re.match(
            rf"\s*(?P<name>[{HAN}0-9]{{4,36}}(?:优惠办法|优惠政策|激励政策|若干政策|管理办法|实施办法|奖励办法|扶持办法|若干规定|实施细则|暂行规定|若干措施|实施意见)(?:[（(][^（）()]{{1,6}}[）)])?)(?=\s|第一章|总则|第一条|发表|为)",
            text,
        )
        if glued:
            self._add(glued.start("name"), glued.end("name"), 2.5)
            return
        for start, end in scan.lines[:3]:
            line = text[start:end].strip()
            if not 6 <= len(line) <= 60 or "。" in line or "《" in line:
                continue
            about = re.search(r"关于申报(.{4,40}?)的(?:公告|通知)", line)
            if about:
                self._add(
                    start + text[start:end].index(about[1]),
                    start + text[start:end].index(about[1]) + len(about[1]),
                    2.0,
                )
                return
            issued = re.search(r"关于印发(.{4,50}?)的通知", line)
            if issued:
                at = start + text[start:end].index(issued[1])
                self._add(at, at + len(issued[1]), 3.0)
                return
            if (
                re.search(
                    r"(?:优惠政策|若干政策|扶持政策|若干措施|激励办法|实施办法|暂行办法|奖励办法|实施细则|若干规定|管理办法|实施意见)(?:（[^）]*）|\([^)]*\))?$",
                    line,
                )
                and self.genre == "policy"
            ):
                plain = re.sub(r"（(?:摘要|摘录|节选|全文)）$", "", line)
                at = start + text[start:end].index(line)
                self._add(at, at + len(plain), 2.5)
                return

    def _tables(self) -> None:
        for table in self.tables:
            if not table.columns or table.columns[0] != "policy":
                continue
            for row in table.rows:
                a, b = row.cells[0]
                if a < b and 2 <= b - a <= 20 and not re.match(r"合计|小计|表", self.text[a:b]):
                    draft = self._add(a, b, 2.0, evidence=trimmed(self.scan, row.start, row.end))
                    last = next((cell for cell in reversed(row.cells) if cell[0] < cell[1]), None)
                    if draft is not None and last is not None:
                        draft.replace("amount_text", self.scan.quote(*last), last)

    def _clauses(self) -> list[Draft]:
        """The numbered clauses of a policy text; each with an incentive is also a policy by its heading."""
        scan, text = self.scan, self.text
        if self.genre != "policy":
            return []
        out: list[Draft] = []
        lines = scan.lines
        for at, (start, end) in enumerate(lines):
            if scan.furnished(start):
                continue
            match = _CLAUSE.match(text[start:end])
            plain = (
                None
                if match
                else re.match(
                    rf"\s*(?P<head>[{HAN}“”]{{3,12}}(?:奖补|补贴|奖励|支持|补助|扶持|津贴|基金))(?P<mark>[。：])",
                    text[start:end],
                )
            )
            match = match or plain
            if match is None:
                continue
            a, b = trimmed(
                scan, start + match.start("head"), start + match.end("head"), strip=" \n　，。、；：:"
            )
            head = text[a:b]
            stop = end
            if (
                at + 1 < len(lines)
                and not _CLAUSE.match(text[slice(*lines[at + 1])])
                and match["mark"].strip() == ""
                and lines[at + 1][1] - start < 400
            ):
                stop = lines[at + 1][1]
            body = (start, stop)
            clause = Draft("clause", *trimmed(scan, *body), signals={"clause": 1.0})
            clause.put("heading", scan.quote(a, b), (a, b))
            number = re.match(
                r"\s*(第[一二三四五六七八九十百\d]+条|[（(][一二三四五六七八九十\d]+[）)]|[\d一二三四五六七八九十]+|[①-⑳]|关键词.)",
                text[start:a],
            )
            if number and number[1].strip():
                clause.put(
                    "number", number[1].strip(" 、.．：:"), (start + number.start(1), start + number.end(1))
                )
            inner = trimmed(scan, *body)
            clause.put("text", scan.quote(*inner), inner)
            money = self._amount(b, stop)
            if money:
                clause.put("amount_text", scan.quote(*money), money)
            out.append(clause)
            if (
                _HEAD_POLICY.search(head)
                and not _HEAD_NOT.search(head)
                and len(head) <= 22
                and match["mark"] in "。：:" + " "
            ) or (_HEAD_POLICY.search(head) and head.startswith("“") and len(head) <= 22):
                if (
                    re.match(
                        r"设立|建立|实施|强化|推进|对|按|给予|享受|纳入|开展|入住|行政事业|企业|社会", head
                    )
                    and "“" not in head[:1]
                ):
                    self._inner(a, b)
                    continue
                self._add(a, b, 2.0, evidence=trimmed(scan, start, stop))
        return out

    def _inner(self, a: int, b: int) -> None:
        """设立…基金, 实施“…”行动计划: the name behind the verb."""
        text = self.text
        match = re.match(
            r"(?:建立|设立|实施|推进|推行)(?P<name>[^，。；：]{4,24}(?:机制|制度|工程|计划|行动计划|清单))$",
            text[a:b],
        )
        if match:
            self._add(a + match.start("name"), a + match.end("name"), 1.5)
        quoted = re.search(r"“[^”]{2,12}”清单", text[a:b])
        if quoted:
            self._add(a + quoted.start(), a + quoted.end(), 1.5)

    def _amount(self, start: int, end: int) -> Span | None:
        best: Span | None = None
        for match in _AMOUNT.finditer(self.text, start, end):
            if re.match(r"总规模|首期|最高|封顶|上限|单|不超过|每|一次", match[0]):
                return match.start(), match.end()
            best = best or (match.start(), match.end())
        return best

    def _add(self, start: int, end: int, strength: float, evidence: Span | None = None) -> Draft | None:
        scan = self.scan
        if scan.furnished(start):
            return None
        a, b = start, end
        while a < b and self.text[a] in " 　，、：:":
            a += 1
        if b - a < 2:
            return None
        sentence = evidence or trimmed(scan, *scan.sentence_of(a))
        draft = Draft("policy", *sentence, signals={"strength": strength})
        draft.cover(a, b)
        draft.put("name", scan.quote(a, b), (a, b))
        money = self._amount(b, min(sentence[1], b + 160))
        if money:
            draft.put("amount_text", scan.quote(*money), money)
        self.drafts.append(draft)
        return draft

    def _unique(self) -> list[Draft]:
        kept: list[Draft] = []
        for draft in sorted(self.drafts, key=lambda d: (d.spans["name"][0][0], -d.spans["name"][0][1])):
            a, b = draft.spans["name"][0]
            if any(a < d.spans["name"][0][1] and d.spans["name"][0][0] < b for d in kept):
                continue
            bare = _bare(draft.name)
            twin = next((d for d in kept if _near(_bare(d.name), bare)), None) or next(
                (
                    d
                    for d in kept
                    if _bare(d.name) == bare
                    or (bare and len(bare) >= 3 and bare in _bare(d.name) and _bare(d.name).endswith(bare))
                ),
                None,
            )
            if twin is not None:
                if "amount_text" not in twin.fields and "amount_text" in draft.fields:
                    twin.put("amount_text", draft.fields["amount_text"], *draft.spans["amount_text"])
                continue
            kept.append(draft)
        return kept


def _near(left: str, right: str) -> bool:
    """Two spellings of one title, a word left out of one."""
    short, long = sorted((left, right), key=len)
    if len(short) < 8 or len(long) - len(short) > 4:
        return False
    rest = iter(long)
    return all(char in rest for char in short)


def _bare(name: str) -> str:
    return re.sub(r"[“”\"「」《》\s]", "", name)
