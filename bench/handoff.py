"""A component that does not stop at its budget: how long until what is queued behind it runs.

In each round a component loops and heeds nothing. It does so for `spin`, long after it has lost the worker, so that there can be
a next round; one that never returns is the same up to there. Exhaustion is its start plus its budget, by the clock on the wall:
what the host or others took of the CPU meanwhile counts against us. The next queued component's start is its hop record's."""
import bisect
import json

import stats
from harness import OURS
from node import Node

HANDOFF, BUDGET, QUEUED = 24, 26, 6
EVERY, RATE = 125, 250  # two rounds a second: rarer than what its costs are learnt from
TEXT = """tactus: 1
service: handoff
rate: {rate}
deadline: 60ms
components:
  a: {{kind: test.video, params: {{width: 64, height: 64}}}}
  hog: {{kind: {hog}, params: {{at: {first}, every: {every}, spin: {spin}us}}}}
  out: {{kind: "null", deadline: 30ms}}
  b: {{kind: test.video, params: {{width: 64, height: 64}}}}
{components}
  good: {{kind: "null"}}
flows: [a ! hog ! out, b ! {chain} ! good]
"""


def service(bench, spin_us):
    chain = [f"q{n}" for n in range(QUEUED)]
    path = bench.path("handoff.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(TEXT.format(rate=RATE, hog=bench.helper("libhog.so"), first=RATE, every=EVERY, spin=spin_us, chain=" ! ".join(chain),
                               components="\n".join(f"  {name}: {{kind: video.scale, params: {{width: {62 - 2 * n}, height: 62}}}}"
                                                    for n, name in enumerate(chain))))
    return path


def budgets_of(told):
    """What the hog's activations might cost, by index: budgets follow what costs turn out to be."""
    agreement = told["agreement"]
    yield 0, agreement["plan"]["budget_of_ns"][agreement["components"].index("hog")]
    for note in told["notes"]:
        if note["id"] == BUDGET and note["component"] == "hog":
            yield note["index"], note["value"]


def rounds_of(told):
    """Of each hand-off: from the hog's exhaustion to the start of whatever ran next, and what the engine says of itself."""
    engine = {note["index"]: note["value"] for note in told["notes"] if note["id"] == HANDOFF and note["component"] == "hog"}
    others = sorted(hop["start_ns"] for hop in told["hops"] if hop["component"] != "hog")
    budgets = sorted(budgets_of(told))
    for hop in told["hops"]:
        if hop["component"] != "hog" or hop["index"] not in engine or (hop["index"] - RATE) % EVERY:
            continue
        exhausted_ns = hop["start_ns"] + [budget for index, budget in budgets if index <= hop["index"]][-1]
        at = bisect.bisect_left(others, hop["start_ns"])
        if at < len(others):
            yield hop["index"], others[at] - exhausted_ns, engine[hop["index"]]


def measure(bench):
    wanted, spin_us = bench.pick("rounds", 60, 1000), bench.pick("spin_us", 800, 800)
    path = service(bench, int(spin_us))
    with Node(bench) as node:
        for _ in range(3):  # its costs are learnt
            checked = node.command("check", path, "--json", check=False).stdout
            if checked and json.loads(checked).get("class") == "targeted":
                break
        ledger = bench.path("handoff.ledger")
        node.command("run", path, "--quiet", "--for", f"{int(wanted) * EVERY // RATE + 2}s", "--ledger", ledger, check=False,
                     timeout=int(wanted) * EVERY / RATE + 90)
        told = node.explain(ledger)
        for index, latency_ns, engine_ns in rounds_of(told):
            bench.put("handoff_ns", "tactus", latency_ns, "", index // RATE, index)
            bench.put("engine_ns", "tactus", engine_ns, "", index // RATE, index)
        bench.put("healthy_ours", "tactus", sum(frame["sink"] == "good" and frame["outcome"] != "on_time" and
                                                frame["cause"] in OURS for frame in told["frames"]))


def judge(data):
    latencies, engine = data.each("handoff_ns", "tactus"), data.each("engine_ns", "tactus")
    rounds = [[[value / 1e6 for value in latencies[n:n + 10]] for n in range(0, len(latencies), 10)]]
    measured, ci95 = stats.single(rounds, lambda values: stats.quantile(values, 0.99)) if latencies else (None, None)
    rows = [{"what": what, "rounds": len(values), **{name: stats.quantile(values, share) for name, share in (
        ("p50_ns", 0.5), ("p90_ns", 0.9), ("p99_ns", 0.99), ("max_ns", 1))}} for what, values in (
            ("exhaustion to the next start", latencies), ("exhaustion to the standby, by its own word", engine)) if values]
    return rows, [stats.claim("handoff.p99", "<=", 0.4, measured, len(latencies), ci95)]
