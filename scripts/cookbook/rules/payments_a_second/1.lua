-- Detects: a merchant that sends more than 20 payments a second on the mean of a minute.
local rule = require "tocsin.rule"

return rule.group {
  description = "A merchant sends very much",
  source = "pay", by = { "merchantId" }, statistic = "rate",
  window = "1m", threshold = "> 20", output = "alerts", keys_max = 10000,
}
