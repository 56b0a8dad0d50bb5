local t = require "tocsin.plan_test"

local OUTAGE = { rule = "merchant_failures", severity = "critical",
  dimension = { merchantId = "m0003" } }

t.case("the route is reset once, and the recovery is told", function()
  t.alert(OUTAGE)
  t.expect_effects {
    { action = "notify.send", id = "tell", args = { to = "ops",
      text = "Payments of m0003 fail, resetting its route" } },
    { action = "exec.run", id = "reset_route",
      args = { argv = { "/usr/bin/true", "--merchant", "m0003" } } },
  }
  t.advance("20s")
  t.expect_run { state = "sleeping", plan = "merchant_outage" }
  t.resolve(OUTAGE)
  t.advance("2s")
  t.expect_effects { { id = "over", args = { text = "Payments of m0003 work again" } } }
  t.expect_run { state = "done", result = { recovered = true } }
end)

t.case("after 30 minutes somebody else is told", function()
  t.alert(OUTAGE)
  t.advance("29m")
  t.expect_run { state = "sleeping" }
  t.advance("1m")
  t.expect_effect { id = "escalate", at_ms = 30 * 60 * 1000 }
  t.expect_run { state = "done", result = { recovered = false } }
end)

t.case("a daemon that dies while the route is reset resets it again, with the same key", function()
  t.reply("reset_route", { after = "8s" })
  t.alert(OUTAGE)
  t.advance("5s")
  local first = t.expect_effect { id = "reset_route", try = 1 }
  t.crash()
  t.expect_effect { id = "reset_route", try = 2, key = first.key }
  t.expect_none { id = "reset_route" }
  t.resolve()
  t.advance("15s")
  t.expect_run { state = "done" }
end)

t.case("a second alert of the merchant starts no second run, another rule none at all", function()
  t.alert { rule = "slow_merchant", dimension = { merchantId = "m0003" } }
  t.expect_no_run()
  t.alert(OUTAGE)
  local run = t.expect_run()
  t.alert(OUTAGE)
  t.expect_run { id = run.id, state = "sleeping" }
  t.expect_effects { { id = "tell" }, { id = "reset_route" } }
end)

t.case("a reset that fails ends the run, and nobody is told that it works", function()
  t.reply("exec.run", { error = "exit code 2: no such merchant" })
  t.alert(OUTAGE)
  t.expect_run { state = "failed", error = function(text)
    return text:find("exit code 2: no such merchant", 1, true) ~= nil
  end }
  t.expect_none { id = "over" }
end)
