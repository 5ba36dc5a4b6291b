"""S3: N talkers by RTP (L16, 48 kHz, stereo, 5 ms) are mixed to one, beside GStreamer and FFmpeg."""
import harness
import sounds
import stats
from node import Node

PARTIES = ["tactus", "gstreamer", "ffmpeg"]


def measure(bench):
    bench.need("gst-launch-1.0", "ffmpeg")
    turns, seconds = bench.pick("rounds", 1, 3), bench.pick("seconds", 4.0, 8.0)
    counts = [int(word) for word in bench.pick("talkers", "4,32", "4,16,32,128").split(",")]
    with Node(bench) as node:
        bench.say(f"tactusd's class: {node.status['class']}")
        found = sounds.parties(bench, node)
        for count in counts:
            base = sounds.free_base(count)
            found[0].learn(bench, str(count), count, base)
            bench.say(f"{count} talkers: tactus is {found[0].promise}")
            bench.put("is_promised", "tactus", int(found[0].promise == "targeted"), str(count))
            for turn in range(turns):
                for party in found:
                    bench.say(f"{count} talkers, turn {turn + 1} of {turns}: {party.name}")
                    try:
                        sounds.run(bench, party, str(count), turn, count, seconds, base)
                    except RuntimeError as problem:
                        bench.say(str(problem)[:300])
                        bench.put("failed", party.name, 1, str(count), turn)


def row(data, who, scene):
    turns = data.frames(who, scene)
    delays = [harness.delays_ms([frames]) for frames in turns]
    found = {"talkers": int(scene), "party": who, "clicks": sum(map(len, turns)), "missing": harness.missing(turns)}
    if data.each("late_ours", who, scene):
        found["ours"] = int(sum(data.each("late_ours", who, scene)))
    for name, share in (("p50_ms", 0.5), ("p99_ms", 0.99)):
        found[name] = stats.spread([stats.quantile(stats.pooled(one), share) for one in delays])
    found["cpu_percent"] = stats.spread([100 * value for value in data.each("cpu_share", who, scene)])
    found["switches_per_s"] = stats.spread(data.each("switches_per_s", who, scene))
    found["sound_share"] = stats.spread(data.each("sound_share", who, scene))
    for name in ("processes", "threads"):
        found[name] = int(stats.median(data.each(name, who, scene)) or 0)
    found["failed"] = int(sum(data.each("failed", who, scene)))
    return found


def judge(data):
    scenes = sorted(data.scenes("cpu_share"), key=int)
    rows = [row(data, who, scene) for scene in scenes for who in PARTIES if data.each("cpu_share", who, scene)
            or data.each("failed", who, scene)]
    threads = {scene: stats.median(data.each("threads", "tactus", scene)) for scene in scenes}
    growth = max(threads.values()) - min(threads.values()) if len(threads) > 1 else None
    measured, interval = stats.ratio([[turn] for turn in data.values("cpu_share", "tactus", "32")],
                                     [[turn] for turn in data.values("cpu_share", "gstreamer", "32")], stats.median)
    turns = len(data.values("cpu_share", "tactus", "32"))
    return rows, [
        {**stats.claim("audio.threads", "=", 0, growth, len(threads)), "what": "threads at the most talkers less those at the fewest"},
        stats.claim("audio.cpu_32", "<=", 0.33, measured, turns, interval)]
