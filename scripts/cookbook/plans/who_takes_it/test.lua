local t = require "tocsin.plan_test"

local DOWN = { rule = "failed_payments", severity = "critical", dimension = { merchantId = "m1" } }

t.case("the first who is asked takes it, and nobody else is disturbed", function()
  t.alert(DOWN)
  t.expect_effect { step = "wang/page#1" }
  t.approve("wang/take#1", { as = "wang" })
  t.expect_run { state = "done", result = { taken = "wang" } }
  t.advance("10m")
  t.expect_none { action = "notify.send" }
end)

t.case("after two minutes the second is asked, and may be quicker", function()
  t.alert(DOWN)
  t.advance("2m")
  t.expect_effect { step = "li/page#1", at_ms = 2 * 60 * 1000 }
  t.approve("li/take#1", { as = "li" })
  t.expect_run { state = "done", result = { taken = "li" } }
  t.expect_none { step = "zhao/page#1" }
end)

t.case("a no is no reason to wait: the others are still asked", function()
  t.alert(DOWN)
  t.reject("wang/take#1", { as = "wang" })
  t.advance("4m")
  t.approve("zhao/take#1", { as = "zhao" })
  t.expect_run { state = "done", result = { taken = "zhao" } }
end)

t.case("when nobody answers the team hears of it, also over a restart", function()
  t.alert(DOWN)
  t.advance("5m")
  t.crash()
  t.advance("5m")
  t.expect_effect { id = "team", args = { to = "team" } }
  t.expect_run { state = "done", result = { taken = false } }
end)
