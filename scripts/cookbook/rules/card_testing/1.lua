-- Detects: somebody tries stolen cards: many tiny payments of one customer.
local rule = require "tocsin.rule"

return rule.continuous {
  description = "Many tiny payments of one customer",
  source = "pay", filter = "amount < 1", field = "customerId",
  window = "5m", threshold = "> 10", output = "alerts", severity = "critical",
}
