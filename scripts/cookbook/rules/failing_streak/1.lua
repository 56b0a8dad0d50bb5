-- Detects: five failed payments of a customer in a row at one merchant.
local rule = require "tocsin.rule"

return rule.continuous {
  description = "A customer cannot pay",
  source = "pay", by = { "merchantId" }, field = "customerId", filter = "success == false",
  streak = 5, window = "1h", output = "alerts", severity = "info",
}
