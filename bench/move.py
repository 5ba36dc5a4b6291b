"""A sandboxed component's state moves between two processes over TCP on loopback.

The engine room of `tactus move`, without a service around it: slots, page marks, snapshot stream and the move's step
functions as Tactus has them (build/bench/mover). Down-time: from the last boundary at the source until the target has processed
its first frame. Both have the component's image. What stands for the component writes to so many pages of its state in each
frame; an index that were lost or came twice, or a state that were another than that of an instance that never moved, ends the
bench."""
import subprocess

import stats
from harness import Missing

# name, KiB of state, pages that a frame writes to, target of the median in us (None: for comparison)
SCENES = (("64k", 64, 2, 60), ("1m", 1024, 3, 200), ("1m_10", 1024, 26, None), ("16m_1", 16384, 41, None), ("16m", 16384, 410, 1500))
ROUND = 20


def measure(bench):
    moves, period_us = bench.pick("moves", 60, 1000), bench.pick("period_us", 10000, 10000)
    helper = bench.helper("mover")
    for turn in range(int(moves) // ROUND):
        for name, kib, pages, _ in SCENES:
            bench.say(f"turn {turn}: {kib} KiB, {pages} pages a frame")
            ran = subprocess.run([helper, str(kib), str(pages), str(int(period_us)), str(ROUND)], capture_output=True, text=True,
                                 check=False, timeout=120)
            lines = [line.split() for line in ran.stdout.splitlines()]
            if ran.returncode != 0 or len(lines) != ROUND + 1:
                raise Missing(f"a move failed: {ran.stderr.strip()}")
            for index, words in enumerate(lines[:-1]):
                for what, word in zip(("down_ns", "whole_ns", "rounds", "bytes", "delta_pages"), words):
                    bench.put(what, "tactus", word, name, turn, index)
            bench.put("frames", "tactus", lines[-1][1], name, turn)
            bench.put("wrong_states", "tactus", 1 - int(lines[-1][2]), name, turn)


def judge(data):
    rows, claims, lost = [], [], 0.0
    for name, kib, pages, target in SCENES:
        downs = data.each("down_ns", "tactus", name)
        if not downs:
            continue
        rounds = [[[value / 1e3 for value in downs[n:n + 10]] for n in range(at, at + ROUND, 10)] for at in range(0, len(downs), ROUND)]
        measured, ci95 = stats.single(rounds, stats.median)
        lost += sum(data.each("wrong_states", "tactus", name))
        rows.append({"state_kib": kib, "pages_a_frame": pages, "moves": len(downs), "down_p50_us": measured,
                     "down_p99_us": stats.quantile(downs, 0.99) / 1e3, "down_max_us": max(downs) / 1e3,
                     "whole_p50_ms": stats.median(data.each("whole_ns", "tactus", name)) / 1e6,
                     "rounds": stats.median(data.each("rounds", "tactus", name)),
                     "last_delta_pages": stats.median(data.each("delta_pages", "tactus", name)),
                     "kib_sent": stats.median(data.each("bytes", "tactus", name)) / 1024})
        if target is not None:
            claims.append(stats.claim(f"move.down_{name}_us", "<=", target, measured, len(downs), ci95))
    moves = sum(row["moves"] for row in rows)
    claims.append(stats.claim("move.lost", "=", 0, lost if rows else None, moves))
    return rows, claims
