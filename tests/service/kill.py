#!/usr/bin/env python3
"""kill -9 of container, edge, command and daemon at random moments: no orphan, no leak, a ledger that says so.

Usage: kill.py BUILD VICTIM [ROUNDS]
"""
import ctypes
import json
import os
import signal
import socket
import struct
import sys
import threading
import time

from camera_server import free_port
from lib import SLOW, Node, check, children_of, probe, seeded, wait_for, write_png

VICTIM = sys.argv[2]
ROUNDS = int(sys.argv[3]) if len(sys.argv) > 3 else 20
HAS_PROBE = any(os.access(os.path.join(folder, "ffprobe"), os.X_OK) for folder in os.get_exec_path())
random = seeded()


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as text:
            return text.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def can_reserve(budget_ns=3000000, period_ns=10000000):
    """Does the kernel give a thread of ours so much? The thread ends at once and gives it back."""
    given = []

    def ask():
        attributes = struct.pack("=IIQiIQQQ", 48, 6, 1, 0, 0, budget_ns, period_ns, period_ns)
        given.append(ctypes.CDLL(None).syscall(314, 0, attributes, 0) == 0)  # sched_setattr

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    return given[0]


def make_inputs(node):
    """A minute of raw pictures that takes no room, and a small PNG."""
    with open(node.path("in.raw"), "wb") as raw:
        raw.truncate(80 * 60 * 3 // 2 * 50 * 60)
    write_png(node.path("logo.png"))
    with open(node.path("source.yaml"), "w", encoding="utf-8") as text:
        text.write("tactus: 1\nservice: source\nrate: 50\ncomponents:\n"
                   "  cam: {kind: raw.read, params: {url: in.raw, width: 80, height: 60, rate: 50, live: true}}\n"
                   "  logo: {kind: image.read, params: {path: logo.png}}\n"
                   "  over: {kind: video.overlay}\n"
                   '  out: {kind: "null"}\n'
                   "flows: [cam ! over.main, logo ! over.logo, over ! out]\n")


CODED = "test.video width=160 height=90 rate=50 ! av.encode codec=libx264 preset=ultrafast tune=zerolatency gop=10"


PORT = free_port(socket.SOCK_DGRAM)


def graph_of(node, kind):
    """The names stay the same: what was measured of one round holds for the next."""
    for name in ("out.mkv", "out.1.mkv"):
        if os.path.exists(node.path(name)):
            os.unlink(node.path(name))
    if kind == "raw":
        return [f"test.video width=320 height=180 rate=50 ! video.scale width=160 height=90 ! "
                f"raw.write url={node.path('out.raw')}"]
    if kind == "mkv":
        return [f"{CODED} ! av.write url={node.path('out.mkv')}"]
    if kind == "asap":  # about a millisecond for each frame, as fast as that goes
        return ["raw.read url=/dev/zero width=80 height=60 rate=50 ! null spin=1000000"]
    if kind == "srt":
        return [f"{CODED} ! av.write url=srt://127.0.0.1:{PORT}?mode=listener"]
    return [node.path("source.yaml")]


def state_of(node, n):
    for service in (node.status() or {}).get("services", []):
        if service["name"] == f"kill{n}":
            return service["state"]
    return None


def came(node, n):
    """Frames that were delivered."""
    return sum(service["frames"] - service["lost"] for service in (node.status() or {}).get("services", []) if service["name"] == f"kill{n}")


def is_empty(node):
    status = node.status()
    return status is not None and not status["services"] and status["reserved_ppm"] == 0


def explain(node, n):
    ran = node.run("prove", node.path(f"run{n}.ledger"), "--json", code=None)
    check(ran.returncode in (0, 1), f"prove: exit {ran.returncode} {ran.stderr}")
    verdict = json.loads(ran.stdout)["verdict"]
    wanted = ("intact", "incomplete") if VICTIM == "daemon" else ("intact",)
    check(verdict in wanted, f"round {n}: the ledger is {verdict}")
    told = json.loads(node.run("explain", node.path(f"run{n}.ledger"), "all", "--json").stdout)
    indices = [frame["index"] for frame in told["frames"]]
    lost = [frame for frame in told["frames"] if frame["outcome"] == "lost"]
    words = f"{json.dumps(told['events'])}\n{indices}"
    check(indices == sorted(set(indices)), f"round {n}: an index has two records or they are out of order: {words}")
    if indices:
        check(indices == list(range(indices[0], indices[-1] + 1)),
              f"round {n}: indices are missing without a record: {words}")
    check(all(frame["cause"] != "none" for frame in lost), f"round {n}: a lost frame has no cause: {words}")
    return told, lost


def check_restart(node, n, kind, was_running):
    """What the ledger and the files say of a process that died in a running service."""
    told, lost = explain(node, n)
    died = [event for event in told["events"] if event["event"] == "died"]
    back = [event for event in told["events"] if event["event"] == "restarted"]
    if not was_running:
        return  # it may have died before there was a ledger
    check(died and "killed by signal 9" in died[0]["text"], f"round {n}: no event tells of the death: {told['events']}")
    check(back and back[0]["at_ns"] - died[0]["at_ns"] >= 45e6, f"round {n}: no back-off: {told['events']}")
    after = [frame for frame in told["frames"] if frame["delivered_ns"] > back[0]["at_ns"]]
    check(len(after) > 3, f"round {n}: {len(after)} frames after the restart: {told['events']}")
    if VICTIM == "container" and kind != "asap":
        gap = [frame for frame in lost if frame["origin_ns"] < back[0]["at_ns"] + 1e9]
        check(gap, f"round {n}: no frame was lost while there was no container")
    if VICTIM == "edge" and kind == "mkv" and HAS_PROBE:
        for name in ("out.mkv", "out.1.mkv"):
            told = probe(node.path(name), "-count_packets", "-show_streams")
            check(int(told["streams"][0]["nb_read_packets"]) > 0, f"round {n}: {name} is empty")


def pick_victim(node, command):
    if VICTIM == "command":
        return command.pid
    if VICTIM == "daemon":
        return node.daemon.pid
    pids = node.processes(VICTIM)
    return random.choice(pids) if pids else None


def after_death(node, n, command, descendants, is_running, kind):
    if VICTIM == "daemon":
        node.daemon.wait()
        wait_for(lambda: not any(is_alive(pid) for pid in descendants), 3, f"round {n}: orphans after the daemon's death")
        check(command.wait(timeout=10 * SLOW) == 3, f"round {n}: the command ended with {command.returncode}")
        node.start()
        return
    if VICTIM == "command":
        command.wait()
        return
    if is_running:
        wait_for(lambda: f"kill{n}: restarted" in node.words(), 15, f"round {n}: no restart: {node.words()}")
        wait_for(lambda: state_of(node, n) == "running" or command.poll() is not None, 15,
                 f"round {n}: it is {state_of(node, n)}: {node.words()}")
        before = came(node, n)
        wait_for(lambda: came(node, n) > before + 5 or command.poll() is not None, 15, f"round {n}: no frame comes: {node.words()}")
    command.send_signal(signal.SIGINT)
    words = command.communicate(timeout=20 * SLOW)
    if is_running:
        check(command.returncode in (0, 1), f"round {n} ({kind}): exit {command.returncode}: {words[1][-2000:]}")


def one_round(node, n, kind):
    command = node.spawn("run", *graph_of(node, kind), "--for", "20s", "--no-profile", "--quiet", "--ledger",
                         node.path(f"run{n}.ledger"), "--name", f"kill{n}")
    # Some rounds hit the start itself, the others the running service.
    is_running = n % 6 != 4
    if is_running:
        wait_for(lambda: state_of(node, n) == "running", 15, f"round {n}: it does not run: {node.words()}")
    time.sleep(random.random() * (0.3 if is_running else 0.12))
    descendants = list(children_of(node.daemon.pid))
    pid = pick_victim(node, command)
    check(pid is not None or not is_running, f"round {n}: no {VICTIM} to kill")
    if pid is not None:
        os.kill(pid, signal.SIGKILL)
    after_death(node, n, command, descendants, is_running, kind)
    command.stdout.close()
    command.stderr.close()
    wait_for(lambda: is_empty(node), 5, f"round {n}: something stayed behind: {node.status()} {node.words()}")
    wait_for(lambda: not node.processes("container") and not node.processes("edge"), 5, f"round {n}: orphans")
    if not os.path.exists(node.path(f"run{n}.ledger")) or not os.path.getsize(node.path(f"run{n}.ledger")):
        check(not is_running, f"round {n}: there is no ledger")
        return
    if VICTIM in ("container", "edge"):
        check_restart(node, n, kind, is_running)
    else:
        explain(node, n)


with Node() as node:
    make_inputs(node)
    could_reserve = can_reserve()
    KINDS = ("raw", "mkv", "source", "srt", "asap")
    for kind in KINDS:  # what is measured may be promised, hence reserved
        node.run("check", *graph_of(node, kind), code=None)
    for n in range(ROUNDS):
        one_round(node, n, KINDS[n % len(KINDS)])
    # What a leak would have taken from the whole machine. Others may have reservations, too, for a while.
    if could_reserve:
        wait_for(can_reserve, 10, "the kernel does not give what it gave before the kills")
    print(f"{ROUNDS} rounds, reservations {'given' if could_reserve else 'not permitted'}")
