"""zen-engine on the same steps: one expression node; the first ROWS firms, in batches and one by one.

usage: zen_run.py DATA RULES ROWS
"""

import json
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import zen

home, rules, rows = Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text()), int(sys.argv[3])
columns = {path.stem: np.load(path, mmap_mode="r")[:rows] for path in sorted(home.glob("*.npy"))}
plain = {name: f"x{i}" for i, name in enumerate(columns)}
step = {name for name, _ in rules["steps"]}


def write(e):
    op = e[0]
    if op == "f":
        return "$." + e[1] if e[1] in step else plain[e[1]]
    if op == "c":
        return str(e[1]).lower() if isinstance(e[1], bool) else str(e[1])
    if op in ("and", "or"):
        return "(" + f" {op} ".join(map(write, e[1:])) + ")"
    if op == "not":
        return f"(not ({write(e[1])}))"
    if op == "in":
        return f"({write(e[1])} in {e[2]})"
    if op == "rate":
        return f"floor({write(e[1])} * {e[2]} / {e[3]})"
    if op == "//":
        return f"floor({write(e[1])} / {e[2]})"
    if op in ("min", "max"):
        return f"{op}([{', '.join(map(write, e[1:]))}])"
    if op == "case":
        text = write(e[2])
        for c, v in reversed(e[1]):
            text = f"(({write(c)}) ? ({write(v)}) : ({text}))"
        return text
    return f"({write(e[1])} {op} {write(e[2])})"


place = {"position": {"x": 0, "y": 0}}
expressions = [{"id": k, "key": k, "value": write(e)} for k, e in rules["steps"]]
graph = {
    "contentType": "application/vnd.gorules.decision",
    "nodes": [
        {"id": "i", "type": "inputNode", "name": "in", **place},
        {
            "id": "x",
            "type": "expressionNode",
            "name": "rules",
            "content": {"expressions": expressions},
            **place,
        },
        {"id": "o", "type": "outputNode", "name": "out", **place},
    ],
    "edges": [
        {"id": "1", "sourceId": "i", "targetId": "x", "type": "edge"},
        {"id": "2", "sourceId": "x", "targetId": "o", "type": "edge"},
    ],
}
lists = [values.tolist() for values in columns.values()]
firms = [dict(zip(plain.values(), row, strict=True)) for row in zip(*lists, strict=True)]
engine = zen.ZenEngine({"loader": {"type": "static", "content": {"p": graph}}})
decision = engine.create_decision(zen.ZenDecisionContent(json.dumps(graph)))
start = time.perf_counter()
totals = []
for i in range(0, rows, 2000):
    for answer in engine.evaluate_batch([{"key": "p", "context": f} for f in firms[i : i + 2000]]):
        totals.append(int(float(answer["data"]["result"]["total"])))
batch = time.perf_counter() - start
single, trace = [], []
for firm in firms[:400]:
    start = time.perf_counter()
    decision.evaluate(firm)
    single.append(time.perf_counter() - start)
    start = time.perf_counter()
    decision.evaluate(firm, {"trace": True})
    trace.append(time.perf_counter() - start)
exact = np.load(home / "out" / "known.npy")[:rows]


def median(values):
    return statistics.median(values) * 1000


print(
    json.dumps(
        {
            "batch": batch,
            "single": median(single),
            "trace": median(trace),
            "differ": int((np.array(totals) != exact).sum()),
        }
    )
)
