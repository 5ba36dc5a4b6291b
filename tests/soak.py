#!/usr/bin/env python3
"""The news service for a long time, with a fault every five seconds: tactusd stays as large as it was, and every gap in
the output has its record.

Usage: tests/soak.py BUILD [SECONDS]. Faults: the container killed, an edge killed, either stopped for two seconds, the
viewer gone, and beside it a service whose disk (100 kB) fills up, a service that comes and goes."""
import glob
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TOP, "tests", "service"))
from lib import BUILD, Node, check, clip, need, probe, seeded, skip  # noqa: E402

SECONDS = int(sys.argv[2]) if len(sys.argv) > 2 else 1800
EVERY, RATE, PORT = 5, 24, 9727

need("ffmpeg", "ffprobe", "unshare", "mount")
if os.geteuid() != 0:
    skip("a small disk needs root")
if "TACTUS_INSIDE" not in os.environ:
    sys.exit(subprocess.run(["unshare", "--mount", sys.executable, os.path.abspath(__file__), BUILD, str(SECONDS)],
                            env=dict(os.environ, TACTUS_INSIDE="1"), check=False).returncode)
random = seeded()


def send(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def has_open(pid, path):
    for entry in glob.glob(f"/proc/{pid}/fd/*"):
        try:
            if os.readlink(entry).endswith(path):
                return True
        except OSError:
            continue
    return False


class Faults:
    def __init__(self, node, disk):
        self.node, self.disk, self.viewer, self.beside = node, disk, None, []
        # Deaths, three a minute: after five within 60 s a service is given up.
        self.plan = [self.kill_container, self.lose_viewer, self.stop_edge, self.fill_disk, self.kill_edge, self.lose_viewer,
                     self.come_and_go, self.stop_edge, self.stop_container, self.lose_viewer, self.fill_disk, self.come_and_go]
        self.counts = {}

    def source_edges(self):
        """Not the one that writes the file: what it had in hand is lost with it, and its file is another one then."""
        return [pid for pid in self.node.processes("edge") if not has_open(pid, "out.mkv")]

    def kill_container(self):
        for pid in self.node.processes("container")[:1]:
            send(pid, signal.SIGKILL)

    def kill_edge(self):
        edges = self.source_edges()
        if edges:
            send(random.choice(edges), signal.SIGKILL)

    def pause(self, pids):
        if pids:
            pid = random.choice(pids)
            send(pid, signal.SIGSTOP)
            time.sleep(2)
            send(pid, signal.SIGCONT)

    def stop_edge(self):
        self.pause(self.node.processes("edge"))

    def stop_container(self):
        self.pause(self.node.processes("container")[:1])

    def lose_viewer(self):
        if self.viewer:
            self.viewer.kill()
            self.viewer.wait()
        self.viewer = subprocess.Popen(["ffmpeg", "-v", "quiet", "-nostdin", "-i", f"srt://127.0.0.1:{PORT}", "-c", "copy",
                                        "-f", "null", "-"], stdin=subprocess.DEVNULL)

    def start(self, graph):
        self.beside = [one for one in self.beside if one.poll() is None]
        self.beside.append(self.node.spawn("run", graph, "--for", "2s", "--no-profile", "--best-effort", "--quiet",
                                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

    def fill_disk(self):
        self.start("test.video width=320 height=180 rate=25 ! av.encode codec=libx264 preset=ultrafast "
                   f"tune=zerolatency bitrate=20M gop=1 ! av.write url={self.disk}/out.mkv")

    def come_and_go(self):
        self.start("test.video width=64 height=48 rate=25 ! null")

    def do(self, turn):
        fault = self.plan[turn % len(self.plan)]
        self.counts[fault.__name__] = self.counts.get(fault.__name__, 0) + 1
        fault()

    def close(self):
        if self.viewer:
            self.viewer.kill()
            self.viewer.wait()
        for one in self.beside:
            one.wait(timeout=30)


def size_of(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as text:
        kilobytes = int(re.search(r"VmRSS:\s+(\d+)", text.read())[1])
    return kilobytes, len(os.listdir(f"/proc/{pid}/fd"))


def check_flat(sizes):
    """The second quarter against the last: all kinds of faults were there in the first."""
    quarter = max(1, len(sizes) // 4)
    early, late = sizes[quarter:2 * quarter], sizes[-quarter:]
    memory = [statistics.median(size[0] for size in part) for part in (early, late)]
    fds = [statistics.median(size[1] for size in part) for part in (early, late)]
    print(f"tactusd: {memory[0]:.0f} kB, then {memory[1]:.0f} kB; {fds[0]:.0f} descriptors, then {fds[1]:.0f}")
    check(memory[1] < memory[0] * 1.1 + 2048, f"tactusd grows: {[size[0] for size in sizes]} kB")
    check(fds[1] <= fds[0] + 3, f"tactusd's descriptors grow: {[size[1] for size in sizes]}")


def check_gaps(node, ledger, out):
    told = json.loads(node.run("explain", ledger, "all", "--sink", "file.video", "--json", timeout=120).stdout)
    frames = told["frames"]
    due = [frame["index"] for frame in frames]
    check(due == list(range(len(due))), "there are due indices without a record, or twice")
    lost = {frame["index"] for frame in frames if frame["outcome"] == "lost"}
    check(all(frame.get("cause") not in (None, "", "none") for frame in frames if frame["outcome"] == "lost"),
          "a lost frame has no cause")
    packets = probe(out, "-select_streams", "v", "-show_entries", "packet=pts_time")["packets"]
    places = sorted(round(float(packet["pts_time"]) * RATE) for packet in packets)
    first = next(index for index in due if index not in lost)
    shown = {place + first for place in places}
    missing = [index for index in range(first, first + places[-1]) if index not in shown and index not in lost]
    print(f"{len(frames)} due, {len(lost)} lost with a cause, {len(places)} in the file, {len(missing)} missing without a record")
    check(not missing, f"missing in the file, delivered in the ledger: {missing[:20]}")
    check(len(lost) < len(frames) / 2, "more than half of it is lost")


def soak(node, disk):
    out, ledger = node.path("out.mkv"), node.path("run.ledger")
    clip(node.path("clip.mp4"), SECONDS + 20, size="320x180")
    subprocess.run([os.path.join(TOP, "tools", "logo"), node.path("logo.png")], check=True)
    shutil.copy(os.path.join(TOP, "examples", "news.yaml"), node.path("news.yaml"))
    command = node.spawn("run", node.path("news.yaml"), "--set", f"file.url={out}", "--set",
                         f"live.url=srt://127.0.0.1:{PORT}?mode=listener", "--for", f"{SECONDS}s", "--ledger", ledger,
                         "--no-profile", "--best-effort", "--quiet", stdout=subprocess.DEVNULL,
                         stderr=open(node.path("words"), "w", encoding="utf-8"))
    faults, sizes, began, turn = Faults(node, disk), [], time.monotonic(), 0
    while command.poll() is None and time.monotonic() - began < SECONDS + 60:
        time.sleep(max(0, began + (turn + 1) * EVERY - time.monotonic()))
        if time.monotonic() - began < SECONDS - 2 * EVERY:
            faults.do(turn)
        sizes.append(size_of(node.daemon.pid))
        turn += 1
        if turn % 12 == 0:
            print(f"{int(time.monotonic() - began)} of {SECONDS} s: {sum(faults.counts.values())} faults, "
                  f"{sizes[-1][0]} kB, {sizes[-1][1]} descriptors", flush=True)
    faults.close()
    took = time.monotonic() - began
    with open(node.path("words"), encoding="utf-8") as words:
        last = words.read()[-1500:]
    check(command.poll() is not None, "the service does not end")
    check(took >= SECONDS - 1, f"the service ended after {took:.0f} s: {last}")
    print(f"faults: {faults.counts}")
    check_flat(sizes)
    check_gaps(node, ledger, out)


with Node() as tactusd:
    small = tactusd.path("disk")
    os.mkdir(small)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100k", "none", small], check=True)
    try:
        soak(tactusd, small)
    finally:
        subprocess.run(["umount", "-l", small], check=False)
print("the soak is over, and nothing is wrong")
