#!/usr/bin/env python3
"""tocsin plan dry-run: the effects of a plan with virtual times, and none of them happens."""
import json
import os
import shutil
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../support"))
from daemon import ROOT, Daemon, Site, tocsin, wait_until  # noqa: E402
from web import WebServer  # noqa: E402

CONFIG = """
  sources = { pay = { from = { { http = true } } } },
  outputs = { alerts = { file = "alerts.jsonl" }, ops = { webhook = "%s" } },
  listen = { http = false },
  exec = { allow = { "/usr/bin/true", "/usr/bin/touch" } },
  http = { allow = { "127.0.0.1" } },
  secrets = { token = { file = "/nonexistent/token" } },
"""
EVERYTHING = """return plan {
  params = { share = 50 }, timeout = "1d",
  run = function(ctx, params)
    ctx:notify("tell", { to = "ops", text = "it begins" })
    ctx:http("switch", { method = "PUT", url = "%(url)s", body = { share = params.share },
      headers = { Authorization = ctx:secret("token", { prefix = "Bearer " }) } },
      { undo = { "http.request", { method = "PUT", url = "%(url)s", body = { share = 0 } } } })
    ctx:par {
      touch = function(c) c:exec("touch", { "/usr/bin/touch", "%(marker)s" }) end,
      wait = function(c) c:sleep("90s") c:log("waited") end,
    }
    local answer = ctx:ask("sure", { text = "Sure?", who = { "wang", "li" }, quorum = 2,
      schema = "number", expires = "1h" })
    local go = ctx:signal("ready", { timeout = "2h" })
    local seen = ctx:http("look", { url = "%(url)s" })
    if not answer.approved then return ctx:rollback("not approved") end
    return { value = answer.value, go = go and go.value, status = seen.status,
      random = ctx:random() < 1, at = ctx:now() }
  end,
}"""


class DryRun(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.root = directory.name
        self.web = WebServer()
        self.addCleanup(self.web.close)
        self.marker = os.path.join(self.root, "marker")
        self.site = Site(os.path.join(self.root, "site"), CONFIG % self.web.url("/ops"))
        self.site.plan("all/1", EVERYTHING % {"url": self.web.url("/x"), "marker": self.marker})
        for name in ("merchant_outage", "provider_switch"):
            shutil.copytree(os.path.join(ROOT, "scripts/plans", name),
                            os.path.join(self.site.directory, "plans", name))
        for name in ("merchant_failures", "payment_failures"):
            shutil.copytree(os.path.join(ROOT, "scripts/rules", name),
                            os.path.join(self.site.directory, "rules", name))
        self.empty = os.path.join(self.root, "empty")
        os.mkdir(self.empty)

    def files(self):
        return sorted(os.path.join(path, name) for path, _, names in os.walk(self.root)
                      for name in names)

    def run_dry(self, plan, *arguments, code=0):
        """Its document; nothing may have come to the receiver, nor a file."""
        before = self.files()
        done = tocsin("plan", "dry-run", plan, "--site", self.site.directory, "--json",
                      *arguments, cwd=self.empty)
        if code is not None:
            self.assertEqual(done.returncode, code, done.stderr + done.stdout)
        self.assertEqual(self.web.requests, [])
        self.assertEqual(self.files(), before)
        return json.loads(done.stdout)

    def rows(self, document, *kinds):
        return [(row["at_ms"], row["kind"] if row["kind"] != "effect" else row["action"],
                 row.get("step")) for row in document["effects"]
                if not kinds or row["kind"] in kinds]

    def test_a_name_that_nothing_has_is_told(self):
        document = self.run_dry("provider_switch", "--answer", "sure=yes", "--fail", "swich=no",
                                "--signal", "go", "--result", "x={}", code=None)
        self.assertEqual([name for name in document["unmet"] if name != "--answer sure"],
                         ["--fail swich", "--signal go", "--result x"])
        document = self.run_dry("merchant_outage", "--fail", "reset_route#1=no", code=None)
        self.assertEqual(document["unmet"], [])
        done = tocsin("plan", "dry-run", "merchant_outage", "--site", self.site.directory,
                      "--fail", "rest_route=no", cwd=self.empty)
        self.assertIn("--fail rest_route met nothing: this run came to no such name\n",
                      done.stdout)

    def test_both_example_plans_list_their_effects_and_touch_nothing(self):
        document = self.run_dry("merchant_outage")
        self.assertEqual(self.rows(document), [
            (0, "notify.send", "tell#1"), (0, "exec.run", "reset_route#1"),
            (30 * 60 * 1000, "notify.send", "escalate#1"), (30 * 60 * 1000, "ended", None)])
        self.assertEqual((document["state"], document["result"]), ("done", {"recovered": False}))
        # The fields of the rule's alerts are there.
        self.assertEqual(document["effects"][1]["args"],
                         {"argv": ["/usr/bin/true", "--merchant", "example"]})
        document = self.run_dry("merchant_outage", "--resolve", "61s")
        self.assertEqual(self.rows(document)[2:], [(62000, "notify.send", "over#1"),
                                                   (62000, "ended", None)])
        document = self.run_dry("provider_switch", "--answer", "switch=yes")
        self.assertEqual(self.rows(document, "effect"), [
            (0, "notify.send", "tell#1"), (0, "exec.run", "switch#2"),
            (0, "notify.send", "switched#1")])
        document = self.run_dry("provider_switch")
        self.assertEqual(self.rows(document)[1:], [
            (0, "asked", "switch#1"), (15 * 60 * 1000, "answered", "switch#1"),
            (15 * 60 * 1000, "log.write", "log#1"), (15 * 60 * 1000, "ended", None)])
        self.assertEqual(document["result"], {"switched": False})

    def test_every_kind_of_call_has_its_place_and_time(self):
        document = self.run_dry("all", "--answer", "sure=30", "--signal", 'ready={"a": 1}',
                                "--result", 'look={"status": 404}', "--params", '{"share": 70}',
                                "--at", "2026-01-05T08:00:00Z")
        self.assertEqual(document["begin"], "2026-01-05T08:00:00Z")
        self.assertEqual(self.rows(document), [
            (0, "notify.send", "tell#1"), (0, "http.request", "switch#1"),
            (0, "exec.run", "touch/touch#1"), (90000, "log.write", "wait/log#1"),
            (90000, "asked", "sure#1"), (90000, "answered", "sure#1"),
            (90000, "answered", "sure#1"), (90000, "awaited", "ready#1"),
            (90000, "received", "ready#1"), (90000, "http.request", "look#1"),
            (90000, "ended", None)])
        self.assertEqual([row["actor"] for row in document["effects"]
                          if row["kind"] == "answered"], ["wang", "li"])
        switch = document["effects"][1]
        self.assertEqual((switch["args"]["body"], switch["effect"]), ({"share": 70}, "once"))
        # The secret could not have been read: there is no such file.
        self.assertEqual(switch["args"]["headers"]["Authorization"],
                         {"$secret": "token", "prefix": "Bearer "})
        self.assertEqual(document["result"], {"value": 30, "go": {"a": 1}, "status": 404,
                                              "random": True, "at": 1767600090})

    def test_a_no_is_undone_and_a_failure_is_told(self):
        document = self.run_dry("all", "--answer", "sure=no")
        self.assertEqual(document["result"]["rolled_back"], 1)
        undo = [row for row in document["effects"] if row.get("step") == "undo#1"]
        self.assertEqual(undo[0]["args"]["body"], {"share": 0})
        self.assertEqual(self.rows(document, "received"), [(90000 + 7200000, "received",
                                                            "ready#1")])
        document = self.run_dry("all", "--fail", "switch=the switch is stuck", code=1)
        self.assertEqual(document["state"], "failed")
        self.assertIn("http 'switch' failed: the switch is stuck", document["error"])

    def test_an_answer_that_is_refused_is_told(self):
        document = self.run_dry("all", "--answer", "sure=many")
        self.assertEqual(document["refused"],
                         {"sure#1": "the value of the answer must be a number"})

    def test_what_the_site_does_not_allow_fails_here_too(self):
        self.site.plan("bad/1", """return plan { run = function(ctx)
          ctx:exec("rm", { "/bin/rm", "-rf", "/" }) end }""")
        document = self.run_dry("bad", code=1)
        self.assertIn('"/bin/rm" is not on the site\'s exec.allow list', document["error"])

    def test_an_incident_from_a_file_is_what_the_script_sees(self):
        path = os.path.join(self.root, "incident.json")
        with open(path, "w", encoding="utf-8") as out:
            json.dump({"number": 41, "rule": "merchant_failures", "firing_count": 2,
                       "dimension": {"merchantId": "m7"}, "opened": "2026-01-05T08:00:00Z"}, out)
        self.site.plan("see/1", """return plan { run = function(ctx)
          return { ctx.incident.number, ctx.incident.opened_ms, ctx:incident_now().firing_count }
          end }""")
        self.assertEqual(self.run_dry("see", "--incident", path)["result"],
                         [41, 1767600000000, 2])
        document = self.run_dry("merchant_outage", "--incident", path, "--resolve", "10s")
        self.assertEqual(document["effects"][1]["args"]["argv"][2], "m7")
        self.assertEqual((document["effects"][3]["at_ms"], document["result"]),
                         (12000, {"recovered": True}))

    def test_plain_text(self):
        done = tocsin("plan", "dry-run", "provider_switch@1", "--site", self.site.directory,
                      "--answer", "switch=yes")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        lines = done.stdout.splitlines()
        self.assertEqual(lines[0], "provider_switch@1, dry: nothing of this happens")
        self.assertEqual(lines[3:], [
            "  +0s        answered     switch#1         approved by person 1",
            "  +0s        exec.run     switch#2         run /usr/bin/true --provider second"
            "  (once)",
            "  +0s        notify.send  switched#1       notify ops: Switched to the second provider"
            "  (idempotent)",
            '  +0s        ended                         done: {"switched":true}'])

    def test_wrong_use(self):
        for arguments, code, text in [
                ((), 2, "wants one PLAN"), (("a", "b"), 2, "wants one PLAN"),
                (("all", "--answer", "yes"), 2, '"yes" is not NAME=VALUE'),
                (("all", "--result", "look=1"), 2, "a result is a JSON object"),
                (("all", "--params", "[]"), 2, "--params is not a JSON object"),
                (("all", "--at", "noon"), 2, '"noon" is not a time'),
                (("all", "--resolve", "soon"), 2, "--resolve: "),
                (("all", "--nope"), 2, "Try: tocsin plan dry-run --help"),
                (("none",), 1, "has no plan none; it has all, merchant_outage"),
                (("all@9",), 1, "has no plans/all/9.lua"),
                (("@",), 1, "a plan is NAME or NAME@VERSION"),
                (("all", "--incident", "none.json"), 1, "none.json")]:
            done = tocsin("plan", "dry-run", "--site", self.site.directory, *arguments,
                          cwd=self.empty)
            self.assertEqual((done.returncode, done.stdout), (code, ""), arguments)
            self.assertIn(text, done.stderr)

    def test_a_faulty_plan_is_told_with_its_place(self):
        self.site.plan("bad/1", "return plan { timeout = 'soon', run = function() end }")
        done = tocsin("plan", "dry-run", "bad", "--site", self.site.directory)
        self.assertEqual(done.returncode, 1)
        self.assertIn("plans/bad/1.lua:2: ", done.stderr)


class OfTheDaemon(unittest.TestCase):
    def test_an_incident_of_the_daemon(self):
        with tempfile.TemporaryDirectory() as root:
            site = Site(os.path.join(root, "site"), """
              sources = { pay = { lateness = "1s", idle = "1s", from = { { http = true } } } },
              outputs = { alerts = { file = "alerts.jsonl" } },
              listen = { http = false },""", {"r/1": """return rule.group { source = "pay",
                by = { "merchantId" }, window = "10s", threshold = ">= 1", output = "alerts" }"""})
            site.plan("see/1", """return plan { run = function(ctx)
              return { ctx.incident.dimension.merchantId, ctx.incident.opened_ms > 1e12 } end }""")
            logs = os.path.join(root, "pay.jsonl")
            with open(logs, "w", encoding="utf-8"):
                pass
            site.write("tocsin.lua", """return { sources = { pay = { lateness = "1s", idle = "1s",
              from = { { file = "%s" } } } }, outputs = { alerts = { file = "alerts.jsonl" } },
              listen = { http = false } }""" % logs)
            with Daemon(site, os.path.join(root, "state")) as daemon:
                now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
                with open(logs, "a", encoding="utf-8") as out:
                    out.write(json.dumps({"time": now, "merchantId": "m7"}) + "\n")
                wait_until(lambda: daemon.call("incident.list"), 30, "an incident")
                done = tocsin("plan", "dry-run", "see", "--site", site.directory, "--incident",
                              "1", "--state", daemon.state, "--json")
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(json.loads(done.stdout)["result"], ["m7", True])
                self.assertEqual(daemon.call("plan.runs"), [])
                done = tocsin("plan", "dry-run", "see", "--site", site.directory, "--incident",
                              "9", "--state", daemon.state)
                self.assertEqual(done.returncode, 5, done.stderr)
            done = tocsin("plan", "dry-run", "see", "--site", site.directory, "--incident", "1",
                          "--state", os.path.join(root, "state"))
            self.assertEqual(done.returncode, 4, done.stderr)


if __name__ == "__main__":
    unittest.main()
