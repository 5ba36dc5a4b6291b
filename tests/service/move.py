#!/usr/bin/env python3
"""tactus move: components go to another container and back while frames come, and none is missing, late by us, or of another state than a
twin's that stayed; what cannot be is refused with the reason; kill -9 in the midst of it leaves every index written."""
import json
import os
import signal
import subprocess
import time

from lib import BUILD, Node, check, need, wait_for, write_png

need("clang", "wasm2c")
TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
os.environ["XDG_STATE_HOME"] = os.environ["XDG_CACHE_HOME"] = os.path.join(os.environ.get("TMPDIR", "/tmp"), f"tactus-move-{os.getpid()}")
# The deadline is as long as a busy machine may keep a frame waiting: none is dropped for it.
SERVICE = """tactus: 1
service: {name}
rate: 25
deadline: 5s
components:
  cam:   {{kind: test.video, params: {{width: 64, height: 64}}}}
  moved: {{kind: ./keeper.tactus, params: {{kib: 256}}}}
  twin:  {{kind: ./keeper.tactus, params: {{kib: 256}}}}
  scale: {{kind: video.scale, params: {{width: 32, height: 32}}, degrade: [method=point]}}
  album: {{kind: "null"}}
  other: {{kind: "null"}}
  tone:  {{kind: test.audio, params: {{quantum: 240}}}}
  gain:  {{kind: audio.gain, params: {{gain_db: -6}}}}
  pcm:   {{kind: "null"}}
  enc:   {{kind: av.encode, params: {{codec: libx264, preset: superfast, tune: zerolatency, gop: 8}}, degrade: [preset=ultrafast]}}
  dec:   {{kind: av.decode}}
  coded: {{kind: "null"}}
  rate:  {{kind: audio.resample, params: {{rate: 44100, quantum: 240}}}}
  loud:  {{kind: audio.loudness}}
  heard: {{kind: "null"}}
  wall:  {{kind: video.mosaic, params: {{width: 64, height: 64}}}}
  shown: {{kind: "null"}}
  logo:  {{kind: image.read, params: {{path: logo.png}}}}
  over:  {{kind: video.overlay}}
  laid:  {{kind: "null"}}
flows: [cam ! moved ! album, cam ! twin ! scale ! other, tone ! gain ! pcm, tone ! loud ! rate ! heard, cam ! enc ! dec ! coded,
        cam ! wall.a, scale ! wall.b, wall ! shown, cam ! over.main, logo ! over.logo, over ! laid]
"""
SPARE = """tactus: 1
service: spare
rate: 10
deadline: 8s
spare_containers: 1
components:
  cam:   {kind: test.video, params: {width: 64, height: 64}}
  moved: {kind: ./keeper.tactus, params: {kib: 64}}
  twin:  {kind: ./keeper.tactus, params: {kib: 64}}
  album: {kind: "null"}
  other: {kind: "null"}
flows: [cam ! moved ! album, cam ! twin ! other]
"""
REFUSED = (  # words, what the sentence says
    (("nobody", "moved", "audio"), "no service of yours called 'nobody' runs here"),
    (("{name}", "moves", "audio"), "has no component 'moves'; it has cam, moved, twin"),
    (("{name}", "moved", "nowhere"), "has no container 'nowhere'; it has container.audio, container.video"),
    (("{name}", "moved", "new"), "Write `spare_containers: 1` into its file"),
    (("{name}", "moved", "video"), "'moved' is in container.video already"),
    (("{name}", "album", "audio"), "in the one container that says of its frames"))


def places(node):
    services = json.loads(node.run("top", "--json").stdout)["services"]
    return {told["name"]: told["process"] for service in services for told in service["components"] if told["activations"] > 0}


def start(node, name):
    with open(name + ".yaml", "w", encoding="utf-8") as file:
        file.write(SERVICE.format(name=name))
    command = node.spawn("run", name + ".yaml", "--no-profile", "--best-effort", "--json")
    wait_for(lambda: places(node).get("gain") == "container.audio", 15, "nothing runs")
    return command


def end(command):
    """The report and what its ledger tells."""
    command.send_signal(signal.SIGINT)
    report = json.loads(command.communicate(timeout=60)[0])
    return report, json.loads(subprocess.run([os.path.join(BUILD, "tactus"), "explain", report["ledger"], "all", "--json"],
                                             capture_output=True, text=True, check=True).stdout)


def notes_of(ledger, component, number):
    return {note["index"]: note["value"] for note in ledger["notes"] if (note["component"], note["id"]) == (component, number)}


def to_and_fro(node, rounds):
    """Two components cross each other; what the moved one says of its state is what the twin says at each index."""
    command = start(node, "fro")
    told = []
    for _ in range(rounds):
        for words in (("moved", "audio"), ("gain", "video"), ("moved", "container.video"), ("gain", "0")):
            told.append(json.loads(node.run("move", "fro", *words, "--json").stdout))
            check(places(node)[words[0]] == told[-1]["to"], f"{words}: {told[-1]}, but top says {places(node)}")
            listed = json.loads(node.run("ps", "--json").stdout)[0]["places"]
            check(listed[words[0]] == told[-1]["to"], f"{words}: {told[-1]}, but ps says {listed}")
            time.sleep(0.02)
    # Make before break: codecs at a key frame, others at any.
    for words in (("enc", "audio"), ("enc", "video"), ("dec", "audio"), ("dec", "video"), ("scale", "audio"), ("scale", "video"),
                  ("rate", "video"), ("rate", "audio"), ("wall", "audio"), ("wall", "video"), ("over", "audio"),
                  ("over", "video"), ("loud", "video"), ("loud", "audio")):
        node.run("move", "fro", *words)
        there = {component["name"]: component["process"] for component in json.loads(node.run("top", "--json").stdout)["services"][0]["components"]}
        check(there[words[0]] == "container." + words[1], f"{words}: top says {there}")
    for words, sentence in REFUSED:
        ran = node.run("move", *[word.format(name="fro") for word in words], code=1)
        check(sentence in " ".join(ran.stderr.split()), f"{words}: {ran.stderr}")
    report, ledger = end(command)
    for name, sink in report["sinks"].items():
        lost = [(frame["index"], frame["cause"]) for frame in ledger["frames"] if frame["sink"] == name and frame["outcome"] == "lost"]
        check(sink["frames"] > 0 and sink["lost"] == 0, f"{name}: {sink['lost']} of {sink['frames']} are lost: {lost}; {ledger['events']}")
    for number in (1001, 1002):
        mine, twins = notes_of(ledger, "moved", number), notes_of(ledger, "twin", number)
        check(len(twins) >= report["sinks"]["other"]["frames"] and mine == twins, f"another state: {mine} is not {twins}")
    ends = [event for event in ledger["events"] if event["event"] == "move-end"]
    for event in ends:
        wanted = "and began there anew" if event["process"] in ("enc", "dec", "rate") else " KiB"
        check(event["text"].endswith(wanted), f"{event}: not '{wanted}'")
    check(len(ends) == 4 * rounds + 14, f"{len(ends)} moves ended in the ledger")
    print(f"{len(told)} moves: stood still for {sorted(move['down_ns'] // 1000 for move in told)} us; "
          f"late by us: {[sink['late_ours'] for sink in report['sinks'].values()]}")


def killed(node, name, victim):
    """One of the two dies right after the order: the other goes on, both are there again, no index is unwritten."""
    command = start(node, name)
    lives = sorted(node.processes("container"))
    mover = node.spawn("move", name, "moved", "audio")
    os.kill(lives[victim], signal.SIGKILL)
    mover.communicate(timeout=30)
    told = []
    wait_for(lambda: told.append(node.run("move", name, "gain", "video", code=None)) or told[-1].returncode == 0, 15,
             "nothing moves any more")
    report, ledger = end(command)
    for sink in ("album", "other", "pcm"):
        indices = [frame["index"] for frame in ledger["frames"] if frame["sink"] == sink]
        check(indices == list(range(indices[0], indices[0] + len(indices))), f"{sink}: an index is missing or there twice")
        check(len(indices) == report["sinks"][sink]["frames"], f"{sink}: {len(indices)} of {report['sinks'][sink]}")
    check(sum(event["event"] == "died" for event in ledger["events"]) >= 1, f"nobody died: {ledger['events']}")


def kill_new(node, known, why):
    """Whoever is there beside those known, and is known from then on: it may be listed for a while."""
    found = []
    wait_for(lambda: found.extend(sorted(set(node.processes("container")) - known)) or found, 10, why)
    os.kill(found[0], signal.SIGKILL)
    known.add(found[0])


def spare(node):
    """A container that is there only while something is in it: twice there and back without a frame or a state lost; then it dies, empty
    or not, and the service goes on."""
    with open("spare.yaml", "w", encoding="utf-8") as file:
        file.write(SPARE)
    command = node.spawn("run", "spare.yaml", "--no-profile", "--best-effort", "--json")
    wait_for(lambda: places(node).get("moved") == "container", 15, "nothing runs")
    lives = set(node.processes("container"))
    for _ in range(2):
        for words, place in (("new", "container.spare1"), ("container", "container")):
            told = json.loads(node.run("move", "spare", "moved", words, "--json").stdout)
            check(told["to"] == place == places(node)["moved"], f"{words}: {told}, but top says {places(node)}")
            time.sleep(0.05)
        wait_for(lambda: len(node.processes("container")) == len(lives), 10, "the spare container stays, with nothing in it")
    whole = told["index"]
    # Whether it dies before it has anything or after, somebody has the component in the end.
    mover = node.spawn("move", "spare", "moved", "new")
    kill_new(node, lives, "no container came")
    mover.communicate(timeout=30)
    there = []
    wait_for(lambda: there.append(node.run("move", "spare", "moved", "spare1", code=None)) or "is in container.spare1" in " ".join(there[-1].stderr.split()), 15,
             "nothing moves any more")
    kill_new(node, lives, "who had it did not come again")
    wait_for(lambda: node.run("move", "spare", "moved", "container", code=None).returncode == 0, 15, "it did not come again")
    report, ledger = end(command)
    for number in (1001, 1002):
        mine, twins = notes_of(ledger, "moved", number), notes_of(ledger, "twin", number)
        check(whole > 0 and all(mine.get(n) == twins[n] for n in twins if n <= whole), f"another state before index {whole}")
    for sink in ("album", "other"):
        indices = [frame["index"] for frame in ledger["frames"] if frame["sink"] == sink]
        check(indices == list(range(indices[0], indices[0] + len(indices))), f"{sink}: an index is missing or there twice")
        check(len(indices) == report["sinks"][sink]["frames"], f"{sink}: {len(indices)} of {report['sinks'][sink]}")


with Node() as node:
    os.chmod(node.folder, 0o755)
    os.mkdir(node.path("work"))
    os.chdir(node.path("work"))
    node.run("build", os.path.join(TOP, "tests", "service", "keeper.c"), "-o", "keeper.tactus", "--quiet")
    write_png("logo.png")
    spare(node)
    to_and_fro(node, 3)
    killed(node, "source", 0)
    killed(node, "target", 1)
