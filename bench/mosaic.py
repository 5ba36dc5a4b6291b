"""S2: four pictures of 720p50 are scaled to a quarter and put into one, beside GStreamer and FFmpeg."""
import chains
import peers
import pictures
from node import Node

DEADLINE_NS = 40_000_000
SCENE = pictures.Scene((1280, 720), (1280, 720, 640, 360), 50, inputs=4)
INPUTS = "abcd"


def service(bench):
    """Four FIFOs, scaled by video.mosaic itself to its tiles."""
    lines = ["tactus: 1", "service: mosaic", "rate: 50", "deadline: 40ms", "components:"]
    for number, name in enumerate(INPUTS):
        lines.append(f"  {name}: {{kind: raw.capture, params: {{url: {bench.path(f'in{number}')}, width: 1280, height: 720}}}}")
    lines += ["  mosaic: {kind: video.mosaic, params: {width: 1280, height: 720, columns: 2}}",
              "  out: {kind: raw.write, params: {url: \"-\"}}",
              "flows: [" + ", ".join(f"{name} ! mosaic.{name}" for name in INPUTS) + ", mosaic ! out]"]
    path = bench.path("mosaic.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    return path


def measure(bench):
    bench.need("gst-launch-1.0", "ffmpeg")
    turns, seconds = bench.pick("rounds", 2, 4), bench.pick("seconds", 6.0, 20.0)
    with Node(bench) as node:
        bench.say(f"tactusd's class: {node.status['class']}")
        pictures.in_turn(bench, [pictures.Ours("tactus", node, service(bench)), pictures.Peer("gstreamer", *peers.gst_mosaic()),
                                 pictures.Peer("ffmpeg", *peers.ffmpeg_mosaic())], "", turns, SCENE, seconds)


def judge(data):
    return chains.rows(data, DEADLINE_NS), chains.claims(data, "mosaic", "tactus", ["gstreamer", "ffmpeg"], DEADLINE_NS)
