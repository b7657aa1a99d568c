"""What names are made of: places, legal forms, industry words, branch words. Data, compiled to hashed arrays."""

from __future__ import annotations

import gzip
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
import numpy.typing as npt

from zhaoyin.resolution.text import normalise

# (written, code): 0 none, 1 有限公司, 2 有限责任公司, 3 股份有限公司, 4 公司, 5 several at once, 6 partnership
NO_FORM, LIMITED, LIABILITY, JOINT_STOCK, COMPANY, SEVERAL, PARTNERSHIP = range(7)
LEGAL_FORMS = (
    ("股份有限责任公司", JOINT_STOCK),
    ("有限责任公司", LIABILITY),
    ("股份有限公司", JOINT_STOCK),
    ("股份公司", JOINT_STOCK),
    ("有限公司", LIMITED),
    ("总公司", SEVERAL),
    ("公司", COMPANY),
    ("（有限合伙）", PARTNERSHIP),
    ("（普通合伙）", PARTNERSHIP),
    ("有限合伙", PARTNERSHIP),
    ("普通合伙", PARTNERSHIP),
)
LEGAL_NAMES = ("", "有限公司", "有限责任公司", "股份有限公司", "公司", "其他公司", "合伙企业")

# Tails that say what kind of firm it is rather than which one.
HINTS = ("集团", "控股", "股份")

BRANCH_TAILS = (
    "分公司", "支公司", "支行", "分行", "营业部", "门市部", "办事处", "分社", "店", "分厂", "站", "代表处", "项目部", "经营部",
)  # fmt: skip
BRANCH = re.compile(
    r"(.{4,}?(?:公司|集团|厂|银行|合作社|联社|商店|酒店|医院))"
    r"((?:第[一二三四五六七八九十]+|驻?[\u4e00-\u9fff]{2,6})?"
    r"(?:分公司|营业部|办事处|支公司|代表处|项目部|分厂|经营部|支行|分行))$"
)

GOVERNMENT = re.compile(
    r"^(?P<place>.{2,}?)"
    r"(?P<organ>人民政府|政府|人民代表大会|人大常委会|政治协商会议|街道办事处|街道办|街道|居民委员会|村民委员会|居委会|村委会|"
    r"委员会|管理委员会|管委会|纪律检查委员会|(?:[\u4e00-\u9fff]{2,10}?(?:局|委|厅|委员会|管理处|服务中心|大队|支队))|"
    r"人民法院|人民检察院|法院|检察院|海关|镇|乡|市|县|区|省|州)$"
)

NUMERALS = "零一二三四五六七八九十百千万0123456789"
COMPASS = "东西南北中上下左右前后内外新老大小"

# Words for what a firm does: the prior of the register's own statistics, so that ten names can be parsed as well as ten million.
INDUSTRIES = """
科技 信息科技 网络科技 电子科技 生物科技 新材料科技 环保科技 智能科技 科技发展 科技开发 高科 高新技术 技术 信息技术 技术开发 技术服务
贸易 商贸 工贸 经贸 国际贸易 进出口 进出口贸易 物资 物资贸易 对外贸易 百货 商业 商城 商场 超市 供销 销售 经销 批发 零售 电子商务 商务
实业 实业发展 企业 产业 产业发展 发展 开发 投资 投资发展 投资管理 资产管理 资本 创业投资 股权投资 基金 基金管理 控股 投资控股 资产经营 国有资产经营
房地产 房地产开发 置业 地产 物业 物业管理 物业服务 建设 建设工程 建筑 建筑工程 建筑安装 建筑装饰 装饰 装饰工程 装潢 工程 工程建设 市政工程 路桥 路桥工程
水利水电工程 园林 园林绿化 绿化工程 设计 规划设计 建筑设计 监理 工程监理 勘察 勘测设计 安装 设备安装 防水 消防工程 钢结构 建材 建筑材料 水泥 混凝土 商品混凝土
矿业 黄金矿业 矿产 矿产资源 矿山 矿山机械 黄金 贵金属 珠宝 金银珠宝 首饰 珠宝首饰 银楼 金业 冶炼 冶金 有色金属 有色 金属 金属材料 金属制品 钢铁 特钢 铝业 铜业 稀土 煤业 煤炭 能源 新能源 电力 热电 热力 水电 电业 燃气 天然气 石油 石化 石油化工 油田
化工 化学 化学工业 精细化工 化肥 农药 涂料 油漆 塑料 塑料制品 塑胶 橡胶 橡塑 包装 包装材料 包装制品 纸业 造纸 印刷 印务 彩印 玻璃 陶瓷 瓷业
机械 机械制造 机械设备 机电 机电设备 机电工程 重工 重型机械 工程机械 机床 模具 五金 五金制品 铸造 锻造 轴承 阀门 泵业 电机 电器 电气 电器设备 电子 电子技术 光电 半导体 微电子 集成电路 通信 通讯 通信技术 仪器 仪表 自动化 智能装备 装备 设备 制造 器材 电缆 线缆 照明 灯饰 制冷 空调设备
汽车 汽车销售 汽车零部件 汽车服务 汽车配件 汽车贸易 汽车运输 摩托车 车业 船舶 船业 航空 航天 轨道交通 运输 物流 货运 货运代理 国际货运代理 仓储 港务 港口 海运 航运 客运 公路 交通 快递 出租汽车
纺织 毛纺 棉纺 针织 服装 服饰 制衣 鞋业 皮革 家纺 印染 化纤 羽绒 地毯 家具 木业 竹业 地板 工艺品 工艺 玩具 文具 体育用品 日用品 日化 化妆品
食品 粮油 粮食 油脂 饲料 农业 农业科技 农业发展 农业开发 生态农业 种业 种子 农资 农机 农产品 果业 果蔬 蔬菜 茶业 茶叶 酒业 酒厂 啤酒 葡萄酒 饮料 乳业 肉业 肉类 水产 海产 渔业 养殖 畜牧 畜牧业 林业 糖业 盐业 烟草 粉丝 粉丝食品
医药 药业 制药 生物 生物工程 生物制药 生物技术 医疗 医疗器械 医疗科技 大药房 药房 中药 健康 健康产业 医院 养老 保健品
文化 文化传播 文化传媒 文化产业 文化发展 传媒 广告 广告传媒 影视 影业 出版 出版传媒 图书 新闻 教育 教育咨询 培训 学校 幼儿园 旅游 旅行社 国际旅行社 旅游开发 酒店 宾馆 饭店 大酒店 餐饮 餐饮管理 饮食 娱乐 体育 会展
咨询 信息咨询 管理咨询 企业管理 经济信息咨询 企业管理咨询 顾问 人力资源 劳务 劳务派遣 服务 家政服务 保安服务 租赁 融资租赁 典当 拍卖 担保 融资担保 小额贷款 银行 农村商业银行 信用社 农村信用合作社 证券 期货 保险 保险经纪 信托 会计师事务所 律师事务所 税务师事务所 供应链 供应链管理 数据 大数据 软件 软件开发 网络 互联网 系统集成 系统工程 环保 环境 环境工程 环境科技 水务 自来水 污水处理 再生资源 净化 检测 检测技术 研究院 研究所 设计院 机器人 安防 厂 加工厂 机械厂 制品厂 配件厂 经营部 商行 商店 合作社 专业合作社 农场 中心 服务中心 协会 商会 股份 集团 钢材 涂装 动力 锅炉 量具 磨具 磨料 石材 耐火材料 新材料 材料 复合材料 碳素 硅业 电源 电池 电线电缆 变压器 开关 精密 精工 工业 轻工 化妆 眼镜 钟表 宠物 花卉 苗木 园艺
""".split()  # noqa: SIM905

_PLACE_TAIL = re.compile(
    r"(?:特别行政区|维吾尔自治区|壮族自治区|回族自治区|自治区|[\u4e00-\u9fff]{1,3}族自治[州县旗]|自治[州县旗]|地区|省|市|县|区|盟|旗|街道|镇|乡)$"
)
_NOT_A_PLACE = {"市辖区", "开发", "郊区", "城区", "县", "省直辖县级行政区划", "自治区直辖县级行政区划", "新区", "矿区", "市中", "城中", "城关", "海洋", "和平", "河口", "鼓楼", "新华", "长安", "桥西", "桥东"}  # fmt: skip


def short_place(name: str) -> str:
    """招远市 → 招远; a name that would shrink to one character stays whole (赵县)."""
    stem = _PLACE_TAIL.sub("", name)
    return stem if len(stem) >= 2 else name


@cache
def divisions() -> dict[str, str]:
    """Code → name: provinces, cities and counties by GB/T 2260 (6 digits), streets and towns (9 digits)."""
    raw = resources.files("zhaoyin.resolution").joinpath("data/divisions.tsv.gz").read_bytes()
    rows = (line.split("\t") for line in gzip.decompress(raw).decode().splitlines())
    return {code: normalise(name) for code, name in rows}


@cache
def place_codes() -> dict[str, tuple[str, ...]]:
    """Every way to write a county, prefecture or province, alone or after what it lies in → the codes it may mean."""
    found: dict[str, set[str]] = {}
    table = {code: name for code, name in divisions().items() if len(code) == 6}
    for code, name in table.items():
        above = [table.get(f"{code[:2]}0000", ""), "" if code[4:] == "00" else table.get(f"{code[:4]}00", "")]
        for own in {name, short_place(name)}:
            for path in ("", above[1], above[0] + above[1], short_place(above[1] or "") if above[1] else ""):
                found.setdefault(path + own, set()).add(code)
    return {name: tuple(sorted(codes)) for name, codes in found.items()}


def place_name(code: str) -> str:
    """A region code in words, its prefecture (or province) before it; the code itself where no table names it."""
    table = divisions()
    name = table.get(code)
    if name is None:
        return code
    above = table.get(f"{code[:4]}00") if code[4:] != "00" else None
    if above and ("直辖" in above or above == "市辖区"):
        above = None
    above = above or (table.get(f"{code[:2]}0000") if code[2:] != "0000" else None)
    return f"{short_place(above)} {name}" if above else name


def hash_codes(text: str) -> int:
    """The 64-bit hash of a string's code points, as the compiled loops compute it."""
    value = 14695981039346656037
    for character in text:
        value = ((value ^ min(ord(character), 0xFFFD)) * 1099511628211) & 0xFFFFFFFFFFFFFFFF
        value ^= value >> 29
    return value


@dataclass(frozen=True)
class Places:
    """Sorted hashes of place names down to counties, each with its canonical number and province (-1: several)."""

    hashes: npt.NDArray[np.uint64]
    canonical: npt.NDArray[np.int16]
    province: npt.NDArray[np.int8]
    names: tuple[str, ...]  # canonical number → short name
    number: dict[str, int]  # short name → canonical number
    province_of: dict[str, int]  # any written form → province number or -1
    provinces: tuple[str, ...]
    longest: int


@cache
def places() -> Places:
    table = divisions()
    heads = [code for code in table if code.endswith("0000")]
    provinces = tuple(short_place(table[code]) for code in heads)
    number_of_province = {code[:2]: index for index, code in enumerate(heads)}
    province_of: dict[str, int] = {}
    for code, name in table.items():
        if len(code) != 6:
            continue
        province = number_of_province[code[:2]]
        for written in {name, short_place(name)} - _NOT_A_PLACE:
            if len(written) >= 2:
                province_of[written] = province if province_of.get(written, province) == province else -1
    for index, name in enumerate(provinces):
        province_of[name] = index
    names: list[str] = []
    number: dict[str, int] = {}
    rows = []
    for written, province in province_of.items():
        canonical = number.setdefault(short_place(written), len(number))
        if canonical == len(names):
            names.append(short_place(written))
        rows.append((hash_codes(written), canonical, province))
    rows.sort()
    hashes, canonical_column, province_column = zip(*rows, strict=True)
    return Places(
        np.array(hashes, np.uint64),
        np.array(canonical_column, np.int16),
        np.array(province_column, np.int8),
        tuple(names),
        number,
        province_of,
        provinces,
        max(map(len, province_of)),
    )


def _packed(words: tuple[str, ...]) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.int32]]:
    flat = np.array([ord(c) for word in words for c in word], np.uint16)
    offsets = np.cumsum([0, *map(len, words)]).astype(np.int32)
    return flat, offsets


@cache
def packed_forms() -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.int32], npt.NDArray[np.int8]]:
    flat, offsets = _packed(tuple(form for form, _ in LEGAL_FORMS))
    return flat, offsets, np.array([code for _, code in LEGAL_FORMS], np.int8)


@cache
def packed_branches() -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.int32]]:
    return _packed(BRANCH_TAILS)


@cache
def industry_hashes() -> npt.NDArray[np.uint64]:
    return np.unique(np.array([hash_codes(word) for word in INDUSTRIES], np.uint64))


@cache
def kinds() -> npt.NDArray[np.uint8]:
    """Per code point: 1 a numeral, 2 a compass or ordering word, else 0."""
    table = np.zeros(65536, np.uint8)
    for character in COMPASS:
        table[ord(character)] = 2
    for character in NUMERALS:
        table[ord(character)] = 1
    return table
