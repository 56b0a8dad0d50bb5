local t = require "tocsin.plan_test"

local SLOW = { rule = "slow_p99", severity = "warning" }

local function has(hosts)
  return { result = { status = 200, body = "{\"hosts\": " .. hosts .. "}" } }
end

t.case("more while it is slow, back half an hour after it is calm", function()
  t.reply("read", has(10))
  t.alert(SLOW)
  t.expect_effect { id = "more", args = { method = "PUT", body = { hosts = 15 } } }
  t.advance("10m")
  t.resolve()
  t.advance("30s")
  t.expect_none { id = "back" }
  t.advance("30m")
  t.expect_effect { id = "back", args = { body = { hosts = 10 } } }
  t.expect_run { state = "done", result = { hosts = 10 } }
end)

t.case("after 6 hours a person says whether it stays", function()
  t.reply("read", has(4))
  t.alert(SLOW)
  t.advance("7h")
  t.expect_run { state = "asking" }
  t.approve("back", { as = "wang" })
  t.expect_effect { id = "back", args = { body = { hosts = 4 } } }
end)

t.case("a daemon that dies during the change asks how many hosts there are", function()
  t.reply("read", has(10))
  t.reply("more", { after = "8s" })
  t.probe("more", has(10))
  t.alert(SLOW)
  t.expect_effect { id = "more", try = 1 }
  t.advance("5s")
  t.crash()
  t.advance("5s")
  t.expect_effect { id = "more", try = 2, args = { body = { hosts = 15 } } }
end)
