#!/usr/bin/env python3
"""`early = true` tells what the boundaries would have told: the same alerts, some of them sooner.

Readings in order, so that it does not matter which of them are committed together."""
import os
import unittest

import combos
import spec
from harness import IS_LONG, OracleCase, Tally, ms, random_of

EXTRAS = ("all", "any", "clear", "clear_hold", "keep_firing", "non_disturb", "min_samples",
          "valid_time", "dimensions", "exclude", "thresholds", "key_idle")
STREAMS = int(os.environ.get("TOCSIN_ORACLE_STREAMS", "20" if IS_LONG else "2"))


def is_growing(rule):
    """Its conditions can only become truer in their window."""
    return all(e[2] in (">", ">=") and e[0] in ("count", "sum", "max", "distinct")
               for level in rule.levels for e in level["expressions"])


def early_rules(rng, rate, is_long, zone, count):
    rules = []
    while len(rules) < count:
        window = rng.choice(("2h", "24h", "1d", "2d", "1h") if is_long else
                            ("5s", "10s", "30s", "1m", "5m", "60m"))
        extra = rng.sample(EXTRAS, rng.choice((0, 1, 2, 3)))
        rule = combos.rule_of(rng, "e%d" % len(rules), rate, window, extra, None, zone, is_long)
        if not is_growing(rule):
            continue
        if is_long:
            rule.options["every"] = rng.choice(("10m", "30m", "1h"))
        elif rng.random() < 0.3:
            rule.options["every"] = rng.choice([every for every in ("5s", "10s", "15s", "30s")
                                                if rule.window_ms >= spec.ms(every)])
        rule.options["early"] = True
        rules.append(spec.Rule(rule.name, rule.kind, rule.options, rule.passes, zone))
    return rules


class Early(OracleCase):
    early = 0

    def compare(self, rules, oracles, documents, tally, what):
        """Of windows that were not over at the end only the early alerts are there."""
        judged = {rule.name: oracle.judged for rule, oracle in zip(rules, oracles)}
        super().compare(rules, oracles, [
            d for d in documents if not d.get("early") or
            ms(d["window_end"]) <= judged[d["rule"]]], tally, what)

    def difference(self, a, d):
        if not d.get("early"):
            return super().difference(a, d)
        self.early += 1
        texts = super().difference(dict(a, value=d["value"]), d)
        if a["state"] != "firing" or (a["value"] is not None and d["value"] > a["value"]):
            texts.append("%s: early %s of %r, at the end %r" % (
                a["key"], d["state"], d["value"], a["value"]))
        return texts

    def test_it_is_the_alert_of_the_boundary(self):
        tally = Tally()
        for number in range(STREAMS):
            rng = random_of("early %d" % number)
            is_long = number % 4 == 3
            self.zone, day = rng.choice(combos.CHANGES) if is_long else (combos.ZONE, None)
            rows = sorted(combos.stream(rng, is_long, 1000, day), key=lambda r: r["t"])
            rules = early_rules(rng, combos.density(rows), is_long, self.zone, 40)
            if number % 2 == 1:
                self.daemon(rules, rows, rng, tally, "daemon %d" % number, (1, 3, 10), 0.9)
            else:
                self.replay(rules, rows, tally, "replay %d" % number)
        print(tally.text("%d of the alerts came early" % self.early), flush=True)
        self.assertGreater(self.early, tally.alerts / 20)


if __name__ == "__main__":
    unittest.main(verbosity=2)
