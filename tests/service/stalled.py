#!/usr/bin/env python3
"""A reader that does not read holds up nobody but its own service, which ends though its edge must be killed."""
import os
import signal
import time

from lib import Node, check, wait_for

with Node() as node:
    fifo = node.path("fifo")
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    command = node.spawn("run", f"test.video width=640 height=360 rate=25 ! raw.write url={fifo}", "--best-effort",
                         "--no-profile", "--quiet")
    wait_for(lambda: node.processes("container"), 20, "the service never ran")
    time.sleep(1)  # the FIFO is full and its edge stands in a write
    command.send_signal(signal.SIGKILL)
    command.wait(timeout=10)
    wait_for(lambda: (node.status() or {}).get("services") == [], 20, "a service whose user is gone does not end")
    check(not node.processes("container"), "its container is left behind")
    os.close(reader)
