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
SENT = 0.04
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


def loudest(samples):
    """Of each talker the quarter of a second in which it is closest to its level."""
    quarters = [levels(samples[at:at + RATE // 4]) for at in range(0, len(samples) - RATE // 4 + 1, RATE // 4)]
    return [min((one[n] for one in quarters), key=lambda level: abs(level - LEVEL)) for n in range(16)]


with Node() as node:
    ports = free_ports(17)
    path, ledger = service(node, ports), node.path("run.ledger")
    talkers = [Talker(ports[n], frequency(n), SENT, samples=[480, 240, 960, 480][n % 4], ssrc=100 + n) for n in range(16)]
    stage, listener = Stage(talkers), Listener(ports[16])
    stage.start()
    listener.start()
    command = node.spawn("run", path, "--for", "60s", "--no-profile", "--quiet", "--ledger", ledger)
    try:
        # 5 ms a packet: 1.2 s with all of them, then 1.2 s without the last.
        wait_for(lambda: len(listener.packets) > 300 or command.poll() is not None, 30, "no mix comes")
        if command.poll() is not None:
            raise AssertionError("the conference has ended: " + command.stderr.read())
        threads = [len(os.listdir(f"/proc/{pid}/task")) for pid in node.processes("edge")]
        stop_at = len(listener.packets)
        talkers[15].is_on = False
        wait_for(lambda: len(listener.packets) > stop_at + 260, 20, "the mix ends when a talker does")
    finally:
        command.send_signal(signal.SIGINT)
        command.communicate(timeout=20 * SLOW)
        stage.is_over = listener.is_over = True
        time.sleep(0.1)

    check(len(threads) == 2 and max(threads) <= 2, f"16 talkers are received by edges of {threads} threads")
    marks = [packet[2] for packet in listener.packets]
    check(marks[0] == 1, "the first packet of the mix is marked")
    samples = listener.channel(0, 2)
    # Before the one stopped, less what was under way; and the end. A talker of this test whom the machine keeps waiting for
    # longer than the latency is a gap of his own: what is no fault of the mix is not in each of the quarters of a second.
    quarter, stopped = RATE // 4, (stop_at - 70) * 240
    with_all = loudest(samples[stopped - 3 * quarter:stopped])
    without = loudest(samples[-3 * quarter:])
    left = levels(samples[-quarter:])[15]
    for n in range(16):
        ratio = with_all[n] / LEVEL
        check(0.97 < ratio < 1.03, f"talker {n} is heard at {ratio:.2f} of its level: {with_all}")
        check(n == 15 or 0.97 < without[n] / LEVEL < 1.03, f"talker {n} lost its voice with another's: {without}")
    check(left < LEVEL / 100, f"a talker who left is heard at {left}")
    told = json.loads(node.run("explain", ledger, "all", "--sink", "out", "--json").stdout)
    check(len(told["frames"]) > 250, "the ledger has the mix's frames")
    print(f"mix of 16: {len(listener.packets)} packets, levels {min(with_all) / LEVEL:.3f} to {max(with_all) / LEVEL:.3f}, "
          f"threads of the edges {threads}")
