#!/usr/bin/env python3
"""What --json prints is what docs/json.md says: each member is documented, none is missing, types agree."""
import json
import os
import re
import shutil

from lib import Node, check, wait_for

PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "json.md")
TYPES = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "null": type(None), "object": dict,
         "map": dict, "list": list, "any": object}


def read_page():
    """{section: {path: type}}"""
    with open(PAGE, encoding="utf-8") as file:
        parts = re.split(r"^## (.*)$", file.read(), flags=re.M)
    return {title: dict(re.findall(r"^\| `([^`]+)` \| ([a-z ?]+) \|", text, re.M))
            for title, text in zip(parts[1::2], parts[2::2])}


SECTIONS = read_page()
seen = {title: set() for title in SECTIONS}
withheld = {title: set() for title in SECTIONS}  # what this machine has no room or right to promise


def is_a(value, kinds):
    for kind in kinds.rstrip("?").split(" or "):
        if isinstance(value, TYPES[kind]) and (kind in ("boolean", "any") or not isinstance(value, bool)):
            return True
    return False


def compare_members(section, path, value):
    members = SECTIONS[section]
    kinds = members.get(path, "object")
    seen[section].add(path)
    if value is None and path.rpartition(".")[2] in ("promised", "reservation"):
        withheld[section].add(path)
    check(is_a(value, kinds), f"{section}: {path} is {value!r}, not {kinds}")
    if kinds.startswith("any"):
        return
    if isinstance(value, list):
        for item in value:
            compare_members(section, path + "[]", item)
    if not isinstance(value, dict):
        return
    head = path + "." if path else ""
    if kinds == "map":
        for item in value.values():
            compare_members(section, head + "*", item)
        return
    for name, item in value.items():
        check(head + name in members, f"{section}: {head + name} is not in docs/json.md")
        compare_members(section, head + name, item)
    for name, kind in members.items():
        if name.startswith(head) and not re.search(r"[.\[]", name[len(head):]) and not kind.endswith("?"):
            check(name[len(head):] in value, f"{section}: {name} is missing in {list(value)}")


def compare(section, ran):
    document = json.loads(ran.stdout)
    compare_members(section, "", document)
    return document


GRAPH = ["test.video", "rate=50", "width=320", "height=180", "!", "probe.timecode"]

with Node() as node:
    ledger = node.path("run.ledger")
    compare("check", node.run("check", *GRAPH, "--json"))
    report = compare("run", node.run("run", *GRAPH, "--for", "1s", "--ledger", ledger, "--json", code=None))
    compare("run", node.run("run", *GRAPH, "--for", "1s", "--best-effort", "--json"))
    asap = compare("run", node.run("run", "test.video live=false width=64 height=64 ! null", "--for", "1s", "--json"))
    for _ in range(10):  # all of it between two looks of tactusd
        brief = json.loads(node.run("run", "test.video live=false width=64 height=64 ! null", "--for", "20ms", "--no-profile", "--json").stdout)
        check(brief["on_time"] == 1 and brief["first_frame_ns"] > 0, f"one frame, and no first one: {brief}")
    check(asap["delay_ns"] is None and asap["sinks"]["null"]["slack_min_ns"] is None, f"a delay in asap: {asap}")
    compare("prove", node.run("prove", ledger, "--json"))
    compare("prove", node.run("prove", ledger, "--head", report["ledger_head"], "--json"))
    compare("report", node.run("report", ledger, "--json"))
    compare("explain", node.run("explain", ledger, "--json"))
    compare("explain frame", node.run("explain", ledger, "7", "--json"))
    compare("explain all", node.run("explain", ledger, "all", "--json"))
    # A feed without end or data: the join uses its late policy, and each use is recorded.
    os.mkfifo(node.path("feed"))
    keeper = os.open(node.path("feed"), os.O_RDWR)
    late = node.path("late.ledger")
    node.run("run", "test.video name=a width=64 height=64 rate=25 ! video.overlay name=o late.b=drop ! null "
             f"raw.read live=true url={node.path('feed')} format=I420 width=16 height=16 rate=25 ! o.b",
             "--best-effort", "--for", "1s", "--ledger", late, code=None)
    os.close(keeper)
    told = compare("explain all", node.run("explain", late, "all", "--json"))
    if told["uses"]:
        compare("explain frame", node.run("explain", late, str(told["uses"][-1]["index"]), "--json"))
    compare("detached", node.run("run", *GRAPH, "--for", "20s", "--detach", "--json"))
    wait_for(lambda: node.status()["services"], 10, "the detached service does not run")
    compare("bare", node.run("--json"))
    wait_for(lambda: compare("top", node.run("top", "--json"))["services"][0]["components"], 10, "top shows nothing")
    name = node.status()["services"][0]["name"]
    for service in json.loads(node.run("ps", "--json").stdout):
        compare_members("ps", "", service)
    compare("set", node.run("set", name, "video.pattern=ball", "--json"))
    compare("stop", node.run("stop", name, "--json"))
    for line in json.loads(node.run("logs", name, "--json").stdout):
        compare_members("logs", "", line)
    with open(node.path("two.yaml"), "w", encoding="utf-8") as file:  # two time scales, two containers
        file.write('tactus: 1\nservice: two\nrate: 25\ncomponents:\n  tone: {kind: test.audio, params: {quantum: 240}}\n'
                   '  gain: {kind: audio.gain}\n  pcm: {kind: "null"}\n  cam: {kind: test.video, params: {width: 64, height: 64}}\n'
                   '  album: {kind: "null"}\nflows: [tone ! gain ! pcm, cam ! album]\n')
    node.run("run", node.path("two.yaml"), "--for", "20s", "--best-effort", "--no-profile", "--detach", "--json")
    compare("move", node.run("move", "two", "gain", "video", "--json"))
    node.run("stop", "two")
    compare("completion", node.run("completion", "zsh", "--json"))
    for component in json.loads(node.run("inspect", "--json").stdout):
        compare_members("inspect", "", component)
    compare("inspect", node.run("inspect", "av.encode", "--json"))
    os.chdir(node.folder)
    compare("new", node.run("new", "mine", "--json"))
    if all(shutil.which(tool) for tool in ("clang", "wasm-ld", "wasm2c", "gcc")):
        os.environ["XDG_STATE_HOME"] = os.environ["XDG_CACHE_HOME"] = node.path("own")
        compare("build", node.run("build", "mine/mine.c", "--json"))
    else:
        del SECTIONS["build"]
    compare("check", node.run("check", "test.video width=8192 height=8192 rate=500 ! null", "--json", code=None))
    compare("profile", node.run("profile", *GRAPH, "--for", "300ms", "--json"))
    compare("profile --list", node.run("profile", "--list", "--json"))
    compare("profile --forget", node.run("profile", "--forget", "all", "--json"))
    compare("error", node.run("run", "test.video ! nul", "--json", code=2))
    compare("error", node.run("prove", node.path("nothing"), "--json", code=3))
    for section, members in SECTIONS.items():
        never = {path for path, kind in members.items() if path not in seen[section] and not kind.endswith("?")}
        # Nothing has to be late here.
        never -= {"causes.*", "sinks.*.causes.*", "events[]", "events[].at_ns", "events[].text", "uses[].component", "uses[].index", "uses[].policy",
                  "notes[].component", "notes[].index", "notes[].id", "notes[].value"}
        never = {path for path in never if path.rpartition(".")[0] not in withheld[section]}
        check(not never, f"{section}: documented, and never printed: {sorted(never)}")
