"""Random rules that are asked about readings, each in Lua and as plain Python, and what they must
tell: written from docs/rule-guide.md ("Each reading", "One reading, then another", "Streaks").

A reading is a dict with "time" in milliseconds. An alert is (end, key, state, severity, value,
message); of one that is about too many keys only (end, "", state, None, None, "keys_max")."""

LATENESS = 2000
HOLD = 60_000  # of the alert about too many keys: the window, at least a minute
KINDS = "abcd"
SEVERITIES = ("info", "warning", "critical")
FILTERS = {
    None: lambda r: True,
    'kind ~= "d"': lambda r: r["kind"] != "d",
    "ok == true": lambda r: r["ok"],
    "function(r) return r.n % 7 ~= 0 end": lambda r: r["n"] % 7 != 0,
}


def lua_of(value):
    """A Lua literal of texts, numbers, booleans, None, lists and dicts."""
    if isinstance(value, (list, tuple)):
        return "{ %s }" % ", ".join(map(lua_of, value))
    if isinstance(value, dict):
        return "{ %s }" % ", ".join('["%s"] = %s' % (k, lua_of(v)) for k, v in value.items())
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "nil"}[value]
    return '"%s"' % value if isinstance(value, str) else repr(value)


class World:
    """What happens around the functions of a rule: keys, timers, who is told what."""

    def __init__(self, rule):
        self.rule, self.timers, self.alerts = rule, {}, []
        self.firing, self.told, self.full_until = {}, {}, None

    def key_of(self, reading):
        return tuple(reading[name] for name in self.rule.by)

    def tell(self, key, shown, time, state, severity, value=None, message=None):
        end = max(time, self.told.get(key, -1) + 1)  # two alerts of a key never end alike
        self.told[key] = end
        self.alerts.append((end, ",".join(shown), state, severity, value, message))

    def answer(self, key, time, answer):
        """None: no change, False: resolves, else (severity or None, value, message)."""
        before = self.firing.get(key)
        if answer is None or (answer is False and before is None):
            return
        if answer is False:
            del self.firing[key]
            self.tell(key, key, time, "resolved", before)
            return
        severity = answer[0] or self.rule.severity
        if severity != before:
            self.firing[key] = severity
            self.tell(key, key, time, "firing", severity, *answer[1:])

    def set_timer(self, key, name, at):
        self.timers[key, name] = at

    def cancel(self, key, name):
        self.timers.pop((key, name), None)

    def next_timer(self, until):
        return min(((at, *where) for where, at in self.timers.items() if at <= until),
                   default=None)

    def pass_time(self, until):
        """What the watermark has passed: by time, then key, then name."""
        while True:
            full = self.full_until
            due = self.next_timer(until if full is None else min(until, full))
            if due is not None:
                at, key, name = due
                del self.timers[key, name]
                self.answer(key, at, self.rule.on_timer(self, key, name, at))
            elif full is not None and full <= until:
                self.end_full(full, until)
            else:
                return

    # ---- keys_max ----

    def known(self):
        """Keys of which something is kept; what was told is, too."""
        return set(self.rule.states) | {key for key, _ in self.timers} | set(self.told)

    def has_room(self, key, r, watermark):
        known = self.known() if self.rule.keys_max else ()
        if (not self.rule.keys_max or key in known or len(known) < self.rule.keys_max
                or not self.rule.wants_room(key, r)):
            return True
        time = max(r["time"], watermark)
        if self.full_until is None:
            self.alerts.append((time, "", "firing", None, None, "keys_max"))
        # A minute without one that is refused, and up to a sixteenth more.
        over = time // (HOLD // 16) * (HOLD // 16) + HOLD // 16 + HOLD
        self.full_until = max(over, self.full_until or 0)
        return False

    def end_full(self, at, now):
        if len(self.known()) < self.rule.keys_max:
            self.alerts.append((at, "", "resolved", None, None, "keys_max"))
            self.full_until = None
        else:
            self.full_until = at + ((now - at) // HOLD + 1) * HOLD

    def run(self, readings):
        greatest = None
        for r in readings:
            watermark = -1 if greatest is None else greatest - LATENESS
            self.pass_time(watermark)
            key = self.key_of(r)
            if (FILTERS[self.rule.filter](r) and self.rule.watches(r)
                    and self.has_room(key, r, watermark)):
                self.answer(key, r["time"], self.rule.on_reading(self, key, r))
            greatest = r["time"] if greatest is None else max(greatest, r["time"])
        self.pass_time(greatest - LATENESS)
        return self.alerts


class Rule:
    """Options that every kind has."""

    def __init__(self, rng, name, source, keys):
        self.name, self.source, self.rng = name, source, rng
        self.by = rng.choice([("key",), ("key",), ("key", "kind"), ()])
        self.filter = rng.choice(list(FILTERS))
        self.severity = rng.choice(SEVERITIES)
        self.keys_max = rng.randint(1, 8) if self.by and rng.random() < 0.4 else 0
        self.states = {}  # what is kept of a key
        self.dimensions = self.exclude = None
        if "key" in self.by and rng.random() < 0.4:
            self.dimensions = rng.sample(keys, rng.randint(1, len(keys)))
        if "key" in self.by and rng.random() < 0.3:
            self.exclude = rng.sample(keys, rng.randint(1, 2))

    def watches(self, r):
        return ((self.dimensions is None or r["key"] in self.dimensions)
                and (self.exclude is None or r["key"] not in self.exclude))

    def options(self):
        lines = ['source = "%s", window = "%s", output = "alerts", severity = "%s",'
                 % (self.source, self.window, self.severity)]
        if self.by:
            lines.append("by = %s," % lua_of(list(self.by)))
        if self.filter:
            lines.append("filter = %s," % (self.filter if self.filter.startswith("function")
                                           else "'%s'" % self.filter))
        if self.keys_max:
            lines.append("keys_max = %d," % self.keys_max)
        for name in ("dimensions", "exclude"):
            if getattr(self, name) is not None:
                lines.append("%s = { key = %s }," % (name, lua_of(getattr(self, name))))
        return "\n  ".join(lines)

    window = "1m"


class Automaton(Rule):
    """A state of a few, tables of what each kind of reading and each timer does in it."""

    NAMES = ("t1", "t2", "t3")

    def __init__(self, rng, name, source, keys, has_timers=True):
        super().__init__(rng, name, source, keys)
        self.names = self.NAMES if has_timers else ()
        if not has_timers:
            self.keys_max = 0
        self.rows = {str(s) + what: self.row(rng)
                     for s in range(4) for what in (*KINDS, *self.names)}

    def row(self, rng):
        """next state, timers set (0 s: cancelled), answer, severity, is all forgotten?"""
        timers = [[rng.choice(self.names), rng.choice([0, 0, 1, 2, 4, 4, 9, 30])]
                  for _ in range(rng.choice([0, 1, 1, 2]))] if self.names else []
        return [rng.randrange(4), timers, rng.choice(["nil", "nil", "false", "fire", "fire"]),
                rng.choice(SEVERITIES + (False,)), rng.random() < 0.2]

    def wants_room(self, _, r):
        """Of a key of which nothing is kept: is there something after the call, or told?"""
        _, timers, answer, _, forgets = self.rows["0" + r["kind"]]
        left = {}
        for name, seconds in timers:
            left[name] = seconds
        return answer == "fire" or not forgets or any(left.values())

    def do(self, world, key, what, time):
        state, count = self.states.get(key, (0, 0))
        to, timers, answer, severity, forgets = self.rows[str(state) + what]
        self.states[key] = (to, count + 1)
        for name, seconds in timers:
            if seconds:
                world.set_timer(key, name, time + seconds * 1000)
            else:
                world.cancel(key, name)
        if forgets:
            del self.states[key]
        return {"nil": None, "false": False}.get(
            answer, (severity, count + 1, ",".join(key) + " " + what))

    def on_reading(self, world, key, r):
        return self.do(world, key, r["kind"], r["time"])

    def on_timer(self, world, key, name, at):
        return self.do(world, key, name, at)

    def text(self):
        return """local rule = require "tocsin.rule"
local rows = %s
local function run(ctx, what)
  local row = rows[(ctx.state.of and ctx.state.of.state or 0) .. what]
  local count = (ctx.state.of and ctx.state.of.count or 0) + 1
  ctx.state.of = { state = row[1], count = count, kinds = { what, [what] = true } }
  for _, timer in ipairs(row[2]) do
    if timer[2] == 0 then ctx.cancel(timer[1])
    else ctx.timer(timer[1], count %% 2 == 0 and timer[2] or timer[2] .. "s") end
  end
  if row[5] then ctx.state = nil end
  if row[3] == "nil" then return nil end
  if row[3] == "false" then return false end
  return { value = count, severity = row[4] or nil, message = ctx.key_text .. " " .. what }
end
return rule.script {
  %s
  on_reading = function(ctx, r) return run(ctx, r.kind) end,%s
}
""" % (lua_of(self.rows), self.options(),
       "\n  on_timer = function(ctx, name) return run(ctx, name) end," if self.names else "")


class Sequence(Rule):
    """tocsin.sequence: A then B within T ("follows"), A without B within T ("missing")."""

    def __init__(self, rng, name, source, keys):
        super().__init__(rng, name, source, keys)
        self.kind = rng.choice(["follows", "missing"])
        self.a = rng.sample(KINDS, rng.randint(1, 2))
        self.b = rng.sample(KINDS, rng.randint(1, 2))
        self.within = rng.choice([1, 3, 5, 20])
        self.first = self.states

    def wants_room(self, _, r):
        return r["kind"] in self.a

    def on_reading(self, world, key, r):
        first, within = self.first.get(key), self.within * 1000
        if self.kind == "follows":
            # Fires at B, for the last A before it, which is used up.
            answer = None
            if first is not None and r["kind"] in self.b and 0 <= r["time"] - first <= within:
                answer = (SEVERITIES[r["n"] % 3], r["n"], None)
                del self.first[key]
                world.set_timer(key, "", r["time"] + within)
            if r["kind"] in self.a:
                self.first[key] = r["time"]
            return answer
        # For the first A that waits; resolves at the next B.
        answer = None
        if r["kind"] in self.b:
            if first is not None and 0 <= r["time"] - first <= within:
                first = None
                del self.first[key]
                world.cancel(key, "")
            answer = False
        if first is None and r["kind"] in self.a:
            self.first[key] = r["time"]
            world.set_timer(key, "", r["time"] + within)
        return answer

    def on_timer(self, _, key, *__):
        if self.kind == "follows":
            return False
        first = self.first.pop(key)
        return (SEVERITIES[first // 250 % 3], first / 1000, None)

    def text(self):
        severity = "r.n % 3" if self.kind == "follows" else "math.floor(first * 4 + 0.5) % 3"
        return """local rule = require "tocsin.rule"
local a, b, severities = %s, %s, { [0] = "info", "warning", "critical" }
local seen = require("tocsin.sequence").%s {
  first = function(r) return a[r.kind] or false end,
  next = function(r) return b[r.kind] or false end,
  within = "%ds",
  verdict = function(ctx, r, first)
    return { severity = severities[%s], value = %s }
  end,
}
return rule.script {
  %s
  on_reading = seen.on_reading, on_timer = seen.on_timer,
}
""" % (lua_of({k: True for k in self.a}), lua_of({k: True for k in self.b}), self.kind,
       self.within, severity, "r.n" if self.kind == "follows" else "first", self.options())


class Streak(Rule):
    """n readings in a row of a dimension with the same kind, each within the window of the last."""

    def __init__(self, rng, name, source, keys):
        super().__init__(rng, name, source, keys)
        self.by = tuple(name for name in self.by if name != "kind")
        self.count, self.seconds = rng.randint(2, 4), rng.choice([5, 10, 60])
        self.window = {5: "5s", 10: "10s", 60: "1m"}[self.seconds]
        self.runs = self.states

    def wants_room(self, *_):
        return True

    def end(self, world, key, time):
        kind, count, _ = self.runs.pop(key)
        if count >= self.count:
            world.tell(key, key + (kind,), time, "resolved", self.severity)

    def on_reading(self, world, key, r):
        time, over = r["time"], r["time"] + self.seconds * 1000
        run = self.runs.get(key)
        if run is not None and (run[0] != r["kind"] or time >= run[2]):
            self.end(world, key, time)
            run = None
        count, over = (run[1] + 1, max(over, run[2])) if run else (1, over)
        self.runs[key] = (r["kind"], count, over)
        world.set_timer(key, "", over)
        if count == self.count:
            world.tell(key, key + (r["kind"],), time, "firing", self.severity, count)

    def on_timer(self, world, key, _, at):
        self.end(world, key, at)

    def text(self):
        return """local rule = require "tocsin.rule"
return rule.continuous {
  %s
  field = "kind", streak = %d,
}
""" % (self.options(), self.count)


def make(rng, name, source, keys):
    kind = rng.choice([Automaton, Automaton, Sequence, Streak])
    return kind(rng, name, source, keys)
