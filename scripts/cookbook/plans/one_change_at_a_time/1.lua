-- Handles: gateways come and go: a route is moved, but never two changes of traffic at once.
-- Steps:   take the lock "traffic" (others wait in line), move, look for two minutes, give it back.
-- Effects: the request carries the lock's fence: the target refuses a holder that is too late.
-- Limits:  20 minutes in line, 5 minutes with the lock.
-- Tested:  test.lua
local plan = require "tocsin.plan"

return plan {
  api = 1,
  owner = "payments on duty",
  description = "Moves the route of a gateway, one change of traffic at a time",
  risk = "medium",
  on = { incident = "opened", rule = "flapping_gateway" },
  timeout = "1h",
  run = function(ctx)
    local gateway = ctx.incident.dimension.gateway or "default"
    return ctx:lock("traffic", { ttl = "5m", wait = "20m" }, function(c, fence)
      c:http("move", { method = "PUT", url = "http://traffic.internal/routes/" .. gateway,
        body = { to = "second", fence = fence } }, { effect = "idempotent" })
      local is_over = c:wait_until("calm", function()
        return c:incident_now().firing_count == 0
      end, { every = "10s", timeout = "2m" })
      return { gateway = gateway, helped = is_over == true }
    end)
  end,
}
