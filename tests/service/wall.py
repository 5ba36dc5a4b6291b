#!/usr/bin/env python3
"""A tee loses and changes nothing, raw or coded; a mosaic goes on when an input has ended, and shows its last picture."""
import os

from lib import Node, check, clip, ffmpeg, need

need("ffmpeg")
WIDTH, HEIGHT, FRAMES = 320, 180, 100
BYTES = WIDTH * HEIGHT * 3 // 2
MOSAIC = """tactus: 1
service: wall
rate: 25
deadline: 200ms
components:
  clip:  {{kind: av.read, params: {{url: {clip}, live: true}}}}
  vdec:  {{kind: av.decode}}
  cam:   {{kind: test.video, params: {{width: 320, height: 180}}}}
  wall:  {{kind: video.mosaic, params: {{width: 640, height: 180, slate: "ff0000"}}}}
  out:   {{kind: raw.write, params: {{url: {out}}}}}
flows: [clip.video ! vdec ! wall.clip, cam ! wall.cam, wall ! out]
"""


def read(path):
    with open(path, "rb") as file:
        return file.read()


def tee_of_raw(node):
    source = node.path("in.raw")
    with open(source, "wb") as file:
        for n in range(FRAMES):
            file.write(n.to_bytes(4, "little") + os.urandom(BYTES - 4))
    outs = [node.path(f"out{n}.raw") for n in range(4)]
    node.run("run", "--no-profile", f"raw.read url={source} format=I420 width={WIDTH} height={HEIGHT} rate=50 ! tee name=t "
             + " ".join(f"t. ! raw.write url={out}" for out in outs))
    for out in outs:
        check(read(out) == read(source), f"{out} is not what went in: {os.path.getsize(out)} bytes")


def tee_of_coded(node):
    outs = [node.path(f"out{n}.mkv") for n in range(2)]
    node.run("run", "--no-profile", "test.video width=320 height=180 live=false ! av.encode codec=libx264 preset=ultrafast ! "
             "tee name=t " + " ".join(f"t. ! av.write url={out}" for out in outs), "--for", "2s")
    sums = [ffmpeg("-i", out, "-f", "framemd5", "-", capture_output=True).stdout for out in outs]
    check(sums[0] == sums[1], "the two files differ")
    check(len([line for line in sums[0].splitlines() if not line.startswith(b"#")]) == 50, f"not 50 pictures: {sums[0]}")


def mosaic_goes_on(node):
    path, out = node.path("clip.mp4"), node.path("wall.raw")
    clip(path, seconds=1, size="320x180", rate=25, audio=False)
    with open(node.path("wall.yaml"), "w", encoding="utf-8") as file:
        file.write(MOSAIC.format(clip=path, out=out))
    report = node.report(node.path("wall.yaml"), "--for", "3s", "--best-effort", "--no-profile")
    size = 640 * 180 * 3 // 2
    pictures = read(out)
    check(report["lost"] == 0 and len(pictures) == 75 * size, f"{len(pictures) / size} of 75 pictures: {report}")
    told = report["sinks"]["out"]
    check(told["sent"] == told["frames"] == 75 and told["not_sent"] == 0, f"the ledger says another number than the file: {told}")

    def left(n):
        """Luma of the clip's half of a picture, without its first and last columns."""
        luma = pictures[n * size:n * size + 640 * 180]
        return b"".join(luma[y * 640 + 2:y * 640 + 318] for y in range(180))

    check(left(5) != left(15), "the clip did not move while it was there")
    check(left(40) == left(74), "the clip's last picture did not stay")
    check(len(set(left(74))) > 50, "the clip's place is flat: a slate, not its last picture")


with Node() as one:
    tee_of_raw(one)
    tee_of_coded(one)
    mosaic_goes_on(one)
