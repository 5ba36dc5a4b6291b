#!/usr/bin/env python3
"""A plug-in that tries 48 things that it may not: none of them succeeds, those that the filter refuses are counted in the ledger,
four end its container, and the service beside it keeps its frames."""
import json
import os
import re
import subprocess

from lib import Node, check, need

need("cc")
TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
DEADLY = 44
# Refused by the kernel itself, for want of a capability or by a rule of its own: no word comes to tactusd.
SILENT = {"become FIFO 99", "clone3"}


def build(node):
    path = node.path("work", "libintruder.so")
    subprocess.run(["cc", "-w", "-O1", "-D_GNU_SOURCE", "-shared", "-fPIC", "-I" + TOP + "/include", "-I" + TOP + "/src",
                    os.path.join(TOP, "tests", "service", "intruder.c"), *(os.path.join(TOP, "src", *name) for name in (
                        ("base", "error.c"), ("base", "format.c"), ("components", "plugin_side.c"))), "-o", path], check=True)


def run(node, name, first, time):
    ledger = node.path(name + ".ledger")
    node.run("run", "test.video", "width=64", "height=64", "rate=50", "!", "./libintruder.so", f"first={first}", "!", "null", "--for", time,
             "--best-effort", "--no-profile", "--quiet", "--ledger", ledger, code=None)
    return json.loads(node.run("explain", ledger, "all", "--json").stdout)


with Node() as node:
    os.chmod(node.folder, 0o755)
    os.mkdir(node.path("work"))
    os.chdir(node.path("work"))
    build(node)
    beside = node.spawn("run", "test.video", "width=64", "height=64", "rate=50", "!", "null", "--for", "4s", "--best-effort", "--deadline",
                        "500ms", "--quiet", "--ledger", node.path("beside.ledger"))
    told = run(node, "refused", 0, "1.2s")
    tried = re.findall(r"intruder tried (.+): (\d+)", node.words())
    check(len(tried) >= 40, f"it tried {len(tried)} things only: {node.words()}")
    check("intruder could" not in node.words(), f"it succeeded: {re.findall('intruder could.*', node.words())}")
    check(all(int(code) != 0 for _, code in tried), f"no error: {tried}")
    words = [event["text"] for event in told["events"] if event["event"] == "forbidden"]
    total = [re.match(r"(\d+) refused system calls, of (\d+) kinds", text) for text in words]
    total = [match for match in total if match]
    if not words and "not counted" in node.words():
        print("this kernel tells nobody of refused calls")
    else:
        check(len(total) == 1, f"the ledger has no sum of refused calls: {told['events']}")
        check(int(total[0][1]) >= len([what for what, _ in tried if what not in SILENT]), f"{total[0][0]}, but it tried {tried}: {words}")
        check(any("kill" in text for text in words) and any("open" in text for text in words), f"kinds are not named: {words}")
    check(told["frames"] and sum(frame["outcome"] == "lost" for frame in told["frames"]) < 20, "its own flow ended")

    died = [event["text"] for event in run(node, "deadly", DEADLY, "2.2s")["events"] if event["event"] == "died"]
    check(len(died) == 4 and all("signal 31" in text for text in died), f"not each of four deadly calls ended its container: {died}")
    check("intruder could" not in node.words(), f"it succeeded: {re.findall('intruder could.*', node.words())}")

    beside.communicate(timeout=30)
    frames = json.loads(node.run("explain", node.path("beside.ledger"), "all", "--json").stdout)["frames"]
    lost = [frame for frame in frames if frame["outcome"] != "on_time"]
    check(len(frames) >= 190 and len(lost) <= 2, f"the service beside it lost {len(lost)} of {len(frames)}: {lost[:5]}")
    print(f"{len(tried)} attempts, {len(died)} deaths, beside it {len(frames)} frames, {len(lost)} not on time")
