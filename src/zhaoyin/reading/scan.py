"""One pass over a text: lines, sentences, places, organisations, amounts, dates. Everything later rests on these."""

from __future__ import annotations

import functools
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from zhaoyin.base.text import MappedText
from zhaoyin.reading.lexicon import Lexicon, Place, place_pattern, places, trie, words

HAN = "\u3400-\u4dbf\u4e00-\u9fff"
NUMERAL = "〇零一二两三四五六七八九十百千"

FURNITURE = re.compile(
    r"^\s*(?:[【\[（(*>＊]*\s*)?(?:来源|稿源|责任编辑|责编|编辑|作者|审核|校对|主办|承办单位|版权|Copyright|上一篇|下一篇|扫一扫|您当前|当前位置|您的位置"
    r"|分享到|字号|字体|首页\s*[>＞]|点击上方|相关链接|相关阅读|相关新闻|推荐阅读|延伸阅读|网站|ICP|报送?[：:]|送[：:]|抄送|抄报|主送|打印|收藏|关闭"
    r"|关于我们\s*\||免责声明|本网讯?声明|喜欢就点|长按|关注我们|浏览次数|发布时间|时间[：:]|日期[：:]|文章来源|信息来源|声明[：:]|凡本网|附件[：:]?\s*$"
    r"|返回顶部|推荐给好友|供稿|摄影|END\b|文章转载|仅供读者|\d+\.《[^》]*》(?:援引|仅供))"
    r"|(?:援引自互联网|仅供读者参考|侵删|版权所有|未经授权|未经许可|不得转载|ICP备|网站标识码|返回顶部)"
)
_BYLINE = re.compile(
    r"[（(【\[]?\s*(?:本报|本刊|融媒体|特约|见习|实习|通讯员|全媒体)?\s*(?:记者|通讯员|特约记者|作者|摄影|撰稿|文/|图/)[^，。；！？\n]{0,40}?(?:[）)】\]]|报道|摄|$)"
)
_CREDIT = re.compile(
    r"(?:发布时间|发布日期|来源|作者|责任编辑|责编|编辑|审核|浏览次数|点击数?|稿源|字号)[：:]\s*[^\s|，。：:]{1,16}?(?=[\s|\d]|$)(?:\s*\d{1,2}:\d{2}(?::\d{2})?)?|"
    r"[（(][^（）()\n]{0,40}(?:供稿|起草单位|图/|文/|编辑)[^（）()\n]{0,40}[）)]|(?:核发|签发|供稿)[：:][^\n]*"
)


@dataclass(frozen=True, slots=True)
class Mention:
    """A run of the cleaned text and what it is. ``value`` depends on the kind."""

    start: int
    end: int
    kind: str
    text: str
    value: object = None


@dataclass(frozen=True, slots=True)
class Money:
    """``wan``: ten thousands of yuan; None when the currency is foreign."""

    start: int
    end: int
    wan: float | None
    text: str


@functools.cache
def _numbers() -> dict[str, int]:
    return {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}


def chinese_number(text: str) -> float | None:
    """一百二十 → 120, 1.2 → 1.2, 3,000 → 3000; None when it is no number."""
    plain = text.replace(",", "").replace("，", "").strip()
    try:
        return float(plain)
    except ValueError:
        pass
    digits, total, section, number = _numbers(), 0, 0, 0
    units = {"十": 10, "百": 100, "千": 1000}
    if not plain or any(c not in digits and c not in units and c != "万" for c in plain):
        return None
    if all(c in digits for c in plain) and len(plain) > 1:
        return float("".join(str(digits[c]) for c in plain))
    for char in plain:
        if char in digits:
            number = digits[char]
        elif char in units:
            section += (number or 1) * units[char]
            number = 0
        else:
            total, section, number = (total + section + number) * 10_000, 0, 0
    return float(total + section + number)


_NUM = rf"(?:\d[\d,]*(?:\.\d+)?|[{NUMERAL}]+(?:点[{NUMERAL}]+)?)"
_FOREIGN = "美元|美金|欧元|日元|港元|港币|澳元|英镑|韩元|新台币|台币|新元|瑞士法郎|卢布|加元|澳门元|港幣|新加坡元|泰铢"
MONEY = re.compile(
    rf"(?P<about>约|近|超过|超|逾|达|不少于|不低于|高达|总计|突破|至少)?(?P<pre>新台币|人民币|美元|港币|US\$|USD|HK\$|RMB|¥)?(?P<num>{_NUM})(?P<more>多|余|几)?"
    rf"\s?(?P<unit>万亿|千亿|百亿|亿|千万|百万|万)?(?P<more2>多|余)?(?P<cur>元|{_FOREIGN})(?P<tail>人民币)?(?P<after>上下|左右|以上)?"
    r"|(?P<num2>\d[\d,]*(?:\.\d+)?)个?(?P<unit2>亿)(?=[，。；、）)\s]|$)|(?<=投资)(?:额)?(?P<num3>\d[\d,]*(?:\.\d+)?)(?P<unit3>万)(?=[，。；、）)\s]|$)"
)
_SCALE = {
    None: 0.0001,
    "": 0.0001,
    "万": 1.0,
    "百万": 100.0,
    "千万": 1000.0,
    "亿": 10_000.0,
    "百亿": 1_000_000.0,
    "千亿": 10_000_000.0,
    "万亿": 100_000_000.0,
}
AREA = re.compile(
    rf"(?:约|近|超过|逾)?(?P<num>{_NUM})(?P<more>多|余)?(?P<unit>万亩|亩|万平方公里|平方公里|平方千米|公顷|万公顷|万平方米|平方米|万平米|平米|万㎡|㎡|平方公尺|万平方公尺|km²|k㎡|万方)"
)
_MU = {
    "亩": 1.0,
    "万亩": 10_000.0,
    "平方公里": 1500.0,
    "万平方公里": 15_000_000.0,
    "平方千米": 1500.0,
    "km²": 1500.0,
    "k㎡": 1500.0,
    "公顷": 15.0,
    "万公顷": 150_000.0,
    "平方米": 0.0015,
    "万平方米": 15.0,
    "平米": 0.0015,
    "万平米": 15.0,
    "㎡": 0.0015,
    "万㎡": 15.0,
    "平方公尺": 0.0015,
    "万平方公尺": 15.0,
    "万方": 15.0,
}
DATE = re.compile(
    r"(?:(?P<y>(?:19|20)\d\d)年)?(?P<m>1[0-2]|0?[1-9])月(?:(?P<d>3[01]|[12]\d|0?[1-9])[日号])?(?P<xun>[上中下]旬)?"
    r"|(?P<y2>(?:19|20)\d\d)[-/.](?P<m2>1[0-2]|0?[1-9])[-/.](?P<d2>3[01]|[12]\d|0?[1-9])(?!\d)"
    r"|(?<![\d月至—-])(?P<d3>3[01]|[12]\d|[1-9])[日号](?=上午|下午|晚|中午|一|，|在|举|傍|，|，|下|的|清)"
)


def money_of(match: re.Match[str]) -> Money:
    if match["num2"] or match["num3"]:
        number, unit, foreign = (
            chinese_number(match["num2"] or match["num3"]),
            match["unit2"] or match["unit3"],
            False,
        )
    else:
        number, unit = chinese_number(match["num"]), match["unit"]
        foreign = match["cur"] != "元" or (match["pre"] or "") in {
            "新台币",
            "美元",
            "港币",
            "US$",
            "USD",
            "HK$",
        }
    wan = None if foreign or number is None else round(number * _SCALE[unit], 6)
    return Money(match.start(), match.end(), wan, match[0])


def area_of(match: re.Match[str]) -> float | None:
    """The area in mu."""
    number = chinese_number(match["num"])
    return None if number is None else round(number * _MU[match["unit"]], 6)


# Organisations.

_DELIMITERS = frozenset(
    "，。；：！？、\n\t|“”‘’\"'《》【】[]<>〈〉「」『』—–~～…*#★●■◆▲※＊·/\\=+&^%$@!?;,:{}▍►▶→↓↑①②③④⑤⑥⑦⑧⑨⑩()（"
)
_GENERIC_CORE = re.compile(
    r"^(?:一系列|一批|他|她|说|融资|该|本|各|此|这|那|某|两|三|几|多|一|二|十|百|家|的|新|老|大|小|我|贵|其|其他|其它|相关|有关|所有|全部|不少|许多|一些|部分|知名|著名|大型|中小|小微|骨干|龙头|优质|重点|上市|国有|民营|外资|合资|独资|台资|港资|央属|省属|市属|投资|生产|制造|运营|管理|物业|项目|平台|园区|物流|房产|开发|贸易|科技|建筑|施工|中介|咨询|跨国|母|子|总|分|职业|普通|高等|专科|本科|重点|双一流|当地|本地|地方|各级|基层|社区|乡镇|县级|市级|省级|国家级|中央|上级|下级|驻外|异地|行业|专业|民间|社会|数字|法治|服务型|有为|责任|阳光|模具|软件|机械|食品|服装|家具|电商|旅游|保险|证券|担保|外贸|纺织|化工|印染|人造板)+$"
)
_ADMIN = "省市县区州旗盟镇乡"
_ADMIN_SET = frozenset(_ADMIN)
_WEAK = frozenset(words()["organisation"]["weak"])
_BUREAU_PAIR = re.compile(
    r"(?:发展|工业|经济|住房|人力资源|自然资源|文化|广电|体育|林业|农牧|科技|商务|招商|投资|市场|卫生|卫生健康|农业|教育|水利|民政|生态|城市|规划|国土|新闻|交通|信息|对外|财政|审计|统计|金融|企业|粮食|应急|国有资产|机关|园林|城乡|安全|数据|大数据|营商|行政|综合|口岸)[与和及]$"
)


@functools.cache
def _suffix() -> re.Pattern[str]:
    table = words()["organisation"]
    kinds = (
        ("company", table["company"]),
        ("government", table["government"]),
        ("association", table["association"]),
        ("education", table["education"]),
        ("centre", table["centre"]),
    )
    return re.compile("|".join(f"(?P<{kind}>{trie(terms)})" for kind, terms in kinds))


@functools.cache
def _breaks() -> re.Pattern[str]:
    table = words()["organisation"]
    return re.compile(
        f"(?:{trie(table['inside'])})|(?P<measure>(?<=[\\d{NUMERAL}多余几])[个家名位场批项间次所座条])|(?P<cut>{trie(table['breakers'])})"
    )


@functools.cache
def _never() -> frozenset[str]:
    return frozenset(words()["organisation"]["never"])


_AFTER = {
    "大学": re.compile(r"[城生毕本路里时]|科技园|学历"),
    "学院": re.compile(r"[路派]"),
    "公司": re.compile(r"[制]"),
    "局": re.compile(r"[部面势限长域]"),
    "厂": re.compile(r"[房区商家址长子内里门矿牌]"),
    "总厂": re.compile(r"[房区商家址长子内里门矿牌]"),
    "银行": re.compile(r"[业卡家间账贷]|承兑|授信|融资|存款"),
    "集团": re.compile(r"[化军群]"),
    "厅": re.compile(r"[长堂级局]"),
    "政府": re.compile(
        r"采购|网|性|引导|投资|部门|机关|工作|门户|职能|补贴|服务|扶持|专项|主导|债|搭台|平台|办公(?!室)|领导|公开|信息|代建|统筹|储备"
    ),
    "酒店": re.compile(r"管理|业|式|用品|集团"),
    "学校": re.compile(r"[园]"),
    "医院": re.compile(r"[感]"),
    "农场": re.compile(r"主"),
    "中学": re.compile(r"[生]"),
    "小学": re.compile(r"[生]"),
    "工会": re.compile(r"[员]"),
    "总会": re.compile(r"[计]"),
    "委员会": re.compile(r"议"),
    "办公室": re.compile(r"装"),
    "合作社": re.compile(r"[社员]"),
    "海关": re.compile(r"[总特监]"),
    "法院": re.compile(r"$^"),
    "公会": re.compile(r"$^"),
    "学会": re.compile(r"[了]"),
    "总局": re.compile(r"[长]"),
    "分局": re.compile(r"[长]"),
    "超市": re.compile(r"[场]"),
    "百货": re.compile(r"[大商]"),
    "研究院": re.compile(r"[士]"),
    "科学院": re.compile(r"院?士"),
    "工程院": re.compile(r"院?士"),
    "政协": re.compile(r"委员"),
    "工委": re.compile(r"书记"),
    "党工委": re.compile(r"$^"),
    "人民政府": re.compile(r"有关部门|各部门|领导|办公(?!室)|门户|网|令"),
    "分会": re.compile(r"场"),
    "侨联": re.compile(r"合"),
    "文联": re.compile(r"合"),
    "工商联": re.compile(r"合"),
    "研究中心": re.compile(r"合同|项目|建设"),
    "检测中心": re.compile(r"合同|项目|建设|等[多\d]"),
    "检验中心": re.compile(r"合同|项目|建设"),
    "服务中心": re.compile(r"(?:[一二三四五六七八九十\d]+楼)?(?:举|召|隆重)|[一二三四五六七八九十\d]+楼"),
}
_FALSE_END = re.compile(
    r"(?:[招洽客通]商会|上市公司|[办建设]厂|细分行|招商行|水处理厂|自来水厂|垃圾发电厂|展示厅|展览厅|规划厅|一条街道办|县城总局)$"
)
_STRONG = frozenset(
    [
        "有限责任公司",
        "股份有限公司",
        "集团有限公司",
        "有限公司",
        "股份公司",
        "集团公司",
        "集团股份有限公司",
        "株式会社",
    ]
)
_PAREN_TAIL = re.compile(rf"[（(]([{HAN}]{{2,8}})[）)]")
_LEGIT_HEAD = re.compile(
    r"^(?:国务院|中央|中国|国家|国营|中共|国网|中建|中铁|中交|华润|中科|中航|中核|中粮|招商局|南方|中电|中能建|上汽|一汽|东风|新华|人民|共青团|全国|驻|原|[A-Za-z0-9]+|株式会社|亚太|世界|国际|欧洲|美国|德国|日本|韩国|[省市县区州旗])"
)


class Scan:
    """The cleaned text and what was found in it. Offsets are of the cleaned text; ``quote`` goes to the source."""

    def __init__(self, mapped: MappedText, lexicon: Lexicon, tables: Sequence[tuple[int, int]] = ()) -> None:
        self.mapped, self.lexicon = mapped, lexicon
        self.text = text = mapped.text
        self.lines: list[tuple[int, int]] = []
        at = 0
        for piece in text.split("\n"):
            if piece.strip():
                self.lines.append((at, at + len(piece)))
            at += len(piece) + 1
        self.line_starts = [start for start, _ in self.lines]
        self.furniture = [
            (start, end)
            for start, end in self.lines
            if end - start <= 110 and FURNITURE.search(text[start:end]) is not None
        ]
        self.bylines = [
            (m.start(), m.end()) for pattern in (_BYLINE, _CREDIT) for m in pattern.finditer(text)
        ]
        self._furniture_starts = [start for start, _ in self.furniture]
        self._hidden = sorted(self.furniture + self.bylines)
        self._hidden_starts = [start for start, _ in self._hidden]
        self.sentences = list(self._sentences())
        self.sentence_starts = [start for start, _ in self.sentences]
        self.places = [
            Mention(m.start(), m.end(), "place", m[0], places()[m[0]]) for m in place_pattern().finditer(text)
        ]
        self._place_starts = [place.start for place in self.places]
        self.money = [money_of(m) for m in MONEY.finditer(text)]
        self._money_starts = [money.start for money in self.money]
        self.orgs = self._organisations()
        self._org_starts = [org.start for org in self.orgs]

    # Places in the text.

    def hidden(self, start: int) -> bool:
        """Whether the character stands in a byline or in furniture."""
        at = bisect_right(self._hidden_starts, start) - 1
        return any(left <= start < right for left, right in self._hidden[max(0, at - 2) : at + 1])

    def furnished(self, start: int) -> bool:
        """Whether the character stands in a line of furniture (a byline may stand before a sentence)."""
        at = bisect_right(self._furniture_starts, start) - 1
        return at >= 0 and start < self.furniture[at][1]

    def line_of(self, at: int) -> tuple[int, int]:
        index = max(bisect_right(self.line_starts, at) - 1, 0)
        return self.lines[index] if self.lines else (0, len(self.text))

    def sentence_of(self, at: int) -> tuple[int, int]:
        index = max(bisect_right(self.sentence_starts, at) - 1, 0)
        return self.sentences[index] if self.sentences else (0, len(self.text))

    def sentence_index(self, at: int) -> int:
        return max(bisect_right(self.sentence_starts, at) - 1, 0)

    def places_in(self, start: int, end: int) -> list[Mention]:
        low, high = bisect_left(self._place_starts, start), bisect_left(self._place_starts, end)
        return [place for place in self.places[low:high] if place.end <= end]

    def orgs_in(self, start: int, end: int) -> list[Mention]:
        low, high = bisect_left(self._org_starts, start), bisect_left(self._org_starts, end)
        return [org for org in self.orgs[low:high] if org.end <= end]

    def money_in(self, start: int, end: int) -> list[Money]:
        low, high = bisect_left(self._money_starts, start), bisect_left(self._money_starts, end)
        return [money for money in self.money[low:high] if money.end <= end]

    def org_ending(self, at: int) -> Mention | None:
        index = bisect_left(self._org_starts, at) - 1
        for org in reversed(self.orgs[max(0, index - 3) : index + 1]):
            if org.end == at:
                return org
        return None

    def quote(self, start: int, end: int) -> str:
        return self.mapped.quote(start, end)

    def _sentences(self) -> Iterator[tuple[int, int]]:
        text = self.text
        for left, right in self.lines:
            at = left
            for match in _STOP.finditer(text, left, right):
                if match.end() > at:
                    yield at, match.end()
                at = match.end()
            if text[at:right].strip():
                yield at, right

    # Organisations.

    def _organisations(self) -> list[Mention]:
        text = self.text
        found: list[Mention] = []
        for match in _suffix().finditer(text):
            suffix, kind = match[0], str(match.lastgroup)
            after = _AFTER.get(suffix)
            if after is not None and after.match(text, match.end()):
                continue
            if self.hidden(match.start()):
                continue
            begin = self._begin(match.start(), suffix, kind, found)
            if begin is None:
                continue
            end = match.end()
            tail = _PAREN_TAIL.match(text, end)
            if tail and tail[1] in places():
                end = tail.end()
            while found and found[-1].start >= begin:
                found.pop()
            if found and found[-1].end > begin:
                continue
            found.append(Mention(begin, end, kind, text[begin:end]))
        found += self._committees()
        if (known := self.lexicon.known) is not None:
            found += [Mention(m.start(), m.end(), "company", m[0]) for m in known.finditer(text)]
        found = _longest(found + self._zones(found) + self._listed() + self._plain_firms())
        return _longest(found + self._short_forms(found))

    def _listed(self) -> list[Mention]:
        """赵金矿业、中国矿业集团、赵晋银楼等骨干企业: every entry of such a list is a firm, whatever its ending."""
        text, out = self.text, []
        for match in _FIRMS.finditer(text):
            if self.hidden(match.start()):
                continue
            low, high = match.span("list")
            for cut in _FIRMS_CUT.finditer(text, low, high):
                low = cut.end()
            items = [
                (m.start() + low, m.end() + low)
                for m in re.finditer(r"[^、，和与及]+|(?<=、)[^、，]+", text[low:high])
            ]
            pieces = re.finditer(r"[^、，]+", text[low:high])
            items = [(low + m.start(), low + m.end()) for m in pieces]
            good = [
                (a, b)
                for a, b in items
                if 3 <= b - a <= 20 and _FIRM_NAME.match(text, a, b) and not _FIRM_NOT.search(text[a:b])
            ]
            if len(good) >= 2 and len(good) == len(items):
                out += [Mention(a, b, "company", text[a:b]) for a, b in good]
        return out

    def _plain_firms(self) -> list[Mention]:
        """A firm by the trade its name ends with, where someone heads it or it signs: 一正药业董事长…."""
        text, out = self.text, []
        for match in _TRADE.finditer(text):
            begin = match.start("name")
            for cut in _breaks().finditer(text, begin, match.end("name") - 2):
                if cut["cut"] or cut["measure"]:
                    begin = cut.end()
            places = self.places_in(begin, match.end("name"))
            if places and places[0].start > begin and places[0].end <= match.end("name") - 4:
                begin = places[0].start
            name = text[begin : match.end("name")]
            if 4 <= len(name) <= 10 and not self.hidden(begin) and not _FIRM_NOT.search(name):
                out.append(Mention(begin, match.end("name"), "company", name))
        return out

    def _zones(self, full: list[Mention]) -> list[Mention]:
        """Zones that sign or act as a party."""
        text = self.text
        out = []
        for match in _ZONE_ACTS.finditer(text):
            begin, end = match.span("zone") if match["zone"] else match.span("zone_")
            for cut in _breaks().finditer(text, begin, end - 3):
                if cut["cut"]:
                    begin = cut.end()
            name = text[begin:end]
            if len(name) >= 5 and not self.hidden(begin) and "的" not in name:
                out.append(Mention(begin, end, "zone", name))
        return out

    def _short_forms(self, full: list[Mention]) -> list[Mention]:
        """Shorter spellings of the companies named in full: 汇晟薄膜 beside 深圳汇晟薄膜科技股份有限公司."""
        text = self.text
        found: list[Mention] = []
        for match in _CALLED.finditer(text):
            name = match[1].strip("“”\"'《》 ")
            if 2 <= len(name) <= 12 and self.org_like(match.start(), full) and not self.hidden(match.start()):
                at = match.start(1) + match[1].index(name)
                found += [
                    Mention(m.start(), m.end(), "company", name) for m in re.finditer(re.escape(name), text)
                ]
                found.append(Mention(at, at + len(name), "company", name))
        taken = sorted((org.start, org.end) for org in full)
        starts = [start for start, _ in taken]
        stems: dict[str, list[str]] = {}
        for org in full:
            if org.kind not in {"company", "association"} or not _LEGAL.search(org.text):
                continue
            stem = _LEGAL.sub("", _INNER_PAREN.sub("", org.text))
            for cut in self._brands(stem):
                if len(cut) >= 3 and cut[:2] not in _COMMON_HEADS:
                    stems.setdefault(cut[:2], []).append(cut)
        if not stems:
            return found
        for match in re.finditer("|".join(map(re.escape, stems)), text):
            at = match.start()
            index = bisect_right(starts, at) - 1
            if index >= 0 and taken[index][1] > at:
                continue
            if self.hidden(at):
                continue
            best = max((_reach(text, at, stem) for stem in stems[match[0]]), default=at)
            if best - at >= 3 or (best - at == 2 and text[best : best + 2] in {"集团", "公司"}):
                if text[best : best + 2] in {"集团", "公司", "股份", "控股", "实业", "科技"}:
                    best += 2
                begin = at
                for place in self.places_in(max(0, at - 4), at):
                    if place.end == at and any(place.text in org.text for org in full):
                        begin = place.start
                found.append(Mention(begin, best, "company", text[begin:best]))
        return found

    def org_like(self, at: int, orgs: list[Mention]) -> bool:
        """Whether an organisation's name ends right before ``at``."""
        return any(org.end == at or org.end == at - 1 for org in orgs)

    def _brands(self, stem: str) -> list[str]:
        """The stem of a name without the places it begins with."""
        cuts: list[str] = []
        outer: Place | None = None
        at = 0
        while True:
            match = place_pattern().match(stem, at)
            if not match or match.end() >= len(stem) - 1:
                break
            place = places()[match[0]]
            if outer is not None and not place.code.startswith(outer.code):
                break
            outer, at = place, match.end()
            if at < len(stem) and stem[at] in "省市县区" and at + 1 < len(stem) - 1:
                at += 1
            cuts.append(stem[at:])
        return cuts[-1:] or [stem]

    def _committees(self) -> list[Mention]:
        return [
            Mention(m.start(), m.end(), "government", m[0])
            for m in _COMMITTEE.finditer(self.text)
            if not self.hidden(m.start())
        ]

    def _begin(self, stop: int, suffix: str, kind: str, found: list[Mention]) -> int | None:
        """Where the name that ends with the suffix at ``stop`` begins; None when there is no name."""
        text = self.text
        low = max(0, stop - 40)
        at = stop
        while at > low:
            char = text[at - 1]
            if char in "）)":
                opened = max(text.rfind("（", low, at - 1), text.rfind("(", low, at - 1))
                if (
                    opened <= low
                    or at - opened > 14
                    or at - opened < 3
                    or not _PLAIN.match(text, opened + 1, at - 1)
                ):
                    break
                if text[opened - 1] in _DELIMITERS or text[opened - 1] == " ":
                    break
                at = opened
                continue
            if char in _DELIMITERS:
                break
            if char == " " and not (
                at >= 2 and text[at - 2].isascii() and text[at - 2].isalnum() and text[at : at + 1].isascii()
            ):
                break
            at -= 1
        # A number glued to the front is a list mark.
        lead = _LIST_MARK.match(text, at, stop)
        if lead:
            at = lead.end()
        strong = suffix in _STRONG
        begin = at
        for match in _breaks().finditer(text, at, stop):
            cut = match.end("cut") if match["cut"] else match.end("measure") if match["measure"] else -1
            if cut < 0:
                if match[0][0] in "和与及" and _ENDED.search(text, begin, match.start()):
                    begin = match.start() + 1
                continue
            word = match[0]
            if (
                kind != "company"
                and word in {"和", "与", "及"}
                and self._joined(begin, match.start(), match.end(), stop)
            ):
                continue
            if word in _BUREAU_WORDS and match.start() > begin:
                # 县投资促进局, 产业投资控股有限公司: the word is part of the name.
                if kind in {"government", "centre"}:
                    if _STARTS_ADMIN.match(text, begin, match.start()):
                        continue
                elif word in _NOUNS and not self._place_at(cut):
                    continue
            begin = cut
        begin = self._skip_year(begin, stop)
        head = self.places_in(begin, stop)
        if head and head[0].start > begin:
            first = head[0]
            before = text[begin : first.start]
            sure = (
                first.end - first.start > 2
                or cast(Place, first.value).level <= 4
                or kind == "government"
                or text[first.start - 1] in _WEAK
            )
            if (
                sure
                and not _LEGIT_HEAD.match(before)
                and stop - first.end >= (1 if kind != "company" else 2)
                and "（" not in before
                and "(" not in before
                and (len(before) <= 8 or kind == "government")
            ):
                begin = first.start
        elif (
            len(head) > 1
            and head[1].start == head[0].end
            and head[1].end < stop
            and cast(Place, head[1].value).level < cast(Place, head[0].value).level
        ):
            # 呼和浩特市内蒙古河套农牧大学: a province never follows its city inside a name.
            begin = head[1].start
        if (
            kind == "government"
            and begin + 1 < stop
            and text[begin + 1] in "县区"
            and text[begin] not in "园社新城矿郊"
            and not self._place_at(begin)
        ):
            begin += 1
        if (
            suffix in {"政府", "人民政府"}
            and len(head) > 1
            and head[-1].end == stop
            and head[-2].end == head[-1].start
            and all(place.text[-1] not in _ADMIN_SET for place in head[:-1])
        ):
            # 廣東江門恩平市人民政府: provinces and cities written short are only the way there.
            begin = head[-1].start
        while begin < stop and text[begin] in " 　":
            begin += 1
        core = text[begin:stop]
        name = core + suffix
        if name in _never() or _FALSE_END.search(name):
            return None
        if _GENERIC_CORE.match(core) and not (kind == "government" and _ZONE_CORE.match(core)):
            return None
        if kind == "government":
            return begin if self._public(begin, stop, core, suffix) else None
        if core.startswith(("一系列", "一批", "多个")):
            return None
        if kind == "centre":
            named = core[:1] in _ADMIN_SET
            return begin if named or _STARTS_ADMIN.match(core) or self._place_at(begin) else None
        if len(core) < 2:
            return None
        if kind == "company" and not strong:
            starts_place = bool(head) and head[0].start == begin
            if suffix in {
                "厂",
                "农场",
                "林场",
                "酒店",
                "超市",
                "俱乐部",
                "百货",
                "商行",
                "工作室",
                "事务所",
                "合作社",
                "银行",
            }:
                if not starts_place and len(core) < (2 if suffix in {"银行"} else 5):
                    return None
                if suffix in {"酒店"}:
                    return None
                if suffix == "厂" and not starts_place:
                    return None
            if suffix == "公司" and not starts_place and len(core) < 2:
                return None
        if kind == "education" and suffix in {"医院", "学校", "大学", "学院", "中学", "小学", "幼儿园"}:
            if core[-1] in "的" or not (
                self._place_at(begin) or core[0] in _ADMIN or len(core) >= 4 or strong
            ):
                return None
            if suffix == "医院" and not (self._place_at(begin) or core[0] in _ADMIN):
                return None
        if re.search(r"[。；，、\n]", core):
            return None
        return begin

    def _place_at(self, at: int) -> bool:
        index = bisect_left(self._place_starts, at)
        return index < len(self.places) and self.places[index].start == at

    def _skip_year(self, begin: int, stop: int) -> int:
        match = _YEAR.match(self.text, begin, stop)
        return match.end() if match else begin

    def _joined(self, begin: int, left: int, right: int, stop: int) -> bool:
        """Whether an "and" joins two halves of one name (发展和改革) rather than two names."""
        text = self.text
        if _BUREAU_PAIR.search(text[begin:right]) and text[begin:left][-1:] not in "局委会府办部":
            return True
        return bool(
            right < stop
            and text[left - 1 : left] not in "局委会府办部院校司团厂"
            and _STARTS_ADMIN.match(text, begin, left)
            and not _STARTS_ADMIN.match(text, right, stop)
            and stop - right <= 8
            and left - begin <= 10
            and left - begin >= 3
        )

    def _public(self, begin: int, stop: int, core: str, suffix: str) -> bool:
        """Whether core + suffix names one public body."""
        if suffix in {"街道办事处", "办事处"}:
            # Elsewhere it is a place in a list of towns.
            return len(core) >= 2 and bool(_ACTS.match(self.text, stop + len(suffix)))
        if suffix in {
            "委员会",
            "工作委员会",
            "管理委员会",
            "管委会",
            "领导小组",
            "领导小组办公室",
            "指挥部",
            "办公室",
            "联络处",
        }:
            return len(core) >= 2
        if suffix in {"党工委", "工委"}:
            return False
        place = bool(self.places_in(begin, stop)) and self.places_in(begin, stop)[0].start == begin
        if suffix in {"政府", "人民政府", "政府办", "政府办公室", "人民政府办公室"}:
            return place or core[-1:] in _ADMIN_SET
        if suffix in {"政协", "人大常委会", "纪委", "纪委监委"}:
            return place or core[-1:] in _ADMIN_SET
        if suffix in {"组织部", "宣传部", "统战部", "武装部", "人才办", "网信办", "编办", "政研室", "政法委"}:
            return core[-1:] in {"委", "会"} and len(core) >= 2
        if suffix in {"局", "厅"}:
            return place or core[:1] in _ADMIN_SET or (len(core) >= 2 and bool(_BUREAU.search(core)))
        return place or core[:1] in _ADMIN_SET or len(core) >= 2


_ENDED = re.compile(r"(?:集团|公司|厂|委员会|局|大学|学院|协会|商会|政府)$")
_PLAIN = re.compile(rf"[{HAN}A-Za-z]+$")
_FIRMS = re.compile(
    r"(?P<list>[\u4e00-\u9fffA-Za-z0-9（）()·]{2,20}(?:、[\u4e00-\u9fffA-Za-z0-9（）()·]{2,20}){1,12})等(?:\d+|[一二三四五六七八九十]+|多|众多|一批|一大批|数)?(?:余|多)?(?:家|户|个)?[\u4e00-\u9fff“”]{0,10}?(?:企业|公司|集团)(?![\u4e00-\u9fff]{0,2}(?:家|协会|服务|负责|代表))"
)
_FIRMS_CUT = re.compile(
    r"聚集了|集聚了|汇聚了?|引进了?|引入了?|入驻了?|落户了?|吸引了?|培育了?出?|拥有|包括|考察了?|走访了?|拜访了?|参观了?|先后|前往了?|来自|形成了?以|以|与|和(?=[^平谐])|有|到|由|对|向|为|培育形成|涌现出|建成|招引了?|签约|的"
)
_FIRM_NAME = re.compile(r"[\u4e00-\u9fffA-Za-z0-9（）()·]+$")
_FIRM_NOT = re.compile(
    r"行业|产业|领域|制造$|加工$|设备$|材料$(?<!新材料)|产品|生产|服务业|旅游业|物流业|金融业|^新|医疗器械$|机械$|零部件|研发|种植|养殖|一批|龙头|项目|技术$|园区|高校|机构|等$|饮料$|化工$(?<!..化工)|^[\u4e00-\u9fff]{2}$|食品$(?<!..食品)|电子信息|高端|先进|智能制造|生物医药$|新能源$|国有|民营|外资|合资|中小|上市|[市县区镇]$|人员|团队|部门"
)
_TRADE = re.compile(
    r"(?P<name>[\u4e00-\u9fff]{2,10}(?:矿业|药业|制药|生物|电子|重工|科技|股份|实业|控股|电器|光电|环保|酒业|纺织|建材|化工|电气|乳业|食品|铝业|铜业|钢铁|汽车|智能|能源|新能源|新材|新材料|地产|置业|农业|牧业|种业|物流|医疗|医药|银楼|珠宝|投资|资本|传媒|文旅|网络))(?=董事长|总经理|总裁|副总|负责人|创始人|董事局|CEO|首席)"
)
_ZONE_NAME = r"[\u4e00-\u9fff]{2,10}(?:经济技术开发区|经济开发区|高新技术产业开发区|开发区|高新区|经开区|示范区|保税区)"
_ZONE_ACTS = re.compile(
    rf"(?P<zone>{_ZONE_NAME})(?=[与和同][\u4e00-\u9fff（）()]{{2,26}}(?:公司|集团|大学|学院|协会|商会|研究院)(?:签|合作|共|就|达成|正式|在))"
    rf"|(?<=[与同和跟])(?P<zone_>{_ZONE_NAME})(?=签|达成|共建|正式签|就|合作)"
)
_YEAR = re.compile(r"(?:(?:19|20)\d\d)?年(?=[^产处])|(?:19|20)\d\d(?!\d)|\d{1,2}[月日]|[上下]午")
_ZONE_CORE = re.compile(r"(?:园区|开发区|产业区|高新区|经开区|新区|度假区|产业园|实验区|示范区|创业园)")
_ACTS = re.compile(r"[与和、]|签|主任|书记|负责|党|牵头|作为")
_STOP = re.compile(r"[。！？!?；;]+[”’」』）)]*|…{2,}[”’]?")
_LIST_MARK = re.compile(r"\s*(?:序号)?[（(]?(?:\d{1,3}[.、．)）]|\d{1,2}(?=[\u4e00-\u9fff]))\s*")
_COMMITTEE = re.compile(
    r"(?<![省市县区州旗党常])(?:中共)?[省市县区州旗]委(?=、[省市县区州旗]政府|和[省市县区州旗]政府)|(?<![\u4e00-\u9fff])[县市区旗州省]政协(?=主席|副主席)"
    r"|[省市县区州旗]人大常委会(?=主任|副主任|、)|中共[\u4e00-\u9fff]{2,10}(?:委员会|[市县区]委)组织部"
)
_STARTS_ADMIN = re.compile(
    r"[省市县区州旗镇]|[\u4e00-\u9fff]{2,6}(?:省|市|县|区|州|旗|镇|乡|开发区|高新区|新区)|开发区|高新区|经开区|园区|国家|中国|全国"
)
_BUREAU_WORDS = frozenset(
    [
        "投资",
        "招商",
        "引进",
        "对接",
        "组织",
        "支持",
        "促进",
        "推进",
        "通过",
        "聚集",
        "建设",
        "项目",
        "企业",
        "国有",
        "单位",
        "合作",
        "目标",
        "落户",
        "招引",
        "经",
        "同",
        "对",
        "拜访",
        "考察",
        "洽谈",
        "参与",
        "服务",
        "选择",
        "设立",
        "委托",
        "成立",
        "创建",
        "推动",
        "打造",
        "培育",
    ]
)
_NOUNS = frozenset(["投资", "建设", "项目", "招商", "国有", "创建", "培育"])
_BUREAU = re.compile(
    r"(?:商务|招商|投资促进|经济合作|经合|发展和改革|发改|工信|工业和信息化|经信|财政|住建|住房和城乡建设|自然资源|规划|农业|农业农村|文旅|文化和旅游|市场监管|市场监督管理|税务|审批|行政审批|科技|教育|人社|人力资源和社会保障|生态环境|环保|交通|水利|林业|卫健|卫生健康|统计|审计|公安|应急管理|统计|金融|大数据|外事|民政|司法|投促|合作交流|贸促|国资|医保|乡村振兴|城管|体育|气象|招商合作|招商引资)(?:管理|监督|服务|促进|发展|工作)?$"
)


_CALLED = re.compile(r"[（(]以?下?简称[为：:]?[“\"]?([^（）()”\"，]{2,12})[”\"]?[）)]")
_LEGAL = re.compile(r"(?:股份|责任|集团|控股)*(?:有限责任公司|股份有限公司|有限公司|总公司|公司)$|集团$")
_INNER_PAREN = re.compile(r"[（(][^（）()]*[）)]")
_COMMON_HEADS = frozenset(
    [
        "新材",
        "海洋",
        "生物",
        "科技",
        "农业",
        "文化",
        "旅游",
        "智能",
        "电子",
        "机械",
        "医药",
        "健康",
        "环保",
        "能源",
        "建设",
        "投资",
        "产业",
        "工业",
        "国际",
        "供应",
        "物流",
        "食品",
        "装备",
        "汽车",
        "信息",
        "数字",
        "光电",
        "化工",
        "发展",
        "城市",
        "教育",
        "第一",
        "人民",
        "农村",
        "中国",
        "中华",
        "华夏",
        "东方",
        "长江",
        "黄河",
        "高新",
        "开发",
        "经济",
        "技术",
        "精密",
        "绿色",
        "现代",
        "创新",
        "联合",
        "中小",
        "大数",
        "新能",
        "水产",
        "种业",
        "家居",
        "包装",
        "电力",
        "港务",
    ]
)


def _reach(text: str, at: int, stem: str) -> int:
    """How far from ``at`` the text spells the stem, letters left out but never put in."""
    here = along = 0
    while along < len(stem) and at + here < len(text):
        if text[at + here] == stem[along]:
            here += 1
            along += 1
            continue
        later = stem.find(text[at + here], along)
        if later < 0 or here < 2:
            break
        along = later
        if text[at + here] != stem[along]:
            break
    return at + here


def _longest(found: list[Mention]) -> list[Mention]:
    """Mentions in order, those inside a longer one left out."""
    kept: list[Mention] = []
    for mention in sorted(found, key=lambda m: (m.start, -m.end)):
        if kept and mention.start < kept[-1].end:
            if mention.end - mention.start > kept[-1].end - kept[-1].start:
                kept[-1] = mention
            continue
        kept.append(mention)
    return kept
