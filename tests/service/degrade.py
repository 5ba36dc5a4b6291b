#!/usr/bin/env python3
"""Degrading levels of a service: admitted at the lowest, down before the room is gone, up when there is room; one stream."""
import json
import os
import subprocess
import time

from lib import Node, check, need, wait_for

os.environ["TACTUS_TEST_LEVEL_CALM_MS"] = "700"
SERVICE = """
tactus: 1
service: steps
rate: 25
deadline: {deadline}
components:
  cam:   {{kind: test.video, params: {{width: 640, height: 360, live: true}}}}
  burn:  {{kind: "null", params: {{spin: 0}}}}
  scale: {{kind: video.scale, params: {{width: 320, height: 180, method: lanczos}}, degrade: [method=point]}}
  venc:  {{kind: av.encode, params: {{codec: libx264, preset: {preset}, tune: zerolatency, bitrate: 1M, gop: 25}},
          degrade: [preset=superfast, preset=ultrafast]}}
  out:   {{kind: av.write, params: {{url: {url}}}}}
  tone:  {{kind: test.audio, params: {{quantum: 240}}}}
  pcm:   {{kind: "null"}}
flows: [cam ! scale ! venc ! out, cam ! burn, tone ! pcm]
"""


def write(node, name, **values):
    with open(node.path(name), "w", encoding="utf-8") as text:
        text.write(SERVICE.format(**values))
    return node.path(name)


def seen(node, name="steps"):
    """What top and ps say: (level of the service, {component: (level, text)})."""
    told = json.loads(node.run("top", "--json").stdout)
    for service in told["services"]:
        if service["name"] == name and service["frames"] > 0:
            return service["level"], {c["name"]: (c["level"], c["level_text"]) for c in service["components"]}
    return None, {}


def one_stream(path):
    """Decoded to the last picture with the header that stood before the first."""
    ran = subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-xerror", "-err_detect", "explode", "-i", path, "-f", "null", "-"],
                         capture_output=True, text=True, check=False)
    check(ran.returncode == 0 and not ran.stderr.strip(), f"the stream breaks: {ran.stderr[:500]}")


def steps_down_and_up(node):
    """A component that begins to burn takes the room; when it stops there is room again."""
    path = write(node, "steps.yaml", deadline="400ms", preset="veryfast", url="steps.mp4")
    command = node.spawn("run", path, "--best-effort", "--no-profile", "--for", "60s", "--json", "--ledger", node.path("steps.ledger"))
    wait_for(lambda: seen(node)[0] == 0, 20, "it does not run at its best level")
    told = json.loads(node.run("top", "--json").stdout)["services"][0]
    check(len(told["workers"]) == 2, f"sound and pictures are not apart: {told['workers']}")
    node.run("set", "steps", "burn.spin=90000000")  # no CPU does that in 40 ms
    wait_for(lambda: seen(node)[0] == 2, 20, f"it does not step down: {node.words()}")
    check(seen(node)[1]["scale"] == (1, "method=point") and seen(node)[1]["venc"] == (2, "preset=ultrafast"), f"{seen(node)}")
    check("2/2" in node.run("ps").stdout, "ps does not show it")
    node.run("set", "steps", "burn.spin=0")
    wait_for(lambda: seen(node)[0] == 0, 30, f"it does not come back: {seen(node)} {node.words()}")
    time.sleep(0.5)
    node.run("stop", "steps")
    command.communicate(timeout=60)
    told = json.loads(node.run("explain", node.path("steps.ledger"), "all", "--json").stdout)
    texts = [f"{event['process']} {event['text']}" for event in told["events"] if event["event"] == "level"]
    wanted = ["scale level 1 (method=point)", "venc level 2 (preset=ultrafast)", "venc level 1 (preset=superfast)",
              "venc level 0 (its parameters)"]
    check(all(any(text.startswith(word) for text in texts) for word in wanted), f"the ledger says {texts}")
    check("scale level: level 1 (method=point)" in node.run("report", node.path("steps.ledger")).stdout, "the report does not say whose level")
    levels = [int(text.split()[2]) for text in texts if text.startswith("venc")]
    downs, ups = [b for a, b in zip([0] + levels, levels) if b > a], [a - b for a, b in zip([0] + levels, levels) if b < a]
    check(downs and all(step == 1 for step in ups), f"up by more than one at once: {levels}")
    one_stream(node.path("steps.mp4"))


def main():
    need("ffmpeg")
    with Node() as node:
        steps_down_and_up(node)


main()
