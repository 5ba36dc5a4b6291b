"""S6: the transcode and the mix of talkers beside programs that want all CPUs, and beside a component that never returns.

The claim is of one scene, which therefore has as many frames as one in a thousand asks for; the others show how it goes with the load
and have a short turn each."""
import contextlib
import subprocess

import chains
import harness
import peers
import pictures
import sounds
import stats
import transcode
from node import Node

DEADLINE_NS = transcode.DEADLINE_NS
CLAIMED = "4"  # hogs
ROGUE = "rogue"


@contextlib.contextmanager
def hogs(count):
    """stress-ng, which ends when we do."""
    process = None
    if count:
        process = subprocess.Popen(["stress-ng", "--cpu", str(count), "--quiet"], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        if process:
            process.terminate()
            process.wait()


def rogue_service(bench):
    """The transcode with a branch to a component of somebody else."""
    path = bench.path("rogue.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"""tactus: 1
service: rogue
rate: 50
deadline: 40ms
components:
  in:    {{kind: raw.capture, params: {{url: "-", width: 1280, height: 720}}}}
  scale: {{kind: video.scale, params: {{width: 640, height: 360, method: bilinear}}}}
  enc:   {{kind: av.encode, params: {{codec: libx264, preset: ultrafast, tune: zerolatency}}}}
  dec:   {{kind: av.decode}}
  out:   {{kind: raw.write, params: {{url: "-"}}}}
  wild:  {{kind: {bench.helper("librogue.so")}, overrun: throttle}}
flows: [in ! scale ! enc ! dec ! out, scale ! wild]
""")
    return path


def go_wild(party):
    if isinstance(party, pictures.Ours):
        party.node.command("set", "rogue", "wild.wild=1", check=False)


def raised(peer):
    """The same with the rights that its user could give it."""
    return [pictures.Peer("gstreamer, SCHED_FIFO", *[["chrt", "-f", "50", *words] for words in peer.commands]),
            pictures.Peer("gstreamer, nice -20", *[["nice", "-n", "-20", *words] for words in peer.commands])]


def beside_hogs(bench, node, counts, turns, seconds, short_s):
    for count in counts:
        scene, found = str(count), transcode.parties(node, True)
        is_claimed = scene == CLAIMED
        # What the peers need is what counts: ours is promised before the hogs come.
        found[0].learn(bench, scene, transcode.SCENE)
        with hogs(count):
            pictures.in_turn(bench, found, scene, turns if is_claimed else 1, transcode.SCENE, seconds if is_claimed else short_s)
            if is_claimed and not bench.is_quick:
                pictures.in_turn(bench, raised(found[1]), scene, 1, transcode.SCENE, short_s)


def beside_rogue(bench, node, seconds):
    scene = pictures.Scene(transcode.SCENE.picture, transcode.SCENE.sink, 50, during=go_wild)
    ours = pictures.Ours("tactus", node, rogue_service(bench), sink="out")
    ours.learn(bench, ROGUE, scene)
    bench.say(f"a component that never returns: tactus is {ours.promise}")
    if ours.promise != "targeted":
        bench.say("it is left out: only what is promised is enforced")
        return
    bench.say("a component that never returns: tactus")
    pictures.run(bench, ours, ROGUE, 0, scene, seconds)
    with hogs(1):  # one spinning thread is what it comes to for others
        bench.say("one spinning program: gstreamer")
        pictures.run(bench, pictures.Peer("gstreamer", *peers.gst_transcode("queue max-size-buffers=2")), ROGUE, 0, scene, seconds)


def sound(bench, node, seconds):
    found, base = sounds.parties(bench, node)[:2], sounds.free_base(16)
    found[0].learn(bench, "sound", 16, base)
    bench.say(f"16 talkers: tactus is {found[0].promise}")
    with hogs(int(CLAIMED)):
        for party in found:
            bench.say(f"16 talkers beside {CLAIMED} hogs: {party.name}")
            sounds.run(bench, party, "sound", 0, 16, seconds, base, has_packets=True)


def measure(bench):
    bench.need("gst-launch-1.0", "ffmpeg", "stress-ng")
    turns, seconds, short_s = bench.pick("rounds", 1, 5), bench.pick("seconds", 5.0, 43.0), bench.pick("short_s", 5.0, 20.0)
    counts = [int(word) for word in bench.pick("hogs", "4", "0,2,4,8").split(",")]
    with Node(bench) as node:
        bench.say(f"tactusd's class: {node.status['class']}")
        beside_hogs(bench, node, counts, turns, seconds, short_s)
        beside_rogue(bench, node, short_s)
        sound(bench, node, short_s)


def sound_row(data, who):
    """Of sound the pace counts: how far a packet is behind the steadiest one."""
    delays = stats.pooled(harness.delays_ms(data.frames(who, "sound", "packet")))
    found = {"scene": f"16 talkers, {CLAIMED} hogs", "party": who, "frames": len(delays),
             "late": sum(1 for delay in delays if delay > 20)}
    if data.each("late_ours", who, "sound"):
        found["ours"] = chains.ours_late(data, who, "sound")
    for name, share in (("p50_ms", 0.5), ("p99_ms", 0.99), ("p99_9_ms", 0.999), ("max_ms", 1)):
        found[name] = stats.quantile(delays, share)
    return found


def judge(data):
    rows = [row for scene in data.scenes() if scene != "sound" for row in chains.rows(data, DEADLINE_NS, scene)]
    rows += [sound_row(data, who) for who in data.parties("packet", "sound")]
    places = [scene for scene in data.scenes("late_ours")]
    ours = sum(chains.ours_late(data, "tactus", scene) for scene in places)
    frames = sum(len(turn) for scene in places for turn in data.frames("tactus", scene))
    tail = chains.delay_claim(data, "noise", "tactus", ["gstreamer", "ffmpeg"], "p999", 0.999, CLAIMED, 0.2)
    return rows, [{**stats.claim("noise.ours", "=", 0, ours, frames), "what": "late or lost by the ledger, of our cause"}, tail]
