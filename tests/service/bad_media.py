#!/usr/bin/env python3
"""Broken media and texts: a clear error or a counted loss, in bounded time, and the node lives on."""
import os
import random
import subprocess

from lib import Node, check, clip, ffmpeg, need

need("ffmpeg")
random.seed(7)


def words_of(ran):
    return (ran.stderr or "") + (ran.stdout or "")


def play(node, path, code=None, extra=""):
    ran = node.run("run", f"av.read name=r url={path} r.video ! av.decode ! video.scale width=320 height=180 ! null {extra}", "--quiet",
                   "--no-profile", code=code, timeout=40)
    check(ran.returncode in (0, 1, 2, 3), f"{path}: exit {ran.returncode}: {words_of(ran)[-800:]}")
    if ran.returncode != 0:
        check(len(ran.stderr.strip()) > 10, f"{path}: exit {ran.returncode} without a word")
    return ran


with Node() as node:
    good = clip(node.path("good.mp4"), 2, "320x180")
    data = open(good, "rb").read()

    def write(name, content):
        with open(node.path(name), "wb") as file:
            file.write(content)
        return node.path(name)

    play(node, good, 0)
    for cut in (0, 1, 100, len(data) // 2, len(data) - 100):
        play(node, write("cut.mp4", data[:cut]))
    transport = node.path("good.ts")
    ffmpeg("-i", good, "-c", "copy", transport)
    stream = bytearray(open(transport, "rb").read())
    for _ in range(5):
        for _ in range(40):
            stream[random.randrange(len(stream))] = random.randrange(256)
        play(node, write("corrupt.ts", bytes(stream)))
    play(node, write("text.mp4", b"this is no media\n" * 100))
    play(node, node.path("missing.mp4"), 3)

    # A size that changes in the middle.
    a, b = clip(node.path("a.ts"), 1, "320x180", audio=False), clip(node.path("b.ts"), 1, "640x360", audio=False)
    play(node, write("change.ts", open(a, "rb").read() + open(b, "rb").read()))

    # No audio where audio is asked for.
    silent = clip(node.path("silent.mp4"), 1, "320x180", audio=False)
    ran = node.run("run", f"av.read url={silent} name=r  r.audio ! av.decode ! null", "--quiet", "--no-profile", code=None)
    check(ran.returncode in (2, 3), f"missing audio: exit {ran.returncode}: {words_of(ran)}")
    check("audio" in ran.stderr, f"missing audio: {ran.stderr}")

    # Service files: 10 MB, nested 10,000 deep, endless flows, binary.
    for name, content in (("big.yaml", b"tactus: 1\nservice: x\n" + b"# " + b"x" * (10 << 20)),
                          ("deep.yaml", b"tactus: 1\ncomponents: " + b"[" * 10000),
                          ("deeper.yaml", b"{a: " * 10000),
                          ("binary.yaml", bytes(random.randrange(256) for _ in range(4096))),
                          ("alias.yaml", b"tactus: 1\na: &a [x]\nb: [*a,*a]\n")):
        ran = node.run("run", write(name, content), code=None, timeout=20)
        check(ran.returncode == 2, f"{name}: exit {ran.returncode}: {words_of(ran)[-500:]}")
        check(len(ran.stderr) < 4000, f"{name}: an error of {len(ran.stderr)} bytes")

    # After all that the node is as it was.
    node.run("run", "test.video width=320 height=180 rate=50 ! null", "--for", "500ms", "--quiet", "--no-profile")
    status = node.status()
    check(status["reserved_ppm"] == 0 and not status["services"], f"something stayed behind: {status}")
    rss = int(next(line.split()[1] for line in open(f"/proc/{node.daemon.pid}/status") if line.startswith("VmRSS")))
    check(rss < 200 * 1024, f"tactusd grew to {rss} KiB")
