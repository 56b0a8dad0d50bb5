-- Detects: failed payments over the merchant's own limit, from a table; 20 for all others.
local rule = require "tocsin.rule"

return rule.group {
  description = "Failed payments beyond the merchant's own limit",
  source = "pay", filter = "success == false", by = { "merchantId", "city" },
  window = "1m", threshold = ">= 20",
  thresholds = { lookup = "limits", column = "failures" },
  output = "alerts",
}
