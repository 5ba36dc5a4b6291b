#!/usr/bin/env python3
"""A package that `tactus build` made runs in a service, gives what its native twin gives, and is refused under another key."""
import hashlib
import os
import subprocess
import tempfile

from lib import Node, check, need

need("clang", "wasm2c", "gcc")
TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
home = tempfile.TemporaryDirectory()
os.environ["XDG_STATE_HOME"] = os.path.join(home.name, "state")
os.environ["XDG_CACHE_HOME"] = os.path.join(home.name, "cache")


def picture(node, kind, name):
    """SHA-256 of all pictures that came through it."""
    ran = node.run("run", "test.video", "width=64", "height=64", "!", kind, "amount=9", "!", "raw.write", "url=-", "--for", "400ms",
                   "--best-effort", code=None, binary=True)
    check(len(ran.stdout) >= 5 * 64 * 64 * 3 // 2, f"{name}: {len(ran.stdout)} bytes: {ran.stderr.decode()[-900:]}")
    return hashlib.sha256(ran.stdout).hexdigest(), len(ran.stdout)


with home, Node() as node:
    os.chmod(node.folder, 0o755)
    os.mkdir(node.path("work"))
    os.chdir(node.path("work"))
    source = os.path.join(TOP, "src", "cli", "new", "filter.c")
    node.run("build", source, "-o", "bright.tactus", "--quiet")
    subprocess.run(["cc", "-w", "-O1", "-shared", "-fPIC", "-I" + TOP + "/include", "-I" + TOP + "/src", "-o", "libbright.so", source,
                    os.path.join(TOP, "src", "base", "error.c"), os.path.join(TOP, "src", "base", "format.c"),
                    os.path.join(TOP, "src", "components", "plugin_side.c")], check=True)
    sandboxed, native = picture(node, "./bright.tactus", "sandboxed"), picture(node, "./libbright.so", "native")
    if sandboxed[1] == native[1]:
        check(sandboxed == native, "the sandbox gives other pictures than the same source natively")
    print(f"{sandboxed[1]} bytes through the sandbox, {native[1]} natively")

    with open(os.path.join(os.environ["XDG_STATE_HOME"], "tactus", "build.key"), "wb") as key:
        key.write(os.urandom(32))
    ran = node.run("run", "test.video", "!", "./bright.tactus", "!", "null", "--for", "200ms", "--best-effort", code=None)
    check(ran.returncode != 0 and "was not built by this user" in " ".join(ran.stderr.split()), f"a seal that is not ours is taken: {ran.stderr}")
