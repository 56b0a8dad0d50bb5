"""The right answers, computed by Python's own JSON and dictionaries: slow, plain, and nobody's
program under measurement. DuckDB's answers are compared with these too, so each is found twice.

Kept in build/bench-reference, named after the bytes of the generated file.
"""
import csv
import hashlib
import json
import multiprocessing
import os
import re

import rules
import windows
from machine import say

TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?Z")
J4_WINDOW_S, J4_STEP_S = 60, 5
LARGE = 1000  # J3 and J4: rows with count >= this
REPEATED = 5  # J5
J5_OPEN_MINUTES = 2


class Seconds:
    """Text of a time -> epoch second, each second parsed once."""

    def __init__(self):
        self.known = {}

    def of(self, text):
        if not isinstance(text, str):
            return None
        second = self.known.get(text[:19])
        if second is None or not TIME.fullmatch(text):
            if not TIME.fullmatch(text):
                return None
            second = self.known[text[:19]] = seconds_of(text)
        return second


def seconds_of(text):
    year, month, day, hour, minute, second = map(int, re.split("[-T:]", text[:19]))
    days = (year - 1970) * 365 + (year - 1969) // 4 + [0, 31, 59, 90, 120, 151, 181, 212, 243, 273,
                                                       304, 334][month - 1] + day - 1
    days += 1 if month > 2 and year % 4 == 0 else 0
    return days * 86400 + hour * 3600 + minute * 60 + second


def text_of(second):
    days, rest = divmod(second, 86400)
    year = 1970
    while days >= 365 + (year % 4 == 0):
        days -= 365 + (year % 4 == 0)
        year += 1
    month = 1
    for length in (31, 28 + (year % 4 == 0), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31):
        if days < length:
            break
        days -= length
        month += 1
    return "%04d-%02d-%02dT%02d:%02d:%02dZ" % (year, month, days + 1, rest // 3600,
                                               rest // 60 % 60, rest % 60)


def readings_json(path):
    """(line number, epoch second, reading) of each line that is one."""
    seconds = Seconds()
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                reading = json.loads(line)
            except ValueError:
                yield number, None, None
                continue
            second = seconds.of(reading.get("time")) if isinstance(reading, dict) else None
            yield number, second, reading


def readings_csv(path):
    seconds = Seconds()
    with open(path, encoding="utf-8", newline="") as lines:
        for number, row in enumerate(csv.reader(lines), 1):
            yield number, seconds.of(row[0]), {"merchantId": row[2], "amount": float(row[4])}


class Tables:
    """J1 to J5 of one file. Amounts in cents."""

    def __init__(self, is_whole):
        self.is_whole = is_whole  # all the jobs, or only the table by merchant
        self.failures, self.merchants, self.panes = {}, {}, {}
        self.customers, self.repeated, self.minute = {}, {}, 0
        self.readings = self.malformed = 0

    def add(self, second, reading):
        if second is None:
            self.malformed += 1
            return
        self.readings += 1
        minute = second // 60
        cents, cost = round(reading["amount"] * 100), reading.get("cost_time", 0)
        merchant = reading["merchantId"]
        add_to(self.merchants.setdefault(minute, {}), merchant, cents, cost)
        if not self.is_whole:
            return
        if reading["success"] is False:
            self.failures[minute] = self.failures.get(minute, 0) + 1
        pane = self.panes.setdefault(second // J4_STEP_S, {})
        pane[merchant] = pane.get(merchant, 0) + 1
        if minute > self.minute:
            self.close_minutes(minute - J5_OPEN_MINUTES)
            self.minute = minute
        add_to(self.customers.setdefault(minute, {}), reading["customerId"], cents, cost)

    def close_minutes(self, until):
        for minute in [one for one in self.customers if one <= until]:
            if minute in self.repeated:
                raise ValueError("the readings are further out of order than the reference allows")
            self.repeated[minute] = {key: row for key, row in self.customers.pop(minute).items()
                                     if row[0] >= REPEATED}

    def rows(self, job):
        if job == "J1":
            return [(text_of(m * 60), n) for m, n in sorted(self.failures.items())]
        if job in ("J2", "J6", "J7"):
            return [(text_of(m * 60), key, n, "%.2f" % (cents / 100), top)
                    for m, keys in sorted(self.merchants.items())
                    for key, (n, cents, top) in sorted(keys.items())]
        if job == "J3":
            return [row for row in self.rows("J2") if row[2] >= LARGE]
        if job == "J4":
            return self.sliding()
        open_minutes = {minute: {key: row for key, row in keys.items() if row[0] >= REPEATED}
                        for minute, keys in self.customers.items()}
        return [(text_of(m * 60), key, n, "%.2f" % (cents / 100), top)
                for m, keys in sorted({**self.repeated, **open_minutes}.items())
                for key, (n, cents, top) in sorted(keys.items())]

    def sliding(self):
        """Every window of 60 s that ends on a multiple of 5 s, named after its start."""
        rows, wide = [], J4_WINDOW_S // J4_STEP_S
        for start in range(min(self.panes) - wide + 1, max(self.panes) + 1):
            counts = {}
            for pane in range(start, start + wide):
                for key, count in self.panes.get(pane, {}).items():
                    counts[key] = counts.get(key, 0) + count
            rows += [(text_of(start * J4_STEP_S), key, count)
                     for key, count in sorted(counts.items()) if count >= LARGE]
        return rows


def add_to(keys, key, cents, cost):
    row = keys.get(key)
    if row is None:
        keys[key] = [1, cents, cost]
        return
    row[0] += 1
    row[1] += cents
    if cost > row[2]:
        row[2] = cost


def python_of(rule):
    """The rule's filter as Python source, e.g. success is False and amount > 0."""
    if rule.function:
        return rule.function[1]
    parts = ["%s is %s" % (field, value) if isinstance(value, bool)
             else "%s %s %r" % (field, operator, value)
             for field, operator, value in rule.conditions]
    return " and ".join(parts) or "True"


def matcher(cells):
    """One function that adds a reading to the cells of all the rules it matches. Rules of one
    merchant are looked up by merchant; the source of the others stands one after the other."""
    names = "merchantId, customerId, app, city, amount, cost_time, success"
    scope, by_merchant = {"by_merchant": {}}, {}
    body = ["def match(%s, pane):" % names, "  cents = round(amount * 100)"]
    for index, one in enumerate(cells):
        rule = one.rule
        scope["add%d" % index] = one.add
        value = {"amount": "cents", "cost_time": "cost_time", None: "None"}[rule.field]
        act = "add%d((%s), pane, %s)" % (index, "".join(key + "," for key in rule.by), value)
        own = [c for c in rule.conditions if c[0] == "merchantId" and c[1] == "=="]
        if own:
            by_merchant.setdefault(own[0][2], []).append((python_of(rule), act))
        else:
            body.append("  if %s: %s" % (python_of(rule), act))
    body.append("  own = by_merchant.get(merchantId)")
    body.append("  if own: own(%s, cents, pane)" % names)
    for number, (merchant, acts) in enumerate(by_merchant.items()):
        body.append("def own%d(%s, cents, pane):" % (number, names))
        body += ["  if %s: %s" % pair for pair in acts]
        body.append("by_merchant[%r] = own%d" % (merchant, number))
    exec("\n".join(body), scope)  # source made of the rules above, nothing from outside
    return scope["match"]


def tables_task(kind, path, jobs, points, save):
    tables = Tables("J1" in jobs)
    number = 0
    for number, second, reading in (readings_csv if kind == "csv" else readings_json)(path):
        tables.add(second, reading)
        if number in points:
            save_tables(tables, jobs, number, kind, save)
    if number not in points:
        save_tables(tables, jobs, number, kind, save)


def save_tables(tables, jobs, lines, kind, save):
    for job in jobs:
        with open(save % (kind, lines, job), "w", encoding="utf-8") as out:
            json.dump({"readings": tables.readings, "malformed": tables.malformed,
                       "rows": tables.rows(job)}, out)


def rules_task(path, names, save):
    cells = {name: [windows.Cells(rule) for rule in rules.SETS[name]] for name in names}
    by_rule = {}
    for one in (one for name in names for one in cells[name]):
        by_rule.setdefault(one.rule.lua() + one.rule.name, one)
    match = matcher(list(by_rule.values()))
    first, last, number = None, 0, 0
    for number, second, r in readings_json(path):
        first = second if first is None else min(first, second)
        last = max(last, second)
        match(r["merchantId"], r["customerId"], r["app"], r["city"], r["amount"], r["cost_time"],
              r["success"], second // rules.FINEST_S)
    for name in names:
        found = {}
        for one in cells[name]:
            shared = by_rule[one.rule.lua() + one.rule.name]
            found.update(windows.alerts(shared, first, last))
        rows = [[text_of(end), rule, list(key), state, value]
                for (end, rule, key, state), value in sorted(found.items())]
        with open(save % ("json", number, name), "w", encoding="utf-8") as out:
            json.dump({"readings": number, "last": last, "rows": rows}, out)


def run_task(task):
    task[0](*task[1:])


class Reference:
    def __init__(self, files, build):
        here = os.path.dirname(os.path.abspath(__file__))
        code = hashlib.sha256()
        for name in ("reference.py", "windows.py", "rules.py"):
            with open(os.path.join(here, name), "rb") as source:
                code.update(source.read())
        self.files, self.code = files, code.hexdigest()[:8]
        self.directory = os.path.join(build, "bench-reference")

    def _save(self, kind):
        return os.path.join(self.directory,
                            "%s-%s-%%s-%%d-%%s.json" % (self.files.sums[kind], self.code))

    def prepare(self, points):
        """Computes what is not there yet. `points`: numbers of first lines that peers read."""
        os.makedirs(self.directory, exist_ok=True)
        lines = self.files.lines
        wanted = [
            ("json", tables_task, ["J1", "J2", "J3", "J4", "J5"]),
            ("json", rules_task, list(rules.SETS)),
            ("shapes", tables_task, ["J6"]),
            ("csv", tables_task, ["J7"]),
        ]
        tasks = []
        for kind, task, jobs in wanted:
            save, path = self._save(kind), self.files.path(kind)
            at = [lines] if task is rules_task else sorted(set(points) | {lines})
            if all(os.path.exists(save % (kind, n, job)) for n in at for job in jobs):
                continue
            tasks.append((task, path, jobs, save) if task is rules_task else
                         (task, kind, path, jobs, set(at), save))
        if tasks:
            say("computing the reference, once for these files")
            with multiprocessing.Pool(min(len(tasks), os.cpu_count() or 1)) as pool:
                for _ in pool.imap_unordered(run_task, tasks, 1):
                    pass

    def get(self, kind, lines, job):
        with open(self._save(kind) % (kind, lines, job), encoding="utf-8") as saved:
            return json.load(saved)
