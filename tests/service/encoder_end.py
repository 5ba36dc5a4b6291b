#!/usr/bin/env python3
"""A finite live run through an encoder that looks ahead: all its pictures reach the file, and the ledger says so.

A busy machine may cost a picture on its way into the encoder; none is lost behind it, where 40 come at once."""
from lib import Node, check, need, probe

need("ffprobe")

with Node() as node:
    out = node.path("out.mkv")
    report = node.report("test.video width=320 height=180 rate=50 ! av.encode codec=libx264 preset=medium ! "
                         f"av.write url={out}", "--for", "2s", "--deadline", "200ms", "--no-profile", "--best-effort",
                         code=None)
    shown = probe(out, "-count_packets", "-show_entries", "stream=nb_read_packets")["streams"][0]
    packets = int(shown["nb_read_packets"])
    check(report["frames"] == 100, f"the ledger knows {report['frames']} of 100 pictures: {report}")
    check(report["causes"].get("edge", 0) == 0, f"the drain lost pictures: {report}")
    check(packets == 100 - report["lost"], f"{packets} pictures are in the file, not what the ledger says: {report}")
    check(packets > 60, f"of 100 pictures {packets} are in the file: {report}")
