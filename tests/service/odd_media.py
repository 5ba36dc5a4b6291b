#!/usr/bin/env python3
"""Media that is sound but unusual: it works, each picture at its place, or is refused with what to do about it."""
import json

from lib import Node, check, ffmpeg, need, probe

need("ffmpeg", "ffprobe")
X264 = ["-c:v", "libx264", "-preset", "ultrafast"]


def pictures(size="320x180", rate=25, seconds=1):
    return ["-f", "lavfi", "-i", f"testsrc2=s={size}:r={rate}:d={seconds}"]


def sound(rate=48000, channels=2):
    return ["-f", "lavfi", "-i", f"sine=f=440:r={rate}:d=1", "-ac", str(channels)]


# Name, how ffmpeg makes it, pictures that are there.
WORKS = [
    ("ten.mp4", [*pictures(), *X264, "-pix_fmt", "yuv420p10le"], 25),
    ("444.mp4", [*pictures("321x181"), *X264, "-pix_fmt", "yuv444p"], 25),
    ("422.mov", [*pictures(), "-c:v", "prores"], 25),
    ("odd.mkv", [*pictures("321x181"), "-c:v", "ffv1", "-pix_fmt", "yuv420p"], 25),
    ("full.avi", [*pictures(), "-c:v", "mjpeg", "-pix_fmt", "yuvj420p"], 25),
    ("tiny.mp4", [*pictures("16x16"), *X264, "-pix_fmt", "yuv420p"], 25),
    ("slow.mp4", [*pictures(rate=1, seconds=3), *X264, "-pix_fmt", "yuv420p"], 3),
    ("fast.mp4", [*pictures(rate=240), *X264, "-pix_fmt", "yuv420p"], 240),
    ("ntsc.mpg", [*pictures(rate="30000/1001"), "-c:v", "mpeg2video", "-pix_fmt", "yuv420p"], 30),
]
# A rate that varies leaves places of the grid empty: those are lost, by the media's fault, and nothing else is.
HOLES = "select='not(mod(n,3))+gt(n,25)'"
VARIES = [
    ("vfr.mkv", [*pictures(seconds=2), "-vf", HOLES, "-vsync", "vfr", *X264, "-pix_fmt", "yuv420p"]),
    ("vfr-b.mp4", [*pictures(seconds=2), "-vf", HOLES, "-vsync", "vfr", *X264, "-bf", "2", "-pix_fmt", "yuv420p"]),
]
# What is refused, and the words that help.
REFUSED = [
    ("fields.mp4", [*pictures(), *X264, "-flags", "+ildct+ilme", "-x264opts", "tff=1", "-pix_fmt", "yuv420p"],
     ["interlaced", "deinterlace"]),
    ("fields.mpg", [*pictures(), "-c:v", "mpeg2video", "-flags", "+ildct+ilme", "-top", "1", "-pix_fmt", "yuv420p"],
     ["interlaced", "deinterlace"]),
    ("rgb.mkv", [*pictures(), "-c:v", "libx264rgb", "-preset", "ultrafast"], ["gbrp", "pix_fmt yuv420p"]),
    ("still.png", [*pictures(), "-frames:v", "1"], ["rgb24", "pix_fmt yuv420p"]),
    ("turned.mp4", ["-i", "tiny.mp4", "-c", "copy", "-metadata:s:v:0", "rotate=90"], ["turned by", "as_stored=true"]),
]
SOUND = [
    ("mono.m4a", [*sound(44100, 1), "-c:a", "aac"], True),
    ("mono.wav", sound(44100, 1), True),
    ("stereo.mp3", [*sound(), "-c:a", "libmp3lame"], False),
    ("stereo.flac", [*sound(), "-c:a", "flac"], False),
    ("stereo.opus", [*sound(), "-c:a", "libopus"], False),
]


def see(node, path, code=0, extra=""):
    return node.run("run", f"av.read name=r url={path} {extra} r.video ! av.decode ! video.scale width=160 height=90 ! null",
                    "--no-profile", "--json", code=code, timeout=30)


def hear(node, path, is_resampled):
    out = node.path("heard.mkv")
    ran = node.run("run", f"av.read name=r url={path} r.audio ! av.decode ! audio.mix ! av.encode codec=aac ! av.write url={out}",
                   "--no-profile", "--json", timeout=30)
    check(("audio.resample" in ran.stderr) == is_resampled, f"{path}: resampled or not: {ran.stderr[:600]}")
    shown = probe(out, "-show_streams", "-show_format")
    stream, seconds = shown["streams"][0], float(shown["format"]["duration"])
    check((stream["sample_rate"], stream["channels"]) == ("48000", 2), f"{path}: {stream}")
    check(0.95 <= seconds <= 1.15, f"{path}: {seconds} s of 1 s")


with Node() as node:
    def make(name, words):
        ffmpeg(*words, name, cwd=node.folder)
        return node.path(name)

    for name, words, count in WORKS:
        report = json.loads(see(node, make(name, words)).stdout)
        check((report["frames"], report["on_time"]) == (count, count), f"{name}: {report['on_time']} of {count}: {report}")
    for name, words in VARIES:
        report = json.loads(see(node, make(name, words)).stdout)
        check((report["frames"], report["on_time"], report["causes"]) == (50, 33, {"media": 17}), f"{name}: {report}")
    for name, words, wanted in REFUSED:
        ran = see(node, make(name, words), code=None)
        said = " ".join((ran.stderr + ran.stdout).split())
        check(ran.returncode in (2, 3), f"{name}: exit {ran.returncode}: {said}")
        check(all(word in said for word in wanted), f"{name}: {wanted} not in: {said}")
    see(node, node.path("turned.mp4"), extra="as_stored=true")
    for name, words, is_resampled in SOUND:
        hear(node, make(name, words), is_resampled)
    # Pictures only, sound only: what is asked for and missing is named, what is there plays.
    for path, output in ((node.path("ten.mp4"), "audio"), (node.path("mono.wav"), "video")):
        ran = node.run("run", f"av.read name=r url={path} r.{output} ! av.decode ! null", "--no-profile", code=None)
        said = " ".join(ran.stderr.split())
        check(ran.returncode in (2, 3) and f"no stream for output '{output}'" in said, f"{path}: {ran.returncode}: {said}")
