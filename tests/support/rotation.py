"""Who is on call by a calculation of its own, with zoneinfo: it walks forward in time."""
import datetime as dt
import json
import zoneinfo

UTC = dt.timezone.utc
STEP = dt.timedelta(minutes=15)
WEEK = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
PEOPLE = ["wang", "li", "ann", "bob", "eve"]


def minutes(clock):
    return int(clock[:2]) * 60 + int(clock[3:])


def day_set(text):
    days = set()
    for item in text.split(","):
        first, _, last = item.partition("-")
        at = WEEK.index(first)
        days.add(at)
        while last and WEEK[at] != last:
            at = (at + 1) % 7
            days.add(at)
    return days


class Layer:
    """Walks forward in time; the turn goes on whenever the wall clock reaches the handover."""

    def __init__(self, row, zone):
        self.row, self.zone = row, zoneinfo.ZoneInfo(zone)
        self.next = dt.datetime.fromisoformat(row["starts"])
        self.turn = -1

    def holds_on(self, day):
        row, text = self.row, day.isoformat()
        return (day.weekday() in day_set(row.get("days", "mon-sun")) and
                text not in row.get("except", []) and
                ("only" not in row or text in row["only"]))

    def who(self, instant):
        local = instant.astimezone(self.zone).replace(tzinfo=None)
        unit = {"h": "hours", "d": "days"}[self.row["every"][-1]]
        while local >= self.next:
            self.next += dt.timedelta(**{unit: int(self.row["every"][:-1])})
            self.turn += 1
        clock = local.hour * 60 + local.minute
        start, end = minutes(self.row.get("from", "00:00")), minutes(self.row.get("to", "24:00"))
        day = local.date()
        if start < end:
            holds = start <= clock < end and self.holds_on(day)
        else:
            holds = ((clock >= start and self.holds_on(day)) or
                     (clock < end and self.holds_on(day - dt.timedelta(days=1))))
        if not holds or self.turn < 0:
            return None
        return self.row["people"][self.turn % len(self.row["people"])]


def walk(schedule, start, end):
    """[(from, to, person)] of the span."""
    layers = [Layer(row, schedule["zone"]) for row in schedule["layers"]]
    first = min(layer.next for layer in layers).replace(tzinfo=UTC) - dt.timedelta(days=2)
    shifts, at = [], min(first, start)
    while at < end:
        person = None
        for layer in layers:  # each is asked, so that each counts its handovers
            person = layer.who(at) or person
        for override in schedule.get("overrides", []):
            if (dt.datetime.fromisoformat(override["from"]) <= at <
                    dt.datetime.fromisoformat(override["to"])):
                person = override["person"]
        if at >= start:
            if shifts and shifts[-1][2] == person:
                shifts[-1][1] = at + STEP
            else:
                shifts.append([at, at + STEP, person])
        at += STEP
    return shifts


def lua(value):
    if isinstance(value, dict):
        return "{ %s }" % ", ".join('["%s"] = %s' % (k, lua(v)) for k, v in value.items())
    if isinstance(value, list):
        return "{ %s }" % ", ".join(lua(item) for item in value)
    return json.dumps(value)


# March 2026: New York changes on the 8th, Berlin on the 29th; Shanghai never. October: back.
FIXED = {
    "shanghai": {"zone": "Asia/Shanghai", "layers": [
        {"people": ["eve"], "starts": "2025-09-01T00:00", "every": "7d"},
        {"people": ["wang", "li"], "starts": "2025-10-06T09:00", "every": "7d", "days": "mon-fri",
         "from": "09:00", "to": "18:00", "except": ["2026-03-09", "2025-10-08"]}],
        "overrides": [{"person": "bob", "from": "2026-03-11T00:00+08:00",
                       "to": "2026-03-12T12:00+08:00"},
                      {"person": "ann", "from": "2026-03-12T00:00+08:00",
                       "to": "2026-03-12T06:00+08:00"}]},
    "new_york": {"zone": "America/New_York", "layers": [
        {"people": ["ann", "bob", "eve"], "starts": "2025-10-01T02:30", "every": "1d"},
        {"people": ["li"], "starts": "2025-10-01T00:00", "every": "7d", "days": "sat,sun",
         "from": "22:00", "to": "02:30", "only": ["2026-03-07", "2026-03-08", "2025-11-01"]}]},
    "berlin": {"zone": "Europe/Berlin", "layers": [
        {"people": ["bob", "wang"], "starts": "2025-10-06T08:00", "every": "12h"},
        {"people": ["ann", "li"], "starts": "2025-10-06T02:15", "every": "1h", "days": "sun",
         "from": "01:00", "to": "04:00"}]},
}
