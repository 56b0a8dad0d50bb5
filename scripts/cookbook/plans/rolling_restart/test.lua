local t = require "tocsin.plan_test"

t.case("two hosts at once, and each is back before the next one goes", function()
  t.reply("restart", { after = "3s" })
  t.start { params = { hosts = { "a", "b", "c" } } }
  t.expect_effect { step = "1/drain#1" }
  t.expect_effect { step = "2/drain#1" }
  t.expect_none { step = "3/drain#1" }
  t.advance("3s")
  t.expect_effect { step = "1/health#1" }
  t.expect_effect { step = "1/fill#1", args = { url = "http://hosts.internal/a/traffic" } }
  t.expect_effect { step = "3/drain#1" }
  t.advance("3s")
  t.expect_run { state = "done" }
end)

t.case("a host that does not come back stays out, and is told", function()
  t.reply("health", { error = "HTTP status 503", repeatable = true })
  t.start { params = { hosts = { "a" } } }
  t.advance("4m")
  t.expect_run { state = "sleeping" }
  t.advance("2m")
  t.expect_effect { id = "bad", args = { text = "Not back: a" } }
  t.expect_none { id = "fill" }
  t.expect_run { state = "done" }
end)

t.case("a daemon that dies during a restart asks the host whether it was restarted", function()
  t.reply("restart", { after = "8s" })
  t.start { params = { hosts = { "a" } } }
  local run = t.expect_run()
  t.probe("restart", { result = { status = 200, body = "{\"run\":\"" .. run.id .. "\"}" } })
  t.advance("5s")
  t.expect_effect { id = "restart", try = 1 }
  t.crash()
  t.advance("10s")
  t.expect_none { id = "restart", try = 2 }
  t.expect_run { state = "done" }
end)
