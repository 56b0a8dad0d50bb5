#!/usr/bin/env python3
"""A month on a virtual clock: chains call exactly whom an independent calculation says.

March 2026, three zones, two changes of the clock, holidays, overrides of the site and by command;
people acknowledge, give back, snooze, raise, resolve and reopen at random times.
"""
import datetime as dt
import json
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../support"))
from chain_oracle import Incident, Rota, World, span  # noqa: E402
from daemon import IS_LONG, tocsin  # noqa: E402
from rotation import FIXED, PEOPLE, UTC, lua  # noqa: E402
from seed import SEED, random_of  # noqa: E402

START = dt.datetime(2026, 3, 1, tzinfo=UTC)
END = dt.datetime(2026, 4, 1, tzinfo=UTC)
START_MS, END_MS = int(START.timestamp()) * 1000, int(END.timestamp()) * 1000
TO_MS = END_MS + 3 * 86400000 + 999
# The clock is put forward in New York and in Berlin, and it is midnight in Shanghai on a holiday.
EDGES = [dt.datetime(2026, 3, 8, 7, tzinfo=UTC), dt.datetime(2026, 3, 29, 1, tzinfo=UTC),
         dt.datetime(2026, 3, 8, 16, tzinfo=UTC)]
SCHEDULES = dict(FIXED, gaps={"zone": "Europe/Berlin", "layers": [
    {"people": ["ann", "li"], "starts": "2026-02-02T08:00", "every": "1d", "days": "mon-fri",
     "from": "08:00", "to": "20:00", "except": ["2026-03-17"]}]})
SITE = {
    "outputs": {"ops": {"file": "ops.jsonl"}, "team": {"file": "team.jsonl"}},
    "people": {name: {"name": name.title()} for name in PEOPLE},
    "schedules": SCHEDULES,
    "categories": {"online": {"members": ["m1"]}, "offline": {"members": ["m3"]},
                   "pay": {"parent": "online", "members": ["m2"]}},
    "incidents": {"ack_timeout": "45m"},
    "chains": {
        "rest": {"steps": [
            {"notify": ["output:ops"]}, {"wait": "30m"}, {"notify": ["schedule:gaps"]},
            {"wait": "1h"}, {"notify": ["schedule:berlin"], "important": True}]},
        "online": {"category": "online", "priority": ["P1", "P2", "P3"], "again": 2, "steps": [
            {"notify": ["schedule:shanghai"], "important": True}, {"wait": "5m"},
            {"only_if": {"days": "mon-fri", "from": "09:00", "to": "18:00",
                         "zone": "Asia/Shanghai"}},
            {"notify": ["person:bob", "output:team"]}, {"wait": "10m"},
            {"only_if": {"from": "22:00", "to": "06:30", "zone": "America/New_York",
                         "except": ["2026-03-08"]}},
            {"notify": ["schedule:new_york"]}, {"only_if": {"alerts": 3}},
            {"notify": ["person:eve"]}, {"wait": "10m"}, {"raise": 1},
            {"notify": ["schedule:berlin", "schedule:gaps"]}, {"wait": "15m"}]},
        "pay": {"category": "pay", "priority": ["P1"], "again": 1, "steps": [
            {"notify": ["schedule:new_york", "schedule:shanghai"]}, {"wait": "3m"},
            {"only_if": {"alerts": 2, "days": "sat,sun", "zone": "Europe/Berlin"}},
            {"notify": ["schedule:berlin"]}, {"wait": "1h"}]},
        "pay_all": {"category": "pay", "priority": ["P1", "P4"], "steps": [
            {"notify": ["output:team"]}, {"wait": "20m"}, {"raise": 2}, {"wait": "20m"},
            {"notify": ["schedule:new_york"]}]},
    },
}
COMMANDS = {"OPEN": ["ack", "ack", "handle", "resolve", "cancel", "mitigate", "alert", "alert",
                     "set", "snooze", "snooze"],
            "ACKED": ["unack", "unack", "handle", "resolve", "set"],
            "HANDLING": ["resolve", "mitigate"],
            "resolve": ["reopen"], "mitigate": ["reopen", "resolve"], "cancel": []}


def text_of(ms):
    return dt.datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")


class Script:
    """Events for the program, and the same for the oracle as they are made."""

    def __init__(self, dice):
        self.dice, self.events, self.commands = dice, [], set()
        self.world = World(SITE, Rota(SCHEDULES, START, END + dt.timedelta(days=4)), START_MS)
        self.overrides()
        self.incident(START_MS, is_first=True)

    def put(self, at, **fields):
        """Each has a millisecond of its own: nothing happens at the same time by chance."""
        at = at // 1000 * 1000 + len(self.events)
        assert len(self.events) < 999
        self.events.append((at, dict(fields, at=text_of(at))))
        return at

    def overrides(self):
        for _ in range(0, 12):
            at = START_MS + self.dice.randrange(0, 30 * 96) * 900000 + 3600000
            start = at // 900000 * 900000 + self.dice.randrange(-4, 200) * 900000
            end = max(start, at + 900000) // 900000 * 900000 + self.dice.randrange(1, 96) * 900000
            name, person = self.dice.choice(sorted(SCHEDULES)), self.dice.choice(PEOPLE)
            at = self.put(at, do="override", schedule=name, person=person,
                          **{"from": text_of(start), "to": text_of(end)})
            self.world.rota.added.append((at, name, person, start, end))
        self.world.rota.added.sort()

    def incident(self, at, is_first=False):
        name = "i%d" % len(self.events)
        category = self.dice.choice(["online", "pay", "offline", None])
        severity = self.dice.choice(["critical", "warning", "info"])
        where = dict({"category": category} if category else {}, severity=severity)
        if is_first:
            self.events.append((at, dict(where, do="open", incident=name, at=text_of(at))))
        else:
            at = self.put(at, do="open", incident=name, **where)
        made = Incident(self.world, name, category, severity, at)
        for _ in range(self.dice.randrange(0, 7)):
            at += self.dice.choice([20000, 200000, 900000, 3600000]) * self.dice.randint(1, 5)
            made.advance(at // 1000 * 1000 + len(self.events))
            what = self.command(made)
            if what is not None:
                at = self.do(made, what, at, where)
        made.advance(TO_MS + 1)

    def command(self, made):
        choice = COMMANDS[made.state]
        return self.dice.choice(choice) if choice else None

    def do(self, made, what, at, where):
        fields, value = {}, None
        if what == "set":
            value = "P%d" % self.dice.randint(1, 5)
            fields = {"field": "priority", "value": value}
        elif what == "snooze":
            is_on = made.snoozed_ms <= at
            fields = {"for": self.dice.choice(["7m", "50m", "3h"]) if is_on else "0s"}
            value = span(fields["for"])
        elif what == "alert":
            fields = where
        self.commands.add(what)
        at = self.put(at, do=what, incident=made.name, **fields)
        made.act(what, at, value)
        return at


class Month(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.root = directory.name
        with open(os.path.join(self.root, "tocsin.lua"), "w", encoding="utf-8") as out:
            out.write("return %s" % lua(SITE))

    def rehearse(self, events):
        path = os.path.join(self.root, "events.jsonl")
        with open(path, "w", encoding="utf-8") as out:
            for _, event in sorted(events, key=lambda row: row[0]):
                out.write(json.dumps(event) + "\n")
        done = tocsin("oncall", "rehearse", path, "--to", text_of(TO_MS), "--site", self.root,
                      "--json")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return json.loads(done.stdout)

    def ms(self, text):
        return round(dt.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)

    def check(self, dice, incident_count):
        script = Script(dice)
        for i in range(incident_count):
            at = START_MS + dice.randrange(60, 31 * 86400) * 1000
            if i % 3 == 0:
                at = int(dice.choice(EDGES).timestamp() + dice.randrange(-7200, 7200)) * 1000
            if len(script.events) < 960:
                script.incident(at)
        answer = self.rehearse(script.events)
        found = sorted((self.ms(row["at"]), row["incident"], row["output"] is not None,
                        row["output"] or row["person"], row["event"], row["important"],
                        row["cause"]) for row in answer["pages"])
        wanted = sorted(script.world.calls)
        for one, other in zip(found, wanted):
            self.assertEqual(one, other, "seed %d; %s" % (SEED, text_of(other[0])))
        self.assertEqual(len(found), len(wanted), "seed %d" % SEED)
        gaps = sorted((self.ms(row["at"]), row["incident"], row["text"].split()[-1])
                      for row in answer["facts"] if row["kind"] == "chain_failed")
        self.assertEqual(gaps, sorted(script.world.gaps), "seed %d" % SEED)
        self.assertEqual(answer["rescued"], 0)
        return script

    def test_a_month_calls_whom_the_calculation_says(self):
        dice = random_of("a month of chains")
        people, commands, calls = set(), set(), 0
        for _ in range(40 if IS_LONG else 3):
            script = self.check(dice, 260)
            people |= {call[3] for call in script.world.calls}
            commands |= script.commands
            calls += len(script.world.calls)
            self.assertGreater(len(script.world.gaps), 20)
        self.assertEqual(people, set(PEOPLE) | {"ops", "team"})
        self.assertEqual(commands, {"ack", "handle", "resolve", "cancel", "mitigate", "alert",
                                    "set", "snooze", "unack", "reopen"})
        self.assertGreater(calls, 3000)
        print("%d calls of %d months, seed %d" % (calls, 40 if IS_LONG else 3, SEED))

    def test_what_is_wrong_in_the_file_is_told_with_its_line(self):
        good = {"at": "2026-03-01T00:00:00Z", "do": "open", "incident": "a"}
        path = os.path.join(self.root, "bad.jsonl")
        for line, text in (
                ("no JSON", "it is no JSON object"),
                ('{"do": "ack"}', 'wants "at", a text'),
                ('{"at": "noon", "do": "ack"}', '"at" must be a time'),
                (json.dumps(dict(good, at="2026-02-01T00:00:00Z")), "before the line above"),
                (json.dumps(good), '"a" was opened before'),
                (json.dumps(dict(good, do="ack", incident="b")), '"b" was not opened'),
                (json.dumps(dict(good, do="unack")), "no unack"),
                (json.dumps(dict(good, do="paint")), "paint"),
                (json.dumps(dict(good, incident="b", severty="critical")),
                 'no field "severty"; did you mean "severity"?'),
                (json.dumps(dict(good, incident="b", colour="red")),
                 'no field "colour"'),
                (json.dumps(dict(good, incident="b", category="onlin")),
                 'no category "onlin"'),
                (json.dumps(dict(good, do="snooze")), '"snooze" wants "for"')):
            with open(path, "w", encoding="utf-8") as out:
                out.write(json.dumps(good) + "\n\n" + line + "\n")
            done = tocsin("oncall", "rehearse", path, "--site", self.root)
            self.assertEqual((done.returncode, done.stdout), (1, ""), line)
            self.assertIn("bad.jsonl:3: ", done.stderr)
            self.assertIn(text, done.stderr)


if __name__ == "__main__":
    unittest.main()
