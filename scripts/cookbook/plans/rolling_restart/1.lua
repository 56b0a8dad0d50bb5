-- Handles: an app is slow: its hosts are restarted, two at a time, each until it is well again.
-- Steps:   for each host: out of the traffic, restart, wait until it answers, back in.
-- Effects: draining and filling set a state, so they are `idempotent`; the restart is `probe`.
-- Limits:  two hosts at once; with the second host that does not come back no more begin.
-- Tested:  test.lua
local plan = require "tocsin.plan"

local API = "http://hosts.internal/"

return plan {
  api = 1,
  owner = "payments on duty",
  description = "Restarts the hosts of an app, two at a time",
  risk = "medium",
  params = { hosts = { "pay1", "pay2", "pay3", "pay4" } },
  timeout = "2h",
  run = function(ctx, params)
    local safe = { effect = "idempotent" }
    local _, failed = ctx:each(params.hosts, function(c, host)
      c:http("drain", { method = "PUT", url = API .. host .. "/traffic", body = "off" }, safe)
      c:http("restart", { method = "POST", url = API .. host .. "/restart",
        body = { run = c.run } }, {
        probe = { action = "http.request", args = { url = API .. host .. "/last_restart" },
          want = { body = { run = c.run } } },
      })
      local is_up = c:wait_until("up", function()
        local answer = c:http("health", { url = API .. host .. "/health" },
          { on_fail = "continue", retry = { max = 1 } })
        return answer ~= nil and answer.status == 200
      end, { every = "5s", timeout = "5m" })
      if not is_up then
        error(host .. " does not come back; it stays out of the traffic", 0)
      end
      c:http("fill", { method = "PUT", url = API .. host .. "/traffic", body = "on" }, safe)
    end, { limit = 2, max_errors = 1 })
    local bad = {}
    for index in pairs(failed) do
      bad[#bad + 1] = params.hosts[index]
    end
    if #bad > 0 then
      ctx:notify("bad", { to = "ops", text = "Not back: " .. table.concat(bad, ", ") })
    end
    return { bad = bad }
  end,
}
