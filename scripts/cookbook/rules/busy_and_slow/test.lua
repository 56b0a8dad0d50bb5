local t = require "tocsin.test"

local function failures(gateway, n, cost_time)
  t.inject("pay", t.times(n, { gateway = gateway, cost_time = cost_time, success = false }))
end

t.case("many and slow fires, many or slow does not", function()
  failures("bank-a", 10, 9000)
  failures("bank-b", 50, 200)
  failures("bank-c", 9, 9000)
  t.advance "30s"
  t.expect_alert { state = "firing", dimension = { gateway = "bank-a" } }
  t.expect_none()
end)
