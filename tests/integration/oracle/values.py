"""The values of the readings of a key in a window, from the definitions in docs/rule-guide.md."""
import math

DISTINCT_EXACT, DISTINCT_BOUND, PERCENTILE_BOUND = 384, 0.05, 0.0079


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def bound_of(statistic, value):
    """How far a right answer may be from the exact value."""
    if value is None:
        return 0
    if statistic[0] == "p":
        return PERCENTILE_BOUND * abs(value)
    if statistic == "distinct":
        return DISTINCT_BOUND * value if value > DISTINCT_EXACT else 0
    return 1e-9 * abs(value) if statistic == "stddev" else 0


class Group:
    """Readings of one key in one window: (t, order, reading), made lazily into values."""

    def __init__(self, rows, seconds):
        self.rows, self.seconds, self.known = rows, seconds, {}
        self.count = len(rows)

    def value(self, statistic, field):
        if (statistic, field) not in self.known:
            self.known[statistic, field] = self.compute(statistic, field)
        return self.known[statistic, field]

    def numbers(self, field):
        if ("", field) not in self.known:
            self.known["", field] = [row[2][field] for row in self.rows
                                     if is_number(row[2].get(field))]
        return self.known["", field]

    def compute(self, statistic, field):
        if statistic == "count":
            return self.count
        if statistic == "rate":
            return self.count / self.seconds
        if statistic == "distinct":
            return len({row[2][field] for row in self.rows if row[2].get(field) is not None})
        values = self.numbers(field)
        if not values:
            return None
        if statistic[0] == "p":
            rank = max(1, math.ceil(round(float(statistic[1:]) * len(values), 6) / 100))
            return sorted(values)[rank - 1]
        if statistic in ("first", "last"):
            rows = sorted(row[:2] + (row[2][field],) for row in self.rows
                          if is_number(row[2].get(field)))
            return rows[0 if statistic == "first" else -1][2]
        if statistic == "stddev":
            mean = math.fsum(values) / len(values)
            return math.sqrt(math.fsum((v - mean) ** 2 for v in values) / len(values))
        if statistic == "avg":
            return math.fsum(values) / len(values)
        return {"sum": math.fsum, "min": min, "max": max}[statistic](values)
