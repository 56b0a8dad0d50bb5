-- Detects: no payment of anybody within five minutes: the whole app is down, or its log.
local rule = require "tocsin.rule"

return rule.count {
  description = "No payment at all",
  source = "pay", window = "5m", threshold = "< 1", output = "alerts", severity = "critical",
}
