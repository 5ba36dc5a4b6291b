#!/usr/bin/env python3
"""The thumbnail example end to end: a record for each due index, a ledger that is intact, an order in it."""
import json

from lib import Node, check

GRAPH = ["test.video", "width=1280", "height=720", "rate=50", "!", "video.scale", "width=640", "height=360", "!", "null"]

with Node() as node:
    ledger = node.path("run.ledger")
    report = node.report(*GRAPH, "--deadline", "40ms", "--for", "2s", "--ledger", ledger, code=None)
    check(report["frames"] == 100, f"100 indices were due, the report has {report['frames']}")
    check(report["on_time"] + report["late"] + report["lost"] == report["frames"], f"the counts do not add up: {report}")
    ours = report["late_ours"]  # without a reservation other programs are among what is ours
    check(report["on_time"] > 0 and (ours <= 10 or report["class"] != "targeted"), f"{ours} of 100 frames are late by our cause")
    check(report["delay_ns"]["p50"] <= report["delay_ns"]["p99"] <= report["delay_ns"]["max"], "percentiles out of order")
    check(report["ledger_head"], "no head of the ledger")
    proof = json.loads(node.run("prove", ledger, "--head", report["ledger_head"], "--json").stdout)
    check(proof["verdict"] == "intact", f"prove says {proof}")
    node.run("explain", ledger)
    life = node.run("explain", ledger, "7").stdout
    check("scale" in life, f"the life of frame 7 does not name the scaler:\n{life}")
    node.run("prove", ledger, "--head", "00" * 32, code=1)
    with open(ledger, "r+b") as file:
        file.seek(2000)
        byte = file.read(1)
        file.seek(2000)
        file.write(bytes([byte[0] ^ 1]))
    node.run("prove", ledger, code=1)
