#!/usr/bin/env python3
"""tactus top: what it shows of a running service is what runs, within 80 columns, on a terminal and without one."""
import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

from lib import Node, check, wait_for

GRAPH = ["test.audio", "name=tone", "!", "raw.write", "name=file", "url=/dev/null"]
COLUMNS = ["WAITING", "BUSY", "BUSYMAX", "BUDGET", "SHARE", "MISSES", "QUEUE", "LEVEL", "PEAK"]


def on_terminal(node, keys):
    """What the screen got until the command ended, which it does for the keys alone."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    before = termios.tcgetattr(slave)
    child = subprocess.Popen([node.tactus, "top"], env=dict(node.env, TERM="xterm"), stdin=slave, stdout=slave,
                             stderr=slave)
    seen, end = b"", time.monotonic() + 20
    while child.poll() is None and time.monotonic() < end:
        if select.select([master], [], [], 0.1)[0]:
            seen += os.read(master, 65536)
        if keys and seen.count(b"q: quit") >= 2:  # it has been drawn, and drawn again
            os.write(master, keys)
            keys = b""
    check(child.poll() == 0, f"top did not leave for q: {child.poll()} {seen[-500:]}")
    check(termios.tcgetattr(slave) == before, "the terminal is not as it was")
    os.close(slave)
    os.close(master)
    return seen.decode()


def activations(node):
    components = json.loads(node.run("top", "--json").stdout)["services"][0]["components"]
    check([one["process"] == "edge" for one in components] == [False, True], f"{components}")
    return [one["activations"] for one in components]


def delivered(node):
    service = node.status()["services"][0]
    return service["frames"] - service["lost"]


with Node() as node:
    check("none runs" in node.run("top", "--once").stdout, "an empty node shows something")
    node.run("run", *GRAPH, "--name", "x" * 20, "--for", "30s", "--best-effort", "--detach", "--json")
    wait_for(lambda: node.status()["services"][0]["frames"] > 0, 10, "no frame comes")
    text = node.run("top").stdout
    check(all(len(line) <= 80 for line in text.splitlines()), f"wider than 80 columns:\n{text}")
    check(re.search("COMPONENT +" + " +".join(COLUMNS), text), f"columns are missing:\n{text}")
    tone = next(line.split() for line in text.splitlines() if line.split()[0] == "tone")
    check(re.fullmatch(r"[\d.]+[num]", tone[2]) and float(tone[2][:-1]) > 0, f"tone is not busy: {tone}")
    first, seen = activations(node), delivered(node)
    wait_for(lambda: delivered(node) >= seen + 20, 20, "no frames come any more")
    seen, second = delivered(node), activations(node)
    check(second[0] > first[0] and second[1] == first[1] == 0, f"hops of a component and of an edge: {first}, then {second}")
    # Each frame that is delivered is an activation; records are read every 20 ms, a frame's when its edge has it.
    check(second[0] >= seen, f"{second[0]} activations, but {seen} frames were delivered before")
    wait_for(lambda: delivered(node) >= second[0] - 2, 20, f"{second[0]} activations, but only {delivered(node)} frames ever")
    screen = on_terminal(node, b"q")
    check("\033[?1049h" in screen and screen.endswith("\033[?25h\033[?1049l"), f"the screen is not given back: {screen!r}")
    check("tone" in screen and "x" * 18 in screen, f"the screen shows nothing: {screen!r}")
