#!/usr/bin/env python3
"""Runs every test of a build directory, two suites at a time, and ends in one line of totals.

Suites: Criterion executables (unit_*), Python black-box scenarios (tests/integration/*/test_*.py),
tests/tidy. Output of a suite is shown only when it fails. TOCSIN_LONG=1 makes the scenarios long;
TOCSIN_SEED=n or =random: see tests/support/seed.py.
"""
import argparse
import concurrent.futures
import glob
import os
import re
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests/support"))
from seed import SEED  # noqa: E402

LIMIT_S = 3600 if os.environ.get("TOCSIN_LONG") else 600
CRITERION = re.compile(r"Tested:.*?(\d+).*?Passing:.*?(\d+).*?Failing:.*?(\d+).*?Crashing:.*?(\d+)")
UNITTEST = re.compile(r"^Ran (\d+) tests?", re.M)
UNITTEST_BAD = re.compile(r"(?:failures|errors)=(\d+)")


def suites(build):
    tests = os.path.join(build, "tests")
    for path in sorted(glob.glob(os.path.join(tests, "unit_*"))):
        if os.access(path, os.X_OK) and os.path.isfile(path):
            yield os.path.basename(path), [path, "--color=never"]
    for path in sorted(glob.glob(os.path.join(ROOT, "tests/integration/*/test_*.py"))):
        name = os.path.relpath(path, os.path.join(ROOT, "tests"))
        yield name, [sys.executable, path]
    yield "tidy", [sys.executable, os.path.join(ROOT, "tests/tidy/tidy.py")]


def count(name, output, code):
    """(passed, failed) as the suite itself tells it; a suite that tells nothing is one test."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", output)
    found = CRITERION.search(text)
    if found:
        tested, passed, _, _ = map(int, found.groups())
        return passed, max(tested - passed, 1 if code else 0)
    found = UNITTEST.search(text)
    if found:
        bad = sum(int(n) for n in UNITTEST_BAD.findall(text))
        return int(found.group(1)) - bad, max(bad, 1 if code else 0)
    return (0, 1) if code else (1, 0)


def run(name, command, environment):
    start = time.monotonic()
    try:
        done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=LIMIT_S, check=False)
        output, code = done.stdout.decode(errors="replace"), done.returncode
    except subprocess.TimeoutExpired as late:
        output, code = (late.stdout or b"").decode(errors="replace") + "\ntimed out", 1
    return name, output, code, time.monotonic() - start


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example: python3 tests/run.py build query unit_core")
    parser.add_argument("build", nargs="?", default="build", help="default: build")
    parser.add_argument("words", nargs="*", help="only suites with one of them in their name")
    options = parser.parse_args()
    build, wanted = os.path.abspath(options.build), options.words
    if not os.access(os.path.join(build, "tocsin"), os.X_OK):
        parser.error("%s has no program; `make build` makes it in build/" % options.build)
    print("TOCSIN_SEED=%d" % SEED, flush=True)
    environment = dict(os.environ, TOCSIN_SEED=str(SEED), PYTHONHASHSEED="0",
                       TOCSIN_BIN=os.path.join(build, "tocsin"),
                       TOCSIN_GEN=os.path.join(build, "tocsin-gen"),
                       ASAN_OPTIONS="detect_leaks=1:abort_on_error=0",
                       TSAN_OPTIONS="suppressions=" + os.path.join(ROOT, "tests/support/tsan.supp"))
    passed = failed = 0
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        jobs = [pool.submit(run, name, command, environment) for name, command in suites(build)
                if not wanted or any(word in name for word in wanted)]
        for job in concurrent.futures.as_completed(jobs):
            name, output, code, seconds = job.result()
            good, bad = count(name, output, code)
            passed, failed = passed + good, failed + bad
            print("%-4s %-44s %4d passed %3d failed %6.1f s"
                  % ("ok" if bad == 0 else "FAIL", name, good, bad, seconds), flush=True)
            if bad:
                print(output[-20000:], flush=True)
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
