"""Our rows."""
import functools
import os
import re
import subprocess

import compare
import rules
from program import LIMIT_S, Command, Program

CSV_FIELDS = "time,paymentId,merchantId,customerId,amount,success"
STATISTICS = "count, sum(amount), max(cost_time)"


@functools.lru_cache(None)
def query_options(tocsin):
    """What this build's `query` knows; parts of the language are younger than the benchmark."""
    text = subprocess.run([tocsin, "query", "--help"], text=True, capture_output=True,
                          check=False).stdout
    return set(re.findall(r"--[a-z]+", text))


class Query(Command):
    """tocsin query; `least`: rows with at least this count."""

    def __init__(self, job, words, least=None, kind="json", name="tocsin query", needs=()):
        super().__init__(name, job, ["{c.tocsin}", "query", "INPUT", *words], kind)
        self.least, self.options = least, needs

    def missing(self, context):
        known = query_options(context.tocsin)
        absent = [option for option in self.options if option not in known]
        return "this build has no query %s" % ", ".join(absent) if absent else None

    def command(self, context, output):
        command = super().command(context, output)
        self.keep = None
        if self.least and "--having" in query_options(context.tocsin):
            command += ["--having", "count >= %d" % self.least]
        elif self.least:
            self.keep = lambda values: values[0] >= self.least
        return command


class OtherBuild(Query):
    """J2 by the same sources, built otherwise."""

    def __init__(self, build):
        super().__init__("J2", ["--by", "merchantId", "--every", "1m", "--stat", STATISTICS],
                         name="J2 of " + os.path.basename(os.path.normpath(build)))
        self.words[0] = os.path.join(os.path.abspath(build), "tocsin")

    def missing(self, context):
        return None if os.path.exists(self.words[0]) else "there is no %s" % self.words[0]


class Customers(Query):
    """J5; its memory is also told above that of a query of nothing, program and libraries."""

    def run(self, context):
        empty = context.files.scratch("empty.jsonl")
        open(empty, "w", encoding="utf-8").close()
        idle = context.launch([context.tocsin, "query", empty], "idle").finish(LIMIT_S)
        cost, wrong = super().run(context)
        cost.facts["MiB above an empty query"] = cost.peak_mib - idle.peak_mib
        return cost, wrong


class Replay(Program):
    """tocsin replay of one set of rules; the answer is alert documents."""

    def __init__(self, rule_set, name):
        self.rule_set, self.name = rule_set, name

    def missing(self, context):
        done = subprocess.run([context.tocsin, "check", "--site", self.site(context)], text=True,
                              capture_output=True, check=False)
        return None if done.returncode == 0 else "this build refuses it: %s" % (
            done.stdout + done.stderr).splitlines()[0][-80:]

    def site(self, context):
        site = context.files.scratch("site-" + self.rule_set)
        if not os.path.exists(site):
            rules.write_site(site, rules.SETS[self.rule_set])
        return site

    def run(self, context):
        site = self.site(context)
        output = context.files.scratch("alerts.jsonl")
        launched = context.launch([context.tocsin, "replay", "--site", site, "--input",
                                   self.input(context)], "run", output=output)
        cost = launched.finish(LIMIT_S)
        reference = context.reference.get("json", context.files.lines, self.rule_set)
        wrong = compare.alerts(output, reference)
        read = re.search(r"(\d+) readings, (\d+) malformed", launched.said())
        if not read or int(read.group(1)) != reference["readings"]:
            wrong.append("%s, right is %d readings" % (read and read.group(0),
                                                       reference["readings"]))
        return cost, wrong


def by_merchant(job, kind="json", least=None, name="tocsin query"):
    return Query(job, ["--by", "merchantId", "--every", "1m", "--stat", STATISTICS], least, kind,
                 name)


def j4(name="tocsin query"):
    return Query("J4", ["--by", "merchantId", "--window", "60s", "--every", "5s"], 1000,
                 name=name, needs=("--window", "--having"))


def j5(name="tocsin query"):
    return Customers("J5", ["--by", "customerId", "--every", "1m", "--stat", STATISTICS], 5,
                     name=name)


def j1():
    return Query("J1", ["--where", "success == false", "--every", "1m"])


def j7():
    return Query("J7", ["--format", "csv", "--fields", CSV_FIELDS, "--by", "merchantId", "--every",
                        "1m", "--stat", "count, sum(amount)"], kind="csv")
