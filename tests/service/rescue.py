#!/usr/bin/env python3
"""A worker that the kernel forgot (runnable, without budget, never given another, deaf to SIGKILL): tactusd frees it and the service goes on."""
import ctypes
import glob
import json
import os
import platform
import signal
import time

from lib import Node, check, skip, wait_for

LIBC = ctypes.CDLL(None, use_errno=True)
CALLS = {"x86_64": (314, 315), "aarch64": (274, 275)}.get(platform.machine())
OTHER, DEADLINE = 0, 6
LEAST, LONGEST = 1024, 4194304000  # of which the kernel books nothing


class Attributes(ctypes.Structure):
    _fields_ = [("size", ctypes.c_uint32), ("policy", ctypes.c_uint32), ("flags", ctypes.c_uint64), ("nice", ctypes.c_int32),
                ("priority", ctypes.c_uint32), ("budget", ctypes.c_uint64), ("deadline", ctypes.c_uint64), ("period", ctypes.c_uint64)]


def give(tid, policy, budget=0, period=0):
    wanted = Attributes(48, policy, 1, 0, 0, budget, period, period)
    return LIBC.syscall(CALLS[0], tid, ctypes.byref(wanted), 0) == 0


def has(tid):
    now = Attributes()
    check(LIBC.syscall(CALLS[1], tid, ctypes.byref(now), 48, 0) == 0, f"thread {tid} is gone")
    return now.policy, now.budget, now.period


def text_of(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as text:
            return text.read()
    except OSError:
        return ""


def left_to(tid):
    """Budget, deadline and state as the kernel tells them; None: not under DEADLINE."""
    said = [int(line.split(":")[1]) for line in text_of(f"/proc/{tid}/sched").splitlines() if line.startswith(("dl.runtime", "dl.deadline"))]
    return (*said, text_of(f"/proc/{tid}/stat").rpartition(")")[2].split()[0]) if len(said) == 2 else None


def is_spent(tid):
    left = left_to(tid)
    return left is not None and left[0] <= 0


def is_forgotten(tid):
    """It wants to run, its budget is used up, and nothing changes."""
    before = left_to(tid)
    time.sleep(0.15)
    return is_spent(tid) and before == left_to(tid) and before[2] == "R"


def worker_of(node):
    for pid in node.processes("container"):
        for path in glob.glob(f"/proc/{pid}/task/*/comm"):
            if text_of(path).strip() == "worker":
                return int(path.split("/")[4])
    return 0


def forget(tid):
    """Out of a reservation with its budget used up, and into one before the kernel forgives that."""
    policy, budget, period = has(tid)
    check(policy == DEADLINE, f"policy {policy}")
    for _ in range(10):
        wait_for(lambda: (give(tid, DEADLINE, LEAST, LONGEST) and is_spent(tid)) or is_gone(tid), 10, "the worker never used up its budget")
        _ = give(tid, OTHER) and give(tid, DEADLINE, budget, period)
        time.sleep(0.05)  # it is forgotten when it wakes next
        if is_gone(tid) or is_forgotten(tid):
            return
    skip("this kernel forgets nobody")


def is_gone(tid):
    return not os.path.exists(f"/proc/{tid}")


if CALLS is None or os.geteuid() != 0:
    skip("needs to change threads' reservations")
with Node() as node:
    command = node.spawn("run", "test.video width=64 height=64 rate=50 ! null spin=1000000", "--for", "60s", "--name", "r", "--json", "--deadline", "60ms",
                         "--ledger", node.path("l"))
    for is_killed in (False, True):
        wait_for(lambda: any(s["state"] == "running" for s in node.status()["services"]), 15, node.words())
        wait_for(lambda: worker_of(node) != 0, 15, node.words())
        time.sleep(0.2)
        tid, pid = worker_of(node), node.processes("container")[0]
        if has(tid)[0] != DEADLINE:
            command.kill()
            skip("the worker has no reservation here")
        forget(tid)
        if is_killed:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        wait_for(lambda: is_gone(tid), 20, f"thread {tid} is still there: {node.words()}")
    wait_for(lambda: any(s["state"] == "running" for s in node.status()["services"]), 15, node.words())
    time.sleep(0.3)
    node.run("stop", "r", code=None)
    _, err = command.communicate(timeout=60)
    told = json.loads(node.run("explain", node.path("l"), "all", "--json").stdout)
    events = [event["event"] for event in told["events"]]
    # In the middle of an activation the watchdog is first, whose kill frees it as well.
    check(events.count("stuck") == 2 and events.count("restarted") == 2, f"{told['events']}")
    check(events.count("rescued") == err.count("the kernel did not run the worker"), f"its user heard nothing of it: {err}")
    check(any(frame["outcome"] == "on_time" for frame in told["frames"][-50:]), f"it did not recover: {told['frames'][-3:]}")
print(f"rescue: {events.count('rescued')} of 2 were not in an activation")
