#!/usr/bin/env python3
"""Every alert of random rules over random streams against a brute force. See README.md."""
import os
import random
import unittest

import combos
import spec
from harness import IS_LONG, SEED, OracleCase, Tally

RULES = int(os.environ.get("TOCSIN_ORACLE_RULES", "2000" if IS_LONG else "150"))


class Oracle(OracleCase):
    def random_rules(self, rng, rows, count, is_long):
        rate, rules = combos.density(rows), []
        for i in range(count):
            window = rng.choice(("2h", "6h", "24h", "1d", "2d", "3d", "1h") if is_long else
                                ("5s", "10s", "30s", "1m", "2m", "5m", "10m", "60m"))
            extra = rng.sample(combos.EXTRAS, rng.choice((0, 0, 1, 2, 3)))
            rule = combos.rule_of(rng, "r%d" % i, rate, window, extra, None, self.zone,
                                  is_long)
            if is_long:
                rule.options["every"] = rng.choice(("10m", "30m", "1h"))
            elif rng.random() < 0.3:
                rule.options["every"] = rng.choice([every for every in (
                    "5s", "10s", "15s", "30s", "1m") if spec.ms(every) <= rule.window_ms])
            rules.append(spec.Rule(rule.name, rule.kind, rule.options, rule.passes, self.zone))
        return rules

    def test_random_rules(self):
        tally, number = Tally(), 0
        while tally.rules < RULES:
            rng = random.Random("%d random %d" % (SEED, number))
            is_long = number % 4 == 1
            self.zone, day = rng.choice(combos.CHANGES) if is_long else (combos.ZONE, None)
            rows = combos.stream(rng, is_long, rng.choice((800, 1500)), day)
            rules = self.random_rules(rng, rows, 50, is_long)
            if number % 3 == 2:
                self.daemon(rules, rows, rng, tally, "daemon %d" % number)
            else:
                self.replay(rules, rows, tally, "replay %d" % number)
            number += 1
        print(tally.text("random rules"), flush=True)

    def test_pairs_of_options(self):
        self.zone = combos.ZONE
        for number in range(6 if IS_LONG else 1):
            rng = random.Random("%d pairs %d" % (SEED, number))
            rows, pairs = combos.pairwise(rng)
            stream = combos.stream(rng, False, 1000)
            rules = [combos.rule_of(rng, "p%d" % i, combos.density(stream),
                                    rng.choice(("10s", "30s", "1m")), ["by m"] + row, "group")
                     for i, row in enumerate(rows)]
            for run in (self.replay, lambda *a: self.daemon(*a[:2], rng, *a[2:])):
                tally = Tally()
                run(rules, stream, tally, "pairs %d" % number)
                print(tally.text("%d pairs of options, %s" % (
                    pairs, "replay" if run == self.replay else "daemon")), flush=True)
        print("impossible, not covered: " + ", ".join("%s with %s" % p for p in sorted(
            combos.IMPOSSIBLE)))


if __name__ == "__main__":
    unittest.main(verbosity=2)
