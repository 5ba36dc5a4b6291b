#!/usr/bin/env python3
"""Two senders of MPEG-TS whose clocks are not ours: one too fast, one too slow, by twice what is corrected, so that seconds show it.
The times of what they send are moved to our clock: those of the fast one come closer, those of the slow one part."""
import json
import os
import socket
import statistics
import subprocess

from camera_server import free_port
from lib import Node, check, ffmpeg, need

need("ffmpeg")
PPM, SECONDS, PERIOD_NS = 1000, 7, 40_000_000
SERVICE = """tactus: 1
service: drift
rate: 25
deadline: 300ms
components:
  fast:  {{kind: av.read, params: {{url: "udp://127.0.0.1:{fast}", live: true, probe: 2s}}}}
  slow:  {{kind: av.read, params: {{url: "udp://127.0.0.1:{slow}", live: true, probe: 2s}}}}
  fdec:  {{kind: av.decode}}
  sdec:  {{kind: av.decode}}
  fadec: {{kind: av.decode}}
  sadec: {{kind: av.decode}}
  fseen: {{kind: "null"}}
  sseen: {{kind: "null"}}
  fhear: {{kind: "null"}}
  shear: {{kind: "null"}}
flows: [fast.video ! fdec ! fseen, slow.video ! sdec ! sseen, fast.audio ! fadec ! fhear, slow.audio ! sadec ! shear]
"""


def send(clip, port, ppm):
    return subprocess.Popen(["ffmpeg", "-v", "quiet", "-nostdin", "-stream_loop", "-1", "-readrate", str(1 + ppm * 1e-6), "-i", clip,
                             "-c", "copy", "-f", "mpegts", f"udp://127.0.0.1:{port}?pkt_size=1316"], stdin=subprocess.DEVNULL)


def moved_ns(node, ledger, sink):
    """By how much the last second's pictures have moved against the first's."""
    frames = json.loads(node.run("explain", ledger, "all", "--sink", sink, "--json").stdout)["frames"]
    off = [frame["origin_ns"] - frame["index"] * PERIOD_NS for frame in frames if frame["outcome"] != "lost"]
    check(len(off) > 50, f"{sink}: only {len(off)} pictures came")
    return statistics.median(off[-25:]) - statistics.median(off[:25])


def listen(node, clip, ports, seconds):
    """By how much both moved in so long a run."""
    ledger = node.path("run.ledger")
    if os.path.exists(ledger):
        os.remove(ledger)
    senders = [send(clip, ports["fast"], PPM), send(clip, ports["slow"], -PPM)]
    try:
        node.run("run", node.path("service.yaml"), "--for", f"{seconds}s", "--no-profile", "--quiet", "--ledger", ledger, code=None)
    finally:
        for sender in senders:
            sender.kill()
            sender.wait()
    check(os.path.exists(ledger), "the service did not run")
    return moved_ns(node, ledger, "fseen"), moved_ns(node, ledger, "sseen")


with Node() as node:
    clip = node.path("clip.ts")
    ports = {"fast": free_port(socket.SOCK_DGRAM), "slow": free_port(socket.SOCK_DGRAM)}
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=160x90:r=25", "-f", "lavfi", "-i", "sine=f=1000:r=48000", "-t", "20", "-c:v", "libx264", "-preset",
           "ultrafast", "-tune", "zerolatency", "-g", "5", "-c:a", "mp2", "-f", "mpegts", clip)
    with open(node.path("service.yaml"), "w", encoding="utf-8") as text:
        text.write(SERVICE.format(**ports))
    # What a busy machine adds to single arrivals does not grow; what clocks are apart does.
    for seconds in (SECONDS, 3 * SECONDS):
        fast_ns, slow_ns = listen(node, clip, ports, seconds)
        print(f"in {seconds} s the fast one's pictures moved by {fast_ns / 1e6:+.3f} ms, the slow one's by {slow_ns / 1e6:+.3f} ms")
        if fast_ns < 0 < slow_ns and slow_ns - fast_ns > 500_000:
            break
    check(slow_ns - fast_ns > 500_000, "the senders' clocks are not followed")
    check(fast_ns < 0 < slow_ns, "a sender's clock is followed the wrong way")
