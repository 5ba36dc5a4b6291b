"""Scenes of sound: N talkers by RTP are mixed and sent on by RTP. Talkers and the listener are processes of their own."""
import os
import socket
import subprocess
import time

import machine
import peers
from harness import OURS
from pictures import FIFO, end_all, wait_all

BEFORE_S, WARM_UP_S, LEARN_S = 1.5, 2.0, 3.0
SAMPLE_RATE = 48000


def free_base(count):
    """A row of free UDP ports, the first even."""
    for base in range(20000, 60000, 600):
        held = []
        try:
            for port in range(base, base + 2 * count + 2):
                held.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                held[-1].bind(("127.0.0.1", port))
            return base
        except OSError:
            continue
        finally:
            for one in held:
                one.close()
    raise RuntimeError("no free UDP ports")


def service(bench, count, base, out, extra=""):
    """rtp.read takes 16 talkers; with more there are several, each with a mix, and a mix of mixes."""
    groups = [range(first, min(first + 16, count)) for first in range(0, count, 16)]
    lines, flows, mixes = ["tactus: 1", "service: conference", "deadline: 40ms", "components:"], [], []
    for number, group in enumerate(groups):
        talkers = " ".join(f"t{n}=rtp://127.0.0.1:{base + 2 * n}" for n in group)
        late = ", ".join(f"t{n}: silence" for n in group)
        lines.append(f"  in{number}: {{kind: rtp.read, params: {{channels: 2, quantum: 240, latency: 20ms, talkers: \"{talkers}\"}}}}")
        lines.append(f"  mix{number}: {{kind: audio.mix, params: {{channels: 2, quantum: 240}}, late: {{{late}}}}}")
        flows += [f"in{number}.t{n} ! mix{number}.t{n}" for n in group]
        mixes.append(f"mix{number}")
    last = mixes[0]
    if len(groups) > 1:
        lines.append("  all: {kind: audio.mix, params: {channels: 2, quantum: 240}}")
        flows += [f"{mix} ! all.{mix}" for mix in mixes]
        last = "all"
    lines.append(f"  out: {{kind: rtp.write, params: {{url: \"rtp://127.0.0.1:{out}\", ptime: 5ms}}}}")
    lines += ["flows: [" + ", ".join(flows + [f"{last} ! out"]) + "]" + extra]
    path = bench.path(f"conference-{count}.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    return path


class Ours:
    def __init__(self, name, node):
        self.name, self.node, self.command, self.ledger, self.promise = name, node, None, "", ""

    def start(self, count, base, out, turn):
        path = service(self.node.bench, count, base, out)
        self.ledger = self.node.bench.path(f"sound-{count}-{turn}.ledger")
        self.command = self.node.spawn("run", path, "--quiet", "--ledger", self.ledger, stderr=subprocess.PIPE)
        return [self.command]

    def learn(self, bench, scene, count, base):
        """Ports are part of what a profile belongs to: they are the same for all turns of a scene."""
        import json
        for _ in range(3):
            told = json.loads(self.node.command("check", service(bench, count, base, base + 2 * count), "--json",
                                                check=False).stdout)
            self.promise = told["class"] if told["admitted"] else "refused"
            if told["class"] != "best-effort" or "learning" not in told["class_reason"]:
                return
            run(bench, self, None, 0, count, LEARN_S, base)

    def pids(self):
        return machine.descendants(self.node.daemon.pid) | machine.descendants(self.command.pid)

    def end(self):
        self.command.send_signal(2)
        wait_all([self.command], 15)

    def finish(self, bench, scene, turn):
        told, ours = self.node.explain(self.ledger), 0
        for frame in told["frames"]:
            ours += frame["outcome"] != "on_time" and frame["origin_ns"] > WARM_UP_S * 1e9 and frame["cause"] in OURS
        bench.put("late_ours", self.name, ours, scene, turn)


class Peer:
    """command(bench, count, base, out): words."""

    def __init__(self, name, command):
        self.name, self.command, self.process = name, command, None

    def start(self, count, base, out, _turn):
        self.process = subprocess.Popen(self.command(count, base, out), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE)
        return [self.process]

    def pids(self):
        return machine.descendants(self.process.pid)

    def end(self):
        """Of what comes now nothing is measured: FFmpeg waits for talkers that have gone."""
        self.process.terminate()
        wait_all([self.process], 1)

    def finish(self, _bench, _scene, _turn):
        pass


def sdp_command(bench):
    def command(count, base, out):
        paths = []
        for n in range(count):
            paths.append(bench.path(f"talker{n}.sdp"))
            with open(paths[-1], "w", encoding="utf-8") as text:
                text.write(f"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio {base + 2 * n} RTP/AVP 96\n"
                           "a=rtpmap:96 L16/48000/2\n")
        return peers.ffmpeg_conference(paths, out)
    return command


def parties(bench, node):
    return [Ours("tactus", node), Peer("gstreamer", peers.gst_conference), Peer("ffmpeg", sdp_command(bench))]


def numbers(path):
    with open(path, encoding="utf-8") as lines:
        return [tuple(map(int, line.split())) for line in lines]


def keep_clicks(bench, who, scene, turn, sent, packets, begin_ns, end_ns):
    """A click is heard with the packet that it begins in, as far behind that packet's first sample as it stands."""
    heard = [at_ns for at_ns, _, samples, click in packets if click >= 0]
    for number, origin_ns in sent:
        if not begin_ns <= origin_ns <= end_ns:
            continue
        at_ns = next((at_ns for at_ns in heard if origin_ns < at_ns < origin_ns + 240_000_000), "")
        bench.put("frame", who, "", scene, turn, number, origin_ns, at_ns)


def keep_packets(bench, who, scene, turn, packets, begin_ns, end_ns):
    """Each packet against the steadiest pace that its RTP time allows: what came least late is on time."""
    known = [(at_ns, stamp, at_ns - stamp * 10**9 // SAMPLE_RATE) for at_ns, stamp, _, _ in packets if begin_ns <= at_ns <= end_ns]
    if not known:
        return
    base = min(offset for _, _, offset in known)
    for number, (at_ns, stamp, _) in enumerate(known):
        bench.put("packet", who, "", scene, turn, number, base + stamp * 10**9 // SAMPLE_RATE, at_ns)


def run(bench, party, scene, turn, count, seconds, base, has_packets=False):
    out, sent, heard = base + 2 * count, bench.path("clicks.txt"), bench.path("heard.txt")
    startup = BEFORE_S + 0.03 * count
    total = int(startup + seconds + 1.5)
    sink = subprocess.Popen([bench.helper("rtpsink"), "-p", str(FIFO), "-o", heard, str(out), str(total)])
    talkers = subprocess.Popen([bench.helper("rtpgen"), "-p", str(FIFO), "-o", sent, str(count), str(base), str(total - 1)])
    time.sleep(0.2)
    system = party.start(count, base, out, turn)
    try:
        time.sleep(startup + WARM_UP_S)
        early = machine.usage(party.pids())
        time.sleep(max(0.5, seconds - WARM_UP_S - 0.5))
        late = machine.usage(party.pids())
        wait_all([talkers], 20)
        party.end()
        wait_all([sink], 20)
        words = b"".join(process.stderr.read() for process in system if process.poll() is not None)
    finally:
        end_all([talkers, sink, *system])
    packets = numbers(heard)
    if not packets:
        raise RuntimeError(f"{party.name}: nothing is heard of {count} talkers: {words.decode(errors='replace')[-800:]}")
    if scene is None:
        return
    keep_clicks(bench, party.name, scene, turn, numbers(sent), packets, early["at_ns"], late["at_ns"] - 300_000_000)
    if has_packets:
        keep_packets(bench, party.name, scene, turn, packets, early["at_ns"], late["at_ns"])
    length_ns = late["at_ns"] - early["at_ns"]
    cpu_ns, switches = machine.spent(early, late)
    bench.put("cpu_share", party.name, cpu_ns / length_ns, scene, turn)
    bench.put("switches_per_s", party.name, switches * 1e9 / length_ns, scene, turn)
    samples = sum(samples for at_ns, _, samples, _ in packets if early["at_ns"] < at_ns <= late["at_ns"])
    bench.put("sound_share", party.name, samples * 1e9 / SAMPLE_RATE / length_ns, scene, turn)
    for name in ("threads", "processes", "pss_kb"):
        bench.put(name, party.name, late[name], scene, turn)
    party.finish(bench, scene, turn)
