#!/usr/bin/env python3
"""A component that becomes dearer: its budget and the worker's reservation follow, and ledger and top say so."""
import json

from lib import Node, check, skip, wait_for

GRAPH = ("test.video width=64 height=64 rate=250 ! null name=it spin=100000", "--deadline", "30ms")


def watched(node):
    told = json.loads(node.run("top", "--json").stdout)
    service = told["services"][0] if "services" in told else told
    return service["reservation"] or {}, {c["name"]: c["budget_ns"] for c in service["components"]}, service["frames"]


with Node() as node:
    if node.status()["class"] != "deadline":
        skip("no right to SCHED_DEADLINE")
    plan = json.loads(node.run("check", *GRAPH, "--json", code=None).stdout)
    if not plan["admitted"] or plan["class"] != "targeted":
        skip(f"no promise here: {plan['binding']} {plan['class_reason']}")
    notes = open(node.path("notes"), "w+", encoding="utf-8")
    command = node.spawn("run", *GRAPH, "--for", "60s", "--no-profile", "--json", stderr=notes)
    wait_for(lambda: any(s["state"] == "running" for s in node.status()["services"]), 15, "it does not run")
    wait_for(lambda: watched(node)[2] > 320, 15, "it makes no frames")  # enough for its loss
    reservation, budgets, _ = watched(node)
    name = node.status()["services"][0]["name"]
    node.run("set", name, "it.spin=1200000")
    wait_for(lambda: watched(node)[1]["it"] > budgets["it"], 20, f"its budget stays {budgets['it']} ns")
    wait_for(lambda: watched(node)[0]["budget_ns"] > 1.2 * reservation["budget_ns"], 20,
             f"its worker's reservation stays {reservation}: {node.words()}")
    grown = watched(node)
    # More than there is is not admitted: who takes it stays over its budget.
    node.run("set", name, "it.spin=9000000")
    wait_for(lambda: "the worker keeps its" in open(notes.name, encoding="utf-8").read(), 20, "nothing is refused")
    refused = watched(node)
    check(refused[1]["it"] < 8e6, f"the budget of what was refused grew to {refused[1]['it']} ns")
    node.run("stop", name, code=None)
    report = json.loads(command.communicate(timeout=30)[0])
    ledger = json.loads(node.run("explain", report["ledger"], "all", "--json").stdout)
    events = [event["event"] for event in ledger["events"]]
    check({"budget", "reservation", "reservation-refused"} <= set(events), f"the ledger says {events}")
    print(f"budget {budgets['it'] / 1e6:.2f} -> {grown[1]['it'] / 1e6:.2f} ms, reservation {reservation} -> {grown[0]}")
