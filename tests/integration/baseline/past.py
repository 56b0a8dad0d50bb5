"""What rules with baselines must find, from the words of docs/rule-guide.md, section "Baselines".

Readings are (time in s, key, number). Nothing is shared with the product: local time is Python's
zoneinfo, and every window is counted from the list of readings.
"""
import bisect
import datetime
from zoneinfo import ZoneInfo


def local(zone, t):
    return datetime.datetime.fromtimestamp(t, zone)


def instant(zone, naive):
    """Of a clock time; the earlier of two, and the first after a gap."""
    t = naive.replace(tzinfo=zone, fold=0).timestamp()
    if local(zone, t).replace(tzinfo=None) == naive:
        return int(t)
    t = int(t) - 3 * 3600
    offset = local(zone, t).utcoffset()
    while local(zone, t).utcoffset() == offset:
        t += 60
    return t


def same_clock(zone, t, days):
    return instant(zone, local(zone, t).replace(tzinfo=None) - datetime.timedelta(days=days))


def day_of(zone, end):
    """The day to which a window that ends there belongs."""
    return local(zone, end - 0.001).date()


class Past:
    """One rule. `holds(value, reference)` is its band."""

    def __init__(self, name, zone, statistic, window, every, references, holds, is_any=False,
                 min_history=1, min_samples=0, excludes=False, excepted=()):
        self.name, self.zone, self.statistic = name, ZoneInfo(zone), statistic
        self.window, self.every, self.references = window, every, references
        self.holds, self.is_any, self.min_history = holds, is_any, min_history
        self.min_samples, self.excludes = min_samples, excludes
        self.excepted = {datetime.date.fromisoformat(day) for day in excepted}

    def compute(self, numbers):
        if self.statistic == "count":
            return len(numbers)
        if not numbers:
            return None
        if self.statistic == "sum":
            return sum(numbers)
        if self.statistic == "avg":
            return sum(numbers) / len(numbers)
        return max(numbers)

    def load(self, readings):
        self.times, self.numbers = {}, {}
        for t, key, number in sorted(readings):
            self.times.setdefault(key, []).append(t)
            self.numbers.setdefault(key, []).append(number)

    def between(self, key, start, end):
        times = self.times.get(key, [])
        return self.numbers[key][bisect.bisect_left(times, start):bisect.bisect_left(times, end)]

    def left_out(self, key, day):
        return day in self.excepted or (self.excludes and (key, day) in self.fired)

    def same_time(self, key, end, step, tries):
        """(value, readings) or None."""
        for back in range(step, step * tries + 1, step):
            then = same_clock(self.zone, end, back)
            if self.left_out(key, day_of(self.zone, then)):
                continue
            then = then // self.every * self.every
            if then - self.window < self.begin:
                return None
            numbers = self.between(key, then - self.window, then)
            return (self.compute(numbers), len(numbers)) if numbers else None
        return None

    def whole_day(self, key, day):
        midnight = datetime.datetime.combine(day, datetime.time())
        start = instant(self.zone, midnight)
        end = instant(self.zone, midnight + datetime.timedelta(days=1))
        numbers = self.between(key, start, end)
        if start < self.begin or not numbers:
            return None
        share = self.window / (end - start)
        value = self.compute(numbers)
        return (value * share if self.statistic in ("count", "sum") else value,
                round(len(numbers) * share))

    def reference(self, key, end, name):
        """("number" or a list of (value, readings))."""
        is_patient = self.excludes or self.excepted
        if name == "same time yesterday":
            found = self.same_time(key, end, 1, 7 if is_patient else 1)
            return [found] if found else []
        if name == "same time last week":
            found = self.same_time(key, end, 7, 2 if is_patient else 1)
            return [found] if found else []
        today = day_of(self.zone, end)
        days = [today - datetime.timedelta(days=i) for i in range(1, 31)]
        if name == "yesterday":
            for day in days[:7 if is_patient else 1]:
                if not self.left_out(key, day):
                    found = self.whole_day(key, day)
                    return [found] if found else []
            return []
        days = [day for day in days[:int(name.split("-")[0])] if not self.left_out(key, day)]
        found = [self.whole_day(key, day) for day in days]
        return [one for one in found if one]

    def compare(self, key, end, value, name):
        """(yes, no or None for unknown, the reference's value, has it a history)"""
        if not isinstance(name, str):
            return self.holds(value, name), name, True
        found = self.reference(key, end, name)
        needed = self.min_history if "mean" in name else 1
        if len(found) < needed or self.begin > same_clock(self.zone, end, self.min_history):
            return None, None, False
        if sum(n for _, n in found) / len(found) < self.min_samples:
            return None, None, True
        reference = sum(v for v, _ in found) / len(found)
        if reference == 0:
            return None, None, True
        return self.holds(value, reference), reference, True

    def judge(self, key, end):
        """(True, False or None, reference)"""
        numbers = self.between(key, end - self.window, end)
        value = self.compute(numbers)
        if value is None or (self.statistic != "count" and len(numbers) < self.min_samples):
            return None, None, value
        answers = [self.compare(key, end, value, name) for name in self.references]
        order = {False: 0, None: 1, True: 2}
        pick = (max if self.is_any else min)(answers, key=lambda answer: order[answer[0]])
        if pick[0] is None and not pick[2] and numbers:
            return False, None, value
        return pick[0], pick[1], value

    def alerts(self, readings, limit=None):
        """(end, key, state, value, baseline) of windows that end at `limit` or before."""
        self.load(readings)
        self.fired, firing, out = set(), set(), []
        self.begin = min(t for t, _, _ in readings) // self.every * self.every
        last = max(t for t, _, _ in readings) // self.every * self.every + self.every
        for end in range(self.begin + self.every, (limit or last) + 1, self.every):
            for key in sorted(self.times):
                verdict, reference, value = self.judge(key, end)
                if verdict is not None and verdict != (key in firing):
                    (firing.add if verdict else firing.discard)(key)
                    out.append((end, key, "firing" if verdict else "resolved", value, reference))
            self.fired |= {(key, day_of(self.zone, end)) for key in firing}
        return out
