#!/usr/bin/env python3
"""What is told to whom, by a real daemon."""
import json
import os
import sys
import tempfile
import time
import unittest
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import World  # noqa: E402
from daemon import Refused, free_port, tocsin, wait_until  # noqa: E402
from seed import SEED, random_of  # noqa: E402

INHIBIT = """inhibit = { { name = "gateway", source = { rule = "gateway" },
  target = { rule = { "slow", "other" } }, equal = { "merchantId" }, settle = "%s" } },"""
FIRED, GONE = "firing", "resolved"


class Handling(unittest.TestCase):
    def world(self, site="", severities=None, http="false"):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        world = World(directory.name, site, severities, http)
        self.addCleanup(world.close)
        return world

    # ---- silences ----

    def test_a_silence_begins_while_an_alert_fires(self):
        world = self.world()
        world.fire(("slow", "m1"))
        world.wait_told("alerts", 1)
        world.silence(match={"rule": "slow"})
        world.fire(("slow", "m1"), ("slow", "m2"))
        world.wait_open("slow", "m2", "silenced")
        world.clear()
        world.wait_closed("slow", "m1")
        world.wait_closed("slow", "m2")
        self.assertEqual(world.wait_told("alerts", 1, 2),
                         [("slow", "m1", FIRED), ("slow", "m1", GONE)])
        self.assertEqual(world.kinds("slow", "m2", FIRED), ["silenced"])
        self.assertEqual(world.kinds("slow", "m2", GONE), ["not_sent"])
        status = world.daemon.call("status")["handling"]
        self.assertEqual((status["silenced"], status["unsent_resolved"]), (1, 1))

    def test_a_silence_that_is_expired_lets_go_of_what_still_fires_also_after_a_kill(self):
        world = self.world()
        number = world.silence(match={"dimension": {"merchantId": {"regex": "^m"}}})["number"]
        world.fire(("slow", "m1"))
        world.wait_open("slow", "m1", "silenced")
        world.daemon.kill()
        world.daemon.start()
        self.assertEqual(world.open()[("slow", "m1")]["wait"], "silenced")
        world.daemon.call("silence.expire", {"number": number, "reason": "over"})
        self.assertEqual(world.wait_told("alerts", 1), [("slow", "m1", FIRED)])
        world.clear()
        self.assertEqual(world.wait_told("alerts", 1, 2)[1], ("slow", "m1", GONE))

    def test_silenced_alerts_open_no_incident_but_are_noted_on_an_open_one(self):
        world = self.world()
        world.fire(("slow", "m1"))
        world.wait_told("alerts", 1)
        world.silence(match={"rule": "slow"})
        world.fire(("slow", "m1"), ("slow", "m2"))
        world.wait_open("slow", "m2", "silenced")
        incidents = world.daemon.call("incident.list", {"all": True})
        self.assertEqual([row["key"] for row in incidents], ["rule:slow;merchantId=m1"])
        world.clear()
        world.wait_closed("slow", "m1")
        wait_until(lambda: world.daemon.call("incident.list", {"all": True})[0]["state"]
                   == "RESOLVED", 30, "the incident to resolve")

    def test_the_command_line(self):
        world = self.world()
        state = ("--state", world.daemon.state)
        world.fire(("slow", "m1"))
        world.wait_told("alerts", 1)
        done = tocsin("silence", "preview", "rule=slow,other", "merchantId=~^m", *state)
        self.assertIn("slow  m1", done.stdout)
        done = tocsin("silence", "add", "rule=slow,other", "merchantId=~^m", "--for", "2h",
                      "--reason", "known", "--days", "mon-sun", "--from", "00:00", "--to", "24:00",
                      "--json", *state)
        silence = json.loads(done.stdout)
        self.assertEqual(silence["match"], {"rule": ["slow", "other"],
                                            "dimension": {"merchantId": {"regex": "^m"}}})
        self.assertEqual((silence["number"], silence["state"], silence["zone"]),
                         (1, "active", "UTC"))
        self.assertIn("uid:", silence["author"])
        self.assertIn("known", tocsin("silence", "list", *state).stdout)
        self.assertIn("slow  m1", tocsin("silence", "preview", "1", *state).stdout)
        done = tocsin("silence", "expire", "1", "--reason", "over", *state)
        self.assertIn("over", done.stdout)
        self.assertNotIn("known", tocsin("silence", "list", *state).stdout)
        self.assertIn("ended", tocsin("silence", "list", "--all", *state).stdout)
        self.assertEqual(tocsin("silence", "expire", "1", *state).returncode, 5)
        self.assertIn("sent to alerts", tocsin("alert", "list", *state).stdout)
        self.assertIn("alerts", tocsin("alert", "list", "--all", *state).stdout)
        alert = world.daemon.call("alert.list")[0]["id"]
        shown = tocsin("alert", "show", alert, *state).stdout
        self.assertIn("sent to alerts  by the rule's output", shown)
        self.assertEqual(tocsin("alert", "show", "nothing", *state).returncode, 5)
        for words in (("silence", "add", "slow"), ("silence", "add"), ("silence", "show"),
                      ("silence", "list", "all"), ("alert", "show"), ("silence", "mute"),
                      ("alert", "list", "--limit", "some")):
            self.assertEqual(tocsin(*words, *state).returncode, 2, words)
        for words, text in (
                (("add", "rule=a", "rule=b"), "rule is given twice; write rule=a,b"),
                (("add", "merchantId=m1", "dimension.merchantId=m2"), "is given twice"),
                (("add", "labels.team=a", "labels.team=~b"), "labels.team is given twice"),
                (("preview", "x"), '"x" is no matcher: write NAME=VALUE')):
            done = tocsin("silence", *words, "--for", "1h", "--reason", "x", *state)
            self.assertEqual(done.returncode, 2, words)
            self.assertIn(text, done.stderr)

    def test_refused_silences(self):
        world = self.world()
        for args, words in [
                ({"match": {}}, "the match is empty"),
                ({"match": {"rules": "a"}}, 'unknown key "rules" in match; did you mean "rule"'),
                ({"match": {"rule": {"regex": "("}}}, "the regex is wrong at its byte"),
                ({"match": "rule"}, "argument match must be a table"),
                ({"reason": ""}, "a silence needs a reason"),
                ({"reason": "x" * 5000}, "the reason has more than"),
                ({"reason": None}, "argument reason is missing"),
                ({"for": None}, "a silence needs an end"),
                ({"for": "2y"}, "is not a span of time"),
                ({"for": "400d"}, "366 days at most"),
                ({"end": "2020-01-01T00:00:00Z", "for": None}, "must end after its start"),
                ({"end": "tomorrow", "for": None}, "argument end must be a time"),
                ({"end": "2036-01-01T00:00:00Z"}, "an end or a length, not both"),
                ({"when": [{"days": "someday"}]}, "days"),
                ({"when": {"ranges": []}, "zone": "Mars/Base"}, "zone"),
                ({"zone": "Mars"}, "Mars"),
                ({"until_resolved": True}, "a length or lasts until resolved, not both"),
                ({"match": {"severity": ["info", "criticl"]}},
                 '"severity" of match must be one of "info", "warning", "critical", found '
                 '"criticl"; did you mean "critical"?'),
                ({"match": {"state": "fired"}}, '"firing", "resolved", "nodata", found "fired"'),
                ({"match": {"category": "x"}}, "the site's categories (it has none)")]:
            request = {"match": {"rule": "a"}, "reason": "x", "for": "1h"}
            request.update(args)
            with self.assertRaises(Refused) as refused:
                world.daemon.call("silence.add", request)
            self.assertIn(words, refused.exception.error)
        self.assertEqual(world.daemon.call("silence.list", {"all": True}), [])
        with self.assertRaises(Refused):
            world.daemon.call("silence.preview", {"match": {"severity": "bad"}})
        self.assertEqual(world.daemon.call("silence.preview",
                                           {"match": {"severity": {"regex": "bad"}}}), [])

    def test_routes_with_values_that_do_not_exist_are_refused(self):
        for lines, words in [
                ("categories = { shops = {} }, routes = { { match = { category = \"shop\" } } },",
                 '"category" of route 1 must be one of "shops", found "shop"; did you mean '
                 '"shops"?'),
                ("inhibit = { { source = { rule = \"a\" }, target = { state = \"firin\" } } },",
                 '"state" of target of inhibit 1 must be one of "firing", "resolved", "nodata", '
                 'found "firin"; did you mean "firing"?')]:
            with tempfile.TemporaryDirectory() as site:
                with open(os.path.join(site, "tocsin.lua"), "w") as file:
                    file.write("return { sources = {}, outputs = {}, %s }" % lines)
                done = tocsin("check", "--site", site)
                self.assertEqual(done.returncode, 1, done)
                self.assertIn(words, " ".join((done.stdout + done.stderr).split()))

    # ---- inhibition ----

    def test_the_source_comes_first(self):
        world = self.world(INHIBIT % "1s")
        world.fire(("gateway", "m1"))
        world.wait_told("alerts", 1)
        world.fire(("gateway", "m1"), ("slow", "m1"), ("slow", "m2"))
        world.wait_open("slow", "m1", "inhibited")
        self.assertEqual(world.wait_told("alerts", 1, 2),
                         [("gateway", "m1", FIRED), ("slow", "m2", FIRED)])
        self.assertEqual(world.open()[("slow", "m1")]["inhibitor"], "gateway|m1")

    def test_the_target_comes_first(self):
        world = self.world(INHIBIT % "60s")
        world.fire(("slow", "m1"))
        world.wait_open("slow", "m1", "settling")
        world.daemon.kill()
        world.daemon.start()
        world.fire(("slow", "m1"), ("gateway", "m1"))
        world.wait_told("alerts", 1)
        world.clear(("gateway", "m1"))
        world.wait_closed("slow", "m1")
        self.assertEqual(world.told("alerts"), [("gateway", "m1", FIRED)])
        self.assertEqual(world.kinds("slow", "m1", FIRED), ["settling", "inhibited"])

    def test_a_target_that_outlives_its_source_is_told(self):
        world = self.world(INHIBIT % "1s")
        world.fire(("gateway", "m1"), ("slow", "m1"))
        world.wait_open("slow", "m1", "inhibited")
        world.clear(("slow", "m1"))
        told = world.wait_told("alerts", 1, 2, 3)
        self.assertEqual(told, [("gateway", "m1", FIRED), ("gateway", "m1", GONE),
                                ("slow", "m1", FIRED)])

    # ---- routes and groups ----

    def test_routes(self):
        world = self.world("""routes = {
            { match = { severity = "critical" }, outputs = { "hook" }, continue = true },
            { name = "team", match = { rule = { "slow" }, labels = { team = { regex = "^pay" } },
                dimension = { merchantId = { "m1", "m2" } } }, outputs = { "ops", "alerts" } },
          },""", {"slow": "critical"})
        world.fire(("slow", "m1"), ("slow", "m3"), ("other", "m1"))
        self.assertEqual(sorted(world.wait_told("hook", 1, 2)),
                         [("slow", "m1", FIRED), ("slow", "m3", FIRED)])
        self.assertEqual(world.wait_told("ops", 1), [("slow", "m1", FIRED)])
        self.assertEqual(sorted(world.wait_told("alerts", 1, 2)),
                         [("other", "m1", FIRED), ("slow", "m1", FIRED)])
        world.clear()
        self.assertEqual(sorted(world.wait_told("hook", 1, 2, 3, 4)[2:]),
                         [("slow", "m1", GONE), ("slow", "m3", GONE)])
        self.assertEqual(len(world.wait_told("alerts", 1, 2, 3, 4)), 4)
        self.assertEqual(world.wait_told("ops", 1, 2)[1], ("slow", "m1", GONE))

    def test_a_level_that_changes_within_its_window_is_told(self):
        """Early firing: both alerts are of one window, and only their severity differs."""
        world = self.world()
        world.site.rule("rising/1", """return rule.group {
          source = "pay", by = { "merchantId" }, window = "10s", output = "ops", early = true,
          filter = 'rule == "rising"', severities = { warning = ">= 2", critical = ">= 4" } }""")
        world.daemon.call("reload")
        for count in (1, 2):
            world.write([("rising", "m1")] * 2)
            wait_until(lambda: len(world.daemon.output("ops.jsonl")) == count, 10,
                       "alert %d" % count)  # pylint: disable=cell-var-from-loop
        first, second = world.daemon.output("ops.jsonl")
        self.assertEqual((first["severity"], second["severity"]), ("warning", "critical"))
        self.assertEqual(first["window_end"], second["window_end"])
        self.assertNotEqual(first["id"], second["id"])

    def test_a_group_of_a_thousand_alerts(self):
        world = self.world("""routes = { { outputs = { "hook" },
            group = { by = { "rule" }, wait = "1s", interval = "5m" } } },""")
        rows = [("slow", "m%04d" % number) for number in range(1000)]
        world.fire(*rows)
        world.wait_told("hook", *rows)
        self.assertEqual(len(world.receiver.documents), 1)
        document = world.receiver.documents[0]
        self.assertEqual((document["alert_count"], document["firing_count"], document["state"],
                          document["by"], document["severity"]),
                         (1000, 1000, "firing", {"rule": "slow"}, "warning"))
        self.assertEqual(sorted(world.told("hook")), sorted(row + (FIRED,) for row in rows))
        world.clear()
        world.wait_told("hook", *(rows + rows))
        self.assertEqual(len(world.receiver.documents), 2)
        self.assertEqual(world.receiver.documents[1]["state"], "resolved")
        self.assertEqual(world.told("alerts"), [])

    def test_a_kill_while_a_group_gathers_loses_and_doubles_nothing(self):
        world = self.world("""routes = { { outputs = { "hook" },
            group = { by = { "rule" }, wait = "2s", interval = "1s" } } },""")
        world.fire(("slow", "m1"))
        wait_until(lambda: world.daemon.call("status")["handling"]["held_now"] == 1, 30, "a hold")
        world.daemon.kill()
        world.daemon.start()
        world.fire(("slow", "m1"), ("slow", "m2"))
        self.assertEqual(sorted(world.wait_told("hook", 1, 2)),
                         [("slow", "m1", FIRED), ("slow", "m2", FIRED)])
        world.clear()
        self.assertEqual(sorted(world.wait_told("hook", 1, 2, 3, 4)[2:]),
                         [("slow", "m1", GONE), ("slow", "m2", GONE)])

    # ---- kills ----

    def test_a_kill_between_firing_and_resolve(self):
        world = self.world("""routes = { { match = { rule = "slow" }, outputs = { "hook", "ops" } },
            },""")
        world.fire(("slow", "m1"), ("other", "m1"))
        world.wait_told("hook", 1)
        world.wait_told("ops", 1)
        world.wait_told("alerts", 1)
        world.daemon.kill()
        world.change('outputs = { "hook", "ops" } }', 'outputs = { "alerts" } }')  # the routes
        world.daemon.start()
        world.silence(match={"rule": "slow"})
        world.clear()
        world.wait_closed("slow", "m1")
        self.assertEqual(world.wait_told("hook", 1, 2), [("slow", "m1", FIRED),
                                                         ("slow", "m1", GONE)])
        self.assertEqual(world.wait_told("ops", 1, 2), [("slow", "m1", FIRED),
                                                        ("slow", "m1", GONE)])
        self.assertEqual(world.wait_told("alerts", 1, 2), [("other", "m1", FIRED),
                                                           ("other", "m1", GONE)])

    def test_kills_at_random_points_leave_nobody_with_half_of_the_story(self):
        chance = random_of("kills of handling")
        world = self.world(INHIBIT % "1s" + """routes = {
            { match = { rule = "gateway" }, outputs = { "ops" }, continue = true },
            { outputs = { "hook", "ops" },
              group = { by = { "rule" }, wait = "1s", interval = "1s" } },
          },""")
        names = [(rule, "m%d" % number) for rule in ("slow", "gateway", "other")
                 for number in range(8)]
        for turn in range(6):
            world.fire(*chance.sample(names, 8))
            if turn % 2 == 0:
                world.silence(match={"dimension": {"merchantId": "m%d" % chance.randrange(8)}},
                              **{"for": "%ds" % chance.randint(1, 4)})
            time.sleep(chance.random() * 1.5)  # any point is good
            world.daemon.kill()
            world.daemon.start()
        world.clear()
        wait_until(lambda: not world.open(), 30, "everything to resolve")

        def is_idle():
            status = world.daemon.call("status")
            return status["handling"]["held_now"] == 0 and all(
                row["waiting"] == 0 for row in status["outputs"])
        wait_until(is_idle, 30, "empty queues")
        for output in ("hook", "ops"):
            hears = {}
            for rule, key, state in world.told(output):
                self.assertTrue(state == FIRED or hears.get((rule, key)) == FIRED,
                                "%s hears a resolve alone: %s %s, seed %d"
                                % (output, rule, key, SEED))
                hears[(rule, key)] = state
            self.assertEqual([key for key in hears if hears[key] != GONE], [], output)
            self.assertGreater(len(hears), 5)
        ids = [document["id"] for document in world.daemon.output("ops.jsonl")]
        self.assertEqual(len(ids), len(set(ids)))

    def test_every_counter_is_in_status_and_metrics(self):
        port = free_port()
        world = self.world(http='"127.0.0.1:%d"' % port)
        status = world.daemon.call("status")["handling"]
        self.assertGreaterEqual(len(status), 20)
        self.assertTrue(all(value == 0 for value in status.values()), status)
        world.fire(("slow", "m1"))
        world.wait_told("alerts", 1)
        with urllib.request.urlopen("http://127.0.0.1:%d/metrics" % port, timeout=10) as page:
            text = page.read().decode()
        for name in status:
            self.assertIn("\ntocsin_handling_%s" % name.replace("_now", ""), text)
        self.assertIn("\ntocsin_handling_sent_total 1\n", text)
        self.assertIn("sent 1", tocsin("status", "--state", world.daemon.state).stdout)


if __name__ == "__main__":
    unittest.main()
