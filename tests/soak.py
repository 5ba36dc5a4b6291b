#!/usr/bin/env python3
"""The news service for a long time, with a fault every five seconds: tactusd stays as large as it was, and every gap in
the output has its record.

Usage: tests/soak.py BUILD [SECONDS] [--step-clock]. Faults: the container killed, an edge killed, either stopped for two
seconds, either without memory to be had, the viewer gone, and beside it a service whose disk (100 kB) fills up, a service
that comes and goes. With --step-clock also the machine's wall clock set by two seconds for a moment, which all others on
this machine see: a process of its own puts it back, also when this one is killed."""
import glob
import json
import os
import re
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TOP, "tests", "service"))
from lib import BUILD, Node, check, clip, need, probe, seeded, skip  # noqa: E402

STEPS_CLOCK = "--step-clock" in sys.argv[2:]
SECONDS = int(next((word for word in sys.argv[2:] if word.isdigit()), 1800))
EVERY, RATE, PORT = 5, 24, 9727

need("ffmpeg", "ffprobe", "unshare", "mount")
if os.geteuid() != 0:
    skip("a small disk needs root")
if "TACTUS_INSIDE" not in os.environ:
    sys.exit(subprocess.run(["unshare", "--mount", sys.executable, os.path.abspath(__file__), BUILD, str(SECONDS),
                             *(["--step-clock"] if STEPS_CLOCK else [])],
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


# Sets the wall clock two seconds ahead, and after half a second to where it would have been; deaf to what ends it.
STEP = """
import signal, time
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
began, wall = time.monotonic_ns(), time.time_ns()
try:
    time.clock_settime_ns(time.CLOCK_REALTIME, wall + 2_000_000_000)
    time.sleep(0.5)
finally:
    time.clock_settime_ns(time.CLOCK_REALTIME, wall + time.monotonic_ns() - began)
"""


def may_set_clock():
    try:
        time.clock_settime_ns(time.CLOCK_REALTIME, time.time_ns())
    except OSError:
        return False
    return True


class Faults:
    def __init__(self, node, disk):
        self.node, self.disk, self.viewer, self.beside, self.steps = node, disk, None, [], 0
        # Three deaths within a minute at most: after five a service is given up, and a busy machine may add one.
        self.plan = [self.kill_container, self.lose_viewer, self.stop_edge, self.fill_disk, self.come_and_go, self.stop_edge,
                     self.kill_edge, self.lose_viewer, self.come_and_go, self.stop_edge, self.step_clock, self.fill_disk,
                     self.stop_edge, self.limit_memory, self.lose_viewer, self.fill_disk, self.stop_edge, self.come_and_go,
                     self.lose_viewer, self.stop_edge, self.stop_container, self.lose_viewer, self.fill_disk, self.stop_edge,
                     self.step_clock, self.come_and_go]
        if not STEPS_CLOCK or not may_set_clock():
            print("the wall clock is left alone: --step-clock was not given, or it may not be set here")
            self.plan = [fault for fault in self.plan if fault != self.step_clock]
        self.counts, self.limited, self.starved = {}, None, 0

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

    def step_clock(self):
        subprocess.run([sys.executable, "-c", STEP], start_new_session=True, check=True)
        self.steps += 2

    def limit_memory(self):
        """No page more: in turn for a process that runs, which may live on with what it has, and for one that is about
        to be set up, which cannot. What lives has its limit for five seconds."""
        role = random.choice(["container", "edge"])
        before = self.node.processes("container")[:1] if role == "container" else self.source_edges()
        if not before:
            return
        self.limited = random.choice(before)
        if self.counts["limit_memory"] % 2 == 0:
            send(self.limited, signal.SIGKILL)
            self.limited = self.newborn(role, set(before))
        if self.limited:
            self.set_limit(1)

    def newborn(self, role, before):
        end = time.monotonic() + 2
        while time.monotonic() < end:
            new = set(self.node.processes(role)) - before - {pid for pid in self.node.processes(role) if has_open(pid, "out.mkv")}
            if new:
                return new.pop()
        return None

    def set_limit(self, most):
        try:
            for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA):
                resource.prlimit(self.limited, kind, (most, resource.RLIM_INFINITY))
        except ProcessLookupError:
            self.starved += most != 1  # it did not live through it

    def end_limit(self):
        if self.limited:
            self.set_limit(resource.RLIM_INFINITY)
            self.limited = None

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
        self.end_limit()
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


def check_clock(told, steps):
    found = [event["text"] for event in told["events"] if event["event"] == "clock-step"]
    print(f"the wall clock was set {steps} times, the ledger knows of {len(found)}")
    check(len(found) == steps, f"the wall clock was set {steps} times: {found}")


def check_gaps(told, out):
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
    print(f"faults: {faults.counts}; {faults.starved} died without memory")
    check_flat(sizes)
    told = json.loads(node.run("explain", ledger, "all", "--sink", "file.video", "--json", timeout=120).stdout)
    check_clock(told, faults.steps)
    check_gaps(told, out)


with Node() as tactusd:
    small = tactusd.path("disk")
    os.mkdir(small)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100k", "none", small], check=True)
    try:
        soak(tactusd, small)
    finally:
        subprocess.run(["umount", "-l", small], check=False)
print("the soak is over, and nothing is wrong")
