"""Runs rules in a replay or in a daemon that is killed, and compares every alert with spec.py."""
import calendar
import json
import os
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../support"))
import combos  # noqa: E402
import spec  # noqa: E402
import values  # noqa: E402
from daemon import IS_LONG, Daemon, Site, tocsin, wait_until  # noqa: E402
from seed import SEED, random_of  # noqa: E402,F401

LATENESS_MS = 3500
CONFIG = """
  timezone = "%s",
  sources = { pay = {
    fields = { m = "string", a = "string", c = "string", v = "int", x = "float", ok = "bool" },
    from = { { file = "%s" } }, lateness = "3500ms", idle = "1h" } },
  outputs = { alerts = { file = "alerts.jsonl" } },
  lookups = { limits = { csv = "lookups/limits.csv" }, vip = { csv = "lookups/vip.csv" } },
  listen = { http = false },
"""


def ms(text):
    whole = calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")) * 1000
    return whole + (int(text[20:23]) if text[19:20] == "." else 0)


def line_of(r):
    v = "" if r["v"] is None else ',"v":%d' % r["v"]
    return ('{"time":%d,"m":"%s","a":"%s","c":"%s"%s,"x":%s,"ok":%s}\n' % (
        r["t"], r["m"], r["a"], r["c"], v, r["x"], "true" if r["ok"] else "false")).encode()


def is_same_value(statistic, found, expected):
    if found is None or expected is None or not values.is_number(found):
        return found is None and expected is None
    bound = values.bound_of(statistic, expected)
    if statistic in ("avg", "rate"):
        bound = 1e-15 * abs(expected)
    if statistic == "stddev":
        bound = max(bound, 1e-9)
    return abs(found - expected) <= bound


class Tally:
    def __init__(self):
        self.rules = self.alerts = self.evaluations = self.unsure = self.repeats = 0
        self.states, self.reasons = {}, {}

    def text(self, what):
        return (
            "%s: %d rules, %d evaluations of keys, %d alerts %s, reasons %s, %d keys left out "
            "that were within a bound, %d documents repeated after a kill"
            % (what, self.rules, self.evaluations, self.alerts, self.states, self.reasons,
               self.unsure, self.repeats))


class OracleCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root, self.number, self.zone = folder.name, 0, combos.ZONE

    def site(self, rules):
        self.number += 1
        folder = os.path.join(self.root, str(self.number))
        os.mkdir(folder)
        self.input = os.path.join(folder, "pay.jsonl")
        site = Site(os.path.join(folder, "site"), CONFIG % (self.zone, self.input),
                    {rule.name + "/1": combos.file_of(rule) for rule in rules})
        for name, rows in combos.LOOKUPS.items():
            site.write("lookups/%s.csv" % name, ",".join(rows[0]) + "\n" + "".join(
                ",".join(row.values()) + "\n" for row in rows))
        return site

    def compare(self, rules, oracles, documents, tally, what):
        found, seen = {}, {}
        for d in documents:
            if seen.setdefault(d["id"], d) == d and seen[d["id"]] is not d:
                tally.repeats += 1  # a file output tells again what a kill left unconfirmed
                continue
            key = (d["rule"], ms(d["window_end"]), tuple(d["dimension"].values()))
            found.setdefault(key, []).append(d)
        texts = []
        for rule, oracle in zip(rules, oracles):
            wrong, mine = [], [a for a in oracle.alerts]
            keys = {(rule.name, a["end"], a["key"]): a for a in mine}
            for key, a in keys.items():
                if a["key"] in oracle.unsure:
                    continue
                docs = found.get(key, [])
                if len(docs) != 1:
                    wrong.append("%s: expected %s, found %d" % (key[1:], a, len(docs)))
                    continue
                wrong += self.difference(a, docs[0])
            for key, docs in found.items():
                if key[0] == rule.name and key not in keys and key[2] not in oracle.unsure:
                    wrong.append("%s: too much: %s" % (key[1:], {k: docs[0].get(k) for k in (
                        "state", "severity", "value", "reason", "kept_back")}))
            tally.rules += 1
            tally.alerts += len(mine)
            tally.unsure += len(oracle.unsure)
            tally.evaluations += oracle.evaluations
            for a in mine:
                tally.states[a["state"]] = tally.states.get(a["state"], 0) + 1
                if a["reason"]:
                    tally.reasons[a["reason"]] = tally.reasons.get(a["reason"], 0) + 1
            if wrong:
                wrong.sort()
                texts.append("%s\n%d wrong:\n  %s" % (combos.file_of(rule), len(wrong),
                                                    "\n  ".join(wrong[:3])))
        if texts:
            self.fail("%s, TOCSIN_SEED=%d: %d of %d rules differ\n%s" % (
                what, SEED, len(texts), len(rules), "\n".join(texts[:60])))

    def difference(self, a, d):
        texts, at = [], (a["end"], a["key"])
        for name, expected, got in (
                ("state", a["state"], d["state"]), ("begin", a["begin"], ms(d["window_start"])),
                ("reason", a["reason"], d.get("reason")),
                ("kept_back", a["kept_back"], d.get("kept_back", 0)),
                ("severity", a["severity"] or d["severity"], d["severity"])):
            if expected != got:
                texts.append("%s: %s expected %r, found %r" % (at, name, expected, got))
        if not is_same_value(a["statistic"], d.get("value"), a["value"]):
            texts.append("%s: value expected %r, found %r" % (at, a["value"], d.get("value")))
        return texts

    def replay(self, rules, rows, tally, what):
        site = self.site(rules)
        with open(self.input, "wb") as out:
            out.writelines(line_of(row) for row in rows)
        done = tocsin("replay", "--site", site.directory, "--source", "pay", "--input", self.input)
        self.assertEqual(done.returncode, 0, done.stderr[-4000:])
        oracles = spec.run(rules, rows, LATENESS_MS, combos.LOOKUPS, True)
        documents = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(len(documents), len({d["id"] for d in documents}))
        self.compare(rules, oracles, documents, tally, what)

    def daemon(self, rules, rows, rng, tally, what, sizes=(1, 40, 300), patience=0.3):
        """Pieces of the stream (`patience`: how often each is awaited), with kill -9, orderly ends
        and reloads in between."""
        daemon = Daemon(self.site(rules))
        oracles = spec.run(rules, rows, LATENESS_MS, combos.LOOKUPS, False)
        total = sum(len(oracle.alerts) for oracle in oracles)
        lines, at = [line_of(row) for row in rows], 0
        with daemon, open(self.input, "ab", buffering=0) as out:
            while at < len(lines):
                size = rng.choice(sizes)
                out.write(b"".join(lines[at:at + size]))
                at = min(at + size, len(lines))
                if rng.random() < patience:
                    daemon.wait_readings("pay", at)
                choice = rng.random()
                if choice < 0.08:
                    (daemon.kill if choice < 0.06 else daemon.stop)()
                    daemon.start()
                elif choice < 0.15:
                    done = tocsin("reload", "--wait", "--state", daemon.state)
                    self.assertEqual(done.returncode, 0, done.stderr)
            daemon.wait_readings("pay", len(lines))
            try:
                wait_until(lambda: len({
                    d["id"] for d in daemon.output("alerts.jsonl")}) >= total, 5)
            except AssertionError:
                pass  # compare() tells what is missing
            wait_until(lambda: daemon.call("status")["outputs"][0]["waiting"] == 0, 30, "outbox")
            self.compare(rules, oracles, daemon.output("alerts.jsonl"), tally, what)
