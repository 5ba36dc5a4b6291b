#!/usr/bin/env python3
"""What waits for a service waits for one user alone, serves once, is told of one at most, and no memory of frames is given twice."""
import os
import re
import shutil
import signal
import subprocess
import sys
import time

from lib import BUILD, Node, check, children_of, wait_for

NOBODY, SCHED_FIFO = 65534, 1
WORDS = ["run", "test.video width=640 height=360 rate=25 ! null", "--no-profile", "--quiet", "--best-effort"]


def container_of(node):
    """Pid, user and pools' files of the one container that runs."""
    wait_for(lambda: any(s["state"] == "running" for s in node.status()["services"]) and node.processes("container"), 15,
             "no container runs")
    pid = node.processes("container")[0]
    with open(f"/proc/{pid}/status", encoding="utf-8") as text:
        user = int(re.search(r"^Uid:\t(\d+)", text.read(), re.M)[1])
    with open(f"/proc/{pid}/maps", encoding="utf-8") as text:
        pools = set(re.findall(r" (\d+) +/memfd:pool", text.read()))
    return pid, user, pools


def is_calm(pid):
    """No thread but those with a reservation is before others: what was lent for the start is given back."""
    policies = []
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/stat", encoding="utf-8") as text:
            policies.append(int(text.read().rsplit(")", 1)[1].split()[38]))
    return SCHED_FIFO not in policies


def rights(pid):
    """The capabilities of each thread, the first one's first; of a process that waits only that one may have any, to lock memory."""
    held = []
    try:
        for task in sorted(os.listdir(f"/proc/{pid}/task"), key=int):
            with open(f"/proc/{pid}/task/{task}/status", encoding="utf-8") as text:
                held.append(int(re.search(r"^CapPrm:\t([0-9a-f]+)", text.read(), re.M)[1], 16))
    except (FileNotFoundError, ProcessLookupError):
        return []  # it ended meanwhile: another user's service came
    return held


def waiting(node):
    return {pid for pid, name in children_of(node.daemon.pid).items() if name == "tactus-spare"}


def serve(node, user):
    words = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"] if user else []
    run = subprocess.Popen([*words, os.path.join(BUILD, "tactus"), *WORDS], cwd="/", env=dict(node.env, HOME="/nonexistent"),
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        found = container_of(node)
        wait_for(lambda: is_calm(found[0]), 15, "a thread of the container is still under SCHED_FIFO")
        check(not any(rights(found[0])), "a thread of the container has a capability")
        return found
    finally:
        run.send_signal(signal.SIGINT)
        run.wait(timeout=20)
        wait_for(lambda: not node.status()["services"], 15, "the service does not end")


if os.geteuid() != 0 or not shutil.which("setpriv"):
    print("not root, or no setpriv: there are no two users")
    sys.exit(77)
with Node() as node:
    os.chmod(node.folder, 0o755)
    pids, pools, last_user, parked = set(), set(), 0, set()
    time.sleep(2)  # tactusd lets others go first before it makes processes
    for user in (0, 0, NOBODY, NOBODY, 0):
        before = waiting(node)
        wait_for(lambda: not any(any(rights(pid)[1:]) for pid in waiting(node)), 15, "a worker that waits has a capability")
        pid, found_user, found_pools = serve(node, user)
        check(found_user == user, f"the container of user {user} runs as {found_user}")
        check(pid not in pids, "a process serves twice")
        check(found_pools and not found_pools & pools, "memory of frames was given twice")
        check(user == last_user or pid not in before, "a process that waited for one user serves another")
        parked |= {pid} & before
        pids.add(pid)
        pools |= found_pools
        last_user = user
        time.sleep(0.3)
    refused = ["run", WORDS[1], "--no-profile", "--quiet", "--deadline", "1us"]
    node.run("check", WORDS[1], "--deadline", "1us", code=1)  # what it costs is known then
    node.run(*refused, code=1)  # and what the words mean
    wait_for(lambda: len(waiting(node)) == 5, 15, "no processes wait again")
    before = waiting(node)
    node.run(*refused, code=1)
    wait_for(lambda: before - waiting(node), 15, "nobody was told of the service while it was planned")
    told = before - waiting(node)
    wait_for(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in told), 15, "who was told of a refused service is still there")
    check(parked, "none of the services had a process that waited")
    print(f"{len(parked)} of {len(pids)} services had a process that waited")
