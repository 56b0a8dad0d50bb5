-- Handles: an incident of rule payment_failures: the payment provider itself is in trouble.
-- Steps:   ask a person, and only on a yes switch; a no, or 15 minutes of silence, changes nothing.
-- Effects: the switch is `once`: after a crash in the middle a person decides, not the plan.
-- Limits:  one run at a time, at most 3 an hour.
-- Tested:  test.lua; tests/integration/plans.
local plan = require "tocsin.plan"

return plan {
  api = 1,
  owner = "payments on duty",
  description = "The provider fails: switch over after a person's approval",
  risk = "high",
  on = { incident = "opened", rule = "payment_failures" },
  concurrency = { key = "global", limit = 1, on_conflict = "reject" },
  rate = { { 3, "1h" } },
  timeout = "2h",
  run = function(ctx)
    ctx:notify("tell", { to = "ops", text = "Payments fail everywhere. Switch the provider? "
      .. "tocsin plan runs --active, then tocsin plan approve RUN" })
    local answer = ctx:ask("switch", {
      text = "Switch to the second payment provider?", expires = "15m", on_expire = "reject",
    })
    if not answer.approved then
      ctx:log("not switched: " .. (answer.reason or "no answer"))
      return { switched = false }
    end
    ctx:exec("switch", { "/usr/bin/true", "--provider", "second" }, { effect = "once" })
    ctx:notify("switched", { to = "ops", text = "Switched to the second provider" })
    return { switched = true }
  end,
}
