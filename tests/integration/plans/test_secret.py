#!/usr/bin/env python3
"""A secret reaches the target, and neither the store, the log, the journal nor the timeline."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import World, plan_text  # noqa: E402
from seed import SEED  # noqa: E402

VALUE = 'kP7"zQ-4421-very-private'

PLANS = {"sends/1": plan_text("all", """
    local body = { token = ctx:secret("gateway"),
                   list = { ctx:secret("gateway", { prefix = "Bearer " }) } }
    local safe = { effect = "idempotent", retry = { max = 2, first = 0.01 } }
    local out = {}
    out.echo = ctx:http("echo", { method = "POST", url = "@URL/echo", body = body }, safe).body
    local _, failed = ctx:http("fails", { method = "POST", url = "@URL/echo", body = body },
      { effect = "idempotent", on_fail = "continue", retry = { max = 2, first = 0.01 } })
    local _, unknown = ctx:http("unknown", { method = "POST", url = "@URL/safe",
      headers = { Authorization = ctx:secret("nobody") } }, { on_fail = "continue" })
    local _, stored = ctx:step("stored", "notify.send",
      { to = "ops", text = "x", more = ctx:secret("gateway") }, { on_fail = "continue" })
    ctx:log(tostring(body.token["$secret"]))
    ctx:ask("hold", { text = "?" })
    out.failed, out.unknown, out.stored = failed, unknown, stored
    return out""")}


class Secret(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = os.path.join(folder.name, "gateway.token")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as out:
            out.write(VALUE + "\n")
        self.directory = folder.name
        self.path = path
        self.world = World(folder.name, PLANS, ["all"],
                           extra='secrets = { gateway = { file = "%s" } },' % path)
        self.addCleanup(self.world.close)

    def test_it_is_nowhere_but_in_the_request(self):
        world = self.world
        world.receiver.behave("/echo", 200, 500)
        world.fire("all", "w")
        run_id = world.run("sends", "w")["id"]
        world.wait_state(run_id, "asking")
        world.restart()
        world.wait_state(run_id, "asking")
        world.daemon.call("plan.approve", {"run": run_id})
        world.wait_state(run_id, "done")
        sent = [json.loads(body) for body in world.receiver.bodies(run_id + "/echo#1")]
        self.assertEqual(sent, [{"token": VALUE, "list": ["Bearer " + VALUE]}])
        self.assertEqual(len(world.receiver.bodies(run_id + "/fails#1")), 2)
        run = world.show(run_id)
        result = run["journal"][-1]["result"]
        self.assertIn('"token":"[secret]"', result["echo"].replace('": "', '":"'))
        self.assertIn("HTTP status 500", result["failed"])
        self.assertIn('the site has no secret "nobody"', result["unknown"])
        self.assertIn("notify.send must not have a secret", result["stored"])
        shown = json.dumps([run, world.daemon.call("incident.show", {"number": run["incident"]})])
        out = world.command("plan", "show", run_id)[1]
        self.assertEqual(world.daemon.stop(), 0)
        part = VALUE.split('"')[1]
        self.assertNotIn(part, shown + out)
        found = subprocess.run(["grep", "-rlaF", part, self.directory], check=False,
                               capture_output=True, text=True).stdout.split()
        self.assertEqual(found, [self.path])
        world.daemon.start()

    def test_file_that_others_may_read_is_a_failed_try(self):
        os.chmod(self.path, 0o644)
        self.world.fire("all", "w")
        run_id = self.world.run("sends", "w")["id"]
        self.world.wait_state(run_id, "failed")
        self.assertEqual(self.world.receiver.count("/echo"), 0)
        self.assertNotIn("zQ-4421", json.dumps(self.world.show(run_id)))


if __name__ == "__main__":
    print("seed %d" % SEED, file=sys.stderr)
    unittest.main()
