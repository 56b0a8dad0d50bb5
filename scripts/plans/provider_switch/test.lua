local t = require "tocsin.plan_test"

local OUTAGE = { rule = "payment_failures", severity = "critical" }

local function asked()
  t.alert(OUTAGE)
  t.expect_effects { { action = "notify.send", id = "tell", args = { to = "ops" } } }
  t.expect_run { state = "asking" }
end

t.case("after a yes it switches, once", function()
  asked()
  t.approve("switch", { as = "wang", reason = "looked at the graphs" })
  t.expect_effects {
    { action = "exec.run", id = "switch", args = { argv = { "/usr/bin/true", "--provider",
      "second" } } },
    { action = "notify.send", id = "switched" },
  }
  t.expect_run { state = "done", result = { switched = true } }
end)

t.case("a no changes nothing", function()
  asked()
  t.reject("switch", { as = "wang", reason = "the provider recovers" })
  t.expect_effects { { action = "log.write", args = {
    text = "not switched: the provider recovers" } } }
  t.expect_run { state = "done", result = { switched = false } }
end)

t.case("15 minutes of silence change nothing", function()
  asked()
  t.advance("14m")
  t.expect_run { state = "asking" }
  t.advance("1m")
  t.expect_run { state = "done", result = { switched = false } }
  t.expect_none { action = "exec.run" }
end)

t.case("a daemon that dies during the switch leaves it to a person", function()
  asked()
  t.reply("switch", { after = "8s" })
  t.approve("switch")
  t.expect_effect { action = "exec.run" }
  t.advance("5s")
  t.crash()
  t.expect_run { state = "in_doubt" }
  t.expect_none { action = "exec.run" }
  t.approve("switch", { as = "li", reason = "the second provider has our traffic" })
  t.expect_effects { { id = "switched" } }
  t.expect_run { state = "done" }
end)

t.case("the answer survives a daemon that dies before it", function()
  asked()
  t.crash()
  t.expect_run { state = "asking" }
  t.expect_none()
  t.approve("switch")
  t.expect_effect { action = "exec.run" }
end)

t.case("one run at a time, and three in an hour", function()
  local function again()
    t.advance("11m")
    t.alert(OUTAGE)
  end
  t.alert(OUTAGE)
  t.alert { rule = "payment_failures", severity = "critical", dimension = { city = "x" } }
  if #t.facts("run_refused") ~= 1 then
    error("a second run was not refused")
  end
  for _ = 1, 3 do
    t.reject("switch")
    t.resolve()
    again()
  end
  if #t.facts("run_started") ~= 3 then
    error(#t.facts("run_started") .. " runs were started")
  end
end)
