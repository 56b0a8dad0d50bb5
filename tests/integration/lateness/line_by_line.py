"""What a daemon must find that reads one file line by line, and judges after every line.

A reading is a dict with "t" (epoch ms, whole). The watermark is the greatest time so far, less the
lateness. A window ends at a multiple of `every` and is judged once, when the watermark reaches its
end, with what has come until then. A reading counts in the windows that are judged after it, unless
its pane was forgotten: panes are kept for window + every + lateness + a minute behind the
watermark.
A rule with `late = "correct"` remembers, before a late reading counts in a window that was judged,
what that window says; at its next boundary it looks again, and tells where the level differs. That
is done for the newest 64 windows that were judged, but not for more than one hour of them; panes
are kept longer by as much.
Nothing is shared with the product but the words of the documentation.
"""
PANE_MS, LONG_PANE_MS, EXTRA_MS = 5000, 60000, 60000


def floor(ms, step_ms):
    return ms // step_ms * step_ms


class Rule:
    def __init__(self, name, lua, window_s, holds, passes=lambda r: True, by=None, field=None,
                 every_s=None, corrects=False, severities=("warning",)):
        self.name, self.lua, self.passes = name, lua, passes
        self.holds = holds if isinstance(holds, tuple) else (holds,)
        self.corrects, self.severities = corrects, severities
        self.by, self.field, self.window_ms = by, field, window_s * 1000
        self.pane_ms = PANE_MS if self.window_ms <= 3600000 else LONG_PANE_MS
        self.every_ms = every_s * 1000 if every_s else self.pane_ms

    def severity(self, value):
        """Of the worst level that holds, or None."""
        held = [s for s, holds in zip(self.severities, self.holds)
                if value is not None and holds(value)]
        return held[-1] if held else None


class State:
    """Of one rule."""

    def __init__(self, rule, lateness_ms):
        self.rule, self.panes, self.firing, self.judged = rule, {}, {}, None
        self.marks = {}
        self.reach_ms = min(64 * rule.every_ms, 3600000) if rule.corrects else 0
        self.keep_ms = rule.window_ms + rule.every_ms + lateness_ms + EXTRA_MS \
            + self.reach_ms

    def total(self, end, key):
        """Of a window and key: its value, None when a field had none."""
        panes = [self.panes.get(start, {}).get(key, (0, 0))
                 for start in range(end - self.rule.window_ms, end, self.rule.pane_ms)]
        if not self.rule.field:
            return sum(count for count, _ in panes)
        return sum(total for _, total in panes) if any(count for count, _ in panes) else None

    def mark(self, start, key, first):
        rule = self.rule
        for end in range(floor(start, rule.every_ms) + rule.every_ms, self.judged + 1,
                         rule.every_ms):
            if end - rule.window_ms <= start and end > floor(first, rule.every_ms) \
                    and end > self.judged - self.reach_ms and (end, key) not in self.marks:
                self.marks[end, key] = self.total(end, key)

    def correct(self):
        alerts, rule = [], self.rule
        for (end, key), before in self.marks.items():
            now = self.total(end, key)
            old, new = rule.severity(before), rule.severity(now)
            if old != new:
                alerts.append((rule.name, end, key, "firing" if new else "resolved", now,
                               new or old, (before, old)))
        self.marks = {}
        return alerts

    def add(self, reading, watermark, first):
        """False: its pane is gone."""
        rule = self.rule
        start = floor(reading["t"], rule.pane_ms)
        if watermark is not None:
            reached = floor(watermark, PANE_MS)
            if start < floor(reached - self.keep_ms, rule.pane_ms):
                return False
        pane = self.panes.setdefault(start, {})
        key = reading[rule.by] if rule.by else ""
        if rule.corrects and self.judged is not None and start < self.judged:
            self.mark(start, key, first)
        count, total = pane.get(key, (0, 0))
        pane[key] = (count + 1, total + (reading[rule.field] if rule.field else 0))
        return True

    def judge(self, end):
        rule, groups, alerts = self.rule, {}, []
        for start in range(end - rule.window_ms, end, rule.pane_ms):
            for key, (count, total) in self.panes.get(start, {}).items():
                before = groups.get(key, (0, 0))
                groups[key] = (before[0] + count, before[1] + total)
        for key in list(self.firing) + ([] if rule.by else [""]):
            groups.setdefault(key, (0, 0))
        for key, (count, total) in groups.items():
            if rule.field and not count:
                continue    # no value: the key stays as it is (no_data = "keep")
            value = total if rule.field else count
            old, new = self.firing.get(key), rule.severity(value)
            if new != old:
                alerts.append((rule.name, end, key, "firing" if new else "resolved", value,
                               new or old, None))
                self.firing[key] = new
                if new is None:
                    del self.firing[key]
        return alerts

    def judge_until(self, limit, first):
        """The windows that end at `limit` or before, and were not judged yet."""
        alerts, rule = [], self.rule
        begin = floor(first, rule.every_ms) if self.judged is None else self.judged
        for end in range(begin + rule.every_ms, limit + 1, rule.every_ms):
            self.judged = end
            alerts += self.judge(end) + self.correct()
        for start in [s for s in self.panes if s < limit - self.keep_ms - 2 * LONG_PANE_MS]:
            del self.panes[start]
        return alerts


def run(rules, readings, lateness_ms, is_finite=False, state=State):
    """(alerts, late, dropped); `is_finite`: windows are judged up to the end of the last pane."""
    states = [state(rule, lateness_ms) for rule in rules]
    alerts, late, dropped, watermark, first, greatest = [], 0, 0, None, None, None
    for reading in readings:
        t = reading["t"]
        if watermark is not None and t < watermark:
            late += 1
        else:
            first = t if first is None or t < first else first
        for state in states:
            if state.rule.passes(reading) and not state.add(reading, watermark, first):
                dropped += 1
        if watermark is not None and t - lateness_ms <= watermark:
            continue
        watermark, greatest = t - lateness_ms, t
        for state in states:
            alerts += state.judge_until(floor(watermark, state.rule.every_ms), first)
    for state in states if is_finite else []:
        every_ms = state.rule.every_ms
        alerts += state.judge_until(floor(greatest, every_ms) + every_ms, first)
    return sorted(alerts, key=str), late, dropped
