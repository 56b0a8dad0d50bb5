local t = require "tocsin.plan_test"

local GOOD = { passed = true, broken = {}, requests = 24000, p99_ms = 80 }
local SLOW = { passed = false, broken = { "p99 is 900 ms, at most 300 ms" }, p99_ms = 900 }

t.case("it bears the load at once", function()
  t.reply("test", { result = GOOD })
  t.start { params = { rate = 500 } }
  t.expect_effect { action = "load.run", args = { rate = 500 } }
  t.expect_effect { id = "verdict",
    args = { text = "Room 2 with 4 hosts bears 500 requests a second" } }
  t.expect_none { id = "scale" }
  t.expect_run { state = "done", result = { passed = true, hosts = 4 } }
end)

t.case("with twice as many hosts it does", function()
  t.reply("test", { result = SLOW }, { result = GOOD })
  t.start()
  t.expect_effect { id = "scale", args = { body = { hosts = 8 } } }
  t.advance("1m")
  t.expect_run { state = "done", result = { passed = true, hosts = 8 } }
end)

t.case("it does not even then, and is not scaled again", function()
  t.reply("test", { result = SLOW })
  t.start()
  t.advance("1m")
  t.expect_effect { id = "scale" }
  t.expect_none { id = "scale" }
  t.expect_run { state = "done", result = { passed = false, hosts = 8 } }
end)

t.case("a daemon that dies during the test begins it again", function()
  t.reply("test", { result = GOOD, after = "100s" })
  t.start()
  t.advance("50s")
  t.crash()
  t.expect_effect { id = "test", try = 2 }
  t.advance("100s")
  t.expect_effect { id = "verdict" }
  t.expect_run { state = "done", result = { passed = true, hosts = 4 } }
end)
