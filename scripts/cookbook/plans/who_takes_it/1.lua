-- Handles: payments of a merchant fail: who of three takes it? Asked one after the other.
-- Steps:   three branches ask, the later ones after 2 and 4 minutes; the first yes wins.
-- Effects: messages only (`idempotent`); the questions of the others are closed.
-- Limits:  after 10 minutes without a yes the whole team hears of it.
-- Tested:  test.lua
local plan = require "tocsin.plan"

local PEOPLE = { { name = "wang" }, { name = "li", after = "2m" }, { name = "zhao", after = "4m" } }

return plan {
  api = 1,
  owner = "payments on duty",
  description = "Asks one person after the other until one takes the incident",
  on = { incident = "opened", rule = "failed_payments" },
  run = function(ctx)
    local branches = {}
    for _, person in ipairs(PEOPLE) do
      branches[person.name] = function(c)
        if person.after then
          c:sleep(person.after)
        end
        c:notify("page", { to = "ops", text = person.name .. ": " .. ctx.incident.title .. "?" })
        local answer = c:ask("take", { text = person.name .. ", do you take it?",
          who = person.name, expires = "6m", on_expire = "fail" })
        if not answer.approved then
          error(person.name .. " cannot", 0)
        end
        return true
      end
    end
    local ok, _, winner = pcall(ctx.par, ctx, branches, { mode = "any" })
    if not ok then
      ctx:notify("team", { to = "team", text = "Nobody takes: " .. ctx.incident.title })
      return { taken = false }
    end
    ctx:log(winner .. " takes it")
    return { taken = winner }
  end,
}
