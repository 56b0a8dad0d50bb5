-- Detects: payments fail all over the system, whoever the merchant is.
-- Input:   source pay, every failed payment.
-- Limits:  2,000 failures within the last minute (a normal minute has about 500).
-- Raises:  critical; plan provider_switch asks a person what to do.
-- Tested:  tests/integration/rules (the documents of the four types).
local rule = require "tocsin.rule"

return rule.count {
  description = "Too many failed payments in the whole system",
  source = "pay",
  filter = "success == false",
  window = "1m",
  threshold = ">= 2000",
  output = "alerts",
  severity = "critical",
}
