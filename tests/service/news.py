#!/usr/bin/env python3
"""The news example on a clip of its own: a file that players read, audio and video together, nothing unrecorded."""
import json
import os
import shutil
import socket
import subprocess

from camera_server import free_port
from lib import BUILD, Node, check, clip, need, probe

need("ffmpeg", "ffprobe")
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SECONDS = 6


def packets(path, stream):
    shown = probe(path, "-select_streams", stream, "-show_entries", "packet=pts_time,duration_time")["packets"]
    times = sorted(float(p["pts_time"]) for p in shown if "pts_time" in p)
    last = max(float(p["pts_time"]) + float(p.get("duration_time", 0)) for p in shown if "pts_time" in p)
    return times, last


with Node() as node:
    clip(node.path("clip.mp4"), SECONDS + 2)
    subprocess.run([os.path.join(TOP, "tools", "logo"), node.path("logo.png")], check=True)
    shutil.copy(os.path.join(TOP, "examples", "news.yaml"), node.path("news.yaml"))
    out, ledger = node.path("out.mkv"), node.path("run.ledger")
    report = node.report(node.path("news.yaml"), "--set", f"file.url={out}", "--set",
                         f"live.url=srt://127.0.0.1:{free_port(socket.SOCK_DGRAM)}?mode=listener", "--for", f"{SECONDS}s", "--ledger", ledger,
                         code=None, timeout=90)
    shown = probe(out, "-show_streams")["streams"]
    kinds = {stream["codec_type"]: stream for stream in shown}
    check(set(kinds) == {"video", "audio"}, f"the file has {sorted(kinds)}")
    check((kinds["video"]["width"], kinds["video"]["height"]) == (1280, 720), f"the picture is {kinds['video']}")
    video, video_end = packets(out, "v")
    audio, audio_end = packets(out, "a")
    check(video_end >= SECONDS * 0.9, f"only {video_end} s of video")
    check(abs(video[0] - audio[0]) <= 0.020, f"video starts at {video[0]}, audio at {audio[0]}")
    print(f"starts {video[0]} {audio[0]}, ends {video_end} {audio_end}")
    check(abs(video_end - audio_end) <= 0.020, f"video ends at {video_end}, audio at {audio_end}")
    decoded = subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-i", out, "-f", "null", "-"], capture_output=True,
                             text=True, check=False)
    check(decoded.returncode == 0 and not decoded.stderr.strip(), f"ffmpeg complains: {decoded.stderr[:500]}")
    told = json.loads(node.run("explain", ledger, "all", "--sink", "file.video", "--json").stdout)
    # What the ledger calls delivered, an older picture shown again included, is in the file, at its place.
    delivered = [frame["index"] for frame in told["frames"] if frame["outcome"] != "lost"]
    check(len(delivered) == len(video), f"the ledger says {len(delivered)} pictures were delivered, the file has {len(video)}")
    places = [round(at * 24) for at in video]
    check(places == [index - delivered[0] for index in delivered], f"the file has {places}, the ledger {delivered}")
    due = [frame["index"] for frame in told["frames"]]
    check(due == list(range(len(due))), f"due indices without a record: {due}")
    repeated = sum(frame["repeated"] for frame in told["frames"])
    check(repeated == report["sinks"]["file.video"]["repeated"], f"{repeated} repeated frames, the report says "
          f"{report['sinks']['file.video']['repeated']}")
    check(set(report["sinks"]) == {"file.video", "file.audio", "live.video", "live.audio"}, f"{sorted(report['sinks'])}")
