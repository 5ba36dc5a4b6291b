#!/usr/bin/env python3
"""The example conference: 16 talkers by RTP, one mix. Each is heard at its level; two threads receive all of them; one
who stops is silence in the mix, written down, and nobody else's loss."""
import json
import os
import re
import signal
import time

from lib import SLOW, Node, check, wait_for
from rtp_peer import RATE, Listener, Stage, Talker, free_ports, level_of

EXAMPLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples", "conference.yaml")
SENT, PACKET = 0.04, 240
LEVEL = SENT * 0.5 ** 0.5  # one channel goes to two loudspeakers at -3 dB each (ITU-R BS.775)


def service(node, ports):
    """The example as it is, but for ports that are free here, and a latency for a busy machine."""
    with open(EXAMPLE, encoding="utf-8") as text:
        words = text.read()
    check("latency: 20ms" in words, "the example names its latency")
    words = words.replace("latency: 20ms", "latency: 150ms")
    used = iter(ports)
    words = re.sub(r"rtp://127\.0\.0\.1:\d+", lambda _: f"rtp://127.0.0.1:{next(used)}", words)
    check(next(used, None) is None, "the example has 16 talkers and one listener")
    with open(node.path("conference.yaml"), "w", encoding="utf-8") as text:
        text.write(words)
    return node.path("conference.yaml")


def frequency(number):
    return 400 + 200 * number


def levels(samples):
    return [level_of(samples, frequency(n)) for n in range(16)]


def listen(listener, first, wanted, seconds=40):
    """From this packet on, quarter by quarter of a second, until each talker was once at the level that he is wanted at. A talker of this
    test whom the machine keeps waiting for longer than the latency is a gap of his own: he is at his level later. What they were at."""
    count, heard, end = RATE // 4 // PACKET, {}, time.monotonic() + seconds * SLOW
    while len(heard) < 16 and time.monotonic() < end:
        if len(listener.packets) < first + count:
            time.sleep(0.02)
            continue
        told = levels(listener.channel(0, 2, first, count))
        heard.update({n: told[n] for n in range(16) if n not in heard and abs(told[n] - wanted[n]) < 0.03 * (wanted[n] or LEVEL / 3)})
        first += count
    check(len(heard) == 16, f"talkers {sorted(set(range(16)) - set(heard))} are never heard at {wanted}, but at last at {told}")
    return heard.values()


with Node() as node:
    ports = free_ports(17)
    path, ledger = service(node, ports), node.path("run.ledger")
    talkers = [Talker(ports[n], frequency(n), SENT, samples=[480, 240, 960, 480][n % 4], ssrc=100 + n) for n in range(16)]
    stage, listener = Stage(talkers), Listener(ports[16])
    stage.start()
    listener.start()
    command = node.spawn("run", path, "--for", "60s", "--no-profile", "--quiet", "--ledger", ledger)
    try:
        wait_for(lambda: len(listener.packets) > 50 or command.poll() is not None, 30, "no mix comes")
        if command.poll() is not None:
            raise AssertionError("the conference has ended: " + command.stderr.read())
        threads = [len(os.listdir(f"/proc/{pid}/task")) for pid in node.processes("edge")]
        with_all = listen(listener, 0, [LEVEL] * 16)
        talkers[15].is_on = False
        listen(listener, len(listener.packets), [LEVEL] * 15 + [0])
    finally:
        command.send_signal(signal.SIGINT)
        command.communicate(timeout=20 * SLOW)
        stage.is_over = listener.is_over = True
        time.sleep(0.1)

    check(len(threads) == 2 and max(threads) <= 2, f"16 talkers are received by edges of {threads} threads")
    marks = [packet[2] for packet in listener.packets]
    check(marks[0] == 1, "the first packet of the mix is marked")
    told = json.loads(node.run("explain", ledger, "all", "--sink", "out", "--json").stdout)
    check(len(told["frames"]) >= len(listener.packets) // 2, "the ledger has not the mix's frames")
    print(f"mix of 16: {len(listener.packets)} packets, levels {min(with_all) / LEVEL:.3f} to {max(with_all) / LEVEL:.3f}, "
          f"threads of the edges {threads}")
