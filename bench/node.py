"""A tactusd of the bench's own, and our services on it."""
import json
import os
import signal
import socket
import subprocess
import time

import machine


class Node:
    def __init__(self, bench, *options):
        self.bench = bench
        self.socket, self.state = bench.path("control"), bench.path("state")
        self.env = dict(os.environ, TACTUS_SOCKET=self.socket, TACTUS_STATE=self.state, NO_COLOR="1")
        self.log = open(bench.path("tactusd.log"), "a", encoding="utf-8")
        self.daemon = subprocess.Popen(
            [os.path.join(bench.build, "tactusd"), "--foreground", "--socket", self.socket, "--state", self.state, *options],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        end = time.monotonic() + 20
        while not self.is_listening():
            if time.monotonic() > end or self.daemon.poll() is not None:
                raise RuntimeError("tactusd does not listen: " + machine.read(bench.path("tactusd.log"))[-1000:])
            time.sleep(0.02)
        self.status = json.loads(self.command("--json").stdout)

    def is_listening(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            try:
                probe.connect(self.socket)
            except OSError:
                return False
        return True

    def words(self, *words):
        return [os.path.join(self.bench.build, "tactus"), *words]

    def command(self, *words, timeout=120, check=True):
        ran = subprocess.run(self.words(*words), env=self.env, capture_output=True, text=True, stdin=subprocess.DEVNULL,
                             timeout=timeout, check=False)
        if check and ran.returncode != 0:
            raise RuntimeError(f"tactus {' '.join(words)}: exit {ran.returncode}: {ran.stderr[-1500:]}{ran.stdout[-500:]}")
        return ran

    def spawn(self, *words, **options):
        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("stdout", subprocess.DEVNULL)
        options.setdefault("stderr", subprocess.DEVNULL)
        return subprocess.Popen(self.words(*words), env=self.env, **options)

    def explain(self, ledger):
        """All records of a ledger."""
        return json.loads(self.command("explain", ledger, "all", "--json").stdout)

    def report(self, ledger):
        return json.loads(self.command("report", ledger, "--json").stdout)["report"]

    def close(self):
        if self.daemon.poll() is None:
            self.daemon.send_signal(signal.SIGTERM)
            try:
                self.daemon.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.daemon.kill()
                self.daemon.wait()
        self.log.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
