-- Detects: one merchant's payments fail while the others' work.
-- Input:   source pay, failed payments with an amount, by merchant.
-- Limits:  40 failures within the last 10 seconds.
-- Raises:  critical; one incident per merchant; plan merchant_outage handles it.
-- Tested:  make demo breaks a merchant for 15 seconds.
local rule = require "tocsin.rule"

return rule.group {
  description = "Too many failed payments of one merchant",
  source = "pay",
  filter = "success == false and amount > 0",
  by = { "merchantId" },
  statistic = "count",
  window = "10s",
  threshold = ">= 40",
  output = "alerts",
  severity = "critical",
  labels = { team = "payments" },
}
