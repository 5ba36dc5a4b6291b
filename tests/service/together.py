#!/usr/bin/env python3
"""Three rtp.read of a service are one process of one thread beside its main one: each is heard, and again after that process
was killed."""
import json
import os
import signal
import time

from lib import SLOW, Node, check, wait_for
from rtp_peer import RATE, Listener, Stage, Talker, free_ports, level_of

COUNT, SENT = 3, 0.1
LEVEL = SENT * 0.5 ** 0.5  # one channel goes to two loudspeakers at -3 dB each (ITU-R BS.775)


def frequency(number):
    return 400 + 200 * number


def service(node, ports):
    names = range(COUNT)
    lines = [f"  in{n}: {{kind: rtp.read, params: {{channels: 1, quantum: 240, latency: 150ms, url: \"rtp://127.0.0.1:{ports[n]}\"}}}}"
             for n in names]
    lines.append("  mix: {kind: audio.mix, params: {channels: 2, quantum: 240}, late: {" + ", ".join(f"t{n}: silence" for n in names) + "}}")
    lines.append(f"  out: {{kind: rtp.write, params: {{url: \"rtp://127.0.0.1:{ports[COUNT]}\", ptime: 5ms}}}}")
    flows = ", ".join([f"in{n} ! mix.t{n}" for n in names] + ["mix ! out"])
    with open(node.path("together.yaml"), "w", encoding="utf-8") as text:
        text.write("tactus: 1\nservice: together\ndeadline: 500ms\ncomponents:\n" + "\n".join(lines) + f"\nflows: [{flows}]\n")
    return node.path("together.yaml")


def are_all_heard(listener):
    samples = listener.channel(0, 2)[-RATE // 4:]
    return len(samples) == RATE // 4 and all(0.9 < level_of(samples, frequency(n)) / LEVEL < 1.1 for n in range(COUNT))


with Node() as node:
    ports = free_ports(COUNT + 1)
    path, ledger = service(node, ports), node.path("run.ledger")
    stage = Stage([Talker(ports[n], frequency(n), SENT, samples=240, ssrc=100 + n) for n in range(COUNT)])
    listener = Listener(ports[COUNT])
    stage.start()
    listener.start()
    command = node.spawn("run", path, "--for", "60s", "--no-profile", "--quiet", "--ledger", ledger)
    try:
        wait_for(lambda: are_all_heard(listener) or command.poll() is not None, 30, "not all three are heard")
        if command.poll() is not None:
            raise AssertionError("the service has ended: " + command.stderr.read())
        edges = {pid: len(os.listdir(f"/proc/{pid}/task")) for pid in node.processes("edge")}
        check(sorted(edges.values()) == [2, 2], f"three readers and a writer are edges of {sorted(edges.values())} threads")
        readers = [pid for pid in edges if "timerfd" in "".join(os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd"))]
        check(len(readers) == 1, f"{len(readers)} processes read")
        os.kill(readers[0], signal.SIGKILL)
        time.sleep(0.5)
        wait_for(lambda: are_all_heard(listener) or command.poll() is not None, 30, "not all three come back")
        check(readers[0] not in node.processes("edge"), "another process reads now")
    finally:
        command.send_signal(signal.SIGINT)
        command.communicate(timeout=20 * SLOW)
        stage.is_over = listener.is_over = True
        time.sleep(0.1)
    told = json.loads(node.run("explain", ledger, "all", "--sink", "out", "--json").stdout)
    check(len(told["frames"]) > 100, "the ledger has the mix's frames")
    print(f"{len(listener.packets)} packets, edges of {sorted(edges.values())} threads")
