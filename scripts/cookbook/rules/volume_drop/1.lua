-- Detects: payments of an app drop suddenly against its own past; no number has to be known.
local rule = require "tocsin.rule"

return rule.group {
  description = "Payments of an app drop",
  source = "pay", by = { "app" }, statistic = "count",
  window = "5m", trend = "sudden_drop", sensitivity = "medium", min_samples = 20,
  output = "alerts", severity = "critical",
}
