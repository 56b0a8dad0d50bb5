local t = require "tocsin.plan_test"

local SLOW = { rule = "busy_and_slow", severity = "critical" }

t.case("off for at least 10 minutes, on when it is over", function()
  t.alert(SLOW)
  t.expect_effect { id = "off", args = { body = "off",
    headers = { Authorization = "Bearer gateway" } } }   -- the secret's name stands for it
  t.advance("1m")
  t.resolve()
  t.advance("8m")
  t.expect_none { id = "on" }
  t.advance("1m")
  t.expect_effect { id = "on", args = { body = "on" } }
  t.expect_effect { id = "over" }
  t.expect_run { state = "done" }
end)

t.case("a switch that fails waits for an operator, who tries again", function()
  t.reply("off", { error = "HTTP status 503", repeatable = true })
  t.alert(SLOW)
  t.advance("5m")
  t.expect_run { state = "in_doubt" }
  t.expect_none { id = "told" }
  t.reply("off", { result = { status = 204 } })
  t.retry { as = "wang", reason = "the gateway is back" }
  t.expect_effect { id = "told" }
  t.expect_run { state = "sleeping" }
end)

t.case("a daemon that dies while they are off does not forget them", function()
  t.alert(SLOW)
  t.advance("5m")
  t.crash()
  t.resolve()
  t.advance("6m")
  t.expect_effect { id = "on" }
  t.expect_none { id = "off", try = 2 }
  t.expect_run { state = "done" }
end)
