-- Detects: payments take too long on average.
-- Input:   source pay, successful payments.
-- Limits:  mean cost_time of 3,000 ms within 5 minutes.
-- Raises:  warning.
-- Tested:  tests/integration/rules.
local rule = require "tocsin.rule"

return rule.field {
  description = "Payments are slow",
  source = "pay",
  filter = "success == true",
  field = "cost_time",
  statistic = "avg",
  window = "5m",
  threshold = ">= 3000",
  output = "alerts",
  severity = "warning",
}
