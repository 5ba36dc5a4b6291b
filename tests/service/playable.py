#!/usr/bin/env python3
"""Everything of the service killed in the middle: the file is still playable."""
import os
import signal
import time

from lib import Node, check, need, probe, seeded, wait_for

need("ffprobe")
random = seeded()

with Node() as node:
    for n, ending in enumerate(("mkv", "mp4", "mkv")):
        out = node.path(f"out{n}.{ending}")
        command = node.spawn("run", "test.video width=640 height=360 rate=50 ! av.encode codec=libx264 preset=ultrafast "
                             f"tune=zerolatency bitrate=2M gop=25 ! av.write url={out}", "--for", "30s", "--no-profile",
                             "--best-effort", "--quiet")
        wait_for(lambda: os.path.exists(out) and os.path.getsize(out) > 60000, 20, "no file grows")
        time.sleep(random.random())
        for pid in node.processes("edge") + node.processes("container"):
            os.kill(pid, signal.SIGKILL)
        node.daemon.kill()
        node.daemon.wait()
        command.communicate(timeout=20)
        shown = probe(out, "-count_packets", "-show_entries", "stream=nb_read_packets")["streams"][0]
        check(int(shown["nb_read_packets"]) > 20, f"{out}: {shown}")
        node.start()
