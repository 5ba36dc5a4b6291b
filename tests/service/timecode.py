#!/usr/bin/env python3
"""The painted time code, and its twin in sound, agree with the ledger, frame by frame."""
import json

from lib import Node, check


def compare(node, graph, rate, seconds=3):
    """Each frame that was delivered carries the index that the ledger gives it."""
    ledger, due = node.path("run.ledger"), rate * seconds
    report = node.report(*graph.split(), "--for", f"{seconds}s", "--ledger", ledger, code=None)
    told = json.loads(node.run("explain", ledger, "all", "--json").stdout)
    read = {note["index"]: note["value"] for note in told["notes"] if note["id"] == 1}
    delivered = [frame for frame in told["frames"] if frame["outcome"] != "lost"]
    check(len(told["frames"]) == due, f"{len(told['frames'])} records for {due} due indices: {graph}")
    # A busy machine may lose some; what came must be most, so that it shows something.
    check(len(delivered) >= 0.5 * due, f"only {len(delivered)} of {due} frames were delivered: {graph}")
    for frame in delivered:
        index = frame["index"]
        check(read.get(index) == index, f"frame {index} carries the index {read.get(index)}: {graph}")
    check(len(read) == len(delivered), f"{len(read)} time codes were read from {len(delivered)} frames: {graph}")
    check(report["frames"] == due, f"the report has {report['frames']} of {due} frames: {graph}")


with Node() as node:
    compare(node, "test.video width=1280 height=720 rate=50 ! video.scale width=640 height=360 ! probe.timecode", 50)
    compare(node, "test.audio timecode=true ! probe.timecode", 100)
