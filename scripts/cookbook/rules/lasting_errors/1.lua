-- Detects: failures that last. Two minutes until somebody is told, five quiet ones to its end.
local rule = require "tocsin.rule"

return rule.count {
  description = "Payments keep failing",
  source = "pay", filter = "success == false",
  window = "1m", threshold = ">= 30", clear = "< 10",
  hold = "2m", clear_hold = "5m",
  output = "alerts",
}
