#!/usr/bin/env python3
"""on_reading, ctx.state, timers and tocsin.sequence against a brute force in Python: in a replay,
in a daemon whose file grows in pieces, and in one that is killed between any two of them."""
import json
import os
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../support"))
sys.path.insert(0, HERE)
import world  # noqa: E402
from daemon import Daemon, Site, tocsin, wait_until  # noqa: E402
from seed import random_of  # noqa: E402

CONFIG = """
  sources = {
    log = {
      fields = { key = "string", n = "int", kind = "string", ok = "bool" },
      from = { { file = "%s" } }, lateness = "2s", idle = "1h",
    },
  },
  outputs = { alerts = { file = "alerts.jsonl" } },
  listen = { http = false },
"""
COUNT = 3000


class Scripts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.root = cls.directory.name
        cls.readings = world.lines(COUNT, 11)
        # Everything that waits is over when the last line was read, in a daemon too.
        cls.readings.append({"time": cls.readings[-1]["time"] + 100, "key": "end", "n": COUNT,
                             "kind": "c", "ok": True})
        cls.lines = [json.dumps(r) + "\n" for r in cls.readings]
        cls.expected = {name: world.expected(rule, cls.readings)
                        for name, rule in world.RULES.items()}

    @classmethod
    def tearDownClass(cls):
        cls.directory.cleanup()

    def site(self, name):
        path = os.path.join(self.root, name, "log.jsonl")
        site = Site(os.path.join(self.root, name, "site"), CONFIG % path)
        for rule, found in world.RULES.items():
            site.write("rules/%s/1.lua" % rule, world.source(found))
        site.write("rules/both/1.lua", world.BOTH)
        return site, path

    def replay(self, name):
        site, path = self.site(name)
        with open(path, "w", encoding="utf-8") as out:
            out.writelines(self.lines)
        done = tocsin("replay", "--site", site.directory, "--source", "log", "--input", path)
        self.assertEqual(done.returncode, 0, done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def check(self, documents):
        for name, expected in self.expected.items():
            self.assertGreater(len(expected), 40, name)
            self.assertEqual(world.alerts(documents, name), expected, name)

    def test_a_replay_tells_what_a_brute_force_does(self):
        self.check(self.replay("replay"))

    def grow(self, name, kill_chance):
        """A daemon whose file grows, and which is killed now and then."""
        site, path = self.site(name)
        rng = random_of("kill %s" % kill_chance)
        daemon, at = Daemon(site), 0
        daemon.start()
        while at < len(self.lines):
            piece = rng.choice([1, 3, 50, 400])
            with open(path, "a", encoding="utf-8") as out:
                out.writelines(self.lines[at:at + piece])
            at = min(at + piece, len(self.lines))
            if rng.random() < kill_chance:
                if rng.random() < 0.5:
                    daemon.wait_readings("log", at - rng.randrange(piece))
                daemon.kill()
                daemon.start()
            elif rng.random() < 0.5:
                daemon.wait_readings("log", at)
        daemon.wait_readings("log", len(self.lines))
        wait_until(lambda: daemon.call("status")["outputs"][0]["waiting"] == 0, 30, "outbox")
        daemon.stop()
        # A kill between sending and its note sends again: same id, same document.
        documents = {d["id"]: d for d in daemon.output("alerts.jsonl")}
        self.check(list(documents.values()))
        # What both functions of a rule keep for each other does not depend on where it was cut.
        last = self.lines and self.readings[-2]["time"] * 1000
        both, whole = ([a for a in world.alerts(found, "both") if a[0] <= last]
                       for found in (documents.values(), self.replay(name + "_whole")))
        self.assertGreater(len(whole), 100)
        self.assertEqual(both, whole)

    def test_so_does_a_daemon_whose_file_grows(self):
        self.grow("grow", 0)

    def test_so_does_a_daemon_that_is_killed(self):
        self.grow("kill", 0.3)


if __name__ == "__main__":
    unittest.main()
