#!/usr/bin/env python3
"""How good are smart rules? Precision, recall and delay on labelled series.

    python3 bench/trend.py --build build [--series 60] [--seed 101] [--check docs/smart-rules.md]

Series are made here, seeded: payments in slots of 5 minutes for four weeks, with the seasons of
day and week, noise beyond Poisson's, holidays (a day of another height), lasting shifts of the
level, and the troubles that a detector must find: outages, surges, slow declines and slow climbs.
The first two weeks are history; what is counted happens in the last two. Holidays and shifts are
no troubles: who rings for them is wrong.

An event is found when the detector rings within it; precision is the share of episodes (rings
less than three slots apart) that touch an event; the delay is from the event's begin to the first
ring. Beside it two that everybody writes by hand: a fixed number (a share of the mean of the
first two weeks) and a share of the same time yesterday. All of them see the same slots."""
import argparse
import math
import os
import random
import statistics
import subprocess
import sys

SLOTS_A_DAY = 288
DAYS = 28
HISTORY = 14 * SLOTS_A_DAY
SAMPLES_MIN = 20
KINDS = {
    "sudden_drop": "outage", "sudden_rise": "surge", "slow_drop": "decline", "slow_rise": "climb",
}


def poisson(rng, mean):
    if mean > 50:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    limit, product, count = math.exp(-mean), rng.random(), 0
    while product > limit:
        product *= rng.random()
        count += 1
    return count


def season(shape, slot):
    day, clock = slot // SLOTS_A_DAY, slot % SLOTS_A_DAY / SLOTS_A_DAY
    noon = math.exp(-((clock - shape["peak"]) / shape["width"]) ** 2)
    evening = 0.7 * math.exp(-((clock - 0.8) / 0.08) ** 2)
    return (0.08 + noon + evening) * (shape["weekend"] if day % 7 >= 5 else 1)


def events_of(rng, kind):
    """[(begin, end, factor at a slot)], two a series, in the last two weeks, by day."""
    found = []
    for day in rng.sample(range(14, DAYS), 2):
        begin = day * SLOTS_A_DAY + rng.randrange(108, 216)
        if kind == "outage":
            length, factor = rng.choice([3, 6, 12, 24]), rng.choice([0, 0.1, 0.3, 0.5])
            found.append((begin, begin + length, lambda _, f=factor: f))
        elif kind == "surge":
            length, factor = rng.choice([3, 6, 12, 24]), rng.choice([1.8, 2.5, 4])
            found.append((begin, begin + length, lambda _, f=factor: f))
        else:
            length = rng.choice([36, 48, 72])
            end = rng.choice([0.4, 0.6] if kind == "decline" else [1.6, 2.2])
            found.append((begin, begin + length,
                          lambda slot, b=begin, n=length, e=end: 1 + (e - 1) * (slot - b) / n))
    return found


def make_series(seed, kind):
    rng = random.Random(seed * 1000 + sorted(KINDS.values()).index(kind))
    shape = {"peak": rng.uniform(0.45, 0.55), "width": rng.uniform(0.08, 0.15),
             "weekend": rng.uniform(0.5, 1.3)}
    scale = 10 ** rng.uniform(1.7, 4)
    noise = rng.uniform(0.01, 0.06)
    holiday = rng.randrange(14, DAYS) if rng.random() < 0.5 else None
    holiday_factor = rng.choice([0.5, 0.7, 1.5])
    shift_at = rng.randrange(15 * SLOTS_A_DAY, 26 * SLOTS_A_DAY) if rng.random() < 0.3 else None
    shift_factor = rng.choice([0.8, 1.3])
    events = [event for event in events_of(rng, kind) if event[0] // SLOTS_A_DAY != holiday]
    values, drift = [], 0.0
    for slot in range(DAYS * SLOTS_A_DAY):
        drift = 0.95 * drift + rng.gauss(0, noise * 0.3)
        mean = scale * season(shape, slot) * math.exp(drift + rng.gauss(0, noise))
        if holiday is not None and slot // SLOTS_A_DAY == holiday:
            mean *= holiday_factor
        if shift_at is not None and slot >= shift_at:
            mean *= shift_factor
        for begin, end, factor in events:
            if begin <= slot < end:
                mean *= factor(slot)
        values.append(poisson(rng, mean))
    return values, [(begin, end) for begin, end, _ in events]


def ask_tocsin(binary, kind, sensitivity, all_series):
    def text_of(values):
        def at(slot):
            return str(values[slot]) if slot >= 0 else "-"
        return "\n".join("%d %s %s" % (value, at(i - SLOTS_A_DAY), at(i - 7 * SLOTS_A_DAY))
                         for i, value in enumerate(values))
    done = subprocess.run([binary, kind, sensitivity, str(SLOTS_A_DAY), str(SAMPLES_MIN)],
                          input="\n\n".join(text_of(values) for values, _ in all_series) + "\n",
                          capture_output=True, text=True, check=True)
    rings = [line.startswith("2") for line in done.stdout.splitlines()]
    length = DAYS * SLOTS_A_DAY
    return [rings[i * length:(i + 1) * length] for i in range(len(all_series))]


def ask_fixed(kind, share, all_series):
    answers = []
    for values, _ in all_series:
        mean = statistics.fmean(values[:HISTORY])
        answers.append([value < mean * share if "drop" in kind else value > mean * (2 - share) * 2
                        for value in values])
    return answers


def ask_yesterday(kind, share, all_series):
    answers = []
    for values, _ in all_series:
        before = [0] * SLOTS_A_DAY + values[:-SLOTS_A_DAY]
        answers.append([old >= SAMPLES_MIN and
                        (value < old * share if "drop" in kind else value > old * (2 - share))
                        for value, old in zip(values, before)])
    return answers


def episodes_of(rings):
    episodes = []
    for slot in range(HISTORY, len(rings)):
        if not rings[slot]:
            continue
        if episodes and slot - episodes[-1][1] < 3:
            episodes[-1][1] = slot
        else:
            episodes.append([slot, slot])
    return episodes


def score(all_series, answers):
    found = events_count = right = all_episodes = 0
    delays = []
    for (_, events), rings in zip(all_series, answers):
        episodes = episodes_of(rings)
        all_episodes += len(episodes)
        right += sum(any(first < end and last >= begin for begin, end in events)
                     for first, last in episodes)
        for begin, end in events:
            events_count += 1
            first = next((slot for slot in range(begin, end) if rings[slot]), None)
            if first is not None:
                found += 1
                delays.append(5 * (first - begin + 1))
    false_a_week = (all_episodes - right) / len(all_series) / 2
    return {"precision": right / all_episodes if all_episodes else float("nan"),
            "recall": found / events_count, "delay": statistics.median(delays) if delays else None,
            "false": false_a_week}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build", help="build folder (default: build)")
    parser.add_argument("--series", type=int, default=60, help="series of each kind")
    parser.add_argument("--seed", type=int, default=101, help="of the first series")
    parser.add_argument("--check", metavar="FILE", help="fail unless the file has these lines")
    options = parser.parse_args()
    binary = os.path.join(options.build, "tocsin-trend")
    if not os.path.exists(binary):
        sys.exit("trend.py: %s is not there; build first: make build" % binary)
    lines = ["| trouble | detector | precision | recall | delay, minutes "
             "| wrong a week and series |",
             "|---|---|---|---|---|---|"]
    print("\n".join(lines))
    for kind, trouble in KINDS.items():
        all_series = [make_series(options.seed + i, trouble) for i in range(options.series)]
        rows = [("`%s`, %s" % (kind, name), ask_tocsin(binary, kind, name, all_series))
                for name in ("low", "medium", "high")]
        rows.append(("a fixed number", ask_fixed(kind, 0.2 if "drop" in kind else 0.5, all_series)))
        rows.append(("share of yesterday", ask_yesterday(kind, 0.6, all_series)))
        for name, answers in rows:
            row = score(all_series, answers)
            lines.append("| %s | %s | %.2f | %.2f | %s | %.2f |" % (
                trouble, name, row["precision"], row["recall"],
                "-" if row["delay"] is None else "%.0f" % row["delay"], row["false"]))
            print(lines[-1], flush=True)
    if options.check:
        with open(options.check, encoding="utf-8") as page:
            known = page.read().splitlines()
        stale = [line for line in lines if line not in known]
        if stale:
            sys.exit("%s has other figures than these:\n%s" % (options.check, "\n".join(stale)))


if __name__ == "__main__":
    main()
