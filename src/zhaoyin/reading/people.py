"""People with their titles: a post followed by a name, a name in a list of posts."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable

from zhaoyin.reading.draft import Draft
from zhaoyin.reading.lexicon import surnames, trie, words
from zhaoyin.reading.scan import HAN, Mention, Scan

_SPACE = re.compile(r"[ 　]{0,3}(?:[（(][^（）()\n]{1,12}[）)])?[：: ]?[ “]{0,2}")
_FOREIGN_NAME = re.compile(rf"[{HAN}]{{1,8}}(?:·[{HAN}]{{1,8}}){{1,3}}")
_HEAD_LEFT = re.compile(
    r"(?:[\u4e00-\u9fff]{2,12}?(?:省|市|县|区|州|旗|盟|镇|乡|街道|开发区|高新区|经开区|新区|园区|管委会|委|集团)|[省市县区州旗镇乡])?"
    r"(?:党工委|党委|党组|工委|工作委员会|纪委|市委|县委|区委|州委|旗委|省委|人大|政府|人民政府)?$"
)
_ADMIN_LEFT = re.compile(
    r"(?:党工委|党委|党组|工委|纪工委|纪委|省委|市委|县委|区委|州委|旗委|镇委|乡党委|人大|政协|政府)$"
)
_WORD_LEFT = re.compile(r"[\u4e00-\u9fffA-Za-z0-9“”（）()·&-]{1,26}$")
_CHAIN = re.compile(r"[、，兼及和 ]$")


@functools.cache
def _titles() -> re.Pattern[str]:
    table = words()["title"]
    before = trie(table["before"])
    posts = trie([*table["posts"], *table["heads"]])
    return re.compile(
        f"(?P<post>(?:{before})*(?:{posts})(?:兼(?:{before})*(?:{posts}))?)|(?P<role>{trie(table['roles'])})"
    )


@functools.cache
def _after() -> re.Pattern[str]:
    return re.compile(trie(words()["title"]["after"]))


_NOT_GIVEN = frozenset("的了是在与和及等、，。；：！？（）()《》“”\"' \n\t0-9某们")
_NAME_CHARS = re.compile(rf"[{HAN}]+")
_NOT_NAMES = frozenset(
    [
        "高度",
        "高兴",
        "高校",
        "高级",
        "高层",
        "高端",
        "高新",
        "高效",
        "成员",
        "成功",
        "成立",
        "成果",
        "成为",
        "应邀",
        "应该",
        "应当",
        "应对",
        "应用",
        "应有",
        "应急",
        "相关",
        "相信",
        "全程",
        "全面",
        "全部",
        "全体",
        "全市",
        "全县",
        "全区",
        "全国",
        "全省",
        "全球",
        "时间",
        "时代",
        "时任",
        "时尚",
        "向来",
        "向全",
        "向与",
        "向大",
        "向客",
        "向企",
        "向社",
        "向记",
        "向各",
        "向广",
        "向在",
        "于是",
        "于今",
        "于近",
        "张口",
        "方面",
        "方便",
        "方式",
        "方可",
        "方能",
        "安排",
        "安全",
        "平台",
        "平均",
        "平时",
        "明确",
        "明天",
        "明年",
        "常说",
        "常年",
        "常务",
        "常常",
        "常住",
        "常委",
        "温馨",
        "温暖",
        "金融",
        "金额",
        "金奖",
        "项目",
        "连续",
        "连说",
        "连连",
        "连同",
        "连线",
        "党员",
        "党委",
        "党组",
        "单位",
        "单独",
        "单个",
        "强调",
        "强化",
        "强烈",
        "关注",
        "关心",
        "关于",
        "关键",
        "关系",
        "马上",
        "解读",
        "解答",
        "解释",
        "解决",
        "能够",
        "能力",
        "经过",
        "经济",
        "经理",
        "经常",
        "经营",
        "和客",
        "和企",
        "和相",
        "和部",
        "和有",
        "通过",
        "通报",
        "祝贺",
        "祝愿",
        "祝酒",
        "包括",
        "包含",
        "包揽",
        "左右",
        "石化",
        "万元",
        "万人",
        "万亩",
        "计划",
        "计算",
        "车间",
        "车辆",
        "路线",
        "水平",
        "水利",
        "水电",
        "农业",
        "农村",
        "农民",
        "农户",
        "都说",
        "都有",
        "都在",
        "都是",
        "都会",
        "都表",
        "牛年",
        "白天",
        "黄金",
        "花费",
        "花钱",
        "谈判",
        "谈到",
        "谈及",
        "谈了",
        "谈起",
        "谈话",
        "宣传",
        "宣布",
        "宣读",
        "宣讲",
        "利用",
        "利润",
        "汇报",
        "汇总",
        "满意",
        "满怀",
        "满面",
        "富有",
        "国家",
        "国内",
        "国际",
        "国有",
        "文件",
        "文化",
        "文旅",
        "巴士",
        "别说",
        "别的",
        "古镇",
        "古城",
        "海外",
        "海内",
        "商会",
        "商务",
        "商业",
        "商贸",
        "商协",
        "商户",
        "华侨",
        "华商",
        "华人",
        "童车",
        "后来",
        "后者",
        "后面",
        "后续",
        "从事",
        "从业",
        "从而",
        "从此",
        "原来",
        "原则",
        "原本",
        "游客",
        "游人",
        "年轻",
        "年度",
        "年初",
        "年底",
        "年会",
        "步入",
        "步步",
        "家属",
        "家人",
        "家长",
        "司机",
        "台商",
        "台胞",
        "习惯",
        "景区",
        "景点",
        "阳光",
        "边境",
        "操作",
        "别墅",
        "伍佰",
        "单日",
        "范围",
        "莫过",
        "阎",
        "沙龙",
        "沙滩",
        "带队",
        "带领",
        "带头",
        "带来",
        "带着",
        "接待",
        "接受",
        "接到",
        "易货",
        "席间",
        "席上",
        "柳编",
        "茅台",
        "庄重",
        "庄园",
        "印发",
        "印制",
        "宗旨",
        "井然",
        "段时",
        "焦点",
        "乐观",
        "乐于",
        "毕业",
        "毕竟",
        "惠企",
        "曲线",
        "封闭",
        "余家",
        "余名",
        "余人",
        "余元",
        "储备",
        "储能",
        "戚",
        "储蓄",
        "仇",
        "符合",
        "岳母",
        "敖",
        "查看",
        "查询",
        "查阅",
        "查找",
        "荆",
        "红包",
        "竺",
        "权威",
        "权益",
        "盖章",
        "益",
        "言语",
        "言",
        "福利",
        "福建",
        "付出",
        "付款",
        "付清",
        "代表",
        "代理",
        "代为",
        "代办",
        "仝",
        "门店",
        "门口",
        "展示",
        "展开",
        "展望",
        "展团",
        "展位",
        "展区",
        "展览",
        "操",
        "侍",
        "由此",
        "由于",
        "赏",
        "墨",
        "甘",
        "武装",
        "武器",
        "符",
        "束",
        "幸福",
        "幸运",
        "司法",
        "印象",
        "怀着",
        "从中",
        "咸",
        "籍",
        "赖以",
        "卓越",
        "蒙古",
        "阴",
        "能否",
        "能在",
        "苍",
        "双方",
        "双招",
        "双创",
        "双向",
        "双边",
        "双赢",
        "双双",
        "闻讯",
        "贡献",
        "劳动",
        "劳务",
        "申请",
        "申报",
        "申领",
        "却是",
        "尚未",
        "尚在",
        "农商",
        "别人",
        "庄",
        "充分",
        "充满",
        "充电",
        "连日",
        "艾草",
        "鱼",
        "容易",
        "向上",
        "古老",
        "慎重",
        "居民",
        "居住",
        "居然",
        "衡量",
        "步行",
        "步伐",
        "耿",
        "弘扬",
        "匡",
        "文艺",
        "文明",
        "广大",
        "广泛",
        "广告",
        "广州",
        "广东",
        "禄",
        "东部",
        "东西",
        "东北",
        "欧洲",
        "欧盟",
        "沃土",
        "越来",
        "越发",
        "越是",
        "隆重",
        "师傅",
        "师生",
        "巩固",
        "勾勒",
        "冷链",
        "冷静",
        "那时",
        "那里",
        "那边",
        "简要",
        "简单",
        "简介",
        "空间",
        "空白",
        "曾经",
        "曾在",
        "曾是",
        "养老",
        "养殖",
        "须知",
        "丰富",
        "丰收",
        "巢",
        "关爱",
        "相继",
        "相当",
        "相互",
        "相对",
        "查验",
        "后期",
        "后台",
        "后勤",
        "红色",
        "红火",
        "游览",
        "逐步",
        "逐一",
        "海鲜",
        "海洋",
        "帅",
        "有关",
        "有序",
        "有力",
        "有效",
        "有限",
        "有望",
        "有的",
        "有人",
        "有些",
        "商量",
        "商讨",
        "商谈",
        "商定",
        "商品",
        "商标",
        "台上",
        "台下",
        "台企",
        "台资",
        "台湾",
        "王牌",
        "毛利",
        "毛巾",
        "江苏",
        "江西",
        "江浙",
        "江南",
        "江北",
        "湖南",
        "湖北",
        "山东",
        "山西",
        "陕西",
        "河南",
        "河北",
        "安徽",
        "浙江",
        "四川",
        "云南",
        "贵州",
        "海南",
        "甘肃",
        "宁夏",
        "和香",
        "石材",
        "石头",
        "石油",
        "金属",
        "田间",
        "田园",
        "水果",
        "水产",
        "花卉",
        "花园",
        "林业",
        "林地",
        "林木",
        "马路",
        "牛羊",
        "羊肉",
        "鱼虾",
        "米粉",
        "糖果",
        "华南",
        "华北",
        "华东",
        "华中",
        "西北",
        "西南",
        "东南",
        "严格",
        "严肃",
        "严禁",
        "严厉",
        "宁愿",
        "宁可",
        "戴着",
        "吴侬",
        "唐装",
        "曹",
        "康养",
        "康复",
        "康健",
        "安居",
        "安置",
        "钱款",
        "钱塘",
        "周边",
        "周围",
        "周期",
        "周年",
        "周末",
        "周一",
        "周二",
        "周三",
        "周四",
        "周五",
        "周六",
        "周日",
        "郑重",
        "高铁",
        "高速",
        "何时",
        "何地",
        "何种",
        "何处",
        "任务",
        "任何",
        "任职",
        "任命",
        "任期",
        "方案",
        "方向",
        "方针",
        "方圆",
        "史上",
        "史无",
        "易于",
        "常态",
        "常规",
        "于此",
        "元旦",
        "元宵",
        "元左",
        "陈述",
        "陈列",
        "孔雀",
        "孟夏",
        "石榴",
        "崔",
        "龙头",
        "龙年",
        "段落",
        "雷同",
        "侯",
        "贺信",
        "贺电",
        "贺卡",
        "顾问",
        "顾客",
        "顾虑",
        "毛坯",
        "郝",
        "邵",
        "万里",
        "万亿",
        "钱袋",
        "汤",
        "尹",
        "黎明",
        "易",
        "武",
        "乔迁",
        "赖",
        "龚",
        "文",
    ]
)


def name_at(scan: Scan, at: int, known: frozenset[str]) -> int | None:
    """The end of the name of a person that begins at ``at``; None when none does."""
    text = scan.text
    run = _NAME_CHARS.match(text, at, at + 8)
    if run is None:
        return None
    foreign = _FOREIGN_NAME.match(text, at)
    if foreign:
        return foreign.end()
    single, double = surnames()
    chars = run[0]
    base = 2 if chars[:2] in double and len(chars) > 2 else 1 if chars[0] in single else 0
    if base == 0 or len(chars) < base + 1 or chars[:2] in _NOT_NAMES:
        return None
    for length in (base + 2, base + 1):
        if chars[:length] in known:
            return at + length
    if (
        chars[base] in _NOT_GIVEN
        or chars[base : base + 2] in {"先生", "女士", "小姐", "某某", "经理", "总经"}
        or chars[base] in "某总董老"
    ):
        return None
    two, three = base + 1, base + 2
    if len(chars) < three:
        return at + two
    rest = chars[two:]
    follow = _after().match(rest)
    long_follow = _after().match(chars[three:]) if len(chars) > three else None
    if follow and len(follow[0]) >= 2:
        return at + two
    if follow and not long_follow and len(chars) > three:
        return at + two
    if follow and rest[0] in "在说和与及率用就对向将的也还是等为从称被把给让":
        # 袁志在致辞 against 王在林说: the third letter is a word of its own unless a word follows after it.
        if not (long_follow and rest[0] in "和用为从向就率将") and len(chars) != three:
            return at + two
        if len(chars) == three and rest[0] in "的说等":
            return at + two
    return at + three


def people(scan: Scan) -> list[Draft]:
    text = scan.text
    found: list[Draft] = []
    known: set[str] = set()
    last: Draft | None = None
    for match in _titles().finditer(text):
        if scan.hidden(match.start()):
            continue
        gap = _SPACE.match(text, match.end())
        begin = gap.end() if gap else match.end()
        between = text[match.end() : begin]
        if "\n" in between or (text[match.end() - 2 : match.end()] in _NEVER):
            continue
        stop = name_at(scan, begin, frozenset(known))
        if stop is None:
            continue
        if between and between != " " and not between.endswith(("）", ")", "：", ":", "“", " ")):
            continue
        if _OTHER.match(text, stop) or (match["role"] and not _plausible(text, begin, stop)):
            continue
        name = text[begin:stop]
        draft = Draft("person", match.start(), stop)
        known.add(name)
        if match["role"]:
            left = _ROLE_LEFT.search(text, max(0, match.start() - 12), match.start())
            start = left.start() if left else match.start()
            draft.put("name", scan.quote(begin, stop), (begin, stop))
            draft.put("title", scan.quote(start, match.end()).strip("“”"), (start, match.end()))
            draft.start = start
            draft.signals["role"] = 1.0
            found.append(draft)
            last = draft
            continue
        _titled(scan, draft, (match.start(), match.end()), (begin, stop), last)
        found.append(draft)
        last = draft
    return _merge(found, scan)


_NEVER = frozenset(["记者", "作者", "编辑"])
_OTHER = re.compile(r"(?:先生|女士|小姐)|[市县区镇乡省]|\d")
_ROLE_LEFT = re.compile(
    r"(?:“?[0-9一二三四五六七八九]{1,2}0?后”?|返乡|机电|返乡“?|种植|养殖|脱贫|知名|青年|农民)+(?=$)"
)


def _plausible(text: str, begin: int, stop: int) -> bool:
    """A role is followed by all sorts of words: only a name that ends a phrase or meets a verb counts."""
    after = text[stop : stop + 2]
    return stop - begin >= 2 and (
        not after or after[0] in "，。、；：（(“\n" or bool(_after().match(after)) or stop - begin == 3
    )


def _titled(
    scan: Scan, draft: Draft, title_at: tuple[int, int], name_at: tuple[int, int], last: Draft | None
) -> None:
    """Fill name, title and organisation of one person from what stands left of the post."""
    text = scan.text
    (post, post_end), (begin, stop) = title_at, name_at
    draft.put("name", scan.quote(begin, stop), (begin, stop))
    start = post
    org: Mention | None = None
    parts = 0
    head = _is_head(text[post:post_end])
    while True:
        here = scan.org_ending(start)
        left = start
        if here is not None:
            org = org or here
            left = here.start
        else:
            line = scan.line_of(start)[0]
            window = max(line, start - 24)
            place = next((p for p in reversed(scan.places_in(window, start)) if p.end == start), None)
            admin = _ADMIN_LEFT.search(text, window, start)
            if admin:
                left = admin.start()
                if (
                    left - 1 >= window
                    and text[left - 1] in "省市县区州旗"
                    and admin[0][0] not in "省市县区州旗镇"
                ):
                    left -= 1
                zone = _ZONE_LEFT.search(text, window, left)
                if zone:
                    left = zone.start()
                left = _place_before(scan, left, window)
            elif place is not None:
                left = place.start
            elif (
                start - 1 >= window
                and text[start - 1] in "省市县区州旗镇乡"
                and (start - 2 < window or not "\u4e00" <= text[start - 2] <= "\u9fff")
            ):
                left = start - 1
            else:
                zone = _ZONE_LEFT.search(text, window, start)
                town = _TOWN_LEFT.search(text, window, start)
                if zone:
                    left = zone.start()
                elif town and head:
                    left = town.start()
        parts += 1
        # Another post before this one belongs to the same person.
        before = _POST_LEFT.search(text, max(0, left - 18), left)
        piece = _titles_end(text, before.start(1), before.end(1)) if before else None
        if piece is not None:
            start = piece
            continue
        start = left
        break
    while start < post and text[start] in " 、，":
        start += 1
    if org is None and parts == 1 and start == post:
        # 颐景集团董事局主席陈沛霖、执行总裁汪凯: the organisation carries over.
        if (
            last is not None
            and last.end <= post
            and text[last.end : post] in {"、", "和", "，", "及"}
            and "org" in last.fields
        ):
            draft.put("org", last.fields["org"], *last.spans["org"])
            draft.put("title", scan.quote(post, post_end), (post, post_end))
            draft.cover(last.start, stop)
            return
        back = _OWN.search(text, max(0, post - 8), post)
        if back:
            owner = next(
                (
                    o
                    for o in reversed(scan.orgs_in(max(0, post - 400), post))
                    if o.kind in {"company", "association"}
                ),
                None,
            )
            if owner is not None:
                draft.put("org", scan.quote(owner.start, owner.end), (owner.start, owner.end))
    draft.start = start
    if org is not None and parts == 1 and not (head and org.kind == "government" and _PARTY.search(org.text)):
        title = (org.end, post_end)
        draft.put("org", scan.quote(org.start, org.end), (org.start, org.end))
    elif org is not None and parts > 1:
        title = (start, post_end)
        if (
            not _PARTY.search(org.text)
            and not text[start : org.start].rstrip("、，").endswith(("常委", "委员"))
        ) or (org.kind == "government" and org.text.endswith("办公室")):
            draft.put("org", scan.quote(org.start, org.end), (org.start, org.end))
    else:
        title = (start, post_end)
    draft.put("title", scan.quote(*title), title)


_PARTY = re.compile(r"(?:党工委|党委|工委|工作委员会|县委|市委|区委|州委|旗委|省委)$")
_OWN = re.compile(r"(?:该公司|公司|该企业|企业|集团|该集团|我公司|本公司|协会|商会)(?:的)?$")
_ZONE_LEFT = re.compile(
    r"(?:[\u4e00-\u9fff]{2,10})?(?:经济技术开发区|经济开发区|高新技术产业开发区|开发区|高新区|经开区|新区|园区|度假区|产业园|实验区|工业园)$"
)
_TOWN_LEFT = re.compile(r"[\u4e00-\u9fff]{2,4}(?:镇|乡|街道|村|社区)$")
_POST_LEFT = re.compile(r"([\u4e00-\u9fffA-Za-z]{2,16})(?:[、兼]|，兼)$")


def _place_before(scan: Scan, at: int, low: int) -> int:
    """The start of the names of places that end at ``at``."""
    while True:
        place = next((p for p in reversed(scan.places_in(low, at)) if p.end == at), None)
        if place is None:
            return at
        at = place.start


def _titles_end(text: str, start: int, end: int) -> int | None:
    """Where the post begins that ends at ``end``."""
    table = words()["title"]
    for post in _posts():
        if text.endswith(post, start, end):
            at = end - len(post)
            moved = True
            while moved:
                moved = False
                for word in table["before"]:
                    if text.endswith(word, max(0, at - len(word)), at):
                        at -= len(word)
                        moved = True
            return at
    return None


@functools.cache
def _posts() -> tuple[str, ...]:
    table = words()["title"]
    return tuple(sorted([*table["posts"], *table["heads"]], key=len, reverse=True))


def _is_head(post: str) -> bool:
    return any(post.endswith(word) for word in words()["title"]["heads"])


def _merge(found: Iterable[Draft], scan: Scan) -> list[Draft]:
    """One entry a person: the first with a full title; later mentions fill what is missing."""
    kept: dict[str, Draft] = {}
    for draft in found:
        first = kept.get(draft.name)
        if first is None or (
            (
                "org" not in first.fields
                and "org" in draft.fields
                and len(str(draft.fields.get("title", ""))) > 1
            )
            and len(str(first.fields.get("title", ""))) <= 2
            and first.signals.get("role")
        ):
            kept[draft.name] = draft
    return list(kept.values())
