-- Detects: a merchant turned over more than its limit of the calendar's day, in the site's zone.
local rule = require "tocsin.rule"

return rule.group {
  description = "Turnover of the day beyond the limit",
  source = "pay", filter = "success == true", by = { "merchantId" },
  statistic = "sum", field = "amount",
  window = "1d", threshold = "> 100000", output = "finance",
  no_data = "ok",              -- at midnight nothing is paid yet: that is not "as it was"
}
