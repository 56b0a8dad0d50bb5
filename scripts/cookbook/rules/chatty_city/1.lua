-- Detects: a busy city; at most two alerts an hour, the next one says how many were kept back.
local rule = require "tocsin.rule"

return rule.group {
  description = "Many payments in one city",
  source = "pay", by = { "city" },
  window = "10s", threshold = ">= 50",
  non_disturb = { max = 2, within = "1h" },
  output = "alerts", severity = "info", incident = false,
}
