#!/usr/bin/env python3
"""Measures tocsin and other programs on the same questions; see bench/README.md."""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import extras  # noqa: E402
import jobs  # noqa: E402
import machine  # noqa: E402
import options as command_line  # noqa: E402
import table  # noqa: E402
from data import Files  # noqa: E402
from machine import say  # noqa: E402
from measure import Failed  # noqa: E402
from program import Context  # noqa: E402
from reference import Reference  # noqa: E402


class Wrong(Exception):
    """An answer of ours is wrong: no figure of that job is worth printing."""


def one_run(context, row, program):
    """The cost of one run, its answer checked; None if it cannot run."""
    try:
        cost, wrong = program.run(context)
    except Failed as fault:
        row.wrong = ["%s failed: %s" % (program.name, str(fault).strip()[-600:])]
        return None
    row.costs.append(cost)
    for text in wrong:
        if text not in row.wrong:
            row.wrong.append(text)
    return cost


def measure_pairs(context, base, row, program, runs):
    """Ours and theirs in turn. A wrong answer gets no further run: its time means nothing."""
    if runs > 1 and not program.is_warm:
        one_run(context, table.Row(row.job, program, 1, 1), program)
    for _ in range(runs):
        ours = one_run(context, base[0], base[1])
        if ours is None or base[0].wrong:
            raise Wrong("%s: %s" % (row.job, "; ".join(base[0].wrong)))
        cost = one_run(context, row, program)
        if cost is None:
            return
        row.pairs.append((ours, cost))
        if row.wrong:
            return


def measure_job(context, job, wanted, runs):
    rows = []
    for short, program in [("", job.base)] + job.others:
        if short and wanted is not None and short not in wanted:
            continue
        row = table.Row(job.name, program, program.line_count(context),
                        job.base.line_count(context))
        row.skipped = program.missing(context)
        row.is_ours = not short
        rows.append((row, program))
    base = rows[0]
    if base[0].skipped:
        return [base[0]]
    try:
        if all(row.skipped for row, _ in rows[1:]):
            for _ in range(runs):
                one_run(context, *base)
        for row, program in rows[1:]:
            say("%s: %s%s" % (job.name, program.name, " is skipped: " + row.skipped
                              if row.skipped else ""))
            if not row.skipped:
                measure_pairs(context, base, row, program, runs)
    except Wrong as fault:
        say("WRONG: %s" % fault)
    return [row for row, _ in rows]


def points(all_jobs, context):
    """Numbers of first lines for which the reference is needed too."""
    counts = {program.line_count(context) for job in all_jobs
              for _, program in [(None, job.base)] + job.others}
    return sorted(counts - {context.files.lines})


def show_list(all_jobs, context):
    for job in all_jobs:
        print("%-3s %s" % (job.name, job.title))
        for short, program in [(None, job.base)] + job.others:
            print("      %-11s %-26s %s" % (short or "", program.name,
                                            program.missing(context) or ""))


def wanted_extras(options):
    if options.jobs is None:
        return [] if options.quick else extras.there()
    return [name for name in options.jobs if name in extras.FILES]


def measure_all(context, all_jobs, options):
    """The rows of the wanted jobs; none of the jobs: no file is made but what extras need."""
    wanted = [job for job in all_jobs if options.jobs is None or job.name in options.jobs]
    rows = []
    if wanted or "http" in wanted_extras(options):
        context.files.generate()
    if wanted:
        context.reference = Reference(context.files, options.build)
        context.reference.prepare(points(wanted, context))
    for job in wanted:
        rows += measure_job(context, job, options.peers, options.runs)
    return rows


def show(rows, files, options):
    known = machine.facts(command_line.ROOT)
    known["load_before"] = options.load_before
    print(machine.line(known))
    if rows:
        print("%s; %d paired run%s" % (files.describe(), options.runs, "s" * (options.runs > 1)))
        print(table.text(rows), flush=True)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as out:
            json.dump({"machine": known, "files": files.sums, "runs": options.runs,
                       "rows": [row.facts() for row in rows]}, out, indent=1)


def is_bad(row):
    return row.is_ours and bool(row.wrong or not (row.costs or row.skipped))


def main():
    names = [job.name for job in jobs.build()] + list(extras.FILES)
    options = command_line.parse(sys.argv[1:], names, jobs.PEER_NAMES, jobs.QUICK_PEERS)
    options.load_before = os.getloadavg()[0]
    all_jobs = jobs.build(options.also)
    files = Files(options)
    context = Context(options, files, None)
    try:
        files.open()
        if options.list:
            show_list(all_jobs, context)
            return 0
        rows = measure_all(context, all_jobs, options)
        show(rows, files, options)
        failed = [name for name in wanted_extras(options)
                  if extras.run(name, options.build, files) != 0]
    finally:
        files.remove()
    return 1 if failed or any(is_bad(row) for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
