-- Detects: turnover below 60 % of the same time last week.
local rule = require "tocsin.rule"

return rule.baseline {
  description = "Turnover is below last week's",
  source = "pay", filter = "success == true", field = "amount", statistic = "sum",
  baseline = "same time last week", band = { lower = "60%", side = "left" },
  window = "1h", min_history = "7d", min_samples = 5, output = "finance",
}
