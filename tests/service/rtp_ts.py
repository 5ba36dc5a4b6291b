#!/usr/bin/env python3
"""MPEG-TS over RTP (RFC 2250): ffmpeg sends it to av.read, av.write passes it on, ffmpeg decodes what comes."""
import signal
import subprocess
import time

from lib import SLOW, Node, check, need
from rtp_peer import free_ports

need("ffmpeg", "ffprobe")
with Node() as node:
    here, there = free_ports(2)
    sender = subprocess.Popen(
        ["ffmpeg", "-v", "quiet", "-nostdin", "-re", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=25", "-c:v", "libx264", "-preset",
         "ultrafast", "-tune", "zerolatency", "-g", "5", "-f", "rtp_mpegts", f"rtp://127.0.0.1:{here}"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    command = None
    try:
        command = node.spawn("run", f"av.read url=rtp://127.0.0.1:{here} live=true probe=2s name=r r.video ! "
                             f"av.write url=rtp://127.0.0.1:{there}", "--for", "60s", "--no-profile", "--quiet", "--ledger",
                             node.path("ts.ledger"))
        time.sleep(0.2)
        subprocess.run(["ffmpeg", "-v", "quiet", "-nostdin", "-y", "-analyzeduration", "300k", "-i", f"rtp://127.0.0.1:{there}", "-t",
                        "1", "-c", "copy", node.path("seen.mkv")], check=True, timeout=30 * SLOW)
    finally:
        if command:
            command.send_signal(signal.SIGINT)
            command.communicate(timeout=20 * SLOW)
        sender.kill()
        sender.wait()
    ran = subprocess.run(["ffprobe", "-v", "error", "-count_frames", "-show_entries", "stream=codec_name,nb_read_frames", "-of",
                          "csv=p=0", node.path("seen.mkv")], capture_output=True, text=True, check=True)
    name, count = ran.stdout.strip().split(",")[:2]
    check(name == "h264" and 20 <= int(count) <= 30, f"a second of TS over RTP decodes as {ran.stdout} {ran.stderr}")
