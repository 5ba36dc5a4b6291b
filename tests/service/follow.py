#!/usr/bin/env python3
"""A component that becomes dearer: its budget and its worker's reservation follow, another worker's does not, and ledger and top say so."""
import json

from lib import Node, check, skip, wait_for

TEXT = """tactus: 1
service: two
rate: 25
deadline: 60ms
components:
  tone:  {kind: test.audio, params: {quantum: 240}}
  it:    {kind: "null", params: {spin: 20000}, deadline: 30ms}
  slow:  {kind: test.video, params: {width: 64, height: 64}}
  other: {kind: "null"}
flows: [tone ! it, slow ! other]
"""


def watched(node):
    told = json.loads(node.run("top", "--json").stdout)
    service = told["services"][0] if "services" in told else told
    has = {worker["name"]: (worker["reservation"] or {"budget_ns": 0})["budget_ns"] for worker in service["workers"]}
    return has.get("container.audio", 0), {c["name"]: c["budget_ns"] for c in service["components"]}, service["frames"], has.get("container.video", 0)


with Node() as node:
    if node.status()["class"] != "deadline":
        skip("no right to SCHED_DEADLINE")
    GRAPH = node.path("two.yaml")
    with open(GRAPH, "w", encoding="utf-8") as text:
        text.write(TEXT)
    plan = json.loads(node.run("check", GRAPH, "--json", code=None).stdout)
    if not plan["admitted"] or plan["class"] != "targeted":
        skip(f"no promise here: {plan['binding']} {plan['class_reason']}")
    notes = open(node.path("notes"), "w+", encoding="utf-8")
    command = node.spawn("run", GRAPH, "--for", "60s", "--no-profile", "--json", stderr=notes)
    wait_for(lambda: any(s["state"] == "running" for s in node.status()["services"]), 15, "it does not run")
    wait_for(lambda: watched(node)[2] > 320, 15, "it makes no frames")  # enough for its loss
    reservation, budgets, _, others = watched(node)
    if reservation == 0:
        skip("the kernel has no reservation left")
    name = node.status()["services"][0]["name"]
    node.run("set", name, "it.spin=1000000")

    def is_grown():
        if "no more than what is reserved" in open(notes.name, encoding="utf-8").read():
            skip("others have reserved what this service would need more")
        now = watched(node)
        return now[1]["it"] > 1.3 * budgets["it"] and now[0] > reservation

    wait_for(is_grown, 20, f"budget and reservation stay {budgets['it']} and {reservation} ns: {node.words()}")
    grown = watched(node)
    check(grown[3] <= 2 * others, f"the other worker's reservation grew, too: {others} -> {grown[3]} ns")
    wait_for(lambda: watched(node)[2] > grown[2] + 200, 15, "it makes no more frames")
    # More than there is is not admitted: who takes it stays over its budget.
    node.run("set", name, "it.spin=11000000")
    wait_for(lambda: "no more than what is reserved" in open(notes.name, encoding="utf-8").read(), 20, "nothing is refused")
    refused = watched(node)
    check(refused[1]["it"] < 8e6, f"the budget of what was refused grew to {refused[1]['it']} ns")
    node.run("stop", name, code=None)
    report = json.loads(command.communicate(timeout=30)[0])
    ledger = json.loads(node.run("explain", report["ledger"], "all", "--json").stdout)
    events = [event["event"] for event in ledger["events"]]
    lives = [json.loads(node.run("explain", report["ledger"], str(grown[2] + n), "--json").stdout)
             for n in range(20, 200, 30)]  # some are lost, and have no hop
    told = [hop["budget_ns"] for life in lives for hop in life["hops"] if hop["component"] == "it"]
    check(grown[1]["it"] in told, f"the frames after {grown[2]} are told with {told}, not {grown[1]}")
    check({"budget", "reservation", "reservation-refused"} <= set(events), f"the ledger says {events}")
    print(f"budget {budgets['it'] / 1e6:.2f} -> {grown[1]['it'] / 1e6:.2f} ms, reservation {reservation / 1e6:.2f} -> "
          f"{grown[0] / 1e6:.2f} ms")
