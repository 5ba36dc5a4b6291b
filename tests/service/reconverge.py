#!/usr/bin/env python3
"""As fast as possible, where paths part and meet again: one holds pictures back (reordering, look-ahead, sound in
other quanta), the other does not. Every picture arrives, and the end comes."""
from lib import Node, check, clip, need

GRAPH = """tactus: 1
service: reconverge
rate: 24
components:
  clip:  {{kind: av.read, params: {{url: {clip}}}}}
  first: {{kind: av.decode}}
  small: {{kind: video.scale, params: {{width: 160, height: 90}}}}
  enc:   {{kind: av.encode, params: {{codec: libx264, preset: veryfast, bf: 2, "rc-lookahead": 20}}}}
  again: {{kind: av.decode}}
  over:  {{kind: video.overlay, params: {{layer.x: 8, layer.y: 8}}}}
  out:   {{kind: "null"}}
  adec:  {{kind: av.decode}}
  slow:  {{kind: audio.resample, params: {{rate: 44100}}}}
  fast:  {{kind: audio.resample, params: {{rate: 48000}}}}
  mix:   {{kind: audio.mix}}
  heard: {{kind: "null"}}
flows: [clip.video ! first ! over.main, first ! small ! enc ! again ! over.layer, over ! out,
        clip.audio ! adec ! mix.straight, adec ! slow ! fast ! mix.around, mix ! heard]
"""

need("ffmpeg")
with Node() as node:
    path = node.path("reconverge.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(GRAPH.format(clip=clip(node.path("clip.mp4"), seconds=3, size="640x360")))
    report = node.report(path, "--best-effort", timeout=50)
    out, heard = report["sinks"]["out"], report["sinks"]["heard"]
    check(out["frames"] == 72 and out["on_time"] == 72, f"72 pictures went in: {out}")
    check(heard["frames"] >= 295 and heard["lost"] == 0, f"three seconds of sound went in: {heard}")
