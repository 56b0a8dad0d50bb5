-- Detects: one customer fails again and again: a broken app, or somebody who tries cards.
-- Input:   source pay, failed payments; every customerId is watched by itself.
-- Limits:  10 failures of one customer within a minute.
-- Raises:  info, without an incident.
-- Tested:  tests/integration/rules.
local rule = require "tocsin.rule"

return rule.continuous {
  description = "One customer's payments keep failing",
  source = "pay",
  filter = "success == false",
  field = "customerId",
  window = "1m",
  threshold = ">= 10",
  output = "alerts",
  severity = "info",
  incident = false,
}
