#!/usr/bin/env python3
"""Viewers over SRT and UDP: they come, are killed, others come; each gets media that decodes, and the file beside
them loses nothing for it."""
import json
import os
import signal
import socket
import subprocess
import time

from camera_server import free_port
from lib import SLOW, Node, check, need, probe, skip, wait_for

need("ffmpeg", "ffprobe")
if "srt" not in subprocess.run(["ffmpeg", "-v", "quiet", "-protocols"], capture_output=True, text=True, check=True).stdout.split():
    skip("this ffmpeg has no SRT")
SERVICE = """tactus: 1
service: viewers
rate: 25
deadline: 300ms
components:
  video: {{kind: test.video, params: {{width: 320, height: 180}}}}
  tone:  {{kind: test.audio}}
  venc:  {{kind: av.encode, params: {{codec: libx264, preset: ultrafast, tune: zerolatency, gop: 12, bitrate: 500k}}}}
  aenc:  {{kind: av.encode, params: {{codec: aac}}}}
  file:  {{kind: av.write, params: {{url: out.mkv}}}}
  live:  {{kind: av.write, params: {{url: "{url}"}}, late: {{video: drop, audio: drop}}}}
flows: [video ! venc ! file.video, venc ! live.video, tone ! aenc ! file.audio, aenc ! live.audio]
"""


def watch(node, url, name):
    """A viewer that keeps what it gets, as it gets it."""
    path = node.path(name)
    words = ["-analyzeduration", "500k", "-i", url, "-c", "copy", "-flush_packets", "1", path]
    return path, subprocess.Popen(["ffmpeg", "-v", "error", "-nostdin", "-y", *words],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def has_seen(path, seconds):
    """So much media lies in the file: 500 kbit/s of pictures, but test pictures take less."""
    if not os.path.exists(path) or os.path.getsize(path) < 10000:
        return False
    ran = subprocess.run(["ffprobe", "-v", "quiet", "-select_streams", "v", "-count_packets", "-show_entries",
                          "stream=nb_read_packets", "-of", "csv=p=0", path], capture_output=True, text=True, check=False)
    count = ran.stdout.split("\n", maxsplit=1)[0].strip(",")
    return count.isdigit() and int(count) >= 25 * seconds


def see(node, url, name):
    """Comes until it is let in, sees two seconds, is killed; what it saw must decode."""
    end = time.monotonic() + 25 * SLOW
    path, viewer = watch(node, url, name)
    while not has_seen(path, 2):
        check(time.monotonic() < end, f"{name} got no two seconds from {url}")
        if viewer.poll() is not None:
            path, viewer = watch(node, url, name)
        time.sleep(0.1)
    viewer.send_signal(signal.SIGKILL)
    viewer.wait()
    streams = probe_seen(path)
    check(streams.get("video", 0) >= 45 and streams.get("audio", 0) >= 60, f"{name} decodes {streams}")


def probe_seen(path):
    """Frames of each kind that decode. The last packet may be cut: the viewer was killed in it."""
    ran = subprocess.run(["ffprobe", "-v", "quiet", "-count_frames", "-show_entries", "stream=codec_type,nb_read_frames", "-of",
                          "json", path], capture_output=True, text=True, check=True)
    return {one["codec_type"]: int(one.get("nb_read_frames", 0)) for one in json.loads(ran.stdout)["streams"]}


def serve(node, url, viewers):
    with open(node.path("service.yaml"), "w", encoding="utf-8") as text:
        text.write(SERVICE.format(url=url))
    out, ledger = node.path("out.mkv"), node.path("run.ledger")
    for path in (out, ledger):
        if os.path.exists(path):
            os.unlink(path)
    command = node.spawn("run", node.path("service.yaml"), "--for", "60s", "--no-profile", "--quiet", "--ledger", ledger)
    try:
        wait_for(lambda: os.path.exists(out) and os.path.getsize(out) > 0, 15, f"no file grows: {node.words()}")
        viewers()
    finally:
        command.send_signal(signal.SIGINT)
        command.communicate(timeout=20 * SLOW)
    told = json.loads(node.run("explain", ledger, "all", "--sink", "file.video", "--json").stdout)
    delivered = [frame["index"] for frame in told["frames"] if frame["outcome"] != "lost"]
    lost = [frame for frame in told["frames"] if frame["outcome"] == "lost" and frame["cause"] == "edge"]
    pictures = int(probe(out, "-select_streams", "v", "-count_packets", "-show_entries", "stream=nb_read_packets")
                   ["streams"][0]["nb_read_packets"])
    check(not lost, f"the file lost {len(lost)} pictures to its edge")
    check(pictures == len(delivered) > 40, f"the ledger says {len(delivered)} pictures, the file has {pictures}")


with Node() as node:
    port = free_port(socket.SOCK_DGRAM)
    caller = f"srt://127.0.0.1:{port}?mode=caller"

    def two_callers():
        see(node, caller, "first.ts")
        see(node, caller, "second.ts")

    serve(node, f"srt://127.0.0.1:{port}?mode=listener", two_callers)
    port = free_port(socket.SOCK_DGRAM)
    serve(node, f"udp://127.0.0.1:{port}", lambda: see(node, f"udp://127.0.0.1:{port}?timeout=5000000", "udp.ts"))
