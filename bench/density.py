"""S7: services are added until tactusd refuses one; then, forced past it, until pictures are missed; and where the peers break.

A service: 720p50 is made, scaled to 960x540 and coded by x264, within 40 ms. What is admitted runs on while more is added without
a promise: a step, a service. A service's share is learnt first, in runs of its own, and services follow their costs while they run:
after the first refusal they get some time to, then more are tried. A step's first part does not count: a start takes CPU time. The peers' pictures are late when they
come more than the deadline after the steadiest pace of their own; a program breaks where more than one picture in a hundred of a
step, of all that run, is late or missing. False refusals: of those that ran within that, the share that was not admitted."""
import json
import subprocess
import threading
import time

import harness
import machine
import peers
import stats
from harness import OURS
from node import Node
from pictures import WARM_UP_S

RATE, DEADLINE_NS, MAX, BROKEN = 50, 40_000_000, 24, 0.01
SERVICE = ("test.video width=1280 height=720 rate=50 ! video.scale width=960 height=540 ! "
           "av.encode codec=libx264 preset=ultrafast tune=zerolatency ! null")
TERMS = ("mean utilisation", "utilisation", "lasting demand", "least budget", "headroom", "overhead", "budget", "period", "share",
         "tardiness", "room", "kept free", "limit", "reserved by others")
GST = peers.gst("videotestsrc is-live=true pattern=smpte100", "video/x-raw,format=I420,width=1280,height=720,framerate=50/1",
                "queue max-size-buffers=2", peers.SCALE, "video/x-raw,width=960,height=540", "queue max-size-buffers=2",
                peers.CODED + " aud=true", "video/x-h264,stream-format=byte-stream", peers.OUT)
FFMPEG = peers.ffmpeg(*("-re -f lavfi -i testsrc2=s=1280x720:r=50,format=yuv420p -vf scale=960:540:flags=bilinear -c:v libx264 "
                        "-preset ultrafast -tune zerolatency -threads 1 -f framecrc -flush_packets 1 -").split())
PEERS = {"gstreamer": (GST, b"\x00\x00\x00\x01\x09"), "ffmpeg": (FFMPEG, b"\n0,")}


class Coded:
    """A peer that runs: when each of its pictures came, by what stands before each."""

    def __init__(self, command, mark):
        self.mark, self.arrivals = mark, []
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        rest = b""
        while True:
            found = self.process.stdout.read1(1 << 16)
            if not found:
                return
            now_ns, rest = time.monotonic_ns(), rest[-(len(self.mark) - 1):] + found
            self.arrivals += [now_ns] * rest.count(self.mark)

    def close(self):
        self.process.kill()
        self.process.wait()
        self.reader.join()

    def frames(self):
        """Of each picture that was due until now: its instant by the steadiest pace, and when it came."""
        period_ns, start_ns = 10**9 // RATE, min(at - n * 10**9 // RATE for n, at in enumerate(self.arrivals))
        due = max(len(self.arrivals), (time.monotonic_ns() - DEADLINE_NS - start_ns) // period_ns)
        return [(n, start_ns + n * period_ns, self.arrivals[n] if n < len(self.arrivals) else "") for n in range(due)]


def put_step(bench, who, frames, count, window):
    """frames: of all that run, by the monotonic clock. Returns the share of the window's that were late or never came."""
    chosen = [frame for frame in frames if window[0] <= frame[1] < window[1]]
    for index, origin_ns, arrival_ns in chosen:
        bench.put("frame", who, "", str(count), 0, index, origin_ns, arrival_ns)
    bad = sum(1 for _, origin_ns, at_ns in chosen if at_ns == "" or at_ns - origin_ns > DEADLINE_NS)
    return bad / max(1, len(chosen))


def wait_step(step_s):
    time.sleep(step_s / 2)
    begin_ns = time.monotonic_ns()
    time.sleep(step_s / 2)
    return begin_ns, time.monotonic_ns()


def ramp_peer(bench, who, step_s, first):
    running = []
    try:
        while len(running) < MAX:
            running += [Coded(*PEERS[who]) for _ in range(1 if running else first)]
            window = wait_step(step_s)
            time.sleep(DEADLINE_NS / 1e9)
            frames = [frame for one in running if one.arrivals for frame in one.frames()]
            share = put_step(bench, who, frames, len(running), window)
            bench.say(f"{who}: {len(running)} run, {share:.1%} late or missing")
            if share > BROKEN:
                return
    finally:
        for one in running:
            one.close()


def check(node, name):
    return json.loads(node.command("check", SERVICE, "--deadline", "40ms", "--name", name, "--json", check=False).stdout or "{}")


def learn(bench, node, seconds):
    """True once it is promised. What several pictures in a row cost takes longer to be known than what one does."""
    for _ in range(4):
        node.command("run", SERVICE, "--deadline", "40ms", "--name", "d", "--quiet", "--for", f"{seconds}s", check=False)
        told = check(node, "d")
        if told.get("class") == "targeted":
            return True
        bench.say(f"not promised yet: {str(told.get('class_reason'))[:200]}")
    return False


def put_refusal(bench, node):
    """What a further one is refused for, term by term."""
    told = check(node, "further")
    bench.say(f"a further one: {str(told.get('binding'))[:200]}")
    for term in told.get("terms", []):
        if term["name"] in TERMS and not (term["name"] == "period" and term["subject"] != "worker"):
            bench.put("term", term["name"] + ", " + term["unit"], term["value"])


def start(bench, node, number, *words):
    """A service that runs, and its ledger; or None: it was refused, is not promised, or does not come."""
    ledger, said = bench.path(f"d{number}.ledger"), bench.path(f"d{number}.said")
    with open(said, "wb") as file:
        command = node.spawn("run", SERVICE, "--deadline", "40ms", "--name", f"d{number}", "--quiet", "--ledger", ledger, *words,
                             stderr=file)
    why, end = "it did not begin within 8 s", time.monotonic() + 8
    while time.monotonic() < end:
        if command.poll() is not None:
            why = " ".join(machine.read(said).split())[-300:]
            break
        told = json.loads(node.command("ps", "--json", check=False).stdout or "[]")
        mine = [found for found in told if found["name"] == f"d{number}" and found.get("frames")]
        if mine and (words or mine[0]["class"] != "best-effort"):
            return command, ledger
        if mine:
            why = "it runs without a promise"
            break
        time.sleep(0.1)
    bench.say(f"service {number + 1} is not admitted: {why}")
    if command.poll() is None:
        command.terminate()
        command.wait()
    return None


def admit(bench, node, running):
    while len(running) < MAX:
        found = start(bench, node, len(running))
        if found is None:
            break
        running.append(found)
    bench.say(f"{len(running)} are admitted")


def frames_of(told):
    epoch_ns = told["agreement"]["epoch_monotonic_ns"]
    for frame in told["frames"]:
        yield (frame["index"], epoch_ns + frame["origin_ns"],
               "" if frame["outcome"] == "lost" else epoch_ns + frame["delivered_ns"])


def put_kept(bench, told, windows):
    """Of what was admitted: how it kept its promise alone, and while it was forced past."""
    epoch_ns = told["agreement"]["epoch_monotonic_ns"]
    for name, (begin_ns, end_ns) in windows.items():
        chosen = [frame for frame in told["frames"] if frame["origin_ns"] > WARM_UP_S * 1e9
                  and begin_ns <= epoch_ns + frame["origin_ns"] < end_ns]
        bad = [frame for frame in chosen if frame["outcome"] != "on_time"]
        bench.put("due", name, len(chosen))
        bench.put("late", name, len(bad))
        bench.put("ours", name, sum(frame["cause"] in OURS for frame in bad))


def force(bench, node, running, step_s, more):
    """Adds services without a promise; the windows of each step."""
    steps = []
    for _ in range(more):
        found = start(bench, node, len(running), "--best-effort")
        if found is None:
            break
        running.append(found)
        steps.append((len(running), wait_step(step_s)))
        bench.say(f"{len(running)} run, {len(steps)} of them without a promise")
    return steps


def ours(bench, seconds, step_s, more):
    learn_s, settle_s = bench.pick("learn_s", 8.0, 40.0), bench.pick("settle_s", 12.0, 30.0)
    with Node(bench) as node:
        bench.put("is_promised", "tactus", int(learn(bench, node, learn_s)))
        running = []
        try:
            admit(bench, node, running)
            bench.put("admitted at first", "tactus", len(running))
            time.sleep(settle_s)
            admit(bench, node, running)
            bench.put("admitted", "tactus", len(running))
            put_refusal(bench, node)
            begin_ns = time.monotonic_ns()
            time.sleep(seconds)
            alone_ns, admitted = time.monotonic_ns(), len(running)
            steps = force(bench, node, running, step_s, more)
            end_ns = time.monotonic_ns()
        finally:
            for command, _ in running:
                command.terminate()
            for command, _ in running:
                command.wait()
        told = [node.explain(ledger) for _, ledger in running]
    for one in told[:admitted]:
        put_kept(bench, one, {"alone": (begin_ns, alone_ns), "forced past": (alone_ns, end_ns)})
    frames = [frame for one in told for frame in frames_of(one)]
    for count, window in steps:
        share = put_step(bench, "tactus", frames, count, window)
        bench.say(f"tactus: {count} run, {share:.1%} late or missing")


def measure(bench):
    bench.need("gst-launch-1.0", "ffmpeg")
    seconds, step_s = bench.pick("seconds", 5.0, 20.0), bench.pick("step_s", 0.8, 3.0)
    more, first = bench.pick("more", 11, 18), bench.pick("first", 5, 2)
    ours(bench, seconds, step_s, int(more))
    for who in PEERS:
        ramp_peer(bench, who, step_s * 1.25, int(first))


def ran(data, who):
    """The most that ran with no more than the share late, below the first step that broke; and whether one broke."""
    most = 0
    for count in sorted(map(int, {scene for scene in data.scenes() if data.frames(who, scene)})):
        frames = data.frames(who, str(count))
        if harness.late(frames, DEADLINE_NS) > BROKEN * sum(map(len, frames)):
            return most, True
        most = count
    return most, False


def shares(data):
    """What a service is reserved, part by part, and how many would fit the machine were all that follows left out."""
    term = {name: stats.median(data.each("term", name)) for name in data.parties("term")}
    if not {"mean utilisation, ppm", "lasting demand, ppm", "period, ns"} <= set(term):
        return
    per = {name: term[name + ", ns"] / term["period, ns"] * 1e6 for name in ("least budget", "headroom", "overhead")}
    mean, whole = term["mean utilisation, ppm"], data.head["machine"]["cpus"] * 1e6
    parts = [("mean cost", mean, whole), ("the kernel's limit", 0, term["limit, ppm"]),
             ("kept free", 0, term["limit, ppm"] - term["kept free, ppm"]),
             ("promised of several in a row, not the mean", term["lasting demand, ppm"] - mean, None),
             ("deadline: promised of one, wake-up, gaps of the supply", per["least budget"] - term["lasting demand, ppm"], None),
             ("the engine, beside what costs count of it", per["overhead"], None), ("headroom, where nobody asks for it", per["headroom"], None)]
    share, room = 0, whole
    for name, more, less in parts:
        share, room = share + more, less or room
        yield {"share of a CPU": name, "percent": more / 1e4, "sum": share / 1e4, "would_fit": room / share if share > 0 else None}


def judge(data):
    admitted = int(sum(data.each("admitted", "tactus")))
    rows = []
    for who in ("tactus", *PEERS):
        most, is_broken = ran(data, who)
        most = max(most, admitted) if who == "tactus" else most
        rows.append({"party": who, "admitted": admitted if who == "tactus" else None,
                     "at_first": int(sum(data.each("admitted at first", who))) if who == "tactus" else None, "ran_well": most,
                     "broke": "yes" if is_broken else "not reached"})
    most = rows[0]["ran_well"]
    for name in ("alone", "forced past"):
        rows.append({"party": "admitted, " + name, **{what: int(sum(data.each(what, name))) for what in ("due", "late", "ours")}})
    rows += shares(data)
    is_promised = all(data.each("is_promised", "tactus")) and admitted > 0
    due, bad = (sum(sum(data.each(what, name)) for name in ("alone", "forced past")) for what in ("due", "ours"))
    refused = 1 - admitted / most if most else None
    return rows, [
        {**stats.claim("density.kept", "=", 0, int(bad) if is_promised and due else None, int(due),
                       why=None if is_promised else "nothing was admitted"),
         "what": "late or lost of our cause, of all that were admitted, alone and while forced past"},
        {**stats.claim("density.false_refusals", "<=", 0.35, refused if is_promised else None, most),
         "what": "of what ran well, the share that was not admitted"}]
