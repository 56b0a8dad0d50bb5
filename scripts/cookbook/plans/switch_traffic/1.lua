-- Handles: payments of an app fail: traffic goes to the second room, and back if that is no help.
-- Steps:   tell, set the share, wait for the recovery; after 10 minutes without it roll back.
-- Effects: the switch is `probe`, its value absolute: after a crash the traffic service is asked.
-- Limits:  one run at a time, 3 in an hour; by hand (no incident) the share stays.
-- Tested:  test.lua
local plan = require "tocsin.plan"

local ROOM = "http://traffic.internal/rooms/2"

local function set(share)
  return { method = "PUT", url = ROOM, body = { share = share } }
end

local function has(share)
  return { action = "http.request", args = { url = ROOM }, want = { body = { share = share } } }
end

return plan {
  api = 1,
  owner = "payments on duty",
  description = "Traffic to the second room, and back when it does not help",
  risk = "high",
  params = { share = 100 },
  on = { incident = "opened", rule = "early_outage" },
  concurrency = { key = "global", limit = 1, on_conflict = "reject" },
  rate = { { 3, "1h" } },
  timeout = "1h",
  run = function(ctx, params)
    local why = ctx.incident and ctx.incident.title or "By hand"
    ctx:notify("tell", { to = "ops", text = why .. ": " .. params.share
      .. " % of the traffic goes to room 2" })
    ctx:http("switch", set(params.share), {
      probe = has(params.share),
      undo = { "http.request", set(0), { probe = has(0) } },
    })
    local is_over = ctx:wait_until("recovered", function()
      local incident = ctx:incident_now()
      return incident == nil or incident.firing_count == 0
    end, { every = "10s", timeout = "10m" })
    if is_over then
      return { switched = true }
    end
    ctx:rollback("no recovery after 10 minutes")
    ctx:notify("back", { to = "ops", text = "Room 2 is no help: the traffic is back in room 1" })
    return { switched = false }
  end,
}
