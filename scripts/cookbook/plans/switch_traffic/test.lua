local t = require "tocsin.plan_test"

local OUTAGE = { rule = "early_outage", severity = "critical", dimension = { app = "shop" } }

local function share(percent)
  return { method = "PUT", url = "http://traffic.internal/rooms/2", body = { share = percent } }
end

t.case("traffic stays in room 2 when payments recover there", function()
  t.alert(OUTAGE)
  t.expect_effects { { action = "notify.send", id = "tell" },
    { action = "http.request", id = "switch", args = share(100) } }
  t.resolve()
  t.advance("10s")
  t.expect_run { state = "done", result = { switched = true } }
  t.expect_none()
end)

t.case("it goes back after 10 minutes without recovery", function()
  t.alert(OUTAGE)
  t.expect_effect { id = "switch", args = share(100) }
  t.advance("11m")
  t.expect_effect { action = "http.request", id = "undo", args = share(0) }
  t.expect_effect { id = "back" }
  t.expect_run { state = "done", result = { switched = false } }
end)

t.case("a daemon that dies during the switch asks the traffic service, and does not switch twice",
  function()
    t.reply("switch", { after = "8s" })
    t.probe("switch", { result = { status = 200, body = "{\"share\":100}" } })
    t.alert(OUTAGE)
    t.expect_effect { id = "switch", try = 1 }
    t.advance("5s")
    t.crash()
    t.expect_effect { action = "http.request", probe = true,
      args = { url = "http://traffic.internal/rooms/2" } }
    t.resolve()
    t.advance("10s")
    t.expect_run { state = "done", result = { switched = true } }
    t.expect_none { id = "switch" }
  end)

t.case("by hand, with another share", function()
  t.start { params = { share = 20 }, as = "wang" }
  t.expect_effect { id = "switch", args = share(20) }
  t.expect_run { state = "done", result = { switched = true } }
end)
