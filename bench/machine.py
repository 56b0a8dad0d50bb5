"""One line about the machine, and progress for people."""
import os
import platform
import re
import subprocess
import sys


def say(text):
    print(text, file=sys.stderr, flush=True)


def _first(path, pattern):
    try:
        with open(path, encoding="utf-8") as lines:
            found = re.search(pattern, lines.read(), re.M)
            return found.group(1).strip() if found else "?"
    except OSError:
        return "?"


def facts(root):
    release = _first("/etc/os-release", r'^PRETTY_NAME="?([^"\n]*)')
    commit = subprocess.run(["git", "-C", root, "rev-parse", "--short", "HEAD"], text=True,
                            capture_output=True, check=False).stdout.strip()
    return {
        "cpu": _first("/proc/cpuinfo", r"^model name\s*:\s*(.*)$"),
        "cores": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "system": release,
        "memory_gib": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1),
        "load_before": os.getloadavg()[0],
        "commit": commit or "?",
    }


def line(known):
    return ("machine: %(cpu)s, %(cores)d cores, %(memory_gib)s GiB, %(system)s, kernel %(kernel)s; "
            "load before: %(load_before).2f; commit %(commit)s" % known)
