"""openfisca-core on the same steps: one variable a step, thresholds as dated parameters, money as its floats.

usage: openfisca_run.py DATA RULES float32|float64 REPEAT

``load``: handing it the columns; ``wall``: calculating. The first time in the process, and the best of the next ones.
"""

import gc
import json
import resource
import sys
import time
from pathlib import Path

import numpy as np
import openfisca_core.variables.config as config
from openfisca_core import entities, parameters, periods, taxbenefitsystems, variables
from openfisca_core.simulations import SimulationBuilder

home, rules, kind, repeat = (
    Path(sys.argv[1]),
    json.loads(Path(sys.argv[2]).read_text()),
    sys.argv[3],
    int(sys.argv[4]),
)
if kind == "float64":
    config.VALUE_TYPES[float]["dtype"] = np.float64
FLOAT = config.VALUE_TYPES[float]["dtype"]


def names(e, found):
    if e[0] == "f":
        found.add(e[1])
    elif e[0] == "case":
        for c, v in e[1]:
            names(c, found)
            names(v, found)
        names(e[2], found)
    elif e[0] == "in":
        names(e[1], found)
    elif e[0] != "c":
        for part in e[1:]:
            if isinstance(part, list):
                names(part, found)
    return found


read = set()
for _, e in rules["steps"]:
    names(e, read)
columns = {path.stem: np.load(path) for path in sorted(home.glob("*.npy"))}
columns = {k: v for k, v in columns.items() if k in read}
n = len(next(iter(columns.values())))
entity = entities.Entity("firm", "firms", "Enterprise", "")
system = taxbenefitsystems.TaxBenefitSystem([entity])
YEAR = periods.DateUnit.YEAR
money = {k for k, v in columns.items() if v.dtype == np.int64}


def declare(name, value_type, **more):
    body = {"value_type": value_type, "entity": entity, "definition_period": YEAR, "label": name, **more}
    system.add_variable(type(name, (variables.Variable,), body))


for k, v in columns.items():
    declare(k, bool if v.dtype == bool else float if k in money else int)
tables = {}


def formula(name, e):
    constants = []

    def constant(value):
        if value in (0, 1):
            return repr(value)
        constants.append(value)
        return f"p.k{len(constants) - 1}"

    def write(e):
        op = e[0]
        if op == "f":
            return f"_{e[1]}"
        if op == "c":
            return repr(e[1]) if isinstance(e[1], bool) else constant(e[1])
        if op in ("and", "or"):
            return "(" + ("*" if op == "and" else "+").join(map(write, e[1:])) + ")"
        if op == "not":
            return f"np.logical_not({write(e[1])})"
        if op == "in":
            return f"np.isin({write(e[1])}, {e[2]})"
        if op == "rate":
            return f"np.floor({write(e[1])} * {constant(e[2] / e[3])})"
        if op == "//":
            return f"np.floor({write(e[1])} / {constant(e[2])})"
        if op in ("min", "max"):
            text = write(e[1])
            for part in e[2:]:
                text = f"np.{op}imum({text}, {write(part)})"
            return text
        if op == "case":
            conditions, values = ", ".join(write(c) for c, _ in e[1]), ", ".join(write(v) for _, v in e[1])
            return f"np.select([{conditions}], [{values}], {write(e[2])})"
        return f"({write(e[1])} {op} {write(e[2])})"

    body = write(e)
    lines = ["def formula(firm, period, parameters):"]
    if constants:
        lines.append(f"    p = parameters(period).{name}")
        tables[name] = {f"k{i}": {"values": {"2020-01-01": {"value": v}}} for i, v in enumerate(constants)}
    lines += [f"    _{f} = firm('{f}', period)" for f in sorted(names(e, set()))]
    space = {"np": np}
    exec("\n".join([*lines, f"    return {body}"]), space)
    is_bool = name == "common" or name.startswith("e_")
    declare(name, bool if is_bool else float, formula=space["formula"])


for name, e in rules["steps"]:
    formula(name, e)
system.parameters = parameters.ParameterNode("", data=tables)


def simulate():
    simulation = SimulationBuilder().build_default_simulation(system, count=n)
    for k, v in columns.items():
        simulation.set_input(k, "2025", v if v.dtype == bool else v.astype(FLOAT if k in money else np.int32))
    return simulation


walls, loads, peaks = [], [], []
for _ in range(repeat):
    start = time.perf_counter()
    simulation = simulate()
    loads.append(time.perf_counter() - start)
    start = time.perf_counter()
    out = {k: simulation.calculate(k, "2025") for k in rules["outputs"]}
    final = out["total"].copy()
    for i, budget in enumerate(rules["budgets"]):
        pool = out[f"pool_{i}"]
        ratio = min(1, budget / pool.sum(dtype=np.float64))
        if ratio < 1:
            final += pool * (ratio - 1)
    walls.append(time.perf_counter() - start)
    peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
    total = out["total"]
    del simulation, out, final
    gc.collect()  # a simulation holds circles: its memory would stay
mode = "dense" if "dense" in sys.argv[2] else "known"
exact = np.load(home / "out" / f"{mode}.npy")
off = np.abs(total.astype(np.float64) - exact)
print(
    json.dumps(
        {
            "wall": walls[0],
            "load": loads[0],
            "again": min(walls),
            "memory": peaks[0],
            "off_fen": int((off > 1).sum()),
            "worst": float(off.max()),
        }
    )
)
