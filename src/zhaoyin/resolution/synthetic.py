"""Made-up names and made-up mistakes: what the shipped model learns from, and what growth is measured on.

Everything is marked synthetic by its id (``SYN…``). Names are put together from places, a list of characters that firms
like, industry words and legal forms; a file of short names may lend its cores. Real organisations may be hit by chance.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from zhaoyin.resolution import tables
from zhaoyin.resolution.register import Entry
from zhaoyin.resolution.text import LOOK_ALIKE, characters, normalise

LIKED = (
    "鑫源恒达华盛泰隆兴旺昌顺瑞祥福安康宁金银宝玉龙凤鹏飞翔腾跃辉煌光明亮新创奇天地人和谐美丽佳丰润泽海江河湖洋山峰岭林森木"
    "草原野田园春夏秋冬东南西北中正大广通利亨贞元亿万千百方圆诚信德义仁智勇力强盛世纪代时尚雅致远志宏伟业成功胜凯旋建立基石"
    "磊晶莹洁净清澈水晨曦旭日升阳月星辰宇宙航科技术工联合众民国家京都津沪渝川粤浙苏鲁豫湘鄂皖赣闽桂云贵陕甘宁青新蒙藏吉黑辽冀晋"
    "锦绣富贵荣耀嘉惠益友邦博卓越超群英杰豪俊才子文化艺彩虹霞露珠翠碧蓝绿红紫白雪冰霜松柏竹梅兰菊荷莲桃李杏梨橙桔果麦禾谷"
    "帝王皇冠君侯尊长久永恒固牢铁钢铜铝锌锐锋利精密微细巧妙灵敏捷迅速快畅达顺捷运输途路桥港湾岸滨沿沙洲岛屿礁浪潮涌流泉溪"
    "万一双三四五六七八九十全聚汇集团结同心协力奋进开拓展望凌霄云腾九州华夏神舟浩瀚景逸韵骏驰骐骥麒麟鸿雁鹤鹰燕雀莺鸣声响乐"
)  # fmt: skip
SHOPS = ("经营部", "门市部", "商店", "商行", "厂", "加工厂", "供应站", "服务部", "招待所", "饭店", "修理厂", "农场", "林场", "合作社", "专业合作社", "幼儿园", "医院", "中学", "研究所", "协会")  # fmt: skip
FORMS = (("有限公司", 46), ("有限责任公司", 22), ("公司", 10), ("总公司", 3), ("股份有限公司", 8), ("集团有限公司", 4), ("集团股份有限公司", 2), ("集团公司", 1))  # fmt: skip
BRANCHES = ("分公司", "营业部", "办事处", "支公司", "经营部", "分厂", "门市部", "支行", "分店")
ORGANS = ("人民政府", "教育局", "商务局", "财政局", "人民医院", "公安局", "水利局", "税务局", "人民法院", "发展和改革委员会", "经济技术开发区管委会", "工业和信息化局", "中心小学", "街道办事处", "档案馆", "总工会")  # fmt: skip
SHORT_PROVINCES = "京津沪渝冀晋辽吉黑苏浙皖闽赣鲁豫鄂湘粤桂琼川贵云陕甘青蒙新宁藏"


@dataclass(frozen=True)
class Made:
    """A made-up name with its parts; ``text`` is the whole."""

    text: str
    place: str
    core: str
    industry: str
    form: str
    bracket: bool = False


class Maker:
    """Makes names from parts, the same for the same seed. ``cores``: other cores to draw from, such as short names."""

    def __init__(self, seed: int, cores: Sequence[str] = ()) -> None:
        self.chance = random.Random(seed)
        rows = [(code, name) for code, name in tables.divisions().items() if len(code) == 6]
        self.counties = [name for code, name in rows if not code.endswith("00")]
        self.cities = [name for code, name in rows if code.endswith("00") and not code.endswith("0000")]
        self.provinces = [name for code, name in rows if code.endswith("0000")]
        self.cores = list(cores)
        self.liked = LIKED
        self._used: list[str] = []

    def core(self) -> str:
        c = self.chance
        # a core that others already bear, the oftener the longer it is in use: names repeat by a power law
        if self._used and c.random() < 0.33:
            return self._used[int(len(self._used) * c.random() ** 3)]
        if self.cores and c.random() < 0.6:
            made = c.choice(self.cores)
        else:
            size = c.choices((2, 3, 4), (80, 16, 4))[0]
            made = "".join(c.choices(self.liked, k=size))
        if len(self._used) < 60_000:
            self._used.append(made)
        return made

    def place(self) -> str:
        c = self.chance
        roll = c.random()
        if roll < 0.12:
            return ""
        if roll < 0.17:
            return c.choice(("中国", "全国", "华东", "中华"))[: c.choice((2, 2))]
        if roll < 0.32:
            name = c.choice(self.provinces)
        elif roll < 0.62:
            name = c.choice(self.cities)
        else:
            name = c.choice(self.counties)
            if c.random() < 0.12:
                name = c.choice(self.cities) + name
        return tables.short_place(name) if c.random() < 0.55 else name

    def industry(self) -> str:
        c = self.chance
        words = c.choice(tables.INDUSTRIES)
        if c.random() < 0.3:
            more = c.choice(tables.INDUSTRIES)
            if more != words and len(words + more) <= 8:
                words += more
        return words

    def name(self) -> Made:
        c = self.chance
        roll = c.random()
        place, core, industry = self.place(), self.core(), self.industry()
        if roll < 0.1:  # no core of its own: 招远市粮油总公司
            place = place or tables.short_place(c.choice(self.counties))
            form = c.choice(("公司", "总公司", "有限责任公司", *SHOPS))
            return Made(place + industry + form, place, "", industry, form)
        if roll < 0.24:
            form = c.choice(SHOPS)
            industry = industry if c.random() < 0.6 else ""
            return Made(place + core + industry + form, place, core, industry, form)
        form = c.choices([f for f, _ in FORMS], [w for _, w in FORMS])[0]
        if form.endswith("股份有限公司") and c.random() < 0.5:
            place = ""
        if place and roll > 0.93:
            short = tables.short_place(place)
            return Made(f"{core}（{short}）{industry}{form}", short, core, industry, form, bracket=True)
        if form.startswith("集团") and c.random() < 0.4:
            industry = ""
        return Made(place + core + industry + form, place, core, industry, form)

    def sister(self, parent: Made) -> Made:
        c = self.chance
        place = parent.place if c.random() < 0.8 else self.place()
        core = parent.core + "".join(c.choices(self.liked, k=2)) if c.random() < 0.2 else parent.core
        form = c.choices([f for f, _ in FORMS], [w for _, w in FORMS])[0]
        industry = "" if form.startswith("集团") and c.random() < 0.6 else self.industry()
        return Made(place + core + industry + form, place, core, industry, form)

    def branch(self, parent: Made) -> str:
        c = self.chance
        where = (
            tables.short_place(c.choice(self.counties))
            if c.random() < 0.8
            else f"第{c.choice('一二三四五六七八九十')}"
        )
        return parent.text + where + c.choice(BRANCHES)


def register(count: int, seed: int = 20261122, cores: Sequence[str] = ()) -> Iterator[Entry]:
    """``count`` different made-up names, the same for the same seed."""
    for number, made in enumerate(made_names(count, Maker(seed, cores))):
        yield Entry(f"SYN{number:08d}", made.text)


def made_names(count: int, maker: Maker) -> Iterator[Made]:
    seen: set[int] = set()
    parents: list[Made] = []
    while len(seen) < count:
        made = maker.name()
        roll = maker.chance.random()
        if parents and roll < 0.09:  # a sister firm: 招金集团, 招金矿业, 招金银楼
            parent = maker.chance.choice(parents[-4000:])
            if parent.core:
                made = maker.sister(parent)
        elif parents and roll < 0.19:
            parent = maker.chance.choice(parents)
            made = Made(maker.branch(parent), parent.place, parent.core, parent.industry, parent.form)
        elif len(parents) < 20_000 and made.form.endswith("公司"):
            parents.append(made)
        key = hash_text(made.text)
        if key not in seen and len(made.text) >= 4:
            seen.add(key)
            yield made


def hash_text(text: str) -> int:
    return tables.hash_codes(text)


# ---------------------------------------------------------------- mistakes


@cache
def _common() -> tuple[str, ...]:
    """The 3,755 characters of GB 2312 level 1: what a person or a machine writes when it writes wrongly."""
    return tuple(
        bytes((high, low)).decode("gb2312", "ignore")
        for high in range(0xB0, 0xD8)
        for low in range(0xA1, 0xFF)
    )


@cache
def _groups() -> tuple[dict[int, list[str]], dict[int, list[str]], dict[int, list[str]]]:
    table = characters()
    sound: dict[int, list[str]] = defaultdict(list)
    near: dict[int, list[str]] = defaultdict(list)
    part: dict[int, list[str]] = defaultdict(list)
    for character in _common():
        if not character:
            continue
        code = ord(character)
        sound[int(table.sound[code])].append(character)
        near[int(table.coarse[code])].append(character)
        for piece in table.parts[code, 1:2]:
            if piece:
                part[int(piece)].append(character)
    return sound, near, part


class Mistakes:
    """One function per way a name is damaged; each takes the made name and returns what somebody wrote."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance

    def _other(self, character: str, kind: int) -> str:
        table = characters()
        code = ord(character)
        if kind == 2:
            for group in LOOK_ALIKE:
                if character in group and self.chance.random() < 0.5:
                    return self.chance.choice([c for c in group if c != character])
            pool = _groups()[2].get(int(table.parts[code, 1]), [])
        else:
            column = table.sound if kind == 0 else table.coarse
            pool = _groups()[kind].get(int(column[code]), [])
            if kind == 1:
                pool = [c for c in pool if table.sound[ord(c)] != table.sound[code]]
        pool = [c for c in pool if c != character]
        return self.chance.choice(pool) if pool else character

    def _replace(self, text: str, kind: int, share: float = 0.0, one: bool = False) -> str:
        if not text:
            return text
        if one:
            at = self.chance.randrange(len(text))
            return text[:at] + self._other(text[at], kind) + text[at + 1 :]
        return "".join(self._other(c, kind) if self.chance.random() < share else c for c in text)

    def sound_one(self, m: Made) -> str:
        core = m.core or m.industry
        return m.text.replace(core, self._replace(core, 0, one=True), 1)

    def sound_core(self, m: Made) -> str:
        core = m.core or m.industry
        return m.text.replace(core, self._replace(core, 0, 1.0), 1)

    def sound_short(self, m: Made) -> str:
        return self._replace(m.core, 0, 1.0) + m.industry if m.industry else self.sound_core(m)

    def dictation(self, m: Made) -> str:
        text = m.text
        if self.chance.random() < 0.5:
            text = text.removesuffix(m.form)
        return self._replace(text, 0, 0.3)

    def near_sound(self, m: Made) -> str:
        body = m.core + m.industry
        return m.text.replace(body, self._replace(body, 1, 0.4), 1)

    def scan(self, m: Made) -> str:
        return self._replace(m.text, 2, 0.2)

    def drop(self, m: Made) -> str:
        body = m.text.removesuffix(m.form)
        at = self.chance.randrange(len(body)) if body else 0
        return m.text[:at] + m.text[at + 1 :]

    def swap(self, m: Made) -> str:
        at = self.chance.randrange(max(1, len(m.text) - 1))
        return m.text[:at] + m.text[at + 1 : at + 2] + m.text[at : at + 1] + m.text[at + 2 :]

    def no_place(self, m: Made) -> str:
        return m.core + m.industry + m.form

    def no_form(self, m: Made) -> str:
        return m.text.removesuffix(m.form)

    def bare(self, m: Made) -> str:
        return m.core + m.industry

    def no_industry(self, m: Made) -> str:
        return m.place + m.core + m.form if len(m.core) > 1 else m.text

    def group(self, m: Made) -> str:
        return m.core + self.chance.choice(("集团", "公司", "", m.industry[:2], m.industry[:2] + "公司"))

    def abbreviation(self, m: Made) -> str:
        short = m.core + m.industry[:2]
        return tables.short_place(m.place) + short if m.place and self.chance.random() < 0.4 else short

    def headline(self, m: Made) -> str:
        """A firm as the papers shorten it."""
        c, core, industry = self.chance, m.core, m.industry
        roll = c.random()
        if roll < 0.34:
            return core + ("集团" if m.form.startswith("集团") and c.random() < 0.5 else "股份")
        if roll < 0.62:
            return core + industry[:2]
        if roll < 0.72:
            return core[:2] + industry[:1] + industry[2:3]
        if roll < 0.8 and m.place:
            return tables.short_place(m.place) + (industry[:2] if c.random() < 0.5 or not core else core)
        if roll < 0.86 and m.place:
            return tables.short_place(m.place)[0] + core
        if roll < 0.9 and len(core) > 2:
            return core[0] + core[2] + industry[:2]
        return core if len(core) > 2 or c.random() < 0.5 else core + "控股"

    def group_name(self, m: Made) -> str:
        """A group by its short name, half of the time as it was heard."""
        core = self._replace(m.core, 0, 1.0) if self.chance.random() < 0.5 else m.core
        place = tables.short_place(m.place) if self.chance.random() < 0.2 else ""
        return place + core + self.chance.choice(("集团", "集团", "集团", "集团公司", "集团有限公司"))

    def sister_name(self, m: Made) -> str:
        """A firm of a group by core and trade, half of the time as it was heard."""
        core = self._replace(m.core, 0, 1.0) if self.chance.random() < 0.5 else m.core
        return core + self.chance.choice((m.industry, m.industry[:2]))

    def move(self, m: Made) -> str:
        if not m.place:
            return m.text
        short = tables.short_place(m.place)
        return self.chance.choice(
            (
                f"{m.core}（{short}）{m.industry}{m.form}",
                f"{m.core}{m.industry}（{short}）{m.form}",
                f"{m.core}{m.industry}{m.form}（{short}）",
                "中国" + m.text,
                f"{short}省{m.core}{m.industry}{m.form}",
            )
        )

    def other_form(self, m: Made) -> str:
        return m.text.removesuffix(m.form) + self.chance.choice([f for f, _ in FORMS if f != m.form])

    def script(self, m: Made) -> str:
        return _traditional(m.text)

    def branch(self, m: Made) -> str:
        return Maker(self.chance.randrange(1 << 30)).branch(m) if m.form.endswith("公司") else m.text

    def same(self, m: Made) -> str:
        return m.text

    def mixed(self, m: Made) -> str:
        text = self.chance.choice(
            (self.no_place, self.no_form, self.drop, self.swap, self.no_industry, self.move)
        )(m)
        for kind in self.chance.sample((0, 1, 2), self.chance.choice((1, 2))):
            text = self._replace(text, kind, 0.15)
        return text


@cache
def _to_traditional() -> object:
    import opencc

    return opencc.OpenCC("s2t")


def _traditional(text: str) -> str:
    return str(_to_traditional().convert(text))  # type: ignore[attr-defined]


# family: (how often, methods)
FAMILIES: dict[str, tuple[int, tuple[str, ...]]] = {
    "sound": (15, ("sound_one", "sound_core", "sound_short", "dictation", "near_sound")),
    "scan": (4, ("scan",)),
    "loss": (18, ("drop", "no_place", "no_form", "bare", "no_industry", "group", "abbreviation")),
    "headline": (24, ("headline",)),
    "group": (6, ("group_name", "sister_name")),
    "form": (12, ("swap", "move", "other_form", "script", "branch")),
    "mixed": (6, ("mixed",)),
    "same": (4, ("same",)),
}


@dataclass(frozen=True)
class Written:
    """What somebody wrote, the id meant (or None: nobody in the register), the family of the mistake."""

    text: str
    id: str | None
    family: str


def training_set(
    names: int, queries: int, seed: int, cores: Sequence[str], shorts: Sequence[str] = ()
) -> tuple[list[Entry], list[Written]]:
    """A made-up register and what people wrote for its members and for strangers (13 % of the whole).

    What drops parts is kept only when the rest is unique in the register; headlines favour the joint-stock companies,
    which is who the papers write about.
    """
    maker = Maker(seed, cores)
    chance = maker.chance
    # every seventh is a stranger: made the same way, kept out of the register
    made = list(made_names(names + names // 7, maker))
    inside = made[: len(made) - names // 7]
    strangers = made[len(inside) :]
    entries = [Entry(f"SYN{i:08d}", m.text) for i, m in enumerate(inside)]
    taken = {m.text for m in inside}
    by_core: dict[str, list[int]] = defaultdict(list)
    by_rest: dict[str, int] = defaultdict(int)
    for i, m in enumerate(inside):
        by_core[m.core].append(i)
        for rest in {
            m.core + m.industry + m.form,
            m.core + m.industry,
            m.place + m.core + m.form,
            m.place + m.core + m.industry,
            m.core,
        }:
            by_rest[rest] += 1
    listed = [
        i
        for i, m in enumerate(inside)
        if m.form.endswith("股份有限公司") and m.core and m.text.endswith(m.form)
    ]
    groups = [
        i for i, m in enumerate(inside) if m.form.startswith("集团") and m.core and m.text.endswith(m.form)
    ]
    of_group = [
        i
        for i in range(len(inside))
        if len(inside[i].core) > 1
        and len(by_core[inside[i].core]) > 1
        and inside[i].industry
        and inside[i].text.endswith(inside[i].form)
    ]
    trade_of: dict[tuple[str, str], int] = defaultdict(int)
    group_of: dict[str, int] = defaultdict(int)
    for m in inside:
        trade_of[m.core, m.industry[:2]] += 1
        group_of[m.core] += m.form.startswith("集团")
    whole = [i for i, m in enumerate(inside) if m.text.endswith(m.form)]
    mistakes = Mistakes(chance)
    kinds = [(family, method) for family, (_, methods) in FAMILIES.items() for method in methods]
    weights = [FAMILIES[family][0] / len(FAMILIES[family][1]) for family, _ in kinds]
    out: list[Written] = []
    positives = queries - queries * 13 // 100
    while len(out) < positives:
        family, method = chance.choices(kinds, weights)[0]
        pool = listed if (method == "headline" and chance.random() < 0.95) else whole
        pool = {"group_name": groups, "sister_name": of_group}.get(method, pool)
        i = chance.choice(pool)
        m = inside[i]
        if (
            method in ("headline", "group", "group_name", "abbreviation", "sound_short", "no_industry")
            and len(m.core) < 2
        ):
            continue
        if (method == "group_name" and group_of[m.core] > 1) or (
            method == "sister_name" and trade_of[m.core, m.industry[:2]] > 1
        ):
            continue
        if method in ("group", "abbreviation") and len(by_core[m.core]) > 1:
            continue
        if method in ("bare", "no_place", "no_form", "sound_short") and by_rest[m.core + m.industry] > 1:
            continue
        if method == "no_industry" and by_rest[m.place + m.core + m.form] > 1:
            continue
        if (
            method == "headline"
            and sum(inside[k].form.endswith("股份有限公司") for k in by_core[m.core]) > 2
            and chance.random() < 0.8
        ):
            continue
        text = getattr(mistakes, method)(m)
        if len(normalise(text)) < 2 or (text in taken and text != m.text):
            continue
        out.append(Written(text, entries[i].id, family))
    cores_inside = [core for core in by_core if len(core) > 1]
    for _ in range(queries - positives):
        kind = chance.random()
        stranger = chance.choice(strangers)
        if kind < 0.25:
            text = stranger.text
        elif kind < 0.5:  # the core is known, elsewhere or in another trade
            core = chance.choice(cores_inside)
            text = stranger.place + core + stranger.industry + chance.choice(("", stranger.form))
        elif kind < 0.75:
            damage: Callable[[Made], str] = getattr(
                mistakes,
                chance.choice(
                    ("sound_one", "drop", "no_form", "scan", "dictation", "no_place", "near_sound")
                ),
            )
            text = damage(stranger)
        elif kind < 0.89:
            text = chance.choice(shorts) if shorts else stranger.core + stranger.industry[:2]
            if (
                any(len(k) >= 2 and text.startswith(k) for k in (text[:2], text[:3], text))
                and text in by_rest
            ):
                continue
        else:
            text = chance.choice(maker.counties + maker.cities) + chance.choice(ORGANS)
        if text not in taken and len(text) >= 2:
            out.append(Written(text, None, "stranger"))
    chance.shuffle(out)
    return entries, out
