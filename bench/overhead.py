"""What an empty component costs: CPU time of a hop, and its instructions.

Time: eight chains in one container, long and short; the difference of the container's CPU time by the difference of the hops. With
budgets (the service is promised: a timer watches each activation) and without (both ends of it read the CPU clock).
Instructions: the engine alone in a world whose clock is a counter (hops.c), counted by valgrind; the same program counts the same
each time. bench/hops.golden has what is known, by compiler; --set golden=new writes what is counted now."""
import contextlib
import os
import random
import re
import subprocess
import time

import harness
import machine
import stats
from harness import Missing
from node import Node

GOLDEN = os.path.join(machine.TOP, "bench", "hops.golden")
CHAINS, SHORT, LONG, RATE = 8, 2, 10, 100
WINDOW_S, LEARN_S = 0.5, 7
CASES = {"with budgets": [], "without budgets": ["--best-effort"]}
LENGTHS, FRAMES, BUDGET_NS = (10, 60), (100, 300), 1000000


def service(bench, length):
    """Chains are many and short, since a pool must hold what all places of a chain may hold."""
    path, flows, components = bench.path(f"empty{length}.yaml"), [], []
    for n in range(CHAINS):
        chain = [f"w{n}-{place}" for place in range(length)]
        components.append(f"  in{n}: {{kind: test.audio, params: {{quantum: {48000 // RATE}}}}}")
        components += [f"  {name}: {{kind: {bench.helper('libwork.so')}, params: {{rounds: 0}}}}" for name in chain]
        components.append(f"  out{n}: {{kind: \"null\"}}")
        flows.append(" ! ".join([f"in{n}", *chain, f"out{n}"]))
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"tactus: 1\nservice: empty{length}\nrate: {RATE}\ndeadline: 10ms\ncomponents:\n" + "\n".join(components)
                   + "\nflows: [" + ",\n        ".join(flows) + "]\n")
    return path


def containers(node):
    return [pid for pid in machine.descendants(node.daemon.pid) if machine.read(f"/proc/{pid}/comm").startswith("tactus-contain")]


def spent(node):
    """CPU time of the containers, and of all of Tactus with them."""
    return machine.usage(containers(node)), machine.usage(machine.descendants(node.daemon.pid))


@contextlib.contextmanager
def running(node, path, seconds, *words):
    command = node.spawn("run", path, "--quiet", "--for", f"{seconds}s", *words)
    try:
        end = time.monotonic() + 20
        while not containers(node) and time.monotonic() < end:
            time.sleep(0.05)
        yield command
    finally:
        command.terminate()
        command.wait()


def turn_of(bench, node, case, length, turn, seconds):
    with running(node, service(bench, length), seconds + 9, *CASES[case]) as command:
        time.sleep(1.5)
        early, end = spent(node), time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(WINDOW_S)
            late = spent(node)
            if command.poll() is not None or not early[0]["processes"]:
                raise Missing(f"a machine that runs chains of {length} empty components")
            frames = (late[0]["at_ns"] - early[0]["at_ns"]) * RATE / 1e9
            for what, one, other in zip(("container_ns", "all_ns"), early, late):
                bench.put(what, case, (other["cpu_ns"] - one["cpu_ns"]) / frames, str(length), turn)
            bench.put("switches", case, (late[0]["switches"] - early[0]["switches"]) / frames, str(length), turn)
            early = late


def learn(bench, node, length):
    path = service(bench, length)
    for _ in range(6):
        told = harness.json.loads(node.command("check", path, "--json", check=False).stdout or "{}")
        if told.get("class") == "targeted":
            with running(node, path, 8 * LEARN_S):  # budgets follow what a run costs
                time.sleep(LEARN_S)
            return True
        reason = told.get("binding") or told.get("class_reason") or "refused"
        bench.say(f"chains of {length}: {reason[:200]}")
    return False


def counted(bench, length, frames, budget_ns):
    ran = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", bench.helper("hops"), str(length),
                          str(frames), str(budget_ns)], capture_output=True, text=True, check=True)
    return int(re.search(r"Collected : (\d+)", ran.stderr)[1])


def instructions(bench):
    """Of a hop: what more components and more frames take than either alone, so that start and source are not in it."""
    for case, budget_ns in (("with budgets", BUDGET_NS), ("without budgets", 0)):
        few, many = ([counted(bench, length, frames, budget_ns) for frames in FRAMES] for length in LENGTHS)
        hops = (LENGTHS[1] - LENGTHS[0]) * (FRAMES[1] - FRAMES[0])
        bench.put("instructions", case, round((many[1] - many[0] - few[1] + few[0]) / hops, 1), turn=0)


def golden(build):
    """Instructions of a hop by case, as they were counted once for this compiler."""
    lines = [line.split("\t") for line in machine.read(GOLDEN).split("\n") if line and not line.startswith("#")]
    return {case: float(value) for known, case, value in lines if known == build}


def keep_golden(build, found):
    lines = [line for line in machine.read(GOLDEN).split("\n") if line and not line.startswith(build + "\t")]
    with open(GOLDEN, "w", encoding="utf-8") as file:
        file.write("\n".join(lines + [f"{build}\t{case}\t{value}" for case, value in found.items()]) + "\n")


def measure(bench):
    bench.need("valgrind")
    turns, seconds = bench.pick("rounds", 1, 5), bench.pick("seconds", 4.0, 8.0)
    build = subprocess.run([bench.helper("hops")], capture_output=True, text=True, check=True).stdout.strip()
    instructions(bench)
    if bench.pick("golden", "kept", "kept") == "new":
        keep_golden(build, {row[1]: row[7] for row in bench.rows if row[0] == "instructions"})
    for case, value in golden(build).items():
        bench.put("golden", case, value)
    bench.say(f"instructions are counted; hops is built by {build}")
    with Node(bench) as node:
        for case in CASES:
            is_fit = not CASES[case] and all([learn(bench, node, length) for length in (SHORT, LONG)])
            if not CASES[case] and not is_fit:
                bench.say("it is left out with budgets: it was not admitted")
                continue
            for turn in range(turns):
                for length in (SHORT, LONG):
                    bench.say(f"{case}, turn {turn + 1} of {turns}: chains of {length} empty components")
                    turn_of(bench, node, case, length, turn, seconds)


def hop_ns(short, long):
    return (stats.median(long) - stats.median(short)) / CHAINS / (LONG - SHORT)


def hops_ns(data, what, case):
    """Of a hop by the median windows, of all rounds; and its interval by drawing windows."""
    sides, source = [data.each(what, case, str(length)) for length in (SHORT, LONG)], random.Random(stats.SEED)
    if not all(sides):
        return None, None
    drawn = [hop_ns(*[source.choices(side, k=len(side)) for side in sides]) for _ in range(stats.RESAMPLES)]
    return hop_ns(*sides), stats.interval(drawn)


def judge(data):
    rows, dearest = [], (None, None, 0)
    for case in CASES:
        (found, interval), windows = hops_ns(data, "container_ns", case), len(data.each("container_ns", case, str(LONG)))
        rows.append({"case": case, "windows": windows, "hop_ns": found, "with_tactusd_ns": hops_ns(data, "all_ns", case)[0],
                     "switches_per_frame": stats.median(data.each("switches", case, str(LONG))),
                     "instructions": stats.median(data.each("instructions", case)), "golden": stats.median(data.each("golden", case))})
        if found is not None and (dearest[0] is None or found > dearest[0]):
            dearest = (found, interval, windows)
    measured, interval, windows = dearest if all(row["windows"] for row in rows) else (None, None, 0)
    is_known = all(row["golden"] is not None for row in rows)
    off = max(abs(row["instructions"] - row["golden"]) for row in rows) if is_known else None
    return rows, [
        {**stats.claim("overhead.hop_ns", "<=", 1500, measured, windows, interval), "what": "the dearer case, container alone"},
        {**stats.claim("overhead.instructions", "=", 0, off, len(rows),
                       why=None if is_known else "bench/hops.golden knows no such compiler; --set golden=new writes it"),
         "what": "instructions of a hop off the golden value"}]
