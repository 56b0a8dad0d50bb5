"""Programs that write log files and rotate them, and remember every line they wrote.

A Writer is a thread with one file. It writes as programs with buffered output do: in pieces that
end anywhere, so that a torn last line is there most of the time, also when the file is renamed.
Its event clock runs faster than the one on the wall; lines are out of order within DISORDER_MS.
"""
import datetime
import json
import os
import random
import threading

BASE_MS = 1709510400000  # 2024-03-04T00:00:00Z
DISORDER_MS = 1500
LATENESS_MS = 2000
MERCHANTS, CUSTOMERS, CITIES = 12, 200, ("Beijing", "Hangzhou", "Xi'an")
MALFORMED = [
    '{"time":"2024-03-04T00:00:01Z","merchantId":"m1","amount":1',
    '{"time":"not a time","merchantId":"m1","amount":1,"cost_time":1}',
    '{"merchantId":"m1","amount":1,"cost_time":1}',
    "plain text",
    '{"time":"2024-03-04T00:00:01Z"} trailing',
]


class Reading:
    __slots__ = ("ms", "merchantId", "customerId", "city", "amount", "cost_time", "success")

    def __init__(self, ms, rng):
        self.ms = ms
        self.merchantId = "m%d" % rng.randrange(MERCHANTS)
        self.customerId = "c%d" % rng.randrange(CUSTOMERS)
        self.city = rng.choice(CITIES)
        self.amount = rng.randrange(1, 50000) / 100
        self.cost_time = int(rng.expovariate(1 / 3000))
        self.success = rng.random() >= 0.1

    def line(self):
        moment = datetime.datetime.fromtimestamp(self.ms // 1000, datetime.timezone.utc)
        text = moment.strftime("%Y-%m-%dT%H:%M:%S") + ".%03dZ" % (self.ms % 1000)
        fields = {name: getattr(self, name) for name in self.__slots__[1:]}
        return json.dumps(dict(fields, time=text))


class Writer(threading.Thread):
    """`style`: "rename" (path -> path.1 -> path.2 …), "copytruncate" or "recreate" (delete and
    create); the last two only when the daemon has confirmed that it read everything."""

    def __init__(self, path, style, seed, history):
        super().__init__(daemon=True)
        self.path, self.style = path, style
        self.rng = random.Random(seed)
        self.history = history  # every line once, in order, without rotation
        self.clock_ms = BASE_MS
        self.readings, self.malformed, self.blank, self.rotations = [], 0, 0, 0
        self.rotated = []  # oldest last: [path, bytes, lines]
        self.lines_in_file = self.bytes_in_file = 0
        self.sizes = set()
        self.pending = b""
        self.lock = threading.Lock()
        self.is_stopping, self.may_rotate = threading.Event(), threading.Event()
        self.is_waiting, self.may_clear = threading.Event(), threading.Event()
        self.fd = self.open()
        self.add_line(Reading(BASE_MS, self.rng))  # rules begin here
        self.write(everything=True)

    def open(self):
        return os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    @property
    def lines(self):
        return len(self.readings) + self.malformed

    def add_text(self, text):
        data = text.encode() + b"\n"
        self.pending += data
        self.bytes_in_file += len(data)
        self.history.write(data)

    def add_line(self, reading):
        self.readings.append(reading)
        self.lines_in_file += 1
        self.add_text(reading.line())

    def add_some(self):
        dice = self.rng.random()
        if dice < 0.01:
            self.malformed += 1
            self.lines_in_file += 1
            self.add_text(self.rng.choice(MALFORMED))
        elif dice < 0.015:
            self.blank += 1
            self.add_text("")
        else:
            self.clock_ms += self.rng.randint(5, 35)
            late_ms = self.rng.randint(0, DISORDER_MS) if self.rng.random() < 0.3 else 0
            self.add_line(Reading(max(BASE_MS, self.clock_ms - late_ms), self.rng))

    def write(self, everything=False):
        cut = len(self.pending) if everything else self.rng.randint(0, len(self.pending))
        while cut > 0:
            done = os.write(self.fd, self.pending[:cut])
            self.pending = self.pending[done:]
            cut -= done

    def run(self):
        turns = self.rng.randint(10, 40)
        while not self.is_stopping.wait(self.rng.uniform(0, 0.02)):
            for _ in range(self.rng.randint(1, 25)):
                self.add_some()
            self.write()
            turns -= 1
            if turns <= 0 and self.may_rotate.is_set():
                turns = self.rng.randint(10, 40)
                self.rotate()
        self.write(everything=True)

    def rotate(self):
        if self.style == "rename":
            self.rename()
            return
        self.write(everything=True)
        self.may_clear.clear()
        self.is_waiting.set()
        while not self.is_stopping.is_set():
            if self.may_clear.wait(0.02):
                self.clear_file()
                break
        self.is_waiting.clear()

    def clear_file(self):
        self.rotations += 1
        self.lines_in_file = self.bytes_in_file = 0
        if self.style == "copytruncate":
            os.ftruncate(self.fd, 0)
        else:
            os.close(self.fd)
            os.unlink(self.path)
            self.fd = self.open()

    def rename(self):
        with self.lock:
            while self.bytes_in_file in self.sizes:  # so that a size names one rotated file
                self.add_some()
            self.sizes.add(self.bytes_in_file)
            for number in range(len(self.rotated), 0, -1):
                entry = self.rotated[number - 1]
                os.rename(entry[0], "%s.%d" % (self.path, number + 1))
                entry[0] = "%s.%d" % (self.path, number + 1)
            os.rename(self.path, self.path + ".1")
            self.rotated.insert(0, [self.path + ".1", self.bytes_in_file, self.lines_in_file])
        # The program does not know yet that its file has another name, and may be in mid-line.
        if self.rng.random() < 0.5:
            self.is_stopping.wait(self.rng.uniform(0, 0.05))
        self.write(everything=True)
        os.close(self.fd)
        self.fd = self.open()
        self.lines_in_file = self.bytes_in_file = 0
        self.rotations += 1

    def delete_read_files(self, partitions):
        """The daemon has durably read what `partitions` (rows of its status) say."""
        read = {(row["offset"], row["lines"]) for row in partitions}
        with self.lock:
            while self.rotated and tuple(self.rotated[-1][1:]) in read:
                os.unlink(self.rotated.pop()[0])

    def end(self, ms):
        """Both after stop(): the last line, whose time closes every window before it."""
        reading = Reading(ms, self.rng)
        reading.merchantId, reading.success, reading.cost_time = "end", True, 0
        self.add_line(reading)
        self.write(everything=True)

    def stop(self):
        self.is_stopping.set()
        self.join()
