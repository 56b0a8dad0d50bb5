"""What rules must tell, computed the slow and plain way from docs/rule-guide.md, docs/judging.md
and the numbered words of core/judge/README.md; nothing of the engine.

A reading is a dict with "t" (epoch ms) and its fields. A source is read line by line: see
../lateness/line_by_line.py, of which this is the whole: every statistic, option and kind of key.
"""
import datetime
import zoneinfo

from values import Group, bound_of

PANE_MS, LONG_PANE_MS, EXTRA_MS, DAY_MS = 5000, 60000, 60000, 86400000
UNITS = {"s": 1000, "m": 60000, "h": 3600000, "d": DAY_MS}
COMPARE = {
    ">": lambda a, b: a > b, ">=": lambda a, b: a >= b, "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b, "==": lambda a, b: a == b, "!=": lambda a, b: a != b,
}
COUNTS = ("count", "rate", "distinct")
KEY_IDLE_MS = 30 * DAY_MS


def ms(text):
    return int(text[:-1]) * UNITS[text[-1]]


def floor(value, step):
    return value // step * step


def values_of(given, lookups):
    """Of a list, or of a column of a lookup."""
    if isinstance(given, dict):
        return [row[given["column"]] for row in lookups[given["lookup"]]]
    return given


class Rule:
    """`options`: as in the rule file, in Python's form; `passes`: its filter."""

    def __init__(self, name, kind, options, passes, zone):
        self.name, self.kind, self.options, self.passes = name, kind, options, passes
        self.zone = zoneinfo.ZoneInfo(zone)
        self.window = options["window"]
        self.is_days = self.window[-1] == "d"
        self.window_ms = ms(self.window)
        self.pane_ms = PANE_MS if self.window_ms <= 3600000 else LONG_PANE_MS
        self.every_ms = ms(options["every"]) if "every" in options else self.pane_ms
        self.by = tuple(options.get("by", ()))
        if kind == "continuous":
            self.by = (options["field"],)
        self.field = options.get("field") if kind != "continuous" else None
        self.statistic = options.get("statistic", "count")
        self.no_data = options.get("no_data", "alert" if "expect" in options else "keep")
        self.levels = self.make_levels()
        self.fields = {self.field} | {e[1] for level in self.levels
                                      for e in level["expressions"] + level["clears"]}

    def expressions(self, given):
        """[(statistic, field, compare, number)] of a threshold or of all/any."""
        if isinstance(given, str):
            compare, number = given.split()
            return [(self.statistic, self.field, compare, float(number))]
        return [(e.get("statistic", self.statistic), e.get("field", self.field),
                 *self.expressions(e["threshold"])[0][2:]) for e in given]

    def make_levels(self):
        given, levels = self.options, []
        if "severities" in given:
            for name in ("info", "warning", "critical"):
                if name in given["severities"]:
                    level = given["severities"][name]
                    levels.append((name, {"threshold": level} if isinstance(level, str) else level))
        else:
            levels.append((given.get("severity", "warning"), {}))
        made = []
        for name, own in levels:
            def option(key, other=None):
                return own.get(key, given.get(key, other))
            where = own if any(k in own for k in ("threshold", "all", "any")) else given
            key = next(k for k in ("threshold", "all", "any") if k in where)
            clear = option("clear")
            made.append({
                "severity": name, "is_any": key == "any", "clears": [],
                "is_main": key == "threshold",
                "expressions": self.expressions(where[key]),
                "hold": ms(option("hold", "0s")),
                "clear_hold": max(ms(option("clear_hold", "0s")), ms(option("keep_firing", "0s")))})
            if clear:
                made[-1]["clears"] = self.expressions(clear)
        return made

    def begin(self, end):
        """Of the window that ends there."""
        if not self.is_days:
            return end - self.window_ms
        local = datetime.datetime.fromtimestamp((end - 1) / 1000, self.zone)
        day = local.date() - datetime.timedelta(days=int(self.window[:-1]) - 1)
        midnight = datetime.datetime(day.year, day.month, day.day, tzinfo=self.zone)
        return int(midnight.timestamp() * 1000)

    def is_valid(self, end):
        valid = self.options.get("valid_time")
        if not valid:
            return True
        zone = zoneinfo.ZoneInfo(valid["zone"]) if "zone" in valid else self.zone
        local = datetime.datetime.fromtimestamp((end - 1) / 1000, zone)
        minute = local.hour * 60 + local.minute
        days = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

        def is_day(date, names):
            if date.isoformat() in valid.get("except", ()):
                return False
            at = date.weekday()
            for part in names.split(","):
                low, _, high = part.partition("-")
                if days.index(low) <= at <= days.index(high or low):
                    return True
            return False

        for part in valid["ranges"]:
            low, high = (int(h) * 60 + int(m) for h, m in (
                part.get(k, d).split(":") for k, d in (("from", "00:00"), ("to", "24:00"))))
            names, today = part.get("days", "mon-sun"), local.date()
            before = today - datetime.timedelta(days=1)
            if low < high:
                if is_day(today, names) and low <= minute < high:
                    return True
            elif (is_day(today, names) and minute >= low) or \
                    (is_day(before, names) and minute < high):
                return True
        return False

    def is_watched(self, key, lookups):
        for name in ("dimensions", "exclude"):
            for field, given in self.options.get(name, {}).items():
                is_there = key[self.by.index(field)] in values_of(given, lookups)
                if is_there != (name == "dimensions"):
                    return False
        return True

    def key_idle_ms(self):
        after = max(self.window_ms, ms(self.options.get("no_data_after", "0s")))
        return ms(self.options["key_idle"]) if "key_idle" in self.options else after + KEY_IDLE_MS


class Key:
    """What one key is in: words 2 to 6."""

    def __init__(self, rule):
        self.on = [False] * len(rule.levels)
        self.since = [None] * len(rule.levels)
        self.quiet = self.empty = None   # silent, without readings since
        self.is_silent = self.is_flapping = self.has_sent = False
        self.told = ("ok", None)
        self.worst = ("ok", None)
        self.changes, self.sent, self.kept_back = [], [], 0
        self.held = False   # an alert waits; which one, is decided when it may be sent

    def so(self):
        if self.is_silent:
            return "nodata", None
        on = [i for i, is_on in enumerate(self.on) if is_on]
        return ("firing", on[-1]) if on else ("ok", None)

    def is_needed(self, rule, end):
        options = rule.options
        flap, calm = options.get("flap"), options.get("non_disturb")
        return (any(self.on) or any(s is not None for s in self.since) or self.is_silent or
                self.told[0] != "ok" or self.held or self.is_flapping or
                rule.no_data == "alert" or self.kept_back or
                bool(flap and self.changes and end - self.changes[-1] <= ms(flap["within"])) or
                bool(calm and self.sent and end - self.sent[-1] < ms(calm["within"])))


class Oracle:
    """Of one rule over one source."""

    def __init__(self, rule, lateness_ms, lookups):
        self.rule, self.lookups = rule, lookups
        self.panes, self.keys, self.judged, self.alerts = {}, {}, None, []
        self.keep_ms = rule.window_ms + rule.every_ms + lateness_ms + EXTRA_MS
        # One `every` before the first boundary; the last boundary outside the valid time.
        self.begun = self.muted = None
        self.version, self.before, self.order = 0, None, 0
        self.unsure = set()   # keys of which a value was within its bound of a threshold
        self.evaluations = 0

    def add(self, reading, watermark):
        rule = self.rule
        start = floor(reading["t"], rule.pane_ms)
        if watermark is not None and not rule.is_days and \
                start < floor(floor(watermark, PANE_MS) - self.keep_ms, rule.pane_ms):
            return
        key = tuple(reading[name] for name in rule.by)
        self.order += 1
        self.version += 1
        self.panes.setdefault(start, []).append((reading["t"], self.order, reading, key))

    # ---- the window ----

    def groups(self, end):
        begin = self.rule.begin(end)
        starts = tuple(s for s in sorted(self.panes) if begin <= s < end)
        same = (starts, self.version, end - begin if self.rule.statistic == "rate" else 0)
        if self.before is None or self.before[0] != same:
            rows = {}
            for start in starts:
                for row in self.panes[start]:
                    rows.setdefault(row[3], []).append(row)
            self.before = (same, {k: Group(r, (end - begin) / 1000) for k, r in rows.items()})
        return self.before[1]

    def truth(self, level, which, group, key):
        """True, False or None; whether a value is too near to a threshold is noted."""
        found = []
        for statistic, field, compare, number in level[which]:
            if which == "expressions" and level["is_main"]:
                number = self.own_number(key, number)
            value = group.value(statistic, field)
            if value is None:
                found.append(None)
                continue
            bound = bound_of(statistic, value)
            if bound and abs(value - number) <= bound and \
                    not (statistic == "stddev" and abs(value - number) > 1e-9 * abs(number)):
                self.unsure.add(key)
            found.append(COMPARE[compare](value, number))
        if which == "expressions" and level["is_any"]:
            return True if True in found else None if None in found else False
        return False if False in found else None if None in found else True

    def own_number(self, key, number):
        """Of the row that names most of the key's fields; then of the later one."""
        given, most = self.rule.options.get("thresholds"), -1
        for row in self.lookups[given["lookup"]] if given else ():
            cells = [(row[name], value) for name, value in zip(self.rule.by, key)
                     if row.get(name)]
            if all(cell == value for cell, value in cells) and len(cells) >= most:
                most, number = len(cells), float(row[given["column"]])
        return number

    def judgement(self, group, key):
        """[(holds, is over)] of the levels; None: unknown."""
        rule, out = self.rule, []
        few = group.count < rule.options.get("min_samples", 0)
        if group.count == 0 and rule.no_data == "ok":
            few = False
        if few or (group.count == 0 and rule.no_data == "alert"):
            return [(None, None)] * len(rule.levels)
        for level in rule.levels:
            holds = self.truth(level, "expressions", group, key)
            if holds is None and rule.no_data == "ok":
                holds, over = False, True
            elif level["clears"]:
                over = False if holds else self.truth(level, "clears", group, key)
                if over is None and rule.no_data == "ok":
                    over = True
            else:
                over = None if holds is None else not holds
            out.append((holds, over))
        return out

    # ---- one boundary ----

    def muted_before(self, end):
        """The calendar knows what was not judged before the rule began."""
        if "valid_time" in self.rule.options:
            for back in range(1, 721):
                if not self.rule.is_valid(end - back * self.rule.every_ms):
                    return end - back * self.rule.every_ms
        return None

    def judge(self, end):
        rule, groups, empty = self.rule, self.groups(end), Group([], 1)
        is_valid = rule.is_valid(end)
        if self.begun is None:
            self.begun = end - rule.every_ms
            self.muted = self.muted_before(end)
        if not is_valid:
            self.muted = end
        keys = set(groups) | set(self.keys) | ({()} if not rule.by else set())
        expected = {(key,) for key in values_of(rule.options.get("expect", ()), self.lookups)}
        for key in sorted(keys | expected, key=str):
            if not rule.is_watched(key, self.lookups):
                continue
            group = groups.get(key, empty)
            state = self.keys.get(key) or Key(rule)
            self.evaluations += 1
            state.empty = None if group.count else state.empty or rule.begin(end)
            if rule.by and key not in expected and state.empty and \
                    end - state.empty >= rule.key_idle_ms():
                self.forget(state, end, key, group)
                continue
            tell = self.step(state, end, group, key, is_valid)
            if tell:
                self.tell(state, end, key, group, tell)
            if state.is_needed(rule, end) and (is_valid or key in self.keys):
                self.keys[key] = state
            else:
                self.keys.pop(key, None)

    def forget(self, state, end, key, group):
        """Word 8."""
        if state.told[0] != "ok":
            state.kept_back += state.held
            self.tell(state, end, key, group, ("ok", state.told[1], "key_idle"))
        self.keys.pop(key, None)

    def tell(self, state, end, key, group, tell):
        kind, level, reason = tell
        rule = self.rule
        self.alerts.append({
            "rule": rule.name, "end": end, "begin": rule.begin(end), "key": key,
            "state": {"ok": "resolved"}.get(kind, kind),
            "severity": rule.levels[level]["severity"] if level is not None else None,
            "value": group.value(*self.main()), "statistic": self.main()[0], "reason": reason,
            "kept_back": state.kept_back})
        state.kept_back = 0

    def main(self):
        """The statistic that an alert shows."""
        return self.rule.levels[0]["expressions"][0][:2]

    def step(self, state, end, group, key, is_valid):
        rule = self.rule
        before = state.so()
        state.has_sent = state.has_sent or group.count > 0
        if not is_valid:
            state.on = [False] * len(rule.levels)
            state.since = [None] * len(rule.levels)
            state.quiet, state.is_silent = None, False
            state.is_flapping, state.changes = False, []
        else:
            self.step_levels(state, end, self.judgement(group, key))
            self.step_silence(state, end, group.count > 0)
        after = state.so()
        if after[0] != "ok":
            state.worst = after
        return self.step_told(state, end, before, after, is_valid)

    def step_levels(self, state, end, judgements):
        worse_on = False
        for i in reversed(range(len(judgements))):
            level, (holds, over) = self.rule.levels[i], judgements[i]
            if not state.on[i]:
                if holds is True:
                    state.since[i] = end if state.since[i] is None else state.since[i]
                    if worse_on or end - state.since[i] >= level["hold"]:
                        state.on[i], state.since[i] = True, None
                elif holds is False:
                    state.since[i] = None
            elif over is True:
                state.since[i] = end if state.since[i] is None else state.since[i]
                if end - state.since[i] >= level["clear_hold"]:
                    state.on[i], state.since[i] = False, None
            elif over is False:
                state.since[i] = None
            worse_on = worse_on or state.on[i]

    def step_silence(self, state, end, has_readings):
        rule = self.rule
        if rule.no_data != "alert":
            return
        if has_readings:
            state.quiet, state.is_silent = None, False
            return
        if state.quiet is None:
            since = 0 if state.has_sent else self.begun
            state.quiet = max(rule.begin(end), since, self.muted or 0)
        after = max(rule.window_ms, ms(rule.options.get("no_data_after", "0s")))
        if end - state.quiet >= after and not state.is_silent:
            state.is_silent = True

    def step_told(self, state, end, before, after, is_valid):
        flap = self.rule.options.get("flap")
        reason = None
        if flap:
            within = ms(flap["within"])
            if before[0] != after[0]:
                state.changes = (state.changes + [end])[-flap["changes"]:]
                if not state.is_flapping and len(state.changes) == flap["changes"] and \
                        end - state.changes[0] <= within:
                    state.is_flapping = True
                    return self.firing(state, end, state.worst, "flapping")
            if state.is_flapping:
                if end - state.changes[-1] < within:
                    if state.held:
                        return self.firing(state, end, state.worst, "flapping")
                    return None
                state.is_flapping, reason = False, "settled"
        if after == state.told and not reason:
            if state.held:
                state.held, state.kept_back = False, state.kept_back + 1
            return None
        if after[0] == "firing":
            if before[0] == "nodata" and not reason:
                reason = "data_returned"
            return self.firing(state, end, after, reason)
        if state.held:
            state.held, state.kept_back = False, state.kept_back + 1
        if after == state.told and after[0] == "ok":
            return None
        level = state.told[1] if after[0] == "ok" else None
        if after[0] == "ok" and not reason:
            if not is_valid:
                reason = "outside_valid_time"
            elif before[0] == "nodata":
                reason = "data_returned"
        state.told = after
        return after[0], level, reason

    def firing(self, state, end, so, reason):
        """A firing alert, unless non_disturb holds it back."""
        calm = self.rule.options.get("non_disturb")
        if calm and so[0] == "firing":
            state.sent = [s for s in state.sent if s > end - ms(calm["within"])]
            if len(state.sent) >= calm["max"]:
                state.held = True
                return None
            state.sent.append(end)
        elif state.held:
            state.kept_back += 1
        state.held = False
        state.told = so
        return so[0], so[1], reason

    def judge_until(self, limit, first):
        rule = self.rule
        begin = floor(first, rule.every_ms) if self.judged is None else self.judged
        for end in range(begin + rule.every_ms, limit + 1, rule.every_ms):
            self.judged = end
            self.judge(end)
        if len(self.panes) > 2000 and not rule.is_days:
            for start in [s for s in self.panes
                          if s < limit - self.keep_ms - 2 * LONG_PANE_MS]:
                del self.panes[start]


def run(rules, readings, lateness_ms, lookups, is_finite):
    """The oracles of the rules, after all readings."""
    oracles = [Oracle(rule, lateness_ms, lookups) for rule in rules]
    watermark = first = greatest = None
    for reading in readings:
        t = reading["t"]
        if watermark is None or t >= watermark:
            first = t if first is None or t < first else first
        for oracle in oracles:
            if oracle.rule.passes(reading):
                oracle.add(reading, watermark)
        if watermark is not None and t - lateness_ms <= watermark:
            continue
        watermark, greatest = t - lateness_ms, t
        for oracle in oracles:
            oracle.judge_until(floor(watermark, oracle.rule.every_ms), first)
    for oracle in oracles if is_finite else []:
        every = oracle.rule.every_ms
        oracle.judge_until(floor(greatest, every) + every, first)
    return oracles
