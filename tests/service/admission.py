#!/usr/bin/env python3
"""What check says is what the kernel, the books and the report are told: segments, reservation, each sink's loss."""
import json
import time

from lib import Node, check, skip

SERVICE = """tactus: 1
service: two
rate: 50
deadline: 100ms
loss: 1%
components:
  cam:  {kind: test.video, params: {width: 320, height: 180}}
  tone: {kind: test.audio, params: {quantum: 480}}
  aenc: {kind: av.encode, params: {codec: aac}}
  out:  {kind: "null", loss: 40%}
  ears: {kind: "null", loss: 40%}
flows: [cam ! out, tone ! aenc ! ears]
"""


def term(plan, name, subject):
    return next(t["value"] for t in plan["terms"] if (t["name"], t["subject"]) == (name, subject))


with Node() as node:
    path = node.path("two.yaml")
    with open(path, "w") as file:
        file.write(SERVICE)
    plan = json.loads(node.run("check", path, "--json", code=None).stdout)
    segments = {t["subject"] for t in plan["terms"] if t["name"] == "segment cost"}
    check({"cam", "tone", "aenc"} <= segments, f"the encoder runs at a rate of its own, the segments are {segments}")
    if not plan["reservation"]:
        skip(f"nothing is reserved here: {plan['class_reason']}")
    parts = [term(plan, name, "worker") for name in ("least budget", "headroom", "overhead")]
    check(sum(parts) == plan["reservation"]["budget_ns"], f"{plan['reservation']} is not the sum of {parts}")

    ledger = node.path("two.ledger")
    run = node.spawn("run", path, "--for", "4s", "--json", "--ledger", ledger)
    booked = 0
    while run.poll() is None:
        booked = max(booked, (node.status() or {}).get("reserved_ppm", 0))
        time.sleep(0.1)
    report = json.loads(run.stdout.read())
    with open(ledger, "rb") as file:
        text = file.read().decode("latin-1")
    agreement = json.JSONDecoder().raw_decode(text, text.index('{"'))[0]
    if "reserved" not in agreement:
        skip(f"nothing was reserved: {agreement['class_reason']}")
    planned, reserved = agreement["plan"]["reservation"], agreement["reserved"]
    for name in ("budget_ns", "period_ns"):
        check(planned[name] == reserved[name], f"planned {planned}, reserved {reserved}")
    wanted = -(-reserved["budget_ns"] * 1000000 // reserved["period_ns"])
    check(booked == wanted, f"{booked} ppm are in the books, {wanted} in the agreement")
    # 200 pictures, 400 or fewer frames of sound, 40 % of either.
    check(report["loss_allowed"] >= 70, f"a loss of 40 % at each sink allows {report['loss_allowed']}")
