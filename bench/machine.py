"""What a bench ran on: the machine, versions, the load that others made, and what processes used."""
import glob
import os
import re
import subprocess
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def read(path, otherwise=""):
    try:
        with open(path, encoding="utf-8", errors="replace") as text:
            return text.read().strip()
    except OSError:
        return otherwise


def first_line(*command):
    try:
        ran = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return "not here"
    return (ran.stdout or ran.stderr).strip().split("\n")[0]


def describe():
    model = re.search(r"^model name\s*:\s*(.*)$", read("/proc/cpuinfo"), re.M)
    flags = re.search(r"^flags\s*:\s*(.*)$", read("/proc/cpuinfo"), re.M)
    x264 = first_line("dpkg-query", "-W", "-f", "${Package} ${Version}", "libx264-164")
    return {
        "cpu": model[1] if model else "unknown",
        "cpus": os.cpu_count(),
        "smt": {"0": "off", "1": "on"}.get(read("/sys/devices/system/cpu/smt/active"), "unknown"),
        "hypervisor": bool(flags and "hypervisor" in flags[1].split()),
        "memory_mb": int(re.search(r"MemTotal:\s+(\d+)", read("/proc/meminfo"))[1]) // 1024,
        "kernel": " ".join(os.uname()[index] for index in (2, 3)),
        "governor": read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "none told"),
        "sched_rt_runtime_us": read("/proc/sys/kernel/sched_rt_runtime_us"),
        "versions": {
            "tactus": first_line("git", "-C", TOP, "describe", "--always", "--dirty"),
            "gstreamer": first_line("gst-launch-1.0", "--version"),
            "ffmpeg": first_line("ffmpeg", "-version").split(" Copyright")[0],
            "x264": x264,
        },
    }


def ticks():
    """CPU time of the whole machine since it began, in seconds: (all, idle, steal)."""
    fields = [int(word) for word in read("/proc/stat").split("\n")[0].split()[1:]]
    hertz = os.sysconf("SC_CLK_TCK")
    return sum(fields[:8]) / hertz, (fields[3] + fields[4]) / hertz, fields[7] / hertz


class Load:
    """What the machine did from begin to end of the bench, our own work included."""

    def __init__(self):
        self.begin, self.loadavg = ticks(), read("/proc/loadavg").split()[0]

    def told(self):
        total, idle, steal = (late - early for late, early in zip(ticks(), self.begin))
        total = max(total, 1e-9)
        return {"loadavg_begin": float(self.loadavg), "loadavg_end": float(read("/proc/loadavg").split()[0]),
                "busy": round(1 - idle / total, 3), "steal": round(steal / total, 5), "seconds": round(total / os.cpu_count(), 1)}


def descendants(pid):
    """This process and all that come from it, alive."""
    parents = {}
    for path in glob.glob("/proc/[0-9]*/stat"):
        text = read(path)
        if text:
            head, tail = text.rsplit(")", 1)
            parents[int(head.split(" ", 1)[0])] = int(tail.split()[1])
    found, todo = {pid}, [pid]
    while todo:
        parent = todo.pop()
        todo += [child for child, owner in parents.items() if owner == parent and child not in found]
        found.update(child for child, owner in parents.items() if owner == parent)
    return found


def usage(pids):
    """CPU time (ns), threads, switches and memory of processes, now. Threads that have ended are not in it; `tasks` has what each
    thread has used, for spent()."""
    found = {"at_ns": time.monotonic_ns(), "cpu_ns": 0, "threads": 0, "switches": 0, "pss_kb": 0, "processes": len(pids), "tasks": {}}
    for pid in pids:
        for task in glob.glob(f"/proc/{pid}/task/[0-9]*"):
            spent = read(task + "/schedstat").split()
            if not spent:
                continue
            switches = sum(map(int, re.findall(r"ctxt_switches:\s+(\d+)", read(task + "/status"))))
            found["tasks"][task] = (int(spent[0]), switches)
            found["cpu_ns"] += int(spent[0])
            found["threads"] += 1
            found["switches"] += switches
        pss = re.search(r"^Pss:\s+(\d+)", read(f"/proc/{pid}/smaps_rollup"), re.M)
        found["pss_kb"] += int(pss[1]) if pss else 0
    return found


def spent(early, late):
    """(CPU time in ns, switches) between two usages. A thread that ended in between does not take away what it had used before."""
    return tuple(sum(used[which] - early["tasks"].get(task, (0, 0))[which] for task, used in late["tasks"].items())
                 for which in (0, 1))
