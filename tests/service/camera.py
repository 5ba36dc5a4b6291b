#!/usr/bin/env python3
"""A camera from its driver's buffers to a file, bit by bit: a device of the test's own (fake_camera.c) answers V4L2's calls as the
kernel does. Each raw format, compressed pictures, pictures lost in the device, and one that is unplugged."""
import json
import os
import subprocess
import sys

from lib import SLOW, Node, check, need, skip

if SLOW > 1:
    skip("what stands between a program and its C library gets into a sanitizer's way")
need("ffmpeg")
os.environ["LD_PRELOAD"] = os.path.abspath(sys.argv[2])
WIDTH, HEIGHT, RATE, BREAK, GONE, ROW = 64, 48, 50, 20, 40, 3
LUMA, FRAME = WIDTH * HEIGHT, WIDTH * HEIGHT * 3 // 2


def memory(fourcc, number):
    """What the device has in its buffer."""
    pitch = 2 * WIDTH + 32 if fourcc == "YUYV" else WIDTH + 32
    size = pitch * HEIGHT if fourcc == "YUYV" else pitch * HEIGHT * 3 // 2
    made = bytearray((7 * k + 13 * number) & 255 for k in range(size))
    for k in range(4):
        made[2 * k if fourcc == "YUYV" else k] = number >> 8 * k & 255
    return made, pitch


def picture(fourcc, number):
    """The same as I420."""
    made, pitch = memory(fourcc, number)
    lines = [made[at:at + pitch] for at in range(0, len(made), pitch)]
    if fourcc == "YUYV":
        luma = b"".join(bytes(line[0:2 * WIDTH:2]) for line in lines)
        chroma = [bytes((a + b + 1) // 2 for y in range(0, HEIGHT, 2)
                        for a, b in zip(lines[y][first:2 * WIDTH:4], lines[y + 1][first:2 * WIDTH:4])) for first in (1, 3)]
        return luma + chroma[0] + chroma[1]
    luma = b"".join(bytes(line[:WIDTH]) for line in lines[:HEIGHT])
    if fourcc == "NV12":
        both = [line[:WIDTH] for line in lines[HEIGHT:]]
        return luma + b"".join(bytes(line[0::2]) for line in both) + b"".join(bytes(line[1::2]) for line in both)
    rest = made[pitch * HEIGHT:]
    return luma + b"".join(bytes(rest[at:at + WIDTH // 2]) for at in range(0, pitch // 2 * HEIGHT, pitch // 2))


def plug(node, fourcc, coded=(b"", b"")):
    path = node.path("camera" + fourcc)
    with open(path, "wb") as file:
        file.write(f"{fourcc} {WIDTH} {HEIGHT} {RATE} {BREAK} {GONE} {len(coded[0])} {len(coded[1])}\n".encode())
        file.write(b"".join(coded))
    return path


def shoot(node, path, chain):
    """The pictures of a run that lasts until the camera is gone, and the frames of its ledger."""
    out, ledger = path + ".yuv", path + ".ledger"
    ran = node.run("run", f"v4l2 url={path} width={WIDTH} height={HEIGHT} ! {chain}raw.write name=out url={out}", "--deadline",
                   "2s", "--for", "60s", "--no-profile", "--ledger", ledger, code=None)
    check(ran.returncode in (0, 1), f"exit {ran.returncode}: {ran.stderr}")  # 1: three pictures of forty break a promise
    words = " ".join(ran.stderr.split())
    check("No such device; it ends here" in words, f"nobody says that the camera is gone: {words}")
    with open(out, "rb") as file:
        data = file.read()
    check(len(data) % FRAME == 0, f"{len(data)} bytes are no whole pictures")
    told = json.loads(node.run("explain", ledger, "all", "--json").stdout)["frames"]
    return [data[at:at + FRAME] for at in range(0, len(data), FRAME)], told


def check_numbers(numbers, frames):
    """In order, each once, none but those that the device lost missing before and after them."""
    check(numbers == sorted(set(numbers)), f"pictures out of order: {numbers}")
    check(not set(range(BREAK, BREAK + ROW)) & set(numbers) and numbers[-1] == GONE, f"pictures {numbers}")
    # The first ones come before the service begins; a busy machine may lose one.
    there = [n for n in range(numbers[0], GONE + 1) if not BREAK <= n < BREAK + ROW]
    lost = [frame for frame in frames if frame["outcome"] == "lost" and frame["index"] > 0]
    missing = len(there) - len(numbers)
    check(missing <= len(lost) + 1 and len(numbers) > 20, f"pictures are missing, and nobody says so: {numbers}, {lost}")
    # Pictures lie in their places of the grid, not at them: three that miss may leave two places empty.
    causes = [frame["cause"] for frame in lost]
    check(causes.count("media") >= ROW - 1, f"the device's loss is not in the ledger: {lost}")
    # What a busy machine loses it has lost from the file, too.
    ours = [cause for cause in causes if cause not in ("media", "input", "host")]
    check(len(ours) <= missing, f"we are blamed for what the device lost: {causes}")


def raw(node, fourcc):
    pictures, frames = shoot(node, plug(node, fourcc), "")
    numbers = [int.from_bytes(one[:4], "little") for one in pictures]
    check_numbers(numbers, frames)
    for number, one in zip(numbers, pictures):
        check(one == picture(fourcc, number), f"{fourcc}: picture {number} is not as it was taken")
    print(f"{fourcc}: {len(pictures)} pictures, bit by bit")


def compressed(node):
    coded, decoded = [], []
    for pattern in ("testsrc2", "smptebars"):
        quiet = ["ffmpeg", "-v", "error"]
        coded.append(subprocess.run([*quiet, "-f", "lavfi", "-i", f"{pattern}=s={WIDTH}x{HEIGHT}", "-frames:v", "1", "-pix_fmt",
                                     "yuvj420p", "-c:v", "mjpeg", "-f", "mjpeg", "-"], check=True, stdout=subprocess.PIPE).stdout)
        decoded.append(subprocess.run([*quiet, "-f", "mjpeg", "-i", "-", "-pix_fmt", "yuvj420p", "-f", "rawvideo", "-"], check=True,
                                      input=coded[-1], stdout=subprocess.PIPE).stdout)
    pictures, _ = shoot(node, plug(node, "MJPG", coded), "av.decode ! ")
    check(len(pictures) > 20, f"{len(pictures)} compressed pictures")
    check(all(one in decoded for one in pictures), "a picture is not the one that was compressed")
    turns = [decoded.index(one) for one in pictures]
    check(sum(a != b for a, b in zip(turns, turns[1:])) >= len(turns) - 5, f"pictures do not take turns: {turns}")
    print(f"MJPG: {len(pictures)} pictures, as ffmpeg decodes them")


with Node() as node:
    for fourcc in ("YUYV", "NV12", "YU12"):
        raw(node, fourcc)
    compressed(node)
