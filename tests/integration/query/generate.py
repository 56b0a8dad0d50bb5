"""Payment readings from a seed, in every shape the tests need, and what they add up to."""

import csv
import datetime
import io
import json
import math
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../support"))
from seed import random_of  # noqa: E402

START_S = 1795327200  # 2026-11-22T06:00:00Z
SPAN_S = 3600
LATENESS_MS = 5000

MALFORMED = [
    '{"time":"2026-11-22T06:00:00Z","merchantId":"m1","amount":1',
    '{"time":"not a time","merchantId":"m1","amount":1,"cost_time":1}',
    '{"merchantId":"m1","amount":1,"cost_time":1}',
    '{"time":"2026-11-22T06:00:00Z","merchantId":"m1","amount":01}',
    "plain text",
    "[1,2,3]",
    '{"time":"2026-11-22T06:00:00Z"} trailing',
    '{"time":"2026-11-22T06:00:00Z","merchantId":"\\ud800"}',
]


class Reading:
    __slots__ = ("ms", "merchant", "customer", "city", "amount", "cost", "success", "index")


def readings(count, seed=1, out_of_order=0.0):
    """Readings in the order of the file; a share of them out of order, within the lateness."""
    rng = random_of("readings %s" % seed)
    merchants = ["m%d" % i for i in range(200)]
    weights = [1.0 / (i + 1) for i in range(len(merchants))]
    chosen = rng.choices(merchants, weights, k=count)
    step = SPAN_S * 1000 / count
    for index in range(count):
        reading = Reading()
        late = rng.randrange(LATENESS_MS) if rng.random() < out_of_order else 0
        reading.ms = START_S * 1000 + max(0, int(index * step) - late)
        reading.index = index
        reading.merchant = chosen[index]
        reading.customer = "c%d" % rng.randrange(100000)
        reading.city = rng.choice(["Berlin", "S\u00e3o Paulo", 'a "b", c', "\u4e0a\u6d77"])
        reading.amount = rng.randrange(1, 100000) / 100
        reading.cost = rng.randrange(1, 900)
        reading.success = rng.random() > 0.02
        yield reading


def time_text(ms, index):
    """One of the ways a time may be written."""
    whole, rest = divmod(ms, 1000)
    moment = datetime.datetime.fromtimestamp(whole, datetime.timezone.utc)
    if index % 7 == 1:
        moment = moment.astimezone(datetime.timezone(datetime.timedelta(hours=8)))
        return '"%s.%03d+08:00"' % (moment.strftime("%Y-%m-%dT%H:%M:%S"), rest)
    if index % 7 == 2:
        return str(ms)
    if index % 7 == 3 and rest == 0:
        return str(whole)
    return '"%s.%03dZ"' % (moment.strftime("%Y-%m-%dT%H:%M:%S"), rest)


def json_line(reading):
    time = time_text(reading.ms, reading.index)
    text = json.dumps(reading.city, ensure_ascii=reading.index % 2 == 0)
    success = "true" if reading.success else "false"
    if reading.index % 5 == 4:  # another order, spaces, an unwanted object and a first duplicate
        return (
            '{ "extra": {"time": [1, {"amount": 7}]}, "amount": -1, "cost_time": %d, '
            '"success": %s, "customer": {"id": "%s", "city": %s}, "merchantId": "%s", '
            '"amount": %r, "time": %s }'
            % (reading.cost, success, reading.customer, text, reading.merchant,
               reading.amount, time)
        )
    return (
        '{"time":%s,"paymentId":"p%d","merchantId":"%s","customer":{"id":"%s","city":%s},'
        '"amount":%r,"cost_time":%d,"success":%s}'
        % (time, reading.index, reading.merchant, reading.customer, text, reading.amount,
           reading.cost, success)
    )


CSV_COLUMNS = ["time", "paymentId", "merchantId", "city", "amount", "cost_time", "success"]


def csv_line(reading):
    out = io.StringIO()
    time = time_text(reading.ms, reading.index).strip('"')
    csv.writer(out, lineterminator="").writerow(
        [time, "p%d" % reading.index, reading.merchant, reading.city, repr(reading.amount),
         reading.cost, "true" if reading.success else "false"]
    )
    return out.getvalue()


def lines(all_readings, line_of, malformed=0.0, seed=2):
    """The file, as bytes without line ends; a share of the lines malformed."""
    rng = random_of("lines %s" % seed)
    for reading in all_readings:
        if rng.random() < malformed:
            yield rng.choice(MALFORMED).encode()
        yield line_of(reading).encode()


def start_text(seconds):
    moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class Totals:
    """Rows keyed (window start in s or None, group): amounts and costs, for exact statistics."""

    def __init__(self, by, every_s):
        self.by = by
        self.every_s = every_s
        self.groups = {}

    def add(self, reading):
        window = None
        if self.every_s:
            window = reading.ms // 1000 // self.every_s * self.every_s
        key = (window, tuple(getattr(reading, name) for name in self.by))
        group = self.groups.setdefault(key, [[], 0])
        group[0].append(reading.amount)
        group[1] = max(group[1], reading.cost)

    def rows(self):
        """count, sum(amount), max(cost_time), in the order of the output."""
        for (window, key), (amounts, cost) in sorted(
            self.groups.items(),
            key=lambda item: (item[0][0] or 0, [part.encode() for part in item[0][1]])
        ):
            start = ""
            if window is not None:
                start = start_text(window)
            yield [start, *key, str(len(amounts)), math.fsum(amounts), str(cost)]


class SlidingTotals(Totals):
    """Windows of `window_s` at every step of `every_s`: each is added up by itself."""

    def __init__(self, by, every_s, window_s):
        super().__init__(by, every_s)
        self.window_s = window_s

    def rows(self):
        panes = self.groups
        whole = Totals(self.by, self.every_s)
        for (start, key), (amounts, cost) in panes.items():
            for window in range(start - self.window_s + self.every_s, start + 1, self.every_s):
                group = whole.groups.setdefault((window, key), [[], 0])
                group[0].extend(amounts)
                group[1] = max(group[1], cost)
        return whole.rows()


class Having:
    """The rows of other totals that a condition keeps."""

    def __init__(self, totals, condition):
        self.totals, self.condition = totals, condition
        self.add = totals.add

    def rows(self):
        """condition(count, sum, max)"""
        return [row for row in self.totals.rows()
                if self.condition(int(row[-3]), row[-2], int(row[-1]))]
