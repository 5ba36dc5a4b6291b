#!/usr/bin/env python3
"""Components by path: what runs, what is refused with which words, and how little a stranger's code can reach."""
import json
import os
import re
import subprocess

from lib import Node, check, need

need("cc")
TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
FILTER = open(os.path.join(TOP, "src", "cli", "new", "filter.c"), encoding="utf-8").read()
# Tells on stderr, which is tactusd's, who it is and what it can open.
SPY = r"""
#include <stdio.h>
#include <sys/syscall.h>
unsigned getuid(void);
long syscall(long, ...);
static int try(const char *path, int flags) { return syscall(SYS_open, path, flags, 0600) >= 0; }
__attribute__((constructor)) static void look(void)
{
    dprintf(2, "spy uid=%d files=%d write=%d\n", (int)getuid(), try("/etc/hostname", 0) + try("/etc/shadow", 0),
            try("/tmp/tactus-spy-was-here", 0101));
}
"""
# The skeleton's sink as an edge: what it notes comes out of a process of its own.
EDGE = open(os.path.join(TOP, "src", "cli", "new", "sink.c"), encoding="utf-8").read()
EDGE = EDGE.replace(".version = 1,", ".version = 1, .flags = TT_EDGE | TT_SEPARATE, .edge = &edge,").replace(
    "const struct tt_component tt_plugin", "static const struct tt_edge edge = {.step = process};\nconst struct tt_component tt_plugin")
CRASH = "__attribute__((constructor)) static void c(void) { __builtin_trap(); }"


def build(node, name, text):
    path = node.path("work", f"lib{name}.so")
    subprocess.run(["cc", "-w", "-O1", "-shared", "-fPIC", "-I" + TOP + "/include", "-I" + TOP + "/src", "-x", "c", "-", "-o", path,
                    os.path.join(TOP, "src", "base", "error.c"), os.path.join(TOP, "src", "base", "format.c"),
                    os.path.join(TOP, "src", "components", "plugin_side.c")], input=text, text=True, check=True)


with Node() as node:
    os.chmod(node.folder, 0o755)
    os.mkdir(node.path("work"))
    os.chdir(node.path("work"))
    build(node, "bright", FILTER)
    build(node, "spy", SPY + FILTER)
    build(node, "old", FILTER.replace(".abi = TT_ABI", ".abi = 0"))
    build(node, "nothing", "int nothing;")
    build(node, "crash", CRASH + FILTER)
    build(node, "dies", FILTER.replace("const uint8_t *from", "if (call->index == 7) __builtin_trap(); const uint8_t *from"))
    with open("text.so", "w", encoding="utf-8") as text:
        text.write("no program\n")

    report = node.report("test.video", "width=64", "height=64", "!", "./libspy.so", "amount=3", "!", "null", "--for", "1s",
                         "--best-effort", code=None)
    check(report["frames"] == 25 and report["lost"] < 5, f"a component by path does not run: {report}")
    told = re.findall(r"spy uid=(\d+) files=(\d) write=(\d)", node.words())
    check(len(told) >= 2, f"the spy was not loaded in shaper and container: {told}")
    check(all(files == "0" and write == "0" for _, files, write in told), f"a stranger's code reaches files: {told}")
    check(told[-1][0] != "0", f"a stranger's code runs as root: {told}")
    check(not os.path.exists("/tmp/tactus-spy-was-here"), "a stranger's code wrote a file")

    build(node, "edge", SPY + EDGE)
    known = len(re.findall("spy uid", node.words()))
    ledger = node.path("edge.ledger")
    report = node.report("test.video", "width=64", "height=64", "!", "./libedge.so", "--for", "1s", "--best-effort", "--no-profile",
                         "--ledger", ledger, code=None)
    check(report["frames"] == 25 and report["lost"] < 5, f"an edge by path does not run: {report}")
    told = re.findall(r"spy uid=(\d+) files=(\d) write=(\d)", node.words())[known:]
    check(len(told) == 2 and all(one[1:] == ("0", "0") for one in told), f"an edge by path reaches files: {told}")
    check('"id": 100' in node.run("explain", ledger, "all", "--json").stdout, "what an edge by path noted is not in the ledger")

    shown = node.run("inspect", "./libbright.so").stdout
    check("amount" in shown and "./libbright.so" in shown, f"inspect does not show it: {shown}")
    printed = node.run("run", "test.video", "!", "./libbright.so", "!", "null", "--print").stdout
    check("./libbright.so" in printed and "bright:" in printed, f"the printed service lost it: {printed}")

    for name, words in {"missing": "No such file", "text": "no shared object", "libnothing": "no component",
                        "libold": "ABI 0", "libcrash": "crashed"}.items():
        for ran in (node.run("check", "test.video", "!", f"./{name}.so", "!", "null", code=None),
                    node.run("inspect", f"./{name}.so", code=None)):
            plain = " ".join(ran.stderr.split())
            check(ran.returncode in (2, 3) and words in plain and f"./{name}.so" in plain,
                  f"{name}.so: exit {ran.returncode}: {ran.stderr}")

    # It dies again and again at the same frame: the service goes on beyond it, and says what happened.
    ledger = node.path("dies.ledger")
    report = node.report("test.video", "width=64", "height=64", "!", "./libdies.so", "!", "null", "--for", "1s", "--best-effort",
                         "--no-profile", "--ledger", ledger, code=None)
    check(report["frames"] == 25 and 0 < report["lost"] < 25, f"one that dies in its work: {report}")
    told = json.loads(node.run("explain", ledger, "all", "--json").stdout)["frames"]
    at = [(frame["cause"], frame["component"]) for frame in told if frame["outcome"] == "lost" and frame["index"] == 7]
    check(at == [("failed", "dies")], f"it took its frame with it: {at}")
    check("`dies`" in node.run("explain", ledger, "7").stdout, "explain names another than who crashed")
    check(node.status() is not None, "tactusd is gone")
