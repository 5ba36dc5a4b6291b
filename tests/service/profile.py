#!/usr/bin/env python3
"""profile measures on purpose, keeps what it measured, draws it, forgets it; its load ends with whoever asked."""
import json
import xml.dom.minidom

from lib import Node, check, wait_for

GRAPH = "test.video width=320 height=180 ! video.scale width=160 height=90 ! null"


def measure(node, *words):
    ran = node.run("profile", GRAPH, "--for", "500ms", "--json", *words)
    return json.loads(ran.stdout), ran.stderr


def kept(node):
    return json.loads(node.run("profile", "--list", "--json").stdout)["profiles"]


with Node() as node:
    first, words = measure(node)
    check([c["name"] for c in first["components"]] == ["video", "scale", "null"], f"{first['components']}")
    check([s["name"] for s in first["segments"]] == ["video"], f"{first['segments']}")
    for one in first["components"] + first["segments"]:
        check(one["count"] >= 20, f"{one['name']} ran {one['count']} times")
        times = [one[member] for member in ("min_ns", "p50_ns", "p99_ns", "p99_9_ns", "max_ns")]
        check(times == sorted(times) and one["min_ns"] <= one["mean_ns"] <= one["max_ns"], f"{one}")
        check(sum(count for _, count in one["histogram"]) == one["count"], f"{one['name']}: bins and count differ")
        check(one["known"] == min(one["count"], 20000), f"{one['known']} are known of {one['count']}")
    check(len(kept(node)) == 4 and all(row["current"] and row["pace"] == "asap" for row in kept(node)), f"{kept(node)}")

    # The same service adds to what is known, another size is another profile.
    second, _ = measure(node, "-o", node.path("p.svg"))
    check(second["segments"][0]["key"] == first["segments"][0]["key"], "the same service has another key")
    check(second["segments"][0]["known"] > first["segments"][0]["known"], "a second measurement adds nothing")
    check(xml.dom.minidom.parse(node.path("p.svg")).documentElement.tagName == "svg", "no picture")
    other, _ = measure(node, "--set", "video.width=640")
    check(other["segments"][0]["key"] != first["segments"][0]["key"], "another size has the same key")

    # A run with a promise refines what is known live, apart from what was measured on purpose.
    if json.loads(node.run("--json").stdout)["class"] == "deadline":
        node.run("run", GRAPH, "--for", "1s", "--quiet", code=None)
        check(any(row["pace"] == "live" for row in kept(node)), "a run taught nothing")

    text = node.run("profile", GRAPH, "--for", "200ms").stdout
    check(all(word in text for word in ("components", "segments", "scale", "p99.9", "known")), text)
    key = first["segments"][0]["key"]
    check(key[:12] in node.run("profile", "--list").stdout, "the list does not show the key")
    node.run("profile", "--forget", key[:12])
    check(key not in [row["key"] for row in kept(node)], "a profile is not forgotten")
    node.run("profile", "--forget", key[:12], code=3)
    node.run("profile", "--forget", "xyz", code=2)
    node.run("profile", "--forget", "all")
    check(kept(node) == [], "all is not all")
    node.run("profile", "raw.read url=- format=I420 width=16 height=16 rate=25 ! null", code=2)
    node.run("profile", GRAPH, "--for", "1h1", code=2)

    # Whoever asked dies, and with him what keeps the CPUs busy.
    asker = node.spawn("profile", GRAPH, "--for", "60s")
    wait_for(lambda: node.processes("container"), 10, "nothing is measured")
    asker.kill()
    asker.communicate()
    wait_for(lambda: not node.processes("container"), 5, "the CPUs are still kept busy")
