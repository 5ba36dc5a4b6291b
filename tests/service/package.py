#!/usr/bin/env python3
"""A package that `tactus build` made runs in a service, gives what its native twin gives, touches the frames that it is granted, and is
refused under another key."""
import hashlib
import json
import os
import subprocess
import tempfile

from lib import Node, check, need

need("clang", "wasm2c", "gcc")
TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
home = tempfile.TemporaryDirectory()
os.environ["XDG_STATE_HOME"] = os.path.join(home.name, "state")
os.environ["XDG_CACHE_HOME"] = os.path.join(home.name, "cache")


SOURCE = os.path.join(TOP, "src", "cli", "new", "filter.c")
# Writes into its input, once.
WRITER = "if (call->index == 3) ((uint8_t *)(uintptr_t)in->data)[0] ^= 1;\n    for (uint32_t n = 0; n < luma_bytes"
VIDEO = ("test.video", "live=false", "width=64", "height=64", "!")


def picture(node, kind, *words):
    """SHA-256 of all pictures that came through it."""
    ran = node.run("run", *VIDEO, kind, "amount=9", *words, "!", "raw.write", "url=-", "--for", "400ms", "--no-profile", binary=True)
    check(len(ran.stdout) == 10 * 64 * 64 * 3 // 2, f"{kind}: {len(ran.stdout)} bytes: {ran.stderr.decode()[-900:]}")
    return hashlib.sha256(ran.stdout).hexdigest()


def traps(node, *words):
    """Where a component that writes into its input was ended for it."""
    ledger = node.path("writer.ledger")
    if os.path.exists(ledger):
        os.remove(ledger)
    node.run("run", *VIDEO, "./writer.tactus", *words, "!", "null", "--for", "400ms", "--no-profile", "--ledger", ledger, code=None)
    notes = json.loads(node.run("explain", ledger, "all", "--json").stdout)["notes"]
    return [(note["index"], note["value"] % 256) for note in notes if note["id"] == 27]


def frames_are_granted(node):
    """`grants: call`: its output is its own, its input is to read, and what is not sandboxed has no such key."""
    check(picture(node, "./bright.tactus", "grants=call") == picture(node, "./bright.tactus"), "other pictures with frames granted")
    check(traps(node) == [], "the frames of a service's own container are not to be written")
    check(traps(node, "grants=call") == [(3, 1)], "an input was written that was granted to be read")
    ran = node.run("check", *VIDEO, "./libbright.so", "grants=call", "!", "null", code=2)
    check("'bright' (./libbright.so) is not sandboxed" in " ".join(ran.stderr.split()), f"no word of it: {ran.stderr}")


with home, Node() as node:
    os.chmod(node.folder, 0o755)
    os.mkdir(node.path("work"))
    os.chdir(node.path("work"))
    with open(SOURCE, encoding="utf-8") as skeleton, open("writer.c", "w", encoding="utf-8") as writer:
        writer.write(skeleton.read().replace("for (uint32_t n = 0; n < luma_bytes", WRITER))
    other = node.spawn("build", "writer.c", "-o", "writer.tactus", "--quiet")
    node.run("build", SOURCE, "-o", "bright.tactus", "--quiet")
    subprocess.run(["cc", "-w", "-O1", "-shared", "-fPIC", "-I" + TOP + "/include", "-I" + TOP + "/src", "-o", "libbright.so", SOURCE,
                    os.path.join(TOP, "src", "base", "error.c"), os.path.join(TOP, "src", "base", "format.c"),
                    os.path.join(TOP, "src", "components", "plugin_side.c")], check=True)
    check(picture(node, "./bright.tactus") == picture(node, "./libbright.so"), "the sandbox gives other pictures than the same source natively")
    check(other.wait(timeout=60) == 0, f"writer.c is not built: {other.stderr.read()}")
    frames_are_granted(node)
    with open("noise.tactus", "wb") as file:
        file.write(bytes(range(200)))
    ran = node.run("check", *VIDEO, "./noise.tactus", "!", "null", code=2)
    check(": ./noise.tactus: this is no package" in " ".join(ran.stderr.split()) and ran.stderr.count("noise.tactus:") == 1, f"not so: {ran.stderr}")

    with open(os.path.join(os.environ["XDG_STATE_HOME"], "tactus", "build.key"), "wb") as key:
        key.write(os.urandom(32))
    ran = node.run("run", "test.video", "!", "./bright.tactus", "!", "null", "--for", "200ms", "--best-effort", code=None)
    check(ran.returncode != 0 and "was not built by this user" in " ".join(ran.stderr.split()), f"a seal that is not ours is taken: {ran.stderr}")
