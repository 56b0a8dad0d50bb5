#!/usr/bin/env python3
"""replay against a brute-force evaluation: the example rules, and random rules and streams."""
import calendar
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../support"))
sys.path.insert(0, HERE)
from daemon import GEN, IS_LONG, ROOT, Site, tocsin  # noqa: E402
from seed import SEED  # noqa: E402
from oracle import ZONE, Rule, differences, evaluate, is_number, of_document  # noqa: E402

RANDOM_RULES = 200 if IS_LONG else 25
RULES_PER_STREAM = 5
START_MS = 1795327200000  # 2026-11-22T06:00:00Z


def time_ms(text):
    seconds, _, rest = text.rstrip("Z").partition(".")
    whole = calendar.timegm(time.strptime(seconds, "%Y-%m-%dT%H:%M:%S")) * 1000
    return whole + (int((rest + "000")[:3]) if rest else 0)


def time_text(ms):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ms // 1000)) + ".%03dZ" % (ms % 1000)


def replay(site, inputs, *more):
    done = tocsin("replay", "--site", site, *more, "--input", *inputs)
    if done.returncode != 0:
        raise AssertionError("exit code %d: %s" % (done.returncode, done.stderr))
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


class Oracle(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.root = self.directory.name
        self.addCleanup(self.directory.cleanup)

    def compare(self, documents, rules, readings, what):
        found = [of_document(document, time_ms) for document in documents]
        expected = [alert for rule in rules for alert in evaluate(rule, readings)]
        self.assertEqual([a[0] for a in found], sorted(a[0] for a in found),
                         "%s: not in the order of their windows" % what)
        texts = differences(found, expected)
        self.assertEqual(texts, [], "%s, TOCSIN_SEED=%d, %d alerts expected"
                         % (what, SEED, len(expected)))
        return expected

    # ---- the five example rules ----

    def generate(self, path, *options):
        subprocess.run([GEN, "--json", path, "--seed", str(SEED), "--start",
                        "2026-11-22T06:00:00Z", *options], check=True)
        with open(path, encoding="utf-8") as lines:
            readings = [json.loads(line) for line in lines]
        for reading in readings:
            reading["t"] = time_ms(reading["time"])
        return readings

    def test_the_example_rules_find_what_the_oracle_finds(self):
        path = os.path.join(self.root, "pay.jsonl")
        span = 360 if IS_LONG else 240
        readings = self.generate(path, "--lines", str(span * 300), "--span", str(span),
                                 "--customers", "300", "--break", "m0001", "--break-from", "60",
                                 "--break-to", "130", "--late", "0.05", "--late-max", "2")
        # Everybody is slow for a while: the generator has no such fault of its own.
        with open(path, "w", encoding="utf-8") as out:
            for reading in readings:
                if 150000 <= reading["t"] - START_MS < 200000:
                    reading["cost_time"] = reading["cost_time"] * 40 + 9000
                out.write(json.dumps({k: v for k, v in reading.items() if k != "t"}) + "\n")

        def failed(reading):
            return reading.get("success") is False

        def busy_and_slow(count, values):
            mean = sum(values) / len(values) if values else 0
            return mean if count >= 50 and mean >= 5000 else None

        rules = [
            Rule("payment_failures", "1m", ">=", 2000, failed),
            Rule("failing_customer", "1m", ">=", 10, failed, by=["customerId"]),
            Rule("merchant_failures", "10s", ">=", 40,
                 lambda r: failed(r) and r.get("amount", 0) > 0, by=["merchantId"]),
            Rule("slow_payments", "5m", ">=", 3000, lambda r: r.get("success") is True,
                 field="cost_time", statistic="avg"),
            Rule("slow_merchant", "1m", by=["merchantId"], field="cost_time",
                 decide=busy_and_slow,
                 severity=lambda mean: "critical" if mean > 10000 else "warning"),
        ]
        documents, _ = replay(os.path.join(ROOT, "scripts"), [path], "--source", "pay")
        # A script's resolved alert has no value: the script returned nothing.
        expected = self.compare(documents, rules, readings, "the example rules")
        fired = {alert[1] for alert in expected if alert[3] == "firing"}
        self.assertEqual(fired, {rule.name for rule in rules}, "the stream must make each fire")
        slow = [d for d in documents if d["rule"] == "slow_merchant" and d["state"] == "firing"]
        for document in slow:
            self.assertEqual(document["severity"],
                             "critical" if document["value"] > 10000 else "warning")
            self.assertIn(document["dimension"]["merchantId"], document["message"])

    # ---- random rules ----

    def random_filter(self, draw):
        low = draw.randrange(0, 60)
        choices = [
            ("", lambda r: True),
            ("success == false", lambda r: r.get("success") is False),
            ("not (success == true)", lambda r: r.get("success") is not True),
            ("cost_time > %d" % low, lambda r: is_number(r.get("cost_time"))
             and r["cost_time"] > low),
            ("cost_time ~= %d" % low, lambda r: is_number(r.get("cost_time"))
             and r["cost_time"] != low),
            ("amount ~= nil and amount <= %d.5" % low, lambda r: is_number(r.get("amount"))
             and r["amount"] <= low + 0.5),
            ("amount == nil or app == 'web'", lambda r: r.get("amount") is None
             or r.get("app") == "web"),
            ("merchantId:in_('m1', 'm3') or cost_time %% 7 == 2".replace("%%", "%"),
             lambda r: r.get("merchantId") in ("m1", "m3") or (is_number(r.get("cost_time"))
                                                               and r["cost_time"] % 7 == 2)),
            ("app:match('^p.y$') and success", lambda r: r.get("app") in ("pay", "p-y")
             and r.get("success") is True),
            ("app:starts('w') or app:contains('a')", lambda r: r.get("app") is not None
             and (r["app"].startswith("w") or "a" in r["app"])),
            ("amount * 2 + 1 > cost_time", lambda r: is_number(r.get("amount"))
             and is_number(r.get("cost_time")) and r["amount"] * 2 + 1 > r["cost_time"]),
        ]
        return draw.choice(choices)

    def random_rule(self, draw, number, is_long_stream):
        """(Lua text, Rule) of the same rule."""
        name = "r%d" % number
        kind = draw.choice(["count", "field", "continuous", "group", "group", "script"])
        window = draw.choice(["2h", "24h", "1d", "2d", "1h"] if is_long_stream else
                             ["5s", "10s", "25s", "60s", "1m", "3m", "7m", "60m", "1h"])
        text, passes = self.random_filter(draw)
        compare = draw.choice([">", ">=", "<", "<=", "==", "!="])
        every = None
        options = {"source": "log", "window": window, "output": "alerts"}
        if text:
            options["filter"] = text
        if draw.random() < 0.25 and window in ("25s", "60s", "1m", "3m", "7m", "1h"):
            every = draw.choice(["10s", "15s", "25s"])
            options["every"] = every
        by, field, statistic, decide = [], None, "count", None
        if kind == "field":
            field, statistic = draw.choice(["amount", "cost_time"]), draw.choice(
                ["max", "min", "avg", "sum"])
        elif kind == "continuous":
            options["field"] = draw.choice(["cost_time", "merchantId", "app", "success"])
            by = [options["field"]]
        elif kind in ("group", "script"):
            by = draw.sample(["merchantId", "app", "success"], draw.randrange(1, 4))
            if kind == "group":
                statistic = draw.choice(["count", "max", "min", "avg", "sum"])
            if kind == "script" or statistic != "count":
                field = draw.choice(["amount", "cost_time"])
        limit = {"count": draw.randrange(0, 12), "sum": draw.randrange(0, 400)}.get(
            statistic, draw.randrange(1, 60))
        lines = ["  %s = %s," % (k, json.dumps(v)) for k, v in options.items()]
        if by and kind != "continuous":
            lines.append("  by = { %s }," % ", ".join(json.dumps(one) for one in by))
        if field:
            lines.append("  field = %s," % json.dumps(field))
        if kind in ("field", "group"):
            lines.append("  statistic = %s," % json.dumps(statistic))
        if kind == "script":
            lines.append("  on_window = function(ctx, w)\n"
                         "    if w.count %s %d or (w.sum and w.sum > %d) then\n"
                         "      return { value = w.count }\n    end\n  end,"
                         % (compare.replace("!=", "~="), limit, 20 * limit + 50))
            base = Rule(name, window, compare, limit)

            def decide(count, values):
                fires = base.judge(count, values)[0] or (
                    bool(values) and sum(values) > 20 * limit + 50)
                return count if fires else None
        else:
            lines.append('  threshold = "%s %d",' % (compare, limit))
        lua = "return rule.%s {\n%s\n}" % (kind, "\n".join(lines))
        if kind == "continuous":
            field = None
        return lua, Rule(name, window, compare, limit, passes, by, field, statistic, every, decide)

    def random_stream(self, draw, is_long_stream):
        """Readings in the order in which they are written: out of order by up to 4 seconds."""
        now, readings = START_MS + draw.randrange(5000), []
        step = draw.choice([60000, 300000, 900000]) if is_long_stream else draw.choice(
            [40, 300, 1200])
        for _ in range(draw.randrange(200, 900)):
            now += draw.randrange(1, 2 * step)
            if draw.random() < 0.01:
                now += draw.randrange(20, 60) * step  # a gap
            reading = {"t": now, "app": draw.choice(["pay", "p-y", "web", "app"]),
                       "merchantId": "m%d" % draw.randrange(1, 5),
                       "amount": draw.randrange(0, 240) / 4,
                       "cost_time": draw.randrange(0, 60),
                       "success": draw.random() < 0.7}
            for name in list(reading):
                if name != "t" and draw.random() < 0.03:
                    del reading[name]
            readings.append(reading)
        key = {id(r): r["t"] + draw.randrange(0, 4000) * (draw.random() < 0.3) for r in readings}
        return sorted(readings, key=lambda r: key[id(r)])

    def write(self, path, readings):
        with open(path, "w", encoding="utf-8") as out:
            for reading in readings:
                row = {"time": time_text(reading["t"])}
                row.update((k, v) for k, v in reading.items() if k != "t")
                out.write(json.dumps(row) + "\n")
        return path

    def test_random_rules_find_what_the_oracle_finds(self):
        fired = total = 0
        for number in range(RANDOM_RULES // RULES_PER_STREAM):
            draw = random.Random(SEED * 1000 + number)
            is_long_stream = number % 4 == 3
            pairs = [self.random_rule(draw, i, is_long_stream) for i in range(RULES_PER_STREAM)]
            readings = self.random_stream(draw, is_long_stream)
            path = self.write(os.path.join(self.root, "log%d.jsonl" % number), readings)
            site = Site(os.path.join(self.root, "site%d" % number), """
              timezone = "%s",
              sources = { log = { lateness = "4s", fields = { app = "string",
                merchantId = "string", amount = "float", cost_time = "int", success = "bool" } } },
              outputs = { alerts = { file = "alerts.jsonl" } },
              listen = { http = false },""" % ZONE,
                        {"%s/1" % rule.name: lua for lua, rule in pairs})
            documents, _ = replay(site.directory, [path])
            try:
                expected = self.compare(documents, [rule for _, rule in pairs], readings,
                                        "stream %d" % number)
            except AssertionError as error:
                raise AssertionError("%s\n%s" % (error, "\n".join(lua for lua, _ in pairs)))
            fired += len({alert[1] for alert in expected})
            total += len(expected)
        print("%d random rules, %d of them fired, %d alerts equal" % (RANDOM_RULES, fired, total))
        self.assertGreater(fired, RANDOM_RULES // 2, "the streams must make most rules fire")


if __name__ == "__main__":
    unittest.main()
