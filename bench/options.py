"""The command line of bench/run.py."""
import argparse
import os

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LINES = 5000000
QUICK_LINES = 200000
RUNS = 5
EXAMPLES = """examples:
  make bench                                       everything, about 20 minutes
  make bench-quick                                 200,000 lines, one run: are the answers right?
  bench/run.py --build build --jobs J1,J2 --runs 11
  bench/run.py --build build --jobs J2 --peers duckdb1,mawk --lines 1000000 --json j2.json
  bench/run.py --build build --jobs S --also build-clang --gen '--merchants 50'
  BENCH_DIR=/mnt/big bench/run.py --build build    files there, and kept for the next time

The table goes to standard output, progress to standard error. Exit code: 0 every answer of ours
is right, 1 one is wrong or a run failed, 2 usage. A peer's wrong answer is shown, it is no failure.
"""


def words(text):
    return [word for word in text.replace(" ", "").split(",") if word]


def parse(arguments, job_names, peer_names, quick_peers):
    parser = argparse.ArgumentParser(
        prog="bench/run.py", formatter_class=argparse.RawDescriptionHelpFormatter, epilog=EXAMPLES,
        description="Measures tocsin and other programs on the same questions, answers checked.")
    parser.add_argument("--build", default=os.path.join(ROOT, "build"), metavar="DIR",
                        help="release build directory (default build)")
    parser.add_argument("--jobs", type=words, default=None, metavar="J1,J2",
                        help="only these: " + ", ".join(job_names))
    parser.add_argument("--peers", type=words, default=None, metavar="A,B",
                        help="only these, besides our own rows: " + ", ".join(peer_names))
    parser.add_argument("--runs", type=int, default=None, metavar="N",
                        help="paired runs of each row (default %d; --quick: 1)" % RUNS)
    parser.add_argument("--lines", type=int, default=None, metavar="N",
                        help="readings to generate (default BENCH_LINES, or %d)" % LINES)
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the generator")
    parser.add_argument("--gen", type=str.split, default=[], metavar="'OPTIONS'",
                        help="more options of tocsin-gen, e.g. '--merchants 50 --late 0.01'")
    parser.add_argument("--also", type=words, default=[], metavar="DIR,DIR",
                        help="other build directories (clang, no vector code …): rows of job S")
    parser.add_argument("--dir", default=os.environ.get("BENCH_DIR"), metavar="DIR",
                        help="for the generated files (default BENCH_DIR, else a tmpfs with room, "
                             "else build/bench-data); a directory that you name is kept")
    parser.add_argument("--json", metavar="FILE", help="the figures of every run, as JSON")
    parser.add_argument("--quick", action="store_true",
                        help="%d lines, 1 run, no Java unless --peers names it" % QUICK_LINES)
    parser.add_argument("--list", action="store_true", help="jobs and peers, and what is missing")
    options = parser.parse_args(arguments)
    for given, known, what in ((options.jobs, job_names, "job"),
                               (options.peers, peer_names, "peer")):
        for name in given or []:
            if name not in known:
                parser.error("there is no %s %s; there are: %s" % (what, name, ", ".join(known)))
    options.build = os.path.abspath(options.build)
    if options.quick and options.peers is None:
        options.peers = quick_peers
    if options.runs is None:
        options.runs = 1 if options.quick else RUNS
    if options.lines is None:
        usual = QUICK_LINES if options.quick else LINES
        options.lines = int(os.environ.get("BENCH_LINES") or usual)
    if options.runs < 1 or options.lines < 1000:
        parser.error("at least 1 run and 1000 lines")
    return options
