#!/usr/bin/env python3
"""check.py INPUT ROWS [ALERTS] [--tocsin BINARY]: is a peer's answer right?

The expected rows are computed here, in whole cents, by a program that shares nothing with the
peers; with --tocsin the same is asked of `tocsin query`, whose sums are rounded to cents.
"""

import argparse
import csv
import decimal
import json
import subprocess
import sys


def cents(text):
    exact = decimal.Decimal(text) * 100
    return int(exact.to_integral_value(decimal.ROUND_HALF_EVEN))


def expected(path):
    totals = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            reading = json.loads(line, parse_float=decimal.Decimal)
            key = (reading["time"][:16] + ":00Z", reading["merchantId"])
            count, total, slowest = totals.get(key, (0, 0, 0))
            totals[key] = (count + 1, total + cents(reading["amount"]),
                           max(slowest, reading["cost_time"]))
    return [(*key, *totals[key]) for key in sorted(totals)]


def read_rows(lines):
    rows = csv.reader(lines)
    next(rows)
    return [(start, merchant, int(count), cents(total), int(slowest))
            for start, merchant, count, total, slowest in rows]


def main():
    options = argparse.ArgumentParser()
    options.add_argument("input")
    options.add_argument("rows")
    options.add_argument("alerts", nargs="?")
    options.add_argument("--tocsin")
    options = options.parse_args()
    want = expected(options.input)
    faults = []
    with open(options.rows, encoding="utf-8", newline="") as lines:
        if read_rows(lines) != want:
            faults.append("the peer's rows differ from the reference")
    if options.alerts:
        with open(options.alerts, encoding="utf-8", newline="") as lines:
            alerts = [(row[0], row[1], int(row[2])) for row in list(csv.reader(lines))[1:]]
        if alerts != [row[:3] for row in want if row[2] >= 1000]:
            faults.append("the peer's alerts differ from the reference")
    if options.tocsin:
        answer = subprocess.run(
            [options.tocsin, "query", options.input, "--by", "merchantId", "--every", "1m",
             "--stat", "count, sum(amount), max(cost_time)"],
            check=True, capture_output=True, text=True)
        if read_rows(answer.stdout.splitlines()) != want:
            faults.append("the rows of tocsin query differ from the reference")
    print("; ".join(faults) or "right: %d rows" % len(want))
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
