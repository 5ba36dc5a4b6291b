#!/usr/bin/env python3
"""Do a ledger's causes agree with a witness that stood beside the program? bench/causes.py LEDGER WITNESS [--json]

WITNESS is what bench/witness wrote while the service ran, started with -p for its container. A late frame that the ledger lays
at the host's door must have a gap there: a time within [origin, delivered], at least as long as it was late, in which a CPU
was taken from a FIFO-99 thread that did not wait behind another thread, or as much steal time. Waiting is the kernel's own
figure: a trace has a thread on its CPU also while the host has that CPU. A late frame without
one is ours, and so is each lost one, whatever the ledger says; input, network, clock and media are not the witness's to judge. A gap
is sampled: it may have begun up to one grid before it was seen. Exit 1: somebody else was blamed without evidence."""
import bisect
import json
import struct
import sys

SEGMENT = struct.Struct("<8sIIQQ32s")
RECORD = struct.Struct("<BBBBHHqqqqqqq")
SEAL_BYTES = 96
PART_AGREEMENT, PART_FRAMES = 1, 2
CAUSES = ["none", "input", "edge", "worker", "budget", "host", "network", "clock", "unknown", "media", "failed"]
OURS = {"none", "edge", "worker", "budget", "failed", "unknown"}
LATE, LOST = 2, 3


def read_ledger(path):
    """The agreement, and the late and lost frames with times in CLOCK_MONOTONIC."""
    with open(path, "rb") as file:
        data = file.read()
    agreement, frames, total, at = {}, [], 0, 0
    while at + SEGMENT.size <= len(data):
        magic, part, _, _, count, _ = SEGMENT.unpack_from(data, at)
        payload = data[at + SEGMENT.size:at + SEGMENT.size + count]
        if magic != b"TTLEDGR1" or len(payload) < count:
            break
        at += SEGMENT.size + count + SEAL_BYTES
        if part == PART_AGREEMENT:
            agreement = json.loads(payload)
        for start in range(0, count if part == PART_FRAMES else 0, RECORD.size):
            kind, outcome, cause, _, sink, component, index, origin, due, delivered, _, _, _ = RECORD.unpack_from(payload, start)
            total += kind == 1
            if kind == 1 and outcome in (LATE, LOST):
                epoch = agreement["epoch_monotonic_ns"]
                frames.append({"sink": sink, "index": index, "component": component, "cause": CAUSES[cause],
                               "is_lost": outcome == LOST, "origin_ns": epoch + origin, "due_ns": epoch + due,
                               "delivered_ns": epoch + delivered if outcome == LATE else None})
    return agreement, frames, total


class Witness:
    """What it saw, in the order in which it began."""

    def __init__(self, lines):
        self.words, self.gaps, self.steals, self.ran, self.lost = {}, [], [], {}, 0
        self.begin_ns, self.end_ns = None, None
        for line in lines:
            what, *words = line.split()
            if what == "witness":
                self.words = dict(zip(words[1::2], words[2::2]))
                self.begin_ns = int(self.words["begin"])
            elif what == "gap":
                cpu, start, length, waited = map(int, words)
                self.gaps.append((start, start + length, cpu, max(0, min(waited, length))))
            elif what == "steal":
                self.steals.append(tuple(map(int, words[1:])))
            elif what == "ran":
                self.ran.setdefault(int(words[1]), []).append((int(words[2]), int(words[3])))
            elif what == "lost":
                self.lost += 1
            elif what == "end":
                self.end_ns = int(words[0])
        self.gaps.sort()
        self.longest = max((end - start for start, end, _, _ in self.gaps), default=0)
        for stretches in self.ran.values():
            stretches.sort()
        self.grid_ns = int(self.words.get("grid", 1000000))

    @classmethod
    def read(cls, path):
        with open(path, encoding="utf-8") as file:
            return cls(file)

    def ran_ns(self, start, end, cpu=None):
        """How long the traced threads had this CPU, or any."""
        if cpu is None:
            return sum(self.ran_ns(start, end, one) for one in self.ran)
        stretches = self.ran.get(cpu, [])
        at, ran = max(0, bisect.bisect(stretches, (start,)) - 1), 0
        while at < len(stretches) and stretches[at][0] < end:
            ran += max(0, min(stretches[at][1], end) - max(stretches[at][0], start))
            at += 1
        return ran

    def gap_ns(self, from_ns, to_ns, is_wait_taken_off=True):
        """The most of one gap within these two that was no waiting behind others; a CPU's gap is seen by its start."""
        most, at = 0, bisect.bisect(self.gaps, (from_ns - self.longest,))
        while at < len(self.gaps) and self.gaps[at][0] < to_ns:
            start, end, _, waited = self.gaps[at]
            taken = end - start - (waited if is_wait_taken_off else 0)
            start, end, at = max(start, from_ns), min(end, to_ns), at + 1
            most = max(most, min(end - start, taken))
        return most

    def steal_ns(self, from_ns, to_ns):
        return max((min(taken, min(end, to_ns) - max(start, from_ns)) for start, end, taken in self.steals
                    if end > from_ns and start < to_ns), default=0)


def judge_frame(frame, witness):
    """agree, disagree (another was blamed without evidence), doubt (ours, though it had a gap), unjudged."""
    if frame["is_lost"]:
        frame.update(late_ns=None, gap_ns=0, ran_ns=0)
        return "disagree" if frame["cause"] == "host" else "agree" if frame["cause"] in OURS else "unjudged"
    late, span = frame["delivered_ns"] - frame["due_ns"], (frame["origin_ns"], frame["delivered_ns"])
    frame.update(late_ns=late, gap_ns=max(witness.gap_ns(*span), witness.steal_ns(*span)), ran_ns=witness.ran_ns(*span))
    if frame["cause"] == "host":
        return "agree" if frame["gap_ns"] + witness.grid_ns >= late else "disagree"
    if frame["cause"] not in OURS:
        return "unjudged"
    return "doubt" if frame["gap_ns"] >= late else "agree"


def judge(frames, witness):
    """Each frame gets its verdict; returns how many of each, and by cause."""
    told = {"late_and_lost": 0, "agree": 0, "disagree": 0, "doubt": 0, "unjudged": 0, "unseen": 0, "ours": 0, "causes": {}}
    for frame in frames:
        seen = frame["delivered_ns"] or frame["due_ns"]
        if frame["origin_ns"] < witness.begin_ns or seen > (witness.end_ns or seen):
            frame["verdict"] = "unseen"
        else:
            frame["verdict"] = judge_frame(frame, witness)
        told[frame["verdict"]] += 1
        told["late_and_lost"] += 1
        told["ours"] += frame["verdict"] in ("disagree", "doubt") or (frame["verdict"] == "agree" and frame["cause"] != "host")
        by_cause = told["causes"].setdefault(frame["cause"], {})
        by_cause[frame["verdict"]] = by_cause.get(frame["verdict"], 0) + 1
    judged = told["late_and_lost"] - told["unseen"] - told["unjudged"]
    told["judged"], told["disagree_rate"] = judged, told["disagree"] / judged if judged else None
    return told


def print_words(told, frames, total, witness):
    rate = "nothing to judge" if told["disagree_rate"] is None else f"disagreement {told['disagree_rate']:.2%}"
    print(f"late and lost {told['late_and_lost']} of {total}, judged {told['judged']}: {rate}; ours {told['ours']}"
          f" (witness: class {witness.words.get('class')}, trace {witness.words.get('trace')}, {len(witness.gaps)} gaps)")
    for cause, verdicts in sorted(told["causes"].items()):
        print(f"  {cause:8}" + "".join(f"  {name} {count}" for name, count in sorted(verdicts.items())))
    for frame in [frame for frame in frames if frame["verdict"] in ("disagree", "doubt")][:20]:
        late = "lost" if frame["is_lost"] else f"late by {frame['late_ns'] / 1e6:.3f} ms"
        print(f"  {frame['verdict']}: sink {frame['sink']} index {frame['index']} {late}, cause {frame['cause']}, gap "
              f"{frame['gap_ns'] / 1e6:.3f} ms, its threads ran {frame['ran_ns'] / 1e6:.3f} ms")


def main():
    words = [word for word in sys.argv[1:] if word != "--json"]
    if len(words) != 2:
        sys.exit(__doc__)
    _, frames, total = read_ledger(words[0])
    witness = Witness.read(words[1])
    told = judge(frames, witness)
    told["frames"] = total
    if "--json" in sys.argv:
        print(json.dumps(told, indent=1))
    else:
        print_words(told, frames, total, witness)
    return 1 if told["disagree"] else 0


if __name__ == "__main__":
    sys.exit(main())
