"""Whom chains call, by a calculation of its own: people by rotation.py, time by zoneinfo.

One incident is a list of runs; each run knows its next step and when that is due. Times are whole
milliseconds since 1970.
"""
import bisect
import datetime as dt
import os
import sys
import zoneinfo

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../support"))
from rotation import UTC, day_set, minutes, walk  # noqa: E402

SPANS = {"s": 1000, "m": 60000, "h": 3600000}
PRIORITIES = {"critical": 1, "warning": 3, "info": 5}  # of an alert without a merchant


def span(text):
    return int(text[:-1]) * SPANS[text[-1]]


def moment(ms):
    return dt.datetime.fromtimestamp(ms / 1000, UTC)


class Rota:
    """Schedules with the overrides that were added by command until the moment of asking."""

    def __init__(self, schedules, start, end):
        self.shifts = {name: walk(schedule, start, end) for name, schedule in schedules.items()}
        self.starts = {name: [int(row[0].timestamp() * 1000) for row in rows]
                       for name, rows in self.shifts.items()}
        self.added = []  # (added, schedule, person, from, to), all ms

    def who(self, name, at):
        for added, schedule, person, start, end in reversed(self.added):
            if schedule == name and added <= at and start <= at < end:
                return person
        return self.shifts[name][bisect.bisect_right(self.starts[name], at) - 1][2]


def holds(condition, at, alert_count):
    if alert_count < condition.get("alerts", 0):
        return False
    if not {"days", "from", "to", "except"} & set(condition):
        return True
    local = moment(at).astimezone(zoneinfo.ZoneInfo(condition["zone"]))
    clock = (local.hour * 60 + local.minute) * 60000 + local.second * 1000 + at % 1000
    start = minutes(condition.get("from", "00:00")) * 60000
    end = minutes(condition.get("to", "24:00")) * 60000
    day = local.date()

    def has(day):
        return (day.weekday() in day_set(condition.get("days", "mon-sun")) and
                day.isoformat() not in condition.get("except", []))
    if start < end:
        return start <= clock < end and has(day)
    return (clock >= start and has(day)) or (clock < end and has(day - dt.timedelta(days=1)))


class Run:
    def __init__(self, name, chain, cause, at):
        self.name, self.chain, self.cause = name, chain, cause
        self.turn = self.step = 0
        self.due, self.is_held, self.skips = at, False, False


class World:
    def __init__(self, site, rota, start_ms):
        self.site, self.rota, self.start_ms = site, rota, start_ms
        self.calls, self.gaps = [], []

    def above(self, category):
        while category:
            yield category
            category = self.site["categories"][category].get("parent")


class Incident:
    def __init__(self, world, name, category, severity, at):
        self.world, self.name, self.category = world, name, category
        self.priority, self.alerts = PRIORITIES[severity], 1
        self.state, self.acked_ms, self.snoozed_ms = "OPEN", 0, 0
        self.runs = []
        self.start("opened", at)

    def covering(self):
        """Names of the chains of the nearest category that have the priority."""
        right = {name: chain for name, chain in self.world.site["chains"].items()
                 if "P%d" % self.priority in chain.get("priority", ["P%d" % self.priority])}
        for category in self.world.above(self.category):
            found = [name for name, chain in right.items() if chain.get("category") == category]
            if found:
                return found
        return [name for name, chain in right.items() if "category" not in chain]

    def start(self, cause, at):
        for name in self.covering():
            if name not in [run.name for run in self.runs]:
                self.runs.append(Run(name, self.world.site["chains"][name], cause, at))

    # ---- what people do ----

    def anew(self, state, cause, at):
        self.runs = []
        self.state = state
        if state == "OPEN":
            self.start(cause, at)

    def act(self, what, at, value=None):
        if what == "alert":
            self.alerts += 1
        elif what == "set":
            self.priority = int(value[1])
            if self.state == "OPEN":
                self.start("edited", at)
        elif what == "snooze":
            self.snoozed_ms = at + value if value else 0
            for run in self.runs:
                if not value and run.is_held:
                    run.due = at
        elif what in ("ack", "handle"):
            if what == "ack" or self.state == "OPEN":
                self.acked_ms = at
            self.anew({"ack": "ACKED", "handle": "HANDLING"}[what], None, at)
        elif what in ("resolve", "cancel", "mitigate"):
            if what != "mitigate":
                self.snoozed_ms = 0
            self.anew(what, None, at)
        else:
            self.anew("OPEN", {"unack": "unacked", "reopen": "reopened"}[what], at)

    # ---- what time does ----

    def timeout_ms(self):
        """The tick that takes an acknowledgement back."""
        due = max(self.acked_ms + span(self.world.site["incidents"]["ack_timeout"]),
                  self.snoozed_ms)
        return self.world.start_ms + -(-(due - self.world.start_ms) // 1000) * 1000

    def advance(self, until):
        """What happens before `until`."""
        while True:
            due = [run.due for run in self.runs if run.due is not None]
            if self.state == "ACKED":
                due.append(self.timeout_ms())
            if not due or min(due) >= until:
                return
            at = min(due)
            if self.state == "ACKED":
                self.anew("OPEN", "ack_timeout", at)
            for run in list(self.runs):
                if run.due == at:
                    self.fire(run, at)

    def fire(self, run, at):
        if self.snoozed_ms > at:
            run.is_held, run.due = True, self.snoozed_ms
            return
        run.is_held, run.due = False, None
        steps = run.chain["steps"]
        while True:
            if run.step == len(steps):
                if run.turn == run.chain.get("again", 0):
                    return
                run.turn, run.step, run.skips = run.turn + 1, 0, False
            step = steps[run.step]
            run.step += 1
            if "wait" in step:
                run.skips, run.due = False, at + span(step["wait"])
                return
            if "only_if" in step:
                run.skips = not holds(step["only_if"], at, self.alerts)
            elif not run.skips:
                self.take(run, step, at)

    def take(self, run, step, at):
        for target in step.get("notify", []):
            kind, _, name = target.partition(":")
            person = self.world.rota.who(name, at) if kind == "schedule" else name
            if person is None:
                self.world.gaps.append((at, self.name, name))
                continue
            told_before = run.turn > 0 or any("notify" in one for one in
                                              run.chain["steps"][:run.step - 1])
            first = run.cause in ("opened", "reopened") and not told_before
            self.world.calls.append((at, self.name, kind == "output", person,
                                     run.cause if first else "escalated",
                                     bool(step.get("important")),
                                     "chain %s, step %d" % (run.name, run.step)))
        if "raise" in step and self.priority > 1:
            self.priority = max(1, self.priority - step["raise"])
            self.start("raised", at)
