-- Detects: a customer spends more than 50,000 within an hour; finance is told.
local rule = require "tocsin.rule"

return rule.group {
  description = "A customer spends much",
  source = "pay", filter = "success == true", by = { "customerId" },
  statistic = "sum", field = "amount",
  window = "1h", threshold = "> 50000", output = "finance", severity = "info", incident = false,
}
