#!/usr/bin/env python3
"""Sandboxed components in a service: frames go through, a trap ends one instance and is told, the rest goes on."""
import json
import os
import subprocess

from lib import Node, check, need

need("gcc")
TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
# The module reaches out of its memory at index 10 and loops for ever at index 20, or soon after.
SERVICE = """
tactus: 1
service: sandbox
rate: 25
components:
  first: {kind: test.video, params: {width: 64, height: 64}}
  second: {kind: test.video, params: {width: 64, height: 64}}
  risky: {kind: ./libmodule.so}
  out: {kind: "null"}
  beside: {kind: "null"}
flows: [first ! risky ! out, second ! beside]
"""

with Node() as node:
    os.chmod(node.folder, 0o755)
    os.mkdir(node.path("work"))
    os.chdir(node.path("work"))
    subprocess.run(["gcc", "-w", "-O1", "-shared", "-fPIC", "-D_GNU_SOURCE", "-DFAKE_SERVICE", "-I" + TOP + "/include",
                    "-I" + TOP + "/src", "-I" + TOP + "/tests", "-o", "libmodule.so",
                    os.path.join(TOP, "tests", "sandbox", "fake.c")], check=True)
    ledger = node.path("sandbox.ledger")
    with open("service.yaml", "w", encoding="utf-8") as text:
        text.write(SERVICE)
    ran = node.run("run", "service.yaml", "--for", "1500ms", "--best-effort", "--json", "--ledger", ledger,
                   code=None)
    report = json.loads(ran.stdout)
    check("sinks" in report, f"a sandboxed component does not run: {report}")
    out, beside = report["sinks"]["out"], report["sinks"]["beside"]
    check(out["frames"] in (37, 38), f"frames of the sandboxed chain: {out}")
    check(2 <= out["lost"] <= 2 + out["frames"] // 2, f"two activations met a trap, lost are {out['lost']}: {ran.stderr}")
    check(beside["on_time"] >= beside["frames"] // 2, f"a neighbour does not go on: {beside}")
    told = " ".join(ran.stderr.split())
    check("'risky' (./libmodule.so) reached outside of its memory in fake" in told, f"the trap is not told: {told}")
    check("'risky' (./libmodule.so) was over its time in fake" in told, f"the loop is not told: {told}")
    check("begins anew from its snapshot, trap 2" in told, f"it did not begin anew: {told}")
    check("died" not in node.words(), f"a trap ended the container: {node.words()}")
    told = json.loads(node.run("explain", ledger, "all", "--json").stdout)["frames"]
    lost = [frame for frame in told if frame["sink"] == "out" and frame["outcome"] == "lost"]
    check(("failed", "risky") in {(frame["cause"], frame["component"]) for frame in lost}, f"the trap has no cause: {lost}")
    first = next(frame for frame in lost if frame["cause"] == "failed")
    words = node.run("explain", ledger, str(first["index"]), "--sink", "out").stdout
    check("a component failed (ours): `risky`" in " ".join(words.split()), f"explain names another: {words}")
    print(f"out: {out['on_time']} of {out['frames']} on time, lost {out['lost']}; beside: {beside['on_time']} of "
          f"{beside['frames']}, lost {beside['lost']}")
