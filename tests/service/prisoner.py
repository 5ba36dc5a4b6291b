#!/usr/bin/env python3
"""A sandboxed component that tries 43 things that it may not, and eight sources that ask for what no component gets: each fails, is
counted, ends nothing but its own instance, and the service beside it keeps its frames."""
import json
import os
import shutil
import subprocess

from lib import Node, check, skip

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
TRAPS, LOOPS, ESCAPED = 23, (91, 161), 1000
# What a source may not ask for: the C library's way to files, sockets, time, the environment, threads.
WANTS = {"open": "FILE *f = fopen(\"/etc/passwd\", \"r\"); return f != 0;", "write": "return printf(\"x\");",
         "clock": "return (int)time(0);", "random": "unsigned char b[4]; return getentropy(b, 4);", "environment": "return getenv(\"HOME\") != 0;",
         "exit": "exit(1); return 0;", "socket": "return recv(0, 0, 0, 0);", "folder": "return mkdir(\"/tmp/x\", 0);"}
SMALL = """#include <tactus/component.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
static const struct tt_port ports[] = {{{{.name = "out", .is_output = 1}}}};
static int shape(const struct tt_request *q, struct tt_shape *ret, struct tt_error *err) {{ return 0; }}
static int init(void *state, const struct tt_request *q, struct tt_error *err) {{ return 0; }}
static int process(void *state, struct tt_call *call) {{ {} }}
const struct tt_component tt_plugin = {{.abi = TT_ABI, .size = sizeof(struct tt_component), .name = "small", .help = "wants more",
  .ports = ports, .port_count = 1, .shape = shape, .init = init, .process = process}};
"""

for tool in ("clang", "wasm-ld", "wasm2c", "gcc"):
    if shutil.which(tool) is None:
        skip(f"there is no {tool}")

with Node() as node:
    os.chmod(node.folder, 0o755)
    os.mkdir(node.path("work"))
    os.chdir(node.path("work"))

    def build(source, package):
        return subprocess.Popen([node.tactus, "build", source, "-o", package], env=node.env, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True)

    shutil.copy(os.path.join(TOP, "tests", "service", "prisoner.c"), "prisoner.c")
    for name, words in WANTS.items():
        with open(f"{name}.c", "w", encoding="utf-8") as text:
            text.write(SMALL.format(words))
    builds = {name: build(f"{name}.c", f"{name}.tactus") for name in ["prisoner", *WANTS]}
    for name, running in builds.items():
        said = running.communicate(timeout=60)[0]
        check((running.returncode == 0) == (name == "prisoner") == os.path.exists(f"{name}.tactus"),
              f"{name}: exit {running.returncode}: {said}")

    beside = node.spawn("run", "test.video", "width=64", "height=64", "rate=50", "!", "null", "--for", "3s", "--best-effort", "--deadline",
                        "3s", "--quiet", "--ledger", node.path("beside.ledger"))
    ledger = node.path("prisoner.ledger")
    node.run("run", "test.video", "width=64", "height=64", "rate=100", "!", "./prisoner.tactus", "!", "null", "--for", "2400ms",
             "--deadline", "3s", "--best-effort", "--no-profile", "--quiet", "--ledger", ledger, code=None)
    told = json.loads(node.run("explain", ledger, "all", "--json").stdout)
    beside.communicate(timeout=30)

    escaped = [note for note in told["notes"] if note["id"] == ESCAPED]
    check(not escaped, f"it could: {escaped}")
    traps = {note["index"] for note in told["notes"] if note["id"] == 27}
    tried = {frame["index"] for frame in told["frames"]}
    check(tried == set(range(min(tried), max(tried) + 1)), f"frames without a record: {set(range(max(tried))) - tried}")
    missed = [index for index in range(1, 2 * TRAPS, 2) if index in tried and index not in traps]
    called = {hop["index"] for hop in told["hops"] if hop["component"] == "prisoner_tac"}
    missed = [index for index in missed if index in called]  # a frame that was lost before it has no activation
    check(len(called) > 2 * TRAPS and not missed, f"{len(called)} calls, traps at {sorted(traps)}; none at {missed}")
    looped = [note["index"] for note in told["notes"] if note["id"] == 27 and note["index"] >= LOOPS[0] - 1]
    check(len(looped) == 2, f"loops were ended at {looped}")
    check(not [event for event in told["events"] if event["event"] in ("died", "stuck")],
          f"its container ended: {told['events']}")
    last = [frame for frame in told["frames"] if frame["index"] > LOOPS[1] + 65]
    check(last and all(frame["outcome"] != "lost" for frame in last), f"it does not go on afterwards: {last}")
    frames = json.loads(node.run("explain", node.path("beside.ledger"), "all", "--json").stdout)["frames"]
    lost = [frame for frame in frames if frame["outcome"] != "on_time"]
    check(len(frames) >= 140 and len(lost) <= 2, f"the service beside it lost {len(lost)} of {len(frames)}: {lost[:5]}")
    print(f"{len(traps)} traps, {len(WANTS)} sources refused, beside it {len(frames)} frames, {len(lost)} not on time")
