#!/usr/bin/env python3
"""Peers that go and come back. An input by TCP loses its sender; an RTMP address loses its server. Both are called again
until they answer, what misses is in the ledger with a note of each loss and return, and the file beside them loses nothing."""
import json
import os
import signal
import subprocess
import time

from camera_server import Sender, free_port
from lib import SLOW, Node, check, need, probe, skip, wait_for

need("ffmpeg", "ffprobe")
protocols = subprocess.run(["ffmpeg", "-v", "quiet", "-protocols"], capture_output=True, text=True, check=True).stdout.split()
if "rtmp" not in protocols:
    skip("this ffmpeg has no RTMP")
SERVICE = """tactus: 1
service: reconnect
rate: 25
deadline: 2s
components:
  far:   {{kind: av.read, params: {{url: "tcp://127.0.0.1:{tcp}", live: true, probe: 8s}}}}
  fdec:  {{kind: av.decode}}
  seen:  {{kind: "null"}}
  video: {{kind: test.video, params: {{width: 320, height: 180}}}}
  tone:  {{kind: test.audio}}
  venc:  {{kind: av.encode, params: {{codec: libx264, preset: ultrafast, tune: zerolatency, gop: 12, bitrate: 500k}}}}
  aenc:  {{kind: av.encode, params: {{codec: aac}}}}
  file:  {{kind: av.write, params: {{url: out.mkv}}}}
  live:  {{kind: av.write, params: {{url: "rtmp://127.0.0.1:{rtmp}/app/us"}}, late: {{video: drop, audio: drop}}}}
flows: [far.video ! fdec ! seen, video ! venc ! file.video, venc ! live.video, tone ! aenc ! file.audio, aenc ! live.audio]
"""


def rtmp_server(node, port, name):
    path = node.path(name)
    return path, subprocess.Popen(["ffmpeg", "-v", "quiet", "-nostdin", "-y", "-analyzeduration", "300k", "-listen", "1", "-i",
                                   f"rtmp://127.0.0.1:{port}/app/us", "-c", "copy", "-flush_packets", "1", path],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def kill(child):
    child.kill()
    child.wait()


def pictures(path):
    ran = subprocess.run(["ffprobe", "-v", "quiet", "-select_streams", "v", "-count_frames", "-show_entries",
                          "stream=nb_read_frames", "-of", "csv=p=0", path], capture_output=True, text=True, check=False)
    count = ran.stdout.split("\n", maxsplit=1)[0].strip(",")
    return int(count) if count.isdigit() else 0


def is_growing(path, size):
    return os.path.exists(path) and os.path.getsize(path) > size


with Node() as node:
    ports = {"tcp": free_port(), "rtmp": free_port()}
    with open(node.path("service.yaml"), "w", encoding="utf-8") as text:
        text.write(SERVICE.format(**ports))
    ledger, out, said = node.path("run.ledger"), node.path("out.mkv"), node.path("said")
    sender = Sender(ports["tcp"])
    first, server = rtmp_server(node, ports["rtmp"], "first.flv")
    with open(said, "w", encoding="utf-8") as words:
        command = node.spawn("run", node.path("service.yaml"), "--for", "120s", "--no-profile", "--ledger", ledger,
                             stdout=words, stderr=words)

    def has_said(*wanted):
        with open(said, encoding="utf-8") as text:
            told = " ".join(text.read().split())
        return all(one in told for one in wanted)

    try:
        wait_for(lambda: is_growing(first, 8000) or command.poll() is not None, 40, "nothing comes by RTMP")
        check(command.poll() is None, f"the service has ended: {open(said, encoding='utf-8').read()}")
        sender.kill()
        kill(server)
        wait_for(lambda: has_said(f"tcp://127.0.0.1:{ports['tcp']}: lost", f"rtmp://127.0.0.1:{ports['rtmp']}/app/us: lost"), 20,
                 "a loss is not told")
        before = os.path.getsize(out)
        wait_for(lambda: is_growing(out, before), 20, "the file stands still with a peer away")
        sender = Sender(ports["tcp"])
        second, server = rtmp_server(node, ports["rtmp"], "second.flv")
        wait_for(lambda: has_said(f"tcp://127.0.0.1:{ports['tcp']}: back after", "/app/us: back after"), 30, "a return is not told")
        wait_for(lambda: is_growing(second, 8000), 25, "nothing comes by RTMP after the return")
        time.sleep(2.5)  # what was read ahead before the loss is shown first
    finally:
        command.send_signal(signal.SIGINT)
        command.communicate(timeout=20 * SLOW)
        sender.kill()
        kill(server)

    check(pictures(first) > 5 and pictures(second) > 5, f"RTMP: {pictures(first)} and {pictures(second)} pictures decode")
    seen = json.loads(node.run("explain", ledger, "all", "--sink", "seen", "--json").stdout)["frames"]
    outcomes = [frame["outcome"] != "lost" for frame in seen]
    lost = [frame for frame, is_there in zip(seen, outcomes) if not is_there]
    there = outcomes.index(True)
    gap = outcomes.index(False, there + 5)
    check(True in outcomes[gap + 10:], f"no picture comes after the gap: {outcomes}")
    check({frame["cause"] for frame in lost[len(lost) // 3:]} & {"media"}, "the gap's cause is not the media")
    back = outcomes.index(True, gap + 10)
    check(all(seen[n]["delay_ns"] < 2e9 for n in range(back, len(seen)) if outcomes[n] and "delay_ns" in seen[n]),
          "what comes after the gap is late")
    beside = json.loads(node.run("explain", ledger, "all", "--sink", "file.video", "--json").stdout)["frames"]
    written = [frame for frame in beside if frame["outcome"] != "lost"]
    check(len(written) >= len(beside) - 2, f"the file lost {len(beside) - len(written)} of {len(beside)}")
    count = int(probe(out, "-select_streams", "v", "-count_packets", "-show_entries", "stream=nb_read_packets")["streams"][0]
                ["nb_read_packets"])
    check(count == len(written), f"the ledger says {len(written)} pictures, the file has {count}")
    print(f"input away for {back - gap} pictures of {len(seen)}; file {count}")
