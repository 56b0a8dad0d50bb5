"""Black-box help for the scenarios in tests/integration: a real daemon on a site of the test's own.

    site = Site(directory, sources="…lua…", rules={"name/1": "…lua…"})
    with Daemon(site) as daemon:
        daemon.wait_readings("pay", 1000)
        daemon.call("incident.list", {"all": True})

Nothing here sleeps for a fixed time: every wait polls a condition and has a deadline.
"""
import json
import os
import signal
import socket
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TOCSIN = os.environ.get("TOCSIN_BIN", os.path.join(ROOT, "build", "tocsin"))
GEN = os.environ.get("TOCSIN_GEN", os.path.join(ROOT, "build", "tocsin-gen"))
IS_LONG = bool(os.environ.get("TOCSIN_LONG"))


def wait_until(condition, seconds=30, what="the condition"):
    """Polls until `condition()` is true and returns its value; fails after the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError("waited %s s in vain for %s" % (seconds, what))
        time.sleep(0.01)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Site:
    """A site directory; `config` is the inside of the table that tocsin.lua returns."""

    def __init__(self, directory, config, rules=None, plans=None):
        self.directory = directory
        os.makedirs(directory, exist_ok=True)
        self.write("tocsin.lua", "return {\n%s\n}\n" % config)
        for name, text in (rules or {}).items():
            self.rule(name, text)
        for name, text in (plans or {}).items():
            self.plan(name, text)

    def write(self, path, text):
        full = os.path.join(self.directory, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full + ".new", "w", encoding="utf-8") as out:
            out.write(text)
        os.rename(full + ".new", full)
        return full

    def rule(self, name, text):
        return self.write("rules/%s.lua" % name, 'local rule = require "tocsin.rule"\n' + text)

    def plan(self, name, text):
        return self.write("plans/%s.lua" % name, 'local plan = require "tocsin.plan"\n' + text)


class Refused(Exception):
    def __init__(self, code, error):
        super().__init__("%s: %s" % (code, error))
        self.code = code
        self.error = error


class Daemon:
    def __init__(self, site, state=None, arguments=()):
        self.site = site
        self.state = state or os.path.join(os.path.dirname(site.directory.rstrip("/")), "state")
        self.arguments = list(arguments)
        self.environment = None  # another one than ours
        self.process = None
        self.log_path = self.state.rstrip("/") + ".log"

    def spawn(self):
        """Starts the process without waiting; where its part of the log begins."""
        os.makedirs(os.path.dirname(self.log_path), exist_ok=True)
        start = os.path.getsize(self.log_path) if os.path.exists(self.log_path) else 0
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [TOCSIN, "run", "--site", self.site.directory, "--state", self.state]
                + self.arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=self.environment)
        return start

    def start(self, seconds=60):
        start = self.spawn()

        def is_ready():
            if self.process.poll() is not None:
                raise AssertionError("the daemon ended with %s:\n%s"
                                     % (self.process.returncode, self.log()[-4000:]))
            with open(self.log_path, "rb") as log:
                log.seek(start)
                return b"ready:" in log.read()
        wait_until(is_ready, seconds, "the daemon to be ready")
        return self

    def kill(self):
        """kill -9: no clean-up of any kind."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        if self.process:
            self.process.wait()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()
                raise
        return self.process.returncode if self.process else None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()

    def call(self, verb, args=None, seconds=60):
        """One control request; the result, or Refused."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(seconds)
            client.connect(os.path.join(self.state, "control.sock"))
            request = {"id": 1, "verb": verb, "args": args or {}}
            client.sendall(json.dumps(request).encode() + b"\n")
            data = b""
            while not data.endswith(b"\n"):
                block = client.recv(1 << 20)
                if not block:
                    raise ConnectionError("the daemon closed the control connection")
                data += block
        answer = json.loads(data)
        if not answer["ok"]:
            raise Refused(answer["code"], answer["error"])
        return answer["result"]

    def source(self, name):
        for row in self.call("status")["sources"]:
            if row["name"] == name:
                return row
        raise KeyError(name)

    def wait_readings(self, source, count, seconds=60):
        return wait_until(lambda: self.source(source)["readings"] >= count, seconds,
                          "%d readings of %s" % (count, source))

    def output(self, name):
        """Documents of a file output in the state directory."""
        path = os.path.join(self.state, name)
        if not os.path.exists(path):
            return []
        # The last line may be there in part, and end within a character.
        with open(path, "rb") as lines:
            return [json.loads(line) for line in lines if line.endswith(b"\n")]


def tocsin(*arguments, **options):
    """Runs the command line; the finished process with text output."""
    return subprocess.run([TOCSIN, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, check=False, cwd=options.pop("cwd", ROOT),
                          timeout=options.pop("timeout", 300), **options)
