-- Detects: failures that also take long: a time-out behind us, not customers without money.
local rule = require "tocsin.rule"

return rule.group {
  description = "Payments fail slowly",
  source = "pay", filter = "success == false", by = { "gateway" },
  window = "1m", output = "alerts", severity = "critical",
  all = {
    { statistic = "count", threshold = ">= 10" },
    { statistic = "avg", field = "cost_time", threshold = "> 3000" },
  },
}
