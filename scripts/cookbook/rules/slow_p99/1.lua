-- Detects: the slowest hundredth of all payments takes more than 5 seconds.
local rule = require "tocsin.rule"

return rule.field {
  description = "The 99th percentile of cost_time is high",
  source = "pay", field = "cost_time", statistic = "p99",
  window = "5m", every = "30s", threshold = "> 5000",
  min_samples = 100,                       -- of ten payments one is always the slowest
  output = "alerts",
}
