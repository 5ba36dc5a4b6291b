"""Quantiles, and intervals by bootstrap: of blocks of a second within rounds, since neighbouring frames are late together."""
import math
import random
import statistics

RESAMPLES = 300
SEED = 20081  # intervals are the same whenever they are recomputed
TAIL_FRAMES = 10000  # fewer say nothing about one in a thousand


def quantile(values, share):
    """The least value that this share of them does not exceed; None of nothing."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


def median(values):
    return statistics.median(values) if values else None


def spread(values):
    """Median, least and greatest, for rows."""
    known = [value for value in values if value is not None]
    return {"median": median(known), "min": min(known), "max": max(known)} if known else None


def resample(rounds, chosen, source):
    """Rounds as chosen; of each as many blocks as it has, drawn with replacement. All values in one list."""
    drawn = []
    for number in chosen:
        blocks = rounds[number]
        for block in source.choices(blocks, k=len(blocks)):
            drawn.extend(block)
    return drawn


def interval(estimates):
    known = sorted(value for value in estimates if value is not None)
    if len(known) < 20:
        return None
    return [known[int(0.025 * len(known))], known[min(len(known) - 1, int(0.975 * len(known)))]]


def pooled(rounds):
    return [value for blocks in rounds for block in blocks for value in block]


def ratio(ours, theirs, statistic):
    """statistic(ours) / statistic(theirs) over all rounds, and its interval. Rounds were taken in turn, so they are drawn
    in pairs. ours, theirs: a list of rounds, each a list of blocks, each a list of numbers."""
    source = random.Random(SEED)
    here, there = statistic(pooled(ours)), statistic(pooled(theirs))
    pairs = min(len(ours), len(theirs))
    if not pairs or here is None or not there:
        return None, None
    estimates = []
    for _ in range(RESAMPLES):
        chosen = source.choices(range(pairs), k=pairs)
        one, other = statistic(resample(ours, chosen, source)), statistic(resample(theirs, chosen, source))
        estimates.append(one / other if one is not None and other else None)
    return here / there, interval(estimates)


def single(rounds, statistic):
    """The same for one party."""
    source = random.Random(SEED)
    here = statistic(pooled(rounds))
    if here is None:
        return None, None
    estimates = [statistic(resample(rounds, source.choices(range(len(rounds)), k=len(rounds)), source))
                 for _ in range(RESAMPLES)]
    return here, interval(estimates)


def claim(ident, op, target, measured, n, ci95=None, is_tail=False, is_void=False, why=None):
    """met is a word when it cannot be said: nothing was measured, too few frames for their tail, or the interval holds the
    target. is_void: what was measured does not count (frames were lost to be fast), so the claim is false."""
    holds = {"<=": lambda a, b: a <= b, ">=": lambda a, b: a >= b, "=": lambda a, b: a == b}[op]
    met = "undecided"
    if is_void:
        met = False
    elif measured is None:
        why = why or "nothing was measured"
    elif is_tail and n < TAIL_FRAMES:
        why = why or f"{n} frames are too few for one in a thousand; {TAIL_FRAMES} decide"
    elif ci95 and ci95[0] < ci95[1] and ci95[0] <= target <= ci95[1]:
        why = why or "the target is within the interval"
    else:
        met = holds(measured, target)
    found = {"id": ident, "op": op, "target": target, "measured": measured, "n": n, "ci95": ci95, "met": met}
    if why:
        found["why"] = why
    return found
