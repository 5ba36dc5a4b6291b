#!/usr/bin/env python3
"""Frames that pass from edge to edge through a container that is killed: what waits for its write stays as it was.

Each picture has one value in all its bytes. The sink's FIFO is full when the container dies, so that the sink's edge has
pictures of the source's pool in its hands while a new container starts.
"""
import json
import os
import shutil
import signal
import time

from lib import Node, check, clip, probe, wait_for

WIDTH, HEIGHT, RATE = 320, 180, 50
BYTES = WIDTH * HEIGHT * 3 // 2


def read_some(fifo, seconds):
    data, end = b"", time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            some = os.read(fifo, 1 << 20)
        except BlockingIOError:
            some = None
        if some:
            data += some
        else:
            time.sleep(0.005)
    return data


def state(node):
    return [service["state"] for service in node.status()["services"]]


def one(node, n):
    os.mkfifo(node.path(f"fifo{n}"))
    fifo = os.open(node.path(f"fifo{n}"), os.O_RDONLY | os.O_NONBLOCK)
    command = node.spawn("run", f"raw.read url={node.path('in.raw')} width={WIDTH} height={HEIGHT} rate={RATE} live=true ! "
                         f"raw.write url={node.path(f'fifo{n}')}", "--for", "20s", "--no-profile", "--quiet")
    wait_for(lambda: state(node) == ["running"], 15, f"it does not run: {node.words()}")
    data = read_some(fifo, 0.3)
    time.sleep(0.3)  # the FIFO fills, and the sink's edge holds what does not fit
    os.kill(node.processes("container")[0], signal.SIGKILL)
    wait_for(lambda: node.words().count("restarted: process=container") == n + 1 and state(node) == ["running"], 15,
             f"no restart: {node.words()}")
    time.sleep(0.3)  # the source's edge writes whatever it believes to be free
    data += read_some(fifo, 0.5)
    command.send_signal(signal.SIGINT)
    data += read_some(fifo, 0.5)
    command.communicate(timeout=30)
    os.close(fifo)
    pictures = [data[at:at + BYTES] for at in range(0, len(data) - BYTES + 1, BYTES)]
    check(len(pictures) > 20, f"{len(pictures)} pictures came out")
    torn = [at for at, picture in enumerate(pictures) if picture != picture[:1] * BYTES]
    check(not torn, f"pictures were written over while they were read: {torn}")
    steps = [(after[0] - before[0]) % 251 for before, after in zip(pictures, pictures[1:])]
    check(all(1 <= step < 125 for step in steps), f"the pictures' order: {[picture[0] for picture in pictures]}")


def edge_with(node, path):
    """The edge that has this file open."""
    found = [pid for pid in node.processes("edge") if path in
             [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]]
    check(len(found) == 1, f"edges with {path}: {found} of {node.processes('edge')}")
    return found[0]


def source_dies(node):
    """Without a clock nothing may be missing or come twice when the source's edge dies: the output is the input."""
    os.mkfifo(node.path("asap"))
    fifo = os.open(node.path("asap"), os.O_RDONLY | os.O_NONBLOCK)
    command = node.spawn("run", f"raw.read url={node.path('in.raw')} width={WIDTH} height={HEIGHT} rate={RATE} ! "
                         f"raw.write url={node.path('asap')}", "--no-profile", "--quiet")
    wait_for(lambda: state(node) == ["running"], 15, f"it does not run: {node.words()}")
    data = b""
    while len(data) < 30 * BYTES:
        data += read_some(fifo, 0.02)
    os.kill(edge_with(node, node.path("in.raw")), signal.SIGKILL)
    end = time.monotonic() + 30
    while command.poll() is None and time.monotonic() < end:
        data += read_some(fifo, 0.05)
    data += read_some(fifo, 0.2)
    os.close(fifo)
    check(command.returncode == 0, f"exit {command.returncode}: {command.communicate()[1]} {node.words()}")
    check("restarted: process=read" in node.words(), f"no restart: {node.words()}")
    came = [data[at] for at in range(0, len(data), BYTES)]
    check(came == [n % 251 for n in range(4 * RATE)], f"what came: {came}")


def source_of_packets_dies(node):
    """A demuxer goes on from a key picture: no packet comes twice, and none is missing where it was quick enough."""
    if not shutil.which("ffmpeg"):
        print("no ffmpeg: packets are not tried")
        return
    source = clip(node.path("in.mp4"), seconds=8, size="320x180", audio=False)
    command = node.spawn("run", f"av.read url={source} live=true name=r r.video ! av.write url={node.path('out.mkv')}",
                         "--for", "4s", "--no-profile", "--quiet", "--ledger", node.path("packets.ledger"))
    wait_for(lambda: state(node) == ["running"], 15, f"it does not run: {node.words()}")
    time.sleep(1.5)
    os.kill(edge_with(node, source), signal.SIGKILL)
    command.communicate(timeout=60)
    check("restarted: process=r" in node.words(), f"no restart: {node.words()}")
    told = json.loads(node.run("explain", node.path("packets.ledger"), "all", "--json").stdout)
    sent = [frame["index"] for frame in told["frames"] if frame["sent_ns"] > 0]
    stream = probe(node.path("out.mkv"), "-count_packets", "-show_streams")["streams"][0]
    check(int(stream["nb_read_packets"]) == len(sent) > 48, f"{stream['nb_read_packets']} packets, {len(sent)} sent")


with Node() as node:
    with open(node.path("in.raw"), "wb") as raw:
        for n in range(4 * RATE):
            raw.write(bytes([n % 251]) * BYTES)
    for n in range(3):
        one(node, n)
    source_dies(node)
    source_of_packets_dies(node)
    print("passing")
