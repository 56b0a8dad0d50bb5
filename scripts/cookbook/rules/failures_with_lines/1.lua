-- Detects: a gateway that fails; the alert has the last three log lines, to see why at a glance.
local rule = require "tocsin.rule"

return rule.group {
  description = "Payments over a gateway fail",
  source = "pay", filter = "success == false", by = { "gateway" },
  window = "1m", threshold = ">= 10", output = "alerts", severity = "critical",
  samples = 3,
  message = "{gateway}: {count} payments failed within {window}, the last of them below",
}
