-- Detects: a partner from whom nothing comes. Silence is a state of its own, not health.
local rule = require "tocsin.rule"

return rule.group {
  description = "A partner is silent",
  source = "pay", by = { "merchantId" }, statistic = "count",
  window = "1m", threshold = ">= 1000000",
  no_data = "alert", no_data_after = "5m", expect = { "m0001", "m0002" },
  dimensions = { merchantId = { lookup = "partners" } },
  output = "alerts", severity = "critical",
}
