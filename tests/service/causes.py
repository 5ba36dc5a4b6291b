#!/usr/bin/env python3
"""A witness beside the program agrees with the ledger's causes where the truth was put in: an overrun, an edge that stalls,
a CPU taken from below; and it contradicts a ledger that blames the host without evidence."""
import os
import signal
import subprocess
import sys
import threading
import time

from lib import BUILD, Node, check, skip, wait_for

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench"))
import causes  # noqa: E402

WITNESS = os.path.join(BUILD, "bench", "witness")
MS = 1000000
RATE, PERIOD = 50, 20 * MS
BYTES = 64 * 64 * 3 // 2


def frame(cause, late_ms, origin_ms=1000, is_lost=False):
    due = (origin_ms + 20) * MS
    return {"sink": 0, "index": 0, "component": 0, "cause": cause, "is_lost": is_lost, "origin_ns": origin_ms * MS,
            "due_ns": due, "delivered_ns": None if is_lost else due + int(late_ms * MS)}


def verdicts_of_made_up_frames():
    """Gaps of 15 ms on CPU 0 from 1005 ms on; 10 ms of the one at 2005 the witness waited behind thread 7; at 2505 thread 7
    was on the CPU that the host had, and nobody waited for it."""
    witness = causes.Witness(["witness 1 begin 0 grid 1000000 class fifo trace perf", f"gap 0 {1005 * MS} {15 * MS} 0",
                              f"gap 0 {2005 * MS} {15 * MS} {10 * MS}", f"ran 7 0 {2006 * MS} {2016 * MS} slept",
                              f"gap 0 {2505 * MS} {15 * MS} 0", f"ran 7 0 {2504 * MS} {2521 * MS} slept",
                              f"steal 1 {3000 * MS} {3100 * MS} {10 * MS}", f"end {9000 * MS}"])
    for wanted, one in (("agree", frame("host", 14.5)), ("agree", frame("host", 15.9)), ("disagree", frame("host", 16.5)),
                        ("disagree", frame("host", 3, 4000)), ("agree", frame("host", 5, 2000)),
                        ("disagree", frame("host", 8, 2000)), ("agree", frame("host", 12, 2500)),
                        ("agree", frame("host", 9, 3010)),
                        ("disagree", frame("host", 1, is_lost=True)), ("doubt", frame("worker", 12)),
                        ("agree", frame("worker", 12, 4000)), ("agree", frame("budget", 30)), ("unjudged", frame("input", 12)),
                        ("unseen", frame("host", 9, 9000)), ("disagree", frame("host", 12, 1019))):
        told = causes.judge([one], witness)
        check(told[wanted] == 1, f"{one} is called {one['verdict']}, not {wanted}")
        check(told["ours"] == (wanted in ("disagree", "doubt") or (wanted == "agree" and one["cause"] != "host")), f"{told}")


def watched(node):
    path = node.path("witness.txt")
    words = [word for pid in node.processes("container") for word in ("-p", str(pid))]
    witness = subprocess.Popen([WITNESS, "-o", path, *words, "-s", "30"], stdout=subprocess.PIPE, text=True)
    check(witness.stdout.readline() == "watching\n", "the witness does not watch")
    return witness, path


def begun(node, *graph):
    """A service that runs, its command, its name and its ledger."""
    known = {service["name"] for service in node.status()["services"]}
    ledger = node.path(f"ledger{len(known)}")
    command = node.spawn("run", *graph, "--no-profile", "--for", "30s", "--ledger", ledger, stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL)

    def running():
        return [s["name"] for s in node.status()["services"] if s["state"] == "running" and s["name"] not in known]
    wait_for(running, 15, "it does not run")
    return command, running()[0], ledger


def ended(witness, *services, node):
    for command, name, _ in services:
        node.run("stop", name, code=None)
        command.wait(timeout=30)
    witness.send_signal(signal.SIGTERM)
    check(witness.wait(timeout=10) == 0, "the witness failed")


def judged(ledger, path):
    _, frames, total = causes.read_ledger(ledger)
    witness = causes.Witness.read(path)
    told = causes.judge(frames, witness)
    causes.print_words(told, frames, total, witness)
    check(total > 30, f"{total} frames")
    if witness.lost > 0:
        skip(f"the witness itself had no time to read what the kernel told it: {witness.lost} losses")
    return frames, told, witness


def due_within(frames, span):
    return [one for one in frames if span[0] <= one["due_ns"] <= span[1] and one["verdict"] != "unseen"]


def names(frames):
    return sorted({one["cause"] for one in frames})


class Feed(threading.Thread):
    """Pictures into a FIFO, one a period."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.file, self.is_over = os.open(path, os.O_RDWR), False

    def run(self):
        due = time.monotonic_ns()
        while not self.is_over:
            due += PERIOD
            time.sleep(max(0, due - time.monotonic_ns()) / 1e9)
            os.write(self.file, bytes(BYTES))


def overrun_and_stall():
    """The sink of one service takes more time than there is; the edge of another stands still."""
    with Node() as node:
        fifo = node.path("fifo")
        os.mkfifo(fifo)
        feed = Feed(fifo)
        feed.start()
        graph = (f"test.video width=64 height=64 rate={RATE} ! null name=it", "--deadline", "40ms")
        node.run("check", *graph, code=None)  # without costs there is no budget to be over
        slow = begun(node, *graph, "--name", "slow")
        fed = begun(node, f"raw.read url={fifo} width=64 height=64 rate={RATE} live=true ! null", "--name", "fed",
                    "--deadline", "40ms")
        witness, path = watched(node)
        time.sleep(0.3)
        began = time.monotonic_ns()
        node.run("set", slow[1], "it.spin=40000000")
        time.sleep(0.4)
        node.run("set", slow[1], "it.spin=0")
        overrun = (began, time.monotonic_ns())
        time.sleep(0.3)
        began = time.monotonic_ns()
        os.kill(node.processes("edge")[0], signal.SIGSTOP)
        time.sleep(0.3)
        os.kill(node.processes("edge")[0], signal.SIGCONT)
        stalled = (began + 50 * MS, time.monotonic_ns())
        time.sleep(0.2)
        ended(witness, slow, fed, node=node)
        feed.is_over = True
        frames, told, _ = judged(slow[2], path)
        late = due_within(frames, overrun)
        check(len(late) >= 5 and set(names(late)) <= causes.OURS and "budget" in names(late),
              f"{len(late)} frames behind an overrun: {names(late)}")
        check(told["disagree"] == 0, f"{told}")
        frames, told, _ = judged(fed[2], path)
        late = due_within(frames, stalled)
        check(len(late) >= 5 and "host" not in names(late) and "edge" in names(late),
              f"{len(late)} frames of an edge that stalls: {names(late)}")
        check(told["disagree"] == 0, f"{told}")


HOG = """
import os, sys, time
cpu, length, count = map(int, sys.argv[1:])
os.sched_setaffinity(0, {cpu})
os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(99))
print("ready", flush=True)
at = int(sys.stdin.readline())
for n in range(count):
    begin = at + n * 300_000_000
    time.sleep(max(0, begin - time.monotonic_ns()) / 1e9)
    while time.monotonic_ns() < begin + length:
        pass
"""


def starved():
    """All CPUs are taken by something that comes before the witness itself, twice for 100 ms."""
    with Node("--rights", "other") as node:
        service = begun(node, f"test.video width=64 height=64 rate={2 * RATE} ! null", "--deadline", "25ms")
        witness, path = watched(node)
        hogs = [subprocess.Popen([sys.executable, "-c", HOG, str(cpu), str(100 * MS), "2"], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, text=True) for cpu in os.sched_getaffinity(0)]
        for hog in hogs:
            check(hog.stdout.readline() == "ready\n", "no right to SCHED_FIFO")
        first = time.monotonic_ns() + 50 * MS
        for hog in hogs:
            hog.stdin.write(f"{first}\n")
            hog.stdin.flush()
        for hog in hogs:
            check(hog.wait(timeout=20) == 0, "a hog failed")
        time.sleep(0.2)
        ended(witness, service, node=node)
        frames, told, seen = judged(service[2], path)
        starts = [first + n * 300 * MS for n in range(2)]
        late = [one for start in starts for one in due_within(frames, (start + 5 * MS, start + 95 * MS))]
        covered = [one for one in late if one["gap_ns"] + seen.grid_ns >= (one["late_ns"] or 0)]
        print(f"{len(covered)} of {len(late)} late frames of a CPU that was taken have their gap")
        check(len(late) >= 5, f"{len(late)} frames were late")
        check(len(covered) >= 0.9 * len(late), f"only {len(covered)} of {len(late)} have a gap: {late}")
        check(told["disagree"] == 0, f"{told}")


verdicts_of_made_up_frames()
if not os.path.exists(WITNESS):
    skip("bench/witness is not built")
overrun_and_stall()
if os.geteuid() == 0:
    starved()
