-- Detects: a merchant whose payments fail.
local rule = require "tocsin.rule"

return rule.group {
  description = "Too many failed payments of one merchant",
  source = "pay", filter = "success == false", by = { "merchantId" },
  window = "1m", threshold = ">= 20", output = "alerts", severity = "critical",
  message = "{merchantId}: {count} payments failed within {window}",
}
