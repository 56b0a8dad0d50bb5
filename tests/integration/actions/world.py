"""A daemon whose plans are started by a reading each, for the scenarios of actions."""
import os
from importlib import util

HERE = os.path.dirname(os.path.abspath(__file__))

SPEC = util.spec_from_file_location("plans_world",
                                    os.path.join(HERE, "..", "plans", "world.py"))
plans = util.module_from_spec(SPEC)
SPEC.loader.exec_module(plans)
support, check_journal, plan_text = plans.support, plans.check_journal, plans.plan_text


class World(plans.World):
    """`bodies`: the run functions of the plans; each is started by the rule of its name."""

    def __init__(self, directory, bodies, extra):
        super().__init__(directory, {}, list(bodies), extra=extra)
        self.add(bodies)

    def add(self, bodies):
        for name, body in bodies.items():
            self.site.plan(name + "/1", self.fill(plan_text(name, body)))
        code, output, error = self.command("reload", "--wait")
        assert code == 0, output + error

    def begin(self, plan, who="w"):
        """The id of a run that has begun."""
        who = "%s-%s" % (plan, who)
        self.fire(plan, who)
        return self.run(plan, who)["id"]

    def end(self, run_id, state="done"):
        """The run, ended as wanted, and what it returned."""
        self.wait_state(run_id, "done", "failed", "cancelled", "blocked", "in_doubt")
        run = self.show(run_id)
        assert run["state"] == state, run
        return run, run["journal"][-1].get("result")

    def play(self, plan, who="w"):
        return self.end(self.begin(plan, who))

    def notes(self, run):
        """The lines of the incident's timeline, in the words that people read."""
        shown = self.daemon.call("incident.show", {"number": run["incident"]})
        return [str(event) for event in shown["timeline"]]
