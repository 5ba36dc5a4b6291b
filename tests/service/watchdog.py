#!/usr/bin/env python3
"""Components that hang and containers that stand still: the watchdog's kill, restarts, and the end after five deaths."""
import json
import os
import signal
import time

from lib import Node, check, wait_for


def explain(node, name):
    return json.loads(node.run("explain", node.path(name), "all", "--json").stdout)


def names(told, name):
    return [event for event in told["events"] if event["event"] == name]


def heeds_stop(node):
    """A component that hangs until it is told to stop costs frames, not its container."""
    node.report("test.video width=64 height=64 rate=50 ! null hang_at=25", "--for", "2500ms", "--no-profile", "--ledger",
                node.path("once.ledger"), code=0)
    told = explain(node, "once.ledger")
    bad = [frame for frame in told["frames"] if frame["outcome"] != "on_time"]
    check(not names(told, "died"), f"a container died for it: {told['events']}")
    check(bad and bad[0]["index"] == 25 and all(frame["cause"] != "none" for frame in bad), f"suffered: {bad}")
    check(any(frame["outcome"] == "on_time" for frame in told["frames"][-10:]), f"it did not recover: {told['frames'][-10:]}")


def stop_in_the_middle(node):
    """The system stops a container in the middle of an activation, which then does not return. True: it was killed."""
    pids = node.processes("container")
    if not pids:
        return False
    time.sleep(0.15)
    os.kill(pids[0], signal.SIGSTOP)
    end = time.monotonic() + 2.5
    while time.monotonic() < end:
        if pids[0] not in node.processes("container"):
            return True
        time.sleep(0.02)
    os.kill(pids[0], signal.SIGCONT)  # between two activations: nothing hangs
    return False


def five_deaths(node):
    """The watchdog kills whoever does not return and names him; after the fifth time the service ends and says why."""
    command = node.spawn("run", "test.video width=64 height=64 rate=50 ! null spin=20000000", "--for", "60s", "--no-profile",
                         "--json", "--name", "deaf", "--ledger", node.path("five.ledger"))
    kills = tries = 0
    while kills < 5:
        wait_for(lambda: any(s["state"] == "running" for s in node.status()["services"]), 15, f"{node.words()}")
        kills += stop_in_the_middle(node)
        tries += 1
        check(tries < 15, f"{kills} kills in {tries} tries: {node.words()}")
    out, err = command.communicate(timeout=60)
    told = explain(node, "five.ledger")
    stuck, died, back = names(told, "stuck"), names(told, "died"), names(told, "restarted")
    check(command.returncode == 3, f"exit {command.returncode}: {err[-1000:]}")
    check("gave up after 5 deaths" in out + err, f"the end has no reason: {err[-1000:]}")
    check(len(stuck) == 5 and all("null did not return" in event["text"] for event in stuck), f"{told['events']}")
    check(len(died) == 5 and len(back) == 4, f"deaths: {told['events']}")
    waits = [after["at_ns"] - before["at_ns"] for before, after in zip(died, back)]
    # 50 ms, and twice as long each time; how long a start takes beyond that is the machine's affair.
    check(all(wait >= 0.9 * 50e6 * 2**n for n, wait in enumerate(waits)), f"the back-off does not grow: {waits}")
    check("gave up" in told["count"]["end"], f"the ledger's end: {told['count']['end']}")
    gap = [frame for frame in told["frames"] if frame["cause"] == "budget" and frame["outcome"] == "lost"]
    check(gap and all(frame["component"] == "null" for frame in gap), "nothing of the gaps is put down to null")
    check(not node.status()["services"] and node.status()["reserved_ppm"] == 0, "something stayed behind")


def stands_still(node):
    """A container that the system stops for 2 s: what it missed is counted, and the service goes on."""
    command = node.spawn("run", "test.video width=64 height=64 rate=50 ! null", "--for", "3500ms", "--no-profile", "--quiet",
                         "--ledger", node.path("still.ledger"))
    wait_for(lambda: any(s["state"] == "running" for s in node.status()["services"]), 15, "it does not run")
    time.sleep(0.5)
    pid = node.processes("container")[0]
    os.kill(pid, signal.SIGSTOP)
    time.sleep(2)
    os.kill(pid, signal.SIGCONT)
    command.communicate(timeout=60)
    check(command.returncode == 0, f"exit {command.returncode}: {node.words()}")
    told = explain(node, "still.ledger")
    indices = [frame["index"] for frame in told["frames"]]
    check(indices == list(range(175)), f"{len(indices)} of 175 frames have a record: {indices}")
    bad = [frame for frame in told["frames"] if frame["outcome"] != "on_time"]
    check(len(bad) >= 60, f"only {len(bad)} frames suffered")
    check(all(frame["cause"] != "none" for frame in bad), "a frame that suffered has no cause")
    check(any(frame["outcome"] == "on_time" for frame in told["frames"][-10:]), f"it did not recover: {told['frames'][-10:]}")


with Node() as node:
    heeds_stop(node)
    five_deaths(node)
    stands_still(node)
    print("watchdog")
