-- Detects: one customer pays at very many merchants within ten minutes: a stolen account.
local rule = require "tocsin.rule"

return rule.group {
  description = "One customer at many merchants",
  source = "pay", by = { "customerId" }, statistic = "distinct", field = "merchantId",
  window = "10m", threshold = ">= 8", output = "alerts", severity = "critical",
}
