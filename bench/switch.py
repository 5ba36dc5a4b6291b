"""Sandboxed instances in one process: made until the first frame is processed, called in turn, kept idle.

build/bench/sandbox has the run time of sandboxed components as a container has it, without a service around it. What stands for the
component reads and writes 64 bytes of a frame and dirties one page of its state. "made": its state is mapped from a snapshot into a
slot that was prepared, bound, called; "window": the slot and its view of 64 MiB of frames are made in that time, too; "again": the same
slot after a trap. A built-in component is audio.gain: state, init(), open(), process(). "switch": a mean over 1,000 instances, one call
each in turn. Idle: what is the process's alone, and its page tables, after one call each; the kernel's own records (about 1 KiB) are
not in it. Frames lie in pages of 2 MiB where the kernel makes any, as tactusd has it; then the claim counts the page tables of all of them,
which with 4 KiB are 2 KiB a MiB."""
import json
import subprocess

import stats
from harness import Missing

SIZES = (("64k", "64 KiB"), ("1m", "1 MiB"), ("16m", "16 MiB"))
WAYS = (("made_ns", "slot prepared"), ("window_ns", "slot made, too"), ("again_ns", "the same slot again"))
TURN = 200


def measure(bench):
    rounds = bench.pick("rounds", 400, 2000)
    helper = bench.helper("sandbox")
    for turn in range(max(1, int(rounds) // TURN)):
        bench.say(f"turn {turn}: {TURN} instances of each size, 1,000 in turn")
        ran = subprocess.run([helper, str(TURN)], capture_output=True, text=True, check=False, timeout=120)
        if ran.returncode != 0:
            raise Missing(f"the helper failed: {ran.stderr.strip()}")
        told = json.loads(ran.stdout)
        for way, _ in WAYS:
            for size, _ in SIZES:
                for index, value in enumerate(told[way][size]):
                    bench.put(way, "tactus", value, size, turn, index)
        for index, value in enumerate(told["builtin_ns"]):
            bench.put("builtin_ns", "tactus", value, "", turn, index)
        for what in ("switch_ns", "switch_nothing_ns"):
            for index, value in enumerate(told["thousand"][what]):
                bench.put(what, "tactus", value, "", turn, index)
        for what in ("thousand", "filled"):
            bench.put("idle_bytes", "tactus", told[what]["idle_bytes"], what, turn)
        bench.put("page_bytes", "tactus", told["pool_page_bytes"], "", turn)


def turns(data, what, size, length, unit):
    values = [value / unit for value in data.each(what, "tactus", size)]
    return [[values[at + n:at + n + length // 10] for n in range(0, length, length // 10)] for at in range(0, len(values), length)]


def tail(values):
    return stats.quantile(values, 0.99)


def judge(data):
    rows, claims = [], []
    medians, tails = {}, {}
    for way, words in WAYS:
        for size, named in SIZES:
            rounds = turns(data, way, size, TURN, 1e3)
            values = stats.pooled(rounds)
            medians[way, size], tails[way, size] = stats.single(rounds, stats.median), stats.single(rounds, tail)
            rows.append({"what": f"made, {words}", "state": named, "n": len(values), "p50_us": medians[way, size][0],
                         "p99_us": tails[way, size][0], "max_us": max(values) if values else None})
    rounds = turns(data, "builtin_ns", "", TURN, 1e3)
    built, n_built = stats.single(rounds, stats.median), len(stats.pooled(rounds))
    rows.append({"what": "made, built in", "state": "audio.gain", "n": n_built, "p50_us": built[0], "p99_us": tail(stats.pooled(rounds))})
    for what, words in (("switch_nothing_ns", "one of 1,000, empty"), ("switch_ns", "one of 1,000, a frame and a page of state")):
        values = [value / 1e3 for value in data.each(what, "tactus", "")]
        rows.append({"what": words, "state": "64 KiB", "n": len(values), "p50_us": stats.median(values), "p99_us": tail(values),
                     "max_us": max(values) if values else None})
    page = stats.median(data.each("page_bytes", "tactus", "")) or 4096
    pages = "2 MiB" if page > 4096 else "4 KiB"
    idle = {}
    for what, words in (("thousand", "idle KiB"), ("filled", "idle KiB, tables of 64 MiB of frames filled")):
        idle[what] = stats.median([value / 1024 for value in data.each("idle_bytes", "tactus", what)])
        rows.append({"what": words, "state": "64 KiB", "n": 1000, "kib": idle[what], "frame_pages": pages})
    for size, _ in SIZES:
        n = len(data.each("made_ns", "tactus", size))
        worst = max((medians[way, size] for way in ("made_ns", "window_ns")), key=lambda found: found[0] or 0)
        worst_tail = max((tails[way, size] for way in ("made_ns", "window_ns")), key=lambda found: found[0] or 0)
        claims += [stats.claim(f"start.sandbox_us_{size}", "<=", 50, worst[0], n, worst[1]),
                   stats.claim(f"start.sandbox_p99_us_{size}", "<=", 150, worst_tail[0], n, worst_tail[1])]
    rounds = turns(data, "switch_ns", "", 20, 1e3)
    switch = stats.single(rounds, stats.median)
    claims += [stats.claim("start.builtin_us", "<=", 20, built[0], n_built, built[1]),
               stats.claim("switch.us", "<=", 0.5, switch[0], len(stats.pooled(rounds)), switch[1]),
               stats.claim("idle.kib", "<=", 28, idle["filled"], 1000) if page > 4096 else stats.claim("idle.kib", "<=", 36, idle["thousand"], 1000)]
    return rows, claims
