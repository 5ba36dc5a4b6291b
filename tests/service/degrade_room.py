#!/usr/bin/env python3
"""Admission by levels: who does not fit at its best begins below, and goes up, with the reservation for it, when others have gone."""
import json
import math
import os
import signal

from lib import Node, check, skip, wait_for

os.environ["TACTUS_TEST_LEVEL_CALM_MS"] = "700"
SERVICE = """
tactus: 1
service: steps
rate: 60
deadline: 100ms
components:
  cam:  {kind: test.video, params: {width: WIDTH, height: HEIGHT, live: true, pattern: ball}}
  venc: {kind: av.encode, params: {codec: libx264, preset: slower, tune: zerolatency, bitrate: 1M}, degrade: [preset=ultrafast]}
  out:  {kind: "null"}
flows: [cam ! venc ! out]
"""
OTHER = "test.video width=64 height=64 rate=50 ! null spin={spin} deadline=100ms"


# The first of these that has its best level alone: a slower machine has it with smaller pictures.
SIZES = ((960, 540), (640, 360), (320, 180))


def share(plan):
    reserved = plan["reservation"]
    return reserved["budget_ns"] / reserved["period_ns"] if reserved else 0


def least(plan):
    """The share that the plan needs: its headroom is given where there is room, and goes first when there is less."""
    reserved = plan["reservation"]
    headroom = sum(term["value"] for term in plan["terms"] if term["name"] == "headroom")
    return (reserved["budget_ns"] - headroom) / reserved["period_ns"] if reserved else 0


def plan(node, *words):
    return json.loads(node.run("check", *words, "--json", code=None).stdout)


def running(node, name):
    told = json.loads(node.run("top", "--json").stdout)
    for service in told["services"]:
        if service["name"] == name and service["frames"] > 0:
            return service
    return None


def main():
    with Node() as node:
        if node.status()["class"] != "deadline":
            skip("no right to SCHED_DEADLINE here, so nothing is reserved")
        path = node.path("steps.yaml")
        for width, height in SIZES:
            with open(path, "w", encoding="utf-8") as text:
                text.write(SERVICE.replace("WIDTH", str(width)).replace("HEIGHT", str(height)))
            best = plan(node, path)
            if best["admitted"] and best["level"] == 0:
                break
        check(best["admitted"] and best["level"] == 0 and best["levels"] == 1, f"alone it has its best level: {best['binding']}")
        cpus = node.status()["cpus"]
        # Room for the best level alone, some of the limit being kept free, and too little of it beside the other.
        kept = next(term["value"] for term in best["terms"] if term["name"] == "kept free") / 1e6
        limit = math.ceil(100 * (1.03 * least(best) + kept) / cpus)
        node.restart("--limit", str(limit))
        taken = limit / 100 * cpus - kept - 0.95 * least(best)
        others = (OTHER.format(spin=spin) for spin in range(100000, 10000000, 100000))
        other = node.spawn("run", next(words for words in others if least(plan(node, words)) >= taken), "--name", "other",
                           "--for", "60s")
        wait_for(lambda: running(node, "other") or other.poll() is not None, 20, "the other does not start")
        if node.status()["reserved_ppm"] == 0:
            other.kill()
            skip("the kernel's reservations are taken by somebody else")
        below = plan(node, path)
        check(below["admitted"] and below["level"] == 1 and share(below) < least(best),
              f"{least(best)} at best, beside {node.status()['reserved_ppm']} ppm: {below['binding']}")
        check(any(term["name"] == "level" and term["value"] == 1 and term["source"] == "preset=ultrafast" for term in below["terms"]),
              "the arithmetic names no level")
        command = node.spawn("run", path, "--for", "60s", "--json", "--ledger", node.path("steps.ledger"))
        wait_for(lambda: running(node, "steps") or command.poll() is not None, 20, f"it does not start: {node.words()}")
        now = running(node, "steps")
        check(now and now["level"] == 1, f"it began at {now} beside {node.status()['reserved_ppm']}")
        if now["reservation"] is None:
            other.kill()
            command.kill()
            skip("the kernel's reservations are taken by somebody else")
        had = now["reservation"]["budget_ns"] / now["reservation"]["period_ns"]
        other.send_signal(signal.SIGINT)
        other.communicate(timeout=30)
        check(running(node, "steps"), f"it is gone: {command.poll()} {node.run('logs', 'steps').stdout}")
        wait_for(lambda: (running(node, "steps") or {"level": -1})["level"] == 0, 20, f"it does not go up: {node.run('logs', 'steps').stdout}")
        reserved = running(node, "steps")["reservation"]
        check(reserved["budget_ns"] / reserved["period_ns"] > had, f"it went up without the CPU for it: {had} {reserved}")
        command.send_signal(signal.SIGINT)
        out, _ = command.communicate(timeout=30)
        report = json.loads(out)
        # Whether each frame is kept while others come and go is what other tests ask.
        check(report["class"] == "targeted", f"it ended as {report['class']}")


main()
