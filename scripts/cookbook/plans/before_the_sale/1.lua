-- Handles: the day before a sale: does the second room bear the load of the first one?
-- Steps:   a test of performance at a fixed rate; when it fails, more hosts, and the test again.
-- Effects: the test only reads; the scale is `probe`, an absolute number.
-- Limits:  started by hand; twice as many hosts at most.
-- Tested:  test.lua
local plan = require "tocsin.plan"

local SCALE = "http://scale.internal/room2"

return plan {
  api = 1,
  owner = "payments on duty",
  description = "Puts the second room under the load of a sale and says whether it bears it",
  risk = "medium",
  params = { rate = 200, hosts = 4 },
  timeout = "1h",
  run = function(ctx, params)
    local hosts = params.hosts
    local test
    for _ = 1, 2 do
      test = ctx:load("test", {
        url = "http://room2.internal:8080/ping", rate = params.rate, duration = "2m",
        warm_up = "10s", limits = { p99 = "300ms", errors = 0.001 }, stop_at = 0.5,
      })
      if test.passed or hosts > params.hosts then
        break
      end
      hosts = 2 * params.hosts
      ctx:http("scale", { method = "PUT", url = SCALE, body = { hosts = hosts } }, {
        probe = { action = "http.request", args = { url = SCALE },
          want = { body = { hosts = hosts } } },
      })
      ctx:sleep("1m")
    end
    local verdict = test.passed and "bears" or "does not bear"
    ctx:notify("verdict", { to = "ops", text = "Room 2 with " .. hosts .. " hosts " .. verdict
      .. " " .. params.rate .. " requests a second" })
    return { passed = test.passed, hosts = hosts }
  end,
}
