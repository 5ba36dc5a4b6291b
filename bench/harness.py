"""What all benches share: raw rows that go into a CSV, and rows and claims that are computed from that CSV alone."""
import csv
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

import machine

OUT = os.path.join(machine.TOP, "bench", "out")
COLUMNS = ["what", "who", "scene", "round", "index", "origin_ns", "arrival_ns", "value"]


OURS = ("none", "edge", "worker", "budget", "failed", "unknown")  # causes of a late frame that are ours, as the ledger has them


class Missing(Exception):
    """Something that a bench needs is not here; says what."""


class Wrong(Exception):
    """What was asked for cannot be; says why."""


class Bench:
    """One run of a bench: where its raw rows go, and what it may use."""

    def __init__(self, name, build, is_quick, options):
        self.name, self.build, self.is_quick, self.options = name, os.path.abspath(build), is_quick, options
        self.began, self.rows = time.monotonic(), []
        self.folder = tempfile.mkdtemp(prefix="tactus-bench-")
        self.load, self.settings = machine.Load(), {}

    @functools.cache
    def helper(self, name):
        """Built now: what was built of an older source would measure that."""
        target = os.path.join("bench", name)
        made = subprocess.run(["ninja", "-C", self.build, "--quiet", target], capture_output=True, text=True, check=False)
        if made.returncode != 0:
            raise Missing(f"{target} cannot be built in {self.build}: {(made.stdout + made.stderr).strip()[-900:]}")
        return os.path.join(self.build, target)

    def need(self, *programs):
        for program in programs:
            if shutil.which(program) is None:
                raise Missing(f"{program} is not installed: packaging/bench-packages.txt has its package")

    def path(self, name):
        return os.path.join(self.folder, name)

    def pick(self, name, quick, full):
        """A number that the command line may change; it is told beside the figures."""
        given = self.options.get(name)
        try:
            self.settings[name] = type(full)(given) if given is not None else (quick if self.is_quick else full)
        except ValueError:
            raise Wrong(f"--set {name}={given}: '{given}' is no number such as {full}") from None
        return self.settings[name]

    def say(self, text):
        print(f"{self.name}: {time.monotonic() - self.began:6.1f} s  {text}", file=sys.stderr, flush=True)

    def put(self, what, who, value="", scene="", turn=0, index="", origin_ns="", arrival_ns=""):
        self.rows.append([what, who, scene, turn, index, origin_ns, arrival_ns, value])

    def save(self, head):
        os.makedirs(OUT, exist_ok=True)
        path = os.path.join(OUT, self.name + ".csv")
        with open(path + ".new", "w", encoding="utf-8", newline="") as file:
            file.write("# " + json.dumps(head) + "\n")
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            writer.writerows(self.rows)
        os.replace(path + ".new", path)
        return path

    def close(self):
        if not os.environ.get("TACTUS_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)


class Data:
    """A bench's CSV, read again: what a bench computes its rows and claims from."""

    def __init__(self, path):
        self.frame_rows, self.value_rows = {}, {}
        try:
            self.read(path)
        except OSError as problem:
            raise Wrong(f"cannot read {path}: {problem.strerror}") from None
        except (ValueError, StopIteration) as problem:
            raise Wrong(f"{path} is no raw rows of a bench ({problem or 'it ends early'}); bench/out/NAME.csv has them") from None

    def read(self, path):
        with open(path, encoding="utf-8", newline="") as file:
            self.head = json.loads(file.readline()[2:])
            reader = csv.reader(file)
            if next(reader) != COLUMNS:
                raise ValueError("other columns")
            for what, who, scene, turn, index, origin_ns, arrival_ns, value in reader:
                if origin_ns:
                    frame = (int(index), int(origin_ns), int(arrival_ns) if arrival_ns else None)
                    self.frame_rows.setdefault((what, who, scene), {}).setdefault(int(turn), []).append(frame)
                else:
                    self.value_rows.setdefault((what, who, scene), {}).setdefault(int(turn), []).append(float(value))

    def parties(self, what="frame", scene=""):
        known = list(self.frame_rows) + list(self.value_rows)
        return list(dict.fromkeys(who for found, who, place in known if found == what and place == scene))

    def scenes(self, what="frame"):
        known = list(self.frame_rows) + list(self.value_rows)
        return list(dict.fromkeys(place for found, _, place in known if found == what))

    def frames(self, who, scene="", what="frame"):
        """A list of rounds, each a list of (index, origin_ns, arrival_ns or None: it never came)."""
        turns = self.frame_rows.get((what, who, scene), {})
        return [turns[turn] for turn in sorted(turns)]

    def values(self, what, who, scene=""):
        """A list of rounds, each a list of numbers."""
        turns = self.value_rows.get((what, who, scene), {})
        return [turns[turn] for turn in sorted(turns)]

    def each(self, what, who, scene=""):
        return [value for values in self.values(what, who, scene) for value in values]


def delays_ms(rounds, block_ns=10**9):
    """Of frames that came, as rounds of blocks of a second."""
    found = []
    for frames in rounds:
        blocks = {}
        for _, origin_ns, arrival_ns in frames:
            if arrival_ns is not None:
                blocks.setdefault(origin_ns // block_ns, []).append((arrival_ns - origin_ns) / 1e6)
        found.append([blocks[key] for key in sorted(blocks)])
    return found


def missing(rounds):
    return sum(1 for frames in rounds for frame in frames if frame[2] is None)


def late(rounds, deadline_ns):
    """Frames that came after their deadline or not at all."""
    return sum(1 for frames in rounds for _, origin_ns, arrival_ns in frames
               if arrival_ns is None or arrival_ns - origin_ns > deadline_ns)
