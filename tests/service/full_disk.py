#!/usr/bin/env python3
"""A disk that fills up: a named error, and the file up to there plays."""
import os
import subprocess
import sys

from lib import BUILD, Node, check, clip, need, probe, skip

need("ffmpeg", "ffprobe", "unshare", "mount")
if os.geteuid() != 0:
    skip("mounting a small disk needs root")
if "TACTUS_INSIDE" not in os.environ:
    ran = subprocess.run(["unshare", "--mount", sys.executable, os.path.abspath(__file__), BUILD],
                         env=dict(os.environ, TACTUS_INSIDE="1"), check=False)
    sys.exit(ran.returncode)

with Node() as node:
    disk = node.path("disk")
    os.mkdir(disk)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k", "none", disk], check=True)
    try:
        out = os.path.join(disk, "out.mkv")
        ran = node.run("run", "test.video width=1280 height=720 rate=25 ! av.encode codec=libx264 preset=ultrafast "
                       f"tune=zerolatency bitrate=4M gop=25 ! av.write url={out}", "--for", "5s", "--no-profile",
                       "--best-effort", code=None)
        check("No space left" in ran.stderr or "disk" in ran.stderr.lower(), f"no word of the full disk: {ran.stderr}")
        shown = subprocess.run(["ffprobe", "-v", "quiet", "-count_packets", "-show_entries", "stream=nb_read_packets", "-of",
                                "csv=p=0", out], capture_output=True, text=True, check=True)
        check(int(shown.stdout.strip().strip(",") or 0) > 10, f"the file does not play: {shown.stdout}")
    finally:
        subprocess.run(["umount", "-l", disk], check=False)
