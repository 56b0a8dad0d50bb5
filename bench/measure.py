"""Runs one command behind tocsin-launch: what it cost, whole process, start-up included."""
import os
import subprocess


class Cost:
    """CPU and wall seconds, peak MiB of one run. `facts` are what the program itself reported."""

    def __init__(self, cpu, wall, peak_mib, facts=None):
        self.cpu, self.wall, self.peak_mib, self.facts = cpu, wall, peak_mib, facts or {}


class Failed(Exception):
    pass


def clean_environment(extra=None):
    environment = dict(os.environ, LC_ALL="C", TZ="UTC")
    environment.pop("JAVA_TOOL_OPTIONS", None)
    environment.update(extra or {})
    return environment


class Launched:
    """A command that is running; `finish()` waits and returns its Cost."""

    def __init__(self, launcher, command, scratch, output=None, environment=None, cwd=None):
        self.command, self.report, self.log = command, scratch + ".cost", scratch + ".log"
        with open(output or os.devnull, "wb") as out, open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [launcher, self.report, *command], stdin=subprocess.DEVNULL, stdout=out,
                stderr=log, env=clean_environment(environment), cwd=cwd)

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()

    def finish(self, limit_s, codes=(0,)):
        try:
            self.process.wait(limit_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise Failed("no end after %d s: %s" % (limit_s, " ".join(self.command))) from None
        if self.process.returncode != 0:
            raise Failed(self.said()[-2000:])
        with open(self.report, encoding="utf-8") as report:
            user, system, wall, peak_kib, code = report.read().split()
        if int(code) not in codes:
            raise Failed("exit code %s of %s\n%s"
                         % (code, " ".join(self.command), self.said()[-2000:]))
        return Cost(float(user) + float(system), float(wall), int(peak_kib) / 1024)
