-- Handles: a partner is silent: a ticket with the provider, and its answer is waited for.
-- Steps:   one ticket, the provider's signal; every 30 minutes without it somebody is told.
-- Effects: the ticket is found again by its key after a crash: there is only one.
-- Limits:  four reminders; then the run ends and says so.
-- Tested:  test.lua
local plan = require "tocsin.plan"

return plan {
  api = 1,
  owner = "partners team",
  description = "A ticket with the provider, and reminders until it answers",
  on = { incident = "opened", rule = "partners_must_pay" },
  timeout = "6h",
  run = function(ctx)
    local ticket = ctx:ticket("report", { to = "provider", title = ctx.incident.title,
      text = "No payments of " .. ctx.incident.dimension.merchantId })
    for i = 1, 4 do
      -- tocsin plan signal RUN provider_answers --value 'we are on it'
      local answer = ctx:signal("provider_answers", { timeout = "30m" })
      if answer then
        ctx:log("the provider: " .. tostring(answer.value))
        return { answer = answer.value, ticket = ticket.id }
      end
      ctx:notify("remind", { to = "ops", text = "Ticket " .. tostring(ticket.id or ticket.key)
        .. ": no answer for " .. 30 * i .. " minutes" })
    end
    return { ticket = ticket.id }
  end,
}
