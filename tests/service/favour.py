#!/usr/bin/env python3
"""Edges of a promised service come before other programs, until one takes much of a CPU: then it is sent back."""
import json
import os
import signal

from lib import Node, check, name_of, skip, wait_for

GRAPH = "raw.capture url=/dev/zero width=3840 height=2160 rate=200 ! null"  # as fast as it can be read


def classes(node):
    """The scheduling policies of the edges' workers."""
    found = []
    for pid in node.processes("edge"):
        for task in os.listdir(f"/proc/{pid}/task"):
            if name_of(f"{pid}/task/{task}") == "worker":
                found.append(os.sched_getscheduler(int(task)) & ~os.SCHED_RESET_ON_FORK)
    return found


with Node() as node:
    if node.status()["class"] != "deadline":
        skip("nothing is promised without the right to SCHED_DEADLINE")
    node.report(GRAPH, "--for", "1900ms", code=None, timeout=30)
    if json.loads(node.run("check", GRAPH, "--json", code=None).stdout)["class"] != "targeted":
        skip("this machine is too busy to promise anything")
    ledger = node.path("run.ledger")
    command = node.spawn("run", GRAPH, "--for", "20s", "--quiet", "--ledger", ledger)
    wait_for(lambda: os.SCHED_FIFO in classes(node), 10, "the edge of a promise has no class")
    wait_for(lambda: classes(node) == [os.SCHED_OTHER], 10, f"an edge that takes all it can get keeps its class: {classes(node)}")
    command.send_signal(signal.SIGINT)
    command.communicate(timeout=20)
    events = json.loads(node.run("explain", ledger, "all", "--json").stdout)["events"]
    check(any(event["event"] == "edge-class-lost" for event in events), f"the ledger does not say so: {events}")
