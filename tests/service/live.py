#!/usr/bin/env python3
"""A service that runs by itself, as its owner handles it from another terminal: ps, set, logs, stop, and what the ledger says."""
import json
import os
import subprocess
import time

from lib import BUILD, Node, check, wait_for

WIDTH, HEIGHT, RATE = 64, 48, 50
LUMA, FRAME = WIDTH * HEIGHT, WIDTH * HEIGHT * 3 // 2
GRAPH = f"test.video name=cam width={WIDTH} height={HEIGHT} rate={RATE} timecode=false ! raw.write name=out url="
BLACK = 16


def luma_levels(path, frame):
    with open(path, "rb") as file:
        file.seek(frame * FRAME)
        return set(file.read(LUMA))


def cpu_ns(pid):
    """Of all threads of another process: the kernel's clock for it."""
    return time.clock_gettime_ns(~pid << 3 | 2)


def row_of(node, name):
    lines = node.run("ps").stdout.splitlines()
    check(lines[0].split() == ["NAME", "STATE", "CLASS", "LEVEL", "FRAMES", "LATE", "LOST", "SINCE", "LEDGER"], lines[0])
    return next((line.split() for line in lines[1:] if line.split()[0] == name), None)


def changes(node, path):
    """A change acts from the frame that the answer names on, in the output and in the ledger."""
    first = json.loads(node.run("set", "show", "cam.pattern=black", "--json").stdout)
    check(first["has_acted"] and first["index"] > 0, first)
    at = first["index"] + RATE  # a second later
    later = node.run("set", "show", "cam.pattern=ball", "--at", str(at))
    check(f"will act from index {at} on" in later.stderr, later.stderr)
    past = json.loads(node.run("set", "show", "cam.pattern=black", "--at", "1", "--json").stdout)
    check(past["has_acted"] and first["index"] < past["index"] < at, f"{past} after {first}")
    wait_for(lambda: os.path.getsize(path) > (at + 5) * FRAME, 20, "the output does not grow")
    check(len(luma_levels(path, first["index"] - 1)) > 2, "it was black before it was told")
    for frame in (first["index"], at - 1):
        check(luma_levels(path, frame) == {BLACK}, f"frame {frame} is not black")
    check(len(luma_levels(path, at)) > 1, f"frame {at} is still black")
    return [(first["index"], "black"), (past["index"], "black"), (at, "ball")]


def refusals(node):
    for words, code, part in ((("show", "cam.width=128"), 2, "cannot change while the service runs (these can: pattern)"),
                              (("show", "cam.patern=ball"), 2, "did you mean 'pattern'?"),
                              (("show", "cam.pattern=balls"), 2, "did you mean 'ball'?"),
                              (("show", "out.url=x"), 2, "cannot change while the service runs"),
                              (("show", "rate=25"), 2, "cannot change while the service runs"),
                              (("nobody", "cam.pattern=ball"), 1, "see tactus ps"),
                              (("show", "cam.pattern=ball", "--at", "-1"), 2, "no index")):
        ran = node.run("set", *words, code=code)
        words_told = " ".join(ran.stderr.split())
        check(part in words_told, f"{words}: {ran.stderr}")


def check_ledger(node, ledger, wanted):
    told = json.loads(node.run("explain", ledger, "all", "--json").stdout)
    notes = [(note["index"], note["component"]) for note in told["notes"] if note["id"] == 19]
    check(notes == [(index, "cam") for index, _ in wanted], f"notes {notes}, not {wanted}")
    events = [event["text"] for event in told["events"] if event["event"] == "set"]
    check(events == [f"cam.pattern={value} from index {index} on" for index, value in wanted], events)
    check(node.run("prove", ledger).stdout.count("intact") > 0, "the ledger is not intact")


with Node() as node:
    check(node.run("ps").stdout == "none runs\n" and json.loads(node.run("ps", "--json").stdout) == [], "somebody runs")
    node.run("logs", "show", code=1)
    path = node.path("out.yuv")
    begun = node.run("run", GRAPH + path, "--name", "show", "--for", "60s", "--detach", "--no-profile")
    check("show" in begun.stderr and ".ledger" in begun.stderr, begun.stderr)
    row = row_of(node, "show")
    check(row is not None and row[1] == "running", f"ps: {row}")
    follower = node.spawn("logs", "show", "--follow")
    wanted = changes(node, path)
    refusals(node)
    # Its container dies: what was changed is told to the next one.
    killed = node.processes("container")
    os.kill(killed[0], 9)
    wait_for(lambda: node.processes("container") not in ([], killed), 20, "no new container")
    size = os.path.getsize(path)
    wait_for(lambda: os.path.getsize(path) > size + 10 * FRAME, 20, "nothing comes from the new one")
    last = luma_levels(path, os.path.getsize(path) // FRAME - 2)
    check(last <= {60, 220}, f"the new container paints no ball: {sorted(last)}")
    ledger = row[-1]
    used_ns = sum(cpu_ns(pid) for role in ("container", "edge") for pid in node.processes(role))
    node.run("stop", "show")
    check(node.run("ps").stdout == "none runs\n", "it runs on after its stop")
    followed = follower.communicate(timeout=20)[0]
    log = node.run("logs", "show").stdout
    check(followed == log and follower.returncode == 0, f"followed:\n{followed}\nasked:\n{log}")
    for part in ("started: ", f"set cam.pattern=ball from index {wanted[2][0]} on", "container", "ended: "):
        check(part in log, f"the log says nothing of '{part}':\n{log}")
    told = json.loads(node.run("explain", ledger, "all", "--json").stdout)
    check(told["count"]["report"]["cpu_ns"] >= used_ns > 0, f"{used_ns} ns were used: {told['count']}")
    again = [note for note in told["notes"] if note["id"] == 19][3:]
    check(len(again) == 1, f"the new container was told {again}")
    node.run("stop", "show", code=1)
    # Nobody's tactusd is started to be asked.
    alone = dict(node.env, TACTUS_SOCKET=node.path("nobody"))
    for words, code in ((("ps",), 0), (("stop", "show"), 3), (("logs",), 3)):
        ran = subprocess.run([os.path.join(BUILD, "tactus"), *words], env=alone, capture_output=True, check=False)
        check(ran.returncode == code and not os.path.exists(node.path("nobody")), f"{words}: {ran}")
