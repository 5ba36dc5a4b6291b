#!/usr/bin/env python3
"""A component that does not return, beside a healthy flow in one service: it costs its own flow alone. One round of some cases;
with `long` as the second word 20 rounds of all."""
import json
import os
import subprocess
import sys

from lib import Node, check, need

need("cc")
TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
IS_LONG = "long" in sys.argv[2:]
FRAMES = 50
HANDOFF, BACK = 24, 25
OURS = ("edge", "worker", "budget", "failed", "unknown")
TEXT = """tactus: 1
service: beside
rate: 50
deadline: 60ms
components:
  a: {{kind: test.video, params: {{width: 64, height: 64}}}}
  hog: {{kind: ./libhog.so, params: {{{params}}}, overrun: {overrun}}}
  out: {{kind: "null"}}
  b: {{kind: test.video, params: {{width: 64, height: 64}}}}
  scale: {{kind: video.scale, params: {{width: 32, height: 32}}}}
  good: {{kind: "null"}}
flows: [a ! hog ! out, b ! scale ! good]
"""


def build(node):
    subprocess.run(["cc", "-w", "-O1", "-shared", "-fPIC", "-I" + TOP + "/include", "-I" + TOP + "/src", "-o", node.path("work", "libhog.so"),
                    os.path.join(TOP, "tests", "service", "hog.c"), os.path.join(TOP, "src", "base", "error.c"),
                    os.path.join(TOP, "src", "base", "format.c"), os.path.join(TOP, "src", "components", "plugin_side.c")], check=True)


def run(node, params, overrun, seconds="1s"):
    with open(node.path("work", "s.yaml"), "w", encoding="utf-8") as text:
        text.write(TEXT.format(params=params, overrun=overrun))
    ledger = node.path("l.ledger")
    if os.path.exists(ledger):
        os.remove(ledger)
    report = node.report("s.yaml", "--for", seconds, "--ledger", ledger, code=None)
    told = json.loads(node.run("explain", ledger, "all", "--json").stdout)
    return report, told


def frames(told, sink):
    return [frame for frame in told["frames"] if frame["sink"] == sink]


def bad(told, sink):
    return [frame for frame in frames(told, sink) if frame["outcome"] != "on_time"]


def check_healthy(told, what, is_fair=False):
    """What another program or the host took is not ours to keep; that the hog has it is. Without any rights the hog has its fair share
    until its thread is nice."""
    suffered = [frame for frame in bad(told, "good") if frame["cause"] in OURS]
    check(len(frames(told, "good")) == FRAMES, f"{what}: {len(frames(told, 'good'))} frames of the healthy flow")
    check(sum(frame["component"] == "hog" for frame in suffered) <= (4 if is_fair else 0), f"{what}: the hog's neighbour paid for it: {suffered}")
    check(len(suffered) <= (6 if is_fair else 2), f"{what}: {len(suffered)} frames of the healthy flow suffered: {suffered[:5]}")


def check_own(told, what, least, most):
    """Of the hog's flow, all that suffered did so by its fault."""
    suffered = bad(told, "out")
    blamed = [frame for frame in suffered if (frame["cause"], frame["component"]) == ("budget", "hog")]
    check(least <= len(blamed) <= most, f"{what}: {len(blamed)} frames are the hog's fault, not {least} to {most}: {suffered[:8]}")
    check(len(suffered) - len(blamed) <= 3, f"{what}: {[f for f in suffered if f not in blamed][:5]}")


def handoffs(told, first):
    """From this index on: a cold start may have been over its budget, too."""
    return [note["value"] for note in told["notes"] if note["id"] == HANDOFF and note["component"] == "hog" and note["index"] >= first]


def died(told):
    return [event for event in told["events"] if event["event"] in ("died", "stuck")]


def never_returns(node, how, overrun, is_fair=False):
    what = f"never returns, {how}, {overrun}"
    _, told = run(node, f"at: 25, how: {how}", overrun)
    check(len(handoffs(told, 25)) == 1, f"{what}: hand-offs of the hog: {told['notes']}")
    check(not died(told), f"{what}: {told['events']}")
    check_healthy(told, what, is_fair)
    check_own(told, what, FRAMES - 27, FRAMES - 25)


def comes_back(node, overrun, most, is_fair=False):
    """Asleep in a system call for 200 ms, which are ten frames."""
    what = f"comes back, {overrun}"
    _, told = run(node, "at: 15, spin: 200ms, how: block", overrun)
    check(len(handoffs(told, 15)) == 1 and [note for note in told["notes"] if note["id"] == BACK],
          f"{what}: {told['notes']} {bad(told, 'out')} {told['agreement']['plan']}")
    check(not died(told), f"{what}: {told['events']}")
    check_healthy(told, what, is_fair)
    check_own(told, what, 7, most)
    again = [frame["index"] for frame in frames(told, "out") if frame["outcome"] == "on_time" and frame["index"] >= 28]
    check(len(again) >= FRAMES - 30, f"{what}: it did not recover: {again}")


def stops(node):
    report, told = run(node, "at: 20", "stop")
    stuck = [event for event in told["events"] if event["event"] == "stuck"]
    check(stuck and all("overrun=stop" in event["text"] for event in stuck), f"stop: {told['events']}")
    check([event for event in told["events"] if event["event"] == "restarted"], f"stop: no restart: {told['events']}")
    check(report["frames"] >= FRAMES, f"stop: {report}")
    lost = bad(told, "good")
    others = [frame for frame in lost if (frame["cause"], frame["component"]) != ("budget", "hog")]
    check(len(lost) > len(others) and len([frame for frame in others if frame["cause"] in OURS]) <= 2, f"stop: {lost}")


with Node() as node:
    os.chmod(node.folder, 0o755)
    os.mkdir(node.path("work"))
    os.chdir(node.path("work"))
    build(node)
    for turn in range(20 if IS_LONG else 1):
        never_returns(node, "loop", "throttle")
        comes_back(node, "skip", 14)
        stops(node)
        if IS_LONG:
            never_returns(node, "loop", "skip")
            never_returns(node, "block", "throttle")
            comes_back(node, "throttle", 14)
            print(f"round {turn + 1}", flush=True)
    print("overrun")

for rights in ("fifo", "other") if IS_LONG else ():
    with Node("--rights", rights) as node:
        os.chmod(node.folder, 0o755)
        os.mkdir(node.path("work"))
        os.chdir(node.path("work"))
        build(node)
        never_returns(node, "loop", "throttle", rights == "other")
        comes_back(node, "skip", 14, rights == "other")
        print(rights)
