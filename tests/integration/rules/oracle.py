"""What a rule must find, computed the slow and plain way: every window is looked at by itself.

A reading is a dict of its fields with "t" (epoch ms). A rule here is a Rule: Python functions and
numbers; nothing is shared with the product but the words of the documentation.
"""
import bisect
import datetime
import math
import zoneinfo

COMPARE = {
    ">": lambda a, b: a > b, ">=": lambda a, b: a >= b, "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b, "==": lambda a, b: a == b, "!=": lambda a, b: a != b,
}
ZONE = zoneinfo.ZoneInfo("America/New_York")   # of the sites; days begin at its midnight
UNITS = {"s": 1000, "m": 60000, "h": 3600000, "d": 86400000}


def span_ms(text):
    return int(text[:-1]) * UNITS[text[-1]]


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


class Rule:
    def __init__(self, name, window, compare=None, limit=None, passes=None, by=(), field=None,
                 statistic="count", every=None, decide=None, severity=None):
        self.name, self.window_ms = name, span_ms(window)
        self.days = int(window[:-1]) if window[-1] == "d" else 0
        self.compare, self.limit = compare, limit
        self.passes = passes or (lambda reading: True)
        self.by, self.field, self.statistic = tuple(by), field, statistic
        finest = 5000 if self.window_ms <= 3600000 else 60000
        self.every_ms = span_ms(every) if every else finest
        self.decide = decide  # script rules: (count, values) -> value or None
        self.severity = severity or (lambda value: "warning")  # of a verdict with that value

    def begin(self, end):
        if not self.days:
            return end - self.window_ms
        today = datetime.datetime.fromtimestamp((end - 1) / 1000, ZONE).date()
        day = today - datetime.timedelta(days=self.days - 1)
        midnight = datetime.datetime(day.year, day.month, day.day, tzinfo=ZONE)
        return int(midnight.timestamp() * 1000)

    def judge(self, count, values):
        """(fires, value) of one key's readings in one window; fires None: as it was."""
        if self.decide:
            value = self.decide(count, values)
            return value is not None, value
        if self.statistic == "count":
            value = count
        elif not values:
            return None, None
        else:
            value = {"max": max, "min": min, "sum": math.fsum,
                     "avg": lambda v: math.fsum(v) / len(v)}[self.statistic](values)
        return COMPARE[self.compare](value, self.limit), value


def key_of(rule, reading):
    return tuple(reading.get(name) for name in rule.by)


def evaluate(rule, readings):
    """Alerts as (window end, rule, key, state, value) in the order of their windows."""
    if not readings:
        return []
    times = [reading["t"] for reading in readings]
    first = min(times) // rule.every_ms * rule.every_ms
    last = max(times) // rule.every_ms * rule.every_ms + rule.every_ms
    taken = sorted(((r["t"], key_of(rule, r), r.get(rule.field)) for r in readings
                    if rule.passes(r)), key=lambda row: row[0])
    taken_times = [row[0] for row in taken]
    firing, alerts, before = {}, [], None  # key -> severity
    for end in range(first + rule.every_ms, last + 1, rule.every_ms):
        low = bisect.bisect_left(taken_times, rule.begin(end))
        high = bisect.bisect_left(taken_times, end)
        if (low, high) == before:
            continue  # the same readings as before decide the same
        before = (low, high)
        groups = {}
        for _, key, value in taken[low:high]:
            count, values = groups.get(key, (0, []))
            if is_number(value):
                values.append(value)
            groups[key] = (count + 1, values)
        for key in set(firing) | ({()} if not rule.by else set()):
            groups.setdefault(key, (0, []))
        for key, (count, values) in groups.items():
            fires, value = rule.judge(count, values)
            if fires is None:
                continue
            severity = rule.severity(value) if fires else None
            if severity != firing.pop(key, None):
                alerts.append((end, rule.name, key, "firing" if fires else "resolved", value))
            if fires:
                firing[key] = severity
    return alerts


def of_document(document, time_ms):
    """A document in the oracle's form."""
    return (time_ms(document["window_end"]), document["rule"],
            tuple(document["dimension"].values()), document["state"], document.get("value"))


def differences(found, expected):
    """Texts of what is missing, too much, or has another value."""
    def index(alerts):
        return {alert[:4]: alert[4] for alert in alerts}
    left, right = index(found), index(expected)
    texts = ["missing: %s" % (key,) for key in right if key not in left]
    texts += ["too much: %s" % (key,) for key in left if key not in right]
    if len(left) != len(found):
        texts.append("%d alerts are there twice" % (len(found) - len(left)))
    for key, value in right.items():
        other = left.get(key)
        is_same = key not in left or other == value or (
            is_number(other) and is_number(value) and
            math.isclose(other, value, rel_tol=1e-9, abs_tol=1e-9))
        if not is_same:
            texts.append("value of %s: found %r, expected %r" % (key, other, value))
    return texts
