#!/usr/bin/env python3
"""tactusd --metrics: what is served is strictly OpenMetrics, agrees with the report, and is what the Grafana board asks."""
import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request

from lib import BUILD, Node, check, wait_for

BOARD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "packaging", "grafana", "tactus.json")
SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*",?)*)\})? (\S+)')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"')
TAILS = {"counter": ["_total"], "gauge": [""], "histogram": ["_bucket", "_sum", "_count"]}


def read(text, is_open):
    """{(sample name, labels): value}, and {family: type}; any offence against the format is an error."""
    lines = text.split("\n")
    check(lines.pop() == "", "no newline at the end")
    if is_open:
        check(lines.pop() == "# EOF", "no end")
    samples, families, family = {}, {}, None
    for line in lines:
        if line.startswith("# "):
            word, name, rest = line[2:].split(" ", 2)
            check(word in ("HELP", "TYPE") or (word == "UNIT" and is_open and name.endswith("_" + rest)), line)
            if word == "HELP":
                check(name not in families and rest.endswith("."), f"a family comes twice, or has no sentence: {line}")
                family, families[name] = name, None
            elif word == "TYPE":
                check(name == family and rest in TAILS, line)
                families[name] = rest
                if rest == "counter":
                    check(name.endswith("_total") != is_open, f"a counter's family in this format: {line}")
            continue
        found = SAMPLE.fullmatch(line)
        check(found, f"not a sample: {line}")
        name, labels, value = found.groups()
        base = family[:-6] if families[family] == "counter" and not is_open else family
        check(name in [base + tail for tail in TAILS[families[family]]], f"{name} stands under {family}")
        pairs = LABEL.findall(labels or "")
        check(len(dict(pairs)) == len(pairs), f"a label comes twice: {line}")
        key = (name, frozenset(pairs))
        check(key not in samples, f"a sample comes twice: {line}")
        samples[key] = float(value)
        check(samples[key] >= 0, line)
    check_histograms(samples, [name for name, kind in families.items() if kind == "histogram"])
    return samples, families


def check_histograms(samples, families):
    for family in families:
        buckets = {}
        for (name, labels), value in samples.items():
            if name == family + "_bucket":
                rest = frozenset(p for p in labels if p[0] != "le")
                buckets.setdefault(rest, []).append((float(dict(labels)["le"]), value))
        for labels, row in buckets.items():
            check(row == sorted(row) and row[-1][0] == float("inf"), f"{family}: buckets in disorder: {row}")
            check([v for _, v in row] == sorted(v for _, v in row), f"{family}: buckets do not add up: {row}")
            check(samples[(family + "_count", labels)] == row[-1][1], f"{family}: count")
            check((family + "_sum", labels) in samples, f"{family}: sum")


def get(place, path="/metrics", accept=""):
    request = urllib.request.Request(f"http://{place}{path}", headers={"Accept": accept} if accept else {})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.headers["Content-Type"], answer.read().decode()


def refused(place, path="/metrics", method="GET"):
    try:
        urllib.request.urlopen(urllib.request.Request(f"http://{place}{path}", method=method), timeout=10)
    except urllib.error.HTTPError as err:
        return err.code
    return 0


def answers(place):
    try:
        return value(read(get(place)[1], False)[0], "tactus_cpus") > 0
    except OSError:  # the closed ones may still have their places
        return False


def raw(place, data):
    host, port = place.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=10) as line:
        line.sendall(data)
        return line.recv(65536).decode()


def check_by_promtool(text):
    if shutil.which("promtool") is None:
        print("promtool is not installed: only our own reader has looked")
        return
    ran = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=60, check=False)
    check(ran.returncode == 0 and not (ran.stdout + ran.stderr).strip(), f"promtool: {ran.stdout}{ran.stderr}")


class Trickler(threading.Thread):
    """Sends a request that never ends, a byte now and then."""

    def __init__(self, place):
        super().__init__(daemon=True)
        host, port = place.rsplit(":", 1)
        self.line, self.began, self.took = socket.create_connection((host, int(port)), timeout=10), time.monotonic(), None
        self.start()

    def run(self):
        try:
            self.line.sendall(b"GET /metrics HTTP/1.1\r\nX: ")
            while time.monotonic() - self.began < 60:
                self.line.sendall(b"a")
                self.line.settimeout(0.2)
                try:
                    if self.line.recv(100) == b"":
                        break
                except TimeoutError:
                    pass
        except OSError:
            pass
        self.took = time.monotonic() - self.began


def check_board(families):
    """Each metric that the board asks for exists, and each label it sorts by."""
    with open(BOARD, encoding="utf-8") as file:
        board = json.load(file)
    asked = [t["expr"] for panel in board["panels"] for t in panel["targets"]]
    asked += [v["query"] for v in board["templating"]["list"] if v["type"] == "query"]
    names = set(re.findall(r"\btactus_\w+", " ".join(asked)))
    known = {name + tail for name, kind in families.items() for tail in TAILS[kind]}
    check(len(names) > 8 and names <= known, f"the board asks for what there is not: {names - known}")
    labels = set(re.findall(r"(\w+)\s*(?:=~|!=|=)\s*\"", " ".join(asked)))
    for group in re.findall(r"by \(([^)]*)\)", " ".join(asked)):
        labels |= {word.strip() for word in group.split(",")}
    check(labels <= {"service", "sink", "component", "outcome", "cause", "le", "version", "class"}, f"labels: {labels}")


def value(samples, name, **labels):
    return samples[(name, frozenset(labels.items()))]


with Node("--metrics", "127.0.0.1:0") as node:
    place = re.search(r"metrics at http://(127\.0\.0\.1:\d+)/metrics\n", node.words()).group(1)
    kind, text = get(place)
    check(kind == "text/plain; version=0.0.4; charset=utf-8", kind)
    read(text, False)
    trickler = Trickler(place)
    report = node.report("test.video name=cam width=64 height=64 rate=100 ! null name=out", "--name", "one", "--for", "1s",
                         "--best-effort", "--no-profile")
    kind, text = get(place, accept="application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
    check(kind == "application/openmetrics-text; version=1.0.0; charset=utf-8", kind)
    samples, families = read(text, True)
    check_by_promtool(get(place)[1])
    for outcome in ("on_time", "late", "lost"):
        found = value(samples, "tactus_frames_total", service="one", sink="out", outcome=outcome)
        check(found == report[outcome], f"{outcome}: {found} against {report}")
    check(value(samples, "tactus_slack_seconds_count", service="one", sink="out") == report["on_time"], "slack")
    check(value(samples, "tactus_cost_seconds_count", service="one", component="cam") >= report["on_time"], "cost")
    check(value(samples, "tactus_services") == 0, "a service is left")
    misses = sum(v for (name, _), v in samples.items() if name == "tactus_deadline_miss_total")
    check(misses == report["late"] + report["lost"], f"{misses} misses")
    check_board(families)

    check(refused(place, "/") == 404 and refused(place, "/metricsx") == 404, "another page")
    check(refused(place, method="POST") == 405, "another method")
    for nonsense in (b"\1\xff\r\n\r\n", b"GET /metrics HTTP/1.1\r\n\r\n", b"GET /metrics HTTP/9.9\r\nHost: a\r\n\r\n"):
        check(re.match(r"HTTP/1\.[01] 4|HTTP/1\.1 505|$", raw(place, nonsense)), f"{nonsense}: {raw(place, nonsense)}")
    check(raw(place, b"GET /metrics HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 8166).startswith("HTTP/1.1 431"), "a long request")
    check(raw(place, b"HEAD /metrics HTTP/1.1\r\nHost: a\r\n\r\n").endswith("\r\n\r\n"), "HEAD has a body")
    host, port = place.split(":")
    silent = [socket.create_connection((host, int(port))) for _ in range(16)]
    check(node.status() is not None, "silent connections hold the node up")
    for line in silent:
        line.close()
    wait_for(lambda: answers(place), 10, "it answers no more")
    taken = subprocess.run([os.path.join(BUILD, "tactusd"), "--foreground", "--socket", node.path("other"), "--state",
                            node.path("state2"), "--metrics", place], capture_output=True, text=True, timeout=20, check=False)
    check(taken.returncode == 3 and "cannot listen on" in taken.stderr, f"a port that is taken: {taken}")
    trickler.join(timeout=30)
    check(trickler.took is not None and 4 < trickler.took < 20, f"a request that never ends is ended after {trickler.took} s, not 5")
