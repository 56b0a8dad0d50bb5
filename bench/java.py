"""Java engines as peers (bench/peers/java): CPU and wall of the steady state.

Each run is a new JVM, which first works through the warm-up file.
"""
import os

import compare
from measure import Cost, Failed
from program import LIMIT_S, Program

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "peers/java")
# As documented: the engine's own reading of JSON. Tuned: one parser of ours for a block of lines.
NAMES = {"flink": "flink (as documented)", "flink-tuned": "flink-tuned (block parser)",
         "esper": "esper (as documented)", "esper-tuned": "esper-tuned (block parser)",
         "kafka": "Kafka Streams"}
WARM_UP_LINES = 500000
NOTE = ("Java engines: start-up and warm-up (500 k lines) excluded, as each reports of itself; "
        "memory is the whole JVM's with the heap it was given")


class Java(Program):
    is_warm = True

    def __init__(self, short, job, lines):
        self.short, self.job, self.lines = short, job, lines
        self.name, self.note = NAMES[short], NOTE

    def missing(self, context):
        if os.path.isdir(os.path.join(HERE, self.short.split("-")[0], "target/lib")):
            return None
        return "not built (Maven Central not reached?): packaging/install-bench-deps.sh"

    def run(self, context):
        output, said = context.files.scratch("answer"), context.files.scratch("said")
        for path in (output, output + ".alerts"):
            if os.path.exists(path):
                os.unlink(path)
        warm_up = context.files.path("json", min(WARM_UP_LINES, context.files.lines))
        command = [os.path.join(HERE, "run.sh"), self.short, self.job, self.input(context), output,
                   "--warmup", warm_up]
        whole = context.launch(command, "run", output=said).finish(LIMIT_S)
        with open(said, encoding="utf-8") as text:
            facts = dict(line.strip().split("=") for line in text if line.count("=") == 1)
        lines = self.line_count(context)
        if int(facts.get("readings", 0)) != lines:
            raise Failed("%s read %s of %d lines" % (self.name, facts.get("readings"), lines))
        apart = {"start-up s": float(facts["startup_s"]), "warm-up s": float(facts["warmup_s"])}
        cost = Cost(float(facts["steady_cpu_s"]), float(facts["steady_wall_s"]), whole.peak_mib,
                    apart)
        return cost, self.verify(context, output)

    def verify(self, context, output):
        """J3 writes the rows of J2 and, to OUTPUT.alerts, window and merchant of each alert."""
        def get(job):
            return context.reference.get("json", self.line_count(context), job)
        wrong = compare.table("J2", output, get("J2"))
        if self.job == "J3":
            wrong += compare.table("J3", output + ".alerts", get("J3"), values=1)
        return wrong


def engines(job, lines):
    return [(short, Java(short, job, lines)) for short in NAMES]
