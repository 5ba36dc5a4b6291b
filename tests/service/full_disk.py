#!/usr/bin/env python3
"""A disk that fills up: one sentence while it runs, an event in the ledger, and the file up to there plays."""
import json
import os
import subprocess
import sys

from lib import BUILD, Node, check, need, skip

need("ffmpeg", "ffprobe", "unshare", "mount")
if os.geteuid() != 0:
    skip("mounting a small disk needs root")
if "TACTUS_INSIDE" not in os.environ:
    ran = subprocess.run(["unshare", "--mount", sys.executable, os.path.abspath(__file__), BUILD],
                         env=dict(os.environ, TACTUS_INSIDE="1"), check=False)
    sys.exit(ran.returncode)


def fill(node, out, graph):
    """Runs into the full disk; what the ledger then says."""
    ledger = node.path("run.ledger")
    ran = node.run("run", f"test.video width=640 height=360 rate=25 ! {graph}{out}", "--for", "3s", "--no-profile",
                   "--best-effort", "--ledger", ledger, code=None)
    words = " ".join(ran.stderr.split())
    sentence = "No space left on device; the file up to here plays, what follows is discarded"
    check(words.count("No space left") == 1, f"{words.count('No space left')} words of the full disk: {ran.stderr}")
    check(sentence in words and os.path.basename(out) in words, f"the full disk is not named: {ran.stderr}")
    told = json.loads(node.run("explain", ledger, "all", "--json").stdout)
    check([event for event in told["events"] if sentence in event.get("text", "")],
          f"the ledger does not say that the disk was full: {told['events']}")
    frames = told["frames"]
    sent = [frame["sent_ns"] for frame in frames if frame.get("sent_ns")]
    check(0 < len(sent) < len(frames), f"{len(sent)} of {len(frames)} frames count as sent, though the disk was full")
    return frames


with Node() as node:
    disk = node.path("disk")
    os.mkdir(disk)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100k", "none", disk], check=True)
    try:
        out = os.path.join(disk, "out.mkv")
        fill(node, out, "av.encode codec=libx264 preset=ultrafast tune=zerolatency bitrate=20M gop=1 ! av.write url=")
        shown = subprocess.run(["ffprobe", "-v", "quiet", "-count_packets", "-show_entries", "stream=nb_read_packets", "-of",
                                "csv=p=0", out], capture_output=True, text=True, check=True)
        check(int(shown.stdout.strip().strip(",") or 0) > 10, f"the file does not play: {shown.stdout}")
        os.unlink(out)

        out = os.path.join(disk, "out.raw")
        fill(node, out, "video.scale width=160 height=90 ! raw.write url=")
    finally:
        subprocess.run(["umount", "-l", disk], check=False)
