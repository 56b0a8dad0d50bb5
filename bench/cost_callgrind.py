"""Instructions a reading by stage: callgrind's counts by source file, of two lengths of input."""
import os
import re
import shutil
import subprocess

from data import copy_lines

SHORT, LONG = 10000, 30000
# Of a file's path the first that matches.
STAGES = [
    ("decode", r"core/ingest/(decode|shape|framing|byte_masks|csv)|simdjson|charconv|fast_float"),
    ("filter", r"core/filter/|pcre"),
    ("group", r"core/ingest/grouping|core/window/group_table|xxhash"),
    ("readers, bundles, sources", r"core/ingest/"),
    ("windows, engine", r"core/window/|core/engine/|core/rule/"),
    ("values, memory of ours", r"core/base/|core/model/"),
    ("output, command line", r"core/cli/|core/app/"),
    ("libc: copying, reading, the rest", r""),
]


def counts(bench, command, name):
    """source file, or library without line numbers -> instructions of its own."""
    out = bench.path("callgrind." + name)
    subprocess.run(["valgrind", "--tool=callgrind", "--compress-strings=no", "--compress-pos=no",
                    "--callgrind-out-file=" + out, *command], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    total, current, library, is_call = {}, "", "", False
    with open(out, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if line.startswith("ob="):
                library = line[3:].strip()
            elif line.startswith(("fl=", "fi=", "fe=")):
                current = line[3:].strip()
                if current == "???":
                    current = library
            elif line.startswith("calls="):
                is_call = True  # the next line is inclusive: not the caller's own
            elif re.match(r"\d+ \d+$", line):
                if not is_call:
                    total[current] = total.get(current, 0) + int(line.split()[1])
                is_call = False
    os.unlink(out)
    return total


def stage_of(path):
    return next(name for name, pattern in STAGES if re.search(pattern, path))


def per_reading(bench, make_command, source):
    result = {}
    for lines, sign in ((LONG, 1), (SHORT, -1)):
        path = bench.path("callgrind-input")
        copy_lines(source, path, lines)
        for file, count in counts(bench, make_command(path), "out").items():
            stage = stage_of(file)
            result[stage] = result.get(stage, 0) + sign * count / (LONG - SHORT)
        os.unlink(path)
    return result


def by_stage(bench):
    """Rows of (stage, JSON, CSV): J2 and J7 by query."""
    if not shutil.which("valgrind"):
        return [("valgrind is not installed", "", "")]
    by = ["--by", "merchantId", "--every", "1m", "--stat"]
    fields = "time,paymentId,merchantId,customerId,amount,success"
    json_cost = per_reading(bench, lambda path: bench.query(
        *by, "count, sum(amount), max(cost_time)", path=path), bench.json)
    csv_cost = per_reading(bench, lambda path: bench.query(
        *by, "count, sum(amount)", "--format", "csv", "--fields", fields, path=path), bench.csv)
    rows = [(name, "%.1f" % json_cost.get(name, 0), "%.1f" % csv_cost.get(name, 0))
            for name, _ in STAGES]
    return rows + [("all", "%.1f" % sum(json_cost.values()), "%.1f" % sum(csv_cost.values()))]
