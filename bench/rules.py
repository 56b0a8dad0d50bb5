"""Rules as values: the benchmark writes each as Lua for tocsin and judges it itself (windows.py).

A payment company's rules: failures of one merchant, an app, a city; amounts and times over limits;
totals. Thresholds lie a little over what is usual, so that some of them fire.
"""
import os

LINES_PER_MINUTE = 83333  # of the generated files, see data.py
FAILURES = 0.02
MERCHANTS = 1000
HARMONIC = sum(1 / n for n in range(1, MERCHANTS + 1))
APPS = ("wallet", "mobile", "web", "pos")
CITIES = ("Shanghai", "Beijing", "Shenzhen", "Hangzhou", "Chengdu", "Wuhan", "Nanjing", "Xiamen")
UNITS = {"s": 1, "m": 60, "h": 3600}
FINEST_S = 5

CONFIG = """return {
  sources = {
    pay = {
      format = "json",
      fields = {
        paymentId = "string", merchantId = "string", customerId = "string",
        amount = "float", cost_time = "int", app = "string", city = "string", success = "bool",
      },
      from = { %s },
    },
  },
  outputs = { alerts = { file = "alerts.jsonl" } },
  listen = { http = false },
%s}
"""


def span_s(text):
    return int(text[:-1]) * UNITS[text[-1]]


class Rule:
    """`conditions`: (field, operator of Lua, value), all of which must hold. `function`: instead
    of them (source of a Lua function, the same as a Python expression, fields it reads)."""

    def __init__(self, name, conditions, window, limit, by=(), statistic="count", field=None,
                 every=None, function=None):
        self.function = function
        self.name, self.conditions = name, conditions
        self.window, self.every, self.limit = window, every, limit
        self.by, self.statistic, self.field = tuple(by), statistic, field
        self.window_s = span_s(window)
        self.every_s = span_s(every) if every else FINEST_S

    def filter_text(self, literal):
        return " and ".join("%s %s %s" % (field, operator, literal(value))
                            for field, operator, value in self.conditions)

    def lua(self):
        kind = "group" if self.by else "count" if self.statistic == "count" else "field"
        rows = ['source = "pay"', 'window = "%s"' % self.window, 'output = "alerts"',
                'threshold = ">= %s"' % self.limit]
        if self.conditions:
            rows.append("filter = '%s'" % self.filter_text(lua_literal))
        if self.function:
            rows.append("filter = " + self.function[0])
            rows.append("reads = { %s }" % ", ".join('"%s"' % name for name in self.function[2]))
        if self.by:
            rows.append("by = { %s }" % ", ".join('"%s"' % name for name in self.by))
        if kind != "count":
            rows.append('statistic = "%s"' % self.statistic)
        if self.field:
            rows.append('field = "%s"' % self.field)
        if self.every:
            rows.append('every = "%s"' % self.every)
        return ('local rule = require "tocsin.rule"\n\nreturn rule.%s {\n  %s,\n}\n'
                % (kind, ",\n  ".join(rows)))


def lua_literal(value):
    return str(value).lower() if isinstance(value, bool) else (
        '"%s"' % value if isinstance(value, str) else str(value))


def usual(share, window):
    """A limit a little over the usual number of readings that are this share of all."""
    mean = LINES_PER_MINUTE * share * span_s(window) / 60
    return int(mean + 2.5 * mean ** 0.5) + 3


def merchant_share(number):
    return 1 / number / HARMONIC


FAILED = ("success", "==", False)
# J3, and the rule of the daemon's runs.
BUSY = Rule("busy", [], "1m", 1000, ["merchantId"], every="1m")
WATCHED = [BUSY, Rule("failures", [FAILED], "1m", usual(FAILURES, "1m"))]


def merchant_failures(number, window):
    name = "m%04d" % number
    return Rule("failures_%s_%s" % (name, window), [("merchantId", "==", name), FAILED], window,
                usual(FAILURES * merchant_share(number), window))


def ten():
    """Each its own filter; the first sees every reading, as J2 does."""
    web, pos = ("app", "==", "web"), ("app", "==", "pos")
    return [
        Rule("merchant_busy", [], "1m", 5600, ["merchantId"]),
        Rule("merchant_failures", [FAILED], "1m", 60, ["merchantId"]),
        Rule("merchant_large", [("amount", ">", 1500)], "1m", 30, ["merchantId"]),
        Rule("merchant_slow", [("cost_time", ">", 1000)], "30s", 8, ["merchantId"]),
        Rule("app_failures", [FAILED, ("amount", ">", 0)], "30s", usual(FAILURES / 4, "30s"),
             ["app"]),
        Rule("web_turnover", [web], "1m", 6600000, (), "sum", "amount"),
        Rule("wuhan_slow", [("city", "==", "Wuhan")], "5m", 1200, (), "max", "cost_time"),
        Rule("pos_mean", [pos, ("success", "==", True)], "1m", 106, ["city"], "avg", "cost_time"),
        Rule("all_failures", [FAILED], "1m", usual(FAILURES, "1m")),
        Rule("customer_failures", [FAILED, ("amount", ">", 10)], "1m", 3, ["customerId"]),
    ]


def hundred():
    rules = ten()
    rules += [merchant_failures(number, "1m") for number in range(1, 46)]
    for city in CITIES:
        at = ("city", "==", city)
        rules.append(Rule("failures_%s" % city, [at, FAILED], "1m", usual(FAILURES / 8, "1m")))
        rules.append(Rule("slow_%s" % city, [at, ("cost_time", ">", 800)], "5m", 100))
        rules.append(Rule("large_%s" % city, [at, ("amount", ">", 2000)], "30s", 40))
    for app in APPS:
        through = ("app", "==", app)
        rules.append(Rule("failures_%s" % app, [through, FAILED], "5m", usual(FAILURES / 4, "5m")))
        rules.append(Rule("mean_%s" % app, [through, ("amount", ">", 100)], "1m", 106, (), "avg",
                          "cost_time"))
        rules.append(Rule("top_%s" % app, [through, ("amount", ">", 3000)], "1m", 4200, (), "max",
                          "amount"))
    for limit in range(1000, 1000 + 9 * 250, 250):
        rules.append(Rule("over_%d" % limit, [("amount", ">", limit)], "1m", 50, ["merchantId"]))
    assert len(rules) == 100
    return rules


def thousand():
    """Each reading matches few: two or three, and one that fails one or two more."""
    rules = [merchant_failures(number, window) for window, count in
             (("1m", 500), ("5m", 300), ("30s", 100)) for number in range(1, count + 1)]
    for number in range(1, 61):
        name = "m%04d" % number
        rules.append(Rule("large_%s" % name, [("merchantId", "==", name), ("amount", ">", 2000)],
                          "5m", usual(0.014 * merchant_share(number), "5m")))
    for number in range(1, 41):
        name = "m%04d" % number
        rules.append(Rule("slow_%s" % name, [("merchantId", "==", name),
                                             ("cost_time", ">", 500 + 20 * number)], "1m", 10))
    assert len(rules) == 1000
    return rules


# L: every reading enters Lua.
ODD_AMOUNTS = Rule("odd_amounts", [], "1m", 50, ["merchantId"], function=(
    "function(r) return r.app ~= 'pos' and math.floor(r.amount * 100 + 0.5) % 100 == 99 end",
    "app != 'pos' and cents % 100 == 99", ("amount", "app")))

SETS = {"L": [ODD_AMOUNTS], "busy": [BUSY], "D": WATCHED,
        "R1": ten()[:1], "R10": ten(), "R100": hundred(),
        "R1000": thousand()}


def write_site(directory, rules, places=(), more=""):
    os.makedirs(directory, exist_ok=True)
    files = ", ".join('{ file = "%s" }' % place for place in places)
    with open(os.path.join(directory, "tocsin.lua"), "w", encoding="utf-8") as out:
        out.write(CONFIG % (files, more))
    for rule in rules:
        folder = os.path.join(directory, "rules", rule.name)
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "1.lua"), "w", encoding="utf-8") as out:
            out.write(rule.lua())
    return directory
