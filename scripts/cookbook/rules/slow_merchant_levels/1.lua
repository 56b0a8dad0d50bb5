-- Detects: a slow merchant, with two levels that resolve by conditions of their own.
local rule = require "tocsin.rule"

return rule.group {
  description = "A merchant is slow",
  source = "pay", by = { "merchantId" }, statistic = "avg", field = "cost_time",
  window = "1m", min_samples = 10, output = "alerts",
  severities = {
    warning = { threshold = "> 2000", clear = "< 1500" },
    critical = { threshold = "> 5000", clear = "< 4000" },
  },
}
