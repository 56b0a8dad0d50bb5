-- Handles: an incident of rule merchant_failures.
-- Steps:   tell the people on duty, reset the merchant's route, wait for recovery, say it is over.
-- Effects: the route command sets an absolute state, so it may be repeated (idempotent).
-- Limits:  one run per incident; gives up waiting after 30 minutes and says so.
-- Tested:  test.lua; make demo; tests/integration/plans kills the daemon at every step.
local plan = require "tocsin.plan"

return plan {
  api = 1,
  owner = "payments on duty",
  description = "A merchant's payments fail: reset its route and wait",
  risk = "low",
  on = { incident = "opened", rule = "merchant_failures" },
  concurrency = { key = "incident", limit = 1, on_conflict = "attach" },
  timeout = "1h",
  run = function(ctx)
    local merchant = ctx.incident.dimension.merchantId
    ctx:notify("tell", {
      to = "ops", text = "Payments of " .. merchant .. " fail, resetting its route",
    })
    ctx:exec("reset_route", { "/usr/bin/true", "--merchant", merchant }, { effect = "idempotent" })
    local recovered = ctx:wait_until("recovered", function()
      return ctx:incident_now().firing_count == 0
    end, { every = "2s", timeout = "30m" })
    if not recovered then
      ctx:notify("escalate", { to = "ops", text = merchant .. " still fails after 30 minutes" })
      return { recovered = false }
    end
    ctx:notify("over", { to = "ops", text = "Payments of " .. merchant .. " work again" })
    return { recovered = true }
  end,
}
