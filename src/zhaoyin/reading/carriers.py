"""Carriers: the zones, parks, plates and platforms a region offers, with their area and what they host."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterator, Sequence

from zhaoyin.reading.draft import Draft, trimmed
from zhaoyin.reading.lexicon import Place, place_pattern, trie, words
from zhaoyin.reading.scan import AREA, HAN, Scan, area_of

Span = tuple[int, int]

_DESCRIBES = re.compile(
    r"规划|占地|面积|控制面积|核准|位于|坐落|由[^，。]{2,30}组成|为主|重点发展|主导产业|主攻|主要布局|主要承接|重点承接|侧重|定位|聚集|划分为|分为|集聚|为发展方向|产业方向|发展|主打|承接|培育|拥有|入驻|投用|落户了|建成|启用|规模|配有|孵化|集[^，。]+于一体|打造|方向|布局|建有|集中了|瞄准|是其|重点|面向|支撑|做|拓区|毗邻|首期|开发|预留|接纳|优势"
)
_AREA_CUE = re.compile(r"建筑面积|厂房|孵化面积|仓储面积|标准厂房|办公|楼|冷库|库容|展览面积|营业")
_FOCUS = (
    re.compile(
        r"(?:以|则以)(?P<list>[^，。；：]{2,60}?)(?:为主导?产业?|为主体|为主|为重点|为主轴|为发展方向|为核心|类企业为主|生产企业为主|见长|等[^，。；、]{0,8}为主|为支柱|为特色)"
    ),
    re.compile(
        r"(?:重点发展|主要发展|着力发展|大力发展|优先发展|重点打造|主攻|主要布局|重点布局|主要承接|重点承接|承接|侧重于?|主导产业(?:为|是|有|：|包括)?|产业方向(?:为|是|：)?|产业定位(?:为|是|：)?|主要产业(?:为|是|有)?|着重引进|重点引进|重点引入|重点接纳|定位(?:为|于)?|发展|主打|聚焦|瞄准的是|集中了|瞄准|引进|培育|布局|做)(?P<list>[^，。；：（(]{2,80})"
    ),
    re.compile(r"集(?P<list>[^，。；]{4,60})于一体"),
    re.compile(r"(?:预留|规划)作?为?(?P<list>[^，。；]{3,40}?)用地"),
    re.compile(r"(?:集聚|聚集|汇聚)(?P<list>[\u4e00-\u9fff、]{2,20}?)企业(?=\d)"),
    re.compile(
        r"(?:板块|片区|组团|区|园)[ ：:](?P<list>[^，。；、 ]{2,12}(?:、[^，。；、 ]{2,12})+)(?=[。；，\n])"
    ),
    re.compile(r"可承接(?P<list>[^，。；]{2,40}?)(?:等?配套|等)"),
    re.compile(
        rf"(?P<list>[{HAN}A-Za-z]{{2,10}}(?:、[{HAN}A-Za-z]{{2,10}})+)(?:“三大件”|深加工)?(?:集聚|是其主打|是这里的拿手产品|为主打)"
    ),
    re.compile(r"是(?P<list>机械与检测|[^，。；]{2,10}与[^，。；]{2,6})(?=，面积)"),
)
_BAD_FOCUS = re.compile(
    r"需要|要求|转移|欧美|先进的|一批|样板|中小|[\d]{2,}|公里|平方|亩|企业$(?<!中小企业)|家$|个$|项目$|园区|基地$|平台$|体系|城市$|国家|以来|示范|特色经济|一流|标准|能力|环境|任务|合作|转型|升级|全省|全国|产业集群|核心|新城$|公寓|以上|成果|目标"
)
_ALSO = re.compile(r"(?:[^，。]{0,4}，)?(?:兼顾|兼及|兼营|辅以)(?P<list>[^，。；]{2,40})")
_KIND = (
    (
        "platform",
        re.compile(
            r"(?:平台|研究院|检测中心|检验中心|实验中心|创新中心|科创中心|孵化器|加速器|众创空间|实验室|产业学院|电镀中心|喷涂中心|灭菌中心|备料中心|工作站|服务中心|技术中心)(?:[（(][^）)]*[）)])?$|「.*平台"
        ),
    ),
    (
        "functional_zone",
        re.compile(
            r"(?:功能区|片区|组团|板块|加工区|物流区|会展区|装备区|资源区|展示区|交易区|展示交易区|配套区|仓储区|生活区|核心区|启动区|综合区)$|^.{1,5}(?<!高)新区$|[ABCD东西南北][区]$"
        ),
    ),
    (
        "zone",
        re.compile(
            r"(?:经济技术开发区|高新技术产业开发区|经济开发区|工业开发区|开发区|高新区|经开区|保税区|新区|试验区|实验区|度假区|示范区|产业区|集聚区|集中区|自贸区)$"
        ),
    ),
    ("base", re.compile(r"(?:基地|产业集群|集群|物流港|飞地|产业带|珠宝城|港|城)$")),
    ("park", re.compile(r"(?:园区?|小镇|谷|工业区|医药港)(?:[（(][^）)]*[）)])?$")),
    ("site", re.compile(r"(?:公寓|博览中心|会展中心|厂房|地块|大厦)$")),
)
_GENERIC = re.compile(
    r"^(?:该|本|各|这个?|那个?|此|其|一个|两个|多个|若干|特色|专业|重点|工业|产业|省级|国家级|市级|县级|现代|科技|全|三大|四大|五大|六大|核心|功能|发展|园|新|示范|特色园|大|“?园中园”?|生产|公共|服务|配套|综合|合作|创业|创新|创新创业|农业|研发|企业|数字|信息|互联网|交易|电商|这些|所在|入驻|全国|全省|高新技术|循环|的|样板|省|国家|融资|招商|招引|申报|检测|互动|对外|惠企易申|协同|最大的?|一流|国际|标准|人才|技术|科研|共享|融合|载体|贸易|外资|种植|养殖|原料|规模化|出口|实训)*(?:园区|开发区|产业园|工业园|园|片区|组团|板块|基地|平台|小镇|新区|示范区|功能区|集聚区|产业集群|开发新区|高新区|经开区|示范园区|孵化器|研究院|实验室|创新中心|产业区|工业区|保税区|港区|产业带|科技园|度假区|试验区|公寓|示范基地|生产基地|产业基地|科技园区|工业园区|产业园区|物流园|创业园)$"
)
_COREF = re.compile(
    r"(?P<ref>该园区?|园区|该片区|该区|产业园|产业区|开发区|该园|全园|创业园|该中心|该平台|该基地|这个园区)(?=[^委管党内外招投现运])"
)


@functools.cache
def _names() -> re.Pattern[str]:
    return re.compile(
        f"(?P<end>{trie(words()['carriers']['names'])})(?P<tail>[（(][^（）()\\n]{{1,6}}[）)])?(?![{HAN}]{{0,2}}(?:管委会|管理委员会|党工委|招商局|投资促进局|管理办公室))"
    )


_MARKED = re.compile(
    r"\s*(?:[（(]?[一二三四五六七八九十\d]{1,3}[）).、．]|★|●|■|板块[一二三四五六七八九十][：:]|▍)"
)
_AREA_NEXT = re.compile(
    r"(?:内|里)?，?(?:（[^）]{1,10}）)?，?(?:则)?(?:总|规划|总规划|核准|控制)?(?:占地|规划(?:总|用地)?面积|总面积|面积|用地)"
)
_DESCRIBED = re.compile(
    r"(?:（[^）]{1,12}）)?，?(?:位于|地处|坐落|是(?!一个|我)|由|以|重点|主要|主攻|侧重|规划|着重|将重点|作为|定位|则|的产业定位|做|集中了|刚刚|拓区|建有|总规划|新增|主打|现有|目前|就坐落|布局|聚集|划分)"
)
_SHOWN = re.compile(
    r"(?:建有|考察了?|参观了?|察看了?|来到|推介了?|打造“|规划建设|建成了?|合办了?|共建了?|支持|启动建设的?|揭牌|设有|拥有|发起|先后(?:来到|考察|参观)|布局|在)(?:[^，。；]{0,26}[、和])?$"
)
_OFFERED = re.compile(r"(?:由[^，。]{2,30}组成|规划(?:总|用地)?面积|总面积|占地|核准面积|总规划面积)")
_CUT = re.compile(
    r"抢抓|抓住|紧抓|立足|坚持|突出|强化|全面|大力|深入|积极|打响|的|了|在(?!线)|是|为(?!民)|由|以(?!岭)|将|把|与(?!会)|简称|选址|签订|打造|[\d.]+亿元|[一二三四五六七八九两\d]+个|[三四五六七八]大|投资|建有|建成|建立了?|设有|设立|规划建设|规划有|规划|计划建设|打造|推介了?|考察了?|先后|参观|走进|位于|坐落于?|重点|包括|依托|围绕|推动|支持|介绍了?|分为|分成|划分为|形成|按照|其中|此外|另外|目前|已有|拥有|聚焦|落户|入驻|进驻|来到|等|及|和|从|到|于|被|对|就|让|使|沿着|往|再|面向|该|以及|还有|布局|启动建设|启动|新增|完成|参加|服务|租用|承接|获批|认定|授予|共建了?|共建|和|创建|集聚|投向|称为|叫做|名为|进入|实现|培育|着力|加快|推进|享受|所说|包含|选在|选择了?|县里跟|有|去年|今年|期间|还要再摆下一个|一个|一座|摆下|国家级|省级|市级|区级|全省首个|首个|：|★|我国|在建|扩建|新建|总面积|面积|同比|达到|表示|截至|年内|记者从|记者|首|板块[一二三四五六七八九]"
)


def kind_of(name: str) -> str:
    return next((kind for kind, pattern in _KIND if pattern.search(name)), "park")


class Carriers:
    def __init__(self, scan: Scan, region: Place | None, genre: str, projects: Sequence[Draft] = ()) -> None:
        self.scan, self.text, self.region, self.genre = scan, scan.text, region, genre
        self.drafts: list[Draft] = []
        self._projects = [(draft.spans["name"][0], draft.spans.get("place", [])) for draft in projects]
        self._orgs = {
            (org.start, org.end) for org in scan.orgs if org.kind in {"company", "government", "association"}
        }

    def read(self) -> list[Draft]:
        spots: list[tuple[int, Draft]] = []
        for span, strength in self._mentions():
            name = self.text[slice(*span)]
            known = next((d for d in self.drafts if _same(self.text[slice(*d.spans["name"][0])], name)), None)
            if known is not None:
                spots.append((span[0], known))
                if strength > known.signals["strength"]:
                    known.signals["strength"] = float(strength)
                    known.start, known.end = trimmed(self.scan, *self.scan.sentence_of(span[0]))
                full = self.text[slice(*known.spans["name"][0])]
                if len(name) > len(full) and name.endswith(full):
                    known.replace("name", self.scan.quote(*span), span)
                continue
            draft = Draft(
                "carrier",
                *trimmed(self.scan, *self.scan.sentence_of(span[0])),
                signals={"strength": float(strength)},
            )
            draft.put("name", self.scan.quote(*span), span)
            draft.put("kind", kind_of(name), span)
            self.drafts.append(draft)
            spots.append((span[0], draft))
        self._details(sorted(spots, key=lambda spot: spot[0]))
        return [draft for draft in self.drafts if self._kept(draft)]

    def _kept(self, draft: Draft) -> bool:
        facts = ("area_text" in draft.fields) + ("focus" in draft.fields)
        name = draft.spans["name"][0]
        strength = draft.signals["strength"]
        for project, places in self._projects:
            if name[0] < project[1] and project[0] < name[1]:
                return False
            if (
                strength < 2.5
                and any(place[0] <= name[0] and name[1] <= place[1] for place in places)
                and draft.signals.get("times", 1) < 2
            ):
                return False
        plain = re.sub(r"[“”]", "", draft.name)
        if _GENERIC.match(self.text[slice(*name)]) and not facts:
            return False
        if self.genre in {"policy", "visit"}:
            return bool(facts) or (strength >= 1 and len(plain) >= 5)
        if self.genre == "park_intro":
            return bool(facts) or draft.signals["strength"] >= 1
        return bool(facts) or draft.signals["strength"] >= 2

    # Names.

    def _mentions(self) -> Iterator[tuple[Span, int]]:
        text, scan = self.text, self.scan
        done = -1
        for match in _names().finditer(text):
            if match.start() < done or scan.hidden(match.start()):
                continue
            end = match.end()
            if match["end"] == "园" and not re.match(
                r"[，。；、（(\s的占位是由以将内在”]", text[end : end + 1] or " "
            ):
                continue
            begin = self._begin(match.start())
            a, b = trimmed(scan, begin, end, strip=" \n　，。、；：:;,.》《★*-")
            name = text[a:b]
            if "《" in text[max(0, a - 40) : a] and text.rfind("《", 0, a) > text.rfind("》", 0, a):
                continue
            if name.count("“") != name.count("”"):
                a, b = trimmed(scan, a, b)
                name = text[a:b]
            if len(name) < 3 or len(name) > 30 or name.endswith(("幼儿园", "公园")):
                continue
            if _GENERIC.match(name.strip("“”")) and not (
                name in {"工业园区", "产业园区", "产业园", "经济开发区", "开发区", "高新区", "工业园"}
                and _OFFERED.match(text, end)
            ):
                continue
            if any(a < right and left < b and (right > b or left < a) for left, right in self._around(a)):
                continue
            strength = self._strength(a, b)
            if strength >= 0:
                done = end
                yield (a, b), strength

    def _around(self, at: int) -> list[Span]:
        return [
            (org.start, org.end)
            for org in self.scan.orgs_in(max(0, at - 40), at + 60)
            if org.kind in {"company", "government", "association"}
        ]

    def _begin(self, at: int) -> int:
        text = self.text
        low = max(self.scan.line_of(at)[0], at - 26)
        depth = at
        while depth > low:
            char = text[depth - 1]
            if char in "，。；！？：:\n《》|、>＞—…★●" or char == " ":
                break
            if char in "）)":
                opened = max(text.rfind("（", low, depth - 1), text.rfind("(", low, depth - 1))
                if opened <= low:
                    break
                depth = opened
                continue
            if char in "（(":
                break
            if char == "”":
                opened = text.rfind("“", low, depth - 1)
                if opened < 0:
                    break
                depth = opened
                continue
            if char == "“":
                break
            depth -= 1
        begin = depth
        at_line = depth - self.scan.line_of(at)[0] <= 6
        for match in _CUT.finditer(text, begin, at):
            if match[0] in {"与", "和", "及"} and at_line and match.start() - depth <= 4:
                continue
            if match.end() <= at:
                begin = match.end()
        mark = re.compile(r"[（(]?[一二三四五六七八九十\d]{1,3}[）).、．]").match(text, begin, at)
        return mark.end() if mark else begin

    def _strength(self, a: int, b: int) -> int:
        """3: offered as a heading or with its area; 2: described; 1: listed or built; 0: a bare mention; -1: none."""
        text = self.text
        line = self.scan.line_of(a)
        left, right = self.scan.sentence_of(a)
        after = text[b : min(right, b + 40)]
        before = text[max(left, a - 26) : a]
        heading = a - line[0] <= 8 and _MARKED.match(text[line[0] : a] or " ")
        if heading and re.match(r"[。，\s（(]", text[b : b + 1] or "\n"):
            return 3
        if _AREA_NEXT.match(after) or (text[b : b + 1] in "（(" and AREA.match(text, b + 1, right)):
            return 3
        if re.search(r"(?:亩|公里|公顷|平方米)的$", before):
            return 3
        if not heading and re.search(
            r"(?:称号|获评|荣获|认定为?|评为|列为|入选|跻身)[^。]*$|是[^，。；]{2,14}[和、]?$", before
        ):
            return 0
        if re.search(r"的“$|打造成?为?$|包括[^。；]{0,40}$|全国(?:首个|唯一)[^，。]{0,16}$", before):
            return -1
        if re.search(
            r"(?:计划建设|建立了|划分为|分为|分成|规划建设|形成)[^。；]{0,30}$", text[max(left, a - 36) : a]
        ):
            return 2
        starts = a - line[0] <= 2 or text[a - 1 : a] in "：:"
        if starts and re.search(r"总面积|规划面积|占地|规划总", text[b:right]):
            return 2
        if _DESCRIBED.match(after):
            return 2
        if _SHOWN.search(before):
            return 1
        if re.match(r"内，", after) and self.genre == "park_intro":
            return 1
        listed = re.search(r"[、和]$", before) or re.match(r"[、和]", after)
        return 1 if listed and self.genre == "park_intro" else 0

    # Details.

    def _details(self, spots: Sequence[tuple[int, Draft]]) -> None:
        """Walk the clauses with the carrier they speak of."""
        scan, text = self.scan, self.text
        current: Draft | None = None
        main: Draft | None = None
        for start, end in scan.sentences:
            if scan.furnished(start):
                continue
            here = [(at, draft) for at, draft in spots if start <= at < end]
            opening = _COREF.match(text, start, min(end, start + 24))
            if here and opening and here[0][0] > opening.end():
                target = self._refers(opening["ref"], current, main)
                if target is not None:
                    here.insert(0, (start, target))
            if here and main is None:
                main = here[0][1]
            if not here:
                ref = _COREF.search(text, start, min(end, start + 24))
                if ref:
                    target = self._refers(ref["ref"], current, main)
                    if target is not None:
                        self._clause(target, start, end)
                        current = target
                elif (
                    current is not None
                    and start - current.end <= 2
                    and re.match(r"\s*(?:规划|占地|面积|总面积|重点|主要|主导|以)", text[start:end])
                ):
                    self._clause(current, start, end)
                continue
            bounds = [at for at, _ in here] + [end]
            whole = here[0][1]
            if (
                len(here) > 1
                and "area_text" not in whole.fields
                and re.search(r"组成|分为|划分", text[start:end])
            ):
                for match in AREA.finditer(text, start, end):
                    if re.search(
                        r"总面积|规划面积|规划总", text[max(start, match.start() - 8) : match.start()]
                    ):
                        self._area(whole, match)
                        break
            if here[0][0] > start:
                # 占地1000亩的国际黄金创意产业园: what stands before the first name may be its own.
                self._before(here[0][1], start, here[0][0])
            parts = re.search(r"组成|片区：|组团：", text[here[-1][0] : end]) if len(here) > 1 else None
            if parts:
                # 由北岸片区、南岸片区组成，主导产业为…: what follows the parts is said of the whole.
                turn = here[-1][0] + parts.end()
                self._clause(whole, turn, end)
                bounds[-1] = turn
            for (at, draft), stop in zip(here, bounds[1:], strict=True):
                self._clause(draft, at, stop)
                current = draft
            for (_, one), (at, other) in itertools.pairwise(here):
                if other is not one:
                    self._before(other, max(start, at - 18), at)

    def _refers(self, word: str, current: Draft | None, main: Draft | None) -> Draft | None:
        if word in {"该片区", "该区", "该中心", "该平台", "该基地", "该园", "该园区", "这个园区"}:
            return current
        tail = word[-2:]
        for draft in (current, main):
            if draft is not None and (
                draft.name.rstrip("）)").endswith(tail)
                or (word in {"园区", "全园"} and draft.fields.get("kind") in {"park", "zone"})
            ):
                return draft
        return None

    def _before(self, draft: Draft, start: int, end: int) -> None:
        match = next(iter(list(AREA.finditer(self.text, start, end))[-1:]), None)
        if match and re.fullmatch(r"的[^，。；、]{0,12}", self.text[match.end() : end]):
            self._area(draft, match)

    def _clause(self, draft: Draft, start: int, end: int) -> None:
        text = self.text
        before = dict(draft.fields)
        if "area_text" not in draft.fields:
            for match in AREA.finditer(text, start, end):
                cue = text[max(start, match.start() - 12) : match.start()]
                if re.search(
                    r"其中|建成区?|可供|净地|工业用地$|已建|闲置|补贴|一期|首期|已平整|仅|启动区|核心区|拓区|种植|整理|再|每|新增",
                    cue,
                ) and not re.search(r"面积达到$|总面积", cue):
                    continue
                if (
                    not re.search(r"占地|面积|用地|规划|控制|（$|，$|约$|\($|土地|达到$|完成", cue)
                    and match.start() - draft.spans["name"][0][1] > 2
                ):
                    continue
                if re.search(r"补贴|租金|元", text[match.end() : match.end() + 3]):
                    continue
                self._area(draft, match)
                break
        if "focus" not in draft.fields:
            self._focus(draft, start, end)
        if draft.fields != before:
            a, b = trimmed(self.scan, *self.scan.sentence_of(start))
            if draft.signals["strength"] < 2 or draft.start <= a <= draft.end + 120:
                draft.cover(a, b) if a - draft.end < 160 and draft.start <= b else None
            draft.signals["strength"] = max(draft.signals["strength"], 2.0)
        draft.signals["times"] = draft.signals.get("times", 0.0) + 1.0

    def _area(self, draft: Draft, match: re.Match[str]) -> None:
        a, b = trimmed(self.scan, match.start(), match.end())
        draft.put("area_text", self.scan.quote(a, b), (a, b))
        cue = self.text[max(0, match.start() - 8) : match.start()]
        around = self.text[match.end() : match.end() + 6]
        floor = (
            _AREA_CUE.search(cue)
            or re.match(r"(?:的)?(?:标准)?厂房", around)
            or (match["unit"] in {"平方米", "平米", "㎡"} and not re.search(r"占地|用地", cue))
        )
        floor = floor or ("建筑" in cue)
        if (
            not floor
            and match["unit"] in {"万平方米", "万平米", "万㎡", "平方公尺", "万平方公尺", "万方"}
            and not re.search(r"占地|用地|规划", cue)
        ):
            floor = True
        mu = area_of(match)
        if mu is not None and not floor:
            draft.put("area_mu", int(mu) if float(mu).is_integer() else mu, (a, b))

    def _focus(self, draft: Draft, start: int, end: int) -> None:
        text = self.text
        for pattern in _FOCUS:
            for match in pattern.finditer(text, start, end):
                spans = list(split_list(text, match.start("list"), match.end("list")))
                good = [(a, b) for a, b in spans if 2 <= b - a <= 16 and not _BAD_FOCUS.search(text[a:b])]
                if not good or len(good) < 0.6 * len(spans):
                    continue
                more = _ALSO.match(text, match.end(), min(end, match.end() + 60)) or _ALSO.search(
                    text, match.end(), min(end, match.end() + 8)
                )
                if more:
                    good += [
                        span
                        for span in split_list(text, more.start("list"), more.end("list"))
                        if 2 <= span[1] - span[0] <= 12
                    ]
                for a, b in good:
                    draft.add("focus", self.scan.quote(a, b), (a, b))
                return


def split_list(text: str, start: int, end: int) -> Iterator[Span]:
    """The entries of "A、B和C等产业"."""
    body = text[start:end]
    body = re.sub(r"等(?:[^、]{0,12})?$", "", body)
    body = re.sub(
        r"(?:类|生产|加工|制造)?(?:龙头|骨干|中小)?(?:企业|厂商)$|(?:三|四|两|五)[大条](?:产业|领域|方向|主链|链)?$|环节$|三个方向$|项目$",
        "",
        body,
    )
    at = 0
    pieces = re.split(r"(、|，|以及|及|和(?!谐)|与|\s|兼及)", body)
    for piece in pieces:
        if piece and not re.fullmatch(r"、|，|以及|及|和|与|\s|兼及", piece):
            a, b = start + at, start + at + len(piece)
            while a < b and text[a] in " “”的":
                a += 1
            while b > a and text[b - 1] in " “”":
                b -= 1
            lead = re.match(r"(?:发展|一批|其他|以|着力|重点|先进的?)", text[a:b])
            if lead and b - a - lead.end() >= 2:
                a += lead.end()
            if a < b:
                yield a, b
        at += len(piece)


@functools.lru_cache(8192)
def _stem(name: str) -> str:
    name = re.sub(r"[“”\"（）()]", "", name)
    match = place_pattern().match(name)
    return name[match.end() :] if match and len(name) - match.end() >= 4 else name


def _same(left: str, right: str) -> bool:
    a, b = _stem(left), _stem(right)
    return a == b or (left.endswith(right) and len(right) >= 5) or (right.endswith(left) and len(left) >= 5)
