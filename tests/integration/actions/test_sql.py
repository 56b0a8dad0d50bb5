#!/usr/bin/env python3
"""sql.query: what Python's own SQLite wrote is what a plan reads; nothing is ever written."""
import hashlib
import os
import sqlite3
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import World, support  # noqa: E402

ENDLESS = ("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) "
           "SELECT count(*) AS c FROM n")

PLANS = {
    "reads": """
    local all = ctx:sql("all", { database = "pay", sql = "SELECT * FROM refunds ORDER BY id" })
    local some = ctx:sql("some", { database = "pay", args = { "m2", 10, true },
      sql = "SELECT count(*) AS n, sum(amount) AS total FROM refunds WHERE merchant = ? AND "
        .. "amount > ? AND is_open = ?" })
    local few = ctx:sql("few", { database = "pay", sql = "SELECT id FROM refunds ORDER BY id",
      rows = 2 })
    local none = ctx:sql("none", { database = "near", sql = "SELECT 1 AS one WHERE 0;  " })
    return { all = all, some = some.rows[1], few = few, none = none.row_count }""",
    "refused": """
    local out = {}
    local function try(name, sql, args, database)
      local _, why = ctx:sql(name, { database = database or "pay", sql = sql, args = args },
        { on_fail = "continue", retry = { max = 1 } })
      out[name] = why
    end
    try("write", "DELETE FROM refunds")
    try("two", "SELECT 1; DELETE FROM refunds")
    try("pragma", "PRAGMA journal_mode = DELETE")
    try("attach", "ATTACH '/tmp/x.db' AS x")
    try("extension", "SELECT load_extension('x')")
    try("syntax", "SELEC 1")
    try("table", "SELECT * FROM missing")
    try("count", "SELECT ?", { 1, 2 })
    try("value", "SELECT ?", { {} })
    try("blob", "SELECT x'00ff' AS b")
    try("twice", "SELECT 1 AS a, 2 AS a")
    try("long", "SELECT hex(zeroblob(200000)) AS b")
    try("empty", " -- nothing")
    try("where", "SELECT 1", {}, "elsewhere")
    try("gone", "SELECT 1", {}, "gone")
    return out""",
    "slow": """
    local _, why = ctx:sql("slow", { database = "pay", sql = "%s" },
      { timeout = "300ms", on_fail = "continue", retry = { max = 2, first = "10ms" } })
    return { why = why }""" % ENDLESS,
    "endless": """
    return ctx:sql("endless", { database = "pay", sql = "%s" }, { timeout = "10m" })""" % ENDLESS,
    "quick": """
    return ctx:sql("quick", { database = "pay", sql = "SELECT count(*) AS n FROM refunds" }).rows[1]
    """,
    "locked": """
    return ctx:sql("locked", { database = "busy", sql = "SELECT count(*) AS n FROM t" },
      { timeout = "200ms", retry = { max = 100, first = "20ms", factor = 1 } }).rows[1]""",
}


def digest(path):
    with open(path, "rb") as data:
        return hashlib.sha256(data.read()).hexdigest()


class Sql(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        root = cls.folder.name
        cls.pay, cls.busy = os.path.join(root, "pay.db"), os.path.join(root, "busy.db")
        with sqlite3.connect(cls.pay) as db:
            db.execute("CREATE TABLE refunds (id INTEGER, merchant TEXT, amount REAL, "
                       "is_open INTEGER, note TEXT)")
            db.executemany("INSERT INTO refunds VALUES (?, ?, ?, ?, ?)", [
                (1, "m1", 9.5, 1, "第一"), (2, "m2", 11.25, 1, None), (3, "m2", 20, 1, "x'\n\"y"),
                (4, "m2", 30, 0, ""), (2 ** 60 + 1, "m3", 1e300, 0, "big")])
        db.close()
        with sqlite3.connect(cls.busy) as db:
            db.execute("CREATE TABLE t (x)")
            db.execute("INSERT INTO t VALUES (1)")
        db.close()
        os.mkdir(os.path.join(root, "site"))
        sqlite3.connect(os.path.join(root, "site", "near.db")).close()
        open(os.path.join(root, "site", "near.db"), "ab").close()
        cls.world = World(root, PLANS, """
  databases = { pay = { sqlite = "%s" }, busy = { sqlite = "%s" }, near = { sqlite = "near.db" },
    gone = { sqlite = "/nonexistent/pay.db" } },""" % (cls.pay, cls.busy))

    @classmethod
    def tearDownClass(cls):
        cls.world.close()
        cls.folder.cleanup()

    def test_rows_are_those_that_were_written(self):
        run, result = self.world.play("reads")
        self.assertEqual(result["all"], {
            "columns": ["id", "merchant", "amount", "is_open", "note"], "row_count": 5,
            "cut": False, "rows": [
                {"id": 1, "merchant": "m1", "amount": 9.5, "is_open": 1, "note": "第一"},
                {"id": 2, "merchant": "m2", "amount": 11.25, "is_open": 1},
                {"id": 3, "merchant": "m2", "amount": 20, "is_open": 1, "note": "x'\n\"y"},
                {"id": 4, "merchant": "m2", "amount": 30, "is_open": 0, "note": ""},
                {"id": str(2 ** 60 + 1), "merchant": "m3", "amount": 1e300, "is_open": 0,
                 "note": "big"}]})
        self.assertEqual(result["some"], {"n": 2, "total": 31.25})
        self.assertEqual((result["few"]["rows"], result["few"]["cut"]),
                         ([{"id": 1}, {"id": 2}], True))
        self.assertEqual(result["none"], 0)
        notes = self.world.notes(run)
        self.assertTrue(any("sql pay: SELECT id FROM refunds ORDER BY id: 2 rows" in note
                            for note in notes), notes)
        self.assertFalse(any("m2" in note for note in notes), "values are not on the timeline")

    def test_nothing_but_one_select_is_allowed(self):
        before = digest(self.pay)
        _, why = self.world.play("refused")
        for name, text in (
                ("write", "only SELECT is allowed"), ("two", "only one statement is allowed"),
                ("pragma", "only SELECT is allowed"), ("attach", "only SELECT is allowed"),
                ("extension", "not authorized to use function: load_extension"),
                ("syntax", 'near "SELEC": syntax error'), ("table", "no such table: missing"),
                ("count", "the statement has 1 places for values (?), but args has 2"),
                ("value", "value 1 of args is no text, number or boolean"),
                ("blob", "a column is a blob: ask for hex() of it"),
                ("twice", "two columns have one name"), ("long", "longer than 65536 bytes"),
                ("empty", "there is no statement"),
                ("where", 'the site has no database "elsewhere"'),
                ("gone", "unable to open database file")):
            self.assertIn(text, why[name], name)
        self.assertEqual(digest(self.pay), before)
        self.assertFalse(os.path.exists("/tmp/x.db"))

    def test_a_query_that_never_ends_is_stopped_and_holds_nobody(self):
        endless = [self.world.begin("endless", str(i)) for i in range(3)]
        _, result = self.world.play("quick")
        self.assertEqual(result, {"n": 5})
        run, result = self.world.play("slow")
        self.assertIn("the time of the query is over", result["why"])
        tries = [r for r in run["journal"] if r["type"] == "StepAttempt"]
        self.assertEqual(len(tries), 2, "a read is tried again")
        for run_id in endless:
            self.assertEqual(self.world.command("plan", "cancel", run_id)[0], 0)
            self.world.end(run_id, "cancelled")
        for i in range(3):  # their threads are free again
            self.assertEqual(self.world.play("quick", str(i))[1], {"n": 5})

    def test_a_locked_file_is_waited_for_and_tried_again(self):
        db = sqlite3.connect(self.busy, isolation_level=None)
        db.execute("BEGIN EXCLUSIVE")
        run_id = self.world.begin("locked")

        def failed():
            return any(r["type"] == "StepFailed" for r in self.world.show(run_id)["journal"])
        support.wait_until(failed, 30, "a failure")
        db.execute("INSERT INTO t VALUES (2)")
        db.execute("COMMIT")
        db.close()
        _, result = self.world.end(run_id)
        self.assertEqual(result, {"n": 2})

    def test_z_the_daemon_ends_while_queries_go_on(self):
        run_id = self.world.begin("endless", "left")
        self.world.wait_state(run_id, "running")
        begun = time.monotonic()
        self.world.daemon.stop()
        self.assertLess(time.monotonic() - begun, 10)
        self.world.daemon.start()
        self.world.wait_state(run_id, "running")
        self.assertEqual(self.world.command("plan", "cancel", run_id)[0], 0)
        self.world.end(run_id, "cancelled")


if __name__ == "__main__":
    unittest.main()
