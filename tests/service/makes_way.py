#!/usr/bin/env python3
"""A service that finds no room is admitted where others have more than their promises need: they give it back, and keep what they promised."""
import json
import os
import signal
import subprocess

from lib import Node, check, need, skip, wait_for

need("cc")
TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
# Declared costs, so that no measurement decides: 0.01 ms for each line of the picture. It takes a thousandth of that.
LINES, A_LINE = 200, 10000e-9 * 25
COST = "ret->state_bytes = sizeof(struct skeleton); ret->cost_max_ns = "


def build(node, name, cost):
    with open(os.path.join(TOP, "src", "cli", "new", f"{name}.c"), encoding="utf-8") as file:
        text = file.read().replace("ret->state_bytes = sizeof(struct skeleton);", COST + cost + ";")
    subprocess.run(["cc", "-w", "-O1", "-shared", "-fPIC", "-I" + TOP + "/include", "-I" + TOP + "/src", "-x", "c", "-", "-o",
                    node.path(f"lib{name}.so"), os.path.join(TOP, "src", "base", "error.c"), os.path.join(TOP, "src", "base", "format.c"),
                    os.path.join(TOP, "src", "components", "plugin_side.c")], input=text, text=True, check=True)


def service(node, lines):
    return f"{node.path('libsource.so')} width=2 height={lines} ! {node.path('libsink.so')} deadline=60ms"


def asked(node, lines):
    plan = json.loads(node.run("check", service(node, lines), "--json", code=None).stdout)
    worker = {t["name"]: t["value"] for t in plan["terms"] if t["subject"] == "worker"}
    return plan, (worker["least budget"] + worker["overhead"]) / worker["period"], worker["headroom"] / worker["period"]


def of_machine(node, name):
    plan = json.loads(node.run("check", service(node, LINES), "--json", code=None).stdout)
    return next(t for t in plan["terms"] if (t["name"], t["subject"]) == (name, ""))


def running(node):
    return {s["name"]: s for s in json.loads(node.run("top", "--json").stdout)["services"] if s["frames"] > 0}


def begin(node, name, lines):
    command = node.spawn("run", service(node, lines), "--name", name, "--for", "60s", "--no-profile", "--json")
    wait_for(lambda: name in running(node) or command.poll() is not None, 20, f"{name} does not start")
    check(command.poll() is None, f"{name} is refused: {node.words()}")
    if running(node)[name]["reservation"] is None:
        skip("the kernel's reservations are taken by somebody else")
    return command


def share(node, name):
    reserved = running(node)[name]["reservation"]
    return reserved["budget_ns"] / reserved["period_ns"]


with Node() as node:
    if node.status()["class"] != "deadline":
        skip("no right to SCHED_DEADLINE here, so nothing is reserved")
    os.chmod(node.folder, 0o755)
    build(node, "source", "(int64_t)10000 * (int64_t)tt_setting_int(request, PARAM_HEIGHT)")
    build(node, "sink", "1000")
    wait_for(lambda: of_machine(node, "wake-up")["source"] == "measured", 60, "the wake-up is not measured")
    cpus = node.status()["cpus"]
    node.restart("--limit", str(round((0.15 + 0.35) * 100 / cpus)))
    plan, least, headroom = asked(node, LINES)
    room_ppm = of_machine(node, "room")["value"]
    room = room_ppm / 1e6
    check(headroom > 0.005, f"alone it has headroom: {least} and {headroom} of {room}")
    check("an exclusive partition" in plan["class_reason"], f"nothing is put on a partition, and this counts with one: {plan['class_reason']}")
    first = begin(node, "first", LINES)
    had = share(node, "first")
    check(abs(had - least - headroom) < 1e-4, f"it has {had}, not {least} and {headroom}")
    # Between what is free beside the first one's headroom and what is free without it; and beyond that.
    lines = LINES + int((room - least - headroom / 2 - least) / A_LINE) // 2 * 2
    beyond = lines + int(2 * headroom / A_LINE) // 2 * 2
    plan, wanted, _ = asked(node, lines)
    check(room - had < wanted < room - least, f"{wanted} is not between {room - had} and {room - least}")
    check(plan["admitted"], f"what makes way is not counted with: {plan['binding']}")
    check(not asked(node, beyond)[0]["admitted"], "more than there is is admitted")
    check(share(node, "first") == had, "who only asks takes nothing")
    refused = node.run("run", service(node, beyond), "--no-profile", code=None)
    check(refused.returncode == 1 and share(node, "first") == had, f"it gave {had - share(node, 'first')} to one that is refused anyway")
    second = begin(node, "second", lines)
    check(abs(share(node, "first") - least) < 1e-4, f"the first one has {share(node, 'first')}, and needs {least}")
    check(node.status()["reserved_ppm"] <= room_ppm, "more is reserved than may be")
    check("another service asks for the rest" in node.run("logs", "first").stdout, "nobody is told why")
    for command in (first, second):
        command.send_signal(signal.SIGINT)
        report = json.loads(command.communicate(timeout=30)[0])
        check(report["class"] == "targeted", f"it ended as {report['class']}")
    print(f"{had:.4f} -> {least:.4f} of a CPU for one that needs {wanted:.4f} of {room - had:.4f} that were free")
