#!/usr/bin/env python3
"""Every component's printed example runs as printed, in a folder that has the files it names."""
import ctypes.util
import json
import os
import shlex
import subprocess
from concurrent.futures import ThreadPoolExecutor

from lib import BUILD, SLOW, Node, check, clip, need

need("ffmpeg")
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def bounded(words):
    """The example's words after `tactus`, for a second."""
    if "--for" in words:
        words[words.index("--for") + 1] = "1s"
    else:
        words += ["--for", "1s"]
    return words + ["--no-profile", "--json"]


def play(node, component):
    name, words = component["name"], shlex.split(component["example"])
    folder = node.path("at-" + name)
    os.mkdir(folder)
    for file in ("clip.mp4", "logo.png"):
        os.symlink(node.path(file), os.path.join(folder, file))
    check(words[0] == "tactus", f"{name}: the example does not begin with tactus: {words}")
    try:
        ran = subprocess.run([node.tactus, *bounded(words[1:])], env=node.env, cwd=folder, capture_output=True, text=True,
                             timeout=40 * SLOW, stdin=subprocess.DEVNULL, check=False)
    except subprocess.TimeoutExpired as late:
        return f"{name}: does not end: {component['example']}: {late.stderr}"
    if ran.returncode != 0:
        return f"{name}: exit {ran.returncode}: {component['example']}\n{ran.stderr[-1500:]}"
    report = json.loads(ran.stdout)
    if report["on_time"] + report["late"] < 1:
        return f"{name}: delivered nothing: {component['example']}: {report}"
    return None


# Windows and speakers that nobody sees or hears.
os.environ.update(SDL_VIDEODRIVER="dummy", SDL_AUDIODRIVER="dummy")
missing = [] if ctypes.util.find_library("SDL2-2.0") else ["video.preview", "audio.play"]
missing += [] if os.path.exists("/dev/video0") else ["v4l2"]

with Node() as node:
    clip(node.path("clip.mp4"), 2, "320x180")
    subprocess.run([os.path.join(TOP, "tools", "logo"), node.path("logo.png")], check=True)
    components = json.loads(node.run("inspect", "--json").stdout)
    catalogue = json.loads(subprocess.run([os.path.join(BUILD, "tactus-host"), "--catalogue"], capture_output=True, text=True,
                                          check=True).stdout)
    check([c["name"] for c in components] == [c["name"] for c in catalogue["components"]], "inspect does not show the host's catalogue")
    check(len(components) >= 18, f"only {len(components)} components")
    shown = [component for component in components if component["name"] not in missing]
    with ThreadPoolExecutor(4) as pool:
        wrong = [words for words in pool.map(lambda component: play(node, component), shown) if words]
    check(not wrong, "\n".join(wrong))
