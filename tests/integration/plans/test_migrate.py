#!/usr/bin/env python3
"""`plan migrate`: a run goes on with the new version when that one asks for all that is recorded.
`plan verify`: whether journals can be replayed."""
import json
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import World, check_journal, plan_text  # noqa: E402

BODY = """
    ctx:http("%(first)s", { method = "POST", url = "@URL/first" })
    ctx:par({
      a = function(c)
        c:lock("traffic", { ttl = "5m" }, function(d) d:ask("go", { text = "go?" }) end)
      end,
      called = function(c) return c:call("other") end,
      b = function(c) c:fact("n", function() return %(fact)s end) end })
    ctx:http("last", { method = "POST", url = "@URL/last", body = { version = %(version)d } })
    return %(version)d"""


def text(version, first="first", fact="{ 7 }"):
    return plan_text("moved", BODY % {"version": version, "first": first, "fact": fact})


OTHER = """return plan {
  api = 1, owner = "test", run = function(ctx) ctx:signal("ready") return 1 end,
}
"""


class Migrate(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.world = World(folder.name, {"moved/1": text(1), "other/1": OTHER}, ["moved"])
        self.addCleanup(self.world.close)
        self.world.fire("moved", "m")
        self.id = self.world.run("moved", "m")["id"]
        self.world.wait_state(self.id, "asking")

    def plan(self, *words, code=0):
        got, out, error = self.world.command("plan", *words)
        self.assertEqual(got, code, out + error)
        return out + error

    def install(self, version, body):
        self.world.site.plan("moved/%d" % version, self.world.fill(body))
        got, out, error = self.world.command("reload", "--wait")
        self.assertEqual(got, 0, out + error)

    def end(self, version):
        self.plan("approve", self.id)
        called = self.world.runs(plan="other")
        self.assertEqual(len(called), 1)  # the new version has the called run of the old one
        self.plan("signal", called[0]["id"], "ready")
        self.world.wait_state(self.id, "done")
        run = self.world.show(self.id)
        self.assertEqual((run["version"], run["journal"][-1]["result"]), (version, version))
        self.assertEqual(self.world.receiver.count("/first"), 1)
        self.assertEqual([json.loads(body) for body in self.world.receiver.bodies(
            self.id + "/last#1")], [{"version": version}])
        check_journal(run["journal"])

    def test_the_new_version_goes_on_where_the_old_one_stood(self):
        self.install(2, text(2))
        self.plan("migrate", self.id, "--to", "2", "--as", "li", "--reason", "a better end")
        self.world.wait_state(self.id, "asking")
        self.assertRegex(self.plan("show", self.id),
                         "goes on with version 2 by li via .*: a better end")
        self.assertIn("is on version 2 already", self.plan("migrate", self.id, code=5))
        self.world.restart()
        self.world.wait_state(self.id, "asking")
        number = self.world.incident("m")["number"]
        timeline = self.world.daemon.call("incident.show", {"number": number})["timeline"]
        self.assertTrue(any("migrated from version 1 to 2 by li" in line["text"]
                            for line in timeline))
        self.end(2)

    def test_another_beginning_is_refused_at_the_very_call(self):
        self.install(2, text(2, first="other"))
        error = self.plan("migrate", self.id, code=5)
        self.assertIn("differs in the id at record 2", error)
        self.assertIn("asks for step other#1", error)
        # What a branch has recorded counts, too: the fact stays as it was found.
        self.install(3, text(3, fact="{ 8 }"))
        self.assertIn("version 2 of plan moved is not active: version 3 is",
                      self.plan("migrate", self.id, "--to", "2", code=5))
        self.plan("migrate", self.id)
        self.end(3)
        self.assertIn("has ended: done", self.plan("migrate", self.id, code=5))

    def test_a_version_is_a_number(self):
        self.assertIn("--to must be a version", self.plan("migrate", self.id, "--to", "x", code=2))
        self.assertIn("wants one RUN id", self.plan("migrate", code=2))

    def test_verify_tells_of_each_run(self):
        for words in ((), (self.id,)):
            out = self.plan("verify", *words)
            self.assertRegex(out, r"(?m)^%s +moved +1 +asking +\d+ +yes +-$" % self.id)
        rows = json.loads(self.plan("verify", "--json"))
        self.assertEqual([(row["plan"], row["replays"]) for row in rows],
                         [("moved", True), ("other", True)])
        self.assertIn("there is no plan run", self.plan("verify", "nobody", code=5))
        self.end(1)
        self.plan("verify")


if __name__ == "__main__":
    unittest.main()
