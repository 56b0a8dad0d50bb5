-- Detects: a customer whose payment failed and who does not succeed within two minutes.
local rule = require "tocsin.rule"
local sequence = require "tocsin.sequence"

local seen = sequence.missing {
  first = function(r) return r.success == false end,
  next = function(r) return r.success == true end,
  within = "2m",
  verdict = function(ctx) return { message = ctx.key.customerId .. " gave up" } end,
}

return rule.script {
  description = "A customer gave up after a failure",
  source = "pay", by = { "customerId" }, window = "5m", reads = { "success" },
  on_reading = seen.on_reading, on_timer = seen.on_timer,
  output = "alerts", severity = "info", incident = false,
}
