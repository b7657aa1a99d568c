"""Projects and agreements: enumerations, sentences that tell who puts what where for how much, tables, listed forms."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import cast

from zhaoyin.reading.context import province_names, sector_of
from zhaoyin.reading.draft import Draft, trimmed
from zhaoyin.reading.lexicon import Place
from zhaoyin.reading.scan import HAN, MONEY, Mention, Money, Scan, money_of
from zhaoyin.reading.tables import Table

Span = tuple[int, int]

# Names.

_PROJECT = re.compile(
    r"项目(?:[（(](?:[一二三四]期|[^（）()，。；\n元亿万]{1,6})[）)])?(?:[一二三四]期)?(?:工程)?|(?:[一二三四]期|扩建|改建|新建|改造|提升|建设)工程"
)
_NOT_PROJECT = re.compile(
    r"区(?!域)|孵化|策划|谋划|对接|共?达?\d+个|共?计?\d+个|中，|主管|建设资金|部(?!署)|组|库|化|经理|负责人|方|台账|名称|推介|推进|落地|开工率|公司|签约(?:仪式|活动|会|专场|大会|台|数|额|率|暨)|集中|专班|资助|联审|引进|评审|谋划|申报|资金|信息|清单|数|总数|个数|进度|管理|路演|洽谈会|全周期|签约仪式|审批|用地|开工仪式|竣工|一览|储备|法人|单位|质量|合同额|支撑"
)
_GENERIC_NAME = re.compile(
    r"^(?:我[省市县区镇]|[两三四五六七八九十\d]+大|跟踪|[\d至-]+月份?|民资|央企|和|让|推进|多个|一系列|\d*月前|月|重大创新|创新|金额|最高|表中第.项.*|一批|最[^的]{1,3}的|累计|力争|争取|盯紧|无|会上|现场|集中|会期|共|全[省市县区国州]|洽谈|该|此|本|这个?|那个?|其|某|每个|单个|各|新|老|大|小|好|重大|重点|签约|外资|内资|台资|港资|工业|农业|服务业|制造业|在谈|在建|续建|意向|合作|投资|招商引资|招商|产业|产业链|优质|龙头|高端|人才|拟引进|引进|落地|开工|竣工|投产|建设|实施|储备|前期|上述|以上|以下|其中|相关|有关|部分|首个|首批|第一个|两个|三个|一个|多个|若干|全部|所有|亿元以上|亿元|超亿元|千万元|\d+亿元以上|过\d+亿元|省级|国家级|市级|县级|民生|基础设施|技改|科技招商|科技|创新|创业|示范|标杆|旗舰|标志性|战略合作|战略|框架|签订|具体|主要|整个|新签约|已签约|高质量|新引进|新建|扩建|改建|拟建|类|个|等|批|项|的|核心|硬核|“|”|单体|制造|工业类|专项|国企|央企|民企|商贸|文旅|农旅|生产性|城市|社会|公益|资本|招引|落户|入园|入库|洽谈|推介|申报|关联|配套|产业化|区域经济合作|经贸|校企|校地|年度|今年|亿元级|百亿级|百亿|十亿|\d+|电子信息类?|总部|实体|高新技术|支柱|特色|绿色|新兴|先进|优势|主导|传统|现代|一批|多项|单|共)+(?:项目)?$"
)
_CUT = re.compile(
    r"的|签订了?|签署了?|签约了?|签下了?|签了|达成|引进|引入|投资建设|投资兴建|投资开发|投建|合作开发|共同建设|共建|建设(?=[^项]{3})|实施(?=[^项]{2})|打造|兴建|兴办|承建|运营|要数|就是|包括|涵盖|涉及|推进|落户|聚焦|关于|合作(?=[^项]{3})|促成|拿下|成功|此次|本次|这次|首批|其中|此外|另外|还有|另有|以及|今年|去年|明年|目前|日前|近日|同步|与会|协议|带来|推动|加快|服务|围绕|对于|计划|拟|将|由|在|把|对|为|是|了|有|从|就|到|已|把|被|按|用于|专项用于|称|说|介绍|表示|通过|依托|根据|走进|看到|参观|考察了?|观摩了?|实地|来到|走访了?|察看|先后|分别|主要|重点|例如|比如|如|作为|成为|列入|争取|确保|支持|鼓励|新引进|新签约|实现|完成|所|落地|迁回|盯紧|一系列|投资(?=[^，]{4})|个|多个|\d+个|家|万元|亿元|美元|公司|集团"
)
_VERB = re.compile(
    r"(?:用于|投资建设|合作开发|共同建设|共同打造|投资兴建|拟建设|新上|新建|兴建|建设|打造|开发|设立|修建|改建|扩建|筹建|创办|兴办|合建|承建|共建|建造|开设|布局|落地|实施|运营|改造|增设|办起?|建(?!成后|议|筑|立|有|材|行|设|制|档|工|交|言|功)|做(?!法)|生产|开展|组建|启动|推出)(?:了|起)?(?:一座|一个|一条|一家|一处|一所|两条|一批|年产|首个)?"
)
_HEADS = re.compile(
    r"(?:基地|中心|工厂|厂|生产线\d*条?|线\d*条?|产业园|工业园|物流园|园区|园|小镇|社区|总部|厨房|车间|平台|实验室|电站|度假村|度假区|综合体|市场|海外仓|云仓|仓|码头|港|街区?|项目|工程|[一二三四]期|二期扩建|扩建|营地|乐园|景区|酒店|大厦|学院|研究院|医院|城|谷|馆|牧场|农场|养殖场|加工|生产|制造|系统|产品|装置|机组|集市|民宿|地板|湿巾|专区|工作站|生产线.{0,6})(?:[（(][^）)]{1,6}[）)])?$"
)
_BAD_OBJECT = re.compile(
    r"体系|机制|能力|环境|力量|关系|队伍|格局|标准地|原则|经济|氛围|品牌|形象|服务|政策|工作|活动|合作$|任务|步伐|资金$|规模$|投资$|名片|高地|优势|生态$|局面|通道$|桥梁|国家|城市$|强[市县]|链条|产业$|集群$|模式|新篇章|窗口|课程|内容$|设施$|文化$|发展$|建议|面积|亩|平方米|厂房$|用地|公里|时间|周期|条件|基础|方案|产值|产能$|税收|岗位|人才|就业|以来|成本|企业|公司|客商|公寓|吨$|万$|元$|%|证书|优良|投入|任务|目标|规划|配套"
)
_AGREEMENT = re.compile(
    rf"(?:签订|签署|签下|签|达成|交换|续签|签约)(?:了|的)?(?:一份|一项|为期[^，。的]{{1,6}}的?)?《?(?P<name>[{HAN}A-Za-z0-9.·&、“”（）()]{{0,34}}?(?:战略合作框架协议|战略合作协议|合作框架协议|框架协议|合作协议|投资协议|入驻协议|入园协议|培养协议|服务合同|设计服务合同|研发协议|投资合同|采购合同|加工合同|建设合同|合作合同|合同|备忘录|意向书|意向协议|协议书|协议))"
)
_MATTER = re.compile(
    rf"就(?P<name>[{HAN}A-Za-z0-9.·、“”]{{3,34}}?)(?:一事|事宜|项目合作|合作)?(?:达成|签署|签订|签约|初步|进行|展开|开展|正式|合作|深入|形成)"
)
_GENERIC_AGREEMENT = re.compile(
    r"^(?:合作|投资|项目|正式|入园|入驻|购销|意向|有关|相关|系列|多项|保密|不是建厂)*(?:投资|合作|项目)?(?:协议|合同|协议书|意向书|备忘录|意向协议)$"
)

# Money.

_STRONG = re.compile(
    r"(?:项目)?(?:计划|预计|概算|预估|估算|协议|合同)?(?:总投资|投资总额|总额|投资规模|总规模|计划投资总额|投资总规模)(?:额|预计|计划|约|为|达到?|达|折合|人民币|[:：是])*$"
)
_GOOD = re.compile(
    r"(?:投资|投资额|金额|拟投资|计划投资|预计投资|概算投资|意向投资|协议投资|固定资产投资|斥资|耗资|出资|增资|注资|拿出|追加投资|新增投资|独资|合资|服务费|经费|投入|费用|造价|合同额|项目资金|设备投资|投资意向|引资|自筹资金|自筹|首期投资|协议引资|投)(?:额|约|为|了|达到?|达|折合|超过?|近|人民币|[:：是]|不少于|提供|共|规模|总计|预计)*$"
)
_PART = re.compile(
    r"(?:一期|首期|二期|其中|前期|起步期|首笔|先期|一期项目)(?:工程|项目|主体)?(?:计划|预计)?(?:总?投资|投入)?(?:额|约|为)*$"
)
_BAD_MONEY = re.compile(
    r"(?:产值|收入|营收|销售额?|税收|利税|利润|注册资本金?|注册资金|到位|补贴|奖励|租金|授信|贷款|补助|产出|贡献|出口|创汇|资产|价值|规模以上|突破|人均|均|上缴|纳税|年产|年|用电|工资|年薪|罚款|门票|成交额?|订货额|资金池|基金|每亩|缴税|效益|实现|新增|上交|增加值|应税|扶持|兑现|转贷|月|资助|支持|工业总产值)(?:约|达到?|为|超过?|突破|可达|近|将达|总额|额|后|实现)*$"
)

# Places.

_PLACE_HEAD = "(?:经济技术开发区|高新技术产业开发区|经济开发区|旅游度假区|开发区|高新区|经开区|新区|度假区|产业园区?|工业园区?|科技园区?|创业园|科创园|文创园|循环园|食品园|物流园|食品工业园|生态园|示范园|园艺场|园区|园|集聚区|集中区|工业区|片区|组团|板块|基地|小镇|镇|乡|街道|办事处|苏木|社区|村|港区|港|湾|岛|[东西南北]区|新城|林场|农场|自贸区|保税区|综保区|示范区|试验区|厂房|号楼|区)"
_PLACE_NP = rf"(?P<place>[{HAN}A-Za-z0-9“”]{{1,22}}?{_PLACE_HEAD}(?:[{HAN}A-Za-z]{{0,8}}?{_PLACE_HEAD})?(?:[（(][^（）()]{{1,8}}[）)])?)"
_PLACE_CUE = re.compile(
    r"(?:落户(?:在|于|到)?|敲定落户|选址(?:在|于|为)?|意向选址(?:在|于)?|(?:拟)?入驻|(?:拟)?进驻|落地(?:在|于)?|落在|设在|设于|选在|选择了?|选了|选定在?|布置在|布局在|坐落(?:在|于)|位于|地块在|建在|建于|落子|落址(?:在|于)?|租赁|租用|安家(?:在|于)?|摘地|扎根(?:在|于)?|地点[:：]?|拟落户地?[:：]?|项目地址[:：])"
    + _PLACE_NP
    + r"(?=[，。；、）)（( \n|]|$|建|兴|设|投|打|办|落|利|新|修|摘|开|动|的|内|地|标|租|实|，|项|总|[\d])"
)
_PLACE_IN = re.compile(
    r"(?:将在|拟在|想在|计划在|在|到|于)"
    + _PLACE_NP
    + r"(?:内|里)?(?=建|兴|设|投|打|办|落|利|新|修|摘|开工|开发|动|租|实施|上马|布局|筹|创|扩|开办|开设|合作建|摆|顺利|正式|破土|，建|，投)"
)
_PLACE_GENERIC = re.compile(
    r"^(?:园区?|该?开?发?区|本?镇|本?村|乡|片区|组团|板块|基地|厂房|标准厂房|一[个处]?.*厂房|闲置.*|社区|当地园区|全国.*|国家级.*区|省级.*区|我[市县区]|这里|县城|市区|城区|山区|地区|景区|厂区|校区|厂区)$"
)

# Stages.

_STAGE = (
    (
        "production",
        re.compile(
            r"(?:已|正式|顺利|竣工|建成|成功|全面|去年|日前|近日|月份?|日)(?:经|式|月|日)?(?:正式)?投产(?!后|之)|试生产|试产|正在试产|投产运营|已投产|建成投用|建成投产(?!后)|正式生产|投入使用|投入运营|已达产|揭牌"
        ),
    ),
    (
        "construction",
        re.compile(
            r"(?<!未)(?<!年内)(?<!计划)(?<!即将)(?<!预计)(?:已|现已|正式|破土|同步|宣布项目|日|顺利|今天|在|集中)(?:经|于)?(?:开工|动工)(?!率|建设后)|正在(?:加紧|抓紧|进行|主体)?(?:施工|建设|安装|平整|推进)|主体施工|在建(?!议)|打桩|破土动工|奠基|GMP认证|设备安装|安装设备|天就开了工|[在于][^，。；在于]{2,12}开工|正在实施|完成主体|封顶|已开建|开工建设(?!后)|项目开工|开工奠基|已动工|已开工"
        ),
    ),
    (
        "negotiating",
        re.compile(
            r"洽谈|在谈|磋商|意向性?协议|投资意向|合作意向|达成意向|意向书|初步共识|初步达成|初步妥|初步谈妥|有望|正在谈|待签约|拟签约|打算|想在|对接中|跟踪|商谈|拟引进|谈判|有意|前期|争取.{0,6}签约|看好一处|实地选址|初步设想|商讨|协商|考虑"
        ),
    ),
    (
        "signed",
        re.compile(
            r"签约|签订|签署|签下|签了|签字|签的|协议|合同|达成.{0,6}合作|牵手|握手|引进|落户|敲定|落子|签"
        ),
    ),
    ("planned", re.compile(r"拟|计划|规划|将|预计|谋划|筹划|筹备")),
)
_SIGN = re.compile(r"签约|签订|签署|签下|签字|签了|签的|签|达成.{0,8}(?:合作|协议)|敲定")

# Enumerations.

_LIST = re.compile(
    rf"等(?P<count>\d+|[一二三四五六七八九十两]+)?(?:多|余)?(?:个|项|家|大)?(?P<kind>[{HAN}“”\"、]{{0,24}}?)项目(?!公司|组|部|负责)"
)
_LIST_NOT = re.compile(r"(?:涵盖|涉及|覆盖|聚焦|围绕|包括)[^、]{0,12}$")
_LIST_TAIL = re.compile(
    r"签|上车|落地|参加|开工|引进|入库|动工|集中|推介|亮相|路演|同步|成功|达成|落户|注入|揭牌|对接"
)
_LIST_CUT = re.compile(
    r"签约引进了?|引进了?|签约了?|签订了?|签署了?|签下了?|此外|另有|还有|其中|以及|包括|涵盖|推出了?|促成了?|确定了|落地了?|开工了?|实施了?|建设了?|现场|环节|仪式上|会上|当天|：|，|同步|集中|分别是|分别为|有(?=[^、]{3})|是|推动|推进"
)
_SINGLE = re.compile(r"促成(?P<body>[^，。；]{4,60}?)(?:[两三四五六七八九]|\d+)个项目(?:成功)?签约")

# Who.

_JOINT = re.compile(
    r"联合(?:投资|出资|体|打造|建设|开发)?|共同(?:投资|出资|开发|建设|组建|承建|计划|发起)?|合资|合组|合作(?:开发|投资|建设)|携手|一起|牵头|参股|组成|联同|合建|合计|组团"
)
_PAIR = re.compile(
    r"^(?:[”\"]?)(?:、|和|与|同|及|以及|携手|联合|联同|会同|跟|拉上|牵手|“牵手”|[ ]*&[ ]*|合作|[，,]|“?牵手”?|分别与|分别同|则聯同|则联同|则与|则同|双方)$"
)
_REFER = re.compile(r"推荐|介绍|牵线|搭桥|促成|协办|协助|引荐|提供了?支持|商会会长|帮")
_STATE = re.compile(
    r"国投|城投|投资发展|投资控股|产业投资|文旅投|文化旅游投资|城发|交投|供销集团|工业投资|产业园区投资|国有|农业产业发展|高创投|财金|金控|投资开发|发展集团|国资|产投|水投|经开|园区开发|开发建设|城市建设|农业发展集团|产业集团|国控|工投|农投"
)
_OWN_ADMIN = re.compile(r"^[省市县区州旗镇乡]")
_HOST_KIND = frozenset({"government", "zone"})


_OWNED = re.compile(
    rf"(?:投资|出资|建设|投建|合作开发|开发|合作|运营|打造|承建|兴建|主导|合资|独资|牵头|洽谈)的(?P<name>[{HAN}A-Za-z0-9“”·（）()]{{3,30}}?)(?=[，。；！]|[（(][^）)]{{0,6}}\d|揭牌|总投资|落户|选址|正在|项目|$)"
)
_OWN = re.compile(
    rf"(?:新建|在建|投资|拟建)?的(?P<name>[{HAN}A-Za-z0-9“”·]{{3,30}}?)(?=[，。；（(—]|正在|已|迁|落户|总投资|$)"
)
_CELL = re.compile(rf"[ ，,、]{{1,3}}(?P<name>[{HAN}A-Za-z0-9“”·]{{4,30}})(?=[ ，,])")
_NEW_FIRM = re.compile(
    r"(?:(?:合资|独资|共同出资|联合出资)[^，。；]{0,16}，?(?:成立|设立|组建)|(?:合资|独资)设立)(?:的|了)?(?=[\u4e00-\u9fff])"
)
_RAISE = re.compile(r"(?:有意|拟|计划|将|再)(?:追加|新)?(?P<name>增资[\d,.]+(?:亿|万)?(?:美元|欧元|元|港元))")


_ROW = re.compile(
    rf"[{HAN}A-Za-z0-9“”·（）().,\- ]{{4,50}}?项目(?:、[{HAN}A-Za-z0-9“”·（）().\- ]{{4,40}}?项目){{1,}}"
)


@dataclass
class Segment:
    """One run of a sentence that tells about one project: its name and what surrounds it."""

    start: int
    end: int
    name: Span | None = None
    how: str = ""
    orgs: list[Mention] = field(default_factory=list)


class Projects:
    """Reads the projects of one scanned text, in the order of the text."""

    def __init__(
        self,
        scan: Scan,
        region: Place | None,
        tables: Sequence[Table],
        genre: str,
        events: Sequence[Draft] = (),
        people: Sequence[Draft] = (),
    ) -> None:
        self.scan, self.text, self.region, self.genre = scan, scan.text, region, genre
        self.tables = tables
        self.drafts: list[Draft] = []
        self.region_names = province_names(region.code) if region else frozenset()
        self.signing_from = self._signing()
        self._last: Draft | None = None
        self._heading: Span | None = None
        self._event_spans = [draft.spans["name"][0] for draft in events if not draft.signals.get("ground")]
        self._speakers = {
            draft.name: draft.spans["org"][0]
            for draft in people
            if draft.spans.get("org") and len(draft.name) >= 2
        }

    def read(self) -> list[Draft]:
        taken: list[Span] = []
        for table in self.tables:
            if table.columns and table.columns[0] == "policy":
                taken.append((table.start, table.end))
                continue
            for row in table.rows:
                self._row(table, row.cells, (row.start, row.end))
            taken.append((table.start, table.end))
        taken += self._forms()
        for start, end in self.scan.sentences:
            if self.scan.furnished(start) or any(left <= start < right for left, right in taken):
                continue
            if end - start > 1200:
                continue
            self._sentence(start, end)
        self._hosts_of_ceremonies()
        return self._merged()

    def _hosts_of_ceremonies(self) -> None:
        """A与B项目签约仪式: A hosts what B brings."""
        for match in re.finditer(r"签约仪式|签署|签订|签约", self.text):
            low = self.scan.sentence_of(match.start())[0]
            orgs = self.scan.orgs_in(max(low, match.start() - 60), match.start())
            for host, guest in itertools.pairwise(orgs):
                if host.kind not in _HOST_KIND or self.text[host.end : guest.start] not in {
                    "与",
                    "和",
                    "同",
                    "分别与",
                }:
                    continue
                for draft in self.drafts:
                    if (
                        guest.text in draft.fields.get("investors", ())
                        and "local_party" not in draft.fields
                        and "table" not in draft.signals
                    ):
                        draft.put(
                            "local_party", self.scan.quote(host.start, host.end), (host.start, host.end)
                        )

    def _signing(self) -> int:
        """Where the text begins to tell of a signing; its length when it never does."""
        match = re.search(
            r"签约(?:仪式|活动|项目|\d+个)|(?:项目|协议).{0,6}签约|签下\d+个|现场签|集中签约|共签约|签了约|推介会|恳谈会|说明会|招商大会|签约",
            self.text,
        )
        return match.start() if match and self.genre != "park_intro" else len(self.text)

    # Tables and forms.

    def _row(self, table: Table, cells: Sequence[Span], whole: Span) -> None:
        scan, text = self.scan, self.text
        at = {
            column: cell
            for column, cell in zip(table.columns, cells, strict=False)
            if column and cell[0] < cell[1]
        }
        first = at.get("index") or cells[0]
        if re.match(r"^(?:合计|小计|总计|共计)", text[slice(*first)]) or re.match(
            r"^(?:合计|小计|总计|共计)", text[slice(*at.get("name", first))]
        ):
            return
        name = at.get("name") or at.get("content") or at.get("investor")
        if name is None or not re.search(rf"[{HAN}A-Za-z]{{2}}", text[slice(*name)]):
            return
        filled = [cell for cell in cells if cell[0] < cell[1] and cell != at.get("index")]
        draft = Draft("project", min(c[0] for c in filled), max(c[1] for c in filled))
        draft.signals["table"] = 1.0
        draft.put("name", scan.quote(*name), name)
        if "investor" in at:
            left, right = at["investor"]
            if not re.search(r"保密|待定|某|^[—－\-/]+$|未定", text[left:right]):
                for piece in re.finditer(r"[^、，,；;/\n]+", text[left:right]):
                    span = trimmed(scan, left + piece.start(), left + piece.end())
                    if span[0] < span[1]:
                        draft.add("investors", scan.quote(*span), span)
        for column, target in (("local", "local_party"), ("place", "place")):
            if column in at and not re.search(r"^[—－\-/]+$|待定", text[slice(*at[column])]):
                draft.put(target, scan.quote(*at[column]), at[column])
        if "amount" in at:
            left, right = at["amount"]
            cell = text[left:right]
            found = MONEY.search(text, left, right)
            if found:
                money = money_of(found)
                draft.put("amount_text", scan.quote(left, right), (left, right))
                if money.wan is not None:
                    draft.put("amount_wan", _plain(money.wan), (left, right))
            elif (number := re.fullmatch(r"(?:约)?([\d,.]+)", cell)) and table.unit:
                try:
                    draft.put(
                        "amount_wan",
                        _plain(round(float(number[1].replace(",", "")) * table.unit, 6)),
                        (left, right),
                    )
                    draft.put("amount_text", scan.quote(left, right), (left, right))
                except ValueError:
                    pass
        stage_text = text[slice(*at["stage"])] if "stage" in at else ""
        note = text[slice(*at["note"])] if "note" in at else ""
        title = text[max(0, table.start - 60) : table.start]
        stage = self._stage(stage_text, stage_text) if stage_text else None
        if stage is None:
            stage = (
                "negotiating"
                if re.search(r"在谈|洽谈|意向", title)
                else "signed"
                if re.search(r"签约", title) or self.signing_from < table.start
                else None
            )
        if "拟签约" in stage_text or "在谈" in stage_text:
            stage = "negotiating"
        draft.put("stage", stage or "other", at.get("stage", whole))
        self._finish(draft, agreement=_agreement(f"{stage_text} {note} {draft.name}", stage, draft.name))
        self.drafts.append(draft)

    def _forms(self) -> list[Span]:
        """Blocks of lines: a name, then 投资方：…, 总投资：…."""
        scan, text = self.scan, self.text
        taken: list[Span] = []
        lines = scan.lines
        at = 0
        keyed = re.compile(
            r"^\s*[（(]?(?:投资方|投资主体|投资单位|投资企业|签约双方|签约方|签约单位|总投资|投资额|项目名称|建设地点|落户地点|选址|看点|建设内容|甲方|乙方|引进单位|责任单位|承接单位|项目进展|项目状态|进展|项目内容|项目概况|项目简介)[）)]?\s*[：:]"
        )
        while at < len(lines):
            start, end = lines[at]
            own = keyed.match(text[start:end])
            follows = at + 1 < len(lines) and keyed.match(text[lines[at + 1][0] : lines[at + 1][1]])
            plain_name = re.match(
                rf"\s*\d{{1,2}}[.、 ]\s*[{HAN}A-Za-z0-9（）()]{{4,24}}\s*$", text[start:end]
            )
            if plain_name and at + 1 < len(lines):
                after = lines[at + 1]
                firm = next(iter(scan.orgs_in(after[0], min(after[1], after[0] + 40))), None)
                if firm is not None and firm.start - after[0] <= 2 and scan.money_in(*after):
                    self._form(lines[at : at + 2], False)
                    taken.append((start, after[1]))
                    at += 2
                    continue
            names_itself = own is not None and text[start:end].lstrip().startswith("项目名称")
            if not (
                names_itself
                or (own is None and follows and 3 <= end - start <= 40 and "。" not in text[start:end])
            ):
                at += 1
                continue
            stop = at + 1
            while (
                stop < len(lines)
                and keyed.match(text[lines[stop][0] : lines[stop][1]])
                and not text[lines[stop][0] : lines[stop][1]].lstrip().startswith("项目名称")
            ):
                stop += 1
            self._form(lines[at:stop], names_itself)
            taken.append((start, lines[stop - 1][1]))
            at = stop
        return taken

    def _form(self, lines: Sequence[Span], names_itself: bool) -> None:
        scan, text = self.scan, self.text
        start, end = lines[0]
        if names_itself:
            start = text.index("：" if "：" in text[start:end] else ":", start) + 1
        mark = re.match(r"\s*(?:[（(]?[\d一二三四五六七八九十]{1,3}[）).、．]?\s*)", text[start:end])
        span = trimmed(scan, start + (mark.end() if mark else 0), end)
        if span[0] >= span[1]:
            return
        draft = Draft("project", span[0], lines[-1][1], signals={"form": 1.0})
        draft.put("name", scan.quote(*span), span)
        segment = Segment(span[1], lines[-1][1], span, "form", scan.orgs_in(span[1], lines[-1][1]))
        self._fill(draft, segment)
        self.drafts.append(draft)
        self._last = draft

    # Sentences.

    def _sentence(self, start: int, end: int) -> None:
        line_start, _ = self.scan.line_of(start)
        if start <= line_start + 1:
            self._heading = None
        if self._listed(start, end):
            return
        heading = self._heading_of(start, end)
        if heading is not None:
            self._heading = heading
            return
        orgs = [org for org in self.scan.orgs_in(start, end) if not self._referrer(org, end)]
        if (
            self._last is not None
            and re.match(r"\s*[“\"]?(?:该|此)项目", self.text[start:end])
            and start - self._last.end < 120
        ):
            self._continue(start, end, orgs)
            return
        names = self._names(start, end, orgs) or self._bare_agreement(start, end, orgs)
        if not names and self._heading is not None and (orgs or self.scan.money_in(start, end)):
            segment = Segment(start, end, self._heading, "heading", orgs)
            self._accept(segment, cover=self._heading)
            self._heading = None
            return
        if self._heading is not None and names:
            # A list item's heading names the project; what follows tells of it.
            segment = Segment(start, end, self._heading, "heading", orgs)
            self._accept(segment, cover=self._heading)
            self._heading = None
            return
        if not names:
            self._continue(start, end, orgs)
            return
        for segment in self._segments(start, end, names, orgs):
            self._accept(segment)
        self._respectively(start, end, names)

    def _respectively(self, start: int, end: int, names: Sequence[tuple[Span, str]]) -> None:
        """铝塑板、铝灰渣资源化利用两个项目…，投资额分别是1.5亿元、8500万元."""
        found = re.search(r"分别(?:是|为)", self.text[start:end])
        if not found or len(names) < 2:
            return
        sums = self.scan.money_in(start + found.end(), end)
        ours = [
            d
            for d in (
                next((d for d in reversed(self.drafts) if d.spans["name"][0] == span), None)
                for span, _ in names
            )
            if d is not None
        ]
        if len(sums) != len(names) or len(ours) < 1:
            return
        spread = next((d for d in ours if d.fields.get("investors")), None)
        for (span, _), money in zip(names, sums, strict=True):
            draft = next((d for d in reversed(self.drafts) if d.spans["name"][0] == span), None)
            if draft is None:
                draft = Draft("project", *trimmed(self.scan, start, end), signals={"project": 1.0})
                draft.put("name", self.scan.quote(*span), span)
                draft.put("stage", (spread or ours[0]).fields.get("stage", "signed"), (start, end))
                self._finish(draft, (spread or ours[0]).fields.get("agreement"))
                self.drafts.append(draft)
            at = trimmed(self.scan, money.start, money.end)
            draft.replace("amount_text", self.scan.quote(*at), at)
            draft.fields.pop("amount_wan", None)
            if money.wan is not None:
                draft.put("amount_wan", _plain(money.wan), at)
            if spread is not None and "investors" not in draft.fields:
                draft.put("investors", list(spread.fields["investors"]), *spread.spans["investors"])

    def _heading_of(self, start: int, end: int) -> Span | None:
        """A list item that begins with a name: 「——再生涤纶长丝项目。」."""
        body = self.text[start:end]
        match = re.match(
            rf"\s*(?:——|[—\-·●■★▍*]+|[（(]?[\d一二三四五六七八九十]{{1,3}}[）).、．]|[①-⑳]|\d{{2}} )\s*(?P<name>[{HAN}A-Za-z0-9.（）()、+\-“”]{{4,40}}?(?:项目|工程|基地|产业园|中心|生产线))[。：:]?\s*$",
            body,
        )
        if not match:
            return None
        return start + match.start("name"), start + match.end("name")

    def _listed(self, start: int, end: int) -> bool:
        """ "A、B、C等12个项目": three projects. True when the sentence was read as a list."""
        text = self.text
        done = False
        single = _SINGLE.search(text, start, end)
        spots: list[tuple[int, int, str]] = []
        if single:
            spots.append((single.start("body"), single.end("body"), ""))
        for match in _LIST.finditer(text, start, end):
            begin = start
            items_at = match.start()
            for cut in _LIST_CUT.finditer(text, start, items_at):
                # A cut inside an item of the list is part of that item's name.
                if "、" not in text[start : cut.start()] or cut[0] in "，：":
                    begin = cut.end()
            if _LIST_NOT.search(text[max(start, begin - 14) : begin]) and not match["count"]:
                continue
            if re.search(r"涵盖|涉及|覆盖", text[max(start, begin - 6) : begin]):
                continue
            tail = text[match.end() : min(end, match.end() + 24)]
            head = text[start:begin]
            if re.search(r"产业链|产业|领域|类$|行业|方面", match["kind"]) or text[begin : begin + 2] in {
                "涉及",
                "涵盖",
            }:
                continue
            if not (_LIST_TAIL.search(tail) or _LIST_TAIL.search(head[-14:])):
                continue
            spots.append((begin, items_at, match["kind"]))
        for begin, stop, kind in spots:
            items = [
                trimmed(self.scan, begin + piece.start(), begin + piece.end())
                for piece in re.finditer(r"[^、]+", text[begin:stop])
            ]
            items = [(a, b) for a, b in items if b - a >= 2]
            if not items or (len(items) == 1 and not kind and not single):
                continue
            if any(self.scan.orgs_in(a, b) for a, b in items) and len(self.scan.orgs_in(begin, stop)) >= len(
                items
            ):
                continue
            if any(b - a > 36 for a, b in items):
                continue
            signed = bool(_SIGN.search(text, start, end)) or self.signing_from <= start
            confirmed = re.search(r"确定了|已确定|目前已经", text[start:begin]) is not None
            if confirmed and not _SIGN.search(text, start, end):
                continue
            stage = (
                "construction"
                if re.search(r"开工|动工", text[stop : stop + 30]) and "签" not in text[start:end]
                else "signed"
                if signed
                else "other"
            )
            evidence = (begin if "，" in text[start:begin] else start, min(end, stop + 60))
            evidence = trimmed(self.scan, *evidence)
            if single:
                items = [piece for a, b in items for piece in _halves(text, a, b)]
            items = [_balanced(text, *item) for item in items]
            for a, b in items:
                draft = Draft("project", evidence[0], evidence[1], signals={"list": 1.0})
                draft.put("name", self.scan.quote(a, b), (a, b))
                draft.put("stage", stage, evidence)
                town = self._town_in(a, b)
                if town:
                    draft.put("place", self.scan.quote(*town), town)
                named = not re.search(r"引进", text[max(start, begin - 6) : begin])
                self._finish(draft, agreement="project" if stage == "signed" and named else None)
                self.drafts.append(draft)
            done = True
        return done or self._row_of_projects(start, end)

    def _row_of_projects(self, start: int, end: int) -> bool:
        """A项目、B项目、C项目: three names side by side, without parties of their own."""
        text = self.text
        runs = list(_ROW.finditer(text, start, end))
        if not runs:
            return False
        done = False
        for run in runs:
            low = run.start()
            for cut in re.finditer(
                r"分别(?:是|为)|包括|其中|：|，|有(?=[^、]{4})|以及|签约了?|的是|是(?=[^、]{4})",
                text[low : run.end()],
            ):
                if "、" not in text[low : low + cut.start()]:
                    low = run.start() + cut.end()
            priced = len(re.findall(r"投资[\d. ]+(?:亿|万)元的", text[low : run.end()])) >= 2
            if not priced and len(self.scan.orgs_in(low, run.end())) > 1:
                continue
            stage = self._stage(text[start:end], "") or ("signed" if self.signing_from <= start else "other")
            if stage == "planned":
                stage = "signed" if self.signing_from <= start else "planned"
            for piece in re.finditer(r"[^、]+", text[low : run.end()]):
                a, b = low + piece.start(), low + piece.end()
                lead = re.match(
                    r"(?:(?:计划)?总?投资[\d. ]+(?:亿|万)元的)|.{2,10}(?:开发区|园区|镇)的", text[a:b]
                )
                money = next(iter(self.scan.money_in(a, a + lead.end())), None) if lead else None
                a, b = _balanced(text, *trimmed(self.scan, a + (lead.end() if lead else 0), b))
                name = text[a:b]
                if len(name) < 4 or _GENERIC_NAME.match(name):
                    continue
                draft = Draft("project", *trimmed(self.scan, start, end), signals={"list": 1.0})
                draft.put("name", self.scan.quote(a, b), (a, b))
                draft.put("stage", stage, (start, end))
                if money is not None:
                    at = trimmed(self.scan, money.start, money.end)
                    draft.put("amount_text", self.scan.quote(*at), at)
                    if money.wan is not None:
                        draft.put("amount_wan", _plain(money.wan), at)
                if priced:
                    for org in self.scan.orgs_in(a, b):
                        if org.kind == "company":
                            draft.add("investors", self.scan.quote(org.start, org.end), (org.start, org.end))
                self._finish(draft, "project" if stage == "signed" else None)
                self.drafts.append(draft)
                done = True
        return done

    def _town_in(self, start: int, end: int) -> Span | None:
        match = re.match(rf"[{HAN}]{{2,4}}(?:镇|乡|街道)", self.text[start:end])
        return (start, start + match.end()) if match else None

    def _referrer(self, org: Mention, end: int) -> bool:
        """A chamber that only brought the parties together."""
        after = self.text[org.end : min(end, org.end + 14)]
        return (
            org.kind == "association"
            and bool(_REFER.search(after))
            and not re.match(r"签|组团投资|投资", after)
        )

    def _names(self, start: int, end: int, orgs: Sequence[Mention]) -> list[tuple[Span, str]]:
        """Everything in the sentence that names a project, best reading of each place."""
        text = self.text
        found: list[tuple[Span, str]] = []
        for match in re.finditer(r"《([^》]{4,50}?(?:协议|合同|备忘录|意向书))》", text[start:end]):
            found.append(((start + match.start(1), start + match.end(1)), "agreement"))
        for match in _PROJECT.finditer(text, start, end):
            if _NOT_PROJECT.match(text, match.end()) or any(a <= match.start() < b for (a, b), _ in found):
                continue
            if any(a <= match.start() < b for a, b in self._event_spans):
                continue
            span = self._left(match.start(), match.end(), start, orgs)
            if span is not None:
                found.append((span, "project"))
        for match in _AGREEMENT.finditer(text, start, end):
            if re.search(r"不是", match["name"]):
                continue
            span = trimmed(self.scan, match.start("name"), match.end("name"))
            name = text[slice(*span)]
            if _GENERIC_AGREEMENT.match(name) or any(a < span[1] and span[0] < b for (a, b), _ in found):
                continue
            inner = re.match(r"(.+?)项目?(?:合同|投资协议|合作协议|协议)$", name)
            if (
                inner
                and len(inner[1]) >= 4
                and not name.endswith(("备忘录", "意向书"))
                and not re.search(r"战略|合作|服务|研发|培养|框架", inner[1])
            ):
                span = (
                    span[0],
                    span[0] + len(inner[1]) + (2 if name[len(inner[1]) : len(inner[1]) + 2] == "项目" else 0),
                )
            elif (
                not inner
                and (plain := re.match(r"(.{5,}?)(?:合同)$", name))
                and not re.search(r"服务|采购|合作|购销|租赁|设计服务", plain[1])
            ):
                span = (span[0], span[0] + len(plain[1]))
            found.append((span, "agreement"))
        for match in _MATTER.finditer(text, start, end):
            landing = re.search(r"落户|选址|落地|与[^，。]{4,20}(?:局|委|公司|政府|中心)$", match["name"])
            stop = match.start("name") + landing.start() if landing else match.end("name")
            span = trimmed(self.scan, match.start("name"), stop)
            if not any(a < span[1] and span[0] < b for (a, b), _ in found) and span[1] - span[0] >= 4:
                found.append((span, "matter"))
        found += self._known(start, end, found)
        found += self._owned(start, end, orgs, found)
        found += self._objects(start, end, orgs, found)
        found.sort()
        return found

    def _bare_agreement(self, start: int, end: int, orgs: Sequence[Mention]) -> list[tuple[Span, str]]:
        """合作备忘录 between two parties, where nothing else names the deal."""
        if len(orgs) < 2:
            return []
        for match in _AGREEMENT.finditer(self.text, start, end):
            if re.search(r"不是$", self.text[max(start, match.start() - 3) : match.start()]):
                continue
            span = trimmed(self.scan, match.start("name"), match.end("name"))
            return [(span, "agreement")]
        paper = re.search(r"一[纸份](?P<name>[^，。；]{2,14}?(?:合同|协议))", self.text[start:end])
        return [((start + paper.start("name"), start + paper.end("name")), "agreement")] if paper else []

    def _left(self, at: int, stop: int, low: int, orgs: Sequence[Mention]) -> Span | None:
        """The noun phrase that ends with 项目 at ``at``:``stop``."""
        text = self.text
        begin = max(low, at - 44)
        earlier = text.rfind("项目", begin, at)
        if earlier >= 0 and text[earlier + 2 : earlier + 3] in "和及与、，":
            begin = earlier + 2
        for org in orgs:
            if begin < org.end <= at:
                begin = org.end
        depth = at
        while depth > begin:
            char = text[depth - 1]
            if char in "，。；：！？\n《》|":
                break
            if char == "、" and not self._inside_list(depth, begin, at):
                break
            if char in "）)":
                opened = max(text.rfind("（", begin, depth - 1), text.rfind("(", begin, depth - 1))
                if opened < 0:
                    break
                depth = opened
                continue
            if char in "（(":
                break
            depth -= 1
        begin = depth
        for money in self.scan.money_in(begin, at):
            begin = money.end
        for match in _CUT.finditer(text, begin, at):
            if match.end() < at - 1:
                begin = match.end()
        begin, end = trimmed(self.scan, begin, stop, strip=" \n　“”\"'‘’，。、；：:;,.的")
        if stop < len(text) and text[begin - 1 : begin] == "“" and text[stop : stop + 1] == "”":
            pass
        while begin < end and text[begin] in "和及与、同":
            begin += 1
        name = text[begin:end]
        if re.search(r"签约的?项目$|^.{0,12}最.{1,6}的项目$|^让", name) or not name:
            return None
        bare = re.sub(r"项目.*$", "", name)
        if (
            len(bare) < 2
            or _GENERIC_NAME.match(name)
            or _GENERIC_NAME.match(bare)
            or not re.search(rf"[{HAN}]", bare)
        ):
            return None
        if re.search(r"一系列|一批|多个|若干|[两三四五六七八九十]个$", text[max(low, begin - 4) : begin]):
            return None
        if re.search(r"[两三四五六七八九十\d]个$|等$|以上$|类$", bare) or len(name) > 42:
            return None
        return begin, end

    def _inside_list(self, depth: int, begin: int, at: int) -> bool:
        """Whether a mark 、 stands inside one name (八角、玉桂精油提取项目): only after 的 or a verb close before it."""
        head = self.text[max(begin, depth - 9) : depth - 1]
        return (
            bool(re.search(r"的[^、，的]{1,6}$|签订[^、，]{1,6}$|办一个[^、，]{1,6}$", head))
            and at - depth <= 14
        )

    def _known(self, start: int, end: int, found: Sequence[tuple[Span, str]]) -> list[tuple[Span, str]]:
        """Projects named before in a list, told of again without the word 项目."""
        out: list[tuple[Span, str]] = []
        for draft in self.drafts:
            if not draft.signals.get("list"):
                continue
            core = _core(self._label(draft))
            at = self.text.find(core, start, end) if len(core) >= 3 else -1
            if at >= 0 and not any(a < at + len(core) and at < b for (a, b), _ in [*found, *out]):
                out.append(((at, at + len(core)), "project"))
        return out

    def _owned(
        self, start: int, end: int, orgs: Sequence[Mention], found: Sequence[tuple[Span, str]]
    ) -> list[tuple[Span, str]]:
        """…公司投资的皖北医药云仓, …公司的烘焙粮生产线: what stands behind 的, or in a cell beside the company."""
        text = self.text
        out: list[tuple[Span, str]] = []

        def take(a: int, b: int, how: str) -> None:
            a, b = trimmed(self.scan, a, b)
            name = text[a:b]
            if (
                3 <= len(name) <= 30
                and not any(x < b and a < y for (x, y), _ in [*found, *out])
                and not _BAD_OBJECT.search(name)
                and not _GENERIC_NAME.match(name)
                and not MONEY.search(name)
            ):
                out.append(((a, b), how))

        for match in _OWNED.finditer(text, start, end):
            name = match["name"]
            if _HEADS.search(name) and (orgs or self.scan.money_in(start, end)):
                take(match.start("name"), match.end("name"), "object")
        for org in orgs:
            if org.kind != "company":
                continue
            own = _OWN.match(text, org.end, end)
            if own and _HEADS.search(own["name"]):
                take(own.start("name"), own.end("name"), "object")
                continue
            cell = _CELL.match(text, org.end, end)
            if cell and _HEADS.search(cell["name"]) and self.scan.money_in(cell.end(), end):
                take(cell.start("name"), cell.end("name"), "object")
        joint = _NEW_FIRM.search(text, start, end)
        if joint and not found:
            firm = next((org for org in orgs if org.start == joint.end() and org.kind == "company"), None)
            if firm is not None and len(orgs) >= 2:
                out.append(((firm.start, firm.end), "object"))
        if not found and not out and (raise_ := _RAISE.search(text, start, end)) and orgs:
            out.append(((raise_.start("name"), raise_.end("name")), "object"))
        return out

    def _objects(
        self, start: int, end: int, orgs: Sequence[Mention], found: Sequence[tuple[Span, str]]
    ) -> Iterator[tuple[Span, str]]:
        """What a verb of building has as its object: 兴建浮动轴承工厂."""
        text = self.text
        if not orgs and not self.scan.money_in(start, end):
            return
        if found:
            return
        best: tuple[Span, str] | None = None
        for match in _VERB.finditer(text, start, end):
            if any(org.start <= match.start() < org.end for org in orgs):
                continue
            begin = match.end()
            stop = begin
            while stop < end and text[stop] not in "，。；！？（(\n：）)":
                stop += 1
            body = text[begin:stop]
            lead = re.match(r"(?:一座|一个|一条|一家|一处|全国首个|全省首个|总部型)?", body)
            begin += lead.end() if lead else 0
            inner = body.rfind("的")
            if 0 <= inner < len(body) - 3 and not re.match(r"日产|年产", body):
                begin = match.end() + inner + 1
            a, b = trimmed(self.scan, begin, stop)
            name = text[a:b]
            tail = re.search(r"^(.+?)(?:[，,]|等(?:项目|产业|$))", name)
            if tail:
                b = a + len(tail[1])
                name = text[a:b]
            if not 3 <= len(name) <= 30 or _BAD_OBJECT.search(name) or MONEY.search(name):
                continue
            head = bool(_HEADS.search(name))
            if not head and match[0] not in {"开发", "合作开发", "扩建", "改造", "做", "生产"}:
                continue
            if match[0] in {"做", "生产", "改造", "扩建", "开发"}:
                if not self.scan.money_in(start, end):
                    continue
                if match[0] in {"改造", "扩建"}:
                    a = match.start()
            if match[0] == "合作开发":
                a = match.start() if not head else a
            candidate = ((a, b), "object")
            if best is None or (head and not _HEADS.search(text[slice(*best[0])])):
                best = candidate
        if best:
            yield best

    def _segments(
        self, start: int, end: int, names: Sequence[tuple[Span, str]], orgs: Sequence[Mention]
    ) -> Iterator[Segment]:
        """Part a sentence among the projects it names."""
        text = self.text
        kept: list[tuple[Span, str]] = []
        for span, how in names:
            if kept and span[0] < kept[-1][0][1]:
                continue
            same = next(
                (k for k, (other, _) in enumerate(kept) if _alike(text[slice(*other)], text[slice(*span)])),
                None,
            )
            if same is not None:
                if (
                    how == "agreement"
                    and kept[same][1] == "agreement"
                    and self.scan.orgs_in(kept[same][0][1], span[0])
                ):
                    kept.append((span, how))
                continue
            kept.append((span, how))
        kept = [
            (span, how)
            for span, how in kept
            if how != "project"
            or not re.search(r"培育|孵化|支持|服务", text[max(start, span[0] - 6) : span[0] + 4])
        ] or kept
        deal = next((span for span, how in kept if how == "agreement" and "战略" in text[slice(*span)]), None)
        if deal is not None and len(orgs) >= 2:
            # What follows a strategic agreement is what it is about, not a second deal.
            kept = [
                (span, how) for span, how in kept if span == deal or span[1] <= deal[0] or how == "agreement"
            ]
        elif any(how == "project" for _, how in kept):
            # A bare agreement beside a named project is how that project was signed.
            kept = [
                (span, how)
                for span, how in kept
                if how != "agreement"
                or re.search(r"备忘录|服务合同|培养|研发", text[slice(*span)])
                or not re.search(r"协议|合同", text[slice(*span)])
            ] or kept
        bounds = [start]
        for (left, _), (right, _) in itertools.pairwise(kept):
            between = [org for org in orgs if left[1] <= org.start and org.end <= right[0] + 1]
            cut = right[0]
            for org in between:
                # The first organisation after the one before is spoken for opens the next segment.
                mark = max(text.rfind(c, left[1], org.start) for c in "，、；")
                if mark >= 0 and not re.search(r"投资方|投资主体|由$", text[left[1] : mark]):
                    cut = mark + 1
                    break
            else:
                mark = max(text.rfind(c, left[1], right[0]) for c in "，、；")
                cut = mark + 1 if mark >= 0 else right[0]
            bounds.append(max(cut, bounds[-1]))
        bounds.append(end)
        for (span, how), low, high in zip(kept, bounds, bounds[1:], strict=False):
            inside = [
                org
                for org in orgs
                if low <= org.start and org.end <= high and not (span[0] <= org.start and org.end <= span[1])
            ]
            apart = re.search(r"分别(?:与|同|和)", text[low:high]) if how == "agreement" else None
            turn = low + apart.end() if apart else high
            guests = [org for org in inside if turn <= org.start and org.end <= span[0]]
            if len(guests) >= 2:
                hosts = [org for org in inside if org.end <= turn]
                for guest in guests:
                    yield Segment(low, high, span, how, [*hosts, guest])
                continue
            yield Segment(low, high, span, how, inside)

    def _accept(self, segment: Segment, cover: Span | None = None) -> None:
        """Make a draft of a segment when it says enough of a project."""
        text, scan = self.text, self.scan
        if segment.name is None:
            return
        body = text[segment.start : segment.end]
        money = self._amount(segment)
        parties = bool(segment.orgs)
        told = bool(_SIGN.search(body)) or bool(
            re.search(r"投资|出资|开工|动工|投产|落户|引进|选址|入驻|共建|试产|施工|工程", body)
        )
        name = text[slice(*segment.name)]
        claim = re.search(r"(?:历史|曾经|位居|第一|排名)", body)
        if segment.how == "agreement" and not parties:
            return
        if (
            segment.how in {"object", "matter"}
            and not (parties and (money or _SIGN.search(body) or re.search(r"合作|拟|计划|将", body)))
            and not (money and told)
        ):
            return
        if segment.how == "project" and not ((parties and told) or (money and told) or (parties and money)):
            known = next((d for d in self.drafts if _alike(self._label(d), name)), None)
            if known is None:
                self._weak(segment, body)
            else:
                self._last = known
                known.signals["end"] = float(segment.end)
            return
        if self.genre == "policy" and not (parties and money):
            return
        if claim and not money:
            return
        a, b = trimmed(scan, segment.start, segment.end)
        draft = Draft("project", min(a, cover[0]) if cover else a, b, signals={segment.how: 1.0})
        draft.put("name", scan.quote(*segment.name), segment.name)
        self._fill(draft, segment)
        if (
            "investors" not in draft.fields
            and "amount_text" not in draft.fields
            and "local_party" not in draft.fields
        ):
            draft.signals["bare"] = 1.0
        self.drafts.append(draft)
        self._last = draft

    def _weak(self, segment: Segment, body: str) -> None:
        """A project without parties or money: told by its stage or its negotiation alone."""
        if segment.name is None:
            return
        stage = re.search(r"磋商|商讨|签约|签订|破土动工|开工仪式", body)
        if not stage or segment.how != "project" or re.search(r"仪式|推介会|恳谈会", body):
            return
        a, b = trimmed(self.scan, segment.start, segment.end)
        draft = Draft("project", a, b, signals={"weak": 1.0})
        draft.put("name", self.scan.quote(*segment.name), segment.name)
        self._fill(draft, segment)
        self.drafts.append(draft)
        self._last = draft

    def _continue(self, start: int, end: int, orgs: Sequence[Mention]) -> None:
        """A sentence that goes on about the last project: 项目总投资50亿元, 该项目由…."""
        last = self._last
        text = self.text
        body = text[start:end]
        if last is None or start - max(last.end, int(last.signals.get("end", 0))) > 120:
            return
        if not re.match(
            r"\s*[“\"]?(?:该|此|本|整个|全部)?(?:项目|工程|园区建成|一期|二期|合作|协议)|\s*(?:总投资|计划总?投资|预计总?投资|投资额|建成|达产|选址|占地|用地)",
            body,
        ):
            return
        segment = Segment(start, end, last.spans["name"][0], "goes on", list(orgs))
        before = dict(last.fields)
        self._fill(last, segment, update=True)
        if last.fields != before and start - last.end < 200:
            last.cover(*trimmed(self.scan, start, end))

    # Fields.

    def _fill(self, draft: Draft, segment: Segment, update: bool = False) -> None:
        scan, text = self.scan, self.text
        body = text[segment.start : segment.end]
        money = self._amount(segment)
        restated = (
            money is not None and update and "amount_text" in draft.fields and bool(draft.signals.get("part"))
        )
        if (
            restated
            and money is not None
            and _STRONG.search(text[max(segment.start, money.start - 12) : money.start])
        ):
            for field_name in ("amount_text", "amount_wan"):
                draft.fields.pop(field_name, None)
        if money is not None and "amount_text" not in draft.fields:
            if _PART.search(text[max(segment.start, money.start - 12) : money.start]):
                draft.signals["part"] = 1.0
            span = trimmed(scan, money.start, money.end)
            draft.put("amount_text", scan.quote(*span), span)
            if money.wan is not None:
                draft.put("amount_wan", _plain(money.wan), span)
        locals_, investors = self._parties(segment)
        if not update or not ("investors" in draft.fields or "local_party" in draft.fields):
            for org in investors:
                draft.add("investors", scan.quote(org.start, org.end), (org.start, org.end))
            if locals_:
                org = locals_[0]
                draft.put("local_party", scan.quote(org.start, org.end), (org.start, org.end))
        place = self._place(segment)
        if place:
            draft.put("place", scan.quote(*place), place)
        stage = self._stage(body, self._label(draft))
        if stage is None and segment.how != "goes on":
            stage = self._stage(text[slice(*self.scan.sentence_of(segment.start))], "")
        line = self.scan.line_of(segment.start)[0]
        opened = re.search(r"(?:同步|集中|当天)开工的?", text[line : segment.start])
        if (
            opened
            and stage in {None, "signed", "planned"}
            and not re.search(r"签约", text[line + opened.end() : segment.end])
        ):
            stage = "construction"
        if stage is None or stage == "planned":
            signed = self.signing_from <= segment.start and self.genre not in {"policy", "park_intro"}
            stage = (
                "signed"
                if signed
                else stage
                or (
                    "construction"
                    if self.genre == "park_intro" and re.search(r"正在|建设|目前", body)
                    else "other"
                )
            )
        strong = stage in {"construction", "production"}
        if update:
            if strong and draft.fields.get("stage") in {"signed", "other", "planned", None}:
                draft.replace("stage", stage, (segment.start, segment.end))
                draft.fields.pop("agreement", None)
            return
        draft.put("stage", stage, trimmed(scan, segment.start, segment.end))
        self._finish(draft, agreement=_agreement(body, stage, self._label(draft)))

    def _label(self, draft: Draft) -> str:
        """The name in the cleaned text: simplified, without glosses."""
        spans = draft.spans.get("name")
        return self.text[slice(*spans[0])] if spans else draft.name

    def _finish(self, draft: Draft, agreement: str | None) -> None:
        evidence = (draft.start, draft.end)
        label = self._label(draft)
        if agreement:
            draft.put("agreement", agreement, evidence)
        around = (
            self.text[slice(*evidence)]
            if len(label) < 8 or "协议" in label or "合同" in label or "备忘" in label
            else ""
        )
        sector = sector_of(
            label,
            around[:200],
            self.scan.lexicon,
            " ".join(self.text[slice(*span)] for span in draft.spans.get("investors", ())),
        )
        draft.put("sector", sector, *draft.spans.get("name", [evidence]))

    def _amount(self, segment: Segment) -> Money | None:
        """The sum that the project costs, among all sums of the segment."""
        text = self.text
        best: tuple[int, Money] | None = None
        for money in self.scan.money_in(segment.start, segment.end):
            if re.search(
                r"等(?:\d+|[一二三四五六七八九十]+)个(?:总投资)?$",
                text[max(segment.start, money.start - 10) : money.start],
            ):
                continue
            if re.search(
                r"\d个(?:项目)?，(?:协议|计划|合同)?总?投资(?:总?额)?(?:达|约|为)?$",
                text[max(segment.start, money.start - 20) : money.start],
            ):
                continue
            before = text[max(segment.start, money.start - 16) : money.start]
            before = (
                re.split(r"[，。；、：]", before)[-1] if not before.endswith(("：", "，", "、")) else before
            )
            after = text[money.end : money.end + 6]
            rank = 0
            if re.match(r"\s*(?:以上|/|每|的?补|奖)", after):
                continue
            if _PART.search(before):
                rank = 2
            elif _STRONG.search(before):
                rank = 9
            elif _BAD_MONEY.search(before):
                continue
            elif _GOOD.search(before):
                rank = 7 if "设备投资" not in before else 5
            elif text[money.start - 1 : money.start] in "（(" or re.match(r"(?:的)?投资", after):
                rank = 6
            elif text[money.start - 1 : money.start] in "，,： \t|" and (
                after[:1] in "，,。；; \n\t|" or not after
            ):
                rank = 5
            elif re.match(r"(?:用于|购置|建设|兴建|设立|改造|，)", after):
                rank = 4
            if rank and segment.name and money.start >= segment.name[1] and rank < 9:
                rank += 1
            if rank and (best is None or rank > best[0]):
                best = (rank, money)
        return best[1] if best else None

    def _is_local(self, org: Mention) -> bool:
        if org.kind in _HOST_KIND:
            return True
        if _OWN_ADMIN.match(org.text):
            return True
        places = self.scan.places_in(org.start, org.end)
        if self.region is not None:
            for place in places[:2]:
                if cast(Place, place.value).code.startswith(self.region.code) or (
                    place.text in self.region_names and cast(Place, place.value).level == 6
                ):
                    return True
            stem = re.sub(r"[省市县区旗]$", "", self.region.name)
            if len(stem) >= 2 and stem in org.text[:8]:
                return True
        return False

    def _same_province(self, org: Mention) -> bool:
        places = self.scan.places_in(org.start, org.end)
        return bool(self.region and places and cast(Place, places[0].value).code[:2] == self.region.code[:2])

    def _parties(self, segment: Segment) -> tuple[list[Mention], list[Mention]]:
        """Who hosts and who comes in, among the organisations of a segment."""
        text = self.text
        orgs = self._full(segment)
        companies = [org for org in orgs if org.kind in {"company", "education", "association", "centre"}]
        hosts = [org for org in orgs if org.kind in _HOST_KIND]
        body = text[segment.start : segment.end]
        signs = bool(_SIGN.search(body))
        owner = re.search(r"甲方(?:是|为|[：:])", body)
        if not orgs:
            return [], []
        if len(orgs) == 1:
            org = orgs[0]
            if org.kind in _HOST_KIND or (
                self._is_local(org) and _STATE.search(org.text) and not re.search(r"投资方|投资人", body)
            ):
                near = (
                    re.search(r"[与同和跟由]$", text[max(segment.start, org.start - 1) : org.start])
                    or signs
                    or re.search(r"建设|自筹|合作", body)
                )
                return ([org], []) if near else ([], [])
            return [], [org]
        if hosts and companies:
            acting = [host for host in hosts if self._acts(host, segment, orgs)]
            coming = [c for c in companies if not self._aside(c, segment)]
            if acting or len(coming) < 2:
                return acting[:1], coming
        if hosts and not companies:
            return hosts[:1], []
        companies = [c for c in companies if not self._aside(c, segment)]
        if len(companies) < 2:
            return [], companies
        local = [org for org in companies if self._is_local(org)]
        joint = _JOINT.search(body)
        by_list = text[companies[0].end : companies[1].start].strip() == "、"
        if by_list:
            return [], companies
        if owner:
            first = next((org for org in companies if org.start >= segment.start + owner.start()), None)
            if first:
                return [first], [org for org in companies if org is not first]
        pair = (
            bool(_PAIR.match(text[companies[0].end : companies[1].start].strip()))
            or signs
            or "合作" in body
            or "合建" in body
        )
        if not pair and not joint:
            return [], companies[:1]
        invest_together = re.search(
            r"共同(?:投资|出资|计划)|参股|组团|联合(?:投资|出资|体)|合组|共同投资|合作的|牵头", body
        )
        state = [
            org
            for org in local
            if _STATE.search(org.text) or _OWN_ADMIN.match(org.text) or org.kind != "company"
        ]
        if invest_together and not (state and not re.search(r"共同出资|参股", body)):
            return [], companies
        if local and len(local) < len(companies):
            if joint and not state and not signs and "合资" not in body:
                return [], companies
            return local[:1], [org for org in companies if org is not local[0]]
        if signs or "合作" in body or "牵手" in body:
            close = [org for org in companies if self._same_province(org)]
            if close and len(close) < len(companies):
                return close[:1], [org for org in companies if org is not close[0]]
            schools = [org for org in companies if org.kind == "education"]
            if schools and len(schools) < len(companies):
                firms = [org for org in companies if org.kind != "education"]
                return firms[:1], schools
            return companies[:1], companies[1:]
        return [], companies

    def _acts(self, host: Mention, segment: Segment, orgs: Sequence[Mention]) -> bool:
        """Whether a public body takes part rather than being spoken of."""
        text = self.text
        before = text[max(segment.start, host.start - 3) : host.start]
        after = text[host.end : min(segment.end, host.end + 4)]
        return bool(
            re.search(r"[与同和跟、&]\s*$|代表与$|：\s*$|拉上$", before)
            or re.match(r"[与同和跟、]|签|\s*&|代表|共建|就", after)
            or (re.search(r"[由]$", before) and re.search(r"共建|合作|与", text[host.end : segment.end]))
        )

    def _aside(self, org: Mention, segment: Segment) -> bool:
        """Whether an organisation is only mentioned: who manages, who was visited, a brand's seat."""
        text = self.text
        after = text[org.end : min(segment.end, org.end + 8)]
        before = text[max(segment.start, org.start - 8) : org.start]
        return bool(
            (
                re.match(r"(?:的?董事长|的?总经理|负责人|相关负责人|有关负责人)(?!.{0,12}签)", after)
                and not re.search(r"签|投资", text[segment.start : org.start])
                and len(segment.orgs) > 1
            )
            or re.search(r"(?:成立|设立|组建|注册|托管给|委托|毗邻|供给|考察|属于)(?:了)?$", before)
            or (org.kind == "association" and re.match(r"(?:会长|副会长|秘书长|推荐|介绍)", after))
        )

    def _full(self, segment: Segment) -> list[Mention]:
        """The organisations of the segment, short forms replaced by the full name they stand for; each once."""
        out: list[Mention] = []
        for org in segment.orgs:
            full = self.full_name(org)
            if any(full.text == other.text for other in out):
                continue
            if any(
                org.text in other.text or (other.text in full.text and other.kind == full.kind)
                for other in out
            ):
                continue
            out.append(full)
        if not out:
            for name, span in self._speakers.items():
                if self.text.find(name, segment.start, segment.end) >= 0:
                    out += [self.full_name(org) for org in self.scan.orgs_in(*span) if org.kind == "company"]
                    break
        if not out and segment.name is not None:
            out += self._brand(segment.name)
        if not out and re.search(
            r"该公司|公司(?:此次|这次|将|计划|拟)|后者|前者|该企业", self.text[segment.start : segment.end]
        ):
            index = self.scan.sentence_index(segment.start)
            before = self.scan.sentences[max(0, index - 1)]
            earlier = [org for org in self.scan.orgs_in(before[0], segment.start) if org.kind == "company"]
            out += [self.full_name(earlier[-1])] if earlier else []
        return out

    def _brand(self, name: Span) -> list[Mention]:
        """The company whose brand the project bears: 正弘锂电铜箔项目 of 四川正弘新能源材料有限公司."""
        bare = self.text[slice(*name)]
        for org in self.scan.orgs:
            if org.kind == "company" and "有限公司" in org.text:
                places = self.scan.places_in(org.start, org.end)
                begin = places[0].end if places and places[0].start == org.start else org.start
                brand = self.text[begin : begin + 2]
                if bare.startswith(brand) and places and not self.scan.places_in(name[0], name[0] + 2):
                    return [org]
        return []

    def full_name(self, org: Mention) -> Mention:
        """The longest name in the text that this one shortens."""
        if org.kind != "company" or re.search(r"有限公司|有限责任公司|株式会社", org.text):
            return org
        best = org
        for other in self.scan.orgs:
            if (
                other.kind == "company"
                and len(other.text) > len(best.text)
                and "公司" in other.text
                and shortens(org.text, other.text)
            ):
                best = other
                break
        return best

    def _place(self, segment: Segment) -> Span | None:
        """Where it lands."""
        text = self.text
        for pattern in (_PLACE_CUE, _PLACE_IN):
            for match in pattern.finditer(text, segment.start, segment.end):
                a, b = match.start("place"), match.end("place")
                a, b = trimmed(self.scan, a, b)
                name = text[a:b]
                inner = re.search(r"(?:落户|选址|入驻|位于|坐落于?|租用|租赁|在)([^在]+)$", name)
                if inner:
                    a += inner.start(1)
                    name = text[a:b]
                if "的" in name and name.rfind("的") < len(name) - 2:
                    a += name.rfind("的") + 1
                    name = text[a:b]
                if _PLACE_GENERIC.match(name) and name not in {"开发区", "高新区", "园区", "工业园区"}:
                    continue
                if any(org.start <= a and b <= org.end and org.kind == "company" for org in segment.orgs):
                    continue
                if re.search(r"推介会|仪式|会议|签约|投资额|总投资|项目", name) or len(name) < 2:
                    continue
                return a, b
        host = next(
            (
                org
                for org in segment.orgs
                if org.kind == "government"
                and re.search(r"(?:镇|乡|街道)(?:人民政府|政府|办事处)$", org.text)
            ),
            None,
        )
        if host is not None:
            known = self.scan.places_in(host.start, host.end)
            begin = known[-1].end if known and known[-1].start <= host.start + 6 else host.start
            outer = re.match(
                rf"[{HAN}]{{2,4}}?[县市区旗](?=[{HAN}]{{2,4}}(?:镇|乡|街道))", self.text[begin : host.end]
            )
            begin += outer.end() if outer else 0
            town = re.match(
                rf"[{HAN}]{{2,4}}(?:镇|乡|街道)(?=人民政府|政府|办事处)", self.text[begin : host.end]
            )
            if town:
                return begin, begin + town.end()
        return None

    def _stage(self, body: str, name: str) -> str | None:
        body = re.sub(
            r"(?:全部|项目)?(?:建成|投产|达产|开工)(?:投产|达产|运营)?(?:后|之后|时|以后)|(?:预计|计划|争取|力争|确保|有望于?|预期)[^，。；]{0,16}(?:投产|开工|动工|建成|达产|竣工|投用|投入使用|投入运营|投入生产|签约)",
            "",
            body,
        )
        for stage, pattern in _STAGE:
            if pattern.search(body):
                if (
                    stage == "negotiating"
                    and re.search(r"签约仪式|正式签|签订了|签署了|成功签约|签署战略|签约，|签约。", body)
                    and not re.search(r"意向|拟签|有望|初步", body)
                ):
                    return "signed"
                return stage
        return None

    # Merging.

    def _merged(self) -> list[Draft]:
        """One draft a project: the mention with more facts keeps its evidence and takes what the others add."""
        out: list[Draft] = []
        for draft in self.drafts:
            if draft.name.count("“") != draft.name.count("”"):
                continue  # a quotation cut in two is a piece of a sentence, not a name
            twin = next((other for other in out if self._same(other, draft)), None)
            if twin is None:
                out.append(draft)
                continue
            rich, poor = (draft, twin) if _weight(draft) > _weight(twin) else (twin, draft)
            listed = next((d for d in (twin, draft) if d.signals.get("list")), None)
            for name, value in poor.fields.items():
                if name not in rich.fields and not (
                    name == "agreement"
                    and rich.fields.get("stage") in {"construction", "production", "negotiating"}
                ):
                    rich.put(name, value, *poor.spans.get(name, []))
            if listed is not None and listed is not rich:
                rich.fields["name"], rich.spans["name"] = listed.fields["name"], listed.spans["name"]
            if rich is not twin:
                out[out.index(twin)] = rich
        return out

    def _same(self, left: Draft, right: Draft) -> bool:
        if not _alike(self._label(left), self._label(right)):
            return False
        generic = re.search(r"^(?:战略)?合作(?:框架)?协议$|^战略合作|备忘录$|意向书$|^合作协议", left.name)
        if generic or (left.signals.get("table") and right.signals.get("table")):
            return left.fields.get("investors") == right.fields.get("investors") and left.fields.get(
                "local_party"
            ) == right.fields.get("local_party")
        ours, theirs = left.fields.get("investors"), right.fields.get("investors")
        if ours and theirs and not set(ours) & set(theirs):
            return len(left.name) > 6 and left.name == right.name
        return True


def shortens(short: str, full: str) -> bool:
    """Whether ``short`` spells ``full`` with letters left out, its first two together."""
    stem = re.sub(r"(?:集团|公司|股份|控股|实业)$", "", short)
    if len(stem) < 2 or stem[:2] not in full:
        return False
    at = full.index(stem[:2]) + 2
    for char in stem[2:]:
        at = full.find(char, at) + 1
        if at == 0:
            return False
    return True


def _balanced(text: str, start: int, end: int) -> Span:
    """A name with the opening mark that belongs to a closing one inside it."""
    if text.count("”", start, end) > text.count("“", start, end) and text[start - 1 : start] == "“":
        start -= 1
    return start, end


def _halves(text: str, start: int, end: int) -> list[Span]:
    return [(start, end)]


@functools.lru_cache(8192)
def _core(name: str) -> str:
    return re.sub(r"(?:建设)?(?:项目|工程)?(?:[（(][^）)]*[）)])?$|[“”\"\s]", "", name)


def _alike(left: str, right: str) -> bool:
    a, b = _core(left), _core(right)
    if not a or not b:
        return False
    if a == b:
        return True
    short, long = sorted((a, b), key=len)
    if len(short) >= 3 and (long.startswith(short) or long.endswith(short)) and len(short) >= 0.5 * len(long):
        return not re.search(r"[一二三四]期", long.replace(short, ""))
    return False


def _weight(draft: Draft) -> float:
    return sum(
        name in draft.fields for name in ("investors", "amount_text", "place", "local_party")
    ) + 0.5 * bool(draft.signals.get("table"))


def _plain(value: float) -> float | int:
    return int(value) if float(value).is_integer() else value


_STRATEGIC = re.compile(r"战略合作(?!项目\d)|战略框架|战略")
_OTHER_DEAL = re.compile(
    r"备忘录|意向书|研发|设计服务|服务合同|技术引进|人才|培养|校地合作|校企合作|产学研|技术服务|委托|购销|联合实验室|顾问|校园|合作意向"
)


def _agreement(body: str, stage: str | None, name: str) -> str | None:
    """strategic, project or other, when something was signed."""
    letter = re.search(r"签[署订].{0,4}(?:意向书|备忘录)", body)
    if stage not in {"signed"} and not letter:
        return None
    named = bool(re.search(r"项目|基地|中心|生产线|工厂|园", name)) and "战略" not in name
    if letter:
        return "other"
    if re.search(r"达成战略合作|战略合作协议", body) and not named:
        return "strategic"
    if _OTHER_DEAL.search(name) and not re.search(r"研发(?:及|、|和)?(?:生产|制造|中心|基地)|项目$", name):
        return "other"
    if re.search(r"签[署订](?:了)?备忘录|签署.{0,6}备忘", body):
        return "other"
    if "战略" in name or (_STRATEGIC.search(body) and not (named and "框架" in body)):
        return "strategic"
    return "project"
