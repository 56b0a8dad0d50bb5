local t = require "tocsin.plan_test"

local SILENT = { rule = "partners_must_pay", severity = "warning",
  dimension = { merchantId = "p1" } }

t.case("the answer ends it", function()
  t.alert(SILENT)
  t.expect_effect { action = "ticket.create", id = "report" }
  t.advance("10m")
  t.signal("provider_answers", { value = "we are on it", as = "provider" })
  t.expect_run { state = "done", result = { answer = "we are on it", ticket = "DRY-1" } }
  t.expect_none { id = "remind" }
end)

t.case("every half hour somebody is told, also over a restart", function()
  t.alert(SILENT)
  t.advance("31m")
  t.expect_effect { step = "remind#1", at_ms = 30 * 60 * 1000 }
  t.crash()
  t.advance("30m")
  t.expect_effect { step = "remind#2", at_ms = 60 * 60 * 1000 }
  t.advance("1h")
  t.expect_effect { step = "remind#4" }
  t.expect_run { state = "done" }
end)

t.case("an answer that comes before anybody waits is not lost", function()
  t.reply("report", { after = "5s", result = { id = "T-7" } })
  t.alert(SILENT)
  t.signal("provider_answers", { value = "known", as = "provider" })
  t.advance("5s")
  t.expect_run { state = "done", result = { answer = "known", ticket = "T-7" } }
end)
