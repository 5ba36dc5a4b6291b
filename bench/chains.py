"""Rows and claims that all scenes of pictures have in common: delay, what it costs, what came late or never."""
import harness
import stats


def row(data, who, deadline_ns, scene=""):
    turns = data.frames(who, scene)
    delays = [harness.delays_ms([frames]) for frames in turns]
    found = {"party": who, "frames": sum(map(len, turns)), "late": harness.late(turns, deadline_ns),
             "missing": harness.missing(turns)}
    if scene:
        found = {"scene": scene, **found}
    ledger = data.frames(who, scene, "ledger")
    if ledger:
        found["ours"] = ours_late(data, who, scene)
    for name, share in (("p50_ms", 0.5), ("p99_ms", 0.99), ("p99_9_ms", 0.999), ("max_ms", 1)):
        found[name] = stats.spread([stats.quantile(stats.pooled(one), share) for one in delays])
    cpu = data.each("cpu_ns_per_frame", who, scene)
    found["cpu_ms_per_frame"] = stats.spread([value / 1e6 for value in cpu])
    found["switches_per_frame"] = stats.spread(data.each("switches_per_frame", who, scene))
    for name in ("processes", "threads"):
        found[name] = int(stats.median(data.each(name, who, scene)) or 0)
    found["pss_mb"] = stats.spread([value / 1024 for value in data.each("pss_kb", who, scene)])
    return found


def ours_late(data, who, scene=""):
    """Late and lost frames by the ledger, of causes that are ours, behind the warm-up."""
    return int(sum(data.each("late_ours", who, scene)))


def rows(data, deadline_ns, scene=""):
    """Those with most late frames are not hidden: all late ones stand in the row, then ours."""
    return [row(data, who, deadline_ns, scene) for who in data.parties("frame", scene)]


def cheaper(data, others, what, scene=""):
    known = {who: stats.median(data.each(what, who, scene)) for who in others}
    known = {who: value for who, value in known.items() if value is not None}
    return min(known, key=known.get) if known else None


def cpu_claim(data, bench, ours, others, scene=""):
    peer = cheaper(data, others, "cpu_ns_per_frame", scene)
    sides = [[[turn] for turn in data.values("cpu_ns_per_frame", who, scene)] for who in (ours, peer)]
    measured, interval = stats.ratio(*sides, stats.median)
    frames = sum(map(len, data.frames(ours, scene)))
    return {**stats.claim(f"{bench}.cpu", "<=", 1.0, measured, frames, interval), "beside": peer}


def delay_claim(data, bench, ours, others, name, share, scene="", target=1.0):
    delays = {who: harness.delays_ms(data.frames(who, scene)) for who in [ours] + others}
    known = {who: stats.quantile(stats.pooled(delays[who]), share) for who in others}
    known = {who: value for who, value in known.items() if value is not None}
    if not known:
        return stats.claim(f"{bench}.{name}", "<=", target, None, 0)
    peer = min(known, key=known.get)
    measured, interval = stats.ratio(delays[ours], delays[peer], lambda values: stats.quantile(values, share))
    n = len(stats.pooled(delays[ours]))
    lost = {who: harness.missing(data.frames(who, scene)) for who in (ours, peer)}
    is_void = lost[ours] > lost[peer] and lost[ours] > 0
    found = stats.claim(f"{bench}.{name}", "<=", target, measured, n, interval, share > 0.99, is_void,
                        "more frames are missing than of the peer" if is_void else None)
    return {**found, "beside": peer}


def claims(data, bench, ours, others, deadline_ns, scene=""):
    return [cpu_claim(data, bench, ours, others, scene),
            delay_claim(data, bench, ours, others, "p50", 0.5, scene),
            delay_claim(data, bench, ours, others, "p99", 0.99, scene)]
