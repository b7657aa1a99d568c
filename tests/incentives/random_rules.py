# ruff: noqa: UP031  braces are YAML here
"""Random rule sets and random firms, for holding the engines against each other."""

import numpy as np

FIELDS = """
  甲: {type: 金额, changeable: true}
  乙: {type: 金额, signed: true}
  丙: {type: 金额, max: 100亿元}
  丁: {type: 金额, absent: 0元}
  人数: {type: 整数, unit: 人}
  年限: {type: 整数, unit: 年}
  面积: {type: 面积, max: 10000000平方米}
  增速: {type: 比例}
  先后: {type: 整数}
  高新: {type: 是否}
  失信: {type: 是否, absent: 否}
  成立: {type: 日期}
  外资: {type: 金额, currency: USD, max: 10亿美元}
  等级: {type: 类别, options: [无, 市级, 省级, 国家级]}
  行业: {type: 行业}
"""
MONEY = ["甲", "乙", "丙", "丁"]
WAN = [1, 3, 7, 20, 50, 99.99, 100, 333.33, 500, 1000]
RATES = ["1%", "5%", "12.5%", "3‰", "33.3%", "100%", "0.7%", "利率 * 50%"]
CHOSEN = [
    '"8% if 高新 else 3%"',
    '"min(利率 * 50%, 1.5%)"',
    "\"5% if 等级 == '省级' else 2% if 人数 >= 20人 else 1%\"",
    '"max(利率, 3%)"',
]


def _wan(r):
    return f"{WAN[r.integers(len(WAN))]}万元"


def leaf(r):
    m, n = MONEY[r.integers(4)], MONEY[r.integers(4)]
    return [
        f"{m} >= {_wan(r)}", f"{m} < {_wan(r)}", f"{m} + {n} > {_wan(r)}", f"{m} >= {n} * {RATES[r.integers(8)]}",
        "高新", "not 高新", "not 失信", "等级 == '省级'", "等级 in {'市级', '国家级'}", "等级 != '无'", "行业 in 目录", "行业 not in 目录",
        f"人数 >= {r.integers(1, 60)}人", f"年限 <= {r.integers(1, 9)}", "面积 >= 1亩", f"增速 >= {r.integers(1, 30)}%",
        f"人数 in {{{r.integers(1, 9)}, {r.integers(9, 20)}}}", f"10万元 * 人数 <= {m}", f"min({m}, {n}) > 9.99万元",
        f"{m} // 10万元 >= 3", f"{m} >= 最低标准", f"成立 >= 20{r.integers(18, 25)}-0{r.integers(1, 9)}-15", "成立 < 2022-03-01",
        f"外资 > {r.integers(1, 200)}万美元", f"外资 * 汇率 >= {_wan(r)}", f"基数 >= {_wan(r)}",
    ][r.integers(26)]  # fmt: skip


def condition(r, depth=2):
    roll = r.random()
    if depth and roll < 0.3:
        parts = ", ".join(condition(r, depth - 1) for _ in range(r.integers(2, 4)))
        return "{%s: [%s]}" % (("any", "all")[r.integers(2)], parts)
    if depth and roll < 0.4:
        return "{not: [%s]}" % condition(r, depth - 1)
    return f'"{leaf(r)}"'


def amount(r):
    m = MONEY[r.integers(4)]
    rate = lambda: RATES[r.integers(8)]  # noqa: E731
    bounds = sorted({float(b) for b in r.choice([5, 10, 33.33, 100, 250, 700], 3)})
    table = lambda value: "[" + ", ".join(f"[{b}万元, {value()}]" for b in bounds) + "]"  # noqa: E731
    upper = ", inclusive: upper" if r.random() < 0.3 else ""
    kind = [
        lambda: f"{{fixed: {_wan(r)}}}",
        lambda: f"{{rate: {rate()}, of: {m}}}",
        lambda: f"{{tiers: {{mode: whole, of: {m}, by: 甲, table: {table(rate)}{upper}}}}}",
        lambda: f"{{tiers: {{mode: marginal, of: {m}, table: {table(lambda: ['1%', '5%', '12.5%'][r.integers(3)])}}}}}",
        lambda: f"{{tiers: {{mode: fixed, of: {m}, table: {table(lambda: _wan(r))}{upper}}}}}",
        lambda: f"{{step: {{of: {m}, each: 10万元, pay: 1.01万元, above: 甲, base: 3万元}}}}",
        lambda: "{per_item: {pay: 1500元, count: 人数, limit: 年限 * 3人}}".replace("年限 * 3人", "30人"),
        lambda: "{per_item: {pay: 25.5元, count: 面积}}",
        lambda: f"{{match: {{of: {m}, ratio: {rate()}}}}}",
        lambda: f"{{clamp: {{rate: {rate()}, of: {m}, floor: 1万元, ceiling: 90万元}}}}",
        lambda: f"{{top_up: {{to: 60万元, already: {m}}}}}",
        lambda: f'{{table: [{{when: {condition(r, 0)}, value: {m}}}, {{when: {condition(r, 0)}, rate: {rate()}, of: 甲}}]}}',
        lambda: f'{{table: [{{when: {condition(r, 0)}, value: {_wan(r)}}}, {{value: "{m} * {rate()} + 甲 * 1%"}}]}}',
        lambda: f"{{rate: {rate()}, of: {m}, times: 110%, plus: 1.5万元, ceiling: 70万元}}",
        lambda: f'{{value: "max({m} - 丁, 3万元) * 7% if 高新 else 乙 * 1%"}}',
        lambda: f"{{rate: {CHOSEN[r.integers(4)]}, of: {m}}}",
        lambda: f"{{rate: {CHOSEN[r.integers(4)]}, of: 基数, floor: 0.5万元}}",
        lambda: f"{{clamp: {{rate: {CHOSEN[r.integers(4)]}, of: {m}, floor: 1万元, ceiling: 30.01万元}}}}",
        lambda: f"{{first: [{{when: {condition(r, 0)}, value: 基数 * 2%}}, {{value: {_wan(r)}}}]}}",
        lambda: '{value: "外资 * 汇率 * 2%", plus: 1元}',
        lambda: f"{{tiers: {{mode: fixed, of: {m}, table: [[5万元, 100万元, {_wan(r)}], [100万元, {_wan(r)}]]}}}}",
        lambda: f"{{tiers: {{mode: whole, of: {m}, by: 人数, table: [[5人, {rate()}], [40人, {CHOSEN[r.integers(4)]}]]}}}}",
        lambda: f"{{step: {{of: {m}, each: 7万元, pay: 0.33万元}}, times: 90%}}",
        lambda: "{per_item: {pay: 2500元, count: 人数, cap: 1200.5元}}",
        lambda: "{per_item: {pay: 25.5元, count: 面积, limit: 3亩}}",
    ]  # fmt: skip
    return kind[r.integers(len(kind))]()


def rule_set(seed, most=9):
    r = np.random.default_rng(seed)
    count = int(r.integers(2, most))
    lines = ["schema: policy/1", "document: {id: random, title: 随机}", "fields:", FIELDS.strip("\n")]
    lines += [
        "lists: {目录: [C13, C39, A]}",
        "parameters:",
        "  利率: {values: [[2020-01-01, 3.35%]]}",
        "  汇率: {unit: 元/美元, values: [[2020-01-01, 7.0827]]}",
    ]
    lines += [
        "  最低标准: {values: [[%s, 30万元]]}" % ("2020-01-01" if r.random() < 0.8 else "2090-01-01"),
        'defaults: {require: ["not 失信"], rounding: %s}'
        % ["分", "元舍去", "元四舍五入", "分四舍五入", "万元舍去"][r.integers(5)],
        "policies:",
    ]
    for k in range(count):
        lines += [
            f"- id: p{k}",
            f"  when: {condition(r)}",
            f'  let: {{基数: "min({MONEY[r.integers(4)]}, {_wan(r)})"}}',
        ]
        roll = r.random()
        if roll < 0.12:  # no one figure of money: these take no part in combination
            lines.append(
                [
                    "  amount: 未载明",
                    "  gate: true",
                    "  amount: {range: [1万元, 9万元]}",
                    "  relief: {tax: 所得税, clock: 获利年度, years: [{from: 1, to: 2, rate: 0%}]}",
                    f"  amount: {amount(r)}\n  draft: true",
                    f"  amount: {amount(r)}\n  nature: at_least",
                ][r.integers(6)]
            )
            continue
        lines.append(f"  amount: {amount(r)}")
        roll = r.random()
        if roll < 0.3:
            lines.append(f"  cap: {{per: project, max: {_wan(r)}}}")
        elif roll < 0.5:
            lines.append(
                f"  cap: [{{per: project, max: [{{when: {condition(r, 0)}, max: {_wan(r)}}}]}}, {{per: firm_year, max: 乙}}]"
            )
        elif roll < 0.6:
            lines.append("  cap: {per: firm_total, max: 80万元, paid: 丁}")
        elif roll < 0.7:
            lines.append("  cap: [{per: contract, max: 丙}, {per: project, max: 乙 * 10%}]")
        if r.random() < 0.15:
            lines.append("  share: {市: 60%, 镇: 40%}")
        if r.random() < 0.2:
            lines.append(f'  less: "{MONEY[r.integers(4)]} * 10%"')
        if r.random() < 0.2:
            bound = ("max: 100万元", "max_rate: 8%, of: 甲")[r.integers(2)]
            lines.append('  discretion: {when: "%s", %s}' % (leaf(r).replace('"', ""), bound))
        if r.random() < 0.25:
            lines += [
                "  instalments:",
                f"  - {{pct: 30%, when: {condition(r, 0)}}}",
                "  - {pct: 70%, when: 高新}",
            ]
        if r.random() < 0.1:
            then = ", then: 12.34万元" if r.random() < 0.3 else ""
            lines.append("  quota: {top: %d, rank_by: %s%s}" % (r.integers(1, 9), MONEY[r.integers(4)], then))
        if r.random() < 0.1:
            lines.append("  nature: up_to")
    ids = [f"p{k}" for k in r.permutation(count)]
    cut = int(r.integers(0, count + 1))
    rules = ["highest", "choose_one", "top_up", "stack", "exclude"]
    groups = []
    for name, members in (("甲组", ids[:cut]), ("乙组", ids[cut:])):
        rule = rules[r.integers(5)]
        if len(members) > 1 and (name == "甲组" or r.random() < 0.5):
            extra = ", already: 丁 + 丙 * 1%" if rule == "top_up" else ""
            groups.append(f"- {{name: {name}, rule: {rule}, members: [{', '.join(members)}]{extra}}}")
    lines += ["groups:", *groups] if groups else []
    if r.random() < 0.7:
        limit = ["150万元", "min(200万元, 甲)", "乙 * 50%"][r.integers(3)]
        lines += ["caps:", f'- {{per: firm_year, members: all, max: "{limit}"}}']
        if r.random() < 0.3:
            lines.append("- {per: firm_total, members: [p0, p1], max: 90万元, paid: 丁}")
    pot = [k for k in ids if r.random() < 0.5]
    half = len(pot) // 2 if r.random() < 0.3 else 0
    pots = []
    for name, members in (("盘", pot[half:]), ("小盘", pot[:half])):
        rule = ["pro_rata", "first_come", "ranked", "stop"][r.integers(4)]
        more = ", ratio_digits: %d" % r.integers(2, 7) if rule == "pro_rata" else ", order_by: 先后"
        if members:
            pots.append(
                f"- {{name: {name}, members: [{', '.join(members)}], amount: {r.integers(1, 900)}万元, on_excess: {rule}{more}}}"
            )
    lines += ["budgets:", *pots] if pots else []
    return "\n".join(lines) + "\n"


def firms(seed, n=60, unknown=0.08):
    """{field: (values, valid)} in canonical units; bounds of the rules are hit often, and by one fen."""
    r = np.random.default_rng(seed)
    marks = np.array([int(w * 10**6) for w in WAN] + [0, 10**9, 5 * 10**6, 25 * 10**7])

    def money(low, high):
        values = np.where(
            r.random(n) < 0.6,
            marks[r.integers(len(marks), size=n)] + r.integers(-1, 2, n),
            r.integers(0, 10**9, n),
        )
        wide = np.where(r.random(n) < 0.05, high, values)
        return np.clip(wide, low, high)

    table = {
        "甲": money(0, 10**15), "乙": np.where(r.random(n) < 0.2, -1, 1) * money(0, 10**15), "丙": money(0, 10**12),
        "丁": money(0, 10**9), "人数": r.integers(0, 80, n), "年限": r.integers(0, 12, n).astype(np.int16),
        "面积": r.choice([66_666, 66_667, 0, 10**6, 10**9], n), "增速": r.integers(-300_000, 400_000, n),
        "成立": r.integers(17_500, 20_400, n).astype(np.int32), "外资": money(0, 10**10),
        "先后": r.integers(0, 30, n).astype(np.int32), "高新": r.random(n) < 0.4, "失信": r.random(n) < 0.1,
        "等级": np.array(["无", "市级", "省级", "国家级"])[r.integers(4, size=n)],
        "行业": np.array(["C13", "C131", "C39", "C3", "A01", "B"])[r.integers(6, size=n)],
    }  # fmt: skip
    return {k: (v, r.random(n) >= unknown) for k, v in table.items()}


def rows(table):
    n = len(next(iter(table.values()))[0])
    return [{k: (v[i].item() if ok[i] else None) for k, (v, ok) in table.items()} for i in range(n)]
