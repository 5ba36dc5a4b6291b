"""Scenes of pictures: tsgen | what is measured | tssink, for us and for the peers in turn.

A party has a name and start(stdins, stdout), which gives its processes; pids() are those whose CPU time counts. Generators and
the sink are processes of their own and do not count. All pipes are of the same size for everybody."""
import fcntl
import json
import os
import subprocess
import time

import machine
from harness import OURS, Missing

PIPE_BYTES, FIFO, WARM_UP_S, LEARN_S = 1 << 20, 20, 2.0, 7.0
F_SETPIPE_SZ = 1031


def pipe():
    ends = os.pipe()
    fcntl.fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES)
    return ends


class Failed(RuntimeError):
    """A peer ended by itself with an error."""


class Peer:
    """Processes of others, joined by pipes: commands from the first to the last."""

    def __init__(self, name, *commands, env=None):
        self.name, self.commands, self.env, self.running = name, commands, env, []

    def start(self, stdin, stdout, _turn, fifos):
        self.running, source = [], stdin
        for number, command in enumerate(self.commands):
            command = [word.format(*fifos) if fifos else word for word in command]
            is_last = number == len(self.commands) - 1
            ends = (None, stdout) if is_last else pipe()
            self.running.append(subprocess.Popen(command, stdin=source, stdout=ends[1], stderr=subprocess.PIPE, env=self.env))
            for fd in (source, None if is_last else ends[1]):
                if fd is not None and fd != stdin:
                    os.close(fd)
            source = ends[0]
        return self.running

    def pids(self):
        return {pid for process in self.running for pid in machine.descendants(process.pid)}

    def finish(self, _bench, _scene, _turn):
        pass

    def has_failed(self):
        return any(process.returncode for process in self.running)

    def is_seen(self, _pids):
        return True


class Ours:
    """A service on a tactusd of the bench's own; tactusd and all its children count, and the command."""

    def __init__(self, name, node, *words, sink=None):
        """sink: the one whose frames count in the ledger; None: all."""
        self.sink = sink
        self.name, self.node, self.words, self.command, self.ledger, self.promise = name, node, words, None, "", ""

    def learn(self, bench, scene, what):
        """Runs until the service is promised: its costs are learnt from its own runs."""
        for _ in range(4):
            told = json.loads(self.node.command("check", *self.filled(what), "--json", check=False).stdout)
            self.promise = told["class"]
            if told["class"] != "best-effort":
                return
            bench.say(f"{scene + ' ' if scene else ''}{self.name}: {told['class_reason'].split(':')[0]}")
            run(bench, self, None, 0, what, LEARN_S)

    def filled(self, what):
        return [word.format(*fifos_of(self.node.bench, what)) if what.inputs > 1 else word for word in self.words]

    def start(self, stdin, stdout, turn, fifos):
        self.ledger = self.node.bench.path(f"{self.name}-{turn}.ledger".replace(" ", "-"))
        words = [word.format(*fifos) if fifos else word for word in self.words]
        self.command = self.node.spawn("run", *words, "--quiet", "--ledger", self.ledger, stdin=stdin, stdout=stdout,
                                       stderr=subprocess.PIPE)
        return [self.command]

    def pids(self):
        return machine.descendants(self.node.daemon.pid) | machine.descendants(self.command.pid)

    def has_failed(self):
        return False  # the ledger and the sink say what did not come

    def is_seen(self, pids):
        """Is what runs the service among these? Too little CPU time must not be told."""
        return any(machine.read(f"/proc/{pid}/comm").startswith("tactus-contain") for pid in pids)

    def finish(self, bench, scene, turn):
        """The ledger's own word, beside the sink's: what was late or lost, and of it what is ours, behind the warm-up."""
        told, ours = self.node.explain(self.ledger), 0
        for frame in told["frames"]:
            if self.sink not in (None, frame["sink"]):
                continue
            is_lost, is_late = frame["outcome"] == "lost", frame["outcome"] != "on_time"
            bench.put("ledger", self.name, "", scene, turn, frame["index"], frame["origin_ns"],
                      "" if is_lost else frame["delivered_ns"])
            ours += is_late and frame["origin_ns"] > WARM_UP_S * 1e9 and frame["cause"] in OURS
        bench.put("late_ours", self.name, ours, scene, turn)


def end_all(processes):
    """Ends what did not end by itself: only those given."""
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.wait()
        if process.stderr:
            process.stderr.close()


def wait_all(processes, seconds):
    end = time.monotonic() + seconds
    for process in processes:
        try:
            process.wait(timeout=max(0.1, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            return False
    return True


def arrivals_of(path):
    with open(path, encoding="utf-8") as lines:
        return [tuple(map(int, line.split())) for line in lines]


def keep_frames(bench, who, scene, turn, arrivals, rate, seconds):
    """One row for each picture that was due behind the warm-up: what did not come has no arrival."""
    known, unreadable = {}, 0
    for index, origin_us, at_ns in arrivals:
        if index < 0:
            unreadable += 1
        elif index not in known:
            known[index] = (origin_us * 1000, at_ns)
    if not known:
        raise RuntimeError(f"{who}: no picture with a time code came")
    period_ns, anchor = 10**9 // rate, min(known)
    start_ns = known[anchor][0] - anchor * period_ns
    for index in range(int(WARM_UP_S * rate), int(seconds * rate)):
        origin_ns, at_ns = known.get(index, (start_ns + index * period_ns, ""))
        bench.put("frame", who, "", scene, turn, index, origin_ns, at_ns)
    bench.put("unreadable", who, unreadable, scene, turn)


def keep_usage(bench, who, scene, turn, early, late, arrivals):
    frames = sum(1 for _, _, at_ns in arrivals if early["at_ns"] < at_ns <= late["at_ns"])
    cpu_ns, switches = machine.spent(early, late)
    bench.put("cpu_ns_per_frame", who, cpu_ns / max(1, frames), scene, turn)
    bench.put("switches_per_frame", who, switches / max(1, frames), scene, turn)
    for name in ("threads", "processes", "pss_kb"):
        bench.put(name, who, late[name], scene, turn)


class Scene:
    """What is generated, how many times, and what the sink sees (a picture's words for tssink). during(party): what happens
    when the warm-up is over."""

    def __init__(self, picture, sink, rate, inputs=1, during=None):
        self.picture, self.sink, self.rate, self.inputs, self.during = picture, sink, rate, inputs, during


def fifos_of(bench, what):
    return [bench.path(f"in{number}") for number in range(what.inputs)]


def open_inputs(bench, what):
    """(the system's stdin, its FIFOs, the generators' ends). With one input there is a pipe, else a FIFO each, which somebody
    must hold open until the last has opened it."""
    if what.inputs == 1:
        ends = pipe()
        return ends[0], [], [ends[1]]
    held = []
    for path in fifos_of(bench, what):
        if not os.path.exists(path):
            os.mkfifo(path)
        held.append(os.open(path, os.O_RDWR))
        fcntl.fcntl(held[-1], F_SETPIPE_SZ, PIPE_BYTES)
    return subprocess.DEVNULL, fifos_of(bench, what), held


def begin_together(generators):
    """Cameras of one studio: all begin at the same instant, once each has drawn its pictures."""
    for generator in generators:
        if generator.stderr.readline() != b"ready\n":
            raise RuntimeError("tsgen does not get ready")
    start_ns = time.monotonic_ns() + 100_000_000
    for generator in generators:
        generator.stdin.write(b"%d\n" % start_ns)
        generator.stdin.close()


def run(bench, party, scene, turn, what, seconds):
    """One turn of one party. scene None: nothing is kept of it."""
    out, out_of = bench.path("sink.txt"), pipe()
    stdin, fifos, held = open_inputs(bench, what)
    sink = subprocess.Popen([bench.helper("tssink"), "-p", str(FIFO), "-o", out, *map(str, what.sink)], stdin=out_of[0])
    system = party.start(stdin, out_of[1], turn, fifos)
    generators = [subprocess.Popen([bench.helper("tsgen"), "-p", str(FIFO), "-l", bench.path(f"gen{number}.log"), "-s",
                                    *map(str, what.picture), str(what.rate), str(int(seconds * what.rate))],
                                   stdin=subprocess.PIPE, stdout=end, stderr=subprocess.PIPE)
                  for number, end in enumerate(held)]
    for fd in held + list(out_of) + ([stdin] if stdin >= 0 else []):
        os.close(fd)
    words = b""
    try:
        begin_together(generators)
        time.sleep(WARM_UP_S)
        if what.during and scene is not None:
            what.during(party)
        early = machine.usage(party.pids())
        time.sleep(max(0.5, seconds - WARM_UP_S - 0.5))
        pids = party.pids()
        is_seen, late = party.is_seen(pids), machine.usage(pids)
        is_over = wait_all([*generators, *system, sink], 30)
        words = b"".join(process.stderr.read() for process in system if process.stderr and process.poll() is not None)
        if not is_over or any(process.returncode for process in [*generators, sink]):
            raise RuntimeError(f"{party.name} does not end: {words.decode(errors='replace')[-800:]}")
        if party.has_failed():
            raise Failed(words.decode(errors="replace")[-300:] or f"exit {[process.returncode for process in system]}")
    finally:
        end_all([*generators, *system, sink])
    arrivals = arrivals_of(out)
    if not arrivals:
        raise RuntimeError(f"{party.name}: nothing came: {words.decode(errors='replace')[-800:]}")
    if scene is None:
        return
    keep_frames(bench, party.name, scene, turn, arrivals, what.rate, seconds)
    if is_seen:
        keep_usage(bench, party.name, scene, turn, early, late, arrivals)
    else:
        bench.say(f"{party.name}: its container is not seen among {len(pids)} processes: this turn says nothing of CPU time")
    counts = [dict(line.split() for line in machine.read(bench.path(f"gen{number}.log")).split("\n"))
              for number in range(what.inputs)]
    bench.put("not_taken", party.name, sum(int(count["dropped"]) for count in counts), scene, turn)
    party.finish(bench, scene, turn)


def run_again(bench, party, scene, turn, what, seconds):
    """A peer that ended by itself has one more try: what it gave until then says nothing of its delay."""
    try:
        run(bench, party, scene, turn, what, seconds)
    except Failed as problem:
        bench.say(f"{party.name} ended by itself: {problem}")
        bench.put("failed", party.name, 1, scene, turn)
        run(bench, party, scene, turn, what, seconds)


def in_turn(bench, parties, scene, turns, what, seconds):
    """ABAB..., so that what the machine does to one it does to all."""
    for party in parties:
        if isinstance(party, Ours):
            party.learn(bench, scene, what)
            bench.say(f"{scene + ' ' if scene else ''}{party.name}: {party.promise}")
            bench.put("is_promised", party.name, int(party.promise != "best-effort"), scene)
    for turn in range(turns):
        for party in parties:
            bench.say(f"{scene + ' ' if scene else ''}turn {turn + 1} of {turns}: {party.name}")
            try:
                run_again(bench, party, scene, turn, what, seconds)
            except OSError as problem:
                raise Missing(f"{party.name}: {problem}") from problem
