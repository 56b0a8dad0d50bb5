-- Handles: an app is slow: half as many hosts again, until it has been calm for 30 minutes.
-- Steps:   read the number, set the new one, wait for calm, wait on, set the former one again.
-- Effects: both numbers are absolute and probed, so a crash neither loses nor doubles a change.
-- Limits:  after 6 hours without calm a person is asked whether it stays.
-- Tested:  test.lua
local plan = require "tocsin.plan"

local SCALE = "http://scale.internal/pay"

return plan {
  api = 1,
  owner = "payments on duty",
  description = "More hosts while an app is slow, and the former number afterwards",
  risk = "medium",
  on = { incident = "opened", rule = "slow_p99" },
  concurrency = { key = "global", limit = 1, on_conflict = "attach" },
  timeout = "1d",
  run = function(ctx)
    local before = tonumber(ctx:http("read", { url = SCALE }).body:match('"hosts":%s*(%d+)'))
    if not before then
      error("the number of hosts cannot be read", 0)
    end
    local function set(id, hosts)
      ctx:http(id, { method = "PUT", url = SCALE, body = { hosts = hosts } }, {
        probe = { action = "http.request", args = { url = SCALE },
          want = { body = { hosts = hosts } } },
      })
    end
    local more = math.ceil(before * 1.5)
    set("more", more)
    ctx:log("hosts: " .. before .. " -> " .. more)
    local is_calm = ctx:wait_until("calm", function()
      return ctx:incident_now().firing_count == 0
    end, { every = "30s", timeout = "6h" })
    if is_calm then
      ctx:sleep("30m")
    else
      local answer = ctx:ask("back", {
        text = "Still slow with " .. more .. " hosts. Back to " .. before .. "?",
        expires = "2h", on_expire = "reject",
      })
      if not answer.approved then
        return { hosts = more }
      end
    end
    set("back", before)
    return { hosts = before }
  end,
}
