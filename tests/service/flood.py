#!/usr/bin/env python3
"""A user who floods tactusd with requests is slowed down, then told so; nobody else waits for them."""
import json
import os
import socket
import statistics
import time

from lib import Node, check, skip

NOBODY, SECONDS, FLOODERS = 65534, 1.5, 3
if os.geteuid() != 0:
    skip("only root can be two users")



def ask_on(path, request, is_patient):
    """Asks as fast as it can; what it was answered. The impatient one reads an answer now and then."""
    served = refused = turns = 0
    end = time.monotonic() + (SECONDS if is_patient else 30)
    while time.monotonic() < end and (is_patient or refused == 0):
        turns += 1
        with socket.socket(socket.AF_UNIX) as line:
            try:
                line.connect(path)
                line.settimeout(20)
                line.sendall(json.dumps(request).encode() + b"\n")
                if not is_patient and turns % 1000 != 0:
                    continue
                answer = line.recv(1 << 16)
            except OSError:
                continue
            is_refused = b"wait for its answers" in answer
            served, refused = served + (not is_refused), refused + is_refused
    return served, refused


class Flooder:
    """A process of another user; who has forked needs no program that this user may run."""

    def __init__(self, path, request, is_patient):
        self.told, told = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
                os.write(told, json.dumps(ask_on(path, request, is_patient)).encode())
            finally:
                os._exit(0)
        os.close(told)

    def is_over(self):
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def close(self):
        os.waitpid(self.pid, 0)
        with os.fdopen(self.told) as told:
            return json.loads(told.read())


def ask(node):
    """A status, and how long it took."""
    began = time.monotonic()
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(node.socket)  # which waits for a place; with a limit of time it would not
        line.settimeout(30)
        line.sendall(b'{"op":"status"}\n')
        answer = line.recv(1 << 16)
    check(b'"event":"status"' in answer, f"root is answered {answer[:300]}")
    return time.monotonic() - began


def flood(node, request, is_patient=True):
    """What all flooders were served and refused together, and how long root waited meanwhile."""
    flooders = [Flooder(node.socket, request, is_patient) for _ in range(FLOODERS)]
    waits = []
    while not all(one.is_over() for one in flooders):
        waits.append(ask(node))
        time.sleep(0.02)
    told = [one.close() for one in flooders]
    return sum(one[0] for one in told), sum(one[1] for one in told), statistics.median(waits)


with Node() as node:
    os.chmod(node.folder, 0o755)
    quiet = statistics.median(ask(node) for _ in range(30))
    command = node.spawn("run", "test.video width=64 height=64 rate=100 ! null", "--for", "4s", "--best-effort", "--no-profile",
                         "--json")
    # 5 s of credit and some time: 100 processes, 500 connections, and what the time brings.
    took = time.monotonic()
    checks = flood(node, {"op": "shape", "form": "graph", "text": "test.video ! null"})
    statuses = flood(node, {"op": "status"})
    took = time.monotonic() - took
    impatient = flood(node, {"op": "status"}, False)
    print(f"{checks[0]} shapes and {statuses[0]} statuses served in {took:.1f} s, of the impatient {impatient[1]} refused; "
          f"root waited {quiet * 1e3:.2f} ms, then {checks[2] * 1e3:.2f} ms and {statuses[2] * 1e3:.2f} ms")
    check(checks[0] <= (took + 5) / 0.05 + FLOODERS, f"{checks[0]} processes in {took} s")
    check(statuses[0] <= (took + 5) / 0.01 + FLOODERS, f"{statuses[0]} statuses in {took} s")
    check(impatient[1] == FLOODERS, "who does not wait is not told to")
    out, err = command.communicate(timeout=60)
    report = json.loads(out)
    check(report["on_time"] + report["late"] + report["lost"] == 400, f"{report} {err}")
    check(ask(node) < 20, "root waits")
