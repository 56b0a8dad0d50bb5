-- Detects: failures at a gateway that comes and goes: one alert says so instead of twenty.
local rule = require "tocsin.rule"

return rule.group {
  description = "A gateway fails now and then",
  source = "pay", filter = "success == false", by = { "gateway" },
  window = "10s", threshold = ">= 5",
  flap = { changes = 4, within = "10m" },
  output = "alerts",
}
