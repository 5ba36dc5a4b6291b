#!/usr/bin/env python3
"""A refusal offers what would fit: each offer is a service that check admits, in the class that was refused."""
import json
import os

from lib import Node, check

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HEAVY = "test.video width=1280 height=720 rate=50 ! null spin=60000000"  # 60 ms or so in each 20 ms

with Node() as node:
    plan = json.loads(node.run("check", HEAVY, "--json", code=1).stdout)
    check(not plan["admitted"] and plan["would_fit"], f"nothing is offered: {plan}")
    check(len(plan["would_fit"]) <= 3, f"{len(plan['would_fit'])} offers")
    words = node.run("check", HEAVY, "--no-profile", code=1).stdout
    check("what would fit" in words and "tactus check" in words, words)
    for number, offer in enumerate(plan["would_fit"]):
        check(f"--set {offer['sets'][0]}" in words.replace("\\\n", " "), f"{offer['sets']} is not in: {words}")
        path = node.path(f"offer{number}.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(offer["service"])
        # Without a measurement of its own, which on a noisy machine may differ from the one that was offered on.
        told = json.loads(node.run("check", path, "--no-profile", "--json").stdout)
        check(told["admitted"] and "would_fit" not in told, f"{offer['change']} is refused: {told['binding']}")
        sets = [word for one in offer["sets"] for word in ("--set", one)]
        node.run("check", HEAVY, *sets, "--no-profile")
    # What is asked for comes first, the change after it: the offer is the same service by other words.
    more = json.loads(node.run("check", HEAVY, "--deadline", "1ms", "--no-profile", "--json", code=1).stdout)
    check(all("deadline: 1ms" in o["service"] or "deadline" in o["change"] for o in more["would_fit"]), f"{more}")
    admitted = json.loads(node.run("check", "test.video width=64 height=64 rate=10 ! null", "--json").stdout)
    check("would_fit" not in admitted, "an admitted service is offered something")
