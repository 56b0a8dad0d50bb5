"""What the plan scenarios share: a receiver that counts, a program that counts, a site, a journal
check that knows only the documented grammar.
"""
import datetime
import json
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))

import daemon as support  # noqa: E402
from web import WebServer  # noqa: E402

STEP_S = 10
VERIFIED_MAX = 200  # journals of one world
RECORDS_TO = os.environ.get("TOCSIN_JOURNALS")  # a directory: each run of the suite is kept there
BASE_S = 1767225600  # 2026-01-01T00:00:00Z: event time, unrelated to the wall clock


class Receiver(WebServer):
    """/echo answers with the body."""

    def usual_of(self, request):
        return (200, request["body"]) if request["path"] == "/echo" else self.usual

    def bodies(self, key):
        with self.lock:
            return [request["body"] for request in self.requests
                    if request["headers"].get("Idempotency-Key") == key]

    def count(self, path, key_part=""):
        return sum(1 for request in self.of(path)
                   if key_part in request["headers"].get("Idempotency-Key", ""))

    def wait(self, path, count=1, key_part="", seconds=30):
        support.wait_until(lambda: self.count(path, key_part) >= count, seconds,
                           "%d requests of %s" % (count, path))


SCRIPT = """#!/bin/sh
# Counts: one line in <name>.count for each start. Waits while <name>.hold exists.
echo "$2" >> "%(dir)s/$1.count"
while [ -e "%(dir)s/$1.hold" ]; do /bin/sleep 0.02; done
echo counted
"""

# Fires for each value of `who` that was seen with this kind, for an hour of event time.
RULE = """return rule.group {
  source = "feed", filter = "kind == \\"%s\\"", by = { "who" }, statistic = "count",
  window = "1h", threshold = ">= 1", output = "alerts", severity = "critical",
}
"""


def plan_text(rule, body, extra=""):
    return ('return plan {\n  api = 1, owner = "test", timeout = "10m",\n  on = { incident = '
            '"opened", rule = "%s" },\n  %s\n  run = function(ctx, params)\n%s\n  end,\n}\n'
            % (rule, extra, body))


class World:
    """A site whose rules are fed by a file, its daemon and the receiver."""

    def __init__(self, directory, plans, rules, sync="commit", extra="",
                 environment=None):
        self.directory = directory
        self.receiver = Receiver()
        self.script = os.path.join(directory, "count.sh")
        with open(self.script, "w", encoding="utf-8") as out:
            out.write(SCRIPT % {"dir": directory})
        os.chmod(self.script, 0o755)
        self.feed = os.path.join(directory, "feed.jsonl")
        with open(self.feed, "w", encoding="utf-8"):
            pass
        self.time_s = BASE_S
        self.site = support.Site(os.path.join(directory, "site"), """
  sources = { feed = { fields = { kind = "string", who = "string" },
    from = { { file = "%s" } }, lateness = "0s", idle = "1h" } },
  outputs = { alerts = { file = "alerts.jsonl" }, ops = { webhook = "%s" } },
  listen = { http = false }, storage = { sync = "%s" },
  exec = { allow = { "%s" } }, http = { allow = { "127.0.0.1:%d" } },
  %s
""" % (self.feed, self.receiver.url("/ops"), sync, self.script, self.receiver.port, extra))
        for name in rules:
            self.site.rule(name + "/1", RULE % name)
        for name, text in plans.items():
            self.site.plan(name, self.fill(text))
        self.daemon = support.Daemon(self.site, os.path.join(directory, "state"))
        self.daemon.environment = environment
        self.daemon.start()

    def fill(self, text):
        return text.replace("@URL", self.receiver.url("")).replace("@SCRIPT", self.script)

    def close(self):
        """Each journal that a test has made can be replayed, and comes to the same end."""
        try:
            if self.daemon.process.poll() is None:
                self.verify()
        finally:
            self.daemon.kill()
            self.receiver.close()

    def verify(self):
        runs = self.runs()
        for run in runs[::1 + len(runs) // VERIFIED_MAX]:
            if run["state"] not in ("queued", "blocked"):
                verdict = self.daemon.call("plan.verify", {"run": run["id"]})
                assert verdict["replays"], verdict
                if RECORDS_TO:
                    self.record(run["id"])

    def record(self, run_id):
        """Run, source and journal as tests/fixtures/journals/2 has them."""
        run = self.show(run_id)
        for record in run["journal"]:
            for name in ("time", "due"):
                if record.get(name):
                    record[name + "_ms"] = round(at(record.pop(name)) * 1000)
        path = os.path.join(self.site.directory, "plans/%s/%d.lua" % (run["plan"], run["version"]))
        if not os.path.exists(path):
            return
        with open(path, encoding="utf-8") as source:
            run["source"] = source.read()
        with open(os.path.join(RECORDS_TO, run_id + ".json"), "w", encoding="utf-8") as out:
            json.dump({name: run[name] for name in ("id", "plan", "version", "state", "source",
                                                    "journal")}, out, indent=1, sort_keys=True)

    def restart(self):
        self.daemon.kill()
        self.daemon.start()

    def counted(self, name, argument):
        path = os.path.join(self.directory, name + ".count")
        if not os.path.exists(path):
            return 0
        with open(path, encoding="utf-8") as lines:
            return sum(1 for line in lines if line == argument + "\n")

    def hold(self, name, is_held):
        path = os.path.join(self.directory, name + ".hold")
        if is_held:
            with open(path, "w", encoding="utf-8"):
                pass
        elif os.path.exists(path):
            os.unlink(path)

    # ---- input

    def feed_lines(self, *readings):
        with open(self.feed, "a", encoding="utf-8") as out:
            out.write("".join(json.dumps(reading) + "\n" for reading in readings))

    def fire(self, kind, who):
        """One reading that fires, and a later one that lets event time pass the boundary."""
        self.feed_lines({"time": self.time_s, "kind": kind, "who": who})
        self.time_s += STEP_S
        self.feed_lines({"time": self.time_s, "kind": "tick", "who": "-"})

    def calm(self):
        """Event time goes on until nothing fires any more."""
        self.time_s += 2 * 3600
        self.feed_lines({"time": self.time_s, "kind": "tick", "who": "-"})

    # ---- what the daemon says

    def incidents(self):
        return self.daemon.call("incident.list", {"all": True})

    def incident(self, who, seconds=30):
        def found():
            for incident in self.incidents():
                if incident["dimension"].get("who") == who:
                    return incident
            return None
        return support.wait_until(found, seconds, "the incident of " + who)

    def runs(self, **wanted):
        return [run for run in self.daemon.call("plan.runs")
                if all(run[name] == value for name, value in wanted.items())]

    def run(self, plan, who, is_durable=True, seconds=30):
        """The run for an incident; a kill before it is durable makes another one from the input."""
        number = self.incident(who, seconds)["number"]
        run = support.wait_until(lambda: self.runs(plan=plan, incident=number), seconds,
                                 "a run of plan %s for %s" % (plan, who))[0]
        return self.show(run["id"]) if is_durable else run

    def show(self, run_id):
        return self.daemon.call("plan.show", {"run": run_id})

    def wait_state(self, run_id, *states, seconds=30):
        def shown():
            run = self.runs(id=run_id)[0]
            return run if run["state"] in states else None
        return support.wait_until(shown, seconds, "run %s to be %s" % (run_id, "/".join(states)))

    def command(self, *words):
        """The command line; (exit code, standard output, standard error)."""
        done = support.tocsin(*words, "--state", self.daemon.state)
        return done.returncode, done.stdout, done.stderr


def at(text):
    return datetime.datetime.fromisoformat(text).timestamp()


# ---- the journal, by its documented grammar

OPENS = {"StepScheduled": {"StepDone", "StepFailed"}, "TimerSet": {"TimerFired"},
         "AskOpened": {"AskAnswered"},
         "SignalAwaited": {"SignalReceived"}, "BranchesOpened": {"Choice"},
         "LockAwaited": {"LockTaken"}, "ChildStarted": {"ChildEnded"}}
AT_ONCE = ("Value", "LockFreed")  # they open and answer a call


class Branch:
    """What the records of one scope have said so far."""

    def __init__(self):
        self.is_open, self.attempts = None, 0


def check_record(branch, record, outcomes, started):
    kind = record["type"]
    if kind in AT_ONCE or kind in OPENS:
        assert branch.is_open is None, "%s begins inside %s" % (record, branch.is_open)
        assert record["step"] not in started, "%s began twice" % record["step"]
        started.add(record["step"])
        branch.attempts = 0
        if kind in AT_ONCE:
            outcomes[record["step"]] = record
        else:
            branch.is_open = record
        return
    opened = branch.is_open
    assert opened and record["step"] == opened["step"], record
    if kind == "StepAttempt":
        branch.attempts += 1
        assert record["attempt"] == branch.attempts, record
        assert opened["effect"] != "once" or branch.attempts == 1, "a once step was tried again"
    elif kind in OPENS[opened["type"]] and (kind != "StepFailed" or record.get("final")):
        outcomes[record["step"]] = record
        if kind != "Choice":
            branch.is_open = None
    else:
        assert kind in ("StepFailed", "StepInDoubt", "StepProbed", "AskVoted"), record


def check_journal(journal, is_ended=True):
    """Raises on a lost or doubled record. Returns {step: outcome record}."""
    assert [r["seq"] for r in journal] == list(range(1, len(journal) + 1)), journal
    assert journal[0]["type"] == "RunStarted", journal[0]
    outcomes, started, branches = {}, set(), {"": Branch()}
    for record in journal[1:]:
        if record["type"] == "RunEnded":
            assert record is journal[-1], "records follow RunEnded"
        elif record["type"] not in ("Operator", "SignalSent", "Migrated"):
            branch = branches.setdefault(record.get("scope", ""), Branch())
            if branch.is_open and branch.is_open["step"] in outcomes:
                branch.is_open = None  # its branches may speak between Choice and the next call
            check_record(branch, record, outcomes, started)
    if is_ended:
        assert journal[-1]["type"] == "RunEnded", journal[-1]
        has_loser = any("winner" in record for record in journal)
        is_undone = any(record.get("text") == "rollback" for record in journal)
        for scope, branch in branches.items():
            is_left = branch.is_open and branch.is_open["step"] not in outcomes
            assert not is_left or (has_loser and scope) or is_undone, branch.is_open
    return outcomes
