"""What the tests of whole services share: a private tactusd, the command, and what it left behind."""
import glob
import json
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import zlib

BUILD = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "build")
SKIP = 77
SLOW = 4 if os.environ.get("TACTUS_SANITIZED") else 1  # sanitizers make all of it slower


def skip(why):
    print(f"skipped: {why}")
    sys.exit(SKIP)


def need(*programs):
    for program in programs:
        if shutil.which(program) is None:
            skip(f"{program} is not installed")


def check(fact, sentence):
    if not fact:
        raise AssertionError(sentence)


def wait_for(fact, seconds, sentence):
    """Polls until fact() is true; the limit is generous, for noisy machines."""
    end = time.monotonic() + seconds * SLOW
    while time.monotonic() < end:
        if fact():
            return
        time.sleep(0.02)
    raise AssertionError(sentence)


def children_of(pid):
    """Live descendants of a process, as {pid: command line or name}."""
    parents = {}
    for path in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(path, encoding="utf-8", errors="replace") as text:
                head, tail = text.read().rsplit(")", 1)
            fields = tail.split()
            if fields[0] not in "ZX":
                parents[int(head.split(" ", 1)[0])] = int(fields[1])
        except (OSError, ValueError):
            continue
    found, todo = {}, [pid]
    while todo:
        parent = todo.pop()
        for child, owner in parents.items():
            if owner == parent and child not in found:
                found[child] = name_of(child)
                todo.append(child)
    return found


def name_of(pid):
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8") as text:
            return text.read().strip()
    except OSError:
        return ""


class Node:
    """A tactusd of this test's own, with its socket and state in a folder that goes with it."""

    def __init__(self, *options):
        self.options = options  # of tactusd
        self.folder = tempfile.mkdtemp(prefix="tactus-test-")
        self.socket = os.path.join(self.folder, "control")
        self.env = dict(os.environ, TACTUS_SOCKET=self.socket, NO_COLOR="1")
        self.daemon = None
        self.start()

    def start(self):
        self.log = open(os.path.join(self.folder, "log"), "a", encoding="utf-8")
        self.daemon = subprocess.Popen(
            [os.path.join(BUILD, "tactusd"), "--foreground", "--socket", self.socket, "--state",
             os.path.join(self.folder, "state"), *self.options], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        # The command starts a tactusd of its own where none listens, so it is asked only then.
        wait_for(self.is_listening, 10, "tactusd does not listen")
        wait_for(lambda: self.status() is not None, 10, "tactusd does not answer")

    def is_listening(self):
        if self.daemon.poll() is not None:
            raise AssertionError("tactusd ended: " + self.words())
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe_socket:
            try:
                probe_socket.connect(self.socket)
            except OSError:
                return False
        return True

    def restart(self, *options):
        """Ends tactusd in order and starts it again on what it knows, with other options."""
        self.daemon.send_signal(signal.SIGTERM)
        self.daemon.wait(timeout=15 * SLOW)
        self.log.close()
        self.options = options
        self.start()

    def status(self):
        ran = subprocess.run([self.tactus, "--json"], env=self.env, capture_output=True, text=True,
                             stdin=subprocess.DEVNULL, check=False)
        if self.daemon.poll() is not None:
            raise AssertionError("tactusd ended: " + self.words())
        try:
            return json.loads(ran.stdout) if ran.returncode == 0 and ran.stdout else None
        except ValueError:
            return None

    def words(self):
        with open(os.path.join(self.folder, "log"), encoding="utf-8", errors="replace") as text:
            return text.read()[-3000:]

    @property
    def tactus(self):
        return os.path.join(BUILD, "tactus")

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def run(self, *words, code=0, timeout=60, stdin=subprocess.DEVNULL, binary=False):
        """Runs the command to its end and checks its exit code (None: any)."""
        ran = subprocess.run([self.tactus, *words], env=self.env, capture_output=True, text=not binary,
                             timeout=timeout * SLOW, stdin=stdin, check=False)
        if code is not None and ran.returncode != code:
            raise AssertionError(f"tactus {' '.join(words)}: exit {ran.returncode}, not {code}\n{ran.stdout[-2000:]}"
                                 f"\n{ran.stderr[-3000:]}\ntactusd: {self.words()}")
        return ran

    def spawn(self, *words, **options):
        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        return subprocess.Popen([self.tactus, *words], env=self.env, text=True, **options)

    def report(self, *words, code=0, timeout=60):
        """tactus run ... --json, and the report that it printed."""
        return json.loads(self.run("run", *words, "--json", code=code, timeout=timeout).stdout)

    def processes(self, name):
        """Pids of this node's children of one role: container, edge, shaper; the kernel cuts their names."""
        short = {"container": "tactus-contain", "edge": "tactus-edge", "shaper": "tactus-shaper"}[name]
        return [pid for pid, what in children_of(self.daemon.pid).items() if what == short]

    def close(self):
        if self.daemon and self.daemon.poll() is None:
            self.daemon.send_signal(signal.SIGTERM)
            try:
                self.daemon.wait(timeout=10 * SLOW)
            except subprocess.TimeoutExpired:
                self.daemon.kill()
                self.daemon.wait()
        self.log.close()
        if not os.environ.get("TACTUS_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def seeded():
    """A random source whose seed is printed, and can be given to run it again."""
    seed = int(os.environ.get("SEED", random.randrange(1 << 30)))
    print(f"seed {seed}")
    return random.Random(seed)


def ffmpeg(*words, **options):
    return subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", *words], check=True, **options)


def probe(path, *words):
    ran = subprocess.run(["ffprobe", "-v", "error", "-of", "json", *words, path], check=True, capture_output=True,
                         text=True)
    check(not ran.stderr.strip(), f"ffprobe complains of {path}: {ran.stderr[:500]}")
    return json.loads(ran.stdout)


def write_png(path):
    """A picture of one colour that can be seen through, 16x16."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    with open(path, "wb") as png:
        png.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 16, 16, 8, 6, 0, 0, 0)) +
                  chunk(b"IDAT", zlib.compress((b"\0" + b"\xff\x80\x00\xc0" * 16) * 16)) + chunk(b"IEND", b""))


def clip(path, seconds=6, size="1280x720", rate=24, audio=True):
    """A small clip with B-frames and, unless told otherwise, 5.1 AAC."""
    sound = ["-f", "lavfi", "-i", f"sine=f=440:r=48000:d={seconds}", "-af", "pan=5.1|FL=c0|FR=c0|FC=0.5*c0",
             "-c:a", "aac"] if audio else []
    ffmpeg("-f", "lavfi", "-i", f"testsrc2=s={size}:r={rate}:d={seconds}", *sound, "-c:v", "libx264", "-preset",
           "ultrafast", "-bf", "2", "-g", "48", "-pix_fmt", "yuv420p", path)
    return path
