#!/usr/bin/env python3
"""Random rules that are asked about readings on random streams of several sources, against
model.py: in a replay, and in daemons that are cut, killed, stopped and reloaded at random, with 0,
1 and 2 reader threads."""
import datetime
import json
import os
import random
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../support"))
sys.path.insert(0, HERE)
import model  # noqa: E402
from daemon import IS_LONG, Daemon, Site, tocsin, wait_until  # noqa: E402
from seed import SEED  # noqa: E402

ROUNDS = 20 if IS_LONG else 1
RULES, LINES = 24, 600
KEYS = ["k%d" % i for i in range(7)]
SOURCE = """
    %s = {
      fields = { key = "string", n = "int", kind = "string", ok = "bool" },
      from = { %s }, lateness = "2s", idle = "1h",
    },"""
CONFIG = """
  sources = {%s
  },
  outputs = { alerts = { file = "alerts.jsonl" } },
  listen = { http = false }, ingest = { readers = %d },
"""


def stream(rng, keys, start):
    """Readings of a few seconds apart, some late; some of equal time; some gaps."""
    now, out = start, []
    for index in range(LINES):
        now += rng.choice([0, 250, 500, 500, 1000, 3000, 40000 if rng.random() < 0.05 else 500])
        late = rng.choice([500, 1000, 2000, 4000, 20000]) if rng.random() < 0.2 else 0
        out.append({"time": now - late, "key": rng.choice(keys), "n": index,
                    "kind": rng.choice(model.KINDS), "ok": rng.random() < 0.6})
    return out


def line_of(reading):
    return json.dumps(dict(reading, time=reading["time"] / 1000)) + "\n"


def alert_of(document):
    end = datetime.datetime.fromisoformat(document["window_end"].replace("Z", "+00:00"))
    end = round(end.timestamp() * 1000)
    if document.get("reason") == "keys_max":
        return (end, "", document["state"], None, None, "keys_max")
    has_value = document["state"] == "firing"
    return (end, ",".join(document["dimension"].values()), document["state"],
            document["severity"], document["value"] if has_value else None,
            document.get("message"))


class Scene:
    """Files, sources, rules, and what these must tell."""

    def __init__(self, root, rng):
        self.root, self.rng = root, rng
        self.files = {"a": ["a"], "b": ["b"], "two": ["two1", "two2"]}
        start = 1_700_000_000_000
        self.readings = {
            "a": stream(rng, KEYS, start), "b": stream(rng, KEYS, start + 77_250),
            # The order of two files is not defined: each has keys of its own.
            "two1": stream(rng, KEYS[:4], start), "two2": stream(rng, KEYS[4:], start),
        }
        self.limit = {}
        for source, files in self.files.items():
            last = max(r["time"] for name in files for r in self.readings[name])
            self.limit[source] = last + 50_000
            for name in files:
                # All that waits until then is over when this was read.
                self.readings[name].append({"time": last + 100_000, "key": "end", "n": LINES,
                                            "kind": "a", "ok": True})
        self.rules = [model.make(rng, "r%d" % i, "ab"[i % 2], KEYS) for i in range(RULES)]
        for i in range(4):
            rule = model.Automaton(rng, "two%d" % i, "two", KEYS, has_timers=False)
            rule.by = ("key",)
            self.rules.append(rule)
        self.expected = {rule.name: self.alerts_of(rule) for rule in self.rules}

    def alerts_of(self, rule):
        readings = [r for name in self.files[rule.source] for r in self.readings[name]]
        return self.order(rule, model.World(rule).run(readings))

    def order(self, rule, alerts):
        found = [a for a in alerts if a[0] <= self.limit[rule.source]]
        return sorted(found, key=repr) if rule.source == "two" else found

    def config(self, folder, readers, kinds="file"):
        def from_of(source):
            return ", ".join('{ %s = "%s" }' % (kinds, os.path.join(folder, name + ".jsonl"))
                             for name in self.files[source])
        return CONFIG % ("".join(SOURCE % (name, from_of(name)) for name in self.files), readers)

    def site(self, name, readers):
        folder = os.path.join(self.root, name)
        site = Site(os.path.join(folder, "site"), self.config(folder, readers))
        for rule in self.rules:
            site.write("rules/%s/1.lua" % rule.name, rule.text())
        return site, folder


class Random(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.root = directory.name

    def check(self, scene, documents, sources, what):
        for rule in scene.rules:
            if rule.source not in sources:
                continue
            found = scene.order(rule, [alert_of(d) for d in documents if d["rule"] == rule.name])
            expected = scene.expected[rule.name]
            if found != expected:
                at = next((i for i, pair in enumerate(zip(found, expected))
                           if pair[0] != pair[1]), min(len(found), len(expected)))
                self.fail("%s, TOCSIN_SEED=%d: rule %s, alert %d of %d (found %d)\n"
                          "found    %s\nexpected %s\n%s"
                          % (what, SEED, rule.name, at, len(expected), len(found),
                             found[at:at + 3], expected[at:at + 3], rule.text()))

    def replay(self, scene):
        site, folder = scene.site("replay", 1)
        for source in ("a", "b"):
            path = os.path.join(folder, source + ".jsonl")
            with open(path, "w", encoding="utf-8") as out:
                out.writelines(map(line_of, scene.readings[source]))
            done = tocsin("replay", "--site", site.directory, "--source", source, "--input", path)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.check(scene, [json.loads(line) for line in done.stdout.splitlines()], source,
                       "replay of " + source)

    def daemon(self, scene, readers, chance):
        """Files grow in pieces; after some the daemon is killed, stopped, or reloaded."""
        site, folder = scene.site("daemon%d" % readers, readers)
        rng, counts = scene.rng, {"kills": 0, "stops": 0, "reloads": 0}
        at = dict.fromkeys(scene.readings, 0)
        daemon = Daemon(site).start()
        try:
            while any(at[name] < len(scene.readings[name]) for name in at):
                name = rng.choice([n for n in at if at[n] < len(scene.readings[n])])
                piece = rng.choice([1, 3, 50, 200])
                with open(os.path.join(folder, name + ".jsonl"), "a", encoding="utf-8") as out:
                    out.writelines(map(line_of, scene.readings[name][at[name]:at[name] + piece]))
                at[name] = min(at[name] + piece, len(scene.readings[name]))
                if rng.random() < 0.5:
                    self.wait(scene, daemon, at)
                if rng.random() < chance:
                    self.disturb(daemon, site, rng, counts)
            self.wait(scene, daemon, at)
            wait_until(lambda: daemon.call("status")["outputs"][0]["waiting"] == 0, 30, "outbox")
        finally:
            daemon.stop()
        # A kill between sending and its note sends again: same id, same document.
        documents = {}
        for document in daemon.output("alerts.jsonl"):
            self.assertEqual(documents.setdefault(document["id"], document), document)
        self.check(scene, list(documents.values()), scene.files, "%d readers, %s"
                   % (readers, counts))
        return counts

    def wait(self, scene, daemon, at):
        for source, files in scene.files.items():
            daemon.wait_readings(source, sum(at[name] for name in files))

    def disturb(self, daemon, site, rng, counts):
        what = rng.choice(["kills", "kills", "stops", "reloads"])
        counts[what] += 1
        if what == "reloads":
            site.rule("other%d/1" % counts[what], """return rule.count {
  source = "a", window = "1m", threshold = ">= 1000000", output = "alerts" }""")
            daemon.call("reload")
            return
        if what == "kills":
            daemon.kill()
        else:
            daemon.stop()
        daemon.start()

    def test_random_rules_tell_what_the_model_does(self):
        rng = random.Random(SEED)
        for number in range(ROUNDS):
            scene = Scene(os.path.join(self.root, str(number)), random.Random(rng.random()))
            self.replay(scene)
            counts = [self.daemon(scene, readers, 0.12) for readers in (0, 1, 2)]
            alerts = sum(map(len, scene.expected.values()))
            full = sum(a[5] == "keys_max" for found in scene.expected.values() for a in found)
            self.assertGreater(alerts, 2000)
            print("TOCSIN_SEED=%d: %d rules, %d alerts, %d about too many keys; %s"
                  % (SEED, len(scene.rules), alerts, full, counts))


if __name__ == "__main__":
    unittest.main()
