"""S4: from the request to the first picture at the reader, cold and warm, beside gst-launch, ffmpeg and GStreamer in process; and
what of it is tactusd's, to the first frame that a sink in the container has."""
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
INSIDE = "test.video width=320 height=180 rate=50 ! null"
COUNTED = {
    "tactus, socket": "a client that is there connects; to the whole first picture out of its pipe: container, edge, reader",
    "tactus, command": "exec of `tactus run`; to the whole first picture on its stdout",
    "tactus, command, 8 components": "the same with eight components on a warm node",
    "tactus, request": "before connect(); to the first frame at a sink in the container, by the kernel's clock: asking, meaning, "
                       "admission, memory, process, reservation, go",
    "tactus, parked container": "the same without the part before the first process is sent for: taken from those that wait, told of "
                                "its service, the plan meanwhile, set up, its reservation made, go, frame",
}
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
    words = json.dumps(request).encode() + b"\n"
    began_ns = time.monotonic_ns()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.connect(node.socket)
        socket.send_fds(client, [words], [ends[1]])
        os.close(ends[1])
        try:
            took_ns = read_first(ends[0]) - began_ns
            client.sendall(b'{"op":"stop"}\n')
        finally:
            os.close(ends[0])
        while client.recv(65536):
            pass
    return took_ns


def by_request(node, graph):
    """To the first delivery as the container's memory tells: no reader is waited for. Both times in ns."""
    request = {"op": "run", "form": "graph", "text": graph, "base": node.bench.folder, "profile": False, "best_effort": False,
               "deadline": "40ms"}
    words, told = json.dumps(request).encode() + b"\n", b""
    began_ns = time.monotonic_ns()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.connect(node.socket)
        client.sendall(words)
        started = None
        while got := client.recv(65536):
            told += got
            lines = told.split(b"\n")
            told = lines.pop()
            for event in map(json.loads, lines):
                if event.get("event") == "started" and not started:
                    started = event
                    client.sendall(b'{"op":"stop"}\n')
    if not started or not started["first_frame_at_ns"]:
        raise RuntimeError("it ended before its first frame")
    return started["first_frame_at_ns"] - began_ns, started["spawned_ns"]


def warm_gst(bench, pipeline, rounds):
    ran = subprocess.run([bench.helper("gststart"), str(rounds), pipeline + " ! fakesink name=sink sync=false"],
                         capture_output=True, text=True, check=True)
    return [int(line) for line in ran.stdout.split()]


def measure(bench):
    bench.need("gst-launch-1.0", "ffmpeg")
    rounds, starts = bench.pick("rounds", 15, 60), bench.pick("starts", 60, 600)
    pause_s = bench.pick("pause_ms", 120, 120) / 1000  # for tactusd to have its spare processes and memory again
    with Node(bench) as node:
        for graph in (OURS, CODED, LONG, INSIDE):
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
            "tactus, command, 8 components": lambda: by_command(
                node.words("run", LONG, "--quiet", "--no-profile", "--deadline", "40ms"), node.env),
        }
        for turn in range(rounds):
            if turn % 10 == 0:
                bench.say(f"round {turn + 1} of {rounds}")
            for who, how in cold.items():
                time.sleep(pause_s)
                bench.put("start_ns", who, how(), turn=turn)
        for turn in range(starts):
            if turn % 100 == 0:
                bench.say(f"start {turn + 1} of {starts}")
            time.sleep(pause_s)
            took_ns, spawned_ns = by_request(node, INSIDE)
            bench.put("start_ns", "tactus, request", took_ns, turn=turn)
            bench.put("start_ns", "tactus, parked container", spawned_ns, turn=turn)
        bench.say("GStreamer, warm in process")
        for who, pipeline in (("gstreamer, warm", GST.format("")), ("gstreamer, warm, x264", GST.format("") + X264)):
            for turn, took_ns in enumerate(warm_gst(bench, pipeline, rounds)):
                bench.put("start_ns", who, took_ns, turn=turn)


def judge(data):
    rows = []
    for who in data.parties("start_ns"):
        took = [value / 1e6 for value in data.each("start_ns", who)]
        rows.append({"party": who, "rounds": len(took), "p50_ms": stats.quantile(took, 0.5), "p99_ms": stats.quantile(took, 0.99),
                     "min_ms": min(took), "max_ms": max(took), "counted": COUNTED.get(who, "")})
    sides = [[[turn] for turn in data.values("start_ns", who)] for who in ("tactus, socket", "gst-launch")]
    measured, interval = stats.ratio(*sides, stats.median)
    claims = [stats.claim("start.cold", "<=", 0.5, measured, len(data.each("start_ns", "tactus, socket")), interval)]
    for ident, target, who, share in (("start.container_ms", 1, "tactus, parked container", 0.5),
                                      ("start.container_p99_ms", 3, "tactus, parked container", 0.99),
                                      ("start.request_ms", 1, "tactus, request", 0.5),
                                      ("start.service_ms", 10, "tactus, command, 8 components", 0.5)):
        took = [value / 1e6 for value in data.each("start_ns", who)]
        measured, interval = stats.single([[[value] for value in took]], lambda values, share=share: stats.quantile(values, share)) \
            if took else (None, None)
        claims.append(stats.claim(ident, "<=", target, measured, len(took), interval))
    return rows, claims
