#!/usr/bin/env python3
"""Fewer rights, a full machine and a full kernel: each is said where the promise would be, with exit codes that fit."""
import json
import os
import signal
import sys

from lib import Node, check, skip, wait_for

GRAPH = ("test.video width=160 height=90 rate=50 ! null",)
MISSES = ("test.video width=64 height=64 rate=50 ! null spin=60000000",)  # no CPU spins that often in 20 ms
POLICIES = {0: "other", 1: "fifo", 6: "deadline"}


def workers(node):
    """The scheduling classes of the threads in this node's containers."""
    return sorted(POLICIES.get(os.sched_getscheduler(int(tid)) & ~os.SCHED_RESET_ON_FORK, "?")
                  for pid in node.processes("container") for tid in os.listdir(f"/proc/{pid}/task"))


def agreement_of(node, report):
    return json.loads(node.run("explain", report["ledger"], "all", "--json").stdout)["agreement"]


def check_best_effort(node, report, words):
    agreement = agreement_of(node, report)
    for told in (report, agreement):
        check(told["class"] == "best-effort" and told["promised"] is None, f"{told['class']} {told['promised']}")
        check(words in told["class_reason"], f"class_reason: {told['class_reason']}")


def without_a_right(name, words):
    with Node("--rights", name) as node:
        check(node.status()["class"] == name, f"the best class is told to be {node.status()['class']}")
        command = node.spawn("run", *GRAPH, "--for", "1500ms", "--no-profile", "--json")
        wait_for(lambda: any(s["state"] == "running" for s in node.status()["services"]), 15, "it does not run")
        check(workers(node) == sorted(["other", "other", name]), f"threads of the container: {workers(node)}")
        report = json.loads(command.communicate(timeout=60)[0])
        check(command.returncode == 0, f"exit {command.returncode}")
        check_best_effort(node, report, words)
        # Frames that are late break no promise where there was none.
        late = node.report(*MISSES, "--for", "1s", "--no-profile")
        check(late["late"] + late["lost"] > 0, "nothing was late, so this shows nothing")


def term(plan, name):
    return next(t["value"] for t in plan["terms"] if t["name"] == name)


def told_of(node, words, name):
    plan = json.loads(node.run("check", *words, "--no-profile", "--json", code=None).stdout)
    return next(t for t in plan["terms"] if t["name"] == name)


def full_machine():
    """Services come until one is refused: with what others have reserved in the arithmetic, and nothing changed by it."""
    words = ("test.video width=64 height=64 rate=50 ! null spin=500000", "--deadline", "19ms")
    with Node() as node:
        if node.status()["class"] != "deadline":
            skip("no right to SCHED_DEADLINE")
        node.run("check", *words, code=None)  # so that it is measured
        wait_for(lambda: told_of(node, words, "wake-up")["source"] == "measured", 30, "the wake-up is not measured")
        plan = json.loads(node.run("check", *words, "--no-profile", "--json", code=None).stdout)
        check(plan["admitted"], f"the first is refused already: {plan['binding']}")
        share_ppm = plan["reservation"]["budget_ns"] * 1000000 // plan["reservation"]["period_ns"]
        room_ppm = share_ppm * 3 // 2
        cpus = len(os.sched_getaffinity(0))
        percent = -(-(room_ppm + term(plan, "kept free")) // (10000 * cpus))
        room_ppm = percent * 10000 * cpus - term(plan, "kept free")
        node.restart("--limit", str(percent))
        running, reserved, told = [], 0, None
        while len(running) < 12:
            told = json.loads(node.run("check", *words, "--no-profile", "--json", code=None).stdout)
            if not told["admitted"]:
                break
            running.append(node.spawn("run", *words, "--for", "60s", "--no-profile", "--quiet"))
            wait_for(lambda: node.status()["reserved_ppm"] > reserved, 15, f"nothing is reserved: {node.words()}")
            reserved = node.status()["reserved_ppm"]
        check(not told["admitted"], f"{len(running)} services, {reserved} ppm: none was refused")
        check(running, f"the first is refused with {percent} %, though it asked for {share_ppm} ppm: {told['binding']}")
        check(reserved <= room_ppm, f"{reserved} ppm reserved of {room_ppm}")
        check(term(told, "reserved by others") == reserved, f"{told['terms']}")
        refused = node.run("run", *words, "--for", "1s", "--no-profile", code=1)
        check("reserved" in refused.stderr, f"the arithmetic is missing: {refused.stderr}")
        check(node.status()["reserved_ppm"] == reserved, "the refused one changed what is reserved")
        for one in running:
            one.send_signal(signal.SIGINT)
        for one in running:
            one.communicate(timeout=30)
        wait_for(lambda: node.status()["reserved_ppm"] == 0, 5, "a reservation stayed")
        check(json.loads(node.run("check", *words, "--no-profile", "--json").stdout)["admitted"], "there is room again")


def full_kernel():
    with Node("--kernel-full") as node:
        if node.status()["class"] != "deadline":
            skip("no right to SCHED_DEADLINE")
        node.run("check", *GRAPH)
        report = node.report(*GRAPH, "--for", "1s", "--no-profile")
        check_best_effort(node, report, "planned as targeted, but the kernel gave no reservation")
        check("not that much CPU left" in report["class_reason"], report["class_reason"])
        words = node.run("run", *GRAPH, "--for", "300ms", "--no-profile").stderr
        check("yes: targeted" in words and "yes: best-effort" in words.split("yes: targeted")[1], words)
        check("note: planned as targeted, but the kernel gave no reservation" in words, words)
        check(node.status()["reserved_ppm"] == 0, "what the kernel refused stands in the books")


if sys.platform != "linux":
    skip("not Linux")
with Node() as node:
    best = node.status()["class"]
without_a_right("other", "no right to SCHED_DEADLINE")
if best in ("fifo", "deadline"):
    without_a_right("fifo", "SCHED_FIFO")
full_machine()
full_kernel()
print("ladder")
