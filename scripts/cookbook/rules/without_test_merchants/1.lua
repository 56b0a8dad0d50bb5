-- Detects: failures by app, without the merchants that only test.
local rule = require "tocsin.rule"

return rule.group {
  description = "Failed payments by app",
  source = "pay", filter = "success == false", by = { "app", "merchantId" },
  exclude = { merchantId = { "test", "demo" } },
  window = "1m", threshold = ">= 20", output = "alerts",
}
