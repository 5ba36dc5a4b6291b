#!/usr/bin/env python3
"""Broken media and texts: a clear error or a counted loss, in bounded time, and the node lives on."""
import os
import random
import threading
import time

from lib import Node, check, children_of, clip, ffmpeg, need

need("ffmpeg")
random.seed(7)


def words_of(ran):
    return (ran.stderr or "") + (ran.stdout or "")


def play(node, path, code=None, extra=""):
    ran = node.run("run", f"av.read name=r url={path} r.video ! av.decode ! video.scale width=320 height=180 ! null {extra}", "--quiet",
                   "--no-profile", code=code, timeout=100)
    check(ran.returncode in (0, 1, 2, 3), f"{path}: exit {ran.returncode}: {words_of(ran)[-800:]}")
    if ran.returncode != 0:
        check(len(ran.stderr.strip()) > 10, f"{path}: exit {ran.returncode} without a word")
    return ran


def write(name, content):
    with open(node.path(name), "wb") as file:
        file.write(content)
    return node.path(name)


class Watch:
    """The most memory that any process of the node has held, while it runs, in KiB."""

    def __init__(self, node):
        self.node, self.most, self.is_over = node, {}, False
        self.thread = threading.Thread(target=self.look)

    def look(self):
        while not self.is_over:
            for pid, name in [(self.node.daemon.pid, "tactusd"), *children_of(self.node.daemon.pid).items()]:
                try:
                    with open(f"/proc/{pid}/status", encoding="utf-8") as text:
                        lines = dict(line.split(":", 1) for line in text)
                except OSError:
                    continue
                self.most[name] = max(self.most.get(name, 0), int(lines.get("VmHWM", "0 kB").split()[0]))
            time.sleep(0.05)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over = True
        self.thread.join()


def refused(node, path, wanted):
    ran = play(node, path)
    said = " ".join(words_of(ran).split())
    check(ran.returncode in (2, 3) and wanted in said, f"{path}: exit {ran.returncode}, not '{wanted}': {said}")


def endless(node):
    """What never ends, or is no file, ends with a sentence; a video with rubbish behind it plays up to there."""
    for name in ("zeros.ts", "zeros.mkv"):
        write(name, b"")
        os.truncate(node.path(name), 1 << 33)
        refused(node, node.path(name), "cannot open")
    os.mkfifo(node.path("fifo"))
    refused(node, node.path("fifo"), "it is a FIFO")
    refused(node, "/dev/zero", "it is a device")
    refused(node, node.folder, "it is a folder")
    ffmpeg("-i", node.path("good.mp4"), "-c", "copy", "-f", "mpegts", node.path("behind.ts"))
    os.truncate(node.path("behind.ts"), 1 << 33)
    ran = node.run("run", f"av.read name=r url={node.path('behind.ts')} r.video ! av.decode ! null", "--no-profile", timeout=40)
    check("it ends here" in " ".join(ran.stderr.split()), f"no word of the rubbish: {ran.stderr}")


def huge(node):
    """8K pictures, and more than that claimed."""
    for name, size in (("8k.mp4", "7680x4320"), ("wide.avi", "16000x64")):
        codec = ["-c:v", "libx264", "-preset", "ultrafast"] if name.endswith("mp4") else ["-c:v", "mjpeg"]
        ffmpeg("-f", "lavfi", "-i", f"color=gray:s={size}:r=24", "-frames:v", "3", *codec, "-pix_fmt",
               "yuv420p" if name.endswith("mp4") else "yuvj420p", node.path(name))
    refused(node, node.path("wide.avi"), "at most 8192")
    play(node, node.path("8k.mp4"))


with Node() as node, Watch(node) as watch:
    good = clip(node.path("good.mp4"), 2, "320x180")
    data = open(good, "rb").read()

    play(node, good, 0)
    for cut in (0, 1, 100, len(data) // 2, len(data) - 100):
        ran = play(node, write("cut.mp4", data[:cut]))
        if cut in (0, 100):
            wanted = "the file is empty" if cut == 0 else "no media or was cut off"
            check(wanted in " ".join(words_of(ran).split()), f"{cut} bytes of a file: {words_of(ran)}")
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

    endless(node)
    small = dict(watch.most)
    check(max(small.values()) < 200 * 1024, f"a process held more than 200 MiB for small pictures: {small}")
    huge(node)
    print("KiB held:", small, watch.most)
    check(max(watch.most.values()) < 1536 * 1024, f"a process held more than 1.5 GiB: {watch.most}")

    # After all that the node is as it was.
    node.run("run", "test.video width=320 height=180 rate=50 ! null", "--for", "500ms", "--quiet", "--no-profile")
    status = node.status()
    check(status["reserved_ppm"] == 0 and not status["services"], f"something stayed behind: {status}")
    check(watch.most["tactusd"] < 64 * 1024, f"tactusd grew to {watch.most['tactusd']} KiB")
