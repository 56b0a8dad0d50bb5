"""A site with an output of each kind, fed by a log: `say` tells an output something."""
import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../support"))
from daemon import Daemon, Site, wait_until  # noqa: E402
from servers import Smtp, Vendors  # noqa: E402

SECRET = "SEC0123456789"
TOKEN = "xoxb-secret"

CONFIG = """
  sources = { feed = { fields = { kind = "string", output = "string", text = "string" },
    from = { { file = "%(feed)s" } }, lateness = "0s", idle = "1h" } },
  outputs = {
    alerts = { file = "alerts.jsonl" },
    ding = { dingtalk = "%(url)s/robot/send?access_token=t0k", secret = "%(secret)s", %(rate)s },
    feishu = { feishu = "%(url)s/open-apis/bot/v2/hook/h00k", secret = { env = "FEISHU_KEY" },
      language = "zh", %(rate)s },
    wecom = { wecom = { env = "WECOM_URL" }, %(rate)s },
    slack = { slack = "%(url)s/services/T/B/X", timeout = "500ms", %(rate)s },
    bot = { slack = { token = { file = "%(token)s" }, channel = "C1", api = "%(url)s/api" },
      %(rate)s },
    sms = { gateway = "%(url)s/sms?to={recipient}", to = { "+8613800001111" }, kind = "sms",
      body = '{"to":"{recipient}","text":"{text}","id":"{id}"}',
      headers = { ["X-Key"] = "g4te" }, %(rate)s },
    mail = { mail = "smtp://127.0.0.1:%(smtp)d", from = "tocsin@example.com", tls = false,
      to = { "duty@example.com", "boss@example.com" }, user = "u", password = "p4ss",
      timeout = "5s", %(rate)s },
    slow = { gateway = "%(url)s/slow", to = { "1" }, body = "{text}", content_type = "text/plain",
      rate = { 1, "1s" } },
    near = { mail = "smtp://127.0.0.1:%(smtp)d", from = "tocsin@example.com", tls = false,
      to = { "duty@example.com" }, timeout = "500ms", %(rate)s },
    tls = { mail = "smtp://127.0.0.1:%(smtp)d", from = "tocsin@example.com", user = "u",
      password = "p4ss", to = { "duty@example.com" } },
    screen = { console = true },
  },
  routes = { { match = { rule = "page" },
    outputs = { "ding", "feishu", "wecom", "slack", "sms", "mail", "screen" } },
    { match = { rule = "storm" }, outputs = { "wecom" }, group = { by = { "rule" }, wait = "2s" } },
  },
  listen = { http = false },
"""

RULE = """return rule.group {
  source = "feed", filter = 'kind == "%s"', by = { "output", "text" }, statistic = "count",
  window = "10s", threshold = ">= 1", output = "alerts", severity = "critical", title = "pay down",
}
"""

PLAN = """return plan {
  api = 1, owner = "test", timeout = "10m", on = { incident = "opened", rule = "%s" },
  run = function(ctx)
    local said = ctx.incident.dimension
    %s
  end,
}
"""
SAY = 'ctx:notify("tell", { to = said.output, text = said.text })'
TWICE = """ctx:notify("one", { to = said.output, text = said.text .. " one" })
    ctx:notify("two", { to = said.output, text = said.text .. " two" })"""

LONG = 'ctx:notify("tell", { to = said.output, text = "long\\n" .. said.text:rep(2000) })'


class World:
    def __init__(self, directory):
        self.vendors = Vendors()
        self.smtp = Smtp()
        self.feed = os.path.join(directory, "feed.jsonl")
        token = os.path.join(directory, "token")
        with open(token, "w", encoding="utf-8") as out:
            out.write(TOKEN + "\n")
        os.chmod(token, 0o600)
        os.environ["FEISHU_KEY"] = SECRET
        os.environ["WECOM_URL"] = self.vendors.url("/cgi-bin/webhook/send?key=k3y")
        with open(self.feed, "w", encoding="utf-8"):
            pass
        rules = {name + "/1": RULE % name for name in ("page", "storm", "say", "twice", "long")}
        rules["storm/1"] = rules["storm/1"].replace('"10s"', '"1h"')  # nothing resolves meanwhile
        plans = {"say/1": PLAN % ("say", SAY), "twice/1": PLAN % ("twice", TWICE),
                 "long/1": PLAN % ("long", LONG)}
        self.site = Site(os.path.join(directory, "site"), CONFIG % {
            "feed": self.feed, "url": self.vendors.url(""), "secret": SECRET, "token": token,
            "smtp": self.smtp.port, "rate": 'rate = { 10000, "1s" }'}, rules, plans)
        for name in ("page", "say", "twice", "long"):
            path = "rules/%s/1.lua" % name
            with open(os.path.join(self.site.directory, path), encoding="utf-8") as file:
                text = file.read()
            if name != "page":
                self.site.write(path, text.replace("statistic =", "incident = true, statistic ="))
        self.now_s = int(time.time()) // 10 * 10 - 3600
        self.daemon = Daemon(self.site, os.path.join(directory, "state"))
        self.daemon.start()

    def close(self):
        self.daemon.kill()
        self.vendors.close()
        self.smtp.close()

    def restart(self):
        self.daemon.kill()
        self.daemon.start()

    def write(self, *rows):
        with open(self.feed, "a", encoding="utf-8") as out:
            for kind, output, text in rows:
                out.write(json.dumps({"time": self.now_s, "kind": kind, "output": output,
                                      "text": text}) + "\n")

    def say(self, output, *texts, kind="say"):
        """Each text is told to the output, by a plan of an incident of its own."""
        self.write(*[(kind, output, text) for text in texts])
        self.now_s += 10
        self.write(("tick", "-", "-"))

    def output(self, name):
        return [row for row in self.daemon.call("status")["outputs"] if row["name"] == name][0]

    def wait_output(self, name, seconds=30, **wanted):
        """Until these counters are at least so high (`waiting`: exactly)."""
        def is_there():
            row = self.output(name)
            return all(row[key] == value if key == "waiting" else row[key] >= value
                       for key, value in wanted.items())
        wait_until(is_there, seconds, "%s to have %s" % (name, wanted))
        return self.output(name)

    def wait_requests(self, path, count, seconds=30):
        wait_until(lambda: len(self.vendors.of(path)) >= count, seconds,
                   "%d requests of %s" % (count, path))
        return self.vendors.of(path)

    def wait_mails(self, count, seconds=30):
        wait_until(lambda: len(self.smtp.mails) >= count, seconds, "%d mails" % count)
        return list(self.smtp.mails)
