#!/usr/bin/env python3
"""kill -9 of container, edge, command and daemon at random moments: no orphan, no leak, a ledger that says so.

Usage: kill.py BUILD VICTIM [ROUNDS]
"""
import json
import os
import signal
import sys
import time

from lib import SLOW, Node, check, children_of, need, seeded, wait_for

VICTIM = sys.argv[2]
ROUNDS = int(sys.argv[3]) if len(sys.argv) > 3 else 20
random = seeded()


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as text:
            return text.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def graph(node, n):
    return [f"test.video width=320 height=180 rate=50 ! video.scale width=160 height=90 ! "
            f"raw.write url={node.path(f'out{n}.raw')}", "--for", "20s", "--no-profile", "--ledger",
            node.path(f"run{n}.ledger"), "--name", f"kill{n}"]


def status_is_empty(node):
    status = node.status()
    return status is not None and not status["services"] and status["reserved_ppm"] == 0


def ledger_reads(node, n, wanted_gap):
    ran = node.run("prove", node.path(f"run{n}.ledger"), "--json", code=None)
    check(ran.returncode in (0, 1), f"prove: exit {ran.returncode} {ran.stderr}")
    verdict = json.loads(ran.stdout)["verdict"]
    check(verdict in ("intact", "incomplete"), f"the ledger is {verdict}")
    if wanted_gap:
        told = json.loads(node.run("explain", node.path(f"run{n}.ledger"), "all", "--json").stdout)
        indices = [frame["index"] for frame in told["frames"]]
        check(indices == sorted(set(indices)), "an index has two records or they are out of order")
        if indices:
            check(indices == list(range(indices[0], indices[-1] + 1)), "indices are missing without a record")
        lost = [frame for frame in told["frames"] if frame["outcome"] == "lost"]
        check(all(frame["cause"] != "none" for frame in lost), "a lost frame has no cause")
        events = [event["event"] for event in told["events"]]
        check(events, "no event of the ledger tells of the death")


def frames_of(node, n):
    for service in (node.status() or {}).get("services", []):
        if service["name"] == f"kill{n}":
            return service["frames"]
    return -1


def one_round(node, n):
    command = node.spawn("run", *graph(node, n), "--quiet")
    role = {"container": "container", "edge": "edge"}.get(VICTIM)
    # Some rounds hit the start itself, the others the running service.
    if n % 4 == 0:
        time.sleep(random.random() * 0.15)
    else:
        wait_for(lambda: frames_of(node, n) > 0, 15, f"round {n}: no frame: {node.words()}")
        time.sleep(random.random() * 0.2)
    descendants = list(children_of(node.daemon.pid))
    pids = {"command": [command.pid], "daemon": [node.daemon.pid]}.get(VICTIM) or node.processes(role)
    for pid in pids[:1]:
        os.kill(pid, signal.SIGKILL)

    if VICTIM == "daemon":
        node.daemon.wait()
        wait_for(lambda: not any(is_alive(pid) for pid in descendants), 3, f"round {n}: orphans after the daemon's death")
        check(command.wait(timeout=10 * SLOW) == 3, f"round {n}: the command ended with {command.returncode}")
        node.start()
    elif VICTIM == "command":
        wait_for(lambda: status_is_empty(node), 5, f"round {n}: the service outlived its command: {node.status()}")
    elif pids:
        before = max(frames_of(node, n), 0)
        wait_for(lambda: command.poll() is not None or frames_of(node, n) > before + 3, 15,
                 f"round {n}: the service neither went on nor ended: {node.status()} {node.words()}")
        command.send_signal(signal.SIGINT)
        command.wait(timeout=15 * SLOW)
    else:
        command.send_signal(signal.SIGINT)
        command.wait(timeout=15 * SLOW)
    command.stdout.close()
    command.stderr.close()
    wait_for(lambda: status_is_empty(node), 5, f"round {n}: something stayed behind: {node.status()}")
    wait_for(lambda: not node.processes("container") and not node.processes("edge"), 5, f"round {n}: orphans")
    if os.path.exists(node.path(f"run{n}.ledger")) and os.path.getsize(node.path(f"run{n}.ledger")):
        ledger_reads(node, n, bool(pids) and VICTIM in ("container", "edge"))


with Node() as node:
    for n in range(ROUNDS):
        one_round(node, n)
    print(f"{ROUNDS} rounds")
