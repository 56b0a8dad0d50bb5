"""The rules of this test as Lua text, and what they must say: every boundary evaluated anew in
Python, from all readings at once, with no state but firing or not."""
import math
import statistics

PANE_MS = 5000


class Rule:
    def __init__(self, name, constructor, window_s, threshold, by=(), statistic="count", field=None,
                 keeps=None, lua=""):
        self.name, self.constructor, self.window_ms = name, constructor, window_s * 1000
        self.threshold, self.by, self.statistic, self.field = threshold, by, statistic, field
        self.keeps, self.lua = keeps, lua

    def text(self, source, output="alerts"):
        options = ['source = "%s"' % source, 'output = "%s"' % output,
                   'window = "%ds"' % (self.window_ms // 1000)]
        if self.by and self.constructor != "continuous":
            options.append("by = { %s }" % ", ".join('"%s"' % name for name in self.by))
        if self.field:
            options.append('field = "%s"' % self.field)
        if self.constructor in ("field", "group"):
            options.append('statistic = "%s"' % self.statistic)
        if self.constructor != "script":
            options.append('threshold = "%s"' % self.threshold)
        return "return rule.%s { %s, %s }\n" % (self.constructor, ", ".join(options), self.lua)

    def holds(self, value):
        if value is None:
            return False
        comparison, number = self.threshold.split()
        return {">=": value >= float(number), ">": value > float(number),
                "<": value < float(number)}[comparison]

    def value(self, readings):
        if self.statistic == "count":
            return float(len(readings))
        numbers = [getattr(reading, self.field) for reading in readings]
        if not numbers:
            return None
        functions = {"sum": math.fsum, "max": max, "avg": statistics.fmean}
        return float(functions[self.statistic](numbers))

    def panes(self, readings):
        """Pane start -> key -> matching readings."""
        panes = {}
        for reading in readings:
            if self.keeps is None or self.keeps(reading):
                key = tuple(getattr(reading, name) for name in self.by)
                pane = panes.setdefault(reading.ms // PANE_MS * PANE_MS, {})
                pane.setdefault(key, []).append(reading)
        return panes

    def alerts(self, readings, watermark_ms):
        """{(rule, state, window end, key, value)}, no two of which can be equal."""
        panes, firing = self.panes(readings), set()
        first = min(reading.ms for reading in readings) // PANE_MS * PANE_MS + PANE_MS
        for end in range(first, watermark_ms + 1, PANE_MS):
            window = {} if self.by else {(): []}
            for start in range(end - self.window_ms, end, PANE_MS):
                for key, found in panes.get(start, {}).items():
                    window.setdefault(key, []).extend(found)
            for key in firing | set(window):
                value = self.value(window.get(key, []))
                # Without a value a key stays as it is (no_data = "keep"); a script decides itself.
                if value is None and self.constructor != "script":
                    continue
                if self.holds(value) == (key in firing):
                    continue
                state = "resolved" if key in firing else "firing"
                firing ^= {key}
                is_told = self.constructor != "script" or state == "firing"
                yield (self.name, state, end, key, value if is_told else None)


def failed(reading):
    return not reading.success


FAILED = "filter = 'success == false', "
NO_INCIDENT = "incident = false"
PAY = [
    Rule("burst", "count", 5, ">= 52", keeps=failed, lua=FAILED),
    Rule("merchant", "group", 10, ">= 11", by=("merchantId",), keeps=failed,
         lua=FAILED + NO_INCIDENT),
    Rule("customer", "continuous", 10, ">= 10", by=("customerId",), field="customerId",
         lua=NO_INCIDENT),
    Rule("slow", "field", 5, "> 20000", field="cost_time", statistic="max", lua=NO_INCIDENT),
    Rule("spend", "group", 15, ">= 12000", by=("merchantId", "city"), field="amount",
         statistic="sum", lua=NO_INCIDENT),
    Rule("quiet", "count", 5, "< 2", keeps=lambda r: failed(r) and r.merchantId == "m3",
         lua="filter = 'success == false and merchantId == \"m3\"', " + NO_INCIDENT),
    Rule("script", "script", 5, "> 3100", by=("city",), field="cost_time", statistic="avg",
         lua=NO_INCIDENT + ", on_window = function(ctx, w)\n"
         "  if w.avg and w.avg > 3100 then return { value = w.avg } end\nend"),
]
OTHER = [
    Rule("burst_%s", "count", 5, ">= 27", keeps=failed, lua=FAILED + NO_INCIDENT),
    Rule("merchant_%s", "group", 10, ">= 7", by=("merchantId",), keeps=failed,
         lua=FAILED + NO_INCIDENT),
]
TOTALS = """return rule.group {
  source = "%s", by = { "merchantId" }, field = "amount", statistic = "sum",
  window = "1d", threshold = ">= 1e15", output = "alerts", incident = false }
"""


def rules_of(source):
    if source == "pay":
        return PAY
    return [Rule(rule.name % source, rule.constructor, rule.window_ms // 1000, rule.threshold,
                 rule.by, rule.statistic, rule.field, rule.keeps, rule.lua) for rule in OTHER]
