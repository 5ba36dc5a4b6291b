"""Three bands beside six hogs: by our reservations, by SCHED_FIFO, by a cgroup of weight 10000, and by nothing.

Sound every 5 ms (10 components of 100 us), pictures' pace every 40 ms (10 of 750 us), a batch every 100 ms (10 of 3 ms). The
rivals are the same engine and components under another class of the kernel, so that only the scheduling differs."""
import contextlib
import json
import os
import shutil
import subprocess

import harness
import machine
import stats
from harness import OURS, Missing
from noise import hogs
from node import Node
from pictures import WARM_UP_S

BANDS = {"audio": (240, 5, 100), "video": (1920, 40, 750), "batch": (4800, 100, 3000)}  # samples, ms, us a component
LENGTH, HOGS = 10, 6
PARTIES = ["reservations", "fifo", "weight 10000", "nothing"]
RIGHTS = {"reservations": [], "fifo": ["--rights", "fifo"], "weight 10000": ["--rights", "other"],
          "nothing": ["--rights", "other"]}


def service(bench, rounds_us):
    path = bench.path("bands.yaml")
    flows, components = [], []
    for band, (quantum, period_ms, work_us) in BANDS.items():
        chain = [f"{band}{n}" for n in range(LENGTH)]
        components.append(f"  {band}: {{kind: test.audio, params: {{quantum: {quantum}}}}}")
        components += [f"  {name}: {{kind: {bench.helper('libwork.so')}, params: {{rounds: {work_us * rounds_us}}}}}"
                       for name in chain]
        components.append(f"  {band}-end: {{kind: \"null\", deadline: {period_ms}ms}}")
        flows.append(" ! ".join([band, *chain, f"{band}-end"]))
    with open(path, "w", encoding="utf-8") as file:
        file.write("tactus: 1\nservice: bands\nrate: 25\ndeadline: 100ms\ncomponents:\n" + "\n".join(components)
                   + "\nflows: [" + ",\n        ".join(flows) + "]\n")
    return path


class Weighted:
    """A cgroup of this bench's own with 100 times the usual share, the weight of 10000 of version 2; gone afterwards. What is
    started within enter() and leave() lives in it: nobody is moved who has a real-time thread already."""

    def __init__(self):
        self.place = next((path for path in ("/sys/fs/cgroup/cpu", "/sys/fs/cgroup") if os.path.exists(path + "/cgroup.procs")), "")
        self.folder = f"{self.place}/tactus-bench-{os.getpid()}"
        try:
            os.mkdir(self.folder)
            if os.path.exists(self.folder + "/cpu.shares"):
                write(self.folder + "/cpu.shares", 1024 * 100)
            else:
                write(self.folder + "/cpu.weight", 10000)
        except OSError as problem:
            raise Missing(f"a cgroup with a weight: {problem}") from problem

    def enter(self):
        write(self.folder + "/cgroup.procs", os.getpid())

    def leave(self):
        write(self.place + "/cgroup.procs", os.getpid())

    def close(self):
        for pid in machine.read(self.folder + "/cgroup.procs").split():
            with contextlib.suppress(OSError):
                write(self.place + "/cgroup.procs", pid)
        os.rmdir(self.folder)


def write(path, value):
    with open(path, "w", encoding="ascii") as file:
        file.write(str(value))


@contextlib.contextmanager
def started(bench, party):
    group = Weighted() if party.startswith("weight") else None
    try:
        if group:
            group.enter()
        try:
            node = Node(bench, *RIGHTS[party])
        finally:
            if group:
                group.leave()
        with node:
            yield node
    finally:
        if group:
            group.close()


def turn_of(bench, node, party, turn, path, seconds):
    ledger = bench.path(f"{party}-{turn}.ledger".replace(" ", "-"))
    words = ["run", path, "--quiet", "--for", f"{seconds + WARM_UP_S}s", "--ledger", ledger]
    ran = node.command(*words, *([] if party in ("reservations", "fifo") else ["--best-effort"]), timeout=seconds + 60, check=False)
    if not os.path.exists(ledger):
        raise Missing(f"a machine that admits the service: {ran.stderr.strip()[:600]}")
    ours = 0
    told = node.explain(ledger)
    if party == "reservations":  # admitted, and granted: what the kernel has given to others it does not give twice
        bench.put("is_promised", party, int(told["agreement"]["class"] != "best-effort"))
    for frame in told["frames"]:
        band = frame["sink"].split("-")[0]
        if frame["origin_ns"] < WARM_UP_S * 1e9:
            continue
        is_lost = frame["outcome"] == "lost"
        bench.put("frame", party, "", band, turn, frame["index"], frame["origin_ns"],
                  "" if is_lost else frame["delivered_ns"])
        if frame["outcome"] != "on_time" and frame["cause"] in OURS:
            bench.put("late_ours", party, 1, band, turn)
            ours += 1
    bench.say(f"{party}: {ours} late or lost of our cause")


def learn(bench, node, path):
    for _ in range(6):
        checked = node.command("check", path, "--json", check=False, timeout=120)
        told = json.loads(checked.stdout) if checked.stdout else {}
        if told.get("class") == "targeted":
            return True
        bench.say(f"not promised yet: {(told.get('class_reason') or checked.stderr)[:300]}")
    return False


def measure(bench):
    bench.need("stress-ng")
    turns, seconds = bench.pick("rounds", 1, 2), bench.pick("seconds", 3.0, 12.0)
    rounds_us = int(subprocess.run([bench.helper("calibrate")], capture_output=True, text=True, check=True).stdout)
    path = service(bench, rounds_us)
    bench.put("rounds_us", "tactus", rounds_us)
    is_learnt = False
    for turn in range(turns):
        for party in PARTIES:
            with started(bench, party) as node:
                if party == "reservations" and not is_learnt:
                    is_learnt = True
                    bench.put("is_promised", party, int(learn(bench, node, path)))
                bench.say(f"turn {turn + 1} of {turns}: {party}, beside {HOGS} hogs")
                with hogs(HOGS):
                    turn_of(bench, node, party, turn, path, seconds)


def judge(data):
    rows = []
    for party in PARTIES:
        for band, (_, period_ms, _) in BANDS.items():
            turns = data.frames(party, band)
            if not turns:
                continue
            delays = stats.pooled(harness.delays_ms(turns))
            rows.append({"party": party, "band": band, "jobs": sum(map(len, turns)),
                         "late": harness.late(turns, period_ms * 1_000_000), "ours": int(sum(data.each("late_ours", party, band))),
                         "missing": harness.missing(turns), **{name: stats.quantile(delays, share) for name, share in (
                             ("p50_ms", 0.5), ("p99_ms", 0.99), ("max_ms", 1))}})
    ours = [row for row in rows if row["party"] == "reservations"]
    jobs = "/".join(str(row["jobs"]) for row in ours)
    is_promised = all(data.each("is_promised", "reservations")) and bool(ours)
    claim = stats.claim("isolation.ours", "=", 0, sum(row["ours"] for row in ours) if is_promised else None,
                        sum(row["jobs"] for row in ours), why=None if is_promised else "the service was not admitted, or the kernel had not that much left")
    return rows, [{**claim, "what": f"late or lost of {jobs} jobs, of our cause by the ledger"}]
