"""D: the daemon reads the file from a fresh state with everything on: panes, watermark, RocksDB
commits with sync, alerts to a file. It is stopped once all is on disk; CPU is the whole process's.
The state stands in the build directory: on a tmpfs, sync would cost nothing."""
import json
import os
import shutil
import socket
import time

import compare
import reference
import rules
from measure import Cost, Failed
from program import LIMIT_S, Program

POLL_S = 0.02
LATENESS_S = 5
BLOCK_BYTES = 1 << 20


class Daemon(Program):
    """`files`: how many files the lines are spread over; `readers`: threads."""

    def __init__(self, name, readers, files, sync="commit"):
        self.name, self.readers, self.file_count, self.sync = name, readers, files, sync

    def run(self, context):
        state = os.path.join(context.build, "bench-state-%d" % os.getpid())
        shutil.rmtree(state, ignore_errors=True)
        directory = context.files.scratch("site-D-%d-%d-%s" % (
            self.readers, self.file_count, self.sync))
        more = ("  ingest = { readers = %d },\n  storage = { sync = \"%s\" },\n"
                % (self.readers, self.sync))
        rules.write_site(directory, rules.SETS["D"], self.places(context), more)
        launched = context.launch([context.tocsin, "run", "--site", directory, "--state", state,
                                   "--log-level", "warn"], "daemon")
        cost, seen = measure(launched, state, self.line_count(context), LIMIT_S)
        wrong = self.verify(context, os.path.join(state, "alerts.jsonl"), seen)
        shutil.rmtree(state, ignore_errors=True)
        return cost, wrong

    def places(self, context):
        path = context.files.path("json")
        if self.file_count == 1:
            return [path]
        folder = context.files.scratch("D-%d" % self.file_count)
        if not os.path.isdir(folder):
            split(path, folder, self.file_count)
        return [os.path.join(folder, "*.jsonl")]

    def verify(self, context, alerts, source):
        right = context.reference.get("json", context.files.lines, "D")
        wrong = ["%s is %d, right is %d" % (name, source[name], value) for name, value in
                 (("readings", right["readings"]), ("malformed", 0), ("late", 0), ("clamped", 0))
                 if source.get(name, 0) != value]
        # Later windows are judged once the source is idle, which is not waited for.
        until = reference.text_of(right["last"] - LATENESS_S)
        return wrong + compare.alerts(alerts, right, until)


def measure(launched, state, lines, limit_s):
    """(Cost, status of the source) of a daemon that was just launched; it is stopped."""
    start = time.monotonic()
    try:
        source = wait_until_durable(state, lines, launched, start + limit_s)
        wall = time.monotonic() - start
    finally:
        launched.process.terminate()
        whole = launched.finish(60)
    return Cost(whole.cpu, wall, whole.peak_mib), source


def wait_until_durable(state, lines, launched, deadline):
    """The status of the source when all its lines are committed and the alerts are written."""
    path = os.path.join(state, "control.sock")
    while time.monotonic() < deadline:
        if launched.process.poll() is not None:
            raise Failed("the daemon ended: %s" % launched.said()[-1000:])
        status = ask(path)
        source = status["sources"][0] if status else {}
        behind = sum(tail["behind_bytes"] for tail in source.get("tails", []))
        waiting = sum(one["waiting"] for one in status["outputs"]) if status else 1
        if source.get("readings") == lines and behind == 0 and waiting == 0:
            return source
        time.sleep(POLL_S)
    raise Failed("the daemon has not read everything: %s" % json.dumps(source)[:1000])


def ask(path):
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(10)
            client.connect(path)
            client.sendall(b'{"id":1,"verb":"status","args":{}}\n')
            data = b""
            while not data.endswith(b"\n"):
                block = client.recv(1 << 20)
                if not block:
                    return None
                data += block
        return json.loads(data)["result"]
    except (OSError, ValueError, KeyError):
        return None


def split(path, folder, count):
    """Blocks of whole lines by turns, as if each file were one server's log."""
    os.makedirs(folder)
    outs = [open(os.path.join(folder, "pay-%d.jsonl" % i), "wb") for i in range(count)]
    with open(path, "rb") as data:
        number, rest = 0, b""
        while block := data.read(BLOCK_BYTES):
            end = block.rfind(b"\n") + 1
            outs[number % count].write(rest + block[:end])
            rest = block[end:]
            number += 1
        outs[number % count].write(rest)
    for out in outs:
        out.close()
