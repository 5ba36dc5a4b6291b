#!/usr/bin/env python3
"""Three time scales run in three containers; frames cross between two; one that dies leaves the others their frames."""
import json
import os
import signal
import time

from lib import Node, check, wait_for

BANDS = """tactus: 1
service: bands
rate: 10
deadline: 200ms
loss: 5%
components:
  tone:   {kind: test.audio, params: {quantum: 120}}
  pcm:    {kind: "null"}
  hum:    {kind: test.audio, params: {quantum: 1920}}
  long:   {kind: "null"}
  slow:   {kind: test.video, params: {width: 320, height: 180}}
  album:  {kind: "null", deadline: 400ms}
flows: [tone ! pcm, hum ! long, slow ! album]
"""
CROSS = """tactus: 1
service: cross
rate: 25
deadline: 300ms
loss: 5%
components:
  tone:   {kind: test.audio, params: {quantum: 240}}
  mix:    {kind: audio.mix, params: {channels: 2, quantum: 1920}, late: {a: silence}}
  out:    {kind: "null"}
flows: [tone ! mix.a, mix ! out]
"""
NAMES = ["container.audio", "container.video", "container.batch"]


def write(node, name, text):
    with open(node.path(name), "w", encoding="utf-8") as file:
        file.write(text)
    return node.path(name)


def containers(node):
    """Processes that run an engine; who waits for a service has another name."""
    return sorted(node.processes("container"))


def three_time_scales(node):
    """Each has a container and a reservation; where the kernel gives them, the promise is kept by what was late."""
    path = write(node, "bands.yaml", BANDS)
    plan = json.loads(node.run("check", path, "--json", code=None).stdout)
    check(sorted(w["name"] for w in plan["workers"]) == sorted(NAMES), f"workers: {plan['workers']}")
    report = node.report(path, "--for", "1s", "--no-profile", code=None)
    sinks = report["sinks"]
    check(all(sinks[name]["frames"] >= least for name, least in (("pcm", 350), ("long", 20), ("album", 7))), f"{sinks}")
    if report["class"] == "targeted":
        check(all(w["budget_ns"] > 0 for w in plan["workers"]), f"no reservation: {plan['workers']}")
        ours = {name: sink["late_ours"] + sink["lost"] for name, sink in sinks.items()}
        print(f"targeted: of 400, 25 and 10 frames late by us or lost: {ours}")
    else:
        print(f"not judged: {report['class']}")


def one_dies(node):
    """kill -9 of one container: it alone starts anew, and nothing of the others' is missing for it."""
    path = write(node, "bands.yaml", BANDS)
    before = set(containers(node))
    command = node.spawn("run", path, "--no-profile", "--best-effort", "--json")
    wait_for(lambda: len(set(containers(node)) - before) == 3, 15, "there are no three containers")
    wait_for(lambda: any(s["frames"] > 100 for s in node.status()["services"]), 15, "nothing runs")
    told = json.loads(node.run("top", "--json").stdout)["services"][0]
    check({c["process"] for c in told["components"]} == set(NAMES), f"top: {told['components']}")
    check({w["name"] for w in told["workers"]} == set(NAMES), f"top: {told['workers']}")
    lives = sorted(set(containers(node)) - before)
    os.kill(lives[1], signal.SIGKILL)
    wait_for(lambda: len(set(containers(node)) - before - {lives[1]}) == 3, 15, "no new container")
    check(set(lives) - {lives[1]} <= set(containers(node)), "the others were restarted, too")
    command.send_signal(signal.SIGINT)
    report = json.loads(command.communicate(timeout=60)[0])
    ledger = json.loads(node.run("explain", report["ledger"], "all", "--json").stdout)
    events = [(event["event"], event.get("process")) for event in ledger["events"]]
    check(sum(event == "died" for event, _ in events) == 1, f"events: {events}")
    check(any(event == "died" and process in NAMES for event, process in events), f"events: {events}")


def frames_cross(node):
    """Sound in quanta of 5 ms goes into a mix of 40 ms: by a mailbox, its deadline before the mix's."""
    path = write(node, "cross.yaml", CROSS)
    plan = json.loads(node.run("check", path, "--json", code=None).stdout)
    workers = {w["name"]: w for w in plan["workers"]}
    check(set(workers) == {"container.audio", "container.video"}, f"workers: {workers}")
    check(0 < workers["container.audio"]["hand_over_ns"] < plan["sinks"]["out"]["deadline_ns"], f"{workers}")
    command = node.spawn("run", path, "--no-profile", "--json")
    wait_for(lambda: any(s["frames"] - s["lost"] >= 15 for s in node.status()["services"]) or command.poll() is not None, 30, "no mix comes")
    command.send_signal(signal.SIGINT)
    report = json.loads(command.communicate(timeout=60)[0])
    check(report["frames"] - report["lost"] >= 15, f"{report['lost']} of {report['frames']} are lost")


with Node() as node:
    started = time.monotonic()
    three_time_scales(node)
    frames_cross(node)
    one_dies(node)
    print(f"{time.monotonic() - started:.1f} s")
