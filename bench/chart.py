"""The picture of the benches: p99.9 delay against the programs that want the CPUs, for us and for the peers."""
import math
import os

import harness
import stats

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 400, 70, 170, 50, 50
COLOURS = {"tactus": "#0b6e4f", "gstreamer": "#b3541e", "ffmpeg": "#35549c"}


def points(path):
    """{party: [(hogs, p99.9 in ms, frames)]}"""
    data, found = harness.Data(path), {}
    for scene in sorted((scene for scene in data.scenes() if scene.isdigit()), key=int):
        for who in data.parties("frame", scene):
            delays = stats.pooled(harness.delays_ms(data.frames(who, scene)))
            if delays and who in COLOURS:
                found.setdefault(who, []).append((int(scene), stats.quantile(delays, 0.999), len(delays)))
    return data.head, found


def place(hogs, delay_ms, most_hogs, decades):
    share = (math.log10(delay_ms) - decades[0]) / (decades[1] - decades[0])
    x = LEFT + (WIDTH - LEFT - RIGHT) * hogs / max(1, most_hogs)
    return x, HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share


def text(x, y, words, anchor="start", size=13, colour="#222", more=""):
    return f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}" text-anchor="{anchor}" fill="{colour}"{more}>{words}</text>'


def axes(most_hogs, decades, steps):
    lines = []
    for decade in range(decades[0], decades[1] + 1):
        _, y = place(0, 10.0 ** decade, most_hogs, decades)
        lines += [f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.0f}" y2="{y:.0f}" stroke="#ddd"/>',
                  text(LEFT - 8, y + 4, f"{10 ** decade:g}", "end")]
    for hogs in steps:
        x, _ = place(hogs, 10.0 ** decades[0], most_hogs, decades)
        lines.append(text(x, HEIGHT - BOTTOM + 20, str(hogs), "middle"))
    middle = (LEFT + WIDTH - RIGHT) / 2
    return lines + [text(middle, HEIGHT - 8, "programs that want a CPU (stress-ng --cpu)", "middle"),
                    text(18, HEIGHT / 2, "p99.9 delay, ms", "middle", more=f' transform="rotate(-90 18 {HEIGHT // 2})"')]


def write(source, target):
    if not os.path.exists(source):
        return
    head, found = points(source)
    everything = [point for line in found.values() for point in line]
    if not everything:
        return
    most_hogs = max(hogs for hogs, _, _ in everything)
    decades = (math.floor(math.log10(min(delay for _, delay, _ in everything))),
               math.ceil(math.log10(max(delay for _, delay, _ in everything))))
    decades = (decades[0], max(decades[1], decades[0] + 1))
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
             'font-family="sans-serif">', f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
             text(LEFT, 24, "720p50 scaled, coded by x264, decoded: delay at the reader", size=15),
             text(LEFT, 41, f"{head['machine']['cpus']} CPUs, {head['date'][:10]}{', quick' if head['quick'] else ''}", size=11, colour="#666")]
    lines += axes(most_hogs, decades, sorted({hogs for hogs, _, _ in everything}))
    for who, line in found.items():
        where = [place(hogs, delay, most_hogs, decades) for hogs, delay, _ in line]
        lines.append(f'<polyline fill="none" stroke="{COLOURS[who]}" stroke-width="2.5" points="'
                     + " ".join(f"{x:.1f},{y:.1f}" for x, y in where) + '"/>')
        for (x, y), (_, delay, frames) in zip(where, line):
            lines.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{COLOURS[who]}"><title>{who}: {delay:.1f} ms of '
                         f'{frames} frames</title></circle>')
        lines.append(text(where[-1][0] + 12, where[-1][1] + 4, f"{who} {line[-1][1]:.0f} ms", colour=COLOURS[who]))
    with open(target, "w", encoding="utf-8") as file:
        file.write("\n".join(lines + ["</svg>"]) + "\n")
