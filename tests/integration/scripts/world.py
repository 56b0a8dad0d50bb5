"""Rules that are asked about readings, in plain Python: the lines one after the other, timers by
the watermark of the lines before. Nothing here knows how the engine does it."""
import datetime
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../support"))
from seed import random_of  # noqa: E402

LATENESS = 2


def lines(count, seed, keys=6, late=0.2):
    """Readings of a few seconds apart, some of them up to 4 s late."""
    rng = random_of("lines %s" % seed)
    now, out = 1_700_000_000.0, []
    for index in range(count):
        now += rng.choice([0, 0.25, 0.5, 1, 3, 12 if rng.random() < 0.05 else 0.5])
        time = now - (rng.choice([0.5, 1, 2, 4]) if rng.random() < late else 0)
        out.append({"time": time, "key": "k%d" % rng.randrange(keys), "n": index,
                    "kind": rng.choice("aabbc"), "ok": rng.random() < 0.6})
    return out


class Engine:
    """Calls on_reading(key, r) and on_timer(key, name, at); both may call set_timer."""

    def __init__(self, rule):
        self.rule, self.timers, self.alerts, self.firing, self.told = rule, {}, [], {}, {}

    def timer(self, key, name, at):
        self.timers[key, name] = at

    def cancel(self, key, name):
        self.timers.pop((key, name), None)

    def answer(self, key, time, answer):
        if answer is None or bool(answer) == self.firing.get(key, False):
            return
        end = round(time * 1000)
        end = max(end, self.told.get(key, -10**18) + 1)
        self.told[key] = end
        self.firing[key] = bool(answer)
        self.alerts.append((end, key, "firing" if answer else "resolved",
                            answer if answer else None))

    def pass_time(self, until):
        while True:
            due = sorted((at, key, name) for (key, name), at in self.timers.items() if at <= until)
            if not due:
                return
            at, key, name = due[0]
            del self.timers[key, name]
            self.answer(key, at, self.rule.on_timer(self, key, name, at))

    def run(self, readings):
        greatest = None
        for r in readings:
            if greatest is not None:
                self.pass_time(greatest - LATENESS)
            if self.rule.wants(r):
                self.answer(r["key"], r["time"], self.rule.on_reading(self, r))
            greatest = r["time"] if greatest is None else max(greatest, r["time"])
        self.pass_time((int(greatest) // 5 + 1) * 5)
        return self.alerts


class Streaks:
    """Three failures in a row of a key; the first good one resolves. With a filter function."""

    lua = """
  filter = function(r) return r.n % 7 ~= 0 end,
  on_reading = function(ctx, r)
    if r.ok then ctx.state = nil return false end
    ctx.state.count = (ctx.state.count or 0) + 1
    if ctx.state.count >= 3 then return { value = ctx.state.count, message = ctx.key_text } end
  end,"""

    def __init__(self):
        self.counts = {}

    def wants(self, r):
        return r["n"] % 7 != 0

    def on_reading(self, _, r):
        if r["ok"]:
            self.counts.pop(r["key"], None)
            return False
        self.counts[r["key"]] = self.counts.get(r["key"], 0) + 1
        return self.counts[r["key"]] if self.counts[r["key"]] >= 3 else None


class Silence:
    """A key that sends nothing for 6 s; a timer that is set again by every reading, and one more
    that counts."""

    lua = """
  filter = 'kind ~= "c"',
  on_reading = function(ctx, r)
    ctx.timer("quiet", "6s")
    ctx.timer("tick", 4)
    ctx.state.last = r.n
    return false
  end,
  on_timer = function(ctx, name)
    if name == "tick" then
      ctx.state.ticks = (ctx.state.ticks or 0) + 1
      if ctx.state.ticks % 3 ~= 0 then ctx.timer("tick", "4s") end
      return nil
    end
    return { value = ctx.state.last * 1000 + (ctx.state.ticks or 0) }
  end,"""

    def __init__(self):
        self.last, self.ticks = {}, {}

    def wants(self, r):
        return r["kind"] != "c"

    def on_reading(self, engine, r):
        engine.timer(r["key"], "quiet", r["time"] + 6)
        engine.timer(r["key"], "tick", r["time"] + 4)
        self.last[r["key"]] = r["n"]
        return False

    def on_timer(self, engine, key, name, at):
        if name == "tick":
            self.ticks[key] = self.ticks.get(key, 0) + 1
            if self.ticks[key] % 3 != 0:
                engine.timer(key, "tick", at + 4)
            return None
        return self.last[key] * 1000 + self.ticks.get(key, 0)


class Follows:
    """b within 5 s after a."""

    lua = """
  on_reading = seen.on_reading, on_timer = seen.on_timer,"""
    head = """
local seen = require("tocsin.sequence").follows {
  first = function(r) return r.kind == "a" end,
  next = function(r) return r.kind == "b" end,
  within = "5s",
  verdict = function(ctx, r, first) return { value = r.n } end,
}"""

    def __init__(self):
        self.first = {}

    def wants(self, _):
        return True

    def on_reading(self, engine, r):
        key, answer = r["key"], None
        first = self.first.get(key)
        if first is not None and r["kind"] == "b" and 0 <= r["time"] - first <= 5:
            answer = r["n"]
            del self.first[key]
            engine.timer(key, "x", r["time"] + 5)
        if r["kind"] == "a":
            self.first[key] = r["time"]
        return answer

    def on_timer(self, *_):
        return False


class Missing:
    """a without b within 5 s."""

    lua = Follows.lua
    head = """
local seen = require("tocsin.sequence").missing {
  first = function(r) return r.kind == "a" end,
  next = function(r) return r.kind == "b" end,
  within = "5s",
  verdict = function(ctx, _, first) return { value = first } end,
}"""

    def __init__(self):
        self.first = {}

    def wants(self, _):
        return True

    def on_reading(self, engine, r):
        key, answer = r["key"], None
        first = self.first.get(key)
        if r["kind"] == "b":
            if first is not None and 0 <= r["time"] - first <= 5:
                first = None
                del self.first[key]
                engine.cancel(key, "x")
            answer = False
        if first is None and r["kind"] == "a":
            self.first[key] = r["time"]
            engine.timer(key, "x", r["time"] + 5)
        return answer

    def on_timer(self, _, key, *__):
        return self.first.pop(key)


class Runs:
    """Three readings in a row of a key with the same kind, each at most 10 s behind the last."""

    text = """local rule = require "tocsin.rule"
return rule.continuous {
  source = "log", by = { "key" }, field = "kind", streak = 3, window = "10s", output = "alerts",
}
"""

    def __init__(self):
        self.runs = {}  # key -> [kind, length, over]

    def run(self, readings):
        alerts, told, greatest = [], {}, None

        def tell(key, run, state, time):
            end = max(round(time * 1000), told.get(key, -10**18) + 1)
            told[key] = end
            alerts.append((end, key + "," + run[0], state, run[1] if state == "firing" else None))

        def pass_time(until):
            for over, key in sorted((run[2], key) for key, run in self.runs.items()):
                if over <= until:
                    if self.runs[key][1] >= 3:
                        tell(key, self.runs[key], "resolved", over)
                    del self.runs[key]

        for r in readings:
            if greatest is not None:
                pass_time(greatest - LATENESS)
            key, time = r["key"], r["time"]
            run = self.runs.get(key)
            if run is None or run[0] != r["kind"] or time >= run[2]:
                if run is not None and run[1] >= 3:
                    tell(key, run, "resolved", time)
                run = self.runs[key] = [r["kind"], 0, time + 10]
            run[1] += 1
            run[2] = max(run[2], time + 10)
            if run[1] == 3:
                tell(key, run, "firing", time)
            greatest = time if greatest is None else max(greatest, time)
        pass_time((int(greatest) // 5 + 1) * 5)
        return alerts


RULES = {"streaks": Streaks, "silence": Silence, "follows": Follows, "missing": Missing,
         "runs": Runs}


# Both functions, and what one keeps for the other: how often it was asked between two boundaries.
BOTH = """local rule = require "tocsin.rule"
return rule.script {
  source = "log", by = { "key" }, window = "10s", output = "alerts",
  on_reading = function(ctx, r)
    ctx.state.n = (ctx.state.n or 0) + 1
    ctx.timer("slow", "7s")
  end,
  on_timer = function(ctx) ctx.state.slow = (ctx.state.slow or 0) + 1 end,
  on_window = function(ctx, w)
    local n, slow = ctx.state.n or 0, ctx.state.slow or 0
    ctx.state = { slow = slow }
    return (n + slow) % 3 ~= 0 and { value = n * 1000000 + slow * 1000 + w.count } or nil
  end,
}
"""


def expected(rule, readings):
    return rule().run(readings) if rule is Runs else Engine(rule()).run(readings)


def source(rule):
    if rule is Runs:
        return rule.text
    return """local rule = require "tocsin.rule"%s
return rule.script {
  source = "log", by = { "key" }, window = "1m", output = "alerts",%s
}
""" % (getattr(rule, "head", ""), rule.lua)


def milliseconds(text):
    return round(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


def alerts(documents, rule):
    """The documents of a rule as Engine.alerts has them."""
    return [(milliseconds(document["window_end"]), ",".join(document["dimension"].values()),
             document["state"],
             document["value"] if document["state"] == "firing" else None)
            for document in documents if document["rule"] == rule]
