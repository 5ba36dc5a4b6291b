#!/usr/bin/env python3
"""Decode, scale, encode: as near to the source as a reference that ffmpeg made with the same settings."""
import re
import subprocess

from lib import Node, check, clip, need, skip

need("ffmpeg")
SIZE = ("640", "360")
# The same scaler as ours: swscale puts chroma between the pixels, which costs 9 dB of comparison.
SCALE = f"zscale=w={SIZE[0]}:h={SIZE[1]}:filter=bilinear"
if "zscale" not in subprocess.run(["ffmpeg", "-v", "quiet", "-filters"], capture_output=True, text=True, check=True).stdout:
    skip("this ffmpeg has no zscale")


def psnr(path, source):
    """Mean PSNR of a coded 640x360 file against the source scaled by ffmpeg."""
    ran = subprocess.run(["ffmpeg", "-nostdin", "-hide_banner", "-i", path, "-i", source, "-lavfi",
                          f"[1:v]{SCALE},settb=1/24,setpts=N[b];[0:v]settb=1/24,setpts=N[a];[a][b]psnr=shortest=1",
                          "-f", "null", "-"], capture_output=True, text=True, check=True)
    return float(re.search(r"average:([0-9.]+|inf)", ran.stderr).group(1))


def count(path):
    ran = subprocess.run(["ffprobe", "-v", "error", "-count_packets", "-select_streams", "v", "-show_entries",
                          "stream=nb_read_packets", "-of", "csv=p=0", path], capture_output=True, text=True, check=True)
    return int(ran.stdout.strip().strip(","))


with Node() as node:
    source = clip(node.path("clip.mp4"), 5, audio=False)
    ours, theirs = node.path("ours.mkv"), node.path("theirs.mkv")
    node.run("run", f"av.read name=r url={source} r.video ! av.decode ! video.scale width={SIZE[0]} height={SIZE[1]} ! "
             f"av.encode codec=libx264 preset=veryfast tune=zerolatency bitrate=2M gop=48 ! av.write url={ours}", "--quiet",
             timeout=90)
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", "-i", source, "-vf", SCALE,
                    "-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-b:v", "2M", "-g", "48", "-threads",
                    "1", theirs], check=True)
    check(count(ours) == 120, f"{count(ours)} of 120 pictures are in the file: asap mode lost some")
    mine, reference = psnr(ours, source), psnr(theirs, source)
    print(f"psnr: ours {mine:.2f} dB, ffmpeg {reference:.2f} dB")
    check(mine > 40, f"PSNR {mine}")
    check(mine > reference - 1.0, f"PSNR {mine}, ffmpeg's reference {reference}")
