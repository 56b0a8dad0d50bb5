local t = require "tocsin.plan_test"

local SILENCE = { rule = "no_payments_at_all", severity = "critical" }

t.case("two people who say the same are enough", function()
  t.alert(SILENCE)
  t.approve("share", { as = "wang", value = 30 })
  t.expect_run { state = "asking" }
  t.expect_none { action = "exec.run" }
  t.approve("share", { as = "li", value = 30 })
  t.expect_effects {
    { action = "exec.run", id = "switch", args = { argv = { "/usr/bin/true", "--second", "30" } } },
    { id = "tell", args = { text = "30 % go to the second provider, say wang and li" } },
  }
  t.expect_run { state = "done", result = { switched = 30 } }
end)

t.case("one no decides", function()
  t.alert(SILENCE)
  t.approve("share", { as = "wang", value = 30 })
  t.reject("share", { as = "zhao", reason = "it is a test" })
  t.expect_effects { { action = "log.write", args = { text = "not switched: it is a test" } } }
  t.expect_run { state = "done", result = { switched = 0 } }
end)

t.case("15 minutes of silence change nothing", function()
  t.alert(SILENCE)
  t.advance("15m")
  t.expect_run { state = "done", result = { switched = 0 } }
  t.expect_none { action = "exec.run" }
end)

t.case("a vote survives a daemon that dies before the second one", function()
  t.alert(SILENCE)
  t.approve("share", { as = "wang", value = 5 })
  t.crash()
  t.approve("share", { as = "li", value = 5 })
  t.expect_run { state = "done", result = { switched = 5 } }
end)
