"""The jobs: for each the rows of the table. The first row is what the others are compared with."""
import java
import logtools
import own
import peers
from daemon_run import Daemon

PEER_NAMES = ["wc", "grep", "duckdb1", "duckdb2", "mawk", "gawk", "node", "sec", "rsyslog", "mtail",
              "fluent-bit", *java.NAMES]
QUICK_PEERS = [name for name in PEER_NAMES if name not in java.NAMES]  # a JVM takes its time
HALF_MILLION = 500000
FIFTH = 200000
MILLION = 1000000


class Job:
    def __init__(self, name, title, base, others):
        """`others`: (short name of the peer or None for our own rows, Program)."""
        self.name, self.title, self.base, self.others = name, title, base, others


def scripts(job, **mawk):
    return [("duckdb1", peers.duckdb(job, 1)), ("duckdb2", peers.duckdb(job, 2)),
            ("mawk", peers.awk("mawk", job, **mawk))]


def build(other_builds=()):
    return [
        Job("J1", "failures per minute", own.j1(), [
            ("wc", peers.wc()), ("grep", peers.grep()), *scripts("J1"),
            ("gawk", peers.awk("gawk", "J1")), ("node", peers.node("J1")),
            ("sec", logtools.sec("J1", HALF_MILLION))]),
        Job("J2", "per merchant and minute: count, sum(amount), max(cost_time)",
            own.by_merchant("J2"), [
                ("wc", peers.wc()), *scripts("J2"), ("gawk", peers.awk("gawk", "J2")),
                ("node", peers.node("J2")), ("rsyslog", logtools.rsyslog(HALF_MILLION)),
                ("mtail", logtools.mtail(FIFTH)),
                ("fluent-bit", logtools.fluent_bit(MILLION)), *java.engines("J2", MILLION)]),
        Job("J3", "J2, only merchants with 1,000 payments in the minute",
            own.by_merchant("J3", least=1000), [
                (None, own.Replay("busy", "tocsin replay, alerts")), *scripts("J3"),
                ("sec", logtools.sec("J3", FIFTH)), *java.engines("J3", MILLION)]),
        Job("J4", "60-second window sliding by 5 seconds, 1,000 payments and more", own.j4(), [
            ("duckdb1", peers.duckdb("J4", 1)), ("duckdb2", peers.duckdb("J4", 2))]),
        Job("J5", "J2 by 1,000,000 customers, those with 5 payments in a minute", own.j5(),
            scripts("J5", lines=HALF_MILLION)),
        Job("J6", "J2, 30 % of the lines in other shapes, 1 % malformed",
            own.by_merchant("J6", "shapes"), [
                *scripts("J6"), ("duckdb1", peers.duckdb_read_json()),
                ("node", peers.node("J6"))]),
        Job("J7", "J2 on CSV: count, sum(amount)", own.j7(), [
            *scripts("J7"), ("gawk", peers.awk("gawk", "J7")), ("node", peers.node("J7"))]),
        Job("S", "our own jobs against J2", own.by_merchant("J2", name="J2"), [
            (None, own.by_merchant("J3", least=1000, name="J3")),
            (None, own.j4("J4")), (None, own.j5("J5")),
            (None, own.by_merchant("J6", "shapes", name="J6")),
            *[(None, own.OtherBuild(directory)) for directory in other_builds]]),
        Job("R", "many rules at once, by replay", own.Replay("R1", "1 rule"), [
            (None, own.Replay("R10", "10 rules")), (None, own.Replay("R100", "100 rules")),
            (None, own.Replay("R1000", "1000 rules")),
            (None, own.Replay("L", "1 rule, Lua filter"))]),
        Job("D", "the daemon, all of it", Daemon("1 reader, 1 file", 1, 1), [
            (None, Daemon("2 readers, 1 file", 2, 1)), (None, Daemon("2 readers, 2 files", 2, 2)),
            (None, Daemon("1 reader, sync = os", 1, 1, "os"))]),
    ]
