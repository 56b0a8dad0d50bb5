"""Log tools as peers: SEC, mtail, rsyslog, Fluent Bit. Each answers what it can; see the notes."""
import json
import os
import re
import shutil
import time

import compare
from measure import Failed
from program import LIMIT_S, Program

PEERS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "peers")
POLL_S = 0.1
QUIET_S = 8  # longer than a window of Fluent Bit


def tool(context, name):
    """A program on PATH, or unpacked by packaging/install-bench-deps.sh."""
    for folder in ("usr/bin", "usr/sbin"):
        path = os.path.join(context.tools, "debian", folder, name)
        if os.path.exists(path):
            return path
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def library_path(context):
    root = os.path.join(context.tools, "debian/usr/lib/x86_64-linux-gnu")
    return {"LD_LIBRARY_PATH": root} if os.path.isdir(root) else {}


class Tool(Program):
    program, values = "?", None
    is_warm = True  # slow, and a first run is like any other

    def __init__(self, job, lines, note=""):
        self.job, self.lines, self.note = job, lines, note

    def missing(self, context):
        return None if tool(context, self.program) else "%s is not installed" % self.program

    def verify(self, context, rows):
        """`rows`: lines of CSV."""
        output = context.files.scratch("answer")
        with open(output, "w", encoding="utf-8") as out:
            out.write("".join(row + "\n" for row in rows))
        reference = context.reference.get(self.kind, self.line_count(context), self.job)
        return compare.table(self.job, output, reference, self.values)

    def filled(self, context, source, target):
        with open(os.path.join(PEERS, source), encoding="utf-8") as text:
            filled = text.read().replace("{input}", self.input(context))
        filled = filled.replace("{scratch}", context.files.scratch("")[:-1])
        path = context.files.scratch(target)
        with open(path, "w", encoding="utf-8") as out:
            out.write(filled)
        return path


class Sec(Tool):
    name, program = "SEC", "sec"

    def run(self, context):
        output = context.files.scratch("answer")
        command = [tool(context, "sec"), "--conf=%s/sec-%s.conf" % (PEERS, self.job),
                   "--input=" + self.input(context), "--notail", "--intevents", "--debug=1"]
        launched = context.launch(command, "run", environment={"OUTPUT": output})
        cost = launched.finish(LIMIT_S)
        reference = context.reference.get(self.kind, self.line_count(context), self.job)
        return cost, compare.table(self.job, output, reference)


class Mtail(Tool):
    name, program, values = "mtail", "mtail", 2

    def run(self, context):
        output = context.files.scratch("metrics.json")
        command = [tool(context, "mtail"), "--one_shot", "--progs", PEERS + "/J2.mtail", "--logs",
                   self.input(context), "--log_dir", context.files.scratch("")]
        cost = context.launch(command, "run", output=output).finish(LIMIT_S)
        with open(output, encoding="utf-8") as text:
            metrics = json.load(text)
        known = {}
        for name in ("payments", "amount"):
            for one in metrics[name][0]["LabelValues"]:
                known.setdefault(tuple(one["Labels"]), {})[name] = one["Value"]["Value"]
        return cost, self.verify(context, ["%s:00Z,%s,%d,%.2f" % (*key, row["payments"],
                                                                  row["amount"])
                                           for key, row in known.items()])


class Rsyslog(Tool):
    name, program, values = "rsyslog", "rsyslogd", 1

    def run(self, context):
        stats = context.files.scratch("stats.json")
        for name in os.listdir(context.files.scratch("")):
            if name.startswith(("imfile-state", "stats.json")):
                os.unlink(context.files.scratch(name))
        config = self.filled(context, "rsyslog-J2.conf", "rsyslog.conf")
        command = [tool(context, "rsyslogd"), "-n", "-f", config, "-i",
                   context.files.scratch("rsyslog.pid")]
        environment = library_path(context)
        if environment:
            command += ["-M", environment["LD_LIBRARY_PATH"] + "/rsyslog"]
        launched = context.launch(command, "run", environment=environment)
        done = '"processed": %d,' % self.line_count(context)
        deadline = time.monotonic() + LIMIT_S
        # Two prints: the counters of the first may be from just before.
        while read(stats).count(done) < 2 and launched.process.poll() is None:
            if time.monotonic() > deadline:
                break
            time.sleep(POLL_S)
        launched.process.terminate()
        cost = launched.finish(60)
        prints = re.findall(r'"name": "payments".*?"values": (\{.*?\})', read(stats))
        if not prints:
            raise Failed("rsyslog printed no counters: %s" % launched.said()[-500:])
        rows = [(key.split("|"), count) for key, count in json.loads(prints[-1]).items()]
        return cost, self.verify(context, ["%s:00Z,%s,%d" % (*key, count) for key, count in rows])


class FluentBit(Tool):
    """Its stream processor's windows follow the clock: the totals by merchant are compared."""

    name, program = "Fluent Bit SQL", "fluent-bit"

    def run(self, context):
        answer = context.files.scratch("answer.jsonl")
        if os.path.exists(answer):
            os.unlink(answer)
        for part in ("parsers", "streams"):
            self.filled(context, "fluent-bit-%s.conf" % part, part + ".conf")
        config = self.filled(context, "fluent-bit-J2.conf", "fluent-bit.conf")
        launched = context.launch([tool(context, self.program), "-c", config], "run")
        deadline, quiet, size = time.monotonic() + LIMIT_S, time.monotonic(), -1
        lines = self.line_count(context)
        while launched.process.poll() is None and time.monotonic() < deadline:
            now = os.path.getsize(answer) if os.path.exists(answer) else 0
            if now != size:
                quiet, size = time.monotonic(), now
                if sum(row[0] for row in self.totals(answer).values()) >= lines:
                    break
            if size > 0 and time.monotonic() - quiet > QUIET_S:
                break
            time.sleep(POLL_S)
        launched.process.terminate()
        cost = launched.finish(60)
        expected = {}
        for row in context.reference.get("json", lines, self.job)["rows"]:
            count, longest = expected.get((row[1],), (0, 0))
            expected[(row[1],)] = (count + row[2], max(longest, row[4]))
        return cost, compare.differences(self.totals(answer), expected)

    def totals(self, answer):
        known = {}
        for line in read(answer).splitlines():
            try:
                row = json.loads(line[line.index("{"):])
                key = (row["merchantId"],)
                count, longest = known.get(key, (0, 0))
                known[key] = (count + row["n"], max(longest, row["longest"]))
            except (ValueError, KeyError):
                continue  # a line that is being written
        return known


def read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as text:
            return text.read()
    except OSError:
        return ""


def sec(job, lines):
    return Sec(job, lines, {
        "J1": "SEC: counts by event minute in a line of Perl of its configuration",
        "J3": "SEC: its own thresholds follow the clock, so a replay cannot be right"}[job])


def mtail(lines):
    return Mtail("J2", lines, "mtail: count and sum compared; it has no maximum")


def rsyslog(lines):
    return Rsyslog("J2", lines, "rsyslog: counts compared; it has no sum and no maximum. It does "
                   "not end by itself: wall is up to the second print of its counters")


def fluent_bit(lines):
    return FluentBit("J2", lines, "Fluent Bit: windows follow the clock; counts and maxima of the "
                                  "whole run compared")
