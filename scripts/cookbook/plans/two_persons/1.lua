-- Handles: the payment gateway itself fails: another provider, if two people agree on the share.
-- Steps:   ask two of the payments team for one and the same share, switch, tell.
-- Effects: the switch is `once`: after a crash in the middle a person says whether it happened.
-- Limits:  whoever started the run does not count; 15 minutes of silence are a no.
-- Tested:  test.lua
local plan = require "tocsin.plan"

return plan {
  api = 1,
  owner = "payments on duty",
  description = "Another provider takes a share of the payments, if two people agree",
  risk = "high",
  on = { incident = "opened", rule = "no_payments_at_all" },
  concurrency = { key = "global", limit = 1, on_conflict = "reject" },
  run = function(ctx)
    local answer = ctx:ask("share", {
      text = "No payments come in. Which share, in percent, goes to the second provider?",
      who = { "wang", "li", "zhao" }, quorum = 2, not_starter = true,
      schema = { type = "whole", min = 1, max = 100 },
      expires = "15m", on_expire = "reject",
    })
    if not answer.approved then
      ctx:log("not switched: " .. (answer.reason or "nobody answered"))
      return { switched = 0 }
    end
    ctx:exec("switch", { "/usr/bin/true", "--second", tostring(answer.value) })
    local names = {}
    for i, one in ipairs(answer.answers) do
      names[i] = one.actor
    end
    ctx:notify("tell", { to = "ops", text = answer.value .. " % go to the second provider, say "
      .. table.concat(names, " and ") })
    return { switched = answer.value }
  end,
}
