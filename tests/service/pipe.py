#!/usr/bin/env python3
"""A raw pipe through the command loses nothing and changes what it should, however fast it comes."""
import os
import subprocess

from lib import SLOW, Node, check

WIDTH, HEIGHT, FRAMES = 320, 180, 300
BYTES = WIDTH * HEIGHT * 3 // 2

with Node() as node:
    source = node.path("in.raw")
    with open(source, "wb") as file:
        for n in range(FRAMES):
            file.write(n.to_bytes(4, "little") + os.urandom(BYTES - 4))
    words = ["run", f"raw.read url=- format=I420 width={WIDTH} height={HEIGHT} rate=50 ! "
             f"video.scale width={WIDTH} height={HEIGHT} ! raw.write url=-", "--quiet"]
    with open(source, "rb") as file:
        ran = subprocess.run([node.tactus, *words], env=node.env, stdin=file, capture_output=True, timeout=60 * SLOW,
                             check=False)
    check(ran.returncode == 0, f"exit {ran.returncode}: {ran.stderr.decode()[-2000:]}")
    with open(source, "rb") as file:
        wanted = file.read()
    check(len(ran.stdout) == len(wanted), f"{len(ran.stdout)} bytes came out of {len(wanted)}")
    check(ran.stdout == wanted, "a scale to the same size changed the pictures")

    # A reader that goes away ends the service; nothing hangs.
    with open(source, "rb") as file:
        child = subprocess.Popen([node.tactus, *words], env=node.env, stdin=file, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE)
        child.stdout.read(1000)
        child.stdout.close()
        child.wait(timeout=30 * SLOW)

    # A FIFO is read once: no profile run takes its beginning away.
    fifo, out = node.path("fifo"), node.path("out.raw")
    os.mkfifo(fifo)
    with open(source, "rb") as file:
        feeder = subprocess.Popen(["sh", "-c", 'cat > "$0"', fifo], stdin=file)
        node.run(*words[:1], f"raw.read url={fifo} format=I420 width={WIDTH} height={HEIGHT} rate=50 ! "
                 f"video.scale width={WIDTH} height={HEIGHT} ! raw.write url={out}", "--quiet")
        feeder.wait(timeout=10 * SLOW)
    with open(out, "rb") as file:
        check(file.read() == wanted, "what went through a FIFO is not what came out")

    # One that nobody writes ends by itself, and says so.
    ran = node.run("run", f"raw.read url={fifo} format=I420 width={WIDTH} height={HEIGHT} rate=50 ! null", timeout=30)
    check("it ends here" in " ".join(ran.stderr.split()), f"no word of the FIFO that nobody writes: {ran.stderr}")
