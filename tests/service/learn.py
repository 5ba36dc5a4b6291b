#!/usr/bin/env python3
"""A service whose input is given once (a pipe, a camera, a network) is measured by its own runs: the next one is promised."""
import json
import os
import threading
import time

from lib import Node, check, skip

RATE, WIDTH, HEIGHT = 100, 64, 48
GRAPH = f"raw.capture url=FIFO width={WIDTH} height={HEIGHT} rate={RATE} ! null"


def feed(path, count):
    """A camera: frames at their pace."""
    with open(path, "wb", buffering=0) as fifo:
        began = time.monotonic()
        for number in range(count):
            time.sleep(max(0.0, began + number / RATE - time.monotonic()))
            try:
                fifo.write(bytes(WIDTH * HEIGHT * 3 // 2))
            except BrokenPipeError:
                return


with Node() as node:
    if node.status()["class"] != "deadline":
        skip("nothing is promised without the right to SCHED_DEADLINE")
    fifo = node.path("fifo")
    os.mkfifo(fifo)
    graph = GRAPH.replace("FIFO", fifo)
    before = json.loads(node.run("check", graph, "--json", code=None).stdout)
    check(before["class"] == "best-effort" and "learning 0" in before["class_reason"], f"{before['class_reason']}")
    camera = threading.Thread(target=feed, args=(fifo, 440), daemon=True)
    camera.start()
    report = node.report(graph, "--for", "4s", code=None, timeout=30)
    check(report["promised"] is None, "a run that learns promises nothing")
    after = json.loads(node.run("check", graph, "--json", code=None).stdout)
    check(after["class"] == "targeted", f"{after['class']}: {after['class_reason']}")
    check(after["reservation"] is not None, "what is promised is reserved")
