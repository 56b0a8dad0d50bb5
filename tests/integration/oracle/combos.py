"""Random rules and streams, and a covering array of pairs of options."""
import datetime
import itertools
import random

import spec

SHORT_MS = 1767225600000     # 2026-01-01T00:00:00Z
ZONE = "Europe/Berlin"
# Streams of some days, that begin two days before the clocks are changed (at midnight, too).
CHANGES = (("Europe/Berlin", "2026-03-27"), ("Europe/Berlin", "2026-10-23"),
           ("Asia/Beirut", "2026-03-27"), ("Asia/Beirut", "2026-10-23"),
           ("America/Havana", "2026-10-30"), ("America/New_York", "2026-03-06"),
           ("Australia/Lord_Howe", "2026-04-03"), ("Australia/Lord_Howe", "2026-10-02"))
M = ["m0", "m1", "m2", "m3", "m4"]
LOOKUPS = {
    "limits": [{"m": "m1", "a": "", "limit": "9"}, {"m": "m3", "a": "", "limit": "2"},
               {"m": "m3", "a": "y", "limit": "4.5"}, {"m": "", "a": "x", "limit": "6"},
               {"m": "m1", "a": "", "limit": "7"}],
    "vip": [{"who": who, "m": m} for who, m in (("a", "m0"), ("b", "m3"), ("c", "m8"))],
}
FILTERS = (
    (None, lambda r: True),
    ("ok", lambda r: r["ok"]),
    ("not ok", lambda r: not r["ok"]),
    ("v > 20", lambda r: r["v"] is not None and r["v"] > 20),
    ('a == "x" and v ~= nil', lambda r: r["a"] == "x" and r["v"] is not None),
    ('c:starts("c1") or m:in_("m0", "m2")',
     lambda r: r["c"].startswith("c1") or r["m"] in ("m0", "m2")),
    ("x / 2 >= 10.25 and not (m == \"m4\")", lambda r: r["x"] / 2 >= 10.25 and r["m"] != "m4"),
)
# What a window of n readings of a key usually has, and so where a threshold is interesting.
NEAR = {
    "count": lambda n: round(n), "rate": None, "sum": lambda n: round(n * 30) + 0.5,
    "avg": lambda n: 30.25, "min": lambda n: max(1, round(60 / (n + 1))) + 0.5,
    "max": lambda n: round(60 - 60 / (n + 1)) - 0.5, "stddev": lambda n: 17.3,
    "first": lambda n: 30.5, "last": lambda n: 30.5,
}
STATISTICS = ("count", "rate", "sum", "avg", "min", "max", "stddev", "distinct", "p50", "p90",
              "p99", "p99.9", "p12.5", "first", "last")


def midnight_ms(day):
    return int(datetime.datetime.fromisoformat(day + "T00:00:00+00:00").timestamp() * 1000)


def stream(rng, is_long, count, day="2026-03-27"):
    """Bursts and silences; some of the readings are behind the clock."""
    base = midnight_ms(day) + 13 * 3600000 if is_long else SHORT_MS
    base += rng.randrange(100000)
    clock, rows, quiet, loud = base, [], None, 1
    for i in range(count):
        step = rng.choice((0, 100, 300, 900, 2000))
        if rng.random() < 0.02:
            step += rng.choice((20000, 90000, 200000))
            loud, quiet = rng.choice((0.3, 1, 3)), rng.choice(M + [None, None])
        step = step / loud
        if is_long:
            step = step * 25 + (rng.random() < 0.01) * rng.choice((1, 3, 6)) * 3600000
        clock += int(step)
        behind = rng.choice((0, 0, 0, 0, 2000, 4500, 12000)) * rng.random()
        if rng.random() < 0.01 and not is_long:
            behind = rng.choice((40000, 300000, 9000000))
        m = rng.choice(M[:4] + M)
        if m == quiet:
            m = "m0"
        rows.append({"t": clock - int(behind), "m": m, "a": rng.choice("xy"),
                     "c": "c%d" % int(rng.random() ** 2 * 300),
                     "v": rng.randrange(60) if rng.random() < 0.95 else None,
                     "x": rng.randrange(6000) / 100, "ok": rng.random() < 0.4})
    return rows


def density(rows):
    span = (max(r["t"] for r in rows) - min(r["t"] for r in rows)) / 1000
    return len(rows) / span


def threshold(rng, statistic, near, seconds, compare=None):
    """`near`: readings of a key in the window."""
    if statistic == "rate":
        return "%s %.4f" % (compare or rng.choice((">", ">=")), near / seconds)
    if statistic == "distinct":
        number = max(1, round(min(near * 0.8, 150)))
    elif statistic[0] == "p":
        number = int(float(statistic[1:]) * 0.6) + 0.5
    else:
        number = NEAR[statistic](near)
    number = max(1, number) if statistic in ("count", "distinct") else number
    choices = (">", ">=") if statistic in spec.COUNTS else (">", ">=", ">=", "<", "<=", "!=")
    return "%s %s" % (compare or rng.choice(choices), number)


def rule_of(rng, name, rate, window, extra=(), kind=None, zone=ZONE, is_long=False):
    """`extra`: names of options that it must have; `rate`: readings a second of the stream."""
    kind = kind or rng.choice(("count", "field", "continuous", "group", "group"))
    text, passes = rng.choice(FILTERS)
    options = {"source": "pay", "output": "alerts", "incident": False, "window": window}
    if text:
        options["filter"] = text
    keys, seconds = 1, spec.ms(window) / 1000
    if kind == "group":
        options["by"] = rng.choice((["m"], ["m"], ["m", "a"], ["a"]))
        keys = {"m": 5, "a": 2}[options["by"][0]] * len(options["by"])
    elif kind == "continuous":
        options["field"] = rng.choice(("m", "c", "a"))
        keys = {"m": 5, "c": 100, "a": 2}[options["field"]]
    if "by m" in extra:
        kind, keys = "group", 5
        options.pop("field", None)
        options["by"] = ["m"]
    near = rate * seconds / keys * rng.choice((0.3, 0.6, 1, 1.5))
    near *= 1 if text is None else 0.45
    statistic = "count"
    if kind in ("field", "group"):
        statistic = rng.choice(STATISTICS)
        if seconds % 86400 == 0 and window[-1] == "d" and statistic == "rate":
            statistic = "sum"
        if kind == "field" and statistic in ("count", "rate"):
            statistic = "avg"
        options["statistic"] = statistic
        if kind == "field" or statistic not in ("count", "rate"):
            options["field"] = "c" if statistic == "distinct" else rng.choice(("v", "x"))
            if statistic[0] == "p":
                options["field"] = "v"

    def one(compare=None, scale=1.0, which=None):
        return threshold(rng, which or statistic, near * scale, seconds, compare)

    options["threshold"] = one("<" if kind == "count" and rng.random() < 0.3 else None)
    add_options(rng, options, extra, one)
    if kind == "group" and "m" in options["by"]:
        add_key_options(rng, options, extra)
    if "valid_time" in extra:
        options["valid_time"] = valid_time(rng, is_long)
    return spec.Rule(name, kind, options, passes, zone)


def valid_time(rng, is_long):
    if not is_long:
        return {"zone": "Europe/Berlin", "ranges": rng.choice((
            [{"days": "mon-fri", "from": "01:05", "to": "01:20"}, {"days": "sat,sun"}],
            [{"from": "23:00", "to": "01:12"}], [{"from": "01:04", "to": "24:00"}]))}
    hours = {"ranges": rng.choice((
        [{"from": "01:30", "to": "02:30"}], [{"from": "22:00", "to": "02:15"}],
        [{"days": "sat", "from": "23:30", "to": "03:00"}, {"days": "mon-fri"}],
        [{"days": "sun", "from": "00:10", "to": "23:50"}, {"from": "00:30", "to": "01:30"}]))}
    if rng.random() < 0.6:
        hours["zone"] = rng.choice([zone for zone, _ in CHANGES])
    if rng.random() < 0.3:
        hours["except"] = [rng.choice(("2026-03-28", "2026-03-29", "2026-10-25"))]
    return hours


def add_key_options(rng, options, extra):
    if "dimensions" in extra:
        options["dimensions"] = {"m": rng.choice((["m0", "m1", "m2"],
                                                  {"lookup": "vip", "column": "m"}))}
    if "exclude" in extra:
        options["exclude"] = {"m": rng.choice((["m1"], {"lookup": "vip", "column": "m"}))}
    if "a" in options["by"] and rng.random() < 0.5:
        options.setdefault("exclude" if "dimensions" in extra else "dimensions", {})["a"] = ["x"]
    if "thresholds" in extra and "threshold" in options:
        options["thresholds"] = {"lookup": "limits", "column": "limit"}
    if "expect" in extra:
        options["expect"] = rng.choice((["m0", "m3", "m8"], {"lookup": "vip", "column": "m"}))
    if "keys_max" in extra:
        options["keys_max"] = 5000
    if "key_idle" in extra:
        least = max(spec.ms(options["window"]), spec.ms(options.get("no_data_after", "0s")))
        options["key_idle"] = "%ds" % (least / 1000 * rng.choice((1, 1.5, 3)) + rng.choice((1, 7)))


def add_options(rng, options, extra, one):
    compare, number = options["threshold"].split()
    number = float(number)
    is_up = compare in (">", ">=")
    if "all" in extra or "any" in extra:
        word = "all" if "all" in extra else "any"
        first = {"threshold": options.pop("threshold")}
        second = {"statistic": "count", "threshold": one(">=", 0.7, "count")}
        third = {"statistic": "avg", "field": "x", "threshold": "> 28"}
        options[word] = [first, second] if rng.random() < 0.5 else [first, third]
    if "severities" in extra:
        threshold = options.pop("threshold", None)
        options.pop("all", None), options.pop("any", None)
        threshold = threshold or "> %s" % (number,)
        worse = "%s %s" % (threshold.split()[0], number * (1.3 if is_up else 0.7) + 0.125)
        options["severities"] = {"warning": threshold, "critical": worse}
        if rng.random() < 0.5:
            options["severities"]["critical"] = {"threshold": worse, "hold": "15s"}
    if "clear" in extra:
        options["clear"] = "%s %s" % ("<" if is_up else ">", number * (0.7 if is_up else 1.4))
    for word, values in (("hold", ("10s", "30s", "2m")), ("clear_hold", ("15s", "1m")),
                         ("keep_firing", ("20s", "3m")), ("no_data", ("ok", "alert")),
                         ("every", ("10s", "5s")), ("min_samples", (2, 5)),
                         ("no_data_after", ("2m", "5m"))):
        if word in extra:
            options[word] = rng.choice(values)
    if "no_data_after" in extra:
        options["no_data"] = "alert"
        if spec.ms(options["no_data_after"]) < spec.ms(options["window"]):
            options["no_data_after"] = options["window"]
    if "flap" in extra:
        options["flap"] = {"changes": rng.choice((2, 3, 4)), "within": rng.choice(("1m", "3m"))}
    if "non_disturb" in extra:
        options["non_disturb"] = {"max": rng.choice((1, 2)), "within": rng.choice(("2m", "10m"))}


def lua(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"%s"' % value.replace('"', '\\"')
    if isinstance(value, (list, tuple)):
        return "{ %s }" % ", ".join(lua(v) for v in value)
    if isinstance(value, dict):
        return "{ %s }" % ", ".join("%s = %s" % (k, lua(v)) for k, v in value.items())
    return repr(value)


def file_of(rule):
    return "return rule.%s %s\n" % (rule.kind, lua(rule.options))


# Options that random rules of every type may have.
EXTRAS = ("all", "any", "severities", "hold", "clear", "clear_hold", "keep_firing", "no_data",
          "flap", "non_disturb", "min_samples", "valid_time", "dimensions", "exclude",
          "thresholds", "key_idle", "no_data_after")
FACTORS = {
    "condition": ("threshold", "all", "any", "severities"), "hold": ("", "hold"),
    "clear": ("", "clear"), "clear_hold": ("", "clear_hold", "keep_firing"),
    "flap": ("", "flap"), "silence": ("", "no_data", "no_data_after", "expect"),
    "min_samples": ("", "min_samples"), "non_disturb": ("", "non_disturb"),
    "valid_time": ("", "valid_time"), "keys": ("", "dimensions", "exclude"),
    "thresholds": ("", "thresholds"), "keys_max": ("", "keys_max"),
    "key_idle": ("", "key_idle"), "every": ("", "every"),
}
# Own thresholds of keys replace the number of `threshold`, and there is none in these.
IMPOSSIBLE = {("all", "thresholds"), ("any", "thresholds"), ("severities", "thresholds")}


def is_possible(row):
    present = set(row)
    return not any(a in present and b in present for a, b in IMPOSSIBLE)


def pairwise(rng, tries=60):
    """Rows that have every possible pair of choices of two factors; and how many pairs."""
    names = list(FACTORS)
    wanted = set()
    for i, j in itertools.combinations(range(len(names)), 2):
        for a, b in itertools.product(FACTORS[names[i]], FACTORS[names[j]]):
            if (a, b) not in IMPOSSIBLE:
                wanted.add((i, a, j, b))
    total, rows = len(wanted), []
    while wanted:
        best, gain = None, -1
        for _ in range(tries):
            i, a, j, b = rng.choice(sorted(wanted))
            row = [rng.choice(FACTORS[name]) for name in names]
            row[i], row[j] = a, b
            if not is_possible(row):
                continue
            won = sum((x, row[x], y, row[y]) in wanted
                      for x, y in itertools.combinations(range(len(names)), 2))
            if won > gain:
                best, gain = row, won
        if best is None:
            continue
        rows.append([name for name in best if name])
        wanted -= {(x, best[x], y, best[y])
                   for x, y in itertools.combinations(range(len(names)), 2)}
    return rows, total
