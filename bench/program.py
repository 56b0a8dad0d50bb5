"""A row of the table: a program that answers a job. own.py has ours, peers.py the others."""
import os

import compare
from measure import Launched

LIMIT_S = 900


class Context:
    """What a run needs to know."""

    def __init__(self, options, files, reference):
        self.build, self.files, self.reference = options.build, files, reference
        self.tocsin = os.path.join(options.build, "tocsin")
        self.launcher = os.path.join(options.build, "tocsin-launch")
        self.tools = os.path.join(options.build, "bench-tools")

    def launch(self, command, name, **more):
        return Launched(self.launcher, command, self.files.scratch(name), **more)


class Program:
    """`kind`: the file it reads; `lines`: only so many first lines (None: all of them)."""

    name = "?"
    kind = "json"
    lines = None
    note = ""
    is_warm = False  # True: needs no warm-up of ours

    def missing(self, context):
        """Why it cannot run here, or None."""
        return None

    def line_count(self, context):
        return min(self.lines or context.files.lines, context.files.lines)

    def input(self, context):
        return context.files.path(self.kind, self.line_count(context))

    def run(self, context):
        """One run: (Cost, texts of what is wrong with the answer)."""
        raise NotImplementedError


class Command(Program):
    """A command that ends by itself and writes the answer to standard output, or to OUTPUT."""

    def __init__(self, name, job, words, kind="json", lines=None, values=None, keep=None,
                 check=None, needs=None, environment=None, note=""):
        self.name, self.job, self.words, self.kind, self.lines = name, job, words, kind, lines
        self.values, self.keep, self.check, self.needs = values, keep, check, needs
        self.environment, self.note = environment, note

    def missing(self, context):
        return self.needs(context) if self.needs else None

    def command(self, context, output):
        """INPUT, OUTPUT and {c.…}, a name of the context, are filled in."""
        known = {"INPUT": self.input(context), "OUTPUT": output}
        return [known.get(word) or (word.format(c=context) if "{c." in word else word)
                for word in self.words]

    def run(self, context):
        output = context.files.scratch("answer")
        if os.path.exists(output):
            os.unlink(output)
        command = self.command(context, output)
        is_written = "OUTPUT" in self.words
        environment = {name: value.format(c=context)
                       for name, value in (self.environment or {}).items()}
        launched = context.launch(command, "run", environment=environment,
                                  output=None if is_written else output)
        cost = launched.finish(LIMIT_S)
        return cost, self.verify(context, output)

    def verify(self, context, output):
        if self.check:
            return self.check(context, output)
        reference = context.reference.get(self.kind, self.line_count(context), self.job)
        return compare.table(self.job, output, reference, self.values, self.keep)

