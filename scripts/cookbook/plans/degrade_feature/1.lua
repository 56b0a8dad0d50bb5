-- Handles: coupons slow everything down: they are switched off, and on again when it is over.
-- Steps:   off (a person is needed when that fails), at least 10 minutes, on again, tell.
-- Effects: a switch has a state, so it is `idempotent`; the token is a secret.
-- Limits:  whatever goes wrong, the coupons are on again at the end, or somebody knows.
-- Tested:  test.lua
local plan = require "tocsin.plan"

return plan {
  api = 1,
  owner = "payments on duty",
  description = "Switches coupons off while payments are slow",
  risk = "medium",
  on = { incident = "opened", rule = "busy_and_slow" },
  concurrency = { key = "global", limit = 1, on_conflict = "attach" },
  timeout = "12h",
  run = function(ctx)
    local function switch(id, state)
      return ctx:http(id, { method = "PUT", url = "http://gateway.internal/features/coupons",
        headers = { Authorization = ctx:secret("gateway", { prefix = "Bearer " }) }, body = state },
        { effect = "idempotent", on_fail = "wait", retry = { max = 3 } })
    end
    local since = ctx:now()
    switch("off", "off")
    ctx:notify("told", { to = "ops", text = "Coupons are off: " .. ctx.incident.title })
    ctx:sleep("10m")
    ctx:wait_until("recovered", function()
      return ctx:incident_now().firing_count == 0
    end, { every = "30s", timeout = "10h" })
    switch("on", "on")
    ctx:notify("over", { to = "ops", text = "Coupons are on again" })
    return { off_for_s = math.floor(ctx:now() - since) }
  end,
}
