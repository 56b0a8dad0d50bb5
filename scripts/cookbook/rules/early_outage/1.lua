-- Detects: many failures within ten minutes, told at the hundredth, not at the end of the window.
local rule = require "tocsin.rule"

return rule.count {
  description = "Payments fail, told at once",
  source = "pay", filter = "success == false",
  window = "10m", every = "10m", threshold = ">= 100", early = true,
  output = "alerts", severity = "critical",
}
