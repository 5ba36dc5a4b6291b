#!/usr/bin/env python3
"""A plug-in that tries 48 things that it may not: none of them succeeds, those that the filter refuses are counted in the ledger,
four end its container, and the service beside it keeps its frames."""
import json
import os
import re
import signal
import subprocess

from lib import Node, check, need, wait_for

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


def log(node):
    with open(node.path("log"), encoding="utf-8", errors="replace") as text:
        return text.read()


def end(command):
    command.send_signal(signal.SIGINT)
    command.communicate(timeout=60)


def run_until(node, name, first, words, count):
    """Until tactusd's log has these words so often, however long that takes on a busy machine; then its ledger."""
    ledger = node.path(name + ".ledger")
    command = node.spawn("run", "test.video", "width=64", "height=64", "rate=50", "!", "./libintruder.so", f"first={first}", "!", "null",
                         "--name", name, "--for", "120s", "--deadline", "3s", "--best-effort", "--no-profile", "--quiet", "--ledger", ledger)
    wait_for(lambda: len(re.findall(words, log(node))) >= count or command.poll() is not None, 60, f"not {count} times: {words}")
    end(command)
    return json.loads(node.run("explain", ledger, "all", "--json").stdout)


with Node() as node:
    os.chmod(node.folder, 0o755)
    os.mkdir(node.path("work"))
    os.chdir(node.path("work"))
    build(node)
    beside = node.spawn("run", "test.video", "width=64", "height=64", "rate=50", "!", "null", "--for", "120s", "--best-effort", "--deadline",
                        "3s", "--quiet", "--ledger", node.path("beside.ledger"))
    told = run_until(node, "refused", 0, "intruder tried", DEADLY)
    tried = re.findall(r"intruder tried (.+): (\d+)", log(node))
    check(len(tried) == DEADLY, f"it tried {len(tried)} things: {log(node)}")
    check("intruder could" not in log(node), f"it succeeded: {re.findall('intruder could.*', log(node))}")
    check(all(int(code) != 0 for _, code in tried), f"no error: {tried}")
    words = [event["text"] for event in told["events"] if event["event"] == "forbidden"]
    total = [re.match(r"(\d+) refused system calls, of (\d+) kinds", text) for text in words]
    total = [match for match in total if match]
    if not words and "not counted" in log(node):
        print("this kernel tells nobody of refused calls")
    else:
        check(len(total) == 1, f"the ledger has no sum of refused calls: {told['events']}")
        check(int(total[0][1]) >= len([what for what, _ in tried if what not in SILENT]), f"{total[0][0]}, but it tried {tried}: {words}")
        check(any("kill" in text for text in words) and any("open" in text for text in words), f"kinds are not named: {words}")
    check(sum(frame["outcome"] != "lost" for frame in told["frames"]) >= DEADLY, "its own flow ended")

    events = run_until(node, "deadly", DEADLY, "service deadly: died: .*signal 31", 4)["events"]
    died = [event["text"] for event in events if event["event"] == "died"]
    check(len(died) >= 4 and all("signal 31" in text for text in died), f"not each of four deadly calls ended its container: {died} {log(node)}")
    check("intruder could" not in log(node), f"it succeeded: {re.findall('intruder could.*', log(node))}")

    end(beside)
    frames = json.loads(node.run("explain", node.path("beside.ledger"), "all", "--json").stdout)["frames"]
    lost = [frame for frame in frames if frame["outcome"] != "on_time"]
    check(len(frames) >= 100 and len(lost) <= 2, f"the service beside it lost {len(lost)} of {len(frames)}: {lost[:5]}")
    print(f"{len(tried)} attempts, {len(died)} deaths, beside it {len(frames)} frames, {len(lost)} not on time")
