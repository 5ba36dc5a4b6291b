#!/usr/bin/env python3
"""tactusd itself: SIGTERM ends its services in order, a dead zygote is replaced, another user's files stay his."""
import json
import os
import shutil
import signal
import subprocess
import time

from lib import BUILD, Node, check, children_of, wait_for

NOBODY = 65534


def zygote_of(node):
    return [pid for pid, what in children_of(node.daemon.pid).items() if what == "tactus-host"]


def a_dead_zygote_is_replaced(node):
    command = node.spawn("run", "test.video width=64 height=64 rate=50 ! null", "--for", "20s", "--no-profile", "--json")
    wait_for(lambda: any(s["state"] == "running" for s in node.status()["services"]), 15, "it does not run")
    time.sleep(1)  # one that dies at once is not started again at once
    for _ in range(2):
        wait_for(lambda: len(zygote_of(node)) == 1, 5, "not one zygote")  # a child has its name until it has its own
        old = zygote_of(node)
        os.kill(old[0], signal.SIGKILL)
        wait_for(lambda: zygote_of(node) not in ([], old) or not node.run("check", "test.video ! null", "--no-profile"), 5,
                 "no new zygote")
    check(node.run("run", "test.video width=64 height=64 rate=50 ! null", "--for", "200ms", "--no-profile"), "")
    check(command.poll() is None, "the service died with the zygote")
    return command


def sigterm_ends_in_order(node, command):
    """A file that is being written is finished, and the command gets its report."""
    writer = node.spawn("run", "test.video width=64 height=64 rate=50 ! raw.write url=" + node.path("out.raw"), "--for", "20s",
                        "--no-profile", "--json")
    wait_for(lambda: sum(s["state"] == "running" for s in node.status()["services"]) == 2, 15, "they do not run")
    time.sleep(0.5)
    children = list(children_of(node.daemon.pid))
    node.daemon.send_signal(signal.SIGTERM)
    for one in (command, writer):
        out, err = one.communicate(timeout=60)
        check(one.returncode == 0, f"exit {one.returncode}: {err[-1000:]}")
        report = json.loads(out)
        check(report["frames"] > 10 and report["lost"] == 0, f"{report['frames']} frames, {report['lost']} lost")
        check(report["ledger_head"], "the ledger has no end")
    check(os.path.getsize(node.path("out.raw")) == report["frames"] * 64 * 64 * 3 // 2, "the file is not whole")
    check(node.daemon.wait(timeout=60) == 0, "tactusd's exit code")
    wait_for(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in children), 5, "children outlive tactusd")


def another_user(node):
    """A privileged tactusd touches files as the user who asks: one that he may not read is refused."""
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        print("not root, or no setpriv: two users are not tried")
        return
    os.chmod(node.folder, 0o755)
    for name, mode in (("secret.raw", 0o600), ("open.raw", 0o644)):
        with open(node.path(name), "wb") as raw:
            raw.write(bytes(64 * 64 * 3 // 2 * 5))
        os.chmod(node.path(name), mode)
    os.mkdir(node.path("his"))
    os.chown(node.path("his"), NOBODY, NOBODY)

    def as_nobody(*words):
        return subprocess.run(["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
                               os.path.join(BUILD, "tactus"), *words], env=dict(node.env, HOME="/nonexistent"), cwd="/",
                              capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL)

    def graph(source, sink):
        return f"raw.read url={node.path(source)} width=64 height=64 rate=50 ! raw.write url={node.path(sink)}"

    probe = as_nobody("--version")
    if probe.returncode != 0:
        print("nobody may not run this build: two users are not tried")
        return
    good = as_nobody("run", graph("open.raw", "his/out.raw"), "--no-profile")
    check(good.returncode == 0, f"exit {good.returncode}: {good.stderr}")
    about = os.stat(node.path("his", "out.raw"))
    check(about.st_uid == NOBODY and about.st_size == 64 * 64 * 3 // 2 * 5, f"{about}")
    for source, sink, path in (("secret.raw", "his/b.raw", "secret.raw"), ("open.raw", "root.raw", "root.raw")):
        bad = as_nobody("run", graph(source, sink), "--no-profile")
        check(bad.returncode in (1, 2, 3), f"exit {bad.returncode}: {bad.stderr}")
        check(path in bad.stderr and "ermission denied" in bad.stderr, f"the words: {bad.stderr}")
    check(not os.path.exists(node.path("root.raw")), "a file was made where he may not")


with Node() as node:
    another_user(node)
    sigterm_ends_in_order(node, a_dead_zygote_is_replaced(node))
    print("orderly")
