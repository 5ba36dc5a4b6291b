"""S4: from the request to the first picture at the reader, cold and warm, beside gst-launch, ffmpeg and GStreamer in process."""
import json
import os
import socket
import subprocess
import time

import pictures
import stats
from node import Node

WIDTH, HEIGHT = 640, 360
BYTES = WIDTH * HEIGHT * 3 // 2
SERVICE = "test.video width=1280 height=720 rate=50 ! video.scale width=640 height=360 method=bilinear"
OURS, LONG = SERVICE + " ! raw.write url=-", SERVICE + " ! video.convert" * 5 + " ! raw.write url=-"
CODED = SERVICE + " ! av.encode codec=libx264 preset=ultrafast tune=zerolatency ! av.decode ! raw.write url=-"
GST = ("videotestsrc {}! video/x-raw,format=I420,width=1280,height=720,framerate=50/1 ! videoscale ! "
       "video/x-raw,width=640,height=360")
X264 = " ! x264enc speed-preset=ultrafast tune=zerolatency threads=1 ! avdec_h264 max-threads=1"
FFMPEG = ["ffmpeg", "-v", "error", "-nostdin", "-f", "lavfi", "-i", "testsrc2=s=1280x720:r=50", "-vf", "scale=640:360",
          "-frames:v", "1", "-pix_fmt", "yuv420p", "-f", "rawvideo", "-"]


def read_first(fd):
    left = BYTES
    while left > 0:
        got = os.read(fd, left)
        if not got:
            raise RuntimeError("it ended before its first picture")
        left -= len(got)
    return time.monotonic_ns()


def by_command(words, env=None):
    """A process is started; the first whole picture on its stdout ends the time."""
    ends = pictures.pipe()
    began_ns = time.monotonic_ns()
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=ends[1], stderr=subprocess.DEVNULL, env=env)
    os.close(ends[1])
    try:
        return read_first(ends[0]) - began_ns
    finally:
        os.close(ends[0])
        process.send_signal(2)
        pictures.wait_all([process], 10)
        pictures.end_all([process])


def by_socket(node, graph):
    """A client that is there already asks tactusd, and gives it the pipe to write to."""
    ends = pictures.pipe()
    request = {"op": "run", "form": "graph", "text": graph, "base": node.bench.folder, "profile": False, "best_effort": False,
               "deadline": "40ms", "fds": ["stdout"]}
    began_ns = time.monotonic_ns()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.connect(node.socket)
        socket.send_fds(client, [json.dumps(request).encode() + b"\n"], [ends[1]])
        os.close(ends[1])
        try:
            took_ns = read_first(ends[0]) - began_ns
            client.sendall(b'{"op":"stop"}\n')
        finally:
            os.close(ends[0])
        while client.recv(65536):
            pass
    return took_ns


def warm_gst(bench, pipeline, rounds):
    ran = subprocess.run([bench.helper("gststart"), str(rounds), pipeline + " ! fakesink name=sink sync=false"],
                         capture_output=True, text=True, check=True)
    return [int(line) for line in ran.stdout.split()]


def measure(bench):
    bench.need("gst-launch-1.0", "ffmpeg")
    rounds = bench.pick("rounds", 20, 200)
    with Node(bench) as node:
        for graph in (OURS, CODED, LONG):
            node.command("check", graph, "--deadline", "40ms", check=False)  # costs are known before
        cold = {
            "tactus, socket": lambda: by_socket(node, OURS),
            "gst-launch": lambda: by_command(["gst-launch-1.0", "-q", *GST.format("num-buffers=1 ").split(), "!", "fdsink",
                                              "sync=false"]),
            "tactus, command": lambda: by_command(node.words("run", OURS, "--quiet", "--no-profile", "--deadline", "40ms"), node.env),
            "ffmpeg": lambda: by_command(FFMPEG),
            "tactus, socket, x264": lambda: by_socket(node, CODED),
            "gst-launch, x264": lambda: by_command(["gst-launch-1.0", "-q", *(GST.format("num-buffers=1 ") + X264).split(), "!",
                                                    "fdsink", "sync=false"]),
            "tactus, socket, 8 components": lambda: by_socket(node, LONG),
        }
        for turn in range(rounds):
            if turn % 10 == 0:
                bench.say(f"round {turn + 1} of {rounds}")
            for who, how in cold.items():
                bench.put("start_ns", who, how(), turn=turn)
        bench.say("GStreamer, warm in process")
        for who, pipeline in (("gstreamer, warm", GST.format("")), ("gstreamer, warm, x264", GST.format("") + X264)):
            for turn, took_ns in enumerate(warm_gst(bench, pipeline, rounds)):
                bench.put("start_ns", who, took_ns, turn=turn)


def judge(data):
    rows = []
    for who in data.parties("start_ns"):
        took = [value / 1e6 for value in data.each("start_ns", who)]
        rows.append({"party": who, "rounds": len(took), "p50_ms": stats.quantile(took, 0.5), "p99_ms": stats.quantile(took, 0.99),
                     "min_ms": min(took), "max_ms": max(took)})
    sides = [[[turn] for turn in data.values("start_ns", who)] for who in ("tactus, socket", "gst-launch")]
    measured, interval = stats.ratio(*sides, stats.median)
    return rows, [stats.claim("start.cold", "<=", 0.5, measured, len(data.each("start_ns", "tactus, socket")), interval)]
