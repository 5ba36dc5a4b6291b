#!/usr/bin/env python3
"""Real services under the guard: nothing on a frame's path allocates, locks, logs or blocks in the engine and our
own components; what a codec library does there is counted and shown."""
import os
import re

from lib import BUILD, Node, check, clip, need, skip

GUARD = os.path.join(BUILD, "tests", "core", "libtactus-guard.so")
SAID = re.compile(r"guard: turns=(\d+) allocations=(\d+) releases=(\d+) locks=(\d+) others=(\d+)")
THUMBNAIL = ["test.video", "width=1280", "height=720", "rate=50", "!", "video.scale", "width=640", "height=360", "!",
             "null"]
OWN = """tactus: 1
service: own
rate: 50
deadline: 100ms
components:
  cam:    {kind: test.video, params: {width: 640, height: 360}}
  scale:  {kind: video.scale, params: {width: 320, height: 180}}
  as_rgb: {kind: video.convert, params: {format: RGBA}}
  as_yuv: {kind: video.convert, params: {format: I420}}
  clock:  {kind: text.clock, params: {format: "%H:%M:%S", size: 24}}
  over:   {kind: video.overlay, params: {clock.x: 8, clock.y: 8}}
  shown:  {kind: "null"}
  seen:   {kind: "null"}
  read:   {kind: probe.timecode}
  tone:   {kind: test.audio, params: {channels: 1}}
  other:  {kind: test.audio, params: {frequency: 440}}
  drift:  {kind: audio.resample, params: {rate: 44100}}
  back:   {kind: audio.resample, params: {rate: 48000}}
  quanta: {kind: audio.convert, params: {channels: 2}}
  mix:    {kind: audio.mix, params: {channels: 2, quantum: 480}}
  gain:   {kind: audio.gain, params: {gain_db: -3}}
  level:  {kind: audio.loudness, params: {target: -23, interval: 100ms}}
  heard:  {kind: "null"}
  fork:   {kind: tee}
  fade:   {kind: video.crossfade, params: {at: 10, duration: 50}}
  wall:   {kind: video.mosaic, params: {width: 640, height: 360, gap: 4}}
flows: [cam ! scale ! as_rgb ! as_yuv ! over.main, clock ! over.clock, over ! shown, cam ! read,
        scale ! fork ! fade.from, fork ! wall.a, over ! fade.to, fade ! wall.b, cam ! wall.c, wall ! seen,
        tone ! drift ! back ! quanta ! mix.tone, other ! mix.other, mix ! gain ! level ! heard]
"""
OURS = {"test.video", "video.scale", "video.convert", "video.overlay", "text.clock", "null", "probe.timecode",
        "test.audio", "audio.resample", "audio.convert", "audio.mix", "audio.gain", "audio.loudness", "tee", "video.crossfade",
        "video.mosaic"}


def guarded(mode, *words, code=None):
    """One service in a node of its own: its report, what the guard said, what else was on the node's stderr."""
    os.environ.update(LD_PRELOAD=GUARD, TACTUS_GUARD=mode)
    try:
        with Node() as node:
            report = node.report(*words, code=code, timeout=40)
            said = [tuple(map(int, found)) for found in SAID.findall(node.words())]
            return report, said, node.words()
    finally:
        del os.environ["LD_PRELOAD"]


def clean(what, *words):
    report, said, words = guarded("abort", *words)
    check("on a frame's path" not in words, f"{what}: {words}")
    check(len(said) >= 1 and said[-1][0] >= 100, f"{what}: the guard did not hear of any turns: {words}")
    check(report["on_time"] + report["late"] > 0, f"{what}: nothing was delivered: {report}")
    print(f"{what}: {report['frames']} frames, {said[-1][0]} turns of the loop, nothing forbidden")


def counted(what, frames, *words):
    _, said, words = guarded("count", *words)
    check(len(said) >= 1, f"{what}: the guard said nothing: {words}")
    turns, allocations, releases, locks, others = said[-1]
    check(allocations > 0, f"{what}: a codec that does not allocate? {said}")
    print(f"{what}: {allocations / frames:.1f} allocations, {releases / frames:.1f} releases, {locks / frames:.1f} locks, "
          f"{others / frames:.1f} others a frame ({frames} frames, {turns} turns)")


if os.environ.get("TACTUS_SANITIZED") or not os.path.exists(GUARD):
    skip("the guard stands in the sanitizer's place")

clean("thumbnail", *THUMBNAIL, "--for", "2s")
with Node() as one:
    path = one.path("own.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(OWN)
    check(OURS == set(re.findall(r"kind: \"?([a-z.]+)", OWN)), "the graph does not have all of our components")
    clean("own components", path, "--for", "2s", "--best-effort")

need("ffmpeg")
with Node() as one:
    path = clip(one.path("clip.mp4"), seconds=2, size="640x360", audio=False)
    decoding = ["av.read", "name=clip", f"url={path}", "clip.video", "!", "av.decode", "!", "null"]
    # The guard bites inside the jail: the same service without counting is ended, by name.
    _, _, words = guarded("abort", *decoding, code=None)
    check("on a frame's path: " in words, f"a decoder that allocates was not seen: {words}")
    counted("av.decode", 48, *decoding)
    out = one.path("out.mp4")
    counted("av.encode", 100, "test.video", "width=640", "height=360", "rate=50", "!", "av.encode", "codec=libx264",
            "preset=veryfast", "tune=zerolatency", "!", "av.write", f"url={out}", "--for", "2s")
