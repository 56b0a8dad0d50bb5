"""Payments for the scenarios here: seconds from the beginning to how many failures of whom."""
import datetime
import json

BEGIN = datetime.datetime(2026, 1, 5)

CONFIG = """
  sources = { pay = { lateness = "2s", idle = "2s", from = { { http = true } } } },
  outputs = { alerts = { file = "alerts.jsonl" } },
  listen = { http = "127.0.0.1:%d" },
"""


def time_text(second):
    return (BEGIN + datetime.timedelta(seconds=second)).isoformat() + "Z"


def lines(seconds, how_many):
    """`how_many(second)` is {merchant: failures}; m0 has one good payment each second."""
    out = []
    for second in range(seconds):
        row = {"time": time_text(second), "merchantId": "m0", "amount": 3, "success": True}
        out.append(json.dumps(row))
        for merchant, count in how_many(second).items():
            row = {"time": time_text(second), "merchantId": merchant, "amount": 3,
                   "success": False}
            out.extend([json.dumps(row)] * count)
    return out


def write(path, seconds, how_many):
    with open(path, "w", encoding="utf-8") as out:
        out.write("\n".join(lines(seconds, how_many)) + "\n")
