"""Is an answer right? Rows are compared with the reference, whatever their order."""
import csv
import json

# Of each job: how many of the first columns are the key, and what the others are.
COLUMNS = {
    "J1": (1, ["count"]),
    "J2": (2, ["count", "sum", "max"]),
    "J3": (2, ["count", "sum", "max"]),
    "J4": (2, ["count"]),
    "J5": (2, ["count", "sum", "max"]),
    "J6": (2, ["count", "sum", "max"]),
    "J7": (2, ["count", "sum"]),
}
SHOWN = 3


def number(kind, text):
    """Sums in whole cents, everything else as it is: both sides are then compared exactly."""
    value = float(text)
    if kind == "sum":
        return round(value * 100)
    return int(value) if value.is_integer() else value


def rows_of(lines, keys, kinds):
    rows = {}
    for row in csv.reader(lines):
        if not row or row[0] in ("window_start", "window_end"):
            continue
        key = tuple(row[:keys])
        values = tuple(number(kind, text) for kind, text in zip(kinds, row[keys:]))
        if len(values) != len(kinds):
            raise ValueError("a row has too few columns: %s" % row)
        rows[key] = None if key in rows else values
    return rows


def differences(found, expected):
    """Texts of what differs; at most SHOWN of them, and how many there are in all."""
    texts, count = [], 0
    for key in sorted(set(found) | set(expected)):
        if found.get(key) == expected.get(key) and key in found:
            continue
        count += 1
        if len(texts) < SHOWN:
            name = " ".join(str(part) for part in key)
            if key not in found:
                texts.append("%s is missing" % name)
            elif key not in expected:
                texts.append("%s is too much" % name)
            else:
                texts.append("%s: %s, right is %s" % (name, found[key], expected[key]))
    return ["%d of %d rows differ: %s" % (count, len(expected), "; ".join(texts))] if count else []


def table(job, path, reference, values=None, keep=None):
    """`values`: how many of the value columns this program answers (all). `keep`: rows to look
    at, for a program that cannot leave the others out itself."""
    keys, kinds = COLUMNS[job]
    kinds = kinds[:values] if values else kinds
    expected = {tuple(row[:keys]): tuple(number(kind, value) for kind, value
                                         in zip(kinds, row[keys:])) for row in reference["rows"]}
    try:
        with open(path, encoding="utf-8", errors="replace") as lines:
            found = rows_of(lines, keys, kinds)
    except (ValueError, OSError) as fault:
        return ["no answer: %s" % fault]
    if keep:
        found = {key: value for key, value in found.items() if keep(value)}
    return differences(found, expected)


def alerts(path, reference, until=None):
    """Alert documents. With `until` (text of a time) windows that end later may be there or not:
    a daemon judges them when its source has been silent for a while."""
    expected = {(end, rule, tuple(key), state): value
                for end, rule, key, state, value in reference["rows"]}
    found = {}
    try:
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                one = json.loads(line)
                key = (one["window_end"], one["rule"], tuple(one["dimension"].values()),
                       one["state"])
                if key in found:
                    return ["the alert %s is there twice" % (key,)]
                found[key] = one.get("value")
    except FileNotFoundError:
        pass  # a daemon makes the file with the first alert
    except (ValueError, KeyError, OSError) as fault:
        return ["no answer: %s" % fault]
    for key in list(expected):
        if until and key[0] > until and key not in found:
            del expected[key]
    for key, value in expected.items():
        if value is not None and found.get(key) is not None and key in found:
            if abs(found[key] - value) <= 1e-9 * abs(value):
                found[key] = value
    return differences(found, expected)


def line(path, right):
    """A program that prints one number (wc -l, grep -c)."""
    with open(path, encoding="utf-8") as lines:
        words = lines.read().split()
    return [] if words[:1] == [str(right)] else ["%s, right is %s" % (words[:1], right)]
