#!/usr/bin/env python3
"""tocsin query against an independent computation. See README.md."""

import csv
import io
import json
import os
import subprocess
import sys
import tempfile
import threading
import unittest

import generate

BINARY = os.environ.get("TOCSIN_BIN", "build/tocsin")
COUNT = 5000000 if os.environ.get("TOCSIN_LONG") == "1" else 200000
STATS = ["--stat", "count, sum(amount), max(cost_time)"]


def query(*args, data=None, **options):
    return subprocess.run([BINARY, "query", *args], input=data, capture_output=True,
                          check=False, timeout=600, **options)


class QueryTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def write(self, name, lines, end=b"\n"):
        count = 0
        with open(self.path(name), "wb", buffering=1 << 20) as out:
            for line in lines:
                out.write(line + end)
                count += 1
        return self.path(name), count

    def write_readings(self, name, line_of=generate.json_line, by=("merchant",), every_s=60,
                       keep=None, malformed=0.0, out_of_order=0.0, count=COUNT, totals=None):
        """Writes the file and returns its path, the expected totals and the number of lines."""
        totals = totals or generate.Totals(by, every_s)

        def counted():
            for reading in generate.readings(count, out_of_order=out_of_order):
                if keep is None or keep(reading):
                    totals.add(reading)
                yield reading

        path, line_count = self.write(name, generate.lines(counted(), line_of, malformed))
        return path, totals, line_count

    def expect_rows(self, result, totals, header):
        self.assertEqual(result.returncode, 0, result.stderr.decode())
        rows = list(csv.reader(io.StringIO(result.stdout.decode(), newline="")))
        self.assertEqual(rows[0], header)
        expected = list(totals.rows())
        self.assertEqual(len(rows) - 1, len(expected))
        for row, want in zip(rows[1:], expected):
            # The sum is correctly rounded: the very double that math.fsum gives.
            self.assertEqual([*row[:-2], float(row[-2]), row[-1]], want)

    HEADER = ["window_start", "merchantId", "count", "sum(amount)", "max(cost_time)"]
    PLAIN = ["--by", "merchantId", "--every", "1m", *STATS]

    def test_plain(self):
        path, totals, _ = self.write_readings("pay.jsonl")
        result = query(path, *self.PLAIN)
        self.expect_rows(result, totals, self.HEADER)
        self.assertEqual(result.stderr, b"")

    def test_one_percent_malformed(self):
        path, totals, lines = self.write_readings("pay.jsonl", malformed=0.01)
        result = query(path, *self.PLAIN)
        self.expect_rows(result, totals, self.HEADER)
        self.assertIn(b"%d malformed lines of %d " % (lines - COUNT, lines), result.stderr)
        self.assertEqual(result.stderr.count(b"pay.jsonl:"), 3)

    def test_five_percent_out_of_order(self):
        path, totals, _ = self.write_readings("pay.jsonl", out_of_order=0.05)
        result = query(path, *self.PLAIN)
        self.expect_rows(result, totals, self.HEADER)
        self.assertNotIn(b"later than", result.stderr)

    def test_three_pieces(self):
        path, totals, _ = self.write_readings("pay.jsonl", count=COUNT // 2)
        with open(path, "rb") as whole:
            lines = whole.read().splitlines()
        # Interleaved, so that every piece covers the whole hour.
        pieces = [self.write("pay.%d" % i, lines[i::3])[0] for i in range(3)]
        self.expect_rows(query(*pieces, *self.PLAIN), totals, self.HEADER)

    def test_csv_with_header_and_with_fields(self):
        path, totals, _ = self.write_readings("pay.csv", line_of=generate.csv_line,
                                              by=("merchant", "city"))
        with open(path, "rb") as plain, open(self.path("header.csv"), "wb") as out:
            out.write(",".join(generate.CSV_COLUMNS).encode() + b"\r\n")
            out.write(plain.read().replace(b"\n", b"\r\n"))
        options = ["--format", "csv", "--by", "merchantId,city", "--every", "1m", *STATS]
        header = ["window_start", "merchantId", "city", *self.HEADER[2:]]
        self.expect_rows(query(self.path("header.csv"), *options), totals, header)
        fields = ["--fields", ",".join(generate.CSV_COLUMNS)]
        self.expect_rows(query(path, *options, *fields), totals, header)

    def test_standard_input(self):
        path, totals, _ = self.write_readings("pay.jsonl", count=20000)
        with open(path, "rb") as whole:
            data = whole.read()
        self.expect_rows(query("-", *self.PLAIN, data=data), totals, self.HEADER)
        self.expect_rows(query("-", *self.PLAIN, data=data[:-1]), totals, self.HEADER)

    def test_slow_pipe_in_odd_pieces(self):
        path, totals, _ = self.write_readings("pay.jsonl", count=500, out_of_order=0.05)
        with open(path, "rb") as whole:
            data = whole.read()
        with subprocess.Popen([BINARY, "query", "-", *self.PLAIN], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            for at in range(0, len(data), 173):
                process.stdin.write(data[at:at + 173])
                process.stdin.flush()
            out, err = process.communicate()
        result = subprocess.CompletedProcess([], process.returncode, out, err)
        self.expect_rows(result, totals, self.HEADER)

    def test_where(self):
        path, totals, _ = self.write_readings(
            "pay.jsonl", keep=lambda r: not r.success and r.amount > 100)
        where = ["--where", "success == false and amount > 100"]
        self.expect_rows(query(path, *self.PLAIN, *where), totals, self.HEADER)

    def test_nested_fields(self):
        path, totals, _ = self.write_readings("pay.jsonl", by=("city",), every_s=300,
                                              keep=lambda r: r.customer.startswith("c1"))
        result = query(path, "--by", "customer.city", "--every", "5m", *STATS,
                       "--where", 'customer.id:starts("c1")')
        self.expect_rows(result, totals, ["window_start", "customer.city", *self.HEADER[2:]])

    def test_all_time_in_one_row(self):
        path, totals, _ = self.write_readings("pay.jsonl", by=(), every_s=None)
        self.expect_rows(query(path, *STATS), totals, ["window_start", *self.HEADER[2:]])

    def test_everything_together(self):
        path, totals, lines = self.write_readings(
            "pay.jsonl", by=("merchant", "city"), every_s=7, malformed=0.01, out_of_order=0.05,
            keep=lambda r: r.amount >= 10 and r.city != "Berlin", count=COUNT // 2)
        with open(path, "rb") as whole:
            all_lines = whole.read().splitlines()
        third = len(all_lines) // 3
        pieces = [self.write("pay.%d" % i, piece, end=b"\r\n")[0] for i, piece in enumerate(
            [all_lines[third:2 * third], all_lines[:third], all_lines[2 * third:]])]
        with open(pieces[2], "rb") as last:
            data = last.read()
        result = query(pieces[0], pieces[1], "-", "--by", "merchantId,customer.city", "--every",
                       "7s", *STATS, "--where", "amount >= 10 and customer.city ~= 'Berlin'",
                       data=data)
        self.expect_rows(result, totals,
                         ["window_start", "merchantId", "customer.city", *self.HEADER[2:]])
        self.assertIn(b"%d malformed lines of %d " % (lines - COUNT // 2, lines), result.stderr)

    def test_sliding_windows(self):
        cases = [(60, 5, "1m", "5s"), (21, 7, "21s", "7s"), (3600, 300, "1h", "5m")]
        for window_s, every_s, window, every in cases:
            with self.subTest(window=window, every=every):
                path, totals, _ = self.write_readings(
                    "pay.jsonl", malformed=0.01, out_of_order=0.05, count=COUNT // 10,
                    totals=generate.SlidingTotals(("merchant",), every_s, window_s))
                result = query(path, "--by", "merchantId", "--window", window, "--every", every,
                               *STATS)
                self.expect_rows(result, totals, self.HEADER)

    def test_sliding_windows_over_gaps(self):
        # Silent for longer than a window, and for years; one reading before 1970's first window.
        seconds = [1, 2, 9, 40, 41, 100000000, 100000003, 2000000000]
        data = "".join('{"time":%d}\n' % second for second in seconds).encode()
        result = query("-", "--window", "15s", "--every", "5s", "--output", "json", data=data)
        found = {row["window_start"]: row["count"]
                 for row in map(json.loads, result.stdout.splitlines())}
        expected = {}
        for second in seconds:
            for start in range(second // 5 * 5 - 10, second // 5 * 5 + 1, 5):
                text = generate.start_text(start)
                expected[text] = expected.get(text, 0) + 1
        self.assertEqual(found, expected)
        self.assertEqual(list(found), sorted(found))

    def test_window_as_long_as_its_step_does_not_overlap(self):
        path, totals, _ = self.write_readings("pay.jsonl", count=20000)
        for options in (["--window", "1m", "--every", "1m"], ["--window", "60s"]):
            result = query(path, "--by", "merchantId", *options, *STATS)
            self.expect_rows(result, totals, self.HEADER)

    def test_having(self):
        cases = [
            ("count >= 100", lambda count, total, cost: count >= 100),
            ("count<100 and sum(amount) > 40000.5 and max( cost_time )~=899",
             lambda count, total, cost: count < 100 and total > 40000.5 and cost != 899),
            ("max(cost_time) == 899", lambda count, total, cost: cost == 899),
            ("min(amount) <= 1.5", None),
            ("count > 1e9", lambda count, total, cost: False),
        ]
        path, totals, _ = self.write_readings("pay.jsonl", out_of_order=0.05, count=COUNT // 2)
        whole = query(path, *self.PLAIN, "--stat", "min(amount)")
        least = {tuple(row[:2]): float(row[2]) for row in csv.reader(
            io.StringIO(whole.stdout.decode(), newline="")) if row[2] != "min(amount)"}
        for text, condition in cases:
            with self.subTest(having=text):
                result = query(path, *self.PLAIN, "--having", text)
                if condition:
                    self.expect_rows(result, generate.Having(totals, condition), self.HEADER)
                    continue
                rows = list(csv.reader(io.StringIO(result.stdout.decode(), newline="")))[1:]
                self.assertEqual([tuple(row[:2]) for row in rows],
                                 [key for key, value in least.items() if value <= 1.5])

    def test_having_with_sliding_windows(self):
        sliding = generate.SlidingTotals(("merchant", "city"), 10, 60)
        path, totals, _ = self.write_readings(
            "pay.csv", line_of=generate.csv_line, count=COUNT // 10,
            totals=generate.Having(sliding, lambda count, total, cost: count >= 20))
        result = query(path, "--format", "csv", "--fields", ",".join(generate.CSV_COLUMNS), "--by",
                       "merchantId,city", "--window", "1m", "--every", "10s", *STATS, "--having",
                       "count >= 20")
        self.expect_rows(result, totals, ["window_start", "merchantId", "city", *self.HEADER[2:]])

    def test_a_statistic_without_a_value_fulfils_no_condition(self):
        data = b'{"time":1,"a":"x"}\n{"time":1,"a":"y","v":2}\n'
        for having in ("avg(v) < 5", "avg(v) ~= 1"):
            result = query("-", "--by", "a", "--having", having, data=data)
            self.assertEqual(result.stdout, b"window_start,a,count\n,y,1\n")

    def test_high_cardinality(self):
        path, totals, _ = self.write_readings("pay.jsonl", by=("customer",), out_of_order=0.05)
        result = query(path, "--by", "customer.id", "--every", "1m", *STATS)
        self.expect_rows(result, totals, ["window_start", "customer.id", *self.HEADER[2:]])
        sliding = generate.SlidingTotals(("customer",), 60, 240)
        path, totals, _ = self.write_readings("pay.jsonl", out_of_order=0.05, count=COUNT // 10,
                                              totals=sliding)
        result = query(path, "--by", "customer.id", "--every", "1m", "--window", "4m", *STATS)
        self.expect_rows(result, totals, ["window_start", "customer.id", *self.HEADER[2:]])

    def test_rows_do_not_depend_on_how_the_input_comes(self):
        cases = [("pay.jsonl", generate.json_line, []),
                 ("pay.csv", generate.csv_line,
                  ["--format", "csv", "--fields", ",".join(generate.CSV_COLUMNS)])]
        for name, line_of, options in cases:
            path, _, _ = self.write_readings(name, line_of=line_of, malformed=0.01,
                                             out_of_order=0.05, count=20000)
            with open(path, "rb") as whole:
                data = whole.read()
            ask = [*options, "--by", "merchantId", "--window", "1m", "--every", "5s", *STATS]
            expected = query(path, *ask)
            self.assertEqual(expected.returncode, 0)
            for piece in (997, 65536, 300001):
                with subprocess.Popen([BINARY, "query", "-", *ask], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
                    def feed():
                        for at in range(0, len(data), piece):
                            process.stdin.write(data[at:at + piece])
                            process.stdin.flush()
                        process.stdin.close()
                    feeder = threading.Thread(target=feed)
                    feeder.start()
                    out = process.stdout.read()
                    feeder.join()
                self.assertEqual(out, expected.stdout, piece)

    def test_json_output(self):
        path, totals, _ = self.write_readings("pay.jsonl", by=("city",), count=5000)
        result = query(path, "--by", "customer.city", "--every", "1m", "--output", "json", *STATS)
        rows = [json.loads(line) for line in result.stdout.splitlines()]
        self.assertEqual(
            [[row["window_start"], row["customer.city"], str(row["count"]), row["sum(amount)"],
              str(row["max(cost_time)"])] for row in rows], list(totals.rows()))

    def test_what_a_terminal_would_obey_is_escaped_in_text(self):
        texts = ["a\x1b[2Jb", "\x07", "x\x9by", "\x00", "tab\tnew\nline", "\u5e97"]
        path, _ = self.write("c.jsonl", [json.dumps({"time": 60, "m": text}).encode()
                                         for text in texts])
        result = query(path, "--by", "m", "--every", "1m", "--stat", "count")
        rows = list(csv.reader(io.StringIO(result.stdout.decode(), newline="")))[1:]
        self.assertEqual(sorted(row[1] for row in rows),
                         sorted([r"a\x1b[2Jb", r"\x07", r"x\x9by", r"\x00", texts[4], texts[5]]))
        self.assertNotRegex(result.stdout.decode(), "[\x00-\x08\x0b-\x1f\x7f-\x9f]")
        result = query(path, "--by", "m", "--every", "1m", "--stat", "count", "--output", "json")
        rows = [json.loads(line) for line in result.stdout.splitlines()]
        self.assertEqual(sorted(row["m"] for row in rows), sorted(texts))

    def test_missing_statistic_is_empty(self):
        data = (b'{"time":1,"a":"x"}\n{"time":1,"a":"y","v":2}\n'
                b'{"time":1,"v":3}\n{"time":2,"a":""}\n')
        result = query("-", "--by", "a", "--stat", "count, avg(v)", data=data)
        self.assertEqual(result.stdout,
                         b'window_start,a,count,avg(v)\n,,1,3\n,"",1,\n,x,1,\n,y,1,2\n')
        result = query("-", "--by", "a", "--stat", "min(v)", "--output", "json", data=data)
        self.assertIn(b'{"window_start":null,"a":"x","min(v)":null}\n', result.stdout)

    def test_late_readings_are_counted_and_told(self):
        lines = ['{"time":%d}\n' % second for second in range(0, 200)]
        filler = ['{"time":200,"fill":"%s"}\n' % ("x" * 1000)] * 2200  # more than one block
        late = ['{"time":3}\n'] * 2 + ['{"time":196}\n']
        data = "".join(lines + filler + late).encode()
        result = query("-", "--every", "10s", data=data)
        self.assertEqual(result.returncode, 0)
        self.assertIn(b"2 readings came later than the lateness 5s and are not in the result; "
                      b"use --lateness", result.stderr)
        self.assertIn(b"1970-01-01T00:00:00Z,10\n", result.stdout)
        self.assertIn(b"1970-01-01T00:03:10Z,11\n", result.stdout)
        result = query("-", "--every", "10s", "--lateness", "5m", data=data)
        self.assertEqual(result.stderr, b"")
        self.assertIn(b"1970-01-01T00:00:00Z,12\n", result.stdout)

    def test_exit_codes(self):
        good = b'{"time":1}\n'
        self.assertEqual(query("-", data=b"").returncode, 0)
        self.assertEqual(query("-", data=b"rubbish\n" + good).returncode, 0)
        self.assertEqual(query("-", data=b"rubbish\n").returncode, 1)
        self.assertEqual(query(self.path("absent")).returncode, 1)
        self.assertEqual(query(self.folder.name).returncode, 1)
        self.assertEqual(query("--help").returncode, 0)

    def test_usage_errors_say_what_is_allowed(self):
        cases = [
            ([], b"no INPUT"),
            (["-", "--evry", "1m"], b"did you mean --every"),
            (["-", "--every", "1500ms"], b"whole seconds"),
            (["-", "--every"], b"needs a value"),
            (["-", "--stat", "median(x)"], b"stddev(F), distinct(F)"),
            (["-", "--stat", "sum"], b"written as"),
            (["-", "--format", "xml"], b"must be json or csv"),
            (["-", "--where", "amount >"], b""),
            (["-", "--fields", "time,merchantId", "--by", "merchantid"],
             b'did you mean "merchantId"?'),
            (["-", "--format", "csv", "--fields", "a,b"], b'no column is named "time"'),
            (["-", "-"], b"twice"),
            (["-", "--source", "pay"], b"--source needs --site"),
            (["-", "--window", "1m", "--every", "7s"], b"--window 1m must be a multiple of"),
            (["-", "--window", "5s", "--every", "1m"], b"--window 5s must be a multiple of"),
            (["-", "--window", "1500ms"], b"--window \"1500ms\": must be whole seconds"),
            (["-", "--window", "300d", "--every", "1s"], b"the most allowed"),
            (["-", "--having", "count"], b"must be ==, ~=, <, <=, > or >= and a number"),
            (["-", "--having", "count = 5"], b"\"= 5\" must be =="),
            (["-", "--having", "count >= many"], b"\"many\" is not a number"),
            (["-", "--having", "count >= 5 or count < 2"], b'conditions are joined by "and"'),
            (["-", "--having", "count >= 5 and"], b"unknown statistic"),
            (["-", "--having", "p100(x) > 5"], b"--having \"p100(x)\": unknown statistic"),
            (["-", "--having", "sum > 5"], b"written as sum(F)"),
            (["-", "--fields", "time,a", "--having", "sum(b) > 5"], b'unknown field "b"'),
        ]
        for args, text in cases:
            with self.subTest(args=args):
                result = query(*args, data=b'{"time":1}\n')
                self.assertEqual(result.returncode, 2, result.stderr)
                self.assertIn(text, result.stderr)
                self.assertEqual(result.stdout, b"")

    def test_site_gives_format_and_lateness(self):
        site = os.path.join(self.folder.name, "site")
        os.mkdir(site)
        with open(os.path.join(site, "tocsin.lua"), "w", encoding="utf-8") as out:
            out.write('return { sources = {\n'
                      '  pay = { format = "csv", columns = { "at", "merchantId", "amount" },\n'
                      '    time = "at", fields = { merchantId = "string", amount = "float" },\n'
                      '    from = { { stdin = true } }, lateness = "1h" } } }\n')
        data = b"4000,7,1\n10,8,2\n4000,x,y\n"
        result = query("-", "--site", site, "--source", "pay", "--by", "merchantId", "--every",
                       "1m", "--stat", "sum(amount)", data=data)
        self.assertEqual(result.stdout, b"window_start,merchantId,sum(amount)\n"
                         b"1970-01-01T00:00:00Z,8,2\n1970-01-01T01:06:00Z,7,1\n"
                         b"1970-01-01T01:06:00Z,x,\n", result.stderr)
        result = query("-", "--site", site, "--source", "pya", data=data)
        self.assertEqual(result.returncode, 2)
        self.assertIn(b'did you mean "pay"?', result.stderr)
        result = query("-", "--site", site, "--stat", "sum(merchantId)", data=data)
        self.assertEqual(result.returncode, 2)
        self.assertIn(b"declared string", result.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
