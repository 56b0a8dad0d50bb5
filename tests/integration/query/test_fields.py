#!/usr/bin/env python3
"""A misspelt field of a query is said: its rows would be empty without a word."""
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../support"))
from daemon import TOCSIN  # noqa: E402

LINE = '{"time":%d,"merchantId":"m1","amount":%d,"customer":{"city":"Graz"}}\n'


class Fields(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        with open(os.path.join(self.folder.name, "pay.jsonl"), "w", encoding="ascii") as out:
            for i in range(50):
                out.write(LINE % (1767225600 + i, i))

    def notes(self, *arguments, name="pay.jsonl", data=None):
        done = subprocess.run([TOCSIN, "query", name, *arguments], cwd=self.folder.name,
                              input=data, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stderr

    def test_each_unknown_name_is_said_once_with_the_nearest(self):
        notes = self.notes("--by", "merchantID", "--stat", "count, sum(amuont)",
                           "--where", "amuont > 0 or customer.town == 'Graz'")
        self.assertEqual(notes, (
            'note: none of the first 50 readings of pay.jsonl has a field "merchantID"; '
            'did you mean "merchantId"?\n'
            'note: none of the first 50 readings of pay.jsonl has a field "amuont"; '
            'did you mean "amount"?\n'
            'note: none of the first 50 readings of pay.jsonl has a field "customer.town"\n'))

    def test_right_names_are_no_news(self):
        self.assertEqual(self.notes("--by", "customer.city", "--stat", "sum(amount)",
                                    "--where", "merchantId == 'm1'"), "")

    def test_nothing_is_known_of_a_pipe_or_an_empty_file(self):
        self.assertEqual(self.notes("--by", "nope", name="-", data=LINE % (1767225600, 1)), "")
        open(os.path.join(self.folder.name, "empty"), "w", encoding="ascii").close()
        self.assertEqual(self.notes("--by", "nope", name="empty"), "")


if __name__ == "__main__":
    unittest.main()
