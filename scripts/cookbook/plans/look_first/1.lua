-- Handles: payments of a merchant fail: what is known is gathered before somebody looks.
-- Steps:   open refunds, health of the gateway, the rule's value, side by side; then one message.
-- Effects: everything only reads; what cannot be read is told as such.
-- Limits:  at most two minutes; it changes nothing.
-- Tested:  test.lua
local plan = require "tocsin.plan"

return plan {
  api = 1,
  owner = "payments on duty",
  description = "Gathers what is known of a failing merchant into one message",
  risk = "low",
  on = { incident = "opened", rule = "failed_payments" },
  timeout = "2m",
  run = function(ctx)
    local merchant = ctx.incident.dimension.merchantId
    local found = ctx:par({
      refunds = function(c)
        return c:sql("refunds", { database = "pay", args = { merchant },
          sql = "SELECT count(*) AS open FROM refunds WHERE merchant = ? AND state = 'open'" })
      end,
      gateway = function(c)
        return c:http("gateway", { url = "http://gateway.internal/health" }).status
      end,
      failures = function(c)
        return c:metric("failures", { rule = "failed_payments", key = ctx.incident.dimension })
      end,
    }, { mode = "settle" })
    local lines = {}
    local function say(name, show)
      local one = found[name]
      lines[#lines + 1] = name .. ": " .. (one.ok and show(one.value) or "not known")
    end
    say("failures", function(value) return tostring(value.count) end)
    say("gateway", function(status) return status == 200 and "well" or "HTTP " .. status end)
    say("refunds", function(result)
      return result.rows[1] and result.rows[1].open .. " open" or "none"
    end)
    local text = merchant .. ": " .. table.concat(lines, ", ")
    ctx:log(text)
    ctx:notify("tell", { to = "ops", text = text })
    return { text = text }
  end,
}
