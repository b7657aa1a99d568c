"""Events: what was held, when, where, with how many people, how much signed."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from typing import cast

from zhaoyin.reading.context import year_of
from zhaoyin.reading.draft import Draft, trimmed
from zhaoyin.reading.lexicon import Place, trie, words
from zhaoyin.reading.scan import DATE, HAN, MONEY, NUMERAL, Scan, chinese_number, money_of

Span = tuple[int, int]

_HELD = re.compile(
    r"举行|举办|召开|开幕|启幕|落幕|闭幕|圆满|拉开帷幕|开场|成功|承办|主办|参加|出席|组织|会上|仪式上|大会上|揭幕|登场|落下帷幕|在.{2,20}(?:举|召|开)|签约|筹备|推介|办好|开展|亮相|期间"
)
_CUT = re.compile(
    r"举行了?的?|举办了?的?|召开了?的?|开展了?|参加了?|出席了?|承办了?的?|主办了?的?|组织开展了?|组织了?|亮相|走进|策划了?|筹备好|办好|筹备|的|在(?!线)|宣布|[会式节]上|此次|作为|到了|本次|此次|本届|这次|上述|说到|期间还|期间|同步|同日|当天|现场|以及|每年|启动了?|迎来|成功|隆重|是|被|对|由|于|拟|将|还|又|为|上午|下午|日晚|傍晚|晚上?|[\d]日|月份?|等|随后|今天|昨日|昨天|近日|日前|介绍|记者从|从|据|了|随着|应邀|前往|赴(?!一)|专程|通过|借助|抓住|围绕|针对|一场|两场|首场|系列活动之一"
)
_GENERIC = re.compile(
    r"^(?:本次|此次|该|这次|本届|集中|项目|现场|重点|重大|招商引资|招商|产业|投资|专题|专场|大型|一场|一次|首次|年度|随后|主场|分场|线上|“?云”?|集体|系列|节庆|其他|多场|各类|各种|相关|会见|经贸|交流|考察|会前|有关|文体|主题|走访|节会|重要|两场|三场|\d+场|外出|小分队|上门|等)*(?:推介会|推介大会|推介活动|招商会|招商大会|招商活动|说明会|恳谈会|对接会|对接活动|洽谈会|洽谈活动|交流会|交流活动|座谈会|见面会|签约仪式|签约活动|签约大会|签约会|签约式|集中签约|签约|签字仪式|开工仪式|奠基仪式|揭牌仪式|启动仪式|博览会|展览会|展会|论坛|峰会|研讨会|年会|大会|文化节|节|发布会|启动会|推进会|晚会|招聘会|专场|路演|大赛|活动|仪式|酒会|沙龙|活动周|会议|展销会|交易会)$"
)
_NOT_EVENT = re.compile(
    r"(?:全国|省|市|县|区)?(?:人大会|代表大会|职工大会|董事会|党代会|人民代表大会|常务会|防汛工作会|股东大会)|工作会议|例会|春节|国庆节|端午节|中秋节|元宵节|劳动节|节$(?<!文化节)(?<!艺术节)(?<!旅游节)"
)
_FEST = re.compile(
    rf"(?P<name>[{HAN}A-Za-z0-9·（）()“”]{{2,24}}?(?<![季环细调春过情使礼时音小章])节)(?=[在于开启，。上的已期暨正拉热落]|招商|$|\n)"
)
_TITLED_VISIT = re.compile(
    r"赴[^，。\n]{1,16}?(?:考察|招商|推介|走访|开展|洽谈|学习|调研|对接|拜访)|率[队团]|考察团|来[我本].{1,4}(?:考察|洽谈|访问)|走进|出访|招商团|参访团|访问团"
)
_ATTEND = re.compile(
    rf"(?P<num>\d[\d,]*(?:\.\d+)?|[{NUMERAL}]{{1,5}})(?P<unit>万)?(?:多|余|来)?(?:名|位|人次|人|余人|多人)(?!才|员|均|选|口|事|民)"
)
_ATTEND_CUE = re.compile(
    r"参加|出席|到会|参会|与会|应邀|到场|嘉宾|客商|代表|坐得|赶来|一行|会员|宾客|人士|齐聚|欢聚|共\d+人|汇聚|涌入|参展|学者|观众|游客|负责人|来自|企业家"
)
_ATTEND_NOT = re.compile(
    r"(?:培训|新增就业|带动就业|就业|岗位|从业人员|吸纳|意向|聘|入选|常驻|博士|硕士|提供|人口|招聘|引进|户|输送|输送|每年)[^，。]{0,8}$"
)
_N = rf"(?:\d+|[{NUMERAL}]{{1,3}})"
_COUNT = (
    re.compile(
        rf"(?:签约|签下|签署|签订|签了|促成|达成)(?:了)?(?:的)?(?:[^，。；、\d]{{0,10}}?)(?:项目|协议|合同)?(?:共|共计|达|总数|数)?(?:超过|近|约|逾)?(?P<n>{_N})(?:余|多)?(?:个|项|份)(?![^，。]{{0,4}}亿元以上)"
    ),
    re.compile(
        rf"(?P<n>{_N})(?:余|多)?(?:个|项|份)[^，。；、\d]{{0,18}}?(?:项目|协议|订单|人才（项目）|（项目）)[^，。；]{{0,12}}?(?:成功|集中|现场|正式|同步|一口气|上|顺利)?(?:签约|签下|签订|签署|落地签约|落定)"
    ),
    re.compile(rf"签约(?:合作)?项目(?:共|共计|达|总计)?(?:超过|近|约)?(?P<n>{_N})(?:余|多)?个"),
    re.compile(
        rf"(?:正式|现场|集中|共|一共|会上)?签约(?:了|的)?(?:近|约|超过|逾)?(?P<n>{_N})(?:余|多)?(?:个|项)"
    ),
    re.compile(
        rf"签的(?:则|都)?是(?P<n>{_N})个|(?P<n3>{_N})家[^，。；]{{0,8}}企业与[^，。；]{{1,12}}签了?约"
    ),
    re.compile(rf"等(?P<n>{_N})(?:余|多)?个[^，。；、]{{0,12}}项目"),
    re.compile(r"签约环节[^。]{0,6}?(?P<n>\d+)个项目|(?P<n2>\d+)个项目总投资"),
    re.compile(rf"合作项目(?P<n>{_N})个"),
)
_SUM = re.compile(
    r"(?:总投资|投资总额|总额|协议引资|合同引资|协议总投资|签约额|签约金额|协议资金|总投资额|合同金额|协议金额|金额|计划总投资|引资|签约总额|意向投资|投资|总金额|资金|合计|协议投资)(?:额|约|达到?|为|超过?|近|逾|共计|合计|[:：]|突破|总计|人民币)*$"
)
_VENUE_AFTER = re.compile(
    rf"在(?P<venue>[{HAN}A-Za-z0-9（）()“”·]{{2,22}}?)(?:隆重|成功|盛大|圆满|正式|热烈|如期|顺利|联合|同步|共同|同时)*(?:举行|举办|召开|开幕|启幕|启动|拉开|落幕|举辦|闭幕|开展|承办|上演|圆满)"
)
_VENUE_BEFORE = re.compile(
    rf"(?:在|移师|走进)(?P<venue>[{HAN}A-Za-z0-9（）()]{{2,20}}?)(?:成功|隆重)?(?:举行|举办|召开|承办|组织)?(?:了|的)(?=[“《{HAN}\d])"
)
_VENUE_GO = re.compile(rf"赴(?P<venue>[{HAN}]{{2,12}}?)(?:开展|举办|举行|召开)(?=[“了])")
_VENUE_SET = re.compile(
    rf"(?:会场设在|主会场设在|地点设在|会址设在|把)(?P<venue>[{HAN}A-Za-z0-9]{{2,18}}?)(?:的会场|，|。|、)"
)
_NOT_VENUE = re.compile(
    r"^(?:会上|线上|会后|此|这里|当地|我[市县区]|全[市县区国省]|大会|活动|近日|现场|会议|本[市县]|这|推介|仪式|会|期间|签约|今年|去年|县委|市委|共同|一起|[\d]+日|上半年|下半年)$|期间|推介会|仪式上"
)


@functools.cache
def _suffix() -> re.Pattern[str]:
    return re.compile(trie(name for name in words()["events"]["names"] if name != "节"))


def kind_of(name: str, local: bool = True) -> str:
    if re.search(r"签约|签字", name):
        return "signing"
    if re.search(r"开工|动工|奠基", name):
        return "groundbreaking"
    if re.search(r"赴|率队|考察|走访|参访|来我|出访", name) and not re.search(r"会$", name):
        return "visit"
    if re.search(r"(?:博览会|展览会|交易会|展销会)(?:暨|$)", name) and not re.search(r"签约|推介", name):
        return "festival" if local else "other"
    if re.search(r"推介|招商|说明会|投资环境|投资洽谈|投资贸易|投资合作|投洽", name) and not re.search(
        r"博览会暨", name
    ):
        return "promotion"
    if re.search(r"恳谈会|对接会|洽谈会", name):
        return (
            "promotion"
            if re.search(r"产业|投资|经贸|合作|企业|项目|商", name) and "产销" not in name
            else "forum"
            if "恳谈" in name
            else "other"
        )
    if re.search(r"招才引智|招商|引才", name) and "大会" in name:
        return "promotion"
    if re.search(r"论坛|峰会|研讨会|年会|圆桌|沙龙|交流会", name):
        return "forum"
    if re.search(r"节(?:$|[“”（(开])|文化节|嘉年华|旅游节", name) or ("博览会" in name and local):
        return "festival"
    return "other"


class Events:
    """Reads the events of one scanned text."""

    def __init__(self, scan: Scan, region: Place | None, genre: str) -> None:
        self.scan, self.text, self.region, self.genre = scan, scan.text, region, genre
        self.year = year_of(scan)
        self.drafts: list[Draft] = []
        self.at: list[int] = []

    def read(self) -> list[Draft]:
        names = sorted(self._mentions())
        if self.genre == "policy":
            names = [name for name in names if self._dated(name)]
        spots: list[tuple[int, Draft]] = []
        for start, end in names:
            name = self.text[start:end]
            known = next(
                (d for d in reversed(self.drafts) if _same(self._label(d), name)), None
            ) or self._again(start, name)
            if known is not None:
                if len(self.text[slice(*known.spans["name"][0])]) < end - start and _full(
                    self.text[slice(*known.spans["name"][0])], name
                ):
                    pass
                spots.append((start, known))
                continue
            if not self._stands(start, end):
                continue
            draft = Draft("event", *trimmed(self.scan, *self.scan.sentence_of(start)), signals={"named": 1.0})
            draft.put("name", self.scan.quote(start, end), (start, end))
            local = self.region is None or re.sub(r"[省市县区旗]$", "", self.region.name) in name
            draft.put("kind", kind_of(name, local), (start, end))
            self.drafts.append(draft)
            spots.append((start, draft))
        spots += self._generic_mentions()
        spots.sort(key=lambda spot: spot[0])
        self._details(spots)
        self._visits()
        self._ground()
        if not self.drafts:
            self._plain()
        for draft in self.drafts:
            self._from_name(draft)
        kept = [draft for draft in self.drafts if self._worth(draft)]
        return [draft for draft in kept if not self._headline_of(draft, kept)]

    def _headline_of(self, draft: Draft, others: Sequence[Draft]) -> bool:
        """A headline's words for an occasion that the body names in full."""
        at = draft.spans["name"][0][0]
        if (
            len(self.scan.lines) < 2
            or at >= self.scan.lines[1][0]
            or "date" in draft.fields
            or draft.fields.get("kind") == "visit"
        ):
            return False
        return any(d is not draft and d.name[-2:] == draft.name[-2:] and "date" in d.fields for d in others)

    def _plain(self) -> None:
        """The one occasion of a text, when it has no name of its own: 在香港举行投资推介会."""
        scan, text = self.scan, self.text
        pattern = re.compile(
            rf"(?:举行|举办|召开)(?:了|的)?(?:一场)?(?P<name>[{HAN}“”·]{{0,12}}?(?:推介会|恳谈会|说明会|签约仪式|座谈会|对接会|洽谈会|发布会|招商会|开工仪式))|(?P<name2>座谈会|签约仪式|推介会|恳谈会|新闻发布会)(?=在[^，。]{2, 20}(?:举行|召开))"
        )
        spots: list[tuple[int, Draft]] = []
        for match in pattern.finditer(text):
            left, right = scan.sentence_of(match.start())
            dated = DATE.search(text, left, right) or re.search(
                r"昨[日天]|今[日天]|日前|近日|[上下]午", text[left:right]
            )
            if scan.furnished(left) or not dated or spots:
                continue
            span = trimmed(scan, *(match.span("name") if match["name"] else match.span("name2")))
            draft = Draft("event", *trimmed(scan, left, right), signals={"plain": 1.0})
            draft.put("name", scan.quote(*span), span)
            draft.put("kind", kind_of(text[slice(*span)]), span)
            self.drafts.append(draft)
            spots.append((span[0], draft))
        if spots:
            self._details(spots)

    def _label(self, draft: Draft) -> str:
        return self.text[slice(*draft.spans["name"][0])]

    def _again(self, start: int, name: str) -> Draft | None:
        """此次…推介会: the occasion told of before, in other words."""
        left, _ = self.scan.sentence_of(start)
        if not re.match(r"\s*(?:此次|本次|这次)", self.text[left:start]):
            return None
        return next((d for d in reversed(self.drafts) if d.name[-3:] == name[-3:]), None)

    # Names.

    def _mentions(self) -> Iterator[Span]:
        text, scan = self.text, self.scan
        seen_end = -1
        for match in _suffix().finditer(text):
            if match.start() < seen_end or scan.hidden(match.start()):
                continue
            end = match.end()
            while joined := _JOINED.match(text, end):
                end = joined.end()
            if text[end : end + 1] in "员议务展馆址" and match[0] not in {"活动"} and text[end - 1] == "会":
                continue
            quoted = text[end : end + 1] == "”" and text.rfind("“", max(0, end - 30), end) > text.rfind(
                "”", max(0, end - 30), end
            )
            begin = self._begin(match.start(), end)
            a, b = trimmed(scan, begin, end, strip=" \n　，。、；：:;,.》")
            if quoted and text[a - 1 : a] == "“":
                pass
            name = text[a:b]
            whole = re.match(r"(?:全[省市县区国州]|我[省市县区])(?=20|第)", name)
            if whole:
                a += whole.end()
                name = text[a:b]
            if re.search(r"赴[^，。]{2,12}开展$", text[max(0, a - 16) : a]):
                continue
            if len(name) < 5 or _GENERIC.match(name.strip("“”")) or _NOT_EVENT.search(name) or len(name) > 60:
                continue
            if match[0] in {
                "活动",
                "大赛",
                "专场",
                "大会",
                "集中签约",
                "云签约",
                "年会",
            } and not self._concrete(a, b, match[0]):
                continue
            if name.count("“") != name.count("”"):
                a, b = self._balance(a, b)
            seen_end = end
            yield a, b
        for fest in _FEST.finditer(text):
            if scan.hidden(fest.start()):
                continue
            begin = self._begin(fest.end("name") - 1, fest.end("name"))
            a, b = trimmed(scan, max(begin, fest.start()), fest.end("name"))
            name = text[a:b]
            if (
                len(name) >= 4
                and not _GENERIC.match(name)
                and not re.search(
                    r"(?:春|端午|中秋|国庆|元宵|重阳|清明|元旦|劳动|儿童|妇女|情人)节$|环节|细节|季节|关节|调节|章节",
                    name,
                )
            ):
                yield a, b

    def _balance(self, a: int, b: int) -> Span:
        text = self.text
        if text[a:b].count("“") < text[a:b].count("”"):
            opened = text.rfind("“", max(0, a - 24), a)
            return (
                (opened, b)
                if opened >= 0 and "\n" not in text[opened:a] and "。" not in text[opened:a]
                else (a + text[a:b].index("”") + 1, b)
            )
        closed = text.find("”", b, b + 2)
        return (a, closed + 1) if closed >= 0 else (a + text[a:b].rindex("“") + 1, b)

    def _concrete(self, a: int, b: int, suffix: str) -> bool:
        """Weak endings name an event only with a quoted theme, a year or a number of its edition."""
        name = self.text[a:b]
        if (
            suffix == "大会"
            and len(name) >= 8
            and re.match(r"在[^，。]{2,24}(?:举行|开幕|召开|举办|启幕)", self.text[b : b + 34])
        ):
            return True
        if suffix in {"专场", "大会"}:
            return (
                bool(re.search(r"“|\d{4}|第.{1,3}届|招商|推介|签约|引才|人才|产业", name)) and len(name) >= 6
            )
        return bool(re.search(r"“[^”]+”|\d{4}年?|第.{1,3}届|招商|签约|推介", name)) and len(name) >= 6

    def _begin(self, at: int, end: int) -> int:
        text = self.text
        low = max(self.scan.line_of(at)[0], at - 50)
        depth = at
        while depth > low:
            char = text[depth - 1]
            if char in "，。；！？：:\n《》|>＞" or (
                char == " " and not text[depth - 2 : depth - 1].isascii()
            ):
                break
            if char == "、" and (
                re.search(r"(?:[会节式坛]|活动)$", text[low : depth - 1])
                or not re.search(r"(?:第.{1,3}届|中国·|20\d\d年?)[^，。、“”]*$", text[low : depth - 1])
            ):
                break
            if char == "”":
                opened = text.rfind("“", low, depth - 1)
                if opened < 0:
                    break
                depth = opened
                continue
            if char == "“":
                depth -= 1
                break
            depth -= 1
        begin = depth
        for match in _CUT.finditer(text, begin, at):
            # A cut inside a quoted theme is no cut.
            if text.count("“", begin, match.start()) > text.count("”", begin, match.start()):
                continue
            if match.end() <= at and not _OPEN_PAREN.search(text[begin : match.start()]):
                begin = match.end()
        lead = re.match(r"(?:[^，。]{0,6}?[年月日]\d*|\d+日)?(?:上午|下午|晚)?", text[begin:at])
        if lead and re.search(r"日$|[上下]午$|晚$", lead[0]):
            begin += lead.end()
        return begin

    def _stands(self, start: int, end: int) -> bool:
        """Whether the sentence tells of the event being held."""
        left, right = self.scan.sentence_of(start)
        sentence = self.text[left:right]
        if self.scan.line_of(start)[0] == (self.scan.lines[0][0] if self.scan.lines else 0):
            return bool(_HELD.search(sentence))
        return bool(_HELD.search(sentence) or DATE.search(sentence) or self.text[end : end + 1] in "上中")

    def _dated(self, name: Span) -> bool:
        left, right = self.scan.sentence_of(name[0])
        return bool(DATE.search(self.text, left, right)) and bool(
            re.search(r"举行|举办|召开", self.text[left:right])
        )

    def _generic_mentions(self) -> list[tuple[int, Draft]]:
        """推介会上, 签约仪式上: the last event whose name ends alike; new when there is none but it has a date."""
        text, out = self.text, []
        pattern = re.compile(
            r"(?P<name>推介会|恳谈会|说明会|签约仪式|论坛|博览会|座谈会|对接会|招商会|发布会|洽谈会|仪式|会|峰会|大会)上(?=[，,：]|签|，|\s|[\u4e00-\u9fff])|会上[，,]|此次签约|本次签约|这次推介|现场[，]?(?:一共)?签"
        )
        for match in pattern.finditer(text):
            word = match["name"] or ""
            before = [draft for draft in self.drafts if draft.spans["name"][0][0] < match.start()]
            alike = [d for d in before if word and word in d.name] or before
            if alike:
                out.append((match.start(), alike[-1]))
        return out

    # What a sentence says of an event.

    def _details(self, spots: Sequence[tuple[int, Draft]]) -> None:
        """Walk the sentences with the event they speak of."""
        scan, text = self.scan, self.text
        current: Draft | None = None
        since = 0
        month: str | None = None
        last_day: str | None = None
        last_line = -1
        for start, end in scan.sentences:
            if scan.furnished(start):
                continue
            here = [draft for at, draft in spots if start <= at < end]
            dated = self._date(start, end, month)
            if dated:
                month = dated[0].split("-")[-2] if dated[0].count("-") >= 2 else month
            if here:
                # The event of the sentence is the one it names first unless that one is only recalled.
                current = here[-1] if len(set(map(id, here))) > 1 and "作为" in text[start:end] else here[0]
                since = 0
            else:
                since += 1
            if dated:
                last_day, last_line = dated[0], scan.line_of(start)[0]
            if current is None:
                continue
            if since > 5:
                self._late(spots, current, start, end)
                continue
            before = dict(current.fields)
            if here:
                own = (
                    self._own_date(current, start, end, month)
                    if current.spans["name"][0][0] >= start
                    else None
                )
                value = own or dated
                if (
                    value and current.spans["name"][0][0] >= start - 1 and current.spans["name"][0][0] < end
                ) or (
                    value
                    and "date" not in current.fields
                    and re.search(r"举行|举办|召开|开幕", text[start:end])
                ):
                    current.put("date", value[0], value[1])
                elif last_day and (
                    "当天" in text[start:end]
                    or "同日" in text[start:end]
                    or last_line == scan.line_of(start)[0]
                ):
                    current.put("date", last_day, (start, end))
                self._venue(current, start, end)
            elif since == 1 and "venue" not in current.fields:
                self._venue(current, start, end, only_set=True)
            self._attendance(current, start, end, bool(here))
            again = re.match(r"\s*(?:本次|此次|这次|活动|会上|仪式上|现场)", text[start:end])
            self._signed(current, start, end, bool(here) or since <= 3 or bool(again))
            if current.fields != before and (here or since <= 2) and end - current.start < 420:
                current.cover(*trimmed(scan, start, end))

    def _late(self, spots: Sequence[tuple[int, Draft]], current: Draft, start: int, end: int) -> None:
        """Far down, a text still counts what was signed at its one occasion."""
        if "signed_count" in current.fields or current.fields.get("kind") not in {
            "promotion",
            "signing",
            "festival",
        }:
            return
        if len({id(draft) for _, draft in spots}) == 1 and re.search(r"签约|签下|签订", self.text[start:end]):
            self._signed(current, start, end, True)

    def _date(self, start: int, end: int, month: str | None) -> tuple[str, Span] | None:
        for match in DATE.finditer(self.text, start, end):
            before = self.text[max(start, match.start() - 4) : match.start()]
            if re.search(r"截至|截止|预计|争取|于$|今年$|去年$|明年$|到$", before) and not match["d"]:
                continue
            if (
                re.match(r"底|初|份|以来|至今|前", self.text[match.end() : match.end() + 2])
                and not match["d"]
            ):
                continue
            return self._iso(match, month), (match.start(), match.end())
        return None

    def _own_date(self, draft: Draft, start: int, end: int, month: str | None) -> tuple[str, Span] | None:
        """The date nearest before the name in its sentence."""
        at = draft.spans["name"][0][0]
        found = list(DATE.finditer(self.text, start, at))
        ranges = [
            m
            for m in found
            if not re.search(r"[至到—\-~～]\s*$", self.text[max(start, m.start() - 1) : m.start()])
        ]
        return (self._iso(ranges[-1], month), (ranges[-1].start(), ranges[-1].end())) if ranges else None

    def _iso(self, match: re.Match[str], month: str | None) -> str:
        if match["y2"]:
            return f"{match['y2']}-{int(match['m2']):02d}-{int(match['d2']):02d}"
        year = match["y"] or self.year
        if match["d3"]:
            return f"{year or '-'}-{month or '01'}-{int(match['d3']):02d}" if month else ""
        stem = f"{year or '-'}-{int(match['m']):02d}"
        return f"{stem}-{int(match['d']):02d}" if match["d"] else stem

    def _venue(self, draft: Draft, start: int, end: int, only_set: bool = False) -> None:
        text = self.text
        patterns = (_VENUE_SET,) if only_set else (_VENUE_AFTER, _VENUE_BEFORE, _VENUE_GO, _VENUE_SET)
        for pattern in patterns:
            for match in pattern.finditer(text, start, end):
                a, b = trimmed(self.scan, match.start("venue"), match.end("venue"))
                venue = text[a:b]
                known = str(draft.fields.get("venue", ""))
                if known and not (known in self.scan.quote(a, b) and len(known) < b - a):
                    return
                draft.fields.pop("venue", None)
                inner = venue.rfind("在")
                if inner >= 0 and inner < len(venue) - 2:
                    a, venue = a + inner + 1, venue[inner + 1 :]
                if _NOT_VENUE.search(venue) or len(venue) < 2 or ("的" in venue[:-1] and len(venue) > 12):
                    continue
                name_at = draft.spans["name"][0]
                if pattern is _VENUE_BEFORE and not (0 <= name_at[0] - match.end() <= 30):
                    continue
                if a >= name_at[0] and b <= name_at[1]:
                    continue
                draft.put("venue", self.scan.quote(a, b), (a, b))
                return

    def _attendance(self, draft: Draft, start: int, end: int, here: bool) -> None:
        if "attendees" in draft.fields:
            return
        text = self.text
        for match in _ATTEND.finditer(text, start, end):
            clause_start = max(text.rfind(c, start, match.start()) for c in "，。；") + 1 or start
            clause_end = min(
                (at for c in "，。；" if (at := text.find(c, match.end(), end)) >= 0), default=end
            )
            around = text[max(start, clause_start - 16) : clause_end]
            if not _ATTEND_CUE.search(around) or _ATTEND_NOT.search(text[clause_start : match.start()]):
                continue
            number = chinese_number(match["num"])
            value = (number or 0) * (10_000 if match["unit"] else 1)
            if value < 5 or (
                not here and not re.search(r"会场|参加|出席|到会|参会|代表|人士|负责人|共", around)
            ):
                continue
            draft.put("attendees", int(value), (match.start(), match.end()))
            return

    def _signed(self, draft: Draft, start: int, end: int, near: bool) -> None:
        if not near or (draft.fields.get("kind") == "other" and not re.search(r"签约", self.text[start:end])):
            return
        text = self.text
        sentence = text[start:end]
        if re.search(
            r"累计|截至|以来|今年前|去年|上半年|一季度|[1-9][至到]\d+月|新签约|已新增|新增签约|全年|\d{4}年，",
            sentence,
        ) and not re.search(r"会上|现场|推介会|仪式", sentence):
            return
        if "signed_count" not in draft.fields:
            for pattern in _COUNT:
                match = pattern.search(text, start, end)
                if match is None:
                    continue
                raw = next(value for value in match.groupdict().values() if value)
                clause = max(text.rfind(c, start, match.start()) for c in "，。；：") + 1 or start
                if re.search(r"其中|亿元以上|同比|意向", text[clause : match.start()]) or re.match(
                    r"外资|亿元", text[match.end() : match.end() + 2]
                ):
                    continue
                number = chinese_number(raw)
                if number:
                    draft.put("signed_count", int(number), (match.start(), match.end()))
                    break
        if "signed_amount_text" not in draft.fields and "signed_count" in draft.fields:
            counted = draft.spans["signed_count"][0]
            if not start - 60 <= counted[0] < end:
                return
            for match in MONEY.finditer(text, max(start, counted[0]), end):
                before = text[max(start, match.start() - 12) : match.start()]
                before = re.split(r"[，。；]", before)[-1] if "，" not in before[-1:] else before
                inner = text[counted[1] : match.start()]
                if "其中" in inner and not re.search(
                    r"其中[^，]*，(?:协议|计划|合同)?总?投资(?:总?额)?$", inner
                ):
                    break
                if match.start() - counted[1] > 46 or not (
                    _SUM.search(before) or re.search(r"\d个项目(?:总投资)?$", before)
                ):
                    continue
                if re.search(r"公司|由|落户", text[counted[1] : match.start()]):
                    break
                money = money_of(match)
                a, b = trimmed(self.scan, match.start(), match.end())
                draft.put("signed_amount_text", self.scan.quote(a, b), (a, b))
                if money.wan is not None:
                    draft.put(
                        "signed_amount_wan",
                        int(money.wan) if float(money.wan).is_integer() else money.wan,
                        (a, b),
                    )
                break

    # Visits and ground-breakings.

    def _visits(self) -> None:
        """A delegation on its way: named by the headline, else by the clause that tells of it."""
        scan, text = self.scan, self.text
        counted: re.Match[str] | None = None
        title = next(
            (
                (a, b)
                for a, b in scan.lines[:4]
                if not scan.hidden(a) and _TITLED_VISIT.search(text[a:b]) and b - a <= 40
            ),
            None,
        )
        sentence = next(
            (
                (a, b)
                for a, b in scan.sentences[:12]
                if not scan.furnished(a)
                and DATE.search(text, a, b)
                and re.search(
                    r"率[^，。]{0,24}(?:赴|到|前往|一行)|赴[^，。]{2,20}(?:开展|考察|招商|拜访|走访)|先后到|考察团[^。]{0,20}(?:来|到|走进|考察)|来我.{1,3}考察|率队|参访团|展开为期|[到赴][^，。]{2,12}开展[^，。]{0,10}(?:招商|考察|交流|推介|走访)|前往[^，。]{2,16}(?:对接|考察|招商|拜访|走访)",
                    text[a:b],
                )
            ),
            None,
        )
        if sentence is None or (
            title is None and self.genre not in {"visit", "promotion", "briefing", "other"}
        ):
            return
        a, b = sentence
        phrase = re.search(
            rf"率队赴[{HAN}]{{2,12}}|赴[{HAN}、]{{2,14}}(?:开展|进行)?[{HAN}]{{0,4}}(?:经贸合作交流活动|招商引资活动|经贸活动|招商活动|考察|招商|走访|学习|对接|拜访)(?:活动)?|到[{HAN}、]{{2,14}}开展[{HAN}]{{0,6}}(?:招商引资|招商|考察|交流|推介)(?:活动)?|前往[{HAN}、]{{2,14}}对接[{HAN}]{{2,6}}|在[{HAN}]{{2,8}}展开为期[{HAN}\d]{{1,4}}的考察|来[{HAN}]{{1,6}}考察(?:洽谈)?",
            text[a:b],
        )
        if (
            title is not None
            and re.search(r"赴|考察|来我|走访|参访", text[slice(*title)])
            and not re.search(r"“|推介|签约.*项目", re.split(r"[ 　]", text[slice(*title)])[0])
        ):
            span = trimmed(scan, *title)
        elif phrase:
            span = (a + phrase.start(), a + phrase.end())
        else:
            return
        if title is not None and span[0] < a:
            counted = re.search(r"(\d+)个(?:大)?(?:项目|订单)", text[slice(*title)])
            shorter = re.split(r"[ 　]", text[slice(*span)])[0]
            if len(shorter) >= 8:
                span = (span[0], span[0] + len(shorter))
        if any(_same(self._label(draft), text[slice(*span)]) for draft in self.drafts):
            return
        draft = Draft("event", *trimmed(scan, a, b), signals={"visit": 1.0})
        draft.put("name", scan.quote(*span), span)
        draft.put("kind", "visit", span)
        date = self._date(a, b, None)
        if date:
            draft.put("date", date[0], date[1])
        where = re.search(
            rf"(?:先后到|先后赴|先后前往|率队赴|赴|前往|到|在|走进)(?P<v>[{HAN}、]{{2,20}}?)(?:等地|开展|考察|，|。|进行|展开|招商|登门|拜访|走访)",
            text[a:b],
        )
        if where and not re.search(r"我[县市区]", where["v"]):
            v = trimmed(scan, a + where.start("v"), a + where.end("v"))
            draft.put("venue", scan.quote(*v), v)
        self._attendance(draft, a, b, True)
        if counted and title is not None:
            at = (title[0] + counted.start(1), title[0] + counted.end(1))
            draft.put("signed_count", int(counted[1]), at)
        self.drafts.insert(0, draft)

    def _ground(self) -> None:
        """A project whose ground was broken, or a plate unveiled, on a day the sentence gives."""
        scan, text = self.scan, self.text
        month = None
        for a, b in scan.sentences:
            if scan.furnished(a):
                continue
            date = self._date(a, b, month)
            if date and date[0].count("-") >= 2:
                month = date[0].split("-")[-2]
            match = re.search(
                rf"(?P<name>[{HAN}A-Za-z0-9（）()·“”]{{4,30}}?(?:项目|平台|中心|基地|研究院|产业园)(?:在[{HAN}]{{2,14}})?(?:破土动工|奠基|开工奠基|举行开工仪式|揭牌))(?=[，。；、成]|$)",
                text[a:b],
            )
            if (
                not match
                or not date
                or any(d.spans["name"][0][0] >= a and d.spans["name"][0][1] <= b for d in self.drafts)
            ):
                continue
            x, y = a + match.start("name"), a + match.end("name")
            name = text[x:y]
            cut = max((m.end() for m in re.finditer(r"的|[\d.]亿元|公司|由", name)), default=0)
            x += cut
            if y - x < 6:
                continue
            draft = Draft("event", *trimmed(scan, a, b), signals={"ground": 1.0})
            draft.put("name", scan.quote(x, y), (x, y))
            draft.put("kind", "other" if "揭牌" in name else "groundbreaking", (x, y))
            draft.put("date", date[0], date[1])
            where = re.search(rf"在([{HAN}]{{2,14}})(?:破土|奠基|开工|举行|揭牌)", text[x:y])
            if where:
                draft.put(
                    "venue",
                    scan.quote(x + where.start(1), x + where.end(1)),
                    (x + where.start(1), x + where.end(1)),
                )
            self.drafts.append(draft)

    def _from_name(self, draft: Draft) -> None:
        """The year and the city that stand in the name itself."""
        a, b = draft.spans["name"][0]
        name = self.text[a:b]
        year = re.search(r"((?:19|20)\d\d)", name)
        date = draft.fields.get("date")
        if year and date and str(date).startswith("--"):
            draft.replace("date", year[1] + str(date)[1:], *draft.spans["date"])
        elif year and not date:
            draft.put("date", year[1], (a + year.start(), a + year.end()))
        if "date" in draft.fields and not draft.fields["date"]:
            draft.fields.pop("date")
        if "venue" in draft.fields or draft.fields.get("kind") not in {"promotion", "signing"}:
            return
        home = self.region.code[:4] if self.region else ""
        for place in self.scan.places_in(a, b):
            division = cast(Place, place.value)
            if division.level in (2, 4, 99) and not (
                home and division.code[:4] == home[: len(division.code)]
            ):
                if home and home.startswith(division.code):
                    continue
                draft.put("venue", self.scan.quote(place.start, place.end), (place.start, place.end))
                return

    def _worth(self, draft: Draft) -> bool:
        facts = sum(name in draft.fields for name in ("date", "venue", "attendees", "signed_count"))
        a, _b = draft.spans["name"][0]
        line = self.scan.line_of(a)
        if facts == 0 and re.search(r"第.{1,3}届", draft.name) is None:
            sentence = self.text[slice(*self.scan.sentence_of(a))]
            return (
                bool(re.search(r"举行|举办|召开|落幕|开幕|届|筹备|办好", sentence)) and line[1] - line[0] > 0
            )
        return True


_JOINED = re.compile(
    rf"暨[^，。；！\n]{{2,24}}?(?:论坛|峰会|会|仪式|活动|专场|节)(?![员议务])|[{HAN}]{{0,8}}?(?:签约专场|推介专场|招商专场|签约仪式|推介会|签约会|恳谈会|说明会|洽谈会|对接会|论坛|开幕式)(?![上])"
)
_OPEN_PAREN = re.compile(r"[（(][^）)]*$")


@functools.lru_cache(4096)
def _clean(name: str) -> str:
    return re.sub(r"[“”\"·\s（）()]|\d{4}年?", "", name)


def _same(left: str, right: str) -> bool:
    a, b = _clean(left), _clean(right)
    if not a or not b:
        return False
    short, long = sorted((a, b), key=len)
    if a == b:
        return True
    themes = [re.search(r"“([^”]{3,})”", name) for name in (left, right)]
    if all(themes) and themes[0][1] == themes[1][1] and a[-1] == b[-1]:  # type: ignore[index]
        return True
    if len(short) >= 8 and a[-2:] == b[-2:] and short not in long:
        rest = iter(long)
        return all(char in rest for char in short)
    if short in long:
        return long.endswith(short) or (
            long.startswith(short) and not re.search(r"签约|论坛|开工|推介|晚会|专场", long[len(short) :])
        )
    return False


def _full(left: str, right: str) -> bool:
    return len(_clean(right)) > len(_clean(left))
