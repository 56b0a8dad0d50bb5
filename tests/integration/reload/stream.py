"""Lines for a followed file as fast as Python can write them, with totals the writer knows itself.

A second of event time is one of VARIANTS prepared blocks with its time filled in, so that the
expected counts are a sum over blocks and never come from the program under test.
"""
import collections
import json
import random
import threading
import time

START = 1767225600  # 2026-01-01T00:00:00Z, a multiple of a day
VARIANTS = 24
LINES = 1000
KEYS = 40
BACKLOG_BYTES = 16 << 20
TIME = b"@@@@@@@@@@"


class Variant:
    def __init__(self, dice, burst):
        rows = []
        self.counts = collections.Counter()
        for _ in range(LINES):
            key = "k%02d" % (0 if dice.random() < burst else dice.randrange(KEYS))
            is_good = dice.random() < 0.7 - burst / 2
            self.counts[key] += 1
            rows.append(json.dumps({"time": 0, "k": key, "v": dice.randrange(1000),
                                    "ok": is_good}, separators=(",", ":"))
                        .replace('"time":0', '"time":' + TIME.decode()))
        self.block = "\n".join(rows).encode() + b"\n"


class Writer(threading.Thread):
    """Appends until stop(); never further ahead of the daemon than BACKLOG_BYTES."""

    def __init__(self, path, seed):
        super().__init__(daemon=True)
        dice = random.Random(seed)
        self.variants = [Variant(dice, 0.3 if number % 8 == 7 else 0.02)
                         for number in range(VARIANTS)]
        self.dice = dice
        self.path = path
        self.used = collections.Counter()
        self.seconds = 0
        self.bytes = 0
        self.read_bytes = lambda: self.bytes
        self.is_stopping = False

    def run(self):
        with open(self.path, "ab", buffering=0) as out:
            while not self.is_stopping:
                if not self.has_room():
                    time.sleep(0.002)
                    continue
                # Quiet and busy stretches, so that rules fire and resolve all the time.
                number = self.dice.randrange(VARIANTS) if self.seconds % 40 < 30 else 7
                block = self.variants[number].block.replace(
                    TIME, b"%d" % (START + self.seconds))
                out.write(block)
                self.bytes += len(block)
                self.used[number] += 1
                self.seconds += 1

    def has_room(self):
        try:
            return self.bytes - self.read_bytes() <= BACKLOG_BYTES
        except OSError:  # the daemon is gone: the test has failed already and says why
            return False

    def stop(self):
        self.is_stopping = True
        self.join()

    def end(self):
        """One reading far behind everything: every window before it is decided and empty."""
        last = b'{"time":%d,"k":"last","v":1,"ok":true}\n' % (START + self.seconds + 7200)
        with open(self.path, "ab") as out:
            out.write(last)
        self.bytes += len(last)

    @property
    def lines(self):
        return self.seconds * LINES + 1

    def counts(self):
        total = collections.Counter()  # without end()'s: no boundary behind it is decided
        for number, times in self.used.items():
            for key, count in self.variants[number].counts.items():
                total[key] += count * times
        return total
