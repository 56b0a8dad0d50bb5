local t = require "tocsin.plan_test"

local DOWN = { rule = "failed_payments", severity = "critical", dimension = { merchantId = "m1" } }

t.case("one message has all of it", function()
  t.reply("refunds", { result = { columns = { "open" }, rows = { { open = 7 } }, row_count = 1 } })
  t.reply("failures", { result = { count = 42, firing = true, stage = "firing" } })
  t.alert(DOWN)
  t.expect_effect { id = "tell",
    args = { text = "m1: failures: 42, gateway: well, refunds: 7 open" } }
  t.expect_run { state = "done" }
end)

t.case("what cannot be read is told as such", function()
  t.reply("gateway", { error = "no such host" })
  t.reply("refunds", { error = "no such table: refunds" })
  t.reply("failures", { result = { count = 3, firing = true, stage = "firing" } })
  t.alert(DOWN)
  t.advance("1m")
  t.expect_effect { id = "tell",
    args = { text = "m1: failures: 3, gateway: not known, refunds: not known" } }
end)

t.case("a daemon that dies meanwhile asks again and tells once", function()
  t.reply("refunds", { after = "8s" })
  t.alert(DOWN)
  t.advance("5s")
  t.crash()
  t.advance("10s")
  t.expect_effect { id = "refunds", try = 2 }
  t.expect_effect { id = "tell" }
  t.expect_none { id = "tell" }
  t.expect_run { state = "done" }
end)
