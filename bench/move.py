"""A component's state moves from container to container of a service that runs: how long it stands still, and whether anything is lost.

The service has frames every 10 ms, a container for pictures and one for sound. A sandboxed component (tests/service/keeper.c) that keeps
so many KiB and reads and writes so many pages of it with each frame goes to and fro by `tactus move`; its twin in the same service stays.
Down-time is tactusd's: from the last boundary at the source until the target's worker could run it, by the one clock that both read. What
the component says of its state with each frame must be what its twin says, at each index, once; and no frame may be late by us.

Beside it, for comparison: the same state between two processes over TCP, without a service around it (build/bench/mover)."""
import json
import os
import shutil
import signal
import subprocess
import time

import stats
from harness import OURS, OUT, Missing
from node import Node

# name, KiB of state, pages that a frame writes to, target of the median in us (None: for comparison)
SCENES = (("64k", 64, 2, 60), ("1m", 1024, 3, 200), ("1m_10", 1024, 26, None), ("16m_1", 16384, 41, None), ("16m", 16384, 410, 1500))
ROUND, SAYS = 20, (1001, 1002)
TEXT = """tactus: 1
service: {name}
rate: 100
deadline: 200ms
components:
  cam:   {{kind: test.video, params: {{width: 64, height: 64}}}}
  moved: {{kind: ./keeper.tactus, params: {{kib: {kib}, pages: {pages}}}}}
  twin:  {{kind: ./keeper.tactus, params: {{kib: {kib}, pages: {pages}}}}}
  album: {{kind: "null"}}
  other: {{kind: "null"}}
  tone:  {{kind: test.audio, params: {{quantum: 240}}}}
  pcm:   {{kind: "null"}}
flows: [cam ! moved ! album, cam ! twin ! other, tone ! pcm]
"""


def start(bench, node, name, kib, pages):
    path, ledger = bench.path(f"{name}.yaml"), bench.path(f"{name}.ledger")
    with open(path, "w", encoding="utf-8") as file:
        file.write(TEXT.format(name=name, kib=kib, pages=pages))
    if os.path.exists(ledger):
        os.remove(ledger)
    running = node.spawn("run", path, "--quiet", "--ledger", ledger)
    end = time.monotonic() + 30
    while running.poll() is None and time.monotonic() < end:
        services = json.loads(node.command("top", "--json").stdout)["services"]
        if services and services[0]["frames"] > 0:
            return running, ledger
        time.sleep(0.05)
    running.kill()
    raise Missing(f"the service of {kib} KiB does not run")


def wrong(told):
    """Frames lost or late by us, indices lost or twice, and those at which its state was another than its twin's."""
    notes = {(component, number): [] for component in ("moved", "twin") for number in SAYS}
    for note in told["notes"]:
        if (note["component"], note["id"]) in notes:
            notes[note["component"], note["id"]].append((note["index"], note["value"]))
    ours = sum(frame["outcome"] != "on_time" and frame["cause"] in OURS for frame in told["frames"])
    lost = sum(frame["outcome"] == "lost" for frame in told["frames"] if frame["cause"] not in OURS)
    states = sum(len(set(notes["moved", number]) ^ set(notes["twin", number])) + len(notes["moved", number]) -
                 len(set(notes["moved", number])) for number in SAYS)
    return ours, lost, states


def move_service(bench, node, turn, scene):
    name, kib, pages, _ = scene
    running, ledger = start(bench, node, "keep" + name, kib, pages)
    for index in range(ROUND):
        told = json.loads(node.command("move", "keep" + name, "moved", ("audio", "video")[index % 2], "--json").stdout)
        for what in ("down_ns", "whole_ns", "rounds", "bytes", "pages"):
            bench.put(what, "tactus", told[what], name, turn, index)
        time.sleep(0.013)
    running.send_signal(signal.SIGINT)
    running.wait(timeout=60)
    ours, lost, states = wrong(node.explain(ledger))
    for what, value in (("ours", ours), ("lost", lost), ("wrong_states", states)):
        bench.put(what, "tactus", value, name, turn)
    if ours or lost or states:
        kept = os.path.join(OUT, f"move-{turn}.ledger")
        shutil.move(ledger, kept)
        bench.say(f"turn {turn}: {ours} late or lost by us, {lost} lost otherwise, {states} states differ: tactus explain {kept}")
    else:
        os.remove(ledger)


def move_bare(bench, turn, scene):
    name, kib, pages, _ = scene
    ran = subprocess.run([bench.helper("mover"), str(kib), str(pages), "10000", str(ROUND)], capture_output=True, text=True, check=False,
                         timeout=120)
    lines = [line.split() for line in ran.stdout.splitlines()]
    if ran.returncode != 0 or len(lines) != ROUND + 1 or lines[-1][2] != "1":
        raise Missing(f"a move failed: {ran.stderr.strip()}")
    for index, words in enumerate(lines[:-1]):
        bench.put("down_ns", "bare", words[0], name, turn, index)
        bench.put("whole_ns", "bare", words[1], name, turn, index)


def measure(bench):
    bench.need("clang", "wasm2c")
    turns = int(bench.pick("moves", 60, 1000)) // ROUND
    # The key of this bench's packages is its own.
    os.environ.update(XDG_STATE_HOME=bench.path("home"), XDG_CACHE_HOME=bench.path("home"))
    with Node(bench) as node:
        node.command("build", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "service", "keeper.c"), "-o",
                     bench.path("keeper.tactus"), "--quiet")
        for turn in range(turns):
            scene = SCENES[turn % len(SCENES)]
            bench.say(f"turn {turn}: {scene[1]} KiB, {scene[2]} pages a frame")
            move_service(bench, node, turn, scene)
            move_bare(bench, turn, scene)


def row(data, who, scene):
    name, kib, pages, _ = scene
    downs = data.each("down_ns", who, name)
    if not downs:
        return None
    told = {"who": {"tactus": "a service", "bare": "two processes"}[who], "state_kib": kib, "pages_a_frame": pages, "moves": len(downs),
            "down_p50_us": stats.median(downs) / 1e3, "down_p99_us": stats.quantile(downs, 0.99) / 1e3, "down_max_us": max(downs) / 1e3,
            "whole_p50_ms": stats.median(data.each("whole_ns", who, name)) / 1e6}
    if who == "tactus":
        told.update(rounds=stats.median(data.each("rounds", who, name)), last_delta_pages=stats.median(data.each("pages", who, name)),
                    kib_sent=stats.median(data.each("bytes", who, name)) / 1024)
    return told


def judge(data):
    rows = [told for who in ("tactus", "bare") for scene in SCENES if (told := row(data, who, scene))]
    claims, lost, moves = [], 0.0, 0
    for scene in SCENES:
        name, target = scene[0], scene[3]
        downs = data.each("down_ns", "tactus", name)
        lost += sum(sum(data.each(what, "tactus", name)) for what in ("ours", "lost", "wrong_states"))
        moves += len(downs)
        if downs and target is not None:
            rounds = [[[value / 1e3 for value in downs[n:n + 10]] for n in range(at, at + ROUND, 10)] for at in range(0, len(downs), ROUND)]
            measured, ci95 = stats.single(rounds, stats.median)
            claims.append(stats.claim(f"move.down_{name}_us", "<=", target, measured, len(downs), ci95))
    claims.append(stats.claim("move.lost", "=", 0, lost if moves else None, moves))
    return rows, claims
