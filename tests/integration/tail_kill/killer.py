"""A daemon that is started again and again and killed with kill -9 at random, seeded moments."""
import json
import os
import random
import signal
import statistics
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "support"))
from daemon import Refused  # noqa: E402

# No answer: the daemon died before it, or in the middle of it.
NO_ANSWER = (OSError, Refused, json.JSONDecodeError)


class Killer:
    def __init__(self, daemon, seed):
        self.daemon, self.rng = daemon, random.Random(seed)
        self.start_s = []

    def start(self):
        begin = time.monotonic()
        self.daemon.start()
        self.start_s.append(time.monotonic() - begin)

    def kill_in_start(self):
        self.daemon.spawn()
        time.sleep(self.rng.uniform(0.001, 0.1))
        self.daemon.kill()

    def live(self, work):
        """One life of 5 to 500 ms after ready; `work(is_over)` runs beside it."""
        self.start()
        is_over = threading.Event()
        process = self.daemon.process

        def end():
            process.send_signal(signal.SIGKILL)
            is_over.set()
        timer = threading.Timer(self.rng.uniform(0.005, 0.5), end)
        timer.start()
        try:
            work(is_over)
        except NO_ANSWER:
            pass
        timer.join()
        self.daemon.kill()

    def report(self):
        return "median start %.0f ms, longest %.0f ms" % (
            1000 * statistics.median(self.start_s), 1000 * max(self.start_s))
