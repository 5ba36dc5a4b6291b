#!/usr/bin/env python3
"""Decode, scale, encode: as near to the source as a reference that ffmpeg made with the same settings."""
import re
import subprocess

from lib import Node, check, clip, need

need("ffmpeg")
SIZE = ("640", "360")


def psnr(path, source):
    """Mean PSNR of a coded 640x360 file against the source scaled by ffmpeg."""
    ran = subprocess.run(["ffmpeg", "-nostdin", "-hide_banner", "-i", path, "-i", source, "-lavfi",
                          "[1:v]scale=640:360:flags=bilinear[r];[0:v]setpts=N/24/TB[a];[r]setpts=N/24/TB[b];[a][b]psnr=shortest=1",
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
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", "-i", source, "-vf", "scale=640:360:flags=bilinear",
                    "-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-b:v", "2M", "-g", "48", "-threads",
                    "1", theirs], check=True)
    check(count(ours) == 120, f"{count(ours)} of 120 pictures are in the file: asap mode lost some")
    mine, reference = psnr(ours, source), psnr(theirs, source)
    print(f"psnr: ours {mine:.2f} dB, ffmpeg {reference:.2f} dB")
    check(mine > 30, f"PSNR {mine}")
    check(mine > reference - 1.0, f"PSNR {mine}, ffmpeg's reference {reference}")
