-- Detects: refunds beyond the usual, while somebody is there to look; not on a public holiday.
local rule = require "tocsin.rule"

return rule.count {
  description = "Many refunds",
  source = "pay", filter = "amount < 0",
  window = "5m", threshold = ">= 10", output = "alerts", severity = "info",
  valid_time = {
    ranges = { { days = "mon-fri", from = "09:00", to = "18:00" } },
    zone = "Asia/Shanghai", except = { "2026-01-06" },
  },
}
