#!/usr/bin/env python3
"""The painted time code and the ledger agree, frame by frame."""
import json

from lib import Node, check

with Node() as node:
    ledger = node.path("run.ledger")
    report = node.report("test.video", "width=1280", "height=720", "rate=50", "!", "video.scale", "width=640",
                         "height=360", "!", "probe.timecode", "--for", "3s", "--ledger", ledger, code=None)
    told = json.loads(node.run("explain", ledger, "all", "--json").stdout)
    painted = {note["index"]: note["value"] for note in told["notes"] if note["id"] == 1}
    delivered = [frame for frame in told["frames"] if frame["outcome"] != "lost"]
    check(len(told["frames"]) == 150, f"{len(told['frames'])} records for 150 due indices")
    check(len(delivered) >= 135, f"only {len(delivered)} of 150 frames were delivered")
    for frame in delivered:
        index = frame["index"]
        check(painted.get(index) == index, f"frame {index} has the painted index {painted.get(index)}")
    check(report["frames"] == 150, "report and ledger disagree")
