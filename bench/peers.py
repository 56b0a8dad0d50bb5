"""The other programs: floors everybody knows, scripts people write, databases, log tools, engines.

Slow ones read only the first lines; figures are per reading of what they read.
"""
import os
import shutil

import compare
from program import Command

HERE = os.path.dirname(os.path.abspath(__file__))
PEERS = os.path.join(HERE, "peers")
MILLION = 1000000
KINDS = {"J6": "shapes", "J7": "csv"}
FAILED = '"success":false'


def needs(*programs):
    def missing(_):
        absent = [program for program in programs if not shutil.which(program)]
        return "%s is not installed" % ", ".join(absent) if absent else None
    return missing


def needs_duckdb(context):
    if not shutil.which("node"):
        return "node is not installed"
    if not os.path.isdir(os.path.join(context.tools, "node_modules/@duckdb/node-api")):
        return "npm's @duckdb/node-api is not there: packaging/install-bench-deps.sh"
    return None


def wc():
    return Command("wc -l", None, ["wc", "-l", "INPUT"], note="a floor: finds the line ends",
                   check=lambda c, path: compare.line(path, c.files.lines))


def grep():
    def check(context, path):
        rows = context.reference.get("json", context.files.lines, "J1")["rows"]
        return compare.line(path, sum(row[1] for row in rows))
    return Command("grep -c", None, ["grep", "-c", FAILED, "INPUT"], check=check,
                   note="a floor: the total, no minutes")


def awk(program, job, lines=MILLION):
    kind = KINDS.get(job, "json")
    words = ([program, "-F,", "-f", os.path.join(PEERS, "awk/csv.awk")] if job == "J7" else
             [program, "-F\"", "-v", "job=" + job, "-f", os.path.join(PEERS, "awk/json.awk")])
    return Command(program, job, words + ["INPUT"], kind, lines, needs=needs(program))


def duckdb(job, threads):
    words = ["node", os.path.join(PEERS, "duckdb.mjs"), job, "INPUT", "OUTPUT", str(threads)]
    return Command("DuckDB, %d thread%s" % (threads, "s" if threads > 1 else ""), job, words,
                   KINDS.get(job, "json"), needs=needs_duckdb,
                   environment={"BENCH_NODE": "{c.tools}"})


def duckdb_read_json():
    words = ["node", os.path.join(PEERS, "duckdb.mjs"), "J6_READ_JSON", "INPUT", "OUTPUT", "1"]
    return Command("DuckDB, read_json", "J6", words, "shapes", MILLION, needs=needs_duckdb,
                   environment={"BENCH_NODE": "{c.tools}"},
                   note="read_json with ignore_errors loses readings beside broken lines; the "
                        "other DuckDB rows of J6 take each line as text")


def node(job):
    words = ["node", os.path.join(PEERS, "script.mjs"), job, "INPUT", "OUTPUT"]
    return Command("Node script", job, words, KINDS.get(job, "json"), MILLION, needs=needs("node"))
