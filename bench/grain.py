"""200 chains of 5 small components: ours, a process a component (pipes; shared memory and futexes), a thread a component.

Ours is 8 services of 25 chains, with a promise as far as the machine gives one, best-effort beyond. Chains of a service are
released one group behind the other on a grid of 1 ms, groups 8 ms apart or more, as many as their budgets ask for (src/planner/phase.c),
and services begin between each other's releases (src/node/stagger.c); the rivals' chains have 8 phases, and in the full run pipes once more with a phase for each chain. All work for the same rounds on 3840 bytes, which ours and the futexes pass in
place. The talkers' rival is our own sound components, a process each (hosts.c)."""
import json
import os
import signal
import subprocess
import time

import harness
import machine
import stats
from node import Node

CHAINS, LENGTH, SERVICES, TALKERS = 200, 5, 8, 32
AFTER_S, LAST_S, START_MAX_S, END_MAX_S = 0.7, 0.1, 10, 15
RIVALS = {"pipes": ("pipes", SERVICES), "threads": ("threads", SERVICES), "shm": ("shm", SERVICES),
          "pipes, own phases": ("pipes", 0)}
FINE, COARSE, REAL = "2 us at 100", "20 us at 25", "32 talkers at 100"


def scene_of(work_us, rate):
    return f"{work_us} us at {rate}"


def service(bench, number, rounds, rate):
    path = bench.path(f"grain{number}.yaml")
    components, flows = [], []
    for chain in range(CHAINS // SERVICES):
        names = [f"c{chain}-{place}" for place in range(LENGTH)]
        components.append(f"  {names[0]}: {{kind: {bench.helper('libfirst.so')}, params: {{rounds: {rounds}, rate: {rate}}}}}")
        components += [f"  {name}: {{kind: {bench.helper('libwork.so')}, params: {{rounds: {rounds}}}}}" for name in names[1:-1]]
        components.append(f"  {names[-1]}: {{kind: {bench.helper('liblast.so')}, params: {{rounds: {rounds}}}}}")
        flows.append(" ! ".join(names))
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"tactus: 1\nservice: grain{number}\nrate: {rate}\ndeadline: {1000 // rate}ms\ncomponents:\n"
                   + "\n".join(components) + "\nflows: [" + ",\n        ".join(flows) + "]\n")
    return path


def talkers_service(bench, number):
    """16 talkers: five sound components each, as hosts.c has them, and an end for what they give."""
    path = bench.path(f"sound{number}.yaml")
    components, flows = [], []
    for talker in range(TALKERS // 2):
        kinds = ["test.audio", "audio.gain", "audio.convert", "audio.loudness", "audio.gain", '"null"']
        names = [f"t{talker}-{place}" for place in range(len(kinds))]
        components += [f"  {name}: {{kind: {kind}{', params: {channels: 1}' if kind == 'audio.convert' else ''}}}"
                       for name, kind in zip(names, kinds)]
        flows.append(" ! ".join(names))
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"tactus: 1\nservice: grain{number}\ndeadline: 20ms\ncomponents:\n" + "\n".join(components)
                   + "\nflows: [" + ",\n        ".join(flows) + "]\n")
    return path


def used(pids):
    """By the name of the program, CPU and switches so far."""
    found = {}
    for pid in pids:
        name = machine.read(f"/proc/{pid}/comm")
        spent = machine.usage([pid])
        cpu_ns, switches = found.get(name, (0, 0))
        found[name] = (cpu_ns + spent["cpu_ns"], switches + spent["switches"])
    return found


def put_usage(bench, scene, turn, early, late, length_s):
    bench.put("cpu_share", "tactus", sum(late[name][0] - early.get(name, (0, 0))[0] for name in late) / length_s / 1e9, scene, turn)
    bench.put("switches_per_s", "tactus", sum(late[name][1] - early.get(name, (0, 0))[1] for name in late) / length_s, scene, turn)
    for name in late:
        bench.put("cpu_of_" + name, "tactus", (late[name][0] - early.get(name, (0, 0))[0]) / length_s / 1e9, scene, turn)


def admitted(bench, node, paths):
    """Learns the costs, which are those of all of them; tells what one of them by itself is."""
    told = json.loads(node.command("check", paths[0], "--json", check=False).stdout or "{}")
    bench.say(f"one service by itself: {told.get('class') if told.get('admitted') else 'refused'}")


def states(node):
    return {one["name"]: one["state"] for one in json.loads(node.command("ps", "--json").stdout)}


def start(node, number, path, ledger):
    """Once with a promise; when that is refused, without one."""
    words = ["run", path, "--for", "10m", "--ledger", ledger, "--quiet"]
    for extra in ([], ["--best-effort"]):
        command = node.spawn(*words, *extra, stderr=subprocess.PIPE)
        end = time.monotonic() + START_MAX_S
        while command.poll() is None and time.monotonic() < end:
            if states(node).get(f"grain{number}") == "running":
                return command, not extra
            time.sleep(0.02)
        if command.poll() is None:
            command.kill()
            raise RuntimeError(f"grain{number} does not start")
    raise RuntimeError(f"grain{number} does not run: {command.stderr.read().decode(errors='replace')[-800:]}")


def end_all(running):
    try:
        for one in running:
            one.communicate(timeout=END_MAX_S)
    except subprocess.TimeoutExpired as problem:
        for one in running:
            one.kill()
        raise RuntimeError("a service does not end") from problem


def try_ours(bench, node, scene, turn, paths, seconds):
    """What hangs or is refused is a row of its own, and its turn counts for nothing."""
    for _ in range(2):
        try:
            run_ours(bench, node, scene, turn, paths, seconds)
            return
        except (RuntimeError, OSError, subprocess.SubprocessError) as problem:
            bench.say(f"{scene}: tactus failed: {str(problem)[:300]}")
            bench.put("failed", "tactus", 1, scene, turn)


def run_ours(bench, node, scene, turn, paths, seconds):
    """What has begun is over before another try: it would be counted there."""
    running = []
    try:
        run_services(bench, node, scene, turn, paths, seconds, running)
    finally:
        for one in running:
            one.kill()
            one.wait()
        end = time.monotonic() + END_MAX_S
        while any(state == "running" for state in states(node).values()) and time.monotonic() < end:
            time.sleep(0.02)


def run_services(bench, node, scene, turn, paths, seconds, running):
    ledgers, began, promised = [], [], 0
    for number, path in enumerate(paths):
        ledgers.append(bench.path(f"{turn}-{number}.ledger"))
        if os.path.exists(ledgers[-1]):
            os.remove(ledgers[-1])
        command, is_promised = start(node, number, path, ledgers[-1])
        running.append(command)
        began.append(time.monotonic())
        promised += is_promised
    time.sleep(AFTER_S)
    begin, early = time.monotonic(), used(machine.descendants(node.daemon.pid) | {one.pid for one in running})
    time.sleep(seconds)
    end, late = time.monotonic(), used(machine.descendants(node.daemon.pid) | {one.pid for one in running})
    for one in running:
        one.send_signal(signal.SIGINT)
    end_all(running)
    put_usage(bench, scene, turn, early, late, end - begin)
    bench.put("promised", "tactus", promised, scene, turn)
    bench.say(f"{scene}: tactus, {promised} of {len(paths)} services with a promise")
    for number, ledger in enumerate(ledgers):
        for frame in node.explain(ledger)["frames"]:
            if begin - began[number] <= frame["origin_ns"] / 1e9 < end - began[number] - LAST_S:
                bench.put("frame", "tactus", "", scene, turn, f"{frame['index'] * CHAINS + number * 25}", frame["origin_ns"],
                          "" if frame["outcome"] == "lost" else frame["delivered_ns"])


def run_hosts(bench, turn, seconds):
    told = json.loads(subprocess.run([bench.helper("hosts"), str(TALKERS), str(seconds)], check=True, capture_output=True,
                                     text=True, timeout=seconds + 60).stdout)
    bench.put("cpu_share", "pipes", told["cpu_ns"] / told["seconds"] / 1e9, REAL, turn)
    bench.say(f"{REAL}: pipes")


def run_rival(bench, party, scene, turn, rounds, rate, seconds):
    mode, groups = RIVALS[party]
    path = bench.path("grain.out")
    told = json.loads(subprocess.run(
        [bench.helper("grain"), mode, str(CHAINS), str(LENGTH), str(rounds), str(rate), str(seconds), str(groups), str(turn + 1), path],
        check=True, capture_output=True, text=True, timeout=seconds + 60).stdout)
    bench.put("cpu_share", party, told["cpu_ns"] / told["seconds"] / 1e9, scene, turn)
    bench.put("switches_per_s", party, told["switches"] / told["seconds"], scene, turn)
    came = 0
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            chain, index, origin_ns, at_ns = map(int, line.split())
            bench.put("frame", party, "", scene, turn, index * CHAINS + chain, origin_ns, at_ns)
            came += 1
    bench.put("missing", party, max(0, round(CHAINS * rate * seconds) - came), scene, turn)
    bench.say(f"{scene}: {party}")


def measure(bench):
    turns, seconds = bench.pick("rounds", 1, 2), bench.pick("seconds", 2.2, 5.0)
    kinds = ["pipes"] if bench.is_quick else list(RIVALS)
    rounds_us = int(subprocess.run([bench.helper("calibrate")], capture_output=True, text=True, check=True).stdout)
    bench.put("rounds_us", "tactus", rounds_us)
    scenes = [(20, 25), (2, 100)] + ([] if bench.is_quick else [(5, 25), (50, 25), (100, 10), (5, 100)])
    with Node(bench) as node:
        for work_us, rate in scenes:
            scene = scene_of(work_us, rate)
            paths = [service(bench, number, work_us * rounds_us, rate) for number in range(SERVICES)]
            admitted(bench, node, paths)
            for turn in range(turns):
                try_ours(bench, node, scene, turn, paths, seconds)
                # Where half is reached, and where little is won, only pipes are asked.
                for party in kinds if (work_us, rate) in ((20, 25), (2, 100)) else ["pipes"]:
                    run_rival(bench, party, scene, turn, work_us * rounds_us, rate, seconds)

        paths = [talkers_service(bench, number) for number in range(2)]
        admitted(bench, node, paths)
        for turn in range(turns):
            try_ours(bench, node, REAL, turn, paths, seconds)
            run_hosts(bench, turn, seconds)


def row(data, who, scene):
    period_ns = 1_000_000_000 // int(scene.split()[-1])
    turns = data.frames(who, scene)
    delays = [harness.delays_ms([frames]) for frames in turns]
    missing = int(sum(data.each("missing", who, scene))) + harness.missing(turns)
    found = {"scene": scene, "party": who, "frames": sum(map(len, turns)), "missing": missing,
             "late": harness.late(turns, period_ns), "cpu": stats.spread(data.each("cpu_share", who, scene)),
             "switches_per_s": stats.spread(data.each("switches_per_s", who, scene))}
    for name, share in (("p50_ms", 0.5), ("p99_ms", 0.99), ("p999_ms", 0.999)):
        found[name] = stats.spread([stats.quantile(stats.pooled(one), share) for one in delays])
    if who == "tactus":
        found["failed"] = int(sum(data.each("failed", who, scene)))
        found["promised"] = "/".join(str(int(value)) for value in data.each("promised", who, scene)) + (
            " of 2" if scene == REAL else f" of {SERVICES}")
        for what in ("tactusd", "tactus"):
            found["of_" + what] = stats.spread(data.each("cpu_of_" + what, who, scene))
    return found


def cheaper(data, scene):
    """Of pipes, whose chains come together or each by itself, what costs less."""
    known = [who for who in ("pipes", "pipes, own phases") if data.each("cpu_share", who, scene)]
    return min(known, key=lambda who: stats.median(data.each("cpu_share", who, scene)), default="pipes")


def cpu_claim(data, ident, target, scene):
    rival = cheaper(data, scene)
    measured, interval = stats.ratio([[turn] for turn in data.values("cpu_share", "tactus", scene)],
                                     [[turn] for turn in data.values("cpu_share", rival, scene)], stats.median)
    return {**stats.claim(ident, "<=", target, measured, len(data.values("cpu_share", "tactus", scene)), interval),
            "what": f"{scene} frames a second, against {rival}; releases on a grid of 1 ms, groups of chains at least 8 ms apart"}


def halved(data, scenes):
    """The coarsest work at which ours costs at most half of pipes, and the ratio at each."""
    found = {}
    for scene in scenes:
        ours, theirs = (stats.median(data.each("cpu_share", who, scene)) for who in ("tactus", cheaper(data, scene)))
        if ours and theirs:
            found[scene] = round(ours / theirs, 3)
    half = [scene for scene, ratio in found.items() if ratio <= 0.5 and scene != REAL]
    return {"party": "tactus / pipes, CPU", "scene": "; ".join(f"{scene}: {ratio}" for scene, ratio in found.items()),
            "half_at": max(half, key=lambda scene: int(scene.split()[0])) if half else "none of these"}


def judge(data):
    scenes = data.scenes("cpu_share")
    rows = [row(data, who, scene) for scene in scenes for who in data.parties("cpu_share", scene)]
    rows.sort(key=lambda one: scenes.index(one["scene"]))
    ours, theirs = (harness.delays_ms(data.frames(who, COARSE)) for who in ("tactus", "pipes"))
    tail, interval = stats.ratio(ours, theirs, lambda values: stats.quantile(values, 0.999))
    has_lost_more = harness.missing(data.frames("tactus", COARSE)) > sum(data.each("missing", "pipes", COARSE))
    return rows + [halved(data, scenes)], [
        cpu_claim(data, "grain.cpu_pipes_20us", 0.70, COARSE), cpu_claim(data, "grain.cpu_pipes_2us", 0.30, FINE),
        stats.claim("grain.p999_pipes", "<=", 0.10, tail, len(stats.pooled(ours)), interval, is_tail=True,
                    is_void=has_lost_more, why="ours lost frames that pipes did not" if has_lost_more else None),
        cpu_claim(data, "grain.cpu_real", 0.50, REAL)]
