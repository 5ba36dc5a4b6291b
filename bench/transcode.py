"""S1: 720p50 is scaled to 640x360, coded by x264 and decoded again, beside GStreamer and FFmpeg."""
import chains
import peers
import pictures
from node import Node

DEADLINE_NS = 40_000_000
SCENE = pictures.Scene((1280, 720), (640, 360), 50)
SERVICE = ("raw.capture url=- width=1280 height=720 rate=50 ! video.scale width=640 height=360 method=bilinear ! "
           "av.encode codec=libx264 preset=ultrafast tune=zerolatency ! av.decode ! raw.write url=-")


def parties(node, is_quick):
    found = [pictures.Ours("tactus", node, SERVICE, "--deadline", "40ms"),
             pictures.Peer("gstreamer", *peers.gst_transcode("queue max-size-buffers=2")),
             pictures.Peer("ffmpeg", *peers.ffmpeg_transcode())]
    if not is_quick:
        found += [pictures.Peer("gstreamer, no queues", *peers.gst_transcode("")),
                  pictures.Peer("gstreamer, process per task", *peers.gst_transcode_tasks()),
                  pictures.Peer("ffmpeg, process per task", *peers.ffmpeg_transcode_tasks())]
    return found


def measure(bench):
    bench.need("gst-launch-1.0", "ffmpeg")
    turns, seconds = bench.pick("rounds", 2, 4), bench.pick("seconds", 6.0, 20.0)
    with Node(bench) as node:
        bench.say(f"tactusd's class: {node.status['class']}")
        pictures.in_turn(bench, parties(node, bench.is_quick), "", turns, SCENE, seconds)


def judge(data):
    return chains.rows(data, DEADLINE_NS), chains.claims(data, "transcode", "tactus", ["gstreamer", "ffmpeg"], DEADLINE_NS)
