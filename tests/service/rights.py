#!/usr/bin/env python3
"""The one command that turns the promise on, as it is printed for a user without rights, does so."""
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile

from lib import BUILD, SLOW, Node, check, need, skip, wait_for

NOBODY = 65534
if os.getuid() != 0:
    skip("only root can give rights away")
need("setcap")
if os.statvfs(tempfile.gettempdir()).f_flag & os.ST_NOSUID:
    skip("programs get no capabilities in the folder of temporary files")
folder = tempfile.mkdtemp(prefix="tactus-rights-")
programs, home = os.path.join(folder, "bin"), os.path.join(folder, "home")
env = {"PATH": os.environ["PATH"], "HOME": home, "TACTUS_SOCKET": os.path.join(home, "control"), "NO_COLOR": "1"}


def tactus(*words):
    return subprocess.run([os.path.join(programs, "tactus"), *words], env=env, user=NOBODY, group=NOBODY,
                          extra_groups=[], capture_output=True, text=True, timeout=60 * SLOW, check=False,
                          stdin=subprocess.DEVNULL, cwd=home)


def status():
    return json.loads(tactus("--json").stdout)


def end_daemon():
    try:
        with open(os.path.join(home, "pid"), encoding="utf-8") as file:
            os.kill(int(file.read()), signal.SIGTERM)
    except (OSError, ValueError):
        pass


try:
    os.chmod(folder, 0o755)
    os.mkdir(programs)
    os.mkdir(home)
    os.chown(home, NOBODY, NOBODY)
    for name in ("tactus", "tactusd", "tactus-host"):
        shutil.copy(os.path.join(BUILD, name), programs)
    before = status()
    with open(os.path.join(home, "pid"), "w", encoding="utf-8") as pid_file:
        pid_file.write(str(before["pid"]))
    check(before["class"] == "other", f"a user without rights has the class {before['class']}")
    ran = tactus("run", "test.video ! null", "--for", "1s")
    check(ran.returncode == 0 and "nothing was promised" in ran.stderr, f"exit {ran.returncode}: {ran.stderr}")
    found = re.search(r"^ *(sudo setcap cap_sys_nice\+ep \S+/tactusd && kill \d+)$", ran.stderr, re.M)
    check(found, f"no command is shown: {ran.stderr}")
    check("  " + found[1] + "\n" in tactus().stdout, "bare tactus shows another command")
    # Root needs no sudo, and a test machine may have none.
    made = subprocess.run(["sh", "-c", found[1].removeprefix("sudo ")], check=False, capture_output=True, text=True)
    if made.returncode != 0:
        skip(f"no file can be given a capability here: {made.stderr.strip()}")
    wait_for(lambda: not os.path.exists(f"/proc/{before['pid']}"), 15, "the old tactusd did not end")
    after = status()
    with open(os.path.join(home, "pid"), "w", encoding="utf-8") as pid_file:
        pid_file.write(str(after["pid"]))
    with Node() as node:  # root's: more than the machine gives nobody gets
        best = node.status()["class"]
    check(after["class"] == best, f"the command was run, and the class is {after['class']}, not {best}")
    if best != "deadline":
        skip(f"this machine reserves no CPU time, it gives {best}")
    report = tactus("run", "test.video ! null", "--for", "2s", "--json")
    check(json.loads(report.stdout)["class"] != "bounded", "bounded needs more than this right")
    check("sudo" not in report.stderr, f"what is held is still asked for: {report.stderr}")
finally:
    end_daemon()
    shutil.rmtree(folder, ignore_errors=True)
